//! Lists: pages, sorting, searching, and filters in a JSON text.
//!
//! In: a request and what a list can be filtered by. Out: the ids of one page and how many there are. Promises:
//! rows come in the order they were made unless a column is named, because the column they are sorted by otherwise
//! is always empty; text is compared without case, accents and trailing blanks.

use std::cmp::Ordering;

use rusqlite::types::Value as Sql;
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::desk::{Desk, Row};
use super::figures::thousandths;
use super::refusal::Refusal;

/// Source: the page size without `page_size`.
const PAGE_SIZE: i64 = 12;

/// What a list can be filtered and sorted by.
#[derive(Debug)]
pub(super) struct List {
    /// `SELECT` of the id and the columns of all fields.
    pub(super) rows: &'static str,
    /// Fields by their names in filters.
    pub(super) fields: &'static [Field],
    /// The name of the list in its answer.
    pub(super) name: &'static str,
    /// Whether page numbers are checked, and told as numbers.
    pub(super) checks_pages: bool,
}

/// One field of a list.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) column: &'static str,
    pub(super) kind: FieldKind,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Amount,
    Whole,
    Day,
}

/// A text field whose column has its name.
pub(super) const fn text(name: &'static str) -> Field {
    Field { name, column: name, kind: FieldKind::Text }
}

/// A field whose column has its name.
pub(super) const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, column: name, kind }
}

/// One condition of a filter.
struct Role<'a> {
    field: &'a Field,
    comparator: String,
    value: Value,
    is_or: bool,
}

/// The answer to a request for `list`, each row shown by `show`.
pub(super) fn answer(
    desk: &Desk<'_>,
    ask: &Ask,
    list: &List,
    show: impl Fn(i64) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let (page, size) = page(ask, list)?;
    let roles = roles(ask, list)?;
    let sort = sort_column(ask, list)?;
    let mut rows = desk.rows(list.rows, i64::from(ask.parameter("inactiveMode") != Some("true")))?;
    rows.retain(|row| passes(row, &roles) && is_found(row, ask, list));
    let order = ask.parameter("sortOrder").unwrap_or("desc").to_lowercase();
    if let Some(field) = sort {
        rows.sort_by(|one, other| in_order(one.cell(field.column), other.cell(field.column)));
        if order == "desc" {
            rows.reverse();
        }
    }
    let first = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let size_count = usize::try_from(size).unwrap_or(0);
    let shown = rows.iter().skip(first).take(size_count).map(|row| show(row.int("id")));
    let shown: Vec<Value> = shown.collect::<Result<_, _>>()?;
    let told_size = match ask.parameter("pageSize") {
        Some(text) if !list.checks_pages => Value::from(text),
        _ => Value::from(size),
    };
    let mut meta = Map::new();
    meta.insert("order".to_owned(), order.into());
    if let Some(word) = ask.parameter("searchKeyword") {
        meta.insert("search_keyword".to_owned(), word.into());
    }
    meta.insert("field_key".to_owned(), sort.map_or("created_at", |field| field.name).into());
    let mut body = Map::new();
    body.insert(list.name.to_owned(), shown.into());
    let pagination = json!({ "total": rows.len(), "page": page, "page_size": told_size });
    body.insert("pagination".to_owned(), pagination);
    body.insert("filter_meta".to_owned(), meta.into());
    Ok(Value::Object(body))
}

/// Page and page size; page zero and below fail in the database.
fn page(ask: &Ask, list: &List) -> Result<(i64, i64), Refusal> {
    let target: Map<String, Value> =
        ask.query.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let number = |name: &str, otherwise: i64| match ask.parameter(name) {
        None => Ok(otherwise),
        Some(text) => text.trim().parse().map_err(|_| {
            let mut constraints = Map::new();
            constraints.insert("isInt".to_owned(), format!("{name} must be an integer number").into());
            super::check::complaint(&target, name, constraints)
        }),
    };
    let refuse =
        |problem| if list.checks_pages { Refusal::validation(&[problem]) } else { Refusal::server() };
    let page = number("page", 1).map_err(refuse)?;
    let size = number("pageSize", PAGE_SIZE).map_err(refuse)?;
    if page < 1 || size < 0 { Err(Refusal::server()) } else { Ok((page, size)) }
}

fn sort_column<'a>(ask: &Ask, list: &'a List) -> Result<Option<&'a Field>, Refusal> {
    match ask.parameter("columnSortBy") {
        None | Some("" | "created_at") => Ok(None),
        Some(name) => {
            let field = list.fields.iter().find(|field| field.name == name);
            field.map(Some).ok_or_else(|| Refusal::domain("sort_column_not_found"))
        }
    }
}

/// The conditions of `stringified_filter_roles`; text that is no JSON fails where nobody catches it.
fn roles<'a>(ask: &Ask, list: &'a List) -> Result<Vec<Role<'a>>, Refusal> {
    let Some(text) = ask.parameter("stringifiedFilterRoles").filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    let parsed: Value = serde_json::from_str(text).map_err(|_| Refusal::server())?;
    let invalid = || Refusal::domain("stringified_filter_roles_invalid");
    let mut roles = Vec::new();
    for role in parsed.as_array().ok_or_else(invalid)? {
        let word = |name: &str| role.get(name).and_then(Value::as_str).unwrap_or_default();
        let key = if word("fieldKey").is_empty() { word("field_key") } else { word("fieldKey") };
        let field = list.fields.iter().find(|field| field.name == key);
        roles.push(Role {
            field: field.ok_or_else(|| Refusal::domain("filter_roles_fields_not_found"))?,
            comparator: word("comparator").to_owned(),
            value: role.get("value").cloned().unwrap_or_default(),
            is_or: word("condition").eq_ignore_ascii_case("or"),
        });
    }
    Ok(roles)
}

