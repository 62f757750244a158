//! The reference tables of the target: which codes and ids exist there.
//!
//! The run fills them before a file is checked; mapping turns codes into ids with them, validation refuses what
//! they do not have. A table that was not read is not judged.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::text::{fold_name, is_plain, nearest, trim, upper};

/// Tables with more codes than this are not searched for a similar code: that would cost more than it helps.
const SUGGESTING_CODES: usize = 10_000;

/// The nil GUID, which means "none" in Business Central.
pub const NIL_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// What parts a code from the one that it counts within.
const WITHIN: char = '\u{1f}';

/// A code that counts only within another one, as one code: of a dimension's value, whose code other dimensions may
/// have too.
#[must_use]
pub fn code_within(outer: &str, code: &str) -> String {
    format!("{}{WITHIN}{}", trim(outer), trim(code))
}

/// What exists in the target: per entity set its codes (for customers: numbers) and ids.
#[derive(Debug, Default)]
pub struct References {
    tables: Vec<(String, Table)>,
    local_currency: Option<String>,
}

#[derive(Debug, Default)]
struct Table {
    ids_by_code: HashMap<Box<str>, Box<str>, FixedState>,
    ids: HashSet<u128, FixedState>,
    /// Empty codes are of names that several records carry.
    codes_by_name: HashMap<Box<str>, Box<str>, FixedState>,
}

impl References {
    /// No table was read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the table of this entity set was read, even if it turned out empty.
    pub fn add_set(&mut self, set: &str) {
        self.table_mut(set);
    }

    /// Adds one record of an entity set: its code (for customers its number) and its id.
    pub fn insert(&mut self, set: &str, code: &str, id: &str) {
        let table = self.table_mut(set);
        if let Some(id) = guid_bits(id) {
            table.ids.insert(id);
        }
        table.ids_by_code.insert(upper(trim(code)).into(), id.into());
    }

    /// Adds the name of one record of an entity set, by which a file may mean its code. A name that several records
    /// carry means none of them.
    pub fn insert_name(&mut self, set: &str, name: &str, code: &str) {
        // A record is written without a look at its texts where those of its row are plain.
        if !is_plain(code.as_bytes()) || name.trim().is_empty() {
            return;
        }
        let table = self.table_mut(set);
        let known = table.codes_by_name.entry(fold_name(name).into());
        known.and_modify(|known| *known = "".into()).or_insert_with(|| upper(trim(code)).into());
    }

    /// Whether names of the table's records were read, too.
    #[must_use]
    pub fn has_names(&self, set: &str) -> bool {
        self.table(set).is_some_and(|table| !table.codes_by_name.is_empty())
    }

    /// The code of the one record with this name, whatever its case and spaces; empty when several carry it.
    #[must_use]
    pub fn code_named(&self, set: &str, name: &str) -> Option<&str> {
        self.table(set)?.codes_by_name.get(fold_name(name).as_str()).map(AsRef::as_ref)
    }

    /// Says which currency is the company's own; it usually has no row among the currencies.
    pub fn set_local_currency(&mut self, code: &str) {
        self.local_currency = Some(upper(trim(code)).into_owned());
    }

    /// The company's own currency, when it is known.
    #[must_use]
    pub fn local_currency(&self) -> Option<&str> {
        self.local_currency.as_deref()
    }

    /// Whether the table of this entity set was read, so that it can be judged what it does not have.
    #[must_use]
    pub fn has_set(&self, set: &str) -> bool {
        self.table(set).is_some()
    }

    /// The id of the record with this code; case and outer blanks do not matter.
    #[must_use]
    pub fn id_of(&self, set: &str, code: &str) -> Option<&str> {
        self.table(set)?.ids_by_code.get(upper(trim(code)).as_ref()).map(AsRef::as_ref)
    }

    /// Whether the table has a record with this id.
    #[must_use]
    pub fn has_id(&self, set: &str, id: &str) -> bool {
        match (self.table(set), guid_bits(id)) {
            (Some(table), Some(id)) => table.ids.contains(&id),
            _ => false,
        }
    }

    /// The code of the table that is spelled most like this one, if one is close; of equals, the first by code.
    #[must_use]
    pub fn nearest_code(&self, set: &str, code: &str) -> Option<&str> {
        let codes = &self.table(set)?.ids_by_code;
        if codes.len() > SUGGESTING_CODES {
            return None;
        }
        let mut codes: Vec<&str> = codes.keys().map(AsRef::as_ref).collect();
        codes.sort_unstable();
        nearest(code, codes)
    }

