//! One's own devices: who writes on this one, a code for another one, and projectors that wait to be
//! paired.

use super::Api;
use super::problem::{JsonBody, Problem};
use super::qr;
use super::sessions::{session, signed_in};
use crate::event::access::{Action, Denied, Principal};
use crate::event::model::Standing;
use crate::event::{Newcomer, ScreenCode};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::PersonId;
use sangam_shared::limits;
use serde::Deserialize;
use std::sync::Arc;

/// A code that makes another device the same person's.
pub(super) async fn code(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let principal = own(&api, &headers, Action::KeepDevice)?;
    let (code, ends_at_ms) = api.events.resume_code(&principal)?;
    let url = format!("{}/join#{code}", api.reached_at(&headers));
    let view = serde_json::json!({
        "code": code, "endsAtMs": ends_at_ms, "qr": qr::draw(&url), "url": url,
    });
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    person: PersonId,
}

/// Somebody else of this device writes from now on.
pub(super) async fn switch(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Switch>,
) -> Result<Response, Problem> {
    let principal = own(&api, &headers, Action::KeepDevice)?;
    api.events.switch(&principal, body.person).await?;
    let now = api.principal(&headers)?;
    Ok(Json(session(&api, &now, false)?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    #[serde(default)]
    name: String,
    #[serde(default)]
    organisation: Option<String>,
    language: String,
    #[serde(default)]
    languages: Vec<String>,
}

/// Another person writes on this device, from now on.
pub(super) async fn share(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Share>,
) -> Result<Response, Problem> {
    let principal = own(&api, &headers, Action::ShareDevice)?;
    let newcomer = Newcomer {
        name: body.name,
        organisation: body.organisation,
        site: None,
        language: body.language,
        languages: body.languages,
    };
    api.events.share_device(&principal, newcomer).await?;
    let now = api.principal(&headers)?;
    Ok((StatusCode::CREATED, Json(session(&api, &now, false)?)).into_response())
}

fn own(api: &Api, headers: &HeaderMap, action: Action) -> Result<Principal, Problem> {
    let principal = api.principal(headers)?;
    api.events.allow(&principal, principal.event, action)?;
    Ok(principal)
}

/// A projector asks for a code to show. It is nobody yet, and nothing is stored.
pub(super) async fn screen(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let ScreenCode { code, ends_at_ms, secret } = api.events.screen_code()?;
    let view = serde_json::json!({ "code": code, "endsAtMs": ends_at_ms, "secret": secret });
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    secret: String,
}

/// The projector asks whether somebody has typed its code. Its session begins only then, so that
/// whoever opens this page by mistake keeps the one that they have.
pub(super) async fn claim(
    State(api): State<Arc<Api>>,
    JsonBody(body): JsonBody<Claim>,
) -> Result<Response, Problem> {
    // As we make them: 128 bits in 22 characters.
    let is_ours = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    if body.secret.len() != 22 || !body.secret.bytes().all(is_ours) {
        return Err(Problem::field("secret", "is no secret of a screen"));
    }
    match api.events.known(&body.secret) {
        Ok((principal, Standing::Here)) => signed_in(&api, &body.secret, &principal),
        Ok(_) | Err(Denied::Unknown) => {
            let again = [(header::RETRY_AFTER, limits::ASK_AGAIN_SECONDS.to_string())];
            let view = serde_json::json!({ "waiting": true });
            Ok((StatusCode::ACCEPTED, again, Json(view)).into_response())
        }
        Err(denied) => Err(denied.into()),
    }
}
