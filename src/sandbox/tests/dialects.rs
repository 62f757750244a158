//! The versions of the API beside each other: their roots, what they say of themselves, batches and limits.

use reqwest::Method;
use serde_json::json;

use super::super::Dialect;
use super::client::{Bench, answer, code};

#[tokio::test]
async fn every_version_has_a_root_and_describes_itself() {
    for (dialect, sets) in [(Dialect::V2, 20), (Dialect::V1, 20), (Dialect::Beta, 19)] {
        let bench = Bench::new().await.in_dialect(dialect);
        assert!(bench.root.ends_with(&format!("/api/{dialect}")), "{}", bench.root);
        let document = bench.get("").await;
        assert_eq!(document["value"].as_array().unwrap().len(), sets, "{dialect}");
        let metadata = bench.get("$metadata").await;
        let metadata = metadata.as_str().unwrap();
        for (mark, wanted) in [
            (r#"<ComplexType Name="postalAddressType"><Property Name="street""#, dialect != Dialect::V2),
            (r#"<Property Name="address" Type="Microsoft.NAV.postalAddressType"/>"#, dialect != Dialect::V2),
            (r#"<PropertyRef Name="parentId"/><PropertyRef Name="dimensionId"/>"#, dialect != Dialect::V2),
            (r#"Type="Collection(Microsoft.NAV.dimensionType)""#, dialect != Dialect::V2),
            (r#"<ComplexType Name="paymentTermsType">"#, dialect == Dialect::Beta),
            (r#"<EntitySet Name="customerPaymentsJournals""#, dialect != Dialect::V2),
            (r#"<EntitySet Name="customerFinancialDetails""#, dialect != Dialect::Beta),
            (r#"<Property Name="salespersonCode""#, dialect == Dialect::V2),
            ("<EnumType ", dialect == Dialect::V2),
            (r#"<Property Name="balance" Type="Edm.Decimal""#, true),
        ] {
            assert_eq!(metadata.contains(mark), wanted, "{dialect}: {mark}");
        }
    }
}

#[tokio::test]
async fn a_restricted_sandbox_serves_one_version_and_tells_its_address() {
    let bench = Bench::with(|options| options.dialect = Some(Dialect::V1)).await;
    let welcome = bench.sandbox.welcome();
    assert!(welcome.url.ends_with("/api/v1.0"));
    assert_eq!(welcome.urls.iter().collect::<Vec<_>>(), [(&Dialect::V1, &welcome.url)]);
    let other = welcome.url.replace("/v1.0", "/v2.0");
    assert_eq!(answer(bench.http.get(other).bearer_auth(&bench.token)).await.0, 404);
}

#[tokio::test]
async fn the_welcome_names_every_root_in_json() {
    let bench = Bench::new().await;
    let welcome = serde_json::to_value(bench.sandbox.welcome()).unwrap();
    assert_eq!(welcome["url"], welcome["urls"]["v2.0"]);
    assert_eq!(welcome["urls"].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_written_in_one_version_is_read_in_the_others() {
    let mut bench = Bench::new().await.in_dialect(Dialect::Beta);
    let body = json!({
        "number": "X1", "displayName": "Across", "address": {
            "street": "One\r\nTwo", "city": "Lyon", "countryLetterCode": "FR", "postalCode": "69002"
        }
    });
    assert_eq!(bench.post("/customers", body).await.0, 201);
    bench = bench.in_dialect(Dialect::V2);
    let flat = bench.get("/customers?$filter=number eq 'X1'").await["value"][0].clone();
    assert_eq!(
        [&flat["addressLine1"], &flat["addressLine2"], &flat["country"], &flat["state"]],
        ["One", "Two", "FR", ""]
    );
    let path = format!("/customers({})", flat["id"].as_str().unwrap());
    bench.patch(&path, json!({ "addressLine2": "" })).await;
    let nested = bench.in_dialect(Dialect::V1).get(&path).await;
    assert_eq!(nested["address"]["street"], "One");
}

#[tokio::test]
async fn a_batch_belongs_to_the_version_it_is_sent_to() {
    for dialect in [Dialect::V1, Dialect::Beta] {
        let bench = Bench::new().await.in_dialect(dialect);
        let customers = format!("{}/customers", bench.company());
        let address = json!({ "street": "s", "city": "c", "countryLetterCode": "US", "postalCode": "1" });
        let batch = json!({ "requests": [
            { "id": "a", "method": "POST", "url": customers, "body": { "displayName": "A", "address": address } },
            { "id": "b", "method": "GET", "url": format!("{}/{customers}?$filter=address/city eq 'c'", bench.root) },
            { "id": "c", "method": "POST", "url": customers, "body": { "displayName": "A", "addressLine1": "s" } },
        ]});
        let (status, answers) = bench.post("$batch", batch).await;
        let statuses: Vec<_> =
            answers["responses"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
        assert_eq!((status, statuses), (200, vec![json!(201), json!(200), json!(400)]));
        assert_eq!(
            answers["responses"][1]["body"]["value"][0]["address"],
            json!({
                "street": "s", "city": "c", "state": "", "countryLetterCode": "US", "postalCode": "1"
            })
        );
        assert_eq!(bench.books().write_requests.carried_out, 1);
    }
}

#[tokio::test]
async fn pages_count_and_limits_are_as_in_v2() {
    for dialect in [Dialect::V1, Dialect::Beta] {
        let bench = Bench::with(|options| {
            options.page_size = 5;
            options.rate = Some("6/5m".parse().unwrap());
        });
        let bench = bench.await.in_dialect(dialect);
        let mut url = format!("{}/{}/customers?$orderby=address/city", bench.root, bench.company());
        let mut seen = Vec::new();
        for page in 1.. {
            let (status, body) = answer(bench.http.get(&url).bearer_auth(&bench.token)).await;
            assert_eq!(status, 200);
            seen.extend(
                body["value"].as_array().unwrap().iter().map(|one| one["address"]["city"].to_string()),
            );
            let Some(next) = body["@odata.nextLink"].as_str() else {
                assert_eq!(page, 3);
                break;
            };
            url = next.to_owned();
        }
        assert_eq!(seen.len(), 12);
        assert!(seen.is_sorted());
        assert_eq!(bench.get("/customers/$count").await, json!(12));
        for _ in 0..2 {
            assert_eq!(bench.ask("/customers?$top=1").await.0, 200);
        }
        let (status, refused) = bench.ask("/customers?$top=1").await;
        assert_eq!((status, code(&refused)), (429, "Application_TooManyRequests"));
    }
}

#[tokio::test]
async fn faults_hit_every_version() {
    for dialect in [Dialect::V1, Dialect::Beta] {
        let bench = Bench::with(|options| options.faults = "503=1,seed=1".parse().unwrap()).await;
        let bench = bench.in_dialect(dialect);
        assert_eq!(bench.post("/customers", json!({ "displayName": "N" })).await.0, 503);
        assert_eq!((bench.books().customers, bench.books().write_requests.faulted), (12, 1));
        let overtaken = Bench::with(|options| options.faults = "etag=1,seed=1".parse().unwrap()).await;
        let overtaken = overtaken.in_dialect(dialect);
        let customer = overtaken.get("/customers?$top=1").await["value"][0].clone();
        let path = format!("/customers({})", customer["id"].as_str().unwrap());
        let tag = customer["@odata.etag"].as_str().unwrap();
        let request = overtaken.request(Method::PATCH, &path).header("if-match", tag);
        assert_eq!(answer(request.body("{}")).await.0, 409);
    }
}
