//! Rules that depend on how the company is set up, tried without a socket.

use axum::body::Bytes;
use axum::http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::books::Store;
use super::super::call::{Answer, Call, Headers};
use super::super::odata::{Behaviour, Dialect};
use super::super::perform::perform;
use super::super::{Service, read_books, seed};
use super::client::message;

/// Books that were changed by hand, and a service over them.
struct Desk {
    store: Store,
    service: Service,
    folder: TempDir,
}

impl Desk {
    fn with(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        drop(Store::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let store = Store::open(&path).unwrap();
        let (root, behaviour) = ("http://sandbox".to_owned(), Behaviour::Seed);
        let service = Service { root, dialect: Dialect::V2, behaviour, page_size: 20_000, stale_status: 412 };
        Self { store, service, folder }
    }

    fn ask(&self, method: Method, path: &str, (headers, body): (&[(&str, &str)], Value)) -> (u16, Value) {
        let path = format!("companies({})/{path}", seed::company_id());
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let call = Call {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Headers::of(headers.iter().copied()),
            body: Bytes::from(body.to_string()),
        };
        let answer: Answer = self.store.write(|turn| Ok(perform(&self.service, turn, &call, false))).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, (&[], body))
    }

    fn first_id(&self, path: &str) -> String {
        self.ask(Method::GET, path, (&[], Value::Null)).1["value"][0]["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn without_manual_numbers_only_the_series_gives_them() {
    let desk = Desk::with("UPDATE setup SET value = 'no' WHERE name = 'manual_numbers'");
    let (status, refused) = desk.post("customers", json!({ "number": "X1", "displayName": "X" }));
    assert_eq!(status, 400);
    assert!(message(&refused).starts_with("You may not enter numbers manually."));
    assert_eq!(desk.post("customers", json!({ "displayName": "X" })).0, 201);
}

#[test]
fn a_customer_blocked_for_privacy_is_neither_paid_for_nor_unblocked() {
    let desk = Desk::with("UPDATE customer SET privacy_blocked = 1 WHERE number = '10000'");
    let customer = desk.first_id("customers?$filter=number eq '10000'");
    let blocked = (&[("if-match", "*")][..], json!({ "blocked": "All" }));
    let (_, refused) = desk.ask(Method::PATCH, &format!("customers({customer})"), blocked);
    assert_eq!(
        message(&refused),
        "The Blocked field cannot be changed because the user is blocked for privacy reasons."
    );
    let journal = desk.first_id("customerPaymentJournals");
    let payments = format!("customerPaymentJournals({journal})/customerPayments");
    let (_, refused) = desk.post(&payments, json!({ "customerNumber": "10000", "amount": -1 }));
    assert_eq!(
        message(&refused),
        "You cannot create this type of document when Customer 10000 is blocked for privacy."
    );
}

#[test]
fn a_stale_entity_tag_can_be_answered_as_old_servers_do() {
    let desk = Desk::with("");
    let customer = desk.first_id("customers?$filter=number eq '10000'");
    let change = (&[("if-match", "W/\"old\"")][..], json!({ "city": "Macon" }));
    assert_eq!(desk.ask(Method::PATCH, &format!("customers({customer})"), change).0, 412);
}

#[test]
fn a_journal_without_a_balancing_account_does_not_balance() {
    let desk = Desk::with("");
    let (_, journal) = desk.post("customerPaymentJournals", json!({ "code": "BARE" }));
    let journal = journal["id"].as_str().unwrap();
    let line = json!({ "customerNumber": "10000", "documentNumber": "P1", "amount": -1 });
    desk.post(&format!("customerPaymentJournals({journal})/customerPayments"), line);
    let (status, refused) = desk.post(&format!("journals({journal})/microsoft.nav.POST"), Value::Null);
    assert_eq!(status, 400);
    assert!(message(&refused).starts_with("Document No. P1 is out of balance."), "{refused}");
}

#[test]
fn a_payment_in_a_foreign_currency_moves_the_balance_by_its_rate() {
    let desk = Desk::with("");
    let journal = desk.first_id("customerPaymentJournals?$filter=code eq 'BANK'");
    let balance = "customerFinancialDetails?$filter=number eq '40000'";
    let owed =
        |desk: &Desk| desk.ask(Method::GET, balance, (&[], Value::Null)).1["value"][0]["balance"].clone();
    assert_eq!(owed(&desk), json!(5400.0));
    let line = json!({ "customerNumber": "40000", "documentNumber": "P1", "amount": -1000, "appliesToInvoiceNumber": "103005" });
    desk.post(&format!("customerPaymentJournals({journal})/customerPayments"), line);
    assert_eq!(desk.post(&format!("journals({journal})/Microsoft.NAV.post"), Value::Null).0, 204);
    assert_eq!(owed(&desk), json!(4320.0));
    let books = read_books(&desk.folder.path().join("books")).unwrap();
    assert_eq!(books.sums.posted_payments["EUR"].to_string(), "-1000.00");
}

#[test]
fn deleting_a_journal_deletes_its_lines_and_renaming_it_renames_them() {
    let desk = Desk::with("");
    let journal = desk.first_id("customerPaymentJournals?$filter=code eq 'BANK'");
    let path = format!("customerPaymentJournals({journal})");
    let payments = format!("{path}/customerPayments");
    desk.post(&payments, json!({ "customerNumber": "10000", "amount": -1 }));
    let any = &[("if-match", "*")][..];
    assert_eq!(desk.ask(Method::PATCH, &path, (any, json!({ "code": "BANK2" }))).0, 200);
    let (_, lines) = desk.ask(Method::GET, &payments, (&[], Value::Null));
    assert_eq!(lines["value"][0]["journalDisplayName"], "BANK2");
    let taken = desk.ask(Method::PATCH, &path, (any, json!({ "code": "GENERAL" })));
    assert_eq!(taken.0, 400);
    assert_eq!(desk.ask(Method::DELETE, &path, (&[], Value::Null)).0, 204);
    assert_eq!(read_books(&desk.folder.path().join("books")).unwrap().payments, 0);
}
