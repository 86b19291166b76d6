//! Real Yjs 13 clients in Node as the oracle of guard, room and log: thousands of seeded schedules
//! of honest edits. `tests/differential/schedules.mjs` writes and judges them; this end is the
//! server. `SANGAM_SCHEDULES` and `SANGAM_SCHEDULES_SEED` choose how many, and which.

#[path = "hostile/board.rs"]
mod board;
#[path = "hostile/write.rs"]
mod write;

use board::{Board, put, read, setting};
use std::io::Write;
use std::process::{Command, Stdio};

const OPEN: u8 = 0;
const CONNECT: u8 = 1;
const FRAME: u8 = 2;
const DISCONNECT: u8 = 3;
const LOAD: u8 = 4;

#[test]
fn yjs_clients_and_our_log_agree_after_any_honest_schedule() {
    let first = setting("SANGAM_SCHEDULES_SEED", 1);
    let count = setting("SANGAM_SCHEDULES", 3_000);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/differential/schedules.mjs");
    let mut node = Command::new("node")
        .args([script, &first.to_string(), &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node runs the real Yjs");
    let mut to = node.stdin.take().expect("it is piped");
    let mut from = node.stdout.take().expect("it is piped");
    let mut board = Board::new();
    while let Some(message) = read(&mut from) {
        let (operation, rest) = message.split_first().expect("a message has an operation");
        let mut answer = Vec::new();
        match (*operation, rest) {
            (OPEN, _) => board = Board::new(),
            (CONNECT, [who]) => board.connect(*who),
            (DISCONNECT, [who]) => board.disconnect(*who),
            (FRAME, [who, frame @ ..]) => {
                for (id, frame) in board.hear(*who, frame) {
                    answer.push(u8::try_from(id.0).expect("few people"));
                    match frame {
                        Some(frame) => put(&mut answer, &frame),
                        None => answer.extend(u32::MAX.to_le_bytes()),
                    }
                }
            }
            (LOAD, _) => {
                let ([said, resumed], state) = board.load();
                assert_eq!(said, resumed, "a snapshot says what the log says");
                put(&mut answer, said.as_bytes());
                answer.extend(state);
            }
            other => panic!("unknown message {other:?}"),
        }
        let mut whole = Vec::new();
        put(&mut whole, &answer);
        to.write_all(&whole).expect("Node listens");
    }
    assert!(node.wait().expect("it was started").success(), "Yjs and the log differ: see above");
}
