//! People in rooms: each says what a stock provider says, and it is noted when they hear what.

use crate::edits::Writer;
use crate::histogram::Histogram;
use crate::load::{Heard, Load};
use crate::scan;
use crate::server::Server;
use crate::wire;
use anyhow::{Context, Result, bail};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::time::{Duration, Instant};
use yrs::updates::decoder::Decode;
use yrs::{StateVector, Update};

/// How long anything may take that is not measured.
const PATIENCE: Duration = Duration::from_mins(1);
/// Our own protocol's acknowledgement, and Hocuspocus'.
const ACK: u64 = 121;
const SYNC_STATUS: u64 = 8;

/// Clients that speak the y-protocols.
pub struct Crowd<'s> {
    server: &'s Server,
    load: Load,
    people: Vec<Person>,
}

struct Person {
    room: usize,
    /// What stands before every message.
    prefix: Vec<u8>,
    /// Messages 0/1 and 0/2 that it has sent.
    offered: u64,
    joined: Option<Instant>,
}

/// What a message means to a client.
enum Meaning<'m> {
    Asks,
    State(&'m [u8]),
    News(&'m [u8]),
    /// So many of its edits have arrived; or one more, where nothing is counted.
    Acknowledged(Option<u64>),
    Other,
}

fn meaning(message: &[u8]) -> Option<Meaning<'_>> {
    let mut rest = message;
    let kind = wire::read_varint(&mut rest)?;
    Some(match kind {
        0 | 4 => {
            let step = wire::read_varint(&mut rest)?;
            let len = usize::try_from(wire::read_varint(&mut rest)?).ok()?;
            let payload = rest.get(..len)?;
            match step {
                0 => Meaning::Asks,
                1 => Meaning::State(payload),
                _ => Meaning::News(payload),
            }
        }
        ACK => Meaning::Acknowledged(wire::read_varint(&mut rest)),
        SYNC_STATUS => Meaning::Acknowledged(None),
        _ => Meaning::Other,
    })
}

impl<'s> Crowd<'s> {
    /// Nobody yet.
    ///
    /// # Errors
    /// Where the system has no poll.
    pub fn new(server: &'s Server) -> Result<Self> {
        Ok(Self { server, load: Load::new()?, people: Vec::new() })
    }

