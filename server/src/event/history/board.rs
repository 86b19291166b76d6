//! A document as JSON, read along the schema: the same keys, texts as strings, tables as objects by
//! id. Whatever the schema does not know is not read.

use sangam_shared::schema::{Field, Node};
use serde_json::{Map as Object, Value};
use yrs::{Any, GetString, Map, MapRef, Number, Out, ReadTxn};

/// The root tables whose rows are items, in the order in which they are listed.
pub(super) const TABLES: [&str; 4] = ["practices", "ideas", "clusters", "plans"];

/// Whether an item is on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It never was, or was removed for good.
    Absent,
    /// It lies in the tray.
    Tray,
    /// It stands on the board.
    Live,
}

/// The whole document. Roots that nobody wrote to yet are empty, not missing.
pub(super) fn content<T: ReadTxn>(txn: &T, roots: &[Field]) -> Value {
    let mut board = Object::new();
    for root in roots {
        let value = match root.node {
            Node::Text { .. } => {
                let text = txn.get_text(root.name).map(|text| text.get_string(txn));
                Value::String(text.unwrap_or_default())
            }
            _ => txn
                .get_map(root.name)
                .and_then(|map| read(txn, &root.node, Out::YMap(map)))
                .unwrap_or_else(|| Value::Object(Object::new())),
        };
        board.insert(root.name.to_owned(), value);
    }
    Value::Object(board)
}

/// Whether an item of a live document is on the board.
pub(super) fn standing<T: ReadTxn>(txn: &T, table: &MapRef, id: &str) -> Standing {
    match table.get(txn, id) {
        Some(Out::YMap(item)) => match item.get(txn, "deletedAt") {
            Some(Out::Any(Any::Number(_))) => Standing::Tray,
            _ => Standing::Live,
        },
        _ => Standing::Absent,
    }
}

/// Whether an item, as JSON, is on the board.
pub(super) fn standing_in(item: Option<&Value>) -> Standing {
    match item {
        None => Standing::Absent,
        Some(item) if item["deletedAt"].is_number() => Standing::Tray,
        Some(_) => Standing::Live,
    }
}

fn read<T: ReadTxn>(txn: &T, node: &Node, found: Out) -> Option<Value> {
    match (node, found) {
        (Node::Text { .. }, Out::YText(text)) => Some(Value::String(text.get_string(txn))),
        (Node::Map(fields), Out::YMap(map)) => {
            let mut object = Object::new();
            for field in *fields {
                let value = map.get(txn, field.name).and_then(|out| read(txn, &field.node, out));
                if let Some(value) = value {
                    object.insert(field.name.to_owned(), value);
                }
            }
            Some(Value::Object(object))
        }
        (Node::Table { row, .. }, Out::YMap(map)) => {
            let rows = map
                .iter(txn)
                .filter_map(|(key, out)| read(txn, row, out).map(|value| (key.to_string(), value)));
            Some(Value::Object(rows.collect()))
        }
        (Node::Value(_), Out::Any(any)) => plain(any),
        _ => None,
    }
}

fn plain(any: Any) -> Option<Value> {
    match any {
        Any::Bool(value) => Some(Value::Bool(value)),
        Any::Number(Number::Int(number)) => Some(Value::from(number)),
        Any::Number(Number::Float(number)) => Some(float(number)),
        Any::String(text) => Some(Value::String(text.to_string())),
        _ => None,
    }
}

/// Whole numbers without a fraction, as JavaScript writes them.
fn float(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and below 2^53")]
        return Value::from(number as i64);
    }
    Value::from(number)
}
