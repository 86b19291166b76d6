//! The outside: routes, thin. Each parses, authorises, calls, answers.

pub mod assets;
mod events;
pub mod export;
mod groups;
mod health;
mod history;
mod plans;
mod problem;
mod sessions;
mod sync;

pub use problem::Problem;

use crate::clock::{Chance, Clock};
use crate::config::PublicUrl;
use crate::event::Events;
use crate::event::access::{Denied, Principal};
use crate::event::history::History;
use crate::store::Store;
use crate::sync::fallback::Lines;
use crate::sync::rooms::Rooms;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::routing::{any, delete, get, post, put};
use problem::Code;
use sangam_shared::limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
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
    /// Whose turn it is to have groups proposed.
    pub proposals: Arc<Semaphore>,
    /// Whose turn it is to be given a file.
    pub exports: export::Queue,
}

/// The cookie that carries a session's secret.
const COOKIE_NAME: &str = "sangam_session";

/// All routes.
pub fn router(api: Arc<Api>) -> Router {
    let timeout = Duration::from_millis(limits::REQUEST_TIMEOUT_MS);
    let answers = Router::new()
        .route("/api/v1/links/inspect", post(sessions::inspect))
        .route("/api/v1/sessions", post(sessions::create))
        .route("/api/v1/session", get(sessions::show).delete(sessions::end))
        .route("/api/v1/events/{slug}", get(events::show))
        .route("/api/v1/events/{slug}/people", get(events::people))
        .route("/api/v1/events/{slug}/boards/{number}/history", get(history::list))
        .route("/api/v1/events/{slug}/boards/{number}/history/board", get(history::board))
        .route("/api/v1/events/{slug}/boards/{number}/history/restore", post(history::restore))
        .route(
            "/api/v1/events/{slug}/plans/{plan}/acceptance",
            put(plans::accept).delete(plans::withdraw),
        )
        .route("/api/v1/events/{slug}/groups", get(groups::show))
        .route("/api/v1/events/{slug}/groups/mine", get(groups::mine).put(groups::wish))
        .route("/api/v1/events/{slug}/groups/propose", post(groups::propose))
        .route("/api/v1/events/{slug}/groups/sizes", put(groups::sizes))
        .route("/api/v1/events/{slug}/groups/people/{person}", put(groups::place))
        .route(
            "/api/v1/events/{slug}/groups/publication",
            post(groups::publish).delete(groups::unpublish),
        )
        .route("/api/v1/events/{slug}/groups/export", get(groups::export))
        .route("/api/v1/events/{slug}/groups/invited", delete(groups::forget))
        .route(
            "/api/v1/events/{slug}/groups/import",
            post(groups::import).layer(DefaultBodyLimit::max(limits::GROUPS_IMPORT_BYTES_MAX)),
        )
        .route("/api/v1/events/{slug}/export", get(export::file))
        .route("/api/v1/event-export.schema.json", get(export::schema))
        .route("/api/v1/time", get(health::time))
        .route("/healthz", get(health::healthy))
        .route("/readyz", get(health::ready))
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
        .route("/sync/{document}", get(sync::upgrade))
        .route(
            "/sync/{document}/events",
            get(sync::events).post(sync::open_line).delete(sync::close_line),
        )
        .route("/sync/{document}/frames", post(sync::frames))
        .with_state(api)
        .merge(assets::router())
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
}

impl Api {
    /// Whoever asks: by bearer token, or by cookie and then only from our own pages.
    fn principal(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let token = bearer(headers).or_else(|| cookie(headers)).ok_or(Code::NoSession)?;
        self.events.principal(&token).map_err(|denied| match denied {
            // A stale cookie is no broken link: the person joins again.
            Denied::Unknown if bearer(headers).is_none() => Code::NoSession.into(),
            other => other.into(),
        })
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
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE_NAME).then(|| value.to_owned()))
}

#[cfg(test)]
mod tests;
