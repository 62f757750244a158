//! Which columns an export has, and what has to be asked of the server to fill them.

use crate::catalogue::{Dialect, Entity, Field, Kind};
use crate::domain::EntityKind;

use super::ExportError;

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportEntity {
    /// Customers, with what they owe if asked for.
    Customers,
    /// What each customer owes.
    Financials,
    /// The default dimensions of customers, with their customers' numbers.
    Dimensions,
    /// The payments that wait in payment journals.
    Payments,
}

/// Where a column's value stands in the server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the record itself.
    Record,
    /// In the customer's financial detail, or in the record where a server keeps it there.
    Detail,
    /// The code of the payment journal being read.
    Journal,
    /// The code of what the id in this field of the record refers to: unlike the id, other systems may know it.
    Code {
        /// The field that holds the id.
        id: &'static str,
        /// The table that the id refers to.
        set: &'static str,
    },
}

/// One column of the exported table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// The heading: the field's name in the API.
    pub name: &'static str,
    /// What values it holds.
    pub kind: Kind,
    /// The longest text, in UTF-16 units; 0 when the kind says it.
    pub max_length: u16,
    /// Where its values come from.
    pub place: Place,
}

/// The columns of one export, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// What is exported.
    pub entity: ExportEntity,
    /// At least one column.
    pub columns: Vec<Column>,
}

/// The amounts of the financial detail, in the order they follow a customer's own columns.
const DETAILS: [&str; 3] = ["balance", "overdueAmount", "totalSalesExcludingTax"];

/// Ids that have no code beside them in the record, and the headings of the columns that hold their codes.
const CODES: [(&str, &str); 4] = [
    ("taxAreaId", "taxAreaCode"),
    ("paymentTermsId", "paymentTermsCode"),
    ("shipmentMethodId", "shipmentMethodCode"),
    ("paymentMethodId", "paymentMethodCode"),
];

/// The names of the financial detail, in the order they are tried on the server.
///
/// Source: `customerFinancialDetail` in v2.0; `customerFinancialDetails` in v1.0 and on some servers between.
pub const DETAIL_NAMES: [&str; 2] = ["customerFinancialDetail", "customerFinancialDetails"];

impl ExportEntity {
    /// All that can be exported.
    pub const ALL: [Self; 4] = [Self::Customers, Self::Financials, Self::Dimensions, Self::Payments];

    /// The word for it in flags, file names and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Financials => "financials",
            Self::Dimensions => "dimensions",
            Self::Payments => "payments",
        }
    }

    /// The table of the catalogue that describes it.
    #[must_use]
    pub fn catalogue(self, dialect: &Dialect) -> &'static Entity {
        match self {
            Self::Customers => dialect.customers,
            Self::Financials => dialect.financial_details,
            Self::Dimensions => dialect.entity(EntityKind::Dimensions),
            Self::Payments => dialect.payments,
        }
    }
}

impl Column {
    fn new(field: &Field, place: Place) -> Self {
        Self { name: field.name, kind: field.kind, max_length: field.max_length, place }
    }

    fn journal() -> Self {
        Self { name: "journal", kind: Kind::Code, max_length: 10, place: Place::Journal }
    }

    /// The column with the codes for the ids in a field, where the record has only ids.
    fn code_of(field: &Field) -> Option<Self> {
        let (_, name) = CODES.iter().find(|(id, _)| *id == field.name)?;
        let place = Place::Code { id: field.name, set: field.reference?.set };
        Some(Self { name, kind: Kind::Code, max_length: 20, place })
    }

    /// The word for the kind in a manifest.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Decimal(_) => "decimal",
            Kind::Integer => "integer",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::DateTime => "datetime",
            Kind::Guid => "guid",
            Kind::Enum(_) => "enum",
            _ => "text",
        }
    }
}

