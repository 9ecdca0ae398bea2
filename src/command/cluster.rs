//! CLUSTER, ASKING, READONLY, READWRITE: this server is no node of a cluster, and says so.
//!
//! The rows are there: clients that look for a cluster ask COMMAND, and are told by the error that there is none.

use super::{Args, Command, CommandError, Context, Flags, Outcome};

const ADMIN: Flags = Flags::ADMIN.with(Flags::STALE);
const CHANGE: Flags = ADMIN.with(Flags::NO_ASYNC_LOADING);
const ANY_STATE: Flags = Flags::FAST.with(Flags::LOADING).with(Flags::STALE);
const NONDETERMINISTIC: &[&str] = &["nondeterministic_output"];
const OF_CONNECTIONS: &[&str] = &["@connection"];

pub(super) const COMMANDS: &[Command] = &[
    Command::container("cluster", SUBCOMMANDS).about("Commands about the cluster.").since("3.0.0"),
    row("asking", 1, Flags::FAST, "")
        .about("Lets the next command use a slot that is moving here.")
        .categories(OF_CONNECTIONS),
    row("readonly", 1, ANY_STATE, "")
        .about("Lets this connection read from a replica in a cluster.")
        .categories(OF_CONNECTIONS),
    row("readwrite", 1, ANY_STATE, "").about("Ends READONLY.").categories(OF_CONNECTIONS),
];

const SUBCOMMANDS: &[Command] = &[
    row("addslots", -3, CHANGE, "slot:integer...")
        .about("Gives slots to this node.")
        .complexity("O(N) with the number of slots"),
    row("addslotsrange", -4, CHANGE, "start-slot_end-slot=(start-slot:integer end-slot:integer)...")
        .about("Gives ranges of slots to this node.")
        .since("7.0.0")
        .complexity("O(N) with the number of slots"),
    row("bumpepoch", 2, CHANGE, "").about("Raises this node's configuration epoch.").tips(NONDETERMINISTIC),
    row("count-failure-reports", 3, ADMIN, "node-id")
        .about("Answers how many nodes report a node as failing.")
        .complexity("O(N) with the number of reports")
        .tips(NONDETERMINISTIC),
    row("countkeysinslot", 3, Flags::STALE, "slot:integer").about("Answers how many keys of a slot are here."),
    row("delslots", -3, CHANGE, "slot:integer...")
        .about("Takes slots away from this node.")
        .complexity("O(N) with the number of slots"),
    row("delslotsrange", -4, CHANGE, "start-slot_end-slot=(start-slot:integer end-slot:integer)...")
        .about("Takes ranges of slots away from this node.")
        .since("7.0.0")
        .complexity("O(N) with the number of slots"),
    row("failover", -2, CHANGE, "options=[FORCE | TAKEOVER]").about("Lets this replica take its master's place."),
    row("flushslots", 2, CHANGE, "").about("Takes all slots away from this node."),
    row("forget", 3, CHANGE, "node-id").about("Strikes a node off this node's list."),
    row("getkeysinslot", 4, Flags::STALE, "slot:integer count:integer")
        .about("Answers names of keys in a slot.")
        .complexity("O(log N) with the number of keys asked for")
        .tips(NONDETERMINISTIC),
    row("help", 2, Flags::LOADING.with(Flags::STALE), "").about("Shows this text.").since("5.0.0"),
    row("info", 2, Flags::STALE, "").about("Answers the state of the cluster.").tips(NONDETERMINISTIC),
    row("keyslot", 3, Flags::STALE, "key:string")
        .about("Answers the slot of a key.")
        .complexity("O(N) with the length of the key"),
    row("links", 2, Flags::STALE, "")
        .about("Answers the connections to other nodes.")
        .since("7.0.0")
        .complexity("O(N) with the number of nodes")
        .tips(NONDETERMINISTIC),
    row("meet", -4, CHANGE, "ip port:integer [cluster_bus_port:integer]@4.0.0")
        .about("Introduces another node to this one.")
        .history(&[("4.0.0", "Argument cluster_bus_port.")]),
    row("myid", 2, Flags::STALE, "").about("Answers this node's name."),
    row("nodes", 2, Flags::STALE, "")
        .about("Answers all nodes, one per line.")
        .complexity("O(N) with the number of nodes")
        .tips(NONDETERMINISTIC),
    row("replicas", 3, ADMIN, "node-id")
        .about("Answers the replicas of a master.")
        .since("5.0.0")
        .tips(NONDETERMINISTIC),
    row("replicate", 3, CHANGE, "node-id").about("Makes this node a replica of another."),
    row("reset", -2, ADMIN.with(Flags::NOSCRIPT), "hard_soft=[HARD | SOFT]")
        .about("Makes this node forget the cluster.")
        .complexity("O(N) with the number of nodes"),
    row("saveconfig", 2, CHANGE, "").about("Writes the cluster's configuration to disk."),
    row("set-config-epoch", 3, CHANGE, "config-epoch:integer").about("Sets the epoch of a fresh node."),
    row(
        "setslot",
        -4,
        CHANGE,
        "slot:integer subcommand=(IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE)",
    )
    .about("Says where a slot is, or where it moves to."),
    row("shards", 2, Flags::STALE, "")
        .about("Answers which nodes serve which slots.")
        .since("7.0.0")
        .complexity("O(N) with the number of nodes")
        .tips(NONDETERMINISTIC),
    row("slaves", 3, ADMIN, "node-id")
        .about("Answers the replicas of a master.")
        .tips(NONDETERMINISTIC)
        .deprecated("5.0.0", "`CLUSTER REPLICAS`"),
    row("slots", 2, Flags::STALE, "")
        .about("Answers which nodes serve which slots.")
        .complexity("O(N) with the number of nodes")
        .tips(NONDETERMINISTIC)
        .history(&[("4.0.0", "Names of the nodes."), ("7.0.0", "More of the network.")])
        .deprecated("7.0.0", "`CLUSTER SHARDS`"),
];

const fn row(name: &'static str, arity: i32, flags: Flags, syntax: &'static str) -> Command {
    Command::new(name, disabled, syntax).since("3.0.0").arity(arity).flags(flags)
}

fn disabled(_: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::fixed("ERR This instance has cluster support disabled"))
}
