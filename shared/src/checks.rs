//! Is a plan concrete and quickly activable? The rules A1–A6 and B1–B8 of SCHEMA.md, as pure
//! functions over a plan and what is known around it. The server computes them as boards change;
//! everybody else says them in the reader's language, as the next sentence to write.

mod verbs;
mod words;

use crate::board::{Text, TranslatedBy};
use crate::ids::{Key, PersonId, PlanId};
use crate::plan::{Plan, ResourceKind, ResourceState, Visibility, Who};
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Days after the event in which the first step is due (A4).
pub const FIRST_STEP_DAYS_MAX: i64 = 7;
/// Days until a first milestone, where a plan takes over a year (B5).
pub const MILESTONE_DAYS_MAX: i64 = 90;
/// Days after which a plan takes over a year (B5).
pub const LONG_PLAN_DAYS: i64 = 365;
/// First steps that one person can take in a week (B7).
pub const FIRST_STEPS_PER_WEEK_MAX: usize = 3;
/// Plans that one group can present (B8).
pub const PLANS_PER_GROUP_MAX: usize = 5;
/// Two plans that share more of their words than this look like one (B8), in per cent.
pub const SHARED_WORDS_PERCENT_MAX: usize = 60;

/// A rule of SCHEMA.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[expect(missing_docs, reason = "SCHEMA.md says what each means")]
pub enum Code {
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    B1,
    B2,
    B3,
    B4,
    B5,
    B6,
    B7,
    B8,
}

impl Code {
    /// Every rule.
    pub const ALL: [Self; 14] = {
        use Code::{A1, A2, A3, A4, A5, A6, B1, B2, B3, B4, B5, B6, B7, B8};
        [A1, A2, A3, A4, A5, A6, B1, B2, B3, B4, B5, B6, B7, B8]
    };

    /// How much it matters.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::A1 | Self::A2 | Self::A3 | Self::A4 | Self::A5 | Self::A6 => Level::Blocks,
            Self::B8 => Level::Informs,
            _ => Level::Warns,
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is an idea, not yet a plan.
    Blocks,
    /// It is a plan with a weakness.
    Warns,
    /// It is worth a look.
    Informs,
}

/// One thing that is still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Finding {
    /// The rule.
    pub code: Code,
    /// The sentence that is to be written.
    #[serde(flatten)]
    pub ask: Ask,
}

impl Finding {
    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        self.code.level()
    }
}

/// A text of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the plan")]
pub enum Field {
    Title,
    Problem,
    Description,
    ExpectedResult,
    FirstStep,
    Milestone,
    StartDate,
    DueDate,
}

/// The question behind a finding, with what its sentence needs. People are ids, days are
/// `YYYY-MM-DD`: names and calendars are the reader's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "ask", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the fields say it")]
pub enum Ask {
    /// A1: who, by name, will do it?
    Lead,
    /// A1: who at this organisation?
    LeadPerson { organisation: String },
    /// A2: does the lead say yes?
    Acceptance,
    /// A3: what happens first?
    FirstStep,
    /// A3: who takes it?
    FirstStepOwner,
    /// A3: begin it with a verb.
    FirstStepVerb,
    /// A4: on which day?
    FirstStepDay { suggested: String },
    /// A4: that is late.
    FirstStepLate { latest: String },
    /// A4: that is before the event.
    FirstStepPast { earliest: String },
    /// A5: until when?
    DueDay,
    /// A5: that is not after the first step.
    DueAfterFirstStep { day: String },
    /// A6: how will a stranger know?
    Proof,
    /// B1: with whom, elsewhere?
    Partner,
    /// B2: with which common?
    Common,
    /// B2: under which licence is this common?
    Licence {
        #[cfg_attr(test, ts(as = "String"))]
        common: Key,
    },
    /// B3: what exactly, instead of this verb?
    Vague { word: String, field: Field },
    /// B4: who decides this?
    Decider { text: String },
    /// B4: when will this be decided?
    DecisionDay { text: String },
    /// B5: what will be there within three months?
    EarlyMilestone { latest: String },
    /// B6: how is this said in that language?
    Translation { field: Field, language: String },
    /// B6: somebody should read the machine's translation.
    Review { field: Field, language: String },
    /// B6: the original has changed since.
    Stale { field: Field, language: String },
    /// B7: nobody works on that day.
    Weekend { field: Field, day: String },
    /// B7: nobody works on that day there.
    Holiday { field: Field, day: String },
    /// B7: that is much for one person in one week.
    Busy {
        #[cfg_attr(test, ts(as = "String"))]
        person: PersonId,
        count: u32,
    },
    /// B8: which of so many plans matter most?
    TooMany { count: u32 },
    /// B8: are these two one?
    Similar { reference: String },
}

