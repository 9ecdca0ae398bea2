//! Commands on keys of any type: deleting, naming, expiring, walking, and keys as payloads.

mod dump;
mod exist;
mod expire;
mod migrate;
mod name;
mod object;
mod walk;

pub use migrate::{Migration, PackedKey};

use super::{Command, Flags, KeySpec};

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const WRITE: Flags = Flags::WRITE;
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);

const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1).read_only(&[])];
const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["update"])];
const OVERWRITTEN_KEY: &[KeySpec] = &[KeySpec::at(1).overwrite(&["update"])];
const LOOKED_AT_KEYS: &[KeySpec] = &[KeySpec::range(1, -1, 1).read_only(&[])];
const REMOVED_KEYS: &[KeySpec] = &[KeySpec::range(1, -1, 1).remove(&["delete"])];

const SUMMED: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];
const VARYING: &[&str] = &["nondeterministic_output"];
const EXPIRE_HISTORY: &[(&str, &str)] = &[("7.0.0", "Options NX, XX, GT, LT.")];
const TTL_HISTORY: &[(&str, &str)] = &[("2.8.0", "Reply -2.")];
const KEYSPACE: &[&str] = &["@keyspace"];
const KEYSPACE_DANGEROUS: &[&str] = &["@keyspace", "@dangerous"];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("del", exist::del, "key...")
        .about("Deletes keys.")
        .complexity("O(N)")
        .arity(-2)
        .flags(WRITE)
        .keys(REMOVED_KEYS)
        .categories(KEYSPACE)
        .tips(SUMMED),
    Command::new("unlink", exist::del, "key...")
        .about("Deletes keys; their memory is given back in the background.")
        .since("4.0.0")
        .complexity("O(N)")
        .arity(-2)
        .flags(WRITE_FAST)
        .keys(REMOVED_KEYS)
        .categories(KEYSPACE)
        .tips(SUMMED),
    Command::new("exists", exist::exists, "key...")
        .about("Counts how many of the keys exist.")
        .complexity("O(N)")
        .arity(-2)
        .flags(READ_FAST)
        .keys(LOOKED_AT_KEYS)
        .categories(KEYSPACE)
        .tips(SUMMED)
        .history(&[("3.0.3", "Several keys.")]),
    Command::new("touch", exist::touch, "key...")
        .about("Counts how many of the keys exist and renews their access times.")
        .since("3.2.1")
        .complexity("O(N)")
        .arity(-2)
        .flags(READ_FAST)
        .keys(LOOKED_AT_KEYS)
        .categories(KEYSPACE)
        .tips(SUMMED),
    Command::new("type", exist::type_, "key")
        .about("Answers what kind of value a key holds.")
        .arity(2)
        .flags(READ_FAST)
        .keys(LOOKED_AT)
        .categories(KEYSPACE),
    expiring("expire", expire::expire, "key seconds:integer condition=[NX | XX | GT | LT]@7.0.0")
        .about("Lets a key expire some seconds from now."),
    expiring("pexpire", expire::pexpire, "key milliseconds:integer condition=[NX | XX | GT | LT]@7.0.0")
        .about("Lets a key expire some milliseconds from now.")
        .since("2.6.0"),
    expiring("expireat", expire::expireat, "key unix-time-seconds:unix-time condition=[NX | XX | GT | LT]@7.0.0")
        .about("Lets a key expire at a Unix time in seconds.")
        .since("1.2.0"),
    expiring(
        "pexpireat",
        expire::pexpireat,
        "key unix-time-milliseconds:unix-time condition=[NX | XX | GT | LT]@7.0.0",
    )
    .about("Lets a key expire at a Unix time in milliseconds.")
    .since("2.6.0"),
    expiry("ttl", expire::ttl).about("Answers how many seconds a key has to live.").tips(VARYING).history(TTL_HISTORY),
    expiry("pttl", expire::pttl)
        .about("Answers how many milliseconds a key has to live.")
        .since("2.6.0")
        .tips(VARYING)
        .history(TTL_HISTORY),
    expiry("expiretime", expire::expiretime)
        .about("Answers the Unix time in seconds at which a key expires.")
        .since("7.0.0"),
    expiry("pexpiretime", expire::pexpiretime)
        .about("Answers the Unix time in milliseconds at which a key expires.")
        .since("7.0.0"),
    Command::new("persist", expire::persist, "key")
        .about("Takes a key's expiry away.")
        .since("2.2.0")
        .arity(2)
        .flags(WRITE_FAST)
        .keys(UPDATED_KEY)
        .categories(KEYSPACE),
    Command::new("keys", walk::keys, "pattern:pattern")
        .about("Answers all keys that match a pattern.")
        .complexity("O(N)")
        .arity(2)
        .flags(READ)
        .categories(KEYSPACE_DANGEROUS)
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    Command::new("scan", walk::scan, "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type]@6.0.0")
        .about("Walks over the keys of a database, a few at a time.")
        .since("2.8.0")
        .complexity("O(1) a call, O(N) a walk")
        .arity(-2)
        .flags(READ)
        .categories(KEYSPACE)
        .tips(&["nondeterministic_output", "request_policy:special"])
        .history(&[("6.0.0", "Option TYPE.")]),
    Command::new("randomkey", walk::randomkey, "")
        .about("Answers some key of the database.")
        .arity(1)
        .flags(READ)
        .categories(KEYSPACE)
        .tips(&["request_policy:all_shards", "nondeterministic_output"]),
    Command::new("rename", name::rename, "key newkey:key")
        .about("Gives a key another name, in place of what had that name.")
        .arity(3)
        .flags(WRITE)
        .keys(&[KeySpec::at(1).read_write(&["access", "delete"]), KeySpec::at(2).overwrite(&["update"])])
        .categories(KEYSPACE),
    Command::new("renamenx", name::renamenx, "key newkey:key")
        .about("Gives a key another name unless something has that name.")
        .arity(3)
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1).read_write(&["access", "delete"]), KeySpec::at(2).overwrite(&["insert"])])
        .categories(KEYSPACE)
        .history(&[("3.2.0", "The same name twice is no error any more.")]),
    Command::new("copy", name::copy, "source:key destination:key [DB destination-db:integer] [REPLACE]")
        .about("Copies a value with its expiry to another key.")
        .since("6.2.0")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::at(1).read_only(&["access"]), KeySpec::at(2).overwrite(&["update"])])
        .categories(KEYSPACE),
    Command::new("move", name::move_, "key db:integer")
        .about("Moves a key to another database unless it exists there.")
        .arity(3)
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1).read_write(&["access", "update"])])
        .categories(KEYSPACE),
    Command::new("dump", dump::dump, "key")
        .about("Answers a value as a payload that RESTORE takes.")
        .since("2.6.0")
        .complexity("O(N)")
        .arity(2)
        .flags(READ)
        .keys(READ_KEY)
        .categories(KEYSPACE)
        .tips(VARYING),
    restoring("restore").about("Makes a key of a payload that DUMP gave.").since("2.6.0"),
    Command::new(
        "migrate",
        migrate::migrate,
        "host port:integer key_or_empty_string=(key | empty_string=\"\") destination-db:integer timeout:integer \
         [COPY]@3.0.0 [REPLACE]@3.0.0 \
         authentication=[[AUTH password]@4.0.7 | [AUTH2 username_password=(username password)]@6.0.0] \
         [KEYS key...]@3.0.6",
    )
    .about("Sends keys to another server and deletes them here.")
    .since("2.6.0")
    .complexity("O(N)")
    .arity(-6)
    .flags(WRITE.with(Flags::MOVABLEKEYS))
    .keys(&[
        KeySpec::at(3).read_write(&["access", "delete"]),
        KeySpec::after("KEYS", -2).read_write(&["access", "delete", "incomplete"]).up_to(-1),
    ])
    .categories(KEYSPACE_DANGEROUS)
    .tips(VARYING)
    .secrets(migrate::is_secret)
    .history(&[
        ("3.0.0", "Options COPY, REPLACE."),
        ("3.0.6", "Option KEYS."),
        ("4.0.7", "Option AUTH."),
        ("6.0.0", "Option AUTH2."),
    ]),
    Command::container("object", object::COMMANDS).about("Looks at how a value is kept.").since("2.2.3"),
];

