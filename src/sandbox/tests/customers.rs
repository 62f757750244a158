//! What the server checks, derives and says about customers.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Bench, answer, code, message};

const NO_ONE: &str = "11111111-2222-3333-4444-555555555555";

#[tokio::test]
async fn a_customer_is_created_as_sent_and_found_where_its_location_says() {
    let bench = Bench::new().await;
    let terms = bench.id("/paymentTerms?$filter=code eq '30 DAYS'").await;
    let sent = json!({
        "number": " c-77 ", "displayName": "Fabrikam, Inc.", "type": "Person", "country": "us",
        "phoneNumber": "+1-312-555-0300", "email": "billing@fabrikam.com; ap@fabrikam.com", "creditLimit": 1250.5,
        "taxRegistrationNumber": "ab-1", "currencyCode": "usd", "paymentTermsId": terms, "salespersonCode": "JO",
    });
    let response = bench.request(Method::POST, "/customers").body(sent.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created = super::client::body(response).await;
    for (name, value) in [
        ("number", json!("C-77")),
        ("country", json!("US")),
        ("taxRegistrationNumber", json!("AB-1")),
        ("currencyCode", json!("USD")),
        ("currencyId", json!("00000000-0000-0000-0000-000000000000")),
        ("creditLimit", json!(1250.5)),
        ("blocked", json!(" ")),
        ("balance", json!(0.0)),
    ] {
        assert_eq!(created[name], value, "{name}");
    }
    let (status, found) = answer(bench.http.get(location).bearer_auth(&bench.token)).await;
    assert_eq!((status, &found["id"], &found["@odata.etag"]), (200, &created["id"], &created["@odata.etag"]));
}

#[tokio::test]
async fn a_blank_number_is_drawn_from_the_series() {
    let bench = Bench::new().await;
    let (_, first) = bench.post("/customers", json!({ "displayName": "One" })).await;
    let (_, second) = bench.post("/customers", json!({ "displayName": "Two", "number": "" })).await;
    assert_eq!((&first["number"], &second["number"]), (&json!("C00010"), &json!("C00020")));
    assert_eq!(bench.books().duplicates.customers, 0);
    bench.post("/customers", json!({ "displayName": "Two" })).await;
    bench.post("/customers", json!({ "displayName": "Two", "number": "OTHER" })).await;
    assert_eq!(bench.books().duplicates.customers, 1);
}

#[tokio::test]
async fn every_broken_rule_has_its_code_and_its_text() {
    let bench = Bench::new().await;
    let eur = bench.id("/currencies?$filter=code eq 'EUR'").await;
    let long = "x".repeat(101);
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!({ "number": "X" }), "Application_DialogException", "A \"displayName\" must be provided."),
        (
            json!({ "displayName": " " }),
            "Application_DialogException",
            "The blank \"displayName\" is not allowed.",
        ),
        (
            json!({ "number": "10000" }),
            "Internal_EntityWithSameKeyExists",
            "The record in table Customer already exists. Identification fields and values: No.='10000'",
        ),
        (json!({ "displayName": long }), "Application_StringExceededLength", ""),
        (
            json!({ "phoneNumber": "555 ext 1" }),
            "Application_FieldValidationException",
            "Phone No. must not contain letters in Customer: No.=.",
        ),
        (
            json!({ "email": "a@b;user@@example.com" }),
            "Application_DialogException",
            "The email address \"user@@example.com\" is not valid.",
        ),
        (json!({ "country": "XX" }), "Internal_InvalidTableRelation", ""),
        (json!({ "salespersonCode": "ZZ" }), "Internal_InvalidTableRelation", ""),
        (
            json!({ "country": "DE", "taxRegistrationNumber": "DE12" }),
            "Application_DialogException",
            "The entered VAT Registration number is not in agreement with the format specified for Country/Region Code DE. The following formats are acceptable: DE#########",
        ),
        (
            json!({ "currencyCode": "XQZ" }),
            "Application_DialogException",
            "The \"currencyCode\" does not match to a Currency.",
        ),
        (
            json!({ "currencyId": NO_ONE }),
            "Application_DialogException",
            "The \"currencyId\" does not match to a Currency.",
        ),
        (
            json!({ "currencyId": eur, "currencyCode": "GBP" }),
            "Application_DialogException",
            "The currency values do not match to a specific Currency.",
        ),
        (
            json!({ "paymentTermsId": NO_ONE }),
            "Application_DialogException",
            "The \"paymentTermsId\" does not match to a Payment Terms.",
        ),
        (
            json!({ "shipmentMethodId": NO_ONE }),
            "Application_DialogException",
            "The \"shipmentMethodId\" does not match to a Shipment Method.",
        ),
        (
            json!({ "paymentMethodId": NO_ONE }),
            "Application_DialogException",
            "The \"paymentMethodId\" does not match to a Payment Method.",
        ),
        (
            json!({ "paymentMethodId": "not-a-guid" }),
            "Application_InvalidGUID",
            "Invalid format of GUID string 'not-a-guid'.",
        ),
        (json!({ "taxAreaId": NO_ONE }), "Internal_RecordNotFound", ""),
        (json!({ "type": "Firm" }), "Unknown", ""),
        (json!({ "balance": 1 }), "BadRequest_InvalidOperation", "The property 'balance' is read-only."),
        (
            json!({ "colour": "red" }),
            "BadRequest",
            "The property 'colour' does not exist on type 'Microsoft.NAV.customer'.",
        ),
        (json!({ "creditLimit": 1e15 }), "BadRequest", ""),
    ];
    for (mut sent, wanted, text) in cases {
        if sent.get("displayName").is_none() && text != "A \"displayName\" must be provided." {
            sent["displayName"] = json!("Somebody");
        }
        let (status, body) = bench.post("/customers", sent.clone()).await;
        let status_wanted = if wanted == "Internal_RecordNotFound" { 404 } else { 400 };
        assert_eq!((status, code(&body)), (status_wanted, wanted), "{sent}");
        assert!(text.is_empty() || message(&body) == text, "{sent}: {}", message(&body));
    }
    assert_eq!(bench.books().customers, 12);
    assert_eq!(bench.books().write_requests.refused, 21);
}

