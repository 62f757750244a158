//! The server's promises, kept over a real socket.

mod beta;
mod client;
mod customers;
mod dialects;
mod dimensions;
mod faults;
mod journals;
mod protocol;
mod reading;
mod rules;
mod v1;
