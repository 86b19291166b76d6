//! Who could be where, and what that is worth: the rules of groups, as numbers. Pure.
//!
//! The rules stand in [`Score`], the most important first. Those above `wishes` are rules that hold
//! wherever they can; `wishes` is what is left to weigh against each other.

use std::ops::{Add, AddAssign, Sub};

/// What it costs when somebody gets their second choice, in points. The first is free.
pub const SECOND_CHOICE: i64 = 1_000;
/// The third choice.
pub const THIRD_CHOICE: i64 = 2_200;
/// None of what was chosen: worse than five second choices, so that it happens last.
pub const NO_CHOICE: i64 = 6_000;
/// One person more or less of a site than its share of the group, beyond the first.
pub const SITE_OFF: i64 = 400;
/// Somebody with tags, and nobody in the group who shares one.
pub const TAG_ALONE: i64 = 200;
/// Different sets of languages that are told apart.
const PROFILES_MAX: usize = 128;

/// Everything that a placement is judged by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// In a fixed order, so that the same people give the same groups.
    pub people: Vec<Member>,
    /// In the order of the workshops.
    pub groups: Vec<Seats>,
    /// How many sites there are.
    pub sites: usize,
}

/// One person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// Index of their site.
    pub site: usize,
    /// The languages that they speak, as indices, sorted.
    pub languages: Vec<usize>,
    /// The groups that they would like, best first; at most three.
    pub choices: Vec<usize>,
    /// Could lead.
    pub lead: bool,
    /// What they work on, as indices, sorted.
    pub tags: Vec<usize>,
    /// The group in which a facilitator wants them.
    pub pin: Option<usize>,
    /// Index of the colleague with whom they stay: mutual.
    pub partner: Option<usize>,
}

/// One group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    /// At least so many.
    pub min: usize,
    /// At most so many.
    pub max: usize,
}

/// How bad a placement is; smaller is better, the first that differs decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// People beyond the seats, squared for each group, so that too many are spread.
    pub over: i64,
    /// Pairs of people in one group who share no language, and nobody there speaks one of each.
    pub unheard: i64,
    /// People that groups lack to be large enough, squared.
    pub short: i64,
    /// Groups without anybody who could lead.
    pub leadless: i64,
    /// Points: choices not met, sites out of balance, tags without company.
    pub wishes: i64,
}

impl Add for Score {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            over: self.over + other.over,
            unheard: self.unheard + other.unheard,
            short: self.short + other.short,
            leadless: self.leadless + other.leadless,
            wishes: self.wishes + other.wishes,
        }
    }
}

impl Sub for Score {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            over: self.over - other.over,
            unheard: self.unheard - other.unheard,
            short: self.short - other.short,
            leadless: self.leadless - other.leadless,
            wishes: self.wishes - other.wishes,
        }
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Score {
    /// Every rule holds.
    #[must_use]
    pub fn keeps_rules(&self) -> bool {
        Self { wishes: 0, ..*self } == Self::default()
    }
}

impl Member {
    /// What it costs to place them there, by their choices alone.
    #[must_use]
    pub fn cost(&self, group: usize) -> i64 {
        match self.choices.iter().position(|choice| *choice == group) {
            _ if self.choices.is_empty() => 0,
            Some(0) => 0,
            Some(1) => SECOND_CHOICE,
            Some(_) => THIRD_CHOICE,
            None => NO_CHOICE,
        }
    }
}

/// People who are placed together: one, or a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Indices of its people.
    pub people: Vec<usize>,
    /// Where it has to be.
    pub pin: Option<usize>,
    /// Its cost in each group.
    pub costs: Vec<i64>,
}

