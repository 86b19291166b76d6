//! Where `WebSocket` is blocked: the same frames, down as Server-Sent Events and up by POST.
//! ADR 6 says why, `docs/PROTOCOL.md` how. To a room it is a connection as any other: it is
//! served by `socket`, with the same limits, the same acknowledgements and the same join barrier.

use crate::sync::presence;
use crate::sync::socket::{Gone, Heard, Line, patience};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dashmap::DashMap;
use futures_util::Stream;
use futures_util::stream::unfold;
use sangam_shared::limits;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// The open lines, by the hash of the secret that names each to its own peer alone.
#[derive(Default)]
pub struct Lines {
    open: Arc<DashMap<String, Arc<Ends>>>,
}

/// The two ends of one line that requests come to.
pub struct Ends {
    /// What must be the same at every request: who it is, and for which document.
    owner: String,
    up: Mutex<Up>,
    down: Arc<Mutex<Down>>,
}

struct Up {
    frames: mpsc::Sender<Heard>,
    /// The number of the request that must come next.
    next: u64,
}

struct Down {
    /// Batches of events; taken away for good by a stream.
    events: Option<mpsc::Receiver<Bytes>>,
    /// How many batches were handed out, one an answer.
    given: u64,
    /// The last of them, for an answer that was lost.
    last: Bytes,
}

/// Why a request was not taken. Each ends the line: the peer connects afresh and resyncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such line, or it is over, or it is somebody else's.
    #[error("there is no such line")]
    Unknown,
    /// A request was lost, came twice, or came beside another.
    #[error("requests came out of order")]
    OutOfOrder,
    /// The body is not a list of frames, or one of them is too long.
    #[error("the body is not a list of frames")]
    Malformed,
}

impl Lines {
    /// Opens a line. `key` is the hash of its secret, `owner` names whoever asked.
    #[must_use]
    pub fn open(&self, key: String, owner: String) -> EventLine {
        // One batch waits at most: what is not read stays in the room's log, as for a WebSocket.
        let (down, events) = mpsc::channel(1);
        let (frames, up) = mpsc::channel(1);
        let ends = Ends {
            owner,
            up: Mutex::new(Up { frames, next: 0 }),
            down: Arc::new(Mutex::new(Down { events: Some(events), given: 0, last: Bytes::new() })),
        };
        self.open.insert(key.clone(), Arc::new(ends));
        EventLine { up, down, listed: Listed { open: Arc::clone(&self.open), key } }
    }

    /// Finds the line of somebody.
    ///
    /// # Errors
    /// [`Refused::Unknown`], also where it is not theirs.
    pub fn find(&self, key: &str, owner: &str) -> Result<Arc<Ends>, Refused> {
        let ends = self.open.get(key).map(|ends| Arc::clone(&ends)).ok_or(Refused::Unknown)?;
        if ends.owner == owner { Ok(ends) } else { Err(Refused::Unknown) }
    }

    /// Ends a line; whoever serves it sees that its peer has gone.
    pub fn drop_line(&self, key: &str) {
        self.open.remove(key);
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Ends {
    /// Hands a body's frames on; returns when all have been taken, so that a peer that is too fast
    /// waits. An empty body says no more than "I am here".
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn take(&self, number: u64, body: Bytes) -> Result<(), Refused> {
        let mut up = self.up.lock().await;
        if number != up.next {
            return Err(Refused::OutOfOrder);
        }
        up.next += 1;
        let frames = frames(&body)?;
        if frames.is_empty() {
            return up.frames.send(Heard::Alive).await.map_err(|_| Refused::Unknown);
        }
        for frame in frames {
            up.frames.send(Heard::Frame(frame)).await.map_err(|_| Refused::Unknown)?;
        }
        Ok(())
    }

    /// Everything from now on, as one endless answer. Only once: the line ends with it.
    ///
    /// # Errors
    /// [`Refused::OutOfOrder`] where somebody reads already.
    pub async fn stream(
        &self,
    ) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + Send + use<>, Refused> {
        let events = self.down.lock().await.events.take().ok_or(Refused::OutOfOrder)?;
        Ok(unfold((Some(opening()), events), |(opening, mut events)| async move {
            let next = match opening {
                Some(opening) => opening,
                None => events.recv().await?,
            };
            Some((Ok(next), (None, events)))
        }))
    }

    /// The next batch alone, for peers behind a proxy that hands nothing on before an answer has
    /// ended. `after` is how many batches have arrived: the last one is given again where it was lost.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn next(&self, after: u64) -> Result<Bytes, Refused> {
        // An answer that nobody waits for any more ends with the next sign of life at the latest,
        // and what it took away is given again.
        let mut down = Arc::clone(&self.down).lock_owned().await;
        if after + 1 == down.given {
            return Ok(down.last.clone());
        }
        if after != down.given {
            return Err(Refused::OutOfOrder);
        }
        let events = down.events.as_mut().ok_or(Refused::OutOfOrder)?;
        let batch = events.recv().await.ok_or(Refused::Unknown)?;
        down.last = batch.clone();
        down.given += 1;
        Ok(batch)
    }
}

/// The end that `socket` serves.
pub struct EventLine {
    up: mpsc::Receiver<Heard>,
    down: mpsc::Sender<Bytes>,
    listed: Listed,
}

/// Takes a line off the list when it is no longer served.
struct Listed {
    open: Arc<DashMap<String, Arc<Ends>>>,
    key: String,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.open.remove(&self.key);
    }
}

