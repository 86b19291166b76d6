use super::*;
use crate::clock::SystemClock;
use crate::store::sqlite::SqliteStore;
use crate::sync::room_task::World;
use crate::sync::rooms::Rooms;
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::role::Role;
use sangam_shared::schema::DocumentKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::time::timeout;
use uuid::Uuid;

#[test]
fn a_burst_passes_and_a_flood_is_slowed_to_the_rate() {
    let mut pace = Pace::new(0);
    let mut now_ms = 0;
    for _ in 0..limits::MESSAGES_BURST_MAX {
        assert_eq!(pace.charge(now_ms), 0);
    }
    for _ in 0..1_000 {
        now_ms += pace.charge(now_ms);
    }
    let expected = 1_000_000 / u64::from(limits::MESSAGES_PER_SECOND_MAX);
    assert!(now_ms.abs_diff(expected) <= expected / 10, "{now_ms} ms");
}

#[test]
fn a_slow_network_gets_time_for_what_is_large() {
    let second = limits::WRITE_BYTES_PER_SECOND_MIN;
    assert_eq!(patience(3 * second), patience(0) + Duration::from_secs(3));
}

/// What a peer does, and what it was told.
#[derive(Clone, Default)]
struct Peer {
    /// It says that it is there, again and again, and never waits.
    floods: Arc<AtomicBool>,
    /// It takes nothing.
    deaf: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
    written: Arc<Mutex<Vec<Bytes>>>,
    closed: Arc<Mutex<Option<u16>>>,
}

impl Line for Peer {
    async fn hear(&mut self) -> Heard {
        if !self.floods.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.heard.fetch_add(1, Ordering::Relaxed);
        Heard::Alive
    }

    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), Gone> {
        if self.deaf.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.written.lock().unwrap().extend(frames);
        Ok(())
    }

    async fn keep_alive(&mut self) -> Result<(), Gone> {
        Ok(())
    }

    async fn close(&mut self, code: u16) {
        *self.closed.lock().unwrap() = Some(code);
    }
}

/// A room with one peer in it.
struct Served {
    _rooms: Rooms,
    peer: Peer,
    right: Arc<AtomicBool>,
    changes: watch::Sender<u64>,
    draining: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

fn flooding() -> Peer {
    let peer = Peer::default();
    peer.floods.store(true, Ordering::Relaxed);
    peer
}

const DOCUMENT: DocumentId = DocumentId(Uuid::from_u128(1));

async fn serve_one(peer: Peer) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let world = World {
        store: Arc::new(SqliteStore::open(folder.path(), Uuid::nil()).unwrap()),
        clock: Arc::new(SystemClock),
        writer: Box::new(|| 1),
        changed: Arc::default(),
    };
    let rooms = Rooms::new(Arc::new(world));
    let (changes, watched) = watch::channel(0);
    let right = Arc::new(AtomicBool::new(true));
    let held = Arc::clone(&right);
    let judge = move || {
        let is_held = held.load(Ordering::Relaxed);
        is_held.then_some(Permission::Write).ok_or(close::UNAUTHORIZED)
    };
    let draining = CancellationToken::new();
    let connection = Connection {
        id: rooms.next_connection(),
        room: rooms.open(DOCUMENT, DocumentKind::Board).await.unwrap(),
        member: Member {
            author: crate::store::Author::Person(PersonId(Uuid::from_u128(2))),
            permission: Permission::Write,
            dialect: Dialect::Sangam,
            user: serde_json::Value::Null,
        },
        standing: Standing { changes: watched, judge: Box::new(judge) },
        hello: Hello {
            epoch: Uuid::nil(),
            role: Role::Participant,
            writable: true,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            now_ms: 0,
        },
        clock: Arc::new(SystemClock),
        draining: draining.clone(),
        drain_after: Duration::ZERO,
    };
    let serving = tokio::spawn(serve(peer.clone(), connection));
    Served { _rooms: rooms, peer, right, changes, draining, serving, _folder: folder }
}

async fn soon(what: &str, done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_input_does_not_delay_the_end_of_a_right() {
    let served = serve_one(flooding()).await;
    let Served { peer, right, changes, .. } = &served;
    soon("the greeting", || !peer.written.lock().unwrap().is_empty()).await;
    soon("the flood", || peer.heard.load(Ordering::Relaxed) > 1_000).await;
    right.store(false, Ordering::Relaxed);
    changes.send_modify(|version| *version += 1);
    soon("the end of the right", || *peer.closed.lock().unwrap() == Some(close::UNAUTHORIZED))
        .await;
    timeout(Duration::from_secs(10), served.serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_input_does_not_outlive_a_stopping_server() {
    let served = serve_one(flooding()).await;
    let peer = &served.peer;
    soon("the flood", || peer.heard.load(Ordering::Relaxed) > 1_000).await;
    served.draining.cancel();
    soon("the farewell", || *peer.closed.lock().unwrap() == Some(SERVICE_RESTART)).await;
    let draining = frame::draining(limits::DRAIN_MS);
    assert!(peer.written.lock().unwrap().contains(&draining), "nobody said so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_ends_though_the_peer_takes_nothing() {
    let peer = Peer::default();
    peer.deaf.store(true, Ordering::Relaxed);
    let served = serve_one(peer).await;
    served.right.store(false, Ordering::Relaxed);
    served.changes.send_modify(|version| *version += 1);
    let peer = &served.peer;
    soon("the end of the right", || *peer.closed.lock().unwrap() == Some(close::UNAUTHORIZED))
        .await;
}
