//! When collections keep their compact encoding, as OBJECT ENCODING shows it.

use crate::config::directive::{Directive, rows::*};

pub(super) const ROWS: &[Directive] = &[
    int("hash-max-listpack-entries", (0, LONG_MAX), "512", "Fields up to which a hash stays compact.")
        .aliases(&["hash-max-ziplist-entries"])
        .store(|s, v| s.collections.hash_entries = v.int()),
    memory(
        "hash-max-listpack-value",
        (0, LONG_MAX),
        "64",
        "Bytes of a field or value up to which a hash stays compact.",
    )
    .aliases(&["hash-max-ziplist-value"])
    .store(|s, v| s.collections.hash_value_bytes = v.int()),
    int(
        "list-max-listpack-size",
        (i32::MIN as i128, INT_MAX),
        "-2",
        "Elements of a list's node; -1 to -5 limit its bytes to 4, 8, 16, 32, 64 KB.",
    )
    .aliases(&["list-max-ziplist-size"])
    .store(|s, v| s.collections.list_size = v.int()),
    int(
        "list-compress-depth",
        (0, INT_MAX),
        "0",
        "Nodes at each end of a list that stay uncompressed; 0 compresses none.",
    )
    .no_effect(),
    int("set-max-intset-entries", (0, LONG_MAX), "512", "Integers up to which a set of integers stays compact.")
        .store(|s, v| s.collections.set_integers = v.int()),
    int("set-max-listpack-entries", (0, LONG_MAX), "128", "Members up to which a set stays compact.")
        .store(|s, v| s.collections.set_entries = v.int()),
    memory("set-max-listpack-value", (0, LONG_MAX), "64", "Bytes of a member up to which a set stays compact.")
        .store(|s, v| s.collections.set_value_bytes = v.int()),
    int("zset-max-listpack-entries", (0, LONG_MAX), "128", "Members up to which a sorted set stays compact.")
        .aliases(&["zset-max-ziplist-entries"])
        .store(|s, v| s.collections.sorted_set_entries = v.int()),
    memory("zset-max-listpack-value", (0, LONG_MAX), "64", "Bytes of a member up to which a sorted set stays compact.")
        .aliases(&["zset-max-ziplist-value"])
        .store(|s, v| s.collections.sorted_set_value_bytes = v.int()),
    memory("hll-sparse-max-bytes", (0, LONG_MAX), "3000", "Bytes up to which a HyperLogLog stays sparse.")
        .store(|s, v| s.hll_sparse_max_bytes = v.int()),
    memory("stream-node-max-bytes", (0, LONG_MAX), "4096", "Bytes of a stream's node; 0 is no limit.")
        .store(|s, v| s.collections.stream_chunk_bytes = v.int()),
    int("stream-node-max-entries", (0, LONG_MAX), "100", "Entries of a stream's node; 0 is no limit.")
        .store(|s, v| s.collections.stream_chunk_entries = v.int()),
];
