//! Follows every reference of a parsed update, in the order in which Yjs would integrate it, and
//! asks the schema about every struct. Linear: each struct is looked at once for each thing it
//! refers to.

use super::Reason;
use super::index::{Branch, BranchId, Guard, Home, Run, Schema, Slot, SlotId, branch_id};
use super::update::{
    Block, Body, Content, Id, Item, Parent, ParentBranch, Parsed, Source, Struct, Y_MAP, Y_TEXT,
};
use super::{typing, value};
use crate::store::ClientId;
use bytes::Bytes;
use sangam_shared::limits;
use sangam_shared::schema::Node;
use std::collections::{HashMap, HashSet};

/// An update that may be applied, and what the index must learn of it.
#[derive(Debug)]
pub struct Checked {
    /// Clients with new structs.
    pub writers: Vec<ClientId>,
    /// Whether anything in it is new.
    pub has_news: bool,
    /// How many structs are new.
    pub structs: usize,
    /// Who wrote the rows of root tables that it deletes for good or replaces.
    pub removed_rows: Vec<ClientId>,
    /// Items that name neighbours on both sides, whose order only the document knows.
    pub between: Vec<Between>,
    /// The same update in pieces, each by one client, to be applied and stored one after the other.
    /// Empty where one client wrote all of it: it is one piece as it stands.
    pub pieces: Vec<Bytes>,
    /// The update as we write it, where it is nothing but typing.
    pub typing: Option<Bytes>,
    pub(super) branches: Vec<NewBranch>,
    pub(super) slots: Vec<(Box<str>, Slot)>,
    pub(super) runs: Vec<NewRun>,
}

/// An item, and the neighbours that its author says it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// On its left.
    pub left: Id,
    /// Its first character.
    pub item: Id,
    /// On its right.
    pub right: Id,
}