#[tokio::test]
async fn a_patch_needs_the_current_etag() {
    let bench = Bench::new().await;
    let before = bench.get("/customers?$filter=number eq '10000'").await["value"][0].clone();
    let path = format!("/customers({})", before["id"].as_str().unwrap());
    let send = |etag: Option<&str>, email: &str| {
        let request = bench.request(Method::PATCH, &path).body(json!({ "email": email }).to_string());
        answer(match etag {
            Some(etag) => request.header("if-match", etag),
            None => request,
        })
    };
    let etag = before["@odata.etag"].as_str().unwrap();
    assert_eq!(code(&send(None, "a@b.c").await.1), "BadRequest_InvalidToken");
    assert_eq!(code(&send(Some("nonsense"), "a@b.c").await.1), "BadRequest_InvalidToken");
    let (status, after) = send(Some(etag), "new@adatum.com").await;
    assert_eq!((status, &after["email"], &after["city"]), (200, &json!("new@adatum.com"), &json!("Atlanta")));
    assert_ne!(after["@odata.etag"], before["@odata.etag"]);
    let (status, stale) = send(Some(etag), "late@adatum.com").await;
    assert_eq!((status, code(&stale)), (409, "Request_EntityChanged"));
    assert_eq!(send(Some("*"), "last@adatum.com").await.0, 200);
}

