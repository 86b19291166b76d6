//! Whether what was read makes sense: every name that is referred to exists, every limit is kept,
//! every text is there in every language.

use super::board::{NoteSeed, PlanSeed};
use super::{EventFile, FileError, Ref, SpannedWords, WorkshopEntry, line_of};
use crate::event::names;
use sangam_shared::ids::Key;
use sangam_shared::{limits, schema};
use std::collections::HashSet;
use std::ops::Range;

pub(super) fn check(text: &str, file: &EventFile) -> Result<(), FileError> {
    let mut check = Check { text, languages: file.languages.get_ref(), ..Check::default() };
    check.languages_themselves(file)?;
    check.key(&file.slug, "slug")?;
    check.words(&file.title, "title")?;
    let date = check.day(&file.date, "date")?;
    check.count(file.sites.len(), 1..=limits::SITES_MAX, "site")?;
    check.count(file.workshops.len(), 1..=limits::WORKSHOPS_MAX, "workshop")?;
    check.count(file.programme.len(), 0..=limits::PROGRAMME_ITEMS_MAX, "programme")?;
    check.count(file.commons.len(), 0..=limits::COMMONS_MAX, "common")?;
    check.count(file.people.len(), 0..=limits::PEOPLE_PER_EVENT_MAX, "person")?;
    check.sites(file)?;
    check.programme(file, date)?;
    check.commons(file)?;
    check.people(file)?;
    for link in &file.links {
        if let Some(site) = &link.site {
            check.one_of(site, "site", &check.sites)?;
        }
    }
    for workshop in &file.workshops {
        check.words(&workshop.title, "title")?;
        check.words(&workshop.question, "question")?;
        for facilitator in &workshop.facilitators {
            check.one_of(&facilitator.site, "site", &check.sites)?;
            check.line(&facilitator.name, "name", limits::PERSON_NAME_CHARS_MAX)?;
        }
        check.board(workshop)?;
    }
    Ok(())
}

#[derive(Default)]
struct Check<'a> {
    text: &'a str,
    languages: &'a [String],
    sites: HashSet<&'a str>,
    commons: HashSet<&'a str>,
    people: HashSet<&'a str>,
}

impl<'a> Check<'a> {
    fn fail<T>(
        &self,
        span: &Range<usize>,
        field: &str,
        expected: impl Into<String>,
    ) -> Result<T, FileError> {
        Err(FileError {
            line: line_of(self.text, span.start),
            field: format!("field `{field}`"),
            expected: expected.into(),
        })
    }

    fn count(
        &self,
        found: usize,
        allowed: std::ops::RangeInclusive<usize>,
        field: &str,
    ) -> Result<(), FileError> {
        if allowed.contains(&found) {
            return Ok(());
        }
        let at = self.text.find(&format!("[[{field}]]")).unwrap_or(0);
        let (least, most) = allowed.into_inner();
        self.fail(&(at..at), field, format!("expected {least} to {most} of them, found {found}"))
    }

    fn languages_themselves(&self, file: &EventFile) -> Result<(), FileError> {
        let span = file.languages.span();
        let mut seen = HashSet::new();
        for language in self.languages {
            let plain = (2..=20).contains(&language.len())
                && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && language.as_bytes()[..2].iter().all(u8::is_ascii_lowercase);
            if !plain || !seen.insert(language) {
                let expected =
                    format!("expected language tags such as \"fr\", each once, found {language:?}");
                return self.fail(&span, "languages", expected);
            }
        }
        if self.languages.is_empty() {
            return self.fail(&span, "languages", "expected at least one language");
        }
        Ok(())
    }

    fn key(&self, key: &Ref, field: &str) -> Result<(), FileError> {
        Key::parse(key.get_ref())
            .map(drop)
            .or_else(|e| self.fail(&key.span(), field, e.to_string()))
    }

    fn words(&self, words: &SpannedWords, field: &str) -> Result<(), FileError> {
        for language in self.languages {
            if words.get_ref().get(language).is_none_or(|text| text.trim().is_empty()) {
                let expected = format!("expected a text in {language:?}, which `languages` lists");
                return self.fail(&words.span(), field, expected);
            }
        }
        for (language, text) in words.get_ref() {
            if text.encode_utf16().count() > limits::NOTE_CHARS_MAX {
                let expected = format!("expected at most {} characters", limits::NOTE_CHARS_MAX);
                return self.fail(&words.span(), &format!("{field}.{language}"), expected);
            }
        }
        Ok(())
    }

    fn line(&self, text: &Ref, field: &str, chars_max: usize) -> Result<(), FileError> {
        match names::clean(text.get_ref(), chars_max) {
            Ok(_) => Ok(()),
            Err(error) => {
                let expected = format!("expected 1 to {chars_max} characters; this {error}");
                self.fail(&text.span(), field, expected)
            }
        }
    }

