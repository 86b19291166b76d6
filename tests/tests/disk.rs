//! The store under a hostile disk, against the real binary.

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use sangam_shared::limits::COMPACT_AFTER_DELTAS;
use sangam_shared::message::RefusalCode;
use sangam_tests::{Client, Heard, Place, Server, SmallDisk, run};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const PARIS: Option<&str> = Some("paris");
/// People are told within this.
const TOLD: Duration = Duration::from_secs(2);
/// Writing goes on within this of space coming back.
const RECOVERED: Duration = Duration::from_secs(5);
/// How many files get bits flipped.
const SEEDS: u64 = 60;

/// Writes ideas until one is refused; adds what was acknowledged, and returns how long the refusal took.
async fn write_until_refused(
    client: &mut Client,
    acknowledged: &mut BTreeMap<String, String>,
) -> Result<Duration> {
    for round in 0..2_000 {
        let text = format!("idea {round} {}", "x".repeat(1_500));
        let sent = Instant::now();
        let (id, n) = client.add_idea(&text).await?;
        loop {
            match client.hear().await? {
                Heard::Ack(upto) if upto >= n => {
                    acknowledged.insert(id, text);
                    break;
                }
                Heard::Refused(refusal) if refusal.n == n => {
                    assert_eq!(refusal.code, RefusalCode::Unavailable);
                    assert!(refusal.retry, "a provider must keep the edit");
                    return Ok(sent.elapsed());
                }
                Heard::Closed(code) => anyhow::bail!("closed with {code}"),
                _ => {}
            }
        }
    }
    anyhow::bail!("the disk is not full")
}

/// Lets a client answer what it is asked.
async fn listen(mut client: Client, stop: CancellationToken) -> Result<Client> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(client),
            heard = client.hear() => drop(heard?),
        }
    }
}

fn holds_all(client: &Client, acknowledged: &BTreeMap<String, String>) {
    for (id, text) in acknowledged {
        assert_eq!(client.idea(id).as_ref(), Some(text), "an acknowledged edit is lost");
    }
}

