//! The commands a user types first, on the samples, against a sandbox.

use std::collections::BTreeSet;

use serde_json::Value;

use ledgerferry::transport::Method;

use crate::testbed::{TestBed, sample};

/// Where a violation stands and what it is: file, line, field and code.
type Located = (String, u64, String, String);

/// Every violation that a report lists; the samples have few enough that it lists all of them.
fn violations(report: &Value) -> BTreeSet<Located> {
    let mut found = BTreeSet::new();
    for fix in report["fixes"].as_array().unwrap() {
        let (field, code) = (fix["field"].as_str().unwrap(), fix["code"].as_str().unwrap());
        for sample in fix["samples"].as_array().unwrap() {
            let file = sample["place"]["file"].as_str().unwrap().rsplit('/').next().unwrap();
            let line = sample["place"]["line"].as_u64().unwrap();
            found.insert((file.to_owned(), line, field.to_owned(), code.to_owned()));
        }
    }
    found
}

fn expected(file: &str) -> BTreeSet<Located> {
    let mut reader = csv::Reader::from_path(sample("expected-violations.csv")).unwrap();
    let records = reader.records().map(Result::unwrap);
    records
        .filter(|record| &record[0] == file)
        .map(|record| {
            (record[0].to_owned(), record[1].parse().unwrap(), record[2].to_owned(), record[3].to_owned())
        })
        .collect()
}

#[test]
fn validate_locates_every_violation_of_the_samples_and_no_other() {
    let bed = TestBed::new();
    for file in ["customers-dirty.csv", "customers-dirty.xlsx", "payments-dirty.csv", "payments-dirty.xlsx"] {
        let ended = bed.ferry(&["validate", &sample(file), "--json", "--out", file]).exits(4);
        assert_eq!(violations(&ended.json()), expected(file), "{file}");
        let rejects =
            bed.path().join(file).join(if file.ends_with("csv") { "rejects.csv" } else { "rejects.xlsx" });
        assert!(rejects.is_file(), "{file}");
    }
}

#[test]
fn a_plan_says_how_many_requests_it_takes_and_how_long_at_least() {
    let bed = TestBed::new();
    let limits = bed.read("ferry.toml").replace("100000/s", "4/s");
    bed.write("ferry.toml", limits.replace("settle =", "headroom = 50, settle =").as_bytes());
    let rows: Vec<_> = (1..=25).map(|number| format!("F{number},Customer {number}")).collect();
    bed.write("new.csv", format!("Number,Display Name\n{}\n", rows.join("\n")).as_bytes());
    let plan = ["plan", "new.csv", "-p", "local", "--out"];
    let told = bed.ferry(&[&plan[..], &["run"]].concat()).exits(0).stdout();
    // Five leave at once, and the others two in a second.
    assert!(told.contains("7 requests, at least 11 seconds at the allowed pace"), "{told}");
    let told = bed.ferry(&[&plan[..], &["again", "--json"]].concat()).exits(0).json();
    assert_eq!(told["forecast"], serde_json::json!({ "requests": 7, "seconds": 11 }));
}

#[test]
fn clean_samples_pass() {
    let bed = TestBed::new();
    for file in ["customers.csv", "customers.xlsx", "payments.csv", "payments.xlsx"] {
        bed.ferry(&["validate", &sample(file)]).exits(0);
    }
    bed.ferry(&["validate", &sample("kunden.csv"), "--map", &sample("mapping.toml")]).exits(0);
}

#[test]
fn rejects_come_back_in_the_layout_of_the_file_and_are_the_same_rejects_again() {
    let bed = TestBed::new();
    for file in ["customers-dirty.csv", "customers-dirty.xlsx"] {
        bed.ferry(&["validate", &sample(file), "--out", "first"]).exits(4);
        let rejects = if file.ends_with("csv") { "first/rejects.csv" } else { "first/rejects.xlsx" };
        let again = bed.ferry(&["validate", rejects, "--json", "--out", "second"]).exits(4).json();
        let alone = |violations: BTreeSet<Located>| -> Vec<(String, String)> {
            let mut pairs: Vec<_> = violations
                .into_iter()
                .map(|(_, _, field, code)| (field, code))
                .filter(|(_, code)| !code.starts_with("duplicate-"))
                .collect();
            pairs.sort();
            pairs
        };
        assert_eq!(alone(violations(&again)), alone(expected(file)), "{file}");
        std::fs::remove_dir_all(bed.path().join("first")).unwrap();
        std::fs::remove_dir_all(bed.path().join("second")).unwrap();
    }
}

