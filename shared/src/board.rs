//! A board as it is read: plain values in order, with nothing of Yjs in them. The server reads them
//! from a document (`event::board`); checks, digests and exports take them from there.

use crate::ids::{ClusterId, Key, NoteId, PersonId};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands on a board, in the order in which people see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// The question that the workshop answers.
    pub question: String,
    /// Good practices, by order.
    pub practices: Vec<Note>,
    /// Ideas, by order; `cluster` says where they were gathered.
    pub ideas: Vec<Note>,
    /// Heaps of ideas, by order.
    pub clusters: Vec<Cluster>,
    /// Action plans, by order.
    pub plans: Vec<Plan>,
    /// In Markdown: decisions, quotes, parking lot.
    pub minutes: String,
    /// What was put into the tray. It is on no export.
    pub tray: Tray,
}

/// What was deleted and can still be taken out again, each list by order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the board")]
pub struct Tray {
    pub practices: Vec<Note>,
    pub ideas: Vec<Note>,
    pub clusters: Vec<Cluster>,
    pub plans: Vec<Plan>,
}

/// A practice or an idea.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// What it says.
    pub text: Text,
    /// Where it was written.
    pub site: Option<Key>,
    /// The heap that it was gathered in. The heap may be in the tray, or gone.
    pub cluster: Option<ClusterId>,
    /// Its colour's name.
    pub colour: Option<Key>,
    /// Who made it, moved it and deleted it.
    pub trace: Trace,
}

/// A heap of ideas with a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its id.
    pub id: ClusterId,
    /// What it is called.
    pub name: Text,
    /// Its colour's name.
    pub colour: Option<Key>,
    /// From 0 to 1, where it was placed on the map.
    pub effort: Option<f64>,
    /// From 0 to 1, where it was placed on the map.
    pub impact: Option<f64>,
    /// Who made it, moved it and deleted it.
    pub trace: Trace,
}

/// Who did what to an item, and when; times in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Trace {
    pub author: Option<PersonId>,
    pub created_at_ms: Option<u64>,
    pub moved_by: Option<PersonId>,
    pub deleted_at_ms: Option<u64>,
    pub deleted_by: Option<PersonId>,
}

/// A text that knows its language, and its translations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Text {
    /// As it was written.
    pub original: String,
    /// The language that it was written in, as a tag.
    pub language: Option<String>,
    /// By language tag. Empty ones are left out.
    pub translations: BTreeMap<String, Translation>,
}

/// One translation of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Translation {
    /// The words.
    pub text: String,
    /// Whose they are. Somebody's, where nothing says otherwise.
    pub by: TranslatedBy,
    /// The original has changed since.
    pub stale: bool,
}

/// Whose words a translation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranslatedBy {
    /// A person's.
    #[default]
    Human,
    /// A machine's, which nobody has reviewed.
    Machine,
    /// A machine's, which a person has reviewed.
    Reviewed,
}

impl Text {
    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.original.trim().is_empty()
    }

    /// The words in a language: the original where it is in that language, else the translation,
    /// else the original all the same.
    #[must_use]
    pub fn in_language(&self, language: &str) -> &str {
        if self.language.as_deref() == Some(language) {
            return &self.original;
        }
        self.translations.get(language).map_or(&self.original, |translation| &translation.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_in_a_language_where_it_has_one() {
        let hindi = Translation {
            text: "नमस्ते".into(), by: TranslatedBy::Human, stale: false
        };
        let text = Text {
            original: "Bonjour".into(),
            language: Some("fr".into()),
            translations: BTreeMap::from([("hi".into(), hindi)]),
        };
        assert_eq!(text.in_language("fr"), "Bonjour");
        assert_eq!(text.in_language("hi"), "नमस्ते");
        assert_eq!(text.in_language("en"), "Bonjour");
    }
}
