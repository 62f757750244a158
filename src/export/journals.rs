//! The payment journals of a company: where its payments wait.

use serde::Deserialize;

use super::pages::{Page, PageReader};
use super::{ExportError, ExportEvent};

/// The names of the set of payment journals, in the order they are tried.
///
/// Source: the API's source has the first; its documentation and some servers have the second.
const SETS: [&str; 2] = ["customerPaymentJournals", "customerPaymentsJournals"];

/// Payment journals, by the code people know them by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journals {
    /// The name the server has for their set.
    pub set: &'static str,
    /// Id and code of each, in the server's order.
    pub journals: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct JournalPage {
    value: Vec<Journal>,
}

#[derive(Deserialize)]
struct Journal {
    id: String,
    code: String,
}

/// Finds the journal with the code `wanted`, or all journals, of the company at `company_path`.
///
/// Codes are compared as the server keeps them: upper-cased.
pub async fn fetch_journals(
    reader: &mut PageReader<'_>,
    company_path: &str,
    wanted: Option<&str>,
    on_event: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<Journals, ExportError> {
    let (set, page) = open_journals(reader, company_path, on_event).await?;
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
        journals.retain(|(_, code)| code.to_uppercase() == wanted.trim().to_uppercase());
        if journals.is_empty() {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ExportError::UnknownJournal { journal: wanted.to_owned(), known });
        }
    }
    Ok(Journals { set, journals })
}

/// The first page of journals, under the name that this server has for their set.
async fn open_journals(
    reader: &mut PageReader<'_>,
    company_path: &str,
    on_event: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<(&'static str, Page), ExportError> {
    let address = |set| [format!("{company_path}/{set}?$select=id,code")];
    match reader.open(&address(SETS[0]), on_event).await {
        Err(missing @ ExportError::NotFound { .. }) => match reader.open(&address(SETS[1]), on_event).await {
            Err(ExportError::NotFound { .. }) => Err(missing),
            other => other.map(|page| (SETS[1], page)),
        },
        other => other.map(|page| (SETS[0], page)),
    }
}
