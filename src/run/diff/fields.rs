//! Which fields two sides have in common, and in which form their values are compared.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::catalogue::{Entity, Field, Kind, ReferenceBy};
use crate::connector::fields::Fields;
use crate::domain::reference::{NIL_GUID, guid_bits};
use crate::domain::text::{fold_name, upper};
use crate::domain::{EntityKind, FieldChange, Money};

use super::eyes::Eyes;
use super::holds::Holds;

/// The codes of a target's tables, by table and by id.
pub(super) type Codes = HashMap<&'static str, HashMap<u128, String>>;

/// What a record says beyond its own fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning<'a> {
    /// The codes of the side's tables.
    pub(super) codes: &'a Codes,
    /// The codes of countries by their names, of whichever side has the table.
    pub(super) countries: &'a HashMap<String, String>,
    /// The currency of the side's company.
    pub(super) local_currency: &'a str,
}

/// Tables with a row for each customer or document, or whose codes stand beside their ids: other fields name those.
const LARGE_TABLES: [&str; 7] = [
    "customers",
    "salesInvoices",
    "accounts",
    "customerPaymentJournals",
    "currencies",
    "dimensions",
    "dimensionValues",
];

/// What the server gives every record, and says nothing of what the record is.
const NOT_COMPARED: [&str; 4] = ["id", "lineNumber", "journalId", "journalDisplayName"];

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
    eyes: Eyes,
    compared: Vec<Compared>,
    /// Fields that only one of the sides can hold.
    pub(super) only: [Vec<&'static str>; 2],
    /// Fields that both sides hold and one does not show in its lists.
    pub(super) unseen: Vec<&'static str>,
    /// Whether what customers owe is compared.
    pub(super) has_balances: bool,
    /// Whether payments are compared by the names of their customers, for want of numbers.
    pub(super) has_payer_names: bool,
    /// Whether of several e-mail addresses the first is compared: one of the sides holds no more.
    has_one_email: bool,
}

