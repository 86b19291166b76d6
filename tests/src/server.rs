//! The binary as a child process: started, asked for its links, killed, started again.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// A running `sangam demo`. Killed when dropped.
pub struct Server {
    child: Child,
    place: Place,
    /// `127.0.0.1:port`.
    pub address: String,
}

/// Where a server keeps its data, and how it is started there.
#[derive(Debug)]
pub enum Place {
    /// A folder that goes away with the server.
    Fresh(TempDir),
    /// A folder of the test's.
    Given {
        /// The folder, as the server sees it.
        data: PathBuf,
        /// What the server says on standard error goes here.
        log: PathBuf,
        /// A command that starts another, such as `nsenter ...`.
        through: Vec<String>,
    },
}

impl Place {
    /// A folder of the test's, without anything in between.
    #[must_use]
    pub fn given(data: &Path) -> Self {
        let log = data.join("log");
        Self::Given { data: data.to_owned(), log, through: Vec::new() }
    }

    fn data(&self) -> &Path {
        match self {
            Self::Fresh(folder) => folder.path(),
            Self::Given { data, .. } => data,
        }
    }

    fn log(&self) -> PathBuf {
        match self {
            Self::Fresh(folder) => folder.path().join("log"),
            Self::Given { log, .. } => log.clone(),
        }
    }

    fn command(&self) -> Command {
        let through: &[String] = match self {
            Self::Given { through, .. } => through,
            Self::Fresh(_) => &[],
        };
        let mut words = through.iter().map(Into::into).chain([binary().into_os_string()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).stdin(Stdio::null()).kill_on_drop(true);
        command
    }
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
        Self::start_in(Place::Fresh(TempDir::new()?), "127.0.0.1:0").await
    }

    /// Starts the demonstration event at a place, on an address; port 0 takes any free port.
    ///
    /// # Errors
    /// Where it does not come up; what it said on standard error then.
    pub async fn start_in(place: Place, listen: &str) -> Result<Self> {
        let log = std::fs::File::options().create(true).append(true).open(place.log())?;
        let mut child = place
            .command()
            .args(["demo", "--listen", listen, "--data"])
            .arg(place.data())
            .stdout(Stdio::piped())
            .stderr(log)
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
            Ok(address) => Ok(Self { child, place, address }),
            Err(error) => {
                let status = child.wait().await?;
                let log = std::fs::read_to_string(place.log()).unwrap_or_default();
                Err(error.context(format!("{status}: {log}")))
            }
        }
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.place.data()
    }

    /// What it has said on standard error so far.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.place.log())?)
    }

    /// SIGKILL, and nothing after it.
    ///
    /// # Errors
    /// Where it cannot be killed.
    pub async fn kill(mut self) -> Result<Place> {
        self.child.kill().await?;
        Ok(self.place)
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// Where that is not known.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// The status and body of a GET.
    ///
    /// # Errors
    /// Where there is no answer.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(&self.address).await?;
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
                self.address
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            let status = answer.get(9..12).context("a status line")?.parse()?;
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            Ok((status, body.to_owned()))
        };
        tokio::time::timeout(crate::PATIENCE, ask).await.context("no answer")?
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
        Self::start_in(self.place, &self.address).await
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
        let mut command = self.place.command();
        command.args(["links", "demo", "--json", "--data"]).arg(self.data());
        let output = tokio::time::timeout(crate::PATIENCE, command.output()).await??;
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