#[tokio::test]
async fn a_full_disk_takes_nothing_reads_on_and_recovers_by_itself() -> Result<()> {
    let disk = SmallDisk::new(6).await?;
    let server = Server::start_in(disk.place(), "127.0.0.1:0").await?;
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut client = Client::sangam(&server.address, &board, &token).await?;
    client.sync().await?;
    let mut acknowledged = BTreeMap::new();
    let (id, n) = client.add_idea("before").await?;
    client.until_acknowledged(n).await?;
    acknowledged.insert(id, "before".to_owned());
    for round in 0..3 {
        disk.fill()?;
        let told = write_until_refused(&mut client, &mut acknowledged).await?;
        println!("round {round}: told after {told:?}");
        assert!(told < TOLD, "told after {told:?}");
        assert_eq!(server.get("/readyz").await?.0, 503, "it takes no edits");
        assert_eq!(server.get("/healthz").await?.0, 200, "a restart would not help");
        // Reading goes on, for those who are here and for those who come.
        let mut reader = Client::stock(&server.address, &board, &token).await?;
        reader.sync().await?;
        holds_all(&reader, &acknowledged);
        let again = client.type_minutes(0, "still full").await?;
        client
            .until(|_, heard| {
                matches!(heard, Heard::Refused(refusal)
                    if refusal.n == again && refusal.code == RefusalCode::Unavailable)
            })
            .await?;

        disk.free()?;
        let freed = Instant::now();
        // The server asks for what it lacks, and the client answers.
        let ideas = client.idea_count();
        let minutes = client.minutes();
        let stop = CancellationToken::new();
        let listening = tokio::spawn(listen(client, stop.clone()));
        reader.until_doc(|r| r.idea_count() == ideas && r.minutes() == minutes).await?;
        println!("round {round}: everything is stored {:?} after space came back", freed.elapsed());
        assert!(freed.elapsed() < RECOVERED, "{:?}", freed.elapsed());
        stop.cancel();
        client = listening.await??;
        assert_eq!(server.get("/readyz").await?.0, 200);
        let (id, n) = client.add_idea("after").await?;
        client.until_acknowledged(n).await?;
        acknowledged.insert(id, "after".to_owned());
    }
    let server = server.kill_and_restart().await?;
    let mut reader = Client::stock(&server.address, &board, &token).await?;
    reader.sync().await?;
    holds_all(&reader, &acknowledged);
    assert_eq!(reader.idea_count(), client.idea_count());
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_on_a_full_disk() -> Result<()> {
    let disk = SmallDisk::new(6).await?;
    let mut server = Server::start_in(disk.place(), "127.0.0.1:0").await?;
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut acknowledged = BTreeMap::new();
    for _ in 0..3 {
        let mut client = Client::sangam(&server.address, &board, &token).await?;
        client.sync().await?;
        disk.fill()?;
        write_until_refused(&mut client, &mut acknowledged).await?;
        // It comes back on the full disk, and can be read.
        server = server.kill_and_restart().await.context("no start on a full disk")?;
        let mut reader = Client::sangam(&server.address, &board, &token).await?;
        reader.sync().await?;
        holds_all(&reader, &acknowledged);
        disk.free()?;
        server = server.kill_and_restart().await?;
        let mut reader = Client::sangam(&server.address, &board, &token).await?;
        reader.sync().await?;
        holds_all(&reader, &acknowledged);
        let (id, n) = reader.add_idea("after").await?;
        reader.until_acknowledged(n).await?;
        acknowledged.insert(id, "after".to_owned());
    }
    Ok(())
}

/// What every board says, as the server hands it out.
async fn contents(server: &Server, boards: &[String], token: &str) -> Result<Vec<Content>> {
    let mut contents = Vec::new();
    for board in boards {
        let mut client = Client::sangam(&server.address, board, token).await?;
        client.sync().await?;
        let writable = client.hello.as_ref().is_some_and(|hello| hello.writable);
        contents.push(Content { writable, ideas: client.ideas(), minutes: client.minutes() });
    }
    Ok(contents)
}

#[derive(Debug, PartialEq)]
struct Content {
    writable: bool,
    ideas: BTreeMap<String, String>,
    minutes: String,
}

/// Some work on every board of a server, with a snapshot on the first; then it is killed.
async fn worked_on(data: &Path) -> Result<(Vec<String>, String, Vec<Content>)> {
    let server = Server::start_in(Place::given(data), "127.0.0.1:0").await?;
    let links = server.links().await?;
    let boards: Vec<String> = links.boards.iter().map(|board| board.id.clone()).collect();
    let token = links.token("participant", PARIS).to_owned();
    for (which, board) in boards.iter().enumerate() {
        let mut client = Client::sangam(&server.address, board, &token).await?;
        client.sync().await?;
        let mut last = 0;
        for _ in 0..if which == 0 { 700 } else { 60 } {
            last = client.type_minutes(0, "word ").await?;
        }
        client.until_acknowledged(last).await?;
    }
    let before = contents(&server, &boards, &token).await?;
    server.kill().await?;
    Ok((boards, token, before))
}

/// One board's rows are damaged in the file: it opens read-only with what is good, says so, and
/// the others are as they were.
#[tokio::test]
async fn a_damaged_board_is_read_only_and_the_others_go_on() -> Result<()> {
    let folder = TempDir::new()?;
    let data = folder.path();
    let (boards, token, before) = worked_on(data).await?;
    let database = Connection::open(data.join("sangam.db"))?;
    let id = uuid::Uuid::parse_str(&boards[1])?;
    let harmed = database.execute(
        "UPDATE deltas SET data = x'ff' WHERE document = ?1 AND sequence = 31",
        [&id.as_bytes()[..]],
    )?;
    assert_eq!(harmed, 1);
    drop(database);

    let server = Server::start_in(Place::given(data), "127.0.0.1:0").await?;
    let after = contents(&server, &boards, &token).await?;
    for (which, (after, before)) in after.iter().zip(&before).enumerate() {
        if which == 1 {
            assert!(!after.writable, "the damaged board says that it takes edits");
            // Delta 1 is the morning's work; 2 to 30 are 29 words.
            assert_eq!(after.minutes.matches("word ").count(), 29);
            assert_eq!(after.ideas, before.ideas);
        } else {
            assert_eq!(after, before);
        }
    }
    let mut client = Client::sangam(&server.address, &boards[1], &token).await?;
    client.sync().await?;
    let n = client.type_minutes(0, "x").await?;
    client
        .until(|_, heard| {
            matches!(heard, Heard::Refused(refusal)
                if refusal.n == n && refusal.code == RefusalCode::ReadOnly)
        })
        .await?;
    let mut client = Client::sangam(&server.address, &boards[2], &token).await?;
    client.sync().await?;
    let n = client.type_minutes(0, "x").await?;
    client.until_acknowledged(n).await?;
    assert_eq!(server.get("/readyz").await?.0, 200, "one board is no reason to send people away");

    // The operator is told, beside the running server and after it.
    let at = data.to_str().context("a plain path")?;
    let said = run(&["check", "--data", at]).await?;
    let text = String::from_utf8(said.stdout)?;
    assert_eq!(said.status.code(), Some(1), "{text}");
    let damaged: Vec<_> = text.lines().filter(|line| line.starts_with("damaged")).collect();
    assert_eq!(damaged.len(), 1, "{text}");
    assert!(damaged[0].contains(&boards[1]) && damaged[0].contains("delta 31"), "{text}");
    let said = run(&["check", "--repair", "--data", at]).await?;
    assert!(String::from_utf8(said.stderr)?.contains("in use"), "it repaired under a server");

    let epoch = client.hello.as_ref().map(|hello| hello.epoch);
    server.kill().await?;
    let said = run(&["check", "--repair", "--data", at]).await?;
    let text = String::from_utf8(said.stdout)?;
    assert_eq!(said.status.code(), Some(0), "{text}");
    let kept = data.join("sangam.db.cut-1");
    assert!(text.contains(&kept.display().to_string()), "{text}");
    let kept = Connection::open(kept)?;
    let rows: u32 = kept.query_row("SELECT count(*) FROM deltas", [], |row| row.get(0))?;
    assert_eq!(rows, 31, "of 61 deltas, 30 are good");

    // Everybody's device is asked for what was cut off.
    let server = Server::start_in(Place::given(data), "127.0.0.1:0").await?;
    let mut client = Client::sangam(&server.address, &boards[1], &token).await?;
    client.sync().await?;
    assert_ne!(client.hello.as_ref().map(|hello| hello.epoch), epoch);
    let n = client.type_minutes(0, "x").await?;
    client.until_acknowledged(n).await?;
    Ok(())
}

/// Bits flipped anywhere: the server either says in a sentence that it cannot start, or serves.
/// A board that takes edits is exactly what it was; one that does not shows nothing that never was.
#[tokio::test]
async fn flipped_bits_crash_nothing_and_show_nothing_wrong() -> Result<()> {
    let folder = TempDir::new()?;
    let source = folder.path().join("source");
    std::fs::create_dir(&source)?;
    let (boards, token, before) = worked_on(&source).await?;
    // The log of the file system's writes goes into the file itself, so that all flips count.
    Connection::open(source.join("sangam.db"))?.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let whole = std::fs::read(source.join("sangam.db"))?;
    let (mut refused, mut read_only, mut unaffected) = (0, 0, 0);
    for seed in 0..SEEDS {
        let data = folder.path().join(format!("seed-{seed}"));
        std::fs::create_dir(&data)?;
        std::fs::copy(source.join("link.key"), data.join("link.key"))?;
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = whole.clone();
        for _ in 0..dice.random_range(1..4) {
            let at = dice.random_range(0..bytes.len());
            bytes[at] ^= 1 << dice.random_range(0..8);
        }
        std::fs::write(data.join("sangam.db"), &bytes)?;
        let mut server = match Server::start_in(Place::given(&data), "127.0.0.1:0").await {
            Ok(server) => server,
            Err(error) => {
                let said = error.to_string();
                assert!(said.starts_with("exit status: 1"), "seed {seed}: {said}");
                assert!(said.contains("sangam: "), "seed {seed}: no sentence: {said}");
                assert!(!said.contains("panicked"), "seed {seed}: {said}");
                refused += 1;
                continue;
            }
        };
        for (board, before) in boards.iter().zip(&before) {
            let mut client = Client::sangam(&server.address, board, &token).await?;
            match client.sync().await {
                Ok(()) => {}
                Err(error) => {
                    println!("seed {seed}: {board}: {error}");
                    read_only += 1;
                    continue;
                }
            }
            let (ideas, minutes) = (client.ideas(), client.minutes());
            if client.hello.as_ref().is_some_and(|hello| hello.writable) {
                assert_eq!((&ideas, &minutes), (&before.ideas, &before.minutes), "seed {seed}");
                let n = client.type_minutes(0, "x").await?;
                client.until_acknowledged(n).await?;
                unaffected += 1;
            } else {
                for (id, text) in &ideas {
                    assert_eq!(before.ideas.get(id), Some(text), "seed {seed}");
                }
                assert!(minutes.len() <= before.minutes.len(), "seed {seed}");
                read_only += 1;
            }
        }
        assert!(!server.has_ended()?, "seed {seed}: the server is gone");
        assert!(!server.log()?.contains("panicked"), "seed {seed}: {}", server.log()?);
        server.kill().await?;
        std::fs::remove_dir_all(&data)?;
    }
    println!(
        "{SEEDS} seeds: {refused} did not start; of the other boards {unaffected} were unaffected, \
         {read_only} read-only or closed"
    );
    assert!(unaffected > (SEEDS * 5) / 2, "most boards have nothing to do with a flipped bit");
    Ok(())
}

/// Killed while a snapshot is made of a large board: the state before it or after it is there.
#[tokio::test]
async fn a_kill_during_a_compaction_loses_nothing() -> Result<()> {
    let folder = TempDir::new()?;
    let data = folder.path();
    let mut server = Server::start_in(Place::given(data), "127.0.0.1:0").await?;
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut client = Client::sangam(&server.address, &board, &token).await?;
    client.sync().await?;
    // Answered while there is little to say: later, it would be more than one message takes.
    client.until(|_, heard| matches!(heard, Heard::Sync(0))).await?;
    // A state that takes a while to encode, to compare with its log, and to write.
    let mut last = 0;
    for n in 0..900 {
        last = client.add_idea(&format!("{n} {}", "x".repeat(1_800))).await?.1;
    }
    client.until_acknowledged(last).await?;
    let ideas = client.ideas();
    drop(client);
    let (mut unfinished, mut finished) = (0, 0);
    for round in 0..16 {
        let mut client = Client::sangam(&server.address, &board, &token).await?;
        client.sync().await?;
        client.until(|_, heard| matches!(heard, Heard::Sync(0))).await?;
        assert!(client.hello.as_ref().is_some_and(|hello| hello.writable), "round {round}");
        assert_eq!(client.ideas(), ideas, "round {round}");
        let words = client.minutes().matches('w').count();
        let sent_before = client.sent;
        let (head, snapshot) = newest(data, &board)?;
        // The last of these makes a compaction due.
        let due = usize::try_from((snapshot + COMPACT_AFTER_DELTAS).saturating_sub(head))?;
        for _ in 0..due.max(1) {
            client.type_minutes(0, "w").await?;
        }
        let moment = Duration::from_millis(dice.random_range(0..400));
        let until = Instant::now() + moment;
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            if let Ok(heard) = tokio::time::timeout(left, client.hear()).await {
                heard?;
            }
        }
        let place = server.kill().await?;
        while !matches!(client.hear().await, Ok(Heard::Closed(_)) | Err(_)) {}
        let acknowledged = usize::try_from(client.acknowledged.saturating_sub(sent_before))?;
        let (head_after, snapshot_after) = newest(data, &board)?;
        if snapshot_after > snapshot {
            finished += 1;
        } else if head_after >= snapshot + COMPACT_AFTER_DELTAS {
            unfinished += 1;
        }
        let at = data.to_str().context("a plain path")?;
        let said = run(&["check", "--data", at]).await?;
        let text = String::from_utf8(said.stdout)?;
        assert_eq!(said.status.code(), Some(0), "round {round}: {text}");
        server = Server::start_in(place, "127.0.0.1:0").await?;
        let mut reader = Client::stock(&server.address, &board, &token).await?;
        reader.sync().await?;
        let there = reader.minutes().matches('w').count();
        assert!(there >= words + acknowledged, "round {round}: {there} of {acknowledged} more");
    }
    let said = server.log()?;
    assert!(!said.contains("not compacted"), "a snapshot was untrue: {said}");
    // Both sides, so that the kills lie around the moment and not all before or after it.
    assert!(finished > 0, "every kill came too early");
    println!("killed during {unfinished} compactions, after {finished}");
    assert!(unfinished > 0, "no kill fell into a compaction");
    Ok(())
}

