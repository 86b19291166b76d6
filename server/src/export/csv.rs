//! A table as CSV (RFC 4180): UTF-8 with a byte order mark, so that spreadsheets read every script.

use crate::export::sheets::{Sheet, Value};
use crate::export::text::visible;

/// The whole file. Adds to `replaced` how many characters were replaced by a visible sign.
#[must_use]
pub fn write(sheet: &Sheet, replaced: &mut usize) -> String {
    let mut out = String::from("\u{feff}");
    let columns: Vec<_> = sheet.columns.iter().cloned().map(Value::Text).collect();
    for row in std::iter::once(&columns).chain(&sheet.rows) {
        let cells: Vec<_> = row.iter().map(|value| cell(value, replaced)).collect();
        out += &cells.join(",");
        out += "\r\n";
    }
    out
}

fn cell(value: &Value, replaced: &mut usize) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Number(number) => number.to_string(),
        Value::Day(day) => day.to_string(),
        Value::Text(text) => {
            let mut text = text.clone();
            visible(&mut text, replaced);
            // Spreadsheets run what begins so, quoted or not. The apostrophe is their own sign for
            // "this is text", and they do not show it.
            if starts_a_formula(&text) {
                text.insert(0, '\'');
            }
            format!("\"{}\"", text.replace('"', "\"\""))
        }
    }
}

/// Some skip blanks first, and some know the full-width signs. A text that itself begins with an
/// apostrophe gets another one: what a reader takes off is always ours.
fn starts_a_formula(text: &str) -> bool {
    let blank = |c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}';
    text.starts_with(['\'', '\t', '\n'])
        || text.trim_start_matches(blank).starts_with([
            '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '|', '%',
        ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let sheet = Sheet {
            key: "x",
            name: "x".into(),
            columns: vec!["a".into()],
            rows: [
                "=cmd|' /C calc'!A0",
                "+1",
                "-1",
                "@SUM(1)",
                " =1",
                "\t=1",
                "＝1",
                "it’s, \"so\"\nhere",
                "'x",
            ]
            .map(|text| vec![Value::Text(text.into())])
            .to_vec(),
        };
        let mut replaced = 0;
        let text = write(&sheet, &mut replaced);
        assert_eq!(
            text,
            "\u{feff}\"a\"\r\n\"'=cmd|' /C calc'!A0\"\r\n\"'+1\"\r\n\"'-1\"\r\n\"'@SUM(1)\"\r\n\"' =1\"\r\n\
             \"'\t=1\"\r\n\"'＝1\"\r\n\"it’s, \"\"so\"\"\nhere\"\r\n\"''x\"\r\n"
        );
        assert_eq!(replaced, 0);
    }

    #[test]
    fn days_and_numbers_are_no_text() {
        let row =
            vec![Value::Day(jiff::civil::date(2022, 4, 11)), Value::Number(0.5), Value::Empty];
        let sheet = Sheet { key: "x", name: "x".into(), columns: vec![], rows: vec![row] };
        assert_eq!(write(&sheet, &mut 0), "\u{feff}\r\n2022-04-11,0.5,\r\n");
    }
}
