//! Rows a person has to repair, and the rules they broke.

use serde::{Deserialize, Serialize};

use super::row::Origin;

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

    #[expect(clippy::too_many_lines, reason = "one line for each rule")]
    fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Missing => ("missing", "a required value is missing", "fill the cell"),
            Self::TooLong => ("too-long", "the text is longer than the target holds", "shorten the text"),
            Self::WouldBeCut => {
                ("would-be-cut", "the server would cut the text without a word", "shorten the text yourself")
            }
            Self::NotANumber => (
                "not-a-number",
                "the value is not a decimal number",
                "write digits with a decimal point and no grouping, such as 1234.50",
            ),
            Self::NumberTooLarge => {
                ("number-too-large", "the number has more digits than the target holds", "check the amount")
            }
            Self::TooManyDecimals => (
                "too-many-decimals",
                "the server would round the number",
                "round the number yourself, so that the totals still agree",
            ),
            Self::NotAWholeNumber => {
                ("not-a-whole-number", "the value is not a whole number", "write digits only")
            }
            Self::NotABoolean => ("not-a-boolean", "the value is neither yes nor no", "write true or false"),
            Self::NotADate => {
                ("not-a-date", "the value is not a calendar date", "write the date as YYYY-MM-DD")
            }
            Self::NotOneOf => {
                ("not-one-of", "the value is not one the target knows", "use one of the allowed values")
            }
            Self::NotAGuid => (
                "not-a-guid",
                "the value is not a GUID",
                "write the id as 8-4-4-4-12 hexadecimal digits, or name the column after the code instead",
            ),
            Self::NotAnEmail => (
                "not-an-email",
                "the value is not an e-mail address",
                "correct the address; part several addresses with `;`",
            ),
            Self::PhoneHasLetters => (
                "phone-has-letters",
                "the phone number has letters in it",
                "remove the letters, `x` and `ext` too",
            ),
            Self::ControlCharacter => {
                ("control-character", "the text holds a control character", "remove the invisible character")
            }
            Self::FourBytes => (
                "four-bytes",
                "the text holds a character that the target has no room for, such as an emoji",
                "remove the character",
            ),
            Self::OnlyDigits => (
                "only-digits",
                "the target takes the payment's number for a figure and refuses it",
                "put a letter in front of it, in every row alike",
            ),
            Self::Cents => (
                "cents",
                "the target's API takes only whole amounts for an invoice",
                "take the cents out of the row and post them in the target by a manual journal of the customer, or load the row with the target's own import, which takes cents while branches are switched on",
            ),
            Self::InvoiceOfAnother => (
                "invoice-of-another",
                "the invoice is another customer's than the payment's",
                "correct the customer or the invoice, or leave the customer empty",
            ),
            Self::InvoiceClosed => (
                "invoice-closed",
                "the invoice takes no payment of this amount: it is a draft, or less is due",
                "deliver the invoice in the target, or correct the amount",
            ),
            Self::PaymentOfAnother => (
                "payment-of-another",
                "another customer's payment has this number",
                "give this payment a number of its own, or correct the customer or the invoice",
            ),
            Self::PaymentSplit => (
                "payment-split",
                "the payment settles several invoices or holds money on account, which no row can say",
                "change this payment in the target by hand",
            ),
            Self::PaymentIncomplete => (
                "payment-incomplete",
                "the payment does not say which invoice it settles or on which account the money came in",
                "fill in the invoice; name the account in the row, or as `deposit_account` in the profile",
            ),
            Self::FormulaError => (
                "formula-error",
                "the cell holds the error of a formula",
                "repair the formula, or write the value itself",
            ),
            Self::CurrencyUnknown => (
                "currency-unknown",
                "the currency does not exist",
                "use a currency code of the target, such as EUR",
            ),
            Self::ReferenceUnknown => (
                "reference-unknown",
                "the target does not have this code",
                "create the code in the target, or map the value to one that exists",
            ),
            Self::CustomerUnknown => (
                "customer-unknown",
                "the target has no such customer",
                "import the customer first, or correct the number",
            ),
            Self::CustomerMissing => {
                ("customer-missing", "the payment names no customer", "fill in the customer's number")
            }
            Self::CustomerTwice => (
                "customer-twice",
                "the customer's number and id name two different customers",
                "correct one of the two, or empty one of the cells",
            ),
            Self::AmountZero => ("amount-zero", "a payment of nothing cannot be posted", "remove the row"),
            Self::AmountSign => (
                "amount-sign",
                "the amount has the sign of a refund, which cannot be posted as a payment",
                "remove the minus sign; if the whole file carries Business Central's own signs, use --sign as-is",
            ),
            Self::DuplicateNumber => (
                "duplicate-number",
                "the number stands on an earlier row too",
                "keep one of the rows, or give this one its own number",
            ),
            Self::DuplicateName => (
                "duplicate-name",
                "the name stands on an earlier row too, and neither has a number",
                "keep one of the rows, or give both a number",
            ),
            Self::DuplicateDocument => (
                "duplicate-document",
                "the document number stands on an earlier row too",
                "keep one of the rows, or give this one its own document number",
            ),
            Self::DuplicateDimension => (
                "duplicate-dimension",
                "the customer has this dimension on an earlier row too",
                "keep one of the rows: a customer has one value in a dimension",
            ),
            Self::ValueWithNoCode => (
                "value-with-no-code",
                "the posting rule is No Code, which allows no value",
                "empty the cell of the value, or write another posting rule",
            ),
            Self::Ambiguous => (
                "ambiguous",
                "more than one record of the target matches",
                "give the row a number that names one record, or say with `--match` which fields do",
            ),
            Self::AlreadyExists => (
                "already-exists",
                "the target has this record, and only a new one may be created",
                "use --mode upsert with an empty `ferry_action` cell, or take the row out",
            ),
            Self::AlreadyDelivered => (
                "already-delivered",
                "an earlier run delivered this payment, and it is in the journal no more",
                "it was probably posted; if it was deleted instead, give the row another document number",
            ),
            Self::HeldBack => (
                "held-back",
                "the row's customer did not arrive",
                "repair the customer's row and import it; then `ferry retry` sends this row",
            ),
            Self::Unsupported => (
                "unsupported",
                "the target has no place for this value",
                "empty the cell, or import with --on-unsupported drop, which leaves such values out",
            ),
            Self::DoesNotExist => (
                "does-not-exist",
                "the target has no such record, and nothing may be created",
                "use --mode upsert with an empty `ferry_action` cell, or take the row out",
            ),
            Self::ActionUnknown => (
                "action-unknown",
                "`ferry_action` holds no action",
                "write create, update, delete or skip, or leave the cell empty",
            ),
            Self::AskedToSkip => (
                "asked-to-skip",
                "the file says to leave the row out",
                "nothing; empty the `ferry_action` cell to have the row written",
            ),
            Self::AlreadyGone => (
                "already-gone",
                "the record to delete is not in the target",
                "nothing; if it should be there, compare the row's key with the target",
            ),
            Self::NoMatchKey => (
                "no-match-key",
                "the row fills none of the fields of --match",
                "fill one of them, or write create into `ferry_action` if the record is certainly new",
            ),
            Self::NumberMismatch => (
                "number-mismatch",
                "the row's number and the fields of --match name different customers",
                "correct the number, or empty its cell to change the customer that matches",
            ),
            Self::AddressOfAnother => (
                "address-of-another",
                "nobody has the name, and another customer has the e-mail address",
                "add `--match email` when the row renames that customer, `--match displayName` when it is a new one",
            ),
            Self::NumberOfAnother => (
                "number-of-another",
                "an earlier run knew another customer by this number than the one who has the name",
                "correct the number or the name, or add `--match displayName` to go by the name alone",
            ),
            Self::OtherCurrency => (
                "other-currency",
                "the payment is in another currency than its customer's",
                "name a customer with this currency, or convert the amount and correct the row's currency",
            ),
            Self::CustomerBlocked => (
                "customer-blocked",
                "the customer is blocked for everything, payments too",
                "unblock the customer in the target, then import the row again",
            ),
            Self::ChangedSince => (
                "changed-since",
                "somebody has changed the record since the run wrote it",
                "put it right in the target by hand, or undo it all the same with --on-conflict ours",
            ),
            Self::LeftJournal => (
                "left-journal",
                "the payment has left its journal, so it was posted or removed",
                "look among the posted entries of the customer; what is posted is reversed in the target",
            ),
            Self::ThereAgain => (
                "there-again",
                "somebody has made this record again",
                "compare the two in the target; nothing needs to come back when it is the same",
            ),
            Self::NeverEmptied => (
                "never-emptied",
                "the run filled a field that the target does not empty again",
                "put it right in the target by hand; with --on-conflict ours all other fields are put back",
            ),
            Self::ReplacedUnknown => (
                "replaced-unknown",
                "the run may have written over what somebody set after its plan, so nobody knows what it replaced",
                "look at the record by hand; --on-conflict ours puts back what the plan had seen",
            ),
            Self::PaymentsRemain => (
                "payments-remain",
                "a payment or default dimension of the same import is not taken back, so its customer stays",
                "see what became of it; then undo the run of the customers again",
            ),
            Self::OutcomeUnknown => (
                "outcome-unknown",
                "nobody knows whether the row arrived",
                "look in the target whether it is there, and take it out by hand",
            ),
            Self::MetTwice => (
                "met-twice",
                "an earlier row meets the same record of the target",
                "keep one of the rows, or give each a number of its own",
            ),
        }
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

/// A broken rule as the check finds it, before the row's cell is at hand; becomes a [`Violation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The field's index in its catalogue entity.
    pub field: usize,
    /// The rule that was broken.
    pub rule: Rule,
    /// What the cell may hold.
    pub allowed: String,
}

impl Broken {
    /// A broken rule of the field with this catalogue index.
    #[must_use]
    pub fn new(field: usize, rule: Rule, allowed: impl Into<String>) -> Self {
        Self { field, rule, allowed: allowed.into() }
    }
}

/// One broken rule: which, in which field and column, what was found and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule that was broken.
    pub rule: Rule,
    /// The catalogue's name of the field.
    pub field: String,
    /// 0-based column of the cell; `None` when no column of the file feeds the field.
    pub column: Option<u32>,
    /// What the cell holds.
    pub found: String,
    /// What the cell may hold.
    pub allowed: String,
}

/// A row that will not be delivered, with everything a person needs to repair it.
///
/// Not a `std::error::Error`, so `?` cannot carry it into a stage's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Where the row was read.
    pub origin: Origin,
    /// Every broken rule, in catalogue order; never empty.
    pub violations: Vec<Violation>,
    /// The row's cells as they stand in the file, left to right.
    pub cells: Vec<String>,
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
