//! The payment journals of a company: where its payments wait.

use serde::Deserialize;

use super::pages::PageReader;
use super::{ExportError, ExportEvent};
use crate::connector::{List, Set};
use crate::domain::text::is_same_code;

#[derive(Deserialize)]
struct JournalPage {
    value: Vec<Journal>,
}

#[derive(Deserialize)]
struct Journal {
    id: String,
    code: String,
}

/// Finds the journal with the code `wanted`, or all journals, of the company with this id: id and code of each, in the
/// server's order.
///
/// Codes are compared as the server keeps them: upper-cased.
pub async fn fetch_journals(
    reader: &mut PageReader<'_>,
    company: &str,
    wanted: Option<&str>,
    on_event: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<Vec<(String, String)>, ExportError> {
    let page = reader.list(&List::of(company, Set::Journals, &["id", "code"]), on_event).await?;
    let (mut journals, mut next) = (Vec::new(), Some(page));
    while let Some(page) = next {
        let found: JournalPage = serde_json::from_slice(&page.body).map_err(|source| {
            ExportError::Malformed { entity: "payment journals", page: page.number, source }
        })?;
        journals.extend(found.value.into_iter().map(|journal| (journal.id, journal.code)));
        next = reader.next(on_event).await?;
    }
    if let Some(wanted) = wanted {
        let known: Vec<_> = journals.iter().map(|(_, code)| format!("`{code}`")).collect();
        journals.retain(|(_, code)| is_same_code(code, wanted));
        if journals.is_empty() {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ExportError::UnknownJournal { journal: wanted.to_owned(), known });
        }
    }
    Ok(journals)
}