impl Problem {
    /// People and pairs, in the order of their first person. A pair that two pins tear apart is two.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let mut units = Vec::with_capacity(self.people.len());
        for (index, member) in self.people.iter().enumerate() {
            let partner = self.partner(index);
            match partner {
                Some(other) if other < index => {}
                Some(other) => units.push(self.unit(vec![index, other])),
                None => units.push(self.unit(vec![index])),
            }
            debug_assert!(member.partner != Some(index));
        }
        units
    }

    /// The colleague with whom somebody is really placed: named by both, not torn apart by pins.
    #[must_use]
    pub fn partner(&self, index: usize) -> Option<usize> {
        let member = &self.people[index];
        let other = member.partner.filter(|other| *other != index)?;
        let theirs = self.people.get(other)?;
        let torn = matches!((member.pin, theirs.pin), (Some(a), Some(b)) if a != b);
        (theirs.partner == Some(index) && !torn).then_some(other)
    }

    fn unit(&self, people: Vec<usize>) -> Unit {
        let pin = people.iter().find_map(|p| self.people[*p].pin);
        let cost = |group| people.iter().map(|p| self.people[*p].cost(group)).sum();
        let costs = (0..self.groups.len()).map(cost).collect();
        Unit { people, pin, costs }
    }

    /// The score of a whole placement: a group for every person.
    #[must_use]
    pub fn score(&self, places: &[usize]) -> Score {
        let board = Board::new(self, places);
        board.total()
    }
}

/// A placement with its counts, so that a change is judged by the groups that it touches.
#[derive(Clone)]
pub struct Board<'p> {
    problem: &'p Problem,
    languages: Languages,
    /// People of each site, of all.
    of_site: Vec<usize>,
    groups: Vec<Tally>,
    /// Work done: groups judged.
    pub judged: u64,
}

/// One group in numbers.
#[derive(Clone, Debug, Default)]
struct Tally {
    people: usize,
    sites: Vec<usize>,
    profiles: Vec<usize>,
    /// Bit per profile that is there.
    present: u128,
    leads: usize,
    /// People by tag; those who share none are counted by walking `tagged`.
    tags: Vec<u32>,
    /// The people who have tags.
    tagged: Vec<usize>,
    cost: i64,
}

impl<'p> Board<'p> {
    /// Counts a placement.
    #[must_use]
    pub fn new(problem: &'p Problem, places: &[usize]) -> Self {
        let languages = Languages::new(problem);
        let mut of_site = vec![0; problem.sites];
        for member in &problem.people {
            of_site[member.site] += 1;
        }
        let tags = problem.people.iter().flat_map(|m| &m.tags).max().map_or(0, |max| max + 1);
        let empty = Tally {
            sites: vec![0; problem.sites],
            profiles: vec![0; languages.between.len()],
            tags: vec![0; tags],
            ..Tally::default()
        };
        let groups = vec![empty; problem.groups.len()];
        let mut board = Self { problem, languages, of_site, groups, judged: 0 };
        for (person, group) in places.iter().enumerate() {
            board.put(person, *group);
        }
        board
    }

    /// Adds a person to a group.
    pub fn put(&mut self, person: usize, group: usize) {
        let member = &self.problem.people[person];
        let tally = &mut self.groups[group];
        tally.people += 1;
        tally.sites[member.site] += 1;
        tally.leads += usize::from(member.lead);
        tally.cost += member.cost(group);
        if let Some(profile) = self.languages.of[person] {
            tally.profiles[profile] += 1;
            tally.present |= 1 << profile;
        }
        for tag in &member.tags {
            tally.tags[*tag] += 1;
        }
        if !member.tags.is_empty() {
            tally.tagged.push(person);
        }
    }

    /// Takes a person out of the group in which they are.
    pub fn take(&mut self, person: usize, group: usize) {
        let member = &self.problem.people[person];
        let tally = &mut self.groups[group];
        tally.people -= 1;
        tally.sites[member.site] -= 1;
        tally.leads -= usize::from(member.lead);
        tally.cost -= member.cost(group);
        if let Some(profile) = self.languages.of[person] {
            tally.profiles[profile] -= 1;
            if tally.profiles[profile] == 0 {
                tally.present &= !(1 << profile);
            }
        }
        for tag in &member.tags {
            tally.tags[*tag] -= 1;
        }
        // From the end: whoever was just put there is taken first.
        if let Some(at) = tally.tagged.iter().rposition(|p| *p == person) {
            tally.tagged.swap_remove(at);
        }
    }

    /// How many are in a group.
    #[must_use]
    pub fn size(&self, group: usize) -> usize {
        self.groups[group].people
    }

