//! The four roles of SCHEMA.md.

use serde::{Deserialize, Serialize};

/// What a link makes of the person who opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A projector: reads, never writes.
    Screen,
    /// Somebody of a group.
    Participant,
    /// Runs the phases of a workshop.
    Facilitator,
    /// Prepares, watches over, exports and follows up.
    Organiser,
}

impl Role {
    /// Every role, least powerful first.
    pub const ALL: [Self; 4] =
        [Self::Screen, Self::Participant, Self::Facilitator, Self::Organiser];

    /// The role's name on the wire, in the command line and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Participant => "participant",
            Self::Facilitator => "facilitator",
            Self::Organiser => "organiser",
        }
    }
}
