//! The links of an event, for its organisers: seen with their codes, made, handed out again, taken
//! back one by one.

use super::problem::{Code, JsonBody, Problem};
use super::qr::{self, Drawing};
use super::{Api, events};
use crate::event::access::Action;
use crate::event::audit::By;
use crate::event::model::{Event, Link};
use crate::event::{Wanted, link_url};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{Key, LinkId};
use sangam_shared::role::Role;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkRow {
    id: LinkId,
    role: Role,
    site: Option<Key>,
    label: Option<String>,
    /// Who comes in by it, where it is for one person.
    person: Option<String>,
    single_use: bool,
    /// It has opened the one device that it was for, and opens no other.
    used: bool,
    /// Devices that came in by it and are still in.
    devices: usize,
    made_at_ms: u64,
    expires_at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<Drawing>,
}

/// All links that open something or have opened a device.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = events::allowed(&api, slug, &headers, Action::ManageLinks)?;
    let devices = api.events.devices(event.id);
    let rows: Vec<_> = api
        .events
        .open_links(event.id)
        .into_iter()
        .map(|link| {
            let count = devices.get(&link.id).copied().unwrap_or(0);
            row(&api, &event, &headers, link, count)
        })
        .collect();
    Ok(Json(serde_json::json!({ "links": rows })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    role: Role,
    #[serde(default)]
    site: Option<Key>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    expires_at_ms: Option<u64>,
}

/// Makes a link. Whoever may do more than the crowd gets one for one device.
pub(super) async fn make(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<New>,
) -> Result<Response, Problem> {
    let event = events::allowed(&api, slug, &headers, Action::ManageLinks)?;
    let wanted = Wanted {
        single_use: matches!(body.role, Role::Facilitator | Role::Organiser),
        role: body.role,
        site: body.site,
        label: body.label,
        expires_at_ms: body.expires_at_ms,
    };
    let by = By::from(&api.principal(&headers)?);
    let (link, _) = api.events.issue(event.id, by, wanted).await?;
    Ok((StatusCode::CREATED, Json(row(&api, &event, &headers, link, 0))).into_response())
}

type Names = Result<Path<(String, String)>, PathRejection>;

/// Takes a link back, and every session that came of it.
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (event, link) = named(&api, names, &headers)?;
    let by = By::from(&api.principal(&headers)?);
    api.events.revoke(event.id, by, link).await.map_err(unknown)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a link back and makes another one for the same person.
pub(super) async fn reissue(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (event, link) = named(&api, names, &headers)?;
    let by = By::from(&api.principal(&headers)?);
    let (link, _) = api.events.reissue(event.id, by, link).await.map_err(unknown)?;
    Ok((StatusCode::CREATED, Json(row(&api, &event, &headers, link, 0))).into_response())
}

fn named(api: &Api, names: Names, headers: &HeaderMap) -> Result<(Arc<Event>, LinkId), Problem> {
    let names = names.map(|Path((slug, link))| (Path(slug), link));
    let (slug, link) = match names {
        Ok((slug, link)) => (Ok(slug), link),
        Err(bad) => (Err(bad), String::new()),
    };
    let event = events::allowed(api, slug, headers, Action::ManageLinks)?;
    Ok((event, link.parse().map_err(|_| Code::NotFound)?))
}

/// In an address, what nobody knows is not there.
fn unknown(error: crate::event::EventsError) -> Problem {
    use crate::event::EventsError::Denied;
    match error {
        Denied(crate::event::access::Denied::Unknown) => Code::NotFound.into(),
        other => other.into(),
    }
}

fn row(api: &Api, event: &Event, headers: &HeaderMap, link: Link, devices: usize) -> LinkRow {
    let opens = link.used_by.is_none();
    let url = opens.then(|| link_url(&api.events.token(link.id), &api.reached_at(headers)));
    let person = link.person.and_then(|id| api.events.person(event.id, id));
    LinkRow {
        id: link.id,
        role: link.role,
        qr: url.as_deref().and_then(qr::draw),
        url,
        site: link.site,
        label: link.label,
        person: person.map(|person| person.name),
        single_use: link.single_use,
        used: !opens,
        devices,
        made_at_ms: link.made_at_ms,
        expires_at_ms: link.expires_at_ms,
    }
}
