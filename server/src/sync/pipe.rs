//! The way out of one WebSocket. Whoever has a frame writes it at once, from whatever task: the room
//! to its readers, a connection for itself alone. So a broadcast costs a reader one system call, and
//! no turn of its task. What the kernel does not take waits here, in order, shared with everybody
//! else who waits for the same bytes.

use super::fanout::{Flow, Scratch, Sink};
use super::socket::Gone;
use bytes::{Buf, Bytes};
use sangam_shared::limits;
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout_at};

/// A socket, and what it has not taken yet.
#[derive(Debug)]
pub struct Pipe {
    stream: OwnedWriteHalf,
    unsent: Mutex<Unsent>,
}

#[derive(Debug, Default)]
struct Unsent {
    parts: VecDeque<Bytes>,
    /// Bytes that the kernel has ever taken.
    taken: u64,
    /// Bytes of tungstenite's own among those that wait: answers to pings, and what ends a socket.
    answers: usize,
}

impl Pipe {
    /// A socket's way out, and both of its ways for tungstenite.
    #[must_use]
    pub fn new(stream: TcpStream) -> (Arc<Self>, Half) {
        let (read, write) = stream.into_split();
        let pipe = Arc::new(Self { stream: write, unsent: Mutex::default() });
        let half = Half { read, pipe: Arc::clone(&pipe) };
        (pipe, half)
    }

    /// Waits until the kernel has taken everything. A peer that takes less than
    /// [`limits::WRITE_BYTES_PER_SECOND_MIN`] has gone; one that takes a large board slowly has not.
    ///
    /// # Errors
    /// [`Gone`]
    pub async fn drained(&self) -> Result<(), Gone> {
        self.drained_within(Duration::from_millis(limits::WRITE_TIMEOUT_MS)).await
    }

    async fn drained_within(&self, patience: Duration) -> Result<(), Gone> {
        let begun = Instant::now();
        let before = self.lock().taken;
        loop {
            match self.drain(&mut self.lock()) {
                Flow::Free => return Ok(()),
                Flow::Gone => return Err(Gone),
                Flow::Full => {}
            }
            let rate = limits::WRITE_BYTES_PER_SECOND_MIN as u64;
            let earned = Duration::from_secs((self.lock().taken - before) / rate);
            match timeout_at(begun + patience + earned, self.stream.writable()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(Gone),
            }
        }
    }

    /// Writes what is a frame, or several, already: all of it, now or later.
    fn write_framed(&self, bytes: &[u8]) -> Flow {
        let mut unsent = self.lock();
        let mut rest = bytes;
        if unsent.parts.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(taken) => {
                    unsent.taken += taken as u64;
                    rest = &bytes[taken..];
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Flow::Gone,
            }
            if rest.is_empty() {
                return Flow::Free;
            }
        }
        unsent.parts.push_back(Bytes::copy_from_slice(rest));
        Flow::Full
    }

    /// What a peer asks for and does not take has an end: it may ask as fast as it likes.
    fn answer(&self, bytes: &[u8]) -> Flow {
        let flow = self.write_framed(bytes);
        if flow == Flow::Full {
            let mut unsent = self.lock();
            unsent.answers += bytes.len();
            if unsent.answers > limits::UNSENT_ANSWERS_BYTES_MAX {
                return Flow::Gone;
            }
        }
        flow
    }

    fn drain(&self, unsent: &mut Unsent) -> Flow {
        const PARTS_AT_ONCE: usize = 32;
        while !unsent.parts.is_empty() {
            let mut slices = [IoSlice::new(&[]); PARTS_AT_ONCE];
            for (slice, part) in slices.iter_mut().zip(&unsent.parts) {
                *slice = IoSlice::new(part);
            }
            let count = unsent.parts.len().min(PARTS_AT_ONCE);
            match self.stream.try_write_vectored(&slices[..count]) {
                Ok(taken) => unsent.forget(taken),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Flow::Full,
                Err(_) => return Flow::Gone,
            }
        }
        Flow::Free
    }

    fn lock(&self) -> MutexGuard<'_, Unsent> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsent {
    fn forget(&mut self, mut taken: usize) {
        self.taken += taken as u64;
        while let Some(first) = self.parts.front_mut()
            && taken > 0
        {
            let part = taken.min(first.len());
            first.advance(part);
            taken -= part;
            if first.is_empty() {
                self.parts.pop_front();
            }
        }
        if self.parts.is_empty() {
            self.answers = 0;
        }
    }
}

impl Sink for Pipe {
    fn write(&self, scratch: &mut Scratch) -> Flow {
        let Scratch { frames, bytes } = scratch;
        let len: usize = frames.iter().map(Bytes::len).sum();
        if len <= limits::WRITE_BUFFER_BYTES {
            // A small copy costs less than a list of pieces.
            bytes.clear();
            for frame in frames.drain(..) {
                let (head, head_len) = header(frame.len());
                bytes.extend_from_slice(&head[..head_len]);
                bytes.extend_from_slice(&frame);
            }
            return self.write_framed(bytes);
        }
        let mut unsent = self.lock();
        let free = unsent.parts.is_empty();
        for frame in frames.drain(..) {
            let (head, head_len) = header(frame.len());
            unsent.parts.push_back(Bytes::copy_from_slice(&head[..head_len]));
            unsent.parts.push_back(frame);
        }
        if free { self.drain(&mut unsent) } else { Flow::Full }
    }
}

/// What stands before a binary message that a server sends: RFC 6455, section 5.2.
fn header(len: usize) -> ([u8; 10], usize) {
    const FINAL_BINARY: u8 = 0x82;
    let mut head = [0; 10];
    head[0] = FINAL_BINARY;
    let bytes = (len as u64).to_be_bytes();
    match len {
        0..126 => {
            head[1] = bytes[7];
            (head, 2)
        }
        126..0x1_0000 => {
            head[1] = 126;
            head[2..4].copy_from_slice(&bytes[6..]);
            (head, 4)
        }
        _ => {
            head[1] = 127;
            head[2..].copy_from_slice(&bytes);
            (head, 10)
        }
    }
}

/// The socket as tungstenite sees it, which reads, and answers pings and closes: each of its writes
/// holds whole frames and is taken whole, so that it never stands inside somebody else's frame.
#[derive(Debug)]
pub struct Half {
    read: OwnedReadHalf,
    pipe: Arc<Pipe>,
}

impl AsyncRead for Half {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.read).poll_read(context, into)
    }
}

impl AsyncWrite for Half {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(match self.pipe.answer(bytes) {
            Flow::Free | Flow::Full => Ok(bytes.len()),
            Flow::Gone => Err(ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // Dropping the socket ends it.
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
