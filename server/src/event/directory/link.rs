//! Links: made, handed out again, taken back. Each is a capability of its own.

use super::{Events, EventsError, Newcomer, put};
use crate::event::access::{self, Denied, Principal};
use crate::event::audit::{Act, By, Entry};
use crate::event::model::{Event, Link, Session, Standing};
use crate::event::names::{self, NameError};
use sangam_shared::ids::{EventId, Key, LinkId};
use sangam_shared::limits;
use sangam_shared::role::Role;

/// A link that an organiser wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it makes of whoever opens it.
    pub role: Role,
    /// The site that it presets.
    pub site: Option<Key>,
    /// What the organiser calls it.
    pub label: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// It opens one device alone.
    pub single_use: bool,
}

impl Events {
    /// A link that is not stored yet.
    pub(super) fn new_link(&self, role: Role, site: Option<Key>) -> Link {
        let id = LinkId(self.chance.uuid());
        Link {
            id,
            role,
            site,
            token_hash: access::hash(&self.key.token(id)),
            expires_at_ms: None,
            revoked: false,
            single_use: false,
            used_by: None,
            person: None,
            subject: None,
            label: None,
            made_at_ms: self.clock.now_ms(),
        }
    }

    /// Makes a link; returns it with its token.
    ///
    /// # Errors
    /// A field; [`EventsError::Full`]; the store's.
    pub async fn issue(
        &self,
        event: EventId,
        by: By,
        wanted: Wanted,
    ) -> Result<(Link, String), EventsError> {
        let turn = self.turn().await;
        let (known, count) = {
            let state = self.read();
            let held = state.events.get(&event).ok_or(Denied::Foreign)?;
            (held.event.clone(), held.links.len())
        };
        if count >= limits::LINKS_PER_EVENT_MAX {
            return Err(EventsError::Full);
        }
        let link = self.wanted(&known, wanted)?;
        let entry = Entry::new(event, by, Act::LinkMade).about(link.id);
        let change = put(event, "link", &link.id.to_string(), &link);
        self.commit(turn, entry, vec![change]).await?;
        let token = self.key.token(link.id);
        Ok((link, token))
    }

    pub(super) fn wanted(&self, event: &Event, wanted: Wanted) -> Result<Link, EventsError> {
        let field = |field, why: &str| EventsError::Field { field, why: why.to_owned() };
        if wanted.site.as_ref().is_some_and(|site| event.sites.iter().all(|s| s.key != *site)) {
            return Err(field("site", "is not a site of this event"));
        }
        if wanted.role == Role::Screen && wanted.site.is_none() {
            return Err(field("site", "is missing: a screen stands somewhere"));
        }
        let label = wanted
            .label
            .filter(|label| !label.trim().is_empty())
            .map(|label| names::clean(&label, limits::LINK_LABEL_CHARS_MAX))
            .transpose()
            .map_err(|e: NameError| field("label", &e.to_string()))?;
        if wanted.expires_at_ms.is_some_and(|at| at <= self.clock.now_ms()) {
            return Err(field("expires_at_ms", "has passed"));
        }
        Ok(Link {
            label,
            expires_at_ms: wanted.expires_at_ms,
            single_use: wanted.single_use,
            ..self.new_link(wanted.role, wanted.site)
        })
    }

    /// Somebody comes in whom the organisers' provider vouches for: the same person each time, by a
    /// link of their own, which no token opens.
    ///
    /// # Errors
    /// [`Denied::Unknown`] for those who were sent out; no seat; the store's.
    pub async fn sign_in(
        &self,
        event: EventId,
        subject: String,
        name: &str,
    ) -> Result<(String, Principal), EventsError> {
        let turn = self.turn().await;
        let known = self.by_id(event).ok_or(Denied::Unknown)?;
        let before: Vec<Link> = {
            let state = self.read();
            let links = state.events.get(&event).into_iter().flat_map(|held| held.links.values());
            links.filter(|link| link.subject.as_ref() == Some(&subject)).cloned().collect()
        };
        let mut link = before.iter().find(|link| !link.revoked).cloned().unwrap_or_else(|| Link {
            subject: Some(subject),
            single_use: true,
            ..self.new_link(Role::Organiser, None)
        });
        let mut changes = Vec::new();
        let same = before.iter().find_map(|link| link.person);
        let person = match same.and_then(|id| self.person(event, id)) {
            Some(person) if person.standing == Standing::Here => person,
            Some(_) => return Err(Denied::Unknown.into()),
            None => {
                // Somebody may be called "admin" there. That keeps nobody out, and is no name here.
                let name = names::clean_person(name, limits::PERSON_NAME_CHARS_MAX);
                let newcomer = Newcomer {
                    name: name.unwrap_or_else(|_| "N. N.".to_owned()),
                    language: known.languages[0].clone(),
                    ..Newcomer::default()
                };
                let person = self.newcomer(&known, &link, newcomer)?;
                changes.push(put(event, "person", &person.id.to_string(), &person));
                person
            }
        };
        let secret = access::secret(self.chance.bytes());
        let session = Session {
            person: Some(person.id),
            site: Some(person.site.clone()),
            ..self.session(&link, &secret)
        };
        link.person = Some(person.id);
        link.used_by = Some(session.id);
        changes.extend(self.oldest_of(event, person.id));
        changes.push(put(event, "link", &link.id.to_string(), &link));
        changes.push(put(event, "session", &session.id.to_string(), &session));
        let by = By::Person(person.id, Role::Organiser);
        let entry = Entry::new(event, by, Act::OrganiserSigned).about(link.id).about(session.id);
        self.commit(turn, entry, changes).await?;
        let principal = self.principal(&secret)?;
        Ok((secret, principal))
    }

    /// Takes a link back and makes another one for the same role, site and person: a phone was
    /// lost, or the wrong one opened it.
    ///
    /// # Errors
    /// [`Denied::Unknown`], or the store's.
    pub async fn reissue(
        &self,
        event: EventId,
        by: By,
        link: LinkId,
    ) -> Result<(Link, String), EventsError> {
        let turn = self.turn().await;
        let found = self.read().events.get(&event).and_then(|h| h.links.get(&link).cloned());
        let mut old = found.filter(|link| !link.revoked).ok_or(Denied::Unknown)?;
        let expires_at_ms = old.expires_at_ms.filter(|at| *at > self.clock.now_ms());
        let new = Link {
            expires_at_ms,
            single_use: old.single_use,
            person: old.person,
            label: old.label.clone(),
            ..self.new_link(old.role, old.site.clone())
        };
        old.revoked = true;
        let changes = [&old, &new].map(|link| put(event, "link", &link.id.to_string(), link));
        let entry = Entry::new(event, by, Act::LinkReissued).about(old.id).about(new.id);
        self.commit(turn, entry, changes.into()).await?;
        let token = self.key.token(new.id);
        Ok((new, token))
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
