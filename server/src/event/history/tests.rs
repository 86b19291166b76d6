//! Random mornings: a few people edit a board through a real room, then somebody restores it while
//! they go on typing. No disk: what the room appends is the log.

use super::Past;
use super::board::{Standing, content, standing_in};
use super::restore::{self, Aim, Mark, NoSpace, Scope, create};
use super::timeline::{Replay, Timeline};
use super::touched::{Counts, Touched};
use crate::store::{Author, Delta, Loaded, Sequence, Stored};
use crate::sync::frame::{self, ClientMessage};
use crate::sync::room::{ConnectionId, Dialect, Effect, Member, Permission, Room};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::schema::{BOARD, CLUSTER, DocumentKind, NOTE, Node, PLAN};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Doc, Map, MapRef, OffsetKind, Options, Out, Text, TextRef, Transact, TransactionMut,
    Update, WriteTxn,
};

fn doc(client: u64) -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(client))
    })
}

fn id(n: u64) -> String {
    Uuid::from_u128(u128::from(n) + 1).to_string()
}

fn person(n: u64) -> Author {
    Author::Person(PersonId(Uuid::from_u128(u128::from(n) + 1000)))
}

const MARK: Mark = Mark { by: Some(PersonId(Uuid::from_u128(7))), at_ms: 1_650_000_000_000 };

fn past(sequence: usize, board: Value) -> Arc<Past> {
    Arc::new(Past { sequence: sequence as u64, at_ms: 0, board })
}

/// Somebody's browser.
struct Browser {
    doc: Doc,
    /// What the server has sent and this browser has not read yet.
    inbox: VecDeque<Bytes>,
    /// What this browser has written and not sent yet.
    outbox: VecDeque<Bytes>,
    /// Items that they made: only those may they remove for good.
    own: Vec<(&'static str, String)>,
}

struct Morning {
    room: Room,
    browsers: Vec<Browser>,
    log: Vec<Stored>,
    /// The board after each delta; the empty one first.
    pasts: Vec<Value>,
    now_ms: u64,
    refused: usize,
    dice: ChaCha8Rng,
    next_id: u64,
}

impl Morning {
    fn new(seed: u64, browsers: u64) -> Self {
        let document = DocumentId(Uuid::from_u128(1));
        let mut room = Room::open(document, DocumentKind::Board, &Loaded::default(), 999);
        let mut all = Vec::new();
        for n in 0..browsers {
            let member = Member {
                author: person(n),
                permission: Permission::Write,
                dialect: Dialect::Sangam,
                user: Value::Null,
            };
            room.connect(ConnectionId(n), member);
            let (doc, own) = (doc(n + 1), Vec::new());
            all.push(Browser { doc, inbox: VecDeque::new(), outbox: VecDeque::new(), own });
        }
        let mut morning = Self {
            room,
            browsers: all,
            log: Vec::new(),
            pasts: Vec::new(),
            now_ms: 1_000_000,
            refused: 0,
            dice: ChaCha8Rng::seed_from_u64(seed),
            next_id: 0,
        };
        morning.pasts.push(morning.board());
        for n in 0..browsers {
            let nothing = frame::sync_step_1(&[0]);
            morning.room.receive(ConnectionId(n), nothing);
        }
        morning.turn();
        morning
    }

    fn board(&self) -> Value {
        content(&self.room.doc().transact(), BOARD)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.dice.next_u64() % n as u64).unwrap()
    }

