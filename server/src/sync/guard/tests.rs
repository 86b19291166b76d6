use super::*;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam_shared::schema::BOARD;
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::{
    Doc, GetString, Map, MapPrelim, MapRef, OffsetKind, Options, Out, ReadTxn, StateVector, Text,
    TextPrelim, TextRef, Transact, Update,
};

fn doc(client: u64) -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(client))
    })
}

fn uuid(rng: &mut impl Rng) -> String {
    uuid::Uuid::from_u128(rng.random()).to_string()
}

/// One honest edit, as the update that a client would send.
fn edit(doc: &Doc, rng: &mut impl Rng) -> Vec<u8> {
    let ideas = doc.get_or_insert_map("ideas");
    let minutes = doc.get_or_insert_text("minutes");
    let mut txn = doc.transact_mut();
    let mut keys: Vec<String> = ideas.keys(&txn).map(str::to_owned).collect();
    keys.sort_unstable();
    let note = keys.choose(rng).and_then(|key| match ideas.get(&txn, key) {
        Some(Out::YMap(map)) => Some((key.clone(), map)),
        _ => None,
    });
    match (rng.random_range(0..12), note) {
        (0..=3, Some((_, note))) => {
            if let Some(Out::YText(text)) = note.get(&txn, "text") {
                let at = rng.random_range(0..=text.len(&txn));
                let word = ["é", "नमस्ते", "plan ", "a", "données"].choose(rng).unwrap();
                text.insert(&mut txn, at, word);
            }
        }
        (4..=5, Some((_, note))) => {
            if let Some(Out::YText(text)) = note.get(&txn, "text") {
                let len = text.len(&txn);
                if len > 0 {
                    let at = rng.random_range(0..len);
                    let n = rng.random_range(1..=(len - at).min(4));
                    text.remove_range(&mut txn, at, n);
                }
            }
        }
        (6, Some((_, note))) => {
            note.insert(&mut txn, "deletedAt", 1_649_412_000_000_f64);
        }
        (7, Some((_, note))) => {
            note.insert(&mut txn, "order", format!("a{}", rng.random_range(0..9)));
        }
        (8, Some((key, _))) => {
            ideas.remove(&mut txn, &key);
        }
        (9..=10, _) => {
            let at = rng.random_range(0..=minutes.len(&txn));
            minutes.insert(&mut txn, at, "x");
        }
        _ => {
            let id = uuid(rng);
            let note: MapRef = ideas.insert(&mut txn, id.as_str(), MapPrelim::default());
            let _: TextRef = note.insert(&mut txn, "text", TextPrelim::new("an idea"));
            let _: MapRef = note.insert(&mut txn, "translations", MapPrelim::default());
            note.insert(&mut txn, "order", "a0");
            note.insert(&mut txn, "siteId", "paris");
        }
    }
    txn.commit();
    txn.encode_update_v1()
}

/// A document with its index, as a room has them.
struct Room {
    doc: Doc,
    guard: Guard,
}

impl Room {
    fn new() -> Self {
        Self { doc: doc(1), guard: Guard::new(Schema::Roots(BOARD)) }
    }

    fn take(&mut self, update: &[u8]) -> Result<Checked, Refused> {
        let checked = self.guard.check(update)?;
        let mut txn = self.doc.transact_mut();
        txn.apply_update(Update::decode_v1(update).expect("what the guard lets through decodes"))
            .expect("what the guard lets through applies");
        txn.commit();
        let delta = txn.encode_update_v1();
        drop(txn);
        let again = self.guard.check(update)?;
        self.guard.admit(checked, &[delta])?;
        Ok(again)
    }

    fn state(&self) -> Vec<u8> {
        self.doc.transact().encode_diff_v1(&StateVector::default())
    }

    /// The index, the document, and the document read back from its bytes say the same.
    fn agrees(&self) {
        let state = self.state();
        let mut fresh = Guard::new(Schema::Roots(BOARD));
        fresh.index(&state).expect("a document that took only checked updates reads back");
        let sorted = |guard: &Guard| {
            let mut all: Vec<_> = guard.state_vector().collect();
            all.sort_unstable();
            all
        };
        assert_eq!(sorted(&fresh), sorted(&self.guard));
        let sv = self.doc.transact().state_vector();
        for (client, clock) in self.guard.state_vector() {
            assert_eq!(sv.get(&yrs::block::ClientID::new(client)), clock);
        }
        let again = doc(2);
        let update = Update::decode_v1(&state).expect("our own state decodes");
        again.transact_mut().apply_update(update).expect("our own state applies");
        assert_eq!(content(&again), content(&self.doc));
        assert!(self.guard.check(&state).is_ok_and(|checked| !checked.has_news));
    }
}

