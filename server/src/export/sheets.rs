//! Tables of what the boards hold, one row per thing, for spreadsheets. CSV and XLSX write the same.

use crate::event::model::Workshop;
use crate::export::dossier::Dossier;
use crate::export::report::voice;
use crate::export::words::Language;
use jiff::civil::Date;
use sangam_shared::board::{Board, Note, Text};
use sangam_shared::ids::PersonId;
use sangam_shared::plan::{Milestone, Plan, Resource, ResourceKind, ResourceState, Who};

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// For the name of a file: ASCII.
    pub key: &'static str,
    /// For people.
    pub name: String,
    /// Over the columns.
    pub columns: Vec<String>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<Value>>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, never a formula.
    Text(String),
    /// A day.
    Day(Date),
    /// A number.
    Number(f64),
    /// Nothing.
    Empty,
}

/// All tables of a dossier, in one language: plans, milestones, needs, ideas, practices, minutes.
#[must_use]
pub fn build(dossier: &Dossier, language: Language) -> Vec<Sheet> {
    let source = &dossier.source;
    let boards: Vec<_> = source.event.workshops.iter().zip(&source.boards).collect();
    let table = Builder { dossier, language, boards };
    let sheets = vec![
        table.plans(),
        table.milestones(),
        table.resources(),
        table.notes("ideas", "board.ideas", |board| &board.ideas),
        table.notes("practices", "board.practices", |board| &board.practices),
        table.minutes(),
    ];
    // The plans are always there: an empty workbook would be a riddle.
    sheets.into_iter().filter(|sheet| sheet.key == "plans" || !sheet.rows.is_empty()).collect()
}

struct Builder<'d> {
    dossier: &'d Dossier,
    language: Language,
    boards: Vec<(&'d Workshop, &'d Board)>,
}

