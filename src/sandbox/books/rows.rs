//! Rows of the books as records of the API.
//!
//! In: a query and the pins its path puts on columns. Out: records in the entity's default order. Promises: every
//! record the query's filter lets pass is given; some others may be, because only the part of a filter that SQL
//! decides exactly as the filter does is handed to SQL.

use std::fmt::Write;
use std::ops::ControlFlow;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Row, params_from_iter};
use rust_decimal::Decimal;

use super::Turn;
use crate::domain::money::Money;
use crate::sandbox::odata::{
    Comparison, EntityType, Field, Filter, Guid, Kind, ODataError, Place, Query, Record, Value,
};

/// How many keys are looked up in one statement.
const KEYS_AT_ONCE: usize = 500;

/// Columns that must hold a value, by the path of a request rather than by its filter.
pub(in crate::sandbox) type Pins = Vec<(&'static str, Value)>;

/// Hands each record of `query`'s entity to `visit`, in the entity's default order, until it breaks.
///
/// Properties that neither the query nor `needed` uses are null, because some cost a sum over the ledger. When
/// nothing is sorted or counted, the records start where the query's `$skiptoken` ended.
pub(in crate::sandbox) fn records(
    turn: &Turn<'_>,
    query: &Query,
    (pins, needed): (&Pins, &[usize]),
    mut visit: impl FnMut(Record) -> Result<ControlFlow<()>, ODataError>,
) -> Result<(), ODataError> {
    let entity = query.entity;
    let order = entity.default_order();
    let mut sql =
        select(entity, |index| order.contains(&index) || needed.contains(&index) || query.uses(index));
    let mut values = Vec::new();
    condition(&mut sql, &mut values, pins, query);
    if let Some(cursor) = query.skip_token.as_ref().filter(|_| query.order_by.is_empty() && !query.count) {
        let columns: Vec<_> = order.iter().map(|&index| quoted(entity, index)).collect();
        let _ = write!(sql, " AND ({}) > ({})", columns.join(", "), vec!["?"; columns.len()].join(", "));
        values.extend(cursor.values().iter().map(parameter));
    }
    let pinned = |index: usize| pins.iter().any(|(name, _)| *name == entity.properties[index].name);
    // Lines of one journal have one journal's name.
    let is_journal = pins.iter().any(|(name, _)| *name == "journalId");
    let constant =
        |index: usize| pinned(index) || (is_journal && entity.properties[index].name == "journalDisplayName");
    let names: Vec<_> =
        order.iter().filter(|&&index| !constant(index)).map(|&index| quoted(entity, index)).collect();
    if !names.is_empty() {
        let _ = write!(sql, " ORDER BY {}", names.join(", "));
    }
    let mut statement = turn.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        if visit(record(entity, row)?)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The first record of `entity` that fits `pins`, complete.
pub(in crate::sandbox) fn find(
    turn: &Turn<'_>,
    entity: &'static EntityType,
    pins: &Pins,
) -> Result<Option<Record>, ODataError> {
    let mut sql = select(entity, |_| true);
    let mut values = Vec::new();
    pin(&mut sql, &mut values, pins);
    sql.push_str(" LIMIT 1");
    let mut statement = turn.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    match rows.next()? {
        Some(row) => Ok(Some(record(entity, row)?)),
        None => Ok(None),
    }
}

/// The records of `entity` whose `column` holds one of `keys`, complete, in any order.
pub(in crate::sandbox) fn matching(
    turn: &Turn<'_>,
    entity: &'static EntityType,
    column: &str,
    keys: &[Value],
) -> Result<Vec<Record>, ODataError> {
    let mut found = Vec::new();
    for keys in keys.chunks(KEYS_AT_ONCE) {
        let mut sql = select(entity, |_| true);
        let _ = write!(sql, " AND \"{column}\" IN ({})", vec!["?"; keys.len()].join(", "));
        let mut statement = turn.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(keys.iter().map(parameter)))?;
        while let Some(row) = rows.next()? {
            found.push(record(entity, row)?);
        }
    }
    Ok(found)
}

fn select(entity: &EntityType, is_wanted: impl Fn(usize) -> bool) -> String {
    let mut sql = "SELECT ".to_owned();
    for index in 0..entity.properties.len() {
        sql.push_str(&if is_wanted(index) { quoted(entity, index) } else { "NULL".to_owned() });
        sql.push_str(", ");
    }
    let _ = write!(sql, "version FROM {} WHERE TRUE", entity.table());
    sql
}

fn quoted(entity: &EntityType, index: usize) -> String {
    format!("\"{}\"", entity.properties[index].name)
}

fn pin(sql: &mut String, values: &mut Vec<Sql>, pins: &Pins) {
    for (name, value) in pins {
        let _ = write!(sql, " AND \"{name}\" = ?");
        values.push(parameter(value));
    }
}

fn condition(sql: &mut String, values: &mut Vec<Sql>, pins: &Pins, query: &Query) {
    pin(sql, values, pins);
    let mut parameters = Vec::new();
    if let Some(filter) = &query.filter
        && let Some(text) = translate(filter, query.entity, &mut parameters)
    {
        let _ = write!(sql, " AND {text}");
        values.append(&mut parameters);
    }
}

/// `filter` as SQL, or a part of it that lets at least as much pass; nothing when there is no such part.
fn translate(filter: &Filter, entity: &EntityType, values: &mut Vec<Sql>) -> Option<String> {
    match filter {
        Filter::And(parts) => {
            let parts: Vec<_> = parts.iter().filter_map(|part| translate(part, entity, values)).collect();
            (!parts.is_empty()).then(|| format!("({})", parts.join(" AND ")))
        }
        Filter::Or(parts) => {
            let before = values.len();
            let parts: Option<Vec<_>> = parts.iter().map(|part| translate(part, entity, values)).collect();
            if parts.is_none() {
                values.truncate(before);
            }
            parts.map(|parts| format!("({})", parts.join(" OR ")))
        }
        Filter::Compare(field, comparison, value) => {
            let column = exact_column(*field, entity)?;
            values.push(parameter(value));
            Some(format!("{column} {} ?", operator(*comparison)))
        }
        Filter::In(field, members) => {
            let column = exact_column(*field, entity)?;
            values.extend(members.iter().map(parameter));
            Some(format!("{column} IN ({})", vec!["?"; members.len()].join(", ")))
        }
        Filter::Search(field, Place::Start, sought) => {
            let column = exact_column(*field, entity)?;
            values.push(Sql::Text(sought.clone()));
            Some(format!("{column} >= ?"))
        }
        Filter::Search(..) | Filter::Not(_) => None,
    }
}

/// The column of a field that SQL compares exactly as the filter does.
fn exact_column(field: Field, entity: &EntityType) -> Option<String> {
    let is_exact = !field.folded && !matches!(entity.properties[field.index].kind, Kind::Decimal);
    is_exact.then(|| quoted(entity, field.index))
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}

/// `value` as the books hold it; decimals as text, so amounts are turned into cents first.
pub(in crate::sandbox) fn parameter(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Decimal(money) => Sql::Text(money.to_string()),
        Value::Integer(number) => Sql::Integer(*number),
        Value::Boolean(truth) => Sql::Integer((*truth).into()),
        Value::Guid(guid) => Sql::Blob(guid.0.to_vec()),
        Value::Date(date) => Sql::Text(date.to_string()),
        Value::DateTime(moment) => Sql::Integer(moment.as_millisecond()),
        Value::Enum(place) => Sql::Integer((*place).into()),
    }
}

