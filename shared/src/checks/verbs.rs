//! Verbs in French, English and Hindi: which are vague, and whether a sentence begins with one.
//!
//! No parser: word lists and endings. Where a word is not known, its neighbour decides; where that
//! does not help either, the writer is believed, because these rules block. Other languages than
//! these three are believed. `shared/tests/checks` measures both against a corpus.

use super::words::{is_devanagari, split};

/// The first vague verb of a text, as it is written there without its accents.
pub(super) fn vague(text: &str, language: Option<&str>) -> Option<String> {
    let words = split(text);
    let find = |find: fn(&[String]) -> Option<usize>| {
        (0..words.len()).find_map(|at| find(&words[at..]).map(|length| original(text, at, length)))
    };
    if is_devanagari(text) {
        return find(vague_hindi);
    }
    match base(language) {
        Some("fr") => find(vague_french),
        Some("en") => find(vague_english),
        // The language is not known: whatever fits.
        None => find(vague_french).or_else(|| find(vague_english)),
        Some(_) => None,
    }
}

/// Whether a sentence says an act. French and English begin with the verb; Hindi ends with it.
pub(super) fn begins_with_a_verb(text: &str, language: Option<&str>) -> bool {
    if is_devanagari(text) {
        // Marathi and Nepali share the script, not the endings.
        return !matches!(base(language), None | Some("hi" | "en" | "fr")) || says_act_hindi(text);
    }
    let words = split(text);
    match base(language) {
        Some("fr") => french(&words),
        Some("en") => english(&words),
        None => french(&words) || english(&words),
        // Hindi in Latin letters, and every other language.
        Some(_) => !words.is_empty(),
    }
}

fn base(language: Option<&str>) -> Option<&str> {
    language.map(|tag| tag.split('-').next().unwrap_or(tag)).filter(|tag| !tag.is_empty())
}

/// The words of a text as they stand there, from the n-th on.
fn original(text: &str, at: usize, length: usize) -> String {
    // Split as `split` does, but keep what is written.
    let words = text
        .split(|c: char| c.is_whitespace() || "'’,;:.!?()[]«»“”\"…/।—–\u{a0}\u{202f}".contains(c))
        .filter(|word| !split(word).is_empty());
    let found: Vec<&str> = words.skip(at).take(length).collect();
    found.join(" ")
}

// ------------------------------------------------------------------------------- French

/// Verbs in -er, by their stem, that say nothing yet.
const VAGUE_FRENCH: &[&str] = &[
    "explor",
    "favoris",
    "sensibilis",
    "encourag",
    "envisag",
    "valoris",
    "renforc",
    "dynamis",
    "impuls",
    "consider",
    "facilit",
    "oeuvr",
    "discut",
    "approfond",
    "mobilis",
    "reflechi",
];
const ENDINGS_ER: &[&str] = &[
    "er", "e", "es", "ee", "ees", "ons", "eons", "ez", "ent", "ant", "eant", "erai", "eras", "era",
    "erons", "erez", "eront", "erait", "eraient", "ait", "aient",
];
const ENDINGS_IR: &[&str] = &[
    "ir", "is", "it", "i", "issons", "issez", "issent", "issant", "irai", "ira", "irons", "irez",
    "iront", "irait", "isse",
];

fn vague_french(words: &[String]) -> Option<usize> {
    let word = words[0].as_str();
    let ends = |stem: &str, endings: &[&str]| {
        word.strip_prefix(stem).is_some_and(|rest| endings.contains(&rest))
    };
    let next = |n: usize| words.get(n).map_or("", String::as_str);
    let vague = VAGUE_FRENCH.iter().any(|stem| ends(stem, ENDINGS_ER))
        || ends("reflech", ENDINGS_IR)
        || ends("approfond", ENDINGS_IR)
        || word.starts_with("promouv")
        || matches!(word, "promeut" | "promeus" | "promeuvent" | "promu" | "promus" | "promue")
        // "Étudiant" and "étude" are no verbs.
        || ends("etudi", &["er", "e", "ons", "ez", "ent", "era", "erons", "eront", "erez"]);
    if vague {
        return Some(1);
    }
    let leads = ["mener", "menons", "engager", "engageons", "lancer", "lancons", "poursuivre"];
    if leads.contains(&word) && next(1) == "une" && next(2) == "reflexion" {
        return Some(3);
    }
    let think = matches!(word, "penser" | "pensons" | "penserons" | "penserai");
    (think && matches!(next(1), "a" | "au" | "aux")).then_some(2)
}

