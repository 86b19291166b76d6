//! Tokens, sessions, and the one function that says who may do what.

use crate::event::DocumentInfo;
use crate::store::Author;
use crate::sync::frame::ClientMessage;
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
        // Whole or not at all, also where the power fails: links are printed from it at once.
        let partial = folder.join("link.key.partial");
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(&fresh)?;
        file.sync_all()?;
        std::fs::rename(&partial, folder.join("link.key"))?;
        std::fs::File::open(folder)?.sync_all()?;
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

    /// The key itself, for a backup.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
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
    /// Read who changed a board and when, and the board as it was.
    ReadHistory,
    /// Make a board equal its past.
    RestoreBoard,
    /// Say yes to a plan that this person leads, if anybody of the event does; or take it back.
    AcceptPlan(Option<PersonId>),
    /// Erase items of a board for good: whose own they all are, and in the tray, or anybody's.
    EraseItems {
        /// Whoever asks wrote all of them, and has put them into the tray.
        own: bool,
    },
    /// See all that is held on this person, take their name away, or erase them.
    HoldData(PersonId),
    /// Take the audit log away.
    ReadAudit,
    /// Take a file away that everybody may have: public plans, nobody named.
    Export,
    /// Take a file away that names people, or holds what is not public.
    ExportAll,
    /// Lock the door, let people in, put what somebody wrote into the tray, and back.
    KeepDoor,
    /// Send somebody out who has this role.
    Remove(Role),
    /// See the links with their tokens, make them, take them back.
    ManageLinks,
    /// Make a screen of whatever shows a code.
    PairScreen,
    /// Say of oneself, on one's own device: who writes on it, and a code for another one.
    KeepDevice,
    /// Bring another person to one's own device.
    ShareDevice,
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
    /// The link was for one device, and that was another one.
    #[error("the link has opened another device already")]
    Used,
    /// They stand before a locked door.
    #[error("somebody has to let them in first")]
    Waiting,
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
        // A screen shows what is, not what was taken back.
        Action::WriteDocument(DocumentKind::Board, _) | Action::ReadHistory => works_on_boards,
        Action::RestoreBoard => matches!(principal.role, Role::Facilitator | Role::Organiser),
        // The lead's own session; or whoever runs the workshop heard it aloud.
        Action::AcceptPlan(lead) => {
            matches!(principal.role, Role::Facilitator | Role::Organiser)
                || (works_on_boards && lead.is_some() && lead == principal.person)
        }
        // The server alone writes the stage.
        Action::WriteDocument(DocumentKind::Stage, _) => false,
        Action::ReadDocument(DocumentKind::Private, owner)
        | Action::WriteDocument(DocumentKind::Private, owner) => {
            owner.is_some() && owner == principal.person
        }
        Action::Export => matches!(principal.role, Role::Facilitator | Role::Organiser),
        Action::ExportAll | Action::ManageLinks | Action::ReadAudit => {
            principal.role == Role::Organiser
        }
        Action::KeepDoor | Action::PairScreen => {
            matches!(principal.role, Role::Facilitator | Role::Organiser)
        }
        // Nobody sends out their equals, but for organisers, who are few.
        Action::Remove(role) => {
            principal.role == Role::Organiser
                || (principal.role == Role::Facilitator && role < Role::Facilitator)
        }
        // A machine is nobody; and a screen stands where everybody can reach it.
        Action::KeepDevice => works_on_boards && principal.session.is_some(),
        // Whoever has more rights than others keeps their device to themselves.
        Action::ShareDevice => principal.role == Role::Participant && principal.session.is_some(),
        Action::EraseItems { own } => {
            matches!(principal.role, Role::Facilitator | Role::Organiser)
                || (works_on_boards && own)
        }
        Action::HoldData(person) => {
            principal.role == Role::Organiser || principal.person == Some(person)
        }
    };
    if allowed { Ok(()) } else { Err(Denied::Forbidden) }
}

