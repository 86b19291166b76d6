//! From one room to all of its readers: a shared log of recent frames, and per connection a cursor
//! into it. Lag costs one number; a reader that falls off the log's end is closed and resyncs.

use crate::sync::room::ConnectionId;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use sangam_shared::limits;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// The recent frames of one room. A `std` mutex: it is held for a push or a copy, never across an
/// await.
#[derive(Debug)]
pub struct Fanout {
    log: Mutex<Log>,
    frames_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Log {
    /// Position of the oldest entry that is still here.
    first: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    frame: Bytes,
    except: Option<ConnectionId>,
}

/// The reader's next frame has been dropped from the log.
#[derive(Debug, PartialEq, Eq)]
pub struct TooFarBehind;

impl Default for Fanout {
    fn default() -> Self {
        Self::bounded(limits::DELTA_LOG_LEN_MAX, limits::DELTA_LOG_BYTES_MAX)
    }
}

impl Fanout {
    /// A log that keeps so many frames, of so many bytes together (but always the newest).
    #[must_use]
    pub fn bounded(frames_max: usize, bytes_max: usize) -> Self {
        Self { log: Mutex::default(), frames_max, bytes_max }
    }

    /// Adds a frame for everybody but `except`. The caller wakes the readers.
    pub fn push(&self, frame: Bytes, except: Option<ConnectionId>) {
        let mut log = lock(&self.log);
        log.bytes += frame.len();
        log.entries.push_back(Entry { frame, except });
        while log.entries.len() > self.frames_max
            || (log.bytes > self.bytes_max && log.entries.len() > 1)
        {
            let Some(oldest) = log.entries.pop_front() else { break };
            log.bytes -= oldest.frame.len();
            log.first += 1;
        }
    }

    /// Drops every frame: something in them was erased. A reader that has not seen them resyncs.
    pub fn forget(&self) {
        let mut log = lock(&self.log);
        log.first += log.entries.len() as u64;
        log.entries.clear();
        log.bytes = 0;
    }

    /// Where the next frame will stand.
    #[must_use]
    pub fn head(&self) -> u64 {
        let log = lock(&self.log);
        log.first + log.entries.len() as u64
    }

    /// Copies what `reader` has not seen, and moves its cursor to the head.
    ///
    /// # Errors
    /// [`TooFarBehind`] where frames are missing.
    pub fn read(
        &self,
        cursor: &mut u64,
        reader: ConnectionId,
        into: &mut Vec<Bytes>,
    ) -> Result<(), TooFarBehind> {
        let log = lock(&self.log);
        let seen = cursor.checked_sub(log.first).ok_or(TooFarBehind)?;
        let seen = usize::try_from(seen).map_err(|_| TooFarBehind)?;
        let news = log.entries.iter().skip(seen).filter(|entry| entry.except != Some(reader));
        into.extend(news.map(|entry| entry.frame.clone()));
        *cursor = log.first + log.entries.len() as u64;
        Ok(())
    }
}

/// Where frames for one peer leave at once, whoever has them.
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Writes the scratch's frames, in order: all of them, now or when the peer takes them.
    fn write(&self, scratch: &mut Scratch) -> Flow;
}

/// Whether more may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Everything has been taken.
    Free,
    /// Something waits; the connection's own task sees to it.
    Full,
    /// The peer has gone.
    Gone,
}

/// Buffers that one writer after the other uses again.
#[derive(Debug, Default)]
pub struct Scratch {
    /// What is to be written.
    pub frames: Vec<Bytes>,
    /// The same, in one piece.
    pub bytes: Vec<u8>,
}

/// What is on its way to one connection: frames for it alone, its place in the room's log, and
/// whether it is to be closed. The room writes to its [`Sink`] where nothing waits; where something
/// does, the connection's own task is woken: one task, so a flag and one waker do for what would
/// otherwise be a list of waiters.
#[derive(Debug, Default)]
pub struct Outbox {
    sink: Option<Arc<dyn Sink>>,
    state: Mutex<Outgoing>,
    news: AtomicBool,
    reader: AtomicWaker,
}

#[derive(Debug, Default)]
struct Outgoing {
    frames: Vec<Bytes>,
    bytes: usize,
    cursor: Option<u64>,
    close: Option<u16>,
    /// The connection's own task is writing, and nobody else may.
    busy: bool,
}

impl Outgoing {
    /// What is to be written now. Where the reader is too far behind, it is to be closed.
    fn take(&mut self, me: ConnectionId, room: &Fanout, into: &mut Vec<Bytes>) {
        into.append(&mut self.frames);
        self.frames.shrink_to_fit();
        self.bytes = 0;
        if let Some(cursor) = &mut self.cursor
            && room.read(cursor, me, into) == Err(TooFarBehind)
        {
            self.close.get_or_insert(sangam_shared::message::close::RESYNC);
        }
    }
}

