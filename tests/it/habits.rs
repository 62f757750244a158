//! Other servers, other habits: what the sandbox would never do, done by a relay before it, and judged by the books.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ledgerferry::catalogue::DIALECTS;
use ledgerferry::plan::Mode;
use ledgerferry::sandbox::{Faults, SandboxOptions};
use serde_json::Value;

use crate::load::Load;
use crate::passage::{Passage, origin_of, results};
use crate::relay::{Answer, Ask, Cut, Manners, Relay, Return, Way};
use crate::sheets::differences;
use crate::testbed::Draw;

/// How a server may differ from the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// A stale entity tag is answered 412.
    Precondition,
    /// The parts of a batch's answer come in another order.
    Shuffled,
    /// Some parts of a batch's answer are missing, though all was done.
    Incomplete,
    /// The ids in a batch's answer are numbers.
    NumericIds,
    /// 429 with `Retry-After` as a date.
    RetryDate,
    /// An answer that comes after the client's patience has ended.
    Stalled,
    /// A proxy's page instead of the request, with 502 or 503.
    PageBefore,
    /// A proxy's page instead of the answer, with 502 or 503.
    PageAfter,
    /// A proxy that forbids now and then, with a page and 403.
    Forbidden,
    /// The connection ends in the middle of an answer.
    Torn,
    /// The connection ends before the request is read, or before its answer.
    Dropped,
    /// There are no batches here.
    NoBatches,
    /// Answers come in chunks.
    Chunked,
    /// A batch is refused as a whole, and nothing of it was done.
    Undone,
    /// The way leads elsewhere.
    Redirected,
}

impl Habit {
    const ALL: [Self; 15] = [
        Self::Precondition,
        Self::Shuffled,
        Self::Incomplete,
        Self::NumericIds,
        Self::RetryDate,
        Self::Stalled,
        Self::PageBefore,
        Self::PageAfter,
        Self::Forbidden,
        Self::Torn,
        Self::Dropped,
        Self::NoBatches,
        Self::Chunked,
        Self::Undone,
        Self::Redirected,
    ];
}

/// A server with habits; those that spoil a request do so with about every fourth.
struct Other {
    habits: Vec<Habit>,
    seed: u64,
    elsewhere: String,
}

impl Other {
    fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    /// The habit that spoils this request, and a number to choose its form by.
    fn spoils(&self, number: u64) -> (Option<Habit>, u64) {
        let mut draw = Draw(self.seed.wrapping_add(number << 20));
        let habit = self.habits.get(usize::try_from(draw.below(self.habits.len() as u64)).unwrap());
        (habit.copied().filter(|_| draw.below(4) == 0), draw.below(2))
    }
}

impl Manners for Other {
    fn meet(&self, number: u64, ask: &Ask) -> Way {
        if ask.is_batch() && self.has(Habit::NoBatches) {
            return Way::Reply(Answer::page(404));
        }
        let (habit, form) = self.spoils(number);
        match habit {
            Some(Habit::RetryDate) => {
                let moment = jiff::Timestamp::try_from(SystemTime::now() + Duration::from_secs(1)).unwrap();
                let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
                let date = printer.timestamp_to_rfc9110_string(&moment).unwrap();
                Way::Reply(Answer::page(429).header("retry-after", date))
            }
            Some(Habit::PageBefore) => Way::Reply(Answer::page(if form == 0 { 502 } else { 503 })),
            Some(Habit::Forbidden) => Way::Reply(Answer::page(403)),
            Some(Habit::Dropped) if form == 0 => Way::HangUp,
            Some(Habit::Undone) if ask.is_batch() => Way::Reply(Answer::page(400)),
            Some(Habit::Redirected) => {
                Way::Reply(Answer::page(307).header("location", format!("{}{}", self.elsewhere, ask.path)))
            }
            _ => Way::Forward,
        }
    }

    fn part(&self, number: u64, ask: &Ask, mut answer: Answer) -> Return {
        if self.has(Habit::Precondition) && answer.status == 409 {
            answer.status = 412;
        }
        let (habit, form) = self.spoils(number);
        if ask.is_batch() && answer.status == 200 {
            answer.body = self.bend(&answer.body, habit, number);
        }
        match habit {
            Some(Habit::Stalled) => Return::Late(Duration::from_millis(1_300), answer),
            Some(Habit::PageAfter) => Return::Whole(Answer::page(if form == 0 { 502 } else { 503 })),
            Some(Habit::Torn) => Return::Torn(answer),
            Some(Habit::Dropped) => Return::HangUp,
            _ if self.has(Habit::Chunked) => Return::Chunked(answer),
            _ => Return::Whole(answer),
        }
    }
}

