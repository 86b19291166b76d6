//! Drives one [`Room`]: performs its effects, and brings it inputs, answers and time.

use crate::clock::Clock;
use crate::store::{Author, Health, Loaded, Sequence, Store, StoreError};
use crate::sync::changed::Changed;
use crate::sync::fanout::{Fanout, Outbox, Scratch};
use crate::sync::frame;
use crate::sync::pace::Pace;
use crate::sync::replay;
use crate::sync::room::{ConnectionId, Edit, Effect, Member, Permission, Read, Room};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What reaches a room from outside.
pub enum Input {
    /// Somebody has connected.
    Connect(ConnectionId, Member, Arc<Outbox>),
    /// They sent a frame. The permit is the frame's share of the server's memory for input.
    Frame(ConnectionId, Bytes, OwnedSemaphorePermit),
    /// What they may do has changed.
    Permit(ConnectionId, Permission),
    /// They have gone.
    Disconnect(ConnectionId),
    /// The server itself edits, in this name.
    Write(Author, Edit, oneshot::Sender<Result<Sequence, RefusalCode>>),
    /// The server itself reads what the disk holds.
    Read(Read),
}

/// What a room needs from the world.
pub struct World {
    /// The durable log.
    pub store: Arc<dyn Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The server's own Yjs client ids, fresh at every call.
    pub writer: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Where rooms note that their document has changed.
    pub changed: Arc<Changed>,
}

