//! The laws of a store, as tests that any engine can be put through: an engine says how it is
//! opened, and how it looks after a crash, and calls [`conformance!`] once.

use crate::store::audit::{self, Head, Note};
use crate::store::{
    Append, Author, ClientId, Delta, Loaded, Record, RecordChange, Sequence, Store, StoreError,
};
use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sangam_shared::ids::{DocumentId, PersonId};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// One empty place where an engine keeps its data.
pub(super) trait Place {
    /// Opens what is there.
    fn open(&self) -> Arc<dyn Store>;

    /// The place as it is after the machine of `running` has crashed at this moment: what was only
    /// in memory is gone. `running` may go on beside it.
    fn crash(&self, running: &dyn Store) -> Self;
}

/// One test per law, for the engine whose places `$place` makes.
macro_rules! conformance {
    ($place:expr) => {
        conformance!(
            $place,
            what_was_appended_is_there_after_a_crash,
            an_append_happens_as_a_whole_or_not_at_all,
            an_append_of_nothing_is_refused,
            a_wrong_head_is_refused_alone_and_says_where_the_head_is,
            sequences_are_dense_whoever_races,
            readers_see_a_log_that_only_grows,
            a_claim_never_changes_its_owner,
            twenty_thousand_claims_and_a_large_delta_come_back,
            a_load_after_a_position_gives_the_rest,
            a_compaction_is_a_compare_and_swap,
            a_snapshot_beyond_the_log_is_refused,
            history_is_read_by_pages,
            documents_are_listed_with_their_heads,
            records_change_together,
            records_survive_a_crash,
            an_entry_of_the_audit_log_is_there_where_its_changes_are,
            what_is_dropped_is_gone_and_its_neighbours_stay,
            the_epoch_stays,
            a_healthy_store_says_so,
            many_documents_share_commits,
            everything_at_random_matches_a_model,
        );
    };
    ($place:expr, $($law:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $law() {
            $crate::store::conformance::$law($place).await;
        })+
    };
}
pub(super) use conformance;

fn document(n: u128) -> DocumentId {
    DocumentId(Uuid::from_u128(n))
}

fn delta(text: &str) -> Delta {
    let author = Author::Person(PersonId(Uuid::from_u128(5)));
    Delta { author, at_ms: 1_649_412_000_000, update: Bytes::copy_from_slice(text.as_bytes()) }
}

fn append(n: u128, expected_head: Sequence, texts: &[&str]) -> Append {
    let deltas = texts.iter().map(|text| delta(text)).collect();
    Append { document: document(n), expected_head, deltas, claims: Vec::new() }
}

fn texts(loaded: &Loaded) -> Vec<&str> {
    let texts = loaded.tail.iter().map(|stored| std::str::from_utf8(&stored.delta.update));
    texts.collect::<Result<_, _>>().unwrap()
}

fn record(id: &str, json: &str) -> Record {
    let event = Uuid::from_u128(1);
    Record { event, kind: "person".to_owned(), id: id.to_owned(), json: json.to_owned() }
}

fn gone(id: &str) -> RecordChange {
    RecordChange::Delete { event: Uuid::from_u128(1), kind: "person".into(), id: id.to_owned() }
}

fn is_dense(loaded: &Loaded) {
    let from = loaded.snapshot.as_ref().map_or(0, |(at, _)| *at);
    for (stored, expected) in loaded.tail.iter().zip(from + 1..) {
        assert_eq!(stored.sequence, expected);
    }
    assert_eq!(loaded.head, from + loaded.tail.len() as Sequence);
}

pub(super) async fn what_was_appended_is_there_after_a_crash(place: impl Place) {
    let store = place.open();
    assert_eq!(store.append(append(1, 0, &["a", "b"])).await, Ok(1));
    assert_eq!(store.append(append(1, 2, &["c"])).await, Ok(3));
    let claims = vec![(9, Author::Server), (10, Author::Machine(Uuid::from_u128(3)))];
    let last = Append { claims: claims.clone(), ..append(1, 3, &["d"]) };
    assert_eq!(store.append(last).await, Ok(4));
    let after = place.crash(store.as_ref());
    let store = after.open();
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!((texts(&loaded), loaded.head), (vec!["a", "b", "c", "d"], 4));
    assert_eq!(loaded.tail[0].delta, delta("a"));
    assert_eq!((loaded.claims, loaded.damage, loaded.snapshot), (claims, None, None));
    assert_eq!(store.append(append(1, 4, &["e"])).await, Ok(5));
}

