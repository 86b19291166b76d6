//! The command line: what an operator types, and what is answered.

mod audit;
mod export;
mod storage;

use crate::app;
use crate::clock::{Chance, Clock, SystemClock};
use crate::config::{Config, OidcConfig, PublicUrl, ServeArgs};
use crate::event::access::LinkKey;
use crate::event::audit::By;
use crate::event::file::EventFile;
use crate::event::model::{Event, Link};
use crate::event::{LinkView, Wanted, link_view, words};
use crate::http::{self, Api, Oidc};
use crate::lifecycle;
use crate::store::sqlite::SqliteReader;
use crate::store::{Life, Record};
use crate::telemetry;
use anyhow::{Context, anyhow};
use clap::{Args, Parser, Subcommand};
use sangam_shared::role::Role;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Live workshop boards for one event held in several places at once.
#[derive(Parser)]
#[command(name = "sangam", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the demonstration event, and print one link per role and site
    Demo(ServeArgs),
    /// Serve the events of a data folder
    Serve(ServeArgs),
    /// Create and look at events
    #[command(subcommand)]
    Event(EventCommand),
    /// Print the links of an event
    Links(LinksArgs),
    /// Look at everything that is stored; code 1 where something is damaged
    Check(storage::CheckArgs),
    /// Write everything into one file, also while the server runs
    Backup(storage::BackupArgs),
    /// Put a backup into a data folder
    Restore(storage::RestoreArgs),
    /// Write the report of an event, or its data, into a file; beside a running server too
    Export(export::ExportArgs),
    /// Print the audit log of an event as JSON lines; code 1 where its chain is broken
    Audit(audit::AuditArgs),
}

