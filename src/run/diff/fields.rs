//! Which fields two sides have in common, and in which form their values are compared.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::catalogue::{Entity, Field, Kind, ReferenceBy};
use crate::connector::differences;
use crate::connector::fields::Fields;
use crate::domain::reference::{NIL_GUID, guid_bits};
use crate::domain::text::upper;
use crate::domain::{EntityKind, FieldChange};

/// The codes of a target's tables, by table and by id.
pub(super) type Codes = HashMap<&'static str, HashMap<u128, String>>;

/// Tables with a row for each customer or document: other fields name those.
const LARGE_TABLES: [&str; 5] =
    ["customers", "salesInvoices", "accounts", "customerPaymentJournals", "currencies"];

/// What the server gives every record, and says nothing of what the record is.
const NOT_COMPARED: [&str; 4] = ["id", "lineNumber", "journalId", "journalDisplayName"];

/// What one side can hold.
#[derive(Debug)]
pub(super) struct Holds {
    /// The catalogue's table of its records.
    pub(super) entity: &'static Entity,
    /// The fields it fills.
    pub(super) names: BTreeSet<&'static str>,
    /// Fields that it fills and that its dialect does not know.
    pub(super) beyond: Vec<&'static str>,
    /// Whether it says what customers owe.
    pub(super) has_balances: bool,
}

impl Holds {
    /// What a target of this dialect shows of its records.
    pub(super) fn of_target(entity: &'static Entity, has_balances: bool) -> Self {
        let shown = entity.fields.iter().filter(|field| field.is_listed && field.kind != Kind::DateTime);
        Self { entity, names: shown.map(|field| field.name).collect(), beyond: Vec::new(), has_balances }
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        self.entity.field(name).filter(|field| self.names.contains(field.name))
    }
}

/// One field that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Compared {
    /// The neutral name.
    name: &'static str,
    /// The name in what is compared: an id is compared as the code of what it refers to.
    shown: &'static str,
    /// The table that an id refers to.
    set: Option<&'static str>,
}

/// What is compared.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) kind: EntityKind,
    entities: [&'static Entity; 2],
    compared: Vec<Compared>,
    /// Fields that only one of the sides can hold.
    pub(super) only: [Vec<&'static str>; 2],
    /// Whether what customers owe is compared.
    pub(super) has_balances: bool,
}

impl Comparison {
    /// What these two have in common.
    pub(super) fn new(kind: EntityKind, sides: &[Holds; 2]) -> Self {
        let [a, b] = sides;
        let both = |name: &str| a.field(name).zip(b.field(name));
        let is_named_otherwise = |field: &Field| {
            let stem = field.name.strip_suffix("Id").unwrap_or_default();
            is_id(field) && ["Code", "Number"].iter().any(|other| both(&format!("{stem}{other}")).is_some())
        };
        let mut compared = Vec::new();
        for name in a.entity.fields.iter().map(|field| field.name) {
            let Some((one, other)) = both(name) else { continue };
            let is_given = one.is_in_files() || other.is_in_files();
            if NOT_COMPARED.contains(&name)
                || !is_given
                || is_named_otherwise(one)
                || is_named_otherwise(other)
            {
                continue;
            }
            if is_id(one) || is_id(other) {
                let set = table_of(one).filter(|set| table_of(other) == Some(*set));
                let shown = name.strip_suffix("Id").unwrap_or(name);
                compared.extend(set.map(|set| Compared { name, shown, set: Some(set) }));
            } else {
                compared.push(Compared { name, shown: name, set: None });
            }
        }
        Self {
            kind,
            entities: [a.entity, b.entity],
            compared,
            only: [only_in(a, b), only_in(b, a)],
            has_balances: kind == EntityKind::Customers && a.has_balances && b.has_balances,
        }
    }

    /// Stops comparing the ids that refer to this table: a side does not show it.
    pub(super) fn leave_out(&mut self, set: &str) {
        self.compared.retain(|compared| compared.set != Some(set));
    }

    /// The tables that compared ids refer to.
    pub(super) fn sets(&self) -> BTreeSet<&'static str> {
        self.compared.iter().filter_map(|compared| compared.set).collect()
    }

    /// The compared fields, as they are shown.
    pub(super) fn shown(&self) -> Vec<&'static str> {
        let balance = Some("balance").filter(|_| self.has_balances);
        self.compared.iter().map(|compared| compared.shown).chain(balance).collect()
    }

    /// The compared fields, by their neutral names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.compared.iter().map(|compared| compared.name)
    }

    /// Whether this field is compared.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|compared| compared == name)
    }

    /// What values the compared field with this name takes.
    pub(super) fn kind_of(&self, name: &str) -> Option<Kind> {
        self.entities[0].field(name).map(|field| field.kind)
    }

    /// The compared fields of a record, as a JSON object: ids as the codes of what they refer to, and what is paid in
    /// the local currency with that one's code.
    pub(super) fn body(&self, record: &Fields<'_>, codes: &Codes, local_currency: &str) -> String {
        let mut body = String::from("{");
        for compared in &self.compared {
            let raw = record.raw(compared.name).unwrap_or("null");
            let value = match compared.set {
                Some(set) => quoted(&code_of(&record.text(compared.name), codes.get(set))),
                None if compared.name == "currencyCode" => {
                    let code = record.text(compared.name);
                    quoted(if code.trim().is_empty() { local_currency } else { &code })
                }
                None => raw.to_owned(),
            };
            if body.len() > 1 {
                body.push(',');
            }
            body.extend([&quoted(compared.shown), ":", &value]);
        }
        body.push('}');
        body
    }

    /// The fields in which two bodies differ, in the eyes of both systems: `from` is the second's value, `to` the
    /// first's.
    pub(super) fn differences(&self, a: &str, b: &str) -> serde_json::Result<Vec<FieldChange>> {
        let [one, other] = self.entities;
        let mut changes = differences(one, a, b)?;
        if !changes.is_empty() && !std::ptr::eq(one, other) {
            let seen = differences(other, a, b)?;
            changes.retain(|change| seen.iter().any(|also| also.field == change.field));
        }
        Ok(changes)
    }
}

