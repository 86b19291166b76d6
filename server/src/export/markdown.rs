//! The report as Markdown (`CommonMark` with tables). Text of a board is escaped, so that it reads as
//! it was written and makes no heading, link, image or HTML of its own.

use crate::export::document::{Block, Document, Face, Line, Run, Table};
use std::fmt::Write as _;

/// The whole file.
#[must_use]
pub fn write(document: &Document) -> String {
    let mut out = String::new();
    for block in &document.blocks {
        if !out.is_empty() {
            out.push('\n');
        }
        match block {
            Block::Title(line) => push(&mut out, "# ", &one_line(line)),
            Block::Heading { level, line, .. } => {
                let marks = "#".repeat(usize::from(*level) + 1);
                push(&mut out, &format!("{marks} "), &one_line(line));
            }
            Block::Paragraph(line) | Block::Aside(line) => push(&mut out, "", &lines(line, "")),
            Block::List(points) => {
                for point in points {
                    push(&mut out, "- ", &lines(point, "  "));
                }
            }
            Block::Contents(line) => {
                push(&mut out, "", &format!("**{}**\n", one_line(line)));
                for (level, _, line) in document.outline() {
                    let indent = if level == 1 { "- " } else { "  - " };
                    push(&mut out, indent, &one_line(line));
                }
            }
            Block::Table(rows) => table(&mut out, rows),
        }
    }
    out
}

fn push(out: &mut String, start: &str, text: &str) {
    out.push_str(start);
    out.push_str(text);
    out.push('\n');
}

fn table(out: &mut String, table: &Table) {
    if !table.caption.is_empty() {
        push(out, "", &format!("**{}**\n", one_line(&table.caption)));
    }
    let columns = table.columns();
    let mut row = |cells: Vec<String>| {
        out.push('|');
        for n in 0..columns {
            let cell = cells.get(n).map_or("", String::as_str);
            write!(out, " {cell} |").expect("a String takes everything");
        }
        out.push('\n');
    };
    row(table.header.iter().flatten().map(one_line).collect());
    row(vec!["---".to_owned(); columns]);
    for cells in &table.rows {
        let cell = |cell: &Vec<Line>| cell.iter().map(one_line).collect::<Vec<_>>().join("<br>");
        row(cells.iter().map(cell).collect());
    }
}

/// Where a line may not break: a heading, a cell.
fn one_line(line: &Line) -> String {
    let each = |run: &Run| {
        let parts: Vec<_> = run.text.split('\n').map(escape).collect();
        decorate(run, &parts.join("<br>"))
    };
    line.0.iter().map(each).collect()
}

/// A paragraph: breaks are hard, and what follows stays inside it.
fn lines(line: &Line, indent: &str) -> String {
    let each = |run: &Run| {
        let parts: Vec<_> = run.text.split('\n').map(escape).collect();
        decorate(run, &parts.join(&format!("\\\n{indent}")))
    };
    let text: String = line.0.iter().map(each).collect();
    // A break at the very end would be a backslash.
    text.strip_suffix(&format!("\\\n{indent}")).map(str::to_owned).unwrap_or(text)
}

fn decorate(run: &Run, text: &str) -> String {
    let bold = run.face == Face::Strong && !text.trim().is_empty() && text.trim() == text;
    let text = if bold { format!("**{text}**") } else { text.to_owned() };
    match &run.link {
        Some(address) => {
            let address = address.replace('\\', "%5C").replace('<', "%3C").replace('>', "%3E");
            format!("[{text}](<{address}>)")
        }
        None => text,
    }
}

/// One line of text: no character in it means anything but itself.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            // What opens a heading, a list or a rule opens it at the start of a line.
            '#' | '+' | '-' | '=' | ':' if at == 0 => {
                safe.push('\\');
                safe.push(c);
            }
            '.' | ')' if digits > 0 && at == digits => {
                safe.push('\\');
                safe.push(c);
            }
            ' ' if at == 0 || at == last => safe.push_str("&#32;"),
            '\t' => safe.push_str("&#9;"),
            c => safe.push(c),
        }
    }
    if safe.is_empty() { "&#32;".to_owned() } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_makes_no_markup() {
        for (text, safe) in [
            ("# a", "\\# a"),
            ("1. a", "1\\. a"),
            ("a 1. b", "a 1. b"),
            ("![x](y)", "!\\[x\\](y)"),
            ("<script>", "\\<script\\>"),
            ("    code", "&#32;   code"),
            ("a | b", "a \\| b"),
            ("", "&#32;"),
        ] {
            assert_eq!(escape(text), safe);
        }
    }

    #[test]
    fn a_break_is_kept_where_it_can_be() {
        let line = Line::new("a\nb", "en");
        assert_eq!(lines(&line, "  "), "a\\\n  b");
        assert_eq!(one_line(&line), "a<br>b");
    }
}
