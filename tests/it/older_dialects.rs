//! Bigcapital beside the older dialects of Business Central: compared, and carried over as far as they can hold it.

use ledgerferry::domain::Money;
use ledgerferry::transport::Method;
use serde_json::Value;

use crate::diff::{join, lines, total};
use crate::diff_money::both_ways;
use crate::testbed::TestBed;
use crate::two_systems::{PAYMENTS, RECEIVED, json};

/// Every older dialect, each in default and in strict behaviour.
const EACH: [(&str, bool); 4] = [("v1.0", false), ("v1.0", true), ("beta", false), ("beta", true)];

/// Business Central in this dialect as `local`, and Bigcapital as `other`.
fn two((dialect, is_strict): (&str, bool)) -> (TestBed, TestBed) {
    let [central, books] = [(); 2].map(|()| TestBed::with(|options| options.strict = is_strict));
    central.write_project_in(dialect, "");
    books.write_bigcapital_project();
    join(&central, &books);
    (central, books)
}

#[test]
fn payments_of_bigcapital_and_of_an_older_dialect_are_compared_by_document_and_customer() {
    for each in EACH {
        let (central, _books) = two(each);
        central.write("books.csv", PAYMENTS[0].as_bytes());
        central.write("central.csv", PAYMENTS[1].as_bytes());
        json(&central, &["import", "books.csv", "-p", "other", "--yes"], 0);
        json(&central, &["import", "central.csv", "-p", "local", "--journal", "BANK", "--yes"], 0);
        let more = ["--entity", "payments", "--journal", "BANK"];
        let (document, found) = both_ways(&central, ["@local", "@other"], &more, 3);
        assert_eq!(
            found,
            [
                "X-2|amount|-50.25|-50|different",
                "X-4||School of Fine Art -100.00||only-in-a",
                "X-3|||School of Fine Art -100|only-in-b"
            ],
            "{each:?}"
        );
        assert_eq!(document["counts"]["equal"], 1, "{each:?}: {document}");
        let usd = total(&document, "amount");
        let sums = [&usd["a"]["sum"], &usd["b"]["sum"]].map(Value::to_string);
        assert_eq!((usd["currency"].as_str(), sums), (Some("USD"), ["-3350.25".into(), "-3350".into()]));
    }
}

#[test]
fn a_file_of_payments_is_compared_with_an_older_dialect_whichever_is_named_first() {
    for each in EACH {
        let (central, _books) = two(each);
        let head = "Document No.,Date,Customer No.,Amount\n";
        central.write(
            "pay.csv",
            format!("{head}F-1,2026-02-02,10000,5.00\nF-2,2026-02-02,20000,7.00\n").as_bytes(),
        );
        json(&central, &["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes"], 0);
        both_ways(&central, ["pay.csv", "@local"], &["--journal", "BANK"], 0);
        central.write(
            "pay.csv",
            format!("{head}F-1,2026-02-02,10000,5.00\nF-2,2026-02-02,20000,7.01\n").as_bytes(),
        );
        let (_, found) = both_ways(&central, ["pay.csv", "@local"], &["--journal", "BANK"], 3);
        assert_eq!(found, ["F-2|amount|-7.01|-7.00|different"], "{each:?}");
    }
}

