//! Composition only: the stages wired together.

pub mod company;
pub mod export;
