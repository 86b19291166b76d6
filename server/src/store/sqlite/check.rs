//! Looking at everything that is stored, and putting right what can be put right. What the bytes
//! mean is for the caller to judge: the store knows documents by their checks alone.

use super::file::{self, Folder, OpenError};
use super::read;
use super::rebuild::{self, dense_end};
use super::row::{self, Head};
use super::schema::RECORD_TABLES;
use crate::store::{Life, Record, Sequence, StoreError, Stored};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use sangam_shared::ids::DocumentId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A database that is looked at.
pub struct Checker {
    pub(super) connection: Connection,
    file: PathBuf,
    /// Held while something is repaired: no server may run.
    repairing: Option<Folder>,
}

/// What the store knows of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Its last sequence, as it was noted with the last delta; `None` where the note is damaged.
    pub head: Option<Sequence>,
    /// The last sequence that is there.
    pub last: Sequence,
    /// The log from 1 on, up to the first delta that is missing or fails its check.
    pub log: Vec<Stored>,
    /// Snapshots, the newest first; `None` where one fails its check.
    pub snapshots: Vec<(Sequence, Option<Bytes>)>,
    /// How many claims of client ids fail their check.
    pub claims_damaged: usize,
}

/// A record is kept twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherCopy {
    /// The other copy passes its check and is used.
    Sound,
    /// Neither passes its check: the record is not used.
    Damaged,
}

/// One thing to put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Drop a snapshot that is damaged or untrue; the log is whole.
    DropSnapshot(Sequence),
    /// Note the end of the log anew.
    NoteHead(Sequence),
    /// Drop claims that fail their check.
    DropClaims,
    /// Cut off everything after this sequence. It is kept in a file of its own.
    CutAfter(Sequence),
}

