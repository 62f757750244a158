//! From a path to a place in the books: which entities, and what pins them down.

use super::Service;
use super::books::{Pins, Turn, find};
use super::call::{Call, Segment, unknown_path};
use super::draft::guid;
use super::odata::{EntityType, Guid, Navigation, ODataError, Record, Value, decode, entity_of};
use super::seed::COMPANY;

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Route {
    /// The list of entity sets.
    ServiceDocument,
    /// The description of all types.
    Metadata,
    /// Entities.
    Place(Place),
}

/// Entities of one type, pinned down by the path.
#[derive(Debug)]
pub(super) struct Place {
    /// Their type.
    pub(super) entity: &'static EntityType,
    /// What they must hold.
    pub(super) pins: Pins,
    /// What of them is meant.
    pub(super) shape: Shape,
    /// The entity the path went through last: its set and id.
    pub(super) parent: Option<(&'static str, Guid)>,
    /// The path as `@odata.context` names it.
    pub(super) context: String,
}

/// What of the pinned entities is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All of them.
    Collection,
    /// The one that a key names.
    Keyed,
    /// The one that a navigation leads to, if there is one.
    Linked,
    /// How many there are.
    Count,
    /// Posting of the one.
    Post,
}

/// Finds where the path of `call` leads; reads the books where the path goes from one entity to another.
pub(super) fn route(service: &Service, turn: &Turn<'_>, call: &Call) -> Result<Route, ODataError> {
    let segments = call.segments()?;
    let mut rest = segments.as_slice();
    let mut context = String::new();
    match rest {
        [] => return Ok(Route::ServiceDocument),
        [only] if only.name.eq_ignore_ascii_case("$metadata") => return Ok(Route::Metadata),
        [company, inner @ ..] if company.name.eq_ignore_ascii_case("companies") => {
            if let (Some(key), [_, ..]) = (&company.key, inner) {
                is_the_company(key)?;
                rest = inner;
                context = company_context();
            }
        }
        _ => {
            is_the_company(&named_company(call)?)?;
            context = company_context();
        }
    }
    let (first, rest) = rest.split_first().expect("a path without segments was answered above");
    let entity = entity_of(service.dialect, &first.name, service.behaviour)
        .ok_or_else(|| unknown_path(&first.name))?;
    context.push_str(entity.set);
    let mut place = Place { entity, pins: Vec::new(), shape: Shape::Collection, parent: None, context };
    place.pin_key(first)?;
    for segment in rest {
        place = place.step(service, turn, segment)?;
    }
    Ok(Route::Place(place))
}

fn company_context() -> String {
    format!("companies({})/", super::seed::company_id())
}

/// The company of a path that does not start with one.
fn named_company(call: &Call) -> Result<String, ODataError> {
    let in_query = call.query.split('&').find_map(|pair| pair.strip_prefix("company="));
    let in_query = in_query.map(decode).transpose()?;
    in_query.or_else(|| call.headers.company.clone()).ok_or_else(|| {
        ODataError::new(404, "Internal_CompanyNotFound", "Cannot find a company: the request names none.")
    })
}

fn is_the_company(named: &str) -> Result<(), ODataError> {
    let named = named.trim_matches('\'');
    let id = super::seed::company_id().to_string();
    if named.eq_ignore_ascii_case(&id) || named.eq_ignore_ascii_case(COMPANY) {
        return Ok(());
    }
    Err(ODataError::new(404, "Internal_CompanyNotFound", format!("The company \"{named}\" does not exist.")))
}

impl Place {
    fn pin_key(&mut self, segment: &Segment) -> Result<(), ODataError> {
        if let Some(key) = &segment.key {
            let parts: Vec<_> = key.split(',').map(str::trim).collect();
            let names = self.entity.key;
            if parts.len() != names.len() {
                let message = format!("The key '{key}' has other parts than a {}.", self.entity.name);
                return Err(ODataError::bad_request(message));
            }
            for (name, part) in names.iter().zip(parts) {
                let value = part.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
                let part = value.unwrap_or(part);
                let invalid = format!("Invalid format of GUID string '{part}'.");
                let id: Guid =
                    part.parse().map_err(|_| ODataError::new(400, "Application_InvalidGUID", invalid))?;
                self.pins.push((name, Value::Guid(id)));
            }
            self.shape = Shape::Keyed;
        }
        Ok(())
    }

