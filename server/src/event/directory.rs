//! All events, typed, in memory: loaded at the start, changed by committing first and applying
//! afterwards. Changes are made one at a time; reading never waits for the disk.

use crate::clock::{Chance, Clock};
use crate::event::access::{self, Action, Denied, LinkKey, Principal};
use crate::event::file::EventFile;
use crate::event::language;
use crate::event::model::{
    Acceptance, Common, Event, Facilitator, Link, Person, ProgrammeItem, Restore, Session, Site,
    Words, Workshop,
};
use crate::event::names::{self, NameError};
use crate::event::seed;
use crate::store::{Append, Author, Delta, Record, RecordChange, Store, StoreError};
use bytes::Bytes;
use sangam_shared::ids::{
    DocumentId, EventId, Key, LinkId, PersonId, PlanId, SessionId, WorkshopId,
};
use sangam_shared::limits;
use sangam_shared::role::Role;
use sangam_shared::schema::DocumentKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
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
}

/// The right to change something, until it is stored and applied.
type Turn = OwnedMutexGuard<()>;

#[derive(Default)]
struct State {
    events: HashMap<EventId, Held>,
    slugs: HashMap<Key, EventId>,
    documents: HashMap<DocumentId, DocumentInfo>,
    /// By the hash of the token.
    links: HashMap<String, (EventId, LinkId)>,
    /// By the hash of the secret.
    sessions: HashMap<String, (EventId, SessionId)>,
}

struct Held {
    event: Arc<Event>,
    people: BTreeMap<PersonId, Person>,
    links: BTreeMap<LinkId, Link>,
    sessions: BTreeMap<SessionId, Session>,
    restores: BTreeMap<Uuid, Restore>,
    acceptances: BTreeMap<PlanId, Acceptance>,
}

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

/// A link as an organiser hands it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkView {
    /// What it makes of whoever opens it.
    pub role: Role,
    /// The site that it presets.
    pub site: Option<Key>,
    /// The address.
    pub url: String,
    /// What a machine sends.
    pub token: String,
}

