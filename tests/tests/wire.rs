//! Over real sockets, against the real binary.

use anyhow::Result;
use bytes::Bytes;
use sangam_shared::message::{RefusalCode, close};
use sangam_tests::{Client, Heard, Server, run};

const PARIS: Option<&str> = Some("paris");
const BENGALURU: Option<&str> = Some("bengaluru");

#[tokio::test]
async fn the_five_boards_hold_a_mornings_work() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    assert_eq!(links.boards.len(), 5);
    for board in &links.boards {
        let token = links.token("participant", PARIS);
        let mut client = Client::stock(&server.address, &board.id, token).await?;
        client.sync().await?;
        assert!(client.idea_count() >= 5, "a board starts with ideas");
    }
    Ok(())
}

#[tokio::test]
async fn paris_and_bengaluru_see_each_others_words() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let board = &links.boards[0].id;
    let mut paris =
        Client::sangam(&server.address, board, links.token("participant", PARIS)).await?;
    let mut bengaluru =
        Client::stock(&server.address, board, links.token("participant", BENGALURU)).await?;
    paris.sync().await?;
    bengaluru.sync().await?;
    let (from_paris, _) = paris.add_idea("Bonjour").await?;
    let (from_bengaluru, _) = bengaluru.add_idea("नमस्ते").await?;
    paris.until_doc(|c| c.idea(&from_bengaluru).as_deref() == Some("नमस्ते")).await?;
    bengaluru.until_doc(|c| c.idea(&from_paris).as_deref() == Some("Bonjour")).await?;
    Ok(())
}

#[tokio::test]
async fn letters_typed_at_once_into_one_text_all_stay() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let board = &links.boards[1].id;
    let token = links.token("participant", PARIS);
    let mut one = Client::stock(&server.address, board, token).await?;
    let mut two = Client::stock(&server.address, board, token).await?;
    one.sync().await?;
    two.sync().await?;
    let before = one.minutes().chars().count();
    for _ in 0..50 {
        one.type_minutes(0, "a").await?;
        two.type_minutes(0, "b").await?;
    }
    let whole = move |c: &Client| c.minutes().chars().count() == before + 100;
    one.until_doc(whole).await?;
    two.until_doc(whole).await?;
    assert_eq!(one.minutes(), two.minutes());
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() -> Result<()> {
    let mut server = Server::start().await?;
    let links = server.links().await?;
    let board = links.boards[2].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut written: Vec<(String, String)> = Vec::new();
    for round in 0..8 {
        let mut client = Client::sangam(&server.address, &board, &token).await?;
        client.sync().await?;
        for (id, text) in &written {
            assert_eq!(client.idea(id).as_ref(), Some(text), "lost in round {round}");
        }
        let text = format!("round {round}");
        let (id, n) = client.add_idea(&text).await?;
        client.until_acknowledged(n).await?;
        // The device is gone right after its acknowledgement, and the server with it.
        drop(client);
        written.push((id, text));
        server = server.kill_and_restart().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_client_carries_on_after_the_server_was_killed() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut client = Client::sangam(&server.address, &board, &token).await?;
    client.sync().await?;
    let epoch = client.hello.as_ref().map(|hello| hello.epoch);
    let server = server.kill_and_restart().await?;
    client.until_closed().await?;
    // Written without a server, and offered when it is back: the send itself may fail.
    let before = client.idea_count();
    let sent = client.add_idea("offline").await;
    assert!(sent.is_err() || client.idea_count() == before + 1);
    let mut client = client.reconnect(&server.address, &board, &token).await?;
    client.sync().await?;
    assert_eq!(client.hello.as_ref().map(|hello| hello.epoch), epoch);
    client.until_acknowledged(1).await?;
    assert_eq!(client.idea_count(), before + 1);
    let mut other = Client::stock(&server.address, &board, &token).await?;
    other.sync().await?;
    assert_eq!(other.idea_count(), before + 1);
    Ok(())
}

#[tokio::test]
async fn an_unknown_token_is_told_so_for_good() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let board = &links.boards[0].id;
    let mut client = Client::stock(&server.address, board, "AAAAAAAAAAAAAAAAAAAAAA").await?;
    assert_eq!(client.until_closed().await?, close::UNAUTHORIZED);
    Ok(())
}

#[tokio::test]
async fn an_unknown_document_is_told_so_for_good() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    for unknown in ["not-a-uuid", "00000000-0000-4000-8000-000000000000"] {
        let token = links.token("participant", PARIS);
        let mut client = Client::stock(&server.address, unknown, token).await?;
        assert_eq!(client.until_closed().await?, close::NOT_FOUND);
    }
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_before_the_upgrade() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let (board, token) = (&links.boards[0].id, links.token("participant", PARIS));
    let own = format!("http://{}", server.address);
    let look_alike = format!("http://{}.evil.example", server.address);
    for (origin, status) in
        [("https://evil.example", 403), ("null", 403), (&*look_alike, 403), (&*own, 101)]
    {
        let found = Client::status_from(&server.address, board, token, origin).await?;
        assert_eq!(found, status, "{origin}");
    }
    Ok(())
}

#[tokio::test]
async fn a_screen_reads_and_does_not_write() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let board = &links.boards[0].id;
    let mut screen = Client::sangam(&server.address, board, links.token("screen", PARIS)).await?;
    screen.sync().await?;
    assert_eq!(screen.hello.as_ref().map(|hello| hello.writable), Some(false));
    assert!(screen.idea_count() > 0);
    let (id, n) = screen.add_idea("from a projector").await?;
    screen
        .until(|_, heard| {
            matches!(heard, Heard::Refused(r) if r.n == n && r.code == RefusalCode::ReadOnly)
        })
        .await?;
    let mut stock = Client::stock(&server.address, board, links.token("screen", PARIS)).await?;
    stock.sync().await?;
    assert_eq!(stock.idea(&id), None);
    stock.add_idea("from another one").await?;
    stock.until(|_, heard| matches!(heard, Heard::Denied(_))).await?;
    Ok(())
}

