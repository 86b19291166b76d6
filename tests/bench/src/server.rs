//! The servers under test as child processes on a core of their own, and what the kernel says of
//! them: CPU, memory.

use crate::wire;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One of the servers that are compared.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is its own name")]
pub enum System {
    Sangam,
    Relay,
    PlainYrs,
    YWebsocket,
    Hocuspocus,
}

impl System {
    /// In the order of the tables.
    pub const ALL: [Self; 5] =
        [Self::Sangam, Self::Relay, Self::PlainYrs, Self::YWebsocket, Self::Hocuspocus];

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sangam => "Sangam",
            Self::Relay => "bare relay",
            Self::PlainYrs => "plain yrs",
            Self::YWebsocket => "y-websocket",
            Self::Hocuspocus => "Hocuspocus",
        }
    }

    /// Whether it keeps documents, so that a joiner gets a state.
    #[must_use]
    pub fn has_state(self) -> bool {
        self != Self::Relay
    }

    /// Whether it says that an edit has arrived.
    #[must_use]
    pub fn acknowledges(self) -> bool {
        matches!(self, Self::Sangam | Self::Hocuspocus)
    }

    /// What stands before every message of a room.
    #[must_use]
    pub fn prefix(self, room: &str) -> Vec<u8> {
        let mut prefix = Vec::new();
        if self == Self::Hocuspocus {
            wire::buffer(&mut prefix, room.as_bytes());
        }
        prefix
    }

    /// What a provider says first: who it is, where that is asked, and what it has: nothing.
    #[must_use]
    pub fn greeting(self, room: &str) -> Vec<Vec<u8>> {
        let step_1 = || [self.prefix(room), wire::sync(0, &[0])].concat();
        match self {
            Self::Relay => Vec::new(),
            Self::Hocuspocus => {
                let mut auth = self.prefix(room);
                auth.extend([2, 0]);
                wire::buffer(&mut auth, b"bench");
                wire::buffer(&mut auth, b"4.7.0");
                vec![auth, step_1()]
            }
            _ => vec![step_1()],
        }
    }
}

/// A running server. Killed when dropped.
pub struct Server {
    /// Which one.
    pub system: System,
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
    boards: Vec<Room>,
    started: Instant,
    /// From its start to its first accepted connection.
    pub accepted_after: Duration,
}

/// A room's name, and the path under which it is reached.
#[derive(Clone)]
pub struct Room {
    /// The name.
    pub name: String,
    /// Path and query.
    pub path: String,
}

/// The core of the servers. The generator has the other one.
pub const SERVER_CORE: &str = "0";

/// Boards of one event, as many as an event may have.
const BOARDS_PER_EVENT: usize = 40;

impl Server {
    /// Starts a server that can serve so many rooms. `work` is a folder on a real disk.
    ///
    /// # Errors
    /// Where it does not come up.
    pub fn start(system: System, rooms: usize, work: &Path) -> Result<Self> {
        std::fs::create_dir_all(work)?;
        let folder = TempDir::new_in(work)?;
        let mut boards = Vec::new();
        if system == System::Sangam {
            for event in 0..rooms.div_ceil(BOARDS_PER_EVENT) {
                let count = BOARDS_PER_EVENT.min(rooms - event * BOARDS_PER_EVENT);
                boards.extend(create_event(folder.path(), event, count)?);
            }
        } else {
            boards.extend((0..rooms).map(|room| {
                let name = format!("room-{room}");
                let path = format!("/{name}");
                Room { name, path }
            }));
        }
        let started = Instant::now();
        let (child, address, accepted_after) = spawn(system, folder.path())?;
        Ok(Self { system, address, child, folder, boards, started, accepted_after })
    }

    /// A room.
    #[must_use]
    pub fn room(&self, at: usize) -> &Room {
        &self.boards[at]
    }

    /// SIGKILL, then the same folder again. Only a server that stores has anything to gain.
    ///
    /// # Errors
    /// Where it does not come back.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.started = Instant::now();
        let (child, address, accepted) = spawn(self.system, self.folder.path())?;
        (self.child, self.address) = (child, address);
        self.accepted_after = accepted;
        Ok(())
    }

    /// From its start to its first "ready".
    ///
    /// # Errors
    /// Where it never is.
    pub fn ready(&self) -> Result<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let mut stream = TcpStream::connect(self.address)?;
            write!(stream, "GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(self.started.elapsed());
            }
        }
        bail!("it is never ready")
    }

    /// CPU seconds so far, user and system, all threads.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn cpu_s(&self) -> Result<f64> {
        cpu_s(&self.child.id().to_string())
    }

    /// Memory in KiB by its name in `/proc/PID/status`: `VmRSS` now, `VmHWM` at most.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn memory_kib(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(name)).context("it has ended")?;
        Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("cannot end {}: {error}", self.system.name());
        }
    }
}

