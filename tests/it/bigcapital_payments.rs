//! Payments that Bigcapital holds already: found by their number, changed without losing anything, taken back whole.

use std::sync::{Arc, Mutex};

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::bigcapital::{PAYMENTS, bed, counts, due, money};
use crate::relay::{Ask, Manners, Way};
use crate::testbed::TestBed;

/// A bed with the four payments of [`PAYMENTS`], imported by the run `run`.
fn paid() -> TestBed {
    let bed = bed(false, "");
    import(&bed, PAYMENTS, "run", 0, &[("done", 4)]);
    bed
}

/// Imports rows by a run of this name.
#[track_caller]
fn import(bed: &TestBed, rows: &str, run: &str, exit: i32, expected: &[(&str, u64)]) {
    bed.write("rows.csv", rows.as_bytes());
    let import = ["import", "rows.csv", "--yes", "--max-deletes", "9", "--out", run];
    counts(bed, &import, exit, expected);
}

/// The payment with this number, with its entries; the last one of several.
fn payment(bed: &TestBed, number: &str) -> Value {
    let listed = bed.ask_bigcapital(Method::Get, "payments-received?page=1&page_size=1000", "").1;
    let all = listed["payment_receives"].as_array().unwrap().clone();
    let found = all.iter().rfind(|payment| payment["payment_receive_no"] == number).unwrap();
    bed.ask_bigcapital(Method::Get, &format!("payments-received/{}", found["id"]), "").1
}

/// Puts this body in place of the payment, as a colleague would.
#[track_caller]
fn replace(bed: &TestBed, number: &str, body: &str) {
    let path = format!("payments-received/{}", payment(bed, number)["id"]);
    let (status, said) = bed.ask_bigcapital(Method::Put, &path, body);
    assert_eq!(status, 200, "{said}");
}

fn writes(bed: &TestBed) -> u64 {
    bed.books().bigcapital.write_requests.carried_out
}

#[test]
fn a_payment_is_found_by_its_number_alone() {
    let bed = paid();
    let before = due(&bed, "USD");
    bed.write("words.csv", b"Payment Number,Description\nP-2,other words\nP-9,of nothing\n");
    let update = ["import", "words.csv", "--yes", "--mode", "update", "--skip-rejects"];
    counts(&bed, &update, 3, &[("done", 1), ("conflict", 1)]);
    assert_eq!((payment(&bed, "P-2")["statement"].as_str(), due(&bed, "USD")), (Some("other words"), before));
    import(&bed, "Payment Number,ferry_action\np-2,delete\n", "gone", 0, &[("done", 1)]);
    let books = bed.books().bigcapital;
    assert_eq!((books.payments, due(&bed, "USD") - before), (3, money("5750")));
    import(&bed, "Payment Number,ferry_action\nP-2,delete\n", "again", 0, &[("unchanged", 1)]);
}

#[test]
fn a_number_that_another_customers_payment_has_is_told_before_anything_is_sent() {
    let bed = paid();
    let before = writes(&bed);
    let rows = "Payment Number,Date,Customer,Amount,Invoice,ferry_action\n\
                P-1,2026-02-02,,100,INV-1002,\nP-2,,Adatum Corporation,,,delete\n";
    import(&bed, rows, "other", 4, &[("conflict", 2)]);
    let results = bed.read("other/results.csv");
    assert_eq!(results.matches("payment-of-another").count(), 2, "{results}");
    assert_eq!((writes(&bed), bed.books().bigcapital.payments), (before, 4));
}

#[test]
fn a_payment_stays_on_the_account_that_a_colleague_moved_it_to() {
    let bed = paid();
    let moved = r#"{"customerId":1,"paymentDate":"2026-02-02","depositAccountId":1001,
        "entries":[{"invoiceId":1,"paymentAmount":3200}]}"#;
    replace(&bed, "P-1", moved);
    import(&bed, PAYMENTS, "same", 0, &[("done", 0), ("unchanged", 4)]);
    let changed = PAYMENTS.replace("part", "a part");
    import(&bed, &changed, "words", 0, &[("done", 1), ("unchanged", 3)]);
    let found = payment(&bed, "P-1");
    assert_eq!(
        (found["deposit_account_id"].as_u64(), found["statement"].as_str()),
        (Some(1001), Some("a part"))
    );
}

