//! People's wishes as a table from somebody's spreadsheet: read strictly, refused as a whole, with the
//! line and the column that are wrong. Pure.

use super::build::clean_tag;
use crate::event::model::Event;
use crate::event::names;
use sangam_shared::ids::{Key, WorkshopId};
use sangam_shared::limits;

/// Names of the columns, as an export writes them. The first two must be there.
pub const COLUMNS: [&str; 9] =
    ["name", "site", "first", "second", "third", "tags", "lead", "with", "group"];

/// What people may call them instead.
const ALIASES: [&[&str]; 9] = [
    &["name", "nom", "नाम"],
    &["site", "lieu", "स्थान"],
    &["first", "premier choix", "first choice", "पहली पसंद"],
    &["second", "deuxième choix", "second choice", "दूसरी पसंद"],
    &["third", "troisième choix", "third choice", "तीसरी पसंद"],
    &["tags", "mots-clés", "टैग"],
    &["lead", "could lead", "peut animer", "नेतृत्व"],
    &["with", "avec", "stays with", "के साथ"],
    &["group", "groupe", "समूह"],
];

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, the heading being 1.
    pub line: usize,
    /// Whose.
    pub name: String,
    /// Where they are.
    pub site: Key,
    /// Best first.
    pub choices: Vec<WorkshopId>,
    /// Cleaned.
    pub tags: Vec<String>,
    /// Could lead.
    pub lead: bool,
    /// With whom they stay.
    pub with: Option<String>,
    /// Where they are to be.
    pub group: Option<WorkshopId>,
}

/// Why a table is not taken: nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct TableError {
    /// The line of the file; 0 is the file as a whole.
    pub line: usize,
    /// As [`COLUMNS`] names it.
    pub column: &'static str,
    /// A clause: "is not a site of this event".
    pub why: String,
}

/// Reads a whole table.
///
/// # Errors
/// [`TableError`], the first that is found.
pub fn read(bytes: &[u8], event: &Event) -> Result<Vec<Row>, TableError> {
    let text = decode(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text))
        .from_reader(text.as_bytes());
    let mut columns: Option<Vec<Option<usize>>> = None;
    let mut rows = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let file = |why: &str| TableError { line: 0, column: "file", why: why.to_owned() };
        let record = record.map_err(|_| file("is not a table of comma-separated values"))?;
        // The reader's own count is one behind where lines end in CR LF; empty lines are skipped.
        let begin = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(0));
        let blank = text[begin..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line += text[counted..begin + blank].bytes().filter(|byte| *byte == b'\n').count();
        counted = begin + blank;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let Some(columns) = &columns else {
            columns = Some(heading(&record)?);
            continue;
        };
        if rows.len() == limits::PEOPLE_PER_EVENT_MAX {
            return Err(file("has too many lines"));
        }
        let cell = |column: usize| {
            let at = columns.iter().position(|c| *c == Some(column));
            unescaped(at.and_then(|at| record.get(at)).unwrap_or("").trim())
        };
        rows.push(row(line, &cell, event)?);
    }
    if columns.is_none() {
        return Err(TableError { line: 0, column: "file", why: "is empty".to_owned() });
    }
    Ok(rows)
}

fn row<'c>(line: usize, cell: &dyn Fn(usize) -> &'c str, event: &Event) -> Result<Row, TableError> {
    let bad = |column: usize, why: String| TableError { line, column: COLUMNS[column], why };
    let workshop = |column: usize| {
        let text = cell(column);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse::<u32>().ok();
        let found = event.workshops.iter().find(|workshop| Some(workshop.number) == number);
        let why = || bad(column, "is not the number of a workshop".to_owned());
        found.map(|workshop| Some(workshop.id)).ok_or_else(why)
    };
    // A name that a spreadsheet would run is nobody's.
    if cell(0).starts_with(['=', '+', '-', '@']) {
        return Err(bad(0, "begins like a formula".to_owned()));
    }
    let name = names::clean_person(cell(0), limits::PERSON_NAME_CHARS_MAX);
    let site = cell(1).to_lowercase();
    let site = event.sites.iter().find(|known| {
        known.key.as_str() == site || known.name.values().any(|name| name.to_lowercase() == site)
    });
    let mut choices = Vec::new();
    for column in 2..5 {
        match workshop(column)? {
            Some(id) if choices.contains(&id) => {
                return Err(bad(column, "was chosen before".to_owned()));
            }
            Some(id) => choices.push(id),
            None => {}
        }
    }
    let mut tags: Vec<String> = Vec::new();
    for text in cell(5).split(['|', ',', ';']) {
        let tag = clean_tag(text).map_err(|e| bad(5, e.to_string()))?;
        if let Some(tag) = tag.filter(|tag| !tags.contains(tag)) {
            tags.push(tag);
        }
    }
    if tags.len() > limits::TAGS_PER_PERSON_MAX {
        return Err(bad(5, format!("holds more than {} tags", limits::TAGS_PER_PERSON_MAX)));
    }
    let lead = match cell(6).to_lowercase().as_str() {
        "" | "0" | "no" | "non" | "false" | "नहीं" => false,
        "1" | "x" | "yes" | "oui" | "true" | "हाँ" => true,
        _ => return Err(bad(6, "is neither yes nor no".to_owned())),
    };
    let with = Some(cell(7)).filter(|text| !text.is_empty());
    let with = with.map(|text| names::clean(text, limits::PERSON_NAME_CHARS_MAX)).transpose();
    Ok(Row {
        line,
        name: name.map_err(|e| bad(0, e.to_string()))?,
        site: site.ok_or_else(|| bad(1, "is not a site of this event".to_owned()))?.key.clone(),
        choices,
        tags,
        lead,
        with: with.map_err(|e| bad(7, e.to_string()))?,
        group: workshop(8)?,
    })
}