    /// One turn of the room, with a disk that is always quick.
    fn turn(&mut self) {
        let mut effects = Vec::new();
        self.room.advance(self.now_ms, &mut effects);
        let mut effects: VecDeque<Effect> = effects.into();
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Append(append) => {
                    let first = append.expected_head + 1;
                    for (delta, sequence) in append.deltas.into_iter().zip(first..) {
                        self.log.push(Stored { sequence, delta });
                    }
                    let mut more = Vec::new();
                    self.room.stored(Ok(first), &mut more);
                    effects.extend(more);
                    self.pasts.resize(self.log.len() + 1, Value::Null);
                    *self.pasts.last_mut().unwrap() = self.board();
                }
                Effect::Broadcast { frame, except } => {
                    for (n, browser) in (0..).zip(&mut self.browsers) {
                        if except != Some(ConnectionId(n)) {
                            browser.inbox.push_back(frame.clone());
                        }
                    }
                }
                Effect::Send(_, frame) => self.refused += usize::from(frame[0] == 122),
                Effect::Written(_, result) => {
                    assert!(result.is_ok(), "the room refused: {result:?}");
                }
                Effect::Close(_, code) => panic!("somebody was closed with {code}"),
                Effect::Reload => panic!("the room threw its document away"),
                Effect::Joined(_) | Effect::Compact { .. } => {}
            }
        }
    }

    /// Sends the oldest unsent edit of a browser, and lets the room take it.
    fn send(&mut self, n: usize) {
        if let Some(update) = self.browsers[n].outbox.pop_front() {
            self.room.receive(ConnectionId(n as u64), frame::update(&update));
            self.turn();
        }
    }

    fn read(&mut self, n: usize) {
        let browser = &mut self.browsers[n];
        if let Some(frame) = browser.inbox.pop_front() {
            let Ok(ClientMessage::Update(update)) = frame::parse(&frame) else {
                panic!("{frame:?}")
            };
            let update = Update::decode_v1(update).unwrap();
            browser.doc.transact_mut().apply_update(update).unwrap();
        }
    }

    fn edit(&mut self, n: usize, edit: impl FnOnce(&mut TransactionMut<'_>)) {
        let browser = &mut self.browsers[n];
        let mut txn = browser.doc.transact_mut();
        edit(&mut txn);
        txn.commit();
        if txn.has_changes() {
            let update = Bytes::from(txn.encode_update_v1());
            drop(txn);
            browser.outbox.push_back(update);
        }
    }

    fn settle(&mut self) {
        for n in 0..self.browsers.len() {
            while !self.browsers[n].outbox.is_empty() {
                self.send(n);
            }
        }
        for n in 0..self.browsers.len() {
            while !self.browsers[n].inbox.is_empty() {
                self.read(n);
            }
        }
    }

    fn past(&self, sequence: usize) -> Arc<Past> {
        past(sequence, self.pasts[sequence].clone())
    }

    fn aim(&mut self, aim: Aim) {
        let edit = move |_: &Doc, txn: &mut TransactionMut<'_>| {
            restore::restore(txn, BOARD, &aim).unwrap();
        };
        self.room.write(1, Author::Act(Uuid::from_u128(1)), Box::new(edit));
        self.turn();
    }

    fn restore(&mut self, to: usize, scope: Scope) {
        self.aim(Aim { then: self.past(to), undo: None, scope, mark: MARK });
    }

    /// Undoes what the delta after `before` did.
    fn undo(&mut self, before: usize) {
        let undo = Some(self.past(before + 1));
        self.aim(Aim { then: self.past(before), undo, scope: Scope(None), mark: MARK });
    }

    /// One random thing that a person does.
    fn act(&mut self, n: usize) {
        self.now_ms += u64::try_from(self.below(40_000)).unwrap();
        let (kind, a, b) = (self.below(15), self.below(1_000), self.below(1_000));
        self.next_id += 1;
        let fresh = id(self.next_id);
        let table = ["practices", "ideas", "ideas", "clusters", "plans", "plans"][b % 6];
        match kind {
            0..=2 => {
                let (node, value) = new_item(table, a, MARK.by.unwrap());
                let key = fresh.clone();
                self.edit(n, |txn| {
                    let map = txn.get_or_insert_map(table);
                    create(txn, &map, &key, node, &value);
                });
                self.browsers[n].own.push((table, fresh));
            }
            3 => {
                let own = &self.browsers[n].own;
                if let Some((table, key)) = own.get(a % own.len().max(1)).cloned() {
                    self.edit(n, |txn| {
                        txn.get_or_insert_map(table).remove(txn, &key);
                    });
                }
            }
            4 | 5 => self.edit(n, |txn| {
                let minutes = txn.get_or_insert_text("minutes");
                scribble(txn, &minutes, a);
            }),
            6 => self.edit(n, |txn| {
                let question = txn.get_or_insert_text("question");
                scribble(txn, &question, a);
            }),
            _ => self.edit(n, |txn| {
                let map = txn.get_or_insert_map(table);
                let mut ids: Vec<String> = map.keys(txn).map(str::to_owned).collect();
                ids.sort_unstable();
                if let Some(id) = ids.get(a % ids.len().max(1))
                    && let Some(Out::YMap(item)) = map.get(txn, id)
                {
                    change(txn, &item, table, kind, b, &fresh);
                }
            }),
        }
    }

    /// So many random acts, sent and read at random moments.
    fn pass(&mut self, acts: usize) {
        for _ in 0..acts {
            let n = self.below(self.browsers.len());
            match self.below(4) {
                0 | 1 => self.act(n),
                2 => self.send(n),
                _ => self.read(n),
            }
        }
    }
}

