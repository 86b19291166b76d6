//! What leaves the room: one neutral report, and one writer per format.
//!
//! Everything here is computed from what was already read: no writer opens a file, a socket or a
//! process, and no text of a board is ever executed or included.

pub mod csv;
pub mod document;
pub mod docx;
pub mod html;
pub mod ics;
pub mod markdown;
pub mod odt;
mod package;
pub mod sheets;
pub mod text;
mod words;
pub mod xlsx;

pub use words::Language;

/// A file could not be made. Nothing of it leaves.
#[derive(Debug, thiserror::Error)]
#[error("the file could not be made: {cause}")]
pub struct ExportError {
    cause: String,
}

impl ExportError {
    fn new(cause: &dyn std::fmt::Display) -> Self {
        Self { cause: cause.to_string() }
    }
}
