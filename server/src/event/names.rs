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
    let skeleton = skeleton(&name);
    if ROLE_WORDS.iter().any(|word| skeleton.contains(self::skeleton(word).as_str())) {
        return Err(NameError::Role);
    }
    Ok(name)
}

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
    "admin",
    "sangam",
    "system",
    "सुविधाकर्ता",
    "आयोजक",
    "संचालक",
];

/// Controls, direction overrides, zero-width characters, variation selectors, tags.
fn is_hidden(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    (c.is_control() && !c.is_whitespace()) || invisible
}

/// What a name looks like: decomposed, without marks, spaces and punctuation, in lower case, with
/// the usual stand-ins for Latin letters put back.
fn skeleton(name: &str) -> String {
    name.nfkd()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric() || ('\u{900}'..='\u{97f}').contains(c))
        .map(|c| match c {
            '0' | 'о' | 'ο' | 'օ' => 'o',
            '1' | 'l' | '|' | 'і' | 'ι' | 'ı' | 'ӏ' => 'i',
            '3' | 'е' | 'ε' => 'e',
            '4' | '@' | 'а' | 'α' => 'a',
            '5' | 'ѕ' => 's',
            '7' | 'т' | 'τ' => 't',
            'с' | 'ϲ' => 'c',
            'р' | 'ρ' => 'p',
            'м' => 'm',
            'ո' | 'п' => 'n',
            'г' => 'r',
            'ѵ' | 'ν' => 'v',
            'у' | 'γ' => 'y',
            other => other,
        })
        .filter(|c| !matches!(c, '\u{300}'..='\u{36f}'))
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
    fn nobody_is_called_facilitator() {
        for name in [
            "Facilitator",
            "FACILITATOR",
            "F a c i l i t a t o r",
            "Facilitat0r",
            "Fаcilitator",
            "Faci\u{200b}litator",
            "Ｆacilitator",
            "Fácilitator",
            "admin",
            "Modérateur",
            "The organiser",
            "आयोजक",
            "𝐅acilitator",
        ] {
            assert_eq!(clean_person(name, 80), Err(NameError::Role), "{name}");
        }
    }

    #[test]
    fn a_name_is_something_and_not_too_much() {
        assert_eq!(clean_person(" \u{200b} ", 80), Err(NameError::Empty));
        assert_eq!(clean_person("...", 80), Err(NameError::Empty));
        assert_eq!(clean_person(&"x".repeat(81), 80), Err(NameError::TooLong));
        assert_eq!(clean_person(&"x".repeat(1 << 20), 80), Err(NameError::TooLong));
    }
}
