//! The words every stage shares: rows and where they came from, money, violations, operations and what
//! became of them.
//!
//! Nothing here touches a file, a socket, a clock, a thread or the environment.

pub mod money;
