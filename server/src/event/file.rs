//! `event.toml`: an event as an organiser writes it down. A broken file names the line, the field
//! and what was expected; nothing is created from it.

mod board;
mod check;

pub use board::{ClusterSeed, ElsewhereSeed, NoteSeed, PlanSeed};

use crate::event::model::ItemKind;
use sangam_shared::limits;
use sangam_shared::role::Role;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A name that must stand elsewhere in the file.
pub type Ref = Spanned<String>;
/// A text in several languages, with its place in the file.
pub type SpannedWords = Spanned<BTreeMap<String, String>>;

/// An event file that was read and found in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFile {
    /// Name in addresses.
    pub slug: Ref,
    /// Title, in the event's languages.
    pub title: SpannedWords,
    /// The day, `YYYY-MM-DD`.
    pub date: Ref,
    /// Language tags, the first one first.
    pub languages: Spanned<Vec<String>>,
    /// Places.
    #[serde(default, rename = "site")]
    pub sites: Vec<SiteEntry>,
    /// The day's items, at the first site's time.
    #[serde(default)]
    pub programme: Vec<ItemEntry>,
    /// Themes.
    #[serde(default, rename = "workshop")]
    pub workshops: Vec<WorkshopEntry>,
    /// The shelf.
    #[serde(default, rename = "common")]
    pub commons: Vec<CommonEntry>,
    /// People whose work the boards already hold.
    #[serde(default, rename = "person")]
    pub people: Vec<PersonEntry>,
    /// People who may be here at once.
    pub seats: Option<u32>,
    /// Links to make; where none are named, one per role and, for participants, per site.
    #[serde(default, rename = "link")]
    pub links: Vec<LinkEntry>,
}

/// A place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct SiteEntry {
    pub key: Ref,
    pub name: SpannedWords,
    pub time_zone: Ref,
    pub country: Ref,
    pub language: Ref,
    #[serde(default)]
    pub holidays: Vec<Ref>,
}

/// A line of the programme.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct ItemEntry {
    pub starts: Ref,
    pub ends: Ref,
    pub title: SpannedWords,
    pub kind: ItemKind,
    #[serde(default)]
    pub sites: Vec<Ref>,
    pub moderator: Option<String>,
    #[serde(default)]
    pub speakers: Vec<String>,
    pub url: Option<Ref>,
}

/// A theme, and the work that its board starts from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct WorkshopEntry {
    pub title: SpannedWords,
    pub question: SpannedWords,
    #[serde(default)]
    pub facilitators: Vec<FacilitatorEntry>,
    pub capacity: Option<u32>,
    #[serde(default, rename = "practice")]
    pub practices: Vec<NoteSeed>,
    #[serde(default, rename = "idea")]
    pub ideas: Vec<NoteSeed>,
    #[serde(default, rename = "cluster")]
    pub clusters: Vec<ClusterSeed>,
    #[serde(default, rename = "plan")]
    pub plans: Vec<PlanSeed>,
    /// In Markdown.
    #[serde(default)]
    pub minutes: String,
}

/// Who runs a workshop at one site.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct FacilitatorEntry {
    pub name: Ref,
    pub site: Ref,
}

/// A digital common.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct CommonEntry {
    pub key: Ref,
    pub name: Ref,
    pub url: Ref,
    pub steward: String,
    pub country: Ref,
    pub licence: Option<String>,
    pub publiccode_url: Option<Ref>,
}

/// Somebody whose work the boards hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct PersonEntry {
    pub key: Ref,
    pub name: Ref,
    pub organisation: Option<String>,
    pub site: Ref,
    #[serde(default)]
    pub languages: Vec<String>,
}

/// A link to make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the model")]
pub struct LinkEntry {
    pub role: Role,
    pub site: Option<Ref>,
    /// Opens more than one device, although its role is a facilitator's or an organiser's.
    #[serde(default)]
    pub reusable: bool,
}

/// What is wrong with an event file, for the organiser who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {field}: {expected}")]
pub struct FileError {
    /// From 1.
    pub line: usize,
    /// The field, as it is written in the file.
    pub field: String,
    /// What was expected, and what was found.
    pub expected: String,
}

impl EventFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`FileError`]: the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        if text.len() > limits::EVENT_FILE_BYTES_MAX {
            let expected = format!("at most {} bytes", limits::EVENT_FILE_BYTES_MAX);
            return Err(FileError { line: 1, field: "the file".into(), expected });
        }
        let file: Self = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        check::check(text, &file)?;
        Ok(file)
    }
}

/// Where the parser stopped, and the key that stands on that line.
fn syntax(text: &str, error: &toml::de::Error) -> FileError {
    let at = error.span().map_or(0, |span| span.start);
    let expected = error.message().trim().replace('\n', ", ");
    // A missing field has no place of its own: the parser names the table.
    let named = expected.split('`').nth(1).filter(|_| expected.contains("field `"));
    let field = named.map_or_else(|| field_at(text, at), str::to_owned);
    FileError { line: line_of(text, at), field: format!("field `{field}`"), expected }
}

fn line_of(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(i, _)| *i < at).filter(|(_, c)| *c == '\n').count() + 1
}

fn field_at(text: &str, at: usize) -> String {
    let line = text.lines().nth(line_of(text, at) - 1).unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim();
    key.trim_matches(['[', ']']).to_owned()
}

#[cfg(test)]
mod tests;
