//! The ledger against a model that fits on a page, over random steps, crashes and reopenings.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Action, EntityKind, FieldChange, Money, Origin, Outcome, PlannedRow, Receipt, Refusal, RowResult, Rule,
    State, Violation,
};

pub(super) fn header() -> RunHeader {
    let [run, created, version] = ["20260101-1200-abcd", "2026-01-01T12:00:00Z", "0.1.0"].map(str::to_owned);
    RunHeader {
        profile: "local".into(),
        service_root: "http://127.0.0.1:1/api/v2.0".into(),
        company_name: "CRONUS".into(),
        mode: "upsert".into(),
        ..RunHeader::new(run, created, version, EntityKind::Customers)
    }
}

pub(super) fn planned(number: u64, action: Action) -> PlannedRow {
    PlannedRow {
        source: 0,
        origin: Origin { row: number, line: number + 1 },
        key: format!("C{number}"),
        action,
        payload: format!(r#"{{"number":"C{number}"}}"#),
        changes: vec![FieldChange { field: "city".into(), from: String::new(), to: "Ulm".into() }],
        before: String::new(),
        remote_id: (action == Action::Update).then(|| "target".to_owned()),
        etag: (action == Action::Update).then(|| "W/\"1\"".to_owned()),
        line_number: Some(20000),
        violations: match action {
            Action::Reject => vec![Violation {
                rule: Rule::Missing,
                field: "displayName".into(),
                column: Some(1),
                found: String::new(),
                allowed: "text".into(),
            }],
            _ => Vec::new(),
        },
        cells: vec![format!("C{number}"), "Ulm".into()],
        amount: Some("10.50".parse::<Money>().unwrap()),
        currency: "EUR".into(),
    }
}

fn read_all(ledger: &Ledger) -> Vec<RowResult> {
    let mut rows = Vec::new();
    ledger
        .for_each_row(Filter::All, |row| {
            rows.push(row);
            Ok::<_, LedgerError>(())
        })
        .unwrap();
    rows
}

/// What a `kill -9` leaves: the bytes of the database and its log as they are while it is open.
fn copy_as_after_a_crash(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        if Path::new(&name(from)).exists() {
            std::fs::copy(name(from), name(to)).unwrap();
        }
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Record(Vec<(i64, Step)>),
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    let refusal = Refusal { status: 400, code: "Code".into(), message: "no".into() };
    let receipt = Receipt { remote_id: "id".into(), key: "K".into(), etag: "W/\"2\"".into() };
    prop_oneof![
        4 => Just(Step::Send),
        1 => Just(Step::NotSent),
        2 => Just(Step::Outcome(Outcome::Accepted(receipt.clone()))),
        1 => Just(Step::Unconfirmed(Receipt { remote_id: "given".into(), ..Receipt::default() })),
        1 => Just(Step::Partly { receipt, code: "kept-theirs".into(), message: "`city` stayed".into() }),
        1 => Just(Step::Outcome(Outcome::Refused(refusal.clone()))),
        1 => Just(Step::Outcome(Outcome::Conflict(refusal))),
        1 => Just(Step::Outcome(Outcome::NotDone(None))),
        1 => Just(Step::Outcome(Outcome::InDoubt("lost".into()))),
        1 => (1i64..99).prop_map(Step::Move),
        1 => Just(Step::Skip { code: "held-back".into(), message: "later".into() }),
    ]
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => prop::collection::vec((1i64..=8, any_step()), 1..4).prop_map(Deed::Record),
        1 => Just(Deed::Crash),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Known {
    state: State,
    attempts: u32,
    line: Option<i64>,
    /// The record's id as far as it is known, and as the plan had it.
    ids: [Option<String>; 2],
}

type Model = BTreeMap<i64, Known>;

/// All steps or none, as the ledger promises.
fn model_record(model: &mut Model, steps: &[(i64, Step)]) -> bool {
    let mut next = model.clone();
    for (row, step) in steps {
        let Some(known) = next.get_mut(row) else { return false };
        let Some(state) = next_state(known.state, step) else { return false };
        match step {
            Step::Send => known.attempts += u32::from(known.state != State::Sending),
            Step::NotSent => known.attempts -= 1,
            Step::Move(line) => known.line = Some(*line),
            _ => {}
        }
        match step {
            Step::Outcome(Outcome::Accepted(receipt))
            | Step::Partly { receipt, .. }
            | Step::Unconfirmed(receipt) => known.ids[0] = Some(receipt.remote_id.clone()),
            // What is sent again makes another record than the one that was given an id.
            Step::Outcome(Outcome::NotDone(_)) | Step::Move(_) => known.ids[0] = known.ids[1].clone(),
            _ => {}
        }
        known.state = state;
    }
    *model = next;
    true
}

fn as_model(ledger: &Ledger) -> Model {
    read_all(ledger)
        .into_iter()
        .map(|row| {
            let (line, ids) = (row.planned.line_number, [row.remote_id, row.planned.remote_id]);
            (row.id, Known { state: row.state, attempts: row.attempts, line, ids })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is recorded and wherever the process dies, what opens is what was acknowledged.
    #[test]
    fn a_ledger_equals_its_model_over_steps_and_crashes(deeds in prop::collection::vec(any_deed(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("run.ferry");
        let actions = [Action::Create, Action::Create, Action::Create, Action::Update, Action::Update,
            Action::Unchanged, Action::Reject];
        let rows: Vec<_> = (1u64..).zip(actions).map(|(number, action)| planned(number, action)).collect();
        let mut ledger = Ledger::create(&path, &header()).unwrap();
        ledger.append_rows(&rows).unwrap();
        ledger.finish_planning(&header()).unwrap();
        let mut model = as_model(&ledger);

        for (number, deed) in deeds.into_iter().enumerate() {
            match deed {
                Deed::Record(steps) => {
                    let is_legal = model_record(&mut model, &steps);
                    prop_assert_eq!(ledger.record(&steps, 7).is_ok(), is_legal);
                }
                Deed::Crash => {
                    let after = folder.path().join(number.to_string());
                    std::fs::create_dir(&after).unwrap();
                    copy_as_after_a_crash(&path, &after.join("run.ferry"));
                    path = after.join("run.ferry");
                    ledger = Ledger::open_for_delivery(&path).unwrap();
                    for known in model.values_mut().filter(|known| known.state == State::Sending) {
                        known.state = State::InDoubt;
                    }
                }
            }
            prop_assert_eq!(as_model(&ledger), model.clone());
        }
    }
}

/// What a power cut leaves: all of the database, the log up to some byte, and after it whatever the disk had there.
fn copy_as_after_a_power_cut(from: &Path, to: &Path, (log_bytes, garbage): (usize, &[u8])) {
    std::fs::copy(from, to).unwrap();
    let log = std::fs::read(format!("{}-wal", from.display())).unwrap();
    let left = [&log[..log_bytes], garbage].concat();
    let copy = std::fs::File::create(format!("{}-wal", to.display()));
    copy.and_then(|mut copy| std::io::Write::write_all(&mut copy, &left)).unwrap();
}

fn log_bytes(path: &Path) -> u64 {
    std::fs::metadata(format!("{}-wal", path.display())).unwrap().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wherever in the log the power goes, what was acknowledged before is there, and what was not is not half there.
    #[test]
    fn a_power_cut_at_any_byte_leaves_what_was_acknowledged_and_no_half_of_the_next(
        groups in prop::collection::vec(prop::collection::vec((1i64..=6, any_step()), 1..6), 1..12),
        cuts in prop::collection::vec((0.0..=1.0f64, prop::collection::vec(any::<u8>(), 0..9000)), 6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<_> = (1u64..=6).map(|number| planned(number, Action::Create)).collect();
        let mut ledger = planned_ledger(folder.path(), &rows);
        let path = ledger.path().to_owned();
        let mut model = as_model(&ledger);
        let mut acknowledged = vec![(log_bytes(&path), model.clone())];
        for steps in groups {
            if model_record(&mut model, &steps) {
                ledger.record(&steps, 7).unwrap();
                acknowledged.push((log_bytes(&path), model.clone()));
            }
        }
        let (first, last) = (acknowledged[0].0, log_bytes(&path));
        prop_assert!(acknowledged.is_sorted_by(|(one, _), (next, _)| one <= next));
        for (number, (share, garbage)) in cuts.into_iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "a share of a small log, for a byte somewhere in it")]
            let cut = first + ((last - first) as f64 * share) as u64;
            let copy = folder.path().join(number.to_string());
            std::fs::create_dir(&copy).unwrap();
            let copy = copy.join("run.ferry");
            copy_as_after_a_power_cut(&path, &copy, (usize::try_from(cut).unwrap(), &garbage));
            let (_, known) = acknowledged.iter().rfind(|(bytes, _)| *bytes <= cut).unwrap();
            prop_assert_eq!(&as_model(&Ledger::open(&copy).unwrap()), known);
            let mut reopened = Ledger::open_for_delivery(&copy).unwrap();
            prop_assert!(as_model(&reopened).values().all(|row| row.state != State::Sending));
            // Life goes on in it: every row that is open can come to its end.
            for (row, known) in as_model(&reopened) {
                let accepted = Step::Outcome(Outcome::Accepted(Receipt::default()));
                let steps = match known.state {
                    State::Planned => vec![(row, Step::Send), (row, accepted)],
                    State::InDoubt => vec![(row, accepted)],
                    _ => continue,
                };
                reopened.record(&steps, 8).unwrap();
            }
            prop_assert_eq!(reopened.counts().unwrap().open(), 0);
        }
    }
}

fn planned_ledger(folder: &Path, rows: &[PlannedRow]) -> Ledger {
    let mut ledger = Ledger::create(&folder.join("run.ferry"), &header()).unwrap();
    ledger.append_rows(rows).unwrap();
    ledger.finish_planning(&header()).unwrap();
    ledger
}

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1u64..).zip(Action::ALL).map(|(number, action)| planned(number, action)).collect();
    let ledger = planned_ledger(folder.path(), &rows);
    let read = read_all(&ledger);
    assert_eq!(read.iter().map(|row| row.planned.clone()).collect::<Vec<_>>(), rows);
    assert_eq!(read.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    for row in &read {
        assert_eq!(row.state, row.planned.action.first_state());
        assert_eq!(row.code.is_empty(), row.planned.violations.is_empty());
    }
    assert_eq!(ledger.header().unwrap().phase, Phase::Planned);
}

#[test]
fn a_complete_plan_takes_no_more_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = planned_ledger(folder.path(), &[planned(1, Action::Create)]);
    let refused = ledger.append_rows(&[planned(2, Action::Create)]).unwrap_err();
    assert!(matches!(refused, LedgerError::AlreadyPlanned(_)));
}

#[test]
fn open_rows_come_by_id_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1..=7).map(|number| planned(number, Action::Create)).collect();
    let mut ledger = planned_ledger(folder.path(), &rows);
    let lost = Step::Outcome(Outcome::InDoubt("lost".into()));
    ledger.record(&[(2, Step::Send), (2, lost), (4, Step::Send), (4, Step::Crash)], 5).unwrap();
    let ids = |state, after, limit| -> Vec<i64> {
        ledger.open_rows(state, after, limit).unwrap().iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(State::Planned, 0, 3), [1, 3, 5]);
    assert_eq!(ids(State::Planned, 5, 3), [6, 7]);
    assert_eq!(ids(State::InDoubt, 0, 9), [2, 4]);
    let counts = ledger.counts().unwrap();
    assert_eq!((counts.of_state(State::Planned), counts.of_state(State::InDoubt), counts.total()), (5, 2, 7));
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ferry");
    drop(Ledger::create(&path, &header()).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let refused = Ledger::open(&path).unwrap_err().to_string();
    assert!(refused.ends_with("has format 9, this program reads up to 2"), "{refused}");
}

#[test]
fn a_file_that_is_no_ledger_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ferry");
    std::fs::copy("Cargo.toml", &path).unwrap();
    assert!(matches!(Ledger::open(&path), Err(LedgerError::NotALedger(_))));
    assert!(matches!(Ledger::open(&folder.path().join("none")), Err(LedgerError::Missing(_))));
}

