//! Customers of Bigcapital, in which others work too, judged by its books.

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::actions::result_of;
use crate::bigcapital::{SEEDED, bed, counts};
use crate::relay::{Answer, Ask, Manners, Way};
use crate::testbed::TestBed;

const LOCAL: [&str; 2] = ["-p", "local"];

fn customer(bed: &TestBed, id: u64) -> Value {
    bed.ask_bigcapital(Method::Get, &format!("customers/{id}"), "").1
}

/// Changes a customer as somebody else would.
fn change(bed: &TestBed, id: u64, name: &str, more: &str) {
    let body = format!(r#"{{"customerType":"business","displayName":"{name}",{more}}}"#);
    let (status, said) = bed.ask_bigcapital(Method::Put, &format!("customers/{id}"), &body);
    assert_eq!(status, 200, "{said}");
}

/// Three new customers, by the run `run`.
fn with_new(bed: &TestBed) {
    bed.write("new.csv", b"name,city\nOne,Ulm\nTwo,Bonn\nThree,Kiel\n");
    counts(bed, &["import", "new.csv", "--yes", "--out", "run"], 0, &[("done", 3)]);
}

#[test]
fn a_customer_in_whom_somebody_has_worked_since_is_named_and_left_alone() {
    let bed = bed(false, "");
    with_new(&bed);
    change(&bed, SEEDED + 1, "One", r#""note":"asked for terms""#);
    bed.ask_bigcapital(Method::Patch, &format!("contacts/{}/inactivate", SEEDED + 2), "");
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(3);
    assert_eq!(bed.books().bigcapital.customers, SEEDED + 2);
    assert_eq!(customer(&bed, SEEDED + 1)["note"], "asked for terms");
    let results = bed.read("back/results.csv");
    assert!(
        results.contains("changed since: note") && results.contains("changed since: active"),
        "{results}"
    );
    assert_eq!(result_of(&bed, "back/results.csv", "Three").0, "delete done");
    // Who insists may delete them all the same.
    let insist = ["undo", "run", "-p", "local", "--yes", "--on-conflict", "ours"];
    bed.ferry(&insist).exits(0);
    assert_eq!(bed.books().bigcapital.customers, SEEDED);
}

#[test]
fn a_customer_who_has_got_an_invoice_since_is_told_with_what_can_be_done() {
    let bed = bed(false, "");
    with_new(&bed);
    let invoice = format!(
        r#"{{"customerId":{},"invoiceDate":"2026-02-01","dueDate":"2026-03-01","delivered":true,
            "entries":[{{"index":1,"itemId":1000,"rate":10,"quantity":1}}]}}"#,
        SEEDED + 2
    );
    assert_eq!(bed.ask_bigcapital(Method::Post, "sale-invoices", &invoice).0, 201);
    bed.ferry(&["undo", "run", "-p", "local", "--yes", "--out", "back"]).exits(3);
    assert_eq!(bed.books().bigcapital.customers, SEEDED + 1);
    let results = bed.read("back/results.csv");
    assert!(results.contains("who has invoices") && results.contains("set `active` to false"), "{results}");
}

