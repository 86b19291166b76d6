//! A room's document in memory: yrs, the guard's index, and who owns which Yjs client id.
//! The only place in the server where yrs reads bytes that came from a client.

use super::Edit;
use crate::store::{Author, ClientId, Loaded};
use crate::sync::fragile::Fragile;
use crate::sync::frame;
use crate::sync::guard::{self, Between, Checked, Guard, Id, Refused, Schema};
use bytes::Bytes;
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Assoc, Doc, ID, OffsetKind, Options, ReadTxn, StateVector, StickyIndex, Transact, Update,
};

/// What became of an edit.
pub(super) enum Taken {
    /// Everything in it was known before.
    Known,
    /// It is in memory now, and must be stored.
    News {
        /// What it changed, encoded by us: piece by piece, in the order in which it was applied.
        updates: Vec<Bytes>,
        /// Yjs client ids that were nobody's before.
        claims: Vec<(ClientId, Author)>,
    },
}

/// Whose edits a message may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those of Yjs client ids that are the sender's, or nobody's yet.
    Own,
    /// Everybody's: they were acknowledged once, and the log has lost them.
    Anybodys,
}

/// The document, and what is known of it.
pub(super) struct Content {
    /// After a panic inside yrs the document must not even be dropped: it is not memory-safe.
    doc: Fragile,
    /// Something is in it that must not be stored. It is sound, and may be dropped.
    spoiled: bool,
    guard: Guard,
    owners: HashMap<ClientId, Author>,
    damage: Option<String>,
    /// The state's size, rounded up.
    size: Size,
    /// Whether the size is exact: nothing has changed since it was measured.
    measured: bool,
    /// The full state as a frame, for everybody who joins at this version.
    reply: Option<Bytes>,
    /// Our state vector as a frame.
    question: Option<Bytes>,
}

/// What an edit did to the document.
struct Applied {
    /// The change, encoded by us.
    delta: Bytes,
    /// Whether something may have been deleted by it.
    displaces: bool,
}

/// How much a document holds.
#[derive(Clone, Copy, Default)]
struct Size {
    bytes: usize,
    structs: usize,
}

impl Size {
    fn add(&mut self, bytes: usize, structs: usize) {
        self.bytes += bytes;
        self.structs += structs;
    }

    fn has_room_for(self, bytes: usize, structs: usize) -> bool {
        self.bytes + bytes <= limits::DOCUMENT_BYTES_MAX
            && self.structs + structs <= limits::STRUCTS_PER_DOCUMENT_MAX
    }
}

