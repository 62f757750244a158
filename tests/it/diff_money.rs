//! What `ferry diff` says of amounts: the same whichever side is named first, and each in its own currency.

use ledgerferry::transport::Method;
use serde_json::{Value, json};

use crate::diff::{join, lines};
use crate::testbed::TestBed;

/// Business Central as `local`, and Bigcapital as `other`.
fn two() -> (TestBed, TestBed) {
    let (central, books) = (TestBed::new(), TestBed::new());
    books.write_bigcapital_project();
    join(&central, &books);
    (central, books)
}

/// A bed with Bigcapital alone, as `local`.
fn books() -> TestBed {
    let books = TestBed::new();
    books.write_bigcapital_project();
    books
}

/// Compares both ways; what the second comparison says has to be the first one's, with the sides swapped.
#[track_caller]
pub(crate) fn both_ways(bed: &TestBed, [a, b]: [&str; 2], more: &[&str], exit: i32) -> (Value, Vec<String>) {
    let diff = |a: &str, b: &str, out: &str| {
        let line = [&["diff", a, b, "--json", "--out", out], more].concat();
        let document = bed.ferry(&line).exits(exit).json();
        (document, lines(bed, &format!("{out}/diff.csv")))
    };
    let (document, found) = diff(a, b, "forth");
    let (mirrored, back) = diff(b, a, "back");
    let turned = |line: &String| {
        let [key, field, a, b, kind] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let kind = match kind {
            "only-in-a" => "only-in-b",
            "only-in-b" => "only-in-a",
            kind => kind,
        };
        [key, field, b, a, kind].join("|")
    };
    let mut turned: Vec<_> = back.iter().map(turned).collect();
    turned.sort();
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(sorted, turned);
    assert_eq!(document["counts"]["equal"], mirrored["counts"]["equal"]);
    for (forth, back) in [("a", "b"), ("b", "a")] {
        let sums = |document: &Value, side: &str| -> Vec<Value> {
            let totals = document["totals"].as_array().unwrap().iter();
            totals.map(|total| json!([total["amount"], total["currency"], total[side]])).collect()
        };
        assert_eq!(sums(&document, forth), sums(&mirrored, back));
    }
    (document, found)
}

/// What one side adds up to: the currency, and the sum.
fn sums(document: &Value, amount: &str, side: &str) -> Vec<(String, String)> {
    let totals = document["totals"].as_array().unwrap().iter().filter(|total| total["amount"] == amount);
    let sum =
        |total: &Value| (total["currency"].as_str().unwrap().to_owned(), total[side]["sum"].to_string());
    totals.map(sum).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

/// A payment in Bigcapital as its own pages make it, whose amount has more decimals than a file may have.
#[track_caller]
fn receive(books: &TestBed, number: &str, customer: u32, (amount, part): (&str, u32), invoice: u32) {
    let body = format!(
        r#"{{"customerId":{customer},"paymentDate":"2026-02-02","depositAccountId":1000,"paymentReceiveNo":"{number}",
            "amount":{amount},"entries":[{{"index":1,"invoiceId":{invoice},"paymentAmount":{part}}}]}}"#
    );
    let (status, said) = books.ask_bigcapital(Method::Post, "payments-received", &body);
    assert_eq!(status, 201, "{said}");
}

#[test]
fn two_systems_that_round_differently_agree_whichever_is_named_first() {
    let (central, books) = two();
    receive(&books, "X-1", 1, ("50.505", 50), 1);
    receive(&books, "X-2", 1, ("20.504", 20), 1);
    let file =
        "Document No.,Date,Customer No.,Amount\nX-1,2026-02-02,10000,50.51\nX-2,2026-02-02,10000,20.51\n";
    central.write("pay.csv", file.as_bytes());
    central.ferry(&["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes"]).exits(0);
    let (_, found) =
        both_ways(&central, ["@local", "@other"], &["--entity", "payments", "--journal", "BANK"], 3);
    assert_eq!(found, ["X-2|amount|-20.51|-20.504|different"]);
}

