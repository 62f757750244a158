//! Every recorded request is sent again, in order, and its answer compared with the recorded one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, read};
use super::compare::{Leniency, differences};
use crate::sandbox::bigcapital::keys::{EMAIL, PASSWORD};

/// Samples that the sandbox does not answer, and why.
const NOT_REPLAYED: &[(&str, &str)] = &[
    ("001-signup", "the sandbox has one user; signing up is done by a person"),
    ("004-customers-before-build", "the sandbox's organization is always built"),
    ("005-organization-build", "the sandbox's organization is always built"),
    ("006-organization-build-job", "the sandbox's organization is always built"),
    ("120-import-upload", "Bigcapital's own import, which the client does not use"),
    ("121-import-mapping", "Bigcapital's own import, which the client does not use"),
    ("122-import-preview", "Bigcapital's own import, which the client does not use"),
    ("123-import-sample-customer", "Bigcapital's own import, which the client does not use"),
    ("124-import-sample-payment", "Bigcapital's own import, which the client does not use"),
    ("125-export-customers-csv", "Bigcapital's own export, which the client does not use"),
];

/// Samples recorded with the branches feature on, and those recorded with the limits on.
const WITH_BRANCHES: &[&str] =
    &["113-customer-branch-required", "114-payment-branch-unknown", "115-branches-feature-on"];
const WITH_LIMITS: &[&str] =
    &["130-rate-limit-first-call", "131-rate-limit-exceeded", "132-rate-limit-other-route"];

/// Samples whose ids and names belong to keys that were made before the recording.
const WITH_OTHER_IDS: &[&str] = &["007-organization-current", "008-api-key-generate", "009-api-keys-list"];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bigcapital")
}

/// The names of all samples, in the order of their recording.
fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").map(str::to_owned)
    });
    let sorted: BTreeSet<String> = names.collect();
    sorted.into_iter().collect()
}

fn sample(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text.replace("etl-lab@example.test", EMAIL)).unwrap()
}

/// Sends the request of a sample; status, headers and body of the answer.
async fn ask(bench: &Bench, name: &str, recorded: &Value) -> (u16, reqwest::header::HeaderMap, Value) {
    let request = &recorded["request"];
    let method = Method::from_bytes(request["method"].as_str().unwrap().as_bytes()).unwrap();
    let path = request["path"].as_str().unwrap().strip_prefix("/api/").unwrap();
    let welcome = &bench.sandbox.welcome().bigcapital;
    let mut sent = bench.bare(method, path);
    for (header, value) in request["headers"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let value = match value {
            "Bearer bc_<redacted>" => format!("Bearer {}", welcome.api_key),
            "Bearer <jwt redacted>" => format!("Bearer {}", sign_in(bench).await),
            "<organization id>" => welcome.organization_id.clone(),
            value => value.to_owned(),
        };
        sent = sent.header(header, value);
    }
    if !request["body"].is_null() {
        let is_wrong = name == "003-signin-wrong-password";
        let password = if is_wrong { "guess" } else { PASSWORD };
        sent = sent.body(request["body"].to_string().replace("<redacted>", password));
    }
    let response = sent.send().await.unwrap();
    (response.status().as_u16(), response.headers().clone(), read(response).await)
}

