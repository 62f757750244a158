//! Kill points × fault kinds × records × modes: about a thousand deaths, judged by the books.
//!
//! The runs are inside this process, see [`crate::passage`]; `kill.rs` kills real processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledgerferry::domain::EntityKind;
use ledgerferry::plan::Mode;
use ledgerferry::sandbox::{Faults, Sandbox};

use crate::passage::{Cells, Passage, origin_of, results, target};
use crate::relay::{Answer, Ask, Cut, Manners, Relay, Return, Way};
use crate::testbed::Draw;

/// How often the runs of one cell of the matrix die.
const KILLS: u64 = 8;

/// The cells worked on at once: most of their time they wait.
const AT_ONCE: usize = 24;

/// Rows of one file.
const ROWS: usize = 36;

/// The faults of the sandbox, one kind at a time and all at once.
const FAULTS: [&str; 10] = [
    "",
    "lost=0.2",
    "reset=0.2",
    "torn=0.2",
    "429=0.2",
    "503=0.15",
    "504=0.2",
    "slow=0.2",
    "etag=0.3",
    "lost=0.05,reset=0.05,torn=0.05,429=0.05,503=0.03,504=0.05,slow=0.05,etag=0.1,stall=0.01",
];

/// What a file brings to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// New customers with numbers.
    Numbered,
    /// New customers that the server gives their numbers.
    Unnumbered,
    /// Customers that are there, each with changes.
    Updated,
    /// Customers of which a third is new, a third has changes, and a third is there as it is.
    Mixed,
    /// Customers that are there and have to go.
    Deleted,
    /// New payments.
    Payments,
    /// Payments of which a third is new, a third has another amount, and a third is there as it is.
    MixedPayments,
}

impl Load {
    const ALL: [Self; 7] = [
        Self::Numbered,
        Self::Unnumbered,
        Self::Updated,
        Self::Mixed,
        Self::Deleted,
        Self::Payments,
        Self::MixedPayments,
    ];

    pub(crate) fn kind(self) -> EntityKind {
        match self {
            Self::Payments | Self::MixedPayments => EntityKind::Payments,
            _ => EntityKind::Customers,
        }
    }

    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::Numbered | Self::Unnumbered | Self::Payments => Mode::Create,
            Self::Updated => Mode::Update,
            Self::Mixed | Self::MixedPayments | Self::Deleted => Mode::Upsert,
        }
    }

    /// The rows of file `round`; the books must hold exactly these in the end.
    pub(crate) fn rows(self, round: u64) -> Vec<Cells> {
        let row = |row: usize| match self.kind() {
            EntityKind::Customers => [
                if self == Self::Unnumbered { String::new() } else { format!("M{round}-{row}") },
                format!("Matrix {round} {row} Ltd."),
                format!("Road {row}"),
                "Ulm".to_owned(),
                format!("{row}.25"),
            ],
            EntityKind::Dimensions => panic!("no load is of them"),
            EntityKind::Payments => [
                format!("M{round}-{row}"),
                format!("{}0000", 1 + row % 2),
                format!("2026-10-{:02}", 1 + row % 28),
                format!("EXT/{row}"),
                format!("-{row}.15"),
            ],
        };
        (1..=ROWS).map(row).collect()
    }

    /// What of these rows is in the books before, and how.
    pub(crate) fn earlier(self, rows: &[Cells]) -> Vec<Cells> {
        let changed = |row: &Cells| {
            let mut row = row.clone();
            row[4] = row[4].replace('.', "00.");
            row
        };
        let thirds = || rows.iter().enumerate().filter(|(row, _)| row % 3 != 0);
        match self {
            Self::Numbered | Self::Unnumbered | Self::Payments => Vec::new(),
            Self::Updated => rows.iter().map(changed).collect(),
            Self::Deleted => rows.to_vec(),
            Self::Mixed | Self::MixedPayments => thirds()
                .map(|(number, row)| if number % 3 == 1 { changed(row) } else { row.clone() })
                .collect(),
        }
    }

    pub(crate) fn states(self) -> BTreeMap<String, usize> {
        let is_mixed = matches!(self, Self::Mixed | Self::MixedPayments);
        let unchanged = if is_mixed { ROWS / 3 } else { 0 };
        let states = [("done".to_owned(), ROWS - unchanged), ("unchanged".to_owned(), unchanged)];
        states.into_iter().filter(|(_, rows)| *rows > 0).collect()
    }
}

/// When a run dies.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// Its n-th request has been sent and never reaches the server.
    Unheard(u64),
    /// Its n-th request has been carried out, and the answer never comes.
    Unanswered(u64),
    /// Its n-th request reaches the server only when the run is dead already.
    Overtaken(u64),
    /// So long after the answer to its n-th request: the outcome is on the disk or it is not.
    Answered(u64, Duration),
    /// With the n-th thing that delivery tells.
    Told(u64),
    /// It lives to its end.
    Never,
}

impl Point {
    fn draw(draw: &mut Draw) -> Self {
        let kind = draw.below(5);
        let soon = 1 + draw.below(4);
        match kind {
            0 => Self::Unheard(soon),
            1 => Self::Unanswered(soon),
            2 => Self::Overtaken(soon),
            3 => Self::Answered(soon, Duration::from_millis(draw.below(6))),
            _ => Self::Told(1 + draw.below(7)),
        }
    }
}

/// Kills at a point.
struct Killer {
    point: Point,
    cut: Cut,
}

impl Manners for Killer {
    fn meet(&self, number: u64, _: &Ask) -> Way {
        match self.point {
            Point::Unheard(at) if at == number => {
                self.cut.cut();
                Way::HangUp
            }
            Point::Overtaken(at) if at == number => {
                self.cut.cut();
                Way::Late(Duration::from_millis(600))
            }
            _ => Way::Forward,
        }
    }

