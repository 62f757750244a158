//! Delivery under a limit: how much of the allowance is used, and how often it is exceeded.
//!
//! The sandbox counts every operation in a sliding window and refuses what is too much; delivery knows the same
//! limit, with no head-room.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use ledgerferry::delivery::{DeliveryEnd, DeliveryOptions, Rate};
use ledgerferry::domain::EntityKind;
use ledgerferry::{catalogue::DIALECTS, connector};
use tokio::runtime::Runtime;

use super::bed::{Workload, plan, rows, send_delivered, transport};
use super::say;
use super::server::{Running, Server};

/// Windows that are filled, so that the burst at the start counts for little.
const WINDOWS: u32 = 6;

pub(crate) fn run() {
    say("| sent | allowance | rows | took | used of the allowance | refused |");
    say("|---|---|---|---|---|---|");
    for (batch, operations) in [(1, 1_000), (20, 2_000), (100, 10_000)] {
        pace(batch, operations, Duration::from_secs(10));
    }
}

fn pace(batch: usize, operations: u32, window: Duration) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let books = folder.path().join("books.db");
    let limit = format!("{operations}/{}ms", window.as_millis());
    let books = books.to_str().expect("the path is text");
    let server = Running::start(&["sandbox", books, &limit]);
    let rows_sent = operations * WINDOWS;
    let workload =
        Workload { server: Server::Sandbox, kind: EntityKind::Customers, batch, rows: rows_sent as usize };
    let (_folder, writer) = plan(&rows("P", workload), workload.kind);
    let options = DeliveryOptions {
        batch,
        in_flight: 5,
        rate: Some(Rate { operations: NonZeroU32::new(operations).expect("above zero"), window }),
        ..DeliveryOptions::for_kind(workload.kind)
    };
    let connector = connector::open(DIALECTS[0]).customers(&server.text("company_id"));
    let runtime = Runtime::new().expect("threads can be started");
    let start = Instant::now();
    let delivery = send_delivered(&writer, transport(&server, Server::Sandbox), &connector, options);
    assert_eq!(runtime.block_on(delivery), DeliveryEnd::Finished);
    let took = start.elapsed();
    let header = writer.close().and_then(|ledger| ledger.header()).expect("the ledger can be read");
    // What a window holds is there at once; only the rest has to wait.
    let allowed = f64::from(operations) * took.div_duration_f64(window);
    say(&format!(
        "| {} | {limit} | {rows_sent} | {:.2} s | {:.1} % | {} |",
        if batch == 1 { "single".to_owned() } else { format!("batches of {batch}") },
        took.as_secs_f64(),
        100.0 * f64::from(rows_sent) / allowed,
        header.counters.throttled,
    ));
}
