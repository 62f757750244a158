//! From the tree of a filter to a filter on one entity: names become places, literals become typed values.
//!
//! Promises: everything the API would refuse is refused here, with the position in the filter.

use super::error::ODataError;
use super::filter::{Field, Filter, Place, fold};
use super::literal::{Literal, value_of};
use super::model::{Behaviour, EntityType, Kind, Property};
use super::query::SchemaVersion;
use super::syntax::{self, Comparison, Expression, Operand, Term};
use super::value::Value;

/// Reads `text` as a filter on `entity`.
pub(crate) fn parse_filter(
    text: &str,
    entity: &'static EntityType,
    behaviour: Behaviour,
    version: SchemaVersion,
) -> Result<Filter, ODataError> {
    let reader = Reader { text, entity, behaviour, version };
    let tree = syntax::parse(text).map_err(|position| reader.syntax_error(position))?;
    reader.filter(&tree)
}

/// What a filter is read against.
struct Reader<'a> {
    text: &'a str,
    entity: &'static EntityType,
    behaviour: Behaviour,
    version: SchemaVersion,
}

/// The left side of a condition: a field, perhaps cut by `substring`.
struct Subject {
    field: Field,
    is_cut: bool,
}

impl Reader<'_> {
    fn filter(&self, tree: &Expression<'_>) -> Result<Filter, ODataError> {
        match tree {
            Expression::And(parts) => Ok(Filter::And(self.filters(parts)?)),
            Expression::Or(parts) => {
                let either = Filter::Or(self.filters(parts)?);
                match either.only_field() {
                    Some(_) => Ok(either),
                    None => Err(self.unsupported_or()),
                }
            }
            Expression::Not(part) => Ok(Filter::Not(Box::new(self.filter(part)?))),
            Expression::Compare(left, comparison, right) => self.compare(left, *comparison, right),
            Expression::In(left, members) => self.membership(left, members),
            Expression::Truth(operand) => self.truth(operand, true),
        }
    }

    fn filters(&self, parts: &[Expression<'_>]) -> Result<Vec<Filter>, ODataError> {
        parts.iter().map(|part| self.filter(part)).collect()
    }

    fn compare(
        &self,
        left: &Operand<'_>,
        comparison: Comparison,
        right: &Operand<'_>,
    ) -> Result<Filter, ODataError> {
        if let Term::Call(name, _) = &left.term
            && place_of(name).is_some()
        {
            return self.compared_search(left, comparison, right);
        }
        let subject = self.subject(left, 0)?;
        if subject.is_cut {
            let found = Filter::Search(subject.field, Place::Substring, self.sought(subject.field, right)?);
            return match comparison {
                Comparison::Equal => Ok(found),
                Comparison::NotEqual => Ok(Filter::Not(Box::new(found))),
                _ => {
                    Err(self
                        .unsupported(left.position, "'substring' with a comparison other than 'eq' and 'ne'"))
                }
            };
        }
        Ok(Filter::Compare(subject.field, comparison, self.value(subject.field, right)?))
    }

    /// `contains(…) eq true` and its relatives.
    fn compared_search(
        &self,
        left: &Operand<'_>,
        comparison: Comparison,
        right: &Operand<'_>,
    ) -> Result<Filter, ODataError> {
        let truth = match &right.term {
            Term::Literal(Literal::Word("true")) => true,
            Term::Literal(Literal::Word("false")) => false,
            _ => return Err(self.refused(right.position, "'true' or 'false' is expected")),
        };
        match comparison {
            Comparison::Equal => self.truth(left, truth),
            Comparison::NotEqual => self.truth(left, !truth),
            _ => Err(self.refused(left.position, "true and false have no order")),
        }
    }

    fn membership(&self, left: &Operand<'_>, members: &[Operand<'_>]) -> Result<Filter, ODataError> {
        if self.version < SchemaVersion::V2_1 {
            return Err(self.unsupported(left.position, "'in' below $schemaversion=2.1"));
        }
        let subject = self.subject(left, 0)?;
        if subject.is_cut {
            return Err(self.unsupported(left.position, "'substring' with 'in'"));
        }
        let values = members.iter().map(|member| self.value(subject.field, member));
        Ok(Filter::In(subject.field, values.collect::<Result<_, _>>()?))
    }

    /// A condition without a comparison: a search, or a field that is true or false.
    fn truth(&self, operand: &Operand<'_>, wanted: bool) -> Result<Filter, ODataError> {
        let condition = match &operand.term {
            Term::Call(name, arguments) => match (place_of(name), arguments.as_slice()) {
                (Some(place), [subject, sought]) => self.search(place, subject, sought)?,
                (Some(_), _) => {
                    return Err(self.refused(operand.position, &format!("'{name}' takes two arguments")));
                }
                (None, _) => return Err(self.not_a_condition(operand)),
            },
            Term::Literal(Literal::Word(name)) => {
                let field = self.field(name, operand.position)?;
                if !matches!(self.property(field).kind, Kind::Boolean) {
                    return Err(self.not_a_condition(operand));
                }
                return Ok(Filter::Compare(field, Comparison::Equal, Value::Boolean(wanted)));
            }
            Term::Literal(_) => return Err(self.not_a_condition(operand)),
        };
        Ok(if wanted { condition } else { Filter::Not(Box::new(condition)) })
    }

    fn search(
        &self,
        place: Place,
        subject: &Operand<'_>,
        sought: &Operand<'_>,
    ) -> Result<Filter, ODataError> {
        let found = self.subject(subject, 1)?;
        self.require_text(found.field, subject.position)?;
        if found.is_cut {
            return Err(self.unsupported(subject.position, "'substring' within a search"));
        }
        Ok(Filter::Search(found.field, place, self.sought(found.field, sought)?))
    }

    /// The field that `operand` is, within `depth` functions.
    fn subject(&self, operand: &Operand<'_>, depth: usize) -> Result<Subject, ODataError> {
        let (name, arguments) = match &operand.term {
            Term::Literal(Literal::Word(name)) => {
                return Ok(Subject { field: self.field(name, operand.position)?, is_cut: false });
            }
            Term::Literal(_) => return Err(self.refused(operand.position, "a property is expected")),
            Term::Call(name, arguments) => (*name, arguments.as_slice()),
        };
        let is_cut = match (name, arguments) {
            ("tolower" | "toupper", [_]) => false,
            ("substring", [_, numbers @ ..]) if are_positions(numbers) => true,
            ("tolower" | "toupper" | "substring", _) => {
                return Err(self.refused(operand.position, &format!("'{name}' has other arguments")));
            }
            _ => return Err(self.unsupported(operand.position, &format!("the function '{name}'"))),
        };
        if depth > 0 && self.version < SchemaVersion::V2_1 {
            return Err(
                self.unsupported(operand.position, "a function within a function below $schemaversion=2.1")
            );
        }
        let inner = self.subject(&arguments[0], depth + 1)?;
        self.require_text(inner.field, arguments[0].position)?;
        let field = Field { folded: inner.field.folded || !is_cut, ..inner.field };
        Ok(Subject { field, is_cut: inner.is_cut || is_cut })
    }

    fn field(&self, name: &str, position: usize) -> Result<Field, ODataError> {
        if let Some(index) = self.entity.visible_index(name, self.behaviour) {
            return Ok(Field { index, folded: false });
        }
        let what = match name.split_once('/') {
            Some(_) => format!("paths such as '{name}' are not supported"),
            None => format!(
                "could not find a property named '{name}' on type 'Microsoft.NAV.{}'",
                self.entity.name
            ),
        };
        Err(self.refused(position, &what))
    }

    fn property(&self, field: Field) -> &'static Property {
        &self.entity.properties[field.index]
    }

    fn require_text(&self, field: Field, position: usize) -> Result<(), ODataError> {
        match self.property(field).kind {
            Kind::Text | Kind::Code => Ok(()),
            kind => Err(self.refused(position, &format!("a text is expected, not {}", kind.edm_name()))),
        }
    }

    /// The value that `operand` means for `field`.
    fn value(&self, field: Field, operand: &Operand<'_>) -> Result<Value, ODataError> {
        let Term::Literal(literal) = &operand.term else {
            return Err(self.unsupported(operand.position, "a function on the right of a comparison"));
        };
        let value = value_of(literal, self.property(field), self.behaviour);
        match value.ok_or_else(|| self.wrong_type(field, operand))? {
            Value::Text(text) if field.folded => Ok(Value::Text(fold(&text))),
            value => Ok(value),
        }
    }

    /// The text that a search on `field` looks for.
    fn sought(&self, field: Field, operand: &Operand<'_>) -> Result<String, ODataError> {
        match (&operand.term, self.property(field).kind) {
            (Term::Literal(Literal::Quoted(text)), _) if field.folded => Ok(fold(text)),
            (Term::Literal(Literal::Quoted(text)), Kind::Code) => Ok(text.to_uppercase()),
            (Term::Literal(Literal::Quoted(text)), _) => Ok(text.clone()),
            (Term::Literal(_), _) => Err(self.wrong_type(field, operand)),
            (Term::Call(..), _) => {
                Err(self.unsupported(operand.position, "a function in place of a literal"))
            }
        }
    }
}

