//! What a document contains, as far as the guard must know it: for every struct where it stands,
//! for every container what it may hold, and what is deleted. Runs of typing are one entry.

use super::resolve::{Checked, NewBranch, NewRun};
use super::update::{self, Id, Kinds, Source};
use super::{Reason, Refused};
use crate::store::ClientId;
use sangam_shared::schema::{Field, Node};
use std::collections::{BTreeMap, HashMap};

/// What a document may hold.
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    /// These root types and nothing else.
    Roots(&'static [Field]),
    /// Anything that Yjs knows, but for subdocuments.
    Open,
}

/// The index of one document. See the module above.
#[derive(Debug)]
pub struct Guard {
    pub(super) schema: Schema,
    clients: HashMap<ClientId, Client>,
    pub(super) branches: Vec<Branch>,
    pub(super) roots: HashMap<Box<str>, BranchId>,
    /// Map entries, by the container and the key.
    pub(super) slots: HashMap<(BranchId, Box<str>), SlotId>,
    pub(super) slot_list: Vec<Slot>,
    /// New containers under a key. Whether one stays there, or the one before it, is known once the
    /// deletions are: yrs and Yjs delete whichever loses.
    contenders: Vec<(SlotId, BranchId)>,
}

/// Index into [`Guard::branches`].
pub(super) type BranchId = u32;
/// Index into [`Guard::slot_list`].
pub(super) type SlotId = u32;

#[derive(Debug, Default)]
struct Client {
    /// The next clock.
    clock: u32,
    runs: BTreeMap<u32, Run>,
}

/// Neighbouring structs of one client that stand in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub len: u32,
    pub home: Home,
    /// Whether it was typed right after the struct before it, which is its left neighbour.
    pub continues: bool,
    /// The container that this struct is.
    pub introduces: Option<BranchId>,
    pub deleted: bool,
}

/// Where a struct stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Home {
    /// In the sequence of a text (or array).
    Sequence(BranchId),
    /// Under a key of a map.
    Entry(SlotId),
    /// Nowhere any more: it, or what it stood in, was collected.
    Gone,
}

/// A container: a root type, or a shared type inside another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// What it may hold; `None` where anything goes.
    pub node: Option<&'static Node>,
    /// The container it stands in, and its key there.
    pub parent: Option<(BranchId, SlotId)>,
    /// Where it was written, unless it is a root.
    pub id: Option<Id>,
    pub dead: bool,
    /// Live UTF-16 code units of a text; live entries of a table.
    pub live: u32,
    /// Structs that were ever put into its sequence.
    pub structs: u32,
    pub depth: u8,
}

/// One key of one map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub branch: BranchId,
    /// What the schema wants here; `None` where anything goes.
    pub node: Option<&'static Node>,
    /// Whether the map is a table, whose live entries are counted.
    pub in_table: bool,
    /// The live container under this key.
    pub holds: Option<BranchId>,
    /// Structs that were ever put under this key.
    pub structs: u32,
    /// Whether a plain value ever stood here (counted as an entry of its table).
    pub counted: bool,
}

