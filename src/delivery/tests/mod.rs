//! Whole deliveries into the sandbox, judged by its books.

mod bed;
mod endings;
mod faults;
