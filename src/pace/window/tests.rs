use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::super::Rate;
use super::super::limit::nanos;
use super::*;

/// What happens to a process: it asks, and idles then; what it is given leaves in two parts, each so late, or
/// too late to leave at all.
#[derive(Clone, Debug)]
enum Deed {
    Ask {
        idle: u64,
        least: u64,
        most: u64,
        late: [u64; 2],
    },
    /// It ends without a word, and another one begins.
    Dies,
    /// The machine's clock is set back.
    Back(u64),
    /// It is set forward, or the machine was asleep, and the process sees it.
    Forward(u64),
}

/// A process that shares the window.
struct Process<'d> {
    owner: u64,
    /// When it does its next deed, by a clock that is never set.
    at: u64,
    deeds: std::slice::Iter<'d, Deed>,
    chunks: u64,
    /// What it has yet to tell: the chunk, what left of it, and when the last did.
    untold: Option<(u64, u64, u64)>,
    jumped: u64,
}

const MILLI: u64 = 1_000_000;

fn limit(operations: u32, window: Duration, burst: u32) -> Limit {
    Limit::new(Rate { operations: NonZeroU32::new(operations).unwrap(), window }, burst)
}

fn any_idle() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..50, 2 => 0u64..2_000, 1 => 0u64..30_000]
}

fn any_ask() -> impl Strategy<Value = Deed> {
    let late = prop_oneof![6 => Just(0u64), 2 => 0u64..250, 1 => 0u64..3_000];
    (any_idle(), 1u64..120, 0u64..120, late.clone(), late).prop_map(|(idle, least, more, first, second)| {
        Deed::Ask { idle, least, most: least + more, late: [first, second] }
    })
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![12 => any_ask(), 1 => Just(Deed::Dies), 1 => (0u64..20_000).prop_map(Deed::Back)]
}

/// When operations left, by a clock that is never set, with their number; the window is shared by all processes.
fn live(limit: Limit, lives: &[Vec<Deed>]) -> Vec<(u64, u64)> {
    let (mut window, mut left) = (Window::default(), Vec::new());
    let (mut set_back, mut set_forward) = (0, 0);
    let start = 1_000_000 * MILLI;
    let mut owners = 0..;
    let mut processes: Vec<_> = lives
        .iter()
        .map(|deeds| Process {
            owner: owners.next().unwrap(),
            at: start,
            deeds: deeds.iter(),
            chunks: 0,
            untold: None,
            jumped: 0,
        })
        .collect();
    loop {
        let next = processes.iter_mut().filter(|process| process.deeds.len() > 0).min_by_key(|it| it.at);
        let Some(process) = next else { break };
        match *process.deeds.next().unwrap() {
            Deed::Dies => (process.owner, process.untold, process.jumped) = (owners.next().unwrap(), None, 0),
            Deed::Back(millis) => set_back += millis * MILLI,
            Deed::Forward(millis) => {
                set_forward += millis * MILLI;
                process.jumped += millis * MILLI;
            }
            Deed::Ask { idle, least, most, late } => {
                let now = (process.at + set_forward).saturating_sub(set_back);
                window.look_at_clock(now, process.owner, std::mem::take(&mut process.jumped));
                if let Some((chunk, operations, last)) = process.untold.take() {
                    let ago = process.at - last;
                    window.settle(limit, now, Settled { owner: process.owner, chunk, operations, ago });
                }
                process.chunks += 1;
                let ask = Ask { owner: process.owner, chunk: process.chunks, least, most };
                let place = window.book(limit, now, ask);
                assert!(place.operations >= least.min(limit.operations));
                let from = process.at + place.wait;
                let (mut last, mut all) = (from, 0);
                for (part, late) in [place.operations / 2, place.operations.div_ceil(2)].into_iter().zip(late)
                {
                    let leaves = last + late * MILLI;
                    if leaves <= from + limit.hold {
                        left.push((leaves, part));
                        (last, all) = (leaves, all + part);
                    }
                }
                process.untold = Some((process.chunks, all, last));
                // What did not leave may be told only when it cannot leave any more.
                let is_whole = all == place.operations;
                process.at = if is_whole { last } else { from + limit.hold } + idle * MILLI;
            }
        }
    }
    left.sort_unstable();
    left
}

