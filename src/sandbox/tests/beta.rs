//! API beta over the same books: balances on the customer, nested terms, contacts that pay.

use serde_json::{Value, json};

use super::super::Dialect;
use super::client::{Bench, answer, code, message};

async fn bench() -> Bench {
    Bench::new().await.in_dialect(Dialect::Beta)
}

async fn strict() -> Bench {
    Bench::strict().await.in_dialect(Dialect::Beta)
}

fn names(record: &Value) -> Vec<&str> {
    let members = record.as_object().unwrap().keys().map(String::as_str);
    members.filter(|name| !name.starts_with("@odata")).collect()
}

/// The properties in the table of the beta reference's customer.
const CUSTOMER: [&str; 25] = [
    "id",
    "number",
    "displayName",
    "type",
    "address",
    "phoneNumber",
    "email",
    "website",
    "taxLiable",
    "taxAreaId",
    "taxAreaDisplayName",
    "taxRegistrationNumber",
    "currencyId",
    "currencyCode",
    "paymentTermsId",
    "paymentTerms",
    "shipmentMethodId",
    "shipmentMethod",
    "paymentMethodId",
    "paymentMethod",
    "blocked",
    "balance",
    "overdueAmount",
    "totalSalesExcludingTax",
    "lastModifiedDateTime",
];

/// The properties of the published payment.
const PAYMENT: &str = "id,lineNumber,customerId,customerNumber,contactId,postingDate,documentNumber,\
    externalDocumentNumber,amount,appliesToInvoiceId,appliesToInvoiceNumber,description,comment,lastModifiedDateTime";

#[tokio::test]
async fn a_customer_is_the_published_one_with_balances_and_nested_terms() {
    let bench = bench().await;
    let customer = bench.get("/customers?$filter=number eq '50000'").await["value"][0].clone();
    assert_eq!(names(&customer), CUSTOMER);
    assert_eq!(
        (&customer["balance"], &customer["overdueAmount"], &customer["totalSalesExcludingTax"]),
        (&json!(8836.8), &json!(5754.96), &json!(81049.0))
    );
    assert_eq!(customer["paymentTerms"], json!({ "code": "14 DAYS", "description": "Net 14 days" }));
    assert_eq!((&customer["currencyCode"], &customer["blocked"]), (&json!("USD"), &json!(" ")));
    let sorted = bench.get("/customers?$filter=balance gt 0&$orderby=balance desc&$top=1").await;
    assert_eq!(sorted["value"][0]["number"], "60000");
    assert_eq!(bench.ask("/customerFinancialDetails").await.0, 404);
    assert_eq!(bench.ask("/customers?$expand=customerFinancialDetails").await.0, 400);
}

#[tokio::test]
async fn strict_behaviour_has_no_nested_terms_but_ways_to_them() {
    let bench = strict().await;
    let customer = bench.get("/customers?$filter=balance gt 0&$top=1&$expand=shipmentMethod").await;
    let customer = &customer["value"][0];
    let expected: Vec<_> = CUSTOMER
        .iter()
        .copied()
        .filter(|name| !["paymentTerms", "shipmentMethod", "paymentMethod"].contains(name))
        .chain(["shipmentMethod"])
        .collect();
    assert_eq!(names(customer), expected);
    assert_eq!(customer["shipmentMethod"]["displayName"], "Cost, insurance and freight");
    assert_eq!(bench.ask("/customerPaymentsJournals").await.0, 404);
}

#[tokio::test]
async fn terms_are_written_by_code_or_by_id_and_are_null_when_there_are_none() {
    let bench = bench().await;
    let (status, made) = bench
        .post(
            "/customers",
            json!({ "displayName": "N", "paymentTerms": { "code": "cm" }, "paymentMethod": null }),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["paymentTerms"], json!({ "code": "CM", "description": "Current month" }));
    assert_eq!((&made["paymentMethod"], &made["shipmentMethod"]), (&Value::Null, &Value::Null));
    let found = bench.get("/customers/$count?$filter=paymentTerms/code eq 'CM'").await;
    assert_eq!(found, json!(1));
    let cash = bench.id("/paymentTerms?$filter=code eq 'COD'").await;
    for (body, text) in [
        (
            json!({ "displayName": "N", "paymentMethod": { "code": "NONE" } }),
            "The \"paymentMethod\" does not match to a Payment Method.",
        ),
        (
            json!({ "displayName": "N", "paymentTerms": { "code": "CM" }, "paymentTermsId": cash }),
            "The values of paymentTermsId do not match to a specific Payment Terms.",
        ),
    ] {
        assert_eq!(message(&bench.post("/customers", body).await.1), text);
    }
    let website = json!({ "displayName": "N", "website": "w".repeat(81) });
    assert_eq!(code(&bench.post("/customers", website).await.1), "Application_StringExceededLength");
    assert_eq!(
        code(&bench.post("/customers", json!({ "displayName": "N", "balance": 1 })).await.1),
        "BadRequest_InvalidOperation"
    );
}

