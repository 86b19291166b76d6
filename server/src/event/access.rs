//! Tokens, sessions, and the one function that says who may do what.

use crate::store::Author;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sangam_shared::ids::{EventId, Key, LinkId, PersonId, SessionId};
use sangam_shared::role::Role;
use sangam_shared::schema::DocumentKind;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The server's key, from which the tokens of links are derived. It lies beside the database, not
/// in it: whoever has only a backup of the database can open nothing.
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// Reads the key file, or writes a new one that only its owner may read.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is not a key.
    pub fn open(folder: &Path, fresh: [u8; 32]) -> std::io::Result<Self> {
        match Self::read(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            read => return read,
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(folder.join("link.key"))?;
        file.write_all(&fresh)?;
        file.sync_all()?;
        Ok(Self(fresh))
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// Where there is none, or it is not a key.
    pub fn read(folder: &Path) -> std::io::Result<Self> {
        let bytes = std::fs::read(folder.join("link.key"))?;
        let key = bytes.try_into().map_err(|_| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, "link.key is not 32 bytes long")
        })?;
        Ok(Self(key))
    }

    /// The token of a link: 128 bits in URL-safe base64.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    #[must_use]
    pub fn token(&self, link: LinkId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length is valid");
        mac.update(link.0.as_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..16])
    }
}

/// A session's secret as a cookie carries it.
#[must_use]
pub fn secret(bytes: [u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored of a token or a secret. Both are 128 random bits: no salt is needed, and a
/// look-up by hash gives nothing away by its time.
#[must_use]
pub fn hash(token: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// Whoever asks, as the server knows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The event that the link was for.
    pub event: EventId,
    /// The role.
    pub role: Role,
    /// Who it is; screens and machines are nobody.
    pub person: Option<PersonId>,
    /// The site.
    pub site: Option<Key>,
    /// The link behind it.
    pub link: LinkId,
    /// The session, unless a link's token was presented directly.
    pub session: Option<SessionId>,
}

impl Principal {
    /// Whose edits these are.
    #[must_use]
    pub fn author(&self) -> Author {
        match self.person {
            Some(person) => Author::Person(person),
            None => Author::Machine(self.link.0),
        }
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the event: programme, workshops, commons.
    ReadEvent,
    /// Read who is there, by name.
    ReadPeople,
    /// Read a document.
    ReadDocument(DocumentKind, Option<PersonId>),
    /// Write to a document.
    WriteDocument(DocumentKind, Option<PersonId>),
    /// Take a file away that everybody may have: public plans, nobody named.
    Export,
    /// Take a file away that names people, or holds what is not public.
    ExportAll,
}

/// No.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody knows this token.
    #[error("the link or session is unknown")]
    Unknown,
    /// Its time is over.
    #[error("the link or session has expired")]
    Expired,
    /// An organiser took it back.
    #[error("the link was revoked")]
    Revoked,
    /// It belongs to another event.
    #[error("the link is for another event")]
    Foreign,
    /// The role may not do this.
    #[error("this role may not do that")]
    Forbidden,
}

/// The one place where rights are decided. What is not listed is denied.
///
/// # Errors
/// [`Denied`]
pub fn allow(principal: &Principal, event: EventId, action: Action) -> Result<(), Denied> {
    if principal.event != event {
        return Err(Denied::Foreign);
    }
    let works_on_boards =
        matches!(principal.role, Role::Participant | Role::Facilitator | Role::Organiser);
    let allowed = match action {
        Action::ReadEvent
        | Action::ReadPeople
        | Action::ReadDocument(DocumentKind::Board | DocumentKind::Stage, _) => true,
        Action::WriteDocument(DocumentKind::Board, _) => works_on_boards,
        // The server alone writes the stage.
        Action::WriteDocument(DocumentKind::Stage, _) => false,
        Action::ReadDocument(DocumentKind::Private, owner)
        | Action::WriteDocument(DocumentKind::Private, owner) => {
            owner.is_some() && owner == principal.person
        }
        Action::Export => matches!(principal.role, Role::Facilitator | Role::Organiser),
        Action::ExportAll => principal.role == Role::Organiser,
    };
    if allowed { Ok(()) } else { Err(Denied::Forbidden) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn principal(role: Role, person: Option<u128>) -> Principal {
        Principal {
            event: EventId(Uuid::nil()),
            role,
            person: person.map(|n| PersonId(Uuid::from_u128(n))),
            site: None,
            link: LinkId(Uuid::nil()),
            session: None,
        }
    }

    /// Every role against every action, written out: a change here is a change of the rules.
    #[test]
    fn every_role_may_do_what_is_listed_and_nothing_else() {
        use Action::{Export, ExportAll, ReadDocument, ReadEvent, ReadPeople, WriteDocument};
        use DocumentKind::{Board, Private, Stage};
        let own = Some(PersonId(Uuid::from_u128(1)));
        let others = Some(PersonId(Uuid::from_u128(2)));
        // screen, participant, facilitator, organiser
        let table = [
            (ReadEvent, [true, true, true, true]),
            (ReadPeople, [true, true, true, true]),
            (ReadDocument(Board, None), [true, true, true, true]),
            (WriteDocument(Board, None), [false, true, true, true]),
            (ReadDocument(Stage, None), [true, true, true, true]),
            (WriteDocument(Stage, None), [false, false, false, false]),
            (ReadDocument(Private, own), [false, true, true, true]),
            (WriteDocument(Private, own), [false, true, true, true]),
            (ReadDocument(Private, others), [false, false, false, false]),
            (WriteDocument(Private, others), [false, false, false, false]),
            (ReadDocument(Private, None), [false, false, false, false]),
            (Export, [false, false, true, true]),
            (ExportAll, [false, false, false, true]),
        ];
        for (action, expected) in table {
            for (role, expected) in Role::ALL.into_iter().zip(expected) {
                let person = (role != Role::Screen).then_some(1);
                let who = principal(role, person);
                let here = EventId(Uuid::nil());
                assert_eq!(allow(&who, here, action).is_ok(), expected, "{role:?} {action:?}");
                let elsewhere = EventId(Uuid::from_u128(9));
                assert_eq!(allow(&who, elsewhere, action), Err(Denied::Foreign));
            }
        }
    }

    #[test]
    fn a_token_is_derived_and_its_key_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let link = LinkId(Uuid::from_u128(1));
        let token = LinkKey::open(folder.path(), [7; 32]).unwrap().token(link);
        assert_eq!(token.len(), 22);
        assert_eq!(LinkKey::open(folder.path(), [8; 32]).unwrap().token(link), token);
        assert_ne!(LinkKey([8; 32]).token(link), token);
        assert_eq!(hash(&token).len(), 64);
    }
}
