//! CONFIG GET and SET on a bare configuration, and what every row of the table must fulfil.

use super::*;

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
    set_as(config, pairs, Caller::default())
}

fn set_as(config: &mut Config, pairs: &[(&str, &str)], caller: Caller) -> Result<Vec<&'static str>, String> {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let changed = config.set_many(&pairs, caller).map_err(|error| error.to_string())?;
    Ok(changed.into_iter().map(|change| change.name).collect())
}

fn get(config: &Config, pattern: &str) -> Vec<(String, String)> {
    let found = config.get(&[pattern.as_bytes()]);
    found.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect()
}

fn value(config: &Config, name: &str) -> String {
    String::from_utf8(config.value(name).unwrap()).unwrap()
}

#[test]
fn names_are_unique_and_plain() {
    let mut seen = BTreeSet::new();
    for name in table::rows().flat_map(Directive::names) {
        assert!(seen.insert(name), "{name} twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b)), "{name}");
        assert!(table::find(name.to_ascii_uppercase().as_bytes()).is_some());
    }
}

#[test]
fn every_default_is_what_config_get_answers_and_reads_back() {
    let config = Config::default();
    for row in table::rows() {
        let expected = if row.name == "replicaof" { "" } else { row.default };
        assert_eq!(value(&config, row.name), expected, "{}", row.name);
        let lines = row.kind.lines(&default_value(row));
        assert_eq!(lines.is_empty(), row.name == "replicaof", "{}", row.name);
    }
}

#[test]
fn every_row_has_a_sentence() {
    for row in table::rows() {
        assert!(row.about.ends_with('.') && row.about.len() > 8, "{}", row.name);
    }
}

#[test]
fn without_effect_for_good_is_a_closed_list() {
    let no_effect: Vec<_> = table::rows().filter(|row| row.status == Status::NoEffect).map(|row| row.name).collect();
    let expected = |name: &str| {
        let whole = ["activedefrag", "activerehashing", "jemalloc-bg-thread", "dynamic-hz", "disable-thp"];
        let freeing = ["lazyfree-lazy-server-del", "lazyfree-lazy-user-flush", "replica-lazy-flush"];
        let ours = [
            "crash-memcheck-enabled",
            "extended-redis-compatibility",
            "sanitize-dump-payload",
            "ignore-warnings",
            "list-compress-depth",
            "io-threads-do-reads",
            "loading-process-events-interval-bytes",
        ];
        whole.contains(&name)
            || freeing.contains(&name)
            || ours.contains(&name)
            || name.starts_with("active-defrag-")
            || name.starts_with("rdma-")
            || name.ends_with("-cpulist")
    };
    for row in table::rows() {
        assert_eq!(no_effect.contains(&row.name), expected(row.name), "{}", row.name);
    }
}

#[test]
fn rows_that_wait_name_their_feature() {
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in table::rows() {
        match row.status {
            Status::Waits(feature) => {
                waiting.entry(feature).or_default().push(row.name);
            }
            Status::InEffect | Status::NoEffect => {}
        }
    }
    for (feature, names) in &waiting {
        println!("{feature}: {}", names.join(", "));
    }
    assert!(waiting.keys().all(|feature| !feature.is_empty()));
    assert!(waiting["cluster"].contains(&"cluster-enabled"));
}

#[test]
fn typed_fields_follow_the_values() {
    let mut config = Config::default();
    assert_eq!((config.port, config.databases, config.hz), (6379, 16, 10));
    assert_eq!(config.save_points.len(), 3);
    assert_eq!(config.bind, ["*", "-::*"]);
    assert_eq!(config.output_limit(ClientClass::Replica).soft_seconds, 60);
    set(
        &mut config,
        &[
            ("maxmemory", "100mb"),
            ("maxmemory-policy", "ALLKEYS-RANDOM"),
            ("timeout", "7"),
            ("save", "900 1"),
            ("client-output-buffer-limit", "slave 1gb 0 0"),
            ("requirepass", "secret"),
            ("shutdown-on-sigterm", "force nosave"),
        ],
    )
    .unwrap();
    assert_eq!(config.maxmemory, 100 << 20);
    assert_eq!(config.maxmemory_policy, MaxmemoryPolicy::AllkeysRandom);
    assert_eq!(config.timeout_s, 7);
    assert_eq!(config.save_points, [SavePoint { seconds: 900, changes: 1 }]);
    assert_eq!(config.output_limit(ClientClass::Replica).hard_bytes, 1 << 30);
    assert_eq!(config.output_limit(ClientClass::Pubsub).hard_bytes, 32 << 20);
    assert_eq!(config.requirepass.as_deref(), Some(&b"secret"[..]));
    assert!(config.shutdown_on_sigterm.force && config.shutdown_on_sigterm.nosave);
    assert_eq!(value(&config, "shutdown-on-sigterm"), "nosave force");
}

/// Every row in effect fills a field: what its `store` leaves untouched would be a promise without effect.
#[test]
fn rows_in_effect_change_a_typed_field() {
    for row in table::rows() {
        let in_effect = matches!(row.status, Status::InEffect);
        if !in_effect || row.name == "repl-diskless-sync" {
            continue;
        }
        let other = match row.kind {
            Kind::Bool => {
                if row.default == "yes" {
                    "no"
                } else {
                    "yes"
                }
            }
            Kind::Choice(names) => names.iter().find(|name| **name != row.default).unwrap(),
            Kind::Choices(_) => "now",
            Kind::Addresses => "127.0.0.1",
            Kind::SavePoints => "1 1",
            Kind::BufferLimits => "normal 1 1 1",
            Kind::Master => "localhost 6380",
            Kind::OomScores => "1 2 3",
            Kind::Text => "other",
            Kind::Memory { .. } => "2097152",
            Kind::KeyspaceEvents => "KEA",
            _ => {
                if row.default == "7" {
                    "8"
                } else {
                    "7"
                }
            }
        };
        let before = format!("{:?}", Config::default().settings);
        let mut config = Config::default();
        config.overwrite(row.name, other.as_bytes()).unwrap();
        assert_ne!(format!("{:?}", config.settings), before, "{} = {other}", row.name);
    }
}

#[test]
fn patterns_find_names_and_aliases() {
    let config = Config::default();
    assert_eq!(get(&config, "PORT"), [("PORT".to_owned(), "6379".to_owned())]);
    assert_eq!(get(&config, "slave-read-only"), [("slave-read-only".to_owned(), "yes".to_owned())]);
    assert_eq!(get(&config, "nothing-such"), []);
    let names: Vec<_> = get(&config, "*-READ-ONLY").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["replica-read-only", "slave-read-only"]);
    let found = config.get(&[b"port", b"por?", b"port", b"hz"]);
    assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["port", "hz"]);
}

