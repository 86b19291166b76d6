//! An event as the web reads it: public texts, no capability, no contact.

use crate::event::model::{Event, ItemKind, Person, Words};
use sangam_shared::ids::{DocumentId, EventId, Key, PersonId, WorkshopId};
use sangam_shared::role::Role;
use serde::Serialize;

/// The event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the model")]
pub struct EventView<'e> {
    pub id: EventId,
    pub slug: &'e Key,
    pub title: &'e Words,
    pub date: String,
    pub languages: &'e [String],
    pub stage: DocumentId,
    pub sites: Vec<SiteView<'e>>,
    pub programme: Vec<ItemView<'e>>,
    pub workshops: Vec<WorkshopView<'e>>,
    pub commons: Vec<CommonView<'e>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the model")]
pub struct SiteView<'e> {
    pub key: &'e Key,
    pub name: &'e Words,
    pub time_zone: &'e str,
    pub country: &'e str,
    pub language: &'e str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the model")]
pub struct ItemView<'e> {
    pub id: u32,
    pub starts_at: String,
    pub ends_at: String,
    pub title: &'e Words,
    pub kind: ItemKind,
    pub sites: &'e [Key],
    pub moderator: Option<&'e str>,
    pub speakers: &'e [String],
    pub url: Option<&'e str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the model")]
pub struct WorkshopView<'e> {
    pub id: WorkshopId,
    pub number: u32,
    pub title: &'e Words,
    pub question: &'e Words,
    pub board: DocumentId,
    pub facilitators: Vec<FacilitatorView<'e>>,
    pub capacity: Option<u32>,
}

#[derive(Serialize)]
#[expect(missing_docs, reason = "as in the model")]
pub struct FacilitatorView<'e> {
    pub name: &'e str,
    pub site: &'e Key,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the model")]
pub struct CommonView<'e> {
    pub key: &'e Key,
    pub name: &'e str,
    pub url: &'e str,
    pub steward: &'e str,
    pub country: &'e str,
    pub licence: Option<&'e str>,
    pub publiccode_url: Option<&'e str>,
}

/// Somebody, as everybody of the event may know them.
#[derive(Serialize)]
#[expect(missing_docs, reason = "as in the model")]
pub struct PersonView<'e> {
    pub id: PersonId,
    pub name: &'e str,
    pub organisation: Option<&'e str>,
    pub site: &'e Key,
    pub role: Role,
}

impl<'e> From<&'e Person> for PersonView<'e> {
    fn from(person: &'e Person) -> Self {
        Self {
            id: person.id,
            name: &person.name,
            organisation: person.organisation.as_deref(),
            site: &person.site,
            role: person.role,
        }
    }
}

/// The sites of an event.
#[must_use]
pub fn sites(event: &Event) -> Vec<SiteView<'_>> {
    event
        .sites
        .iter()
        .map(|site| SiteView {
            key: &site.key,
            name: &site.name,
            time_zone: &site.time_zone,
            country: &site.country,
            language: &site.language,
        })
        .collect()
}

/// The whole event.
#[must_use]
pub fn event(event: &Event) -> EventView<'_> {
    EventView {
        id: event.id,
        slug: &event.slug,
        title: &event.title,
        date: event.date.to_string(),
        languages: &event.languages,
        stage: event.stage,
        sites: sites(event),
        programme: event
            .programme
            .iter()
            .map(|item| ItemView {
                id: item.id,
                starts_at: item.starts_at.to_string(),
                ends_at: item.ends_at.to_string(),
                title: &item.title,
                kind: item.kind,
                sites: &item.sites,
                moderator: item.moderator.as_deref(),
                speakers: &item.speakers,
                url: item.url.as_deref(),
            })
            .collect(),
        workshops: event
            .workshops
            .iter()
            .map(|workshop| WorkshopView {
                id: workshop.id,
                number: workshop.number,
                title: &workshop.title,
                question: &workshop.question,
                board: workshop.board,
                facilitators: workshop
                    .facilitators
                    .iter()
                    .map(|f| FacilitatorView { name: &f.name, site: &f.site })
                    .collect(),
                capacity: workshop.capacity,
            })
            .collect(),
        commons: event
            .commons
            .iter()
            .map(|common| CommonView {
                key: &common.key,
                name: &common.name,
                url: &common.url,
                steward: &common.steward,
                country: &common.country,
                licence: common.licence.as_deref(),
                publiccode_url: common.publiccode_url.as_deref(),
            })
            .collect(),
    }
}
