//! What a project remembers of its runs: nothing is written twice because time has passed or a flag was given.

use ledgerferry::transport::Method;

use crate::actions::result_of;
use crate::testbed::TestBed;

const PAYMENTS: &[u8] =
    b"Customer No.,Posting Date,Document No.,Amount\n10000,2026-11-20,MEM-1,10.50\n20000,2026-11-20,MEM-2,7\n";

fn import<'a>(file: &'a str, out: &'a str) -> Vec<&'a str> {
    vec!["import", file, "-p", "local", "--journal", "BANK", "--yes", "--json", "--out", out]
}

#[test]
fn a_run_in_a_folder_of_its_own_is_remembered_when_its_payments_were_posted() {
    let bed = TestBed::new();
    bed.write("pay.csv", PAYMENTS);
    bed.ferry(&import("pay.csv", "first")).exits(0);
    bed.post_journal("BANK");
    let posted = bed.books();
    let again = bed.ferry(&import("pay.csv", "second")).exits(4).json();
    assert_eq!(again["fixes"][0]["code"], "already-delivered", "{again}");
    assert_eq!(bed.books(), posted);
    let listed = bed.ferry(&["runs", "list"]).exits(0).stdout();
    assert!(listed.contains("first"), "{listed}");
    // Whoever throws the memory away is told what it means.
    std::fs::remove_dir_all(bed.path().join("first")).unwrap();
    let told = bed.ferry(&["plan", "pay.csv", "-p", "local", "--journal", "BANK", "--out", "third"]).exits(0);
    assert!(told.stderr().contains("first is gone"), "{}", told.stderr());
}

#[test]
fn what_somebody_entered_after_the_plan_is_left_out_whatever_the_flags_say() {
    for flags in [&["--allow-stale"][..], &["--on-conflict", "theirs"], &["--on-conflict", "ours"]] {
        let bed = TestBed::new();
        bed.write("pay.csv", PAYMENTS);
        bed.write("new.csv", b"Display Name,City\nNameless One,Ulm\nNameless Two,Ulm\n");
        bed.ferry(&["plan", "pay.csv", "-p", "local", "--journal", "BANK", "--out", "pay"]).exits(0);
        bed.ferry(&["plan", "new.csv", "-p", "local", "--out", "new"]).exits(0);
        let journal =
            bed.record("customerPaymentJournals", "code eq 'BANK'")["id"].as_str().unwrap().to_owned();
        bed.create(
            &format!("customerPaymentJournals({journal})/customerPayments"),
            r#"{"customerNumber":"10000","documentNumber":"MEM-1","amount":-10.50}"#,
        );
        bed.create("customers", r#"{"displayName":"Nameless Two"}"#);
        let before = bed.books();
        for run in ["pay", "new"] {
            bed.ferry(&[&["apply", run, "-p", "local", "--yes"], flags].concat()).exits(3);
        }
        let after = bed.books();
        assert_eq!(after.payments, before.payments + 1, "{flags:?}");
        assert_eq!(after.customers, before.customers + 1, "{flags:?}");
        assert_eq!(result_of(&bed, "pay/results.csv", "MEM-1").1, "already-exists");
        assert_eq!(result_of(&bed, "new/results.csv", "Nameless Two").1, "already-exists");
    }
}

#[test]
fn the_rest_of_a_plan_knows_what_another_run_has_sent_since() {
    let bed = TestBed::new();
    bed.write("pay.csv", PAYMENTS);
    bed.ferry(&[&import("pay.csv", "part")[..], &["--limit", "1"]].concat()).exits(0);
    bed.write("rest.csv", b"Customer No.,Posting Date,Document No.,Amount\n20000,2026-11-20,MEM-2,7\n");
    bed.ferry(&import("rest.csv", "whole")).exits(0);
    bed.post_journal("BANK");
    let posted = bed.books();
    bed.ferry(&["resume", "part", "-p", "local"]).exits(3);
    assert_eq!(bed.books(), posted);
    assert_eq!(result_of(&bed, "part/results.csv", "MEM-2").1, "already-delivered");
    let (status, journal) = bed.ask(Method::Get, "customerPaymentJournals?$filter=code%20eq%20'BANK'");
    assert_eq!(status, 200, "{journal}");
}