#[derive(Debug)]
pub(super) struct NewBranch {
    pub branch: Branch,
    /// The name, where it is a root.
    pub root: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct NewRun {
    pub client: ClientId,
    pub clock: u32,
    pub run: Run,
}

pub(super) fn resolve(
    guard: &Guard,
    source: Source,
    parsed: &Parsed<'_>,
) -> Result<Checked, Reason> {
    let mut resolver = Resolver {
        guard,
        source,
        blocks: &parsed.blocks,
        block_of: parsed.blocks.iter().enumerate().map(|(i, b)| (b.client, i)).collect(),
        done: parsed.blocks.iter().map(|block| Vec::with_capacity(block.structs.len())).collect(),
        branches: Vec::new(),
        slots: Vec::new(),
        new_roots: HashMap::new(),
        new_slots: HashMap::new(),
        growth: HashMap::new(),
        created: Vec::new(),
        killed: HashSet::new(),
        overwritten: Vec::new(),
        torn: Vec::new(),
        between: Vec::new(),
        several: Vec::new(),
        placed: HashMap::new(),
        steps: 0,
        turns: Vec::new(),
    };
    let newcomers = parsed.blocks.iter().filter(|b| guard.clock(b.client) == 0).count();
    let clients = guard.client_count() + newcomers;
    if source == Source::Client && clients > limits::CLIENTS_PER_DOCUMENT_MAX {
        return Err(Reason::TooMany);
    }
    for block in 0..parsed.blocks.len() {
        resolver.integrate(block)?;
    }
    if source == Source::Client && resolver.steps > limits::PLACING_STEPS_PER_UPDATE_MAX {
        return Err(Reason::TooMany);
    }
    let deletes_news = resolver.delete(&parsed.deletes)?;
    if source == Source::Client
        && !resolver.several.iter().all(|&(id, len)| covers(parsed, id, len))
    {
        return Err(Reason::WrongContent);
    }
    // Where one neighbour was collected, so was, or is now, all around it. Otherwise Yjs would take
    // the item for collected too, and yrs would show it.
    if resolver.torn.iter().any(|branch| !resolver.is_lost(*branch)) {
        return Err(Reason::OriginsDisagree);
    }
    // yrs would put the item into a container that it has let go of. Nobody sees what stands there.
    if source == Source::Client && !resolver.torn.is_empty() {
        return Err(Reason::ContainerLost);
    }
    // What was stored is read whatever today's rules say: a rule that changed must not close a board.
    let removed_rows = match source {
        Source::Client => {
            let removed = resolver.containers()?;
            resolver.limits()?;
            removed
        }
        Source::Server => Vec::new(),
    };
    let mut runs: Vec<NewRun> = Vec::new();
    for (block, done) in parsed.blocks.iter().zip(&resolver.done) {
        runs.extend(block.structs.iter().zip(done).map(|(s, run)| NewRun {
            client: block.client,
            clock: s.clock,
            run: *run,
        }));
    }
    let in_sequences = runs.iter().all(|new| matches!(new.run.home, Home::Sequence(_)));
    let typing = (source == Source::Client && in_sequences).then(|| typing::encode(parsed));
    Ok(Checked {
        pieces: super::pieces::cut(source, parsed, &resolver.turns)?,
        writers: parsed.blocks.iter().map(|block| block.client).collect(),
        structs: runs.len(),
        has_news: !parsed.blocks.is_empty() || deletes_news,
        removed_rows,
        between: resolver.between,
        typing: typing.flatten(),
        branches: resolver.branches,
        slots: resolver.slots,
        runs,
    })
}

struct Resolver<'g, 'a> {
    guard: &'g Guard,
    source: Source,
    blocks: &'g [Block<'a>],
    block_of: HashMap<ClientId, usize>,
    /// Per block, the structs that were resolved so far.
    done: Vec<Vec<Run>>,
    branches: Vec<NewBranch>,
    slots: Vec<(Box<str>, Slot)>,
    new_roots: HashMap<&'a str, BranchId>,
    new_slots: HashMap<(BranchId, &'a str), SlotId>,
    /// By how much containers grow.
    growth: HashMap<BranchId, i64>,
    /// New live containers, with the slot they stand in.
    created: Vec<(SlotId, BranchId)>,
    /// Containers that this update deletes.
    killed: HashSet<BranchId>,
    /// Keys under which something deleted was put.
    overwritten: Vec<SlotId>,
    /// Containers with an item between a neighbour that was collected and one that was not.
    torn: Vec<BranchId>,
    between: Vec<Between>,
    /// Several values under one key, as one struct.
    several: Vec<(Id, u32)>,
    /// Structs of this update in each sequence and under each key.
    placed: HashMap<Home, u64>,
    /// What placing them may cost.
    steps: u64,
    /// The order in which structs were integrated: how many of which block, one turn after another.
    turns: Vec<(usize, usize)>,
}

impl<'a> Resolver<'_, 'a> {
    /// Integrates a block, and first whatever it builds upon.
    fn integrate(&mut self, first: usize) -> Result<(), Reason> {
        // Which block, and the clock that must be passed before whoever waits can go on.
        let mut stack = vec![(first, u32::MAX)];
        while let Some(&(block, until)) = stack.last() {
            let blocks = self.blocks;
            let Some(next) = blocks[block].structs.get(self.done[block].len()) else {
                stack.pop();
                continue;
            };
            match self.missing(next) {
                // It goes on for as long as it can: fewer turns make fewer pieces.
                None => {
                    let run = self.place(blocks[block].client, next)?;
                    self.done[block].push(run);
                    match self.turns.last_mut() {
                        Some((last, count)) if *last == block => *count += 1,
                        _ => self.turns.push((block, 1)),
                    }
                }
                Some(_) if next.clock > until => {
                    stack.pop();
                }
                Some(id) => {
                    // A struct that waits for itself, or for what nobody has sent, waits for ever.
                    let other = *self.block_of.get(&id.client).ok_or(Reason::Gap)?;
                    let last = blocks[other].structs.last().map_or(0, |s| s.clock + s.len);
                    if id.clock >= last || stack.iter().any(|(waiting, _)| *waiting == other) {
                        return Err(Reason::Gap);
                    }
                    stack.push((other, id.clock));
                }
            }
        }
        Ok(())
    }

    /// What a struct refers to and is not there yet.
    fn missing(&self, next: &Struct<'a>) -> Option<Id> {
        let Body::Item(item) = &next.body else { return None };
        let parent = item.parent.and_then(|parent| match parent.branch {
            ParentBranch::Item(id) => Some(id),
            ParentBranch::Root(_) => None,
        });
        [item.origin, item.right_origin, parent]
            .into_iter()
            .flatten()
            .find(|id| id.clock >= self.clock(id.client))
    }

