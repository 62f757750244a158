//! `ferry undo`: the books are as they were before, but for what others did since.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use ledgerferry::domain::{Outcome, Receipt};
use ledgerferry::ledger::{Ledger, Phase, RunHeader, Step};
use ledgerferry::transport::Method;
use serde_json::Value;

use crate::actions::{customer, result_of};
use crate::testbed::TestBed;

const NEW: &[u8] = b"Number,Display Name,City,Credit Limit\nU1,One,Ulm,1\nU2,Two,Bonn,2\nU3,Three,Kiel,3\n";

/// Everything of a customer that a person can write.
fn content(bed: &TestBed, number: &str) -> Value {
    let mut record = customer(bed, number).unwrap();
    let members = record.as_object_mut().unwrap();
    for changing in ["@odata.etag", "lastModifiedDateTime", "id"] {
        members.remove(changing);
    }
    record
}

fn import(bed: &TestBed, file: &str, text: &[u8], run: &str) {
    bed.write(file, text);
    bed.ferry(&["import", file, "-p", "local", "--yes", "--out", run, "--max-deletes", "9"]).exits(0);
}

#[test]
fn an_undo_shows_what_it_would_do_and_takes_back_what_was_created() {
    let bed = TestBed::new();
    let before = bed.books();
    import(&bed, "new.csv", NEW, "run");
    let after = bed.books();
    let shown =
        bed.ferry(&["undo", "run", "-p", "local", "--dry-run", "--json", "--out", "look"]).exits(0).json();
    assert_eq!(shown["actions"]["delete"], 3, "{shown}");
    bed.ferry(&["undo", "run", "-p", "local", "--out", "asked"]).exits(4);
    assert_eq!(bed.books(), after, "nobody has said yes");
    let done = bed.ferry(&["undo", "run", "-p", "local", "--yes", "--json", "--out", "back"]).exits(0).json();
    assert_eq!(done["counts"]["done"], 3, "{done}");
    assert_eq!(done["undoes"], "run", "{done}");
    assert_eq!(bed.books().customers, before.customers);
    assert!(customer(&bed, "U1").is_none());
    // Twice is as good as once.
    let again =
        bed.ferry(&["undo", "run", "-p", "local", "--yes", "--json", "--out", "again"]).exits(0).json();
    assert_eq!(again["counts"]["unchanged"], 3, "{again}");
}

#[test]
fn what_an_update_replaced_and_a_delete_took_comes_back() {
    let bed = TestBed::new();
    import(&bed, "new.csv", NEW, "first");
    let before = ["U1", "U2", "U3"].map(|number| content(&bed, number));
    let asked = b"Number,Display Name,City,Credit Limit,Blocked,Ferry_Action\n\
        U1,Uno,Bremen,100,All,\nU2,Two,Bonn,2,,delete\nU3,Three,Kiel,3.5,,\n";
    import(&bed, "asked.csv", asked, "second");
    assert!(customer(&bed, "U2").is_none());
    bed.ferry(&["undo", "second", "-p", "local", "--yes", "--out", "back"]).exits(0);
    assert_eq!(["U1", "U2", "U3"].map(|number| content(&bed, number)), before);
    // The undo is a run like any other, and can be taken back itself.
    bed.ferry(&["undo", "back", "-p", "local", "--yes", "--out", "forth"]).exits(0);
    assert!(customer(&bed, "U2").is_none());
    assert_eq!(customer(&bed, "U1").unwrap()["displayName"], "Uno");
}

