//! A document of yrs that may have to be given up: after a panic inside yrs it is not memory-safe,
//! and must not even be dropped.

use std::mem;
use std::ops::Deref;
use yrs::Doc;

/// The document. Dropped like any other, unless it was lost.
pub(crate) struct Fragile {
    /// There until it is dropped.
    doc: Option<Doc>,
    lost: bool,
}

impl Fragile {
    pub(crate) fn new(doc: Doc) -> Self {
        Self { doc: Some(doc), lost: false }
    }

    /// It is not to be trusted any more. Its memory stays with the process.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }
}

impl Deref for Fragile {
    type Target = Doc;

    fn deref(&self) -> &Doc {
        self.doc.as_ref().expect("it is taken out by drop alone")
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if self.lost {
            mem::forget(self.doc.take());
        }
    }
}
