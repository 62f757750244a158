//! Finding a record again by its identity, with reads that cannot be stale.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::reply::receipt;
use super::{Routes, dimensions};
use crate::connector::fields::{Fields, decode};
use crate::connector::{
    Connector as _, Found, FoundPage, Identity, Lookup, Method, Operation, Request, differences,
};
use crate::domain::text::upper;
use crate::domain::{Action, EntityKind};

/// The longest query that is sent.
///
/// Source: online, a query string over 8,099 characters is refused with 414; the rest is for what stands around.
const QUERY_CHARS: usize = 7_000;

/// Identities in one lookup: few enough for one page of any server.
pub(super) const LOOKUP_ROWS: usize = 40;

/// What names a customer that has no number.
const CUSTOMER_FIELDS: &[&str] =
    &["displayName", "email", "phoneNumber", "taxRegistrationNumber", "addressLine1", "postalCode", "city"];

/// What names a payment, apart from its line.
const PAYMENT_FIELDS: &[&str] =
    &["customerId", "customerNumber", "documentNumber", "externalDocumentNumber", "amount"];

/// The identity as a filter.
fn filter_of(identity: &Identity) -> String {
    match identity {
        Identity::Id(id) => format!("id eq {id}"),
        Identity::Number(number) => format!("number eq {}", literal(number)),
        Identity::Line(line) => format!("lineNumber eq {line}"),
        Identity::Document(number) => format!("documentNumber eq {}", literal(number)),
        Identity::Dimension { customer, .. } => format!("id eq {customer}"),
        Identity::Name { name, .. } => format!("displayName eq {}", literal(name)),
        Identity::Fields(filter) => filter.clone(),
    }
}

impl Routes {
    /// How the record of this operation is found again.
    pub(super) fn identify(&self, operation: &Operation<'_>) -> Identity {
        if self.kind() == EntityKind::Dimensions {
            return dimensions::identity(operation);
        }
        if let (Action::Update | Action::Delete, Some(id)) = (operation.action, operation.remote_id) {
            return Identity::Id(id.to_owned());
        }
        if let (EntityKind::Payments, Some(line)) = (self.kind(), operation.line_number) {
            return Identity::Line(line);
        }
        let text = |name: &str| {
            Fields::parse(operation.payload).map(|sent| sent.text(name).trim().to_owned()).unwrap_or_default()
        };
        let number = upper(&text("number")).into_owned();
        if self.kind() == EntityKind::Customers && !number.is_empty() {
            return Identity::Number(number);
        }
        Identity::Fields(self.filter_by_fields(operation.payload))
    }

