//! What a service says of its own names, asked for once, when a target is opened.
//!
//! A field that the service does not name is not sent, and its values count as ones that the target has no place for;
//! without an answer, the names are those of the dialect's reference.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connector::{Api, Described};
use crate::export::{Jitter, PageOptions, Patience};
use crate::transport::{ApiRequest, Transport};

/// How much trouble the question may meet: it is worth a few seconds.
const ATTEMPTS: u32 = 4;
const BUDGET: Duration = Duration::from_secs(15);

/// The API as this service has it; as the reference describes it when the service does not say.
pub async fn describe(transport: &Transport, api: Arc<dyn Api>, options: PageOptions) -> Described {
    match ask(transport, api.as_ref(), options).await {
        Some(described) => described,
        None => Described { api, notes: Vec::new() },
    }
}

async fn ask(transport: &Transport, api: &dyn Api, options: PageOptions) -> Option<Described> {
    let request = ApiRequest::get(api.description()?).header("accept", "application/xml");
    let patience = Patience { attempts: ATTEMPTS, budget: BUDGET, ..options.patience };
    let (mut jitter, since) = (Jitter::new(options.seed), Instant::now());
    for attempt in 1.. {
        transport.take_turn(0, &api.route(&request.path), &mut |_| ()).await;
        let asked = match transport.send(0, &request).await {
            Ok(reply) if reply.is_success() => return api.described(&reply.body),
            Ok(reply) if !matches!(reply.status, 408 | 429 | 500 | 502..=504) => return None,
            Ok(reply) => reply.retry_after(),
            Err(failure) if failure.is_passing() => None,
            Err(_) => return None,
        };
        let pause = patience.pause(attempt, since.elapsed(), asked, jitter.draw())?;
        tokio::time::sleep(pause).await;
    }
    None
}
