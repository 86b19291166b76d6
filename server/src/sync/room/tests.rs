//! What the simulation reaches seldom, one rule a test.

use super::*;
use sangam_shared::ids::PersonId;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Map, MapPrelim, MapRef, ReadTxn, StateVector, TextPrelim, TextRef, Transact, WriteTxn};

const ASHA: ConnectionId = ConnectionId(1);
const BRUNO: ConnectionId = ConnectionId(2);

fn room() -> Room {
    let document = DocumentId(Uuid::from_u128(1));
    Room::open(document, DocumentKind::Board, &Loaded::default(), 1).compacting_after(2)
}

fn member(person: u128, permission: Permission) -> Member {
    Member {
        author: Author::Person(PersonId(Uuid::from_u128(person))),
        permission,
        dialect: Dialect::Sangam,
        user: serde_json::json!({}),
    }
}

/// The updates of a document that writes so many notes, one an update.
fn updates(client: u64, count: u128) -> Vec<Vec<u8>> {
    let doc = yrs::Doc::with_client_id(client);
    (0..count)
        .map(|n| {
            let mut txn = doc.transact_mut();
            note(&mut txn, &Uuid::from_u128(n + u128::from(client) * 1_000).to_string());
            txn.commit();
            txn.encode_update_v1()
        })
        .collect()
}

fn note(txn: &mut yrs::TransactionMut<'_>, id: &str) {
    let ideas = txn.get_or_insert_map("ideas");
    let note: MapRef = ideas.insert(txn, id, MapPrelim::default());
    let _: TextRef = note.insert(txn, "text", TextPrelim::new("x"));
}

fn send(room: &mut Room, from: ConnectionId, update: &[u8]) {
    room.receive(from, frame::update(update));
}

fn advance(room: &mut Room) -> Vec<Effect> {
    let mut out = Vec::new();
    room.advance(1, &mut out);
    out
}

fn stored(room: &mut Room) -> Vec<Effect> {
    let mut out = Vec::new();
    room.stored(Ok(1), &mut out);
    out
}

fn appended(effects: &[Effect]) -> usize {
    effects
        .iter()
        .map(|effect| if let Effect::Append(append) = effect { append.deltas.len() } else { 0 })
        .sum()
}

/// What one connection was told of its edits: `+n` acknowledged, `-n` refused.
fn told(effects: &[Effect], to: ConnectionId) -> Vec<String> {
    let frames = effects.iter().filter_map(|effect| match effect {
        Effect::Send(id, frame) if *id == to => Some(frame),
        _ => None,
    });
    frames
        .filter_map(|frame| match frame[0] {
            121 => Some(format!("+{}", frame[1])),
            122 => {
                let at = frame.iter().position(|byte| *byte == b'{')?;
                let refusal: Refusal = serde_json::from_slice(&frame[at..]).ok()?;
                Some(format!("-{}", refusal.n))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn what_went_before_a_refusal_is_acknowledged_first() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    let edits = updates(7, 4);
    send(&mut room, ASHA, &edits[0]);
    send(&mut room, ASHA, &edits[2]);
    send(&mut room, ASHA, &edits[1]);
    let out = advance(&mut room);
    assert_eq!((appended(&out), told(&out, ASHA)), (2, vec![]), "nothing is said before the disk");
    assert_eq!(told(&stored(&mut room), ASHA), ["+1", "-2", "+3"]);
}

#[test]
fn who_has_a_gap_is_asked_when_memory_is_what_the_disk_holds() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    let edits = updates(7, 3);
    send(&mut room, ASHA, &edits[0]);
    send(&mut room, ASHA, &edits[2]);
    let asks = |out: &[Effect]| {
        out.iter().any(|e| matches!(e, Effect::Send(_, frame) if frame.starts_with(&[0, 0])))
    };
    assert!(!asks(&advance(&mut room)));
    assert!(asks(&stored(&mut room)));
}

#[test]
fn a_failed_batch_is_refused_to_its_last_message() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    for edit in updates(7, 3) {
        send(&mut room, ASHA, &edit);
    }
    advance(&mut room);
    let mut out = Vec::new();
    room.stored(Err(StoreError::Unavailable(String::new())), &mut out);
    assert_eq!(told(&out, ASHA), ["-3"]);
    assert!(matches!(out.last(), Some(Effect::Reload)));
}

#[test]
fn last_words_count_though_their_author_has_gone() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    let edits = updates(7, 2);
    send(&mut room, ASHA, &edits[0]);
    advance(&mut room);
    // Received while the first batch is on its way.
    send(&mut room, ASHA, &edits[1]);
    room.disconnect(ASHA);
    stored(&mut room);
    assert_eq!(appended(&advance(&mut room)), 1);
    stored(&mut room);
    assert!(room.is_idle());
}

#[test]
fn who_may_write_again_is_asked_for_what_they_wrote() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Read));
    room.receive(ASHA, frame::sync_step_1(&StateVector::default().encode_v1()));
    send(&mut room, ASHA, &updates(7, 1)[0]);
    assert_eq!(told(&advance(&mut room), ASHA), ["-1", "+1"]);
    room.permit(ASHA, Permission::Write);
    let out = advance(&mut room);
    assert!(out.iter().any(|e| matches!(e, Effect::Send(_, frame) if frame.starts_with(&[0, 0]))));
}

