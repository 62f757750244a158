//! `ferry reconcile` sees what happened to the books behind our back, and says so.

use std::collections::BTreeMap;

use ledgerferry::transport::Method;

use crate::testbed::{TestBed, sample};

/// The lines of `reconciliation.csv`: by key, the status and the fields that differ.
fn lines(bed: &TestBed, run: &str) -> BTreeMap<String, (String, String)> {
    let text = bed.read(&format!("{run}/reconciliation.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let line = |line: csv::StringRecord| (line[3].to_owned(), (line[4].to_owned(), line[5].to_owned()));
    reader.records().map(|record| line(record.unwrap())).collect()
}

#[test]
fn a_run_that_nobody_touched_agrees_with_the_books() {
    let bed = TestBed::new();
    for (file, journal) in [("customers.csv", &[][..]), ("payments.csv", &["--journal", "BANK"][..])] {
        let line = ["import", &sample(file), "-p", "local", "--yes", "--out", file];
        bed.ferry(&[&line[..], journal].concat()).exits(0);
        let before = bed.books();
        let said = bed.ferry(&["reconcile", file, "--json"]).exits(0).json();
        assert_eq!(said["agrees"], true, "{said}");
        assert!(lines(&bed, file).values().all(|(status, _)| status == "ok"));
        let totals: serde_json::Value =
            serde_json::from_str(&bed.read(&format!("{file}/totals.json"))).unwrap();
        for currency in totals["totals"].as_array().unwrap() {
            assert_eq!(currency["read_back"], currency["acknowledged"], "{currency}");
        }
        assert!(bed.read(&format!("{file}/report.html")).contains("Read back"));
        assert_eq!(bed.books(), before);
    }
    // What is there already is read back too.
    let again = bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--out", "again"]).exits(0);
    assert!(again.stdout().contains("unchanged 12"), "{}", again.stdout());
    bed.ferry(&["reconcile", "again"]).exits(0);
}

#[test]
fn a_record_changed_or_deleted_behind_our_back_is_found() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes", "--out", "run"]).exits(0);
    let keys: Vec<String> = lines_of_results(&bed);
    let id =
        |key: &str| bed.record("customers", &format!("number eq '{key}'"))["id"].as_str().unwrap().to_owned();
    bed.change(&format!("customers({})", id(&keys[1])), r#"{"creditLimit":1.25,"displayName":"Moved"}"#);
    let (status, said) = bed.ask(Method::Delete, &format!("customers({})", id(&keys[3])));
    assert_eq!(status, 204, "{said}");
    let results = bed.read("run/results.csv");

    let said = bed.ferry(&["reconcile", "run", "--json"]).exits(3).json();
    assert_eq!(said["counts"]["ok"], 10, "{said}");
    let lines = lines(&bed, "run");
    assert_eq!(lines[&keys[1]], ("different".to_owned(), "displayName; creditLimit".to_owned()));
    assert_eq!(lines[&keys[3]], ("missing".to_owned(), String::new()));
    assert_eq!(bed.read("run/results.csv"), results);
    let text = bed.ferry(&["reconcile", "run"]).exits(3).stdout();
    assert!(text.contains("DOES NOT AGREE") && text.contains("Moved"), "{text}");
}

fn lines_of_results(bed: &TestBed) -> Vec<String> {
    let text = bed.read("run/results.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap()[3].to_owned()).collect()
}

#[test]
fn payments_that_left_the_journal_are_not_called_lost_and_doubles_are_found() {
    let bed = TestBed::new();
    let header = "Customer No.,Document No.,Amount\n";
    bed.write("a.csv", format!("{header}10000,R1,5.00\n20000,R2,7.00\n").as_bytes());
    bed.ferry(&["import", "a.csv", "-p", "local", "--journal", "BANK", "--yes", "--out", "run"]).exits(0);
    let journal = bed.record("customerPaymentJournals", "code eq 'BANK'")["id"].as_str().unwrap().to_owned();
    bed.create(
        &format!("customerPaymentJournals({journal})/customerPayments"),
        r#"{"customerNumber":"10000","documentNumber":"R1","amount":-5.00}"#,
    );
    let said = bed.ferry(&["reconcile", "run", "--json"]).exits(3).json();
    assert_eq!((&said["counts"]["ok"], &said["counts"]["extra"]), (&2.into(), &1.into()), "{said}");

    let removed =
        bed.record("customerPayments", &format!("journalId eq {journal} and documentNumber eq 'R2'"));
    bed.ask(Method::Delete, &format!("customerPayments({})", removed["id"].as_str().unwrap()));
    bed.post_journal("BANK");
    let said = bed.ferry(&["reconcile", "run", "--json"]).exits(3).json();
    assert_eq!(said["counts"], serde_json::json!({"posted": 1, "posted-or-removed": 1}), "{said}");
    assert_eq!(said["totals"][0]["read_back"]["count"], 0, "{said}");
}

#[test]
fn a_plan_that_was_never_applied_has_nothing_to_reconcile() {
    let bed = TestBed::new();
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--out", "run"]).exits(0);
    let said = bed.ferry(&["reconcile", "run"]).exits(4).stderr();
    assert!(said.contains("never applied"), "{said}");
}

#[test]
fn a_record_that_somebody_made_again_is_found_by_its_number_or_document() {
    let bed = TestBed::new();
    bed.write("new.csv", b"Number,Display Name,City\nR1,One,Ulm\nR2,Two,Bonn\n");
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes", "--out", "run"]).exits(0);
    let id = bed.record("customers", "number eq 'R1'")["id"].as_str().unwrap().to_owned();
    bed.ask(Method::Delete, &format!("customers({id})"));
    bed.create("customers", r#"{"number":"R1","displayName":"One","city":"Kiel"}"#);
    let said = bed.ferry(&["reconcile", "run", "--json"]).exits(3).json();
    assert_eq!(lines(&bed, "run")["R1"], ("found-by-number".to_owned(), "id; city".to_owned()), "{said}");
    assert_eq!(lines(&bed, "run")["R2"].0, "ok");
    let text = bed.ferry(&["reconcile", "run"]).exits(3).stdout();
    assert!(text.contains("somebody made them again"), "{text}");

    bed.write("pay.csv", b"Customer No.,Document No.,Amount\n10000,R1,5.00\n10000,R2,7.00\n");
    bed.ferry(&["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes", "--out", "pay"]).exits(0);
    let journal = bed.record("customerPaymentJournals", "code eq 'BANK'")["id"].as_str().unwrap().to_owned();
    let line = bed.record("customerPayments", &format!("journalId eq {journal} and documentNumber eq 'R1'"));
    bed.ask(Method::Delete, &format!("customerPayments({})", line["id"].as_str().unwrap()));
    let again = r#"{"customerNumber":"10000","documentNumber":"R1","amount":-5.00}"#;
    bed.create(&format!("customerPaymentJournals({journal})/customerPayments"), again);
    let said = bed.ferry(&["reconcile", "pay", "--json"]).exits(3).json();
    assert_eq!(lines(&bed, "pay")["R1"].0, "found-by-document", "{said}");
    assert_eq!(said["counts"]["extra"], serde_json::Value::Null, "{said}");
    assert_eq!(said["totals"][0]["read_back"]["count"], 2, "{said}");
}