impl Content {
    pub(super) fn load(kind: DocumentKind, loaded: &Loaded, writer: ClientId) -> Self {
        let schema = match kind {
            DocumentKind::Board | DocumentKind::Private => Schema::Roots(kind.roots()),
            // Written by the server alone, so its shape needs no second opinion.
            DocumentKind::Stage => Schema::Open,
        };
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            cleanup_formatting: false,
            ..Options::with_client_id(yrs::block::ClientID::new(writer))
        });
        let mut content = Self {
            doc: Fragile::new(doc),
            spoiled: false,
            guard: Guard::new(schema),
            owners: loaded.claims.iter().copied().collect(),
            damage: loaded.damage.clone(),
            size: Size::default(),
            measured: false,
            reply: None,
            question: None,
        };
        let snapshot = loaded.snapshot.iter().map(|(at, update)| (*at, update));
        let tail = loaded.tail.iter().map(|stored| (stored.sequence, &stored.delta.update));
        for (sequence, update) in snapshot.chain(tail) {
            let indexed = content.guard.index(update);
            content.size.add(update.len(), *indexed.as_ref().unwrap_or(&0));
            if indexed.is_err() || content.apply(update, None).is_none() {
                content.damage = Some(format!("the log cannot be read at sequence {sequence}"));
                break;
            }
        }
        content
    }

    /// Takes a client's update, or leaves everything as it was.
    pub(super) fn take(
        &mut self,
        update: &[u8],
        author: Author,
        whose: Whose,
    ) -> Result<Taken, RefusalCode> {
        let mut checked = self.guard.check(update).map_err(Refused::code)?;
        if !checked.has_news {
            return Ok(Taken::Known);
        }
        let mut claims = Vec::new();
        for writer in &checked.writers {
            match self.owners.get(writer) {
                // Whoever brings somebody else's edits back does not become that person.
                _ if whose == Whose::Anybodys => {}
                None => claims.push((*writer, author)),
                Some(owner) if *owner == author => {}
                Some(_) => return Err(RefusalCode::ForeignClient),
            }
        }
        // Deleting for good is for whoever made it; everybody else uses the tray.
        // A row that comes and goes in one update belongs to the client id that is claimed with it.
        let owns = |creator: &ClientId| match self.owners.get(creator) {
            Some(owner) => *owner == author,
            None => checked.writers.contains(creator),
        };
        if !checked.removed_rows.iter().all(owns) {
            return Err(RefusalCode::Schema);
        }
        if !claims.is_empty() && claims.len() > self.claims_left(author) {
            return Err(RefusalCode::TooLarge);
        }
        if !self.has_space(update.len(), checked.structs) {
            return Err(RefusalCode::TooLarge);
        }
        let typing = checked.typing.take();
        let mut applied = Vec::with_capacity(checked.pieces.len().max(1));
        if checked.pieces.is_empty() {
            applied.push(self.apply(update, typing).ok_or(RefusalCode::Malformed)?);
        }
        for piece in &checked.pieces {
            applied.push(self.apply(piece, None).ok_or(RefusalCode::Malformed)?);
        }
        if !checked.between.iter().all(|placed| self.is_in_order(placed)) {
            // Other replicas would put it elsewhere. It is in the document already, so the
            // document goes; nothing of it was stored or sent.
            self.spoiled = true;
            return Err(RefusalCode::Malformed);
        }
        self.admit(checked, applied, claims)
    }

    /// For those who may not write: fine as long as it says nothing new.
    pub(super) fn only_known(
        &self,
        update: &[u8],
        otherwise: RefusalCode,
    ) -> Result<Taken, RefusalCode> {
        match self.guard.check(update) {
            Ok(checked) if !checked.has_news => Ok(Taken::Known),
            Err(refused) if refused.code() == RefusalCode::Malformed => Err(RefusalCode::Malformed),
            _ => Err(otherwise),
        }
    }

    /// An edit of the server itself.
    pub(super) fn write(&mut self, edit: Edit) -> Result<Taken, RefusalCode> {
        self.reply = None;
        self.question = None;
        let doc = &*self.doc;
        let written = catch_unwind(AssertUnwindSafe(|| {
            let mut txn = doc.transact_mut();
            edit(doc, &mut txn);
            txn.commit();
            txn.has_changes()
                .then(|| Applied { delta: Bytes::from(txn.encode_update_v1()), displaces: true })
        }));
        let Ok(update) = written else {
            self.doc.lose();
            return Err(RefusalCode::Malformed);
        };
        let Some(applied) = update else { return Ok(Taken::Known) };
        let Ok(checked) = self.guard.check_own(&applied.delta) else {
            // The server's own edit does not fit: a programming error, and not to be stored.
            self.doc.lose();
            return Err(RefusalCode::Schema);
        };
        let claims: Vec<_> = checked
            .writers
            .iter()
            .filter(|writer| !self.owners.contains_key(writer))
            .map(|writer| (*writer, Author::Server))
            .collect();
        self.admit(checked, vec![applied], claims)
    }

    /// Answers sync step 1. `state_vector` has passed the guard.
    pub(super) fn reply(&mut self, state_vector: &[u8]) -> Bytes {
        let theirs = StateVector::decode_v1(state_vector).unwrap_or_default();
        if !theirs.is_empty() {
            return frame::sync_step_2(&self.doc.transact().encode_diff_v1(&theirs));
        }
        if let Some(reply) = &self.reply {
            return reply.clone();
        }
        let reply = frame::sync_step_2(&self.state());
        self.reply = Some(reply.clone());
        reply
    }

    /// Our sync step 1.
    pub(super) fn question(&mut self) -> Bytes {
        if let Some(question) = &self.question {
            return question.clone();
        }
        let ours = self.doc.transact().state_vector().encode_v1();
        let question = frame::sync_step_1(&ours);
        self.question = Some(question.clone());
        question
    }

    /// The whole state as one update.
    pub(super) fn state(&self) -> Bytes {
        self.doc.transact().encode_diff_v1(&StateVector::default()).into()
    }

    pub(super) fn doc(&self) -> &Doc {
        &self.doc
    }

    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// yrs panicked or refused what the guard let through, or something stands in the wrong place:
    /// load the document afresh.
    pub(super) fn is_broken(&self) -> bool {
        self.doc.is_lost() || self.spoiled
    }

    /// What yrs has applied comes into the index, and becomes news.
    fn admit(
        &mut self,
        checked: Checked,
        applied: Vec<Applied>,
        claims: Vec<(ClientId, Author)>,
    ) -> Result<Taken, RefusalCode> {
        let displaces = applied.iter().any(|piece| piece.displaces);
        let updates: Vec<Bytes> = applied.into_iter().map(|piece| piece.delta).collect();
        self.size.add(updates.iter().map(Bytes::len).sum(), checked.structs);
        self.measured = false;
        if displaces {
            self.guard.admit(checked, &updates).map_err(|refused| {
                self.doc.lose();
                refused.code()
            })?;
        } else {
            self.guard.admit_typing(checked);
        }
        self.owners.extend(claims.iter().copied());
        Ok(Taken::News { updates, claims })
    }

    /// Whether so much more fits. The running sums forget that deletions give space back and that
    /// neighbours are merged, so the state is measured before anybody is refused, once.
    fn has_space(&mut self, bytes: usize, structs: usize) -> bool {
        if !self.size.has_room_for(bytes, structs) && !self.measured {
            let state = self.state();
            let structs = guard::struct_count(&state).unwrap_or(self.size.structs);
            self.size = Size { bytes: state.len(), structs };
            self.measured = true;
        }
        self.size.has_room_for(bytes, structs)
    }

    /// How many client ids somebody may still claim, so that nobody takes them all.
    fn claims_left(&self, author: Author) -> usize {
        let claimed = self.owners.values().filter(|owner| **owner == author).count();
        limits::CLIENTS_PER_AUTHOR_MAX.saturating_sub(claimed)
    }

    /// Whether an item stands between the neighbours that its author named. An author who names
    /// them in the wrong order makes every replica place it elsewhere.
    fn is_in_order(&self, placed: &Between) -> bool {
        let txn = self.doc.transact();
        let at = |id: Id| {
            let id = ID::new(yrs::block::ClientID::new(id.client), id.clock);
            let offset = StickyIndex::from_id(id, Assoc::After).get_offset(&txn);
            offset.map(|offset| offset.index)
        };
        match (at(placed.left), at(placed.item), at(placed.right)) {
            (Some(left), Some(item), Some(right)) => left <= item && item <= right,
            // Collected at once: it stands nowhere.
            _ => true,
        }
    }

    /// `typing` is the update as we write it, where that may be all that there is to say.
    fn apply(&mut self, update: &[u8], typing: Option<Bytes>) -> Option<Applied> {
        self.reply = None;
        self.question = None;
        let doc = &*self.doc;
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let update = Update::decode_v1(typing.as_deref().unwrap_or(update)).ok()?;
            let mut txn = doc.transact_mut();
            txn.apply_update(update).ok()?;
            txn.commit();
            // To encode a transaction, yrs compares the clocks of everybody who ever wrote. Where
            // nothing was deleted, by name or by losing its place, the change is what came.
            Some(match typing.filter(|_| txn.delete_set().is_empty()) {
                Some(delta) => Applied { delta, displaces: false },
                None => Applied { delta: txn.encode_update_v1().into(), displaces: true },
            })
        }));
        let applied = applied.ok().flatten();
        if applied.is_none() {
            self.doc.lose();
        }
        applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sangam_shared::ids::PersonId;
    use uuid::Uuid;
    use yrs::{Map, MapPrelim, Text};

    const NOTE: &str = "0190f1e2-0000-7000-8000-00000000000a";

    fn person(n: u128) -> Author {
        Author::Person(PersonId(Uuid::from_u128(n)))
    }

    fn board() -> Content {
        Content::load(DocumentKind::Board, &Loaded::default(), 1)
    }

    fn device(client: ClientId) -> Doc {
        Doc::with_client_id(client)
    }

    fn whole(doc: &Doc) -> Vec<u8> {
        doc.transact().encode_diff_v1(&StateVector::default())
    }

    #[test]
    fn a_row_that_comes_and_goes_in_one_update_is_its_authors() {
        let device = device(5);
        let ideas = device.get_or_insert_map("ideas");
        ideas.insert(&mut device.transact_mut(), NOTE, MapPrelim::default());
        ideas.remove(&mut device.transact_mut(), NOTE);
        assert!(matches!(
            board().take(&whole(&device), person(1), Whose::Own),
            Ok(Taken::News { .. })
        ));
    }

    #[test]
    fn nobody_takes_all_client_ids() {
        let mut content = board();
        let taken = |content: &mut Content, client, who| {
            let device = device(client);
            device.get_or_insert_text("minutes").push(&mut device.transact_mut(), "x");
            content.take(&whole(&device), person(who), Whose::Own).map(drop)
        };
        for client in 0..limits::CLIENTS_PER_AUTHOR_MAX as ClientId {
            assert_eq!(taken(&mut content, 10 + client, 1), Ok(()));
        }
        assert_eq!(taken(&mut content, 1_000_000, 1), Err(RefusalCode::TooLarge));
        assert_eq!(taken(&mut content, 1_000_000, 2), Ok(()));
    }

    #[test]
    fn a_document_of_many_structs_is_full_and_still_reads_back() {
        let mut content = board();
        let device = device(5);
        let minutes = device.get_or_insert_text("minutes");
        let mut log = Vec::new();
        let mut full = false;
        // Two letters, then one between them, and so on: nothing can be merged.
        for round in 0..20 {
            let mut txn = device.transact_mut();
            for _ in 0..20_000 {
                minutes.insert(&mut txn, 0, "x");
            }
            minutes.remove_range(&mut txn, 1, if round == 0 { 19_999 } else { 20_000 });
            txn.commit();
            let update = txn.encode_update_v1();
            drop(txn);
            match content.take(&update, person(1), Whose::Own) {
                Ok(Taken::News { updates, .. }) => log.extend(updates),
                Ok(Taken::Known) => unreachable!("it is new"),
                Err(code) => {
                    assert_eq!(code, RefusalCode::TooLarge);
                    full = true;
                    break;
                }
            }
        }
        assert!(full, "it never was full");
        let snapshot = content.state();
        let loaded = Loaded {
            snapshot: Some((log.len() as u64, snapshot.clone())),
            head: log.len() as u64,
            ..Loaded::default()
        };
        let again = Content::load(DocumentKind::Board, &loaded, 2);
        assert_eq!(again.damage(), None);
        assert_eq!(again.state(), snapshot);
    }
}
