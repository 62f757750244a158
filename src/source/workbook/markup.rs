//! The markup of a workbook's parts: tags, their attributes, and the text between them.
//!
//! In: text, from which [`resolve_sections`] has taken comments and character-data sections. Out: tags one after
//! the other. Names are told apart without their prefixes; whether tags nest is left to the reader of a part.

use memchr::memmem;
use memchr::{memchr, memchr2};

/// What is wrong with a stretch of markup: ends a sentence that names the part or the cell.
pub(super) type Fault = &'static str;

/// How much of an element a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    End,
    /// A start and an end at once.
    Empty,
}

/// One tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    /// The element's name without its prefix.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Names with their prefixes, and values as they are written: see [`unescape`].
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes { text: self.attributes }
    }

    /// The value of an attribute, as it is written.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        for attribute in self.attributes() {
            let (found, value) = attribute?;
            if found == name {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(super) fn is_end_of(&self, name: &str) -> bool {
        self.kind == Kind::End && self.name == name
    }
}

/// The attributes of a tag that were not yet looked at.
pub(super) struct Attributes<'a> {
    text: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, &'a str), Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        let split = |text: &'a str| {
            let (name, rest) = text.split_at(text.bytes().position(|byte| byte == b'=')?);
            let rest = rest[1..].trim_ascii_start();
            let quote = *rest.as_bytes().first().filter(|byte| matches!(byte, b'"' | b'\''))?;
            let end = rest.bytes().skip(1).position(|byte| byte == quote)? + 1;
            Some((name.trim_ascii_end(), &rest[1..end], &rest[end + 1..]))
        };
        let Some((name, value, rest)) = split(text) else {
            self.text = "";
            return Some(Err("has an attribute without a quoted value"));
        };
        self.text = rest;
        Some(Ok((name, value)))
    }
}

/// The tags of a text, in order.
#[derive(Clone, Debug)]
pub(super) struct Tags<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tags<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The text before the next tag, as it is written: see [`unescape`].
    #[inline]
    pub(super) fn text(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let text = &rest[..memchr(b'<', rest.as_bytes()).unwrap_or(rest.len())];
        self.at += text.len();
        text
    }

    /// The next tag, past any text before it; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Tag<'a>>, Fault> {
        loop {
            let start = self.at + self.text().len();
            let Some(rest) = self.text.get(start + 1..) else { return Ok(None) };
            let inner = &rest[..end_of_tag(rest.as_bytes()).ok_or("has a tag that never ends")?];
            self.at = start + 1 + inner.len() + 1;
            match inner.as_bytes().first() {
                Some(b'?') => {} // for programs that process the text
                Some(b'!') => return Err("declares a document type"),
                _ => return Ok(Some(tag(inner))),
            }
        }
    }

    /// Passes over what is inside an element whose start was read last, and over its end.
    pub(super) fn skip(&mut self, name: &str) -> Result<(), Fault> {
        let mut depth = 1;
        while depth > 0 {
            let tag = self.next()?.ok_or("ends within an element")?;
            match tag.kind {
                Kind::Start if tag.name == name => depth += 1,
                Kind::End if tag.name == name => depth -= 1,
                Kind::Start | Kind::End | Kind::Empty => {}
            }
        }
        Ok(())
    }
}

/// Where the first `>` stands that is not inside quotes.
#[inline]
fn end_of_tag(bytes: &[u8]) -> Option<usize> {
    let mut quote = None;
    bytes.iter().position(|byte| match (quote, byte) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(*byte);
            false
        }
        (Some(open), _) if open == *byte => {
            quote = None;
            false
        }
        _ => false,
    })
}

/// A tag from what is between its angle brackets.
#[inline]
fn tag(inner: &str) -> Tag<'_> {
    let (inner, kind) = match (inner.strip_prefix('/'), inner.strip_suffix('/')) {
        (Some(name), _) => (name, Kind::End),
        (None, Some(start)) => (start, Kind::Empty),
        (None, None) => (inner, Kind::Start),
    };
    let name_end = inner.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(inner.len());
    let (name, attributes) = inner.split_at(name_end);
    let prefix_end = name.bytes().position(|byte| byte == b':').map_or(0, |colon| colon + 1);
    Tag { name: &name[prefix_end..], kind, attributes }
}

/// Appends text that is written in markup: references become letters, and every end of a line a line feed.
#[inline]
pub(super) fn unescape(written: &str, out: &mut String) -> Result<(), Fault> {
    let mut rest = written;
    while let Some(at) = memchr2(b'&', b'\r', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        if rest.as_bytes()[at] == b'\r' {
            out.push('\n');
            rest = rest[at + 1..].strip_prefix('\n').unwrap_or(&rest[at + 1..]);
            continue;
        }
        let (reference, after) =
            rest[at + 1..].split_once(';').ok_or("has a `&` that starts no reference")?;
        out.push(referred(reference).ok_or("has a reference to an unknown letter")?);
        rest = after;
    }
    out.push_str(rest);
    Ok(())
}