    /// All groups together.
    #[must_use]
    pub fn total(&self) -> Score {
        (0..self.groups.len()).fold(Score::default(), |sum, group| sum + self.judge(group))
    }

    /// One group, and one more judgement on the bill.
    pub fn weigh(&mut self, group: usize) -> Score {
        self.judged += 1;
        self.judge(group)
    }

    /// One group.
    #[must_use]
    pub fn judge(&self, group: usize) -> Score {
        let Tally { people, leads, cost, .. } = self.groups[group];
        let Seats { min, max } = self.problem.groups[group];
        let square = |n: usize| i64::try_from(n * n).unwrap_or(i64::MAX / 4096);
        Score {
            over: square(people.saturating_sub(max)),
            unheard: self.unheard(group),
            short: square(min.saturating_sub(people)),
            // An empty group does not meet: nobody is missed there.
            leadless: i64::from(people > 0 && leads == 0),
            wishes: cost + self.imbalance(group) + self.loneliness(group),
        }
    }

    /// Pairs of people who cannot talk, not even through somebody else of the group.
    fn unheard(&self, group: usize) -> i64 {
        let tally = &self.groups[group];
        let mut pairs = 0;
        let mut left = tally.present;
        while left != 0 {
            let a = left.trailing_zeros() as usize;
            left &= left - 1;
            let mut apart = self.languages.apart[a] & left;
            while apart != 0 {
                let b = apart.trailing_zeros() as usize;
                apart &= apart - 1;
                if self.languages.between[a][b] & tally.present == 0 {
                    pairs += tally.profiles[a] * tally.profiles[b];
                }
            }
        }
        i64::try_from(pairs).unwrap_or(i64::MAX / 4096)
    }

    /// How far the sites are from their share of the group, beyond one person each.
    fn imbalance(&self, group: usize) -> i64 {
        let tally = &self.groups[group];
        let all = self.problem.people.len();
        let off = |(here, of_site): (&usize, &usize)| {
            let distance = (here * all).abs_diff(tally.people * of_site).saturating_sub(all);
            i64::try_from(distance).unwrap_or(i64::MAX / 4096) * SITE_OFF
        };
        let off: i64 = tally.sites.iter().zip(&self.of_site).map(off).sum();
        off / i64::try_from(all.max(1)).unwrap_or(i64::MAX)
    }

    /// People who work on something that nobody else of the group works on.
    fn loneliness(&self, group: usize) -> i64 {
        let tally = &self.groups[group];
        let alone = |person: &&usize| {
            self.problem.people[**person].tags.iter().all(|tag| tally.tags[*tag] < 2)
        };
        i64::try_from(tally.tagged.iter().filter(alone).count()).unwrap_or(0) * TAG_ALONE
    }

    /// What others read of a group: people, people by site, leads, people by tag.
    #[must_use]
    pub fn numbers(&self, group: usize) -> (usize, &[usize], usize, &[u32]) {
        let tally = &self.groups[group];
        (tally.people, &tally.sites, tally.leads, &tally.tags)
    }
}

/// Who can talk with whom, by sets of languages.
#[derive(Clone, Debug)]
struct Languages {
    /// Each person's profile; nothing where we cannot tell, and then no rule is applied.
    of: Vec<Option<usize>>,
    /// The profiles with which one shares nothing.
    apart: Vec<u128>,
    /// The profiles that share a language with both.
    between: Vec<Vec<u128>>,
}

