//! The promises of the whole program, kept by running it.

mod architecture;
mod commands;
mod export;
mod kill;
mod origin;
mod testbed;
