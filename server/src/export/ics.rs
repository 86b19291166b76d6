//! Deadlines as a calendar (RFC 5545): an event on the day, and beside it a task that is due at the
//! end of that day in the zone of whoever owes it.

use crate::export::dossier::Dossier;
use crate::export::report::voice;
use crate::export::text::visible;
use crate::export::words::Language;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use sangam_shared::ids::PersonId;
use std::collections::BTreeSet;

/// A day by which something is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Deadline {
    /// Unique for ever, and the same in every export.
    pub uid: String,
    /// What is due.
    pub summary: String,
    /// More about it.
    pub description: String,
    /// Who owes it.
    pub owner: Option<String>,
    /// The day.
    pub due: Date,
    /// The owner's zone, by its IANA name.
    pub time_zone: String,
}

/// A calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// When it was written.
    pub at: Timestamp,
    /// In order of their days.
    pub deadlines: Vec<Deadline>,
}

/// Every deadline of the plans, in the language of the calendar: first steps, milestones, ends.
#[must_use]
pub fn build(dossier: &Dossier, language: Language) -> Calendar {
    let source = &dossier.source;
    let mut deadlines = Vec::new();
    for (workshop, board) in source.event.workshops.iter().zip(&source.boards) {
        let words = |key: &str, title: &str| language.say(key, &[("title", title)]);
        for plan in &board.plans {
            let zone = |own: Option<&str>| {
                let known = own.or(plan.time_zone.as_deref()).filter(|zone| is_zone(zone));
                known.unwrap_or(&source.event.sites[0].time_zone).to_owned()
            };
            let who = |id: PersonId| voice::who(id, dossier, language);
            let owner_zone = |id: Option<PersonId>| {
                let person = id.and_then(|id| dossier.person(id))?;
                let site = source.event.sites.iter().find(|site| site.key == person.site)?;
                Some(site.time_zone.as_str())
            };
            let number = workshop.number.to_string();
            let place = language.say("event.workshop", &[("number", &number)]);
            let title = [plan.reference.as_str(), plan.title.in_language(language.tag())];
            let title = title.join(" ").trim().to_owned();
            let step = &plan.first_step;
            let lead = plan.lead.as_ref().map(|lead| voice::leader(lead, dossier, language));
            if let Some(due) = step.due {
                let named = (!step.owner_name.trim().is_empty())
                    .then(|| voice::name(&step.owner_name, language));
                deadlines.push(Deadline {
                    uid: format!("{}-step", plan.id),
                    summary: words("report.firstStepOf", &title),
                    description: format!("{}\n{place}", step.text).trim().to_owned(),
                    owner: step.owner.map(who).or(named),
                    due,
                    time_zone: zone(step.time_zone.as_deref().or(owner_zone(step.owner))),
                });
            }
            for milestone in &plan.milestones {
                let Some(due) = milestone.due else { continue };
                let parts = [title.as_str(), milestone.deliverable.as_str(), place.as_str()];
                let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                deadlines.push(Deadline {
                    uid: format!("{}-milestone", milestone.id),
                    summary: words("report.milestoneOf", &milestone.title),
                    description: parts.join("\n"),
                    owner: milestone.owner.map(who),
                    due,
                    time_zone: zone(owner_zone(milestone.owner)),
                });
            }
            if let Some(due) = plan.due_date {
                deadlines.push(Deadline {
                    uid: format!("{}-due", plan.id),
                    summary: words("report.deadline", &title),
                    description: format!("{}\n{place}", plan.expected_result.original)
                        .trim()
                        .to_owned(),
                    owner: lead,
                    due,
                    time_zone: zone(None),
                });
            }
        }
    }
    deadlines.sort_by(|a, b| (a.due, &a.uid).cmp(&(b.due, &b.uid)));
    let name = voice::words(&source.event.title, language).0.to_owned();
    Calendar { name, language: language.tag().to_owned(), at: source.at, deadlines }
}

/// A zone that everybody knows. Its name goes into the file unescaped, so it must look like one.
fn is_zone(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    name.chars().all(plain) && TimeZone::get(name).is_ok()
}

/// Octets of a line, without its end.
const LINE_OCTETS_MAX: usize = 75;

/// The whole file. Adds to `replaced` how many characters were replaced by a visible sign.
#[must_use]
pub fn write(calendar: &Calendar, replaced: &mut usize) -> String {
    let mut out = Lines { text: String::new(), replaced };
    out.raw("BEGIN:VCALENDAR");
    out.raw("VERSION:2.0");
    out.raw("PRODID:-//Sangam//Sangam//EN");
    out.raw("CALSCALE:GREGORIAN");
    out.raw("METHOD:PUBLISH");
    out.say(&format!("NAME;LANGUAGE={}", calendar.language), &calendar.name);
    out.say("X-WR-CALNAME", &calendar.name);
    let mut zones = BTreeSet::new();
    for deadline in &calendar.deadlines {
        if is_zone(&deadline.time_zone)
            && zones.insert(deadline.time_zone.as_str())
            && let Ok(zone) = TimeZone::get(&deadline.time_zone)
        {
            let days = calendar.deadlines.iter().map(|deadline| deadline.due);
            let (first, last) = (days.clone().min(), days.max());
            if let (Some(first), Some(last)) = (first, last) {
                time_zone(&mut out, &deadline.time_zone, &zone, first, last);
            }
        }
    }
    let stamp = utc(calendar.at);
    for deadline in &calendar.deadlines {
        let day = deadline.due.strftime("%Y%m%d").to_string();
        out.raw("BEGIN:VEVENT");
        out.say("UID", &format!("{}-day", deadline.uid));
        out.raw(&format!("DTSTAMP:{stamp}"));
        // One day, all of it: without an end, as RFC 5545 wants it.
        out.raw(&format!("DTSTART;VALUE=DATE:{day}"));
        out.raw("TRANSP:TRANSPARENT");
        about(&mut out, deadline);
        out.raw("END:VEVENT");
        out.raw("BEGIN:VTODO");
        out.say("UID", &format!("{}-task", deadline.uid));
        out.raw(&format!("DTSTAMP:{stamp}"));
        if is_zone(&deadline.time_zone) {
            out.raw(&format!("DUE;TZID={}:{day}T235900", deadline.time_zone));
        } else {
            out.raw(&format!("DUE;VALUE=DATE:{day}"));
        }
        out.raw("STATUS:NEEDS-ACTION");
        about(&mut out, deadline);
        out.raw("END:VTODO");
    }
    out.raw("END:VCALENDAR");
    out.text
}

