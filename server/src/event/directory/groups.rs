//! Groups, as records: wishes, lists of those expected, the draft, and what everybody sees.

use super::{Events, EventsError, put};
use crate::event::audit::{Act, By, Entry};
use crate::event::groups::build::{self, Ground, WishesOf, fold};
use crate::event::groups::greedy;
use crate::event::groups::model::{
    Grouping, GroupsError, Invitation, Place, Proposed, Published, SizeSetting, WishRecord, Wishes,
};
use crate::event::groups::table::{Row, TableError};
use crate::event::model::{Event, Person, Standing};
use crate::store::RecordChange;
use sangam_shared::ids::{EventId, PersonId, WorkshopId};
use sangam_shared::limits;
use sangam_shared::role::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that groups are made of, at one moment.
#[derive(Clone)]
pub struct Forming {
    /// The event.
    pub event: Arc<Event>,
    /// Draft, publication, sizes.
    pub grouping: Arc<Grouping>,
    /// Its participants, in the order in which they came.
    pub people: Vec<Person>,
    /// What they would like: their own words, or a list's.
    pub wishes: WishesOf,
    /// Those of them who stood on a list.
    pub invited: BTreeMap<PersonId, Invitation>,
    /// Lines of lists whose people have not come.
    pub waiting: usize,
}

/// What came of somebody's wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// They are noted for the next proposal.
    Noted,
    /// Groups are published: this is theirs.
    Placed(WorkshopId),
}

/// What came of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// People who are here, and got the wishes of the list.
    pub updated: usize,
    /// People who are not here yet.
    pub invited: usize,
    /// People whose own words stand.
    pub kept: usize,
    /// People whom the list puts into a group.
    pub placed: usize,
}

impl Forming {
    /// Where facilitators want people: pinned in the draft, or, before they have a place there, by a list.
    #[must_use]
    pub fn pins(&self) -> BTreeMap<PersonId, WorkshopId> {
        let placed = |id: &PersonId| self.grouping.draft.iter().any(|place| place.person == *id);
        let listed = self.invited.iter().filter(|(id, _)| !placed(id));
        let listed = listed.filter_map(|(id, one)| Some((*id, one.workshop?)));
        let pinned = self.grouping.draft.iter().filter(|place| place.pinned);
        listed.chain(pinned.map(|place| (place.person, place.workshop))).collect()
    }

    /// The problem of placing everybody.
    #[must_use]
    pub fn everybody(&self) -> Ground {
        self.ground(&self.people, &self.pins())
    }

    /// The problem of those who have a place, and the places, as numbers.
    #[must_use]
    pub fn placed(&self, places: &[Place]) -> (Ground, Vec<usize>) {
        let at: BTreeMap<PersonId, &Place> = places.iter().map(|p| (p.person, p)).collect();
        let here = |person: &&Person| at.contains_key(&person.id);
        let people: Vec<Person> = self.people.iter().filter(here).cloned().collect();
        let pins = places.iter().filter(|place| place.pinned).map(|p| (p.person, p.workshop));
        let ground = self.ground(&people, &pins.collect());
        let group = |id| ground.workshops.iter().position(|workshop| *workshop == id);
        let numbers =
            ground.people.iter().map(|id| at.get(id).and_then(|p| group(p.workshop)).unwrap_or(0));
        let numbers = numbers.collect();
        (ground, numbers)
    }

    fn ground(&self, people: &[Person], pins: &BTreeMap<PersonId, WorkshopId>) -> Ground {
        let all = self.people.len();
        build::ground(&self.event, &self.grouping, people, &self.wishes, pins, all)
    }

