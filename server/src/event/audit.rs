//! What is written down of what is done: who, by id, did what to which id, when, and whether it was
//! done. Never a name, a text or a token: erasing a person leaves the log as it is, and it verifies.
//!
//! Nobody changes a record without an [`Entry`]: `Events::commit` asks for one, and stores it in the
//! same transaction. Refusals are written down where they are given: by one layer of the router and
//! by the socket ([`refusals`]).

pub mod lines;
pub mod refusals;

use crate::event::access::Principal;
use crate::store::audit::Note;
use sangam_shared::ids::{EventId, LinkId, PersonId};
use sangam_shared::limits;
use sangam_shared::role::Role;
use std::fmt::Display;
use uuid::Uuid;

/// Who acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum By {
    /// The server, of its own accord: at a date, at a start.
    Server,
    /// Whoever types commands on the server's machine.
    Operator,
    /// Somebody with a session.
    Person(PersonId, Role),
    /// A machine, or a screen, by its link.
    Link(LinkId, Role),
    /// Somebody of whom nothing is known.
    #[default]
    Nobody,
}

impl From<&Principal> for By {
    fn from(principal: &Principal) -> Self {
        match principal.person {
            Some(person) => Self::Person(person, principal.role),
            None => Self::Link(principal.link, principal.role),
        }
    }
}

impl By {
    fn columns(self) -> (String, String) {
        match self {
            Self::Server => ("server".to_owned(), String::new()),
            Self::Operator => ("operator".to_owned(), String::new()),
            Self::Nobody => ("nobody".to_owned(), String::new()),
            Self::Person(id, role) => (format!("person:{id}"), role.as_str().to_owned()),
            Self::Link(id, role) => (format!("link:{id}"), role.as_str().to_owned()),
        }
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident => $code:literal,)+) => {
        /// Everything that is written down, one line each. The code is what the log keeps: it never
        /// changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Act {
            $($(#[$doc])* $name,)+
        }

        impl Act {
            /// Every act.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What the log keeps.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

acts! {
    /// An event came to be.
    EventCreated => "event.created",
    /// Somebody came in.
    PersonJoined => "person.joined",
    /// A screen was let in.
    ScreenJoined => "screen.joined",
    /// Somebody left on one device.
    SessionEnded => "session.ended",
    /// A link was taken back.
    LinkRevoked => "link.revoked",
    /// A link was made.
    LinkMade => "link.made",
    /// A link was taken back, and another one made for the same person.
    LinkReissued => "link.reissued",
    /// Newcomers wait from now on.
    DoorLocked => "door.locked",
    /// Newcomers come in, and so do those who waited.
    DoorOpened => "door.opened",
    /// Somebody who waited was let in.
    PersonAdmitted => "person.admitted",
    /// Somebody was sent out.
    PersonRemoved => "person.removed",
    /// What somebody wrote goes to the tray.
    NotesHidden => "notes.hidden",
    /// What somebody wrote is back.
    NotesShown => "notes.shown",
    /// Another person writes on a device.
    DeviceShared => "device.shared",
    /// A device was handed over to another of its people.
    DeviceHanded => "device.handed",
    /// Somebody goes on from another device.
    SessionResumed => "session.resumed",
    /// A projector became a screen.
    ScreenPaired => "screen.paired",
    /// An organiser came in by their provider.
    OrganiserSigned => "organiser.signed",
    /// A board is made to equal its past.
    BoardRestored => "board.restored",
    /// A lead's yes to a plan was recorded.
    PlanAccepted => "plan.accepted",
    /// A yes was taken back.
    PlanWithdrawn => "plan.withdrawn",
    /// Somebody took a copy of what is held on them.
    DataTaken => "data.taken",
    /// A name was removed; what was written stays.
    NameRemoved => "name.removed",
    /// A person was erased with what they wrote.
    PersonErased => "person.erased",
    /// Items of a board were erased for good.
    ItemsErased => "items.erased",
    /// What was kept has reached its date.
    RetentionKept => "retention.kept",
    /// The audit log was taken away.
    AuditTaken => "audit.taken",
}

/// One act, on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event; nil for what concerns none.
    pub event: Uuid,
    /// Who.
    pub by: By,
    /// What.
    pub act: Act,
    about: Vec<String>,
}

impl Entry {
    /// Somebody does something in an event.
    #[must_use]
    pub fn new(event: EventId, by: impl Into<By>, act: Act) -> Self {
        Self { event: event.0, by: by.into(), act, about: Vec::new() }
    }

    /// What it is about: an id, or a number. Not a text that anybody wrote.
    #[must_use]
    pub fn about(mut self, id: impl Display) -> Self {
        if self.about.len() < limits::AUDIT_ABOUT_MAX {
            self.about.push(id.to_string());
        }
        self
    }

    /// As the store keeps it.
    #[must_use]
    pub fn done(self, at_ms: u64) -> Note {
        let (by, role) = self.by.columns();
        Note {
            event: self.event,
            at_ms,
            by,
            role,
            act: self.act.code().to_owned(),
            about: self.about.join(" "),
            outcome: "done".to_owned(),
            count: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_a_code_of_its_own() {
        let codes: BTreeSet<_> = Act::ALL.iter().map(|act| act.code()).collect();
        assert_eq!(codes.len(), Act::ALL.len());
        let plain = |code: &&str| code.chars().all(|c| c.is_ascii_lowercase() || c == '.');
        assert!(codes.iter().all(plain));
    }

    #[test]
    fn an_entry_is_about_so_many_ids_at_most() {
        let entry = Entry::new(EventId(Uuid::nil()), By::Server, Act::ItemsErased);
        let entry = (0..limits::AUDIT_ABOUT_MAX + 5).fold(entry, Entry::about);
        let note = entry.done(7);
        assert_eq!(note.about.split(' ').count(), limits::AUDIT_ABOUT_MAX);
        assert_eq!((note.by.as_str(), note.outcome.as_str(), note.at_ms), ("server", "done", 7));
    }
}