#[tokio::test]
async fn nobody_writes_the_stage() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let token = links.token("organiser", None);
    let mut client = Client::sangam(&server.address, &links.stage, token).await?;
    client.sync().await?;
    let (_, n) = client.add_idea("I run this").await?;
    client.until(|_, heard| matches!(heard, Heard::Refused(r) if r.n == n)).await?;
    Ok(())
}

#[tokio::test]
async fn a_malformed_frame_ends_that_connection_and_no_other() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let (board, token) = (&links.boards[0].id, links.token("participant", PARIS));
    let mut honest = Client::sangam(&server.address, board, token).await?;
    honest.sync().await?;
    for bad in [&[0, 2, 9, 9][..], &[200, 1], &[0, 0, 5, 255, 255, 255, 255, 15], &[]] {
        let mut hostile = Client::stock(&server.address, board, token).await?;
        hostile.send(Bytes::copy_from_slice(bad)).await?;
        assert_eq!(hostile.until_closed().await?, close::MALFORMED, "{bad:?}");
    }
    let (_, n) = honest.add_idea("still here").await?;
    honest.until_acknowledged(n).await?;
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_the_schema_changes_nothing() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let (board, token) = (&links.boards[0].id, links.token("participant", PARIS));
    let mut client = Client::sangam(&server.address, board, token).await?;
    client.sync().await?;
    let update = {
        use yrs::{Map, Transact};
        let foreign = yrs::Doc::with_client_id(77_777);
        let map = foreign.get_or_insert_map("roles");
        let mut txn = foreign.transact_mut();
        map.insert(&mut txn, "me", "organiser");
        txn.encode_update_v1()
    };
    let n = client.send_update(&update).await?;
    client
        .until(|_, heard| {
            matches!(heard, Heard::Refused(r) if r.n == n && r.code == RefusalCode::Schema)
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn presence_says_who_the_server_knows() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let board = &links.boards[0].id;
    let mut watcher =
        Client::stock(&server.address, board, links.token("participant", PARIS)).await?;
    watcher.sync().await?;
    let mut liar =
        Client::stock(&server.address, board, links.token("participant", BENGALURU)).await?;
    liar.sync().await?;
    let claim = br#"{"user":{"name":"The minister"}}"#;
    let mut frame = vec![1, 0, 1, 7, 1];
    frame.push(u8::try_from(claim.len())?);
    frame.extend_from_slice(claim);
    frame[1] = u8::try_from(frame.len() - 2)?;
    liar.send(frame.into()).await?;
    watcher
        .until(|_, heard| {
            matches!(heard, Heard::Presence(json)
                if json.contains("bengaluru") && !json.contains("minister"))
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_stopping_server_says_so_and_stores_everything() -> Result<()> {
    let mut server = Server::start().await?;
    let links = server.links().await?;
    let (board, token) = (&links.boards[0].id, links.token("participant", PARIS));
    let mut client = Client::sangam(&server.address, board, token).await?;
    client.sync().await?;
    let (id, _) = client.add_idea("last words").await?;
    let listen = tokio::spawn(async move {
        client.until(|_, heard| matches!(heard, Heard::Draining)).await?;
        client.until_closed().await
    });
    server.terminate().await?;
    assert_eq!(listen.await??, 1012);
    let server = server.kill_and_restart().await?;
    let mut after = Client::stock(&server.address, board, token).await?;
    after.sync().await?;
    assert_eq!(after.idea(&id).as_deref(), Some("last words"));
    Ok(())
}

/// One clear sentence, no panic, no half state.
async fn refused(arguments: &[&str], code: i32, expected: &str) -> Result<()> {
    let output = run(arguments).await?;
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(error.contains(expected), "{arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    assert_eq!(error.trim().lines().count(), 1, "{error}");
    Ok(())
}

#[tokio::test]
async fn an_operators_mistake_gets_one_clear_sentence() -> Result<()> {
    let server = Server::start().await?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    refused(&["demo", "--listen", &server.address, "--data", &path("busy")], 1, "cannot listen on")
        .await?;
    assert!(!folder.path().join("busy").exists(), "a busy port created something");
    std::fs::write(folder.path().join("file"), "")?;
    let inside = path("file/data");
    refused(&["demo", "--listen", "127.0.0.1:0", "--data", &inside], 1, "cannot write").await?;
    let in_use = server.data().to_string_lossy().into_owned();
    refused(&["demo", "--listen", "127.0.0.1:0", "--data", &in_use], 1, "in use").await?;
    refused(&["links", "other", "--data", &in_use], 1, "no event called \"other\"").await?;
    refused(&["links", "demo", "--data", &path("none")], 1, "no database").await?;
    Ok(())
}

#[tokio::test]
async fn a_broken_event_file_creates_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let file = folder.path().join("event.toml");
    let demo = include_str!("../../server/demo/infra-structures.toml");
    std::fs::write(&file, demo.replacen("Europe/Paris", "Paris", 1))?;
    let file = file.to_string_lossy().into_owned();
    let line = demo.lines().position(|line| line.contains("Europe/Paris")).unwrap_or(0) + 1;
    let expected = format!("line {line}, field `time_zone`: expected an IANA time zone");
    refused(&["event", "create", &file, "--data", &data], 2, &expected).await?;
    assert!(!std::path::Path::new(&data).exists());
    std::fs::write(&file, demo)?;
    let created = run(&["event", "create", &file, "--data", &data]).await?;
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    refused(&["event", "create", &file, "--data", &data], 1, "already an event called demo").await
}