pub(super) async fn an_append_happens_as_a_whole_or_not_at_all(place: impl Place) {
    let store = place.open();
    // Crashes in the middle of a stream of triples: each is there whole, or not at all.
    let writing = Arc::clone(&store);
    let writer = tokio::spawn(async move {
        for n in 0..60 {
            assert_eq!(writing.append(append(1, n * 3, &["x", "y", "z"])).await, Ok(n * 3 + 1));
        }
    });
    for _ in 0..10 {
        let before = store.heads(vec![document(1)]).await.unwrap()[0];
        let after = place.crash(store.as_ref());
        let loaded = after.open().load(document(1), 0).await.unwrap();
        assert_eq!((loaded.tail.len() % 3, &loaded.damage), (0, &None));
        assert!(loaded.head >= before, "{} of {before} acknowledged are left", loaded.head);
        is_dense(&loaded);
    }
    writer.await.unwrap();
}

pub(super) async fn an_append_of_nothing_is_refused(place: impl Place) {
    let store = place.open();
    assert!(matches!(store.append(append(1, 0, &[])).await, Err(StoreError::Fatal(_))));
    assert_eq!(store.load(document(1), 0).await.unwrap(), Loaded::default());
}

pub(super) async fn a_wrong_head_is_refused_alone_and_says_where_the_head_is(place: impl Place) {
    let store = place.open();
    let thief = Append { claims: vec![(9, Author::Server)], ..append(2, 4, &["x"]) };
    let (good, bad) = tokio::join!(store.append(append(1, 0, &["a"])), store.append(thief));
    assert_eq!(good, Ok(1));
    assert_eq!(bad, Err(StoreError::Moved { head: 0 }));
    assert_eq!(store.load(document(2), 0).await.unwrap(), Loaded::default());
    let late = store.append(append(1, 0, &["b"])).await;
    assert_eq!(late, Err(StoreError::Moved { head: 1 }));
    assert_eq!(store.append(append(1, 1, &["b"])).await, Ok(2));
}

pub(super) async fn sequences_are_dense_whoever_races(place: impl Place) {
    let store = place.open();
    let racers = (0..8).map(|racer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut expected = 0;
            for n in 0..10 {
                let text = format!("{racer}.{n}");
                loop {
                    match store.append(append(1, expected, &[&text])).await {
                        Ok(first) => {
                            assert_eq!(first, expected + 1);
                            expected = first;
                            break;
                        }
                        Err(StoreError::Moved { head }) => expected = head,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        })
    });
    for racer in racers.collect::<Vec<_>>() {
        racer.await.unwrap();
    }
    let loaded = store.load(document(1), 0).await.unwrap();
    is_dense(&loaded);
    let mut seen = texts(&loaded);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 80);
}

pub(super) async fn readers_see_a_log_that_only_grows(place: impl Place) {
    let store = place.open();
    let writing = Arc::clone(&store);
    let writer = tokio::spawn(async move {
        for n in 0..120 {
            writing.append(append(1, n, &["x"])).await.unwrap();
            if n == 60 {
                let snapshot = Bytes::from_static(b"first 50");
                assert_eq!(writing.compact(document(1), 0, 50, snapshot).await, Ok(true));
            }
        }
    });
    let mut known = 0;
    while known < 120 {
        let loaded = store.load(document(1), 0).await.unwrap();
        is_dense(&loaded);
        assert!(loaded.head >= known);
        known = loaded.head;
        let rest = store.load(document(1), known).await.unwrap();
        assert!(rest.tail.first().is_none_or(|first| first.sequence == known + 1));
    }
    writer.await.unwrap();
}

pub(super) async fn a_claim_never_changes_its_owner(place: impl Place) {
    let store = place.open();
    let claims = |author| vec![(9, author)];
    let first = Append { claims: claims(Author::Server), ..append(1, 0, &["a"]) };
    store.append(first).await.unwrap();
    let thief = Author::Machine(Uuid::from_u128(1));
    store.append(Append { claims: claims(thief), ..append(1, 1, &["b"]) }).await.unwrap();
    assert_eq!(store.load(document(1), 0).await.unwrap().claims, claims(Author::Server));
    // Each document has claims of its own.
    store.append(Append { claims: claims(thief), ..append(2, 0, &["b"]) }).await.unwrap();
    assert_eq!(store.load(document(2), 0).await.unwrap().claims, claims(thief));
}

