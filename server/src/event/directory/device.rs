//! Devices: several people on one, one person on several, and projectors that become screens.

use super::{Events, EventsError, Newcomer, put};
use crate::event::access::{self, Denied, Principal};
use crate::event::audit::{Act, By, Entry};
use crate::event::codes::Purpose;
use crate::event::model::{Link, Person, Session, Standing};
use sangam_shared::ids::{EventId, Key, PersonId};
use sangam_shared::limits;
use sangam_shared::role::Role;

/// What a projector shows, and what it keeps to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenCode {
    /// To be typed on a phone.
    pub code: String,
    /// When it ends, in milliseconds since 1970.
    pub ends_at_ms: u64,
    /// Its session's secret, once it is paired.
    pub secret: String,
}

impl Events {
    /// Everybody who writes on the device of a session, whoever writes now first.
    #[must_use]
    pub fn on_device(&self, principal: &Principal) -> Vec<Person> {
        let state = self.read();
        let Some(held) = state.events.get(&principal.event) else { return Vec::new() };
        let session = principal.session.and_then(|id| held.sessions.get(&id));
        let all = session.into_iter().flat_map(|s| s.person.iter().chain(&s.others));
        all.filter_map(|id| held.people.get(id)).cloned().collect()
    }

    /// Another person writes on the same device from now on.
    ///
    /// # Errors
    /// A field; [`EventsError::Full`]; the store's.
    pub async fn share_device(
        &self,
        principal: &Principal,
        newcomer: Newcomer,
    ) -> Result<Person, EventsError> {
        let turn = self.turn().await;
        let (event, mut session, link) = self.device(principal)?;
        if session.others.len() + 1 >= limits::PEOPLE_PER_DEVICE_MAX {
            return Err(EventsError::Full);
        }
        let known = self.by_id(event).ok_or(Denied::Foreign)?;
        let site = session.site.clone().or(newcomer.site.clone());
        let mut person = self.newcomer(&known, &link, Newcomer { site, ..newcomer })?;
        // Who is in may bring in somebody who sits beside them.
        person.standing = Standing::Here;
        session.others.extend(session.person.replace(person.id));
        let changes = vec![
            put(event, "person", &person.id.to_string(), &person),
            put(event, "session", &session.id.to_string(), &session),
        ];
        let entry = Entry::new(event, principal, Act::DeviceShared).about(person.id);
        self.commit(turn, entry.about(session.id), changes).await?;
        Ok(person)
    }