#[test]
fn a_plan_whose_records_have_moved_is_refused_before_anything_is_written() {
    let bed = bed(false, "");
    bed.write("changes.csv", b"name,note\nTrey Research,ours\nRelecloud,ours\n");
    bed.ferry(&["plan", "changes.csv", "-p", "local", "--out", "run"]).exits(0);
    change(&bed, 2, "Trey Research", r#""note":"theirs""#);
    let told = bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(8).stderr();
    assert!(told.contains("`note` is now `theirs` and was ``"), "{told}");
    assert_eq!((&customer(&bed, 2)["note"], &customer(&bed, 5)["note"]), (&"theirs".into(), &Value::Null));
    let stale = bed.read("run/stale.csv");
    assert!(stale.lines().count() == 2 && stale.contains("Trey Research"), "{stale}");
    // Another field of the record is no reason; what is sent along with a change is one.
    change(&bed, 2, "Trey Research", r#""note":null,"website":"https://trey.example""#);
    bed.ferry(&["plan", "changes.csv", "-p", "local", "--out", "second"]).exits(0);
    change(&bed, 2, "Trey Research", r#""personalPhone":"555""#);
    bed.ferry(&["apply", "second", "-p", "local", "--yes"]).exits(0);
    assert_eq!(customer(&bed, 2)["note"], "ours");
    bed.write("more.csv", b"name,note\nTrey Research,more\n");
    bed.ferry(&["plan", "more.csv", "-p", "local", "--out", "third"]).exits(0);
    change(&bed, 2, "Trey & Co", r#""note":"ours""#);
    let told = bed.ferry(&["apply", "third", "-p", "local", "--yes"]).exits(8).stderr();
    assert!(told.contains("`displayName` is now `Trey & Co`"), "{told}");
}

#[test]
fn a_record_that_moves_in_the_last_moment_is_still_a_conflict() {
    let bed = bed(false, "");
    bed.write("changes.csv", b"name,note\nTrey Research,ours\n");
    bed.ferry(&["plan", "changes.csv", "-p", "local", "--out", "run"]).exits(0);
    change(&bed, 2, "Trey Research", r#""note":"theirs""#);
    bed.ferry(&["apply", "run", "-p", "local", "--yes", "--allow-stale"]).exits(3);
    assert_eq!(customer(&bed, 2)["note"], "theirs");
}

#[test]
fn a_change_of_country_clears_nothing_and_says_so() {
    let bed = bed(false, "");
    change(&bed, 2, "Trey Research", r#""billingAddressCity":"Ulm","billingAddressState":"BW""#);
    bed.write("moved.csv", b"name,country\nTrey Research,Austria\n");
    counts(&bed, &["import", "moved.csv", "--yes", "--max-clears", "0", "--out", "run"], 0, &[("done", 1)]);
    let moved = customer(&bed, 2);
    assert_eq!(
        (&moved["billing_address_country"], &moved["billing_address_city"]),
        (&"Austria".into(), &"Ulm".into())
    );
    let results = bed.read("run/results.csv");
    assert!(!results.contains("city"), "{results}");
    bed.ferry(&["undo", "run", "-p", "local", "--yes"]).exits(0);
    let back = customer(&bed, 2);
    assert_eq!(
        (&back["billing_address_country"], &back["billing_address_city"]),
        (&"United States".into(), &"Ulm".into())
    );
}

#[test]
fn a_sheet_that_names_companies_alone_makes_customers_of_that_name() {
    let bed = bed(false, "");
    for (file, heading) in [("a.csv", "Company Name"), ("b.csv", "Company")] {
        bed.write(file, format!("{heading},Email\nNew {file},new@{file}.example\n").as_bytes());
        counts(&bed, &["import", file, "--yes"], 0, &[("done", 1)]);
        counts(&bed, &["import", file, "--yes"], 0, &[("done", 0), ("unchanged", 1)]);
    }
    let made = customer(&bed, SEEDED + 1);
    assert_eq!((&made["display_name"], &made["company_name"]), (&"New a.csv".into(), &"New a.csv".into()));
    // A name of its own goes first.
    bed.write("c.csv", b"Name,Company Name\nShop,Holding\n");
    counts(&bed, &["import", "c.csv", "--yes"], 0, &[("done", 1)]);
    let made = customer(&bed, SEEDED + 3);
    assert_eq!((&made["display_name"], &made["company_name"]), (&"Shop".into(), &"Holding".into()));
}

#[test]
fn the_noise_of_binary_numbers_stops_nothing() {
    let bed = bed(true, "");
    let new = r#"{"customerType":"business","displayName":"Noise","currencyCode":"USD","openingBalance":0.3,
        "openingBalanceAt":"2026-01-01"}"#;
    assert_eq!(bed.ask_bigcapital(Method::Post, "customers", new).0, 201);
    for (number, amount) in [("N-1", "0.1"), ("N-2", "0.2")] {
        let journal = format!(
            r#"{{"date":"2026-01-02","journalNumber":"{number}","publish":true,"currencyCode":"USD",
                "entries":[{{"index":1,"accountId":1000,"debit":{amount},"credit":0}},
                    {{"index":2,"accountId":1006,"debit":0,"credit":{amount},"contactId":{}}}]}}"#,
            SEEDED + 1
        );
        let (status, said) = bed.ask_bigcapital(Method::Post, "manual-journals", &journal);
        assert_eq!(status, 201, "{said}");
    }
    let report = bed.ask_bigcapital(Method::Get, "reports/customer-balance-summary", "").1;
    assert!(report["data"].to_string().contains("e-1"), "{report}");
    bed.ferry(&["export", "financials", "-p", "local", "-o", "owed.csv"]).exits(0);
    assert!(bed.read("owed.csv").contains("Noise,0,USD"), "{}", bed.read("owed.csv"));
}

const SEVERAL: &[u8] = b"name,email\nOne,a@one.example; b@one.example\nTwo,a@two.example;\n";

#[test]
fn an_address_beside_the_first_is_left_out_only_when_somebody_has_decided_so() {
    let bed = bed(false, "");
    bed.write("rows.csv", SEVERAL);
    let import = ["import", "rows.csv", "-p", "local", "--yes"];
    let told = bed.ferry(&import).exits(4).stderr();
    assert!(
        told.contains("`email: all but the first` (1 value)") && told.contains("--on-unsupported"),
        "{told}"
    );
    let rejecting = ["--on-unsupported", "reject", "--skip-rejects", "--out", "run"];
    bed.ferry(&[&import[..], &rejecting].concat()).exits(3);
    let rejects = bed.read("run/rejects.csv");
    assert!(rejects.contains("a@one.example") && rejects.contains("unsupported"), "{rejects}");
    assert_eq!(customer(&bed, SEEDED + 1)["email"], "a@two.example");
    bed.ferry(&[&import[..], &["--on-unsupported", "drop"]].concat()).exits(0);
    assert_eq!(customer(&bed, SEEDED + 2)["email"], "a@one.example");
    assert_eq!(bed.books().bigcapital.customers, SEEDED + 2);
}

/// A server that will not show one customer.
struct Shy;

impl Manners for Shy {
    fn meet(&self, _number: u64, ask: &Ask) -> Way {
        if ask.method != "GET" || !ask.path.ends_with("/customers/2") {
            return Way::Forward;
        }
        let body = r#"{"statusCode":409,"message":"Conflict"}"#.into();
        Way::Reply(
            Answer { status: 409, headers: Vec::new(), body }.header("content-type", "application/json"),
        )
    }
}

#[test]
fn a_change_that_was_never_sent_is_refused_and_nobody_is_asked_to_look_for_it() {
    let bed = bed(false, "");
    bed.write("changes.csv", b"name,note\nTrey Research,ours\nRelecloud,ours\n");
    let _relay = bed.through(Shy);
    bed.ferry(&[&["import", "changes.csv", "--yes", "--out", "run"], &LOCAL[..]].concat()).exits(3);
    let (result, code) = result_of(&bed, "run/results.csv", "Trey Research");
    assert_eq!((result.as_str(), code.as_str()), ("update refused", "unseen"));
    assert_eq!((&customer(&bed, 2)["note"], &customer(&bed, 5)["note"]), (&Value::Null, &"ours".into()));
}
