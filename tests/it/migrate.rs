//! An export of one system is a file for another: no mapping, and no id of the one reaches the other.

use rusqlite::Connection;

use crate::diff::join;
use crate::testbed::{TestBed, sample};

/// Tables whose rows customers name by id, and the field that does.
const NAMED: [(&str, &str); 4] = [
    ("paymentTerms", "paymentTermsId"),
    ("paymentMethods", "paymentMethodId"),
    ("shipmentMethods", "shipmentMethodId"),
    ("currencies", "currencyId"),
];

fn open(bed: &TestBed) -> Connection {
    Connection::open(bed.path().join("books.db")).unwrap()
}

/// Gives every row that customers name another id, and every customer and invoice too: as in another company.
fn give_new_ids(bed: &TestBed) {
    let books = open(bed);
    books.execute_batch("BEGIN IMMEDIATE").unwrap();
    for (table, field) in NAMED {
        books
            .execute_batch(&format!(
                "CREATE TEMP TABLE new_ids AS SELECT id AS old, randomblob(16) AS new FROM {table};
                 UPDATE {table} SET id = (SELECT new FROM new_ids WHERE old = id);
                 UPDATE customer SET {field} = coalesce((SELECT new FROM new_ids WHERE old = {field}), {field});
                 DROP TABLE new_ids;"
            ))
            .unwrap();
    }
    books.execute_batch("UPDATE sales_invoice SET id = randomblob(16); COMMIT").unwrap();
}

/// How many customers of the books name by `field` what `table` does not have.
fn strangers(bed: &TestBed, (table, field): (&str, &str)) -> i64 {
    let query = format!(
        "SELECT count(*) FROM customer WHERE {field} <> zeroblob(16) AND {field} NOT IN (SELECT id FROM {table})"
    );
    open(bed).query_row(&query, [], |row| row.get(0)).unwrap()
}

/// Two companies, the second with ids of its own in this dialect.
fn two(dialect: &str) -> (TestBed, TestBed) {
    let (first, second) = (TestBed::new(), TestBed::new());
    second.write_project_in(dialect, "");
    give_new_ids(&second);
    join(&first, &second);
    (first, second)
}

#[test]
fn customers_go_from_one_company_to_another_without_a_mapping() {
    for format in ["csv", "xlsx"] {
        let (bed, other) = two("v2.0");
        bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
        let file = format!("all.{format}");
        bed.ferry(&["export", "customers", "-p", "local", "--expand", "financials", "-o", &file]).exits(0);
        let import = ["import", &file, "-p", "other", "--yes", "--json"];
        let done = bed.ferry(&import).exits(0).json();
        assert_eq!(done["counts"]["done"], 12, "{done}");
        let (one, two) = (bed.books(), other.books());
        assert_eq!((one.customers, one.sums.credit_limits), (two.customers, two.sums.credit_limits));
        for named in NAMED {
            assert_eq!(strangers(&other, named), 0, "{named:?}");
        }
        let used = "SELECT count(*) FROM customer WHERE paymentTermsId <> zeroblob(16)";
        let terms = |bed: &TestBed| open(bed).query_row(used, [], |row| row.get::<_, i64>(0)).unwrap();
        assert!(terms(&other) > 11 && terms(&other) == terms(&bed));
        let equal = bed.ferry(&["diff", "@local", "@other", "--json", "--out", "d"]);
        assert_eq!(equal.exits(0).json()["counts"]["equal"], one.customers);
        let again = bed.ferry(&import).exits(0).json();
        assert_eq!(again["counts"]["done"], 0, "{again}");
        bed.ferry(&["diff", &file, "@other", "--out", "d"]).exits(0);
    }
}

#[test]
fn ids_of_another_company_are_refused_where_no_code_stands_beside_them() {
    let (bed, other) = two("v2.0");
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    let select = "number,displayName,paymentTermsId";
    bed.ferry(&["export", "customers", "-p", "local", "--select", select, "-o", "ids.csv"]).exits(0);
    let before = other.books();
    let refused = bed.ferry(&["import", "ids.csv", "-p", "other", "--yes", "--json"]).exits(4).json();
    assert!(refused.to_string().contains("reference-unknown"), "{refused}");
    assert_eq!(other.books(), before);
}

#[test]
fn payments_go_along_by_the_numbers_of_customers_and_invoices() {
    let (bed, other) = two("v2.0");
    for profile in ["local", "other"] {
        bed.ferry(&["import", &sample("customers.csv"), "-p", profile, "--yes"]).exits(0);
    }
    let pay = "Customer No.,Document No.,Amount,Date,Invoice,Reference\n10000,P1,5.00,2026-02-02,103001,R1\n71001,P2,7.25,2026-02-02,,R2\n";
    bed.write("pay.csv", pay.as_bytes());
    bed.ferry(&["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes"]).exits(0);
    bed.ferry(&["export", "payments", "-p", "local", "--journal", "BANK", "-o", "out.csv"]).exits(0);
    let header = bed.read("out.csv");
    assert!(
        ["customerId", "journalId", "lineNumber", "appliesToInvoiceId"].iter().all(|id| header.contains(id))
    );
    let import =
        ["import", "out.csv", "-p", "other", "--journal", "MIGR", "--sign", "as-is", "--yes", "--json"];
    let done = bed.ferry(&import).exits(0).json();
    assert_eq!(done["counts"]["done"], 2, "{done}");
    assert_eq!((other.books().payments, other.books().sums.payments), (2, bed.books().sums.payments));
    let line = ["diff", "@local", "@other", "--entity", "payments", "--journal", "BANK", "--journal", "MIGR"];
    bed.ferry(&[&line[..], &["--out", "d"]].concat()).exits(0);
    let journal =
        other.record("customerPaymentJournals", "code eq 'MIGR'")["id"].as_str().unwrap().to_owned();
    let filter = format!("journalId eq {journal} and documentNumber eq 'P1'");
    let payment = other.record("customerPayments", &filter);
    let invoice = other.record("salesInvoices", "number eq '103001'");
    assert_eq!(payment["appliesToInvoiceNumber"], "103001", "{payment}");
    assert_ne!(invoice["id"], bed.record("salesInvoices", "number eq '103001'")["id"]);
    let again = bed.ferry(&import).exits(0).json();
    assert_eq!(again["counts"]["unchanged"], 2, "{again}");
}

#[test]
fn customers_go_to_an_older_dialect_with_what_it_cannot_hold_decided_on_first() {
    for dialect in ["v1.0", "beta"] {
        let (bed, other) = two(dialect);
        bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
        bed.ferry(&["export", "customers", "-p", "local", "-o", "all.csv"]).exits(0);
        let import = ["import", "all.csv", "-p", "other", "--yes", "--json"];
        let before = other.books();
        let undecided = bed.ferry(&import).exits(4).json();
        assert!(undecided.to_string().contains("creditLimit"), "{dialect}: {undecided}");
        assert_eq!(other.books(), before, "{dialect}");
        let done = bed.ferry(&[&import[..], &["--on-unsupported", "drop"]].concat()).exits(0).json();
        assert_eq!(done["counts"]["done"], 12, "{dialect}: {done}");
        let document = bed.ferry(&["diff", "@local", "@other", "--json", "--out", "d"]).exits(0).json();
        assert!(document["fields"]["only_in_a"].to_string().contains("creditLimit"), "{dialect}: {document}");
        assert_eq!(document["counts"]["equal"], bed.books().customers, "{dialect}");
    }
}