fn passes(row: &Row, roles: &[Role<'_>]) -> bool {
    roles.iter().enumerate().fold(true, |so_far, (place, role)| {
        let now = role.holds(row.cell(role.field.column));
        match place {
            0 => now,
            _ if role.is_or => so_far || now,
            _ => so_far && now,
        }
    })
}

impl Role<'_> {
    fn holds(&self, cell: &Sql) -> bool {
        match self.field.kind {
            FieldKind::Text => self.holds_text(cell),
            FieldKind::Amount | FieldKind::Whole => self.holds_number(cell),
            FieldKind::Day => self.holds_day(cell),
        }
    }

    fn wanted_text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }

    fn holds_text(&self, cell: &Sql) -> bool {
        let Sql::Text(text) = cell else { return false };
        let (text, wanted) = (fold(text), fold(&self.wanted_text()));
        match self.comparator.as_str() {
            "not_equals" | "not_equal" | "is_not" => text != wanted,
            "contains" | "contain" => text.contains(&wanted),
            "starts_with" | "start_with" => text.starts_with(&wanted),
            "ends_with" | "end_with" => text.ends_with(&wanted),
            // `not_contains` is not known and compares for equality.
            _ => text == wanted,
        }
    }

    fn holds_number(&self, cell: &Sql) -> bool {
        let Sql::Integer(stored) = cell else { return false };
        let value = match &self.value {
            Value::String(text) => super::figures::number_in(text).unwrap_or_default(),
            value => value.clone(),
        };
        let wanted = match self.field.kind {
            FieldKind::Amount => thousandths(&value).ok(),
            _ => value.as_i64(),
        };
        let Some(wanted) = wanted else { return false };
        match self.comparator.as_str() {
            "not_equals" => *stored != wanted,
            "bigger_than" | "bigger" => *stored > wanted,
            "bigger_or_equals" => *stored >= wanted,
            "smaller_than" | "smaller" => *stored < wanted,
            "smaller_or_equals" => *stored <= wanted,
            _ => *stored == wanted,
        }
    }

    fn holds_day(&self, cell: &Sql) -> bool {
        let Sql::Text(day) = cell else { return false };
        let wanted = self.wanted_text();
        match self.comparator.as_str() {
            "after" => *day > wanted,
            "before" => *day < wanted,
            // `in` puts the month where minutes belong, and matches nothing.
            _ => false,
        }
    }
}

/// Whether the search word is in any of the texts; a word also finds amounts of zero, because it reads as zero.
fn is_found(row: &Row, ask: &Ask, list: &List) -> bool {
    let Some(word) = ask.parameter("searchKeyword").filter(|word| !word.is_empty()) else { return true };
    let wanted = fold(word);
    list.fields.iter().any(|field| match (field.kind, row.cell(field.column)) {
        (FieldKind::Text, Sql::Text(text)) => fold(text).contains(&wanted),
        (FieldKind::Amount, Sql::Integer(amount)) => !list.checks_pages && *amount == 0,
        _ => false,
    })
}

fn in_order(one: &Sql, other: &Sql) -> Ordering {
    match (one, other) {
        (Sql::Text(one), Sql::Text(other)) => fold(one).cmp(&fold(other)),
        (Sql::Integer(one), Sql::Integer(other)) => one.cmp(other),
        (Sql::Null, Sql::Null) => Ordering::Equal,
        (Sql::Null, _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

/// Letters that the database takes for others, in pairs of the letter it takes them for and all of them.
const ALIKE: &[(char, &str)] = &[
    ('a', "àáâãäåāăą"),
    ('c', "çćĉċč"),
    ('d', "ďđ"),
    ('e', "èéêëēĕėęě"),
    ('g', "ĝğġģ"),
    ('i', "ìíîïĩīĭį"),
    ('k', "ķ"),
    ('l', "ĺļľ"),
    ('n', "ñńņň"),
    ('o', "òóôõöōŏő"),
    ('r', "ŕŗř"),
    ('s', "śŝşšß"),
    ('t', "ţť"),
    ('u', "ùúûüũūŭůűų"),
    ('y', "ýÿ"),
    ('z', "źżž"),
];

/// Text as the database compares it: `utf8_general_ci`.
pub(super) fn fold(text: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii() {
            return letter;
        }
        ALIKE.iter().find(|(_, alike)| alike.contains(letter)).map_or(letter, |(plain, _)| *plain)
    };
    text.trim_end_matches(' ').chars().flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compared_without_case_accents_and_trailing_blanks() {
        assert_eq!(fold("Müller & SÖHNE  "), fold("muller & sohne"));
        assert_ne!(fold(" muller"), fold("muller"));
    }
}