impl Outbox {
    /// Nothing is on its way. Without a sink the connection's own task writes everything.
    #[must_use]
    pub fn new(sink: Option<Arc<dyn Sink>>) -> Self {
        Self { sink, ..Self::default() }
    }

    /// Queues a frame for this connection alone, and wakes its task.
    pub fn send(&self, frame: Bytes) {
        self.queue(frame);
        self.nudge();
    }

    /// Queues a frame for this connection alone; [`Outbox::flush`] writes it.
    pub fn queue(&self, frame: Bytes) {
        let mut out = lock(&self.state);
        out.bytes += frame.len();
        if out.bytes > limits::OUTBOX_BYTES_MAX {
            out.frames.clear();
            out.close.get_or_insert(sangam_shared::message::close::RESYNC);
        } else {
            out.frames.push(frame);
        }
    }

    /// Writes what is queued and what is new in the room's log, unless the connection's own task is
    /// at it, or must be.
    pub fn flush(&self, me: ConnectionId, room: &Fanout, scratch: &mut Scratch) {
        let Some(sink) = &self.sink else { return self.nudge() };
        let mut out = lock(&self.state);
        if !out.busy && out.close.is_none() {
            scratch.frames.clear();
            out.take(me, room, &mut scratch.frames);
            out.busy = !scratch.frames.is_empty() && sink.write(scratch) != Flow::Free;
            if !out.busy && out.close.is_none() {
                return;
            }
        }
        drop(out);
        self.nudge();
    }

    /// Broadcasts from `cursor` on are for this connection too.
    pub fn join(&self, cursor: u64) {
        lock(&self.state).cursor = Some(cursor);
    }

    /// Closes the connection when what is queued has gone out.
    pub fn close(&self, code: u16) {
        lock(&self.state).close.get_or_insert(code);
        self.nudge();
    }

    /// There may be something new in the room's log.
    pub fn nudge(&self) {
        self.news.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Waits until there may be something to take.
    pub async fn ready(&self) {
        poll_fn(|context| {
            // The flag is looked at again after the waker stands, for who came in between.
            if !self.news.swap(false, Ordering::AcqRel) {
                self.reader.register(context.waker());
                if !self.news.swap(false, Ordering::AcqRel) {
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Takes what is to be written now, and the close code if that is the end. Until
    /// [`Outbox::taken`] nobody else writes.
    pub fn take(&self, me: ConnectionId, room: &Fanout, into: &mut Vec<Bytes>) -> Option<u16> {
        let mut out = lock(&self.state);
        out.busy = true;
        out.take(me, room, into);
        out.close
    }

    /// What was taken has been written.
    pub fn taken(&self) {
        lock(&self.state).busy = false;
    }

    /// Nobody may write any more.
    pub fn shut(&self) {
        lock(&self.state).busy = true;
    }
}

/// A panic while one of these short locks is held leaves plain data behind, still valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASHA: ConnectionId = ConnectionId(1);
    const BRUNO: ConnectionId = ConnectionId(2);

    fn frame(n: u8) -> Bytes {
        Bytes::copy_from_slice(&[n])
    }

    #[test]
    fn nothing_is_broadcast_before_the_join() {
        let (room, outbox) = (Fanout::default(), Outbox::default());
        room.push(frame(1), None);
        let mut got = Vec::new();
        assert_eq!(outbox.take(ASHA, &room, &mut got), None);
        assert!(got.is_empty());
        outbox.send(frame(9));
        outbox.join(room.head());
        room.push(frame(2), None);
        outbox.take(ASHA, &room, &mut got);
        assert_eq!(got, [frame(9), frame(2)]);
    }

    #[test]
    fn an_author_does_not_get_their_own_words_back() {
        let (room, outbox) = (Fanout::default(), Outbox::default());
        outbox.join(0);
        room.push(frame(1), Some(ASHA));
        room.push(frame(2), Some(BRUNO));
        let mut got = Vec::new();
        outbox.take(ASHA, &room, &mut got);
        assert_eq!(got, [frame(2)]);
    }

    #[test]
    fn a_reader_too_far_behind_is_closed_and_skips_nothing() {
        let (room, outbox) = (Fanout::default(), Outbox::default());
        outbox.join(0);
        for _ in 0..=limits::DELTA_LOG_LEN_MAX {
            room.push(frame(1), None);
        }
        let mut got = Vec::new();
        let code = outbox.take(ASHA, &room, &mut got);
        assert_eq!(code, Some(sangam_shared::message::close::RESYNC));
        assert!(got.is_empty());
    }

    #[test]
    fn the_log_is_bounded_in_bytes() {
        let room = Fanout::default();
        let big = Bytes::from(vec![0; limits::DELTA_LOG_BYTES_MAX / 2 + 1]);
        for _ in 0..4 {
            room.push(big.clone(), None);
        }
        assert_eq!(lock(&room.log).entries.len(), 1);
        assert_eq!(room.head(), 4);
    }
}
