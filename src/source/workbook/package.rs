//! The container of a workbook: its parts, which of them are sheets, and what the sheets share.
//!
//! In: an opened file. Out: the names of the sheets, and a reader of each part. Parts are found through the
//! relations between them, and by their usual names where a program has left these out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::error::WorkbookError;
use super::formats::{Meaning, read_meanings};
use super::markup::{Fault, Kind, Tag, Tags, resolve_sections, unescape};
use super::strings::Strings;

/// What the meaning of cells depends on.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) strings: Strings,
    /// By the number of a cell's style.
    pub(super) meanings: Vec<Meaning>,
    /// Whether days count from 1904 instead of 1900.
    pub(super) is_1904: bool,
}

/// A sheet of a workbook.
#[derive(Debug)]
pub(super) struct SheetPart {
    pub(super) name: String,
    /// Where its cells stand; `None` for a chart, a dialogue or macros.
    pub(super) part: Option<String>,
}

/// An opened workbook.
pub(super) struct Package {
    zip: ZipArchive<BufReader<File>>,
    /// Parts by their names in lower case: some programs do not keep to the case, or to `/`.
    parts: BTreeMap<String, usize>,
}

/// A relation of a part to another.
struct Relation {
    id: String,
    /// The last word of its type, such as `worksheet`.
    kind: String,
    /// The part it leads to.
    target: String,
}

impl Package {
    pub(super) fn open(file: File) -> Result<Self, WorkbookError> {
        let zip = ZipArchive::new(BufReader::new(file)).map_err(WorkbookError::Container)?;
        let mut parts = BTreeMap::new();
        for (index, name) in zip.file_names().enumerate() {
            parts.insert(place(&name.map_err(WorkbookError::Container)?.replace('\\', "/")), index);
        }
        Ok(Self { zip, parts })
    }

    /// The sheets in their order, and what they share.
    pub(super) fn read_book(&mut self) -> Result<(Vec<SheetPart>, Shared), WorkbookError> {
        let book = self.relations("")?.into_iter().find(|relation| relation.kind == "officeDocument");
        let book = book.map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.target);
        let relations = self.relations(&book)?;
        let named = |kind: &str, usual: &str| {
            let found = relations.iter().find(|relation| relation.kind == kind);
            found.map_or_else(|| resolve(&book, usual), |relation| relation.target.clone())
        };
        let mut shared = Shared::default();
        let styles = named("styles", "styles.xml");
        if self.has(&styles) {
            let markup = self.text(&styles)?;
            shared.meanings = read_meanings(&markup).map_err(|what| malformed(&styles, what))?;
        }
        let strings = named("sharedStrings", "sharedStrings.xml");
        if self.has(&strings) {
            shared.strings = Strings::read(&strings, self.part(&strings)?)?;
        }
        let markup = self.text(&book)?;
        let sheets =
            read_sheets(&markup, &relations, &mut shared.is_1904).map_err(|what| malformed(&book, what))?;
        Ok((sheets, shared))
    }

    fn has(&self, name: &str) -> bool {
        self.parts.contains_key(&place(name))
    }

    /// A reader of an unpacked part.
    pub(super) fn part(&mut self, name: &str) -> Result<ZipFile<'_, BufReader<File>>, WorkbookError> {
        let index = self.parts.get(&place(name)).copied();
        let index = index.ok_or_else(|| WorkbookError::PartMissing(name.to_owned()))?;
        self.zip.by_index(index).map_err(WorkbookError::Container)
    }

    /// A small part as a whole.
    fn text(&mut self, name: &str) -> Result<String, WorkbookError> {
        let mut markup = Vec::new();
        let read = self.part(name)?.read_to_end(&mut markup);
        read.map_err(|source| WorkbookError::Part { part: name.to_owned(), source })?;
        if !resolve_sections(&mut markup) {
            return Err(malformed(name, "has a comment that never ends"));
        }
        String::from_utf8(markup).map_err(|_| malformed(name, "is not in UTF-8"))
    }

    /// Where a part, or the whole container, leads to. None when nothing says so.
    fn relations(&mut self, of: &str) -> Result<Vec<Relation>, WorkbookError> {
        let (folder, file) = of.rsplit_once('/').map_or(("", of), |(folder, file)| (folder, file));
        let name = format!("{folder}/_rels/{file}.rels");
        if !self.has(&name) {
            return Ok(Vec::new());
        }
        let markup = self.text(&name)?;
        read_relations(&markup, of).map_err(|what| malformed(&name, what))
    }
}

