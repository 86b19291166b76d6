//! One board of the server, without sockets and disk, and the pipe to Node that judges it.

#![allow(dead_code, reason = "each of the tests uses its part")]

use bytes::Bytes;
use rand::Rng;
use sangam::store::{Append, Author, ClientId, Loaded, Stored};
use sangam::sync::replay::Replay;
use sangam::sync::room::{ConnectionId, Dialect, Effect, Member, Permission, Room};
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::schema::DocumentKind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use uuid::Uuid;
use yrs::types::ToJson;
use yrs::{Doc, GetString, ReadTxn, StateVector, Transact};

/// One board on an imaginary disk.
pub(crate) struct Board {
    room: Room,
    /// What was stored.
    pub(crate) log: Vec<Stored>,
    claims: Vec<(ClientId, Author)>,
    joined: BTreeSet<ConnectionId>,
    /// How often memory was thrown away.
    pub(crate) reloads: u64,
}

impl Board {
    pub(crate) fn new() -> Self {
        let room = open(&Loaded::default(), 1);
        Self { room, log: Vec::new(), claims: Vec::new(), joined: BTreeSet::new(), reloads: 0 }
    }

    pub(crate) fn connect(&mut self, who: u8) {
        let member = Member {
            author: Author::Person(PersonId(Uuid::from_u128(u128::from(who) + 1))),
            permission: Permission::Write,
            dialect: Dialect::Sangam,
            user: Value::Null,
        };
        self.room.connect(ConnectionId(u64::from(who)), member);
    }

    pub(crate) fn disconnect(&mut self, who: u8) {
        let id = ConnectionId(u64::from(who));
        self.joined.remove(&id);
        self.room.disconnect(id);
        // Its id is used again here, as no server does: so it leaves at once.
        self.room.advance(0, &mut Vec::new());
    }

    /// One frame, stored at once; returns who hears what. `None` closes a connection.
    pub(crate) fn hear(&mut self, who: u8, frame: &[u8]) -> Vec<(ConnectionId, Option<Bytes>)> {
        let mut effects = Vec::new();
        let mut heard = Vec::new();
        self.room.receive(ConnectionId(u64::from(who)), Bytes::copy_from_slice(frame));
        self.room.advance(0, &mut effects);
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Append(append) => {
                        let first = self.append(append);
                        self.room.stored(Ok(first), &mut next);
                    }
                    Effect::Broadcast { frame, except } => {
                        let readers = self.joined.iter().filter(|id| Some(**id) != except);
                        heard.extend(readers.map(|id| (*id, Some(frame.clone()))));
                    }
                    Effect::Joined(id) => {
                        self.joined.insert(id);
                    }
                    Effect::Send(id, frame) => heard.push((id, Some(frame))),
                    Effect::Close(id, _) => heard.push((id, None)),
                    Effect::Compact { .. } => {}
                    Effect::Reload => {
                        self.reloads += 1;
                        let loaded = self.loaded(None, &self.log);
                        self.room.reloaded(DocumentKind::Board, &loaded, 1, &mut next);
                    }
                    Effect::Written(ticket, _) => panic!("nobody wrote {ticket}"),
                }
            }
            effects = next;
        }
        heard
    }

    fn append(&mut self, append: Append) -> u64 {
        let first = self.log.len() as u64 + 1;
        assert_eq!(append.expected_head + 1, first);
        let sequences = first..;
        self.log.extend(
            sequences.zip(append.deltas).map(|(sequence, delta)| Stored { sequence, delta }),
        );
        self.claims.extend(append.claims);
        first
    }

    fn loaded(&self, snapshot: Option<(u64, Bytes)>, tail: &[Stored]) -> Loaded {
        Loaded {
            snapshot,
            tail: tail.to_vec(),
            head: self.log.len() as u64,
            claims: self.claims.clone(),
            damage: None,
        }
    }

    /// A disk has harmed the log, and its checks did not see it: the board opens, read-only perhaps,
    /// and whatever it says can be read and encoded. Says whether it takes edits.
    pub(crate) fn reads_damaged(
        &self,
        other: &[u8],
        harm: impl FnOnce(&[u8]) -> Vec<u8>,
        rng: &mut impl Rng,
    ) -> bool {
        let mut log = self.log.clone();
        let Some(at) = log.len().checked_sub(1).map(|last| rng.random_range(0..=last)) else {
            return true;
        };
        match rng.random_range(0..6) {
            0 => drop(log.remove(at)),
            1 => {
                let to = rng.random_range(0..log.len());
                log.swap(at, to);
            }
            2 => log[at].delta.update = Bytes::copy_from_slice(other),
            _ => {
                let harmed = harm(&log[at].delta.update);
                log[at].delta.update = harmed.into();
            }
        }
        let room = open(&self.loaded(None, &log), 5);
        let again = state(room.doc());
        canonical(room.doc());
        let mut replay = Replay::default();
        let whole = log.iter().all(|stored| replay.take(&stored.delta.update).is_ok());
        if whole {
            replay.said().expect("what was applied can be read");
        }
        if room.unwritable().is_none() {
            let mut fresh = Replay::default();
            fresh.take(&again).expect("a document's state reads back");
        }
        room.unwritable().is_none()
    }

    /// The live document.
    pub(crate) fn doc(&self) -> &Doc {
        self.room.doc()
    }

    /// Reads the board back from its log, and from a snapshot in its middle and the tail after it.
    /// Returns what either says, and the state.
    pub(crate) fn load(&self) -> ([String; 2], Vec<u8>) {
        let (half, tail) = self.log.split_at(self.log.len() / 2);
        let middle = open(&self.loaded(None, half), 2);
        let snapshot = (!half.is_empty()).then(|| (half.len() as u64, state(middle.doc()).into()));
        let whole = open(&self.loaded(None, &self.log), 3);
        let resumed = open(&self.loaded(snapshot, tail), 4);
        for room in [&whole, &resumed] {
            assert_eq!(room.unwritable(), None, "what was stored reads back");
        }
        let said = [canonical(whole.doc()), canonical(resumed.doc())];
        let memory = canonical(self.room.doc());
        if said[0] != memory {
            for stored in &self.log {
                println!("{:02x?}", &stored.delta.update[..]);
            }
        }
        assert_eq!(said[0], memory, "the log says what memory says");
        (said, state(whole.doc()))
    }
}

