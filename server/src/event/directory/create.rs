//! An event comes to be: its records, boards, people and links, all at once.

use super::{Events, EventsError, put};
use crate::event::audit::{Act, By, Entry};
use crate::event::file::EventFile;
use crate::event::model::{
    Common, Event, Facilitator, Link, Person, ProgrammeItem, Site, Standing, Workshop,
};
use crate::event::{names, seed};
use crate::store::{Append, Author, Delta};
use bytes::Bytes;
use sangam_shared::ids::{DocumentId, EventId, Key, PersonId, WorkshopId};
use sangam_shared::limits;
use sangam_shared::role::Role;
use std::collections::HashMap;
use std::sync::Arc;

impl Events {
    /// Makes an event of a file, with its boards, people and links, all at once or not at all.
    ///
    /// # Errors
    /// [`EventsError::Exists`], or the store's.
    pub async fn create(&self, file: &EventFile) -> Result<Arc<Event>, EventsError> {
        let turn = self.turn().await;
        let made = self.make(file)?;
        if self.read().slugs.contains_key(&made.event.slug) {
            return Err(EventsError::Exists(made.event.slug.clone()));
        }
        // Boards first: an event that is listed has its boards.
        for (document, update) in made.boards {
            let delta = Delta {
                author: Author::Server,
                at_ms: self.clock.now_ms(),
                update: Bytes::from(update),
            };
            let append =
                Append { document, expected_head: 0, deltas: vec![delta], claims: Vec::new() };
            self.store.append(append).await?;
        }
        let id = made.event.id;
        let mut changes = vec![put(id, "event", &id.to_string(), &made.event)];
        changes.extend(made.people.iter().map(|p| put(id, "person", &p.id.to_string(), p)));
        changes.extend(made.links.iter().map(|l| put(id, "link", &l.id.to_string(), l)));
        let entry = Entry::new(id, By::Operator, Act::EventCreated);
        self.commit(turn, entry, changes).await?;
        Ok(self.read().events[&id].event.clone())
    }

    fn make(&self, file: &EventFile) -> Result<Made, EventsError> {
        let field = |field| move |e: String| EventsError::Field { field, why: e };
        let key = |text: &str, name| Key::parse(text).map_err(|e| field(name)(e.to_string()));
        let now_ms = self.clock.now_ms();
        let mut sites = Vec::new();
        for site in &file.sites {
            sites.push(Site {
                key: key(site.key.get_ref(), "key")?,
                name: site.name.get_ref().clone(),
                time_zone: site.time_zone.get_ref().clone(),
                country: site.country.get_ref().clone(),
                language: site.language.get_ref().clone(),
                holidays: site
                    .holidays
                    .iter()
                    .map(|day| day.get_ref().parse())
                    .collect::<Result<_, jiff::Error>>()
                    .map_err(|e| field("holidays")(e.to_string()))?,
            });
        }
        let date: jiff::civil::Date =
            file.date.get_ref().parse().map_err(|e: jiff::Error| field("date")(e.to_string()))?;
        let event = Event {
            id: EventId(self.chance.uuid()),
            slug: key(file.slug.get_ref(), "slug")?,
            title: file.title.get_ref().clone(),
            date,
            languages: file.languages.get_ref().clone(),
            stage: DocumentId(self.chance.uuid()),
            programme: programme(file, date, &sites[0].time_zone).map_err(field("programme"))?,
            workshops: self.workshops(file)?,
            commons: commons(file)?,
            sites,
            seats: file.seats,
        };
        if event
            .seats
            .is_some_and(|seats| !(1..=limits::PEOPLE_PER_EVENT_MAX).contains(&(seats as usize)))
        {
            return Err(field("seats")(format!(
                "is not between 1 and {}",
                limits::PEOPLE_PER_EVENT_MAX
            )));
        }
        let mut people = Vec::new();
        let mut by_key = HashMap::new();
        for entry in &file.people {
            let person = Person {
                id: PersonId(self.chance.uuid()),
                name: names::clean(entry.name.get_ref(), limits::PERSON_NAME_CHARS_MAX)
                    .map_err(|e| field("name")(e.to_string()))?,
                organisation: entry.organisation.clone(),
                site: key(entry.site.get_ref(), "site")?,
                role: Role::Participant,
                language: entry.languages.first().unwrap_or(&event.languages[0]).clone(),
                languages: entry.languages.clone(),
                joined_at_ms: now_ms,
                standing: Standing::Here,
                hidden_at_ms: None,
            };
            by_key.insert(entry.key.get_ref().clone(), (person.id, person.site.clone()));
            people.push(person);
        }
        let zones = event.sites.iter().map(|s| (s.key.clone(), s.time_zone.clone())).collect();
        let context = seed::Context {
            people: &by_key,
            zones: &zones,
            language: &event.languages[0],
            now_ms,
            chance: &self.chance,
        };
        let boards = event.workshops.iter().zip(&file.workshops);
        let boards = boards.map(|(w, entry)| (w.board, seed::board(&context, w, entry))).collect();
        let links = self.links_for(file, &event);
        Ok(Made { event, people, boards, links })
    }

