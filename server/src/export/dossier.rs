//! What may leave: an event with its people and boards, without what its reader should not have.
//! Every writer takes a dossier, so that what is withheld is withheld from all formats alike.

use crate::event::board::read_board;
use crate::event::model::{Event, Person};
use crate::export::ExportError;
use crate::store::Loaded;
use sangam_shared::board::{Board, Tray};
use sangam_shared::ids::PersonId;
use sangam_shared::plan::{Plan, Visibility, Who};
use std::collections::HashMap;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Doc, OffsetKind, Options, Transact, Update};

/// What stands where a name was withheld that only the board knows.
pub const WITHHELD: &str = "[…]";

/// Everything that an export is made of, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The event.
    pub event: Event,
    /// Its people.
    pub people: Vec<Person>,
    /// The boards of its workshops, in their order.
    pub boards: Vec<Board>,
    /// When they were read.
    pub at: jiff::Timestamp,
}

/// Reads a board from what the store has of it: what was acknowledged, and nothing later.
///
/// # Errors
/// Where the document cannot be read at all. What fails its check is left out, and logged.
pub fn board(loaded: &Loaded) -> Result<Board, ExportError> {
    if let Some(damage) = &loaded.damage {
        tracing::warn!(%damage, "a board is exported as far as it can be read");
    }
    let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
    let snapshot = loaded.snapshot.iter().map(|(_, update)| update);
    let tail = loaded.tail.iter().map(|stored| &stored.delta.update);
    let mut txn = doc.transact_mut();
    for update in snapshot.chain(tail) {
        // Every update in the log was checked by the guard before it was stored.
        let update = Update::decode_v1(update).map_err(|error| ExportError::new(&error))?;
        txn.apply_update(update).map_err(|error| ExportError::new(&error))?;
    }
    Ok(read_board(&txn))
}

/// Whether people are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonalData {
    /// Role and site stand for names: the file to circulate.
    #[default]
    Without,
    /// Names and organisations.
    With,
}

/// How much leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// What everybody may read.
    #[default]
    Public,
    /// Also minutes, and plans for participants or organisers.
    All,
}

/// What leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Dossier {
    /// As [`Source`], with less in it.
    pub source: Source,
    /// Whether people are named.
    pub personal: PersonalData,
    /// How much leaves.
    pub scope: Scope,
}

impl Dossier {
    /// Takes from a source what may leave.
    #[must_use]
    pub fn new(mut source: Source, personal: PersonalData, scope: Scope) -> Self {
        for board in &mut source.boards {
            board.tray = Tray::default();
            if scope == Scope::Public {
                board.plans.retain(|plan| plan.visibility == Visibility::Public);
                board.minutes.clear();
            }
        }
        if personal == PersonalData::Without {
            withhold(&mut source);
        }
        Self { source, personal, scope }
    }

    /// Somebody, if they are still registered.
    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.source.people.iter().find(|person| person.id == id)
    }
}

/// Takes out names, organisations of people, and ids by which others could look them up.
fn withhold(source: &mut Source) {
    // Who came first must not be told by the number: role and site decide.
    source.people.sort_by(|a, b| (a.role, &a.site, a.id).cmp(&(b.role, &b.site, b.id)));
    let mut aliases = Aliases::default();
    for person in &mut source.people {
        person.id = aliases.of(person.id);
        person.name.clear();
        person.organisation = None;
        person.language.clear();
        person.languages.clear();
        person.joined_at_ms = 0;
    }
    for item in &mut source.event.programme {
        item.moderator = None;
        item.speakers.clear();
    }
    for workshop in &mut source.event.workshops {
        workshop.facilitators.clear();
    }
    for board in &mut source.boards {
        let notes = board.practices.iter_mut().chain(&mut board.ideas).map(|n| &mut n.trace);
        let clusters = board.clusters.iter_mut().map(|cluster| &mut cluster.trace);
        for trace in notes.chain(clusters) {
            trace.author = trace.author.map(|id| aliases.of(id));
            trace.moved_by = None;
        }
        board.plans.iter_mut().for_each(|plan| withhold_from_plan(plan, &mut aliases));
    }
}

fn withhold_from_plan(plan: &mut Plan, aliases: &mut Aliases) {
    plan.trace.author = plan.trace.author.map(|id| aliases.of(id));
    plan.trace.moved_by = None;
    for who in [&mut plan.lead, &mut plan.co_lead].into_iter().flatten() {
        match who {
            Who::Here { participant_id } => *participant_id = aliases.of(*participant_id),
            Who::Elsewhere { name, .. } => hide(name),
        }
    }
    plan.stakeholders.iter_mut().for_each(|stakeholder| hide(&mut stakeholder.person));
    plan.first_step.owner = plan.first_step.owner.map(|id| aliases.of(id));
    hide(&mut plan.first_step.owner_name);
    for milestone in &mut plan.milestones {
        milestone.owner = milestone.owner.map(|id| aliases.of(id));
    }
    plan.resources_needed.iter_mut().for_each(|resource| hide(&mut resource.decider));
}

fn hide(name: &mut String) {
    if !name.trim().is_empty() {
        WITHHELD.clone_into(name);
    }
}

/// Ids that mean nothing outside of one file.
#[derive(Default)]
struct Aliases(HashMap<PersonId, PersonId>);

impl Aliases {
    fn of(&mut self, id: PersonId) -> PersonId {
        let next = self.0.len() as u128 + 1;
        // UUID version 8 is for one's own use; the number is that of the file.
        let uuid = Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0000 | next);
        *self.0.entry(id).or_insert(PersonId(uuid))
    }
}
