//! Makes a placement better, one move, exchange or round of three at a time, until none is left that
//! helps or the work allowed is done. Pure: its dice are seeded, its limit is counted, not timed.

use super::problem::{Board, Problem, Score, Unit};

/// Groups that are judged at most: some 0.3 s for 500 people.
const WORK_MAX: u64 = 2_500_000;
/// Random rounds of three, after exchanges no longer help, for each unit.
const ROUNDS_PER_UNIT: usize = 200;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// No move and no exchange makes it better.
    Settled,
    /// There was no time for more.
    Early,
}

/// Improves `places` (a group for every unit) in place. `stop` is asked now and then.
pub(super) fn improve(
    problem: &Problem,
    units: &[Unit],
    places: &mut [usize],
    stop: &dyn Fn() -> bool,
) -> Ended {
    let mut search = Search::new(problem, units, places, stop);
    let mut ended = search.descend();
    if ended == Ended::Settled {
        search.rounds();
        ended = search.descend();
    }
    places.copy_from_slice(&search.places);
    ended
}

/// A group for every person, of one for every unit.
#[must_use]
pub(super) fn people(problem: &Problem, units: &[Unit], places: &[usize]) -> Vec<usize> {
    let mut people = vec![0; problem.people.len()];
    for (unit, place) in units.iter().zip(places) {
        for person in &unit.people {
            people[*person] = *place;
        }
    }
    people
}

struct Search<'p> {
    units: &'p [Unit],
    places: Vec<usize>,
    board: Board<'p>,
    scores: Vec<Score>,
    /// What the choices alone cost in each group.
    costs: Vec<i64>,
    /// Those that may move.
    free: Vec<usize>,
    stop: &'p dyn Fn() -> bool,
    dice: u64,
}

/// One unit and the group that it goes to.
type Step = (usize, usize);

impl<'p> Search<'p> {
    fn new(
        problem: &'p Problem,
        units: &'p [Unit],
        places: &[usize],
        stop: &'p dyn Fn() -> bool,
    ) -> Self {
        let board = Board::new(problem, &people(problem, units, places));
        let groups = 0..problem.groups.len();
        let mut costs = vec![0; problem.groups.len()];
        for (unit, place) in units.iter().zip(places) {
            costs[*place] += unit.costs[*place];
        }
        Self {
            scores: groups.map(|group| board.judge(group)).collect(),
            free: (0..units.len()).filter(|unit| units[*unit].pin.is_none()).collect(),
            places: places.to_vec(),
            costs,
            units,
            board,
            stop,
            dice: 0x5EED_0F60_0D6A_0015,
        }
    }

    fn spent(&self) -> bool {
        self.board.judged > WORK_MAX || (self.stop)()
    }

    fn descend(&mut self) -> Ended {
        loop {
            let mut better = false;
            for at in 0..self.free.len() {
                if self.spent() {
                    return Ended::Early;
                }
                let unit = self.free[at];
                better |= self.best_move(unit);
                better |= self.exchanges(unit, at);
                better |= self.units[unit].people.len() > 1 && self.two_for_one(unit);
            }
            if !better {
                return Ended::Settled;
            }
        }
    }

    fn best_move(&mut self, unit: usize) -> bool {
        let mut best = (Score::default(), None);
        for group in 0..self.scores.len() {
            if group != self.places[unit] {
                let delta = self.delta(&[(unit, group)]);
                if delta < best.0 {
                    best = (delta, Some(group));
                }
            }
        }
        best.1.is_some_and(|group| self.go(&[(unit, group)]))
    }

    /// With everybody after it in the list, so that each pair is looked at once a round.
    fn exchanges(&mut self, unit: usize, at: usize) -> bool {
        let mut better = false;
        for other in at + 1..self.free.len() {
            let other = self.free[other];
            let (here, there) = (self.places[unit], self.places[other]);
            if here == there || !self.promises(unit, other) {
                continue;
            }
            let steps = [(unit, there), (other, here)];
            if self.delta(&steps) < Score::default() {
                better |= self.go(&steps);
            }
        }
        better
    }

    /// Whether an exchange could help at all: what the choices lose must be less than everything
    /// that is wrong in both groups.
    fn promises(&self, a: usize, b: usize) -> bool {
        let (here, there) = (self.places[a], self.places[b]);
        let both = self.scores[here] + self.scores[there];
        if !both.keeps_rules() {
            return true;
        }
        let (a, b) = (&self.units[a].costs, &self.units[b].costs);
        let loss = a[there] + b[here] - a[here] - b[there];
        loss < both.wishes - self.costs[here] - self.costs[there]
    }

