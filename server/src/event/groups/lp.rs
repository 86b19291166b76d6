//! The first placement: a linear programme over kinds of people and groups, rounded. Its optimum is
//! also a bound: no placement that keeps the rules is worth more. Pure but for the solver's clock.
//!
//! People who look alike (site, choices, lead, pin) are one kind, so that 500 people are some 200
//! variables for each group. What is not linear, languages and tags, is left to [`super::search`].

use super::problem::{Problem, SITE_OFF, Unit};
use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Variable};
use std::collections::BTreeMap;
use std::time::Duration;

/// Kinds times groups: beyond, the programme takes longer than anybody waits.
const CELLS_MAX: usize = 16_000;
/// A rule broken by one person, in points: far above all wishes together, near enough for doubles.
const BROKEN: f64 = 100_000.0;

/// What the programme found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    /// A group for every unit.
    pub places: Vec<usize>,
    /// Points that no placement that keeps the rules stays below.
    pub bound: i64,
}

/// Solves and rounds; nothing where it is too large, takes too long, or the solver gives up.
#[must_use]
pub(super) fn start(problem: &Problem, units: &[Unit], limit: Duration) -> Option<Start> {
    let kinds = kinds(problem, units);
    if kinds.len() * problem.groups.len() > CELLS_MAX || problem.groups.is_empty() {
        return None;
    }
    // A solver of numbers may give up in ways that its types do not tell.
    let solved = std::panic::catch_unwind(|| solve(problem, units, &kinds, limit));
    let (shares, objective) = solved.ok().flatten()?;
    let mut places = vec![0; units.len()];
    for (members, shares) in kinds.iter().zip(&shares) {
        let counts = round(shares, members.len());
        let groups = (0..counts.len()).flat_map(|g| std::iter::repeat_n(g, counts[g]));
        for (unit, group) in members.iter().zip(groups) {
            places[*unit] = group;
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "points of 2,000 people fit")]
    let bound = (objective - 0.5).max(0.0).floor() as i64;
    Some(Start { places, bound })
}

/// Units that the programme need not tell apart, in a fixed order.
fn kinds(problem: &Problem, units: &[Unit]) -> Vec<Vec<usize>> {
    let mut kinds: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, unit) in units.iter().enumerate() {
        let mut looks: Vec<_> = unit
            .people
            .iter()
            .map(|p| &problem.people[*p])
            .map(|m| (m.site, &m.choices, m.lead))
            .collect();
        looks.sort_unstable();
        kinds.entry((unit.pin, looks)).or_default().push(index);
    }
    kinds.into_values().collect()
}

/// How many of each kind go to each group, not yet whole, and what that is worth.
fn solve(
    problem: &Problem,
    units: &[Unit],
    kinds: &[Vec<usize>],
    limit: Duration,
) -> Option<(Vec<Vec<f64>>, f64)> {
    let mut programme = microlp::Problem::new(OptimizationDirection::Minimize);
    programme.set_time_limit(limit);
    let groups = problem.groups.len();
    let free = (0.0, f64::INFINITY);
    let cells: Vec<Vec<Option<Variable>>> = kinds
        .iter()
        .map(|members| {
            let unit = &units[members[0]];
            let cell = |group: usize| {
                let open = unit.pin.is_none_or(|pin| pin == group);
                open.then(|| programme.add_var(float(unit.costs[group]), free))
            };
            (0..groups).map(cell).collect()
        })
        .collect();
    for (members, row) in kinds.iter().zip(&cells) {
        let mut all = LinearExpr::empty();
        row.iter().flatten().for_each(|cell| all.add(*cell, 1.0));
        programme.add_constraint(all, ComparisonOp::Eq, float(members.len()));
    }
    let people = float(problem.people.len().max(1));
    for (group, seats) in problem.groups.iter().enumerate() {
        // Sums over the people of this group, each kind by how much of it counts.
        let sum = |weight: &dyn Fn(&Unit) -> f64| {
            let mut sum = LinearExpr::empty();
            for (members, row) in kinds.iter().zip(&cells) {
                let weight = weight(&units[members[0]]);
                if let Some(cell) = row[group].filter(|_| weight != 0.0) {
                    sum.add(cell, weight);
                }
            }
            sum
        };
        let size = |unit: &Unit| float(unit.people.len());
        let mut most = sum(&size);
        most.add(programme.add_var(BROKEN, free), -1.0);
        programme.add_constraint(most, ComparisonOp::Le, float(seats.max));
        if seats.min > 0 {
            let mut least = sum(&size);
            least.add(programme.add_var(BROKEN, free), 1.0);
            programme.add_constraint(least, ComparisonOp::Ge, float(seats.min));
            let leads = |unit: &Unit| {
                float(unit.people.iter().filter(|p| problem.people[**p].lead).count())
            };
            let mut lead = sum(&leads);
            lead.add(programme.add_var(BROKEN, free), 1.0);
            programme.add_constraint(lead, ComparisonOp::Ge, 1.0);
        }
        for site in 0..problem.sites {
            let from = |unit: &Unit| {
                unit.people.iter().filter(|p| problem.people[**p].site == site).count()
            };
            let all: usize = units.iter().map(from).sum();
            let share = float(all) / people;
            let off = programme.add_var(float(SITE_OFF), free);
            for side in [1.0, -1.0] {
                let mut distance = sum(&|unit| side * (float(from(unit)) - share * size(unit)));
                distance.add(off, -1.0);
                programme.add_constraint(distance, ComparisonOp::Le, 1.0);
            }
        }
    }
    let solution = programme.solve().ok()?.into_solution().ok()?;
    if solution.status() != microlp::SolutionStatus::Optimal {
        return None;
    }
    let value = |cell: &Option<Variable>| cell.map_or(0.0, |cell| solution.var_value(cell));
    let shares = cells.iter().map(|row| row.iter().map(value).collect()).collect();
    Some((shares, solution.objective()))
}