    /// Gives somebody the best group that has room, beside those who have one.
    fn place_late(&self, places: &mut Vec<Place>, person: PersonId) -> Option<WorkshopId> {
        let first = self.event.workshops.first()?.id;
        let pin = self.pins().get(&person).copied();
        let mut all = places.clone();
        all.push(Place { person, workshop: pin.unwrap_or(first), pinned: pin.is_some() });
        let (ground, numbers) = self.placed(&all);
        let index = ground.people.iter().position(|id| *id == person)?;
        let workshop = ground.workshops[greedy::late(&ground.problem, &numbers, index)?];
        places.push(Place { person, workshop, pinned: pin.is_some() });
        Some(workshop)
    }

    /// Drops whoever is no participant any more, and workshops that are gone.
    fn known(&self, places: &mut Vec<Place>) {
        let people: BTreeSet<PersonId> = self.people.iter().map(|person| person.id).collect();
        let workshops: BTreeSet<WorkshopId> = self.event.workshops.iter().map(|w| w.id).collect();
        places.retain(|p| people.contains(&p.person) && workshops.contains(&p.workshop));
    }
}

impl Events {
    /// The groups of an event.
    #[must_use]
    pub fn grouping(&self, event: EventId) -> Arc<Grouping> {
        let state = self.read();
        state.events.get(&event).map(|held| Arc::clone(&held.grouping)).unwrap_or_default()
    }

    /// Everything that groups are made of.
    #[must_use]
    pub fn standing(&self, event: EventId) -> Option<Forming> {
        let mut people = self.people(event);
        people.retain(|p| p.role == Role::Participant && p.standing == Standing::Here);
        people.sort_by_key(|person| (person.joined_at_ms, person.id));
        let state = self.read();
        let held = state.events.get(&event)?;
        let invitations: Vec<Invitation> = held.invitations.values().cloned().collect();
        let (wishes, invited) = build::wishes_of(&people, &held.wishes, &invitations);
        let mut grouping = Arc::clone(&held.grouping);
        let waiting = invitations.len() - invited.len();
        let event = Arc::clone(&held.event);
        drop(state);
        let standing =
            Forming { event, grouping: Arc::default(), people, wishes, invited, waiting };
        // Whoever was removed is in no group from that moment on.
        let mut clean = (*grouping).clone();
        standing.known(&mut clean.draft);
        if let Some(published) = &mut clean.published {
            standing.known(&mut published.places);
        }
        if clean != *grouping {
            grouping = Arc::new(clean);
        }
        Some(Forming { grouping, ..standing })
    }

    /// Notes what somebody would like. Once groups are published, whoever has none gets the best one
    /// that has room, and whoever has one keeps it.
    ///
    /// # Errors
    /// [`GroupsError::Published`], a field, or the store's.
    pub async fn set_wishes(
        &self,
        event: EventId,
        by: By,
        person: PersonId,
        wishes: Wishes,
    ) -> Result<Arrival, EventsError> {
        let turn = self.turn().await;
        let bad = |field, why: &str| EventsError::Field { field, why: why.to_owned() };
        let mut standing = self.standing(event).ok_or_else(|| bad("event", "is gone"))?;
        if !standing.people.iter().any(|one| one.id == person) {
            return Err(bad("person", "is no participant"));
        }
        let colleague =
            |id: &PersonId| standing.people.iter().any(|p| p.id == *id && *id != person);
        if wishes.with.as_ref().is_some_and(|id| !colleague(id)) {
            return Err(bad("with", "is no other participant"));
        }
        let record = WishRecord { person, wishes: wishes.clone() };
        let mut changes = vec![put(event, "wish", &person.to_string(), &record)];
        let mut arrival = Arrival::Noted;
        let mut grouping = (*standing.grouping).clone();
        if let Some(published) = &mut grouping.published {
            if published.places.iter().any(|place| place.person == person) {
                return Err(GroupsError::Published.into());
            }
            standing.wishes.insert(person, wishes);
            let Some(workshop) = standing.place_late(&mut published.places, person) else {
                return Err(GroupsError::Nothing.into());
            };
            arrival = Arrival::Placed(workshop);
            let pinned = published.places.iter().any(|p| p.person == person && p.pinned);
            // Facilitators who work on the next version find them where they are.
            if !grouping.draft.iter().any(|place| place.person == person) {
                grouping.draft.push(Place { person, workshop, pinned });
            }
            grouping.version += 1;
            changes.push(put(event, "grouping", "grouping", &grouping));
        }
        let entry = Entry::new(event, by, Act::WishesSaid).about(person);
        self.commit(turn, entry, changes).await?;
        Ok(arrival)
    }

