//! Whether a plain value, or a key, fits the schema.

use super::read::Scalar;
use sangam_shared::ids::Key;
use sangam_shared::schema::{KeyRule, Value};

pub(super) fn fits(rule: Value, value: Scalar<'_>, bytes: usize) -> bool {
    // The type byte and the length stand before the text.
    const FRAMING: usize = 6;
    if value == Scalar::Empty {
        return true;
    }
    match (rule, value) {
        (Value::Bool, Scalar::Bool(_)) => true,
        (Value::Unit, Scalar::Number(n)) => (0.0..=1.0).contains(&n),
        (Value::TimeMs, Scalar::Number(n)) => {
            (0.0..=9_007_199_254_740_991.0).contains(&n) && n.fract() == 0.0
        }
        (Value::Id, Scalar::Text(text)) => is_uuid(text),
        (Value::Key, Scalar::Text(text)) => Key::parse(text).is_ok(),
        (Value::Language, Scalar::Text(text)) => is_language(text),
        (Value::Day, Scalar::Text(text)) => is_day(text),
        (Value::Order, Scalar::Text(text)) => {
            (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
        }
        (Value::Line { bytes_max }, Scalar::Text(text)) => {
            bytes <= bytes_max + FRAMING && !text.contains(['\n', '\r', '\0'])
        }
        (Value::OneOf(words), Scalar::Text(text)) => words.contains(&text),
        _ => false,
    }
}

pub(super) fn key_fits(rule: KeyRule, key: &str) -> bool {
    match rule {
        KeyRule::Uuid => is_uuid(key),
        KeyRule::Language => is_language(key),
        KeyRule::FieldLanguage => key.split_once('.').is_some_and(|(field, language)| {
            !field.is_empty()
                && field.len() <= 40
                && field.bytes().all(|b| b.is_ascii_alphabetic())
                && is_language(language)
        }),
    }
}

/// Lower-case hexadecimal with hyphens, as `crypto.randomUUID` writes it.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// `fr`, `hi`, `pt-BR`: enough of RFC 5646 for a `lang` attribute.
fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_lowercase())
        && text.len() <= 20
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_their_kind() {
        let fit = |rule, text| fits(rule, Scalar::Text(text), text.len());
        assert!(fit(Value::Day, "2022-04-11"));
        assert!(!fit(Value::Day, "2022-02-30") && !fit(Value::Day, "tomorrow"));
        assert!(fit(Value::Id, "0190f1e2-0000-7000-8000-00000000000a"));
        assert!(!fit(Value::Id, "0190F1E2-0000-7000-8000-00000000000A"));
        assert!(fit(Value::Language, "pt-BR") && !fit(Value::Language, "FR"));
        assert!(fit(Value::OneOf(&["a", "b"]), "b") && !fit(Value::OneOf(&["a", "b"]), "c"));
        assert!(!fit(Value::Line { bytes_max: 20 }, "two\nlines"));
        assert!(fits(Value::Unit, Scalar::Number(0.5), 9));
        assert!(!fits(Value::Unit, Scalar::Number(1.5), 9));
        assert!(!fits(Value::Unit, Scalar::Number(f64::NAN), 9));
        assert!(!fits(Value::TimeMs, Scalar::Number(0.5), 9));
        assert!(fits(Value::TimeMs, Scalar::Empty, 1));
        assert!(!fits(Value::Bool, Scalar::Other, 1));
    }

    #[test]
    fn keys_fit_their_rule() {
        assert!(key_fits(KeyRule::FieldLanguage, "title.en"));
        assert!(!key_fits(KeyRule::FieldLanguage, "title"));
        assert!(!key_fits(KeyRule::Uuid, "__proto__"));
    }
}
