//! Whole servers in one thread: engines over byte pipes that are cut, delayed and stalled, under a clock that is made up.
//!
//! Two to seven servers, in stars and chains. One seed decides everything: commands, faults, role changes, latencies,
//! how bytes are cut into reads. After every call into an engine: equal data at equal (replid, offset), offsets that
//! never fall within a history, no machine without a timeout, true answers of WAIT. In the end all is healed, and the
//! data must be equal within 30 simulated seconds.
//! `TANDEM_SEEDS=25000 cargo test --test simulation` is the long run: so many seeds in each of the four tests.
//! A failure prints its seed; `TANDEM_SEED=<seed> cargo test --test simulation` runs that one alone (with the same
//! `TANDEM_SEEDS`, if that was set), and `TANDEM_TRACE=1` prints what the servers log meanwhile.

mod checks;
mod faults;
mod load;
mod network;
mod node;
mod pipe;
mod shell;
mod waits;
mod world;

use std::env;

use world::{Plan, Tally, World};

/// Seeds per test, unless `TANDEM_SEEDS` says another number; the tests run side by side.
const SEEDS: u64 = 500;

/// The number that an environment variable holds.
fn number(variable: &str) -> Option<u64> {
    Some(env::var(variable).ok()?.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// Runs one quarter of all seeds.
fn run(quarter: u64, changes_roles: bool) {
    let count = number("TANDEM_SEEDS").unwrap_or(SEEDS);
    let first = quarter * count;
    if let Some(seed) = number("TANDEM_SEED") {
        if (first..first + count).contains(&seed) {
            run_seed(seed, changes_roles);
        }
        return;
    }
    let mut tally = Tally::default();
    for seed in first..first + count {
        tally.add(&run_seed(seed, changes_roles));
    }
    println!("{tally:?}");
    tally.check(changes_roles);
}

fn run_seed(seed: u64, changes_roles: bool) -> Tally {
    let mut world = World::new(seed, Plan { changes_roles });
    world.run();
    world.heal();
    world.tally()
}

#[test]
fn replicas_equal_their_master_after_cuts_stalls_and_restarts_first_half() {
    run(0, false);
}

#[test]
fn replicas_equal_their_master_after_cuts_stalls_and_restarts_second_half() {
    run(1, false);
}

#[test]
fn servers_that_change_roles_agree_in_the_end_first_half() {
    run(2, true);
}

#[test]
fn servers_that_change_roles_agree_in_the_end_second_half() {
    run(3, true);
}
