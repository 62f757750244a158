//! The payment journal of a run: found by its code, or created; and the same one ever after.

use serde::Deserialize;
use serde_json::json;

use crate::transport::{ApiRequest, Method};

use super::error::Error;
use super::target::Target;

/// The answer to the creation of a journal.
#[derive(Deserialize)]
struct Created {
    id: String,
}

/// How often a journal that could not be created is looked for and tried again.
const ATTEMPTS: u32 = 5;

/// The id of the journal with this code; the journal is created when there is none.
///
/// A code names one journal, so a repeat after a lost answer cannot make a second one: the server refuses the
/// key, and the journal is found.
pub(super) async fn open_journal(target: &Target, code: &str) -> Result<String, Error> {
    let mut attempt = 0;
    loop {
        if let Some(id) = target.fetch_journal(code).await? {
            return Ok(id);
        }
        attempt += 1;
        let path = format!("companies({})/customerPaymentJournals", target.company.id);
        let body = json!({ "code": code, "displayName": code }).to_string();
        let request = ApiRequest::with_body(Method::Post, path, body);
        let pause = match target.transport.send(0, &request).await {
            Ok(reply) => match serde_json::from_slice::<Created>(&reply.body) {
                Ok(created) if reply.is_success() => return Ok(created.id),
                _ if attempt >= ATTEMPTS => {
                    return Err(Error::JournalRefused { code: code.to_owned(), status: reply.status });
                }
                _ => reply.retry_after(),
            },
            Err(error) if error.is_passing() && attempt < ATTEMPTS => None,
            Err(error) => return Err(error.into()),
        };
        tokio::time::sleep(pause.unwrap_or(std::time::Duration::from_millis(200) * attempt)).await;
    }
}

/// The id of the journal that a run has used or its plan has seen, which is `known`: lines are looked for there, and
/// a new journal under the old code would have none of them.
pub(super) async fn find_journal(target: &Target, code: &str, known: &str) -> Result<String, Error> {
    match target.fetch_journal(code).await? {
        Some(found) if found.eq_ignore_ascii_case(known) => Ok(found),
        _ => Err(Error::OtherJournal(code.to_owned())),
    }
}
