//! Live documents: from a client's bytes to everybody else's screen. One edit passes
//! `socket` → `guard` → `room` → store → readers; `docs/ARCHITECTURE.md` walks through it.

pub mod changed;
pub mod fallback;
pub mod fanout;
mod fragile;
pub mod frame;
pub mod guard;
pub mod pace;
pub mod pipe;
pub mod presence;
pub mod replay;
pub mod room;
pub mod room_task;
pub mod rooms;
pub mod socket;
pub mod websocket;
