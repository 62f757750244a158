//! Updates of records that someone else changes after the plan.

use super::bed::{Bed, customer, records, row, transport};
use crate::delivery::{DeliveryEnd, OnConflict};
use crate::domain::{Action, EntityKind, FieldChange, PlannedRow, RowResult, State};
#[cfg(test)]
use crate::sandbox::Sandbox;
use crate::transport::{ApiRequest, Method};

async fn record(sandbox: &Sandbox) -> serde_json::Value {
    records(sandbox, "customers?$filter=number%20eq%20'T00001'").await.remove(0)
}

async fn change(sandbox: &Sandbox, record: &serde_json::Value, body: &str) {
    let id = record["id"].as_str().unwrap();
    let path = format!("companies({})/customers({id})", sandbox.welcome().company_id);
    let etag = record["@odata.etag"].as_str().unwrap();
    let request = ApiRequest::with_body(Method::Patch, path, body.to_owned()).header("if-match", etag);
    assert_eq!(transport(sandbox).send(0, &request).await.unwrap().status, 200);
}

/// Plans the change of city and credit limit of a customer, of whom someone else changes `theirs` before it is
/// delivered; what became of the row and of the customer.
async fn meet(on_conflict: OnConflict, theirs: &str, faults: &str) -> (RowResult, serde_json::Value) {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.on_conflict = Some(on_conflict);
    bed.plan(&[customer(1)]);
    let sandbox = bed.sandbox("").await;
    bed.deliver(&sandbox).await;
    let seen = record(&sandbox).await;
    let planned = |field: &str, to: &str| FieldChange {
        field: field.to_owned(),
        from: seen[field].as_str().map_or_else(|| seen[field].to_string(), str::to_owned),
        to: to.to_owned(),
    };
    bed.plan(&[PlannedRow {
        payload: r#"{"city":"Ulm","creditLimit":500}"#.to_owned(),
        changes: vec![planned("city", "Ulm"), planned("creditLimit", "500")],
        remote_id: seen["id"].as_str().map(str::to_owned),
        etag: seen["@odata.etag"].as_str().map(str::to_owned),
        ..row(1, "T00001".to_owned(), Action::Update)
    }]);
    change(&sandbox, &seen, theirs).await;
    sandbox.stop().await;
    let sandbox = bed.sandbox(faults).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    sandbox.stop().await;
    let sandbox = bed.sandbox("").await;
    let after = record(&sandbox).await;
    sandbox.stop().await;
    (bed.results().remove(0), after)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_other_fields_is_nobodys_conflict() {
    let (result, after) = meet(OnConflict::Reject, r#"{"phoneNumber":"123"}"#, "").await;
    assert_eq!(result.state, State::Done);
    assert_eq!((&after["city"], &after["phoneNumber"]), (&"Ulm".into(), &"123".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_same_field_is_a_conflict_unless_told_otherwise() {
    let (result, after) = meet(OnConflict::Reject, r#"{"city":"Bonn"}"#, "").await;
    assert_eq!((result.state, &*result.code), (State::Conflict, "stale"));
    assert!(result.message.contains("`city` was to become `Ulm`, is now `Bonn`"), "{}", result.message);
    assert_eq!((&after["city"], after["creditLimit"].to_string().as_str()), (&"Bonn".into(), "1.25"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_value_stays_and_the_rest_is_written() {
    for faults in ["", "lost=0.5,504=0.2,seed=2"] {
        let (result, after) = meet(OnConflict::Theirs, r#"{"city":"Bonn"}"#, faults).await;
        assert_eq!((result.state, &*result.code), (State::Done, "kept-theirs"));
        assert_eq!(result.message, "`city` stayed as somebody else set it");
        assert_eq!((&after["city"], after["creditLimit"].as_f64()), (&"Bonn".into(), Some(500.0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_to_do_when_they_changed_everything() {
    let (result, after) = meet(OnConflict::Theirs, r#"{"city":"Bonn","creditLimit":7}"#, "").await;
    assert_eq!((result.state, &*result.code), (State::Skipped, "kept-theirs"));
    assert_eq!((&after["city"], after["creditLimit"].as_f64()), (&"Bonn".into(), Some(7.0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_values_are_written_over_theirs() {
    for faults in ["", "lost=0.5,504=0.2,seed=3"] {
        let (result, after) = meet(OnConflict::Ours, r#"{"city":"Bonn"}"#, faults).await;
        assert_eq!(result.state, State::Done);
        assert_eq!((&after["city"], after["creditLimit"].as_f64()), (&"Ulm".into(), Some(500.0)));
    }
}

/// Plans the delete of a customer, of whom someone else changes `theirs` before it is delivered; what became of the row
/// and whether the customer is still there.
async fn meet_delete(on_conflict: OnConflict, theirs: Option<&str>, faults: &str) -> (RowResult, bool) {
    let mut bed = Bed::new(EntityKind::Customers).await;
    (bed.options.on_conflict, bed.options.batch) = (Some(on_conflict), 1);
    bed.plan(&[customer(1)]);
    let sandbox = bed.sandbox("").await;
    bed.deliver(&sandbox).await;
    let seen = record(&sandbox).await;
    bed.plan(&[PlannedRow {
        remote_id: seen["id"].as_str().map(str::to_owned),
        etag: seen["@odata.etag"].as_str().map(str::to_owned),
        before: seen.to_string(),
        ..row(1, "T00001".to_owned(), Action::Delete)
    }]);
    if let Some(theirs) = theirs {
        change(&sandbox, &seen, theirs).await;
    }
    sandbox.stop().await;
    let sandbox = bed.sandbox(faults).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    sandbox.stop().await;
    let sandbox = bed.sandbox("").await;
    let left = records(&sandbox, "customers?$filter=number%20eq%20'T00001'").await;
    sandbox.stop().await;
    (bed.results().remove(0), !left.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_arrives_through_faults() {
    for faults in ["", "lost=0.5,504=0.4,seed=1", "lost=0.6,torn=0.3,seed=2"] {
        let (result, is_there) = meet_delete(OnConflict::Reject, None, faults).await;
        assert_eq!((result.state, is_there), (State::Done, false), "{faults}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_changed_since_is_deleted_only_at_the_users_word() {
    let theirs = Some(r#"{"city":"Bonn"}"#);
    for (on_conflict, state, stays) in [
        (OnConflict::Reject, State::Conflict, true),
        (OnConflict::Theirs, State::Skipped, true),
        (OnConflict::Ours, State::Done, false),
    ] {
        let (result, is_there) = meet_delete(on_conflict, theirs, "").await;
        assert_eq!((result.state, is_there), (state, stays), "{on_conflict:?}: {result:?}");
    }
}
