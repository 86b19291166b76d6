//! The audit log's tables: appended to in the transaction of the change, read when somebody asks.

use super::check::Checker;
use super::row;
use crate::store::StoreError;
use crate::store::audit::{Break, Follower, Hash, Head, Note, Noted};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sangam_shared::limits;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The ends of the chains that were written lately, as the writer's transaction sees them.
pub(super) type Heads = HashMap<Uuid, Head>;

/// Numbers, chains and writes an entry.
pub(super) fn append(
    txn: &Transaction<'_>,
    heads: &mut Heads,
    note: &Note,
) -> rusqlite::Result<()> {
    let before = match heads.get(&note.event) {
        Some(head) => *head,
        None => head(txn, note.event)?,
    };
    let after = before.after(note);
    txn.prepare_cached(
        "INSERT INTO audit (event, sequence, at_ms, actor, role, act, about, outcome, count, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        note.event.as_bytes(),
        after.sequence,
        note.at_ms,
        note.by,
        note.role,
        note.act,
        note.about,
        note.outcome,
        note.count,
        after.hash
    ])?;
    put_head(txn, &after)?;
    heads.insert(note.event, after);
    Ok(())
}

fn put_head(txn: &Transaction<'_>, head: &Head) -> rusqlite::Result<()> {
    txn.prepare_cached(
        "INSERT OR REPLACE INTO audit_heads (event, sequence, hash) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![head.event.as_bytes(), head.sequence, head.hash])?;
    Ok(())
}

/// Drops an event's chain.
pub(super) fn drop_chain(
    txn: &Transaction<'_>,
    heads: &mut Heads,
    event: Uuid,
) -> rusqlite::Result<()> {
    for table in ["audit", "audit_heads"] {
        let sql = format!("DELETE FROM {table} WHERE event = ?1");
        txn.prepare_cached(&sql)?.execute([event.as_bytes()])?;
    }
    heads.remove(&event);
    Ok(())
}

/// Where a chain was noted to end.
pub(super) fn head(connection: &Connection, event: Uuid) -> rusqlite::Result<Head> {
    Ok(noted_head(connection, event)?.unwrap_or(Head::beginning(event)))
}

fn noted_head(connection: &Connection, event: Uuid) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare_cached("SELECT sequence, hash FROM audit_heads WHERE event = ?1")?
        .query_row([event.as_bytes()], |row| {
            Ok(Head { event, sequence: row.get(0)?, hash: row.get(1)? })
        })
        .optional()
}

/// Entries from a place on.
pub(super) fn entries(
    connection: &Connection,
    event: Uuid,
    from: u64,
    count: usize,
) -> rusqlite::Result<Vec<Noted>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT sequence, at_ms, actor, role, act, about, outcome, count, hash FROM audit
             WHERE event = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3",
        )?
        .query_map(params![event.as_bytes(), from, count], |row| noted(row, event))?
        .collect()
}

fn noted(row: &Row<'_>, event: Uuid) -> rusqlite::Result<Noted> {
    let note = Note {
        event,
        at_ms: row.get(1)?,
        by: row.get(2)?,
        role: row.get(3)?,
        act: row.get(4)?,
        about: row.get(5)?,
        outcome: row.get(6)?,
        count: row.get(7)?,
    };
    Ok(Noted { sequence: row.get(0)?, note, hash: row.get(8)? })
}

impl Checker {
    /// Every event that has an audit log.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn audited(&self) -> Result<BTreeSet<Uuid>, StoreError> {
        chains(&self.connection)
    }

    /// Reads an event's audit log from beginning to end, hands each entry on, and says where the
    /// chain is broken, if it is.
    ///
    /// # Errors
    /// Where the file cannot be read, or `take` fails.
    pub fn audit(
        &self,
        event: Uuid,
        mut take: impl FnMut(&[Noted], Hash) -> Result<(), StoreError>,
    ) -> Result<(Head, Option<Break>), StoreError> {
        let mut follower = Follower::new(event);
        let txn = self.connection.unchecked_transaction()?;
        loop {
            let Head { sequence, hash, .. } = follower.reached();
            let page = entries(&txn, event, sequence + 1, limits::AUDIT_ENTRIES_AT_ONCE);
            let page = match page {
                Ok(page) => page,
                Err(error) if row::is_damage(&error) => {
                    let broken = Break { sequence: sequence + 1, why: "cannot be read" };
                    return Ok((follower.reached(), Some(broken)));
                }
                Err(error) => return Err(error.into()),
            };
            if page.is_empty() {
                break;
            }
            take(&page, hash)?;
            for entry in &page {
                if let Err(broken) = follower.follow(entry) {
                    return Ok((follower.reached(), Some(broken)));
                }
            }
        }
        let noted = match noted_head(&txn, event) {
            Err(error) if !row::is_damage(&error) => return Err(error.into()),
            noted => noted.ok().flatten(),
        };
        Ok((follower.reached(), follower.end(noted.as_ref()).err()))
    }
}

/// Every event that has a chain, or a note of where one ended.
fn chains(connection: &Connection) -> Result<BTreeSet<Uuid>, StoreError> {
    let mut events = BTreeSet::new();
    for table in ["audit", "audit_heads"] {
        let mut query = connection.prepare(&format!("SELECT DISTINCT event FROM {table}"))?;
        for event in query.query_map([], |row| row.get::<_, [u8; 16]>(0))? {
            match event {
                Ok(event) => drop(events.insert(Uuid::from_bytes(event))),
                Err(error) if row::is_damage(&error) => {
                    return Err(StoreError::Fatal(format!("the audit log is unreadable: {error}")));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(events)
}