fn most_in_a_window(left: &[(u64, u64)], window: Duration) -> u64 {
    let window = nanos(window);
    let (mut first, mut inside, mut most) = (0, 0, 0);
    for (at, operations) in left {
        inside += operations;
        while left[first].0 + window <= *at {
            inside -= left[first].1;
            first += 1;
        }
        most = most.max(inside);
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// However processes ask side by side, however late what they are promised leaves, when they die in between, and
    /// even when the clock is set back: no window of the target's length ever holds more than it allows.
    #[test]
    fn no_window_exceeds_the_limit_whoever_shares_it(
        operations in 1u32..300,
        burst in 1u32..150,
        lives in prop::collection::vec(prop::collection::vec(any_deed(), 1..60), 1..5),
    ) {
        let window = Duration::from_secs(10);
        let left = live(limit(operations, window, burst), &lives);
        prop_assert!(most_in_a_window(&left, window) <= u64::from(operations));
    }

    /// The same for the published limit of five minutes.
    #[test]
    fn no_five_minutes_exceed_the_published_limit(
        burst in 1u32..101,
        lives in prop::collection::vec(prop::collection::vec(any_deed(), 100..200), 1..4),
    ) {
        let window = Duration::from_mins(5);
        let left = live(limit(600, window, burst), &lives);
        prop_assert!(most_in_a_window(&left, window) <= 600);
    }

    /// A process alone keeps the limit also when the clock is set forward.
    #[test]
    fn a_clock_set_forward_forgets_nothing_of_ones_own(
        operations in 1u32..300,
        deeds in prop::collection::vec(
            prop_oneof![8 => any_ask(), 1 => (0u64..20_000).prop_map(Deed::Forward)], 1..100),
    ) {
        let window = Duration::from_secs(10);
        let left = live(limit(operations, window, 20), &[deeds]);
        prop_assert!(most_in_a_window(&left, window) <= u64::from(operations));
    }
}

fn asks(deeds: usize, least: u64, most: u64) -> Vec<Deed> {
    vec![Deed::Ask { idle: 0, least, most, late: [0, 0] }; deeds]
}

/// How much of the allowance was used from the first operation to the last.
fn share(left: &[(u64, u64)], rate: f64) -> f64 {
    let all: u64 = left.iter().map(|(_, operations)| operations).sum();
    let took = Duration::from_nanos(left.last().unwrap().0 - left[0].0).as_secs_f64();
    f64::from(u32::try_from(all).unwrap()) / (took * rate)
}

#[test]
fn at_least_98_percent_of_the_allowance_is_used() {
    let limit = limit(6_000, Duration::from_mins(5), 100);
    for lives in [
        vec![asks(36_000, 1, 1)],
        vec![asks(10_000, 5, 64)],
        vec![asks(360, 100, 100)],
        vec![asks(180, 100, 100); 2],
        vec![asks(180, 100, 100), asks(3_600, 5, 5)],
    ] {
        let left = live(limit, &lives);
        let share = share(&left, 20.0);
        assert!(share >= 0.98, "{} at a time: {share}", left[0].1);
        assert!(most_in_a_window(&left, Duration::from_mins(5)) <= 6_000);
    }
}

#[test]
fn a_batch_is_not_kept_waiting_for_ever_by_small_requests() {
    let limit = limit(100, Duration::from_secs(10), 5);
    let mut window = Window::default();
    let mut now = 0;
    for chunk in 0..1_000 {
        now += window.book(limit, now, Ask { owner: 1, chunk, least: 1, most: 1 }).wait;
    }
    let place = window.book(limit, now, Ask { owner: 2, chunk: 0, least: 100, most: 100 });
    assert!(
        place.operations == 100 && Duration::from_nanos(place.wait) < Duration::from_secs(11),
        "{place:?}"
    );
}

#[test]
fn what_did_not_leave_is_there_again() {
    let limit = limit(10, Duration::from_mins(1), 10);
    let mut window = Window::default();
    let ask = |chunk| Ask { owner: 1, chunk, least: 10, most: 10 };
    assert_eq!(window.book(limit, 0, ask(1)).wait, 0);
    window.settle(limit, MILLI, Settled { owner: 1, chunk: 1, operations: 0, ago: 0 });
    assert_eq!(window.book(limit, MILLI, ask(2)).wait, 0);
}

#[test]
fn a_window_reads_back_as_it_was_written() {
    let limit = limit(10, Duration::from_mins(1), 10);
    let mut window = Window::default();
    window.look_at_clock(MILLI, 3, 0);
    window.book(limit, MILLI, Ask { owner: 3, chunk: 1, least: 1, most: 4 });
    window.settle(limit, 2 * MILLI, Settled { owner: 3, chunk: 1, operations: 4, ago: MILLI });
    window.book(limit, 3 * MILLI, Ask { owner: 3, chunk: 2, least: 1, most: 4 });
    let text = serde_json::to_string(&window).unwrap();
    assert_eq!(serde_json::from_str::<Window>(&text).unwrap(), window);
}
