//! Default dimensions of customers in every dialect, strict or not: imported, changed, taken away, taken back.
//!
//! What was written is looked at through v2.0, which the sandbox serves over the same books.

use std::collections::BTreeMap;

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::testbed::TestBed;

const DIALECTS: [&str; 3] = ["v2.0", "v1.0", "beta"];

/// Does something in a bed of each dialect, in default and in strict behaviour.
fn in_each(work: impl Fn(&TestBed, &str)) {
    for dialect in DIALECTS {
        for strict in [false, true] {
            let bed = TestBed::with(|options| options.strict = strict);
            bed.write_project_in(dialect, "");
            work(&bed, &format!("{dialect}, strict {strict}"));
        }
    }
}

/// What the books hold, by customer and dimension: the value and the posting rule.
pub(crate) fn dimensions(bed: &TestBed) -> BTreeMap<(String, String), (String, String)> {
    let (status, page) = bed.ask(Method::Get, "customers?$select=number&$expand=defaultDimensions");
    assert_eq!(status, 200, "{page}");
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    let mut all = BTreeMap::new();
    for customer in page["value"].as_array().unwrap() {
        for record in customer["defaultDimensions"].as_array().unwrap() {
            let key = (text(customer, "number"), text(record, "dimensionCode"));
            let value = (text(record, "dimensionValueCode"), text(record, "postingValidation"));
            assert_eq!(all.insert(key, value), None, "{page}");
        }
    }
    all
}

/// The same as text: `10000 AREA 30 Same_x0020_Code`.
fn held(bed: &TestBed) -> Vec<String> {
    let all = dimensions(bed).into_iter();
    all.map(|((customer, dimension), (value, rule))| {
        format!("{customer} {dimension} {value} {}", rule.replace("_x0020_", " ")).trim_end().to_owned()
    })
    .collect()
}

/// Imports this text as a file; the document that the command prints.
fn import(bed: &TestBed, name: &str, text: &str, more: &[&str]) -> Value {
    bed.write(&format!("{name}.csv"), text.as_bytes());
    let file = format!("{name}.csv");
    let line = ["import", &file, "-p", "local", "--yes", "--json", "--out", name];
    bed.ferry(&[&line[..], more].concat()).json()
}

const NEW: &str = "Customer No.,Dimension Code,Dimension Value Code,Value Posting\n\
     10000,AREA,30,Same Code\n\
     10000,department,sales,\n\
     20000,AREA,50,Code Mandatory\n\
     20000,CUSTOMERGROUP,,No Code\n";

#[test]
fn new_ones_arrive_changed_ones_change_and_a_second_run_writes_nothing() {
    in_each(|bed, which| {
        let done = import(bed, "new", NEW, &[]);
        assert_eq!(done["counts"]["done"], 4, "{which}: {done:#}");
        assert_eq!(
            held(bed),
            [
                "10000 AREA 30 Same Code",
                "10000 DEPARTMENT SALES",
                "20000 AREA 50 Code Mandatory",
                "20000 CUSTOMERGROUP  No Code"
            ],
            "{which}"
        );
        let before = bed.books().default_dimensions;
        let again = import(bed, "again", NEW, &[]);
        assert_eq!(again["counts"]["unchanged"], 4, "{which}: {again:#}");
        assert_eq!(bed.books().default_dimensions, before, "{which}");
        let change = NEW.replace("AREA,30", "AREA,40").replace("sales", "SALES");
        let changed = import(bed, "change", &change, &[]);
        assert_eq!(
            (&changed["actions"]["update"], &changed["counts"]["done"], &changed["counts"]["unchanged"]),
            (&1.into(), &1.into(), &3.into()),
            "{which}: {changed:#}"
        );
        assert_eq!(held(bed)[0], "10000 AREA 40 Same Code", "{which}");
        bed.ferry(&["reconcile", "change", "-p", "local"]).exits(0);
        bed.ferry(&["reconcile", "new", "-p", "local"]).exits(3);
    });
}

#[test]
fn a_row_takes_its_record_away_and_an_undo_puts_everything_back() {
    in_each(|bed, which| {
        import(bed, "new", NEW, &[]);
        let before = held(bed);
        let change = "Customer,Dimension,Dimension Value,Value Posting,ferry_action\n\
             10000,AREA,,,delete\n10000,DEPARTMENT,ADM,Code Mandatory,\n20000,AREA,,No Code,\n30000,AREA,30,,\n";
        let done = import(bed, "change", change, &["--max-deletes", "9"]);
        assert_eq!(done["counts"]["done"], 4, "{which}: {done:#}");
        assert_eq!(
            held(bed),
            [
                "10000 DEPARTMENT ADM Code Mandatory",
                "20000 AREA  No Code",
                "20000 CUSTOMERGROUP  No Code",
                "30000 AREA 30"
            ],
            "{which}"
        );
        bed.ferry(&["undo", "change", "-p", "local", "--yes", "--out", "back"]).exits(0);
        assert_eq!(held(bed), before, "{which}");
        bed.ferry(&["undo", "new", "-p", "local", "--yes", "--out", "none"]).exits(3);
        // What the second run touched and put back is not as the first run left it.
        assert_eq!(held(bed), before[..3], "{which}");
    });
}