#[test]
fn customers_go_from_bigcapital_to_an_older_dialect_and_are_equal_there() {
    for each in EACH {
        let (central, books) = two(each);
        for body in [
            r#"{"customerType":"individual","displayName":"Only There","currencyCode":"EUR","email":"o@there.example","billingAddressCountry":"germany","billingAddressCity":"Ulm","billingAddress1":"Weg 1","workPhone":"+49 1"}"#,
            r#"{"customerType":"business","displayName":"Also There","currencyCode":"USD"}"#,
            r#"{"customerType":"business","displayName":"Sunken Ltd","currencyCode":"USD","billingAddressCountry":"Atlantis"}"#,
        ] {
            assert_eq!(books.ask_bigcapital(Method::Post, "customers", body).0, 201);
        }
        central.ferry(&["export", "customers", "-p", "other", "-o", "all.csv"]).exits(0);
        let import = ["import", "all.csv", "-p", "local", "--yes", "--skip-rejects", "--out", "run"];
        let import = [&import[..], &["--on-unsupported", "drop"]].concat();
        let before = central.books().customers;
        let done = json(&central, &import, 3);
        // A country that nobody knows.
        assert_eq!(
            (&done["counts"]["rejected"], &done["counts"]["done"]),
            (&1.into(), &10.into()),
            "{each:?}"
        );
        assert_eq!(central.read("run/results.csv").matches("reference-unknown").count(), 1, "{each:?}");
        // `Fabrikam, Inc.` is in Bigcapital from the start.
        assert_eq!(central.books().customers, before + 3, "{each:?}");
        let (_, found) = both_ways(&central, ["@local", "@other"], &["--entity", "customers"], 3);
        // Blank cells keep what is there: of a customer that both had, what was filled is now the same.
        let is_same = |line: &&String| {
            !["country", "email", "currencyCode"].iter().any(|field| line.contains(&format!("|{field}|")))
        };
        for name in ["Alpine Ski House", "Relecloud", "Wingtip Toys"] {
            let mut told = found.iter().filter(|line| line.starts_with(&format!("{name}|")));
            assert!(told.all(|line| is_same(&line)), "{each:?}: {found:?}");
        }
        assert!(!found.iter().any(|line| line.contains(" There|")), "{each:?}: {found:?}");
        let made = central.record("customers", "displayName eq 'Only There'");
        assert_eq!((&made["country"], &made["currencyCode"]), (&"DE".into(), &"EUR".into()), "{made}");
    }
}

#[test]
fn customers_of_an_older_dialect_go_to_bigcapital_and_are_equal_there() {
    for each in EACH {
        let (central, books) = two(each);
        let file = "Number,Display Name,Type,Address,City,Country,E-Mail,Phone,Currency\n\
                    N1,New One,Company,Weg 1,Ulm,DE,one@new.example,+49 1,EUR\nN2,New Two,Person,,,,,,\n";
        central.write("new.csv", file.as_bytes());
        json(&central, &["import", "new.csv", "-p", "local", "--yes"], 0);
        central.ferry(&["export", "customers", "-p", "local", "-o", "all.csv"]).exits(0);
        let import = ["import", "all.csv", "-p", "other", "--yes", "--on-unsupported", "drop"];
        json(&central, &import, 0);
        assert_eq!(json(&central, &import, 0)["counts"]["done"], 0, "{each:?}");
        let (document, found) = both_ways(&central, ["@local", "@other"], &["--entity", "customers"], 3);
        assert_eq!(document["counts"]["only-in-a"], 0, "{each:?}: {document}");
        assert!(!found.iter().any(|line| line.starts_with("New ")), "{each:?}: {found:?}");
        let (_, list) = books.ask_bigcapital(Method::Get, "customers?page=1&page_size=1000", "");
        let all = list["customers"].as_array().unwrap();
        let one = all.iter().find(|customer| customer["display_name"] == "New One").unwrap();
        assert_eq!((&one["currency_code"], &one["billing_address_city"]), (&"EUR".into(), &"Ulm".into()));
    }
}

#[test]
fn payments_of_bigcapital_arrive_in_an_older_dialect_by_the_names_of_customers() {
    for each in EACH {
        let (central, _books) = two(each);
        central.write("pay.csv", RECEIVED.as_bytes());
        json(&central, &["import", "pay.csv", "-p", "other", "--yes"], 0);
        // A payment there is for one invoice: what settles several is told, and nothing is written.
        central.ferry(&["export", "payments", "-p", "other", "-o", "whole.csv"]).exits(0);
        let whole = ["import", "whole.csv", "-p", "local", "--journal", "BANK", "--sign", "as-is", "--yes"];
        let whole = [&whole[..], &["--on-unsupported", "drop", "--out", "whole"]].concat();
        let refused = json(&central, &whole, 4);
        assert_eq!(refused["counts"]["done"], 0, "{each:?}: {refused}");
        let told = central.read("whole/results.csv");
        assert!(told.contains("R-3,reject,rejected,,too-long"), "{each:?}: {told}");
        // Without the invoices every payment arrives.
        let select =
            "documentNumber,customerName,postingDate,amount,externalDocumentNumber,description,currencyCode";
        let export = ["export", "payments", "-p", "other", "-o", "out.csv", "--select", select];
        central.ferry(&export).exits(0);
        let import = ["import", "out.csv", "-p", "local", "--journal", "BANK", "--sign", "as-is", "--yes"];
        assert_eq!(json(&central, &import, 0)["counts"]["done"], 3, "{each:?}");
        let sums = central.books().sums.payments;
        let sum = sums.values().copied().fold(Money::ZERO, |all, sum| all + sum);
        assert_eq!(sum, Money::from(-9100), "{each:?}");
        assert_eq!(json(&central, &import, 0)["counts"]["unchanged"], 3, "{each:?}");
        let more = ["--entity", "payments", "--journal", "BANK"];
        let (_, found) = both_ways(&central, ["@local", "@other"], &more, 0);
        assert_eq!(found, Vec::<String>::new(), "{each:?}");
    }
}

