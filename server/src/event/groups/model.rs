//! The records of groups: what people would like, who is invited, and where everybody is.

use super::solve::Method;
use sangam_shared::ids::{Key, PersonId, WorkshopId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What somebody would like, in their own words or an organiser's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// The workshops that they would like, best first.
    #[serde(default)]
    pub choices: Vec<WorkshopId>,
    /// Projects and sectors, cleaned.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Could lead a group.
    #[serde(default)]
    pub could_lead: bool,
    /// The colleague with whom they would stay. It holds once both have named each other.
    #[serde(default)]
    pub with: Option<PersonId>,
    /// That colleague by name, where a list says so.
    #[serde(default)]
    pub with_name: Option<String>,
    /// A list said it, not the person: then the person's own words replace it, never the reverse.
    #[serde(default)]
    pub imported: bool,
}

/// The wishes of one person, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishRecord {
    /// Whose.
    pub person: PersonId,
    /// What.
    pub wishes: Wishes,
}

/// Somebody on an organiser's list who has not come yet. Whoever joins under this name at this site
/// finds these wishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// Their name, cleaned.
    pub name: String,
    /// Where they are expected.
    pub site: Key,
    /// What the list says.
    pub wishes: Wishes,
    /// The group that the list gives them.
    #[serde(default)]
    pub workshop: Option<WorkshopId>,
}

/// Who is where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Who.
    pub person: PersonId,
    /// Where.
    pub workshop: WorkshopId,
    /// A facilitator said so: proposals go around it.
    #[serde(default)]
    pub pinned: bool,
}

/// How many people a group takes, as a facilitator has set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeSetting {
    /// Which.
    pub workshop: WorkshopId,
    /// At least.
    #[serde(default)]
    pub min: Option<u32>,
    /// At most.
    #[serde(default)]
    pub max: Option<u32>,
}

/// What the last proposal was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// How it came about.
    pub method: Method,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its points; fewer are better.
    pub points: i64,
    /// No placement that keeps the rules has fewer, where that is known.
    pub bound: Option<i64>,
}

/// What everybody sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who is where.
    pub places: Vec<Place>,
}

/// The groups of an event: one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// Moves with every change by a facilitator. Whoever changes says which one they have seen.
    pub revision: u64,
    /// Moves with every change, those of late arrivals too.
    pub version: u64,
    /// Sizes, where somebody has set them.
    #[serde(default)]
    pub sizes: Vec<SizeSetting>,
    /// What facilitators work on.
    #[serde(default)]
    pub draft: Vec<Place>,
    /// The last proposal.
    #[serde(default)]
    pub proposed: Option<Proposed>,
    /// What everybody sees.
    #[serde(default)]
    pub published: Option<Published>,
    /// What everybody saw before the last publication, while that can be taken back.
    #[serde(default)]
    pub before: Option<Published>,
    /// Until when it can, in milliseconds since 1970.
    #[serde(default)]
    pub undo_until_ms: u64,
}

/// Why groups were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupsError {
    /// Somebody else was faster.
    #[error("somebody else has changed the groups meanwhile")]
    Stale,
    /// Wishes can no longer be changed.
    #[error("the groups are published")]
    Published,
    /// There is nothing to publish.
    #[error("nobody has a group yet")]
    Nothing,
    /// A publication is taken back within some seconds, or not at all.
    #[error("it is too late to take this back")]
    UndoOver,
}
