//! One WebSocket: bytes in, bytes out, nothing decided. It limits size, pace and silence, and
//! writes what the room has put into its [`Outbox`].

use crate::clock::Clock;
use crate::sync::fanout::Outbox;
use crate::sync::frame;
use crate::sync::presence;
use crate::sync::room::{ConnectionId, Dialect, Member, Permission};
use crate::sync::rooms::{RoomEnded, RoomRef};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use sangam_shared::limits;
use sangam_shared::message::{Hello, close};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
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

/// Serves one socket until it ends.
pub async fn serve(socket: WebSocket, connection: Connection) {
    let outbox = Arc::new(Outbox::default());
    let Connection { id, room, member, standing, hello, clock, draining, drain_after } = connection;
    if member.dialect == Dialect::Sangam {
        outbox.send(frame::hello(&hello));
    }
    let dialect = member.dialect;
    if room.connect(id, member, Arc::clone(&outbox)).await.is_err() {
        return;
    }
    let mut wire = Wire { socket, id, room: &room, outbox: &outbox, last_sent: Instant::now() };
    let end = wire.run(dialect, standing, clock.as_ref(), &draining, drain_after).await;
    if let End::Close(code) = end {
        wire.close(code).await;
    }
    // The room may have ended already; then it has forgotten us anyway.
    if room.disconnect(id).await.is_err() {
        tracing::debug!(id = id.0, "the room ended before its reader");
    }
}

struct Wire<'a> {
    socket: WebSocket,
    id: ConnectionId,
    room: &'a RoomRef,
    outbox: &'a Outbox,
    last_sent: Instant,
}

impl Wire<'_> {
    async fn run(
        &mut self,
        dialect: Dialect,
        standing: Standing,
        clock: &dyn Clock,
        draining: &CancellationToken,
        drain_after: Duration,
    ) -> End {
        let mut pace = Pace::new(clock.now_ms());
        let mut last_heard = Instant::now();
        let Standing { changes, judge } = standing;
        let mut permission = match judge() {
            Ok(permission) => permission,
            Err(code) => return End::Close(code),
        };
        // These wait across turns of the loop: registering them anew at every frame would cost
        // more than the frame.
        let mut changed = pin!(next_change(changes));
        let mut drained = pin!(draining.cancelled());
        let mut alarm = pin!(tokio::time::sleep_until(self.alive_until()));
        let mut leaving = false;
        loop {
            tokio::select! {
                biased;
                () = self.outbox.ready() => {
                    if let Some(end) = self.write_out().await {
                        return end;
                    }
                }
                (receiver, alive) = &mut changed => {
                    changed.set(next_change(receiver));
                    match if alive { judge() } else { Err(close::UNAUTHORIZED) } {
                        Ok(now) if now == permission => {}
                        Ok(now) => {
                            permission = now;
                            if self.room.set_permission(self.id, now).await.is_err() {
                                return End::Close(close::RESYNC);
                            }
                        }
                        Err(code) => return End::Close(code),
                    }
                }
                () = &mut drained, if !leaving => {
                    leaving = true;
                    alarm.as_mut().reset(Instant::now() + drain_after);
                    if dialect == Dialect::Sangam {
                        self.outbox.send(frame::draining(limits::DRAIN_MS));
                    }
                }
                message = self.socket.next() => {
                    last_heard = Instant::now();
                    match message {
                        Some(Ok(Message::Binary(bytes))) => {
                            let wait_ms = pace.charge(clock.now_ms());
                            if wait_ms > 0 {
                                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                            }
                            match self.room.frame(self.id, bytes).await {
                                Ok(()) => {}
                                Err(RoomEnded) => return End::Close(close::RESYNC),
                            }
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Text(_))) => return End::Close(close::MALFORMED),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                    }
                }
                () = &mut alarm => {
                    if leaving {
                        return End::Close(SERVICE_RESTART);
                    }
                    if last_heard.elapsed() > Duration::from_millis(limits::PEER_SILENCE_MS_MAX) {
                        return End::Gone;
                    }
                    // What was sent since the alarm was set has put it off.
                    if self.alive_until() <= Instant::now() {
                        let alive = [
                            Message::Binary(presence::keepalive()),
                            Message::Ping(Bytes::new()),
                        ];
                        if self.write(alive).await.is_err() {
                            return End::Gone;
                        }
                    }
                    alarm.as_mut().reset(self.alive_until());
                }
            }
        }
    }

    /// When the peer must hear something again.
    fn alive_until(&self) -> Instant {
        self.last_sent + Duration::from_millis(limits::KEEPALIVE_INTERVAL_MS)
    }

    async fn write_out(&mut self) -> Option<End> {
        let mut frames = Vec::new();
        let close = self.outbox.take(self.id, self.room.fanout(), &mut frames);
        if !frames.is_empty() && self.write(frames.into_iter().map(Message::Binary)).await.is_err()
        {
            return Some(End::Gone);
        }
        close.map(End::Close)
    }

    /// Writes all of it, or gives the peer up.
    async fn write(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), ()> {
        self.last_sent = Instant::now();
        let socket = &mut self.socket;
        let mut writing = pin!(async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        });
        // Nearly always the kernel takes it at once; only a reader who lags costs a timer.
        let written = match writing.as_mut().now_or_never() {
            Some(written) => Ok(written),
            None => timeout(Duration::from_millis(limits::WRITE_TIMEOUT_MS), writing).await,
        };
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }

    async fn close(&mut self, code: u16) {
        let limit = Duration::from_millis(limits::CLOSE_TIMEOUT_MS);
        let farewell = Message::Close(Some(CloseFrame { code, reason: "".into() }));
        let socket = &mut self.socket;
        let closed = timeout(limit, async {
            if socket.send(farewell).await.is_ok() {
                // Read on until the peer has answered, so that the code is not lost to a reset.
                while let Some(Ok(_)) = socket.next().await {}
            }
        });
        if closed.await.is_err() {
            tracing::debug!(id = self.id.0, code, "the peer did not answer our close");
        }
    }
}

/// Waits for the next change; false where there will be none any more.
async fn next_change(mut changes: watch::Receiver<u64>) -> (watch::Receiver<u64>, bool) {
    let alive = changes.changed().await.is_ok();
    (changes, alive)
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
mod tests {
    use super::*;

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
}
