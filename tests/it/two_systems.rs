//! Business Central v2.0 and Bigcapital side by side: compared, and carried from one to the other.

use ledgerferry::domain::Money;
use ledgerferry::transport::Method;
use serde_json::Value;

use crate::diff::{join, lines, total};
use crate::testbed::{TestBed, sample};

/// Business Central as `local`, and Bigcapital as `other`; both strict or not.
fn two(is_strict: bool) -> (TestBed, TestBed) {
    let [central, books] = [(); 2].map(|()| TestBed::with(|options| options.strict = is_strict));
    books.write_bigcapital_project();
    join(&central, &books);
    (central, books)
}

/// Runs a command with `--json`, which ends so.
#[track_caller]
pub(crate) fn json(bed: &TestBed, arguments: &[&str], exit: i32) -> Value {
    bed.ferry(&[arguments, &["--json"]].concat()).exits(exit).json()
}

/// The same sheet in both systems.
fn two_with_the_samples(is_strict: bool) -> (TestBed, TestBed) {
    let (central, books) = two(is_strict);
    let sheet = sample("customers.xlsx");
    json(&central, &["import", &sheet, "-p", "local", "--yes"], 0);
    let import = ["import", &sheet, "-p", "other", "--yes", "--on-unsupported", "drop"];
    assert_eq!(json(&central, &import, 0)["counts"]["done"], 12);
    (central, books)
}