fn new_item(table: &str, a: usize, by: PersonId) -> (&'static Node, Value) {
    let common =
        json!({ "order": format!("a{}", a % 10), "authorId": by.to_string(), "lang": "fr" });
    let (node, more) = match table {
        "clusters" => (&CLUSTER, json!({ "name": "Tas", "effort": 0.25 })),
        "plans" => (
            &PLAN,
            json!({
                "title": "Ouvrir le code 😀", "dueDate": "2022-06-01", "status": "not_started",
                "lead": { "name": "Asha" }, "firstStep": { "text": "Écrire", "due": "2022-04-11" },
                "milestones": { (id(9_000)): { "title": "Prototype", "order": "a0" } },
            }),
        ),
        _ => (&NOTE, json!({ "text": "Une idée, नमस्ते", "createdAt": 1_649_400_000_000_u64 })),
    };
    let mut item = common.as_object().unwrap().clone();
    item.extend(more.as_object().unwrap().clone());
    (node, Value::Object(item))
}

fn scribble(txn: &mut TransactionMut<'_>, text: &TextRef, a: usize) {
    use yrs::GetString;
    let words = text.get_string(txn);
    let mut starts: Vec<u32> = vec![0];
    starts.extend(words.chars().scan(0, |at, c| {
        *at += u32::try_from(c.len_utf16()).unwrap();
        Some(*at)
    }));
    let at = a % starts.len();
    if a.is_multiple_of(3) && at + 1 < starts.len() {
        let end = (at + 1 + a % 5).min(starts.len() - 1);
        text.remove_range(txn, starts[at], starts[end] - starts[at]);
    } else {
        text.insert(txn, starts[at], ["mot ", "é", "😀", "शब्द"][a % 4]);
    }
}

fn change(
    txn: &mut TransactionMut<'_>,
    item: &MapRef,
    table: &str,
    kind: usize,
    b: usize,
    fresh: &str,
) {
    let text = match table {
        "clusters" => "name",
        "plans" => "title",
        _ => "text",
    };
    let inner = |txn: &mut TransactionMut<'_>, key: &str| match item.get(txn, key) {
        Some(Out::YMap(map)) => map,
        other => panic!("{key} is {other:?}"),
    };
    match kind {
        7 | 8 => {
            if let Some(Out::YText(text)) = item.get(txn, text) {
                scribble(txn, &text, b);
            }
        }
        9 => {
            item.insert(txn, "order", format!("b{}", b % 10));
        }
        10 => {
            item.insert(txn, "deletedAt", Any::from(1_649_500_000_000_f64));
            item.insert(txn, "deletedBy", fresh);
        }
        11 => {
            item.remove(txn, "deletedAt");
        }
        12 if table == "plans" => {
            let rows = inner(txn, "milestones");
            let keys: Vec<String> = rows.keys(txn).map(str::to_owned).collect();
            if let Some(key) = keys.first().filter(|_| b.is_multiple_of(2)) {
                rows.remove(txn, key);
            } else {
                let Node::Map(fields) = PLAN else { unreachable!() };
                let list = fields.iter().find(|f| f.name == "milestones").unwrap();
                let Node::Table { row, .. } = list.node else { unreachable!() };
                create(txn, &rows, fresh, row, &json!({ "title": "Jalon", "order": "a1" }));
            }
        }
        13 if table == "plans" => {
            let origins = inner(txn, "originIdeas");
            origins.insert(txn, id(u64::try_from(b % 4).unwrap()), true);
            item.remove(txn, "dueDate");
        }
        _ if table == "plans" => {
            let step = inner(txn, "firstStep");
            step.insert(txn, "due", "2022-04-18");
        }
        _ => {
            let translations = inner(txn, "translations");
            if translations.get(txn, "en").is_some() {
                translations.remove(txn, "en");
            } else {
                let row = if table == "clusters" {
                    Node::Text { chars_max: 300 }
                } else {
                    Node::Text { chars_max: 2_000 }
                };
                create(txn, &translations, "en", &row, &json!("An idea"));
            }
        }
    }
}

