use super::*;

const GOOD: &str = include_str!("../../../demo/infra-structures.toml");

#[test]
fn the_demonstration_event_is_in_order() {
    let file = EventFile::parse(GOOD).unwrap();
    assert_eq!((file.sites.len(), file.workshops.len(), file.commons.len()), (2, 5, 9));
    for workshop in &file.workshops {
        let board = workshop;
        assert!((2..=3).contains(&board.plans.len()));
        assert!(!board.practices.is_empty() && !board.ideas.is_empty());
        assert!(!board.clusters.is_empty());
    }
}

/// Each breaks the small file below in one place, and says what must be named.
#[test]
fn a_broken_file_names_line_field_and_expectation() {
    const SMALL: &str = r#"slug = "small"
title = { fr = "Petit", en = "Small" }
date = "2022-04-08"
languages = ["fr", "en"]

[[site]]
key = "paris"
name = { fr = "Paris", en = "Paris" }
time_zone = "Europe/Paris"
country = "FR"
language = "fr"
holidays = ["2022-07-14"]

[[programme]]
starts = "09:00"
ends = "09:45"
title = { fr = "Ouverture", en = "Opening" }
kind = "plenary"

[[common]]
key = "pix"
name = "Pix"
url = "https://pix.fr"
steward = "GIP Pix"
country = "FR"

[[person]]
key = "zoe"
name = "Zoé"
site = "paris"

[[workshop]]
title = { fr = "Un", en = "One" }
question = { fr = "Quoi ?", en = "What?" }

[[workshop.idea]]
key = "idea"
text = "Bonjour"
lang = "fr"
author = "zoe"

[[workshop.plan]]
title = "Plan"
lang = "fr"
author = "zoe"
due = "2022-05-01"
commons = [{ common = "pix", relation = "reuse" }]
"#;
    EventFile::parse(SMALL).unwrap();
    let cases: &[(&str, &str, usize, &str, &str)] = &[
        ("slug = \"small\"", "slug = \"Small one\"", 1, "slug", "lower-case"),
        ("slug = \"small\"", "slug = 3", 1, "slug", "string"),
        ("slug = \"small\"", "slog = \"small\"", 1, "slog", "unknown field"),
        ("slug = \"small\"", "", 1, "slug", "missing field"),
        ("slug = \"small\"", "slug = \"small", 1, "slug", "expected"),
        (
            "title = { fr = \"Petit\", en = \"Small\" }",
            "title = { fr = \"Petit\" }",
            2,
            "title",
            "\"en\"",
        ),
        ("date = \"2022-04-08\"", "date = \"2022-02-30\"", 3, "date", "2022-04-08"),
        ("[\"2022-07-14\"]", "[\"14 juillet\"]", 12, "holidays", "14 juillet"),
        ("languages = [\"fr\", \"en\"]", "languages = []", 4, "languages", "at least one"),
        (
            "languages = [\"fr\", \"en\"]",
            "languages = [\"fr\", \"fr\"]",
            4,
            "languages",
            "each once",
        ),
        ("languages = [\"fr\", \"en\"]", "languages = [\"french\", \"é\"]", 4, "languages", "tags"),
        ("key = \"paris\"", "key = \"Paris\"", 7, "key", "lower-case"),
        ("name = { fr = \"Paris\", en = \"Paris\" }", "name = \"Paris\"", 8, "name", "map"),
        ("time_zone = \"Europe/Paris\"", "time_zone = \"Paris\"", 9, "time_zone", "IANA"),
        ("country = \"FR\"", "country = \"France\"", 10, "country", "country code"),
        ("starts = \"09:00\"", "starts = \"9 am\"", 15, "starts", "09:30"),
        ("ends = \"09:45\"", "ends = \"08:45\"", 16, "ends", "after"),
        ("ends = \"09:45\"", "ends = \"25:00\"", 16, "ends", "09:30"),
        ("kind = \"plenary\"", "kind = \"party\"", 18, "kind", "plenary"),
        ("kind = \"plenary\"", "kind = \"plenary\"\nsites = [\"lyon\"]", 19, "sites", "paris"),
        ("url = \"https://pix.fr\"", "url = \"pix\"", 23, "url", "https://"),
        ("name = \"Zoé\"", "name = \"\"", 29, "name", "1 to 80"),
        ("site = \"paris\"", "site = \"lyon\"", 30, "site", "one of: paris"),
        (
            "lang = \"fr\"\nauthor = \"zoe\"\n\n[[workshop.plan]]",
            "lang = \"de\"\nauthor = \"zoe\"\n\n[[workshop.plan]]",
            39,
            "lang",
            "en, fr",
        ),
        ("author = \"zoe\"\n\n", "author = \"max\"\n\n", 40, "author", "one of: zoe"),
        ("due = \"2022-05-01\"", "due = \"soon\"", 46, "due", "2022-04-08"),
        ("common = \"pix\"", "common = \"pax\"", 47, "common", "one of: pix"),
        ("relation = \"reuse\"", "relation = \"steal\"", 47, "relation", "reuse"),
        ("due = \"2022-05-01\"", "from_ideas = [\"none\"]", 46, "from_ideas", "one of: idea"),
    ];
    for (good, bad, line, field, expected) in cases {
        assert!(SMALL.contains(good), "{good}");
        let error = EventFile::parse(&SMALL.replacen(good, bad, 1)).unwrap_err();
        let found = (error.line, error.field.as_str());
        assert_eq!(found, (*line, format!("field `{field}`").as_str()), "{bad}: {error}");
        assert!(error.to_string().contains(expected), "{bad}: {error}");
    }
}

#[test]
fn a_file_has_a_size() {
    let error = EventFile::parse(&"#".repeat(limits::EVENT_FILE_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(error.line, 1);
}
