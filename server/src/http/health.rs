//! For load balancers and clocks.

use super::Api;
use super::problem::{Code, Problem};
use crate::store::Health;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The process runs, and may go on running: what is wrong with it, if anything, passes without a
/// restart.
pub(super) async fn healthy(State(api): State<Arc<Api>>) -> Result<&'static str, Problem> {
    // The writer lives as long as the store, unless it has panicked.
    if api.store.health().has_changed().is_ok() {
        Ok("ok\n")
    } else {
        Err(Problem::unavailable("The store's writer has ended: restart the server."))
    }
}

/// The process takes edits: it is not stopping, and the store writes.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Result<&'static str, Problem> {
    if api.draining.is_cancelled() {
        return Err(Problem::unavailable("The server is about to stop."));
    }
    // The cause is in the log; it names files, and this is public.
    match *api.store.health().borrow() {
        Health::Writable => Ok("ok\n"),
        Health::Unavailable { .. } => Err(Code::Unavailable.into()),
    }
}

/// The server's clock, so that every countdown shows the same second.
pub(super) async fn time(State(api): State<Arc<Api>>) -> Response {
    Json(serde_json::json!({ "nowMs": api.clock.now_ms() })).into_response()
}
