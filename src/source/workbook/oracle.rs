//! The reader of workbooks beside calamine's, on workbooks that are written in every way a program may choose.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Seek, Write as _};

use calamine::{DataRef, Reader, Xlsx};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::tests::rows;
use super::{Opened, open};

/// Number formats: of a number, two days, a span of time, and one of the workbook's own.
const STYLES: &str = "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy&quot;-&quot;mm\"/>\
    <numFmt numFmtId=\"165\" formatCode=\"[h]:mm\"/></numFmts><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/>\
    <xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"46\"/><xf numFmtId=\"4\"/></cellXfs></styleSheet>";

/// How a program writes its sheets.
#[derive(Clone, Debug)]
struct Hand {
    prefix: &'static str,
    numbers_rows: bool,
    places_cells: bool,
    is_1904: bool,
    /// Blanks between rows, so that the sheet is cut into many pieces.
    padding: usize,
}

#[derive(Clone, Debug)]
struct Line {
    /// Rows that are left out before it; they need numbers.
    gap: u32,
    is_commented: bool,
    cells: Vec<Option<Content>>,
}

#[derive(Clone, Debug)]
struct Content {
    kind: &'static str,
    style: Option<u8>,
    inner: String,
}

fn hand() -> impl Strategy<Value = Hand> {
    let padding = prop_oneof![7 => Just(0), 1 => Just(90_000_usize)];
    (prop_oneof![Just(""), Just("x:")], any::<[bool; 3]>(), padding).prop_map(|(prefix, flags, padding)| {
        let [numbers_rows, places_cells, is_1904] = flags;
        Hand { prefix, numbers_rows, places_cells, is_1904, padding }
    })
}

fn line() -> impl Strategy<Value = Line> {
    let cells = prop::collection::vec(prop::option::weighted(0.8, content()), 0..5);
    (0..3_u32, any::<bool>(), cells).prop_map(|(gap, is_commented, cells)| Line { gap, is_commented, cells })
}

