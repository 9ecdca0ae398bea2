//! The table of all commands: lookup by name, ids for counters, derived facts.

use thiserror::Error;

use super::key_spec::Begin;
use super::{Command, FAMILIES, Flags, Group, KeySpec};

/// Number of a row, subcommands included.
pub type CommandId = u16;

/// A row with what is derived from it.
pub struct Entry {
    pub command: &'static Command,
    /// The word that calls it: its name, unless `rename-command` gave it another.
    called: &'static str,
    pub group: Group,
    /// Lower case; a subcommand's is `container|name`.
    pub full_name: &'static str,
    pub parent: Option<CommandId>,
    /// Subcommands are numbered in a row.
    pub subcommands: std::ops::Range<CommandId>,
    /// Word of the first key, if that is the same in every request; 0: none.
    pub first_key: usize,
}

/// Why a line `rename-command` cannot be followed, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RenameError {
    #[error("No such command in rename-command")]
    Unknown,
    #[error("Target command name already exists")]
    Taken,
}

/// All commands of this server under their present names.
pub struct CommandTable {
    entries: Vec<Entry>,
    /// Open addressing over the names' heads.
    slots: Box<[Slot]>,
}

const SLOTS: usize = 2048;
const FREE: CommandId = CommandId::MAX;

impl Default for CommandTable {
    fn default() -> CommandTable {
        CommandTable::new()
    }
}

impl CommandTable {
    pub fn new() -> CommandTable {
        let mut table = CommandTable { entries: Vec::new(), slots: vec![Slot::EMPTY; SLOTS].into() };
        for (group, commands) in FAMILIES {
            for command in *commands {
                table.add(*group, command);
            }
        }
        table
    }

    fn add(&mut self, group: Group, command: &'static Command) {
        let id = self.entries.len() as CommandId;
        let subcommands = id + 1..id + 1 + command.subcommands.len() as CommandId;
        self.entries.push(Entry::new(command, group, None, command.name, subcommands));
        self.place(id);
        for subcommand in command.subcommands {
            // Once per process: the table is made at start.
            let full_name: &'static str = Box::leak(format!("{}|{}", command.name, subcommand.name).into_boxed_str());
            self.entries.push(Entry::new(subcommand, group, Some(id), full_name, 0..0));
        }
    }

    fn place(&mut self, id: CommandId) {
        let called = self.entry(id).called;
        let mut slot = Head::of(called.as_bytes()).slot();
        while self.slots[slot].id != FREE {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = Slot::new(called, id);
    }

    /// The table under other names, given as pairs of the old and the new one; an empty one takes the command away.
    pub fn renamed<'n>(names: impl IntoIterator<Item = (&'n [u8], &'n [u8])>) -> Result<CommandTable, RenameError> {
        let mut table = CommandTable::new();
        for (from, to) in names {
            table.rename(from, to)?;
        }
        Ok(table)
    }

    /// Lets a top-level command be called by another name. What it is called in replies about it stays.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), RenameError> {
        let id = self.find(from).ok_or(RenameError::Unknown)?;
        if !to.is_empty() && self.find(to).is_some() {
            return Err(RenameError::Taken);
        }
        // Once per line of the configuration, at start.
        self.entries[id as usize].called = Box::leak(String::from_utf8_lossy(to).into_owned().into_boxed_str());
        // Probing must not meet a gap where the old name was.
        self.slots.fill(Slot::EMPTY);
        for id in 0..self.entries.len() as CommandId {
            let entry = self.entry(id);
            if entry.parent.is_none() && !entry.called.is_empty() {
                self.place(id);
            }
        }
        Ok(())
    }

    pub fn entry(&self, id: CommandId) -> &Entry {
        &self.entries[id as usize]
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Top-level commands in table order.
    pub fn commands(&self) -> impl Iterator<Item = (CommandId, &Entry)> {
        self.entries().filter(|(_, entry)| entry.parent.is_none())
    }

    /// All rows, subcommands behind their container.
    pub fn entries(&self) -> impl Iterator<Item = (CommandId, &Entry)> {
        self.entries.iter().enumerate().map(|(id, entry)| (id as CommandId, entry))
    }

    /// A subcommand of a container by its own name, whatever the case.
    pub fn subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        let is_wanted = |id: &CommandId| self.entry(*id).command.name.as_bytes().eq_ignore_ascii_case(name);
        self.entry(container).subcommands.clone().find(is_wanted)
    }

    /// A top-level command by name, whatever the case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let head = Head::of(name);
        let mut at = head.slot();
        loop {
            let slot = &self.slots[at];
            if slot.id == FREE {
                return None;
            }
            let is_whole = || slot.is_whole || self.entry(slot.id).called.as_bytes().eq_ignore_ascii_case(name);
            if slot.head == head && is_whole() {
                return Some(slot.id);
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// The row for a request: the subcommand where the second word names one, else the command.
    #[inline]
    pub fn resolve(&self, name: &[u8], second: Option<&[u8]>) -> Option<CommandId> {
        let id = self.find(name)?;
        if !self.entry(id).is_container() {
            return Some(id);
        }
        Some(self.subcommand(id, second.unwrap_or_default()).unwrap_or(id))
    }
}

impl Entry {
    fn new(
        command: &'static Command,
        group: Group,
        parent: Option<CommandId>,
        full_name: &'static str,
        subcommands: std::ops::Range<CommandId>,
    ) -> Entry {
        let first_key = match command.keys.first() {
            Some(KeySpec { begin: Begin::At(index), find, .. })
                if !matches!(find, super::key_spec::Find::Count { .. }) =>
            {
                *index
            }
            _ => 0,
        };
        Entry { command, called: command.name, group, full_name, parent, subcommands, first_key }
    }

    pub fn has(&self, flags: Flags) -> bool {
        self.command.flags.has(flags)
    }

    /// The command's own name, or its container's.
    pub fn family(&self) -> &'static str {
        self.full_name.split('|').next().unwrap_or_default()
    }

    /// Whether it only holds subcommands: alone it is no command.
    pub fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }
}

/// What is compared of a name before the name itself: its length, and its bytes without their case, all of a short
/// name's, the first eight of a long one's.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
    bytes: u64,
    len: usize,
}

impl Head {
    #[inline]
    fn of(name: &[u8]) -> Head {
        const LOWER_CASE: u64 = 0x2020_2020_2020_2020;
        let four = |at| u64::from(u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]]));
        let bytes = match name {
            [] => 0,
            [first, .., last] if name.len() < 4 => {
                u64::from_le_bytes([*first, name[name.len() / 2], *last, 0, 0, 0, 0, 0])
            }
            [only] => u64::from(*only),
            // Four and four, which overlap where the name is shorter than eight.
            [_, _, _, _, ..] => four(0) | four(name.len().min(8) - 4) << 32,
            _ => 0,
        };
        Head { bytes: bytes | LOWER_CASE, len: name.len() }
    }

    #[inline]
    fn slot(self) -> usize {
        let mixed = (self.bytes ^ self.len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % SLOTS
    }
}

/// A place of the table of names; `id` is FREE where it is empty.
#[derive(Clone, Copy)]
struct Slot {
    head: Head,
    id: CommandId,
    /// The head is the whole name, and nothing but letters could look like it.
    is_whole: bool,
}

impl Slot {
    const EMPTY: Slot = Slot { head: Head { bytes: 0, len: 0 }, id: FREE, is_whole: false };

    fn new(name: &str, id: CommandId) -> Slot {
        let is_whole = name.len() <= 8 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        Slot { head: Head::of(name.as_bytes()), id, is_whole }
    }
}
