//! Who changed what and when, the board as it was, and the way back to it.
//!
//! The log keeps every delta, compacted or not, so the past is read from it: off the room's task, page
//! by page, a few logs at a time, with the last few results kept. A restore is a new edit, made inside
//! the room by the server; the delta's author is the act ([`Author::Act`]), whose record says who asked
//! for what. The record is stored first, so the log never holds an act that nobody can explain.

mod board;
mod restore;
mod text;
mod timeline;
mod touched;

pub use restore::{NoSpace, Scope};
pub use timeline::Entry;
pub use touched::{Counts, Touched};

use crate::clock::Clock;
use crate::event::model::Restore;
use crate::event::{Events, EventsError};
use crate::store::{Author, Sequence, Store, StoreError, Stored};
use crate::sync::rooms::Rooms;
use board::Standing;
use restore::{Aim, Mark};
use sangam_shared::ids::{DocumentId, EventId, LinkId, PersonId};
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use timeline::{Replay, Timeline};
use tokio::sync::Semaphore;
use uuid::Uuid;
use yrs::ReadTxn;

/// The history of all boards.
pub struct History {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Turns to read a log.
    turns: Semaphore,
    timelines: Mutex<VecDeque<(DocumentId, Arc<tokio::sync::Mutex<Timeline>>)>>,
    boards: Mutex<VecDeque<(DocumentId, Arc<Past>)>>,
    /// Restores are made one at a time: each is decided upon what the one before has done.
    restoring: tokio::sync::Mutex<()>,
}

/// A board as it was.
#[derive(Debug, PartialEq)]
pub struct Past {
    /// After this delta.
    pub sequence: Sequence,
    /// When that was written, in milliseconds since 1970; 0 where only a snapshot is left of it.
    pub at_ms: u64,
    /// The document as JSON.
    pub board: Value,
}

/// Which board of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After this delta.
    After(Sequence),
    /// At this time, in milliseconds since 1970.
    At(u64),
}

/// One page of the list.
#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Ask again with entries before this one; `None` at the end.
    pub next: Option<Sequence>,
    /// The last delta that was read.
    pub head: Sequence,
    /// The first delta that is told of: 1, unless the log was cut.
    pub since: Sequence,
    /// The log cannot be read any further than `head`.
    pub damaged: bool,
}

/// What a restore does to one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It comes back.
    Returns,
    /// It goes to the tray.
    Leaves,
    /// Its words, values or place change.
    Changes,
}

/// What a restore would do.
#[derive(Debug)]
pub struct Outlook {
    /// In numbers.
    pub touched: Touched,
    /// Item by item, as `ideas/…`.
    pub items: Vec<(String, Fate)>,
}

/// A restore, as it is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Names it: asked for twice, it is done once.
    pub key: Uuid,
    /// The event.
    pub event: EventId,
    /// The board.
    pub document: DocumentId,
    /// Who asks, unless it is a machine.
    pub by: Option<PersonId>,
    /// The link behind them.
    pub link: LinkId,
    /// To what.
    pub goal: Goal,
    /// All of it, or a part.
    pub scope: Scope,
}

/// To what a board is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To the board after this delta.
    After(Sequence),
    /// To what it would be without this restore: what others did since stays.
    Undo(Uuid),
}

/// Why the history says no.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no such moment in the log.
    #[error("the log does not hold this moment")]
    NoSuchMoment,
    /// The key was used for another restore.
    #[error("the key was used for another restore")]
    KeyUsed,
    /// No space for what would come back.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    /// The log is too long to be read now.
    #[error("reading the log takes too long")]
    TooLong,
    /// The room did not take the edit.
    #[error("the room refused: {0:?}")]
    Refused(RefusalCode),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record.
    #[error(transparent)]
    Events(#[from] EventsError),
}

