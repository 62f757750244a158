//! Whether an answer has the shape and the values of a recorded one.

use serde_json::Value;

/// Properties whose values depend on the day, the machine or chance; their types still count.
const VARYING: &[&str] = &[
    "access_token",
    "built_at",
    "created_at",
    "delivered_at",
    "deliveredAt",
    "formatted_published_at",
    "initialized_at",
    "key",
    "organization_id",
    "overdue_days",
    "overdueDays",
    "published_at",
    "seeded_at",
    "starts_at",
    "token",
];

/// How strictly two bodies are compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leniency {
    /// More properties may be there than were recorded.
    pub(super) extra: bool,
    /// Values do not count, only types.
    pub(super) values: bool,
}

/// Every difference between what was recorded and what is answered, by its place.
pub(super) fn differences(recorded: &Value, answered: &Value, leniency: Leniency) -> Vec<String> {
    let mut found = Vec::new();
    compare(recorded, answered, ("$", leniency), &mut found);
    found
}

fn compare(recorded: &Value, answered: &Value, (place, leniency): (&str, Leniency), found: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(recorded), Value::Object(answered)) => {
            for (name, value) in recorded {
                let place = format!("{place}.{name}");
                match answered.get(name) {
                    None => found.push(format!("{place} is missing")),
                    Some(answer) if VARYING.contains(&name.as_str()) => {
                        compare(value, answer, (&place, Leniency { values: true, ..leniency }), found);
                    }
                    Some(answer) => compare(value, answer, (&place, leniency), found),
                }
            }
            let extra = answered.keys().filter(|name| !leniency.extra && !recorded.contains_key(*name));
            found.extend(extra.map(|name| format!("{place}.{name} was not recorded")));
        }
        (Value::Array(recorded), Value::Array(answered)) => {
            if recorded.len() != answered.len() {
                found.push(format!("{place}: {} elements instead of {}", answered.len(), recorded.len()));
            }
            let (recorded, answered) = (in_order(recorded), in_order(answered));
            for (number, (recorded, answered)) in recorded.iter().zip(&answered).enumerate() {
                compare(recorded, answered, (&format!("{place}[{number}]"), leniency), found);
            }
        }
        _ => {
            let is_same =
                if leniency.values { kind(recorded) == kind(answered) } else { same(recorded, answered) };
            if !is_same {
                found.push(format!("{place}: {answered} instead of {recorded}"));
            }
        }
    }
}

/// Complaints come in no order that a client could rely on.
fn in_order(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    if values.iter().all(|value| value.get("constraints").is_some()) {
        values.sort_by_key(|value| value["property"].to_string());
    }
    values
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "flag",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
