//! Backup of a running server, and restore, against the real binary.

use anyhow::{Context, Result};
use sangam_shared::limits::RECOVERING_MS;
use sangam_shared::message::RefusalCode;
use sangam_tests::{Client, Heard, Place, Server, run};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const PARIS: Option<&str> = Some("paris");

/// Writes until it is told to stop; returns the client with everything acknowledged.
async fn write_on(mut client: Client, stop: CancellationToken) -> Result<Client> {
    // Bounded, so that a test that fails ends.
    for round in 0..20_000 {
        let (_, n) = client.add_idea(&format!("during {round}")).await?;
        client.until_acknowledged(n).await?;
        if stop.is_cancelled() {
            break;
        }
    }
    Ok(client)
}

#[tokio::test]
async fn edits_made_after_a_backup_come_back_from_the_devices() -> Result<()> {
    let folder = TempDir::new()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let data_arg = data.to_str().context("a plain path")?;
    let file = folder.path().join("backup");
    let file_arg = file.to_str().context("a plain path")?;
    let server = Server::start_in(Place::given(&data), "127.0.0.1:0").await?;
    let address = server.address.clone();
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut client = Client::sangam(&address, &board, &token).await?;
    client.sync().await?;
    let (before, n) = client.add_idea("before").await?;
    client.until_acknowledged(n).await?;

    // Somebody writes while the backup is made.
    let stop = CancellationToken::new();
    let writing = tokio::spawn(write_on(client, stop.clone()));
    let made = run(&["backup", file_arg, "--data", data_arg]).await?;
    stop.cancel();
    let mut client = writing.await??;
    let said = String::from_utf8(made.stdout)? + &String::from_utf8(made.stderr)?;
    assert!(made.status.success(), "{said}");
    assert!(said.contains("everything is sound"), "it was not read back: {said}");
    let rights = file.metadata()?.permissions().mode();
    assert_eq!(rights & 0o777, 0o600, "it holds the key of the links");
    let again = run(&["backup", file_arg, "--data", data_arg]).await?;
    assert!(String::from_utf8(again.stderr)?.contains("exists already"));

    let (after, n) = client.add_idea("after").await?;
    client.until_acknowledged(n).await?;
    let epoch = client.hello.as_ref().map(|hello| hello.epoch);

    let refused = run(&["restore", file_arg, "--data", data_arg, "--replace"]).await?;
    assert!(String::from_utf8(refused.stderr)?.contains("in use"), "under a running server");
    server.kill().await?;
    let refused = run(&["restore", file_arg, "--data", data_arg]).await?;
    assert!(String::from_utf8(refused.stderr)?.contains("has data already"));
    let restored = run(&["restore", file_arg, "--data", data_arg, "--replace"]).await?;
    let said = String::from_utf8(restored.stdout)? + &String::from_utf8(restored.stderr)?;
    assert!(restored.status.success(), "{said}");
    assert!(data.join("sangam.db.replaced-1").exists(), "what was there is gone");

    let server = Server::start_in(Place::given(&data), &address).await?;
    let mut fresh = Client::sangam(&address, &board, &token).await.context("the old link")?;
    fresh.sync().await?;
    assert_eq!(fresh.idea(&before).as_deref(), Some("before"));
    assert_eq!(fresh.idea(&after), None, "the backup holds what was written after it");
    // The device that wrote it comes back, sees a new epoch, and offers what it has.
    let expected = client.ideas();
    let mut client = client.reconnect(&address, &board, &token).await?;
    client.sync().await?;
    assert_ne!(client.hello.as_ref().map(|hello| hello.epoch), epoch);
    client.until_acknowledged(1).await?;
    fresh.until_doc(|fresh| fresh.ideas() == expected).await?;
    let links_again = server.links().await?;
    assert_eq!(links_again.token("participant", PARIS), token, "printed QR codes are dead");
    Ok(())
}

/// Sends everything that a device has as the answer to a question, and hears what becomes of it.
async fn offer_all(client: &mut Client) -> Result<Option<RefusalCode>> {
    let n = client.send_step_2(&client.state()).await?;
    loop {
        match client.hear().await? {
            Heard::Ack(upto) if upto >= n => return Ok(None),
            Heard::Refused(refusal) if refusal.n == n => return Ok(Some(refusal.code)),
            Heard::Closed(code) => anyhow::bail!("closed with {code}"),
            _ => {}
        }
    }
}

