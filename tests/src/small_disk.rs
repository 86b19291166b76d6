//! A file system of a few megabytes that can really be filled up: a tmpfs in a mount namespace of
//! its own, which ends with the process that holds it. Root may make one anywhere; others need
//! unprivileged user namespaces. Where neither is permitted, the tests say so and fail.

use crate::Place;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The disk. Unmounted when dropped.
pub struct SmallDisk {
    holder: Child,
    pid: u32,
    as_root: bool,
    /// The mount point, and what is not to lie on the disk.
    around: TempDir,
}

impl SmallDisk {
    /// A disk of so many megabytes.
    ///
    /// # Errors
    /// Where nothing can be mounted here.
    pub async fn new(megabytes: u32) -> Result<Self> {
        let around = TempDir::new()?;
        std::fs::create_dir(around.path().join("disk"))?;
        let id = Command::new("id").arg("-u").output().await?;
        let as_root = id.stdout.trim_ascii() == b"0";
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        if !as_root {
            unshare.args(["--user", "--map-root-user"]);
        }
        let script = "mount -t tmpfs -o size=\"$1\" small \"$2\" && echo mounted && exec sleep 900";
        let mut holder = unshare
            .args(["sh", "-c", script, "sh"])
            .arg(format!("{megabytes}m"))
            .arg(around.path().join("disk"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start unshare (util-linux)")?;
        let stdout = holder.stdout.take().context("stdout is piped")?;
        let said = BufReader::new(stdout).lines().next_line().await?;
        if said.as_deref() != Some("mounted") {
            bail!(
                "this test fills a disk, and nothing can be mounted here: run it as root, or \
                 permit unprivileged user namespaces"
            );
        }
        let pid = holder.id().context("it runs")?;
        Ok(Self { holder, pid, as_root, around })
    }

    /// A place for a server on the disk.
    #[must_use]
    pub fn place(&self) -> Place {
        let mut through = vec!["nsenter".to_owned(), format!("--mount=/proc/{}/ns/mnt", self.pid)];
        if !self.as_root {
            through.push(format!("--user=/proc/{}/ns/user", self.pid));
            through.push("--preserve-credentials".to_owned());
        }
        through.push("--".to_owned());
        Place::Given {
            data: self.around.path().join("disk/data"),
            log: self.around.path().join("log"),
            through,
        }
    }

    /// Writes until not one byte more fits.
    ///
    /// # Errors
    /// Where the disk cannot be reached.
    pub fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::options().create(true).append(true).open(self.ballast())?;
        for size in [65_536, 4_096, 1] {
            let block = vec![b'x'; size];
            // Bounded: the disk is a few megabytes.
            for _ in 0..1_000_000 {
                match file.write(&block) {
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// Where the disk cannot be reached.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    /// Whether the holder, and so the disk, is still there.
    ///
    /// # Errors
    /// Where that is not known.
    pub fn is_there(&mut self) -> Result<bool> {
        Ok(self.holder.try_wait()?.is_none())
    }

    fn ballast(&self) -> PathBuf {
        let root = Path::new("/proc").join(self.pid.to_string()).join("root");
        let disk = self.around.path().join("disk/ballast");
        root.join(disk.strip_prefix("/").unwrap_or(&disk))
    }
}
