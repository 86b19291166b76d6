//! What is left on a disk when the power goes: all that was synced, and of everything else what the
//! disk happened to have written. Reads the diary that `tests/disk/disk.c` keeps.

use anyhow::{Context, Result, bail};
use rand::Rng;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// A disk writes sectors whole, and nothing larger than that.
const SECTOR: usize = 512;

/// Everything that happened, in order.
pub struct Diary {
    entries: Vec<Entry>,
    /// Where each entry ends in the file.
    ends: Vec<u64>,
}

struct Entry {
    kind: u8,
    path: PathBuf,
    other: PathBuf,
    number: u64,
    data: Vec<u8>,
}

const CREATE: u8 = 1;
const WRITE: u8 = 2;
const TRUNCATE: u8 = 3;
const SYNC_BEGINS: u8 = 4;
const SYNC_ENDS: u8 = 5;
const UNLINK: u8 = 6;
const RENAME: u8 = 7;
const LINK: u8 = 8;

/// Whether syncs count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    /// What was synced is on the disk.
    Count,
    /// A disk that lies: to see that a test would notice.
    AreIgnored,
}

impl Diary {
    /// Reads a diary.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = std::fs::read(file).with_context(|| format!("no diary {}", file.display()))?;
        let mut rest = &bytes[..];
        let mut diary = Self { entries: Vec::new(), ends: Vec::new() };
        while !rest.is_empty() {
            let kind = take(&mut rest, 1)?[0];
            let path = u32::from_ne_bytes(take(&mut rest, 4)?.try_into()?) as usize;
            let other = u32::from_ne_bytes(take(&mut rest, 4)?.try_into()?) as usize;
            let number = u64::from_ne_bytes(take(&mut rest, 8)?.try_into()?);
            let length = u64::from_ne_bytes(take(&mut rest, 8)?.try_into()?);
            let path = std::str::from_utf8(take(&mut rest, path)?)?.into();
            let other = std::str::from_utf8(take(&mut rest, other)?)?.into();
            // A truncation has no data.
            let data = take(&mut rest, usize::try_from(length)?)?.to_vec();
            diary.entries.push(Entry { kind, path, other, number, data });
            diary.ends.push((bytes.len() - rest.len()) as u64);
        }
        Ok(diary)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries stood in a diary of so many bytes.
    #[must_use]
    pub fn entries_in(&self, bytes: u64) -> usize {
        self.ends.partition_point(|end| *end <= bytes)
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let Some((taken, left)) = rest.split_at_checked(count) else { bail!("the diary ends early") };
    *rest = left;
    Ok(taken)
}

/// A disk on its way through a diary.
pub struct Disk {
    syncs: Syncs,
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that no sync of their folder has covered, each with the names after it.
    name_changes: Vec<(PathBuf, BTreeMap<PathBuf, usize>)>,
    /// Syncs that are on their way.
    syncing: HashMap<u64, Syncing>,
}

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    /// Not synced, in order.
    pending: Vec<Change>,
    /// How many changes were ever made durable.
    settled: usize,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

enum Syncing {
    File(usize, usize),
    Folder(usize),
}

impl Disk {
    /// An empty one.
    #[must_use]
    pub fn new(syncs: Syncs) -> Self {
        Self {
            syncs,
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            syncing: HashMap::new(),
        }
    }

    /// Lives through the entries of a diary from one place to another.
    ///
    /// # Errors
    /// Where the diary contradicts itself.
    pub fn live(&mut self, diary: &Diary, from: usize, to: usize) -> Result<()> {
        diary.entries[from..to].iter().try_for_each(|entry| self.happen(entry))
    }

    fn happen(&mut self, entry: &Entry) -> Result<()> {
        let size = usize::try_from(entry.number)?;
        match entry.kind {
            CREATE => {
                self.files.push(File::default());
                self.names.insert(entry.path.clone(), self.files.len() - 1);
                self.renamed(&entry.path);
            }
            WRITE => self.change(&entry.path, Change::Write(size, entry.data.clone())),
            TRUNCATE => self.change(&entry.path, Change::Truncate(size)),
            UNLINK => {
                self.names.remove(&entry.path);
                self.renamed(&entry.path);
            }
            RENAME => {
                let file = self.names.remove(&entry.path).context("renamed what is not there")?;
                self.names.insert(entry.other.clone(), file);
                self.renamed(&entry.other);
            }
            LINK => {
                let file = *self.names.get(&entry.path).context("linked what is not there")?;
                self.names.insert(entry.other.clone(), file);
                self.renamed(&entry.other);
            }
            SYNC_BEGINS => {
                let syncing = match self.names.get(&entry.path) {
                    Some(&file) => {
                        let known = &self.files[file];
                        Syncing::File(file, known.settled + known.pending.len())
                    }
                    None => Syncing::Folder(self.name_changes.len()),
                };
                self.syncing.insert(entry.number, syncing);
            }
            SYNC_ENDS if self.syncs == Syncs::AreIgnored => {}
            SYNC_ENDS => match self.syncing.remove(&entry.number) {
                Some(Syncing::File(file, upto)) => self.files[file].settle(upto),
                // Only one folder matters here, so its changes are all there are.
                Some(Syncing::Folder(upto)) => {
                    let upto = upto.min(self.name_changes.len());
                    if let Some((_, names)) = self.name_changes.drain(..upto).next_back() {
                        self.durable_names = names;
                    }
                    self.syncing.retain(|_, other| matches!(other, Syncing::File(..)));
                }
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(&file) = self.names.get(path) {
            self.files[file].pending.push(change);
        }
    }

    fn renamed(&mut self, path: &Path) {
        self.name_changes.push((path.to_owned(), self.names.clone()));
    }

    /// The power goes: writes what is left into a folder. Of what was not synced any part may have
    /// arrived: whole writes, single sectors of them, and names up to some change.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn lose_power(&self, into: &Path, rng: &mut impl Rng) -> Result<()> {
        let reached = rng.random_range(0..=self.name_changes.len());
        let names = match reached.checked_sub(1) {
            None => &self.durable_names,
            Some(last) => &self.name_changes[last].1,
        };
        for (path, file) in names {
            let name = path.file_name().context("a file has a name")?;
            std::fs::write(into.join(name), self.files[*file].left(rng))?;
        }
        Ok(())
    }
}

impl File {
    fn settle(&mut self, upto: usize) {
        let count = upto.saturating_sub(self.settled).min(self.pending.len());
        for change in self.pending.drain(..count) {
            change.apply(&mut self.durable);
        }
        self.settled += count;
    }

    fn left(&self, rng: &mut impl Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        // Nothing, everything, or some of it.
        let share = [0.0, 0.5, 0.9, 1.0][rng.random_range(0..4)];
        for change in &self.pending {
            if rng.random_bool(share) {
                change.clone().apply(&mut bytes);
            } else if let Change::Write(at, data) = change {
                for (n, sector) in data.chunks(SECTOR).enumerate() {
                    if rng.random_bool(share) {
                        Change::Write(at + n * SECTOR, sector.to_vec()).apply(&mut bytes);
                    }
                }
            }
        }
        bytes
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Truncate(size) => bytes.resize(size, 0),
            Self::Write(at, data) => {
                let end = at + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[at..end].copy_from_slice(&data);
            }
        }
    }
}
