//! What a service says of itself: `$metadata`, the document that names its sets and their properties.
//!
//! In: XML, of which only names count; prefixes, documentation and what is unknown are passed over. Out: the API with
//! this service's names, and words on what the service lacks.
//!
//! Source: the OASIS standard CSDL XML 4.0.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::BusinessCentral;
use super::api::{JOURNALS, Names};
use crate::catalogue::{DIALECTS, Dialect, Entity, Field, Writable};
use crate::connector::Described;

/// The sets and types of one service.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The type of each set, without its namespace.
    sets: BTreeMap<String, String>,
    types: BTreeMap<String, Type>,
}

/// A type of records, or of the objects in them.
#[derive(Debug, Default)]
struct Type {
    /// The properties with their types, without namespaces.
    properties: BTreeMap<String, String>,
    navigations: BTreeSet<String>,
}

impl Metadata {
    /// Reads the document; `None` when it is broken, or does not describe customers.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(document);
        let (mut metadata, mut inside) = (Self::default(), None);
        let mut depth = 0_u32;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match reader.read_event_into(&mut buffer).ok()? {
                Event::Start(element) => {
                    depth += 1;
                    metadata.open(&element, &mut inside, true);
                }
                Event::Empty(element) => metadata.open(&element, &mut inside, false),
                Event::End(element) => {
                    depth = depth.checked_sub(1)?;
                    if matches!(element.local_name().as_ref(), "EntityType" | "ComplexType") {
                        inside = None;
                    }
                }
                // What ends too soon is torn, and says nothing of what it lacks.
                Event::Eof if depth > 0 => return None,
                Event::Eof => break,
                _ => {}
            }
        }
        let customers = metadata.type_of("customers")?;
        customers.properties.contains_key("displayName").then_some(metadata)
    }

    /// Takes in one element; `inside` is the type whose members follow.
    fn open(&mut self, element: &BytesStart<'_>, inside: &mut Option<String>, has_content: bool) {
        let Some(name) = attribute(element, "Name") else { return };
        let type_name = || attribute(element, "Type").map(|text| bare(&text)).unwrap_or_default();
        match (element.local_name().as_ref(), &inside) {
            ("EntityType" | "ComplexType", _) => {
                self.types.entry(name.clone()).or_default();
                if has_content {
                    *inside = Some(name);
                }
            }
            ("Property", Some(known)) => {
                self.types.entry(known.clone()).or_default().properties.insert(name, type_name());
            }
            ("NavigationProperty", Some(known)) => {
                self.types.entry(known.clone()).or_default().navigations.insert(name);
            }
            ("EntitySet", _) => {
                let of = attribute(element, "EntityType").map(|text| bare(&text)).unwrap_or_default();
                self.sets.insert(name, of);
            }
            _ => {}
        }
    }

    fn type_of(&self, set: &str) -> Option<&Type> {
        self.types.get(self.sets.get(set)?)
    }

    /// Whether a record of this type has the field where the dialect keeps it.
    fn has(&self, record: &Type, field: &Field) -> bool {
        let path = field.path();
        let (property, member) = path.split_once('/').unwrap_or((path, ""));
        let Some(kind) = record.properties.get(property) else { return false };
        let member = member.trim_end_matches("#2");
        // An object whose type is not described may hold anything.
        member.is_empty() || self.types.get(kind).is_none_or(|object| object.properties.contains_key(member))
    }
}

/// The name in `Microsoft.NAV.customer` or `Collection(Microsoft.NAV.customer)`.
fn bare(name: &str) -> String {
    let name = name.strip_prefix("Collection(").and_then(|name| name.strip_suffix(')')).unwrap_or(name);
    name.rsplit('.').next().unwrap_or(name).to_owned()
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = element.try_get_attribute(name).ok()??;
    Some(value.value.into_owned())
}

impl BusinessCentral {
    /// The API as this service has it.
    pub(super) fn as_in(&self, metadata: &Metadata) -> Described {
        let mut notes = Vec::new();
        let names = self.names_in(metadata);
        let dialect = self.dialect_in(metadata, &names, &mut notes);
        Described { api: std::sync::Arc::new(Self::with(dialect, names)), notes }
    }

    fn names_in(&self, metadata: &Metadata) -> Names {
        let journals: Vec<_> = JOURNALS.into_iter().filter(|set| metadata.sets.contains_key(*set)).collect();
        let customer = metadata.type_of(self.dialect.customers.set);
        let leads = |name: &&str| customer.is_some_and(|customer| customer.navigations.contains(*name));
        let details: Vec<_> = self.names.details.iter().copied().filter(leads).collect();
        let entries = metadata.type_of("generalLedgerEntries");
        Names {
            journals: if journals.is_empty() { self.names.journals.clone() } else { journals },
            details: match (details.is_empty(), customer) {
                // Amounts on the customer itself need no way to it; without either, the likeliest way is tried.
                (true, Some(customer)) if !customer.properties.contains_key("balance") => {
                    self.names.details.clone()
                }
                _ => details,
            },
            has_entries: entries.is_some_and(|entries| entries.properties.contains_key("entryNumber")),
        }
    }