    fn clock(&self, client: ClientId) -> u32 {
        if let Some(&block) = self.block_of.get(&client) {
            let done = self.done[block].len();
            if let Some(last) = done.checked_sub(1).and_then(|i| self.blocks[block].structs.get(i))
            {
                return last.clock + last.len;
            }
        }
        self.guard.clock(client)
    }

    /// The struct that holds an id, and the container it is if it starts there.
    fn find(&self, id: Id) -> Option<Run> {
        if id.clock < self.guard.clock(id.client) {
            return self.guard.run_at(id).map(|(_, run)| *run);
        }
        let block = *self.block_of.get(&id.client)?;
        let structs = &self.blocks[block].structs;
        let at = structs.partition_point(|s| s.clock <= id.clock).checked_sub(1)?;
        self.done[block].get(at).copied()
    }

    fn place(&mut self, client: ClientId, next: &Struct<'a>) -> Result<Run, Reason> {
        let gone = Run {
            len: next.len,
            home: Home::Gone,
            // Where it stood is nobody's business any more.
            continues: true,
            introduces: None,
            deleted: true,
        };
        let Body::Item(item) = &next.body else { return Ok(gone) };
        match self.place_item(Id { client, clock: next.clock }, next, item) {
            Ok(placed) => Ok(placed.unwrap_or(gone)),
            // It was let through once, so what it stood in had been collected. yrs keeps some of
            // that for a while, and its encoding says so; nobody sees it.
            Err(Reason::WrongContent | Reason::UnknownKey) if self.source == Source::Server => {
                Ok(gone)
            }
            Err(reason) => Err(reason),
        }
    }

    /// `None` where it stands in what was collected.
    fn place_item(
        &mut self,
        id: Id,
        next: &Struct<'a>,
        item: &Item<'a>,
    ) -> Result<Option<Run>, Reason> {
        let home = self.home(item)?;
        self.count_steps(home, id, item);
        let placed = match home {
            Home::Gone => return Ok(None),
            Home::Sequence(branch) => {
                if let (Some(left), Some(right)) = (item.origin, item.right_origin) {
                    if self.source == Source::Client && self.stands_before(right, left) {
                        return Err(Reason::OriginsDisagree);
                    }
                    self.between.push(Between { left, item: id, right });
                }
                self.place_in_sequence(branch, next, item)?
            }
            Home::Entry(slot) => self.place_under_key(slot, id, next.len, item)?,
        };
        Ok(Some(Run { continues: continues(id, item), ..placed }))
    }

    /// Whether `one` is `other`, or stands before it in words that were typed in one go. Where such
    /// words are one struct, yrs and Yjs cut it in two between finding the left neighbour and the
    /// right one; so an item that names them the wrong way round ends up where the next reader of
    /// the log, who finds them cut already, does not put it.
    fn stands_before(&mut self, one: Id, other: Id) -> bool {
        if one.client != other.client || one.clock > other.clock {
            return false;
        }
        let mut at = other;
        let known = self.guard.clock(at.client);
        if at.clock >= known
            && let Some(&block) = self.block_of.get(&at.client)
        {
            let structs = &self.blocks[block].structs;
            let last = structs.partition_point(|s| s.clock <= at.clock);
            for (s, run) in structs[..last].iter().zip(&self.done[block]).rev() {
                self.steps += 1;
                if s.clock <= one.clock {
                    return true;
                }
                if !run.continues {
                    return false;
                }
            }
            at.clock = known.saturating_sub(1);
        }
        let (start, looked) = self.guard.chain_start(at, one.clock);
        self.steps += looked;
        start <= one.clock
    }

    /// Whoever goes on where they were is placed at once. Everybody else may have to be compared
    /// with all that stands there, if their author means harm.
    fn count_steps(&mut self, home: Home, id: Id, item: &Item<'a>) {
        let before = match home {
            Home::Sequence(branch) => self.branch(branch).structs,
            Home::Entry(slot) => self.slot_at(slot).structs,
            Home::Gone => return,
        };
        let placed = self.placed.entry(home).or_default();
        if !continues(id, item) {
            self.steps += u64::from(before) + *placed;
        }
        *placed += 1;
    }

