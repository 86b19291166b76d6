//! What people write, as real Yjs updates that fit the board's schema.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;
use yrs::{
    Doc, Map, MapPrelim, MapRef, OffsetKind, Options, ReadTxn, StateVector, Text, TextPrelim,
    TextRef, Transact,
};

/// Characters typed into one note before the next one is begun.
const NOTE_CHARS: u32 = 300;

/// One device that types: notes, letter by letter.
pub struct Writer {
    doc: Doc,
    /// Its Yjs client id.
    pub client: u64,
    note: Option<(TextRef, Uuid, u32)>,
    random: ChaCha8Rng,
    presence_clock: u64,
}

fn document(client: u64) -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(client))
    })
}

impl Writer {
    /// A device with a client id drawn as Yjs draws it.
    #[must_use]
    pub fn new(mut random: ChaCha8Rng) -> Self {
        let client = u64::from(random.random_range(1..=u32::MAX));
        Self { doc: document(client), client, note: None, random, presence_clock: 0 }
    }

    /// The next edit: an update, and this client's clock after it.
    pub fn edit(&mut self) -> (Vec<u8>, u32) {
        let ideas = self.doc.get_or_insert_map("ideas");
        let mut txn = self.doc.transact_mut();
        match &mut self.note {
            Some((text, _, at)) if *at < NOTE_CHARS => {
                let letter = char::from(b'a' + self.random.random_range(0..26));
                text.insert(&mut txn, *at, letter.encode_utf8(&mut [0; 4]));
                *at += 1;
            }
            _ => {
                let id = Uuid::from_u128(self.random.random());
                let text = add_note(&mut txn, &ideas, id, "a");
                self.note = Some((text, id, 1));
            }
        }
        txn.commit();
        let update = txn.encode_update_v1();
        (update, txn.state_vector().get(&yrs::block::ClientID::new(self.client)))
    }

    /// A presence message: who, and where the caret is.
    pub fn presence(&mut self) -> Vec<u8> {
        self.presence_clock += 1;
        let at = self.presence_clock;
        let note = self.note.as_ref().map_or(Uuid::nil(), |(_, id, _)| *id);
        let state =
            format!(r#"{{"user":{{"name":"Asha"}},"caret":{{"note":"{note}","at":{at}}}}}"#);
        let mut payload = vec![1];
        crate::wire::varint(&mut payload, self.client);
        crate::wire::varint(&mut payload, at);
        crate::wire::buffer(&mut payload, state.as_bytes());
        let mut message = vec![1];
        crate::wire::buffer(&mut message, &payload);
        message
    }
}

fn add_note(txn: &mut yrs::TransactionMut<'_>, table: &MapRef, id: Uuid, words: &str) -> TextRef {
    let note: MapRef = table.insert(txn, id.to_string(), MapPrelim::default());
    let text: TextRef = note.insert(txn, "text", TextPrelim::new(words));
    let _: MapRef = note.insert(txn, "translations", MapPrelim::default());
    let _: MapRef = note.insert(txn, "translationMeta", MapPrelim::default());
    note.insert(txn, "lang", "en");
    note.insert(txn, "order", "a0");
    note.insert(txn, "colour", "sand");
    text
}

/// A board of the afternoon: so many ideas and plans, in one update.
#[must_use]
pub fn board(ideas: usize, plans: usize, mut random: ChaCha8Rng) -> Vec<u8> {
    let doc = document(u64::from(random.random_range(1..=u32::MAX)));
    let (idea_table, plan_table) = (doc.get_or_insert_map("ideas"), doc.get_or_insert_map("plans"));
    let mut txn = doc.transact_mut();
    for _ in 0..ideas {
        let words = words(&mut random, 12);
        let id = Uuid::from_u128(random.random());
        add_note(&mut txn, &idea_table, id, &words);
    }
    for number in 0..plans {
        let id = Uuid::from_u128(random.random()).to_string();
        let plan: MapRef = plan_table.insert(&mut txn, id, MapPrelim::default());
        plan.insert(&mut txn, "ref", format!("1.{number}"));
        for (field, count) in [("title", 6), ("problem", 40), ("description", 80)] {
            let _: TextRef =
                plan.insert(&mut txn, field, TextPrelim::new(words(&mut random, count)));
        }
        for table in ["milestones", "risks", "commons", "translations", "translationMeta"] {
            let _: MapRef = plan.insert(&mut txn, table, MapPrelim::default());
        }
    }
    txn.commit();
    txn.encode_diff_v1(&StateVector::default())
}

fn words(random: &mut ChaCha8Rng, count: usize) -> String {
    const WORDS: [&str; 12] = [
        "shared", "data", "village", "health", "open", "bridge", "learning", "public", "river",
        "service", "together", "Monday",
    ];
    let picked: Vec<_> = (0..count).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
    picked.join(" ")
}

/// A long text as one person wrote it over months, in the proportions of the literature's "B4"
/// trace (182,315 insertions, 77,463 deletions, one character each, mostly where the last one was):
/// a seeded likeness, not that trace. Returns its updates, as one device would send them that was
/// without a connection now and then.
#[must_use]
pub fn long_text(mut random: ChaCha8Rng) -> Vec<Vec<u8>> {
    const RUNS_AT_ONCE: u32 = 400;
    const INSERTIONS: u32 = 182_315;
    const DELETIONS: u32 = 77_463;
    let doc = document(u64::from(random.random_range(1..=u32::MAX)));
    let minutes = doc.get_or_insert_text("minutes");
    let (mut inserted, mut deleted, mut len, mut caret) = (0, 0, 0_u32, 0_u32);
    let mut updates = Vec::new();
    let (mut txn, mut runs) = (doc.transact_mut(), 0);
    while inserted < INSERTIONS || deleted < DELETIONS {
        runs += 1;
        if runs % RUNS_AT_ONCE == 0 {
            txn.commit();
            updates.push(txn.encode_update_v1());
            drop(txn);
            txn = doc.transact_mut();
        }
        if random.random_ratio(1, 3) {
            caret = random.random_range(0..=len);
        }
        let run = random.random_range(1..=20);
        if len > 40 && deleted < DELETIONS && random.random_ratio(DELETIONS, INSERTIONS + DELETIONS)
        {
            for _ in 0..run.min(caret).min(DELETIONS - deleted) {
                caret -= 1;
                minutes.remove_range(&mut txn, caret, 1);
                (len, deleted) = (len - 1, deleted + 1);
            }
        } else {
            for _ in 0..run.min(INSERTIONS - inserted) {
                let letter = char::from(b'a' + random.random_range(0..26));
                minutes.insert(&mut txn, caret, letter.encode_utf8(&mut [0; 4]));
                (len, caret, inserted) = (len + 1, caret + 1, inserted + 1);
            }
            if inserted == INSERTIONS && deleted < DELETIONS && caret == 0 {
                caret = len;
            }
        }
    }
    txn.commit();
    updates.push(txn.encode_update_v1());
    drop(txn);
    updates
}