    /// The dialect with the fields that the service has: the same one when it has all.
    fn dialect_in(&self, metadata: &Metadata, names: &Names, notes: &mut Vec<String>) -> &'static Dialect {
        let dialect = self.dialect;
        let mut fitting = Fitting { metadata, dialect, plain_members: dialect.plain_members, notes };
        let customers = fitting.table(dialect.customers, dialect.customers.set);
        let payments = fitting.table(dialect.payments, dialect.payments.set);
        let financial_details = fitting.table(dialect.financial_details, dialect.financial_details.set);
        let journals = dialect.journals.map(|table| fitting.table(table, names.journals[0]));
        let default_dimensions = dialect.default_dimensions.map(|table| fitting.table(table, table.set));
        let plain_members = fitting.plain_members;
        let is_same = same(Some(customers), Some(dialect.customers))
            && same(Some(payments), Some(dialect.payments))
            && same(Some(financial_details), Some(dialect.financial_details))
            && same(journals, dialect.journals)
            && same(default_dimensions, dialect.default_dimensions);
        if is_same {
            return dialect;
        }
        let tables =
            Dialect { customers, payments, financial_details, journals, default_dimensions, ..*dialect };
        Box::leak(Box::new(Dialect { plain_members, ..tables }))
    }
}

/// A dialect being fitted to a service.
struct Fitting<'a> {
    metadata: &'a Metadata,
    dialect: &'static Dialect,
    /// How the service writes enumerations.
    plain_members: bool,
    notes: &'a mut Vec<String>,
}

impl Fitting<'_> {
    /// The table with the fields that the service has in `set`, where it has them: the same one when it has all.
    fn table(&mut self, entity: &'static Entity, set: &str) -> &'static Entity {
        let metadata = self.metadata;
        let Some(record) = metadata.type_of(set) else { return entity };
        let (mut fields, mut lacking) = (Vec::new(), Vec::new());
        for field in entity.fields {
            // A name that is never sent may stand on the parent only.
            if field.name == "id" || field.writable == Writable::Named || metadata.has(record, field) {
                fields.push(*field);
                continue;
            }
            let others = siblings(self.dialect, entity.set, field.name);
            if let Some((other, plain)) = others.into_iter().find(|(other, _)| metadata.has(record, other)) {
                self.plain_members = plain;
                fields.push(other);
            } else {
                lacking.push(field.name);
            }
        }
        if !lacking.is_empty() {
            self.notes.push(format!(
                "this service has no {} in its {}: left out of what is read and written there",
                lacking.join(", "),
                entity.set
            ));
        }
        let is_same = fields.len() == entity.fields.len()
            && fields.iter().zip(entity.fields).all(|(fitted, field)| fitted.wire == field.wire);
        // A table of a service lives as long as the program, which connects once or twice.
        if is_same { entity } else { Box::leak(Box::new(Entity { fields: fields.leak(), ..*entity })) }
    }
}

fn same(left: Option<&'static Entity>, right: Option<&'static Entity>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => std::ptr::eq(left, right),
        (left, right) => left.is_none() && right.is_none(),
    }
}

