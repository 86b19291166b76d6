//! The report as an `OpenDocument` text (ISO/IEC 26300, ODF 1.3): real styles and headings, languages
//! marked, header rows that repeat, links. Many administrations ask for it first.

#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "markup reads best as it will stand"
)]

use crate::export::ExportError;
use crate::export::document::{
    Block, Document, Face, Line, Run, Table, is_right_to_left, with_country,
};
use crate::export::package::{Package, XML};
use crate::export::text::{attribute, xml};
use std::collections::BTreeMap;

const STYLES: &str = include_str!("odt/styles.xml");
const MIME: &str = "application/vnd.oasis.opendocument.text";
const NAMESPACES: &str = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
     xmlns:style=\"urn:oasis:names:tc:opendocument:xmlns:style:1.0\" \
     xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" \
     xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
     xmlns:fo=\"urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0\" \
     xmlns:xlink=\"http://www.w3.org/1999/xlink\"";
/// Readers take the styles of tables from the content alone.
const TABLE_STYLES: &str = "<style:style style:name=\"Rows\" style:family=\"table\">\
     <style:table-properties style:width=\"170mm\" table:align=\"left\" \
     table:border-model=\"collapsing\"/></style:style>\
     <style:style style:name=\"Whole\" style:family=\"table-row\">\
     <style:table-row-properties fo:keep-together=\"always\"/></style:style>\
     <style:style style:name=\"Cell\" style:family=\"table-cell\">\
     <style:table-cell-properties fo:padding=\"1.2mm\" fo:border=\"0.5pt solid #d9cfbd\"/>\
     </style:style>";
/// Millimetres between the margins of an A4 page.
const WIDTH_MM: usize = 170;

/// The whole file.
///
/// # Errors
/// Where the package cannot be written.
pub fn write(document: &Document) -> Result<Vec<u8>, ExportError> {
    let mut body = Body { out: String::new(), faces: BTreeMap::new(), widths: BTreeMap::new() };
    for block in &document.blocks {
        body.block(block, document);
    }
    let content = format!(
        "{XML}<office:document-content {NAMESPACES} office:version=\"1.3\">\
         <office:automatic-styles>{TABLE_STYLES}{}</office:automatic-styles>\
         <office:body><office:text>{}</office:text></office:body></office:document-content>",
        body.styles(),
        body.out
    );
    let (language, country) = with_country(&document.language);
    let country = if country.is_empty() { "none" } else { country };
    let styles = STYLES
        .replace("LANGUAGE", &attribute(language))
        .replace("COUNTRY", country)
        .replace("TITLE", &xml(&document.title.replace('\n', " ")));
    let mut package = Package::new();
    package.stored("mimetype", MIME.as_bytes())?;
    package.part("META-INF/manifest.xml", manifest().as_bytes())?;
    package.part("meta.xml", meta(document).as_bytes())?;
    package.part("styles.xml", styles.as_bytes())?;
    package.part("content.xml", content.as_bytes())?;
    package.finish()
}

struct Body {
    out: String,
    /// Names of the styles of passages, by language and face.
    faces: BTreeMap<(String, bool), String>,
    /// Names of the styles of columns, by width in millimetres.
    widths: BTreeMap<usize, String>,
}

impl Body {
    fn block(&mut self, block: &Block, document: &Document) {
        match block {
            Block::Title(line) => self.paragraph("Title", line),
            Block::Heading { level, id, line } => {
                self.out += &format!(
                    "<text:h text:style-name=\"Heading_20_{level}\" text:outline-level=\"{level}\">\
                     <text:bookmark text:name=\"{id}\"/>"
                );
                self.runs(line);
                self.out += "</text:h>";
            }
            Block::Paragraph(line) => self.paragraph("Text_20_body", line),
            Block::Aside(line) => self.paragraph("Aside", line),
            Block::List(points) => {
                self.out += "<text:list text:style-name=\"Points\">";
                for point in points {
                    self.out += "<text:list-item>";
                    self.paragraph("List_20_Bullet", point);
                    self.out += "</text:list-item>";
                }
                self.out += "</text:list>";
            }
            Block::Contents(line) => {
                self.paragraph("Contents_20_Heading", line);
                for (level, id, line) in document.outline() {
                    self.out += &format!(
                        "<text:p text:style-name=\"Contents_20_{level}\">\
                         <text:a xlink:type=\"simple\" xlink:href=\"#{id}\">"
                    );
                    self.runs(line);
                    self.out += "</text:a></text:p>";
                }
            }
            Block::Table(table) => self.table(table),
        }
    }

    fn paragraph(&mut self, style: &str, line: &Line) {
        let style = match line.0.first() {
            Some(run) if is_right_to_left(&run.language) => format!("{style}_20_RTL"),
            _ => style.to_owned(),
        };
        self.out += &format!("<text:p text:style-name=\"{style}\">");
        self.runs(line);
        self.out += "</text:p>";
    }

