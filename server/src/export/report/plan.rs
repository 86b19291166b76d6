//! A plan as rows of a table, in the order in which a group speaks of it: what, who, first step,
//! when, with whom, with which common, how we will know.

use super::voice::{self, Voice};
use crate::export::document::{Cell, Line, Run, Table};
use crate::export::dossier::Dossier;
use crate::export::words::Language;
use jiff::civil::Date;
use sangam_shared::board::{Board, Text};
use sangam_shared::plan::{Plan, PlanStatus, Visibility};

/// "4.2 What will be done".
pub(super) fn title(plan: &Plan, voice: &Voice) -> Line {
    let mut line = if plan.title.is_empty() {
        voice.say("report.untitled")
    } else {
        voice.versions(&plan.title)
    };
    if !plan.reference.is_empty() {
        line.0.insert(0, voice.run(&format!("{} ", plan.reference)));
    }
    line
}

/// Everything about a plan but its title.
#[expect(clippy::too_many_lines, reason = "one row after the other, as a group speaks of it")]
pub(super) fn facts(plan: &Plan, board: &Board, dossier: &Dossier, voice: &Voice) -> Table {
    let mut facts = Facts { plan, voice, rows: Vec::new() };
    facts.text("report.problem", &plan.problem);
    facts.text("report.description", &plan.description);
    for (key, who) in [("report.leader", &plan.lead), ("report.coLead", &plan.co_lead)] {
        if let Some(who) = who {
            facts.say(key, |language| voice::leader(who, dossier, language));
        }
    }
    let step = &plan.first_step;
    facts.theirs("report.trigger", &step.trigger);
    facts.theirs("report.firstStep", &step.text);
    if let Some(owner) = step.owner {
        facts.say("report.stepOwner", |language| voice::who(owner, dossier, language));
    } else if !step.owner_name.trim().is_empty() {
        facts.say("report.stepOwner", |language| voice::name(&step.owner_name, language));
    }
    facts.day("plan.firstStepDue", step.due, step.time_zone.as_deref());
    facts.day("report.start", plan.start_date, None);
    facts.day("report.due", plan.due_date, plan.time_zone.as_deref());
    facts.lines("report.stakeholders", &plan.stakeholders, |one, language| {
        let person = voice::name(&one.person, language);
        let country = one.country.as_deref().unwrap_or_default();
        let role = one.role.map(|role| language.word("stakeholder", role.as_str()));
        let said = join(&[&person, &one.organisation, country]);
        vec![Run::new(with(&said, role.as_deref()), language.tag())]
    });
    facts.lines("report.commons", &plan.commons, |one, language| {
        let shelf = &dossier.source.event.commons;
        let common = one.common.as_ref().map(|key| shelf.iter().find(|c| c.key == *key).ok_or(key));
        let relation = one.relation.map(|relation| language.word("relation", relation.as_str()));
        let known = match common {
            Some(Ok(common)) => Run::new(&common.name, language.tag()).to(&common.url),
            Some(Err(key)) => Run::new(key.as_str(), language.tag()),
            None => Run::new("", language.tag()),
        };
        let after = relation.map(|relation| format!(" ({relation})")).unwrap_or_default();
        vec![known, Run::new(after, language.tag())]
    });
    facts.text("report.expectedResult", &plan.expected_result);
    let indicator = &plan.indicator;
    facts.theirs("plan.indicator", &indicator.name);
    facts.theirs("plan.baseline", &indicator.baseline);
    facts.theirs("plan.target", &indicator.target);
    facts.theirs("plan.unit", &indicator.unit);
    let tongue = plan.language.as_deref();
    facts.lines("plan.evidence", &plan.evidence, |one, language| {
        let kind = one.kind.map(|kind| language.word("evidence", kind.as_str()));
        let date = one.date.map(|date| language.day(date));
        let ours =
            join(&[kind.as_deref().unwrap_or_default(), date.as_deref().unwrap_or_default()]);
        let ours = if ours.is_empty() { ours } else { format!(" ({ours})") };
        let gap = if one.title.is_empty() || one.url.is_empty() { "" } else { " " };
        vec![
            voice.theirs(&one.title, tongue),
            Run::new(gap, language.tag()),
            Run::new(&one.url, language.tag()).to(&one.url),
            Run::new(ours, language.tag()),
        ]
    });
    facts.lines("plan.milestones", &plan.milestones, |one, language| {
        let status = language.word("status", one.status.as_str());
        let due = one.due.map(|due| language.say("report.by", &[("date", &language.day(due))]));
        let owner = one.owner.map(|owner| voice::who(owner, dossier, language));
        let ours = join(&[
            due.as_deref().unwrap_or_default(),
            owner.as_deref().unwrap_or_default(),
            if one.status == PlanStatus::NotStarted { "" } else { &status },
        ]);
        let theirs = [one.title.as_str(), one.deliverable.as_str()];
        let theirs: Vec<_> = theirs.into_iter().filter(|text| !text.is_empty()).collect();
        vec![
            voice.theirs(&theirs.join(" → "), tongue),
            Run::new(if ours.is_empty() { ours } else { format!(" ({ours})") }, language.tag()),
        ]
    });
    facts.lines("plan.resources", &plan.resources_needed, |one, language| {
        let kind = one.kind.map(|kind| language.word("resource", kind.as_str()));
        let state = one.state.map(|state| language.word("state", state.as_str()));
        let decider = (!one.decider.trim().is_empty()).then(|| {
            language.say("report.decider", &[("name", &voice::name(&one.decider, language))])
        });
        let due = one.due.map(|due| language.say("report.by", &[("date", &language.day(due))]));
        let ours: Vec<_> = [kind, state, decider, due].into_iter().flatten().collect();
        let ours = ours.join(", ");
        vec![
            voice.theirs(&one.text, tongue),
            Run::new(if ours.is_empty() { ours } else { format!(" ({ours})") }, language.tag()),
        ]
    });
    facts.lines("plan.risks", &plan.risks, |one, language| {
        if one.condition.is_empty() && one.answer.is_empty() {
            return Vec::new();
        }
        let parts = [("if", one.condition.as_str()), ("then", one.answer.as_str())];
        vec![Run::new(language.say("report.risk", &parts), language.tag())]
    });
    let origins: Cell = plan
        .origin_ideas
        .iter()
        .filter_map(|id| board.ideas.iter().find(|idea| idea.id == *id))
        .map(|idea| voice.versions(&idea.text))
        .collect();
    facts.row("report.origin", vec![origins]);
    for (key, value) in [("report.effort", plan.effort), ("report.impact", plan.impact)] {
        if let Some(value) = value {
            facts.say(key, |language| {
                let space = if language == Language::French { "\u{202f}" } else { "" };
                format!("{}{space}%", super::percent(value))
            });
        }
    }
    facts.say("report.status", |language| language.word("status", plan.status.as_str()));
    if plan.visibility != Visibility::Public {
        let code = plan.visibility.as_str();
        facts.say("report.visibility", |language| language.word("visibility", code));
    }
    let reference = plan.reference.as_str();
    let header = (voice.languages().len() > 1).then(|| {
        let mut header = vec![voice.say("report.fields")];
        let names = voice.languages().iter();
        header.extend(names.map(|language| Line::new(language.own_name(), language.tag())));
        header
    });
    Table {
        caption: voice.own(|l| l.say("report.planCaption", &[("ref", reference)])),
        header,
        row_headers: true,
        rows: facts.rows,
    }
}