#[test]
fn an_unchanged_rejects_file_is_rejected_again_and_writes_nothing() {
    let bed = TestBed::new();
    let customers = "Number,Display Name,Email\nU1,One,\nu1,Two,\nU2,Three,@\n,Four,\n,four,\n";
    let payments = "Customer No.,Document No.,Amount\n10000,U1,5.00\n10000,u1,5.00\n";
    for (rows, journal) in [(customers, &[][..]), (payments, &["--journal", "U"][..])] {
        bed.write("file.csv", rows.as_bytes());
        let import = |file: &'static str, out: &'static str| {
            let line = ["import", file, "-p", "local", "--yes", "--skip-rejects", "--json", "--out", out];
            bed.ferry(&[&line[..], journal].concat()).exits(3).json()
        };
        let codes = |report: &Value| -> BTreeSet<(String, String)> {
            violations(report).into_iter().map(|(_, _, field, code)| (field, code)).collect()
        };
        let first = import("file.csv", "first");
        let books = bed.books();
        for (file, out) in [("first/rejects.csv", "second"), ("second/rejects.csv", "third")] {
            let again = import(file, out);
            assert_eq!(codes(&again), codes(&first), "{again}");
            assert_eq!(again["counts"]["rejected"], first["counts"]["rejected"], "{again}");
            assert_eq!(again["counts"]["rejected"], again["counts"]["rows"], "{again}");
            assert_eq!(bed.books(), books);
        }
        for folder in ["first", "second", "third"] {
            std::fs::remove_dir_all(bed.path().join(folder)).unwrap();
        }
    }
}

#[test]
fn a_payment_that_stands_in_two_files_of_one_run_arrives_once() {
    let bed = TestBed::new();
    bed.write("a.csv", b"Customer No.,Document No.,Amount\n10000,T1,5.00\n");
    bed.write("b.csv", b"Customer No.,Document No.,Amount\n10000,T2,5.00\n10000,t1,5.00\n");
    let line =
        ["import", "a.csv", "b.csv", "-p", "local", "--journal", "T", "--yes", "--skip-rejects", "--json"];
    let report = bed.ferry(&line).exits(3).json();
    assert_eq!(report["counts"]["done"], 2, "{report}");
    assert_eq!(report["fixes"][0]["code"], "duplicate-document", "{report}");
    assert_eq!(bed.books().duplicates.payments, 0);
}

#[test]
fn a_plan_says_what_an_import_does_and_writes_nothing() {
    let bed = TestBed::new();
    let before = bed.books();
    let plan = bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--json"]).exits(0).json();
    assert_eq!(plan["actions"]["create"], 12, "{plan}");
    assert_eq!(bed.books(), before);
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--detailed-exitcode"]).exits(10);
}

#[test]
fn an_import_is_done_once_however_often_it_is_asked_for() {
    let bed = TestBed::new();
    let before = bed.books();
    let first =
        bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes", "--json"]).exits(0).json();
    assert_eq!(first["counts"]["done"], 12, "{first}");
    let between = bed.books();
    assert_eq!(between.customers, before.customers + 12);

    let second =
        bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes", "--json"]).exits(0).json();
    assert_eq!(second["counts"]["unchanged"], 12, "{second}");
    assert_eq!(bed.books(), between, "the second import sends no write request");

    let workbook =
        bed.ferry(&["import", &sample("customers.xlsx"), "-p", "local", "--yes", "--json"]).exits(0).json();
    assert_eq!(workbook["counts"]["unchanged"], 12, "the workbook holds the same rows: {workbook}");

    let changed = bed
        .ferry(&["import", &sample("customers-changed.csv"), "-p", "local", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(changed["counts"]["done"], 2, "{changed}");
    assert_eq!(changed["counts"]["unchanged"], 10, "{changed}");
}

#[test]
fn payments_arrive_with_the_sign_business_central_posts() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    let import = ["import", &sample("payments.xlsx"), "-p", "local", "--journal", "MIGR", "--yes", "--json"];
    let first = bed.ferry(&import).exits(0).json();
    assert_eq!(first["counts"]["done"], 15, "{first}");
    let books = bed.books();
    assert_eq!(books.payments, 15);
    assert_eq!(books.duplicates.payments, 0);
    assert!(books.sums.payments.values().all(|sum| sum.is_negative()), "{books:?}");

    let second = bed.ferry(&import).exits(0).json();
    assert_eq!(second["counts"]["unchanged"], 15, "{second}");
    assert_eq!(bed.books(), books);
}

#[test]
fn payments_that_were_posted_are_not_sent_again() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    let import = ["import", &sample("payments.csv"), "-p", "local", "--journal", "BANK", "--yes", "--json"];
    bed.ferry(&import).exits(0);
    let (_, journals) = bed.ask(Method::Get, "customerPaymentJournals?$filter=code%20eq%20'BANK'");
    let journal = journals["value"][0]["id"].as_str().unwrap().to_owned();
    let (status, said) = bed.ask(Method::Post, &format!("journals({journal})/Microsoft.NAV.post"));
    assert_eq!(status, 204, "{said}");
    let posted = bed.books();
    assert_eq!((posted.payments, posted.posted_payments), (0, 15));

    let again = bed.ferry(&import).exits(4).json();
    assert_eq!(again["counts"]["conflict"], 15, "{again}");
    assert_eq!(again["fixes"][0]["code"], "already-delivered", "{again}");
    assert_eq!(bed.books(), posted);
}

