//! What is held in memory: the records of the store, typed.

use super::{DocumentInfo, EventsError};
use crate::event::model::{Acceptance, Door, Event, Link, Person, Restore, Session};
use crate::store::Record;
use sangam_shared::ids::{DocumentId, EventId, Key, LinkId, PersonId, PlanId, SessionId};
use sangam_shared::schema::DocumentKind;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Default)]
pub(super) struct State {
    pub(super) events: HashMap<EventId, Held>,
    pub(super) slugs: HashMap<Key, EventId>,
    pub(super) documents: HashMap<DocumentId, DocumentInfo>,
    /// By the hash of the token.
    pub(super) links: HashMap<String, (EventId, LinkId)>,
    /// By the hash of the secret.
    pub(super) sessions: HashMap<String, (EventId, SessionId)>,
}

pub(super) struct Held {
    pub(super) event: Arc<Event>,
    pub(super) people: BTreeMap<PersonId, Person>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) restores: BTreeMap<Uuid, Restore>,
    pub(super) acceptances: BTreeMap<PlanId, Acceptance>,
    pub(super) door: Door,
}

impl State {
    pub(super) fn from_records(mut records: Vec<Record>) -> Result<Self, EventsError> {
        // Events first: everything else belongs to one.
        records.sort_by_key(|record| (record.kind != "event", record.kind.clone()));
        let mut state = Self::default();
        for record in records {
            state.put(&record)?;
        }
        Ok(state)
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<(), EventsError> {
        let event_id = EventId(record.event);
        if record.kind == "event" {
            let event: Event = parse(record)?;
            self.put_event(event);
            return Ok(());
        }
        // A record whose event is gone belongs to nobody.
        let Some(held) = self.events.get_mut(&event_id) else { return Ok(()) };
        match record.kind.as_str() {
            "person" => {
                let person: Person = parse(record)?;
                held.people.insert(person.id, person);
            }
            "link" => {
                let link: Link = parse(record)?;
                self.links.insert(link.token_hash.clone(), (event_id, link.id));
                held.links.insert(link.id, link);
            }
            "session" => {
                let session: Session = parse(record)?;
                self.sessions.insert(session.secret_hash.clone(), (event_id, session.id));
                held.sessions.insert(session.id, session);
            }
            "restore" => {
                let restore: Restore = parse(record)?;
                held.restores.insert(restore.id, restore);
            }
            "acceptance" => {
                let acceptance: Acceptance = parse(record)?;
                held.acceptances.insert(acceptance.plan, acceptance);
            }
            "door" => held.door = parse(record)?,
            other => tracing::warn!(kind = other, "a record of an unknown kind is left alone"),
        }
        Ok(())
    }

    fn put_event(&mut self, event: Event) {
        let id = event.id;
        let info = |kind| DocumentInfo { kind, event: id, owner: None };
        self.slugs.insert(event.slug.clone(), id);
        self.documents.insert(event.stage, info(DocumentKind::Stage));
        for workshop in &event.workshops {
            self.documents.insert(workshop.board, info(DocumentKind::Board));
        }
        let event = Arc::new(event);
        if let Some(held) = self.events.get_mut(&id) {
            held.event = event;
            return;
        }
        let held = Held {
            event,
            people: BTreeMap::new(),
            links: BTreeMap::new(),
            sessions: BTreeMap::new(),
            restores: BTreeMap::new(),
            acceptances: BTreeMap::new(),
            door: Door::default(),
        };
        self.events.insert(id, held);
    }

    /// Nothing of an event is left.
    pub(super) fn drop_event(&mut self, event: EventId) {
        let Some(held) = self.events.remove(&event) else { return };
        self.slugs.remove(&held.event.slug);
        self.documents.retain(|_, info| info.event != event);
        self.links.retain(|_, (of, _)| *of != event);
        self.sessions.retain(|_, (of, _)| *of != event);
    }

    pub(super) fn delete(&mut self, event: EventId, kind: &str, id: &str) {
        let Some(held) = self.events.get_mut(&event) else { return };
        match kind {
            "person" => {
                if let Ok(id) = id.parse() {
                    held.people.remove(&id);
                }
            }
            "acceptance" => {
                if let Ok(id) = id.parse() {
                    held.acceptances.remove(&id);
                }
            }
            "session" => {
                if let Some(session) = id.parse().ok().and_then(|id| held.sessions.remove(&id)) {
                    self.sessions.remove(&session.secret_hash);
                }
            }
            _ => {}
        }
    }
}

fn parse<T: DeserializeOwned>(record: &Record) -> Result<T, EventsError> {
    serde_json::from_str(&record.json).map_err(|cause| EventsError::Damaged {
        kind: record.kind.clone(),
        id: record.id.clone(),
        cause: cause.to_string(),
    })
}