impl Ask {
    /// The rule that asks.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Lead | Self::LeadPerson { .. } => Code::A1,
            Self::Acceptance => Code::A2,
            Self::FirstStep | Self::FirstStepOwner | Self::FirstStepVerb => Code::A3,
            Self::FirstStepDay { .. } | Self::FirstStepLate { .. } | Self::FirstStepPast { .. } => {
                Code::A4
            }
            Self::DueDay | Self::DueAfterFirstStep { .. } => Code::A5,
            Self::Proof => Code::A6,
            Self::Partner => Code::B1,
            Self::Common | Self::Licence { .. } => Code::B2,
            Self::Vague { .. } => Code::B3,
            Self::Decider { .. } | Self::DecisionDay { .. } => Code::B4,
            Self::EarlyMilestone { .. } => Code::B5,
            Self::Translation { .. } | Self::Review { .. } | Self::Stale { .. } => Code::B6,
            Self::Weekend { .. } | Self::Holiday { .. } | Self::Busy { .. } => Code::B7,
            Self::TooMany { .. } | Self::Similar { .. } => Code::B8,
        }
    }
}

/// What is known around the plans of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The day, at the first site.
    pub event_day: Date,
    /// Languages of the event's public texts, as tags.
    pub languages: Vec<String>,
    /// Places, the first one first.
    pub sites: Vec<Site>,
    /// Where each person is.
    pub people: BTreeMap<PersonId, Key>,
    /// The licence of each common on the shelf, where it is known.
    pub shelf: BTreeMap<Key, Option<String>>,
    /// The lead that has accepted each plan. Another lead has to accept anew.
    pub accepted: BTreeMap<PlanId, Who>,
    /// First steps per person and week, over all boards.
    pub workload: Workload,
}

/// A place, as far as days and partners go.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its short name.
    pub key: Key,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The event's day by this site's clock.
    pub event_day: Date,
    /// Its public holidays.
    pub holidays: BTreeSet<Date>,
}

/// How many first steps each person takes in each week; a week is named by its Monday.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload(BTreeMap<(PersonId, Date), u32>);

impl Workload {
    /// Counts the first steps of plans.
    #[must_use]
    pub fn of<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Self {
        let mut counts = BTreeMap::new();
        for plan in plans {
            if let (Some(owner), Some(due)) = (plan.first_step.owner, plan.first_step.due) {
                *counts.entry((owner, monday(due))).or_insert(0) += 1;
            }
        }
        Self(counts)
    }

    fn in_week(&self, person: PersonId, day: Date) -> u32 {
        self.0.get(&(person, monday(day))).copied().unwrap_or(0)
    }
}

fn monday(day: Date) -> Date {
    after(day, -i64::from(day.weekday().to_monday_zero_offset()))
}

/// So many days later, within the calendar.
fn after(day: Date, days: i64) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

/// The first Monday after an event: when a first step is due, unless somebody says otherwise.
#[must_use]
pub fn next_monday(event_day: Date) -> Date {
    after(monday(event_day), 7)
}

