//! Answers as JSON: one entity, a page of them, and the link to the next page.
//!
//! In: records, the query they were asked with, and a way to the related ones. Out: bytes.
//!
//! Promises: exactly the columns and related entities the query asks for, in the order of the entity's table; a
//! related entity is written under its navigation's name.

use std::borrow::{Borrow, Cow};

use super::error::ODataError;
use super::model::Navigation;
use super::page::{MAX_PAGE_SIZE, Page};
use super::query::{Expand, Query};
use super::split::{decode, encode};
use super::value::{Record, write_text};

/// Finds the records that a navigation leads to: at most one unless the navigation leads to many.
pub(crate) type Related<'books> =
    dyn Fn(&Record, &'static Navigation) -> Result<Vec<Cow<'books, Record>>, ODataError> + 'books;

/// How much an answer tells besides the data, as `odata.metadata=` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Annotations {
    /// Contexts and entity tags.
    #[default]
    Minimal,
    /// Neither.
    None,
}

/// Writes the answer to one query.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a, 'books> {
    /// What was asked.
    pub(crate) query: &'a Query,
    /// The way to what is expanded.
    pub(crate) related: &'a Related<'books>,
    /// How much is told besides the data.
    pub(crate) annotations: Annotations,
}

impl Writer<'_, '_> {
    /// One entity; `context` is the absolute address of its description.
    pub(crate) fn entity(&self, context: &str, record: &Record) -> Result<Vec<u8>, ODataError> {
        let mut json = Vec::with_capacity(1024);
        self.write_entity(&mut json, Some(context), record)?;
        Ok(json)
    }

    /// A page of entities; `next_link` is the absolute address of the next one.
    pub(crate) fn collection<R: Borrow<Record>>(
        &self,
        context: &str,
        page: &Page<R>,
        next_link: Option<&str>,
    ) -> Result<Vec<u8>, ODataError> {
        let mut json = Vec::with_capacity(64 + 1024 * page.records.len());
        json.push(b'{');
        if self.annotations == Annotations::Minimal {
            write_member(&mut json, "@odata.context");
            write_text(&mut json, context);
        }
        if let Some(count) = page.count {
            write_member(&mut json, "@odata.count");
            json.extend_from_slice(count.to_string().as_bytes());
        }
        write_member(&mut json, "value");
        self.write_entities(&mut json, page)?;
        if let Some(next_link) = next_link {
            write_member(&mut json, "@odata.nextLink");
            write_text(&mut json, next_link);
        }
        json.push(b'}');
        Ok(json)
    }

    fn write_entities<R: Borrow<Record>>(
        &self,
        json: &mut Vec<u8>,
        page: &Page<R>,
    ) -> Result<(), ODataError> {
        json.push(b'[');
        for (index, record) in page.records.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            self.write_entity(json, None, record.borrow())?;
        }
        json.push(b']');
        Ok(())
    }

    fn write_entity(
        &self,
        json: &mut Vec<u8>,
        context: Option<&str>,
        record: &Record,
    ) -> Result<(), ODataError> {
        json.push(b'{');
        if self.annotations == Annotations::Minimal {
            if let Some(context) = context {
                write_member(json, "@odata.context");
                write_text(json, context);
            }
            if !record.etag.is_empty() {
                write_member(json, "@odata.etag");
                write_text(json, &record.etag);
            }
        }
        self.write_properties(json, record);
        for expand in &self.query.expand {
            self.write_expanded(json, record, expand)?;
        }
        json.push(b'}');
        Ok(())
    }

    fn write_properties(&self, json: &mut Vec<u8>, record: &Record) {
        let properties = self.query.entity.properties;
        let groups = self.query.columns.chunk_by(|&one, &next| {
            properties[one].group().is_some() && properties[one].group() == properties[next].group()
        });
        for columns in groups {
            let Some(group) = properties[columns[0]].group() else {
                self.write_property(json, columns[0], record);
                continue;
            };
            write_member(json, group);
            let complex = self.query.entity.complexes.iter().find(|complex| complex.name == group);
            let is_blank = |index: &usize| *record.value(*index) == properties[*index].empty();
            if complex.is_some_and(|complex| complex.required.is_empty()) && columns.iter().all(is_blank) {
                json.extend_from_slice(b"null");
                continue;
            }
            json.push(b'{');
            for &column in columns {
                self.write_property(json, column, record);
            }
            json.push(b'}');
        }
    }

    fn write_property(&self, json: &mut Vec<u8>, index: usize, record: &Record) {
        let property = &self.query.entity.properties[index];
        write_member(json, property.member());
        record.value(index).write_json(json, property.kind, self.query.behaviour);
    }

    fn write_expanded(&self, json: &mut Vec<u8>, record: &Record, expand: &Expand) -> Result<(), ODataError> {
        let Expand { navigation, query } = expand;
        let mut related = (self.related)(record, navigation)?;
        let nested = Writer { query, ..*self };
        if !navigation.many {
            write_member(json, navigation.name);
            let Some(record) = related.iter().find(|record| query.matches(record)) else {
                json.extend_from_slice(b"null");
                return Ok(());
            };
            return nested.write_entity(json, None, record);
        }
        related.sort_by(|one, other| query.order(one, other));
        let page = Page::of(related, query, MAX_PAGE_SIZE);
        if let Some(count) = page.count {
            write_member(json, &format!("{}@odata.count", navigation.name));
            json.extend_from_slice(count.to_string().as_bytes());
        }
        write_member(json, navigation.name);
        nested.write_entities(json, &page)
    }
}