    fn text(&self, text: &Ref, field: &str, chars_max: usize) -> Result<(), FileError> {
        let count = text.get_ref().encode_utf16().count();
        if text.get_ref().trim().is_empty() || count > chars_max {
            let expected = format!("expected 1 to {chars_max} characters, found {count}");
            return self.fail(&text.span(), field, expected);
        }
        Ok(())
    }

    fn day(&self, day: &Ref, field: &str) -> Result<jiff::civil::Date, FileError> {
        day.get_ref().parse().or_else(|_| {
            let expected = format!("expected a day like \"2022-04-08\", found {:?}", day.get_ref());
            self.fail(&day.span(), field, expected)
        })
    }

    fn one_of(&self, name: &Ref, field: &str, known: &HashSet<&str>) -> Result<(), FileError> {
        if known.contains(name.get_ref().as_str()) {
            return Ok(());
        }
        let mut known: Vec<_> = known.iter().copied().collect();
        known.sort_unstable();
        let known = if known.is_empty() { "nothing yet".to_owned() } else { known.join(", ") };
        let expected = format!("expected one of: {known}; found {:?}", name.get_ref());
        self.fail(&name.span(), field, expected)
    }

    fn word(&self, word: &Ref, field: &str, known: &[&str]) -> Result<(), FileError> {
        self.one_of(word, field, &known.iter().copied().collect())
    }

    fn language(&self, language: &Ref) -> Result<(), FileError> {
        self.one_of(language, "lang", &self.languages.iter().map(String::as_str).collect())
    }

    fn url(&self, url: &Ref, field: &str) -> Result<(), FileError> {
        let text = url.get_ref();
        let web = text.starts_with("https://") || text.starts_with("http://");
        let fits = text.len() <= limits::VALUE_BYTES_MAX && !text.contains(char::is_whitespace);
        if web && fits {
            return Ok(());
        }
        self.fail(&url.span(), field, format!("expected an https:// address, found {text:?}"))
    }