/// The past stands on the board again, and whatever came later lies in the tray.
fn assert_restored(now: &Value, then: &Value, note: &str) {
    for root in ["minutes", "question"] {
        assert_eq!(now[root], then[root], "{note}");
    }
    for table in super::board::TABLES {
        for (id, item) in now[table].as_object().unwrap() {
            match then[table].get(id) {
                Some(past) => assert_eq!(item, past, "{note}: {table}/{id}"),
                None => assert_eq!(standing_in(Some(item)), Standing::Tray, "{note}: {table}/{id}"),
            }
        }
        for id in then[table].as_object().unwrap().keys() {
            assert!(now[table].get(id).is_some(), "{note}: {table}/{id} did not come back");
        }
    }
}

#[test]
fn restoring_to_any_moment_brings_it_back_while_everybody_goes_on_writing() {
    for seed in 0..300 {
        let note = format!("seed {seed}");
        let mut morning = Morning::new(seed, 3);
        morning.pass(120);
        // What is unsent or unread now stays so over the restore.
        let head = morning.log.len();
        let to = morning.below(head + 1);
        let before = morning.board();
        let then = morning.pasts[to].clone();
        morning.restore(to, Scope(None));
        assert_restored(&morning.board(), &then, &note);
        // Undone: the board just before, to the letter.
        morning.restore(head, Scope(None));
        assert_restored(&morning.board(), &before, &format!("{note}, undone"));
        morning.pass(40);
        morning.settle();
        assert_eq!(morning.refused, 0, "{note}: an honest edit was refused");
        let server = morning.board();
        for (n, browser) in morning.browsers.iter().enumerate() {
            let theirs = content(&browser.doc.transact(), BOARD);
            assert_eq!(theirs, server, "{note}: browser {n} differs");
        }
        assert_log_reads_back(&morning, &note);
    }
}

/// The log alone gives back every board that ever was.
fn assert_log_reads_back(morning: &Morning, note: &str) {
    let mut replay = Replay::new();
    for stored in &morning.log {
        replay.next(stored).unwrap();
        let past = &morning.pasts[usize::try_from(stored.sequence).unwrap()];
        assert_eq!(replay.content(BOARD), *past, "{note}: sequence {}", stored.sequence);
    }
}

#[test]
fn undoing_a_restore_at_once_gives_the_board_back() {
    for seed in 0..200 {
        let mut morning = Morning::new(seed, 2);
        morning.pass(100);
        let head = morning.log.len();
        let to = morning.below(head + 1);
        let before = morning.board();
        morning.restore(to, Scope(None));
        if morning.log.len() > head {
            morning.undo(head);
            assert_restored(&morning.board(), &before, &format!("seed {seed}"));
        }
    }
}

#[test]
fn undoing_a_restore_leaves_what_others_did_since() {
    let mut morning = Morning::new(1, 1);
    let (node, value) = new_item("ideas", 1, MARK.by.unwrap());
    let add = |morning: &mut Morning, n: u64| {
        morning.edit(0, |txn| {
            let ideas = txn.get_or_insert_map("ideas");
            create(txn, &ideas, &id(n), node, &value);
        });
        morning.settle();
    };
    let write = |morning: &mut Morning, words: &str| {
        morning.edit(0, |txn| txn.get_or_insert_text("minutes").push(txn, words));
        morning.settle();
    };
    write(&mut morning, "Ouvrir le code.");
    let to = morning.log.len();
    add(&mut morning, 1);
    write(&mut morning, " Lundi.");
    let head = morning.log.len();
    morning.restore(to, Scope(None));
    morning.settle();
    assert_eq!(standing_in(morning.board()["ideas"].get(id(1))), Standing::Tray);
    // Since then: another idea, and more words.
    add(&mut morning, 2);
    write(&mut morning, " Merci !");
    morning.undo(head);
    let now = morning.board();
    assert_eq!(standing_in(now["ideas"].get(id(1))), Standing::Live);
    assert_eq!(standing_in(now["ideas"].get(id(2))), Standing::Live);
    let minutes = now["minutes"].as_str().unwrap();
    assert!(["Lundi.", "Merci !"].iter().all(|words| minutes.contains(words)), "{minutes}");
}

