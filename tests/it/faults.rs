//! Kill points × fault kinds × records × modes: about a thousand deaths, judged by the books.
//!
//! The runs are inside this process, see [`crate::passage`]; `kill.rs` kills real processes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledgerferry::catalogue::{DIALECTS, Dialect};
use ledgerferry::plan::Mode;
use ledgerferry::sandbox::{Books, Faults, Sandbox, SandboxOptions};

use crate::load::Load;
use crate::passage::{Passage, origin_of, results};
use crate::relay::{Answer, Ask, Cut, Manners, Relay, Return, Way};
use crate::sheets::{Cells, differences};
use crate::testbed::Draw;

/// How often the runs of one cell of the matrix die.
const KILLS: u64 = 8;

/// The cells worked on at once: most of their time they wait.
const AT_ONCE: usize = 24;

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
    ALL_AT_ONCE,
];

/// Every kind of misdeed.
pub(crate) const ALL_AT_ONCE: &str =
    "lost=0.05,reset=0.05,torn=0.05,429=0.05,503=0.03,504=0.05,slow=0.05,etag=0.1,stall=0.01";

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

/// No life of a run takes so long, whatever happens to it.
const LONGEST_LIFE: Duration = Duration::from_mins(5);

/// One cell of the matrix.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) dialect: &'static Dialect,
    pub(crate) is_strict: bool,
    pub(crate) load: Load,
    pub(crate) faults: &'static str,
    pub(crate) batch: usize,
    pub(crate) kills: u64,
    pub(crate) seed: u64,
}

impl fmt::Debug for Cell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, is_strict, load, faults, batch, seed, .. } = self;
        let title = dialect.title;
        write!(out, "{title}, strict {is_strict}, {load:?} by {batch}, faults `{faults}`, seed {seed}")
    }
}

impl Cell {
    /// Imports file after file until the runs have died often enough; returns how often.
    async fn work(self) -> u64 {
        let faults: Faults = format!("{},seed={}", self.faults, self.seed).parse().unwrap();
        let sheet = self.load.sheet(self.dialect);
        let mut passage = Passage::new(sheet);
        passage.options.batch = self.batch;
        passage.options.seed = self.seed;
        let behaviour = SandboxOptions {
            strict: self.is_strict,
            utc_offset: if self.is_strict { -5 } else { 4 },
            ..SandboxOptions::default()
        };
        let calm = passage.sandbox_with(behaviour.clone()).await;
        let rough = passage.sandbox_with(SandboxOptions { faults, ..behaviour.clone() }).await;
        passage.prepare();
        let before = duplicates(&passage.books());
        let (mut draw, mut kills, mut expected) = (Draw(self.seed), 0, Vec::new());
        if let Some(line) = self.witness() {
            let line = [line];
            self.bring(&mut passage, &calm, &line).await;
            expected.extend(line);
        }
        for round in 1.. {
            let rows = self.load.rows(sheet, round);
            let folder = self.plan(&mut passage, &calm, &rows).await;
            if !self.load.deletes() {
                expected.extend(rows);
            }
            kills += self.apply(&passage, (&rough, folder), (&mut draw, self.kills - kills)).await;
            if kills == self.kills {
                break;
            }
        }
        assert_eq!(duplicates(&passage.books()), before, "{self:?}");
        let mut found = sheet.in_the_books(&calm, behaviour.utc_offset).await;
        self.load.forget_numbers(&mut found);
        assert_eq!(differences(found, expected), [], "{self:?}");
        kills
    }

    /// A payment that has to be in the journal before: where the dialect shows no ledger entries, or only `$metadata`
    /// would tell, such a line alone tells that a payment whose answer was lost has not been posted, and without one it
    /// is left to a person.
    pub(crate) fn witness(self) -> Option<Cells> {
        let is_needed = self.load == Load::Payments && self.dialect.plain_members;
        is_needed.then(|| self.load.sheet(self.dialect).row(0, 1))
    }

    /// Brings records into the books, without trouble.
    async fn bring(self, passage: &mut Passage, calm: &Sandbox, rows: &[Cells]) {
        let target = passage.target(calm, &origin_of(calm));
        passage.mode = Mode::Create;
        let folder = passage.plan(&target, rows).await.unwrap();
        passage.apply(&target, &folder, &|_| ()).await.unwrap();
    }

    /// Brings into the books what has to be there before, and plans the rows.
    async fn plan(self, passage: &mut Passage, calm: &Sandbox, rows: &[Cells]) -> PathBuf {
        let target = passage.target(calm, &origin_of(calm));
        let earlier = self.load.earlier(rows);
        if !earlier.is_empty() {
            self.bring(passage, calm, &earlier).await;
        }
        passage.mode = self.load.mode();
        passage.action = self.load.deletes().then_some("delete");
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
            let life = passage.apply_until_cut((rough, relay, &cut), &folder, &on_event);
            let ended = tokio::time::timeout(LONGEST_LIFE, life).await;
            match ended.unwrap_or_else(|_| panic!("{self:?} does not come to its end")) {
                Ok(_) => break,
                Err(left) => (folder, kills) = (left, kills + 1),
            }
        }
        let told = std::fs::read_to_string(folder.join("results.csv")).unwrap();
        let is_open = |line: &&str| !line.contains(",done,") && !line.contains(",unchanged,");
        let open: Vec<_> = told.lines().skip(1).filter(is_open).collect();
        assert_eq!(results(&folder), self.load.states(), "{self:?}: {open:?}");
        let totals = std::fs::read_to_string(folder.join("totals.json")).unwrap();
        assert!(totals.contains(r#""reconciled": true"#), "{self:?}: {totals}");
        kills
    }
}

/// How often each record is in the books beyond the first time.
fn duplicates(books: &Books) -> [u64; 4] {
    let (central, bigcapital) = (&books.duplicates, &books.bigcapital.duplicates);
    [central.customers, central.payments, bigcapital.customers, bigcapital.payments]
}

/// Works on all the cells, many at once; returns how often runs died.
pub(crate) fn work_all(cells: Vec<Cell>) -> u64 {
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
    kills.into_inner()
}

#[test]
fn a_run_that_dies_anywhere_under_any_fault_still_delivers_each_row_once() {
    let cells = FAULTS.iter().flat_map(|faults| {
        Load::ALL.iter().flat_map(move |load| [1, 6].map(|batch| (*faults, *load, batch)))
    });
    // A record that someone has saved since the plan is rightly not deleted.
    let cells = cells.filter(|(faults, load, _)| !load.deletes() || !faults.contains("etag"));
    let cells = (1..).zip(cells).map(|(seed, (faults, load, batch))| Cell {
        dialect: DIALECTS[0],
        is_strict: false,
        load,
        faults,
        batch,
        kills: load.deaths(KILLS),
        seed,
    });
    let cells: Vec<_> = cells.collect();
    let expected = cells.iter().map(|cell| cell.kills).sum::<u64>();
    let kills = work_all(cells);
    assert_eq!(kills, expected);
    assert!(kills >= 1_000, "{kills}");
}