#[test]
fn a_payment_is_moved_to_another_account_by_one_request_and_back() {
    let bed = paid();
    let before = writes(&bed);
    let rows = "Payment Number,Date,Amount,Invoice,Deposit Account\n\
                P-1,2026-02-02,3000,INV-1001,Undeposited Funds\nP-2,2026-02-02,5750,INV-1002,10002\n";
    import(&bed, rows, "moved", 0, &[("done", 2)]);
    let account = |number| payment(&bed, number)["deposit_account_id"].as_u64();
    let amount = || payment(&bed, "P-1")["entries"][0]["payment_amount"].as_u64();
    assert_eq!((account("P-1"), account("P-2"), amount()), (Some(1002), Some(1001), Some(3000)));
    assert_eq!(writes(&bed), before + 2);
    bed.ferry(&["reconcile", "moved", "-p", "local"]).exits(0);
    bed.ferry(&["undo", "moved", "-p", "local", "--yes"]).exits(0);
    assert_eq!((account("P-1"), account("P-2"), amount()), (Some(1000), Some(1000), Some(3200)));
}

#[test]
fn a_change_names_the_branch_again_where_there_are_branches() {
    let bed = bed(false, "");
    assert_eq!(bed.ask_bigcapital(Method::Post, "branches/activate", "{}").0, 200);
    let branch = bed.ask_bigcapital(Method::Get, "branches", "").1[0]["id"].as_u64().unwrap();
    let rows = |words: &str| {
        format!(
            "Payment Number,Date,Amount,Invoice,branchId,Description\nP-1,2026-02-02,10,INV-1001,{branch},{words}\n"
        )
    };
    import(&bed, &rows("first"), "run", 0, &[("done", 1)]);
    import(&bed, &rows("second"), "again", 0, &[("done", 1)]);
    let found = payment(&bed, "P-1");
    assert_eq!((found["statement"].as_str(), found["branch_id"].as_u64()), (Some("second"), Some(branch)));
    // A sheet that does not say the branch leaves the payment where it is.
    let silent = "Payment Number,Date,Amount,Invoice,Description\nP-1,2026-02-02,10,INV-1001,third\n";
    import(&bed, silent, "silent", 0, &[("done", 1)]);
    assert_eq!(payment(&bed, "P-1")["branch_id"].as_u64(), Some(branch));
}

#[test]
fn a_number_that_is_there_twice_is_seen_and_never_guessed() {
    let bed = paid();
    let twin = r#"{"customerId":1,"paymentDate":"2026-02-02","depositAccountId":1000,"paymentReceiveNo":"X",
        "entries":[{"invoiceId":1,"paymentAmount":5}]}"#;
    assert_eq!(bed.ask_bigcapital(Method::Post, "payments-received", twin).0, 201);
    // Two writers at once can store one number twice, which is how it looks afterwards.
    let books = rusqlite::Connection::open(bed.path().join("books.db")).unwrap();
    let renamed = "UPDATE big_payment SET payment_receive_no = 'P-1' WHERE payment_receive_no = 'X'";
    assert_eq!(books.execute(renamed, []).unwrap(), 1);
    let said = bed.ferry(&["reconcile", "run", "-p", "local", "--json"]).exits(3).json();
    assert_eq!((&said["counts"]["ok"], &said["counts"]["extra"]), (&4.into(), &1.into()), "{said}");
    let rows = "Payment Number,ferry_action\nP-1,delete\n";
    import(&bed, rows, "gone", 4, &[("conflict", 1)]);
    assert_eq!(bed.books().bigcapital.payments, 5);
}

/// What a server is asked for of its invoices.
#[derive(Clone, Default)]
struct Overheard(Arc<Mutex<Vec<String>>>);

impl Manners for Overheard {
    fn meet(&self, _number: u64, ask: &Ask) -> Way {
        if let Some((_, invoices)) = ask.path.split_once("/sale-invoices") {
            self.0.lock().unwrap().push(invoices.to_owned());
        }
        Way::Forward
    }
}

#[test]
fn invoices_that_are_paid_are_read_only_when_a_row_names_one() {
    let bed = bed(false, "");
    let overheard = Overheard::default();
    let _relay = bed.through(overheard.clone());
    import(&bed, PAYMENTS, "run", 0, &[("done", 4)]);
    assert_eq!(*overheard.0.lock().unwrap(), ["/receivable"]);
    // P-2 has paid all of its invoice, which is not among the open ones any more.
    import(&bed, PAYMENTS, "again", 0, &[("done", 0), ("unchanged", 4)]);
    let asked = overheard.0.lock().unwrap()[1..].to_vec();
    assert!(asked.len() == 2 && asked[0] == "/receivable", "{asked:?}");
    assert!(asked[1].contains("column_sort_by=invoice_no"), "{asked:?}");
}
