//! Imports point down: the table of `docs/ARCHITECTURE.md`, checked against every source file.

use std::fs;
use std::path::{Path, PathBuf};

/// Highest first. Who stands in one row may know each other.
const LAYERS: &[&[&str]] = &[
    &["main", "lib"],
    &["cli"],
    &["app", "lifecycle"],
    &["http"],
    &["export"],
    &["event"],
    &["sync"],
    &["store"],
    &["telemetry"],
    &["config", "clock"],
];

/// Rules without I/O: they may name nothing that waits, reads a clock or touches a disk.
const PURE: &[&str] = &[
    "sync/room.rs",
    "sync/room/",
    "sync/guard",
    "sync/frame.rs",
    "sync/presence.rs",
    "event/groups/problem.rs",
    "event/groups/search.rs",
    "event/groups/greedy.rs",
    "event/groups/explain.rs",
    "event/groups/table.rs",
];
const IMPURE: &[&str] = &[
    "tokio",
    "axum",
    "rusqlite",
    "dashmap",
    "std::fs",
    "std::net",
    "std::thread",
    "std::time",
    "std::env",
    "crate::clock",
];

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The top-level modules of this crate that a source text names.
fn named(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in source.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            // `use crate::{a::b, c}`: the word after each comma that stands in no inner braces.
            let mut depth = 0;
            let mut start = true;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && (c.is_alphanumeric() || c == '_') => word.push(c),
                    c if start && !word.is_empty() && !c.is_whitespace() => start = false,
                    _ => {}
                }
                if (!start || c == ',') && !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
            }
            if !word.is_empty() {
                found.push(word);
            }
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// What a file may not do, in sentences. `file` is its path below `src`.
fn faults(file: &str, source: &str) -> Vec<String> {
    let module = file.split(['/', '.']).next().unwrap_or_default();
    let Some(own) = rank(module) else {
        return vec![format!("{file}: the module `{module}` has no place in the table of layers")];
    };
    // Tests may reach up to build what they test.
    let is_test = file.ends_with("/tests.rs") || file.contains("/tests/");
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut faults = Vec::new();
    for other in named(source) {
        // What has no rank is a macro or an item at the root of the crate.
        if rank(&other).is_some_and(|theirs| theirs < own) && !is_test {
            faults.push(format!("{file}: `{module}` imports upward, from `{other}`"));
        }
    }
    if !is_test && PURE.iter().any(|pure| file.starts_with(pure)) {
        for word in IMPURE.iter().filter(|word| source.contains(&format!("{word}::"))) {
            faults.push(format!("{file}: is pure, and names `{word}`"));
        }
    }
    faults
}

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 30, "the sources were not found");
    let faults: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let file = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
            faults(&file, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn an_import_that_points_up_is_found() {
    let up = "use crate::http::Api;\n";
    assert_eq!(faults("store/sqlite.rs", up).len(), 1);
    assert_eq!(
        faults("store/sqlite.rs", "use crate::{clock::Clock, event::{Events, x}};").len(),
        1
    );
    assert_eq!(faults("sync/rooms.rs", "use crate::{store, clock};").len(), 0);
    assert_eq!(faults("sync/room/content.rs", "use tokio::sync::mpsc;").len(), 1);
    assert_eq!(faults("helpers/text.rs", "").len(), 1);
}

#[test]
fn the_shared_crate_knows_no_io() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src");
    let mut files = Vec::new();
    sources(&shared, &mut files);
    for path in files.iter().filter(|path| !path.ends_with("typescript.rs")) {
        let source = fs::read_to_string(path).unwrap();
        for word in ["tokio", "std::fs", "std::net", "std::env", "std::time::SystemTime", "rand::"]
        {
            assert!(!source.contains(word), "{} names {word}", path.display());
        }
    }
}
