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
fn json(bed: &TestBed, arguments: &[&str], exit: i32) -> Value {
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
    for (name, country) in [("Landmark", "germany"), ("Landless", "Germany")] {
        let body = format!(
            r#"{{"customerType":"business","displayName":"{name}","currencyCode":"USD","billingAddressCountry":"{country}"}}"#
        );
        assert_eq!(books.ask_bigcapital(Method::Post, "customers", &body).0, 201);
    }
    json(&central, &["diff", "@local", "@other", "--out", "d"], 3);
    let found = lines(&central, "d/diff.csv");
    assert!(!found.iter().any(|line| line.starts_with("Landmark|")), "{found:?}");
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
const PAYMENTS: [&str; 2] = [
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