#[test]
fn restoring_what_is_already_so_writes_nothing() {
    let mut morning = Morning::new(1, 2);
    morning.pass(100);
    let head = morning.log.len();
    morning.restore(head, Scope(None));
    assert_eq!(morning.log.len(), head);
}

#[test]
fn what_is_typed_while_a_text_is_restored_stays() {
    let mut morning = Morning::new(1, 2);
    let type_at = |morning: &mut Morning, n: usize, at: u32, words: &str| {
        morning.edit(n, |txn| {
            let minutes = txn.get_or_insert_text("minutes");
            minutes.insert(txn, at, words);
        });
    };
    type_at(&mut morning, 0, 0, "Décision : ouvrir le code.");
    morning.settle();
    let to = morning.log.len();
    type_at(&mut morning, 0, 11, "peut-être ");
    let units = |morning: &Morning| {
        let minutes = morning.board()["minutes"].as_str().unwrap().encode_utf16().count();
        u32::try_from(minutes).unwrap()
    };
    morning.settle();
    let end = units(&morning);
    type_at(&mut morning, 0, end, " Ou pas.");
    morning.settle();
    // Not sent yet when the minutes are restored, and between two places that change.
    type_at(&mut morning, 1, end - 8, "tout ");
    morning.restore(to, Scope(Some("minutes".into())));
    assert_eq!(morning.board()["minutes"], "Décision : ouvrir le code.");
    morning.settle();
    assert_eq!(morning.board()["minutes"], "Décision : ouvrir tout le code.");
}

#[test]
fn one_item_comes_back_and_the_others_stay_as_they_are() {
    let mut morning = Morning::new(1, 1);
    let (node, value) = new_item("ideas", 1, MARK.by.unwrap());
    morning.edit(0, |txn| {
        let ideas = txn.get_or_insert_map("ideas");
        create(txn, &ideas, &id(1), node, &value);
        create(txn, &ideas, &id(2), node, &value);
    });
    morning.settle();
    let to = morning.log.len();
    morning.edit(0, |txn| {
        let ideas = txn.get_or_insert_map("ideas");
        ideas.remove(txn, &id(1));
        ideas.remove(txn, &id(2));
        txn.get_or_insert_text("minutes").insert(txn, 0, "Plus tard");
    });
    morning.settle();
    morning.restore(to, Scope(Some(format!("ideas/{}", id(1)))));
    let (now, then) = (morning.board(), &morning.pasts[to]);
    assert_eq!(now["ideas"][id(1)], then["ideas"][id(1)]);
    assert!(now["ideas"].get(id(2)).is_none());
    assert_eq!(now["minutes"], "Plus tard");
}