impl Checker {
    /// Looks at a data folder, also beside a running server.
    ///
    /// # Errors
    /// [`OpenError`], a sentence for the operator.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::of_file(&file::database(folder))
    }

    /// Looks at one database, such as a backup.
    ///
    /// # Errors
    /// [`OpenError`], a sentence for the operator.
    pub fn of_file(file: &Path) -> Result<Self, OpenError> {
        let connection = file::readable(file)?;
        Ok(Self { connection, file: file.to_owned(), repairing: None })
    }

    /// Opens a data folder for repairs, and takes the first step: a file whose pages are damaged
    /// is rebuilt. Returns where the damaged file was kept, if there was one.
    ///
    /// # Errors
    /// [`OpenError`], a sentence for the operator.
    pub fn repair(folder: &Path, fresh: Life) -> Result<(Self, Option<PathBuf>), OpenError> {
        let file = file::database(folder);
        if !file.exists() {
            return Err(OpenError::Missing(folder.to_owned()));
        }
        let lock = Folder::lock(folder)?;
        let (opened, kept) = file::open_writable(&file, fresh)?;
        if let Some(trouble) = opened.trouble {
            return Err(file::described(&file, &trouble));
        }
        Ok((Self { connection: opened.connection, file, repairing: Some(lock) }, kept))
    }

    /// The first thing that is wrong with the file's pages.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn structure(&self) -> Result<Option<String>, StoreError> {
        Ok(file::structure(&self.connection)?)
    }

    /// Every document of which there is a trace.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn documents(&self) -> Result<Vec<DocumentId>, StoreError> {
        let mut found = BTreeSet::new();
        for table in ["documents", "deltas", "snapshots"] {
            let mut query =
                self.connection.prepare(&format!("SELECT DISTINCT document FROM {table}"))?;
            for id in query.query_map([], |row| row.get::<_, [u8; 16]>(0))? {
                match id {
                    Ok(id) => drop(found.insert(id)),
                    // Named by `structure`, or a row of no document.
                    Err(error) => tracing::warn!(%error, table, "a document's id is unreadable"),
                }
            }
        }
        Ok(found.into_iter().map(|id| DocumentId(Uuid::from_bytes(id))).collect())
    }

    /// Reads all that is kept of a document.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn document(&self, document: DocumentId) -> Result<Checked, StoreError> {
        let id = document.0.as_bytes();
        let txn = self.connection.unchecked_transaction()?;
        let mut checked = Checked {
            head: match row::head(&txn, id)? {
                Head::At(head) => Some(head),
                Head::Damaged => None,
            },
            last: read::last(&txn, document).unwrap_or(0),
            ..Checked::default()
        };
        read::rows_after(&txn, document, 0, usize::MAX, &mut checked.log)?;
        checked.snapshots = snapshots(&txn, id)?;
        let mut query =
            txn.prepare("SELECT client, author_kind, author, crc FROM claims WHERE document = ?1")?;
        for claim in query.query_map([id], |row| read::claim(row, id))? {
            if !matches!(claim, Ok(Some(_))) {
                checked.claims_damaged += 1;
            }
        }
        Ok(checked)
    }

    /// Deltas after a position, up to the first that is missing or fails its check.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn tail(&self, document: DocumentId, after: Sequence) -> Result<Vec<Stored>, StoreError> {
        let mut tail = Vec::new();
        read::rows_after(&self.connection, document, after, usize::MAX, &mut tail)?;
        Ok(tail)
    }

    /// Every record of which a copy fails its check or is missing, and whether the other serves.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn damaged_records(&self) -> Result<BTreeMap<String, OtherCopy>, StoreError> {
        let mut damaged = BTreeMap::new();
        let sound = read::records(&self.connection)?;
        let names: BTreeSet<String> = sound.iter().map(name).collect();
        for table in RECORD_TABLES {
            let mut here = BTreeSet::new();
            let sql = format!("SELECT event, kind, id, json, crc FROM {table}");
            let mut query = self.connection.prepare(&sql)?;
            let mut rows = query.query([])?;
            while let Ok(Some(found)) = rows.next() {
                if let Ok(Some(record)) = read::record(found) {
                    here.insert(name(&record));
                } else {
                    let text = |column| found.get::<_, String>(column).unwrap_or("?".to_owned());
                    let name = format!("{} {}", text(1), text(2));
                    if !names.contains(&name) {
                        damaged.insert(name, OtherCopy::Damaged);
                    }
                }
            }
            let lacking = names.difference(&here);
            damaged.extend(lacking.map(|name| (name.clone(), OtherCopy::Sound)));
        }
        Ok(damaged)
    }

    /// Puts one thing right. What is cut off is kept in the file that is returned.
    ///
    /// # Errors
    /// Where it cannot be written, or the checker was not opened for repairs. Nothing is changed
    /// then.
    pub fn mend(
        &mut self,
        document: DocumentId,
        repair: Repair,
    ) -> Result<Option<PathBuf>, StoreError> {
        let id = document.0.as_bytes();
        if self.repairing.is_none() {
            return Err(StoreError::Fatal("it was opened to be looked at".to_owned()));
        }
        if let Repair::CutAfter(last_good) = repair {
            return self.cut(document, last_good).map(Some);
        }
        let txn = self.connection.transaction()?;
        match repair {
            Repair::DropSnapshot(sequence) => {
                txn.execute(
                    "DELETE FROM snapshots WHERE document = ?1 AND sequence = ?2",
                    params![id, sequence],
                )?;
            }
            Repair::NoteHead(head) => {
                if dense_end(&txn, id)? != Some(head) {
                    return Err(StoreError::Fatal("the log has a hole".to_owned()));
                }
                row::put_head(&txn, id, head)?;
            }
            Repair::DropClaims | Repair::CutAfter(_) => {
                let mut query = txn.prepare(
                    "SELECT client, author_kind, author, crc FROM claims WHERE document = ?1",
                )?;
                let mut rows = query.query([id])?;
                let mut damaged: Vec<u64> = Vec::new();
                while let Some(found) = rows.next()? {
                    if !matches!(read::claim(found, id), Ok(Some(_))) {
                        damaged.push(found.get(0)?);
                    }
                }
                for client in damaged {
                    txn.execute(
                        "DELETE FROM claims WHERE document = ?1 AND client = ?2",
                        params![id, client],
                    )?;
                }
            }
        }
        txn.commit()?;
        Ok(None)
    }

    /// Makes both copies of every record sound again. A row that fails its check is kept in the
    /// file that is returned.
    ///
    /// # Errors
    /// Where it cannot be written. Nothing is changed then.
    pub fn mend_records(&mut self) -> Result<PathBuf, StoreError> {
        let sound = read::records(&self.connection)?;
        let kept = self.attach()?;
        let txn = self.connection.transaction()?;
        for table in RECORD_TABLES {
            txn.execute_batch(&format!(
                "CREATE TABLE kept.{table} AS SELECT * FROM main.{table} WHERE 0"
            ))?;
            let sql = format!("SELECT event, kind, id, json, crc FROM main.{table}");
            let mut damaged: Vec<[rusqlite::types::Value; 3]> = Vec::new();
            let mut query = txn.prepare(&sql)?;
            let mut rows = query.query([])?;
            while let Some(found) = rows.next()? {
                if !matches!(read::record(found), Ok(Some(_))) {
                    damaged.push([found.get(0)?, found.get(1)?, found.get(2)?]);
                }
            }
            let this = "WHERE event = ?1 AND kind = ?2 AND id = ?3";
            for key in damaged {
                let keep = format!("INSERT INTO kept.{table} SELECT * FROM main.{table} {this}");
                txn.execute(&keep, params_from_iter(&key))?;
                txn.execute(&format!("DELETE FROM main.{table} {this}"), params_from_iter(&key))?;
            }
            for record in &sound {
                row::put_record(&txn, &format!("main.{table}"), record)?;
            }
        }
        txn.commit()?;
        self.connection.execute_batch("DETACH kept")?;
        Ok(kept)
    }

    /// Begins a new life of the log, so that every device offers what it has.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(&self, fresh: Life) -> Result<(), StoreError> {
        Ok(file::begin(&self.connection, fresh)?)
    }

    fn cut(&mut self, document: DocumentId, last_good: Sequence) -> Result<PathBuf, StoreError> {
        let id = document.0.as_bytes();
        let kept = self.attach()?;
        let txn = self.connection.transaction()?;
        for table in ["deltas", "snapshots"] {
            let after = "document = ?1 AND sequence > ?2";
            txn.execute_batch(&format!(
                "CREATE TABLE kept.{table} AS SELECT * FROM main.{table} WHERE 0"
            ))?;
            txn.execute(
                &format!("INSERT INTO kept.{table} SELECT * FROM main.{table} WHERE {after}"),
                params![id, last_good],
            )?;
            txn.execute(
                &format!("DELETE FROM main.{table} WHERE {after}"),
                params![id, last_good],
            )?;
        }
        row::put_head(&txn, id, last_good)?;
        txn.commit()?;
        self.connection.execute_batch("DETACH kept")?;
        Ok(kept)
    }

    /// A new database beside ours for what is taken out, as `kept`.
    fn attach(&self) -> Result<PathBuf, StoreError> {
        let path = rebuild::unused(&self.file, "cut");
        let name =
            path.to_str().ok_or_else(|| StoreError::Fatal("the path is not UTF-8".into()))?;
        self.connection.execute("ATTACH ?1 AS kept", [name])?;
        self.connection.execute_batch("PRAGMA kept.synchronous = FULL")?;
        Ok(path)
    }
}

fn name(record: &Record) -> String {
    format!("{} {}", record.kind, record.id)
}

/// All snapshots of a document, the newest first.
fn snapshots(
    connection: &Connection,
    id: &[u8],
) -> rusqlite::Result<Vec<(Sequence, Option<Bytes>)>> {
    let mut query = connection
        .prepare("SELECT sequence FROM snapshots WHERE document = ?1 ORDER BY sequence DESC")?;
    let sequences: Vec<Sequence> =
        query.query_map([id], |row| row.get(0))?.filter_map(Result::ok).collect();
    let mut query = connection
        .prepare("SELECT crc, data FROM snapshots WHERE document = ?1 AND sequence = ?2")?;
    let mut snapshots = Vec::new();
    for sequence in sequences {
        let found = query
            .query_row(params![id, sequence], |row| {
                Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional();
        let sound = match found {
            Ok(Some((crc, data))) if crc == row::snapshot(id, sequence, &data) => Some(data.into()),
            Ok(_) => None,
            Err(error) if row::is_damage(&error) => None,
            Err(error) => return Err(error),
        };
        snapshots.push((sequence, sound));
    }
    Ok(snapshots)
}
