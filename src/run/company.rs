//! The company that a profile means, by name or by GUID.

use serde::Deserialize;

use crate::connector::{Api, List, Set};
use crate::export::{ExportError, ExportEvent, PageOptions, PageReader};
use crate::transport::Transport;

/// One company of the target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    /// Its GUID, as the server spells it.
    pub id: String,
    /// Its name, which nobody else has.
    pub name: String,
    /// The name people see; may be empty or shared.
    #[serde(default)]
    pub display_name: String,
}

/// Why a company could not be found.
#[derive(Debug, thiserror::Error)]
pub enum CompanyError {
    /// None has that name or GUID, or several have that display name.
    #[error("{count} companies match `{company}`; there are: {known}", count = if *matches == 0 { "no".to_owned() } else { matches.to_string() })]
    NotOne {
        /// As the profile has it.
        company: String,
        /// How many match.
        matches: usize,
        /// Name and GUID of each company there is, or `none`.
        known: String,
    },
    /// The list of companies could not be read.
    #[error(transparent)]
    Pages(#[from] ExportError),
}

#[derive(Deserialize)]
struct CompanyPage {
    value: Vec<Company>,
}

/// Finds the one company with this GUID, name or display name, looked for in this order, in any letter case.
pub async fn resolve_company(
    transport: &Transport,
    api: &dyn Api,
    name_or_guid: &str,
    options: PageOptions,
    on_event: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<Company, CompanyError> {
    let mut reader = PageReader::new(transport, api, options);
    let page = reader.list(&List::of("", Set::Companies, &[]), on_event).await?;
    let (mut companies, mut next) = (Vec::new(), Some(page));
    while let Some(page) = next {
        let found: CompanyPage = serde_json::from_slice(&page.body)
            .map_err(|source| ExportError::Malformed { entity: "companies", page: page.number, source })?;
        companies.extend(found.value);
        next = reader.next(on_event).await?;
    }
    choose(&companies, name_or_guid)
}

fn choose(companies: &[Company], wanted: &str) -> Result<Company, CompanyError> {
    let folded = |text: &str| text.trim().trim_matches(['{', '}']).to_lowercase();
    let properties: [fn(&Company) -> &str; 3] =
        [|company| &company.id, |company| &company.name, |company| &company.display_name];
    let by = |property: fn(&Company) -> &str| -> Vec<_> {
        companies.iter().filter(|company| folded(property(company)) == folded(wanted)).collect()
    };
    // A profile that names no company means the only one there is.
    let matching: Vec<_> = match folded(wanted).as_str() {
        "" => companies.iter().collect(),
        _ => properties.into_iter().map(by).find(|matching| !matching.is_empty()).unwrap_or_default(),
    };
    if let [company] = matching[..] {
        return Ok(company.clone());
    }
    let known: Vec<_> =
        companies.iter().map(|company| format!("`{}` ({})", company.name, company.id)).collect();
    Err(CompanyError::NotOne {
        company: wanted.to_owned(),
        matches: matching.len(),
        known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company(id: &str, name: &str, display_name: &str) -> Company {
        Company { id: id.to_owned(), name: name.to_owned(), display_name: display_name.to_owned() }
    }

    fn companies() -> Vec<Company> {
        vec![
            company("a-1", "CRONUS", "Shown"),
            company("b-2", "Other", "Shown"),
            company("c-3", "Shop", "My shop"),
        ]
    }

    #[test]
    fn a_company_is_known_by_its_id_its_name_or_the_name_people_see() {
        for (wanted, id) in [("A-1", "a-1"), ("{b-2}", "b-2"), ("cronus", "a-1"), ("My Shop", "c-3")] {
            assert_eq!(choose(&companies(), wanted).unwrap().id, id);
        }
    }

    #[test]
    fn without_a_name_the_only_company_is_meant_and_never_one_of_several() {
        assert_eq!(choose(&companies()[..1], "").unwrap().id, "a-1");
        let nameless = company("d-4", "Nameless", "");
        assert!(choose(&[companies(), vec![nameless]].concat(), " ").is_err());
    }

    #[test]
    fn a_name_that_none_or_several_have_is_refused() {
        let known = "`CRONUS` (a-1), `Other` (b-2), `Shop` (c-3)";
        assert_eq!(
            choose(&companies(), "Contoso").unwrap_err().to_string(),
            format!("no companies match `Contoso`; there are: {known}")
        );
        assert_eq!(
            choose(&companies(), "Shown").unwrap_err().to_string(),
            format!("2 companies match `Shown`; there are: {known}")
        );
        assert_eq!(choose(&[], "x").unwrap_err().to_string(), "no companies match `x`; there are: none");
    }
}
