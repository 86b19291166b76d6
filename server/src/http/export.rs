//! Files to take away. They are made one after the other, off the threads that serve the boards.

use super::Api;
use super::events::allowed;
use super::problem::{Code, Problem};
use crate::event::access::Action;
use crate::event::model::Event;
use crate::export::dossier::{self, PersonalData, Scope, Source};
use crate::export::{self, Choice, ExportError, ExportFile, Format, Language};
use crate::store::Loaded;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sangam_shared::limits;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A few exports run at once, a few more wait, the rest are told to come back.
pub struct Queue {
    /// Held by whoever's file is being made.
    pub(super) running: Arc<Semaphore>,
    seats: Semaphore,
}

impl Default for Queue {
    fn default() -> Self {
        let seats = limits::EXPORTS_AT_ONCE_MAX + limits::EXPORTS_WAITING_MAX;
        Self {
            running: Arc::new(Semaphore::new(limits::EXPORTS_AT_ONCE_MAX)),
            seats: Semaphore::new(seats),
        }
    }
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    format: String,
    /// One tag, or two with a comma between.
    language: Option<String>,
    /// `true` names people.
    #[serde(default)]
    personal: bool,
    /// `all` also gives what is not public.
    scope: Option<String>,
}

/// `GET /api/v1/events/{slug}/export?format=…`
pub(super) async fn file(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = allowed(&api, slug, &headers, Action::Export)?;
    let Query(asked) =
        asked.map_err(|error| Problem::field("format", &format!("is not usable: {error}")))?;
    let choice = choice(&asked, &event)?;
    if choice.personal == PersonalData::With || choice.scope == Scope::All {
        let principal = api.principal(&headers)?;
        api.events.allow(&principal, event.id, Action::ExportAll)?;
        tracing::info!(event = %event.slug, who = ?principal.person, ?choice, "a file that is not public leaves");
    }
    let _seat = api.exports.seats.try_acquire().map_err(|_| Code::Busy)?;
    let format = choice.format;
    let time = Duration::from_millis(limits::EXPORT_TIMEOUT_MS);
    let made = tokio::time::timeout(time, make(&api, &event, choice)).await;
    let made = made.map_err(|_| Code::Busy)??;
    if made.replaced > 0 {
        tracing::warn!(event = %event.slug, replaced = made.replaced, "characters that no file holds were replaced by visible signs");
    }
    Ok(answer(format, made))
}

/// `GET /api/v1/event-export.schema.json`
pub(super) async fn schema() -> Response {
    ([(header::CONTENT_TYPE, "application/schema+json")], export::json::SCHEMA).into_response()
}

fn choice(asked: &Asked, event: &Event) -> Result<Choice, Problem> {
    let format: Format = asked
        .format
        .parse()
        .map_err(|e: export::NotAFormat| Problem::field("format", &e.to_string()))?;
    let first = event.languages.first().map_or("en", String::as_str);
    let tags = asked.language.as_deref().unwrap_or(first);
    let languages: Option<Vec<_>> = tags.split(',').map(Language::of_tag).collect();
    let languages = match languages {
        Some(languages) if languages.len() <= 2 => languages,
        // The event's own language may be one that we do not speak.
        None if asked.language.is_none() => vec![Language::English],
        _ => return Err(Problem::field("language", "is not fr, en or hi, or two of them")),
    };
    let scope = match asked.scope.as_deref() {
        None | Some("public") => Scope::Public,
        Some("all") => Scope::All,
        Some(_) => return Err(Problem::field("scope", "is neither public nor all")),
    };
    let personal = if asked.personal { PersonalData::With } else { PersonalData::Without };
    Ok(Choice { format, languages, personal, scope })
}

async fn make(api: &Api, event: &Arc<Event>, choice: Choice) -> Result<ExportFile, Problem> {
    let running = Arc::clone(&api.exports.running);
    let turn = running.acquire_owned().await.map_err(|_| Code::Unavailable)?;
    let mut loaded: Vec<Loaded> = Vec::with_capacity(event.workshops.len());
    for workshop in &event.workshops {
        let board = api.store.load(workshop.board, 0).await.map_err(|error| {
            tracing::error!(%error, "an export failed");
            Code::Unavailable
        })?;
        loaded.push(board);
    }
    let people = api.events.people(event.id);
    let (event, at) = (Event::clone(event), now(api));
    let made = tokio::task::spawn_blocking(move || {
        // Held until the work is done, even where nobody waits for it any more.
        let _turn = turn;
        let boards = loaded.iter().map(dossier::board).collect::<Result<_, _>>()?;
        drop(loaded);
        export::file(Source { event, people, boards, at }, &choice)
    });
    let made: Result<ExportFile, ExportError> = made.await.map_err(|error| {
        tracing::error!(%error, "an export failed");
        Problem::from(Code::Unavailable)
    })?;
    let made = made.map_err(|error| {
        tracing::error!(%error, "an export failed");
        Problem::from(Code::Unavailable)
    })?;
    if made.bytes.len() > limits::EXPORT_BYTES_MAX {
        return Err(Code::TooLarge.into());
    }
    Ok(made)
}

fn now(api: &Api) -> jiff::Timestamp {
    let ms = i64::try_from(api.clock.now_ms()).unwrap_or(0);
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default()
}

fn answer(format: Format, made: ExportFile) -> Response {
    let mut response = made.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    // The name is a slug and a day: nothing in it could end the header. Always a download: a page
    // made of people's texts never runs under our own address.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", made.name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    response
}