const DETERMINERS_FRENCH: &[&str] = &[
    "le",
    "la",
    "les",
    "l",
    "un",
    "une",
    "des",
    "du",
    "ce",
    "cet",
    "cette",
    "ces",
    "mon",
    "ma",
    "mes",
    "ton",
    "ta",
    "tes",
    "son",
    "sa",
    "ses",
    "notre",
    "nos",
    "votre",
    "vos",
    "leur",
    "leurs",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "dix",
    "vingt",
    "cent",
    "mille",
    "chaque",
    "tous",
    "toutes",
    "tout",
    "quelques",
    "plusieurs",
    "aux",
    "y",
    "en",
];
/// Nouns and others that end as infinitives do.
const NOT_VERBS_FRENCH: &[&str] = &[
    "atelier",
    "courrier",
    "premier",
    "dernier",
    "dossier",
    "papier",
    "fichier",
    "calendrier",
    "janvier",
    "fevrier",
    "quartier",
    "metier",
    "chantier",
    "cahier",
    "panier",
    "clavier",
    "particulier",
    "financier",
    "entier",
    "hier",
    "policier",
    "officier",
    "hiver",
    "cher",
    "fer",
    "mer",
    "leader",
    "poster",
    "flyer",
    "hacker",
    "scanner",
    "serveur",
    "cluster",
    "janvier",
    "avenir",
    "plaisir",
    "desir",
    "loisir",
    "souvenir",
    "elixir",
    "espoir",
    "pouvoir",
    "devoir",
    "savoir",
    "miroir",
    "soir",
    "trottoir",
    "noir",
    "dejeuner",
    "diner",
    "gouter",
    "partenaire",
    "sondage",
    "courriel",
    "reseau",
    "projet",
    "groupe",
    "guide",
    "site",
    "plateforme",
    "comite",
    "pilote",
    "prototype",
    "etude",
    "enquete",
    "bilan",
    "liste",
    "note",
    "appel",
    "envoi",
    "point",
    "mail",
    "contact",
    "lancement",
    "accord",
    "convention",
    "charte",
    "tableau",
    "entretien",
    "visite",
    "rencontre",
    "reunion",
    "echange",
    "mise",
    "prise",
    "demande",
    "organisation",
    "creation",
    "atelier-test",
    "rendez-vous",
    "journee",
    "semaine",
    "webinaire",
    "formation",
    "publication",
    "redaction",
    "traduction",
    "cadrage",
    "test",
    "tests",
    "audit",
    "chez",
    "assez",
    "nez",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "demain",
    "avec",
    "pour",
    "sur",
    "dans",
    "entre",
    "aucun",
    "aucune",
    "meilleur",
    "meilleure",
    "nouveau",
    "nouvelle",
    "rapport",
    "document",
    "texte",
    "depot",
    "code",
    "livrable",
    "budget",
    "equipe",
    "feuille",
    "campagne",
    "communication",
    "concertation",
    "collaboration",
    "cooperation",
    "partage",
];
/// Verbs in -re: most words that end so are nouns.
const VERBS_RE: &[&str] = &[
    "dre",
    "ttre",
    "crire",
    "lire",
    "dire",
    "faire",
    "duire",
    "truire",
    "suivre",
    "clure",
    "plaire",
    "croire",
    "traire",
    "paraitre",
    "connaitre",
    "naitre",
    "coudre",
    "rompre",
    "vaincre",
    "rire",
    "vivre",
    "boire",
    "taire",
    "cuire",
    "nuire",
    "luire",
    "suffire",
];
const NOT_VERBS_RE: &[&str] = &[
    "lettre",
    "cadre",
    "ordre",
    "cendre",
    "foudre",
    "poudre",
    "gendre",
    "tendre",
    "desordre",
    "affaire",
    "militaire",
    "honoraire",
    "secretaire",
    "savoir-faire",
    "calendre",
    "cylindre",
    "theatre",
    "centimetre",
    "sourire",
    "semestre",
    "molaire",
    "scolaire",
    "similaire",
    "volontaire",
    "salaire",
    "titulaire",
    "formulaire",
    "exemplaire",
    "populaire",
    "circulaire",
    "moindre",
];

