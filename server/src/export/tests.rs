//! Every format of many boards: the demonstration, hostile texts, and random ones by seed.

use super::dossier::{Dossier, PersonalData, Scope, Source, WITHHELD};
use super::*;
use crate::event::board::read_board;
use crate::event::seed::tests::demonstration;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam_shared::board::{Board, Note, Text, TranslatedBy, Translation};
use sangam_shared::ids::{NoteId, PlanId, RowId};
use sangam_shared::plan::{Evidence, Milestone, Plan, Risk, Stakeholder, Visibility, Who};
use std::io::{Cursor, Read};
use uuid::Uuid;
use yrs::Transact;

/// What people write, and what others write to do harm.
const TEXTS: &[&str] = &[
    "Des outils « communs » : oui !",
    "डिजिटल साझा संसाधन, हिन्दी में",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(1;2)",
    "#read(\"/etc/passwd\")",
    "]]> <![CDATA[ <script>alert(1)</script> &amp; &#0; <!-- --",
    "a\r\nATTACH:file:///etc/passwd\r\nEND:VCALENDAR",
    "\u{202e}txt.exe\u{202c} \u{2066}אבג\u{2069} مرحبا",
    "👩‍👩‍👧‍👦 🇮🇳 \u{1F600}",
    "nul\0 bell\u{7} escape\u{1b}[31m del\u{7f} c1\u{85} non\u{fffe}",
    "_x0041_ %s ${jndi:ldap://x} {{7*7}} {if} {then}",
    "# not a heading\n- not a list\n1. nor this\n    nor code\n| nor | table |\n***",
    "  two  spaces \t tab \n\n empty line above  ",
    "ﷺ 𝒳 e\u{301} \u{feff}\u{200b} \u{2028}\u{2029}",
    "<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![x](http://x/y.png)",
    "\\ ` * _ ~ $ \" '",
    "",
    " ",
];

async fn demo() -> Source {
    let (event, people, docs) = demonstration().await;
    let boards = docs.iter().map(|doc| read_board(&doc.transact())).collect();
    Source { event, people, boards, at: "2022-04-08T16:00:00Z".parse().unwrap() }
}

fn choice(format: Format) -> Choice {
    Choice {
        format,
        languages: vec![Language::French],
        personal: PersonalData::With,
        scope: Scope::All,
    }
}

/// All the text that a package's or a page's XML holds.
fn spoken(xml: &str) -> String {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let tree = roxmltree::Document::parse_with_options(xml, options).unwrap();
    let mut said = String::new();
    for node in tree.descendants() {
        match node.tag_name().name() {
            _ if node.is_text() => said.push_str(node.text().unwrap()),
            "br" | "line-break" => said.push('\n'),
            "tab" if node.tag_name().namespace().is_some() => said.push('\t'),
            "s" => {
                let count = node.attributes().find(|a| a.name() == "c").map_or("1", |a| a.value());
                said.push_str(&" ".repeat(count.parse().unwrap()));
            }
            "p" | "h" | "tc" | "li" | "td" => said.push('\u{1}'),
            _ => {}
        }
    }
    said
}

fn part(package: &[u8], name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(package)).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn xml_part(package: &[u8], name: &str) -> String {
    String::from_utf8(part(package, name)).unwrap()
}

/// Everything that people wrote on a board.
fn written(board: &Board) -> Vec<String> {
    let notes = board.practices.iter().chain(&board.ideas).map(|note| note.text.original.clone());
    let clusters = board.clusters.iter().map(|cluster| cluster.name.original.clone());
    let plans = board.plans.iter().flat_map(|plan| {
        let mut all: Vec<String> =
            [&plan.title, &plan.problem, &plan.description, &plan.expected_result]
                .map(|text| text.original.clone())
                .to_vec();
        all.extend([&plan.first_step.text, &plan.first_step.trigger].map(String::clone));
        all.extend(plan.milestones.iter().flat_map(|m| [m.title.clone(), m.deliverable.clone()]));
        all.extend(plan.risks.iter().flat_map(|r| [r.condition.clone(), r.answer.clone()]));
        all.extend(plan.evidence.iter().flat_map(|e| [e.title.clone(), e.url.clone()]));
        all.extend(
            plan.stakeholders.iter().flat_map(|s| [s.organisation.clone(), s.person.clone()]),
        );
        all
    });
    let mut all: Vec<String> = notes.chain(clusters).chain(plans).collect();
    all.push(board.question.clone());
    all.retain(|text| !text.trim().is_empty());
    for text in &mut all {
        text::visible(text, &mut 0);
    }
    all
}

