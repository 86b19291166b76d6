//! Sangam's server: live workshop boards for one event held in several places at once.
//!
//! `docs/ARCHITECTURE.md` is the map; imports point down, and `server/tests/layers.rs` checks it.

pub mod clock;
pub mod config;
pub mod store;
pub mod sync;
pub mod telemetry;