pub(super) async fn twenty_thousand_claims_and_a_large_delta_come_back(place: impl Place) {
    let store = place.open();
    let claims: Vec<(ClientId, Author)> = (0..20_000)
        .map(|n| ((1 << 53) - 1 - n, Author::Person(PersonId(Uuid::from_u128(n.into())))))
        .rev()
        .collect();
    let large = Bytes::from(vec![7; 8 * 1024 * 1024]);
    let deltas = vec![Delta { update: large.clone(), ..delta("") }];
    let whole = Append { document: document(1), expected_head: 0, deltas, claims: claims.clone() };
    assert_eq!(store.append(whole).await, Ok(1));
    let loaded = place.crash(store.as_ref()).open().load(document(1), 0).await.unwrap();
    assert_eq!(loaded.claims, claims);
    assert_eq!(loaded.tail[0].delta.update, large);
}

pub(super) async fn a_load_after_a_position_gives_the_rest(place: impl Place) {
    let store = place.open();
    store.append(append(1, 0, &["a", "b", "c"])).await.unwrap();
    assert_eq!(texts(&store.load(document(1), 1).await.unwrap()), ["b", "c"]);
    let nothing = store.load(document(1), 3).await.unwrap();
    assert_eq!((nothing.tail.len(), nothing.head, nothing.snapshot), (0, 3, None));
    assert_eq!(store.load(document(7), 0).await.unwrap(), Loaded::default());
}

pub(super) async fn a_compaction_is_a_compare_and_swap(place: impl Place) {
    let store = place.open();
    store.append(append(1, 0, &["a", "b", "c"])).await.unwrap();
    let snapshot = || Bytes::from_static(b"ab");
    assert_eq!(store.compact(document(1), 1, 2, snapshot()).await, Ok(false));
    assert_eq!(store.compact(document(1), 0, 2, snapshot()).await, Ok(true));
    assert_eq!(store.compact(document(1), 0, 3, snapshot()).await, Ok(false));
    let after = place.crash(store.as_ref());
    let store = after.open();
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!(loaded.snapshot, Some((2, snapshot())));
    assert_eq!((texts(&loaded), loaded.head), (vec!["c"], 3));
    // Whoever was at 1 gets everything, from the log or as a snapshot.
    let loaded = store.load(document(1), 1).await.unwrap();
    assert!(loaded.snapshot.is_some() || texts(&loaded) == ["b", "c"]);
    assert!(store.load(document(1), 3).await.unwrap().tail.is_empty());
    assert_eq!(store.compact(document(1), 2, 3, Bytes::from_static(b"abc")).await, Ok(true));
    assert_eq!(store.append(append(1, 3, &["d"])).await, Ok(4));
    let loaded = store.load(document(1), 0).await.unwrap();
    assert_eq!(loaded.snapshot, Some((3, Bytes::from_static(b"abc"))));
    assert_eq!(texts(&loaded), ["d"]);
}

pub(super) async fn a_snapshot_beyond_the_log_is_refused(place: impl Place) {
    let store = place.open();
    store.append(append(1, 0, &["a"])).await.unwrap();
    let snapshot = || Bytes::from_static(b"ab");
    assert_eq!(store.compact(document(1), 0, 2, snapshot()).await, Ok(false));
    assert_eq!(store.compact(document(1), 0, 0, snapshot()).await, Ok(false));
    assert_eq!(store.compact(document(2), 0, 1, snapshot()).await, Ok(false));
    assert_eq!(store.load(document(1), 0).await.unwrap().snapshot, None);
    assert_eq!(store.append(append(1, 1, &["b"])).await, Ok(2));
}

pub(super) async fn history_is_read_by_pages(place: impl Place) {
    let store = place.open();
    store.append(append(1, 0, &["a", "b", "c", "d", "e"])).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let from = seen.len() as Sequence + 1;
        let page = store.history(document(1), from, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2 && page[0].sequence == from);
        seen.extend(page.into_iter().map(|stored| stored.delta));
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"].map(delta));
    assert!(store.history(document(2), 1, 2).await.unwrap().is_empty());
}

pub(super) async fn documents_are_listed_with_their_heads(place: impl Place) {
    let store = place.open();
    assert!(store.documents().await.unwrap().is_empty());
    store.append(append(2, 0, &["a"])).await.unwrap();
    store.append(append(1, 0, &["a", "b"])).await.unwrap();
    let mut listed = store.documents().await.unwrap();
    listed.sort_unstable();
    assert_eq!(listed, [(document(1), 2), (document(2), 1)]);
    let asked = vec![document(2), document(3), document(1)];
    assert_eq!(store.heads(asked).await.unwrap(), [1, 0, 2]);
}

