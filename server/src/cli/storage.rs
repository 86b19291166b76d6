//! `sangam check`, `sangam backup`, `sangam restore`: what an operator does with a data folder.

use super::{DataArgs, audit, events, fresh_life, say};
use crate::event::access::LinkKey;
use crate::event::words;
use crate::store::audit::{Break, hex};
use crate::store::sqlite::{
    Checked, Checker, OtherCopy, OverData, Repair, SqliteReader, back_up, restore as put_back,
};
use crate::store::{Sequence, StoreError};
use crate::sync::replay::{Replay, Said};
use anyhow::Context;
use clap::Args;
use sangam_shared::ids::DocumentId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use uuid::Uuid;

#[derive(Args)]
pub(super) struct CheckArgs {
    /// Put right what can be put right; no server may run. What is cut off is kept in a file
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
pub(super) struct BackupArgs {
    /// The file to write. It holds the key of all links: keep it as you keep a password
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args)]
pub(super) struct RestoreArgs {
    /// A file that `sangam backup` has written
    file: PathBuf,
    /// Restore into a folder that has data; what is there is kept beside it
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Looks at everything, and says for each document whether it is sound. Code 1 where one is not.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.data.data;
    let titles = titles(folder);
    if !args.repair {
        return examine_all(&Checker::open(folder)?, &titles);
    }
    let (mut checker, rebuilt) = Checker::repair(folder, fresh_life())?;
    if let Some(kept) = &rebuilt {
        say(&format!(
            "the database was rebuilt from all rows that can be read; the damaged file is kept as {}",
            kept.display()
        ))?;
    }
    repair_all(&mut checker, &titles)?;
    examine_all(&checker, &titles)
}

/// Writes a backup, reads it back, and checks every document in it.
pub(super) fn backup(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.data.data;
    let key = LinkKey::read(folder)
        .with_context(|| format!("cannot read the key of the links in {}", folder.display()))?;
    back_up(folder, key.bytes(), &args.file)?;
    let code = examine_all(&Checker::of_file(&args.file)?, &titles(folder))?;
    say(&format!("{} is written, and readable by its owner alone", args.file.display()))?;
    Ok(code)
}