async fn sign_in(bench: &Bench) -> String {
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let (_, answer) = bench.post("auth/signin", body).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Every difference between a sample and the answer the sandbox gives.
async fn replay(bench: &Bench, name: &str, leniency: Leniency) -> Vec<String> {
    let recorded = sample(name);
    let (status, headers, mut body) = ask(bench, name, &recorded).await;
    let recorded = &recorded["response"];
    let mut found = Vec::new();
    if recorded["status"] != status {
        found.push(format!("status {status} instead of {}", recorded["status"]));
    }
    let recorded_headers = recorded["headers"].as_object().unwrap();
    for (header, value) in recorded_headers {
        let answered = headers.get(header).map(|value| value.to_str().unwrap());
        // How long the window still lasts depends on when the calls before were made.
        let is_same = header.contains("reset") || answered == value.as_str();
        if answered.is_none() || !is_same {
            found.push(format!("header {header}: {answered:?} instead of {value}"));
        }
    }
    if !recorded_headers.contains_key("content-type") && headers.contains_key("content-type") {
        found.push("a media type without a body".to_owned());
    }
    if name == "024-accounts-flat" {
        keep_recorded_accounts(&recorded["body"], &mut body);
    }
    if recorded_headers.contains_key("x-ratelimit-limit") {
        body = keep_recorded_rows(&recorded["body"], body);
    }
    let leniency = Leniency { values: leniency.values || WITH_OTHER_IDS.contains(&name), ..leniency };
    found.extend(differences(&recorded["body"], &body, leniency));
    found.into_iter().map(|difference| format!("{name}: {difference}")).collect()
}

/// The recording was trimmed to the accounts that matter to payments.
fn keep_recorded_accounts(recorded: &Value, body: &mut Value) {
    let kept = recorded["accounts"].as_array().unwrap().iter().map(|account| {
        let accounts = body["accounts"].as_array().unwrap();
        accounts.iter().find(|answered| answered["id"] == account["id"]).cloned().unwrap_or_default()
    });
    body["accounts"] = kept.collect();
}

/// The recording was trimmed to the first row.
fn keep_recorded_rows(recorded: &Value, body: Value) -> Value {
    match (recorded.as_array(), body) {
        (Some(recorded), Value::Array(rows)) => rows.into_iter().take(recorded.len()).collect(),
        (_, body) => body,
    }
}

fn is_in_main_run(name: &str) -> bool {
    let is_in = |names: &[&str]| names.contains(&name);
    !NOT_REPLAYED.iter().any(|(left_out, _)| *left_out == name)
        && !is_in(WITH_BRANCHES)
        && !is_in(WITH_LIMITS)
}

async fn replay_all(bench: &Bench, leniency: Leniency) -> Vec<String> {
    let mut found = Vec::new();
    for name in names().iter().filter(|name| is_in_main_run(name)) {
        found.extend(replay(bench, name, leniency).await);
    }
    found
}

#[tokio::test]
async fn every_recorded_request_is_answered_as_it_was_recorded() {
    let bench = Bench::empty(|options| options.strict = true).await;
    assert_eq!(replay_all(&bench, Leniency::default()).await, Vec::<String>::new());
}

#[tokio::test]
async fn by_default_nothing_that_was_recorded_is_missing() {
    let bench = Bench::empty(|_| {}).await;
    let leniency = Leniency { extra: true, ..Leniency::default() };
    assert_eq!(replay_all(&bench, leniency).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_recorded_with_branches_is_answered_with_branches() {
    let bench = Bench::empty(|options| options.strict = true).await;
    for place in 1..=6 {
        let customer =
            json!({ "customerType": "business", "displayName": place.to_string(), "currencyCode": "USD" });
        assert_eq!(bench.post("customers", customer).await.0, 201);
    }
    let item = json!({ "name": "Consulting", "type": "service", "sellAccountId": 1026 });
    assert_eq!(bench.post("items", item).await.0, 201);
    for place in 1..=4 {
        let invoice = json!({
            "customerId": 6, "invoiceNo": format!("B-{place}"), "invoiceDate": "2026-01-05",
            "dueDate": "2026-02-04", "delivered": true,
            "entries": [{ "itemId": 1000, "rate": 50, "quantity": 1 }],
        });
        assert_eq!(bench.post("sale-invoices", invoice).await.0, 201);
    }
    assert_eq!(bench.post("branches/activate", Value::Null).await.0, 200);
    let mut found = Vec::new();
    for name in WITH_BRANCHES {
        found.extend(replay(&bench, name, Leniency::default()).await);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_recorded_with_limits_is_answered_with_limits() {
    let limits = |options: &mut crate::sandbox::SandboxOptions| {
        options.strict = true;
        options.rate = Some("10/1m".parse().unwrap());
    };
    let bench = Bench::empty(limits).await;
    let [first, exceeded, other] = WITH_LIMITS else { panic!("three samples") };
    let mut found = replay(&bench, first, Leniency::default()).await;
    for _ in 0..9 {
        bench.get("currencies").await;
    }
    found.extend(replay(&bench, exceeded, Leniency::default()).await);
    bench.get("branches").await;
    found.extend(replay(&bench, other, Leniency::default()).await);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_sample_that_is_not_replayed_is_there_and_says_why() {
    let names = names();
    assert!(names.len() > 100, "the samples are missing");
    for (name, reason) in NOT_REPLAYED {
        assert!(names.iter().any(|there| there == name) && !reason.is_empty(), "{name}");
    }
}
