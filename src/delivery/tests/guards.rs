//! Guards that a whole delivery only gets to by accident.

use tokio::sync::mpsc;

use super::bed::{Bed, customer, open_for_delivery, transport};
use crate::connector::Verdict;
use crate::delivery::backlog::Job;
use crate::delivery::options::Target;
use crate::delivery::outcome::settle;
use crate::delivery::shared::{Shared, unix_now};
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
