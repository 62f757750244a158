//! Rules across rows: which rows of a file would be the same record in the target.
//!
//! A key is kept as a hash of 64 bits with the line of its first row, in 15 to 23 bytes. Among ten million rows
//! the chance of two different keys with one hash is below one in 300,000; the later row would be rejected as a
//! duplicate, never lost without a word.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use crate::catalogue::Entity;
use crate::domain::text::{trim, upper};
use crate::domain::{EntityKind, Record, Rule, Value};

/// What makes two rows the same record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A customer's number, upper-cased.
    Number,
    /// A customer's name, for customers without a number; case and runs of blanks do not matter.
    Name,
    /// A payment's document number, upper-cased.
    Document,
    /// The code of a dimension that a customer has a value in, upper-cased, beside the customer's number.
    Dimension,
}

impl KeyKind {
    /// The rule that a second row with the same key breaks.
    #[must_use]
    pub fn rule(self) -> Rule {
        match self {
            Self::Number => Rule::DuplicateNumber,
            Self::Name => Rule::DuplicateName,
            Self::Document => Rule::DuplicateDocument,
            Self::Dimension => Rule::DuplicateDimension,
        }
    }

    /// The catalogue's name of the field that holds the key.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "displayName",
            Self::Document => "documentNumber",
            Self::Dimension => "dimensionCode",
        }
    }
}

/// The natural key of one record, as its row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// What the key is.
    pub kind: KeyKind,
    /// The text of the field that holds it.
    pub text: &'a str,
    /// The number of the customer within whose records the key counts; empty where it counts alone.
    pub customer: &'a str,
}

/// Finds and hashes the natural key of records.
#[derive(Clone, Copy, Debug)]
pub struct NaturalKey {
    candidates: [Option<(KeyKind, usize)>; 2],
    /// The field with the customer, where keys count within one.
    customer: Option<usize>,
}

impl NaturalKey {
    /// The natural key of records of this kind.
    #[must_use]
    pub fn new(kind: EntityKind, entity: &Entity) -> Self {
        let candidate = |kind: KeyKind| entity.index_of(kind.field()).map(|index| (kind, index));
        let candidates = match kind {
            EntityKind::Customers => [candidate(KeyKind::Number), candidate(KeyKind::Name)],
            EntityKind::Dimensions => [candidate(KeyKind::Dimension), None],
            EntityKind::Payments => [candidate(KeyKind::Document), None],
        };
        let customer = entity.index_of("customerNumber").filter(|_| kind == EntityKind::Dimensions);
        Self { candidates, customer }
    }

    /// The same key, without the names: rows of one name are different records when other fields tell them apart.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        for candidate in &mut self.candidates {
            candidate.take_if(|(kind, _)| *kind == KeyKind::Name);
        }
        self
    }

    /// The key of a record, as its row has it; `None` when the fields that could be a key are blank.
    #[must_use]
    #[inline]
    pub fn of<'a>(&self, record: &Record<'a>) -> Option<Key<'a>> {
        let text = |index: usize| match &record.values()[index] {
            Value::Text(text) | Value::Code(text) => Some(*text),
            _ => None,
        };
        let customer = self.customer.map_or(Some(""), text)?;
        let found = self.candidates.iter().flatten();
        found.copied().find_map(|(kind, index)| Some(Key { kind, text: text(index)?, customer }))
    }
}

impl Key<'_> {
    /// The hash of the key, never 0; equal for keys that the target takes for the same.
    #[must_use]
    #[inline]
    pub fn hash(&self) -> u64 {
        const SEED: u64 = 0x6c65_6467_6572;
        let mut hasher = FixedState::with_seed(SEED + self.kind as u64).build_hasher();
        match self.kind {
            KeyKind::Number | KeyKind::Document => hasher.write(upper(trim(self.text)).as_bytes()),
            KeyKind::Dimension => {
                hasher.write(upper(trim(self.customer)).as_bytes());
                hasher.write_u8(0xff); // no byte of a text
                hasher.write(upper(trim(self.text)).as_bytes());
            }
            KeyKind::Name => {
                for word in self.text.split_whitespace() {
                    word.chars()
                        .flat_map(char::to_lowercase)
                        .for_each(|letter| hasher.write_u32(letter.into()));
                    hasher.write_u32(' '.into());
                }
            }
        }
        hasher.finish().max(1)
    }
}

