//! Most edits are typing: text, put into a sequence by one client. Such an update is written here
//! again from what was read of it, so that nobody is sent a client's own bytes, and yrs need not
//! work out what it has just been given.

use super::update::{Body, Content, Id, Item, Parent, ParentBranch, Parsed};
use crate::sync::frame::put_varint;
use bytes::{BufMut, Bytes, BytesMut};

/// More structs than typing has: then yrs' own encoding, which joins neighbours, is the better one.
const STRUCTS_MAX: usize = 16;

/// The update, version 1; `None` where it is anything but typing.
pub(super) fn encode(parsed: &Parsed<'_>) -> Option<Bytes> {
    let [block] = parsed.blocks.as_slice() else { return None };
    if !parsed.deletes.is_empty() || block.structs.len() > STRUCTS_MAX {
        return None;
    }
    let mut out = BytesMut::with_capacity(64);
    put_varint(&mut out, 1);
    put_varint(&mut out, block.structs.len() as u64);
    put_varint(&mut out, block.client);
    put_varint(&mut out, u64::from(block.structs.first()?.clock));
    for next in &block.structs {
        let Body::Item(item) = &next.body else { return None };
        put_text(&mut out, item)?;
    }
    // Nobody's clocks are in the delete set.
    put_varint(&mut out, 0);
    Some(out.freeze())
}

fn put_text(out: &mut BytesMut, item: &Item<'_>) -> Option<()> {
    const TEXT: u8 = 4;
    let Content::Text(text) = item.content else { return None };
    let has = |id: Option<Id>, bit: u8| if id.is_some() { bit } else { 0 };
    out.put_u8(TEXT | has(item.origin, 0x80) | has(item.right_origin, 0x40));
    for id in [item.origin, item.right_origin].into_iter().flatten() {
        put_id(out, id);
    }
    match item.parent {
        None => {}
        Some(Parent { branch: ParentBranch::Root(name), key: None }) => {
            put_varint(out, 1);
            put_str(out, name);
        }
        Some(Parent { branch: ParentBranch::Item(id), key: None }) => {
            put_varint(out, 0);
            put_id(out, id);
        }
        Some(Parent { key: Some(_), .. }) => return None,
    }
    put_str(out, text);
    Some(())
}

fn put_id(out: &mut BytesMut, id: Id) {
    put_varint(out, id.client);
    put_varint(out, u64::from(id.clock));
}

fn put_str(out: &mut BytesMut, text: &str) {
    put_varint(out, text.len() as u64);
    out.put_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use crate::sync::guard::{Guard, Schema};
    use sangam_shared::schema::DocumentKind;
    use yrs::{Doc, Map, MapPrelim, OffsetKind, Options, Text, TextPrelim, Transact};

    fn device() -> Doc {
        let id = yrs::block::ClientID::new(7);
        Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(id) })
    }

    fn guard() -> Guard {
        Guard::new(Schema::Roots(DocumentKind::Board.roots()))
    }

    fn typed(guard: &Guard, update: &[u8]) -> Option<Vec<u8>> {
        guard.check(update).unwrap().typing.map(|bytes| bytes.to_vec())
    }

    /// One transaction, as its author sends it.
    fn update(doc: &Doc, edit: impl FnOnce(&mut yrs::TransactionMut<'_>)) -> Vec<u8> {
        let mut txn = doc.transact_mut();
        edit(&mut txn);
        txn.commit();
        txn.encode_update_v1()
    }

    #[test]
    fn typing_is_written_as_yrs_writes_it() {
        let (doc, mut guard) = (device(), guard());
        let minutes = doc.get_or_insert_text("minutes");
        let words = ["n", "amasté", "नमस्ते", "🙂", "x".repeat(300).as_str()].map(str::to_owned);
        for (at, words) in words.iter().enumerate() {
            // At the beginning, in the middle, at the end.
            let update = update(&doc, |txn| minutes.insert(txn, [0, 1, 2, 3, 4][at], words));
            assert_eq!(typed(&guard, &update), Some(update.clone()));
            guard.index(&update).unwrap();
        }
    }

    #[test]
    fn what_may_displace_something_is_not_typing() {
        let (doc, mut guard) = (device(), guard());
        let (minutes, ideas) = (doc.get_or_insert_text("minutes"), doc.get_or_insert_map("ideas"));
        let note = "0190f1e2-0000-7000-8000-00000000000a";
        let edits: [&dyn Fn(&mut yrs::TransactionMut<'_>); 4] = [
            &|txn| {
                let _: yrs::MapRef = ideas.insert(txn, note, MapPrelim::default());
            },
            &|txn| {
                let yrs::Out::YMap(note) = ideas.get(txn, note).unwrap() else { panic!("a map") };
                note.insert(txn, "lang", "en");
                let _: yrs::TextRef = note.insert(txn, "text", TextPrelim::new("a"));
            },
            &|txn| minutes.push(txn, "words"),
            &|txn| minutes.remove_range(txn, 1, 2),
        ];
        for (at, edit) in edits.into_iter().enumerate() {
            let update = update(&doc, edit);
            assert_eq!(typed(&guard, &update).is_some(), at == 2, "edit {at}");
            guard.index(&update).unwrap();
        }
    }
}
