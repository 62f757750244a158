//! What a row means of the target's other records, as its system says it.
//!
//! In: a payload as the file says it. Out: the payload with the ids that the target wants to have, or a conflict that
//! says why not. Default dimensions need their tables in every system; what else rows need, the connector knows.

use std::borrow::Cow;

use crate::connector::{Completion as OfSystem, Settling};
use crate::domain::{EntityKind, References, Violation};
use crate::export::ExportError;
use crate::plan::Decision;

use super::dimensions::with_ids;
use super::event::{Event, Observer};
use super::named::Named;
use super::target::{Target, TargetError};

/// What payloads of one kind are completed with.
#[derive(Debug, Default)]
pub(super) enum Completion {
    /// Rows mean what they say.
    #[default]
    Nothing,
    /// The codes of dimensions stand for ids.
    Dimensions,
    /// The system completes its rows.
    OfSystem(Box<dyn OfSystem>),
}

impl Completion {
    /// Reads what rows of this kind may mean; nothing where the system needs nothing.
    pub(super) async fn fetch(
        target: &Target,
        (kind, named): (EntityKind, &Named),
        references: &mut References,
        observer: Observer<'_>,
    ) -> Result<Self, TargetError> {
        if kind == EntityKind::Dimensions {
            target.fetch_dimension_codes(references, observer).await?;
            return Ok(Self::Dimensions);
        }
        let local_currency = references.local_currency().unwrap_or_default();
        let Some(mut completion) = target.api.completion(kind, local_currency) else {
            return Ok(Self::Nothing);
        };
        while let Some(needed) = completion.needs(named.count()) {
            let (list, mut rows) = (target.list(needed.set, &[]), 0);
            let read = target.each_record_page(&list, |page| {
                let added = completion.add(needed.set, &page, &|number| named.may_name(number));
                added.map_err(|source| TargetError::Malformed { set: needed.set.as_str(), source })?;
                rows += page.len() as u64;
                observer(Event::Fetched(needed.set.as_str(), rows));
                Ok(())
            });
            match read.await {
                Err(TargetError::Fetch(ExportError::NotFound { .. } | ExportError::Refused { .. }))
                    if needed.is_optional => {}
                outcome => outcome?,
            }
        }
        completion.share(references);
        Ok(Self::OfSystem(completion))
    }

    /// The payload with what its row means; a conflict when that cannot be said.
    pub(super) fn complete<'p>(
        &self,
        payload: &'p str,
        references: &References,
    ) -> Result<Cow<'p, str>, Box<Decision>> {
        match self {
            Self::Nothing => Ok(Cow::Borrowed(payload)),
            Self::Dimensions => with_ids(payload, references).map(Cow::Owned),
            Self::OfSystem(completion) => {
                completion.complete(payload, references).map_err(|violation| Box::new(conflict(violation)))
            }
        }
    }

    /// What was decided on the row with this payload, with what goes without saying; a conflict when the target would
    /// not take it.
    pub(super) fn settle(&mut self, decision: Decision, row: &str) -> Decision {
        let Self::OfSystem(completion) = self else { return decision };
        let settling = Settling {
            action: decision.action,
            payload: &decision.payload,
            existing: decision.existing.as_ref().map(|existing| existing.body.as_str()),
            row,
        };
        match completion.settle(settling) {
            Ok(None) => decision,
            Ok(Some(payload)) => Decision { payload, ..decision },
            Err(violation) => conflict(violation),
        }
    }
}

fn conflict(violation: Violation) -> Decision {
    let Violation { rule, field, found, allowed, .. } = violation;
    Decision::conflict(rule, &field, found, &allowed)
}
