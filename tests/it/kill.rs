//! `kill -9` at many moments, faults on, then `resume` until done: nothing lost, nothing doubled.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread::sleep;
use std::time::Duration;

use ledgerferry::domain::Money;

use crate::testbed::{Draw, TestBed};

/// Rows of one import.
const ROWS: u64 = 400;

/// How often each kind of record is killed, over as many imports as that takes on this machine.
const KILLS: u64 = 52;

/// Starts an import, kills it, and resumes and kills it until it is done before its killer comes, or was killed
/// [`KILLS`] times; then lets it end. Returns how often it was killed alive.
pub(crate) fn import_under_fire(bed: &TestBed, import: &[&str], draw: &mut Draw) -> u64 {
    let resume = ["resume", "run", "-p", "local", "--max-errors", "100%"];
    let (mut kills, mut planned, mut patience) = (0, false, 40);
    while kills < KILLS {
        let mut child = bed.start(if planned { &resume } else { import });
        sleep(Duration::from_millis(patience + draw.below(160)));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        kills += u64::from(ended.is_none());
        // A quick machine may have come to the end before anybody saw it begin.
        let phase = bed.ferry(&["runs", "show", "run", "--json"]).json()["phase"].clone();
        planned = planned || phase == "applying" || phase == "finished";
        if planned && ended.is_some() {
            break;
        }
        if !planned {
            // Killed before the plan was whole: nothing was sent, and the folder is free for another try, which
            // gets more time, however slow the machine is.
            let _ = std::fs::remove_dir_all(bed.path().join("run"));
            patience += 20;
        }
    }
    bed.ferry(if planned { &resume } else { import }).exits(0);
    kills
}

/// The rows of `results.csv` by their state, and the number of lines they name.
pub(crate) fn results(bed: &TestBed) -> (BTreeMap<String, u64>, usize) {
    results_in(bed, "run")
}

/// The same, of the run in this folder.
pub(crate) fn results_in(bed: &TestBed, folder: &str) -> (BTreeMap<String, u64>, usize) {
    let text = bed.read(&format!("{folder}/results.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (row, state) = (column("row"), column("status"));
    let mut counts = BTreeMap::new();
    let mut rows = std::collections::BTreeSet::new();
    for record in reader.records() {
        let record = record.unwrap();
        *counts.entry(record[state].to_owned()).or_insert(0) += 1;
        assert!(rows.insert(record[row].to_owned()), "row {} twice", &record[row]);
    }
    (counts, rows.len())
}

pub(crate) const FAULTS: &str = "lost=0.06,reset=0.03,429=0.05,503=0.03,504=0.02,slow=0.03,torn=0.03";

/// A bed whose sandbox misbehaves, and does so in these further ways.
fn bed_with_faults(seed: u64, further: &str) -> TestBed {
    let bed = TestBed::with(|options| {
        options.faults = format!("{FAULTS}{further},seed={seed}").parse().unwrap();
        options.latency = Duration::from_millis(4);
    });
    bed.write_project(", batch = 10");
    bed
}

#[test]
fn a_killed_import_of_customers_resumes_without_losing_or_doubling_one() {
    let (mut kills, mut seed) = (0, 11);
    while kills < KILLS {
        seed += 1;
        let bed = bed_with_faults(seed, "");
        let before = bed.books();
        let mut file = String::from("Number,Display Name,Credit Limit,Payment Terms\n");
        let mut credit = Money::ZERO;
        for row in 1..=ROWS {
            writeln!(file, "K{row:05},Killed {row} Ltd.,{row}.25,30 DAYS").unwrap();
            credit = credit + format!("{row}.25").parse().unwrap();
        }
        bed.write("customers.csv", file.as_bytes());
        let import =
            ["import", "customers.csv", "-p", "local", "--yes", "--out", "run", "--max-errors", "100%"];
        kills += import_under_fire(&bed, &import, &mut Draw(seed));

        let books = bed.books();
        assert_eq!(books.customers, before.customers + ROWS, "seed {seed}");
        assert_eq!(books.duplicates.customers, 0, "seed {seed}");
        assert_eq!(books.sums.credit_limits, before.sums.credit_limits + credit, "seed {seed}");
        assert_eq!(results(&bed), (BTreeMap::from([("done".to_owned(), ROWS)]), 400), "seed {seed}");
    }
}

#[test]
fn a_killed_import_of_changes_resumes_and_leaves_every_record_as_the_file_says() {
    let (mut kills, mut seed) = (0, 2_011);
    while kills < KILLS {
        seed += 1;
        let bed = bed_with_faults(seed, ",etag=0.05");
        let file = |credit: &dyn Fn(u64) -> String| {
            (1..=ROWS).fold(String::from("Number,Display Name,Credit Limit\n"), |mut file, row| {
                writeln!(file, "K{row:05},Killed {row} Ltd.,{}", credit(row)).unwrap();
                file
            })
        };
        bed.write("before.csv", file(&|_| "1.75".to_owned()).as_bytes());
        bed.ferry(&["import", "before.csv", "-p", "local", "--yes", "--out", "before"]).exits(0);
        let before = bed.books();
        bed.write("customers.csv", file(&|row| format!("{row}.25")).as_bytes());
        let import = [
            "import",
            "customers.csv",
            "-p",
            "local",
            "--mode",
            "update",
            "--yes",
            "--out",
            "run",
            "--max-errors",
            "100%",
        ];
        kills += import_under_fire(&bed, &import, &mut Draw(seed));

        let books = bed.books();
        assert_eq!(books.customers, before.customers, "seed {seed}");
        let more: Money = (1..=ROWS).map(|row| format!("{row}.25").parse::<Money>().unwrap()).sum();
        let less: Money = (1..=ROWS).map(|_| "1.75".parse::<Money>().unwrap()).sum();
        assert_eq!(books.sums.credit_limits - before.sums.credit_limits, more - less, "seed {seed}");
        assert_eq!(results(&bed), (BTreeMap::from([("done".to_owned(), ROWS)]), 400), "seed {seed}");
    }
}

#[test]
fn a_killed_import_of_payments_resumes_without_losing_or_doubling_one() {
    let (mut kills, mut seed) = (0, 1_011);
    while kills < KILLS {
        seed += 1;
        let bed = bed_with_faults(seed, "");
        let mut file =
            String::from("Customer Number,Posting Date,Document Number,External Document Number,Amount\n");
        let mut paid = Money::ZERO;
        for row in 1..=ROWS {
            writeln!(
                file,
                "{},2026-10-{:02},P{row:05},EXT/{row},{row}.10",
                10_000 * (1 + row % 2),
                1 + row % 28
            )
            .unwrap();
            paid = paid + format!("{row}.10").parse().unwrap();
        }
        bed.write("payments.csv", file.as_bytes());
        let import = [
            "import",
            "payments.csv",
            "-p",
            "local",
            "--journal",
            "KILLED",
            "--yes",
            "--out",
            "run",
            "--max-errors",
            "100%",
        ];
        kills += import_under_fire(&bed, &import, &mut Draw(seed));

        let books = bed.books();
        assert_eq!(books.payments, ROWS, "seed {seed}");
        assert_eq!(books.duplicates.payments, 0, "seed {seed}");
        let sent: Money = books.sums.payments.values().copied().sum();
        assert_eq!(sent, -paid, "seed {seed}");
        assert_eq!(results(&bed), (BTreeMap::from([("done".to_owned(), ROWS)]), 400), "seed {seed}");
        let totals: serde_json::Value = serde_json::from_str(&bed.read("run/totals.json")).unwrap();
        assert_eq!(totals["reconciled"], true, "{totals}");
    }
}