/// The keys of the rows so far, each with the line of its first row.
///
/// Open addressing in many small tables, each of which grows by half on its own: never much more memory
/// than the keys need, not even while growing.
#[derive(Debug)]
pub struct Seen {
    shards: Vec<Shard>,
}

/// The low and high half of a hash, and a line; line 0 is an empty place.
type Slot = [u32; 3];

#[derive(Debug, Default)]
struct Shard {
    slots: Vec<Slot>,
    filled: usize,
}

const SHARD_BITS: u32 = 7;
const FIRST_SLOTS: usize = 32;

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

impl Seen {
    /// No row was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: (0..1 << SHARD_BITS).map(|_| Shard::default()).collect() }
    }

    /// Makes room for about so many rows in advance, which is cheaper than growing on the way; for no more than
    /// two million, as it is a guess.
    pub fn expect_rows(&mut self, rows: u64) {
        const MOST_ROWS: u64 = 2_000_000;
        let rows_a_shard = usize::try_from(rows.min(MOST_ROWS) >> SHARD_BITS).unwrap_or(0);
        for shard in self.shards.iter_mut().filter(|shard| shard.filled == 0) {
            shard.slots = vec![Slot::default(); rows_a_shard * 4 / 3];
        }
    }

    /// Brings the places of these keys close, all at once, before they are inserted one after the other: waiting
    /// for memory is most of the work.
    pub fn touch(&self, hashes: &[u64]) {
        let touched = hashes.iter().fold(0, |sum: u32, hash| {
            let (shard, low) = shard_of(*hash);
            let shard = &self.shards[shard];
            sum.wrapping_add(shard.slots.get(shard.home(low)).map_or(0, |slot| slot[2]))
        });
        std::hint::black_box(touched);
    }

    /// Remembers the key of a row, unless an earlier row has it: then the line of that row. Lines count from 1.
    #[inline]
    pub fn insert(&mut self, hash: u64, line: u64) -> Option<u64> {
        let (shard, low) = shard_of(hash);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        self.shards[shard].insert([low, (hash >> 32) as u32, line]).map(u64::from)
    }
}

/// The shard that a hash belongs to, and its low half.
#[expect(clippy::cast_possible_truncation, reason = "parts of the hash")]
#[inline]
fn shard_of(hash: u64) -> (usize, u32) {
    ((hash >> (64 - SHARD_BITS)) as usize, hash as u32)
}

impl Shard {
    fn insert(&mut self, slot: Slot) -> Option<u32> {
        if self.filled * 5 >= self.slots.len() * 4 {
            self.grow();
        }
        let place = self.place(slot);
        let held = self.slots[place][2];
        if held != 0 {
            return Some(held);
        }
        self.slots[place] = slot;
        self.filled += 1;
        None
    }

    /// The place at which the search for a key starts.
    #[inline]
    fn home(&self, low: u32) -> usize {
        let slots = self.slots.len() as u64;
        usize::try_from((u64::from(low) * slots) >> 32).expect("a place in a table in memory")
    }

    /// Where the key stands, or the empty place where it belongs.
    fn place(&self, [low, high, _]: Slot) -> usize {
        let mut place = self.home(low);
        loop {
            let [held_low, held_high, line] = self.slots[place];
            if line == 0 || (held_low, held_high) == (low, high) {
                return place;
            }
            place += 1;
            if place == self.slots.len() {
                place = 0;
            }
        }
    }

