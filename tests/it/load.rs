//! What files bring to the books, whatever the dialect.

use std::collections::BTreeMap;

use ledgerferry::catalogue::Dialect;
use ledgerferry::domain::EntityKind;
use ledgerferry::plan::Mode;

use crate::sheets::{Cells, Sheet};

/// Rows of one file: four batches and more of the matrix.
const ROWS: usize = 24;

/// What a file brings to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// New customers with numbers.
    Numbered,
    /// New customers that the server gives their numbers.
    Unnumbered,
    /// Customers that are there, each with changes.
    Updated,
    /// Customers of which a third is new, a third has changes, and a third is there as it is.
    Mixed,
    /// Customers that are there and have to go.
    Deleted,
    /// New payments.
    Payments,
    /// Payments of which a third is new, a third has another amount, and a third is there as it is.
    MixedPayments,
    /// New default dimensions.
    Dimensions,
    /// Default dimensions of which a third is new, a third has another value, and a third is there as it is.
    MixedDimensions,
    /// Default dimensions that are there and have to go.
    DeletedDimensions,
}

impl Load {
    pub(crate) const ALL: [Self; 10] = [
        Self::Numbered,
        Self::Unnumbered,
        Self::Updated,
        Self::Mixed,
        Self::Deleted,
        Self::Payments,
        Self::MixedPayments,
        Self::Dimensions,
        Self::MixedDimensions,
        Self::DeletedDimensions,
    ];

    pub(crate) fn kind(self) -> EntityKind {
        match self {
            Self::Payments | Self::MixedPayments => EntityKind::Payments,
            Self::Dimensions | Self::MixedDimensions | Self::DeletedDimensions => EntityKind::Dimensions,
            _ => EntityKind::Customers,
        }
    }

    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::Numbered | Self::Unnumbered | Self::Payments | Self::Dimensions => Mode::Create,
            Self::Updated => Mode::Update,
            _ => Mode::Upsert,
        }
    }

    /// Whether files of this kind make sense for the dialect: what has no number of its own gets none from a server that
    /// gives none, and not every system has dimensions.
    pub(crate) fn is_for(self, dialect: &Dialect) -> bool {
        match self {
            Self::Unnumbered => dialect.customers.field("number").is_some(),
            _ => self.kind() != EntityKind::Dimensions || dialect.default_dimensions.is_some(),
        }
    }

    /// Whether its rows take records away.
    pub(crate) fn deletes(self) -> bool {
        matches!(self, Self::Deleted | Self::DeletedDimensions)
    }

    /// How often the runs of a cell with this load die, where others do so `most` times: default dimensions go much the
    /// way of customers.
    pub(crate) fn deaths(self, most: u64) -> u64 {
        if self.kind() == EntityKind::Dimensions { most.div_ceil(3) } else { most }
    }

    /// Its file for this dialect.
    pub(crate) fn sheet(self, dialect: &'static Dialect) -> Sheet {
        Sheet { dialect, kind: self.kind() }
    }

    /// The rows of file `round`; the books must hold exactly these in the end.
    pub(crate) fn rows(self, sheet: Sheet, round: u64) -> Vec<Cells> {
        let mut rows: Vec<_> = (1..=ROWS).map(|row| sheet.row(round, row)).collect();
        self.forget_numbers(&mut rows);
        rows
    }

    /// Takes out of the rows what the server chose.
    pub(crate) fn forget_numbers(self, rows: &mut [Cells]) {
        if self == Self::Unnumbered {
            for cells in rows {
                cells[0].clear();
            }
        }
    }

    /// What of these rows is in the books before, and how.
    pub(crate) fn earlier(self, rows: &[Cells]) -> Vec<Cells> {
        let thirds = || rows.iter().enumerate().filter(|(row, _)| row % 3 != 0);
        match self {
            Self::Numbered | Self::Unnumbered | Self::Payments | Self::Dimensions => Vec::new(),
            Self::Updated => rows.iter().map(Sheet::earlier).collect(),
            Self::Deleted | Self::DeletedDimensions => rows.to_vec(),
            Self::Mixed | Self::MixedPayments | Self::MixedDimensions => thirds()
                .map(|(number, row)| if number % 3 == 1 { Sheet::earlier(row) } else { row.clone() })
                .collect(),
        }
    }

    /// How many rows end in which state.
    pub(crate) fn states(self) -> BTreeMap<String, usize> {
        let is_mixed = matches!(self, Self::Mixed | Self::MixedPayments | Self::MixedDimensions);
        let unchanged = if is_mixed { ROWS / 3 } else { 0 };
        let states = [("done".to_owned(), ROWS - unchanged), ("unchanged".to_owned(), unchanged)];
        states.into_iter().filter(|(_, rows)| *rows > 0).collect()
    }
}