    /// Changes the groups, if nobody else has since `revision`.
    async fn change_groups(
        &self,
        entry: Entry,
        event: EventId,
        revision: u64,
        change: impl FnOnce(&Forming, &mut Grouping) -> Result<Vec<RecordChange>, EventsError>,
    ) -> Result<(), EventsError> {
        let turn = self.turn().await;
        let Some(standing) = self.standing(event) else {
            return Err(GroupsError::Stale.into());
        };
        let mut grouping = (*standing.grouping).clone();
        if grouping.revision != revision {
            return Err(GroupsError::Stale.into());
        }
        let mut changes = change(&standing, &mut grouping)?;
        grouping.revision += 1;
        grouping.version += 1;
        changes.push(put(event, "grouping", "grouping", &grouping));
        self.commit(turn, entry, changes).await
    }

    /// Sets the sizes of groups.
    ///
    /// # Errors
    /// [`GroupsError::Stale`], or the store's.
    pub async fn set_sizes(
        &self,
        event: EventId,
        by: By,
        revision: u64,
        sizes: Vec<SizeSetting>,
    ) -> Result<(), EventsError> {
        let change = |_: &Forming, grouping: &mut Grouping| {
            grouping.sizes = sizes;
            Ok(Vec::new())
        };
        let entry = Entry::new(event, by, Act::GroupsSized);
        self.change_groups(entry, event, revision, change).await
    }

    /// Keeps a proposal as the draft; pins stay.
    ///
    /// # Errors
    /// [`GroupsError::Stale`], or the store's.
    pub async fn keep_proposal(
        &self,
        event: EventId,
        by: By,
        revision: u64,
        places: Vec<(PersonId, WorkshopId)>,
        proposed: Proposed,
    ) -> Result<(), EventsError> {
        let change = |standing: &Forming, grouping: &mut Grouping| {
            let pins = standing.pins();
            let place = |(person, workshop)| {
                let pinned = pins.get(&person) == Some(&workshop);
                Place { person, workshop, pinned }
            };
            grouping.draft = places.into_iter().map(place).collect();
            standing.known(&mut grouping.draft);
            grouping.proposed = Some(proposed);
            Ok(Vec::new())
        };
        let entry = Entry::new(event, by, Act::GroupsProposed);
        self.change_groups(entry, event, revision, change).await
    }

    /// Puts somebody into a group, pinned or not.
    ///
    /// # Errors
    /// A field, [`GroupsError::Stale`], or the store's.
    pub async fn move_person(
        &self,
        event: EventId,
        by: By,
        revision: u64,
        place: Place,
    ) -> Result<(), EventsError> {
        let change = |standing: &Forming, grouping: &mut Grouping| {
            if !standing.people.iter().any(|person| person.id == place.person) {
                let why = "is no participant".to_owned();
                return Err(EventsError::Field { field: "person", why });
            }
            match grouping.draft.iter_mut().find(|known| known.person == place.person) {
                Some(known) => *known = place,
                None => grouping.draft.push(place),
            }
            Ok(Vec::new())
        };
        let entry = Entry::new(event, by, Act::PersonPlaced).about(place.person);
        self.change_groups(entry, event, revision, change).await
    }

