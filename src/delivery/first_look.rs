//! A look at a record right before it is changed, where no `ETag` would stop the change of one that has moved.
//!
//! What the look finds is judged as a doubt would be whose last attempt has certainly done nothing. Only a record that
//! is as the plan saw it is changed; everything else is left to the settler, which looks again and decides as
//! `--on-conflict` says. Between the look and the change somebody may still write: a moment, where without the look it
//! were hours.

use std::borrow::Cow;

use tokio::time::Instant;

use super::doubt::{Cause, Doubt, operation};
use super::judgement::{Judge, Judgement};
use super::lane::Lane;
use super::settler::{Answer, ask_at_once};
use super::shared::Shared;
use crate::connector::fields::only;
use crate::connector::{Connector, Verdict, differences};
use crate::domain::{Action, Refusal};
use crate::ledger::OpenRow;

/// The code of a row that was not sent because its record cannot be looked at.
const UNSEEN: &str = "unseen";

/// The row as it is to be sent: of an update, what the record does not hold yet. An error is why it is not to be sent
/// now.
pub(super) async fn look_first<'r>(
    shared: &Shared,
    lane: &Lane,
    row: &'r OpenRow,
) -> Result<Cow<'r, OpenRow>, Verdict> {
    let connector = shared.target.connector.as_ref();
    if connector.habits().has_etags || row.action == Action::Create {
        return Ok(Cow::Borrowed(row));
    }
    let Some(lookup) = connector.lookups(&[operation(row)]).pop() else { return Ok(Cow::Borrowed(row)) };
    let found = match ask_at_once(shared, lane, lookup.request).await {
        Answer::Found(found) => found,
        Answer::Later(pause) => return Err(Verdict::NotDone(Some(pause))),
        Answer::TooMuch => return Err(Verdict::NotDone(None)),
        // What was never sent is nowhere to be looked for.
        Answer::Never(message) if row.attempts == 0 => {
            return Err(Verdict::Refused(Refusal { status: 0, code: UNSEEN.to_owned(), message }));
        }
        Answer::Never(words) => return Err(Verdict::InDoubt(words)),
        Answer::NotPermitted(message) => {
            return Err(Verdict::NotPermitted(Refusal { status: 403, code: String::new(), message }));
        }
    };
    let identity = connector.identity(&operation(row));
    let ours: Vec<_> = found.iter().filter(|found| identity.matches(found)).collect();
    let moved = Refusal {
        status: 0,
        code: "stale".to_owned(),
        message: "the record is not as the plan saw it".to_owned(),
    };
    let on_conflict = shared.options.on_conflict.unwrap_or_default();
    let judge = Judge { connector, on_conflict, is_believable: true };
    match judge.judge(&doubt(row, moved.clone()), &ours) {
        Judgement::Resend(_) => {
            let record = ours.first().map_or("{}", |found| found.record.as_str());
            Ok(missing(connector, row, record))
        }
        _ => Err(Verdict::Stale(moved)),
    }
}

fn doubt(row: &OpenRow, moved: Refusal) -> Doubt {
    Doubt {
        row: row.clone(),
        cause: Cause::Stale(moved),
        believable: Instant::now(),
        looks: 0,
        is_inherited: false,
        kept: String::new(),
    }
}

/// The row with what its record does not hold yet, and what every change has to carry.
fn missing<'r>(connector: &dyn Connector, row: &'r OpenRow, record: &str) -> Cow<'r, OpenRow> {
    let entity = connector.entity();
    let Ok(changes) = differences(entity, &row.payload, record) else { return Cow::Borrowed(row) };
    let is_needed = |name: &str| {
        let goes_with = |changed: &str| entity.field(name).is_some_and(|field| field.goes_with(changed));
        changes.iter().any(|change| change.field == name || goes_with(&change.field))
    };
    match only(&row.payload, is_needed) {
        Ok(payload) if row.action == Action::Update => Cow::Owned(OpenRow { payload, ..row.clone() }),
        _ => Cow::Borrowed(row),
    }
}
