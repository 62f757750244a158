//! README's table of systems and operations: every cell is tried.

use std::collections::BTreeMap;

use ledgerferry::catalogue::DIALECTS;
use ledgerferry::connector;

use crate::testbed::TestBed;

const CUSTOMERS: [&str; 2] = [
    "Display Name,City,Ferry Action\nSystems One,Ulm,\nSystems Two,Bonn,\nSystems Three,Kiel,\n",
    "Display Name,City,Ferry Action\nSystems One,Köln,\nSystems Two,Bonn,\nSystems Three,,delete\n",
];

const DIMENSIONS: [&str; 2] = [
    "Customer Number,Dimension,Dimension Value,Ferry Action\n10000,AREA,30,\n20000,AREA,40,\n30000,AREA,50,\n",
    "Customer Number,Dimension,Dimension Value,Ferry Action\n10000,AREA,40,\n20000,AREA,40,\n30000,AREA,,delete\n",
];

/// Payments of customers that are there from the beginning.
const JOURNAL_LINES: [&str; 2] = [
    "Customer Number,Document Number,Posting Date,Amount,Ferry Action\n10000,S1,2026-02-02,10,\n10000,S2,2026-02-02,20,\n10000,S3,2026-02-02,30,\n",
    "Customer Number,Document Number,Posting Date,Amount,Ferry Action\n10000,S1,2026-02-02,11,\n10000,S2,2026-02-02,20,\n10000,S3,2026-02-02,30,delete\n",
];
const INVOICE_PAYMENTS: [&str; 2] = [
    "Payment Number,Date,Amount,Invoice,Ferry Action\nS-1,2026-02-02,100,INV-1001,\nS-2,2026-02-02,200,INV-1002,\nS-3,2026-02-02,300,INV-1003,\n",
    "Payment Number,Date,Amount,Invoice,Ferry Action\nS-1,2026-02-02,110,INV-1001,\nS-2,2026-02-02,200,INV-1002,\nS-3,2026-02-02,300,INV-1003,delete\n",
];

/// The table: for each system what each operation says.
fn table() -> BTreeMap<String, BTreeMap<String, String>> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## Systems\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let row = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut rows = section.lines().filter(|line| line.starts_with('|')).map(row);
    let heading = rows.next().unwrap();
    let mut systems: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for cells in rows.filter(|cells| !cells[0].starts_with('-')) {
        for (system, cell) in heading[1..].iter().zip(&cells[1..]) {
            systems.entry(system.clone()).or_default().insert(cells[0].clone(), cell.clone());
        }
    }
    systems
}

/// One system in its own sandbox, and what was seen to work there.
struct Trial {
    bed: TestBed,
    is_bigcapital: bool,
    seen: BTreeMap<&'static str, bool>,
}

impl Trial {
    fn new(system: &str, dialect: &str) -> Self {
        let bed = TestBed::new();
        let is_bigcapital = system == "bigcapital";
        if is_bigcapital {
            bed.write_bigcapital_project();
        } else {
            bed.write_project_in(dialect, "");
        }
        let payments = if is_bigcapital { INVOICE_PAYMENTS } else { JOURNAL_LINES };
        for (index, (customers, payments)) in CUSTOMERS.iter().zip(payments).enumerate() {
            bed.write(&format!("customers{index}.csv"), customers.as_bytes());
            bed.write(&format!("payments{index}.csv"), payments.as_bytes());
            bed.write(&format!("dimensions{index}.csv"), DIMENSIONS[index].as_bytes());
        }
        Self { bed, is_bigcapital, seen: BTreeMap::new() }
    }