/// The name under which the customers of payments are compared where not both sides have numbers.
pub(super) const PAYER: &str = "customer";

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
                let shown = without_id(name);
                compared.extend(set.map(|set| Compared { name, shown, set: Some(set) }));
            } else {
                compared.push(Compared { name, shown: name, set: None });
            }
        }
        let is_numbered = compared.iter().any(|compared| compared.name == "customerNumber");
        let has_payer_names =
            kind == EntityKind::Payments && !is_numbered && a.has_payer_names && b.has_payer_names;
        let mut only = [only_in(a, b), only_in(b, a)];
        if has_payer_names {
            for only in &mut only {
                only.retain(|name| *name != "customerNumber");
            }
        }
        let unseen = |here: &Holds, there: &Holds| -> Vec<&'static str> {
            here.unlisted.iter().copied().filter(|name| there.names.contains(name)).collect()
        };
        Self {
            kind,
            eyes: Eyes::of(sides),
            compared,
            only,
            unseen: [unseen(a, b), unseen(b, a)].concat(),
            has_balances: a.has_balances && b.has_balances,
            has_payer_names,
            has_one_email: a.has_one_email || b.has_one_email,
        }
    }

    /// Stops comparing what is in the currency of each company: the two have different ones.
    pub(super) fn leave_out_local_amounts(&mut self) -> Vec<&'static str> {
        let is_local = |compared: &Compared| compared.name == "creditLimit";
        let mut left_out: Vec<_> = self
            .compared
            .extract_if(.., |compared| is_local(compared))
            .collect::<Vec<_>>()
            .iter()
            .map(|compared| compared.shown)
            .collect();
        if std::mem::take(&mut self.has_balances) {
            left_out.push("balance");
        }
        left_out
    }

    /// Whether this side's countries may be told by the names that people write, and the other's by code.
    pub(super) fn has_two_kinds_of_country(&self) -> bool {
        let refers = |entity: &Entity| entity.field("country").is_some_and(|field| field.reference.is_some());
        self.has("country") && self.eyes.entities.iter().any(|entity| refers(entity))
    }

    /// Whether a record has several e-mail addresses of which one is compared.
    pub(super) fn is_cut(&self, record: &Fields<'_>) -> bool {
        let is_list =
            |compared: &Compared| self.takes_first(compared) && record.text(compared.name).contains(';');
        self.has_one_email && self.compared.iter().any(is_list)
    }

    fn takes_first(&self, compared: &Compared) -> bool {
        self.has_one_email && self.kind_of(compared.name) == Some(Kind::Email)
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
        let payer = Some(PAYER).filter(|_| self.has_payer_names);
        self.compared.iter().map(|compared| compared.shown).chain(payer).chain(balance).collect()
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
        self.eyes.entities[0].field(name).map(|field| field.kind)
    }

    /// The compared fields of a record, as a JSON object: ids as the codes of what they refer to, countries by their
    /// codes, what is paid in the local currency with that one's code, and the name of whoever paid.
    pub(super) fn body(&self, record: &Fields<'_>, meaning: &Meaning<'_>, payer: &str) -> String {
        let mut body = String::from("{");
        let mut push = |name: &str, value: &str| {
            if body.len() > 1 {
                body.push(',');
            }
            body.extend([&quoted(name), ":", value]);
        };
        for compared in &self.compared {
            let text = || record.text(compared.name);
            let value = match (compared.name, compared.set) {
                (_, Some(set)) => quoted(&code_of(&text(), meaning.codes.get(set))),
                ("currencyCode", _) if text().trim().is_empty() => quoted(meaning.local_currency),
                ("country", _) => {
                    let country = text();
                    let code = meaning.countries.get(&fold_name(&country));
                    quoted(code.map_or(country.as_ref(), |code| code.as_str()))
                }
                // Source: Business Central describes a payment by its customer's name when nobody else does.
                ("description", _) if self.has_payer_names && fold_name(&text()) == fold_name(payer) => {
                    quoted("")
                }
                _ if self.takes_first(compared) => quoted(first_of(&text())),
                // As people write it: of an option nobody is shown how OData spells a space.
                _ if matches!(self.kind_of(compared.name), Some(Kind::Enum(_))) => {
                    quoted(text().replace("_x0020_", " ").trim())
                }
                _ => record.raw(compared.name).unwrap_or("null").to_owned(),
            };
            push(compared.shown, &value);
        }
        if self.has_payer_names {
            push(PAYER, &quoted(payer));
        }
        body.push('}');
        body
    }

    /// What the bodies of payments that are the same have in common, see [`Eyes::spelling`].
    pub(super) fn spelling(&self, body: &str) -> serde_json::Result<String> {
        self.eyes.spelling(body)
    }

    /// The fields in which two bodies [differ](Eyes): `from` is the second's value, `to` the first's.
    pub(super) fn differences(&self, a: &str, b: &str) -> serde_json::Result<Vec<FieldChange>> {
        let mut changes = self.eyes.differences(a, b)?;
        // A row may leave its customer to the invoice.
        changes.retain(|change| change.field != PAYER || !(change.from.is_empty() || change.to.is_empty()));
        Ok(changes)
    }

    /// Whether what a customer owes is the same on both sides.
    pub(super) fn is_same_balance(&self, a: Money, b: Money) -> bool {
        self.eyes.is_same_balance(a, b)
    }
}

/// Whether the field holds a number that only its own system knows.
fn is_id(field: &Field) -> bool {
    field.kind == Kind::Guid || field.name.ends_with("Id")
}