struct Facts<'p> {
    plan: &'p Plan,
    voice: &'p Voice,
    rows: Vec<Vec<Cell>>,
}

impl Facts<'_> {
    /// A row, unless it says nothing.
    fn row(&mut self, key: &str, cells: Vec<Cell>) {
        if cells.iter().flatten().all(Line::is_empty) {
            return;
        }
        let mut row = vec![vec![self.voice.say(key)]];
        row.extend(cells);
        self.rows.push(row);
    }

    fn text(&mut self, key: &str, text: &Text) {
        let cells = self.voice.cells(|language| self.voice.paragraphs(text, language));
        self.row(key, cells);
    }

    /// In the plan's own language.
    fn theirs(&mut self, key: &str, text: &str) {
        let run = self.voice.theirs(text, self.plan.language.as_deref());
        self.row(key, vec![vec![Line(vec![run])]]);
    }

    /// In each language of the report.
    fn say(&mut self, key: &str, say: impl Fn(Language) -> String) {
        let cells = self.voice.cells(|language| vec![Line::new(say(language), language.tag())]);
        self.row(key, cells);
    }

    fn day(&mut self, key: &str, day: Option<Date>, zone: Option<&str>) {
        if let Some(day) = day {
            self.say(key, |language| with(&language.day(day), zone));
        }
    }

    fn lines<T>(&mut self, key: &str, all: &[T], say: impl Fn(&T, Language) -> Vec<Run>) {
        let cells = self.voice.cells(|language| {
            let lines = all.iter().map(|one| {
                let runs = say(one, language).into_iter().filter(|run| !run.text.is_empty());
                Line(runs.collect())
            });
            lines.filter(|line| !line.is_empty()).collect()
        });
        self.row(key, cells);
    }
}

fn join(parts: &[&str]) -> String {
    let said = parts.iter().filter(|part| !part.trim().is_empty());
    said.copied().collect::<Vec<_>>().join(", ")
}

fn with(text: &str, more: Option<&str>) -> String {
    match more {
        Some(more) if !more.is_empty() && !text.is_empty() => format!("{text} ({more})"),
        Some(more) if text.is_empty() => more.to_owned(),
        _ => text.to_owned(),
    }
}
