//! Sections about the process: server, clients, persistence, cpu.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::config::{Config, REDIS_VERSION};
use crate::keyspace::access;
use crate::session::{Blocked, ClientKind, Session};

use super::fields::{Fields, ratio};
use crate::command::{Context, Loading};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

pub(super) fn server(cx: &mut Context<'_>, fields: &mut Fields) {
    let (server, config) = (&*cx.server, &*cx.config);
    let uptime_s = cx.now.mono.seconds_since(server.started_at);
    fields.add("redis_version", REDIS_VERSION);
    fields.add("server_name", "tandem");
    fields.add("tandem_version", env!("CARGO_PKG_VERSION"));
    // No sources of Redis are in here, so there is no commit of theirs to name.
    fields.add("redis_git_sha1", "00000000");
    fields.add("redis_git_dirty", 0);
    fields.add("redis_mode", "standalone");
    fields.add("os", &server.os);
    fields.add("arch_bits", usize::BITS);
    fields.add("monotonic_clock", "POSIX clock_gettime");
    fields.add("multiplexing_api", "epoll");
    fields.add("process_id", server.pid);
    fields.add("process_supervised", server.supervised);
    fields.add("run_id", &server.run_id);
    fields.add("tcp_port", server.tcp_port);
    fields.add("server_time_usec", cx.now.unix_us);
    fields.add("uptime_in_seconds", uptime_s);
    fields.add("uptime_in_days", uptime_s / SECONDS_PER_DAY);
    fields.add("hz", config.hz);
    fields.add("configured_hz", config.hz);
    fields.add("lru_clock", access::lru_clock(cx.now.unix_s()));
    fields.add("executable", &server.executable);
    fields.add("config_file", &server.config_file);
    fields.flag("io_threads_active", config.io_threads > 1);
    if let Some(at) = server.shutdown_at {
        fields.add("shutdown_in_milliseconds", at.since(cx.now.mono));
    }
    if let Some(zone) = &config.availability_zone {
        fields.add("availability_zone", zone);
    }
    listeners(config, server.tcp_port, fields);
}

/// A line for each kind of socket that we listen on.
fn listeners(config: &Config, tcp_port: u16, fields: &mut Fields) {
    let tcp = (tcp_port != 0).then(|| {
        let addresses: String = config.bind.iter().map(|address| format!(",bind={address}")).collect();
        format!("name=tcp{addresses},port={tcp_port}")
    });
    let unix = config.unixsocket.as_ref().map(|path| format!("name=unix,bind={}", path.display()));
    for (index, listener) in tcp.into_iter().chain(unix).enumerate() {
        fields.add(&format!("listener{index}"), listener);
    }
}

pub(super) fn clients(cx: &mut Context<'_>, fields: &mut Fields) {
    let sessions = &*cx.sessions;
    let count = |is_meant: fn(&Session) -> bool| sessions.iter().filter(|(_, session)| is_meant(session)).count();
    let largest = |bytes: fn(&Session) -> usize| sessions.iter().map(|(_, session)| bytes(session)).max().unwrap_or(0);
    fields.add("connected_clients", count(|session| session.kind != ClientKind::Replica));
    fields.add("cluster_connections", 0);
    fields.add("maxclients", cx.config.maxclients);
    fields.add("client_recent_max_input_buffer", largest(|session| session.query.capacity_bytes));
    fields.add("client_recent_max_output_buffer", largest(|session| session.outbox.len() + session.unsent_bytes));
    fields.add("blocked_clients", sessions.blocked());
    fields.add("tracking_clients", cx.pubsub.tracked.clients);
    fields.add("pubsub_clients", count(|session| session.is_subscriber));
    fields.add("watching_clients", sessions.watches.watching_clients());
    fields.add("clients_in_timeout_table", count(|session| session.blocked == Blocked::Held { has_timeout: true }));
    fields.add("total_watched_keys", sessions.watches.watched_keys());
    fields.add("total_blocking_keys", cx.server.blocking_keys);
    // Only readers of streams wait for a key to go.
    fields.zeros(&["total_blocking_keys_on_nokey"]);
    paused(cx, fields);
}

