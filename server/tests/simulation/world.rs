//! One seed: people with devices, a server over a disk, and everything that can go wrong between
//! them, in an order that the seed decides. The room and the fan-out are the server's own; a
//! [`Flaw`] is made here, by answering their effects wrongly.

use crate::device::{Deed, Device, content, holds, new_doc, sync};
use crate::disk::Disk;
use bytes::Bytes;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam::store::{Author, Sequence, StoreError};
use sangam::sync::fanout::{Fanout, Outbox};
use sangam::sync::frame;
use sangam::sync::room::{ConnectionId, Dialect, Effect, Member, Permission, Room};
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::message::close;
use sangam_shared::schema::DocumentKind;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Map, MapPrelim, MapRef, ReadTxn, StateVector, TextPrelim, TextRef, Transact, Update};

/// A way to be wrong that the simulation must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The server as it is.
    None,
    /// The acknowledgement goes out when the write begins, not when it has ended.
    AckBeforeStore,
    /// "Saved" is said when state vectors are equal. Deletions do not move them.
    AckByStateVector,
    /// Broadcasts begin with the connection, not with the answer to sync step 1.
    BroadcastBeforeJoin,
    /// A reader that fell behind goes on at the newest frame.
    SlowReaderSkipped,
    /// The server writes under the same Yjs client id after every start.
    WriterReused,
}

/// What happened in some seeds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) edits: u64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) crashes: u64,
    pub(crate) cuts: u64,
    pub(crate) resyncs: u64,
    pub(crate) failed_writes: u64,
    pub(crate) compactions: u64,
    pub(crate) destroyed: u64,
    pub(crate) expelled: u64,
    pub(crate) restores: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.edits += other.edits;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.crashes += other.crashes;
        self.cuts += other.cuts;
        self.resyncs += other.resyncs;
        self.failed_writes += other.failed_writes;
        self.compactions += other.compactions;
        self.destroyed += other.destroyed;
        self.expelled += other.expelled;
        self.restores += other.restores;
    }
}

const PEOPLE: usize = 3;
/// Sends edits that leave holes, and forges others'.
const MALLORY: usize = 3;
/// Sends bytes that are no messages, and others' messages with bits flipped.
const VANDAL: usize = 4;

/// Frames that the server keeps for slow readers: few, so that readers fall behind.
const LOG_FRAMES: usize = 4;
/// Deltas between two snapshots: few, so that there are many.
const COMPACT_AFTER: Sequence = 6;

struct Seat {
    device: usize,
    outbox: Outbox,
    received: u64,
}

/// The server's memory: gone in a crash.
struct Server {
    room: Room,
    fanout: Fanout,
    seats: BTreeMap<ConnectionId, Seat>,
    reloading: bool,
    compaction: Option<(Sequence, Sequence, Bytes)>,
    writes: HashMap<u64, Deed>,
}

struct Owned {
    device: Device,
    person: usize,
    connection: Option<ConnectionId>,
    /// It reads seldom, as a phone does in a pocket.
    slow: bool,
    /// Its link was taken back: it never returns.
    revoked: bool,
}

/// One seed's world.
pub(crate) struct World {
    rng: ChaCha8Rng,
    flaw: Flaw,
    disk: Disk,
    server: Server,
    devices: Vec<Owned>,
    may_write: [bool; PEOPLE + 2],
    next_connection: u64,
    next_name: u64,
    now_ms: u64,
    /// What was called saved on devices that are gone, or written by the server.
    promised: Vec<Deed>,
    /// Words that somebody has struck out, saved or not.
    struck: HashSet<String>,
    /// A backup, how much was promised when it was made, and whether it was put back.
    backup: Option<(Disk, usize)>,
    recovering: bool,
    /// The last update that was broadcast: what a bad client has to play with.
    overheard: Bytes,
    effects: Vec<Effect>,
    pub(crate) counts: Counts,
}