/// What a message on the wire may do to a document. An edit that says nothing new is no edit: see
/// [`crate::sync::room::Permission`].
///
/// # Errors
/// [`Denied`]
pub fn allow_message(
    principal: &Principal,
    message: &ClientMessage<'_>,
    document: &DocumentInfo,
) -> Result<(), Denied> {
    let DocumentInfo { kind, owner, event } = *document;
    let action = match message {
        ClientMessage::SyncStep1(_)
        | ClientMessage::Awareness(_)
        | ClientMessage::QueryAwareness => Action::ReadDocument(kind, owner),
        ClientMessage::SyncStep2(_) | ClientMessage::Update(_) => {
            Action::WriteDocument(kind, owner)
        }
    };
    allow(principal, event, action)
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
        use Action::{
            AcceptPlan, EraseItems, Export, ExportAll, HoldData, KeepDevice, KeepDoor, ManageLinks,
            PairScreen, ReadAudit, ReadDocument, ReadEvent, ReadHistory, ReadPeople, Remove,
            RestoreBoard, ShareDevice, WriteDocument,
        };
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
            (ReadHistory, [false, true, true, true]),
            (RestoreBoard, [false, false, true, true]),
            (AcceptPlan(own), [false, true, true, true]),
            (AcceptPlan(others), [false, false, true, true]),
            (AcceptPlan(None), [false, false, true, true]),
            (Export, [false, false, true, true]),
            (ExportAll, [false, false, false, true]),
            (KeepDoor, [false, false, true, true]),
            (Remove(Role::Screen), [false, false, true, true]),
            (Remove(Role::Participant), [false, false, true, true]),
            (Remove(Role::Facilitator), [false, false, false, true]),
            (Remove(Role::Organiser), [false, false, false, true]),
            (ManageLinks, [false, false, false, true]),
            (PairScreen, [false, false, true, true]),
            (KeepDevice, [false, false, false, false]),
            (ShareDevice, [false, false, false, false]),
            (EraseItems { own: true }, [false, true, true, true]),
            (EraseItems { own: false }, [false, false, true, true]),
            (HoldData(PersonId(Uuid::from_u128(1))), [false, true, true, true]),
            (HoldData(PersonId(Uuid::from_u128(2))), [false, false, false, true]),
            (ReadAudit, [false, false, false, true]),
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
    fn a_device_is_kept_by_a_session_and_shared_by_participants() {
        for role in Role::ALL {
            let session = Some(SessionId(Uuid::nil()));
            let who = Principal { session, ..principal(role, Some(1)) };
            let here = EventId(Uuid::nil());
            let keeps = allow(&who, here, Action::KeepDevice).is_ok();
            assert_eq!(keeps, role != Role::Screen, "{role:?}");
            let shares = allow(&who, here, Action::ShareDevice).is_ok();
            assert_eq!(shares, role == Role::Participant, "{role:?}");
        }
    }

    /// Where a message stands in the table below: a new one does not compile until it has a column.
    fn column(message: &ClientMessage<'_>) -> usize {
        match message {
            ClientMessage::SyncStep1(_) => 0,
            ClientMessage::SyncStep2(_) => 1,
            ClientMessage::Update(_) => 2,
            ClientMessage::Awareness(_) => 3,
            ClientMessage::QueryAwareness => 4,
        }
    }

    /// Every role, every message, every document, written out: `r` it is taken, `-` it is not.
    #[test]
    fn every_message_of_every_role_to_every_document_is_judged() {
        use ClientMessage::{Awareness, QueryAwareness, SyncStep1, SyncStep2, Update};
        use DocumentKind::{Board, Private, Stage};
        let messages =
            [SyncStep1(&[]), SyncStep2(&[]), Update(&[]), Awareness(&[]), QueryAwareness];
        let columns: Vec<usize> = messages.iter().map(column).collect();
        assert_eq!(columns, [0, 1, 2, 3, 4], "every message, once");
        let (own, others) = (Some(1), Some(2));
        let table = [
            (Role::Screen, Board, None, "r--rr"),
            (Role::Screen, Stage, None, "r--rr"),
            (Role::Screen, Private, own, "-----"),
            (Role::Participant, Board, None, "rrrrr"),
            (Role::Participant, Stage, None, "r--rr"),
            (Role::Participant, Private, own, "rrrrr"),
            (Role::Participant, Private, others, "-----"),
            (Role::Facilitator, Board, None, "rrrrr"),
            (Role::Facilitator, Stage, None, "r--rr"),
            (Role::Facilitator, Private, own, "rrrrr"),
            (Role::Facilitator, Private, others, "-----"),
            (Role::Organiser, Board, None, "rrrrr"),
            (Role::Organiser, Stage, None, "r--rr"),
            (Role::Organiser, Private, own, "rrrrr"),
            (Role::Organiser, Private, others, "-----"),
        ];
        for (role, kind, owner, expected) in table {
            let who = principal(role, (role != Role::Screen).then_some(1));
            let owner = owner.map(|n| PersonId(Uuid::from_u128(n)));
            let here = DocumentInfo { kind, owner, event: EventId(Uuid::nil()) };
            let elsewhere = DocumentInfo { event: EventId(Uuid::from_u128(9)), ..here };
            for message in &messages {
                let allowed = allow_message(&who, message, &here).is_ok();
                let expected = expected.as_bytes()[column(message)] == b'r';
                assert_eq!(allowed, expected, "{role:?} {kind:?} {message:?}");
                assert_eq!(allow_message(&who, message, &elsewhere), Err(Denied::Foreign));
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