    fn step(mut self, service: &Service, turn: &Turn<'_>, segment: &Segment) -> Result<Self, ODataError> {
        let is_one = matches!(self.shape, Shape::Keyed | Shape::Linked);
        if segment.name.eq_ignore_ascii_case("$count") && self.shape == Shape::Collection {
            self.shape = Shape::Count;
            return Ok(self);
        }
        if segment.name.eq_ignore_ascii_case("Microsoft.NAV.post") && self.entity.set == "journals" && is_one
        {
            self.shape = Shape::Post;
            return Ok(self);
        }
        let navigation = self.entity.navigation(&segment.name, service.behaviour).filter(|_| is_one);
        let navigation = navigation.ok_or_else(|| unknown_path(&segment.name))?;
        let source = find(turn, self.entity, &self.pins)?.ok_or_else(|| absent(self.entity))?;
        let (column, value) = link(&source, navigation).ok_or_else(|| unknown_path(&segment.name))?;
        let mut place = Self {
            entity: navigation.target,
            pins: vec![(column, value)],
            shape: if navigation.many { Shape::Collection } else { Shape::Linked },
            parent: Some((self.entity.set, source.id())),
            context: format!("{}({})/{}", self.context, source.id(), navigation.name),
        };
        place.pin_key(segment)?;
        Ok(place)
    }
}

/// The refusal when a key names nothing.
pub(super) fn absent(entity: &EntityType) -> ODataError {
    let message = format!("The requested {} was not found.", entity.name);
    ODataError::new(404, "BadRequest_ResourceNotFound", message)
}

/// Navigation from a set by a name: the property it starts at and the column it leads to.
const LINKS: &[(&str, &str, &str, &str)] = &[
    ("customers", "currency", "currencyId", "id"),
    ("customers", "paymentTerm", "paymentTermsId", "id"),
    ("customers", "shipmentMethod", "shipmentMethodId", "id"),
    ("customers", "paymentMethod", "paymentMethodId", "id"),
    ("customers", "customerFinancialDetail", "id", "id"),
    ("customers", "customerFinancialDetails", "id", "id"),
    ("customers", "picture", "id", "id"),
    ("customers", "defaultDimensions", "id", "parentId"),
    ("customerFinancialDetails", "customer", "id", "id"),
    ("customerPaymentJournals", "customerPayments", "id", "journalId"),
    ("customerPaymentJournals", "account", "balancingAccountId", "id"),
    ("customerPayments", "customerPaymentJournal", "journalId", "id"),
    ("customerPayments", "customer", "customerId", "id"),
    ("dimensions", "dimensionValues", "id", "dimensionId"),
    ("dimensionValues", "dimension", "dimensionId", "id"),
    ("defaultDimensions", "dimension", "dimensionId", "id"),
    ("defaultDimensions", "dimensionValue", "dimensionValueId", "id"),
    ("defaultDimensions", "customer", "parentId", "id"),
];

/// The property a navigation starts at and the column of the target it leads to.
pub(super) fn link_of(entity: &EntityType, navigation: &Navigation) -> Option<(&'static str, &'static str)> {
    let found = LINKS.iter().find(|(set, name, ..)| *set == entity.set && *name == navigation.name);
    found.map(|&(_, _, source, target)| (source, target))
}

/// What the target of `navigation` must hold to belong to `source`.
pub(super) fn link(source: &Record, navigation: &Navigation) -> Option<(&'static str, Value)> {
    let (property, column) = link_of(source.entity(), navigation)?;
    Some((column, Value::Guid(guid(source, property))))
}

#[cfg(test)]
mod tests {
    use super::super::odata::{Dialect, entities};
    use super::*;

    #[test]
    fn every_navigation_has_a_link() {
        for entity in Dialect::ALL.into_iter().flat_map(entities) {
            for navigation in entity.navigations {
                let (source, target) = link_of(entity, navigation).expect(navigation.name);
                assert!(entity.property_index(source).is_some(), "{}", navigation.name);
                assert!(navigation.target.property_index(target).is_some(), "{}", navigation.name);
            }
        }
    }
}
