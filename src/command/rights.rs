//! What rights see of commands and requests, out of the rows.

use crate::acl::{CommandRow, Commands, Request, Rights};

use super::spec::Channels;
use super::{Args, CommandId, CommandTable, Entry, Flags, KeySpec, category};

/// All commands, under their own names.
pub fn acl_commands(table: &CommandTable) -> Commands {
    let row = |entry: &Entry| CommandRow {
        name: entry.full_name,
        categories: category::bits(entry),
        is_subcommand: entry.parent.is_some(),
        subcommands: entry.subcommands.clone(),
    };
    Commands::new(category::NAMES.iter().copied(), table.entries().map(|(_, entry)| row(entry)).collect())
}

/// A request that rights are asked for.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub id: CommandId,
    pub entry: &'a Entry,
    pub args: &'a Args<'a>,
}

impl<'a> Wish<'a> {
    pub fn new(table: &'a CommandTable, id: CommandId, args: &'a Args<'a>) -> Wish<'a> {
        Wish { id, entry: table.entry(id), args }
    }
}

impl Request for Wish<'_> {
    fn command(&self) -> u16 {
        self.id
    }

    fn is_for_all(&self) -> bool {
        self.entry.has(Flags::NO_AUTH)
    }

    fn first_argument(&self) -> Option<&[u8]> {
        (self.args.len() > 1).then(|| self.args.at(1))
    }

    fn forbidden_key(&self, is_allowed: impl Fn(&[u8], Rights) -> bool) -> Option<usize> {
        let specs = self.entry.command.keys.iter().filter(|spec| spec.names_keys());
        specs.into_iter().find_map(|spec| {
            let rights = spec.rights_in(self.args.words.iter());
            let is_forbidden = |at: &usize| !is_allowed(self.args.at(*at), rights);
            match spec.fixed_position() {
                Some(at) => Some(at).filter(|at| *at < self.args.len()).filter(is_forbidden),
                None => self.positions(spec).into_iter().find(is_forbidden),
            }
        })
    }

    fn forbidden_channel(&self, is_allowed: impl Fn(&[u8], bool) -> bool) -> Option<usize> {
        let (channels, is_pattern) = match self.entry.command.channels {
            Channels::None => return None,
            Channels::First => (1..2, false),
            Channels::All => (1..self.args.len(), false),
            Channels::Patterns => (1..self.args.len(), true),
        };
        channels.into_iter().find(|at| !is_allowed(self.args.at(*at), is_pattern))
    }
}

impl Wish<'_> {
    /// A request that a spec cannot be followed in is malformed, and its handler will say so.
    fn positions(&self, spec: &KeySpec) -> Vec<usize> {
        spec.positions(&self.args.to_vec()).unwrap_or_default()
    }
}
