//! Default dimensions that go with a deleted customer: told before, kept, and brought back with the customer by an undo.

use std::fmt::Write;
use std::time::Duration;

use ledgerferry::transport::Method;

use crate::dimensions::{held, in_each};
use crate::kill::{FAULTS, import_under_fire};
use crate::testbed::{Draw, TestBed};

const CUSTOMERS: &[u8] = b"Number,Display Name\nD1,One\nD2,Two\nD3,Three\n";

const DIMENSIONS: &[u8] = b"Customer Number,Dimension,Dimension Value,Value Posting\n\
      D1,AREA,30,Same Code\nD1,DEPARTMENT,,No Code\nD2,AREA,50,\n10000,AREA,40,\n";

const GOING: &[u8] = b"Number,Display Name,ferry_action\nD1,One,delete\nD2,Two,delete\nD3,Three,delete\n";

/// Customers with default dimensions, and the file that deletes them.
fn prepare(bed: &TestBed) -> Vec<String> {
    bed.write("customers.csv", CUSTOMERS);
    bed.write("dimensions.csv", DIMENSIONS);
    bed.write("going.csv", GOING);
    for (file, out) in [("customers.csv", "made"), ("dimensions.csv", "given")] {
        bed.ferry(&["import", file, "-p", "local", "--yes", "--out", out]).exits(0);
    }
    held(bed)
}

const DELETE: [&str; 8] = ["import", "going.csv", "-p", "local", "--yes", "--max-deletes", "3", "--out"];

fn undo(bed: &TestBed, run: &str, out: &str) -> crate::testbed::Ended {
    bed.ferry(&["undo", run, "-p", "local", "--yes", "--max-deletes", "9", "--out", out])
}

fn change_value(bed: &TestBed, customer: &str, dimension: &str, value: &str) {
    let file = format!("Customer Number,Dimension,Dimension Value\n{customer},{dimension},{value}\n");
    bed.write("change.csv", file.as_bytes());
    bed.ferry(&["import", "change.csv", "-p", "local", "--yes"]).exits(0);
}

#[test]
fn an_undo_brings_a_customer_back_with_the_default_dimensions_and_can_be_undone_itself() {
    in_each(|bed, which| {
        let before = prepare(bed);
        let planned = bed.ferry(&["plan", "going.csv", "-p", "local", "--out", "dry"]).exits(0).stdout();
        let told = "3 default dimensions go with their customers";
        assert!(planned.contains(told), "{which}: {planned}");
        let done = bed.ferry(&[&DELETE[..], &["gone"]].concat()).exits(0).stdout();
        assert!(done.contains(told), "{which}: {done}");
        assert_eq!(held(bed), ["10000 AREA 40"], "{which}");
        assert_eq!(
            bed.read("gone/deleted-dimensions.csv"),
            "customerNumber,dimensionCode,dimensionValueCode,postingValidation\n\
             D1,AREA,30,Same Code\nD1,DEPARTMENT,,No Code\nD2,AREA,50,\n",
            "{which}"
        );
        undo(bed, "gone", "back").exits(0);
        assert_eq!(held(bed), before, "{which}");
        let kept = bed.ferry(&["runs", "report", "gone", "--json"]).exits(0).json();
        assert_eq!((&kept["deleted_dimensions"], &kept["undone_by"]), (&3.into(), &"back/customers".into()));
        undo(bed, "back", "again").exits(0);
        assert_eq!(held(bed), ["10000 AREA 40"], "{which}");
        assert!(bed.record("customers", "number eq 'D1'").is_null(), "{which}");
        // What the undo takes out itself does not go with its customers.
        assert!(!bed.path().join("again/customers/deleted-dimensions.csv").exists(), "{which}");
    });
}

#[test]
fn what_comes_back_is_what_was_there_when_the_customer_went_part_by_part() {
    let bed = TestBed::new();
    prepare(&bed);
    bed.ferry(&["plan", "going.csv", "-p", "local", "--out", "gone"]).exits(0);
    change_value(&bed, "D1", "AREA", "40");
    let apply = ["apply", "gone", "-p", "local", "--yes", "--max-deletes", "3", "--limit", "1"];
    bed.ferry(&apply).exits(0);
    change_value(&bed, "D2", "AREA", "30");
    bed.ferry(&["resume", "gone", "-p", "local", "--max-deletes", "3"]).exits(0);
    undo(&bed, "gone", "back").exits(0);
    assert_eq!(held(&bed), ["10000 AREA 40", "D1 AREA 40 Same Code", "D1 DEPARTMENT  No Code", "D2 AREA 30"]);
}

