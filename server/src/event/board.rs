//! Reads a board's document into plain values. Tolerant: what is missing is empty, what does not
//! fit is left out. Bounded by the schema's limits, whatever the document holds.

use jiff::civil::Date;
use sangam_shared::board::{Board, Cluster, Note, Text, Trace, TranslatedBy, Translation};
use sangam_shared::ids::{ClusterId, Key, NoteId, PlanId, RowId};
use sangam_shared::limits;
use sangam_shared::plan::{
    Citation, CommonsRelation, Evidence, EvidenceKind, FirstStep, Indicator, Milestone, Plan,
    PlanStatus, Resource, ResourceKind, ResourceState, Risk, Stakeholder, StakeholderRole,
    Visibility, Who,
};
use std::collections::BTreeMap;
use std::str::FromStr;
use uuid::Uuid;
use yrs::{Any, GetString, Map, MapRef, Out, ReadTxn};

/// Languages that one text may be translated into.
const TRANSLATIONS_MAX: usize = 20;

/// What stands on a board.
#[must_use]
pub fn read_board(txn: &impl ReadTxn) -> Board {
    let mut board = Board {
        question: root_text(txn, "question", limits::NOTE_CHARS_MAX),
        minutes: root_text(txn, "minutes", limits::MINUTES_CHARS_MAX),
        ..Board::default()
    };
    let at = At(txn);
    let notes = limits::NOTES_PER_BOARD_MAX;
    let practices = root_rows(txn, "practices", notes, |id, map| at.note(id, map));
    (board.practices, board.tray.practices) = split(practices, |note| &note.trace);
    let ideas = root_rows(txn, "ideas", notes, |id, map| at.note(id, map));
    (board.ideas, board.tray.ideas) = split(ideas, |note| &note.trace);
    let max = limits::CLUSTERS_PER_BOARD_MAX;
    let clusters = root_rows(txn, "clusters", max, |id, map| at.cluster(id, map));
    (board.clusters, board.tray.clusters) = split(clusters, |cluster| &cluster.trace);
    let max = limits::PLANS_PER_BOARD_MAX;
    let plans = root_rows(txn, "plans", max, |id, map| at.plan(id, map));
    (board.plans, board.tray.plans) = split(plans, |plan| &plan.trace);
    board
}

fn split<T>(rows: Vec<T>, trace: impl Fn(&T) -> &Trace) -> (Vec<T>, Vec<T>) {
    rows.into_iter().partition(|row| trace(row).deleted_at_ms.is_none())
}

fn root_text(txn: &impl ReadTxn, name: &str, chars_max: usize) -> String {
    txn.get_text(name).map_or_else(String::new, |text| cut(text.get_string(txn), chars_max))
}

fn root_rows<T>(
    txn: &impl ReadTxn,
    name: &str,
    rows_max: usize,
    read: impl Fn(Uuid, &MapRef) -> T,
) -> Vec<T> {
    txn.get_map(name).map_or_else(Vec::new, |table| At(txn).rows_of(&table, rows_max, read))
}

/// A text without what lies beyond its limit, counted as the schema counts.
fn cut(mut text: String, chars_max: usize) -> String {
    if text.len() > chars_max {
        let mut units = 0;
        let end = text.char_indices().find(|(_, c)| {
            units += c.len_utf16();
            units > chars_max
        });
        if let Some((end, _)) = end {
            text.truncate(end);
        }
    }
    text
}

/// One reading of a document.
struct At<'t, T>(&'t T);

