//! The records of both sides, in one private temporary database: who is whose counterpart, and who has none.
//!
//! Promises: memory stays flat however many records there are; a record has at most one counterpart, and where several
//! could be it, none is.

use rusqlite::{Connection, params};

use crate::domain::Money;
use crate::run::index::IndexError;

const TABLES: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536;
    CREATE TABLE records (
        id INTEGER PRIMARY KEY, side INTEGER NOT NULL, remote TEXT NOT NULL, shown TEXT NOT NULL,
        label TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, narrow TEXT NOT NULL, further TEXT NOT NULL,
        body TEXT NOT NULL, spelling TEXT NOT NULL, amount TEXT, balance TEXT, currency TEXT, payer TEXT NOT NULL, invoice TEXT NOT NULL,
        is_paired INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE pairs (a INTEGER PRIMARY KEY, b INTEGER NOT NULL UNIQUE);
    CREATE TABLE unreadable (id INTEGER PRIMARY KEY, side INTEGER NOT NULL, shown TEXT NOT NULL, why TEXT NOT NULL);
";

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// Both, in order.
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Its place in an array of two.
    pub(super) fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }

    pub(super) fn of(number: i64) -> Self {
        if number == 0 { Self::A } else { Self::B }
    }

    fn number(self) -> i64 {
        i64::from(self == Self::B)
    }
}

/// A record of one side, ready to be found.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The target's id; empty for a row of a file.
    pub(super) remote: String,
    /// The key in words a person knows.
    pub(super) shown: String,
    /// What else tells a person which record it is.
    pub(super) label: String,
    /// What decides, where it is filled.
    pub(super) key: String,
    /// What decides where one of two records has no key.
    pub(super) name: String,
    /// What tells records of the same name or key apart.
    pub(super) narrow: String,
    /// What tells records apart that have all of that in common: only payments have it.
    pub(super) further: String,
    /// The compared fields as a JSON object.
    pub(super) body: String,
    /// What the bodies of payments that are the same have in common, however each side writes it.
    pub(super) spelling: String,
    /// The amount that is added up.
    pub(super) amount: Option<Money>,
    /// What the customer owes, where that is known.
    pub(super) balance: Option<Money>,
    /// The currency of both; `None` when the record does not say it.
    pub(super) currency: Option<String>,
    /// Who pays in that currency, folded; empty where nobody has to be asked.
    pub(super) payer: String,
    /// The invoice that is in that currency, folded; empty where it has not to be looked at.
    pub(super) invoice: String,
}

/// Two records that are each other's counterparts.
#[derive(Debug)]
pub(super) struct Pair {
    /// The key in words a person knows.
    pub(super) shown: String,
    /// Both bodies.
    pub(super) bodies: [String; 2],
    /// Both balances.
    pub(super) balances: [Option<Money>; 2],
}

/// A record without a counterpart.
#[derive(Debug)]
pub(super) struct Single {
    /// Where it is.
    pub(super) side: Side,
    /// The key in words a person knows.
    pub(super) shown: String,
    /// What else tells a person which record it is.
    pub(super) label: String,
    /// Whether several could be its counterpart, or nothing tells which one is.
    pub(super) is_ambiguous: bool,
}

/// The records of both sides.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
}

