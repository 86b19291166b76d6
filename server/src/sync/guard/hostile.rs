//! Updates that somebody wrote by hand to do harm, each by its name. The bytes are made here from
//! their parts, so that one sees what is wrong with them.

use super::*;
use crate::sync::frame::put_varint;
use bytes::{BufMut, BytesMut};
use sangam_shared::schema::BOARD;
use yrs::updates::decoder::Decode;
use yrs::{Doc, OffsetKind, Options, ReadTxn, StateVector, Transact, Update};

const NOTE_ID: &str = "0190f1e2-0000-7000-8000-00000000000a";

/// Writes structs of one client.
#[derive(Default)]
struct Structs {
    count: u64,
    bytes: BytesMut,
}

/// What an item may refer to: client and clock.
type Origin = Option<(u64, u64)>;

impl Structs {
    fn gc(mut self, len: u64) -> Self {
        self.count += 1;
        self.bytes.put_u8(0);
        put_varint(&mut self.bytes, len);
        self
    }

    /// An item after `left`, before `right`; with neither, directly in the root `minutes`.
    fn item(mut self, kind: u8, left: Origin, right: Origin, content: &[u8]) -> Self {
        self.count += 1;
        let bit = |origin: Origin, bit: u8| if origin.is_some() { bit } else { 0 };
        self.bytes.put_u8(kind | bit(left, 0x80) | bit(right, 0x40));
        for (client, clock) in [left, right].into_iter().flatten() {
            put_varint(&mut self.bytes, client);
            put_varint(&mut self.bytes, clock);
        }
        if left.is_none() && right.is_none() {
            put_varint(&mut self.bytes, 1);
            self.text("minutes");
        }
        self.bytes.extend_from_slice(content);
        self
    }

    /// An item under a key of a root, or of the map that stands at `parent`.
    fn entry(
        mut self,
        kind: u8,
        parent: Result<&str, (u64, u64)>,
        key: &str,
        content: &[u8],
    ) -> Self {
        self.count += 1;
        self.bytes.put_u8(kind | 0x20);
        match parent {
            Ok(root) => {
                put_varint(&mut self.bytes, 1);
                self.text(root);
            }
            Err((client, clock)) => {
                put_varint(&mut self.bytes, 0);
                put_varint(&mut self.bytes, client);
                put_varint(&mut self.bytes, clock);
            }
        }
        self.text(key);
        self.bytes.extend_from_slice(content);
        self
    }

