//! A million hostile messages, seeded: mutations of the corpus in `tests/fuzz/corpus` and of what a
//! board was sent, and updates that no honest client writes. Every decoder hears them, and the
//! whole path: frame → guard → document → log → loaded again. It stands alone in its process,
//! because it also measures memory. `SANGAM_FUZZ_CASES` and `SANGAM_FUZZ_SEED` choose how many, and
//! which; `make fuzz` runs ten million.
//! `SANGAM_FUZZ_LOGS` reads so many damaged logs after each board.

#[path = "hostile/board.rs"]
mod board;
#[path = "hostile/write.rs"]
mod write;

use board::{Board, letters, setting};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam::sync::{frame, guard};
use std::fs;
use std::path::PathBuf;
use write::{Wild, mutate, typed, update, with_client};
use yrs::{ReadTxn, Transact};

/// As in the binary: the C library's own allocator keeps what thousands of boards leave behind.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the process may grow by, however many messages it hears.
const GROWTH_BYTES_MAX: u64 = 64 * 1024 * 1024;
const MILLION: u64 = 1_000_000;
/// Messages to one board.
const CASES_PER_BOARD: u64 = 2_000;

#[test]
fn hostile_messages_break_nothing() {
    let cases = setting("SANGAM_FUZZ_CASES", 1_000_000);
    let seed = setting("SANGAM_FUZZ_SEED", 20_220_408);
    let corpus = Corpus::read();
    println!("seed {seed}, {cases} cases, {} in the corpus", corpus.updates.len());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut totals = Totals::default();
    // The first board fills the allocator's pools.
    hear(&corpus, CASES_PER_BOARD, &mut rng, &mut totals);
    let before = memory("VmRSS:");
    let mut said = 0;
    while totals.heard < cases {
        let left = cases - totals.heard;
        hear(&corpus, left.min(CASES_PER_BOARD), &mut rng, &mut totals);
        if totals.heard / MILLION > said {
            said = totals.heard / MILLION;
            let now = memory("VmRSS:").unwrap_or_default() / 1024;
            println!("after {said} million: {now} KiB, {} logs read back", totals.logs);
        }
    }
    println!("{totals:?}");
    assert!(totals.taken > cases / 200, "too wild to reach the document");
    assert!(totals.vectors > 0 && totals.presences > 0, "some decoder was never reached");
    if let (Some(before), Some(peak)) = (before, memory("VmHWM:")) {
        let growth = peak.saturating_sub(before);
        println!("memory grew by {} KiB", growth / 1024);
        assert!(growth < GROWTH_BYTES_MAX, "{growth} bytes");
    } else {
        println!("this system does not tell a process its memory: growth was not measured");
    }
}

#[derive(Debug, Default)]
struct Totals {
    heard: u64,
    /// Updates that were news and taken.
    taken: u64,
    /// State vectors and presences that passed the guard.
    vectors: u64,
    presences: u64,
    closed: u64,
    thrown_away: u64,
    /// Logs that were damaged and read, and how many of them opened read-only.
    logs: u64,
    logs_refused: u64,
}