impl Store {
    /// Without a record yet.
    pub(super) fn new() -> Result<Self, IndexError> {
        let connection = Connection::open("")?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection })
    }

    /// Adds records of one side.
    pub(super) fn add(&mut self, side: Side, entries: &[Entry]) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO records (side, remote, shown, label, key, name, narrow, further, body, spelling, \
                 amount, balance, currency, payer, invoice) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?;
            for entry in entries {
                insert.execute(params![
                    side.number(),
                    entry.remote.to_lowercase(),
                    entry.shown,
                    entry.label,
                    entry.key,
                    entry.name,
                    entry.narrow,
                    entry.further,
                    entry.body,
                    entry.spelling,
                    entry.amount.map(|amount| amount.to_string()),
                    entry.balance.map(|balance| balance.to_string()),
                    entry.currency,
                    entry.payer,
                    entry.invoice,
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Adds a row that breaks rules, and why.
    pub(super) fn add_unreadable(&self, side: Side, shown: &str, why: &str) -> Result<(), IndexError> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO unreadable (side, shown, why) VALUES (?1, ?2, ?3)")?;
        insert.execute(params![side.number(), shown, why])?;
        Ok(())
    }

    /// Makes [`Self::set_balances`] quick.
    pub(super) fn index_remotes(&self) -> Result<(), IndexError> {
        let index = "CREATE INDEX IF NOT EXISTS by_remote ON records (side, remote)";
        Ok(self.connection.execute_batch(index)?)
    }

    /// Says what the customers with these ids owe.
    pub(super) fn set_balances(
        &mut self,
        side: Side,
        balances: &[(String, Money)],
    ) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut update = transaction
                .prepare_cached("UPDATE records SET balance = ?3 WHERE side = ?1 AND remote = ?2")?;
            for (remote, balance) in balances {
                update.execute(params![side.number(), remote.to_lowercase(), balance.to_string()])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Says what the customers of a side owe of whom nothing was said yet.
    pub(super) fn set_other_balances(&self, side: Side, balance: Money) -> Result<(), IndexError> {
        let update = "UPDATE records SET balance = ?2 WHERE side = ?1 AND balance IS NULL";
        self.connection.execute(update, params![side.number(), balance.to_string()])?;
        Ok(())
    }

    /// Shows `visit` every pair, in the order of the first side.
    pub(super) fn each_pair<E: From<IndexError>>(
        &self,
        mut visit: impl FnMut(Pair) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pairs = self
            .connection
            .prepare(
                "SELECT a.shown, b.shown, a.body, b.body, a.balance, b.balance FROM pairs \
             JOIN records a ON a.id = pairs.a JOIN records b ON b.id = pairs.b ORDER BY pairs.a",
            )
            .map_err(IndexError::from)?;
        let mut rows = pairs.query([]).map_err(IndexError::from)?;
        while let Some(row) = rows.next().map_err(IndexError::from)? {
            visit(pair_of(row).map_err(IndexError::from)?)?;
        }
        Ok(())
    }

    /// Shows `visit` every record without a counterpart, those of the first side first.
    pub(super) fn each_single<E: From<IndexError>>(
        &self,
        mut visit: impl FnMut(&Single) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut singles = self
            .connection
            .prepare(
                "SELECT side, shown, label, (key = '' AND name = '') \
                 OR EXISTS (SELECT 1 FROM records o WHERE o.key = r.key AND r.key <> '' \
                     AND o.side <> r.side AND o.is_paired = 0) \
                 OR EXISTS (SELECT 1 FROM records o WHERE o.name = r.name AND r.name <> '' \
                     AND (o.key = '' OR r.key = '') AND o.side <> r.side AND o.is_paired = 0) \
             FROM records r WHERE is_paired = 0 ORDER BY side, id",
            )
            .map_err(IndexError::from)?;
        let mut rows = singles.query([]).map_err(IndexError::from)?;
        while let Some(row) = rows.next().map_err(IndexError::from)? {
            visit(&single_of(row).map_err(IndexError::from)?)?;
        }
        Ok(())
    }

    /// Shows `visit` every row that breaks rules: its side, what names it, and why.
    pub(super) fn each_unreadable<E: From<IndexError>>(
        &self,
        mut visit: impl FnMut(Side, &str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = "SELECT side, shown, why FROM unreadable ORDER BY side, id";
        let mut unreadable = self.connection.prepare(query).map_err(IndexError::from)?;
        let mut rows = unreadable.query([]).map_err(IndexError::from)?;
        while let Some(row) = rows.next().map_err(IndexError::from)? {
            let texts = || {
                Ok::<_, rusqlite::Error>((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            };
            let (side, shown, why) = texts().map_err(IndexError::from)?;
            visit(Side::of(side), &shown, &why)?;
        }
        Ok(())
    }
}

fn pair_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pair> {
    let (first, second): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Pair {
        shown: if first.is_empty() { second } else { first },
        bodies: [row.get(2)?, row.get(3)?],
        balances: [money(row, 4)?, money(row, 5)?],
    })
}

fn single_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Single> {
    Ok(Single {
        side: Side::of(row.get(0)?),
        shown: row.get(1)?,
        label: row.get(2)?,
        is_ambiguous: row.get(3)?,
    })
}

/// An amount that was kept as text, so that it keeps its digits.
pub(super) fn money(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<Money>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| text.parse().ok()))
}