/// Everything that is open in one group's plans, in the order of the plans.
#[must_use]
pub fn check_board(plans: &[Plan], context: &Context) -> Vec<(PlanId, Vec<Finding>)> {
    let texts: Vec<words::Bag> = plans.iter().map(words::of_plan).collect();
    let mut all = Vec::with_capacity(plans.len());
    for (n, plan) in plans.iter().enumerate() {
        let mut findings = check(plan, context);
        if plans.len() > PLANS_PER_GROUP_MAX {
            let count = u32::try_from(plans.len()).unwrap_or(u32::MAX);
            push(&mut findings, Ask::TooMany { count });
        }
        let twin = (0..plans.len())
            .find(|&m| m != n && texts[n].shared_percent(&texts[m]) > SHARED_WORDS_PERCENT_MAX);
        if let Some(twin) = twin {
            push(&mut findings, Ask::Similar { reference: plans[twin].reference.clone() });
        }
        all.push((plan.id, findings));
    }
    all
}

/// Everything that is open in one plan, the next sentence to write first: what blocks, in the order
/// of speech; the lead's yes, once the rest stands; then what warns. B8 needs the whole board.
#[must_use]
pub fn check(plan: &Plan, context: &Context) -> Vec<Finding> {
    let mut found = Vec::new();
    let rules = [
        a1_lead,
        a3_first_step,
        a4_first_step_day,
        a5_due,
        a6_proof,
        a2_acceptance,
        b1_partner,
        b2_commons,
        b3_vague,
        b4_decisions,
        b5_milestone,
        b6_languages,
        b7_days,
    ];
    for rule in rules {
        rule(plan, context, &mut found);
    }
    found
}

