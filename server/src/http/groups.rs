//! Groups by affinity: what a participant would like and gets; what facilitators propose, move, pin
//! and publish.

use super::Api;
use super::events::allowed;
use super::problem::{Code, JsonBody, Problem};
use crate::event::Forming;
use crate::event::access::Action;
use crate::event::audit::By;
use crate::event::groups::build::{self, clean_tag, fold};
use crate::event::groups::explain;
use crate::event::groups::model::{Place, Proposed, SizeSetting, Wishes};
use crate::event::groups::solve::solve;
use crate::event::model::Event;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sangam_shared::ids::{PersonId, WorkshopId};
use sangam_shared::limits;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod list;
mod show;

pub(super) use list::{export, forget, import};

type Slug = Result<Path<String>, PathRejection>;

/// What facilitators see.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = allowed(&api, slug, &headers, Action::FormGroups)?;
    answer(&api, &event)
}

/// The groups as they stand now: the answer to whatever changes them, too.
fn answer(api: &Api, event: &Event) -> Result<Response, Problem> {
    let standing = api.events.standing(event.id).ok_or(Code::NotFound)?;
    Ok(Json(show::groups(&standing, api.clock.now_ms())).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revision {
    revision: u64,
}

/// Places everybody around the pins.
pub(super) async fn propose(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Revision>,
) -> Result<Response, Problem> {
    let (event, by) = changer(&api, slug, &headers)?;
    // One at a time: the others' boards come first.
    let turn = Arc::clone(&api.proposals).try_acquire_owned().map_err(|_| Code::Busy)?;
    let standing = api.events.standing(event.id).ok_or(Code::NotFound)?;
    if standing.grouping.revision != body.revision {
        return Err(Code::Stale.into());
    }
    let ground = standing.everybody();
    let solving = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let begun = Instant::now();
        let limit = Duration::from_millis(limits::GROUPS_SOLVE_MS_MAX);
        let programme = Duration::from_millis(limits::GROUPS_PROGRAMME_MS_MAX);
        let placement = solve(&ground.problem, programme, &|| begun.elapsed() > limit);
        (ground, placement)
    });
    let (ground, placement) = solving.await.map_err(|error| {
        tracing::error!(%error, "a proposal failed");
        Problem::from(Code::Unavailable)
    })?;
    let place = |(person, group): (&PersonId, &usize)| (*person, ground.workshops[*group]);
    let places = ground.people.iter().zip(&placement.places).map(place).collect();
    let proposed = Proposed {
        method: placement.method,
        at_ms: api.clock.now_ms(),
        points: placement.score.wishes,
        bound: placement.bound,
    };
    api.events.keep_proposal(event.id, by, body.revision, places, proposed).await?;
    answer(&api, &event)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    revision: u64,
    /// The number of the workshop.
    workshop: u32,
    #[serde(default)]
    pinned: bool,
}

/// Puts somebody into a group, pins or unpins them.
pub(super) async fn place(
    State(api): State<Arc<Api>>,
    names: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Move>,
) -> Result<Response, Problem> {
    let Path((slug, person)) = names.map_err(|_| Code::NotFound)?;
    let (event, by) = changer(&api, Ok(Path(slug)), &headers)?;
    let person = person.parse().map_err(|_| Code::NotFound)?;
    let workshop = workshop(&event, body.workshop, "workshop")?;
    let place = Place { person, workshop, pinned: body.pinned };
    api.events.move_person(event.id, by, body.revision, place).await?;
    answer(&api, &event)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sizes {
    revision: u64,
    sizes: Vec<Size>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    workshop: u32,
    min: Option<u32>,
    max: Option<u32>,
}

/// Sets how large groups are.
pub(super) async fn sizes(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Sizes>,
) -> Result<Response, Problem> {
    let (event, by) = changer(&api, slug, &headers)?;
    let most = u32::try_from(limits::PEOPLE_PER_EVENT_MAX).unwrap_or(u32::MAX);
    let mut settings: Vec<SizeSetting> = Vec::new();
    for size in body.sizes {
        let id = workshop(&event, size.workshop, "workshop")?;
        if settings.iter().any(|known| known.workshop == id) {
            return Err(Problem::field("workshop", "stands twice"));
        }
        if size.min.is_some_and(|min| min > most) {
            return Err(Problem::field("min", "is larger than any event"));
        }
        if size.max.is_some_and(|max| max == 0 || max > most) {
            return Err(Problem::field("max", "is not between 1 and the largest event"));
        }
        if let (Some(min), Some(max)) = (size.min, size.max)
            && min > max
        {
            return Err(Problem::field("min", "is larger than the largest size of that group"));
        }
        settings.push(SizeSetting { workshop: id, min: size.min, max: size.max });
    }
    api.events.set_sizes(event.id, by, body.revision, settings).await?;
    answer(&api, &event)
}

/// Shows the draft to everybody.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Revision>,
) -> Result<Response, Problem> {
    let (event, by) = changer(&api, slug, &headers)?;
    api.events.publish_groups(event.id, by, body.revision).await?;
    answer(&api, &event)
}

