//! The tables, and how they came to be: forward-only migrations, each in one transaction.

use rusqlite::{Connection, TransactionBehavior};

/// One step forward each. A step that was released is never changed.
const MIGRATIONS: &[&str] = &["
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
"];

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
    for (index, step) in MIGRATIONS.iter().enumerate() {
        let txn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&txn)? > index {
            continue;
        }
        txn.execute_batch(step)?;
        txn.pragma_update(None, "user_version", index + 1)?;
        txn.commit()?;
    }
    Ok(())
}
