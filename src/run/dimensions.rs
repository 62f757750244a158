//! Default dimensions of customers: the codes of a file as the ids that the target takes.
//!
//! In: the target's customers, dimensions and their values. Out: payloads that carry the ids beside the codes. A
//! customer whom the same import creates first has no id yet when his dimensions are planned; it is filled in right
//! before they are sent.

use serde::Deserialize;

use crate::connector::fields::Fields;
use crate::connector::{Set, text_of};
use crate::domain::reference::code_within;
use crate::domain::{EntityKind, References, Rule, State};
use crate::ledger::{Ledger, Step};
use crate::plan::Decision;

use super::error::Error;
use super::event::{Event, Observer};
use super::index::TargetIndex;
use super::planning::PlanningError;
use super::target::{Target, TargetError};

/// The tables that codes are looked up in.
const DIMENSIONS: &str = "dimensions";
const VALUES: &str = "dimensionValues";

/// Rows whose customers are filled in at a time.
const BATCH_ROWS: usize = 2_000;

/// A dimension, or one of its values.
#[derive(Deserialize)]
struct Coded {
    id: String,
    #[serde(default)]
    code: String,
}

impl Target {
    /// Reads the dimensions and their values, which default dimensions have to name.
    ///
    /// Source: the values of a dimension stand below it in every dialect, and not everywhere say whose they are.
    pub(super) async fn fetch_dimension_codes(
        &self,
        references: &mut References,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        let dimensions: Vec<Coded> = self.fetch_rows(Set::Reference(DIMENSIONS), observer).await?;
        references.add_set(DIMENSIONS);
        references.add_set(VALUES);
        for dimension in dimensions {
            references.insert(DIMENSIONS, &dimension.code, &dimension.id);
            let values: Vec<Coded> = self.fetch_rows(Set::DimensionValues(&dimension.id), &|_| ()).await?;
            for value in values {
                references.insert(VALUES, &code_within(&dimension.code, &value.code), &value.id);
            }
        }
        Ok(())
    }

    /// Reads the default dimensions of all customers.
    pub(super) async fn fetch_default_dimensions(
        &self,
        index: &mut TargetIndex,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        let mut rows = 0;
        self.each_record_page(&self.list(Set::DefaultDimensions, &[]), |page| {
            rows += page.len() as u64;
            observer(Event::Fetched(Set::DefaultDimensions.as_str(), rows));
            Ok(index.add_page(EntityKind::Dimensions, &page).map_err(PlanningError::from)?)
        })
        .await
    }
}

