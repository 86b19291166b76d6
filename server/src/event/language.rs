//! Language tags, as far as events need them: `fr`, `hi`, `pt-BR`, `zh-Hant`, `sr-Latn-RS`.

/// Whether a text is a language tag: two or three lower-case letters, then a script of four
/// letters, then a region of two capitals, each of the last two optional (after BCP 47).
pub(super) fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    if !(2..=3).contains(&language.len()) || !language.bytes().all(|b| b.is_ascii_lowercase()) {
        return false;
    }
    let rest: Vec<_> = parts.collect();
    match rest.as_slice() {
        [] => true,
        [one] => is_script(one) || is_region(one),
        [script, region] => is_script(script) && is_region(region),
        _ => false,
    }
}

fn is_script(text: &str) -> bool {
    let [first, rest @ ..] = text.as_bytes() else { return false };
    rest.len() == 3 && first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_lowercase)
}

fn is_region(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_other_texts() {
        for tag in ["fr", "hi", "gsw", "pt-BR", "zh-Hant", "sr-Latn-RS"] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in ["", "f", "FR", "french", "fr_FR", "fr-", "fr-fr", "fr-FR-x", "é", "fr-Latin"]
        {
            assert!(!is_tag(text), "{text}");
        }
    }
}