fn push(found: &mut Vec<Finding>, ask: Ask) {
    found.push(Finding { code: ask.code(), ask });
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn a1_lead(plan: &Plan, _: &Context, found: &mut Vec<Finding>) {
    match &plan.lead {
        None => push(found, Ask::Lead),
        Some(Who::Elsewhere { name, organisation, .. }) if is_blank(name) => {
            push(found, Ask::LeadPerson { organisation: organisation.clone() });
        }
        Some(_) => {}
    }
}

/// Asked once there is somebody who can say yes.
fn a2_acceptance(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    let Some(lead) = &plan.lead else { return };
    let named = match lead {
        Who::Here { .. } => true,
        Who::Elsewhere { name, .. } => !is_blank(name),
    };
    if named && context.accepted.get(&plan.id) != Some(lead) {
        push(found, Ask::Acceptance);
    }
}

fn a3_first_step(plan: &Plan, _: &Context, found: &mut Vec<Finding>) {
    let step = &plan.first_step;
    if is_blank(&step.text) {
        push(found, Ask::FirstStep);
        return;
    }
    if !verbs::begins_with_a_verb(&step.text, plan.language.as_deref()) {
        push(found, Ask::FirstStepVerb);
    }
    if step.owner.is_none() && is_blank(&step.owner_name) {
        push(found, Ask::FirstStepOwner);
    }
}

fn a4_first_step_day(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    // Before there is a step, its day is not the next question.
    if is_blank(&plan.first_step.text) && plan.first_step.due.is_none() {
        push(found, Ask::FirstStepDay { suggested: next_monday(context.event_day).to_string() });
        return;
    }
    let event_day = context.site_of_step(plan).map_or(context.event_day, |site| site.event_day);
    let latest = after(event_day, FIRST_STEP_DAYS_MAX);
    match plan.first_step.due {
        None => push(found, Ask::FirstStepDay { suggested: next_monday(event_day).to_string() }),
        Some(due) if due > latest => push(found, Ask::FirstStepLate { latest: latest.to_string() }),
        Some(due) if due < event_day => {
            push(found, Ask::FirstStepPast { earliest: event_day.to_string() });
        }
        Some(_) => {}
    }
}

fn a5_due(plan: &Plan, _: &Context, found: &mut Vec<Finding>) {
    match (plan.due_date, plan.first_step.due) {
        (None, _) => push(found, Ask::DueDay),
        (Some(due), Some(first)) if due <= first => {
            push(found, Ask::DueAfterFirstStep { day: first.to_string() });
        }
        (Some(_), _) => {}
    }
}

fn a6_proof(plan: &Plan, _: &Context, found: &mut Vec<Finding>) {
    let delivered = plan.milestones.iter().any(|milestone| !is_blank(&milestone.deliverable));
    let evident = plan.evidence.iter().any(|evidence| {
        evidence.kind.is_some() || !is_blank(&evidence.title) || !is_blank(&evidence.url)
    });
    if !delivered && !evident {
        push(found, Ask::Proof);
    }
}

fn b1_partner(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    let home = plan.lead.as_ref().map(|lead| context.place(lead));
    let home = home.or_else(|| plan.trace.author.map(|author| context.place_of(author)));
    let mut places = Vec::new();
    places.extend(plan.co_lead.iter().map(|who| context.place(who)));
    let owners = plan.milestones.iter().filter_map(|milestone| milestone.owner);
    let owners = owners.chain(plan.first_step.owner);
    places.extend(owners.map(|owner| context.place_of(owner)));
    places.extend(
        plan.stakeholders
            .iter()
            .filter(|partner| !is_blank(&partner.organisation) || !is_blank(&partner.person))
            .map(|partner| Place { site: None, country: partner.country.as_deref() }),
    );
    // Where nobody is at home yet, two places that differ are enough.
    let home = home.filter(|home| home.site.is_some() || home.country.is_some());
    let home = home.or_else(|| places.first().copied());
    if !home.is_some_and(|home| places.iter().any(|place| place.is_elsewhere_than(home))) {
        push(found, Ask::Partner);
    }
}

fn b2_commons(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    let cited: Vec<&Key> = plan.commons.iter().filter_map(|row| row.common.as_ref()).collect();
    if cited.is_empty() {
        push(found, Ask::Common);
        return;
    }
    let unknown = cited.into_iter().find(|key| {
        context.shelf.get(*key).is_none_or(|licence| licence.as_deref().is_none_or(is_blank))
    });
    if let Some(common) = unknown {
        push(found, Ask::Licence { common: common.clone() });
    }
}

fn b3_vague(plan: &Plan, _: &Context, found: &mut Vec<Finding>) {
    let language = plan.language.as_deref();
    let milestones = plan.milestones.iter().map(|m| (Field::Milestone, m.title.as_str()));
    let texts = [
        (Field::Title, plan.title.original.as_str()),
        (Field::FirstStep, plan.first_step.text.as_str()),
        (Field::Description, plan.description.original.as_str()),
    ];
    for (field, text) in texts.into_iter().chain(milestones) {
        if let Some(word) = verbs::vague(text, language) {
            push(found, Ask::Vague { word, field });
            return;
        }
    }
}

fn b4_decisions(plan: &Plan, _: &Context, found: &mut Vec<Finding>) {
    for need in &plan.resources_needed {
        let open = need.state != Some(ResourceState::Secured);
        if need.kind != Some(ResourceKind::Decision) || !open {
            continue;
        }
        if is_blank(&need.decider) {
            push(found, Ask::Decider { text: need.text.clone() });
            return;
        }
        if need.due.is_none() {
            push(found, Ask::DecisionDay { text: need.text.clone() });
            return;
        }
    }
}

fn b5_milestone(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    let Some(due) = plan.due_date else { return };
    if due <= after(context.event_day, LONG_PLAN_DAYS) {
        return;
    }
    let latest = after(context.event_day, MILESTONE_DAYS_MAX);
    let early = plan.milestones.iter().filter_map(|milestone| milestone.due);
    if !early.into_iter().any(|day| day <= latest) {
        push(found, Ask::EarlyMilestone { latest: latest.to_string() });
    }
}

/// One finding per language: the first text that lacks it.
fn b6_languages(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    if plan.visibility != Visibility::Public {
        return;
    }
    let texts = [
        (Field::Title, &plan.title),
        (Field::Problem, &plan.problem),
        (Field::Description, &plan.description),
        (Field::ExpectedResult, &plan.expected_result),
    ];
    for language in &context.languages {
        let lacking = texts
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .find_map(|(field, text)| lacks(text, *field, language));
        if let Some(ask) = lacking {
            push(found, ask);
        }
    }
}

fn lacks(text: &Text, field: Field, language: &str) -> Option<Ask> {
    if text.language.as_deref() == Some(language) {
        return None;
    }
    let language = language.to_owned();
    match text.translations.get(&language) {
        None => Some(Ask::Translation { field, language }),
        Some(translation) if is_blank(&translation.text) => {
            Some(Ask::Translation { field, language })
        }
        Some(translation) if translation.by == TranslatedBy::Machine => {
            Some(Ask::Review { field, language })
        }
        Some(translation) if translation.stale => Some(Ask::Stale { field, language }),
        Some(_) => None,
    }
}

fn b7_days(plan: &Plan, context: &Context, found: &mut Vec<Finding>) {
    let lead = context.site_of_lead(plan);
    let step = context.site_of_step(plan);
    let mut days = vec![
        (Field::FirstStep, plan.first_step.due, step),
        (Field::StartDate, plan.start_date, lead),
        (Field::DueDate, plan.due_date, lead),
    ];
    days.extend(plan.milestones.iter().map(|milestone| {
        let site = milestone.owner.and_then(|owner| context.site_of(owner));
        (Field::Milestone, milestone.due, site.or(lead))
    }));
    let mut seen = BTreeSet::new();
    for (field, day, site) in days {
        let Some(day) = day else { continue };
        let free = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let holiday = site.is_some_and(|site| site.holidays.contains(&day));
        if !(free || holiday) || !seen.insert(day) {
            continue;
        }
        let day = day.to_string();
        push(found, if free { Ask::Weekend { field, day } } else { Ask::Holiday { field, day } });
    }
    if let (Some(person), Some(due)) = (plan.first_step.owner, plan.first_step.due) {
        let count = context.workload.in_week(person, due);
        if count as usize > FIRST_STEPS_PER_WEEK_MAX {
            push(found, Ask::Busy { person, count });
        }
    }
}

#[derive(Clone, Copy)]
struct Place<'c> {
    site: Option<&'c Key>,
    country: Option<&'c str>,
}

