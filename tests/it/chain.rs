//! Customers and the payments that name them in one command; judged by the sandbox's books.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use rust_xlsxwriter::Workbook;
use serde_json::Value;

use crate::testbed::{TestBed, sample};

/// Three new customers; the second has a tax number of Denmark that the sandbox refuses.
const CUSTOMERS: &str = "Number,Display Name,Tax Registration Number,Country,Email\n\
    N1,New One,,,\nN2,New Two,NOT-A-NUMBER,DK,\nN3,New Three,,,\n";

/// Two payments for each of them, and one for a customer that is there already.
const PAYMENTS: &str = "Customer Number,Document Number,Posting Date,Amount\n\
    N1,P1,2026-10-01,1.00\nN2,P2,2026-10-01,2.00\nn3,P3,2026-10-01,4.00\n10000,P4,2026-10-01,8.00\n\
    N2,P5,2026-10-01,16.00\n";

fn write_both(bed: &TestBed, customers: &str) {
    bed.write("customers.csv", customers.as_bytes());
    bed.write("payments.csv", PAYMENTS.as_bytes());
}

const BOTH: [&str; 8] =
    ["import", "payments.csv", "customers.csv", "-p", "local", "--journal", "NEW", "--json"];

/// Key and status of every row of a run, and what its message says.
fn results(bed: &TestBed, run: &str) -> BTreeMap<String, (String, String, String)> {
    let text = bed.read(&format!("{run}/results.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records = reader.records().map(Result::unwrap);
    let cell = |record: &csv::StringRecord, column| record[column].to_owned();
    records.map(|record| (cell(&record, 3), (cell(&record, 5), cell(&record, 7), cell(&record, 8)))).collect()
}

fn counts(document: &Value, run: usize, state: &str) -> u64 {
    document["runs"][run]["counts"][state].as_u64().unwrap_or_else(|| panic!("{document}"))
}

#[test]
fn customers_arrive_before_the_payments_that_name_them() {
    let bed = TestBed::new();
    write_both(&bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK", ","));
    let before = bed.books();
    let plan = bed.ferry(&[&BOTH[..], &["--dry-run", "--out", "plan"]].concat()).exits(0).json();
    assert_eq!((counts(&plan, 0, "planned"), counts(&plan, 1, "planned")), (3, 5), "{plan}");
    assert_eq!(bed.books(), before);

    let done = bed.ferry(&[&BOTH[..], &["--yes"]].concat()).exits(0).json();
    assert_eq!(done["runs"][0]["entity"], "customers", "{done}");
    assert_eq!((counts(&done, 0, "done"), counts(&done, 1, "done")), (3, 5), "{done}");
    let (first, second) =
        (done["runs"][0]["run"].as_str().unwrap(), done["runs"][1]["run"].as_str().unwrap());
    assert!(first.ends_with("-customers"), "{first}");
    assert_eq!(first.replace("customers", "payments"), second);
    let books = bed.books();
    assert_eq!((books.customers, books.payments), (before.customers + 3, 5));

    let again = bed.ferry(&[&BOTH[..], &["--yes"]].concat()).exits(0).json();
    assert_eq!((counts(&again, 0, "unchanged"), counts(&again, 1, "unchanged")), (3, 5), "{again}");
    assert_eq!(bed.books(), books);
}

#[test]
fn payments_of_a_refused_customer_are_held_back_with_the_reason() {
    let bed = TestBed::new();
    write_both(&bed, CUSTOMERS);
    let done = bed.ferry(&[&BOTH[..], &["--yes", "--out", "run"]].concat()).exits(3).json();
    assert_eq!((counts(&done, 0, "refused"), counts(&done, 1, "skipped")), (1, 2), "{done}");
    assert_eq!(done["exit"]["code"], 3, "{done}");
    let rows = results(&bed, "run/payments");
    assert_eq!(rows["P1"].0, "done");
    assert_eq!(rows["P4"].0, "done");
    for key in ["P2", "P5"] {
        let (status, code, message) = &rows[key];
        assert_eq!((status.as_str(), code.as_str()), ("skipped", "held-back"), "{message}");
        assert!(message.contains("N2 (customers.csv row 3): refused"), "{message}");
    }
    let books = bed.books();
    assert_eq!((books.payments, books.duplicates.payments), (3, 0));
    assert!(bed.read("run/payments/rejects.csv").contains("held-back"));
}

#[test]
fn payments_of_a_customer_rejected_at_planning_are_held_back_in_the_plan() {
    let bed = TestBed::new();
    write_both(&bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK,", ",,not an address"));
    let before = bed.books();
    let line = [&BOTH[..], &["--yes", "--out"]].concat();
    let refused = bed.ferry(&[&line[..], &["refused"]].concat()).exits(4).json();
    assert_eq!((counts(&refused, 0, "rejected"), counts(&refused, 1, "skipped")), (1, 2), "{refused}");
    assert_eq!(bed.books(), before);

    let done = bed.ferry(&[&line[..], &["run", "--skip-rejects"]].concat()).exits(3).json();
    assert_eq!((counts(&done, 0, "done"), counts(&done, 1, "done")), (2, 3), "{done}");
    let (status, code, message) = &results(&bed, "run/payments")["P2"];
    assert_eq!((status.as_str(), code.as_str()), ("skipped", "held-back"));
    assert!(message.contains("N2 (customers.csv row 3): rejected"), "{message}");
    assert_eq!(bed.books().payments, 3);
}

#[test]
fn payments_wait_until_their_customers_run_is_finished() {
    let bed = TestBed::new();
    write_both(&bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK", ","));
    let plan = ["plan", "customers.csv", "payments.csv", "-p", "local", "--journal", "NEW", "--out", "run"];
    bed.ferry(&plan).exits(0);
    let before = bed.books();
    let words = bed.ferry(&["apply", "run/payments", "--yes"]).exits(8).stderr();
    assert!(words.contains("ferry apply run/customers"), "{words}");
    assert_eq!(bed.books(), before);

    let part = bed.ferry(&["apply", "run", "--yes", "--limit", "2", "--json"]).exits(0).json();
    assert_eq!((counts(&part, 0, "done"), counts(&part, 1, "planned")), (2, 5), "{part}");
    bed.ferry(&["apply", "run/payments", "--yes"]).exits(8);
    let rest = bed.ferry(&["resume", "run", "--json"]).exits(0).json();
    assert_eq!((counts(&rest, 0, "done"), counts(&rest, 1, "done")), (3, 5), "{rest}");
    let books = bed.books();
    assert_eq!((books.customers, books.payments), (before.customers + 3, 5));
}

#[cfg(unix)]
#[test]
fn a_chain_that_was_interrupted_is_continued_in_order() {
    let bed = TestBed::with(|options| options.latency = Duration::from_millis(60));
    bed.write_project(", batch = 5");
    let mut customers = String::from("Number,Display Name\n");
    let mut payments = String::from("Customer Number,Document Number,Posting Date,Amount\n");
    for row in 1..=150 {
        writeln!(customers, "I{row:04},Interrupted {row}").unwrap();
        writeln!(payments, "I{row:04},D{row:04},2026-10-01,{row}.00").unwrap();
    }
    write_both(&bed, &customers);
    bed.write("payments.csv", payments.as_bytes());
    let before = bed.books();
    let mut child = bed.start(&[&BOTH[..], &["--yes"]].concat());
    while bed.books().customers < before.customers + 10 {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(bed.books().payments, 0);
    bed.ferry(&["resume"]).exits(0);
    let books = bed.books();
    assert_eq!((books.customers, books.payments), (before.customers + 150, 150));
    assert_eq!((books.duplicates.customers, books.duplicates.payments), (0, 0));
    bed.ferry(&["resume"]).exits(2);
}

#[test]
fn the_sheets_of_one_workbook_make_a_chain() {
    let bed = TestBed::new();
    let mut book = Workbook::new();
    let tables = [("Zahlungen", PAYMENTS), ("Kunden", &CUSTOMERS.replace("NOT-A-NUMBER,DK", ",")[..])];
    for (name, table) in tables {
        let sheet = book.add_worksheet();
        sheet.set_name(name).unwrap();
        for (row, line) in (0..).zip(table.lines()) {
            for (column, cell) in (0..).zip(line.split(',')) {
                sheet.write_string(row, column, cell).unwrap();
            }
        }
    }
    let notes = book.add_worksheet();
    notes.set_name("Notes").unwrap();
    notes.write_string(0, 0, "Migration 2026").unwrap();
    bed.write("book.xlsx", &book.save_to_buffer().unwrap());
    let before = bed.books();

    let only = ["plan", "book.xlsx", "-p", "local", "--journal", "ONLY", "--skip-rejects", "--out", "only"];
    let words = bed.ferry(&only).exits(3).stderr();
    assert!(words.contains("sheet `Kunden` holds customers") && words.contains("--all-sheets"), "{words}");

    let named = ["--sheet", "Kunden", "--sheet", "Zahlungen"];
    for sheets in [&["--all-sheets"][..], &named] {
        let line = ["import", "book.xlsx", "-p", "local", "--journal", "BOOK", "--yes", "--json"];
        let done = bed.ferry(&[&line[..], sheets].concat()).exits(0).json();
        assert_eq!(done["runs"][0]["sources"][0]["sheet"], "Kunden", "{done}");
        assert_eq!(done["runs"][1]["sources"][0]["sheet"], "Zahlungen", "{done}");
    }
    let books = bed.books();
    assert_eq!((books.customers, books.payments), (before.customers + 3, 5));
}

#[test]
fn one_confirmation_covers_both_plans_and_guards_hold_for_each() {
    let bed = TestBed::new();
    write_both(&bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK", ","));
    let project = bed.read("ferry.toml");
    bed.write("ferry.toml", format!("{project}stage = \"production\"\n").as_bytes());
    let before = bed.books();
    bed.ferry(&[&BOTH[..], &["--yes", "--out", "a"]].concat()).exits(4);
    let confirm = ["--confirm", "CRONUS International"];
    let guarded = [&BOTH[..], &confirm, &["--max-creates", "4", "--out", "b"]].concat();
    let refused = bed.ferry(&guarded).exits(4).json();
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(words.contains("5 records would be created"), "{words}");
    assert_eq!(bed.books(), before);
    bed.ferry(&[&BOTH[..], &confirm, &["--out", "c"]].concat()).exits(0);
    assert_eq!((bed.books().customers, bed.books().payments), (before.customers + 3, 5));
}

#[cfg(unix)]
#[test]
fn an_interruption_while_planning_leaves_no_run_behind() {
    let bed = TestBed::with(|options| options.latency = Duration::from_secs(4));
    let out = std::fs::File::create(bed.path().join("out.json")).unwrap();
    let line = ["import", &sample("customers.csv"), "-p", "local", "--yes", "--json"];
    let mut child = bed.command(&line).stdout(out).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let document: Value = serde_json::from_str(&bed.read("out.json")).unwrap();
    assert_eq!(document["exit"]["name"], "interrupted", "{document}");
    assert_eq!(bed.ferry(&["runs", "list", "--json"]).exits(0).json()["runs"], serde_json::json!([]));
}

#[test]
fn nothing_of_a_chain_is_written_when_a_later_part_is_no_longer_good() {
    let bed = TestBed::new();
    write_both(&bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK", ","));
    let plan =
        |run| ["plan", "customers.csv", "payments.csv", "-p", "local", "--journal", "NEW", "--out", run];
    bed.ferry(&plan("changed")).exits(0);
    bed.ferry(&plan("stale")).exits(0);
    let before = bed.books();
    bed.write("payments.csv", PAYMENTS.replace("1.00", "9.00").as_bytes());
    let words = bed.ferry(&["apply", "changed", "--yes"]).exits(8).stderr();
    assert!(words.contains("payments.csv` has changed since it was planned"), "{words}");
    assert_eq!(bed.books(), before);

    bed.write("payments.csv", PAYMENTS.as_bytes());
    let other = "Customer Number,Document Number,Posting Date,Amount\n10000,P4,2026-10-01,8.00\n";
    bed.write("other.csv", other.as_bytes());
    bed.ferry(&["import", "other.csv", "-p", "local", "--journal", "NEW", "--yes"]).exits(0);
    let between = bed.books();
    let words = bed.ferry(&["apply", "stale", "--yes"]).exits(8).stderr();
    assert!(words.contains("payments.csv row 5 (`P4`): exists by now"), "{words}");
    assert_eq!(bed.books(), between);
    bed.ferry(&["apply", "stale", "--yes", "--allow-stale"]).exits(3);
    assert_eq!((bed.books().customers, bed.books().duplicates.payments), (before.customers + 3, 0));
}

#[test]
fn what_the_first_part_of_a_chain_wrote_is_told_when_the_second_fails() {
    let bed = TestBed::with(|options| options.latency = Duration::from_millis(60));
    bed.write_project(", batch = 5");
    let mut customers = String::from("Number,Display Name\nN1,One\nN2,Two\nN3,Three\n");
    for row in 1..=120 {
        writeln!(customers, "T{row:04},Told {row}").unwrap();
    }
    write_both(&bed, &customers);
    let before = bed.books();
    let out = std::fs::File::create(bed.path().join("out.json")).unwrap();
    let line = [&BOTH[..], &["--yes"]].concat();
    let mut child = bed.command(&line).stdout(out).stderr(std::process::Stdio::null()).spawn().unwrap();
    while bed.books().customers < before.customers + 10 {
        std::thread::sleep(Duration::from_millis(20));
    }
    bed.write("payments.csv", PAYMENTS.replace("1.00", "9.00").as_bytes());
    assert_eq!(child.wait().unwrap().code(), Some(8));
    let document: Value = serde_json::from_str(&bed.read("out.json")).unwrap();
    assert_eq!(counts(&document, 0, "done"), 123, "{document}");
    assert_eq!(document["exit"]["code"], 8, "{document}");
    assert!(document["error"]["message"].as_str().unwrap().contains("payments.csv"), "{document}");
    assert_eq!((bed.books().customers, bed.books().payments), (before.customers + 123, 0));
}

#[test]
fn payments_are_planned_against_customers_as_the_chain_leaves_them() {
    let bed = TestBed::new();
    let there = "Number,Display Name,Currency Code,Blocked\nD1,Deleted,,\nB1,Blocked,,\nU1,Unblocked,,All\n\
        E1,Euro,,\nS1,Same,,\n";
    bed.write("there.csv", there.as_bytes());
    bed.ferry(&["import", "there.csv", "-p", "local", "--yes"]).exits(0);
    let changed = "Number,Display Name,Currency Code,Blocked,Ferry_Action\nD1,,,,delete\nB1,Blocked,,All,\n\
        U1,Unblocked,,_x0020_,\nE1,Euro,EUR,,\nS1,Other Name,,,\n";
    bed.write("customers.csv", changed.as_bytes());
    let mut payments = String::from("Customer Number,Document Number,Posting Date,Amount\n");
    for number in ["D1", "B1", "U1", "E1", "S1"] {
        writeln!(payments, "{number},P{number},2026-10-01,1.00").unwrap();
    }
    bed.write("payments.csv", payments.as_bytes());
    let line = [&BOTH[..], &["--yes", "--skip-rejects", "--max-deletes", "1", "--out", "run"]].concat();
    let done = bed.ferry(&line).exits(3).json();
    let rows = results(&bed, "run/payments");
    let told = |key: &str| (rows[key].0.as_str(), rows[key].1.as_str());
    assert_eq!(told("PD1"), ("skipped", "held-back"), "{done}");
    assert_eq!(told("PB1"), ("conflict", "customer-blocked"), "{done}");
    for key in ["PU1", "PE1", "PS1"] {
        assert_eq!(told(key).0, "done", "{key}: {done}");
    }
    assert!(done["runs"][1]["totals"].to_string().contains("EUR"), "{done}");
}

#[test]
fn payments_whose_customer_did_not_get_its_currency_are_held_back() {
    let bed = TestBed::new();
    bed.write("there.csv", b"Number,Display Name\nE1,Euro\nE2,Euro Too\n");
    bed.ferry(&["import", "there.csv", "-p", "local", "--yes"]).exits(0);
    let changed = "Number,Display Name,Currency Code,Tax Registration Number,Country\nE1,Euro,EUR,NOT-A-NUMBER,DK\n\
        E2,Euro Too,EUR,,\n";
    bed.write("customers.csv", changed.as_bytes());
    let payments =
        "Customer Number,Document Number,Posting Date,Amount\nE1,P1,2026-10-01,1.00\nE2,P2,2026-10-01,1.00\n";
    bed.write("payments.csv", payments.as_bytes());
    let done = bed.ferry(&[&BOTH[..], &["--yes", "--out", "run"]].concat()).exits(3).json();
    assert_eq!((counts(&done, 0, "refused"), counts(&done, 0, "done")), (1, 1), "{done}");
    let rows = results(&bed, "run/payments");
    assert_eq!((rows["P1"].0.as_str(), rows["P1"].1.as_str()), ("skipped", "held-back"), "{done}");
    assert_eq!(rows["P2"].0, "done");
    assert_eq!(bed.books().payments, 1);
}

fn clean(bed: &TestBed) {
    write_both(bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK", ","));
}

#[test]
fn an_undo_of_both_takes_the_payments_back_before_their_customers() {
    let bed = TestBed::new();
    clean(&bed);
    let before = bed.books();
    bed.ferry(&[&BOTH[..], &["--yes", "--out", "run"]].concat()).exits(0);
    let between = bed.books();
    let shown =
        bed.ferry(&["undo", "run", "-p", "local", "--dry-run", "--json", "--out", "look"]).exits(0).json();
    assert_eq!((counts(&shown, 0, "planned"), counts(&shown, 1, "planned")), (5, 3), "{shown}");
    let words = bed.ferry(&["undo", "run/customers", "-p", "local", "--yes"]).exits(4).stderr();
    assert!(words.contains("ferry undo run/payments"), "{words}");
    assert_eq!(bed.books(), between);

    let done = bed.ferry(&["undo", "run", "-p", "local", "--yes", "--json", "--out", "back"]).exits(0).json();
    assert_eq!(done["runs"][0]["entity"], "payments", "{done}");
    assert_eq!((counts(&done, 0, "done"), counts(&done, 1, "done")), (5, 3), "{done}");
    assert_eq!((bed.books().customers, bed.books().payments), (before.customers, before.payments));
    let words = bed.ferry(&["resume", "run"]).exits(8).stderr();
    assert!(words.contains("was undone by run"), "{words}");
    let shown = bed.ferry(&["runs", "show", "run", "--json"]).exits(0).json();
    assert_eq!(shown["runs"][1]["undone_by"], "back/payments", "{shown}");
    // The undo of both is two runs of one name as well, and is taken back the other way round.
    let forth =
        bed.ferry(&["undo", "back", "-p", "local", "--yes", "--json", "--out", "forth"]).exits(0).json();
    assert_eq!(forth["runs"][0]["entity"], "customers", "{forth}");
    assert_eq!((bed.books().customers, bed.books().payments), (between.customers, between.payments));
}

#[test]
fn the_parts_of_a_chain_are_undone_one_by_one_in_this_order_only() {
    let bed = TestBed::new();
    clean(&bed);
    let before = bed.books();
    bed.ferry(&[&BOTH[..], &["--yes", "--out", "run"]].concat()).exits(0);
    bed.ferry(&["undo", "run/payments", "-p", "local", "--yes", "--out", "first"]).exits(0);
    bed.ferry(&["undo", "run/customers", "-p", "local", "--yes", "--out", "second"]).exits(0);
    assert_eq!((bed.books().customers, bed.books().payments), (before.customers, before.payments));
}

#[test]
fn a_customer_stays_whose_payment_cannot_be_taken_back() {
    let bed = TestBed::new();
    clean(&bed);
    let before = bed.books();
    bed.ferry(&[&BOTH[..], &["--yes", "--out", "run"]].concat()).exits(0);
    let journal = bed.record("customerPaymentJournals", "code eq 'NEW'")["id"].as_str().unwrap().to_owned();
    let payment =
        bed.record("customerPayments", &format!("journalId eq {journal} and documentNumber eq 'P1'"));
    bed.change(&format!("customerPayments({})", payment["id"].as_str().unwrap()), r#"{"amount":-9.00}"#);
    let done = bed.ferry(&["undo", "run", "-p", "local", "--yes", "--json", "--out", "back"]).exits(3).json();
    assert_eq!((counts(&done, 0, "done"), counts(&done, 0, "conflict")), (4, 1), "{done}");
    assert_eq!((counts(&done, 1, "done"), counts(&done, 1, "skipped")), (2, 1), "{done}");
    let (status, code, message) = &results(&bed, "back/customers")["N1"];
    assert_eq!((status.as_str(), code.as_str()), ("skipped", "payments-remain"), "{message}");
    assert!(message.contains("P1 (payments.csv row 2)"), "{message}");
    assert_eq!((bed.books().customers, bed.books().payments), (before.customers + 1, before.payments + 1));
}

#[test]
fn the_shared_name_stands_for_both_runs_wherever_a_run_is_named() {
    let bed = TestBed::new();
    clean(&bed);
    let line = [&BOTH[..BOTH.len() - 1], &["--dry-run"]].concat();
    let said = bed.ferry(&line).exits(0).stdout();
    let next: Vec<_> = said.lines().filter(|line| line.starts_with("Next:")).collect();
    let [next] = next.as_slice() else { panic!("{said}") };
    let name = next.strip_prefix("Next: ferry apply ").unwrap();
    let said = bed.ferry(&["apply", name]).exits(4).stderr();
    assert!(
        said.contains("8 rows") && said.contains(&format!("`ferry apply {name}` carries them")),
        "{said}"
    );
    let said = bed.ferry(&["apply", name, "--limit", "2"]).exits(4).stderr();
    assert!(said.contains("whether to write 2 of 8 rows"), "{said}");
    bed.ferry(&["apply", name, "--yes"]).exits(0);

    let read = bed.ferry(&["reconcile", name, "--json"]).exits(0).json();
    assert_eq!((&read["runs"][0]["counts"]["ok"], &read["runs"][1]["counts"]["ok"]), (&3.into(), &5.into()));
    assert!(bed.ferry(&["reconcile", name]).exits(0).stdout().matches("AGREES").count() == 2);
    let shown = bed.ferry(&["runs", "show", name]).exits(0).stdout();
    assert!(shown.contains(&format!("{name}-customers")) && shown.contains(&format!("{name}-payments")));
    let told = bed.ferry(&["runs", "report", name, "--json"]).exits(0).json();
    assert_eq!((counts(&told, 0, "done"), counts(&told, 1, "done")), (3, 5), "{told}");
    let nothing = bed.ferry(&["retry", name]).exits(0).stdout();
    assert!(nothing.contains("left no row out"), "{nothing}");
}

#[test]
fn a_retry_of_both_sends_the_repaired_customer_and_then_the_payments_that_waited_for_it() {
    let bed = TestBed::new();
    write_both(&bed, CUSTOMERS);
    let before = bed.books();
    let line = [&BOTH[..BOTH.len() - 1], &["--yes", "--out", "run"]].concat();
    let said = bed.ferry(&line).exits(3).stdout();
    assert!(said.contains("then: ferry retry run\n"), "{said}");
    let repaired = bed.read("run/customers/rejects.csv").replace("NOT-A-NUMBER", "");
    bed.write("run/customers/rejects.csv", repaired.as_bytes());
    bed.ferry(&["retry", "run", "run/customers/rejects.csv", "--yes"]).exits(2);
    let done = bed.ferry(&["retry", "run", "--yes", "--json", "--out", "again"]).exits(0).json();
    assert_eq!((counts(&done, 0, "done"), counts(&done, 1, "done")), (1, 2), "{done}");
    assert_eq!(
        (&done["runs"][0]["retries"], &done["runs"][1]["retries"]),
        (&"run/customers".into(), &"run/payments".into())
    );
    let books = bed.books();
    assert_eq!((books.customers, books.payments, books.duplicates.payments), (before.customers + 3, 5, 0));
    let nothing = bed.ferry(&["retry"]).exits(2).stderr();
    assert!(nothing.contains("no run here that left rows out"), "{nothing}");
}

#[test]
fn files_of_both_kinds_are_checked_each_by_its_own_rules() {
    let bed = TestBed::new();
    write_both(&bed, &CUSTOMERS.replace("NOT-A-NUMBER,DK,", ",,not an address"));
    let said =
        bed.ferry(&["validate", "payments.csv", "customers.csv", "--json", "--out", "check"]).exits(4).json();
    assert_eq!(
        (&said["runs"][0]["entity"], &said["runs"][1]["entity"]),
        (&"customers".into(), &"payments".into())
    );
    assert_eq!((counts(&said, 0, "rejected"), counts(&said, 1, "accepted")), (1, 5), "{said}");
    assert!(bed.path().join("check/customers/rejects.csv").is_file());
}
