//! Seeded events: every rule holds where it can, nobody is worse off than by hand, and how long it
//! takes. `make groups` runs a thousand and prints the table of `docs/GROUPS.md`.

mod compare;

use super::greedy;
use super::problem::{Member, Problem, Score, Seats};
use super::search;
use super::solve::{Method, Placement, solve};
use crate::event::model::{Event, Site, Workshop};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam_shared::ids::{DocumentId, EventId, Key, WorkshopId};
use std::time::Duration;
use uuid::Uuid;

/// The languages of the seeded people.
const FR: usize = 0;
const EN: usize = 1;
const HI: usize = 2;

/// Tests wait for the end of the work, never for a clock.
const PATIENT: Duration = Duration::from_mins(1);

fn solved(problem: &Problem) -> Placement {
    solve(problem, PATIENT, &|| false)
}

/// An event as it may be: two or three sites, themes of unequal appeal, some who could lead, some
/// pairs, some tags, some without a wish. The seats are enough.
fn event(seed: u64, people: usize, groups: usize) -> Problem {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let sites = dice.random_range(2..=3);
    let second_site: f64 = dice.random_range(0.2..0.5);
    let appeal: Vec<f64> =
        (0..groups).map(|n| 1.0 / (1.0 + f64::from(u32::try_from(n).unwrap())).powf(0.7)).collect();
    let theme = |dice: &mut ChaCha8Rng| {
        let mut at = dice.random_range(0.0..appeal.iter().sum::<f64>());
        appeal.iter().position(|a| {
            at -= a;
            at < 0.0
        })
    };
    let mut members: Vec<Member> = (0..people)
        .map(|_| {
            let site = match dice.random::<f64>() {
                roll if roll < second_site => 1,
                roll if sites == 3 && roll > 0.93 => 2,
                _ => 0,
            };
            let abroad = dice.random::<f64>();
            let languages = match site {
                0 if abroad < 0.35 => vec![FR],
                1 if abroad < 0.55 => vec![EN],
                1 if abroad < 0.9 => vec![EN, HI],
                _ => vec![FR, EN],
            };
            let wishes = if dice.random::<f64>() < 0.06 { 0 } else { dice.random_range(1..=3) };
            let mut choices = Vec::new();
            while choices.len() < wishes.min(groups) {
                let choice = theme(&mut dice).unwrap_or(0);
                if !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
            let mut tags: Vec<usize> =
                (0..dice.random_range(0..=2)).map(|_| dice.random_range(0..12)).collect();
            tags.sort_unstable();
            tags.dedup();
            let lead = dice.random::<f64>() < 0.2;
            Member { site, languages, choices, lead, tags, pin: None, partner: None }
        })
        .collect();
    for _ in 0..people / 20 {
        let (a, b) = (dice.random_range(0..people), dice.random_range(0..people));
        if a != b && members[a].partner.is_none() && members[b].partner.is_none() {
            members[a].partner = Some(b);
            members[b].partner = Some(a);
        }
    }
    let even = people.div_ceil(groups);
    let seats = Seats { min: even / 2, max: (even * 5).div_ceil(4) };
    Problem { people: members, groups: vec![seats; groups], sites }
}

/// What has to be true of every placement, whatever was asked.
fn check(problem: &Problem, placement: &Placement) {
    assert_eq!(placement.places.len(), problem.people.len());
    assert_eq!(placement.score, problem.score(&placement.places));
    for (index, member) in problem.people.iter().enumerate() {
        let place = placement.places[index];
        assert!(place < problem.groups.len());
        assert!(member.pin.is_none_or(|pin| pin == place), "a pin was not kept");
        if let Some(partner) = problem.partner(index) {
            assert_eq!(placement.places[partner], place, "a pair was torn apart");
        }
    }
    let units = problem.units();
    let by_hand = search::people(problem, &units, &greedy::allocate(problem, &units));
    assert!(placement.score <= problem.score(&by_hand), "worse than by hand");
    if let Some(bound) = placement.bound {
        assert!(bound <= placement.score.wishes, "{bound} > {}", placement.score.wishes);
    }
}

#[test]
fn seeded_events_keep_every_rule_and_are_never_worse_than_by_hand() {
    for seed in 0..40 {
        let (people, groups) = [(24, 5), (60, 5), (120, 5), (120, 10)][seed % 4];
        let problem = event(seed as u64, people, groups);
        let placement = solved(&problem);
        check(&problem, &placement);
        let leads = problem.people.iter().filter(|member| member.lead).count();
        let lacking = i64::try_from(groups.saturating_sub(leads)).unwrap();
        let broken = Score { leadless: placement.score.leadless - lacking, ..placement.score };
        assert!(broken.keeps_rules(), "seed {seed}: {broken:?}");
        assert_eq!(placement.method, Method::Solved, "seed {seed}");
    }
}

#[test]
fn the_same_people_give_the_same_groups() {
    let problem = event(7, 200, 8);
    assert_eq!(solved(&problem), solved(&problem));
}

#[test]
fn pins_stay_whatever_they_cost() {
    for seed in 0..10 {
        let mut problem = event(seed, 60, 5);
        for person in 0..20 {
            problem.people[person].pin = Some((person + usize::try_from(seed).unwrap()) % 5);
        }
        check(&problem, &solved(&problem));
    }
}

#[test]
fn nobody_and_one_and_one_group_are_no_special_case() {
    let seats = vec![Seats { min: 0, max: 5 }; 3];
    let nobody = Problem { people: Vec::new(), groups: seats.clone(), sites: 2 };
    let placement = solved(&nobody);
    assert!(placement.places.is_empty() && placement.score.keeps_rules());

    let one = Member { choices: vec![2], lead: true, ..Member::default() };
    let alone = Problem { people: vec![one], groups: seats, sites: 2 };
    assert_eq!(solved(&alone).places, [2]);

    let mut everybody = event(1, 30, 5);
    everybody.groups = vec![Seats { min: 1, max: 30 }];
    for member in &mut everybody.people {
        member.choices.clear();
    }
    let placement = solved(&everybody);
    check(&everybody, &placement);
    assert!(placement.score.keeps_rules());

    let nowhere = Problem { groups: Vec::new(), ..everybody };
    assert!(solved(&nowhere).places.is_empty());
}

#[test]
fn when_all_want_the_same_the_seats_decide() {
    let member = Member { choices: vec![0, 1], lead: true, ..Member::default() };
    let groups = vec![Seats { min: 5, max: 10 }; 4];
    let problem = Problem { people: vec![member; 30], groups, sites: 1 };
    let placement = solved(&problem);
    check(&problem, &placement);
    assert!(placement.score.keeps_rules());
    let size = |group| placement.places.iter().filter(|place| **place == group).count();
    assert_eq!([size(0), size(1), size(2), size(3)], [10, 10, 5, 5]);
}

#[test]
fn too_many_people_are_spread_and_too_few_are_gathered() {
    let member = Member { lead: true, ..Member::default() };
    let crowded = Problem {
        people: vec![member.clone(); 16],
        groups: vec![Seats { min: 0, max: 3 }; 4],
        sites: 1,
    };
    let placement = solved(&crowded);
    check(&crowded, &placement);
    // One over in each, rather than four in one.
    assert_eq!(placement.score.over, 4);

    let sparse =
        Problem { people: vec![member; 6], groups: vec![Seats { min: 4, max: 9 }; 3], sites: 1 };
    let placement = solved(&sparse);
    check(&sparse, &placement);
    assert!(placement.score.short > 0 && placement.bound.is_none());
}

#[test]
fn people_who_share_no_language_are_parted_rather_than_left_unheard() {
    // Nobody speaks both: two groups of one language each, against every wish and every share.
    let mut people = Vec::new();
    for n in 0..20 {
        let languages = vec![if n % 2 == 0 { FR } else { EN }];
        people.push(Member {
            site: n % 2,
            languages,
            choices: vec![0],
            lead: true,
            ..Member::default()
        });
    }
    let problem = Problem { people, groups: vec![Seats { min: 5, max: 15 }; 2], sites: 2 };
    let placement = solved(&problem);
    check(&problem, &placement);
    assert_eq!(placement.score.unheard, 0);
}

#[test]
fn the_few_who_could_lead_are_shared_out() {
    let mut people = vec![Member { choices: vec![0], ..Member::default() }; 40];
    for person in [0, 1, 2, 3] {
        people[person].lead = true;
    }
    let problem = Problem { people, groups: vec![Seats { min: 5, max: 25 }; 4], sites: 1 };
    let placement = solved(&problem);
    check(&problem, &placement);
    assert!(placement.score.keeps_rules(), "{:?}", placement.score);
}

#[test]
fn a_clock_that_has_run_out_still_places_everybody() {
    let problem = event(3, 120, 5);
    let placement = solve(&problem, Duration::ZERO, &|| true);
    check(&problem, &placement);
    assert_eq!(placement.method, Method::Greedy);
    let early = solve(&problem, PATIENT, &|| true);
    check(&problem, &early);
    assert_ne!(early.method, Method::Solved);
}

/// An event of five workshops at two sites.
pub(super) fn small_event() -> Event {
    let key = |text: &str| Key::parse(text).unwrap();
    let words = |text: &str| [("en".to_owned(), text.to_owned())].into();
    let site = |name: &str, country: &str| Site {
        key: key(name),
        name: words(name),
        time_zone: "Europe/Paris".to_owned(),
        country: country.to_owned(),
        language: "en".to_owned(),
        holidays: Vec::new(),
    };
    let workshop = |number: u32| Workshop {
        id: WorkshopId(Uuid::from_u128(number.into())),
        number,
        title: words("Theme"),
        question: words("What?"),
        board: DocumentId(Uuid::from_u128(100 + u128::from(number))),
        facilitators: Vec::new(),
        capacity: Some(24),
    };
    Event {
        id: EventId(Uuid::nil()),
        slug: key("small"),
        title: words("Small"),
        date: jiff::civil::date(2022, 4, 8),
        languages: vec!["en".to_owned()],
        stage: DocumentId(Uuid::from_u128(99)),
        sites: vec![site("paris", "FR"), site("bengaluru", "IN")],
        programme: Vec::new(),
        seats: None,
        workshops: (1..=5).map(workshop).collect(),
        commons: Vec::new(),
    }
}
