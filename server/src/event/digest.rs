//! Computes the checks as boards change, and writes them into the stage as codes: per plan what is
//! open, per board the counts for those who look after several.
//!
//! Off the rooms' way: a room only copies its board out; everything else happens here, at most once
//! in [`limits::DIGEST_AFTER_MS`] however fast people type. What has not changed is not written.

use crate::clock::Clock;
use crate::event::Events;
use crate::event::board::read_board;
use crate::event::model::Event;
use crate::sync::rooms::Rooms;
use sangam_shared::board::Board;
use sangam_shared::checks::{
    BoardDigest, Context, Finding, Level, PlanDigest, Site, Workload, check_board,
};
use sangam_shared::ids::{DocumentId, EventId};
use sangam_shared::limits;
use sangam_shared::plan::Plan;
use sangam_shared::schema::DocumentKind;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use yrs::{Any, Map, Out, Transact, WriteTxn};

/// In the stage: board id → [`BoardDigest`] as JSON.
pub const DIGESTS: &str = "digests";
/// In the stage: plan id → [`PlanDigest`] as JSON.
pub const CHECKS: &str = "checks";

/// Keeps the digests of all events up to date until `stop`.
pub async fn run(
    events: Arc<Events>,
    rooms: Arc<Rooms>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut digests = Digests { events, rooms, clock, known: HashMap::new() };
    let mut changes = digests.events.changes();
    // Whatever happened while nobody was looking: every board once.
    let mut dirty: BTreeSet<DocumentId> = BTreeSet::new();
    let mut first = true;
    loop {
        if !first && dirty.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = digests.rooms.changed().wait() => {}
                moved = changes.changed() => if moved.is_err() { return },
            }
        }
        // What follows closely is taken along; what failed is not tried faster than the store is.
        let wait_ms =
            if dirty.is_empty() { limits::DIGEST_AFTER_MS } else { limits::STORE_RETRY_MS };
        if !first {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            }
        }
        first = false;
        changes.mark_unchanged();
        dirty.append(&mut digests.rooms.changed().take());
        tokio::select! {
            () = stop.cancelled() => return,
            failed = digests.refresh(&dirty) => dirty = failed,
        }
    }
}

struct Digests {
    events: Arc<Events>,
    rooms: Arc<Rooms>,
    clock: Arc<dyn Clock>,
    known: HashMap<EventId, Known>,
}

/// What was last read and written of one event.
#[derive(Default)]
struct Known {
    boards: BTreeMap<DocumentId, KnownBoard>,
    /// What its plans were last checked against.
    context: Option<Context>,
    /// What the stage says, as far as this process has written it.
    written: Option<Desired>,
}

struct KnownBoard {
    plans: Vec<Plan>,
    ideas: u32,
    clustered: u32,
    active_at_ms: u64,
}

/// What the stage should say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Desired {
    /// By board.
    digests: BTreeMap<String, String>,
    /// By plan.
    checks: BTreeMap<String, String>,
}

impl Digests {
    /// Reads what has changed and writes what follows. Returns what has to be tried again.
    async fn refresh(&mut self, dirty: &BTreeSet<DocumentId>) -> BTreeSet<DocumentId> {
        let mut failed = BTreeSet::new();
        let events = self.events.all();
        self.known.retain(|id, _| events.iter().any(|event| event.id == *id));
        for event in events {
            let mut news = false;
            for workshop in &event.workshops {
                let board = workshop.board;
                let known = self.known.entry(event.id).or_default().boards.contains_key(&board);
                let is_dirty = dirty.contains(&board);
                if known && !is_dirty {
                    continue;
                }
                let Some(read) = self.read(board).await else {
                    failed.insert(board);
                    continue;
                };
                let read = KnownBoard::new(read, if is_dirty { self.clock.now_ms() } else { 0 });
                self.known.entry(event.id).or_default().boards.insert(board, read);
                news = true;
            }
            if self.write(&event, news).await.is_none() {
                failed.extend(event.workshops.iter().map(|workshop| workshop.board));
            }
        }
        failed
    }

    async fn read(&self, board: DocumentId) -> Option<Board> {
        let room = match self.rooms.open(board, DocumentKind::Board).await {
            Ok(room) => room,
            Err(error) => {
                tracing::warn!(%board, %error, "no digest of this board yet");
                return None;
            }
        };
        room.read(|doc| read_board(&doc.transact())).await.ok()
    }

