//! Writes `web/src/shared/schema.gen.ts`: what the browser must agree on with the server.
//! `SANGAM_WRITE_SCHEMA=1 cargo test -p sangam-shared` brings the file up to date.

use crate::{checks, limits, message, role, schema};
use std::fmt::Write as _;
use ts_rs::TS;

fn generated() -> String {
    let mut out = String::from(
        "// Generated from the Rust crate `sangam-shared`; a test there keeps it up to date.\n\n",
    );
    let config = ts_rs::Config::new().with_large_int("number");
    for declaration in [
        role::Role::decl(&config),
        message::RefusalCode::decl(&config),
        message::Hello::decl(&config),
        message::Refusal::decl(&config),
        checks::Code::decl(&config),
        checks::Field::decl(&config),
        checks::Ask::decl(&config),
        checks::Finding::decl(&config),
        checks::PlanDigest::decl(&config),
        checks::BoardDigest::decl(&config),
    ] {
        writeln!(out, "export {declaration}").expect("a String takes everything");
    }
    let numbers: [(&str, u64); 8] = [
        ("SYNC", message::SYNC.into()),
        ("AWARENESS", message::AWARENESS.into()),
        ("AUTH", message::AUTH.into()),
        ("QUERY_AWARENESS", message::QUERY_AWARENESS.into()),
        ("HELLO", message::HELLO.into()),
        ("ACK", message::ACK.into()),
        ("REFUSED", message::REFUSED.into()),
        ("DRAINING", message::DRAINING.into()),
    ];
    constants(&mut out, "MESSAGE", &numbers);
    let limits = [
        ("messageBytesMax", limits::MESSAGE_BYTES_MAX as u64),
        ("presenceIntervalMs", limits::PRESENCE_INTERVAL_MS),
        ("shortTextCharsMax", limits::SHORT_TEXT_CHARS_MAX as u64),
        ("noteCharsMax", limits::NOTE_CHARS_MAX as u64),
        ("longTextCharsMax", limits::LONG_TEXT_CHARS_MAX as u64),
        ("minutesCharsMax", limits::MINUTES_CHARS_MAX as u64),
        ("rowsPerPlanListMax", limits::ROWS_PER_PLAN_LIST_MAX as u64),
        ("personNameCharsMax", limits::PERSON_NAME_CHARS_MAX as u64),
        ("organisationCharsMax", limits::ORGANISATION_CHARS_MAX as u64),
        ("tagsPerPersonMax", limits::TAGS_PER_PERSON_MAX as u64),
        ("tagCharsMax", limits::TAG_CHARS_MAX as u64),
    ];
    constants(&mut out, "LIMITS", &limits);
    writeln!(out, "\nexport const SUBPROTOCOL = '{}';", message::SUBPROTOCOL).expect("a String");
    let levels: Vec<String> = checks::Code::ALL
        .iter()
        .map(|code| format!("{code:?}: '{}'", format!("{:?}", code.level()).to_lowercase()))
        .collect();
    writeln!(out, "export const LEVELS = {{ {} }} as const;", levels.join(", ")).expect("a String");
    for (name, words) in [
        ("STAKEHOLDER_ROLES", schema::STAKEHOLDER_ROLES),
        ("RESOURCE_KINDS", schema::RESOURCE_KINDS),
        ("RESOURCE_STATES", schema::RESOURCE_STATES),
        ("COMMONS_RELATIONS", schema::COMMONS_RELATIONS),
        ("EVIDENCE_TYPES", schema::EVIDENCE_TYPES),
        ("PLAN_STATUSES", schema::PLAN_STATUSES),
        ("VISIBILITIES", schema::VISIBILITIES),
    ] {
        let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        writeln!(out, "export const {name} = [{}] as const;", words.join(", ")).expect("a String");
    }
    for (name, node) in
        [("NOTE", schema::NOTE), ("CLUSTER", schema::CLUSTER), ("PLAN", schema::PLAN)]
    {
        writeln!(out, "\n/** What a fresh {} is made of, in order. */", name.to_lowercase())
            .expect("a String");
        writeln!(out, "export const {name}_FIELDS = {} as const;", containers(&node))
            .expect("a String");
    }
    out
}

fn constants(out: &mut String, name: &str, values: &[(&str, u64)]) {
    writeln!(out, "\nexport const {name} = {{").expect("a String");
    for (key, value) in values {
        writeln!(out, "  {key}: {value},").expect("a String");
    }
    out.push_str("} as const;\n");
}

/// The containers that are made together with an item; plain values come later, when they are set.
fn containers(node: &schema::Node) -> String {
    match node {
        schema::Node::Text { .. } => "'text'".to_owned(),
        schema::Node::Table { .. } => "'table'".to_owned(),
        schema::Node::Value(_) => String::new(),
        schema::Node::Map(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .filter(|field| !matches!(field.node, schema::Node::Value(_)))
                .map(|field| format!("{}: {}", field.name, containers(&field.node)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

#[test]
fn the_generated_typescript_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/src/shared/schema.gen.ts");
    let generated = generated();
    if std::env::var_os("SANGAM_WRITE_SCHEMA").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../web/src/shared")).unwrap();
        std::fs::write(path, &generated).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == generated,
        "web/src/shared/schema.gen.ts is stale: SANGAM_WRITE_SCHEMA=1 cargo test -p sangam-shared"
    );
}