/// Head and newest snapshot of a board, as they are in the file.
fn newest(data: &Path, board: &str) -> Result<(u64, u64)> {
    let database = Connection::open(data.join("sangam.db"))?;
    let id = uuid::Uuid::parse_str(board)?;
    let number = |table: &str| {
        let sql = format!("SELECT coalesce(max(sequence), 0) FROM {table} WHERE document = ?1");
        database.query_row(&sql, [&id.as_bytes()[..]], |row| row.get::<_, u64>(0))
    };
    Ok((number("deltas")?, number("snapshots")?))
}

/// Turns a database into one of format 1, with so many more deltas that a migration takes a while.
fn of_format_1(file: &Path) -> Result<()> {
    let mut database = Connection::open(file)?;
    let txn = database.transaction()?;
    txn.execute_batch(
        "DROP TABLE audit;
         DROP TABLE audit_heads;
         DROP TABLE documents;
         DROP TABLE mirror;
         ALTER TABLE claims DROP COLUMN crc;
         ALTER TABLE records DROP COLUMN crc;",
    )?;
    let crc = |document: &[u8], sequence: u64, data: &[u8]| {
        crc32fast::hash(&[document, &sequence.to_le_bytes(), data].concat())
    };
    let mut rows: Vec<(Vec<u8>, u64, Vec<u8>)> = Vec::new();
    let mut query = txn.prepare("SELECT document, sequence, data FROM deltas")?;
    for row in query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
        rows.push(row?);
    }
    drop(query);
    for (document, sequence, data) in rows {
        txn.execute(
            "UPDATE deltas SET crc = ?3 WHERE document = ?1 AND sequence = ?2",
            rusqlite::params![document, sequence, crc(&document, sequence, &data)],
        )?;
    }
    let data = [7; 200];
    for n in 0..60_000_u64 {
        let document = uuid::Uuid::from_u128(u128::from(n / 1_000)).into_bytes();
        let sequence = n % 1_000 + 1;
        txn.prepare_cached("INSERT INTO deltas VALUES (?1, ?2, 0, x'', 0, ?3, ?4)")?.execute(
            rusqlite::params![document, sequence, crc(&document, sequence, &data), data],
        )?;
    }
    txn.pragma_update(None, "user_version", 1)?;
    txn.commit()?;
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

