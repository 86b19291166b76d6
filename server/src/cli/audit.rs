//! `sangam audit`: the log of who did what, for organisers and for whoever examines them.

use super::{DataArgs, find};
use crate::event::audit::lines;
use crate::store::StoreError;
use crate::store::audit::{Break, hex};
use crate::store::sqlite::{Checker, SqliteReader};
use clap::Args;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use uuid::Uuid;

#[derive(Args)]
pub(super) struct AuditArgs {
    /// The event's name in addresses; without it, what concerns no event: strangers at the door
    event: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

/// Prints the log, then says on standard error whether its chain holds.
pub(super) fn print(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.data.data;
    let event = match &args.event {
        None => Uuid::nil(),
        Some(slug) => find(&SqliteReader::open(folder)?.records()?, slug)?.id.0,
    };
    let mut out = std::io::stdout().lock();
    let (head, broken) = Checker::open(folder)?.audit(event, |entries, before| {
        let mut text = String::new();
        lines::write(entries, Some(before), &mut text);
        out.write_all(text.as_bytes()).map_err(|error| StoreError::Unavailable(error.to_string()))
    })?;
    out.flush()?;
    if let Some(Break { sequence, why }) = broken {
        eprintln!("the chain is broken: entry {sequence} {why}");
        return Ok(ExitCode::FAILURE);
    }
    eprintln!("the chain holds: entries: {}; head {}", head.sequence, hex(&head.hash));
    Ok(ExitCode::SUCCESS)
}

/// What operators call a chain.
pub(super) fn name(events: &BTreeMap<Uuid, String>, event: Uuid) -> String {
    match events.get(&event) {
        Some(slug) => slug.clone(),
        None if event.is_nil() => "the server".to_owned(),
        None => event.to_string(),
    }
}
