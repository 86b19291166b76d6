//! A room's document in memory: yrs, the guard's index, and who owns which Yjs client id.
//! The only place in the server where yrs reads bytes that came from a client.

use super::Edit;
use crate::store::{Author, ClientId, Loaded};
use crate::sync::frame;
use crate::sync::guard::{Checked, Guard, Refused, Schema};
use bytes::Bytes;
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, OffsetKind, Options, ReadTxn, StateVector, Transact, Update};

/// An update of at most so many bytes may be passed on with what was known of it already, which
/// readers skip; of a longer one they get what is new alone.
const SMALL_UPDATE_BYTES: usize = 512;

/// What became of an edit.
pub(super) enum Taken {
    /// Everything in it was known before.
    Known,
    /// It is in memory now, and must be stored.
    News {
        /// What it changed, encoded by us.
        update: Bytes,
        /// Yjs client ids that were nobody's before.
        claims: Vec<(ClientId, Author)>,
    },
}

/// The document, and what is known of it.
pub(super) struct Content {
    /// After a panic inside yrs the document must not even be dropped: it is not memory-safe.
    doc: ManuallyDrop<Doc>,
    broken: bool,
    guard: Guard,
    owners: HashMap<ClientId, Author>,
    damage: Option<String>,
    /// The state's size, rounded up.
    bytes: usize,
    /// The full state as a frame, for everybody who joins at this version.
    reply: Option<Bytes>,
    /// Our state vector as a frame.
    question: Option<Bytes>,
}

impl Drop for Content {
    fn drop(&mut self) {
        if !self.broken {
            let doc = std::mem::replace(&mut self.doc, ManuallyDrop::new(Doc::new()));
            drop(ManuallyDrop::into_inner(doc));
        }
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
            doc: ManuallyDrop::new(doc),
            broken: false,
            guard: Guard::new(schema),
            owners: loaded.claims.iter().copied().collect(),
            damage: loaded.damage.clone(),
            bytes: 0,
            reply: None,
            question: None,
        };
        let snapshot = loaded.snapshot.iter().map(|(at, update)| (*at, update));
        let tail = loaded.tail.iter().map(|stored| (stored.sequence, &stored.delta.update));
        for (sequence, update) in snapshot.chain(tail) {
            content.bytes += update.len();
            let fits = content.guard.index(update).is_ok();
            if !fits || content.apply(update).is_none() {
                content.damage = Some(format!("the log cannot be read at sequence {sequence}"));
                break;
            }
        }
        content
    }

    /// Takes a client's update, or leaves everything as it was.
    pub(super) fn take(&mut self, update: &[u8], author: Author) -> Result<Taken, RefusalCode> {
        let checked = self.guard.check(update).map_err(Refused::code)?;
        if !checked.has_news {
            return Ok(Taken::Known);
        }
        let mut claims = Vec::new();
        for writer in &checked.writers {
            match self.owners.get(writer) {
                None => claims.push((*writer, author)),
                Some(owner) if *owner == author => {}
                Some(_) => return Err(RefusalCode::ForeignClient),
            }
        }
        // Deleting for good is for whoever made it; everybody else uses the tray.
        if checked.removed_rows.iter().any(|creator| self.owners.get(creator) != Some(&author)) {
            return Err(RefusalCode::Schema);
        }
        if !self.has_space(update.len()) {
            return Err(RefusalCode::TooLarge);
        }
        let delta = self.apply(update).ok_or(RefusalCode::Malformed)?;
        self.admit(checked, &delta)?;
        self.owners.extend(claims.iter().copied());
        Ok(Taken::News { update: delta, claims })
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
            txn.has_changes().then(|| Bytes::from(txn.encode_update_v1()))
        }));
        let Ok(update) = written else {
            self.broken = true;
            return Err(RefusalCode::Malformed);
        };
        let Some(update) = update else { return Ok(Taken::Known) };
        let Ok(checked) = self.guard.check(&update) else {
            // The server's own edit does not fit: a programming error, and not to be stored.
            self.broken = true;
            return Err(RefusalCode::Schema);
        };
        let claims: Vec<_> = checked
            .writers
            .iter()
            .filter(|writer| !self.owners.contains_key(writer))
            .map(|writer| (*writer, Author::Server))
            .collect();
        self.admit(checked, &update)?;
        self.owners.extend(claims.iter().copied());
        Ok(Taken::News { update, claims })
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

    /// yrs panicked or refused what the guard let through: load the document afresh.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    fn admit(&mut self, checked: Checked, delta: &[u8]) -> Result<(), RefusalCode> {
        self.bytes += delta.len();
        self.guard.admit(checked, delta).map_err(|refused| {
            self.broken = true;
            refused.code()
        })
    }

    /// Whether so many bytes more fit. The running sum forgets that deletions give space back, so
    /// the state is measured before anybody is refused.
    fn has_space(&mut self, bytes: usize) -> bool {
        if self.bytes + bytes > limits::DOCUMENT_BYTES_MAX {
            self.bytes = self.state().len();
        }
        self.bytes + bytes <= limits::DOCUMENT_BYTES_MAX
    }

    fn apply(&mut self, update: &[u8]) -> Option<Bytes> {
        self.reply = None;
        self.question = None;
        let doc = &*self.doc;
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let small = update.len() <= SMALL_UPDATE_BYTES;
            let update = Update::decode_v1(update).ok()?;
            let own = small.then(|| update.encode_v1());
            let mut txn = doc.transact_mut();
            txn.apply_update(update).ok()?;
            txn.commit();
            // To encode a transaction, yrs walks every client that ever wrote. A small update that
            // deleted nothing has changed what it says: then its own encoding will do.
            let own = own.filter(|_| txn.delete_set().is_empty());
            Some(Bytes::from(own.unwrap_or_else(|| txn.encode_update_v1())))
        }));
        let delta = applied.ok().flatten();
        self.broken |= delta.is_none();
        delta
    }
}
