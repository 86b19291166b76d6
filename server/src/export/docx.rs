//! The report as a Word document (ECMA-376): real styles and headings, languages marked, header rows
//! that repeat, links. Written part by part, so that each can be read here.

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

const STYLES: &str = include_str!("docx/styles.xml");
const NUMBERING: &str = include_str!("docx/numbering.xml");
const NAMESPACES: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" \
     xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
/// A4 between margins of 2 cm, in twentieths of a point.
const WIDTH: usize = 9638;

/// The whole file.
///
/// # Errors
/// Where the package cannot be written.
pub fn write(document: &Document) -> Result<Vec<u8>, ExportError> {
    let mut body = Body { out: String::new(), links: Vec::new(), bookmarks: 0 };
    for block in &document.blocks {
        body.block(block, document);
    }
    let main = format!(
        "{XML}<w:document {NAMESPACES}><w:body>{}<w:sectPr><w:footerReference w:type=\"default\" \
         r:id=\"footer\"/><w:pgSz w:w=\"11906\" w:h=\"16838\"/><w:pgMar w:top=\"1134\" \
         w:right=\"1134\" w:bottom=\"1134\" w:left=\"1134\" w:header=\"567\" w:footer=\"567\" \
         w:gutter=\"0\"/></w:sectPr></w:body></w:document>",
        body.out
    );
    let mut relations = format!(
        "{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"styles\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>\
         <Relationship Id=\"numbering\" Type=\"{RELATIONS}/numbering\" Target=\"numbering.xml\"/>\
         <Relationship Id=\"settings\" Type=\"{RELATIONS}/settings\" Target=\"settings.xml\"/>\
         <Relationship Id=\"footer\" Type=\"{RELATIONS}/footer\" Target=\"footer.xml\"/>"
    );
    for (n, address) in body.links.iter().enumerate() {
        relations += &format!(
            "<Relationship Id=\"link{n}\" Type=\"{RELATIONS}/hyperlink\" Target=\"{}\" \
             TargetMode=\"External\"/>",
            attribute(address)
        );
    }
    relations += "</Relationships>";
    let (language, country) = with_country(&document.language);
    let main_language = tag(language, country);
    let mut package = Package::new();
    package.part("[Content_Types].xml", content_types().as_bytes())?;
    package.part("_rels/.rels", package_relations().as_bytes())?;
    package.part("docProps/core.xml", properties(document).as_bytes())?;
    package.part("word/document.xml", main.as_bytes())?;
    package.part("word/_rels/document.xml.rels", relations.as_bytes())?;
    package.part("word/styles.xml", STYLES.replace("LANGUAGE", &main_language).as_bytes())?;
    package.part("word/numbering.xml", NUMBERING.as_bytes())?;
    package.part("word/settings.xml", settings(&main_language).as_bytes())?;
    package.part("word/footer.xml", footer(document).as_bytes())?;
    package.finish()
}

struct Body {
    out: String,
    links: Vec<String>,
    bookmarks: usize,
}

impl Body {
    fn block(&mut self, block: &Block, document: &Document) {
        match block {
            Block::Title(line) => self.paragraph("Title", line),
            Block::Heading { level, id, line } => {
                let n = self.bookmarks;
                self.bookmarks += 1;
                self.out += &format!(
                    "<w:p><w:pPr><w:pStyle w:val=\"Heading{level}\"/>{}</w:pPr>\
                     <w:bookmarkStart w:id=\"{n}\" w:name=\"{id}\"/>",
                    bidi(line)
                );
                self.runs(line);
                self.out += &format!("<w:bookmarkEnd w:id=\"{n}\"/></w:p>");
            }
            Block::Paragraph(line) => self.paragraph("BodyText", line),
            Block::Aside(line) => self.paragraph("Aside", line),
            Block::List(points) => points.iter().for_each(|p| self.paragraph("ListBullet", p)),
            Block::Contents(line) => {
                self.paragraph("TOCHeading", line);
                for (level, id, line) in document.outline() {
                    self.out += &format!(
                        "<w:p><w:pPr><w:pStyle w:val=\"TOC{level}\"/>{}</w:pPr>\
                         <w:hyperlink w:anchor=\"{id}\" w:history=\"1\">",
                        bidi(line)
                    );
                    self.runs(line);
                    self.out += "</w:hyperlink></w:p>";
                }
            }
            Block::Table(table) => self.table(table),
        }
    }

    fn paragraph(&mut self, style: &str, line: &Line) {
        self.out += &format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/>{}</w:pPr>", bidi(line));
        self.runs(line);
        self.out += "</w:p>";
    }

