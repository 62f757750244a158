//! API v1.0 over the same books: nested addresses, options as text, financial details as a list.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::Dialect;
use super::client::{Bench, code, message};

async fn bench() -> Bench {
    Bench::new().await.in_dialect(Dialect::V1)
}

fn names(record: &Value) -> Vec<&str> {
    let members = record.as_object().unwrap().keys().map(String::as_str);
    members.filter(|name| !name.starts_with("@odata")).collect()
}

fn address(street: &str, country: &str, postal_code: &str) -> Value {
    json!({ "street": street, "city": "Here", "countryLetterCode": country, "postalCode": postal_code })
}

#[tokio::test]
async fn a_customer_has_the_properties_of_its_reference_and_a_nested_address() {
    for bench in [bench().await, Bench::strict().await.in_dialect(Dialect::V1)] {
        let customer = bench.get("/customers?$filter=number eq '10000'").await["value"][0].clone();
        assert_eq!(
            names(&customer),
            [
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
                "shipmentMethodId",
                "paymentMethodId",
                "blocked",
                "lastModifiedDateTime"
            ]
        );
        assert_eq!(
            customer["address"],
            json!({
                "street": "192 Market Square\r\nSuite 300", "city": "Atlanta", "state": "GA",
                "countryLetterCode": "US", "postalCode": "31772"
            })
        );
        assert_eq!((&customer["type"], &customer["blocked"]), (&json!("Company"), &json!(" ")));
    }
}

#[tokio::test]
async fn nested_properties_are_filtered_selected_and_sorted_by_their_path() {
    let bench = bench().await;
    let found = bench
        .get("/customers?$filter=address/city eq 'Atlanta'&$orderby=address/street desc&$select=number,address/city")
        .await;
    let rows = found["value"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["number"], &rows[0]["address"]), (&json!("50000"), &json!({ "city": "Atlanta" })));
    let whole = bench.get("/customers?$top=1&$select=address").await["value"][0].clone();
    assert_eq!(names(&whole), ["address"]);
    assert_eq!(whole["address"].as_object().unwrap().len(), 5);
    for refused in
        ["$filter=address eq 'x'", "$filter=city eq 'x'", "$orderby=address", "$select=addressLine1"]
    {
        assert_eq!(bench.ask(&format!("/customers?{refused}")).await.0, 400, "{refused}");
    }
}

#[tokio::test]
async fn financial_details_are_those_of_the_published_example_in_all_three_forms() {
    let bench = bench().await;
    let expected = json!({
        "number": "50000", "balance": 8836.8, "totalSalesExcludingTax": 81049.0, "overdueAmount": 5754.96
    });
    let filter = "$filter=number eq '50000'";
    let listed = bench.get(&format!("/customerFinancialDetails?{filter}")).await["value"][0].clone();
    assert_eq!(names(&listed), ["id", "number", "balance", "totalSalesExcludingTax", "overdueAmount"]);
    let id = listed["id"].as_str().unwrap();
    let expanded = bench.get(&format!("/customers?$expand=customerFinancialDetails&{filter}")).await;
    let expanded_one = bench.get(&format!("/customers({id})?$expand=customerFinancialDetails")).await;
    let walked = bench.get(&format!("/customers({id})/customerFinancialDetails")).await;
    let keyed = bench.get(&format!("/customerFinancialDetails({id})")).await;
    for found in [
        &listed,
        &expanded["value"][0]["customerFinancialDetails"][0],
        &expanded_one["customerFinancialDetails"][0],
        &walked["value"][0],
        &keyed,
    ] {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&found[name], value, "{name}");
        }
        assert_eq!(found["id"], id);
    }
    assert_eq!(bench.ask("/customers?$expand=customerFinancialDetail").await.0, 400);
}

#[tokio::test]
async fn an_address_is_written_as_a_whole() {
    let bench = bench().await;
    let mut sent = address("1 First Street\r\nBack house", "us", "60601");
    sent["state"] = json!("IL");
    let (status, made) =
        bench.post("/customers", json!({ "number": "N1", "displayName": "N", "address": sent })).await;
    assert_eq!((status, &made["address"]["countryLetterCode"]), (201, &json!("US")));
    let path = format!("/customers({})", made["id"].as_str().unwrap());
    let (status, changed) =
        bench.patch(&path, json!({ "address": address("2 Second Street\nno break", "US", "60602") })).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        changed["address"],
        json!({
            "street": "2 Second Street\nno break", "city": "Here", "state": "", "countryLetterCode": "US",
            "postalCode": "60602"
        })
    );
    let (_, cleared) = bench.patch(&path, json!({ "address": null })).await;
    assert!(cleared["address"].as_object().unwrap().values().all(|part| part == ""), "{cleared}");
    let in_v2 = bench.in_dialect(Dialect::V2).get("/customers?$filter=number eq 'N1'").await;
    assert_eq!(in_v2["value"][0]["addressLine1"], "");
}

