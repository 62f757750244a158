//! The query part of a URL: what is filtered, shown, expanded, sorted, and how much of it.
//!
//! In: the text between `?` and `#`, still percent-encoded, and the entity it is asked of. Out: a [`Query`] whose
//! names are places in that entity's table, or the refusal a client gets.
//!
//! Promises: an unknown `$` option and an unknown name are refused with 400 and named; options without `$` are the
//! caller's own and pass, as the protocol wants.
//!
//! Source: names in `$select` and `$orderby` are case-insensitive online; `$search`, `$apply`, `$compute` and
//! `$levels` are in no document of the API.

use std::cmp::Ordering;

use super::error::ODataError;
use super::filter::Filter;
use super::model::{Behaviour, EntityType, Navigation};
use super::page::Cursor;
use super::split::{decode, split_outside};
use super::typing::parse_filter;
use super::value::Record;

/// What a request asks of a set or of one entity.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The entity the names belong to.
    pub(crate) entity: &'static EntityType,
    /// How the server behaves.
    pub(crate) behaviour: Behaviour,
    /// Which rows.
    pub(crate) filter: Option<Filter>,
    /// The places of the properties named in `$select`, if it was given.
    pub(crate) select: Option<Vec<usize>>,
    /// The places of the properties to write, in the order of the table.
    pub(crate) columns: Vec<usize>,
    /// Which related entities come along.
    pub(crate) expand: Vec<Expand>,
    /// The places of the properties named in `$orderby`.
    pub(crate) order_by: Vec<(usize, Direction)>,
    /// Everything rows are sorted by: `order_by`, then the entity's default order, then its key.
    pub(super) sort: Vec<(usize, Direction)>,
    /// The most rows in the whole answer.
    pub(crate) top: Option<usize>,
    /// How many rows to leave out at the start.
    pub(crate) skip: usize,
    /// Whether the answer says how many rows pass the filter.
    pub(crate) count: bool,
    /// Where an earlier page ended.
    pub(crate) skip_token: Option<Cursor>,
    /// Which grammar filters are written in.
    pub(crate) schema_version: SchemaVersion,
    /// The company named outside the path: a GUID or a name.
    pub(crate) company: Option<String>,
}

/// A related entity to bring along.
#[derive(Clone, Debug)]
pub(crate) struct Expand {
    /// Which way; its name is the name in the answer.
    pub(crate) navigation: &'static Navigation,
    /// What is asked of the related entities.
    pub(crate) query: Query,
}

/// Which way to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// The grammar a filter is written in: `in` and nested functions came with 2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SchemaVersion {
    /// What API v2.0 speaks unless asked otherwise; 1.0 is taken for the same.
    #[default]
    V2_0,
    /// `$schemaversion=2.1`.
    V2_1,
}

/// How deep `$expand` may nest, so that a hostile URL cannot exhaust the stack.
const MAX_EXPAND_DEPTH: usize = 8;

impl Query {
    /// A query that asks for everything.
    pub(crate) fn all(entity: &'static EntityType, behaviour: Behaviour) -> Self {
        let is_visible = |index: &usize| entity.properties[*index].is_visible(behaviour);
        Self {
            entity,
            behaviour,
            filter: None,
            select: None,
            columns: (0..entity.properties.len()).filter(is_visible).collect(),
            expand: Vec::new(),
            order_by: Vec::new(),
            sort: ascending(entity),
            top: None,
            skip: 0,
            count: false,
            skip_token: None,
            schema_version: SchemaVersion::default(),
            company: None,
        }
    }