#[tokio::test]
async fn the_published_request_gives_the_published_payment_at_every_documented_address() {
    let bench = bench().await;
    let journal = bench.id("/customerPaymentsJournals?$filter=code eq 'BANK'").await;
    let path = format!("customerPaymentsJournals({journal})/customerPayments");
    let body = json!({
        "customerNumber": "10000", "contactId": "", "postingDate": "2026-01-31", "documentNumber": "1234",
        "amount": 1500, "appliesToInvoiceNumber": "103001"
    });
    let (status, made) = bench.post(&format!("/{path}"), body).await;
    assert_eq!((status, &made["amount"], &made["lineNumber"]), (201, &json!(1500.0), &json!(10000)));
    let id = made["id"].as_str().unwrap();
    let origin = bench.root.trim_end_matches("/v2.0/sandbox/api/beta").to_owned();
    for root in ["/v2.0/sandbox/api/beta", "/v1.0/api/beta", "/financials"] {
        let url = format!("{origin}{root}/{}/{path}({id})?$select={PAYMENT}", bench.company());
        let (status, found) = answer(bench.http.get(&url).bearer_auth(&bench.token)).await;
        assert_eq!(status, 200, "{url}: {found}");
        assert_eq!(names(&found), PAYMENT.split(',').collect::<Vec<_>>());
        assert!(found["@odata.context"].as_str().unwrap().starts_with(&format!("{origin}{root}/$metadata")));
    }
    let strict = strict().await;
    let origin = strict.root.trim_end_matches("/v2.0/sandbox/api/beta");
    let request = strict.http.get(format!("{origin}/financials/companies")).bearer_auth(&strict.token);
    assert_eq!(answer(request).await.0, 404);
}

#[tokio::test]
async fn a_payment_is_found_where_its_location_says() {
    let bench = bench().await;
    let journal = bench.id("/customerPaymentJournals?$filter=code eq 'BANK'").await;
    let path = format!("/customerPaymentJournals({journal})/customerPayments");
    let request = bench.request(reqwest::Method::POST, &path);
    let response = request.body(json!({ "customerNumber": "10000" }).to_string()).send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.contains("/customerPaymentJournals("), "{location}");
    assert_eq!(answer(bench.http.get(location).bearer_auth(&bench.token)).await.0, 200);
}

#[tokio::test]
async fn strict_behaviour_reaches_payments_below_their_journal_only() {
    for (bench, status) in [(bench().await, 200), (strict().await, 400)] {
        let journal = bench.id("/customerPaymentJournals?$filter=code eq 'BANK'").await;
        let path = format!("/customerPaymentJournals({journal})/customerPayments");
        let (_, made) = bench.post(&path, json!({ "customerNumber": "10000" })).await;
        let id = made["id"].as_str().unwrap();
        let alone = format!("/customerPayments({id})");
        assert_eq!(bench.ask(&alone).await.0, status);
        assert_eq!(bench.patch(&alone, json!({ "comment": "x" })).await.0, status);
        assert_eq!(bench.patch(&format!("{path}({id})"), json!({ "comment": "y" })).await.0, 200);
        assert_eq!(bench.delete(&format!("{path}({id})")).await.0, 204);
    }
}

#[tokio::test]
async fn a_contact_finds_its_customer_or_makes_one_once() {
    let bench = bench().await;
    let journal = bench.id("/customerPaymentJournals?$filter=code eq 'BANK'").await;
    let path = format!("/customerPaymentJournals({journal})/customerPayments");
    let (_, known) = bench.post(&path, json!({ "contactId": "AAMkADAxMDAwMA", "amount": -1 })).await;
    assert_eq!((&known["customerNumber"], &known["contactId"]), (&json!("10000"), &json!("AAMkADAxMDAwMA")));
    let mut made = Vec::new();
    for _ in 0..2 {
        let (status, payment) =
            bench.post(&path, json!({ "contactId": "AAMkADk5OTk5OQ", "amount": -1 })).await;
        assert_eq!((status, &payment["description"]), (201, &json!("Margie's Travel")));
        made.push(payment["customerId"].clone());
    }
    assert_eq!(made[0], made[1]);
    assert_eq!(bench.books().customers, 13);
    let (_, nobody) = bench.post(&path, json!({ "contactId": "nobody", "amount": -1 })).await;
    assert_eq!((&nobody["customerNumber"], &nobody["contactId"]), (&json!(""), &json!("nobody")));
    let (_, refused) =
        bench.post(&path, json!({ "contactId": "AAMkADAxMDAwMA", "customerNumber": "20000" })).await;
    assert_eq!(message(&refused), "The customer values do not match to a specific Customer.");
    for (name, length) in [("externalDocumentNumber", 21), ("description", 51)] {
        let (_, refused) = bench.post(&path, json!({ name: "x".repeat(length) })).await;
        assert_eq!(code(&refused), "Application_StringExceededLength", "{name}");
    }
}

#[tokio::test]
async fn a_refused_payment_makes_no_customer_of_its_contact() {
    let bench = bench().await;
    let journal = bench.id("/customerPaymentJournals?$filter=code eq 'BANK'").await;
    let path = format!("/customerPaymentJournals({journal})/customerPayments");
    let body = json!({ "contactId": "AAMkADk5OTk5OQ", "dimensions": [{ "code": "NONE", "valueCode": "" }] });
    assert_eq!(bench.post(&path, body).await.0, 404);
    let body = json!({ "contactId": "AAMkADk5OTk5OQ", "customerNumber": "NONE" });
    assert_eq!(bench.post(&path, body).await.0, 400);
    assert_eq!(bench.books().customers, 12);
}
