//! What the server and the browser agree on: ids, roles, document schemas, wire numbers, limits.
//!
//! No I/O, no clock, no randomness. TypeScript sees the same things through
//! `web/src/shared/schema.gen.ts`, which a test of this crate writes and checks.

pub mod board;
pub mod ids;
pub mod limits;
pub mod message;
pub mod plan;
pub mod role;
pub mod schema;
#[cfg(test)]
mod typescript;
