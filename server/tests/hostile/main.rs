//! What strangers may send: by name, and by the thousand against real Yjs.

mod board;
mod differential;
mod named;
mod write;