#[test]
fn a_broken_document_is_used_by_nobody() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    send(&mut room, ASHA, &updates(7, 1)[0]);
    room.write(1, Author::Server, Box::new(|_, _| panic!("a mistake in the server's own edit")));
    send(&mut room, ASHA, &updates(8, 1)[0]);
    let read = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&read);
    room.read(Box::new(move |_| seen.store(true, std::sync::atomic::Ordering::Relaxed)));
    let out = advance(&mut room);
    assert_eq!((appended(&out), told(&out, ASHA)), (0, vec!["-1".to_owned()]));
    assert!(out.iter().any(|effect| matches!(effect, Effect::Written(1, Err(_)))));
    assert!(matches!(out.last(), Some(Effect::Reload)));
    assert!(!read.load(std::sync::atomic::Ordering::Relaxed));
    let mut out = Vec::new();
    room.reloaded(DocumentKind::Board, &Loaded::default(), 2, &mut out);
    advance(&mut room);
    stored(&mut room);
    advance(&mut room);
    assert!(read.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn a_read_sees_nothing_that_is_not_on_disk() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    send(&mut room, ASHA, &updates(7, 1)[0]);
    let count = std::sync::Arc::new(std::sync::Mutex::new(None));
    let into = std::sync::Arc::clone(&count);
    room.read(Box::new(move |doc| {
        *into.lock().unwrap() = Some(doc.transact().state_vector().len());
    }));
    advance(&mut room);
    assert_eq!(*count.lock().unwrap(), None);
    stored(&mut room);
    assert_eq!(*count.lock().unwrap(), Some(1));
}

#[test]
fn a_compaction_that_failed_is_tried_again_from_the_same_base() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    let offered = |out: &[Effect]| {
        out.iter().find_map(|effect| match effect {
            Effect::Compact { base, upto, .. } => Some((*base, *upto)),
            _ => None,
        })
    };
    let mut seen = Vec::new();
    for edit in updates(7, 8) {
        send(&mut room, ASHA, &edit);
        advance(&mut room);
        if let Some((base, upto)) = offered(&stored(&mut room)) {
            seen.push((base, upto));
            room.compacted(upto, seen.len() > 1);
        }
    }
    assert_eq!(seen, [(0, 2), (0, 4), (4, 6), (6, 8)]);
}

#[test]
fn readers_are_closed_where_a_reload_cannot_show_them_what_they_lack() {
    let mut room = room();
    room.connect(BRUNO, member(2, Permission::Write));
    room.connect(ASHA, member(1, Permission::Write));
    room.receive(BRUNO, frame::sync_step_1(&StateVector::default().encode_v1()));
    send(&mut room, ASHA, &updates(7, 1)[0]);
    advance(&mut room);
    let mut out = Vec::new();
    room.stored(Err(StoreError::Unavailable(String::new())), &mut out);
    // Another node stored two deltas, and compacted them away at once.
    let state = {
        let doc = yrs::Doc::with_client_id(9);
        for update in updates(9, 2) {
            let update = yrs::Update::decode_v1(&update).unwrap();
            doc.transact_mut().apply_update(update).unwrap();
        }
        doc.transact().encode_diff_v1(&StateVector::default())
    };
    let loaded = Loaded { snapshot: Some((2, state.into())), head: 2, ..Loaded::default() };
    out.clear();
    room.reloaded(DocumentKind::Board, &loaded, 3, &mut out);
    assert!(out.iter().any(|effect| matches!(effect, Effect::Close(BRUNO, close::RESYNC))));
}

#[test]
fn after_a_restore_devices_bring_back_what_others_wrote() {
    let theirs = updates(8, 1);
    let foreign = Loaded { claims: vec![(8, Author::Server)], ..Loaded::default() };
    let document = DocumentId(Uuid::from_u128(1));
    // `advance` says that it is 1 now.
    for (until_ms, kept) in [(1, 0), (2, 1)] {
        let room = Room::open(document, DocumentKind::Board, &foreign, 1);
        let mut room = room.recovering_until(until_ms);
        room.connect(ASHA, member(1, Permission::Write));
        room.receive(ASHA, frame::sync_step_2(&theirs[0]));
        assert_eq!(appended(&advance(&mut room)), kept);
    }
}

#[test]
fn all_who_join_at_one_version_share_one_encoding() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    send(&mut room, ASHA, &updates(7, 1)[0]);
    advance(&mut room);
    stored(&mut room);
    let mut states = Vec::new();
    for id in (10..510).map(ConnectionId) {
        room.connect(id, member(u128::from(id.0), Permission::Write));
        room.receive(id, frame::sync_step_1(&StateVector::default().encode_v1()));
        states.extend(advance(&mut room).into_iter().filter_map(|effect| match effect {
            Effect::Send(_, frame) if frame.starts_with(&[0, 1]) => Some(frame),
            _ => None,
        }));
    }
    assert_eq!(states.len(), 500);
    assert!(states.iter().all(|state| std::ptr::eq(state.as_ptr(), states[0].as_ptr())));
}

#[test]
fn a_busy_room_puts_its_snapshot_off_until_it_is_calm() {
    let mut room = room();
    room.connect(ASHA, member(1, Permission::Write));
    for edit in updates(7, limits::COMPACT_BUSY_DELTAS as u128 + 1) {
        send(&mut room, ASHA, &edit);
    }
    advance(&mut room);
    let offers = |out: &[Effect]| out.iter().any(|e| matches!(e, Effect::Compact { .. }));
    assert!(!offers(&stored(&mut room)), "while it is busy");
    let mut tick = |now_ms| {
        let mut out = Vec::new();
        room.tick(now_ms, &mut out);
        offers(&out)
    };
    assert!(!tick(limits::COMPACT_CALM_MS), "not quite calm");
    assert!(tick(limits::COMPACT_CALM_MS + 1), "calm");
    assert!(!tick(limits::COMPACT_CALM_MS + 2), "one at a time");
}