    /// Bytes that all have read so far.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.load.received_bytes
    }

    fn add(&mut self, room: usize) -> Result<()> {
        self.load.connect(self.server, room)?;
        let prefix = self.server.system.prefix(&self.server.room(room).name);
        self.people.push(Person { room, prefix, offered: 0, joined: None });
        Ok(())
    }

    /// Hears what there is, answers as a provider does, and hands on states, news and
    /// acknowledgements. Returns when the wait was over.
    fn pump(
        &mut self,
        wait: Duration,
        mut on: impl FnMut(usize, &Meaning<'_>, Instant) -> Result<()>,
    ) -> Result<Instant> {
        let (people, server) = (&mut self.people, self.server);
        let mut answers = Vec::new();
        let woken = self.load.pump(wait, |at, heard, now| {
            let person = &mut people[at];
            match heard {
                Heard::Open => {
                    let greeting = server.system.greeting(&server.room(person.room).name);
                    answers.extend(greeting.into_iter().map(|message| (at, message)));
                    if !server.system.has_state() {
                        person.joined = Some(now);
                    }
                }
                Heard::Message(message) => {
                    let own = message.get(person.prefix.len()..).unwrap_or_default();
                    let Some(meaning) = meaning(own) else { return Ok(()) };
                    if let Meaning::Asks = meaning {
                        let nothing = wire::sync(1, &[0, 0]);
                        answers.push((at, [&person.prefix[..], &nothing].concat()));
                        person.offered += 1;
                    }
                    if let Meaning::State(_) = meaning {
                        person.joined.get_or_insert(now);
                    }
                    on(at, &meaning, now)?;
                }
                Heard::Closed(code) => bail!("the server closed a connection: {code:?}"),
            }
            Ok(())
        })?;
        for (at, answer) in answers {
            self.load.send(at, &answer)?;
        }
        Ok(woken)
    }

    /// Lets so many people into each of the rooms, a few at once, and waits until all are in.
    ///
    /// # Errors
    /// Where somebody does not get in.
    pub fn gather(&mut self, rooms: std::ops::Range<usize>, people: usize) -> Result<()> {
        let begun = Instant::now();
        for room in rooms {
            for _ in 0..people {
                self.add(room)?;
                if self.people.len().is_multiple_of(50) {
                    self.until_joined(begun)?;
                }
            }
        }
        self.until_joined(begun)?;
        // What the server asks of joiners is answered too before anything is measured.
        let calm = Instant::now() + Duration::from_millis(300);
        while Instant::now() < calm {
            self.pump(Duration::from_millis(10), |_, _, _| Ok(()))?;
        }
        Ok(())
    }

    fn until_joined(&mut self, begun: Instant) -> Result<()> {
        while self.people.iter().any(|person| person.joined.is_none()) {
            self.pump(Duration::from_millis(10), |_, _, _| Ok(()))?;
            if begun.elapsed() > PATIENCE {
                bail!("not everybody got in");
            }
        }
        Ok(())
    }

    /// Writes updates as the first person, and waits until somebody new is given all of them. The
    /// author stays as long as what is returned.
    ///
    /// # Errors
    /// Where that does not happen.
    pub fn seed(server: &'s Server, room: usize, updates: &[Vec<u8>]) -> Result<Self> {
        let mut crowd = Crowd::new(server)?;
        crowd.gather(room..room + 1, 1)?;
        for update in updates {
            let message = [&crowd.people[0].prefix[..], &wire::sync(2, update)].concat();
            crowd.load.send(0, &message)?;
        }
        let wanted = updates.last().and_then(|last| scan::clocks(last));
        let wanted = wanted.context("an update that nobody here writes")?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let calm = Instant::now() + Duration::from_millis(100);
            while Instant::now() < calm {
                crowd.pump(Duration::from_millis(10), |_, _, _| Ok(()))?;
            }
            let there = Crowd::state(server, room)?.2;
            let has = |(client, clock): &(u64, u32)| {
                there.get(&yrs::block::ClientID::new(*client)) >= *clock
            };
            if wanted.iter().all(has) {
                return Ok(crowd);
            }
        }
        bail!("the board was not taken")
    }

    /// Joins once; returns how long it took, the state's size, and its state vector.
    ///
    /// # Errors
    /// Where no state comes.
    pub fn state(server: &'s Server, room: usize) -> Result<(Duration, usize, StateVector)> {
        let mut crowd = Crowd::new(server)?;
        let begun = Instant::now();
        crowd.add(room)?;
        let mut found = None;
        while found.is_none() && begun.elapsed() < PATIENCE {
            crowd.pump(Duration::from_millis(10), |_, meaning, now| {
                if let Meaning::State(state) = meaning {
                    let vector = Update::decode_v1(state)?.state_vector();
                    found = Some((now - begun, state.len(), vector));
                }
                Ok(())
            })?;
        }
        found.context("no state came")
    }

    /// So many people open a room, evenly spread over a second; returns how long after it was due
    /// each had the state, how long after the last was due all had it, and the state's size.
    ///
    /// # Errors
    /// Where somebody is given another state than the first.
    pub fn rush(&mut self, room: usize, people: usize) -> Result<(Histogram, Duration, usize)> {
        let begun = Instant::now();
        let due = |at: usize| {
            Duration::from_secs(1) * u32::try_from(at).unwrap_or(0)
                / u32::try_from(people).unwrap_or(1)
        };
        let mut waits = Histogram::default();
        let mut sample: Option<u64> = None;
        let (mut done, mut last, mut bytes) = (0, Duration::ZERO, 0);
        while done < people {
            while self.people.len() < people && due(self.people.len()) <= begun.elapsed() {
                self.add(room)?;
            }
            self.pump(Duration::ZERO, |at, meaning, now| {
                if let Meaning::State(state) = meaning {
                    let hash = hash(state);
                    if *sample.get_or_insert(hash) != hash {
                        bail!("two joiners were given two states");
                    }
                    let since = now - begun;
                    waits.record(micros(since.saturating_sub(due(at))));
                    (done, last, bytes) = (done + 1, last.max(since), state.len());
                }
                Ok(())
            })?;
            if begun.elapsed() > PATIENCE {
                bail!("{done} of {people} joined");
            }
        }
        Ok((waits, last.saturating_sub(due(people - 1)), bytes))
    }

    /// Everybody types, by a schedule that no server can slow down.
    ///
    /// # Errors
    /// Where the server ends a connection.
    pub fn type_along(&mut self, typing: &Typing) -> Result<Typed> {
        let mut random = ChaCha8Rng::seed_from_u64(typing.seed);
        let mut authors: Vec<Author> = Vec::new();
        let mut schedule = Vec::new();
        for (at, person) in self.people.iter().enumerate() {
            let mut author = Author::new(random.random());
            if typing.writers.is_none_or(|writers| at < writers) {
                author.prepare(typing, &person.prefix, &mut random);
            }
            schedule.extend(author.due_us.iter().enumerate().map(|(n, due)| (*due, at, n)));
            authors.push(author);
        }
        schedule.sort_unstable();
        let mut tally = Tally::new(&self.people, authors, typing.warm_up_us);
        let acknowledges = self.server.system.acknowledges();
        let edits = schedule.len() as u64;
        let received_before = self.load.received_bytes;
        let cpu_before = self.server.cpu_s()?;
        let offered: Vec<u64> = self.people.iter().map(|person| person.offered).collect();
        tally.begun = Instant::now();
        let mut next = 0;
        let (mut sending, mut turns) = (Histogram::default(), Histogram::default());
        let own_before = own_cpu_s()?;
        let end_us = schedule.last().map_or(0, |(due, ..)| *due);
        let cpu_after = loop {
            let now_us = micros(tally.begun.elapsed());
            while let Some((due, at, n)) = schedule.get(next)
                && *due <= now_us
            {
                self.load.send_framed(*at, &tally.authors[*at].frames[*n])?;
                let sent_us = micros(tally.begun.elapsed());
                if *due >= typing.warm_up_us {
                    sending.record(sent_us - due);
                }
                tally.authors[*at].due_us[*n] = sent_us;
                next += 1;
            }
            let done = next == schedule.len()
                && tally.delivered == tally.expected
                && (!acknowledges || tally.acknowledged == edits);
            if done || now_us > end_us + typing.drain_us {
                break self.server.cpu_s()?;
            }
            // A poll counts in milliseconds: near the next edit it does not wait at all.
            let until = schedule.get(next).map_or(5_000, |(due, ..)| due.saturating_sub(now_us));
            let wait = Duration::from_millis((until / 1_000).saturating_sub(1).min(5));
            let heard_before = tally.delivered;
            let woken = self.pump(wait, |at, meaning, now| match meaning {
                Meaning::News(update) | Meaning::State(update) => tally.hear(at, update, now),
                Meaning::Acknowledged(n) => {
                    tally.acknowledge(at, n.map(|n| n.saturating_sub(offered[at])), now);
                    Ok(())
                }
                _ => Ok(()),
            })?;
            // Whatever came in this turn waited for us no longer than the turn took.
            let turn_us = micros(woken.elapsed());
            turns.record_many(turn_us, tally.delivered - heard_before);
        };
        let seconds = tally.begun.elapsed().as_secs_f64();
        let own_cpu_s = own_cpu_s()? - own_before;
        let lost = tally.expected - tally.delivered;
        tally.count_lost();
        Ok(Typed {
            edits,
            delivered: tally.delivered,
            lost,
            unacknowledged: if acknowledges { edits - tally.acknowledged } else { 0 },
            seconds,
            cpu_s: cpu_after - cpu_before,
            received_bytes: self.load.received_bytes - received_before,
            messages: tally.messages,
            own_lag: sending,
            own_turn: turns,
            own_cpu_s,
            delivery: tally.delivery,
            ack: tally.ack,
            clocks: tally
                .authors
                .iter()
                .zip(&self.people)
                .filter_map(|(a, p)| Some((p.room, a.client, *a.ends.last()?)))
                .collect(),
        })
    }
}

