//! Guards that a whole delivery only gets to by accident.

use tokio::sync::mpsc;

use super::bed::{Bed, customer, open_for_delivery, transport};
use crate::connector::Verdict;
use crate::delivery::DeliveryEnd;
use crate::delivery::backlog::Job;
use crate::delivery::options::Target;
use crate::delivery::outcome::settle;
use crate::delivery::shared::{Shared, Traffic, unix_now};
use crate::domain::{EntityKind, Receipt, State};
use crate::ledger::{Ledger, LedgerWriter, Step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_an_answer_says_nothing_of_is_in_doubt() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&(1..=3).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let rows = Ledger::open(&bed.ledger_path()).unwrap().open_rows(State::Planned, 0, 10).unwrap();
    let mut ledger = open_for_delivery(&bed.ledger_path()).await;
    ledger.record(&[1, 2, 3].map(|row| (row, Step::Send)), unix_now()).unwrap();
    let writer = LedgerWriter::start(ledger);
    let (events, mut told) = mpsc::unbounded_channel();
    let target = Target { transport: transport(&sandbox), connector: bed.connector(&sandbox) };
    let shared = Shared::new(writer.handle().clone(), target, bed.options.clone(), events);

    shared.backlog.fill(rows).await;
    let jobs: Vec<Job> = shared.backlog.take(3).await.unwrap();
    assert_eq!(jobs.len(), 3);
    let yes = Verdict::Accepted(Receipt { remote_id: "g".to_owned(), ..Receipt::default() });
    settle(&shared, jobs, vec![yes]).unwrap().finish(&shared).await.unwrap();

    let states: Vec<_> = bed.results().into_iter().map(|row| (row.state, row.message)).collect();
    assert_eq!(states[0], (State::Done, String::new()));
    for state in &states[1..] {
        assert_eq!(*state, (State::InDoubt, "the answer says nothing of the row".to_owned()));
    }
    // Nobody forgets to look for them.
    assert_eq!(shared.backlog.take_doubts(10).await.unwrap().len(), 2);
    assert!(told.try_recv().is_ok());
    drop(shared);
    writer.close().unwrap();
    sandbox.stop().await;
}

/// Where a record is looked at before it is changed, nothing can be sent while nothing can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_is_not_given_up_while_the_target_answers_no_lookups() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&(1..=3).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let rows = Ledger::open(&bed.ledger_path()).unwrap().open_rows(State::Planned, 0, 10).unwrap();
    let mut ledger = open_for_delivery(&bed.ledger_path()).await;
    ledger.record(&[1, 2, 3].map(|row| (row, Step::Send)), unix_now()).unwrap();
    let writer = LedgerWriter::start(ledger);
    let (events, _told) = mpsc::unbounded_channel();
    let target = Target { transport: transport(&sandbox), connector: bed.connector(&sandbox) };
    let shared = Shared::new(writer.handle().clone(), target, bed.options.clone(), events);
    shared.backlog.fill(rows).await;

    let put_off = async || {
        let mut jobs = shared.backlog.take(1).await.unwrap();
        jobs[0].tries = bed.options.max_attempts;
        settle(&shared, jobs, vec![Verdict::NotDone(None)]).unwrap().finish(&shared).await.unwrap();
    };
    shared.failed(&shared.lanes[0], Traffic::Lookups, None, "503");
    put_off().await;
    shared.answered(Traffic::Lookups);
    put_off().await;
    shared.finish_with(DeliveryEnd::Interrupted, "stopped by the user");

    let states: Vec<_> = bed.results().into_iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Planned, State::Refused, State::Sending]);
    drop(shared);
    writer.close().unwrap();
    sandbox.stop().await;
}