    /// Reads the query part of a URL; `raw` is still percent-encoded and may be empty.
    pub(crate) fn parse(
        raw: &str,
        entity: &'static EntityType,
        behaviour: Behaviour,
    ) -> Result<Self, ODataError> {
        let mut options = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            options.push((decode(name)?, decode(value)?));
        }
        let mut query = Self::all(entity, behaviour);
        query.company = options.iter().find(|(name, _)| name == "company").map(|(_, value)| value.clone());
        let options = options.iter().filter(|(name, _)| name.starts_with('$'));
        let options: Vec<_> = options.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for &(name, value) in &options {
            if name == "$schemaversion" {
                query.schema_version = schema_version(value)?;
            }
        }
        query.read_options(&options, 0)?;
        Ok(query)
    }

    /// Whether the answer needs the property at `index` at all, so that costly ones can be left empty.
    pub(crate) fn uses(&self, index: usize) -> bool {
        self.columns.contains(&index)
            || self.order_by.iter().any(|&(ordered, _)| ordered == index)
            || self.filter.as_ref().is_some_and(|filter| filter.names(index))
    }

    /// Whether `record` passes `$filter`.
    pub(crate) fn matches(&self, record: &Record) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(record))
    }

    /// How two records are sorted: by `$orderby`, then by the entity's default order, then by key.
    pub(crate) fn order(&self, one: &Record, other: &Record) -> Ordering {
        let orderings = self
            .sort
            .iter()
            .map(|&(index, direction)| direction.apply(one.value(index).cmp(other.value(index))));
        orderings.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Takes in `options`, decoded and each with its `$`; `depth` counts the entities expanded so far.
    fn read_options(&mut self, options: &[(&str, &str)], depth: usize) -> Result<(), ODataError> {
        for (index, &(name, value)) in options.iter().enumerate() {
            if options[..index].iter().any(|&(earlier, _)| earlier == name) {
                return Err(ODataError::bad_request(format!("The query option '{name}' is given twice.")));
            }
            match name {
                "$filter" => {
                    let filter = parse_filter(value, self.entity, self.behaviour, self.schema_version)?;
                    self.filter = Some(filter);
                }
                "$select" => self.read_select(value)?,
                "$expand" => self.read_expand(value, depth)?,
                "$orderby" => self.read_order_by(value)?,
                "$top" => self.top = Some(whole_number(name, value)?),
                "$skip" => self.skip = whole_number(name, value)?,
                "$count" => self.count = truth(name, value)?,
                "$skiptoken" | "$schemaversion" if depth == 0 => {}
                _ => {
                    let message = format!("The query option '{name}' is not supported.");
                    return Err(ODataError::bad_request(message));
                }
            }
        }
        if let Some((_, token)) = options.iter().find(|(name, _)| *name == "$skiptoken") {
            self.skip_token = Some(Cursor::parse(token, self)?);
        }
        Ok(())
    }

    fn read_select(&mut self, value: &str) -> Result<(), ODataError> {
        let mut selected = Vec::new();
        for name in split_outside(value, ',') {
            match self.entity.visible_index(name, self.behaviour) {
                Some(index) => selected.push(index),
                None if name == "*" => selected.extend_from_slice(&self.columns),
                None if let Some(complex) = self.entity.complex(name, self.behaviour) => {
                    selected.extend(self.entity.parts(complex, self.behaviour));
                }
                None if self.entity.navigation(name, self.behaviour).is_some() => {}
                None => return Err(self.unknown(name)),
            }
        }
        self.columns.retain(|index| selected.contains(index));
        self.select = Some(selected);
        Ok(())
    }

    fn read_order_by(&mut self, value: &str) -> Result<(), ODataError> {
        for item in split_outside(value, ',') {
            let mut words = item.split_whitespace();
            let name = words.next().unwrap_or_default();
            let index = self.entity.visible_index(name, self.behaviour).ok_or_else(|| self.unknown(name))?;
            let direction = match (words.next(), words.next()) {
                (None | Some("asc"), None) => Direction::Ascending,
                (Some("desc"), None) => Direction::Descending,
                _ => {
                    let message = format!("'{item}' in $orderby is neither ascending nor descending.");
                    return Err(ODataError::bad_request(message));
                }
            };
            self.order_by.push((index, direction));
        }
        self.sort = self.order_by.iter().copied().chain(ascending(self.entity)).collect();
        Ok(())
    }

    fn read_expand(&mut self, value: &str, depth: usize) -> Result<(), ODataError> {
        if depth == MAX_EXPAND_DEPTH {
            return Err(ODataError::bad_request("The $expand is nested too deeply."));
        }
        for item in split_outside(value, ',') {
            let (name, options) = match item.split_once('(') {
                None => (item, ""),
                Some((name, rest)) => {
                    let options = rest.strip_suffix(')');
                    let message = || format!("A parenthesis is missing in the $expand '{item}'.");
                    (name.trim(), options.ok_or_else(|| ODataError::bad_request(message()))?)
                }
            };
            let navigation =
                self.entity.navigation(name, self.behaviour).ok_or_else(|| self.unknown(name))?;
            if self.expand.iter().any(|expand| expand.navigation.name == navigation.name) {
                return Err(ODataError::bad_request(format!("'{name}' is expanded twice.")));
            }
            self.expand.push(Expand { navigation, query: self.nested(navigation, options, depth + 1)? });
        }
        Ok(())
    }

    /// The query within the parentheses of an expanded `navigation`.
    fn nested(&self, navigation: &'static Navigation, text: &str, depth: usize) -> Result<Self, ODataError> {
        let mut query = Self::all(navigation.target, self.behaviour);
        query.schema_version = self.schema_version;
        let pairs = split_outside(text, ';').into_iter().filter(|pair| !pair.is_empty());
        let options: Vec<_> = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        query.read_options(&options, depth)?;
        Ok(query)
    }

    fn unknown(&self, name: &str) -> ODataError {
        let type_name = self.entity.name;
        let message =
            format!("Could not find a property named '{name}' on type 'Microsoft.NAV.{type_name}'.");
        ODataError::bad_request(message)
    }
}

