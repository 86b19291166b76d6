//! Slow and hostile neighbours, over real sockets: they hurt themselves alone.

use anyhow::Result;
use sangam_tests::{Client, Heard, Server};
use std::time::{Duration, Instant};

const PARIS: Option<&str> = Some("paris");

#[tokio::test]
async fn a_reader_that_stops_reading_is_closed_and_resyncs() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let (board, token) = (&links.boards[0].id, links.token("participant", PARIS));
    let mut deaf = Client::sangam(&server.address, board, token).await?;
    deaf.sync().await?;
    let mut writer = Client::sangam(&server.address, board, token).await?;
    writer.sync().await?;
    let mut reader = Client::stock(&server.address, board, token).await?;
    reader.sync().await?;
    let before = server.memory_bytes()?;
    let mut slowest = Duration::ZERO;
    // 60 MB go by: far more than sockets, the log and the outbox hold together.
    let big = "y".repeat(100_000);
    for _ in 0..600 {
        let sent = Instant::now();
        writer.type_minutes(0, &big).await?;
        let n = writer.strike_minutes(100_000).await?;
        writer.until_acknowledged(n).await?;
        slowest = slowest.max(sent.elapsed());
        // The good reader keeps up.
        while let Ok(frame) = tokio::time::timeout(Duration::ZERO, reader.frame()).await {
            let frame = frame.map_err(|code| anyhow::anyhow!("the reader was closed: {code}"))?;
            reader.read(&frame).await?;
        }
    }
    let grown = server.memory_bytes()?.saturating_sub(before);
    println!("slowest edit {slowest:?}, memory grew by {} MB", grown >> 20);
    assert!(slowest < Duration::from_secs(5), "the others waited {slowest:?}");
    assert!(grown < 64 << 20, "memory grew by {grown} bytes");
    let (id, n) = writer.add_idea("after the flood").await?;
    writer.until_acknowledged(n).await?;
    reader.until_doc(|c| c.idea(&id).is_some()).await?;
    // It reads again: what had been written, then the end. Nothing in between was skipped.
    let code = deaf.until_closed().await?;
    assert!(matches!(code, 4503 | 1006), "{code}");
    assert_eq!(deaf.idea(&id), None, "it was closed before the end");
    let mut deaf = deaf.reconnect(&server.address, board, token).await?;
    deaf.sync().await?;
    assert_eq!(deaf.board(), writer.board());
    assert_eq!(reader.board(), writer.board());
    Ok(())
}

#[tokio::test]
async fn a_flood_of_presence_reaches_others_five_times_a_second() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let (board, token) = (&links.boards[0].id, links.token("participant", PARIS));
    let mut watcher = Client::stock(&server.address, board, token).await?;
    watcher.sync().await?;
    let mut flood = Client::stock(&server.address, board, token).await?;
    flood.sync().await?;
    let begin = Instant::now();
    let flooding = tokio::spawn(async move {
        for clock in 200..=1_700_u32 {
            let mut frame = vec![1, 7, 1, 9, 0, 0, 2, b'{', b'}'];
            frame[4] = u8::try_from(clock & 0x7f)? | 0x80;
            frame[5] = u8::try_from(clock >> 7)?;
            flood.send(frame.into()).await?;
        }
        Ok::<_, anyhow::Error>(flood)
    });
    let mut heard = 0;
    while begin.elapsed() < Duration::from_secs(2) {
        let left = Duration::from_secs(2).saturating_sub(begin.elapsed());
        let Ok(frame) = tokio::time::timeout(left, watcher.frame()).await else { break };
        let frame = frame.map_err(|code| anyhow::anyhow!("closed with {code}"))?;
        heard += u32::from(matches!(watcher.read(&frame).await?, Heard::Presence(_)));
    }
    let flood = flooding.await??;
    assert!((1..=12).contains(&heard), "{heard} presence frames in two seconds");
    drop(flood);
    Ok(())
}