impl Other {
    /// The answer to a batch as this server would write it.
    fn bend(&self, body: &[u8], habit: Option<Habit>, number: u64) -> Vec<u8> {
        let mut answer: Value = serde_json::from_slice(body).unwrap();
        let parts = answer["responses"].as_array_mut().unwrap();
        let mut draw = Draw(self.seed ^ number);
        if self.has(Habit::Shuffled) {
            for last in (1..parts.len()).rev() {
                parts.swap(last, usize::try_from(draw.below(last as u64 + 1)).unwrap());
            }
        }
        if habit == Some(Habit::Incomplete) {
            parts.retain(|_| draw.below(3) > 0);
        }
        for part in parts {
            if self.has(Habit::Precondition) && part["status"] == 409 {
                part["status"] = 412.into();
            }
            if self.has(Habit::NumericIds) {
                part["id"] = part["id"].as_str().unwrap().parse::<u64>().unwrap().into();
            }
        }
        serde_json::to_vec(&answer).unwrap()
    }
}

/// Imports through a server with these habits, as often as it takes, and judges the books.
async fn import(habits: Vec<Habit>, load: Load, (seed, elsewhere): (u64, String)) {
    let words = format!("{habits:?} with {load:?}, seed {seed}");
    let sheet = load.sheet(DIALECTS[0]);
    let mut passage = Passage::new(sheet);
    passage.options.deadline = Duration::from_secs(1);
    let calm = passage.sandbox(Faults::default()).await;
    let faults = format!("etag=0.2,seed={seed}").parse().unwrap();
    let options = SandboxOptions { faults, page_size: 7, ..SandboxOptions::default() };
    let rough = passage.sandbox_with(options).await;
    let calm_target = passage.target(&calm, &origin_of(&calm));
    let rows = load.rows(sheet, 1);
    let earlier = load.earlier(&rows);
    if !earlier.is_empty() {
        passage.mode = Mode::Create;
        let folder = passage.plan(&calm_target, &earlier).await.unwrap();
        passage.apply(&calm_target, &folder, &|_| ()).await.unwrap();
    }
    passage.mode = load.mode();
    let relay = Relay::start(&origin_of(&rough), Other { habits, seed, elsewhere }, Cut::new()).await;
    let target = passage.target(&rough, relay.origin());
    let mut tries = 0;
    let folder = loop {
        tries += 1;
        match passage.plan(&target, &rows).await {
            Ok(folder) => break folder,
            Err(error) => assert!(tries < 60, "{words}: {error}"),
        }
    };
    loop {
        tries += 1;
        match passage.apply(&target, &folder, &|_| ()).await {
            Ok(report) if report.summary.unsettled() == 0 => break,
            ended => assert!(tries < 400, "{words}: {:?}", ended.map(|report| report.facts.exit)),
        }
    }
    assert_eq!(results(&folder), load.states(), "{words}");
    let mut found = sheet.in_the_books(&calm, 0).await;
    load.forget_numbers(&mut found);
    assert_eq!(differences(found, rows), [], "{words}");
}

/// Imports every load through servers with these habits, and sees that nobody was asked elsewhere.
fn through(servers: Vec<Vec<Habit>>) {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}", stranger.local_addr().unwrap());
    let loads = [Load::Numbered, Load::Unnumbered, Load::Mixed, Load::Payments, Load::MixedPayments];
    let cells: Vec<_> =
        servers.into_iter().flat_map(|habits| loads.map(|load| (habits.clone(), load))).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                while let Some((habits, load)) = cells.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let seed = 100 + habits.len() as u64;
                    let work = import(habits.clone(), *load, (seed, elsewhere.clone()));
                    let work = std::panic::AssertUnwindSafe(|| runtime.block_on(work));
                    if std::panic::catch_unwind(work).is_err() {
                        failed.lock().unwrap().push((habits, load));
                    }
                }
            });
        }
    });
    assert!(stranger.accept().is_err(), "somebody was asked elsewhere");
    assert_eq!(failed.into_inner().unwrap(), []);
}

#[test]
fn every_habit_alone_leaves_each_row_in_the_books_once() {
    through(Habit::ALL.map(|habit| vec![habit]).to_vec());
}

#[test]
fn all_habits_together_leave_each_row_in_the_books_once() {
    let without_batches = Habit::ALL.to_vec();
    let with_batches = without_batches.iter().copied().filter(|habit| *habit != Habit::NoBatches).collect();
    through(vec![without_batches, with_batches]);
}