impl Direction {
    /// `ordering` as this direction has it.
    pub(super) fn apply(self, ordering: Ordering) -> Ordering {
        match self {
            Self::Ascending => ordering,
            Self::Descending => ordering.reverse(),
        }
    }
}

fn ascending(entity: &EntityType) -> Vec<(usize, Direction)> {
    entity.default_order().into_iter().map(|index| (index, Direction::Ascending)).collect()
}

fn schema_version(value: &str) -> Result<SchemaVersion, ODataError> {
    match value {
        "1.0" | "2.0" => Ok(SchemaVersion::V2_0),
        "2.1" => Ok(SchemaVersion::V2_1),
        _ => Err(ODataError::bad_request(format!("The schema version '{value}' is not supported."))),
    }
}

fn whole_number(name: &str, value: &str) -> Result<usize, ODataError> {
    let wrong = |_| {
        ODataError::bad_request(format!(
            "The value '{value}' of the query option '{name}' is no whole number."
        ))
    };
    value.trim().parse::<u32>().map(|number| number as usize).map_err(wrong)
}

fn truth(name: &str, value: &str) -> Result<bool, ODataError> {
    let wrong = |_| {
        ODataError::bad_request(format!(
            "The value '{value}' of the query option '{name}' is not true or false."
        ))
    };
    value.trim().parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{query, refusal};
    use super::*;
    use Behaviour::{Seed, Strict};

    fn names(query: &Query, places: &[usize]) -> Vec<&'static str> {
        places.iter().map(|&index| query.entity.properties[index].name).collect()
    }

    #[test]
    fn the_combined_example_of_the_guide_is_understood() {
        let query = query(
            "$filter=blocked%20eq%20%27%20%27+and+balance gt 0&$orderby=balance desc&$top=20\
             &$select=number,displayName,balance,overdueAmount",
            Seed,
        );
        assert_eq!(
            query.filter.as_ref().map(|filter| filter.text(query.entity)).as_deref(),
            Some("blocked eq '_x0020_' and balance gt 0")
        );
        assert_eq!(names(&query, &query.columns), ["number", "displayName", "balance", "overdueAmount"]);
        assert_eq!(
            query.order_by,
            [(query.entity.property_index("balance").unwrap(), Direction::Descending)]
        );
        assert_eq!(query.top, Some(20));
    }

    #[test]
    fn expansions_take_their_own_options_several_levels_deep() {
        let query = query(
            "$expand=CustomerFinancialDetails($select=balance),currency,\
             defaultDimensions($filter=dimensionCode eq 'A;B)';$expand=dimension($select=code;\
             $expand=dimensionValues($top=1;$orderby=code desc;$count=true)))",
            Seed,
        );
        let expanded: Vec<_> = query.expand.iter().map(|expand| expand.navigation.name).collect();
        assert_eq!(expanded, ["customerFinancialDetails", "currency", "defaultDimensions"]);
        let dimension = &query.expand[2].query.expand[0].query;
        assert_eq!(names(dimension, &dimension.columns), ["code"]);
        let values = &dimension.expand[0].query;
        assert_eq!((values.top, values.count, values.order_by.len()), (Some(1), true, 1));
    }

    #[test]
    fn options_of_the_platform_and_of_the_caller_pass() {
        let query = query("company=CRONUS%20AG&tenant=default&myOption=1&%24count=true&$skip=3", Strict);
        assert_eq!((query.company.as_deref(), query.count, query.skip), (Some("CRONUS AG"), true, 3));
    }

    #[test]
    fn costly_properties_are_used_only_when_shown_sorted_or_filtered() {
        let uses = |raw| {
            let query = query(raw, Seed);
            query.uses(query.entity.property_index("balance").unwrap())
        };
        assert!(
            uses("")
                && uses("$select=number&$orderby=balance")
                && uses("$select=number&$filter=balance gt 0")
        );
        assert!(!uses("$select=number,city&$orderby=city&$filter=city ne ''"));
    }

    #[test]
    fn refusals_name_the_option_or_the_name() {
        let refused = [
            ("$search=x", Seed),
            ("$top=-1", Seed),
            ("$count=yes", Seed),
            ("$select=number,foo", Seed),
            ("$select=balance", Strict),
            ("$orderby=number upwards", Seed),
            ("$orderby=foo", Seed),
            ("$expand=customerFinancialDetails", Strict),
            ("$expand=currency(", Seed),
            ("$expand=currency($skiptoken=1)", Seed),
            ("$expand=currency($levels=2)", Seed),
            ("$expand=currency,currency", Seed),
            ("$top=1&$top=2", Seed),
            ("$schemaversion=3.0", Seed),
            ("$skiptoken=nowhere", Seed),
            ("$filter=%zz", Seed),
        ];
        let refusals: Vec<_> = refused.iter().map(|&(raw, behaviour)| refusal(raw, behaviour)).collect();
        insta::assert_snapshot!(refusals.join("\n"), @"
        400 BadRequest: The query option '$search' is not supported.
        400 BadRequest: The value '-1' of the query option '$top' is no whole number.
        400 BadRequest: The value 'yes' of the query option '$count' is not true or false.
        400 BadRequest: Could not find a property named 'foo' on type 'Microsoft.NAV.customer'.
        400 BadRequest: Could not find a property named 'balance' on type 'Microsoft.NAV.customer'.
        400 BadRequest: 'number upwards' in $orderby is neither ascending nor descending.
        400 BadRequest: Could not find a property named 'foo' on type 'Microsoft.NAV.customer'.
        400 BadRequest: Could not find a property named 'customerFinancialDetails' on type 'Microsoft.NAV.customer'.
        400 BadRequest: A parenthesis is missing in the $expand 'currency('.
        400 BadRequest: The query option '$skiptoken' is not supported.
        400 BadRequest: The query option '$levels' is not supported.
        400 BadRequest: 'currency' is expanded twice.
        400 BadRequest: The query option '$top' is given twice.
        400 BadRequest: The schema version '3.0' is not supported.
        400 BadRequest: The $skiptoken 'nowhere' does not belong to this query.
        400 BadRequest: The query text '%zz' is not percent-encoded UTF-8.
        ");
    }

    #[test]
    fn expanding_in_circles_ends() {
        let circle = "$expand=customerFinancialDetail($expand=customer(".repeat(40);
        let raw = format!("{}{}", circle, ")".repeat(80));
        assert!(refusal(&raw, Seed).contains("nested too deeply"));
    }
}