/// One board hears so many messages, and reads back after.
fn hear(corpus: &Corpus, cases: u64, rng: &mut ChaCha8Rng, totals: &mut Totals) {
    const AUTHOR: u8 = 0;
    let mut board = Board::new();
    let mut wild = Wild::new(rng);
    let mut sent = vec![update(&[(3, 0, typed("Bonjour 👋"))], &[])];
    board.connect(AUTHOR);
    board.hear(AUTHOR, &frame::update(&sent[0]));
    for _ in 0..cases {
        totals.heard += 1;
        let (message, bytes) = match rng.random_range(0..10) {
            0 => {
                let bytes = Corpus::wrong(&corpus.vectors, rng);
                totals.vectors += u64::from(guard::state_vector(&bytes).is_ok());
                (frame::sync_step_1(&bytes).to_vec(), None)
            }
            1 => {
                let bytes = Corpus::wrong(&corpus.presences, rng);
                totals.presences += u64::from(guard::awareness(&bytes).is_ok());
                (frame::awareness(&bytes).to_vec(), None)
            }
            2 => (Corpus::wrong(&corpus.frames, rng), None),
            3..=5 => {
                let base = sent.choose(rng).expect("the first at least");
                let base = if rng.random_bool(0.5) { base } else { any(&corpus.updates, rng) };
                let bytes = mutate(base, any(&corpus.updates, rng), rng);
                let client = rng.random_range(200..16_000_u64);
                let bytes = if rng.random() { with_client(&bytes, client) } else { Some(bytes) };
                let bytes = bytes.unwrap_or_default();
                (frame::update(&bytes).to_vec(), Some(bytes))
            }
            _ => {
                let clocks = board.doc().transact().state_vector();
                wild.learn(clocks.iter().map(|(client, next)| (client.get(), *next)));
                let bytes = wild.update(&[3, 40, 500, 6_000], rng);
                (frame::update(&bytes).to_vec(), Some(bytes))
            }
        };
        let length = board.log.len();
        let heard = board.hear(AUTHOR, &message);
        if heard.iter().any(|(_, frame)| frame.is_none()) {
            totals.closed += 1;
            board.connect(AUTHOR);
        }
        if board.log.len() > length {
            totals.taken += 1;
            sent.extend(bytes);
            if totals.taken.is_multiple_of(64) {
                reads_back(&board);
            }
        }
        // A crowded board is slow to read and finds nothing new.
        if board.log.len() > 120 {
            break;
        }
    }
    reads_back(&board);
    // Dice of their own, so that a seed goes on meaning the same messages.
    let mut dice = ChaCha8Rng::seed_from_u64(totals.heard);
    for _ in 0..setting("SANGAM_FUZZ_LOGS", 0) {
        totals.logs += 1;
        let other = any(&corpus.updates, &mut dice);
        let mut harmer = ChaCha8Rng::seed_from_u64(dice.random());
        let harm = |update: &[u8]| mutate(update, other, &mut harmer);
        totals.logs_refused += u64::from(!board.reads_damaged(other, harm, &mut dice));
    }
    totals.thrown_away += board.reloads;
}

fn reads_back(board: &Board) {
    let ([log, resumed], state) = board.load();
    assert_eq!(letters(&log), letters(&resumed));
    let mut fresh = guard::Guard::new(guard::Schema::Roots(sangam_shared::schema::BOARD));
    if let Err(refused) = fresh.index(&state) {
        println!("{state:02x?}");
        for stored in &board.log {
            println!("{:02x?}", &stored.delta.update[..]);
        }
        panic!("our own state does not pass our own guard: {refused}");
    }
}

/// What honest clients once sent, by kind.
struct Corpus {
    updates: Vec<Vec<u8>>,
    vectors: Vec<Vec<u8>>,
    presences: Vec<Vec<u8>>,
    frames: Vec<Vec<u8>>,
}

impl Corpus {
    fn read() -> Self {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/corpus"));
        let mut paths: Vec<_> = fs::read_dir(folder)
            .expect("the corpus is there")
            .map(|entry| entry.expect("it can be listed").path())
            .collect();
        paths.sort();
        let of = |kind: &str| -> Vec<Vec<u8>> {
            let named = paths.iter().filter(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind))
            });
            let files: Vec<_> = named.map(|path| fs::read(path).expect("it can be read")).collect();
            assert!(!files.is_empty(), "no {kind} in the corpus");
            files
        };
        Self {
            updates: of("update-"),
            vectors: of("state-vector-"),
            presences: of("awareness-"),
            frames: of("frame-"),
        }
    }

    fn wrong(of: &[Vec<u8>], rng: &mut impl Rng) -> Vec<u8> {
        mutate(any(of, rng), any(of, rng), rng)
    }
}

fn any<'a>(of: &'a [Vec<u8>], rng: &mut impl Rng) -> &'a [u8] {
    of.choose(rng).expect("no kind is empty")
}

/// A line of `/proc/self/status`, in bytes.
fn memory(line: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let found = status.lines().find_map(|text| text.strip_prefix(line))?;
    let kib: u64 = found.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}