/// The names of the customers in the sample.
fn sample_names() -> Vec<String> {
    let text = std::fs::read_to_string(sample("customers.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let name = rows.headers().unwrap().iter().position(|heading| heading == "Display Name").unwrap();
    rows.records().map(|row| row.unwrap()[name].to_owned()).collect()
}

/// What Bigcapital's own report adds up to.
fn owed(books: &TestBed) -> Money {
    let (_, report) = books.ask_bigcapital(Method::Get, "reports/customer-balance-summary", "");
    let rows = report["data"]["customers"].as_array().unwrap();
    let amount = |row: &Value| row["total"]["amount"].to_string().parse::<Money>().unwrap();
    rows.iter().map(amount).fold(Money::ZERO, |sum, amount| sum + amount)
}

#[test]
fn a_sheet_that_went_into_both_systems_is_equal_in_what_both_can_hold() {
    for is_strict in [false, true] {
        let (central, books) = two_with_the_samples(is_strict);
        let document =
            json(&central, &["diff", "@local", "@other", "--entity", "customers", "--out", "d"], 3);
        let found = lines(&central, "d/diff.csv");
        for name in sample_names() {
            let told: Vec<_> = found.iter().filter(|line| line.starts_with(&format!("{name}|"))).collect();
            assert_eq!(told, Vec::<&String>::new());
        }
        let fields = &document["fields"];
        for name in ["number", "postalCode", "creditLimit", "paymentTerms", "blocked"] {
            assert!(fields["only_in_a"].as_array().unwrap().contains(&name.into()), "{name}: {fields}");
        }
        for name in ["note", "active", "openingBalance"] {
            assert!(fields["only_in_b"].as_array().unwrap().contains(&name.into()), "{name}: {fields}");
        }
        // One sample has two addresses, and Bigcapital holds the first.
        assert!(fields["notes"].to_string().contains("1 customer has several e-mail addresses"), "{fields}");
        let balance = total(&document, "balance");
        assert_eq!(balance["currency"], "USD");
        assert_eq!(balance["a"]["sum"].to_string(), central.books().sums.balances.to_string());
        assert_eq!(balance["b"]["sum"].to_string().parse::<Money>().unwrap(), owed(&books));
        let text = central.ferry(&["diff", "@local", "@other", "--out", "d"]).exits(3).stdout();
        assert!(text.contains("not compared, @other has no place for: number, postalCode"), "{text}");
        assert!(text.contains("Next: ferry export customers -p local -o customers-local.csv"), "{text}");
    }
}

#[test]
fn a_debt_that_did_not_come_along_is_a_difference_although_the_report_leaves_the_customer_out() {
    for is_strict in [false, true] {
        let (central, books) = two_with_the_samples(is_strict);
        let customer = central.record("customers", "number eq '10000'");
        let path = format!("customers({})", customer["id"].as_str().unwrap());
        let name = "Nobody Else Ltd.";
        central.change(&path, &format!(r#"{{"displayName":"{name}"}}"#));
        let there = format!(r#"{{"customerType":"business","displayName":"{name}","currencyCode":"USD"}}"#);
        assert_eq!(books.ask_bigcapital(Method::Post, "customers", &there).0, 201);
        let (_, report) = books.ask_bigcapital(Method::Get, "reports/customer-balance-summary", "");
        assert!(!report.to_string().contains(name), "{report}");
        central.ferry(&["diff", "@local", "@other", "--entity", "customers", "--out", "d"]).exits(3);
        let told = lines(&central, "d/diff.csv");
        let found = told.iter().find(|line| line.starts_with(&format!("{name}|balance|")));
        let found = found.unwrap_or_else(|| panic!("{told:?}"));
        assert!(!found.contains("|balance|0") && found.ends_with("|0|different"), "{found}");
    }
}

#[test]
fn differences_of_either_system_and_records_of_one_are_told_by_the_name_both_know() {
    for is_strict in [false, true] {
        let (central, books) = two_with_the_samples(is_strict);
        let id = |name: &str| {
            let (_, page) = books.ask_bigcapital(Method::Get, "customers?page=1&page_size=100", "");
            let all = page["customers"].as_array().unwrap().clone();
            all.iter().find(|customer| customer["display_name"] == name).unwrap()["id"].clone()
        };
        let change = r#"{"customerType":"business","displayName":"Kontor Lindqvist AB","workPhone":"+46 1"}"#;
        let path = format!("customers/{}", id("Kontor Lindqvist AB"));
        assert_eq!(books.ask_bigcapital(Method::Put, &path, change).0, 200);
        let there = r#"{"customerType":"individual","displayName":"Only There","currencyCode":"USD"}"#;
        assert_eq!(books.ask_bigcapital(Method::Post, "customers", there).0, 201);
        central.create("customers", r#"{"number":"ONLY","displayName":"Only Here"}"#);
        let customer = central.record("customers", "number eq '71002'");
        let path = format!("customers({})", customer["id"].as_str().unwrap());
        // What Bigcapital has no place for is no difference, whatever happens to it.
        central.change(&path, r#"{"city":"Passau","creditLimit":77.77,"blocked":"Ship"}"#);
        json(&central, &["diff", "@local", "@other", "--out", "d"], 3);
        let found = lines(&central, "d/diff.csv");
        let of = |name: &str| -> Vec<&str> {
            found.iter().map(String::as_str).filter(|line| line.starts_with(&format!("{name}|"))).collect()
        };
        let phone = central.record("customers", "number eq '71001'");
        let phone = phone["phoneNumber"].as_str().unwrap();
        assert_eq!(
            of("Kontor Lindqvist AB"),
            [format!("Kontor Lindqvist AB|phoneNumber|{phone}|+46 1|different")]
        );
        let [city] = of("Müller & Söhne GmbH")[..] else { panic!("{found:?}") };
        assert!(city.starts_with("Müller & Söhne GmbH|city|Passau|"), "{city}");
        assert_eq!(of("Only There"), ["Only There|||Only There|only-in-b"]);
        assert_eq!(of("Only Here"), ["Only Here||ONLY||only-in-a"]);
    }
}

#[test]
fn countries_are_the_same_by_code_and_by_name() {
    let (central, books) = two(false);
    central.create("customers", r#"{"number":"LAND","displayName":"Landmark","country":"DE"}"#);
    // Business Central's own table says `USA` and `Great Britain`.
    central.create("customers", r#"{"number":"LANDUS","displayName":"Landmark US","country":"US"}"#);
    central.create("customers", r#"{"number":"LANDGB","displayName":"Landmark GB","country":"GB"}"#);
    for (name, country) in [
        ("Landmark", "germany"),
        ("Landless", "Germany"),
        ("Landmark US", "United States"),
        ("Landmark GB", "United Kingdom"),
    ] {
        let body = format!(
            r#"{{"customerType":"business","displayName":"{name}","currencyCode":"USD","billingAddressCountry":"{country}"}}"#
        );
        assert_eq!(books.ask_bigcapital(Method::Post, "customers", &body).0, 201);
    }
    json(&central, &["diff", "@local", "@other", "--out", "d"], 3);
    let found = lines(&central, "d/diff.csv");
    assert!(!found.iter().any(|line| line.starts_with("Landmark")), "{found:?}");
    assert!(found.contains(&"Landless|||Landless|only-in-b".to_owned()), "{found:?}");
}

#[test]
fn namesakes_in_two_systems_are_told_apart_by_address_or_not_at_all() {
    let (central, books) = two(false);
    for (number, email) in [("T1", "one@x.example"), ("T2", "two@x.example")] {
        let body = format!(r#"{{"number":"{number}","displayName":"Twin Ltd","email":"{email}"}}"#);
        central.create("customers", &body);
    }
    for email in ["one@x.example", "three@x.example"] {
        let body = format!(
            r#"{{"customerType":"business","displayName":"TWIN  Ltd","currencyCode":"USD","email":"{email}"}}"#
        );
        assert_eq!(books.ask_bigcapital(Method::Post, "customers", &body).0, 201);
    }
    let document = json(&central, &["diff", "@local", "@other", "--out", "d"], 3);
    assert_eq!(document["counts"]["ambiguous"], 2, "{document}");
    let found = lines(&central, "d/diff.csv");
    let twins: Vec<_> = found.iter().filter(|line| line.to_lowercase().starts_with("twin")).collect();
    assert!(twins.iter().any(|line| *line == "Twin Ltd||T2||ambiguous"), "{twins:?}");
    assert!(document["next"].to_string().contains("--match"), "{document}");
}

/// The same three payments for Bigcapital and for Business Central, which have other words for the customers.
pub(crate) const PAYMENTS: [&str; 2] = [
    "Payment Number,Date,Customer,Amount,Invoice,Reference\nX-1,2026-02-02,Adatum Corporation,3200,INV-1001,R1\nX-2,2026-02-02,Trey Research,50,INV-1002,R2\nX-3,2026-02-03,School of Fine Art,100,INV-1003,R3\n",
    "Document No.,Date,Customer No.,Amount,Reference\nX-1,2026-02-02,10000,3200,R1\nX-2,2026-02-02,20000,50.25,R2\nX-4,2026-02-03,30000,100,R3\n",
];

#[test]
fn payments_of_two_systems_are_compared_by_document_and_the_name_of_the_customer() {
    for is_strict in [false, true] {
        let (central, _books) = two(is_strict);
        central.write("books.csv", PAYMENTS[0].as_bytes());
        central.write("central.csv", PAYMENTS[1].as_bytes());
        json(&central, &["import", "books.csv", "-p", "other", "--yes"], 0);
        json(&central, &["import", "central.csv", "-p", "local", "--journal", "BANK", "--yes"], 0);
        let line = ["diff", "@local", "@other", "--entity", "payments", "--journal", "BANK", "--out", "d"];
        let document = json(&central, &line, 3);
        assert_eq!(document["counts"]["equal"], 1, "{document}");
        // Business Central fills the description of a payment with the customer's name by itself.
        assert_eq!(
            lines(&central, "d/diff.csv"),
            [
                "X-2|amount|-50.25|-50|different",
                "X-4||School of Fine Art -100.00||only-in-a",
                "X-3|||School of Fine Art -100|only-in-b"
            ]
        );
        let usd = total(&document, "amount");
        assert_eq!(
            (usd["a"]["sum"].to_string(), usd["b"]["sum"].to_string()),
            ("-3350.25".into(), "-3350".into())
        );
        let fields = &document["fields"];
        assert!(fields["compared"].to_string().contains("\"customer\""), "{fields}");
        assert!(fields["notes"].to_string().contains("appliesToInvoiceNumber"), "{fields}");
    }
}

/// Payments of Bigcapital, one of which settles two invoices of its customer.
pub(crate) const RECEIVED: &str = "Payment Number,Date,Customer,Amount,Invoice,Reference,Description\nR-1,2026-02-02,Adatum Corporation,3200,INV-1001,BANK-1,part\nR-2,2026-02-02,,5750,INV-1002,BANK-2,all of it\nR-3,2026-02-03,Adatum Corporation,150,INV-1001=100; INV-1009 = 50,BANK-3,two\n";

#[test]
fn payments_of_bigcapital_are_exported_with_their_invoices_and_imported_again() {
    for is_strict in [false, true] {
        let (central, books) = two(is_strict);
        central.write("pay.csv", RECEIVED.as_bytes());
        assert_eq!(json(&central, &["import", "pay.csv", "-p", "other", "--yes"], 0)["counts"]["done"], 3);
        let due = |books: &TestBed| books.books().bigcapital.sums.due["USD"];
        let before = due(&books);
        let exported = central.ferry(&["export", "payments", "-p", "other", "-o", "out.csv"]).exits(0);
        assert!(exported.stderr().contains("read one by one"), "{}", exported.stderr());
        let text = central.read("out.csv");
        assert!(text.contains("INV-1001=100; INV-1009=50"), "{text}");
        assert!(!text.contains("customerNumber"), "{text}");
        // The same books know every payment again.
        let import = ["import", "out.csv", "-p", "other", "--sign", "as-is", "--yes"];
        let again = json(&central, &import, 0);
        assert_eq!(
            (&again["counts"]["unchanged"], &again["counts"]["done"]),
            (&3.into(), &0.into()),
            "{again}"
        );
        // Other books with the same invoices take them as the first did.
        let (third, other) = two(is_strict);
        third.write("out.csv", text.as_bytes());
        assert_eq!(json(&third, &import, 0)["counts"]["done"], 3);
        assert_eq!(due(&other), before);
        let (_, list) = other.ask_bigcapital(Method::Get, "payments-received?page=1&page_size=9", "");
        let two_invoices = list["payment_receives"].as_array().unwrap();
        let two_invoices =
            two_invoices.iter().find(|payment| payment["payment_receive_no"] == "R-3").unwrap();
        let path = format!("payments-received/{}", two_invoices["id"]);
        let (_, payment) = other.ask_bigcapital(Method::Get, &path, "");
        let entries = payment["entries"].as_array().unwrap();
        let entry = |index: usize| {
            (entries[index]["invoice"]["invoice_no"].clone(), entries[index]["payment_amount"].as_u64())
        };
        assert_eq!(
            [entry(0), entry(1)],
            [("INV-1001".into(), Some(100)), ("INV-1009".into(), Some(50))],
            "{payment}"
        );
        let quick = ["export", "payments", "-p", "other", "-o", "q.csv", "--select", "documentNumber,amount"];
        let quick = central.ferry(&quick).exits(0);
        assert!(!quick.stderr().contains("one by one"), "{}", quick.stderr());
    }
}

#[test]
fn a_payment_for_several_invoices_has_to_add_up_and_to_be_of_one_customer() {
    let (central, books) = two(false);
    central.write(
        "pay.csv",
        b"Payment Number,Date,Customer,Amount,Invoice\nS-1,2026-02-02,,150,INV-1001=100;INV-1009=60\n\
          S-2,2026-02-02,,150,INV-1001=100;INV-1002=50\nS-3,2026-02-02,,150,INV-1001=99.5;INV-1009=50.5\n\
          S-4,2026-02-02,,150,INV-1001=100;INV-9999=50\nS-5,2026-02-02,,99999999,INV-1001=1;INV-1009=99999998\n",
    );
    let refused = json(&central, &["import", "pay.csv", "-p", "other", "--yes", "--out", "run"], 4);
    assert_eq!(refused["counts"]["done"], 0, "{refused}");
    let results = central.read("run/results.csv");
    for (row, code) in [
        ("S-1", "payment-incomplete"),
        ("S-2", "invoice-of-another"),
        ("S-3", "cents"),
        ("S-4", "reference-unknown"),
        ("S-5", "invoice-closed"),
    ] {
        let line = results.lines().find(|line| line.contains(&format!(",{row},"))).unwrap();
        assert!(line.contains(code), "{row}: {line}");
    }
    assert_eq!(books.books().bigcapital.payments, 0);
}

#[test]
fn payments_of_bigcapital_arrive_in_business_central_by_the_names_of_customers() {
    for is_strict in [false, true] {
        let (central, _books) = two(is_strict);
        central.write("pay.csv", RECEIVED.as_bytes());
        json(&central, &["import", "pay.csv", "-p", "other", "--yes"], 0);
        // The invoices are not in Business Central.
        let select = "documentNumber,customerName,postingDate,amount,externalDocumentNumber,currencyCode";
        let export = ["export", "payments", "-p", "other", "-o", "out.csv", "--select", select];
        central.ferry(&export).exits(0);
        let import = ["import", "out.csv", "-p", "local", "--journal", "BANK", "--sign", "as-is", "--yes"];
        assert_eq!(json(&central, &import, 0)["counts"]["done"], 3);
        let payment = central.record("customerPayments", "documentNumber eq 'R-1'");
        assert!(payment.is_null() || payment["customerNumber"] == "10000", "{payment}");
        let sums = central.books().sums.payments;
        assert_eq!(sums.values().copied().fold(Money::ZERO, |all, sum| all + sum), Money::from(-9100));
        assert_eq!(json(&central, &import, 0)["counts"]["unchanged"], 3);
        let line = ["diff", "@local", "@other", "--entity", "payments", "--journal", "BANK", "--out", "d"];
        let document = json(&central, &line, 3);
        assert_eq!(document["counts"]["different"], 3, "descriptions stayed behind: {document}");
        assert!(lines(&central, "d/diff.csv").iter().all(|line| line.contains("|description|")));
    }
}

#[test]
fn a_name_that_several_carry_or_nobody_and_another_currency_are_told_before_anything_is_sent() {
    let (central, _books) = two(false);
    for number in ["T1", "T2"] {
        central.create("customers", &format!(r#"{{"number":"{number}","displayName":"Twin Ltd"}}"#));
    }
    central.write(
        "pay.csv",
        b"Document No.,Customer Name,Customer No.,Amount,Date,Currency\nN-1,twin  LTD,,5,2026-02-02,\n\
          N-2,Nobody,,5,2026-02-02,\nN-3,Nobody,10000,5,2026-02-02,USD\nN-4,adatum corporation,,5,2026-02-02,EUR\n\
          N-5,Adatum  Corporation,,5,2026-02-02,usd\n",
    );
    let import =
        ["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes", "--skip-rejects", "--out", "run"];
    let done = json(&central, &import, 3);
    assert_eq!(done["counts"]["done"], 2, "{done}");
    let results = central.read("run/results.csv");
    for (row, code) in [("N-1", "ambiguous"), ("N-2", "customer-unknown"), ("N-4", "other-currency")] {
        let line = results.lines().find(|line| line.contains(&format!(",{row},"))).unwrap();
        assert!(line.contains(code), "{row}: {line}");
    }
    assert_eq!(central.books().payments, 2);
}

#[test]
fn customers_go_from_business_central_to_bigcapital_and_back_without_a_mapping() {
    for is_strict in [false, true] {
        let (central, books) = two(is_strict);
        json(&central, &["import", &sample("customers.csv"), "-p", "local", "--yes"], 0);
        central.ferry(&["export", "customers", "-p", "local", "-o", "all.csv"]).exits(0);
        let import = ["import", "all.csv", "-p", "other", "--yes", "--on-unsupported", "drop"];
        json(&central, &import, 0);
        let again = json(&central, &import, 0);
        assert_eq!(again["counts"]["done"], 0, "{again}");
        let names = |document: &Value| document["counts"]["only-in-a"].clone();
        assert_eq!(names(&json(&central, &["diff", "@local", "@other", "--out", "d"], 3)), 0);
        // Payments name the customers by the numbers that the export carried.
        central.write(
            "pay.csv",
            b"Document No.,Customer No.,Amount,Date,Invoice\nB-1,10000,5,2026-02-02,INV-1001\n",
        );
        assert_eq!(json(&central, &["import", "pay.csv", "-p", "other", "--yes"], 0)["counts"]["done"], 1);
        // Back: what somebody has added there gets a number of Business Central's own.
        for there in [
            r#"{"customerType":"individual","displayName":"Only There","currencyCode":"USD","billingAddressCountry":"germany","billingAddressCity":"Ulm"}"#,
            r#"{"customerType":"business","displayName":"Sunken Ltd","currencyCode":"USD","billingAddressCountry":"Atlantis"}"#,
        ] {
            assert_eq!(books.ask_bigcapital(Method::Post, "customers", there).0, 201);
        }
        central.ferry(&["export", "customers", "-p", "other", "-o", "back.csv"]).exits(0);
        let back = ["import", "back.csv", "-p", "local", "--yes", "--skip-rejects", "--out", "back"];
        let before = central.books().customers;
        let done = json(&central, &back, 3);
        // A country that nobody knows; the United Kingdom is known, though Business Central calls it Great Britain.
        assert_eq!(done["counts"]["rejected"], 1, "{done}");
        assert!(central.read("back/results.csv").contains("reference-unknown"));
        assert_eq!(central.books().customers, before + 2);
        let made = central.record("customers", "displayName eq 'Only There'");
        assert_eq!((&made["country"], &made["type"]), (&"DE".into(), &"Person".into()), "{made}");
        assert!(!made["number"].as_str().unwrap().is_empty(), "{made}");
        json(&central, &["diff", "@local", "@other", "--out", "d"], 3);
        let left: Vec<_> = lines(&central, "d/diff.csv");
        let is_known = |line: &&String| line.contains("|balance|") || line.ends_with("|Sunken Ltd|only-in-b");
        assert!(left.iter().all(|line| is_known(&line)), "{left:?}");
    }
}

#[test]
fn opening_balances_are_counted_from_the_file_to_the_books() {
    let (central, _books) = two(false);
    central.write(
        "open.csv",
        b"Name,Currency,Opening Balance,Opening Balance Date\nOne,USD,10.25,2026-01-01\nTwo,EUR,-3.50,2026-01-01\nThree,USD,,\n",
    );
    let import = ["import", "open.csv", "-p", "other", "--yes", "--out", "run"];
    json(&central, &import, 0);
    let totals: Value = serde_json::from_str(&central.read("run/totals.json")).unwrap();
    assert_eq!(totals["amounts"], "opening balances");
    let of = |totals: &Value, currency: &str, part: &str| {
        let lines = totals["totals"].as_array().unwrap();
        let line = lines.iter().find(|line| line["currency"] == currency).unwrap();
        (line[part]["count"].as_i64().unwrap(), line[part]["sum"].to_string())
    };
    for (currency, sum) in [("", "10.25"), ("EUR", "-3.5")] {
        for part in ["file", "planned", "acknowledged"] {
            let (count, found) = of(&totals, currency, part);
            assert_eq!((count, found.trim_end_matches('0')), (1, sum), "{currency} {part}");
        }
    }
    let reconciled = json(&central, &["reconcile", "run", "-p", "other"], 0);
    assert!(reconciled.to_string().contains("10.25"), "{reconciled}");
    let again = json(&central, &[&import[..6], &["again"]].concat(), 0);
    assert_eq!(again["counts"]["unchanged"], 3, "{again}");
}