    fn home(&mut self, item: &Item<'a>) -> Result<Home, Reason> {
        if let Some(parent) = item.parent {
            return self.home_in(parent);
        }
        let mut home = None;
        for id in [item.origin, item.right_origin].into_iter().flatten() {
            let neighbour = self.find(id).ok_or(Reason::Gap)?.home;
            home = match (home, neighbour) {
                (None, _) => Some(neighbour),
                (Some(one), other) if one == other => home,
                (Some(Home::Gone), other) | (Some(other), Home::Gone) => {
                    self.torn.push(self.container(other));
                    Some(Home::Gone)
                }
                _ => return Err(Reason::OriginsDisagree),
            };
        }
        home.ok_or(Reason::Parent)
    }

    /// The container that a struct stands in, which is somewhere.
    fn container(&self, home: Home) -> BranchId {
        match home {
            Home::Sequence(branch) => branch,
            Home::Entry(slot) => self.slot_at(slot).branch,
            Home::Gone => unreachable!("two that are gone are equal"),
        }
    }

    fn home_in(&mut self, parent: Parent<'a>) -> Result<Home, Reason> {
        let branch = match parent.branch {
            ParentBranch::Root(name) => self.root(name)?,
            ParentBranch::Item(id) => {
                let run = self.find(id).ok_or(Reason::Gap)?;
                match run.introduces {
                    Some(branch) => branch,
                    None if run.deleted => return Ok(Home::Gone),
                    None => return Err(Reason::Parent),
                }
            }
        };
        match parent.key {
            None => Ok(Home::Sequence(branch)),
            Some(key) => self.slot(branch, key).map(Home::Entry),
        }
    }

    fn root(&mut self, name: &'a str) -> Result<BranchId, Reason> {
        if let Some(known) = self.guard.roots.get(name).or_else(|| self.new_roots.get(name)) {
            return Ok(*known);
        }
        let node = match self.guard.schema {
            Schema::Open if name.len() <= limits::VALUE_BYTES_MAX => None,
            Schema::Open => return Err(Reason::UnknownKey),
            Schema::Roots(fields) => {
                let field = fields.iter().find(|field| field.name == name);
                Some(&field.ok_or(Reason::UnknownKey)?.node)
            }
        };
        let branch =
            Branch { node, parent: None, id: None, dead: false, live: 0, structs: 0, depth: 0 };
        let id = self.add_branch(branch, Some(name.into()));
        self.new_roots.insert(name, id);
        Ok(id)
    }

    fn add_branch(&mut self, branch: Branch, root: Option<Box<str>>) -> BranchId {
        let id = branch_id(self.guard.branches.len() + self.branches.len());
        self.branches.push(NewBranch { branch, root });
        id
    }

    fn branch(&self, id: BranchId) -> &Branch {
        let known = self.guard.branches.len();
        match (id as usize).checked_sub(known) {
            None => &self.guard.branches[id as usize],
            Some(new) => &self.branches[new].branch,
        }
    }

    fn slot_at(&self, id: SlotId) -> &Slot {
        let known = self.guard.slot_list.len();
        match (id as usize).checked_sub(known) {
            None => &self.guard.slot_list[id as usize],
            Some(new) => &self.slots[new].1,
        }
    }

    fn slot(&mut self, branch: BranchId, key: &'a str) -> Result<SlotId, Reason> {
        if let Some(known) = self.new_slots.get(&(branch, key)) {
            return Ok(*known);
        }
        // The key is copied for the look-up only where the container is known: new containers
        // have new slots alone.
        if (branch as usize) < self.guard.branches.len()
            && let Some(known) = self.guard.slots.get(&(branch, Box::from(key)))
        {
            return Ok(*known);
        }
        let (node, in_table) = match self.branch(branch).node {
            None if key.len() <= limits::VALUE_BYTES_MAX => (None, false),
            Some(Node::Map(fields)) => {
                let field = fields.iter().find(|field| field.name == key);
                (Some(&field.ok_or(Reason::UnknownKey)?.node), false)
            }
            Some(Node::Table { key: rule, row, .. }) if value::key_fits(*rule, key) => {
                (Some(*row), true)
            }
            None | Some(Node::Table { .. }) => return Err(Reason::UnknownKey),
            Some(Node::Text { .. } | Node::Value(_)) => return Err(Reason::WrongContent),
        };
        let id = branch_id(self.guard.slot_list.len() + self.slots.len());
        let slot = Slot { branch, node, in_table, holds: None, structs: 0, counted: false };
        self.slots.push((key.into(), slot));
        self.new_slots.insert((branch, key), id);
        Ok(id)
    }