#[test]
fn a_file_with_rejects_is_refused_whole_unless_they_may_be_skipped() {
    let bed = TestBed::new();
    let before = bed.books();
    let file = sample("customers-dirty.csv");
    bed.ferry(&["import", &file, "-p", "local", "--yes"]).exits(4);
    assert_eq!(bed.books(), before);
    let ended = bed.ferry(&["import", &file, "-p", "local", "--yes", "--skip-rejects", "--json"]).exits(3);
    let counts = &ended.json()["counts"];
    assert_eq!(
        counts["done"].as_u64().unwrap() + counts["rejected"].as_u64().unwrap(),
        counts["rows"],
        "{counts}"
    );
    assert_eq!(bed.books().customers, before.customers + counts["done"].as_u64().unwrap());
}

#[test]
fn without_a_yes_nothing_is_written() {
    let bed = TestBed::new();
    let before = bed.books();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local"]).exits(4);
    assert_eq!(bed.books(), before);
}

#[test]
fn a_plan_is_refused_when_its_file_has_changed() {
    let bed = TestBed::new();
    bed.write("mine.csv", b"Number,Display Name\nS1,One\n");
    bed.ferry(&["plan", "mine.csv", "-p", "local", "--out", "run"]).exits(0);
    bed.write("mine.csv", b"Number,Display Name\nS1,Two\n");
    let before = bed.books();
    bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(8);
    assert_eq!(bed.books(), before);
}

#[test]
fn a_plan_is_applied_as_it_was_made() {
    let bed = TestBed::new();
    let before = bed.books();
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--out", "run"]).exits(0);
    bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(0);
    assert_eq!(bed.books().customers, before.customers + 12);
    bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(0);
    bed.ferry(&["resume", "run", "-p", "local"]).exits(0);
    assert_eq!(bed.books().customers, before.customers + 12, "an applied plan has nothing left to send");
}

