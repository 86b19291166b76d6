//! The rules against a corpus of good and bad plans in French, English and Hindi. Prints, for every
//! rule, how often it was right when it spoke (precision) and how often it spoke when it had to
//! (recall): `cargo test -p sangam-shared --test checks -- --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use jiff::civil::Date;
use sangam_shared::checks::{Code, Context, Site, Workload, check, check_board};
use sangam_shared::ids::{Key, PersonId, PlanId};
use sangam_shared::plan::Plan;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

#[derive(Deserialize)]
struct Corpus {
    context: ContextEntry,
    bases: BTreeMap<String, Value>,
    plans: Vec<PlanCase>,
    steps: Vec<StepCase>,
    vague: Vec<VagueCase>,
    pairs: Vec<PairCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextEntry {
    event_day: Date,
    languages: Vec<String>,
    sites: Vec<SiteEntry>,
    people: BTreeMap<PersonId, Key>,
    shelf: BTreeMap<Key, Option<String>>,
}

#[derive(Deserialize)]
struct SiteEntry {
    key: Key,
    country: String,
    holidays: BTreeSet<Date>,
}

/// What a plan says differently from its language's good plan, and what must be found then.
#[derive(Deserialize)]
struct PlanCase {
    lang: String,
    why: String,
    set: Value,
    expect: BTreeSet<Code>,
}

#[derive(Deserialize)]
struct StepCase {
    lang: String,
    text: String,
    verb: bool,
}

#[derive(Deserialize)]
struct VagueCase {
    lang: String,
    text: String,
    vague: bool,
}

#[derive(Deserialize)]
struct PairCase {
    lang: String,
    a: String,
    b: String,
    similar: bool,
}

fn corpus() -> Corpus {
    serde_json::from_str(include_str!("checks/corpus.json")).unwrap()
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let (Value::Object(into), Value::Object(patch)) = (&mut *into, patch) else {
        *into = patch.clone();
        return;
    };
    for (key, value) in patch {
        match value {
            Value::Null => {
                into.remove(key);
            }
            value => merge(into.entry(key).or_insert(Value::Null), value),
        }
    }
}

impl Corpus {
    fn plan(&self, lang: &str, set: &Value) -> Plan {
        let mut plan = self.bases[lang].clone();
        merge(&mut plan, set);
        serde_json::from_value(plan).unwrap_or_else(|e| panic!("{lang} {set}: {e}"))
    }

    fn context(&self, lang: &str) -> Context {
        let entry = &self.context;
        let good = self.plan(lang, &json!({}));
        Context {
            event_day: entry.event_day,
            languages: entry.languages.clone(),
            sites: entry
                .sites
                .iter()
                .map(|site| Site {
                    key: site.key.clone(),
                    country: site.country.clone(),
                    event_day: entry.event_day,
                    holidays: site.holidays.clone(),
                })
                .collect(),
            people: entry.people.clone(),
            shelf: entry.shelf.clone(),
            accepted: BTreeMap::from([(good.id, good.lead.unwrap())]),
            workload: Workload::default(),
        }
    }
}

#[derive(Default)]
struct Score {
    right: u32,
    wrong: u32,
    missed: u32,
    faults: String,
}

impl Score {
    fn count(&mut self, expected: bool, found: bool, what: &str) {
        match (expected, found) {
            (true, true) => self.right += 1,
            (false, true) => self.wrong += 1,
            (true, false) => self.missed += 1,
            (false, false) => return,
        }
        if expected != found {
            writeln!(self.faults, "  {what}: expected {expected}, found {found}").unwrap();
        }
    }

    fn precision(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.wrong).max(1))
    }

    fn recall(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.missed).max(1))
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<14} precision {:.3}  recall {:.3}  (right {}, wrong {}, missed {})\n{}",
            self.precision(),
            self.recall(),
            self.right,
            self.wrong,
            self.missed,
            self.faults.trim_end()
        );
    }
}

