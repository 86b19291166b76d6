//! The binary as a child process: started, asked for its links, killed, started again.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running `sangam demo`. Killed when dropped.
pub struct Server {
    child: Child,
    folder: TempDir,
    /// `127.0.0.1:port`.
    pub address: String,
}

/// What `sangam links demo --json` prints.
#[derive(Debug)]
pub struct Links {
    /// The stage's document.
    pub stage: String,
    /// The boards, in order.
    pub boards: Vec<Board>,
    capabilities: Vec<Value>,
}

/// One workshop's board.
#[derive(Debug)]
pub struct Board {
    /// Its document.
    pub id: String,
}

impl Links {
    /// The token of a role, at a site where the role has one per site.
    ///
    /// # Panics
    /// Where there is no such link: the test is wrong then.
    #[must_use]
    pub fn token(&self, role: &str, site: Option<&str>) -> &str {
        let fits =
            |link: &&Value| link["role"] == role && site.is_none_or(|site| link["site"] == site);
        let link = self
            .capabilities
            .iter()
            .find(fits)
            .expect("the demo has a link for each role and site");
        link["token"].as_str().expect("a token is text")
    }
}

/// The binary under test.
fn binary() -> PathBuf {
    std::env::var_os("SANGAM_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/sangam"),
        PathBuf::from,
    )
}

/// Runs the binary to its end.
///
/// # Errors
/// Where it cannot be started.
pub async fn run(arguments: &[&str]) -> Result<Output> {
    let output = Command::new(binary()).args(arguments).stdin(Stdio::null()).output();
    let output = tokio::time::timeout(crate::PATIENCE, output).await.context("it did not end")?;
    output.with_context(|| format!("cannot start {}: `make build` first", binary().display()))
}

impl Server {
    /// Starts the demonstration event in a fresh folder, on a free port.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn start() -> Result<Self> {
        Self::start_in(TempDir::new()?, "127.0.0.1:0").await
    }

    async fn start_in(folder: TempDir, listen: &str) -> Result<Self> {
        let log =
            std::fs::File::options().create(true).append(true).open(folder.path().join("log"))?;
        let mut child = Command::new(binary())
            .args(["demo", "--listen", listen, "--data"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary().display()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(address) = line.strip_prefix("listening on http://") {
                    return Ok(address.to_owned());
                }
            }
            bail!("it ended before it listened")
        };
        let address = tokio::time::timeout(crate::PATIENCE, ready).await.context("not ready")?;
        match address {
            Ok(address) => Ok(Self { child, folder, address }),
            Err(error) => {
                let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                Err(error.context(log))
            }
        }
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes of memory that the process holds.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn memory_bytes(&self) -> Result<u64> {
        let pid = self.child.id().context("it runs")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? * 1024)
    }

    /// SIGKILL, then the same port and folder again.
    ///
    /// # Errors
    /// Where it does not come back.
    pub async fn kill_and_restart(mut self) -> Result<Self> {
        self.child.kill().await?;
        Self::start_in(self.folder, &self.address).await
    }

    /// SIGTERM; returns when it has ended.
    ///
    /// # Errors
    /// Where it does not end, or ends badly.
    pub async fn terminate(&mut self) -> Result<()> {
        let pid = self.child.id().context("it runs")?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait()).await??;
        if status.success() { Ok(()) } else { bail!("it ended with {status}") }
    }

    /// The links, as an operator gets them beside the running server.
    ///
    /// # Errors
    /// Where the command fails.
    pub async fn links(&self) -> Result<Links> {
        let data = self.data().to_str().context("a plain path")?;
        let output = run(&["links", "demo", "--json", "--data", data]).await?;
        let json: Value = serde_json::from_slice(&output.stdout)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let workshops = json["workshops"].as_array().context("workshops")?;
        Ok(Links {
            stage: text(&json["stage"]),
            boards: workshops.iter().map(|w| Board { id: text(&w["board"]) }).collect(),
            capabilities: json["links"].as_array().context("links")?.clone(),
        })
    }
}