pub(super) async fn records_change_together(place: impl Place) {
    let store = place.open();
    let put = |id: &str| RecordChange::Put(record(id, "{}"));
    store.commit(vec![put("a"), put("b")]).await.unwrap();
    store
        .commit(vec![gone("a"), RecordChange::Put(record("b", "{\"name\":\"आशा\"}"))])
        .await
        .unwrap();
    assert_eq!(store.records().await.unwrap(), [record("b", "{\"name\":\"आशा\"}")]);
    store.commit(vec![gone("never there")]).await.unwrap();
    store.commit(Vec::new()).await.unwrap();
    assert_eq!(store.records().await.unwrap().len(), 1);
}

pub(super) async fn records_survive_a_crash(place: impl Place) {
    let store = place.open();
    store.commit(vec![RecordChange::Put(record("a", "{}"))]).await.unwrap();
    store.commit(vec![gone("a"), RecordChange::Put(record("b", "{}"))]).await.unwrap();
    let after = place.crash(store.as_ref());
    let store = after.open();
    assert_eq!(store.records().await.unwrap(), [record("b", "{}")]);
}

fn noted(event: u128, act: &str) -> RecordChange {
    let event = Uuid::from_u128(event);
    RecordChange::Note(Note { event, act: act.to_owned(), count: 1, ..Note::default() })
}

pub(super) async fn an_entry_of_the_audit_log_is_there_where_its_changes_are(place: impl Place) {
    let store = place.open();
    let event = Uuid::from_u128(1);
    assert_eq!(store.audit_head(event).await.unwrap(), Head::beginning(event));
    let put = RecordChange::Put(record("a", "{}"));
    store.commit(vec![put, noted(1, "one"), noted(2, "elsewhere")]).await.unwrap();
    store.commit(vec![noted(1, "two")]).await.unwrap();
    // Many at once share commits; each has a place of its own.
    let writing = (0..40).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(vec![noted(1, &format!("n{n}"))]).await })
    });
    for written in futures_util::future::join_all(writing).await {
        written.unwrap().unwrap();
    }
    let after = place.crash(store.as_ref());
    let store = after.open();
    let entries = store.audit(event, 1, 100).await.unwrap();
    let head = store.audit_head(event).await.unwrap();
    assert_eq!((entries.len(), head.sequence), (42, 42));
    assert_eq!(audit::first_break(&entries, Some(&head), event), None);
    assert_eq!(store.audit(event, 41, 100).await.unwrap(), entries[40..]);
    assert_eq!(store.audit(event, 1, 2).await.unwrap(), entries[..2]);
    assert_eq!(store.audit(Uuid::from_u128(2), 1, 100).await.unwrap().len(), 1);
    assert_eq!(store.records().await.unwrap().len(), 1);
}

pub(super) async fn what_is_dropped_is_gone_and_its_neighbours_stay(place: impl Place) {
    let store = place.open();
    for n in [1, 2] {
        let claims = vec![(9, Author::Server)];
        store.append(Append { claims, ..append(n, 0, &["a", "b"]) }).await.unwrap();
        store.compact(document(n), 0, 1, Bytes::from_static(b"s")).await.unwrap();
    }
    store.commit(vec![RecordChange::Put(record("a", "{}")), noted(1, "one")]).await.unwrap();
    let drop = RecordChange::DropDocument { document: document(1) };
    store.commit(vec![drop, noted(1, "two")]).await.unwrap();
    assert_eq!(store.load(document(1), 0).await.unwrap(), Loaded::default());
    assert_eq!(store.documents().await.unwrap(), [(document(2), 2)]);
    assert_eq!(store.append(append(1, 0, &["c"])).await, Ok(1), "its name can be used again");
    assert_eq!(store.load(document(2), 0).await.unwrap().head, 2);

    let event = Uuid::from_u128(1);
    let drop = RecordChange::DropEvent { event };
    store.commit(vec![drop, noted(3, "dropped")]).await.unwrap();
    assert_eq!(store.records().await.unwrap(), []);
    assert_eq!(store.audit_head(event).await.unwrap(), Head::beginning(event));
    assert_eq!(store.audit(Uuid::from_u128(3), 1, 10).await.unwrap().len(), 1);
}

