//! Numbers on the wire. `docs/PROTOCOL.md` says when each is sent.

use serde::{Deserialize, Serialize};

/// y-protocols: document sync; followed by one of the `SYNC_*` numbers.
pub const SYNC: u8 = 0;
/// y-protocols: presence.
pub const AWARENESS: u8 = 1;
/// y-protocols: permission denied, with a reason.
pub const AUTH: u8 = 2;
/// y-protocols: asks for everybody's presence.
pub const QUERY_AWARENESS: u8 = 3;
/// `sangam.1`: the server greets, followed by a [`Hello`] as a JSON string.
pub const HELLO: u8 = 120;
/// `sangam.1`: all of this connection's sync messages 1 and 2 up to the n-th are on disk.
pub const ACK: u8 = 121;
/// `sangam.1`: the n-th message was refused, followed by a [`Refusal`] as a JSON string.
pub const REFUSED: u8 = 122;
/// `sangam.1`: the server is about to stop; reconnect within the given milliseconds.
pub const DRAINING: u8 = 123;

/// Sync step 1: "this is my state vector".
pub const SYNC_STEP_1: u8 = 0;
/// Sync step 2: "this is what you lack".
pub const SYNC_STEP_2: u8 = 1;
/// Sync update: "this is new".
pub const SYNC_UPDATE: u8 = 2;

/// The WebSocket sub-protocol that asks for messages 120 to 123.
pub const SUBPROTOCOL: &str = "sangam.1";

/// Close codes. 4400 to 4499 are final for y-websocket 3; the others mean "come back".
pub mod close {
    /// A frame that no client of good will sends.
    pub const MALFORMED: u16 = 4400;
    /// The token is unknown, expired or revoked.
    pub const UNAUTHORIZED: u16 = 4401;
    /// The role may not open this document.
    pub const FORBIDDEN: u16 = 4403;
    /// There is no such document.
    pub const NOT_FOUND: u16 = 4404;
    /// This reader fell too far behind, or sent too much: reconnect and resync.
    pub const RESYNC: u16 = 4503;
}

/// First message on a `sangam.1` connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// Names this life of the store. When it changes, offer everything again.
    pub epoch: uuid::Uuid,
    /// What this connection may do.
    pub role: crate::role::Role,
    /// Whether edits are taken: false for screens and for a document that is locked or damaged.
    pub writable: bool,
    /// The largest message that the server takes, in bytes.
    pub message_bytes_max: usize,
    /// The server's clock, in milliseconds since 1970-01-01 UTC.
    pub now_ms: u64,
}

/// Why a message was refused. `code` is a key of the message files; the sentence is made there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Counts this connection's sync messages 1 and 2, from 1.
    pub n: u64,
    /// What is wrong with it.
    pub code: RefusalCode,
    /// Whether the same bytes may succeed later.
    pub retry: bool,
}

/// The kinds of refusal that a client can act upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The bytes are not a valid update.
    Malformed,
    /// Earlier edits are missing: run the sync again.
    Gap,
    /// The Yjs client id belongs to somebody else: take a new one and offer the edit again.
    ForeignClient,
    /// The edit does not fit the document's schema.
    Schema,
    /// The document is full.
    TooLarge,
    /// This role may not write here, or the board is locked.
    ReadOnly,
    /// The disk does not answer. Nothing is lost on this device; it is sent again.
    Unavailable,
}
