//! Pages as servers write them.

use super::*;
use crate::export::ExportEntity;

fn layout(select: &[&str]) -> Layout {
    let select: Vec<_> = select.iter().map(|name| (*name).to_owned()).collect();
    Layout::new(crate::catalogue::DIALECTS[0], ExportEntity::Customers, &select, &[]).unwrap()
}

fn show(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Blank => "-".to_owned(),
        Cell::Text(text) => format!("'{text}'"),
        Cell::Number(digits) => digits.clone().into_owned(),
        Cell::Boolean(value) => value.to_string(),
    }
}

fn rows(select: &[&str], records: &str) -> Result<Vec<String>, DecodeError> {
    let mut rows = Vec::new();
    let page = format!(r#"{{"@odata.context":"c","value":[{records}],"@odata.nextLink":"n"}}"#);
    let link = Decoder::new(&layout(select)).decode(&page, "", &mut |row| {
        rows.push(row.iter().map(show).collect::<Vec<_>>().join(" "));
        true
    })?;
    assert_eq!(link.as_deref(), Some("n"));
    Ok(rows)
}

#[test]
fn values_keep_their_digits_and_their_type() {
    let record = r#"{"@odata.etag":"W/\"x\"","number":"00120","displayName":"O\"Neil \u00e9","creditLimit":1234567890123456.7800,"taxLiable":true,"unknown":{"a":[1,2]}}"#;
    assert_eq!(
        rows(&["number", "displayName", "creditLimit", "taxLiable"], record).unwrap(),
        ["'00120' 'O\"Neil é' 1234567890123456.7800 true"]
    );
}

#[test]
fn records_may_have_their_properties_in_any_order_and_leave_some_out() {
    let records =
        r#"{"number":"1","city":"A"},{"city":"B","number":"2"},{"x":0},{"city":"C","x":1,"number":"3"}"#;
    assert_eq!(rows(&["number", "city"], records).unwrap(), ["'1' 'A'", "'2' 'B'", "- -", "'3' 'C'"]);
}

#[test]
fn whatever_means_not_set_is_blank() {
    let records = r#"{"blocked":"_x0020_","lastModifiedDateTime":"0001-01-01T00:00:00Z","creditLimit":null,"city":null},
        {"blocked":" ","city":null,"creditLimit":""},{"blocked":"All","creditLimit":"10.50"},{"creditLimit":1E+3}"#;
    let select = ["blocked", "lastModifiedDateTime", "creditLimit", "city"];
    assert_eq!(rows(&select, records).unwrap(), ["- - - -", "- - - -", "'All' - 10.50 -", "- - 1000 -"]);
}

#[test]
fn the_financial_detail_is_found_in_every_shape_servers_give_it() {
    for record in [
        r#"{"number":"1","customerFinancialDetail":{"id":"x","balance":7.10}}"#,
        r#"{"customerFinancialDetails":[{"balance":7.10}],"number":"1"}"#,
        r#"{"customerFinancialDetails":{"balance":7.10},"number":"1"}"#,
        r#"{"number":"1","balance":7.10}"#,
    ] {
        assert_eq!(rows(&["number", "balance"], record).unwrap(), ["'1' 7.10"], "{record}");
    }
    for record in [r#"{"customerFinancialDetails":[]}"#, r#"{"customerFinancialDetail":null}"#] {
        assert_eq!(rows(&["number", "balance"], record).unwrap(), ["- -"], "{record}");
    }
    assert!(matches!(rows(&["balance"], r#"{"number":"1"}"#), Err(DecodeError::DetailMissing)));
    let two = r#"{"customerFinancialDetails":[{"balance":1},{"balance":2}]}"#;
    assert!(matches!(rows(&["balance"], two), Err(DecodeError::Malformed(_))));
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    for record in [r#"{"creditLimit":true}"#, r#"{"creditLimit":"ten"}"#, r#"{"city":{}}"#, r#"{"city":1.5}"#]
    {
        assert!(matches!(rows(&["creditLimit", "city"], record), Err(DecodeError::Malformed(_))), "{record}");
    }
}

#[test]
fn a_receiver_that_has_enough_stops_the_reading() {
    let mut seen = 0;
    let stopped = Decoder::new(&layout(&["number"])).decode(r#"{"value":[{},{},{}]}"#, "", &mut |_| {
        seen += 1;
        seen < 2
    });
    assert!(matches!(stopped, Err(DecodeError::Stopped)));
    assert_eq!(seen, 2);
}
