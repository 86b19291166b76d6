//! Erasing for good: what was written is gone from the document, from its log, from its snapshots
//! and from what is kept in memory; the clocks of Yjs stay, so that a device that was away brings
//! nothing back ([ADR 17](../../../docs/adr/0017-erasure.md)).

use crate::event::audit::{Act, By, Entry};
use crate::event::history::History;
use crate::event::model::Event;
use crate::event::{Events, EventsError};
use crate::store::StoreError;
use crate::sync::rooms::{RoomEnded, Rooms};
use sangam_shared::ids::{DocumentId, PersonId, PlanId};
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use serde::Deserialize;
use std::collections::BTreeSet;
use uuid::Uuid;
use yrs::{Any, Map, MapRef, Out, ReadTxn, StateVector, Transact};

/// The tables of a board whose rows can be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as in the document")]
pub enum Table {
    Practices,
    Ideas,
    Clusters,
    Plans,
}

impl Table {
    const ALL: [Self; 4] = [Self::Practices, Self::Ideas, Self::Clusters, Self::Plans];

    fn root(self) -> &'static str {
        match self {
            Self::Practices => "practices",
            Self::Ideas => "ideas",
            Self::Clusters => "clusters",
            Self::Plans => "plans",
        }
    }
}

/// One row of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Where it stands.
    pub table: Table,
    /// Its key.
    pub id: Uuid,
}

/// Why nothing, or not everything, was erased. Asking again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The room does not take the edit.
    #[error("the board refuses: {0:?}")]
    Refused(RefusalCode),
    /// The room ended meanwhile.
    #[error(transparent)]
    Room(#[from] RoomEnded),
    /// The store, or the records.
    #[error(transparent)]
    Events(#[from] EventsError),
}

impl From<StoreError> for ErasureError {
    fn from(error: StoreError) -> Self {
        Self::Events(error.into())
    }
}

/// What erasing works with.
#[derive(Clone, Copy)]
pub struct Eraser<'a> {
    /// The records.
    pub events: &'a Events,
    /// The open documents.
    pub rooms: &'a Rooms,
    /// What is remembered of the past.
    pub history: &'a History,
}

impl Eraser<'_> {
    /// Whether somebody wrote all of these, and has put them into the tray.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn are_own_in_tray(
        &self,
        board: DocumentId,
        items: &BTreeSet<Item>,
        person: PersonId,
    ) -> Result<bool, ErasureError> {
        let items = items.clone();
        let room = self.rooms.open(board, DocumentKind::Board).await?;
        let read = room.read(move |doc| {
            let txn = doc.transact();
            items.iter().all(|item| {
                row(&txn, *item).is_none_or(|row| {
                    wrote(&txn, &row, person) && row.get(&txn, "deletedAt").is_some()
                })
            })
        });
        Ok(read.await?)
    }

    /// Erases rows of a board, and what the log remembers of anything that is no longer on it. With
    /// no row at all it is the second alone.
    ///
    /// # Errors
    /// [`ErasureError`]; asking again is safe.
    pub async fn erase(
        &self,
        event: &Event,
        board: DocumentId,
        by: By,
        items: &BTreeSet<Item>,
    ) -> Result<(), ErasureError> {
        let plans = items.iter().filter(|item| item.table == Table::Plans);
        let plans: Vec<PlanId> = plans.map(|item| PlanId(item.id)).collect();
        let rows = items.clone();
        let remove = move |_: &yrs::Doc, txn: &mut yrs::TransactionMut<'_>| {
            for item in rows {
                if let Some(table) = txn.get_map(item.table.root()) {
                    table.remove(txn, &item.id.to_string());
                }
            }
        };
        let entry = Entry::new(event.id, by, Act::ItemsErased).about(board);
        let entry = items.iter().fold(entry, |entry, item| entry.about(item.id));
        self.rewrite(board, DocumentKind::Board, Box::new(remove), entry, &plans).await?;
        // What the checks have said of it.
        let keys: Vec<String> = plans.iter().map(ToString::to_string).collect();
        let remove = move |_: &yrs::Doc, txn: &mut yrs::TransactionMut<'_>| {
            if let Some(checks) = txn.get_map(crate::event::digest::CHECKS) {
                for key in &keys {
                    checks.remove(txn, key);
                }
            }
        };
        let entry = Entry::new(event.id, By::Server, Act::ItemsErased).about(event.stage);
        self.rewrite(event.stage, DocumentKind::Stage, Box::new(remove), entry, &[]).await
    }

    /// Erases a person with all that they wrote.
    ///
    /// # Errors
    /// [`ErasureError`]; asking again goes on where it stopped.
    pub async fn erase_person(
        &self,
        event: &Event,
        by: By,
        person: PersonId,
    ) -> Result<(), ErasureError> {
        for workshop in &event.workshops {
            let room = self.rooms.open(workshop.board, DocumentKind::Board).await?;
            let items = room.read(move |doc| written_by(&doc.transact(), person)).await?;
            if !items.is_empty() {
                self.erase(event, workshop.board, by, &items).await?;
            }
        }
        Ok(self.events.erase_person(event.id, by, person).await?)
    }

    /// Makes an edit, then puts the document as it is now in the place of its log up to that edit.
    async fn rewrite(
        &self,
        document: DocumentId,
        kind: DocumentKind,
        edit: crate::sync::room::Edit,
        entry: Entry,
        plans: &[PlanId],
    ) -> Result<(), ErasureError> {
        let room = self.rooms.open(document, kind).await?;
        let upto = room.write(edit).await.map_err(ErasureError::Refused)?;
        if upto > 0 {
            let state =
                room.read(|doc| doc.transact().encode_diff_v1(&StateVector::default())).await?;
            self.events.erase(entry, document, upto, state.into(), plans).await?;
        }
        room.fanout().forget();
        self.history.forget(document);
        Ok(())
    }
}

/// Every row that somebody wrote.
pub fn written_by(txn: &impl ReadTxn, person: PersonId) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    for table in Table::ALL {
        let Some(rows) = txn.get_map(table.root()) else { continue };
        for (id, row) in rows.iter(txn) {
            if let (Ok(id), Out::YMap(row)) = (Uuid::try_parse(id), row)
                && wrote(txn, &row, person)
            {
                items.insert(Item { table, id });
            }
        }
    }
    items
}

fn row(txn: &impl ReadTxn, item: Item) -> Option<MapRef> {
    match txn.get_map(item.table.root())?.get(txn, &item.id.to_string()) {
        Some(Out::YMap(row)) => Some(row),
        _ => None,
    }
}

fn wrote(txn: &impl ReadTxn, row: &MapRef, person: PersonId) -> bool {
    let author = row.get(txn, "authorId");
    matches!(author, Some(Out::Any(Any::String(id))) if *id == *person.to_string())
}
