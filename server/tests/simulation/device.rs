//! An honest device: a Yjs document, edits it remembers, and the rules of `sangam.1`.

use bytes::Bytes;
use rand::Rng;
use rand::seq::IndexedRandom;
use sangam_shared::message::RefusalCode;
use std::collections::VecDeque;
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, GetString, Map, MapPrelim, MapRef, OffsetKind, Options, Out, ReadTxn, StateVector, Text,
    TextPrelim, TextRef, Transact, Update,
};

/// Something a person did, and must never lose once it was called saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A note whose text holds this word.
    Wrote { note: String, word: String },
    /// This word was struck out, and must stay so.
    Struck { note: String, word: String },
    /// The note went to the tray.
    Tray { note: String },
}

pub(crate) struct Edit {
    pub(crate) deed: Deed,
    /// The message that carries it, while the connection lives.
    message: Option<u64>,
    pub(crate) acknowledged: bool,
}

/// Two directions of one connection.
#[derive(Default)]
pub(crate) struct Link {
    pub(crate) up: VecDeque<Bytes>,
    pub(crate) down: VecDeque<Bytes>,
    sent: u64,
}

pub(crate) struct Device {
    pub(crate) doc: Doc,
    pub(crate) link: Option<Link>,
    pub(crate) edits: Vec<Edit>,
    next_word: u64,
    name: u64,
    /// Told that it may not write, or that the disk is full: it waits to be asked again.
    pub(crate) refused: bool,
    /// Wrong variant: takes an edit for saved when the server's state vector covers it.
    pub(crate) trusts_state_vectors: bool,
    /// What an honest device must never meet.
    pub(crate) complaint: Option<String>,
}

pub(crate) fn new_doc(client: u64) -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(client))
    })
}

impl Device {
    pub(crate) fn new(name: u64, client: u64) -> Self {
        Self {
            doc: new_doc(client),
            link: None,
            edits: Vec::new(),
            next_word: 0,
            name,
            refused: false,
            trusts_state_vectors: false,
            complaint: None,
        }
    }

    pub(crate) fn client(&self) -> u64 {
        self.doc.client_id().get()
    }

    pub(crate) fn connect(&mut self) {
        self.link = Some(Link::default());
        self.refused = false;
        for edit in &mut self.edits {
            edit.message = None;
        }
        let ours = self.doc.transact().state_vector().encode_v1();
        self.send(sync(0, &ours));
    }

    /// Sends bytes as they are.
    pub(crate) fn post(&mut self, frame: Bytes) {
        if let Some(link) = &mut self.link {
            link.sent += u64::from(sangam::sync::frame::parse(&frame).is_ok_and(|m| m.is_edit()));
            link.up.push_back(frame);
        }
    }

    fn send(&mut self, frame: Bytes) {
        if let Some(link) = &mut self.link {
            link.up.push_back(frame);
        }
    }

    /// Does something, and offers it.
    pub(crate) fn act(&mut self, rng: &mut impl Rng) {
        let Some((deed, update)) = self.change(rng) else { return };
        let message = self.link.as_mut().map(|link| {
            link.sent += 1;
            link.sent
        });
        self.edits.push(Edit { deed, message, acknowledged: false });
        self.send(sync(2, &update));
    }

    fn change(&mut self, rng: &mut impl Rng) -> Option<(Deed, Vec<u8>)> {
        let ideas = self.doc.get_or_insert_map("ideas");
        let mut txn = self.doc.transact_mut();
        self.next_word += 1;
        let word = format!("[{}.{}]", self.name, self.next_word);
        let mut notes: Vec<String> = ideas.keys(&txn).map(str::to_owned).collect();
        notes.sort_unstable();
        let deed = match notes.choose(rng) {
            Some(note) if rng.random_bool(0.7) => {
                let Some(Out::YMap(map)) = ideas.get(&txn, note) else { return None };
                let Some(Out::YText(text)) = map.get(&txn, "text") else { return None };
                match rng.random_range(0..10) {
                    0..=5 => {
                        let len = text.len(&txn);
                        // Not inside somebody's word, so that a word stays one word.
                        let at = if rng.random_bool(0.5) { 0 } else { len };
                        text.insert(&mut txn, at, &word);
                        Deed::Wrote { note: note.clone(), word }
                    }
                    6..=8 => {
                        let whole = text.get_string(&txn);
                        let start = whole.find('[')?;
                        let end = start + whole[start..].find(']')? + 1;
                        let word = whole[start..end].to_owned();
                        let (start, len) = (u32::try_from(start).ok()?, word.len());
                        text.remove_range(&mut txn, start, u32::try_from(len).ok()?);
                        Deed::Struck { note: note.clone(), word }
                    }
                    _ => {
                        map.insert(&mut txn, "deletedAt", 1_649_412_000_000_f64);
                        Deed::Tray { note: note.clone() }
                    }
                }
            }
            _ => {
                let note = uuid::Uuid::from_u128(rng.random()).to_string();
                let map: MapRef = ideas.insert(&mut txn, note.as_str(), MapPrelim::default());
                let _: TextRef = map.insert(&mut txn, "text", TextPrelim::new(word.as_str()));
                let _: MapRef = map.insert(&mut txn, "translations", MapPrelim::default());
                map.insert(&mut txn, "order", "a0");
                Deed::Wrote { note, word }
            }
        };
        txn.commit();
        let update = txn.encode_update_v1();
        Some((deed, update))
    }

