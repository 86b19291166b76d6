//! The smallest change from one text to another, so that whoever types in it at the same time keeps
//! what they typed: everything that both texts share stays untouched, character by character.

/// One replacement. Places are UTF-16 code units of the text before any of them, as Yjs counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextEdit {
    /// Where it starts.
    pub at: u32,
    /// How many code units go.
    pub remove: u32,
    /// What comes instead.
    pub insert: String,
}

/// Insertions and deletions of single characters that are searched for, before words are compared
/// instead: the search costs their number times the length.
const CHARS_CHANGED_MAX: usize = 128;
/// The same for words. Beyond, everything between the first and the last difference is replaced.
const WORDS_CHANGED_MAX: usize = 512;

/// What turns `before` into `after`: in order, not overlapping, never inside a surrogate pair.
pub(super) fn edits(before: &str, after: &str) -> Vec<TextEdit> {
    let (old, new): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let hunks = by_chars(old_mid, new_mid)
        .or_else(|| by_words(old_mid, new_mid))
        .unwrap_or_else(|| vec![Hunk { old: 0..old_mid.len(), new: 0..new_mid.len() }]);
    let mut edits = Vec::new();
    let (mut chars, mut units) = (0, utf16(&old[..start]));
    for hunk in hunks {
        units += utf16(&old_mid[chars..hunk.old.start]);
        let remove = utf16(&old_mid[hunk.old.clone()]);
        edits.push(TextEdit { at: units, remove, insert: new_mid[hunk.new].iter().collect() });
        units += remove;
        chars = hunk.old.end;
    }
    edits.retain(|edit| edit.remove > 0 || !edit.insert.is_empty());
    edits
}

/// What brings the change from `base` to `then` into `now`, which somebody made of `base` meanwhile:
/// what they wrote stays, and what they deleted stays away.
pub(super) fn carry_over(base: &str, then: &str, now: &str) -> Vec<TextEdit> {
    // Where each code unit of `base` stands in `now`, if it still does; and what comes after it.
    let mut places: Vec<(u32, bool)> = Vec::new();
    let mut at = 0;
    let keep = |places: &mut Vec<(u32, bool)>, upto: u32, at: &mut u32| {
        while places.len() < upto as usize {
            places.push((*at, true));
            *at += 1;
        }
    };
    for edit in edits(base, now) {
        keep(&mut places, edit.at, &mut at);
        places.extend((0..edit.remove).map(|_| (at, false)));
        at += units(&edit.insert);
    }
    keep(&mut places, units(base), &mut at);
    let mut carried = Vec::new();
    for edit in edits(base, then) {
        let (start, end) = (edit.at as usize, (edit.at + edit.remove) as usize);
        if !edit.insert.is_empty() {
            // Right after what it stood after, before anything that others wrote there.
            let at = start.checked_sub(1).map_or(0, |i| places[i].0 + u32::from(places[i].1));
            carried.push(TextEdit { at, remove: 0, insert: edit.insert });
        }
        for (place, _) in places[start..end].iter().filter(|(_, stands)| *stands) {
            match carried.last_mut() {
                Some(last) if last.remove > 0 && last.at + last.remove == *place => {
                    last.remove += 1;
                }
                _ => carried.push(TextEdit { at: *place, remove: 1, insert: String::new() }),
            }
        }
    }
    carried
}

/// A stretch that differs.
struct Hunk {
    old: std::ops::Range<usize>,
    new: std::ops::Range<usize>,
}

fn by_chars(old: &[char], new: &[char]) -> Option<Vec<Hunk>> {
    differences(old, new, CHARS_CHANGED_MAX)
}

fn by_words(old: &[char], new: &[char]) -> Option<Vec<Hunk>> {
    let (old_words, new_words) = (words(old), words(new));
    let hunks = differences(&old_words, &new_words, WORDS_CHANGED_MAX)?;
    let starts = |words: &[&[char]]| {
        let mut at = 0;
        let mut starts = vec![0];
        starts.extend(words.iter().map(|word| {
            at += word.len();
            at
        }));
        starts
    };
    let (old_at, new_at) = (starts(&old_words), starts(&new_words));
    let in_chars = |hunk: Hunk| Hunk {
        old: old_at[hunk.old.start]..old_at[hunk.old.end],
        new: new_at[hunk.new.start]..new_at[hunk.new.end],
    };
    Some(hunks.into_iter().map(in_chars).collect())
}