#[test]
fn payments_of_an_older_dialect_arrive_in_bigcapital_for_the_invoices_that_both_have() {
    for each in EACH {
        let (central, books) = two(each);
        // The opening invoices came along under the numbers they had.
        for (customer, number) in [(1, "103001"), (2, "103002")] {
            let body = format!(
                r#"{{"customerId":{customer},"invoiceNo":"MIG-{number}","invoiceDate":"2026-01-12","dueDate":"2026-02-11",
                    "delivered":true,"entries":[{{"index":1,"itemId":1000,"rate":100,"quantity":5}}]}}"#
            );
            assert_eq!(books.ask_bigcapital(Method::Post, "sale-invoices", &body).0, 201);
        }
        let file =
            "Document No.,Date,Customer No.,Amount\nG-1,2026-02-02,10000,50\nG-2,2026-02-02,20000,70\n";
        central.write("pay.csv", file.as_bytes());
        json(&central, &["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes"], 0);
        central.ferry(&["export", "customers", "-p", "local", "-o", "all.csv"]).exits(0);
        let customers = ["import", "all.csv", "-p", "other", "--yes", "--on-unsupported", "drop"];
        json(&central, &customers, 0);
        central.ferry(&["export", "payments", "-p", "local", "--journal", "BANK", "-o", "out.csv"]).exits(0);
        let import = ["import", "out.csv", "-p", "other", "--sign", "as-is", "--yes"];
        let import = [&import[..], &["--on-unsupported", "drop", "--out", "run"]].concat();
        // A payment without an invoice is none of Bigcapital's.
        let refused = json(&central, &import, 4);
        assert_eq!(refused["counts"]["done"], 0, "{each:?}: {refused}");
        assert_eq!(books.books().bigcapital.payments, 0);
        // Once somebody has said which, they arrive, with the customers known by the numbers of the export.
        let named = add_invoices(&central.read("out.csv"), &[("G-1", "MIG-103001"), ("G-2", "MIG-103002")]);
        central.write("named.csv", named.as_bytes());
        let import = ["import", "named.csv", "-p", "other", "--sign", "as-is", "--yes"];
        let import = [&import[..], &["--on-unsupported", "drop", "--out", "again"]].concat();
        assert_eq!(json(&central, &import, 0)["counts"]["done"], 2, "{each:?}");
        let more = ["--entity", "payments", "--journal", "BANK"];
        let (document, _) = both_ways(&central, ["@local", "@other"], &more, 0);
        assert_eq!(
            document["counts"]["equal"],
            2,
            "{each:?}: {document} {:?}",
            lines(&central, "forth/diff.csv")
        );
    }
}

/// The file with the numbers of the invoices in the column for them.
fn add_invoices(file: &str, invoices: &[(&str, &str)]) -> String {
    const INVOICE: &str = "appliesToInvoiceNumber";
    let mut rows = csv::Reader::from_reader(file.as_bytes());
    let headings: Vec<String> = rows.headers().unwrap().iter().map(str::to_owned).collect();
    let document = headings.iter().position(|heading| heading == "documentNumber").unwrap();
    let invoice = headings.iter().position(|heading| heading == INVOICE).unwrap();
    let mut told = csv::Writer::from_writer(Vec::new());
    told.write_record(&headings).unwrap();
    for row in rows.records() {
        let row = row.unwrap();
        let number = invoices.iter().find(|(known, _)| *known == &row[document]).map(|(_, number)| *number);
        let cells =
            row.iter().enumerate().map(|(place, cell)| if place == invoice { number.unwrap() } else { cell });
        told.write_record(cells).unwrap();
    }
    String::from_utf8(told.into_inner().unwrap()).unwrap()
}
