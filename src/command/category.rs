//! ACL categories: what flags and group imply, and what a row says beside them.

use super::{Entry, Flags, Group};

/// All categories, in the order in which COMMAND INFO shows them.
pub const NAMES: &[&str] = &[
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

/// Categories of a command, a bit for each.
pub fn bits(entry: &Entry) -> u32 {
    NAMES.iter().zip(0..).fold(0, |bits, (name, at)| bits | u32::from(is_in(entry, name)) << at)
}

/// Categories of a command, in that order.
pub fn of(entry: &Entry) -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().filter(|name| is_in(entry, name))
}

/// Whether a command belongs to a category.
pub fn is_in(entry: &Entry, name: &str) -> bool {
    let implied = match name {
        // What a script does is not known.
        "@read" => entry.has(Flags::READONLY) && entry.group != Group::Scripting,
        "@write" => entry.has(Flags::WRITE),
        "@admin" => entry.has(Flags::ADMIN),
        "@dangerous" => entry.has(Flags::ADMIN),
        "@pubsub" => entry.has(Flags::PUBSUB),
        "@blocking" => entry.has(Flags::BLOCKING),
        "@fast" => entry.has(Flags::FAST),
        "@slow" => !entry.has(Flags::FAST),
        "@string" => entry.group == Group::String,
        "@bitmap" => entry.group == Group::Bitmap,
        "@hyperloglog" => entry.group == Group::Hyperloglog,
        "@list" => entry.group == Group::List,
        "@hash" => entry.group == Group::Hash,
        "@set" => entry.group == Group::Set,
        "@sortedset" => entry.group == Group::SortedSet,
        "@geo" => entry.group == Group::Geo,
        "@scripting" => entry.group == Group::Scripting && !entry.is_container(),
        "@stream" => entry.group == Group::Stream && !entry.is_container(),
        "@connection" => entry.group == Group::Connection && !entry.is_container(),
        _ => false,
    };
    implied || entry.command.categories.contains(&name)
}
