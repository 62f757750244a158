//! Rules about several fields of one record.

use crate::catalogue::Entity;
use crate::domain::reference::{NIL_GUID, code_within};
use crate::domain::{Broken, EntityKind, Record, References, Rule, Value};

/// What the sign of a payment's amount means in the file.
///
/// Business Central posts a receipt only as a negative amount, yet people write what they received as a
/// positive one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sign {
    /// Amounts are money received and positive; they are sent negated. A negative one would be a refund.
    #[default]
    ReceiptsPositive,
    /// Amounts carry Business Central's own sign and are sent as they are.
    AsIs,
}

impl Sign {
    /// The word for it in flags and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReceiptsPositive => "receipts-positive",
            Self::AsIs => "as-is",
        }
    }
}

/// One rule, with the places of the fields it looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum RecordRule {
    /// The only one about customers.
    Customer(OpeningBalance),
    Payment(Check, PaymentFields),
    /// All of them about default dimensions.
    Dimension(DimensionFields),
}

/// The fields of a customer's opening balance.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpeningBalance {
    amount: usize,
    date: usize,
}

/// The fields of a default dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct DimensionFields {
    dimension: usize,
    value: usize,
    posting: usize,
    /// Whether a row may leave a value as it is.
    is_change: bool,
}

type Check = fn(&PaymentFields, &Record<'_>, Option<&References>) -> Option<Broken>;

#[derive(Clone, Copy, Debug)]
pub(super) struct PaymentFields {
    customer_id: usize,
    customer_number: usize,
    amount: usize,
    /// Whether a payment's customer is known from the invoice it has to name.
    follows_invoice: bool,
    sign: Sign,
}

const PAYMENT_RULES: &[Check] = &[names_one_customer, amount_can_be_posted];

/// The rules for records of a kind.
pub(super) fn record_rules(kind: EntityKind, entity: &Entity, sign: Sign) -> Vec<RecordRule> {
    match kind {
        EntityKind::Customers => OpeningBalance::of(entity).map(RecordRule::Customer).into_iter().collect(),
        EntityKind::Dimensions => {
            DimensionFields::of(entity).map(RecordRule::Dimension).into_iter().collect()
        }
        EntityKind::Payments => {
            let fields = PaymentFields::of(entity, sign);
            let rules = |fields| PAYMENT_RULES.iter().map(move |check| RecordRule::Payment(*check, fields));
            fields.map(rules).into_iter().flatten().collect()
        }
    }
}

impl RecordRule {
    /// The rule the record breaks, unless the same field is broken already.
    pub(super) fn check(
        &self,
        record: &Record<'_>,
        references: Option<&References>,
        broken: &[Broken],
    ) -> Option<Broken> {
        let found = match self {
            Self::Customer(opening) => opening.has_its_date(record),
            Self::Payment(check, fields) => check(fields, record, references),
            Self::Dimension(fields) => fields
                .value_suits_the_rule(record)
                .or_else(|| fields.value_is_of_the_dimension(record, references)),
        };
        found.filter(|found| !broken.iter().any(|earlier| earlier.field == found.field))
    }
}

impl RecordRule {
    /// The same rule for rows that only change what exists.
    pub(super) fn for_changes_only(&mut self) {
        if let Self::Dimension(fields) = self {
            fields.is_change = true;
        }
    }
}

impl DimensionFields {
    fn of(entity: &Entity) -> Option<Self> {
        Some(Self {
            dimension: entity.index_of("dimensionCode")?,
            value: entity.index_of("dimensionValueCode")?,
            posting: entity.index_of("postingValidation")?,
            is_change: false,
        })
    }

    /// Source: the rule No Code demands an empty value; Same Code names none without one.
    fn value_suits_the_rule(self, record: &Record<'_>) -> Option<Broken> {
        let has_value = !record.value(self.value).is_blank();
        let (rule, allowed) = match record.value(self.posting) {
            Value::Member("No_x0020_Code") if has_value => (Rule::ValueWithNoCode, "an empty cell"),
            Value::Member("Same_x0020_Code") if !has_value && !self.is_change => {
                (Rule::Missing, "a value, which the posting rule Same Code asks for")
            }
            _ => return None,
        };
        Some(Broken::new(self.value, rule, allowed))
    }

    /// Source: codes of values are unique only within their dimension.
    fn value_is_of_the_dimension(
        self,
        record: &Record<'_>,
        references: Option<&References>,
    ) -> Option<Broken> {
        const SET: &str = "dimensionValues";
        let references = references.filter(|references| references.has_set(SET))?;
        let (Value::Code(dimension), Value::Code(value)) =
            (record.value(self.dimension), record.value(self.value))
        else {
            return None;
        };
        // A dimension that is unknown is told by itself.
        references.id_of("dimensions", dimension)?;
        if references.id_of(SET, &code_within(dimension, value)).is_some() {
            return None;
        }
        let allowed = match references.nearest_code_within(SET, dimension, value) {
            Some(nearest) => format!("a value of dimension {dimension}, such as `{nearest}`"),
            None => format!("a value of dimension {dimension}"),
        };
        Some(Broken::new(self.value, Rule::ReferenceUnknown, allowed))
    }
}

impl OpeningBalance {
    fn of(entity: &Entity) -> Option<Self> {
        Some(Self {
            amount: entity.index_of("openingBalance")?,
            date: entity.index_of("openingBalanceDate")?,
        })
    }

    /// Source: an opening balance needs a date. One of zero is none, and is not sent without one.
    fn has_its_date(self, record: &Record<'_>) -> Option<Broken> {
        let has_amount = matches!(record.value(self.amount), Value::Decimal(amount) if !amount.is_zero());
        let is_dated = !record.value(self.date).is_blank();
        (has_amount && !is_dated)
            .then(|| Broken::new(self.date, Rule::Missing, "the date of the opening balance"))
    }
}

impl PaymentFields {
    fn of(entity: &Entity, sign: Sign) -> Option<Self> {
        Some(Self {
            customer_id: entity.index_of("customerId")?,
            customer_number: entity.index_of("customerNumber")?,
            amount: entity.index_of("amount")?,
            follows_invoice: entity.field("appliesToInvoiceNumber").is_some_and(|invoice| invoice.required),
            sign,
        })
    }
}

/// Source: with both, the server lets one of them win or refuses the line; with neither, the line is taken
/// and cannot be posted. The nil GUID means none.
///
/// An export has both; that they name the same customer can only be judged with the target's customers at hand.
fn names_one_customer(
    fields: &PaymentFields,
    record: &Record<'_>,
    references: Option<&References>,
) -> Option<Broken> {
    let id = match record.value(fields.customer_id) {
        Value::Guid(id) if id != NIL_GUID => Some(id),
        Value::Code(code) => Some(code),
        _ => None,
    };
    let number = match record.value(fields.customer_number) {
        Value::Code(number) => Some(number),
        _ => None,
    };
    let (rule, allowed) = match (id, number) {
        (Some(id), Some(number)) => {
            let customers = references.filter(|references| references.has_set("customers"))?;
            if customers.id_of("customers", number).is_some_and(|known| known.eq_ignore_ascii_case(id)) {
                return None;
            }
            (Rule::CustomerTwice, "the number and the id of one customer")
        }
        (None, None) if fields.follows_invoice => return None,
        (None, None) => (Rule::CustomerMissing, "the number of a customer"),
        _ => return None,
    };
    Some(Broken::new(fields.customer_number, rule, allowed))
}

/// Source: posting a payment requires a negative amount and refuses 0.
fn amount_can_be_posted(
    fields: &PaymentFields,
    record: &Record<'_>,
    _: Option<&References>,
) -> Option<Broken> {
    let Value::Decimal(amount) = record.value(fields.amount) else { return None };
    let (rule, allowed) = match fields.sign {
        _ if amount.is_zero() => (Rule::AmountZero, "an amount other than 0"),
        Sign::ReceiptsPositive if amount.is_negative() => (Rule::AmountSign, "a positive amount"),
        // Source: an invoice is settled by money received; the other way round is a bare 500.
        Sign::AsIs if fields.follows_invoice && !amount.is_negative() => (
            Rule::AmountSign,
            "a negative amount, which is money received; for positive ones leave `--sign as-is` out",
        ),
        _ => return None,
    };
    Some(Broken::new(fields.amount, rule, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::bigcapital;
    use crate::catalogue::business_central_v2::CUSTOMER_PAYMENTS;

    fn check(sign: Sign, values: &[(&str, Value<'_>)]) -> Vec<Rule> {
        check_with(sign, values, None)
    }

    fn check_with(sign: Sign, values: &[(&str, Value<'_>)], references: Option<&References>) -> Vec<Rule> {
        let mut record = Record::new(CUSTOMER_PAYMENTS.fields.len());
        for (name, value) in values {
            record.set(CUSTOMER_PAYMENTS.index_of(name).unwrap(), *value);
        }
        record_rules(EntityKind::Payments, &CUSTOMER_PAYMENTS, sign)
            .iter()
            .filter_map(|rule| rule.check(&record, references, &[]))
            .map(|broken| broken.rule)
            .collect()
    }

    #[test]
    fn a_payment_names_one_customer() {
        let (number, id) = (("customerNumber", Value::Code("C1")), ("customerId", Value::Guid("x")));
        assert_eq!(check(Sign::AsIs, &[number]), []);
        assert_eq!(check(Sign::AsIs, &[id]), []);
        assert_eq!(check(Sign::AsIs, &[]), [Rule::CustomerMissing]);
        assert_eq!(check(Sign::AsIs, &[("customerId", Value::Guid(NIL_GUID))]), [Rule::CustomerMissing]);
        assert_eq!(check(Sign::AsIs, &[number, id]), [], "offline nobody knows whose id it is");
        let mut customers = References::new();
        customers.insert("customers", "C1", "X");
        customers.insert("customers", "C2", "y");
        assert_eq!(check_with(Sign::AsIs, &[number, id], Some(&customers)), []);
        let other = ("customerNumber", Value::Code("C2"));
        assert_eq!(check_with(Sign::AsIs, &[other, id], Some(&customers)), [Rule::CustomerTwice]);
    }

    #[test]
    fn a_refund_or_nothing_is_no_receipt() {
        let check = |sign, amount: &str| {
            let amount = Value::Decimal(amount.parse().unwrap());
            check(sign, &[("customerNumber", Value::Code("C1")), ("amount", amount)])
        };
        assert_eq!(check(Sign::ReceiptsPositive, "10"), []);
        assert_eq!(check(Sign::ReceiptsPositive, "-10"), [Rule::AmountSign]);
        assert_eq!(check(Sign::ReceiptsPositive, "-0.00"), [Rule::AmountZero]);
        assert_eq!(check(Sign::AsIs, "-10"), []);
        assert_eq!(check(Sign::AsIs, "10"), []);
        assert_eq!(check(Sign::AsIs, "0"), [Rule::AmountZero]);
    }

    /// The rules of a dialect, which is not the one that the helpers above know, that these values break.
    fn broken(
        kind: EntityKind,
        entity: &'static Entity,
        sign: Sign,
        values: &[(&str, Value<'_>)],
    ) -> Vec<(&'static str, Rule)> {
        let mut record = Record::new(entity.fields.len());
        for (name, value) in values {
            record.set(entity.index_of(name).unwrap(), *value);
        }
        let found = record_rules(kind, entity, sign);
        let found = found.iter().filter_map(|rule| rule.check(&record, None, &[]));
        found.map(|broken| (entity.fields[broken.field].name, broken.rule)).collect()
    }

    #[test]
    fn an_invoice_is_settled_by_money_received() {
        let check = |sign, amount: &str| {
            let amount = [("amount", Value::Decimal(amount.parse().unwrap()))];
            broken(EntityKind::Payments, &bigcapital::PAYMENTS, sign, &amount)
        };
        assert_eq!(check(Sign::ReceiptsPositive, "10"), []);
        assert_eq!(check(Sign::AsIs, "-10"), []);
        assert_eq!(check(Sign::AsIs, "10"), [("amount", Rule::AmountSign)]);
    }

    #[test]
    fn an_opening_balance_has_a_date_and_one_of_zero_is_none() {
        let amount = ("openingBalance", Value::Decimal("0.01".parse().unwrap()));
        let nothing = ("openingBalance", Value::Decimal("0.00".parse().unwrap()));
        let date = ("openingBalanceDate", Value::Date(jiff::civil::date(2026, 1, 1)));
        let check = |values: &[(&str, Value<'_>)]| {
            broken(EntityKind::Customers, &bigcapital::CUSTOMERS, Sign::default(), values)
        };
        assert_eq!(check(&[amount]), [("openingBalanceDate", Rule::Missing)]);
        assert_eq!(check(&[amount, date]), []);
        assert_eq!(check(&[date]), []);
        assert_eq!(check(&[nothing]), []);
    }
}