#[test]
fn hidden_directives_answer_to_their_exact_name() {
    let config = Config::default();
    assert!(get(&config, "*").iter().all(|(name, _)| name != "key-load-delay"));
    assert_eq!(get(&config, "key-load-delay").len(), 1);
}

#[test]
fn values_are_answered_in_their_normal_form() {
    let table = [
        ("maxmemory", "1gb", "1073741824"),
        ("maxmemory-clients", "7%", "7%"),
        ("maxmemory-clients", "1k", "1000"),
        ("appendonly", "YES", "yes"),
        ("loglevel", "Warning", "warning"),
        ("hz", "0", "1"),
        ("hz", "9999", "500"),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "Kxg", "gxK"),
        // `A` does not stand for `n`; Redis 7.0 leaves it out here, and loses it in CONFIG REWRITE.
        ("notify-keyspace-events", "g$lshzxetdn", "An"),
        ("latency-tracking-info-percentiles", "50.0 99.90", "50 99.9"),
        ("latency-tracking-info-percentiles", "", ""),
        ("oom-score-adj", "relative", "yes"),
        ("oom-score-adj-values", "-5 0 5", "-5 0 5"),
        ("save", "", ""),
        ("repl-backlog-size", "1", "16384"),
        ("bind", "", ""),
        ("shutdown-on-sigint", "default", "default"),
        ("shutdown-on-sigint", "force now default", "now force"),
        (
            "client-output-buffer-limit",
            "replica 1mb 1kb 5",
            "normal 0 0 0 slave 1048576 1024 5 pubsub 33554432 8388608 60",
        ),
    ];
    for (name, given, expected) in table {
        let mut config = Config::default();
        set(&mut config, &[(name, given)]).unwrap_or_else(|error| panic!("{name} {given}: {error}"));
        assert_eq!(value(&config, name), expected, "{name} {given}");
    }
}

