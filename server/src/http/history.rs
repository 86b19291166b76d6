//! The history of a board: its changes, the board as it was, and the way back.

use super::Api;
use super::problem::{Code, JsonBody, Problem};
use crate::event::access::{Action, Principal};
use crate::event::history::{Entry, Fate, Goal, Moment, Past, Scope, Touched, Wish};
use crate::event::model::Event;
use crate::store::{Author, Sequence};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{DocumentId, Key, PersonId};
use sangam_shared::schema::DocumentKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

type Address = Result<Path<(String, u32)>, PathRejection>;

/// Entries in a page, where nobody says how many.
const COUNT: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    before: Option<Sequence>,
    count: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    /// The board as it was after this entry.
    sequence: Sequence,
    /// The board as it was before this entry.
    before: Sequence,
    from_ms: u64,
    to_ms: u64,
    author: AuthorView,
    touched: Touched,
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<RestoredView>,
}

/// Who it was, as the event knows them now: an erased person has no name any more.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum AuthorView {
    Server,
    Machine,
    Person { id: PersonId, name: Option<String>, site: Option<Key> },
}

/// To what an act went back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoredView {
    key: Uuid,
    to: Sequence,
    to_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<Uuid>,
    scope: Scope,
}

/// Who changed what and when, newest first.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    address: Address,
    query: Result<Query<ListQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (event, document, _) = allowed(&api, address, &headers, Action::ReadHistory)?;
    let Query(query) = query.map_err(|bad| Problem::field("query", &clause(&bad)))?;
    let page = api.history.list(document, query.before, query.count.unwrap_or(COUNT)).await?;
    let entries: Vec<_> = page.entries.iter().map(|entry| view(&api, &event, entry)).collect();
    Ok(Json(serde_json::json!({
        "entries": entries,
        "next": page.next,
        "head": page.head,
        "since": page.since,
        "damaged": page.damaged,
    }))
    .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardQuery {
    sequence: Option<Sequence>,
    at_ms: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PastView<'p> {
    sequence: Sequence,
    at_ms: u64,
    board: &'p Value,
    /// What restoring all of it would do now.
    touched: Touched,
    /// The same, item by item.
    items: BTreeMap<String, Fate>,
}

/// The board as it was.
pub(super) async fn board(
    State(api): State<Arc<Api>>,
    address: Address,
    query: Result<Query<BoardQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (_, document, _) = allowed(&api, address, &headers, Action::ReadHistory)?;
    let Query(query) = query.map_err(|bad| Problem::field("query", &clause(&bad)))?;
    let moment = match (query.sequence, query.at_ms) {
        (Some(sequence), None) => Moment::After(sequence),
        (None, Some(ms)) => Moment::At(ms),
        _ => return Err(Problem::field("query", "names either `sequence` or `at_ms`")),
    };
    let past = api.history.board(document, moment).await?;
    let outlook = api.history.outlook(document, &past).await?;
    let Past { sequence, at_ms, board } = &*past;
    let items = outlook.items.into_iter().collect();
    let view =
        PastView { sequence: *sequence, at_ms: *at_ms, board, touched: outlook.touched, items };
    Ok(Json(view).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreBody {
    key: Uuid,
    /// Back to the board after this delta ...
    sequence: Option<Sequence>,
    /// ... or to what it would be without this restore.
    undo: Option<Uuid>,
    #[serde(default)]
    scope: Scope,
}

/// Makes the board, or a part of it, equal the past. Asked for again with the same key, it answers
/// the same and does nothing.
pub(super) async fn restore(
    State(api): State<Arc<Api>>,
    address: Address,
    headers: HeaderMap,
    JsonBody(body): JsonBody<RestoreBody>,
) -> Result<Response, Problem> {
    api.same_origin(&headers)?;
    let (event, document, principal) = allowed(&api, address, &headers, Action::RestoreBoard)?;
    if !is_part(&body.scope) {
        return Err(Problem::field("scope", "is no part of a board"));
    }
    let goal = match (body.sequence, body.undo) {
        (Some(sequence), None) => Goal::After(sequence),
        (None, Some(act)) => Goal::Undo(act),
        _ => return Err(Problem::field("sequence", "or `undo` is wanted, not both")),
    };
    let wish = Wish {
        key: body.key,
        event: event.id,
        document,
        by: principal.person,
        link: principal.link,
        goal,
        scope: body.scope,
    };
    // Once begun it runs to its end, even where the browser goes away.
    let running = {
        let api = Arc::clone(&api);
        tokio::spawn(async move { api.history.restore(&api.rooms, &api.events, wish).await })
    };
    let entry = running.await.map_err(|stopped| {
        tracing::error!(%stopped, "a restore was interrupted");
        Problem::from(Code::Unavailable)
    })??;
    let entry = entry.map(|entry| view(&api, &event, &entry));
    Ok(Json(serde_json::json!({ "entry": entry })).into_response())
}

/// Who asks, for which board. The one place where the history's routes are authorised.
fn allowed(
    api: &Api,
    address: Address,
    headers: &HeaderMap,
    action: Action,
) -> Result<(Arc<Event>, DocumentId, Principal), Problem> {
    let principal = api.principal(headers)?;
    let Path((slug, number)) = address.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    api.events.allow(&principal, event.id, action)?;
    let workshop = event.workshops.iter().find(|workshop| workshop.number == number);
    let document = workshop.ok_or(Code::NotFound)?.board;
    Ok((event, document, principal))
}

/// Whether a scope names a root of the board, or a row in one.
fn is_part(scope: &Scope) -> bool {
    let Some(path) = &scope.0 else { return true };
    let roots = DocumentKind::Board.roots();
    let is_root = |name: &str| roots.iter().any(|root| root.name == name);
    match path.split_once('/') {
        None => is_root(path),
        Some((root, id)) => is_root(root) && Uuid::try_parse(id).is_ok(),
    }
}

fn view(api: &Api, event: &Event, entry: &Entry) -> EntryView {
    let person = |id: PersonId| {
        let person = api.events.person(event.id, id);
        let site = person.as_ref().map(|person| person.site.clone());
        AuthorView::Person { id, name: person.map(|person| person.name), site }
    };
    let mut restored = None;
    let author = match entry.author {
        Author::Server => AuthorView::Server,
        Author::Machine(_) => AuthorView::Machine,
        Author::Person(id) => person(id),
        Author::Act(key) => match api.events.restore(event.id, key) {
            Some(act) => {
                restored = Some(RestoredView {
                    key,
                    to: act.to,
                    to_ms: act.to_ms,
                    undoes: act.undoes,
                    scope: act.scope,
                });
                act.by.map_or(AuthorView::Machine, person)
            }
            None => AuthorView::Server,
        },
    };
    EntryView {
        sequence: entry.last,
        before: entry.first - 1,
        from_ms: entry.from_ms,
        to_ms: entry.to_ms,
        author,
        touched: entry.touched,
        restored,
    }
}

fn clause(rejection: &QueryRejection) -> String {
    format!("is not as expected: {}", rejection.body_text())
}