#[test]
fn what_somebody_has_changed_since_is_told_and_left_alone() {
    let bed = TestBed::new();
    import(&bed, "new.csv", NEW, "first");
    import(
        &bed,
        "more.csv",
        b"Number,Display Name,City\nU1,Uno,Bremen\nU2,Due,Bonn\nU4,New,Jena\n",
        "second",
    );
    // Another person's work, by another run.
    bed.write("theirs.csv", b"Number,City,Phone No.\nU1,Hamburg,\nU2,,040 1\nU4,,040 4\n");
    bed.ferry(&["import", "theirs.csv", "-p", "local", "--yes", "--mode", "update"]).exits(0);
    let told =
        bed.ferry(&["undo", "second", "-p", "local", "--yes", "--json", "--out", "back"]).exits(3).json();
    assert_eq!(told["counts"]["conflict"], 2, "{told}");
    let conflict = ("update conflict".to_owned(), "changed-since".to_owned());
    let result = |key: &str| result_of(&bed, "back/results.csv", key);
    assert_eq!((result("U1").1, result("U4").1), (conflict.1.clone(), conflict.1));
    let u1 = customer(&bed, "U1").unwrap();
    assert_eq!((&u1["displayName"], &u1["city"]), (&"Uno".into(), &"Hamburg".into()));
    let u2 = customer(&bed, "U2").unwrap();
    assert_eq!((&u2["displayName"], &u2["phoneNumber"]), (&"Two".into(), &"040 1".into()));
    assert!(customer(&bed, "U4").is_some(), "somebody has worked on it");
    assert!(!bed.path().join("back/rejects.csv").exists(), "nothing there to import");

    let insisted = ["undo", "second", "-p", "local", "--yes", "--out", "ours", "--on-conflict", "ours"];
    bed.ferry(&insisted).exits(0);
    assert_eq!(customer(&bed, "U1").unwrap()["city"], "Ulm");
    assert!(customer(&bed, "U4").is_none());
}

#[test]
fn payments_are_taken_out_of_their_journal_and_posted_ones_are_told() {
    let bed = TestBed::new();
    let before = bed.books();
    let text = b"Customer No.,Posting Date,Document No.,Amount\n10000,2026-11-20,UNDO-1,10.50\n20000,2026-11-20,UNDO-2,7\n";
    bed.write("payments.csv", text);
    let args = ["import", "payments.csv", "-p", "local", "--yes", "--journal", "BANK"];
    bed.ferry(&[&args[..], &["--out", "run"]].concat()).exits(0);
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(0);
    assert_eq!(bed.books().payments, before.payments);
    // They may come again, and be posted: then nothing here takes them back.
    bed.ferry(&[&args[..], &["--out", "again"]].concat()).exits(0);
    let (_, journals) = bed.ask(Method::Get, "customerPaymentJournals?$filter=code%20eq%20'BANK'");
    let id = journals["value"][0]["id"].as_str().unwrap();
    let (status, said) = bed.ask(Method::Post, &format!("journals({id})/Microsoft.NAV.post"));
    assert_eq!(status, 204, "{said}");
    let posted = bed.books();
    let told =
        bed.ferry(&["undo", "again", "-p", "local", "--yes", "--json", "--out", "late"]).exits(3).json();
    assert_eq!(told["counts"]["conflict"], 2, "{told}");
    assert_eq!(bed.books(), posted);
}

#[test]
fn a_run_that_wrote_nothing_or_is_not_settled_is_not_undone() {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    bed.ferry(&["plan", "new.csv", "-p", "local", "--out", "run"]).exits(0);
    let refused = bed.ferry(&["undo", "run", "-p", "local", "--yes"]).exits(4);
    assert!(refused.stderr().contains("wrote nothing"), "{}", refused.stderr());
}

#[test]
fn a_payment_that_somebody_has_entered_again_is_not_doubled() {
    let bed = TestBed::new();
    let line = "Customer No.,Posting Date,Document No.,Amount,ferry_action\n10000,2026-11-20,PD-2,10.50,";
    let send = |file: &str, action: &str, run: &str| {
        bed.write(file, format!("{line}{action}\n").as_bytes());
        let args =
            ["import", file, "-p", "local", "--yes", "--journal", "BANK", "--max-deletes", "9", "--out"];
        bed.ferry(&[&args[..], &[run]].concat()).exits(0);
    };
    send("pay.csv", "", "first");
    let before = bed.books().payments;
    send("gone.csv", "delete", "second");
    assert_eq!(bed.books().payments, before - 1);
    let journal = bed.record("customerPaymentJournals", "code eq 'BANK'");
    bed.create(
        &format!("customerPaymentJournals({})/customerPayments", journal["id"].as_str().unwrap()),
        r#"{"lineNumber":777,"customerNumber":"10000","documentNumber":"pd-2","postingDate":"2026-11-20","amount":-10.50}"#,
    );
    for word in ["reject", "ours"] {
        let undo = ["undo", "second", "-p", "local", "--yes", "--out", word, "--on-conflict", word];
        bed.ferry(&undo).exits(3);
        assert_eq!(result_of(&bed, &format!("{word}/results.csv"), "PD-2").1, "there-again");
    }
    assert_eq!((bed.books().payments, bed.books().duplicates.payments), (before, 0));
}

