//! The other client: it knows what the data were before an attack, and sees that nothing has become of them.

use std::time::{Duration, Instant};

use super::support::client::Client;
use super::support::eventually;
use super::support::server::Server;

/// Longest that a PING may take while somebody else misbehaves: machines that run tests are slow at times.
const PATIENCE: Duration = Duration::from_secs(5);
/// What connections and tables may keep after an attack of any size.
const SLACK_BYTES: u64 = 1024 * 1024;
const KEYS: usize = 200;

pub struct Witness {
    pub client: Client,
    digest: String,
    used_bytes: u64,
    clients: u64,
}

impl Witness {
    /// Fills the server with data and remembers them.
    pub fn of(server: &Server) -> Witness {
        let mut client = server.client();
        for key in 0..KEYS {
            let value = format!("value {key} ").repeat(key % 40);
            client.request(&["SET", &format!("key:{key}"), &value]).expect("OK");
        }
        client.call("SELECT 3");
        client.call("SET other 7 EX 5000");
        client.call("SELECT 0");
        Witness::by(client)
    }

    /// Remembers the data that are there.
    pub fn by(mut client: Client) -> Witness {
        let digest = client.call("DEBUG DIGEST").to_string();
        let (used_bytes, clients) = (client.count("used_memory"), client.count("connected_clients"));
        Witness { client, digest, used_bytes, clients }
    }

    /// Is served, and finds the data as they were.
    #[track_caller]
    pub fn check(&mut self, after: &str) {
        let asked_at = Instant::now();
        assert_eq!(self.client.call("PING").to_string(), "PONG", "after {after}");
        assert!(asked_at.elapsed() < PATIENCE, "a PING took {:?} after {after}", asked_at.elapsed());
        assert_eq!(self.client.call("DEBUG DIGEST").to_string(), self.digest, "the data after {after}");
    }

    /// As `check`; moreover the attackers' connections and memory are gone, and no thread has panicked.
    #[track_caller]
    pub fn check_end(&mut self, server: &Server, after: &str) {
        self.check(after);
        let clients = self.clients;
        eventually(PATIENCE, "the attackers are gone", || self.client.count("connected_clients") <= clients);
        self.check_memory(after);
        let log = server.log();
        assert!(!log.contains("panicked"), "after {after}:\n{log}");
    }

    #[track_caller]
    pub fn check_memory(&mut self, after: &str) {
        let limit = self.used_bytes + SLACK_BYTES;
        eventually(PATIENCE, &format!("memory is returned after {after}"), || {
            self.client.count("used_memory") <= limit
        });
    }
}
