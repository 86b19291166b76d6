//! A lead says yes to a plan, on their own device; or a facilitator records it.

use super::Api;
use super::problem::{Code, JsonBody, Problem};
use crate::event::access::{Action, Principal};
use crate::event::audit::By;
use crate::event::board::read_plan;
use crate::event::model::{Acceptance, Event};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use sangam_shared::ids::{DocumentId, PlanId};
use sangam_shared::plan::Who;
use sangam_shared::schema::DocumentKind;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    board: DocumentId,
}

type Names = Result<Path<(String, String)>, PathRejection>;

/// Records a yes for whoever leads the plan now.
pub(super) async fn accept(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Body>,
) -> Result<StatusCode, Problem> {
    let (event, principal, plan, lead) = asked(&api, names, &headers, body.board).await?;
    let lead = lead.ok_or_else(|| Problem::field("lead", "is not a named person yet"))?;
    let acceptance = Acceptance {
        plan,
        board: body.board,
        lead,
        by: principal.person,
        at_ms: api.clock.now_ms(),
    };
    api.events.accept(event.id, By::from(&principal), acceptance).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a yes back.
pub(super) async fn withdraw(
    State(api): State<Arc<Api>>,
    names: Names,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Body>,
) -> Result<StatusCode, Problem> {
    let (event, principal, plan, _) = asked(&api, names, &headers, body.board).await?;
    api.events.withdraw(event.id, By::from(&principal), plan).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who asks about which plan, and who leads it by name, as the board says at this moment.
async fn asked(
    api: &Api,
    names: Names,
    headers: &HeaderMap,
    board: DocumentId,
) -> Result<(Arc<Event>, Principal, PlanId, Option<Who>), Problem> {
    api.same_origin(headers)?;
    let principal = api.principal(headers)?;
    let Path((slug, plan)) = names.map_err(|_| Code::NotFound)?;
    let event = api.events.by_slug(&slug).ok_or(Code::NotFound)?;
    api.events.allow(&principal, event.id, Action::ReadEvent)?;
    let plan: PlanId = plan.parse().map_err(|_| Code::NotFound)?;
    if !event.workshops.iter().any(|workshop| workshop.board == board) {
        return Err(Code::NotFound.into());
    }
    let room = api.rooms.open(board, DocumentKind::Board).await.map_err(|error| {
        tracing::error!(%board, %error, "cannot open");
        Problem::from(Code::Unavailable)
    })?;
    let read = room.read(move |doc| read_plan(doc, plan)).await;
    let read = read.map_err(|_| Code::Unavailable)?.ok_or(Code::NotFound)?;
    let lead = read.lead.filter(|lead| match lead {
        Who::Here { .. } => true,
        Who::Elsewhere { name, .. } => !name.trim().is_empty(),
    });
    let person = match &lead {
        Some(Who::Here { participant_id }) => Some(*participant_id),
        _ => None,
    };
    api.events.allow(&principal, event.id, Action::AcceptPlan(person))?;
    Ok((event, principal, plan, lead))
}
