//! What was read back is found again, and what moved is told.

use super::*;
use crate::catalogue::business_central_v1::CUSTOMERS as V1_CUSTOMERS;
use crate::catalogue::business_central_v2::CUSTOMERS;
use crate::domain::{FieldChange, Origin, PlannedRow};

fn read(records: &[&str]) -> ReadBack {
    let raw: Vec<Box<RawValue>> =
        records.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
    let page: Vec<&RawValue> = raw.iter().map(AsRef::as_ref).collect();
    let mut read = ReadBack::new().unwrap();
    read.add_page(&page).unwrap();
    read
}

#[test]
fn a_second_line_with_our_document_and_customer_is_a_double() {
    let line = |id: &str, line: i64, document: &str, customer: &str| {
        format!(
            r#"{{"id":"{id}","lineNumber":{line},"documentNumber":"{document}","customerNumber":"{customer}"}}"#
        )
    };
    let lines = [
        line("A", 1, "D1", "10"),
        line("b", 2, "d1", "10"),
        line("c", 3, "D1", "20"),
        line("d", 4, "X", "1"),
    ];
    let read = read(&lines.each_ref().map(String::as_str));
    read.is_ours("a").unwrap();
    let doubles: Vec<_> = read.doubles().unwrap().into_iter().map(|double| double.id).collect();
    assert_eq!(doubles, ["b"]);
}

#[test]
fn what_the_server_looks_up_for_a_postal_code_has_not_moved() {
    let sent = r#"{"postalCode":"89073","city":"Ulm","displayName":"A"}"#;
    let found = r#"{"postalCode":"89073","city":"ULM DONAU","displayName":"B"}"#;
    let fields: Vec<_> =
        moved(&CUSTOMERS, &row(sent), found).unwrap().into_iter().map(|change| change.field).collect();
    assert_eq!(fields, ["displayName"]);
    assert!(moved(&CUSTOMERS, &row(""), found).unwrap().is_empty());
}

#[test]
fn what_only_went_along_with_an_update_is_not_looked_at() {
    let sent = r#"{"displayName":"A","city":"Ulm","state":"BW","postalCode":"89073"}"#;
    let found = r#"{"displayName":"A","city":"Bonn","state":"NW","postalCode":"89073"}"#;
    let city = FieldChange { field: "city".into(), from: String::new(), to: "Ulm".into() };
    let fields = |changes: Vec<FieldChange>| -> Vec<String> {
        let row = PlannedRow { action: Action::Update, changes, ..row(sent) };
        let moved = moved(&V1_CUSTOMERS, &row, found).unwrap();
        moved.into_iter().map(|change| change.field).collect()
    };
    assert_eq!(fields(vec![city.clone()]), ["city"]);
    assert!(fields(Vec::new()).is_empty());
    // A postal code of the row's own excuses what the server looks up for it.
    let code = FieldChange { field: "postalCode".into(), to: "89073".into(), ..city.clone() };
    assert!(fields(vec![city, code]).is_empty());
}

/// A row that creates a record.
fn row(payload: &str) -> PlannedRow {
    PlannedRow::new(Origin { row: 1, line: 2 }, String::new(), Action::Create, payload.to_owned())
}

#[test]
fn a_number_found_twice_over_is_one_record() {
    let record = r#"{"id":"A","number":"c1","displayName":"X"}"#;
    let read = read(&[record, record]);
    assert_eq!(read.with_number(" C1 ").unwrap().unwrap().id, "A");
    assert!(read.with_number("").unwrap().is_none());
}
