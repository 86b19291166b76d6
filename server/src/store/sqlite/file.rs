//! The data folder and the database file in it: found, locked, opened, or refused in a sentence.

use super::{read, rebuild, row, schema};
use crate::store::{Life, Loaded, Record, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
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
    /// An earlier version of Sangam wrote it, and only a server or a repair brings it up to date.
    #[error(
        "{file} has format {found}, and this sangam reads format {known}: start the server once, or run `sangam check --repair`"
    )]
    Older {
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
        create(folder).map_err(fail)?;
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
        // A courtesy to whoever is refused; on a full disk it is left out.
        let noted = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        if let Err(error) = noted {
            tracing::warn!(%error, "cannot note the process id in the lock file");
        }
        Ok(Self { database: database(folder), _lock: lock })
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }
}

/// Makes the folder, for its owner alone, and makes sure that it is still there after a crash.
fn create(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    sync_folder_of(folder)
}

/// Makes sure that a name in a folder is on disk.
pub(super) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let absolute = std::path::absolute(path)?;
    File::open(absolute.parent().unwrap_or(&absolute))?.sync_all()
}

/// The database of a data folder.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join("sangam.db")
}

/// A file beside another, with its name and more.
pub(super) fn beside(file: &Path, more: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(more);
    name.into()
}

/// What is open, and whether it can be written to at this moment.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) epoch: Uuid,
    /// Until when devices may bring back what was lost; 0 where nothing was.
    pub(super) recovering_until_ms: u64,
    /// Why it cannot.
    pub(super) trouble: Option<rusqlite::Error>,
}

/// Opens for the writer thread; creates and migrates where needed. A file whose structure is
/// damaged must not be written to, because SQLite may take a page that holds something else: all
/// that can be read goes into a new file then, and the old one is kept.
pub(super) fn open_writable(
    file: &Path,
    fresh: Life,
) -> Result<(Opened, Option<PathBuf>), OpenError> {
    let opened = open_unchecked(file, fresh)?;
    let Some(damage) = structure(&opened.connection).map_err(|error| described(file, &error))?
    else {
        return Ok((opened, None));
    };
    drop(opened);
    tracing::error!(damage, file = %file.display(), "the database is damaged; rebuilding it");
    let rebuilt = rebuild::rebuild(file, fresh).map_err(|cause| {
        let cause = format!("it is damaged ({damage}), and it cannot be rebuilt: {cause}");
        OpenError::Database { file: file.to_owned(), cause }
    })?;
    tracing::error!(kept = %rebuilt.kept.display(), "rebuilt; run `sangam check` to see what is lost");
    Ok((open_unchecked(file, fresh)?, Some(rebuilt.kept)))
}

fn open_unchecked(file: &Path, fresh: Life) -> Result<Opened, OpenError> {
    let fail = |error: rusqlite::Error| described(file, &error);
    let mut connection = Connection::open(file).map_err(fail)?;
    let found = schema::version(&connection).map_err(fail)?;
    if found > schema::VERSION {
        return Err(newer(file, found));
    }
    configure(&connection).map_err(fail)?;
    let trouble = match make_durable(&connection) {
        Ok(()) => None,
        Err(error) if row::is_damage(&error) => return Err(fail(error)),
        Err(error) => Some(error),
    };
    if found < schema::VERSION {
        schema::migrate(&mut connection).map_err(fail)?;
    }
    let epoch = epoch(&connection, fresh).map_err(fail)?;
    let epoch = Uuid::try_parse(&epoch).map_err(|_| OpenError::Database {
        file: file.to_owned(),
        cause: "its epoch is unreadable".to_owned(),
    })?;
    let recovering_until_ms = recovering_until(&connection).map_err(fail)?;
    Ok(Opened { connection, epoch, recovering_until_ms, trouble })
}

/// Opens again after a failed commit.
pub(super) fn reopen(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | no_mutex())?;
    configure(&connection)?;
    make_durable(&connection)?;
    Ok(connection)
}

