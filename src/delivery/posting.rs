//! Whether a payment that cannot be found may have been posted meanwhile.
//!
//! Posting takes every line out of a journal, so an absence alone does not say that a payment was never carried
//! out. In: the journal as it was before the run's first payment (in its header), and the payments that the run
//! has carried out. Out: whether anything was posted since. Asked after the lookup that found nothing, so that
//! nothing can slip in between.

use std::collections::HashSet;

use super::DeliveryError;
use super::doubt::Doubt;
use super::settler::{Answer, ask, ask_ledger};
use super::shared::Shared;
use crate::connector::Operation;
use crate::connector::business_central::{Found, text_of};
use crate::domain::text::upper;
use crate::domain::{Action, EntityKind};

/// What is known of postings since the run's first payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Postings {
    /// Nothing was posted that could be the payment.
    None,
    /// Payments with these document numbers were posted, upper-cased; ours may have got another number on the way.
    Of(HashSet<String>),
    /// The line that would tell is gone, and the ledger entries do not say why.
    Likely,
    /// There was no line that would tell, and the ledger entries cannot be read.
    Untold,
    /// The target does not answer just now.
    Unknown,
}

/// What postings say of one payment that a lookup did not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It was not carried out.
    Certain,
    /// Ask again later.
    Unknown,
    /// Only a person can tell; the words say where to look.
    ForAPerson(&'static str),
}

impl Postings {
    pub(super) fn absence_of(&self, doubt: &Doubt) -> Absence {
        let row = &doubt.row;
        match self {
            Self::None => Absence::Certain,
            Self::Unknown => Absence::Unknown,
            Self::Of(documents) => {
                let sent = text_of(&row.payload, "documentNumber");
                let document = if sent.is_empty() { &row.key } else { &sent };
                Absence::ForAPerson(match (documents.contains(&upper(document.trim())[..]), row.action) {
                    (true, Action::Delete) => {
                        "it is not in the journal, and a payment with its document number was posted since; if it \
                         is this one, it was not deleted and can only be reversed"
                    }
                    (true, _) => {
                        "it is not in the journal, and a payment with its document number was posted since; if it \
                         is this one, there is nothing left to do"
                    }
                    (false, _) => {
                        "it is not in the journal, and payments were posted since; look for it among the posted ones"
                    }
                })
            }
            Self::Likely => Absence::ForAPerson(
                "the journal was posted or emptied since; look for the payment among the posted ones",
            ),
            // Nobody posts a journal in the moments between a lost answer and the lookups of the same process.
            Self::Untold if !doubt.is_inherited => Absence::Certain,
            Self::Untold => Absence::ForAPerson(
                "it is not in the journal, and the program had ended before the answer came; look for the payment \
                 among the posted ones",
            ),
        }
    }
}

/// What is known of postings, asked for once and good for all the rows of one lookup.
#[derive(Debug, Default)]
pub(super) struct Noted {
    for_creates: Option<Postings>,
    for_deletes: Option<Postings>,
}

impl Noted {
    /// Whether a payment that a lookup did not find was certainly not posted.
    pub(super) async fn absence_of(
        &mut self,
        shared: &Shared,
        doubt: &Doubt,
    ) -> Result<Absence, DeliveryError> {
        let is_delete = doubt.row.action == Action::Delete;
        let known = if is_delete { &mut self.for_deletes } else { &mut self.for_creates };
        if known.is_none() {
            // Lines to delete leave the journal by our own hand, so none of them is a witness.
            let found = if is_delete {
                by_ledger_entries(shared, Postings::Untold).await?
            } else {
                by_witness(shared).await?
            };
            *known = Some(found);
        }
        Ok(known.as_ref().map_or(Absence::Unknown, |known| known.absence_of(doubt)))
    }
}

/// Asks the target what was posted since the run's first payment.
///
/// The witness is asked first: a line that was in the journal before, or the run's first payment. While it is
/// there, nothing was posted. Else the general ledger is asked for payments above its last entry of then. Without a
/// line that could have gone, a ledger without them is proof enough.
///
/// Source: posting a journal takes all its lines and writes at least one general ledger entry for each, which
/// keeps the line's document number unless the journal has a number series for posting.
async fn by_witness(shared: &Shared) -> Result<Postings, DeliveryError> {
    let Some(id) = witness(shared).await? else { return by_ledger_entries(shared, Postings::Untold).await };
    Ok(match ask(shared, by_id(shared, &id)).await {
        Answer::Found(found) if !found.is_empty() => Postings::None,
        Answer::Found(_) | Answer::Never(_) | Answer::NotPermitted(_) => {
            match by_ledger_entries(shared, Postings::Likely).await? {
                // A line that is gone without a posting was deleted or moved by hand.
                Postings::None => Postings::Likely,
                told => told,
            }
        }
        Answer::TooMuch | Answer::Later(_) => Postings::Unknown,
    })
}

/// What the general ledger tells, or `untold` when it may not be read.
async fn by_ledger_entries(shared: &Shared, untold: Postings) -> Result<Postings, DeliveryError> {
    let before = ask_ledger(shared, |ledger| Ok(ledger.header()?.journal_before)).await?;
    let Some(last_entry) = before.and_then(|before| before.last_entry) else { return Ok(untold) };
    Ok(match ask(shared, shared.target.connector.payments_posted_since(last_entry)).await {
        Answer::Found(found) if found.is_empty() => Postings::None,
        Answer::Found(found) => Postings::Of(found.iter().map(document_of).collect()),
        Answer::Never(_) | Answer::NotPermitted(_) | Answer::TooMuch => untold,
        Answer::Later(_) => Postings::Unknown,
    })
}

fn document_of(found: &Found) -> String {
    upper(&text_of(&found.record, "documentNumber")).into_owned()
}

fn by_id(shared: &Shared, id: &str) -> crate::connector::Request {
    let by_id = Operation {
        row: 0,
        action: Action::Update,
        payload: "{}",
        remote_id: Some(id),
        etag: None,
        line_number: None,
    };
    shared.target.connector.lookups(&[by_id]).pop().expect("one operation has one lookup").request
}

/// The target's id of a payment that was in the journal before any that is in doubt now: one that was there when
/// the run began, or else the run's first; `None` while there is none.
async fn witness(shared: &Shared) -> Result<Option<String>, DeliveryError> {
    let mut witness = shared.witness.lock().await;
    if witness.is_none() {
        *witness = ask_ledger(shared, |ledger| {
            let before = ledger.header()?.journal_before.and_then(|before| before.witness);
            Ok(match before {
                Some(before) if !ledger.deletes(&before)? => Some(before),
                _ => ledger.first_done()?,
            })
        })
        .await?;
    }
    Ok(witness.clone())
}

/// Whether a posted journal would show by now. Customers are never posted.
pub(super) async fn has_witness(shared: &Shared) -> Result<bool, DeliveryError> {
    Ok(shared.target.connector.kind() == EntityKind::Customers || witness(shared).await?.is_some())
}