#[test]
fn a_customer_that_is_there_again_is_not_doubled() {
    let bed = TestBed::new();
    import(&bed, "new.csv", NEW, "first");
    let text = b"Number,Display Name,Ferry Action\nU1,One,delete\nU2,Two,delete\nU3,Three,delete\n";
    import(&bed, "gone.csv", text, "second");
    bed.create("customers", r#"{"number":"U1","displayName":"Another"}"#);
    bed.create("customers", r#"{"number":"V2","displayName":"two"}"#);
    let told =
        bed.ferry(&["undo", "second", "-p", "local", "--yes", "--json", "--out", "back"]).exits(3).json();
    assert_eq!((&told["counts"]["done"], &told["counts"]["conflict"]), (&1.into(), &2.into()), "{told}");
    assert!(customer(&bed, "U2").is_none() && customer(&bed, "U3").is_some());
    // The control totals count what came back, not what the deleting file said.
    let totals = &told["totals"][0];
    assert_eq!(totals["acknowledged"]["sum"], totals["file"]["sum"], "{told}");
    // What the first run made is there under another id now: not gone, and not the run's any more.
    bed.ferry(&["undo", "first", "-p", "local", "--yes", "--out", "late"]).exits(3);
    let results = ["U1", "U2", "U3"].map(|key| result_of(&bed, "late/results.csv", key).1);
    assert_eq!(results, ["there-again", "already-gone", "there-again"]);
}

#[test]
fn what_the_target_filled_in_and_somebody_corrected_since_is_left_alone() {
    let bed = TestBed::new();
    bed.write(
        "new.csv",
        b"Number,Display Name,City,Country,Postal Code\nM1,One,Ulm,DE,89073\nM2,Two,Ulm,DE,89073\n",
    );
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    import(
        &bed,
        "moved.csv",
        b"Number,Display Name,Postal Code\nM1,One,DE-20097\nM2,Two,DE-20097\n",
        "moved",
    );
    let id = customer(&bed, "M1").unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(customer(&bed, "M1").unwrap()["city"], "Hamburg", "the target looks it up");
    bed.change(&format!("customers({id})"), r#"{"city":"Altona"}"#);
    bed.ferry(&["undo", "moved", "-p", "local", "--yes", "--out", "back"]).exits(3);
    assert_eq!(result_of(&bed, "back/results.csv", "M1").1, "changed-since");
    assert_eq!(customer(&bed, "M1").unwrap()["city"], "Altona");
    assert_eq!(customer(&bed, "M2").unwrap()["city"], "Ulm");
}

#[test]
fn a_field_that_the_target_does_not_empty_again_is_told() {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    let area = bed.ask(Method::Get, "taxAreas").1["value"][0]["code"].as_str().unwrap().to_owned();
    let before = customer(&bed, "U1").unwrap();
    assert_eq!(before["taxAreaId"], "00000000-0000-0000-0000-000000000000");
    let text = format!("Number,Display Name,Tax Area Code\nU1,Uno,\"{area}\"\n");
    import(&bed, "area.csv", text.as_bytes(), "area");
    bed.ferry(&["undo", "area", "-p", "local", "--yes", "--out", "back"]).exits(3);
    assert_eq!(result_of(&bed, "back/results.csv", "U1").1, "never-emptied");
    let ours = ["undo", "area", "-p", "local", "--yes", "--out", "ours", "--on-conflict", "ours"];
    bed.ferry(&ours).exits(0);
    assert_eq!(customer(&bed, "U1").unwrap()["displayName"], "One");
}

/// A run of which only the first row was sent.
fn begun(bed: &TestBed) {
    bed.write("new.csv", NEW);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes", "--out", "run", "--limit", "1"]).exits(0);
}

#[test]
fn what_is_undone_is_not_carried_out_any_further_and_says_by_whom() {
    let bed = TestBed::new();
    let before = bed.books().customers;
    begun(&bed);
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(0);
    assert_eq!(bed.books().customers, before);
    for line in [&["resume", "run"][..], &["apply", "run", "--yes"]] {
        let words = bed.ferry(line).exits(8).stderr();
        assert!(words.contains("run `run` was undone by run `back`"), "{words}");
    }
    bed.ferry(&["resume"]).exits(2);
    assert_eq!(bed.books().customers, before);
    assert_eq!(bed.ferry(&["runs", "show", "run", "--json"]).exits(0).json()["undone_by"], "back");
    let told = bed.ferry(&["runs", "report", "run", "--json"]).exits(0).json();
    assert_eq!(told["undone_by"], "back", "{told}");
    let told = bed.ferry(&["runs", "report", "run"]).exits(0).stdout();
    assert!(told.contains("It was undone by run back;") && !told.contains("ferry resume"), "{told}");
    // What was taken back may come again, by another run.
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    assert_eq!(bed.books().customers, before + 3);
}

#[test]
fn an_undo_that_was_planned_before_its_run_went_on_is_refused() {
    let bed = TestBed::new();
    begun(&bed);
    bed.ferry(&["undo", "run", "-p", "local", "--dry-run", "--out", "early"]).exits(0);
    bed.ferry(&["resume", "run"]).exits(0);
    let after = bed.books();
    let words = bed.ferry(&["apply", "early", "--yes"]).exits(8).stderr();
    assert!(words.contains("has gone on since this undo of it was planned"), "{words}");
    assert_eq!(bed.books(), after);
    bed.ferry(&["undo", "run", "-p", "local", "--yes"]).exits(0);
    assert_eq!(bed.books().customers, after.customers - 3);
}

#[test]
fn a_city_that_the_target_looked_up_while_it_was_put_back_is_told() {
    let bed = TestBed::new();
    bed.write("new.csv", b"Number,Display Name,City,Country,Postal Code\nM1,One,Hamburg,DE,DE-20097\n");
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    let id = customer(&bed, "M1").unwrap()["id"].as_str().unwrap().to_owned();
    bed.change(&format!("customers({id})"), r#"{"city":"Altona"}"#);
    import(&bed, "moved.csv", b"Number,Display Name,City,Postal Code\nM1,One,Ulm,89073\n", "moved");
    let told =
        bed.ferry(&["undo", "moved", "-p", "local", "--yes", "--json", "--out", "back"]).exits(3).json();
    assert_eq!(customer(&bed, "M1").unwrap()["city"], "Hamburg", "the target looks it up");
    let words = told["not_restored"]["shown"][0].as_str().unwrap();
    assert_eq!(words, "M1 (moved.csv row 2): city is `Hamburg` and should be `Altona`");
    assert!(bed.read("back/not-restored.csv").contains("moved.csv,,2,M1,city,Altona,Hamburg"));
    let told = bed.ferry(&["runs", "report", "back"]).exits(0).stdout();
    assert!(told.contains("NOT ALL AS BEFORE") && told.contains("Altona"), "{told}");
}

#[test]
fn what_was_written_over_unseen_is_not_put_back_by_guess() {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    bed.write("moved.csv", b"Number,Display Name,City\nU1,One,Bremen\nU2,Two,Bremen\n");
    bed.ferry(&["plan", "moved.csv", "-p", "local", "--out", "run"]).exits(0);
    let id = customer(&bed, "U1").unwrap()["id"].as_str().unwrap().to_owned();
    bed.change(&format!("customers({id})"), r#"{"city":"Hamburg"}"#);
    bed.ferry(&["apply", "run", "--yes", "--on-conflict", "ours"]).exits(0);
    assert_eq!(customer(&bed, "U1").unwrap()["city"], "Bremen");
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(3);
    assert_eq!(result_of(&bed, "back/results.csv", "U1").1, "replaced-unknown");
    assert_eq!(customer(&bed, "U1").unwrap()["city"], "Bremen");
    assert_eq!(customer(&bed, "U2").unwrap()["city"], "Bonn");
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--on-conflict", "ours"]).exits(0);
    assert_eq!(customer(&bed, "U1").unwrap()["city"], "Ulm");
}

#[cfg(unix)]
#[test]
fn an_undo_that_was_interrupted_goes_on_where_it_stopped() {
    let bed = TestBed::with(|options| options.latency = Duration::from_millis(60));
    bed.write_project(", batch = 5");
    let mut text = String::from("Number,Display Name\n");
    for row in 1..=150 {
        writeln!(text, "I{row:04},Interrupted {row}").unwrap();
    }
    let before = bed.books().customers;
    import(&bed, "many.csv", text.as_bytes(), "run");
    let mut child = bed.start(&["undo", "run", "-p", "local", "--yes", "--out", "back"]);
    while bed.books().customers > before + 140 {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(bed.books().customers > before, "it was stopped part-way");
    assert_eq!(bed.ferry(&["runs", "report", "back", "--json"]).exits(0).json()["exit"]["code"], 130);
    bed.ferry(&["resume", "run"]).exits(8);
    bed.ferry(&["resume"]).exits(0);
    assert_eq!(bed.books().customers, before);
    let told = bed.ferry(&["runs", "report", "back", "--json"]).exits(0).json();
    assert_eq!((&told["counts"]["done"], &told["exit"]["code"]), (&150.into(), &0.into()), "{told}");
}

/// A run of which the first row is done and the other two are in doubt; U1 and U2 are there.
fn doubtful(bed: &TestBed) -> Ledger {
    bed.write("new.csv", NEW);
    bed.ferry(&["plan", "new.csv", "-p", "local", "--out", "run"]).exits(0);
    bed.create("customers", r#"{"number":"U1","displayName":"One","city":"Ulm","creditLimit":1}"#);
    bed.create("customers", r#"{"number":"U2","displayName":"Two","city":"Bonn","creditLimit":2}"#);
    let there = customer(bed, "U1").unwrap();
    let text = |name: &str| there[name].as_str().unwrap().to_owned();
    let receipt = Receipt { remote_id: text("id"), etag: text("@odata.etag"), key: "U1".to_owned() };
    let outcomes = [
        Outcome::Accepted(receipt),
        Outcome::InDoubt("nobody knows".to_owned()),
        Outcome::InDoubt("nobody knows".to_owned()),
    ];
    let mut ledger = Ledger::open_for_delivery(&bed.path().join("run/run.ferry")).unwrap();
    for (row, outcome) in (1..).zip(outcomes) {
        ledger.record(&[(row, Step::Send), (row, Step::Outcome(outcome))], 1).unwrap();
    }
    ledger
}

#[test]
fn a_row_of_which_nobody_knows_is_told_and_left_alone() {
    let bed = TestBed::new();
    let ledger = doubtful(&bed);
    let header = ledger.header().unwrap();
    // While the run is not at its end, resuming it may still settle them.
    ledger.update_header(&RunHeader { phase: Phase::Applying, ..header.clone() }).unwrap();
    drop(ledger);
    bed.ferry(&["undo", "run", "-p", "local", "--yes"]).exits(4);
    let ledger = Ledger::open_for_delivery(&bed.path().join("run/run.ferry")).unwrap();
    ledger.update_header(&RunHeader { phase: Phase::Finished, ..header }).unwrap();
    drop(ledger);
    let told = bed.ferry(&["undo", "run", "-p", "local", "--yes", "--json", "--out", "back"]).exits(3).json();
    assert_eq!((&told["counts"]["done"], &told["counts"]["conflict"]), (&1.into(), &2.into()), "{told}");
    assert_eq!(result_of(&bed, "back/results.csv", "U2").1, "outcome-unknown");
    assert!(customer(&bed, "U1").is_none() && customer(&bed, "U2").is_some());
}

#[test]
fn an_undo_knows_nothing_of_a_doubt_that_was_settled_since() {
    let bed = TestBed::new();
    let ledger = doubtful(&bed);
    let header = ledger.header().unwrap();
    ledger.update_header(&RunHeader { phase: Phase::Finished, ..header }).unwrap();
    drop(ledger);
    bed.ferry(&["undo", "run", "-p", "local", "--dry-run", "--out", "early"]).exits(3);
    let there = customer(&bed, "U2").unwrap();
    let text = |name: &str| there[name].as_str().unwrap().to_owned();
    let receipt = Receipt { remote_id: text("id"), etag: text("@odata.etag"), key: "U2".to_owned() };
    let mut ledger = Ledger::open_for_delivery(&bed.path().join("run/run.ferry")).unwrap();
    ledger.record(&[(2, Step::Outcome(Outcome::Accepted(receipt)))], 1).unwrap();
    drop(ledger);
    let words = bed.ferry(&["apply", "early", "--yes", "--skip-rejects"]).exits(8).stderr();
    assert!(words.contains("has gone on since"), "{words}");
    assert!(customer(&bed, "U1").is_some());
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(3);
    assert!(customer(&bed, "U1").is_none() && customer(&bed, "U2").is_none());
}
