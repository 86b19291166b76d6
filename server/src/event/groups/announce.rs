//! Tells every screen that groups have changed: three numbers in the stage, no names, no ids. Whoever
//! sees one move asks the API what concerns them.

use crate::event::Events;
use crate::sync::rooms::Rooms;
use sangam_shared::ids::EventId;
use sangam_shared::limits;
use sangam_shared::schema::DocumentKind;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use yrs::{Any, Map, Out, WriteTxn};

/// In the stage: `published`, `people` (in a group, late ones too) and `draft` → a number that moves.
pub const GROUPS: &str = "groups";

/// Keeps the stages of all events up to date until `stop`.
pub async fn run(events: Arc<Events>, rooms: Arc<Rooms>, stop: CancellationToken) {
    let mut changes = events.changes();
    let mut said: HashMap<EventId, Signs> = HashMap::new();
    loop {
        changes.mark_unchanged();
        let mut failed = false;
        for event in events.all() {
            let grouping = events.grouping(event.id);
            let signs = Signs {
                draft: grouping.version,
                published: grouping.published.as_ref().map(|published| published.at_ms),
                people: grouping.published.as_ref().map_or(0, |published| published.places.len()),
            };
            // An event that never had groups has nothing to say.
            if said.get(&event.id) == Some(&signs) || grouping.version == 0 {
                continue;
            }
            let Ok(room) = rooms.open(event.stage, DocumentKind::Stage).await else {
                failed = true;
                continue;
            };
            match room.write(Box::new(move |_, txn| put(txn, signs))).await {
                Ok(_) => {
                    said.insert(event.id, signs);
                }
                Err(code) => {
                    tracing::debug!(event = %event.slug, ?code, "the stage takes no groups now");
                    failed = true;
                }
            }
        }
        let again = async {
            if failed {
                tokio::time::sleep(Duration::from_millis(limits::STORE_RETRY_MS)).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = again => {}
            moved = changes.changed() => if moved.is_err() { return },
        }
    }
}

/// What moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signs {
    draft: u64,
    published: Option<u64>,
    people: usize,
}

fn put(txn: &mut yrs::TransactionMut<'_>, signs: Signs) {
    let map = txn.get_or_insert_map(GROUPS);
    let published = signs.published.map_or(String::new(), |at| at.to_string());
    let (draft, people) = (signs.draft.to_string(), signs.people.to_string());
    for (key, value) in [("draft", draft), ("published", published), ("people", people)] {
        let said = match map.get(txn, key) {
            Some(Out::Any(Any::String(said))) => Some(said),
            _ => None,
        };
        if said.as_deref() != Some(value.as_str()) {
            map.insert(txn, key, value);
        }
    }
}