    /// A pair into a full group, against the two people who lose least by it.
    fn two_for_one(&mut self, pair: usize) -> bool {
        let here = self.places[pair];
        let mut better = false;
        for there in 0..self.scores.len() {
            let single = |unit: &&usize| {
                self.places[**unit] == there && self.units[**unit].people.len() == 1
            };
            let loss =
                |unit: &usize| self.units[*unit].costs[here] - self.units[*unit].costs[there];
            let mut singles: Vec<usize> = self.free.iter().filter(single).copied().collect();
            singles.sort_by_key(|unit| (loss(unit), *unit));
            let [first, second, ..] = singles.as_slice() else { continue };
            let steps = [(pair, there), (*first, here), (*second, here)];
            if there != self.places[pair] && self.delta(&steps) < Score::default() {
                better |= self.go(&steps);
                break;
            }
        }
        better
    }

    /// Random rounds of three: what no exchange of two can reach.
    fn rounds(&mut self) {
        let groups = self.scores.len();
        if groups < 2 || self.free.len() < 3 {
            return;
        }
        let mut in_group = vec![Vec::new(); groups];
        for unit in &self.free {
            in_group[self.places[*unit]].push(*unit);
        }
        for turn in 0..self.free.len() * ROUNDS_PER_UNIT {
            if turn % 64 == 0 && self.spent() {
                return;
            }
            let at = self.roll(self.free.len());
            let first = self.free[at];
            let from = self.places[first];
            let to = self.roll(groups);
            let next = self.roll(groups);
            if to == from || next == to || in_group[to].is_empty() {
                continue;
            }
            let second = in_group[to][self.roll(in_group[to].len())];
            let mut steps = vec![(first, to), (second, next)];
            if next != from && !in_group[next].is_empty() {
                steps.push((in_group[next][self.roll(in_group[next].len())], from));
            }
            if self.promise_of(&steps) && self.delta(&steps) < Score::default() {
                let before: Vec<usize> = steps.iter().map(|(unit, _)| self.places[*unit]).collect();
                self.go(&steps);
                for ((unit, group), before) in steps.iter().zip(before) {
                    in_group[before].retain(|other| other != unit);
                    in_group[*group].push(*unit);
                }
            }
        }
    }

    /// As [`Self::promises`], for any steps.
    fn promise_of(&self, steps: &[Step]) -> bool {
        let mut loss = 0;
        let mut wrong = 0;
        for (unit, group) in steps {
            let here = self.places[*unit];
            if !(self.scores[here] + self.scores[*group]).keeps_rules() {
                return true;
            }
            let costs = &self.units[*unit].costs;
            loss += costs[*group] - costs[here];
            wrong += self.scores[here].wishes - self.costs[here];
            wrong += self.scores[*group].wishes - self.costs[*group];
        }
        loss < wrong
    }

    /// What some steps would change.
    fn delta(&mut self, steps: &[Step]) -> Score {
        self.step(steps);
        let touched = self.touched(steps);
        let mut delta = Score::default();
        for group in touched {
            delta += self.board.weigh(group) - self.scores[group];
        }
        for (unit, group) in steps.iter().rev() {
            for person in self.units[*unit].people.iter().rev() {
                self.board.take(*person, *group);
                self.board.put(*person, self.places[*unit]);
            }
        }
        delta
    }

    fn step(&mut self, steps: &[Step]) {
        for (unit, group) in steps {
            for person in &self.units[*unit].people {
                self.board.take(*person, self.places[*unit]);
                self.board.put(*person, *group);
            }
        }
    }

    fn touched(&self, steps: &[Step]) -> Vec<usize> {
        let mut touched: Vec<usize> =
            steps.iter().flat_map(|(unit, group)| [self.places[*unit], *group]).collect();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn go(&mut self, steps: &[Step]) -> bool {
        self.step(steps);
        let touched = self.touched(steps);
        for (unit, group) in steps {
            let costs = &self.units[*unit].costs;
            self.costs[self.places[*unit]] -= costs[self.places[*unit]];
            self.costs[*group] += costs[*group];
            self.places[*unit] = *group;
        }
        for group in touched {
            self.scores[group] = self.board.judge(group);
        }
        true
    }

    /// A number below `n`: splitmix64, always the same series.
    fn roll(&mut self, n: usize) -> usize {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        usize::try_from(z % n.max(1) as u64).unwrap_or(0)
    }
}