/// Whether every room's state, as a newcomer gets it, holds everything that was written.
///
/// # Errors
/// Where it does not.
pub fn prove(server: &Server, clocks: &[(usize, u64, u32)]) -> Result<()> {
    let mut states: HashMap<usize, StateVector> = HashMap::new();
    for (room, client, clock) in clocks {
        if !states.contains_key(room) {
            states.insert(*room, Crowd::state(server, *room)?.2);
        }
        let has = states[room].get(&yrs::block::ClientID::new(*client));
        if has < *clock {
            bail!(
                "{}: of {client} in room {room}, {has} of {clock} are there",
                server.system.name()
            );
        }
    }
    Ok(())
}

/// How people type.
#[derive(Clone, Debug)]
pub struct Typing {
    /// Edits a second, of each.
    pub rate: f64,
    /// So many of the people write, and all read; everybody where nothing is said.
    pub writers: Option<usize>,
    /// For so long.
    pub seconds: f64,
    /// Whether the caret is shown with every edit.
    pub presence: bool,
    /// What is due before is not in the latencies.
    pub warm_up_us: u64,
    /// How long to wait, after the last edit, for what has not come.
    pub drain_us: u64,
    /// Of everything random.
    pub seed: u64,
}

/// What came of it.
pub struct Typed {
    /// Edits sent.
    pub edits: u64,
    /// Edits heard, by each other person of the room.
    pub delivered: u64,
    /// Deliveries that did not come in time.
    pub lost: u64,
    /// Edits without acknowledgement.
    pub unacknowledged: u64,
    /// From the first edit to the last thing heard.
    pub seconds: f64,
    /// The server's CPU.
    pub cpu_s: f64,
    /// What all clients read.
    pub received_bytes: u64,
    /// Messages with edits that all clients read.
    pub messages: u64,
    /// From when an edit was due to when the generator sent it.
    pub own_lag: Histogram,
    /// For how long, at most, what a server had sent waited for the generator to read it.
    pub own_turn: Histogram,
    /// The generator's CPU.
    pub own_cpu_s: f64,
    /// From when an edit was sent to when another has it.
    pub delivery: Histogram,
    /// From when an edit was sent to its acknowledgement.
    pub ack: Histogram,
    /// Room, client id and last clock of every author.
    pub clocks: Vec<(usize, u64, u32)>,
}

