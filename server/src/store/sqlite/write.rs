//! The writer thread: takes everything that waits, commits it at once, and answers.

use super::file;
use super::read::{self, author_columns, checksum};
use crate::store::{Append, Health, RecordChange, Sequence, StoreError};
use bytes::Bytes;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub(super) enum Request {
    Append(Append, Answer<Sequence>),
    Records(Vec<RecordChange>, Answer<()>),
    Compact {
        document: DocumentId,
        base: Sequence,
        upto: Sequence,
        snapshot: Bytes,
        answer: Answer<bool>,
    },
}

/// An answer that waits for the commit.
enum Promise {
    Appended(Answer<Sequence>, Sequence),
    Recorded(Answer<()>),
    Compacted(Answer<bool>, bool),
}

/// The handle of the thread.
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    health: watch::Receiver<Health>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, file: PathBuf) -> Result<Self, super::OpenError> {
        let (requests, waiting) = mpsc::channel(limits::STORE_REQUESTS_MAX);
        let (health, watched) = watch::channel(Health::Writable);
        let folder = file.clone();
        let thread = Thread { connection, file, heads: HashMap::new(), health };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || thread.run(waiting))
            .map_err(|cause| super::OpenError::Folder { folder, cause })?;
        Ok(Self { requests: Some(requests), health: watched, thread: Some(thread) })
    }

    pub(super) async fn send(&self, request: Request) -> Result<(), StoreError> {
        let requests = self.requests.as_ref().ok_or_else(super::stopped)?;
        requests.send(request).await.map_err(|_| super::stopped())
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when nobody can ask any more, after everything that waits.
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread had panicked");
        }
    }
}

struct Thread {
    connection: Connection,
    file: PathBuf,
    /// The last sequence of documents that were written lately.
    heads: HashMap<DocumentId, Sequence>,
    health: watch::Sender<Health>,
}

impl Thread {
    fn run(mut self, mut waiting: mpsc::Receiver<Request>) {
        let mut batch = Vec::new();
        while waiting.blocking_recv_many(&mut batch, limits::STORE_BATCH_MAX) > 0 {
            match self.commit(&mut batch) {
                Ok(promises) => promises.into_iter().for_each(Promise::keep),
                Err(error) => self.recover(&error, &mut waiting),
            }
            batch.clear();
        }
        // Leave one tidy file behind; the log is complete without it.
        if let Err(error) = self.connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
            tracing::debug!(%error, "no checkpoint at the end");
        }
    }

    /// One transaction, one fsync. Where it fails, every request in it is answered "unavailable".
    fn commit(&mut self, batch: &mut Vec<Request>) -> Result<Vec<Promise>, rusqlite::Error> {
        let mut promises = Vec::with_capacity(batch.len());
        let result = (|| {
            let txn = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for request in batch.drain(..) {
                perform(&txn, &mut self.heads, request, &mut promises)?;
            }
            txn.commit()
        })();
        match result {
            Ok(()) => Ok(promises),
            Err(error) => {
                let reason = error.to_string();
                for promise in promises {
                    promise.break_with(&reason);
                }
                for request in batch.drain(..) {
                    refuse(request, &reason);
                }
                Err(error)
            }
        }
    }

    /// After a failure nothing that is in memory counts. Opens the file again and tries to write
    /// to it, until that works; meanwhile every request is answered at once.
    fn recover(&mut self, error: &rusqlite::Error, waiting: &mut mpsc::Receiver<Request>) {
        let reason = error.to_string();
        tracing::error!(reason, "the store does not take writes");
        self.health.send_replace(Health::Unavailable { reason: reason.clone() });
        self.heads.clear();
        loop {
            while let Ok(request) = waiting.try_recv() {
                refuse(request, &reason);
            }
            match file::reopen(&self.file).and_then(|connection| {
                probe(&connection)?;
                Ok(connection)
            }) {
                Ok(connection) => {
                    self.connection = connection;
                    break;
                }
                Err(error) => tracing::debug!(%error, "still not writable"),
            }
            if waiting.is_closed() && waiting.is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(limits::STORE_RETRY_MS));
        }
        tracing::info!("the store takes writes again");
        self.health.send_replace(Health::Writable);
    }
}

/// Writes as much as a busy second does, so that "writable" is not said for a few free bytes.
fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', hex(zeroblob(131072)))",
        [],
    )?;
    connection.execute("DELETE FROM meta WHERE key = 'probe'", [])?;
    Ok(())
}

