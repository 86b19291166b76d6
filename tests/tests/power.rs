//! The power goes, at any moment; and a sync that fails or never returns. Against the real binary,
//! on a disk that keeps a diary.

use anyhow::{Context, Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam::store::sqlite::SqliteStore;
use sangam::store::{Life, Store};
use sangam_shared::ids::DocumentId;
use sangam_shared::message::RefusalCode;
use sangam_tests::power::{Diary, Disk, Syncs};
use sangam_tests::{Client, Heard, Mood, Server, WatchedDisk, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Map, Out, Transact, Update};

const PARIS: Option<&str> = Some("paris");
/// People are told within this.
const TOLD: Duration = Duration::from_secs(2);
/// Writing goes on within this of the disk being well again.
const RECOVERED: Duration = Duration::from_secs(5);
/// How many write at once, and how much: enough for snapshots and for checkpoints of SQLite.
const WRITERS: usize = 4;
const EDITS_EACH: usize = 350;
/// Nobody knows these; a new life of the log would show.
const FRESH: Life = Life { epoch: Uuid::from_u128(0xdead), at_ms: 1 };

/// An edit, and how long the diary was when its acknowledgement had come.
struct Acknowledged {
    id: String,
    text: String,
    diary_bytes: u64,
}

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn write_ideas(mut client: Client, who: usize, diary: PathBuf) -> Result<Vec<Acknowledged>> {
    let mut all = Vec::new();
    for round in 0..EDITS_EACH {
        let text = format!("{who} {round} {}", "x".repeat(300));
        let (id, n) = client.add_idea(&text).await?;
        client.until_acknowledged(n).await?;
        let diary_bytes = std::fs::metadata(&diary)?.len();
        all.push(Acknowledged { id, text, diary_bytes });
    }
    Ok(all)
}

/// What a board says, read from what is left of its store.
async fn ideas(folder: &Path, board: DocumentId, epoch: Uuid) -> Result<BTreeMap<String, String>> {
    let store = SqliteStore::open(folder, FRESH)?;
    ensure!(store.epoch() == epoch, "another life has begun");
    let loaded = store.load(board, 0).await?;
    ensure!(loaded.damage.is_none(), "{:?}", loaded.damage);
    let doc = Doc::new();
    let root = doc.get_or_insert_map("ideas");
    let mut txn = doc.transact_mut();
    let snapshot = loaded.snapshot.iter().map(|(_, update)| update);
    for update in snapshot.chain(loaded.tail.iter().map(|stored| &stored.delta.update)) {
        txn.apply_update(Update::decode_v1(update)?)?;
    }
    let mut ideas = BTreeMap::new();
    for (id, row) in root.iter(&txn) {
        if let Out::YMap(row) = row
            && let Some(Out::YText(text)) = row.get(&txn, "text")
        {
            ideas.insert(id.to_owned(), text.get_string(&txn));
        }
    }
    Ok(ideas)
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_loss_of_power() -> Result<()> {
    let points = usize::try_from(setting("SANGAM_POWER_LOSSES", 60))?;
    let seed = setting("SANGAM_POWER_SEED", 20_220_408);
    let disk = WatchedDisk::new()?;
    let server = Server::start_in(disk.place(), "127.0.0.1:0").await?;
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut writing = Vec::new();
    for who in 0..WRITERS {
        let mut client = Client::sangam(&server.address, &board, &token).await?;
        client.sync().await?;
        writing.push((who, client));
    }
    let epoch = writing[0].1.hello.as_ref().context("a greeting")?.epoch;
    let tasks: Vec<_> = writing
        .into_iter()
        .map(|(who, client)| tokio::spawn(write_ideas(client, who, disk.diary())))
        .collect();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await??);
    }
    server.kill().await?;
    acknowledged.sort_by_key(|edit| edit.diary_bytes);
    let key = std::fs::read(disk.data().join("link.key"))?;
    let diary = Diary::read(&disk.diary())?;
    println!("seed {seed}: {} entries, {} edits acknowledged", diary.len(), acknowledged.len());

    let board = DocumentId(board.parse()?);
    let first = diary.entries_in(acknowledged[0].diary_bytes);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut moments: Vec<usize> =
        (0..points).map(|_| rng.random_range(first..=diary.len())).collect();
    moments.sort_unstable();
    let (mut honest, mut liar) = (Disk::new(Syncs::Count), Disk::new(Syncs::AreIgnored));
    let (mut at, mut kept, mut lies_seen) = (0, 0, 0);
    for (n, moment) in moments.into_iter().enumerate() {
        honest.live(&diary, at, moment)?;
        liar.live(&diary, at, moment)?;
        at = moment;
        let due = acknowledged.iter().filter(|edit| diary.entries_in(edit.diary_bytes) <= moment);
        let due: Vec<_> = due.collect();
        let left = TempDir::new()?;
        honest.lose_power(left.path(), &mut rng)?;
        let what = format!("seed {seed}, power lost at entry {moment}");
        assert_eq!(std::fs::read(left.path().join("link.key"))?, key, "{what}: dead QR codes");
        let said = ideas(left.path(), board, epoch).await.context(what.clone())?;
        for edit in &due {
            assert_eq!(
                said.get(&edit.id),
                Some(&edit.text),
                "{what}: an acknowledged edit is lost"
            );
        }
        kept += due.len();
        if n % 20 == 0 {
            let folder = left.path().to_str().context("a plain path")?;
            let checked = run(&["check", "--data", folder]).await?;
            assert!(checked.status.success(), "{what}: {checked:?}");
        }
        // A disk that forgets what was synced must be noticed, or this test shows nothing.
        let left = TempDir::new()?;
        liar.lose_power(left.path(), &mut rng)?;
        let said = ideas(left.path(), board, epoch).await.unwrap_or_default();
        lies_seen += usize::from(due.iter().any(|edit| said.get(&edit.id) != Some(&edit.text)));
    }
    println!("{points} losses of power: {kept} edits looked for, 0 lost; {lies_seen} lies noticed");
    assert!(lies_seen > points / 4, "a disk that forgets everything would pass");
    Ok(())
}

