//! Who is whose counterpart: by key, and where several records have one, by what else they say.
//!
//! Promises: a record has at most one counterpart; where several could be it and are not the same in everything, none is.

use super::store::Store;
use crate::run::index::IndexError;

const INDEXES: &str = "
    CREATE INDEX by_key ON records (key, narrow);
    CREATE INDEX by_name ON records (name, narrow);
";

/// The ways in which two records are each other's counterparts, the surest first: what has to be the same, and what
/// else has to hold. A group counts only when it has one record of each side.
const WAYS: [(&str, &str); 6] = [
    ("key", "key <> ''"),
    ("key, narrow", "key <> '' AND narrow <> '' AND key NOT LIKE 'n:%'"),
    // Parts of one payment, which may settle one invoice twice.
    ("key, narrow, further", "key <> '' AND narrow <> '' AND further <> ''"),
    ("key, further", "key <> '' AND further <> ''"),
    // Names count only where one of the two has no number.
    ("name", "name <> ''"),
    ("name, narrow", "name <> '' AND narrow <> ''"),
];

/// Records of one key that are the same in every compared field, however each side writes it, and as many on either
/// side: which of them is whose counterpart makes no difference. What a target rounds is taken in order of the amounts.
const TWINS: &str = "
    WITH alike AS MATERIALIZED (
        SELECT id, side, key, spelling, count(*) OVER (PARTITION BY side, key, spelling) AS of,
            row_number() OVER (PARTITION BY side, key, spelling ORDER BY CAST(amount AS REAL), id) AS place
        FROM records WHERE is_paired = 0 AND key <> '' AND further <> ''
    )
    INSERT INTO pairs
        SELECT a.id, b.id FROM alike a JOIN alike b
        ON a.key = b.key AND a.spelling = b.spelling AND a.place = b.place AND a.of = b.of
        WHERE a.side = 0 AND b.side = 1;
";

/// Marks what was just paired.
const MARK: &str = "
    UPDATE records SET is_paired = 1 WHERE is_paired = 0
        AND (id IN (SELECT a FROM pairs) OR id IN (SELECT b FROM pairs));
";

