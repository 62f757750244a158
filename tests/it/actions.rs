//! Updates, deletes and rows that are left out: what the column `ferry_action` asks for.

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::testbed::TestBed;

const NEW: &[u8] = b"Number,Display Name,City,Credit Limit\nU1,One,Ulm,1\nU2,Two,Bonn,2\nU3,Three,Kiel,3\n";

/// The status and the code of the row with this key in the `results.csv` of a run.
pub(crate) fn result_of(bed: &TestBed, results: &str, key: &str) -> (String, String) {
    let text = bed.read(results);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = reader.records().map(Result::unwrap).find(|row| &row[3] == key);
    let row = row.unwrap_or_else(|| panic!("no `{key}` in {text}"));
    (format!("{} {}", &row[4], &row[5]), row[7].to_owned())
}

/// A bed whose books have the new customers.
fn with_new() -> TestBed {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    bed
}

pub(crate) fn customer(bed: &TestBed, number: &str) -> Option<Value> {
    let (status, page) = bed.ask(Method::Get, &format!("customers?$filter=number%20eq%20'{number}'"));
    assert_eq!(status, 200);
    page["value"].as_array().unwrap().first().cloned()
}

#[test]
fn every_row_is_treated_as_it_asks() {
    let bed = with_new();
    let before = bed.books();
    bed.write(
        "asked.csv",
        b"Number,Display Name,City,Ferry_Action\nu1,,,DELETE\nU2,Two,Bremen,update\nU3,Other,,skip\n\
          U4,Four,,create\nU9,,,delete\nU8,Eight,,\n",
    );
    let plan = bed.ferry(&["plan", "asked.csv", "-p", "local", "--json", "--out", "plan"]).exits(0).json();
    let actions = &plan["actions"];
    let counted = ["create", "update", "delete", "skip", "unchanged"].map(|action| actions[action].as_u64());
    assert_eq!(counted, [2, 1, 1, 1, 1].map(Some), "{plan}");
    assert_eq!(bed.books(), before, "a plan writes nothing");

    let report = bed
        .ferry(&[
            "import",
            "asked.csv",
            "-p",
            "local",
            "--yes",
            "--json",
            "--out",
            "run",
            "--max-deletes",
            "9",
        ])
        .exits(0)
        .json();
    assert_eq!(report["counts"]["done"], 4, "{report}");
    assert_eq!(report["counts"]["skipped"], 1, "{report}");
    assert_eq!(report["counts"]["unchanged"], 1, "{report}");
    for (key, status, code) in [
        ("U1", "delete done", ""),
        ("U2", "update done", ""),
        ("U3", "skip skipped", "asked-to-skip"),
        ("U4", "create done", ""),
        ("U8", "create done", ""),
        ("U9", "unchanged unchanged", "already-gone"),
    ] {
        assert_eq!(result_of(&bed, "run/results.csv", key), (status.to_owned(), code.to_owned()), "{key}");
    }
    assert_eq!(bed.books().customers, before.customers + 1);
    assert_eq!(customer(&bed, "U1"), None);
    assert_eq!(customer(&bed, "U2").unwrap()["city"], "Bremen");
    assert_eq!(customer(&bed, "U3").unwrap()["displayName"], "Three");
    let changes = report["changes"].as_array().unwrap();
    let deleted = changes.iter().find(|change| change["field"] == "(record)").unwrap();
    assert_eq!((&deleted["rows"], &deleted["samples"][0]["from"]), (&Value::from(1), &Value::from("One")));

    let again = bed.ferry(&["import", "asked.csv", "-p", "local", "--yes", "--json"]).exits(0).json();
    assert_eq!(again["counts"]["done"], 0, "a second import has nothing to do: {again}");
}

#[test]
fn a_row_that_asks_for_what_cannot_be_is_a_conflict_or_a_reject() {
    let bed = with_new();
    let before = bed.books();
    bed.write(
        "asked.csv",
        b"number,displayName,ferry_action\nU1,Another,create\nU7,Seven,update\nU2,Two,remove\nU3,Three,create\n",
    );
    bed.ferry(&["plan", "asked.csv", "-p", "local", "--json", "--out", "plan"]).exits(4);
    for (key, status, code) in [
        ("U1", "conflict conflict", "already-exists"),
        ("U7", "conflict conflict", "does-not-exist"),
        ("U2", "reject rejected", "action-unknown"),
        ("U3", "unchanged unchanged", ""),
    ] {
        assert_eq!(result_of(&bed, "plan/results.csv", key), (status.to_owned(), code.to_owned()), "{key}");
    }
    assert_eq!(bed.books(), before);
    let rejects = bed.read("plan/rejects.csv");
    assert!(rejects.contains("ferry_action,ferry_status"), "the column comes back: {rejects}");
}

