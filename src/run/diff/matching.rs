//! By what two records are each other's counterparts.

use super::fields::PAYER;
use crate::connector::fields::Fields;
use crate::domain::Money;
use crate::domain::text::fold_name;
use crate::run::index::{dimension_key, document_key, match_key, name_key, number_key};

/// By what records are found: fields that the user named, or else the natural key.
#[derive(Clone, Debug)]
pub(super) enum Matching {
    /// The number, or else the name, and of namesakes the e-mail address.
    Number,
    /// The name, and of namesakes the e-mail address: one of the sides has no numbers.
    Name,
    /// Every one of these fields.
    Fields(Vec<&'static str>),
    /// The customer and the dimension, of which there is one default at most.
    Dimension,
    /// The document and the customer; of several the invoice, and the amount and the day.
    Document,
    /// The document; of several the name of the customer, and the amount and the day: one of the sides has no numbers.
    DocumentAndName,
    /// The document; of several the invoice, and the amount and the day: one of the sides does not say who paid.
    DocumentAlone,
}

impl Matching {
    /// The fields, in the words of a report.
    pub(super) fn fields(&self) -> Vec<&'static str> {
        match self {
            Self::Number => vec!["number", "displayName", "email"],
            Self::Name => vec!["displayName", "email"],
            Self::Fields(names) => names.clone(),
            Self::Dimension => vec!["customerNumber", "dimensionCode"],
            Self::Document => {
                vec!["documentNumber", "customerNumber", "appliesToInvoiceNumber", "amount", "postingDate"]
            }
            Self::DocumentAndName => vec!["documentNumber", PAYER, "amount", "postingDate"],
            Self::DocumentAlone => vec!["documentNumber", "appliesToInvoiceNumber", "amount", "postingDate"],
        }
    }

    /// Key, name and what narrows, of this record; `payer` is the name of a payment's customer.
    pub(super) fn keys(&self, record: &Fields<'_>, payer: &str) -> [String; 3] {
        let text = |name| record.text(name);
        let filled = |key: String| if key.ends_with([':', '\u{1f}']) { String::new() } else { key };
        let folded = |name| match_key("", &text(name)).trim_start_matches("m-:").to_owned();
        match self {
            Self::Number => {
                [filled(number_key(&text("number"))), filled(name_key(&text("displayName"))), folded("email")]
            }
            Self::Name => [String::new(), filled(name_key(&text("displayName"))), folded("email")],
            Self::Fields(names) => {
                let keys: Vec<_> = names.iter().map(|name| folded(name)).collect();
                let is_blank = keys.iter().all(String::is_empty);
                [if is_blank { String::new() } else { keys.join("\u{1f}") }, String::new(), String::new()]
            }
            Self::Dimension => {
                let (customer, dimension) = (text("customerNumber"), text("dimensionCode"));
                let is_whole = !customer.trim().is_empty() && !dimension.trim().is_empty();
                let key = if is_whole { dimension_key(&dimension, &customer) } else { String::new() };
                [key, String::new(), String::new()]
            }
            Self::Document | Self::DocumentAndName | Self::DocumentAlone => {
                let document = text("documentNumber");
                let customer =
                    if matches!(self, Self::Document) { text("customerNumber") } else { "".into() };
                let is_blank = document.trim().is_empty();
                let key = if is_blank { String::new() } else { document_key(&document, &customer) };
                let narrow = match self {
                    Self::DocumentAndName => fold_name(payer),
                    _ => folded("appliesToInvoiceNumber"),
                };
                [key, String::new(), narrow]
            }
        }
    }

    /// What tells payments of one document and customer apart: the amount, to the cent, and the day.
    pub(super) fn further(&self, record: &Fields<'_>) -> String {
        match self {
            Self::Number | Self::Name | Self::Fields(_) | Self::Dimension => String::new(),
            Self::Document | Self::DocumentAndName | Self::DocumentAlone => {
                let amount = record.text("amount");
                let cents = amount.parse::<Money>().map(|amount| amount.round(2).decimal().normalize());
                let amount = cents.map_or(amount.into_owned(), |cents| cents.to_string());
                format!("{amount} {}", record.text("postingDate").trim())
            }
        }
    }
}
