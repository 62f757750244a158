//! Whether a payment that cannot be found may have been posted meanwhile.
//!
//! Posting takes lines out of a journal, so an absence alone does not say that a payment was never carried out.
//! In: the journal and the general ledger as they were before the run's first payment (in its header), and the
//! payments that the run has carried out. Out: whether anything was posted since. Asked after the lookup that found
//! nothing, so that nothing can slip in between.
//!
//! The general ledger has the first word: a person may post some lines of a journal and leave others, so a line that
//! is still there does not vouch for the rest. Only where the entries cannot be read does such a line, the witness,
//! decide, and only one that was in the journal before the payment in doubt was sent.

use std::collections::HashSet;
use std::time::Duration;

use super::DeliveryError;
use super::doubt::Doubt;
use super::settler::{Answer, ask, ask_ledger};
use super::shared::{Shared, unix_now};
use crate::connector::Operation;
use crate::connector::{Found, Request, text_of};
use crate::domain::Action;
use crate::domain::text::upper;
use crate::ledger::{Ledger, LedgerError};

/// How often in a row the target is asked for what decides over a payment. The lookup that found nothing comes first each
/// time, so that giving up soon means to begin again with it.
const ASKS: u32 = 5;

/// Nobody posts a journal so soon after a request has left. When nothing else can tell, an absence is believed for
/// this long by the process that sent the request; after that a person has to look.
const JUST_SENT: Duration = Duration::from_secs(5);

/// What postings say of one payment that a lookup did not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It was not posted.
    Certain,
    /// Ask again later.
    Unknown,
    /// Only a person can tell; the words say where to look.
    ForAPerson(&'static str),
}

/// What the general ledger says of payments posted since the run's first one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entries {
    /// There are none.
    None,
    /// There are some, with these document numbers, upper-cased; ours may have got another number on the way.
    Of(HashSet<String>),
    /// They may not be read, now or before the run's first payment.
    Unreadable,
    /// The target does not answer just now.
    Unknown,
}

/// What became of the line that tells of postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witness {
    /// It is where it was.
    Present,
    /// Posted, deleted or moved.
    Gone,
    /// No line is known that was there before the payment in doubt.
    Nobody,
    /// The target does not answer just now.
    Unknown,
}

/// What is known of postings, asked for once and good for all the rows of one lookup.
#[derive(Debug, Default)]
pub(super) struct Noted {
    entries: Option<Entries>,
    /// Of the one line that [`Lines`] name.
    witness: Option<Witness>,
}

impl Noted {
    /// Whether a payment that a lookup did not find was certainly not posted.
    pub(super) async fn absence_of(
        &mut self,
        shared: &Shared,
        doubt: &Doubt,
    ) -> Result<Absence, DeliveryError> {
        let lines = lines(shared).await?;
        let entries = match &self.entries {
            Some(known) => known,
            None => self.entries.insert(entries_since(shared, lines.last_entry).await),
        };
        match entries {
            Entries::Unknown => return Ok(Absence::Unknown),
            Entries::Of(documents) => return Ok(Absence::ForAPerson(among(documents, doubt))),
            // Our own hand or another's: the payment that was to be deleted is gone, and was not posted.
            Entries::None if doubt.row.action == Action::Delete => return Ok(Absence::Certain),
            Entries::None | Entries::Unreadable => {}
        }
        let is_told = *entries == Entries::None;
        let row = doubt.row.id;
        // What the row was read with is older than its last request.
        let sent_at = ask_ledger(shared, move |ledger| ledger.sent_at(row)).await?;
        let witness = match (lines.witness_of(sent_at), self.witness) {
            (None, _) => Witness::Nobody,
            (Some(_), Some(known)) => known,
            (Some(line), None) => *self.witness.insert(look_at(shared, line).await),
        };
        Ok(match witness {
            Witness::Unknown => Absence::Unknown,
            Witness::Present => Absence::Certain,
            // A line that is gone without a posting was deleted or moved by hand, and others maybe with it.
            Witness::Gone => Absence::ForAPerson(
                "the journal was posted or emptied since; look for the payment among the posted ones",
            ),
            Witness::Nobody if is_told || is_just_sent(doubt.is_inherited, sent_at) => Absence::Certain,
            Witness::Nobody => Absence::ForAPerson(
                "it is not in the journal, and nothing tells whether the journal was posted since; look for the \
                 payment among the posted ones",
            ),
        })
    }
}

/// Where to look when payments were posted.
fn among(documents: &HashSet<String>, doubt: &Doubt) -> &'static str {
    let row = &doubt.row;
    let sent = text_of(&row.payload, "documentNumber");
    let document = if sent.is_empty() { &row.key } else { &sent };
    match (documents.contains(&upper(document.trim())[..]), row.action) {
        (true, Action::Delete) => {
            "it is not in the journal, and a payment with its document number was posted since; if it is this one, \
             it was not deleted and can only be reversed"
        }
        (true, Action::Update) => {
            "it is not in the journal, and a payment with its document number was posted since; if it is this one, \
             see whether it was posted with the change"
        }
        (true, _) => {
            "it is not in the journal, and a payment with its document number was posted since; if it is this one, \
             there is nothing left to do"
        }
        (false, _) => {
            "it is not in the journal, and payments were posted since; look for it among the posted ones"
        }
    }
}

fn is_just_sent(is_inherited: bool, sent_at: Option<i64>) -> bool {
    let age = sent_at.and_then(|sent_at| u64::try_from(unix_now() - sent_at).ok());
    !is_inherited && age.is_some_and(|age| Duration::from_millis(age) <= JUST_SENT)
}