fn french(words: &[String]) -> bool {
    let mut words: &[String] = words;
    // "D'abord, je vais ...": what stands before the verb.
    loop {
        let word = words.first().map_or("", String::as_str);
        match word {
            "" => return false,
            "je" | "j" | "nous" | "on" | "tu" | "vous" | "il" | "elle" | "ils" | "elles" => {
                // Behind a subject stands its verb.
                let rest = &words[1..];
                return !rest.is_empty();
            }
            "d" if words.get(1).is_some_and(|next| next == "abord") => words = &words[2..],
            "d" | "puis" | "ensuite" | "abord" | "ne" | "n" | "pas" | "se" | "s" | "me" | "m"
            | "lui" | "y" | "de" | "a" | "alors" | "bien" | "ensemble" | "vite" => {
                words = &words[1..];
            }
            _ if word.ends_with("ment") && words.len() > 1 && word.len() > 6 && adverb(word) => {
                words = &words[1..];
            }
            _ => break,
        }
    }
    let word = words[0].as_str();
    let next = words.get(1).map_or("", String::as_str);
    if DETERMINERS_FRENCH.contains(&word)
        || NOT_VERBS_FRENCH.contains(&word)
        || word.starts_with(|c: char| c.is_ascii_digit())
    {
        return false;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends(&["er", "ir"]) {
        return true;
    }
    if ends(&["oir"]) {
        return true;
    }
    if word.ends_with("re") && !NOT_VERBS_RE.contains(&word) && ends(VERBS_RE) {
        // "Formulaire", "territoire": -aire and -oire are nouns, but for these few.
        let noun = ends(&["aire"])
            && !matches!(word, "faire" | "refaire" | "satisfaire" | "defaire" | "taire" | "plaire")
            && !word.ends_with("traire");
        return !noun;
    }
    if ends(&[
        "tion", "tions", "sion", "sions", "ment", "ments", "age", "ages", "ure", "ures", "ite",
        "ites", "ance", "ence", "isme", "eur", "eurs", "euse", "rice", "aire", "aires", "oire",
        "oires", "ee", "ees", "logie", "if", "ifs", "elle", "ique", "iques",
    ]) {
        return false;
    }
    if ends(&["ons", "ez"]) {
        return true;
    }
    // An imperative such as "envoie" takes an object; a noun takes "de".
    if DETERMINERS_FRENCH.contains(&next) {
        return true;
    }
    !matches!(
        next,
        "de" | "d" | "sur" | "entre" | "avec" | "pour" | "par" | "commun" | "commune" | ""
    )
}

/// "Rapidement", but not "document".
fn adverb(word: &str) -> bool {
    let noun = [
        "document",
        "lancement",
        "changement",
        "financement",
        "deploiement",
        "logement",
        "engagement",
        "equipement",
        "departement",
        "recensement",
        "recrutement",
        "developpement",
        "enseignement",
        "etablissement",
        "gouvernement",
        "traitement",
        "accompagnement",
    ];
    !noun.contains(&word)
}

// ------------------------------------------------------------------------------- English

/// Verbs that say nothing yet; those in -e without it, with how they go on.
const VAGUE_ENGLISH: &[(&str, &[&str])] = &[
    ("explor", &["e", "es", "ed", "ing"]),
    ("consider", &["", "s", "ed", "ing"]),
    ("promot", &["e", "es", "ed", "ing"]),
    ("foster", &["", "s", "ed", "ing"]),
    ("encourag", &["e", "es", "ed", "ing"]),
    ("reflect", &["", "s", "ed", "ing"]),
    ("discuss", &["", "es", "ed", "ing"]),
    ("strengthen", &["", "s", "ed", "ing"]),
    ("enhanc", &["e", "es", "ed", "ing"]),
    ("facilitat", &["e", "es", "ed", "ing"]),
    ("leverag", &["e", "es", "ed", "ing"]),
    ("brainstorm", &["", "s", "ed", "ing"]),
    ("sensitis", &["e", "es", "ed", "ing"]),
    ("sensitiz", &["e", "es", "ed", "ing"]),
    ("advocat", &["e", "es", "ed", "ing"]),
    ("envisag", &["e", "es", "ed", "ing"]),
    ("examin", &["e", "es", "ed", "ing"]),
    ("synergis", &["e", "es", "ed", "ing"]),
];
/// Verbs that are vague with the word behind them.
const VAGUE_PAIRS: &[(&[&str], &[&str])] = &[
    (&["raise", "raises", "raised", "raising"], &["awareness"]),
    (&["build", "create", "building", "creating", "increase"], &["awareness"]),
    (&["think", "thinks", "thinking", "thought"], &["about", "on", "of"]),
    (&["look", "looks", "looked", "looking"], &["into", "at"]),
    (&["work", "works", "working"], &["towards"]),
    (&["reach"], &["consensus"]),
];

fn vague_english(words: &[String]) -> Option<usize> {
    let word = words[0].as_str();
    let single = VAGUE_ENGLISH
        .iter()
        .any(|(stem, endings)| word.strip_prefix(stem).is_some_and(|rest| endings.contains(&rest)));
    if single {
        return Some(1);
    }
    let next = words.get(1)?.as_str();
    VAGUE_PAIRS
        .iter()
        .any(|(first, second)| first.contains(&word) && second.contains(&next))
        .then_some(2)
}

const DETERMINERS_ENGLISH: &[&str] = &[
    "the",
    "a",
    "an",
    "this",
    "that",
    "these",
    "those",
    "my",
    "your",
    "his",
    "her",
    "our",
    "their",
    "its",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "ten",
    "twenty",
    "each",
    "every",
    "all",
    "some",
    "both",
    "any",
    "them",
    "it",
    "him",
    "us",
    "me",
    "everybody",
    "everyone",
    // "Report back": no object, and no noun either.
    "back",
];
/// Common first words of steps that are no acts.
const NOT_VERBS_ENGLISH: &[&str] = &[
    "workshop",
    "workshops",
    "conference",
    "webinar",
    "committee",
    "team",
    "group",
    "website",
    "platform",
    "portal",
    "app",
    "prototype",
    "pilot",
    "project",
    "programme",
    "program",
    "paper",
    "proposal",
    "strategy",
    "roadmap",
    "survey",
    "study",
    "email",
    "emails",
    "letter",
    "data",
    "code",
    "repository",
    "community",
    "network",
    "partnership",
    "guideline",
    "guidelines",
    "framework",
    "policy",
    "standard",
    "standards",
    "toolkit",
    "interview",
    "interviews",
    "newsletter",
    "campaign",
    "hackathon",
    "audit",
    "document",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "next",
    "better",
    "more",
    "new",
    "good",
    "open",
    "joint",
    "regular",
    "first",
    "kick-off",
    "kickoff",
    "mou",
    "agreement",
    "budget",
    "capacity",
    "awareness",
    "with",
    "for",
    "in",
    "on",
    "at",
    "by",
    "from",
    "between",
    "there",
    "who",
    "when",
    "if",
    "feedback",
    "analysis",
    "minutes",
    "summary",
    "discussion",
    "discussions",
    "contact",
    "report",
    "call",
    "visit",
    "meeting",
    "meetings",
    "training",
    "draft",
    "review",
    "list",
    "plan",
    "test",
    "demo",
    "talk",
    "talks",
    "exchange",
    "translation",
    "presentation",
    "idea",
    "ideas",
];
/// Words that are nouns as well; before an object they are acts.
const ACT_OR_NOUN: &[&str] = &[
    "open",
    "report",
    "call",
    "visit",
    "draft",
    "review",
    "list",
    "plan",
    "test",
    "demo",
    "email",
    "interview",
    "contact",
    "document",
    "audit",
    "survey",
    "study",
    "pilot",
    "prototype",
    "exchange",
    "code",
    "talk",
    "budget",
    "group",
    "team",
    "network",
    "proposal",
    "letter",
    "better",
];
const VERBS_ENGLISH: &[&str] = &[
    "add",
    "agree",
    "answer",
    "apply",
    "arrange",
    "ask",
    "assign",
    "attach",
    "book",
    "bring",
    "build",
    "buy",
    "call",
    "check",
    "choose",
    "clean",
    "close",
    "collect",
    "compare",
    "connect",
    "convene",
    "convert",
    "copy",
    "count",
    "create",
    "cut",
    "decide",
    "define",
    "deliver",
    "deploy",
    "describe",
    "design",
    "do",
    "download",
    "draft",
    "draw",
    "enter",
    "export",
    "fill",
    "film",
    "find",
    "finish",
    "fix",
    "get",
    "give",
    "go",
    "hand",
    "help",
    "hire",
    "hold",
    "identify",
    "import",
    "install",
    "introduce",
    "invite",
    "join",
    "keep",
    "launch",
    "learn",
    "let",
    "list",
    "load",
    "make",
    "map",
    "mark",
    "measure",
    "meet",
    "merge",
    "move",
    "name",
    "obtain",
    "offer",
    "open",
    "order",
    "organise",
    "organize",
    "pay",
    "phone",
    "photograph",
    "pick",
    "plan",
    "post",
    "prepare",
    "present",
    "print",
    "propose",
    "provide",
    "publish",
    "put",
    "read",
    "record",
    "register",
    "release",
    "remove",
    "rename",
    "replace",
    "reply",
    "request",
    "reserve",
    "run",
    "scan",
    "schedule",
    "select",
    "send",
    "set",
    "share",
    "ship",
    "show",
    "sign",
    "sit",
    "speak",
    "start",
    "stop",
    "submit",
    "take",
    "tell",
    "test",
    "train",
    "translate",
    "try",
    "turn",
    "type",
    "update",
    "upload",
    "use",
    "verify",
    "visit",
    "walk",
    "watch",
    "win",
    "write",
    "explore",
    "consider",
    "promote",
    "foster",
    "discuss",
    "think",
    "look",
    "raise",
    "encourage",
    "reflect",
];

fn english(words: &[String]) -> bool {
    let mut words: &[String] = words;
    loop {
        let word = words.first().map_or("", String::as_str);
        match word {
            "" => return false,
            "i" | "we" | "you" | "they" | "he" | "she" => {
                // "We will send": behind a subject stands its verb.
                return words.len() > 1;
            }
            "to" | "please" | "then" | "will" | "ll" | "shall" | "must" | "should" | "not"
            | "dont" | "lets" | "let" | "us" | "jointly" | "together" | "also" | "personally" => {
                if word == "let" && words.get(1).is_none_or(|next| next != "us" && next != "s") {
                    return words.len() > 1;
                }
                words = &words[1..];
            }
            "s" => words = &words[1..],
            "first" if words.len() > 1 && VERBS_ENGLISH.contains(&words[1].as_str()) => {
                words = &words[1..];
            }
            _ if word.ends_with("ly") && words.len() > 1 && word != "reply" && word != "apply" => {
                words = &words[1..];
            }
            _ => break,
        }
    }
    let word = words[0].as_str();
    let next = words.get(1).map_or("", String::as_str);
    let takes_object =
        DETERMINERS_ENGLISH.contains(&next) || next.starts_with(|c: char| c.is_ascii_digit());
    if DETERMINERS_ENGLISH.contains(&word) || word.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    // "Call with Sophie", "open data": a noun, unless an object follows.
    let behind_noun = matches!(
        next,
        "" | "of" | "for" | "on" | "about" | "between" | "in" | "at" | "is" | "are" | "was" | "by"
    );
    if ACT_OR_NOUN.contains(&word) {
        let known = VERBS_ENGLISH.contains(&word) && !behind_noun && next != "with";
        let adjective =
            word == "open" && matches!(next, "data" | "source" | "access" | "standards");
        return (takes_object || known) && !adjective;
    }
    if VERBS_ENGLISH.contains(&word) {
        return true;
    }
    if NOT_VERBS_ENGLISH.contains(&word) {
        return false;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends(&[
        "tion", "tions", "sion", "ment", "ments", "ness", "ity", "ities", "ance", "ence", "ship",
        "ships", "ing", "ings", "ism", "ology", "ed",
    ]) {
        // "Implement the", "document our": some verbs end so as well.
        return takes_object && ends(&["ment"]);
    }
    if ends(&["ise", "ize", "ify", "ate"]) || takes_object {
        return true;
    }
    !behind_noun && next != "with" && next != "to"
}

// ------------------------------------------------------------------------------- Hindi

/// A noun and the verb that makes it an act, by their beginnings; no verb where the word alone is one.
/// Written as [`split`] leaves them: without nukta.
const VAGUE_HINDI: &[(&str, &[&str])] = &[
    ("विचार", &["कर", "कि", "विमर्श"]),
    ("विचार-विमर्श", &["कर", "कि"]),
    ("चिंतन", &["कर", "कि"]),
    ("मंथन", &["कर", "कि"]),
    ("चर्चा", &["कर", "की"]),
    ("बढावा", &["दे", "दि"]),
    ("प्रोत्साहन", &["दे", "दि"]),
    ("प्रोत्साहित", &["कर", "कि"]),
    ("जागरूकता", &["फैल", "बढ", "पैदा", "ला"]),
    ("जागरूक", &["कर", "कि", "बना"]),
    ("संवेदनशील", &["बना", "कर"]),
    ("प्रयास", &["कर", "कि"]),
    ("कोशिश", &["कर", "की"]),
    ("मजबूत", &["कर", "कि", "बना"]),
    ("सुदृढ", &["कर", "कि", "बना"]),
    ("सशक्त", &["कर", "कि", "बना"]),
    ("तलाश", &["कर", "की"]),
    ("अन्वेषण", &["कर", "कि"]),
    ("संभावनाएं", &["तलाश", "खोज", "देख"]),
    ("संभावनाओं", &["को", "पर", "की"]),
    ("प्रचार", &["कर", "कि"]),
];

fn vague_hindi(words: &[String]) -> Option<usize> {
    let word = words[0].as_str();
    // "सोच" alone is a noun.
    let think = word.strip_prefix("सोच").is_some_and(|rest| {
        !rest.is_empty() && rest.starts_with(['न', 'े', 'ू', 'त', 'ा', 'ि', 'ो', 'ी'])
    });
    let search = word.strip_prefix("तलाश").is_some_and(|rest| rest.starts_with(['न', 'े', 'ू', 'ा']));
    if think || search {
        return Some(1);
    }
    let next = words.get(1)?;
    VAGUE_HINDI
        .iter()
        .any(|(noun, verbs)| word == *noun && verbs.iter().any(|verb| next.starts_with(verb)))
        .then_some(2)
}

/// Nouns that end as infinitives do.
const NOT_VERBS_HINDI: &[&str] = &[
    "योजना",
    "कार्ययोजना",
    "परियोजना",
    "सूचना",
    "रचना",
    "संरचना",
    "भावना",
    "संभावना",
    "घटना",
    "स्थापना",
    "तुलना",
    "सेना",
    "प्रस्तावना",
    "नमूना",
    "सपना",
    "महीना",
    "पुराना",
    "अपना",
    "कितना",
    "इतना",
    "जितना",
    "बिना",
    "ना",
    "गणना",
    "जनगणना",
    "अधिसूचना",
    "सामना",
    "कारखाना",
    "खजाना",
];
/// Ends of an infinitive, a request, a future, a present.
const ENDS_HINDI: &[&str] = &[
    "ना",
    "नी",
    "ने",
    "ें",
    "एं",
    "ाएं",
    "िए",
    "इए",
    "िये",
    "इये",
    "ूंगा",
    "ूंगी",
    "ऊंगा",
    "ऊंगी",
    "ेंगे",
    "ेंगी",
    "एंगे",
    "एंगी",
    "ेगा",
    "ेगी",
    "एगा",
    "एगी",
    "ोगे",
    "ओगे",
    "ओ",
];

/// The verb stands at the end of a clause; a remark may follow.
fn says_act_hindi(text: &str) -> bool {
    text.split(['।', '.', ',', ';', ':', '(', '—', '–', '!', '?', '\n']).any(|clause| {
        let words = split(clause);
        let Some(last) = words.last() else { return false };
        let last = last.as_str();
        if NOT_VERBS_HINDI.contains(&last) {
            return false;
        }
        // "भेजना है", "भेजता हूँ": the verb before its auxiliary.
        let auxiliary = matches!(
            last,
            "है" | "हैं"
                | "हूं"
                | "होगा"
                | "होगी"
                | "चाहिए"
                | "लेना"
                | "देना"
        );
        if auxiliary {
            return words.len() > 1;
        }
        // Locatives and plurals end in -ें as well; they stand before a postposition, not at the end.
        last.chars().count() > 2 && ENDS_HINDI.iter().any(|end| last.ends_with(end))
            || matches!(last, "दो" | "लो" | "करो" | "दें" | "लें" | "दे" | "कर")
    })
}
