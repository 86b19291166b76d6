//! Which edits an update holds: the clock after the last struct of each client. yrs answers that
//! only for updates that begin at clock 0.

use crate::wire::read_varint;

/// Client and next clock of each block of an update, version 1; `None` where it is not one.
#[must_use]
pub fn clocks(update: &[u8]) -> Option<Vec<(u64, u32)>> {
    let mut rest = update;
    let mut found = Vec::new();
    for _ in 0..read_varint(&mut rest)? {
        let structs = read_varint(&mut rest)?;
        let client = read_varint(&mut rest)?;
        let mut clock = read_varint(&mut rest)?;
        for _ in 0..structs {
            clock += length(&mut rest)?;
        }
        found.push((client, u32::try_from(clock).ok()?));
    }
    Some(found)
}

/// Passes over one struct; returns its length.
fn length(rest: &mut &[u8]) -> Option<u64> {
    let info = byte(rest)?;
    let kind = info & 0b1_1111;
    if kind == 0 || kind == 10 {
        return read_varint(rest);
    }
    for has_origin in [info & 0x80, info & 0x40] {
        if has_origin != 0 {
            id(rest)?;
        }
    }
    if info & 0xc0 == 0 {
        match read_varint(rest)? {
            1 => drop(text(rest)?),
            _ => id(rest)?,
        }
        if info & 0x20 != 0 {
            text(rest)?;
        }
    }
    Some(match kind {
        1 => read_varint(rest)?,
        4 => text(rest)?.encode_utf16().count() as u64,
        7 => {
            let kind = read_varint(rest)?;
            if matches!(kind, 3 | 5) {
                text(rest)?;
            }
            1
        }
        8 => {
            let count = read_varint(rest)?;
            for _ in 0..count {
                any(rest)?;
            }
            count
        }
        // Nothing else is written here.
        _ => return None,
    })
}

fn any(rest: &mut &[u8]) -> Option<()> {
    match byte(rest)? {
        119 => drop(text(rest)?),
        120 | 121 | 126 | 127 => {}
        _ => return None,
    }
    Some(())
}

fn id(rest: &mut &[u8]) -> Option<()> {
    read_varint(rest)?;
    read_varint(rest).map(drop)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::try_from(read_varint(rest)?).ok()?;
    let (text, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    std::str::from_utf8(text).ok()
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, tail) = rest.split_first()?;
    *rest = tail;
    Some(*byte)
}

#[cfg(test)]
mod tests {
    use crate::edits::Writer;
    use rand::SeedableRng;

    #[test]
    fn every_edit_says_its_authors_next_clock_and_so_do_many_in_one() {
        let mut writer = Writer::new(rand_chacha::ChaCha8Rng::seed_from_u64(1));
        let mut updates = Vec::new();
        for _ in 0..700 {
            let (update, clock) = writer.edit();
            assert_eq!(super::clocks(&update), Some(vec![(writer.client, clock)]));
            updates.push((update, clock));
        }
        let merged = yrs::merge_updates_v1(updates.iter().map(|(update, _)| update)).unwrap();
        assert_eq!(super::clocks(&merged), Some(vec![(writer.client, updates[699].1)]));
    }
}
