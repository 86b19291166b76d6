//! How many come in at once: counted per link and for the whole server, never per address, because
//! a venue has one address for all of its people.

use super::EventsError;
use crate::event::codes::{CodeError, Codes};
use crate::event::pace::Pace;
use sangam_shared::ids::LinkId;
use sangam_shared::limits;
use std::collections::HashMap;

/// What is counted, in memory alone.
pub(super) struct Gate {
    links: HashMap<LinkId, Pace>,
    all: Pace,
    pub(super) codes: Codes,
}

impl Gate {
    pub(super) fn new(now_ms: u64) -> Self {
        let all = Pace::new(limits::JOINS_PER_MINUTE_MAX, now_ms);
        Self { links: HashMap::new(), all, codes: Codes::new(now_ms) }
    }

    /// One more comes by this link.
    pub(super) fn join(&mut self, link: LinkId, now_ms: u64) -> Result<(), EventsError> {
        // As many as there are links, and no more than came within a minute.
        self.links.retain(|_, pace| !pace.is_full(now_ms));
        let fresh = || Pace::new(limits::JOINS_PER_LINK_PER_MINUTE_MAX, now_ms);
        let one = self.links.entry(link).or_insert_with(fresh);
        // Whoever is one too many for their link takes nothing from the others.
        one.take(now_ms).and_then(|()| self.all.take(now_ms)).map_err(too_many)
    }
}

fn too_many(seconds: u64) -> EventsError {
    EventsError::TooMany { seconds }
}

impl From<CodeError> for EventsError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Unknown => Self::Code,
            CodeError::TooMany { seconds } => Self::TooMany { seconds },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_venue_gets_in_by_one_link_and_a_flood_by_one_leaves_room_for_another() {
        let mut gate = Gate::new(0);
        let link = |n| LinkId(Uuid::from_u128(n));
        let get_in = |gate: &mut Gate, n, count: usize| {
            (0..count).filter(|_| gate.join(link(n), 0).is_ok()).count()
        };
        assert_eq!(get_in(&mut gate, 1, 300), 300);
        assert_eq!(get_in(&mut gate, 2, 5_000), 600);
        assert_eq!(get_in(&mut gate, 1, 300), 300);
        // All links together: 1,500.
        assert_eq!(get_in(&mut gate, 3, 600), 300);
        assert!(gate.join(link(4), 1_000).is_ok(), "it fills again");
    }
}
