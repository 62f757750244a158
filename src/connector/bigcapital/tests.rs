//! Recorded requests and answers of a running server, held against what this client says and understands.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Bigcapital, interpret};
use crate::catalogue::bigcapital::{CUSTOMERS, DIALECT, PAYMENTS};
use crate::connector::{Api as _, Connector, List, Method, Operation, Set, Verdict};
use crate::domain::{Action, EntityKind};
use std::sync::Arc;

/// A recorded exchange.
struct Sample {
    name: String,
    method: String,
    path: String,
    body: Value,
    status: u16,
    answer: Vec<u8>,
}

fn sample(number: &str) -> Sample {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bigcapital");
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let is_it = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(number);
    let path = files.into_iter().find(is_it).unwrap_or_else(|| panic!("no sample {number}"));
    let recorded: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let answer = match &recorded["response"]["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    };
    Sample {
        name: recorded["name"].as_str().unwrap().to_owned(),
        method: recorded["request"]["method"].as_str().unwrap().to_owned(),
        path: recorded["request"]["path"].as_str().unwrap().trim_start_matches("/api/").to_owned(),
        body: recorded["request"]["body"].clone(),
        status: u16::try_from(recorded["response"]["status"].as_u64().unwrap()).unwrap(),
        answer,
    }
}

fn connector(kind: EntityKind) -> Arc<dyn Connector> {
    match kind {
        EntityKind::Customers => Bigcapital::new(&DIALECT).customers("o"),
        EntityKind::Dimensions => panic!("there are none"),
        EntityKind::Payments => Bigcapital::new(&DIALECT).payments("o", ""),
    }
}

fn operation<'a>(action: Action, payload: &'a str, id: Option<&'a str>) -> Operation<'a> {
    Operation { row: 7, action, payload, remote_id: id, etag: None, line_number: None }
}

/// The request that the client writes for a payload is the recorded one.
fn is_as_recorded(kind: EntityKind, number: &str, operation: &Operation<'_>) {
    let recorded = sample(number);
    let request = connector(kind).single(operation);
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Patch => "PATCH",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    };
    assert_eq!(
        (method, request.path.as_str()),
        (recorded.method.as_str(), recorded.path.as_str()),
        "{number}"
    );
    let body = request.body.map_or(Value::Null, |body| serde_json::from_str(&body).unwrap());
    assert_eq!(body, recorded.body, "{number}");
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Refused(_) => "refused",
        Verdict::NotPermitted(_) => "not permitted",
        Verdict::KeyTaken(_) => "key taken",
        Verdict::Stale(_) => "stale",
        Verdict::Gone(_) => "gone",
        Verdict::NotDone(_) | Verdict::Throttled(_) => "not done",
        Verdict::RolledBack => "rolled back",
        Verdict::Failed(_) => "failed",
        Verdict::InDoubt(_) => "in doubt",
    }
}

