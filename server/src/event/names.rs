//! People's names and other short texts, made safe to show: composed (NFC), trimmed, without
//! characters that hide or reorder others.

use unicode_normalization::UnicodeNormalization;

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left of it.
    #[error("is empty")]
    Empty,
    /// It has too many characters.
    #[error("is too long")]
    TooLong,
    /// It poses as somebody with a role.
    #[error("reads like a role, not like a name")]
    Role,
}

/// Cleans a short text.
///
/// # Errors
/// [`NameError`] where nothing or too much is left.
pub fn clean(text: &str, chars_max: usize) -> Result<String, NameError> {
    // The limit comes first, so that nobody makes us compose a megabyte.
    if text.len() > chars_max * 16 {
        return Err(NameError::TooLong);
    }
    let composed: String = text.nfc().filter(|c| !is_hidden(*c)).collect();
    let words: Vec<&str> = composed.split_whitespace().collect();
    let cleaned = words.join(" ");
    match cleaned.chars().count() {
        0 => Err(NameError::Empty),
        n if n > chars_max => Err(NameError::TooLong),
        _ => Ok(cleaned),
    }
}

/// Cleans a person's name; nobody can be called "Facilitator".
///
/// # Errors
/// [`NameError`]
pub fn clean_person(text: &str, chars_max: usize) -> Result<String, NameError> {
    let name = clean(text, chars_max)?;
    if !name.chars().any(char::is_alphanumeric) {
        return Err(NameError::Empty);
    }
    if poses(&name) { Err(NameError::Role) } else { Ok(name) }
}

/// Words that name a role, or the house. Whoever bears one of the long ones, however it is spelt or
/// spaced, poses; no honest name holds one of them.
const ROLE_WORDS: &[&str] = &[
    "facilitator",
    "facilitateur",
    "facilitatrice",
    "organiser",
    "organizer",
    "organisateur",
    "organisatrice",
    "moderator",
    "moderateur",
    "moderatrice",
    "animateur",
    "animatrice",
    "administrator",
    "administrateur",
    "administratrice",
    "सुविधाकर्ता",
    "सुविधादाता",
    "फैसिलिटेटर",
    "आयोजक",
    "संचालक",
    "मॉडरेटर",
    "व्यवस्थापक",
    "एडमिन",
];

/// Short ones stand inside honest names (Badminton, Sangamesh, Rootes): they count where they are
/// a word of their own.
const SHORT_WORDS: &[&str] = &["admin", "root", "system", "systeme", "host", "mod", "staff"];

/// What nobody is called and nothing else: the house, which is also a first name, and those who run
/// the day, all together.
const ALONE: &[&str] =
    &["sangam", "संगम", "organisation", "organization", "facilitation", "animation", "moderation"];

fn poses(name: &str) -> bool {
    let whole = skeleton(name);
    let is = |word: &str, known: &[&str]| known.iter().any(|known| skeleton(known) == word);
    if ROLE_WORDS.iter().any(|word| whole.contains(&skeleton(word))) {
        return true;
    }
    // Without a number behind it: "admin 2" is one too.
    let bare =
        |word: &str| {
            skeleton(word.trim_matches(|c: char| {
                !c.is_alphabetic() && !c.is_alphanumeric() || c.is_numeric()
            }))
        };
    let words = name.split(|c: char| c.is_whitespace() || matches!(c, '-' | '_' | '.' | '/' | '@'));
    is(&whole, SHORT_WORDS)
        || is(&whole, ALONE)
        || is(&bare(name), ALONE)
        || words
            .into_iter()
            .any(|word| is(&skeleton(word), SHORT_WORDS) || is(&bare(word), SHORT_WORDS))
}

/// Controls, direction overrides, zero-width characters, variation selectors, tags.
fn is_hidden(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    (c.is_control() && !c.is_whitespace()) || invisible
}

