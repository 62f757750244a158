//! One operation asked of the server, alone or inside a batch, and its answer.

use axum::body::Bytes;
use axum::http::Method;

use super::odata::{Annotations, ODataError, decode};

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The verb.
    pub(super) method: Method,
    /// The path below the service root, percent-encoded, without a slash at its start.
    pub(super) path: String,
    /// The text after `?`, percent-encoded.
    pub(super) query: String,
    /// The headers that matter.
    pub(super) headers: Headers,
    /// The body.
    pub(super) body: Bytes,
}

/// The headers an operation looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    /// `If-Match`
    pub(super) if_match: Option<String>,
    /// `Company`: the company's name or id, when the path has none.
    pub(super) company: Option<String>,
    /// `Isolation`
    pub(super) isolation: Option<String>,
    /// `Accept`
    accept: String,
    /// `Prefer`, in lower case, all of them.
    prefer: Vec<String>,
}

impl Headers {
    /// Picks what matters from names and values.
    pub(super) fn of<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut picked = Self::default();
        for (name, value) in headers {
            match name.to_ascii_lowercase().as_str() {
                "if-match" => picked.if_match = Some(value.to_owned()),
                "company" => picked.company = Some(value.to_owned()),
                "isolation" => picked.isolation = Some(value.to_ascii_lowercase()),
                "accept" => picked.accept = value.to_ascii_lowercase().replace(' ', ""),
                "prefer" => {
                    let preferences = value.split([',', ';']).map(|one| one.trim().to_ascii_lowercase());
                    picked.prefer.extend(preferences);
                }
                _ => {}
            }
        }
        picked
    }

    /// How much an answer tells besides the data.
    pub(super) fn annotations(&self) -> Annotations {
        if self.accept.contains("odata.metadata=none") { Annotations::None } else { Annotations::Minimal }
    }

    /// The page size the client would like.
    pub(super) fn max_page_size(&self) -> Option<usize> {
        let mut sizes = self.prefer.iter().filter_map(|preference| {
            let (name, value) = preference.split_once('=')?;
            matches!(name, "odata.maxpagesize" | "maxpagesize").then_some(value)?.parse().ok()
        });
        sizes.next()
    }

    /// Whether an answer to a write may go without its body.
    pub(super) fn wants_no_content(&self) -> bool {
        self.prefer.iter().any(|preference| preference == "return-no-content")
    }

    /// Whether a batch goes on after an operation that failed.
    pub(super) fn continues_on_error(&self) -> bool {
        let on = ["odata.continue-on-error", "odata.continue-on-error=true", "continue-on-error"];
        self.prefer.iter().any(|preference| on.contains(&preference.as_str()))
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// Headers beyond the usual ones.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The media type of the body.
    pub(super) content_type: &'static str,
    /// The body; empty for none.
    pub(super) body: Vec<u8>,
}

/// The media type of everything but metadata and a proxy's pages.
pub(super) const JSON: &str = "application/json; odata.metadata=minimal";

impl Answer {
    /// A JSON body.
    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), content_type: JSON, body }
    }

    /// No body.
    pub(super) fn empty(status: u16) -> Self {
        Self::json(status, Vec::new())
    }

    /// A refusal in the API's envelope.
    pub(super) fn refusal(error: &ODataError) -> Self {
        let correlation = super::odata::Guid(super::identity::new_guid()).to_string();
        Self::json(error.status, error.to_json(&correlation))
    }

    /// The same answer with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// One part of a path: a name, and a key in parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The set, navigation or action.
    pub(super) name: String,
    /// What stands in the parentheses, if there are any.
    pub(super) key: Option<String>,
}

impl Call {
    /// Whether the operation could change the books.
    pub(super) fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Whether this is a batch.
    pub(super) fn is_batch(&self) -> bool {
        self.path.eq_ignore_ascii_case("$batch") || self.path.eq_ignore_ascii_case("%24batch")
    }

    /// The parts of the path.
    pub(super) fn segments(&self) -> Result<Vec<Segment>, ODataError> {
        self.path.split('/').filter(|part| !part.is_empty()).map(segment).collect()
    }
}

fn segment(raw: &str) -> Result<Segment, ODataError> {
    // A plus sign is itself in a path.
    let text = decode(&raw.replace('+', "%2B"))?;
    let Some((name, rest)) = text.split_once('(') else { return Ok(Segment { name: text, key: None }) };
    let key = rest.strip_suffix(')').ok_or_else(|| unknown_path(&text))?;
    let key = key.strip_prefix("id=").unwrap_or(key);
    Ok(Segment { name: name.to_owned(), key: Some(key.to_owned()) })
}

/// The refusal of a path that leads nowhere.
pub(super) fn unknown_path(path: &str) -> ODataError {
    ODataError::new(404, "BadRequest_NotFound", format!("No resource was found for the segment '{path}'."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_from_every_header_and_in_any_case() {
        let headers = Headers::of([
            ("Prefer", "return-no-content, odata.MaxPageSize=7"),
            ("prefer", "odata.continue-on-error=true"),
            ("Accept", "application/json; odata.metadata=none"),
        ]);
        assert!(headers.wants_no_content() && headers.continues_on_error());
        assert_eq!((headers.max_page_size(), headers.annotations()), (Some(7), Annotations::None));
        assert!(!Headers::of([("prefer", "odata.continue-on-error=false")]).continues_on_error());
    }

    #[test]
    fn a_path_is_names_with_keys() {
        let parts = |path: &str| {
            let call = Call {
                method: Method::GET,
                path: path.to_owned(),
                query: String::new(),
                headers: Headers::default(),
                body: Bytes::new(),
            };
            let segments = call.segments()?;
            Ok(segments.into_iter().map(|segment| (segment.name, segment.key)).collect::<Vec<_>>())
        };
        let part = |name: &str, key: Option<&str>| (name.to_owned(), key.map(str::to_owned));
        assert_eq!(
            parts("companies(1)/customers"),
            Ok(vec![part("companies", Some("1")), part("customers", None)])
        );
        assert_eq!(parts("a(id=2)/%24count"), Ok(vec![part("a", Some("2")), part("$count", None)]));
        assert_eq!(parts("customers(1"), Err(unknown_path("customers(1")));
    }
}