#[test]
fn a_file_is_compared_as_it_says_and_as_the_target_rounds_it() {
    let bed = TestBed::new();
    let head = "Document No.,Date,Customer No.,Amount\n";
    let rows = |first: &str, second: &str| {
        format!("{head}X-1,2026-02-02,10000,{first}\nX-2,2026-02-02,10000,{second}\n")
    };
    bed.write("pay.csv", rows("50.51", "20.50").as_bytes());
    bed.ferry(&["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes"]).exits(0);
    // What the target makes of the file's digits is what it holds; of a digit that it does not have it is not.
    bed.write("fine.csv", rows("50.505", "20.504").as_bytes());
    let (_, found) = both_ways(&bed, ["fine.csv", "@local"], &["--journal", "BANK"], 0);
    assert_eq!(found, Vec::<String>::new());
    // No file makes anything of what another one says.
    let (_, found) = both_ways(&bed, ["fine.csv", "pay.csv"], &[], 3);
    assert_eq!(found, ["X-1|amount|-50.505|-50.51|different", "X-2|amount|-20.504|-20.50|different"]);
    // A currency without decimals: the same number, however it is written.
    bed.write("whole.csv", rows("50.510", "20.5").as_bytes());
    both_ways(&bed, ["whole.csv", "pay.csv"], &[], 0);
}

#[test]
fn a_files_payments_are_added_up_in_the_currencies_they_are_in() {
    let bed = books();
    // By what the row says, by its customer, by its invoice, and of unknown ones in the company's own.
    let file = "Payment Number,Date,Customer,Amount,Invoice,Currency\n\
                C-1,2026-02-02,,100,INV-1006,GBP\nC-2,2026-02-02,alpine ski house,200,,\n\
                C-3,2026-02-02,,300,inv-1012=100; INV-1004=200,\nC-4,2026-02-02,Nobody,400,,\n\
                C-5,2026-02-02,Adatum Corporation,500,INV-1001,\n";
    bed.write("pay.csv", file.as_bytes());
    let (document, _) = both_ways(&bed, ["pay.csv", "@local"], &[], 3);
    let expected = owned(&[("EUR", "-500"), ("GBP", "-100"), ("USD", "-900")]);
    assert_eq!(sums(&document, "amount", "a"), expected, "{document}");
    // Where a payment is there already, its own currency counts.
    receive(&bed, "C-4", 8, ("400", 400), 8);
    let (document, _) = both_ways(&bed, ["pay.csv", "@local"], &[], 3);
    let expected = owned(&[("CAD", "-400"), ("EUR", "-500"), ("GBP", "-100"), ("USD", "-500")]);
    assert_eq!(sums(&document, "amount", "a"), expected, "{document}");
}

#[test]
fn a_files_payments_are_in_the_currencies_of_their_invoices_in_business_central_too() {
    let bed = TestBed::new();
    // Invoices of a customer in euros and of one in the company's currency, and one that nobody knows.
    let file = "Document,Date,Invoice,Amount\nE-1,2026-02-02,103013,100\nE-2,2026-02-02,103001,200\n\
                E-3,2026-02-02,103013,40\nE-4,2026-02-02,unknown,1000\n";
    bed.write("pay.csv", file.as_bytes());
    let (document, _) = both_ways(&bed, ["pay.csv", "@local"], &[], 3);
    let expected = owned(&[("EUR", "-140"), ("USD", "-1200")]);
    assert_eq!(sums(&document, "amount", "a"), expected, "{document}");
}

