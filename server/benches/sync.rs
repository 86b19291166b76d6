//! The hot functions of the sync path by themselves, on a board of 400 ideas: what one edit costs in
//! the guard, in yrs, in the merged delta, and what a joiner's state costs.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use sangam::store::{Author, Loaded, Sequence};
use sangam::sync::frame;
use sangam::sync::guard::{Guard, Schema};
use sangam::sync::room::{ConnectionId, Dialect, Effect, Member, Permission, Room};
use sangam_shared::ids::DocumentId;
use sangam_shared::schema::{BOARD, DocumentKind};
use std::hint::black_box;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{
    Doc, Map, MapPrelim, MapRef, OffsetKind, Options, ReadTxn, StateVector, Text, TextPrelim,
    TextRef, Transact, Update,
};

/// Writers of the room; each has typed once when a batch is full.
const WRITERS: u64 = 100;

fn document(client: u64) -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(client))
    })
}

fn add_note(doc: &Doc, id: u128, words: &str) -> (TextRef, Vec<u8>) {
    let ideas = doc.get_or_insert_map("ideas");
    let mut txn = doc.transact_mut();
    let id = Uuid::from_u128(id).to_string();
    let note: MapRef = ideas.insert(&mut txn, id, MapPrelim::default());
    let text: TextRef = note.insert(&mut txn, "text", TextPrelim::new(words));
    let _: MapRef = note.insert(&mut txn, "translations", MapPrelim::default());
    let _: MapRef = note.insert(&mut txn, "translationMeta", MapPrelim::default());
    note.insert(&mut txn, "order", "a0");
    txn.commit();
    let update = txn.encode_update_v1();
    drop(txn);
    (text, update)
}

/// A board of 400 ideas, and then one letter from each of the writers.
fn board_and_letters() -> (Vec<u8>, Vec<Vec<u8>>) {
    let whole = document(1);
    let mut letters = Vec::new();
    for idea in 0..300 {
        add_note(&whole, idea, "shared data for every village, open and together");
    }
    for writer in 0..WRITERS {
        let own = document(1_000 + writer);
        let (text, update) = add_note(&own, 1_000 + u128::from(writer), "a bridge");
        let update = Update::decode_v1(&update).expect("what yrs wrote");
        whole.transact_mut().apply_update(update).expect("what yrs wrote");
        let mut txn = own.transact_mut();
        text.insert(&mut txn, 8, "s");
        txn.commit();
        letters.push(txn.encode_update_v1());
    }
    let state = whole.transact().encode_diff_v1(&StateVector::default());
    (state, letters)
}

fn open(state: &[u8]) -> Room {
    let loaded =
        Loaded { snapshot: Some((1, Bytes::copy_from_slice(state))), head: 1, ..Loaded::default() };
    let mut room = Room::open(DocumentId(Uuid::nil()), DocumentKind::Board, &loaded, 9);
    for writer in 0..WRITERS {
        let member = Member {
            author: Author::Machine(Uuid::nil()),
            permission: Permission::Write,
            dialect: Dialect::Sangam,
            user: serde_json::Value::Null,
        };
        let id = ConnectionId(writer);
        room.connect(id, member);
        room.receive(id, frame::sync_step_1(&[0]));
    }
    room.advance(0, &mut Vec::new());
    room
}

/// Everybody's letter, one commit, one merged frame, a hundred acknowledgements.
fn batch(room: &mut Room, frames: &[Bytes]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (writer, frame) in (0..).zip(frames) {
        room.receive(ConnectionId(writer), frame.clone());
    }
    room.advance(0, &mut effects);
    assert!(matches!(effects.last(), Some(Effect::Append(append)) if append.deltas.len() > 1));
    let first: Sequence = 2;
    room.stored(Ok(first), &mut effects);
    effects
}

fn hot_functions(criterion: &mut Criterion) {
    let (state, letters) = board_and_letters();
    let frames: Vec<Bytes> = letters.iter().map(|letter| frame::update(letter)).collect();
    let mut group = criterion.benchmark_group("sync");

    group.throughput(Throughput::Elements(WRITERS));
    let mut guard = Guard::new(Schema::Roots(BOARD));
    guard.index(&state).expect("a board");
    group.bench_function("guard: check 100 letters", |bencher| {
        bencher.iter(|| {
            for letter in &letters {
                black_box(guard.check(letter).expect("a letter"));
            }
        });
    });
    group.bench_function("apply: yrs takes 100 letters", |bencher| {
        bencher.iter_batched_ref(
            || {
                let doc = document(9);
                let update = Update::decode_v1(&state).expect("a board");
                doc.transact_mut().apply_update(update).expect("a board");
                doc
            },
            |doc| {
                for letter in &letters {
                    let update = Update::decode_v1(letter).expect("a letter");
                    let mut txn = doc.transact_mut();
                    txn.apply_update(update).expect("a letter");
                    txn.commit();
                    black_box(txn.encode_update_v1());
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("merge: 100 letters into one update", |bencher| {
        bencher.iter(|| black_box(yrs::merge_updates_v1(letters.iter()).expect("letters")));
    });
    group.bench_function("room: 100 letters from frames to effects", |bencher| {
        bencher.iter_batched_ref(
            || open(&state),
            |room| black_box(batch(room, &frames)),
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Bytes(state.len() as u64));
    let doc = document(9);
    let update = Update::decode_v1(&state).expect("a board");
    doc.transact_mut().apply_update(update).expect("a board");
    group.bench_function("encode: the state of 400 ideas", |bencher| {
        bencher.iter(|| black_box(doc.transact().encode_diff_v1(&StateVector::default())));
    });
    group.bench_function("open: a room of 400 ideas from its snapshot", |bencher| {
        bencher.iter(|| black_box(open(&state)));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    hot_functions(&mut criterion);
    criterion.final_summary();
}