#[derive(Subcommand)]
enum EventCommand {
    /// Create an event from a TOML file
    Create {
        /// The file; server/demo/infra-structures.toml is one to copy
        file: PathBuf,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List all events
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show one event as JSON
    Show {
        /// Its name in addresses
        event: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

#[derive(Args)]
struct DataArgs {
    /// Folder that holds everything
    #[arg(long, env = "SANGAM_DATA", default_value = DATA)]
    data: PathBuf,
}

#[derive(Args)]
struct LinksArgs {
    /// The event's name in addresses
    event: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Make a new link for an organiser first: the last one is lost. The server must be stopped
    #[arg(long)]
    new_organiser: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// The data folder, where none is named.
const DATA: &str = "data";
/// The file in the data folder that says where the server is reached.
const ADDRESS_FILE: &str = "address";
/// The demonstration event.
const DEMO_FILE: &str = include_str!("../demo/infra-structures.toml");
/// A file that an organiser wrote is not in order.
const BROKEN_FILE: u8 = 2;

/// Parses the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => serve(args, true),
        Command::Serve(args) => serve(args, false),
        Command::Event(EventCommand::Create { file, data }) => create(&file, &data.data),
        Command::Event(EventCommand::List { data }) => list(&data.data),
        Command::Event(EventCommand::Show { event, data }) => show(&event, &data.data),
        Command::Links(args) => links(&args),
        Command::Check(args) => storage::check(&args),
        Command::Backup(args) => storage::backup(&args),
        Command::Restore(args) => storage::restore(&args),
        Command::Export(args) => export::export(&args),
        Command::Audit(args) => audit::print(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sangam: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: ServeArgs, demo: bool) -> anyhow::Result<ExitCode> {
    let oidc = OidcConfig::new(&args)?.map(Oidc::new);
    let config = Config::new(args, Path::new(DATA))?;
    telemetry::start(config.log_format);
    runtime()?.block_on(async {
        // First the port: where it is taken, nothing is created.
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let api = app::open(&config).await?;
        if let Some(oidc) = oidc {
            api.oidc.get_or_init(|| oidc);
        }
        let public = config.public_url.clone().unwrap_or_else(|| PublicUrl::of(address));
        note_address(&config.data, &public);
        if demo {
            demonstrate(&api, &public).await?;
        }
        // Whoever reads that line may ask us to stop.
        let stop = lifecycle::signal()?;
        say(&format!("listening on http://{address}"))?;
        let router = http::router(Arc::clone(&api));
        lifecycle::run(api, router, listener, stop).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// For the commands that print links. A server on a full disk starts all the same.
fn note_address(data: &Path, public: &PublicUrl) {
    let file = data.join(ADDRESS_FILE);
    if std::fs::read_to_string(&file).is_ok_and(|known| known == public.as_str()) {
        return;
    }
    if let Err(error) = std::fs::write(&file, public.as_str()) {
        tracing::warn!(%error, file = %file.display(), "cannot note the address; links may be wrong");
    }
}

/// The demonstration event, made by the same code as any other, and its links.
async fn demonstrate(api: &Api, public: &PublicUrl) -> anyhow::Result<()> {
    let event = match api.events.by_slug("demo") {
        Some(event) => event,
        None => api.events.create(&EventFile::parse(DEMO_FILE)?).await?,
    };
    let mut text = format!("\n{}\n\n", words(&event.title, "en"));
    for link in api.events.links(event.id, public.as_str()) {
        text += &line(&event, &link);
    }
    say(&text)
}

fn line(event: &Event, link: &LinkView) -> String {
    let site = link.site.as_ref().and_then(|key| event.sites.iter().find(|s| s.key == *key));
    let site = site.map_or("", |site| words(&site.name, "en"));
    format!("  {:<12} {:<12} {}\n", link.role.as_str(), site, link.url)
}

fn create(file: &Path, data: &Path) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed = match EventFile::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("sangam: {}: {error}", file.display());
            return Ok(ExitCode::from(BROKEN_FILE));
        }
    };
    let args = ServeArgs { data: Some(data.to_owned()), ..ServeArgs::default() };
    let config = Config::new(args, data)?;
    runtime()?.block_on(async {
        let api = app::open(&config).await?;
        let event = api.events.create(&parsed).await?;
        let public = public_url(data);
        let mut text = format!("created {}\n\n", event.slug);
        for link in api.events.links(event.id, &public) {
            text += &line(&event, &link);
        }
        say(&text)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn list(data: &Path) -> anyhow::Result<ExitCode> {
    for event in events(&SqliteReader::open(data)?.records()?)? {
        say(&format!("{:<20} {}  {}", event.slug, event.date, words(&event.title, "en")))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(slug: &str, data: &Path) -> anyhow::Result<ExitCode> {
    let event = find(&SqliteReader::open(data)?.records()?, slug)?;
    say(&serde_json::to_string_pretty(&event)?)?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct LinksOutput<'o> {
    event: &'o str,
    stage: String,
    workshops: Vec<WorkshopOutput<'o>>,
    links: &'o [LinkView],
}

#[derive(Serialize)]
struct WorkshopOutput<'o> {
    id: String,
    board: String,
    title: &'o crate::event::model::Words,
}

fn links(args: &LinksArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.data.data;
    if args.new_organiser {
        new_organiser(&args.event, folder)?;
    }
    let records = SqliteReader::open(folder)?.records()?;
    let event = find(&records, &args.event)?;
    let key = LinkKey::read(folder)
        .with_context(|| format!("cannot read the key of the links in {}", folder.display()))?;
    let public = public_url(folder);
    let mut open = Vec::new();
    for record in records.iter().filter(|r| r.kind == "link" && r.event == event.id.0) {
        let link: Link = serde_json::from_str(&record.json)?;
        if !link.revoked && link.used_by.is_none() {
            open.push(link_view(&link, &key, &public));
        }
    }
    open.sort_by(|a, b| (b.role, &a.site).cmp(&(a.role, &b.site)));
    if !args.json {
        let lines: String = open.iter().map(|link| line(&event, link)).collect();
        say(lines.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let workshops = event.workshops.iter().map(|workshop| WorkshopOutput {
        id: workshop.id.to_string(),
        board: workshop.board.to_string(),
        title: &workshop.title,
    });
    let output = LinksOutput {
        event: event.slug.as_str(),
        stage: event.stage.to_string(),
        workshops: workshops.collect(),
        links: &open,
    };
    say(&serde_json::to_string(&output)?)?;
    Ok(ExitCode::SUCCESS)
}

/// For the day on which the organisers' only phone lies in the river.
fn new_organiser(slug: &str, folder: &Path) -> anyhow::Result<()> {
    let args = ServeArgs { data: Some(folder.to_owned()), ..ServeArgs::default() };
    let config = Config::new(args, folder)?;
    runtime()?.block_on(async {
        let api = app::open(&config).await?;
        let event = api.events.by_slug(slug);
        let event = event.ok_or_else(|| anyhow!("there is no event called {slug:?}"))?;
        let wanted = Wanted {
            role: Role::Organiser,
            site: None,
            label: None,
            expires_at_ms: None,
            single_use: true,
        };
        api.events.issue(event.id, By::Operator, wanted).await?;
        Ok(())
    })
}

fn events(records: &[Record]) -> anyhow::Result<Vec<Event>> {
    let found = records.iter().filter(|record| record.kind == "event");
    let mut events: Vec<Event> =
        found.map(|record| serde_json::from_str(&record.json)).collect::<Result<_, _>>()?;
    events.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(events)
}

fn find(records: &[Record], slug: &str) -> anyhow::Result<Event> {
    let all = events(records)?;
    let known: Vec<_> = all.iter().map(|event| event.slug.to_string()).collect();
    all.into_iter().find(|event| event.slug.as_str() == slug).ok_or_else(|| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        anyhow!("there is no event called {slug:?}; there is: {known}")
    })
}

/// Where the server of a data folder is reached, as it said itself.
fn public_url(data: &Path) -> String {
    let said = std::fs::read_to_string(data.join(ADDRESS_FILE)).unwrap_or_default();
    if said.is_empty() { "http://127.0.0.1:8080".to_owned() } else { said }
}

/// A new life of the log, should one begin now.
fn fresh_life() -> Life {
    Life { epoch: Chance::from_system().uuid(), at_ms: SystemClock.now_ms() }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// To standard output, at once: scripts wait for these lines.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
