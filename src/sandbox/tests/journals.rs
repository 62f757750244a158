//! Payments from the journal to the ledger.

use serde_json::{Value, json};

use super::client::{Bench, code, message};

/// A journal called `MIGR` that an account balances; gives the path of its payments and its id.
async fn journal(bench: &Bench) -> (String, String) {
    let account = bench.id("/accounts?$filter=number eq '10100'").await;
    let sent = json!({ "code": "migr", "displayName": "Migration", "balancingAccountId": account });
    let (status, journal) = bench.post("/customerPaymentJournals", sent).await;
    assert_eq!(
        (status, &journal["code"], &journal["balancingAccountNumber"]),
        (201, &json!("MIGR"), &json!("10100"))
    );
    let id = journal["id"].as_str().unwrap().to_owned();
    (format!("/customerPaymentJournals({id})/customerPayments"), id)
}

#[tokio::test]
async fn a_payment_fills_in_what_was_not_sent() {
    let bench = Bench::new().await;
    let (payments, id) = journal(&bench).await;
    let first = json!({ "customerNumber": "10000", "documentNumber": "PAY-009", "postingDate": "2026-01-20", "amount": -10.005 });
    let (status, first) = bench.post(&payments, first).await;
    assert_eq!(status, 201, "{first}");
    for (name, value) in [
        ("lineNumber", json!(10000)),
        ("amount", json!(-10.01)),
        ("description", json!("Adatum Corporation")),
        ("journalId", json!(id)),
        ("journalDisplayName", json!("MIGR")),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    let (_, second) = bench.post(&payments, json!({ "customerNumber": "40000", "amount": -2.345 })).await;
    assert_eq!((&second["lineNumber"], &second["documentNumber"]), (&json!(20000), &json!("PAY-010")));
    assert_eq!((&second["postingDate"], &second["amount"]), (&json!("2026-01-20"), &json!(-2.35)));
    let sums = bench.books().sums.payments;
    assert_eq!(
        sums.iter().map(|(code, sum)| format!("{code} {sum}")).collect::<Vec<_>>(),
        ["EUR -2.35", "USD -10.01"]
    );
}

#[tokio::test]
async fn a_line_number_is_used_once() {
    let bench = Bench::new().await;
    let (payments, _) = journal(&bench).await;
    let sent = json!({ "lineNumber": 50000, "customerNumber": "10000", "documentNumber": "A", "amount": -1 });
    assert_eq!(bench.post(&payments, sent.clone()).await.0, 201);
    let (status, again) = bench.post(&payments, sent).await;
    assert_eq!((status, code(&again)), (400, "Internal_EntityWithSameKeyExists"));
    assert_eq!((bench.books().payments, bench.books().duplicates.payments), (1, 0));
    let copy = json!({ "lineNumber": 50001, "customerNumber": "10000", "documentNumber": "A", "amount": -1 });
    bench.post(&payments, copy).await;
    assert_eq!(bench.books().duplicates.payments, 1);
}

#[tokio::test]
async fn every_broken_rule_of_a_payment_has_its_text() {
    let bench = Bench::new().await;
    let (payments, _) = journal(&bench).await;
    let other = bench.id("/customers?$filter=number eq '20000'").await;
    let draft = bench.id("/salesInvoices?$filter=number eq 'S-ORD101009'").await;
    let invoice = bench.id("/salesInvoices?$filter=number eq '103001'").await;
    let no_one = "11111111-2222-3333-4444-555555555555";
    let cases: Vec<(Value, &str)> = vec![
        (json!({ "customerNumber": "NOBODY" }), "The \"customerNumber\" does not match to a Customer."),
        (json!({ "customerId": no_one }), "The \"customerId\" does not match to a Customer."),
        (
            json!({ "customerId": other, "customerNumber": "10000" }),
            "The customer values do not match to a specific Customer.",
        ),
        (
            json!({ "customerNumber": "70000" }),
            "You cannot create this type of document when Customer 70000 is blocked with type All",
        ),
        (
            json!({ "customerNumber": "92000" }),
            "You cannot create this type of document when Customer 92000 is blocked with type Invoice",
        ),
        (
            json!({ "customerNumber": "10000", "appliesToInvoiceId": draft }),
            "The \"appliesToInvoiceId\" should be the ID of an Open, Paid, Corrective, or Canceled Invoice.",
        ),
        (
            json!({ "customerNumber": "10000", "appliesToInvoiceId": invoice, "appliesToInvoiceNumber": "X" }),
            "The Applies To Invoice values do not match to the same Invoice.",
        ),
        (
            json!({ "customerNumber": "10000", "journalDisplayName": "OTHER" }),
            "The Journal Id and Journal Display Name do not match.",
        ),
        (
            json!({ "customerNumber": "40000", "postingDate": "2019-12-31" }),
            "There is no Currency Exchange Rate within the filter. Filters: Currency Code: EUR, Starting Date: ..2019-12-31",
        ),
    ];
    for (sent, text) in cases {
        let (status, body) = bench.post(&payments, sent.clone()).await;
        assert_eq!((status, message(&body)), (400, text), "{sent}");
    }
    let (status, body) = bench.post("/customerPayments", json!({ "amount": -1 })).await;
    assert_eq!((status, code(&body)), (400, "Application_DialogException"));
    assert_eq!(message(&body), "You must specify a journal batch ID or a journal ID to get a journal line.");
    assert_eq!(bench.ask("/customerPayments").await.0, 400);
}

#[tokio::test]
async fn an_invoice_names_the_customer_and_an_unknown_one_is_kept() {
    let bench = Bench::new().await;
    let (payments, id) = journal(&bench).await;
    let invoice = bench.id("/salesInvoices?$filter=number eq '103003'").await;
    let (_, by_invoice) = bench.post(&payments, json!({ "appliesToInvoiceId": invoice, "amount": -1 })).await;
    assert_eq!(
        (&by_invoice["customerNumber"], &by_invoice["appliesToInvoiceNumber"]),
        (&json!("20000"), &json!("103003"))
    );
    let sent = json!({ "journalId": id, "customerNumber": "90000", "appliesToInvoiceNumber": "inv-1", "amount": -1 });
    let (status, unknown) = bench.post("/customerPayments", sent).await;
    assert_eq!((status, &unknown["appliesToInvoiceNumber"]), (201, &json!("INV-1")));
    let path = format!("{payments}({})", by_invoice["id"].as_str().unwrap());
    let (_, cleared) = bench.patch(&path, json!({ "appliesToInvoiceNumber": "" })).await;
    assert_eq!(cleared["appliesToInvoiceId"], "00000000-0000-0000-0000-000000000000");
    let (_, moved) = bench.patch(&path, json!({ "journalDisplayName": "BANK" })).await;
    assert_eq!(message(&moved), "The Journal Batch Display Name cannot be changed.");
    let by_filter =
        bench.get(&format!("/customerPayments?$filter=journalId eq {id}&$select=lineNumber")).await;
    assert_eq!(by_filter["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn posting_moves_balances_pays_the_invoice_and_leaves_a_hidden_line() {
    let bench = Bench::new().await;
    let (payments, id) = journal(&bench).await;
    let detail = "/customerFinancialDetails?$filter=number eq '10000'";
    let before = bench.get(detail).await["value"][0].clone();
    assert_eq!((&before["balance"], &before["overdueAmount"]), (&json!(15750.0), &json!(3200.0)));
    assert_eq!(before["totalSalesExcludingTax"], json!(245_000.0));
    let paid = json!({ "customerNumber": "10000", "documentNumber": "P1", "amount": -3000, "appliesToInvoiceNumber": "103001" });
    bench.post(&payments, paid).await;
    let post = format!("/journals({id})/Microsoft.NAV.post");
    assert_eq!(bench.post(&post, json!({})).await.0, 204);
    let after = bench.get(detail).await["value"][0].clone();
    assert_eq!((&after["balance"], &after["overdueAmount"]), (&json!(12750.0), &json!(200.0)));
    assert_eq!(after["lastModifiedDateTime"], before["lastModifiedDateTime"]);
    let invoice = bench.get("/salesInvoices?$filter=number eq '103001'").await["value"][0].clone();
    assert_eq!((&invoice["remainingAmount"], &invoice["status"]), (&json!(200.0), &json!("Open")));
    let books = bench.books();
    assert_eq!((books.payments, books.posted_payments), (0, 1));
    assert_eq!(bench.get(&payments).await["value"], json!([]));
    let taken = json!({ "lineNumber": 10000, "customerNumber": "10000", "amount": -1 });
    assert_eq!(code(&bench.post(&payments, taken).await.1), "Internal_EntityWithSameKeyExists");
    assert_eq!(message(&bench.post(&post, json!({})).await.1), "There is nothing to post.");
}

#[tokio::test]
async fn a_journal_with_one_bad_line_is_not_posted_at_all() {
    let bench = Bench::new().await;
    let (payments, id) = journal(&bench).await;
    let post = format!("/journals({id})/Microsoft.NAV.post");
    let good = json!({ "customerNumber": "10000", "documentNumber": "P1", "amount": -1 });
    bench.post(&payments, good).await;
    for (bad, start) in [
        (
            json!({ "customerNumber": "10000", "documentNumber": "P2", "amount": 5 }),
            "Amount must be negative",
        ),
        (
            json!({ "customerNumber": "10000", "documentNumber": "P2", "amount": 0 }),
            "Amount must have a value",
        ),
        (
            json!({ "customerNumber": "10000", "documentNumber": "", "amount": -5 }),
            "Document No. must have a value",
        ),
        (json!({ "documentNumber": "P2", "amount": -5 }), "Account No. must have a value"),
        (
            json!({ "customerNumber": "10000", "documentNumber": "P2", "amount": -5, "appliesToInvoiceNumber": "NONE" }),
            "There is no Cust. Ledger Entry",
        ),
        (
            json!({ "customerNumber": "10000", "documentNumber": "P2", "amount": -5, "postingDate": "2025-01-01", "appliesToInvoiceNumber": "103001" }),
            "You are not allowed to apply and post",
        ),
    ] {
        let (_, line) = bench.post(&payments, bad.clone()).await;
        let (status, body) = bench.post(&post, json!({})).await;
        assert_eq!(status, 400, "{bad}");
        assert!(message(&body).starts_with(start), "{bad}: {}", message(&body));
        bench.delete(&format!("{payments}({})", line["id"].as_str().unwrap())).await;
    }
    assert_eq!((bench.books().payments, bench.books().posted_payments), (1, 0));
}
