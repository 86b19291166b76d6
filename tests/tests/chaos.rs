//! Real sockets through a bad network, a server that is killed at random moments, devices that are
//! lost right after their acknowledgement, stock Yjs beside our own dialect. At the end everybody
//! agrees, a restarted server too, and everything that was acknowledged is there.
//!
//! `SANGAM_CHAOS_SECONDS` says how long, `SANGAM_CHAOS_SEED` how.

use anyhow::{Context, Result, bail, ensure};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam_shared::message::RefusalCode;
use sangam_tests::{Client, Heard, Proxy, Server, new_doc};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use yrs::{Doc, GetString, Map, MapPrelim, MapRef, Out, Text, TextPrelim, TextRef, Transact};

/// Devices that speak `sangam.1`.
const DEVICES: usize = 5;
/// Stock Yjs clients.
const STOCK: usize = 3;
/// How long it may take until all agree, once the network is calm.
const CALM: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Word {
    note: String,
    word: String,
}

#[derive(Clone, Debug)]
enum Deed {
    Wrote(Word),
    Struck(Word),
}

struct Edit {
    deed: Deed,
    /// The message that carries it on this connection.
    message: Option<u64>,
    acknowledged: bool,
}

/// What all devices share.
struct Room {
    proxy: String,
    board: String,
    token: String,
    ending: AtomicBool,
    edits: AtomicU64,
    acks: AtomicU64,
    destroyed: AtomicU64,
    words: AtomicU64,
    /// What was acknowledged to devices that are gone.
    promised: Mutex<Vec<Deed>>,
    struck: Mutex<HashSet<Word>>,
}

struct Device {
    edits: Vec<Edit>,
    dice: ChaCha8Rng,
}

