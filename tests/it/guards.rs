//! What stops a run before it writes, and what lets it write a part only; judged by the sandbox's books.

use std::fmt::Write;
use std::time::Duration;

use crate::testbed::{TestBed, sample};

/// A file of `rows` customers named after `prefix`.
fn customers(bed: &TestBed, name: &str, prefix: &str, rows: u32) {
    let mut file = String::from("Number,Display Name,Credit Limit\n");
    for row in 1..=rows {
        writeln!(file, "{prefix}{row:04},Customer {row} Ltd.,{row}.00").unwrap();
    }
    bed.write(name, file.as_bytes());
}

fn with_profile_keys(bed: &TestBed, keys: &str) {
    let project = bed.read("ferry.toml");
    bed.write("ferry.toml", format!("{project}{keys}\n").as_bytes());
}

/// The lines of `results.csv` of the rows in this state.
fn lines_in(bed: &TestBed, run: &str, wanted: &str) -> Vec<u64> {
    let text = bed.read(&format!("{run}/results.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records = reader.records().map(Result::unwrap);
    records.filter(|record| &record[5] == wanted).map(|record| record[2].parse().unwrap()).collect()
}

#[test]
fn a_plan_over_a_guard_writes_nothing_and_names_number_limit_and_flag() {
    let bed = TestBed::new();
    customers(&bed, "file.csv", "G", 12);
    let before = bed.books();
    let import = ["import", "file.csv", "-p", "local", "--yes", "--out", "run", "--max-creates", "11"];
    let refused = bed.ferry(&import).exits(4);
    let words = refused.stderr();
    assert!(words.contains("12 records would be created, and `--max-creates` allows 11"), "{words}");
    assert!(words.contains("ferry apply run"), "{words}");
    assert_eq!(bed.books(), before);
    bed.ferry(&["apply", "run", "--yes", "--max-creates", "11"]).exits(4);
    assert_eq!(bed.books(), before);
    bed.ferry(&["apply", "run", "--yes", "--max-creates", "12"]).exits(0);
    assert_eq!(bed.books().customers, before.customers + 12);

    let changed = bed.read("file.csv").replace(".00", ".50");
    bed.write("changed.csv", changed.as_bytes());
    let import = ["import", "changed.csv", "-p", "local", "--yes", "--json", "--max-updates", "5"];
    let between = bed.books();
    let refused = bed.ferry(&import).exits(4).json();
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(words.contains("12 records would be changed, and `--max-updates` allows 5"), "{words}");
    assert_eq!(bed.books(), between);
}

#[test]
fn guards_of_the_profile_hold_until_a_flag_says_otherwise() {
    let bed = TestBed::new();
    with_profile_keys(&bed, "guards = { max_creates = 3 }");
    customers(&bed, "file.csv", "G", 4);
    let before = bed.books();
    let import = ["import", "file.csv", "-p", "local", "--yes"];
    bed.ferry(&import).exits(4);
    assert_eq!(bed.books(), before);
    bed.ferry(&[&import[..], &["--max-creates", "4"]].concat()).exits(0);
    assert_eq!(bed.books().customers, before.customers + 4);
    with_profile_keys(&bed, "max_creates = 3");
    bed.ferry(&import).exits(2);
}

#[test]
fn a_run_in_slices_carries_out_every_row_once() {
    let bed = TestBed::new();
    customers(&bed, "file.csv", "S", 20);
    let before = bed.books();
    let import = ["import", "file.csv", "-p", "local", "--yes", "--out", "run", "--json", "--limit", "5"];
    let first = bed.ferry(&import).exits(0).json();
    assert_eq!((&first["counts"]["done"], &first["counts"]["planned"]), (&5.into(), &15.into()), "{first}");
    let sentence = first["verdict"]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("5 of 20 rows sent; the rest waits, and `ferry resume run`"), "{sentence}");
    assert_eq!(bed.books().customers, before.customers + 5);
    assert_eq!(lines_in(&bed, "run", "done"), [2, 3, 4, 5, 6]);

    bed.ferry(&["resume", "run", "--rows", "10-12,21"]).exits(0);
    assert_eq!(lines_in(&bed, "run", "done"), [2, 3, 4, 5, 6, 10, 11, 12, 21]);
    bed.ferry(&["apply", "run", "--yes", "--rows", "2-12", "--limit", "1"]).exits(0);
    assert_eq!(lines_in(&bed, "run", "done"), [2, 3, 4, 5, 6, 7, 10, 11, 12, 21]);
    assert_eq!(bed.books().customers, before.customers + 10);

    let last = bed.ferry(&["resume", "run", "--json"]).exits(0).json();
    assert_eq!(last["finished"], true, "{last}");
    assert_eq!(last["counts"]["done"], 20, "{last}");
    let books = bed.books();
    assert_eq!((books.customers, books.duplicates.customers), (before.customers + 20, 0));
    assert_eq!(books.write_requests.carried_out - before.write_requests.carried_out, 20);
}

#[test]
fn a_slice_of_lines_on_which_no_row_waits_is_refused() {
    let bed = TestBed::new();
    customers(&bed, "file.csv", "S", 3);
    let before = bed.books();
    let import = ["import", "file.csv", "-p", "local", "--yes", "--out", "run", "--rows", "50-60"];
    let words = bed.ferry(&import).exits(4).stderr();
    assert!(words.contains("no row that waits stands on the lines of `--rows`"), "{words}");
    bed.ferry(&["resume", "run"]).exits(4);
    assert_eq!(bed.books(), before);
}

#[test]
fn a_slice_that_covers_the_plan_finishes_the_run() {
    let bed = TestBed::new();
    customers(&bed, "file.csv", "S", 3);
    let import = ["import", "file.csv", "-p", "local", "--yes", "--json", "--limit", "3"];
    assert_eq!(bed.ferry(&import).exits(0).json()["finished"], true);
    bed.ferry(&["import", "file.csv", "-p", "local", "--yes", "--limit", "0"]).exits(2);
    bed.ferry(&["import", "file.csv", "-p", "local", "--yes", "--rows", "9-2"]).exits(2);
}

#[test]
fn a_plan_whose_records_have_moved_is_refused_with_the_rows() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    let changed = std::fs::read_to_string(sample("customers.csv"))
        .unwrap()
        .replace(",12", ",13")
        .replace(",45000.00", ",45001.00");
    bed.write("changed.csv", changed.as_bytes());
    let plan = bed.ferry(&["plan", "changed.csv", "-p", "local", "--out", "run", "--json"]).exits(0).json();
    let updates = plan["actions"]["update"].as_u64().unwrap();
    assert!(updates >= 2, "{plan}");

    // Another import changes one of them in between.
    let other = "Number,Display Name,Credit Limit\n71002,Müller & Söhne GmbH,7.00\n";
    bed.write("other.csv", other.as_bytes());
    bed.ferry(&["import", "other.csv", "-p", "local", "--yes"]).exits(0);
    let before = bed.books();
    let refused = bed.ferry(&["apply", "run", "--yes"]).exits(8);
    let words = refused.stderr();
    assert!(words.contains("changed.csv row 3 (`71002`): was changed"), "{words}");
    assert!(words.contains("1 of its rows rests"), "{words}");
    assert!(bed.read("run/stale.csv").contains("changed.csv,,3,71002,update,was changed"));
    assert_eq!(bed.books(), before);

    let gone_on = bed.ferry(&["apply", "run", "--yes", "--allow-stale", "--json"]).exits(3).json();
    assert_eq!(gone_on["counts"]["conflict"], 1, "{gone_on}");
    assert_eq!(gone_on["counts"]["done"], updates - 1, "{gone_on}");
}

