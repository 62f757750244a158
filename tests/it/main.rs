//! The promises of the whole program, kept by running it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod commands;
mod endings;
mod export;
mod guards;
mod kill;
mod origin;
mod readme;
mod testbed;
