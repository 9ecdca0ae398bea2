//! The commands as rights see them: numbers, names, categories, and which are subcommands of which.

use std::collections::BTreeMap;
use std::ops::Range;

/// One command or subcommand. Subcommands have the numbers right behind their container's.
#[derive(Clone, Debug)]
pub struct CommandRow {
    /// Lower case; a subcommand's is `container|name`.
    pub name: &'static str,
    /// A bit for each category, in the order of their names.
    pub categories: u32,
    pub is_subcommand: bool,
    pub subcommands: Range<u16>,
}

/// All of them, by number, under the names that they have before any is renamed.
pub struct Commands {
    rows: Vec<CommandRow>,
    by_name: BTreeMap<&'static str, u16>,
    /// Without `@`.
    categories: Vec<&'static str>,
}

impl Commands {
    pub fn new(categories: impl IntoIterator<Item = &'static str>, rows: Vec<CommandRow>) -> Commands {
        let categories = categories.into_iter().map(|name| name.trim_start_matches('@')).collect();
        let by_name = rows.iter().zip(0..).map(|(row, id)| (row.name, id)).collect();
        Commands { rows, by_name, categories }
    }

    pub fn row(&self, id: u16) -> &CommandRow {
        &self.rows[usize::from(id)]
    }

    pub fn rows(&self) -> impl Iterator<Item = (u16, &CommandRow)> {
        (0..).zip(&self.rows)
    }

    /// `get`, or `config|set`, whatever the case.
    pub fn find(&self, name: &[u8]) -> Option<u16> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.by_name.get(name.as_str()).copied()
    }

    /// Names of the categories, in their order.
    pub fn categories(&self) -> &[&'static str] {
        &self.categories
    }

    /// The bit of a category, whatever the case of its name.
    pub fn category(&self, name: &[u8]) -> Option<u32> {
        let at = self.categories.iter().position(|category| category.as_bytes().eq_ignore_ascii_case(name))?;
        Some(1 << at)
    }

    /// Commands of a category.
    pub fn of_category(&self, category: u32) -> impl Iterator<Item = (u16, &CommandRow)> {
        self.rows().filter(move |(_, row)| row.categories & category != 0)
    }
}
