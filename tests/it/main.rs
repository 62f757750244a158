//! The promises of the whole program, kept by running it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod architecture;
mod bigcapital;
mod bigcapital_customers;
mod bigcapital_payments;
mod chain;
mod commands;
mod dialects;
mod diff;
mod diff_money;
mod dimensions;
mod disk;
mod draw;
mod endings;
mod export;
mod faults;
mod guards;
mod habits;
mod judges;
mod kill;
mod load;
mod matching;
mod matrix;
mod memory;
mod migrate;
mod older_dialects;
mod origin;
mod pace;
mod passage;
mod readme;
mod reconcile;
mod relay;
mod restored_dimensions;
mod retry;
mod sheets;
mod systems;
mod testbed;
mod two_systems;
mod undo;
mod unsupported;
