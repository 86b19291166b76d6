//! One WebSocket message of the y-protocols: its envelope is read and written here, by hand,
//! because the payload must reach the guard as it came. One message stands in one frame.

use bytes::{BufMut, Bytes, BytesMut};
use sangam_shared::message;
use serde::Serialize;

/// What a client may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// "This is my state vector; send what I lack."
    SyncStep1(&'a [u8]),
    /// "This is what you lack", in answer to our step 1.
    SyncStep2(&'a [u8]),
    /// "This is new."
    Update(&'a [u8]),
    /// Presence.
    Awareness(&'a [u8]),
    /// "Send me everybody's presence."
    QueryAwareness,
}

impl ClientMessage<'_> {
    /// Whether acknowledgements count this message.
    #[must_use]
    pub fn is_edit(&self) -> bool {
        matches!(self, Self::SyncStep2(_) | Self::Update(_))
    }
}

/// Why a frame is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end too early, a number is too long, or something follows the message.
    #[error("the frame is malformed")]
    Malformed,
    /// A message that only a server sends, or that nobody knows.
    #[error("message {0} is not for a client to send")]
    NotForClients(u64),
}

/// Reads a client's frame. Copies nothing and allocates nothing.
///
/// # Errors
/// [`FrameError`] where the frame is not exactly one message.
pub fn parse(frame: &[u8]) -> Result<ClientMessage<'_>, FrameError> {
    let mut rest = frame;
    let kind = varint(&mut rest)?;
    let parsed = match kind {
        0 => {
            let step = varint(&mut rest)?;
            let payload = buffer(&mut rest)?;
            match step {
                0 => ClientMessage::SyncStep1(payload),
                1 => ClientMessage::SyncStep2(payload),
                2 => ClientMessage::Update(payload),
                other => return Err(FrameError::NotForClients(other)),
            }
        }
        1 => ClientMessage::Awareness(buffer(&mut rest)?),
        3 => ClientMessage::QueryAwareness,
        other => return Err(FrameError::NotForClients(other)),
    };
    if rest.is_empty() { Ok(parsed) } else { Err(FrameError::Malformed) }
}

/// Whether a client's frame asks for an answer: sync step 1, or everybody's presence.
#[must_use]
pub fn asks(frame: &[u8]) -> bool {
    matches!(frame, [0, 0, ..] | [3])
}

/// Our state vector, which asks the client for what we lack.
#[must_use]
pub fn sync_step_1(state_vector: &[u8]) -> Bytes {
    sync(message::SYNC_STEP_1, state_vector)
}

/// What a client lacks.
#[must_use]
pub fn sync_step_2(update: &[u8]) -> Bytes {
    sync(message::SYNC_STEP_2, update)
}

/// What is new.
#[must_use]
pub fn update(update: &[u8]) -> Bytes {
    sync(message::SYNC_UPDATE, update)
}

/// Presence, encoded by `presence`.
#[must_use]
pub fn awareness(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 6);
    frame.put_u8(message::AWARENESS);
    put_buffer(&mut frame, payload);
    frame.freeze()
}

/// Tells a stock client that it may not write, and why.
#[must_use]
pub fn permission_denied(reason: &str) -> Bytes {
    let mut frame = BytesMut::with_capacity(reason.len() + 7);
    frame.put_u8(message::AUTH);
    frame.put_u8(0);
    put_buffer(&mut frame, reason.as_bytes());
    frame.freeze()
}

/// `sangam.1`: greets.
#[must_use]
pub fn hello(hello: &message::Hello) -> Bytes {
    json(message::HELLO, hello)
}

/// `sangam.1`: all edits of this connection up to the n-th are on disk, but for those refused.
#[must_use]
pub fn ack(n: u64) -> Bytes {
    number(message::ACK, n)
}

/// `sangam.1`: one edit was refused.
#[must_use]
pub fn refused(refusal: &message::Refusal) -> Bytes {
    json(message::REFUSED, refusal)
}

/// `sangam.1`: reconnect within so many milliseconds.
#[must_use]
pub fn draining(within_ms: u64) -> Bytes {
    number(message::DRAINING, within_ms)
}

fn sync(step: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 7);
    frame.put_u8(message::SYNC);
    frame.put_u8(step);
    put_buffer(&mut frame, payload);
    frame.freeze()
}

fn number(kind: u8, value: u64) -> Bytes {
    let mut frame = BytesMut::with_capacity(11);
    frame.put_u8(kind);
    put_varint(&mut frame, value);
    frame.freeze()
}

fn json(kind: u8, value: &impl Serialize) -> Bytes {
    let text = serde_json::to_vec(value).expect("our own messages are plain structs");
    let mut frame = BytesMut::with_capacity(text.len() + 6);
    frame.put_u8(kind);
    put_buffer(&mut frame, &text);
    frame.freeze()
}

fn put_buffer(out: &mut BytesMut, payload: &[u8]) {
    put_varint(out, payload.len() as u64);
    out.put_slice(payload);
}

/// Appends a lib0 variable-length unsigned integer: seven bits a byte, lowest first.
pub fn put_varint(out: &mut BytesMut, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.put_u8(low & 0x7f);
        }
        out.put_u8(low | 0x80);
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64, FrameError> {
    let mut value = 0_u64;
    for shift in (0..=49).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(FrameError::Malformed)?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(FrameError::Malformed)
}

/// Reads a length and so many bytes.
pub(super) fn buffer<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], FrameError> {
    let len = usize::try_from(varint(rest)?).map_err(|_| FrameError::Malformed)?;
    let (payload, tail) = rest.split_at_checked(len).ok_or(FrameError::Malformed)?;
    *rest = tail;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_reads_back() {
        let long = vec![7_u8; 300];
        assert_eq!(parse(&sync_step_1(&[0])), Ok(ClientMessage::SyncStep1(&[0])));
        assert_eq!(parse(&sync_step_2(&long)), Ok(ClientMessage::SyncStep2(&long)));
        assert_eq!(parse(&update(&[1, 2])), Ok(ClientMessage::Update(&[1, 2])));
        assert_eq!(parse(&awareness(&[0])), Ok(ClientMessage::Awareness(&[0])));
        assert_eq!(parse(&[3]), Ok(ClientMessage::QueryAwareness));
    }

    #[test]
    fn a_frame_is_one_whole_message() {
        for bad in [
            &[][..],
            &[0],
            &[0, 2],
            &[0, 2, 5, 1],
            &[0, 2, 1, 1, 9],
            &[3, 3],
            &[0x80; 12],
            &[0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert_eq!(parse(bad), Err(FrameError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_server_message_is_refused() {
        assert_eq!(parse(&ack(3)), Err(FrameError::NotForClients(121)));
        assert_eq!(parse(&[0, 3, 0]), Err(FrameError::NotForClients(3)));
        assert_eq!(parse(&permission_denied("no")), Err(FrameError::NotForClients(2)));
    }
}