/// What a board says, without the order of characters: an author who names neighbours in the
/// wrong order can still make their own words stand elsewhere on another replica (ADR 3).
fn content(doc: &Doc) -> String {
    let ideas = doc.get_or_insert_map("ideas");
    let practices = doc.get_or_insert_map("practices");
    let plans = doc.get_or_insert_map("plans");
    let minutes = doc.get_or_insert_text("minutes");
    let txn = doc.transact();
    let maps = [ideas, practices, plans].map(|map| serde_json::to_value(map.to_json(&txn)));
    let minutes = minutes.get_string(&txn);
    let mut all: Vec<char> = format!("{maps:?} {minutes}").chars().collect();
    all.sort_unstable();
    all.into_iter().collect()
}

/// Several honest people on one board; returns what they sent, in an order that was accepted.
fn session(seed: u64, edits: usize) -> (Room, Vec<Vec<u8>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut room = Room::new();
    let people: Vec<Doc> = (0..3).map(|i| doc(100 + i)).collect();
    let mut sent = Vec::new();
    for _ in 0..edits {
        let person = people.choose(&mut rng).unwrap();
        let update = edit(person, &mut rng);
        let taken = room.take(&update);
        assert!(taken.is_ok(), "seed {seed}: an honest edit was refused: {taken:?}");
        sent.push(update);
        if rng.random_bool(0.5) {
            let sv = person.transact().state_vector();
            let news = room.doc.transact().encode_diff_v1(&sv);
            let update = Update::decode_v1(&news).unwrap();
            person.transact_mut().apply_update(update).unwrap();
        }
    }
    // Everybody's whole state is known, deletions included, once all have met.
    for person in &people {
        let whole = person.transact().encode_diff_v1(&StateVector::default());
        assert!(room.take(&whole).is_ok(), "seed {seed}");
    }
    (room, sent)
}

#[test]
fn honest_people_are_never_refused() {
    for seed in 0..400 {
        let (room, _) = session(seed, 60);
        room.agrees();
    }
}

#[test]
fn what_is_known_is_no_news() {
    let (room, sent) = session(1, 40);
    for update in sent {
        assert!(!room.guard.check(&update).unwrap().has_news);
    }
}

#[test]
fn a_hole_is_a_gap_and_changes_nothing() {
    let author = doc(9);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let first = edit(&author, &mut rng);
    let second = edit(&author, &mut rng);
    let mut room = Room::new();
    assert_eq!(room.take(&second).unwrap_err(), Refused(Reason::Gap));
    assert_eq!(room.guard.client_count(), 0);
    room.take(&first).unwrap();
    room.take(&second).unwrap();
}

#[test]
fn five_bytes_cannot_ask_for_memory() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(state_vector(&huge).is_err());
    assert!(awareness(&huge).is_err());
    assert!(Guard::new(Schema::Open).check(&huge).is_err());
    assert!(Guard::new(Schema::Open).check(&[1, 0xff, 0xff, 0xff, 0x7f, 1, 0]).is_err());
}

#[test]
fn the_schema_is_kept() {
    type Misdeed = fn(&Doc);
    let cases: [(&str, Misdeed, Reason); 6] = [
        (
            "an unknown root",
            |d| d.get_or_insert_text("x").push(&mut d.transact_mut(), "a"),
            Reason::UnknownKey,
        ),
        (
            "a key that is no uuid",
            |d| {
                let map = d.get_or_insert_map("ideas");
                map.insert(&mut d.transact_mut(), "first", MapPrelim::default());
            },
            Reason::UnknownKey,
        ),
        (
            "a value for a container",
            |d| {
                let map = d.get_or_insert_map("ideas");
                map.insert(&mut d.transact_mut(), "0190f1e2-0000-7000-8000-00000000000a", 4);
            },
            Reason::WrongContent,
        ),
        (
            "a field that notes lack",
            |d| {
                let map = d.get_or_insert_map("ideas");
                let mut txn = d.transact_mut();
                let note: MapRef = map.insert(
                    &mut txn,
                    "0190f1e2-0000-7000-8000-00000000000a",
                    MapPrelim::default(),
                );
                note.insert(&mut txn, "role", "organiser");
            },
            Reason::UnknownKey,
        ),
        (
            "a number as an order",
            |d| {
                let map = d.get_or_insert_map("ideas");
                let mut txn = d.transact_mut();
                let note: MapRef = map.insert(
                    &mut txn,
                    "0190f1e2-0000-7000-8000-00000000000a",
                    MapPrelim::default(),
                );
                note.insert(&mut txn, "order", 4);
            },
            Reason::WrongContent,
        ),
        (
            "a text that is too long",
            |d| {
                let text = d.get_or_insert_text("question");
                text.push(&mut d.transact_mut(), &"x".repeat(limits::NOTE_CHARS_MAX + 1));
            },
            Reason::Full,
        ),
    ];
    for (what, write, reason) in cases {
        let author = doc(5);
        write(&author);
        let update = author.transact().encode_diff_v1(&StateVector::default());
        let guard = Guard::new(Schema::Roots(BOARD));
        assert_eq!(guard.check(&update).unwrap_err(), Refused(reason), "{what}");
    }
}

