//! How a server dies, and what it says before: Redis's frame, and the end by the signal.

use super::support::eventually;
use super::support::server::Launch;
use std::time::Duration;

const START: &str = "\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n";
const END: &str = "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n";

/// Sends `request`, waits for the end, and answers the log and how it ended: the exit code, or the signal's number.
fn die(launch: Launch, request: &str) -> (String, Option<i32>, Option<i32>) {
    let mut server = launch.start();
    let mut client = server.client();
    client.call("CLIENT SETNAME victim");
    let words: Vec<&str> = request.split(' ').collect();
    client.request(&words).expect_err("the server dies without an answer");
    let (code, signal) = server.await_end();
    (server.log(), code, signal)
}

fn assert_whole_report(log: &str, command: &str) {
    let report = log.split_once(START).unwrap_or_else(|| panic!("no report in {log}")).1;
    let report = report.split_once(END).unwrap_or_else(|| panic!("no end in {log}")).0;
    let parts = [
        "\n------ STACK TRACE ------\n\nBacktrace:\n",
        "tandem::engine::",
        "\n------ INFO OUTPUT ------\n# Server\nredis_version:",
        "\n------ CLIENT LIST OUTPUT ------\nid=",
        "\n------ CURRENT CLIENT INFO ------\nid=",
        " name=victim ",
        "\nargv[0]: '\"DEBUG\"'\n",
    ];
    let mut rest = report;
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in its place:\n{log}")).1;
    }
    assert!(rest.starts_with(&format!("argv[1]: '\"{command}\"'\n")), "{rest}");
}

#[test]
fn a_panic_under_the_lock_ends_the_process() {
    let (log, code, signal) = die(Launch::tandem(), "DEBUG PANIC");
    assert_eq!((code, signal), (None, Some(libc::SIGABRT)));
    assert!(log.contains(" # !!! Software Failure. Press left mouse button to continue\n"), "{log}");
    assert!(log.contains(" # Guru Meditation: DEBUG PANIC called at Unix time "), "{log}");
    assert_whole_report(&log, "PANIC");
}

#[test]
fn an_assertion_is_named() {
    let (log, code, signal) = die(Launch::tandem(), "DEBUG ASSERT");
    assert_eq!((code, signal), (None, Some(libc::SIGABRT)));
    assert!(log.contains(" # === ASSERTION FAILED ===\n") && log.contains(" '1 == 2' is not true\n"), "{log}");
    assert_whole_report(&log, "ASSERT");
}

#[test]
fn a_fault_of_memory_ends_the_process_by_its_signal() {
    let (log, code, signal) = die(Launch::tandem(), "DEBUG SEGFAULT");
    assert_eq!((code, signal), (None, Some(libc::SIGSEGV)));
    assert!(log.contains(" crashed by signal: 11, si_code: 2\n") && log.contains(" # Accessing address: 0x"), "{log}");
    assert_whole_report(&log, "SEGFAULT");
}

#[test]
fn a_signal_from_outside_names_its_sender() {
    let mut server = Launch::tandem().start();
    server.signal(libc::SIGBUS);
    assert_eq!(server.await_end(), (None, Some(libc::SIGBUS)));
    let log = server.log();
    assert!(log.contains(&format!(" # Killed by PID: {}\n", std::process::id())), "{log}");
    assert!(log.contains(END) && log.contains("\n------ INFO OUTPUT ------\n# Server\n"), "{log}");
}

#[test]
fn who_wants_no_report_gets_the_headlines_only() {
    let quiet = Launch::tandem().with("crash-log-enabled", "no");
    let (log, code, signal) = die(quiet.clone(), "DEBUG SEGFAULT");
    assert_eq!((code, signal), (None, Some(libc::SIGSEGV)));
    assert!(!log.contains(START), "{log}");
    let (log, code, signal) = die(quiet.with("use-exit-on-panic", "yes"), "DEBUG PANIC");
    assert_eq!((code, signal), (Some(1), None));
    assert!(log.contains(START) && log.contains(END) && !log.contains("STACK TRACE"), "{log}");
}

#[test]
fn user_data_stay_out_of_a_report_that_must_not_show_them() {
    let (log, _, _) = die(Launch::tandem().with("hide-user-data-from-log", "yes"), "DEBUG PANIC");
    assert!(log.contains("\nargv[1]: '\"*redacted*\"'\n"), "{log}");
}

#[test]
fn one_who_insists_is_obeyed() {
    let (mut master, replica) = (Launch::tandem().start(), Launch::tandem().start());
    replica.replicate_from(master.port);
    // A replica that does not acknowledge lets the shutdown wait.
    replica.signal(libc::SIGSTOP);
    master.client().call("SET key value");
    master.signal(libc::SIGINT);
    eventually(Duration::from_secs(10), "the shutdown waits", || master.log().contains("Waiting for replicas"));
    master.signal(libc::SIGINT);
    assert_eq!(master.await_end(), (Some(1), None));
    assert!(master.log().contains("You insist... exiting now."), "{}", master.log());
    replica.signal(libc::SIGCONT);
}

/// `propagation-error-behavior panic`: a replica that cannot apply its master's stream stops rather than differ.
#[test]
fn a_replica_that_is_told_to_panic_dies_of_a_command_that_fails() {
    let master = Launch::redis().start();
    let mut replica = Launch::tandem().with("propagation-error-behavior", "panic").start();
    replica.replicate_from(master.port);
    replica.await_link();
    master.client().call("DEBUG REPLICATE SET key");
    assert_eq!(replica.await_end(), (None, Some(libc::SIGABRT)));
    let log = replica.log();
    assert!(log.contains("This replica panicked sending an error to its master after processing the command 'set'"));
    assert!(log.contains(START) && log.contains(END), "{log}");
}
