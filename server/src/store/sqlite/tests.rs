use super::*;
use crate::store::conformance::{Place, conformance};
use crate::store::{Author, Delta};
use bytes::Bytes;
use rusqlite::Connection;
use sangam_shared::ids::PersonId;
use std::time::Duration;
use tempfile::TempDir;

conformance!(Home(TempDir::new().unwrap()));

struct Home(TempDir);

impl Place for Home {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(open(self.0.path()))
    }

    fn crash(&self, _: &dyn Store) -> Self {
        // A reader keeps the write-ahead log from being begun anew while the files are copied.
        let reader = Connection::open(self.0.path().join("sangam.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM meta;").unwrap();
        reader.query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0)).unwrap();
        let copy = TempDir::new().unwrap();
        for name in ["sangam.db", "sangam.db-wal"] {
            if self.0.path().join(name).exists() {
                std::fs::copy(self.0.path().join(name), copy.path().join(name)).unwrap();
            }
        }
        Self(copy)
    }
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, life(7)).unwrap()
}

fn life(n: u128) -> Life {
    Life { epoch: Uuid::from_u128(n), at_ms: 1_000 }
}

/// The database without a server, to do it harm.
fn harm(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("sangam.db")).unwrap();
    connection.execute_batch(sql).unwrap();
    assert!(connection.changes() > 0 || sql.contains("DELETE"), "nothing was harmed");
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

fn record(id: &str, json: &str) -> Record {
    let event = Uuid::from_u128(1);
    Record { event, kind: "person".to_owned(), id: id.to_owned(), json: json.to_owned() }
}

fn texts(loaded: &Loaded) -> Vec<String> {
    let text = |stored: &Stored| String::from_utf8(stored.delta.update.to_vec()).unwrap();
    loaded.tail.iter().map(text).collect()
}

/// Three deltas of document 1 and one of document 2, harmed; then opened again.
async fn harmed(sql: &str) -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["a", "b", "c"])).await.unwrap();
    store.compact(document(1), 0, 1, Bytes::from_static(b"first")).await.unwrap();
    store.compact(document(1), 1, 2, Bytes::from_static(b"second")).await.unwrap();
    store.append(append(2, 0, &["other"])).await.unwrap();
    drop(store);
    harm(folder.path(), sql);
    let store = open(folder.path());
    // Whatever happened to the one, the other is as it was, and takes deltas.
    let other = store.load(document(2), 0).await.unwrap();
    assert_eq!((texts(&other), other.damage), (vec!["other".to_owned()], None));
    assert_eq!(store.append(append(2, 1, &["more"])).await, Ok(2));
    (folder, store)
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = TempDir::new().unwrap();
    let _store = open(folder.path());
    let error = SqliteStore::open(folder.path(), life(7)).err().unwrap().to_string();
    assert!(error.contains("in use") && error.contains(&std::process::id().to_string()), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()));
    let file = folder.path().join("sangam.db");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(&file).unwrap();
    let error = SqliteStore::open(folder.path(), life(7)).err().unwrap().to_string();
    assert!(error.contains("format 99"), "{error}");
    assert!(SqliteReader::open(folder.path()).is_err());
    assert!(Checker::repair(folder.path(), life(7)).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("sangam.db"), vec![b'x'; 8_192]).unwrap();
    let error = SqliteStore::open(folder.path(), life(7)).err().unwrap().to_string();
    assert!(error.contains("cannot be opened as a Sangam database"), "{error}");
}

/// A database as the first format had it.
fn of_format_1(folder: &Path) {
    let mut connection = Connection::open(folder.join("sangam.db")).unwrap();
    schema::migrate_to(&mut connection, 1).unwrap();
    let id = document(1);
    let id = id.0.as_bytes();
    for (sequence, data) in [(1, b"a"), (2, b"b"), (3, b"c")] {
        let crc = row::snapshot(id, sequence, data);
        connection
            .execute(
                "INSERT INTO deltas (document, sequence, author_kind, author, at_ms, crc, data)
                 VALUES (?1, ?2, 1, ?3, 1649412000000, ?4, ?5)",
                rusqlite::params![id, sequence, Uuid::from_u128(5).as_bytes(), crc, &data[..]],
            )
            .unwrap();
    }
    connection.execute("INSERT INTO claims VALUES (?1, 9, 0, x'')", [id]).unwrap();
    connection
        .execute(
            "INSERT INTO records VALUES (?1, 'person', 'p', '{}')",
            [Uuid::from_u128(1).as_bytes()],
        )
        .unwrap();
}

