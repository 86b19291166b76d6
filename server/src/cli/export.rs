//! `sangam export`: reads the data folder, beside a running server or without one.

use super::{BROKEN_FILE, DataArgs, find, say};
use crate::clock::{Clock, SystemClock};
use crate::event::model::Person;
use crate::export::dossier::{self, PersonalData, Scope, Source};
use crate::export::{self, Choice, Format, Language};
use crate::store::sqlite::SqliteReader;
use anyhow::Context;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct ExportArgs {
    /// The event's name in addresses
    event: String,
    /// docx, odt, html, md, xlsx, csv, ics, json, or zip for all of them
    #[arg(long)]
    format: Format,
    /// The file to write; - is standard output
    #[arg(long)]
    output: PathBuf,
    /// fr, en or hi, or two with a comma between; the event's first language otherwise
    #[arg(long)]
    language: Option<String>,
    /// Name people; without it, role and site stand for names
    #[arg(long)]
    with_personal_data: bool,
    /// Also minutes, and plans that are not public
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let reader = SqliteReader::open(&args.data.data)?;
    let records = reader.records()?;
    let event = find(&records, &args.event)?;
    let first = event.languages.first().and_then(|tag| Language::of_tag(tag));
    let asked = args.language.as_deref();
    let languages = asked.map_or_else(
        || Some(vec![first.unwrap_or(Language::English)]),
        |tags| tags.split(',').map(Language::of_tag).collect(),
    );
    let Some(languages) = languages.filter(|languages| languages.len() <= 2) else {
        let found = asked.unwrap_or_default();
        eprintln!(
            "sangam: --language is fr, en or hi, or two of them with a comma between; found {found:?}"
        );
        return Ok(ExitCode::from(BROKEN_FILE));
    };
    let mut people = Vec::new();
    for record in records.iter().filter(|r| r.kind == "person" && r.event == event.id.0) {
        people.push(serde_json::from_str::<Person>(&record.json)?);
    }
    people.sort_by(|a, b| (a.joined_at_ms, &a.name).cmp(&(b.joined_at_ms, &b.name)));
    let mut boards = Vec::new();
    for workshop in &event.workshops {
        let loaded = reader.load(workshop.board)?;
        if let Some(damage) = &loaded.damage {
            eprintln!(
                "sangam: the board of workshop {} is exported as far as it can be read: {damage}",
                workshop.number
            );
        }
        boards.push(dossier::board(&loaded)?);
    }
    let now_ms = i64::try_from(SystemClock.now_ms())?;
    let at = jiff::Timestamp::from_millisecond(now_ms)?;
    let choice = Choice {
        format: args.format,
        languages,
        personal: if args.with_personal_data { PersonalData::With } else { PersonalData::Without },
        scope: if args.all { Scope::All } else { Scope::Public },
    };
    let made = export::file(Source { event, people, boards, at }, &choice)?;
    if made.replaced > 0 {
        eprintln!(
            "sangam: {} characters that no file holds were replaced by visible signs",
            made.replaced
        );
    }
    write(&args.output, &made.bytes)?;
    if args.output != Path::new("-") {
        say(&format!("wrote {} ({} bytes)", args.output.display(), made.bytes.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All of it, or the file that was there before.
fn write(output: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if output == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        return Ok(out.flush()?);
    }
    let mut beside = output.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let cannot = || format!("cannot write {}", output.display());
    std::fs::write(&beside, bytes).with_context(cannot)?;
    std::fs::rename(&beside, output).with_context(cannot)
}
