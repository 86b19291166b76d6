//! The writer thread: takes everything that waits, commits it at once, and answers.

use super::audit;
use super::file::{self, Opened};
use super::pulse::Pulse;
use super::read;
use super::row::{self, author_columns};
use super::schema::RECORD_TABLES;
use crate::store::{Append, Delta, Health, RecordChange, Sequence, StoreError};
use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
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

/// What became of a request inside the transaction. Nobody is told before the commit.
enum Outcome {
    Appended(Sequence),
    Recorded,
    Compacted(bool),
    Refused(StoreError),
}

/// The handle of the thread.
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    pulse: Arc<Pulse>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(opened: Opened, file: PathBuf) -> Result<Self, super::OpenError> {
        let (requests, waiting) = mpsc::channel(limits::STORE_REQUESTS_MAX);
        let Opened { connection, trouble, .. } = opened;
        let health = trouble.as_ref().map_or(Health::Writable, |trouble| Health::Unavailable {
            reason: trouble.to_string(),
        });
        let pulse = Arc::new(Pulse::new(health));
        let folder = file.clone();
        let (heads, watched) = (Heads::default(), Arc::clone(&pulse));
        let thread = Thread { connection, file, heads, pulse: watched, erased: false };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || thread.run(waiting, trouble))
            .map_err(|cause| super::OpenError::Folder { folder, cause })?;
        Ok(Self { requests: Some(requests), pulse, thread: Some(thread) })
    }

    pub(super) async fn send(&self, request: Request) -> Result<(), StoreError> {
        let requests = self.requests.as_ref().ok_or_else(super::stopped)?;
        requests.send(request).await.map_err(|_| super::stopped())
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.pulse.health.subscribe()
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
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

/// What the writer remembers of the ends of what it wrote lately.
#[derive(Default)]
struct Heads {
    documents: HashMap<DocumentId, Sequence>,
    audit: audit::Heads,
}

struct Thread {
    connection: Connection,
    file: PathBuf,
    heads: Heads,
    pulse: Arc<Pulse>,
    /// Something was erased that the write-ahead log may still hold.
    erased: bool,
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Also where the thread panics: "writable" must not outlive it.
        let reason = "the writer has ended".to_owned();
        self.pulse.health.send_replace(Health::Unavailable { reason });
    }
}

impl Thread {
    fn run(mut self, mut waiting: mpsc::Receiver<Request>, trouble: Option<rusqlite::Error>) {
        let mut batch = Vec::new();
        if let Some(error) = trouble {
            self.recover(&error, std::iter::empty(), &mut waiting);
        }
        while waiting.blocking_recv_many(&mut batch, limits::STORE_BATCH_MAX) > 0 {
            self.pulse.begins();
            self.serve(&mut batch, &mut waiting);
            if self.erased && waiting.is_empty() {
                self.forget();
            }
            self.pulse.ends();
        }
        // Leave one tidy file behind; the log is complete without it.
        if let Err(error) = file::checkpoint(&self.connection, "TRUNCATE") {
            tracing::debug!(%error, "no checkpoint at the end");
        }
    }

    /// One transaction for all. Where it is one request's own fault that it failed, each gets a
    /// transaction of its own, so that nobody suffers for a neighbour.
    fn serve(&mut self, batch: &mut Vec<Request>, waiting: &mut mpsc::Receiver<Request>) {
        match self.commit(batch) {
            Ok(outcomes) => answer_all(batch.drain(..), outcomes),
            Err(error) if batch.len() > 1 && is_own_fault(&error) => {
                let mut rest = batch.drain(..);
                while let Some(request) = rest.next() {
                    match self.commit(std::slice::from_ref(&request)) {
                        Ok(outcomes) => answer_all(std::iter::once(request), outcomes),
                        Err(error) if is_own_fault(&error) => refuse(request, &fatal(&error)),
                        Err(error) => {
                            self.recover(&error, std::iter::once(request).chain(rest), waiting);
                            return;
                        }
                    }
                }
            }
            Err(error) if is_own_fault(&error) => {
                batch.drain(..).for_each(|request| refuse(request, &fatal(&error)));
            }
            Err(error) => self.recover(&error, batch.drain(..), waiting),
        }
    }

    /// One transaction, one fsync.
    fn commit(&mut self, batch: &[Request]) -> rusqlite::Result<Vec<Outcome>> {
        let result = (|| {
            let txn = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut outcomes = Vec::with_capacity(batch.len());
            for request in batch {
                outcomes.push(perform(&txn, &mut self.heads, request)?);
            }
            txn.commit()?;
            Ok(outcomes)
        })();
        match &result {
            Ok(_) => {
                let erases = |change: &RecordChange| match change {
                    RecordChange::Put(_) | RecordChange::Note(_) => false,
                    RecordChange::Delete { .. }
                    | RecordChange::Rewrite { .. }
                    | RecordChange::DropDocument { .. }
                    | RecordChange::DropEvent { .. } => true,
                };
                self.erased |= batch.iter().any(|request| match request {
                    Request::Records(changes, _) => changes.iter().any(erases),
                    _ => false,
                });
            }
            // It may hold what was never committed.
            Err(_) => self.heads = Heads::default(),
        }
        result
    }

