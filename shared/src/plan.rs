//! An action plan as it is read, with the names of SCHEMA.md. Days are days of the calendar: the
//! time zone beside them says whose.

use crate::board::{Text, Trace};
use crate::ids::{Key, NoteId, PersonId, PlanId, RowId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A word of a closed list, written as the documents write it; `schema` holds the same lists.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every word, in the schema's order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word, as documents write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the word of a document.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    )+};
}

words! {
    /// What a stakeholder does, after RACI.
    StakeholderRole {
        /// Does the work.
        Responsible = "responsible",
        /// Is asked.
        Consulted = "consulted",
        /// Is told.
        Informed = "informed",
        /// Pays.
        Funder = "funder",
    }
    /// What a plan may need.
    ResourceKind {
        /// Somebody's time.
        People = "people",
        /// Money.
        Budget = "budget",
        /// Somebody's yes.
        Decision = "decision",
        /// A legal answer.
        Legal = "legal",
        /// Data.
        Data = "data",
        /// A place to run.
        Hosting = "hosting",
    }
    /// How far a needed resource is.
    ResourceState {
        /// It is there.
        Secured = "secured",
        /// Somebody was asked.
        Requested = "requested",
        /// Nobody was asked yet.
        Missing = "missing",
    }
    /// What a plan does with a common.
    CommonsRelation {
        /// Uses it as it is.
        Reuse = "reuse",
        /// Changes it for its own needs.
        Adapt = "adapt",
        /// Gives something back.
        Contribute = "contribute",
        /// Connects to it.
        Federate = "federate",
        /// Makes a common of something.
        Publish = "publish",
    }
    /// Kinds of evidence.
    EvidenceKind {
        /// A page.
        Link = "link",
        /// A document.
        File = "file",
        /// A repository.
        Code = "code",
        /// Minutes, an order, a letter.
        Decision = "decision",
    }
    /// How far a plan or a milestone is: the Open Government Partnership's scale, and "no evidence".
    PlanStatus {
        /// Nothing was done yet.
        NotStarted = "not_started",
        /// A little was done.
        Limited = "limited",
        /// Most was done.
        Substantial = "substantial",
        /// It is done.
        Complete = "complete",
        /// It will not be done.
        Abandoned = "abandoned",
        /// Nobody can tell.
        NoEvidence = "no_evidence",
    }
    /// Who may read a plan outside its group.
    Visibility {
        /// Everybody.
        Public = "public",
        /// The event's people.
        Participants = "participants",
        /// The organisers.
        Organisers = "organisers",
    }
}

/// An action plan: the product of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// "4.2": theme number, running number. Empty where it was never given.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What will be done.
    pub title: Text,
    /// What is wrong today.
    pub problem: Text,
    /// How it will be done.
    pub description: Text,
    /// What will be different then.
    pub expected_result: Text,
    /// The language that its other texts are written in, as a tag.
    pub language: Option<String>,
    /// How it will be measured.
    pub indicator: Indicator,
    /// Who leads.
    pub lead: Option<Who>,
    /// Who leads with them.
    pub co_lead: Option<Who>,
    /// With whom, by order.
    pub stakeholders: Vec<Stakeholder>,
    /// What happens first.
    pub first_step: FirstStep,
    /// What happens then, by order.
    pub milestones: Vec<Milestone>,
    /// When it begins.
    pub start_date: Option<Date>,
    /// When it is done.
    pub due_date: Option<Date>,
    /// IANA time zone of those days.
    pub time_zone: Option<String>,
    /// What it needs, by order.
    pub resources_needed: Vec<Resource>,
    /// The commons that it cites, by order.
    pub commons: Vec<Citation>,
    /// What may go wrong, by order.
    pub risks: Vec<Risk>,
    /// How a stranger will know, by order.
    pub evidence: Vec<Evidence>,
    /// The ideas that it came of. They may be in the tray.
    pub origin_ideas: Vec<NoteId>,
    /// From 0 to 1, where it was placed on the map.
    pub effort: Option<f64>,
    /// From 0 to 1, where it was placed on the map.
    pub impact: Option<f64>,
    /// How far it is; not started where nothing says otherwise.
    pub status: PlanStatus,
    /// Who may read it; the event's people where nothing says otherwise.
    pub visibility: Visibility,
    /// Who made it, moved it and deleted it.
    pub trace: Trace,
}

/// Somebody who leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Who {
    /// Somebody of the event.
    #[serde(rename_all = "camelCase")]
    Here {
        /// Whose name is a row of the server's tables.
        participant_id: PersonId,
    },
    /// Somebody who is not there. At least one of the first two is not empty.
    Elsewhere {
        /// A person's name.
        name: String,
        /// An organisation's name.
        organisation: String,
        /// ISO 3166-1 alpha-2.
        country: Option<String>,
    },
}

