//! Payments in doubt whose journal may have been posted meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::bed::{Bed, open_for_delivery, payment, post, records, row, text_of, transport};
use super::stub::{said, stub};
use crate::delivery::shared::unix_now;
use crate::delivery::{DeliveryEnd, DeliveryEvent};
use crate::domain::{Action, EntityKind, Outcome, PlannedRow, Receipt, State};
use crate::ledger::{JournalBefore, Step};
#[cfg(test)]
use crate::sandbox::Sandbox;
use crate::transport::{ApiRequest, Method};

/// Puts a payment into the journal as a request would, on its reserved line.
async fn carry_out(bed: &Bed, sandbox: &Sandbox, row: &PlannedRow) -> String {
    let path = bed.connector(sandbox).highest_line().unwrap().path.split('?').next().unwrap().to_owned();
    let line = row.line_number.unwrap();
    let body = row.payload.replacen('{', &format!(r#"{{"lineNumber":{line},"#), 1);
    text_of(&post(&transport(sandbox), &path, &body).await, "id")
}

/// A person posts the journal, which needs an account that balances it.
async fn post_journal(bed: &Bed, sandbox: &Sandbox) {
    let company = format!("companies({})", sandbox.welcome().company_id);
    let account = &records(sandbox, "accounts?$top=1").await[0]["id"];
    let journals = records(sandbox, "customerPaymentJournals").await;
    let journal = journals.iter().find(|journal| journal["id"] == bed.journal_id.as_str()).unwrap();
    let path = format!("{company}/customerPaymentJournals({})", bed.journal_id);
    let change = format!(r#"{{"balancingAccountId":{account}}}"#);
    let etag = journal["@odata.etag"].as_str().unwrap();
    let balance = ApiRequest::with_body(Method::Patch, path, change).header("if-match", etag);
    let transport = transport(sandbox);
    assert_eq!(transport.send(0, &balance).await.unwrap().status, 200);
    let path = format!("{company}/journals({})/Microsoft.NAV.post", bed.journal_id);
    let reply = transport.send(0, &ApiRequest::new(Method::Post, path)).await.unwrap();
    assert_eq!(reply.status, 204, "{}", String::from_utf8_lossy(&reply.body));
}

/// The program dies while these rows are on their way.
async fn crash_while_sending(bed: &Bed, rows: &[i64]) {
    let steps: Vec<_> = rows.iter().map(|row| (*row, Step::Send)).collect();
    open_for_delivery(&bed.ledger_path()).await.record(&steps, unix_now()).unwrap();
}

/// A payment that the run has carried out, in a request that left at `sent_at`.
async fn deliver_as(bed: &Bed, sandbox: &Sandbox, (row, sent_at): (u64, i64)) {
    let receipt = Receipt { remote_id: carry_out(bed, sandbox, &payment(row)).await, ..Receipt::default() };
    let id = i64::try_from(row).unwrap();
    let steps = [(id, Step::Send), (id, Step::Outcome(Outcome::Accepted(receipt)))];
    open_for_delivery(&bed.ledger_path()).await.record(&steps, sent_at).unwrap();
}

/// What the header says where general ledger entries cannot be read.
fn without_entries(witness: Option<String>) -> JournalBefore {
    JournalBefore { witness, last_entry: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_payment_that_was_posted_meanwhile_is_not_sent_again() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&[payment(1), payment(2)]);
    let sandbox = bed.sandbox("").await;
    crash_while_sending(&bed, &[1]).await;
    carry_out(&bed, &sandbox, &payment(1)).await;
    post_journal(&bed, &sandbox).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let first = &bed.results()[0];
    assert_eq!(first.state, State::InDoubt);
    assert!(
        first.message.contains("a payment with its document number was posted since"),
        "{}",
        first.message
    );
    assert!(
        first.message.ends_with("look at payment `P1` of customer `10000` over `-1.25` line 20000"),
        "{}",
        first.message
    );
    let books = bed.books();
    assert_eq!((books.payments, books.posted_payments, books.duplicates.payments), (1, 1, 0));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_payment_that_was_never_carried_out_is_sent() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&[payment(1), payment(2)]);
    let sandbox = bed.sandbox("").await;
    crash_while_sending(&bed, &[1]).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 2)], 2));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_other_payments_are_posted_nobody_can_tell_whether_ours_was_one_of_them() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&[payment(1)]);
    let sandbox = bed.sandbox("").await;
    crash_while_sending(&bed, &[1]).await;
    carry_out(&bed, &sandbox, &payment(7)).await;
    post_journal(&bed, &sandbox).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let first = &bed.results()[0];
    assert_eq!((first.state, bed.books().payments), (State::InDoubt, 0));
    assert!(first.message.contains("payments were posted since"), "{}", first.message);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_witness_an_absence_after_a_crash_is_left_to_a_person() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.journal_before = None;
    bed.plan(&[payment(1), payment(2)]);
    let sandbox = bed.sandbox("").await;
    crash_while_sending(&bed, &[1]).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 1), (State::InDoubt, 1)]);
    // Once a person has put it there, the next look finds it.
    carry_out(&bed, &sandbox, &payment(1)).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 2)], 2));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_in_the_journal_before_vouches_for_an_absence() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    let sandbox = bed.sandbox("").await;
    let witness = carry_out(&bed, &sandbox, &payment(9)).await;
    bed.journal_before = Some(JournalBefore { witness: Some(witness), last_entry: None });
    bed.plan(&[payment(1)]);
    crash_while_sending(&bed, &[1]).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 1)], 2));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_is_not_moved_to_another_line_when_it_may_have_been_posted() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&[payment(1)]);
    let sandbox = bed.sandbox("").await;
    crash_while_sending(&bed, &[1]).await;
    carry_out(&bed, &sandbox, &payment(1)).await;
    post_journal(&bed, &sandbox).await;
    // A stranger takes the line that posting has set free.
    let stranger = PlannedRow {
        payload:
            r#"{"customerNumber":"20000","documentNumber":"OTHER","externalDocumentNumber":"O","amount":-9}"#
                .to_owned(),
        ..payment(1)
    };
    carry_out(&bed, &sandbox, &stranger).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let books = bed.books();
    assert_eq!((bed.results()[0].state, books.payments, books.posted_payments), (State::InDoubt, 1, 1));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hidden_line_that_posting_leaves_behind_makes_a_payment_move() {
    let bed = Bed::new(EntityKind::Payments).await;
    let sandbox = bed.sandbox("").await;
    carry_out(&bed, &sandbox, &payment(9)).await;
    post_journal(&bed, &sandbox).await;
    bed.plan(&[PlannedRow { line_number: Some(10_000), ..payment(1) }, payment(2)]);
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 2)], 2));
    assert_ne!(bed.results()[0].planned.line_number, Some(10_000));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_left_in_doubt_stays_so_until_somebody_can_tell() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&[payment(1)]);
    let sandbox = bed.sandbox("").await;
    let left = Step::Outcome(Outcome::InDoubt("left".to_owned()));
    open_for_delivery(&bed.ledger_path()).await.record(&[(1, Step::Send), (1, left)], 0).unwrap();
    carry_out(&bed, &sandbox, &payment(1)).await;
    post_journal(&bed, &sandbox).await;
    for _ in 0..2 {
        assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
        assert_eq!((bed.states(), bed.books().payments), (vec![(State::InDoubt, 1)], 0));
    }
    sandbox.stop().await;
}

