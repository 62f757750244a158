//! Business Central v1.0 and beta: the same files, the same books, in every dialect, strict or not.
//!
//! What a dialect wrote is looked at through v2.0, which the sandbox serves over the same books.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use ledgerferry::transport::Method;
use serde_json::{Value, json};

use crate::kill::results_in;
use crate::relay::{Ask, Manners, Way};
use crate::testbed::{Colleague, TestBed, sample};

const DIALECTS: [&str; 2] = ["v1.0", "beta"];

/// A bed whose profile speaks this dialect.
fn bed_of(dialect: &str, strict: bool) -> TestBed {
    let bed = TestBed::with(|options| options.strict = strict);
    bed.write_project_in(dialect, "");
    bed
}

/// Does something in a bed of each dialect, in default and in strict behaviour.
fn in_each(work: impl Fn(&TestBed, &str)) {
    for dialect in DIALECTS {
        for strict in [false, true] {
            work(&bed_of(dialect, strict), &format!("{dialect}, strict {strict}"));
        }
    }
}

/// Every customer of the books by number, without what only the server sets and what older dialects lack.
fn customers(bed: &TestBed) -> BTreeMap<String, Value> {
    let (status, page) = bed.ask(Method::Get, "customers");
    assert_eq!(status, 200, "{page}");
    let mut all = BTreeMap::new();
    for mut record in page["value"].as_array().unwrap().iter().cloned() {
        let members = record.as_object_mut().unwrap();
        for one in
            ["@odata.etag", "id", "lastModifiedDateTime", "creditLimit", "salespersonCode", "balanceDue"]
        {
            members.remove(one);
        }
        all.insert(record["number"].as_str().unwrap().to_owned(), record);
    }
    all
}

#[test]
fn the_sample_sheet_makes_the_same_books_in_every_dialect() {
    let reference = TestBed::new();
    reference.ferry(&["import", &sample("customers.xlsx"), "-p", "local", "--yes"]).exits(0);
    let expected = customers(&reference);
    in_each(|bed, which| {
        // What the dialect has no place for is a decision: nothing is written before.
        let undecided =
            bed.ferry(&["import", &sample("customers.xlsx"), "-p", "local", "--yes"]).exits(4).stderr();
        assert!(undecided.contains("Credit Limit"), "{which}: {undecided}");
        let import = [
            "import",
            &sample("customers.xlsx"),
            "-p",
            "local",
            "--on-unsupported",
            "drop",
            "--yes",
            "--json",
            "--out",
        ];
        let done = bed.ferry(&[&import[..], &["run"]].concat()).exits(0).json();
        let counts = &done["counts"];
        assert_eq!(counts["done"].as_u64().unwrap(), 12, "{which}: {done}");
        // What only strict behaviour says otherwise is not of the dialect.
        let shape = |one: &BTreeMap<String, Value>| -> BTreeMap<String, Value> {
            let pick = |record: &Value| {
                let names =
                    ["displayName", "addressLine1", "addressLine2", "city", "state", "country", "postalCode"];
                names.map(|name| (name, record[name].clone())).into_iter().collect::<BTreeMap<_, _>>()
            };
            one.iter().map(|(number, record)| (number.clone(), json!(pick(record)))).collect()
        };
        assert_eq!(shape(&customers(bed)), shape(&expected), "{which}");
        let again = bed.ferry(&[&import[..], &["again"]].concat()).exits(0).json();
        assert_eq!(again["counts"]["unchanged"], 12, "{which}: {again}");
        bed.ferry(&["reconcile", "run"]).exits(0);
    });
}

