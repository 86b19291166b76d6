//! Writes Yjs updates (V1) from their parts, honest or not.

#![allow(dead_code, reason = "each of the tests uses its part")]

use bytes::{BufMut, BytesMut};
use rand::Rng;
use rand::seq::IndexedRandom;
use sangam::sync::frame::put_varint;

/// A client and a clock.
pub(crate) type Id = (u64, u64);

/// Where an item without neighbours stands.
#[derive(Clone, Copy)]
pub(crate) enum Parent<'a> {
    /// In a root type.
    Root(&'a str),
    /// In the shared type that this struct is.
    Item(Id),
}

/// Writes structs of one client.
#[derive(Default)]
pub(crate) struct Structs {
    count: u64,
    bytes: BytesMut,
}

impl Structs {
    /// What was collected.
    pub(crate) fn gc(mut self, len: u64) -> Self {
        self.count += 1;
        self.bytes.put_u8(0);
        put_varint(&mut self.bytes, len);
        self
    }

    /// An item between two others.
    pub(crate) fn between(
        mut self,
        kind: u8,
        left: Option<Id>,
        right: Option<Id>,
        content: &[u8],
    ) -> Self {
        self.count += 1;
        let bit = |neighbour: Option<Id>, bit: u8| if neighbour.is_some() { bit } else { 0 };
        self.bytes.put_u8(kind | bit(left, 0x80) | bit(right, 0x40));
        for id in [left, right].into_iter().flatten() {
            self.id(id);
        }
        self.bytes.extend_from_slice(content);
        self
    }

    /// An item without neighbours, in the sequence of its parent or under a key.
    pub(crate) fn first(
        mut self,
        kind: u8,
        parent: Parent<'_>,
        key: Option<&str>,
        content: &[u8],
    ) -> Self {
        self.count += 1;
        self.bytes.put_u8(kind | if key.is_some() { 0x20 } else { 0 });
        match parent {
            Parent::Root(name) => {
                self.bytes.put_u8(1);
                self.bytes.extend_from_slice(&text(name));
            }
            Parent::Item(id) => {
                self.bytes.put_u8(0);
                self.id(id);
            }
        }
        if let Some(key) = key {
            self.bytes.extend_from_slice(&text(key));
        }
        self.bytes.extend_from_slice(content);
        self
    }

    fn id(&mut self, (client, clock): Id) {
        put_varint(&mut self.bytes, client);
        put_varint(&mut self.bytes, clock);
    }
}

/// A text with its length before it, as lib0 writes it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put_varint(&mut bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
    bytes.to_vec()
}

/// A word in the minutes.
pub(crate) fn typed(word: &str) -> Structs {
    Structs::default().first(4, Parent::Root("minutes"), None, &text(word))
}