/// The delete of a payment that is in the journal.
async fn deletion(bed: &Bed, sandbox: &Sandbox, number: u64) -> PlannedRow {
    let id = carry_out(bed, sandbox, &payment(number)).await;
    let path = format!("customerPaymentJournals({})/customerPayments", bed.journal_id);
    let lines = records(sandbox, &path).await;
    let line = lines.iter().find(|line| line["id"] == id.as_str()).unwrap();
    PlannedRow {
        remote_id: Some(id),
        etag: line["@odata.etag"].as_str().map(str::to_owned),
        before: line.to_string(),
        ..row(number, format!("P{number}"), Action::Delete)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_posted_instead_of_deleted_is_not_called_deleted() {
    let bed = Bed::new(EntityKind::Payments).await;
    let sandbox = bed.sandbox("").await;
    bed.plan(&[deletion(&bed, &sandbox, 1).await]);
    crash_while_sending(&bed, &[1]).await;
    post_journal(&bed, &sandbox).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let result = &bed.results()[0];
    assert_eq!((result.state, bed.books().posted_payments), (State::InDoubt, 1));
    assert!(result.message.contains("it was not deleted and can only be reversed"), "{}", result.message);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_sent_later_does_not_vouch_for_an_earlier_one() {
    let known = Bed::new(EntityKind::Payments).await.journal_before;
    for before in [Some(without_entries(None)), known] {
        let mut bed = Bed::new(EntityKind::Payments).await;
        bed.journal_before = before;
        bed.plan(&[payment(1), payment(2)]);
        let sandbox = bed.sandbox("").await;
        crash_while_sending(&bed, &[1]).await;
        carry_out(&bed, &sandbox, &payment(1)).await;
        post_journal(&bed, &sandbox).await;
        deliver_as(&bed, &sandbox, (2, unix_now() + 1_000)).await;
        assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
        let books = bed.books();
        assert_eq!((bed.results()[0].state, books.payments, books.posted_payments), (State::InDoubt, 1, 1));
        sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_sent_earlier_vouches_for_a_later_one() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.journal_before = Some(without_entries(None));
    bed.plan(&[payment(1), payment(2)]);
    let sandbox = bed.sandbox("").await;
    deliver_as(&bed, &sandbox, (1, unix_now() - 1_000)).await;
    crash_while_sending(&bed, &[2]).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 2)], 2));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_second_payment_leaves_while_the_first_is_in_doubt() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&[payment(1), payment(2)]);
    let sandbox = bed.sandbox("").await;
    crash_while_sending(&bed, &[1]).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let events = bed.events.lock().unwrap().clone();
    let place = |wanted: fn(&DeliveryEvent) -> bool| events.iter().position(wanted).unwrap();
    // The first leaves again at once, and is told a moment later; a second one would have been accepted long before.
    let settled = place(|event| matches!(event, DeliveryEvent::Settled(_)));
    assert!(settled < place(|event| matches!(event, DeliveryEvent::Accepted(_))), "{events:?}");
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_left_when_others_were_posted_does_not_vouch_for_them() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    let sandbox = bed.sandbox("").await;
    carry_out(&bed, &sandbox, &payment(1)).await;
    post_journal(&bed, &sandbox).await;
    let witness = Some(carry_out(&bed, &sandbox, &payment(9)).await);
    let last_entry = bed.journal_before.as_ref().and_then(|before| before.last_entry);
    bed.journal_before = Some(JournalBefore { witness, last_entry });
    bed.plan(&[payment(1)]);
    crash_while_sending(&bed, &[1]).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let books = bed.books();
    assert_eq!((bed.results()[0].state, books.payments, books.posted_payments), (State::InDoubt, 1, 1));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_never_come_leave_the_payment_to_a_person() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.options.batch = 1;
    bed.options.settle = Duration::from_millis(100);
    bed.options.retry_budget = Duration::from_secs(1);
    bed.plan(&[payment(1)]);
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = writes.clone();
    let (transport, _) = stub(move |_, method, path, _| match *method {
        axum::http::Method::POST => {
            counted.fetch_add(1, Ordering::SeqCst);
            said(504, "")
        }
        _ if path.contains("generalLedgerEntries") => said(503, ""),
        _ => said(200, r#"{"value":[]}"#),
    })
    .await;
    let sandbox = bed.sandbox("").await;
    let (_keep, stop) = watch::channel(false);
    let delivery = bed.deliver_until(&transport, &sandbox, stop);
    let end = tokio::time::timeout(Duration::from_mins(1), delivery).await.unwrap();
    assert_eq!((end, bed.states()), (DeliveryEnd::Finished, vec![(State::InDoubt, 1)]));
    let message = &bed.results()[0].message;
    assert!(message.contains("does not tell whether it was posted"), "{message}");
    assert_eq!(writes.load(Ordering::SeqCst), 1);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_stays_vouches_for_a_delete_where_entries_cannot_be_read() {
    for has_witness in [true, false] {
        let mut bed = Bed::new(EntityKind::Payments).await;
        let sandbox = bed.sandbox("").await;
        let witness = carry_out(&bed, &sandbox, &payment(9)).await;
        bed.journal_before = Some(without_entries(has_witness.then_some(witness)));
        let planned = deletion(&bed, &sandbox, 1).await;
        bed.plan(std::slice::from_ref(&planned));
        crash_while_sending(&bed, &[1]).await;
        delete(&bed, &sandbox, &planned).await;
        assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
        let expected = if has_witness { State::Done } else { State::InDoubt };
        assert_eq!(bed.states(), [(expected, 1)]);
        sandbox.stop().await;
    }
}

/// The record of a planned delete goes.
async fn delete(bed: &Bed, sandbox: &Sandbox, planned: &PlannedRow) {
    let set = bed.connector(sandbox).highest_line().unwrap().path.split('?').next().unwrap().to_owned();
    let path = format!("{set}({})", planned.remote_id.as_deref().unwrap());
    let reply = transport(sandbox).send(0, &ApiRequest::new(Method::Delete, path)).await.unwrap();
    assert_eq!(reply.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_an_earlier_process_may_have_deleted_is_looked_up_when_it_is_gone() {
    let bed = Bed::new(EntityKind::Payments).await;
    let sandbox = bed.sandbox("").await;
    let planned = deletion(&bed, &sandbox, 1).await;
    bed.plan(std::slice::from_ref(&planned));
    let not_done = Step::Outcome(Outcome::NotDone(None));
    let steps = [(1, Step::Send), (1, Step::Outcome(Outcome::InDoubt("lost".to_owned()))), (1, not_done)];
    open_for_delivery(&bed.ledger_path()).await.record(&steps, unix_now()).unwrap();
    delete(&bed, &sandbox, &planned).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 1)]);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_posted_while_its_change_was_in_doubt_is_left_to_a_person() {
    for is_posted in [true, false] {
        let bed = Bed::new(EntityKind::Payments).await;
        let sandbox = bed.sandbox("").await;
        let planned = deletion(&bed, &sandbox, 1).await;
        let change = r#"{"amount":-7.00}"#.to_owned();
        bed.plan(&[PlannedRow { action: Action::Update, payload: change, ..planned.clone() }]);
        crash_while_sending(&bed, &[1]).await;
        if is_posted {
            post_journal(&bed, &sandbox).await;
        } else {
            delete(&bed, &sandbox, &planned).await;
        }
        assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
        let expected = if is_posted { State::InDoubt } else { State::Conflict };
        assert_eq!(bed.states(), [(expected, 1)], "{}", bed.results()[0].message);
        sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletes_of_payments_go_in_batches_from_the_first() {
    let bed = Bed::new(EntityKind::Payments).await;
    let sandbox = bed.sandbox("").await;
    let mut rows = Vec::new();
    for number in 1..=6 {
        rows.push(deletion(&bed, &sandbox, number).await);
    }
    bed.plan(&rows);
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 6)], 0));
    assert!(bed.events.lock().unwrap().contains(&DeliveryEvent::Sent(6)));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_are_deleted_through_a_crash_and_lost_answers() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.options.batch = 2;
    let sandbox = bed.sandbox("").await;
    let mut rows = Vec::new();
    for number in 1..=6 {
        rows.push(deletion(&bed, &sandbox, number).await);
    }
    sandbox.stop().await;
    bed.plan(&rows);
    crash_while_sending(&bed, &[1]).await;
    let sandbox = bed.sandbox("lost=0.4,504=0.2,seed=5").await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().payments), (vec![(State::Done, 6)], 0));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_a_number_is_found_again_although_the_server_replaced_the_city() {
    let bed = Bed::new(EntityKind::Customers).await;
    let sandbox = bed.sandbox("").await;
    let payload = r#"{"displayName":"Nameless","city":"somewhere","postalCode":"GB-N16 34Z"}"#.to_owned();
    bed.plan(&[PlannedRow { payload: payload.clone(), ..row(1, String::new(), Action::Create) }]);
    crash_while_sending(&bed, &[1]).await;
    let path = format!("companies({})/customers", sandbox.welcome().company_id);
    let created = post(&transport(&sandbox), &path, &payload).await;
    assert_ne!(text_of(&created, "city"), "somewhere");
    let before = bed.books().customers;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.states(), bed.books().customers), (vec![(State::Done, 1)], before));
    assert_eq!(bed.results()[0].remote_id, Some(text_of(&created, "id")));
    assert_eq!(bed.results()[0].planned.key, text_of(&created, "number"));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_customers_without_numbers_that_look_alike_are_never_taken_for_each_other() {
    let bed = Bed::new(EntityKind::Customers).await;
    let sandbox = bed.sandbox("").await;
    let payload = r#"{"displayName":"Twin"}"#.to_owned();
    let twin = |number| PlannedRow { payload: payload.clone(), ..row(number, String::new(), Action::Create) };
    bed.plan(&[twin(1), twin(2)]);
    crash_while_sending(&bed, &[1, 2]).await;
    let path = format!("companies({})/customers", sandbox.welcome().company_id);
    post(&transport(&sandbox), &path, &payload).await;
    let before = bed.books().customers;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    // One of them is there; which of the two it is, and whether the other is missing, is for a person.
    assert_eq!(bed.states(), [(State::Done, 1), (State::InDoubt, 1)]);
    assert_eq!(bed.books().customers, before);
    let left = bed.results().into_iter().find(|row| row.state == State::InDoubt).unwrap();
    assert!(left.message.ends_with("look at customer named `Twin`"), "{}", left.message);
    sandbox.stop().await;
}