#[test]
fn a_plan_to_create_what_exists_by_now_is_refused_however_many_rows_it_has() {
    for rows in [3, 250] {
        let bed = TestBed::new();
        customers(&bed, "file.csv", "X", rows);
        customers(&bed, "first.csv", "X", 1);
        bed.ferry(&["plan", "file.csv", "-p", "local", "--out", "run"]).exits(0);
        bed.ferry(&["import", "first.csv", "-p", "local", "--yes"]).exits(0);
        let before = bed.books();
        let refused = bed.ferry(&["apply", "run", "--yes"]).exits(8);
        let words = refused.stderr();
        assert!(words.contains("file.csv row 2 (`X0001`): exists by now"), "{words}");
        assert_eq!(bed.books(), before);
        let list = bed.read("run/stale.csv");
        assert_eq!(list.lines().count(), 2, "{list}");
    }
}

#[test]
fn a_plan_that_nothing_moved_under_is_carried_out() {
    let bed = TestBed::new();
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--out", "run"]).exits(0);
    bed.ferry(&["apply", "run", "--yes"]).exits(0);
    assert!(!bed.path().join("run/stale.csv").exists());
    bed.ferry(&["plan", &sample("payments.csv"), "-p", "local", "--journal", "OK", "--out", "pay"]).exits(0);
    bed.ferry(&["apply", "pay", "--yes"]).exits(0);
    assert_eq!(bed.books().payments, 15);
}