impl Place<'_> {
    /// Another site or another country; what is not known is not elsewhere.
    fn is_elsewhere_than(self, home: Place<'_>) -> bool {
        let differ = |a: Option<&str>, b: Option<&str>| a.zip(b).is_some_and(|(a, b)| a != b);
        differ(self.country, home.country)
            || differ(self.site.map(Key::as_str), home.site.map(Key::as_str))
    }
}

impl Context {
    fn site_of(&self, person: PersonId) -> Option<&Site> {
        let key = self.people.get(&person)?;
        self.sites.iter().find(|site| site.key == *key)
    }

    fn place_of(&self, person: PersonId) -> Place<'_> {
        let site = self.site_of(person);
        Place { site: site.map(|s| &s.key), country: site.map(|s| s.country.as_str()) }
    }

    fn place<'c>(&'c self, who: &'c Who) -> Place<'c> {
        match who {
            Who::Here { participant_id } => self.place_of(*participant_id),
            Who::Elsewhere { country, .. } => Place { site: None, country: country.as_deref() },
        }
    }

    /// Whose calendar a plan's days are read in: the lead's site, or one of the lead's country, or
    /// the author's.
    fn site_of_lead(&self, plan: &Plan) -> Option<&Site> {
        let lead = plan.lead.as_ref().and_then(|lead| match lead {
            Who::Here { participant_id } => self.site_of(*participant_id),
            Who::Elsewhere { country, .. } => {
                self.sites.iter().find(|site| Some(&site.country) == country.as_ref())
            }
        });
        lead.or_else(|| self.site_of(plan.trace.author?))
    }

    fn site_of_step(&self, plan: &Plan) -> Option<&Site> {
        let owner = plan.first_step.owner.and_then(|owner| self.site_of(owner));
        owner.or_else(|| self.site_of_lead(plan))
    }
}

/// What the stage says of one board, for those who look after several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BoardDigest {
    /// Ideas on the board.
    pub ideas: u32,
    /// Of those, how many stand in a cluster.
    pub clustered: u32,
    /// Plans that nothing blocks.
    pub ready: u32,
    /// Plans that something blocks.
    pub blocked: u32,
    /// When somebody last changed it, in milliseconds since 1970; 0 where that is not known.
    pub active_at_ms: u64,
}

/// What the stage says of one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PlanDigest {
    /// Everything that is open, the next sentence first.
    pub open: Vec<Finding>,
    /// The lead has said yes.
    pub accepted: bool,
}
