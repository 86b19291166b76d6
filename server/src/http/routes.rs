//! Every address of the server, as data. The router is built from this list and from nothing else,
//! and so is the test that crosses each entry with every role (`tests/matrix.rs`): an address that
//! the test has not heard of fails it.

use super::{
    Api, devices, door, events, export, health, history, links, plans, privacy, sessions, sign_in,
    sync,
};
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

/// One method of one address.
pub(super) struct Route {
    /// GET, POST, PUT or DELETE.
    pub(super) method: Method,
    /// As axum writes it.
    pub(super) path: &'static str,
    /// What kind of answer it gives.
    pub(super) kind: Kind,
    /// Who answers.
    pub(super) handler: MethodRouter<Arc<Api>>,
}

/// What kind of answer an address gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A small body in, an answer within the time of a request.
    Answer,
    /// It lasts, or carries documents: limited by itself.
    Live,
}

/// All of them.
pub(super) fn all() -> Vec<Route> {
    vec![
        post("/api/v1/links/inspect", sessions::inspect),
        post("/api/v1/sessions", sessions::create),
        post("/api/v1/sessions/resume", sessions::resume),
        get("/api/v1/session", sessions::show),
        delete("/api/v1/session", sessions::end),
        post("/api/v1/session/code", devices::code),
        put("/api/v1/session/person", devices::switch),
        post("/api/v1/session/people", devices::share),
        post("/api/v1/screens", devices::screen),
        post("/api/v1/screens/claim", devices::claim),
        get("/api/v1/events/{slug}", events::show),
        get("/api/v1/events/{slug}/sign-in", sign_in::begin),
        get("/api/v1/sign-in/callback", sign_in::finish),
        get("/api/v1/events/{slug}/people", events::people),
        post("/api/v1/events/{slug}/people/{person}/removal", door::remove),
        post("/api/v1/events/{slug}/people/{person}/admission", door::admit),
        put("/api/v1/events/{slug}/people/{person}/writing", door::writing),
        get("/api/v1/events/{slug}/door", door::show),
        put("/api/v1/events/{slug}/door", door::lock),
        post("/api/v1/events/{slug}/screens", door::pair),
        get("/api/v1/events/{slug}/links", links::list),
        post("/api/v1/events/{slug}/links", links::make),
        delete("/api/v1/events/{slug}/links/{link}", links::revoke),
        post("/api/v1/events/{slug}/links/{link}/reissue", links::reissue),
        get("/api/v1/events/{slug}/boards/{number}/history", history::list),
        get("/api/v1/events/{slug}/boards/{number}/history/board", history::board),
        post("/api/v1/events/{slug}/boards/{number}/history/restore", history::restore),
        put("/api/v1/events/{slug}/plans/{plan}/acceptance", plans::accept),
        delete("/api/v1/events/{slug}/plans/{plan}/acceptance", plans::withdraw),
        get("/api/v1/events/{slug}/export", export::file),
        post("/api/v1/events/{slug}/boards/{number}/erasure", privacy::erase_items),
        delete("/api/v1/events/{slug}/people/{person}", privacy::erase_person),
        get("/api/v1/events/{slug}/people/{person}/data", privacy::data),
        delete("/api/v1/events/{slug}/people/{person}/name", privacy::remove_name),
        get("/api/v1/events/{slug}/audit", privacy::audit),
        get("/api/v1/event-export.schema.json", export::schema),
        get("/api/v1/time", health::time),
        get("/healthz", health::healthy),
        get("/readyz", health::ready),
        live(get("/sync/{document}", sync::upgrade)),
        live(get("/sync/{document}/events", sync::events)),
        live(post("/sync/{document}/events", sync::open_line)),
        live(delete("/sync/{document}/events", sync::close_line)),
        live(post("/sync/{document}/frames", sync::frames)),
    ]
}

fn get<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Route {
    route(Method::GET, path, on(MethodFilter::GET, handler))
}

fn post<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Route {
    route(Method::POST, path, on(MethodFilter::POST, handler))
}

fn put<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Route {
    route(Method::PUT, path, on(MethodFilter::PUT, handler))
}

fn delete<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Route {
    route(Method::DELETE, path, on(MethodFilter::DELETE, handler))
}

fn route(method: Method, path: &'static str, handler: MethodRouter<Arc<Api>>) -> Route {
    Route { method, path, kind: Kind::Answer, handler }
}

fn live(route: Route) -> Route {
    Route { kind: Kind::Live, ..route }
}
