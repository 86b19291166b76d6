//! What a document may hold, as data: the guard refuses an edit that does not fit, TypeScript's
//! constants are generated from it, and SCHEMA.md explains it.
//!
//! A document is a tree of shared types. Only `Y.Map`, `Y.Text` and plain values occur: lists are
//! tables keyed by UUID with an `order`, so that two people can move two rows at once.

use crate::limits;

/// One place in a document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// A `Y.Text` without formatting, of at most so many UTF-16 code units.
    Text {
        /// UTF-16 code units.
        chars_max: usize,
    },
    /// A `Y.Map` with these keys and no others.
    Map(&'static [Field]),
    /// A `Y.Map` whose keys follow one rule and whose values are all alike.
    Table {
        /// The rule for keys.
        key: KeyRule,
        /// What stands under each key.
        row: &'static Node,
        /// Live rows at most.
        rows_max: usize,
    },
    /// A plain value, replaced as a whole; the last writer wins. `null` and absence mean "empty".
    Value(Value),
}

/// One key of a [`Node::Map`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// The key, as in `JSON`.
    pub name: &'static str,
    /// What stands under it.
    pub node: Node,
}

/// Which keys a [`Node::Table`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// A UUID, lower case, with hyphens.
    Uuid,
    /// A language tag such as `fr` or `pt-BR`.
    Language,
    /// `field.language`, such as `title.en`.
    FieldLanguage,
}

/// The kinds of plain value. All are `ContentAny` with exactly one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// `true` or `false`.
    Bool,
    /// A finite number from 0 to 1.
    Unit,
    /// Milliseconds since 1970, an integer from 0 to 2^53.
    TimeMs,
    /// A UUID as text.
    Id,
    /// A [`crate::ids::Key`] as text.
    Key,
    /// A language tag as text.
    Language,
    /// A day, `YYYY-MM-DD`.
    Day,
    /// A fractional index: 1 to 200 characters of base 62.
    Order,
    /// A text of at most so many bytes, such as a URL or an IANA time zone.
    Line {
        /// UTF-8 bytes.
        bytes_max: usize,
    },
    /// One of these words.
    OneOf(&'static [&'static str]),
}

const fn field(name: &'static str, node: Node) -> Field {
    Field { name, node }
}

const SHORT: Node = Node::Text { chars_max: limits::SHORT_TEXT_CHARS_MAX };
const LONG: Node = Node::Text { chars_max: limits::LONG_TEXT_CHARS_MAX };
const ID: Node = Node::Value(Value::Id);
const KEY: Node = Node::Value(Value::Key);
const LANGUAGE: Node = Node::Value(Value::Language);
const DAY: Node = Node::Value(Value::Day);
const TIME: Node = Node::Value(Value::TimeMs);
const ORDER: Node = Node::Value(Value::Order);
const UNIT: Node = Node::Value(Value::Unit);
const LINE: Node = Node::Value(Value::Line { bytes_max: limits::VALUE_BYTES_MAX });
const ZONE: Node = Node::Value(Value::Line { bytes_max: 64 });

const fn one_of(words: &'static [&'static str]) -> Node {
    Node::Value(Value::OneOf(words))
}

/// Who translated, and whether the original has changed since.
const TRANSLATION_META: Node =
    Node::Map(&[field("by", one_of(TRANSLATED_BY)), field("stale", Node::Value(Value::Bool))]);

/// A translation made by a person, by a machine, or by a machine and then reviewed.
pub const TRANSLATED_BY: &[&str] = &["human", "machine", "reviewed"];

const fn rows(row: &'static Node) -> Node {
    Node::Table { key: KeyRule::Uuid, row, rows_max: limits::ROWS_PER_PLAN_LIST_MAX }
}