/// Takes a publication back.
pub(super) async fn unpublish(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Revision>,
) -> Result<Response, Problem> {
    let (event, by) = changer(&api, slug, &headers)?;
    api.events.unpublish_groups(event.id, by, body.revision).await?;
    answer(&api, &event)
}

/// What I would like, and my group.
pub(super) async fn mine(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (event, _, person) = participant(&api, slug, &headers)?;
    own(&api, &event, person)
}

fn own(api: &Api, event: &Event, person: PersonId) -> Result<Response, Problem> {
    let standing = api.events.standing(event.id).ok_or(Code::NotFound)?;
    Ok(Json(show::own(&standing, person)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wished {
    /// Numbers of workshops, best first.
    #[serde(default)]
    choices: Vec<u32>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, rename = "couldLead")]
    could_lead: bool,
    #[serde(default)]
    with: Option<PersonId>,
}

/// Says what I would like.
pub(super) async fn wish(
    State(api): State<Arc<Api>>,
    slug: Slug,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Wished>,
) -> Result<Response, Problem> {
    let (event, by, person) = participant(&api, slug, &headers)?;
    if body.choices.len() > limits::CHOICES_MAX {
        return Err(Problem::field("choices", "holds more than three workshops"));
    }
    let mut choices = Vec::new();
    for number in body.choices {
        let id = workshop(&event, number, "choices")?;
        if choices.contains(&id) {
            return Err(Problem::field("choices", "names a workshop twice"));
        }
        choices.push(id);
    }
    if body.tags.len() > limits::TAGS_PER_PERSON_MAX {
        return Err(Problem::field("tags", "are too many"));
    }
    let mut tags: Vec<String> = Vec::new();
    for text in &body.tags {
        let tag = clean_tag(text).map_err(|error| Problem::field("tags", &error.to_string()))?;
        if let Some(tag) = tag.filter(|tag| !tags.iter().any(|known| fold(known) == fold(tag))) {
            tags.push(tag);
        }
    }
    let wishes = Wishes {
        choices,
        tags,
        could_lead: body.could_lead,
        with: body.with,
        with_name: None,
        imported: false,
    };
    api.events.set_wishes(event.id, by, person, wishes).await?;
    own(&api, &event, person)
}

/// The event, if whoever asks may form its groups, and who that is.
fn changer(api: &Api, slug: Slug, headers: &HeaderMap) -> Result<(Arc<Event>, By), Problem> {
    let event = allowed(api, slug, headers, Action::FormGroups)?;
    Ok((event, By::from(&api.principal(headers)?)))
}

fn participant(
    api: &Api,
    slug: Slug,
    headers: &HeaderMap,
) -> Result<(Arc<Event>, By, PersonId), Problem> {
    let event = allowed(api, slug, headers, Action::OwnWishes)?;
    let principal = api.principal(headers)?;
    let person = principal.person.ok_or(Code::Forbidden)?;
    Ok((event, By::from(&principal), person))
}

fn workshop(event: &Event, number: u32, field: &str) -> Result<WorkshopId, Problem> {
    let found = event.workshops.iter().find(|workshop| workshop.number == number);
    found
        .map(|workshop| workshop.id)
        .ok_or_else(|| Problem::field(field, "is not the number of a workshop"))
}
