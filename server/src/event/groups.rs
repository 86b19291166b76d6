//! Groups by affinity: who said what they would like, and where everybody goes.
//!
//! `problem` says what a placement is worth, `lp`, `search`, `greedy` and `solve` find one, `explain`
//! says why: pure, over indices. `model` holds the records.

pub mod announce;
pub mod build;
pub mod explain;
pub mod greedy;
mod lp;
pub mod model;
pub mod problem;
mod search;
pub mod solve;
pub mod table;

#[cfg(test)]
mod tests;
