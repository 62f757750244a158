//! Default dimensions of customers: which value a customer's entries carry in a dimension.
//!
//! Source: the API v2.0 default dimensions page: written by id only, one row per customer and dimension.

use super::books::change::{self, cells};
use super::books::{Turn, find};
use super::draft::{Draft, Rule, dialog, field, guid, no_record, same_key};
use super::odata::{Dialect, Guid, ODataError, Record, Value, entity_by_set};
use super::references::{code_of, lookup};
use super::wish::Wish;

const COLUMNS: &[&str] =
    &["id", "parentType", "parentId", "dimensionId", "dimensionValueId", "postingValidation"];

/// The place of `Customer` among the kinds of parents.
const CUSTOMER: u8 = 1;

/// The place of `No Code` among the rules of posting.
const NO_CODE: u8 = 3;

const RULES: &[Rule] =
    &[parent_is_a_customer, dimension_exists, value_belongs_to_the_dimension, value_suits_the_rule];

/// Gives a customer a default dimension.
pub(super) fn create(turn: &Turn<'_>, path_customer: Option<Guid>, wish: Wish) -> Result<Record, ODataError> {
    let entity = entity_by_set("defaultDimensions").expect("default dimensions are an entity set");
    let mut draft = Draft::create(entity, wish);
    let customer = path_customer.unwrap_or_else(|| draft.guid("parentId"));
    if customer.is_nil() {
        return Err(needs_parent(draft.dialect));
    }
    if draft.is_given("parentId") && draft.guid("parentId") != customer {
        return Err(dialog("The \"parentId\" does not match the parent in the address."));
    }
    draft.set_guid("parentId", customer);
    if !draft.is_given("parentType") {
        draft.record.set("parentType", Value::Enum(CUSTOMER));
    }
    draft.apply(turn, RULES)?;
    let dimension = draft.guid("dimensionId");
    let sql = "SELECT 1 FROM default_dimension WHERE parentId = ?1 AND dimensionId = ?2";
    if turn.connection.prepare_cached(sql)?.exists((customer.0, dimension.0))? {
        return Err(same_key("Default Dimension", &format!("Parent='{customer}',Dimension='{dimension}'")));
    }
    change::insert(turn, "default_dimension", cells(&draft.record, COLUMNS))?;
    stored(turn, draft.record.id())
}

/// Changes a default dimension.
pub(super) fn update(turn: &Turn<'_>, before: &Record, wish: Wish) -> Result<Record, ODataError> {
    let mut draft = Draft::change(before, wish);
    for name in ["parentId", "dimensionId"] {
        if draft.guid(name) != guid(before, name) {
            return Err(dialog(match draft.dialect {
                Dialect::V2 => format!("The \"{name}\" cannot be changed."),
                Dialect::V1 | Dialect::Beta => {
                    format!("You cannot change the value of the key field {name}.")
                }
            }));
        }
    }
    draft.apply(turn, RULES)?;
    change::update(turn, "default_dimension", before.id(), cells(&draft.record, &COLUMNS[1..]))?;
    stored(turn, before.id())
}

/// Takes a default dimension away.
pub(super) fn delete(turn: &Turn<'_>, dimension: &Record) -> Result<(), ODataError> {
    Ok(change::delete(turn, "default_dimension", "id", dimension.id())?)
}

/// The refusal of a request that names no customer.
pub(super) fn needs_parent(dialect: Dialect) -> ODataError {
    dialog(match dialect {
        Dialect::V2 => "You must get to the parent first to get to the default dimensions.",
        Dialect::V1 | Dialect::Beta => "You must specify a parentId in order to get the default dimensions.",
    })
}

fn stored(turn: &Turn<'_>, id: Guid) -> Result<Record, ODataError> {
    let entity = entity_by_set("defaultDimensions").expect("default dimensions are an entity set");
    find(turn, entity, &vec![("id", Value::Guid(id))])?
        .ok_or_else(|| no_record("Default Dimension", &id.to_string()))
}

fn parent_is_a_customer(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let parent = draft.guid("parentId");
    let is_customer = *draft.record.get("parentType") == Value::Enum(CUSTOMER);
    let known: Option<i64> = lookup(turn, "SELECT 1 FROM customer WHERE id = ?1", parent.0)?;
    match known {
        Some(_) if is_customer => Ok(()),
        _ => Err(no_record("Customer", &format!("Id='{parent}'"))),
    }
}

fn dimension_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    match code_of(turn, "dimensions", draft.guid("dimensionId"))? {
        Some(_) => Ok(()),
        None => Err(dialog("The \"dimensionId\" does not match to a Dimension.")),
    }
}

fn value_belongs_to_the_dimension(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let value = draft.guid("dimensionValueId");
    if value.is_nil() {
        return Ok(());
    }
    match lookup(turn, "SELECT dimensionId FROM dimensionValues WHERE id = ?1", value.0)?.map(Guid) {
        None => Err(dialog("The \"dimensionValueId\" does not match to a Dimension Value.")),
        Some(dimension) if dimension != draft.guid("dimensionId") => {
            Err(dialog("The \"dimensionId\" and \"dimensionValueId\" match to different Dimension records."))
        }
        Some(_) => Ok(()),
    }
}

fn value_suits_the_rule(_turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let is_no_code = *draft.record.get("postingValidation") == Value::Enum(NO_CODE);
    if is_no_code && !draft.guid("dimensionValueId").is_nil() {
        return Err(field(
            "Dimension Value Code must be blank when Value Posting is No Code in Default Dimension.",
        ));
    }
    Ok(())
}