impl Layout {
    /// The columns for what was asked: those of `select` in its order, or all of them when it is empty.
    ///
    /// `expand` may name the financial detail; selecting one of its amounts asks for it too.
    pub fn new(
        dialect: &Dialect,
        entity: ExportEntity,
        select: &[String],
        expand: &[String],
    ) -> Result<Self, ExportError> {
        if entity.catalogue(dialect).fields.is_empty() {
            return Err(ExportError::NoSuchRecords { entity: entity.as_str(), system: dialect.title });
        }
        let with_details = check_expand(entity, expand)?;
        let offered = offered_columns(dialect, entity);
        let columns = if select.is_empty() {
            offered.into_iter().filter(|column| column.place != Place::Detail || with_details).collect()
        } else {
            select.iter().map(|name| find_column(entity, &offered, name)).collect::<Result<_, _>>()?
        };
        Ok(Self { entity, columns })
    }

    /// The fields to ask the server for.
    #[must_use]
    pub fn select(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.names(Place::Record).collect();
        for (_, id, _) in self.codes() {
            if !names.contains(&id) {
                names.push(id);
            }
        }
        // Without any column of its own a record still needs a property to be asked for.
        if names.is_empty() { vec!["id"] } else { names }
    }

    /// The fields to ask for of each customer's financial detail; none when it is not wanted.
    #[must_use]
    pub fn details(&self) -> Vec<&'static str> {
        self.names(Place::Detail).collect()
    }

    /// The columns that hold codes of ids: where each stands, the field of the id, and the table it refers to.
    pub fn codes(&self) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
        self.columns.iter().enumerate().filter_map(|(index, column)| match column.place {
            Place::Code { id, set } => Some((index, id, set)),
            Place::Record | Place::Detail | Place::Journal => None,
        })
    }

    /// Whether the financial detail is asked for.
    #[must_use]
    pub fn has_details(&self) -> bool {
        self.names(Place::Detail).next().is_some()
    }

    fn names(&self, place: Place) -> impl Iterator<Item = &'static str> {
        self.columns.iter().filter(move |column| column.place == place).map(|column| column.name)
    }
}

fn offered_columns(dialect: &Dialect, entity: ExportEntity) -> Vec<Column> {
    // Payments of customers without numbers have none to show; they have names.
    let is_held =
        |field: &&Field| field.name != "customerNumber" || dialect.customers.field("number").is_some();
    let fields = entity.catalogue(dialect).fields.iter().filter(is_held);
    let own = fields.map(|field| Column::new(field, Place::Record));
    match entity {
        ExportEntity::Financials => own.collect(),
        // The id in neutral form is an address, which nobody else knows.
        ExportEntity::Dimensions => own.filter(|column| column.name != "id").collect(),
        ExportEntity::Payments => {
            let journal = dialect.journals.map(|_| Column::journal());
            journal.into_iter().chain(own).collect()
        }
        ExportEntity::Customers => {
            // A dialect that keeps an amount on the customer has it among the customer's own columns.
            let is_apart = |name: &&&str| dialect.customers.field(name).is_none();
            let details = DETAILS.iter().filter(is_apart);
            let details = details.filter_map(|name| dialect.financial_details.field(name));
            // A dialect that shows a code beside its id needs no column more.
            let codes = dialect.customers.fields.iter().filter_map(Column::code_of);
            let codes = codes.filter(|column| dialect.customers.field(column.name).is_none());
            own.chain(codes).chain(details.map(|field| Column::new(field, Place::Detail))).collect()
        }
    }
}

fn check_expand(entity: ExportEntity, expand: &[String]) -> Result<bool, ExportError> {
    for name in expand {
        let is_detail = name == "financials" || DETAIL_NAMES.contains(&name.as_str());
        if !is_detail || entity != ExportEntity::Customers {
            return Err(ExportError::UnknownExpansion { name: name.clone(), entity: entity.as_str() });
        }
    }
    Ok(!expand.is_empty())
}