pub(super) async fn the_epoch_stays(place: impl Place) {
    let store = place.open();
    store.append(append(1, 0, &["a"])).await.unwrap();
    assert_eq!(place.crash(store.as_ref()).open().epoch(), store.epoch());
}

pub(super) async fn a_healthy_store_says_so(place: impl Place) {
    let store = place.open();
    store.append(append(1, 0, &["a"])).await.unwrap();
    assert_eq!(*store.health().borrow(), crate::store::Health::Writable);
}

pub(super) async fn many_documents_share_commits(place: impl Place) {
    let store = place.open();
    let all = (0..500).map(|n| store.append(append(n, 0, &["a"])));
    for result in futures_util::future::join_all(all).await {
        assert_eq!(result, Ok(1));
    }
}

/// What a document should be.
#[derive(Default)]
struct Model {
    log: Vec<Delta>,
    snapshot: Option<(Sequence, Bytes)>,
    claims: BTreeMap<ClientId, Author>,
}

impl Model {
    fn head(&self) -> Sequence {
        self.log.len() as Sequence
    }

    /// Whether a load gives everything after `after`.
    fn agrees(&self, loaded: &Loaded, after: Sequence) {
        assert_eq!((loaded.head, &loaded.damage), (self.head(), &None));
        let from = match &loaded.snapshot {
            Some(snapshot) => {
                assert_eq!(Some(snapshot), self.snapshot.as_ref());
                snapshot.0
            }
            None => after,
        };
        let from = usize::try_from(from).unwrap();
        let tail: Vec<_> = loaded.tail.iter().map(|stored| &stored.delta).collect();
        assert_eq!(tail, self.log[from..].iter().collect::<Vec<_>>());
        assert!(loaded.claims.iter().copied().eq(self.claims.iter().map(|(c, a)| (*c, *a))));
    }
}

pub(super) async fn everything_at_random_matches_a_model(place: impl Place) {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        // Every seed has documents of its own, so that one place serves all.
        let documents: Vec<u128> = (0..3).map(|n| u128::from(seed) * 10 + n + 100).collect();
        let mut models: BTreeMap<u128, Model> = BTreeMap::new();
        let mut store = place.open();
        let mut places = Vec::new();
        for _ in 0..150 {
            let id = documents[dice.random_range(0..documents.len())];
            let model = models.entry(id).or_default();
            match dice.random_range(0..10) {
                0..5 => {
                    let deltas: Vec<Delta> = (0..dice.random_range(1..4))
                        .map(|_| delta(&format!("{}", dice.random::<u64>())))
                        .collect();
                    let author = Author::Machine(Uuid::from_u128(dice.random_range(0..3)));
                    let claims = vec![(dice.random_range(0..5), author)];
                    let wrong = dice.random_bool(0.2);
                    let append = Append {
                        document: document(id),
                        expected_head: model.head() + u64::from(wrong),
                        deltas: deltas.clone(),
                        claims: claims.clone(),
                    };
                    let done = store.append(append).await;
                    if wrong {
                        assert_eq!(done, Err(StoreError::Moved { head: model.head() }));
                    } else {
                        assert_eq!(done, Ok(model.head() + 1));
                        model.log.extend(deltas);
                        for (client, author) in claims {
                            model.claims.entry(client).or_insert(author);
                        }
                    }
                }
                5 | 6 => {
                    let at = model.snapshot.as_ref().map_or(0, |(at, _)| *at);
                    let base = if dice.random_bool(0.7) { at } else { dice.random_range(0..9) };
                    let upto = dice.random_range(0..=model.head() + 1);
                    let snapshot = Bytes::from(dice.random::<u64>().to_le_bytes().to_vec());
                    let fits = base == at && upto > at && upto <= model.head();
                    let done = store.compact(document(id), base, upto, snapshot.clone()).await;
                    assert_eq!(done, Ok(fits));
                    if fits {
                        model.snapshot = Some((upto, snapshot));
                    }
                }
                7 | 8 => {
                    let after = dice.random_range(0..=model.head());
                    model.agrees(&store.load(document(id), after).await.unwrap(), after);
                }
                _ => {
                    let crashed = places.last().unwrap_or(&place).crash(store.as_ref());
                    store = crashed.open();
                    places.push(crashed);
                }
            }
        }
        for (id, model) in &models {
            model.agrees(&store.load(document(*id), 0).await.unwrap(), 0);
        }
    }
}
