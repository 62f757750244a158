//! Records to accepted or rejected: what the catalogue, the reference tables and the other rows of the file
//! demand.
//!
//! In: a filled record. Out: the rules it breaks, and a natural key by which a second row for the same record
//! is found.
//!
//! Promises: a rule refuses only what the target would refuse, cut or round, or what would be posted wrongly;
//! what cannot be known offline is not judged.

mod across;
mod email;
mod field;
mod record;

pub use across::{Key, KeyKind, NaturalKey, Seen};
pub use field::Rules;
pub use record::Sign;