#[test]
fn an_export_equals_the_books() {
    let bed = TestBed::new();
    bed.ferry(&["import", &sample("customers.csv"), "-p", "local", "--yes"]).exits(0);
    bed.ferry(&["export", "customers", "-p", "local", "--expand", "financials", "-o", "all.csv"]).exits(0);
    let books = bed.books();
    let text = bed.read("all.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (credit, balance) = (column("creditLimit"), column("balance"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(u64::try_from(rows.len()).unwrap(), books.customers);
    let sum = |column: usize| -> ledgerferry::domain::Money {
        rows.iter().map(|row| row[column].parse::<ledgerferry::domain::Money>().unwrap()).sum()
    };
    assert_eq!(sum(credit), books.sums.credit_limits);
    assert_eq!(sum(balance), books.sums.balances);
    let manifest: Value = serde_json::from_str(&bed.read("all.csv.manifest.json")).unwrap();
    assert_eq!(manifest["files"][0]["rows"].as_u64().unwrap(), books.customers, "{manifest}");
}

#[test]
fn an_export_takes_the_filter_as_it_is() {
    let bed = TestBed::new();
    let filter = "blocked eq ' ' and balance gt 0";
    let line = [
        "export",
        "customers",
        "-p",
        "local",
        "--expand",
        "financials",
        "--filter-odata",
        filter,
        "-o",
        "ar.xlsx",
    ];
    bed.ferry(&line).exits(0);
    let csv_line =
        ["export", "customers", "-p", "local", "--filter-odata", filter, "--select", "number", "-o", "-"];
    let listed = bed.ferry(&csv_line).exits(0).stdout();
    let rows = listed.lines().count() - 1;
    assert!(rows > 0, "the seeded books have customers who owe something");
    let mut workbook = calamine::open_workbook_auto(bed.path().join("ar.xlsx")).unwrap();
    let range = calamine::Reader::worksheet_range_at(&mut workbook, 0).unwrap().unwrap();
    assert_eq!(range.height(), rows + 1);
}

#[test]
fn what_is_exported_comes_back_unchanged() {
    let bed = TestBed::new();
    bed.write(
        "odd.csv",
        "Number,Display Name,Phone,Address 2\n007,=1+1,+49 89 1,-5\nX2,@SUM(A1),1,=a|b\n".as_bytes(),
    );
    bed.ferry(&["import", "odd.csv", "-p", "local", "--yes"]).exits(0);
    for file in ["all.csv", "all.xlsx"] {
        bed.ferry(&["export", "customers", "-p", "local", "--expand", "financials", "-o", file]).exits(0);
        let plan = bed.ferry(&["plan", file, "-p", "local", "--json"]).exits(0).json();
        assert_eq!(plan["actions"]["unchanged"], plan["counts"]["rows"], "{file}: {plan}");
    }
    assert!(bed.read("all.csv").contains("'=1+1"), "a spreadsheet must not run it");
}

#[test]
fn columns_that_are_not_used_are_named_before_anything_is_written() {
    let bed = TestBed::new();
    bed.write("mine.csv", b"Number,Display Name,Shoe Size,,Phnoe\nS1,One,46,,1\n");
    for line in [&["validate", "mine.csv"][..], &["plan", "mine.csv", "-p", "local"]] {
        let said = bed.ferry(line).exits(0).stderr();
        let note = "mine.csv: columns not used: Shoe Size, number 4 (has no heading), Phnoe (did you mean `phoneNumber`?)";
        assert!(said.contains(note), "{said}");
    }
}

#[test]
fn headings_that_tell_nothing_are_shown() {
    let bed = TestBed::new();
    bed.write("title.csv", b"Customer list 2025,,\n\nNumber,Display Name,Phone\n1,One,1\n");
    let said = bed.ferry(&["validate", "title.csv"]).exits(2).stderr();
    assert!(said.contains("`Customer list 2025`") && said.contains("into the first row"), "{said}");
}

#[test]
fn rejected_amounts_are_part_of_the_total_of_the_file() {
    let bed = TestBed::new();
    bed.write("pay.csv", b"Customer No.,Document No.,Amount\n1,D1,10.00\n1,D2,-4.00\n,D3,1.50\n1,D4,x\n");
    let totals = bed.ferry(&["validate", "pay.csv", "--json"]).exits(4).json()["totals"].clone();
    let line = &totals[0];
    assert_eq!(line["file"]["sum"], 7.5, "{totals}");
    assert_eq!(line["left_out"]["count"], 2, "{totals}");
    assert_eq!(line["reconciled"], true, "{totals}");
}

#[test]
fn wrong_words_for_the_sandbox_are_a_usage_error() {
    let bed = TestBed::new();
    for flags in [["--faults", "lost=2"], ["--faults", "lots=0.1"], ["--rate", "5"], ["--latency", "5"]] {
        bed.ferry(&[&["sandbox", "start", "--books", "x.db"][..], &flags].concat()).exits(2);
    }
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--out", "run"]).exits(0);
    bed.ferry(&["sandbox", "reset", "run/run.ferry"]).exits(2);
    bed.ferry(&["runs", "show", "run"]).exits(0);
}

#[test]
fn the_next_step_says_again_what_this_one_was_told() {
    let bed = TestBed::new();
    bed.write("pay.csv", b"Wer,Beleg,Summe\n10000,N1,-5.00\n,N2,-1.00\n");
    bed.write(
        "m.toml",
        b"[fields]\ncustomerNumber = { from = 'Wer' }\ndocumentNumber = { from = 'Beleg' }\namount = { from = 'Summe' }\n",
    );
    let read = ["pay.csv", "--entity", "payments", "--map", "m.toml", "--sign", "as-is"];
    let said = bed.ferry(&[&["validate"][..], &read, &["--out", "check"]].concat()).exits(4).stdout();
    let again = "--entity payments --map m.toml --sign as-is";
    assert!(said.contains(&format!("ferry validate check/rejects.csv {again}\n")), "{said}");
    let target = ["-p", "local", "--journal", "N", "--out"];
    let said = bed.ferry(&[&["plan"][..], &read, &target, &["look"]].concat()).exits(4).stdout();
    assert!(
        said.contains(&format!("ferry import look/rejects.csv {again} --journal N -p local\n")),
        "{said}"
    );
    let line = [&["import"][..], &read, &target, &["run", "--yes", "--skip-rejects"]].concat();
    let said = bed.ferry(&line).exits(3).stdout();
    assert!(said.contains("repair the rows in run/rejects.csv, then: ferry retry run\n"), "{said}");
    assert!(
        bed.read("run/results.csv").contains(",3,N2,reject,rejected,"),
        "a reject is known by its document"
    );
}

#[test]
fn sheets_that_are_not_read_are_named() {
    let bed = TestBed::new();
    let mut book = rust_xlsxwriter::Workbook::new();
    for name in ["North", "Blank", "South"] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        if name != "Blank" {
            sheet.write_row(0, 0, ["Number", "Display Name"]).unwrap();
            sheet.write_row(1, 0, [name, "One"]).unwrap();
        }
    }
    book.save(bed.path().join("two.xlsx")).unwrap();
    let said = bed.ferry(&["validate", "two.xlsx"]).exits(0).stderr();
    assert!(said.contains("two.xlsx [North]: sheet not read: `South`; --sheet chooses another"), "{said}");
    let said = bed.ferry(&["validate", "two.xlsx", "--sheet", "South"]).exits(0).stderr();
    assert!(!said.contains("not read"), "{said}");
}

