//! An update V1, parsed into borrowed structs. Only the form is judged here; what it refers to is
//! `index`'s business. Source: Yjs 13.6, `utils/encoding.js` and `structs/*.js`.

use super::Reason;
use super::read::{Reader, Scalar};
use crate::store::ClientId;
use sangam_shared::limits;

/// One character or value of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// Whose.
    pub client: ClientId,
    /// Its place among that client's, from 0.
    pub clock: u32,
}

pub(super) struct Parsed<'a> {
    pub blocks: Vec<Block<'a>>,
    pub deletes: Vec<(ClientId, u32, u32)>,
    /// The delete set as it was written.
    pub delete_bytes: &'a [u8],
}

/// The structs of one client that the reader did not know, in order and without holes.
pub(super) struct Block<'a> {
    pub client: ClientId,
    pub structs: Vec<Struct<'a>>,
}

pub(super) struct Struct<'a> {
    pub clock: u32,
    pub len: u32,
    pub body: Body<'a>,
    /// As it was written.
    pub bytes: &'a [u8],
}

pub(super) enum Body<'a> {
    Gc,
    Item(Item<'a>),
}

pub(super) struct Item<'a> {
    pub origin: Option<Id>,
    pub right_origin: Option<Id>,
    /// Written only where there is no origin.
    pub parent: Option<Parent<'a>>,
    pub content: Content<'a>,
}

#[derive(Clone, Copy)]
pub(super) struct Parent<'a> {
    pub branch: ParentBranch<'a>,
    pub key: Option<&'a str>,
}

#[derive(Clone, Copy)]
pub(super) enum ParentBranch<'a> {
    Root(&'a str),
    Item(Id),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content<'a> {
    Deleted,
    /// Length in UTF-16 code units is the struct's.
    Text(&'a str),
    /// `Y.Map`, `Y.Text`, or another shared type by its number.
    Type(u8),
    /// Plain values: one, or several that were set one after another and deleted since, which an
    /// undo manager keeps.
    Values(Values<'a>),
    /// Binary, embed, format: known to Yjs, not in our schemas.
    Other,
}

/// Plain values that were read once and may be read again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Values<'a> {
    at: Reader<'a>,
    count: usize,
}

impl<'a> Values<'a> {
    /// Each value, with its length in bytes.
    pub(super) fn each(mut self) -> impl Iterator<Item = (Scalar<'a>, usize)> {
        (0..self.count).map_while(move |_| {
            let before = self.at.left();
            let value = self.at.any(0).ok()?;
            Some((value, before - self.at.left()))
        })
    }
}

/// Whose bytes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A client's: counts are limited.
    Client,
    /// Our own log or document: whatever grew within the limits is read again, however much it is.
    Server,
}

/// Which contents may occur at all. yrs decodes even what it then leaves out, so this is asked of
/// every struct, known or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    /// Text, plain values, `Y.Map` and `Y.Text`: all that our schemas are made of.
    Ours,
    /// Whatever Yjs writes, but for subdocuments.
    Any,
}

pub(super) const Y_MAP: u8 = 1;
pub(super) const Y_TEXT: u8 = 2;

/// Parses. `known` gives the next clock of a client: structs before it are checked for their form
/// and left out.
pub(super) fn parse(
    bytes: &[u8],
    source: Source,
    kinds: Kinds,
    known: impl Fn(ClientId) -> u32,
) -> Result<Parsed<'_>, Reason> {
    let mut reader = Reader::new(bytes);
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut clients: Vec<ClientId> = Vec::new();
    let (mut structs_left, ranges_max) = match source {
        Source::Client => (limits::STRUCTS_PER_UPDATE_MAX, limits::DELETE_RANGES_PER_UPDATE_MAX),
        Source::Server => (bytes.len(), bytes.len()),
    };
    // A block takes at least a count, a client, a clock, and one struct of two bytes.
    for _ in 0..reader.count(5)? {
        let count = reader.count(2)?;
        if count == 0 {
            return Err(Reason::EmptyBlock);
        }
        structs_left = structs_left.checked_sub(count).ok_or(Reason::TooMany)?;
        let client = reader.client()?;
        let mut clock = reader.clock()?;
        clients.push(client);
        let known = known(client);
        if clock > known {
            return Err(Reason::Gap);
        }
        let mut structs = Vec::new();
        for _ in 0..count {
            let before = reader;
            let (len, body) = parse_struct(&mut reader, kinds)?;
            let end = clock.checked_add(len).filter(|end| u64::from(*end) <= limits::CLOCK_MAX);
            let end = end.ok_or(Reason::Number)?;
            if clock >= known {
                structs.push(Struct { clock, len, body, bytes: before.until(&reader) });
            } else if end > known {
                // Cutting a struct in two is left to its author: asked again with our state
                // vector, they send exactly what is missing.
                return Err(Reason::Gap);
            }
            clock = end;
        }
        if !structs.is_empty() {
            blocks.push(Block { client, structs });
        }
    }
    clients.sort_unstable();
    if clients.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Reason::ClientTwice);
    }
    let before = reader;
    let deletes = parse_deletes(&mut reader, ranges_max)?;
    reader.end()?;
    Ok(Parsed { blocks, deletes, delete_bytes: before.until(&reader) })
}

