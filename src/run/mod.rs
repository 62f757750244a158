//! Composition only: the stages wired together.

pub mod check;
pub mod company;
pub mod export;