/// An update: blocks of `(client, first clock, structs)`, deletions of `(client, clock, length)`.
pub(crate) fn update(blocks: &[(u64, u64, Structs)], deletes: &[(u64, u64, u64)]) -> Vec<u8> {
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

/// Makes updates that are well formed and often mean something, but that no honest client would
/// write: wild neighbours, halves of characters, deletions of anything.
pub(crate) struct Wild {
    /// The next clock of every client.
    clocks: Vec<(u64, u64)>,
    /// Structs that may be shared types.
    containers: Vec<Id>,
    rows: Vec<String>,
}

const ROOTS: [&str; 7] = ["minutes", "question", "ideas", "practices", "clusters", "plans", "x"];
const KEYS: [&str; 16] = [
    "text",
    "order",
    "lang",
    "clusterId",
    "translations",
    "translationMeta",
    "deletedAt",
    "name",
    "title",
    "firstStep",
    "lead",
    "milestones",
    "fr",
    "title.fr",
    "due",
    "effort",
];
const WORDS: [&str; 5] = ["a", "plan", "👍👩🏽‍💻", "é", "नमस्ते"];

impl Wild {
    /// Knows nothing yet.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        let rows = (0..3).map(|_| uuid::Uuid::from_u128(rng.random()).to_string()).collect();
        Self { clocks: Vec::new(), containers: Vec::new(), rows }
    }

    /// One update by some of `writers`.
    pub(crate) fn update(&mut self, writers: &[u64], rng: &mut impl Rng) -> Vec<u8> {
        let mut blocks = Vec::new();
        let count = rng.random_range(1..=2);
        let mut authors: Vec<u64> = writers.choose_multiple(rng, count).copied().collect();
        authors.sort_unstable_by(|a, b| b.cmp(a));
        for client in authors {
            let start = self.next(client);
            let mut structs = Structs::default();
            for _ in 0..rng.random_range(1..4) {
                structs = self.put(client, structs, rng);
            }
            blocks.push((client, start, structs));
        }
        let deletes: Vec<_> = match rng.random_range(0..3) {
            0 => {
                let (client, clock) = self.id(rng);
                vec![(client, clock, rng.random_range(1..4))]
            }
            _ => Vec::new(),
        };
        if rng.random_bool(0.1) {
            blocks.clear();
        }
        update(&blocks, &deletes)
    }

    /// Knows the document by its state vector: forgets what was refused.
    pub(crate) fn learn(&mut self, clocks: impl Iterator<Item = (u64, u32)>) {
        self.clocks = clocks.map(|(client, next)| (client, u64::from(next))).collect();
        self.clocks.sort_unstable();
        let clocks = &self.clocks;
        self.containers.retain(|(client, clock)| {
            clocks.iter().any(|(known, next)| known == client && clock < next)
        });
    }

    fn next(&self, client: u64) -> u64 {
        self.clocks.iter().find(|(known, _)| *known == client).map_or(0, |(_, next)| *next)
    }

    fn advance(&mut self, client: u64, len: u64) {
        match self.clocks.iter_mut().find(|(known, _)| *known == client) {
            Some((_, next)) => *next += len,
            None => self.clocks.push((client, len)),
        }
    }

    /// Any struct that is there, or nearly.
    fn id(&self, rng: &mut impl Rng) -> Id {
        match self.clocks.choose(rng) {
            Some((client, next)) if *next > 0 => {
                let beyond = u64::from(rng.random_bool(0.02));
                let recent = next.saturating_sub(rng.random_range(1..8)) + beyond;
                let clock = if rng.random_bool(0.6) { recent } else { rng.random_range(0..*next) };
                (*client, clock)
            }
            _ => (3, 0),
        }
    }

    fn put(&mut self, client: u64, structs: Structs, rng: &mut impl Rng) -> Structs {
        let own = (client, self.next(client));
        if rng.random_bool(0.03) {
            let len = rng.random_range(1..4);
            self.advance(client, len);
            return structs.gc(len);
        }
        let word = *WORDS.choose(rng).expect("some");
        let row = self.rows.choose(rng).expect("some").clone();
        let key = *KEYS.choose(rng).expect("some");
        let (kind, content, len) = match rng.random_range(0..20) {
            0..=9 => (4, text(word), word.encode_utf16().count() as u64),
            10..=13 => (7, vec![rng.random_range(1..=2)], 1),
            14 => {
                let len = rng.random_range(1..4_u8);
                (1, vec![len], u64::from(len))
            }
            15 => (8, [&[2, 119][..], &text("a0"), &[126]].concat(), 2),
            16 => (8, vec![1, 126], 1),
            17 => (8, vec![1, 125, rng.random_range(0..3)], 1),
            18 => (8, vec![1, 124, 0x3f, 0, 0, 0], 1),
            _ => (8, [&[1, 119][..], &text("a0")].concat(), 1),
        };
        let container = self.containers.choose(rng).copied().unwrap_or(own);
        let (left, right) = (self.id(rng), self.id(rng));
        self.advance(client, len);
        if kind == 7 {
            self.containers.push(own);
        }
        match rng.random_range(0..10) {
            0..=1 => {
                let root = *ROOTS.choose(rng).expect("some");
                let keyed = !matches!(root, "minutes" | "question");
                structs.first(kind, Parent::Root(root), keyed.then_some(&row), &content)
            }
            2..=4 => {
                let keyed = kind != 4 || rng.random_bool(0.1);
                structs.first(kind, Parent::Item(container), keyed.then_some(key), &content)
            }
            5..=6 if own.1 > 0 => structs.between(kind, Some((client, own.1 - 1)), None, &content),
            7 => structs.between(kind, Some(left), None, &content),
            8 => structs.between(kind, None, Some(right), &content),
            _ => structs.between(kind, Some(left), Some(right), &content),
        }
    }
}

/// Bytes that were honest once, and are not any more.
pub(crate) fn mutate(bytes: &[u8], other: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    /// Info bytes and content kinds, and the ends of numbers' ranges, where they hurt most.
    const SHARP: [&[u8]; 20] = [
        &[0x04],
        &[0x84],
        &[0xc4],
        &[0x27],
        &[0x07],
        &[0x28],
        &[0x01],
        &[0x81],
        &[0x00],
        &[0x0a],
        &[0x7f],
        &[0x80],
        &[0x80, 0x01],
        &[0xff, 0x7f],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x80, 0x80, 0x80, 0x80, 0x08],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
        &[0xed, 0xa0, 0x80],
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..9) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => bytes[at] = bytes[at].wrapping_sub(1),
            4 => bytes.truncate(at),
            5 if !other.is_empty() => {
                let from = rng.random_range(0..other.len());
                let to = rng.random_range(from..=other.len()).min(from + 16);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let to = (at + rng.random_range(1..6)).min(bytes.len());
                bytes.drain(at..to);
            }
            7 => {
                let to = (at + rng.random_range(1..12)).min(bytes.len());
                let again = bytes[at..to].to_vec();
                bytes.splice(to..to, again);
            }
            _ => {
                let sharp = SHARP.choose(rng).expect("some");
                bytes.splice(at..=at, sharp.iter().copied());
            }
        }
    }
    bytes
}

/// The same update by another client: its first block starts anew under this id.
pub(crate) fn with_client(update: &[u8], client: u64) -> Option<Vec<u8>> {
    let (blocks, rest) = varint(update)?;
    let (structs, rest) = varint(rest)?;
    let (_, rest) = varint(rest)?;
    let (_, rest) = varint(rest)?;
    let mut bytes = BytesMut::new();
    for number in [blocks, structs, client, 0] {
        put_varint(&mut bytes, number);
    }
    bytes.extend_from_slice(rest);
    Some(bytes.to_vec())
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(8).position(|byte| *byte < 0x80)?;
    let value =
        bytes[..=end].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, &bytes[end + 1..]))
}