    fn place_in_sequence(
        &mut self,
        branch: BranchId,
        next: &Struct<'a>,
        item: &Item<'a>,
    ) -> Result<Run, Reason> {
        let home = Home::Sequence(branch);
        let mut run =
            Run { len: next.len, home, continues: false, introduces: None, deleted: false };
        let node = self.branch(branch).node;
        match (node, item.content) {
            (_, Content::Deleted) => run.deleted = true,
            (Some(Node::Text { .. }), Content::Text(_)) => {
                *self.growth.entry(branch).or_default() += i64::from(next.len);
            }
            (Some(_), _) => return Err(Reason::WrongContent),
            (None, Content::Type(_)) => {
                let depth = self.deeper(branch)?;
                let new = Branch {
                    node: None,
                    parent: None,
                    id: None,
                    dead: false,
                    live: 0,
                    structs: 0,
                    depth,
                };
                run.introduces = Some(self.add_branch(new, None));
            }
            (None, _) => {}
        }
        Ok(run)
    }

    fn place_under_key(
        &mut self,
        slot_id: SlotId,
        id: Id,
        len: u32,
        item: &Item<'a>,
    ) -> Result<Run, Reason> {
        let home = Home::Entry(slot_id);
        let mut run = Run { len, home, continues: false, introduces: None, deleted: false };
        if item.right_origin.is_some() {
            return Err(Reason::Parent);
        }
        if item.content == Content::Deleted {
            // It may stand last under its key, and so end whatever stands there.
            self.overwritten.push(slot_id);
            run.deleted = true;
            return Ok(run);
        }
        let slot = *self.slot_at(slot_id);
        match (slot.node, item.content) {
            (Some(Node::Map(_) | Node::Table { .. }), Content::Type(Y_MAP))
            | (Some(Node::Text { .. }), Content::Type(Y_TEXT))
            | (None, Content::Type(_)) => {
                let branch = Branch {
                    node: slot.node,
                    parent: Some((slot.branch, slot_id)),
                    id: Some(id),
                    dead: false,
                    live: 0,
                    structs: 0,
                    depth: self.deeper(slot.branch)?,
                };
                let new = self.add_branch(branch, None);
                run.introduces = Some(new);
                self.created.push((slot_id, new));
            }
            (Some(Node::Value(rule)), Content::Values(values)) => {
                if len > 1 {
                    self.several.push((id, len));
                }
                if !values.each().all(|(value, bytes)| value::fits(*rule, value, bytes)) {
                    return Err(Reason::WrongContent);
                }
                if slot.in_table && !slot.counted {
                    *self.growth.entry(slot.branch).or_default() += 1;
                }
            }
            (Some(_), _) => return Err(Reason::WrongContent),
            (None, _) => {}
        }
        Ok(run)
    }

    fn deeper(&self, branch: BranchId) -> Result<u8, Reason> {
        let depth = self.branch(branch).depth + 1;
        if usize::from(depth) > limits::DEPTH_MAX { Err(Reason::Depth) } else { Ok(depth) }
    }

    /// Follows the delete set; says whether it deletes anything that was not deleted.
    fn delete(&mut self, deletes: &[(ClientId, u32, u32)]) -> Result<bool, Reason> {
        let mut news = false;
        for &(client, clock, len) in deletes {
            let end = clock + len;
            if end > self.clock(client) {
                return Err(Reason::Gap);
            }
            let (growth, killed) = (&mut self.growth, &mut self.killed);
            let mut strike = |len: u32, run: &Run| {
                news = true;
                if let Home::Sequence(branch) = run.home {
                    *growth.entry(branch).or_default() -= i64::from(len);
                }
                killed.extend(run.introduces);
            };
            self.guard.live_parts(client, clock, len, |_, len, run| strike(len, run));
            let Some(&block) = self.block_of.get(&client) else { continue };
            let structs = &self.blocks[block].structs;
            let first = structs.partition_point(|s| s.clock + s.len <= clock);
            for (s, run) in structs.iter().zip(&self.done[block]).skip(first) {
                if s.clock >= end {
                    break;
                }
                let part = end.min(s.clock + s.len) - clock.max(s.clock);
                if !run.deleted {
                    strike(part, run);
                }
            }
        }
        Ok(news)
    }