impl Store {
    /// Finds who is whose counterpart, once all records are added.
    pub(super) fn pair(&self) -> Result<(), IndexError> {
        self.connection.execute_batch(INDEXES)?;
        for (same, condition) in WAYS {
            let by_name = same.starts_with("name");
            let one_has_no_key = if by_name { "AND max(key = '') = 1" } else { "" };
            self.connection.execute_batch(&format!(
                "INSERT INTO pairs
                     SELECT max(CASE side WHEN 0 THEN id END), max(CASE side WHEN 1 THEN id END) FROM records
                     WHERE is_paired = 0 AND {condition} GROUP BY {same}
                     HAVING count(*) = 2 AND sum(side) = 1 {one_has_no_key};
                 {MARK}"
            ))?;
        }
        Ok(self.connection.execute_batch(&format!("{TWINS}{MARK}"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::diff::store::{Entry, Side, Single};

    fn entry(key: &str, name: &str, narrow: &str) -> Entry {
        Entry {
            shown: format!("{key}{name}{narrow}"),
            key: key.to_owned(),
            name: name.to_owned(),
            narrow: narrow.to_owned(),
            body: "{}".to_owned(),
            ..Entry::default()
        }
    }

    /// A part of the payment `document`: the invoice it settles, its amount, and what else it says.
    fn part(document: &str, invoice: &str, amount: &str, body: &str) -> Entry {
        Entry {
            further: amount.to_owned(),
            spelling: format!("{invoice} {amount} {body}"),
            ..entry(&format!("p:{document}"), "", invoice)
        }
    }

    /// How many pairs there are, and who has no counterpart: `a:` or `b:`, the key, `?` where it is ambiguous.
    fn found(a: &[Entry], b: &[Entry]) -> (usize, Vec<String>) {
        let mut store = Store::new().unwrap();
        store.add(Side::A, a).unwrap();
        store.add(Side::B, b).unwrap();
        store.pair().unwrap();
        let (mut pairs, mut singles) = (0, Vec::new());
        store
            .each_pair(|_| {
                pairs += 1;
                Ok::<(), IndexError>(())
            })
            .unwrap();
        let tell = |single: &Single| {
            let side = if single.side == Side::A { "a" } else { "b" };
            let mark = if single.is_ambiguous { "?" } else { "" };
            singles.push(format!("{side}:{}{mark}", single.shown));
            Ok::<(), IndexError>(())
        };
        store.each_single(tell).unwrap();
        (pairs, singles)
    }

    #[test]
    fn a_number_decides_and_a_name_only_where_one_has_no_number() {
        let a = [entry("n:1", "x", ""), entry("n:2", "y", ""), entry("", "z", "")];
        let b = [entry("n:1", "other", ""), entry("n:3", "y", ""), entry("n:4", "z", "")];
        assert_eq!(found(&a, &b), (2, vec!["a:n:2y".to_owned(), "b:n:3y".to_owned()]));
    }

    #[test]
    fn namesakes_are_told_apart_by_their_address_or_not_at_all() {
        let a = [entry("", "twin", "1@x"), entry("", "twin", "2@x"), entry("", "lone", "old@x")];
        let b = [entry("", "twin", "1@x"), entry("", "twin", "3@x"), entry("", "lone", "new@x")];
        let (pairs, singles) = found(&a, &b);
        assert_eq!((pairs, singles), (2, vec!["a:twin2@x?".to_owned(), "b:twin3@x?".to_owned()]));
        assert_eq!(found(&a[..2], &b[..1]), (1, vec!["a:twin2@x".to_owned()]));
    }

    #[test]
    fn a_number_that_one_side_has_twice_is_ambiguous_whatever_else_agrees() {
        let a = [entry("n:1", "x", "1@x"), entry("n:1", "y", "2@x")];
        let b = [entry("n:1", "x", "1@x")];
        let (pairs, singles) = found(&a, &b);
        assert_eq!((pairs, singles.iter().filter(|single| single.ends_with('?')).count()), (0, 3));
    }

    #[test]
    fn payments_of_one_document_are_told_apart_by_invoice_and_amount_or_not_at_all() {
        let a = [
            part("1", "i1", "5", ""),
            part("1", "i2", "5", ""),
            part("1", "", "7", "x"),
            part("1", "", "8", ""),
        ];
        let b = [
            part("1", "i2", "5", ""),
            part("1", "i1", "6", ""),
            part("1", "", "7", "y"),
            part("1", "", "9", ""),
        ];
        let (pairs, singles) = found(&a, &b);
        assert_eq!((pairs, singles), (3, vec!["a:p:1?".to_owned(), "b:p:1?".to_owned()]));
        // One invoice, settled twice.
        let a = [part("1", "i1", "5", ""), part("1", "i1", "6", "")];
        let b = [part("1", "i1", "6", ""), part("1", "i1", "5", "")];
        assert_eq!(found(&a, &b), (2, vec![]));
    }

    #[test]
    fn payments_that_are_the_same_in_everything_are_equal_where_there_are_as_many_of_them() {
        let twins = [part("1", "i1", "5", "x"), part("1", "i1", "5", "x")];
        assert_eq!(found(&twins, &twins), (2, vec![]));
        let (pairs, singles) = found(&twins, &[twins.as_slice(), &twins[..1]].concat());
        assert_eq!((pairs, singles.len()), (0, 5));
        assert!(singles.iter().all(|single| single.ends_with('?')), "{singles:?}");
    }

    #[test]
    fn what_nothing_names_is_ambiguous() {
        assert_eq!(found(&[entry("", "", "a@x")], &[]), (0, vec!["a:a@x?".to_owned()]));
    }
}