fn codes(plan: &Plan, context: &Context) -> BTreeSet<Code> {
    check(plan, context).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn the_corpus_is_large_and_speaks_three_languages() {
    let corpus = corpus();
    let langs = corpus.plans.iter().map(|c| &c.lang).chain(corpus.steps.iter().map(|c| &c.lang));
    let langs = langs.chain(corpus.vague.iter().map(|c| &c.lang));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for lang in langs {
        *counts.entry(lang).or_default() += 1;
    }
    println!("{counts:?}");
    assert!(corpus.plans.len() >= 120);
    assert!(counts.len() == 3 && counts.values().all(|count| *count >= 25));
    // Every rule that looks at one plan is expected somewhere.
    let expected: BTreeSet<Code> = corpus.plans.iter().flat_map(|c| c.expect.clone()).collect();
    let apart = [Code::B3, Code::B8];
    assert!(Code::ALL.iter().all(|code| expected.contains(code) || apart.contains(code)));
}

#[test]
fn every_plan_of_the_corpus_is_asked_what_it_should_be() {
    let corpus = corpus();
    let mut scores: BTreeMap<Code, Score> = BTreeMap::new();
    for case in &corpus.plans {
        let plan = corpus.plan(&case.lang, &case.set);
        let found = codes(&plan, &corpus.context(&case.lang));
        let what = format!("{} {}", case.lang, case.why);
        for code in Code::ALL {
            let (expected, found) = (case.expect.contains(&code), found.contains(&code));
            scores.entry(code).or_default().count(expected, found, &what);
        }
    }
    for (code, score) in &scores {
        score.print(&format!("{code:?}"));
    }
    let faults: String = scores.values().map(|score| score.faults.as_str()).collect();
    assert!(faults.is_empty(), "{faults}");
}

/// A heuristic: held to a bar, not to perfection.
#[test]
fn a_first_step_without_a_verb_is_noticed() {
    let corpus = corpus();
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for case in &corpus.steps {
        let plan = corpus.plan(&case.lang, &json!({ "firstStep": { "text": case.text } }));
        let found = codes(&plan, &corpus.context(&case.lang)).contains(&Code::A3);
        let what = format!("{:?}", case.text);
        scores.entry(&case.lang).or_default().count(!case.verb, found, &what);
    }
    for (lang, score) in &scores {
        score.print(&format!("A3 verb {lang}"));
        // It blocks: better to believe a noun than to stop a verb.
        assert!(score.precision() >= 0.95, "{lang}:\n{}", score.faults);
        assert!(score.recall() >= 0.85, "{lang}:\n{}", score.faults);
    }
}

#[test]
fn vague_verbs_are_noticed_in_all_their_forms() {
    let corpus = corpus();
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for case in &corpus.vague {
        let plan = corpus.plan(&case.lang, &json!({ "title": { "original": case.text } }));
        let found = codes(&plan, &corpus.context(&case.lang)).contains(&Code::B3);
        let what = format!("{:?}", case.text);
        scores.entry(&case.lang).or_default().count(case.vague, found, &what);
    }
    for (lang, score) in &scores {
        score.print(&format!("B3 {lang}"));
        assert!(score.precision() >= 0.95, "{lang}:\n{}", score.faults);
        assert!(score.recall() >= 0.95, "{lang}:\n{}", score.faults);
    }
}

#[test]
fn two_plans_with_the_same_words_are_noticed() {
    let corpus = corpus();
    let mut score = Score::default();
    for case in &corpus.pairs {
        let title = |text: &str| json!({ "title": { "original": text } });
        let mut two = vec![
            corpus.plan(&case.lang, &title(&case.a)),
            corpus.plan(&case.lang, &title(&case.b)),
        ];
        two[1].id = PlanId(uuid::Uuid::from_u128(9));
        let all = check_board(&two, &corpus.context(&case.lang));
        let similar = |n: usize| all[n].1.iter().any(|finding| finding.code == Code::B8);
        assert_eq!(similar(0), similar(1), "both are told, or none");
        score.count(case.similar, similar(0), &case.a);
    }
    score.print("B8 similar");
    assert!(score.faults.is_empty());
}

#[test]
fn a_sixth_plan_is_noticed() {
    let corpus = corpus();
    let plans = |count: u128| -> Vec<Plan> {
        (0..count)
            .map(|n| {
                let title = json!({ "title": { "original": format!("eins{n} zwei{n} drei{n}") } });
                let mut plan = corpus.plan("en", &title);
                plan.id = PlanId(uuid::Uuid::from_u128(n));
                plan
            })
            .collect()
    };
    let many = |count| {
        check_board(&plans(count), &corpus.context("en"))
            .iter()
            .filter(|(_, findings)| findings.iter().any(|finding| finding.code == Code::B8))
            .count()
    };
    assert_eq!((many(5), many(6)), (0, 6));
}

#[test]
fn a_fourth_first_step_in_one_week_is_noticed() {
    let corpus = corpus();
    let plan = corpus.plan("en", &json!({}));
    let mut context = corpus.context("en");
    let busy = |context: &Context| codes(&plan, context).contains(&Code::B7);
    context.workload = Workload::of(std::iter::repeat_n(&plan, 3));
    assert!(!busy(&context));
    context.workload = Workload::of(std::iter::repeat_n(&plan, 4));
    assert!(busy(&context));
    let later = corpus.plan("en", &json!({ "firstStep": { "due": "2022-04-19" } }));
    context.workload = Workload::of([&plan, &plan, &plan, &later]);
    assert!(!busy(&context));
}

#[test]
fn what_blocks_stands_before_what_warns_and_the_yes_comes_last_of_it() {
    let corpus = corpus();
    let set = json!({ "lead": { "participantId": "00000000-0000-4000-8000-000000000004" },
        "milestones": [], "commons": [] });
    let found: Vec<Code> = check(&corpus.plan("fr", &set), &corpus.context("fr"))
        .into_iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(found, [Code::A6, Code::A2, Code::B2]);
}

/// Letters, signs and words that make trouble, drawn by a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap()
    }

    fn text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "",
            " ",
            "’",
            "'",
            "-",
            "\u{301}",
            "\u{93c}",
            "\u{200d}",
            "𝄞",
            "e\u{301}",
            "Réfléchir",
            "d’abord",
            "je",
            "j'",
            "will",
            "let",
            "lets us",
            "raise",
            "think",
            "mener une",
            "है",
            "।",
            "विचार",
            "करना",
            "ना",
            "तलाश",
            "।।",
            "(",
            "3",
            "-er",
            "ment",
            "ly",
            "first",
            "\u{0}",
            "\n",
        ];
        (0..self.below(9))
            .map(|_| PIECES[self.below(PIECES.len())])
            .collect::<Vec<_>>()
            .join(if self.below(3) == 0 { "" } else { " " })
    }

    fn day(&mut self) -> Value {
        const DAYS: &[&str] =
            &["0000-01-01", "9999-12-31", "2022-04-08", "2022-04-16", "2024-02-29"];
        match self.below(DAYS.len() + 1) {
            0 => Value::Null,
            n => json!(DAYS[n - 1]),
        }
    }
}

