//! The durable log: what `append` has returned for survives a crash. Engines stand in `store/`.
//!
//! Two kinds of thing are kept. **Deltas** of Yjs documents, in a dense sequence per document.
//! **Records**: one JSON row per person, link, session, ballot ..., replaced or deleted as a whole,
//! so that erasing a person is deleting one row.
//!
//! The laws, checked for every engine by the conformance suite in `store/conformance.rs`:
//! 1. when `append` or `commit` returns, the data survives the crash of any one machine of the engine;
//! 2. the sequences of a document are dense, from 1, and become visible in order;
//! 3. after [`StoreError::Unavailable`] a delta may or may not be in the log; sending it again is allowed;
//! 4. `load` returns all that any earlier call returned, whatever was compacted since;
//! 5. `compact` is a compare-and-swap on its base, and so is `append` on its head;
//! 6. what fails its check is never handed out: a document that is damaged loads as its last good
//!    state, says so, and takes no more deltas.

use audit::{Head, Note, Noted};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sangam_shared::ids::{DocumentId, PersonId};
use tokio::sync::watch;
use uuid::Uuid;

pub mod audit;
#[cfg(test)]
mod conformance;
pub mod sqlite;

/// Position in a document's log. 0 is "nothing yet"; the first delta has sequence 1.
pub type Sequence = u64;

/// A Yjs client id, at most 2^53 - 1.
pub type ClientId = u64;

/// Who wrote a delta, as the history and the ownership of client ids know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Author {
    /// The server itself (seeding, restoring, the stage).
    Server,
    /// Somebody with a session.
    Person(PersonId),
    /// A machine that presented a link's token: the link's id.
    Machine(Uuid),
    /// The server, on somebody's behalf: the id of the act, whose record says who asked for what.
    /// So an act and its edit can never be told apart by a crash between the two.
    Act(Uuid),
}

/// One accepted edit, encoded as a Yjs update (V1) by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Who wrote it.
    pub author: Author,
    /// Milliseconds since 1970-01-01 UTC, by the server's clock.
    pub at_ms: u64,
    /// Yjs update, version 1.
    pub update: Bytes,
}

impl Delta {
    /// An update in which nothing is written and nothing deleted: what [`RecordChange::Rewrite`]
    /// leaves of a delta.
    pub const FORGOTTEN: &[u8] = &[0, 0];

    /// Whether what it said was erased from the log. Its author and time stay.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.update == Self::FORGOTTEN
    }
}

/// A delta at its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub sequence: Sequence,
    /// What stands there.
    pub delta: Delta,
}

/// Deltas for one document, appended together or not at all.
#[derive(Clone, Debug)]
pub struct Append {
    /// The document.
    pub document: DocumentId,
    /// The sequence of the document's last delta as the caller knows it.
    pub expected_head: Sequence,
    /// At least one delta.
    pub deltas: Vec<Delta>,
    /// Yjs client ids that are claimed by this append. A claim never changes its owner.
    pub claims: Vec<(ClientId, Author)>,
}

/// A document as the store has it: a checked snapshot, then the deltas after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// State up to and including a sequence, encoded as one Yjs update (V1).
    pub snapshot: Option<(Sequence, Bytes)>,
    /// Deltas after the snapshot, or after the position that was asked for; dense and in order.
    pub tail: Vec<Stored>,
    /// The sequence of the last delta that was ever appended.
    pub head: Sequence,
    /// Owners of Yjs client ids.
    pub claims: Vec<(ClientId, Author)>,
    /// Set when some of the log failed its check: what could be read stands above,
    /// and the document must be opened read-only.
    pub damage: Option<String>,
}

/// A row of the event's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The event it belongs to. Deleting an event deletes all of its records.
    pub event: Uuid,
    /// Which table: `event`, `person`, `link`, `session`, `document` ...
    pub kind: String,
    /// Its key within the table.
    pub id: String,
    /// JSON.
    pub json: String,
}

/// A change of records. All changes of one `commit` happen together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordChange {
    /// Insert or replace.
    Put(Record),
    /// Delete, if it is there.
    Delete {
        /// The event it belongs to.
        event: Uuid,
        /// Which table.
        kind: String,
        /// Its key.
        id: String,
    },
    /// Append an entry to the audit log: it is there exactly where the changes beside it are.
    Note(Note),
    /// Put a document's state in the place of its log up to a sequence: the delta there becomes the
    /// whole state, those before it become empty and keep author and time, snapshots go. What was
    /// erased from the document is gone from the log then; whoever loads it finds the same document.
    /// Refused with [`StoreError::Fatal`], and with it the whole commit, where there is no such delta.
    Rewrite {
        /// The document.
        document: DocumentId,
        /// A delta that is there.
        upto: Sequence,
        /// The document as it is at that delta or after it, as one update.
        state: Bytes,
    },
    /// Drop all of a document: deltas, snapshots, claims, head.
    DropDocument {
        /// The document.
        document: DocumentId,
    },
    /// Drop every record of an event, and its audit log.
    DropEvent {
        /// The event.
        event: Uuid,
    },
}