#[tokio::test]
async fn a_kill_during_a_migration_leaves_the_old_format_or_the_new_one() -> Result<()> {
    let folder = TempDir::new()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let (boards, token, before) = worked_on(&data).await?;
    let file = data.join("sangam.db");
    let log = data.join("sangam.db-wal");
    of_format_1(&file)?;
    let old = std::fs::read(&file)?;
    let started = Instant::now();
    Server::start_in(Place::given(&data), "127.0.0.1:0").await?.kill().await?;
    let whole = started.elapsed();
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut in_the_middle = 0;
    for round in 0..16 {
        for gone in [&log, &data.join("sangam.db-shm")] {
            if gone.exists() {
                std::fs::remove_file(gone)?;
            }
        }
        std::fs::write(&file, &old)?;
        let moment = whole.mul_f64(dice.random_range(0.1..1.0));
        // A server that is not waited for is killed.
        drop(
            tokio::time::timeout(moment, Server::start_in(Place::given(&data), "127.0.0.1:0"))
                .await,
        );
        let lock = std::fs::File::open(data.join("lock"))?;
        lock.lock()?;
        lock.unlock()?;
        let written = log.metadata().map_or(0, |log| log.len());
        let database = Connection::open(&file)?;
        let version: u32 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let sound: String = database.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
        drop(database);
        assert!((1..=3).contains(&version), "round {round}: format {version}");
        assert_eq!(sound, "ok", "round {round}");
        if version == 1 && written > 100_000 {
            in_the_middle += 1;
        }
        if round % 4 == 3 {
            let server = Server::start_in(Place::given(&data), "127.0.0.1:0").await?;
            assert_eq!(contents(&server, &boards, &token).await?, before, "round {round}");
            server.kill().await?;
        }
    }
    println!("a migration takes {whole:?}; {in_the_middle} of 16 kills fell into it");
    assert!(in_the_middle > 0, "no kill fell into the migration");
    Ok(())
}