fn heading(record: &csv::StringRecord) -> Result<Vec<Option<usize>>, TableError> {
    let column = |cell: &str| {
        let cell = cell.trim().to_lowercase();
        ALIASES.iter().position(|aliases| aliases.contains(&cell.as_str()))
    };
    let columns: Vec<_> = record.iter().map(column).collect();
    for (needed, name) in COLUMNS.into_iter().enumerate() {
        let times = columns.iter().filter(|column| **column == Some(needed)).count();
        let why = match times {
            0 if needed < 2 => "is missing in the first line",
            0 | 1 => continue,
            _ => "stands twice in the first line",
        };
        return Err(TableError { line: 1, column: name, why: why.to_owned() });
    }
    Ok(columns)
}

/// Without the apostrophe with which exports keep spreadsheets from running a text. `'Abd` keeps his.
fn unescaped(cell: &str) -> &str {
    let made_safe = |rest: &&str| !rest.starts_with(char::is_alphanumeric);
    cell.strip_prefix('\'').filter(made_safe).unwrap_or(cell)
}

/// Whichever separator the first line has most of: spreadsheets write what their country writes.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |c: &u8| first.bytes().filter(|b| b == c).count();
    // Of equals the last wins: a comma, where there is no separator at all.
    *[b'\t', b';', b','].iter().max_by_key(|c| count(c)).unwrap_or(&b',')
}

/// UTF-8 or UTF-16 with their marks, UTF-8 without, else what Excel writes in western Europe.
fn decode(bytes: &[u8]) -> Result<String, TableError> {
    let bad = || TableError { line: 0, column: "file", why: "is not text".to_owned() };
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| bad())
    };
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).map_err(|_| bad())?.to_owned(),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| western(*byte)).collect(),
        },
    };
    if text.contains('\0') { Err(bad()) } else { Ok(text) }
}

/// Windows-1252.
fn western(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => HIGH[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::groups::tests::small_event;

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        read(text.as_bytes(), &small_event()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_is_read_with_any_separator_and_encoding() {
        let text = "Nom;Lieu;Premier choix;Tags;Lead;Avec\r\nZoé Œuvrard;Paris;3;#santé|open data;oui;Asha Nair\r\n\r\n";
        let expected = rows(text).unwrap();
        assert_eq!(expected.len(), 1);
        assert_eq!((expected[0].line, &*expected[0].name), (2, "Zoé Œuvrard"));
        assert_eq!(expected[0].tags, ["santé", "open data"]);
        assert_eq!(expected[0].choices, [small_event().workshops[2].id]);
        assert!(expected[0].lead && expected[0].with.as_deref() == Some("Asha Nair"));
        let event = small_event();
        let utf16: Vec<u8> = std::iter::once('\u{feff}')
            .chain(text.chars())
            .flat_map(|c| u16::try_from(u32::from(c)).unwrap().to_le_bytes())
            .collect();
        assert_eq!(read(&utf16, &event).unwrap(), expected);
        let western: Vec<u8> = text
            .chars()
            .map(|c| if c == 'Œ' { 0x8C } else { u8::try_from(u32::from(c)).unwrap() })
            .collect();
        assert!(std::str::from_utf8(&western).is_err());
        assert_eq!(read(&western, &event).unwrap(), expected);
        let tabs = text.replace(';', "\t");
        assert_eq!(rows(&format!("\u{feff}{tabs}")).unwrap(), expected);
    }

    #[test]
    fn what_an_export_has_made_safe_comes_back() {
        let row = &rows("name,site,tags,with\nAsha,paris,'=cmd()|-2,'@home\n").unwrap()[0];
        assert_eq!(row.tags, ["=cmd()", "-2"]);
        assert_eq!(row.with.as_deref(), Some("@home"));
        assert_eq!(rows("name,site\n'Abd,paris\n").unwrap()[0].name, "'Abd");
    }

    #[test]
    fn a_hostile_table_is_refused_by_line_and_column() {
        let too_many =
            format!("name,site\n{}", "Asha,paris\n".repeat(limits::PEOPLE_PER_EVENT_MAX + 1));
        for (text, expected) in [
            ("", "line 0, column file: is empty"),
            ("name,site\0", "line 0, column file: is not text"),
            ("name\nAsha", "line 1, column site: is missing in the first line"),
            ("name,site,nom\nA,paris,B", "line 1, column name: stands twice in the first line"),
            ("name,site\n,paris", "line 2, column name: is empty"),
            ("name,site\n=cmd(),paris", "line 2, column name: begins like a formula"),
            (
                "name,site\nFacilitator,paris",
                "line 2, column name: reads like a role, not like a name",
            ),
            ("name,site\nAsha,Rome", "line 2, column site: is not a site of this event"),
            (
                "name,site,first\nAsha,paris,9",
                "line 2, column first: is not the number of a workshop",
            ),
            ("name,site,first,third\nA,paris,1,1", "line 2, column third: was chosen before"),
            ("name,site,tags\nA,paris,a|b|c|d|e|f", "line 2, column tags: holds more than 5 tags"),
            ("name,site,lead\nA,paris,perhaps", "line 2, column lead: is neither yes nor no"),
            (
                "name,site,group\nA,paris,=1",
                "line 2, column group: is not the number of a workshop",
            ),
            (&too_many, "line 0, column file: has too many lines"),
        ] {
            assert_eq!(rows(text).unwrap_err(), expected, "{text:.60}");
        }
    }
}
