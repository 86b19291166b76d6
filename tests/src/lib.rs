//! Real clients against the real binary: the harness that the wire tests share.

mod client;
pub mod http;
pub mod power;
mod proxy;
mod server;
mod small_disk;
mod watched_disk;

pub use client::{Client, Heard, new_doc};
pub use proxy::Proxy;
pub use server::{Board, Links, Place, Server, run};
pub use small_disk::SmallDisk;
pub use watched_disk::{Mood, WatchedDisk};

use std::time::Duration;

/// How long anything may take before a test calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(20);
