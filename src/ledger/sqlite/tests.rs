//! Formats, waits and what queries cost.

use super::format::FORMAT_VERSION;
use super::*;
use crate::ledger::model_tests::{header, planned};

#[test]
fn a_file_of_format_1_is_read_and_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ferry");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/run-format-1.ferry"), &path).unwrap();
    for _ in 0..2 {
        let counts = Ledger::open(&path).unwrap().counts().unwrap();
        assert_eq!((counts.of_state(State::Done), counts.of_state(State::Rejected)), (4, 16));
    }
    let mut ledger = Ledger::open_for_delivery(&path).unwrap();
    assert_eq!(ledger.recover().unwrap(), 0);
    let version: i64 = ledger.connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, FORMAT_VERSION);
}

#[test]
fn a_commit_waits_for_the_disk_unless_it_is_told_not_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ferry");
    let mut ledger = Ledger::create(&path, &header()).unwrap();
    let level = |ledger: &Ledger| -> i64 {
        ledger.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    };
    assert_eq!(level(&ledger), 2);
    ledger.wait_for_disk(false).unwrap();
    assert_eq!(level(&ledger), 1);
    let log = || std::fs::metadata(folder.path().join("run.ferry-wal")).unwrap().len();
    let before = log();
    ledger.sync().unwrap();
    assert_eq!(level(&ledger), 2);
    assert!(log() > before, "an empty commit would not have waited");
}

#[test]
fn a_page_of_open_rows_costs_the_page_and_not_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::create(&folder.path().join("run.ferry"), &header()).unwrap();
    ledger.finish_planning(&header()).unwrap();
    for state in [State::Planned, State::InDoubt] {
        let explain = format!("EXPLAIN QUERY PLAN {}", open_query(state));
        let mut statement = ledger.connection.prepare(&explain).unwrap();
        let steps = statement.query_map(params![0, state.as_str(), 10], |row| row.get::<_, String>(3));
        let steps: Vec<_> = steps.unwrap().map(Result::unwrap).collect();
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{state:?}: {steps:?}");
    }
}

#[test]
fn whose_a_record_is_costs_no_scan_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::create(&folder.path().join("run.ferry"), &header()).unwrap();
    let nameless = PlannedRow { key: String::new(), ..planned(1, Action::Create) };
    ledger.append_rows(&[nameless]).unwrap();
    ledger.finish_planning(&header()).unwrap();
    let mut statement = ledger.connection.prepare(&format!("EXPLAIN QUERY PLAN {IS_ANOTHERS}")).unwrap();
    let steps = statement.query_map(params![1, "id", "key"], |row| row.get::<_, String>(3));
    let steps: Vec<_> = steps.unwrap().map(Result::unwrap).collect();
    assert!(
        !steps.iter().any(|step| step.starts_with("SCAN progress") || step.starts_with("SCAN rows")),
        "{steps:?}"
    );
}

#[test]
fn what_a_process_left_before_it_had_a_ledger_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::File::create(path("empty")).unwrap();
    format::set_up(&mut Connection::open(path("tables")).unwrap()).unwrap();
    for name in ["empty", "tables"] {
        assert!(matches!(Ledger::open(&path(name)), Err(LedgerError::Missing(_))), "{name}");
        drop(Ledger::create(&path(name), &header()).unwrap());
        assert!(matches!(Ledger::create(&path(name), &header()), Err(LedgerError::Exists(_))), "{name}");
    }
    Connection::open(path("another")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(Ledger::open(&path("another")), Err(LedgerError::NotALedger(_))));
}