fn about(out: &mut Lines<'_>, deadline: &Deadline) {
    out.say("SUMMARY", &deadline.summary);
    let owner = deadline.owner.as_deref().unwrap_or_default();
    let parts: Vec<_> = [owner, deadline.description.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    if !parts.is_empty() {
        out.say("DESCRIPTION", &parts.join("\n"));
    }
}

/// A zone, as its changes of offset between a year before the first day and a year after the last.
fn time_zone(out: &mut Lines<'_>, name: &str, zone: &TimeZone, first: Date, last: Date) {
    let start = first.saturating_sub(1.year()).at(0, 0, 0, 0).to_zoned(TimeZone::UTC);
    let end = last.saturating_add(1.year()).at(0, 0, 0, 0).to_zoned(TimeZone::UTC);
    let (Ok(start), Ok(end)) = (start, end) else { return };
    let (start, end) = (start.timestamp(), end.timestamp());
    out.raw("BEGIN:VTIMEZONE");
    out.raw(&format!("TZID:{name}"));
    let mut before = zone.to_offset(start);
    let observe = |out: &mut Lines<'_>, at: Timestamp, from: jiff::tz::Offset| {
        let info = zone.to_offset_info(at);
        let kind = if info.dst().is_dst() { "DAYLIGHT" } else { "STANDARD" };
        out.raw(&format!("BEGIN:{kind}"));
        // The wall clock just before the change.
        out.raw(&format!("DTSTART:{}", from.to_datetime(at).strftime("%Y%m%dT%H%M%S")));
        out.raw(&format!("TZOFFSETFROM:{}", offset(from)));
        out.raw(&format!("TZOFFSETTO:{}", offset(info.offset())));
        out.say("TZNAME", info.abbreviation());
        out.raw(&format!("END:{kind}"));
        info.offset()
    };
    before = observe(out, start, before);
    for change in zone.following(start).take_while(|change| change.timestamp() <= end).take(400) {
        before = observe(out, change.timestamp(), before);
    }
    out.raw("END:VTIMEZONE");
}

fn offset(offset: jiff::tz::Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let text = format!("{sign}{:02}{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 == 0 { text } else { format!("{text}{:02}", seconds % 60) }
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

struct Lines<'r> {
    text: String,
    replaced: &'r mut usize,
}

impl Lines<'_> {
    /// A property whose value is text.
    fn say(&mut self, name: &str, value: &str) {
        let mut value = value.to_owned();
        visible(&mut value, self.replaced);
        let value = value
            .replace('\\', "\\\\")
            .replace(';', "\\;")
            .replace(',', "\\,")
            .replace('\n', "\\n");
        self.raw(&format!("{name}:{value}"));
    }

    /// A line, folded. It holds no line end: a text could add properties otherwise.
    fn raw(&mut self, line: &str) {
        debug_assert!(!line.contains(['\r', '\n']), "{line:?}");
        let mut octets = 0;
        for c in line.chars().filter(|c| !matches!(c, '\r' | '\n')) {
            if octets + c.len_utf8() > LINE_OCTETS_MAX {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(c);
            octets += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn calendar(summary: &str) -> Calendar {
        Calendar {
            name: "Demo".into(),
            language: "en".into(),
            at: "2022-04-08T16:00:00Z".parse().unwrap(),
            deadlines: vec![Deadline {
                uid: "u@x".into(),
                summary: summary.into(),
                description: String::new(),
                owner: None,
                due: date(2022, 4, 11),
                time_zone: "Europe/Paris".into(),
            }],
        }
    }

    #[test]
    fn a_text_adds_no_property() {
        let mut replaced = 0;
        let text = write(&calendar("a\r\nATTACH:file:///etc/passwd\rX;Y,Z\\"), &mut replaced);
        assert!(text.contains("SUMMARY:a\\nATTACH:file:///etc/passwd␍X\\;Y\\,Z\\\\\r\n"), "{text}");
        assert!(!text.contains("\nATTACH"));
        // Once in the event, once in the task.
        assert_eq!(replaced, 2);
    }

    #[test]
    fn lines_are_folded_between_characters() {
        let text = write(&calendar(&"हि".repeat(200)), &mut 0);
        assert!(text.lines().all(|line| line.len() <= LINE_OCTETS_MAX), "{text}");
        assert!(text.replace("\r\n ", "").contains(&"हि".repeat(200)));
    }

    #[test]
    fn a_task_is_due_in_its_owner_s_zone() {
        let text = write(&calendar("a"), &mut 0);
        assert!(text.contains("DTSTART;VALUE=DATE:20220411\r\n"));
        assert!(text.contains("DUE;TZID=Europe/Paris:20220411T235900\r\n"));
        // The change to summer time of that year.
        let daylight = "BEGIN:DAYLIGHT\r\nDTSTART:20220327T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n";
        assert!(text.contains(daylight), "{text}");
    }
}
