//! Delivery with its durable ledger beside a bare `reqwest` client that sends the same bodies to the same server,
//! with as many requests in flight: rows per second, the ratio of the two, and what each costs this process.
//!
//! `cargo bench --bench delivery` compares customers and payments, one by one and in batches of 100, against a
//! server that accepts everything at once (`idle`) and against the sandbox. Words choose: `-- idle customers single`.
//! `cargo bench --bench delivery -- paced` delivers to a sandbox that counts, and says how much of the allowance was
//! used and how often it was exceeded.
//!
//! The server is a process of its own, so that the processor time is the client's alone. Each round runs both
//! clients, in alternating order, so that whatever else the machine does befalls both.

#[path = "delivery/bed.rs"]
mod bed;
#[path = "delivery/paced.rs"]
mod paced;
#[path = "delivery/server.rs"]
mod server;

use std::env;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use ledgerferry::domain::EntityKind;

use bed::{Bed, Workload};

/// Odd, so that the median is one of them.
const ROUNDS: usize = 7;

/// What one client took for one workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of this process, all threads, user and system.
    pub(crate) processor: Duration,
}

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    match words.first().map(String::as_str) {
        Some("serve") => return server::serve(&words[1..]),
        Some("paced") => return paced::run(),
        Some("bare" | "delivered") => return repeat(&words),
        _ => {}
    }
    say("| server | rows | sent | bare | delivered | ratio | bare µs/row | delivered µs/row |");
    say("|---|---|---|---|---|---|---|---|");
    for workload in Workload::all() {
        let name = workload.name();
        if words.iter().all(|word| name.split(' ').any(|known| known == word)) {
            compare(workload);
        }
    }
}

/// One client alone, again and again, for a profiler: `-- delivered idle customers single`.
fn repeat(words: &[String]) {
    let chosen = Workload::all().find(|known| words[1..].iter().all(|word| known.name().contains(&**word)));
    let workload = chosen.expect("the words name a workload");
    let bed = Bed::new(workload);
    for round in 0..ROUNDS {
        let cost = if words[0] == "bare" { bed.bare(round) } else { bed.delivered(round) };
        say(&format!("{} {cost:?}", workload.name()));
    }
}

fn compare(workload: Workload) {
    let bed = Bed::new(workload);
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|round| {
            if round.is_multiple_of(2) {
                let bare = bed.bare(round);
                (bare, bed.delivered(round))
            } else {
                let delivered = bed.delivered(round);
                (bed.bare(round), delivered)
            }
        })
        .collect();
    let seconds = |wall: Duration| wall.as_secs_f64();
    let ratio = median(rounds.iter().map(|(bare, own)| seconds(bare.wall) / seconds(own.wall)));
    let rows = f64::from(u32::try_from(workload.rows).expect("few rows"));
    let rate = |time: f64| rows / time;
    let micros = |time: f64| time * 1e6 / rows;
    say(&format!(
        "| {} | {} | {} | {:.0}/s | {:.0}/s | {ratio:.2} | {:.1} | {:.1} |",
        workload.server.word(),
        if workload.kind == EntityKind::Customers { "customers" } else { "payments" },
        if workload.batch == 1 { "single" } else { "batch" },
        rate(median(rounds.iter().map(|(bare, _)| seconds(bare.wall)))),
        rate(median(rounds.iter().map(|(_, own)| seconds(own.wall)))),
        micros(median(rounds.iter().map(|(bare, _)| seconds(bare.processor)))),
        micros(median(rounds.iter().map(|(_, own)| seconds(own.processor)))),
    ));
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody reads");
}

/// Runs `work` and says what it took.
pub(crate) fn measure(work: impl FnOnce()) -> Cost {
    let (start, before) = (Instant::now(), processor_time());
    work();
    Cost { wall: start.elapsed(), processor: processor_time().saturating_sub(before) }
}

/// What this process has used so far, in hundredths of a second; nothing where the system does not say.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