fn malformed(part: &str, what: Fault) -> WorkbookError {
    WorkbookError::Malformed { part: part.to_owned(), what }
}

/// The name under which a part is kept.
fn place(name: &str) -> String {
    name.trim_start_matches('/').to_ascii_lowercase()
}

/// The name of the part that `target` is, seen from the part `from`.
fn resolve(from: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.trim_start_matches('/').to_owned();
    }
    let mut folders: Vec<_> = from.split('/').collect();
    folders.pop();
    for step in target.split('/') {
        match step {
            ".." => drop(folders.pop()),
            "." => {}
            step => folders.push(step),
        }
    }
    folders.join("/")
}

fn read_relations(markup: &str, of: &str) -> Result<Vec<Relation>, Fault> {
    let (mut relations, mut tags) = (Vec::new(), Tags::new(markup));
    while let Some(tag) = tags.next()? {
        if tag.name != "Relationship" || tag.kind == Kind::End {
            continue;
        }
        let kind = text_of(&tag, "Type")?;
        relations.push(Relation {
            id: text_of(&tag, "Id")?,
            kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
            target: resolve(of, &text_of(&tag, "Target")?.replace('\\', "/")),
        });
    }
    Ok(relations)
}

fn read_sheets(markup: &str, relations: &[Relation], is_1904: &mut bool) -> Result<Vec<SheetPart>, Fault> {
    let (mut sheets, mut tags) = (Vec::new(), Tags::new(markup));
    while let Some(tag) = tags.next()? {
        match (tag.kind, tag.name) {
            (Kind::Start | Kind::Empty, "workbookPr") => {
                *is_1904 |= matches!(tag.attribute("date1904")?, Some("1" | "true"));
            }
            (Kind::Start | Kind::Empty, "sheet") => {
                let mut id = String::new();
                for attribute in tag.attributes() {
                    let (name, value) = attribute?;
                    if name.rsplit(':').next() == Some("id") {
                        value.clone_into(&mut id);
                    }
                }
                let relation = relations.iter().find(|relation| relation.id == id);
                let relation = relation.ok_or("has a sheet that is nowhere")?;
                let part = Some(relation.target.clone()).filter(|_| relation.kind == "worksheet");
                sheets.push(SheetPart { name: text_of(&tag, "name")?, part });
            }
            (Kind::End, "sheets") => break,
            _ => {}
        }
    }
    Ok(sheets)
}

/// The value of an attribute, empty when it is not there.
fn text_of(tag: &Tag<'_>, name: &str) -> Result<String, Fault> {
    let mut text = String::new();
    unescape(tag.attribute(name)?.unwrap_or_default(), &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_seen_from_the_part_that_names_them() {
        assert_eq!(resolve("xl/workbook.xml", "worksheets/sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(resolve("xl/workbook.xml", "/xl/a.xml"), "xl/a.xml");
        assert_eq!(resolve("xl/workbook.xml", "../b/./a.xml"), "b/a.xml");
        assert_eq!(resolve("", "xl/workbook.xml"), "xl/workbook.xml");
    }

    #[test]
    fn sheets_come_in_their_order_and_charts_are_no_sheets_of_cells() {
        let relations = "<Relationships><Relationship Id=\"r1\" Type=\"http://x/worksheet\" Target=\"s1.xml\"/>\
                         <Relationship Id=\"r2\" Type=\"http://x/chartsheet\" Target=\"c.xml\"/></Relationships>";
        let relations = read_relations(relations, "xl/workbook.xml").unwrap();
        let book = "<x:workbook><x:workbookPr date1904='1'/><x:sheets><x:sheet name=\"C\" sheetId='1' q:id=\"r2\"/>\
                    <x:sheet name=\"A &amp; B\" r:id='r1'></x:sheet></x:sheets><x15:workbookPr/></x:workbook>";
        let mut is_1904 = false;
        let sheets = read_sheets(book, &relations, &mut is_1904).unwrap();
        let sheets: Vec<_> =
            sheets.iter().map(|sheet| (sheet.name.as_str(), sheet.part.as_deref())).collect();
        assert_eq!(sheets, [("C", None), ("A & B", Some("xl/s1.xml"))]);
        assert!(is_1904);
        assert!(read_sheets("<sheet name='x' r:id='r9'/>", &relations, &mut is_1904).is_err());
    }
}