#[tokio::test]
async fn an_older_format_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    of_format_1(folder.path());
    let error = SqliteReader::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("format 1"), "{error}");
    let store = open(folder.path());
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!((texts(&loaded).concat(), loaded.damage), ("abc".to_owned(), None));
    assert_eq!(loaded.claims, [(9, Author::Server)]);
    assert_eq!(store.records().await.unwrap(), [record("p", "{}")]);
    assert_eq!(store.append(append(1, 3, &["d"])).await, Ok(4));
    assert_eq!(store.documents().await.unwrap(), [(document(1), 4)]);
}

#[tokio::test]
async fn a_migration_does_not_make_damage_sound() {
    let folder = TempDir::new().unwrap();
    of_format_1(folder.path());
    harm(folder.path(), "UPDATE deltas SET data = x'ff' WHERE sequence = 2");
    let loaded = open(folder.path()).load(document(1), 0).await.unwrap();
    assert_eq!((texts(&loaded).concat(), loaded.head), ("a".to_owned(), 3));
    assert!(loaded.damage.unwrap().contains("at 2"));
}

#[tokio::test]
async fn durability_is_asserted_and_not_hoped_for() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()));
    let connection = file::reopen(&folder.path().join("sangam.db")).unwrap();
    let asked = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    assert_eq!(asked("synchronous"), Ok(2));
    assert_eq!(asked("secure_delete"), Ok(1));
}

/// What another process has left in the write-ahead log may never have reached the disk.
#[tokio::test]
async fn what_is_found_in_the_log_is_made_durable_before_it_counts() {
    let home = Home(TempDir::new().unwrap());
    let store = home.open();
    let marker = "a sentence that stands nowhere else";
    store.append(append(1, 0, &[marker])).await.unwrap();
    let after = home.crash(store.as_ref());
    let database = after.0.path().join("sangam.db");
    assert!(!holds(&database, marker.as_bytes()), "it was in the database before");
    let _reopened = after.open();
    assert!(holds(&database, marker.as_bytes()), "it is in the log alone");
}

fn holds(file: &Path, marker: &[u8]) -> bool {
    std::fs::read(file).unwrap().windows(marker.len()).any(|window| window == marker)
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_any_more() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let marker = "Asha Rao, +91 99999 99999";
    store.commit(vec![RecordChange::Put(record("a", marker))]).await.unwrap();
    let anywhere = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.filter(|file| holds(&file.as_ref().unwrap().path(), marker.as_bytes())).count()
    };
    assert!(anywhere() > 0);
    let erase =
        RecordChange::Delete { event: Uuid::from_u128(1), kind: "person".into(), id: "a".into() };
    store.commit(vec![erase]).await.unwrap();
    // The log is emptied after the answer, as soon as nobody waits.
    let emptied = async {
        while anywhere() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), emptied).await.unwrap();
}

#[tokio::test]
async fn a_flipped_bit_in_any_column_of_a_delta_is_noticed() {
    let columns = [
        "data = x'62ff'",
        "data = 'b'",
        "at_ms = at_ms + 1",
        "author = x'00000000000000000000000000000006'",
        "author_kind = 2",
        "crc = crc + 1",
        "sequence = 77",
    ];
    for column in columns {
        // A column of the wrong type needs a table that is not strict.
        let (_folder, store) = harmed(&format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'STRICT, ', '') WHERE name = 'deltas';
             PRAGMA writable_schema = RESET;
             UPDATE deltas SET {column} WHERE sequence = 2;
             DELETE FROM snapshots;"
        ))
        .await;
        let loaded = store.load(document(1), 0).await.unwrap();
        assert_eq!(texts(&loaded), ["a"], "{column}");
        assert!(loaded.damage.is_some(), "{column}");
        assert!(loaded.head >= 3, "{column}");
        assert_eq!(store.history(document(1), 1, 9).await.unwrap().len(), 1, "{column}");
        let missing = store.history(document(1), 2, 9).await;
        assert!(matches!(missing, Err(StoreError::Fatal(_))), "{column}");
    }
}

