//! Default dimensions of customers in every dialect, strict or not: imported, changed, taken away, taken back, killed half-way.
//!
//! What was written is looked at through v2.0, which the sandbox serves over the same books.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::kill::{FAULTS, import_under_fire, results};
use crate::testbed::{Draw, TestBed, sample};

const DIALECTS: [&str; 3] = ["v2.0", "v1.0", "beta"];

/// Does something in a bed of each dialect, in default and in strict behaviour.
pub(crate) fn in_each(work: impl Fn(&TestBed, &str)) {
    for dialect in DIALECTS {
        for strict in [false, true] {
            let bed = TestBed::with(|options| options.strict = strict);
            bed.write_project_in(dialect, "");
            work(&bed, &format!("{dialect}, strict {strict}"));
        }
    }
}

/// Default dimensions by customer and dimension: the value and the posting rule.
type Held = BTreeMap<(String, String), (String, String)>;

/// What the books hold.
fn dimensions(bed: &TestBed) -> Held {
    let (status, page) = bed.ask(Method::Get, "customers?$select=number&$expand=defaultDimensions");
    assert_eq!(status, 200, "{page}");
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    let mut all = BTreeMap::new();
    for customer in page["value"].as_array().unwrap() {
        for record in customer["defaultDimensions"].as_array().unwrap() {
            let key = (text(customer, "number"), text(record, "dimensionCode"));
            let rule = text(record, "postingValidation").replace("_x0020_", " ").trim().to_owned();
            let value = (text(record, "dimensionValueCode"), rule);
            assert_eq!(all.insert(key, value), None, "{page}");
        }
    }
    all
}

