//! Imports into Bigcapital, judged by its books.

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::Duration;

use ledgerferry::domain::Money;
use ledgerferry::transport::Method;

use crate::testbed::{TestBed, sample};

/// What the sandbox does wrong in the tests of delivery.
const FAULTS: &str = "lost=0.06,reset=0.04,429=0.05,503=0.03,504=0.02,torn=0.03";

/// Rows of the files that have to get through these faults.
const ROWS: u64 = 21;

/// Customers that the organization has before anything is imported.
pub(crate) const SEEDED: u64 = 8;

/// A bed whose profile is Bigcapital.
pub(crate) fn bed(is_strict: bool, faults: &str) -> TestBed {
    let bed = TestBed::with(|options| {
        options.strict = is_strict;
        options.utc_offset = if is_strict { -5 } else { 4 };
        options.faults = faults.parse().unwrap();
    });
    bed.write_bigcapital_project();
    bed
}

/// The counts of a run's JSON.
#[track_caller]
pub(crate) fn counts(bed: &TestBed, arguments: &[&str], exit: i32, expected: &[(&str, u64)]) {
    let json = bed.ferry(&[arguments, &["-p", "local", "--json"]].concat()).exits(exit).json();
    for (name, count) in expected {
        assert_eq!(json["counts"][*name].as_u64(), Some(*count), "{name} of {json}");
    }
}

pub(crate) const PAYMENTS: &str = "Payment Number,Date,Customer,Amount,Invoice,Reference,Description
P-1,2026-02-02,Adatum Corporation,3200,INV-1001,BANK-1,part
P-2,2026-02-02,,5750,INV-1002,BANK-2,all of it
P-3,2026-02-03,School of Fine Art,100,INV-1003,BANK-3,
P-4,2026-02-03,,7000,INV-1004,BANK-4,in euro
";