/// What somebody says of themselves when they come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newcomer {
    /// Their name.
    pub name: String,
    /// Whom they work for.
    pub organisation: Option<String>,
    /// Where they are, unless the link says so.
    pub site: Option<Key>,
    /// The language of their interface.
    pub language: String,
    /// The languages that they speak.
    pub languages: Vec<String>,
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
        Ok(Self { store, key, clock, chance, state, changing, version })
    }

    /// Moves whenever anything about any event, person, link or session has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Makes an event of a file, with its boards, people and links, all at once or not at all.
    ///
    /// # Errors
    /// [`EventsError::Exists`], or the store's.
    pub async fn create(&self, file: &EventFile) -> Result<Arc<Event>, EventsError> {
        let turn = self.turn().await;
        let made = self.make(file)?;
        if self.read().slugs.contains_key(&made.event.slug) {
            return Err(EventsError::Exists(made.event.slug.clone()));
        }
        // Boards first: an event that is listed has its boards.
        for (document, update) in made.boards {
            let delta = Delta {
                author: Author::Server,
                at_ms: self.clock.now_ms(),
                update: Bytes::from(update),
            };
            let append =
                Append { document, expected_head: 0, deltas: vec![delta], claims: Vec::new() };
            self.store.append(append).await?;
        }
        let id = made.event.id;
        let mut changes = vec![put(id, "event", &id.to_string(), &made.event)];
        changes.extend(made.people.iter().map(|p| put(id, "person", &p.id.to_string(), p)));
        changes.extend(made.links.iter().map(|l| put(id, "link", &l.id.to_string(), l)));
        self.commit(turn, changes).await?;
        Ok(self.read().events[&id].event.clone())
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

    /// Everybody of an event, in the order in which they came.
    #[must_use]
    pub fn people(&self, event: EventId) -> Vec<Person> {
        let state = self.read();
        let people = state.events.get(&event).map(|held| held.people.values().cloned());
        let mut people: Vec<_> = people.into_iter().flatten().collect();
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
        self.commit(turn, vec![put(event, "restore", &restore.id.to_string(), &restore)]).await
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
    pub async fn accept(&self, event: EventId, acceptance: Acceptance) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let known = self.read().events.get(&event).map_or(0, |held| held.acceptances.len());
        if known >= limits::WORKSHOPS_MAX * limits::PLANS_PER_BOARD_MAX {
            return Err(EventsError::Full);
        }
        let change = put(event, "acceptance", &acceptance.plan.to_string(), &acceptance);
        self.commit(turn, vec![change]).await
    }

    /// Takes a yes back.
    ///
    /// # Errors
    /// The store's.
    pub async fn withdraw(&self, event: EventId, plan: PlanId) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let (kind, id) = ("acceptance".to_owned(), plan.to_string());
        self.commit(turn, vec![RecordChange::Delete { event: event.0, kind, id }]).await
    }

    /// The links that open something, with their tokens.
    #[must_use]
    pub fn links(&self, event: EventId, public_url: &str) -> Vec<LinkView> {
        let state = self.read();
        let Some(held) = state.events.get(&event) else { return Vec::new() };
        let mut links: Vec<&Link> = held.links.values().filter(|link| !link.revoked).collect();
        let place = |link: &Link| {
            let sites = &held.event.sites;
            link.site.as_ref().and_then(|site| sites.iter().position(|s| s.key == *site))
        };
        links.sort_by_key(|link| (std::cmp::Reverse(link.role), place(link), link.id));
        links.into_iter().map(|link| link_view(link, &self.key, public_url)).collect()
    }

    /// Whom a link's token or a session's secret stands for.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn principal(&self, token: &str) -> Result<Principal, Denied> {
        let state = self.read();
        let hash = access::hash(token);
        if let Some((event, id)) = state.sessions.get(&hash) {
            let held = &state.events[event];
            let session = &held.sessions[id];
            let link = held.links.get(&session.link).ok_or(Denied::Revoked)?;
            if link.revoked {
                return Err(Denied::Revoked);
            }
            if session.expires_at_ms <= self.clock.now_ms() {
                return Err(Denied::Expired);
            }
            return Ok(Principal {
                event: *event,
                role: session.role,
                person: session.person,
                site: session.site.clone(),
                link: session.link,
                session: Some(*id),
            });
        }
        let (event, link) = self.open_link(&state, &hash)?;
        Ok(Principal {
            event,
            role: link.role,
            person: None,
            site: link.site.clone(),
            link: link.id,
            session: None,
        })
    }

    /// What a link opens; uses nothing up.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn inspect(&self, token: &str) -> Result<(Arc<Event>, Link), Denied> {
        let state = self.read();
        let (event, link) = self.open_link(&state, &access::hash(token))?;
        Ok((Arc::clone(&state.events[&event].event), link.clone()))
    }

    fn open_link<'s>(&self, state: &'s State, hash: &str) -> Result<(EventId, &'s Link), Denied> {
        let (event, id) = state.links.get(hash).ok_or(Denied::Unknown)?;
        let link = &state.events[event].links[id];
        if link.revoked {
            return Err(Denied::Revoked);
        }
        if link.expires_at_ms.is_some_and(|at| at <= self.clock.now_ms()) {
            return Err(Denied::Expired);
        }
        Ok((*event, link))
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

    /// Exchanges a link for a session; returns the secret and who it is now.
    ///
    /// # Errors
    /// [`EventsError`]: the link, a field, or no seat.
    pub async fn join(
        &self,
        token: &str,
        newcomer: Newcomer,
    ) -> Result<(String, Principal), EventsError> {
        let turn = self.turn().await;
        let (event, link) = self.inspect(token)?;
        let now_ms = self.clock.now_ms();
        let mut changes = Vec::new();
        let site = link.site.clone().or_else(|| newcomer.site.clone());
        let person = if link.role == Role::Screen {
            None
        } else {
            let person = self.newcomer(&event, &link, newcomer, now_ms)?;
            changes.push(put(event.id, "person", &person.id.to_string(), &person));
            Some(person)
        };
        let secret = access::secret(self.chance.bytes());
        let session = Session {
            id: SessionId(self.chance.uuid()),
            link: link.id,
            person: person.as_ref().map(|person| person.id),
            role: link.role,
            site: person.map(|person| person.site).or(site),
            secret_hash: access::hash(&secret),
            expires_at_ms: now_ms + limits::SESSION_DAYS * 86_400_000,
        };
        changes.push(put(event.id, "session", &session.id.to_string(), &session));
        self.commit(turn, changes).await?;
        let principal = self.principal(&secret)?;
        Ok((secret, principal))
    }

    fn newcomer(
        &self,
        event: &Event,
        link: &Link,
        newcomer: Newcomer,
        now_ms: u64,
    ) -> Result<Person, EventsError> {
        if self.read().events[&event.id].people.len() >= limits::PEOPLE_PER_EVENT_MAX {
            return Err(EventsError::Full);
        }
        let bad = |field| move |e: NameError| EventsError::Field { field, why: e.to_string() };
        let name = names::clean_person(&newcomer.name, limits::PERSON_NAME_CHARS_MAX);
        let organisation = newcomer
            .organisation
            .filter(|text| !text.trim().is_empty())
            .map(|text| names::clean(&text, limits::ORGANISATION_CHARS_MAX))
            .transpose()
            .map_err(bad("organisation"))?;
        let site = newcomer.site.or_else(|| link.site.clone());
        let site = match site {
            Some(site) if event.sites.iter().any(|known| known.key == site) => site,
            Some(_) => {
                let why = "is not a site of this event".to_owned();
                return Err(EventsError::Field { field: "site", why });
            }
            None => event.sites[0].key.clone(),
        };
        if !language::is_tag(&newcomer.language) {
            let why = "is not a language tag".to_owned();
            return Err(EventsError::Field { field: "language", why });
        }
        let all_tags = newcomer.languages.iter().all(|tag| language::is_tag(tag));
        if newcomer.languages.len() > 20 || !all_tags {
            let why = "are not language tags".to_owned();
            return Err(EventsError::Field { field: "languages", why });
        }
        Ok(Person {
            id: PersonId(self.chance.uuid()),
            name: name.map_err(bad("name"))?,
            organisation,
            site,
            role: link.role,
            language: newcomer.language,
            languages: newcomer.languages,
            joined_at_ms: now_ms,
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store's.
    pub async fn leave(&self, principal: &Principal) -> Result<(), EventsError> {
        let Some(session) = principal.session else { return Ok(()) };
        let turn = self.turn().await;
        let change = RecordChange::Delete {
            event: principal.event.0,
            kind: "session".to_owned(),
            id: session.to_string(),
        };
        self.commit(turn, vec![change]).await
    }

    /// Takes a link back, and with it every session that came of it.
    ///
    /// # Errors
    /// [`Denied::Unknown`], or the store's.
    pub async fn revoke(&self, event: EventId, link: LinkId) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let found = self.read().events.get(&event).and_then(|h| h.links.get(&link).cloned());
        let mut link = found.ok_or(Denied::Unknown)?;
        link.revoked = true;
        self.commit(turn, vec![put(event, "link", &link.id.to_string(), &link)]).await
    }

    async fn turn(&self) -> Turn {
        Arc::clone(&self.changing).lock_owned().await
    }

    /// Stores, applies and tells, in this order. Once begun it runs to its end even where the caller
    /// goes away, as a request does whose browser closes: or memory would lack what the store has.
    async fn commit(&self, turn: Turn, changes: Vec<RecordChange>) -> Result<(), EventsError> {
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

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, file: &EventFile) -> Result<Made, EventsError> {
        let field = |field| move |e: String| EventsError::Field { field, why: e };
        let key = |text: &str, name| Key::parse(text).map_err(|e| field(name)(e.to_string()));
        let now_ms = self.clock.now_ms();
        let mut sites = Vec::new();
        for site in &file.sites {
            sites.push(Site {
                key: key(site.key.get_ref(), "key")?,
                name: site.name.get_ref().clone(),
                time_zone: site.time_zone.get_ref().clone(),
                country: site.country.get_ref().clone(),
                language: site.language.get_ref().clone(),
                holidays: site
                    .holidays
                    .iter()
                    .map(|day| day.get_ref().parse())
                    .collect::<Result<_, jiff::Error>>()
                    .map_err(|e| field("holidays")(e.to_string()))?,
            });
        }
        let date: jiff::civil::Date =
            file.date.get_ref().parse().map_err(|e: jiff::Error| field("date")(e.to_string()))?;
        let event = Event {
            id: EventId(self.chance.uuid()),
            slug: key(file.slug.get_ref(), "slug")?,
            title: file.title.get_ref().clone(),
            date,
            languages: file.languages.get_ref().clone(),
            stage: DocumentId(self.chance.uuid()),
            programme: programme(file, date, &sites[0].time_zone).map_err(field("programme"))?,
            workshops: self.workshops(file)?,
            commons: commons(file)?,
            sites,
        };
        let mut people = Vec::new();
        let mut by_key = HashMap::new();
        for entry in &file.people {
            let person = Person {
                id: PersonId(self.chance.uuid()),
                name: names::clean(entry.name.get_ref(), limits::PERSON_NAME_CHARS_MAX)
                    .map_err(|e| field("name")(e.to_string()))?,
                organisation: entry.organisation.clone(),
                site: key(entry.site.get_ref(), "site")?,
                role: Role::Participant,
                language: entry.languages.first().unwrap_or(&event.languages[0]).clone(),
                languages: entry.languages.clone(),
                joined_at_ms: now_ms,
            };
            by_key.insert(entry.key.get_ref().clone(), (person.id, person.site.clone()));
            people.push(person);
        }
        let zones = event.sites.iter().map(|s| (s.key.clone(), s.time_zone.clone())).collect();
        let context = seed::Context {
            people: &by_key,
            zones: &zones,
            language: &event.languages[0],
            now_ms,
            chance: &self.chance,
        };
        let boards = event.workshops.iter().zip(&file.workshops);
        let boards = boards.map(|(w, entry)| (w.board, seed::board(&context, w, entry))).collect();
        let links = self.links_for(file, &event);
        Ok(Made { event, people, boards, links })
    }

    fn workshops(&self, file: &EventFile) -> Result<Vec<Workshop>, EventsError> {
        let mut workshops = Vec::new();
        for (number, entry) in (1..).zip(&file.workshops) {
            let mut facilitators = Vec::new();
            for facilitator in &entry.facilitators {
                facilitators.push(Facilitator {
                    name: facilitator.name.get_ref().clone(),
                    site: Key::parse(facilitator.site.get_ref())
                        .map_err(|e| EventsError::Field { field: "site", why: e.to_string() })?,
                });
            }
            workshops.push(Workshop {
                id: WorkshopId(self.chance.uuid()),
                number,
                title: entry.title.get_ref().clone(),
                question: entry.question.get_ref().clone(),
                board: DocumentId(self.chance.uuid()),
                facilitators,
                capacity: entry.capacity,
            });
        }
        Ok(workshops)
    }

    fn links_for(&self, file: &EventFile, event: &Event) -> Vec<Link> {
        let mut wanted: Vec<(Role, Option<Key>)> = file
            .links
            .iter()
            .map(|l| (l.role, l.site.as_ref().and_then(|s| Key::parse(s.get_ref()).ok())))
            .collect();
        if wanted.is_empty() {
            wanted.push((Role::Organiser, None));
            for role in [Role::Facilitator, Role::Participant, Role::Screen] {
                wanted.extend(event.sites.iter().map(|site| (role, Some(site.key.clone()))));
            }
        }
        let link = |(role, site)| {
            let id = LinkId(self.chance.uuid());
            let token_hash = access::hash(&self.key.token(id));
            Link { id, role, site, token_hash, expires_at_ms: None, revoked: false }
        };
        wanted.into_iter().map(link).collect()
    }
}

struct Made {
    event: Event,
    people: Vec<Person>,
    boards: Vec<(DocumentId, Vec<u8>)>,
    links: Vec<Link>,
}

fn programme(
    file: &EventFile,
    date: jiff::civil::Date,
    zone: &str,
) -> Result<Vec<ProgrammeItem>, String> {
    let at = |time: &str| -> Result<jiff::Timestamp, String> {
        let time = jiff::civil::Time::strptime("%H:%M", time).map_err(|e| e.to_string())?;
        let zoned = date.to_datetime(time).in_tz(zone).map_err(|e| e.to_string())?;
        Ok(zoned.timestamp())
    };
    let mut items = Vec::new();
    for (id, item) in (1..).zip(&file.programme) {
        let mut sites = Vec::new();
        for site in &item.sites {
            sites.push(Key::parse(site.get_ref()).map_err(|e| e.to_string())?);
        }
        items.push(ProgrammeItem {
            id,
            starts_at: at(item.starts.get_ref())?,
            ends_at: at(item.ends.get_ref())?,
            title: item.title.get_ref().clone(),
            kind: item.kind,
            sites,
            moderator: item.moderator.clone(),
            speakers: item.speakers.clone(),
            url: item.url.as_ref().map(|url| url.get_ref().clone()),
        });
    }
    Ok(items)
}

fn commons(file: &EventFile) -> Result<Vec<Common>, EventsError> {
    let mut commons = Vec::new();
    for common in &file.commons {
        commons.push(Common {
            key: Key::parse(common.key.get_ref())
                .map_err(|e| EventsError::Field { field: "key", why: e.to_string() })?,
            name: common.name.get_ref().clone(),
            url: common.url.get_ref().clone(),
            steward: common.steward.clone(),
            country: common.country.get_ref().clone(),
            licence: common.licence.clone(),
            publiccode_url: common.publiccode_url.as_ref().map(|u| u.get_ref().clone()),
        });
    }
    Ok(commons)
}

/// What an organiser hands out, from the records alone: `sangam links` uses it beside a running
/// server.
#[must_use]
pub fn link_view(link: &Link, key: &LinkKey, public_url: &str) -> LinkView {
    let token = key.token(link.id);
    LinkView {
        role: link.role,
        site: link.site.clone(),
        url: format!("{public_url}/join#{token}"),
        token,
    }
}

fn put(event: EventId, kind: &str, id: &str, value: &impl Serialize) -> RecordChange {
    let json = serde_json::to_string(value).expect("records are plain structs");
    RecordChange::Put(Record { event: event.0, kind: kind.to_owned(), id: id.to_owned(), json })
}

fn parse<T: DeserializeOwned>(record: &Record) -> Result<T, EventsError> {
    serde_json::from_str(&record.json).map_err(|cause| EventsError::Damaged {
        kind: record.kind.clone(),
        id: record.id.clone(),
        cause: cause.to_string(),
    })
}

impl State {
    fn from_records(mut records: Vec<Record>) -> Result<Self, EventsError> {
        // Events first: everything else belongs to one.
        records.sort_by_key(|record| (record.kind != "event", record.kind.clone()));
        let mut state = Self::default();
        for record in records {
            state.put(&record)?;
        }
        Ok(state)
    }

    fn put(&mut self, record: &Record) -> Result<(), EventsError> {
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
        };
        self.events.insert(id, held);
    }

    fn delete(&mut self, event: EventId, kind: &str, id: &str) {
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

/// The words in a language, or in the event's first language, or in any.
#[must_use]
pub fn words<'w>(words: &'w Words, language: &str) -> &'w str {
    let any = || words.values().next();
    words.get(language).or_else(any).map_or("", String::as_str)
}

#[cfg(test)]
mod tests;