    /// As [`Self::nearest_code`], for a code that counts [within](code_within) another one.
    #[must_use]
    pub fn nearest_code_within(&self, set: &str, outer: &str, code: &str) -> Option<&str> {
        let outer = upper(&code_within(outer, "")).into_owned();
        let codes = &self.table(set)?.ids_by_code;
        if codes.len() > SUGGESTING_CODES {
            return None;
        }
        let mut codes: Vec<&str> = codes.keys().filter_map(|known| known.strip_prefix(&outer)).collect();
        codes.sort_unstable();
        nearest(code, codes)
    }

    fn table(&self, set: &str) -> Option<&Table> {
        self.tables.iter().find(|(name, _)| name == set).map(|(_, table)| table)
    }

    fn table_mut(&mut self, set: &str) -> &mut Table {
        let index = self.tables.iter().position(|(name, _)| name == set).unwrap_or_else(|| {
            self.tables.push((set.to_owned(), Table::default()));
            self.tables.len() - 1
        });
        &mut self.tables[index].1
    }
}

/// The 128 bits of a GUID in its 36-character form; `None` for any other text.
#[must_use]
pub fn guid_bits(text: &str) -> Option<u128> {
    if !is_guid(text) {
        return None;
    }
    Some(
        text.chars()
            .filter_map(|digit| digit.to_digit(16))
            .fold(0, |bits, digit| bits << 4 | u128::from(digit)),
    )
}

/// Whether the text is a GUID in its 36-character form, without braces.
#[must_use]
#[inline]
pub fn is_guid(text: &str) -> bool {
    let Ok(bytes) = <&[u8; 36]>::try_from(text.as_bytes()) else { return false };
    let digits: u8 = bytes.iter().map(|byte| u8::from(byte.is_ascii_hexdigit())).sum();
    digits == 32 && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";

    #[test]
    fn codes_and_ids_are_found_in_any_case() {
        let mut references = References::new();
        references.insert("paymentTerms", "30 days", ID);
        assert_eq!(references.id_of("paymentTerms", " 30 Days "), Some(ID));
        assert!(references.has_id("paymentTerms", &ID.to_uppercase()));
        assert!(!references.has_id("paymentTerms", NIL_GUID));
        assert_eq!(references.nearest_code("paymentTerms", "30DAY"), Some("30 DAYS"));
    }

    #[test]
    fn a_code_within_another_is_none_of_a_third() {
        let mut references = References::new();
        references.insert("dimensionValues", &code_within("AREA", "30"), ID);
        references.insert("dimensionValues", &code_within("DEPARTMENT", "SALES"), "");
        assert_eq!(references.id_of("dimensionValues", &code_within(" area", "30 ")), Some(ID));
        assert_eq!(references.id_of("dimensionValues", &code_within("AREA", "SALES")), None);
        let nearest = |outer, code| references.nearest_code_within("dimensionValues", outer, code);
        assert_eq!((nearest("department", "SALE"), nearest("AREA", "SALES")), (Some("SALES"), None));
    }

    #[test]
    fn a_name_means_a_code_unless_several_records_carry_it() {
        let mut references = References::new();
        references.insert_name("countriesRegions", "Great  Britain", "gb");
        references.insert_name("countriesRegions", "Nowhere", "X1");
        references.insert_name("countriesRegions", "nowhere", "X2");
        assert_eq!(references.code_named("countriesRegions", "great BRITAIN "), Some("GB"));
        assert_eq!(references.code_named("countriesRegions", "Nowhere"), Some(""));
        assert_eq!(references.code_named("countriesRegions", "GB"), None);
        assert_eq!(references.code_named("customers", "GB"), None);
    }

    #[test]
    fn a_table_that_was_not_read_is_known_as_such() {
        let mut references = References::new();
        references.add_set("currencies");
        assert!(references.has_set("currencies"));
        assert!(!references.has_set("customers"));
    }

    #[test]
    fn only_the_plain_form_is_a_guid() {
        assert!(is_guid(ID));
        for text in
            ["", "6f9619ff-8b86-d011-b42d-00cf4fc964", "00000000-0000-0000-0000-00000000000g", "{broken}"]
        {
            assert!(!is_guid(text), "{text}");
        }
    }
}
