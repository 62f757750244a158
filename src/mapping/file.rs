//! The mapping file: which column feeds which field, when headers alone do not tell.
//!
//! ```toml
//! entity = "customers"
//!
//! [fields]
//! displayName  = { from = "Firma" }
//! type         = { const = "Company" }
//! currencyCode = { from = "Währung", default = "EUR" }
//! blocked      = { from = "Gesperrt", values = { J = "All", N = " " } }
//! email        = { from = "Mail", blank = "clear" }
//!
//! [ignore]
//! columns = ["Notiz"]
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::MappingError;
use crate::domain::EntityKind;

/// A mapping file as written; checked against headers and catalogue when it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFile {
    /// The path, for messages.
    pub name: String,
    /// The kind of record it is for, when it says so.
    pub entity: Option<EntityKind>,
    /// What feeds each field, by the catalogue's name of the field.
    pub fields: BTreeMap<String, FieldMapping>,
    /// Headings of columns that feed nothing on purpose.
    pub ignored: Vec<String>,
}

/// What a blank cell means for the record that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blanks {
    /// Nothing: the record keeps its value.
    #[default]
    Keep,
    /// The value is made blank.
    Clear,
}

impl Blanks {
    /// The word for it in flags and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Clear => "clear",
        }
    }
}

/// What feeds one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as `{ from = \"Heading\" }`")]
pub struct FieldMapping {
    /// The heading of the column.
    pub from: Option<String>,
    /// A text that every row gets.
    #[serde(rename = "const")]
    pub constant: Option<String>,
    /// The text that stands in for a blank cell.
    pub default: Option<String>,
    /// What a blank cell means; `None` as for the other columns.
    pub blank: Option<Blanks>,
    /// Texts that stand in for texts of the file.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    entity: Option<EntityKind>,
    #[serde(default)]
    fields: BTreeMap<String, FieldMapping>,
    #[serde(default)]
    ignore: Ignore,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    #[serde(default)]
    columns: Vec<String>,
}

impl MappingFile {
    /// Reads the text of the mapping file called `name`.
    ///
    /// # Errors
    /// When it is no TOML, has keys that are not known, or gives a field both a column and a constant.
    pub fn parse(text: &str, name: &str) -> Result<Self, MappingError> {
        let document: Document = toml::from_str(text)
            .map_err(|source| MappingError::Syntax { file: name.to_owned(), source: Box::new(source) })?;
        for (field, mapping) in &document.fields {
            if mapping.from.is_some() && mapping.constant.is_some() {
                return Err(MappingError::FromAndConst { file: name.to_owned(), field: field.clone() });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            entity: document.entity,
            fields: document.fields,
            ignored: document.ignore.columns,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn every_key_is_read() {
        let file = MappingFile::parse(
            "entity = 'customers'\n[fields]\nblocked = { from = 'X', default = ' ', values = { J = 'All' } }\n\
             type = { const = 'Person' }\n[ignore]\ncolumns = ['Note']",
            "m.toml",
        )
        .unwrap();
        assert_eq!(file.entity, Some(EntityKind::Customers));
        assert_eq!(file.fields["blocked"].values["J"], "All");
        assert_eq!(file.fields["type"].constant.as_deref(), Some("Person"));
        assert_eq!(file.ignored, ["Note"]);
    }

    #[test]
    fn a_key_that_is_not_known_is_refused_with_its_line() {
        let error = MappingFile::parse("[fields]\ntype = { frm = 'X' }", "m.toml").unwrap_err();
        assert_eq!(error.to_string(), "cannot read mapping file `m.toml`");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("line 2") && cause.contains("frm"), "{cause}");
    }

    #[test]
    fn a_field_that_is_no_table_is_told_how_to_be_one() {
        let error = MappingFile::parse("[fields]\ntype = 'X'", "m.toml").unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("a table such as `{ from = \"Heading\" }`"), "{cause}");
    }

    #[test]
    fn a_field_has_a_column_or_a_constant() {
        let error = MappingFile::parse("[fields]\ntype = { from = 'X', const = 'Y' }", "m.toml").unwrap_err();
        assert_eq!(error.to_string(), "mapping file `m.toml` gives `type` both `from` and `const`; keep one");
    }
}