/// What the general ledger tells of payments above its last entry of then.
///
/// Source: posting a journal line writes at least one general ledger entry, which keeps the line's document number
/// unless the journal has a number series for posting.
async fn entries_since(shared: &Shared, last_entry: Option<i64>) -> Entries {
    let Some(last_entry) = last_entry else { return Entries::Unreadable };
    let Some(request) = shared.target.connector.payments_posted_since(last_entry) else {
        return Entries::Unreadable;
    };
    match ask_patiently(shared, || request.clone()).await {
        Answer::Found(found) if found.is_empty() => Entries::None,
        Answer::Found(found) => Entries::Of(found.iter().map(document_of).collect()),
        // More than anybody would read through: ours may be among them.
        Answer::TooMuch => Entries::Of(HashSet::new()),
        Answer::Never(_) | Answer::NotPermitted(_) => Entries::Unreadable,
        Answer::Later(_) => Entries::Unknown,
    }
}

/// Asks a few times where there is no answer; the lane waits in between.
async fn ask_patiently(shared: &Shared, request: impl Fn() -> Request) -> Answer {
    let mut answer = ask(shared, request()).await;
    for _ in 1..ASKS {
        if !matches!(answer, Answer::Later(_)) || shared.is_ending() {
            break;
        }
        answer = ask(shared, request()).await;
    }
    answer
}

fn document_of(found: &Found) -> String {
    upper(&text_of(&found.record, "documentNumber")).into_owned()
}

async fn look_at(shared: &Shared, line: &str) -> Witness {
    match ask_patiently(shared, || by_id(shared, line)).await {
        Answer::Found(found) if !found.is_empty() => Witness::Present,
        Answer::Found(_) | Answer::Never(_) | Answer::NotPermitted(_) => Witness::Gone,
        Answer::TooMuch | Answer::Later(_) => Witness::Unknown,
    }
}

fn by_id(shared: &Shared, id: &str) -> Request {
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

/// The lines that can tell of postings, remembered as soon as there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// Whether the run's header was read.
    is_read: bool,
    /// The general ledger's last entry before the run's first payment.
    last_entry: Option<i64>,
    /// The target's id of a payment that was in the journal when the run began and that the run does not delete.
    before: Option<String>,
    /// The target's id of the run's first payment that was carried out, and when it was sent.
    first: Option<(String, i64)>,
    /// Whether no payment is left to be created, so that none has to go first.
    has_no_creates: bool,
}

impl Lines {
    /// Reads on what is not known yet.
    fn read(mut self, ledger: &Ledger) -> Result<Self, LedgerError> {
        if !self.is_read {
            let before = ledger.header()?.journal_before.unwrap_or_default();
            self.last_entry = before.last_entry;
            self.before = match before.witness {
                // A line that the run deletes leaves the journal by our own hand.
                Some(line) if !ledger.deletes(&line)? => Some(line),
                _ => None,
            };
            self.is_read = true;
        }
        if self.before.is_none() {
            self.first = ledger.first_done()?;
            self.has_no_creates = self.first.is_none() && !ledger.has_open_creates()?;
        }
        Ok(self)
    }

    fn tells(&self) -> bool {
        self.before.is_some() || self.first.is_some()
    }

    /// The line that was in the journal before the payment that was sent at `sent_at`. One that came later says
    /// nothing: it may have been put there after the posting.
    fn witness_of(&self, sent_at: Option<i64>) -> Option<&str> {
        let first = self.first.as_ref().filter(|(_, first)| sent_at.is_some_and(|sent_at| *first < sent_at));
        self.before.as_deref().or(first.map(|(line, _)| line.as_str()))
    }
}

async fn lines(shared: &Shared) -> Result<Lines, DeliveryError> {
    let mut lines = shared.witness.lock().await;
    if !lines.is_read || !(lines.tells() || lines.has_no_creates) {
        let known = lines.clone();
        *lines = ask_ledger(shared, move |ledger| known.read(&ledger)).await?;
    }
    Ok(lines.clone())
}

/// Whether a posted journal would show by now, or nothing is left that it could hide. Customers are never posted.
pub(super) async fn has_witness(shared: &Shared) -> Result<bool, DeliveryError> {
    if !shared.target.connector.has_lines() {
        return Ok(true);
    }
    let lines = lines(shared).await?;
    Ok(lines.tells() || lines.has_no_creates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_from_before_the_payment_can_vouch_for_it() {
        let lines = Lines { first: Some(("g".to_owned(), 10)), ..Lines::default() };
        assert_eq!(
            [None, Some(9), Some(10), Some(11)].map(|sent_at| lines.witness_of(sent_at)),
            [None, None, None, Some("g")]
        );
        let lines = Lines { before: Some("b".to_owned()), ..lines };
        assert_eq!(lines.witness_of(Some(9)), Some("b"));
    }

    #[test]
    fn an_absence_is_believed_without_proof_for_seconds_and_only_by_the_process_that_sent() {
        let now = unix_now();
        assert!(is_just_sent(false, Some(now - 1_000)));
        assert!(!is_just_sent(true, Some(now - 1_000)));
        // The server's own time limit; a clock that was put back; never sent.
        for sent_at in [Some(now - 600_000), Some(now + 60_000), None] {
            assert!(!is_just_sent(false, sent_at), "{sent_at:?}");
        }
    }
}