impl History {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            turns: Semaphore::new(limits::HISTORY_READERS_MAX),
            timelines: Mutex::new(VecDeque::new()),
            boards: Mutex::new(VecDeque::new()),
            restoring: tokio::sync::Mutex::new(()),
        }
    }

    /// Forgets what is remembered of a document: something was erased from it.
    pub fn forget(&self, document: DocumentId) {
        let mut timelines = self.timelines.lock().unwrap_or_else(PoisonError::into_inner);
        timelines.retain(|(id, _)| *id != document);
        drop(timelines);
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        boards.retain(|(id, _)| *id != document);
    }

    /// One page of changes, newest first.
    ///
    /// # Errors
    /// [`HistoryError`]
    pub async fn list(
        &self,
        document: DocumentId,
        before: Option<Sequence>,
        count: usize,
    ) -> Result<Page, HistoryError> {
        let count = count.clamp(1, limits::HISTORY_PAGE_MAX);
        let before = before.unwrap_or(Sequence::MAX);
        self.with_timeline(document, move |timeline| {
            let mut entries = timeline.before(before, count + 1);
            let more = entries.len() > count;
            entries.truncate(count);
            Page {
                next: entries.last().filter(|_| more).map(|entry| entry.last),
                entries,
                head: timeline.at(),
                since: timeline.since,
                damaged: timeline.damaged,
            }
        })
        .await
    }

    /// The board as it was.
    ///
    /// # Errors
    /// [`HistoryError`]
    pub async fn board(
        &self,
        document: DocumentId,
        moment: Moment,
    ) -> Result<Arc<Past>, HistoryError> {
        if let Moment::After(sequence) = moment {
            let boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
            let known = boards.iter().find(|(d, past)| *d == document && past.sequence == sequence);
            if let Some((_, past)) = known {
                return Ok(Arc::clone(past));
            }
        }
        let _turn = self.turn().await?;
        let past = Arc::new(self.replay_to(document, moment).await?);
        let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        if boards.len() >= limits::HISTORY_BOARDS_MAX {
            boards.pop_front();
        }
        boards.push_back((document, Arc::clone(&past)));
        Ok(past)
    }

    /// What restoring the whole board would do at the moment.
    ///
    /// # Errors
    /// [`HistoryError`]
    pub async fn outlook(
        &self,
        document: DocumentId,
        past: &Arc<Past>,
    ) -> Result<Outlook, HistoryError> {
        let now = self.board(document, Moment::After(self.head(document).await?)).await?;
        let mark = Mark { by: None, at_ms: self.clock.now_ms() };
        let aim = Aim { then: Arc::clone(past), undo: None, scope: Scope(None), mark };
        let plan =
            compute(move || restore::plan(DocumentKind::Board.roots(), &now.board, &aim)).await??;
        let fate = |(item, touch): (String, touched::Touch)| {
            let fate = match (touch.was, touch.is) {
                (Standing::Live, Standing::Live) => Fate::Changes,
                (_, Standing::Live) => Fate::Returns,
                (Standing::Live, _) => Fate::Leaves,
                _ => return None,
            };
            Some((item, fate))
        };
        Ok(Outlook {
            touched: plan.touched,
            items: plan.items.into_iter().filter_map(fate).collect(),
        })
    }

    /// Makes the board equal the past; returns the entry of the act, or `None` where nothing differed.
    /// Whoever asks again with the same key gets the same entry, and nothing is done twice.
    ///
    /// # Errors
    /// [`HistoryError`]; nothing is changed then.
    pub async fn restore(
        &self,
        rooms: &Rooms,
        events: &Events,
        wish: Wish,
    ) -> Result<Option<Entry>, HistoryError> {
        let _one_at_a_time = self.restoring.lock().await;
        let (to, undoes) = match wish.goal {
            Goal::After(sequence) => (sequence, None),
            Goal::Undo(act) => {
                let entry = self.entry_of(wish.document, act).await?;
                let entry = entry.ok_or(HistoryError::NoSuchMoment)?;
                (entry.first - 1, Some((act, entry.last)))
            }
        };
        if let Some(known) = events.restore(wish.event, wish.key) {
            let same = known.document == wish.document
                && known.to == to
                && known.undoes == undoes.map(|(act, _)| act)
                && known.scope == wish.scope;
            if !same {
                return Err(HistoryError::KeyUsed);
            }
            if let Some(entry) = self.entry_of(wish.document, wish.key).await? {
                return Ok(Some(entry));
            }
        }
        let undo = match undoes {
            Some((_, after)) => Some(self.board(wish.document, Moment::After(after)).await?),
            None => None,
        };
        let aim = Aim {
            then: self.board(wish.document, Moment::After(to)).await?,
            undo,
            scope: wish.scope.clone(),
            mark: Mark { by: wish.by, at_ms: self.clock.now_ms() },
        };
        let record = Restore {
            id: wish.key,
            document: wish.document,
            by: wish.by,
            link: wish.link,
            at_ms: aim.mark.at_ms,
            to,
            to_ms: aim.then.at_ms,
            undoes: undoes.map(|(act, _)| act),
            scope: wish.scope.clone(),
        };
        let room = rooms.open(wish.document, DocumentKind::Board).await?;
        // A look first: what has no effect, or no space, leaves no trace.
        let schema = DocumentKind::Board.roots();
        let (now, bytes) = room
            .read(move |doc| {
                let txn = yrs::Transact::transact(doc);
                let state = txn.encode_diff_v1(&yrs::StateVector::default());
                (board::content(&txn, schema), state.len())
            })
            .await
            .map_err(|_| HistoryError::Refused(RefusalCode::Unavailable))?;
        if bytes > limits::DOCUMENT_BYTES_MAX {
            return Err(HistoryError::Refused(RefusalCode::TooLarge));
        }
        let look = aim.clone();
        let plan = compute(move || restore::plan(schema, &now, &look)).await??;
        if plan.is_empty() {
            return Ok(None);
        }
        events.record_restore(wish.event, record).await?;
        let outcome = Arc::new(Mutex::new(Ok(())));
        let inside = Arc::clone(&outcome);
        let edit = move |_: &yrs::Doc, txn: &mut yrs::TransactionMut<'_>| {
            let done = restore::restore(txn, schema, &aim);
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = done;
        };
        let written = room.write_as(Author::Act(wish.key), Box::new(edit)).await;
        written.map_err(HistoryError::Refused)?;
        let done = *outcome.lock().unwrap_or_else(PoisonError::into_inner);
        done?;
        self.entry_of(wish.document, wish.key).await
    }

    async fn entry_of(
        &self,
        document: DocumentId,
        act: Uuid,
    ) -> Result<Option<Entry>, HistoryError> {
        self.with_timeline(document, move |timeline| timeline.entry_of(act)).await
    }

    async fn head(&self, document: DocumentId) -> Result<Sequence, HistoryError> {
        let heads = self.store.heads(vec![document]).await?;
        Ok(heads.first().copied().unwrap_or(0))
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, HistoryError> {
        // The semaphore is never closed.
        self.turns.acquire().await.map_err(|_| HistoryError::TooLong)
    }

    /// Brings a document's timeline up to the end of its log, then asks it.
    async fn with_timeline<T: Send + 'static>(
        &self,
        document: DocumentId,
        ask: impl FnOnce(&Timeline) -> T + Send + 'static,
    ) -> Result<T, HistoryError> {
        let _turn = self.turn().await?;
        let mut timeline = self.timeline(document).lock_owned().await;
        let started_ms = self.clock.now_ms();
        loop {
            let from = timeline.at() + 1;
            let page = self.page(document, from).await?;
            let end = page.len() < limits::HISTORY_DELTAS_AT_ONCE;
            if timeline.at() == 0 && page.first().is_some_and(|first| first.delta.is_forgotten()) {
                let Stored { sequence, delta } = self.after_erasure(document).await?;
                timeline = compute(move || {
                    timeline.start(sequence, &delta.update);
                    timeline
                })
                .await?;
                continue;
            }
            if timeline.at() == 0 && page.first().is_none_or(|first| first.sequence > 1) {
                let loaded = self.store.load(document, 0).await?;
                if let Some((at, snapshot)) = loaded.snapshot {
                    timeline = compute(move || {
                        timeline.start(at, &snapshot);
                        timeline
                    })
                    .await?;
                    continue;
                }
            }
            let end = end || timeline.damaged;
            timeline = compute(move || {
                timeline.read(&page);
                timeline
            })
            .await?;
            if end || timeline.damaged {
                return compute(move || ask(&timeline)).await;
            }
            self.in_time(started_ms)?;
        }
    }

    /// The timeline that is kept, or a new one in place of the one that was not asked for longest.
    fn timeline(&self, document: DocumentId) -> Arc<tokio::sync::Mutex<Timeline>> {
        let mut kept = self.timelines.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(id, _)| *id == document);
        let entry = known.and_then(|index| kept.remove(index)).unwrap_or_else(|| {
            if kept.len() >= limits::HISTORY_DOCUMENTS_MAX {
                kept.pop_front();
            }
            (document, Arc::new(tokio::sync::Mutex::new(Timeline::new())))
        });
        let timeline = Arc::clone(&entry.1);
        kept.push_back(entry);
        timeline
    }

    /// Replays from the snapshot, where it is early enough, or from the beginning.
    async fn replay_to(&self, document: DocumentId, moment: Moment) -> Result<Past, HistoryError> {
        let started_ms = self.clock.now_ms();
        let mut replay = Replay::new();
        if let Some((at, snapshot)) = self.store.load(document, 0).await?.snapshot {
            let oldest = self.store.history(document, 1, 1).await?;
            let cut = oldest.first().is_none_or(|first| first.sequence > 1);
            let early_enough = match moment {
                Moment::After(sequence) => at <= sequence,
                Moment::At(ms) => {
                    let last = self.store.history(document, at, 1).await?;
                    last.first().is_some_and(|s| s.sequence == at && s.delta.at_ms <= ms)
                }
            };
            if cut && !early_enough {
                return Err(HistoryError::NoSuchMoment);
            }
            if early_enough {
                let last = self.store.history(document, at, 1).await?;
                replay.at_ms =
                    last.first().filter(|s| s.sequence == at).map_or(0, |s| s.delta.at_ms);
                replay = compute(move || replay.start(at, &snapshot).map(|()| replay))
                    .await?
                    .map_err(|_| HistoryError::NoSuchMoment)?;
            }
        }
        loop {
            let mut page = self.page(document, replay.at + 1).await?;
            let mut end = page.len() < limits::HISTORY_DELTAS_AT_ONCE;
            let wanted = |stored: &Stored| match moment {
                Moment::After(sequence) => stored.sequence <= sequence,
                Moment::At(ms) => stored.delta.at_ms <= ms,
            };
            if let Some(beyond) = page.iter().position(|stored| !wanted(stored)) {
                page.truncate(beyond);
                end = true;
            }
            let forgotten = page.last().is_some_and(|last| last.delta.is_forgotten());
            let (next, readable) = compute(move || {
                let readable = page.iter().all(|stored| replay.next(stored).is_ok());
                (replay, readable)
            })
            .await?;
            replay = next;
            let found = match moment {
                Moment::After(sequence) => replay.at == sequence,
                Moment::At(_) => end && replay.at > 0,
            };
            if found && readable && !forgotten {
                let (sequence, at_ms) = (replay.at, replay.at_ms);
                let schema = DocumentKind::Board.roots();
                let board = compute(move || replay.content(schema)).await?;
                return Ok(Past { sequence, at_ms, board });
            }
            if end || !readable || forgotten && found {
                return Err(HistoryError::NoSuchMoment);
            }
            self.in_time(started_ms)?;
        }
    }

    /// The delta that stands for all that was before an erasure.
    async fn after_erasure(&self, document: DocumentId) -> Result<Stored, HistoryError> {
        let mut from = 1;
        loop {
            let page = self.page(document, from).await?;
            from += page.len() as Sequence;
            if page.is_empty() {
                return Err(HistoryError::NoSuchMoment);
            }
            if let Some(whole) = page.into_iter().find(|stored| !stored.delta.is_forgotten()) {
                return Ok(whole);
            }
        }
    }

    async fn page(
        &self,
        document: DocumentId,
        from: Sequence,
    ) -> Result<Vec<Stored>, HistoryError> {
        Ok(self.store.history(document, from, limits::HISTORY_DELTAS_AT_ONCE).await?)
    }

    fn in_time(&self, started_ms: u64) -> Result<(), HistoryError> {
        let taken = self.clock.now_ms().saturating_sub(started_ms);
        if taken > limits::HISTORY_READ_MS_MAX { Err(HistoryError::TooLong) } else { Ok(()) }
    }
}

/// Work that would keep an async thread busy.
async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HistoryError> {
    tokio::task::spawn_blocking(work).await.map_err(|stopped| {
        StoreError::Unavailable(format!("the history was interrupted: {stopped}")).into()
    })
}

#[cfg(test)]
mod tests;