/// A practice or an idea.
pub const NOTE: Node = Node::Map(&[
    field("text", Node::Text { chars_max: limits::NOTE_CHARS_MAX }),
    field("lang", LANGUAGE),
    field("authorId", ID),
    field("siteId", KEY),
    field("clusterId", ID),
    field("order", ORDER),
    field("colour", KEY),
    field("createdAt", TIME),
    field("movedBy", ID),
    field("deletedAt", TIME),
    field("deletedBy", ID),
    field(
        "translations",
        Node::Table {
            key: KeyRule::Language,
            row: &Node::Text { chars_max: limits::NOTE_CHARS_MAX },
            rows_max: 20,
        },
    ),
    field(
        "translationMeta",
        Node::Table { key: KeyRule::Language, row: &TRANSLATION_META, rows_max: 20 },
    ),
]);

/// A heap of ideas with a name.
pub const CLUSTER: Node = Node::Map(&[
    field("name", SHORT),
    field("lang", LANGUAGE),
    field("order", ORDER),
    field("colour", KEY),
    field("effort", UNIT),
    field("impact", UNIT),
    field("authorId", ID),
    field("createdAt", TIME),
    field("movedBy", ID),
    field("deletedAt", TIME),
    field("deletedBy", ID),
    field("translations", Node::Table { key: KeyRule::Language, row: &SHORT, rows_max: 20 }),
    field(
        "translationMeta",
        Node::Table { key: KeyRule::Language, row: &TRANSLATION_META, rows_max: 20 },
    ),
]);

/// A person at the event (`participantId`), or one who is not there (the other three).
const PERSON: Node = Node::Map(&[
    field("participantId", ID),
    field("name", LINE),
    field("organisation", LINE),
    field("country", Node::Value(Value::Line { bytes_max: 2 })),
]);

/// What a stakeholder does, after RACI.
pub const STAKEHOLDER_ROLES: &[&str] = &["responsible", "consulted", "informed", "funder"];
/// What a plan may need.
pub const RESOURCE_KINDS: &[&str] = &["people", "budget", "decision", "legal", "data", "hosting"];
/// How far a needed resource is.
pub const RESOURCE_STATES: &[&str] = &["secured", "requested", "missing"];
/// What a plan does with a common.
pub const COMMONS_RELATIONS: &[&str] = &["reuse", "adapt", "contribute", "federate", "publish"];
/// Kinds of evidence.
pub const EVIDENCE_TYPES: &[&str] = &["link", "file", "code", "decision"];
/// The Open Government Partnership's scale, plus "no evidence".
pub const PLAN_STATUSES: &[&str] =
    &["not_started", "limited", "substantial", "complete", "abandoned", "no_evidence"];
/// Who may read a plan outside its group.
pub const VISIBILITIES: &[&str] = &["public", "participants", "organisers"];

/// An action plan: the product of the day.
pub const PLAN: Node = Node::Map(&[
    field("ref", Node::Value(Value::Line { bytes_max: 16 })),
    field("title", SHORT),
    field("problem", LONG),
    field("description", LONG),
    field("expectedResult", LONG),
    field("lang", LANGUAGE),
    field("translations", Node::Table { key: KeyRule::FieldLanguage, row: &LONG, rows_max: 100 }),
    field(
        "translationMeta",
        Node::Table { key: KeyRule::FieldLanguage, row: &TRANSLATION_META, rows_max: 100 },
    ),
    field(
        "indicator",
        Node::Map(&[
            field("name", SHORT),
            field("baseline", SHORT),
            field("target", SHORT),
            field("unit", SHORT),
        ]),
    ),
    field("lead", PERSON),
    field("coLead", PERSON),
    field(
        "stakeholders",
        rows(&Node::Map(&[
            field("organisation", LINE),
            field("person", LINE),
            field("country", Node::Value(Value::Line { bytes_max: 2 })),
            field("role", one_of(STAKEHOLDER_ROLES)),
            field("order", ORDER),
        ])),
    ),
    field(
        "firstStep",
        Node::Map(&[
            field("text", SHORT),
            field("trigger", SHORT),
            field("ownerId", ID),
            field("ownerName", LINE),
            field("due", DAY),
            field("timeZone", ZONE),
        ]),
    ),
    field(
        "milestones",
        rows(&Node::Map(&[
            field("title", SHORT),
            field("deliverable", SHORT),
            field("due", DAY),
            field("ownerId", ID),
            field("status", one_of(PLAN_STATUSES)),
            field("order", ORDER),
        ])),
    ),
    field("startDate", DAY),
    field("dueDate", DAY),
    field("timeZone", ZONE),
    field(
        "resourcesNeeded",
        rows(&Node::Map(&[
            field("kind", one_of(RESOURCE_KINDS)),
            field("text", SHORT),
            field("state", one_of(RESOURCE_STATES)),
            field("decider", LINE),
            field("due", DAY),
            field("order", ORDER),
        ])),
    ),
    field(
        "commons",
        rows(&Node::Map(&[
            field("commonId", KEY),
            field("relation", one_of(COMMONS_RELATIONS)),
            field("order", ORDER),
        ])),
    ),
    field(
        "risks",
        rows(&Node::Map(&[field("if", SHORT), field("then", SHORT), field("order", ORDER)])),
    ),
    field(
        "evidence",
        rows(&Node::Map(&[
            field("type", one_of(EVIDENCE_TYPES)),
            field("url", LINE),
            field("title", SHORT),
            field("date", DAY),
            field("order", ORDER),
        ])),
    ),
    field(
        "originIdeas",
        Node::Table {
            key: KeyRule::Uuid,
            row: &Node::Value(Value::Bool),
            rows_max: limits::NOTES_PER_BOARD_MAX,
        },
    ),
    field("effort", UNIT),
    field("impact", UNIT),
    field("status", one_of(PLAN_STATUSES)),
    field("visibility", one_of(VISIBILITIES)),
    field("order", ORDER),
    field("authorId", ID),
    field("createdAt", TIME),
    field("movedBy", ID),
    field("deletedAt", TIME),
    field("deletedBy", ID),
]);