#[tokio::test]
async fn a_known_postal_code_names_the_city_but_the_state_is_set_last() {
    let bench = bench().await;
    let body = |state: Value| {
        let mut address = address("x", "US", "US-GA 31772");
        address["state"] = state;
        json!({ "displayName": "N", "address": address })
    };
    let (_, made) = bench.post("/customers", body(json!("XX"))).await;
    assert_eq!((&made["address"]["city"], &made["address"]["state"]), (&json!("Atlanta"), &json!("XX")));
    let (_, made) = bench.post("/customers", body(json!(""))).await;
    assert_eq!(made["address"]["state"], "");
}

#[tokio::test]
async fn every_broken_rule_of_a_customer_has_its_code_and_its_text() {
    let bench = bench().await;
    let long = "y".repeat(51);
    for (address, wanted_code, text) in [
        (json!({ "city": "A" }), "Application_DialogException", "street must be specified."),
        (json!({ "street": "s" }), "Application_DialogException", "city must be specified."),
        (
            json!({ "street": "s", "city": "A" }),
            "Application_DialogException",
            "countryLetterCode must be specified.",
        ),
        (
            json!({ "street": "s", "city": "A", "countryLetterCode": "US" }),
            "Application_DialogException",
            "postalCode must be specified.",
        ),
        (address("s", "XX", "1"), "Internal_InvalidTableRelation", ""),
        (
            address(&format!("s\r\n{long}"), "US", "1"),
            "Application_StringExceededLength",
            &format!("The length of 'Address 2' is 51, but it must be at most 50 characters: {long}"),
        ),
        (json!("somewhere"), "BadRequest", ""),
    ] {
        let (status, body) =
            bench.post("/customers", json!({ "displayName": "N", "address": address })).await;
        assert_eq!((status, code(&body)), (400, wanted_code), "{body}");
        assert!(text.is_empty() || message(&body) == text, "{body}");
    }
    for (name, value, wanted) in [
        ("salespersonCode", json!("JO"), "BadRequest"),
        ("creditLimit", json!(5), "BadRequest"),
        ("addressLine1", json!("x"), "BadRequest"),
        ("address/city", json!("x"), "BadRequest"),
        ("blocked", json!("_x0020_"), "Application_EvaluateException"),
        ("blocked", json!("Closed"), "Application_EvaluateException"),
        ("website", json!("w".repeat(256)), "Application_StringExceededLength"),
    ] {
        let (_, body) = bench.post("/customers", json!({ "displayName": "N", name: value })).await;
        assert_eq!(code(&body), wanted, "{name}: {body}");
    }
    let street = "z".repeat(120);
    let (_, cut) =
        bench.post("/customers", json!({ "displayName": "N", "address": address(&street, "US", "1") })).await;
    assert_eq!(cut["address"]["street"].as_str().unwrap().len(), 100);
}

#[tokio::test]
async fn a_blank_option_is_one_space_in_filters_and_bodies() {
    let bench = Bench::strict().await.in_dialect(Dialect::V1);
    assert_eq!(bench.get("/customers/$count?$filter=blocked eq ' '").await, json!(9));
    assert_eq!(bench.get("/customers/$count?$filter=blocked eq 'All'").await, json!(1));
    let id = bench.id("/customers?$filter=blocked eq 'All'").await;
    let (status, body) = bench.patch(&format!("/customers({id})"), json!({ "blocked": " " })).await;
    assert_eq!((status, &body["blocked"]), (200, &json!(" ")));
}

#[tokio::test]
async fn a_payment_has_its_dimensions_its_contact_and_its_journal_by_name_only() {
    let bench = bench().await;
    let journal = bench.id("/customerPaymentJournals?$filter=code eq 'BANK'").await;
    let path = format!("/customerPaymentJournals({journal})/customerPayments");
    let (status, made) = bench
        .post(
            &path,
            json!({
                "customerNumber": "10000", "contactId": "somebody", "amount": -1500, "documentNumber": "P-1",
                "dimensions": [{ "code": "area", "valueCode": "30" }]
            }),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        names(&made),
        [
            "id",
            "journalDisplayName",
            "lineNumber",
            "customerId",
            "customerNumber",
            "contactId",
            "postingDate",
            "documentNumber",
            "externalDocumentNumber",
            "amount",
            "appliesToInvoiceId",
            "appliesToInvoiceNumber",
            "description",
            "comment",
            "dimensions",
            "lastModifiedDateTime"
        ]
    );
    assert_eq!((&made["journalDisplayName"], &made["contactId"]), (&json!("BANK"), &json!("somebody")));
    let area = json!([{
        "code": "AREA", "displayName": "Area", "valueCode": "30", "valueDisplayName": "Europe"
    }]);
    assert_eq!(made["dimensions"], area);
    let one = format!("/customerPayments({})", made["id"].as_str().unwrap());
    let (_, changed) = bench.patch(&one, json!({ "comment": "x" })).await;
    assert_eq!((&changed["dimensions"], &changed["comment"]), (&area, &json!("x")));
    let (_, replaced) = bench.patch(&one, json!({ "dimensions": [] })).await;
    assert_eq!((&replaced["dimensions"], &replaced["contactId"]), (&json!([]), &json!("somebody")));
    assert_eq!(bench.delete(&one).await.0, 204);
    assert_eq!(bench.books().payments, 0);
}

