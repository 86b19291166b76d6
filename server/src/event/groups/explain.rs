//! Why somebody is where they are, and which rules could not be kept: codes and parameters. Their
//! words stand in the message files. Pure.

use super::build::Ground;
use super::problem::{Board, Problem};
use sangam_shared::ids::{Key, PersonId, WorkshopId};
use serde::Serialize;

/// What a group is among somebody's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The first.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// None of those that were chosen.
    Other,
    /// They have not chosen.
    Open,
}

/// What speaks for it most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Because {
    /// A facilitator said so.
    Pinned,
    /// With the colleague with whom they stay.
    With {
        /// Who that is.
        person: PersonId,
    },
    /// Nobody else of the group could lead.
    Leads,
    /// Without them, others of the group would not understand each other.
    Between {
        /// What they speak.
        languages: Vec<String>,
    },
    /// What they would have liked more has no seat left.
    Full {
        /// Those groups.
        workshops: Vec<WorkshopId>,
    },
    /// Their site would be too few there.
    Site {
        /// Which.
        site: Key,
    },
    /// Others there work on the same.
    Tag {
        /// On what.
        tag: String,
        /// How many others.
        count: u32,
    },
}

/// One placement, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Among their choices.
    pub choice: Choice,
    /// What else speaks for it.
    pub because: Option<Because>,
}

/// A rule that could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Relaxed {
    /// More people than seats, all groups together.
    TooMany {
        /// People.
        people: usize,
        /// Seats.
        seats: usize,
    },
    /// Fewer people than all groups need.
    TooFew {
        /// People.
        people: usize,
        /// Needed.
        needed: usize,
    },
    /// A group above its size.
    Over {
        /// Which.
        workshop: WorkshopId,
        /// People.
        people: usize,
        /// At most.
        max: usize,
    },
    /// A group below its size.
    Short {
        /// Which.
        workshop: WorkshopId,
        /// People.
        people: usize,
        /// At least.
        min: usize,
    },
    /// Fewer people could lead than there are groups.
    FewLeads {
        /// Who could.
        people: usize,
        /// Groups.
        groups: usize,
    },
    /// A group in which nobody could lead.
    NoLead {
        /// Which.
        workshop: WorkshopId,
    },
    /// A group in which people cannot talk, not even through somebody else.
    Unheard {
        /// Which.
        workshop: WorkshopId,
        /// One of them.
        a: PersonId,
        /// Whom they do not understand.
        b: PersonId,
        /// So many pairs.
        pairs: i64,
    },
    /// Colleagues whom two pins part.
    Parted {
        /// One.
        a: PersonId,
        /// The other.
        b: PersonId,
    },
}

/// Why everybody is where they are: one for each person of the ground.
#[must_use]
pub fn reasons(ground: &Ground, places: &[usize]) -> Vec<Why> {
    let mut board = Board::new(&ground.problem, places);
    (0..places.len()).map(|person| why(ground, &mut board, places, person)).collect()
}

/// Why one person is where they are.
#[must_use]
pub fn reason(ground: &Ground, places: &[usize], person: usize) -> Why {
    why(ground, &mut Board::new(&ground.problem, places), places, person)
}

fn why(ground: &Ground, board: &mut Board<'_>, places: &[usize], person: usize) -> Why {
    let problem = &ground.problem;
    let member = &problem.people[person];
    let place = places[person];
    let rank = member.choices.iter().position(|choice| *choice == place);
    let choice = match rank {
        _ if member.choices.is_empty() => Choice::Open,
        Some(0) => Choice::First,
        Some(1) => Choice::Second,
        Some(_) => Choice::Third,
        None => Choice::Other,
    };
    let better = &member.choices[..rank.unwrap_or(member.choices.len())];
    let full: Vec<_> =
        better.iter().filter(|group| board.size(**group) >= problem.groups[**group].max).collect();
    let workshops: Vec<_> = full.into_iter().map(|group| ground.workshops[*group]).collect();
    let full = (!workshops.is_empty()).then_some(Because::Full { workshops });
    let because = if member.pin == Some(place) {
        Some(Because::Pinned)
    } else if let Some(partner) = problem.partner(person).filter(|p| places[*p] == place) {
        Some(Because::With { person: ground.people[partner] })
    } else if let Some(full) = full.clone().filter(|_| choice == Choice::Other) {
        Some(full)
    } else if member.lead && board.numbers(place).2 == 1 {
        Some(Because::Leads)
    } else if is_between(board, person, place) {
        let languages = member.languages.iter().map(|l| ground.languages[*l].clone()).collect();
        Some(Because::Between { languages })
    } else {
        adds_site(ground, board, person, place)
            .or(full)
            .or_else(|| shares_tag(ground, board, person, place))
    };
    Why { choice, because }
}