/// Puts a backup into a data folder.
pub(super) fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let over_data = if args.replace { OverData::Replace } else { OverData::Refuse };
    let folder = &args.data.data;
    let kept = put_back(&args.file, folder, fresh_life(), over_data)?;
    if let Some(kept) = kept {
        say(&format!("what was in {} is kept as {}", folder.display(), kept.display()))?;
    }
    say(&format!(
        "{} is restored into {}; devices will offer what they have written since",
        args.file.display(),
        folder.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is wrong with one document, and what would put it right.
#[derive(Debug, Default)]
struct Findings {
    sentences: Vec<String>,
    repairs: Vec<Repair>,
}

fn examine_all(checker: &Checker, titles: &Titles) -> anyhow::Result<ExitCode> {
    let mut sound = true;
    if let Some(damage) = checker.structure()? {
        sound = false;
        say(&format!("damaged: the file's pages: {damage}"))?;
    }
    let documents = checker.documents()?;
    for document in &documents {
        let kept = checker.document(*document)?;
        let found = examine(checker, *document, &kept)?;
        let name = name(titles, *document);
        if found.sentences.is_empty() {
            let snapshot = kept.snapshots.first().map(|(at, _)| *at);
            let snapshot =
                snapshot.map_or("no snapshot".to_owned(), |at| format!("snapshot at delta {at}"));
            say(&format!("sound:   {name}: deltas: {}; {snapshot}", kept.last))?;
        }
        for sentence in &found.sentences {
            sound = false;
            say(&format!("damaged: {name}: {sentence}"))?;
        }
    }
    for (record, other_copy) in checker.damaged_records()? {
        sound = false;
        let what = match other_copy {
            OtherCopy::Sound => "has lost one of its two copies; the other is used",
            OtherCopy::Damaged => "fails its check and is not used",
        };
        say(&format!("damaged: the record {record} {what}"))?;
    }
    for event in checker.audited()? {
        let (head, broken) = checker.audit(event, |_, _| Ok(()))?;
        let name = audit::name(&titles.events, event);
        if let Some(Break { sequence, why }) = broken {
            sound = false;
            say(&format!("damaged: audit log of {name}: entry {sequence} {why}"))?;
        } else {
            let hash = hex(&head.hash);
            say(&format!("sound:   audit log of {name}: entries: {}; head {hash}", head.sequence))?;
        }
    }
    let verdict = if sound { "everything is sound" } else { "some of it is damaged" };
    say(&format!("documents: {}; {verdict}", documents.len()))?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn repair_all(checker: &mut Checker, titles: &Titles) -> anyhow::Result<()> {
    for document in checker.documents()? {
        let found = examine(checker, document, &checker.document(document)?)?;
        let name = name(titles, document);
        for repair in found.repairs {
            let kept = checker.mend(document, repair)?;
            say(&format!("repaired: {name}: {}", done(repair)))?;
            if let Some(kept) = kept {
                checker.begin(fresh_life())?;
                say(&format!("          what was cut off is kept in {}", kept.display()))?;
            }
        }
    }
    if !checker.damaged_records()?.is_empty() {
        let kept = checker.mend_records()?;
        say(&format!(
            "repaired: records; rows that fail their check are kept in {}",
            kept.display()
        ))?;
    }
    Ok(())
}

fn done(repair: Repair) -> String {
    match repair {
        Repair::DropSnapshot(at) => {
            format!("the snapshot at {at} was dropped; the log says it all")
        }
        Repair::NoteHead(head) => format!("the end of the log was noted anew: {head}"),
        Repair::DropClaims => "damaged claims of client ids were dropped".to_owned(),
        Repair::CutAfter(last) => format!("everything after delta {last} was cut off"),
    }
}

/// Compares log, snapshots and the note of the end with each other.
fn examine(
    checker: &Checker,
    document: DocumentId,
    kept: &Checked,
) -> Result<Findings, StoreError> {
    let mut found = Findings::default();
    let (logged, said) = replay_log(kept);
    let last = kept.last;
    let mut reach = logged;
    for (at, snapshot) in &kept.snapshots {
        let fault = match snapshot {
            None => Some("fails its check"),
            Some(bytes) => match (said_by(bytes), said.get(at)) {
                (None, _) => Some("cannot be decoded"),
                (Some(snapshot), Some(log)) if snapshot != *log => Some("is not what the log says"),
                _ if *at > last => Some("lies beyond the log"),
                (Some(_), _) => {
                    reach = reach.max(replay_tail(checker, document, *at, bytes)?);
                    None
                }
            },
        };
        if let Some(fault) = fault {
            found.sentences.push(format!("the snapshot at {at} {fault}"));
            found.repairs.push(Repair::DropSnapshot(*at));
        }
    }
    if reach < last {
        found.sentences.push(format!(
            "delta {} of {last} is missing, fails its check or cannot be decoded: it opens \
             read-only, as it was after delta {reach}",
            reach + 1
        ));
        found.repairs.push(Repair::CutAfter(reach));
    } else if kept.head.is_some_and(|head| head > last) {
        let head = kept.head.unwrap_or_default();
        found.sentences.push(format!(
            "deltas {} to {head} are missing: it opens read-only, as it was after delta {last}",
            last + 1
        ));
        found.repairs.push(Repair::CutAfter(last));
    } else if kept.head != Some(last) {
        found.sentences.push("the note of where its log ends is damaged: read-only".to_owned());
        found.repairs.push(if logged == last {
            Repair::NoteHead(last)
        } else {
            Repair::CutAfter(last)
        });
    }
    if logged < reach {
        found.sentences.push(format!(
            "its history cannot be read at delta {}, which a snapshot makes up for",
            logged + 1
        ));
    }
    if kept.claims_damaged > 0 {
        let count = kept.claims_damaged;
        found.sentences.push(format!("{count} claims of client ids fail their check: read-only"));
        found.repairs.push(Repair::DropClaims);
    }
    // A snapshot that is wrong is dropped only where nothing depends on it.
    if logged < last {
        found.repairs.retain(|repair| !matches!(repair, Repair::DropSnapshot(at) if *at <= reach));
    }
    Ok(found)
}

/// The last delta that can be decoded, and what the document said wherever there is a snapshot.
fn replay_log(kept: &Checked) -> (Sequence, BTreeMap<Sequence, Said>) {
    let mut replay = Replay::default();
    let mut said = BTreeMap::new();
    let mut reached = 0;
    for stored in &kept.log {
        if replay.take(&stored.delta.update).is_err() {
            break;
        }
        reached = stored.sequence;
        if kept.snapshots.iter().any(|(at, _)| *at == reached)
            && let Ok(now) = replay.said()
        {
            said.insert(reached, now);
        }
    }
    (reached, said)
}

/// How far a snapshot and the deltas after it reach.
fn replay_tail(
    checker: &Checker,
    document: DocumentId,
    at: Sequence,
    snapshot: &[u8],
) -> Result<Sequence, StoreError> {
    let mut replay = Replay::default();
    if replay.take(snapshot).is_err() {
        return Ok(0);
    }
    let tail = checker.tail(document, at)?;
    let fits = tail.iter().take_while(|stored| replay.take(&stored.delta.update).is_ok());
    Ok(fits.last().map_or(at, |stored| stored.sequence))
}

fn said_by(snapshot: &[u8]) -> Option<Said> {
    let mut replay = Replay::default();
    replay.take(snapshot).ok()?;
    replay.said().ok()
}

#[derive(Default)]
struct Titles {
    documents: BTreeMap<DocumentId, String>,
    events: BTreeMap<Uuid, String>,
}

/// What operators call the documents, as far as the events can be read.
fn titles(folder: &Path) -> Titles {
    let records = SqliteReader::open(folder).ok().and_then(|reader| reader.records().ok());
    let mut titles = Titles::default();
    for event in events(&records.unwrap_or_default()).unwrap_or_default() {
        titles.events.insert(event.id.0, event.slug.to_string());
        titles.documents.insert(event.stage, format!("stage of {}", event.slug));
        for workshop in event.workshops {
            titles.documents.insert(workshop.board, words(&workshop.title, "en").to_owned());
        }
    }
    titles
}

fn name(titles: &Titles, document: DocumentId) -> String {
    match titles.documents.get(&document) {
        Some(title) => format!("{document} ({title})"),
        None => document.to_string(),
    }
}
