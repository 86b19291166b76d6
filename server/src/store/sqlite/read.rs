//! Reading: on connections of its own, on blocking threads, so that a long load delays no commit.

use super::file;
use crate::store::{Author, ClientId, Delta, Loaded, Record, Sequence, StoreError, Stored};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::limits;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// A few connections, opened when they are first needed.
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    free: Semaphore,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        let free = Semaphore::new(limits::STORE_READERS_MAX);
        Self { file, idle: Mutex::new(Vec::new()), free }
    }

    pub(super) async fn run<T: Send + 'static>(
        self: std::sync::Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.free.acquire().await.map_err(|_| super::stopped())?;
        let readers = std::sync::Arc::clone(&self);
        let done = tokio::task::spawn_blocking(move || {
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => file::open_readable(&readers.file)?,
            };
            let result = read(&connection);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        match done.await {
            Ok(result) => result.map_err(|error| failed(&error)),
            Err(_) => Err(StoreError::Unavailable("a reader panicked".into())),
        }
    }
}

pub(super) fn failed(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// What a row's checksum covers: its place and its content.
pub(super) fn checksum(document: &[u8], sequence: Sequence, data: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(document);
    crc.update(&sequence.to_le_bytes());
    crc.update(data);
    crc.finalize()
}

pub(super) fn author_columns(author: Author) -> (i64, Vec<u8>) {
    match author {
        Author::Server => (0, Vec::new()),
        Author::Person(id) => (1, id.0.as_bytes().to_vec()),
        Author::Machine(id) => (2, id.as_bytes().to_vec()),
        Author::Act(id) => (3, id.as_bytes().to_vec()),
    }
}

fn author(kind: i64, id: &[u8]) -> Author {
    match (kind, Uuid::from_slice(id)) {
        (1, Ok(id)) => Author::Person(PersonId(id)),
        (2, Ok(id)) => Author::Machine(id),
        (3, Ok(id)) => Author::Act(id),
        // An author that cannot be read owns nothing, and is nobody but us.
        _ => Author::Server,
    }
}

pub(super) fn head(connection: &Connection, document: DocumentId) -> rusqlite::Result<Sequence> {
    let id = document.0.as_bytes();
    let last = |sql: &str| -> rusqlite::Result<Option<Sequence>> {
        connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))
    };
    let delta = last("SELECT max(sequence) FROM deltas WHERE document = ?1")?;
    let snapshot = last("SELECT max(sequence) FROM snapshots WHERE document = ?1")?;
    Ok(delta.unwrap_or(0).max(snapshot.unwrap_or(0)))
}

pub(super) fn load(
    connection: &Connection,
    document: DocumentId,
    after: Sequence,
) -> rusqlite::Result<Loaded> {
    // One transaction, so that a compaction in between is not seen by halves.
    let txn = connection.unchecked_transaction()?;
    let mut loaded = Loaded { head: head(&txn, document)?, ..Loaded::default() };
    loaded.claims = claims(&txn, document)?;
    let id = document.0.as_bytes();
    let oldest: Option<Sequence> = txn
        .prepare_cached("SELECT min(sequence) FROM deltas WHERE document = ?1")?
        .query_row([id], |row| row.get(0))?;
    let reaches_back =
        after > 0 && (after >= loaded.head || oldest.is_some_and(|o| o <= after + 1));
    let mut from = after;
    if !reaches_back {
        from = 0;
        let mut snapshots = txn.prepare_cached(
            "SELECT sequence, crc, data FROM snapshots WHERE document = ?1 ORDER BY sequence DESC",
        )?;
        let mut rows = snapshots.query([id])?;
        while let Some(row) = rows.next()? {
            let sequence: Sequence = row.get(0)?;
            let data: Vec<u8> = row.get(2)?;
            if row.get::<_, u32>(1)? == checksum(id, sequence, &data) {
                loaded.snapshot = Some((sequence, Bytes::from(data)));
                from = sequence;
                break;
            }
            loaded.damage = Some(format!("the snapshot at {sequence} fails its check"));
        }
    }
    let mut expected = from + 1;
    for stored in rows_after(&txn, document, from, usize::MAX)? {
        let (stored, sound) = stored;
        if !sound || stored.sequence != expected {
            loaded.damage = Some(format!("the log fails its check at {expected}"));
            return Ok(loaded);
        }
        expected += 1;
        loaded.tail.push(stored);
    }
    if expected != loaded.head + 1 {
        loaded.damage = Some(format!("the log ends at {}, not at {}", expected - 1, loaded.head));
    } else if loaded.damage.is_some() {
        // The older snapshot and the deltas after it have given everything back.
        loaded.damage = None;
    }
    Ok(loaded)
}

pub(super) fn history(
    connection: &Connection,
    document: DocumentId,
    from: Sequence,
    count: usize,
) -> rusqlite::Result<Vec<Stored>> {
    let rows = rows_after(connection, document, from.saturating_sub(1), count)?;
    Ok(rows.into_iter().filter(|(_, sound)| *sound).map(|(stored, _)| stored).collect())
}

fn rows_after(
    connection: &Connection,
    document: DocumentId,
    after: Sequence,
    count: usize,
) -> rusqlite::Result<Vec<(Stored, bool)>> {
    let id = document.0.as_bytes();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut query = connection.prepare_cached(
        "SELECT sequence, author_kind, author, at_ms, crc, data FROM deltas
         WHERE document = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
    )?;
    let read = |row: &Row<'_>| {
        let sequence: Sequence = row.get(0)?;
        let data: Vec<u8> = row.get(5)?;
        let sound = row.get::<_, u32>(4)? == checksum(id, sequence, &data);
        let delta = Delta {
            author: author(row.get(1)?, &row.get::<_, Vec<u8>>(2)?),
            at_ms: row.get(3)?,
            update: Bytes::from(data),
        };
        Ok((Stored { sequence, delta }, sound))
    };
    query.query_map(params![id, after, count], read)?.collect()
}

fn claims(
    connection: &Connection,
    document: DocumentId,
) -> rusqlite::Result<Vec<(ClientId, Author)>> {
    let mut query = connection.prepare_cached(
        "SELECT client, author_kind, author FROM claims WHERE document = ?1 ORDER BY client",
    )?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, author(row.get(1)?, &row.get::<_, Vec<u8>>(2)?)));
    query.query_map([document.0.as_bytes()], read)?.collect()
}

pub(super) fn records(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut query = connection.prepare_cached("SELECT event, kind, id, json FROM records")?;
    let read = |row: &Row<'_>| {
        let event: [u8; 16] = row.get(0)?;
        let event = Uuid::from_bytes(event);
        Ok(Record { event, kind: row.get(1)?, id: row.get(2)?, json: row.get(3)? })
    };
    query.query_map([], read)?.collect()
}

/// The newest snapshot's sequence; 0 where there is none.
pub(super) fn snapshot_at(
    connection: &Connection,
    document: DocumentId,
) -> rusqlite::Result<Sequence> {
    connection
        .prepare_cached("SELECT max(sequence) FROM snapshots WHERE document = ?1")?
        .query_row([document.0.as_bytes()], |row| row.get::<_, Option<Sequence>>(0))
        .optional()
        .map(|found| found.flatten().unwrap_or(0))
}