/// Whole numbers that add up to `count`: the largest remainders are rounded up.
fn round(shares: &[f64], count: usize) -> Vec<usize> {
    const NEARLY: f64 = 1e-6;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, positive")]
    let mut counts: Vec<usize> = shares
        .iter()
        .map(|share| ((share + NEARLY).floor().max(0.0) as usize).min(count))
        .collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|a, b| {
        let rest = |g: usize| shares[g] - float(counts[g]);
        rest(*b).total_cmp(&rest(*a)).then(a.cmp(b))
    });
    let placed: usize = counts.iter().sum();
    for group in order.iter().cycle().take(count.saturating_sub(placed)) {
        counts[*group] += 1;
    }
    counts
}

#[expect(clippy::cast_precision_loss, reason = "counts and points stay far below 2^53")]
fn float<T: TryInto<i64>>(n: T) -> f64 {
    n.try_into().unwrap_or(i64::MAX) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::groups::problem::{Member, Seats};

    #[test]
    fn rounding_keeps_the_count_and_the_largest_parts() {
        assert_eq!(round(&[0.5, 1.7, 0.8], 3), [0, 2, 1]);
        assert_eq!(round(&[0.999_999_9, 0.0, 2.0], 3), [1, 0, 2]);
        assert_eq!(round(&[1.0 / 3.0; 3], 1), [1, 0, 0]);
        assert_eq!(round(&[0.0, 0.0], 5), [3, 2]);
    }

    #[test]
    fn the_bound_is_what_full_groups_cost() {
        // Three want the one seat of the first group.
        let wants = |choices: &[usize]| Member {
            choices: choices.to_vec(),
            lead: true,
            ..Member::default()
        };
        let problem = Problem {
            people: vec![wants(&[0, 1]); 3],
            groups: vec![Seats { min: 1, max: 1 }, Seats { min: 1, max: 2 }],
            sites: 1,
        };
        let units = problem.units();
        let start = start(&problem, &units, Duration::from_secs(5)).unwrap();
        assert_eq!(start.places.iter().filter(|group| **group == 0).count(), 1);
        // Two second choices, less the half point that rounding may cost.
        assert_eq!(start.bound, 1_999);
    }

    #[test]
    fn too_many_cells_and_no_time_are_no_start() {
        let people: Vec<_> = (0..2_000)
            .map(|n| Member { choices: vec![n % 40, (n / 40) % 40], ..Member::default() })
            .collect();
        let groups = vec![Seats { min: 0, max: 60 }; 40];
        let problem = Problem { people, groups, sites: 1 };
        assert_eq!(start(&problem, &problem.units(), Duration::from_secs(5)), None);
        let small = Problem { people: problem.people[..60].to_vec(), ..problem };
        assert_eq!(start(&small, &small.units(), Duration::ZERO), None);
    }
}
