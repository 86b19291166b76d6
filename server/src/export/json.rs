//! The event as data: everything that leaves, with nothing left out and nothing replaced. The form is
//! published as a JSON Schema and has a version.

use crate::event::view::{self, EventView, PersonView};
use crate::export::ExportError;
use crate::export::dossier::{Dossier, PersonalData, Scope};
use sangam_shared::board::{Cluster, Note};
use sangam_shared::ids::{DocumentId, WorkshopId};
use sangam_shared::plan::Plan;
use serde::Serialize;

/// The version of the form. It grows when a reader of the last one would stumble.
pub const VERSION: u32 = 1;

/// The JSON Schema (2020-12) of [`write`]'s files.
pub const SCHEMA: &str = include_str!("event.schema.json");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'d> {
    format: &'static str,
    version: u32,
    exported_at: String,
    personal_data: bool,
    scope: &'static str,
    event: EventView<'d>,
    people: Vec<PersonView<'d>>,
    boards: Vec<BoardView<'d>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BoardView<'d> {
    id: DocumentId,
    workshop: WorkshopId,
    question: &'d str,
    practices: &'d [Note],
    ideas: &'d [Note],
    clusters: &'d [Cluster],
    plans: &'d [Plan],
    minutes: &'d str,
}

/// The whole file.
///
/// # Errors
/// Where it cannot be written, which no dossier brings about.
pub fn write(dossier: &Dossier) -> Result<Vec<u8>, ExportError> {
    let source = &dossier.source;
    let boards = source.event.workshops.iter().zip(&source.boards);
    let file = File {
        format: "sangam-event",
        version: VERSION,
        exported_at: source.at.to_string(),
        personal_data: dossier.personal == PersonalData::With,
        scope: match dossier.scope {
            Scope::Public => "public",
            Scope::All => "all",
        },
        event: view::event(&source.event),
        people: source.people.iter().map(Into::into).collect(),
        boards: boards
            .map(|(workshop, board)| BoardView {
                id: workshop.board,
                workshop: workshop.id,
                question: &board.question,
                practices: &board.practices,
                ideas: &board.ideas,
                clusters: &board.clusters,
                plans: &board.plans,
                minutes: &board.minutes,
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&file).map_err(|error| ExportError::new(&error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
