//! A file whose pages are damaged: every row that can be read and passes its check goes into a new
//! file, which takes the old one's place. The old one is kept.

use super::file::{self, beside};
use super::read;
use super::row::{self, Head};
use super::schema::{self, RECORD_TABLES};
use crate::store::Life;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Transaction, params, params_from_iter};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What a rebuilding has done.
pub(super) struct Rebuilt {
    /// Where the damaged file is now.
    pub(super) kept: PathBuf,
}

/// Why a file could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub(super) enum RebuildError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Files(#[from] std::io::Error),
    #[error("its format {0} is not the one that this sangam reads")]
    Format(usize),
}

/// Rebuilds a database. Where it fails, nothing has changed. Another life begins with it:
/// acknowledged edits may be missing, so every device must offer what it has.
pub(super) fn rebuild(damaged: &Path, fresh: Life) -> Result<Rebuilt, RebuildError> {
    let from = file::open_readable(damaged)?;
    let found = schema::version(&from)?;
    if found != schema::VERSION {
        return Err(RebuildError::Format(found));
    }
    let prepared = beside(damaged, ".rebuilding");
    remove_if_there(&prepared)?;
    let mut into = Connection::open(&prepared)?;
    schema::migrate(&mut into)?;
    let txn = into.transaction()?;
    copy(&from, &txn)?;
    txn.commit()?;
    file::begin(&into, fresh)?;
    into.close().map_err(|(_, error)| error)?;
    drop(from);
    let kept = replace(damaged, &prepared, "damaged")?;
    Ok(Rebuilt { kept })
}

/// Puts a finished database in the place of another, which is kept under a new name with `why` in
/// it. A crash leaves one or the other.
pub(super) fn replace(file: &Path, prepared: &Path, why: &str) -> std::io::Result<PathBuf> {
    std::fs::File::open(prepared)?.sync_all()?;
    let kept = unused(file, why);
    for suffix in ["", "-wal"] {
        let (old, new) = (beside(file, suffix), beside(&kept, suffix));
        if old.exists() && std::fs::hard_link(&old, &new).is_err() {
            std::fs::copy(&old, &new)?;
            std::fs::File::open(&new)?.sync_all()?;
        }
    }
    file::sync_folder_of(file)?;
    // They belong to the old file, and would be read into the new one.
    remove_if_there(&beside(file, "-wal"))?;
    remove_if_there(&beside(file, "-shm"))?;
    file::sync_folder_of(file)?;
    std::fs::rename(prepared, file)?;
    file::sync_folder_of(file)?;
    Ok(kept)
}