/// Runs of letters and digits, and single characters between them.
fn words(text: &[char]) -> Vec<&[char]> {
    text.chunk_by(|a, b| a.is_alphanumeric() && b.is_alphanumeric()).collect()
}

/// E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), the greedy form, given up
/// after `most` insertions and deletions.
fn differences<T: PartialEq>(old: &[T], new: &[T], most: usize) -> Option<Vec<Hunk>> {
    let most = most.min(old.len() + new.len());
    // reach[k + offset]: how far the furthest path on the diagonal x - y = k has come in `old`.
    let offset = most + 1;
    let mut reach = vec![0_usize; 2 * offset + 1];
    let mut trail: Vec<Vec<usize>> = Vec::new();
    for steps in 0..=most {
        trail.push(reach[offset - steps..=offset + steps].to_vec());
        for diagonal in (offset - steps..=offset + steps).step_by(2) {
            let down = diagonal == offset - steps
                || (diagonal != offset + steps && reach[diagonal - 1] < reach[diagonal + 1]);
            let mut x = if down { reach[diagonal + 1] } else { reach[diagonal - 1] + 1 };
            // A diagonal that has left the table leads nowhere.
            let Some(mut y) = (x + offset).checked_sub(diagonal) else { continue };
            while x < old.len() && y < new.len() && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            reach[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return Some(walk_back(&trail, offset, diagonal, (old.len(), new.len())));
            }
        }
    }
    None
}

/// Follows the path back from its end, and joins neighbouring steps into hunks.
fn walk_back(
    trail: &[Vec<usize>],
    offset: usize,
    mut diagonal: usize,
    (mut x, mut y): (usize, usize),
) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    for (steps, reach) in trail.iter().enumerate().skip(1).rev() {
        let first = offset - steps;
        let at = |diagonal: usize| reach[diagonal - first];
        let down = diagonal == first
            || (diagonal != offset + steps && at(diagonal - 1) < at(diagonal + 1));
        let before = if down { diagonal + 1 } else { diagonal - 1 };
        let (from_x, from_y) = (at(before), at(before) + offset - before);
        // The step itself; what lies between it and (x, y) is common to both.
        let (to_x, to_y) = if down { (from_x, from_y + 1) } else { (from_x + 1, from_y) };
        debug_assert!(to_x <= x && to_y <= y, "a path never goes back");
        match hunks.last_mut() {
            Some(last) if last.old.start == to_x && last.new.start == to_y => {
                last.old.start = from_x;
                last.new.start = from_y;
            }
            _ => hunks.push(Hunk { old: from_x..to_x, new: from_y..to_y }),
        }
        (x, y, diagonal) = (from_x, from_y, before);
    }
    hunks.reverse();
    hunks
}

fn utf16(chars: &[char]) -> u32 {
    let units: usize = chars.iter().map(|c| c.len_utf16()).sum();
    u32::try_from(units).expect("a text is far shorter than 2^32")
}