#[test]
fn bad_values_are_refused_with_redis_texts() {
    let table = [
        ("port", "65536", "argument must be between 0 and 65535 inclusive"),
        ("port", "-1", "argument must be between 0 and 65535 inclusive"),
        ("port", "6379x", "argument couldn't be parsed into an integer"),
        ("port", "", "argument couldn't be parsed into an integer"),
        ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
        ("maxmemory", "1tb", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        ("maxmemory-clients", "-1", "argument must be a memory or percent value"),
        ("maxmemory-clients", "101%", "percentage argument must be less or equal to 100"),
        ("proto-max-bulk-len", "1kb", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ("appendonly", "1", "argument must be 'yes' or 'no'"),
        ("loglevel", "loud", "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
        ("save", "900", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        ("save", "900  1", "Invalid save parameters"),
        ("save", "900 -1", "Invalid save parameters"),
        ("client-output-buffer-limit", "normal 0 0", "Wrong number of arguments in buffer limit configuration."),
        ("client-output-buffer-limit", "master 0 0 0", "Invalid client class specified in buffer limit configuration."),
        (
            "client-output-buffer-limit",
            "normal x 0 0",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("notify-keyspace-events", "KEQ", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("latency-tracking-info-percentiles", "nan", "Invalid latency-tracking-info-percentiles parameters"),
        (
            "latency-tracking-info-percentiles",
            "101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        ("oom-score-adj-values", "1 2 3000", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
        ("shutdown-on-sigint", "save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously"),
        ("shutdown-on-sigint", "", "argument(s) must be one of the following: default, save, nosave, now, force"),
        ("proc-title-template", "{nothing}", "template format is invalid or contains unknown variables"),
        ("proc-title-template", "{title", "template format is invalid or contains unknown variables"),
        ("proc-title-template", "  ", "template format is invalid or contains unknown variables"),
        ("bind", &"x ".repeat(17), "Too many bind addresses specified."),
        ("cluster-announce-hostname", "a_b", "Hostnames may only contain alphanumeric characters, hyphens or dots"),
        ("replicaof", "x 1", "can't set immutable config"),
        ("dbfilename", "x.rdb", "can't set protected config"),
    ];
    for (name, given, reason) in table {
        let mut config = Config::default();
        let expected = format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&mut config, &[(name, given)]), Err(expected), "{name} {given:?}");
        assert_eq!(config.version(), 0);
    }
}

#[test]
fn several_are_set_together_or_not_at_all() {
    let mut config = Config::default();
    assert_eq!(
        set(&mut config, &[("timeout", "5"), ("hz", "10"), ("maxclients", "9")]),
        Ok(vec!["timeout", "maxclients"])
    );
    let failed = set(&mut config, &[("timeout", "6"), ("port", "x")]);
    assert!(failed.unwrap_err().contains("'port'"));
    assert_eq!(config.timeout_s, 5);
    assert_eq!(
        set(&mut config, &[("min-slaves-to-write", "1"), ("min-replicas-to-write", "2")]).unwrap_err(),
        "CONFIG SET failed (possibly related to argument 'min-replicas-to-write') - duplicate parameter"
    );
    assert_eq!(
        set(&mut config, &[("timeout", "6"), ("None", "1")]).unwrap_err(),
        "Unknown option or number of arguments for CONFIG SET - 'None'"
    );
    assert_eq!((config.timeout_s, config.min_replicas_to_write), (5, 0));
}

#[test]
fn what_could_not_be_applied_is_undone() {
    let mut config = Config::default();
    let changes = config.set_many(&[(b"port", b"7000"), (b"bind", b"1.2.3.4")], Caller::default()).unwrap();
    assert_eq!((config.port, config.bind.len()), (7000, 1));
    config.undo(changes);
    assert_eq!((config.port, config.bind.len()), (6379, 2));
    assert_eq!(value(&config, "bind"), "* -::*");
}

#[test]
fn protected_directives_need_leave() {
    let mut config = Config::default();
    config.overwrite("enable-protected-configs", b"local").unwrap();
    let local = Caller { is_local: true, ..Caller::default() };
    assert!(set(&mut config, &[("dbfilename", "x.rdb")]).is_err());
    assert_eq!(set_as(&mut config, &[("dbfilename", "x.rdb")], local), Ok(vec!["dbfilename"]));
    assert!(set_as(&mut config, &[("dbfilename", "a/x.rdb")], local).unwrap_err().contains("can't be a path"));
}

#[test]
fn some_wait_for_the_end_of_loading() {
    let mut config = Config::default();
    let loading = Caller { is_loading: true, ..Caller::default() };
    assert_eq!(set_as(&mut config, &[("appendonly", "yes")], loading).unwrap_err(), ConfigError::Loading.to_string());
    assert_eq!(set_as(&mut config, &[("timeout", "1")], loading), Ok(vec!["timeout"]));
}

#[test]
fn files_behind_a_name_count_as_changed_each_time() {
    let mut config = Config::default();
    assert_eq!(set(&mut config, &[("tls-cert-file", "a.crt")]), Ok(vec!["tls-cert-file"]));
    assert_eq!(set(&mut config, &[("tls-cert-file", "a.crt"), ("timeout", "0")]), Ok(vec!["tls-cert-file"]));
}

#[test]
fn what_waits_is_told_once() {
    let mut config = Config::default();
    assert_eq!(config.take_notices(), []);
    let waiting = [("appendonly", "yes"), ("tls-cert-file", "a.crt"), ("timeout", "5"), ("activedefrag", "yes")];
    set(&mut config, &waiting).unwrap();
    let names: Vec<_> = config.take_notices().into_iter().map(|notice| notice.name).collect();
    assert_eq!(names, ["appendonly", "tls-cert-file"]);
    assert_eq!(config.take_notices(), []);
    set(&mut config, &[("tls-cert-file", ""), ("appendonly", "no"), ("import-mode", "yes")]).unwrap();
    let text: Vec<_> = config.take_notices().iter().map(Notice::to_string).collect();
    assert_eq!(text.len(), 1);
    assert!(text[0].contains("'import-mode'") && text[0].contains("import mode"), "{}", text[0]);
}

#[test]
fn passwords_are_known_as_such() {
    assert!(Config::is_sensitive(b"RequirePass") && Config::is_sensitive(b"primaryauth"));
    assert!(!Config::is_sensitive(b"port") && !Config::is_sensitive(b"x"));
}

#[test]
fn binary_passwords_survive() {
    let mut config = Config::default();
    config.set_many(&[(b"requirepass", b"\xff\0\n")], Caller::default()).unwrap();
    assert_eq!(config.get(&[b"requirepass"]), [("requirepass".to_owned(), b"\xff\0\n".to_vec())]);
}
