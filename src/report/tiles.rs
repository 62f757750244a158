//! The large counts at the top of the report page, and the bar that shows their proportions.

use serde::Serialize;

use super::summary::{Phase, Summary};
use super::text::grouped;
use crate::domain::{Action, State};

/// Units across the proportional bar.
const BAR_UNITS: u64 = 1000;
/// The least a segment of the bar is wide, so that one row in a million is still seen.
pub(super) const BAR_LEAST: u64 = 8;

/// One of the large counts.
#[derive(Serialize)]
pub(super) struct Tile {
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) rows: u64,
    pub(super) shown: String,
    pub(super) label: &'static str,
}

/// One part of the bar.
#[derive(Serialize)]
pub(super) struct Segment {
    pub(super) class: &'static str,
    pub(super) label: &'static str,
    pub(super) shown: String,
    pub(super) from: u64,
    pub(super) width: u64,
}

/// The counts that a reader sees first: what would happen, or what happened.
pub(super) fn tiles(summary: &Summary) -> Vec<Tile> {
    let tile = |class, sign, rows, label| Tile { class, sign, rows, shown: grouped(rows), label };
    let action = |action| summary.with_action(action);
    let state = |state| summary.in_state(state);
    match summary.phase() {
        Phase::Check => vec![
            tile("create", "✓", state(State::Planned), "passed every rule"),
            tile("reject", "×", state(State::Rejected), "cannot be written"),
        ],
        Phase::Plan => {
            let mut tiles = vec![
                tile("create", "+", action(Action::Create), "new"),
                tile("update", "~", action(Action::Update), "changed"),
                tile("unchanged", "=", action(Action::Unchanged) + action(Action::Skip), "nothing to do"),
                tile("conflict", "!", action(Action::Conflict), "in conflict"),
                tile("reject", "×", action(Action::Reject), "cannot be written"),
            ];
            if action(Action::Delete) > 0 {
                tiles.insert(2, tile("reject", "−", action(Action::Delete), "to delete"));
            }
            tiles
        }
        Phase::Outcome => vec![
            tile("create", "✓", state(State::Done), "written"),
            tile("unchanged", "=", state(State::Unchanged) + state(State::Skipped), "nothing to do"),
            tile("update", "?", summary.unsettled(), "open or in doubt"),
            tile("conflict", "!", state(State::Refused) + state(State::Conflict), "refused or in conflict"),
            tile("reject", "×", state(State::Rejected), "rejected here"),
        ],
    }
}

/// The tiles as one bar, in the same order; rounding and the least width are taken from the widest segment.
pub(super) fn bar(tiles: &[Tile]) -> Vec<Segment> {
    let rows: u64 = tiles.iter().map(|tile| tile.rows).sum();
    let wanted = |tile: &Tile| match tile.rows {
        0 => 0,
        some => (some.saturating_mul(BAR_UNITS) / rows).max(BAR_LEAST),
    };
    let mut widths: Vec<u64> = tiles.iter().map(wanted).collect();
    let others: u64 = widths.iter().sum();
    if let Some(widest) = widths.iter_mut().max() {
        *widest = (*widest + BAR_UNITS).saturating_sub(others);
    }
    let mut from = 0;
    let mut segments = Vec::new();
    for (tile, width) in tiles.iter().zip(widths).filter(|(tile, _)| tile.rows > 0) {
        segments.push(Segment {
            class: tile.class,
            label: tile.label,
            shown: tile.shown.clone(),
            from,
            width,
        });
        from += width;
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_always_full_and_shows_even_one_row_in_a_million() {
        let tile = |rows| Tile { class: "create", sign: "+", rows, shown: String::new(), label: "" };
        for counts in [[1, 0, 0], [999_999, 1, 1], [1, 1, 1], [5, 5_000_000, 1]] {
            let segments = bar(&counts.map(tile));
            assert_eq!(segments.iter().map(|segment| segment.width).sum::<u64>(), BAR_UNITS);
            assert!(segments.iter().all(|segment| segment.width >= BAR_LEAST));
        }
        assert!(bar(&[0, 0].map(tile)).is_empty());
    }
}