    fn workshops(&self, file: &EventFile) -> Result<Vec<Workshop>, EventsError> {
        let mut workshops = Vec::new();
        for (number, entry) in (1..).zip(&file.workshops) {
            let mut facilitators = Vec::new();
            for facilitator in &entry.facilitators {
                facilitators.push(Facilitator {
                    name: facilitator.name.get_ref().clone(),
                    site: Key::parse(facilitator.site.get_ref())
                        .map_err(|e| EventsError::Field { field: "site", why: e.to_string() })?,
                });
            }
            workshops.push(Workshop {
                id: WorkshopId(self.chance.uuid()),
                number,
                title: entry.title.get_ref().clone(),
                question: entry.question.get_ref().clone(),
                board: DocumentId(self.chance.uuid()),
                facilitators,
                capacity: entry.capacity,
            });
        }
        Ok(workshops)
    }

    fn links_for(&self, file: &EventFile, event: &Event) -> Vec<Link> {
        let mut wanted: Vec<(Role, Option<Key>, bool)> = file
            .links
            .iter()
            .map(|l| {
                (l.role, l.site.as_ref().and_then(|s| Key::parse(s.get_ref()).ok()), l.reusable)
            })
            .collect();
        if wanted.is_empty() {
            wanted.push((Role::Organiser, None, false));
            for role in [Role::Facilitator, Role::Participant, Role::Screen] {
                wanted.extend(event.sites.iter().map(|site| (role, Some(site.key.clone()), false)));
            }
        }
        // Whoever may do more than the crowd comes in by a link of their own.
        let link = |(role, site, reusable): (Role, Option<Key>, bool)| Link {
            single_use: !reusable && matches!(role, Role::Facilitator | Role::Organiser),
            ..self.new_link(role, site)
        };
        wanted.into_iter().map(link).collect()
    }
}

struct Made {
    event: Event,
    people: Vec<Person>,
    boards: Vec<(DocumentId, Vec<u8>)>,
    links: Vec<Link>,
}

fn programme(
    file: &EventFile,
    date: jiff::civil::Date,
    zone: &str,
) -> Result<Vec<ProgrammeItem>, String> {
    let at = |time: &str| -> Result<jiff::Timestamp, String> {
        let time = jiff::civil::Time::strptime("%H:%M", time).map_err(|e| e.to_string())?;
        let zoned = date.to_datetime(time).in_tz(zone).map_err(|e| e.to_string())?;
        Ok(zoned.timestamp())
    };
    let mut items = Vec::new();
    for (id, item) in (1..).zip(&file.programme) {
        let mut sites = Vec::new();
        for site in &item.sites {
            sites.push(Key::parse(site.get_ref()).map_err(|e| e.to_string())?);
        }
        items.push(ProgrammeItem {
            id,
            starts_at: at(item.starts.get_ref())?,
            ends_at: at(item.ends.get_ref())?,
            title: item.title.get_ref().clone(),
            kind: item.kind,
            sites,
            moderator: item.moderator.clone(),
            speakers: item.speakers.clone(),
            url: item.url.as_ref().map(|url| url.get_ref().clone()),
        });
    }
    Ok(items)
}

fn commons(file: &EventFile) -> Result<Vec<Common>, EventsError> {
    let mut commons = Vec::new();
    for common in &file.commons {
        commons.push(Common {
            key: Key::parse(common.key.get_ref())
                .map_err(|e| EventsError::Field { field: "key", why: e.to_string() })?,
            name: common.name.get_ref().clone(),
            url: common.url.get_ref().clone(),
            steward: common.steward.clone(),
            country: common.country.get_ref().clone(),
            licence: common.licence.clone(),
            publiccode_url: common.publiccode_url.as_ref().map(|u| u.get_ref().clone()),
        });
    }
    Ok(commons)
}
