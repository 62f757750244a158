//! `ferry retry` sends what did not arrive, once, and nothing else.

use crate::testbed::{TestBed, sample};

const CUSTOMERS: &str = "Number,Display Name,Email\n\
    T1,One,\nT2,Two,two(at)x.example\nT3,Three,\nT4,Four,four(at)x.example\n";

/// Imports [`CUSTOMERS`] without its two bad rows, into the folder `run`.
fn import_without_the_bad_ones(bed: &TestBed) {
    bed.write("customers.csv", CUSTOMERS.as_bytes());
    let line =
        ["import", "customers.csv", "-p", "local", "--yes", "--skip-rejects", "--out", ".ferry/runs/first"];
    let first = bed.ferry(&[&line[..], &["--json"]].concat()).exits(3).json();
    assert_eq!((&first["counts"]["done"], &first["counts"]["rejected"]), (&2.into(), &2.into()), "{first}");
}

fn repair(bed: &TestBed) {
    let path = ".ferry/runs/first/rejects.csv";
    bed.write(path, bed.read(path).replace("(at)", "@").as_bytes());
}

/// The column of `results.csv` with this heading, line by line.
fn column(bed: &TestBed, results: &str, heading: &str) -> Vec<String> {
    let text = bed.read(results);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let place = reader.headers().unwrap().iter().position(|known| known == heading).unwrap();
    reader.records().map(|record| record.unwrap()[place].to_owned()).collect()
}

#[test]
fn an_edited_rejects_file_delivers_the_rest_and_nothing_twice() {
    let bed = TestBed::new();
    let before = bed.books();
    import_without_the_bad_ones(&bed);
    repair(&bed);
    let edited = bed.read(".ferry/runs/first/rejects.csv");

    let planned = bed.ferry(&["retry", "--dry-run", "--json", "--out", "dry"]).exits(0).json();
    assert_eq!(
        (&planned["retries"], &planned["actions"]["create"]),
        (&"first".into(), &2.into()),
        "{planned}"
    );
    assert_eq!(bed.books().customers, before.customers + 2);

    let retried = bed.ferry(&["retry", "--yes", "--json", "--out", ".ferry/runs/second"]).exits(0).json();
    assert_eq!((&retried["command"], &retried["counts"]["done"]), (&"retry".into(), &2.into()), "{retried}");
    assert_eq!(column(&bed, ".ferry/runs/second/results.csv", "original_row"), ["3", "5"]);
    assert_eq!(bed.read(".ferry/runs/first/rejects.csv"), edited, "the run that is retried stays as it is");
    let listed = bed.ferry(&["runs", "list"]).exits(0).stdout();
    assert!(listed.contains("retries first"), "{listed}");
    let after = bed.books();
    assert_eq!((after.customers, after.duplicates.customers), (before.customers + 4, 0));

    // Once it has been retried it is not the latest with rows left out any more; by name it finds all there.
    bed.ferry(&["retry", "--yes"]).exits(2);
    let again = bed.ferry(&["retry", "first", "--yes", "--json"]).exits(0).json();
    assert_eq!(again["counts"]["unchanged"], 2, "{again}");
    assert_eq!(bed.books(), after);
}

#[test]
fn an_unedited_rejects_file_is_the_same_rejects_again_and_says_so() {
    for file in ["customers-dirty.csv", "customers-dirty.xlsx"] {
        let bed = TestBed::new();
        let line =
            ["import", &sample(file), "-p", "local", "--yes", "--skip-rejects", "--json", "--out", "run"];
        let first = bed.ferry(&line).exits(3).json();
        let books = bed.books();
        let ended = bed.ferry(&["retry", "run", "--yes", "--json", "--out", "again"]).exits(4);
        assert!(ended.stderr().contains("nobody has edited"), "{}", ended.stderr());
        let again = ended.json();
        assert_eq!(again["counts"]["rejected"], first["counts"]["rejected"], "{file}: {again}");
        assert_eq!(again["counts"]["rejected"], again["counts"]["rows"], "{file}: {again}");
        assert_eq!(bed.books(), books);
        // Rejects of rejects still know where they stood first.
        let rejected: Vec<_> = column(&bed, "run/results.csv", "row")
            .into_iter()
            .zip(column(&bed, "run/results.csv", "status"))
            .filter(|(_, status)| status == "rejected")
            .map(|(row, _)| row)
            .collect();
        assert_eq!(column(&bed, "again/results.csv", "original_row"), rejected, "{file}");
        bed.ferry(&["retry", "again", "--json", "--out", "third"]).exits(4);
        assert_eq!(column(&bed, "third/results.csv", "original_row"), rejected, "{file}");
    }
}

