//! For load balancers and clocks.

use super::Api;
use super::problem::{Code, Problem};
use crate::store::Health;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The process runs.
pub(super) async fn healthy() -> &'static str {
    "ok\n"
}

/// The process takes edits: it is not stopping, and the store writes.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Result<&'static str, Problem> {
    let writable = *api.store.health().borrow() == Health::Writable;
    if writable && !api.draining.is_cancelled() {
        Ok("ok\n")
    } else {
        Err(Code::Unavailable.into())
    }
}

/// The server's clock, so that every countdown shows the same second.
pub(super) async fn time(State(api): State<Arc<Api>>) -> Response {
    Json(serde_json::json!({ "nowMs": api.clock.now_ms() })).into_response()
}
