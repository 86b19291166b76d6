//! Makes the present equal the past by new edits: what differs is changed, and nothing else. Texts are
//! changed character by character, items that came since go to the tray, items that went come back.
//! Rows inside an item have no tray: they go, and undoing the restore writes them again.

use super::Past;
use super::board::{Standing, content, standing_in};
use super::text::{self, TextEdit};
use super::touched::{Touch, Touched};
use sangam_shared::ids::PersonId;
use sangam_shared::schema::{Field, Node};
use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use yrs::{Any, Map, MapPrelim, MapRef, Out, Text, TextPrelim, TextRef, TransactionMut, WriteTxn};

/// What is to be restored: one root (`minutes`), one item (`ideas/…`), or everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(pub Option<String>);

/// Who restores, and when: what items that go to the tray are marked with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Who, unless it is a machine.
    pub(super) by: Option<PersonId>,
    /// When, in milliseconds since 1970.
    pub(super) at_ms: u64,
}

/// The restored board would hold more rows than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has no space for what would come back")]
pub struct NoSpace;

/// The edits, and what they do.
#[derive(Debug)]
pub(super) struct Plan {
    changes: Vec<Change>,
    /// What people will see of it.
    pub(super) touched: Touched,
    /// The items that it touches, as `ideas/…`.
    pub(super) items: Vec<(String, Touch)>,
}

/// Where something stands: the root's name, then keys.
type Path = Vec<String>;

#[derive(Debug)]
enum Change {
    Text(Path, Vec<TextEdit>),
    Set(Path, String, Value),
    Remove(Path, String),
    Create(Path, String, &'static Node, Value),
}

/// What the present is made to equal.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    /// The board of the past.
    pub(super) then: Arc<Past>,
    /// Where the aim is to undo an act: the board right after it. Only what the act changed is changed
    /// back, so that whatever others did since stays.
    pub(super) undo: Option<Arc<Past>>,
    /// All of it, or a part.
    pub(super) scope: Scope,
    /// Who, and when.
    pub(super) mark: Mark,
}

/// Compares the board with what it is to be. `now` is what [`content`] read.
///
/// # Errors
/// [`NoSpace`]
pub(super) fn plan(roots: &'static [Field], now: &Value, aim: &Aim) -> Result<Plan, NoSpace> {
    let (then, scope) = (&aim.then.board, &aim.scope);
    let undone = aim.undo.as_ref().map(|past| &past.board);
    let mut planner = Planner {
        changes: Vec::new(),
        touch: Touch::of(Standing::Live),
        mark: aim.mark,
        undoes: undone.is_some(),
        fits: true,
    };
    let (mut touched, mut items) = (Touched::default(), Vec::new());
    let (wanted_root, wanted_item) = match &scope.0 {
        None => (None, None),
        Some(path) => match path.split_once('/') {
            Some((root, item)) => (Some(root), Some(item)),
            None => (Some(path.as_str()), None),
        },
    };
    for root in roots.iter().filter(|root| wanted_root.is_none_or(|name| name == root.name)) {
        let path = vec![root.name.to_owned()];
        let here = Three { now: Some(now), then: Some(then), base: undone }.at(root.name);
        let Node::Table { row, rows_max, .. } = &root.node else {
            let before = planner.changes.len();
            planner.node(&root.node, &path, here);
            let changed = planner.changes.len() > before;
            touched.minutes |= changed && root.name == "minutes";
            touched.question |= changed && root.name == "question";
            continue;
        };
        let mut rows = here.now.and_then(Value::as_object).map_or(0, Object::len);
        for id in here.keys().iter().filter(|id| wanted_item.is_none_or(|item| item == **id)) {
            let item = here.at(id);
            if planner.leaves(item) {
                continue;
            }
            let before = planner.changes.len();
            rows += usize::from(item.now.is_none());
            let touch = planner.item(row, &path, id, item);
            if planner.changes.len() > before {
                touched.count(root.name, touch);
                items.push((format!("{}/{id}", root.name), touch));
            }
        }
        planner.fits &= rows <= *rows_max;
    }
    if planner.fits { Ok(Plan { changes: planner.changes, touched, items }) } else { Err(NoSpace) }
}