fn open(loaded: &Loaded, writer: ClientId) -> Room {
    Room::open(DocumentId(Uuid::from_u128(7)), DocumentKind::Board, loaded, writer)
}

pub(crate) fn state(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_diff_v1(&StateVector::default())
}

/// As `tests/differential/canonical.mjs` writes it.
pub(crate) fn canonical(doc: &Doc) -> String {
    let texts = ["question", "minutes"].map(|name| (name, doc.get_or_insert_text(name)));
    let tables =
        ["practices", "ideas", "clusters", "plans"].map(|name| (name, doc.get_or_insert_map(name)));
    let txn = doc.transact();
    let mut roots = serde_json::Map::new();
    for (name, text) in texts {
        roots.insert(name.to_owned(), text.get_string(&txn).into());
    }
    for (name, table) in tables {
        let json = serde_json::to_value(table.to_json(&txn)).expect("a board is JSON");
        roots.insert(name.to_owned(), tidy(json));
    }
    Value::Object(roots).to_string()
}

/// Leaves out what is empty, and writes whole numbers as JavaScript does.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, held)| !held.is_null())
                .map(|(key, held)| (key, tidy(held)))
                .collect(),
        ),
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => Value::from(float as i64),
            _ => Value::Number(number),
        },
        other => other,
    }
}

/// An author who means harm can make their own words stand elsewhere on a replica that applies
/// edits in another order (ADR 3), but nothing is lost or added.
pub(crate) fn letters(said: &str) -> String {
    let mut letters: Vec<char> = said.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

/// A number from the environment.
pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

pub(crate) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).expect("a short message").to_le_bytes());
    out.extend(bytes);
}

pub(crate) fn read(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut header = [0; 4];
    from.read_exact(&mut header).ok()?;
    let mut body = vec![0; u32::from_le_bytes(header) as usize];
    from.read_exact(&mut body).ok()?;
    Some(body)
}
