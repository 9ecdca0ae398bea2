//! What clients may do and how much memory they may hold.

use crate::config::directive::{Directive, SENSITIVE, rows::*};
use crate::config::settings::Protected;
use crate::config::value::{Kind, Value};

pub(super) const ROWS: &[Directive] = &[
    int("maxclients", (1, u32::MAX as i128), "10000", "Clients served at once; more are turned away with an error.")
        .store(|s, v| s.maxclients = v.int()),
    special(
        "client-output-buffer-limit",
        Kind::BufferLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        "Class, hard limit, soft limit, seconds: a client whose unread replies exceed them is closed; 0 is no limit.",
    )
    .store(|s, v| {
        if let Value::BufferLimits(limits) = v {
            s.client_output_buffer_limits = *limits
        }
    }),
    memory(
        "client-query-buffer-limit",
        (1 << 20, LONG_MAX),
        "1073741824",
        "Bytes of an unfinished request after which its client is closed.",
    )
    .store(|s, v| s.client_query_buffer_limit = v.int()),
    memory(
        "proto-max-bulk-len",
        (1 << 20, LONG_MAX),
        "536870912",
        "Longest single argument, and with it the longest string value.",
    )
    .store(|s, v| s.proto_max_bulk_len = v.int()),
    special(
        "maxmemory-clients",
        Kind::MemoryOrPercent,
        "0",
        "Memory of all clients together, or its share of maxmemory, above which the largest are closed.",
    )
    .store(|s, v| s.maxmemory_clients = v.share()),
    int("tracking-table-max-keys", (0, LONG_MAX), "1000000", "Keys remembered for client side caching; 0 is no limit.")
        .store(|s, v| s.tracking_table_max_keys = v.int()),
    text("requirepass", "", "Password of the default user.").flags(SENSITIVE).store(|s, v| s.requirepass = v.bytes()),
    text("aclfile", "", "File with the users and their rights.").immutable().store(|s, v| s.aclfile = v.path_if_any()),
    int("acllog-max-len", (0, LONG_MAX), "128", "Refusals that ACL LOG remembers.")
        .store(|s, v| s.acllog_max_len = v.int()),
    one_of(
        "acl-pubsub-default",
        &["allchannels", "resetchannels"],
        "resetchannels",
        "Whether new users may use all Pub/Sub channels or none.",
    )
    .store(|s, v| s.acl_grants_channels = v.choice() == "allchannels"),
    one_of(
        "enable-protected-configs",
        Protected::NAMES,
        "no",
        "Who may set protected directives such as dir at run time.",
    )
    .immutable()
    .store(|s, v| s.enable_protected_configs = Protected::named(v.choice())),
    one_of("enable-debug-command", Protected::NAMES, "no", "Who may use DEBUG.")
        .immutable()
        .store(|s, v| s.enable_debug_command = Protected::named(v.choice())),
    one_of("enable-module-command", Protected::NAMES, "no", "Who may use MODULE.")
        .immutable()
        .store(|s, v| s.enable_module_command = Protected::named(v.choice())),
    yes_no("import-mode", "no", "Keeps expired keys while another server's data is being imported.")
        .waits("import mode"),
    yes_no("extended-redis-compatibility", "no", "Answers as Redis where Valkey goes by another name.").no_effect(),
    text("availability-zone", "", "Name of the zone that this server runs in, for clients that prefer near ones.")
        .store(|s, v| s.availability_zone = v.string_if_any()),
];