/// The payload of a default dimension with the ids of what it names; of a customer who is not there yet without his.
///
/// Source: written by ids only; the posting rule No Code demands an empty value.
pub(super) fn with_ids(payload: &str, references: &References) -> Result<String, Box<Decision>> {
    let Ok(sent) = Fields::parse(payload) else { return Ok(payload.to_owned()) };
    let text = |name| sent.text(name);
    let mut members: Vec<String> =
        sent.iter().map(|(name, raw)| format!("{}:{raw}", serde_json::Value::from(name))).collect();
    let mut push = |name: &str, id: &str| {
        members.push(format!("{}:{}", serde_json::Value::from(name), serde_json::Value::from(id)));
    };
    if let Some(customer) = references.id_of("customers", &text("customerNumber")).filter(|id| !id.is_empty())
    {
        push("parentId", customer);
    }
    let dimension = text("dimensionCode");
    match references.id_of(DIMENSIONS, &dimension) {
        Some(id) => push("dimensionId", id),
        None => return Err(unknown("dimensionCode", &dimension, "a code of dimensions")),
    }
    let value = text("dimensionValueCode");
    let is_no_code = text("postingValidation") == "No_x0020_Code";
    match references.id_of(VALUES, &code_within(&dimension, &value)) {
        _ if value.trim().is_empty() => {
            if is_no_code && sent.raw("dimensionValueCode").is_none() {
                members.push(r#""dimensionValueCode":null"#.to_owned());
            }
            if is_no_code || sent.raw("dimensionValueCode").is_some() {
                members.push(r#""dimensionValueId":null"#.to_owned());
            }
        }
        Some(id) => push("dimensionValueId", id),
        None => {
            return Err(unknown(
                "dimensionValueCode",
                &value,
                &format!("a value of dimension {}", dimension.trim()),
            ));
        }
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn unknown(field: &str, found: &str, allowed: &str) -> Box<Decision> {
    Box::new(Decision::conflict(Rule::ReferenceUnknown, field, found.to_owned(), allowed))
}

/// Fills in the ids of customers who were not there yet when their default dimensions were planned. A row whose
/// customer is still not there is left out.
///
/// # Errors
/// When the customers cannot be read or the ledger cannot be written.
pub(super) async fn fill_in_customers(
    target: &Target,
    ledger: &mut Ledger,
    observer: Observer<'_>,
) -> Result<(), Error> {
    let mut customers = None;
    let mut after = 0;
    loop {
        let rows = ledger.open_rows(State::Planned, after, BATCH_ROWS)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        let (mut filled, mut missing) = (Vec::new(), Vec::new());
        for row in rows {
            let number = text_of(&row.payload, "customerNumber");
            if number.is_empty() || !text_of(&row.payload, "parentId").is_empty() {
                continue;
            }
            let index = match &customers {
                Some(index) => index,
                None => customers.insert(customers_now(target, observer).await?),
            };
            if let Some(id) = index.id_of_customer(&number).map_err(PlanningError::from)? {
                filled.push((row.id, with_customer(&row.payload, &id)));
                continue;
            }
            let code = Rule::HeldBack.code().to_owned();
            let message = format!("customer {number} is not in the target");
            missing.push((row.id, Step::Skip { code, message }));
        }
        ledger.complete_payloads(&filled)?;
        ledger.record(&missing, 0)?;
    }
}

async fn customers_now(target: &Target, observer: Observer<'_>) -> Result<TargetIndex, Error> {
    let mut index = TargetIndex::new().map_err(PlanningError::from)?;
    target.fetch_payers(false, &mut References::new(), &mut index, observer).await?;
    Ok(index)
}

/// The payload with the id of its customer in front.
fn with_customer(payload: &str, id: &str) -> String {
    let rest = payload.trim_start().trim_start_matches('{');
    format!(r#"{{"parentId":{},{rest}"#, serde_json::Value::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references() -> References {
        let mut references = References::new();
        references.insert("customers", "C1", "c-1");
        references.insert("customers", "NEW", "");
        references.insert(DIMENSIONS, "AREA", "d-1");
        references.insert(DIMENSIONS, "DEPT", "d-2");
        references.insert(VALUES, &code_within("AREA", "30"), "v-1");
        references.insert(VALUES, &code_within("DEPT", "30"), "v-2");
        references
    }

    fn completed(more: &str) -> String {
        let payload = format!(r#"{{"customerNumber":"c1","dimensionCode":"DEPT"{more}}}"#);
        with_ids(&payload, &references()).unwrap()
    }

    #[test]
    fn a_value_is_looked_up_in_its_own_dimension() {
        assert_eq!(
            completed(r#","dimensionValueCode":"30""#),
            r#"{"customerNumber":"c1","dimensionCode":"DEPT","dimensionValueCode":"30","parentId":"c-1","dimensionId":"d-2","dimensionValueId":"v-2"}"#
        );
    }

    #[test]
    fn what_is_blank_is_left_alone_unless_the_rule_or_the_row_empties_it() {
        let has = |more: &str, member: &str| completed(more).contains(member);
        assert!(!has("", "dimensionValueId"));
        assert!(has(r#","dimensionValueCode":null"#, r#""dimensionValueId":null"#));
        let no_code = r#","postingValidation":"No_x0020_Code""#;
        assert!(has(no_code, r#""dimensionValueCode":null,"dimensionValueId":null"#));
    }

    #[test]
    fn what_is_unknown_is_a_conflict_and_a_customer_to_come_is_filled_in_later() {
        let wrong = r#"{"customerNumber":"C1","dimensionCode":"AREA","dimensionValueCode":"40"}"#;
        let conflict = with_ids(wrong, &references()).unwrap_err();
        assert_eq!(conflict.violations[0].field, "dimensionValueCode");
        let new = r#"{"customerNumber":"new","dimensionCode":"AREA"}"#;
        let payload = with_ids(new, &references()).unwrap();
        assert!(!payload.contains("parentId"), "{payload}");
        assert_eq!(text_of(&with_customer(&payload, "c-9"), "parentId"), "c-9");
    }
}
