//! Builds the neutral document from a dossier: cover, day, workshops, annex. What is empty has no
//! heading. What people wrote stands as they wrote it; a translation stands before its original.

mod plan;
pub(super) mod voice;

use crate::event::model::{Site, Words, Workshop};
use crate::export::document::{Block, Cell, Document, Line, Run, Table};
use crate::export::dossier::{Dossier, PersonalData, Scope};
use crate::export::words::Language;
use sangam_shared::board::{Board, Note};
use sangam_shared::ids::PersonId;
use sangam_shared::role::Role;
use std::collections::BTreeMap;
use voice::{Voice, person};

/// The report, in one language or in two side by side.
#[must_use]
pub fn build(dossier: &Dossier, languages: &[Language]) -> Document {
    let voice = Voice::new(languages);
    let event = &dossier.source.event;
    let first = voice.first();
    let title = voice::words(&event.title, first).0;
    let mut report = Report { dossier, voice, blocks: Vec::new() };
    report.cover();
    report.day();
    for (workshop, board) in event.workshops.iter().zip(&dossier.source.boards) {
        report.workshop(workshop, board);
    }
    report.annex();
    Document {
        title: first.say("report.title", &[("event", title)]),
        language: first.tag().to_owned(),
        date: event.date,
        blocks: report.blocks,
    }
}

struct Report<'d> {
    dossier: &'d Dossier,
    voice: Voice,
    blocks: Vec<Block>,
}

