use super::*;
use crate::store::{Author, Delta};
use sangam_shared::ids::PersonId;

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, Uuid::from_u128(7)).unwrap()
}

fn document(n: u128) -> DocumentId {
    DocumentId(Uuid::from_u128(n))
}

fn delta(text: &str) -> Delta {
    let author = Author::Person(PersonId(Uuid::from_u128(5)));
    Delta { author, at_ms: 1_649_412_000_000, update: Bytes::copy_from_slice(text.as_bytes()) }
}

fn append(n: u128, expected_head: Sequence, texts: &[&str]) -> Append {
    let deltas = texts.iter().map(|text| delta(text)).collect();
    Append { document: document(n), expected_head, deltas, claims: vec![(9, Author::Server)] }
}

fn texts(loaded: &Loaded) -> Vec<String> {
    let text = |stored: &Stored| String::from_utf8(stored.delta.update.to_vec()).unwrap();
    loaded.tail.iter().map(text).collect()
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.append(append(1, 0, &["a", "b"])).await, Ok(1));
    assert_eq!(store.append(append(1, 2, &["c"])).await, Ok(3));
    let epoch = store.epoch();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.epoch(), epoch);
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!((texts(&loaded), loaded.head), (vec!["a".into(), "b".into(), "c".into()], 3));
    assert_eq!(loaded.claims, [(9, Author::Server)]);
    assert_eq!(loaded.tail[0].delta, delta("a"));
    assert_eq!(store.heads(vec![document(1), document(2)]).await.unwrap(), [3, 0]);
}

#[tokio::test]
async fn a_wrong_head_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (good, bad, empty) = tokio::join!(
        store.append(append(1, 0, &["a"])),
        store.append(append(2, 4, &["x"])),
        store.append(append(3, 0, &[])),
    );
    assert_eq!(good, Ok(1));
    assert!(matches!(bad, Err(StoreError::Fatal(_))));
    assert!(matches!(empty, Err(StoreError::Fatal(_))));
    assert_eq!(store.load(document(2), 0).await.unwrap(), Loaded::default());
}

#[tokio::test]
async fn a_claim_never_changes_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["a"])).await.unwrap();
    let mut thief = append(1, 1, &["b"]);
    thief.claims = vec![(9, Author::Machine(Uuid::from_u128(1)))];
    store.append(thief).await.unwrap();
    assert_eq!(store.load(document(1), 0).await.unwrap().claims, [(9, Author::Server)]);
}

#[tokio::test]
async fn a_compaction_is_a_compare_and_swap() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["a", "b", "c"])).await.unwrap();
    let snapshot = || Bytes::from_static(b"ab");
    assert_eq!(store.compact(document(1), 1, 2, snapshot()).await, Ok(false));
    assert_eq!(store.compact(document(1), 0, 2, snapshot()).await, Ok(true));
    assert_eq!(store.compact(document(1), 0, 3, snapshot()).await, Ok(false));
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!(loaded.snapshot, Some((2, snapshot())));
    assert_eq!((texts(&loaded), loaded.head), (vec!["c".into()], 3));
    assert_eq!(texts(&store.load(document(1), 1).await.unwrap()), ["b", "c"]);
    assert!(store.load(document(1), 3).await.unwrap().tail.is_empty());
    assert_eq!(store.history(document(1), 1, 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn records_change_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let record = |id: &str| Record {
        event: Uuid::from_u128(1),
        kind: "person".into(),
        id: id.into(),
        json: "{}".into(),
    };
    store
        .commit(vec![RecordChange::Put(record("a")), RecordChange::Put(record("b"))])
        .await
        .unwrap();
    let gone =
        RecordChange::Delete { event: Uuid::from_u128(1), kind: "person".into(), id: "a".into() };
    store.commit(vec![gone]).await.unwrap();
    assert_eq!(store.records().await.unwrap(), [record("b")]);
    assert_eq!(SqliteReader::open(folder.path()).unwrap().records().unwrap(), [record("b")]);
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _store = open(folder.path());
    let error = SqliteStore::open(folder.path(), Uuid::from_u128(7)).err().unwrap().to_string();
    assert!(error.contains("in use") && error.contains(&std::process::id().to_string()), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let file = folder.path().join("sangam.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = SqliteStore::open(folder.path(), Uuid::from_u128(7)).err().unwrap().to_string();
    assert!(error.contains("format 99"), "{error}");
    assert!(SqliteReader::open(folder.path()).is_err());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sangam.db"), vec![b'x'; 8_192]).unwrap();
    let error = SqliteStore::open(folder.path(), Uuid::from_u128(7)).err().unwrap().to_string();
    assert!(error.contains("cannot be opened as a Sangam database"), "{error}");
}

#[tokio::test]
async fn a_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["a", "b", "c"])).await.unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("sangam.db")).unwrap();
    connection.execute("UPDATE deltas SET data = x'62ff' WHERE sequence = 2", []).unwrap();
    drop(connection);
    let loaded = open(folder.path()).load(document(1), 0).await.unwrap();
    assert_eq!(texts(&loaded), ["a"]);
    assert!(loaded.damage.is_some());
    assert_eq!(loaded.head, 3);
}

#[tokio::test]
async fn a_damaged_snapshot_gives_way_to_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["a", "b", "c"])).await.unwrap();
    store.compact(document(1), 0, 2, Bytes::from_static(b"ab")).await.unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("sangam.db")).unwrap();
    connection.execute("UPDATE snapshots SET data = x'00'", []).unwrap();
    drop(connection);
    let loaded = open(folder.path()).load(document(1), 0).await.unwrap();
    assert_eq!((texts(&loaded).len(), loaded.damage, loaded.snapshot), (3, None, None));
}

#[tokio::test]
async fn many_rooms_share_few_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let all = (0..500).map(|n| store.append(append(n, 0, &["a"])));
    for result in futures_util::future::join_all(all).await {
        assert_eq!(result, Ok(1));
    }
}

#[tokio::test]
async fn a_store_that_cannot_write_refuses_reads_on_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["kept"])).await.unwrap();
    let mut health = store.health();
    // A write lock from outside, which nobody else ever takes, makes every commit fail.
    let blocker = rusqlite::Connection::open(folder.path().join("sangam.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.append(append(1, 1, &["refused"])).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    health.wait_for(|health| *health != Health::Writable).await.unwrap();
    assert_eq!(texts(&store.load(document(1), 0).await.unwrap()), ["kept"]);
    blocker.execute_batch("ROLLBACK").unwrap();
    health.wait_for(|health| *health == Health::Writable).await.unwrap();
    assert_eq!(store.append(append(1, 1, &["later"])).await, Ok(2));
    assert_eq!(texts(&store.load(document(1), 0).await.unwrap()), ["kept", "later"]);
}