struct Author {
    client: u64,
    writer: Writer,
    /// When each edit is due; once it was sent, when that was. A server never makes it later, because
    /// what the kernel does not take waits beside the schedule: what lies between is the
    /// generator's own lag, and nobody is charged for it.
    due_us: Vec<u64>,
    /// The clock after each edit.
    ends: Vec<u32>,
    frames: Vec<Vec<u8>>,
    acknowledged: usize,
}

impl Author {
    fn new(seed: u64) -> Self {
        let writer = Writer::new(ChaCha8Rng::seed_from_u64(seed));
        let client = writer.client;
        let (due_us, ends, frames) = (Vec::new(), Vec::new(), Vec::new());
        Self { client, writer, due_us, ends, frames, acknowledged: 0 }
    }

    /// Writes everything beforehand. Edits come at random moments, as people's do.
    fn prepare(&mut self, typing: &Typing, prefix: &[u8], random: &mut ChaCha8Rng) {
        let mut at_s = 0.0;
        loop {
            let gap: f64 = random.random_range(f64::EPSILON..1.0);
            at_s -= gap.ln() / typing.rate;
            if at_s >= typing.seconds {
                return;
            }
            let (update, end) = self.writer.edit();
            let mut framed = Vec::with_capacity(prefix.len() + update.len() + 16);
            let message = [prefix, &wire::sync(2, &update)].concat();
            wire::frame(&mut framed, wire::BINARY, &message);
            if typing.presence {
                let message = [prefix, &self.writer.presence()].concat();
                wire::frame(&mut framed, wire::BINARY, &message);
            }
            self.due_us.push(micros(Duration::from_secs_f64(at_s)));
            self.ends.push(end);
            self.frames.push(framed);
        }
    }
}

/// Authors, and the clock after the last of their edits, in one update.
type Holds = Rc<[(usize, u32)]>;

/// Who has heard what.
struct Tally {
    begun: Instant,
    warm_up_us: u64,
    authors: Vec<Author>,
    rooms: Vec<usize>,
    by_client: HashMap<u64, usize>,
    /// Per reader and author of the same room, how many edits have come. Room by room, in order.
    heard: Vec<Vec<usize>>,
    first_of_room: Vec<usize>,
    /// What an update holds: many readers hear the same bytes.
    known: HashMap<u64, Holds, BuildHasherDefault<AsIs>>,
    delivery: Histogram,
    ack: Histogram,
    delivered: u64,
    expected: u64,
    acknowledged: u64,
    messages: u64,
}