#[test]
fn what_bigcapital_exports_adds_up_to_what_it_holds_in_each_currency() {
    let bed = books();
    let customer = r#"{"customerType":"business","displayName":"Rate Ltd","currencyCode":"EUR","openingBalance":100.125,
        "openingBalanceDate":"2026-01-01","openingBalanceExchangeRate":1.5}"#;
    let customer = customer.replace("openingBalanceDate", "openingBalanceAt");
    assert_eq!(bed.ask_bigcapital(Method::Post, "customers", &customer).0, 201);
    receive(&bed, "E-1", 4, ("100.125", 100), 4);
    for what in ["customers", "payments"] {
        let file = format!("{what}.csv");
        bed.ferry(&["export", what, "-p", "local", "-o", &file]).exits(0);
        let more = ["--entity", what, "--sign", "as-is"];
        let more = if what == "payments" { &more[..] } else { &more[..2] };
        let (document, found) = both_ways(&bed, [&file, "@local"], more, 0);
        assert_eq!(found, Vec::<String>::new(), "{document}");
        let amount = if what == "payments" { "amount" } else { "balance" };
        let says_currency =
            document["fields"]["notes"].to_string().contains("in the currency of each customer");
        assert_eq!(says_currency, what == "customers", "{document}");
        let a = sums(&document, amount, "a");
        assert_eq!(a, sums(&document, amount, "b"), "{document}");
        assert!(a.iter().any(|(currency, _)| currency == "EUR"), "{document}");
    }
}

#[test]
fn in_which_currency_the_balances_of_a_file_are_read_is_said() {
    let bed = TestBed::new();
    bed.write("owed.csv", b"No.,Name,Balance\n40000,Alpine Ski House,1.00\n");
    let (document, _) = both_ways(&bed, ["owed.csv", "@local"], &["--entity", "customers"], 3);
    let notes = document["fields"]["notes"].to_string();
    assert!(notes.contains("the balances of owed.csv are read in USD"), "{notes}");
    assert_eq!(sums(&document, "balance", "a"), owned(&[("USD", "1.0")]), "{document}");
}

#[test]
fn opening_balances_without_a_currency_are_in_the_companys_own_or_the_customers() {
    let bed = books();
    // A blank cell is the company's currency; without a column the customer's own counts.
    let blank = "Name,Currency,Opening Balance,Opening Balance Date\nNew Ltd,,10,2026-01-01\nNew AG,EUR,5,2026-01-01\n";
    bed.write("blank.csv", blank.as_bytes());
    let (document, _) = both_ways(&bed, ["blank.csv", "@local"], &[], 3);
    assert_eq!(sums(&document, "openingBalance", "a"), owned(&[("EUR", "5"), ("USD", "10")]), "{document}");
    bed.ferry(&["import", "blank.csv", "-p", "local", "--yes"]).exits(0);
    let none = "Name,Opening Balance,Opening Balance Date\nNew Ltd,10,2026-01-01\nNew AG,5,2026-01-01\n";
    bed.write("none.csv", none.as_bytes());
    let (document, _) = both_ways(&bed, ["none.csv", "@local"], &[], 3);
    for side in ["a", "b"] {
        assert_eq!(
            sums(&document, "openingBalance", side),
            owned(&[("EUR", "5"), ("USD", "10")]),
            "{document}"
        );
    }
}

#[test]
fn payments_of_one_document_number_are_told_apart_and_none_is_passed_over() {
    let bed = TestBed::new();
    let head = "Document No.,Date,Customer No.,Amount,Description\n";
    // One document of two customers, one with two parts, one that stands there twice, and one that cannot be told apart.
    let a = "D-1,2026-02-02,10000,5.00,x\nD-1,2026-02-02,20000,6.00,x\nD-2,2026-02-02,10000,7.00,x\n\
             D-2,2026-02-03,10000,7.00,x\nD-3,2026-02-02,10000,8.00,x\nD-3,2026-02-02,10000,8.00,x\n\
             D-4,2026-02-02,10000,1.00,x\nD-4,2026-02-02,10000,2.00,x\n";
    bed.write("a.csv", format!("{head}{a}").as_bytes());
    let (document, found) = both_ways(&bed, ["a.csv", "a.csv"], &[], 0);
    assert_eq!((document["a"]["records"].as_u64(), found.len()), (Some(8), 0));
    let b = a.replace("7.00,x\nD-2", "7.00,y\nD-2").replace("2.00", "3.00").replace("1.00", "1.50");
    bed.write("b.csv", format!("{head}{b}").as_bytes());
    let (document, found) = both_ways(&bed, ["a.csv", "b.csv"], &[], 3);
    assert_eq!(
        found,
        [
            "D-2|description|x|y|different",
            "D-4||10000 -1.00 (line 8)||ambiguous",
            "D-4||10000 -2.00 (line 9)||ambiguous",
            "D-4|||10000 -1.50 (line 8)|ambiguous",
            "D-4|||10000 -3.00 (line 9)|ambiguous",
        ]
    );
    assert_eq!(document["counts"]["equal"], 5, "{document}");
    assert_eq!(sums(&document, "amount", "a")[0].1, "-44.0", "every row counts: {document}");
}

