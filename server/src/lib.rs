//! Sangam's server: live workshop boards for one event held in several places at once.
//!
//! `docs/ARCHITECTURE.md` is the map; imports point down, and `server/tests/layers.rs` checks it.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod event;
pub mod export;
pub mod http;
pub mod lifecycle;
pub mod store;
pub mod sync;
pub mod telemetry;
