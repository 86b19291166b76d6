//! How a report speaks: our own words in one language or two, and everybody else's in theirs.

use crate::event::model::{Person, Words};
use crate::export::document::{Cell, Line, Run};
use crate::export::dossier::{Dossier, PersonalData, WITHHELD};
use crate::export::words::Language;
use sangam_shared::board::Text;
use sangam_shared::ids::PersonId;
use sangam_shared::plan::Who;

/// Between the same thing in two languages.
const BETWEEN: &str = " / ";

/// The languages of a report: one or two.
pub(in crate::export) struct Voice {
    languages: Vec<Language>,
}

impl Voice {
    /// English, where none is named; at most two.
    pub(in crate::export) fn new(languages: &[Language]) -> Self {
        let mut chosen: Vec<Language> = Vec::new();
        for language in languages {
            if chosen.len() < 2 && !chosen.contains(language) {
                chosen.push(*language);
            }
        }
        if chosen.is_empty() {
            chosen.push(Language::English);
        }
        Self { languages: chosen }
    }

    pub(in crate::export) fn first(&self) -> Language {
        self.languages[0]
    }

    pub(super) fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The same thing in each language; once, where it is said alike.
    pub(super) fn each(&self, say: impl Fn(Language) -> Option<Run>) -> Line {
        let mut line = Line::default();
        for run in self.languages.iter().filter_map(|language| say(*language)) {
            if line.0.iter().any(|said| said.text == run.text) {
                continue;
            }
            if !line.0.is_empty() {
                line.0.push(self.run(BETWEEN));
            }
            line.0.push(run);
        }
        line
    }

    /// Our own words.
    pub(super) fn own(&self, say: impl Fn(Language) -> String) -> Line {
        self.each(|language| Some(Run::new(say(language), language.tag())))
    }

    pub(super) fn say(&self, key: &str) -> Line {
        self.own(|language| language.say(key, &[]))
    }

    /// A cell for each language; one that spans both, where they say the same.
    pub(super) fn cells(&self, say: impl Fn(Language) -> Cell) -> Vec<Cell> {
        let plain = |cell: &Cell| cell.iter().map(Line::plain).collect::<Vec<_>>();
        let mut cells: Vec<Cell> = self.languages.iter().map(|language| say(*language)).collect();
        if cells.iter().all(|cell| plain(cell) == plain(&cells[0])) {
            cells.truncate(1);
        }
        cells
    }

    /// Something in the language of the whole report.
    pub(super) fn run(&self, text: &str) -> Run {
        Run::new(text, self.first().tag())
    }

    /// A number, a code, a name of a zone.
    pub(super) fn code(&self, text: &str) -> Line {
        Line(vec![self.run(text)])
    }

    /// Somebody's words of which nobody said the language.
    pub(super) fn undetermined(&self, mut line: Line) -> Line {
        for run in line.0.iter_mut().filter(|run| run.language.is_empty()) {
            self.first().tag().clone_into(&mut run.language);
        }
        line
    }

    fn tag<'t>(&self, language: Option<&'t str>) -> &'t str {
        language.filter(|tag| !tag.is_empty()).unwrap_or(self.first().tag())
    }

    /// A text in one language of the report: the original or its translation, if it has one.
    fn version(&self, text: &Text, language: Language) -> Option<Run> {
        let original = self.tag(text.language.as_deref());
        if Language::of_tag(original) == Some(language) {
            return Some(Run::new(&text.original, original));
        }
        let translated = text.translations.iter();
        let mut fitting = translated.filter(|(tag, _)| Language::of_tag(tag) == Some(language));
        fitting.next().map(|(tag, translation)| Run::new(&translation.text, tag))
    }

    /// A text in every language of the report that it has, and always as it was written.
    pub(super) fn versions(&self, text: &Text) -> Line {
        let mut line = self.each(|language| self.version(text, language));
        let original = Run::new(&text.original, self.tag(text.language.as_deref()));
        if !line.0.contains(&original) {
            if !line.0.is_empty() {
                line.0.push(self.run("\n"));
            }
            line.0.push(original);
        }
        line
    }

    /// The paragraphs of a text for the column of a language.
    pub(super) fn paragraphs(&self, text: &Text, language: Language) -> Cell {
        if text.is_empty() {
            return Vec::new();
        }
        let original = Run::new(&text.original, self.tag(text.language.as_deref()));
        let mut cell: Cell = Vec::new();
        match self.version(text, language) {
            Some(run) => cell.push(Line(vec![run])),
            None => cell.push(Line(vec![original.clone()])),
        }
        // Somewhere it must stand as it was written; the first column is the place.
        let shown =
            self.languages.iter().any(|l| self.version(text, *l).as_ref() == Some(&original));
        if language == self.first() && !shown && !cell[0].0.contains(&original) {
            cell.push(Line(vec![original]));
        }
        cell
    }

    /// Words of a plan in the plan's own language.
    pub(super) fn theirs(&self, text: &str, language: Option<&str>) -> Run {
        Run::new(text, self.tag(language))
    }
}

/// An organiser's words in a language: in another one, where they have none.
pub(in crate::export) fn words(words: &Words, language: Language) -> (&str, &str) {
    let in_it = words.iter().find(|(tag, _)| Language::of_tag(tag) == Some(language));
    let english = || words.iter().find(|(tag, _)| tag.as_str() == "en");
    let any = in_it.or_else(english).or_else(|| words.iter().next());
    any.map_or(("", "en"), |(tag, text)| (text, tag))
}

/// Somebody by their id.
pub(in crate::export) fn who(id: PersonId, dossier: &Dossier, language: Language) -> String {
    match dossier.person(id) {
        Some(one) => person(one, dossier, language),
        None => language.say("report.unknownPerson", &[]),
    }
}

/// Somebody: by name, or by role and site.
pub(in crate::export) fn person(person: &Person, dossier: &Dossier, language: Language) -> String {
    let sites = &dossier.source.event.sites;
    let site = sites.iter().find(|site| site.key == person.site);
    let place = site.map_or("", |site| words(&site.name, language).0);
    match dossier.personal {
        PersonalData::Without => {
            let role = language.word("role", person.role.as_str());
            language.say("report.person", &[("role", &role), ("place", place)])
        }
        PersonalData::With => {
            let organisation = person.organisation.as_deref().filter(|text| !text.is_empty());
            let parts = [Some(person.name.as_str()), organisation, Some(place)];
            parts
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

/// A name that only the board knows.
pub(in crate::export) fn name(name: &str, language: Language) -> String {
    if name == WITHHELD { language.say("report.somebody", &[]) } else { name.to_owned() }
}

/// Whoever leads.
pub(in crate::export) fn leader(who_leads: &Who, dossier: &Dossier, language: Language) -> String {
    match who_leads {
        Who::Here { participant_id } => who(*participant_id, dossier, language),
        Who::Elsewhere { name: known, organisation, country } => {
            let known = name(known, language);
            let parts = [known.as_str(), organisation, country.as_deref().unwrap_or_default()];
            parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(", ")
        }
    }
}