/// What the task is waiting for the store to do.
enum Pending {
    Nothing,
    Append(BoxFuture<'static, Result<Sequence, StoreError>>),
    Reload(BoxFuture<'static, Loaded>),
}

enum Done {
    Appended(Result<Sequence, StoreError>),
    Reloaded(Loaded),
}

/// One room's task.
pub struct RoomTask {
    document: DocumentId,
    kind: DocumentKind,
    world: Arc<World>,
    room: Room,
    inbox: mpsc::Receiver<Input>,
    fanout: Arc<Fanout>,
    outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    /// Permits of frames that wait in the room; freed when it has taken them.
    permits: Vec<OwnedSemaphorePermit>,
    writes: HashMap<u64, oneshot::Sender<Result<Sequence, RefusalCode>>>,
    next_ticket: u64,
    pace: Pace,
    /// Zero of the pace's time, which no correction of the wall clock moves.
    started: Instant,
    /// Until when edits wait for company; decided once a turn, because time goes on.
    held_until_ms: Option<u64>,
    /// Somebody waits for an answer that is not an acknowledgement; edits go with it.
    urgent: bool,
    pending: Pending,
    /// A snapshot on its way, and what it covers.
    compaction: Option<(Sequence, JoinHandle<bool>)>,
    health: watch::Receiver<Health>,
    effects: Vec<Effect>,
    scratch: Scratch,
}

impl RoomTask {
    /// A room that is loaded and has nobody in it.
    pub fn new(
        document: DocumentId,
        kind: DocumentKind,
        world: Arc<World>,
        loaded: &Loaded,
        inbox: mpsc::Receiver<Input>,
        fanout: Arc<Fanout>,
    ) -> Self {
        let room = Room::open(document, kind, loaded, (world.writer)())
            .recovering_until(world.store.recovering_until_ms());
        if let Some(damage) = &loaded.damage {
            tracing::error!(%document, damage, "document is damaged and opens read-only");
        }
        Self {
            document,
            kind,
            room,
            inbox,
            fanout,
            outboxes: HashMap::new(),
            permits: Vec::new(),
            writes: HashMap::new(),
            next_ticket: 0,
            pace: Pace::default(),
            started: Instant::now(),
            held_until_ms: None,
            urgent: false,
            pending: Pending::Nothing,
            compaction: None,
            health: world.store.health(),
            effects: Vec::new(),
            scratch: Scratch::default(),
            world,
        }
    }

    /// Runs until `may_end`, asked whenever the room has been idle for a while, says yes.
    pub async fn run(mut self, may_end: impl Fn() -> bool + Send) {
        self.heed_health();
        let idle = Duration::from_millis(limits::ROOM_IDLE_MS);
        let mut idle_since = Instant::now();
        loop {
            let tick = self.until_tick();
            tokio::select! {
                biased;
                done = next(&mut self.pending) => {
                    self.pending = Pending::Nothing;
                    match done {
                        Done::Appended(result) => {
                            if let Err(error) = &result {
                                tracing::warn!(document = %self.document, %error, "append failed");
                            }
                            let failed = result.is_err();
                            self.room.stored(result, &mut self.effects);
                            self.world.changed.note(self.document);
                            if failed {
                                // The store may have recovered before this answer was read; then
                                // nobody would say so again.
                                self.heed_health();
                            }
                        }
                        Done::Reloaded(loaded) => {
                            let writer = (self.world.writer)();
                            self.room.reloaded(self.kind, &loaded, writer, &mut self.effects);
                            self.world.changed.note(self.document);
                            // The store may have recovered before its failure was told here.
                            self.heed_health();
                        }
                    }
                }
                (upto, done) = finished(&mut self.compaction) => {
                    self.compaction = None;
                    self.room.compacted(upto, done);
                }
                _ = self.health.changed() => self.heed_health(),
                input = self.inbox.recv(), if self.permits.len() < limits::ROOM_INBOX_MAX => {
                    // Both ends are held by the registry, which ends this task by `may_end`.
                    let Some(input) = input else { return };
                    self.take(input);
                    for _ in 0..limits::ROOM_INBOX_MAX {
                        let Ok(input) = self.inbox.try_recv() else { break };
                        self.take(input);
                    }
                }
                () = tokio::time::sleep(tick) => {}
            }
            let now_ms = self.world.clock.now_ms();
            if self.presence_may_go(now_ms) {
                self.room.tick(now_ms, &mut self.effects);
            }
            self.held_until_ms = self.hold();
            let takes = self.held_until_ms.is_none() && matches!(self.pending, Pending::Nothing);
            if takes {
                self.room.advance(now_ms, &mut self.effects);
            }
            self.perform();
            if takes && !matches!(self.pending, Pending::Reload(_)) {
                self.permits.clear();
                self.urgent = false;
            }
            if !self.outboxes.is_empty() || !self.room.is_idle() {
                idle_since = Instant::now();
            } else if idle_since.elapsed() >= idle && may_end() {
                return;
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Connect(id, member, outbox) => {
                self.outboxes.insert(id, outbox);
                self.room.connect(id, member);
            }
            Input::Frame(id, frame, permit) => {
                self.urgent |= frame::asks(&frame);
                self.permits.push(permit);
                self.room.receive(id, frame);
            }
            Input::Permit(id, permission) => {
                self.urgent = true;
                self.room.permit(id, permission);
            }
            Input::Disconnect(id) => {
                self.outboxes.remove(&id);
                self.room.disconnect(id);
            }
            Input::Write(author, edit, answer) => {
                self.urgent = true;
                self.next_ticket += 1;
                self.writes.insert(self.next_ticket, answer);
                self.room.write(self.next_ticket, author, edit);
            }
            Input::Read(read) => {
                self.urgent = true;
                self.room.read(read);
            }
        }
    }

    /// Edits wait for company, and nobody for anything else. What is written for one reader alone
    /// needs no company.
    fn hold(&self) -> Option<u64> {
        let waits = !self.permits.is_empty()
            && !self.urgent
            && self.outboxes.len() > 1
            && matches!(self.pending, Pending::Nothing);
        let until_ms = self.pace.next_ms();
        (waits && self.elapsed_ms() < until_ms).then_some(until_ms)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Presence shares a write with the edit that is on its way, if there is one.
    fn presence_may_go(&self, now_ms: u64) -> bool {
        let comes = !self.permits.is_empty() || matches!(self.pending, Pending::Append(_));
        let is_here = |effect: &Effect| matches!(effect, Effect::Broadcast { .. });
        let late = |due_ms: u64| now_ms >= due_ms.saturating_add(limits::PRESENCE_GRACE_MS);
        !comes || self.effects.iter().any(is_here) || self.room.tick_at_ms().is_some_and(late)
    }

    fn perform(&mut self) {
        let mut for_all = false;
        let mut for_some = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Append(append) => {
                    self.pace.begin(self.elapsed_ms(), append.deltas.len());
                    let store = Arc::clone(&self.world.store);
                    self.pending =
                        Pending::Append(Box::pin(async move { store.append(append).await }));
                }
                Effect::Reload => {
                    let store = Arc::clone(&self.world.store);
                    let document = self.document;
                    self.pending = Pending::Reload(Box::pin(load_patiently(store, document)));
                }
                Effect::Broadcast { frame, except } => {
                    self.fanout.push(frame, except);
                    for_all = true;
                }
                Effect::Joined(id) => {
                    if let Some(outbox) = self.outboxes.get(&id) {
                        outbox.join(self.fanout.head());
                    }
                }
                Effect::Send(id, frame) => {
                    if let Some(outbox) = self.outboxes.get(&id) {
                        outbox.queue(frame);
                        for_some.push(id);
                    }
                }
                Effect::Close(id, code) => {
                    if let Some(outbox) = self.outboxes.get(&id) {
                        outbox.close(code);
                    }
                }
                Effect::Compact { upto, snapshot, .. } => self.compact(upto, snapshot),
                Effect::Written(ticket, result) => {
                    // Whoever asked may have gone; the edit is stored all the same.
                    if let Some(answer) = self.writes.remove(&ticket)
                        && answer.send(result).is_err()
                    {
                        tracing::debug!(document = %self.document, "nobody awaits this write");
                    }
                }
            }
        }
        // Last, so that a reader gets everything with one system call.
        let (fanout, scratch) = (&self.fanout, &mut self.scratch);
        if for_all {
            for (id, outbox) in &self.outboxes {
                outbox.flush(*id, fanout, scratch);
            }
        } else {
            for id in for_some {
                if let Some(outbox) = self.outboxes.get(&id) {
                    outbox.flush(id, fanout, scratch);
                }
            }
        }
    }

    fn compact(&mut self, upto: Sequence, snapshot: Bytes) {
        let store = Arc::clone(&self.world.store);
        // By itself, so that it goes on where the room ends meanwhile.
        let compacting = tokio::spawn(compact(store, self.document, upto, snapshot));
        self.compaction = Some((upto, compacting));
    }

    /// Whether the document is damaged: nobody may write to it.
    pub fn is_damaged(&self) -> bool {
        self.room.unwritable() == Some(RefusalCode::ReadOnly)
    }

    fn heed_health(&mut self) {
        let writable = matches!(*self.health.borrow_and_update(), Health::Writable);
        self.room.store_is_writable(writable, &mut self.effects);
    }

    fn until_tick(&self) -> Duration {
        let idle = if self.outboxes.is_empty() { 1_000 } else { 10_000 };
        let now_ms = self.world.clock.now_ms();
        let comes = !self.permits.is_empty() || matches!(self.pending, Pending::Append(_));
        let grace = if comes { limits::PRESENCE_GRACE_MS } else { 0 };
        let tick = self.room.tick_at_ms();
        let tick = tick.map(|at_ms| at_ms.saturating_add(grace).saturating_sub(now_ms));
        let begin = self.held_until_ms.map(|at_ms| at_ms.saturating_sub(self.elapsed_ms()));
        let next = tick.into_iter().chain(begin).min();
        let wait_ms = next.map_or(idle, |wait_ms| wait_ms.clamp(1, idle));
        Duration::from_millis(wait_ms)
    }
}

/// The next answer of the store; never, while nothing was asked.
async fn next(pending: &mut Pending) -> Done {
    match pending {
        Pending::Nothing => std::future::pending().await,
        Pending::Append(append) => Done::Appended(append.await),
        Pending::Reload(load) => Done::Reloaded(load.await),
    }
}

/// The end of a compaction; never, while there is none.
async fn finished(compaction: &mut Option<(Sequence, JoinHandle<bool>)>) -> (Sequence, bool) {
    match compaction {
        None => std::future::pending().await,
        Some((upto, compacting)) => (*upto, compacting.await.unwrap_or(false)),
    }
}

/// A snapshot counts only when it says what the log says, both as they are read back: the log from
/// the disk, the snapshot from its bytes. Its base is the snapshot that it was compared with.
async fn compact(
    store: Arc<dyn Store>,
    document: DocumentId,
    upto: Sequence,
    snapshot: Bytes,
) -> bool {
    let done = async {
        let loaded = store.load(document, 0).await?;
        let base = loaded.snapshot.as_ref().map_or(0, |(at, _)| *at);
        let offered = snapshot.clone();
        let checked =
            tokio::task::spawn_blocking(move || replay::is_true(&loaded, upto, &offered)).await;
        match checked {
            Ok(true) => store.compact(document, base, upto, snapshot).await,
            _ if base >= upto => Ok(false),
            _ => Err(StoreError::Fatal("the snapshot does not say what the log says".to_owned())),
        }
    };
    let done = done.await;
    match &done {
        Ok(true) => tracing::debug!(%document, upto, "compacted"),
        Ok(false) => tracing::debug!(%document, upto, "compacted by somebody else"),
        Err(StoreError::Fatal(error)) => tracing::error!(%document, upto, error, "not compacted"),
        Err(error) => tracing::warn!(%document, %error, "compaction failed"),
    }
    done.unwrap_or(false)
}

/// Reading works while writing does not; where even reading fails, it is tried until it succeeds.
async fn load_patiently(store: Arc<dyn Store>, document: DocumentId) -> Loaded {
    let mut wait = Duration::from_millis(100);
    loop {
        match store.load(document, 0).await {
            Ok(loaded) => return loaded,
            Err(error) => tracing::error!(%document, %error, "cannot load; trying again"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

#[cfg(test)]
mod tests;