/// A row of a SELECT made by [`select`].
fn record(entity: &'static EntityType, row: &Row<'_>) -> Result<Record, ODataError> {
    let mut values = Vec::with_capacity(entity.properties.len());
    for (index, property) in entity.properties.iter().enumerate() {
        let column = row.get_ref(index)?;
        values.push(value(property.kind, column).unwrap_or_else(|| property.empty()));
    }
    let version: i64 = row.get(entity.properties.len())?;
    Ok(Record::of(entity, values, etag(version)))
}

fn value(kind: Kind, column: ValueRef<'_>) -> Option<Value> {
    Some(match (kind, column) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Guid, ValueRef::Blob(bytes)) => Value::Guid(Guid(bytes.try_into().ok()?)),
        (Kind::Text | Kind::Code | Kind::List(_), ValueRef::Text(text)) => {
            Value::text(str::from_utf8(text).ok()?)
        }
        (Kind::Decimal, ValueRef::Integer(cents)) => Value::Decimal(Money::from(Decimal::new(cents, 2))),
        (Kind::Decimal, ValueRef::Text(text)) => Value::Decimal(str::from_utf8(text).ok()?.parse().ok()?),
        (Kind::Boolean, ValueRef::Integer(truth)) => Value::Boolean(truth != 0),
        (Kind::Date, ValueRef::Text(text)) => Value::Date(str::from_utf8(text).ok()?.parse::<Date>().ok()?),
        (Kind::DateTime, ValueRef::Integer(moment)) => {
            Value::DateTime(Timestamp::from_millisecond(moment).ok()?)
        }
        (Kind::Int32 | Kind::Int64, ValueRef::Integer(number)) => Value::Integer(number),
        (Kind::Enum(_) | Kind::Choice(_), ValueRef::Integer(place)) => Value::Enum(u8::try_from(place).ok()?),
        _ => return None,
    })
}

/// The `ETag` of a row at `version`.
pub(in crate::sandbox) fn etag(version: i64) -> String {
    format!("W/\"JzE5{version:016X}\"")
}
