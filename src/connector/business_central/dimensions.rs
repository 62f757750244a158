//! Default dimensions of customers: read with their customers, written below them.
//!
//! In the neutral form such a record has its customer's number, and its `id` is its address below the customers:
//! `CUSTOMER/ID` where it has an id of its own, `CUSTOMER,DIMENSION` where these two are its key. Whoever has the
//! address can change and delete the record in every dialect.
//!
//! Source: the set of a customer is the only way to read and write them in all dialects; the customers of every
//! dialect can be expanded by it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::Error as _;
use serde_json::value::RawValue;

use super::Routes;
use super::lens::Lens;
use super::lookup::{LOOKUP_ROWS, encode};
use crate::connector::fields::{Fields, Object};
use crate::connector::{Identity, Lookup, Operation, text_of};
use crate::domain::Action;
use crate::domain::reference::NIL_GUID;

/// The set below a customer, and what `$expand` calls it.
pub(super) const SET: &str = "defaultDimensions";

/// What is read of a customer beside its default dimensions.
pub(super) const OF_CUSTOMER: &str = "id,number";

/// The address of a record: with its own id when it has one, or else with its dimension's.
pub(super) fn address(customer: &str, id: &str, dimension: &str) -> String {
    if id.is_empty() { format!("{customer},{dimension}") } else { format!("{customer}/{id}") }
}

/// Where an operation is sent, below the company. Never a whole set: without an address it is a record that nobody has.
pub(super) fn path(customers: &str, operation: &Operation<'_>) -> String {
    let customer = customer_of(operation);
    let set = format!("{customers}({customer})/{SET}");
    if !matches!(operation.action, Action::Update | Action::Delete) {
        return set;
    }
    let address = operation.remote_id.unwrap_or_default();
    let key = address.split_once('/').map_or(address, |(_, id)| id);
    format!("{set}({})", if key.is_empty() { NIL_GUID } else { key })
}

/// The id of the customer whose default dimension an operation writes.
fn customer_of(operation: &Operation<'_>) -> String {
    let customer = match operation.action {
        Action::Update | Action::Delete => {
            let address = operation.remote_id.unwrap_or_default();
            address.split(['/', ',']).next().unwrap_or_default().to_owned()
        }
        _ => text_of(operation.payload, "parentId"),
    };
    if customer.is_empty() { NIL_GUID.to_owned() } else { customer }
}

/// How the record of an operation is found again: by its address, or by the customer and the dimension of which there
/// is only one.
pub(super) fn identity(operation: &Operation<'_>) -> Identity {
    if let (Action::Update | Action::Delete, Some(address)) = (operation.action, operation.remote_id) {
        return Identity::Id(address.to_owned());
    }
    let dimension = text_of(operation.payload, "dimensionId").to_lowercase();
    Identity::Dimension { customer: customer_of(operation).to_lowercase(), dimension }
}

impl Routes {
    /// The reads that find the default dimensions of these operations again: their customers, forty to a request.
    pub(super) fn look_up_dimensions(&self, operations: &[Operation<'_>]) -> Vec<Lookup> {
        let mut customers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for operation in operations {
            customers.entry(customer_of(operation)).or_default().push(operation.row);
        }
        let customers: Vec<_> = customers.into_iter().collect();
        let lookup = |group: &[(String, Vec<i64>)]| {
            let filters: Vec<_> = group.iter().map(|(customer, _)| format!("id eq {customer}")).collect();
            let filter = encode(&filters.join(" or "));
            Lookup {
                request: self.read(&format!("$filter={filter}&$select={OF_CUSTOMER}&$expand={SET}")),
                rows: group.iter().flat_map(|(_, rows)| rows).copied().collect(),
            }
        };
        customers.chunks(LOOKUP_ROWS).map(lookup).collect()
    }
}

/// The default dimensions of a customer that was read with them, in neutral form.
///
/// # Errors
/// When the customer comes without them, or not with all of them.
pub(super) fn of_customer(lens: &Lens, customer: &str) -> serde_json::Result<Vec<String>> {
    let customer = Fields::parse(customer)?;
    if customer.iter().any(|(name, value)| name == "defaultDimensions@odata.nextLink" && value != "null") {
        return Err(serde_json::Error::custom("a customer comes with only a part of its default dimensions"));
    }
    let Some(records) = customer.raw(SET) else {
        return Err(serde_json::Error::custom("a customer comes without its default dimensions"));
    };
    let records: Vec<&RawValue> = serde_json::from_str(records)?;
    let (id, number) = (customer.text("id"), customer.text("number"));
    records.into_iter().map(|record| neutral(lens, record.get(), (&id, &number))).collect()
}

fn neutral(lens: &Lens, record: &str, (customer, number): (&str, &str)) -> serde_json::Result<String> {
    let record = lens.record(record)?;
    let fields = Fields::parse(&record)?;
    let address = address(customer, &fields.text("id"), &fields.text("dimensionId"));
    let mut object = Object::with_capacity(record.len() + 128);
    object.push_text("id", &address);
    object.push_text("customerNumber", number);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "id") {
        object.push(name, value);
    }
    Ok(object.finish())
}

