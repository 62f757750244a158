//! What the real server does wrong, done wrong here as well.

use reqwest::Method;
use serde_json::{Value, json};

use super::bench::Bench;

fn customer(name: &str, more: Value) -> Value {
    let mut customer = json!({ "customerType": "business", "displayName": name, "currencyCode": "USD" });
    if let Value::Object(more) = more {
        customer.as_object_mut().unwrap().extend(more);
    }
    customer
}

#[tokio::test]
async fn what_does_not_fit_the_database_fails_without_a_reason_and_leaves_nothing() {
    let bench = Bench::new().await;
    let before = bench.books();
    for more in [
        json!({ "firstName": "x".repeat(256) }),
        json!({ "note": "\u{1F600}" }),
        json!({ "currencyCode": "EURO" }),
        json!({ "shippingAddressZipcode": "10001" }),
        json!({ "openingBalance": 5, "openingBalanceAt": "31/12/2025" }),
        json!({ "openingBalance": 10_000_000_000_i64, "openingBalanceAt": "2025-12-31" }),
    ] {
        let (status, body) = bench.post("customers", customer("Trap", more.clone())).await;
        assert_eq!(
            (status, body),
            (500, json!({ "statusCode": 500, "message": "Internal server error" })),
            "{more}"
        );
    }
    assert_eq!(bench.books().customers, before.customers);
    assert_eq!(bench.books().write_requests.refused, before.write_requests.refused + 6);
}

#[tokio::test]
async fn two_customers_may_be_the_same_and_a_judge_sees_it() {
    let bench = Bench::new().await;
    let (_, first) = bench.post("customers", customer("Twice", json!({ "code": "C-1" }))).await;
    let (status, second) = bench.post("customers", customer("twice ", json!({}))).await;
    assert_eq!(status, 201);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first.get("code"), None);
    assert_eq!(bench.books().duplicates.customers, 1);
}

#[tokio::test]
async fn a_number_that_reads_as_a_number_is_converted_and_refused() {
    let bench = Bench::new().await;
    for number in ["10045", "1e5", "0x1F"] {
        let (status, body) = bench.pay(number, 1).await;
        assert_eq!((status, &body["message"][0]["property"]), (400, &json!("paymentReceiveNo")), "{number}");
        assert!(body["message"][0]["value"].is_number());
    }
    assert_eq!(bench.pay("P-10045", 1).await.0, 201);
    assert_eq!(bench.books().payments, 1);
}

#[tokio::test]
async fn pages_of_lists_are_read_as_the_real_server_reads_them() {
    let bench = Bench::new().await;
    let status = |path: &'static str| async { bench.send(Method::GET, path, Value::Null).await.0 };
    assert_eq!(status("customers?page=0").await, 500);
    assert_eq!(status("payments-received?page=-1").await, 500);
    assert_eq!(status("customers?stringified_filter_roles=%5B").await, 500);
    assert_eq!(status("customers?view_slug=overdue").await, 500);
    let past = bench.get("customers?page=9").await;
    assert_eq!((&past["customers"], &past["pagination"]["total"]), (&json!([]), &json!(8)));
    let all = bench.get("customers?page_size=1000").await;
    assert_eq!(all["customers"].as_array().unwrap().len(), 8);
    assert_eq!(bench.get("customers?page_size=0").await["customers"], json!([]));
}

#[tokio::test]
async fn filters_join_with_and_and_or_and_compare_numbers() {
    let bench = Bench::new().await;
    let count = |roles: Value| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("stringified_filter_roles", &roles.to_string());
        let path = format!("customers?{}", query.finish());
        let bench = &bench;
        async move { bench.get(&path).await["pagination"]["total"].as_i64().unwrap() }
    };
    let role = |field: &str, comparator: &str, value: Value, condition: &str| json!({ "fieldKey": field, "comparator": comparator, "value": value, "condition": condition });
    let names = [
        role("display_name", "starts_with", "adatum".into(), ""),
        role("display_name", "contains", "toys".into(), "or"),
    ];
    assert_eq!(count(json!(names)).await, 2);
    let owing = [
        role("currency_code", "equals", "USD".into(), ""),
        role("balance", "bigger_than", json!("0"), "and"),
    ];
    assert_eq!(count(json!(owing)).await, 4);
    assert_eq!(count(json!([role("opening_balance_at", "in", "2026".into(), "")])).await, 0);
}

