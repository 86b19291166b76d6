//! From records to the numbers of [`super::problem`], and back.

use super::model::{Grouping, Invitation, Wishes};
use super::problem::{Member, Problem, Seats};
use crate::event::model::{Event, Person};
use crate::event::names;
use sangam_shared::ids::{Key, PersonId, WorkshopId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What people of an event would like, by person.
pub type WishesOf = BTreeMap<PersonId, Wishes>;

/// A problem, and what its indices mean.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The numbers.
    pub problem: Problem,
    /// Who they are.
    pub people: Vec<PersonId>,
    /// What groups they are.
    pub workshops: Vec<WorkshopId>,
    /// What sites.
    pub sites: Vec<Key>,
    /// What languages.
    pub languages: Vec<String>,
    /// What tags, as the first person wrote them.
    pub tags: Vec<String>,
}

/// How a name or a tag is compared: whatever its case.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A tag as it is kept; nothing where nothing is left of it.
///
/// # Errors
/// Where it is too long.
pub fn clean_tag(text: &str) -> Result<Option<String>, names::NameError> {
    let text = text.trim().trim_start_matches('#');
    match names::clean(text, sangam_shared::limits::TAG_CHARS_MAX) {
        Ok(tag) => Ok(Some(tag)),
        Err(names::NameError::Empty) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Everybody's wishes: their own, or those of the list on which their name stands at their site. Each
/// line of the list is for one person, the first who came.
#[must_use]
pub fn wishes_of(
    people: &[Person],
    own: &WishesOf,
    invitations: &[Invitation],
) -> (WishesOf, BTreeMap<PersonId, Invitation>) {
    let mut invited: HashMap<(String, &Key), &Invitation> =
        invitations.iter().map(|one| ((fold(&one.name), &one.site), one)).collect();
    let mut wishes = BTreeMap::new();
    let mut matched = BTreeMap::new();
    for person in people {
        let invitation = invited.remove(&(fold(&person.name), &person.site));
        if let Some(invitation) = invitation {
            matched.insert(person.id, invitation.clone());
        }
        let listed = invitation.map(|invitation| &invitation.wishes);
        if let Some(found) = own.get(&person.id).or(listed) {
            wishes.insert(person.id, found.clone());
        }
    }
    (wishes, matched)
}

/// The colleague whom somebody has named, as a person of the event.
#[must_use]
pub fn named(wishes: &Wishes, people: &[Person]) -> Option<PersonId> {
    if let Some(with) = wishes.with {
        return people.iter().any(|person| person.id == with).then_some(with);
    }
    let name = fold(wishes.with_name.as_deref()?);
    let mut same = people.iter().filter(|person| fold(&person.name) == name);
    // Of two people with one name, the list does not say which.
    same.next().filter(|_| same.next().is_none()).map(|person| person.id)
}

/// The seats of every group: what was set, else the event's capacity, else some air around an even
/// share. `people` is how many there are to place.
#[must_use]
pub fn seats(event: &Event, grouping: &Grouping, people: usize) -> Vec<Seats> {
    let even = people.div_ceil(event.workshops.len().max(1));
    let seats = event.workshops.iter().map(|workshop| {
        let set = grouping.sizes.iter().find(|size| size.workshop == workshop.id);
        let number = |n: Option<u32>| n.and_then(|n| usize::try_from(n).ok());
        let min = set.and_then(|set| number(set.min));
        let max = set.and_then(|set| number(set.max)).or(number(workshop.capacity));
        match (min, max) {
            (Some(min), Some(max)) => Seats { min: min.min(max), max },
            (None, Some(max)) => Seats { min: (even / 2).min(max), max },
            (min, None) => {
                let min = min.unwrap_or(even / 2);
                Seats { min, max: (even * 3).div_ceil(2).max(min) }
            }
        }
    });
    seats.collect()
}

/// The problem of placing `people`, in this order. `pins` says who has to be where; `all` is how many
/// people the event has, which decides on sizes that nobody has set.
#[must_use]
pub fn ground(
    event: &Event,
    grouping: &Grouping,
    people: &[Person],
    wishes: &WishesOf,
    pins: &BTreeMap<PersonId, WorkshopId>,
    all: usize,
) -> Ground {
    let workshops: Vec<WorkshopId> = event.workshops.iter().map(|w| w.id).collect();
    let sites: Vec<Key> = event.sites.iter().map(|site| site.key.clone()).collect();
    let at: HashMap<PersonId, usize> =
        people.iter().enumerate().map(|(index, person)| (person.id, index)).collect();
    let group = |id: &WorkshopId| workshops.iter().position(|workshop| workshop == id);
    let mut languages = Names::default();
    let mut tags = Names::default();
    let nothing = Wishes::default();
    let members = people.iter().map(|person| {
        let wishes = wishes.get(&person.id).unwrap_or(&nothing);
        // Whoever ticked no language speaks that of their screen.
        let own = std::slice::from_ref(&person.language);
        let spoken = if person.languages.is_empty() { own } else { &person.languages };
        let spoken = spoken.iter().map(|tag| tag.split('-').next().unwrap_or_default());
        Member {
            site: sites.iter().position(|site| *site == person.site).unwrap_or(0),
            languages: spoken
                .map(|tag| languages.index(tag))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            choices: wishes.choices.iter().filter_map(group).collect(),
            lead: wishes.could_lead,
            tags: wishes
                .tags
                .iter()
                .map(|tag| tags.index(tag))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            pin: pins.get(&person.id).and_then(group),
            partner: named(wishes, people).and_then(|id| at.get(&id).copied()),
        }
    });
    let mut members: Vec<Member> = members.collect();
    for (index, member) in members.iter_mut().enumerate() {
        member.partner = member.partner.filter(|partner| *partner != index);
    }
    let problem =
        Problem { people: members, groups: seats(event, grouping, all), sites: sites.len() };
    let people = people.iter().map(|person| person.id).collect();
    Ground { problem, people, workshops, sites, languages: languages.texts, tags: tags.texts }
}

#[derive(Default)]
struct Names {
    texts: Vec<String>,
    known: HashMap<String, usize>,
}

impl Names {
    fn index(&mut self, text: &str) -> usize {
        let next = self.texts.len();
        let index = *self.known.entry(fold(text)).or_insert(next);
        if index == next {
            self.texts.push(text.to_owned());
        }
        index
    }
}
