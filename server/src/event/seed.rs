//! Writes a board's first content, as the file gives it, through the schema that everybody uses.

use crate::clock::Chance;
use crate::event::file::{ElsewhereSeed, NoteSeed, PlanSeed, Ref, WorkshopEntry};
use crate::event::model::Workshop;
use sangam_shared::ids::{Key, PersonId};
use std::collections::{BTreeMap, HashMap};
use yrs::{
    Any, Doc, Map, MapPrelim, MapRef, OffsetKind, Options, Text, TextPrelim, TextRef, Transact,
    TransactionMut,
};

/// What a seed may refer to.
pub struct Context<'a> {
    /// People by their key in the file, and where they are.
    pub people: &'a HashMap<String, (PersonId, Key)>,
    /// Time zones by site.
    pub zones: &'a HashMap<Key, String>,
    /// The event's first language.
    pub language: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Ids and the writer's client id.
    pub chance: &'a Chance,
}

/// One update (V1) that fills an empty board.
#[must_use]
pub fn board(context: &Context<'_>, workshop: &Workshop, entry: &WorkshopEntry) -> Vec<u8> {
    let client = yrs::block::ClientID::new(context.chance.client_id());
    let doc = Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(client)
    });
    let question = doc.get_or_insert_text("question");
    let practices = doc.get_or_insert_map("practices");
    let ideas = doc.get_or_insert_map("ideas");
    let clusters = doc.get_or_insert_map("clusters");
    let plans = doc.get_or_insert_map("plans");
    let minutes = doc.get_or_insert_text("minutes");
    let mut txn = doc.transact_mut();
    let mut writer = Writer { context, txn: &mut txn };
    if let Some(text) = workshop.question.get(context.language) {
        question.push(writer.txn, text);
    }
    if !entry.minutes.is_empty() {
        minutes.push(writer.txn, &entry.minutes);
    }
    let mut cluster_ids = HashMap::new();
    for (n, seed) in entry.clusters.iter().enumerate() {
        let (id, cluster) = writer.row(&clusters);
        writer.text(&cluster, "name", seed.name.get_ref());
        writer.value(&cluster, "lang", seed.lang.get_ref().as_str());
        writer.value(&cluster, "order", order(n));
        writer.unit(&cluster, "effort", seed.effort);
        writer.unit(&cluster, "impact", seed.impact);
        writer.translations(&cluster, &BTreeMap::new());
        writer.created(&cluster);
        cluster_ids.insert(seed.key.get_ref().as_str(), id);
    }
    for (n, seed) in entry.practices.iter().enumerate() {
        writer.note(&practices, n, seed, &HashMap::new());
    }
    let mut idea_ids = HashMap::new();
    for (n, seed) in entry.ideas.iter().enumerate() {
        let id = writer.note(&ideas, n, seed, &cluster_ids);
        if let Some(key) = &seed.key {
            idea_ids.insert(key.as_str(), id);
        }
    }
    for (n, seed) in entry.plans.iter().enumerate() {
        writer.plan(&plans, workshop.number, n, seed, &idea_ids);
    }
    txn.commit();
    txn.encode_update_v1()
}

struct Writer<'a, 'doc> {
    context: &'a Context<'a>,
    txn: &'a mut TransactionMut<'doc>,
}

impl Writer<'_, '_> {
    fn row(&mut self, table: &MapRef) -> (String, MapRef) {
        let id = self.context.chance.uuid().to_string();
        let row = table.insert(self.txn, id.as_str(), MapPrelim::default());
        (id, row)
    }

    fn map(&mut self, parent: &MapRef, key: &str) -> MapRef {
        parent.insert(self.txn, key, MapPrelim::default())
    }

    fn text(&mut self, parent: &MapRef, key: &str, text: &str) {
        let _: TextRef = parent.insert(self.txn, key, TextPrelim::new(text));
    }

    fn value(&mut self, parent: &MapRef, key: &str, value: impl Into<Any>) {
        parent.insert(self.txn, key, value.into());
    }

    fn day(&mut self, parent: &MapRef, key: &str, day: Option<&Ref>) {
        if let Some(day) = day {
            self.value(parent, key, day.get_ref().as_str());
        }
    }