    /// Shows the draft to everybody. Whoever has come since the proposal gets the best group that has
    /// room.
    ///
    /// # Errors
    /// [`GroupsError::Nothing`], [`GroupsError::Stale`], or the store's.
    pub async fn publish_groups(
        &self,
        event: EventId,
        by: By,
        revision: u64,
    ) -> Result<(), EventsError> {
        let now_ms = self.clock.now_ms();
        let change = |standing: &Forming, grouping: &mut Grouping| {
            if grouping.draft.is_empty() {
                return Err(GroupsError::Nothing.into());
            }
            for person in &standing.people {
                if !grouping.draft.iter().any(|place| place.person == person.id) {
                    standing.place_late(&mut grouping.draft, person.id);
                }
            }
            let last_ms = grouping.published.as_ref().map_or(0, |published| published.at_ms);
            // Two publications never bear the same time: screens tell them apart by it.
            let at_ms = now_ms.max(last_ms + 1);
            let places = grouping.draft.clone();
            grouping.before = grouping.published.replace(Published { at_ms, places });
            grouping.undo_until_ms = now_ms + limits::GROUPS_UNDO_MS;
            Ok(Vec::new())
        };
        let entry = Entry::new(event, by, Act::GroupsPublished);
        self.change_groups(entry, event, revision, change).await
    }

    /// Takes the last publication back.
    ///
    /// # Errors
    /// [`GroupsError::UndoOver`], [`GroupsError::Stale`], or the store's.
    pub async fn unpublish_groups(
        &self,
        event: EventId,
        by: By,
        revision: u64,
    ) -> Result<(), EventsError> {
        let now_ms = self.clock.now_ms();
        let change = |_: &Forming, grouping: &mut Grouping| {
            if grouping.published.is_none() || now_ms > grouping.undo_until_ms {
                return Err(GroupsError::UndoOver.into());
            }
            grouping.published = grouping.before.take();
            grouping.undo_until_ms = 0;
            Ok(Vec::new())
        };
        let entry = Entry::new(event, by, Act::GroupsUnpublished);
        self.change_groups(entry, event, revision, change).await
    }

    /// Takes a list of people and their wishes: all of it or nothing.
    ///
    /// # Errors
    /// The line that does not fit, [`GroupsError::Stale`], or the store's.
    pub async fn import_wishes(
        &self,
        event: EventId,
        by: By,
        revision: u64,
        rows: Vec<Row>,
    ) -> Result<Result<Imported, TableError>, EventsError> {
        let mut imported = Imported::default();
        let mut refused = None;
        let change = |standing: &Forming, grouping: &mut Grouping| {
            let list = self.list(standing, grouping, rows, &mut imported);
            list.map_err(|error| {
                refused = Some(error);
                EventsError::Field { field: "file", why: "is refused".to_owned() }
            })
        };
        let entry = Entry::new(event, by, Act::WishesImported);
        let changed = self.change_groups(entry, event, revision, change).await;
        match refused {
            Some(error) => Ok(Err(error)),
            None => changed.map(|()| Ok(imported)),
        }
    }