impl Plan {
    /// Whether the present equals the past already.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Writes the edits. The document must be the one that `now` was read from, unchanged.
    pub(super) fn apply(&self, txn: &mut TransactionMut<'_>) {
        for change in &self.changes {
            match change {
                Change::Text(path, edits) => {
                    let Some(text) = text_at(txn, path) else { continue };
                    for edit in edits.iter().rev() {
                        text.remove_range(txn, edit.at, edit.remove);
                        if !edit.insert.is_empty() {
                            text.insert(txn, edit.at, &edit.insert);
                        }
                    }
                }
                Change::Set(path, key, value) => {
                    if let (Some(map), Some(any)) = (map_at(txn, path), plain(value)) {
                        map.insert(txn, key.as_str(), any);
                    }
                }
                Change::Remove(path, key) => {
                    if let Some(map) = map_at(txn, path) {
                        map.remove(txn, key);
                    }
                }
                Change::Create(path, key, node, value) => {
                    if let Some(map) = map_at(txn, path) {
                        create(txn, &map, key, node, value);
                    }
                }
            }
        }
    }
}

/// Reads, compares and writes, all in one transaction of the live document.
///
/// # Errors
/// [`NoSpace`]; nothing is written then.
pub(super) fn restore(
    txn: &mut TransactionMut<'_>,
    roots: &'static [Field],
    aim: &Aim,
) -> Result<(), NoSpace> {
    let now = content(txn, roots);
    plan(roots, &now, aim)?.apply(txn);
    Ok(())
}

/// The same place in the present, in the past that is wanted, and right after the act to be undone.
#[derive(Clone, Copy)]
struct Three<'v> {
    now: Option<&'v Value>,
    then: Option<&'v Value>,
    base: Option<&'v Value>,
}

impl Three<'_> {
    fn at(self, key: &str) -> Self {
        let [now, then, base] =
            [self.now, self.then, self.base].map(|value| value.and_then(|value| value.get(key)));
        Self { now, then, base }
    }

    fn keys(self) -> BTreeSet<String> {
        let objects = [self.now, self.then].into_iter().flatten().filter_map(Value::as_object);
        objects.flat_map(|object| object.keys().cloned()).collect()
    }
}

struct Planner {
    changes: Vec<Change>,
    /// What happens to the item that is being compared.
    touch: Touch,
    mark: Mark,
    /// Only what an act changed is changed back.
    undoes: bool,
    /// Whether everything has space so far.
    fits: bool,
}

impl Planner {
    /// Whether the act that is undone had nothing to do with this place.
    fn leaves(&self, here: Three<'_>) -> bool {
        self.undoes && here.base == here.then
    }

    fn item(&mut self, row: &'static Node, table: &Path, id: &str, here: Three<'_>) -> Touch {
        let Three { now, then, .. } = here;
        self.touch = Touch::of(standing_in(now));
        match then {
            Some(_) => self.entry(row, table, id, here),
            None if self.touch.was == Standing::Live => {
                let path = deeper(table, id);
                let at = Value::from(self.mark.at_ms);
                self.changes.push(Change::Set(path.clone(), "deletedAt".into(), at));
                match self.mark.by {
                    Some(by) => {
                        let by = Value::from(by.to_string());
                        self.changes.push(Change::Set(path, "deletedBy".into(), by));
                    }
                    None if now.is_some_and(|item| item.get("deletedBy").is_some()) => {
                        self.changes.push(Change::Remove(path, "deletedBy".into()));
                    }
                    None => {}
                }
                self.touch.is = Standing::Tray;
            }
            // It lies in the tray, where it would be put.
            None => {}
        }
        // What was removed for good and is written again comes back, to a person's eyes.
        if self.touch.was == Standing::Absent {
            self.touch = Touch { was: Standing::Tray, is: standing_in(then), ..self.touch };
        }
        self.touch
    }

    /// What stands under a key of a map or a table.
    fn entry(&mut self, node: &'static Node, parent: &Path, key: &str, here: Three<'_>) {
        if self.leaves(here) {
            return;
        }
        let (path, name) = (parent.clone(), key.to_owned());
        match (node, here.now, here.then) {
            (_, None, None) => {}
            (Node::Value(_), now, then) if now == then => {}
            (Node::Value(_), _, Some(then)) => {
                self.changes.push(Change::Set(path, name, then.clone()));
            }
            (Node::Value(_), Some(_), None) => self.changes.push(Change::Remove(path, name)),
            (_, None, Some(then)) => {
                self.changes.push(Change::Create(path, name, node, then.clone()));
            }
            // A container that came since is emptied: containers stay for as long as their item.
            (_, Some(_), _) => self.node(node, &deeper(parent, key), here),
        }
    }

