//! Links: made, handed out again, taken back. Each is a capability of its own.

use super::{Events, EventsError, put};
use crate::event::access::{self, Denied};
use crate::event::model::{Event, Link};
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
        self.commit(turn, vec![put(event, "link", &link.id.to_string(), &link)]).await?;
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

    /// Takes a link back and makes another one for the same role, site and person: a phone was
    /// lost, or the wrong one opened it.
    ///
    /// # Errors
    /// [`Denied::Unknown`], or the store's.
    pub async fn reissue(
        &self,
        event: EventId,
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
        self.commit(turn, changes.into()).await?;
        let token = self.key.token(new.id);
        Ok((new, token))
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
}
