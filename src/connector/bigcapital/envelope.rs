//! Where the records are in an answer, and where the next page is.
//!
//! Source: lists stand in an object of their own under the name of the table, small tables are bare arrays, a report
//! has its rows in `data`, a record read alone is bare.

use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::connector::fields::Fields;

/// The names under which lists stand.
pub(super) const LISTS: [&str; 4] = ["customers", "payment_receives", "sales_invoices", "accounts"];

/// Records on a page: there is no upper limit, and rows are sorted by a column that is always empty, so that several
/// pages could overlap. No other column that customers and payments can be sorted by is sure to be unique. A list of
/// records is therefore asked for as a whole and read [one by one](super::whole).
pub(super) const PAGE_ROWS: u64 = 1_000_000;

/// The records of an answer, and how many there are in all.
pub(super) struct Envelope<'a> {
    pub(super) records: Vec<&'a RawValue>,
    total: Option<u64>,
}

impl<'a> Envelope<'a> {
    pub(super) fn open(body: &'a str) -> serde_json::Result<Self> {
        if body.trim_start().starts_with('[') {
            return Ok(Self { records: serde_json::from_str(body)?, total: None });
        }
        let fields = Fields::parse(body)?;
        if let Some(list) = LISTS.iter().find_map(|name| fields.raw(name)) {
            let total = fields.raw("pagination").and_then(|raw| Fields::parse(raw).ok());
            let total = total.and_then(|pagination| pagination.text("total").parse().ok());
            return Ok(Self { records: serde_json::from_str(list)?, total });
        }
        if let Some(data) = fields.raw("data") {
            let rows = Fields::parse(data)?.raw("customers").map_or("[]", |rows| rows);
            return Ok(Self { records: serde_json::from_str(rows)?, total: None });
        }
        if fields.raw("id").is_some() {
            return Ok(Self { records: vec![serde_json::from_str(body)?], total: None });
        }
        Err(serde_json::Error::custom("neither a list nor a record"))
    }

    /// The address of the page after the one at `address`; `None` after the last one.
    ///
    /// Source: the list of customers has the active ones or the inactive ones, never both.
    pub(super) fn next(&self, address: &str) -> Option<String> {
        next(address, self.total, !self.records.is_empty())
    }
}

/// The address of the page after the one at `address`, see [`Envelope::next`].
pub(super) fn next(address: &str, total: Option<u64>, has_records: bool) -> Option<String> {
    let (path, query) = address.split_once('?')?;
    let number = |name: &str| option(query, name).and_then(|text| text.parse::<u64>().ok());
    let (page, rows) = (number("page")?, number("page_size")?);
    if total.is_some_and(|total| total > page * rows) && has_records {
        return Some(format!("{path}?{}", with(query, "page", &(page + 1).to_string())));
    }
    let is_active = path.ends_with("customers") && option(query, "inactive_mode").is_none();
    is_active.then(|| format!("{path}?{}&inactive_mode=true", with(query, "page", "1")))
}

fn option<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn with(query: &str, name: &str, value: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((known, _)) if known == name => format!("{name}={value}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inactive_customers_follow_the_active_ones() {
        let list =
            Envelope::open(r#"{"customers":[],"pagination":{"total":0,"page":1,"page_size":"9"}}"#).unwrap();
        let inactive = list.next("customers?page=1&page_size=9").unwrap();
        assert_eq!(inactive, "customers?page=1&page_size=9&inactive_mode=true");
        assert_eq!(list.next(&inactive), None);
        assert_eq!(list.next("payments-received?page=1&page_size=9"), None);
    }

    #[test]
    fn a_list_that_is_cut_short_goes_on() {
        let list = r#"{"customers":[{"id":1},{"id":2}],"pagination":{"total":3,"page":1,"page_size":2}}"#;
        let next = Envelope::open(list).unwrap().next("customers?page=1&page_size=2").unwrap();
        assert_eq!(next, "customers?page=2&page_size=2");
    }

    #[test]
    fn what_is_neither_a_list_nor_a_record_is_no_answer() {
        assert!(Envelope::open(r#"{"statusCode":404,"message":"NotFoundError"}"#).is_err());
        assert!(Envelope::open("<html>").is_err());
        assert_eq!(Envelope::open(r#"{"id":7}"#).unwrap().records.len(), 1);
    }
}