impl Tally {
    fn new(people: &[Person], authors: Vec<Author>, warm_up_us: u64) -> Self {
        let rooms: Vec<usize> = people.iter().map(|person| person.room).collect();
        let size = |room| rooms.iter().filter(|other| **other == room).count();
        let mut sizes = HashMap::new();
        let mut first = HashMap::new();
        for (at, room) in rooms.iter().enumerate() {
            sizes.entry(*room).or_insert_with(|| size(*room));
            first.entry(*room).or_insert(at);
        }
        let expected = authors
            .iter()
            .zip(&rooms)
            .map(|(author, room)| author.ends.len() as u64 * (sizes[room] as u64 - 1))
            .sum();
        Self {
            begun: Instant::now(),
            warm_up_us,
            by_client: authors.iter().enumerate().map(|(at, a)| (a.client, at)).collect(),
            heard: rooms.iter().map(|room| vec![0; sizes[room]]).collect(),
            first_of_room: rooms.iter().map(|room| first[room]).collect(),
            rooms,
            authors,
            known: HashMap::default(),
            delivery: Histogram::default(),
            ack: Histogram::default(),
            delivered: 0,
            expected,
            acknowledged: 0,
            messages: 0,
        }
    }

    fn hear(&mut self, reader: usize, update: &[u8], now: Instant) -> Result<()> {
        self.messages += 1;
        let hash = hash(update);
        let holds = if let Some(holds) = self.known.get(&hash) {
            Rc::clone(holds)
        } else {
            if self.known.len() > 20_000 {
                self.known.clear();
            }
            let clocks = scan::clocks(update).context("an update that nobody here writes")?;
            let ours = clocks
                .into_iter()
                .filter_map(|(client, clock)| Some((*self.by_client.get(&client)?, clock)));
            let holds: Holds = ours.collect();
            self.known.insert(hash, Rc::clone(&holds));
            holds
        };
        let now_us = micros(now - self.begun);
        for (author, end) in holds.iter().filter(|(author, _)| *author != reader) {
            if self.rooms[*author] != self.rooms[reader] {
                bail!("a room heard another room");
            }
            let heard = &mut self.heard[reader][author - self.first_of_room[reader]];
            let author = &self.authors[*author];
            while author.ends.get(*heard).is_some_and(|known| known <= end) {
                let due = author.due_us[*heard];
                if due >= self.warm_up_us {
                    self.delivery.record(now_us.saturating_sub(due));
                }
                *heard += 1;
                self.delivered += 1;
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, at: usize, count: Option<u64>, now: Instant) {
        let now_us = micros(now - self.begun);
        let author = &mut self.authors[at];
        let upto = match count {
            Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
            None => author.acknowledged + 1,
        };
        while author.acknowledged < upto.min(author.due_us.len()) {
            let due = author.due_us[author.acknowledged];
            if due >= self.warm_up_us {
                self.ack.record(now_us.saturating_sub(due));
            }
            author.acknowledged += 1;
            self.acknowledged += 1;
        }
    }

    /// What has not come yet is at least as late as it is now.
    fn count_lost(&mut self) {
        let now_us = micros(self.begun.elapsed());
        for (reader, heard) in self.heard.iter().enumerate() {
            for (slot, heard) in heard.iter().enumerate() {
                let author = self.first_of_room[reader] + slot;
                if author == reader {
                    continue;
                }
                for due in &self.authors[author].due_us[*heard..] {
                    self.delivery.record(now_us.saturating_sub(*due));
                }
            }
        }
    }
}

/// Many readers hear the same bytes; what they mean is worked out once. Eight bytes a step, because
/// the generator must cost less than what it measures.
fn hash(bytes: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = bytes.len() as u64 ^ MIX;
    let mut add = |word: u64| state = (state.rotate_left(23) ^ word).wrapping_mul(MIX);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        add(u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    add(u64::from_le_bytes(last));
    state ^ (state >> 29)
}

/// A hash is its own hash.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are keys");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// CPU seconds of this process so far.
fn own_cpu_s() -> Result<f64> {
    crate::server::cpu_s("self")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