fn find_column(entity: ExportEntity, offered: &[Column], name: &str) -> Result<Column, ExportError> {
    if let Some(column) = offered.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
        return Ok(*column);
    }
    let closeness = |column: &Column| strsim::jaro_winkler(&column.name.to_lowercase(), &name.to_lowercase());
    let closest = offered
        .iter()
        .max_by(|one, other| closeness(one).total_cmp(&closeness(other)))
        .expect("every entity of the catalogue has fields");
    Err(ExportError::UnknownColumn { name: name.to_owned(), entity: entity.as_str(), closest: closest.name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMERS, DIALECT};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn headings(layout: &Layout) -> Vec<&str> {
        layout.columns.iter().map(|column| column.name).collect()
    }

    #[test]
    fn without_a_selection_every_field_of_the_catalogue_is_a_column() {
        let layout = Layout::new(&DIALECT, ExportEntity::Customers, &[], &[]).unwrap();
        let fields: Vec<_> = CUSTOMERS.fields.iter().map(|field| field.name).collect();
        assert_eq!(headings(&layout)[..fields.len()], fields);
        assert_eq!(headings(&layout)[fields.len()..], CODES.map(|(_, code)| code));
        assert_eq!(layout.select(), fields);
        assert!(layout.details().is_empty());
    }

    #[test]
    fn no_heading_stands_twice_in_any_dialect() {
        for dialect in crate::catalogue::DIALECTS {
            for entity in ExportEntity::ALL {
                let Ok(layout) = Layout::new(dialect, entity, &[], &[]) else {
                    assert!(entity == ExportEntity::Dimensions && dialect.default_dimensions.is_none());
                    continue;
                };
                let mut names = headings(&layout);
                names.sort_unstable();
                assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: {names:?}", dialect.title);
            }
        }
    }

    #[test]
    fn expanding_adds_the_amounts_behind_the_columns_of_the_customer() {
        let layout = Layout::new(&DIALECT, ExportEntity::Customers, &[], &words(&["financials"])).unwrap();
        assert_eq!(headings(&layout)[CUSTOMERS.fields.len() + CODES.len()..], DETAILS);
        assert!(!layout.select().contains(&"overdueAmount"));
        assert_eq!(layout.details(), DETAILS);
    }

    #[test]
    fn a_selection_keeps_its_order_and_brings_the_detail_it_needs() {
        let layout =
            Layout::new(&DIALECT, ExportEntity::Customers, &words(&["balance", "Number"]), &[]).unwrap();
        assert_eq!(headings(&layout), ["balance", "number"]);
        assert_eq!((layout.select(), layout.details()), (vec!["number"], vec!["balance"]));
    }

    #[test]
    fn amounts_on_the_customer_are_columns_once() {
        let beta = Dialect::named("business-central", "beta").unwrap();
        let layout = Layout::new(beta, ExportEntity::Customers, &[], &words(&["financials"])).unwrap();
        let balances = headings(&layout).into_iter().filter(|name| *name == "balance").count();
        assert_eq!((balances, layout.has_details()), (1, false));
        let layout = Layout::new(beta, ExportEntity::Customers, &words(&["balance"]), &[]).unwrap();
        assert_eq!((layout.select(), layout.details()), (vec!["balance"], vec![]));
    }

    #[test]
    fn a_code_that_is_selected_alone_asks_for_its_id() {
        let layout =
            Layout::new(&DIALECT, ExportEntity::Customers, &words(&["paymentTermsCode"]), &[]).unwrap();
        assert_eq!((headings(&layout), layout.select()), (vec!["paymentTermsCode"], vec!["paymentTermsId"]));
        assert_eq!(layout.codes().collect::<Vec<_>>(), [(0, "paymentTermsId", "paymentTerms")]);
    }

    #[test]
    fn payments_say_which_journal_they_wait_in() {
        let layout = Layout::new(&DIALECT, ExportEntity::Payments, &[], &[]).unwrap();
        assert_eq!(headings(&layout)[..2], ["journal", "id"]);
        assert_eq!(layout.select()[..2], ["id", "journalId"]);
    }

    #[test]
    fn unknown_names_are_refused_with_the_closest_known_one() {
        let unknown =
            Layout::new(&DIALECT, ExportEntity::Customers, &words(&["dispalyName"]), &[]).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "`dispalyName` is no column of customers; the closest is `displayName`"
        );
        let unknown =
            Layout::new(&DIALECT, ExportEntity::Payments, &[], &words(&["financials"])).unwrap_err();
        assert_eq!(unknown.to_string(), "payments have no `financials` to expand");
    }
}
