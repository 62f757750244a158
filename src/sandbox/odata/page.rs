//! One page of an answer: which records it holds and where the next one starts.
//!
//! In: records in the entity's default order and a query. Out: the records to write, how many pass the filter, and
//! the token of the next page.
//!
//! Promises: the token is the sort key of the last record sent, so that inserting or deleting rows between pages
//! moves no other row; following the tokens gives every record once.
//!
//! Source: server-driven paging documents; the token is the key of the last row; `$top` caps the whole answer and
//! comes without a next link, so that it cannot reach past one full page.

use std::borrow::Borrow;
use std::cmp::Ordering;

use super::error::ODataError;
use super::literal::{Literal, LiteralText, value_of};
use super::model::Behaviour;
use super::query::Query;
use super::split::split_outside;
use super::value::{Record, Value};

/// The most records in a page, and how many there are when the client names no number.
pub(crate) const MAX_PAGE_SIZE: usize = 20_000;

/// Where a page ended: the values that the query sorts by, of the last record sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cursor {
    values: Vec<Value>,
}

/// The records of one answer.
#[derive(Debug)]
pub(crate) struct Page<R> {
    /// What to send, in order.
    pub(crate) records: Vec<R>,
    /// How many records pass the filter, on all pages; only when asked for.
    pub(crate) count: Option<usize>,
    /// The `$skiptoken` of the next page, not yet percent-encoded; nothing after the last page.
    pub(crate) next: Option<String>,
}

/// The page size for what `Prefer: odata.maxpagesize` asks, if it asks.
pub(crate) fn page_size(preferred: Option<usize>) -> usize {
    preferred.unwrap_or(MAX_PAGE_SIZE).clamp(1, MAX_PAGE_SIZE)
}

impl<R: Borrow<Record>> Page<R> {
    /// The page of `records` that `query` asks for; at most `size` of them.
    ///
    /// The records must come in the entity's default order. Reading stops early when nothing is sorted or counted.
    pub(crate) fn of(records: impl IntoIterator<Item = R>, query: &Query, size: usize) -> Self {
        let matching = records.into_iter().filter(|record| query.matches(record.borrow()));
        let (most, is_last) = query.top.map_or((size, false), |top| (top.min(MAX_PAGE_SIZE), true));
        let is_ahead = |record: &R| {
            query.skip_token.as_ref().is_none_or(|cursor| cursor.is_before(record.borrow(), query))
        };
        let skip = if query.skip_token.is_some() { 0 } else { query.skip };
        let (mut found, count) = if query.order_by.is_empty() && !query.count {
            (matching.filter(is_ahead).skip(skip).take(most + 1).collect::<Vec<_>>(), None)
        } else {
            let mut all: Vec<_> = matching.collect();
            let count = query.count.then_some(all.len());
            if !query.order_by.is_empty() {
                all.sort_by(|one, other| query.order(one.borrow(), other.borrow()));
            }
            (all.into_iter().filter(is_ahead).skip(skip).take(most + 1).collect(), count)
        };
        let has_more = found.len() > most && !is_last;
        found.truncate(most);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|last| Cursor::after(last.borrow(), query).text(query));
        Self { records: found, count, next }
    }
}

impl Cursor {
    /// Where a page ends whose last record is `record`.
    fn after(record: &Record, query: &Query) -> Self {
        Self { values: query.sort.iter().map(|&(index, _)| record.value(index).clone()).collect() }
    }

    /// Whether `record` comes after this place.
    fn is_before(&self, record: &Record, query: &Query) -> bool {
        let pairs = query.sort.iter().zip(&self.values);
        let orderings =
            pairs.map(|(&(index, direction), value)| direction.apply(record.value(index).cmp(value)));
        orderings.into_iter().find(|ordering| ordering.is_ne()).is_some_and(Ordering::is_gt)
    }

    /// The values, in the order of the query's sorting: those of `$orderby`, those of the default order, the key.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The token: the values as literals, with commas between them.
    fn text(&self, query: &Query) -> String {
        let kinds = query.sort.iter().map(|&(index, _)| query.entity.properties[index].kind);
        let literals =
            self.values.iter().zip(kinds).map(|(value, kind)| LiteralText(value, kind).to_string());
        literals.collect::<Vec<_>>().join(",")
    }

