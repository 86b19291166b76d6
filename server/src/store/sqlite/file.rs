//! The data folder and the database file in it: found, locked, opened, or refused in a sentence.

use super::{read, schema};
use crate::store::{Loaded, Record, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use sangam_shared::ids::DocumentId;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Why a data folder cannot be used. Each is one sentence for an operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("cannot write to the data folder {folder}: {cause}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Another process uses it.
    #[error("the data folder {folder} is in use by another sangam (process {pid})")]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Its process id, or "unknown".
        pid: String,
    },
    /// A later version of Sangam wrote it.
    #[error(
        "{file} has format {found}, and this sangam knows formats up to {known}: use the newer version, or another data folder"
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its format.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// There is none.
    #[error("there is no database in {0}: has a server ever used this data folder?")]
    Missing(PathBuf),
    /// It is no database of ours, or it is damaged.
    #[error("{file} cannot be opened as a Sangam database: {cause}")]
    Database {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        cause: String,
    },
}

/// A data folder that is ours alone.
pub(super) struct Folder {
    database: PathBuf,
    _lock: File,
}

impl Folder {
    pub(super) fn lock(folder: &Path) -> Result<Self, OpenError> {
        let fail = |cause| OpenError::Folder { folder: folder.to_owned(), cause };
        std::fs::create_dir_all(folder).map_err(fail)?;
        let path = folder.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let known = lock.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
                let pid = if known { pid.trim().to_owned() } else { "unknown".to_owned() };
                return Err(OpenError::InUse { folder: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(cause)) => return Err(fail(cause)),
        }
        lock.set_len(0).map_err(fail)?;
        writeln!(lock, "{}", std::process::id()).map_err(fail)?;
        Ok(Self { database: database(folder), _lock: lock })
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join("sangam.db")
}

/// Opens for the writer thread; creates and migrates where needed.
pub(super) fn open_writable(file: &Path, fresh: Uuid) -> Result<(Connection, Uuid), OpenError> {
    let fail = |error: rusqlite::Error| described(file, &error);
    let mut connection = Connection::open(file).map_err(fail)?;
    let found = schema::version(&connection).map_err(fail)?;
    if found > schema::VERSION {
        return Err(newer(file, found));
    }
    configure(&connection).map_err(fail)?;
    schema::migrate(&mut connection).map_err(fail)?;
    let epoch = epoch(&connection, fresh).map_err(fail)?;
    let epoch = Uuid::try_parse(&epoch).map_err(|_| OpenError::Database {
        file: file.to_owned(),
        cause: "its epoch is unreadable".to_owned(),
    })?;
    Ok((connection, epoch))
}

/// Opens again after a failed commit.
pub(super) fn reopen(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | no_mutex())?;
    configure(&connection)?;
    Ok(connection)
}

/// Opens for reading beside the writer.
pub(super) fn open_readable(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | no_mutex())?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

fn no_mutex() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What was erased must be gone from the file as well.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 2_000)?;
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    // "Saved" is a promise only with both: ADR 4.
    if journal != "wal" || synchronous != 2 {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn epoch(connection: &Connection, fresh: Uuid) -> rusqlite::Result<String> {
    connection.execute(
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?1)",
        [fresh.to_string()],
    )?;
    connection.query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))
}

fn newer(file: &Path, found: usize) -> OpenError {
    OpenError::Newer { file: file.to_owned(), found, known: schema::VERSION }
}

fn described(file: &Path, error: &rusqlite::Error) -> OpenError {
    if let Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) =
        error.sqlite_error_code()
    {
        let folder = file.parent().unwrap_or(file).to_owned();
        return OpenError::Folder { folder, cause: std::io::Error::other(error.to_string()) };
    }
    OpenError::Database { file: file.to_owned(), cause: error.to_string() }
}

/// Reads a data folder beside a running server.
pub struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    /// Opens the database of a folder for reading.
    ///
    /// # Errors
    /// [`OpenError`], a sentence for the operator.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let file = database(folder);
        if !file.exists() {
            return Err(OpenError::Missing(folder.to_owned()));
        }
        let connection = open_readable(&file).map_err(|error| described(&file, &error))?;
        let found = schema::version(&connection).map_err(|error| described(&file, &error))?;
        if found > schema::VERSION {
            return Err(newer(&file, found));
        }
        let known: Option<String> = connection
            .query_row("SELECT name FROM sqlite_master WHERE name = 'records'", [], |r| r.get(0))
            .optional()
            .map_err(|error| described(&file, &error))?;
        if known.is_none() {
            return Err(OpenError::Missing(folder.to_owned()));
        }
        Ok(Self { connection })
    }

    /// All records of all events.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, StoreError> {
        read::records(&self.connection).map_err(|error| read::failed(&error))
    }

    /// A document as the store has it, beside a running server.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn load(&self, document: DocumentId) -> Result<Loaded, StoreError> {
        read::load(&self.connection, document, 0).map_err(|error| read::failed(&error))
    }
}