fn parse_struct<'a>(reader: &mut Reader<'a>, kinds: Kinds) -> Result<(u32, Body<'a>), Reason> {
    let info = reader.byte()?;
    let kind = info & 0b1_1111;
    if kind == 0 {
        if info != 0 {
            return Err(Reason::ContentKind);
        }
        let len = reader.clock()?;
        return if len == 0 { Err(Reason::EmptyStruct) } else { Ok((len, Body::Gc)) };
    }
    let origin = if info & 0x80 == 0 { None } else { Some(parse_id(reader)?) };
    let right_origin = if info & 0x40 == 0 { None } else { Some(parse_id(reader)?) };
    let parent = if info & 0xc0 == 0 {
        let branch = match reader.varint()? {
            1 => ParentBranch::Root(reader.text()?),
            0 => ParentBranch::Item(parse_id(reader)?),
            _ => return Err(Reason::Parent),
        };
        let key = if info & 0x20 == 0 { None } else { Some(reader.text()?) };
        Some(Parent { branch, key })
    } else {
        None
    };
    let (len, content) = parse_content(kind, kinds, reader)?;
    if len == 0 {
        return Err(Reason::EmptyStruct);
    }
    Ok((len, Body::Item(Item { origin, right_origin, parent, content })))
}

fn parse_content<'a>(
    kind: u8,
    kinds: Kinds,
    reader: &mut Reader<'a>,
) -> Result<(u32, Content<'a>), Reason> {
    Ok(match kind {
        1 => (reader.clock()?, Content::Deleted),
        4 => {
            let text = reader.text()?;
            (short(text.encode_utf16().count())?, Content::Text(text))
        }
        7 => match (reader.byte()?, kinds) {
            (kind @ (Y_MAP | Y_TEXT), _) | (kind @ (0 | 4 | 6), Kinds::Any) => {
                (1, Content::Type(kind))
            }
            (kind @ (3 | 5), Kinds::Any) => {
                reader.text()?;
                (1, Content::Type(kind))
            }
            (0 | 3..=6, Kinds::Ours) => return Err(Reason::WrongContent),
            _ => return Err(Reason::ContentKind),
        },
        8 => {
            let count = reader.count(1)?;
            let at = *reader;
            for _ in 0..count {
                reader.any(0)?;
            }
            (short(count)?, Content::Values(Values { at, count }))
        }
        2 | 3 | 5 | 6 if kinds == Kinds::Ours => return Err(Reason::WrongContent),
        3 => {
            reader.buffer()?;
            (1, Content::Other)
        }
        5 => {
            json(reader.text()?)?;
            (1, Content::Other)
        }
        6 => {
            reader.text()?;
            json(reader.text()?)?;
            (1, Content::Other)
        }
        // JSON (2): Yjs 13 reads it and never writes it, and yrs reads one string more than it
        // declares. Subdocuments (9), skips (10), and what only other implementations know.
        _ => return Err(Reason::ContentKind),
    })
}

fn parse_id(reader: &mut Reader<'_>) -> Result<Id, Reason> {
    Ok(Id { client: reader.client()?, clock: reader.clock()? })
}

/// Yjs calls `JSON.parse` on these and throws where it fails; yrs refuses the whole update. So
/// everything in it is really read: numbers, escapes, and no deeper than `serde_json` goes.
fn json(text: &str) -> Result<(), Reason> {
    serde_json::from_str::<serde_json::Value>(text).map(drop).map_err(|_| Reason::Json)
}

fn short(count: usize) -> Result<u32, Reason> {
    u32::try_from(count).map_err(|_| Reason::Number)
}

/// The delete set: ranges `(client, clock, length)`, ascending and apart within each client.
fn parse_deletes(
    reader: &mut Reader<'_>,
    ranges_max: usize,
) -> Result<Vec<(ClientId, u32, u32)>, Reason> {
    let mut deletes = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..reader.count(4)? {
        let client = reader.client()?;
        clients.push(client);
        let count = reader.count(2)?;
        if count == 0 {
            return Err(Reason::EmptyBlock);
        }
        if deletes.len() + count > ranges_max {
            return Err(Reason::TooMany);
        }
        let mut end_before = 0_u64;
        for _ in 0..count {
            let clock = reader.clock()?;
            let len = reader.clock()?;
            let end = u64::from(clock) + u64::from(len);
            if len == 0 || end > limits::CLOCK_MAX {
                return Err(Reason::Number);
            }
            if u64::from(clock) < end_before {
                return Err(Reason::DeleteOrder);
            }
            end_before = end;
            deletes.push((client, clock, len));
        }
    }
    clients.sort_unstable();
    if clients.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Reason::ClientTwice);
    }
    Ok(deletes)
}