impl Languages {
    fn new(problem: &Problem) -> Self {
        let mut profiles: Vec<&[usize]> = Vec::new();
        let mut known = std::collections::BTreeMap::new();
        let of = problem.people.iter().map(|member| {
            let set = member.languages.as_slice();
            if !set.is_empty() && !known.contains_key(set) && profiles.len() < PROFILES_MAX {
                known.insert(set, profiles.len());
                profiles.push(set);
            }
            known.get(set).copied()
        });
        let of = of.collect();
        let shares = |a: &[usize], b: &[usize]| a.iter().any(|language| b.contains(language));
        let mask = |test: &dyn Fn(&[usize]) -> bool| {
            let bits = profiles.iter().enumerate().filter(|(_, set)| test(set));
            bits.fold(0_u128, |mask, (bit, _)| mask | 1 << bit)
        };
        let apart = profiles.iter().map(|a| mask(&|b| !shares(a, b))).collect();
        let near: Vec<u128> = profiles.iter().map(|a| mask(&|b| shares(a, b))).collect();
        let between = near.iter().map(|a| near.iter().map(|b| a & b).collect()).collect();
        Self { of, apart, between }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaks(languages: &[usize]) -> Member {
        Member { languages: languages.to_vec(), lead: true, ..Member::default() }
    }

    fn one_group(people: Vec<Member>) -> Score {
        let places = vec![0; people.len()];
        Problem { people, groups: vec![Seats { min: 0, max: 9 }], sites: 1 }.score(&places)
    }

    #[test]
    fn two_people_are_heard_by_a_shared_language_or_by_somebody_between() {
        let (fr, en, hi) = (0, 1, 2);
        assert_eq!(one_group(vec![speaks(&[fr]), speaks(&[fr, en])]).unheard, 0);
        assert_eq!(one_group(vec![speaks(&[fr]), speaks(&[en])]).unheard, 1);
        assert_eq!(one_group(vec![speaks(&[fr]), speaks(&[en]), speaks(&[fr, en])]).unheard, 0);
        // Through two others is not enough: nobody translates a translation all afternoon.
        let chain = vec![speaks(&[fr]), speaks(&[fr, en]), speaks(&[en, hi]), speaks(&[hi])];
        assert_eq!(one_group(chain).unheard, 1);
        // Whoever said nothing is nobody's harm.
        assert_eq!(one_group(vec![speaks(&[]), speaks(&[en])]).unheard, 0);
    }

    #[test]
    fn a_group_is_as_mixed_as_all_are_give_or_take_one() {
        let from = |site| Member { site, lead: true, ..Member::default() };
        let people: Vec<_> = (0..12).map(|n| from(usize::from(n >= 8))).collect();
        let problem = Problem { people, groups: vec![Seats { min: 0, max: 9 }; 2], sites: 2 };
        // Four and two in each.
        let fair = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1];
        assert_eq!(problem.score(&fair).wishes, 0);
        // Two groups of six, one of them without the second site: four sites off by two, less one.
        let unfair = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
        assert_eq!(problem.score(&unfair).wishes, 4 * SITE_OFF);
    }

    #[test]
    fn taking_and_putting_leave_the_counts_as_they_were() {
        let mut people = vec![speaks(&[0]), speaks(&[1]), speaks(&[0, 1])];
        people[0].tags = vec![1, 3];
        people[2].tags = vec![3];
        people[1].choices = vec![1];
        let problem = Problem { people, groups: vec![Seats { min: 1, max: 2 }; 2], sites: 1 };
        let mut board = Board::new(&problem, &[0, 0, 1]);
        let before = board.total();
        for person in [0, 1] {
            board.take(person, 0);
            board.put(person, 1);
        }
        assert_ne!(board.total(), before);
        for person in [1, 0] {
            board.take(person, 1);
            board.put(person, 0);
        }
        assert_eq!(board.total(), before);
    }

    #[test]
    fn the_first_rule_that_differs_decides() {
        let over = Score { over: 1, ..Score::default() };
        let wishes = Score { wishes: 1_000_000, ..Score::default() };
        assert!(over > wishes && wishes > Score::default());
        assert!(wishes.keeps_rules() && !over.keeps_rules());
    }

    #[test]
    fn a_pair_is_one_unless_pins_tear_it_apart() {
        let with = |partner, pin| Member { partner: Some(partner), pin, ..Member::default() };
        let problem = |people| Problem { people, groups: vec![Seats::default(); 2], sites: 1 };
        let both = problem(vec![with(1, None), with(0, Some(1))]);
        assert_eq!(both.units().len(), 1);
        assert_eq!(both.units()[0].pin, Some(1));
        assert_eq!(problem(vec![with(1, Some(0)), with(0, Some(1))]).units().len(), 2);
        let one_sided = problem(vec![with(1, None), Member::default()]);
        assert_eq!(one_sided.units().len(), 2);
    }
}