    fn grow(&mut self) {
        let larger = (self.slots.len() * 3 / 2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); larger]);
        for slot in old.into_iter().filter(|slot| slot[2] != 0) {
            let mut place = self.home(slot[0]);
            while self.slots[place][2] != 0 {
                place = if place + 1 == larger { 0 } else { place + 1 };
            }
            self.slots[place] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::DIALECTS;
    use crate::catalogue::business_central_v2::CUSTOMERS;

    fn hash(kind: KeyKind, key: &str) -> u64 {
        Key { kind, text: key, customer: "" }.hash()
    }

    #[test]
    fn a_customer_without_number_is_known_by_name() {
        let key = NaturalKey::new(EntityKind::Customers, &CUSTOMERS);
        let mut record = Record::new(CUSTOMERS.fields.len());
        assert_eq!(key.of(&record), None);
        record.set(CUSTOMERS.index_of("displayName").unwrap(), Value::Text("A"));
        let found = |kind, text| Some(Key { kind, text, customer: "" });
        assert_eq!(key.of(&record), found(KeyKind::Name, "A"));
        record.set(CUSTOMERS.index_of("number").unwrap(), Value::Code("C1"));
        assert_eq!(key.of(&record), found(KeyKind::Number, "C1"));
    }

    #[test]
    fn a_dimension_counts_within_its_customer() {
        let table = DIALECTS[0].entity(EntityKind::Dimensions);
        let key = NaturalKey::new(EntityKind::Dimensions, table);
        let of = |customer: &'static str, dimension: &'static str| {
            let mut record = Record::new(table.fields.len());
            for (name, text) in [("customerNumber", customer), ("dimensionCode", dimension)] {
                if !text.is_empty() {
                    record.set(table.index_of(name).unwrap(), Value::Code(text));
                }
            }
            key.of(&record).map(|key| key.hash())
        };
        assert_eq!(of("c1", "Area"), of("C1", "AREA"));
        assert_ne!(of("C1", "AREA"), of("C2", "AREA"));
        assert_ne!(of("C1", "AREA"), of("C1A", "REA"));
        assert_eq!((of("", "AREA"), of("C1", "")), (None, None));
    }

    #[test]
    fn keys_are_the_same_when_the_target_takes_them_for_the_same() {
        assert_eq!(hash(KeyKind::Number, "c1é"), hash(KeyKind::Number, "C1É"));
        assert_eq!(hash(KeyKind::Name, "Müller  AG"), hash(KeyKind::Name, "MÜLLER ag"));
        assert_ne!(hash(KeyKind::Name, "ab c"), hash(KeyKind::Name, "a bc"));
        assert_ne!(hash(KeyKind::Name, "C1"), hash(KeyKind::Number, "C1"));
    }

    #[test]
    fn many_keys_take_few_bytes() {
        let mut seen = Seen::new();
        seen.expect_rows(100_000);
        for row in 1..=200_000 {
            assert_eq!(seen.insert(hash(KeyKind::Number, &format!("C{row:08}")), row + 1), None);
        }
        let slots: usize = seen.shards.iter().map(|shard| shard.slots.len()).sum();
        assert!(slots * size_of::<Slot>() <= 200_000 * 23, "{slots}");
        assert_eq!(seen.insert(hash(KeyKind::Number, "c00000007"), 9), Some(8));
    }

    proptest! {
        /// The first line of every key is remembered, as a plain map would.
        #[test]
        fn the_first_line_is_kept(keys in prop::collection::vec(0u64..200, 1..400)) {
            let (mut seen, mut oracle) = (Seen::new(), HashMap::new());
            for (key, line) in keys.into_iter().zip(1u64..) {
                // all keys fall into one shard, many into the same place
                let hash = ((key % 7) << 40) | (key + 1);
                let earlier = *oracle.entry(hash).or_insert(line);
                prop_assert_eq!(seen.insert(hash, line), (earlier != line).then_some(earlier));
            }
        }
    }
}