    /// The reads that find the records of these operations again, as few as the length of a URL allows.
    ///
    /// Source: `or` is allowed over one field only; almost all reads may come from a lagging replica unless
    /// `Data-Access-Intent` says `ReadWrite`.
    pub(super) fn look_up(&self, operations: &[Operation<'_>]) -> Vec<Lookup> {
        if self.kind() == EntityKind::Dimensions {
            return self.look_up_dimensions(operations);
        }
        let mut identified: Vec<_> =
            operations.iter().map(|operation| (self.identify(operation), operation)).collect();
        identified.sort_by(|left, right| left.0.cmp(&right.0));
        let mut lookups = Vec::new();
        let mut group: Vec<(Identity, &Operation<'_>)> = Vec::new();
        for (identity, operation) in identified {
            let joins = group.last().is_some_and(|(last, _)| can_join(last, &identity));
            if !joins || group.len() == LOOKUP_ROWS || is_long(&group, &identity) {
                lookups.extend(self.lookup(&std::mem::take(&mut group)));
            }
            group.push((identity, operation));
        }
        lookups.extend(self.lookup(&group));
        lookups
    }

    fn lookup(&self, group: &[(Identity, &Operation<'_>)]) -> Option<Lookup> {
        let filters: Vec<_> = group.iter().map(|(identity, _)| filter_of(identity)).collect();
        let keys = ["id", "number", "lineNumber", "documentNumber"].into_iter();
        let mut names: BTreeSet<_> =
            keys.filter(|name| self.entity().field(name).is_some()).map(str::to_owned).collect();
        for (_, operation) in group {
            let Ok(sent) = Fields::parse(operation.payload) else { continue };
            names.extend(sent.iter().map(|(name, _)| name.to_owned()).filter(|name| !name.contains('@')));
        }
        if names.contains("currencyCode") {
            names.insert("currencyId".to_owned());
        }
        if group.iter().any(|(_, operation)| operation.action == Action::Update) && names.contains("country")
        {
            // What another country empties may be somebody's work by now.
            names.extend(["city", "state", "postalCode"].map(str::to_owned));
        }
        let select = self.lens.select(names.iter().map(String::as_str));
        let request = self.read(&format!("$filter={}&$select={select}", encode(&filters.join(" or "))));
        (!group.is_empty())
            .then(|| Lookup { request, rows: group.iter().map(|(_, operation)| operation.row).collect() })
    }

    /// The read that finds the last general ledger entry of the company.
    ///
    /// Source: the resource `generalLedgerEntry`, whose entries are numbered in the order of posting.
    pub(super) fn last_entry(&self) -> Request {
        on_primary(format!(
            "{}/generalLedgerEntries?$select=id,entryNumber&$orderby=entryNumber%20desc&$top=1",
            self.company_path()
        ))
    }

    /// The read that finds the general ledger entries of payments above this entry.
    pub(super) fn payments_above(&self, entry: i64) -> Request {
        let filter = encode(&format!("entryNumber gt {entry} and documentType eq 'Payment'"));
        on_primary(format!(
            "{}/generalLedgerEntries?$filter={filter}&$select=id,entryNumber,documentNumber,postingDate",
            self.company_path()
        ))
    }

    fn company_path(&self) -> &str {
        self.set_path.split('/').next().unwrap_or(&self.set_path)
    }

    pub(super) fn read(&self, query: &str) -> Request {
        on_primary(format!("{}?{query}", self.set_path))
    }

    /// The records in one page, in neutral form.
    pub(super) fn read_records(&self, body: &[u8]) -> Option<FoundPage> {
        let page: Page<'_> = serde_json::from_slice(body).ok()?;
        let found = |record: String| {
            let receipt = receipt(&Fields::parse(&record).ok()?);
            Some(Found { receipt, record })
        };
        let records: Option<Vec<Vec<String>>> =
            page.value.iter().map(|record| self.neutral(record.get()).ok()).collect();
        let records: Option<Vec<_>> = records?.into_iter().flatten().map(found).collect();
        Some((records?, page.next))
    }

    /// What one record of an answer holds, in neutral form.
    fn neutral(&self, record: &str) -> serde_json::Result<Vec<String>> {
        if self.kind() == EntityKind::Dimensions {
            return dimensions::of_customer(&self.lens, record);
        }
        Ok(vec![self.lens.record(record)?.into_owned()])
    }

    fn filter_by_fields(&self, payload: &str) -> String {
        let names = if self.kind() == EntityKind::Payments { PAYMENT_FIELDS } else { CUSTOMER_FIELDS };
        let Ok(sent) = Fields::parse(payload) else { return "false".to_owned() };
        // The server brings its own city with a postal code that it knows, and rounds amounts to their currency: a
        // record of ours must not be overlooked for that.
        let is_kept = |name: &str| match name {
            _ if !self.lens.is_searchable(name) => false,
            "city" => sent.text("postalCode").trim().is_empty(),
            name => name != "amount",
        };
        let term = |name: &&str| {
            let raw = sent.raw(name).filter(|_| is_kept(name))?;
            let text = decode(raw);
            let is_quoted = raw.starts_with('"') && !name.ends_with("Id");
            let value = if is_quoted { literal(text.trim()) } else { text.trim().to_owned() };
            (!text.trim().is_empty()).then(|| format!("{name} eq {value}"))
        };
        let terms: Vec<_> = names.iter().filter_map(term).collect();
        // Without a name the filter must find nothing, not everything.
        if terms.is_empty() { "false".to_owned() } else { terms.join(" and ") }
    }

    /// Whether every field that could name a payment as ours differs.
    pub(super) fn differs_in_every_name(&self, payload: &str, found: &Found) -> bool {
        let Ok(sent) = Fields::parse(payload) else { return false };
        let sent: Vec<_> = PAYMENT_FIELDS.iter().filter(|name| !sent.text(name).is_empty()).collect();
        let Ok(changes) = differences(self.entity(), payload, &found.record) else { return false };
        self.kind() == EntityKind::Payments
            && !sent.is_empty()
            && sent.iter().all(|name| changes.iter().any(|change| change.field == **name))
    }
}

/// A read that no lagging replica answers.
pub(super) fn on_primary(path: String) -> Request {
    let headers = vec![("data-access-intent", "ReadWrite".to_owned())];
    Request { method: Method::Get, path, headers, body: None }
}

fn can_join(last: &Identity, next: &Identity) -> bool {
    std::mem::discriminant(last) == std::mem::discriminant(next) && !matches!(next, Identity::Fields(_))
}

fn is_long(group: &[(Identity, &Operation<'_>)], next: &Identity) -> bool {
    let chars = |identity: &Identity| encode(&filter_of(identity)).len() + " or ".len() * 3;
    group.iter().map(|(identity, _)| chars(identity)).sum::<usize>() + chars(next) > QUERY_CHARS
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
}

/// A text literal of a filter: quotes inside are doubled.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Percent-encodes a query option's value. What has a meaning inside `OData` expressions stays readable.
pub(super) fn encode(value: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~(),$=:*'".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::{customers, payments};
    use super::*;

    fn create(row: i64, payload: &str) -> Operation<'_> {
        Operation { row, action: Action::Create, payload, remote_id: None, etag: None, line_number: None }
    }

    #[test]
    fn customers_are_found_by_number_over_one_field() {
        let operations = [
            create(1, r#"{"number":"o'b 1","city":"Ulm"}"#),
            create(2, r#"{"number":"A&B","currencyCode":""}"#),
        ];
        let lookups = customers("c1").lookups(&operations);
        assert_eq!(lookups.len(), 1);
        assert_eq!(lookups[0].rows, [2, 1]);
        assert!(lookups[0].request.headers.contains(&("data-access-intent", "ReadWrite".to_owned())));
        insta::assert_snapshot!(
            lookups[0].request.path,
            @"companies(c1)/customers?$filter=number%20eq%20'A%26B'%20or%20number%20eq%20'O''B%201'&$select=city,currencyCode,currencyId,id,number"
        );
    }

    #[test]
    fn what_a_change_of_country_empties_is_looked_at_too() {
        let payload = r#"{"country":"AT"}"#;
        let update = Operation { action: Action::Update, remote_id: Some("g1"), ..create(1, payload) };
        let path = customers("c1").lookups(&[update]).remove(0).request.path;
        assert!(path.ends_with("$select=city,country,id,number,postalCode,state"), "{path}");
    }

    #[test]
    fn a_customer_without_a_number_is_found_by_everything_that_names_it() {
        let operation =
            create(1, r#"{"displayName":"Ann","email":"a@b.c","phoneNumber":"","creditLimit":5}"#);
        let identity = customers("c1").identity(&operation);
        assert_eq!(identity, Identity::Fields("displayName eq 'Ann' and email eq 'a@b.c'".to_owned()));
    }

    #[test]
    fn a_customer_is_not_looked_for_by_a_city_that_the_server_may_replace() {
        let identity = |payload: &str| customers("c1").identity(&create(1, payload));
        let filter = |text: &str| Identity::Fields(text.to_owned());
        assert_eq!(
            identity(r#"{"displayName":"Ann","city":"Ulm","postalCode":"89073"}"#),
            filter("displayName eq 'Ann' and postalCode eq '89073'")
        );
        assert_eq!(
            identity(r#"{"displayName":"Ann","city":"Ulm","postalCode":" "}"#),
            filter("displayName eq 'Ann' and city eq 'Ulm'")
        );
    }

    #[test]
    fn kinds_of_identity_are_never_mixed_in_one_filter() {
        let update = Operation { action: Action::Update, remote_id: Some("g1"), ..create(3, "{}") };
        let nameless = [create(4, r#"{"displayName":"A"}"#), create(5, r#"{"displayName":"B"}"#)];
        let operations = [create(1, r#"{"number":"A"}"#), update, nameless[0], nameless[1]];
        let rows: Vec<_> =
            customers("c").lookups(&operations).into_iter().map(|lookup| lookup.rows).collect();
        assert_eq!(rows, [vec![3], vec![1], vec![4], vec![5]]);
    }

    #[test]
    fn many_identities_become_several_short_queries() {
        let payloads: Vec<_> = (0..200).map(|number| format!(r#"{{"number":"ÄÖÜ{number:017}"}}"#)).collect();
        let operations: Vec<_> = (1..).zip(&payloads).map(|(row, payload)| create(row, payload)).collect();
        let lookups = customers("c").lookups(&operations);
        assert_eq!(lookups.iter().map(|lookup| lookup.rows.len()).sum::<usize>(), 200);
        assert!(lookups.iter().all(|lookup| lookup.request.path.len() <= 8_000 && lookup.rows.len() <= 40));
    }

    #[test]
    fn a_page_that_is_not_the_last_says_where_the_next_one_is() {
        let read_found = |body: &[u8]| customers("c").read_found("", body);
        assert_eq!(read_found(br#"{"value":[]}"#), Some((Vec::new(), None)));
        assert_eq!(read_found(br#"{"value":[],"@odata.nextLink":null}"#), Some((Vec::new(), None)));
        let more = read_found(br#"{"value":[],"@odata.nextLink":"http:\/\/x\/y?$skiptoken=1"}"#);
        assert_eq!(more, Some((Vec::new(), Some("http://x/y?$skiptoken=1".to_owned()))));
        assert_eq!(read_found(b"<html>"), None);
    }

    #[test]
    fn posted_payments_are_asked_for_on_the_primary() {
        let request = payments("c", "j").payments_posted_since(41).unwrap();
        assert!(request.headers.contains(&("data-access-intent", "ReadWrite".to_owned())));
        insta::assert_snapshot!(
            request.path,
            @"companies(c)/generalLedgerEntries?$filter=entryNumber%20gt%2041%20and%20documentType%20eq%20'Payment'&$select=id,entryNumber,documentNumber,postingDate"
        );
    }

    #[test]
    fn a_stranger_on_our_line_differs_in_every_name() {
        let connector = payments("c", "j");
        let sent = r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#;
        let found = |record: &str| {
            connector.read_found("", format!(r#"{{"value":[{record}]}}"#).as_bytes()).unwrap().0.remove(0)
        };
        let stranger =
            found(r#"{"id":"x","lineNumber":1,"customerNumber":"C9","documentNumber":"Z","amount":-6}"#);
        let alike =
            found(r#"{"id":"x","lineNumber":1,"customerNumber":"C9","documentNumber":"P1","amount":-6}"#);
        assert!(connector.is_strangers(sent, &stranger));
        assert!(!connector.is_strangers(sent, &alike));
        assert!(Identity::Line(1).matches(&alike) && !Identity::Line(2).matches(&alike));
    }
}
