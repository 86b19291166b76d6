//! Coming in: a link is looked at, then exchanged for a session.

use super::problem::{Code, JsonBody, Problem};
use super::{Api, COOKIE_NAME, cookie};
use crate::event::access::{Denied, Principal};
use crate::event::model::Standing;
use crate::event::{Newcomer, view};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{EventId, Key, PersonId};
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
#[serde(rename_all = "camelCase")]
struct LinkView<'v> {
    event: EventName<'v>,
    role: Role,
    site: Option<&'v Key>,
    sites: Vec<view::SiteView<'v>>,
    /// Who comes in by it, where it is handed out again.
    person: Option<String>,
    /// Who is in on this device already.
    here: Option<String>,
    /// Organisers may come in by their provider.
    sign_in: bool,
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
    headers: HeaderMap,
    JsonBody(body): JsonBody<Inspect>,
) -> Result<Response, Problem> {
    let (event, link) = api.events.inspect(&body.token)?;
    let mine = cookie(&headers).and_then(|secret| api.events.principal(&secret).ok());
    let mine = mine.filter(|mine| mine.event == event.id);
    // The device that a link was for may open it again: it is in.
    let is_own = mine.as_ref().is_some_and(|mine| mine.link == link.id);
    if link.used_by.is_some() && !is_own {
        return Err(Denied::Used.into());
    }
    let name = |id: Option<PersonId>| Some(api.events.person(event.id, id?)?.name);
    // Whoever came in as one role does not go on as another.
    let mine = mine.filter(|mine| mine.role == link.role);
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
        person: name(link.person),
        here: name(mine.and_then(|mine| mine.person)),
        sign_in: api.oidc.get().is_some(),
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
    JsonBody(body): JsonBody<Create>,
) -> Result<Response, Problem> {
    let newcomer = Newcomer {
        name: body.name,
        organisation: body.organisation,
        site: body.site,
        language: body.language,
        languages: body.languages,
    };
    let (secret, principal) = api.events.join(&body.token, newcomer).await?;
    signed_in(&api, &secret, &principal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    code: String,
}

/// Exchanges the code that another device shows for a session of the same person.
pub(super) async fn resume(
    State(api): State<Arc<Api>>,
    JsonBody(body): JsonBody<Resume>,
) -> Result<Response, Problem> {
    let (secret, principal) = api.events.resume(&body.code).await?;
    signed_in(&api, &secret, &principal)
}

/// A session goes to its browser, in a cookie that no script reads.
pub(super) fn signed_in(api: &Api, secret: &str, who: &Principal) -> Result<Response, Problem> {
    let secure = api.public_url.as_ref().is_some_and(crate::config::PublicUrl::is_https);
    let cookie = format!(
        "{COOKIE_NAME}={secret}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}{}",
        limits::SESSION_DAYS * 86_400,
        if secure { "; Secure" } else { "" },
    );
    let waiting = api.events.known(secret)?.1 == Standing::Waiting;
    let view = session(api, who, waiting)?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

#[derive(Serialize)]
struct SessionView {
    event: SessionEvent,
    role: Role,
    site: Option<Key>,
    person: Option<OwnView>,
    /// The door is locked: somebody has to let them in.
    waiting: bool,
    /// Everybody who writes on this device, whoever writes now first.
    people: Vec<Named>,
}

#[derive(Serialize)]
struct Named {
    id: PersonId,
    name: String,
}

#[derive(Serialize)]
struct SessionEvent {
    id: EventId,
    slug: Key,
}

#[derive(Serialize)]
struct OwnView {
    id: PersonId,
    name: String,
    organisation: Option<String>,
    site: Key,
    language: String,
    languages: Vec<String>,
}

pub(super) fn session(
    api: &Api,
    principal: &Principal,
    waiting: bool,
) -> Result<impl Serialize, Problem> {
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
        waiting,
        people: api
            .events
            .on_device(principal)
            .into_iter()
            .map(|person| Named { id: person.id, name: person.name })
            .collect(),
    })
}

/// Who I am.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Those who wait may know that they do.
    let (principal, standing) = api.known(&headers)?;
    let view = session(&api, &principal, standing == Standing::Waiting)?;
    Ok(Json(view).into_response())
}

/// Leaves on this device.
pub(super) async fn end(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (principal, _) = api.known(&headers)?;
    api.events.leave(&principal).await?;
    let gone = format!("{COOKIE_NAME}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}