#[tokio::test]
async fn a_renamed_customer_takes_its_payments_along() {
    let bench = Bench::new().await;
    let customer = bench.id("/customers?$filter=number eq '20000'").await;
    let journal = bench.id("/customerPaymentJournals?$filter=code eq 'GENERAL'").await;
    let payments = format!("/customerPaymentJournals({journal})/customerPayments");
    bench.post(&payments, json!({ "customerId": customer, "amount": -5 })).await;
    let (status, _) = bench.patch(&format!("/customers({customer})"), json!({ "number": "20001" })).await;
    assert_eq!(status, 200);
    assert_eq!(bench.get(&payments).await["value"][0]["customerNumber"], "20001");
    let (_, taken) = bench.patch(&format!("/customers({customer})"), json!({ "number": "10000" })).await;
    assert_eq!(code(&taken), "Internal_EntityWithSameKeyExists");
}

#[tokio::test]
async fn a_new_country_clears_what_the_request_does_not_set() {
    let bench = Bench::new().await;
    let path = format!("/customers({})", bench.id("/customers?$filter=number eq '10000'").await);
    let (_, moved) = bench.patch(&path, json!({ "country": "DE", "city": "Hamburg" })).await;
    assert_eq!(
        (&moved["city"], &moved["postalCode"], &moved["state"]),
        (&json!("Hamburg"), &json!(""), &json!(""))
    );
    let (_, filled) = bench.patch(&path, json!({ "postalCode": "gb-n16 34z" })).await;
    assert_eq!((&filled["city"], &filled["country"]), (&json!("London"), &json!("GB")));
}

#[tokio::test]
async fn only_a_customer_without_entries_can_be_deleted() {
    let bench = Bench::new().await;
    let (_, new) = bench.post("/customers", json!({ "displayName": "Short-lived" })).await;
    let path = format!("/customers({})", new["id"].as_str().unwrap());
    assert_eq!(bench.delete(&path).await.0, 204);
    assert_eq!(bench.delete(&path).await.0, 404);
    let adatum = bench.id("/customers?$filter=number eq '10000'").await;
    let (status, body) = bench.delete(&format!("/customers({adatum})")).await;
    assert_eq!((status, code(&body)), (400, "Application_DialogException"));
}

#[tokio::test]
async fn a_default_dimension_is_written_by_ids_once_per_dimension() {
    let bench = Bench::new().await;
    let customer = bench.id("/customers?$filter=number eq '10000'").await;
    let path = format!("/customers({customer})/defaultDimensions");
    let dimension = bench.id("/dimensions?$filter=code eq 'AREA'").await;
    let value = bench.id(&format!("/dimensions({dimension})/dimensionValues?$filter=code eq '40'")).await;
    let sent = json!({ "dimensionId": dimension, "dimensionValueId": value });
    let (status, created) = bench.post(&path, sent.clone()).await;
    assert_eq!(
        (status, &created["dimensionCode"], &created["dimensionValueCode"]),
        (201, &json!("AREA"), &json!("40"))
    );
    assert_eq!(code(&bench.post(&path, sent).await.1), "Internal_EntityWithSameKeyExists");
    let other = bench.id("/dimensions?$filter=code eq 'DEPARTMENT'").await;
    for (sent, text) in [
        (json!({ "dimensionId": NO_ONE }), "The \"dimensionId\" does not match to a Dimension."),
        (
            json!({ "dimensionId": other, "dimensionValueId": NO_ONE }),
            "The \"dimensionValueId\" does not match to a Dimension Value.",
        ),
        (
            json!({ "dimensionId": other, "dimensionValueId": value }),
            "The \"dimensionId\" and \"dimensionValueId\" match to different Dimension records.",
        ),
    ] {
        assert_eq!(message(&bench.post(&path, sent).await.1), text);
    }
    let (_, flat) = bench.ask("/defaultDimensions").await;
    assert_eq!(message(&flat), "You must get to the parent first to get to the default dimensions.");
    let expanded = bench.get(&format!("/customers({customer})?$expand=defaultDimensions")).await;
    assert_eq!(expanded["defaultDimensions"][0]["id"], created["id"]);
}