#[test]
fn every_recorded_answer_to_a_write_is_understood() {
    use Action::{Create, Delete, Update};
    let cases = [
        ("010", Create, "not permitted"),
        ("011", Create, "not permitted"),
        ("012", Create, "not permitted"),
        ("013", Create, "not permitted"),
        ("004", Create, "not permitted"),
        ("030", Create, "accepted"),
        ("031", Create, "accepted"),
        ("033", Create, "accepted"),
        ("035", Create, "refused"),
        ("036", Create, "refused"),
        ("037", Create, "accepted"),
        ("038", Create, "failed"),
        ("039", Create, "accepted"),
        ("040", Create, "failed"),
        ("041", Create, "failed"),
        ("042", Create, "accepted"),
        ("050", Update, "accepted"),
        ("051", Update, "refused"),
        ("052", Update, "accepted"),
        ("053", Update, "refused"),
        ("054", Update, "accepted"),
        ("055", Update, "accepted"),
        ("056", Update, "stale"),
        ("058", Update, "accepted"),
        ("060", Delete, "accepted"),
        ("080", Create, "accepted"),
        ("081", Create, "accepted"),
        ("082", Create, "key taken"),
        ("083", Create, "refused"),
        ("084", Create, "refused"),
        ("085", Create, "accepted"),
        ("086", Create, "refused"),
        ("087", Create, "refused"),
        ("088", Create, "refused"),
        ("089", Create, "refused"),
        ("090", Create, "refused"),
        ("091", Create, "refused"),
        ("092", Create, "refused"),
        ("093", Create, "refused"),
        ("094", Create, "refused"),
        ("099", Update, "accepted"),
        ("100", Update, "refused"),
        ("101", Update, "gone"),
        ("103", Delete, "accepted"),
        ("104", Delete, "failed"),
        ("111", Create, "refused"),
        ("113", Create, "refused"),
        ("114", Create, "refused"),
        ("131", Create, "not done"),
    ];
    for (number, action, expected) in cases {
        let sample = sample(number);
        let verdict = interpret(action, sample.status, None, &sample.answer);
        assert_eq!(word(&verdict), expected, "{}: {verdict:?}", sample.name);
    }
}

#[test]
fn a_refusal_says_why_and_repeats_nothing_of_the_request() {
    let message = |number| {
        let sample = sample(number);
        match interpret(Action::Create, sample.status, None, &sample.answer) {
            Verdict::Refused(refusal) | Verdict::KeyTaken(refusal) => refusal.message,
            other => panic!("{other:?}"),
        }
    };
    insta::assert_snapshot!(message("084"), @"entries.0.paymentAmount: paymentAmount must be an integer number");
    insta::assert_snapshot!(message("036"), @"billingAddressEmail must be an email");
    insta::assert_snapshot!(message("111"), @"the date is in a locked period, which ends on 2026-01-31");
    insta::assert_snapshot!(message("089"), @"the amount is more than is due on the invoice");
    assert!(!message("035").contains("nope"), "{}", message("035"));
}

#[test]
fn a_proxys_page_is_judged_by_its_status() {
    for page in ["<html>Bad gateway</html>", "", r#"{"message":"no"}"#] {
        let judge = |action, status| word(&interpret(action, status, None, page.as_bytes()));
        for status in [201, 302, 401, 403, 407, 408, 500, 502, 503, 504] {
            assert_eq!(judge(Action::Create, status), "in doubt", "{status} {page}");
        }
        for status in [400, 404, 413, 429, 431] {
            assert_eq!(judge(Action::Create, status), "not done", "{status} {page}");
        }
        assert_eq!(judge(Action::Delete, 404), "in doubt");
    }
    assert_eq!(word(&interpret(Action::Delete, 200, None, b"<html>")), "in doubt");
}

#[test]
fn customers_are_written_as_the_server_was_seen_to_take_them() {
    let minimal = r#"{"displayName":"Harbour Lane Traders","type":"Company","currencyCode":"USD"}"#;
    is_as_recorded(EntityKind::Customers, "030", &operation(Action::Create, minimal, None));
    let full = r#"{"type":"Person","displayName":" Mara Okafor ","currencyCode":"USD","salutation":"Ms.",
        "firstName":"Mara","lastName":"Okafor","companyName":"Okafor & Daughters","email":"mara@example.test",
        "phoneNumber":"+44 20 5550 0101","mobilePhoneNumber":"+44 7700 900123","website":"https://example.test",
        "note":"first line\nsecond line é 中","active":true,"openingBalance":250.5,"openingBalanceDate":"2025-12-31",
        "openingBalanceExchangeRate":1,"addressLine1":"1 Quay Street","addressLine2":"Unit 2","city":"Hull",
        "state":"East Riding","country":"United Kingdom","billingPhoneNumber":"+44 1482 555010",
        "billingEmail":"billing@example.test","shippingAddressLine1":"9 Dock Road","shippingAddressLine2":"Gate B",
        "shippingCity":"Leeds","shippingState":"West Yorkshire","shippingCountry":"United Kingdom",
        "shippingPhoneNumber":"+44 113 555020","shippingEmail":"dock@example.test"}"#;
    is_as_recorded(EntityKind::Customers, "031", &operation(Action::Create, full, None));
    let cleared = r#"{"type":"Company","displayName":"Harbour Lane Traders","email":""}"#;
    is_as_recorded(EntityKind::Customers, "052", &operation(Action::Update, cleared, Some("1")));
    let opening =
        r#"{"openingBalance":40,"openingBalanceDate":"2026-01-01","type":"Company","displayName":"H"}"#;
    is_as_recorded(EntityKind::Customers, "054", &operation(Action::Update, opening, Some("1")));
    let active = |value| format!(r#"{{"active":{value},"type":"Company","displayName":"H"}}"#);
    is_as_recorded(EntityKind::Customers, "055", &operation(Action::Update, &active(false), Some("4")));
    is_as_recorded(EntityKind::Customers, "058", &operation(Action::Update, &active(true), Some("4")));
    is_as_recorded(EntityKind::Customers, "060", &operation(Action::Delete, "", Some("5")));
}