    /// How many rows of an import were carried out, by what was to be done with them; nothing when it was refused.
    fn import(&self, file: &str, run: &str, more: &[&str]) -> BTreeMap<String, u64> {
        let mut arguments = vec!["import", file, "-p", "local", "--yes", "--max-deletes", "1", "--out", run];
        if file.starts_with("payments") && !self.is_bigcapital {
            arguments.extend(["--journal", "SYSTEMS"]);
        }
        let ended = self.bed.ferry(&[&arguments, more].concat());
        if !ended.succeeded() {
            return BTreeMap::new();
        }
        let results = self.bed.read(&format!("{run}/results.csv"));
        let mut done = BTreeMap::new();
        for action in ["create", "update", "delete"] {
            let carried_out = format!(",{action},done,");
            let rows = results.lines().filter(|line| line.contains(&carried_out)).count();
            done.insert(action.to_owned(), rows as u64);
        }
        done
    }

    fn see(&mut self, operation: &'static str, works: bool) {
        self.seen.insert(operation, works);
    }

    fn try_imports(&mut self) {
        let done = self.import("customers0.csv", "first", &[]);
        self.see("create customers", done.get("create") == Some(&3));
        let done = self.import("customers1.csv", "second", &[]);
        self.see("change customers", done.get("update") == Some(&1));
        self.see("delete customers", done.get("delete") == Some(&1));
        let done = self.import("payments0.csv", "third", &[]);
        self.see("create payments", done.get("create") == Some(&3));
        let done = self.import("payments1.csv", "fourth", &[]);
        self.see("change payments", done.get("update") == Some(&1));
        self.see("delete payments", done.get("delete") == Some(&1));
        let done = self.import("dimensions0.csv", "fifth", &[]);
        self.see("create default dimensions", done.get("create") == Some(&3));
        let done = self.import("dimensions1.csv", "fifth-b", &[]);
        self.see("change default dimensions", done.get("update") == Some(&1));
        self.see("delete default dimensions", done.get("delete") == Some(&1));
    }

    fn try_the_rest(&mut self) {
        let works = self.works(&["reconcile", "second"]);
        self.see("reconcile a run", works);
        self.bed.write("more.csv", b"Display Name,City\nSystems Four,Jena\n");
        let done = self.import("more.csv", "sixth", &[]);
        let undone = self.works(&["undo", "sixth", "-p", "local", "--yes"]);
        self.see("undo a run", done.get("create") == Some(&1) && undone);
        for (operation, entity) in [
            ("export customers", "customers"),
            ("export financials", "financials"),
            ("export payments", "payments"),
            ("export default dimensions", "dimensions"),
        ] {
            let file = format!("{entity}.jsonl");
            let works = self.works(&["export", entity, "-p", "local", "-o", &file]);
            let rows = if works { self.bed.read(&file).lines().count() } else { 0 };
            self.see(operation, rows > 1);
        }
        let customers = self.bed.read("customers.jsonl");
        assert!(customers.contains("Köln") && !customers.contains("Systems Four"), "{customers}");
        let works = self.works(&["export", "customers", "-p", "local", "-o", "same.csv"])
            && self.works(&["diff", "same.csv", "@local"]);
        self.see("compare with `ferry diff`", works);
        let works = self.works(&["export", "dimensions", "-p", "local", "-o", "held.csv"])
            && self.works(&["diff", "held.csv", "@local"]);
        self.see("compare default dimensions", works);
    }

    fn works(&self, arguments: &[&str]) -> bool {
        self.bed.ferry(arguments).succeeded()
    }
}

#[test]
fn every_cell_of_the_table_is_true() {
    let table = table();
    assert_eq!(table.len(), DIALECTS.len(), "{:?}", table.keys());
    for dialect in DIALECTS {
        let said = &table[dialect.title];
        let mut trial = Trial::new(dialect.system, dialect.name);
        trial.try_imports();
        trial.try_the_rest();
        let habits = connector::open(dialect).habits();
        trial.see("many rows in one request", habits.batch > 1);
        trial.see("change only what an ETag vouches for", habits.has_etags);
        let seen: BTreeMap<String, String> = trial
            .seen
            .iter()
            .map(|(operation, works)| ((*operation).to_owned(), if *works { "yes" } else { "no" }.to_owned()))
            .collect();
        assert_eq!(&seen, said, "{}", dialect.title);
    }
}