fn perform(
    txn: &Transaction<'_>,
    heads: &mut HashMap<DocumentId, Sequence>,
    request: Request,
    promises: &mut Vec<Promise>,
) -> rusqlite::Result<()> {
    match request {
        Request::Append(append, answer) => {
            let head = match heads.get(&append.document) {
                Some(head) => *head,
                None => read::head(txn, append.document)?,
            };
            if head != append.expected_head {
                let reason = format!("the head is {head}, not {}", append.expected_head);
                answer_now(answer, Err(StoreError::Fatal(reason)));
                return Ok(());
            }
            let added = insert(txn, &append, head);
            // Kept also where it fails: then the answer is "unavailable", never silence.
            promises.push(Promise::Appended(answer, head + 1));
            heads.insert(append.document, added?);
            if heads.len() > limits::STORE_HEADS_MAX {
                heads.clear();
            }
        }
        Request::Records(changes, answer) => {
            promises.push(Promise::Recorded(answer));
            for change in &changes {
                change_record(txn, change)?;
            }
        }
        Request::Compact { document, base, upto, snapshot, answer } => {
            if read::snapshot_at(txn, document)? != base || upto <= base {
                answer_now(answer, Ok(false));
                return Ok(());
            }
            promises.push(Promise::Compacted(answer, true));
            compact(txn, document, base, upto, &snapshot)?;
        }
    }
    Ok(())
}

fn insert(txn: &Transaction<'_>, append: &Append, head: Sequence) -> rusqlite::Result<Sequence> {
    let document = append.document.0.as_bytes();
    let mut statement = txn.prepare_cached(
        "INSERT INTO deltas (document, sequence, author_kind, author, at_ms, crc, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut sequence = head;
    for delta in &append.deltas {
        sequence += 1;
        let (kind, author) = author_columns(delta.author);
        let crc = checksum(document, sequence, &delta.update);
        let data = &delta.update[..];
        statement.execute(params![document, sequence, kind, author, delta.at_ms, crc, data])?;
    }
    let mut statement = txn.prepare_cached(
        "INSERT OR IGNORE INTO claims (document, client, author_kind, author)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (client, author) in &append.claims {
        let (kind, author) = author_columns(*author);
        statement.execute(params![document, client, kind, author])?;
    }
    Ok(sequence)
}

fn change_record(txn: &Transaction<'_>, change: &RecordChange) -> rusqlite::Result<()> {
    match change {
        RecordChange::Put(record) => txn
            .prepare_cached(
                "INSERT OR REPLACE INTO records (event, kind, id, json) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![record.event.as_bytes(), record.kind, record.id, record.json])?,
        RecordChange::Delete { event, kind, id } => txn
            .prepare_cached("DELETE FROM records WHERE event = ?1 AND kind = ?2 AND id = ?3")?
            .execute(params![event.as_bytes(), kind, id])?,
    };
    Ok(())
}

/// Adds a snapshot and keeps the one before it, in case the new one does not read back. The deltas
/// stay: they are the document's history.
fn compact(
    txn: &Transaction<'_>,
    document: DocumentId,
    base: Sequence,
    upto: Sequence,
    snapshot: &[u8],
) -> rusqlite::Result<()> {
    let id = document.0.as_bytes();
    let crc = checksum(id, upto, snapshot);
    txn.prepare_cached(
        "INSERT INTO snapshots (document, sequence, crc, data) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![id, upto, crc, snapshot])?;
    txn.prepare_cached("DELETE FROM snapshots WHERE document = ?1 AND sequence < ?2")?
        .execute(params![id, base])?;
    Ok(())
}

impl Promise {
    fn keep(self) {
        match self {
            Self::Appended(answer, first) => answer_now(answer, Ok(first)),
            Self::Recorded(answer) => answer_now(answer, Ok(())),
            Self::Compacted(answer, done) => answer_now(answer, Ok(done)),
        }
    }

    fn break_with(self, reason: &str) {
        let error = StoreError::Unavailable(reason.to_owned());
        match self {
            Self::Appended(answer, _) => answer_now(answer, Err(error)),
            Self::Recorded(answer) => answer_now(answer, Err(error)),
            Self::Compacted(answer, _) => answer_now(answer, Err(error)),
        }
    }
}

fn refuse(request: Request, reason: &str) {
    let error = StoreError::Unavailable(reason.to_owned());
    match request {
        Request::Append(_, answer) => answer_now(answer, Err(error)),
        Request::Records(_, answer) => answer_now(answer, Err(error)),
        Request::Compact { answer, .. } => answer_now(answer, Err(error)),
    }
}

fn answer_now<T>(answer: Answer<T>, result: Result<T, StoreError>) {
    if answer.send(result).is_err() {
        tracing::trace!("whoever asked the store has gone");
    }
}