#[test]
fn payments_that_arrived_are_not_sent_again_even_when_they_were_posted() {
    let bed = TestBed::new();
    bed.write("a.csv", b"Customer No.,Document No.,Amount\n10000,Q1,-5.00\n10000,Q2,zero\n20000,Q3,-7.00\n");
    let line =
        ["import", "a.csv", "-p", "local", "--journal", "BANK", "--sign", "as-is", "--yes", "--skip-rejects"];
    bed.ferry(&[&line[..], &["--out", "elsewhere"]].concat()).exits(3);
    // All rows again, the bad one repaired: those that arrived are found in the journal.
    bed.write(
        "all.csv",
        b"Customer No.,Document No.,Amount\n10000,Q1,-5.00\n10000,Q2,-6.00\n20000,Q3,-7.00\n",
    );
    let retried =
        bed.ferry(&["retry", "elsewhere", "all.csv", "--yes", "--json", "--out", "second"]).exits(0).json();
    let counts = &retried["counts"];
    assert_eq!((&counts["done"], &counts["unchanged"]), (&1.into(), &2.into()), "{retried}");

    bed.post_journal("BANK");
    let posted = bed.books();
    assert_eq!((posted.payments, posted.posted_payments), (0, 3));
    let again =
        bed.ferry(&["retry", "elsewhere", "all.csv", "--yes", "--skip-rejects", "--json"]).exits(3).json();
    // What the first run and its retry delivered is known, wherever they are kept.
    assert_eq!(again["counts"]["conflict"], 3, "{again}");
    assert_eq!(again["fixes"][0]["code"], "already-delivered", "{again}");
    assert_eq!(bed.books(), posted);
}

#[test]
fn a_retry_of_posted_payments_in_the_project_sends_nothing() {
    let bed = TestBed::new();
    bed.write("a.csv", b"Customer No.,Document No.,Amount\n10000,Q1,5.00\n10000,Q2,zero\n");
    bed.ferry(&["import", "a.csv", "-p", "local", "--journal", "BANK", "--yes", "--skip-rejects"]).exits(3);
    bed.write("all.csv", b"Customer No.,Document No.,Amount\n10000,Q1,5.00\n10000,Q2,6.00\n");
    let first = bed.ferry(&["runs", "list", "--json"]).json()["runs"][0]["run"].as_str().unwrap().to_owned();
    bed.ferry(&["retry", &first, "all.csv", "--yes"]).exits(0);
    bed.post_journal("BANK");
    let posted = bed.books();
    assert_eq!((posted.payments, posted.posted_payments, posted.duplicates.payments), (0, 2, 0));
    let again = bed.ferry(&["retry", &first, "all.csv", "--yes", "--skip-rejects", "--json"]).exits(3).json();
    assert_eq!(again["counts"]["conflict"], 2, "{again}");
    assert_eq!(bed.books(), posted);
}

#[test]
fn payments_that_were_held_back_go_once_their_customer_is_there() {
    let bed = TestBed::new();
    bed.write("c.csv", b"Number,Display Name,Email\nH1,One,\nH2,Two,two(at)x.example\n");
    bed.write("p.csv", b"Customer No.,Document No.,Amount\nH1,D1,5.00\nH2,D2,7.00\n");
    let line = ["import", "c.csv", "p.csv", "-p", "local", "--journal", "H", "--yes", "--skip-rejects"];
    bed.ferry(&[&line[..], &["--out", "chain"]].concat()).exits(3);
    assert_eq!(bed.books().payments, 1);
    bed.ferry(&["retry", "chain"]).exits(4);
    let path = "chain/customers/rejects.csv";
    bed.write(path, bed.read(path).replace("(at)", "@").as_bytes());
    bed.ferry(&["retry", "chain/customers", "--yes"]).exits(0);
    let retried = bed.ferry(&["retry", "chain/payments", "--yes", "--json"]).exits(0).json();
    assert_eq!(retried["counts"]["done"], 1, "{retried}");
    let books = bed.books();
    assert_eq!((books.payments, books.duplicates.payments), (2, 0));
}

#[test]
fn a_run_that_may_still_go_on_is_resumed_first() {
    let bed = TestBed::new();
    bed.write("customers.csv", CUSTOMERS.as_bytes());
    let line = ["import", "customers.csv", "-p", "local", "--yes", "--skip-rejects", "--out", "run"];
    bed.ferry(&[&line[..], &["--limit", "1"]].concat());
    let books = bed.books();
    let said = bed.ferry(&["retry", "run", "--yes", "--out", "again"]).exits(4).stderr();
    assert!(said.contains("not settled") && said.contains("ferry resume"), "{said}");
    assert_eq!(bed.books(), books);
    assert!(!bed.path().join("again").exists());
    bed.ferry(&["plan", "customers.csv", "-p", "local", "--out", "plan"]).exits(4);
    bed.ferry(&["retry", "plan"]).exits(4);
}

#[test]
fn a_run_that_left_nothing_out_has_nothing_to_retry() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes", "--out", "run"]).exits(0);
    let said = bed.ferry(&["retry", "run", "--json", "--out", "again"]).exits(0).json();
    assert_eq!(said["rows"], 0, "{said}");
    assert!(!bed.path().join("again").exists());
}
