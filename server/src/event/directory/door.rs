//! The door: how many seats there are, who waits, who is let in, who is sent out.

use super::{Events, EventsError, put, without};
use crate::event::access::Denied;
use crate::event::audit::{Act, By, Entry};
use crate::event::model::{Door, Event, Person, Standing};
use crate::store::RecordChange;
use sangam_shared::ids::{EventId, PersonId};
use sangam_shared::limits;
use sangam_shared::role::Role;
use std::collections::HashSet;

/// The door as those see it who keep it.
#[derive(Clone, Debug, PartialEq)]
pub struct DoorView {
    /// Whether newcomers wait.
    pub locked: bool,
    /// Seats.
    pub seats: usize,
    /// Seats that are taken: people with a device that is still in, or waits.
    pub taken: usize,
    /// Everybody whom the door has to do with, in the order in which they came.
    pub people: Vec<Person>,
}

impl Events {
    /// The door of an event.
    #[must_use]
    pub fn door(&self, event: &Event) -> DoorView {
        let state = self.read();
        let held = state.events.get(&event.id);
        let mut people: Vec<Person> =
            held.into_iter().flat_map(|held| held.people.values().cloned()).collect();
        people.sort_by(|a, b| (a.joined_at_ms, &a.name).cmp(&(b.joined_at_ms, &b.name)));
        let locked = held.is_some_and(|held| held.door.locked);
        drop(state);
        DoorView { locked, seats: seats(event), taken: self.seated(event.id).len(), people }
    }

    /// Whether newcomers wait.
    pub(super) fn is_locked(&self, event: EventId) -> bool {
        self.read().events.get(&event).is_some_and(|held| held.door.locked)
    }

    /// Whether there is no seat left for one more.
    pub(super) fn is_full(&self, event: &Event) -> bool {
        let known = self.read().events.get(&event.id).map_or(0, |held| held.people.len());
        known >= limits::PEOPLE_KNOWN_PER_EVENT_MAX || self.seated(event.id).len() >= seats(event)
    }

    /// Who takes a seat: whoever has a device that opens something. A link that is taken back gives
    /// back the seats of all whom it let in.
    fn seated(&self, event: EventId) -> HashSet<PersonId> {
        let (state, now_ms) = (self.read(), self.clock.now_ms());
        let Some(held) = state.events.get(&event) else { return HashSet::new() };
        let is_open = |link| held.links.get(link).is_some_and(|link| !link.revoked);
        held.sessions
            .values()
            .filter(|session| session.expires_at_ms > now_ms && is_open(&session.link))
            .flat_map(|session| session.person.into_iter().chain(session.others.iter().copied()))
            .collect()
    }

    /// Locks the door; or opens it, for all who wait before it too.
    ///
    /// # Errors
    /// The store's.
    pub async fn lock(&self, event: EventId, by: By, locked: bool) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let mut changes = vec![put(event, "door", "door", &Door { locked })];
        if !locked {
            let state = self.read();
            let people = state.events.get(&event).into_iter().flat_map(|held| held.people.values());
            let waiting = people.filter(|person| person.standing == Standing::Waiting);
            changes.extend(waiting.map(|person| person_put(event, &let_in(person))));
        }
        let act = if locked { Act::DoorLocked } else { Act::DoorOpened };
        self.commit(turn, Entry::new(event, by, act), changes).await
    }

    /// Lets one person in who waits.
    ///
    /// # Errors
    /// [`Denied::Unknown`] where nobody like that waits; the store's.
    pub async fn admit(&self, event: EventId, by: By, person: PersonId) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let found = self.person(event, person).filter(|p| p.standing != Standing::Removed);
        let person = found.ok_or(Denied::Unknown)?;
        let entry = Entry::new(event, by, Act::PersonAdmitted).about(person.id);
        self.commit(turn, entry, vec![person_put(event, &let_in(&person))]).await
    }

    /// Sends somebody out: their sessions end, with every connection, and neither they nor their
    /// codes nor their own link come back. Others on the same device stay.
    ///
    /// # Errors
    /// [`Denied::Unknown`]; the store's.
    pub async fn remove(
        &self,
        event: EventId,
        by: By,
        person: PersonId,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let mut gone = self.person(event, person).ok_or(Denied::Unknown)?;
        gone.standing = Standing::Removed;
        let mut changes = vec![person_put(event, &gone)];
        changes.extend(self.without_person(event, person));
        let entry = Entry::new(event, by, Act::PersonRemoved).about(person);
        self.commit(turn, entry, changes).await?;
        self.gate().codes.forget(person);
        Ok(())
    }

    /// Every session and link of somebody, changed so that it is theirs no more.
    pub(super) fn without_person(&self, event: EventId, person: PersonId) -> Vec<RecordChange> {
        let state = self.read();
        let Some(held) = state.events.get(&event) else { return Vec::new() };
        let mut changes = Vec::new();
        for session in held.sessions.values() {
            let mut left = session.clone();
            left.others.retain(|other| *other != person);
            if session.person == Some(person) {
                left.person = None;
                if left.others.is_empty() {
                    changes.push(without(event, "session", &session.id.to_string()));
                    continue;
                }
                left.person = Some(left.others.remove(0));
            }
            if left != *session {
                changes.push(put(event, "session", &session.id.to_string(), &left));
            }
        }
        for link in held.links.values().filter(|l| l.person == Some(person) && !l.revoked) {
            let mut link = link.clone();
            link.revoked = true;
            changes.push(put(event, "link", &link.id.to_string(), &link));
        }
        changes
    }

    /// Notes that what somebody wrote was put into the tray at this moment, or that it came back.
    ///
    /// # Errors
    /// [`Denied::Unknown`]; the store's.
    pub async fn mark_hidden(
        &self,
        event: EventId,
        by: By,
        person: PersonId,
        hidden_at_ms: Option<u64>,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let mut person = self.person(event, person).ok_or(Denied::Unknown)?;
        person.hidden_at_ms = hidden_at_ms;
        let act = if hidden_at_ms.is_some() { Act::NotesHidden } else { Act::NotesShown };
        let entry = Entry::new(event, by, act).about(person.id);
        self.commit(turn, entry, vec![person_put(event, &person)]).await
    }

    /// What somebody's role is; a removed person keeps theirs.
    #[must_use]
    pub fn role_of(&self, event: EventId, person: PersonId) -> Option<Role> {
        self.person(event, person).map(|person| person.role)
    }
}

fn seats(event: &Event) -> usize {
    event.seats.map_or(limits::SEATS, |seats| usize::try_from(seats).unwrap_or(usize::MAX))
}

fn let_in(person: &Person) -> Person {
    Person { standing: Standing::Here, ..person.clone() }
}

fn person_put(event: EventId, person: &Person) -> RecordChange {
    put(event, "person", &person.id.to_string(), person)
}