pub(crate) fn due(bed: &TestBed, currency: &str) -> Money {
    bed.books().bigcapital.sums.due[currency]
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn the_sample_sheet_is_imported_and_a_second_time_nothing_is_to_be_done() {
    for is_strict in [false, true] {
        let bed = bed(is_strict, "");
        let file = sample("customers.xlsx");
        counts(&bed, &["import", &file, "--yes", "--on-unsupported", "drop"], 0, &[("done", 12)]);
        let books = bed.books().bigcapital;
        assert_eq!((books.customers, books.duplicates.customers), (SEEDED + 12, 0));
        counts(
            &bed,
            &["import", &file, "--yes", "--on-unsupported", "drop"],
            0,
            &[("done", 0), ("unchanged", 12)],
        );
        // A name that has changed is known by the number that the sheet gave it before.
        let renamed = std::fs::read_to_string(sample("customers.csv")).unwrap();
        let renamed = renamed.replace("Kontor Lindqvist AB", "Kontor Lindqvist & Co AB");
        bed.write("renamed.csv", renamed.as_bytes());
        counts(
            &bed,
            &["import", "renamed.csv", "--yes", "--on-unsupported", "drop"],
            0,
            &[("done", 1), ("unchanged", 11)],
        );
        assert_eq!(bed.books().bigcapital.customers, SEEDED + 12);
    }
}

#[test]
fn payments_settle_the_invoices_they_name_once() {
    for is_strict in [false, true] {
        let bed = bed(is_strict, "");
        let before = (due(&bed, "USD"), due(&bed, "EUR"));
        bed.write("payments.csv", PAYMENTS.as_bytes());
        counts(&bed, &["import", "payments.csv", "--yes"], 0, &[("done", 4)]);
        assert_eq!(
            (before.0 - due(&bed, "USD"), before.1 - due(&bed, "EUR")),
            (money("9050"), money("7000"))
        );
        counts(&bed, &["import", "payments.csv", "--yes"], 0, &[("done", 0), ("unchanged", 4)]);
        let changed = PAYMENTS.replace(",100,INV-1003,BANK-3,", ",150,INV-1003,BANK-3b,more");
        bed.write("changed.csv", changed.as_bytes());
        counts(&bed, &["import", "changed.csv", "--yes"], 0, &[("done", 1), ("unchanged", 3)]);
        assert_eq!(before.0 - due(&bed, "USD"), money("9100"));
        let books = bed.books().bigcapital;
        assert_eq!((books.payments, books.duplicates.payments), (4, 0));
    }
}

#[test]
fn what_bigcapital_would_fail_at_is_told_before_anything_is_sent() {
    let bed = bed(false, "");
    let long = "x".repeat(256);
    let payments = format!(
        "Payment Number,Date,Customer,Amount,Invoice,Description\n\
         10045,2026-02-02,,100,INV-1001,\n1e5,2026-02-02,,100,INV-1001,\nB-1,2026-02-02,,57.50,INV-1002,\n\
         B-2,2026-02-03,Trey Research,100,INV-1003,\nB-3,2026-02-03,Nobody,100,INV-1004,\n\
         B-4,2026-02-03,,100,INV-9999,\nB-5,2026-02-03,,99999,INV-1005,\nB-6,someday,,5,INV-1005,\n\
         {long},2026-02-03,,5,INV-1005,\nB-7,2026-02-03,,5,INV-1005,smile 😀\n"
    );
    bed.write("payments.csv", payments.as_bytes());
    let json = bed.ferry(&["import", "payments.csv", "--yes", "-p", "local", "--json"]).exits(4).json();
    assert_eq!(
        (json["counts"]["rejected"].as_u64(), json["counts"]["conflict"].as_u64()),
        (Some(8), Some(2))
    );
    let customers = format!(
        "Name,Type,Currency,Opening Balance,Opening Balance Date\nA,martian,USD,,\nB,,ZZZ,,\nC 😀,,USD,,\n{long},,USD,,\n\
         D,,USD,99999999999,2026-01-01\nE,,USD,5,soon\n"
    );
    bed.write("customers.csv", customers.as_bytes());
    counts(&bed, &["import", "customers.csv", "--yes"], 4, &[("rejected", 6)]);
    let books = bed.books().bigcapital;
    assert_eq!((books.customers, books.payments, books.write_requests.carried_out), (SEEDED, 0, 0));
}

#[test]
fn a_change_goes_over_as_many_routes_as_it_takes_and_is_taken_back() {
    let bed = bed(false, "");
    let customer = |path: &str| bed.ask_bigcapital(Method::Get, path, "").1;
    bed.write(
        "changes.csv",
        b"name,note,active,Opening Balance,Opening Balance Date\nTrey Research,hello,false,12.5,2026-01-01\n",
    );
    counts(&bed, &["import", "changes.csv", "--yes", "--out", "run"], 0, &[("done", 1)]);
    let changed = customer("customers/2");
    assert_eq!(changed["note"], "hello");
    assert_eq!((changed["active"].as_u64(), changed["opening_balance"].as_f64()), (Some(0), Some(12.5)));
    counts(&bed, &["import", "changes.csv", "--yes"], 0, &[("unchanged", 1)]);
    bed.ferry(&["reconcile", "run", "-p", "local"]).exits(0);
    bed.write("more.csv", b"name,note,active\nTrey Research,other,true\n");
    counts(&bed, &["import", "more.csv", "--yes", "--out", "more"], 0, &[("done", 1)]);
    assert_eq!(customer("customers/2")["active"].as_u64(), Some(1));
    bed.ferry(&["undo", "more", "-p", "local", "--yes"]).exits(0);
    let back = customer("customers/2");
    assert_eq!((back["active"].as_u64(), back["note"].as_str()), (Some(0), Some("hello")));
}

#[test]
fn a_record_that_somebody_else_changed_after_the_plan_is_left_alone_or_overwritten_as_asked() {
    let theirs = r#"{"customerType":"business","displayName":"Trey Research","note":"theirs"}"#;
    for (how, exit, expected) in [("reject", 8, "theirs"), ("ours", 0, "ours"), ("theirs", 3, "theirs")] {
        let bed = bed(false, "");
        bed.write("changes.csv", b"name,note\nTrey Research,ours\n");
        bed.ferry(&["plan", "changes.csv", "-p", "local", "--out", "run"]).exits(0);
        assert_eq!(bed.ask_bigcapital(Method::Put, "customers/2", theirs).0, 200);
        let applied = bed.ferry(&["apply", "run", "-p", "local", "--yes", "--on-conflict", how]);
        let found = bed.ask_bigcapital(Method::Get, "customers/2", "").1;
        assert_eq!(found["note"], expected, "{how}: {}{}", applied.stdout(), applied.stderr());
        if how != "theirs" {
            applied.exits(exit);
        }
    }
}

#[test]
fn who_would_be_renamed_by_a_guess_is_left_to_somebody_who_knows() {
    let bed = bed(false, "");
    let name =
        |id: u32| bed.ask_bigcapital(Method::Get, &format!("customers/{id}"), "").1["display_name"].clone();
    let import = ["import", "rows.csv", "--yes"];
    bed.write("rows.csv", b"name,email\nTrey,accounts@treyresearch.example\n");
    counts(&bed, &[&import[..], &["--out", "told"]].concat(), 4, &[("conflict", 1)]);
    assert!(bed.read("told/results.csv").contains("--match email"), "{}", bed.read("told/results.csv"));
    counts(&bed, &[&import[..], &["--match", "displayName"]].concat(), 0, &[("done", 1)]);
    assert_eq!((name(2), bed.books().bigcapital.customers), ("Trey Research".into(), SEEDED + 1));
    bed.write("rows.csv", b"name,email\nTrey & Co,ACCOUNTS@fineartschool.example\n");
    counts(&bed, &[&import[..], &["--match", "email"]].concat(), 0, &[("done", 1)]);
    assert_eq!((name(3), bed.books().bigcapital.customers), ("Trey & Co".into(), SEEDED + 1));
}

#[test]
fn a_number_that_meant_another_customer_before_is_told_and_not_followed() {
    let bed = bed(false, "");
    bed.write("rows.csv", b"number,name,city\nC7,Relecloud,Zug\n");
    let import = ["import", "rows.csv", "--yes", "--on-unsupported", "drop"];
    counts(&bed, &import, 0, &[("done", 1)]);
    bed.write("rows.csv", b"number,name,city\nC7,Wingtip Toys,Bonn\n");
    counts(&bed, &import, 4, &[("conflict", 1)]);
    bed.write("rows.csv", b"number,name,city\nC7,Relecloud AG,Zug\n");
    counts(&bed, &import, 0, &[("done", 1)]);
    assert_eq!(bed.ask_bigcapital(Method::Get, "customers/5", "").1["display_name"], "Relecloud AG");
}

#[test]
fn a_yes_that_nobody_read_back_is_known_by_its_id_after_a_crash() {
    let bed = bed(false, "");
    // A slow pace, so that the record waits for its read-back.
    let project = bed.read("ferry.toml").replace("100000/s", "20/m").replace("300ms", "60s");
    bed.write("ferry.toml", project.as_bytes());
    bed.write("rows.csv", b"name,email\nNew Name,new@x.example\n");
    let mut child = bed.start(&["import", "rows.csv", "--yes", "-p", "local", "--out", "run"]);
    let start = std::time::Instant::now();
    while bed.books().bigcapital.customers == SEEDED {
        assert!(start.elapsed() < Duration::from_mins(1), "the customer was never made");
        sleep(Duration::from_millis(50));
    }
    // The answer is on disk a moment later, and its read-back waits for twenty seconds.
    sleep(Duration::from_secs(2));
    child.kill().unwrap();
    child.wait().unwrap();
    let path = format!("customers/{}", SEEDED + 1);
    let theirs = r#"{"customerType":"business","displayName":"Better Name"}"#;
    assert_eq!(bed.ask_bigcapital(Method::Put, &path, theirs).0, 200);
    bed.ferry(&["resume", "run", "-p", "local"]).exits(3);
    assert_eq!(bed.books().bigcapital.customers, SEEDED + 1);
    let results = bed.read("run/results.csv");
    assert!(results.contains("it differs in `displayName`"), "{results}");
}

#[test]
fn payments_are_reconciled_and_taken_back_with_the_signs_of_the_file() {
    let bed = bed(false, "");
    let before = due(&bed, "USD");
    bed.write("payments.csv", PAYMENTS.as_bytes());
    counts(&bed, &["import", "payments.csv", "--yes", "--out", "run"], 0, &[("done", 4)]);
    let report = bed.read("run/report.json");
    assert!(report.contains("Bigcapital holds money received as positive amounts"), "{report}");
    assert!(!report.contains("Business Central posts"), "{report}");
    bed.ferry(&["reconcile", "run", "-p", "local"]).exits(0);
    bed.ferry(&["undo", "run", "-p", "local", "--yes"]).exits(0);
    assert_eq!((due(&bed, "USD"), bed.books().bigcapital.payments), (before, 0));
    // What was exported carries the neutral signs, and positive ones are told under them.
    let signed = PAYMENTS.replace(",3200,", ",-3200,").replace("P-", "S-");
    bed.write("signed.csv", signed.as_bytes());
    counts(
        &bed,
        &["import", "signed.csv", "--yes", "--sign", "as-is", "--skip-rejects"],
        3,
        &[("done", 1), ("rejected", 3)],
    );
    assert_eq!(before - due(&bed, "USD"), money("3200"));
}

/// A file of new customers, some with an opening balance.
fn customers(rows: u64) -> String {
    let mut file = "name,email,currency,opening balance,opening balance date\n".to_owned();
    for row in 1..=rows {
        let balance = if row % 3 == 0 { "10.25,2026-01-01" } else { "," };
        writeln!(file, "Customer {row},c{row}@x.example,USD,{balance}").unwrap();
    }
    file
}

/// A file of payments of 3 each, over the invoices of the sandbox.
fn payments(rows: u64) -> String {
    let mut file = "Payment Number,Date,Amount,Invoice\n".to_owned();
    for row in 1..=rows {
        writeln!(file, "K-{row},2026-03-01,3,INV-{}", 1001 + row % 3).unwrap();
    }
    file
}

#[test]
fn lost_answers_lose_and_double_nothing() {
    for (seed, is_strict) in [(1, false), (2, true)] {
        let bed = bed(is_strict, &format!("{FAULTS},seed={seed}"));
        bed.write("customers.csv", customers(ROWS).as_bytes());
        counts(&bed, &["import", "customers.csv", "--yes", "--max-errors", "100%"], 0, &[("done", ROWS)]);
        let before = due(&bed, "USD");
        bed.write("payments.csv", payments(ROWS).as_bytes());
        counts(&bed, &["import", "payments.csv", "--yes", "--max-errors", "100%"], 0, &[("done", ROWS)]);
        let books = bed.books().bigcapital;
        assert_eq!((books.customers, books.payments), (SEEDED + ROWS, ROWS));
        assert_eq!((books.duplicates.customers, books.duplicates.payments), (0, 0));
        assert_eq!(before - due(&bed, "USD"), money("63"));
        assert_eq!(books.sums.opening_balances["USD"], money("71.75"));
        assert_eq!(
            books.write_requests.swallowed + books.write_requests.deadlocked,
            0,
            "one writer at a time"
        );
    }
}

#[test]
fn customers_balances_and_payments_are_exported() {
    let bed = bed(true, "");
    bed.write("payments.csv", PAYMENTS.as_bytes());
    counts(&bed, &["import", "payments.csv", "--yes"], 0, &[("done", 4)]);
    bed.ask_bigcapital(Method::Patch, "contacts/3/inactivate", "");
    for (what, rows) in [("customers", 8), ("financials", 8), ("payments", 4)] {
        let file = format!("{what}.csv");
        bed.ferry(&["export", what, "-p", "local", "-o", &file]).exits(0);
        assert_eq!(bed.read(&file).lines().count(), rows + 1, "{}", bed.read(&file));
    }
    assert!(bed.read("customers.csv").contains("Adatum Corporation,Company"));
    assert!(bed.read("payments.csv").contains("P-1,1,Adatum Corporation,2026-02-02,-3200,INV-1001,"));
    let refused =
        bed.ferry(&["export", "customers", "-p", "local", "-o", "x.csv", "--filter-odata", "a eq 1"]);
    assert!(refused.stderr().contains("does not filter"), "{}", refused.stderr());
    refused.exits(2);
}
