//! Decides whether a client's bytes may be given to yrs and to every browser. It calls neither:
//! it reads the bytes by itself and holds an index of what the document contains, so that a refused
//! update never comes near the document. ADR 3 says why.
//!
//! yrs (0.28) panics on some updates that look well-formed, and is not memory-safe afterwards;
//! whatever it accepts and Yjs refuses would break every browser in the room. So the rule is: what
//! no honest Yjs client writes is refused here.

mod index;
mod pieces;
mod read;
mod resolve;
mod typing;
mod update;
mod value;

pub use index::{Guard, Schema};
pub use resolve::{Between, Checked};
pub use update::Id;

use crate::store::ClientId;
use read::Reader;
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;

/// Why bytes were refused, for the log. Holds nothing of what the client wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {0:?}")]
pub struct Refused(pub Reason);

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its own sentence")]
pub enum Reason {
    EndsEarly,
    TrailingBytes,
    Number,
    Utf8,
    Json,
    Depth,
    ContentKind,
    EmptyBlock,
    EmptyStruct,
    ClientTwice,
    DeleteOrder,
    Parent,
    OriginsDisagree,
    Presence,
    /// What it builds upon is not here yet.
    Gap,
    /// More structs, deletions or clients than a document takes.
    TooMany,
    /// A text, a table or the document is full.
    Full,
    UnknownKey,
    WrongContent,
    ContainerLost,
}

impl Refused {
    /// What the client is told.
    #[must_use]
    pub fn code(self) -> RefusalCode {
        match self.0 {
            Reason::Gap => RefusalCode::Gap,
            Reason::TooMany | Reason::Full => RefusalCode::TooLarge,
            Reason::UnknownKey | Reason::WrongContent | Reason::ContainerLost => {
                RefusalCode::Schema
            }
            _ => RefusalCode::Malformed,
        }
    }
}

/// How many structs an update of our own holds.
///
/// # Errors
/// [`Refused`] where it is not an update.
pub fn struct_count(update: &[u8]) -> Result<usize, Refused> {
    let parsed = update::parse(update, update::Source::Server, update::Kinds::Any, |_| 0);
    let parsed = parsed.map_err(Refused)?;
    Ok(parsed.blocks.iter().map(|block| block.structs.len()).sum())
}

/// Checks a state vector.
///
/// # Errors
/// [`Refused`] where it is malformed, or names more clients than a document can have.
pub fn state_vector(bytes: &[u8]) -> Result<(), Refused> {
    let check = || {
        let mut reader = Reader::new(bytes);
        let count = reader.count(2)?;
        if count > limits::CLIENTS_PER_DOCUMENT_MAX {
            return Err(Reason::TooMany);
        }
        for _ in 0..count {
            reader.client()?;
            reader.clock()?;
        }
        reader.end()
    };
    check().map_err(Refused)
}

/// One client's presence, as it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwarenessEntry<'a> {
    /// The Yjs client id.
    pub client: ClientId,
    /// Counts that client's states.
    pub clock: u64,
    /// A JSON object; `None` for `null`, which says goodbye.
    pub state: Option<&'a str>,
}

/// Reads a presence message. Entries that are too long are left out: they are somebody's own loss.
///
/// # Errors
/// [`Refused`] where it is malformed.
pub fn awareness(bytes: &[u8]) -> Result<Vec<AwarenessEntry<'_>>, Refused> {
    let read = || {
        let mut reader = Reader::new(bytes);
        let count = reader.count(3)?;
        if count > limits::CONNECTIONS_PER_ROOM_MAX {
            return Err(Reason::TooMany);
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            let client = reader.client()?;
            let clock = reader.varint()?;
            let state = reader.text()?;
            if state.len() > limits::PRESENCE_BYTES_MAX {
                continue;
            }
            let state = match state {
                "null" => None,
                object if object.starts_with('{') => Some(object),
                _ => return Err(Reason::Presence),
            };
            entries.push(AwarenessEntry { client, clock, state });
        }
        reader.end()?;
        Ok(entries)
    };
    read().map_err(Refused)
}

#[cfg(test)]
mod tests;
