//! Reading as third-party guides describe it.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Bench, body, code};

fn numbers(page: &Value) -> Vec<&str> {
    page["value"].as_array().unwrap().iter().map(|row| row["number"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_by_absolute_links_that_keep_the_query() {
    let bench = Bench::new().await;
    let mut url = format!(
        "{}/{}/customers?$select=number&$filter=type eq 'Company'",
        bench.sandbox.welcome().url,
        bench.company()
    );
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let request = bench.http.request(Method::GET, &url).bearer_auth(&bench.token);
        let response = request.header("prefer", "odata.maxpagesize=5").send().await.unwrap();
        assert_eq!(response.headers()["preference-applied"], "odata.maxpagesize=5");
        let page = body(response).await;
        seen.extend(numbers(&page).into_iter().map(str::to_owned));
        pages += 1;
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        url = next.to_owned();
    }
    assert_eq!(pages, 3);
    let all = bench.get("/customers").await;
    assert_eq!(seen, numbers(&all));
    assert_eq!(seen.len(), 12);
    assert!(all.get("@odata.nextLink").is_none());
}

#[tokio::test]
async fn the_examples_of_the_third_party_guide_work() {
    let bench = Bench::new().await;
    for (options, wanted) in [
        ("$filter=blocked eq ' '", 9),
        ("$filter=balance gt 0", 11),
        ("$filter=overdueAmount gt 0", 7),
        ("$filter=lastModifiedDateTime gt 2024-01-01T00:00:00Z", 12),
        ("$filter=contains(displayName,'Corp')", 1),
        ("$filter=displayName eq 'Adatum Corporation'", 1),
        ("$filter=currencyCode eq 'USD'", 9),
        ("$filter=type eq 'Company'", 12),
        ("$filter=startswith(displayName,'T')", 2),
        ("$filter=number eq '10000' or number eq '20000'", 2),
        ("$filter=number in ('10000','20000')&$schemaversion=2.1", 2),
        ("$filter=number ge '90000'", 4),
    ] {
        assert_eq!(
            bench.get(&format!("/customers?{options}")).await["value"].as_array().unwrap().len(),
            wanted,
            "{options}"
        );
    }
    let top = bench
        .get("/customers?$filter=blocked eq ' ' and balance gt 0&$orderby=balance desc&$top=2&$select=number,displayName,balance,overdueAmount")
        .await;
    assert_eq!(numbers(&top), ["60000", "10000"]);
    assert_eq!(top["value"][0].as_object().unwrap().len(), 5);
}

#[tokio::test]
async fn financial_details_are_reached_three_ways() {
    let bench = Bench::new().await;
    let by_set = bench.get("/customerFinancialDetails?$filter=number eq '50000'").await["value"][0].clone();
    assert_eq!(
        (&by_set["balance"], &by_set["totalSalesExcludingTax"], &by_set["overdueAmount"]),
        (&json!(8836.8), &json!(81049.0), &json!(5754.96))
    );
    let id = by_set["id"].as_str().unwrap();
    let by_list = bench.get("/customers?$expand=customerFinancialDetails&$filter=number eq '50000'").await;
    let by_key =
        bench.get(&format!("/customers({id})?$expand=customerFinancialDetail($select=balance)")).await;
    let by_path = bench.get(&format!("/customers({id})/customerFinancialDetail")).await;
    assert_eq!(by_list["value"][0]["customerFinancialDetails"]["balance"], json!(8836.8));
    assert_eq!(by_key["customerFinancialDetail"]["balance"], json!(8836.8));
    assert_eq!(by_path["overdueAmount"], json!(5754.96));
    let expanded =
        bench.get("/customers?$expand=currency($select=code),paymentTerm&$filter=number eq '40000'").await;
    assert_eq!(expanded["value"][0]["currency"]["code"], "EUR");
    assert_eq!(expanded["value"][0]["paymentTerm"]["code"], "30 DAYS");
}

#[tokio::test]
async fn counts_come_bare_or_with_the_page() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/customers/$count?$filter=balance gt 0").await, json!(11));
    let page = bench.get("/customers?$count=true&$top=1").await;
    assert_eq!((&page["@odata.count"], page["value"].as_array().unwrap().len()), (&json!(12), 1));
}

#[tokio::test]
async fn strict_behaviour_is_the_reference_and_nothing_else() {
    let bench = Bench::strict().await;
    let customer = bench.get("/customers?$filter=blocked eq '_x0020_'&$top=1").await["value"][0].clone();
    assert_eq!(customer["blocked"], "_x0020_");
    assert!(customer.get("balance").is_none());
    let (status, refused) = bench.ask("/customers?$filter=balance gt 0").await;
    assert_eq!((status, code(&refused)), (400, "BadRequest"));
    assert_eq!(bench.ask("/customers?$expand=customerFinancialDetails").await.0, 400);
    assert_eq!(bench.ask("/customers?$expand=customerFinancialDetail").await.0, 200);
}

#[tokio::test]
async fn a_company_is_named_in_the_path_the_query_or_a_header() {
    let bench = Bench::new().await;
    let id = &bench.sandbox.welcome().company_id;
    assert_eq!(numbers(&bench.get(&format!("customers?company={id}&$top=1")).await), ["10000"]);
    assert_eq!(bench.ask("customers?company=CRONUS%20International").await.0, 200);
    let by_header = bench.request(Method::GET, "customers").header("company", "CRONUS International");
    assert_eq!(super::client::answer(by_header).await.0, 200);
    assert_eq!(code(&bench.ask("customers").await.1), "Internal_CompanyNotFound");
    assert_eq!(bench.get("companies").await["value"][0]["name"], "CRONUS International");
    assert_eq!(bench.get(&format!("companies({id})")).await["id"], *id);
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let bench = Bench::new().await;
    let no_one = "11111111-2222-3333-4444-555555555555";
    for (path, status, wanted) in [
        ("/customer", 404, "BadRequest_NotFound"),
        ("/customers(11111111-2222-3333-4444-555555555555)", 404, "BadRequest_ResourceNotFound"),
        ("/customers(oops)", 400, "Application_InvalidGUID"),
        ("/customers?$filter=colour eq 'red'", 400, "BadRequest"),
        ("/customers?$filter=number eq '1' or city eq 'x'", 501, "BadRequest_MethodNotImplemented"),
    ] {
        let (found, body) = bench.ask(path).await;
        assert_eq!((found, code(&body)), (status, wanted), "{path}");
    }
    let (status, body) = bench.ask(&format!("companies({no_one})/customers")).await;
    assert_eq!((status, code(&body)), (404, "Internal_CompanyNotFound"));
    let (status, body) = bench.post("/currencies", json!({ "code": "XXX" })).await;
    assert_eq!((status, code(&body)), (405, "BadRequest_MethodNotAllowed"));
}