#[test]
fn payments_planned_twice_are_not_sent_twice() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    let plan = |run: &'static str| {
        let file = sample("payments.csv");
        bed.ferry(&["plan", &file, "-p", "local", "--journal", "BANK", "--out", run]).exits(0);
    };
    plan(".ferry/runs/one");
    plan(".ferry/runs/two");
    bed.ferry(&["apply", "one", "--yes"]).exits(0);
    let before = bed.books();
    let words = bed.ferry(&["apply", "two", "--yes"]).exits(8).stderr();
    assert!(words.contains("15 of its rows rest") && words.contains("exists by now"), "{words}");
    assert_eq!(bed.books(), before);

    // Posted meanwhile, they have left the journal; only the earlier run still knows them.
    bed.post_journal("BANK");
    let words = bed.ferry(&["apply", "two", "--yes"]).exits(8).stderr();
    assert!(words.contains("was delivered by run one"), "{words}");
    let posted = bed.books();
    bed.ferry(&["apply", "two", "--yes", "--allow-stale"]).exits(3);
    assert_eq!(bed.books(), posted, "what the user says about stale plans sends no payment twice");
    assert_eq!(bed.books().duplicates.payments, 0);
}

#[test]
fn a_source_file_that_changed_is_named() {
    let bed = TestBed::new();
    customers(&bed, "file.csv", "F", 2);
    bed.ferry(&["plan", "file.csv", "-p", "local", "--out", "run"]).exits(0);
    customers(&bed, "file.csv", "F", 3);
    let words = bed.ferry(&["apply", "run", "--yes", "--allow-stale"]).exits(8).stderr();
    assert!(words.contains("file.csv"), "{words}");
}

