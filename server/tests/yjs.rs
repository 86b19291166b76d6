//! Real Yjs 13 clients in Node as the oracle of guard, room and log: thousands of seeded schedules
//! of honest edits. `tests/differential/schedules.mjs` writes and judges them; this end is the
//! server. `SANGAM_SCHEDULES` and `SANGAM_SCHEDULES_SEED` choose how many, and which.

use bytes::Bytes;
use sangam::store::{Append, Author, ClientId, Loaded, Stored};
use sangam::sync::room::{ConnectionId, Dialect, Effect, Member, Permission, Room};
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::schema::DocumentKind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use uuid::Uuid;
use yrs::types::ToJson;
use yrs::{Doc, GetString, ReadTxn, StateVector, Transact};

const OPEN: u8 = 0;
const CONNECT: u8 = 1;
const FRAME: u8 = 2;
const DISCONNECT: u8 = 3;
const LOAD: u8 = 4;

/// One board on an imaginary disk.
struct Board {
    room: Room,
    log: Vec<Stored>,
    claims: Vec<(ClientId, Author)>,
    joined: BTreeSet<ConnectionId>,
    openings: u64,
}

impl Board {
    fn new() -> Self {
        let room = open(&Loaded::default(), 1);
        Self { room, log: Vec::new(), claims: Vec::new(), joined: BTreeSet::new(), openings: 1 }
    }

    fn connect(&mut self, who: u8) {
        let member = Member {
            author: Author::Person(PersonId(Uuid::from_u128(u128::from(who) + 1))),
            permission: Permission::Write,
            dialect: Dialect::Sangam,
            user: Value::Null,
        };
        self.room.connect(ConnectionId(u64::from(who)), member);
    }

    fn disconnect(&mut self, who: u8) {
        let id = ConnectionId(u64::from(who));
        self.joined.remove(&id);
        self.room.disconnect(id);
    }

    /// One frame, stored at once; returns who hears what. `None` closes a connection.
    fn hear(&mut self, who: u8, frame: &[u8]) -> Vec<(ConnectionId, Option<Bytes>)> {
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
                    other => panic!("nobody asked for {other:?}"),
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

    /// Reads the board back from its log, then from a snapshot in the middle and the tail after it;
    /// goes on with the latter. Returns what it says, and its state.
    fn load(&mut self) -> (String, Vec<u8>) {
        let head = self.log.len() as u64;
        let loaded = |snapshot, tail: &[Stored]| Loaded {
            snapshot,
            tail: tail.to_vec(),
            head,
            claims: self.claims.clone(),
            damage: None,
        };
        let (half, tail) = self.log.split_at(self.log.len() / 2);
        let middle = open(&loaded(None, half), 2);
        let snapshot = (!half.is_empty()).then(|| (half.len() as u64, state(middle.doc()).into()));
        let whole = open(&loaded(None, &self.log), 3);
        let resumed = open(&loaded(snapshot, tail), 4);
        for room in [&whole, &resumed] {
            assert_eq!(room.unwritable(), None, "what was stored reads back");
        }
        let said = canonical(whole.doc());
        assert_eq!(said, canonical(resumed.doc()), "a snapshot says what the log says");
        assert_eq!(said, canonical(self.room.doc()), "the log says what memory says");
        let state = state(whole.doc());
        self.openings += 1;
        (said, state)
    }
}

fn open(loaded: &Loaded, writer: ClientId) -> Room {
    Room::open(DocumentId(Uuid::from_u128(7)), DocumentKind::Board, loaded, writer)
}

fn state(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_diff_v1(&StateVector::default())
}

/// As `tests/differential/canonical.mjs` writes it.
fn canonical(doc: &Doc) -> String {
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

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn yjs_clients_and_our_log_agree_after_any_honest_schedule() {
    let first = setting("SANGAM_SCHEDULES_SEED", 1);
    let count = setting("SANGAM_SCHEDULES", 3_000);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/differential/schedules.mjs");
    let mut node = Command::new("node")
        .args([script, &first.to_string(), &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node runs the real Yjs");
    let mut to = node.stdin.take().expect("it is piped");
    let mut from = node.stdout.take().expect("it is piped");
    let mut board = Board::new();
    while let Some(message) = read(&mut from) {
        let (operation, rest) = message.split_first().expect("a message has an operation");
        let mut answer = Vec::new();
        match (*operation, rest) {
            (OPEN, _) => board = Board::new(),
            (CONNECT, [who]) => board.connect(*who),
            (DISCONNECT, [who]) => board.disconnect(*who),
            (FRAME, [who, frame @ ..]) => {
                for (id, frame) in board.hear(*who, frame) {
                    answer.push(u8::try_from(id.0).expect("few people"));
                    match frame {
                        Some(frame) => put(&mut answer, &frame),
                        None => answer.extend(u32::MAX.to_le_bytes()),
                    }
                }
            }
            (LOAD, _) => {
                let (said, state) = board.load();
                put(&mut answer, said.as_bytes());
                answer.extend(state);
            }
            other => panic!("unknown message {other:?}"),
        }
        let mut whole = Vec::new();
        put(&mut whole, &answer);
        to.write_all(&whole).expect("Node listens");
    }
    assert!(node.wait().expect("it was started").success(), "Yjs and the log differ: see above");
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).expect("a short message").to_le_bytes());
    out.extend(bytes);
}

fn read(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut header = [0; 4];
    from.read_exact(&mut header).ok()?;
    let mut body = vec![0; u32::from_le_bytes(header) as usize];
    from.read_exact(&mut body).ok()?;
    Some(body)
}
