//! What a change touched, in numbers that a person can read: for the list of changes, and for what
//! a restore would do.

use super::board::Standing;
use serde::{Deserialize, Serialize};

/// One item's share of a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// Whether it was on the board before.
    pub was: Standing,
    /// Whether it is now.
    pub is: Standing,
    /// Its place or its heap is another.
    pub moved: bool,
    /// Its words or its values are others.
    pub edited: bool,
}

/// How many items of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// They are new.
    pub added: u32,
    /// Their words or values changed.
    pub edited: u32,
    /// Their place changed, and nothing else.
    pub moved: u32,
    /// They went to the tray, or for good.
    pub deleted: u32,
    /// They came back.
    pub restored: u32,
}

/// What a change touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the document")]
pub struct Touched {
    pub practices: Counts,
    pub ideas: Counts,
    pub clusters: Counts,
    pub plans: Counts,
    pub minutes: bool,
    pub question: bool,
}

impl Touched {
    /// Counts one item in. What stayed in the tray, or came and went at once, shows nowhere.
    pub(super) fn count(&mut self, table: &str, touch: Touch) {
        let counts = match table {
            "practices" => &mut self.practices,
            "ideas" => &mut self.ideas,
            "clusters" => &mut self.clusters,
            "plans" => &mut self.plans,
            _ => return,
        };
        let field = match (touch.was, touch.is) {
            (Standing::Absent, Standing::Live) => &mut counts.added,
            (Standing::Tray, Standing::Live) => &mut counts.restored,
            (Standing::Live, Standing::Tray | Standing::Absent) => &mut counts.deleted,
            (Standing::Live, Standing::Live) if touch.edited => &mut counts.edited,
            (Standing::Live, Standing::Live) if touch.moved => &mut counts.moved,
            _ => return,
        };
        *field += 1;
    }

    /// Whether nothing was touched that anybody could see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Touch {
    /// Nothing has happened to it yet.
    #[must_use]
    pub(super) fn of(standing: Standing) -> Self {
        Self { was: standing, is: standing, moved: false, edited: false }
    }

    /// One of the item's keys has another value.
    pub(super) fn key(&mut self, key: &str) {
        match key {
            "order" | "clusterId" | "movedBy" => self.moved = true,
            "deletedAt" | "deletedBy" => {}
            _ => self.edited = true,
        }
    }
}