/// Why requests wait, which, and for how long yet.
fn paused(cx: &Context<'_>, fields: &mut Fields) {
    let (pause, end) = (cx.server.pause, cx.server.shutdown_at);
    let (reason, until) = match (pause, end) {
        (Some(pause), _) => ("client_pause", Some(pause.until)),
        (None, Some(at)) => ("shutdown_in_progress", Some(at)),
        (None, None) => ("none", None),
    };
    let actions = match until {
        None => "none",
        Some(_) if pause.is_some_and(|pause| pause.all) => "all",
        Some(_) => "write",
    };
    fields.add("paused_reason", reason);
    fields.add("paused_actions", actions);
    fields.add("paused_timeout_milliseconds", until.map_or(0, |until| until.since(cx.now.mono)));
}

pub(super) fn persistence(cx: &mut Context<'_>, fields: &mut Fields) {
    let save = &cx.server.save;
    let is_async = cx.server.loading.map(|loading| loading.is_async);
    fields.flag("loading", is_async == Some(false));
    fields.flag("async_loading", is_async == Some(true));
    let written = save.progress.written.load(Ordering::Relaxed);
    fields.decimal("current_fork_perc", ratio(written, save.progress.keys) * 100.0);
    fields.add("current_save_keys_processed", written);
    fields.add("current_save_keys_total", save.progress.keys);
    fields.add("rdb_changes_since_last_save", save.changes_since_save);
    // A snapshot that is sent is one that is saved, elsewhere.
    let is_saving = save.running_since.is_some() || cx.node.running_full_syncs() > 0;
    fields.flag("rdb_bgsave_in_progress", is_saving);
    fields.add("rdb_last_save_time", save.last_save_unix_s);
    fields.add("rdb_last_bgsave_status", if save.last_status_ok { "ok" } else { "err" });
    fields.add("rdb_last_bgsave_time_sec", save.last_duration_s);
    let running_s = save.running_since.map_or(-1, |since| cx.now.mono.seconds_since(since) as i64);
    fields.add("rdb_current_bgsave_time_sec", running_s);
    fields.add("rdb_saves", save.saves);
    fields.add("rdb_last_load_keys_expired", save.last_load_keys_expired);
    fields.add("rdb_last_load_keys_loaded", save.last_load_keys_loaded);
    append_only_file(fields);
    if let Some(loading) = &cx.server.loading {
        progress_of(loading, cx.now.unix_s(), fields);
    }
}

/// There is none: switched off, and nothing has ever failed.
fn append_only_file(fields: &mut Fields) {
    fields.zeros(&["aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled"]);
    fields.add("aof_last_rewrite_time_sec", -1);
    fields.add("aof_current_rewrite_time_sec", -1);
    fields.add("aof_last_bgrewrite_status", "ok");
    fields.zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    fields.add("aof_last_write_status", "ok");
    fields.zeros(&["module_fork_in_progress"]);
}

fn progress_of(loading: &Loading, now_s: i64, fields: &mut Fields) {
    let elapsed_s = (now_s - loading.started_unix_s).max(0) as f64;
    let left_bytes = loading.total_bytes.saturating_sub(loading.loaded_bytes);
    fields.add("loading_start_time", loading.started_unix_s);
    fields.add("loading_total_bytes", loading.total_bytes);
    fields.add("loading_loaded_bytes", loading.loaded_bytes);
    fields.decimal("loading_loaded_perc", ratio(loading.loaded_bytes, loading.total_bytes) * 100.0);
    // As long as a second tells nothing yet, a second is as good a guess as any.
    let eta_s = if elapsed_s == 0.0 { 1.0 } else { elapsed_s * ratio(left_bytes, loading.loaded_bytes) };
    fields.add("loading_eta_seconds", eta_s as u64);
}

pub(super) fn cpu(cx: &mut Context<'_>, fields: &mut Fields) {
    let seconds = |time: Duration| format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    fields.add("used_cpu_sys", seconds(cx.server.usage.cpu_sys));
    fields.add("used_cpu_user", seconds(cx.server.usage.cpu_user));
    fields.add("used_cpu_sys_children", seconds(Duration::ZERO));
    fields.add("used_cpu_user_children", seconds(Duration::ZERO));
}
