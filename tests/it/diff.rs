//! What `ferry diff` finds is what the books differ in, and nothing else.

use ledgerferry::transport::Method;
use serde_json::Value;

use crate::testbed::TestBed;

/// Lets the first one's project know the profile of the second, as `other`.
pub(crate) fn join(first: &TestBed, second: &TestBed) {
    let other = second.read("ferry.toml").replace("version = 1\n", "").replace(".local]", ".other]");
    first.write("ferry.toml", format!("{}\n{other}", first.read("ferry.toml")).as_bytes());
}

/// Two companies with books of their own, each strict or not.
fn two_with(strict: [bool; 2]) -> (TestBed, TestBed) {
    let [first, second] = strict.map(|strict| TestBed::with(|options| options.strict = strict));
    join(&first, &second);
    (first, second)
}

/// The lines of a `diff.csv`, each as its cells parted by `|`.
pub(crate) fn lines(bed: &TestBed, name: &str) -> Vec<String> {
    let text = bed.read(name);
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    lines.records().map(|line| line.unwrap().iter().collect::<Vec<_>>().join("|")).collect()
}

pub(crate) fn total(document: &Value, amount: &str) -> Value {
    let totals = document["totals"].as_array().unwrap();
    totals.iter().find(|total| total["amount"] == amount).cloned().unwrap_or_default()
}

