//! Coming in: a link is looked at, then exchanged for a session.

use super::problem::{Code, JsonBody, Problem};
use super::{Api, COOKIE_NAME};
use crate::event::access::Principal;
use crate::event::{Newcomer, view};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{EventId, Key};
use sangam_shared::limits;
use sangam_shared::role::Role;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inspect {
    token: String,
}

#[derive(Serialize)]
struct LinkView<'v> {
    event: EventName<'v>,
    role: Role,
    site: Option<&'v Key>,
    sites: Vec<view::SiteView<'v>>,
}

#[derive(Serialize)]
struct EventName<'v> {
    slug: &'v Key,
    title: &'v crate::event::model::Words,
    languages: &'v [String],
    date: String,
}

/// Says what a link opens. By POST, so that the token stands in no log and no history.
pub(super) async fn inspect(
    State(api): State<Arc<Api>>,
    JsonBody(body): JsonBody<Inspect>,
) -> Result<Response, Problem> {
    let (event, link) = api.events.inspect(&body.token)?;
    let view = LinkView {
        event: EventName {
            slug: &event.slug,
            title: &event.title,
            languages: &event.languages,
            date: event.date.to_string(),
        },
        role: link.role,
        site: link.site.as_ref(),
        sites: view::sites(&event),
    };
    Ok(Json(view).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    organisation: Option<String>,
    #[serde(default)]
    site: Option<Key>,
    language: String,
    #[serde(default)]
    languages: Vec<String>,
}

/// Exchanges a link for a session.
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Create>,
) -> Result<Response, Problem> {
    api.same_origin(&headers)?;
    let newcomer = Newcomer {
        name: body.name,
        organisation: body.organisation,
        site: body.site,
        language: body.language,
        languages: body.languages,
    };
    let (secret, principal) = api.events.join(&body.token, newcomer).await?;
    let secure = api.public_url.as_ref().is_some_and(crate::config::PublicUrl::is_https);
    let cookie = format!(
        "{COOKIE_NAME}={secret}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}{}",
        limits::SESSION_DAYS * 86_400,
        if secure { "; Secure" } else { "" },
    );
    let view = session(&api, &principal)?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

#[derive(Serialize)]
struct SessionView {
    event: SessionEvent,
    role: Role,
    site: Option<Key>,
    person: Option<OwnView>,
}

#[derive(Serialize)]
struct SessionEvent {
    id: EventId,
    slug: Key,
}

#[derive(Serialize)]
struct OwnView {
    id: sangam_shared::ids::PersonId,
    name: String,
    organisation: Option<String>,
    site: Key,
    language: String,
    languages: Vec<String>,
}

fn session(api: &Api, principal: &Principal) -> Result<SessionView, Problem> {
    let event = api.events.by_id(principal.event).ok_or(Code::NotFound)?;
    let person = principal.person.and_then(|id| api.events.person(event.id, id));
    Ok(SessionView {
        event: SessionEvent { id: event.id, slug: event.slug.clone() },
        role: principal.role,
        site: principal.site.clone(),
        person: person.map(|person| OwnView {
            id: person.id,
            name: person.name,
            organisation: person.organisation,
            site: person.site,
            language: person.language,
            languages: person.languages,
        }),
    })
}

/// Who I am.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let principal = api.principal(&headers)?;
    Ok(Json(session(&api, &principal)?).into_response())
}

/// Leaves on this device.
pub(super) async fn end(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.same_origin(&headers)?;
    let principal = api.principal(&headers)?;
    api.events.leave(&principal).await?;
    let gone = format!("{COOKIE_NAME}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}