impl Builder<'_> {
    fn sheet(
        &self,
        key: &'static str,
        name: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> Sheet {
        let say = |key: &&str| self.language.say(key, &[]);
        Sheet { key, name: say(&name), columns: columns.iter().map(say).collect(), rows }
    }

    fn each<T>(
        &self,
        list: impl Fn(&Board) -> &[T],
        row: impl Fn(&Workshop, &Board, &T) -> Vec<Value>,
    ) -> Vec<Vec<Value>> {
        let rows = self.boards.iter().flat_map(|(workshop, board)| {
            list(board).iter().map(|one| row(workshop, board, one)).collect::<Vec<_>>()
        });
        rows.collect()
    }

    fn plans(&self) -> Sheet {
        const COLUMNS: &[&str] = &[
            "report.workshop",
            "report.ref",
            "report.planTitle",
            "report.language",
            "report.translated",
            "report.problem",
            "report.description",
            "report.leader",
            "report.coLead",
            "report.trigger",
            "report.firstStep",
            "report.stepOwner",
            "plan.firstStepDue",
            "report.start",
            "report.due",
            "report.timeZone",
            "report.stakeholders",
            "report.commons",
            "report.expectedResult",
            "plan.indicator",
            "plan.baseline",
            "plan.target",
            "plan.unit",
            "plan.evidence",
            "plan.risks",
            "report.effort",
            "report.impact",
            "report.status",
            "report.visibility",
        ];
        let rows = self.each(
            |board| &board.plans,
            |workshop, _, plan| {
                let leader = |who: &Option<Who>| {
                    who.as_ref().map_or_else(String::new, |who| {
                        voice::leader(who, self.dossier, self.language)
                    })
                };
                let step = &plan.first_step;
                let owner = match step.owner {
                    Some(owner) => self.who(owner),
                    None => voice::name(&step.owner_name, self.language),
                };
                vec![
                    Value::Number(f64::from(workshop.number)),
                    text(&plan.reference),
                    text(&plan.title.original),
                    text(plan.language.as_deref().unwrap_or_default()),
                    text(&translated(&plan.title)),
                    text(&plan.problem.original),
                    text(&plan.description.original),
                    text(&leader(&plan.lead)),
                    text(&leader(&plan.co_lead)),
                    text(&step.trigger),
                    text(&step.text),
                    text(&owner),
                    day(step.due),
                    day(plan.start_date),
                    day(plan.due_date),
                    text(plan.time_zone.as_deref().unwrap_or_default()),
                    text(&self.stakeholders(plan)),
                    text(&self.commons(plan)),
                    text(&plan.expected_result.original),
                    text(&plan.indicator.name),
                    text(&plan.indicator.baseline),
                    text(&plan.indicator.target),
                    text(&plan.indicator.unit),
                    text(&lines(plan.evidence.iter().map(|one| join(&[&one.title, &one.url])))),
                    text(&lines(plan.risks.iter().map(|one| {
                        let parts = [("if", one.condition.as_str()), ("then", one.answer.as_str())];
                        self.language.say("report.risk", &parts)
                    }))),
                    number(plan.effort),
                    number(plan.impact),
                    text(&self.language.word("status", plan.status.as_str())),
                    text(&self.language.word("visibility", plan.visibility.as_str())),
                ]
            },
        );
        self.sheet("plans", "board.plans", COLUMNS, rows)
    }

    fn milestones(&self) -> Sheet {
        const COLUMNS: &[&str] = &[
            "report.workshop",
            "report.plan",
            "plan.milestone",
            "plan.deliverable",
            "report.due",
            "report.owner",
            "report.status",
        ];
        let plans = self
            .boards
            .iter()
            .flat_map(|(workshop, board)| board.plans.iter().map(|plan| (workshop.number, plan)));
        let rows = plans.flat_map(|(number, plan)| {
            let row = |one: &Milestone| {
                vec![
                    Value::Number(f64::from(number)),
                    text(&plan.reference),
                    text(&one.title),
                    text(&one.deliverable),
                    day(one.due),
                    text(&one.owner.map_or_else(String::new, |id| self.who(id))),
                    text(&self.language.word("status", one.status.as_str())),
                ]
            };
            plan.milestones.iter().map(row).collect::<Vec<_>>()
        });
        self.sheet("milestones", "plan.milestones", COLUMNS, rows.collect())
    }

    fn resources(&self) -> Sheet {
        const COLUMNS: &[&str] = &[
            "report.workshop",
            "report.plan",
            "plan.kind",
            "plan.resource",
            "plan.state",
            "report.deciderColumn",
            "report.due",
        ];
        let plans = self
            .boards
            .iter()
            .flat_map(|(workshop, board)| board.plans.iter().map(|plan| (workshop.number, plan)));
        let rows = plans.flat_map(|(number, plan)| {
            let row = |one: &Resource| {
                let word = |scale: &str, code: Option<&str>| {
                    text(&code.map_or_else(String::new, |code| self.language.word(scale, code)))
                };
                vec![
                    Value::Number(f64::from(number)),
                    text(&plan.reference),
                    word("resource", one.kind.map(ResourceKind::as_str)),
                    text(&one.text),
                    word("state", one.state.map(ResourceState::as_str)),
                    text(&voice::name(&one.decider, self.language)),
                    day(one.due),
                ]
            };
            plan.resources_needed.iter().map(row).collect::<Vec<_>>()
        });
        self.sheet("needs", "plan.resources", COLUMNS, rows.collect())
    }

    fn notes(&self, key: &'static str, name: &str, list: impl Fn(&Board) -> &Vec<Note>) -> Sheet {
        const COLUMNS: &[&str] = &[
            "report.workshop",
            "report.text",
            "report.language",
            "report.translated",
            "report.place",
            "report.from",
            "report.cluster",
            "report.usedIn",
        ];
        let rows = self.each(
            |board| list(board).as_slice(),
            |workshop, board, note| {
                let cluster = board.clusters.iter().find(|c| Some(c.id) == note.cluster);
                let plans = board.plans.iter().filter(|plan| plan.origin_ideas.contains(&note.id));
                vec![
                    Value::Number(f64::from(workshop.number)),
                    text(&note.text.original),
                    text(note.text.language.as_deref().unwrap_or_default()),
                    text(&translated(&note.text)),
                    text(note.site.as_ref().map_or("", |site| site.as_str())),
                    text(&note.trace.author.map_or_else(String::new, |id| self.who(id))),
                    text(cluster.map_or("", |cluster| &cluster.name.original)),
                    text(&plans.map(|plan| plan.reference.as_str()).collect::<Vec<_>>().join(", ")),
                ]
            },
        );
        self.sheet(key, name, COLUMNS, rows)
    }

    /// A row a line: a cell does not hold two hundred thousand characters.
    fn minutes(&self) -> Sheet {
        let rows = self.boards.iter().flat_map(|(workshop, board)| {
            let number = f64::from(workshop.number);
            let minutes = board.minutes.split('\n').filter(|line| !line.trim().is_empty());
            minutes.map(move |line| vec![Value::Number(number), text(line)])
        });
        self.sheet("minutes", "board.minutes", &["report.workshop", "report.text"], rows.collect())
    }

    fn who(&self, id: PersonId) -> String {
        voice::who(id, self.dossier, self.language)
    }

    fn stakeholders(&self, plan: &Plan) -> String {
        lines(plan.stakeholders.iter().map(|one| {
            let role = one.role.map(|role| self.language.word("stakeholder", role.as_str()));
            let person = voice::name(&one.person, self.language);
            let country = one.country.as_deref().unwrap_or_default();
            join(&[&person, &one.organisation, country, role.as_deref().unwrap_or_default()])
        }))
    }

    fn commons(&self, plan: &Plan) -> String {
        lines(plan.commons.iter().map(|one| {
            let known = &self.dossier.source.event.commons;
            let key = one.common.as_ref().map_or("", |key| key.as_str());
            let common = known.iter().find(|common| common.key.as_str() == key);
            let relation = one.relation.map(|r| self.language.word("relation", r.as_str()));
            join(&[
                common.map_or(key, |common| &common.name),
                relation.as_deref().unwrap_or_default(),
            ])
        }))
    }
}

/// Every translation, each with its language.
fn translated(words: &Text) -> String {
    let all = words.translations.iter();
    lines(all.map(|(tag, translation)| format!("{tag}: {}", translation.text)))
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Empty } else { Value::Text(text.to_owned()) }
}

fn day(day: Option<Date>) -> Value {
    day.map_or(Value::Empty, Value::Day)
}

fn number(number: Option<f64>) -> Value {
    number.map_or(Value::Empty, Value::Number)
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn join(parts: &[&str]) -> String {
    let said = parts.iter().filter(|part| !part.is_empty());
    said.copied().collect::<Vec<_>>().join(", ")
}
