//! What the number of a cell is by its format: a number, a moment or a span of time.

use std::collections::BTreeMap;

use super::markup::{Fault, Kind, Tags, unescape};

/// What a number means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Meaning {
    #[default]
    Number,
    /// Days since the workbook's epoch.
    Moment,
    /// A number of days.
    Span,
}

/// The meaning of each cell style, by its number, from the part that describes the styles.
pub(super) fn read_meanings(markup: &str) -> Result<Vec<Meaning>, Fault> {
    let (mut codes, mut meanings, mut is_in_styles) = (BTreeMap::new(), Vec::new(), false);
    let mut tags = Tags::new(markup);
    while let Some(tag) = tags.next()? {
        match (tag.kind, tag.name) {
            (Kind::Start, "cellXfs") => is_in_styles = true,
            (Kind::End, "cellXfs") => break,
            (Kind::Start | Kind::Empty, "numFmt") if !is_in_styles => {
                if let (Some(id), Some(code)) = (tag.attribute("numFmtId")?, tag.attribute("formatCode")?) {
                    let mut text = String::new();
                    unescape(code, &mut text)?;
                    codes.insert(id, of_code(&text));
                }
            }
            (Kind::Start | Kind::Empty, "xf") if is_in_styles => {
                let id = tag.attribute("numFmtId")?.unwrap_or_default();
                meanings.push(codes.get(id).copied().unwrap_or_else(|| of_known(id)));
            }
            _ => {}
        }
    }
    Ok(meanings)
}

/// Formats that need no code.
///
/// Source: ECMA-376 part 1, 18.8.30, with the East Asian ones.
fn of_known(id: &str) -> Meaning {
    match id.parse() {
        Ok(14..=22 | 27..=36 | 45 | 47 | 50..=58) => Meaning::Moment,
        Ok(46) => Meaning::Span,
        Ok(0_u32..) | Err(_) => Meaning::Number,
    }
}

/// The first letter of a day or an hour decides, outside quotes and brackets, before the first `;`.
fn of_code(code: &str) -> Meaning {
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter.to_ascii_lowercase() {
            '\\' | '_' | '*' => drop(letters.next()), // shows, leaves room for, or repeats the next one
            '"' => drop(letters.find(|letter| *letter == '"')),
            '[' => {
                let bracket: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                if is_elapsed(&bracket.to_ascii_lowercase()) {
                    return Meaning::Span;
                }
            }
            ';' => break,
            'd' | 'm' | 'y' | 'h' | 's' => return Meaning::Moment,
            'a' if is_half_of_day(letters.as_str()) => return Meaning::Moment,
            _ => {}
        }
    }
    Meaning::Number
}

/// `[h]`, `[mm]`, `[s]`: hours, minutes or seconds that do not start again after a day, an hour, a minute.
fn is_elapsed(bracket: &str) -> bool {
    matches!(bracket.bytes().next(), Some(b'h' | b'm' | b's'))
        && bracket.bytes().all(|byte| byte == bracket.as_bytes()[0])
}

/// Whether `A` starts `AM/PM` or `A/P`.
fn is_half_of_day(after: &str) -> bool {
    let after = after.to_ascii_lowercase();
    after.starts_with("m/pm") || after.starts_with("/p")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_tells_days_from_spans_and_numbers() {
        for moment in ["yyyy-mm-dd", "DD/MM/YY", "h:mm AM/PM", "[$-404]e\"年\"m", "*-yyyy", "A/P", "[Red]d"]
        {
            assert_eq!(of_code(moment), Meaning::Moment, "{moment}");
        }
        for span in ["[h]:mm:ss", "[ss]", "[Blue]\\+[h]:mm;[Red]\\-[h]:mm", "[>=100][m]"] {
            assert_eq!(of_code(span), Meaning::Span, "{span}");
        }
        for number in [
            "General",
            "0.00",
            "#,##0 [$€-407]",
            "\"day\"0",
            "0;yyyy",
            "#,##0*y",
            "_d0",
            "\\d0",
            "[Red]0",
            "@",
            "[]",
        ] {
            assert_eq!(of_code(number), Meaning::Number, "{number}");
        }
    }

    #[test]
    fn styles_refer_to_known_formats_and_to_those_of_the_workbook() {
        let markup = "<styleSheet><numFmts count='2'><numFmt numFmtId=\"164\" formatCode=\"d&quot;.&quot;\"/>\
                      <numFmt numFmtId='165' formatCode='0'/></numFmts><cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>\
                      <cellXfs><xf numFmtId='164'/><xf numFmtId='165'></xf><xf numFmtId='14'/><xf numFmtId='46'/><xf/>\
                      </cellXfs><dxfs><dxf><numFmt numFmtId='165' formatCode='d'/></dxf></dxfs></styleSheet>";
        let meanings = [Meaning::Moment, Meaning::Number, Meaning::Moment, Meaning::Span, Meaning::Number];
        assert_eq!(read_meanings(markup), Ok(meanings.to_vec()));
    }
}