impl Guard {
    /// The index of an empty document.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self {
            schema,
            clients: HashMap::new(),
            branches: Vec::new(),
            roots: HashMap::new(),
            slots: HashMap::new(),
            slot_list: Vec::new(),
            contenders: Vec::new(),
        }
    }

    /// The next clock of a client; 0 where it never wrote.
    #[must_use]
    pub fn clock(&self, client: ClientId) -> u32 {
        self.clients.get(&client).map_or(0, |c| c.clock)
    }

    /// The next clock of every client, in no order.
    pub fn state_vector(&self) -> impl Iterator<Item = (ClientId, u32)> {
        self.clients.iter().map(|(client, c)| (*client, c.clock))
    }

    /// How many clients ever wrote.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// How many runs the index keeps: its size in memory.
    #[must_use]
    pub fn run_count(&self) -> usize {
        self.clients.values().map(|client| client.runs.len()).sum()
    }

    fn kinds(&self) -> Kinds {
        match self.schema {
            Schema::Roots(_) => Kinds::Ours,
            Schema::Open => Kinds::Any,
        }
    }

    /// Checks a client's update against everything; changes nothing.
    ///
    /// # Errors
    /// [`Refused`] names the rule.
    pub fn check(&self, bytes: &[u8]) -> Result<Checked, Refused> {
        self.check_from(bytes, Source::Client).map_err(Refused)
    }

    /// Checks an edit of the server itself, which is not limited in number.
    ///
    /// # Errors
    /// [`Refused`] names the rule.
    pub fn check_own(&self, bytes: &[u8]) -> Result<Checked, Refused> {
        self.check_from(bytes, Source::Server).map_err(Refused)
    }

    fn check_from(&self, bytes: &[u8], source: Source) -> Result<Checked, Reason> {
        let parsed = update::parse(bytes, source, self.kinds(), |client| self.clock(client))?;
        super::resolve::resolve(self, source, &parsed)
    }

    /// Records an update that was checked against this very state, and what yrs made of it, piece
    /// by piece: `deltas` are its own encodings of the changes, whose delete sets also hold what
    /// lost its place without having been named.
    ///
    /// # Errors
    /// [`Refused`] where one is not an update. They come from yrs, so that is a broken document.
    pub fn admit(&mut self, checked: Checked, deltas: &[impl AsRef<[u8]>]) -> Result<(), Refused> {
        self.insert(checked);
        let mut deletes = Vec::new();
        for delta in deltas {
            deletes.append(&mut self.delta_deletes(delta.as_ref()).map_err(Refused)?);
        }
        self.delete(&deletes);
        Ok(())
    }

    /// The same for an update of which yrs says that it has displaced nothing.
    pub fn admit_typing(&mut self, checked: Checked) {
        self.insert(checked);
        self.delete(&[]);
    }

    /// Indexes what the server itself stored. Same checks, so that a damaged log is noticed.
    /// Returns how many structs were new.
    ///
    /// # Errors
    /// [`Refused`] names the rule.
    pub fn index(&mut self, update: &[u8]) -> Result<usize, Refused> {
        let checked = self.check_own(update)?;
        let deletes = self.delta_deletes(update).map_err(Refused)?;
        let structs = checked.structs;
        self.insert(checked);
        self.delete(&deletes);
        Ok(structs)
    }

    /// The delete set of an update that yrs encoded.
    fn delta_deletes(&self, bytes: &[u8]) -> Result<Vec<(ClientId, u32, u32)>, Reason> {
        // Everything is "known", so that no struct is kept.
        let parsed = update::parse(bytes, Source::Server, self.kinds(), |_| u32::MAX)?;
        Ok(parsed.deletes)
    }

    fn insert(&mut self, checked: Checked) {
        for NewBranch { branch, root } in checked.branches {
            let id = branch_id(self.branches.len());
            if let Some(name) = root {
                self.roots.insert(name, id);
            }
            self.branches.push(branch);
        }
        for (key, slot) in checked.slots {
            let id = branch_id(self.slot_list.len());
            self.slots.insert((slot.branch, key), id);
            self.slot_list.push(slot);
        }
        for NewRun { client, clock, run } in checked.runs {
            self.count_in(&run);
            self.push(client, clock, run);
        }
    }

    /// A new struct makes its container larger.
    fn count_in(&mut self, run: &Run) {
        match run.home {
            Home::Sequence(branch) => self.branches[branch as usize].structs += 1,
            Home::Entry(slot) => self.slot_list[slot as usize].structs += 1,
            Home::Gone => {}
        }
        if run.deleted {
            return;
        }
        match run.home {
            Home::Sequence(branch) => self.branches[branch as usize].live += run.len,
            Home::Entry(slot_id) => {
                let slot = &mut self.slot_list[slot_id as usize];
                let table = slot.branch as usize;
                if let Some(new) = run.introduces {
                    self.contenders.push((slot_id, new));
                } else if slot.in_table && slot.holds.is_none() && !slot.counted {
                    slot.counted = true;
                    self.branches[table].live += 1;
                }
            }
            Home::Gone => {}
        }
    }

    /// A deleted struct makes its container smaller, and dies with what stands in it.
    fn count_out(&mut self, run: &Run) {
        if let Home::Sequence(branch) = run.home {
            let live = &mut self.branches[branch as usize].live;
            *live = live.saturating_sub(run.len);
        }
        let Some(lost) = run.introduces else { return };
        self.branches[lost as usize].dead = true;
        if let Home::Entry(slot) = run.home {
            let slot = &mut self.slot_list[slot as usize];
            if slot.holds == Some(lost) {
                slot.holds = None;
                if slot.in_table {
                    let live = &mut self.branches[slot.branch as usize].live;
                    *live = live.saturating_sub(1);
                }
            }
        }
    }

    fn push(&mut self, client: ClientId, clock: u32, run: Run) {
        let client = self.clients.entry(client).or_default();
        debug_assert_eq!(client.clock, clock, "runs are pushed in order");
        client.clock = clock + run.len;
        if let Some(mut last) = client.runs.last_entry()
            && joins(last.get(), &run)
        {
            last.get_mut().len += run.len;
            return;
        }
        client.runs.insert(clock, run);
    }

    /// The run that holds a clock, and where it starts.
    pub(super) fn run_at(&self, id: Id) -> Option<(u32, &Run)> {
        let client = self.clients.get(&id.client)?;
        let (start, run) = client.runs.range(..=id.clock).next_back()?;
        (id.clock - start < run.len).then_some((*start, run))
    }

    /// Where the words begin that were typed in one go and hold a known clock, but no further back
    /// than `enough`; and how many runs were looked at.
    pub(super) fn chain_start(&self, id: Id, enough: u32) -> (u32, u64) {
        let Some(known) = self.clients.get(&id.client) else { return (id.clock, 0) };
        let (mut start, mut looked) = (id.clock, 0);
        for (at, run) in known.runs.range(..=id.clock).rev() {
            (start, looked) = (*at, looked + 1);
            if !run.continues || start <= enough {
                break;
            }
        }
        (start, looked)
    }

    /// Calls `each` for every part of a known range that is not deleted yet: its start, its
    /// length, its run.
    pub(super) fn live_parts(
        &self,
        client: ClientId,
        clock: u32,
        len: u32,
        mut each: impl FnMut(u32, u32, &Run),
    ) {
        let Some(known) = self.clients.get(&client) else { return };
        let end = clock.saturating_add(len).min(known.clock);
        let first = known.runs.range(..=clock).next_back().map_or(clock, |(start, _)| *start);
        for (start, run) in known.runs.range(first..end) {
            let from = clock.max(*start);
            let to = end.min(start + run.len);
            if from < to && !run.deleted {
                each(from, to - from, run);
            }
        }
    }

    fn delete(&mut self, deletes: &[(ClientId, u32, u32)]) {
        let mut parts = Vec::new();
        for (client, clock, len) in deletes {
            parts.clear();
            self.live_parts(*client, *clock, *len, |from, len, run| {
                parts.push((from, Run { len, deleted: true, ..*run }));
            });
            for (from, part) in &parts {
                self.count_out(part);
                self.cut(*client, *from, *part);
            }
        }
        for (slot_id, new) in std::mem::take(&mut self.contenders) {
            if self.branches[new as usize].dead {
                continue;
            }
            let slot = &mut self.slot_list[slot_id as usize];
            if slot.holds.replace(new).is_none() && slot.in_table {
                self.branches[slot.branch as usize].live += 1;
            }
        }
    }

    /// Replaces a part of a run.
    fn cut(&mut self, client: ClientId, from: u32, part: Run) {
        let Some(known) = self.clients.get_mut(&client) else { return };
        let runs = &mut known.runs;
        let Some((start, whole)) = runs.range(..=from).next_back().map(|(s, r)| (*s, *r)) else {
            return;
        };
        let end = from + part.len;
        let whole_end = start + whole.len;
        let part = Run { continues: start < from || whole.continues, ..part };
        if end < whole_end {
            runs.insert(end, Run { len: whole_end - end, continues: true, ..whole });
        }
        if start < from {
            runs.insert(start, Run { len: from - start, ..whole });
        }
        runs.insert(from, part);
        // Deleting character by character must not leave one run a character.
        if let Some((next, right)) = runs.range(end..).next().map(|(s, r)| (*s, *r))
            && next == end
            && joins(&runs[&from], &right)
        {
            runs.remove(&next);
            runs.entry(from).and_modify(|run| run.len += right.len);
        }
        if let Some((before, left)) = runs.range(..from).next_back().map(|(s, r)| (*s, *r))
            && before + left.len == from
            && joins(&left, &runs[&from])
        {
            let added = runs[&from].len;
            runs.remove(&from);
            runs.entry(before).and_modify(|run| run.len += added);
        }
    }
}

fn joins(left: &Run, right: &Run) -> bool {
    left.home == right.home
        && right.continues
        && left.deleted == right.deleted
        && left.introduces.is_none()
        && right.introduces.is_none()
}

pub(super) fn branch_id(index: usize) -> u32 {
    u32::try_from(index).expect("a document has fewer containers than a clock has numbers")
}
