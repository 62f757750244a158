//! One credential and several runs: the target's limit is kept by all of them together.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::relay::{Answer, Ask, Manners, Relay, Return};
use crate::testbed::TestBed;

/// What the sandbox allows the credential, and what the profile says of it.
const STRICT: &str = "40/3s";

/// Counts what is refused as too fast.
#[derive(Clone, Default)]
struct Refusals(Arc<AtomicUsize>);

impl Refusals {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Manners for Refusals {
    fn part(&self, _number: u64, _ask: &Ask, answer: Answer) -> Return {
        self.0.fetch_add(usize::from(answer.status == 429), Ordering::Relaxed);
        Return::Whole(answer)
    }
}

/// A sandbox with a strict limit, whose refusals are counted.
fn strict() -> (TestBed, Relay, Refusals) {
    let bed = TestBed::with(|options| options.rate = Some(STRICT.parse().unwrap()));
    bed.write_project(", batch = 10");
    bed.write("ferry.toml", bed.read("ferry.toml").replace("100000/s", STRICT).as_bytes());
    let refusals = Refusals::default();
    let relay = bed.through(refusals.clone());
    (bed, relay, refusals)
}

fn customers(letter: char, rows: usize) -> String {
    let mut text = "Number,Display Name\n".to_owned();
    for row in 0..rows {
        writeln!(text, "{letter}{row:04},Customer {letter}{row}").unwrap();
    }
    text
}

#[test]
fn processes_that_import_and_export_at_once_keep_to_the_limit_of_their_credential() {
    let (bed, _relay, refusals) = strict();
    let before = bed.books().customers;
    let started: Vec<_> = ['A', 'B']
        .map(|letter| {
            let file = format!("{letter}.csv");
            bed.write(&file, customers(letter, 60).as_bytes());
            bed.start(&["import", &file, "-p", "local", "--yes", "--out", &letter.to_string()])
        })
        .into();
    bed.ferry(&["export", "customers", "-p", "local", "-o", "all.csv"]).exits(0);
    for mut process in started {
        assert_eq!(process.wait().unwrap().code(), Some(0));
    }
    assert_eq!((bed.books().customers, refusals.count()), (before + 120, 0));
}

#[test]
fn the_runs_of_a_chain_and_the_undo_after_them_keep_to_the_limit_of_their_credential() {
    let (bed, _relay, refusals) = strict();
    let before = bed.books();
    bed.write("customers.csv", customers('N', 30).as_bytes());
    let mut payments = "Customer Number,Document Number,Posting Date,Amount\n".to_owned();
    for row in 0..30 {
        writeln!(payments, "N{row:04},P{row},2026-10-01,1.00").unwrap();
    }
    bed.write("payments.csv", payments.as_bytes());
    let import =
        ["import", "customers.csv", "payments.csv", "-p", "local", "--journal", "NEW", "--yes", "--json"];
    let done = bed.ferry(&import).exits(0).json();
    assert_eq!((bed.books().customers, bed.books().payments), (before.customers + 30, before.payments + 30));
    bed.ferry(&["undo", done["runs"][1]["run"].as_str().unwrap(), "-p", "local", "--yes"]).exits(0);
    assert_eq!((bed.books().payments, refusals.count()), (before.payments, 0));
}

#[test]
fn where_nothing_can_be_kept_of_the_credential_a_run_says_so_and_goes_on() {
    let bed = TestBed::new();
    std::fs::create_dir(bed.path().join(".ferry")).unwrap();
    bed.write(".ferry/pace", b"in the way");
    bed.write("customers.csv", customers('A', 3).as_bytes());
    let ended = bed.ferry(&["import", "customers.csv", "-p", "local", "--yes"]).exits(0);
    assert!(
        ended.stderr().contains("Other runs with these credentials are not counted"),
        "{}",
        ended.stderr()
    );
}

/// Calls of each kind have a limit of their own, so that reading back does not slow the writing down.
#[test]
fn bigcapital_is_used_as_fast_as_each_kind_of_call_allows_and_the_forecast_says_how_long() {
    const RATE: &str = "10/4s";
    let bed = TestBed::with(|options| options.rate = Some(RATE.parse().unwrap()));
    bed.write_bigcapital_project();
    let limits = format!("rate = \"{RATE}\", headroom = 5, settle = \"4s\"");
    let project = bed.read("ferry.toml").replace("rate = \"100000/s\", settle = \"300ms\"", &limits);
    bed.write("ferry.toml", project.as_bytes());
    let refusals = Refusals::default();
    let _relay = bed.through(refusals.clone());
    let before = bed.books().bigcapital.customers;
    let mut file = "Name,Currency\n".to_owned();
    for row in 0..60 {
        writeln!(file, "New customer {row},USD").unwrap();
    }
    bed.write("customers.csv", file.as_bytes());
    let plan = bed.ferry(&["plan", "customers.csv", "-p", "local", "--out", "run", "--json"]).exits(0).json();
    let forecast = plan["forecast"]["seconds"].as_f64().unwrap_or_else(|| panic!("{plan}"));
    let start = std::time::Instant::now();
    let done = bed.ferry(&["apply", "run", "-p", "local", "--yes", "--json"]).exits(0).json();
    let took = start.elapsed().as_secs_f64();
    assert_eq!(done["counts"]["done"], 60, "{done}");
    assert_eq!((bed.books().bigcapital.customers, refusals.count()), (before + 60, 0));
    assert!((0.8..1.2).contains(&(took / forecast)), "forecast {forecast} s, took {took} s");
}
