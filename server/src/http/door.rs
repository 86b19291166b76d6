//! The door and the people: who waits, who is in, who goes; and what they wrote.

use super::problem::{Code, JsonBody, Problem};
use super::{Api, events};
use crate::event::access::{Action, Principal};
use crate::event::audit::By;
use crate::event::hide::{self, Asker, Wish};
use crate::event::model::{Event, Person, Standing};
use crate::event::{DoorView, EventsError};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{Key, PersonId};
use sangam_shared::role::Role;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
struct Shown {
    locked: bool,
    seats: usize,
    taken: usize,
    people: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: PersonId,
    name: String,
    organisation: Option<String>,
    site: Key,
    role: Role,
    standing: Standing,
    /// What they wrote lies in the tray.
    hidden: bool,
    joined_at_ms: u64,
    /// Whoever asks may send them out.
    removable: bool,
}

/// The door, and everybody.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = events::allowed(&api, slug, &headers, Action::KeepDoor)?;
    let asks = api.principal(&headers)?;
    let DoorView { locked, seats, taken, people } = api.events.door(&event);
    let row = |person: Person| Row {
        removable: person.standing != Standing::Removed && may_remove(&api, &asks, &event, &person),
        id: person.id,
        name: person.name,
        organisation: person.organisation,
        site: person.site,
        role: person.role,
        standing: person.standing,
        hidden: person.hidden_at_ms.is_some(),
        joined_at_ms: person.joined_at_ms,
    };
    let people = people.into_iter().map(row).collect();
    Ok(Json(Shown { locked, seats, taken, people }).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    locked: bool,
}

/// Locks the door, or opens it for all who wait.
pub(super) async fn lock(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Lock>,
) -> Result<StatusCode, Problem> {
    let event = events::allowed(&api, slug, &headers, Action::KeepDoor)?;
    let by = By::from(&api.principal(&headers)?);
    api.events.lock(event.id, by, body.locked).await?;
    Ok(StatusCode::NO_CONTENT)
}

type Names = Result<Path<(String, String)>, PathRejection>;

/// Lets one person in.
pub(super) async fn admit(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (event, asks, person) = asked(&api, names, &headers)?;
    if person.standing == Standing::Removed {
        return Err(Code::NotFound.into());
    }
    api.events.admit(event.id, By::from(&asks), person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends somebody out, for good.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (event, asks, person) = asked(&api, names, &headers)?;
    if !may_remove(&api, &asks, &event, &person) {
        return Err(Code::Forbidden.into());
    }
    api.events.remove(event.id, By::from(&asks), person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Writing {
    hidden: bool,
}

/// Puts what somebody wrote into the tray, or takes it out again.
pub(super) async fn writing(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Writing>,
) -> Result<Response, Problem> {
    let (event, asks, person) = asked(&api, names, &headers)?;
    let wish = if body.hidden { Wish::Hide } else { Wish::Show };
    let asker = Asker {
        by: By::from(&asks),
        author: asks.author(),
        person: asks.person,
        at_ms: api.clock.now_ms(),
    };
    // Once begun it runs to its end, even where the browser goes away.
    let running = {
        let api = Arc::clone(&api);
        tokio::spawn(async move {
            let all = (&*api.rooms, &*api.store, &*api.events);
            hide::hide(all, event.id, person.id, wish, asker).await
        })
    };
    let notes = running.await.map_err(|stopped| {
        tracing::error!(%stopped, "hiding was interrupted");
        Problem::from(Code::Unavailable)
    })??;
    Ok(Json(serde_json::json!({ "notes": notes })).into_response())
}

fn may_remove(api: &Api, asks: &Principal, event: &Event, person: &Person) -> bool {
    // Nobody shuts themselves out by a slip of the thumb.
    asks.person != Some(person.id)
        && api.events.allow(asks, event.id, Action::Remove(person.role)).is_ok()
}

/// Who asks, about whom.
fn asked(
    api: &Api,
    names: Names,
    headers: &HeaderMap,
) -> Result<(Arc<Event>, Principal, Person), Problem> {
    let asks = api.principal(headers)?;
    let Path((slug, person)) = names.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    api.events.allow(&asks, event.id, Action::KeepDoor)?;
    let id: PersonId = person.parse().map_err(|_| Code::NotFound)?;
    let person = api.events.person(event.id, id).ok_or(Code::NotFound)?;
    Ok((event, asks, person))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pairing {
    code: String,
    site: Key,
    #[serde(default)]
    label: Option<String>,
}

/// Makes a screen of whatever shows this code.
pub(super) async fn pair(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Pairing>,
) -> Result<Response, Problem> {
    let event = events::allowed(&api, slug, &headers, Action::PairScreen)?;
    let by = By::from(&api.principal(&headers)?);
    let paired = api.events.pair_screen(event.id, by, &body.code, body.site, body.label).await;
    let link = paired.map_err(|error| match error {
        EventsError::Code => Problem::field("code", "is no code of a screen that waits"),
        other => other.into(),
    })?;
    let view = serde_json::json!({ "link": link.id, "site": link.site });
    Ok((StatusCode::CREATED, Json(view)).into_response())
}
