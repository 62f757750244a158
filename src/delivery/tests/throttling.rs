//! A target that says `429` is asked less often from then on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::bed::{Bed, customer};
use super::stub::{said, stub};
use crate::delivery::DeliveryEnd;
use crate::domain::{EntityKind, State};
use crate::transport::Transport;

/// Operations that are taken before the refusal, and operations that are left then.
const BEFORE: usize = 40;
const AFTER: usize = 60;

/// So soon after the refusal.
const SOON: Duration = Duration::from_millis(500);

/// What is refused as too fast, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Batch,
    PartOfBatch,
}

/// When which operations were asked for, and when the refusal was said.
#[derive(Debug, Default)]
struct Seen {
    taken: Vec<Instant>,
    refused: Option<Instant>,
}

impl Seen {
    /// Whether this operation is taken.
    fn takes(&mut self) -> bool {
        let is_taken = self.taken.len() < BEFORE || self.refused.is_some();
        if is_taken {
            self.taken.push(Instant::now());
        } else {
            self.refused = Some(Instant::now());
        }
        is_taken
    }

    fn taken_soon_after(&self) -> usize {
        let refused = self.refused.expect("something was refused");
        self.taken.iter().filter(|taken| **taken > refused && **taken < refused + SOON).count()
    }
}

/// A server that refuses one thing and does not say for how long; everything else it takes.
async fn server(refused: Refused) -> (Arc<Transport>, Arc<Mutex<Seen>>) {
    let seen = Arc::<Mutex<Seen>>::default();
    let noted = seen.clone();
    let (transport, _) = stub(move |_, method, _, body| {
        let mut seen = noted.lock().unwrap();
        if method == "GET" {
            return said(200, r#"{"value":[]}"#);
        }
        let asked: Value = serde_json::from_str(body).unwrap();
        let parts = asked["requests"].as_array().unwrap();
        if refused == Refused::Batch && seen.taken.len() >= BEFORE && seen.refused.is_none() {
            seen.refused = Some(Instant::now());
            return said(429, "");
        }
        let answer = |part: &Value| {
            let status = if seen.takes() { 201 } else { 429 };
            json!({ "id": part["id"], "status": status, "body": { "id": "g" } })
        };
        let answers: Vec<_> = parts.iter().map(answer).collect();
        said(200, &json!({ "responses": answers }).to_string())
    })
    .await;
    (transport, seen)
}

/// Whatever says it, the speed is what it was, less a part, and comes back slowly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_refused_something_as_too_fast_is_asked_more_slowly() {
    for refused in [Refused::Batch, Refused::PartOfBatch] {
        let mut bed = Bed::new(EntityKind::Customers).await;
        bed.options.batch = 4;
        // Nothing but the slowing down is to take time.
        bed.options.backoff = Duration::from_millis(1);
        bed.options.settle = Duration::from_secs(20);
        bed.plan(&(1..=(BEFORE + AFTER) as u64).map(customer).collect::<Vec<_>>());
        let (transport, seen) = server(refused).await;
        let sandbox = bed.sandbox("").await;
        let (_keep, stop) = watch::channel(false);
        assert_eq!(bed.deliver_until(&transport, &sandbox, stop).await, DeliveryEnd::Finished);
        sandbox.stop().await;
        assert_eq!(bed.states(), [(State::Done, BEFORE + AFTER)]);
        let soon = seen.lock().unwrap().taken_soon_after();
        assert!(soon < AFTER * 2 / 3, "{refused:?}: {soon} in {SOON:?}");
    }
}