#[test]
fn a_change_of_one_part_of_an_address_leaves_the_others() {
    in_each(|bed, which| {
        bed.write(
            "new.csv",
            b"Number,Display Name,Address,Address 2,City,State,Country,Phone No.\nD1,One,Main St 1,Floor 2,Ulm,BW,DE,1\n",
        );
        bed.ferry(&["import", "new.csv", "-p", "local", "--yes", "--out", "new"]).exits(0);
        let before = customers(bed)["D1"].clone();
        assert_eq!(
            (&before["addressLine1"], &before["addressLine2"]),
            (&json!("Main St 1"), &json!("Floor 2"))
        );
        bed.write("change.csv", b"Number,City,Blocked\nD1,Bonn,All\n");
        let change =
            ["import", "change.csv", "-p", "local", "--yes", "--mode", "update", "--out", "change", "--json"];
        let done = bed.ferry(&change).exits(0).json();
        assert_eq!(done["actions"]["update"], 1, "{which}: {done}");
        let mut expected = before.clone();
        expected["city"] = "Bonn".into();
        expected["blocked"] = "All".into();
        assert_eq!(customers(bed)["D1"], expected, "{which}");
        bed.write("clear.csv", b"Number,Address 2,Blocked\nD1,,\n");
        let clear = ["import", "clear.csv", "-p", "local", "--yes", "--mode", "update", "--blank", "clear"];
        bed.ferry(&clear).exits(0);
        expected["addressLine2"] = "".into();
        expected["blocked"].clone_from(&before["blocked"]);
        assert_eq!(customers(bed)["D1"], expected, "{which}");
    });
}

#[test]
fn an_undo_puts_back_what_a_dialect_changed_and_deleted() {
    in_each(|bed, which| {
        bed.write(
            "new.csv",
            b"Number,Display Name,Address,City\nD1,One,Main St 1,Ulm\nD2,Two,High St 2,Bonn\n",
        );
        bed.ferry(&["import", "new.csv", "-p", "local", "--yes", "--out", "new"]).exits(0);
        let before = customers(bed);
        bed.write("change.csv", b"Number,Display Name,City,Ferry_Action\nD1,Uno,Kiel,\nD2,Two,Bonn,delete\n");
        let change =
            ["import", "change.csv", "-p", "local", "--yes", "--out", "change", "--max-deletes", "9"];
        bed.ferry(&change).exits(0);
        assert!(!customers(bed).contains_key("D2"), "{which}");
        bed.ferry(&["undo", "change", "-p", "local", "--yes", "--out", "back"]).exits(0);
        assert_eq!(customers(bed), before, "{which}");
    });
}

