//! Lookups that are answered while something else is still on its way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use axum::http::Method;
use tokio::sync::watch;

use super::bed::{Bed, customer, open_for_delivery, row};
use super::stub::{said, stub};
use crate::delivery::DeliveryEnd;
use crate::delivery::shared::unix_now;
use crate::domain::{Action, EntityKind, PlannedRow, State};
use crate::ledger::Step;
use crate::transport::Transport;

async fn deliver(bed: &Bed, transport: &Arc<Transport>) -> DeliveryEnd {
    let sandbox = bed.sandbox("").await;
    let (_keep, stop) = watch::channel(false);
    let end = bed.deliver_until(transport, &sandbox, stop).await;
    sandbox.stop().await;
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_absence_is_as_old_as_its_question() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    (bed.options.batch, bed.options.settle) = (1, Duration::from_millis(400));
    bed.plan(&[customer(1)]);
    let looks = Arc::new(AtomicUsize::new(0));
    let (transport, asked) = stub(move |_, method, _, _| match *method {
        Method::POST => said(504, "<html>The gateway has given up, and the server has not</html>"),
        // What was not there when it was asked for is there before the answer arrives.
        _ if looks.fetch_add(1, Ordering::SeqCst) == 0 => {
            sleep(Duration::from_millis(800));
            said(200, r#"{"value":[]}"#)
        }
        _ => said(
            200,
            r#"{"value":[{"id":"g","number":"T00001","displayName":"Customer 1","email":"c1@example.com","creditLimit":1.25}]}"#,
        ),
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 1)]);
    let written = asked.lock().unwrap().iter().filter(|(method, ..)| *method == Method::POST).count();
    assert_eq!(written, 1, "nobody may believe an absence that is as old as the request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_record_that_a_row_on_its_way_may_have_made_is_not_taken_for_another_rows() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.batch = 1;
    let nameless = |number, payload: &str| PlannedRow {
        payload: payload.to_owned(),
        ..row(number, String::new(), Action::Create)
    };
    bed.plan(&[
        nameless(1, r#"{"displayName":"Ann","email":"ann@example.com"}"#),
        nameless(2, r#"{"displayName":"Ann"}"#),
    ]);
    // The second row was never carried out, which nobody knows.
    open_for_delivery(&bed.ledger_path()).await.record(&[(2, Step::Send)], unix_now()).unwrap();
    let begun = Arc::new(Mutex::new(None::<Instant>));
    let (transport, _) = stub(move |_, method, _, _| {
        let record = r#"{"id":"g","number":"C1","displayName":"Ann","email":"ann@example.com"}"#;
        if *method == Method::POST {
            begun.lock().unwrap().get_or_insert_with(Instant::now);
            sleep(Duration::from_millis(700));
            return said(201, record);
        }
        // The first row's record shows while its answer is still on its way.
        while begun.lock().unwrap().is_none() {
            sleep(Duration::from_millis(5));
        }
        said(200, &format!(r#"{{"value":[{record}]}}"#))
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    let states: Vec<_> = bed.results().into_iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Done, State::InDoubt], "one record is not two customers");
}
