//! How rows find their records: by other fields than the number, through an export and back, and what blank cells
//! and blocked customers mean.

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::actions::result_of;
use crate::testbed::TestBed;

const NEW: &[u8] = b"Number,Display Name,Email,City\nM1,One,one@x.example,Ulm\nM2,Two,two@x.example,Bonn\n\
      M3,Twin,twin@x.example,Kiel\nM4,Twin,twin@x.example,Rom\n";

fn city(bed: &TestBed, number: &str) -> Value {
    let (_, page) = bed.ask(Method::Get, &format!("customers?$filter=number%20eq%20'{number}'"));
    page["value"][0]["city"].clone()
}

#[test]
fn customers_are_found_by_the_fields_that_were_named_and_never_by_guess() {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    let before = bed.books();
    bed.write(
        "by-mail.csv",
        b"Number,Display Name,Email,City\n,One,ONE@X.example ,Oslo\nM2,Two,two@x.example,Bonn\n,Twin,twin@x.example,Oslo\n\
          ,Nobody,,Oslo\nM1,Two,two@x.example,Oslo\n,New,new@x.example,Oslo\n,New again,new@x.example,Oslo\n\
          M3,Stranger,stranger@x.example,Oslo\n",
    );
    let line =
        ["import", "by-mail.csv", "-p", "local", "--yes", "--match", "email", "--skip-rejects", "--json"];
    let report = bed.ferry(&[&line[..], &["--out", "run"]].concat()).exits(3).json();
    let lines: Vec<String> = csv::Reader::from_reader(bed.read("run/results.csv").as_bytes())
        .records()
        .map(Result::unwrap)
        .map(|row| format!("{} {} {}", &row[2], &row[5], &row[7]))
        .collect();
    assert_eq!(
        lines,
        [
            "2 done ",
            "3 unchanged ",
            "4 conflict ambiguous",
            "5 conflict no-match-key",
            "6 conflict number-mismatch",
            "7 done ",
            "8 conflict met-twice",
            "9 conflict number-mismatch"
        ]
    );
    assert_eq!((city(&bed, "M1"), city(&bed, "M3")), ("Oslo".into(), "Kiel".into()));
    assert_eq!(bed.books().customers, before.customers + 1);
    assert!(report["notes"].to_string().contains("find their customers by `email`"), "{report}");
    let again = bed.ferry(&line).exits(3).json();
    assert_eq!(again["counts"]["done"], 0, "nothing is new a second time: {again}");
}

#[test]
fn a_field_that_no_column_fills_cannot_match() {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    for field in ["taxRegistrationNumber", "creditLimit", "nonsense"] {
        bed.ferry(&["plan", "new.csv", "-p", "local", "--match", field]).exits(2);
    }
}

#[test]
fn a_blank_cell_clears_only_when_it_is_told_to_and_clears_are_counted() {
    let bed = TestBed::new();
    bed.write("new.csv", NEW);
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    bed.write("blank.csv", b"Number,Display Name,Email,City\nM1,One,,\nM9,Nine,,\n");
    let keep = bed.ferry(&["plan", "blank.csv", "-p", "local", "--json"]).exits(0).json();
    assert_eq!(keep["actions"]["unchanged"], 1, "{keep}");
    let line = ["import", "blank.csv", "-p", "local", "--blank", "clear", "--yes", "--json", "--out", "run"];
    let report = bed.ferry(&line).exits(0).json();
    assert_eq!(report["counts"]["done"], 2, "{report}");
    let cleared: u64 =
        report["changes"].as_array().unwrap().iter().map(|change| change["cleared"].as_u64().unwrap()).sum();
    assert_eq!((cleared, city(&bed, "M1")), (2, "".into()), "{report}");
    assert_eq!(result_of(&bed, "run/results.csv", "M9").0, "create done");
}

#[test]
fn an_exported_payments_file_can_be_imported_again() {
    let bed = TestBed::new();
    bed.write("pay.csv", b"Customer No.,Document No.,Amount\n10000,P1,5.00\n20000,P2,7.00\n");
    let journal = ["-p", "local", "--journal", "BANK", "--yes", "--json"];
    bed.ferry(&[&["import", "pay.csv"], &journal[..]].concat()).exits(0);
    let books = bed.books();
    bed.ferry(&["export", "payments", "-p", "local", "--journal", "BANK", "-o", "out.csv"]).exits(0);
    let header = bed.read("out.csv");
    assert!(header.contains("customerId") && header.contains("customerNumber"), "{header}");
    let import = [&["import", "out.csv", "--sign", "as-is"], &journal[..]].concat();
    let report = bed.ferry(&import).exits(0).json();
    assert_eq!((&report["counts"]["unchanged"], bed.books()), (&Value::from(2), books), "{report}");
}

#[test]
fn a_payment_of_a_customer_who_is_blocked_for_everything_stays_out() {
    let bed = TestBed::new();
    bed.write("new.csv", b"Number,Display Name,Blocked\nB1,One,All\nB2,Two,Ship\n");
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    bed.write("pay.csv", b"Customer No.,Document No.,Amount\nB1,P1,5.00\nB2,P2,7.00\n");
    let line = ["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes", "--skip-rejects", "--json"];
    let report = bed.ferry(&[&line[..], &["--out", "run"]].concat()).exits(3).json();
    assert_eq!(result_of(&bed, "run/results.csv", "P1").1, "customer-blocked", "{report}");
    assert_eq!((&report["counts"]["done"], bed.books().payments), (&Value::from(1), 1), "{report}");
}