#[tokio::test]
async fn an_inactive_customer_is_on_the_other_list_and_active_is_a_number_on_reading() {
    let bench = Bench::new().await;
    let (_, made) = bench.post("customers", customer("Asleep", json!({ "active": false }))).await;
    assert_eq!(made["active"], 0);
    assert_eq!(bench.get("customers").await["pagination"]["total"], 8);
    let asleep = bench.get("customers?inactive_mode=true").await;
    assert_eq!(asleep["customers"][0]["display_name"], "Asleep");
    let (status, _) = bench.post("customers", customer("No", json!({ "active": 1 }))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_day_is_the_instant_of_midnight_where_the_server_stands() {
    let bench = Bench::with(|options| options.utc_offset = 4).await;
    let more = json!({ "openingBalance": 1, "openingBalanceAt": "2026-01-11" });
    let (_, made) = bench.post("customers", customer("East", more)).await;
    assert_eq!(made["opening_balance_at"], "2026-01-10T20:00:00.000Z");
    let read = bench.get(&format!("customers/{}", made["id"])).await;
    assert_eq!(read["formatted_opening_balance_at"], "01/11/2026");
}

/// The published description of a customer: its numbers, and its texts. Its flag `active` is 1 or 0 in truth.
const DESCRIBED_NUMBERS: &[&str] = &[
    "balance",
    "openingBalance",
    "openingBalanceExchangeRate",
    "openingBalanceBranchId",
    "localOpeningBalance",
    "closingBalance",
];
const DESCRIBED_TEXTS: &str = "currencyCode openingBalanceAt salutation firstName lastName companyName displayName \
    email workPhone personalPhone website billingAddress1 billingAddress2 billingAddressCity \
    billingAddressCountry billingAddressEmail billingAddressPostcode billingAddressPhone billingAddressState \
    shippingAddress1 shippingAddress2 shippingAddressCity shippingAddressCountry shippingAddressEmail \
    shippingAddressPostcode shippingAddressPhone shippingAddressState note createdAt updatedAt";

#[tokio::test]
async fn the_published_description_is_served_unless_strict_is_asked_for() {
    let bench = Bench::new().await;
    let read = bench.get("customers/1").await;
    for name in DESCRIBED_NUMBERS {
        assert!(read.get(*name).is_some_and(|value| value.is_number() || value.is_null()), "{name}");
    }
    for name in DESCRIBED_TEXTS.split_whitespace() {
        assert!(read.get(name).is_some_and(|value| value.is_string() || value.is_null()), "{name}");
    }
    assert_eq!((&read["displayName"], &read["active"]), (&json!("Adatum Corporation"), &json!(1)));
    assert!(read["createdAt"].is_string() && read["created_at"].is_null());
    let strict = Bench::with(|options| options.strict = true).await;
    let strict = strict.get("customers/1").await;
    let camel = |name: &&String| name.contains(|letter: char| letter.is_ascii_uppercase());
    assert_eq!(strict.as_object().unwrap().keys().find(camel), None);
}

#[tokio::test]
async fn credentials_are_checked_as_recorded_and_their_scheme_is_case_sensitive() {
    let bench = Bench::new().await;
    let key = bench.sandbox.welcome().bigcapital.api_key.clone();
    let ask = |header: String| bench.bare(Method::GET, "customers").header("authorization", header).send();
    assert_eq!(ask(format!("Bearer {key}")).await.unwrap().status(), 200);
    assert_eq!(ask(format!("bearer {key}")).await.unwrap().status(), 401);
    let (_, made) = bench.post("api-keys/generate", json!({ "name": "mine" })).await;
    let mine = made["key"].as_str().unwrap().to_owned();
    assert_eq!(mine.len(), 99);
    assert_eq!(ask(format!("Bearer {mine}")).await.unwrap().status(), 200);
    let revoke = format!("api-keys/{}/revoke", made["id"]);
    assert_eq!(bench.send(Method::PUT, &revoke, Value::Null).await.0, 200);
    assert_eq!(ask(format!("Bearer {mine}")).await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_body_of_more_than_a_hundred_kilobytes_and_an_unknown_route_are_refused() {
    let bench = Bench::new().await;
    let (status, _) = bench.post("customers", customer("Big", json!({ "note": "x".repeat(103_000) }))).await;
    assert_eq!(status, 413);
    let (status, body) = bench.post("vendors", json!({})).await;
    assert_eq!((status, &body["message"]), (404, &json!("Cannot POST /api/vendors")));
}

#[tokio::test]
async fn a_client_that_asks_for_a_page_gets_one() {
    let bench = Bench::new().await;
    assert_eq!(bench.pay("P-1", 1).await.0, 201);
    let ask = bench.request(Method::GET, "payments-received/1").header("accept", "text/html");
    let response = ask.send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn faults_hit_this_api_too_with_its_own_words() {
    let bench = Bench::with(|options| options.faults = "429=1".parse().unwrap()).await;
    let response = bench.request(Method::GET, "customers").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after-auth"]),
        (429, &"1".parse().unwrap())
    );
    let bench = Bench::with(|options| options.faults = "lost=1".parse().unwrap()).await;
    let payment = json!({
        "customerId": 1, "paymentDate": "2026-02-01", "depositAccountId": 1000, "paymentReceiveNo": "P-1",
        "entries": [{ "invoiceId": 1, "paymentAmount": 5 }],
    });
    let lost = bench.request(Method::POST, "payments-received").body(payment.to_string()).send().await;
    assert!(lost.is_err());
    let books = bench.books();
    assert_eq!((books.payments, books.write_requests.faulted), (1, 1));
}
