//! Organisers sign in with their own provider, where an operator has configured one. What a sign-in
//! is bound to is kept by the browser that began it, in a cookie: nobody can fill the server with
//! sign-ins that are never finished, and a code that another browser began opens nothing.

use super::oidc::{Begun, Organiser};
use super::problem::{Code, Problem};
use super::{Api, COOKIE_NAME, named_cookie};
use crate::event::access::secret;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use sangam_shared::limits;
use serde::Deserialize;
use std::sync::Arc;

const BEGUN: &str = "sangam_sign_in";
const CALLBACK: &str = "/api/v1/sign-in/callback";

/// Sends somebody to the provider.
pub(super) async fn begin(
    State(api): State<Arc<Api>>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    if api.oidc.get().is_none() {
        return Err(Code::NotFound.into());
    }
    let Path(slug) = slug.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    let fresh = || secret(api.chance.bytes());
    // RFC 7636 wants 43 characters at least: 256 bits.
    let begun =
        Begun { state: fresh(), nonce: fresh(), verifier: format!("{}{}", fresh(), fresh()) };
    let back = back(&api)?;
    let cookie = format!(
        "{BEGUN}={}.{}.{}.{}; HttpOnly; SameSite=Lax; Path={CALLBACK}; Max-Age={}{}",
        begun.state,
        begun.nonce,
        begun.verifier,
        event.slug,
        limits::OIDC_MINUTES * 60,
        secure(&api),
    );
    let asked = {
        let api = Arc::clone(&api);
        tokio::task::spawn_blocking(move || api.oidc.get().map(|oidc| oidc.address(&begun, &back)))
    };
    match asked.await {
        Ok(Some(Ok(address))) => Ok(to(&address, [cookie])),
        Ok(Some(Err(error))) => {
            tracing::error!(%error, "a sign-in cannot begin");
            Err(Code::Unavailable.into())
        }
        _ => Err(Code::Unavailable.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
}

/// The provider sends them back.
pub(super) async fn finish(
    State(api): State<Arc<Api>>,
    answer: Result<Query<Answer>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    match finished(&api, answer, &headers).await {
        Ok((slug, secret)) => {
            let session = format!(
                "{COOKIE_NAME}={secret}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}{}",
                limits::SESSION_DAYS * 86_400,
                secure(&api),
            );
            to(&format!("/e/{slug}"), [session, forgotten()])
        }
        Err(code) => to(&format!("/join?refused={code}"), [forgotten()]),
    }
}

/// The event and the session's secret; or what the page says.
async fn finished(
    api: &Arc<Api>,
    answer: Result<Query<Answer>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<(String, String), &'static str> {
    let Ok(Query(answer)) = answer else { return Err("sign_in") };
    let kept = named_cookie(headers, BEGUN).unwrap_or_default();
    let parts: Vec<&str> = kept.split('.').collect();
    let [state, nonce, verifier, slug] = parts[..] else { return Err("sign_in") };
    // Whoever did not begin it here does not finish it here.
    if state.is_empty() || answer.state != state || answer.code.is_empty() {
        return Err("sign_in");
    }
    let event = api.events.by_slug(slug).ok_or("sign_in")?;
    let begun = Begun { state: state.into(), nonce: nonce.into(), verifier: verifier.into() };
    let back = back(api).map_err(|_| "unavailable")?;
    let now_ms = api.clock.now_ms();
    let asked = {
        let api = Arc::clone(api);
        tokio::task::spawn_blocking(move || {
            api.oidc.get().map(|oidc| oidc.finish(&begun, &answer.code, &back, now_ms))
        })
    };
    let Organiser { subject, name } = match asked.await {
        Ok(Some(Ok(organiser))) => organiser,
        Ok(Some(Err(error))) => {
            tracing::warn!(%error, "a sign-in was refused");
            return Err("sign_in");
        }
        _ => return Err("unavailable"),
    };
    let (secret, _) = api.events.sign_in(event.id, subject, &name).await.map_err(|error| {
        tracing::warn!(%error, "a sign-in was refused");
        "sign_in"
    })?;
    Ok((slug.to_owned(), secret))
}

/// Where the provider sends people: it must know this address.
fn back(api: &Api) -> Result<String, Problem> {
    let url = api.public_url.as_ref().ok_or(Code::Unavailable)?;
    Ok(format!("{}{CALLBACK}", url.as_str()))
}

fn secure(api: &Api) -> &'static str {
    let is_https = api.public_url.as_ref().is_some_and(crate::config::PublicUrl::is_https);
    if is_https { "; Secure" } else { "" }
}

fn forgotten() -> String {
    format!("{BEGUN}=; HttpOnly; SameSite=Lax; Path={CALLBACK}; Max-Age=0")
}

fn to<const N: usize>(address: &str, cookies: [String; N]) -> Response {
    let cookies = cookies.map(|cookie| (header::SET_COOKIE, cookie));
    let Ok(address) = HeaderValue::from_str(address) else {
        return Problem::from(Code::Unavailable).into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)], AppendHeaders(cookies)).into_response()
}
