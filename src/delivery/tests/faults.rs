//! Exactly once, whatever goes wrong on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;

use super::bed::{ALL_FAULTS, Bed, customer, money, payment, post, records, row, transport};
use crate::delivery::DeliveryEnd;
use crate::domain::{Action, EntityKind, FieldChange, Money, PlannedRow, State};

/// The sum of `1.25`, `2.25`, … over so many rows.
fn total(rows: u64) -> Money {
    (1..=rows).map(|number| money(&format!("{number}.25"))).sum()
}

/// Every row done, each with an id of its own.
fn assert_each_is_done_once(bed: &Bed, rows: usize) {
    assert_eq!(bed.states(), [(State::Done, rows)]);
    let ids: BTreeSet<_> = bed.results().into_iter().filter_map(|row| row.remote_id).collect();
    assert_eq!(ids.len(), rows);
}

async fn customers_arrive_once(batch: usize, rows: u64, faults: &str) {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.batch = batch;
    let before = bed.books();
    bed.plan(&(1..=rows).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox(faults).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_each_is_done_once(&bed, usize::try_from(rows).unwrap());
    let after = bed.books();
    assert_eq!(after.customers - before.customers, rows);
    assert_eq!(after.duplicates.customers, before.duplicates.customers);
    assert_eq!(after.sums.credit_limits - before.sums.credit_limits, total(rows));
    sandbox.stop().await;
}

async fn payments_arrive_once(batch: usize, rows: u64, faults: &str) {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.options.batch = batch;
    let before = bed.books();
    bed.plan(&(1..=rows).map(payment).collect::<Vec<_>>());
    let sandbox = bed.sandbox(faults).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_each_is_done_once(&bed, usize::try_from(rows).unwrap());
    let after = bed.books();
    assert_eq!(after.payments - before.payments, rows);
    assert_eq!(after.duplicates.payments, before.duplicates.payments);
    let [before, after] = [before, after].map(|books| books.sums.payments.into_values().sum::<Money>());
    assert_eq!(before - after, total(rows));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_arrive_once_without_faults() {
    customers_arrive_once(100, 250, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_in_batches_arrive_once_through_all_faults() {
    customers_arrive_once(20, 300, &format!("{ALL_FAULTS},seed=3")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_one_by_one_arrive_once_through_all_faults() {
    customers_arrive_once(1, 60, &format!("{ALL_FAULTS},seed=4")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_in_batches_arrive_once_through_all_faults() {
    payments_arrive_once(20, 300, &format!("{ALL_FAULTS},seed=5")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_one_by_one_arrive_once_through_all_faults() {
    payments_arrive_once(1, 60, &format!("{ALL_FAULTS},seed=6")).await;
}

/// Crashes the delivery again and again, each time a little later, until it comes to its end.
async fn survive_crashes(bed: &Bed, faults: &str) {
    let sandbox = bed.sandbox(faults).await;
    let transport = transport(&sandbox);
    for crash in 1u64.. {
        assert!(crash < 500, "{:?}", bed.states());
        let (_keep, stop) = watch::channel(false);
        let life = Duration::from_millis(5 + crash * 37 % 120 + crash * 2);
        tokio::select! {
            end = bed.deliver_until(&transport, &sandbox, stop) => {
                assert_eq!(end, DeliveryEnd::Finished);
                break;
            }
            () = tokio::time::sleep(life) => {}
        }
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_arrive_once_through_crashes_and_faults() {
    let bed = Bed::new(EntityKind::Payments).await;
    let before = bed.books();
    bed.plan(&(1..=300).map(payment).collect::<Vec<_>>());
    survive_crashes(&bed, &format!("{ALL_FAULTS},seed=7")).await;
    assert_each_is_done_once(&bed, 300);
    let after = bed.books();
    assert_eq!(
        (after.payments - before.payments, after.duplicates.payments),
        (300, before.duplicates.payments)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_arrive_once_through_crashes_and_faults() {
    let bed = Bed::new(EntityKind::Customers).await;
    let before = bed.books();
    bed.plan(&(1..=300).map(customer).collect::<Vec<_>>());
    survive_crashes(&bed, &format!("{ALL_FAULTS},seed=8")).await;
    assert_each_is_done_once(&bed, 300);
    let after = bed.books();
    assert_eq!(after.customers - before.customers, 300);
    assert_eq!(after.duplicates.customers, before.duplicates.customers);
    assert_eq!(after.sums.credit_limits - before.sums.credit_limits, total(300));
}

/// Plans the update of every customer that the bed has created.
async fn updates(bed: &Bed) -> Vec<PlannedRow> {
    let sandbox = bed.sandbox("").await;
    let all = records(&sandbox, "customers?$select=id,displayName,creditLimit").await;
    sandbox.stop().await;
    let ours = all.iter().filter(|record| record["displayName"].as_str().unwrap().starts_with("Customer "));
    let update = |(number, record): (u64, &serde_json::Value)| {
        let from = record["creditLimit"].to_string();
        let to = format!("{}", 1_000 + number);
        PlannedRow {
            payload: format!(r#"{{"creditLimit":{to}}}"#),
            changes: vec![FieldChange { field: "creditLimit".into(), from, to }],
            remote_id: Some(record["id"].as_str().unwrap().to_owned()),
            etag: Some(record["@odata.etag"].as_str().unwrap().to_owned()),
            ..row(number, String::new(), Action::Update)
        }
    };
    (1..).zip(ours).map(update).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_arrive_through_faults_and_foreign_changes() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&(1..=100).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    bed.deliver(&sandbox).await;
    sandbox.stop().await;
    bed.plan(&updates(&bed).await);
    let before = bed.books();
    let sandbox = bed.sandbox(&format!("{ALL_FAULTS},etag=0.3,seed=9")).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    sandbox.stop().await;
    assert_each_is_done_once(&bed, 100);
    let expected: Money = (1..=100i64).map(|number| Money::from(1_000 + number)).sum();
    assert_eq!(bed.books().sums.credit_limits - before.sums.credit_limits, expected - total(100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_whose_line_a_stranger_has_taken_moves_to_another() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&(1..=5).map(payment).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let connector = bed.connector(&sandbox);
    let path = connector.highest_line().unwrap().path.split('?').next().unwrap().to_owned();
    let stranger = r#"{"lineNumber":30000,"customerNumber":"20000","documentNumber":"OTHER","amount":-9}"#;
    post(&transport(&sandbox), &path, stranger).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_each_is_done_once(&bed, 5);
    let moved = &bed.results()[1];
    assert_eq!(moved.planned.line_number, Some(70_000));
    assert_eq!(bed.books().payments, 6);
    sandbox.stop().await;
}