/// The name of what an id refers to.
fn without_id(name: &'static str) -> &'static str {
    name.strip_suffix("Id").unwrap_or(name)
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
    let mine =
        mine.filter(|field| !there.names.contains(field.name) && !there.unlisted.contains(&field.name));
    let mine = mine.map(|field| if is_id(field) { without_id(field.name) } else { field.name });
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

/// The first of several e-mail addresses.
fn first_of(addresses: &str) -> &str {
    addresses.split(';').map(str::trim).find(|address| !address.is_empty()).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{bigcapital, business_central_v2};

    fn names(comparison: &Comparison) -> Vec<&'static str> {
        comparison.shown()
    }

    #[test]
    fn ids_are_compared_as_codes_or_not_at_all() {
        let target = || Holds::of_target(&business_central_v2::DIALECT, EntityKind::Customers);
        let customers = Comparison::new(EntityKind::Customers, &[target(), target()]);
        let names_of_customers = names(&customers);
        for name in ["number", "paymentTerms", "taxArea", "currencyCode", "balance"] {
            assert!(names_of_customers.contains(&name), "{name}: {names_of_customers:?}");
        }
        for name in ["id", "currencyId", "paymentTermsId", "balanceDue", "lastModifiedDateTime"] {
            assert!(!names_of_customers.contains(&name), "{name}: {names_of_customers:?}");
        }
        let payments = || Holds::of_target(&business_central_v2::DIALECT, EntityKind::Payments);
        let payments = Comparison::new(EntityKind::Payments, &[payments(), payments()]);
        for name in ["customerId", "customer", "appliesToInvoiceId", "lineNumber", "journalId"] {
            assert!(!names(&payments).contains(&name), "{name}");
        }
        assert!(payments.has("customerNumber") && payments.has("appliesToInvoiceNumber"));
    }

    #[test]
    fn an_id_of_each_side_is_the_same_when_its_code_is() {
        let target = || Holds::of_target(&business_central_v2::DIALECT, EntityKind::Customers);
        let comparison = Comparison::new(EntityKind::Customers, &[target(), target()]);
        let codes = |id: &str, code: &str| -> Codes {
            [("paymentTerms", HashMap::from([(guid_bits(id).unwrap(), code.to_owned())]))].into()
        };
        let (one, two) = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222");
        let body = |id: &str, codes: &Codes| {
            let record = format!(r#"{{"number":"1","paymentTermsId":"{id}","currencyCode":""}}"#);
            let meaning = Meaning { codes, countries: &HashMap::new(), local_currency: "USD" };
            comparison.body(&Fields::parse(&record).unwrap(), &meaning, "")
        };
        let (a, b) = (body(one, &codes(one, "0")), body(two, &codes(two, "0")));
        assert!(comparison.differences(&a, &b).unwrap().is_empty(), "{a} {b}");
        let differ = comparison.differences(&a, &body(NIL_GUID, &Codes::new())).unwrap();
        assert_eq!(differ[0].field, "paymentTerms");
        assert_eq!((differ[0].to.as_str(), differ[0].from.as_str()), ("0", ""));
    }

    #[test]
    fn what_only_one_side_holds_is_named_once() {
        let (dialect, kind) = (&business_central_v2::DIALECT, EntityKind::Customers);
        let named = Holds::of_file(dialect, kind, ["number", "displayName", "city"].into_iter());
        let file = Holds { beyond: vec!["note"], ..named };
        let comparison = Comparison::new(kind, &[file, Holds::of_target(dialect, kind)]);
        assert_eq!(names(&comparison), ["number", "displayName", "city"]);
        assert_eq!(comparison.only[0], ["note"]);
        assert!(comparison.only[1].contains(&"email") && comparison.only[1].contains(&"balance"));
        assert!(!comparison.only[1].contains(&"id"));
    }

    #[test]
    fn what_the_other_system_would_make_of_a_value_is_no_difference() {
        let kind = EntityKind::Customers;
        let sides = [&business_central_v2::DIALECT, &bigcapital::DIALECT];
        let comparison = Comparison::new(kind, &sides.map(|dialect| Holds::of_target(dialect, kind)));
        let countries = HashMap::from([("germany".to_owned(), "DE".to_owned())]);
        let meaning = Meaning { codes: &Codes::new(), countries: &countries, local_currency: "USD" };
        let body = |record: &str| comparison.body(&Fields::parse(record).unwrap(), &meaning, "");
        let a = body(r#"{"displayName":"A","email":"a@b.c;d@e.f","country":"DE","currencyCode":""}"#);
        let b = body(r#"{"displayName":"A","email":"a@b.c","country":"Germany","currencyCode":"USD"}"#);
        assert_eq!(comparison.differences(&a, &b).unwrap(), [], "{a} {b}");
        let b = body(r#"{"displayName":"A","email":"d@e.f","country":"France","currencyCode":"EUR"}"#);
        let differ = comparison.differences(&a, &b).unwrap();
        let names: Vec<_> = differ.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(names, ["country", "email", "currencyCode"]);
        assert!(comparison.only[0].contains(&"postalCode") && comparison.only[1].contains(&"note"));
    }

    #[test]
    fn payments_of_systems_without_numbers_are_compared_by_the_names_of_customers() {
        let kind = EntityKind::Payments;
        let sides = [&business_central_v2::DIALECT, &bigcapital::DIALECT];
        let comparison = Comparison::new(kind, &sides.map(|dialect| Holds::of_target(dialect, kind)));
        assert!(names(&comparison).contains(&"customer"), "{:?}", names(&comparison));
        assert_eq!(comparison.unseen, ["appliesToInvoiceNumber"]);
        assert!(!comparison.only.concat().contains(&"customerNumber"), "{:?}", comparison.only);
    }
}