#[test]
fn flags_that_mean_nothing_here_are_refused_with_a_sentence() {
    let bed = TestBed::new();
    let line = ["plan", &sample("payments.csv"), "-p", "local", "--journal", "N", "--match", "email"];
    let words = bed.ferry(&line).exits(2).stderr();
    assert!(words.contains("payments are found by their document number"), "{words}");
    let words = bed.ferry(&["validate", &sample("customers.csv"), "--sheet", "One"]).exits(2).stderr();
    assert!(words.contains("it is a text file"), "{words}");
    let help = bed.ferry(&["sandbox", "start", "--help"]).exits(0).stdout();
    assert!(help.contains("stall="), "{help}");
}

#[test]
fn a_report_that_is_written_again_says_how_the_run_ended_and_how_the_command_does() {
    let bed = TestBed::new();
    bed.write("two.csv", b"Number,Display Name,Email\nT1,One,\nT2,Two,not an address\n");
    bed.ferry(&["import", "two.csv", "-p", "local", "--yes", "--skip-rejects", "--out", "run"]).exits(3);
    let told = bed.ferry(&["runs", "report", "run", "--json"]).exits(0).json();
    assert_eq!((&told["exit"]["code"], &told["process_exit"]["code"]), (&3.into(), &0.into()), "{told}");
}

#[test]
fn what_a_user_gets_wrong_ends_with_its_own_exit_code() {
    let bed = TestBed::new();
    bed.ferry(&["export", "nothing", "-o", "x"]).exits(2);
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "nowhere"]).exits(2);
    bed.ferry(&["validate", "no-such-file.csv"]).exits(9);
    bed.ferry(&["apply", "no-such-run", "-p", "local"]).exits(2);
    bed.write("latin1.csv", b"Number,Display Name\n1,M\xfcller\n");
    let ended = bed.ferry(&["validate", "latin1.csv"]).exits(9);
    assert!(ended.stderr().contains("latin1.csv") && ended.stderr().contains("line 2"), "{}", ended.stderr());
}

#[test]
fn a_plan_that_nobody_has_applied_is_not_resumed() {
    let bed = TestBed::new();
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--out", "run"]).exits(0);
    let before = bed.books();
    let ended = bed.ferry(&["resume", "run", "-p", "local"]).exits(4);
    assert!(ended.stderr().contains("ferry apply run"), "{}", ended.stderr());
    assert_eq!(bed.books(), before);
}

