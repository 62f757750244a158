//! A Bigcapital organization in the sandbox: its API under a base URL of its own, in the same process and books file.
//!
//! In: requests below [`ROOT_PATH`]. Out: answers as a running server gave them, recorded in `tests/bigcapital/`,
//! with the traps it sets: bare 500s, properties that vanish, postings that are swallowed when two write at once.
//!
//! Wrong on purpose, because the real server is: text too long or with four-byte characters, postal codes, unreadable
//! opening dates, page zero and deleting a customer with documents end in a bare 500; nothing about a customer is
//! unique; payment entries are whole numbers, and payment numbers that read as numbers are refused; the amount of a
//! payment is not compared with its entries; the balance in the answer to a write is stale; reports carry binary
//! noise; days are instants of local midnight; each route has its own ten calls a minute when a rate is set; and of
//! two writers at once some lose what they were told is stored (`racing`). `--strict` only leaves out what the
//! published description adds to customers.
//!
//! The path of a request: `door` (counters, faults, who else is at work) → `routes` → `carry_out` (one turn at the
//! books, credentials) → `customers`, `payments`, `invoices`, `journals`, `lists`, `reports`, …, which read the body
//! with `check` and keep the books with `desk` and `ledger`.

mod accounts;
mod ask;
mod audit;
mod carry_out;
mod check;
mod customer_view;
mod customers;
mod desk;
mod door;
mod figures;
mod invoice_view;
mod invoices;
mod journals;
mod keys;
mod ledger;
mod listing;
mod lists;
mod organization;
mod payment_view;
mod payments;
mod racing;
mod refusal;
mod reports;
mod routes;
mod seed;
#[cfg(test)]
mod tests;
mod throttle;

use rusqlite::Connection;
use serde::Serialize;

pub(super) use audit::judge;
pub use audit::{BigcapitalBooks, BigcapitalDuplicates, BigcapitalSums, BigcapitalWrites};
use desk::Desk;
pub(super) use door::serve;
pub(super) use seed::{add, create};

use super::limits::Rate;

/// The path of the API.
pub(super) const ROOT_PATH: &str = "/bigcapital/api";

/// What a client needs to know to talk to the imitated Bigcapital.
#[derive(Clone, Debug, Serialize)]
pub struct BigcapitalWelcome {
    /// The address of the API.
    pub url: String,
    /// A key that opens it.
    pub api_key: String,
    /// The organization's name.
    pub organization: String,
    /// Its id, which a token from sign-in has to be sent with.
    pub organization_id: String,
    /// Who may sign in.
    pub email: String,
    /// The password, which opens nothing but a sandbox.
    pub password: String,
}

/// The imitated server's state outside its books.
#[derive(Debug)]
pub(super) struct Bigcapital {
    throttle: throttle::Throttle,
    tokens: keys::Tokens,
    writers: racing::Writers,
    utc_offset: i8,
    strict: bool,
}

impl Bigcapital {
    /// A server that allows `rate` calls per route, with its clock `utc_offset` hours from UTC.
    pub(super) fn new(rate: Option<Rate>, utc_offset: i8, strict: bool) -> Self {
        Self {
            throttle: throttle::Throttle::new(rate),
            tokens: keys::Tokens::default(),
            writers: racing::Writers::default(),
            utc_offset,
            strict,
        }
    }

    fn desk<'a>(&self, connection: &'a Connection) -> Desk<'a> {
        Desk::new(connection, self.utc_offset, self.strict)
    }
}

/// What a client needs to know of a sandbox at `address`.
pub(super) fn welcome(address: std::net::SocketAddr) -> BigcapitalWelcome {
    BigcapitalWelcome {
        url: format!("http://{address}{ROOT_PATH}"),
        api_key: keys::API_KEY.to_owned(),
        organization: seed::ORGANIZATION.to_owned(),
        organization_id: seed::ORGANIZATION_ID.to_owned(),
        email: keys::EMAIL.to_owned(),
        password: keys::PASSWORD.to_owned(),
    }
}