/// The same as text: `10000 AREA 30 Same Code`.
pub(crate) fn held(bed: &TestBed) -> Vec<String> {
    let all = dimensions(bed).into_iter();
    all.map(|((customer, dimension), (value, rule))| {
        format!("{customer} {dimension} {value} {rule}").trim_end().to_owned()
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

/// A run's rows by key: their state and code.
fn rows(bed: &TestBed, run: &str) -> BTreeMap<String, (String, String)> {
    let text = bed.read(&format!("{run}/results.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (key, state, code) = (column("key"), column("status"), column("code"));
    let records = reader.records().map(Result::unwrap);
    records.map(|row| (row[key].to_owned(), (row[state].to_owned(), row[code].to_owned()))).collect()
}

#[test]
fn what_a_row_cannot_mean_is_told_with_its_cell_before_anything_is_written() {
    in_each(|bed, which| {
        let text = "Customer Number,Dimension Code,Dimension Value Code,Value Posting\n\
             99999,AREA,30,\n10000,AERA,30,\n10000,AREA,SALES,\n10000,DEPARTMENT,SALE,\n\
             20000,AREA,,Same Code\n20000,DEPARTMENT,ADM,No Code\n30000,AREA,30,\n30000,area,40,\n,AREA,30,\n\
             40000,AREA,30,Sometimes\n";
        let done = import(bed, "wrong", text, &[]);
        assert_eq!(
            (&done["exit"]["code"], &done["counts"]["rejected"]),
            (&4.into(), &9.into()),
            "{which}: {done:#}"
        );
        assert_eq!(bed.books().default_dimensions, 0, "{which}");
        let rejects = bed.read("wrong/rejects.csv");
        for (row, words) in [
            ("99999,AREA", "the target has no such customer"),
            ("10000,AERA", "such as `AREA`"),
            ("10000,AREA", "a value of dimension AREA"),
            ("10000,DEPARTMENT", "such as `SALES`"),
            ("20000,AREA", "Same Code"),
            ("20000,DEPARTMENT", "No Code"),
            ("30000,area", "once; it is on line 8 already"),
            (",AREA", "a required value is missing"),
            ("40000,AREA", "Sometimes"),
        ] {
            let line = rejects.lines().find(|line| line.starts_with(row));
            assert!(line.is_some_and(|line| line.contains(words)), "{which}, {row}, {words}: {rejects}");
        }
    });
}

#[test]
fn what_somebody_made_meanwhile_is_neither_doubled_nor_written_over_nor_taken_back() {
    in_each(|bed, which| {
        bed.write("new.csv", NEW.as_bytes());
        bed.ferry(&["plan", "new.csv", "-p", "local", "--out", "run"]).exits(0);
        let id = |set: &str, filter: &str| bed.record(set, filter)["id"].as_str().unwrap().to_owned();
        let (customer, area) = (id("customers", "number eq '10000'"), id("dimensions", "code eq 'AREA'"));
        let value =
            |code: &str| id(&format!("dimensions({area})/dimensionValues"), &format!("code eq '{code}'"));
        let path = format!("customers({customer})/defaultDimensions");
        let body = format!(r#"{{"dimensionId":"{area}","dimensionValueId":"{}"}}"#, value("50"));
        bed.create(&path, &body);
        bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(8);
        let done =
            bed.ferry(&["apply", "run", "-p", "local", "--yes", "--allow-stale", "--json"]).exits(3).json();
        assert_eq!(
            rows(bed, "run")["10000 AREA"],
            ("conflict".to_owned(), "different".to_owned()),
            "{which}: {done:#}"
        );
        assert_eq!((bed.books().default_dimensions, held(bed)[0].as_str()), (4, "10000 AREA 50"), "{which}");
        bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(0);
        assert_eq!(held(bed), ["10000 AREA 50"], "{which}");
    });
}

#[test]
fn a_customer_who_is_gone_holds_nothing_up() {
    in_each(|bed, which| {
        bed.write("customers.csv", b"Number,Display Name\nD1,One\n");
        bed.ferry(&["import", "customers.csv", "-p", "local", "--yes", "--out", "customers"]).exits(0);
        let text = "Customer Number,Dimension,Dimension Value\nD1,AREA,30\n10000,AREA,30\n";
        bed.write("new.csv", text.as_bytes());
        bed.ferry(&["plan", "new.csv", "-p", "local", "--out", "run"]).exits(0);
        let id = bed.record("customers", "number eq 'D1'")["id"].as_str().unwrap().to_owned();
        assert_eq!(bed.ask(Method::Delete, &format!("customers({id})")).0, 204);
        bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(3);
        let rows = rows(bed, "run");
        assert_eq!(
            (rows["D1 AREA"].0.as_str(), rows["10000 AREA"].0.as_str()),
            ("refused", "done"),
            "{which}: {rows:?}"
        );
    });
}

#[test]
fn they_come_after_the_customers_of_the_same_command_and_before_the_payments() {
    in_each(|bed, which| {
        bed.write("customers.csv", b"Number,Display Name,Email\nD1,One,\nD2,Two,nonsense\n");
        bed.write(
            "dimensions.csv",
            b"Customer Number,Dimension,Dimension Value\nD1,AREA,30\nD2,AREA,40\n10000,AREA,50\n",
        );
        bed.write(
            "payments.csv",
            b"Customer Number,Document Number,Posting Date,Amount\nD1,P1,2026-02-02,10\n",
        );
        let line = [
            "import",
            "payments.csv",
            "dimensions.csv",
            "customers.csv",
            "-p",
            "local",
            "--journal",
            "CHAIN",
            "--yes",
            "--skip-rejects",
            "--out",
            "run",
            "--json",
        ];
        let done = bed.ferry(&line).exits(3).json();
        let runs: Vec<_> = done["runs"].as_array().unwrap().iter().map(|run| run["run"].clone()).collect();
        assert_eq!(runs, ["run/customers", "run/dimensions", "run/payments"], "{which}");
        assert_eq!(held(bed), ["10000 AREA 50", "D1 AREA 30"], "{which}: {done:#}");
        let state = |folder: &str, key: &str| rows(bed, folder)[key].clone();
        assert_eq!(
            state("run/dimensions", "D2 AREA"),
            ("skipped".to_owned(), "held-back".to_owned()),
            "{which}"
        );
        assert_eq!(state("run/payments", "P1").0, "done", "{which}");
        // The customer repaired, both go.
        let rejects = bed.read("run/customers/rejects.csv").replace("nonsense", "d2@two.example");
        bed.write("run/customers/rejects.csv", rejects.as_bytes());
        bed.ferry(&["retry", "run", "-p", "local", "--yes", "--out", "again"]).exits(0);
        assert_eq!(held(bed), ["10000 AREA 50", "D1 AREA 30", "D2 AREA 40"], "{which}");
        let alone = bed.ferry(&["undo", "run/customers", "-p", "local", "--yes"]).exits(4).stderr();
        assert!(alone.contains("are not taken back"), "{which}: {alone}");
        bed.ferry(&["undo", "again", "-p", "local", "--yes", "--out", "back-again"]).exits(0);
        bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(0);
        assert_eq!((held(bed), bed.books().payments), (Vec::new(), 0), "{which}");
        assert!(bed.record("customers", "number eq 'D1'").is_null(), "{which}");
    });
}

#[test]
fn what_one_company_exports_another_imports_as_it_is() {
    let (new, strict) = (TestBed::new(), TestBed::with(|options| options.strict = true));
    import(&new, "new", NEW, &[]);
    for dialect in DIALECTS {
        strict.write_project_in(dialect, "");
        new.write_project_in(dialect, "");
        for format in ["csv", "xlsx"] {
            let (file, out) = (format!("{dialect}.{format}"), format!("{dialect}-{format}"));
            new.ferry(&["export", "dimensions", "-p", "local", "-o", &file]).exits(0);
            let table = std::fs::read(new.path().join(&file)).unwrap();
            strict.write(&file, &table);
            let done = strict
                .ferry(&["import", &file, "-p", "local", "--yes", "--json", "--out", &out])
                .exits(0)
                .json();
            let count = |state: &str| done["counts"][state].as_u64().unwrap();
            assert_eq!(count("done") + count("unchanged"), 4, "{file}: {done:#}");
            assert_eq!(held(&strict), held(&new), "{file}");
        }
    }
}

#[test]
fn where_there_are_none_they_are_refused_by_name() {
    let bed = TestBed::new();
    bed.write_bigcapital_project();
    bed.write("new.csv", NEW.as_bytes());
    let refused = bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(2).stderr();
    assert!(refused.contains("`new.csv` holds default dimensions, and Bigcapital has none"), "{refused}");
    let refused = bed.ferry(&["export", "dimensions", "-p", "local", "-o", "x.csv"]).exits(2).stderr();
    assert!(refused.contains("Bigcapital has no dimensions to export"), "{refused}");
    for line in [["diff", "new.csv", "@local"], ["diff", "@local", "new.csv"]] {
        let refused = bed.ferry(&line).exits(2).stderr();
        assert!(refused.contains("`new.csv` holds default dimensions, and Bigcapital has none"), "{refused}");
    }
    let refused = bed.ferry(&["diff", "@local", "@local", "--entity", "dimensions"]).exits(2).stderr();
    assert!(
        refused.contains("`@local` is Bigcapital, which has no default dimensions to compare"),
        "{refused}"
    );
}

#[test]
fn the_sample_arrives_after_the_sample_of_customers_and_together_with_it() {
    let (customers, dimensions) = (sample("customers.xlsx"), sample("dimensions.csv"));
    for commands in [&[&[&*customers][..], &[&dimensions]][..], &[&[&dimensions, &customers]]] {
        let bed = TestBed::new();
        for files in commands {
            bed.ferry(&[&["import"], *files, &["-p", "local", "--yes"]].concat()).exits(0);
        }
        assert_eq!(
            held(&bed),
            [
                "10000 AREA 30",
                "10000 CUSTOMERGROUP LARGE Same Code",
                "20000 CUSTOMERGROUP MEDIUM Code Mandatory",
                "71001 AREA 30 Code Mandatory",
                "71001 DEPARTMENT SALES",
                "71005 AREA 40 Code Mandatory",
                "71007 AREA 50 Code Mandatory",
                "71009 DEPARTMENT  No Code"
            ],
            "{commands:?}"
        );
        assert_eq!(bed.books().default_dimensions, 8, "{commands:?}");
        bed.ferry(&["diff", &dimensions, "@local", "--out", "same"]).exits(0);
        let again = bed.ferry(&["import", &dimensions, "-p", "local", "--yes", "--json"]).exits(0).json();
        assert_eq!(again["counts"]["unchanged"], 8, "{commands:?}: {again:#}");
    }
}

/// What the file of the books holds, whatever the sandbox answers; without the posting rules.
fn in_the_file(bed: &TestBed) -> Held {
    let books = rusqlite::Connection::open(bed.path().join("books.db")).unwrap();
    let mut query = books
        .prepare(
            "SELECT customer.number, dimensions.code, ifnull(dimensionValues.code, '') FROM default_dimension AS held \
             JOIN customer ON customer.id = held.parentId JOIN dimensions ON dimensions.id = held.dimensionId \
             LEFT JOIN dimensionValues ON dimensionValues.id = held.dimensionValueId",
        )
        .unwrap();
    let rows =
        query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, String::new())))).unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    let (all, held) = (rows.len(), rows.into_iter().collect::<Held>());
    assert_eq!(held.len(), all, "doubled");
    held
}

/// A bed whose sandbox misbehaves, with customers who have no dimensions yet.
fn bed_with_faults(dialect: &str, seed: u64) -> TestBed {
    let bed = TestBed::with(|options| {
        options.faults = format!("{FAULTS},seed={seed}").parse().unwrap();
        options.latency = Duration::from_millis(4);
    });
    bed.write_project_in(dialect, ", batch = 10");
    let mut file = String::from("Number,Display Name\n");
    for customer in 1..=CUSTOMERS {
        writeln!(file, "K{customer:05},Killed {customer} Ltd.").unwrap();
    }
    bed.write("customers.csv", file.as_bytes());
    bed.ferry(&["import", "customers.csv", "-p", "local", "--yes", "--out", "customers"]).exits(0);
    bed
}

const CUSTOMERS: u64 = 50;

/// The file of `round`, and what the books hold after it.
fn killed(round: usize) -> (String, Held) {
    let values = [
        ("AREA", ["30", "40", "50"]),
        ("DEPARTMENT", ["ADM", "PROD", "SALES"]),
        ("CUSTOMERGROUP", ["LARGE", "MEDIUM", "SMALL"]),
    ];
    let mut file = String::from("Customer Number,Dimension,Dimension Value,ferry_action\n");
    let mut expected = BTreeMap::new();
    for customer in 1..=CUSTOMERS {
        for (place, (dimension, values)) in values.iter().enumerate() {
            let value = values[(usize::try_from(customer).unwrap() + place + round) % 3];
            // The second file also takes some away.
            let goes = round == 1 && (customer + place as u64).is_multiple_of(4);
            writeln!(file, "K{customer:05},{dimension},{value},{}", if goes { "delete" } else { "" })
                .unwrap();
            if !goes {
                let held = (value.to_owned(), String::new());
                expected.insert((format!("K{customer:05}"), (*dimension).to_owned()), held);
            }
        }
    }
    (file, expected)
}

#[test]
fn killed_imports_resume_and_leave_the_books_as_the_files_say() {
    let mut kills = 0;
    for (seed, dialect) in (31..).zip(DIALECTS) {
        let bed = bed_with_faults(dialect, seed);
        for round in 0..2 {
            let (file, expected) = killed(round);
            bed.write("new.csv", file.as_bytes());
            let import = [
                "import",
                "new.csv",
                "-p",
                "local",
                "--yes",
                "--out",
                "run",
                "--max-errors",
                "100%",
                "--max-deletes",
                "999",
            ];
            kills += import_under_fire(&bed, &import, &mut Draw(seed));
            let held = in_the_file(&bed);
            let differ = expected.iter().filter(|(key, value)| held.get(key) != Some(value));
            assert_eq!(differ.collect::<Vec<_>>(), [], "{dialect}, round {round}");
            assert_eq!(held.len(), expected.len(), "{dialect}, round {round}");
            let rows = usize::try_from(CUSTOMERS * 3).unwrap();
            assert_eq!(
                results(&bed),
                (BTreeMap::from([("done".to_owned(), CUSTOMERS * 3)]), rows),
                "{dialect}, round {round}"
            );
            std::fs::remove_dir_all(bed.path().join("run")).unwrap();
        }
    }
    assert!(kills > 12, "{kills}");
}
