//! A document's log, read once from its beginning: what was touched by whom and when, gathered into
//! entries that a person can read, and the document as it was at the last delta read.

use super::board::{self, Standing, TABLES};
use super::touched::{Touch, Touched};
use crate::store::{Author, Sequence, Stored};
use sangam_shared::limits;
use sangam_shared::schema::Field;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;
use yrs::types::{Event, PathSegment};
use yrs::updates::decoder::Decode;
use yrs::{DeepObservable, Doc, MapRef, Observable, OffsetKind, Options, Transact, Update};

/// What one author did within a few minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub author: Author,
    /// Their first delta.
    pub first: Sequence,
    /// Their last one. The board as it was after it is what this entry stands for.
    pub last: Sequence,
    /// When they began, in milliseconds since 1970.
    pub from_ms: u64,
    /// When they ended.
    pub to_ms: u64,
    /// What they touched.
    pub touched: Touched,
}

/// The log cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// A document that is brought forward along its log.
pub(super) struct Replay {
    /// After a panic inside yrs the document must not even be dropped: it is not memory-safe.
    doc: ManuallyDrop<Doc>,
    broken: bool,
    /// The last delta that was applied.
    pub(super) at: Sequence,
    /// When it was written.
    pub(super) at_ms: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if !self.broken {
            let doc = std::mem::replace(&mut self.doc, ManuallyDrop::new(Doc::new()));
            drop(ManuallyDrop::into_inner(doc));
        }
    }
}

impl Replay {
    /// An empty document.
    #[must_use]
    pub(super) fn new() -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            cleanup_formatting: false,
            ..Options::default()
        });
        Self { doc: ManuallyDrop::new(doc), broken: false, at: 0, at_ms: 0 }
    }

    /// Starts from a snapshot.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub(super) fn start(&mut self, at: Sequence, snapshot: &[u8]) -> Result<(), Unreadable> {
        self.apply(snapshot)?;
        self.at = at;
        Ok(())
    }

    /// Applies the next delta.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub(super) fn next(&mut self, stored: &Stored) -> Result<(), Unreadable> {
        if stored.sequence != self.at + 1 {
            return Err(Unreadable);
        }
        self.apply(&stored.delta.update)?;
        (self.at, self.at_ms) = (stored.sequence, stored.delta.at_ms);
        Ok(())
    }

    /// The document as JSON.
    #[must_use]
    pub(super) fn content(&self, roots: &[Field]) -> Value {
        board::content(&self.doc.transact(), roots)
    }

    fn apply(&mut self, update: &[u8]) -> Result<(), Unreadable> {
        if self.broken {
            return Err(Unreadable);
        }
        let doc = &*self.doc;
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let update = Update::decode_v1(update).ok()?;
            let mut txn = doc.transact_mut();
            txn.apply_update(update).ok()?;
            txn.commit();
            Some(())
        }));
        self.broken = !matches!(applied, Ok(Some(())));
        if self.broken { Err(Unreadable) } else { Ok(()) }
    }
}

/// What one delta touched, as the document's observers report it.
#[derive(Default)]
struct Seen {
    /// By the table's place in [`TABLES`] and the item's id: the keys that changed.
    items: Vec<(usize, Arc<str>, Vec<Arc<str>>)>,
    minutes: bool,
    question: bool,
}

/// A document's entries.
pub(super) struct Timeline {
    replay: Replay,
    tables: Vec<MapRef>,
    seen: Arc<Mutex<Seen>>,
    standings: HashMap<(usize, Arc<str>), Standing>,
    entries: VecDeque<Entry>,
    /// How many entries were let go: the number of the first one that is kept.
    let_go: usize,
    /// Entries that may still grow.
    open: HashMap<Author, Open>,
    /// The first delta that is told of.
    pub(super) since: Sequence,
    /// Set when the log cannot be read any further.
    pub(super) damaged: bool,
}

struct Open {
    number: usize,
    touches: HashMap<(usize, Arc<str>), Touch>,
}

impl Timeline {
    /// Nothing was read yet.
    #[must_use]
    pub(super) fn new() -> Self {
        let replay = Replay::new();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let tables: Vec<MapRef> =
            TABLES.iter().map(|name| replay.doc.get_or_insert_map(*name)).collect();
        for (index, table) in tables.iter().enumerate() {
            let seen = Arc::clone(&seen);
            table.observe_deep("history", move |txn, events| {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                for event in events.iter() {
                    seen.hear(index, txn, event);
                }
            });
        }
        let minutes = Arc::clone(&seen);
        replay.doc.get_or_insert_text("minutes").observe("history", move |_, _| {
            minutes.lock().unwrap_or_else(PoisonError::into_inner).minutes = true;
        });
        let question = Arc::clone(&seen);
        replay.doc.get_or_insert_text("question").observe("history", move |_, _| {
            question.lock().unwrap_or_else(PoisonError::into_inner).question = true;
        });
        Self {
            replay,
            tables,
            seen,
            standings: HashMap::new(),
            entries: VecDeque::new(),
            let_go: 0,
            open: HashMap::new(),
            since: 1,
            damaged: false,
        }
    }

    /// The last delta that was read.
    #[must_use]
    pub(super) fn at(&self) -> Sequence {
        self.replay.at
    }

    /// Starts from a snapshot, where the log does not reach back to its beginning.
    pub(super) fn start(&mut self, at: Sequence, snapshot: &[u8]) {
        self.damaged = self.replay.start(at, snapshot).is_err();
        self.since = at + 1;
        let seen = self.take_seen();
        for (table, id, _) in seen.items {
            let standing = self.standing(table, &id);
            self.standings.insert((table, id), standing);
        }
    }