#[test]
fn a_run_has_one_writer_and_any_number_of_readers() {
    let folder = tempfile::tempdir().unwrap();
    let writing = planned_ledger(folder.path(), &[planned(1, Action::Create)]);
    assert!(matches!(Ledger::open_for_delivery(writing.path()), Err(LedgerError::Locked { .. })));
    let mut reading = Ledger::open(writing.path()).unwrap();
    assert_eq!(read_all(&reading).len(), 1);
    assert!(matches!(reading.record(&[(1, Step::Send)], 0), Err(LedgerError::NotLocked(_))));
}

#[test]
fn a_number_the_target_gave_becomes_the_rows_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger =
        planned_ledger(folder.path(), &[PlannedRow { key: String::new(), ..planned(1, Action::Create) }]);
    let receipt = Receipt { remote_id: "guid".into(), key: "C00010".into(), etag: String::new() };
    ledger.record(&[(1, Step::Send), (1, Step::Outcome(Outcome::Accepted(receipt)))], 0).unwrap();
    let row = read_all(&ledger).remove(0);
    assert_eq!((row.planned.key.as_str(), row.remote_id.as_deref()), ("C00010", Some("guid")));
}

#[tokio::test]
async fn everybody_in_a_group_that_cannot_be_written_learns_why() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1..=4).map(|number| planned(number, Action::Create)).collect();
    let ledger = planned_ledger(folder.path(), &rows);
    let blocker = rusqlite::Connection::open(ledger.path()).unwrap();
    blocker.execute_batch("DROP TABLE progress").unwrap();
    let writer = LedgerWriter::start(ledger);
    let (one, other) =
        tokio::join!(writer.handle().record_intents(vec![1], 3), writer.handle().record_intents(vec![2], 3));
    for refused in [one, other] {
        assert!(matches!(refused, Err(LedgerError::Sqlite { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn writers_share_a_sync_and_an_illegal_step_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1..=20).map(|number| planned(number, Action::Create)).collect();
    let writer = LedgerWriter::start(planned_ledger(folder.path(), &rows));
    let sends = (1..=20).map(|row| writer.handle().record_intents(vec![row], 3));
    for sent in sends {
        sent.await.unwrap();
    }
    let receipt = || Outcome::Accepted(Receipt::default());
    writer.handle().record_outcomes(vec![(1, receipt())]).await.unwrap();
    let (good, bad) = tokio::join!(
        writer.handle().record_outcomes(vec![(2, receipt())]),
        writer.handle().record_outcomes(vec![(3, receipt()), (1, receipt())]),
    );
    good.unwrap();
    assert_eq!(bad.unwrap_err().to_string(), "row 1 is `done` and cannot take `accepted`");
    let ledger = writer.close().unwrap();
    let counts = ledger.counts().unwrap();
    assert_eq!((counts.of_state(State::Done), counts.of_state(State::Sending)), (2, 18));
}

/// The file's own check of references is off, because every step is taken from a row of the plan.
#[test]
fn a_row_that_the_plan_does_not_have_cannot_be_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = planned_ledger(folder.path(), &[planned(1, Action::Create), planned(2, Action::Reject)]);
    for steps in [vec![(1, Step::Send), (3, Step::Send)], vec![(3, Step::Outcome(Outcome::NotDone(None)))]] {
        assert!(matches!(ledger.record(&steps, 0), Err(LedgerError::NoSuchRow(3))), "{steps:?}");
    }
    let refused = ledger.record(&[(1, Step::Send), (2, Step::Send)], 0).unwrap_err().to_string();
    assert_eq!(refused, "row 2 is `rejected` and cannot take `send`");
    assert_eq!(ledger.counts().unwrap().of_state(State::Planned), 1);
}