/// A name beside a file that nothing has yet.
pub(super) fn unused(file: &Path, why: &str) -> PathBuf {
    (1..=u32::MAX)
        .map(|n| beside(file, &format!(".{why}-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| beside(file, ".kept"))
}

pub(super) fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn copy(from: &Connection, txn: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut documents: BTreeSet<Vec<u8>> = BTreeSet::new();

    for table in RECORD_TABLES {
        let all = format!("SELECT event, kind, id, json, crc FROM {table}");
        both_ways(from, &all, "event, kind, id", |found| {
            if let Ok(Some(record)) = read::record(found) {
                RECORD_TABLES.iter().try_for_each(|into| row::put_record(txn, into, &record))?;
            }
            Ok(())
        })?;
    }

    both_ways(from, "SELECT document FROM documents", "document", |found| {
        documents.insert(found.get(0)?);
        Ok(())
    })?;

    let mut put = txn.prepare(
        "INSERT OR IGNORE INTO deltas (sequence, author_kind, author, at_ms, crc, data, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let columns = "sequence, author_kind, author, at_ms, crc, data, document";
    let mut keep = |found: &Row<'_>, documents: &mut BTreeSet<Vec<u8>>| {
        let document: Vec<u8> = found.get(6)?;
        if let Ok(Some(stored)) = read::delta(found, &document) {
            let (kind, author) = row::author_columns(stored.delta.author);
            let crc = found.get::<_, u32>(4)?;
            let data = &stored.delta.update[..];
            let delta = &stored.delta;
            put.execute(params![stored.sequence, kind, author, delta.at_ms, crc, data, document])?;
        }
        documents.insert(document);
        Ok(())
    };
    let all = format!("SELECT {columns} FROM deltas");
    both_ways(from, &all, "document, sequence", |found| keep(found, &mut documents))?;
    // Where the whole is broken in two places, a document in between may still be reached.
    for document in documents.clone() {
        let Ok(id) = Uuid::from_slice(&document) else { continue };
        let one = format!("{all} WHERE document = x'{}'", id.simple());
        both_ways(from, &one, "sequence", |found| keep(found, &mut documents))?;
    }

    let mut put = txn.prepare(
        "INSERT OR IGNORE INTO snapshots (document, sequence, crc, data) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let all = "SELECT document, sequence, crc, data FROM snapshots";
    both_ways(from, all, "rowid", |found| {
        let (document, sequence): (Vec<u8>, u64) = (found.get(0)?, found.get(1)?);
        let (crc, data): (u32, Vec<u8>) = (found.get(2)?, found.get(3)?);
        if crc == row::snapshot(&document, sequence, &data) {
            put.execute(params![document, sequence, crc, data])?;
        }
        Ok(())
    })?;

    let mut put = txn.prepare(
        "INSERT OR IGNORE INTO claims (client, author_kind, author, crc, document)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let all = "SELECT client, author_kind, author, crc, document FROM claims";
    both_ways(from, all, "document, client", |found| {
        let document: Vec<u8> = found.get(4)?;
        if let Ok(Some((client, author))) = read::claim(found, &document) {
            let (kind, author) = row::author_columns(author);
            put.execute(params![client, kind, author, found.get::<_, u32>(3)?, document])?;
        }
        Ok(())
    })?;

    // As it is, with its holes: `check` says where the chain is broken.
    let columns = "event, sequence, at_ms, actor, role, act, about, outcome, count, hash";
    copy_rows(from, txn, "audit", columns, "event, sequence")?;
    copy_rows(from, txn, "audit_heads", "event, sequence, hash", "event")?;

    for document in documents {
        // Where the note of the end is gone, the log's own end is taken, if it has no hole.
        let end = match row::head(from, &document) {
            Ok(Head::At(head)) if head > 0 => Some(head),
            _ => dense_end(txn, &document)?,
        };
        if let Some(end) = end {
            row::put_head(txn, &document, end)?;
        }
    }
    Ok(())
}

/// Copies a table column by column.
fn copy_rows(
    from: &Connection,
    txn: &Transaction<'_>,
    table: &str,
    columns: &str,
    order: &str,
) -> rusqlite::Result<()> {
    let count = columns.split(", ").count();
    let places: Vec<_> = (1..=count).map(|n| format!("?{n}")).collect();
    let places = places.join(", ");
    let mut put =
        txn.prepare(&format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})"))?;
    both_ways(from, &format!("SELECT {columns} FROM {table}"), order, |found| {
        let values: Vec<Value> =
            (0..count).map(|column| found.get(column)).collect::<rusqlite::Result<_>>()?;
        put.execute(params_from_iter(values)).map(drop)
    })
}

/// The last sequence of a log without holes.
pub(super) fn dense_end(txn: &Connection, document: &[u8]) -> rusqlite::Result<Option<u64>> {
    let (count, first, last): (u64, Option<u64>, Option<u64>) = txn.query_row(
        "SELECT count(*), min(sequence), max(sequence) FROM deltas WHERE document = ?1",
        [document],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    Ok(last.filter(|last| first == Some(1) && *last == count))
}

/// Every row that can be reached from the beginning or from the end. What SQLite cannot read is
/// what this is for, so its errors end a direction, and no more; those of `take` end it all.
fn both_ways(
    from: &Connection,
    select: &str,
    order: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    for direction in ["ASC", "DESC"] {
        let columns: Vec<_> = order.split(", ").map(|key| format!("{key} {direction}")).collect();
        let mut query = from.prepare(&format!("{select} ORDER BY {}", columns.join(", ")))?;
        let mut rows = query.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => match take(row) {
                    Err(error) if !row::is_damage(&error) => return Err(error),
                    // One row whose columns are not what they should be.
                    _ => {}
                },
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, select, direction, "rows cannot be read");
                    break;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_without_holes_ends_where_its_log_ends() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = Connection::open(folder.path().join("x.db")).unwrap();
        schema::migrate(&mut database).unwrap();
        let id = [1; 16];
        assert_eq!(dense_end(&database, &id).unwrap(), None);
        let add = |sequence: u64| {
            database
                .execute(
                    "INSERT INTO deltas VALUES (?1, ?2, 0, x'', 0, 0, x'')",
                    params![id, sequence],
                )
                .unwrap()
        };
        add(1);
        add(2);
        assert_eq!(dense_end(&database, &id).unwrap(), Some(2));
        add(4);
        assert_eq!(dense_end(&database, &id).unwrap(), None);
    }
}