const NOTES: Node =
    Node::Table { key: KeyRule::Uuid, row: &NOTE, rows_max: limits::NOTES_PER_BOARD_MAX };

/// The root types of a board document.
pub const BOARD: &[Field] = &[
    field("question", Node::Text { chars_max: limits::NOTE_CHARS_MAX }),
    field("practices", NOTES),
    field("ideas", NOTES),
    field(
        "clusters",
        Node::Table { key: KeyRule::Uuid, row: &CLUSTER, rows_max: limits::CLUSTERS_PER_BOARD_MAX },
    ),
    field(
        "plans",
        Node::Table { key: KeyRule::Uuid, row: &PLAN, rows_max: limits::PLANS_PER_BOARD_MAX },
    ),
    field("minutes", Node::Text { chars_max: limits::MINUTES_CHARS_MAX }),
];

/// The root types of a private document: one person's drafts for one workshop.
pub const PRIVATE: &[Field] = &[field(
    "drafts",
    Node::Table {
        key: KeyRule::Uuid,
        row: &Node::Map(&[
            field("text", LONG),
            field("kind", one_of(&["practice", "idea", "cluster", "plan", "question", "pledge"])),
            field("lang", LANGUAGE),
            field("createdAt", TIME),
        ]),
        rows_max: limits::NOTES_PER_BOARD_MAX,
    },
)];

/// What kind of document an id names; decides its schema and who may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// One per workshop; its people write it.
    Board,
    /// One per event; the server alone writes it.
    Stage,
    /// One per person and workshop.
    Private,
}

impl DocumentKind {
    /// The root types that clients may write. A stage has none.
    #[must_use]
    pub fn roots(self) -> &'static [Field] {
        match self {
            Self::Board => BOARD,
            Self::Stage => &[],
            Self::Private => PRIVATE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_map(fields: &'static [Field], path: &str) {
        let mut names: Vec<_> = fields.iter().map(|f| f.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), fields.len(), "a key stands twice in {path}");
        for f in fields {
            every_node(&f.node, &format!("{path}.{}", f.name));
        }
    }

    fn every_node(node: &'static Node, path: &str) {
        match node {
            Node::Map(fields) => every_map(fields, path),
            Node::Table { row, .. } => every_node(row, path),
            Node::Text { chars_max } => assert!(*chars_max > 0, "{path} can hold nothing"),
            Node::Value(_) => {}
        }
    }

    #[test]
    fn no_key_stands_twice() {
        every_map(BOARD, "board");
        every_map(PRIVATE, "private");
    }
}