    /// Somebody else of the same device writes from now on.
    ///
    /// # Errors
    /// A field, where they do not write on this device; the store's.
    pub async fn switch(&self, principal: &Principal, person: PersonId) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let (event, mut session, _) = self.device(principal)?;
        if session.person == Some(person) {
            return Ok(());
        }
        let Some(place) = session.others.iter().position(|other| *other == person) else {
            let why = "does not write on this device".to_owned();
            return Err(EventsError::Field { field: "person", why });
        };
        session.others.remove(place);
        session.others.extend(session.person.replace(person));
        let entry = Entry::new(event, principal, Act::DeviceHanded).about(person).about(session.id);
        let change = put(event, "session", &session.id.to_string(), &session);
        self.commit(turn, entry, vec![change]).await
    }

    fn device(&self, principal: &Principal) -> Result<(EventId, Session, Link), Denied> {
        let state = self.read();
        let held = state.events.get(&principal.event).ok_or(Denied::Unknown)?;
        let session = principal.session.and_then(|id| held.sessions.get(&id));
        let session = session.ok_or(Denied::Forbidden)?;
        let link = held.links.get(&session.link).ok_or(Denied::Revoked)?;
        Ok((principal.event, session.clone(), link.clone()))
    }

    /// A code that makes another device the same person's; and when it ends.
    ///
    /// # Errors
    /// [`Denied::Forbidden`] for those who are nobody; too many codes.
    pub fn resume_code(&self, principal: &Principal) -> Result<(String, u64), EventsError> {
        let (Some(person), Some(session)) = (principal.person, principal.session) else {
            return Err(Denied::Forbidden.into());
        };
        let purpose = Purpose::Resume { event: principal.event, person, session };
        let now_ms = self.clock.now_ms();
        Ok(self.gate().codes.make(purpose, &self.chance, now_ms)?)
    }

    /// Exchanges such a code for a session of the same person; returns its secret.
    ///
    /// # Errors
    /// [`EventsError::Code`], also where the session that showed it has ended; the store's.
    pub async fn resume(&self, code: &str) -> Result<(String, Principal), EventsError> {
        let turn = self.turn().await;
        let is_resume = |purpose: &Purpose| matches!(purpose, Purpose::Resume { .. });
        let found = self.gate().codes.take(code, self.clock.now_ms(), is_resume)?;
        let Purpose::Resume { event, person, session } = found else {
            return Err(EventsError::Code);
        };
        let link = {
            let state = self.read();
            let held = state.events.get(&event).ok_or(EventsError::Code)?;
            let shown = held.sessions.get(&session).ok_or(EventsError::Code)?;
            let link = held.links.get(&shown.link).filter(|link| !link.revoked);
            let is_in = held.people.get(&person).is_some_and(|p| p.standing == Standing::Here);
            let site = shown.site.clone();
            let link = link.filter(|_| is_in).ok_or(EventsError::Code)?;
            Link { site, ..link.clone() }
        };
        let secret = access::secret(self.chance.bytes());
        let session = Session { person: Some(person), ..self.session(&link, &secret) };
        let mut changes: Vec<_> = self.oldest_of(event, person).into_iter().collect();
        changes.push(put(event, "session", &session.id.to_string(), &session));
        let entry = Entry::new(event, By::Person(person, link.role), Act::SessionResumed);
        self.commit(turn, entry.about(session.id), changes).await?;
        let principal = self.principal(&secret)?;
        Ok((secret, principal))
    }

    /// A projector asks to be paired. Nothing is stored before somebody does it.
    ///
    /// # Errors
    /// Too many at once.
    pub fn screen_code(&self) -> Result<ScreenCode, EventsError> {
        let secret = access::secret(self.chance.bytes());
        let purpose = Purpose::Screen(access::hash(&secret));
        let now_ms = self.clock.now_ms();
        let (code, ends_at_ms) = self.gate().codes.make(purpose, &self.chance, now_ms)?;
        Ok(ScreenCode { code, ends_at_ms, secret })
    }

    /// Makes a screen of whatever shows this code. It gets a link of its own, so that it can be
    /// taken back like any other.
    ///
    /// # Errors
    /// [`EventsError::Code`]; a site that is none; the store's.
    pub async fn pair_screen(
        &self,
        event: EventId,
        by: By,
        code: &str,
        site: Key,
        label: Option<String>,
    ) -> Result<Link, EventsError> {
        let turn = self.turn().await;
        let known = self.by_id(event).ok_or(Denied::Foreign)?;
        let wanted = super::Wanted {
            role: Role::Screen,
            site: Some(site),
            label,
            expires_at_ms: None,
            single_use: true,
        };
        let mut link = self.wanted(&known, wanted)?;
        let is_screen = |purpose: &Purpose| matches!(purpose, Purpose::Screen(_));
        let found = self.gate().codes.take(code, self.clock.now_ms(), is_screen)?;
        let Purpose::Screen(secret_hash) = found else { return Err(EventsError::Code) };
        let session = Session { secret_hash, ..self.session(&link, "") };
        link.used_by = Some(session.id);
        let changes = vec![
            put(event, "link", &link.id.to_string(), &link),
            put(event, "session", &session.id.to_string(), &session),
        ];
        let entry = Entry::new(event, by, Act::ScreenPaired).about(link.id).about(session.id);
        self.commit(turn, entry, changes).await?;
        Ok(link)
    }
}