#[test]
fn payments_are_written_as_the_server_was_seen_to_take_them() {
    let new = r#"{"documentNumber":"EXT-1","customerId":1,"postingDate":"2026-01-10","amount":-20.00,
        "appliesToInvoiceNumber":"MIG-1001","appliesToInvoiceId":1,"depositAccountNumber":"10001",
        "depositAccountId":1000,"externalDocumentNumber":"CHQ 2"}"#;
    is_as_recorded(EntityKind::Payments, "081", &operation(Action::Create, new, None));
    let edit = r#"{"customerId":1,"postingDate":"2026-01-12","amount":-25,"appliesToInvoiceId":1,
        "depositAccountId":1000,"externalDocumentNumber":"CHQ 2b"}"#;
    is_as_recorded(EntityKind::Payments, "099", &operation(Action::Update, edit, Some("2")));
    is_as_recorded(EntityKind::Payments, "103", &operation(Action::Delete, "", Some("1")));
}

#[test]
fn a_change_of_several_parts_begins_with_the_record() {
    let payload = r#"{"note":"n","active":false,"openingBalance":5,"displayName":"A","type":"Person"}"#;
    let request = connector(EntityKind::Customers).single(&operation(Action::Update, payload, Some("3")));
    assert_eq!(request.path, "customers/3");
    assert_eq!(
        request.body.unwrap(),
        r#"{"note":"n","active":false,"displayName":"A","customerType":"individual"}"#
    );
}

