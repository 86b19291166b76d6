//! All events, typed, in memory: loaded at the start, changed by committing first and applying
//! afterwards. Changes are made one at a time; reading never waits for the disk.

mod audit;
mod create;
mod device;
mod door;
mod entry;
mod erasure;
mod gate;
mod link;
mod state;

pub use device::ScreenCode;
pub use door::DoorView;
pub use entry::{LinkView, Newcomer, link_url, link_view};
pub use link::Wanted;

use crate::clock::{Chance, Clock};
use crate::event::access::{self, Action, Denied, LinkKey, Principal};
use crate::event::audit::refusals::Refusals;
use crate::event::audit::{Act, By, Entry};
use crate::event::model::{Acceptance, Event, Person, Restore, Standing, Words};
use crate::store::{Record, RecordChange, Store, StoreError};
use gate::Gate;
use sangam_shared::ids::{DocumentId, EventId, Key, PersonId, PlanId};
use sangam_shared::limits;
use sangam_shared::schema::DocumentKind;
use serde::Serialize;
use state::State;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use uuid::Uuid;

/// All events of a server.
pub struct Events {
    store: Arc<dyn Store>,
    key: LinkKey,
    clock: Arc<dyn Clock>,
    chance: Arc<Chance>,
    state: Arc<RwLock<State>>,
    /// Held while a change is decided, committed and applied.
    changing: Arc<Mutex<()>>,
    version: watch::Sender<u64>,
    gate: StdMutex<Gate>,
    refusals: StdMutex<Refusals>,
}

/// The right to change something, until it is stored and applied.
type Turn = OwnedMutexGuard<()>;

/// What a document id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentInfo {
    /// Its kind.
    pub kind: DocumentKind,
    /// The event it belongs to.
    pub event: EventId,
    /// Whose it is, where it is private.
    pub owner: Option<PersonId>,
}

/// Why a change was not made. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// Not with this link, or not by this role.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A field is not usable.
    #[error("{field} {why}")]
    Field {
        /// As the API names it.
        field: &'static str,
        /// A clause: "is empty".
        why: String,
    },
    /// The event is full.
    #[error("this event has no seat left")]
    Full,
    /// Too many at once.
    #[error("too many at once; again in {seconds} s")]
    TooMany {
        /// Ask again after so many seconds.
        seconds: u64,
    },
    /// Nobody knows this code, or it has been used, or its time is over.
    #[error("the code opens nothing")]
    Code,
    /// There is one already.
    #[error("there is already an event called {0}")]
    Exists(Key),
    /// The disk does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error("the record {kind}/{id} is unreadable: {cause}")]
    Damaged {
        /// Its table.
        kind: String,
        /// Its key.
        id: String,
        /// What serde says.
        cause: String,
    },
}

impl Events {
    /// Loads all events.
    ///
    /// # Errors
    /// Where the store cannot be read, or a record is damaged.
    pub async fn open(
        store: Arc<dyn Store>,
        key: LinkKey,
        clock: Arc<dyn Clock>,
        chance: Arc<Chance>,
    ) -> Result<Self, EventsError> {
        let state = State::from_records(store.records().await?)?;
        let (version, _) = watch::channel(0);
        let (state, changing) = (Arc::new(RwLock::new(state)), Arc::new(Mutex::new(())));
        let gate = StdMutex::new(Gate::new(clock.now_ms()));
        let refusals = StdMutex::default();
        Ok(Self { store, key, clock, chance, state, changing, version, gate, refusals })
    }

    /// Moves whenever anything about any event, person, link or session has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// An event by its name in addresses.
    #[must_use]
    pub fn by_slug(&self, slug: &str) -> Option<Arc<Event>> {
        let slug = Key::parse(slug).ok()?;
        let state = self.read();
        let id = state.slugs.get(&slug)?;
        Some(Arc::clone(&state.events[id].event))
    }

    /// An event.
    #[must_use]
    pub fn by_id(&self, id: EventId) -> Option<Arc<Event>> {
        self.read().events.get(&id).map(|held| Arc::clone(&held.event))
    }