#[test]
fn a_plan_is_not_carried_out_at_another_address() {
    let bed = TestBed::new();
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local", "--out", "run"]).exits(0);
    let before = bed.books();
    let project = bed.read("ferry.toml");
    let elsewhere = project
        .replace("http://127.0.0.1:", "http://localhost:")
        .replace("[profiles.local]", "[profiles.copy]");
    let both = format!("{project}{}", elsewhere.replace("version = 1\n", ""));
    bed.write("ferry.toml", both.as_bytes());
    let ended = bed.ferry(&["apply", "run", "-p", "copy", "--yes"]).exits(8);
    assert!(ended.stderr().contains("planned for `http://127.0.0.1:"), "{}", ended.stderr());
    assert_eq!(bed.books(), before);
    // Without a profile on the command line, a run goes where it was planned for.
    bed.ferry(&["apply", "run", "--yes"]).exits(0);
    assert_eq!(bed.books().customers, before.customers + 12);
}

#[test]
fn a_command_line_that_is_wrong_still_ends_in_one_json_document() {
    let bed = TestBed::new();
    let document = bed.ferry(&["import", "--json", "--no-such-flag"]).exits(2).json();
    assert_eq!(document["exit"]["name"], "usage");
    assert!(document["error"]["message"].as_str().unwrap().contains("--no-such-flag"), "{document}");
}

#[test]
fn payments_are_not_carried_on_into_another_journal_of_the_same_code() {
    let bed = TestBed::new();
    let payment = |number: &str| {
        format!("Customer Number,Document Number,Posting Date,Amount\n10000,{number},2026-10-01,5.00\n")
    };
    bed.write("one.csv", payment("ONE").as_bytes());
    bed.write("more.csv", payment("MORE").as_bytes());
    bed.ferry(&["import", "one.csv", "-p", "local", "--journal", "MIGR", "--yes"]).exits(0);
    bed.ferry(&["plan", "more.csv", "-p", "local", "--journal", "MIGR", "--out", "run"]).exits(0);
    let ledger = rusqlite::Connection::open(bed.path().join("run/run.ferry")).unwrap();
    let deleted = "json_set(value, '$.journal_id', '00000000-0000-0000-0000-00000000dead')";
    ledger.execute(&format!("UPDATE meta SET value = {deleted}"), []).unwrap();
    let before = bed.books();
    let ended = bed.ferry(&["apply", "run", "-p", "local", "--yes"]).exits(8);
    assert!(ended.stderr().contains("journal `MIGR` is not the one"), "{}", ended.stderr());
    assert_eq!(bed.books(), before);
}

#[test]
fn a_payment_that_stands_in_two_files_is_not_sent_twice() {
    let bed = TestBed::new();
    let heading = "Customer Number,Document Number,Posting Date,Amount\n";
    let payment = |number: &str| format!("10000,{number},2026-10-01,5.00\n");
    bed.write("may.csv", format!("{heading}{}{}", payment("P1"), payment("P2")).as_bytes());
    bed.write("june.csv", format!("{heading}{}{}", payment("P3"), payment("p2")).as_bytes());
    let import = ["import", "may.csv", "june.csv", "-p", "local", "--journal", "TWO", "--yes", "--json"];
    let refused = bed.ferry(&import).exits(4).json();
    assert_eq!(refused["fixes"][0]["code"], "duplicate-document", "{refused}");
    assert_eq!(bed.books().payments, 0);
    bed.ferry(&[&import[..], &["--skip-rejects"]].concat()).exits(3);
    assert_eq!((bed.books().payments, bed.books().duplicates.payments), (3, 0));
}

#[test]
fn imports_that_are_started_together_get_a_folder_each() {
    const IMPORTS: usize = 6;
    let bed = TestBed::new();
    let before = bed.books().customers;
    let started: Vec<_> = (0..IMPORTS)
        .map(|number| {
            let file = format!("{number}.csv");
            bed.write(&file, format!("Number,Display Name\nT{number},Customer {number}\n").as_bytes());
            bed.start(&["import", &file, "-p", "local", "--yes"])
        })
        .collect();
    let codes: Vec<_> = started.into_iter().map(|mut process| process.wait().unwrap().code()).collect();
    assert_eq!(codes, [Some(0); IMPORTS]);
    assert_eq!(bed.books().customers, before + IMPORTS as u64);
    let listed = bed.ferry(&["runs", "list", "--json"]).exits(0).json();
    assert_eq!(listed["runs"].as_array().unwrap().len(), IMPORTS, "{listed}");
}
