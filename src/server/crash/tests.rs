//! A panic in the task of a connection, outside of the lock. The other ways to die need a process to lose.

use super::super::apply::Running;
use super::super::clock::Clock;
use super::super::connection::Guest;
use super::super::logging;
use super::super::process::{Process, Supervisor};
use super::*;
use crate::config::Config;
use crate::session::Endpoint;

fn shared() -> Arc<Shared> {
    let config = Config::default();
    let process = Process { program: String::new(), is_daemon: false, supervisor: Supervisor::Nobody, title: None };
    let running = Running::new(logging::init(&config), process);
    let clock = Clock::start();
    let engine = Engine::new(config, 1, clock.now());
    Shared::new(engine, clock, running, tokio::sync::watch::channel(None).0)
}

#[tokio::test]
async fn a_panic_outside_of_the_lock_costs_one_connection() {
    let shared = shared();
    let open = |engine: &mut Engine, now| engine.connect(now, Endpoint { is_local: true, ..Endpoint::default() });
    let (victim, witness) = (shared.turn(open).unwrap(), shared.turn(open).unwrap());
    let guest = Guest { shared: shared.clone(), token: victim };
    let task = tokio::spawn(async move {
        let _guest = guest;
        panic!("outside of the lock");
    });
    assert!(task.await.unwrap_err().is_panic());
    shared.turn(|engine, _| {
        assert!(engine.sessions.get(victim).is_none(), "the panic's client is gone");
        assert!(engine.sessions.get(witness).is_some(), "the others stay");
    });
}
