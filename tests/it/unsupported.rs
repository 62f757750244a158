//! Values that the target has no place for: listed before anything is written, and never left out unasked.

use ledgerferry::transport::Method;

use crate::testbed::TestBed;

const ROWS: &[u8] = b"Number,Display Name,Credit Limit,Salesperson Code\n\
    U1,One,100.00,\nU2,Two,0,\nU3,Three,0.00,OF\nU4,Four,,\n";

/// A bed whose profile speaks v1.0, which has neither credit limits nor salespeople.
fn bed() -> TestBed {
    let bed = TestBed::new();
    bed.write_project_in("v1.0", "");
    bed.write("rows.csv", ROWS);
    bed
}

fn numbers(bed: &TestBed) -> Vec<String> {
    let (_, page) = bed.ask(Method::Get, "customers?$filter=startswith(number,'U')&$orderby=number");
    let numbers = page["value"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap());
    numbers.map(str::to_owned).collect()
}

#[test]
fn nothing_is_written_before_somebody_has_decided() {
    let bed = bed();
    let plan = bed.ferry(&["plan", "rows.csv", "-p", "local", "--json", "--out", "run"]).exits(0).json();
    assert_eq!(
        plan["unsupported"],
        serde_json::json!([
            { "column": "Credit Limit", "field": "creditLimit", "values": 1 },
            { "column": "Salesperson Code", "field": "salespersonCode", "values": 1 },
        ])
    );
    let words = bed.ferry(&["apply", "run", "--yes"]).exits(4).stderr();
    assert!(words.contains("`Credit Limit` (1 value)") && words.contains("--on-unsupported"), "{words}");
    assert_eq!(numbers(&bed), Vec::<String>::new());
}

#[test]
fn values_are_left_out_when_that_was_decided_and_zeros_are_none() {
    let bed = bed();
    let import = ["import", "rows.csv", "-p", "local", "--yes", "--on-unsupported", "drop", "--json"];
    let done = bed.ferry(&import).exits(0).json();
    assert_eq!(
        (&done["counts"]["done"], &done["unsupported"][0]["values"]),
        (&4.into(), &1.into()),
        "{done}"
    );
    assert_eq!(numbers(&bed), ["U1", "U2", "U3", "U4"]);
}

#[test]
fn rows_are_left_out_when_that_was_decided_and_come_back_to_be_repaired() {
    let bed = bed();
    let import = ["import", "rows.csv", "-p", "local", "--yes", "--on-unsupported", "reject", "--out", "run"];
    bed.ferry(&import).exits(4);
    bed.ferry(&[
        "import",
        "rows.csv",
        "-p",
        "local",
        "--yes",
        "--on-unsupported",
        "reject",
        "--skip-rejects",
    ])
    .exits(3);
    assert_eq!(numbers(&bed), ["U2", "U4"]);
    let rejects = bed.read("run/rejects.csv");
    assert!(rejects.contains("U1,One,100.00") && rejects.contains("unsupported"), "{rejects}");
}

#[test]
fn a_check_without_the_target_knows_what_its_dialect_has_no_place_for() {
    let bed = bed();
    let checked = bed.ferry(&["validate", "rows.csv", "-p", "local", "--json"]).exits(0).json();
    assert_eq!(checked["unsupported"][1]["column"], "Salesperson Code", "{checked}");
    assert!(
        checked["notes"].to_string().contains("The rules are those of Business Central v1.0"),
        "{checked}"
    );
}
