//! A folder on a disk that a test can make hang or fail, and that keeps a diary of what was written
//! and synced. Needs a C compiler, as SQLite does, and nothing of the system.

use crate::Place;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The folder.
pub struct WatchedDisk {
    around: TempDir,
}

/// What becomes of every sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It is done.
    Well,
    /// It does not return.
    Hanging,
    /// It fails.
    Failing,
}

impl WatchedDisk {
    /// A disk that is well.
    ///
    /// # Errors
    /// Where no C compiler is found.
    pub fn new() -> Result<Self> {
        let around = TempDir::new()?;
        std::fs::create_dir(around.path().join("data"))?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("disk/disk.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let built = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([around.path().join("disk.so"), source])
            .args(["-ldl", "-lpthread"])
            .output()
            .context("a C compiler, as for SQLite")?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Ok(Self { around })
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.around.path().join("data")
    }

    /// The diary.
    #[must_use]
    pub fn diary(&self) -> PathBuf {
        self.around.path().join("diary")
    }

    /// From now on.
    ///
    /// # Errors
    /// Where the word cannot be written.
    pub fn is(&self, mood: Mood) -> Result<()> {
        let word = match mood {
            Mood::Well => "well",
            Mood::Hanging => "hang",
            Mood::Failing => "fail",
        };
        let control = self.around.path().join("control");
        std::fs::write(control.with_extension("new"), word)?;
        Ok(std::fs::rename(control.with_extension("new"), control)?)
    }

    /// A place for a server on the disk.
    #[must_use]
    pub fn place(&self) -> Place {
        let path = |name: &str| self.around.path().join(name).display().to_string();
        let through = vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", path("disk.so")),
            format!("SANGAM_DISK_FOLDER={}", path("data")),
            format!("SANGAM_DISK_DIARY={}", path("diary")),
            format!("SANGAM_DISK_CONTROL={}", path("control")),
        ];
        Place::Given { data: self.data(), log: self.around.path().join("log"), through }
    }
}
