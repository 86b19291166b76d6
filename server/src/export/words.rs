//! Our own words in a report, from the files that the web reads: `web/locales`.

use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A language that a report can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// français
    French,
    /// English
    English,
    /// हिन्दी
    Hindi,
}

type Texts = HashMap<String, String>;

fn texts(files: [&str; 2]) -> Texts {
    let read = |file: &str| -> Texts {
        serde_json::from_str(file).expect("a test reads every file of messages")
    };
    files.into_iter().flat_map(read).collect()
}

static FRENCH: LazyLock<Texts> = LazyLock::new(|| {
    texts([
        include_str!("../../../web/locales/fr.json"),
        include_str!("../../../web/locales/report/fr.json"),
    ])
});
static ENGLISH: LazyLock<Texts> = LazyLock::new(|| {
    texts([
        include_str!("../../../web/locales/en.json"),
        include_str!("../../../web/locales/report/en.json"),
    ])
});
static HINDI: LazyLock<Texts> = LazyLock::new(|| {
    texts([
        include_str!("../../../web/locales/hi.json"),
        include_str!("../../../web/locales/report/hi.json"),
    ])
});

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::French, Self::English, Self::Hindi];

    /// Its tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
            Self::Hindi => "hi",
        }
    }

    /// How it calls itself.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Self::French => "Français",
            Self::English => "English",
            Self::Hindi => "हिन्दी",
        }
    }

    /// The language of a tag, whatever its region.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let first = tag.split('-').next()?;
        Self::ALL.into_iter().find(|language| language.tag() == first)
    }

    fn texts(self) -> &'static Texts {
        match self {
            Self::French => &FRENCH,
            Self::English => &ENGLISH,
            Self::Hindi => &HINDI,
        }
    }

    /// The sentence of a key, with its parameters put in; the key itself where there is none.
    #[must_use]
    pub fn say(self, key: &str, parameters: &[(&str, &str)]) -> String {
        let text = self.texts().get(key).map_or(key, String::as_str);
        let mut said = String::with_capacity(text.len());
        let mut rest = text;
        // In one pass, so that a value that looks like a parameter stays what it is.
        while let Some((before, after)) = rest.split_once('{') {
            said.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                said.push('{');
                rest = after;
                continue;
            };
            let value = parameters.iter().find(|(known, _)| *known == name);
            said.push_str(value.map_or("", |(_, value)| value));
            rest = after;
        }
        said + rest
    }

    /// The sentence for a count.
    #[must_use]
    pub fn count(self, stem: &str, count: usize) -> String {
        // French and Hindi say zero in the singular, English does not.
        let one = count == 1 || (count == 0 && self != Self::English);
        let key = format!("{stem}_{}", if one { "one" } else { "other" });
        self.say(&key, &[("count", &count.to_string())])
    }

    /// A word of a scale, such as `status.limited`; the code itself where it is unknown.
    #[must_use]
    pub fn word(self, scale: &str, code: &str) -> String {
        let key = format!("{scale}.{code}");
        self.texts().get(&key).map_or(code, String::as_str).to_owned()
    }

    /// A day, with its weekday.
    #[must_use]
    pub fn day(self, date: Date) -> String {
        let nth = |key: &str, n: i8| -> &'static str {
            let all = self.texts().get(key).map_or("", String::as_str);
            usize::try_from(n).ok().and_then(|n| all.split('|').nth(n)).unwrap_or_default()
        };
        let day = match date.day() {
            1 => self.say("date.first", &[]),
            day => day.to_string(),
        };
        let parameters = [
            ("weekday", nth("date.weekdays", date.weekday().to_monday_zero_offset())),
            ("day", day.as_str()),
            ("month", nth("date.months", date.month() - 1)),
            ("year", &date.year().to_string()),
        ];
        self.say("date.long", &parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::collections::BTreeSet;

    #[test]
    fn every_language_has_every_word_with_the_same_parameters() {
        let parameters = |text: &str| -> BTreeSet<String> {
            text.split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(n, _)| n.to_owned())
                .collect()
        };
        let keys: BTreeSet<_> = Language::English.texts().keys().collect();
        for language in Language::ALL {
            assert_eq!(language.texts().keys().collect::<BTreeSet<_>>(), keys);
            for (key, text) in language.texts() {
                assert_eq!(parameters(text), parameters(&Language::English.texts()[key]), "{key}");
                assert!(!text.trim().is_empty(), "{key}");
            }
        }
    }

    #[test]
    fn every_word_that_the_reports_use_is_there() {
        let sources = [
            include_str!("report.rs"),
            include_str!("report/plan.rs"),
            include_str!("report/voice.rs"),
            include_str!("sheets.rs"),
            include_str!("ics.rs"),
        ];
        let mut found = 0;
        for source in sources {
            for word in
                source.split('"').filter(|word| word.starts_with("report.") && *word != "report.rs")
            {
                let known =
                    |end: &str| Language::French.texts().contains_key(&format!("{word}{end}"));
                assert!(known("") || (known("_one") && known("_other")), "{word} is not said");
                found += 1;
            }
        }
        assert!(found > 40, "the sources were not read");
    }

    #[test]
    fn french_is_set_as_french_is_set() {
        for (key, text) in
            serde_json::from_str::<Texts>(include_str!("../../../web/locales/report/fr.json"))
                .unwrap()
        {
            assert!(
                !text.contains(" :") && !text.contains('\'') && !text.contains(" %"),
                "{key}: {text}"
            );
        }
    }

    #[test]
    fn days_are_said_in_each_language() {
        let day = date(2022, 4, 1);
        assert_eq!(Language::French.day(day), "vendredi 1er avril 2022");
        assert_eq!(Language::English.day(day), "Friday 1 April 2022");
        assert_eq!(Language::Hindi.day(day), "शुक्रवार, 1 अप्रैल 2022");
    }

    #[test]
    fn a_value_that_looks_like_a_parameter_stays() {
        let said = Language::English.say("report.risk", &[("if", "{then}"), ("then", "b{")]);
        assert_eq!(said, "If {then}, then b{");
    }
}
