//! The embedded engine: one SQLite file, one writer thread, group commit.
//!
//! Everything that waits while a commit is on its way goes into the next one, so that one fsync
//! serves many rooms. After a failed commit the connection is thrown away and the heads are read
//! afresh: a failed fsync is never retried as if nothing had happened. What is in the write-ahead
//! log at an opening counts only when it has been written into the database and synced.

mod audit;
mod backup;
mod check;
mod file;
mod pulse;
mod read;
mod rebuild;
mod row;
mod schema;
mod write;

pub use backup::{BackupError, OverData, back_up, restore};
pub use check::{Checked, Checker, OtherCopy, Repair};
pub use file::{OpenError, SqliteReader};

use super::audit::{Head, Noted};
use super::{
    Append, Health, Life, Loaded, Record, RecordChange, Sequence, Store, StoreError, Stored,
};
use bytes::Bytes;
use file::{Folder, Opened};
use futures_util::future::BoxFuture;
use read::Readers;
use sangam_shared::ids::DocumentId;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;
use write::{Request, Writer};

/// The embedded store.
pub struct SqliteStore {
    epoch: Uuid,
    recovering_until_ms: u64,
    writer: Writer,
    readers: Arc<Readers>,
    /// Held for as long as the store lives: a second process is refused.
    _folder: Folder,
}

impl SqliteStore {
    /// Opens the database in a folder, and creates both where they are missing. `fresh` is the
    /// life of a new database, and its beginning is now.
    ///
    /// # Errors
    /// [`OpenError`], a sentence for the operator; nothing is changed then.
    pub fn open(folder: &Path, fresh: impl Into<Life>) -> Result<Self, OpenError> {
        let folder = Folder::lock(folder)?;
        let (opened, _) = file::open_writable(folder.database(), fresh.into())?;
        let Opened { epoch, recovering_until_ms, .. } = opened;
        let readers = Arc::new(Readers::new(folder.database().to_owned()));
        let writer = Writer::start(opened, folder.database().to_owned())?;
        Ok(Self { epoch, recovering_until_ms, writer, readers, _folder: folder })
    }

    fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let request = request(answer);
        Box::pin(async move {
            self.writer.pulse().is_beating()?;
            self.writer.send(request).await?;
            answered.await.unwrap_or_else(|_| Err(stopped()))
        })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let readers = Arc::clone(&self.readers);
        Box::pin(async move { readers.run(read).await })
    }
}

impl Store for SqliteStore {
    fn epoch(&self) -> Uuid {
        self.epoch
    }

    fn recovering_until_ms(&self) -> u64 {
        self.recovering_until_ms
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.writer.health()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Sequence, StoreError>> {
        if append.deltas.is_empty() {
            return Box::pin(async { Err(StoreError::Fatal("an append of nothing".into())) });
        }
        let appended = self.ask(|answer| Request::Append(append, answer));
        Box::pin(self.writer.pulse().in_time(appended))
    }

    fn load(
        &self,
        document: DocumentId,
        after: Sequence,
    ) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.read(move |connection| read::load(connection, document, after))
    }

    fn heads(
        &self,
        documents: Vec<DocumentId>,
    ) -> BoxFuture<'_, Result<Vec<Sequence>, StoreError>> {
        self.read(move |connection| read::heads(connection, &documents))
    }

    fn documents(&self) -> BoxFuture<'_, Result<Vec<(DocumentId, Sequence)>, StoreError>> {
        self.read(read::documents)
    }

    fn compact(
        &self,
        document: DocumentId,
        base: Sequence,
        upto: Sequence,
        snapshot: Bytes,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.ask(|answer| Request::Compact { document, base, upto, snapshot, answer })
    }

    fn history(
        &self,
        document: DocumentId,
        from: Sequence,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>> {
        self.read(move |connection| read::history(connection, document, from, count))
    }

    fn audit(
        &self,
        event: Uuid,
        from: u64,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<Noted>, StoreError>> {
        self.read(move |connection| Ok(audit::entries(connection, event, from, count)?))
    }

    fn audit_head(&self, event: Uuid) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.read(move |connection| Ok(audit::head(connection, event)?))
    }

    fn commit(&self, changes: Vec<RecordChange>) -> BoxFuture<'_, Result<(), StoreError>> {
        let done = self.ask(|answer| Request::Records(changes, answer));
        Box::pin(self.writer.pulse().watched(done))
    }

    fn records(&self) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.read(|connection| Ok(read::records(connection)?))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store has stopped".into())
}

#[cfg(test)]
mod tests;