/// A page of customers with their default dimensions as a page of these.
///
/// # Errors
/// When it is no such page.
pub(super) fn page(lens: &Lens, page: &Bytes) -> serde_json::Result<Bytes> {
    let around: Fields<'_> = serde_json::from_slice(page)?;
    let mut records = Vec::new();
    for customer in serde_json::from_str::<Vec<&RawValue>>(around.raw("value").unwrap_or("[]"))? {
        records.extend(of_customer(lens, customer.get())?);
    }
    let mut object = Object::with_capacity(page.len());
    object.push("value", &format!("[{}]", records.join(",")));
    for (name, value) in around.iter().filter(|(name, _)| *name != "value") {
        object.push(name, value);
    }
    Ok(object.finish().into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::BusinessCentral;
    use crate::catalogue::Dialect;
    use crate::connector::{Api as _, Connector, Identity, Method, Operation, Set, Verdict};
    use crate::domain::Action;

    const PAYLOAD: &str = r#"{"customerNumber":"C1","dimensionCode":"AREA","dimensionValueCode":"30","postingValidation":"Same_x0020_Code","parentId":"c-1","dimensionId":"d-1","dimensionValueId":"v-1"}"#;

    fn writer(dialect: &str) -> Arc<dyn Connector> {
        let dialect = Dialect::named("business-central", dialect).unwrap();
        BusinessCentral::new(dialect).dimensions("co").unwrap()
    }

    fn operation<'a>(action: Action, payload: &'a str, remote_id: Option<&'a str>) -> Operation<'a> {
        Operation { row: 7, action, payload, remote_id, etag: Some("W/\"1\""), line_number: None }
    }

    #[test]
    fn ids_go_to_the_customer_in_the_spelling_of_the_dialect() {
        let sent = |dialect: &str| writer(dialect).single(&operation(Action::Create, PAYLOAD, None));
        let request = sent("v2.0");
        assert_eq!(
            (request.method, &*request.path),
            (Method::Post, "companies(co)/customers(c-1)/defaultDimensions")
        );
        assert_eq!(
            request.body.unwrap(),
            r#"{"postingValidation":"Same_x0020_Code","dimensionId":"d-1","dimensionValueId":"v-1"}"#
        );
        assert_eq!(
            sent("v1.0").body.unwrap(),
            r#"{"postingValidation":"Same Code","dimensionId":"d-1","dimensionValueId":"v-1"}"#
        );
    }

    #[test]
    fn a_record_is_changed_and_deleted_at_its_address_and_never_without_one() {
        let path = |dialect: &str, action, address| {
            let payload = r#"{"dimensionValueCode":"40","dimensionValueId":"v-2"}"#;
            writer(dialect).single(&operation(action, payload, address)).path
        };
        let set = "companies(co)/customers(c-1)/defaultDimensions";
        assert_eq!(path("v2.0", Action::Update, Some("c-1/x-1")), format!("{set}(x-1)"));
        assert_eq!(path("v1.0", Action::Delete, Some("c-1,d-1")), format!("{set}(c-1,d-1)"));
        let nobody = "00000000-0000-0000-0000-000000000000";
        assert_eq!(
            path("beta", Action::Delete, None),
            format!("companies(co)/customers({nobody})/defaultDimensions({nobody})")
        );
    }

    #[test]
    fn records_are_found_with_their_customers_and_receipts_have_the_same_address() {
        for (dialect, id, address) in [("v2.0", r#""id":"x-1","#, "c-1/x-1"), ("beta", "", "c-1,d-1")] {
            let writer = writer(dialect);
            let create = operation(Action::Create, PAYLOAD, None);
            let lookups = writer.lookups(&[create, Operation { row: 8, ..create }]);
            assert_eq!((lookups.len(), &lookups[0].rows), (1, &vec![7, 8]));
            assert_eq!(
                lookups[0].request.path,
                "companies(co)/customers?$filter=id%20eq%20c-1&$select=id,number&$expand=defaultDimensions"
            );
            let record = format!(
                r#"{{"@odata.etag":"E",{id}"parentId":"c-1","dimensionId":"d-1","dimensionCode":"AREA"}}"#
            );
            let page =
                format!(r#"{{"value":[{{"id":"c-1","number":"C1","defaultDimensions":[{record}]}}]}}"#);
            let (found, _) = writer.read_found("", page.as_bytes()).unwrap();
            assert_eq!((found[0].receipt.remote_id.as_str(), found[0].receipt.etag.as_str()), (address, "E"));
            assert!(found[0].record.contains(r#""customerNumber":"C1""#), "{}", found[0].record);
            assert!(writer.identity(&create).matches(&found[0]));
            assert_eq!(
                writer.identity(&operation(Action::Update, "{}", Some(address))),
                Identity::Id(address.to_owned())
            );
            match writer.interpret(Action::Create, 201, None, record.as_bytes()) {
                Verdict::Accepted(receipt) => assert_eq!(receipt.remote_id, address),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_does_not_tell_of_all_dimensions_is_no_answer() {
        let api = BusinessCentral::new(Dialect::named("business-central", "v2.0").unwrap());
        let page = |customer: &str| {
            let page = format!(r#"{{"value":[{customer}]}}"#);
            api.neutral_page(Set::DefaultDimensions, "", page.clone().into()).is_ok()
                && writer("v2.0").read_found("", page.as_bytes()).is_some()
        };
        assert!(page(r#"{"id":"c-1","number":"C1","defaultDimensions":[]}"#));
        assert!(!page(r#"{"id":"c-1","number":"C1"}"#));
        assert!(!page(
            r#"{"id":"c-1","defaultDimensions":[],"defaultDimensions@odata.nextLink":"http://h/more"}"#
        ));
    }

    #[test]
    fn a_customer_who_is_gone_is_of_the_row_alone() {
        let body = br#"{"error":{"code":"BadRequest_ResourceNotFound","message":"gone"}}"#;
        let verdict = writer("v2.0").interpret(Action::Create, 404, None, body);
        assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
    }
}