#[test]
fn somebody_elses_part_of_an_address_is_not_written_over() {
    in_each(|bed, which| {
        bed.write("new.csv", b"Number,Display Name,Address,City\nD1,One,Main St 1,Ulm\n");
        bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
        bed.write("change.csv", b"Number,City,Phone No.\nD1,Bonn,77\n");
        let plan = ["plan", "change.csv", "-p", "local", "--mode", "update", "--out", "run"];
        bed.ferry(&plan).exits(0);
        let id = bed.record("customers", "number eq 'D1'")["id"].as_str().unwrap().to_owned();
        bed.change(&format!("customers({id})"), r#"{"addressLine1":"Theirs 9"}"#);
        let apply = ["apply", "run", "--yes", "--on-conflict", "theirs", "--json"];
        let done = bed.ferry(&apply).json();
        let record = &customers(bed)["D1"];
        assert_eq!(record["addressLine1"], "Theirs 9", "{which}: {done}");
        assert_eq!(
            (&record["city"], &record["phoneNumber"]),
            (&json!("Bonn"), &json!("77")),
            "{which}: {done}"
        );
    });
}

/// A colleague who changes a customer right before each of the first writes reaches the server.
struct Meddling {
    colleague: Colleague,
    changes: Mutex<VecDeque<String>>,
}

impl Manners for Meddling {
    fn meet(&self, _number: u64, ask: &Ask) -> Way {
        if ask.method == "PATCH" || ask.is_batch() {
            let change = self.changes.lock().unwrap().pop_front();
            change.inspect(|change| self.colleague.change(change));
        }
        Way::Forward
    }
}

/// Changes D1 by `sheet`, while a colleague makes `theirs`, one before each write; the state of the row, and the
/// customer afterwards.
fn meddled(bed: &TestBed, sheet: &str, on_conflict: &str, theirs: &[&str]) -> (String, Value) {
    bed.write(
        "new.csv",
        b"Number,Display Name,Address,Address 2,City,State,Country,Postal Code,Phone No.\n\
          D1,One,Main St 1,Floor 2,Ulm,BW,DE,89073,1\n",
    );
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes", "--out", "new"]).exits(0);
    bed.write("change.csv", sheet.as_bytes());
    let id = bed.record("customers", "number eq 'D1'")["id"].as_str().unwrap().to_owned();
    let changes = Mutex::new(theirs.iter().map(|change| (*change).to_owned()).collect());
    let meddling = Meddling { colleague: bed.colleague(&format!("customers({id})")), changes };
    let relay = (!theirs.is_empty()).then(|| bed.through(meddling));
    let line = ["import", "change.csv", "-p", "local", "--yes", "--mode", "update", "--out", "change"];
    drop(bed.ferry(&[&line[..], &["--on-conflict", on_conflict]].concat()));
    drop(relay);
    let (states, _) = results_in(bed, "change");
    (states.into_keys().collect::<Vec<_>>().join(","), customers(bed)["D1"].clone())
}

/// What `meddled` leaves behind in every dialect, against the row's state and the fields that are to be otherwise
/// than at first.
fn is_left(sheet: &str, on_conflict: &str, theirs: &[&str], (state, after): (&str, &[(&str, &str)])) {
    in_each(|bed, which| {
        let (found, record) = meddled(bed, sheet, on_conflict, theirs);
        let at_first = [
            ("addressLine1", "Main St 1"),
            ("addressLine2", "Floor 2"),
            ("city", "Ulm"),
            ("state", "BW"),
            ("country", "DE"),
            ("postalCode", "89073"),
        ];
        let expected = at_first.map(|(name, first)| {
            let changed = after.iter().find(|(changed, _)| *changed == name);
            (name, changed.map_or(first, |(_, value)| *value).to_owned())
        });
        let there = at_first.map(|(name, _)| (name, record[name].as_str().unwrap().to_owned()));
        assert_eq!((found.as_str(), there), (state, expected), "{which}, {on_conflict}, {theirs:?}");
    });
}

const NEW_STREET: &str = "Number,Address\nD1,Ours 1\n";

#[test]
fn a_colleagues_other_part_of_an_address_stays_whatever_is_said_of_conflicts() {
    for on_conflict in ["reject", "theirs", "ours"] {
        let theirs = [r#"{"city":"Bonn","state":"NW"}"#, r#"{"city":"Kiel","addressLine2":"Theirs"}"#];
        let once = [("addressLine1", "Ours 1"), ("city", "Bonn"), ("state", "NW")];
        is_left(NEW_STREET, on_conflict, &theirs[..1], ("done", &once));
        let twice =
            [("addressLine1", "Ours 1"), ("addressLine2", "Theirs"), ("city", "Kiel"), ("state", "NW")];
        is_left(NEW_STREET, on_conflict, &theirs, ("done", &twice));
    }
}

#[test]
fn a_colleagues_same_part_of_an_address_is_judged_alone() {
    let theirs = [r#"{"addressLine1":"Theirs 9","city":"Bonn","state":"NW"}"#];
    let kept = [("addressLine1", "Theirs 9"), ("city", "Bonn"), ("state", "NW")];
    is_left(NEW_STREET, "reject", &theirs, ("conflict", &kept));
    is_left(NEW_STREET, "theirs", &theirs, ("skipped", &kept));
    let ours = [("addressLine1", "Ours 1"), ("city", "Bonn"), ("state", "NW")];
    is_left(NEW_STREET, "ours", &theirs, ("done", &ours));
}

#[test]
fn a_colleagues_city_is_a_conflict_with_a_row_that_changes_the_city() {
    let (sheet, theirs) = ("Number,City\nD1,Ours\n", [r#"{"city":"Theirs"}"#]);
    is_left(sheet, "reject", &theirs, ("conflict", &[("city", "Theirs")]));
    is_left(sheet, "theirs", &theirs, ("skipped", &[("city", "Theirs")]));
    is_left(sheet, "ours", &theirs, ("done", &[("city", "Ours")]));
}

/// A postal code that the server knows brings its own city, and nobody can ask which it knows.
#[test]
fn a_new_postal_code_does_not_write_over_a_city_that_a_colleague_has_changed_since() {
    let theirs = [r#"{"city":"Neu-Ulm","state":"BY"}"#];
    let kept = [("city", "Neu-Ulm"), ("state", "BY")];
    let known = "Number,Postal Code\nD1,DE-20097\n";
    is_left(known, "reject", &theirs, ("conflict", &kept));
    is_left(known, "theirs", &theirs, ("skipped", &kept));
    let unknown = "Number,Postal Code\nD1,89231\n";
    is_left(unknown, "reject", &theirs, ("conflict", &kept));
    let ours = [("city", "Neu-Ulm"), ("state", "BY"), ("postalCode", "89231")];
    is_left(unknown, "ours", &theirs, ("done", &ours));
    // The city of the sheet is what it was; the colleague's is newer.
    let both = "Number,City,Postal Code\nD1,Ulm,DE-20097\n";
    is_left(both, "reject", &theirs, ("conflict", &kept));
    is_left(both, "theirs", &theirs, ("skipped", &kept));
    // The other changes of the row are made.
    let with_street = "Number,Address,Postal Code\nD1,Ours 1,DE-20097\n";
    let street = [("addressLine1", "Ours 1"), ("city", "Neu-Ulm"), ("state", "BY")];
    is_left(with_street, "theirs", &theirs, ("done", &street));
    is_left(with_street, "reject", &theirs, ("conflict", &kept));
}

#[test]
fn a_new_city_does_not_write_over_a_postal_code_that_a_colleague_has_changed_since() {
    let theirs = [r#"{"postalCode":"89231"}"#];
    for on_conflict in ["reject", "theirs", "ours"] {
        let both = [("city", "Ours"), ("postalCode", "89231")];
        is_left("Number,City\nD1,Ours\n", on_conflict, &theirs, ("done", &both));
    }
}

#[test]
fn a_new_postal_code_goes_past_a_colleagues_street() {
    for on_conflict in ["reject", "theirs", "ours"] {
        let both = [("addressLine1", "Theirs 9"), ("postalCode", "89231")];
        let theirs = [r#"{"addressLine1":"Theirs 9"}"#];
        is_left("Number,Postal Code\nD1,89231\n", on_conflict, &theirs, ("done", &both));
    }
}

#[test]
fn an_undo_and_a_reconciliation_look_at_the_rows_own_part_of_an_address() {
    in_each(|bed, which| {
        meddled(bed, NEW_STREET, "reject", &[]);
        let id = bed.record("customers", "number eq 'D1'")["id"].as_str().unwrap().to_owned();
        bed.change(&format!("customers({id})"), r#"{"city":"Bonn","state":"NW"}"#);
        bed.ferry(&["reconcile", "change"]).exits(0);
        bed.ferry(&["undo", "change", "-p", "local", "--yes", "--out", "back"]).exits(0);
        let record = &customers(bed)["D1"];
        let parts =
            ["addressLine1", "city", "state", "postalCode"].map(|name| record[name].as_str().unwrap());
        assert_eq!(parts, ["Main St 1", "Bonn", "NW", "89073"], "{which}");
        assert!(!bed.path().join("back/not-restored.csv").exists(), "{which}");
    });
}

#[test]
fn a_reconciliation_sees_a_city_that_somebody_changed_beside_an_old_postal_code() {
    in_each(|bed, which| {
        meddled(bed, "Number,City\nD1,Ours\n", "reject", &[]);
        let id = bed.record("customers", "number eq 'D1'")["id"].as_str().unwrap().to_owned();
        bed.change(&format!("customers({id})"), r#"{"city":"Theirs"}"#);
        bed.ferry(&["reconcile", "change"]).exits(3);
        bed.ferry(&["undo", "change", "-p", "local", "--yes", "--out", "back"]);
        assert_eq!(customers(bed)["D1"]["city"], "Theirs", "{which}");
    });
}

#[test]
fn payments_arrive_once_and_are_exported_again() {
    in_each(|bed, which| {
        bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--on-unsupported", "drop", "--yes"])
            .exits(0);
        let import =
            ["import", &sample("payments.xlsx"), "-p", "local", "--journal", "MIGR", "--yes", "--json"];
        let done = bed.ferry(&[&import[..], &["--out", "run"]].concat()).exits(0).json();
        let arrived = bed.books().payments;
        assert_eq!(done["counts"]["done"], arrived, "{which}: {done}");
        let again = bed.ferry(&[&import[..], &["--out", "again"]].concat()).exits(0).json();
        assert_eq!(again["counts"]["unchanged"], arrived, "{which}: {again}");
        assert_eq!((bed.books().payments, bed.books().duplicates.payments), (arrived, 0), "{which}");
        bed.ferry(&["reconcile", "run"]).exits(0);
        bed.ferry(&["export", "payments", "-p", "local", "-o", "out.csv"]).exits(0);
        let lines = bed.read("out.csv").lines().count() as u64;
        assert_eq!(lines, arrived + 1, "{which}");
    });
}

#[test]
fn exports_of_every_dialect_agree_on_what_they_share() {
    let select = "number,displayName,addressLine1,addressLine2,city,country,blocked,balance,overdueAmount";
    let export = |bed: &TestBed, entity: &str, select: &str| {
        bed.ferry(&["export", entity, "-p", "local", "-o", "-", "--select", select, "--format", "csv"])
            .exits(0)
            .stdout()
    };
    let reference = TestBed::new();
    let expected = export(&reference, "customers", select);
    let owed = export(&reference, "financials", "number,balance,totalSalesExcludingTax,overdueAmount");
    assert!(expected.lines().count() > 2 && owed.lines().count() > 2);
    in_each(|bed, which| {
        assert_eq!(export(bed, "customers", select), expected, "{which}");
        let again = export(bed, "financials", "number,balance,totalSalesExcludingTax,overdueAmount");
        assert_eq!(again, owed, "{which}");
        let line = ["export", "customers", "-p", "local", "-o", "all.csv", "--expand", "financials"];
        bed.ferry(&line).exits(0);
        let all = bed.read("all.csv");
        assert_eq!(all.lines().next().unwrap().matches("balance").count(), 1, "{which}: {all}");
        let found =
            ["export", "customers", "-p", "local", "-o", "one.csv", "--filter-odata", "number eq '10000'"];
        bed.ferry(&found).exits(0);
        assert_eq!(bed.read("one.csv").lines().count(), 2, "{which}");
    });
}

#[test]
fn the_sandbox_inside_the_program_speaks_every_dialect() {
    for dialect in DIALECTS {
        let bed = TestBed::new();
        let project =
            format!("version = 1\n[profiles.play]\nsystem = \"sandbox\"\ndialect = \"{dialect}\"\n");
        bed.write("ferry.toml", project.as_bytes());
        let import = [
            "import",
            &sample("customers.csv"),
            "-p",
            "play",
            "--on-unsupported",
            "drop",
            "--yes",
            "--json",
            "--out",
            "run",
        ];
        let done = bed.ferry(&import).exits(0).json();
        assert_eq!(done["counts"]["done"], 12, "{done}");
        bed.ferry(&["reconcile", "run"]).exits(0);
        bed.ferry(&["undo", "run", "--yes", "--out", "back"]).exits(0);
    }
}
