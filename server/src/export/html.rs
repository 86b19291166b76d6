//! The report as one accessible page: no script, nothing that is fetched, languages marked.

#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "markup reads best as it will stand"
)]

use crate::export::document::{Block, Document, Face, Line, Run, Table, is_right_to_left};
use crate::export::text::{attribute, xml};

const STYLE: &str = include_str!("report.css");

/// The whole file. It is HTML, and well-formed XML at the same time.
#[must_use]
pub fn write(document: &Document) -> String {
    let language = attribute(&document.language);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        xml(&document.title)
    );
    for block in &document.blocks {
        match block {
            Block::Title(line) => out += &format!("<h1>{}</h1>\n", runs(line, document)),
            Block::Heading { level, id, line } => {
                let level = (level + 1).min(6);
                out += &format!("<h{level} id=\"{id}\">{}</h{level}>\n", runs(line, document));
            }
            Block::Paragraph(line) => out += &format!("<p>{}</p>\n", runs(line, document)),
            Block::Aside(line) => {
                out += &format!("<p class=\"aside\">{}</p>\n", runs(line, document));
            }
            Block::List(points) => {
                out += "<ul>\n";
                for point in points {
                    out += &format!("<li>{}</li>\n", runs(point, document));
                }
                out += "</ul>\n";
            }
            Block::Contents(line) => contents(&mut out, line, document),
            Block::Table(rows) => table(&mut out, rows, document),
        }
    }
    out += "</main>\n</body>\n</html>\n";
    out
}

fn contents(out: &mut String, title: &Line, document: &Document) {
    *out += &format!(
        "<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">{}</h2>\n<ul>\n",
        runs(title, document)
    );
    for (level, id, line) in document.outline() {
        let class = if level == 1 { "" } else { " class=\"inner\"" };
        *out += &format!("<li{class}><a href=\"#{id}\">{}</a></li>\n", runs(line, document));
    }
    *out += "</ul>\n</nav>\n";
}

fn table(out: &mut String, table: &Table, document: &Document) {
    let columns = table.columns();
    // A wide table scrolls inside its frame, also by the keyboard.
    let name = attribute(&table.caption.plain());
    *out += &format!("<div class=\"table\" role=\"group\" tabindex=\"0\" aria-label=\"{name}\">\n");
    *out += if table.row_headers { "<table class=\"facts\">\n" } else { "<table>\n" };
    *out += &format!("<caption>{}</caption>\n", runs(&table.caption, document));
    if let Some(header) = &table.header {
        *out += "<thead><tr>";
        for line in header {
            *out += &format!("<th scope=\"col\">{}</th>", runs(line, document));
        }
        *out += "</tr></thead>\n";
    }
    *out += "<tbody>\n";
    for row in &table.rows {
        *out += "<tr>";
        for (n, cell) in row.iter().enumerate() {
            let last = n + 1 == row.len() && row.len() < columns;
            let span = if last { format!(" colspan=\"{}\"", columns - n) } else { String::new() };
            let text: Vec<_> = cell.iter().map(|line| runs(line, document)).collect();
            let text = match text.as_slice() {
                [one] => one.clone(),
                several => several.iter().map(|text| format!("<p>{text}</p>")).collect(),
            };
            *out += &if n == 0 && table.row_headers {
                format!("<th scope=\"row\"{span}>{text}</th>")
            } else {
                format!("<td{span}>{text}</td>")
            };
        }
        *out += "</tr>\n";
    }
    *out += "</tbody>\n</table>\n</div>\n";
}

fn runs(line: &Line, document: &Document) -> String {
    line.0.iter().map(|one| run(one, document)).collect()
}

fn run(run: &Run, document: &Document) -> String {
    let mut text = xml(&run.text);
    if run.face == Face::Strong {
        text = format!("<strong>{text}</strong>");
    }
    if let Some(address) = &run.link {
        let address = attribute(address);
        text = format!("<a href=\"{address}\" rel=\"noreferrer nofollow\">{text}</a>");
    }
    // Isolated, so that no writing direction and no override leaves its passage.
    if run.language == document.language && run.text.chars().all(|c| c < '\u{590}') {
        return text;
    }
    let direction = if is_right_to_left(&run.language) { "rtl" } else { "auto" };
    format!("<span lang=\"{}\" dir=\"{direction}\">{text}</span>", attribute(&run.language))
}