/// How a plan will be measured. Any part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Indicator {
    pub name: String,
    pub baseline: String,
    pub target: String,
    pub unit: String,
}

/// "When ..., I will ...": what happens first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstStep {
    /// What somebody will do.
    pub text: String,
    /// When ...
    pub trigger: String,
    /// Who, where they are of the event.
    pub owner: Option<PersonId>,
    /// Who, where they are not. Empty where nobody was named.
    pub owner_name: String,
    /// Until when.
    pub due: Option<Date>,
    /// IANA time zone of that day.
    pub time_zone: Option<String>,
}

/// A partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Stakeholder {
    pub id: RowId,
    pub organisation: String,
    pub person: String,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub role: Option<StakeholderRole>,
}

/// A step on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Milestone {
    pub id: RowId,
    pub title: String,
    pub deliverable: String,
    pub due: Option<Date>,
    pub owner: Option<PersonId>,
    pub status: PlanStatus,
}

/// Something that a plan needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Resource {
    pub id: RowId,
    pub kind: Option<ResourceKind>,
    pub text: String,
    pub state: Option<ResourceState>,
    /// Who decides.
    pub decider: String,
    /// By when.
    pub due: Option<Date>,
}

/// A common that a plan cites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Citation {
    pub id: RowId,
    /// Its key on the event's shelf; `None` while nobody has chosen.
    pub common: Option<Key>,
    pub relation: Option<CommonsRelation>,
}

/// If this, then that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Risk {
    pub id: RowId,
    #[serde(rename = "if")]
    pub condition: String,
    #[serde(rename = "then")]
    pub answer: String,
}

/// How a stranger will know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Evidence {
    pub id: RowId,
    #[serde(rename = "type")]
    pub kind: Option<EvidenceKind>,
    pub url: String,
    pub title: String,
    pub date: Option<Date>,
}

impl Plan {
    /// A plan of which nothing is known but its id.
    #[must_use]
    pub fn empty(id: PlanId) -> Self {
        Self {
            id,
            reference: String::new(),
            title: Text::default(),
            problem: Text::default(),
            description: Text::default(),
            expected_result: Text::default(),
            language: None,
            indicator: Indicator::default(),
            lead: None,
            co_lead: None,
            stakeholders: Vec::new(),
            first_step: FirstStep::default(),
            milestones: Vec::new(),
            start_date: None,
            due_date: None,
            time_zone: None,
            resources_needed: Vec::new(),
            commons: Vec::new(),
            risks: Vec::new(),
            evidence: Vec::new(),
            origin_ideas: Vec::new(),
            effort: None,
            impact: None,
            status: PlanStatus::NotStarted,
            visibility: Visibility::Participants,
            trace: Trace::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn the_words_are_the_schemas() {
        fn same(read: impl Iterator<Item = &'static str>, written: &[&str]) {
            assert_eq!(read.collect::<Vec<_>>(), written);
        }
        same(StakeholderRole::ALL.iter().map(|w| w.as_str()), schema::STAKEHOLDER_ROLES);
        same(ResourceKind::ALL.iter().map(|w| w.as_str()), schema::RESOURCE_KINDS);
        same(ResourceState::ALL.iter().map(|w| w.as_str()), schema::RESOURCE_STATES);
        same(CommonsRelation::ALL.iter().map(|w| w.as_str()), schema::COMMONS_RELATIONS);
        same(EvidenceKind::ALL.iter().map(|w| w.as_str()), schema::EVIDENCE_TYPES);
        same(PlanStatus::ALL.iter().map(|w| w.as_str()), schema::PLAN_STATUSES);
        same(Visibility::ALL.iter().map(|w| w.as_str()), schema::VISIBILITIES);
    }

    #[test]
    fn a_plan_is_written_with_the_schemas_names_and_read_again() {
        let mut plan = Plan::empty(PlanId(uuid::Uuid::from_u128(1)));
        plan.lead = Some(Who::Here { participant_id: PersonId(uuid::Uuid::from_u128(2)) });
        plan.due_date = Some(Date::constant(2022, 7, 14));
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["dueDate"], "2022-07-14");
        assert_eq!(json["status"], "not_started");
        assert_eq!(json["lead"]["participantId"], "00000000-0000-0000-0000-000000000002");
        assert_eq!(serde_json::from_value::<Plan>(json).unwrap(), plan);
    }
}
