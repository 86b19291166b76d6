//! What leaves the room: one neutral report, and one writer per format.
//!
//! Everything here is computed from what was already read: no writer opens a file, a socket or a
//! process, and no text of a board is ever executed or included.

pub mod csv;
pub mod document;
pub mod docx;
pub mod dossier;
pub mod html;
pub mod ics;
pub mod json;
pub mod markdown;
pub mod odt;
mod package;
pub mod report;
pub mod sheets;
pub mod text;
mod words;
pub mod xlsx;

pub use words::Language;

use dossier::{Dossier, PersonalData, Scope, Source};
use package::Package;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::str::FromStr;

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

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Word.
    Docx,
    /// `OpenDocument` text.
    Odt,
    /// Excel.
    Xlsx,
    /// The plans as one table.
    Csv,
    /// Markdown.
    Markdown,
    /// The deadlines as a calendar.
    Ics,
    /// Everything as data.
    Json,
    /// One page.
    Html,
    /// All of these, with checksums.
    Zip,
}

impl Format {
    /// Every format, in the order in which people are offered them.
    pub const ALL: [Self; 9] = [
        Self::Docx,
        Self::Odt,
        Self::Html,
        Self::Markdown,
        Self::Xlsx,
        Self::Csv,
        Self::Ics,
        Self::Json,
        Self::Zip,
    ];

    /// As addresses, the command line and file names say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docx => "docx",
            Self::Odt => "odt",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Ics => "ics",
            Self::Json => "json",
            Self::Html => "html",
            Self::Zip => "zip",
        }
    }

    /// As HTTP says it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Ics => "text/calendar; charset=utf-8",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Zip => "application/zip",
        }
    }
}

/// Not a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of docx, odt, html, md, xlsx, csv, ics, json, zip, found {0:?}")]
pub struct NotAFormat(String);

impl FromStr for Format {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| NotAFormat(text.chars().take(20).collect()))
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What kind of file.
    pub format: Format,
    /// One, or two side by side. Tables and calendars are in the first.
    pub languages: Vec<Language>,
    /// Whether people are named.
    pub personal: PersonalData,
    /// How much leaves.
    pub scope: Scope,
}

/// A file that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// What to call it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Characters that no file can hold, and that stand in it as a visible sign.
    pub replaced: usize,
}

/// Makes the file.
///
/// # Errors
/// [`ExportError`]
pub fn file(source: Source, choice: &Choice) -> Result<ExportFile, ExportError> {
    let name = format!("{}-{}.{}", source.event.slug, source.event.date, choice.format.as_str());
    let dossier = Dossier::new(source, choice.personal, choice.scope);
    let mut made = Made { dossier: &dossier, languages: &choice.languages, replaced: 0 };
    let bytes = made.bytes(choice.format)?;
    Ok(ExportFile { name, bytes, replaced: made.replaced })
}

struct Made<'d> {
    dossier: &'d Dossier,
    languages: &'d [Language],
    replaced: usize,
}

impl Made<'_> {
    fn bytes(&mut self, format: Format) -> Result<Vec<u8>, ExportError> {
        match format {
            Format::Docx => docx::write(&self.document()),
            Format::Odt => odt::write(&self.document()),
            Format::Html => Ok(html::write(&self.document()).into_bytes()),
            Format::Markdown => Ok(markdown::write(&self.document()).into_bytes()),
            Format::Xlsx => {
                let sheets = sheets::build(self.dossier, self.first());
                let title = self.document();
                xlsx::write(&title, &sheets, &mut self.replaced)
            }
            Format::Csv => {
                let sheets = sheets::build(self.dossier, self.first());
                Ok(csv::write(&sheets[0], &mut self.replaced).into_bytes())
            }
            Format::Ics => {
                let calendar = ics::build(self.dossier, self.first());
                Ok(ics::write(&calendar, &mut self.replaced).into_bytes())
            }
            Format::Json => json::write(self.dossier),
            Format::Zip => self.archive(),
        }
    }

    fn first(&self) -> Language {
        self.languages.first().copied().unwrap_or(Language::English)
    }

    fn document(&mut self) -> document::Document {
        let mut document = report::build(self.dossier, self.languages);
        self.replaced += document.make_visible();
        document
    }

    /// Every other format, all tables, the schema, and a list of checksums that `sha256sum -c` reads.
    fn archive(&mut self) -> Result<Vec<u8>, ExportError> {
        let mut package = Package::new();
        let mut sums = String::new();
        let mut add = |name: &str, bytes: &[u8], packed: bool| {
            let sum = Sha256::digest(bytes);
            for byte in sum {
                write!(sums, "{byte:02x}").expect("a String takes everything");
            }
            writeln!(sums, "  {name}").expect("a String takes everything");
            if packed { package.stored(name, bytes) } else { package.part(name, bytes) }
        };
        for format in Format::ALL {
            if matches!(format, Format::Zip | Format::Csv) {
                continue;
            }
            let packed = matches!(format, Format::Docx | Format::Odt | Format::Xlsx);
            let name = format!("report.{}", format.as_str());
            add(&name, &self.bytes(format)?, packed)?;
        }
        for sheet in sheets::build(self.dossier, self.first()) {
            let text = csv::write(&sheet, &mut self.replaced);
            add(&format!("{}.csv", sheet.key), text.as_bytes(), false)?;
        }
        add("event.schema.json", json::SCHEMA.as_bytes(), false)?;
        package.part("SHA256SUMS", sums.as_bytes())?;
        package.finish()
    }
}

#[cfg(test)]
mod tests;