    fn text(&mut self, text: &str) {
        put_varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut structs = Structs::default();
    structs.text(text);
    structs.bytes.to_vec()
}

/// An update: blocks of `(client, first clock, structs)`, deletions of `(client, clock, length)`.
fn update(blocks: &[(u64, u64, Structs)], deletes: &[(u64, u64, u64)]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put_varint(&mut bytes, blocks.len() as u64);
    for (client, clock, structs) in blocks {
        put_varint(&mut bytes, structs.count);
        put_varint(&mut bytes, *client);
        put_varint(&mut bytes, *clock);
        bytes.extend_from_slice(&structs.bytes);
    }
    put_varint(&mut bytes, deletes.len() as u64);
    for (client, clock, len) in deletes {
        put_varint(&mut bytes, *client);
        put_varint(&mut bytes, 1);
        put_varint(&mut bytes, *clock);
        put_varint(&mut bytes, *len);
    }
    bytes.to_vec()
}

fn typed(word: &str) -> Structs {
    Structs::default().item(4, None, None, &text(word))
}

fn guard_of(updates: &[&[u8]]) -> Guard {
    let mut guard = Guard::new(Schema::Roots(BOARD));
    for update in updates {
        guard.index(update).expect("the honest part is honest");
    }
    guard
}

fn refusal(guard: &Guard, update: &[u8]) -> Reason {
    guard.check(update).expect_err("it must be refused").0
}

/// yrs reads one string more than an (obsolete) JSON content declares, so that everything behind it
/// would be read otherwise than it was checked; structs that are known already included.
#[test]
fn what_yrs_reads_otherwise_is_refused() {
    let known = update(&[(5, 0, typed("a"))], &[]);
    let guard = guard_of(&[&known]);
    let json = [&[1_u8][..], &text("1")].concat();
    let smuggler =
        Structs::default().item(2, None, None, &json).item(4, Some((5, 0)), None, &text("b"));
    assert_eq!(refusal(&guard, &update(&[(5, 0, smuggler)], &[])), Reason::WrongContent);
    let open = Guard::new(Schema::Open);
    let json = Structs::default().item(2, None, None, &json);
    assert_eq!(refusal(&open, &update(&[(5, 0, json)], &[])), Reason::ContentKind);
}

/// What stands in collected parts is forgotten, but it is decoded first.
#[test]
fn collected_parts_hold_nothing_that_boards_do_not() {
    let guard = guard_of(&[]);
    for (kind, content) in [
        (5, text("1e999")),
        (6, [text("bold"), text("true")].concat()),
        (3, text("bytes")),
        (7, vec![0]),
        (7, [vec![3], text("p")].concat()),
    ] {
        let hidden = Structs::default().gc(1).item(kind, Some((5, 0)), None, &content);
        let bytes = update(&[(5, 0, hidden)], &[]);
        assert_eq!(refusal(&guard, &bytes), Reason::WrongContent, "kind {kind}");
    }
}

/// Yjs takes it for collected, yrs shows it.
#[test]
fn a_neighbour_that_is_collected_and_one_that_is_not_disagree() {
    let known = update(&[(5, 0, typed("ab"))], &[]);
    let guard = guard_of(&[&known]);
    let mixed = Structs::default().gc(1).item(4, Some((6, 0)), Some((5, 0)), &text("x"));
    assert_eq!(refusal(&guard, &update(&[(6, 0, mixed)], &[])), Reason::OriginsDisagree);
    let mixed = Structs::default().gc(1).item(4, Some((5, 0)), Some((6, 0)), &text("x"));
    assert_eq!(refusal(&guard, &update(&[(6, 0, mixed)], &[])), Reason::OriginsDisagree);
}

#[test]
fn strict_json_is_yrs_json() {
    let open = Guard::new(Schema::Open);
    for bad in ["1e999", "\"\\ud800\"", &"[".repeat(200), "undefined", "{,}"] {
        let embed = Structs::default().item(5, None, None, &text(bad));
        assert_eq!(refusal(&open, &update(&[(5, 0, embed)], &[])), Reason::Json, "{bad}");
    }
    let embed = Structs::default().item(5, None, None, &text("{\"a\":[1,2.5,null]}"));
    assert!(open.check(&update(&[(5, 0, embed)], &[])).is_ok());
}

/// yrs and every browser recurse, or search, over the clients of one update.
#[test]
fn probe_many_clients_in_one_update() {
    let n: u64 = std::env::var("N").ok().and_then(|t| t.parse().ok()).unwrap_or(19_000);
    // One author's structs stand upon one struct of each of many others.
    let mut top = Structs::default();
    let mut blocks = Vec::new();
    for client in 0..n {
        top = top.item(4, Some((client + 10, 0)), None, &text("x"));
    }
    blocks.push((1_000_000, 0, top));
    for client in 0..n {
        blocks.push((client + 10, 0, typed("y")));
    }
    let bytes = update(&blocks, &[]);
    println!("{} bytes", bytes.len());
    apply_timed(&bytes);
}

#[test]
fn probe_chain_of_clients() {
    let n: u64 = std::env::var("N").ok().and_then(|t| t.parse().ok()).unwrap_or(19_000);
    let mut blocks = Vec::new();
    for client in (0..n).rev() {
        let s = if client == 0 {
            typed("y")
        } else {
            Structs::default().item(4, Some((client + 9, 0)), None, &text("x"))
        };
        blocks.push((client + 10, 0, s));
    }
    apply_timed(&update(&blocks, &[]));
}

#[test]
fn probe_quadratic() {
    let n: u64 = std::env::var("N").ok().and_then(|t| t.parse().ok()).unwrap_or(10_000);
    let mut a = typed("y");
    for k in 0..n {
        a = a.item(4, None, Some((5, k)), &text("x"));
    }
    let mut b = Structs::default();
    for _ in 0..n {
        b = b.item(4, None, None, &text("z"));
    }
    // the same right, which is far away
    let bytes = update(&[(5, 0, a)], &[]);
    let second = update(&[(9, 0, b)], &[]);
    println!("{} bytes", second.len());
    apply_two(&bytes, &second);
    let mut a = typed("y");
    for k in 0..n {
        a = a.item(4, None, Some((5, k)), &text("x"));
    }
    let mut b = Structs::default();
    for k in 0..n {
        b = b.item(4, None, Some((5, k)), &text("z"));
    }
    let bytes = update(&[(5, 0, a), (9, 0, b)], &[]);
    println!("{} bytes, different rights", bytes.len());
    apply_timed(&bytes);
}

fn apply_two(a: &[u8], b: &[u8]) {
    let doc = Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(1))
    });
    for bytes in [a, b] {
        let t = std::time::Instant::now();
        let u = Update::decode_v1(bytes).unwrap();
        let mut txn = doc.transact_mut();
        txn.apply_update(u).unwrap();
        txn.commit();
        println!("yrs {:?}", t.elapsed());
    }
}

fn apply_timed(bytes: &[u8]) {
    let guard = guard_of(&[]);
    let t = std::time::Instant::now();
    println!("guard {:?} {:?}", guard.check(bytes).map(|c| c.has_news), t.elapsed());
    let doc = Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(1))
    });
    let t = std::time::Instant::now();
    let u = Update::decode_v1(bytes).unwrap();
    println!("decoded {:?}", t.elapsed());
    let mut txn = doc.transact_mut();
    txn.apply_update(u).unwrap();
    txn.commit();
    let delta = txn.encode_update_v1();
    drop(txn);
    println!("yrs {:?}, delta {}", t.elapsed(), delta.len());
    let state = doc.transact().encode_diff_v1(&StateVector::default());
    println!("state {}", state.len());
}
