//! One live document as a state machine: `(state, input, now) → effects`, without I/O.
//!
//! Inputs that arrive while a batch is being stored wait. When it is on disk, the batch goes out as
//! one merged delta, its authors get their acknowledgements, and those who wait to join get a state
//! that holds nothing but stored edits. So "durable" and "in memory" are the same thing at every
//! moment at which anybody is told anything, and a busy room batches by itself.
//!
//! `room_task` drives it in the server; the simulator drives it in the tests.

mod content;

use crate::store::{Append, Author, ClientId, Delta, Loaded, Sequence, StoreError};
use crate::sync::frame::{self, ClientMessage};
use crate::sync::guard;
use crate::sync::presence::{Claim, Presence};
use bytes::Bytes;
use content::{Content, Taken, Whose};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use sangam_shared::message::{Refusal, RefusalCode, close};
use sangam_shared::schema::DocumentKind;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One connection of one room; unique for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Whether a connection's edits are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It may read.
    Read,
    /// It may read and write.
    Write,
}

/// Which dialect a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A stock Yjs client: standard messages alone.
    Stock,
    /// Our own provider: acknowledgements and refusals as well.
    Sangam,
}

/// Who a connection is, as the server knows it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Whose edits these are.
    pub author: Author,
    /// What it may do.
    pub permission: Permission,
    /// How to talk to it.
    pub dialect: Dialect,
    /// What presence says of it, as JSON: id, name, role, site.
    pub user: serde_json::Value,
}

/// What the room asks of the world.
#[derive(Debug)]
pub enum Effect {
    /// Store this, then say [`Room::stored`].
    Append(Append),
    /// Load the document afresh, then say [`Room::reloaded`].
    Reload,
    /// For everybody who has joined, but for `except`.
    Broadcast {
        /// The frame.
        frame: Bytes,
        /// The author, where the frame holds nothing but their own edits.
        except: Option<ConnectionId>,
    },
    /// Broadcasts from here on are for this connection too.
    Joined(ConnectionId),
    /// For one connection.
    Send(ConnectionId, Bytes),
    /// End this connection.
    Close(ConnectionId, u16),
    /// Offer the store this snapshot, then say [`Room::compacted`].
    Compact {
        /// The sequence of the present snapshot; 0 where there is none.
        base: Sequence,
        /// What the new one covers.
        upto: Sequence,
        /// The state as one update.
        snapshot: Bytes,
    },
    /// An edit of the server itself is done: stored, or not.
    Written(u64, Result<Sequence, RefusalCode>),
}