    fn node(&mut self, node: &'static Node, path: &Path, here: Three<'_>) {
        match node {
            Node::Text { chars_max } => {
                let (now, then) = (words(here.now), words(here.then));
                let edits = if self.undoes {
                    text::carry_over(words(here.base), then, now)
                } else {
                    text::edits(now, then)
                };
                let length = edits.iter().fold(i64::from(text::units(now)), |length, edit| {
                    length + i64::from(text::units(&edit.insert)) - i64::from(edit.remove)
                });
                self.fits &= edits.is_empty() || usize::try_from(length).unwrap_or(0) <= *chars_max;
                if !edits.is_empty() {
                    self.changes.push(Change::Text(path.clone(), edits));
                }
            }
            Node::Map(fields) => {
                let is_item = path.len() == 2;
                for field in *fields {
                    let before = self.changes.len();
                    self.entry(&field.node, path, field.name, here.at(field.name));
                    if is_item && self.changes.len() > before {
                        self.touch.key(field.name);
                        if field.name == "deletedAt" {
                            self.touch.is = standing_in(here.then);
                        }
                    }
                }
            }
            Node::Table { row, rows_max, .. } => {
                let mut rows = here.now.and_then(Value::as_object).map_or(0, Object::len);
                for key in here.keys() {
                    let row_here = here.at(&key);
                    match (row_here.now, row_here.then) {
                        _ if self.leaves(row_here) => {}
                        (Some(_), None) => {
                            rows -= 1;
                            self.changes.push(Change::Remove(path.clone(), key));
                        }
                        (now, _) => {
                            rows += usize::from(now.is_none());
                            self.entry(row, path, &key, row_here);
                        }
                    }
                }
                self.fits &= rows <= *rows_max;
            }
            Node::Value(_) => {}
        }
    }
}

fn words(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or("")
}

fn deeper(path: &Path, key: &str) -> Path {
    let mut path = path.clone();
    path.push(key.to_owned());
    path
}

fn map_at(txn: &mut TransactionMut<'_>, path: &[String]) -> Option<MapRef> {
    let (root, keys) = path.split_first()?;
    let mut map = txn.get_or_insert_map(root.as_str());
    for key in keys {
        let Some(Out::YMap(inner)) = map.get(txn, key) else { return None };
        map = inner;
    }
    Some(map)
}

fn text_at(txn: &mut TransactionMut<'_>, path: &[String]) -> Option<TextRef> {
    let (key, parents) = path.split_last()?;
    if parents.is_empty() {
        return Some(txn.get_or_insert_text(key.as_str()));
    }
    match map_at(txn, parents)?.get(txn, key) {
        Some(Out::YText(text)) => Some(text),
        _ => None,
    }
}

/// Writes a value under a key, with every container that the schema wants in it.
pub(super) fn create(
    txn: &mut TransactionMut<'_>,
    parent: &MapRef,
    key: &str,
    node: &Node,
    value: &Value,
) {
    match node {
        Node::Text { .. } => {
            let text = value.as_str().unwrap_or("");
            let _: TextRef = parent.insert(txn, key, TextPrelim::new(text));
        }
        Node::Map(fields) => {
            let map: MapRef = parent.insert(txn, key, MapPrelim::default());
            for field in *fields {
                match (&field.node, value.get(field.name)) {
                    (Node::Value(_), None) => {}
                    (node, inner) => {
                        create(txn, &map, field.name, node, inner.unwrap_or(&Value::Null));
                    }
                }
            }
        }
        Node::Table { row, .. } => {
            let map: MapRef = parent.insert(txn, key, MapPrelim::default());
            for (key, value) in value.as_object().into_iter().flatten() {
                create(txn, &map, key, row, value);
            }
        }
        Node::Value(_) => {
            if let Some(any) = plain(value) {
                parent.insert(txn, key, any);
            }
        }
    }
}

fn plain(value: &Value) -> Option<Any> {
    match value {
        Value::Bool(value) => Some(Any::Bool(*value)),
        Value::Number(number) => number.as_f64().map(Any::from),
        Value::String(text) => Some(Any::String(text.as_str().into())),
        _ => None,
    }
}