/// UTF-16 code units of a text.
pub(super) fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).expect("a text is far shorter than 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    fn apply(before: &str, edits: &[TextEdit]) -> String {
        let mut units: Vec<u16> = before.encode_utf16().collect();
        for edit in edits.iter().rev() {
            let (at, end) = (edit.at as usize, (edit.at + edit.remove) as usize);
            units.splice(at..end, edit.insert.encode_utf16());
        }
        String::from_utf16(&units).expect("no surrogate pair was split")
    }

    fn touched(edits: &[TextEdit]) -> usize {
        edits.iter().map(|e| e.remove as usize + e.insert.encode_utf16().count()).sum()
    }

    #[test]
    fn two_words_that_changed_far_apart_are_two_small_edits() {
        let edits = edits("Un dossier par patient, en Inde", "Le dossier par patient, en France");
        assert!(edits.len() >= 2);
        assert!(edits.iter().all(|edit| edit.at < 3 || edit.at >= 27), "{edits:?}");
    }

    #[test]
    fn a_text_that_has_not_changed_is_not_touched() {
        assert_eq!(edits("नमस्ते", "नमस्ते"), []);
        assert_eq!(edits("", ""), []);
    }

    #[test]
    fn half_of_an_emoji_is_never_exchanged() {
        // Both begin with the same high surrogate.
        assert_eq!(edits("😀", "😁"), [TextEdit { at: 0, remove: 2, insert: "😁".into() }]);
    }

    #[test]
    fn a_long_text_that_was_rewritten_keeps_its_words() {
        let words: Vec<String> = (0..400).map(|n| format!("mot{n}")).collect();
        let other = |n: usize| n.is_multiple_of(4);
        let new: Vec<&str> =
            (0..400).map(|n| if other(n) { "autre" } else { words[n].as_str() }).collect();
        let (old, new) = (words.join(" "), new.join(" "));
        let edits = edits(&old, &new);
        assert_eq!(apply(&old, &edits), new);
        assert!(edits.len() >= 100, "{} edits", edits.len());
    }

    #[test]
    fn texts_without_anything_in_common_are_replaced() {
        let (old, new) = ("ab".repeat(3_000), "xy".repeat(2_000));
        assert_eq!(edits(&old, &new), [TextEdit { at: 0, remove: 6_000, insert: new.clone() }]);
    }

    #[test]
    fn a_change_is_carried_over_what_others_wrote_meanwhile() {
        let carried = |base: &str, then: &str, now: &str| apply(now, &carry_over(base, then, now));
        assert_eq!(carried("ouvrir", "ouvrir le code", "ouvrir demain"), "ouvrir le code demain");
        assert_eq!(carried("un deux trois", "un trois", "😀 un deux trois !"), "😀 un trois !");
        assert_eq!(carried("un deux", "un", "un"), "un");
        assert_eq!(carried("", "avant", ""), "avant");
        assert_eq!(carried("é😀", "😀", "é😀"), "😀");
    }

    #[test]
    fn carried_over_nothing_a_change_is_itself() {
        let mut dice = ChaCha8Rng::seed_from_u64(3);
        let alphabet: Vec<char> = "abé😀 ".chars().collect();
        let mut text = || -> String {
            let length = dice.next_u64() % 12;
            (0..length).map(|_| alphabet[(dice.next_u64() % 5) as usize]).collect()
        };
        for _ in 0..2_000 {
            let (base, then, now) = (text(), text(), text());
            assert_eq!(apply(&base, &carry_over(&base, &then, &base)), then, "{base:?}");
            assert_eq!(apply(&now, &carry_over(&base, &base, &now)), now);
            // Whatever others did, no pair is split and the change comes to an end.
            apply(&now, &carry_over(&base, &then, &now));
        }
    }

    #[test]
    fn random_texts_are_turned_into_each_other_by_no_more_than_needed() {
        let alphabet: Vec<char> = "abé नि😀\u{10ffff} .".chars().collect();
        let mut dice = ChaCha8Rng::seed_from_u64(7);
        let mut below = |n: usize| usize::try_from(dice.next_u64() % n as u64).unwrap();
        for round in 0..2_000 {
            let length = below(40);
            let mut text: Vec<char> =
                (0..length).map(|_| alphabet[below(alphabet.len())]).collect();
            let before: String = text.iter().collect();
            let mut changed = 0;
            for _ in 0..below(6) {
                let at = below(text.len() + 1);
                if at < text.len() && below(2) == 0 {
                    changed += text.remove(at).len_utf16();
                } else {
                    let c = alphabet[below(alphabet.len())];
                    changed += c.len_utf16();
                    text.insert(at, c);
                }
            }
            let after: String = text.iter().collect();
            let edits = edits(&before, &after);
            assert_eq!(apply(&before, &edits), after, "round {round}: {before:?}");
            // Myers counts characters, we count code units: a pair may weigh double.
            assert!(touched(&edits) <= 2 * changed, "round {round}: {before:?} → {after:?}");
        }
    }
}
