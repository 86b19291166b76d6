//! What one row is made of: columns, and the check that covers all of them.

use crate::store::{Author, Record, Sequence};
use rusqlite::{Connection, Error, ErrorCode, OptionalExtension, Transaction, params};
use sangam_shared::ids::PersonId;
use uuid::Uuid;

/// The check of a delta.
pub(super) fn delta(
    document: &[u8],
    sequence: Sequence,
    author_kind: i64,
    author: &[u8],
    at_ms: u64,
    data: &[u8],
) -> u32 {
    let place = sequence.to_le_bytes();
    let (kind, at_ms) = (author_kind.to_le_bytes(), at_ms.to_le_bytes());
    crc(&[document, &place, &kind, author, &at_ms, data])
}

/// The check of a snapshot, and that of a delta in format 1.
pub(super) fn snapshot(document: &[u8], sequence: Sequence, data: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(document);
    crc.update(&sequence.to_le_bytes());
    crc.update(data);
    crc.finalize()
}

/// The check of a claim.
pub(super) fn claim(document: &[u8], client: u64, author_kind: i64, author: &[u8]) -> u32 {
    crc(&[document, &client.to_le_bytes(), &author_kind.to_le_bytes(), author])
}

/// The check of a record.
pub(super) fn record(event: &[u8], kind: &str, id: &str, json: &str) -> u32 {
    crc(&[event, kind.as_bytes(), id.as_bytes(), json.as_bytes()])
}

fn head_check(document: &[u8], head: Sequence) -> u32 {
    crc(&[document, &head.to_le_bytes()])
}

/// Each part with its length, so that no byte can move from one part to the next.
fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in parts {
        crc.update(&(part.len() as u64).to_le_bytes());
        crc.update(part);
    }
    crc.finalize()
}

/// What is known of a document's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The last sequence; 0 where the document was never written.
    At(Sequence),
    /// It is written down, and fails its check.
    Damaged,
}

/// The head as it was written down in the commit of the last delta.
pub(super) fn head(connection: &Connection, document: &[u8]) -> rusqlite::Result<Head> {
    let mut query =
        connection.prepare_cached("SELECT head, crc FROM documents WHERE document = ?1")?;
    let row = query
        .query_row([document], |row| Ok((row.get::<_, Sequence>(0)?, row.get::<_, u32>(1)?)))
        .optional();
    match row {
        Ok(None) => Ok(Head::At(0)),
        Ok(Some((head, crc))) if crc == head_check(document, head) => Ok(Head::At(head)),
        Ok(Some(_)) => Ok(Head::Damaged),
        Err(error) if is_damage(&error) => Ok(Head::Damaged),
        Err(error) => Err(error),
    }
}

pub(super) fn put_head(
    txn: &Transaction<'_>,
    document: &[u8],
    head: Sequence,
) -> rusqlite::Result<()> {
    txn.prepare_cached(
        "INSERT OR REPLACE INTO documents (document, head, crc) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![document, head, head_check(document, head)])?;
    Ok(())
}

/// Writes a record into one of the tables of records.
pub(super) fn put_record(
    connection: &Connection,
    table: &str,
    put: &Record,
) -> rusqlite::Result<()> {
    let event = put.event.as_bytes();
    let crc = record(event, &put.kind, &put.id, &put.json);
    let sql = format!(
        "INSERT OR REPLACE INTO {table} (event, kind, id, json, crc) VALUES (?1, ?2, ?3, ?4, ?5)"
    );
    connection.prepare_cached(&sql)?.execute(params![event, put.kind, put.id, put.json, crc])?;
    Ok(())
}

pub(super) fn author_columns(author: Author) -> (i64, Vec<u8>) {
    match author {
        Author::Server => (0, Vec::new()),
        Author::Person(id) => (1, id.0.as_bytes().to_vec()),
        Author::Machine(id) => (2, id.as_bytes().to_vec()),
        Author::Act(id) => (3, id.as_bytes().to_vec()),
    }
}

/// `None` where the columns name nobody.
pub(super) fn author(kind: i64, id: &[u8]) -> Option<Author> {
    match (kind, Uuid::from_slice(id)) {
        (0, _) if id.is_empty() => Some(Author::Server),
        (1, Ok(id)) => Some(Author::Person(PersonId(id))),
        (2, Ok(id)) => Some(Author::Machine(id)),
        (3, Ok(id)) => Some(Author::Act(id)),
        _ => None,
    }
}

/// Whether the file itself is wrong: reading it again will not help, and other rows may be sound.
pub(super) fn is_damage(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(..) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => true,
        _ => false,
    }
}
