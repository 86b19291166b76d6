//! The audit log, as the directory writes and reads it. Acts go through `Events::commit`.

use super::{Events, EventsError};
use crate::event::access;
use crate::event::audit::By;
use crate::event::audit::refusals::Refusal;
use crate::store::audit::{Head, Noted};
use crate::store::{RecordChange, StoreError};
use sangam_shared::ids::{EventId, LinkId, PersonId};
use sangam_shared::limits;
use std::sync::PoisonError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

impl Events {
    /// Notes that something was refused. It is written a moment later, by [`Self::write_refusals`]:
    /// whoever is refused never waits for the disk, and cannot fill it.
    pub fn refused(&self, token: Option<&str>, act: String, code: &'static str) {
        let (event, by) = token.and_then(|token| self.whose(token)).unwrap_or_default();
        let refusal = Refusal { event, by, act, code };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.note(refusal, self.clock.now_ms());
    }

    /// Somebody of whom the ids are known.
    pub(super) fn by(&self, event: EventId, person: Option<PersonId>, link: LinkId) -> By {
        let state = self.read();
        let held = state.events.get(&event);
        let person = person.and_then(|id| held?.people.get(&id));
        let link = held.and_then(|held| held.links.get(&link));
        match (person, link) {
            (Some(person), _) => By::Person(person.id, person.role),
            (None, Some(link)) => By::Link(link.id, link.role),
            (None, None) => By::Nobody,
        }
    }

    /// Whose token it is or was, also where it opens nothing any more.
    fn whose(&self, token: &str) -> Option<(Uuid, By)> {
        let state = self.read();
        let hash = access::hash(token);
        if let Some((event, id)) = state.sessions.get(&hash) {
            let session = state.events.get(event)?.sessions.get(id)?;
            let by = match session.person {
                Some(person) => By::Person(person, session.role),
                None => By::Link(session.link, session.role),
            };
            return Some((event.0, by));
        }
        let (event, id) = state.links.get(&hash)?;
        let link = state.events.get(event)?.links.get(id)?;
        Some((event.0, By::Link(link.id, link.role)))
    }

    /// Writes refusals down until the server ends, and what is left then.
    pub async fn write_refusals(&self, draining: CancellationToken) {
        loop {
            let pause = tokio::time::sleep(Duration::from_millis(limits::AUDIT_FLUSH_MS));
            let ends = tokio::select! {
                () = pause => false,
                () = draining.cancelled() => true,
            };
            if let Err(error) = self.flush_refusals(ends).await {
                tracing::warn!(%error, "refusals were not written down");
            }
            if ends {
                return;
            }
        }
    }

    async fn flush_refusals(&self, all: bool) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let notes = {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            refusals.due(now_ms, all)
        };
        let mut changes = Vec::new();
        for note in notes {
            let head = self.store.audit_head(note.event).await?;
            if head.sequence < limits::AUDIT_ENTRIES_MAX {
                changes.push(RecordChange::Note(note));
            } else {
                tracing::warn!(act = note.act, outcome = note.outcome, "refused; the log is full");
            }
        }
        if changes.is_empty() { Ok(()) } else { self.store.commit(changes).await }
    }

    /// Entries of an event's log: from `from` (inclusive), at most
    /// [`limits::AUDIT_ENTRIES_AT_ONCE`].
    ///
    /// # Errors
    /// The store's.
    pub async fn audit(&self, event: EventId, from: u64) -> Result<Vec<Noted>, EventsError> {
        Ok(self.store.audit(event.0, from, limits::AUDIT_ENTRIES_AT_ONCE).await?)
    }

    /// Where an event's log ends.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit_head(&self, event: EventId) -> Result<Head, EventsError> {
        Ok(self.store.audit_head(event.0).await?)
    }
}
