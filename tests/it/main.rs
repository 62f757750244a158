//! The promises of the whole program, kept by running it.