    fn part(&self, number: u64, _: &Ask, answer: Answer) -> Return {
        match self.point {
            Point::Unanswered(at) if at == number => {
                self.cut.cut();
                Return::HangUp
            }
            _ => Return::Whole(answer),
        }
    }

    fn parted(&self, number: u64) {
        if let Point::Answered(at, delay) = self.point
            && at == number
        {
            let cut = self.cut.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                cut.cut();
            });
        }
    }
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    load: Load,
    faults: &'static str,
    batch: usize,
    seed: u64,
}

impl Cell {
    /// Imports file after file until the runs have died often enough; returns how often.
    async fn work(self) -> u64 {
        let faults: Faults = format!("{},seed={}", self.faults, self.seed).parse().unwrap();
        let mut passage = Passage::new(self.load.kind());
        passage.options.batch = self.batch;
        passage.options.seed = self.seed;
        let (calm, rough) = (passage.sandbox(Faults::default()).await, passage.sandbox(faults).await);
        let before = passage.books();
        let (mut draw, mut kills, mut expected) = (Draw(self.seed), 0, Vec::new());
        for round in 1.. {
            let rows = self.load.rows(round);
            let folder = self.plan(&mut passage, &calm, &rows).await;
            if self.load != Load::Deleted {
                expected.extend(rows);
            }
            kills += self.apply(&passage, (&rough, folder), (&mut draw, KILLS - kills)).await;
            if kills == KILLS {
                break;
            }
        }
        assert_eq!(passage.books().duplicates, before.duplicates, "{self:?}");
        let mut found = passage.in_the_books(&calm).await;
        found.retain(|cells| cells.iter().any(|cell| cell.starts_with("Matrix") || cell.starts_with("EXT/")));
        for cells in &mut found {
            if self.load == Load::Unnumbered {
                cells[0].clear();
            }
        }
        assert_eq!(differences(found, expected), [], "{self:?}");
        kills
    }

    /// Brings into the books what has to be there before, and plans the rows.
    async fn plan(self, passage: &mut Passage, calm: &Sandbox, rows: &[Cells]) -> PathBuf {
        let target = target(calm, &origin_of(calm));
        let earlier = self.load.earlier(rows);
        if !earlier.is_empty() {
            passage.mode = Mode::Create;
            let folder = passage.plan(&target, &earlier).await.unwrap();
            passage.apply(&target, &folder, &|_| ()).await.unwrap();
        }
        passage.mode = self.load.mode();
        passage.action = (self.load == Load::Deleted).then_some("delete");
        let folder = passage.plan(&target, rows).await.unwrap();
        passage.action = None;
        folder
    }

    /// Carries out a plan in as many lives as it takes, of which at most `most` end early; returns how many did.
    async fn apply(
        self,
        passage: &Passage,
        (rough, mut folder): (&Sandbox, PathBuf),
        (draw, most): (&mut Draw, u64),
    ) -> u64 {
        let mut kills = 0;
        loop {
            let cut = Cut::new();
            let point = if kills < most { Point::draw(draw) } else { Point::Never };
            let killer = Killer { point, cut: cut.clone() };
            let relay = Relay::start(&origin_of(rough), killer, cut.clone()).await;
            let events = AtomicU64::new(0);
            let on_event = |_| {
                let number = events.fetch_add(1, Ordering::SeqCst) + 1;
                if matches!(point, Point::Told(at) if at == number) {
                    cut.cut();
                }
            };
            match passage.apply_until_cut((rough, relay, &cut), &folder, &on_event).await {
                Ok(_) => break,
                Err(left) => (folder, kills) = (left, kills + 1),
            }
        }
        assert_eq!(results(&folder), self.load.states(), "{self:?}, {}", folder.display());
        let totals = std::fs::read_to_string(folder.join("totals.json")).unwrap();
        assert!(totals.contains(r#""reconciled": true"#), "{self:?}: {totals}");
        kills
    }
}

/// The rows that only one side has, or has more often.
pub(crate) fn differences(mut found: Vec<Cells>, expected: Vec<Cells>) -> Vec<(&'static str, Cells)> {
    let mut missing = Vec::new();
    for row in expected {
        match found.iter().position(|cells| *cells == row) {
            Some(at) => drop(found.swap_remove(at)),
            None => missing.push(("missing", row)),
        }
    }
    missing.into_iter().chain(found.into_iter().map(|row| ("beyond", row))).collect()
}

#[test]
fn a_run_that_dies_anywhere_under_any_fault_still_delivers_each_row_once() {
    let cells = FAULTS.iter().flat_map(|faults| {
        Load::ALL.iter().flat_map(move |load| [1, 6].map(|batch| (*faults, *load, batch)))
    });
    // A record that someone has saved since the plan is rightly not deleted.
    let cells = cells.filter(|(faults, load, _)| *load != Load::Deleted || !faults.contains("etag"));
    let cells: Vec<_> =
        (1..).zip(cells).map(|(seed, (faults, load, batch))| Cell { load, faults, batch, seed }).collect();
    let expected = KILLS * cells.len() as u64;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let waiting = Mutex::new(cells.into_iter());
    let kills = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(cell) = waiting.lock().unwrap().next() else { break };
                    kills.fetch_add(runtime.block_on(cell.work()), Ordering::SeqCst);
                }
            });
        }
    });
    let kills = kills.into_inner();
    assert_eq!(kills, expected);
    assert!(kills >= 1_000, "{kills}");
}
