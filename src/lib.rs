//! ledgerferry carries customers and payments between spreadsheets and accounting systems: none lost, none
//! doubled, nothing surprising.

pub mod catalogue;
pub mod connector;
pub mod delivery;
pub mod domain;
pub mod durable;
pub mod export;
pub mod ledger;
pub mod report;
pub mod run;
pub mod mapping;
pub mod sandbox;
pub mod source;
pub mod transport;
pub mod validation;
