use super::*;
use crate::clock::{Chance, SystemClock};
use crate::store::sqlite::SqliteStore;
use crate::sync::frame;
use crate::sync::room::Dialect;
use crate::sync::rooms::{RoomRef, Rooms};
use sangam_shared::ids::PersonId;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Text, Transact};

const ASHA: ConnectionId = ConnectionId(1);
const BRUNO: ConnectionId = ConnectionId(2);

async fn room() -> (Rooms, RoomRef, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), Uuid::nil()).unwrap());
    let chance = Chance::from_seed(1);
    let world = World {
        store,
        clock: Arc::new(SystemClock),
        writer: Box::new(move || chance.client_id()),
        changed: Arc::default(),
    };
    let rooms = Rooms::new(Arc::new(world));
    let document = DocumentId(Uuid::from_u128(1));
    let room = rooms.open(document, DocumentKind::Board).await.unwrap();
    (rooms, room, folder)
}

async fn join(room: &RoomRef, id: ConnectionId) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::default());
    let member = Member {
        author: Author::Person(PersonId(Uuid::from_u128(id.0.into()))),
        permission: Permission::Write,
        dialect: Dialect::Sangam,
        user: serde_json::json!({}),
    };
    room.connect(id, member, Arc::clone(&outbox)).await.unwrap();
    room.frame(id, frame::sync_step_1(&[0])).await.unwrap();
    outbox
}

#[tokio::test]
async fn edits_that_wait_for_company_do_not_wait_for_the_next_input() {
    let (_rooms, room, _folder) = room().await;
    let (asha, bruno) = (join(&room, ASHA).await, join(&room, BRUNO).await);
    let doc = yrs::Doc::with_client_id(7);
    let minutes = doc.get_or_insert_text("minutes");
    let mut written = 0_u32;
    let edit = || {
        let mut txn = doc.transact_mut();
        minutes.push(&mut txn, "x");
        txn.commit();
        frame::update(&txn.encode_update_v1())
    };
    for round in 0..100_u64 {
        // Company, and then one that comes while the room leaves its pause.
        for _ in 0..4 {
            room.frame(ASHA, edit()).await.unwrap();
            written += 1;
        }
        tokio::time::sleep(Duration::from_micros(round * 100)).await;
        room.frame(ASHA, edit()).await.unwrap();
        written += 1;
        let mut acknowledged = 0;
        let all = async {
            while acknowledged < written {
                asha.ready().await;
                let mut frames = Vec::new();
                asha.take(ASHA, room.fanout(), &mut frames);
                asha.taken();
                for frame in frames {
                    if let [121, low @ 0..=127] = frame[..] {
                        acknowledged = u32::from(low);
                    } else if let [121, low, high] = frame[..] {
                        acknowledged = u32::from(low & 127) | u32::from(high) << 7;
                    }
                }
            }
        };
        let soon = tokio::time::timeout(Duration::from_secs(5), all).await;
        assert!(soon.is_ok(), "round {round}: {acknowledged} of {written} acknowledged");
    }
    // Whatever was merged on the way, a reader has all of it.
    let theirs = yrs::Doc::new();
    let text = theirs.get_or_insert_text("minutes");
    let all = async {
        while text.len(&theirs.transact()) < written {
            bruno.ready().await;
            let mut frames = Vec::new();
            bruno.take(BRUNO, room.fanout(), &mut frames);
            bruno.taken();
            for frame in frames {
                if let Ok(frame::ClientMessage::Update(update)) = frame::parse(&frame) {
                    let update = yrs::Update::decode_v1(update).unwrap();
                    theirs.transact_mut().apply_update(update).unwrap();
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), all).await.unwrap();
}