    /// Containers do not vanish by accident: a note keeps its text, a plan its lists. Rows of root
    /// tables may go for good, if their author says so: returns those authors.
    fn containers(&mut self) -> Result<Vec<ClientId>, Reason> {
        let mut removed = Vec::new();
        let killed: Vec<BranchId> = self.killed.iter().copied().collect();
        for lost in killed {
            let branch = *self.branch(lost);
            let Some((parent, slot)) = branch.parent else { continue };
            let slot = *self.slot_at(slot);
            if slot.in_table {
                *self.growth.entry(parent).or_default() -= 1;
                self.row_removed(lost, &mut removed);
            } else if slot.node.is_some() && !self.is_lost(parent) {
                return Err(Reason::ContainerLost);
            }
        }
        let mut holds: HashMap<SlotId, BranchId> = HashMap::new();
        for (slot_id, new) in std::mem::take(&mut self.created) {
            let slot = *self.slot_at(slot_id);
            let held = holds.insert(slot_id, new).or(slot.holds);
            let replaces = held.filter(|held| !self.killed.contains(held));
            if slot.in_table {
                if replaces.is_none() {
                    *self.growth.entry(slot.branch).or_default() += 1;
                }
                if let Some(old) = replaces {
                    self.row_removed(old, &mut removed);
                }
            } else if slot.node.is_some() && replaces.is_some() && !self.is_lost(slot.branch) {
                return Err(Reason::ContainerLost);
            }
        }
        for slot_id in std::mem::take(&mut self.overwritten) {
            let slot = *self.slot_at(slot_id);
            let held = slot.holds.filter(|held| !self.killed.contains(held));
            match held {
                Some(row) if slot.in_table => self.row_removed(row, &mut removed),
                Some(_) if slot.node.is_some() && !self.is_lost(slot.branch) => {
                    return Err(Reason::ContainerLost);
                }
                _ => {}
            }
        }
        removed.sort_unstable();
        removed.dedup();
        Ok(removed)
    }

    fn row_removed(&self, row: BranchId, removed: &mut Vec<ClientId>) {
        let branch = self.branch(row);
        if let (Some((table, _)), Some(id)) = (branch.parent, branch.id)
            && self.branch(table).parent.is_none()
        {
            removed.push(id.client);
        }
    }

    /// Whether a container, or one that it stands in, is dead or dies now.
    fn is_lost(&self, mut at: BranchId) -> bool {
        loop {
            let branch = self.branch(at);
            if branch.dead || self.killed.contains(&at) {
                return true;
            }
            match branch.parent {
                Some((parent, _)) => at = parent,
                None => return false,
            }
        }
    }

    fn limits(&self) -> Result<(), Reason> {
        for (&id, &growth) in self.growth.iter().filter(|(_, growth)| **growth > 0) {
            let branch = self.branch(id);
            let max = match branch.node {
                Some(Node::Text { chars_max }) => *chars_max,
                Some(Node::Table { rows_max, .. }) => *rows_max,
                _ => continue,
            };
            let after = i64::from(branch.live) + growth;
            if after > i64::try_from(max).unwrap_or(i64::MAX) {
                return Err(Reason::Full);
            }
        }
        Ok(())
    }
}

/// Whether all of a struct is deleted in the update that brings it. Several values under one key are
/// what an undo manager keeps of values that were overwritten, so they always are. Where one of them
/// lived on beside a deleted one, yrs would not collect it with its container, and then read the
/// freed container: it knows one living entry a key, the last.
fn covers(parsed: &Parsed<'_>, id: Id, len: u32) -> bool {
    parsed.deletes.iter().any(|&(client, clock, count)| {
        client == id.client && clock <= id.clock && clock + count >= id.clock + len
    })
}

/// Whether an item was typed right after its author's struct before it.
fn continues(id: Id, item: &Item<'_>) -> bool {
    let before = id.clock.checked_sub(1).map(|clock| Id { client: id.client, clock });
    before.is_some() && item.origin == before
}