/// Plays one seed to its end; an error says what went wrong.
pub(crate) fn play(seed: u64, flaw: Flaw) -> Result<Counts, String> {
    let mut world = World::new(seed, flaw);
    let steps = world.rng.random_range(60..260);
    for _ in 0..steps {
        world.step();
        world.heed()?;
    }
    world.calm()?;
    world.judge()?;
    Ok(world.counts)
}

fn document() -> DocumentId {
    DocumentId(Uuid::from_u128(1))
}

fn author(person: usize) -> Author {
    Author::Person(PersonId(Uuid::from_u128(person as u128 + 1)))
}

fn open(disk: &Disk, flaw: Flaw, recovering: bool, rng: &mut ChaCha8Rng) -> Server {
    let fresh = u64::from(rng.random_range(1..=u32::MAX));
    let writer = if flaw == Flaw::WriterReused { 7 } else { fresh };
    let room = Room::open(document(), DocumentKind::Board, &disk.load(), writer);
    Server {
        room: room.compacting_after(COMPACT_AFTER).recovering_until(if recovering {
            u64::MAX
        } else {
            0
        }),
        fanout: Fanout::bounded(LOG_FRAMES, 1 << 20),
        seats: BTreeMap::new(),
        reloading: false,
        compaction: None,
        writes: HashMap::new(),
    }
}