#[test]
fn a_customer_whom_somebody_made_again_gets_nothing_and_the_others_get_theirs() {
    let bed = TestBed::new();
    prepare(&bed);
    bed.ferry(&[&DELETE[..], &["gone"]].concat()).exits(0);
    bed.create("customers", r#"{"number":"D1","displayName":"Somebody else"}"#);
    undo(&bed, "gone", "back").exits(3);
    assert_eq!(held(&bed), ["10000 AREA 40", "D2 AREA 50"]);
    assert_eq!(bed.record("customers", "number eq 'D1'")["displayName"], "Somebody else");
}

#[test]
fn what_others_gave_a_customer_whom_an_undo_deletes_is_told_and_kept() {
    let bed = TestBed::new();
    bed.write("customers.csv", CUSTOMERS);
    bed.ferry(&["import", "customers.csv", "-p", "local", "--yes", "--out", "made"]).exits(0);
    let id = |set: &str, filter: &str| bed.record(set, filter)["id"].as_str().unwrap().to_owned();
    let (customer, area) = (id("customers", "number eq 'D1'"), id("dimensions", "code eq 'AREA'"));
    let value = id(&format!("dimensions({area})/dimensionValues"), "code eq '30'");
    let body = format!(r#"{{"dimensionId":"{area}","dimensionValueId":"{value}"}}"#);
    bed.create(&format!("customers({customer})/defaultDimensions"), &body);
    let told = bed.ferry(&["undo", "made", "-p", "local", "--dry-run", "--out", "dry"]).stdout();
    assert!(told.contains("1 default dimension goes with its customer"), "{told}");
    undo(&bed, "made", "gone").exits(0);
    assert_eq!((held(&bed), bed.ask(Method::Get, "customers").0), (Vec::new(), 200));
    undo(&bed, "gone", "back").exits(0);
    assert_eq!(held(&bed), ["D1 AREA 30"]);
}

#[test]
fn nothing_is_forgotten_of_customers_whose_deletion_was_killed_half_way() {
    let bed = TestBed::with(|options| {
        options.faults = format!("{FAULTS},seed=77").parse().unwrap();
        options.latency = Duration::from_millis(8);
    });
    bed.write_project(", batch = 4");
    let [mut customers, mut dimensions, mut going] = [
        "Number,Display Name\n",
        "Customer Number,Dimension,Dimension Value\n",
        "Number,Display Name,ferry_action\n",
    ]
    .map(str::to_owned);
    for customer in 1..=60 {
        writeln!(customers, "K{customer:03},Killed {customer}").unwrap();
        writeln!(dimensions, "K{customer:03},AREA,30\nK{customer:03},DEPARTMENT,ADM").unwrap();
        writeln!(going, "K{customer:03},Killed {customer},delete").unwrap();
    }
    for (file, text) in [("customers.csv", customers), ("dimensions.csv", dimensions), ("going.csv", going)] {
        bed.write(file, text.as_bytes());
    }
    let both = ["import", "customers.csv", "dimensions.csv", "-p", "local", "--yes", "--out", "made"];
    bed.ferry(&both).exits(0);
    let before = held(&bed);
    let delete = [
        "import",
        "going.csv",
        "-p",
        "local",
        "--yes",
        "--out",
        "run",
        "--max-deletes",
        "60",
        "--max-errors",
        "100%",
    ];
    let kills = import_under_fire(&bed, &delete, &mut Draw(77));
    assert!(kills > 1, "{kills}");
    assert_eq!(held(&bed), [""; 0]);
    undo(&bed, "run", "back").exits(0);
    assert_eq!((held(&bed), before.len()), (before, 120));
}

#[test]
fn where_the_undo_takes_default_dimensions_back_itself_it_says_how_the_others_come_back() {
    let bed = TestBed::new();
    let before = prepare(&bed);
    bed.write("more.csv", b"Customer Number,Dimension,Dimension Value\n20000,AREA,40\n");
    let both =
        ["import", "going.csv", "more.csv", "-p", "local", "--yes", "--max-deletes", "3", "--out", "run"];
    bed.ferry(&both).exits(0);
    let told = undo(&bed, "run", "back").exits(0).stderr();
    let line = "ferry import back/customers/restored-dimensions.csv --mode create -p local";
    assert!(told.contains(line), "{told}");
    assert_eq!(held(&bed), ["10000 AREA 40"]);
    let typed: Vec<_> = line.split(' ').skip(1).chain(["--yes"]).collect();
    bed.ferry(&typed).exits(0);
    assert_eq!(held(&bed), before);
}

/// Imports these files and two payments of customers of the company as the run `run`.
fn import_with_payments(bed: &TestBed, files: &[&str]) {
    let payments = b"Customer No.,Posting Date,Document No.,Amount\n\
        10000,2026-11-20,P-1,10.50\n20000,2026-11-20,P-2,7\n";
    bed.write("payments.csv", payments);
    let line = ["payments.csv", "-p", "local", "--journal", "NEW", "--yes", "--max-deletes", "9"];
    bed.ferry(&[&["import"], files, &line, &["--out", "run"]].concat()).exits(0);
}

/// The kinds of the runs that the name `run` stands for, in order.
fn kinds(bed: &TestBed, run: &str) -> Vec<String> {
    let shown = bed.ferry(&["runs", "show", run, "--json"]).exits(0).json();
    let runs = shown["runs"].as_array().unwrap().iter();
    runs.map(|run| run["entity"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn customers_get_theirs_before_their_payments_come_back_when_an_undo_of_both_is_undone() {
    let bed = TestBed::new();
    bed.write("customers.csv", CUSTOMERS);
    let bare = bed.books();
    import_with_payments(&bed, &["customers.csv"]);
    change_value(&bed, "D1", "AREA", "30");
    let (before, books) = (held(&bed), bed.books());
    let counted = |bed: &TestBed| (bed.books().customers, bed.books().payments);
    undo(&bed, "run", "back").exits(0);
    assert_eq!((held(&bed), counted(&bed)), (Vec::new(), (bare.customers, bare.payments)));
    undo(&bed, "back", "again").exits(0);
    assert_eq!(kinds(&bed, "again"), ["customers", "dimensions", "payments"]);
    assert_eq!((held(&bed), counted(&bed)), (before, (books.customers, books.payments)));
    // And the other way round once more.
    undo(&bed, "again", "gone").exits(0);
    assert_eq!(kinds(&bed, "gone"), ["payments", "dimensions", "customers"]);
    assert_eq!((held(&bed), counted(&bed)), (Vec::new(), (bare.customers, bare.payments)));
}

#[test]
fn an_undone_undo_of_all_three_says_how_the_default_dimensions_of_others_come_back() {
    let bed = TestBed::new();
    bed.write("customers.csv", CUSTOMERS);
    bed.write("dimensions.csv", b"Customer Number,Dimension,Dimension Value\n10000,AREA,40\n20000,AREA,50\n");
    import_with_payments(&bed, &["customers.csv", "dimensions.csv"]);
    change_value(&bed, "D3", "AREA", "40");
    let before = held(&bed);
    undo(&bed, "run", "back").exits(0);
    assert_eq!(held(&bed), [""; 0]);
    let told = undo(&bed, "back", "again").exits(0).stderr();
    let line = "ferry import again/customers/restored-dimensions.csv --mode create -p local";
    assert!(told.contains(line), "{told}");
    assert_eq!(kinds(&bed, "again"), ["customers", "dimensions", "payments"]);
    let typed: Vec<_> = line.split(' ').skip(1).chain(["--yes"]).collect();
    bed.ferry(&typed).exits(0);
    assert_eq!(held(&bed), before);
}

/// A run that deletes customers with default dimensions and imports payments, and the plan `back` that takes it back in
/// three parts; the default dimensions before.
fn plan_an_undo_of_three_parts(bed: &TestBed) -> Vec<String> {
    let before = prepare(bed);
    import_with_payments(bed, &["going.csv"]);
    assert_eq!(held(bed), ["10000 AREA 40"]);
    bed.ferry(&["undo", "run", "-p", "local", "--dry-run", "--out", "back"]).exits(0);
    before
}

#[test]
fn an_undo_of_three_parts_that_was_only_planned_is_applied_in_its_order() {
    let bed = TestBed::new();
    let before = plan_an_undo_of_three_parts(&bed);
    assert_eq!(kinds(&bed, "back"), ["payments", "customers", "dimensions"]);
    bed.ferry(&["apply", "back", "-p", "local", "--yes", "--max-deletes", "9"]).exits(0);
    assert_eq!((held(&bed), bed.books().payments), (before, 0));
}

#[test]
fn an_undo_of_three_parts_goes_on_in_its_order_when_it_stopped_among_the_payments() {
    let bed = TestBed::new();
    let before = plan_an_undo_of_three_parts(&bed);
    let part = ["apply", "back", "-p", "local", "--yes", "--max-deletes", "9", "--limit", "1"];
    bed.ferry(&part).exits(0);
    assert_eq!((held(&bed).len(), bed.books().payments), (1, 1), "the rest waits");
    // Nobody names the run: what follows the payments is found by what it waits for.
    bed.ferry(&["resume", "-p", "local", "--max-deletes", "9"]).exits(0);
    assert_eq!((bed.books().payments, bed.record("customers", "number eq 'D1'").is_null()), (0, false));
    assert_eq!(held(&bed), before);
}