impl Device {
    /// Edits through good and bad times; returns its document when all of its edits are saved.
    async fn live(mut self, room: Arc<Room>) -> Result<(Value, Vec<Edit>)> {
        let mut doc = new_doc();
        let mut since = None;
        loop {
            let connected =
                Client::with_doc(doc.clone(), &room.proxy, &room.board, &room.token).await;
            if let Ok(mut client) = connected {
                self.edits.iter_mut().for_each(|edit| edit.message = None);
                client.ask().await.ok();
                let end = self.converse(&mut client, &room).await?;
                if end == End::Destroyed {
                    room.destroyed.fetch_add(1, Ordering::Relaxed);
                    let gone = std::mem::take(&mut self.edits).into_iter();
                    let saved = gone.filter(|edit| edit.acknowledged).map(|edit| edit.deed);
                    room.promised.lock().expect("no panic").extend(saved);
                    doc = new_doc();
                } else if end == End::Saved {
                    return Ok((client.board(), self.edits));
                }
            }
            if room.ending.load(Ordering::Relaxed) {
                let since = *since.get_or_insert_with(Instant::now);
                ensure!(since.elapsed() < CALM, "a device never had all of its edits saved");
            }
            let pause = self.dice.random_range(20..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn converse(&mut self, client: &mut Client, room: &Room) -> Result<End> {
        let mut joined = false;
        let mut calm_since = Instant::now();
        let mut act_at = Instant::now();
        loop {
            let ending = room.ending.load(Ordering::Relaxed);
            if let Ok(frame) = tokio::time::timeout_at(act_at.into(), client.frame()).await {
                calm_since = Instant::now();
                let Ok(frame) = frame else { return Ok(End::Cut) };
                let Ok(heard) = client.read(&frame).await else { return Ok(End::Cut) };
                let before = self.edits.iter().filter(|edit| edit.acknowledged).count();
                self.note(&heard, client.sent)?;
                joined |= matches!(heard, Heard::Sync(1));
                let after = self.edits.iter().filter(|edit| edit.acknowledged).count();
                room.acks.fetch_add((after - before) as u64, Ordering::Relaxed);
                if after > before && !ending && self.dice.random_bool(0.03) {
                    return Ok(End::Destroyed);
                }
                continue;
            }
            act_at = Instant::now() + Duration::from_millis(self.dice.random_range(20..180));
            if ending {
                let saved = self.edits.iter().all(|edit| edit.acknowledged);
                // Nothing has come for longer than a round trip takes: then it has everything.
                if joined && saved && calm_since.elapsed() > Duration::from_secs(2) {
                    return Ok(End::Saved);
                }
                if calm_since.elapsed() > CALM {
                    bail!("a device never had all of its edits saved");
                }
            } else {
                let Some((deed, update)) = self.change(&client.doc, room) else { continue };
                room.edits.fetch_add(1, Ordering::Relaxed);
                if let Deed::Struck(word) = &deed {
                    room.struck.lock().expect("no panic").insert(word.clone());
                }
                let message = Some(client.sent + 1);
                self.edits.push(Edit { deed, message, acknowledged: false });
                if client.send_update(&update).await.is_err() {
                    return Ok(End::Cut);
                }
            }
        }
    }

    /// The rules of `sangam.1`.
    fn note(&mut self, heard: &Heard, sent: u64) -> Result<()> {
        match heard {
            // Our answer carries everything.
            Heard::Sync(0) => {
                for edit in self.edits.iter_mut().filter(|edit| edit.message.is_none()) {
                    edit.message = Some(sent);
                }
            }
            Heard::Ack(n) => {
                for edit in &mut self.edits {
                    edit.acknowledged |= edit.message.is_some_and(|message| message <= *n);
                }
            }
            Heard::Refused(refusal) => {
                let may = [RefusalCode::Gap, RefusalCode::Unavailable];
                ensure!(may.contains(&refusal.code), "an honest device was refused: {refusal:?}");
                for edit in self.edits.iter_mut().filter(|edit| !edit.acknowledged) {
                    if edit.message.is_some_and(|message| message <= refusal.n) {
                        edit.message = None;
                    }
                }
            }
            Heard::Closed(code) => ensure!(!(4400..4500).contains(code), "closed with {code}"),
            _ => {}
        }
        Ok(())
    }

    fn change(&mut self, doc: &Doc, room: &Room) -> Option<(Deed, Vec<u8>)> {
        let ideas = doc.get_or_insert_map("ideas");
        let mut txn = doc.transact_mut();
        let text = |txn: &yrs::TransactionMut<'_>, id: &str| -> Option<TextRef> {
            let Some(Out::YMap(note)) = ideas.get(txn, id) else { return None };
            let Some(Out::YText(text)) = note.get(txn, "text") else { return None };
            Some(text)
        };
        // The notes of this test: nothing but words in brackets.
        let mut notes: Vec<String> = ideas.keys(&txn).map(str::to_owned).collect();
        notes.retain(|id| {
            let text = text(&txn, id).map(|text| text.get_string(&txn));
            text.is_some_and(|text| text.is_empty() || text.starts_with('['))
        });
        notes.sort_unstable();
        let word = format!("[r{}]", room.words.fetch_add(1, Ordering::Relaxed));
        let chosen = notes.choose(&mut self.dice).cloned();
        let new = chosen.is_none() || (notes.len() < 150 && self.dice.random_bool(0.15));
        let deed = if new {
            let note = uuid::Uuid::from_u128(self.dice.random()).to_string();
            let map: MapRef = ideas.insert(&mut txn, note.as_str(), MapPrelim::default());
            let _: TextRef = map.insert(&mut txn, "text", TextPrelim::new(word.as_str()));
            let _: MapRef = map.insert(&mut txn, "translations", MapPrelim::default());
            let _: MapRef = map.insert(&mut txn, "translationMeta", MapPrelim::default());
            map.insert(&mut txn, "order", "a0");
            Deed::Wrote(Word { note, word })
        } else {
            let note = chosen?;
            let text = text(&txn, &note)?;
            let whole = text.get_string(&txn);
            if whole.len() < 800 && self.dice.random_bool(0.6) {
                let at = if self.dice.random_bool(0.5) { 0 } else { text.len(&txn) };
                text.insert(&mut txn, at, &word);
                Deed::Wrote(Word { note, word })
            } else {
                let end = whole.find(']')? + 1;
                text.remove_range(&mut txn, 0, u32::try_from(end).ok()?);
                Deed::Struck(Word { note, word: whole[..end].to_owned() })
            }
        };
        txn.commit();
        let update = txn.encode_update_v1();
        Some((deed, update))
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Cut,
    Destroyed,
    Saved,
}

/// Stock Yjs under Node.
struct Stock {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Said {
    edits: u64,
    wrote: Vec<Word>,
    struck: Vec<Word>,
    boards: Vec<Value>,
}

impl Stock {
    fn start(room: &Room, seed: u64) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/chaos/yjs.mjs");
        let mut child = Command::new("node")
            .args([script, &room.proxy, &room.board, &room.token])
            .args([STOCK.to_string(), (seed & 0xffff_ffff).to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start node")?;
        let input = child.stdin.take().context("stdin is piped")?;
        let output = BufReader::new(child.stdout.take().context("stdout is piped")?).lines();
        Ok(Self { child, input, output })
    }

    async fn say(&mut self, what: &str) -> Result<Said> {
        self.input.write_all(format!("{what}\n").as_bytes()).await?;
        let line = tokio::time::timeout(CALM, self.output.next_line()).await??;
        Ok(serde_json::from_str(&line.context("node ended")?)?)
    }
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

fn holds(board: &Value, word: &Word) -> bool {
    let text = board["ideas"][&word.note]["text"].as_str();
    text.is_some_and(|text| text.contains(&word.word))
}

async fn fresh_board(server: &Server, room: &Room) -> Result<Value> {
    let mut client = Client::sangam(&server.address, &room.board, &room.token).await?;
    client.sync().await?;
    Ok(client.board())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_in_chaos() -> Result<()> {
    let seed = setting("SANGAM_CHAOS_SEED").unwrap_or_else(|| rand::rng().random_range(0..1 << 32));
    let length = Duration::from_secs(setting("SANGAM_CHAOS_SECONDS").unwrap_or(12));
    println!("seed {seed}, {} s", length.as_secs());
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut server = Server::start().await?;
    let links = server.links().await?;
    let proxy = Proxy::start(&server.address, dice.random()).await?;
    let room = Arc::new(Room {
        proxy: proxy.address.clone(),
        board: links.boards[0].id.clone(),
        token: links.token("participant", Some("paris")).to_owned(),
        ending: AtomicBool::new(false),
        edits: AtomicU64::new(0),
        acks: AtomicU64::new(0),
        destroyed: AtomicU64::new(0),
        words: AtomicU64::new(0),
        promised: Mutex::default(),
        struck: Mutex::default(),
    });
    let mut stock = Stock::start(&room, dice.random())?;
    let devices: Vec<_> = (0..DEVICES)
        .map(|_| {
            let dice = ChaCha8Rng::seed_from_u64(dice.random());
            tokio::spawn(Device { edits: Vec::new(), dice }.live(room.clone()))
        })
        .collect();

    let begin = Instant::now();
    let mut kills = 0;
    while begin.elapsed() < length {
        let pause = Duration::from_millis(dice.random_range(300..4_000));
        tokio::time::sleep(pause.min(length.saturating_sub(begin.elapsed()))).await;
        server = server.kill_and_restart().await?;
        kills += 1;
    }

    proxy.calm();
    room.ending.store(true, Ordering::Relaxed);
    let mut said = stock.say("stop").await?;
    let mut boards = Vec::new();
    let mut promised = std::mem::take(&mut *room.promised.lock().expect("no panic"));
    for device in devices {
        let (board, edits) = device.await??;
        boards.push(board);
        promised.extend(edits.into_iter().map(|edit| edit.deed));
    }
    // Stock clients do not know what is saved: they are waited for.
    let calm = Instant::now();
    let mut truth = fresh_board(&server, &room).await?;
    while said.boards.iter().any(|board| *board != truth) {
        ensure!(calm.elapsed() < CALM, "stock Yjs and the server never agreed; seed {seed}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        said = stock.say("report").await?;
        truth = fresh_board(&server, &room).await?;
    }
    for board in &boards {
        ensure!(*board == truth, "a device differs; seed {seed}\n{board}\n{truth}");
    }
    let server = server.kill_and_restart().await?;
    ensure!(fresh_board(&server, &room).await? == truth, "the restart differs; seed {seed}");

    let mut struck = std::mem::take(&mut *room.struck.lock().expect("no panic"));
    struck.extend(said.struck.iter().cloned());
    promised.extend(said.wrote.into_iter().map(Deed::Wrote));
    promised.extend(said.struck.into_iter().map(Deed::Struck));
    let is_lost = |deed: &&Deed| match deed {
        Deed::Wrote(word) => !struck.contains(word) && !holds(&truth, word),
        Deed::Struck(word) => holds(&truth, word),
    };
    let lost: Vec<_> = promised.iter().filter(is_lost).collect();
    println!(
        "edits {} and {} by stock Yjs, acks {}, kills {kills}, resets {}, stalls {}, devices lost \
         {}, acknowledged edits lost {}",
        room.edits.load(Ordering::Relaxed),
        said.edits,
        room.acks.load(Ordering::Relaxed),
        proxy.resets(),
        proxy.stalls(),
        room.destroyed.load(Ordering::Relaxed),
        lost.len(),
    );
    ensure!(lost.is_empty(), "seed {seed} lost {lost:?}");
    ensure!(room.acks.load(Ordering::Relaxed) > 50 && said.edits > 20, "too little happened");
    drop(stock.input);
    stock.child.wait().await?;
    Ok(())
}