/// Of another group than its twin.
pub(super) const RESTORE_ASKING: &[Command] = &[restoring("restore-asking")
    .about("RESTORE of a key that moves from one node of a cluster to another.")
    .since("3.0.0")
    .flags(WRITE.with(Flags::DENYOOM).with(Flags::ASKING))];

const fn restoring(name: &'static str) -> Command {
    const SYNTAX: &str = "key ttl:integer serialized-value [REPLACE]@3.0.0 [ABSTTL]@5.0.0 \
        [IDLETIME seconds:integer]@5.0.0 [FREQ frequency:integer]@5.0.0";
    Command::new(name, dump::restore, SYNTAX)
        .complexity("O(N)")
        .arity(-4)
        .flags(WRITE.with(Flags::DENYOOM))
        .keys(OVERWRITTEN_KEY)
        .categories(KEYSPACE_DANGEROUS)
        .history(&[("3.0.0", "Option REPLACE."), ("5.0.0", "Option ABSTTL."), ("5.0.0", "Options IDLETIME, FREQ.")])
}

const fn expiring(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax)
        .arity(-3)
        .flags(WRITE_FAST)
        .keys(UPDATED_KEY)
        .categories(KEYSPACE)
        .history(EXPIRE_HISTORY)
}

const fn expiry(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key").arity(2).flags(READ_FAST).keys(READ_KEY).categories(KEYSPACE)
}
