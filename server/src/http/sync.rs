//! `/sync/{document}`: who asks, whether they may, and then the connection.
//!
//! A stock provider learns of a refusal only by a close code, so the upgrade is accepted first;
//! but a page of another site is refused before it. Where `WebSocket` is blocked, `sangam.1`
//! travels by `/sync/{document}/events` and `/sync/{document}/frames`.

use super::problem::{Code, Denial, Problem};
use super::upgrade::Upgrade;
use super::{Api, bearer, cookie};
use crate::event::DocumentInfo;
use crate::event::access::{self, Denied, Principal, allow_message};
use crate::sync::fallback::{Ends, Refused};
use crate::sync::frame::ClientMessage;
use crate::sync::room::{Dialect, Member, Permission};
use crate::sync::socket::{self, Connection, Line, Standing};
use crate::sync::websocket::WebSocket;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use sangam_shared::message::{Hello, SUBPROTOCOL, close};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize)]
pub(super) struct Parameters {
    token: Option<String>,
}

pub(super) async fn upgrade(
    State(api): State<Arc<Api>>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let token = parameters.token.or_else(|| bearer(&headers));
    own_page(&api, &headers, token.is_some())?;
    let protocol = upgrade.offers(SUBPROTOCOL).then_some(SUBPROTOCOL);
    let dialect = if protocol.is_some() { Dialect::Sangam } else { Dialect::Stock };
    let token = token.or_else(|| cookie(&headers));
    let who = admit(&api, &document, token);
    let refused = who.as_ref().err().and_then(|code| refusal(*code));
    let sockets = api.sockets.clone();
    let mut upgraded = upgrade.serve(protocol, move |socket| {
        sockets.track_future(async move {
            match who {
                Ok(guest) => match connection(&api, guest, dialect).await {
                    Ok(connection) => socket::serve(socket, connection).await,
                    Err(code) => refuse(socket, code).await,
                },
                Err(code) => refuse(socket, code).await,
            }
        })
    });
    // A socket is refused after the upgrade; the log hears of it here.
    if let Some(refused) = refused {
        upgraded.extensions_mut().insert(refused);
    }
    Ok(upgraded)
}

/// What the audit log calls a close code that says no.
fn refusal(code: u16) -> Option<Denial> {
    match code {
        close::UNAUTHORIZED => Some(Denial("no_session")),
        close::FORBIDDEN => Some(Denial("forbidden")),
        _ => None,
    }
}

/// A page of ours asks, or a machine: it has no page, and says who it is by itself, not by a
/// browser's cookie.
fn own_page(api: &Api, headers: &HeaderMap, has_token: bool) -> Result<(), Problem> {
    match headers.get(ORIGIN) {
        Some(origin) if api.is_ours(origin, headers) => Ok(()),
        None if has_token => Ok(()),
        _ => Err(Code::ForeignOrigin.into()),
    }
}

/// Somebody who may open a document.
struct Guest {
    principal: Principal,
    document: DocumentId,
    info: DocumentInfo,
    token: String,
}

/// Who it is and what it wants, or the close code to say no with.
fn admit(api: &Api, document: &str, token: Option<String>) -> Result<Guest, u16> {
    let token = token.ok_or(close::UNAUTHORIZED)?;
    let principal = api.events.principal(&token).map_err(close_code)?;
    let id: DocumentId = document.parse().map_err(|_| close::NOT_FOUND)?;
    let info = api.events.document(id).ok_or(close::NOT_FOUND)?;
    permission(&principal, info)?;
    if api.sockets.len() >= limits::CONNECTIONS_MAX || api.draining.is_cancelled() {
        return Err(close::RESYNC);
    }
    Ok(Guest { principal, document: id, info, token })
}

fn permission(principal: &Principal, info: DocumentInfo) -> Result<Permission, u16> {
    allow_message(principal, &ClientMessage::SyncStep1(&[]), &info).map_err(close_code)?;
    let may_write = allow_message(principal, &ClientMessage::Update(&[]), &info).is_ok();
    Ok(if may_write { Permission::Write } else { Permission::Read })
}

fn close_code(denied: Denied) -> u16 {
    match denied {
        Denied::Unknown | Denied::Expired | Denied::Revoked | Denied::Used => close::UNAUTHORIZED,
        Denied::Foreign | Denied::Forbidden | Denied::Waiting => close::FORBIDDEN,
    }
}

/// Opens the room for somebody, or says with which close code not.
async fn connection(api: &Arc<Api>, guest: Guest, dialect: Dialect) -> Result<Connection, u16> {
    let Guest { principal, document, info, token } = guest;
    let room = api.rooms.open(document, info.kind).await.map_err(|error| {
        tracing::error!(%document, %error, "cannot open");
        close::RESYNC
    })?;
    let changes = api.events.changes();
    let permission = permission(&principal, info)?;
    if room.users() > limits::CONNECTIONS_PER_ROOM_MAX {
        return Err(close::RESYNC);
    }
    let events = Arc::clone(&api.events);
    let author = principal.author();
    let judge = move || {
        let judged = events.principal(&token).map_err(close_code).and_then(|principal| {
            // Somebody else writes on this device now: they come back under their own name.
            if principal.author() != author {
                return Err(close::RESYNC);
            }
            self::permission(&principal, info)
        });
        if let Some(Denial(code)) = judged.as_ref().err().and_then(|code| refusal(*code)) {
            events.refused(Some(&token), "SOCKET /sync/{document}".to_owned(), code);
        }
        judged
    };
    let hello = Hello {
        epoch: api.store.epoch(),
        role: principal.role,
        writable: permission == Permission::Write && !room.is_damaged(),
        message_bytes_max: limits::MESSAGE_BYTES_MAX,
        now_ms: api.clock.now_ms(),
    };
    Ok(Connection {
        id: api.rooms.next_connection(),
        room,
        member: Member {
            author: principal.author(),
            permission,
            dialect,
            user: user(api, &principal),
        },
        standing: Standing { changes, judge: Box::new(judge) },
        hello,
        clock: Arc::clone(&api.clock),
        draining: api.draining.clone(),
        drain_after: Duration::from_millis(api.chance.below(limits::DRAIN_MS / 2)),
    })
}

