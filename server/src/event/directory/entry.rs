//! Coming in, being known, and leaving: links, sessions, people.

use super::state::State;
use super::{Events, EventsError, put, without};
use crate::event::access::{self, Denied, LinkKey, Principal};
use crate::event::audit::{Act, By, Entry};
use crate::event::language;
use crate::event::model::{Event, Link, Person, Session, Standing};
use crate::event::names::{self, NameError};
use crate::store::RecordChange;
use sangam_shared::ids::{EventId, Key, LinkId, PersonId, SessionId};
use sangam_shared::limits;
use sangam_shared::role::Role;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

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

impl Events {
    /// The links that open something, with their tokens.
    #[must_use]
    pub fn links(&self, event: EventId, public_url: &str) -> Vec<LinkView> {
        let open = self.open_links(event).into_iter().filter(|link| link.used_by.is_none());
        open.map(|link| link_view(&link, &self.key, public_url)).collect()
    }

    /// The links that were not taken back, those first that open most.
    #[must_use]
    pub fn open_links(&self, event: EventId) -> Vec<Link> {
        let state = self.read();
        let Some(held) = state.events.get(&event) else { return Vec::new() };
        let mut links: Vec<Link> =
            held.links.values().filter(|link| !link.revoked).cloned().collect();
        let place = |link: &Link| {
            let sites = &held.event.sites;
            link.site.as_ref().and_then(|site| sites.iter().position(|s| s.key == *site))
        };
        links.sort_by_key(|link| (std::cmp::Reverse(link.role), place(link), link.id));
        links
    }

    /// The token of a link.
    #[must_use]
    pub fn token(&self, link: LinkId) -> String {
        self.key.token(link)
    }

    /// How many devices each link has opened that are still in.
    #[must_use]
    pub fn devices(&self, event: EventId) -> HashMap<LinkId, usize> {
        let (state, now_ms) = (self.read(), self.clock.now_ms());
        let sessions = state.events.get(&event).into_iter().flat_map(|held| held.sessions.values());
        let mut devices = HashMap::new();
        for session in sessions.filter(|session| session.expires_at_ms > now_ms) {
            *devices.entry(session.link).or_default() += 1;
        }
        devices
    }

    /// Whom a link's token or a session's secret stands for.
    ///
    /// # Errors
    /// [`Denied`]; [`Denied::Waiting`] for those before a locked door.
    pub fn principal(&self, token: &str) -> Result<Principal, Denied> {
        match self.known(token)? {
            (principal, Standing::Here) => Ok(principal),
            (_, Standing::Waiting) => Err(Denied::Waiting),
            (_, Standing::Removed) => Err(Denied::Unknown),
        }
    }

