//! The table of all directives: one row each, in groups that are also the chapters of the example file.
//!
//! Names, defaults, bounds, error texts and the example file derive from the rows; nothing else lists directives.

mod clients;
mod cluster;
mod memory;
mod network;
mod observability;
mod persistence;
mod process;
mod replication;
mod tls;
mod types;

use super::directive::Directive;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A chapter of the example file.
pub struct Group {
    pub title: &'static str,
    pub rows: &'static [Directive],
}

pub const GROUPS: &[Group] = &[
    Group { title: "Network", rows: network::ROWS },
    Group { title: "Clients and access", rows: clients::ROWS },
    Group { title: "Databases, memory and expiry", rows: memory::ROWS },
    Group { title: "Persistence", rows: persistence::ROWS },
    Group { title: "Replication", rows: replication::ROWS },
    Group { title: "Process", rows: process::ROWS },
    Group { title: "Log lines and what is measured", rows: observability::ROWS },
    Group { title: "Compact encodings", rows: types::ROWS },
    Group { title: "Cluster", rows: cluster::ROWS },
    Group { title: "TLS", rows: tls::ROWS },
];

/// Every row, in the order of the groups; a row's place is its number.
pub fn rows() -> impl Iterator<Item = &'static Directive> {
    GROUPS.iter().flat_map(|group| group.rows)
}

/// Number and row of the directive with this name or alias, in any case.
pub fn find(name: &[u8]) -> Option<(usize, &'static Directive)> {
    static BY_NAME: LazyLock<HashMap<&'static [u8], (usize, &'static Directive)>> = LazyLock::new(|| {
        rows()
            .enumerate()
            .flat_map(|(number, row)| row.names().map(move |name| (name.as_bytes(), (number, row))))
            .collect()
    });
    BY_NAME.get(name.to_ascii_lowercase().as_slice()).copied()
}