/// Text as markup, with everything that has to be resolved.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Zäöüß€ 0-9,.]{1,8}",
        1 => prop::sample::select(vec![
            "&amp;", "&lt;b&gt;", "&quot;", "&#10;", "&#xE4;", "_x000D_", "_x005F_x000D_", "_xD83D__xDE00_", "_x00",
            "\r\n", "\n", "\t", " ", "<!-- & </x:row></row> -->",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// What stands in a shared or own text.
fn item() -> impl Strategy<Value = String> {
    let plain = text().prop_map(|text| format!("<t>{text}</t>"));
    let kept = text().prop_map(|text| format!("<t xml:space=\"preserve\">{text}</t>"));
    let rich = (text(), text()).prop_map(|(first, second)| {
        format!("<r><rPr><b/></rPr><t>{first}</t></r><r><t xml:space='preserve'>{second}</t></r><rPh><t>no</t></rPh>")
    });
    // `]]>` would end the section early.
    let section = "[a-z<&\\]]{0,6}".prop_map(|text| format!("<t><![CDATA[{text}]]></t>"));
    prop_oneof![4 => plain, 2 => kept, 2 => rich, 1 => section, 1 => Just(String::new())]
}

fn content() -> impl Strategy<Value = Content> {
    let number = prop_oneof![
        "-?[0-9]{1,5}",
        "-?[0-9]{1,6}\\.[0-9]{1,17}",
        "[1-9]\\.[0-9]{1,4}E-?[0-9]",
        Just("45838.7500001".to_owned()),
    ];
    let value = |kind, written: String| (kind, format!("<v>{written}</v>"));
    let kinds = prop_oneof![
        3 => (0..8_usize).prop_map(move |number| value(" t=\"s\"", number.to_string())),
        3 => number.prop_map(move |number| value("", number)),
        1 => item().prop_map(|item| (" t=\"inlineStr\"", format!("<v>repeated</v><is>{item}</is>"))),
        1 => text().prop_map(|text| (" t=\"str\"", format!("<f>A1&amp;\"x\"</f><v>{text}</v>"))),
        1 => prop::sample::select(vec!["0", "1", "true", "FALSE"]).prop_map(move |word| value(" t='b'", word.into())),
        1 => prop::sample::select(vec!["#N/A", "#REF!"]).prop_map(move |word| value(" t=\"e\"", word.into())),
        1 => Just(value(" t=\"d\"", "2025-06-30".into())),
        1 => Just((" t=\"n\"", "<v/>".to_owned())),
        1 => Just(("", String::new())),
    ];
    let style = prop::option::of(0..6_u8);
    (kinds, style).prop_map(|((kind, inner), style)| Content { kind, style, inner })
}

/// The markup of a sheet whose first row holds the headings `a` to `e`.
fn sheet(hand: &Hand, lines: &[Line]) -> String {
    let Hand { prefix, numbers_rows, places_cells, padding, .. } = hand;
    let heading = |word: &str| Content { kind: " t=\"str\"", style: None, inner: format!("<v>{word}</v>") };
    let headings = ["a", "b", "c", "d", "e"].map(|word| Some(heading(word))).to_vec();
    let first = Line { gap: 0, is_commented: false, cells: headings };
    let (mut markup, mut number) = (format!("<{prefix}worksheet><{prefix}sheetData>"), 0);
    for line in std::iter::once(&first).chain(lines) {
        let gap = if *numbers_rows { line.gap } else { 0 };
        number += 1 + gap;
        if line.is_commented {
            write!(markup, "<!-- </{prefix}row><{prefix}row r=\"1\"> -->").unwrap();
        }
        let attribute = if *numbers_rows { format!(" spans=\"1:5\" r=\"{number}\"") } else { String::new() };
        write!(markup, "<{prefix}row{attribute}>").unwrap();
        for (column, cell) in (b'A'..).zip(&line.cells) {
            // A cell without a place stands after the one before, so none can be left out.
            let empty = Content { kind: "", style: None, inner: String::new() };
            let cell = match cell {
                Some(cell) => cell,
                None if *places_cells => continue,
                None => &empty,
            };
            let place =
                if *places_cells { format!(" r=\"{}{number}\"", char::from(column)) } else { String::new() };
            let style = cell.style.map(|style| format!(" s=\"{style}\"")).unwrap_or_default();
            let inner = prefixed(&cell.inner, prefix);
            write!(markup, "<{prefix}c{place}{style}{}>{inner}</{prefix}c>", cell.kind).unwrap();
        }
        write!(markup, "</{prefix}row>{}", " ".repeat(*padding)).unwrap();
    }
    markup + &format!("</{prefix}sheetData><{prefix}mergeCells/></{prefix}worksheet>")
}

/// The same markup with the prefix before the name of every tag.
fn prefixed(markup: &str, prefix: &str) -> String {
    let mut out = String::new();
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        if tag.starts_with("<!") {
            let end = tag.find("]]>").or(tag.find("-->")).unwrap() + 3;
            out.push_str(&tag[..end]);
            rest = &tag[end..];
            continue;
        }
        let name = tag.trim_start_matches(['<', '/']);
        let open = &tag[..tag.len() - name.len()];
        out.push_str(open);
        out.push_str(prefix);
        rest = name;
    }
    out + rest
}

fn workbook(hand: &Hand, strings: &[String], lines: &[Line]) -> File {
    let types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |id: u8, kind: &str, target: &str| {
        format!("<Relationship Id=\"r{id}\" Type=\"{types}/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |inner: String| format!("<Relationships>{inner}</Relationships>");
    let items = strings.join("</si><si>");
    let parts = [
        ("_rels/.rels", relations(relation(1, "officeDocument", "xl/workbook.xml"))),
        (
            "xl/_rels/workbook.xml.rels",
            relations(
                relation(1, "worksheet", "worksheets/sheet1.xml") + &relation(2, "styles", "styles.xml"),
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook><workbookPr date1904=\"{}\"/><sheets><sheet name=\"S\" r:id=\"r1\"/></sheets></workbook>",
                u8::from(hand.is_1904)
            ),
        ),
        ("xl/styles.xml", STYLES.to_owned()),
        (
            "xl/sharedStrings.xml",
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><sst><si>{items}</si></sst>"),
        ),
        ("xl/worksheets/sheet1.xml", sheet(hand, lines)),
    ];
    let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
    for (name, markup) in parts {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(markup.as_bytes()).unwrap();
    }
    let mut file = zip.finish().unwrap();
    file.rewind().unwrap();
    file
}

/// Rows under the headings that hold anything, with their numbers, as calamine reads them.
fn oracle(file: File) -> Vec<(u64, Vec<String>)> {
    let mut book = Xlsx::new(BufReader::new(file)).unwrap();
    let mut cells = book.worksheet_cells_reader("S").unwrap();
    let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
    while let Some(cell) = cells.next_cell().unwrap() {
        let (row, column) = cell.get_position();
        let row = u64::from(row) + 1;
        if rows.last().is_none_or(|(last, _)| *last != row) {
            rows.push((row, Vec::new()));
        }
        let cells = &mut rows.last_mut().unwrap().1;
        cells.resize(column as usize, String::new());
        cells.push(shown(cell.get_value()));
    }
    rows.remove(0);
    rows.retain(|(_, cells)| !cells.concat().trim().is_empty());
    rows
}

fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => float(*number),
        DataRef::Bool(truth) => truth.to_string(),
        DataRef::DateTime(moment) if moment.is_duration() => float(moment.as_f64()),
        DataRef::DateTime(moment) => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let day = format!("{year:04}-{month:02}-{day:02}");
            let is_midnight = (hour, minute, second) == (0, 0, 0);
            if is_midnight { day } else { format!("{day}T{hour:02}:{minute:02}:{second:02}") }
        }
        DataRef::Error(error) => error.to_string(),
    }
}

/// A number with at most 15 digits.
fn float(number: f64) -> String {
    let short = number.to_string();
    let digits = short.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if digits > 15 && short.contains('.') {
        return format!("{number:.14e}").parse::<f64>().unwrap().to_string();
    }
    short
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// However a workbook is written, its rows are those that calamine finds in it.
    #[test]
    fn rows_are_those_that_calamine_reads(
        hand in hand(),
        strings in prop::collection::vec(item(), 8),
        lines in prop::collection::vec(line(), 0..12),
    ) {
        let mut file = workbook(&hand, &strings, &lines);
        let opened: Opened = open(file.try_clone().unwrap(), "t.xlsx", None).unwrap();
        prop_assert_eq!(&opened.headers, &["a", "b", "c", "d", "e"]);
        let found = rows(opened).unwrap();
        file.rewind().unwrap();
        prop_assert_eq!(found, oracle(file));
    }
}
