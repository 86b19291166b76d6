//! `GET /sync/{document}`: who asks, whether they may, and then the socket.
//!
//! A stock provider learns of a refusal only by a close code, so the upgrade is accepted first;
//! but a page of another site is refused before it.

use super::problem::{Code, Problem};
use super::{Api, bearer, cookie};
use crate::event::DocumentInfo;
use crate::event::access::{Denied, Principal, allow_message};

use crate::sync::frame::ClientMessage;
use crate::sync::room::{Dialect, Member, Permission};
use crate::sync::socket::{self, Connection, Standing};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use sangam_shared::message::{Hello, SUBPROTOCOL, close};
use serde::Deserialize;
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
    mut upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let token = parameters.token.or_else(|| bearer(&headers));
    match headers.get(ORIGIN) {
        Some(origin) if api.is_ours(origin, &headers) => {}
        // A machine has no page; it says who it is by itself, not by a browser's cookie.
        None if token.is_some() => {}
        _ => return Err(Code::ForeignOrigin.into()),
    }
    let speaks_sangam = upgrade.requested_protocols().any(|p| p == SUBPROTOCOL);
    if speaks_sangam {
        upgrade.set_selected_protocol(HeaderValue::from_static(SUBPROTOCOL));
    }
    let dialect = if speaks_sangam { Dialect::Sangam } else { Dialect::Stock };
    let upgrade = upgrade
        .max_message_size(limits::MESSAGE_BYTES_MAX)
        .max_frame_size(limits::MESSAGE_BYTES_MAX)
        .read_buffer_size(limits::READ_BUFFER_BYTES)
        .write_buffer_size(limits::WRITE_BUFFER_BYTES)
        .max_write_buffer_size(limits::WRITE_BUFFER_BYTES_MAX);
    let token = token.or_else(|| cookie(&headers));
    let who = admit(&api, &document, token);
    let sockets = api.sockets.clone();
    let upgraded = upgrade.on_upgrade(move |socket| {
        sockets.track_future(async move {
            match who {
                Ok((principal, id, info, token)) => {
                    converse(&api, socket, principal, id, info, token, dialect).await;
                }
                Err(code) => refuse(socket, code).await,
            }
        })
    });
    Ok(upgraded)
}

/// Who it is and what it wants, or the close code to say no with.
fn admit(
    api: &Api,
    document: &str,
    token: Option<String>,
) -> Result<(Principal, DocumentId, DocumentInfo, String), u16> {
    let token = token.ok_or(close::UNAUTHORIZED)?;
    let principal = api.events.principal(&token).map_err(close_code)?;
    let id: DocumentId = document.parse().map_err(|_| close::NOT_FOUND)?;
    let info = api.events.document(id).ok_or(close::NOT_FOUND)?;
    permission(&principal, info)?;
    if api.sockets.len() >= limits::CONNECTIONS_MAX || api.draining.is_cancelled() {
        return Err(close::RESYNC);
    }
    Ok((principal, id, info, token))
}

fn permission(principal: &Principal, info: DocumentInfo) -> Result<Permission, u16> {
    allow_message(principal, &ClientMessage::SyncStep1(&[]), &info).map_err(close_code)?;
    let may_write = allow_message(principal, &ClientMessage::Update(&[]), &info).is_ok();
    Ok(if may_write { Permission::Write } else { Permission::Read })
}

fn close_code(denied: Denied) -> u16 {
    match denied {
        Denied::Unknown | Denied::Expired | Denied::Revoked => close::UNAUTHORIZED,
        Denied::Foreign | Denied::Forbidden => close::FORBIDDEN,
    }
}

async fn converse(
    api: &Arc<Api>,
    socket: WebSocket,
    principal: Principal,
    document: DocumentId,
    info: DocumentInfo,
    token: String,
    dialect: Dialect,
) {
    let room = match api.rooms.open(document, info.kind).await {
        Ok(room) => room,
        Err(error) => {
            tracing::error!(%document, %error, "cannot open");
            return refuse(socket, close::RESYNC).await;
        }
    };
    let changes = api.events.changes();
    let Ok(permission) = permission(&principal, info) else {
        return refuse(socket, close::FORBIDDEN).await;
    };
    if room.users() > limits::CONNECTIONS_PER_ROOM_MAX {
        return refuse(socket, close::RESYNC).await;
    }
    let events = Arc::clone(&api.events);
    let judge = move || {
        let principal = events.principal(&token).map_err(close_code)?;
        self::permission(&principal, info)
    };
    let hello = Hello {
        epoch: api.store.epoch(),
        role: principal.role,
        writable: permission == Permission::Write,
        message_bytes_max: limits::MESSAGE_BYTES_MAX,
        now_ms: api.clock.now_ms(),
    };
    let connection = Connection {
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
    };
    socket::serve(socket, connection).await;
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
    let farewell = Message::Close(Some(CloseFrame { code, reason: "".into() }));
    let limit = Duration::from_millis(limits::CLOSE_TIMEOUT_MS);
    let closing = async {
        if socket.send(farewell).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    if tokio::time::timeout(limit, closing).await.is_err() {
        tracing::debug!(code, "the peer did not answer our close");
    }
}
