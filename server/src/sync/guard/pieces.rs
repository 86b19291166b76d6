//! Cuts an update that several clients wrote into pieces by one client each.

use super::Reason;
use super::update::{Parsed, Source};
use crate::sync::frame::put_varint;
use bytes::{BufMut, Bytes, BytesMut};
use sangam_shared::limits;

/// Where several clients wrote one update, its order is decided here and not left to whoever reads
/// it: yrs goes from client to client by the borders of structs, and those are others in what it
/// encodes. So memory and log would part, if somebody meant harm.
pub(super) fn cut(
    source: Source,
    parsed: &Parsed<'_>,
    turns: &[(usize, usize)],
) -> Result<Vec<Bytes>, Reason> {
    if source == Source::Server || turns.len() < 2 {
        return Ok(Vec::new());
    }
    if turns.len() > limits::PIECES_PER_UPDATE_MAX {
        return Err(Reason::TooMany);
    }
    let mut next = vec![0; parsed.blocks.len()];
    let mut pieces = Vec::with_capacity(turns.len());
    for (turn, &(block, count)) in turns.iter().enumerate() {
        let from = next[block];
        next[block] += count;
        let structs = &parsed.blocks[block].structs[from..from + count];
        let mut piece = BytesMut::new();
        put_varint(&mut piece, 1);
        put_varint(&mut piece, count as u64);
        put_varint(&mut piece, parsed.blocks[block].client);
        put_varint(&mut piece, structs.first().map_or(0, |first| u64::from(first.clock)));
        for each in structs {
            piece.put_slice(each.bytes);
        }
        // What is deleted may stand in any of them.
        if turn + 1 == turns.len() {
            piece.put_slice(parsed.delete_bytes);
        } else {
            put_varint(&mut piece, 0);
        }
        pieces.push(piece.freeze());
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use crate::store::ClientId;
    use crate::sync::guard::{Guard, Reason, Refused, Schema};
    use sangam_shared::limits;
    use sangam_shared::schema::BOARD;
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

    fn device(client: ClientId) -> Doc {
        Doc::with_client_id(client)
    }

    fn hand_over(from: &Doc, to: &Doc) {
        let update = from.transact().encode_diff_v1(&to.transact().state_vector());
        apply(to, &update);
    }

    fn apply(doc: &Doc, update: &[u8]) {
        doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }

    fn type_at(doc: &Doc, at: u32, text: &str) {
        let minutes = doc.get_or_insert_text("minutes");
        minutes.insert(&mut doc.transact_mut(), at, text);
    }

    fn minutes(doc: &Doc) -> String {
        doc.get_or_insert_text("minutes").get_string(&doc.transact())
    }

    /// Two tabs that answer each other, a letter each, as one update.
    fn dialogue(rounds: usize) -> (Doc, Vec<u8>) {
        let (one, two) = (device(7), device(3));
        for _ in 0..rounds {
            for (mine, other) in [(&one, &two), (&two, &one)] {
                type_at(mine, 1, "ab");
                hand_over(mine, other);
            }
        }
        let whole = one.transact().encode_diff_v1(&StateVector::default());
        (one, whole)
    }

    #[test]
    fn pieces_are_the_update_in_order() {
        let (device, whole) = dialogue(4);
        let mut guard = Guard::new(Schema::Roots(BOARD));
        let checked = guard.check(&whole).unwrap();
        assert!(checked.pieces.len() > 2, "they take turns");
        let again = super::tests::device(99);
        for piece in &checked.pieces {
            // Each stands upon those before it, and is one client's.
            let alone = guard.check(piece).unwrap();
            assert_eq!(alone.writers.len(), 1);
            assert!(alone.pieces.is_empty());
            guard.admit(alone, &[piece]).unwrap();
            apply(&again, piece);
        }
        assert_eq!(minutes(&again), minutes(&device));
        assert_eq!(again.transact().state_vector(), device.transact().state_vector());
    }

    #[test]
    fn what_waits_for_nobody_is_one_piece_a_client() {
        let (one, two) = (device(7), device(3));
        for at in 0..50 {
            type_at(&two, at / 2, "x");
        }
        hand_over(&two, &one);
        for at in 0..50 {
            type_at(&one, at, "y");
        }
        let whole = one.transact().encode_diff_v1(&StateVector::default());
        let checked = Guard::new(Schema::Roots(BOARD)).check(&whole).unwrap();
        assert_eq!(checked.pieces.len(), 2);
    }

    #[test]
    fn too_many_turns_are_refused() {
        let (_, whole) = dialogue(limits::PIECES_PER_UPDATE_MAX / 2 + 2);
        let refused = Guard::new(Schema::Roots(BOARD)).check(&whole).unwrap_err();
        assert_eq!(refused, Refused(Reason::TooMany));
    }
}
