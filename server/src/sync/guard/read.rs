//! lib0's encoding, read strictly: every length fits the bytes that are left, every number its
//! range, every text is UTF-8. Nothing is allocated for what was only declared.

use super::Reason;
use crate::store::ClientId;
use sangam_shared::limits;

/// 2^53 - 1: the largest integer that JavaScript counts exactly.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// A place in a client's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// A plain value, as far as the schema cares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    /// `null` or `undefined`.
    Empty,
    Bool(bool),
    Number(f64),
    Text(&'a str),
    /// An object, an array, bytes or a big integer.
    Other,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// What stands between this place and a later one.
    pub(super) fn until(&self, later: &Self) -> &'a [u8] {
        &self.rest[..self.rest.len().saturating_sub(later.rest.len())]
    }

    pub(super) fn end(&self) -> Result<(), Reason> {
        if self.rest.is_empty() { Ok(()) } else { Err(Reason::TrailingBytes) }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Reason> {
        let (byte, rest) = self.rest.split_first().ok_or(Reason::EndsEarly)?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Reason> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Reason::EndsEarly)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// An unsigned integer of at most 53 bits, in no more bytes than it needs.
    pub(super) fn varint(&mut self) -> Result<u64, Reason> {
        let mut value = 0_u64;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let padded = byte == 0 && shift > 0;
                return if value > SAFE_INTEGER_MAX || padded {
                    Err(Reason::Number)
                } else {
                    Ok(value)
                };
            }
        }
        Err(Reason::Number)
    }

    /// A count of things that take at least `bytes_each`.
    pub(super) fn count(&mut self, bytes_each: usize) -> Result<usize, Reason> {
        let count = usize::try_from(self.varint()?).map_err(|_| Reason::Number)?;
        if count > self.left() / bytes_each { Err(Reason::EndsEarly) } else { Ok(count) }
    }

    pub(super) fn client(&mut self) -> Result<ClientId, Reason> {
        self.varint()
    }

    pub(super) fn clock(&mut self) -> Result<u32, Reason> {
        let clock = self.varint()?;
        if clock > limits::CLOCK_MAX {
            return Err(Reason::Number);
        }
        u32::try_from(clock).map_err(|_| Reason::Number)
    }

    pub(super) fn buffer(&mut self) -> Result<&'a [u8], Reason> {
        let len = self.count(1)?;
        self.bytes(len)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Reason> {
        std::str::from_utf8(self.buffer()?).map_err(|_| Reason::Utf8)
    }

    /// lib0's "any" value. Walks nested ones, to a bounded depth.
    pub(super) fn any(&mut self, depth: usize) -> Result<Scalar<'a>, Reason> {
        if depth > limits::DEPTH_MAX {
            return Err(Reason::Depth);
        }
        Ok(match self.byte()? {
            127 | 126 => Scalar::Empty,
            125 => Scalar::Number(self.signed()?),
            124 => {
                let bits = self.bytes(4)?.try_into().map_err(|_| Reason::EndsEarly)?;
                Scalar::Number(f64::from(f32::from_be_bytes(bits)))
            }
            123 => {
                let bits = self.bytes(8)?.try_into().map_err(|_| Reason::EndsEarly)?;
                Scalar::Number(f64::from_be_bytes(bits))
            }
            122 => {
                self.bytes(8)?;
                Scalar::Other
            }
            121 => Scalar::Bool(false),
            120 => Scalar::Bool(true),
            119 => Scalar::Text(self.text()?),
            118 => {
                let count = self.count(2)?;
                for _ in 0..count {
                    self.text()?;
                    self.any(depth + 1)?;
                }
                Scalar::Other
            }
            117 => {
                let count = self.count(1)?;
                for _ in 0..count {
                    self.any(depth + 1)?;
                }
                Scalar::Other
            }
            116 => {
                self.buffer()?;
                Scalar::Other
            }
            _ => return Err(Reason::ContentKind),
        })
    }

    /// A signed integer: six bits and the sign in the first byte, seven in the others.
    fn signed(&mut self) -> Result<f64, Reason> {
        let first = self.byte()?;
        let mut value = u64::from(first & 0x3f);
        let mut more = first & 0x80 != 0;
        let mut shift = 6;
        while more {
            if shift > 48 {
                return Err(Reason::Number);
            }
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        if value > SAFE_INTEGER_MAX {
            return Err(Reason::Number);
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 53 bits")]
        let value = value as f64;
        Ok(if first & 0x40 == 0 { value } else { -value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling_and_53_bits() {
        let read = |bytes: &[u8]| Reader::new(bytes).varint();
        assert_eq!(read(&[0]), Ok(0));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(SAFE_INTEGER_MAX));
        for bad in [
            &[][..],
            &[0x80],
            &[0x80, 0x00],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
            &[0xff; 9],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_count_fits_the_bytes_that_are_left() {
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).count(1).is_err());
        assert_eq!(Reader::new(&[2, 0, 0]).count(1), Ok(2));
    }

    #[test]
    fn nesting_is_bounded() {
        let mut deep = [117, 1].repeat(limits::DEPTH_MAX + 1);
        deep.push(126);
        assert_eq!(Reader::new(&deep).any(0), Err(Reason::Depth));
    }

    #[test]
    fn numbers_read_as_javascript_wrote_them() {
        assert_eq!(Reader::new(&[125, 0x45]).any(0), Ok(Scalar::Number(-5.0)));
        assert_eq!(Reader::new(&[125, 0x80, 0x01]).any(0), Ok(Scalar::Number(64.0)));
        assert_eq!(Reader::new(&[124, 0x3f, 0, 0, 0]).any(0), Ok(Scalar::Number(0.5)));
    }
}
