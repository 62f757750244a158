//! The check stage on whole files.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Write as _;

use super::*;
use crate::catalogue::DIALECTS;
use crate::catalogue::business_central_v2::CUSTOMERS;
use crate::domain::{EntityKind, Origin, Reject, Rule};
use crate::source::SourceOptions;

struct Outcome {
    counts: CheckedCounts,
    /// Line, key and payload.
    accepted: Vec<(u64, String, String)>,
    rejects: Vec<Reject>,
}

fn check(
    kind: EntityKind,
    text: &str,
    options: &CheckOptions<'_>,
) -> Result<Outcome, CheckError<Infallible>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let entity = DIALECTS[0].entity(kind);
    let source = Source::open(file.path(), &SourceOptions::default()).map_err(CheckError::Source)?;
    let binding = Binding::bind(source.headers(), kind, entity, None).unwrap();
    let (mut accepted, mut rejects) = (Vec::new(), Vec::new());
    let counts = check_file(source, &binding, options, |chunk| {
        for row in chunk.accepted() {
            let key = row.key.map_or("", |(_, key)| key).to_owned();
            accepted.push((row.row.origin.line, key, row.payload.to_owned()));
        }
        rejects.extend(chunk.rejects);
        Ok(())
    })?;
    Ok(Outcome { counts, accepted, rejects })
}

fn customers(text: &str) -> Outcome {
    check(EntityKind::Customers, text, &CheckOptions::default()).unwrap()
}

fn rules(outcome: &Outcome) -> Vec<(u64, &str, Rule)> {
    let of_reject = |reject: &'_ Reject| {
        let line = reject.origin.line;
        reject.violations.iter().map(move |violation| (line, violation.rule)).collect::<Vec<_>>()
    };
    let rules = outcome.rejects.iter().flat_map(of_reject);
    let fields = outcome.rejects.iter().flat_map(|reject| &reject.violations);
    rules.zip(fields).map(|((line, rule), violation)| (line, violation.field.as_str(), rule)).collect()
}

#[test]
fn every_row_is_accepted_or_rejected_with_its_place() {
    let outcome = customers(
        "number,displayName,email,creditLimit\nc1,A,a@b.example,10.50\n\nC2,\"B\nB\",@,1,000\nC3,,,x\n"
            .replace("1,000", "\"1,000\"")
            .as_str(),
    );
    assert_eq!(
        outcome.accepted,
        [(
            2,
            "C1".to_owned(),
            r#"{"number":"C1","displayName":"A","email":"a@b.example","creditLimit":10.50}"#.to_owned()
        )]
    );
    assert_eq!(
        rules(&outcome),
        [
            (4, "email", Rule::NotAnEmail),
            (4, "creditLimit", Rule::NotANumber),
            (6, "displayName", Rule::Missing),
            (6, "creditLimit", Rule::NotANumber),
        ]
    );
    assert_eq!(outcome.rejects[0].violations[1].found, "1,000");
    assert_eq!(outcome.rejects[0].violations[1].column, Some(3));
    assert_eq!(outcome.rejects[0].cells, ["C2", "B\nB", "@", "1,000"]);
    assert_eq!(
        outcome.counts,
        CheckedCounts { rows: 3, accepted: 1, rejected: 2, ..CheckedCounts::default() }
    );
}

#[test]
fn the_later_of_two_rows_with_one_number_is_rejected() {
    let outcome = customers("number,displayName,email\nC1,A,@\nC2,B,\nc1,C,@\nC2,D,\n,E,\n,e,\nC3,E,\n");
    assert_eq!(
        rules(&outcome),
        [
            (2, "email", Rule::NotAnEmail),
            (4, "number", Rule::DuplicateNumber),
            (4, "email", Rule::NotAnEmail),
            (5, "number", Rule::DuplicateNumber),
            (7, "displayName", Rule::DuplicateName),
        ]
    );
    assert_eq!(outcome.rejects[1].violations[0].allowed, "once; it is on line 2 already");
    let accepted: Vec<_> = outcome.accepted.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
    assert_eq!(accepted, [(3, "C2"), (6, "E"), (8, "C3")]);
}

#[test]
fn a_row_that_doubles_one_of_an_earlier_file_is_rejected() {
    let mut check = Check::new(CheckOptions::default());
    let mut allowed = Vec::new();
    for (name, text) in
        [("a.csv", "number,displayName\nC1,A\nC2,B\n"), ("b.csv", "displayName,number\nC,C3\nD,c2\nE,C3\n")]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        let source = Source::open(&path, &SourceOptions::default()).unwrap();
        let binding = Binding::bind(source.headers(), EntityKind::Customers, &CUSTOMERS, None).unwrap();
        let counts = check.check_file(source, &binding, |chunk| {
            allowed.extend(
                chunk
                    .rejects
                    .into_iter()
                    .map(|reject| (reject.origin.line, reject.violations[0].allowed.clone())),
            );
            Ok::<(), Infallible>(())
        });
        counts.unwrap();
    }
    assert_eq!(allowed.len(), 2, "{allowed:?}");
    assert!(allowed[0].0 == 3 && allowed[0].1.starts_with("once; it is on line 3 of `"), "{allowed:?}");
    assert!(allowed[0].1.ends_with("a.csv` already"), "{allowed:?}");
    assert_eq!(allowed[1], (4, "once; it is on line 2 already".to_owned()));
}