/// A change that the server itself makes, inside one transaction of the document.
pub type Edit = Box<dyn FnOnce(&yrs::Doc, &mut yrs::TransactionMut<'_>) + Send>;

/// The server itself reads, at a moment at which the document holds what the disk holds.
pub type Read = Box<dyn FnOnce(&yrs::Doc) + Send>;

enum Waiting {
    Frame(ConnectionId, Bytes),
    Write(u64, Author, Edit),
    Read(Read),
    Leave(ConnectionId),
}

/// One live document.
pub struct Room {
    document: DocumentId,
    content: Content,
    head: Sequence,
    snapshot_at: Sequence,
    /// The head at which the next snapshot is offered; `None` while one is on its way.
    compact_at: Option<Sequence>,
    compact_after: Sequence,
    /// Until when a large batch makes the room a busy one; 0 where it is calm.
    busy_until_ms: u64,
    connections: BTreeMap<ConnectionId, Connection>,
    presence: Presence,
    waiting: VecDeque<Waiting>,
    batch: Batch,
    phase: Phase,
    unwritable: Option<RefusalCode>,
    recovering_until_ms: u64,
}

struct Connection {
    member: Member,
    /// Sync messages 1 and 2 received so far.
    received: u64,
    /// How many of them were acknowledged.
    acknowledged: u64,
    joined: bool,
}

/// What has been applied in memory and is not on disk yet.
#[derive(Default)]
struct Batch {
    deltas: Vec<Delta>,
    claims: Vec<(ClientId, Author)>,
    answers: BTreeMap<ConnectionId, Answers>,
    /// Who is to be asked for what we lack.
    ask: BTreeSet<ConnectionId>,
    joins: Vec<(ConnectionId, Bytes)>,
    writes: Vec<u64>,
    reads: Vec<Read>,
    /// The only connection whose edits are in it, while there is only one.
    only: Only,
}

/// What one connection is to be told when the batch is on disk.
#[derive(Default)]
struct Answers {
    /// Its last message that was taken or refused.
    last: u64,
    /// Which of them were refused, in order. Nobody hears of a refusal before the acknowledgement
    /// of what went before: a client takes it for a refusal of all that is not acknowledged.
    refused: Vec<(u64, RefusalCode)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Only {
    #[default]
    Nobody,
    One(ConnectionId),
    Several,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Memory and disk agree.
    Settled,
    /// A batch is on its way to disk.
    Storing,
    /// Memory may hold what the disk does not: it is being thrown away.
    Reloading,
}

impl Room {
    /// A room over what the store has. `writer` is the server's own Yjs client id, fresh for
    /// every opening, so that a clock is never used twice.
    #[must_use]
    pub fn open(
        document: DocumentId,
        kind: DocumentKind,
        loaded: &Loaded,
        writer: ClientId,
    ) -> Self {
        let content = Content::load(kind, loaded, writer);
        let snapshot_at = loaded.snapshot.as_ref().map_or(0, |(at, _)| *at);
        Self {
            document,
            unwritable: content.damage().is_some().then_some(RefusalCode::ReadOnly),
            content,
            head: loaded.head,
            snapshot_at,
            compact_at: Some(snapshot_at + limits::COMPACT_AFTER_DELTAS),
            compact_after: limits::COMPACT_AFTER_DELTAS,
            busy_until_ms: 0,
            connections: BTreeMap::new(),
            presence: Presence::default(),
            waiting: VecDeque::new(),
            batch: Batch::default(),
            phase: Phase::Settled,
            recovering_until_ms: 0,
        }
    }

    /// The same room, over a log that a backup was put back into: edits were acknowledged that it
    /// lacks, by their authors and by the server. Devices have them, and each offers all that it
    /// has; so an answer to our sync step 1 may hold what others wrote, until this moment.
    #[must_use]
    pub fn recovering_until(mut self, until_ms: u64) -> Self {
        self.recovering_until_ms = until_ms;
        self
    }

    /// The same room, with a snapshot after so many deltas instead of the usual number.
    #[must_use]
    pub fn compacting_after(mut self, deltas: Sequence) -> Self {
        self.compact_after = deltas;
        self.compact_at = Some(self.snapshot_at + deltas);
        self
    }

    /// Somebody has connected. They get nothing before they ask with sync step 1.
    pub fn connect(&mut self, id: ConnectionId, member: Member) {
        self.connections
            .insert(id, Connection { member, received: 0, acknowledged: 0, joined: false });
    }

    /// Somebody has gone. What they sent before still counts: it waits its turn, and they with it.
    pub fn disconnect(&mut self, id: ConnectionId) {
        // Now, for everybody else; and again when what they sent before has been heard.
        self.presence.leave(id);
        self.waiting.push_back(Waiting::Leave(id));
    }

    /// What somebody may do has changed. Who may write now is asked for what they wrote before.
    pub fn permit(&mut self, id: ConnectionId, permission: Permission) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.member.permission = permission;
        if permission == Permission::Write && connection.joined {
            self.batch.ask.insert(id);
        }
    }

    /// A frame has come. It waits its turn; [`Room::advance`] takes it.
    pub fn receive(&mut self, from: ConnectionId, frame: Bytes) {
        self.waiting.push_back(Waiting::Frame(from, frame));
    }

    /// The server itself wants to edit, of its own accord or on somebody's behalf; answered by
    /// [`Effect::Written`] with the same ticket.
    pub fn write(&mut self, ticket: u64, author: Author, edit: Edit) {
        self.waiting.push_back(Waiting::Write(ticket, author, edit));
    }

    /// The server itself wants to read.
    pub fn read(&mut self, read: Read) {
        self.waiting.push_back(Waiting::Read(read));
    }

    /// Takes everything that waits, unless a batch is on its way, and starts the next batch.
    pub fn advance(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        while self.phase == Phase::Settled
            && let Some(next) = self.waiting.pop_front()
        {
            match next {
                Waiting::Frame(from, bytes) => self.take_frame(from, &bytes, now_ms, out),
                Waiting::Write(ticket, author, edit) => {
                    self.take_write(ticket, author, edit, now_ms, out);
                }
                Waiting::Read(read) => self.batch.reads.push(read),
                Waiting::Leave(id) => self.forget(id),
            }
            if self.content.is_broken() {
                self.throw_away(RefusalCode::Unavailable, out);
            }
        }
        if self.phase != Phase::Settled {
            return;
        }
        if self.batch.deltas.is_empty() {
            self.settle(out);
        } else {
            self.phase = Phase::Storing;
            if self.batch.deltas.len() > limits::COMPACT_BUSY_DELTAS {
                self.busy_until_ms = now_ms.saturating_add(limits::COMPACT_CALM_MS);
            }
            out.push(Effect::Append(Append {
                document: self.document,
                expected_head: self.head,
                deltas: self.batch.deltas.clone(),
                claims: self.batch.claims.clone(),
            }));
        }
    }

    /// The answer to [`Effect::Append`].
    pub fn stored(&mut self, result: Result<Sequence, StoreError>, out: &mut Vec<Effect>) {
        debug_assert!(self.phase == Phase::Storing, "nothing was being stored");
        match result {
            Ok(_) => {
                self.head += self.batch.deltas.len() as Sequence;
                self.phase = Phase::Settled;
                self.broadcast(out);
                self.settle(out);
                self.compact(out);
            }
            Err(error) => {
                let (code, until_further_notice) = match error {
                    // Somebody else wrote: what they wrote comes with the reload, and everybody
                    // is asked for what they have.
                    StoreError::Moved { .. } => (RefusalCode::Unavailable, None),
                    StoreError::Unavailable(_) => {
                        (RefusalCode::Unavailable, Some(RefusalCode::Unavailable))
                    }
                    StoreError::Fatal(_) => (RefusalCode::ReadOnly, Some(RefusalCode::ReadOnly)),
                };
                self.unwritable = until_further_notice.or(self.unwritable);
                self.throw_away(code, out);
            }
        }
    }

    /// The answer to [`Effect::Reload`]. Readers stay where they are: what they have been sent is
    /// on disk.
    pub fn reloaded(
        &mut self,
        kind: DocumentKind,
        loaded: &Loaded,
        writer: ClientId,
        out: &mut Vec<Effect>,
    ) {
        debug_assert!(self.phase == Phase::Reloading, "no reload was asked for");
        let known = self.head;
        self.content = Content::load(kind, loaded, writer);
        self.head = loaded.head;
        self.snapshot_at = loaded.snapshot.as_ref().map_or(0, |(at, _)| *at);
        self.phase = Phase::Settled;
        if self.content.damage().is_some() {
            self.unwritable = Some(RefusalCode::ReadOnly);
        }
        // The failed append may have reached the disk after all: then readers lack it.
        let tail_begins = loaded.tail.first().map_or(loaded.head + 1, |first| first.sequence);
        if tail_begins <= known + 1 {
            let news = loaded.tail.iter().filter(|stored| stored.sequence > known);
            out.extend(news.map(|stored| Effect::Broadcast {
                frame: frame::update(&stored.delta.update),
                except: None,
            }));
        } else {
            let everybody = self.connections.keys();
            out.extend(everybody.map(|id| Effect::Close(*id, close::RESYNC)));
        }
        // Those who wait to join, and those who wait to read.
        self.settle(out);
        if self.unwritable.is_none() {
            self.ask_everybody(out);
        }
    }

    /// The answer to [`Effect::Compact`]: whether the store has that snapshot now.
    pub fn compacted(&mut self, upto: Sequence, done: bool) {
        if done {
            self.snapshot_at = self.snapshot_at.max(upto);
        }
        // After a failure not at once again: the log only grows a little longer.
        self.compact_at = Some(upto + self.compact_after);
    }

    /// The store takes writes again, or has stopped to. Asks everybody for what it missed.
    pub fn store_is_writable(&mut self, writable: bool, out: &mut Vec<Effect>) {
        match (writable, self.unwritable) {
            (true, Some(RefusalCode::Unavailable)) => {
                self.unwritable = None;
                if self.phase == Phase::Settled {
                    self.ask_everybody(out);
                }
            }
            (false, None) => self.unwritable = Some(RefusalCode::Unavailable),
            _ => {}
        }
    }

    /// Presence, at its own pace; and the snapshot that a busy room has put off.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        // Also where the clock was put back.
        if now_ms.abs_diff(self.busy_until_ms) > limits::COMPACT_CALM_MS
            || now_ms >= self.busy_until_ms
        {
            self.busy_until_ms = 0;
            if self.phase == Phase::Settled {
                self.compact(out);
            }
        }
        if let Some(frame) = self.presence.due(now_ms) {
            out.push(Effect::Broadcast { frame, except: None });
        }
    }

    /// When [`Room::tick`] is next worth calling.
    #[must_use]
    pub fn tick_at_ms(&self) -> Option<u64> {
        self.presence.due_at_ms()
    }

    /// Nobody is here and nothing is on its way: the room may be unloaded.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.connections.is_empty() && self.waiting.is_empty() && self.phase == Phase::Settled
    }

    /// Whether edits are refused for the time being, and why.
    #[must_use]
    pub fn unwritable(&self) -> Option<RefusalCode> {
        self.unwritable
    }

    /// The sequence of the last delta on disk.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// The document. Between two batches it holds what the disk holds.
    #[must_use]
    pub fn doc(&self) -> &yrs::Doc {
        self.content.doc()
    }

    fn take_frame(
        &mut self,
        from: ConnectionId,
        bytes: &Bytes,
        now_ms: u64,
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(&from) else { return };
        let Ok(message) = frame::parse(bytes) else {
            self.expel(from, close::MALFORMED, out);
            return;
        };
        match message {
            ClientMessage::SyncStep1(state_vector) => {
                if guard::state_vector(state_vector).is_err() {
                    self.expel(from, close::MALFORMED, out);
                } else if self.batch.deltas.is_empty() {
                    self.join(from, state_vector, out);
                } else {
                    let state_vector = bytes.slice_ref(state_vector);
                    self.batch.joins.push((from, state_vector));
                }
            }
            ClientMessage::SyncStep2(update) => {
                let recovering = now_ms < self.recovering_until_ms;
                let whose = if recovering { Whose::Anybodys } else { Whose::Own };
                self.take_edit(from, update, whose, now_ms, out);
            }
            ClientMessage::Update(update) => {
                self.take_edit(from, update, Whose::Own, now_ms, out);
            }
            ClientMessage::Awareness(payload) => match guard::awareness(payload) {
                Ok(entries) => {
                    let claims: Vec<_> = entries
                        .iter()
                        .map(|e| Claim { client: e.client, clock: e.clock, state: e.state })
                        .collect();
                    self.presence.hear(from, &connection.member.user, &claims, now_ms);
                }
                Err(_) => self.expel(from, close::MALFORMED, out),
            },
            ClientMessage::QueryAwareness => {
                out.extend(self.presence.everybody().map(|frame| Effect::Send(from, frame)));
            }
        }
    }

    fn take_edit(
        &mut self,
        from: ConnectionId,
        update: &[u8],
        whose: Whose,
        now_ms: u64,
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(&from) else { return };
        connection.received += 1;
        let n = connection.received;
        let member = &connection.member;
        let taken = match (member.permission, self.unwritable) {
            (Permission::Read, _) => self.content.only_known(update, RefusalCode::ReadOnly),
            (_, Some(code)) => self.content.only_known(update, code),
            (Permission::Write, None) => self.content.take(update, member.author, whose),
        };
        match taken {
            Ok(Taken::Known) => {}
            Ok(Taken::News { updates, claims }) => {
                let author = member.author;
                self.batch.add(author, now_ms, updates, claims);
                self.batch.only = match self.batch.only {
                    Only::Nobody => Only::One(from),
                    Only::One(id) if id == from => Only::One(id),
                    _ => Only::Several,
                };
            }
            Err(RefusalCode::Malformed) => {
                // What it wrote before is on its way to the disk; nobody is left to be told.
                self.batch.answers.remove(&from);
                self.refuse(from, n, RefusalCode::Malformed, out);
                self.expel(from, close::MALFORMED, out);
                if self.content.is_broken() {
                    self.throw_away(RefusalCode::Unavailable, out);
                }
                return;
            }
            Err(code) => {
                self.batch.answer(from, n).refused.push((n, code));
                if code == RefusalCode::Gap {
                    self.batch.ask.insert(from);
                }
            }
        }
        // Even an edit that we had already must not be acknowledged before the batch that may
        // hold its first copy.
        self.batch.answer(from, n);
    }

    fn take_write(
        &mut self,
        ticket: u64,
        author: Author,
        edit: Edit,
        now_ms: u64,
        out: &mut Vec<Effect>,
    ) {
        if let Some(code) = self.unwritable {
            out.push(Effect::Written(ticket, Err(code)));
            return;
        }
        match self.content.write(edit) {
            Ok(Taken::Known) => {}
            Ok(Taken::News { updates, claims }) => {
                self.batch.add(author, now_ms, updates, claims);
                self.batch.only = Only::Several;
            }
            Err(code) => {
                out.push(Effect::Written(ticket, Err(code)));
                return;
            }
        }
        self.batch.writes.push(ticket);
    }

    /// Sends the batch that has just been stored to everybody who has joined.
    fn broadcast(&mut self, out: &mut Vec<Effect>) {
        let except = match self.batch.only {
            Only::One(id) => Some(id),
            Only::Nobody | Only::Several => None,
        };
        let frame = match self.batch.deltas.as_slice() {
            [] => return,
            [one] => frame::update(&one.update),
            several => {
                let updates = several.iter().map(|delta| &delta.update[..]);
                let Ok(merged) = yrs::merge_updates_v1(updates) else {
                    // Cannot happen with bytes that we encoded; then each goes by itself.
                    out.extend(several.iter().map(|delta| Effect::Broadcast {
                        frame: frame::update(&delta.update),
                        except: None,
                    }));
                    return;
                };
                frame::update(&merged)
            }
        };
        out.push(Effect::Broadcast { frame, except });
    }

    /// Tells everybody who waits what is now true: the batch is stored, or there was none.
    fn settle(&mut self, out: &mut Vec<Effect>) {
        let batch = std::mem::take(&mut self.batch);
        for (id, answers) in batch.answers {
            for (n, code) in answers.refused {
                self.acknowledge(id, n - 1, out);
                self.refuse(id, n, code, out);
            }
            self.acknowledge(id, answers.last, out);
        }
        out.extend(batch.writes.into_iter().map(|t| Effect::Written(t, Ok(self.head))));
        for (id, state_vector) in batch.joins {
            self.join(id, &state_vector, out);
        }
        if self.unwritable.is_none() {
            for id in batch.ask {
                self.ask(id, out);
            }
        }
        for read in batch.reads {
            read(self.content.doc());
        }
    }

    fn acknowledge(&mut self, id: ConnectionId, n: u64, out: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if n > connection.acknowledged {
            connection.acknowledged = n;
            if connection.member.dialect == Dialect::Sangam {
                out.push(Effect::Send(id, frame::ack(n)));
            }
        }
    }

    /// The join barrier: the state first, then, and only then, broadcasts.
    fn join(&mut self, id: ConnectionId, state_vector: &[u8], out: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let first = !std::mem::replace(&mut connection.joined, true);
        let may_write = connection.member.permission == Permission::Write;
        out.push(Effect::Send(id, self.content.reply(state_vector)));
        if first {
            out.push(Effect::Joined(id));
        }
        if may_write && self.unwritable.is_none() {
            self.ask(id, out);
        }
        if first {
            out.extend(self.presence.everybody().map(|frame| Effect::Send(id, frame)));
        }
    }

    fn ask(&mut self, id: ConnectionId, out: &mut Vec<Effect>) {
        out.push(Effect::Send(id, self.content.question()));
    }

    fn ask_everybody(&mut self, out: &mut Vec<Effect>) {
        let mut writers: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, c)| c.joined && c.member.permission == Permission::Write)
            .map(|(id, _)| *id)
            .collect();
        writers.sort_unstable();
        for id in writers {
            self.ask(id, out);
        }
    }

    fn refuse(&self, to: ConnectionId, n: u64, code: RefusalCode, out: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get(&to) else { return };
        let frame = match connection.member.dialect {
            Dialect::Sangam => {
                let retry = matches!(
                    code,
                    RefusalCode::Gap | RefusalCode::Unavailable | RefusalCode::ForeignClient
                );
                frame::refused(&Refusal { n, code, retry })
            }
            Dialect::Stock => match code {
                RefusalCode::Gap | RefusalCode::Unavailable => return,
                _ => frame::permission_denied(reason(code)),
            },
        };
        out.push(Effect::Send(to, frame));
    }

    fn expel(&mut self, id: ConnectionId, code: u16, out: &mut Vec<Effect>) {
        self.forget(id);
        out.push(Effect::Close(id, code));
    }

    fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.presence.leave(id);
    }

    /// Memory may hold what the disk does not: refuse what is in the batch, and load again.
    fn throw_away(&mut self, code: RefusalCode, out: &mut Vec<Effect>) {
        self.phase = Phase::Reloading;
        let batch = std::mem::take(&mut self.batch);
        for (id, answers) in batch.answers {
            for (n, why) in answers.refused {
                self.refuse(id, n, why, out);
            }
            self.refuse(id, answers.last, code, out);
        }
        out.extend(batch.writes.into_iter().map(|t| Effect::Written(t, Err(code))));
        self.batch =
            Batch { joins: batch.joins, reads: batch.reads, ask: batch.ask, ..Batch::default() };
        out.push(Effect::Reload);
    }

    /// Offers a snapshot when one is due. It is checked by reading the log again, which costs about
    /// as much as the edits did; so a busy room puts it off.
    fn compact(&mut self, out: &mut Vec<Effect>) {
        let put_off = if self.busy_until_ms > 0 { limits::COMPACT_PUT_OFF_DELTAS } else { 0 };
        if self.compact_at.take_if(|at| self.head >= *at + put_off).is_some() {
            out.push(Effect::Compact {
                base: self.snapshot_at,
                upto: self.head,
                snapshot: self.content.state(),
            });
        }
    }
}

impl Batch {
    fn add(
        &mut self,
        author: Author,
        at_ms: u64,
        updates: Vec<Bytes>,
        claims: Vec<(ClientId, Author)>,
    ) {
        self.deltas.extend(updates.into_iter().map(|update| Delta { author, at_ms, update }));
        self.claims.extend(claims);
    }

    /// What `id` is to be told of its n-th message, and of those before it.
    fn answer(&mut self, id: ConnectionId, n: u64) -> &mut Answers {
        let answers = self.answers.entry(id).or_default();
        answers.last = n;
        answers
    }
}

/// What a stock client's console shows; people see the message files' sentence.
fn reason(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::Malformed => "malformed update",
        RefusalCode::Gap => "earlier edits are missing",
        RefusalCode::ForeignClient => "this client id belongs to somebody else",
        RefusalCode::Schema => "the edit does not fit the document's schema",
        RefusalCode::TooLarge => "the document is full",
        RefusalCode::ReadOnly => "this document is read-only for you",
        RefusalCode::Unavailable => "the store is unavailable",
    }
}

#[cfg(test)]
mod tests;
