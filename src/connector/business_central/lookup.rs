//! Finding a record again by its identity, with reads that cannot be stale.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fields, decode};
use super::reply::receipt;
use super::{Connector, normalise};
use crate::connector::{Method, Operation, Request};
use crate::domain::text::upper;
use crate::domain::{Action, EntityKind, Receipt};

/// The longest query that is sent.
///
/// Source: online, a query string over 8,099 characters is refused with 414; the rest is for what stands around.
const QUERY_CHARS: usize = 7_000;

/// Identities in one lookup: few enough for one page of any server.
const LOOKUP_ROWS: usize = 40;

/// What names a customer that has no number.
const CUSTOMER_FIELDS: &[&str] =
    &["displayName", "email", "phoneNumber", "taxRegistrationNumber", "addressLine1", "postalCode", "city"];

/// What names a payment, apart from its line.
const PAYMENT_FIELDS: &[&str] =
    &["customerId", "customerNumber", "documentNumber", "externalDocumentNumber", "amount"];

/// How a record is found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// By the target's id.
    Id(String),
    /// By a customer's number, upper-cased.
    Number(String),
    /// By a payment's line in its journal.
    Line(i64),
    /// By everything that was sent and may name it, as a filter; can match several records.
    Fields(String),
}

impl Identity {
    fn filter(&self) -> String {
        match self {
            Self::Id(id) => format!("id eq {id}"),
            Self::Number(number) => format!("number eq {}", literal(number)),
            Self::Line(line) => format!("lineNumber eq {line}"),
            Self::Fields(filter) => filter.clone(),
        }
    }

    /// Whether `found` is the record; a filter's own answers all are.
    #[must_use]
    pub fn matches(&self, found: &Found) -> bool {
        match self {
            Self::Id(id) => found.receipt.remote_id.eq_ignore_ascii_case(id),
            // Letters whose upper case is two letters stay on some servers and grow on others.
            Self::Number(number) => found.text("number").trim().to_uppercase() == number.to_uppercase(),
            Self::Line(line) => found.text("lineNumber") == line.to_string(),
            Self::Fields(_) => true,
        }
    }
}

/// One read that answers for some rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The read.
    pub request: Request,
    /// The rows it answers for.
    pub rows: Vec<i64>,
}

/// One record as a lookup found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id, key and `ETag`.
    pub receipt: Receipt,
    /// All of it, as JSON.
    pub record: String,
}

impl Found {
    fn text(&self, name: &str) -> String {
        Fields::parse(&self.record).map(|fields| fields.text(name).into_owned()).unwrap_or_default()
    }
}

