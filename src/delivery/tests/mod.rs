//! Whole deliveries into the sandbox, judged by its books.

mod bed;
mod conflicts;
mod doubts;
mod endings;
mod faults;
mod strangers;
mod stub;
