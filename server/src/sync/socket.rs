//! One connection: bytes in, bytes out, nothing decided. It limits size, pace and silence, and
//! writes what the room has put into its [`Outbox`]. What carries the bytes is a [`Line`]: a
//! WebSocket, or the requests of `fallback`.

use crate::clock::Clock;
use crate::sync::fanout::{Outbox, Sink};
use crate::sync::frame;
use crate::sync::room::{ConnectionId, Dialect, Member, Permission};
use crate::sync::rooms::{RoomEnded, RoomRef};
use bytes::Bytes;
use futures_util::FutureExt;
use sangam_shared::limits;
use sangam_shared::message::{Hello, close};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Whether a connection may stay, and what it may do; asked again whenever `changes` moves.
pub struct Standing {
    /// A version number of everything that `judge` looks at.
    pub changes: watch::Receiver<u64>,
    /// The permission, or the code to close with.
    pub judge: Box<dyn Fn() -> Result<Permission, u16> + Send + Sync>,
}

/// Everything that a socket needs.
pub struct Connection {
    /// Its id in the room.
    pub id: ConnectionId,
    /// The room that it reads and writes.
    pub room: RoomRef,
    /// Who it is.
    pub member: Member,
    /// Whether it may stay.
    pub standing: Standing,
    /// The greeting, for those who speak `sangam.1`.
    pub hello: Hello,
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the server begins to drain.
    pub draining: CancellationToken,
    /// Where in the drain this connection is closed, so that not all come back at once.
    pub drain_after: Duration,
}

/// Why the loop ended.
enum End {
    /// The peer closed, fell silent, or does not read.
    Gone,
    /// We close, with this code.
    Close(u16),
}

/// What carries frames to one peer and back.
pub trait Line: Send {
    /// Where whoever has a frame for this peer writes it at once; `None` where only [`Line::write`]
    /// can.
    fn sink(&self) -> Option<Arc<dyn Sink>> {
        None
    }

    /// The next thing that the peer does. Dropping the future loses nothing.
    fn hear(&mut self) -> impl Future<Output = Heard> + Send;

    /// Writes all of it, in order, behind what [`Line::sink`] has not written yet; errs where the
    /// peer has gone, or does not take it in time.
    fn write(&mut self, frames: Vec<Bytes>) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Says that we are alive, so that neither the peer nor a proxy gives up.
    fn keep_alive(&mut self) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Says why it is over, and ends.
    fn close(&mut self, code: u16) -> impl Future<Output = ()> + Send;
}

/// What a peer does.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// It sent a frame.
    Frame(Bytes),
    /// It showed that it is there.
    Alive,
    /// It sent what is not a frame.
    Malformed,
    /// It has gone.
    Gone,
}

/// The peer has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer has gone")]
pub struct Gone;

/// Serves one peer until it ends.
pub async fn serve(line: impl Line, connection: Connection) {
    let outbox = Arc::new(Outbox::new(line.sink()));
    let Connection { id, room, member, standing, hello, clock, draining, drain_after } = connection;
    if member.dialect == Dialect::Sangam {
        outbox.send(frame::hello(&hello));
    }
    let (dialect, permission) = (member.dialect, member.permission);
    if room.connect(id, member, Arc::clone(&outbox)).await.is_err() {
        return;
    }
    let standing = Held { standing, permission, room: &room, id };
    let mut wire = Wire { line, outbox: &outbox, held: standing };
    let Err(end) = wire.run(dialect, clock.as_ref(), &draining, drain_after).await;
    // A close is the last frame: the room must write nothing behind it.
    outbox.shut();
    if let End::Close(code) = end {
        wire.line.close(code).await;
    }
    // The room may have ended already; then it has forgotten us anyway.
    if room.disconnect(id).await.is_err() {
        tracing::debug!(id = id.0, "the room ended before its reader");
    }
}

struct Wire<'a, L> {
    line: L,
    outbox: &'a Outbox,
    held: Held<'a>,
}

/// A right, as long as it is held.
struct Held<'a> {
    standing: Standing,
    /// What the room has been told.
    permission: Permission,
    room: &'a RoomRef,
    id: ConnectionId,
}

impl Held<'_> {
    /// Returns when something has changed and the right is still there; errs when it has ended.
    async fn changed(&mut self) -> Result<(), End> {
        self.standing.changes.changed().await.map_err(|_| End::Close(close::UNAUTHORIZED))?;
        self.judge().await
    }

    /// Asks again what this connection may do, and tells the room.
    async fn judge(&mut self) -> Result<(), End> {
        let now = (self.standing.judge)().map_err(End::Close)?;
        if now != self.permission {
            self.permission = now;
            self.room.set_permission(self.id, now).await.map_err(room_ended)?;
        }
        Ok(())
    }
}