fn referred(reference: &str) -> Option<char> {
    let Some(number) = reference.strip_prefix('#') else {
        return Some(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

/// Takes comments out of the markup and writes character-data sections as plain text. `false` when one of them
/// is not closed: then what stands before it is done, and it has to be called again with more.
pub(super) fn resolve_sections(markup: &mut Vec<u8>) -> bool {
    if memmem::find(markup, b"<!").is_none() {
        return true;
    }
    let mut resolved = Vec::with_capacity(markup.len());
    let (mut rest, mut is_closed) = (&markup[..], true);
    while let Some(at) = memmem::find(rest, b"<!") {
        resolved.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let (open, close): (&[u8], &[u8]) = match rest {
            [b'<', b'!', b'-', ..] => (b"<!--", b"-->"),
            [b'<', b'!', b'[', ..] => (b"<![CDATA[", b"]]>"),
            [b'<', b'!', _, ..] => {
                resolved.extend_from_slice(&rest[..2]); // a document type: the tags refuse it
                rest = &rest[2..];
                continue;
            }
            _ => (b"<!", b">"),
        };
        let Some(end) = rest.get(open.len()..).and_then(|inner| memmem::find(inner, close)) else {
            is_closed = false;
            break;
        };
        let section = &rest[open.len()..open.len() + end];
        if close == b"]]>" {
            for byte in section {
                push_escaped(*byte, &mut resolved);
            }
        }
        rest = &rest[open.len() + end + close.len()..];
    }
    resolved.extend_from_slice(rest);
    *markup = resolved;
    is_closed
}

fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'&' => out.extend_from_slice(b"&amp;"),
        b'<' => out.extend_from_slice(b"&lt;"),
        b'>' => out.extend_from_slice(b"&gt;"),
        _ => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_a_name_a_kind_and_attributes_whatever_the_prefix() {
        let text = "<?xml a=\"<\" ?>a<x:c r='A\"1' t = \"s>\"\n>b</x:c ><d/><e f=\"g\"/>";
        let mut tags = Tags::new(text.strip_prefix("<?xml a=\"<\" ?>").unwrap());
        assert_eq!(tags.text(), "a");
        let tag = tags.next().unwrap().unwrap();
        assert_eq!((tag.name, tag.kind), ("c", Kind::Start));
        let attributes: Vec<_> = tag.attributes().map(Result::unwrap).collect();
        assert_eq!(attributes, [("r", "A\"1"), ("t", "s>")]);
        assert_eq!(tags.text(), "b");
        assert!(tags.next().unwrap().unwrap().name.starts_with('c'));
        let empty = tags.next().unwrap().unwrap();
        assert_eq!((empty.name, empty.kind), ("d", Kind::Empty));
        let empty = tags.next().unwrap().unwrap();
        assert_eq!((empty.kind, empty.attribute("f").unwrap()), (Kind::Empty, Some("g")));
        assert!(tags.next().unwrap().is_none());
    }

    #[test]
    fn broken_tags_are_faults() {
        assert!(Tags::new("<c r=\">").next().is_err());
        assert!(Tags::new("<c r=1>").next().unwrap().unwrap().attribute("r").is_err());
        assert!(Tags::new("<c r>").next().unwrap().unwrap().attribute("r").is_err());
        assert!(Tags::new("<!DOCTYPE a>").next().is_err());
        assert!(Tags::new("<a><b>").skip("a").is_err());
    }

    #[test]
    fn references_become_letters() {
        let mut out = String::new();
        unescape("a &amp;&lt;&gt;&quot;&apos;&#65;&#x2705;\r\nb\rc", &mut out).unwrap();
        assert_eq!(out, "a &<>\"'A✅\nb\nc");
        for broken in ["&", "&amp", "&nbsp;", "&#xD800;", "&#;"] {
            assert!(unescape(broken, &mut out).is_err(), "{broken}");
        }
    }

    #[test]
    fn sections_are_resolved_once_they_are_closed() {
        let mut markup = b"<a><!-- </row> --><t><![CDATA[<b> & ]]></t>".to_vec();
        assert!(resolve_sections(&mut markup));
        assert_eq!(markup, b"<a><t>&lt;b&gt; &amp; </t>");
        for open in ["<!", "<!-", "<!-- -", "<![CDA", "<![CDATA[ ]]"] {
            let mut markup = format!("<a>{open}").into_bytes();
            assert!(!resolve_sections(&mut markup), "{open}");
            assert_eq!(markup, format!("<a>{open}").as_bytes());
        }
    }
}