    fn unit(&mut self, parent: &MapRef, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.value(parent, key, value.clamp(0.0, 1.0));
        }
    }

    fn created(&mut self, parent: &MapRef) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds fit 53 bits")]
        self.value(parent, "createdAt", self.context.now_ms as f64);
    }

    fn translations(&mut self, parent: &MapRef, texts: &BTreeMap<String, String>) {
        let translations = self.map(parent, "translations");
        let meta = self.map(parent, "translationMeta");
        for (key, text) in texts {
            self.text(&translations, key, text);
            let entry = self.map(&meta, key);
            self.value(&entry, "by", "human");
            self.value(&entry, "stale", false);
        }
    }

    fn author(&mut self, parent: &MapRef, author: &Ref) -> Option<Key> {
        let (id, site) = self.context.people.get(author.get_ref())?;
        self.value(parent, "authorId", id.to_string());
        Some(site.clone())
    }

    fn note(
        &mut self,
        table: &MapRef,
        n: usize,
        seed: &NoteSeed,
        clusters: &HashMap<&str, String>,
    ) -> String {
        let (id, note) = self.row(table);
        self.text(&note, "text", seed.text.get_ref());
        self.value(&note, "lang", seed.lang.get_ref().as_str());
        if let Some(site) = self.author(&note, &seed.author) {
            self.value(&note, "siteId", site.as_str());
        }
        if let Some(cluster) =
            seed.cluster.as_ref().and_then(|c| clusters.get(c.get_ref().as_str()))
        {
            self.value(&note, "clusterId", cluster.as_str());
        }
        self.value(&note, "order", order(n));
        self.translations(&note, &seed.translations);
        self.created(&note);
        id
    }

    fn plan(
        &mut self,
        plans: &MapRef,
        workshop: u32,
        n: usize,
        seed: &PlanSeed,
        ideas: &HashMap<&str, String>,
    ) {
        let (_, plan) = self.row(plans);
        self.value(&plan, "ref", format!("{workshop}.{}", n + 1));
        self.text(&plan, "title", seed.title.get_ref());
        self.text(&plan, "problem", &seed.problem);
        self.text(&plan, "description", &seed.description);
        self.text(&plan, "expectedResult", &seed.expected_result);
        self.value(&plan, "lang", seed.lang.get_ref().as_str());
        self.translations(&plan, &seed.translations);
        self.indicator(&plan, seed);
        self.person(&plan, "lead", seed.lead.as_ref(), seed.lead_elsewhere.as_ref());
        self.person(&plan, "coLead", seed.co_lead.as_ref(), seed.co_lead_elsewhere.as_ref());
        let site = self.author(&plan, &seed.author);
        let zone = site.and_then(|site| self.context.zones.get(&site)).cloned();
        self.first_step(&plan, seed, zone.as_deref());
        self.day(&plan, "startDate", seed.start.as_ref());
        self.day(&plan, "dueDate", seed.due.as_ref());
        if let Some(zone) = &zone {
            self.value(&plan, "timeZone", zone.as_str());
        }
        self.lists(&plan, seed);
        let origins = self.map(&plan, "originIdeas");
        for idea in &seed.from_ideas {
            if let Some(id) = ideas.get(idea.get_ref().as_str()) {
                self.value(&origins, id, true);
            }
        }
        self.unit(&plan, "effort", seed.effort);
        self.unit(&plan, "impact", seed.impact);
        self.value(&plan, "status", "not_started");
        self.value(&plan, "visibility", "public");
        self.value(&plan, "order", order(n));
        self.created(&plan);
    }

    fn indicator(&mut self, plan: &MapRef, seed: &PlanSeed) {
        let map = self.map(plan, "indicator");
        let seed = seed.indicator.as_ref();
        self.text(&map, "name", seed.map_or("", |s| &s.name));
        self.text(&map, "baseline", seed.map_or("", |s| &s.baseline));
        self.text(&map, "target", seed.map_or("", |s| &s.target));
        self.text(&map, "unit", seed.map_or("", |s| &s.unit));
    }

    fn person(
        &mut self,
        plan: &MapRef,
        key: &str,
        here: Option<&Ref>,
        elsewhere: Option<&ElsewhereSeed>,
    ) {
        let map = self.map(plan, key);
        if let Some((id, _)) = here.and_then(|key| self.context.people.get(key.get_ref())) {
            self.value(&map, "participantId", id.to_string());
        } else if let Some(person) = elsewhere {
            if let Some(name) = &person.name {
                self.value(&map, "name", name.as_str());
            }
            self.value(&map, "organisation", person.organisation.as_str());
            if let Some(country) = &person.country {
                self.value(&map, "country", country.as_str());
            }
        }
    }

    fn first_step(&mut self, plan: &MapRef, seed: &PlanSeed, zone: Option<&str>) {
        let map = self.map(plan, "firstStep");
        let seed = seed.first_step.as_ref();
        self.text(&map, "text", seed.map_or("", |s| &s.text));
        self.text(&map, "trigger", seed.map_or("", |s| &s.trigger));
        let owner = seed.and_then(|s| s.owner.as_ref());
        if let Some((id, _)) = owner.and_then(|key| self.context.people.get(key.get_ref())) {
            self.value(&map, "ownerId", id.to_string());
        }
        self.day(&map, "due", seed.and_then(|s| s.due.as_ref()));
        if let Some(zone) = zone {
            self.value(&map, "timeZone", zone);
        }
    }

    fn lists(&mut self, plan: &MapRef, seed: &PlanSeed) {
        let list = self.map(plan, "stakeholders");
        for (n, seed) in seed.stakeholders.iter().enumerate() {
            let (_, row) = self.row(&list);
            self.value(&row, "organisation", seed.organisation.as_str());
            self.value(&row, "person", seed.person.as_str());
            if let Some(country) = &seed.country {
                self.value(&row, "country", country.as_str());
            }
            self.value(&row, "role", seed.role.get_ref().as_str());
            self.value(&row, "order", order(n));
        }
        let list = self.map(plan, "milestones");
        for (n, seed) in seed.milestones.iter().enumerate() {
            let (_, row) = self.row(&list);
            self.text(&row, "title", &seed.title);
            self.text(&row, "deliverable", &seed.deliverable);
            self.day(&row, "due", seed.due.as_ref());
            let owner = seed.owner.as_ref().and_then(|o| self.context.people.get(o.get_ref()));
            if let Some((id, _)) = owner {
                self.value(&row, "ownerId", id.to_string());
            }
            self.value(&row, "status", "not_started");
            self.value(&row, "order", order(n));
        }
        let list = self.map(plan, "resourcesNeeded");
        for (n, seed) in seed.resources.iter().enumerate() {
            let (_, row) = self.row(&list);
            self.value(&row, "kind", seed.kind.get_ref().as_str());
            self.text(&row, "text", &seed.text);
            self.value(&row, "state", seed.state.get_ref().as_str());
            self.value(&row, "order", order(n));
        }
        let list = self.map(plan, "commons");
        for (n, seed) in seed.commons.iter().enumerate() {
            let (_, row) = self.row(&list);
            self.value(&row, "commonId", seed.common.get_ref().as_str());
            self.value(&row, "relation", seed.relation.get_ref().as_str());
            self.value(&row, "order", order(n));
        }
        let list = self.map(plan, "risks");
        for (n, seed) in seed.risks.iter().enumerate() {
            let (_, row) = self.row(&list);
            self.text(&row, "if", &seed.condition);
            self.text(&row, "then", &seed.answer);
            self.value(&row, "order", order(n));
        }
        let list = self.map(plan, "evidence");
        for (n, seed) in seed.evidence.iter().enumerate() {
            let (_, row) = self.row(&list);
            self.value(&row, "type", seed.kind.get_ref().as_str());
            self.text(&row, "title", &seed.title);
            self.value(&row, "url", seed.url.as_str());
            self.day(&row, "date", seed.date.as_ref());
            self.value(&row, "order", order(n));
        }
    }
}

/// The n-th fractional index, as the `fractional-indexing` package counts from its start.
fn order(n: usize) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |n: usize| char::from(DIGITS[n % 62]);
    if n < 62 {
        format!("a{}", digit(n))
    } else {
        let n = n - 62;
        format!("b{}{}", digit(n / 62), digit(n))
    }
}

#[cfg(test)]
pub(crate) mod tests;