#[test]
fn a_double_that_comes_back_alone_is_rejected_until_a_person_decides() {
    let reason =
        "duplicate-number: Number: the number stands on an earlier row too; found `C1`; allowed: once";
    let outcome =
        customers(&format!("number,displayName,ferry_reason\nC1,A,{reason}\nC2,B,{reason}\nC1,C,\n"));
    assert_eq!(rules(&outcome), [(2, "number", Rule::DuplicateNumber), (4, "number", Rule::DuplicateNumber)]);
    let words = [
        "another one, or an empty `ferry_reason` cell if this is the row to write",
        "once; it is on line 2 already",
    ];
    for (reject, words) in outcome.rejects.iter().zip(words) {
        assert_eq!(reject.violations[0].allowed, words);
    }
    let decided = customers("number,displayName,ferry_reason\nC1,A,\n");
    assert_eq!(decided.counts.accepted, 1);
}

#[test]
fn receipts_are_sent_negated_and_own_signs_as_they_are() {
    let text = "customerNumber,documentNumber,amount\nC1,P1,10.50\nC1,P2,-3\n";
    let receipts = check(EntityKind::Payments, text, &CheckOptions::default()).unwrap();
    assert_eq!(receipts.accepted[0].2, r#"{"customerNumber":"C1","documentNumber":"P1","amount":-10.50}"#);
    assert_eq!(rules(&receipts), [(3, "amount", Rule::AmountSign)]);
    let as_is = CheckOptions { sign: Sign::AsIs, ..CheckOptions::default() };
    let as_is = check(EntityKind::Payments, text, &as_is).unwrap();
    assert_eq!(as_is.accepted.len(), 2);
    assert!(as_is.accepted[1].2.ends_with(r#""amount":-3}"#));
}

#[test]
fn a_row_that_deletes_or_is_left_out_needs_no_more_than_its_key() {
    let text = "number,displayName,email,ferry_action\nC1,,@,delete\n,,,Delete\nC3,,@,SKIP\nC3,C,,create\n\
                C4,,,update\nC5,,,create\nC6,F,,remove\n,,,skip\n";
    let outcome = customers(text);
    let accepted: Vec<_> = outcome.accepted.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
    assert_eq!(accepted, [(2, "C1"), (4, ""), (5, "C3"), (6, "C4"), (9, "")]);
    assert_eq!(
        rules(&outcome),
        [
            (3, "number", Rule::Missing),
            (7, "displayName", Rule::Missing),
            (8, "ferry_action", Rule::ActionUnknown)
        ]
    );
    let unknown = &outcome.rejects[2].violations[0];
    assert_eq!((unknown.column, unknown.found.as_str()), (Some(3), "remove"));
    let text = "customerNumber,documentNumber,amount,ferry_action\nC1,P1,,delete\nC1,,,delete\n,P3,,delete\n";
    let payments = check(EntityKind::Payments, text, &CheckOptions::default()).unwrap();
    assert_eq!(payments.accepted.len(), 1);
    assert_eq!(
        rules(&payments),
        [(3, "documentNumber", Rule::Missing), (4, "customerNumber", Rule::CustomerMissing)]
    );
}

#[test]
fn many_chunks_come_out_in_file_order() {
    let mut text = "number,displayName\n".to_owned();
    for row in 0..60_000 {
        writeln!(text, "C{row},{}", if row % 1000 == 7 { "" } else { "A company" }).unwrap();
    }
    writeln!(text, "C59,A").unwrap();
    let outcome = customers(&text);
    assert_eq!(
        outcome.counts,
        CheckedCounts { rows: 60_001, accepted: 59_940, rejected: 61, ..CheckedCounts::default() }
    );
    assert!(outcome.accepted.iter().is_sorted());
    assert_eq!(outcome.accepted[8].0, 11);
    assert_eq!(outcome.rejects[60].origin, Origin { row: 60_001, line: 60_002 });
    assert_eq!(outcome.rejects[60].violations[0].allowed, "once; it is on line 61 already");
}

#[test]
fn a_broken_file_stops_with_its_line_in_the_file() {
    let mut text = "number,displayName\n".to_owned();
    for row in 0..60_000 {
        writeln!(text, "C{row},A company").unwrap();
    }
    let fails = |end: &str| {
        let text = format!("{text}{end}");
        let error = check(EntityKind::Customers, &text, &CheckOptions::default()).err().unwrap();
        error.to_string()
    };
    let (row, quote) = (text.len(), text.len() + 3);
    assert!(fails("C1\n").ends_with(&format!("has 1 cells at line 60002, byte {row}, but 2 headers")));
    assert!(
        fails("C1,\"A\n").ends_with(&format!("has a quote at line 60002, byte {quote} that is never closed"))
    );
}

#[test]
fn a_sink_that_refuses_ends_the_check() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "number,displayName").unwrap();
    for row in 0..100_000 {
        writeln!(file, "C{row},A company").unwrap();
    }
    let source = Source::open(file.path(), &SourceOptions::default()).unwrap();
    let binding = Binding::bind(source.headers(), EntityKind::Customers, &CUSTOMERS, None).unwrap();
    let refused = check_file(source, &binding, &CheckOptions::default(), |_| Err(std::fmt::Error));
    assert!(matches!(refused, Err(CheckError::Sink(std::fmt::Error))));
}
