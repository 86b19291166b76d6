//! Names of things. Every id is a newtype, so that a board cannot be passed for a person.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    )+};
}

uuid_ids!(
    /// One workshop day.
    EventId,
    /// One theme with one group and one board.
    WorkshopId,
    /// One Yjs document: a board, a stage or a private document. Names `/sync/{document}`.
    DocumentId,
    /// One person at an event. Documents carry this id; the name is a row in the server's tables.
    PersonId,
    /// One link: a capability that can be revoked by itself.
    LinkId,
    /// One device's session, exchanged for a link.
    SessionId,
    /// One practice or idea on a board.
    NoteId,
    /// One heap of ideas on a board.
    ClusterId,
    /// One action plan on a board.
    PlanId,
    /// One row of a list inside a plan.
    RowId,
);

/// A short name that an organiser chose (site, common, language group): lower-case ASCII letters,
/// digits and hyphens, 1 to [`crate::limits::KEY_CHARS_MAX`] characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Key(String);

/// Why a text is not a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a short name of lower-case letters a-z, digits and hyphens (1 to {max} characters), found {found:?}",
    max = crate::limits::KEY_CHARS_MAX
)]
pub struct NotAKey {
    found: String,
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    /// [`NotAKey`] names the text and the rule.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let fits = (1..=crate::limits::KEY_CHARS_MAX).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAKey { found: text.chars().take(80).collect() })
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_plain_and_lower_case() {
        assert!(Key::parse("open-food-facts").is_ok());
        for bad in ["", "Paris", "a b", "é", &"x".repeat(41)] {
            assert!(Key::parse(bad).is_err(), "{bad:?} was taken for a key");
        }
    }
}
