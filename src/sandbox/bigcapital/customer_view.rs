//! A customer as answers show it.
//!
//! Promises: the recorded properties in `snake_case` are always there. Without `--strict` a record read alone or
//! in a list has the camelCase properties of the published description as well; where both spell a name alike
//! (`active`, `note`), the recorded form counts.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ask::camel;
use super::desk::{Desk, Row};
use super::figures::{formatted, formatted_day, instant, json, json_decimal, json_times, moment};

/// Texts that are stored as they come, with their columns.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("salutation", "salutation"),
    ("email", "email"),
    ("website", "website"),
    ("note", "note"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("companyName", "company_name"),
    ("workPhone", "work_phone"),
    ("personalPhone", "personal_phone"),
    ("billingAddress1", "billing_address1"),
    ("billingAddress2", "billing_address2"),
    ("billingAddressCity", "billing_address_city"),
    ("billingAddressCountry", "billing_address_country"),
    ("billingAddressEmail", "billing_address_email"),
    ("billingAddressPhone", "billing_address_phone"),
    ("billingAddressState", "billing_address_state"),
    ("shippingAddress1", "shipping_address1"),
    ("shippingAddress2", "shipping_address2"),
    ("shippingAddressCity", "shipping_address_city"),
    ("shippingAddressCountry", "shipping_address_country"),
    ("shippingAddressEmail", "shipping_address_email"),
    ("shippingAddressPhone", "shipping_address_phone"),
    ("shippingAddressState", "shipping_address_state"),
];

/// What the published description names in camelCase.
const DESCRIBED: &[&str] = &[
    "currency_code",
    "opening_balance",
    "opening_balance_at",
    "opening_balance_exchange_rate",
    "opening_balance_branch_id",
    "first_name",
    "last_name",
    "company_name",
    "display_name",
    "work_phone",
    "personal_phone",
    "billing_address1",
    "billing_address2",
    "billing_address_city",
    "billing_address_country",
    "billing_address_email",
    "billing_address_postcode",
    "billing_address_phone",
    "billing_address_state",
    "shipping_address1",
    "shipping_address2",
    "shipping_address_city",
    "shipping_address_country",
    "shipping_address_email",
    "shipping_address_postcode",
    "shipping_address_phone",
    "shipping_address_state",
    "local_opening_balance",
    "closing_balance",
];

/// As in the answer to a write, and inside other records.
pub(super) fn base(desk: &Desk<'_>, contact: &Row) -> Value {
    let rate = contact.rate("opening_balance_exchange_rate");
    let opening = contact.int("opening_balance");
    let opened = contact.maybe_text("opening_balance_at");
    let mut view = Map::new();
    view.insert("id".to_owned(), contact.int("id").into());
    view.insert("balance".to_owned(), json(contact.int("balance")));
    for (_, column) in TEXTS {
        view.insert((*column).to_owned(), contact.json_text(column));
    }
    let rest = json!({
        "active": contact.int("active"),
        "display_name": contact.text("display_name"),
        "contact_service": "customer",
        "contact_type": contact.text("contact_type"),
        "currency_code": contact.text("currency_code"),
        "opening_balance": json(opening),
        "opening_balance_at": opened.map_or(Value::Null, |day| instant(day, desk.offset)),
        "opening_balance_exchange_rate": json_decimal(rate),
        "opening_balance_branch_id": contact.json_int("opening_balance_branch_id"),
        "billing_address_postcode": null,
        "shipping_address_postcode": null,
        "created_at": null,
        "updated_at": null,
        "local_opening_balance": json_times(opening, rate),
        "closing_balance": json(contact.int("balance")),
        "contact_normal": "debit",
    });
    if let Value::Object(rest) = rest {
        view.extend(rest);
    }
    Value::Object(view)
}

/// As read alone or in a list.
pub(super) fn full(desk: &Desk<'_>, contact: &Row) -> Value {
    let mut view = base(desk, contact);
    let kind = contact.text("contact_type");
    let label = match kind {
        "business" => "Business",
        "individual" => "Individual",
        _ => "",
    };
    view["formatted_balance"] = formatted(contact.int("balance")).into();
    view["formatted_opening_balance"] = formatted(contact.int("opening_balance")).into();
    view["formatted_opening_balance_at"] = formatted_day(contact.maybe_text("opening_balance_at")).into();
    view["customer_type"] = kind.into();
    view["formatted_customer_type"] = label.into();
    if !desk.strict {
        for name in DESCRIBED {
            view[camel(name)] = view[*name].clone();
        }
        for (name, column) in [("createdAt", "made"), ("updatedAt", "changed")] {
            view[name] = Timestamp::from_millisecond(contact.int(column)).map_or(Value::Null, moment);
        }
    }
    view
}