    fn table(&mut self, table: &Table) {
        self.paragraph("Caption", &table.caption);
        let columns = table.columns();
        self.out += &format!(
            "<table:table table:style-name=\"Rows\"><table:title>{}</table:title>",
            xml(&table.caption.plain())
        );
        for (n, width) in table.widths(WIDTH_MM).into_iter().enumerate() {
            let next = format!("C{}", self.widths.len());
            let style = self.widths.entry(width).or_insert(next).clone();
            let column = format!("<table:table-column table:style-name=\"{style}\"/>");
            self.out += &if n == 0 && table.row_headers {
                format!("<table:table-header-columns>{column}</table:table-header-columns>")
            } else {
                column
            };
        }
        if let Some(header) = &table.header {
            self.out += "<table:table-header-rows><table:table-row table:style-name=\"Whole\">";
            for line in header {
                self.cell(std::slice::from_ref(line), 1, "Table_20_Heading");
            }
            self.out += "</table:table-row></table:table-header-rows>";
        }
        for row in &table.rows {
            self.out += "<table:table-row>";
            for (n, lines) in row.iter().enumerate() {
                let span = if n + 1 == row.len() { columns - n } else { 1 };
                let head = n == 0 && table.row_headers;
                self.cell(lines, span, if head { "Table_20_Heading" } else { "Table_20_Contents" });
            }
            self.out += "</table:table-row>";
        }
        self.out += "</table:table><text:p text:style-name=\"After_20_Table\"/>";
    }

    fn cell(&mut self, lines: &[Line], span: usize, style: &str) {
        self.out += "<table:table-cell table:style-name=\"Cell\" office:value-type=\"string\"";
        if span > 1 {
            self.out += &format!(" table:number-columns-spanned=\"{span}\"");
        }
        self.out += ">";
        for line in lines {
            self.paragraph(style, line);
        }
        if lines.is_empty() {
            self.paragraph(style, &Line::default());
        }
        self.out += "</table:table-cell>";
        for _ in 1..span {
            self.out += "<table:covered-table-cell/>";
        }
    }

    fn runs(&mut self, line: &Line) {
        for run in &line.0 {
            if let Some(address) = &run.link {
                let address = attribute(address);
                self.out += &format!("<text:a xlink:type=\"simple\" xlink:href=\"{address}\">");
                self.run(run);
                self.out += "</text:a>";
            } else {
                self.run(run);
            }
        }
    }

    fn run(&mut self, run: &Run) {
        let face = (run.language.clone(), run.face == Face::Strong);
        let next = format!("T{}", self.faces.len());
        let style = self.faces.entry(face).or_insert(next).clone();
        self.out +=
            &format!("<text:span text:style-name=\"{style}\">{}</text:span>", spaced(&run.text));
    }

    fn styles(&self) -> String {
        let mut styles = String::new();
        for ((language, strong), name) in &self.faces {
            let (language, country) = with_country(language);
            let country = if country.is_empty() { "none" } else { country };
            let weight = if *strong {
                " fo:font-weight=\"bold\" style:font-weight-complex=\"bold\""
            } else {
                ""
            };
            let language = attribute(language);
            styles += &format!(
                "<style:style style:name=\"{name}\" style:family=\"text\"><style:text-properties \
                 fo:language=\"{language}\" fo:country=\"{country}\" \
                 style:language-asian=\"{language}\" style:country-asian=\"{country}\" \
                 style:language-complex=\"{language}\" style:country-complex=\"{country}\"{weight}/>\
                 </style:style>"
            );
        }
        for (width, name) in &self.widths {
            styles += &format!(
                "<style:style style:name=\"{name}\" style:family=\"table-column\">\
                 <style:table-column-properties style:column-width=\"{width}mm\"/></style:style>"
            );
        }
        styles
    }
}

/// Text with ODF's own marks for what XML would fold: breaks, tabs, several spaces.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut spaces = 0;
    let mut plain = String::new();
    // A space at the beginning is folded away as well.
    let mut after_text = false;
    for c in text.chars().chain(std::iter::once('\0')) {
        if c == ' ' {
            spaces += 1;
            continue;
        }
        if spaces > 0 {
            let alone = spaces == 1 && after_text && c != '\0' && c != '\n' && c != '\t';
            if alone {
                plain.push(' ');
            } else {
                out += &xml(&std::mem::take(&mut plain));
                out += &format!("<text:s text:c=\"{spaces}\"/>");
            }
            spaces = 0;
        }
        match c {
            '\n' | '\t' => {
                out += &xml(&std::mem::take(&mut plain));
                out += if c == '\n' { "<text:line-break/>" } else { "<text:tab/>" };
                after_text = false;
            }
            '\0' => {}
            c => {
                plain.push(c);
                after_text = true;
            }
        }
    }
    out + &xml(&plain)
}

fn manifest() -> String {
    let parts: String = ["content", "styles", "meta"]
        .iter()
        .map(|part| {
            format!(
                "<manifest:file-entry manifest:full-path=\"{part}.xml\" \
                 manifest:media-type=\"text/xml\"/>"
            )
        })
        .collect();
    format!(
        "{XML}<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" \
         manifest:version=\"1.3\"><manifest:file-entry manifest:full-path=\"/\" \
         manifest:version=\"1.3\" manifest:media-type=\"{MIME}\"/>{parts}</manifest:manifest>"
    )
}

fn meta(document: &Document) -> String {
    format!(
        "{XML}<office:document-meta \
         xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:meta=\"urn:oasis:names:tc:opendocument:xmlns:meta:1.0\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" office:version=\"1.3\"><office:meta>\
         <meta:generator>Sangam</meta:generator><dc:title>{}</dc:title><dc:language>{}</dc:language>\
         <meta:creation-date>{}T00:00:00</meta:creation-date></office:meta></office:document-meta>",
        xml(&document.title),
        xml(&document.language),
        document.date
    )
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn spaces_and_breaks_are_kept() {
        assert_eq!(spaced("a b"), "a b");
        assert_eq!(
            spaced(" a  b "),
            "<text:s text:c=\"1\"/>a<text:s text:c=\"2\"/>b<text:s text:c=\"1\"/>"
        );
        assert_eq!(spaced("a\n b\t<"), "a<text:line-break/><text:s text:c=\"1\"/>b<text:tab/>&lt;");
    }
}
