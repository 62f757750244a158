//! Payments, invoices and balances: what moves what.

use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, kind};
use crate::domain::money::Money;
use crate::sandbox::{read_books, seed_bigcapital_customers};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_header_moves_the_balance_and_the_entries_move_the_invoice() {
    let bench = Bench::new().await;
    let (owed, due) = (bench.get("customers/1").await["balance"].as_f64().unwrap(), 5_000);
    let payment = json!({
        "customerId": 1, "paymentDate": "2026-02-01", "depositAccountId": 1000, "amount": 100.5,
        "entries": [{ "invoiceId": 1, "paymentAmount": 40 }], "paymentReceiveNo": "P-1",
    });
    let (status, made) = bench.post("payments-received", payment).await;
    assert_eq!((status, &made["amount"]), (201, &json!(100.5)));
    assert!((bench.get("customers/1").await["balance"].as_f64().unwrap() - (owed - 100.5)).abs() < 1e-6);
    let invoices = bench.get("sale-invoices/receivable?customer_id=1").await;
    assert_eq!(invoices[0]["due_amount"], due - 40);
    let books = bench.books();
    assert_eq!((books.sums.payments["USD"], books.sums.applied["USD"]), (money("100.5"), money("40")));
}

#[tokio::test]
async fn a_deleted_payment_gives_back_what_it_took() {
    let bench = Bench::new().await;
    let before = bench.books().sums;
    let (_, made) = bench.pay("P-1", 30).await;
    assert_ne!(bench.books().sums, before);
    let path = format!("payments-received/{}", made["id"]);
    assert_eq!(bench.send(Method::DELETE, &path, Value::Null).await, (200, Value::Null));
    assert_eq!(bench.books().sums, before);
    assert_eq!(bench.send(Method::DELETE, &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn an_invoice_takes_no_more_than_is_due_and_an_edit_frees_what_it_replaces() {
    let bench = Bench::new().await;
    let (_, made) = bench.pay("P-1", 5_000).await;
    let (status, refused) = bench.pay("P-2", 1).await;
    assert_eq!((status, kind(&refused)), (400, "INVALID_PAYMENT_AMOUNT"));
    let edit = json!({
        "customerId": 1, "paymentDate": "2026-02-02", "depositAccountId": 1000,
        "entries": [{ "invoiceId": 1, "paymentAmount": 4_999 }],
    });
    let path = format!("payments-received/{}", made["id"]);
    let (status, edited) = bench.send(Method::PUT, &path, edit.clone()).await;
    assert_eq!((status, &edited["payment_receive_no"]), (200, &json!("P-1")));
    assert_eq!(bench.pay("P-2", 1).await.0, 201);
    let mut foreign = edit;
    foreign["entries"][0]["id"] = json!(999);
    let (_, refused) = bench.send(Method::PUT, &path, foreign).await;
    assert_eq!(kind(&refused), "ENTRIES_IDS_NOT_EXISTS");
}

#[tokio::test]
async fn a_payment_entry_below_zero_is_a_failure_of_the_server() {
    let bench = Bench::new().await;
    assert_eq!(bench.pay("P-1", -5).await.0, 500);
    assert_eq!(bench.pay("P-2", 0).await.0, 201);
}

#[tokio::test]
async fn the_automatic_counter_moves_on_even_when_a_number_is_sent() {
    let bench = Bench::new().await;
    bench.pay("P-1", 1).await;
    let payment = json!({
        "customerId": 1, "paymentDate": "2026-02-01", "depositAccountId": 1000,
        "entries": [{ "invoiceId": 1, "paymentAmount": 1 }],
    });
    let (_, made) = bench.post("payments-received", payment).await;
    assert_eq!(made["payment_receive_no"], "PAY-00002");
}

#[tokio::test]
async fn a_bulk_delete_keeps_what_it_deleted_before_it_failed() {
    let bench = Bench::new().await;
    for name in ["One", "Two"] {
        let customer = json!({ "customerType": "business", "displayName": name, "currencyCode": "USD" });
        bench.post("customers", customer).await;
    }
    let (status, _) = bench.post("customers/bulk-delete", json!({ "ids": [9, 1, 10] })).await;
    assert_eq!((status, bench.books().customers), (500, 9));
}

#[tokio::test]
async fn a_foreign_opening_balance_stands_in_both_currencies() {
    let bench = Bench::new().await;
    let customer = json!({
        "customerType": "business", "displayName": "Euro", "currencyCode": "EUR", "openingBalance": "100.005",
        "openingBalanceAt": "2025-12-31", "openingBalanceExchangeRate": 1.25,
    });
    let (_, made) = bench.post("customers", customer).await;
    assert_eq!((&made["balance"], &made["local_opening_balance"]), (&json!(0), &json!(125.00625)));
    let path = format!("customers/{}", made["id"]);
    assert_eq!(bench.get(&path).await["balance"], 100.005);
    let zero = json!({ "openingBalance": 0 });
    let (_, stale) = bench.send(Method::PUT, &format!("{path}/opening-balance"), zero).await;
    assert_eq!(stale["balance"], 100.005);
    assert_eq!(bench.get(&path).await["balance"], 0);
}

#[tokio::test]
async fn the_books_survive_the_server_and_count_a_crowd_with_open_invoices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books");
    assert_eq!(seed_bigcapital_customers(&path, 30).unwrap(), 30);
    assert_eq!(seed_bigcapital_customers(&path, 31).unwrap(), 1);
    let options = crate::sandbox::SandboxOptions { books: path.clone(), ..Default::default() };
    let sandbox = crate::sandbox::Sandbox::start(options).await.unwrap();
    sandbox.stop().await;
    let books = read_books(&path).unwrap().bigcapital;
    assert_eq!((books.customers, books.invoices), (8 + 31, 48 + 31));
    assert_eq!(books.duplicates, crate::sandbox::BigcapitalDuplicates::default());
    assert_eq!(books.sums.due, books.sums.balances);
}