#[test]
fn an_opening_balance_of_nothing_is_not_opened() {
    let payload =
        r#"{"displayName":"A","type":"Person","openingBalance":0.00,"openingBalanceExchangeRate":1}"#;
    let request = connector(EntityKind::Customers).single(&operation(Action::Create, payload, None));
    assert_eq!(request.body.unwrap(), r#"{"displayName":"A","customerType":"individual"}"#);
}

#[test]
fn an_id_that_is_no_number_names_no_record() {
    let payload = r#"{"note":"n"}"#;
    let request =
        connector(EntityKind::Customers).single(&operation(Action::Update, payload, Some("1/../2")));
    assert_eq!(request.path, "customers/0");
}

/// Properties of a customer that have no field, and why.
const IGNORED_OF_CUSTOMERS: &[(&str, &str)] = &[
    ("contact_type", "read as the type"),
    ("customer_type", "the type again"),
    ("contact_service", "always customer"),
    ("contact_normal", "always debit"),
    ("closing_balance", "the balance again"),
    ("billing_address_postcode", "cannot be written, so it is always null"),
    ("shipping_address_postcode", "cannot be written, so it is always null"),
    ("created_at", "always null"),
    ("updated_at", "always null"),
    ("formatted_balance", "display text"),
    ("formatted_opening_balance", "display text"),
    ("formatted_opening_balance_at", "display text"),
    ("formatted_customer_type", "display text"),
];

/// Properties of a payment that have no field, and why.
const IGNORED_OF_PAYMENTS: &[(&str, &str)] = &[
    ("entries", "read as the invoice and its id"),
    ("customer", "read as the customer's name"),
    ("deposit_account", "read as the account's number"),
    ("transactions", "the postings, which the server makes"),
    ("branch", "the branch id says it"),
    ("user_id", "always null"),
    ("stripe_pintent_id", "of another program"),
    ("pdf_template_id", "how it is printed"),
    ("created_at", "always null"),
    ("updated_at", "always null"),
    ("subtotal_formatted", "display text"),
    ("formattted_total", "display text"),
    ("formatted_amount", "display text"),
    ("formatted_exchange_rate", "display text"),
    ("formatted_payment_date", "display text"),
    ("formatted_created_at", "display text"),
];

/// The properties of a record that neither a field nor the list of ignored ones has.
fn unknown(kind: EntityKind, record: &Value) -> BTreeSet<String> {
    let (entity, ignored) = match kind {
        EntityKind::Customers => (&CUSTOMERS, IGNORED_OF_CUSTOMERS),
        EntityKind::Dimensions => panic!("there are none"),
        EntityKind::Payments => (&PAYMENTS, IGNORED_OF_PAYMENTS),
    };
    let is_known = |name: &str| {
        entity.fields.iter().any(|field| super::form::name_in_answers(field.path()) == name)
            || ignored.iter().any(|(ignored, why)| *ignored == name && !why.is_empty())
    };
    record.as_object().unwrap().keys().filter(|name| !is_known(name)).cloned().collect()
}

#[test]
fn every_property_of_every_recorded_record_is_read_or_known_to_say_nothing() {
    for number in ["030", "031", "032", "033", "034", "037", "039", "042", "050", "052", "054", "107", "144"]
    {
        let record: Value = serde_json::from_slice(&sample(number).answer).unwrap();
        assert_eq!(unknown(EntityKind::Customers, &record), BTreeSet::new(), "{number}");
    }
    for number in ["043", "044", "045", "057"] {
        let list: Value = serde_json::from_slice(&sample(number).answer).unwrap();
        for record in list["customers"].as_array().unwrap() {
            assert_eq!(unknown(EntityKind::Customers, record), BTreeSet::new(), "{number}");
        }
    }
    for number in ["080", "081", "085", "095", "099"] {
        let record: Value = serde_json::from_slice(&sample(number).answer).unwrap();
        assert_eq!(unknown(EntityKind::Payments, &record), BTreeSet::new(), "{number}");
    }
    for number in ["097", "098"] {
        let list: Value = serde_json::from_slice(&sample(number).answer).unwrap();
        for record in list["payment_receives"].as_array().unwrap() {
            assert_eq!(unknown(EntityKind::Payments, record), BTreeSet::new(), "{number}");
        }
    }
}

/// What the documentation says a customer has, in the names of requests.
///
/// Source: the properties of `CustomerResponseDto`, `openapi.json`.
const DOCUMENTED: &[&str] = &[
    "balance",
    "currencyCode",
    "openingBalance",
    "openingBalanceAt",
    "openingBalanceExchangeRate",
    "openingBalanceBranchId",
    "salutation",
    "firstName",
    "lastName",
    "companyName",
    "displayName",
    "email",
    "workPhone",
    "personalPhone",
    "website",
    "billingAddress1",
    "billingAddress2",
    "billingAddressCity",
    "billingAddressCountry",
    "billingAddressEmail",
    "billingAddressPostcode",
    "billingAddressPhone",
    "billingAddressState",
    "shippingAddress1",
    "shippingAddress2",
    "shippingAddressCity",
    "shippingAddressCountry",
    "shippingAddressEmail",
    "shippingAddressPostcode",
    "shippingAddressPhone",
    "shippingAddressState",
    "note",
    "active",
    "createdAt",
    "updatedAt",
    "localOpeningBalance",
    "closingBalance",
];

#[test]
fn every_documented_property_of_a_customer_is_read_or_known_to_say_nothing() {
    let record: serde_json::Map<String, Value> =
        DOCUMENTED.iter().map(|name| (super::form::name_in_answers(name), Value::Null)).collect();
    assert_eq!(unknown(EntityKind::Customers, &Value::Object(record)), BTreeSet::new());
}

fn page(set: Set<'_>, number: &str) -> String {
    let sample = sample(number);
    let page = Bigcapital::new(&DIALECT).neutral_page(set, &sample.path, sample.answer.into()).unwrap();
    String::from_utf8(page.to_vec()).unwrap()
}

#[test]
fn recorded_lists_are_read_as_neutral_pages() {
    insta::assert_snapshot!(page(Set::Companies, "007"), @r#"{"value":[{"id":"<organization id>","name":"Etl Lab Ltd","displayName":"Etl Lab Ltd","currencyCode":"USD"}]}"#);
    insta::assert_snapshot!(page(Set::FinancialDetails, "150"), @r#"{"value":[{"id":"3","displayName":"Euro Supplies GmbH","balance":125.006,"currencyCode":"USD"},{"id":"1","displayName":"Harbour Lane Traders","balance":315,"currencyCode":"USD"},{"id":"2","displayName":"Mara Okafor","balance":238.16,"currencyCode":"USD"}]}"#);
    insta::assert_snapshot!(page(Set::Reference("salesInvoices"), "075"), @r#"{"value":[{"id":"1","number":"MIG-1001","customerId":1,"currencyCode":"USD","remainingAmount":300,"isDelivered":true}]}"#);
    insta::assert_snapshot!(page(Set::Payments(""), "097"), @r#"{"value":[{"id":"1","amount":-50,"description":"first part","customerName":"Harbour Lane Traders","customerId":1,"postingDate":"2026-01-10","currencyCode":"USD","exchangeRate":1,"externalDocumentNumber":"CHQ 1","depositAccountId":1000,"documentNumber":"PAY-00001","branchId":null,"depositAccountNumber":"10001","localAmount":-50}],"@odata.nextLink":"payments-received?page=2&page_size=1"}"#);
    let inactive = page(Set::Customers, "057");
    assert!(inactive.starts_with(r#"{"value":[{"id":"4","balance":0,"salutation":null,"#), "{inactive}");
    assert!(inactive.contains(r#""active":false,"type":"Company","currencyCode":"USD""#), "{inactive}");
    assert!(page(Set::Reference("currencies"), "020").starts_with(r#"{"value":[{"id":"1000","code":"USD","#));
    assert!(page(Set::Reference("accounts"), "024").contains(
        r#""number":"10001","displayName":"Bank Account","accountType":"bank","currencyCode":"USD""#
    ));
}

#[test]
fn active_and_inactive_customers_make_one_list() {
    let api = Bigcapital::new(&DIALECT);
    let first = api.list(&List::of("o", Set::Customers, &[])).remove(0);
    let empty = r#"{"customers":[],"pagination":{"total":0,"page":1,"page_size":1000000}}"#;
    let page = |address: &str| {
        let page = api.neutral_page(Set::Customers, address, empty.into()).unwrap();
        serde_json::from_slice::<Value>(&page).unwrap()["@odata.nextLink"].as_str().map(str::to_owned)
    };
    let second = page(&first).unwrap();
    assert!(second.contains("inactive_mode=true"), "{second}");
    assert_eq!(page(&second), None);
}

#[test]
fn a_record_is_found_again_by_its_id_its_number_or_its_name() {
    let payments = connector(EntityKind::Payments);
    let sent = operation(Action::Create, r#"{"documentNumber":"EXT-1"}"#, None);
    let lookup = payments.lookups(&[sent]).remove(0);
    assert!(
        lookup.request.path.contains("stringified_filter_roles=%5B%7B%22fieldKey%22%3A%22payment_receive_no")
    );
    let found = payments.read_found(&lookup.request.path, &sample("098").answer).unwrap().0.remove(0);
    assert!(payments.identity(&sent).matches(&found), "{found:?}");
    let shouted = operation(Action::Create, r#"{"documentNumber":"ext-1"}"#, None);
    assert!(payments.identity(&shouted).matches(&found));

    let customers = connector(EntityKind::Customers);
    let named = |name: &str, email: &str| {
        let payload = format!(r#"{{"displayName":"{name}","email":"{email}","currencyCode":"usd"}}"#);
        customers.identity(&operation(Action::Create, &payload, None))
    };
    let read = |number| customers.read_found("customers/2", &sample(number).answer).unwrap().0.remove(0);
    assert!(named(" mara  OKAFOR", "Mara@example.test").matches(&read("032")));
    assert!(!named("Mara Okafor", "").matches(&read("032")));
    assert!(!named("Mára Okafor", "mara@example.test").matches(&read("032")), "accents count");
    let missing = sample("059");
    assert!(customers.is_absence(missing.status, &missing.answer));
    let missing = sample("096");
    assert!(payments.is_absence(missing.status, &missing.answer));
}

#[test]
fn many_records_are_found_in_the_whole_list() {
    let customers = connector(EntityKind::Customers);
    let operations: Vec<_> = (1..=9)
        .map(|row| Operation { row, ..operation(Action::Create, r#"{"displayName":"A"}"#, Some("3")) })
        .collect();
    let lookups = customers.lookups(&operations);
    assert_eq!((lookups.len(), lookups[0].rows.len()), (1, 9));
    let payments = connector(EntityKind::Payments);
    let mut changes: Vec<_> = (1..=9)
        .map(|row| Operation { row, ..operation(Action::Create, r#"{"documentNumber":"A"}"#, None) })
        .collect();
    changes.push(Operation { row: 10, ..operation(Action::Update, "{}", Some("7")) });
    let lookups = payments.lookups(&changes);
    assert_eq!((lookups.len(), lookups[0].rows.len()), (2, 9));
    assert_eq!((lookups[1].request.path.as_str(), &*lookups[1].rows), ("payments-received/7", &[10][..]));
    assert_eq!(customers.lookups(&operations[..2])[1].request.path, "customers/3");
}

#[test]
fn each_kind_of_call_is_counted_by_itself() {
    let connector = Bigcapital::new(&DIALECT).customers("1");
    let operation = |action, payload| Operation {
        row: 1,
        action,
        payload,
        remote_id: Some("1007"),
        etag: None,
        line_number: None,
    };
    let route = |action, payload| {
        let operation = operation(action, payload);
        assert_eq!(connector.route_of(&operation), connector.route(&connector.single(&operation)));
        connector.route_of(&operation)
    };
    assert_eq!(route(Action::Create, r#"{"displayName":"A"}"#), "POST customers");
    assert_eq!(route(Action::Update, r#"{"displayName":"A"}"#), "PUT customers/:id");
    assert_eq!(route(Action::Update, r#"{"active":false}"#), "PATCH contacts/:id/inactivate");
    assert_eq!(route(Action::Delete, "{}"), "DELETE customers/:id");
    let api = Bigcapital::new(&DIALECT);
    let list = List::of("1", crate::connector::Set::Customers, &[]);
    assert_eq!(api.route(&api.list(&list)[0]), "GET customers");
    let looks = |action, rows: usize| {
        let operations = vec![operation(action, "{}"); rows];
        connector
            .lookups(&operations)
            .into_iter()
            .map(|look| connector.route(&look.request))
            .collect::<Vec<_>>()
    };
    assert_eq!(looks(Action::Update, 1), ["GET customers/:id"]);
    // The single read of a changed record is needed before its change.
    assert_eq!(looks(Action::Update, 2), ["GET customers"]);
    assert_eq!(looks(Action::Create, 3), ["GET customers/:id"; 3]);
}
