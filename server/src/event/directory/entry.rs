//! Coming in, being known, and leaving: links, sessions, people.

use super::state::State;
use super::{Events, EventsError, put};
use crate::event::access::{self, Denied, LinkKey, Principal};
use crate::event::audit::{Act, By, Entry};
use crate::event::language;
use crate::event::model::{Event, Link, Person, Session};
use crate::event::names::{self, NameError};
use crate::store::RecordChange;
use sangam_shared::ids::{EventId, Key, LinkId, PersonId, SessionId};
use sangam_shared::limits;
use sangam_shared::role::Role;
use serde::Serialize;
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
        let by = match session.person {
            Some(person) => By::Person(person, link.role),
            None => By::Link(link.id, link.role),
        };
        let act = if session.person.is_some() { Act::PersonJoined } else { Act::ScreenJoined };
        let entry = Entry::new(event.id, by, act).about(link.id).about(session.id);
        self.commit(turn, entry, changes).await?;
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
        let entry = Entry::new(principal.event, principal, Act::SessionEnded).about(session);
        self.commit(turn, entry, vec![change]).await
    }

    /// Takes a link back, and with it every session that came of it.
    ///
    /// # Errors
    /// [`Denied::Unknown`], or the store's.
    pub async fn revoke(&self, event: EventId, by: By, link: LinkId) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let found = self.read().events.get(&event).and_then(|h| h.links.get(&link).cloned());
        let mut link = found.ok_or(Denied::Unknown)?;
        link.revoked = true;
        let entry = Entry::new(event, by, Act::LinkRevoked).about(link.id);
        self.commit(turn, entry, vec![put(event, "link", &link.id.to_string(), &link)]).await
    }
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
