//! The neutral document: what a report says, in order, before any format is chosen. Every writer
//! of a text format takes it, so that all of them say the same.

use crate::export::text::visible;
use jiff::civil::Date;

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// For the window's title bar and the file's properties.
    pub title: String,
    /// The language of what we say ourselves; passages have their own.
    pub language: String,
    /// The day of the event.
    pub date: Date,
    /// In order of reading.
    pub blocks: Vec<Block>,
}

/// One step of reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// The report's title, once.
    Title(Line),
    /// A heading of level 1 to 4.
    Heading {
        /// 1 is a part of the report.
        level: u8,
        /// Unique in the document: lower-case ASCII letters, digits, hyphens.
        id: String,
        /// What it says.
        line: Line,
    },
    /// A paragraph.
    Paragraph(Line),
    /// A paragraph about the one before it: who, where, when.
    Aside(Line),
    /// Points.
    List(Vec<Line>),
    /// Links to the headings of levels 1 and 2.
    Contents(Line),
    /// Rows.
    Table(Table),
}

/// Text on one line or several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line(pub Vec<Run>);

/// A passage in one language and one face.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What it says; `\n` is a line break.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// How it looks.
    pub face: Face,
    /// Where it leads: an address of the web.
    pub link: Option<String>,
}

/// How a passage looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Face {
    /// As its surroundings.
    #[default]
    Plain,
    /// Bold.
    Strong,
}

/// A table: a caption, perhaps a row of headers, and rows of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: Line,
    /// Over the columns.
    pub header: Option<Vec<Line>>,
    /// Whether the first cell of each row is its header.
    pub row_headers: bool,
    /// A row with too few cells stretches its last one.
    pub rows: Vec<Vec<Cell>>,
}

/// Paragraphs of one cell.
pub type Cell = Vec<Line>;

impl Line {
    /// One passage.
    #[must_use]
    pub fn new(text: impl Into<String>, language: &str) -> Self {
        Self(vec![Run::new(text, language)])
    }

    /// The same, and a passage more.
    #[must_use]
    pub fn and(mut self, run: Run) -> Self {
        self.0.push(run);
        self
    }

    /// Without languages and faces.
    #[must_use]
    pub fn plain(&self) -> String {
        self.0.iter().map(|run| run.text.as_str()).collect()
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|run| run.text.is_empty())
    }
}

impl Run {
    /// A plain passage.
    #[must_use]
    pub fn new(text: impl Into<String>, language: &str) -> Self {
        let (text, language) = (text.into(), language.to_owned());
        Self { text, language, face: Face::Plain, link: None }
    }

    /// The same, bold.
    #[must_use]
    pub fn strong(mut self) -> Self {
        self.face = Face::Strong;
        self
    }

    /// The same, leading to an address of the web; any other address stays text.
    #[must_use]
    pub fn to(mut self, address: &str) -> Self {
        self.link = web_address(address);
        self
    }
}