#[test]
fn identical_lines_of_one_document_are_equal_to_what_a_target_made_of_them() {
    let bed = TestBed::new();
    let head = "Document No.,Date,Customer No.,Amount,External Document No.,Description\n";
    let file = format!("{head}D-1,2026-02-02,10000,5.00,,x\nD-2,2026-02-02,10000,6.00,,x\n");
    let twice = format!("{file}D-1,2026-02-02,10000,5,,x\n");
    bed.write("pay.csv", twice.as_bytes());
    // The second of the two is entered by a colleague.
    bed.write("first.csv", file.as_bytes());
    bed.ferry(&["import", "first.csv", "-p", "local", "--journal", "BANK", "--yes"]).exits(0);
    let journal = bed.record("customerPaymentJournals", "code eq 'BANK'")["id"].as_str().unwrap().to_owned();
    let customer = bed.record("customers", "number eq '10000'")["id"].clone();
    let another = || {
        let body = format!(
            r#"{{"journalId":"{journal}","customerId":{customer},"documentNumber":"D-1","postingDate":"2026-02-02",
                "amount":-5,"description":"x"}}"#
        );
        bed.create("customerPayments", &body);
    };
    another();
    let (document, found) = both_ways(&bed, ["pay.csv", "@local"], &["--journal", "BANK"], 0);
    assert_eq!((document["counts"]["equal"].as_u64(), found.len()), (Some(3), 0), "{document}");
    // One more of them on one side: nobody can say which of the three is missing.
    another();
    let (document, found) = both_ways(&bed, ["pay.csv", "@local"], &["--journal", "BANK"], 3);
    assert_eq!((document["counts"]["equal"].as_u64(), found.len()), (Some(1), 5), "{found:?}");
    assert!(found.iter().all(|line| line.starts_with("D-1|") && line.ends_with("|ambiguous")), "{found:?}");
}

#[test]
fn lines_of_one_document_in_a_journal_are_each_found_again() {
    let bed = TestBed::new();
    let journal = bed.record("customerPaymentJournals", "code eq 'BANK'")["id"].as_str().unwrap().to_owned();
    let customer = |number: &str| bed.record("customers", &format!("number eq '{number}'"))["id"].clone();
    let (one, other) = (customer("10000"), customer("20000"));
    for (line, (customer, amount)) in [(&one, "-5"), (&other, "-6"), (&one, "-7")].into_iter().enumerate() {
        let body = format!(
            r#"{{"journalId":"{journal}","lineNumber":{},"customerId":{customer},"documentNumber":"D-1",
                "postingDate":"2026-02-02","amount":{amount}}}"#,
            (line + 1) * 1000
        );
        bed.create("customerPayments", &body);
    }
    bed.ferry(&["export", "payments", "-p", "local", "--journal", "BANK", "-o", "out.csv"]).exits(0);
    let more = ["--journal", "BANK", "--sign", "as-is"];
    let (document, found) = both_ways(&bed, ["out.csv", "@local"], &more, 0);
    assert_eq!((document["counts"]["equal"].as_u64(), found.len()), (Some(3), 0), "{document}");
    let text = bed.read("out.csv");
    let short: Vec<_> = text.lines().filter(|line| !line.contains(",-7")).collect();
    bed.write("short.csv", short.join("\n").as_bytes());
    let (document, found) = both_ways(&bed, ["short.csv", "@local"], &more, 3);
    assert_eq!(document["counts"]["equal"], 2, "{document}");
    assert!(found.len() == 1 && found[0].ends_with("-7.00|only-in-b"), "{found:?}");
}
