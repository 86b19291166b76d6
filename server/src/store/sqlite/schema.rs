//! The tables, and how they came to be: forward-only migrations, each in one transaction.

use super::row;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// One step forward.
struct Step {
    sql: &'static str,
    /// What SQL alone cannot do.
    then: fn(&Transaction<'_>) -> rusqlite::Result<()>,
}

/// A step that was released is never changed.
const MIGRATIONS: &[Step] = &[
    Step { sql: TABLES, then: |_| Ok(()) },
    Step { sql: CHECKS, then: compute_checks },
    Step { sql: AUDIT, then: |_| Ok(()) },
];

const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE deltas (
        document BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        author_kind INTEGER NOT NULL,
        author BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (document, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshots (
        document BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (document, sequence)
    ) STRICT;
    CREATE TABLE claims (
        document BLOB NOT NULL,
        client INTEGER NOT NULL,
        author_kind INTEGER NOT NULL,
        author BLOB NOT NULL,
        PRIMARY KEY (document, client)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE records (
        event BLOB NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (event, kind, id)
    ) STRICT, WITHOUT ROWID;
";

/// Every column of every row comes under a check, and a log whose end is missing is noticed.
const CHECKS: &str = "
    CREATE TABLE documents (
        document BLOB NOT NULL PRIMARY KEY,
        head INTEGER NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE claims ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE records ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE mirror (
        event BLOB NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        json TEXT NOT NULL,
        crc INTEGER NOT NULL,
        PRIMARY KEY (event, kind, id)
    ) STRICT, WITHOUT ROWID;
";

/// Read from the disk when somebody asks, never held in memory. The end of each chain is noted
/// beside it.
const AUDIT: &str = "
    CREATE TABLE audit (
        event BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        actor TEXT NOT NULL,
        role TEXT NOT NULL,
        act TEXT NOT NULL,
        about TEXT NOT NULL,
        outcome TEXT NOT NULL,
        count INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (event, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE audit_heads (
        event BLOB NOT NULL PRIMARY KEY,
        sequence INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Both hold every record. A document can be read from an older snapshot or a device; an event, a
/// link or a person is one row, and one bad bit in an event's would lock everybody out.
pub(super) const RECORD_TABLES: [&str; 2] = ["records", "mirror"];

/// The format that this program writes.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// The format of a database; 0 where it is empty.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).map(|version| {
        // A negative number is nobody's: newer than everything.
        usize::try_from(version).unwrap_or(usize::MAX)
    })
}

/// Takes every step that is missing.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    migrate_to(connection, VERSION)
}

/// Takes the steps up to a format.
pub(super) fn migrate_to(connection: &mut Connection, format: usize) -> rusqlite::Result<()> {
    for (index, step) in MIGRATIONS.iter().enumerate().take(format) {
        let txn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&txn)? > index {
            continue;
        }
        txn.execute_batch(step.sql)?;
        (step.then)(&txn)?;
        txn.pragma_update(None, "user_version", index + 1)?;
        txn.commit()?;
    }
    Ok(())
}

/// Format 1 checked a delta's place and bytes alone. What fails that check keeps failing.
fn compute_checks(txn: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut changes = Vec::new();
    let mut read = txn
        .prepare("SELECT document, sequence, author_kind, author, at_ms, crc, data FROM deltas")?;
    let mut rows = read.query([])?;
    while let Some(found) = rows.next()? {
        let (document, sequence): (Vec<u8>, u64) = (found.get(0)?, found.get(1)?);
        let (author, data): (Vec<u8>, Vec<u8>) = (found.get(3)?, found.get(6)?);
        let crc = row::delta(&document, sequence, found.get(2)?, &author, found.get(4)?, &data);
        let sound = found.get::<_, u32>(5)? == row::snapshot(&document, sequence, &data);
        changes.push((document, sequence, if sound { crc } else { !crc }));
    }
    let mut write =
        txn.prepare("UPDATE deltas SET crc = ?3 WHERE document = ?1 AND sequence = ?2")?;
    for (document, sequence, crc) in changes {
        write.execute(params![document, sequence, crc])?;
    }

    let mut heads: Vec<(Vec<u8>, u64)> = Vec::new();
    let mut read = txn.prepare("SELECT document, max(sequence) FROM deltas GROUP BY document")?;
    for head in read.query_map([], |found| Ok((found.get(0)?, found.get(1)?)))? {
        heads.push(head?);
    }
    for (document, head) in heads {
        row::put_head(txn, &document, head)?;
    }

    let mut changes = Vec::new();
    let mut read = txn.prepare("SELECT document, client, author_kind, author FROM claims")?;
    let mut rows = read.query([])?;
    while let Some(found) = rows.next()? {
        let (document, client): (Vec<u8>, u64) = (found.get(0)?, found.get(1)?);
        let author: Vec<u8> = found.get(3)?;
        let crc = row::claim(&document, client, found.get(2)?, &author);
        changes.push((document, client, crc));
    }
    let mut write =
        txn.prepare("UPDATE claims SET crc = ?3 WHERE document = ?1 AND client = ?2")?;
    for (document, client, crc) in changes {
        write.execute(params![document, client, crc])?;
    }

    let mut changes = Vec::new();
    let mut read = txn.prepare("SELECT event, kind, id, json FROM records")?;
    let mut rows = read.query([])?;
    while let Some(found) = rows.next()? {
        let event: Vec<u8> = found.get(0)?;
        let (kind, id, json): (String, String, String) =
            (found.get(1)?, found.get(2)?, found.get(3)?);
        let crc = row::record(&event, &kind, &id, &json);
        changes.push((event, kind, id, crc));
    }
    let mut write =
        txn.prepare("UPDATE records SET crc = ?4 WHERE event = ?1 AND kind = ?2 AND id = ?3")?;
    for (event, kind, id, crc) in changes {
        write.execute(params![event, kind, id, crc])?;
    }
    txn.execute_batch("INSERT INTO mirror SELECT event, kind, id, json, crc FROM records")
}
