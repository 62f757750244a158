//! The server's promises, kept over a real socket.

mod client;
mod customers;
mod faults;
mod journals;
mod protocol;
mod reading;
mod rules;
