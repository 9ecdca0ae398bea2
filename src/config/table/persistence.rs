//! Files: snapshots (RDB) and the append-only file (AOF).

use crate::config::directive::{DENY_LOADING, Directive, PROTECTED, rows::*};
use crate::config::value::{Kind, Value};

pub(super) const ROWS: &[Directive] = &[
    special(
        "save",
        Kind::SavePoints,
        "3600 1 300 100 60 10000",
        "Pairs of seconds and changes: saves when so many changes happened in that time; \"\" never saves.",
    )
    .store(|s, v| {
        if let Value::SavePoints(points) = v {
            s.save_points = points.clone()
        }
    }),
    text("dir", "./", "Folder that all files are relative to; the server changes into it.")
        .flags(PROTECTED | DENY_LOADING)
        .store(|s, v| s.dir = v.path_if_any().unwrap_or_default()),
    text("dbfilename", "dump.rdb", "Name of the snapshot file.")
        .flags(PROTECTED)
        .refine(|v| file_name(v, "dbfilename can't be a path, just a filename"))
        .store(|s, v| s.dbfilename = v.path_if_any().unwrap_or_default()),
    yes_no("rdbcompression", "yes", "Compresses long strings in snapshots.").store(|s, v| s.rdbcompression = v.bool()),
    yes_no("rdbchecksum", "yes", "Ends snapshots with a checksum and verifies it when loading.")
        .immutable()
        .store(|s, v| s.rdbchecksum = v.bool()),
    yes_no("rdb-save-incremental-fsync", "yes", "Syncs a snapshot to disk piece by piece instead of at its end.")
        .store(|s, v| s.rdb_save_incremental_fsync = v.bool()),
    yes_no("stop-writes-on-bgsave-error", "yes", "Refuses writes after a background save failed, until one succeeds.")
        .store(|s, v| s.stop_writes_on_bgsave_error = v.bool()),
    yes_no("rdb-del-sync-files", "no", "Deletes snapshots that served a full resync, if nothing else needs them.")
        .store(|s, v| s.rdb_del_sync_files = v.bool()),
    one_of(
        "rdb-version-check",
        &["strict", "relaxed"],
        "strict",
        "Whether snapshots of unknown later versions are tried.",
    )
    .waits("loading of unknown versions"),
    one_of("sanitize-dump-payload", &["no", "yes", "clients"], "no", "Whose payloads are checked wholly when loading.")
        .waits("loading without checks"),
    yes_no("appendonly", "no", "Logs every write to a file.").flags(DENY_LOADING).waits("AOF"),
    text("appendfilename", "appendonly.aof", "Prefix of the log's files.")
        .immutable()
        .refine(|v| named_file(v, "appendfilename can't be empty", "appendfilename can't be a path, just a filename"))
        .waits("AOF"),
    text("appenddirname", "appendonlydir", "Folder of the log's files.")
        .immutable()
        .refine(|v| named_file(v, "appenddirname can't be empty", "appenddirname can't be a path, just a dirname"))
        .waits("AOF"),
    one_of(
        "appendfsync",
        &["everysec", "always", "no"],
        "everysec",
        "When the log reaches the disk: before each reply, each second, or when the kernel likes.",
    )
    .waits("AOF"),
    yes_no("no-appendfsync-on-rewrite", "no", "Does not sync the log while a save or rewrite is running.").waits("AOF"),
    int(
        "auto-aof-rewrite-percentage",
        (0, INT_MAX),
        "100",
        "Growth in percent since the last rewrite that starts the next; 0 starts none.",
    )
    .waits("AOF"),
    memory("auto-aof-rewrite-min-size", (0, LONG_MAX), "67108864", "Size below which no rewrite is started.")
        .waits("AOF"),
    yes_no("aof-load-truncated", "yes", "Loads a log whose last record is cut off.").waits("AOF"),
    yes_no("aof-use-rdb-preamble", "yes", "Begins a rewritten log with a snapshot.").waits("AOF"),
    yes_no("aof-timestamp-enabled", "no", "Notes the time in the log, for recovery to a moment.").waits("AOF"),
    yes_no("aof-rewrite-incremental-fsync", "yes", "Syncs a rewritten log piece by piece.").waits("AOF"),
    yes_no("aof-disable-auto-gc", "no", "Keeps log files that are no longer needed.").waits("AOF"),
];

fn file_name(value: Value, if_path: &'static str) -> Result<Value, &'static str> {
    let is_path = matches!(&value, Value::Text(name) if name.contains(&b'/') || name.contains(&b'\\'));
    if is_path { Err(if_path) } else { Ok(value) }
}

fn named_file(value: Value, if_empty: &'static str, if_path: &'static str) -> Result<Value, &'static str> {
    if value.bytes().is_none() { Err(if_empty) } else { file_name(value, if_path) }
}
