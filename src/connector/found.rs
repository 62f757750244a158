//! How a record is found again, and what it looks like then.

use super::Request;
use super::fields::Fields;
use crate::domain::Receipt;
use crate::domain::text::{fold_name, upper};

/// How a record is found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// By the target's id.
    Id(String),
    /// By a customer's number, upper-cased.
    Number(String),
    /// By a payment's line in its journal.
    Line(i64),
    /// By the document number of a payment, where the target lets no two payments carry the same.
    Document(String),
    /// By the ids of the customer and of the dimension of which it has one value, in lower case.
    Dimension {
        /// The id of the customer.
        customer: String,
        /// The id of the dimension.
        dimension: String,
    },
    /// By the name, the e-mail address and the currency of a customer, where nothing better names one; can match several
    /// records.
    Name {
        /// The name, folded.
        name: String,
        /// The address, folded; empty for none.
        email: String,
        /// The code, upper-cased.
        currency: String,
    },
    /// By everything that was sent and may name it, as the dialect's filter; can match several records.
    Fields(String),
}

impl Identity {
    /// Whether `found` is the record; a filter's own answers all are.
    #[must_use]
    pub fn matches(&self, found: &Found) -> bool {
        match self {
            Self::Id(id) => found.receipt.remote_id.eq_ignore_ascii_case(id),
            // Letters whose upper case is two letters stay on some servers and grow on others.
            Self::Number(number) => found.text("number").trim().to_uppercase() == number.to_uppercase(),
            Self::Line(line) => found.text("lineNumber") == line.to_string(),
            Self::Document(number) => {
                found.text("documentNumber").trim().to_lowercase() == number.to_lowercase()
            }
            Self::Dimension { customer, dimension } => {
                found.text("parentId").to_lowercase() == *customer
                    && found.text("dimensionId").to_lowercase() == *dimension
            }
            Self::Name { name, email, currency } => {
                fold_name(&found.text("displayName")) == *name
                    && fold_name(&found.text("email")) == *email
                    && upper(&found.text("currencyCode")) == *currency
            }
            Self::Fields(_) => true,
        }
    }
}

/// One read that answers for some rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The read.
    pub request: Request,
    /// The rows it answers for.
    pub rows: Vec<i64>,
}

/// One record as a lookup found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id, key and `ETag`.
    pub receipt: Receipt,
    /// All of it, as a JSON object with the neutral names.
    pub record: String,
}

impl Found {
    /// The value of the field with this neutral name; empty when there is none.
    pub(super) fn text(&self, name: &str) -> String {
        text_of(&self.record, name)
    }
}

/// The records in one page of a lookup's answer, and the link to the page after it.
///
/// An absence means nothing before the last page, the one without a link.
pub type FoundPage = (Vec<Found>, Option<String>);

/// The member `name` of a JSON object as text; empty when there is none.
#[must_use]
pub fn text_of(object: &str, name: &str) -> String {
    Fields::parse(object).map(|fields| fields.text(name).trim().to_owned()).unwrap_or_default()
}

/// What the answer to [`highest_line`](super::Connector::highest_line) found: 0 for an empty journal, `None` when it
/// cannot be read.
#[must_use]
pub fn highest_line_of(found: &[Found]) -> Option<i64> {
    match found.first() {
        Some(line) => line.text("lineNumber").parse().ok(),
        None => Some(0),
    }
}
