//! Whole deliveries into the sandbox, judged by its books.

mod batches;
mod bed;
mod conflicts;
mod doubts;
mod endings;
mod faults;
mod guards;
mod lanes;
mod overlaps;
mod strangers;
mod stub;
mod throttling;
mod writers;
