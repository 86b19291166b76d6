//! Words as the rules compare them: without case, accents, nukta or punctuation.

use crate::plan::Plan;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Words of a plan that are compared with another's.
const BAG_WORDS_MAX: usize = 400;

/// The words of a text, in order. An apostrophe ends a word, a hyphen does not.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars() {
        match fold(c) {
            Folded::Letter(letters) => words.last_mut().expect("never empty").push_str(letters),
            Folded::Same(c) => {
                words.last_mut().expect("never empty").extend(c.to_lowercase());
            }
            Folded::Nothing => {}
            Folded::Gap if words.last().is_some_and(String::is_empty) => {}
            Folded::Gap => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

enum Folded {
    Letter(&'static str),
    Same(char),
    Nothing,
    Gap,
}

/// Both ways to write an accent or a nukta come out the same.
fn fold(c: char) -> Folded {
    match c {
        'à' | 'â' | 'ä' | 'á' | 'À' | 'Â' | 'Ä' | 'Á' => Folded::Letter("a"),
        'é' | 'è' | 'ê' | 'ë' | 'É' | 'È' | 'Ê' | 'Ë' => Folded::Letter("e"),
        'î' | 'ï' | 'í' | 'Î' | 'Ï' | 'Í' => Folded::Letter("i"),
        'ô' | 'ö' | 'ó' | 'Ô' | 'Ö' | 'Ó' => Folded::Letter("o"),
        'ù' | 'û' | 'ü' | 'ú' | 'Ù' | 'Û' | 'Ü' | 'Ú' => Folded::Letter("u"),
        'ç' | 'Ç' => Folded::Letter("c"),
        'œ' | 'Œ' => Folded::Letter("oe"),
        'æ' | 'Æ' => Folded::Letter("ae"),
        // Letters with a nukta, as one character.
        '\u{958}' => Folded::Letter("क"),
        '\u{959}' => Folded::Letter("ख"),
        '\u{95a}' => Folded::Letter("ग"),
        '\u{95b}' => Folded::Letter("ज"),
        '\u{95c}' => Folded::Letter("ड"),
        '\u{95d}' => Folded::Letter("ढ"),
        '\u{95e}' => Folded::Letter("फ"),
        '\u{95f}' => Folded::Letter("य"),
        // Candrabindu and anusvara are written for one another.
        '\u{901}' => Folded::Letter("ं"),
        // Combining accents, the nukta, joiners.
        '\u{300}'..='\u{36f}' | '\u{93c}' | '\u{200b}'..='\u{200d}' | '\u{ad}' => Folded::Nothing,
        '-' | '\u{2010}' | '\u{2011}' => Folded::Same('-'),
        // Vowel signs and the virama are part of a word, though they are no letters.
        '\u{900}'..='\u{963}' | '\u{971}'..='\u{97f}' => Folded::Same(c),
        c if c.is_alphanumeric() => Folded::Same(c),
        _ => Folded::Gap,
    }
}

/// Whether a text is written in Devanagari, mostly.
pub(super) fn is_devanagari(text: &str) -> bool {
    let (mut devanagari, mut latin) = (0_usize, 0_usize);
    for c in text.chars() {
        devanagari += usize::from(matches!(c, '\u{900}'..='\u{97f}'));
        latin += usize::from(c.is_ascii_alphabetic());
    }
    devanagari > latin
}

/// The different words of a plan, as numbers in order.
pub(super) struct Bag(Vec<u64>);

/// What a plan says, without the small words.
pub(super) fn of_plan(plan: &Plan) -> Bag {
    let texts = [&plan.title, &plan.problem, &plan.description, &plan.expected_result];
    let mut numbers = Vec::new();
    for text in texts {
        for word in split(&text.original) {
            if numbers.len() == BAG_WORDS_MAX {
                break;
            }
            let small = if is_devanagari(&word) { 2 } else { 3 };
            if word.chars().count() > small {
                let mut hasher = DefaultHasher::new();
                word.hash(&mut hasher);
                numbers.push(hasher.finish());
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Bag(numbers)
}

impl Bag {
    /// How much of both bags' words is in both, in per cent, rounded down.
    pub(super) fn shared_percent(&self, other: &Self) -> usize {
        let total = self.0.len() + other.0.len();
        // One word alone says too little.
        if self.0.len() < 2 || other.0.len() < 2 {
            return 0;
        }
        let (mut i, mut j, mut both) = (0, 0, 0);
        while let (Some(a), Some(b)) = (self.0.get(i), other.0.get(j)) {
            both += usize::from(a == b);
            i += usize::from(a <= b);
            j += usize::from(b <= a);
        }
        200 * both / total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_has_one_form() {
        assert_eq!(split("L’É\u{300}tude — d'œuvre"), ["l", "etude", "d", "oeuvre"]);
        assert_eq!(split("बढ़ावा"), split("ब\u{95d}ावा"));
        assert_eq!(split("e\u{301}te\u{301}"), split("été"));
        assert_eq!(split(" … "), Vec::<String>::new());
    }
}