    /// Reads one frame of the server.
    pub(crate) fn hear(&mut self, frame: &[u8]) {
        let (kind, rest) = varint(frame);
        match kind {
            0 => {
                let (step, rest) = varint(rest);
                let (_, payload) = varint(rest);
                if step == 0 { self.answer(payload) } else { self.learn(payload) }
            }
            121 => {
                let (n, _) = varint(rest);
                for edit in &mut self.edits {
                    if edit.message.is_some_and(|message| message <= n) {
                        edit.acknowledged = true;
                    }
                }
            }
            122 => {
                let (_, json) = varint(rest);
                let refusal: sangam_shared::message::Refusal =
                    serde_json::from_slice(json).expect("the server's own JSON");
                for edit in &mut self.edits {
                    if edit.message.is_some_and(|message| message <= refusal.n)
                        && !edit.acknowledged
                    {
                        edit.message = None;
                    }
                }
                self.refused = true;
                if !matches!(
                    refusal.code,
                    RefusalCode::Gap | RefusalCode::ReadOnly | RefusalCode::Unavailable
                ) {
                    self.complain(&format!("was refused: {:?}", refusal.code));
                }
            }
            _ => {}
        }
    }

    /// Sync step 2: carries everything that the server lacks, deletions included.
    fn answer(&mut self, state_vector: &[u8]) {
        let theirs = StateVector::decode_v1(state_vector).expect("the server's own bytes");
        let txn = self.doc.transact();
        if self.trusts_state_vectors && txn.state_vector() == theirs {
            self.edits.iter_mut().for_each(|edit| edit.acknowledged = true);
        }
        let update = txn.encode_diff_v1(&theirs);
        drop(txn);
        let Some(link) = &mut self.link else { return };
        link.sent += 1;
        let n = link.sent;
        for edit in &mut self.edits {
            if edit.message.is_none() {
                edit.message = Some(n);
            }
        }
        self.refused = false;
        self.send(sync(1, &update));
    }

    fn learn(&mut self, update: &[u8]) {
        let update = Update::decode_v1(update).expect("the server's own bytes");
        let applied = self.doc.transact_mut().apply_update(update);
        if applied.is_err() || self.doc.transact().has_missing_updates() {
            self.complain("was sent an update whose past it lacks");
        }
    }

    pub(crate) fn complain(&mut self, of: &str) {
        self.complaint.get_or_insert(format!("device {} {of}", self.name));
    }

    /// The server's log was replaced by a backup: nothing is saved before it is offered again.
    pub(crate) fn doubt(&mut self) {
        self.edits.iter_mut().for_each(|edit| edit.acknowledged = false);
    }

    pub(crate) fn unsaved(&self) -> usize {
        self.edits.iter().filter(|edit| !edit.acknowledged).count()
    }
}

/// What a document says, as canonical JSON.
pub(crate) fn content(doc: &Doc) -> String {
    let ideas = doc.get_or_insert_map("ideas");
    let mut json = String::new();
    ideas.to_json(&doc.transact()).to_json(&mut json);
    let sorted: std::collections::BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&json).expect("yrs writes JSON");
    serde_json::to_string(&sorted).expect("JSON")
}

/// Whether a deed is in a document.
pub(crate) fn holds(doc: &Doc, deed: &Deed) -> bool {
    let ideas = doc.get_or_insert_map("ideas");
    let txn = doc.transact();
    let note = match deed {
        Deed::Wrote { note, .. } | Deed::Struck { note, .. } | Deed::Tray { note } => note,
    };
    let Some(Out::YMap(map)) = ideas.get(&txn, note) else { return false };
    let Some(Out::YText(text)) = map.get(&txn, "text") else { return false };
    match deed {
        Deed::Wrote { word, .. } => text.get_string(&txn).contains(word.as_str()),
        Deed::Struck { word, .. } => !text.get_string(&txn).contains(word.as_str()),
        Deed::Tray { .. } => map.get(&txn, "deletedAt").is_some(),
    }
}

pub(crate) fn sync(step: u8, payload: &[u8]) -> Bytes {
    let mut frame = bytes::BytesMut::from(&[0, step][..]);
    sangam::sync::frame::put_varint(&mut frame, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame.freeze()
}

fn varint(mut bytes: &[u8]) -> (u64, &[u8]) {
    let (mut value, mut shift) = (0, 0);
    while let [byte, rest @ ..] = bytes {
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        bytes = rest;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (value, bytes)
}
