//! What is held on a person, and how it goes.

use super::{Events, EventsError, put};
use crate::event::access::Denied;
use crate::event::audit::{Act, By, Entry};
use crate::event::model::{Acceptance, Link, Session};
use crate::store::RecordChange;
use crate::store::audit::Noted;
use bytes::Bytes;
use sangam_shared::ids::{DocumentId, EventId, PersonId, PlanId};
use sangam_shared::limits;
use sangam_shared::plan::Who;

impl Events {
    /// The devices of a person.
    #[must_use]
    pub fn sessions_of(&self, event: EventId, person: PersonId) -> Vec<Session> {
        let state = self.read();
        let sessions = state.events.get(&event).map(|held| held.sessions.values());
        let sessions = sessions.into_iter().flatten();
        let theirs =
            |session: &&Session| session.person == Some(person) || session.others.contains(&person);
        sessions.filter(theirs).cloned().collect()
    }

    /// What the audit log holds of a person's acts, from the beginning.
    ///
    /// # Errors
    /// The store's.
    pub async fn acts_of(
        &self,
        event: EventId,
        person: PersonId,
    ) -> Result<Vec<Noted>, EventsError> {
        let (by, id) = (format!("person:{person}"), person.to_string());
        let mut found = Vec::new();
        let mut from = 1;
        loop {
            let page = self.audit(event, from).await?;
            let Some(last) = page.last() else { return Ok(found) };
            from = last.sequence + 1;
            let full = page.len() >= limits::AUDIT_ENTRIES_AT_ONCE;
            found.extend(page.into_iter().filter(|entry| {
                entry.note.by == by || entry.note.about.split(' ').any(|about| about == id)
            }));
            if !full {
                return Ok(found);
            }
        }
    }

    /// Writes down that somebody took a copy of something away.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_taken(&self, event: EventId, by: By, act: Act) -> Result<(), EventsError> {
        let turn = self.turn().await;
        self.commit(turn, Entry::new(event, by, act), Vec::new()).await
    }

    /// Takes a person's name, organisation and languages away. Their sessions go on, and what they
    /// wrote stays, by nobody in particular.
    ///
    /// # Errors
    /// [`Denied::Unknown`], or the store's.
    pub async fn remove_name(
        &self,
        event: EventId,
        by: By,
        person: PersonId,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let mut record = self.person(event, person).ok_or(Denied::Unknown)?;
        record.name.clear();
        record.organisation = None;
        record.languages.clear();
        let entry = Entry::new(event, by, Act::NameRemoved).about(person);
        self.commit(turn, entry, vec![put(event, "person", &person.to_string(), &record)]).await
    }

    /// Takes a person's record and sessions away, and every yes in their name.
    pub(in crate::event) async fn erase_person(
        &self,
        event: EventId,
        by: By,
        person: PersonId,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let delete = |kind: &str, id: String| RecordChange::Delete {
            event: event.0,
            kind: kind.to_owned(),
            id,
        };
        let mut changes = vec![delete("person", person.to_string())];
        // Whoever shares their device stays on it.
        changes.extend(self.without_person(event, person));
        changes.extend(self.links_without(event, person));
        for yes in self.acceptances(event) {
            if yes.lead == (Who::Here { participant_id: person }) {
                changes.push(delete("acceptance", yes.plan.to_string()));
            } else if yes.by == Some(person) {
                let yes = Acceptance { by: None, ..yes };
                changes.push(put(event, "acceptance", &yes.plan.to_string(), &yes));
            }
        }
        let entry = Entry::new(event, by, Act::PersonErased).about(person);
        self.commit(turn, entry, changes).await
    }

    /// The links by which somebody came in, which open nothing any more and say nothing of them.
    fn links_without(&self, event: EventId, person: PersonId) -> Vec<RecordChange> {
        let state = self.read();
        let links = state.events.get(&event).into_iter().flat_map(|held| held.links.values());
        let theirs = links.filter(|link| link.person == Some(person)).map(|link| Link {
            revoked: true,
            person: None,
            subject: None,
            label: None,
            ..link.clone()
        });
        theirs.map(|link| put(event, "link", &link.id.to_string(), &link)).collect()
    }

    /// Puts a document's state in the place of its log, and every yes to its erased plans away.
    pub(in crate::event) async fn erase(
        &self,
        entry: Entry,
        document: DocumentId,
        upto: u64,
        state: Bytes,
        plans: &[PlanId],
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let event = entry.event;
        let mut changes = vec![RecordChange::Rewrite { document, upto, state }];
        changes.extend(plans.iter().map(|plan| RecordChange::Delete {
            event,
            kind: "acceptance".to_owned(),
            id: plan.to_string(),
        }));
        self.commit(turn, entry, changes).await
    }
}
