//! The matrix of deaths as one table: systems × records × behaviour of the sandbox × ways to die × ways to send.
//!
//! Its lines come from the catalogue and from [`Load::ALL`], so that a new dialect, or a new kind of record, is in it
//! as soon as it exists; [`TABLE`] is what it amounts to. Each cell is judged by the books and by `results.csv`: every
//! row once, totals equal. Business Central v2.0 dies a thousand times more in `faults.rs`, and `kill.rs` kills it in
//! larger imports.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ledgerferry::catalogue::{DIALECTS, Dialect};
use ledgerferry::connector;
use ledgerferry::domain::EntityKind;
use ledgerferry::plan::Mode;

use crate::faults::{ALL_AT_ONCE, Cell, work_all};
use crate::kill::FAULTS;
use crate::load::Load;
use crate::passage::results;
use crate::sheets::{JOURNAL, differences};
use crate::testbed::{Draw, TestBed};

/// What the matrix is made of.
const TABLE: &str = "
Business Central v2.0, default and strict, 1 or 6 rows to a request
  inside this process: Numbered, Unnumbered, Updated, Mixed, Deleted, Payments, MixedPayments, Dimensions, MixedDimensions, DeletedDimensions
  by kill -9: Numbered, Updated, Payments, MixedDimensions
Business Central v1.0, default and strict, 1 or 6 rows to a request
  inside this process: Numbered, Unnumbered, Updated, Mixed, Deleted, Payments, MixedPayments, Dimensions, MixedDimensions, DeletedDimensions
  by kill -9: Numbered, Updated, Payments, MixedDimensions
Business Central beta, default and strict, 1 or 6 rows to a request
  inside this process: Numbered, Unnumbered, Updated, Mixed, Deleted, Payments, MixedPayments, Dimensions, MixedDimensions, DeletedDimensions
  by kill -9: Numbered, Updated, Payments, MixedDimensions
Bigcapital, default and strict, 1 row to a request
  inside this process: Numbered, Updated, Mixed, Deleted, Payments, MixedPayments
  by kill -9: Numbered, Updated, Payments
";

/// The behaviours of the sandbox: its default, and `--strict`.
const BEHAVIOURS: [bool; 2] = [false, true];

/// How often the runs of a cell die inside this process.
const DEATHS: u64 = 3;

/// How often the program of a cell is killed at most; a run that ends before its killer comes is not killed.
const KILLS: u64 = 2;

/// The cells worked on at once by real programs: most of their time they wait.
const AT_ONCE: usize = 10;

/// What the real program is killed over: one import that creates and one that changes, of each kind of record where
/// that is not the same.
const KILLED: [Load; 4] = [Load::Numbered, Load::Updated, Load::Payments, Load::MixedDimensions];

/// How many rows go into one request.
fn batches(dialect: &'static Dialect) -> &'static [usize] {
    if connector::open(dialect).habits().batch > 1 { &[1, 6] } else { &[1] }
}

/// The cells of these loads, for every dialect, behaviour and way to send.
fn cells(loads: &[Load], kills: u64) -> Vec<Cell> {
    let mut cells = Vec::new();
    for dialect in DIALECTS {
        for load in loads.iter().filter(|load| load.is_for(dialect)) {
            for is_strict in BEHAVIOURS {
                for batch in batches(dialect) {
                    let (load, batch, seed) = (*load, *batch, 0);
                    let kills = load.deaths(kills);
                    // A record that someone has saved since the plan is rightly not deleted.
                    let faults = if load.deletes() { WITHOUT_CHANGES } else { ALL_AT_ONCE };
                    cells.push(Cell { dialect, is_strict, load, faults, batch, kills, seed });
                }
            }
        }
    }
    // What came later to the matrix leaves the others what they drew before.
    cells.sort_by_key(|cell| cell.load.kind() == EntityKind::Dimensions);
    for (seed, cell) in (1_000..).zip(&mut cells) {
        cell.seed = seed;
    }
    cells
}

/// Every kind of misdeed but changes by somebody else.
const WITHOUT_CHANGES: &str =
    "lost=0.05,reset=0.05,torn=0.05,429=0.05,503=0.03,504=0.05,slow=0.05,stall=0.01";

#[test]
fn the_matrix_is_the_table_above() {
    let mut table = "\n".to_owned();
    for dialect in DIALECTS {
        let rows: Vec<_> = batches(dialect).iter().map(usize::to_string).collect();
        let word = if rows == ["1"] { "row" } else { "rows" };
        writeln!(table, "{}, default and strict, {} {word} to a request", dialect.title, rows.join(" or "))
            .unwrap();
        for (way, loads) in [("inside this process", &Load::ALL[..]), ("by kill -9", &KILLED)] {
            let own = cells(loads, 0).into_iter().filter(|cell| cell.dialect.title == dialect.title);
            let mut names: Vec<_> = own.map(|cell| format!("{:?}", cell.load)).collect();
            names.dedup();
            writeln!(table, "  {way}: {}", names.join(", ")).unwrap();
        }
    }
    assert_eq!(table, TABLE);
}

#[test]
fn a_run_that_dies_delivers_each_row_once_into_every_system() {
    let cells = cells(&Load::ALL, DEATHS);
    let expected = cells.iter().map(|cell| cell.kills).sum::<u64>();
    assert_eq!(work_all(cells), expected);
}

#[test]
fn a_program_that_is_killed_delivers_each_row_once_into_every_system() {
    let cells = cells(&KILLED, KILLS);
    let number = cells.len() as u64;
    let (waiting, kills) = (Mutex::new(cells.into_iter()), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(cell) = waiting.lock().unwrap().next() else { break };
                    kills.fetch_add(killed(cell), Ordering::SeqCst);
                }
            });
        }
    });
    let kills = kills.into_inner();
    assert!(kills >= number, "{kills} kills in {number} cells");
}

