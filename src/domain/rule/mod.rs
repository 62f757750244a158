//! The rules that a row can break, and what else keeps it from being delivered.

mod texts;

use serde::{Deserialize, Serialize};

/// Every rule a row can break. The code of a rule never changes; its words may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A field that must be filled is blank.
    Missing,
    /// Text longer than the target holds.
    TooLong,
    /// Text the server would shorten without a word.
    WouldBeCut,
    /// Not a plain decimal number.
    NotANumber,
    /// More digits before the decimal point than the target holds.
    NumberTooLarge,
    /// More digits after the decimal point than the target keeps.
    TooManyDecimals,
    /// Not a whole number.
    NotAWholeNumber,
    /// Neither a yes nor a no.
    NotABoolean,
    /// Not a calendar date.
    NotADate,
    /// Not one of the values of an enumeration.
    NotOneOf,
    /// Not a GUID.
    NotAGuid,
    /// Not an e-mail address, or several parted by semicolons.
    NotAnEmail,
    /// A phone number with letters in it.
    PhoneHasLetters,
    /// A control character the target cannot hold.
    ControlCharacter,
    /// A character that takes four bytes, such as an emoji, where the target has room for three.
    FourBytes,
    /// A payment's number that reads as a number.
    OnlyDigits,
    /// An amount with cents that the target cannot apply to an invoice.
    Cents,
    /// A payment for an invoice of another customer.
    InvoiceOfAnother,
    /// A payment for an invoice that takes none: a draft, or paid.
    InvoiceClosed,
    /// The payment's number is another customer's payment.
    PaymentOfAnother,
    /// A payment of which a row can say only a part: for several invoices, or with money on account.
    PaymentSplit,
    /// A payment that says nowhere what it settles or where the money went.
    PaymentIncomplete,
    /// A cell whose formula failed, such as `#N/A`.
    FormulaError,
    /// A currency that does not exist.
    CurrencyUnknown,
    /// A code or id that the target's reference table does not have.
    ReferenceUnknown,
    /// A payment or a default dimension of a customer that the target does not have.
    CustomerUnknown,
    /// A payment that names no customer.
    CustomerMissing,
    /// A payment whose id and number name two different customers.
    CustomerTwice,
    /// A payment of nothing.
    AmountZero,
    /// A payment whose sign Business Central would not post.
    AmountSign,
    /// The number stands on an earlier row of the file.
    DuplicateNumber,
    /// The name stands on an earlier row of the file, and neither row has a number.
    DuplicateName,
    /// The document number stands on an earlier row of the file.
    DuplicateDocument,
    /// The customer and the dimension stand on an earlier row of the file.
    DuplicateDimension,
    /// A value in a dimension whose posting rule allows none.
    ValueWithNoCode,
    /// The row matches more than one record of the target.
    Ambiguous,
    /// The record exists, and the run may only create.
    AlreadyExists,
    /// The record does not exist, and the run may only update.
    DoesNotExist,
    /// An earlier run delivered the payment, and it has left its journal.
    AlreadyDelivered,
    /// The row's customer stands in a file of the same import and did not arrive.
    HeldBack,
    /// The target has no place for a value of the row.
    Unsupported,
    /// `ferry_action` holds a word that is no action.
    ActionUnknown,
    /// The file says to leave the row out.
    AskedToSkip,
    /// The record to delete is not in the target.
    AlreadyGone,
    /// An earlier row of the run meets the same record.
    MetTwice,
    /// The row is blank in every field by which it would find its record.
    NoMatchKey,
    /// The row's number and the fields it is matched by name different customers.
    NumberMismatch,
    /// Nobody has the row's name, and somebody else has its e-mail address.
    AddressOfAnother,
    /// The file's number meant one customer to an earlier run, and the row's name is another one's.
    NumberOfAnother,
    /// A payment for a customer that the target blocks for everything.
    CustomerBlocked,
    /// A payment in another currency than its customer's.
    OtherCurrency,
    /// The record is not as an earlier run left it, so the run's part cannot be taken back.
    ChangedSince,
    /// The payment is in its journal no more, so it cannot be taken back.
    LeftJournal,
    /// Somebody has made the record again, so making it again would double it.
    ThereAgain,
    /// The run filled a field that the target does not empty again.
    NeverEmptied,
    /// The run may have written over what somebody set after its plan, so nobody knows what it replaced.
    ReplacedUnknown,
    /// A record of the customer from the same import is not taken back, so the customer stays.
    PaymentsRemain,
    /// Nobody knows whether the row arrived, so there is nothing certain to take back.
    OutcomeUnknown,
}

impl Rule {
    /// All rules, in the order of the documentation.
    pub const ALL: [Self; 58] = [
        Self::Missing,
        Self::TooLong,
        Self::WouldBeCut,
        Self::NotANumber,
        Self::NumberTooLarge,
        Self::TooManyDecimals,
        Self::NotAWholeNumber,
        Self::NotABoolean,
        Self::NotADate,
        Self::NotOneOf,
        Self::NotAGuid,
        Self::NotAnEmail,
        Self::PhoneHasLetters,
        Self::ControlCharacter,
        Self::FourBytes,
        Self::OnlyDigits,
        Self::Cents,
        Self::InvoiceOfAnother,
        Self::InvoiceClosed,
        Self::PaymentOfAnother,
        Self::PaymentSplit,
        Self::PaymentIncomplete,
        Self::FormulaError,
        Self::CurrencyUnknown,
        Self::ReferenceUnknown,
        Self::CustomerUnknown,
        Self::CustomerMissing,
        Self::CustomerTwice,
        Self::AmountZero,
        Self::AmountSign,
        Self::DuplicateNumber,
        Self::DuplicateName,
        Self::DuplicateDocument,
        Self::DuplicateDimension,
        Self::ValueWithNoCode,
        Self::Ambiguous,
        Self::AlreadyExists,
        Self::DoesNotExist,
        Self::AlreadyDelivered,
        Self::HeldBack,
        Self::Unsupported,
        Self::ActionUnknown,
        Self::AskedToSkip,
        Self::AlreadyGone,
        Self::MetTwice,
        Self::CustomerBlocked,
        Self::OtherCurrency,
        Self::NoMatchKey,
        Self::NumberMismatch,
        Self::AddressOfAnother,
        Self::NumberOfAnother,
        Self::ChangedSince,
        Self::LeftJournal,
        Self::ThereAgain,
        Self::NeverEmptied,
        Self::ReplacedUnknown,
        Self::PaymentsRemain,
        Self::OutcomeUnknown,
    ];

    /// The stable code: what `results.csv` carries and `ferry explain` takes.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.texts().0
    }

    /// What is wrong, in a few words without the value.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.texts().1
    }

    /// What a person should do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.texts().2
    }

    /// The rule with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| serde::de::Error::custom(format!("unknown rule `{code}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_own_code() {
        for rule in Rule::ALL {
            assert_eq!(Rule::from_code(rule.code()), Some(rule));
        }
    }
}