/// Whether others there would not understand each other without them.
fn is_between(board: &mut Board<'_>, person: usize, place: usize) -> bool {
    let with = board.judge(place).unheard;
    board.take(person, place);
    let without = board.judge(place).unheard;
    board.put(person, place);
    without > with
}

/// Their site, if it is a smaller one and has no more than its share there.
fn adds_site(ground: &Ground, board: &Board<'_>, person: usize, place: usize) -> Option<Because> {
    let site = ground.problem.people[person].site;
    let all = ground.problem.people.len();
    let of_site = ground.problem.people.iter().filter(|member| member.site == site).count();
    let (people, sites, ..) = board.numbers(place);
    let few = sites[site] == 1 || sites[site] * all <= people * of_site;
    let smaller = of_site * 2 <= all && people > 1;
    (few && smaller).then(|| Because::Site { site: ground.sites[site].clone() })
}

fn shares_tag(ground: &Ground, board: &Board<'_>, person: usize, place: usize) -> Option<Because> {
    let (.., tags) = board.numbers(place);
    let own = &ground.problem.people[person].tags;
    let most = own.iter().max_by_key(|tag| (tags[**tag], std::cmp::Reverse(**tag)))?;
    let count = tags[*most].saturating_sub(1);
    (count > 0).then(|| Because::Tag { tag: ground.tags[*most].clone(), count })
}

/// What a placement does not keep, the most important first.
#[must_use]
pub fn relaxed(ground: &Ground, places: &[usize]) -> Vec<Relaxed> {
    let Ground { problem, people, workshops, .. } = ground;
    let mut found = Vec::new();
    let all = places.len();
    let seats: usize = problem.groups.iter().map(|seats| seats.max).sum();
    let needed: usize = problem.groups.iter().map(|seats| seats.min).sum();
    if all > seats {
        found.push(Relaxed::TooMany { people: all, seats });
    }
    if all < needed {
        found.push(Relaxed::TooFew { people: all, needed });
    }
    let leads = problem.people.iter().filter(|member| member.lead).count();
    if leads < problem.groups.len() && all > 0 {
        found.push(Relaxed::FewLeads { people: leads, groups: problem.groups.len() });
    }
    let board = Board::new(problem, places);
    for (group, (workshop, seats)) in workshops.iter().zip(&problem.groups).enumerate() {
        let score = board.judge(group);
        let (size, workshop) = (board.size(group), *workshop);
        if score.over > 0 {
            found.push(Relaxed::Over { workshop, people: size, max: seats.max });
        }
        if score.short > 0 {
            found.push(Relaxed::Short { workshop, people: size, min: seats.min });
        }
        if score.leadless > 0 {
            found.push(Relaxed::NoLead { workshop });
        }
        if let Some((a, b)) = unheard(problem, places, group).filter(|_| score.unheard > 0) {
            let (a, b) = (people[a], people[b]);
            found.push(Relaxed::Unheard { workshop, a, b, pairs: score.unheard });
        }
    }
    for (index, member) in problem.people.iter().enumerate() {
        let mutual = |p: &usize| problem.people.get(*p).is_some_and(|m| m.partner == Some(index));
        let partner = member.partner.filter(|p| *p > index).filter(mutual);
        if let Some(partner) = partner.filter(|p| places[*p] != places[index]) {
            found.push(Relaxed::Parted { a: people[index], b: people[partner] });
        }
    }
    found
}

/// Two people of a group who cannot talk.
fn unheard(problem: &Problem, places: &[usize], group: usize) -> Option<(usize, usize)> {
    let here: Vec<usize> = (0..places.len()).filter(|person| places[*person] == group).collect();
    let spoken = |person: usize| &problem.people[person].languages;
    let shares = |a: usize, b: usize| spoken(a).iter().any(|l| spoken(b).contains(l));
    let pairs = here.iter().flat_map(|a| here.iter().map(move |b| (*a, *b)));
    pairs.into_iter().filter(|(a, b)| a < b).find(|(a, b)| {
        let said = !spoken(*a).is_empty() && !spoken(*b).is_empty();
        said && !shares(*a, *b) && !here.iter().any(|c| shares(*a, *c) && shares(*b, *c))
    })
}
