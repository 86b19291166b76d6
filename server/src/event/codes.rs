//! Short codes that are read from one screen and typed on another: a person takes their identity
//! to a second device; a projector becomes a screen. They live for minutes, in memory alone, each
//! is used once, and all wrong guesses together are counted.

use crate::clock::Chance;
use crate::event::pace::Pace;
use sangam_shared::ids::{EventId, PersonId, SessionId};
use sangam_shared::limits;
use std::collections::HashMap;

/// Letters and digits that nobody takes for another one: Crockford's, without I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a code opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The same person on another device.
    Resume {
        /// The event.
        event: EventId,
        /// Who.
        person: PersonId,
        /// The session that showed the code.
        session: SessionId,
    },
    /// A screen: the hash of the secret that it holds.
    Screen(String),
}

/// Why a code opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodeError {
    /// It never did, was used, or is too old.
    #[error("nobody knows this code, or its time is over")]
    Unknown,
    /// Too many were wrong, or too many wait.
    #[error("too many tries")]
    TooMany {
        /// Ask again after so many seconds.
        seconds: u64,
    },
}

/// All codes that wait.
pub(super) struct Codes {
    open: HashMap<String, (Purpose, u64)>,
    wrong: Pace,
    screens: Pace,
}

impl Codes {
    /// None yet.
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            open: HashMap::new(),
            wrong: Pace::new(limits::CODES_WRONG_PER_MINUTE_MAX, now_ms),
            screens: Pace::new(limits::SCREENS_PER_MINUTE_MAX, now_ms),
        }
    }

    /// A new code, in place of an earlier one for the same purpose; and when it ends.
    ///
    /// # Errors
    /// [`CodeError::TooMany`]
    pub(super) fn make(
        &mut self,
        purpose: Purpose,
        chance: &Chance,
        now_ms: u64,
    ) -> Result<(String, u64), CodeError> {
        let too_many = |seconds| CodeError::TooMany { seconds };
        if matches!(purpose, Purpose::Screen(_)) {
            self.screens.take(now_ms).map_err(too_many)?;
        }
        self.open.retain(|_, (known, ends)| *ends > now_ms && !is_same(known, &purpose));
        if self.open.len() >= limits::CODES_MAX {
            return Err(too_many(60));
        }
        let code: String = chance.bytes()[..limits::CODE_CHARS]
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
            .collect();
        let ends_at_ms = now_ms + limits::CODE_MINUTES * 60_000;
        self.open.insert(code.clone(), (purpose, ends_at_ms));
        Ok((code, ends_at_ms))
    }

    /// Uses a code up, if it is for this.
    ///
    /// # Errors
    /// [`CodeError`]; then nothing is used up.
    pub(super) fn take(
        &mut self,
        typed: &str,
        now_ms: u64,
        is_wanted: impl Fn(&Purpose) -> bool,
    ) -> Result<Purpose, CodeError> {
        self.wrong.look(now_ms).map_err(|seconds| CodeError::TooMany { seconds })?;
        let code = read(typed);
        match code.as_ref().and_then(|code| self.open.get(code)) {
            Some((purpose, ends)) if *ends > now_ms && is_wanted(purpose) => {}
            _ => {
                self.wrong.take(now_ms).map_err(|seconds| CodeError::TooMany { seconds })?;
                return Err(CodeError::Unknown);
            }
        }
        let found = code.and_then(|code| self.open.remove(&code));
        found.map(|(purpose, _)| purpose).ok_or(CodeError::Unknown)
    }

    /// Drops the codes of somebody who was sent out.
    pub(super) fn forget(&mut self, person: PersonId) {
        self.open.retain(|_, (purpose, _)| {
            !matches!(purpose, Purpose::Resume { person: known, .. } if *known == person)
        });
    }
}

/// Whether a new code for one takes the place of the other's.
fn is_same(a: &Purpose, b: &Purpose) -> bool {
    match (a, b) {
        (Purpose::Resume { person: a, .. }, Purpose::Resume { person: b, .. }) => a == b,
        (Purpose::Screen(a), Purpose::Screen(b)) => a == b,
        _ => false,
    }
}

/// What was typed, as a code: in any case, with blanks and hyphens, and with the letters that
/// people read for the digits.
fn read(typed: &str) -> Option<String> {
    if typed.len() > limits::CODE_CHARS * 8 {
        return None;
    }
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    (code.len() == limits::CODE_CHARS).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn resume(n: u128) -> Purpose {
        Purpose::Resume {
            event: EventId(Uuid::nil()),
            person: PersonId(Uuid::from_u128(n)),
            session: SessionId(Uuid::nil()),
        }
    }

    #[test]
    fn a_code_is_used_once_however_it_is_typed() {
        let (mut codes, chance) = (Codes::new(0), Chance::from_seed(1));
        let (code, ends) = codes.make(resume(1), &chance, 0).unwrap();
        assert_eq!((code.len(), ends), (8, 600_000));
        let typed = format!(" {}-{} ", code[..4].to_lowercase(), &code[4..]).replace('0', "o");
        assert_eq!(codes.take(&typed, 1, |_| true), Ok(resume(1)));
        assert_eq!(codes.take(&code, 1, |_| true), Err(CodeError::Unknown));
    }

    #[test]
    fn a_code_ends_after_minutes_and_where_there_is_a_newer_one() {
        let (mut codes, chance) = (Codes::new(0), Chance::from_seed(1));
        let (old, _) = codes.make(resume(1), &chance, 0).unwrap();
        let (new, ends) = codes.make(resume(1), &chance, 0).unwrap();
        assert_eq!(codes.take(&old, 1, |_| true), Err(CodeError::Unknown));
        assert_eq!(codes.take(&new, ends, |_| true), Err(CodeError::Unknown));
        let (again, _) = codes.make(resume(1), &chance, 0).unwrap();
        codes.forget(PersonId(Uuid::from_u128(1)));
        assert_eq!(codes.take(&again, 1, |_| true), Err(CodeError::Unknown));
    }

    #[test]
    fn a_code_for_something_else_is_not_used_up() {
        let (mut codes, chance) = (Codes::new(0), Chance::from_seed(1));
        let (code, _) = codes.make(Purpose::Screen("x".into()), &chance, 0).unwrap();
        let is_resume = |purpose: &Purpose| matches!(purpose, Purpose::Resume { .. });
        assert_eq!(codes.take(&code, 1, is_resume), Err(CodeError::Unknown));
        assert_eq!(codes.take(&code, 1, |_| true), Ok(Purpose::Screen("x".into())));
    }

    #[test]
    fn wrong_guesses_are_counted_all_together() {
        let (mut codes, chance) = (Codes::new(0), Chance::from_seed(1));
        let (code, _) = codes.make(resume(1), &chance, 0).unwrap();
        for guess in 0..limits::CODES_WRONG_PER_MINUTE_MAX {
            let told = codes.take(&format!("{guess:08}"), 0, |_| true);
            assert_eq!(told, Err(CodeError::Unknown), "{guess}");
        }
        // Then nobody is told anything, not even who is right; a moment later they are.
        assert_eq!(codes.take("00000000", 0, |_| true), Err(CodeError::TooMany { seconds: 1 }));
        assert_eq!(codes.take(&code, 0, |_| true), Err(CodeError::TooMany { seconds: 1 }));
        assert_eq!(codes.take(&code, 1_000, |_| true), Ok(resume(1)));
        for absurd in ["", "é".repeat(4).as_str(), &"A".repeat(1 << 20)] {
            assert!(codes.take(absurd, 60_000, |_| true).is_err());
        }
    }
}
