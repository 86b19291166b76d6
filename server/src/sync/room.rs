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
use content::{Content, Taken};
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use sangam_shared::message::{Refusal, RefusalCode, close};
use sangam_shared::schema::DocumentKind;
use std::collections::{BTreeMap, VecDeque};

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
    /// Offer the store this snapshot. No answer is awaited.
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

enum Waiting {
    Frame(ConnectionId, Bytes),
    Write(u64, Edit),
}

/// One live document.
pub struct Room {
    document: DocumentId,
    content: Content,
    head: Sequence,
    snapshot_at: Sequence,
    connections: BTreeMap<ConnectionId, Connection>,
    presence: Presence,
    waiting: VecDeque<Waiting>,
    batch: Batch,
    phase: Phase,
    unwritable: Option<RefusalCode>,
}

struct Connection {
    member: Member,
    /// Sync messages 1 and 2 received so far.
    received: u64,
    joined: bool,
}

/// What has been applied in memory and is not on disk yet.
#[derive(Default)]
struct Batch {
    deltas: Vec<Delta>,
    claims: Vec<(ClientId, Author)>,
    acknowledge: BTreeMap<ConnectionId, u64>,
    joins: Vec<(ConnectionId, Bytes)>,
    writes: Vec<u64>,
    /// The only connection whose edits are in it, while there is only one.
    only: Only,
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
        Self {
            document,
            unwritable: content.damage().is_some().then_some(RefusalCode::ReadOnly),
            content,
            head: loaded.head,
            snapshot_at: loaded.snapshot.as_ref().map_or(0, |(at, _)| *at),
            connections: BTreeMap::new(),
            presence: Presence::default(),
            waiting: VecDeque::new(),
            batch: Batch::default(),
            phase: Phase::Settled,
        }
    }

    /// Somebody has connected. They get nothing before they ask with sync step 1.
    pub fn connect(&mut self, id: ConnectionId, member: Member) {
        self.connections.insert(id, Connection { member, received: 0, joined: false });
    }

    /// Somebody has gone.
    pub fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.presence.leave(id);
    }

    /// What somebody may do has changed.
    pub fn permit(&mut self, id: ConnectionId, permission: Permission) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.member.permission = permission;
        }
    }

    /// A frame has come. It waits its turn; [`Room::advance`] takes it.
    pub fn receive(&mut self, from: ConnectionId, frame: Bytes) {
        self.waiting.push_back(Waiting::Frame(from, frame));
    }

    /// The server itself wants to edit; answered by [`Effect::Written`] with the same ticket.
    pub fn write(&mut self, ticket: u64, edit: Edit) {
        self.waiting.push_back(Waiting::Write(ticket, edit));
    }

    /// Takes everything that waits, unless a batch is on its way, and starts the next batch.
    pub fn advance(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        while self.phase == Phase::Settled
            && let Some(next) = self.waiting.pop_front()
        {
            match next {
                Waiting::Frame(from, bytes) => self.take_frame(from, &bytes, now_ms, out),
                Waiting::Write(ticket, edit) => self.take_write(ticket, edit, now_ms, out),
            }
        }
        if self.phase != Phase::Settled {
            return;
        }
        if self.batch.deltas.is_empty() {
            self.settle(out);
        } else {
            self.phase = Phase::Storing;
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
                let code = match error {
                    StoreError::Unavailable(_) => RefusalCode::Unavailable,
                    StoreError::Fatal(_) => RefusalCode::ReadOnly,
                };
                self.unwritable = Some(code);
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
        for stored in loaded.tail.iter().filter(|stored| stored.sequence > known) {
            out.push(Effect::Broadcast {
                frame: frame::update(&stored.delta.update),
                except: None,
            });
        }
        if loaded.tail.first().is_some_and(|first| first.sequence > known + 1) {
            let everybody: Vec<_> = self.connections.keys().copied().collect();
            out.extend(everybody.into_iter().map(|id| Effect::Close(id, close::RESYNC)));
        }
        let joins = std::mem::take(&mut self.batch.joins);
        for (id, state_vector) in joins {
            self.join(id, &state_vector, out);
        }
        if self.unwritable.is_none() {
            self.ask_everybody(out);
        }
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

    /// Presence, at its own pace.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
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
            ClientMessage::SyncStep2(update) | ClientMessage::Update(update) => {
                connection.received += 1;
                let n = connection.received;
                self.take_edit(from, n, update, now_ms, out);
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
        n: u64,
        update: &[u8],
        now_ms: u64,
        out: &mut Vec<Effect>,
    ) {
        let Some(member) = self.connections.get(&from).map(|c| c.member.clone()) else { return };
        let taken = match (member.permission, self.unwritable) {
            (Permission::Read, _) => self.content.only_known(update, RefusalCode::ReadOnly),
            (_, Some(code)) => self.content.only_known(update, code),
            (Permission::Write, None) => self.content.take(update, member.author),
        };
        match taken {
            Ok(Taken::Known) => {}
            Ok(Taken::News { update, claims }) => {
                self.batch.add(member.author, now_ms, update, claims);
                self.batch.only = match self.batch.only {
                    Only::Nobody => Only::One(from),
                    Only::One(id) if id == from => Only::One(id),
                    _ => Only::Several,
                };
            }
            Err(RefusalCode::Malformed) => {
                self.refuse(from, n, RefusalCode::Malformed, out);
                self.expel(from, close::MALFORMED, out);
                if self.content.is_broken() {
                    self.throw_away(RefusalCode::Unavailable, out);
                }
                return;
            }
            Err(code) => {
                self.refuse(from, n, code, out);
                if code == RefusalCode::Gap {
                    self.ask(from, out);
                }
                if self.content.is_broken() {
                    self.throw_away(RefusalCode::Unavailable, out);
                    return;
                }
            }
        }
        // Even an edit that we had already must not be acknowledged before the batch that may
        // hold its first copy.
        self.batch.acknowledge.insert(from, n);
    }

    fn take_write(&mut self, ticket: u64, edit: Edit, now_ms: u64, out: &mut Vec<Effect>) {
        if let Some(code) = self.unwritable {
            out.push(Effect::Written(ticket, Err(code)));
            return;
        }
        match self.content.write(edit) {
            Ok(Taken::Known) => {}
            Ok(Taken::News { update, claims }) => {
                self.batch.add(Author::Server, now_ms, update, claims);
                self.batch.only = Only::Several;
            }
            Err(code) => {
                out.push(Effect::Written(ticket, Err(code)));
                if self.content.is_broken() {
                    self.throw_away(RefusalCode::Unavailable, out);
                }
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
        for (id, n) in batch.acknowledge {
            let speaks = self.connections.get(&id).map(|c| c.member.dialect);
            if speaks == Some(Dialect::Sangam) {
                out.push(Effect::Send(id, frame::ack(n)));
            }
        }
        out.extend(batch.writes.into_iter().map(|t| Effect::Written(t, Ok(self.head))));
        for (id, state_vector) in batch.joins {
            self.join(id, &state_vector, out);
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
        self.disconnect(id);
        out.push(Effect::Close(id, code));
    }

    /// Memory may hold what the disk does not: refuse what is in the batch, and load again.
    fn throw_away(&mut self, code: RefusalCode, out: &mut Vec<Effect>) {
        self.phase = Phase::Reloading;
        let batch = std::mem::take(&mut self.batch);
        for (id, n) in batch.acknowledge {
            self.refuse(id, n, code, out);
        }
        out.extend(batch.writes.into_iter().map(|t| Effect::Written(t, Err(code))));
        self.batch.joins = batch.joins;
        out.push(Effect::Reload);
    }

    fn compact(&mut self, out: &mut Vec<Effect>) {
        if self.head >= self.snapshot_at + limits::COMPACT_AFTER_DELTAS {
            out.push(Effect::Compact {
                base: self.snapshot_at,
                upto: self.head,
                snapshot: self.content.state(),
            });
            self.snapshot_at = self.head;
        }
    }
}

impl Batch {
    fn add(&mut self, author: Author, at_ms: u64, update: Bytes, claims: Vec<(ClientId, Author)>) {
        self.deltas.push(Delta { author, at_ms, update });
        self.claims.extend(claims);
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