#[cfg(unix)]
#[test]
fn a_killed_owners_run_is_taken_over_and_a_living_owner_is_named() {
    let bed = TestBed::with(|options| options.latency = Duration::from_millis(60));
    bed.write_project(", batch = 5");
    customers(&bed, "file.csv", "K", 200);
    let before = bed.books();
    let mut owner = bed.start(&["import", "file.csv", "-p", "local", "--yes", "--out", "run"]);
    while bed.books().customers < before.customers + 10 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let words = bed.ferry(&["resume", "run"]).exits(8).stderr();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    assert!(words.contains(&format!("process {} on `{}", owner.id(), host.trim())), "{words}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    bed.ferry(&["resume", "run"]).exits(0);
    let books = bed.books();
    assert_eq!((books.customers, books.duplicates.customers), (before.customers + 200, 0));
}

#[test]
fn the_error_limit_holds_again_after_a_resume() {
    let bed = TestBed::new();
    bed.write_project(", batch = 10");
    with_profile_keys(&bed, "guards = { max_errors = 30 }");
    let mut file = String::from("Number,Display Name,Tax Registration Number,Country\n");
    for row in 1..=200 {
        // The sandbox knows the formats of Danish numbers and refuses this one.
        writeln!(file, "T{row:05},Tax {row} ApS,NOT-A-NUMBER,DK").unwrap();
    }
    bed.write("tax.csv", file.as_bytes());
    bed.ferry(&["import", "tax.csv", "-p", "local", "--yes", "--out", "run"]).exits(5);
    let first = lines_in(&bed, "run", "refused").len();
    assert!((30..70).contains(&first), "{first}");
    bed.ferry(&["resume", "run"]).exits(5);
    let second = lines_in(&bed, "run", "refused").len();
    assert!((first + 30..200).contains(&second), "{first} then {second}");
    bed.ferry(&["resume", "run", "--max-errors", "100%"]).exits(3);
    assert_eq!(lines_in(&bed, "run", "refused").len(), 200);
}

#[test]
fn the_rest_of_a_slice_asks_a_production_company_s_name_again() {
    let bed = TestBed::new();
    with_profile_keys(&bed, "stage = \"production\"");
    customers(&bed, "file.csv", "P", 6);
    let before = bed.books();
    let company = ["--confirm", "CRONUS International"];
    let import = ["import", "file.csv", "-p", "local", "--out", "run", "--limit", "2"];
    bed.ferry(&import).exits(4);
    std::fs::remove_dir_all(bed.path().join("run")).unwrap();
    bed.ferry(&[&import[..], &company].concat()).exits(0);
    assert_eq!(bed.books().customers, before.customers + 2);
    bed.ferry(&["resume", "run"]).exits(4);
    assert_eq!(bed.books().customers, before.customers + 2);
    bed.ferry(&[&["resume", "run"][..], &company].concat()).exits(0);
    assert_eq!(bed.books().customers, before.customers + 6);
}

#[test]
fn a_part_that_did_not_come_to_its_end_is_no_approval_of_the_rest() {
    let bed = TestBed::new();
    bed.write_project(", batch = 1, in_flight = 1");
    with_profile_keys(&bed, "stage = \"production\"");
    let company = ["--confirm", "CRONUS International"];
    let mut file =
        String::from("Number,Display Name,Tax Registration Number,Country\nP1,One,NOT-A-NUMBER,DK\n");
    for row in 2..=6 {
        writeln!(file, "P{row},Customer {row},,").unwrap();
    }
    bed.write("file.csv", file.as_bytes());
    let before = bed.books();
    let import = ["import", "file.csv", "-p", "local", "--out", "run", "--limit", "4", "--max-errors", "1"];
    bed.ferry(&[&import[..], &company].concat()).exits(5);
    // The limit is noticed when a request is on its way already.
    let part = bed.books();
    assert!(part.customers <= before.customers + 3);
    let words = bed.ferry(&["resume", "run", "--no-input"]).exits(4).stderr();
    assert!(words.contains("was not confirmed"), "{words}");
    bed.ferry(&["resume", "run", "--no-input", "--rows", "5-6"]).exits(4);
    assert_eq!(bed.books(), part);
    bed.ferry(&[&["resume", "run", "--no-input"][..], &company].concat()).exits(3);
    assert_eq!(bed.books().customers, before.customers + 5);
}

#[test]
fn a_part_of_a_plan_that_was_refused_as_stale_is_no_approval_of_the_rest() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    with_profile_keys(&bed, "stage = \"production\"");
    bed.write("file.csv", b"Number,Display Name,Credit Limit\n71001,One,1\n71002,Two,2\n71003,Three,3\n");
    bed.ferry(&["plan", "file.csv", "-p", "local", "--out", "run"]).exits(0);
    let id = bed.record("customers", "number eq '71001'")["id"].as_str().unwrap().to_owned();
    bed.change(&format!("customers({id})"), r#"{"website":"https://example.org"}"#);
    let confirm = ["--confirm", "CRONUS International"];
    bed.ferry(&[&["apply", "run", "--rows", "2"][..], &confirm].concat()).exits(8);
    let before = bed.books();
    bed.ferry(&["resume", "run", "--on-conflict", "theirs", "--no-input"]).exits(4);
    assert_eq!(bed.books(), before);
    bed.ferry(&["resume", "run", "--on-conflict", "theirs", "--no-input", "--rows", "2"]).exits(0);
    assert_eq!(lines_in(&bed, "run", "done"), [2]);
    bed.ferry(&["resume", "run", "--no-input"]).exits(4);
    assert_eq!(lines_in(&bed, "run", "done"), [2]);
}

#[test]
fn fields_that_an_update_would_blank_are_counted_before_anything_is_written() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    bed.write("blank.csv", b"Number,Phone Number,Email\n71001,,\n71002,,new@example.org\n");
    let before = bed.books();
    let import = ["import", "blank.csv", "-p", "local", "--yes", "--mode", "update", "--blank", "clear"];
    let words = bed.ferry(&[&import[..], &["--max-clears", "2"]].concat()).exits(4).stderr();
    assert!(
        words.contains("3 fields would be blanked or written over unasked, and `--max-clears` allows 2"),
        "{words}"
    );
    assert_eq!(bed.books(), before);
    bed.ferry(&[&import[..], &["--max-clears", "3"]].concat()).exits(0);
}
