//! What finds what.

use super::*;

fn index(entity: EntityKind, records: &[&str]) -> TargetIndex {
    let raw: Vec<Box<RawValue>> =
        records.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
    let page: Vec<&RawValue> = raw.iter().map(AsRef::as_ref).collect();
    let mut index = TargetIndex::new().unwrap();
    index.add_page(entity, &page).unwrap();
    index.add_customers(&page).unwrap();
    index
}

#[test]
fn a_customer_is_found_by_number_or_else_by_name() {
    let index = index(
        EntityKind::Customers,
        &[r#"{"@odata.etag":"W/\"1\"","id":"a","number":"C1","displayName":"Trey  Research"}"#],
    );
    let by_number = index.find(&key_of(EntityKind::Customers, r#"{"number":"c1"}"#, None)).unwrap();
    let by_name =
        index.find(&key_of(EntityKind::Customers, r#"{"displayName":"trey research"}"#, None)).unwrap();
    assert_eq!(by_number, by_name);
    assert_eq!(by_number[0].etag, "W/\"1\"");
}

#[test]
fn a_customer_is_found_by_every_field_that_was_named_and_the_row_fills() {
    let records = [
        r#"{"id":"a","number":"C1","displayName":"Trey","email":"A@b.c"}"#,
        r#"{"id":"b","number":"C2","displayName":"trey ","email":""}"#,
    ];
    let raw = records.map(|text| RawValue::from_string(text.to_owned()).unwrap());
    let mut index = TargetIndex::matching(&["displayName", "email"]).unwrap();
    index.add_page(EntityKind::Customers, &raw.each_ref().map(AsRef::as_ref)).unwrap();
    let ids = |payload: &str| -> Vec<String> {
        let found = index.find_all(&index.match_keys(payload).unwrap()).unwrap();
        found.into_iter().map(|existing| existing.id).collect()
    };
    assert_eq!(ids(r#"{"displayName":"TREY","email":" a@B.c "}"#), ["a"]);
    assert_eq!(ids(r#"{"displayName":"Trey"}"#), ["a", "b"]);
    assert_eq!(ids(r#"{"displayName":"Trey","email":"x@y.z"}"#), Vec::<String>::new());
    assert_eq!(ids(r#"{"displayName":" ","number":"C1"}"#), Vec::<String>::new());
}

#[test]
fn rows_without_a_key_find_nobody_who_has_none_either() {
    let customers = index(EntityKind::Customers, &[r#"{"id":"a","number":null,"displayName":" "}"#]);
    assert_eq!(customers.find(&key_of(EntityKind::Customers, "{}", None)).unwrap(), []);
    let waiting = r#"{"id":"p","lineNumber":30000,"documentNumber":"","customerNumber":"10000"}"#;
    let payments = index(EntityKind::Payments, &[waiting]);
    let row = r#"{"customerNumber":"10000"}"#;
    assert_eq!(payments.find(&key_of(EntityKind::Payments, row, None)).unwrap(), []);
}

#[test]
fn a_record_with_a_null_in_it_still_counts() {
    let waiting =
        r#"{"id":"p","lineNumber":30000,"documentNumber":"D1","customerNumber":"1","currencyCode":null}"#;
    let index = index(EntityKind::Payments, &[waiting]);
    assert_eq!(index.find(&document_key("D1", "1")).unwrap().len(), 1);
    assert_eq!(index.lines().unwrap(), [30_000]);
}

#[test]
fn without_journals_a_payment_is_found_by_its_document_whoevers_it_is() {
    let mut index = TargetIndex::new().unwrap();
    index.find_by_document();
    let record = RawValue::from_string(r#"{"id":"p","documentNumber":"P-1","customerId":7}"#.to_owned());
    index.add_page(EntityKind::Payments, &[&record.unwrap()]).unwrap();
    for (payload, payer) in [
        (r#"{"documentNumber":"p-1"}"#, None),
        (r#"{"documentNumber":"P-1","customerNumber":"Ann"}"#, None),
        (r#"{"documentNumber":"P-1","customerId":8}"#, Some("8")),
    ] {
        let key = index.key_of(EntityKind::Payments, payload, payer);
        assert_eq!(index.find(&key).unwrap().len(), 1, "{payload}");
    }
}

#[test]
fn a_payment_is_found_by_its_document_and_customer() {
    let index = index(
        EntityKind::Payments,
        &[r#"{"id":"p","lineNumber":30000,"documentNumber":"D1","customerNumber":"10000"}"#],
    );
    let key = key_of(EntityKind::Payments, r#"{"documentNumber":"d1","customerNumber":"10000"}"#, None);
    assert_eq!(index.find(&key).unwrap().len(), 1);
    assert_eq!(index.lines().unwrap(), [30_000]);
}
