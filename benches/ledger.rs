//! Rows per second into the ledger: planning, and recording intents and outcomes in batches of 100.
//!
//! `cargo bench --bench ledger`

use divan::Bencher;
use divan::counter::ItemsCount;
use ledgerferry::domain::{Action, EntityKind, Origin, Outcome, PlannedRow, Receipt};
use ledgerferry::ledger::{Ledger, LedgerWriter, RunHeader};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ROWS: usize = 50_000;
/// As many as `run` appends at a time.
const CHUNK: usize = 2_000;
const BATCH: usize = 100;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn plan_rows(bencher: Bencher) {
    let rows = rows();
    bencher.counter(ItemsCount::new(ROWS)).with_inputs(empty_ledger).bench_values(|(folder, mut ledger)| {
        for chunk in rows.chunks(CHUNK) {
            ledger.append_rows(chunk).expect("the ledger takes rows");
        }
        (folder, ledger)
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn record_intents_and_outcomes(bencher: Bencher) {
    let (rows, runtime) = (rows(), Runtime::new().expect("a runtime starts"));
    let planned = || {
        let (folder, mut ledger) = empty_ledger();
        ledger.append_rows(&rows).expect("the ledger takes rows");
        (folder, LedgerWriter::start(ledger))
    };
    bencher.counter(ItemsCount::new(ROWS)).with_inputs(planned).bench_values(|(folder, writer)| {
        runtime.block_on(record_all(&writer));
        drop(writer.close());
        folder
    });
}

/// Two workers, as customers have them.
async fn record_all(writer: &LedgerWriter) {
    let half = i64::try_from(ROWS / 2).expect("few rows");
    tokio::join!(record(writer, 1..=half), record(writer, half + 1..=half * 2));
}

async fn record(writer: &LedgerWriter, rows: std::ops::RangeInclusive<i64>) {
    let rows: Vec<i64> = rows.collect();
    for batch in rows.chunks(BATCH) {
        writer.handle().record_intents(batch.to_vec(), 1).await.expect("planned rows can be sent");
        let outcomes = batch.iter().map(|row| (*row, Outcome::Accepted(receipt(*row))));
        writer.handle().record_outcomes(outcomes.collect()).await.expect("sent rows can be accepted");
    }
}

fn receipt(row: i64) -> Receipt {
    Receipt {
        remote_id: format!("{row:08}-0000-4000-8000-000000000000"),
        key: format!("C{row:08}"),
        etag: "W/\"JzE5OzE2NDU0NTQ1NDU0NTQ1NDU0NTQ1MTswMDsn\"".to_owned(),
    }
}

fn empty_ledger() -> (TempDir, Ledger) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let ledger = Ledger::create(&folder.path().join("run.ferry"), &header()).expect("the folder is empty");
    (folder, ledger)
}

/// Customers of 20 cells and some 500 bytes of payload.
fn rows() -> Vec<PlannedRow> {
    (1..=ROWS as u64).map(row).collect()
}

fn row(number: u64) -> PlannedRow {
    let cells: Vec<_> = (0..20).map(|cell| format!("cell {cell} of {number}")).collect();
    let payload = cells.iter().enumerate().map(|(at, cell)| format!(r#""field{at}":"{cell}""#));
    let payload = format!("{{{}}}", payload.collect::<Vec<_>>().join(","));
    let origin = Origin { row: number, line: number + 1 };
    PlannedRow {
        cells,
        amount: Some(i64::try_from(number).expect("few rows").into()),
        currency: "EUR".to_owned(),
        ..PlannedRow::new(origin, format!("C{number:08}"), Action::Create, payload)
    }
}

fn header() -> RunHeader {
    let [run, created, version] = ["bench", "2026-01-01T12:00:00Z", "0"].map(str::to_owned);
    RunHeader::new(run, created, version, EntityKind::Customers)
}