impl<T: ReadTxn> At<'_, T> {
    fn map(&self, parent: &MapRef, key: &str) -> Option<MapRef> {
        match parent.get(self.0, key) {
            Some(Out::YMap(map)) => Some(map),
            _ => None,
        }
    }

    /// A text, shared or plain.
    fn text(&self, parent: &MapRef, key: &str, chars_max: usize) -> String {
        match parent.get(self.0, key) {
            Some(Out::YText(text)) => cut(text.get_string(self.0), chars_max),
            Some(Out::Any(Any::String(text))) => cut(text.as_ref().to_owned(), chars_max),
            _ => String::new(),
        }
    }

    fn short(&self, parent: &MapRef, key: &str) -> String {
        self.text(parent, key, limits::SHORT_TEXT_CHARS_MAX)
    }

    fn line(&self, parent: &MapRef, key: &str) -> String {
        self.text(parent, key, limits::VALUE_BYTES_MAX)
    }

    fn filled(&self, parent: &MapRef, key: &str) -> Option<String> {
        Some(self.line(parent, key)).filter(|line| !line.trim().is_empty())
    }

    fn parsed<V: FromStr>(&self, parent: &MapRef, key: &str) -> Option<V> {
        match parent.get(self.0, key) {
            Some(Out::Any(Any::String(text))) => text.parse().ok(),
            _ => None,
        }
    }

    fn word<V>(&self, parent: &MapRef, key: &str, read: impl Fn(&str) -> Option<V>) -> Option<V> {
        match parent.get(self.0, key) {
            Some(Out::Any(Any::String(word))) => read(&word),
            _ => None,
        }
    }

    fn day(&self, parent: &MapRef, key: &str) -> Option<Date> {
        // Only the form of the schema: jiff would also read a day with a time behind it.
        self.word(parent, key, |text| (text.len() == 10).then(|| text.parse().ok()).flatten())
    }

    fn number(&self, parent: &MapRef, key: &str) -> Option<f64> {
        match parent.get(self.0, key) {
            Some(Out::Any(Any::Number(number))) => number.as_f64().filter(|n| n.is_finite()),
            _ => None,
        }
    }

    fn unit(&self, parent: &MapRef, key: &str) -> Option<f64> {
        self.number(parent, key).map(|number| number.clamp(0.0, 1.0))
    }

    fn time_ms(&self, parent: &MapRef, key: &str) -> Option<u64> {
        let number = self.number(parent, key)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the range of exact integers"
        )]
        (0.0..=9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
    }

    /// The rows of a table by (order, id), at most so many.
    fn rows_of<R>(
        &self,
        table: &MapRef,
        rows_max: usize,
        read: impl Fn(Uuid, &MapRef) -> R,
    ) -> Vec<R> {
        let mut rows: Vec<(String, Uuid, MapRef)> = table
            .iter(self.0)
            .filter_map(|(key, out)| {
                let (Ok(id), Out::YMap(row)) = (Uuid::try_parse(key), out) else { return None };
                Some((self.text(&row, "order", 200), id, row))
            })
            .collect();
        rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        rows.truncate(rows_max);
        rows.iter().map(|(_, id, row)| read(*id, row)).collect()
    }

    fn rows<R>(&self, parent: &MapRef, key: &str, read: impl Fn(Uuid, &MapRef) -> R) -> Vec<R> {
        let max = limits::ROWS_PER_PLAN_LIST_MAX;
        self.map(parent, key).map_or_else(Vec::new, |table| self.rows_of(&table, max, read))
    }

    /// A text with its translations, which stand under `prefix` and a language tag.
    fn worded(&self, item: &MapRef, key: &str, prefix: &str, chars_max: usize) -> Text {
        let mut translations = BTreeMap::new();
        if let Some(table) = self.map(item, "translations") {
            let meta = self.map(item, "translationMeta");
            for name in table.keys(self.0) {
                let Some(language) = name.strip_prefix(prefix) else { continue };
                let text = self.text(&table, name, chars_max);
                if text.trim().is_empty() || translations.len() == TRANSLATIONS_MAX {
                    continue;
                }
                let meta = meta.as_ref().and_then(|meta| self.map(meta, name));
                let by = meta.as_ref().and_then(|m| self.word(m, "by", translated_by));
                let stale = meta.as_ref().and_then(|m| m.get(self.0, "stale"));
                translations.insert(
                    language.to_owned(),
                    Translation {
                        text,
                        by: by.unwrap_or_default(),
                        stale: matches!(stale, Some(Out::Any(Any::Bool(true)))),
                    },
                );
            }
        }
        let language = self.filled(item, "lang");
        Text { original: self.text(item, key, chars_max), language, translations }
    }

    fn trace(&self, item: &MapRef) -> Trace {
        Trace {
            author: self.parsed(item, "authorId"),
            created_at_ms: self.time_ms(item, "createdAt"),
            moved_by: self.parsed(item, "movedBy"),
            deleted_at_ms: self.time_ms(item, "deletedAt"),
            deleted_by: self.parsed(item, "deletedBy"),
        }
    }

    fn note(&self, id: Uuid, map: &MapRef) -> Note {
        Note {
            id: NoteId(id),
            text: self.worded(map, "text", "", limits::NOTE_CHARS_MAX),
            site: self.parsed(map, "siteId"),
            cluster: self.parsed(map, "clusterId"),
            colour: self.parsed(map, "colour"),
            trace: self.trace(map),
        }
    }

    fn cluster(&self, id: Uuid, map: &MapRef) -> Cluster {
        Cluster {
            id: ClusterId(id),
            name: self.worded(map, "name", "", limits::SHORT_TEXT_CHARS_MAX),
            colour: self.parsed(map, "colour"),
            effort: self.unit(map, "effort"),
            impact: self.unit(map, "impact"),
            trace: self.trace(map),
        }
    }

    fn plan(&self, id: Uuid, map: &MapRef) -> Plan {
        let long = limits::LONG_TEXT_CHARS_MAX;
        Plan {
            id: PlanId(id),
            reference: self.text(map, "ref", 16),
            title: self.worded(map, "title", "title.", limits::SHORT_TEXT_CHARS_MAX),
            problem: self.worded(map, "problem", "problem.", long),
            description: self.worded(map, "description", "description.", long),
            expected_result: self.worded(map, "expectedResult", "expectedResult.", long),
            language: self.filled(map, "lang"),
            indicator: self.map(map, "indicator").map_or_else(Indicator::default, |map| {
                Indicator {
                    name: self.short(&map, "name"),
                    baseline: self.short(&map, "baseline"),
                    target: self.short(&map, "target"),
                    unit: self.short(&map, "unit"),
                }
            }),
            lead: self.who(map, "lead"),
            co_lead: self.who(map, "coLead"),
            stakeholders: self.rows(map, "stakeholders", |id, row| Stakeholder {
                id: RowId(id),
                organisation: self.line(row, "organisation"),
                person: self.line(row, "person"),
                country: self.filled(row, "country"),
                role: self.word(row, "role", StakeholderRole::parse),
            }),
            first_step: self.map(map, "firstStep").map_or_else(FirstStep::default, |map| {
                FirstStep {
                    text: self.short(&map, "text"),
                    trigger: self.short(&map, "trigger"),
                    owner: self.parsed(&map, "ownerId"),
                    owner_name: self.line(&map, "ownerName"),
                    due: self.day(&map, "due"),
                    time_zone: self.filled(&map, "timeZone"),
                }
            }),
            milestones: self.rows(map, "milestones", |id, row| Milestone {
                id: RowId(id),
                title: self.short(row, "title"),
                deliverable: self.short(row, "deliverable"),
                due: self.day(row, "due"),
                owner: self.parsed(row, "ownerId"),
                status: self
                    .word(row, "status", PlanStatus::parse)
                    .unwrap_or(PlanStatus::NotStarted),
            }),
            start_date: self.day(map, "startDate"),
            due_date: self.day(map, "dueDate"),
            time_zone: self.filled(map, "timeZone"),
            resources_needed: self.rows(map, "resourcesNeeded", |id, row| Resource {
                id: RowId(id),
                kind: self.word(row, "kind", ResourceKind::parse),
                text: self.short(row, "text"),
                state: self.word(row, "state", ResourceState::parse),
                decider: self.line(row, "decider"),
                due: self.day(row, "due"),
            }),
            commons: self.rows(map, "commons", |id, row| Citation {
                id: RowId(id),
                common: self.parsed::<Key>(row, "commonId"),
                relation: self.word(row, "relation", CommonsRelation::parse),
            }),
            risks: self.rows(map, "risks", |id, row| Risk {
                id: RowId(id),
                condition: self.short(row, "if"),
                answer: self.short(row, "then"),
            }),
            evidence: self.rows(map, "evidence", |id, row| Evidence {
                id: RowId(id),
                kind: self.word(row, "type", EvidenceKind::parse),
                url: self.line(row, "url"),
                title: self.short(row, "title"),
                date: self.day(row, "date"),
            }),
            origin_ideas: self.origins(map),
            effort: self.unit(map, "effort"),
            impact: self.unit(map, "impact"),
            status: self.word(map, "status", PlanStatus::parse).unwrap_or(PlanStatus::NotStarted),
            visibility: self
                .word(map, "visibility", Visibility::parse)
                .unwrap_or(Visibility::Participants),
            trace: self.trace(map),
        }
    }

    fn who(&self, plan: &MapRef, key: &str) -> Option<Who> {
        let map = self.map(plan, key)?;
        if let Some(participant_id) = self.parsed(&map, "participantId") {
            return Some(Who::Here { participant_id });
        }
        let (name, organisation) = (self.line(&map, "name"), self.line(&map, "organisation"));
        if name.trim().is_empty() && organisation.trim().is_empty() {
            return None;
        }
        Some(Who::Elsewhere { name, organisation, country: self.filled(&map, "country") })
    }

    fn origins(&self, plan: &MapRef) -> Vec<NoteId> {
        let Some(table) = self.map(plan, "originIdeas") else { return Vec::new() };
        let mut ids: Vec<_> = table
            .iter(self.0)
            .filter(|(_, out)| !matches!(out, Out::Any(Any::Bool(false) | Any::Null)))
            .filter_map(|(key, _)| Uuid::try_parse(key).ok().map(NoteId))
            .collect();
        ids.sort_unstable();
        ids.truncate(limits::NOTES_PER_BOARD_MAX);
        ids
    }
}

fn translated_by(word: &str) -> Option<TranslatedBy> {
    match word {
        "human" => Some(TranslatedBy::Human),
        "machine" => Some(TranslatedBy::Machine),
        "reviewed" => Some(TranslatedBy::Reviewed),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
