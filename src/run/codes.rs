//! The codes of a target's tables by their ids: an id means nothing in another system, a code may.

use std::collections::HashMap;

use super::target::{COUNTRIES, Target};
use crate::connector::Set;
use crate::connector::fields::Fields;
use crate::domain::country::names_of;
use crate::domain::reference::guid_bits;
use crate::domain::text::fold_name;
use crate::export::{ExportError, PageReader};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The codes of one table, by id.
pub(super) type CodesById = HashMap<u128, String>;

/// The codes of one table, by folded name; a name that several rows carry is nobody's.
pub(super) type CodesByName = HashMap<String, String>;

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

impl Target {
    /// The codes of a table by their ids; `None` when the target does not show it.
    pub(super) async fn fetch_codes(&self, set: &'static str) -> Result<Option<CodesById>, ExportError> {
        let mut codes = CodesById::new();
        let read = self.each_code(set, &["id", "code"], |row| {
            if let Some(id) = guid_bits(&row.text("id")) {
                codes.insert(id, row.text("code").trim().to_uppercase());
            }
        });
        Ok(read.await?.then_some(codes))
    }

    /// The codes of a table by their names; none when the target does not show it.
    pub(super) async fn fetch_code_names(&self, set: &'static str) -> Result<CodesByName, ExportError> {
        let mut codes: HashMap<String, Option<String>> = HashMap::new();
        let read = self.each_code(set, &["id", "code", "displayName"], |row| {
            let code = row.text("code").trim().to_uppercase();
            let name = fold_name(&row.text("displayName"));
            codes.entry(name).and_modify(|known| *known = None).or_insert(Some(code));
        });
        read.await?;
        codes.remove("");
        if set == COUNTRIES {
            // What the target calls a country itself comes first.
            let there: Vec<_> = codes.values().flatten().cloned().collect();
            for (code, name) in there.iter().flat_map(|code| names_of(code).map(move |name| (code, name))) {
                codes.entry(fold_name(name)).or_insert_with(|| Some(code.clone()));
            }
        }
        Ok(codes.into_iter().filter_map(|(name, code)| Some((name, code?))).collect())
    }

    /// Shows `visit` every row of a small table; `false` when the target does not show it.
    async fn each_code(
        &self,
        set: &'static str,
        select: &[&str],
        mut visit: impl FnMut(&Fields<'_>),
    ) -> Result<bool, ExportError> {
        let mut reader = PageReader::new(&self.transport, self.api.as_ref(), self.pages).on_primary();
        let mut page = match reader.list(&self.list(Set::Reference(set), select), &mut |_| ()).await {
            Err(ExportError::NotFound { .. } | ExportError::Refused { .. }) => return Ok(false),
            first => Some(first?),
        };
        while let Some(read) = page {
            let malformed = |source| ExportError::Malformed { entity: set, page: read.number, source };
            let rows: Rows<'_> = serde_json::from_slice(&read.body).map_err(malformed)?;
            for raw in rows.value {
                visit(&Fields::parse(raw.get()).map_err(malformed)?);
            }
            page = reader.next(&mut |_| ()).await?;
        }
        Ok(true)
    }
}
