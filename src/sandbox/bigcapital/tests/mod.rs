//! The imitated Bigcapital over a real socket: what was recorded, and what it does wrong on purpose.

mod bench;
mod compare;
mod money;
mod racing;
mod replay;
mod traps;
