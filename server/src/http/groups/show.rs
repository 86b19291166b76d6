//! Groups as the pages read them. Names come from the list of people; here are ids, numbers, codes.

use super::{BTreeMap, BTreeSet, Forming, Place, build, explain, fold};
use crate::event::groups::explain::{Choice, Relaxed, Why};
use crate::event::groups::model::{Proposed, Wishes};
use sangam_shared::ids::{PersonId, WorkshopId};
use sangam_shared::limits;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Groups {
    revision: u64,
    /// When, in milliseconds since 1970; nothing while nobody sees them.
    published_at_ms: Option<u64>,
    /// The draft is not what everybody sees.
    unpublished_changes: bool,
    /// Milliseconds left to take the publication back.
    undo_ms: u64,
    workshops: Vec<GroupView>,
    people: Vec<PlacedView>,
    relaxed: Vec<Relaxed>,
    proposed: Option<Proposed>,
    totals: Totals,
    /// People on a list who have not come.
    waiting: usize,
}

#[derive(Serialize)]
struct GroupView {
    id: WorkshopId,
    number: u32,
    /// What a facilitator has set.
    set: (Option<u32>, Option<u32>),
    min: usize,
    max: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlacedView {
    person: PersonId,
    workshop: Option<WorkshopId>,
    pinned: bool,
    choices: Vec<WorkshopId>,
    tags: Vec<String>,
    could_lead: bool,
    with: Option<PersonId>,
    languages: Vec<String>,
    why: Option<Why>,
}

#[derive(Default, Serialize)]
struct Totals {
    people: usize,
    wishes: usize,
    first: usize,
    second: usize,
    third: usize,
    other: usize,
    open: usize,
}

pub(super) fn groups(standing: &Forming, now_ms: u64) -> Groups {
    let grouping = &standing.grouping;
    let (ground, places) = standing.placed(&grouping.draft);
    let why: BTreeMap<PersonId, Why> =
        ground.people.iter().copied().zip(explain::reasons(&ground, &places)).collect();
    let draft: BTreeMap<PersonId, &Place> = grouping.draft.iter().map(|p| (p.person, p)).collect();
    let nothing = Wishes::default();
    let mut totals = Totals { people: standing.people.len(), ..Totals::default() };
    let mut people = Vec::new();
    for person in &standing.people {
        let wishes = standing.wishes.get(&person.id).unwrap_or(&nothing);
        let place = draft.get(&person.id);
        let why = why.get(&person.id).cloned();
        totals.wishes += usize::from(!wishes.choices.is_empty());
        match why.as_ref().map(|why| why.choice) {
            Some(Choice::First) => totals.first += 1,
            Some(Choice::Second) => totals.second += 1,
            Some(Choice::Third) => totals.third += 1,
            Some(Choice::Other) => totals.other += 1,
            Some(Choice::Open) => totals.open += 1,
            None => {}
        }
        people.push(PlacedView {
            person: person.id,
            workshop: place.map(|place| place.workshop),
            pinned: place.is_some_and(|place| place.pinned),
            choices: wishes.choices.clone(),
            tags: wishes.tags.clone(),
            could_lead: wishes.could_lead,
            with: mutual(standing, person.id),
            languages: person.languages.clone(),
            why,
        });
    }
    let seats = build::seats(&standing.event, grouping, standing.people.len());
    let group = |(workshop, seats): (&crate::event::model::Workshop, &_)| {
        let set = grouping.sizes.iter().find(|size| size.workshop == workshop.id);
        let crate::event::groups::problem::Seats { min, max } = *seats;
        let set = set.map_or((None, None), |set| (set.min, set.max));
        GroupView { id: workshop.id, number: workshop.number, set, min, max }
    };
    let seen = grouping.published.as_ref();
    Groups {
        revision: grouping.revision,
        published_at_ms: seen.map(|published| published.at_ms),
        unpublished_changes: !grouping.draft.is_empty()
            && seen.is_none_or(|seen| where_are(&seen.places) != where_are(&grouping.draft)),
        undo_ms: seen.map_or(0, |_| grouping.undo_until_ms.saturating_sub(now_ms)),
        workshops: standing.event.workshops.iter().zip(&seats).map(group).collect(),
        people,
        relaxed: if places.is_empty() { Vec::new() } else { explain::relaxed(&ground, &places) },
        proposed: grouping.proposed,
        totals,
        waiting: standing.waiting,
    }
}

fn where_are(places: &[Place]) -> BTreeMap<PersonId, WorkshopId> {
    places.iter().map(|place| (place.person, place.workshop)).collect()
}

/// The colleague with whom somebody stays: both have said so.
fn mutual(standing: &Forming, person: PersonId) -> Option<PersonId> {
    let names = |id: &PersonId| build::named(standing.wishes.get(id)?, &standing.people);
    let other = names(&person)?;
    (names(&other) == Some(person)).then_some(other)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Own {
    /// Whether wishes can be changed.
    open: bool,
    published: bool,
    wishes: Option<OwnWishes>,
    /// Who has said that they would stay with me, and I have not answered.
    asked_by: Vec<PersonId>,
    /// Whether the colleague whom I named has named me.
    mutual: bool,
    /// Tags that others use.
    tags: Vec<String>,
    group: Option<OwnGroup>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnWishes {
    choices: Vec<WorkshopId>,
    tags: Vec<String>,
    could_lead: bool,
    with: Option<PersonId>,
}

#[derive(Serialize)]
struct OwnGroup {
    workshop: WorkshopId,
    why: Why,
    members: Vec<PersonId>,
}

pub(super) fn own(standing: &Forming, person: PersonId) -> Own {
    let published = standing.grouping.published.as_ref();
    let group = published.and_then(|published| {
        let place = published.places.iter().find(|place| place.person == person)?;
        let (ground, places) = standing.placed(&published.places);
        let index = ground.people.iter().position(|id| *id == person)?;
        let there = published.places.iter().filter(|p| p.workshop == place.workshop);
        Some(OwnGroup {
            workshop: place.workshop,
            why: explain::reason(&ground, &places, index),
            members: there.map(|place| place.person).collect(),
        })
    });
    let named = |wishes: &Wishes| build::named(wishes, &standing.people);
    let wishes = standing.wishes.get(&person);
    let with = wishes.and_then(named);
    let asked = standing.wishes.iter().filter(|(id, wishes)| {
        **id != person && named(wishes) == Some(person) && with != Some(**id)
    });
    Own {
        open: group.is_none(),
        published: published.is_some(),
        asked_by: asked.map(|(id, _)| *id).collect(),
        mutual: mutual(standing, person).is_some(),
        wishes: wishes.map(|wishes| OwnWishes {
            choices: wishes.choices.clone(),
            tags: wishes.tags.clone(),
            could_lead: wishes.could_lead,
            with,
        }),
        tags: suggestions(standing),
        group,
    }
}

/// The tags that several people use, most used first; then the commons of the event.
fn suggestions(standing: &Forming) -> Vec<String> {
    let mut users: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    for tag in standing.wishes.values().flat_map(|wishes| &wishes.tags) {
        users.entry(fold(tag)).or_insert((0, tag)).0 += 1;
    }
    let mut used: Vec<_> = users
        .into_values()
        .filter(|(users, _)| *users >= limits::TAG_SUGGESTED_USERS_MIN)
        .collect();
    used.sort_by_key(|(users, tag)| (std::cmp::Reverse(*users), *tag));
    let commons = standing.event.commons.iter().map(|common| common.name.as_str());
    let commons = commons.filter(|name| name.chars().count() <= limits::TAG_CHARS_MAX);
    let mut seen = BTreeSet::new();
    let all = used.into_iter().map(|(_, tag)| tag).chain(commons);
    let fresh = all.filter(|tag| seen.insert(fold(tag)));
    fresh.take(limits::TAGS_SUGGESTED_MAX).map(str::to_owned).collect()
}
