//! Which commands may be run: a bit for each, and first arguments that are allowed of commands that are not.

use std::collections::BTreeMap;

use super::Commands;

/// A bit per command. There are fewer commands than bits, which a test of their table sees to.
const WORDS: usize = 16;

/// Commands that there may be at most.
pub const COMMANDS_MAX: usize = WORDS * 64;

/// A set of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct CommandSet([u64; WORDS]);

impl CommandSet {
    const ALL: CommandSet = CommandSet([u64::MAX; WORDS]);

    fn has(&self, id: u16) -> bool {
        self.0.get(usize::from(id) / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    fn set(&mut self, id: u16, is_in: bool) {
        let Some(word) = self.0.get_mut(usize::from(id) / 64) else { return };
        let bit = 1 << (id % 64);
        if is_in { *word |= bit } else { *word &= !bit }
    }

    /// A command, and with a container its subcommands.
    fn change(&mut self, commands: &Commands, id: u16, is_in: bool) {
        self.set(id, is_in);
        commands.row(id).subcommands.clone().for_each(|id| self.set(id, is_in));
    }

    fn change_category(&mut self, commands: &Commands, category: u32, is_in: bool) {
        commands.of_category(category).for_each(|(id, _)| self.change(commands, id, is_in));
    }
}

/// What one selector says of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandRules {
    allowed: CommandSet,
    /// Began as `+@all`: what is not taken away stays allowed, also in servers that know more commands.
    begins_with_all: bool,
    /// `+select|0`: for a command that is not allowed as a whole.
    first_arguments: BTreeMap<u16, Vec<Box<[u8]>>>,
}

impl CommandRules {
    pub fn allow_all(&mut self) {
        *self = CommandRules { allowed: CommandSet::ALL, begins_with_all: true, first_arguments: BTreeMap::new() };
    }

    pub fn allow_none(&mut self) {
        *self = CommandRules::default();
    }

    pub fn change(&mut self, commands: &Commands, id: u16, is_allowed: bool) {
        self.allowed.change(commands, id, is_allowed);
        self.first_arguments.remove(&id);
    }

    pub fn change_category(&mut self, commands: &Commands, category: u32, is_allowed: bool) {
        self.allowed.change_category(commands, category, is_allowed);
        self.first_arguments.retain(|id, _| commands.row(*id).categories & category == 0);
    }

    pub fn allow_first_argument(&mut self, id: u16, argument: &[u8]) {
        let arguments = self.first_arguments.entry(id).or_default();
        if !arguments.iter().any(|known| known.eq_ignore_ascii_case(argument)) {
            arguments.push(argument.into());
        }
    }

    #[inline]
    pub fn permit(&self, id: u16, first_argument: Option<&[u8]>) -> bool {
        self.allowed.has(id) || self.permit_first_argument(id, first_argument)
    }

    fn permit_first_argument(&self, id: u16, first_argument: Option<&[u8]>) -> bool {
        let Some((argument, known)) = first_argument.zip(self.first_arguments.get(&id)) else { return false };
        known.iter().any(|known| known.eq_ignore_ascii_case(argument))
    }

    /// Whether no command is left out.
    pub fn permit_all(&self, commands: &Commands) -> bool {
        commands.rows().all(|(id, _)| self.allowed.has(id))
    }

    /// Rules that lead to this: `+@all` or `-@all`, then the categories that come closest, then single commands.
    pub fn describe(&self, commands: &Commands) -> String {
        let mut words = vec![if self.begins_with_all { "+@all" } else { "-@all" }.to_owned()];
        let mut reached = if self.begins_with_all { CommandSet::ALL } else { CommandSet::default() };
        let (sign, is_allowed) = if self.begins_with_all { ('-', false) } else { ('+', true) };
        for category in self.fitting_categories(commands) {
            reached.change_category(commands, 1 << category, is_allowed);
            words.push(format!("{sign}@{}", commands.categories()[category]));
        }
        for (id, row) in commands.rows() {
            let is_allowed = self.allowed.has(id);
            if is_allowed != reached.has(id) {
                reached.change(commands, id, is_allowed);
                words.push(format!("{}{}", if is_allowed { '+' } else { '-' }, row.name));
            }
            for argument in self.first_arguments.get(&id).into_iter().flatten().filter(|_| !is_allowed) {
                words.push(format!("+{}|{}", row.name, String::from_utf8_lossy(argument)));
            }
        }
        words.join(" ")
    }

    /// Categories that say more right than wrong of what no category before has said: the fewest wrongs first, then the
    /// most rights.
    fn fitting_categories(&self, commands: &Commands) -> Vec<usize> {
        let is_allowed = !self.begins_with_all;
        let mut unsaid = self.allowed.clone();
        let mut fitting = Vec::new();
        loop {
            let rate = |category: usize| {
                let members = commands.of_category(1 << category);
                let (right, wrong): (Vec<_>, Vec<_>) = members.partition(|(id, _)| unsaid.has(*id) == is_allowed);
                (right.len() > wrong.len()).then_some((wrong.len(), usize::MAX - right.len(), category))
            };
            let open = (0..commands.categories().len()).filter(|category| !fitting.contains(category));
            let Some((_, _, best)) = open.filter_map(rate).min() else { return fitting };
            unsaid.change_category(commands, 1 << best, !is_allowed);
            fitting.push(best);
        }
    }
}
