//! The log as JSON lines, for organisers: one object a line, in order, with both hashes.

use crate::store::audit::{BEGINNING, Hash, Noted, hex};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'n> {
    event: String,
    sequence: u64,
    at: String,
    at_ms: u64,
    by: &'n str,
    #[serde(skip_serializing_if = "str::is_empty")]
    role: &'n str,
    act: &'n str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    about: Vec<&'n str>,
    outcome: &'n str,
    count: u64,
    previous: String,
    hash: String,
}

/// Adds entries, the first of which follows `before`.
///
/// # Panics
/// Never: the lines are plain structs.
pub fn write(entries: &[Noted], before: Option<Hash>, out: &mut String) {
    let mut previous = before.unwrap_or(BEGINNING);
    for Noted { sequence, note, hash } in entries {
        let at = i64::try_from(note.at_ms).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX);
        let line = Line {
            event: note.event.to_string(),
            sequence: *sequence,
            at: at.to_string(),
            at_ms: note.at_ms,
            by: &note.by,
            role: &note.role,
            act: &note.act,
            about: note.about.split_whitespace().collect(),
            outcome: &note.outcome,
            count: note.count,
            previous: hex(&previous),
            hash: hex(hash),
        };
        out.push_str(&serde_json::to_string(&line).expect("lines are plain structs"));
        out.push('\n');
        previous = *hash;
    }
}
