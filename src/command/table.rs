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
    /// Open addressing over the names' first bytes; u16::MAX is free.
    slots: Box<[CommandId]>,
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
        let mut table = CommandTable { entries: Vec::new(), slots: vec![FREE; SLOTS].into() };
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
        let mut slot = slot_of(self.entry(id).called.as_bytes());
        while self.slots[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = id;
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
        self.slots.fill(FREE);
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
        let mut slot = slot_of(name);
        loop {
            let id = self.slots[slot];
            if id == FREE {
                return None;
            }
            if self.entries[id as usize].called.as_bytes().eq_ignore_ascii_case(name) {
                return Some(id);
            }
            slot = (slot + 1) % SLOTS;
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

    /// Whether it only holds subcommands: alone it is no command.
    pub fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }
}

#[inline]
fn slot_of(name: &[u8]) -> usize {
    let mut hash = name.len() as u64;
    for &byte in name.iter().take(16) {
        hash = (hash ^ (byte | 0x20) as u64).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash ^ (hash >> 17)) as usize % SLOTS
}