/// Whether the field holds a number that only its own system knows.
fn is_id(field: &Field) -> bool {
    field.kind == Kind::Guid || field.name.ends_with("Id")
}

/// The table whose codes stand for the ids of this field.
fn table_of(field: &Field) -> Option<&'static str> {
    let by_id = field.reference.filter(|reference| reference.by == ReferenceBy::Id);
    by_id.map(|reference| reference.set).filter(|set| !LARGE_TABLES.contains(set))
}

/// The fields that `here` fills and `there` cannot hold; ids apart, which say nothing elsewhere.
fn only_in(here: &Holds, there: &Holds) -> Vec<&'static str> {
    let mine = here.entity.fields.iter().filter(|field| here.names.contains(field.name));
    let mine = mine.filter(|field| field.is_in_files() && !NOT_COMPARED.contains(&field.name));
    let mine = mine.filter(|field| !is_id(field) || table_of(field).is_some());
    let mine = mine.map(|field| field.name).filter(|name| !there.names.contains(name));
    let balance = Some("balance").filter(|_| here.has_balances && !there.has_balances);
    mine.chain(here.beyond.iter().copied().filter(|name| !there.names.contains(name)))
        .chain(balance)
        .collect()
}

/// The code that an id stands for; what is no id is a code already, and an id of no table stays.
fn code_of(text: &str, codes: Option<&HashMap<u128, String>>) -> String {
    let text = text.trim();
    if text == NIL_GUID {
        return String::new();
    }
    let known = guid_bits(text).and_then(|id| codes?.get(&id));
    known.map_or_else(|| upper(text), |code| Cow::Borrowed(code.as_str())).into_owned()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};

    fn names(comparison: &Comparison) -> Vec<&'static str> {
        comparison.shown()
    }

    #[test]
    fn ids_are_compared_as_codes_or_not_at_all() {
        let target = || Holds::of_target(&CUSTOMERS, true);
        let customers = Comparison::new(EntityKind::Customers, &[target(), target()]);
        let names_of_customers = names(&customers);
        for name in ["number", "paymentTerms", "taxArea", "currencyCode", "balance"] {
            assert!(names_of_customers.contains(&name), "{name}: {names_of_customers:?}");
        }
        for name in ["id", "currencyId", "paymentTermsId", "balanceDue", "lastModifiedDateTime"] {
            assert!(!names_of_customers.contains(&name), "{name}: {names_of_customers:?}");
        }
        let payments = || Holds::of_target(&CUSTOMER_PAYMENTS, false);
        let payments = Comparison::new(EntityKind::Payments, &[payments(), payments()]);
        for name in ["customerId", "customer", "appliesToInvoiceId", "lineNumber", "journalId"] {
            assert!(!names(&payments).contains(&name), "{name}");
        }
        assert!(payments.has("customerNumber") && payments.has("appliesToInvoiceNumber"));
    }

    #[test]
    fn an_id_of_each_side_is_the_same_when_its_code_is() {
        let target = || Holds::of_target(&CUSTOMERS, false);
        let comparison = Comparison::new(EntityKind::Customers, &[target(), target()]);
        let codes = |id: &str, code: &str| -> Codes {
            [("paymentTerms", HashMap::from([(guid_bits(id).unwrap(), code.to_owned())]))].into()
        };
        let (one, two) = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222");
        let body = |id: &str, codes: &Codes| {
            let record = format!(r#"{{"number":"1","paymentTermsId":"{id}","currencyCode":""}}"#);
            comparison.body(&Fields::parse(&record).unwrap(), codes, "USD")
        };
        let (a, b) = (body(one, &codes(one, "0")), body(two, &codes(two, "0")));
        assert!(comparison.differences(&a, &b).unwrap().is_empty(), "{a} {b}");
        let differ = comparison.differences(&a, &body(NIL_GUID, &Codes::new())).unwrap();
        assert_eq!(differ[0].field, "paymentTerms");
        assert_eq!((differ[0].to.as_str(), differ[0].from.as_str()), ("0", ""));
    }

    #[test]
    fn what_only_one_side_holds_is_named_once() {
        let file = Holds {
            names: ["number", "displayName", "city"].into(),
            beyond: vec!["note"],
            ..Holds::of_target(&CUSTOMERS, false)
        };
        let comparison = Comparison::new(EntityKind::Customers, &[file, Holds::of_target(&CUSTOMERS, true)]);
        assert_eq!(names(&comparison), ["number", "displayName", "city"]);
        assert_eq!(comparison.only[0], ["note"]);
        assert!(comparison.only[1].contains(&"email") && comparison.only[1].contains(&"balance"));
        assert!(!comparison.only[1].contains(&"id"));
    }
}