impl<L: Line> Wire<'_, L> {
    /// Every branch has its turn: a busy room must not keep a socket from being read, a flood of
    /// input must not keep it from being written, and neither may delay the end of a right.
    async fn run(
        &mut self,
        dialect: Dialect,
        clock: &dyn Clock,
        draining: &CancellationToken,
        drain_after: Duration,
    ) -> Result<Infallible, End> {
        // Something may have changed since the upgrade was judged.
        self.held.judge().await?;
        let mut pace = Pace::new(clock.now_ms());
        let beat = Duration::from_millis(limits::KEEPALIVE_INTERVAL_MS);
        let mut last_heard = Instant::now();
        // These wait across turns of the loop: registering them anew at every frame would cost
        // more than the frame.
        let mut moved = pin!(next_change(self.held.standing.changes.clone()));
        let mut drained = pin!(draining.cancelled());
        let mut alarm = pin!(tokio::time::sleep_until(Instant::now() + beat));
        let mut leaving = false;
        loop {
            tokio::select! {
                () = self.outbox.ready() => self.write_out().await?,
                (changes, alive) = &mut moved => {
                    moved.set(next_change(changes));
                    if !alive {
                        return Err(End::Close(close::UNAUTHORIZED));
                    }
                    self.held.judge().await?;
                }
                heard = self.line.hear() => {
                    last_heard = Instant::now();
                    match heard {
                        Heard::Frame(bytes) => {
                            let wait_ms = pace.charge(clock.now_ms());
                            if wait_ms > 0 {
                                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                            }
                            self.held.room.frame(self.held.id, bytes).await.map_err(room_ended)?;
                        }
                        Heard::Alive => {}
                        Heard::Malformed => return Err(End::Close(close::MALFORMED)),
                        Heard::Gone => return Err(End::Gone),
                    }
                }
                () = &mut drained, if !leaving => {
                    leaving = true;
                    alarm.as_mut().reset(Instant::now() + drain_after);
                    if dialect == Dialect::Sangam {
                        self.outbox.send(frame::draining(limits::DRAIN_MS));
                    }
                }
                () = &mut alarm => {
                    if leaving {
                        return Err(End::Close(SERVICE_RESTART));
                    }
                    alarm.as_mut().reset(Instant::now() + beat);
                    if last_heard.elapsed() > Duration::from_millis(limits::PEER_SILENCE_MS_MAX) {
                        return Err(End::Gone);
                    }
                    // A session may have expired, which nothing announces.
                    self.held.judge().await?;
                    while_held(&mut self.held, self.line.keep_alive()).await?;
                }
            }
        }
    }

    async fn write_out(&mut self) -> Result<(), End> {
        let mut frames = Vec::new();
        let close = self.outbox.take(self.held.id, self.held.room.fanout(), &mut frames);
        while_held(&mut self.held, self.line.write(frames)).await?;
        if let Some(code) = close {
            return Err(End::Close(code));
        }
        self.outbox.taken();
        Ok(())
    }
}

/// Goes on writing as long as the right is held.
async fn while_held(
    held: &mut Held<'_>,
    write: impl Future<Output = Result<(), Gone>> + Send,
) -> Result<(), End> {
    let mut writing = pin!(write);
    // Nearly always the kernel takes it at once; only a reader who lags costs more.
    if let Some(written) = writing.as_mut().now_or_never() {
        return written.map_err(|Gone| End::Gone);
    }
    loop {
        tokio::select! {
            written = &mut writing => return written.map_err(|Gone| End::Gone),
            changed = held.changed() => changed?,
        }
    }
}

/// Waits for a change with a receiver of its own; false where there will be none any more.
async fn next_change(mut changes: watch::Receiver<u64>) -> (watch::Receiver<u64>, bool) {
    let alive = changes.changed().await.is_ok();
    (changes, alive)
}

fn room_ended(_: RoomEnded) -> End {
    End::Close(close::RESYNC)
}

/// How long one frame of so many bytes may take to be taken.
pub(super) fn patience(bytes: usize) -> Duration {
    Duration::from_millis(limits::WRITE_TIMEOUT_MS)
        + Duration::from_secs((bytes / limits::WRITE_BYTES_PER_SECOND_MIN) as u64)
}

/// "Service restart", RFC 6455's registry: come back soon.
const SERVICE_RESTART: u16 = 1012;

/// A token bucket: a burst, then a sustained rate. Who is too fast is slowed down, not cut off.
struct Pace {
    /// Thousandths of a message that may be sent at once.
    tokens: u64,
    at_ms: u64,
}

impl Pace {
    const FULL: u64 = limits::MESSAGES_BURST_MAX as u64 * 1_000;

    fn new(now_ms: u64) -> Self {
        Self { tokens: Self::FULL, at_ms: now_ms }
    }

    /// Takes one message; returns the milliseconds to wait before it is handed on.
    fn charge(&mut self, now_ms: u64) -> u64 {
        let rate = u64::from(limits::MESSAGES_PER_SECOND_MAX);
        let earned = now_ms.saturating_sub(self.at_ms).saturating_mul(rate);
        self.at_ms = now_ms;
        self.tokens = self.tokens.saturating_add(earned).min(Self::FULL);
        if let Some(left) = self.tokens.checked_sub(1_000) {
            self.tokens = left;
            return 0;
        }
        let missing = 1_000 - self.tokens;
        self.tokens = 0;
        self.at_ms = now_ms + missing.div_ceil(rate);
        missing.div_ceil(rate)
    }
}

#[cfg(test)]
mod tests;
