use super::*;
use crate::clock::ManualClock;
use crate::event::file::EventFile;
use crate::store::Append;
use crate::store::audit::{Head, Noted};
use crate::store::sqlite::SqliteStore;
use crate::store::{Health, Loaded, Sequence, Stored};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sangam_shared::role::Role;
use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

const DEMO: &str = include_str!("../../../demo/infra-structures.toml");

/// A store whose commits wait at a door.
struct Slow {
    inner: SqliteStore,
    door: Semaphore,
}

impl Store for Slow {
    fn epoch(&self) -> Uuid {
        self.inner.epoch()
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Sequence, StoreError>> {
        self.inner.append(append)
    }

    fn load(&self, id: DocumentId, after: u64) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.inner.load(id, after)
    }

    fn heads(&self, ids: Vec<DocumentId>) -> BoxFuture<'_, Result<Vec<Sequence>, StoreError>> {
        self.inner.heads(ids)
    }

    fn documents(&self) -> BoxFuture<'_, Result<Vec<(DocumentId, Sequence)>, StoreError>> {
        self.inner.documents()
    }

    fn compact(
        &self,
        id: DocumentId,
        base: Sequence,
        upto: Sequence,
        snapshot: Bytes,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.inner.compact(id, base, upto, snapshot)
    }

    fn history(
        &self,
        id: DocumentId,
        from: Sequence,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>> {
        self.inner.history(id, from, count)
    }

    fn audit(
        &self,
        event: Uuid,
        from: u64,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<Noted>, StoreError>> {
        self.inner.audit(event, from, count)
    }

    fn audit_head(&self, event: Uuid) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.inner.audit_head(event)
    }

    fn commit(&self, changes: Vec<RecordChange>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.door.acquire().await.unwrap().forget();
            self.inner.commit(changes).await
        })
    }

    fn records(&self) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.inner.records()
    }
}

#[tokio::test]
async fn memory_takes_over_what_was_stored_although_the_caller_went_away() {
    let folder = tempfile::tempdir().unwrap();
    let inner = SqliteStore::open(folder.path(), Uuid::nil()).unwrap();
    let store = Arc::new(Slow { inner, door: Semaphore::new(1) });
    let key = LinkKey::open(folder.path(), [7; 32]).unwrap();
    let (clock, chance) = (Arc::new(ManualClock::default()), Arc::new(Chance::from_seed(1)));
    let events = Events::open(store.clone(), key, clock, chance).await.unwrap();
    let event = events.create(&EventFile::parse(DEMO).unwrap()).await.unwrap();
    let links = events.links(event.id, "");
    let link = links.iter().find(|link| link.role == Role::Participant).unwrap();
    let before = events.people(event.id).len();

    let newcomer = Newcomer { name: "Zoé".into(), language: "fr".into(), ..Newcomer::default() };
    let mut joining = Box::pin(events.join(&link.token, newcomer));
    let poll = joining.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Pending), "it waits at the door");
    let mut changes = events.changes();
    changes.mark_unchanged();
    drop(joining);
    store.door.add_permits(1);
    let told = tokio::time::timeout(Duration::from_secs(10), changes.changed()).await;
    told.expect("the change was dropped with its caller").unwrap();
    assert_eq!(events.people(event.id).len(), before + 1);
}
