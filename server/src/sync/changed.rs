//! Which documents have changed since somebody last asked. A note is a number in a set: a room never
//! waits for whoever reads it, and a busy document is one entry however much it changes.

use sangam_shared::ids::DocumentId;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// The documents that have changed.
#[derive(Debug, Default)]
pub struct Changed {
    documents: Mutex<BTreeSet<DocumentId>>,
    some: Notify,
}

impl Changed {
    /// Notes that a document has changed.
    pub fn note(&self, document: DocumentId) {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(document);
        self.some.notify_one();
    }

    /// Returns when something was noted. For one reader.
    pub async fn wait(&self) {
        self.some.notified().await;
    }

    /// Takes all notes.
    pub fn take(&self) -> BTreeSet<DocumentId> {
        std::mem::take(&mut *self.documents.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_note_wakes_its_reader_and_is_taken_once() {
        let changed = Changed::default();
        let document = DocumentId(Uuid::from_u128(1));
        // Noted before anybody waits: not lost.
        changed.note(document);
        changed.note(document);
        changed.wait().await;
        assert_eq!(changed.take(), BTreeSet::from([document]));
        assert!(changed.take().is_empty());
    }
}
