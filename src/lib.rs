//! ledgerferry carries customers and payments between spreadsheets and accounting systems: none lost, none
//! doubled, nothing surprising.
//!
//! This page is the map. The promise of the whole: **every row of a file arrives in the books exactly once, and
//! you knew beforehand what would happen.**
//!
//! # The path of the data
//!
//! ```text
//!  file ──source──► rows ──mapping──► records ──validation──► accepted ──┐       rayon, in chunks
//!                                         └────► rejects                 │
//!  target ──what exists────────────────────────────────► plan ◄──────────┘       create, update, unchanged,
//!                                                          │                     conflict, reject
//!                                                        ledger                  one SQLite file per run
//!                                                          │
//!                      delivery: pace → intent durable → send → outcome durable  tokio
//!                                                          │
//!                                    report: results, rejects, totals, page
//!
//!  target ──pages──► export ──► csv, xlsx, jsonl, published whole or not at all, with a manifest
//! ```
//!
//! | stage | does |
//! |---|---|
//! | [`domain`] | the words all stages share: rows, records, rules, money, operations and their outcomes |
//! | [`catalogue`] | every field of every record of a dialect, as data |
//! | [`source`] | files to rows |
//! | [`mapping`] | rows to records: columns bound to fields, cells to typed values |
//! | [`validation`] | records to accepted ones and rejects |
//! | [`connector`] | records to payloads and requests, replies to verdicts; translation only |
//! | [`plan`] | a row against what the target holds: what to do with it |
//! | [`ledger`] | the durable memory of a run |
//! | [`pace`] | what a credential may send and when, counted by all processes of a project together |
//! | [`delivery`] | pending rows to durable outcomes: retries, doubt |
//! | [`transport`] | HTTP and signing in; the only user of its library |
//! | [`export`] | pages of the target to files |
//! | [`report`] | what a run says of itself |
//! | [`durable`] | files published whole or not at all |
//! | [`profile`] | a named target with its address, credentials and limits |
//! | [`run`] | the stages put together: plan, apply, undo, reconcile, export |
//! | [`sandbox`] | a server that imitates the target, for demos and tests; it shares no types with the client |
//!
//! Who may import whom is kept as data in `tests/it/architecture.rs`. Only the binary prints, reads the
//! environment, and knows the command line.
//!
//! # Exactly once
//!
//! The target's API has no idempotency keys, so exactly-once is made of four parts: an intent that is durable
//! before its request leaves ([`ledger`]); an identity that makes a repeat harmless, which is a customer's number
//! or a payment's reserved line in its journal ([`connector`]); a look-up that cannot be stale whenever an answer
//! is missing, and a wait as long as the server's own time limit before an absence is believed ([`delivery`]);
//! and a count of every row at the end ([`report`]).
//!
//! # Threads and tasks
//!
//! Reading and checking burn CPU: one reading thread and the rayon pool, no async. Delivery and export wait:
//! tokio. The ledger is written by one thread that groups what is waiting into one sync.

pub mod catalogue;
pub mod connector;
pub mod delivery;
pub mod domain;
pub mod durable;

pub mod export;
pub mod ledger;
pub mod mapping;
pub mod pace;
pub mod plan;
pub mod profile;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod source;
pub mod transport;
pub mod validation;

pub use run::Error;
