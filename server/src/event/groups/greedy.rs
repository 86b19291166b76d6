//! What an organiser does by hand: one person after the other, into the best group that has room.
//! The yardstick of `docs/GROUPS.md`, the fallback where the solver fails, and the rule for those who
//! come late. Pure.

use super::problem::{Board, Problem, Unit};

/// Everybody in their turn: the first of their choices with room, else the group with fewest people.
/// Those who are pinned come first.
#[must_use]
pub fn allocate(problem: &Problem, units: &[Unit]) -> Vec<usize> {
    let mut sizes = vec![0; problem.groups.len()];
    let mut places = vec![0; units.len()];
    let (pinned, others): (Vec<_>, Vec<_>) =
        (0..units.len()).partition(|unit| units[*unit].pin.is_some());
    for index in pinned.into_iter().chain(others) {
        let unit = &units[index];
        let room = |group: usize| sizes[group] + unit.people.len() <= problem.groups[group].max;
        let fewest = |groups: &mut dyn Iterator<Item = usize>| groups.min_by_key(|g| sizes[*g]);
        let all = 0..problem.groups.len();
        let open: Vec<usize> = all.clone().filter(|group| room(*group)).collect();
        let wished = problem.people[unit.people[0]].choices.iter().copied();
        let place = unit
            .pin
            .or_else(|| wished.clone().find(|group| room(*group)))
            .or_else(|| fewest(&mut open.iter().copied()))
            .or_else(|| fewest(&mut all.clone()))
            .unwrap_or(0);
        places[index] = place;
        sizes[place] += unit.people.len();
    }
    places
}

/// Where somebody who comes late is placed: of the groups with room, the one in which everything
/// together is best; where all are full, of all. Nothing where there is no group.
///
/// `places` holds a group for everybody but `person`; what it says of `person` is not read.
#[must_use]
pub fn late(problem: &Problem, places: &[usize], person: usize) -> Option<usize> {
    let mut board = Board::new(problem, places);
    board.take(person, *places.get(person)?);
    let partner = problem.partner(person).and_then(|partner| places.get(partner).copied());
    let mut best = None;
    for group in 0..problem.groups.len() {
        let before = board.judge(group);
        let full = board.size(group) >= problem.groups[group].max;
        board.put(person, group);
        let delta = board.judge(group) - before;
        board.take(person, group);
        let pinned = problem.people[person].pin == Some(group);
        let rank = (!pinned, full, partner.is_some_and(|place| place != group), delta, group);
        if best.is_none_or(|best| rank < best) {
            best = Some(rank);
        }
    }
    best.map(|(.., group)| group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::groups::problem::{Member, Seats};

    fn wants(choices: &[usize]) -> Member {
        Member { choices: choices.to_vec(), lead: true, ..Member::default() }
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let problem = Problem {
            people: vec![wants(&[0]), wants(&[0, 1]), wants(&[0])],
            groups: vec![Seats { min: 0, max: 1 }, Seats { min: 0, max: 1 }],
            sites: 1,
        };
        // The third finds no room anywhere.
        assert_eq!(allocate(&problem, &problem.units()), [0, 1, 0]);
    }

    #[test]
    fn who_comes_late_gets_the_best_group_with_room() {
        let groups = vec![Seats { min: 0, max: 2 }, Seats { min: 0, max: 2 }];
        let people = vec![wants(&[0]), wants(&[0]), wants(&[1]), wants(&[0, 1])];
        let mut problem = Problem { people, groups, sites: 1 };
        assert_eq!(late(&problem, &[0, 0, 1, 0], 3), Some(1));
        // A pin is a facilitator's word; a colleague comes next; then the choice.
        problem.people[3].pin = Some(0);
        assert_eq!(late(&problem, &[0, 0, 1, 0], 3), Some(0));
        problem.people[3].pin = None;
        problem.people[3].partner = Some(2);
        problem.people[2].partner = Some(3);
        problem.groups[0].max = 9;
        assert_eq!(late(&problem, &[0, 0, 1, 0], 3), Some(1));
        // Everything is full: somewhere, all the same.
        problem.groups = vec![Seats { min: 0, max: 1 }; 2];
        problem.people[3].partner = None;
        assert_eq!(late(&problem, &[0, 0, 1, 0], 3), Some(1));
        problem.groups.clear();
        assert_eq!(late(&problem, &[], 3), None);
    }
}