impl Connector {
    /// How the record of this operation is found again.
    #[must_use]
    pub fn identity(&self, operation: &Operation<'_>) -> Identity {
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
    #[must_use]
    pub fn lookups(&self, operations: &[Operation<'_>]) -> Vec<Lookup> {
        let mut identified: Vec<_> =
            operations.iter().map(|operation| (self.identity(operation), operation)).collect();
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
        let filters: Vec<_> = group.iter().map(|(identity, _)| identity.filter()).collect();
        let mut names: BTreeSet<_> = match self.kind() {
            EntityKind::Customers => BTreeSet::from(["id".to_owned(), "number".to_owned()]),
            EntityKind::Payments => BTreeSet::from(["id", "lineNumber", "documentNumber"].map(str::to_owned)),
        };
        for (_, operation) in group {
            let Ok(sent) = Fields::parse(operation.payload) else { continue };
            names.extend(sent.iter().map(|(name, _)| name.to_owned()).filter(|name| !name.contains('@')));
        }
        if names.contains("currencyCode") {
            names.insert("currencyId".to_owned());
        }
        let select = Vec::from_iter(names).join(",");
        let request = self.read(&format!("$filter={}&$select={select}", encode(&filters.join(" or "))));
        (!group.is_empty())
            .then(|| Lookup { request, rows: group.iter().map(|(_, operation)| operation.row).collect() })
    }

    /// The read that finds the highest line of the journal.
    #[must_use]
    pub fn highest_line(&self) -> Request {
        self.read("$select=id,lineNumber&$orderby=lineNumber%20desc&$top=1")
    }

    /// The read that finds the last general ledger entry of the company.
    ///
    /// Source: the resource `generalLedgerEntry`, whose entries are numbered in the order of posting.
    #[must_use]
    pub fn last_ledger_entry(&self) -> Request {
        on_primary(format!(
            "{}/generalLedgerEntries?$select=id,entryNumber&$orderby=entryNumber%20desc&$top=1",
            self.company_path()
        ))
    }

    /// The read that finds the general ledger entries of payments above this entry.
    #[must_use]
    pub fn payments_posted_since(&self, entry: i64) -> Request {
        let filter = encode(&format!("entryNumber gt {entry} and documentType eq 'Payment'"));
        on_primary(format!(
            "{}/generalLedgerEntries?$filter={filter}&$select=id,entryNumber,documentNumber,postingDate",
            self.company_path()
        ))
    }

    /// The read of the page that a page names as its next.
    #[must_use]
    pub fn next_page(&self, link: String) -> Request {
        on_primary(link)
    }

    fn company_path(&self) -> &str {
        self.set_path.split('/').next().unwrap_or(&self.set_path)
    }

    fn read(&self, query: &str) -> Request {
        on_primary(format!("{}?{query}", self.set_path))
    }

    fn filter_by_fields(&self, payload: &str) -> String {
        let names = match self.kind() {
            EntityKind::Customers => CUSTOMER_FIELDS,
            EntityKind::Payments => PAYMENT_FIELDS,
        };
        let Ok(sent) = Fields::parse(payload) else { return "false".to_owned() };
        // The server brings its own city with a postal code that it knows, and rounds amounts to their currency: a
        // record of ours must not be overlooked for that.
        let is_kept = |name: &str| match name {
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

    /// Whether a payment found at our line is a stranger's: every field that could name it as ours differs.
    #[must_use]
    pub fn is_strangers(&self, payload: &str, found: &Found) -> bool {
        let Ok(sent) = Fields::parse(payload) else { return false };
        let sent: Vec<_> = PAYMENT_FIELDS.iter().filter(|name| !sent.text(name).is_empty()).collect();
        let Ok(changes) = normalise::differences(self.entity(), payload, &found.record) else { return false };
        self.kind() == EntityKind::Payments
            && !sent.is_empty()
            && sent.iter().all(|name| changes.iter().any(|change| change.field == **name))
    }
}

/// A read that no lagging replica answers.
fn on_primary(path: String) -> Request {
    let headers = vec![("data-access-intent", "ReadWrite".to_owned())];
    Request { method: Method::Get, path, headers, body: None }
}

fn can_join(last: &Identity, next: &Identity) -> bool {
    std::mem::discriminant(last) == std::mem::discriminant(next) && !matches!(next, Identity::Fields(_))
}

fn is_long(group: &[(Identity, &Operation<'_>)], next: &Identity) -> bool {
    let chars = |identity: &Identity| encode(&identity.filter()).len() + " or ".len() * 3;
    group.iter().map(|(identity, _)| chars(identity)).sum::<usize>() + chars(next) > QUERY_CHARS
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
}

/// The records in one page of a lookup's answer, and the link to the page after it; `None` when it cannot be read.
///
/// An absence means nothing before the last page, the one without a link.
#[must_use]
pub fn read_found(body: &[u8]) -> Option<(Vec<Found>, Option<String>)> {
    let page: Page<'_> = serde_json::from_slice(body).ok()?;
    let found = |record: &&RawValue| {
        let fields = Fields::parse(record.get()).ok()?;
        Some(Found { receipt: receipt(&fields), record: record.get().to_owned() })
    };
    let records: Option<Vec<_>> = page.value.iter().map(found).collect();
    Some((records?, page.next))
}

/// The member `name` of a JSON object as text; empty when there is none.
#[must_use]
pub fn text_of(object: &str, name: &str) -> String {
    Fields::parse(object).map(|fields| fields.text(name).trim().to_owned()).unwrap_or_default()
}

/// What the answer to [`Connector::highest_line`] found: 0 for an empty journal, `None` when it cannot be read.
#[must_use]
pub fn highest_line_of(found: &[Found]) -> Option<i64> {
    match found.first() {
        Some(line) => line.text("lineNumber").parse().ok(),
        None => Some(0),
    }
}

/// A text literal of a filter: quotes inside are doubled.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Percent-encodes everything but the characters that never mean anything in a URL.
fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len() * 3 / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'\'') {
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
        let lookups = Connector::customers("c1").lookups(&operations);
        assert_eq!(lookups.len(), 1);
        assert_eq!(lookups[0].rows, [2, 1]);
        assert!(lookups[0].request.headers.contains(&("data-access-intent", "ReadWrite".to_owned())));
        insta::assert_snapshot!(
            lookups[0].request.path,
            @"companies(c1)/customers?$filter=number%20eq%20'A%26B'%20or%20number%20eq%20'O''B%201'&$select=city,currencyCode,currencyId,id,number"
        );
    }

    #[test]
    fn a_customer_without_a_number_is_found_by_everything_that_names_it() {
        let operation =
            create(1, r#"{"displayName":"Ann","email":"a@b.c","phoneNumber":"","creditLimit":5}"#);
        let identity = Connector::customers("c1").identity(&operation);
        assert_eq!(identity, Identity::Fields("displayName eq 'Ann' and email eq 'a@b.c'".to_owned()));
    }

    #[test]
    fn a_customer_is_not_looked_for_by_a_city_that_the_server_may_replace() {
        let identity = |payload: &str| Connector::customers("c1").identity(&create(1, payload));
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
            Connector::customers("c").lookups(&operations).into_iter().map(|lookup| lookup.rows).collect();
        assert_eq!(rows, [vec![3], vec![1], vec![4], vec![5]]);
    }

    #[test]
    fn many_identities_become_several_short_queries() {
        let payloads: Vec<_> = (0..200).map(|number| format!(r#"{{"number":"ÄÖÜ{number:017}"}}"#)).collect();
        let operations: Vec<_> = (1..).zip(&payloads).map(|(row, payload)| create(row, payload)).collect();
        let lookups = Connector::customers("c").lookups(&operations);
        assert_eq!(lookups.iter().map(|lookup| lookup.rows.len()).sum::<usize>(), 200);
        assert!(lookups.iter().all(|lookup| lookup.request.path.len() <= 8_000 && lookup.rows.len() <= 40));
    }

    #[test]
    fn a_page_that_is_not_the_last_says_where_the_next_one_is() {
        assert_eq!(read_found(br#"{"value":[]}"#), Some((Vec::new(), None)));
        assert_eq!(read_found(br#"{"value":[],"@odata.nextLink":null}"#), Some((Vec::new(), None)));
        let more = read_found(br#"{"value":[],"@odata.nextLink":"http:\/\/x\/y?$skiptoken=1"}"#);
        assert_eq!(more, Some((Vec::new(), Some("http://x/y?$skiptoken=1".to_owned()))));
        assert_eq!(read_found(b"<html>"), None);
    }

    #[test]
    fn posted_payments_are_asked_for_on_the_primary() {
        let request = Connector::payments("c", "j").payments_posted_since(41);
        assert!(request.headers.contains(&("data-access-intent", "ReadWrite".to_owned())));
        insta::assert_snapshot!(
            request.path,
            @"companies(c)/generalLedgerEntries?$filter=entryNumber%20gt%2041%20and%20documentType%20eq%20'Payment'&$select=id,entryNumber,documentNumber,postingDate"
        );
    }

    #[test]
    fn a_stranger_on_our_line_differs_in_every_name() {
        let connector = Connector::payments("c", "j");
        let sent = r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#;
        let found =
            |record: &str| read_found(format!(r#"{{"value":[{record}]}}"#).as_bytes()).unwrap().0.remove(0);
        let stranger =
            found(r#"{"id":"x","lineNumber":1,"customerNumber":"C9","documentNumber":"Z","amount":-6}"#);
        let alike =
            found(r#"{"id":"x","lineNumber":1,"customerNumber":"C9","documentNumber":"P1","amount":-6}"#);
        assert!(connector.is_strangers(sent, &stranger));
        assert!(!connector.is_strangers(sent, &alike));
        assert!(Identity::Line(1).matches(&alike) && !Identity::Line(2).matches(&alike));
    }
}