    /// All events, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Event>> {
        let state = self.read();
        let mut all: Vec<_> = state.events.values().map(|held| Arc::clone(&held.event)).collect();
        all.sort_by(|a, b| a.slug.cmp(&b.slug));
        all
    }

    /// What a document id names.
    #[must_use]
    pub fn document(&self, id: DocumentId) -> Option<DocumentInfo> {
        self.read().documents.get(&id).copied()
    }

    /// Tells of a document that no record names.
    #[cfg(test)]
    pub(crate) fn know(&self, id: DocumentId, info: DocumentInfo) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).documents.insert(id, info);
    }

    /// Everybody who is or was in, in the order in which they came.
    #[must_use]
    pub fn people(&self, event: EventId) -> Vec<Person> {
        let state = self.read();
        let people = state.events.get(&event).map(|held| held.people.values().cloned());
        // Who has taken their name away is nobody in particular; who waits is not there yet.
        let seen =
            |person: &Person| !person.name.is_empty() && person.standing != Standing::Waiting;
        let mut people: Vec<_> = people.into_iter().flatten().filter(seen).collect();
        people.sort_by(|a, b| (a.joined_at_ms, &a.name).cmp(&(b.joined_at_ms, &b.name)));
        people
    }

    /// One person.
    #[must_use]
    pub fn person(&self, event: EventId, id: PersonId) -> Option<Person> {
        self.read().events.get(&event)?.people.get(&id).cloned()
    }

    /// A restore that was begun: the act in the log with the same id is its edit.
    #[must_use]
    pub fn restore(&self, event: EventId, id: Uuid) -> Option<Restore> {
        self.read().events.get(&event)?.restores.get(&id).cloned()
    }

    /// Stores that somebody restores a board, before it is done.
    ///
    /// # Errors
    /// [`EventsError::Full`], or the store's.
    pub async fn record_restore(
        &self,
        event: EventId,
        restore: Restore,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let restores = self.read().events.get(&event).map(|held| held.restores.len());
        if restores.is_none_or(|count| count >= limits::RESTORES_PER_EVENT_MAX) {
            return Err(EventsError::Full);
        }
        let by = self.by(event, restore.by, restore.link);
        let entry = Entry::new(event, by, Act::BoardRestored).about(restore.document);
        let entry = entry.about(restore.id);
        let change = put(event, "restore", &restore.id.to_string(), &restore);
        self.commit(turn, entry, vec![change]).await
    }

    /// Who said yes to which plan.
    #[must_use]
    pub fn acceptances(&self, event: EventId) -> Vec<Acceptance> {
        let state = self.read();
        let acceptances = state.events.get(&event).map(|held| held.acceptances.values().cloned());
        acceptances.into_iter().flatten().collect()
    }

    /// Records a lead's yes, in place of an earlier one.
    ///
    /// # Errors
    /// The store's; [`EventsError::Full`] where there are more than boards can hold plans.
    pub async fn accept(
        &self,
        event: EventId,
        by: By,
        acceptance: Acceptance,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let known = self.read().events.get(&event).map_or(0, |held| held.acceptances.len());
        if known >= limits::WORKSHOPS_MAX * limits::PLANS_PER_BOARD_MAX {
            return Err(EventsError::Full);
        }
        let change = put(event, "acceptance", &acceptance.plan.to_string(), &acceptance);
        let entry = Entry::new(event, by, Act::PlanAccepted).about(acceptance.plan);
        self.commit(turn, entry, vec![change]).await
    }

    /// Takes a yes back.
    ///
    /// # Errors
    /// The store's.
    pub async fn withdraw(&self, event: EventId, by: By, plan: PlanId) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let (kind, id) = ("acceptance".to_owned(), plan.to_string());
        let entry = Entry::new(event, by, Act::PlanWithdrawn).about(plan);
        self.commit(turn, entry, vec![RecordChange::Delete { event: event.0, kind, id }]).await
    }

    /// Asks the one function that decides, with what the directory knows.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn allow(
        &self,
        principal: &Principal,
        event: EventId,
        action: Action,
    ) -> Result<(), Denied> {
        access::allow(principal, event, action)
    }

    async fn turn(&self) -> Turn {
        Arc::clone(&self.changing).lock_owned().await
    }

    /// Stores, applies and tells, in this order; what is done stands in the audit log with it, or
    /// neither is. Once begun it runs to its end even where the caller
    /// goes away, as a request does whose browser closes: or memory would lack what the store has.
    async fn commit(
        &self,
        turn: Turn,
        entry: Entry,
        mut changes: Vec<RecordChange>,
    ) -> Result<(), EventsError> {
        changes.push(RecordChange::Note(entry.done(self.clock.now_ms())));
        let (store, state) = (Arc::clone(&self.store), Arc::clone(&self.state));
        let version = self.version.clone();
        let running = tokio::spawn(async move {
            let _turn = turn;
            store.commit(changes.clone()).await?;
            let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes {
                match change {
                    RecordChange::Put(record) => state.put(&record)?,
                    RecordChange::Delete { event, kind, id } => {
                        state.delete(EventId(event), &kind, &id);
                    }
                    RecordChange::DropEvent { event } => state.drop_event(EventId(event)),
                    RecordChange::DropDocument { .. }
                    | RecordChange::Rewrite { .. }
                    | RecordChange::Note(_) => {}
                }
            }
            drop(state);
            version.send_modify(|version| *version += 1);
            Ok(())
        });
        running.await.unwrap_or_else(|stopped| {
            Err(StoreError::Unavailable(format!("the change was interrupted: {stopped}")).into())
        })
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(event: EventId, kind: &str, id: &str, value: &impl Serialize) -> RecordChange {
    let json = serde_json::to_string(value).expect("records are plain structs");
    RecordChange::Put(Record { event: event.0, kind: kind.to_owned(), id: id.to_owned(), json })
}

fn without(event: EventId, kind: &str, id: &str) -> RecordChange {
    RecordChange::Delete { event: event.0, kind: kind.to_owned(), id: id.to_owned() }
}

/// The words in a language, or in the event's first language, or in any.
#[must_use]
pub fn words<'w>(words: &'w Words, language: &str) -> &'w str {
    let any = || words.values().next();
    words.get(language).or_else(any).map_or("", String::as_str)
}

#[cfg(test)]
mod tests;
