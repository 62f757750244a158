//! What every rule is called, in its code, in words, and as advice.

use super::Rule;

impl Rule {
    /// Code, title and remedy.
    #[expect(clippy::too_many_lines, reason = "one line for each rule")]
    pub(super) fn texts(self) -> (&'static str, &'static str, &'static str) {
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
