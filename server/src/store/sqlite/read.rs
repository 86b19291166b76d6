//! Reading: on connections of its own, on blocking threads, so that a long load delays no commit.

use super::file;
use super::row::{self, Head};
use super::schema::RECORD_TABLES;
use crate::store::{Author, ClientId, Delta, Loaded, Record, Sequence, StoreError, Stored};
use bytes::Bytes;
use rusqlite::{Connection, Row, params};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use std::collections::BTreeMap;
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
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
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
            // A connection that has met an error of the disk is not asked again.
            if !matches!(result, Err(StoreError::Unavailable(_))) {
                readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            result
        });
        match done.await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Unavailable("a reader panicked".into())),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if row::is_damage(&error) {
            Self::Fatal(error.to_string())
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}

/// Hides damage, which is reported another way; every other error stays one.
fn unless_damaged<T>(result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if row::is_damage(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The sequence of the last delta that is there; 0 where there is none.
pub(super) fn last(connection: &Connection, document: DocumentId) -> rusqlite::Result<Sequence> {
    connection
        .prepare_cached("SELECT max(sequence) FROM deltas WHERE document = ?1")?
        .query_row([document.0.as_bytes()], |row| row.get::<_, Option<Sequence>>(0))
        .map(|last| last.unwrap_or(0))
}

/// Where a document ends, or why that is not known.
pub(super) fn head(
    connection: &Connection,
    document: DocumentId,
) -> rusqlite::Result<Result<Sequence, String>> {
    let said = row::head(connection, document.0.as_bytes())?;
    let found = unless_damaged(last(connection, document))?;
    Ok(match (said, found) {
        (Head::At(said), Some(found)) if said == found => Ok(said),
        (Head::At(said), Some(found)) => Err(format!("the log ends at {found}, not at {said}")),
        (Head::At(_), None) => Err("the end of the log is unreadable".to_owned()),
        (Head::Damaged, _) => Err("the note of where the log ends fails its check".to_owned()),
    })
}

/// The last sequence that anything speaks of, whether it can be read or not.
fn head_at_least(connection: &Connection, document: DocumentId) -> rusqlite::Result<Sequence> {
    let said = match row::head(connection, document.0.as_bytes())? {
        Head::At(said) => said,
        Head::Damaged => 0,
    };
    Ok(said.max(unless_damaged(last(connection, document))?.unwrap_or(0)))
}

pub(super) fn heads(
    connection: &Connection,
    documents: &[DocumentId],
) -> Result<Vec<Sequence>, StoreError> {
    let txn = connection.unchecked_transaction()?;
    Ok(documents.iter().map(|id| head_at_least(&txn, *id)).collect::<rusqlite::Result<_>>()?)
}

pub(super) fn documents(
    connection: &Connection,
) -> Result<Vec<(DocumentId, Sequence)>, StoreError> {
    let txn = connection.unchecked_transaction()?;
    let mut query = txn.prepare_cached("SELECT document FROM documents ORDER BY document")?;
    let ids = query.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
    let mut documents = Vec::new();
    for id in ids {
        let id = DocumentId(Uuid::from_bytes(id?));
        documents.push((id, head_at_least(&txn, id)?));
    }
    Ok(documents)
}

pub(super) fn load(
    connection: &Connection,
    document: DocumentId,
    after: Sequence,
) -> Result<Loaded, StoreError> {
    // One transaction, so that a compaction in between is not seen by halves.
    let txn = connection.unchecked_transaction()?;
    let mut loaded = Loaded { head: head_at_least(&txn, document)?, ..Loaded::default() };
    if let Err(damage) = head(&txn, document)? {
        loaded.damage = Some(damage);
    }
    let mut from = after;
    if after == 0 || !reaches_back(&txn, document, after, loaded.head)? {
        let found = sound_snapshot(&txn, document, loaded.head)?;
        from = found.as_ref().map_or(0, |(sequence, _)| *sequence);
        loaded.snapshot = found;
    }
    let read = rows_after(&txn, document, from, usize::MAX, &mut loaded.tail)?;
    let end = from + loaded.tail.len() as Sequence;
    match read {
        Rows::Sound if end == loaded.head => {}
        Rows::Sound => {
            let missing = format!("the log ends at {end}, not at {}", loaded.head);
            loaded.damage.get_or_insert(missing);
        }
        Rows::Damaged => {
            loaded.damage = Some(format!("the log fails its check at {}", end + 1));
        }
    }
    if !claims(&txn, document, &mut loaded.claims)? {
        loaded.damage.get_or_insert("a claim of a client id fails its check".to_owned());
    }
    Ok(loaded)
}

fn reaches_back(
    connection: &Connection,
    document: DocumentId,
    after: Sequence,
    head: Sequence,
) -> rusqlite::Result<bool> {
    let oldest: Option<Sequence> = connection
        .prepare_cached("SELECT min(sequence) FROM deltas WHERE document = ?1")?
        .query_row([document.0.as_bytes()], |row| row.get(0))?;
    Ok(after >= head || oldest.is_some_and(|oldest| oldest <= after + 1))
}

/// The newest snapshot that passes its check. An older one with the deltas after it gives the
/// same document.
pub(super) fn sound_snapshot(
    connection: &Connection,
    document: DocumentId,
    head: Sequence,
) -> rusqlite::Result<Option<(Sequence, Bytes)>> {
    let id = document.0.as_bytes();
    let mut query = connection.prepare_cached(
        "SELECT sequence FROM snapshots WHERE document = ?1 ORDER BY sequence DESC",
    )?;
    let mut sequences: Vec<Sequence> = Vec::new();
    for sequence in query.query_map([id], |row| row.get(0))? {
        match unless_damaged(sequence)? {
            Some(sequence) => sequences.push(sequence),
            None => break,
        }
    }
    let mut query = connection
        .prepare_cached("SELECT crc, data FROM snapshots WHERE document = ?1 AND sequence = ?2")?;
    for sequence in sequences.into_iter().filter(|sequence| *sequence <= head) {
        let row = query.query_row(params![id, sequence], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        if let Some((crc, data)) = unless_damaged(row)?
            && crc == row::snapshot(id, sequence, &data)
        {
            return Ok(Some((sequence, data.into())));
        }
        tracing::warn!(%document, sequence, "a snapshot fails its check; an older state serves");
    }
    Ok(None)
}

pub(super) fn history(
    connection: &Connection,
    document: DocumentId,
    from: Sequence,
    count: usize,
) -> Result<Vec<Stored>, StoreError> {
    let mut found = Vec::new();
    let read = rows_after(connection, document, from.saturating_sub(1), count, &mut found)?;
    match read {
        Rows::Damaged if found.is_empty() && count > 0 => {
            Err(StoreError::Fatal(format!("the log fails its check at {from}")))
        }
        _ => Ok(found),
    }
}

/// Whether all rows that were asked for could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Sound,
    /// What stands before the first bad row has been read.
    Damaged,
}

/// Reads deltas up to the first that is missing or fails its check.
pub(super) fn rows_after(
    connection: &Connection,
    document: DocumentId,
    after: Sequence,
    count: usize,
    into: &mut Vec<Stored>,
) -> rusqlite::Result<Rows> {
    let id = document.0.as_bytes();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut query = connection.prepare_cached(
        "SELECT sequence, author_kind, author, at_ms, crc, data FROM deltas
         WHERE document = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
    )?;
    let mut expected = after;
    for row in query.query_map(params![id, after, count], |row| delta(row, id))? {
        expected += 1;
        match unless_damaged(row)?.flatten() {
            Some(stored) if stored.sequence == expected => into.push(stored),
            _ => return Ok(Rows::Damaged),
        }
    }
    Ok(Rows::Sound)
}

/// A row of `sequence, author_kind, author, at_ms, crc, data`, if it passes its check.
pub(super) fn delta(row: &Row<'_>, document: &[u8]) -> rusqlite::Result<Option<Stored>> {
    let (sequence, kind, at_ms) = (row.get(0)?, row.get(1)?, row.get(3)?);
    let (author, data): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(5)?);
    if row.get::<_, u32>(4)? != row::delta(document, sequence, kind, &author, at_ms, &data) {
        return Ok(None);
    }
    Ok(row::author(kind, &author)
        .map(|author| Stored { sequence, delta: Delta { author, at_ms, update: data.into() } }))
}

/// Reads the claims that pass their check; false where one does not.
fn claims(
    connection: &Connection,
    document: DocumentId,
    into: &mut Vec<(ClientId, Author)>,
) -> rusqlite::Result<bool> {
    let id = document.0.as_bytes();
    let mut query = connection.prepare_cached(
        "SELECT client, author_kind, author, crc FROM claims WHERE document = ?1 ORDER BY client",
    )?;
    let mut sound = true;
    for row in query.query_map([id], |row| claim(row, id))? {
        match unless_damaged(row)? {
            Some(Some(claim)) => into.push(claim),
            Some(None) => sound = false,
            None => return Ok(false),
        }
    }
    Ok(sound)
}

/// A row of `client, author_kind, author, crc`, if it passes its check.
pub(super) fn claim(
    row: &Row<'_>,
    document: &[u8],
) -> rusqlite::Result<Option<(ClientId, Author)>> {
    let (client, kind) = (row.get(0)?, row.get(1)?);
    let author: Vec<u8> = row.get(2)?;
    let sound = row.get::<_, u32>(3)? == row::claim(document, client, kind, &author);
    Ok(row::author(kind, &author).filter(|_| sound).map(|author| (client, author)))
}

/// Every record of which at least one copy passes its check.
pub(super) fn records(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let txn = connection.unchecked_transaction()?;
    let mut records = BTreeMap::new();
    for table in RECORD_TABLES {
        let sql = format!("SELECT event, kind, id, json, crc FROM {table}");
        let mut query = txn.prepare_cached(&sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = unless_damaged(rows.next())?.flatten() {
            if let Some(record) = unless_damaged(record(row))?.flatten() {
                let key = (record.event, record.kind.clone(), record.id.clone());
                records.insert(key, record);
            } else {
                let (kind, id) = (row.get::<_, String>(1).ok(), row.get::<_, String>(2).ok());
                tracing::error!(table, ?kind, ?id, "a record fails its check: run `sangam check`");
            }
        }
    }
    Ok(records.into_values().collect())
}

/// A row of `event, kind, id, json, crc`, if it passes its check.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let event = row.get::<_, [u8; 16]>(0)?;
    let record = Record {
        event: Uuid::from_bytes(event),
        kind: row.get(1)?,
        id: row.get(2)?,
        json: row.get(3)?,
    };
    let crc = row::record(&event, &record.kind, &record.id, &record.json);
    Ok((row.get::<_, u32>(4)? == crc).then_some(record))
}

/// The sequence of the newest snapshot that is handed out; 0 where there is none.
pub(super) fn snapshot_at(
    connection: &Connection,
    document: DocumentId,
    head: Sequence,
) -> rusqlite::Result<Sequence> {
    Ok(sound_snapshot(connection, document, head)?.map_or(0, |(sequence, _)| sequence))
}
