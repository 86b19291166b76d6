//! WebSocket frames and y-protocol envelopes as bytes, for a client that must cost far less than
//! the servers that it measures.

/// Appends a lib0 variable-length unsigned integer.
pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// Reads what [`varint`] wrote.
pub fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..=56).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Appends bytes and, before them, how many they are.
pub fn buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A sync message of the y-protocols.
#[must_use]
pub fn sync(step: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0, step];
    buffer(&mut out, payload);
    out
}

/// Opcode of a binary message.
pub const BINARY: u8 = 2;
/// Opcode of a close.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;

/// Appends a client's frame: final, and masked as RFC 6455 asks of clients.
///
/// # Panics
/// Never: each length fits the number that its range chose.
pub fn frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const MASK: [u8; 4] = [0x3a, 0x5c, 0x91, 0xe7];
    out.push(0x80 | opcode);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | u8::try_from(len).expect("below 126")),
        len @ 126..0x1_0000 => {
            out.push(0x80 | 0x7e);
            out.extend(u16::try_from(len).expect("two bytes").to_be_bytes());
        }
        len => {
            out.push(0x80 | 0x7f);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// The first frame of a server's bytes: its opcode, its payload, and how long it is with its head.
/// `None` where it is not all there yet.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (len, head): (usize, usize) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        len => (usize::from(len), 2),
    };
    let payload = bytes.get(head..head.checked_add(len)?)?;
    Some((first & 0x0f, payload, head + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_masked_and_its_length_is_spelt_in_three_ways() {
        for len in [0, 5, 125, 126, 300, 65_535, 65_536, 70_000] {
            let payload: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut framed = Vec::new();
            frame(&mut framed, BINARY, &payload);
            assert_eq!(framed[1] & 0x80, 0x80);
            let (opcode, masked, whole) = parse_masked(&framed);
            assert_eq!((opcode, whole), (BINARY, framed.len()));
            assert_eq!(masked, payload);
        }
    }

    /// As a server would.
    fn parse_masked(bytes: &[u8]) -> (u8, Vec<u8>, usize) {
        let (len, head) = match bytes[1] & 0x7f {
            126 => (usize::from(bytes[2]) << 8 | usize::from(bytes[3]), 4),
            127 => {
                (usize::try_from(u64::from_be_bytes(bytes[2..10].try_into().unwrap())).unwrap(), 10)
            }
            len => (usize::from(len), 2),
        };
        let mask = &bytes[head..head + 4];
        let payload = &bytes[head + 4..head + 4 + len];
        let plain = payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]).collect();
        (bytes[0] & 0x0f, plain, head + 4 + len)
    }

    #[test]
    fn half_a_frame_is_none() {
        assert!(parse(&[0x82]).is_none());
        assert!(parse(&[0x82, 2, 1]).is_none());
        assert_eq!(parse(&[0x82, 2, 1, 2, 9]), Some((BINARY, &[1, 2][..], 4)));
        assert!(parse(&[0x82, 126, 1]).is_none());
    }
}
