//! One request, in the spelling the server works with.
//!
//! Promises: keys of body and query are camelCase whichever way they came; values are as they came.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What a request asks, after its route is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// The parts of the path that stand for ids.
    pub(super) ids: Vec<String>,
    /// The parameters after `?`.
    pub(super) query: Vec<(String, String)>,
    /// The body, an object.
    pub(super) body: Map<String, Value>,
    /// The media types the client takes, in lower case.
    pub(super) accept: String,
}

impl Ask {
    /// The parameter of this camelCase name.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter that may be repeated.
    pub(super) fn parameters(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The id in the path, unless it is no number.
    pub(super) fn id(&self) -> Option<i64> {
        self.ids.first().and_then(|id| id.parse().ok())
    }

    /// The whole numbers of a list in the body.
    pub(super) fn listed_ids(&self) -> Vec<i64> {
        let ids = self.body.get("ids").and_then(Value::as_array);
        ids.map(|ids| ids.iter().filter_map(Value::as_i64).collect()).unwrap_or_default()
    }

    /// Whether the client asks for this media type by name.
    pub(super) fn accepts(&self, media_type: &str) -> bool {
        self.accept.contains(media_type)
    }
}

/// Reads the parameters of a query string.
pub(super) fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.map(|(key, value)| (camel(key.trim_end_matches("[]")), value.into_owned())).collect()
}

/// Reads a body: JSON, or a form when `content_type` says so. No body is an empty object.
pub(super) fn read_body(body: &[u8], content_type: &str) -> Result<Map<String, Value>, Refusal> {
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let pairs = url::form_urlencoded::parse(body);
        return Ok(pairs.map(|(key, value)| (camel(&key), Value::from(value.into_owned()))).collect());
    }
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(camel_keys(object)),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Refusal::bad_request(&format!("{error} in JSON"))),
    }
}

fn camel_keys(object: Map<String, Value>) -> Map<String, Value> {
    object.into_iter().map(|(key, value)| (camel(&key), camel_value(value))).collect()
}

fn camel_value(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(camel_keys(object)),
        Value::Array(values) => Value::Array(values.into_iter().map(camel_value).collect()),
        value => value,
    }
}

/// A key in camelCase: `billing_address_1` and `billing_address1` are both `billingAddress1`.
pub(super) fn camel(key: &str) -> String {
    let mut camel = String::with_capacity(key.len());
    let mut is_word_start = false;
    for letter in key.chars() {
        match letter {
            '_' if !camel.is_empty() => is_word_start = true,
            letter if is_word_start => {
                camel.extend(letter.to_uppercase());
                is_word_start = false;
            }
            letter => camel.push(letter),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_key_are_one() {
        for key in ["billing_address_1", "billing_address1", "billingAddress1"] {
            assert_eq!(camel(key), "billingAddress1");
        }
        let query = read_query("customers_ids[]=2&customersIds=3&page_size=1");
        let ask = Ask { query, ..Ask::default() };
        assert_eq!(ask.parameters("customersIds"), ["2", "3"]);
        assert_eq!(ask.parameter("pageSize"), Some("1"));
    }

    #[test]
    fn keys_are_respelled_at_every_level_and_values_nowhere() {
        let body = read_body(br#"{"a_b":[{"c_d":"e_f"}]}"#, "application/json").unwrap();
        assert_eq!(Value::Object(body), serde_json::json!({ "aB": [{ "cD": "e_f" }] }));
    }
}
