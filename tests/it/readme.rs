//! README keeps its promises: its commands run, its tables are the program's own.

use ledgerferry::domain::Rule;
use ledgerferry::run::Ending;

use crate::testbed::{TestBed, sample};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

#[test]
fn the_demo_ends_well_and_leaves_what_one_would_show_a_customer() {
    let bed = TestBed::new();
    for _ in 0..2 {
        bed.ferry(&["demo", "--dir", "tour"]).exits(0);
    }
    for file in [
        "1-check/rejects.xlsx",
        "1-check/report.html",
        "2-customers/run.ferry",
        "2-customers/results.csv",
        "2-customers/report.html",
        "3-changes/results.csv",
        "4-payments/results.csv",
        "4-payments/totals.json",
        "ar.xlsx",
        "ar.csv",
        "ar.xlsx.manifest.json",
        "ar.csv.manifest.json",
    ] {
        assert!(bed.path().join("tour").join(file).is_file(), "{file}");
    }
    let payments = bed.read("tour/4-payments/results.csv");
    assert_eq!(payments.lines().filter(|line| line.contains(",done,")).count(), 15, "{payments}");
}

#[test]
fn the_demo_leaves_a_strangers_folder_alone() {
    let bed = TestBed::new();
    bed.ferry(&["demo", "--dir", "."]).exits(2);
    assert!(bed.path().join("ferry.toml").is_file());
}

#[test]
fn the_table_of_exit_codes_is_the_programs_own() {
    let readme = readme();
    let table = readme.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    for ending in Ending::ALL {
        let row = table.lines().find(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let codes = cells.next().unwrap_or_default();
            codes.split(", ").any(|code| code == ending.code().to_string())
        });
        let row = row.unwrap_or_else(|| panic!("{} is not in the table", ending.code()));
        assert!(row.contains(ending.name()), "{row}");
    }
}

#[test]
fn every_command_of_the_table_explains_itself_with_two_examples() {
    let bed = TestBed::new();
    let readme = readme();
    let table = readme.split("## Commands").nth(1).unwrap().split("\n## ").next().unwrap();
    let verbs: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `ferry "))
        .map(|line| line.split([' ', '`']).next().unwrap())
        .collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    for verb in verbs {
        let help = bed.ferry(&[verb, "--help"]).exits(0).stdout();
        if !matches!(verb, "runs" | "sandbox") {
            assert!(help.matches(&format!("  ferry {verb}")).count() >= 2, "{help}");
        }
    }
}

#[test]
fn every_code_can_be_explained() {
    let bed = TestBed::new();
    for rule in Rule::ALL {
        let said = bed.ferry(&["explain", rule.code()]).exits(0).stdout();
        assert!(said.contains(rule.remedy()), "{said}");
    }
    bed.ferry(&["explain", "no-such-code"]).exits(2);
}

#[test]
fn json_is_one_document_with_the_exit_code_in_every_ending() {
    let bed = TestBed::new();
    let dirty = sample("customers-dirty.csv");
    let missing = bed.path().join("nothing.csv").display().to_string();
    for (line, code) in [
        (vec!["validate", dirty.as_str(), "--json"], 4),
        (vec!["validate", missing.as_str(), "--json"], 9),
        (vec!["plan", dirty.as_str(), "-p", "nowhere", "--json"], 2),
        (vec!["explain", "--json"], 0),
        (vec!["runs", "list", "--json"], 0),
    ] {
        let document = bed.ferry(&line).exits(code).json();
        assert_eq!(document["exit"]["code"], code, "{line:?}");
        assert_eq!(document["schema_version"], 1, "{line:?}");
    }
}

#[test]
fn no_escape_sequence_leaves_the_program_without_a_terminal() {
    let bed = TestBed::new();
    let ended = bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    assert!(!ended.stdout().contains('\u{1b}') && !ended.stderr().contains('\u{1b}'));
}

#[test]
fn the_mapping_file_of_the_readme_works() {
    let bed = TestBed::new();
    let readme = readme();
    let part = readme.split("## What your columns are called").nth(1).unwrap();
    let mapping = part.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    bed.write("mapping.toml", mapping.as_bytes());
    bed.ferry(&["validate", &sample("kunden.csv"), "--map", "mapping.toml"]).exits(0);
}