/// CPU seconds of a process so far, user and system, all threads.
///
/// # Errors
/// Where it has ended.
pub fn cpu_s(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit(')').next().context("a name in brackets")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|t| t.parse::<f64>().ok());
    // utime and stime are fields 14 and 15 of proc_pid_stat(5); the third is our first.
    let (user, system) = ticks(11).zip(ticks(12)).context("the server has ended")?;
    Ok((user + system) / 100.0)
}

/// How long it takes this disk to keep one page: the 50th and the 99th of a hundred, in ms.
///
/// # Errors
/// Where `folder` cannot be written to.
pub fn fsync_ms(folder: &Path) -> Result<(f64, f64)> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        file.write_all(&[7; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[50], times[99]))
}

/// The binary under test.
pub fn sangam() -> PathBuf {
    std::env::var_os("SANGAM_BIN").map_or_else(|| "target/release/sangam".into(), PathBuf::from)
}

fn spawn(system: System, folder: &Path) -> Result<(Child, SocketAddr, Duration)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let own = std::env::current_exe()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", SERVER_CORE]);
    let listen = address.to_string();
    match system {
        System::Sangam => {
            command.arg(sangam()).args(["serve", "--listen", &listen, "--data"]).arg(folder);
        }
        System::Relay => {
            command.arg(own).args(["relay", &listen]);
        }
        System::PlainYrs => {
            command.arg(own).args(["plain-yrs", &listen]);
        }
        System::YWebsocket => {
            command.arg("node").arg(here.join("node_modules/@y/websocket-server/src/server.js"));
        }
        System::Hocuspocus => {
            command.arg("node").arg(here.join("hocuspocus.mjs"));
        }
    }
    command.env("HOST", "127.0.0.1").env("PORT", port.to_string());
    command.env("NODE_ENV", "production").env("RUST_LOG", "warn");
    let log = std::fs::File::options().create(true).append(true).open(folder.join("bench.log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {system:?}"))?;
    while started.elapsed() < Duration::from_secs(20) {
        if TcpStream::connect(address).is_ok() {
            return Ok((child, address, started.elapsed()));
        }
        if let Some(status) = child.try_wait()? {
            let log = std::fs::read_to_string(folder.join("bench.log"))?;
            bail!("{system:?} ended with {status}: {log}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    bail!("{system:?} does not listen")
}

/// Creates an event with so many boards, as an organiser does; returns how a participant reaches
/// them.
fn create_event(folder: &Path, number: usize, boards: usize) -> Result<Vec<Room>> {
    let slug = format!("bench-{number}");
    let mut toml = format!(
        "slug = \"{slug}\"\ntitle = {{ en = \"Load\" }}\ndate = \"2026-11-25\"\n\
         languages = [\"en\"]\n[[site]]\nkey = \"here\"\nname = {{ en = \"Here\" }}\n\
         time_zone = \"Europe/Paris\"\ncountry = \"FR\"\nlanguage = \"en\"\n"
    );
    for board in 0..boards {
        writeln!(
            toml,
            "[[workshop]]\ntitle = {{ en = \"Board {board}\" }}\nquestion = {{ en = \"What?\" }}"
        )?;
    }
    let file = folder.join("event.toml");
    std::fs::write(&file, toml)?;
    output(&["event".as_ref(), "create".as_ref(), &file, "--data".as_ref(), folder])?;
    let links =
        output(&["links".as_ref(), slug.as_ref(), "--json".as_ref(), "--data".as_ref(), folder])?;
    let links: Value = serde_json::from_slice(&links)?;
    let participant = links["links"]
        .as_array()
        .and_then(|all| all.iter().find(|link| link["role"] == "participant"))
        .and_then(|link| link["token"].as_str())
        .context("a participant's link")?;
    let workshops = links["workshops"].as_array().context("workshops")?;
    let room = |workshop: &Value| {
        let name = workshop["board"].as_str().unwrap_or_default().to_owned();
        let path = format!("/sync/{name}?token={participant}");
        Room { name, path }
    };
    Ok(workshops.iter().map(room).collect())
}

fn output(arguments: &[&Path]) -> Result<Vec<u8>> {
    let mut child = Command::new(sangam())
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}: `make build` first", sangam().display()))?;
    let mut said = Vec::new();
    child.stdout.take().context("stdout is piped")?.read_to_end(&mut said)?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{arguments:?} ended with {status}");
    }
    Ok(said)
}

/// What stands in `/proc/cpuinfo`, the kernel, and the versions of the servers.
///
/// # Errors
/// Where something is not installed.
pub fn machine() -> Result<Value> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name").map(|rest| rest.replace(['\t', ':'], "")))
        .unwrap_or_default();
    let first_line = |program: &Path, arguments: &[&str]| -> Result<String> {
        let output = Command::new(program).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    };
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("package.json");
    let npm: Value = serde_json::from_slice(&std::fs::read(lock)?)?;
    Ok(serde_json::json!({
        "cpu": model.trim(),
        "cores": cores,
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        "node": first_line(Path::new("node"), &["--version"])?,
        "rustc": first_line(Path::new("rustc"), &["--version"])?,
        "sangam": first_line(&sangam(), &["--version"])?,
        "npm": npm["dependencies"],
    }))
}