/// The search that a function of this name is.
fn place_of(name: &str) -> Option<Place> {
    match name {
        "contains" => Some(Place::Anywhere),
        "startswith" => Some(Place::Start),
        "endswith" => Some(Place::End),
        _ => None,
    }
}

/// Whether these are the one or two whole numbers that `substring` takes.
fn are_positions(numbers: &[Operand<'_>]) -> bool {
    let is_number = |operand: &Operand<'_>| match operand.term {
        Term::Literal(Literal::Word(word)) => word.parse::<u32>().is_ok(),
        _ => false,
    };
    matches!(numbers.len(), 1 | 2) && numbers.iter().all(is_number)
}

/// The refusals, each with its position in the filter.
impl Reader<'_> {
    fn syntax_error(&self, position: usize) -> ODataError {
        let before = &self.text[..position];
        if before.contains("/any(") || before.contains("/all(") {
            return self.refused(position, "'any' and 'all' are not supported");
        }
        self.refused(position, "syntax error")
    }

    fn not_a_condition(&self, operand: &Operand<'_>) -> ODataError {
        self.refused(operand.position, "this is neither true nor false; a comparison is expected")
    }

    fn wrong_type(&self, field: Field, operand: &Operand<'_>) -> ODataError {
        let property = self.property(field);
        let what =
            format!("the value does not fit '{}', which is {}", property.name, property.kind.edm_name());
        self.refused(operand.position, &what)
    }

    fn unsupported_or(&self) -> ODataError {
        let text = self.text;
        ODataError::not_implemented(format!("Unsupported $filter: 'or' on different fields in '{text}'."))
    }

    fn refused(&self, position: usize, what: &str) -> ODataError {
        ODataError::bad_request(format!(
            "Invalid $filter: {what}, at position {position} in '{}'.",
            self.text
        ))
    }

    fn unsupported(&self, position: usize, what: &str) -> ODataError {
        let message = format!("Unsupported $filter: {what}, at position {position} in '{}'.", self.text);
        ODataError::not_implemented(message)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::filtered;
    use super::*;
    use Behaviour::{Seed, Strict};
    use SchemaVersion::{V2_0, V2_1};

    fn passing(filter: &str) -> Vec<String> {
        filtered(filter, Seed, V2_0).unwrap()
    }

    #[test]
    fn the_filters_of_the_guide_find_what_they_say() {
        for (filter, expected) in [
            ("blocked eq ' '", &["10000", "20000"] as &[_]),
            ("balance gt 0", &["10000", "20000"]),
            ("overdueAmount gt 0", &["10000"]),
            ("lastModifiedDateTime gt 2024-01-01T00:00:00Z", &["10000", "30000"]),
            ("contains(displayName,'Corp')", &["10000"]),
            ("displayName eq 'Adatum Corporation'", &["10000"]),
            ("currencyCode eq 'USD'", &["10000", "20000"]),
            ("type eq 'Company'", &["10000", "20000", "C-4"]),
            ("blocked eq ' ' and balance gt 0", &["10000", "20000"]),
        ] {
            assert_eq!(passing(filter), expected, "{filter}");
        }
    }

    #[test]
    fn every_function_and_literal_of_the_reference_works() {
        for (filter, expected) in [
            ("startswith(displayName,'Tr')", &["20000"] as &[_]),
            ("endswith(displayName, 'Sons') eq true", &["30000"]),
            ("contains(displayName,'Corp') eq false", &["20000", "30000", "C-4"]),
            ("displayName eq 'O''Brien & Sons'", &["30000"]),
            ("tolower(displayName) eq 'trey research'", &["20000"]),
            ("toupper(displayName) ne 'TREY RESEARCH'", &["10000", "30000", "C-4"]),
            ("substring(displayName, 5) eq 'Research'", &["20000"]),
            ("number eq 'c-4'", &["C-4"]),
            ("startswith(number,'c')", &["C-4"]),
            ("number eq '10000' or number gt '20000' and number lt '4'", &["10000", "30000"]),
            ("not (balance ge 0) and taxLiable eq false", &["30000"]),
            ("taxLiable", &["10000"]),
            ("not taxLiable and balance le -12.50", &["30000"]),
            ("blocked eq 'Ship'", &["C-4"]),
            ("blocked eq '_x0020_'", &["10000", "20000"]),
            ("blocked eq ''", &["10000", "20000"]),
            ("blocked ne Microsoft.NAV.customerBlocked'All' and blocked ne ' '", &["C-4"]),
            ("currencyCode eq null", &["C-4"]),
            ("id eq 00000000-0000-0000-0000-000000000008", &["20000"]),
            ("lastModifiedDateTime lt 2023-02-14T17:15:00.031+01:00 and currencyCode ne ''", &["20000"]),
            ("DISPLAYNAME eq 'corpus'", &["C-4"]),
        ] {
            assert_eq!(passing(filter), expected, "{filter}");
        }
    }

    #[test]
    fn schema_version_2_1_brings_lists_and_nested_functions() {
        for (filter, expected) in [
            ("number in ('10000', 'c-4')", &["10000", "C-4"] as &[_]),
            ("contains(tolower(displayName),'CORP')", &["10000", "C-4"]),
            ("tolower(substring(displayName,1)) eq 'CORP'", &["10000", "C-4"]),
        ] {
            assert_eq!(filtered(filter, Seed, V2_1).unwrap(), expected, "{filter}");
            assert!(filtered(filter, Seed, V2_0).unwrap_err().starts_with("501 "), "{filter}");
        }
    }

    #[test]
    fn strict_behaviour_knows_neither_balances_on_customers_nor_plain_blanks() {
        assert_eq!(filtered("blocked eq '_x0020_'", Strict, V2_0).unwrap(), ["10000", "20000"]);
        for filter in ["blocked eq ' '", "blocked eq ''", "balance gt 0"] {
            assert!(filtered(filter, Strict, V2_0).unwrap_err().starts_with("400 BadRequest: "), "{filter}");
        }
    }

    #[test]
    fn refusals_name_what_is_wrong_and_where() {
        let filters = [
            "balance gtt 0",
            "balance gt 'x'",
            "postcode eq '1'",
            "blocked eq 'Closed'",
            "lastModifiedDateTime gt 01/02/2024",
            "id eq 'd1e2f3a4-b5c6-7890-1234-567890abcdef'",
            "displayName eq 'open",
            "city eq 'A' or state eq 'B'",
            "number in ('1')",
            "contains(tolower(displayName),'x')",
            "indexof(displayName,'x') eq 0",
            "displayName eq tolower('X')",
            "contains(displayName)",
            "contains(balance,'1')",
            "displayName",
            "balance eq null",
            "currency/code eq 'USD'",
            "defaultDimensions/any(d: d/dimensionCode eq 'X')",
            "substring(displayName,1) gt 'a'",
            "0 lt balance",
            "",
        ];
        let refusals: Vec<_> =
            filters.iter().map(|filter| filtered(filter, Seed, V2_0).unwrap_err()).collect();
        insta::assert_snapshot!(refusals.join("\n"), @r"
        400 BadRequest: Invalid $filter: syntax error, at position 8 in 'balance gtt 0'.
        400 BadRequest: Invalid $filter: the value does not fit 'balance', which is Edm.Decimal, at position 11 in 'balance gt 'x''.
        400 BadRequest: Invalid $filter: could not find a property named 'postcode' on type 'Microsoft.NAV.customer', at position 0 in 'postcode eq '1''.
        400 BadRequest: Invalid $filter: the value does not fit 'blocked', which is Microsoft.NAV.customerBlocked, at position 11 in 'blocked eq 'Closed''.
        400 BadRequest: Invalid $filter: the value does not fit 'lastModifiedDateTime', which is Edm.DateTimeOffset, at position 24 in 'lastModifiedDateTime gt 01/02/2024'.
        400 BadRequest: Invalid $filter: the value does not fit 'id', which is Edm.Guid, at position 6 in 'id eq 'd1e2f3a4-b5c6-7890-1234-567890abcdef''.
        400 BadRequest: Invalid $filter: syntax error, at position 20 in 'displayName eq 'open'.
        501 BadRequest_MethodNotImplemented: Unsupported $filter: 'or' on different fields in 'city eq 'A' or state eq 'B''.
        501 BadRequest_MethodNotImplemented: Unsupported $filter: 'in' below $schemaversion=2.1, at position 0 in 'number in ('1')'.
        501 BadRequest_MethodNotImplemented: Unsupported $filter: a function within a function below $schemaversion=2.1, at position 9 in 'contains(tolower(displayName),'x')'.
        501 BadRequest_MethodNotImplemented: Unsupported $filter: the function 'indexof', at position 0 in 'indexof(displayName,'x') eq 0'.
        501 BadRequest_MethodNotImplemented: Unsupported $filter: a function on the right of a comparison, at position 15 in 'displayName eq tolower('X')'.
        400 BadRequest: Invalid $filter: 'contains' takes two arguments, at position 0 in 'contains(displayName)'.
        400 BadRequest: Invalid $filter: a text is expected, not Edm.Decimal, at position 9 in 'contains(balance,'1')'.
        400 BadRequest: Invalid $filter: this is neither true nor false; a comparison is expected, at position 0 in 'displayName'.
        400 BadRequest: Invalid $filter: the value does not fit 'balance', which is Edm.Decimal, at position 11 in 'balance eq null'.
        400 BadRequest: Invalid $filter: paths such as 'currency/code' are not supported, at position 0 in 'currency/code eq 'USD''.
        400 BadRequest: Invalid $filter: 'any' and 'all' are not supported, at position 25 in 'defaultDimensions/any(d: d/dimensionCode eq 'X')'.
        501 BadRequest_MethodNotImplemented: Unsupported $filter: 'substring' with a comparison other than 'eq' and 'ne', at position 0 in 'substring(displayName,1) gt 'a''.
        400 BadRequest: Invalid $filter: could not find a property named '0' on type 'Microsoft.NAV.customer', at position 0 in '0 lt balance'.
        400 BadRequest: Invalid $filter: syntax error, at position 0 in ''.
        ");
    }
}