#[tokio::test]
async fn a_log_whose_end_is_missing_is_read_only() {
    let (_folder, store) = harmed("DELETE FROM deltas WHERE sequence = 3").await;
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!(loaded.snapshot, Some((2, Bytes::from_static(b"second"))));
    assert_eq!((loaded.tail.len(), loaded.head), (0, 3));
    assert!(loaded.damage.is_some());
    for head in [2, 3] {
        let refused = store.append(append(1, head, &["x"])).await;
        assert!(matches!(refused, Err(StoreError::Fatal(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_damaged_note_of_the_end_is_noticed() {
    let (_folder, store) = harmed("UPDATE documents SET head = 2 WHERE head = 3").await;
    let loaded = store.load(document(1), 0).await.unwrap();
    assert!(loaded.damage.is_some());
    assert!(matches!(store.append(append(1, 2, &["x"])).await, Err(StoreError::Fatal(_))));
}

#[tokio::test]
async fn a_damaged_snapshot_gives_way_to_the_one_before() {
    let (_folder, store) = harmed("UPDATE snapshots SET data = x'00' WHERE sequence = 2").await;
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!(loaded.snapshot, Some((1, Bytes::from_static(b"first"))));
    assert_eq!((texts(&loaded).concat(), loaded.damage), ("bc".to_owned(), None));
    // It does not stand in the way of the next one either.
    assert_eq!(store.compact(document(1), 1, 3, Bytes::from_static(b"third")).await, Ok(true));
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!(loaded.snapshot, Some((3, Bytes::from_static(b"third"))));
}

#[tokio::test]
async fn without_any_sound_snapshot_the_log_serves() {
    let (_folder, store) = harmed("UPDATE snapshots SET data = x'00'").await;
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!((loaded.snapshot, loaded.damage, loaded.tail.len()), (None, None, 3));
}

#[tokio::test]
async fn damage_behind_a_snapshot_does_no_harm_to_the_document() {
    let (_folder, store) = harmed("UPDATE deltas SET data = x'00' WHERE data = x'61'").await;
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!((texts(&loaded).concat(), loaded.damage), ("c".to_owned(), None));
}

#[tokio::test]
async fn a_damaged_claim_makes_the_document_read_only() {
    let (_folder, store) =
        harmed("UPDATE claims SET client = 8 WHERE document = (SELECT min(document) FROM claims)")
            .await;
    let loaded = store.load(document(1), 0).await.unwrap();
    assert!(loaded.damage.is_some() && loaded.claims.is_empty());
}

/// Two records, one of them harmed; then opened again.
async fn harmed_record(sql: &str) -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let put = |id: &str| RecordChange::Put(record(id, "{\"role\":\"screen\"}"));
    store.commit(vec![put("a"), put("b")]).await.unwrap();
    drop(store);
    harm(folder.path(), sql);
    let store = open(folder.path());
    (folder, store)
}

#[tokio::test]
async fn a_damaged_record_gives_way_to_its_copy() {
    let role = "json = replace(json, 'screen', 'organiser')";
    for harm in [
        format!("UPDATE records SET {role} WHERE id = 'a'"),
        format!("UPDATE mirror SET {role} WHERE id = 'a'"),
        "UPDATE records SET id = 'c' WHERE id = 'a'".to_owned(),
        "DELETE FROM records WHERE id = 'a'".to_owned(),
    ] {
        let (folder, store) = harmed_record(&harm).await;
        let whole = ["a", "b"].map(|id| record(id, "{\"role\":\"screen\"}"));
        assert_eq!(store.records().await.unwrap(), whole, "{harm}");
        drop(store);
        let (mut checker, _) = Checker::repair(folder.path(), life(8)).unwrap();
        assert!(!checker.damaged_records().unwrap().is_empty(), "{harm}");
        checker.mend_records().unwrap();
        assert_eq!(checker.damaged_records().unwrap(), [].into(), "{harm}");
        drop(checker);
        assert_eq!(open(folder.path()).records().await.unwrap(), whole, "{harm}");
    }
}

#[tokio::test]
async fn a_record_without_a_sound_copy_is_left_out_and_the_others_stay() {
    let role = "json = replace(json, 'screen', 'organiser')";
    let harm = format!(
        "UPDATE records SET {role} WHERE id = 'a'; UPDATE mirror SET {role} WHERE id = 'a';"
    );
    let (folder, store) = harmed_record(&harm).await;
    assert_eq!(store.records().await.unwrap(), [record("b", "{\"role\":\"screen\"}")]);
    drop(store);
    let (mut checker, _) = Checker::repair(folder.path(), life(8)).unwrap();
    let damaged = checker.damaged_records().unwrap();
    assert_eq!(damaged, [("person a".to_owned(), OtherCopy::Damaged)].into());
    let kept = checker.mend_records().unwrap();
    let kept = Connection::open(kept).unwrap();
    let rows = kept.query_row("SELECT count(*) FROM records", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 1);
    assert!(checker.damaged_records().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_that_cannot_be_stored_spoils_no_others() {
    // A delta that should not be there makes the next append fail inside SQLite.
    let (folder, store) = harmed("DELETE FROM snapshots").await;
    let blocked = store.append(append(3, 0, &["x"])).await;
    assert_eq!(blocked, Ok(1));
    let beside = Connection::open(folder.path().join("sangam.db")).unwrap();
    beside
        .execute_batch("INSERT INTO deltas SELECT document, 2, 0, x'', 0, 0, x'' FROM deltas WHERE data = CAST('x' AS BLOB)")
        .unwrap();
    let many = (10..40).map(|n| store.append(append(n, 0, &["a"])));
    // Last, so that it waits with others while the first is being committed.
    let (good, bad) =
        tokio::join!(futures_util::future::join_all(many), store.append(append(3, 1, &["y"])));
    assert!(matches!(bad, Err(StoreError::Fatal(_))), "{bad:?}");
    assert!(good.iter().all(|result| *result == Ok(1)), "{good:?}");
    assert_eq!(*store.health().borrow(), Health::Writable);
}

#[tokio::test]
async fn a_store_that_cannot_write_refuses_reads_on_and_recovers() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.append(append(1, 0, &["kept"])).await.unwrap();
    let mut health = store.health();
    // A write lock from outside, which nobody else ever takes, makes every commit fail.
    let blocker = Connection::open(folder.path().join("sangam.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused =
        tokio::time::timeout(Duration::from_secs(2), store.append(append(1, 1, &["refused"])));
    let refused = refused.await.expect("people must be told within two seconds");
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_ne!(*health.borrow_and_update(), Health::Writable, "first the state, then the answer");
    assert_eq!(texts(&store.load(document(1), 0).await.unwrap()), ["kept"]);
    blocker.execute_batch("ROLLBACK").unwrap();
    health.wait_for(|health| *health == Health::Writable).await.unwrap();
    assert_eq!(store.append(append(1, 1, &["later"])).await, Ok(2));
    assert_eq!(texts(&store.load(document(1), 0).await.unwrap()), ["kept", "later"]);
}

#[tokio::test]
async fn nobody_is_told_writable_by_a_store_that_has_ended() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let health = store.health();
    drop(store);
    assert_ne!(*health.borrow(), Health::Writable);
    assert!(health.has_changed().is_err());
}

#[tokio::test]
async fn the_write_ahead_log_stays_small_under_load() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let text = "x".repeat(2_000);
    let mut largest = 0;
    for round in 0..40 {
        let all = (0..100).map(|n| store.append(append(n, round, &[&text])));
        futures_util::future::join_all(all)
            .await
            .into_iter()
            .for_each(|done| assert!(done.is_ok()));
        assert!(store.load(document(round.into()), 0).await.unwrap().damage.is_none());
        let log = folder.path().join("sangam.db-wal").metadata().unwrap().len();
        largest = largest.max(log);
    }
    assert!(largest < 32 * 1024 * 1024, "{largest} bytes");
}

/// Writes garbage over the pages of a table that pass through one document's rows.
#[tokio::test]
async fn a_file_with_damaged_pages_is_rebuilt_and_the_old_one_kept() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let text = "y".repeat(900);
    for n in 1..=20 {
        let many: Vec<&str> = vec![&text; 40];
        store.append(append(n, 0, &many)).await.unwrap();
    }
    store.commit(vec![RecordChange::Put(record("a", "{}"))]).await.unwrap();
    let epoch = store.epoch();
    drop(store);
    let file = folder.path().join("sangam.db");
    let mut bytes = std::fs::read(&file).unwrap();
    // The page of the tenth document's twentieth delta loses its header: a leaf in the middle.
    let page = {
        let marker = document(10);
        let at = |from: usize| {
            let found = bytes[from..].windows(16).position(|w| w == marker.0.as_bytes());
            found.map(|at| from + at)
        };
        let mut all = Vec::new();
        let mut from = 0;
        while let Some(found) = at(from) {
            all.push(found / 4_096);
            from = found + 16;
        }
        all[all.len() / 2]
    };
    bytes[page * 4_096..page * 4_096 + 12].fill(0xff);
    std::fs::write(&file, &bytes).unwrap();

    let store = SqliteStore::open(folder.path(), life(8)).unwrap();
    assert_ne!(store.epoch(), epoch, "devices must offer what may be missing");
    assert_eq!(std::fs::read(folder.path().join("sangam.db.damaged-1")).unwrap(), bytes);
    assert_eq!(store.records().await.unwrap(), [record("a", "{}")]);
    let mut damaged = 0;
    for n in 1..=20 {
        let loaded = store.load(document(n), 0).await.unwrap();
        assert_eq!(loaded.head, 40, "document {n}");
        if loaded.damage.is_some() {
            damaged += 1;
            assert!(loaded.tail.len() < 40);
        } else {
            assert_eq!(loaded.tail.len(), 40);
            assert_eq!(store.append(append(n, 40, &["more"])).await, Ok(41));
        }
    }
    assert!((1..=2).contains(&damaged), "{damaged} documents touch the page");
}