    fn country(&self, country: &Ref) -> Result<(), FileError> {
        let code = country.get_ref();
        if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Ok(());
        }
        let expected = format!("expected a country code like \"FR\", found {code:?}");
        self.fail(&country.span(), "country", expected)
    }

    fn unique(
        &self,
        seen: &mut HashSet<&'a str>,
        name: &'a Ref,
        field: &str,
    ) -> Result<(), FileError> {
        if seen.insert(name.get_ref()) {
            return Ok(());
        }
        let expected =
            format!("expected a name that stands once, found {:?} again", name.get_ref());
        self.fail(&name.span(), field, expected)
    }

    fn sites(&mut self, file: &'a EventFile) -> Result<(), FileError> {
        let mut seen = HashSet::new();
        for site in &file.sites {
            self.key(&site.key, "key")?;
            self.unique(&mut seen, &site.key, "key")?;
            self.words(&site.name, "name")?;
            self.country(&site.country)?;
            if jiff::tz::TimeZone::get(site.time_zone.get_ref()).is_err() {
                let expected = format!(
                    "expected an IANA time zone like \"Europe/Paris\", found {:?}",
                    site.time_zone.get_ref()
                );
                return self.fail(&site.time_zone.span(), "time_zone", expected);
            }
            if site.language.get_ref().len() < 2 {
                return self.fail(&site.language.span(), "language", "expected a language tag");
            }
            self.count(site.holidays.len(), 0..=limits::HOLIDAYS_MAX, "holidays")?;
            for day in &site.holidays {
                self.day(day, "holidays")?;
            }
        }
        self.sites = seen;
        Ok(())
    }

    fn programme(&self, file: &EventFile, date: jiff::civil::Date) -> Result<(), FileError> {
        let mut last = jiff::civil::Time::midnight();
        for item in &file.programme {
            self.words(&item.title, "title")?;
            let starts = self.time(&item.starts, "starts")?;
            let ends = self.time(&item.ends, "ends")?;
            if ends <= starts {
                let expected = format!("expected a time after {starts}, when the item starts");
                return self.fail(&item.ends.span(), "ends", expected);
            }
            if starts < last {
                let expected = format!("expected {last} or later: items stand in order of time");
                return self.fail(&item.starts.span(), "starts", expected);
            }
            last = starts;
            for site in &item.sites {
                self.one_of(site, "sites", &self.sites)?;
            }
            if let Some(url) = &item.url {
                self.url(url, "url")?;
            }
        }
        // The times must exist on that day at the first site: clocks may jump.
        let zone = file.sites.first().map(|site| site.time_zone.get_ref().as_str());
        if zone.is_some_and(|zone| date.at(12, 0, 0, 0).in_tz(zone).is_err()) {
            return self.fail(&file.date.span(), "date", "expected a day within the calendar");
        }
        Ok(())
    }

    fn time(&self, time: &Ref, field: &str) -> Result<jiff::civil::Time, FileError> {
        jiff::civil::Time::strptime("%H:%M", time.get_ref()).or_else(|_| {
            let expected = format!("expected a time like \"09:30\", found {:?}", time.get_ref());
            self.fail(&time.span(), field, expected)
        })
    }

    fn commons(&mut self, file: &'a EventFile) -> Result<(), FileError> {
        let mut seen = HashSet::new();
        for common in &file.commons {
            self.key(&common.key, "key")?;
            self.unique(&mut seen, &common.key, "key")?;
            self.line(&common.name, "name", limits::ORGANISATION_CHARS_MAX)?;
            self.url(&common.url, "url")?;
            self.country(&common.country)?;
            if let Some(url) = &common.publiccode_url {
                self.url(url, "publiccode_url")?;
            }
        }
        self.commons = seen;
        Ok(())
    }

    fn people(&mut self, file: &'a EventFile) -> Result<(), FileError> {
        let mut seen = HashSet::new();
        for person in &file.people {
            self.key(&person.key, "key")?;
            self.unique(&mut seen, &person.key, "key")?;
            self.line(&person.name, "name", limits::PERSON_NAME_CHARS_MAX)?;
            self.one_of(&person.site, "site", &self.sites)?;
        }
        self.people = seen;
        Ok(())
    }

    fn board(&self, board: &WorkshopEntry) -> Result<(), FileError> {
        let mut clusters = HashSet::new();
        for cluster in &board.clusters {
            self.unique(&mut clusters, &cluster.key, "key")?;
            self.text(&cluster.name, "name", limits::SHORT_TEXT_CHARS_MAX)?;
            self.language(&cluster.lang)?;
        }
        let notes = |notes: &[NoteSeed]| -> Result<(), FileError> {
            for note in notes {
                self.text(&note.text, "text", limits::NOTE_CHARS_MAX)?;
                self.language(&note.lang)?;
                self.one_of(&note.author, "author", &self.people)?;
                if let Some(cluster) = &note.cluster {
                    self.one_of(cluster, "cluster", &clusters)?;
                }
            }
            Ok(())
        };
        notes(&board.practices)?;
        notes(&board.ideas)?;
        let ideas: HashSet<&str> = board.ideas.iter().filter_map(|i| i.key.as_deref()).collect();
        board.plans.iter().try_for_each(|plan| self.plan(plan, &ideas))
    }

    fn plan(&self, plan: &PlanSeed, ideas: &HashSet<&str>) -> Result<(), FileError> {
        self.text(&plan.title, "title", limits::SHORT_TEXT_CHARS_MAX)?;
        self.language(&plan.lang)?;
        self.one_of(&plan.author, "author", &self.people)?;
        let owner = plan.first_step.as_ref().and_then(|step| step.owner.as_ref());
        let people = [("lead", plan.lead.as_ref()), ("co_lead", plan.co_lead.as_ref())];
        for (field, person) in people.into_iter().chain([("owner", owner)]) {
            if let Some(person) = person {
                self.one_of(person, field, &self.people)?;
            }
        }
        for (field, day) in [("start", &plan.start), ("due", &plan.due)] {
            if let Some(day) = day {
                self.day(day, field)?;
            }
        }
        if let Some(day) = plan.first_step.as_ref().and_then(|step| step.due.as_ref()) {
            self.day(day, "due")?;
        }
        for stakeholder in &plan.stakeholders {
            self.word(&stakeholder.role, "role", schema::STAKEHOLDER_ROLES)?;
        }
        for milestone in &plan.milestones {
            if let Some(day) = &milestone.due {
                self.day(day, "due")?;
            }
            if let Some(owner) = &milestone.owner {
                self.one_of(owner, "owner", &self.people)?;
            }
        }
        for resource in &plan.resources {
            self.word(&resource.kind, "kind", schema::RESOURCE_KINDS)?;
            self.word(&resource.state, "state", schema::RESOURCE_STATES)?;
        }
        for citation in &plan.commons {
            self.one_of(&citation.common, "common", &self.commons)?;
            self.word(&citation.relation, "relation", schema::COMMONS_RELATIONS)?;
        }
        for evidence in &plan.evidence {
            self.word(&evidence.kind, "type", schema::EVIDENCE_TYPES)?;
        }
        for idea in &plan.from_ideas {
            self.one_of(idea, "from_ideas", ideas)?;
        }
        Ok(())
    }
}