/// What a name looks like: Unicode's own table of look-alikes (UTS 39), without marks, spaces and
/// punctuation, in lower case, with digits read as the letters that people write them for.
fn skeleton(name: &str) -> String {
    let plain = |text: &str| -> String {
        text.nfkd()
            .filter(|c| !matches!(c, '\u{300}'..='\u{36f}'))
            .flat_map(char::to_lowercase)
            .collect()
    };
    // Twice: what looks like a capital is made small, and may then look like something else.
    let once: String = unicode_security::skeleton(&plain(name)).collect();
    let twice: String = unicode_security::skeleton(&plain(&once)).collect();
    plain(&twice)
        .chars()
        .filter_map(|c| match c {
            '0' => Some('o'),
            '1' | 'l' | '!' | '|' | '¡' => Some('i'),
            '3' | '€' => Some('e'),
            '4' | '@' => Some('a'),
            '5' | '$' => Some('s'),
            '7' | '+' => Some('t'),
            c if c.is_alphanumeric() || ('\u{900}'..='\u{97f}').contains(&c) => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_pass_and_are_composed() {
        for name in ["Asha Nair", "Zoé", "O’Neill", "जानकी देवी", "Nguyễn", "李", "Jean-Baptiste II"]
        {
            assert!(clean_person(name, 80).is_ok(), "{name}");
        }
        assert_eq!(clean_person("  Zoe\u{301}\u{202e}  B. ", 80).unwrap(), "Zoé B.");
    }

    #[test]
    fn honest_names_are_nobodys_disguise() {
        for name in [
            "Sangamesh Kumar",
            "Sangam Lal Gupta",
            "Sanghamitra Rao",
            "Badminton Club de Paris",
            "Adminah Yusuf",
            "Amin Rostami",
            "Rootes Family",
            "Modesto Rossi",
            "Modi",
            "Oriane Isateur",
            "Félicité Tournier",
            "Animesh Tripathi",
            "Anima Trivedi",
            "Hostettler Anna",
            "Sytema de Vries",
            "Олег Иванов",
            "Γιώργος Παπαδόπουλος",
            "संगीता आयंगर",
            "आयुष संचेती",
            "张伟",
            "محمد علي",
            "நளினி",
            "Bjørn Ødegård",
            "L’Hôte Élise",
            "R2-D2 Dupont",
            "Table 4, World Health Organization",
            "Anne 3",
        ] {
            assert!(clean_person(name, 80).is_ok(), "{name}");
        }
    }

    /// Each role's word in each disguise, and a few by hand.
    fn disguises() -> Vec<String> {
        let swap = |word: &str, from: &str, to: &str| word.replacen(from, to, 1);
        let spaced =
            |word: &str, with: &str| word.chars().map(String::from).collect::<Vec<_>>().join(with);
        let mut all = Vec::new();
        for word in [
            "facilitator",
            "facilitatrice",
            "organisateur",
            "organizer",
            "moderator",
            "administrator",
        ] {
            let capital = word[..1].to_uppercase() + &word[1..];
            all.extend([
                word.to_owned(),
                word.to_uppercase(),
                capital.clone(),
                spaced(word, " "),
                spaced(word, "."),
                spaced(word, "\u{200b}"),
                spaced(word, "\u{2060}"),
                spaced(word, "\u{fe0f}"),
                spaced(word, "\u{301}"),
                format!("\u{202e}{word}"),
                format!("Asha ({word})"),
                format!("{word} 2"),
                format!("✅ {capital} ✅"),
                swap(word, "a", "а"),
                swap(word, "a", "α"),
                swap(word, "a", "ａ"),
                swap(word, "a", "@"),
                swap(word, "a", "4"),
                swap(word, "o", "о"),
                swap(word, "o", "0"),
                swap(word, "i", "1"),
                swap(word, "i", "і"),
                swap(word, "i", "!"),
                swap(word, "i", "l"),
                swap(word, "t", "7"),
                swap(word, "r", "г"),
                swap(word, "e", "3"),
                swap(word, "e", "е"),
                swap(word, "s", "$"),
                swap(word, "a", "à"),
                swap(word, "i", "í"),
                word.chars()
                    .filter_map(|c| char::from_u32(u32::from(c) - 0x61 + 0x1d41a))
                    .collect(),
                word.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x61 + 0x24d0)).collect(),
                word.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x61 + 0xff41)).collect(),
            ]);
        }
        let by_hand = [
            "FaciIitator",
            "Facilitаtrісе",
            "Modérateur",
            "L’organisateur",
            "The organiser",
            "Admin",
            "ADMIN",
            "admin1",
            "@dmin",
            "Ádmin",
            "аdmin",
            "Asha (admin)",
            "admin-paris",
            "root",
            "System",
            "Sangam",
            "SANGAM",
            "S a n g a m",
            "Sаngаm",
            "Sangam 1",
            "आयोजक",
            "आ यो ज क",
            "मुख्य आयोजक",
            "संचालक",
            "सुविधाकर्ता",
            "श्री संचालक",
            "संगम",
            "आयो\u{200d}जक",
            "Mod",
            "Staff",
            "Organisation",
        ];
        all.extend(by_hand.map(str::to_owned));
        all
    }

    #[test]
    fn nobody_is_called_facilitator_in_200_disguises() {
        let mut all = disguises();
        all.sort();
        all.dedup();
        assert!(all.len() >= 200, "{} disguises", all.len());
        let passed: Vec<_> = all.iter().filter(|name| clean_person(name, 80).is_ok()).collect();
        assert!(passed.is_empty(), "{passed:?}");
    }

    #[test]
    fn a_name_is_something_and_not_too_much() {
        assert_eq!(clean_person(" \u{200b} ", 80), Err(NameError::Empty));
        assert_eq!(clean_person("...", 80), Err(NameError::Empty));
        assert_eq!(clean_person(&"x".repeat(81), 80), Err(NameError::TooLong));
        assert_eq!(clean_person(&"x".repeat(1 << 20), 80), Err(NameError::TooLong));
    }
}
