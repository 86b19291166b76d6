//! Packages: ZIP files of named parts, the same bytes for the same content.

use crate::export::ExportError;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The start of every part that is XML.
pub(super) const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// A package under construction.
pub(super) struct Package(ZipWriter<Cursor<Vec<u8>>>);

impl Package {
    pub(super) fn new() -> Self {
        Self(ZipWriter::new(Cursor::new(Vec::new())))
    }

    /// A part, compressed.
    pub(super) fn part(&mut self, name: &str, content: &[u8]) -> Result<(), ExportError> {
        self.add(name, content, CompressionMethod::Deflated)
    }

    /// A part as it is: what is compressed already, and ODF's `mimetype`.
    pub(super) fn stored(&mut self, name: &str, content: &[u8]) -> Result<(), ExportError> {
        self.add(name, content, CompressionMethod::Stored)
    }

    fn add(
        &mut self,
        name: &str,
        content: &[u8],
        method: CompressionMethod,
    ) -> Result<(), ExportError> {
        // No time of day inside: the same report is the same file.
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default());
        self.0.start_file(name, options).map_err(|error| ExportError::new(&error))?;
        self.0.write_all(content).map_err(|error| ExportError::new(&error))
    }

    /// The file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ExportError> {
        Ok(self.0.finish().map_err(|error| ExportError::new(&error))?.into_inner())
    }
}