#[test]
fn no_plan_whatever_it_says_stops_the_rules() {
    let corpus = corpus();
    let mut dice = Dice(0x5eed_0008);
    for round in 0..4_000 {
        let lang = ["fr", "en", "hi"][dice.below(3)];
        let language = [json!(lang), Value::Null, json!(""), json!("ta"), json!("fr-CA")];
        let set = json!({
            "language": language[dice.below(5)],
            "title": { "original": dice.text() },
            "problem": { "original": dice.text() },
            "firstStep": { "text": dice.text(), "due": dice.day() },
            "dueDate": dice.day(),
            "startDate": dice.day(),
        });
        let mut context = corpus.context(lang);
        if dice.below(4) == 0 {
            context.event_day = [Date::MIN, Date::MAX][dice.below(2)];
        }
        let plan = corpus.plan(lang, &set);
        let board: Vec<Plan> = std::iter::repeat_n(plan, dice.below(8)).collect();
        let all = check_board(&board, &context);
        assert_eq!(all.len(), board.len(), "round {round}");
        assert!(all.iter().all(|(_, findings)| findings.iter().all(|f| f.ask.code() == f.code)));
    }
}

/// Ten times the words take about ten times as long, and the largest plan a moment.
#[test]
fn the_cost_grows_with_the_words_and_no_faster() {
    let corpus = corpus();
    let context = corpus.context("fr");
    let cost = |words: usize| {
        let text = "approfondissement ".repeat(words);
        let set = json!({ "description": { "original": text } });
        let plan = corpus.plan("fr", &set);
        let mut best = std::time::Duration::MAX;
        for _ in 0..5 {
            let begin = std::time::Instant::now();
            std::hint::black_box(check(&plan, &context));
            best = best.min(begin.elapsed());
        }
        best
    };
    let (small, large) = (cost(500), cost(5_000));
    println!("500 words {small:?}, 5,000 words {large:?}");
    assert!(large < small * 40 + std::time::Duration::from_millis(2), "{small:?} {large:?}");
}