/// Makes every format, opens each with a reader that is not ours, and asks that it says everything.
fn checked(source: &Source, languages: &[Language]) {
    let texts: Vec<String> = source.boards.iter().flat_map(written).collect();
    for format in Format::ALL {
        let choice = Choice { languages: languages.to_vec(), ..choice(format) };
        let made = file(source.clone(), &choice).unwrap();
        // All the others are in it.
        if format == Format::Zip {
            let again = file(source.clone(), &choice).unwrap();
            assert_eq!(made, again, "it is not the same twice");
        }
        let said = match format {
            Format::Docx => {
                for name in [
                    "word/styles.xml",
                    "word/numbering.xml",
                    "word/footer.xml",
                    "docProps/core.xml",
                    "word/_rels/document.xml.rels",
                ] {
                    spoken(&xml_part(&made.bytes, name));
                }
                Some(spoken(&xml_part(&made.bytes, "word/document.xml")))
            }
            Format::Odt => {
                for name in ["styles.xml", "meta.xml", "META-INF/manifest.xml"] {
                    spoken(&xml_part(&made.bytes, name));
                }
                assert_eq!(&made.bytes[30..38], b"mimetype");
                Some(spoken(&xml_part(&made.bytes, "content.xml")))
            }
            Format::Html => Some(spoken(&String::from_utf8(made.bytes).unwrap())),
            Format::Json => {
                let json: serde_json::Value = serde_json::from_slice(&made.bytes).unwrap();
                for (board, read) in source.boards.iter().zip(json["boards"].as_array().unwrap()) {
                    let plans: Vec<Plan> = serde_json::from_value(read["plans"].clone()).unwrap();
                    assert_eq!(plans, board.plans);
                    let ideas: Vec<Note> = serde_json::from_value(read["ideas"].clone()).unwrap();
                    assert_eq!(ideas, board.ideas);
                }
                None
            }
            Format::Xlsx => {
                // Excel reads `_x0041_` as "A": whoever wrote that meant it, and it is escaped once.
                let said = spoken(&xml_part(&made.bytes, "xl/sharedStrings.xml"));
                assert_eq!(said.matches("_x005F_x0041_").count(), said.matches("_x0041_").count(),);
                assert!(!said.contains("_x005F_x005F_"));
                let sheet = xml_part(&made.bytes, "xl/worksheets/sheet1.xml");
                assert!(!sheet.contains("<f>") && !sheet.contains("<f "), "a cell is a formula");
                None
            }
            Format::Csv => {
                let text = String::from_utf8(made.bytes).unwrap();
                for cell in text.split("\r\n").flat_map(|row| row.split("\",\"")) {
                    let cell = cell.trim_start_matches(['\u{feff}', '"']);
                    assert!(!cell.starts_with(['=', '+', '@']), "{cell}");
                }
                None
            }
            Format::Ics => {
                let text = String::from_utf8(made.bytes).unwrap();
                assert!(
                    text.split("\r\n").all(|line| line.len() <= 75 && !line.contains(['\r', '\n']))
                );
                let unfolded = text.replace("\r\n ", "");
                for line in unfolded.split("\r\n").filter(|line| !line.is_empty()) {
                    let name = line.split([':', ';']).next().unwrap();
                    assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == '-'), "{line}");
                    assert_ne!(name, "ATTACH");
                }
                assert_eq!(
                    unfolded.split("\r\n").filter(|line| *line == "END:VCALENDAR").count(),
                    1
                );
                None
            }
            Format::Markdown => None,
            Format::Zip => {
                let sums = xml_part(&made.bytes, "SHA256SUMS");
                assert!(sums.lines().count() >= 8, "{sums}");
                for line in sums.lines() {
                    let (sum, name) = line.split_once("  ").unwrap();
                    let bytes = Sha256::digest(part(&made.bytes, name));
                    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    assert_eq!(sum, hex.concat(), "{name}");
                }
                None
            }
        };
        if let Some(said) = said {
            for text in &texts {
                assert!(said.contains(text.as_str()), "{format:?} does not say {text:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_format_says_what_the_demonstration_says() {
    let source = demo().await;
    for languages in [
        vec![Language::French],
        vec![Language::English],
        vec![Language::Hindi],
        vec![Language::French, Language::Hindi],
    ] {
        checked(&source, &languages);
    }
}

#[tokio::test]
async fn hostile_and_endless_texts_are_said_as_they_were_written() {
    let mut source = demo().await;
    for board in &mut source.boards {
        let ideas = board.ideas.iter_mut().map(|idea| &mut idea.text.original);
        for (text, hostile) in ideas.zip(TEXTS) {
            (*hostile).clone_into(text);
        }
        for (plan, hostile) in board.plans.iter_mut().zip(TEXTS.iter().rev().skip(2)) {
            (*hostile).clone_into(&mut plan.title.original);
            (*hostile).clone_into(&mut plan.first_step.text);
            plan.description.original = "ééééé ".repeat(1_666) + hostile;
        }
        let wide = "हि\u{202e}".repeat(400);
        board.practices[0].text.original = wide;
    }
    checked(&source, &[Language::French]);
}

#[tokio::test]
async fn without_personal_data_nobody_is_named() {
    let source = demo().await;
    let names: Vec<String> = source.people.iter().map(|person| person.name.clone()).collect();
    assert!(names.len() > 20);
    let ids: Vec<String> = source.people.iter().map(|person| person.id.to_string()).collect();
    let facilitators = source.event.workshops.iter().flat_map(|w| &w.facilitators);
    let printed: Vec<String> = facilitators.map(|one| one.name.clone()).collect();
    let dossier = Dossier::new(source.clone(), PersonalData::Without, Scope::All);
    // Names that people wrote inside their texts stay; here they are looked for everywhere else.
    let mut bare = dossier.clone();
    bare.source.boards.iter_mut().for_each(|board| board.minutes.clear());
    let json = String::from_utf8(json::write(&bare).unwrap()).unwrap();
    let page = html::write(&report::build(&bare, &[Language::English]));
    for text in [&json, &page] {
        for secret in names.iter().chain(&ids).chain(&printed) {
            assert!(!text.contains(secret.as_str()), "{secret} is told");
        }
    }
    assert!(page.contains("Participant, Bengaluru"), "role and site stand for the name");
    let with = html::write(&report::build(
        &Dossier::new(source, PersonalData::With, Scope::All),
        &[Language::English],
    ));
    assert!(with.contains(&names[0]));
    assert!(!with.contains(WITHHELD));
}

#[tokio::test]
async fn what_is_not_public_stays_inside() {
    let mut source = demo().await;
    let plan = &mut source.boards[0].plans[0];
    plan.visibility = Visibility::Participants;
    plan.title.original = "Pas encore public".into();
    source.boards[0].minutes = "Entre nous".into();
    for (scope, seen) in [(Scope::Public, false), (Scope::All, true)] {
        for format in Format::ALL.into_iter().filter(|format| *format != Format::Zip) {
            let choice = Choice { scope, ..choice(format) };
            let made = file(source.clone(), &choice).unwrap();
            let text = match format {
                Format::Docx => spoken(&xml_part(&made.bytes, "word/document.xml")),
                Format::Odt => spoken(&xml_part(&made.bytes, "content.xml")),
                Format::Xlsx => spoken(&xml_part(&made.bytes, "xl/sharedStrings.xml")),
                _ => String::from_utf8(made.bytes).unwrap().replace("\r\n ", ""),
            };
            assert_eq!(text.contains("Pas encore public"), seen, "{format:?} {scope:?}");
            if !matches!(format, Format::Csv | Format::Ics) {
                assert_eq!(text.contains("Entre nous"), seen, "{format:?} {scope:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_file_cannot_hold_is_counted() {
    let mut source = demo().await;
    let docx = choice(Format::Docx);
    assert_eq!(file(source.clone(), &docx).unwrap().replaced, 0);
    source.boards[0].practices[0].text.original = "a\0b\u{1b}".into();
    let made = file(source, &docx).unwrap();
    assert_eq!(made.replaced, 2);
    assert!(spoken(&xml_part(&made.bytes, "word/document.xml")).contains("a␀b␛"));
}

#[tokio::test]
async fn the_schema_names_every_field_of_the_file() {
    fn fits(
        value: &serde_json::Value,
        schema: &serde_json::Value,
        root: &serde_json::Value,
        path: &str,
    ) {
        let schema = match schema["$ref"].as_str() {
            Some(name) => root.pointer(&name[1..]).unwrap(),
            None => schema,
        };
        if let Some(options) = schema["anyOf"].as_array() {
            if !value.is_null() {
                fits(value, &options[0], root, path);
            }
        } else if let Some(object) = value.as_object()
            && let Some(properties) = schema["properties"].as_object()
        {
            let known: Vec<_> = properties.keys().collect();
            for (key, inner) in object {
                assert!(known.contains(&key), "{path} has {key}, of which the schema says nothing");
                fits(inner, &properties[key], root, &format!("{path}.{key}"));
            }
            for key in schema["required"].as_array().unwrap() {
                assert!(object.contains_key(key.as_str().unwrap()), "{path} lacks {key}");
            }
        } else if let (Some(array), Some(items)) = (value.as_array(), schema.get("items")) {
            for one in array {
                fits(one, items, root, path);
            }
        }
    }
    let source = demo().await;
    let file = file(source, &choice(Format::Json)).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&file.bytes).unwrap();
    let schema: serde_json::Value = serde_json::from_str(json::SCHEMA).unwrap();
    assert_eq!(schema["properties"]["version"]["const"], json::VERSION);
    fits(&value, &schema, &schema, "file");
}

fn random_text(random: &mut ChaCha8Rng) -> String {
    match random.random_range(0..10) {
        0 => (0..random.random_range(0..60))
            .map(|_| char::from_u32(random.random_range(0..0x0011_0000)).unwrap_or('\u{fffd}'))
            .collect(),
        1 => "word ".repeat(random.random_range(0..400)),
        2 => {
            let (a, b) = (TEXTS.choose(random).unwrap(), TEXTS.choose(random).unwrap());
            format!("{a}{b}")
        }
        _ => (*TEXTS.choose(random).unwrap()).to_owned(),
    }
}

fn random_worded(random: &mut ChaCha8Rng) -> Text {
    let tags = ["fr", "en", "hi", "ar", "zh-Hant", "pt-BR"];
    let mut text = Text { original: random_text(random), ..Text::default() };
    text.language = random.random_bool(0.8).then(|| (*tags.choose(random).unwrap()).to_owned());
    for tag in tags.into_iter().take(random.random_range(0..3)) {
        let translation =
            Translation { text: random_text(random), by: TranslatedBy::default(), stale: false };
        text.translations.insert(tag.to_owned(), translation);
    }
    text
}

/// The demonstration's event with a random board in each workshop.
#[expect(clippy::too_many_lines, reason = "one field after the other")]
fn random_source(demo: &Source, random: &mut ChaCha8Rng) -> Source {
    let mut source = demo.clone();
    let people: Vec<_> = source.people.iter().map(|person| person.id).collect();
    for board in &mut source.boards {
        let old = std::mem::take(board);
        board.question = random_text(random);
        board.minutes = random_text(random);
        for mut note in old.ideas.into_iter().take(random.random_range(0..6)) {
            note.text = random_worded(random);
            if random.random_bool(0.1) {
                note.trace.author = None;
                note.site = None;
            }
            board.ideas.push(note);
        }
        board.practices = board.ideas.iter().take(2).cloned().collect();
        for note in &mut board.practices {
            note.id = NoteId(Uuid::from_u128(random.random()));
            note.text = random_worded(random);
        }
        for mut cluster in old.clusters.into_iter().take(random.random_range(0..3)) {
            cluster.name = random_worded(random);
            board.clusters.push(cluster);
        }
        for _ in 0..random.random_range(0..4) {
            let mut plan = Plan::empty(PlanId(Uuid::from_u128(random.random())));
            let row = |random: &mut ChaCha8Rng| RowId(Uuid::from_u128(random.random()));
            let day = |random: &mut ChaCha8Rng| {
                let date = jiff::civil::date(
                    random.random_range(1..9999),
                    random.random_range(1..=12),
                    28,
                );
                random.random_bool(0.7).then_some(date)
            };
            plan.reference = if random.random_bool(0.8) { "1.1".into() } else { String::new() };
            plan.title = random_worded(random);
            plan.problem = random_worded(random);
            plan.description = random_worded(random);
            plan.expected_result = random_worded(random);
            plan.language = plan.title.language.clone();
            plan.visibility = Visibility::Public;
            plan.lead = match random.random_range(0..3) {
                0 => None,
                1 => people.choose(random).map(|id| Who::Here { participant_id: *id }),
                _ => Some(Who::Elsewhere {
                    name: random_text(random),
                    organisation: random_text(random),
                    country: Some("FR".into()),
                }),
            };
            plan.first_step.text = random_text(random);
            plan.first_step.trigger = random_text(random);
            plan.first_step.owner_name = random_text(random);
            plan.first_step.due = day(random);
            plan.first_step.time_zone = Some(random_text(random));
            plan.due_date = day(random);
            plan.time_zone = Some(
                ["Asia/Kolkata", "Europe/Paris", "Not/AZone", "America/New_York"]
                    [random.random_range(0..4)]
                .into(),
            );
            plan.effort =
                random.random_bool(0.5).then(|| f64::from(random.random_range(0..=100)) / 100.0);
            plan.origin_ideas = board.ideas.iter().map(|idea| idea.id).take(2).collect();
            for _ in 0..random.random_range(0..3) {
                plan.milestones.push(Milestone {
                    id: row(random),
                    title: random_text(random),
                    deliverable: random_text(random),
                    due: day(random),
                    owner: people.choose(random).copied(),
                    status: *sangam_shared::plan::PlanStatus::ALL.choose(random).unwrap(),
                });
                plan.risks.push(Risk {
                    id: row(random),
                    condition: random_text(random),
                    answer: random_text(random),
                });
                plan.stakeholders.push(Stakeholder {
                    id: row(random),
                    organisation: random_text(random),
                    person: random_text(random),
                    country: None,
                    role: None,
                });
                plan.evidence.push(Evidence {
                    id: row(random),
                    kind: None,
                    url: if random.random_bool(0.5) {
                        "https://example.org/?a=1&b=\"<>".into()
                    } else {
                        random_text(random)
                    },
                    title: random_text(random),
                    date: day(random),
                });
            }
            board.plans.push(plan);
        }
    }
    source
}

/// `SANGAM_EXPORT_CASES` and `SANGAM_EXPORT_SEED` make it a soak: `make export-soak`.
#[tokio::test]
async fn random_boards_leave_in_every_format() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
    };
    let (cases, seed) = (number("SANGAM_EXPORT_CASES", 300), number("SANGAM_EXPORT_SEED", 1));
    // Where other readers look at the same files: scripts/export-read.sh.
    let folder = std::env::var_os("SANGAM_EXPORT_FILES").map(std::path::PathBuf::from);
    let demo = demo().await;
    for case in seed..seed + cases {
        println!("seed {case}");
        let mut random = ChaCha8Rng::seed_from_u64(case);
        let source = random_source(&demo, &mut random);
        let two = [Language::English, Language::Hindi];
        if let Some(folder) = &folder {
            for format in Format::ALL {
                let made = file(source.clone(), &choice(format)).unwrap();
                let name = format!("{case}.{}", format.as_str());
                std::fs::write(folder.join(name), made.bytes).unwrap();
            }
        }
        checked(&source, if case % 2 == 0 { &two[..1] } else { &two });
    }
}
