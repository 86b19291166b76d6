//! What the room takes of what nobody honest writes, applied by real Yjs in Node: it throws
//! nothing, waits for nothing, and says what the log says. `SANGAM_FUZZ_SEED` and
//! `SANGAM_DIFFERENTIAL_BOARDS` choose which and how many.

use crate::board::{Board, canonical, letters, put, read, setting, state};
use crate::write::{Wild, mutate, typed, update, with_client};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam::sync::frame;
use std::io::Write;
use std::process::{Command, Stdio};
use yrs::{ReadTxn, Transact};

#[test]
fn what_is_let_through_means_the_same_to_yjs() {
    let first = setting("SANGAM_FUZZ_SEED", 20_220_408);
    let boards = setting("SANGAM_DIFFERENTIAL_BOARDS", 2_000);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/differential/apply.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node runs the real Yjs");
    let mut to = node.stdin.take().expect("it is piped");
    let mut from = node.stdout.take().expect("it is piped");
    let (mut accepted, mut reloads) = (0, 0);
    for seed in first..first + boards {
        let (board, raw) = wild_board(seed);
        accepted += raw.len();
        reloads += board.reloads;
        let deltas = board.log.iter().map(|stored| stored.delta.update.to_vec()).collect();
        let mut message = Vec::new();
        for updates in [deltas, vec![state(board.doc())]] {
            message.extend(u32::try_from(updates.len()).expect("few").to_le_bytes());
            for update in updates {
                put(&mut message, &update);
            }
        }
        let mut whole = Vec::new();
        put(&mut whole, &message);
        to.write_all(&whole).expect("Node listens");
        let answer = String::from_utf8(read(&mut from).expect("Node answers")).expect("text");
        let said = canonical(board.doc());
        let ([log, resumed], _) = board.load();
        assert_eq!(log, said, "seed {seed}: the log reads back");
        assert_eq!(letters(&resumed), letters(&said), "seed {seed}: a snapshot reads back");
        let [heard, whole] = answer.split('\0').collect::<Vec<_>>()[..] else {
            panic!("seed {seed}: {answer}")
        };
        assert_eq!(heard, said, "seed {seed}: Yjs applied what the server sent");
        assert_eq!(letters(whole), letters(&said), "seed {seed}: Yjs applied the whole state");
    }
    drop(to);
    assert!(node.wait().expect("it was started").success());
    println!("{boards} boards, {accepted} updates taken, {reloads} documents thrown away");
    assert!(accepted > 3 * usize::try_from(boards).expect("few"), "too wild to reach yrs");
}

/// Somewhere between honest and not, and the clients' bytes that were taken.
fn wild_board(seed: u64) -> (Board, Vec<Vec<u8>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut board = Board::new();
    let mut raw: Vec<Vec<u8>> = Vec::new();
    let writers = [3, 40, 500, 6_000];
    let mut wild = Wild::new(&mut rng);
    let mut next = update(&[(3, 0, typed("Bonjour 👋"))], &[]);
    for _ in 0..rng.random_range(20..80) {
        let length = board.log.len();
        board.connect(0);
        board.hear(0, &frame::update(&next));
        if board.log.len() > length {
            raw.push(next);
        }
        let clocks = board.doc().transact().state_vector();
        wild.learn(clocks.iter().map(|(client, next)| (client.get(), *next)));
        next = wild.update(&writers, &mut rng);
        if rng.random_bool(0.2) {
            let other = raw.choose(&mut rng).cloned().unwrap_or_default();
            next = mutate(&next, &other, &mut rng);
        }
        if rng.random_bool(0.05) {
            next = with_client(&next, rng.random_range(100..200)).unwrap_or(next);
        }
    }
    (board, raw)
}
