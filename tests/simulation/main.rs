//! Whole servers in one thread: engines over byte pipes that are cut, delayed and stalled, under a clock that is made up.
//!
//! One seed decides everything: commands, faults, role changes, latencies, how bytes are cut into reads. After every
//! call into an engine: equal data at equal (replid, offset), offsets that never fall within a history, no machine
//! without a timeout. In the end all is healed, and the data must be equal within 30 simulated seconds.
//! A failure prints its seed; `TANDEM_SEED=<seed> cargo test --test simulation` runs that one alone, and
//! `TANDEM_TRACE=1` prints what the servers log meanwhile.

mod checks;
mod faults;
mod load;
mod network;
mod node;
mod pipe;
mod shell;
mod world;

use std::env;

use world::{Plan, Tally, World};

/// Seeds per test; the tests run side by side.
const SEEDS: u64 = 125;

/// Runs the seeds from `first` on; half the tests change roles.
fn run(first: u64, changes_roles: bool) {
    let seeds = match env::var("TANDEM_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().expect("TANDEM_SEED is a number");
            if seed < first || seed >= first + SEEDS {
                return;
            }
            seed..seed + 1
        }
        Err(_) => first..first + SEEDS,
    };
    let is_whole = seeds.end - seeds.start == SEEDS;
    let mut tally = Tally::default();
    for seed in seeds {
        let mut world = World::new(seed, Plan { changes_roles });
        world.run();
        world.heal();
        tally.add(&world.tally());
    }
    if is_whole {
        tally.check(changes_roles);
    }
}

#[test]
fn replicas_equal_their_master_after_cuts_stalls_and_restarts_first_half() {
    run(0, false);
}

#[test]
fn replicas_equal_their_master_after_cuts_stalls_and_restarts_second_half() {
    run(SEEDS, false);
}

#[test]
fn servers_that_change_roles_agree_in_the_end_first_half() {
    run(2 * SEEDS, true);
}

#[test]
fn servers_that_change_roles_agree_in_the_end_second_half() {
    run(3 * SEEDS, true);
}