#[test]
fn a_customer_with_entries_is_refused_in_the_targets_own_words() {
    let bed = TestBed::new();
    bed.write("delete.csv", b"number,ferry_action\n10000,delete\n");
    let report = bed
        .ferry(&[
            "import",
            "delete.csv",
            "-p",
            "local",
            "--entity",
            "customers",
            "--yes",
            "--json",
            "--out",
            "run",
            "--max-deletes",
            "1",
        ])
        .exits(3)
        .json();
    assert_eq!(report["counts"]["refused"], 1, "{report}");
    assert!(
        report["fixes"][0]["samples"][0]["found"].as_str().unwrap().contains("You cannot delete"),
        "{report}"
    );
    assert!(customer(&bed, "10000").is_some());
}

#[test]
fn a_payment_is_taken_out_of_its_journal_and_can_be_sent_again() {
    let bed = TestBed::new();
    let line = |file: &'static str| {
        [
            "import",
            file,
            "-p",
            "local",
            "--journal",
            "BANK",
            "--yes",
            "--json",
            "--out",
            "run",
            "--max-deletes",
            "9",
        ]
        .to_vec()
    };
    bed.write("pay.csv", b"Customer No.,Document No.,Amount\n10000,P1,5.00\n10000,P2,7.00\n20000,P3,9.00\n");
    bed.ferry(&line("pay.csv")).exits(0);
    bed.write(
        "delete.csv",
        b"Customer No.,Document No.,Amount,ferry_action\n10000,p1,,delete\n20000,P9,1,delete\n20000,P3,,skip\n",
    );
    std::fs::remove_dir_all(bed.path().join("run")).unwrap();
    let report = bed.ferry(&line("delete.csv")).exits(0).json();
    assert_eq!((&report["counts"]["done"], bed.books().payments), (&Value::from(1), 2), "{report}");
    assert_eq!(result_of(&bed, "run/results.csv", "P1").0, "delete done");

    let again = bed
        .ferry(&["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!((&again["counts"]["done"], &again["counts"]["unchanged"]), (&Value::from(1), &Value::from(2)));
    assert_eq!((bed.books().payments, bed.books().duplicates.payments), (3, 0));
}

#[test]
fn two_rows_that_meet_one_customer_are_never_both_written() {
    let bed = with_new();
    bed.write("both.csv", b"Number,Display Name,City\nU1,One,Rom\n,one,Oslo\n");
    let report = bed
        .ferry(&["import", "both.csv", "-p", "local", "--yes", "--json", "--skip-rejects", "--out", "run"])
        .exits(3)
        .json();
    assert_eq!((&report["counts"]["done"], &report["fixes"][0]["code"]), (&1.into(), &"met-twice".into()));
    assert_eq!(customer(&bed, "U1").unwrap()["city"], "Rom");
    let alone = bed.ferry(&["import", "run/rejects.csv", "-p", "local", "--yes", "--json"]).exits(4).json();
    assert_eq!(alone["fixes"][0]["code"], "met-twice", "{alone}");
    assert_eq!(customer(&bed, "U1").unwrap()["city"], "Rom");
}

#[test]
fn a_change_of_country_that_empties_an_address_is_shown_and_guarded() {
    let bed = TestBed::new();
    let text = b"Number,Display Name,City,Country,Postal Code\nM1,One,Ulm,DE,89073\nM2,Two,Ulm,DE,89073\n";
    bed.write("new.csv", text);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    let before = bed.books();
    for (file, text) in [
        ("land.csv", "Number,Display Name,Country\nM1,One,AT\n"),
        ("code.csv", "Number,Display Name,Postal Code\nM2,Two,DE-20097\n"),
    ] {
        bed.write(file, text.as_bytes());
        let guarded = ["import", file, "-p", "local", "--yes", "--max-clears", "0"];
        let refused = bed.ferry(&guarded).exits(4);
        assert!(refused.stderr().contains("2 fields would be blanked"), "{}", refused.stderr());
    }
    assert_eq!(bed.books(), before);
    let plan = bed.ferry(&["plan", "land.csv", "-p", "local", "--json"]).exits(0).json();
    let changes = plan["changes"].as_array().unwrap();
    assert!(changes.iter().any(|change| change["field"] == "city"), "{plan}");
}

#[test]
fn what_was_gone_before_its_delete_agrees_with_the_books() {
    let bed = TestBed::new();
    bed.write("gone.csv", b"Number,Display Name,Ferry Action\nX9,,delete\nX8,Eight,\n");
    bed.ferry(&["import", "gone.csv", "-p", "local", "--yes", "--out", "run", "--max-deletes", "9"]).exits(0);
    let agreed = bed.ferry(&["reconcile", "run", "-p", "local", "--json"]).exits(0).json();
    assert_eq!(agreed["counts"]["ok"], 2, "{agreed}");
}