    /// After a failure nothing that is in memory counts: the pages, the heads, the connection
    /// itself. Opens the file again and tries to write to it, until that works; meanwhile every
    /// request is answered at once.
    fn recover(
        &mut self,
        error: &rusqlite::Error,
        failed: impl Iterator<Item = Request>,
        waiting: &mut mpsc::Receiver<Request>,
    ) {
        let reason = error.to_string();
        tracing::error!(reason, "the store does not take writes");
        // First the state, then the answers: whoever is refused can see why.
        self.pulse.fails(&reason);
        let unavailable = StoreError::Unavailable(reason);
        failed.for_each(|request| refuse(request, &unavailable));
        loop {
            while let Ok(request) = waiting.try_recv() {
                refuse(request, &unavailable);
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
        self.pulse.recovers();
    }

    /// What was erased must be gone from the write-ahead log as well: writes it into the database,
    /// and empties it. A reader in the way means: next time.
    fn forget(&mut self) {
        match file::checkpoint(&self.connection, "TRUNCATE") {
            Ok(done) => self.erased = !done,
            Err(error) => tracing::warn!(%error, "erased rows are still in the write-ahead log"),
        }
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

/// The request, or the rows that it touches, cannot be written, however often it is tried. The
/// transaction has failed before anything was committed.
fn is_own_fault(error: &rusqlite::Error) -> bool {
    row::is_damage(error)
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
        )
        || matches!(error, rusqlite::Error::ToSqlConversionFailure(_))
}

fn fatal(error: &rusqlite::Error) -> StoreError {
    tracing::error!(%error, "this cannot be stored");
    StoreError::Fatal(error.to_string())
}

fn perform(
    txn: &Transaction<'_>,
    heads: &mut Heads,
    request: &Request,
) -> rusqlite::Result<Outcome> {
    match request {
        Request::Append(append, _) => {
            let head = match heads.documents.get(&append.document) {
                Some(head) => *head,
                None => match read::head(txn, append.document)? {
                    Ok(head) => head,
                    Err(damage) => return Ok(Outcome::Refused(StoreError::Fatal(damage))),
                },
            };
            if head != append.expected_head {
                return Ok(Outcome::Refused(StoreError::Moved { head }));
            }
            if heads.documents.len() >= limits::STORE_HEADS_MAX {
                heads.documents.clear();
            }
            heads.documents.insert(append.document, insert(txn, append)?);
            Ok(Outcome::Appended(head + 1))
        }
        Request::Records(changes, _) => {
            // Before anything is changed: the transaction is others' as well.
            for change in changes {
                if let RecordChange::Rewrite { document, upto, .. } = change
                    && !matches!(read::head(txn, *document)?, Ok(head) if (1..=head).contains(upto))
                {
                    let why = format!("{document} has no sound log with a delta {upto}");
                    return Ok(Outcome::Refused(StoreError::Fatal(why)));
                }
            }
            for change in changes {
                change_record(txn, heads, change)?;
            }
            Ok(Outcome::Recorded)
        }
        Request::Compact { document, base, upto, snapshot, .. } => {
            let Ok(head) = read::head(txn, *document)? else {
                return Ok(Outcome::Compacted(false));
            };
            let at = read::snapshot_at(txn, *document, head)?;
            let fits = at == *base && *upto > at && *upto <= head;
            if fits {
                compact(txn, *document, *base, *upto, snapshot)?;
            }
            Ok(Outcome::Compacted(fits))
        }
    }
}

fn insert(txn: &Transaction<'_>, append: &Append) -> rusqlite::Result<Sequence> {
    let document = append.document.0.as_bytes();
    let mut statement = txn.prepare_cached(
        "INSERT INTO deltas (document, sequence, author_kind, author, at_ms, crc, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut sequence = append.expected_head;
    for delta in &append.deltas {
        sequence += 1;
        let (kind, author) = author_columns(delta.author);
        let data = &delta.update[..];
        let crc = row::delta(document, sequence, kind, &author, delta.at_ms, data);
        statement.execute(params![document, sequence, kind, author, delta.at_ms, crc, data])?;
    }
    row::put_head(txn, document, sequence)?;
    let mut statement = txn.prepare_cached(
        "INSERT OR IGNORE INTO claims (document, client, author_kind, author, crc)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (client, author) in &append.claims {
        let (kind, author) = author_columns(*author);
        let crc = row::claim(document, *client, kind, &author);
        statement.execute(params![document, client, kind, author, crc])?;
    }
    Ok(sequence)
}

fn change_record(
    txn: &Transaction<'_>,
    heads: &mut Heads,
    change: &RecordChange,
) -> rusqlite::Result<()> {
    match change {
        RecordChange::Put(record) => {
            RECORD_TABLES.iter().try_for_each(|table| row::put_record(txn, table, record))
        }
        RecordChange::Delete { event, kind, id } => RECORD_TABLES.iter().try_for_each(|table| {
            let sql = format!("DELETE FROM {table} WHERE event = ?1 AND kind = ?2 AND id = ?3");
            txn.prepare_cached(&sql)?.execute(params![event.as_bytes(), kind, id]).map(drop)
        }),
        RecordChange::Note(note) => audit::append(txn, &mut heads.audit, note),
        RecordChange::Rewrite { document, upto, state } => rewrite(txn, *document, *upto, state),
        RecordChange::DropDocument { document } => {
            heads.documents.remove(document);
            ["deltas", "snapshots", "claims", "documents"].iter().try_for_each(|table| {
                let sql = format!("DELETE FROM {table} WHERE document = ?1");
                txn.prepare_cached(&sql)?.execute([document.0.as_bytes()]).map(drop)
            })
        }
        RecordChange::DropEvent { event } => {
            audit::drop_chain(txn, &mut heads.audit, *event)?;
            RECORD_TABLES.iter().try_for_each(|table| {
                let sql = format!("DELETE FROM {table} WHERE event = ?1");
                txn.prepare_cached(&sql)?.execute([event.as_bytes()]).map(drop)
            })
        }
    }
}

/// The log stays dense and replays to the same document; the bytes of before are overwritten,
/// because `secure_delete` is on.
fn rewrite(
    txn: &Transaction<'_>,
    document: DocumentId,
    upto: Sequence,
    state: &[u8],
) -> rusqlite::Result<()> {
    let id = document.0.as_bytes();
    let mut rows = Vec::new();
    let mut query = txn.prepare_cached(
        "SELECT sequence, author_kind, author, at_ms FROM deltas
         WHERE document = ?1 AND sequence <= ?2",
    )?;
    for row in query.query_map(params![id, upto], |row| {
        let author: Vec<u8> = row.get(2)?;
        Ok((row.get::<_, Sequence>(0)?, row.get::<_, i64>(1)?, author, row.get::<_, u64>(3)?))
    })? {
        rows.push(row?);
    }
    let mut update = txn.prepare_cached(
        "UPDATE deltas SET data = ?3, crc = ?4 WHERE document = ?1 AND sequence = ?2",
    )?;
    for (sequence, kind, author, at_ms) in rows {
        let data = if sequence == upto { state } else { Delta::FORGOTTEN };
        let crc = row::delta(id, sequence, kind, &author, at_ms, data);
        update.execute(params![id, sequence, data, crc])?;
    }
    txn.prepare_cached("DELETE FROM snapshots WHERE document = ?1")?.execute([id])?;
    let crc = row::snapshot(id, upto, state);
    txn.prepare_cached(
        "INSERT INTO snapshots (document, sequence, crc, data) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![id, upto, crc, state])?;
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
    let crc = row::snapshot(id, upto, snapshot);
    txn.prepare_cached(
        "INSERT OR REPLACE INTO snapshots (document, sequence, crc, data) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![id, upto, crc, snapshot])?;
    txn.prepare_cached("DELETE FROM snapshots WHERE document = ?1 AND sequence NOT IN (?2, ?3)")?
        .execute(params![id, base, upto])?;
    Ok(())
}

fn answer_all(batch: impl Iterator<Item = Request>, outcomes: Vec<Outcome>) {
    for (request, outcome) in batch.zip(outcomes) {
        match (request, outcome) {
            (request, Outcome::Refused(error)) => refuse(request, &error),
            (Request::Append(_, answer), Outcome::Appended(first)) => send(answer, Ok(first)),
            (Request::Records(_, answer), Outcome::Recorded) => send(answer, Ok(())),
            (Request::Compact { answer, .. }, Outcome::Compacted(done)) => send(answer, Ok(done)),
            (request, _) => refuse(request, &StoreError::Fatal("answered wrongly".to_owned())),
        }
    }
}

fn refuse(request: Request, error: &StoreError) {
    match request {
        Request::Append(_, answer) => send(answer, Err(error.clone())),
        Request::Records(_, answer) => send(answer, Err(error.clone())),
        Request::Compact { answer, .. } => send(answer, Err(error.clone())),
    }
}

fn send<T>(answer: Answer<T>, result: Result<T, StoreError>) {
    if answer.send(result).is_err() {
        tracing::trace!("whoever asked the store has gone");
    }
}