    fn list(
        &self,
        standing: &Forming,
        grouping: &mut Grouping,
        rows: Vec<Row>,
        imported: &mut Imported,
    ) -> Result<Vec<RecordChange>, TableError> {
        let id = standing.event.id;
        let held = self.read();
        let (own, known) = held.events.get(&id).map_or_else(Default::default, |held| {
            let invitations: Vec<Invitation> = held.invitations.values().cloned().collect();
            (held.wishes.clone(), invitations)
        });
        drop(held);
        let mut seen = BTreeSet::new();
        let mut changes = Vec::new();
        for row in rows {
            let bad =
                |why: &str| TableError { line: row.line, column: "name", why: why.to_owned() };
            let name = fold(&row.name);
            if !seen.insert((name.clone(), row.site.clone())) {
                return Err(bad("stands twice in this list for this site"));
            }
            let wishes = Wishes {
                choices: row.choices.clone(),
                tags: row.tags.clone(),
                could_lead: row.lead,
                with: None,
                with_name: row.with.clone(),
                imported: true,
            };
            let same = |p: &&Person| p.site == row.site && fold(&p.name) == name;
            let here: Vec<&Person> = standing.people.iter().filter(same).collect();
            let [person] = here.as_slice() else {
                if !here.is_empty() {
                    return Err(bad("is the name of two people at this site"));
                }
                let same = |one: &&Invitation| one.site == row.site && fold(&one.name) == name;
                let id_of =
                    known.iter().find(same).map_or_else(|| self.chance.uuid(), |one| one.id);
                let (name, site) = (row.name.clone(), row.site.clone());
                let one = Invitation { id: id_of, name, site, wishes, workshop: row.group };
                changes.push(put(id, "invitation", &id_of.to_string(), &one));
                imported.invited += 1;
                continue;
            };
            if own.get(&person.id).is_some_and(|own| !own.imported) {
                imported.kept += 1;
            } else {
                let record = WishRecord { person: person.id, wishes };
                changes.push(put(id, "wish", &person.id.to_string(), &record));
                imported.updated += 1;
            }
            if let Some(workshop) = row.group {
                grouping.draft.retain(|place| place.person != person.id);
                grouping.draft.push(Place { person: person.id, workshop, pinned: true });
                imported.placed += 1;
            }
        }
        if known.len() + imported.invited > limits::INVITATIONS_MAX {
            let why = "has more people than one event takes".to_owned();
            return Err(TableError { line: 0, column: "file", why });
        }
        Ok(changes)
    }

    /// Forgets everybody on a list who has not come.
    ///
    /// # Errors
    /// [`GroupsError::Stale`], or the store's.
    pub async fn forget_invited(
        &self,
        event: EventId,
        by: By,
        revision: u64,
    ) -> Result<(), EventsError> {
        let change = |standing: &Forming, _: &mut Grouping| {
            let came: BTreeSet<_> = standing.invited.values().map(|one| one.id).collect();
            let state = self.read();
            let all = state.events.get(&event).map(|held| held.invitations.keys().copied());
            let gone = all.into_iter().flatten().filter(|id| !came.contains(id));
            let delete = |id: uuid::Uuid| RecordChange::Delete {
                event: event.0,
                kind: "invitation".to_owned(),
                id: id.to_string(),
            };
            Ok(gone.map(delete).collect())
        };
        let entry = Entry::new(event, by, Act::InvitedForgotten);
        self.change_groups(entry, event, revision, change).await
    }

    /// What has to go or change so that groups hold nothing of somebody any more: whoever erases a
    /// person commits this with it.
    #[must_use]
    pub fn groups_without(&self, event: EventId, person: PersonId) -> Vec<RecordChange> {
        let Some(mut standing) = self.standing(event) else { return Vec::new() };
        let delete = |kind: &str, id: String| RecordChange::Delete {
            event: event.0,
            kind: kind.to_owned(),
            id,
        };
        let mut changes = vec![delete("wish", person.to_string())];
        if let Some(one) = standing.invited.get(&person) {
            changes.push(delete("invitation", one.id.to_string()));
        }
        let named = |wishes: &Wishes| wishes.with == Some(person);
        let own = self.read().events.get(&event).map(|held| held.wishes.clone());
        for (other, wishes) in own.unwrap_or_default().into_iter().filter(|(_, w)| named(w)) {
            let wishes = Wishes { with: None, ..wishes };
            let record = WishRecord { person: other, wishes };
            changes.push(put(event, "wish", &other.to_string(), &record));
        }
        standing.people.retain(|one| one.id != person);
        let mut grouping = (*standing.grouping).clone();
        standing.known(&mut grouping.draft);
        let published = [&mut grouping.published, &mut grouping.before];
        published.into_iter().flatten().for_each(|one| standing.known(&mut one.places));
        grouping.version += 1;
        changes.push(put(event, "grouping", "grouping", &grouping));
        changes
    }
}