    fn table(&mut self, table: &Table) {
        self.paragraph("Caption", &table.caption);
        let columns = table.columns();
        let widths = table.widths(WIDTH);
        let width = |n: usize| widths[n];
        self.out += &format!(
            "<w:tbl><w:tblPr><w:tblStyle w:val=\"Rows\"/><w:tblW w:w=\"{WIDTH}\" w:type=\"dxa\"/>\
             <w:tblLayout w:type=\"fixed\"/><w:tblLook w:val=\"0000\" w:firstRow=\"{}\" \
             w:lastRow=\"0\" w:firstColumn=\"{}\" w:lastColumn=\"0\" w:noHBand=\"1\" \
             w:noVBand=\"1\"/><w:tblCaption w:val=\"{}\"/></w:tblPr><w:tblGrid>",
            u8::from(table.header.is_some()),
            u8::from(table.row_headers),
            attribute(&table.caption.plain()),
        );
        for n in 0..columns {
            self.out += &format!("<w:gridCol w:w=\"{}\"/>", width(n));
        }
        self.out += "</w:tblGrid>";
        if let Some(header) = &table.header {
            self.out += "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>";
            for (n, line) in header.iter().enumerate() {
                self.cell(std::slice::from_ref(line), 1, width(n), "TableHeading");
            }
            self.out += "</w:tr>";
        }
        for row in &table.rows {
            self.out += "<w:tr>";
            for (n, lines) in row.iter().enumerate() {
                let span = if n + 1 == row.len() { columns - n } else { 1 };
                let style = if n == 0 && table.row_headers { "TableHeading" } else { "TableText" };
                self.cell(lines, span, (n..n + span).map(width).sum(), style);
            }
            self.out += "</w:tr>";
        }
        self.out += "</w:tbl>";
        self.paragraph("AfterTable", &Line::default());
    }

    fn cell(&mut self, lines: &[Line], span: usize, width: usize, style: &str) {
        self.out += &format!("<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/>");
        if span > 1 {
            self.out += &format!("<w:gridSpan w:val=\"{span}\"/>");
        }
        self.out += "</w:tcPr>";
        for line in lines {
            self.paragraph(style, line);
        }
        // A cell without a paragraph is what Word calls a damaged file.
        if lines.is_empty() {
            self.paragraph(style, &Line::default());
        }
        self.out += "</w:tc>";
    }

    fn runs(&mut self, line: &Line) {
        for run in &line.0 {
            if let Some(address) = &run.link {
                self.out += &format!("<w:hyperlink r:id=\"link{}\">", self.links.len());
                self.links.push(address.clone());
                self.run(run, "<w:rStyle w:val=\"Hyperlink\"/>");
                self.out += "</w:hyperlink>";
            } else {
                self.run(run, "");
            }
        }
    }

    fn run(&mut self, run: &Run, style: &str) {
        let (language, country) = with_country(&run.language);
        let language = attribute(&tag(language, country));
        self.out += &format!("<w:r><w:rPr>{style}");
        if run.face == Face::Strong {
            self.out += "<w:b/><w:bCs/>";
        }
        if is_right_to_left(&run.language) {
            self.out += "<w:rtl/>";
        }
        self.out += &format!(
            "<w:lang w:val=\"{language}\" w:eastAsia=\"{language}\" w:bidi=\"{language}\"/></w:rPr>"
        );
        for (n, part) in run.text.split('\n').enumerate() {
            if n > 0 {
                self.out += "<w:br/>";
            }
            for (n, part) in part.split('\t').enumerate() {
                if n > 0 {
                    self.out += "<w:tab/>";
                }
                self.out += &format!("<w:t xml:space=\"preserve\">{}</w:t>", xml(part));
            }
        }
        self.out += "</w:r>";
    }
}

fn bidi(line: &Line) -> &'static str {
    let first = line.0.first();
    if first.is_some_and(|run| is_right_to_left(&run.language)) { "<w:bidi/>" } else { "" }
}

fn tag(language: &str, country: &str) -> String {
    if country.is_empty() { language.to_owned() } else { format!("{language}-{country}") }
}

fn content_types() -> String {
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml";
    let parts: String = ["styles", "numbering", "settings", "footer"]
        .iter()
        .map(|part| {
            format!("<Override PartName=\"/word/{part}.xml\" ContentType=\"{word}.{part}+xml\"/>")
        })
        .collect();
    format!(
        "{XML}<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/word/document.xml\" ContentType=\"{word}.document.main+xml\"/>{parts}\
         <Override PartName=\"/docProps/core.xml\" \
         ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/></Types>"
    )
}

fn package_relations() -> String {
    format!(
        "{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"document\" Type=\"{RELATIONS}/officeDocument\" Target=\"word/document.xml\"/>\
         <Relationship Id=\"core\" Type=\"{PACKAGE}/relationships/metadata/core-properties\" \
         Target=\"docProps/core.xml\"/></Relationships>"
    )
}

fn properties(document: &Document) -> String {
    format!(
        "{XML}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title>\
         <dc:creator>Sangam</dc:creator><dc:language>{}</dc:language>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{}T00:00:00Z</dcterms:created>\
         </cp:coreProperties>",
        xml(&document.title),
        xml(&document.language),
        document.date
    )
}

fn settings(language: &str) -> String {
    format!(
        "{XML}<w:settings {NAMESPACES}><w:compat><w:compatSetting w:name=\"compatibilityMode\" \
         w:uri=\"http://schemas.microsoft.com/office/word\" w:val=\"15\"/></w:compat>\
         <w:themeFontLang w:val=\"{language}\"/></w:settings>"
    )
}

fn footer(document: &Document) -> String {
    let title = xml(&document.title.replace('\n', " "));
    let field = |text: &str| {
        format!(
            "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText \
             xml:space=\"preserve\"> {text} </w:instrText></w:r><w:r><w:fldChar \
             w:fldCharType=\"separate\"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar \
             w:fldCharType=\"end\"/></w:r>"
        )
    };
    format!(
        "{XML}<w:ftr {NAMESPACES}><w:p><w:pPr><w:pStyle w:val=\"Footer\"/></w:pPr><w:r>\
         <w:t xml:space=\"preserve\">{title} · </w:t></w:r>{}<w:r><w:t>/</w:t></w:r>{}</w:p></w:ftr>",
        field("PAGE"),
        field("NUMPAGES")
    )
}
