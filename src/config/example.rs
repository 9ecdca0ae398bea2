//! The example configuration file, wholly derived from the table.
//!
//! Loading it gives the defaults. A test compares it with the file in the repository.

use super::directive::{Directive, HIDDEN, IMMUTABLE, Status};
use super::table::GROUPS;

const HEAD: &str = "\
# Configuration of Tandem: every directive, with its default.
#
# Start the server with the path of this file: tandem redis.conf
# Arguments override it: tandem redis.conf --port 6380
# Another file is read in place by: include /path/to/other.conf
#
# Sizes: 1k is 1000 bytes, 1kb 1024, likewise m, mb, g, gb, in any case.
# Values with blanks stand in quotes; \"...\" knows the escapes \\n \\r \\t \\\" \\\\ \\xHH.
# [start only] cannot be changed by CONFIG SET. [later] is accepted and kept, and takes effect together with the
# feature named. [no effect] is accepted because Redis or Valkey have it; there is nothing here that it could steer.
";

/// Text of `redis.conf.example`.
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    for group in GROUPS {
        let rule = "#".repeat(group.title.len() + 4);
        text.push_str(&format!("\n{rule}\n# {} #\n{rule}\n", group.title));
        for row in group.rows.iter().filter(|row| !row.has(HIDDEN)) {
            text.push_str(&entry(row));
        }
    }
    text
}

fn entry(row: &Directive) -> String {
    let mut notes = String::new();
    if row.has(IMMUTABLE) {
        notes.push_str(" [start only]");
    }
    match row.status {
        Status::InEffect => {}
        Status::Waits(feature) => notes.push_str(&format!(" [later: {feature}]")),
        Status::NoEffect => notes.push_str(" [no effect]"),
    }
    if !row.aliases.is_empty() {
        notes.push_str(&format!(" Also called {}.", row.aliases.join(", ")));
    }
    let default = if row.default.is_empty() { "\"\"" } else { row.default };
    format!("\n# {}{notes}\n{} {}\n", row.about, row.name, quoted(row, default))
}

/// A default of several words that is one value stands in quotes.
fn quoted(row: &Directive, default: &str) -> String {
    if row.kind.takes_many() || !default.contains(' ') { default.to_owned() } else { format!("\"{default}\"") }
}