#[test]
fn a_note_keeps_its_text() {
    let author = doc(5);
    let ideas = author.get_or_insert_map("ideas");
    let mut txn = author.transact_mut();
    let note: MapRef =
        ideas.insert(&mut txn, "0190f1e2-0000-7000-8000-00000000000a", MapPrelim::default());
    let _: TextRef = note.insert(&mut txn, "text", TextPrelim::new("hello"));
    drop(txn);
    let mut room = Room::new();
    room.take(&author.transact().encode_diff_v1(&StateVector::default())).unwrap();
    let mut txn = author.transact_mut();
    note.remove(&mut txn, "text");
    txn.commit();
    let refused = room.guard.check(&txn.encode_update_v1()).unwrap_err();
    assert_eq!(refused, Refused(Reason::ContainerLost));
    ideas.remove(&mut txn, "0190f1e2-0000-7000-8000-00000000000a");
    txn.commit();
    let checked = room.guard.check(&txn.encode_update_v1()).unwrap();
    assert_eq!(checked.removed_rows, [5]);
}

#[test]
fn typing_costs_one_run() {
    let author = doc(5);
    let minutes = author.get_or_insert_text("minutes");
    let mut guard = Guard::new(Schema::Roots(BOARD));
    for _ in 0..10_000 {
        let mut txn = author.transact_mut();
        minutes.push(&mut txn, "x");
        txn.commit();
        guard.index(&txn.encode_update_v1()).unwrap();
    }
    assert_eq!(guard.run_count(), 1);
}

/// Bytes that were honest once, and are not any more.
fn mutate(update: &[u8], other: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = update.to_vec();
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..8) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => bytes[at] = bytes[at].wrapping_sub(1),
            4 => bytes.truncate(at),
            5 => {
                let from = rng.random_range(0..other.len());
                let to = rng.random_range(from..=other.len()).min(from + 16);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let to = (at + rng.random_range(1..6)).min(bytes.len());
                bytes.drain(at..to);
            }
            // Info bytes and content kinds, where they hurt most.
            _ => {
                bytes[at] = [0x04, 0x84, 0xc4, 0x27, 0x07, 0x28, 0x01, 0x81, 0x00, 0x0a]
                    [rng.random_range(0..10)];
            }
        }
    }
    bytes
}

/// Hostile bytes through the whole path: guard, yrs, state, guard. `SANGAM_FUZZ_CASES` and
/// `SANGAM_FUZZ_SEED` choose how many and which.
#[test]
fn hostile_bytes_break_nothing() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = setting("SANGAM_FUZZ_CASES").unwrap_or(1_000_000);
    let seed = setting("SANGAM_FUZZ_SEED").unwrap_or(20_220_408);
    println!("seed {seed}, {cases} cases");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut accepted, mut done) = (0_u64, 0_u64);
    while done < cases {
        let (mut room, sent) = session(rng.next_u64(), 30);
        let before = room.state();
        for _ in 0..2_000.min(cases - done) {
            done += 1;
            let base = if rng.random_bool(0.1) { &before } else { sent.choose(&mut rng).unwrap() };
            let other = sent.choose(&mut rng).unwrap();
            let mut bytes = mutate(base, other, &mut rng);
            // A fresh client id makes old structs new.
            if rng.random_bool(0.5) {
                let fresh = rng.random_range(200..16_000_u64);
                bytes = with_client(&bytes, fresh);
            }
            std::hint::black_box((state_vector(&bytes).is_ok(), awareness(&bytes).is_ok()));
            if room.guard.check(&bytes).is_ok_and(|checked| checked.has_news) {
                accepted += 1;
                room.take(&bytes).expect("checked a moment ago");
                room.agrees();
            }
        }
    }
    println!("{accepted} of {done} accepted");
    assert!(accepted > cases / 1_000, "the mutations are too wild to reach yrs");
}

/// Replaces the first block's client id.
fn with_client(update: &[u8], client: u64) -> Vec<u8> {
    let mut reader = Reader::new(update);
    let before = reader.left();
    if reader.varint().is_err() || reader.varint().is_err() {
        return update.to_vec();
    }
    let head = before - reader.left();
    if reader.varint().is_err() {
        return update.to_vec();
    }
    let tail = before - reader.left();
    let mut bytes = bytes::BytesMut::from(&update[..head]);
    crate::sync::frame::put_varint(&mut bytes, client);
    // A newcomer starts at clock 0.
    bytes.extend_from_slice(&[0]);
    let mut rest = Reader::new(&update[tail..]);
    if rest.varint().is_err() {
        return update.to_vec();
    }
    let at = update.len() - rest.left();
    bytes.extend_from_slice(&update[at..]);
    bytes.to_vec()
}
