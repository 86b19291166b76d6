//! The demonstration event's boards, read back from a store.

use crate::clock::{Chance, ManualClock};
use crate::event::Events;
use crate::event::access::LinkKey;
use crate::event::file::EventFile;
use crate::event::model::{Event, Person};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use sangam_shared::schema::{BOARD, Field, Node, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, GetString, Map, MapRef, Out, ReadTxn, Transact, Update};

const DEMO: &str = include_str!("../../../demo/infra-structures.toml");

pub(crate) async fn boards() -> Vec<Doc> {
    demonstration().await.2
}

/// The demonstration event as a store gives it back: its record, its people, its boards.
pub(crate) async fn demonstration() -> (Event, Vec<Person>, Vec<Doc>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path(), Uuid::nil()).unwrap());
    let key = LinkKey::open(folder.path(), [7; 32]).unwrap();
    let clock = Arc::new(ManualClock::default());
    clock.0.store(1_649_412_000_000, std::sync::atomic::Ordering::Relaxed);
    let chance = Arc::new(Chance::from_seed(1));
    let events = Events::open(store.clone(), key, clock, chance).await.unwrap();
    let event = events.create(&EventFile::parse(DEMO).unwrap()).await.unwrap();
    let mut boards = Vec::new();
    for workshop in &event.workshops {
        let doc = Doc::new();
        for stored in store.load(workshop.board, 0).await.unwrap().tail {
            let update = Update::decode_v1(&stored.delta.update).unwrap();
            doc.transact_mut().apply_update(update).unwrap();
        }
        boards.push(doc);
    }
    (Event::clone(&event), events.people(event.id), boards)
}

/// Every place that the schema wants a container at has one, and no other key stands there.
fn fits(txn: &impl ReadTxn, map: &MapRef, schema: &[Field], path: &str) {
    let known: BTreeSet<_> = schema.iter().map(|field| field.name).collect();
    for key in map.keys(txn) {
        assert!(known.contains(key), "{path} has the unknown key {key}");
    }
    for Field { name, node } in schema {
        place(txn, map.get(txn, name), node, &format!("{path}.{name}"));
    }
}

fn place(txn: &impl ReadTxn, out: Option<Out>, node: &Node, path: &str) {
    match (node, out) {
        (Node::Text { chars_max }, Some(Out::YText(text))) => {
            let text = text.get_string(txn);
            assert!(text.encode_utf16().count() <= *chars_max, "{path} is too long");
        }
        (Node::Map(schema), Some(Out::YMap(map))) => fits(txn, &map, schema, path),
        (Node::Table { row, rows_max, .. }, Some(Out::YMap(map))) => {
            assert!(map.len(txn) as usize <= *rows_max, "{path} has too many rows");
            for (key, value) in map.iter(txn) {
                place(txn, Some(value), row, &format!("{path}.{key}"));
            }
        }
        (Node::Value(_), None) => {}
        (Node::Value(value), Some(Out::Any(any))) => {
            let right = match (value, &any) {
                (Value::Bool, Any::Bool(_)) => true,
                (Value::Unit, Any::Number(n)) => {
                    n.as_f64().is_some_and(|n| (0.0..=1.0).contains(&n))
                }
                (Value::TimeMs, Any::Number(n)) => n.as_f64().is_some_and(|n| n > 1e12),
                (Value::Id, Any::String(text)) => uuid::Uuid::try_parse(text).is_ok(),
                (Value::OneOf(words), Any::String(text)) => words.contains(&text.as_ref()),
                (Value::Day, Any::String(text)) => text.parse::<jiff::civil::Date>().is_ok(),
                (Value::Line { bytes_max }, Any::String(text)) => text.len() <= *bytes_max,
                (Value::Key | Value::Language | Value::Order, Any::String(text)) => {
                    !text.is_empty()
                }
                _ => false,
            };
            assert!(right, "{path}: {any:?} is no {value:?}");
        }
        (node, out) => panic!("{path}: {out:?} is no {node:?}"),
    }
}

#[tokio::test]
async fn every_container_of_the_schema_is_there_and_nothing_else() {
    for doc in boards().await {
        for Field { name, node } in BOARD {
            match node {
                Node::Text { .. } => {
                    doc.get_or_insert_text(*name);
                }
                _ => {
                    doc.get_or_insert_map(*name);
                }
            }
        }
        let txn = doc.transact();
        for (name, out) in txn.root_refs() {
            let field = BOARD.iter().find(|field| field.name == name).unwrap();
            place(&txn, Some(out), &field.node, name);
        }
    }
}

#[tokio::test]
async fn every_board_holds_a_morning_of_work() {
    for doc in boards().await {
        let rows = |root: &str| doc.get_or_insert_map(root).len(&doc.transact());
        for (root, fewest, most) in
            [("practices", 4, 6), ("ideas", 8, 14), ("clusters", 2, 4), ("plans", 2, 3)]
        {
            assert!((fewest..=most).contains(&rows(root)), "{root}: {}", rows(root));
        }
    }
}

#[tokio::test]
async fn pix_offers_its_source_code_and_begins_on_monday() {
    let doc = boards().await.swap_remove(3);
    let plans = doc.get_or_insert_map("plans");
    let txn = doc.transact();
    let with_ref = |plan: &MapRef| plan.get(&txn, "ref") == Some(Out::Any("4.1".into()));
    let plans = plans.values(&txn).flatten().filter_map(|out| out.cast::<MapRef>().ok());
    let pix = plans.into_iter().find(with_ref).unwrap();
    let title = pix.get(&txn, "title").unwrap().to_string(&txn);
    assert_eq!(title, "Pix propose son code source à ses homologues indiens");
    let step = pix.get(&txn, "firstStep").unwrap().cast::<MapRef>().unwrap();
    assert_eq!(step.get(&txn, "due"), Some(Out::Any("2022-04-11".into())));
    assert_eq!(step.get(&txn, "timeZone"), Some(Out::Any("Europe/Paris".into())));
}