/// A life of the log. A new one begins with the database, and again whenever acknowledged edits may
/// be missing: a backup was put back, or a damaged file was rebuilt or repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Names it.
    pub epoch: Uuid,
    /// When it begins: milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
}

impl From<Uuid> for Life {
    /// One without a beginning: nobody brings back what others wrote.
    fn from(epoch: Uuid) -> Self {
        Self { epoch, at_ms: 0 }
    }
}

/// Why the store did not do it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// Try again: the disk is full or busy. The data may or may not have been written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Another writer, or an earlier try, was first: load what it wrote, then append after it.
    /// Nothing was written.
    #[error("the head has moved to {head}")]
    Moved {
        /// Where the head is.
        head: Sequence,
    },
    /// Never again: the document's log is damaged, or the caller has made a mistake. Nothing was
    /// written.
    #[error("the store refuses: {0}")]
    Fatal(String),
}

/// Whether writes are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// They are.
    Writable,
    /// They are not: the disk is full, or fails. The store tries again by itself, for as long as
    /// the sender of this lives.
    Unavailable {
        /// For the log.
        reason: String,
    },
}

/// The durable log. One protocol serves an embedded engine and a networked one.
pub trait Store: Send + Sync + 'static {
    /// Names this life of the log. It changes when a backup is restored, because then
    /// acknowledged edits may be missing and every device must offer what it has.
    fn epoch(&self) -> Uuid;

    /// Until when devices may bring back what the log has lost, their own edits and others': some
    /// time after a [`Life`] that began with a loss. 0 where it did not.
    fn recovering_until_ms(&self) -> u64 {
        0
    }

    /// Whether writes are taken, now and from now on.
    fn health(&self) -> watch::Receiver<Health>;

    /// Appends; returns the sequence of the first of the deltas.
    ///
    /// # Errors
    /// [`StoreError::Moved`] where the head is not the expected one; nothing is written then.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Sequence, StoreError>>;

    /// The newest snapshot and the tail after it; with `after > 0` and a log that still reaches back
    /// that far, no snapshot and only the tail after that position.
    ///
    /// # Errors
    /// As [`StoreError`] says. A damaged document is no error: see [`Loaded::damage`].
    fn load(
        &self,
        document: DocumentId,
        after: Sequence,
    ) -> BoxFuture<'_, Result<Loaded, StoreError>>;

    /// The last sequence of each document; 0 where there is none.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn heads(&self, documents: Vec<DocumentId>)
    -> BoxFuture<'_, Result<Vec<Sequence>, StoreError>>;

    /// Every document that has a log, with its last sequence.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn documents(&self) -> BoxFuture<'_, Result<Vec<(DocumentId, Sequence)>, StoreError>>;

    /// Replaces the snapshot at `base` (0: none) by one that covers everything up to `upto`.
    /// Returns false, and changes nothing, where the snapshot that `load` hands out is no longer
    /// the one at `base`, or `upto` does not lie between it and the head. The caller has checked
    /// that the snapshot reads back as what the log says.
    /// The engine keeps covered deltas as history, or drops them, as its owner configured.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn compact(
        &self,
        document: DocumentId,
        base: Sequence,
        upto: Sequence,
        snapshot: Bytes,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Deltas of a document, compacted or not, for its history: from `from` (inclusive), at most `count`.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn history(
        &self,
        document: DocumentId,
        from: Sequence,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>>;

    /// Entries of an event's audit log: from `from` (inclusive), at most `count`.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn audit(
        &self,
        event: Uuid,
        from: u64,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<Noted>, StoreError>>;

    /// Where an event's audit log ends.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn audit_head(&self, event: Uuid) -> BoxFuture<'_, Result<Head, StoreError>>;

    /// Changes records, all or none.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn commit(&self, changes: Vec<RecordChange>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// All records of all events, for the start. One that fails its check is left out, and the
    /// log says which.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    fn records(&self) -> BoxFuture<'_, Result<Vec<Record>, StoreError>>;
}
