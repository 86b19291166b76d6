//! Text as files can hold it. What XML, CSV or a calendar cannot carry is replaced by a visible
//! sign, and counted; everything else stays as the board says it.

/// Replaces in place what no text file should hold; adds to `replaced` how many characters.
///
/// Control characters become their pictures (U+0007 becomes `␇`); those without a picture, and the
/// two code points that XML forbids, become U+FFFD. Windows' line ends become `\n`, uncounted.
pub fn visible(text: &mut String, replaced: &mut usize) {
    if !text.chars().any(|c| sign(c).is_some()) {
        return;
    }
    let mut clean = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\r' && characters.peek() == Some(&'\n') {
            continue;
        }
        if let Some(sign) = sign(c) {
            *replaced += 1;
            clean.push(sign);
        } else {
            clean.push(c);
        }
    }
    *text = clean;
}

/// The visible sign for a character that cannot stand in a file.
fn sign(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => None,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

/// Text for XML and HTML, between tags.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            // `]]>` may not stand in XML's text.
            '>' => safe.push_str("&gt;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Text for XML and HTML, in an attribute with double quotes.
#[must_use]
pub fn attribute(text: &str) -> String {
    let safe = xml(text).replace('"', "&quot;");
    safe.replace('\t', "&#9;").replace('\n', "&#10;").replace('\r', "&#13;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_visible(text: &str) -> (String, usize) {
        let (mut text, mut replaced) = (text.to_owned(), 0);
        visible(&mut text, &mut replaced);
        (text, replaced)
    }

    #[test]
    fn control_characters_are_seen_and_counted() {
        assert_eq!(made_visible("a\0b\u{7}\u{1b}[31m"), ("a␀b␇␛[31m".into(), 3));
        assert_eq!(made_visible("\u{7f}\u{85}\u{fffe}"), ("␡\u{fffd}\u{fffd}".into(), 3));
        assert_eq!(made_visible("a\r\nb\rc"), ("a\nb␍c".into(), 1));
    }

    #[test]
    fn everything_else_stays() {
        for text in
            ["", "a\tb\nc", "हिन्दी é 👩‍👩‍👧 \u{202e}abc\u{202c} \u{200d}\u{feff}", "=cmd|' /C calc'!A0"]
        {
            assert_eq!(made_visible(text), (text.into(), 0));
        }
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(xml("]]> <b>&amp;"), "]]&gt; &lt;b&gt;&amp;amp;");
        assert_eq!(attribute("\"\n"), "&quot;&#10;");
    }
}
