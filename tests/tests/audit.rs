//! The audit log over the real binary's files: `sangam check` says where a chain is broken.

use anyhow::{Context, Result, ensure};
use sangam_tests::http::ask;
use sangam_tests::{Server, run};
use serde_json::json;
use std::path::Path;

async fn check(data: &Path) -> Result<(bool, String)> {
    let done = run(&["check", "--data", data.to_str().context("path")?]).await?;
    Ok((done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned()))
}

fn change(data: &Path, sql: &str) -> Result<()> {
    let database = rusqlite::Connection::open(data.join("sangam.db"))?;
    let changed = database.execute(sql, [])?;
    ensure!(changed > 0, "nothing was changed by {sql}");
    Ok(())
}

#[tokio::test]
async fn check_names_the_entry_at_which_a_chain_is_broken() -> Result<()> {
    let mut server = Server::start().await?;
    let links = server.links().await?;
    let link = links.token("participant", Some("paris"));
    for name in ["Camille", "Zoé", "Asha", "Ravi"] {
        let body = json!({ "token": link, "name": name, "language": "fr", "languages": [] });
        ask(&server.address, link, "POST", "/api/v1/sessions", Some(&body)).await?;
    }
    server.terminate().await?;
    let (sound, said) = check(server.data()).await?;
    ensure!(sound && said.contains("audit log of demo: entries: 5"), "{said}");

    let copy = tempfile::tempdir()?;
    let event = "event = (SELECT event FROM audit WHERE act = 'event.created')";
    let cases = [
        (
            "a changed word",
            format!("UPDATE audit SET role = 'organiser' WHERE {event} AND sequence = 3"),
            3,
        ),
        (
            "a flipped bit",
            format!("UPDATE audit SET hash = zeroblob(32) WHERE {event} AND sequence = 2"),
            2,
        ),
        ("a deleted entry", format!("DELETE FROM audit WHERE {event} AND sequence = 4"), 4),
        ("a cut-off end", format!("DELETE FROM audit WHERE {event} AND sequence = 5"), 5),
        (
            "two that changed places",
            format!(
                "UPDATE audit SET about = (SELECT about FROM audit AS other WHERE other.event = \
                 audit.event AND other.sequence = 7 - audit.sequence) WHERE {event} AND sequence \
                 IN (3, 4)"
            ),
            3,
        ),
        ("a head that was moved", format!("UPDATE audit_heads SET sequence = 4 WHERE {event}"), 5),
    ];
    for (what, sql, at) in cases {
        std::fs::copy(server.data().join("sangam.db"), copy.path().join("sangam.db"))?;
        change(copy.path(), &sql)?;
        let (sound, said) = check(copy.path()).await?;
        let expected = format!("damaged: audit log of demo: entry {at} ");
        ensure!(!sound && said.contains(&expected), "{what}: {said}");
    }
    Ok(())
}
