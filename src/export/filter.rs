//! The query of an export: passed on as the user wrote it, encoded so that nothing of it gets lost.

use super::{ExportEntity, ExportError};
use crate::catalogue::Dialect;

/// What is to be exported, beside the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// An `OData` filter, not encoded.
    pub filter: Option<String>,
    /// The value of `$orderby`, not encoded.
    pub order_by: Option<String>,
    /// At most this many rows.
    pub top: Option<u64>,
}

impl Query {
    /// Refuses what would silently export too much.
    ///
    /// Source: Business Central's documented limitations: lambda operators are ignored.
    pub fn check(&self) -> Result<(), ExportError> {
        match &self.filter {
            Some(filter) if has_lambda(filter) => Err(ExportError::LambdaFilter(filter.clone())),
            _ => Ok(()),
        }
    }

    /// How many records to ask the server for at most: nothing is said of more than fit into a page, because a server
    /// answers such a number with one full page and no link to the next.
    #[must_use]
    pub fn asked_top(&self, page_rows: u32) -> Option<u64> {
        self.top.filter(|top| *top <= u64::from(page_rows))
    }
}

/// What to do about a refused query, from what is known of the servers.
///
/// Source: the members of an enumeration have names in v2.0; in v1.0 and beta they are plain texts.
#[must_use]
pub fn advice(entity: ExportEntity, query: &Query, dialect: &Dialect) -> Option<&'static str> {
    let Some(filter) = query.filter.as_deref() else {
        return Some("a server of another version may lack a column: name those to export with `--select`");
    };
    let bare = without_texts(filter);
    let mentions = |name| bare.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == name);
    if entity == ExportEntity::Customers
        && ["balance", "overdueAmount", "totalSalesExcludingTax"].into_iter().any(mentions)
    {
        return Some(
            "this server keeps the amounts apart from its customers: filter on them with \
             `ferry export financials`, or export all customers with `--expand financials` and filter the file",
        );
    }
    if mentions("blocked") {
        let is_written = |blanks: &[&str]| blanks.iter().any(|blank| filter.contains(blank));
        if !dialect.plain_members && is_written(&["' '", "''"]) {
            return Some("this server wants the blank value by its name: blocked eq '_x0020_'");
        }
        if dialect.plain_members && is_written(&["'_x0020_'", "''"]) {
            return Some("this server wants the blank value as one space: blocked eq ' '");
        }
    }
    if mentions("or") {
        return Some("`or` works within one field only: make one export for each field");
    }
    mentions("in").then_some("write `in` as a chain of `or` on the same field")
}

fn has_lambda(filter: &str) -> bool {
    let bare = without_texts(filter).replace(' ', "");
    bare.contains("/any(") || bare.contains("/all(")
}

/// The expression with the quoted texts cut out, so that words inside them are not taken for operators.
fn without_texts(filter: &str) -> String {
    filter.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{business_central_v1, business_central_v2};

    fn told(entity: ExportEntity, query: &Query) -> Option<&'static str> {
        advice(entity, query, &business_central_v2::DIALECT)
    }

    #[test]
    fn the_blank_value_is_told_as_the_dialect_writes_it() {
        let old =
            |filter: &str| advice(ExportEntity::Customers, &filtered(filter), &business_central_v1::DIALECT);
        assert!(old("blocked eq '_x0020_'").unwrap().ends_with("blocked eq ' '"));
        assert!(old("blocked eq ''").unwrap().ends_with("blocked eq ' '"));
        assert_eq!(old("blocked eq ' '"), None);
    }

    fn filtered(filter: &str) -> Query {
        Query { filter: Some(filter.to_owned()), ..Query::default() }
    }

    #[test]
    fn a_top_larger_than_a_page_is_left_to_us() {
        let query = Query { top: Some(5), ..Query::default() };
        assert_eq!([5, 4].map(|page_rows| query.asked_top(page_rows)), [Some(5), None]);
    }

    #[test]
    fn filters_that_the_server_would_ignore_are_refused() {
        assert!(filtered("lines/any(l: l/x eq 1)").check().is_err());
        assert!(filtered("lines/all (l: l/x eq 1)").check().is_err());
        assert!(filtered("displayName eq '/any('").check().is_ok());
    }

    #[test]
    fn a_refusal_comes_with_what_helped_others() {
        for (filter, word) in [
            ("balance gt 0", "ferry export financials"),
            ("blocked eq ' '", "_x0020_"),
            ("city eq 'A' or state eq 'B'", "one export for each"),
            ("city in ('A','B')", "chain of `or`"),
        ] {
            let advice = told(ExportEntity::Customers, &filtered(filter)).unwrap();
            assert!(advice.contains(word), "{filter}: {advice}");
        }
        assert_eq!(told(ExportEntity::Customers, &filtered("displayName eq 'balance or in'")), None);
        assert_eq!(told(ExportEntity::Financials, &filtered("balance gt 0")), None);
        assert!(told(ExportEntity::Customers, &Query::default()).unwrap().contains("--select"));
    }
}
