//! Reading an event.

use super::Api;
use super::problem::{Code, Problem};
use crate::event::access::Action;
use crate::event::model::Event;
use crate::event::view;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The event's public texts, for whoever has a link to it.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = allowed(&api, slug, &headers, Action::ReadEvent)?;
    Ok(Json(view::event(&event)).into_response())
}

/// Who is there.
pub(super) async fn people(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = allowed(&api, slug, &headers, Action::ReadPeople)?;
    let people = api.events.people(event.id);
    let people: Vec<view::PersonView<'_>> = people.iter().map(Into::into).collect();
    Ok(Json(serde_json::json!({ "people": people })).into_response())
}

/// The event of an address, if whoever asks may do this to it.
pub(super) fn allowed(
    api: &Api,
    slug: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
    action: Action,
) -> Result<Arc<Event>, Problem> {
    let principal = api.principal(headers)?;
    // An address that is no UTF-8 names nothing.
    let Path(slug) = slug.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    api.events.allow(&principal, event.id, action)?;
    Ok(event)
}