impl Line for EventLine {
    async fn hear(&mut self) -> Heard {
        tokio::select! {
            heard = self.up.recv() => heard.unwrap_or(Heard::Gone),
            () = self.down.closed() => Heard::Gone,
        }
    }

    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), Gone> {
        if frames.is_empty() {
            return Ok(());
        }
        let len: usize = frames.iter().map(|frame| frame.len() * 4 / 3 + 16).sum();
        let mut text = String::with_capacity(len);
        for frame in frames {
            text.push_str("data: ");
            STANDARD.encode_string(&frame, &mut text);
            text.push_str("\n\n");
        }
        let sent = tokio::time::timeout(patience(len), self.down.send(text.into()));
        sent.await.map_err(|_| Gone)?.map_err(|_| Gone)
    }

    async fn keep_alive(&mut self) -> Result<(), Gone> {
        self.write(vec![presence::keepalive()]).await
    }

    async fn close(&mut self, code: u16) {
        let farewell = Bytes::from(format!("event: close\ndata: {code}\n\n"));
        let limit = std::time::Duration::from_millis(limits::CLOSE_TIMEOUT_MS);
        let said = tokio::time::timeout(limit, async {
            if self.down.send(farewell).await.is_ok() {
                // Stay on the list until it was read: a peer that asks again must find it.
                self.down.reserve().await.map(drop).ok();
            }
        });
        if said.await.is_err() {
            tracing::debug!(line = %self.listed.key, code, "the peer did not read our close");
        }
    }
}

/// Blanks that make a proxy let go of what it holds back.
fn opening() -> Bytes {
    Bytes::from(format!(":{}\n\n", " ".repeat(limits::FALLBACK_PADDING_BYTES)))
}

/// A body is a list of frames, each after its length as a lib0 variable-length number.
fn frames(body: &Bytes) -> Result<Vec<Bytes>, Refused> {
    let mut frames = Vec::new();
    let mut rest = &body[..];
    while !rest.is_empty() {
        let frame = crate::sync::frame::buffer(&mut rest).map_err(|_| Refused::Malformed)?;
        if frame.len() > limits::MESSAGE_BYTES_MAX {
            return Err(Refused::Malformed);
        }
        frames.push(body.slice_ref(frame));
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    fn body(frames: &[&[u8]]) -> Bytes {
        let mut body = Vec::new();
        for frame in frames {
            body.push(u8::try_from(frame.len()).unwrap());
            body.extend_from_slice(frame);
        }
        body.into()
    }

    fn line() -> (Lines, EventLine, Arc<Ends>) {
        let lines = Lines::default();
        let line = lines.open("key".to_owned(), "asha".to_owned());
        let ends = lines.find("key", "asha").unwrap();
        (lines, line, ends)
    }

    #[tokio::test]
    async fn a_line_is_its_owners_alone() {
        let (lines, line, _) = line();
        assert_eq!(lines.find("key", "bruno").err(), Some(Refused::Unknown));
        assert_eq!(lines.find("other", "asha").err(), Some(Refused::Unknown));
        drop(line);
        assert!(lines.is_empty());
    }

    #[tokio::test]
    async fn frames_go_up_in_the_order_of_their_requests() {
        let (_lines, mut line, ends) = line();
        let sender = Arc::clone(&ends);
        let sent = tokio::spawn(async move {
            sender.take(0, body(&[&[1], &[2, 2]])).await?;
            sender.take(1, Bytes::new()).await
        });
        assert_eq!(line.hear().await, Heard::Frame(Bytes::from_static(&[1])));
        assert_eq!(line.hear().await, Heard::Frame(Bytes::from_static(&[2, 2])));
        assert_eq!(line.hear().await, Heard::Alive);
        assert_eq!(sent.await.unwrap(), Ok(()));
        assert_eq!(ends.take(1, body(&[&[1]])).await, Err(Refused::OutOfOrder));
        assert_eq!(ends.take(3, body(&[&[1]])).await, Err(Refused::OutOfOrder));
        assert_eq!(ends.take(2, Bytes::from_static(&[9, 1])).await, Err(Refused::Malformed));
    }

    #[tokio::test]
    async fn a_stream_begins_with_blanks_and_ends_the_line_when_it_is_dropped() {
        let (_lines, mut line, ends) = line();
        let mut stream = Box::pin(ends.stream().await.unwrap());
        assert!(ends.stream().await.is_err(), "two readers would share the frames");
        let Some(Ok(blanks)) = stream.next().await else { panic!("the stream is empty") };
        assert!(blanks.starts_with(b": ") && blanks.len() > limits::FALLBACK_PADDING_BYTES);
        line.write(vec![Bytes::from_static(&[1, 2]), Bytes::from_static(&[3])]).await.unwrap();
        assert_eq!(
            stream.next().await,
            Some(Ok(Bytes::from_static(b"data: AQI=\n\ndata: Aw==\n\n")))
        );
        drop(stream);
        assert_eq!(line.hear().await, Heard::Gone);
    }

    #[tokio::test]
    async fn an_answer_that_was_lost_is_given_again() {
        let (_lines, mut line, ends) = line();
        line.write(vec![Bytes::from_static(&[1])]).await.unwrap();
        let first = ends.next(0).await.unwrap();
        assert_eq!(ends.next(0).await, Ok(first));
        line.write(vec![Bytes::from_static(&[2])]).await.unwrap();
        assert_eq!(ends.next(1).await, Ok(Bytes::from_static(b"data: Ag==\n\n")));
        assert_eq!(ends.next(5).await, Err(Refused::OutOfOrder));
    }
}
