//! The outside: routes, thin. Each parses, authorises, calls, answers.

pub mod assets;
mod audit;
mod devices;
mod door;
mod events;
pub mod export;
mod health;
mod history;
mod links;
mod oidc;
mod plans;
mod privacy;
mod problem;
mod qr;
mod routes;
mod sessions;
mod sign_in;
mod sync;
mod upgrade;

pub use oidc::Oidc;
pub use problem::Problem;

use crate::clock::{Chance, Clock};
use crate::config::PublicUrl;
use crate::event::Events;
use crate::event::access::{Denied, Principal};
use crate::event::history::History;
use crate::event::model::Standing;
use crate::store::Store;
use crate::sync::fallback::Lines;
use crate::sync::rooms::Rooms;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use problem::Code;
use routes::{Kind, Route};
use sangam_shared::limits;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

/// What the routes share.
pub struct Api {
    /// All events.
    pub events: Arc<Events>,
    /// All open documents.
    pub rooms: Arc<Rooms>,
    /// The past of all boards.
    pub history: History,
    /// The durable log.
    pub store: Arc<dyn Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub chance: Arc<Chance>,
    /// Where people reach us, when the operator said so. Then it is the only allowed origin.
    pub public_url: Option<PublicUrl>,
    /// Cancelled when the server begins to stop.
    pub draining: CancellationToken,
    /// The connections of those for whom `WebSocket` is blocked.
    pub lines: Lines,
    /// Every open connection.
    pub sockets: TaskTracker,
    /// Whose turn it is to be given a file.
    pub exports: export::Queue,
    /// The organisers' provider, where there is one.
    pub oidc: OnceLock<Oidc>,
}

/// The cookie that carries a session's secret.
const COOKIE_NAME: &str = "sangam_session";

/// All routes.
pub fn router(api: Arc<Api>) -> Router {
    let timeout = Duration::from_millis(limits::REQUEST_TIMEOUT_MS);
    let (mut answers, mut live) = (Router::new(), Router::new());
    let own_page = middleware::from_fn_with_state(Arc::clone(&api), own_page_alone);
    for Route { method, path, kind, handler } in routes::all() {
        match kind {
            Kind::Answer if method.is_safe() => answers = answers.route(path, handler),
            Kind::Answer => answers = answers.route(path, handler.route_layer(own_page.clone())),
            Kind::Live => live = live.route(path, handler),
        }
    }
    let answers = answers
        .method_not_allowed_fallback(async || Problem::from(Code::MethodNotAllowed))
        .route("/api/v1/{*rest}", any(async || Problem::from(Code::NotFound)))
        .layer(DefaultBodyLimit::max(limits::REQUEST_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::REQUEST_TIMEOUT, timeout))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ));
    Router::new()
        .merge(answers)
        .merge(live)
        // Whatever is refused above is written down here.
        .layer(middleware::from_fn_with_state(Arc::clone(&api), audit::refusals))
        .with_state(api)
        .merge(assets::router())
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
}

/// Whatever changes something is asked by a page of ours, or by a machine, whoever answers.
async fn own_page_alone(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    match api.same_origin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Api {
    /// Whoever asks: by bearer token, or by cookie and then only from our own pages.
    fn principal(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        match self.known(headers)? {
            (principal, Standing::Here) => Ok(principal),
            (_, Standing::Waiting) => Err(Denied::Waiting.into()),
            (_, Standing::Removed) => Err(Code::NoSession.into()),
        }
    }

    /// The same, and whether they are in.
    fn known(&self, headers: &HeaderMap) -> Result<(Principal, Standing), Problem> {
        let token = bearer(headers).or_else(|| cookie(headers)).ok_or(Code::NoSession)?;
        self.events.known(&token).map_err(|denied| match denied {
            // A stale cookie is no broken link: the person joins again.
            Denied::Unknown if bearer(headers).is_none() => Code::NoSession.into(),
            other => other.into(),
        })
    }

    /// Under which address whoever asks has reached us: links are written with it, where the operator
    /// said nothing.
    fn reached_at(&self, headers: &HeaderMap) -> String {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.public_url.as_ref().map_or_else(|| format!("http://{host}"), |url| url.as_str().into())
    }

    /// Refuses a request that another site's page makes with our cookie.
    fn same_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match headers.get(ORIGIN) {
            None if bearer(headers).is_some() || cookie(headers).is_none() => Ok(()),
            Some(origin) if self.is_ours(origin, headers) => Ok(()),
            _ => Err(Code::ForeignOrigin.into()),
        }
    }

    /// Whether an `Origin` is exactly ours. Where the operator named no public URL, ours is the host
    /// that the browser asked, which a page elsewhere cannot choose.
    fn is_ours(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        if let Some(url) = &self.public_url {
            return origin == url.as_str();
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        authority.is_some_and(|authority| Some(authority) == host)
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    named_cookie(headers, COOKIE_NAME)
}

fn named_cookie(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then(|| value.to_owned()))
}

#[cfg(test)]
mod tests;
