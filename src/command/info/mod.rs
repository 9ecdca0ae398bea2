//! INFO: sections of `name:value` lines, in Redis's order and under its names.
//!
//! Every figure is a true one. What has no meaning here (reply buffers, hash tables that are rehashed, C's compiler)
//! is left out; what cannot happen here (a fork, a defragmentation) is 0.

mod commands;
mod fields;
mod memory;
mod replication;
mod server;
mod stats;

use self::fields::Fields;
use super::{Args, Command, CommandError, Context, Flags, Outcome};

pub(super) const COMMANDS: &[Command] = &[Command::new("info", info, "[section...]")
    .about("Answers figures and facts about the server.")
    .complexity("O(1)")
    .arity(-1)
    .history(&[("7.0.0", "Several sections.")])
    .flags(Flags::LOADING.with(Flags::STALE))
    .categories(&["@dangerous"])
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])];

/// Part of the answer.
struct Section {
    name: &'static str,
    title: &'static str,
    write: fn(&mut Context<'_>, &mut Fields),
}

const SECTIONS: &[Section] = &[
    Section { name: "server", title: "Server", write: server::server },
    Section { name: "clients", title: "Clients", write: server::clients },
    Section { name: "memory", title: "Memory", write: memory::memory },
    Section { name: "persistence", title: "Persistence", write: server::persistence },
    Section { name: "stats", title: "Stats", write: stats::stats },
    Section { name: "replication", title: "Replication", write: replication::replication },
    Section { name: "cpu", title: "CPU", write: server::cpu },
    // There are no modules to list.
    Section { name: "modules", title: "Modules", write: |_, _| () },
    Section { name: "commandstats", title: "Commandstats", write: commands::commandstats },
    Section { name: "errorstats", title: "Errorstats", write: commands::errorstats },
    Section { name: "latencystats", title: "Latencystats", write: commands::latencystats },
    Section { name: "cluster", title: "Cluster", write: |_, fields| fields.add("cluster_enabled", 0) },
    Section { name: "keyspace", title: "Keyspace", write: stats::keyspace },
];

fn info(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut fields = Fields::default();
    for section in SECTIONS.iter().filter(|section| is_wanted(section, args)) {
        fields.begin(section.title);
        (section.write)(cx, &mut fields);
    }
    cx.reply.verbatim("txt", fields.text().as_bytes());
    Ok(Outcome::Done)
}

/// Sections that stand in the answer only if they are asked for: by name, by `all` or by `everything`.
const NOT_BY_DEFAULT: &[&str] = &["commandstats", "latencystats"];
/// What `all` leaves out.
const NOT_IN_ALL: &[&str] = &["modules"];

fn is_wanted(section: &Section, args: &Args<'_>) -> bool {
    let is_default = !NOT_BY_DEFAULT.contains(&section.name);
    let names = |word: &[u8]| match word.to_ascii_lowercase().as_slice() {
        b"default" => is_default,
        b"all" => !NOT_IN_ALL.contains(&section.name),
        b"everything" => true,
        word => word == section.name.as_bytes(),
    };
    if args.len() == 1 { is_default } else { args.rest(1).any(names) }
}
