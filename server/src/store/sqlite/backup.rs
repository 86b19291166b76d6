//! A backup is one file: the database as it was at one moment, and the key of the links, so that
//! printed QR codes still work after a restore. Whoever has it can open everything: it is readable
//! by its owner alone.

use super::file::{self, Folder, OpenError, beside};
use super::rebuild::{remove_if_there, replace};
use super::schema;
use crate::store::Life;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no backup, or no restore. Each is one sentence for an operator.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder or the backup cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nothing is overwritten.
    #[error("{0} exists already: name another file, or move it away")]
    Exists(PathBuf),
    /// Nothing is overwritten unless it is said.
    #[error(
        "{0} has data already: name another folder, or say --replace (what is there is kept beside it)"
    )]
    HasData(PathBuf),
    /// It is a Sangam database, and not a backup.
    #[error("{0} is not a backup made by `sangam backup`: it holds no key of the links")]
    NoKey(PathBuf),
    /// What the backup holds is damaged.
    #[error("{file} is damaged: {damage}")]
    Damaged {
        /// The backup.
        file: PathBuf,
        /// What is wrong.
        damage: String,
    },
    /// SQLite says no.
    #[error("cannot copy the database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The system says no.
    #[error("{path}: {cause}")]
    Files {
        /// What it was about.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

/// Copies the database of a folder, also while a server writes to it, and the link key into it.
/// The file appears under its name when it is whole and on disk.
///
/// # Errors
/// [`BackupError`]; no file is left then.
pub fn back_up(folder: &Path, key: [u8; 32], to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let from = file::readable(&file::database(folder))?;
    let partial = beside(to, ".partial");
    let fail = |cause| BackupError::Files { path: partial.clone(), cause };
    remove_if_there(&partial).map_err(fail)?;
    private(&partial).map_err(fail)?;
    let done = (|| {
        let mut into = Connection::open(&partial)?;
        copy(&from, &mut into)?;
        // One plain file: no write-ahead log belongs to it.
        into.pragma_update(None, "journal_mode", "DELETE")?;
        into.pragma_update(None, "synchronous", "FULL")?;
        let key = URL_SAFE_NO_PAD.encode(key);
        into.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('link-key', ?1)", [key])?;
        if let Some(damage) = file::structure(&into)? {
            return Err(BackupError::Damaged { file: to.to_owned(), damage });
        }
        into.close().map_err(|(_, error)| error)?;
        std::fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(fail)?;
        // Fails where the name has been taken meanwhile, instead of replacing it.
        std::fs::hard_link(&partial, to)
            .map_err(|cause| BackupError::Files { path: to.to_owned(), cause })?;
        file::sync_folder_of(to).map_err(fail)
    })();
    let removed = remove_if_there(&partial).map_err(fail);
    done.and(removed)
}

/// Puts a backup into a folder, and begins another life: every device offers what it has. Returns where
/// the data that was there before is kept.
///
/// # Errors
/// [`BackupError`]; the folder is as it was then.
pub fn restore(
    from: &Path,
    folder: &Path,
    fresh: Life,
    over_data: OverData,
) -> Result<Option<PathBuf>, BackupError> {
    std::fs::File::open(from)
        .map_err(|cause| BackupError::Files { path: from.to_owned(), cause })?;
    let (source, _) = file::readable_of_any_format(from)?;
    if let Some(damage) = file::structure(&source)? {
        return Err(BackupError::Damaged { file: from.to_owned(), damage });
    }
    let key: Option<String> = source
        .query_row("SELECT value FROM meta WHERE key = 'link-key'", [], |row| row.get(0))
        .optional()?;
    let key = key.and_then(|key| URL_SAFE_NO_PAD.decode(key).ok()?.try_into().ok());
    let key: [u8; 32] = key.ok_or_else(|| BackupError::NoKey(from.into()))?;
    let lock = Folder::lock(folder)?;
    let database = lock.database().to_owned();
    if database.exists() && over_data == OverData::Refuse {
        return Err(BackupError::HasData(folder.to_owned()));
    }
    let prepared = beside(&database, ".restoring");
    let fail = |cause| BackupError::Files { path: prepared.clone(), cause };
    remove_if_there(&prepared).map_err(fail)?;
    private(&prepared).map_err(fail)?;
    let mut into = Connection::open(&prepared)?;
    copy(&source, &mut into)?;
    into.pragma_update(None, "secure_delete", "ON")?;
    schema::migrate(&mut into)?;
    into.execute("DELETE FROM meta WHERE key = 'link-key'", [])?;
    file::begin(&into, fresh)?;
    into.close().map_err(|(_, error)| error)?;
    let path = folder.join("link.key");
    let fail = |cause| BackupError::Files { path: path.clone(), cause };
    let is_new = !database.exists();
    if !is_new && path.exists() {
        let kept = beside(&super::rebuild::unused(&database, "replaced"), ".link.key");
        std::fs::copy(&path, kept).map_err(fail)?;
    }
    write_key(&path, &key).map_err(fail)?;
    let fail = |cause| BackupError::Files { path: database.clone(), cause };
    if !is_new {
        return replace(&database, &prepared, "replaced").map(Some).map_err(fail);
    }
    std::fs::File::open(&prepared).and_then(|file| file.sync_all()).map_err(fail)?;
    std::fs::rename(&prepared, &database).map_err(fail)?;
    file::sync_folder_of(&database).map_err(fail)?;
    Ok(None)
}

/// What a restore does with a folder that has data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverData {
    /// It refuses.
    Refuse,
    /// It puts the backup in their place and keeps them under another name.
    Replace,
}

/// In one piece: a copy by pieces would begin again with every commit of a running server.
fn copy(from: &Connection, into: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(from, into)?;
    for _ in 0..50 {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
        Some("the database stayed locked".to_owned()),
    ))
}

/// Makes an empty file that only its owner may read.
fn private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn write_key(path: &Path, key: &[u8; 32]) -> std::io::Result<()> {
    let partial = beside(path, ".restoring");
    remove_if_there(&partial)?;
    private(&partial)?;
    let mut file = OpenOptions::new().write(true).open(&partial)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    file::sync_folder_of(path)
}
