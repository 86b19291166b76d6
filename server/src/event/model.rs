//! The records of an event, as they are stored.

use crate::event::history::Scope;
use sangam_shared::ids::{
    DocumentId, EventId, Key, LinkId, PersonId, PlanId, SessionId, WorkshopId,
};
use sangam_shared::plan::Who;
use sangam_shared::role::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A text in several languages, by language tag.
pub type Words = BTreeMap<String, String>;

/// One workshop day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its name in addresses: `/e/{slug}`.
    pub slug: Key,
    /// Its title.
    pub title: Words,
    /// The day, at the first site.
    pub date: jiff::civil::Date,
    /// Languages of its public texts, the first one first.
    pub languages: Vec<String>,
    /// The document that all screens read.
    pub stage: DocumentId,
    /// At least one.
    pub sites: Vec<Site>,
    /// In order of time.
    pub programme: Vec<ProgrammeItem>,
    /// In order of their numbers, from 1.
    pub workshops: Vec<Workshop>,
    /// The shelf of digital commons.
    pub commons: Vec<Common>,
    /// People who may be here at once; `limits::SEATS` where the organiser said nothing.
    #[serde(default)]
    pub seats: Option<u32>,
}

/// A place, or a remote group, with its own clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its short name.
    pub key: Key,
    /// Its name.
    pub name: Words,
    /// IANA time zone.
    pub time_zone: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The language that its screens start with.
    pub language: String,
    /// Its public holidays around the event.
    #[serde(default)]
    pub holidays: Vec<jiff::civil::Date>,
}

/// What kind of thing a programme item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Everybody listens.
    Plenary,
    /// A meal or a pause.
    Break,
    /// Groups form.
    Groups,
    /// Groups work on their boards.
    Workshops,
    /// Groups present.
    Readout,
}

/// One line of the programme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeItem {
    /// Unique within the event.
    pub id: u32,
    /// Begin.
    pub starts_at: jiff::Timestamp,
    /// End.
    pub ends_at: jiff::Timestamp,
    /// What it is called.
    pub title: Words,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// The sites that it concerns; all where empty.
    pub sites: Vec<Key>,
    /// Who moderates.
    #[serde(default)]
    pub moderator: Option<String>,
    /// Who speaks.
    #[serde(default)]
    pub speakers: Vec<String>,
    /// The video link.
    #[serde(default)]
    pub url: Option<String>,
}

/// One theme with one group and one board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workshop {
    /// Its id.
    pub id: WorkshopId,
    /// Its number, from 1; the first half of a plan's `ref`.
    pub number: u32,
    /// The theme.
    pub title: Words,
    /// The question that it answers.
    pub question: Words,
    /// Its board.
    pub board: DocumentId,
    /// Who runs it, per site.
    pub facilitators: Vec<Facilitator>,
    /// Seats.
    #[serde(default)]
    pub capacity: Option<u32>,
}

/// Who runs a workshop at one site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facilitator {
    /// Their name as the programme prints it.
    pub name: String,
    /// Where they are.
    pub site: Key,
}

/// A digital common on the shelf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Common {
    /// Its short name, which plans cite.
    pub key: Key,
    /// Its name.
    pub name: String,
    /// Where it is found.
    pub url: String,
    /// Who looks after it.
    pub steward: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// SPDX licence expression, where it is known.
    #[serde(default)]
    pub licence: Option<String>,
    /// Its `publiccode.yml`.
    #[serde(default)]
    pub publiccode_url: Option<String>,
}

/// Somebody at an event. Documents carry the id alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The id that documents carry.
    pub id: PersonId,
    /// Their name, cleaned.
    pub name: String,
    /// Whom they work for, if they said so.
    #[serde(default)]
    pub organisation: Option<String>,
    /// Where they are.
    pub site: Key,
    /// Their role.
    pub role: Role,
    /// The language of their interface.
    pub language: String,
    /// The languages that they speak.
    #[serde(default)]
    pub languages: Vec<String>,
    /// When they came, in milliseconds since 1970.
    pub joined_at_ms: u64,
    /// Whether they are in.
    #[serde(default)]
    pub standing: Standing,
    /// When everything that they had written was put into the tray, if it was: the mark by which it
    /// is found again.
    #[serde(default)]
    pub hidden_at_ms: Option<u64>,
}

/// Whether somebody is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They are.
    #[default]
    Here,
    /// They came while the door was locked.
    Waiting,
    /// They were sent out. Their name stays beside what they wrote.
    Removed,
}

/// The door of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Whoever comes by a participant's link waits.
    pub locked: bool,
}

/// A lead's yes to a plan: theirs, or recorded by a facilitator who heard it. It holds for that lead
/// alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The plan.
    pub plan: PlanId,
    /// The board that it stands on.
    pub board: DocumentId,
    /// Who said yes.
    pub lead: Who,
    /// Who recorded it; nobody, where a machine did.
    #[serde(default)]
    pub by: Option<PersonId>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A capability. The token itself is stored nowhere: it is derived from the id and the server's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// What it makes of whoever opens it.
    pub role: Role,
    /// The site that it presets.
    #[serde(default)]
    pub site: Option<Key>,
    /// SHA-256 of the token, in hexadecimal.
    pub token_hash: String,
    /// After this moment it opens nothing, in milliseconds since 1970.
    #[serde(default)]
    pub expires_at_ms: Option<u64>,
    /// It opens nothing any more.
    #[serde(default)]
    pub revoked: bool,
    /// It opens one device: the first.
    #[serde(default)]
    pub single_use: bool,
    /// The session that a link for one device has opened.
    #[serde(default)]
    pub used_by: Option<SessionId>,
    /// Who comes in by it: set when it is used, and carried over when it is handed out again.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// Whom a provider vouches for, where it is no link that anybody hands out: a hash.
    #[serde(default)]
    pub subject: Option<String>,
    /// What an organiser calls it.
    #[serde(default)]
    pub label: Option<String>,
    /// When it was made, in milliseconds since 1970.
    #[serde(default)]
    pub made_at_ms: u64,
}

/// One device's session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The link that it was exchanged for. Revoking the link ends the session.
    pub link: LinkId,
    /// Who it is; screens are nobody. Where several share the device, whoever writes now.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// Who else writes on this device.
    #[serde(default)]
    pub others: Vec<PersonId>,
    /// Its role.
    pub role: Role,
    /// Its site.
    #[serde(default)]
    pub site: Option<Key>,
    /// SHA-256 of its secret, in hexadecimal.
    pub secret_hash: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// A board was made to equal its past. The edit itself stands in the log, written by
/// [`crate::store::Author::Act`] with this id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    /// The key that whoever asked has chosen.
    pub id: Uuid,
    /// The board.
    pub document: DocumentId,
    /// Who asked; a machine is nobody.
    #[serde(default)]
    pub by: Option<PersonId>,
    /// The link behind them.
    pub link: LinkId,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The last delta of the past that was asked for.
    pub to: u64,
    /// When that was written.
    pub to_ms: u64,
    /// The restore that was undone, where it was one.
    #[serde(default)]
    pub undoes: Option<Uuid>,
    /// All of the board, or a part.
    #[serde(default)]
    pub scope: Scope,
}