#[test]
fn a_board_without_space_is_left_alone() {
    let rows = |prefix: u64| -> Value {
        (0..100)
            .map(|n| (id(prefix + n), json!({ "title": "Plan" })))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let (now, then) = (json!({ "plans": rows(0) }), json!({ "plans": rows(50) }));
    let aim = Aim { then: past(1, then), undo: None, scope: Scope(None), mark: MARK };
    let plan = restore::plan(BOARD, &now, &aim);
    assert_eq!(plan.err(), Some(NoSpace));
}

fn delta(sequence: Sequence, author: Author, at_ms: u64, update: Vec<u8>) -> Stored {
    Stored { sequence, delta: Delta { author, at_ms, update: update.into() } }
}

type Edit<'a> = &'a dyn Fn(&mut TransactionMut<'_>);

/// Applies edits to one document, and keeps each as a delta of the log: by whom, when, what.
fn log(edits: &[(u64, u64, Edit<'_>)]) -> Vec<Stored> {
    let doc = doc(1);
    let edits = edits.iter().zip(1..).map(|((author, at_ms, edit), sequence)| {
        let mut txn = doc.transact_mut();
        edit(&mut txn);
        txn.commit();
        delta(sequence, person(*author), *at_ms, txn.encode_update_v1())
    });
    edits.collect()
}

#[test]
fn changes_are_gathered_by_author_and_minute_and_say_what_was_touched() {
    let note = |n: u64| {
        move |txn: &mut TransactionMut<'_>| {
            let ideas = txn.get_or_insert_map("ideas");
            create(txn, &ideas, &id(n), &NOTE, &json!({ "text": "Une idée", "order": "a0" }));
        }
    };
    let on = |n: u64, key: &'static str, value: Any| {
        move |txn: &mut TransactionMut<'_>| {
            let ideas = txn.get_or_insert_map("ideas");
            let Some(Out::YMap(note)) = ideas.get(txn, &id(n)) else { panic!("no note") };
            note.insert(txn, key, value.clone());
        }
    };
    let write = |n: u64| {
        move |txn: &mut TransactionMut<'_>| {
            let ideas = txn.get_or_insert_map("ideas");
            let Some(Out::YMap(note)) = ideas.get(txn, &id(n)) else { panic!("no note") };
            let Some(Out::YText(text)) = note.get(txn, "text") else { panic!("no text") };
            text.insert(txn, 0, "x");
        }
    };
    let minutes =
        |txn: &mut TransactionMut<'_>| txn.get_or_insert_text("minutes").push(txn, "Noté");
    let (first, second) = (note(1), note(2));
    let (moved, binned) = (on(1, "order", "b0".into()), on(2, "deletedAt", 5_f64.into()));
    let (typed, again) = (write(1), write(1));
    let log = log(&[
        (1, 1_000, &first),
        (2, 2_000, &typed),
        (1, 3_000, &second),
        (1, 50_000, &typed),
        (2, 55_000, &minutes),
        // A pause, then another entry of the same person.
        (1, 200_000, &moved),
        (1, 201_000, &binned),
        (2, 202_000, &again),
    ]);
    let mut timeline = Timeline::new();
    let (head, tail) = log.split_at(4);
    timeline.read(head);
    timeline.read(tail);
    let entries = timeline.before(Sequence::MAX, 10);
    let told: Vec<_> =
        entries.iter().map(|e| (e.author, e.first, e.last, e.from_ms, e.to_ms)).collect();
    assert_eq!(
        told,
        [
            (person(2), 8, 8, 202_000, 202_000),
            (person(1), 6, 7, 200_000, 201_000),
            (person(2), 2, 5, 2_000, 55_000),
            (person(1), 1, 4, 1_000, 50_000),
        ]
    );
    let ideas = |counts| Touched { ideas: counts, ..Touched::default() };
    assert_eq!(entries[0].touched, ideas(Counts { edited: 1, ..Counts::default() }));
    assert_eq!(entries[1].touched, ideas(Counts { moved: 1, deleted: 1, ..Counts::default() }));
    let both = Touched { minutes: true, ..ideas(Counts { edited: 1, ..Counts::default() }) };
    assert_eq!(entries[2].touched, both);
    // What somebody made and then wrote on is new, and nothing more.
    assert_eq!(entries[3].touched, ideas(Counts { added: 2, ..Counts::default() }));
    // Pages continue where the last one ended.
    assert_eq!(timeline.before(entries[1].last, 1), entries[2..3]);
}

#[test]
fn a_log_with_a_hole_is_told_up_to_the_hole() {
    let minutes = |txn: &mut TransactionMut<'_>| txn.get_or_insert_text("minutes").push(txn, "a");
    let mut log = log(&[(1, 1, &minutes), (1, 2, &minutes), (1, 3, &minutes)]);
    log.remove(1);
    let mut timeline = Timeline::new();
    timeline.read(&log);
    assert!(timeline.damaged);
    assert_eq!(timeline.at(), 1);
}