impl Report<'_> {
    fn heading(&mut self, level: u8, id: &str, line: Line) {
        self.blocks.push(Block::Heading { level, id: id.to_owned(), line });
    }

    fn cover(&mut self) {
        let event = &self.dossier.source.event;
        let title = self.voice.own(|language| {
            language.say("report.title", &[("event", voice::words(&event.title, language).0)])
        });
        self.blocks.push(Block::Title(title));
        let mut say = |line: Line| self.blocks.push(Block::Paragraph(line));
        say(self.voice.own(|language| language.day(event.date)));
        say(self.voice.say("report.lead"));
        let notice = match self.dossier.personal {
            PersonalData::Without => "report.anonymous",
            PersonalData::With => "report.personal",
        };
        self.blocks.push(Block::Aside(self.voice.say(notice)));
        if self.dossier.scope == Scope::All {
            self.blocks.push(Block::Aside(self.voice.say("report.everything")));
        }
        self.blocks.push(Block::Contents(self.voice.say("report.contents")));
    }

    fn day(&mut self) {
        self.heading(1, "day", self.voice.say("report.overview"));
        self.heading(2, "sites", self.voice.say("report.places"));
        let sites = &self.dossier.source.event.sites;
        let rows = sites.iter().map(|site| {
            vec![
                vec![self.voice.event_words(&site.name)],
                vec![self.voice.code(&site.time_zone)],
                vec![self.voice.code(&site.country)],
            ]
        });
        let table = Table {
            caption: self.voice.say("report.places"),
            header: Some(vec![
                self.voice.say("report.place"),
                self.voice.say("report.timeZone"),
                self.voice.say("report.country"),
            ]),
            row_headers: true,
            rows: rows.collect(),
        };
        self.blocks.push(Block::Table(table));
        self.attendance();
        self.programme();
    }

    fn attendance(&mut self) {
        const ROLES: [Role; 3] = [Role::Participant, Role::Facilitator, Role::Organiser];
        let people = &self.dossier.source.people;
        if people.is_empty() {
            return;
        }
        self.heading(2, "attendance", self.voice.say("report.attendance"));
        let count = |site: Option<&Site>, role: Option<Role>| {
            let here = people.iter().filter(|person| {
                site.is_none_or(|site| site.key == person.site)
                    && role.is_none_or(|role| role == person.role)
            });
            vec![self.voice.code(&here.count().to_string())]
        };
        let sites = &self.dossier.source.event.sites;
        let row = |name: Line, site: Option<&Site>| {
            let mut cells = vec![vec![name]];
            cells.extend(ROLES.map(|role| count(site, Some(role))));
            cells.push(count(site, None));
            cells
        };
        let mut rows: Vec<_> =
            sites.iter().map(|s| row(self.voice.event_words(&s.name), Some(s))).collect();
        rows.push(row(self.voice.say("report.total"), None));
        let mut header = vec![self.voice.say("report.place")];
        header.extend(ROLES.map(|role| self.voice.own(|l| l.word("role", role.as_str()))));
        header.push(self.voice.say("report.total"));
        let caption = self.voice.say("report.attendanceCaption");
        let table = Table { caption, header: Some(header), row_headers: true, rows };
        self.blocks.push(Block::Table(table));
        if self.dossier.personal == PersonalData::With {
            let first = self.voice.first();
            let names = people.iter().map(|one| Line::new(person(one, self.dossier, first), ""));
            let names = names.map(|line| self.voice.undetermined(line)).collect();
            self.blocks.push(Block::List(names));
        }
    }

    fn programme(&mut self) {
        let event = &self.dossier.source.event;
        if event.programme.is_empty() {
            return;
        }
        self.heading(2, "programme", self.voice.say("event.programme"));
        let mut header: Vec<_> =
            event.sites.iter().map(|site| self.voice.event_words(&site.name)).collect();
        header.push(self.voice.say("report.what"));
        let mut rows = Vec::new();
        for item in &event.programme {
            let mut cells: Vec<Cell> = Vec::new();
            for site in &event.sites {
                if item.sites.is_empty() || item.sites.contains(&site.key) {
                    let zone =
                        jiff::tz::TimeZone::get(&site.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
                    let start = item.starts_at.to_zoned(zone.clone());
                    let end = item.ends_at.to_zoned(zone);
                    let mut text = format!("{}–{}", start.strftime("%H:%M"), end.strftime("%H:%M"));
                    let days = event.date.until(start.date()).map_or(0, |span| span.get_days());
                    if days != 0 {
                        text = format!("{text} ({days:+})");
                    }
                    cells.push(vec![self.voice.code(&text)]);
                } else {
                    cells.push(Vec::new());
                }
            }
            let mut what = vec![self.voice.event_words(&item.title)];
            if let Some(name) = &item.moderator {
                what.push(self.voice.own(|l| l.say("event.moderator", &[("name", name)])));
            }
            if !item.speakers.is_empty() {
                let names = item.speakers.join(" · ");
                what.push(self.voice.own(|l| l.say("report.speakers", &[("names", &names)])));
            }
            if let Some(url) = &item.url {
                let mut line = self.voice.say("event.video");
                line.0.iter_mut().for_each(|run| *run = run.clone().to(url));
                what.push(line.and(self.voice.run(": ")).and(self.voice.run(url).to(url)));
            }
            cells.push(what);
            rows.push(cells);
        }
        let caption = self.voice.say("report.programmeCaption");
        let table = Table { caption, header: Some(header), row_headers: false, rows };
        self.blocks.push(Block::Table(table));
    }

    fn workshop(&mut self, workshop: &Workshop, board: &Board) {
        let n = workshop.number;
        let title = self.numbered(workshop);
        self.heading(1, &format!("workshop-{n}"), title);
        let question = if board.question.trim().is_empty() {
            self.voice.event_words(&workshop.question)
        } else {
            self.voice.board_question(&board.question, &workshop.question)
        };
        if !question.is_empty() {
            self.heading(2, &format!("workshop-{n}-question"), self.voice.say("report.question"));
            self.blocks.push(Block::Paragraph(question));
        }
        if !workshop.facilitators.is_empty() {
            let names: Vec<_> = workshop.facilitators.iter().map(|f| f.name.as_str()).collect();
            let names = names.join(", ");
            let line = self.voice.own(|l| l.say("report.facilitators", &[("names", &names)]));
            self.blocks.push(Block::Aside(line));
        }
        self.practices(n, board);
        self.clusters(n, board);
        if !board.plans.is_empty() {
            self.heading(2, &format!("workshop-{n}-plans"), self.voice.say("board.plans"));
            for (at, one) in board.plans.iter().enumerate() {
                let title = plan::title(one, &self.voice);
                self.heading(3, &format!("plan-{n}-{}", at + 1), title);
                let table = plan::facts(one, board, self.dossier, &self.voice);
                if !table.rows.is_empty() {
                    self.blocks.push(Block::Table(table));
                }
            }
        }
        if !board.minutes.trim().is_empty() {
            self.heading(2, &format!("workshop-{n}-minutes"), self.voice.say("board.minutes"));
            // One block a line: two hundred thousand characters are no paragraph.
            for line in board.minutes.split('\n').filter(|line| !line.trim().is_empty()) {
                let line = line.strip_suffix('\r').unwrap_or(line);
                self.blocks.push(Block::Paragraph(self.voice.undetermined(Line::new(line, ""))));
            }
        }
    }

    fn numbered(&self, workshop: &Workshop) -> Line {
        let number = workshop.number.to_string();
        self.voice.own(|language| {
            let start = language.say("event.workshop", &[("number", &number)]);
            let title = voice::words(&workshop.title, language).0;
            // French sets a no-break space before its colon.
            let colon = if language == Language::French { "\u{a0}: " } else { ": " };
            format!("{start}{colon}{title}")
        })
    }

    /// Good practices, by the country of the site that they come from.
    fn practices(&mut self, n: u32, board: &Board) {
        let sites = &self.dossier.source.event.sites;
        let mut by_country: BTreeMap<usize, Vec<&Note>> = BTreeMap::new();
        for note in board.practices.iter().filter(|note| !note.text.is_empty()) {
            let site = note.site.as_ref().and_then(|key| sites.iter().find(|s| s.key == *key));
            // Countries stand in the order of their first sites.
            let at = site.and_then(|s| sites.iter().position(|o| o.country == s.country));
            by_country.entry(at.unwrap_or(usize::MAX)).or_default().push(note);
        }
        for (at, notes) in by_country {
            let line = self.voice.own(|language| {
                let place = match sites.get(at) {
                    Some(first) => {
                        let here = sites.iter().filter(|site| site.country == first.country);
                        let names: Vec<_> =
                            here.map(|site| voice::words(&site.name, language).0).collect();
                        format!("{} ({})", names.join(", "), first.country)
                    }
                    None => language.say("report.elsewhere", &[]),
                };
                language.say("report.practicesOf", &[("place", &place)])
            });
            let id = sites.get(at).map_or("elsewhere".to_owned(), |site| site.key.to_string());
            self.heading(2, &format!("workshop-{n}-practices-{id}"), line);
            let points = notes.into_iter().map(|note| self.note(note)).collect();
            self.blocks.push(Block::List(points));
        }
    }

    /// A note with its author and, where the dossier names people, their name.
    fn note(&self, note: &Note) -> Line {
        let mut line = self.voice.versions(&note.text);
        if self.dossier.personal == PersonalData::With
            && let Some(author) = note.trace.author
        {
            line = line.and(self.voice.run(&format!(" ({})", self.who(author))));
        }
        line
    }

    fn who(&self, id: PersonId) -> String {
        voice::who(id, self.dossier, self.voice.first())
    }

    fn clusters(&mut self, n: u32, board: &Board) {
        let ideas: Vec<_> = board.ideas.iter().filter(|idea| !idea.text.is_empty()).collect();
        let known = |idea: &Note| board.clusters.iter().any(|c| Some(c.id) == idea.cluster);
        let loose: Vec<_> = ideas.iter().filter(|idea| !known(idea)).collect();
        if ideas.is_empty() && board.clusters.iter().all(|cluster| cluster.name.is_empty()) {
            return;
        }
        self.heading(2, &format!("workshop-{n}-ideas"), self.voice.say("report.clusters"));
        for (at, cluster) in board.clusters.iter().enumerate() {
            let inside: Vec<_> =
                ideas.iter().filter(|idea| idea.cluster == Some(cluster.id)).collect();
            if inside.is_empty() && cluster.name.is_empty() {
                continue;
            }
            let mut name = self.voice.versions(&cluster.name);
            if cluster.name.is_empty() {
                name = self.voice.say("report.untitled");
            }
            self.heading(3, &format!("cluster-{n}-{}", at + 1), name);
            if let (Some(effort), Some(impact)) = (cluster.effort, cluster.impact) {
                let (effort, impact) = (percent(effort), percent(impact));
                let values = [("effort", effort.as_str()), ("impact", impact.as_str())];
                let line = self.voice.own(|language| language.say("report.effortImpact", &values));
                self.blocks.push(Block::Aside(line));
            }
            if !inside.is_empty() {
                self.blocks.push(Block::List(inside.iter().map(|idea| self.note(idea)).collect()));
            }
        }
        if !loose.is_empty() {
            if !board.clusters.is_empty() {
                let line = self.voice.say("board.unclustered");
                self.heading(3, &format!("cluster-{n}-none"), line);
            }
            self.blocks.push(Block::List(loose.iter().map(|idea| self.note(idea)).collect()));
        }
    }

    /// Every idea with its provenance.
    fn annex(&mut self) {
        let source = &self.dossier.source;
        let mut tables = Vec::new();
        for (workshop, board) in source.event.workshops.iter().zip(&source.boards) {
            let ideas = board.ideas.iter().filter(|idea| !idea.text.is_empty());
            let rows: Vec<_> = ideas.map(|idea| self.provenance(idea, board)).collect();
            if rows.is_empty() {
                continue;
            }
            let number = workshop.number.to_string();
            let caption = self.voice.own(|l| l.say("report.annexCaption", &[("number", &number)]));
            let header = ["report.idea", "report.from", "report.cluster", "report.usedIn"];
            let header = Some(header.map(|key| self.voice.say(key)).to_vec());
            tables.push((
                workshop.number,
                self.numbered(workshop),
                Table { caption, header, row_headers: false, rows },
            ));
        }
        if tables.is_empty() {
            return;
        }
        self.heading(1, "annex", self.voice.say("report.annex"));
        for (n, line, table) in tables {
            self.heading(2, &format!("annex-{n}"), line);
            self.blocks.push(Block::Table(table));
        }
    }

    fn provenance(&self, idea: &Note, board: &Board) -> Vec<Cell> {
        let from = match (idea.trace.author, &idea.site) {
            (Some(author), _) => self.voice.own(|l| voice::who(author, self.dossier, l)),
            (None, Some(key)) => {
                let site = self.dossier.source.event.sites.iter().find(|site| site.key == *key);
                site.map_or_else(Line::default, |site| self.voice.event_words(&site.name))
            }
            (None, None) => Line::default(),
        };
        let cluster = board.clusters.iter().find(|cluster| Some(cluster.id) == idea.cluster);
        let plans = board.plans.iter().filter(|plan| plan.origin_ideas.contains(&idea.id));
        vec![
            vec![self.voice.versions(&idea.text)],
            vec![from],
            vec![cluster.map_or_else(Line::default, |c| self.voice.versions(&c.name))],
            plans.map(|one| plan::title(one, &self.voice)).collect(),
        ]
    }
}

fn percent(value: f64) -> String {
    format!("{:.0}", value * 100.0)
}

impl Voice {
    fn event_words(&self, words: &Words) -> Line {
        self.each(|language| {
            let (text, tag) = voice::words(words, language);
            Some(Run::new(text, tag))
        })
    }

    /// The question as the board has it now; as the event translates it, where nobody changed it.
    fn board_question(&self, question: &str, words: &Words) -> Line {
        if let Some((tag, _)) = words.iter().find(|(_, text)| *text == question) {
            let line = self.event_words(words);
            if line.0.iter().any(|run| run.text == question) {
                return line;
            }
            line.and(self.run("\n")).and(Run::new(question, tag))
        } else {
            self.undetermined(Line::new(question, ""))
        }
    }
}