    /// Nothing where it has to be tried again.
    async fn write(&mut self, event: &Event, news: bool) -> Option<()> {
        let known = self.known.get_mut(&event.id)?;
        if known.boards.len() < event.workshops.len() {
            return None;
        }
        let all = known.boards.values().flat_map(|board| &board.plans);
        let context = context(event, &self.events, Workload::of(all));
        if !news && known.written.is_some() && known.context.as_ref() == Some(&context) {
            return Some(());
        }
        let desired = desired(known, &context);
        known.context = Some(context);
        if known.written.as_ref() == Some(&desired) {
            return Some(());
        }
        let room = self.rooms.open(event.stage, DocumentKind::Stage).await.ok()?;
        let write = desired.clone();
        let written = room.write(Box::new(move |_, txn| put(txn, &write))).await;
        match written {
            Ok(_) => {
                known.written = Some(desired);
                Some(())
            }
            Err(code) => {
                tracing::debug!(event = %event.slug, ?code, "the stage takes no digests now");
                known.written = None;
                None
            }
        }
    }
}

impl KnownBoard {
    fn new(board: Board, now_ms: u64) -> Self {
        let clusters: BTreeSet<_> = board.clusters.iter().map(|cluster| cluster.id).collect();
        let gathered =
            board.ideas.iter().filter(|i| i.cluster.is_some_and(|c| clusters.contains(&c)));
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // Before the first edit of this process, the youngest item says when somebody was here.
        let traces = board.ideas.iter().chain(&board.practices).map(|note| &note.trace);
        let traces = traces.chain(board.plans.iter().map(|plan| &plan.trace));
        let youngest = traces.filter_map(|trace| trace.created_at_ms).max().unwrap_or(0);
        // To the minute: or every letter would change the stage.
        let active_at_ms = now_ms.max(youngest) / 60_000 * 60_000;
        Self {
            ideas: count(board.ideas.len()),
            clustered: count(gathered.count()),
            plans: board.plans,
            active_at_ms,
        }
    }
}

fn desired(known: &Known, context: &Context) -> Desired {
    let mut desired = Desired::default();
    for (id, board) in &known.boards {
        let checked = check_board(&board.plans, context);
        let blocked = checked.iter().filter(|(_, open)| is_blocked(open)).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let digest = BoardDigest {
            ideas: board.ideas,
            clustered: board.clustered,
            ready: count(checked.len() - blocked),
            blocked: count(blocked),
            active_at_ms: board.active_at_ms,
        };
        desired.digests.insert(id.to_string(), json(&digest));
        for (plan, (plan_id, open)) in board.plans.iter().zip(checked) {
            let accepted =
                plan.lead.is_some() && context.accepted.get(&plan.id) == plan.lead.as_ref();
            let digest = PlanDigest { open, accepted };
            desired.checks.insert(plan_id.to_string(), json(&digest));
        }
    }
    desired
}

fn is_blocked(open: &[Finding]) -> bool {
    open.iter().any(|finding| finding.level() == Level::Blocks)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("digests are plain structs")
}

/// What the rules know of an event.
fn context(event: &Event, events: &Events, workload: Workload) -> Context {
    let begins = event.programme.first().map(|item| item.starts_at);
    let day_at = |zone: &str| {
        let begins = begins.and_then(|at| at.in_tz(zone).ok());
        begins.map_or(event.date, |begins| begins.date())
    };
    let sites = event.sites.iter().map(|site| Site {
        key: site.key.clone(),
        country: site.country.clone(),
        event_day: day_at(&site.time_zone),
        holidays: site.holidays.iter().copied().collect(),
    });
    let people = events.people(event.id).into_iter().map(|person| (person.id, person.site));
    let shelf = event.commons.iter().map(|common| (common.key.clone(), common.licence.clone()));
    let accepted = events.acceptances(event.id).into_iter().map(|yes| (yes.plan, yes.lead));
    Context {
        event_day: event.date,
        languages: event.languages.clone(),
        sites: sites.collect(),
        people: people.collect(),
        shelf: shelf.collect(),
        accepted: accepted.collect(),
        workload,
    }
}

/// Makes the stage say it, and touches only what it says differently.
fn put(txn: &mut yrs::TransactionMut<'_>, desired: &Desired) {
    for (root, entries) in [(DIGESTS, &desired.digests), (CHECKS, &desired.checks)] {
        let map = txn.get_or_insert_map(root);
        let gone: Vec<String> =
            map.keys(txn).filter(|key| !entries.contains_key(*key)).map(str::to_owned).collect();
        for key in gone {
            map.remove(txn, &key);
        }
        for (key, value) in entries {
            let said = match map.get(txn, key) {
                Some(Out::Any(Any::String(said))) => Some(said),
                _ => None,
            };
            if said.as_deref() != Some(value) {
                map.insert(txn, key.as_str(), value.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests;
