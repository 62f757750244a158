//! Payments that Bigcapital holds already: found by their number, changed without losing anything, taken back whole.

use std::fmt::Write as _;
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

#[test]
fn money_on_account_is_not_lost_by_a_change_of_something_else() {
    let bed = bed(false, "");
    // 20 of the 120 are on account, and the other one is for two invoices.
    for body in [
        r#"{"customerId":1,"paymentDate":"2026-02-02","depositAccountId":1000,"paymentReceiveNo":"A-1","amount":120,
            "entries":[{"invoiceId":1,"paymentAmount":100}]}"#,
        r#"{"customerId":1,"paymentDate":"2026-02-02","depositAccountId":1000,"paymentReceiveNo":"A-2","amount":80,
            "entries":[{"invoiceId":1,"paymentAmount":50},{"invoiceId":9,"paymentAmount":20}]}"#,
    ] {
        let (status, said) = bed.ask_bigcapital(Method::Post, "payments-received", body);
        assert_eq!(status, 201, "{said}");
    }
    let before = (due(&bed, "USD"), writes(&bed));
    let rows = "Payment Number,Date,Amount,Description\nA-1,2026-02-02,120,words\nA-2,2026-02-02,80,words\n";
    bed.write("rows.csv", rows.as_bytes());
    let update = ["import", "rows.csv", "--yes", "--mode", "update", "--out", "told"];
    counts(&bed, &update, 4, &[("conflict", 2)]);
    let results = bed.read("told/results.csv");
    assert_eq!(results.matches("payment-split").count(), 2, "{results}");
    assert_eq!((due(&bed, "USD"), writes(&bed)), before);
    assert_eq!(payment(&bed, "A-1")["amount"].as_u64(), Some(120));
}

#[test]
fn money_that_comes_on_account_after_the_plan_is_not_lost_either() {
    let bed = paid();
    bed.write("rows.csv", PAYMENTS.replace("part", "a part").as_bytes());
    bed.ferry(&["plan", "rows.csv", "-p", "local", "--out", "later"]).exits(0);
    let more = r#"{"customerId":1,"paymentDate":"2026-02-02","depositAccountId":1000,"amount":3300,
        "entries":[{"invoiceId":1,"paymentAmount":3200}]}"#;
    replace(&bed, "P-1", more);
    // The row says nothing of the amount, so nobody else's change is in its way.
    bed.ferry(&["apply", "later", "-p", "local", "--yes", "--allow-stale", "--on-conflict", "ours"]).exits(3);
    assert_eq!(payment(&bed, "P-1")["amount"].as_u64(), Some(3300));
    let results = bed.read("later/results.csv");
    assert!(results.contains("payment-split"), "{results}");
}

#[test]
fn an_invoice_that_was_corrected_is_carried_over_and_one_that_moved_is_seen() {
    let bed = paid();
    let invoice = || payment(&bed, "P-1")["entries"][0]["invoice_id"].as_u64();
    let corrected = PAYMENTS.replace("3200,INV-1001", "3200,inv-1009");
    import(&bed, &corrected, "corrected", 0, &[("done", 1), ("unchanged", 3)]);
    assert_eq!(invoice(), Some(9));
    import(&bed, &corrected, "same", 0, &[("done", 0), ("unchanged", 4)]);
    bed.ferry(&["reconcile", "corrected", "-p", "local"]).exits(0);
    let said = bed.ferry(&["reconcile", "run", "-p", "local", "--json"]).exits(3).json();
    assert_eq!((&said["counts"]["ok"], &said["counts"]["different"]), (&3.into(), &1.into()), "{said}");
    bed.ferry(&["undo", "corrected", "-p", "local", "--yes"]).exits(0);
    assert_eq!(invoice(), Some(1));
    // A new record only is wanted, and this one is another.
    bed.write("rows.csv", corrected.as_bytes());
    let create = ["import", "rows.csv", "--yes", "--mode", "create", "--skip-rejects"];
    counts(&bed, &create, 3, &[("conflict", 1), ("unchanged", 3)]);
}

#[test]
fn a_payment_that_was_deleted_comes_back_with_its_invoice_and_its_account() {
    let bed = paid();
    let before = due(&bed, "USD");
    let rows = "Payment Number,Deposit Account\nP-1,10003\n";
    bed.write("moved.csv", rows.as_bytes());
    counts(&bed, &["import", "moved.csv", "--yes", "--mode", "update"], 0, &[("done", 1)]);
    let gone = "Payment Number,ferry_action\nP-1,delete\nP-2,delete\n";
    import(&bed, gone, "gone", 0, &[("done", 2)]);
    assert_eq!(due(&bed, "USD") - before, money("8950"));
    // Somebody has made the one again.
    let again = r#"{"customerId":2,"paymentDate":"2026-02-02","depositAccountId":1000,"paymentReceiveNo":"p-2",
        "entries":[{"invoiceId":2,"paymentAmount":5750}]}"#;
    assert_eq!(bed.ask_bigcapital(Method::Post, "payments-received", again).0, 201);
    let writes_before = writes(&bed);
    bed.ferry(&["undo", "gone", "-p", "local", "--yes", "--out", "back"]).exits(3);
    let back = payment(&bed, "P-1");
    assert_eq!(
        (back["deposit_account_id"].as_u64(), back["entries"][0]["invoice_id"].as_u64()),
        (Some(1002), Some(1))
    );
    assert_eq!((writes(&bed) - writes_before, due(&bed, "USD")), (1, before));
    let results = bed.read("back/results.csv");
    assert!(results.contains("there-again"), "{results}");
}

#[test]
fn what_a_colleague_changed_beside_the_run_stays_when_the_run_is_taken_back() {
    let bed = paid();
    import(&bed, &PAYMENTS.replace("part", "a part"), "words", 0, &[("done", 1)]);
    let less = r#"{"customerId":1,"paymentDate":"2026-02-02","depositAccountId":1000,
        "entries":[{"invoiceId":1,"paymentAmount":3100}]}"#;
    replace(&bed, "P-1", less);
    bed.ferry(&["undo", "words", "-p", "local", "--yes"]).exits(0);
    let back = payment(&bed, "P-1");
    assert_eq!((back["statement"].as_str(), back["amount"].as_u64()), (Some("part"), Some(3100)));
}

#[test]
fn many_changes_keep_their_invoices_when_answers_are_lost() {
    let bed = bed(false, "reset=0.15,504=0.2,seed=3");
    let rows = |words: &str| {
        let mut file = "Payment Number,Date,Amount,Invoice,Description\n".to_owned();
        for row in 1..=12 {
            writeln!(file, "K-{row},2026-03-01,3,INV-{},{words}", 1001 + row % 3).unwrap();
        }
        file
    };
    bed.write("rows.csv", rows("first").as_bytes());
    counts(&bed, &["import", "rows.csv", "--yes", "--max-errors", "100%"], 0, &[("done", 12)]);
    let before = due(&bed, "USD");
    bed.write("rows.csv", rows("second").as_bytes());
    counts(&bed, &["import", "rows.csv", "--yes", "--max-errors", "100%"], 0, &[("done", 12)]);
    assert_eq!(due(&bed, "USD"), before);
    let books = rusqlite::Connection::open(bed.path().join("books.db")).unwrap();
    let sql = "SELECT count(*) FROM big_payment WHERE statement = 'second'";
    assert_eq!(books.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 12);
}