    /// Reads a token of the same sorting.
    pub(super) fn parse(token: &str, query: &Query) -> Result<Self, ODataError> {
        let parts = split_outside(token, ',');
        let values: Option<Vec<_>> = query
            .sort
            .iter()
            .zip(&parts)
            .map(|(&(index, _), part)| {
                let quoted = part.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                let literal =
                    quoted.map_or(Literal::Word(part), |text| Literal::Quoted(text.replace("''", "'")));
                value_of(&literal, &query.entity.properties[index], Behaviour::Strict)
            })
            .collect();
        let values = values.filter(|values| values.len() == query.sort.len() && parts.len() == values.len());
        let message = || format!("The $skiptoken '{token}' does not belong to this query.");
        values.map(|values| Self { values }).ok_or_else(|| ODataError::bad_request(message()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{customers, guid, numbers, query, record};
    use super::super::model::Behaviour::Seed;
    use super::*;

    /// The numbers on each page, following the tokens.
    fn pages(records: &[Record], raw: &str, size: usize) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut asked = query(raw, Seed);
        loop {
            let page = Page::of(records, &asked, size);
            pages.push(numbers(page.records));
            let Some(token) = page.next else { return pages };
            asked = query(&format!("{raw}&$skiptoken={}", super::super::split::encode(&token)), Seed);
        }
    }

    #[test]
    fn pages_follow_the_default_order_and_end_without_a_token() {
        assert_eq!(pages(&customers(), "", 3), [vec!["10000", "20000", "30000"], vec!["C-4"]]);
        assert_eq!(pages(&customers(), "", 4), [["10000", "20000", "30000", "C-4"]]);
    }

    #[test]
    fn sorting_goes_on_across_pages_and_ties_are_broken_by_the_default_order() {
        let sorted = pages(&customers(), "$orderby=currencyCode desc,balance", 2);
        assert_eq!(sorted, [["20000", "10000"], ["30000", "C-4"]]);
        assert_eq!(
            pages(&customers(), "$orderby=lastModifiedDateTime", 1).concat(),
            ["C-4", "20000", "10000", "30000"]
        );
    }

    #[test]
    fn the_token_is_the_key_of_the_last_record_sent() {
        let page = Page::of(customers(), &query("$orderby=displayName", Seed), 2);
        let expected = "'O''Brien & Sons','30000',00000000-0000-0000-0000-000000000007";
        assert_eq!(page.next.as_deref(), Some(expected));
    }

    #[test]
    fn top_caps_everything_and_leaves_no_next_page() {
        let page = Page::of(customers(), &query("$top=3&$count=true&$skip=1", Seed), 2);
        assert_eq!(
            (numbers(&page.records), page.count, page.next),
            (vec!["20000".into(), "30000".into(), "C-4".into()], Some(4), None)
        );
    }

    #[test]
    fn the_count_respects_the_filter_and_nothing_else() {
        let page = Page::of(customers(), &query("$filter=balance gt 0&$count=true&$skip=1", Seed), 1);
        assert_eq!((numbers(&page.records), page.count), (vec!["20000".into()], Some(2)));
    }

    #[test]
    fn rows_skipped_on_the_first_page_stay_skipped() {
        assert_eq!(pages(&customers(), "$skip=1", 2), [vec!["20000", "30000"], vec!["C-4"]]);
    }

    #[test]
    fn a_row_inserted_before_the_cursor_moves_no_other() {
        let mut records = customers();
        let first = Page::of(&records, &query("", Seed), 2);
        let token = first.next.unwrap();
        records.insert(0, record("customers", &[("number", "00001")]));
        let second = Page::of(&records, &query(&format!("$skiptoken={token}"), Seed), 2);
        assert_eq!(numbers(second.records), ["30000", "C-4"]);
    }

    #[test]
    fn a_preferred_page_size_stays_between_one_and_the_maximum() {
        assert_eq!(
            [None, Some(0), Some(7), Some(50_000)].map(page_size),
            [MAX_PAGE_SIZE, 1, 7, MAX_PAGE_SIZE]
        );
    }

    proptest! {
        /// Whatever the rows, the sorting and the page size, the pages together hold every row once, in order.
        #[test]
        fn the_pages_together_are_the_whole(
            cities in prop::collection::vec("[ab' ,]{0,2}", 0..12),
            size in 1_usize..5,
            descending in any::<bool>(),
        ) {
            let numbered = |(number, city): (u8, &String)| {
                record("customers", &[("number", &format!("{:02}", number / 2)), ("city", city)])
                    .with("id", Value::Guid(guid(number)))
            };
            let records: Vec<_> = (0..).zip(&cities).map(numbered).collect();
            let raw = if descending { "$orderby=city desc" } else { "$orderby=city asc" };
            let whole = Page::of(&records, &query(raw, Seed), MAX_PAGE_SIZE);
            prop_assert_eq!(whole.records.len(), records.len());
            let mut expected = cities;
            expected.sort();
            if descending {
                expected.reverse();
            }
            let sorted: Vec<_> = whole.records.iter().map(|record| record.get("city").as_text().unwrap()).collect();
            prop_assert_eq!(sorted, expected);
            prop_assert_eq!(pages(&records, raw, size).concat(), numbers(whole.records));
        }
    }
}
