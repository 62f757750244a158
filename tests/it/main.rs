//! The promises of the whole program, kept by running it.

mod architecture;
mod export;