#[test]
fn two_companies_with_the_same_records_are_equal_and_a_change_is_found() {
    for strict in [[false, false], [true, false]] {
        let (bed, other) = two_with(strict);
        let same = bed.ferry(&["diff", "@local", "@other", "--json", "--out", "same"]).exits(0).json();
        assert_eq!(same["equal"], true, "{same}");
        assert_eq!(same["counts"]["equal"], bed.books().customers, "{same}");
        assert!(total(&same, "balance")["difference"]["count"] == 0, "{same}");
        assert_eq!(total(&same, "balance")["a"]["sum"].to_string(), bed.books().sums.balances.to_string());
        let customer = other.record("customers", "number eq '10000'");
        let path = format!("customers({})", customer["id"].as_str().unwrap());
        other.change(&path, r#"{"city":"Elsewhere","creditLimit":1.25}"#);
        other.create("customers", r#"{"number":"NEW1","displayName":"Only there"}"#);
        let document = bed.ferry(&["diff", "@local", "@other", "--json", "--out", "d"]).exits(3).json();
        assert_eq!(document["counts"]["different"], 1, "{document}");
        assert_eq!(document["exit"]["code"], 3, "{document}");
        let city = customer["city"].as_str().unwrap();
        let found = lines(&bed, "d/diff.csv");
        assert_eq!(found[0], format!("10000|city|{city}|Elsewhere|different"));
        assert!(
            found[1].starts_with("10000|creditLimit|") && found[1].ends_with("|1.25|different"),
            "{found:?}"
        );
        assert_eq!(found[2..], ["NEW1|||Only there|only-in-b"]);
        assert_eq!(
            bed.read("d/diff.json").trim_end(),
            bed.ferry(&["diff", "@local", "@other", "--json", "--out", "d"]).stdout().trim_end()
        );
    }
}

#[test]
fn a_file_agrees_with_the_target_it_was_imported_into_until_somebody_changes_a_field() {
    let bed = TestBed::new();
    bed.write(
        "new.csv",
        b"Number,Display Name,Payment Terms,Currency Code,Credit Limit,City,Blocked\n\
          M1,One,30 DAYS,EUR,10.50,Ulm,\nM2,Two,14 DAYS,,0,,All\n",
    );
    bed.ferry(&["import", "new.csv", "-p", "local", "--yes"]).exits(0);
    let only_there = bed.books().customers - 2;
    let document = bed.ferry(&["diff", "new.csv", "@local", "--json", "--out", "d"]).exits(3).json();
    assert_eq!(document["counts"]["equal"], 2, "{document} {:?}", lines(&bed, "d/diff.csv"));
    assert_eq!(document["counts"]["only-in-b"], only_there, "{document}");
    assert!(document["fields"]["compared"].to_string().contains("paymentTerms"), "{document}");
    let customer = bed.record("customers", "number eq 'M1'");
    let terms = bed.record("paymentTerms", "code eq '14 DAYS'");
    let change = format!(r#"{{"paymentTermsId":{},"city":""}}"#, terms["id"]);
    bed.change(&format!("customers({})", customer["id"].as_str().unwrap()), &change);
    bed.ferry(&["diff", "@local", "new.csv", "--json", "--out", "d"]).exits(3);
    let found: Vec<_> = lines(&bed, "d/diff.csv").into_iter().filter(|line| line.starts_with("M1")).collect();
    assert_eq!(found, ["M1|city||Ulm|different", "M1|paymentTerms|14 DAYS|30 DAYS|different"]);
}

#[test]
fn two_files_are_compared_offline_and_namesakes_are_never_guessed() {
    let bed = TestBed::new();
    bed.write(
        "a.csv",
        b"Name,E-Mail,City\nTwin,1@x.example,Ulm\nTwin,2@x.example,Bonn\nLone,l@x.example,Kiel\n",
    );
    bed.write(
        "b.csv",
        b"Name,E-Mail,City\nlone ,l@x.example,Kiel\nTwin,1@x.example,Ulm\nTwin,3@x.example,Bonn\n",
    );
    let document = bed.ferry(&["diff", "a.csv", "b.csv", "--json", "--out", "d"]).exits(3).json();
    assert_eq!(document["counts"]["ambiguous"], 2, "{document}");
    assert_eq!(
        lines(&bed, "d/diff.csv"),
        [
            "Lone|displayName|Lone|lone|different",
            "Twin||Twin (line 3)||ambiguous",
            "Twin|||Twin (line 4)|ambiguous"
        ]
    );
    let line = ["diff", "a.csv", "b.csv", "--match", "email,city", "--json", "--out", "d"];
    let document = bed.ferry(&line).exits(3).json();
    assert_eq!((&document["counts"]["only-in-a"], &document["counts"]["ambiguous"]), (&1.into(), &0.into()));
    bed.ferry(&["diff", "a.csv", "a.csv", "--out", "same"]).exits(0);
    assert_eq!(bed.read("same/diff.csv"), "key,field,a,b,kind\n");
}

#[test]
fn what_a_file_says_customers_owe_is_read_or_told_to_be_unreadable() {
    let bed = TestBed::new();
    bed.write("a.csv", b"Number,Name,Balance\nM1,One,5.00\nM2,Two,\"1.234,50\"\nM3,Three,\n");
    bed.write("b.csv", b"Number,Name,Balance\nM1,One,7\nM2,Two,1234.50\nM3,Three,9\n");
    bed.ferry(&["diff", "a.csv", "b.csv", "--out", "d"]).exits(3);
    assert_eq!(
        lines(&bed, "d/diff.csv"),
        ["M1|balance|5.00|7|different", "line 3||balance `1.234,50`: not-a-number||unreadable"]
    );
}

#[test]
fn payments_are_compared_by_document_with_sums_per_currency() {
    let (bed, _other) = two_with([false, false]);
    bed.write(
        "pay.csv",
        b"Customer No.,Document No.,Amount,Date\n10000,P1,5.00,2026-01-02\n20000,P2,7.00,2026-01-02\n",
    );
    bed.write("pay2.csv", b"Customer No.,Document No.,Amount,Date\n10000,P1,5.00,2026-01-02\n20000,P2,7.50,2026-01-02\n20000,P3,1.00,2026-01-02\n");
    bed.ferry(&["import", "pay.csv", "-p", "local", "--journal", "BANK", "--yes"]).exits(0);
    bed.ferry(&["import", "pay2.csv", "-p", "other", "--journal", "MIGR", "--yes"]).exits(0);
    let with = ["--json", "--out", "d"];
    let equal = [&["diff", "pay.csv", "@local", "--journal", "BANK"], &with[..]].concat();
    assert_eq!(bed.ferry(&equal).exits(0).json()["counts"]["equal"], 2);
    let line = ["diff", "@local", "@other", "--entity", "payments", "--journal", "BANK", "--journal", "MIGR"];
    let document = bed.ferry(&[&line[..], &with].concat()).exits(3).json();
    assert_eq!(lines(&bed, "d/diff.csv"), ["P2|amount|-7.00|-7.50|different", "P3|||20000 -1.00|only-in-b"]);
    let difference = &total(&document, "amount")["difference"];
    assert_eq!((difference["count"].as_i64(), difference["sum"].to_string()), (Some(-1), "1.5".to_owned()));
}

#[test]
fn rows_that_break_rules_are_told_and_a_number_that_stands_twice_is_nobodys() {
    let bed = TestBed::new();
    bed.write("a.csv", b"Number,Name,Credit Limit\nM1,One,5\nM2,Two,many\nM1,Uno,6\n");
    bed.write("b.csv", b"Number,Name,Credit Limit\nM1,One,5\nM2,Two,5\n");
    let document = bed.ferry(&["diff", "a.csv", "b.csv", "--json", "--out", "d"]).exits(3).json();
    assert_eq!(document["a"]["records"], 3, "{document}");
    let kinds: Vec<_> =
        lines(&bed, "d/diff.csv").iter().map(|line| line.rsplit('|').next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["ambiguous", "ambiguous", "ambiguous", "only-in-b", "unreadable"]);
}

#[test]
fn what_cannot_be_compared_ends_as_its_reason_demands_and_leaves_nothing() {
    let bed = TestBed::new();
    bed.write("a.csv", b"Number,Name\nM1,One\n");
    bed.write("p.csv", b"Customer No.,Document No.,Amount\n10000,P1,5.00\n");
    for (line, code) in [(["a.csv", "@nobody"], 2), (["a.csv", "p.csv"], 2), (["a.csv", "nothing.csv"], 9)] {
        bed.ferry(&["diff", line[0], line[1], "--out", "d", "--json"]).exits(code);
        assert!(!bed.path().join("d/diff.csv").exists());
    }
    bed.ferry(&["diff", "a.csv", "@local", "--match", "email", "--out", "d"]).exits(2);
    let (status, _) = bed.ask(Method::Get, "customers");
    assert_eq!(status, 200);
}

const DIMENSIONS: &str = "Customer No.,Dimension Code,Dimension Value Code,Value Posting\n\
     10000,AREA,30,Same Code\n10000,DEPARTMENT,SALES,\n20000,AREA,50,Code Mandatory\n\
     20000,CUSTOMERGROUP,,No Code\n";

const OTHER_DIMENSIONS: &str = "Customer No.,Dimension Code,Dimension Value Code,Value Posting,ferry_action\n\
     10000,AREA,40,Same Code,\n10000,DEPARTMENT,,No Code,\n20000,CUSTOMERGROUP,,,delete\n30000,AREA,50,,\n";

#[test]
fn default_dimensions_are_compared_by_customer_and_dimension_in_every_dialect() {
    for dialect in ["v2.0", "v1.0", "beta"] {
        let beds = [false, true].map(|strict| TestBed::with(|options| options.strict = strict));
        let [bed, other] = &beds;
        bed.write_project_in(dialect, "");
        other.write_project_in(dialect, "");
        join(bed, other);
        bed.write("same.csv", DIMENSIONS.as_bytes());
        bed.write("other.csv", OTHER_DIMENSIONS.as_bytes());
        for profile in ["local", "other"] {
            bed.ferry(&["import", "same.csv", "-p", profile, "--yes"]).exits(0);
        }
        for sides in [["@local", "@other"], ["same.csv", "@local"], ["@other", "same.csv"]] {
            let line = ["diff", sides[0], sides[1], "--entity", "dimensions", "--out", "d"];
            let told = bed.ferry(&line).exits(0).stdout();
            assert!(told.contains("EQUAL: 4 default dimensions equal"), "{dialect}, {sides:?}: {told}");
        }
        bed.ferry(&["import", "other.csv", "-p", "other", "--yes", "--max-deletes", "1"]).exits(0);
        for first in ["@local", "same.csv"] {
            let line = ["diff", first, "@other", "--entity", "dimensions", "--json", "--out", "d"];
            let document = bed.ferry(&line).exits(3).json();
            assert_eq!(
                lines(bed, "d/diff.csv"),
                [
                    "10000 AREA|dimensionValueCode|30|40|different",
                    "10000 DEPARTMENT|dimensionValueCode|SALES||different",
                    "10000 DEPARTMENT|postingValidation||No Code|different",
                    if first == "@local" {
                        "20000 CUSTOMERGROUP||||only-in-a"
                    } else {
                        "20000 CUSTOMERGROUP||(line 5)||only-in-a"
                    },
                    "30000 AREA|||50|only-in-b"
                ],
                "{dialect}, {first}"
            );
            assert_eq!(
                (&document["entity"], &document["counts"]["equal"], &document["counts"]["different"]),
                (&"dimensions".into(), &1.into(), &2.into()),
                "{dialect}: {document}"
            );
            assert_eq!(document["matched_by"][1], "dimensionCode", "{document}");
            let next = document["next"].to_string();
            assert!(next.contains("ferry import") && next.contains("-p other"), "{next}");
        }
    }
}

#[test]
fn a_dimension_that_stands_twice_in_a_file_is_ambiguous_and_has_no_other_key() {
    let bed = TestBed::new();
    bed.write("a.csv", DIMENSIONS.as_bytes());
    bed.write("b.csv", format!("{DIMENSIONS}10000,area,40,\n99999,AREA,30,\n,AREA,30,\n").as_bytes());
    bed.ferry(&["diff", "a.csv", "b.csv", "--json", "--out", "d"]).exits(3);
    let kinds: Vec<_> = lines(&bed, "d/diff.csv")
        .iter()
        .map(|line| {
            let mut cells = line.split('|');
            format!("{} {}", cells.next().unwrap(), cells.next_back().unwrap())
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "10000 AREA ambiguous",
            "10000 AREA ambiguous",
            "10000 AREA ambiguous",
            "99999 AREA only-in-b",
            "AREA ambiguous"
        ]
    );
    let refused = bed.ferry(&["diff", "a.csv", "b.csv", "--match", "dimensionCode"]).exits(2).stderr();
    assert!(refused.contains("found by their customer and dimension"), "{refused}");
}