impl World {
    fn new(seed: u64, flaw: Flaw) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let disk = Disk::default();
        let server = open(&disk, flaw, false, &mut rng);
        let mut world = Self {
            rng,
            flaw,
            disk,
            server,
            devices: Vec::new(),
            may_write: [true; PEOPLE + 2],
            next_connection: 0,
            next_name: 0,
            now_ms: 1_649_400_000_000,
            promised: Vec::new(),
            struck: HashSet::new(),
            backup: None,
            recovering: false,
            overheard: Bytes::new(),
            effects: Vec::new(),
            counts: Counts::default(),
        };
        for _ in 0..world.rng.random_range(2..=4) {
            let person = world.rng.random_range(0..PEOPLE);
            world.unpack(person);
        }
        for bad in [MALLORY, VANDAL] {
            if world.rng.random_bool(0.3) {
                world.unpack(bad);
            }
        }
        world
    }

    /// A new device.
    fn unpack(&mut self, person: usize) {
        self.next_name += 1;
        let client = u64::from(self.rng.random_range(1..=u32::MAX));
        let mut device = Device::new(self.next_name, client);
        device.trusts_state_vectors = self.flaw == Flaw::AckByStateVector;
        let slow = self.rng.random_bool(0.2);
        self.devices.push(Owned { device, person, connection: None, slow, revoked: false });
    }

    fn step(&mut self) {
        self.now_ms += self.rng.random_range(0..400);
        let at = self.rng.random_range(0..self.devices.len());
        match self.rng.random_range(0..1_000) {
            0..250 => self.act(at),
            250..330 => self.connect(at),
            330..520 => self.carry_up(at),
            520..720 if self.devices[at].slow && self.rng.random_bool(0.9) => {}
            520..720 => self.carry_down(at),
            720..840 => self.sync_disk(),
            840..860 => self.compact(),
            860..880 => self.cut(at),
            880..895 => self.notice_a_cut(),
            895..915 | 966..980 => self.server_writes(),
            915..930 => self.crash(),
            930..945 => self.fill_or_empty_the_disk(),
            945..955 => self.lock_or_unlock(),
            955..958 => self.revoke(at),
            958..966 => self.destroy(at),
            980..985 => self.back_up_or_restore(),
            985..992 => self.presence(at),
            _ => self.peek(),
        }
    }

    fn act(&mut self, at: usize) {
        match self.devices[at].person {
            // The owners of Yjs client ids are in the log. Those that a restored backup lacks are
            // nobody's until they come back, and nothing can tell an edit from its forgery.
            MALLORY | VANDAL if self.recovering => {}
            MALLORY => self.attack(at),
            VANDAL => self.vandalise(at),
            _ => {
                let device = &mut self.devices[at].device;
                device.act(&mut self.rng);
                self.counts.edits += 1;
                if let Some(edit) = device.edits.last()
                    && let Deed::Struck { word, .. } = &edit.deed
                {
                    self.struck.insert(word.clone());
                }
            }
        }
    }

    fn connect(&mut self, at: usize) {
        let owned = &mut self.devices[at];
        if owned.connection.is_some() || owned.revoked {
            return;
        }
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        let permission =
            if self.may_write[owned.person] { Permission::Write } else { Permission::Read };
        let member = Member {
            author: author(owned.person),
            permission,
            dialect: Dialect::Sangam,
            user: serde_json::json!({ "id": owned.person }),
        };
        self.server.room.connect(id, member);
        let outbox = Outbox::default();
        if self.flaw == Flaw::BroadcastBeforeJoin {
            outbox.join(self.server.fanout.head());
        }
        self.server.seats.insert(id, Seat { device: at, outbox, received: 0 });
        owned.connection = Some(id);
        owned.device.connect();
    }

    /// One frame arrives at the server; sometimes several before it takes them.
    fn carry_up(&mut self, at: usize) {
        let together = self.rng.random_range(1..4);
        for _ in 0..together {
            let owned = &mut self.devices[at];
            let (Some(id), Some(link)) = (owned.connection, &mut owned.device.link) else { return };
            let Some(bytes) = link.up.pop_front() else { break };
            let Some(seat) = self.server.seats.get_mut(&id) else { return };
            seat.received += u64::from(frame::parse(&bytes).is_ok_and(|m| m.is_edit()));
            self.server.room.receive(id, bytes);
        }
        self.advance();
    }

    fn advance(&mut self) {
        self.server.room.tick(self.now_ms, &mut self.effects);
        self.server.room.advance(self.now_ms, &mut self.effects);
        self.perform();
    }

    fn perform(&mut self) {
        let server = &mut self.server;
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Append(append) => {
                    self.disk.write(append);
                    if self.flaw == Flaw::AckBeforeStore {
                        for seat in server.seats.values() {
                            seat.outbox.send(frame::ack(seat.received));
                        }
                    }
                }
                Effect::Reload => server.reloading = true,
                Effect::Broadcast { frame, except } => server.fanout.push(frame, except),
                Effect::Joined(id) => {
                    if let Some(seat) = server.seats.get(&id)
                        && self.flaw != Flaw::BroadcastBeforeJoin
                    {
                        seat.outbox.join(server.fanout.head());
                    }
                }
                Effect::Send(id, frame) => {
                    if let Some(seat) = server.seats.get(&id) {
                        seat.outbox.send(frame);
                    }
                }
                Effect::Close(id, code) => {
                    if let Some(seat) = server.seats.get(&id) {
                        seat.outbox.close(code);
                    }
                }
                Effect::Compact { base, upto, snapshot } => {
                    assert!(server.compaction.is_none(), "two compactions at once");
                    server.compaction = Some((base, upto, snapshot));
                }
                Effect::Written(ticket, result) => {
                    if let Some(deed) = server.writes.remove(&ticket)
                        && result.is_ok()
                    {
                        self.promised.push(deed);
                    }
                }
            }
        }
    }

    /// The server writes into the socket, and the device reads some of what has arrived.
    fn carry_down(&mut self, at: usize) {
        let owned = &mut self.devices[at];
        let Some(id) = owned.connection else { return };
        let Some(link) = &mut owned.device.link else { return };
        let mut code = None;
        if let Some(seat) = self.server.seats.get_mut(&id) {
            let mut frames = Vec::new();
            code = seat.outbox.take(id, &self.server.fanout, &mut frames);
            if code == Some(close::RESYNC) && self.flaw == Flaw::SlowReaderSkipped {
                code = None;
                seat.outbox = Outbox::default();
                seat.outbox.join(self.server.fanout.head());
            }
            link.down.extend(frames);
        }
        for _ in 0..self.rng.random_range(1..5) {
            let Some(link) = &mut owned.device.link else { break };
            let Some(frame) = link.down.pop_front() else { break };
            let refused = frame.first() == Some(&122);
            self.counts.refused += u64::from(refused);
            owned.device.hear(&frame);
            if frame.starts_with(&[0, 2]) {
                self.overheard = frame;
            }
        }
        if let Some(code) = code {
            // A close comes after everything that was written before it.
            while let Some(frame) = owned.device.link.as_mut().and_then(|l| l.down.pop_front()) {
                owned.device.hear(&frame);
            }
            if code == close::MALFORMED {
                self.counts.expelled += 1;
                if owned.person < PEOPLE {
                    owned.device.complain("was called malformed");
                }
            } else {
                self.counts.resyncs += 1;
            }
            self.part(at);
            self.leave(id);
        }
    }

    /// The device's end of a connection.
    fn part(&mut self, at: usize) {
        self.devices[at].connection = None;
        self.devices[at].device.link = None;
    }

    /// The server's end of a connection.
    fn leave(&mut self, id: ConnectionId) {
        if self.server.seats.remove(&id).is_some() {
            self.server.room.disconnect(id);
            self.advance();
        }
    }

    fn cut(&mut self, at: usize) {
        if self.devices[at].connection.is_some() {
            self.counts.cuts += 1;
            self.part(at);
        }
    }

    /// The server notices that a peer has gone.
    fn notice_a_cut(&mut self) {
        let open: HashSet<_> = self.devices.iter().filter_map(|owned| owned.connection).collect();
        let ghost = self.server.seats.keys().find(|id| !open.contains(id)).copied();
        if let Some(id) = ghost {
            self.leave(id);
        }
    }

    /// The disk answers, one way or the other.
    fn sync_disk(&mut self) {
        if self.server.reloading {
            self.server.reloading = false;
            let fresh = u64::from(self.rng.random_range(1..=u32::MAX));
            let writer = if self.flaw == Flaw::WriterReused { 7 } else { fresh };
            let loaded = self.disk.load();
            let kind = DocumentKind::Board;
            self.server.room.reloaded(kind, &loaded, writer, &mut self.effects);
            self.server.room.store_is_writable(!self.disk.full, &mut self.effects);
        } else if self.disk.is_writing() {
            let first = self.disk.head() + 1;
            let stored = if self.disk.sync(&mut self.rng) {
                Ok(first)
            } else {
                self.counts.failed_writes += 1;
                Err(StoreError::Unavailable("the disk is full".to_owned()))
            };
            self.server.room.stored(stored, &mut self.effects);
        }
        self.advance();
    }

    fn fill_or_empty_the_disk(&mut self) {
        self.disk.full = !self.disk.full;
        self.server.room.store_is_writable(!self.disk.full, &mut self.effects);
        self.advance();
    }

    fn compact(&mut self) {
        let Some((base, upto, snapshot)) = self.server.compaction.take() else { return };
        let done = !self.disk.full && self.rng.random_bool(0.8);
        if done {
            assert!(self.disk.compact(base, upto, snapshot), "the room does not know its snapshot");
            self.counts.compactions += 1;
        }
        self.server.room.compacted(upto, done);
    }

    fn lock_or_unlock(&mut self) {
        let person = self.rng.random_range(0..PEOPLE);
        self.may_write[person] = !self.may_write[person];
        self.tell_permission(person);
        self.advance();
    }

    fn tell_permission(&mut self, person: usize) {
        let permission = if self.may_write[person] { Permission::Write } else { Permission::Read };
        for (id, seat) in &self.server.seats {
            if self.devices[seat.device].person == person {
                self.server.room.permit(*id, permission);
            }
        }
    }

    fn revoke(&mut self, at: usize) {
        if self.devices[at].person >= PEOPLE {
            return;
        }
        if let Some(id) = self.devices[at].connection {
            self.leave(id);
        }
        self.part(at);
        self.devices[at].revoked = true;
    }

    /// A device is lost for good, the sooner after its acknowledgement the better.
    fn destroy(&mut self, at: usize) {
        if self.devices[at].person < PEOPLE {
            self.bury(at);
        }
    }

    fn bury(&mut self, at: usize) {
        self.counts.destroyed += 1;
        let person = self.devices[at].person;
        self.unpack(person);
        let gone = self.devices.swap_remove(at);
        let moved = self.devices.len();
        // The newest device now stands in its place; seats of the old one are ghosts.
        for seat in self.server.seats.values_mut() {
            if seat.device == moved {
                seat.device = at;
            }
        }
        let saved = gone.device.edits.into_iter().filter(|edit| edit.acknowledged);
        let before = self.promised.len();
        self.promised.extend(saved.map(|edit| edit.deed));
        self.counts.acknowledged += (self.promised.len() - before) as u64;
    }

    fn server_writes(&mut self) {
        self.next_name += 1;
        let ticket = self.next_name;
        let word = format!("[s{ticket}]");
        let note = Uuid::from_u128(self.rng.random()).to_string();
        let deed = Deed::Wrote { note: note.clone(), word: word.clone() };
        self.server.writes.insert(ticket, deed);
        let edit = Box::new(move |doc: &yrs::Doc, txn: &mut yrs::TransactionMut<'_>| {
            let _ = doc;
            write_note(txn, &note, &word);
        });
        self.server.room.write(ticket, Author::Server, edit);
        self.advance();
    }

    fn crash(&mut self) {
        self.counts.crashes += 1;
        self.disk.crash(&mut self.rng);
        self.start();
    }

    fn start(&mut self) {
        self.effects.clear();
        for at in 0..self.devices.len() {
            self.part(at);
        }
        self.server = open(&self.disk, self.flaw, self.recovering, &mut self.rng);
        self.server.room.store_is_writable(!self.disk.full, &mut self.effects);
        self.advance();
    }

    fn back_up_or_restore(&mut self) {
        if self.recovering {
            return;
        }
        let Some((backup, promised)) = self.backup.take() else {
            let mut copy = self.disk.clone();
            copy.crash(&mut self.rng);
            self.backup = Some((copy, self.promised.len()));
            return;
        };
        self.counts.restores += 1;
        self.disk = backup;
        self.disk.full = false;
        self.promised.truncate(promised);
        self.recovering = true;
        self.start();
        // What is told by the hello's epoch.
        self.devices.iter_mut().for_each(|owned| owned.device.doubt());
    }

    fn presence(&mut self, at: usize) {
        let Owned { device, connection: Some(id), .. } = &self.devices[at] else { return };
        let state = br#"{"cursor":1}"#;
        let mut payload = bytes::BytesMut::from(&[1][..]);
        frame::put_varint(&mut payload, device.client());
        frame::put_varint(&mut payload, self.now_ms);
        frame::put_varint(&mut payload, state.len() as u64);
        payload.extend_from_slice(state);
        self.server.room.receive(*id, frame::awareness(&payload));
        self.advance();
    }

    /// The server reads its own document: it must be what the disk holds.
    fn peek(&mut self) {
        let seen = Arc::new(Mutex::new(None));
        let into = Arc::clone(&seen);
        self.server.room.read(Box::new(move |doc| {
            let vector = doc.transact().state_vector();
            *into.lock().expect("one thread") = Some((content(doc), vector));
        }));
        self.advance();
        let Some((said, vector)) = seen.lock().expect("one thread").take() else { return };
        let disk = Room::open(document(), DocumentKind::Board, &self.disk.load(), 9);
        let stored = content(disk.doc());
        // Reads are answered before the next batch begins.
        if self.disk.is_writing() || vector != disk.doc().transact().state_vector() {
            return self.devices[0].device.complain("read what is not on disk");
        }
        if said != stored {
            self.devices[0].device.complain(&format!("read {said}, and the disk has {stored}"));
        }
    }

    /// Mallory writes well-formed edits that she should not.
    fn attack(&mut self, at: usize) {
        let victims: Vec<u64> = self
            .devices
            .iter()
            .filter(|owned| owned.person < PEOPLE)
            .map(|owned| owned.device.client())
            .filter(|client| self.disk.owns(*client))
            .collect();
        let word = format!("[m{}]", self.rng.random_range(0..1_000_000));
        let note = Uuid::from_u128(self.rng.random()).to_string();
        let victim = victims.choose(&mut self.rng).copied();
        let Owned { device, connection: Some(_), .. } = &mut self.devices[at] else { return };
        if let Some(victim) = victim
            && self.rng.random_bool(0.6)
        {
            // The victim's next edit, as Mallory would like it to be.
            let forged = new_doc(victim);
            let known = device.doc.transact().encode_diff_v1(&StateVector::default());
            let known = Update::decode_v1(&known).expect("her own document");
            forged.transact_mut().apply_update(known).expect("her own document");
            let ideas = forged.get_or_insert_map("ideas");
            let mut txn = forged.transact_mut();
            write_note_in(&ideas, &mut txn, &note, &word);
            txn.commit();
            let update = txn.encode_update_v1();
            drop(txn);
            device.post(sync(2, &update));
        } else {
            // Two edits, of which only the second is sent.
            let ideas = device.doc.get_or_insert_map("ideas");
            let mut txn = device.doc.transact_mut();
            write_note_in(&ideas, &mut txn, &note, &word);
            txn.commit();
            drop(txn);
            let mut txn = device.doc.transact_mut();
            write_note_in(&ideas, &mut txn, &Uuid::from_u128(self.rng.random()).to_string(), &word);
            txn.commit();
            let update = txn.encode_update_v1();
            drop(txn);
            device.post(sync(2, &update));
        }
    }

    fn vandalise(&mut self, at: usize) {
        let frame = if self.rng.random_bool(0.5) || self.overheard.is_empty() {
            let mut bytes = vec![0, self.rng.random_range(0..3)];
            bytes.extend((0..self.rng.random_range(0..24)).map(|_| self.rng.random::<u8>()));
            bytes
        } else {
            let mut bytes = self.overheard.to_vec();
            for _ in 0..self.rng.random_range(1..4) {
                let at = self.rng.random_range(0..bytes.len());
                bytes[at] ^= 1 << self.rng.random_range(0..8);
            }
            bytes
        };
        self.devices[at].device.post(frame.into());
    }

    /// What must hold after every step.
    fn heed(&mut self) -> Result<(), String> {
        for at in (0..self.devices.len()).rev() {
            let owned = &mut self.devices[at];
            let honest = owned.person < PEOPLE;
            if let Some(complaint) = owned.device.complaint.take()
                && honest
            {
                return Err(complaint);
            }
            let just_saved = owned.device.edits.last().is_some_and(|edit| edit.acknowledged);
            if honest && just_saved && self.rng.random_bool(0.02) {
                self.bury(at);
            }
        }
        Ok(())
    }

    /// Everything works again, and everybody who may comes back.
    fn calm(&mut self) -> Result<(), String> {
        self.disk.full = false;
        self.may_write = [true; PEOPLE + 2];
        self.server.room.store_is_writable(true, &mut self.effects);
        for person in 0..PEOPLE {
            self.tell_permission(person);
        }
        self.advance();
        for _ in 0..400 {
            let before = self.next_connection;
            for at in 0..self.devices.len() {
                if self.devices[at].person < PEOPLE {
                    self.connect(at);
                }
            }
            let mut moved = self.next_connection != before;
            while self.server.reloading || self.disk.is_writing() {
                moved = true;
                self.sync_disk();
            }
            self.notice_a_cut();
            self.compact();
            for at in 0..self.devices.len() {
                let waits = |owned: &Owned| {
                    owned.device.link.as_ref().map_or((0, 0), |l| (l.up.len(), l.down.len()))
                };
                moved |= waits(&self.devices[at]).0 > 0;
                self.carry_up(at);
                self.carry_down(at);
                moved |= waits(&self.devices[at]) != (0, 0);
            }
            self.heed_complaints()?;
            if !moved && self.is_quiet() {
                return Ok(());
            }
        }
        Err("it never comes to rest".to_owned())
    }

    fn heed_complaints(&mut self) -> Result<(), String> {
        let mut honest = self.devices.iter_mut().filter(|owned| owned.person < PEOPLE);
        match honest.find_map(|owned| owned.device.complaint.take()) {
            Some(complaint) => Err(complaint),
            None => Ok(()),
        }
    }

    fn is_quiet(&self) -> bool {
        let mut frames = Vec::new();
        for (id, seat) in &self.server.seats {
            // A ghost's outbox may hold anything.
            if self.devices[seat.device].connection == Some(*id)
                && seat.outbox.take(*id, &self.server.fanout, &mut frames).is_some()
            {
                return false;
            }
        }
        let at_home =
            |owned: &Owned| owned.person >= PEOPLE || owned.revoked || owned.connection.is_some();
        self.devices.iter().all(at_home)
            && frames.is_empty()
            && !self.disk.is_writing()
            && !self.server.reloading
    }

    /// All agree, and nothing that was called saved is missing.
    fn judge(&mut self) -> Result<(), String> {
        let truth = content(self.server.room.doc());
        let vector = self.server.room.doc().transact().state_vector();
        let restarted = Room::open(document(), DocumentKind::Board, &self.disk.load(), 11);
        let says = content(restarted.doc());
        if says != truth {
            return Err(format!("a restarted server says {says}\nthe running one {truth}"));
        }
        for owned in self.devices.iter().filter(|owned| owned.person < PEOPLE && !owned.revoked) {
            let says = content(&owned.device.doc);
            if says != truth {
                return Err(format!("a device says {says}\nthe server {truth}"));
            }
            if owned.device.doc.transact().state_vector() != vector {
                return Err("a device and the server count differently".to_owned());
            }
            if owned.device.unsaved() > 0 {
                return Err(format!("{} edits never became saved", owned.device.unsaved()));
            }
        }
        // Whoever flips bits in others' messages may hit upon a valid edit, and so cut a word
        // in two: then words prove nothing, and agreement has to do.
        if self.disk.authors.contains(&author(VANDAL)) {
            return Ok(());
        }
        let before = self.promised.len() as u64;
        for owned in self.devices.iter().filter(|owned| owned.person < PEOPLE) {
            if self.recovering && owned.revoked {
                continue;
            }
            let saved = owned.device.edits.iter().filter(|edit| edit.acknowledged);
            self.promised.extend(saved.map(|edit| edit.deed.clone()));
        }
        self.counts.acknowledged += self.promised.len() as u64 - before;
        for deed in &self.promised {
            let struck = matches!(deed, Deed::Wrote { word, .. } if self.struck.contains(word));
            if !struck && !holds(restarted.doc(), deed) {
                return Err(format!("acknowledged and lost: {deed:?}"));
            }
        }
        Ok(())
    }
}

fn write_note(txn: &mut yrs::TransactionMut<'_>, note: &str, word: &str) {
    let ideas = yrs::WriteTxn::get_or_insert_map(txn, "ideas");
    write_note_in(&ideas, txn, note, word);
}

fn write_note_in(ideas: &MapRef, txn: &mut yrs::TransactionMut<'_>, note: &str, word: &str) {
    let map: MapRef = ideas.insert(txn, note, MapPrelim::default());
    let _: TextRef = map.insert(txn, "text", TextPrelim::new(word));
    let _: MapRef = map.insert(txn, "translations", MapPrelim::default());
    map.insert(txn, "order", "a0");
}
