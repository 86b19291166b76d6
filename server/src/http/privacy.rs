//! What is held on a person, and how it goes: seen, taken away, nameless, erased. And the audit log.

use super::problem::{Code, JsonBody, Problem};
use super::{Api, COOKIE_NAME};
use crate::event::access::{Action, Principal};
use crate::event::audit::{Act, By, lines};
use crate::event::board::read_board;
use crate::event::erasure::{Eraser, ErasureError, Item};
use crate::event::model::Event;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sangam_shared::board::{Board, Note};
use sangam_shared::ids::PersonId;
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

impl From<ErasureError> for Problem {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Refused(RefusalCode::ReadOnly) => Code::ReadOnly.into(),
            ErasureError::Events(error) => error.into(),
            ErasureError::Refused(_) | ErasureError::Room(_) => {
                tracing::error!(%error, "an erasure stopped");
                Code::Unavailable.into()
            }
        }
    }
}

impl Api {
    fn eraser(&self) -> Eraser<'_> {
        Eraser { events: &self.events, rooms: &self.rooms, history: &self.history }
    }
}

type Names = Result<Path<(String, String)>, PathRejection>;

/// Everything that is held on a person, as one JSON object.
pub(super) async fn data(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (event, principal, person) = about(&api, names, &headers)?;
    let record = api.events.person(event.id, person).ok_or(Code::NotFound)?;
    let devices: Vec<Value> = api
        .events
        .sessions_of(event.id, person)
        .iter()
        .map(|session| {
            let this = principal.session == Some(session.id);
            json!({ "id": session.id, "role": session.role, "site": session.site,
                    "expiresAtMs": session.expires_at_ms, "thisOne": this })
        })
        .collect();
    let yes = api.events.acceptances(event.id);
    let yes: Vec<_> = yes
        .iter()
        .filter(|yes| yes.by == Some(person) || leads(&yes.lead, person))
        .map(|yes| json!({ "plan": yes.plan, "board": yes.board, "atMs": yes.at_ms }))
        .collect();
    let mut written = Vec::new();
    for workshop in &event.workshops {
        let room = api.rooms.open(workshop.board, DocumentKind::Board).await.map_err(|error| {
            tracing::error!(%error, "cannot open");
            Problem::from(Code::Unavailable)
        })?;
        let board = room
            .read(|doc| read_board(&yrs::Transact::transact(doc)))
            .await
            .map_err(|_| Code::Unavailable)?;
        let notes = notes(&board).filter(|(_, note)| note.trace.author == Some(person));
        written.extend(notes.map(|(table, note)| {
            json!({ "board": workshop.number, "table": table, "id": note.id,
                    "text": note.text, "trace": note.trace })
        }));
    }
    let mut acts = String::new();
    let entries = api.events.acts_of(event.id, person).await?;
    lines::write(&entries, None, &mut acts);
    let acts: Vec<Value> =
        acts.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    api.events.note_taken(event.id, By::from(&principal), Act::DataTaken).await?;
    let body = json!({ "event": event.slug, "person": record, "devices": devices,
                       "acceptances": yes, "written": written, "audit": acts });
    let name = format!("attachment; filename=\"{}-my-data.json\"", event.slug);
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(body)).into_response())
}

fn leads(lead: &sangam_shared::plan::Who, person: PersonId) -> bool {
    *lead == sangam_shared::plan::Who::Here { participant_id: person }
}

fn notes(board: &Board) -> impl Iterator<Item = (&'static str, &Note)> {
    let lists = [
        ("practices", &board.practices),
        ("ideas", &board.ideas),
        ("practices", &board.tray.practices),
        ("ideas", &board.tray.ideas),
    ];
    lists.into_iter().flat_map(|(table, notes)| notes.iter().map(move |note| (table, note)))
}

/// Takes a person's name away; what they wrote stays.
pub(super) async fn remove_name(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    api.same_origin(&headers)?;
    let (event, principal, person) = about(&api, names, &headers)?;
    api.events.person(event.id, person).ok_or(Code::NotFound)?;
    api.events.remove_name(event.id, By::from(&principal), person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Erases a person, and what they wrote.
pub(super) async fn erase_person(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.same_origin(&headers)?;
    let (event, principal, person) = about(&api, names, &headers)?;
    api.events.person(event.id, person).ok_or(Code::NotFound)?;
    let own = principal.person == Some(person);
    let by = By::from(&principal);
    to_its_end(async move { api.eraser().erase_person(&event, by, person).await }).await?;
    let gone = format!("{COOKIE_NAME}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    let mut response = StatusCode::NO_CONTENT.into_response();
    if own && let Ok(gone) = gone.parse() {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Erasure {
    items: BTreeSet<Item>,
}

/// Erases items of a board for good; with none, what the log remembers of what is not on it.
pub(super) async fn erase_items(
    State(api): State<Arc<Api>>,
    address: Result<Path<(String, u32)>, PathRejection>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Erasure>,
) -> Result<StatusCode, Problem> {
    api.same_origin(&headers)?;
    let principal = api.principal(&headers)?;
    let Path((slug, number)) = address.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    api.events.allow(&principal, event.id, Action::EraseItems { own: true })?;
    if body.items.len() > limits::ERASED_ITEMS_MAX {
        return Err(Problem::field("items", "are too many"));
    }
    let workshop = event.workshops.iter().find(|workshop| workshop.number == number);
    let board = workshop.ok_or(Code::NotFound)?.board;
    let any = api.events.allow(&principal, event.id, Action::EraseItems { own: false });
    if let Err(denied) = any {
        let Some(person) = principal.person else { return Err(denied.into()) };
        let own = api.eraser().are_own_in_tray(board, &body.items, person).await?;
        if body.items.is_empty() || !own {
            return Err(denied.into());
        }
    }
    let by = By::from(&principal);
    to_its_end(async move { api.eraser().erase(&event, board, by, &body.items).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The event's audit log as JSON lines.
pub(super) async fn audit(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = super::events::allowed(&api, slug, &headers, Action::ReadAudit)?;
    let principal = api.principal(&headers)?;
    api.events.note_taken(event.id, By::from(&principal), Act::AuditTaken).await?;
    let (mut text, mut from, mut before) = (String::new(), 1, None);
    loop {
        let page = api.events.audit(event.id, from).await?;
        let Some(last) = page.last() else { break };
        lines::write(&page, before, &mut text);
        (from, before) = (last.sequence + 1, Some(last.hash));
        if text.len() > limits::EXPORT_BYTES_MAX {
            return Err(Code::TooLarge.into());
        }
    }
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], text).into_response())
}

/// Who asks, about whom. The one place where these routes are authorised.
fn about(
    api: &Api,
    names: Names,
    headers: &HeaderMap,
) -> Result<(Arc<Event>, Principal, PersonId), Problem> {
    let principal = api.principal(headers)?;
    let Path((slug, person)) = names.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    let person: PersonId = person.parse().map_err(|_| Code::NotFound)?;
    api.events.allow(&principal, event.id, Action::HoldData(person))?;
    Ok((event, principal, person))
}

/// Once begun it runs to its end, even where the browser goes away.
async fn to_its_end(
    erasing: impl Future<Output = Result<(), ErasureError>> + Send + 'static,
) -> Result<(), Problem> {
    tokio::spawn(erasing).await.map_err(|stopped| {
        tracing::error!(%stopped, "an erasure was interrupted");
        Problem::from(Code::Unavailable)
    })??;
    Ok(())
}