/// What presence says of somebody.
fn user(api: &Api, principal: &Principal) -> serde_json::Value {
    let person = principal.person.and_then(|id| api.events.person(principal.event, id));
    serde_json::json!({
        "id": principal.person,
        "name": person.map(|person| person.name),
        "role": principal.role,
        "site": principal.site,
    })
}

async fn refuse(mut socket: WebSocket, code: u16) {
    socket.close(code).await;
}

/// The secret that names a line to its own peer, in every request after the first. A header, so
/// that it stands in no log, and no form of another site's page can send it.
const LINE: &str = "sangam-line";
/// Counts the requests that carry frames up, from 0.
const NUMBER: &str = "sangam-number";

#[derive(Serialize)]
struct Opened {
    line: String,
}

/// Opens a line: the first request of the fallback.
pub(super) async fn open_line(
    State(api): State<Arc<Api>>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token = parameters.token.or_else(|| bearer(&headers));
    own_page(&api, &headers, token.is_some())?;
    let token = token.or_else(|| cookie(&headers));
    let guest = admit(&api, &document, token).map_err(code)?;
    let owner = owner(&guest);
    let connection = connection(&api, guest, Dialect::Sangam).await.map_err(code)?;
    let secret = access::secret(api.chance.bytes());
    let line = api.lines.open(access::hash(&secret), owner);
    api.sockets.spawn(socket::serve(line, connection));
    Ok((StatusCode::CREATED, no_store(), Json(Opened { line: secret })).into_response())
}

#[derive(Deserialize)]
pub(super) struct Reading {
    token: Option<String>,
    after: Option<u64>,
}

/// Frames down: one endless answer, or, with `after`, the next few frames alone.
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    Path(document): Path<String>,
    Query(reading): Query<Reading>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A browser names no origin when a page asks its own server to read.
    if headers.contains_key(ORIGIN) {
        own_page(&api, &headers, false)?;
    }
    let (key, ends) = line(&api, &document, reading.token, &headers)?;
    let body = match reading.after {
        None => ends.stream().await.map(Body::from_stream),
        Some(after) => ends.next(after).await.map(Body::from),
    };
    let body = body.map_err(|refused| over(&api, &key, refused))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        // nginx and its kin would gather what must arrive at once.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

/// Frames up. Answered when all of them have been taken.
pub(super) async fn frames(
    State(api): State<Arc<Api>>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let has_token = parameters.token.is_some() || bearer(&headers).is_some();
    own_page(&api, &headers, has_token)?;
    let (key, ends) = line(&api, &document, parameters.token, &headers)?;
    let number = headers.get(NUMBER).and_then(|number| number.to_str().ok()?.parse().ok());
    let limit = Duration::from_millis(limits::FALLBACK_BODY_MS);
    let body = tokio::time::timeout(limit, to_bytes(body, limits::FALLBACK_BODY_BYTES_MAX)).await;
    let taken = match (number, body) {
        (Some(number), Ok(Ok(body))) => ends.take(number, body).await,
        _ => Err(Refused::Malformed),
    };
    taken.map_err(|refused| over(&api, &key, refused))?;
    Ok((StatusCode::NO_CONTENT, no_store()).into_response())
}

/// The page leaves: its line ends at once, and its presence with it.
pub(super) async fn close_line(
    State(api): State<Arc<Api>>,
    Path(document): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let has_token = parameters.token.is_some() || bearer(&headers).is_some();
    own_page(&api, &headers, has_token)?;
    let (key, _) = line(&api, &document, parameters.token, &headers)?;
    api.lines.drop_line(&key);
    Ok((StatusCode::NO_CONTENT, no_store()).into_response())
}

/// The line that a request belongs to. Whoever asks is asked for their right each time.
fn line(
    api: &Api,
    document: &str,
    token: Option<String>,
    headers: &HeaderMap,
) -> Result<(String, Arc<Ends>), Problem> {
    let token = token.or_else(|| bearer(headers)).or_else(|| cookie(headers));
    let guest = admit(api, document, token).map_err(code)?;
    let secret = headers.get(LINE).and_then(|secret| secret.to_str().ok()).unwrap_or_default();
    let key = access::hash(secret);
    let ends = api.lines.find(&key, &owner(&guest)).map_err(|_| Problem::from(Code::NotFound))?;
    Ok((key, ends))
}

/// After a request that was not taken the line is over: going on would miscount.
fn over(api: &Api, key: &str, refused: Refused) -> Problem {
    api.lines.drop_line(key);
    tracing::debug!(%refused, "a line is over");
    Problem::from(Code::LineOver)
}

/// Who somebody is, and for which document: the same at every request of a line.
fn owner(guest: &Guest) -> String {
    let Guest { principal, document, .. } = guest;
    format!("{document} {:?} {:?}", principal.link, principal.session)
}

fn no_store() -> [(HeaderName, HeaderValue); 1] {
    [(CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

/// What a close code is called where there is no socket to close.
fn code(close: u16) -> Problem {
    match close {
        close::UNAUTHORIZED => Code::NoSession,
        close::FORBIDDEN => Code::Forbidden,
        close::NOT_FOUND => Code::NotFound,
        _ => Code::Unavailable,
    }
    .into()
}

#[cfg(test)]
#[path = "sync/tests/private.rs"]
mod private;
#[cfg(test)]
mod tests;