/// The field of this name in the same set of the system's other dialects, each with how these write enumerations.
fn siblings(dialect: &Dialect, set: &str, name: &str) -> Vec<(Field, bool)> {
    let others = DIALECTS.iter().filter(|other| other.system == dialect.system && other.name != dialect.name);
    let tables = others.flat_map(|other| {
        let tables = [Some(other.customers), Some(other.payments), other.journals, other.default_dimensions];
        tables.into_iter().flatten().map(|table| (table, other.plain_members))
    });
    let of_set = tables.filter(|(table, _)| table.set == set);
    of_set.filter_map(|(table, plain)| Some((*table.field(name)?, plain))).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::connector::{Api as _, List, Set};

    fn api(dialect: &str) -> BusinessCentral {
        BusinessCentral::new(Dialect::named("business-central", dialect).unwrap())
    }

    /// A document with every field of a dialect, as its service would write it, after `adjust`.
    fn document(dialect: &str, adjust: impl Fn(&str) -> String) -> Vec<u8> {
        let dialect = Dialect::named("business-central", dialect).unwrap();
        let mut xml = String::from(
            r#"<?xml version="1.0"?><edmx:Edmx xmlns:edmx="e"><edmx:DataServices><Schema Namespace="Microsoft.NAV">"#,
        );
        let mut sets = String::new();
        let mut done: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let tables = [dialect.customers, dialect.payments, dialect.financial_details];
        for table in tables.into_iter().chain(dialect.journals).chain(dialect.default_dimensions) {
            let members = done.entry(table.set).or_default();
            for field in table.fields {
                let (property, member) = field.path().split_once('/').unwrap_or((field.path(), ""));
                let kind = if member.is_empty() {
                    "Edm.String".to_owned()
                } else {
                    format!("Microsoft.NAV.{property}Type")
                };
                members.insert(format!(r#"<Property Name="{property}" Type="{kind}"/>"#));
            }
            for navigation in table.navigations {
                members.insert(format!(r#"<NavigationProperty Name="{}" Type="x"/>"#, navigation.name));
            }
        }
        for (set, members) in done {
            let members: String = members.into_iter().collect();
            write!(
                xml,
                r#"<EntityType Name="t-{set}"><Key><PropertyRef Name="id"/></Key>{members}</EntityType>"#
            )
            .unwrap();
            write!(sets, r#"<EntitySet Name="{set}" EntityType="Microsoft.NAV.t-{set}"></EntitySet>"#)
                .unwrap();
        }
        xml.push_str(r#"<ComplexType Name="addressType">"#);
        for member in ["street", "city", "state", "countryLetterCode", "postalCode"] {
            write!(xml, r#"<Property Name="{member}" Type="Edm.String"/>"#).unwrap();
        }
        xml.push_str("</ComplexType><EntityContainer Name=\"NAV\">");
        xml.push_str(&sets);
        xml.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
        adjust(&xml).into_bytes()
    }

    fn names(table: &Entity) -> Vec<&str> {
        table.fields.iter().map(|field| field.name).collect()
    }

    #[test]
    fn a_service_that_is_as_its_dialect_changes_nothing() {
        for dialect in ["v2.0", "v1.0", "beta"] {
            let described = api(dialect).described(&document(dialect, str::to_owned)).unwrap();
            assert_eq!(described.notes, Vec::<String>::new(), "{dialect}");
            assert!(std::ptr::eq(described.api.dialect(), api(dialect).dialect), "{dialect}");
        }
    }

    #[test]
    fn what_the_service_lacks_is_said_and_asked_for_nowhere() {
        let without = |xml: &str| {
            xml.replace(r#"<Property Name="creditLimit" Type="Edm.String"/>"#, "")
                .replace(r#"<Property Name="salespersonCode" Type="Edm.String"/>"#, "")
        };
        let described = api("v2.0").described(&document("v2.0", without)).unwrap();
        assert_eq!(
            described.notes,
            [
                "this service has no salespersonCode, creditLimit in its customers: left out of what is read and written there"
            ]
        );
        let table = described.api.dialect().customers;
        assert_eq!(table.field("creditLimit").map(|field| field.name), None);
        assert_eq!(table.fields.len() + 2, api("v2.0").dialect.customers.fields.len());

        let without = |xml: &str| xml.replace(r#"<Property Name="state" Type="Edm.String"/>"#, "");
        let described = api("v1.0").described(&document("v1.0", without)).unwrap();
        assert!(!names(described.api.dialect().customers).contains(&"state"), "{:?}", described.notes);
    }

    #[test]
    fn the_names_of_journals_and_details_are_the_services() {
        let renamed = |xml: &str| {
            xml.replace("customerPaymentJournals", "customerPaymentsJournals")
                .replace(r#"Name="customerFinancialDetail""#, r#"Name="customerFinancialDetails""#)
        };
        let api = api("v2.0").described(&document("v2.0", renamed)).unwrap().api;
        assert_eq!(api.new_journal("c", String::new()).path, "companies(c)/customerPaymentsJournals");
        assert_eq!(api.list(&List::of("c", Set::Journals, &[])), ["companies(c)/customerPaymentsJournals"]);
        let list = List { details: &["balance"], ..List::of("c", Set::Customers, &["id"]) };
        assert_eq!(
            api.list(&list),
            ["companies(c)/customers?$select=id&$expand=customerFinancialDetails($select=balance)"]
        );
    }

    #[test]
    fn amounts_that_stand_on_the_customer_are_asked_for_there() {
        let moved = |xml: &str| {
            xml.replace(r#"<NavigationProperty Name="customerFinancialDetails" Type="x"/>"#, "").replace(
                r#"<Property Name="email" Type="Edm.String"/>"#,
                r#"<Property Name="balance"/><Property Name="email" Type="Edm.String"/>"#,
            )
        };
        let api = api("v1.0").described(&document("v1.0", moved)).unwrap().api;
        let list = List { details: &["balance"], ..List::of("c", Set::Customers, &["id"]) };
        assert_eq!(api.list(&list), ["companies(c)/customers?$select=id,balance"]);
    }

    #[test]
    fn a_service_of_another_dialect_is_spoken_to_in_its_own_spelling() {
        let described = api("v2.0").described(&document("v1.0", str::to_owned)).unwrap();
        let dialect = described.api.dialect();
        assert_eq!(dialect.customers.field("city").unwrap().wire, "address/city");
        assert!(dialect.plain_members);
        assert!(dialect.customers.field("creditLimit").is_none());
    }

    #[test]
    fn what_is_no_description_is_none() {
        let whole = document("v2.0", str::to_owned);
        for broken in [&b""[..], b"<html>Sign in</html>", b"{}", b"<edmx:Edmx/>", &whole[..whole.len() / 2]] {
            assert!(api("v2.0").described(broken).is_none());
        }
        for cut in (1..whole.len()).rev().step_by(61) {
            assert!(api("v2.0").described(&whole[..cut]).is_none(), "{cut} of {} bytes", whole.len());
        }
    }
}
