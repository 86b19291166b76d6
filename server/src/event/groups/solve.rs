//! Everybody gets a group: the linear programme's start, made better by search, or the greedy one
//! where the programme fails; whichever is best. The same people give the same groups, always.

use super::problem::{Problem, Score};
use super::search::{self, Ended};
use super::{greedy, lp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a placement came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The linear programme, and a search that came to its end.
    Solved,
    /// The time was over: the best that was found until then.
    Early,
    /// The programme was too large or failed: one person after the other, then the search.
    Greedy,
}

/// A placement of everybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// A group for every person.
    pub places: Vec<usize>,
    /// How it came about.
    pub method: Method,
    /// What it is worth.
    pub score: Score,
    /// Points that no placement stays below that keeps the rules, where that is known.
    pub bound: Option<i64>,
}

/// Places everybody. `lp_limit` is what the programme may take; `stop` says when to end with what
/// there is. Where there is no group, nobody is placed.
#[must_use]
pub fn solve(problem: &Problem, lp_limit: Duration, stop: &dyn Fn() -> bool) -> Placement {
    if problem.groups.is_empty() {
        return Placement {
            places: Vec::new(),
            method: Method::Solved,
            score: Score::default(),
            bound: None,
        };
    }
    let units = problem.units();
    let start = lp::start(problem, &units, lp_limit);
    let simple = greedy::allocate(problem, &units);
    let bound = start.as_ref().map(|start| start.bound);
    let mut method = if start.is_some() { Method::Solved } else { Method::Greedy };
    let mut places = start.map_or_else(|| simple.clone(), |start| start.places);
    if search::improve(problem, &units, &mut places, stop) == Ended::Early
        && method == Method::Solved
    {
        method = Method::Early;
    }
    let mut best = search::people(problem, &units, &places);
    let mut score = problem.score(&best);
    // Whatever was left undone, nobody gets less than by hand.
    let by_hand = search::people(problem, &units, &simple);
    let score_by_hand = problem.score(&by_hand);
    if score_by_hand < score {
        (best, score, method) = (by_hand, score_by_hand, Method::Greedy);
    }
    Placement { places: best, method, score, bound: bound.filter(|_| score.keeps_rules()) }
}
