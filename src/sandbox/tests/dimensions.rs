//! Default dimensions of customers in every version of the API.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::Dialect;
use super::client::{Bench, answer, code, message};

struct Ids {
    customer: String,
    area: String,
    europe: String,
    asia: String,
    department: String,
}

async fn ids(bench: &Bench) -> Ids {
    let area = bench.id("/dimensions?$filter=code eq 'AREA'").await;
    let value = async |code: &str| {
        bench.id(&format!("/dimensions({area})/dimensionValues?$filter=code eq '{code}'")).await
    };
    Ids {
        customer: bench.id("/customers?$filter=number eq '10000'").await,
        europe: value("30").await,
        asia: value("50").await,
        department: bench.id("/dimensions?$filter=code eq 'DEPARTMENT'").await,
        area,
    }
}

#[tokio::test]
async fn in_v2_a_default_dimension_has_an_id_by_which_it_is_changed_and_deleted() {
    for bench in [Bench::new().await, Bench::strict().await] {
        let ids = ids(&bench).await;
        let path = format!("/customers({})/defaultDimensions", ids.customer);
        let sent = json!({
            "dimensionId": ids.area, "dimensionValueId": ids.europe, "postingValidation": "Code_x0020_Mandatory"
        });
        let (status, made) = bench.post(&path, sent).await;
        assert_eq!((status, &made["postingValidation"]), (201, &json!("Code_x0020_Mandatory")));
        assert_eq!((&made["parentType"], &made["parentId"]), (&json!("Customer"), &json!(ids.customer)));
        let id = made["id"].as_str().unwrap();
        for one in [format!("{path}({id})"), format!("/defaultDimensions({id})")] {
            let (status, changed) = bench.patch(&one, json!({ "dimensionValueId": ids.asia })).await;
            assert_eq!((status, &changed["dimensionValueCode"]), (200, &json!("50")), "{one}");
        }
        let (_, refused) =
            bench.patch(&format!("{path}({id})"), json!({ "dimensionId": ids.department })).await;
        assert_eq!(message(&refused), "The \"dimensionId\" cannot be changed.");
        let (_, refused) =
            bench.patch(&format!("{path}({id})"), json!({ "postingValidation": "No_x0020_Code" })).await;
        assert_eq!(code(&refused), "Application_FieldValidationException");
        let found = bench.get(&format!("/defaultDimensions?$filter=parentId eq {}", ids.customer)).await;
        assert_eq!(found["value"][0]["id"], id);
        assert_eq!(bench.books().default_dimensions, 1);
        assert_eq!(bench.delete(&format!("{path}({id})")).await.0, 204);
        assert_eq!(bench.delete(&format!("{path}({id})")).await.0, 404);
        assert_eq!(bench.books().default_dimensions, 0);
    }
}

#[tokio::test]
async fn in_v1_and_beta_the_key_is_the_customer_and_the_dimension() {
    for dialect in [Dialect::V1, Dialect::Beta] {
        let bench = Bench::strict().await.in_dialect(dialect);
        let ids = ids(&bench).await;
        let path = format!("/customers({})/defaultDimensions", ids.customer);
        let sent = json!({ "dimensionId": ids.area, "dimensionValueId": ids.europe, "postingValidation": "Same Code" });
        let request = bench.request(Method::POST, &path).body(sent.to_string());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let made = super::client::body(response).await;
        let mut names: Vec<_> = made.as_object().unwrap().keys().map(String::as_str).collect();
        names.retain(|name| !name.starts_with("@odata"));
        assert_eq!(
            names,
            [
                "parentId",
                "dimensionId",
                "dimensionCode",
                "dimensionValueId",
                "dimensionValueCode",
                "postingValidation"
            ]
        );
        assert_eq!(
            location,
            format!("{}/{}{path}({},{})", bench.root, bench.company(), ids.customer, ids.area)
        );
        let (status, found) = answer(bench.http.get(&location).bearer_auth(&bench.token)).await;
        assert_eq!((status, &found["@odata.etag"]), (200, &made["@odata.etag"]));
        change_and_delete(&bench, &ids, &path).await;
    }
}

async fn change_and_delete(bench: &Bench, ids: &Ids, path: &str) {
    let named = format!("{path}(parentId={},dimensionId={})", ids.customer, ids.area);
    let (status, changed) = bench.patch(&named, json!({ "dimensionValueId": ids.asia })).await;
    assert_eq!((status, &changed["dimensionValueCode"]), (200, &json!("50")), "{changed}");
    let (_, same) = bench.patch(&named, json!({ "dimensionId": ids.area, "postingValidation": " " })).await;
    assert_eq!(same["postingValidation"], " ");
    let (_, refused) = bench.patch(&named, json!({ "dimensionId": ids.department })).await;
    assert_eq!(message(&refused), "You cannot change the value of the key field dimensionId.");
    let (status, refused) = bench.ask("/defaultDimensions").await;
    assert_eq!(
        (status, message(&refused)),
        (400, "You must specify a parentId in order to get the default dimensions.")
    );
    let sent = json!({ "parentId": ids.customer, "dimensionId": ids.area });
    let (_, refused) = bench.post("/defaultDimensions", sent).await;
    assert_eq!(code(&refused), "Internal_EntityWithSameKeyExists");
    let (_, refused) = bench.post(path, json!({ "dimensionCode": "AREA" })).await;
    assert_eq!(code(&refused), "BadRequest_InvalidOperation");
    let one_part = format!("{path}({})", ids.area);
    assert_eq!(bench.ask(&one_part).await.0, 400);
    let expanded = bench
        .get(&format!("/customers({})?$expand=defaultDimensions($expand=dimensionValue)", ids.customer))
        .await;
    assert_eq!(expanded["defaultDimensions"][0]["dimensionValue"]["code"], "50");
    let stale = bench.request(Method::DELETE, &named).header("if-match", "W/\"old\"");
    assert_eq!(answer(stale).await.0, 409);
    assert_eq!(bench.delete(&named).await, (204, Value::Null));
    assert_eq!(bench.books().default_dimensions, 0);
}