/// Everything that is told of an edit, until it is acknowledged or refused.
async fn verdict(client: &mut Client, n: u64) -> Result<Option<RefusalCode>> {
    loop {
        match client.hear().await? {
            Heard::Ack(upto) if upto >= n => return Ok(None),
            Heard::Refused(refusal) if refusal.n >= n => {
                assert!(refusal.retry, "a provider must keep the edit");
                return Ok(Some(refusal.code));
            }
            Heard::Closed(code) => anyhow::bail!("closed with {code}"),
            _ => {}
        }
    }
}

async fn a_sync_goes_wrong(mood: Mood, reason: &str) -> Result<()> {
    let disk = WatchedDisk::new()?;
    let server = Server::start_in(disk.place(), "127.0.0.1:0").await?;
    let links = server.links().await?;
    let board = links.boards[0].id.clone();
    let token = links.token("participant", PARIS).to_owned();
    let mut client = Client::sangam(&server.address, &board, &token).await?;
    client.sync().await?;
    let (before, n) = client.add_idea("before").await?;
    assert_eq!(verdict(&mut client, n).await?, None);

    disk.is(mood)?;
    let (during, n) = client.add_idea("during").await?;
    let sent = Instant::now();
    assert_eq!(verdict(&mut client, n).await?, Some(RefusalCode::Unavailable));
    println!("{mood:?}: told after {:?}", sent.elapsed());
    assert!(sent.elapsed() < TOLD, "told after {:?}", sent.elapsed());
    assert_eq!(server.get("/readyz").await?.0, 503, "it takes no edits");
    assert_eq!(server.get("/healthz").await?.0, 200, "a restart would not help");
    assert!(server.log()?.contains(reason), "{}", server.log()?);
    // Reading goes on, and shows nothing that is not on disk. The next edit is refused at once.
    let mut reader = Client::stock(&server.address, &board, &token).await?;
    reader.sync().await?;
    assert_eq!(reader.idea(&before).as_deref(), Some("before"));
    assert_eq!(reader.idea(&during), None, "somebody was shown what is not saved");
    let again = Instant::now();
    let refused = client.type_minutes(0, "still").await?;
    assert_eq!(verdict(&mut client, refused).await?, Some(RefusalCode::Unavailable));
    assert!(again.elapsed() < Duration::from_millis(500), "{:?}", again.elapsed());

    disk.is(Mood::Well)?;
    let well = Instant::now();
    // The server asks for what it lacks, and the client answers.
    // Where what hung was stored after all, it does so once more.
    let is_stored = |client: &Client, n: u64| n > refused && n == client.sent;
    client.until(|client, heard| matches!(heard, Heard::Ack(n) if is_stored(client, *n))).await?;
    println!("{mood:?}: everything is stored {:?} after the disk was well", well.elapsed());
    assert!(well.elapsed() < RECOVERED, "{:?}", well.elapsed());
    reader.until_doc(|r| r.idea(&during).is_some() && r.minutes().contains("still")).await?;
    assert_eq!(server.get("/readyz").await?.0, 200);
    let server = server.kill_and_restart().await?;
    let mut reader = Client::stock(&server.address, &board, &token).await?;
    reader.sync().await?;
    assert_eq!(reader.idea(&during).as_deref(), Some("during"));
    assert_eq!(reader.minutes(), client.minutes());
    Ok(())
}

#[tokio::test]
async fn a_sync_that_does_not_return_acknowledges_nothing_and_is_told() -> Result<()> {
    a_sync_goes_wrong(Mood::Hanging, "the disk does not answer").await
}

#[tokio::test]
async fn a_sync_that_fails_acknowledges_nothing_and_is_told() -> Result<()> {
    a_sync_goes_wrong(Mood::Failing, "disk I/O error").await
}