#[tokio::test]
async fn every_broken_rule_of_a_payment_has_its_text() {
    let bench = bench().await;
    let journal = bench.id("/customerPaymentJournals?$filter=code eq 'BANK'").await;
    let path = format!("/customerPaymentJournals({journal})/customerPayments");
    let invoice = bench.id("/salesInvoices?$filter=number eq '103001'").await;
    for (body, text) in [
        (json!({ "journalDisplayName": "BANK" }), "The Journal Batch Display Name isn't editable."),
        (
            json!({ "appliesToInvoiceId": invoice, "appliesToInvoiceNumber": "103002" }),
            "The AppliesToInvoice values do not match to the same Invoice.",
        ),
        (
            json!({ "dimensions": [{ "code": "NONE", "valueCode": "1" }] }),
            "The Dimension does not exist. Identification fields and values: Code=NONE.",
        ),
        (json!({ "customerNumber": "NONE" }), "The \"customerNumber\" does not match to a Customer."),
    ] {
        let (_, refused) = bench.post(&path, body).await;
        assert_eq!(message(&refused), text);
    }
    let (_, refused) = bench.post("/customerPayments", json!({ "customerNumber": "10000" })).await;
    assert_eq!(code(&refused), "Application_DialogException");
    let (status, refused) = bench.post(&path, json!({ "journalId": journal })).await;
    assert_eq!((status, code(&refused)), (400, "BadRequest"));
    assert_eq!(bench.ask("/customerPayments").await.0, 400);
    assert_eq!(bench.books().payments, 0);
}

#[tokio::test]
async fn both_spellings_of_the_journals_work_unless_the_behaviour_is_strict() {
    let bench = bench().await;
    for spelling in ["customerPaymentJournals", "customerPaymentsJournals"] {
        let (status, made) = bench.post(&format!("/{spelling}"), json!({ "code": spelling[..10] })).await;
        // Both are cut to the same code, so the second is taken.
        assert_eq!(status, if spelling.contains("tJ") { 201 } else { 400 }, "{made}");
        assert_eq!(bench.get(&format!("/{spelling}/$count")).await, json!(3));
    }
    let journal = bench.id("/customerPaymentsJournals?$filter=code eq 'BANK'").await;
    assert_eq!(bench.ask(&format!("/customerPaymentsJournals({journal})/customerPayments")).await.0, 200);
    let strict = Bench::strict().await.in_dialect(Dialect::V1);
    assert_eq!(strict.ask("/customerPaymentsJournals").await.0, 404);
}

#[tokio::test]
async fn the_general_template_has_the_only_journals_that_can_be_posted() {
    let bench = bench().await;
    let journals = bench.get("/journals").await;
    assert_eq!(journals["value"].as_array().unwrap().len(), 1);
    let id = journals["value"][0]["id"].as_str().unwrap();
    let (status, refused) = bench.post(&format!("/journals({id})/Microsoft.NAV.post"), json!({})).await;
    assert_eq!((status, message(&refused)), (400, "There is nothing to post."));
    let cash = bench.id("/customerPaymentJournals").await;
    let (status, _) = bench.post(&format!("/journals({cash})/Microsoft.NAV.post"), json!({})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn an_entity_tag_taken_in_one_version_holds_in_another() {
    let bench = bench().await;
    let customer = bench.get("/customers?$top=1").await["value"][0].clone();
    let path = format!("/customers({})", customer["id"].as_str().unwrap());
    let bench = bench.in_dialect(Dialect::V2);
    let change = |tag: &str| {
        let request = bench.request(Method::PATCH, &path).header("if-match", tag);
        super::client::answer(request.body(json!({ "phoneNumber": "1" }).to_string()))
    };
    let tag = customer["@odata.etag"].as_str().unwrap();
    assert_eq!(change(tag).await.0, 200);
    assert_eq!(change(tag).await.0, 409);
    assert_eq!(bench.in_dialect(Dialect::V1).patch(&path, json!({ "phoneNumber": "2" })).await.0, 200);
}