/// Opens for reading beside the writer.
pub(super) fn open_readable(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | no_mutex())?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn no_mutex() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(limits::STORE_BUSY_MS_MAX))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where fsync alone stops at the drive's cache (macOS). Nothing elsewhere.
    connection.pragma_update(None, "fullfsync", "ON")?;
    connection.pragma_update(None, "checkpoint_fullfsync", "ON")?;
    // What was erased must be gone from the file as well.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 2_000)?;
    // After a burst the write-ahead log gives its space back.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    // "Saved" is a promise only with both: ADR 4.
    if journal != "wal" || synchronous != 2 {
        let found = format!("journal_mode is {journal}, synchronous is {synchronous}");
        return Err(rusqlite::Error::ToSqlConversionFailure(
            format!("this file system does not allow durable writes ({found})").into(),
        ));
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// What an earlier process, or a failed fsync, has left in the write-ahead log can be read, but
/// may never have reached the disk. Writes it into the database and syncs that, before anybody is
/// told that it is saved.
fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    if checkpoint(connection, "FULL")? {
        return Ok(());
    }
    let cause = "somebody reads an old state of the database";
    Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
        Some(cause.to_owned()),
    ))
}

/// Writes the write-ahead log into the database. False where a reader stands in the way.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<bool> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let (busy, log, done): (i64, i64, i64) =
        connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(busy == 0 && log == done)
}

/// The first thing that is wrong with the file's pages, if there is one.
pub(super) fn structure(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let said = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match said {
        Ok(said) if said == "ok" => Ok(None),
        Ok(said) => Ok(Some(said)),
        Err(error) if row::is_damage(&error) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

fn epoch(connection: &Connection, fresh: Life) -> rusqlite::Result<String> {
    let read = || {
        connection
            .query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))
            .optional()
    };
    if let Some(epoch) = read()? {
        return Ok(epoch);
    }
    set(connection, "epoch", &fresh.epoch.to_string())?;
    read()?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Begins a new life of the log: every device offers what it has, and for some time that may be
/// what others wrote.
pub(super) fn begin(connection: &Connection, life: Life) -> rusqlite::Result<()> {
    // This first: a crash between the two must not leave a new life that takes nothing back.
    set(connection, LOST_AT, &life.at_ms.to_string())?;
    set(connection, "epoch", &life.epoch.to_string())
}

/// When acknowledged edits were last lost.
const LOST_AT: &str = "lost-at-ms";

fn set(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";
    connection.execute(sql, [key, value]).map(drop)
}

fn recovering_until(connection: &Connection) -> rusqlite::Result<u64> {
    let found: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [LOST_AT], |row| row.get(0))
        .optional()?;
    let lost_at_ms: Option<u64> = found.and_then(|text| text.parse().ok());
    Ok(lost_at_ms.map_or(0, |at_ms| at_ms.saturating_add(limits::RECOVERING_MS)))
}

pub(super) fn newer(file: &Path, found: usize) -> OpenError {
    OpenError::Newer { file: file.to_owned(), found, known: schema::VERSION }
}

pub(super) fn described(file: &Path, error: &rusqlite::Error) -> OpenError {
    if let Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) =
        error.sqlite_error_code()
    {
        let folder = file.parent().unwrap_or(file).to_owned();
        return OpenError::Folder { folder, cause: std::io::Error::other(error.to_string()) };
    }
    OpenError::Database { file: file.to_owned(), cause: error.to_string() }
}

/// Opens a database for reading, if it is one of ours and of our format.
pub(super) fn readable(file: &Path) -> Result<Connection, OpenError> {
    let (connection, found) = readable_of_any_format(file)?;
    if found < schema::VERSION {
        return Err(OpenError::Older { file: file.to_owned(), found, known: schema::VERSION });
    }
    Ok(connection)
}

/// As [`readable`], but of any format up to ours; returns which.
pub(super) fn readable_of_any_format(file: &Path) -> Result<(Connection, usize), OpenError> {
    let missing = || OpenError::Missing(file.parent().unwrap_or(file).to_owned());
    if !file.exists() {
        return Err(missing());
    }
    let fail = |error| described(file, &error);
    let connection = open_readable(file).map_err(fail)?;
    let found = schema::version(&connection).map_err(fail)?;
    match found {
        0 => Err(missing()),
        found if found > schema::VERSION => Err(newer(file, found)),
        found => Ok((connection, found)),
    }
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
        Ok(Self { connection: readable(&database(folder))? })
    }

    /// All records of all events.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, StoreError> {
        Ok(read::records(&self.connection)?)
    }

    /// A document as the store has it, beside a running server.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn load(&self, document: DocumentId) -> Result<Loaded, StoreError> {
        read::load(&self.connection, document, 0)
    }
}