/// Carries out the plan of one cell with the real program, which is killed; returns how often it was.
fn killed(cell: Cell) -> u64 {
    let bed = TestBed::with(|options| {
        options.faults = format!("{FAULTS},seed={}", cell.seed).parse().unwrap();
        options.latency = Duration::from_millis(15);
        options.strict = cell.is_strict;
        options.utc_offset = if cell.is_strict { -5 } else { 4 };
    });
    let sheet = cell.load.sheet(cell.dialect);
    if sheet.is_bigcapital() {
        bed.write_bigcapital_project();
    } else {
        bed.write_project_in(cell.dialect.name, &format!(", batch = {}", cell.batch));
    }
    let mut of_payments = Vec::new();
    if cell.load == Load::Payments {
        of_payments.extend(["--sign", "as-is"]);
        of_payments.extend(if sheet.is_bigcapital() { &[][..] } else { &["--journal", JOURNAL] });
    }
    sheet.prepare(&bed.path().join("books.db"));
    let rows = cell.load.rows(sheet, 1);
    let mut earlier = cell.load.earlier(&rows);
    let witness = cell.witness();
    earlier.extend(witness.clone());
    if !earlier.is_empty() {
        bed.write("earlier.csv", &sheet.file(&earlier, None));
        let import = ["import", "earlier.csv", "-p", "local", "--yes", "--out", "earlier"];
        bed.ferry(&[&import[..], &["--max-errors", "100%"], &of_payments].concat()).exits(0);
    }
    bed.write("rows.csv", &sheet.file(&rows, None));
    let mode = match cell.load.mode() {
        Mode::Create => "create",
        Mode::Update => "update",
        Mode::Upsert => "upsert",
    };
    let plan = ["plan", "rows.csv", "-p", "local", "--out", "run", "--mode", mode];
    let plan = [&plan[..], &of_payments].concat();
    let start = Instant::now();
    bed.ferry(&plan).exits(0);
    let kills = apply_under_fire(&bed, start.elapsed(), (&mut Draw(cell.seed), cell.kills));

    assert_eq!(results(&bed.path().join("run")), cell.load.states(), "{cell:?}");
    let totals: serde_json::Value = serde_json::from_str(&bed.read("run/totals.json")).unwrap();
    assert_eq!(totals["reconciled"], true, "{cell:?}: {totals}");
    let expected = rows.into_iter().chain(witness).collect();
    assert_eq!(differences(bed.in_the_books(sheet), expected), [], "{cell:?}");
    kills
}

/// Applies the plan, killed and resumed some times, and then to its end. The plan took so long: about when to kill.
fn apply_under_fire(bed: &TestBed, planned_in: Duration, (draw, most): (&mut Draw, u64)) -> u64 {
    let apply = ["apply", "run", "-p", "local", "--yes", "--max-errors", "100%"];
    let resume = ["resume", "run", "-p", "local", "--max-errors", "100%"];
    let (mut kills, mut is_begun) = (0, false);
    for _ in 0..most {
        let mut child = bed.start(if is_begun { &resume } else { &apply });
        let percent = u8::try_from(50 + draw.below(100)).unwrap();
        sleep(planned_in.mul_f64(f64::from(percent) / 100.0));
        let has_ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        kills += u64::from(!has_ended);
        is_begun = bed.has_begun();
        if has_ended {
            break;
        }
    }
    bed.ferry(if is_begun { &resume } else { &apply }).exits(0);
    kills
}