    /// Reads on. Stops for good at the first delta that cannot be read.
    pub(super) fn read(&mut self, page: &[Stored]) {
        for stored in page {
            if self.damaged || self.replay.next(stored).is_err() {
                self.damaged = true;
                break;
            }
            let seen = self.take_seen();
            self.record(stored, seen);
        }
        self.settle();
    }

    /// Entries from the newest on, that ended before a position.
    #[must_use]
    pub(super) fn before(&self, before: Sequence, count: usize) -> Vec<Entry> {
        let shown = |entry: &&Entry| {
            entry.last < before
                && (!entry.touched.is_empty() || matches!(entry.author, Author::Act(_)))
        };
        let mut entries: Vec<Entry> = self.entries.iter().filter(shown).cloned().collect();
        // An entry that grows longer stands where it began; people look for when it ended.
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.last));
        entries.truncate(count);
        entries
    }

    /// The entry of an act.
    #[must_use]
    pub(super) fn entry_of(&self, act: Uuid) -> Option<Entry> {
        let author = Author::Act(act);
        self.entries.iter().rev().find(|entry| entry.author == author).cloned()
    }

    fn take_seen(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn standing(&self, table: usize, id: &str) -> Standing {
        let txn = self.replay.doc.transact();
        board::standing(&txn, &self.tables[table], id)
    }

    fn record(&mut self, stored: &Stored, seen: Seen) {
        let (author, at_ms) = (stored.delta.author, stored.delta.at_ms);
        let number = self.open_entry(author, stored.sequence, at_ms);
        for (table, id, keys) in seen.items {
            let is = self.standing(table, &id);
            let before = self.standings.insert((table, Arc::clone(&id)), is);
            let before = match (before, author) {
                // To a person's eyes a restore makes nothing new: what it writes again comes back.
                (None | Some(Standing::Absent), Author::Act(_)) => Standing::Tray,
                (before, _) => before.unwrap_or(Standing::Absent),
            };
            let Some(open) = self.open.get_mut(&author) else { continue };
            let touch = open.touches.entry((table, id)).or_insert_with(|| Touch::of(before));
            touch.is = is;
            for key in keys {
                touch.key(&key);
            }
        }
        if let Some(entry) = self.entries.get_mut(number - self.let_go) {
            entry.touched.minutes |= seen.minutes;
            entry.touched.question |= seen.question;
        }
    }

    /// The number of the entry that this author's delta belongs to.
    fn open_entry(&mut self, author: Author, sequence: Sequence, at_ms: u64) -> usize {
        if let Some(open) = self.open.get(&author)
            && let Some(index) = open.number.checked_sub(self.let_go)
            && let Some(entry) = self.entries.get_mut(index)
            && at_ms.saturating_sub(entry.to_ms) <= limits::HISTORY_PAUSE_MS
            && at_ms.saturating_sub(entry.from_ms) <= limits::HISTORY_ENTRY_MS_MAX
        {
            entry.last = sequence;
            entry.to_ms = entry.to_ms.max(at_ms);
            return open.number;
        }
        self.close(author);
        if self.entries.len() >= limits::HISTORY_ENTRIES_MAX {
            self.entries.pop_front();
            self.let_go += 1;
        }
        let touched = Touched::default();
        let (first, last, from_ms, to_ms) = (sequence, sequence, at_ms, at_ms);
        self.entries.push_back(Entry { author, first, last, from_ms, to_ms, touched });
        let number = self.let_go + self.entries.len() - 1;
        self.open.insert(author, Open { number, touches: HashMap::new() });
        number
    }

    fn close(&mut self, author: Author) {
        if let Some(open) = self.open.remove(&author) {
            self.tally(&open);
        }
    }

    /// Counts what open entries hold, and closes those that can grow no more.
    fn settle(&mut self) {
        let now_ms = self.replay.at_ms;
        let open = std::mem::take(&mut self.open);
        for (author, open) in open {
            self.tally(&open);
            let index = open.number.checked_sub(self.let_go);
            let grows = index.and_then(|i| self.entries.get(i)).is_some_and(|entry| {
                now_ms.saturating_sub(entry.to_ms) <= limits::HISTORY_PAUSE_MS
            });
            if grows {
                self.open.insert(author, open);
            }
        }
    }

    fn tally(&mut self, open: &Open) {
        let index = open.number.checked_sub(self.let_go);
        let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) else { return };
        let (minutes, question) = (entry.touched.minutes, entry.touched.question);
        entry.touched = Touched { minutes, question, ..Touched::default() };
        for ((table, _), touch) in &open.touches {
            entry.touched.count(TABLES[*table], *touch);
        }
    }
}

impl Seen {
    /// An event of a table, of an item in it, or of something inside the item.
    fn hear(&mut self, table: usize, txn: &yrs::TransactionMut<'_>, event: &Event) {
        let path = event.path();
        let mut keys = path.iter().map(|segment| match segment {
            PathSegment::Key(key) => Arc::clone(key),
            PathSegment::Index(_) => "".into(),
        });
        match (keys.next(), keys.next(), event) {
            (None, _, Event::Map(map)) => {
                let ids = map.keys(txn).keys();
                self.items.extend(ids.map(|id| (table, Arc::clone(id), Vec::new())));
            }
            (Some(id), None, Event::Map(map)) => {
                self.items.push((table, id, map.keys(txn).keys().cloned().collect()));
            }
            (Some(id), Some(key), _) => self.items.push((table, id, vec![key])),
            _ => {}
        }
    }
}
