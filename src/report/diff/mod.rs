//! What a comparison says: which records differ, in what, and what both sides add up to.
//!
//! In: every record of both sides once, as one of a pair or alone. Out, in a folder: `diff.csv` (key, field, a, b,
//! kind; one line for each field that differs and for each record without a counterpart) and `diff.json`; and a
//! summary for the terminal.
//!
//! Promises: lines are streamed; both files appear whole, `diff.json` last.

mod document;
mod facts;
mod terminal;
mod writer;

pub use document::{Diff, DiffFiles};
pub use facts::{DiffFacts, DiffKind, DiffSide, DiffTotals, Difference};
pub use writer::DiffWriter;

#[cfg(test)]
mod tests {
    use super::writer::{JSON_NAME, NAME};
    use super::*;
    use crate::domain::{EntityKind, FieldChange, Money};
    use crate::report::facts::ExitFacts;
    use crate::report::terminal::Style;
    use crate::report::totals::Total;

    fn written() -> (tempfile::TempDir, Diff) {
        let folder = tempfile::tempdir().unwrap();
        let total = |count, sum: i64| Total::new(count, Money::from(sum));
        let side = |name: &str, profile: Option<&str>| DiffSide {
            name: name.to_owned(),
            profile: profile.map(str::to_owned),
            records: 0,
        };
        let facts = DiffFacts {
            kind: EntityKind::Customers,
            sides: [side("a.csv", None), side("@books (CRONUS)", Some("books"))],
            matched_by: vec!["number"],
            compared: vec!["number", "city"],
            only: [vec!["note"], vec!["website"]],
            notes: vec!["of several e-mail addresses the first counts".to_owned()],
            totals: [(("balance", "EUR".to_owned()), [total(2, 30), total(1, 20)])].into(),
            next: vec![
                (DiffKind::Different, "ferry import a.csv -p books".to_owned()),
                (DiffKind::OnlyInA, "ferry import a.csv -p books".to_owned()),
                (DiffKind::Ambiguous, "say --match".to_owned()),
            ],
        };
        let mut writer = DiffWriter::create(folder.path(), facts).unwrap();
        let change = FieldChange { field: "city".to_owned(), from: "=Bonn".to_owned(), to: "Ulm".to_owned() };
        writer.add_pair("1", &[]).unwrap();
        writer.add_pair("2", &[change]).unwrap();
        writer.add_single(DiffKind::OnlyInB, 1, ("3", "Trey")).unwrap();
        writer.add_single(DiffKind::Unreadable, 0, ("line 9", "email: not-an-email")).unwrap();
        let diff = writer.publish(ExitFacts::default()).unwrap();
        (folder, diff)
    }

    #[test]
    fn every_difference_has_a_line_and_no_cell_is_a_formula() {
        let (folder, diff) = written();
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        insta::assert_snapshot!(text, @"
        key,field,a,b,kind
        2,city,Ulm,'=Bonn,different
        3,,,Trey,only-in-b
        line 9,,email: not-an-email,,unreadable
        ");
        assert_eq!(diff.facts.sides.each_ref().map(|side| side.records), [3, 3]);
        assert_eq!(std::fs::read_to_string(folder.path().join(JSON_NAME)).unwrap(), diff.json());
    }

    #[test]
    fn the_document_holds_sums_and_their_difference() {
        let (_folder, diff) = written();
        let document: serde_json::Value = serde_json::from_str(&diff.json()).unwrap();
        assert_eq!(document["totals"][0]["difference"]["sum"], 10);
        assert_eq!(document["counts"]["only-in-b"], 1);
        assert_eq!(document["counts"]["ambiguous"], 0);
        assert_eq!(document["fields"]["only_in_a"][0], "note");
    }

    #[test]
    fn the_summary_says_what_differs_and_what_was_not_compared() {
        let (folder, diff) = written();
        let text = diff.terminal(Style { colour: false, width: 80 });
        let text = text.replace(&folder.path().display().to_string(), "DIR");
        insta::assert_snapshot!(text, @"
        DIFFERENT: 1 customer equal, 3 not.
          a  a.csv with 3 records
          b  @books (CRONUS) with 3 records
          equal              1
          different          1
          only-in-b          1
          unreadable         1
          2  city: a `Ulm`, b `=Bonn`
          only-in-b 3: Trey
          unreadable line 9: email: not-an-email
        Totals  balance EUR   a 30.00 (2)  b 20.00 (1)  difference 10.00 ✗
        matched by: number
        compared: number, city
        not compared, @books has no place for: note
        not compared, a.csv has no column for: website
        note: of several e-mail addresses the first counts
        differences  DIR/diff.csv
        Next: ferry import a.csv -p books
        ");
    }
}