    /// The same, and whether they are in.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn known(&self, token: &str) -> Result<(Principal, Standing), Denied> {
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
            let principal = Principal {
                event: *event,
                role: session.role,
                person: session.person,
                site: session.site.clone(),
                link: session.link,
                session: Some(*id),
            };
            let person = session.person.and_then(|id| held.people.get(&id));
            return Ok((principal, person.map_or(Standing::Here, |person| person.standing)));
        }
        let (event, link) = self.open_link(&state, &hash)?;
        if link.used_by.is_some() {
            return Err(Denied::Used);
        }
        let principal = Principal {
            event,
            role: link.role,
            person: None,
            site: link.site.clone(),
            link: link.id,
            session: None,
        };
        Ok((principal, Standing::Here))
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

    /// Exchanges a link for a session; returns the secret and who it is now.
    ///
    /// # Errors
    /// [`EventsError`]: the link, a field, no seat, or too many at once.
    pub async fn join(
        &self,
        token: &str,
        newcomer: Newcomer,
    ) -> Result<(String, Principal), EventsError> {
        // A crowd waits outside, not in the queue of those who change something.
        let (_, link) = self.inspect(token)?;
        self.gate().join(link.id, self.clock.now_ms())?;
        let turn = self.turn().await;
        let (event, mut link) = self.inspect(token)?;
        if link.used_by.is_some() {
            return Err(Denied::Used.into());
        }
        let mut changes = Vec::new();
        let person = match (link.role, link.person) {
            (Role::Screen, _) => None,
            // Handed out again: the same person, whatever they write into the form.
            (_, Some(id)) => Some(self.person(event.id, id).ok_or(Denied::Unknown)?),
            (..) => {
                let person = self.newcomer(&event, &link, newcomer.clone())?;
                changes.push(put(event.id, "person", &person.id.to_string(), &person));
                Some(person)
            }
        };
        if person.as_ref().is_some_and(|person| person.standing == Standing::Removed) {
            return Err(Denied::Unknown.into());
        }
        let secret = access::secret(self.chance.bytes());
        let site = link.site.clone().or(newcomer.site);
        let site = site.filter(|site| event.sites.iter().any(|known| known.key == *site));
        let session = Session {
            person: person.as_ref().map(|person| person.id),
            site: person.map(|person| person.site).or(site),
            ..self.session(&link, &secret)
        };
        if let Some(person) = session.person {
            changes.extend(self.oldest_of(event.id, person));
        }
        changes.push(put(event.id, "session", &session.id.to_string(), &session));
        if link.single_use {
            link.used_by = Some(session.id);
            link.person = session.person;
            changes.push(put(event.id, "link", &link.id.to_string(), &link));
        }
        let by = match session.person {
            Some(person) => By::Person(person, link.role),
            None => By::Link(link.id, link.role),
        };
        let act = if session.person.is_some() { Act::PersonJoined } else { Act::ScreenJoined };
        let entry = Entry::new(event.id, by, act).about(link.id).about(session.id);
        self.commit(turn, entry, changes).await?;
        let (principal, _) = self.known(&secret)?;
        Ok((secret, principal))
    }

    /// A session of nobody yet.
    pub(super) fn session(&self, link: &Link, secret: &str) -> Session {
        Session {
            id: SessionId(self.chance.uuid()),
            link: link.id,
            person: None,
            others: Vec::new(),
            role: link.role,
            site: link.site.clone(),
            secret_hash: access::hash(secret),
            expires_at_ms: self.clock.now_ms() + limits::SESSION_DAYS * 86_400_000,
        }
    }

    /// What ends where somebody has as many devices as they may, and takes another one.
    pub(super) fn oldest_of(&self, event: EventId, person: PersonId) -> Option<RecordChange> {
        let state = self.read();
        let theirs: Vec<&Session> =
            state.events[&event].sessions.values().filter(|s| s.person == Some(person)).collect();
        let oldest = theirs.iter().min_by_key(|session| session.expires_at_ms)?;
        (theirs.len() >= limits::SESSIONS_PER_PERSON_MAX)
            .then(|| without(event, "session", &oldest.id.to_string()))
    }

    /// Somebody new, with a seat; at the door, where it is locked.
    pub(super) fn newcomer(
        &self,
        event: &Event,
        link: &Link,
        newcomer: Newcomer,
    ) -> Result<Person, EventsError> {
        if self.is_full(event) {
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
        if newcomer.languages.len() > limits::LANGUAGES_PER_PERSON_MAX || !all_tags {
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
            joined_at_ms: self.clock.now_ms(),
            standing: match link.role {
                Role::Participant if self.is_locked(event.id) => Standing::Waiting,
                _ => Standing::Here,
            },
            hidden_at_ms: None,
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store's.
    pub async fn leave(&self, principal: &Principal) -> Result<(), EventsError> {
        let Some(session) = principal.session else { return Ok(()) };
        let turn = self.turn().await;
        let change = without(principal.event, "session", &session.to_string());
        let entry = Entry::new(principal.event, principal, Act::SessionEnded).about(session);
        self.commit(turn, entry, vec![change]).await
    }
}

/// What an organiser hands out, from the records alone: `sangam links` uses it beside a running
/// server.
#[must_use]
pub fn link_view(link: &Link, key: &LinkKey, public_url: &str) -> LinkView {
    let token = key.token(link.id);
    LinkView { role: link.role, site: link.site.clone(), url: link_url(&token, public_url), token }
}

/// The address that a token stands in: after the `#`, where no server and no log sees it.
#[must_use]
pub fn link_url(token: &str, public_url: &str) -> String {
    format!("{public_url}/join#{token}")
}