/// An address that a reader may safely be led to: `https://` or `http://`, nothing that runs.
fn web_address(address: &str) -> Option<String> {
    let address = address.trim();
    let known = ["https://", "http://"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let plain = address.chars().all(|c| !c.is_control() && !c.is_whitespace());
    (known && plain).then(|| address.to_owned())
}

impl Table {
    /// How many columns it has.
    #[must_use]
    pub fn columns(&self) -> usize {
        let widest = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        self.header.as_ref().map_or(0, Vec::len).max(widest).max(1)
    }

    /// The columns' shares of a width: codes and clock times leave their room to prose.
    #[must_use]
    pub fn widths(&self, whole: usize) -> Vec<usize> {
        const NARROWEST: usize = 12;
        const WIDEST: usize = 60;
        let columns = self.columns();
        let length = |cell: &[Line]| {
            cell.iter().map(|line| line.plain().chars().take(WIDEST).count()).max().unwrap_or(0)
        };
        let mut shares = vec![NARROWEST; columns];
        for row in self.rows.iter().filter(|row| row.len() == columns) {
            for (share, cell) in shares.iter_mut().zip(row) {
                *share = (*share).max(length(cell));
            }
        }
        if self.row_headers && columns > 1 {
            // A quarter for the names of the rows, whatever stands beside them.
            let rest = (whole - whole / 4) / (columns - 1);
            let mut widths = vec![rest; columns];
            widths[0] = whole / 4;
            return widths;
        }
        let all: usize = shares.iter().sum();
        shares.iter().map(|share| whole * share / all).collect()
    }
}

impl Document {
    /// Headings of levels 1 and 2, for the contents.
    pub fn outline(&self) -> impl Iterator<Item = (u8, &str, &Line)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Heading { level, id, line } if *level <= 2 => Some((*level, id.as_str(), line)),
            _ => None,
        })
    }

    /// Puts a visible sign for everything that files cannot hold; returns for how many characters.
    pub fn make_visible(&mut self) -> usize {
        let mut replaced = 0;
        visible(&mut self.title, &mut replaced);
        self.each_run(&mut |run| visible(&mut run.text, &mut replaced));
        replaced
    }

    fn each_run(&mut self, act: &mut impl FnMut(&mut Run)) {
        let mut line = |line: &mut Line| line.0.iter_mut().for_each(&mut *act);
        for block in &mut self.blocks {
            match block {
                Block::Title(one)
                | Block::Heading { line: one, .. }
                | Block::Paragraph(one)
                | Block::Aside(one)
                | Block::Contents(one) => line(one),
                Block::List(lines) => lines.iter_mut().for_each(&mut line),
                Block::Table(table) => {
                    line(&mut table.caption);
                    table.header.iter_mut().flatten().for_each(&mut line);
                    table.rows.iter_mut().flatten().flatten().for_each(&mut line);
                }
            }
        }
    }
}

/// Whether a language is written from right to left.
#[must_use]
pub fn is_right_to_left(language: &str) -> bool {
    matches!(
        language.split('-').next(),
        Some("ar" | "he" | "fa" | "ur" | "ps" | "sd" | "yi" | "dv" | "ug" | "ks")
    )
}

/// A language with the country that word processors want beside it.
#[must_use]
pub fn with_country(language: &str) -> (&str, &str) {
    let mut parts = language.split('-');
    let first = parts.next().unwrap_or(language);
    let country = parts.find(|part| part.len() == 2);
    let usual = match first {
        "fr" => "FR",
        "en" => "GB",
        "hi" | "kn" | "ta" | "te" | "ml" | "mr" | "gu" | "pa" => "IN",
        "bn" => "BD",
        "de" => "DE",
        "es" => "ES",
        "it" => "IT",
        "pt" => "PT",
        "ar" => "EG",
        "ur" => "PK",
        _ => "",
    };
    (first, country.unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_lead_anywhere() {
        assert!(web_address("https://example.org/a?b=c").is_some());
        assert!(web_address("HTTP://example.org").is_some());
        for bad in
            ["javascript:alert(1)", "file:///etc/passwd", "data:,x", "//x", "https://a b", ""]
        {
            assert_eq!(web_address(bad), None, "{bad}");
        }
    }

    #[test]
    fn prose_gets_the_room_that_clock_times_leave() {
        let cell = |text: &str| vec![Line::new(text, "en")];
        let rows = vec![vec![cell("09:00–09:45"), cell(&"word ".repeat(40))]];
        let table = Table { rows, ..Table::default() };
        assert_eq!(table.widths(72), [12, 60]);
    }

    #[test]
    fn every_passage_is_made_visible() {
        let bad = || Line::new("a\0b", "en");
        let mut document = Document {
            title: "\u{1}".into(),
            language: "en".into(),
            date: jiff::civil::date(2022, 4, 8),
            blocks: vec![
                Block::Title(bad()),
                Block::Heading { level: 1, id: "x".into(), line: bad() },
                Block::Paragraph(bad()),
                Block::Aside(bad()),
                Block::List(vec![bad(), bad()]),
                Block::Contents(bad()),
                Block::Table(Table {
                    caption: bad(),
                    header: Some(vec![bad()]),
                    row_headers: false,
                    rows: vec![vec![vec![bad()]]],
                }),
            ],
        };
        assert_eq!(document.make_visible(), 11);
        assert_eq!(document.make_visible(), 0);
    }
}
