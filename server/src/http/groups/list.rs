//! Lists of people and their wishes, from and for spreadsheets.

use super::{Action, Api, Code, HeaderMap, Problem, Slug, StatusCode, answer, build};
use super::{Revision, changer};
use crate::event::Forming;
use crate::event::groups::table;
use crate::event::model::Person;
use crate::export::csv;
use crate::export::sheets::{Sheet, Value};
use crate::http::events::allowed;
use crate::http::problem::JsonBody;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{PersonId, WorkshopId};
use std::sync::Arc;

/// Takes a list: all of it, or nothing.
pub(in crate::http) async fn import(
    State(api): State<Arc<Api>>,
    slug: Slug,
    revision: Result<Query<Revision>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (event, by) = changer(&api, slug, &headers)?;
    let Query(Revision { revision }) =
        revision.map_err(|_| Problem::field("revision", "is not a number"))?;
    if api.events.grouping(event.id).revision != revision {
        return Err(Code::Stale.into());
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::from(Code::TooLarge),
        _ => Problem::field("file", "did not arrive"),
    })?;
    let refused = |error: table::TableError| {
        let field = if error.line == 0 {
            error.column.to_owned()
        } else {
            format!("line {}, {}", error.line, error.column)
        };
        Problem::field(&field, &error.why)
    };
    let rows = table::read(&body, &event).map_err(refused)?;
    let imported =
        api.events.import_wishes(event.id, by, revision, rows).await?.map_err(refused)?;
    Ok(Json(imported).into_response())
}

/// Forgets those on a list who have not come.
pub(in crate::http) async fn forget(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Revision>,
) -> Result<Response, Problem> {
    let (event, by) = changer(&api, slug, &headers)?;
    api.events.forget_invited(event.id, by, body.revision).await?;
    answer(&api, &event)
}

/// Everybody, what they would like and where they are, as a table that can be imported again.
pub(in crate::http) async fn export(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = allowed(&api, slug, &headers, Action::ExportAll)?;
    let standing = api.events.standing(event.id).ok_or(Code::NotFound)?;
    let sheet = Sheet {
        key: "groups",
        name: "groups".to_owned(),
        columns: table::COLUMNS.map(str::to_owned).to_vec(),
        rows: standing.people.iter().map(|person| row(&standing, person)).collect(),
    };
    let file = csv::write(&sheet, &mut 0);
    let named = format!("attachment; filename=\"{}-groups.csv\"", event.slug);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, named),
    ];
    Ok((headers, file).into_response())
}

fn row(standing: &Forming, person: &Person) -> Vec<Value> {
    let number = |id: WorkshopId| {
        let found = standing.event.workshops.iter().find(|workshop| workshop.id == id);
        found.map_or(Value::Empty, |workshop| Value::Number(f64::from(workshop.number)))
    };
    let wishes = standing.wishes.get(&person.id).cloned().unwrap_or_default();
    let choice = |n: usize| wishes.choices.get(n).map_or(Value::Empty, |id| number(*id));
    let name = |id: PersonId| standing.people.iter().find(|one| one.id == id);
    let with = build::named(&wishes, &standing.people).and_then(name);
    let place = standing.grouping.draft.iter().find(|place| place.person == person.id);
    vec![
        Value::Text(person.name.clone()),
        Value::Text(person.site.to_string()),
        choice(0),
        choice(1),
        choice(2),
        Value::Text(wishes.tags.join("|")),
        Value::Text(if wishes.could_lead { "yes" } else { "no" }.to_owned()),
        with.map_or(Value::Empty, |person| Value::Text(person.name.clone())),
        place.map_or(Value::Empty, |place| number(place.workshop)),
    ]
}
