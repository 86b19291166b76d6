//! The one place where refusals are heard: whatever a route says no to, and whatever socket is
//! turned away at the door.

use super::problem::Denial;
use super::{Api, bearer, cookie};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Tells the audit log of every answer that is marked [`Denial`].
pub(super) async fn refusals(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let token = query_token(&request).or_else(|| bearer(headers)).or_else(|| cookie(headers));
    // The pattern, not what stood in its place: a path may hold what somebody typed.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    if let Some(Denial(code)) = response.extensions().get::<Denial>() {
        let route = route.as_ref().map_or("elsewhere", MatchedPath::as_str);
        api.events.refused(token.as_deref(), format!("{method} {route}"), code);
    }
    response
}

/// `?token=`, which stock providers send.
fn query_token(request: &Request) -> Option<String> {
    let query = request.uri().query()?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, value)| (name == "token").then(|| value.to_owned()))
}