/// Appends the name of a member of the object that was opened last, with a comma unless it is the first.
fn write_member(json: &mut Vec<u8>, name: &str) {
    if json.last() != Some(&b'{') {
        json.push(b',');
    }
    json.push(b'"');
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
}

/// The address of the page that starts at `token`: `address` with every option of `raw_query` as it stands, but
/// another `$skiptoken`.
pub(crate) fn next_link(address: &str, raw_query: &str, token: &str) -> String {
    let is_token = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        decode(name).is_ok_and(|name| name == "$skiptoken")
    };
    let mut link = format!("{address}?");
    for pair in raw_query.split('&').filter(|pair| !pair.is_empty() && !is_token(pair)) {
        link.push_str(pair);
        link.push('&');
    }
    link.push_str("$skiptoken=");
    link.push_str(&encode(token));
    link
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{customers, entity, guid, query, record};
    use super::super::model::Behaviour::{self, Seed, Strict};
    use super::super::value::Value;
    use super::*;

    /// Financial details for everybody, two default dimensions for the first customer, and nothing else.
    fn related(
        customer: &Record,
        navigation: &'static Navigation,
    ) -> Result<Vec<Cow<'static, Record>>, ODataError> {
        let dimension = |number, code| {
            record("defaultDimensions", &[("dimensionCode", code)]).with("id", Value::Guid(guid(number)))
        };
        let found = match navigation.target.set {
            "customerFinancialDetails" => {
                let details = Record::new(entity("customerFinancialDetails"));
                vec![
                    details
                        .with("id", Value::Guid(customer.id()))
                        .with("balance", customer.get("balance").clone()),
                ]
            }
            "defaultDimensions" if customer.id() == guid(9) => vec![dimension(2, "B"), dimension(1, "A")],
            "taxAreas" => return Err(ODataError::new(500, "Internal_ServerError", "gone")),
            _ => Vec::new(),
        };
        Ok(found.into_iter().map(Cow::Owned).collect())
    }

    fn collection(raw: &str, behaviour: Behaviour, annotations: Annotations) -> String {
        let query = query(raw, behaviour);
        let page = Page::of(customers(), &query, 2);
        let link = page.next.as_deref().map(|token| next_link("http://h/customers", raw, token));
        let writer = Writer { query: &query, related: &related, annotations };
        let json = writer.collection("http://h/$metadata#customers", &page, link.as_deref()).unwrap();
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn a_page_says_its_count_and_where_the_next_one_is() {
        insta::assert_snapshot!(
            collection("$select=number,blocked,balance&$count=true&tenant=a%20b", Seed, Annotations::Minimal),
            @r#"{"@odata.context":"http://h/$metadata#customers","@odata.count":4,"value":[{"@odata.etag":"W/\"0\"","number":"10000","blocked":" ","balance":15750.00},{"@odata.etag":"W/\"1\"","number":"20000","blocked":" ","balance":8450.50}],"@odata.nextLink":"http://h/customers?$select=number,blocked,balance&$count=true&tenant=a%20b&$skiptoken=%2720000%27,00000000-0000-0000-0000-000000000008"}"#
        );
    }

    #[test]
    fn expanded_entities_stand_under_the_name_that_was_asked() {
        insta::assert_snapshot!(
            collection(
                "$select=number&$top=1&$expand=customerFinancialDetails($select=balance),picture,\
                 defaultDimensions($select=dimensionCode;$count=true;$expand=dimension)",
                Seed,
                Annotations::None
            ),
            @r#"{"value":[{"number":"10000","customerFinancialDetails":{"balance":15750.00},"picture":null,"defaultDimensions@odata.count":2,"defaultDimensions":[{"dimensionCode":"A","dimension":null},{"dimensionCode":"B","dimension":null}]}]}"#
        );
    }

    #[test]
    fn an_entity_has_every_property_of_its_behaviour_in_the_order_of_the_table() {
        for behaviour in [Seed, Strict] {
            let query = query("", behaviour);
            let writer = Writer { query: &query, related: &related, annotations: Annotations::Minimal };
            let json = writer.entity("http://h/$metadata#customers/$entity", &customers()[0]).unwrap();
            let read: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&json).unwrap();
            let visible = query.entity.properties.iter().filter(|property| property.is_visible(behaviour));
            let expected =
                ["@odata.context", "@odata.etag"].into_iter().chain(visible.map(|property| property.name));
            assert!(read.keys().eq(expected), "{read:?}");
        }
    }

    #[test]
    fn the_next_link_keeps_the_other_options_as_they_were_written() {
        assert_eq!(
            next_link("http://h/c", "$filter=city%20eq+'x'&%24skiptoken=old&$top", "'a b',1"),
            "http://h/c?$filter=city%20eq+'x'&$top&$skiptoken=%27a%20b%27,1"
        );
    }
}