/// Two people write after the backup; one of them never comes back. Whoever was in the room with
/// them has their words, and may bring them back for two weeks.
#[tokio::test]
async fn one_device_brings_back_what_others_wrote_until_the_limit() -> Result<()> {
    let folder = TempDir::new()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let data_arg = data.to_str().context("a plain path")?;
    let file = folder.path().join("backup");
    let file_arg = file.to_str().context("a plain path")?;
    let server = Server::start_in(Place::given(&data), "127.0.0.1:0").await?;
    let address = server.address.clone();
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let paris = links.token("participant", PARIS).to_owned();
    let bengaluru = links.token("participant", Some("bengaluru")).to_owned();
    let mut bruno = Client::sangam(&address, &board, &paris).await?;
    bruno.sync().await?;
    let mut asha = Client::sangam(&address, &board, &bengaluru).await?;
    asha.sync().await?;
    let (_, n) = asha.add_idea("before").await?;
    asha.until_acknowledged(n).await?;
    assert!(run(&["backup", file_arg, "--data", data_arg]).await?.status.success());
    let (hers, n) = asha.add_idea("hers, after the backup").await?;
    asha.until_acknowledged(n).await?;
    bruno.until_doc(|bruno| bruno.idea(&hers).is_some()).await?;
    let (his, n) = bruno.add_idea("his, after the backup").await?;
    bruno.until_acknowledged(n).await?;
    server.kill().await?;
    // Her device falls into the Ganges.
    drop(asha);

    let restore = ["restore", file_arg, "--data", data_arg, "--replace"];
    assert!(run(&restore).await?.status.success());
    let server = Server::start_in(Place::given(&data), &address).await?;
    let mut bruno = bruno.reconnect(&address, &board, &paris).await?;
    bruno.sync().await?;
    assert_eq!(offer_all(&mut bruno).await?, None);
    let mut fresh = Client::sangam(&address, &board, &paris).await?;
    fresh.sync().await?;
    assert_eq!(fresh.idea(&hers).as_deref(), Some("hers, after the backup"));
    assert_eq!(fresh.idea(&his).as_deref(), Some("his, after the backup"));
    // Two weeks and a day later, the same backup's life is an ordinary one.
    server.kill().await?;
    assert!(run(&restore).await?.status.success());
    let database = rusqlite::Connection::open(data.join("sangam.db"))?;
    let two_weeks_and_a_day = i64::try_from(RECOVERING_MS)? + 24 * 60 * 60 * 1_000;
    let sql = "UPDATE meta SET value = CAST(value - ?1 AS TEXT) WHERE key = 'lost-at-ms'";
    assert_eq!(database.execute(sql, [two_weeks_and_a_day])?, 1, "a restore says when");
    drop(database);
    let _server = Server::start_in(Place::given(&data), &address).await?;
    let mut before = Client::sangam(&address, &board, &paris).await?;
    before.sync().await?;
    let known = before.ideas();
    let mut bruno = bruno.reconnect(&address, &board, &paris).await?;
    bruno.ask().await?;
    bruno.until(|_, heard| matches!(heard, Heard::Refused(_) | Heard::Ack(_))).await?;
    assert_eq!(offer_all(&mut bruno).await?, Some(RefusalCode::ForeignClient));
    let mut fresh = Client::sangam(&address, &board, &paris).await?;
    fresh.sync().await?;
    assert_eq!(fresh.ideas(), known, "a refused offer changed something");
    Ok(())
}

#[tokio::test]
async fn a_backup_serves_on_another_machine() -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("backup");
    let file_arg = file.to_str().context("a plain path")?;
    let server = Server::start().await?;
    let links = server.links().await?;
    let token = links.token("facilitator", PARIS).to_owned();
    let data_arg = server.data().to_str().context("a plain path")?;
    assert!(run(&["backup", file_arg, "--data", data_arg]).await?.status.success());
    let elsewhere = folder.path().join("elsewhere");
    let elsewhere_arg = elsewhere.to_str().context("a plain path")?;
    assert!(run(&["restore", file_arg, "--data", elsewhere_arg]).await?.status.success());
    let other = Server::start_in(Place::given(&elsewhere), "127.0.0.1:0").await?;
    for board in &links.boards {
        let mut here = Client::stock(&server.address, &board.id, &token).await?;
        here.sync().await?;
        let mut there = Client::stock(&other.address, &board.id, &token).await?;
        there.sync().await?;
        assert_eq!(there.ideas(), here.ideas());
        assert_eq!(there.minutes(), here.minutes());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_backup_is_refused_and_nothing_is_touched() -> Result<()> {
    let folder = TempDir::new()?;
    let mut server = Server::start_in(Place::given(folder.path()), "127.0.0.1:0").await?;
    server.terminate().await?;
    let data_arg = folder.path().to_str().context("a plain path")?;
    let database = folder.path().join("sangam.db");
    let before = std::fs::read(&database)?;
    let copy = folder.path().join("copy");
    std::fs::copy(&database, &copy)?;
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "not a database, by any means".repeat(400))?;
    let cut = folder.path().join("cut");
    let backup = folder.path().join("backup");
    let backup_arg = backup.to_str().context("a plain path")?;
    assert!(run(&["backup", backup_arg, "--data", data_arg]).await?.status.success());
    let bytes = std::fs::read(&backup)?;
    std::fs::write(&cut, &bytes[..bytes.len() / 2])?;
    let missing = folder.path().join("missing");
    for (file, because) in [
        (&copy, "no key of the links"),
        (&garbage, "cannot be opened as a Sangam database"),
        (&cut, "malformed"),
        (&missing, "No such file"),
    ] {
        let file = file.to_str().context("a plain path")?;
        let said = run(&["restore", file, "--data", data_arg, "--replace"]).await?;
        let text = String::from_utf8(said.stderr)?;
        assert_eq!(said.status.code(), Some(1), "{file}: {text}");
        assert!(text.contains(because), "{file}: {text}");
        assert_eq!(std::fs::read(&database)?, before, "{file}");
    }
    Ok(())
}
