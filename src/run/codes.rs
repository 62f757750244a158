//! The codes of a target's tables by their ids: an id means nothing in another system, a code may.

use std::collections::HashMap;

use super::target::Target;
use crate::connector::Set;
use crate::connector::fields::Fields;
use crate::domain::reference::guid_bits;
use crate::export::{ExportError, PageReader};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The codes of one table, by id.
pub(super) type CodesById = HashMap<u128, String>;

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

impl Target {
    /// The codes of a table by their ids; `None` when the target does not show it.
    pub(super) async fn fetch_codes(&self, set: &'static str) -> Result<Option<CodesById>, ExportError> {
        let mut reader = PageReader::new(&self.transport, self.api.as_ref(), self.pages).on_primary();
        let list = self.list(Set::Reference(set), &["id", "code"]);
        let mut codes = CodesById::new();
        let mut page = match reader.list(&list, &mut |_| ()).await {
            Err(ExportError::NotFound { .. } | ExportError::Refused { .. }) => return Ok(None),
            first => Some(first?),
        };
        while let Some(read) = page {
            let malformed = |source| ExportError::Malformed { entity: set, page: read.number, source };
            let rows: Rows<'_> = serde_json::from_slice(&read.body).map_err(malformed)?;
            for raw in rows.value {
                let row = Fields::parse(raw.get()).map_err(malformed)?;
                if let Some(id) = guid_bits(&row.text("id")) {
                    codes.insert(id, row.text("code").trim().to_uppercase());
                }
            }
            page = reader.next(&mut |_| ()).await?;
        }
        Ok(Some(codes))
    }
}
