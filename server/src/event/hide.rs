//! Everything that somebody has created on the boards goes into the tray, and comes back: edits of
//! the server's, like any others, so that every browser sees them and the history tells of them.
//!
//! What somebody created is told by the Yjs client ids that they own, not by the `authorId` that
//! stands in a note: that one is what a browser says.

use super::audit::By;
use super::{Events, EventsError};
use crate::store::{Author, ClientId, Store, StoreError};
use crate::sync::rooms::Rooms;
use sangam_shared::ids::{DocumentId, EventId, PersonId};
use sangam_shared::schema::DocumentKind;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use yrs::branch::{Branch, BranchID};
use yrs::{Any, Map, MapRef, Number, Out, TransactionMut, WriteTxn};

/// The tables whose rows are somebody's own words. Plans and clusters are the group's.
const TABLES: [&str; 2] = ["practices", "ideas"];

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Into the tray.
    Hide,
    /// Back to where it was.
    Show,
}

/// Who wants it.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Who, for the audit log.
    pub by: By,
    /// In whose name the log keeps it.
    pub author: Author,
    /// Who they are, unless it is a machine.
    pub person: Option<PersonId>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Hides or shows all notes of one person on every board of their event; returns how many. Asked for
/// again, it does what is left to be done.
///
/// # Errors
/// The store's; [`crate::event::access::Denied::Unknown`] where there is no such person.
pub async fn hide(
    (rooms, store, events): (&Rooms, &dyn Store, &Events),
    event: EventId,
    person: PersonId,
    wish: Wish,
    asker: Asker,
) -> Result<usize, EventsError> {
    let known = events.by_id(event).ok_or(super::access::Denied::Unknown)?;
    let whose = events.person(event, person).ok_or(super::access::Denied::Unknown)?;
    let at_ms = match (wish, whose.hidden_at_ms) {
        (Wish::Show, None) => return Ok(0),
        (_, Some(at_ms)) => at_ms,
        (Wish::Hide, None) => {
            // The mark first: whatever happens, what is hidden can be found again.
            events.mark_hidden(event, asker.by, person, Some(asker.at_ms)).await?;
            asker.at_ms
        }
    };
    let mut touched = 0;
    for workshop in &known.workshops {
        let theirs = clients(store, workshop.board, person).await?;
        if theirs.is_empty() {
            continue;
        }
        let failed = |error: String| EventsError::Store(StoreError::Unavailable(error));
        let room = rooms.open(workshop.board, DocumentKind::Board).await?;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let edit = move |_: &yrs::Doc, txn: &mut TransactionMut<'_>| {
            let rows = rows(txn, &theirs, at_ms, wish);
            counted.store(rows.len(), Ordering::Relaxed);
            for row in rows {
                mark(txn, &row, at_ms, asker.person, wish);
            }
        };
        let written = room.write_as(asker.author, Box::new(edit)).await;
        written.map_err(|code| failed(format!("the board refuses: {code:?}")))?;
        touched += count.load(Ordering::Relaxed);
    }
    if wish == Wish::Show {
        events.mark_hidden(event, asker.by, person, None).await?;
    }
    Ok(touched)
}

/// The Yjs client ids under which somebody has written to a document.
async fn clients(
    store: &dyn Store,
    document: DocumentId,
    person: PersonId,
) -> Result<HashSet<ClientId>, StoreError> {
    let head = store.heads(vec![document]).await?.first().copied().unwrap_or(0);
    // After the head there is nothing but the claims.
    let claims = store.load(document, head).await?.claims;
    let theirs = claims.into_iter().filter(|(_, author)| *author == Author::Person(person));
    Ok(theirs.map(|(client, _)| client).collect())
}

/// The rows that somebody has created, and that are not yet as they are to be.
fn rows(
    txn: &mut TransactionMut<'_>,
    theirs: &HashSet<ClientId>,
    at_ms: u64,
    wish: Wish,
) -> Vec<MapRef> {
    let mut rows = Vec::new();
    for name in TABLES {
        let table = txn.get_or_insert_map(name);
        let all: Vec<MapRef> = table
            .iter(txn)
            .filter_map(|(_, row)| if let Out::YMap(row) = row { Some(row) } else { None })
            .collect();
        rows.extend(all.into_iter().filter(|row| {
            let branch: &Branch = row.as_ref();
            let created =
                matches!(branch.id(), BranchID::Nested(id) if theirs.contains(&id.client.get()));
            let deleted_at = row.get(txn, "deletedAt");
            let waits = match wish {
                Wish::Hide => deleted_at.is_none_or(|at| matches!(at, Out::Any(Any::Null))),
                // What people themselves had put into the tray stays there.
                Wish::Show => deleted_at.is_some_and(|at| is_at(&at, at_ms)),
            };
            created && waits
        }));
    }
    rows
}

fn mark(txn: &mut TransactionMut<'_>, row: &MapRef, at_ms: u64, by: Option<PersonId>, wish: Wish) {
    match wish {
        Wish::Hide => {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact")]
            row.insert(txn, "deletedAt", Any::from(at_ms as f64));
            match by {
                Some(by) => {
                    row.insert(txn, "deletedBy", by.to_string());
                }
                None => {
                    row.remove(txn, "deletedBy");
                }
            }
        }
        Wish::Show => {
            row.remove(txn, "deletedAt");
            row.remove(txn, "deletedBy");
        }
    }
}

fn is_at(value: &Out, at_ms: u64) -> bool {
    match value {
        Out::Any(Any::Number(Number::Int(at))) => u64::try_from(*at) == Ok(at_ms),
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact")]
        Out::Any(Any::Number(Number::Float(at))) => (at - at_ms as f64).abs() < 0.5,
        _ => false,
    }
}
