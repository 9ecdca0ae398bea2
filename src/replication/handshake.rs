//! The conversation before PSYNC, as an ordered list: what each step sends, and which replies end the attempt.
//!
//! Steps go one by one, each after the reply to the one before. What the master does not understand of REPLCONF is
//! logged and passed over, as Redis does; a refused PING or AUTH is fatal.

use super::Level;
use super::link::LinkConfig;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Ping,
    Auth,
    ListeningPort,
    IpAddress,
    Capabilities,
    Version,
}

/// What a reply means for the step that awaited it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on; the line, if any, is worth logging.
    Next(Option<(Level, String)>),
    /// Give this attempt up.
    Fatal(String),
}

const STEPS: [Step; 6] =
    [Step::Ping, Step::Auth, Step::ListeningPort, Step::IpAddress, Step::Capabilities, Step::Version];

impl Step {
    pub fn first() -> Step {
        STEPS[0]
    }

    /// The next step that has something to send; none when PSYNC's turn has come.
    pub fn next(self, config: &LinkConfig) -> Option<Step> {
        let passed = STEPS.iter().position(|step| *step == self)? + 1;
        STEPS[passed..].iter().copied().find(|step| step.request(config).is_some())
    }

    /// The request, as its arguments; none if the configuration gives the step nothing to say.
    pub fn request(self, config: &LinkConfig) -> Option<Vec<Vec<u8>>> {
        let words = |words: &[&str]| Some(words.iter().map(|word| word.as_bytes().to_vec()).collect());
        match self {
            Step::Ping => words(&["PING"]),
            Step::Auth => {
                let password = config.password.clone()?;
                Some([b"AUTH".to_vec()].into_iter().chain(config.user.clone()).chain([password]).collect())
            }
            Step::ListeningPort => words(&["REPLCONF", "listening-port", &config.listening_port.to_string()]),
            Step::IpAddress => words(&["REPLCONF", "ip-address", config.announce_ip.as_deref()?]),
            Step::Capabilities => words(&["REPLCONF", "capa", "eof", "capa", "psync2"]),
            Step::Version => words(&["REPLCONF", "version", &config.version]),
        }
    }

    /// What the reply line says about going on.
    pub fn judge(self, reply: &str) -> Verdict {
        let is_error = reply.starts_with('-');
        match self {
            Step::Ping if answers_ping(reply) => {
                let line = "Master replied to PING, replication can continue...".to_owned();
                Verdict::Next(Some((Level::Notice, line)))
            }
            Step::Ping => Verdict::Fatal(format!("Error reply to PING from master: '{reply}'")),
            Step::Auth if is_error => Verdict::Fatal(format!("Unable to AUTH to MASTER: {reply}")),
            _ if is_error => {
                let line = format!("(Non critical) Master does not understand {}: {reply}", self.name());
                Verdict::Next(Some((Level::Notice, line)))
            }
            _ => Verdict::Next(None),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Step::Ping => "PING",
            Step::Auth => "AUTH",
            Step::ListeningPort => "REPLCONF listening-port",
            Step::IpAddress => "REPLCONF ip-address",
            Step::Capabilities => "REPLCONF capa",
            Step::Version => "REPLCONF VERSION",
        }
    }
}

/// A master that wants AUTH first is alive too; very old ones say so in plain words.
fn answers_ping(reply: &str) -> bool {
    ["+", "-NOAUTH", "-NOPERM", "-ERR operation not permitted"].iter().any(|prefix| reply.starts_with(prefix))
}

/// A request in RESP.
pub(super) fn encode(args: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The reply to PSYNC, by what it makes of the link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PsyncReply<'a> {
    /// An empty line: the master is alive and not ready to answer.
    KeepAlive,
    FullResync {
        replid: &'a str,
        offset: &'a str,
    },
    /// The stream goes on; an older master names no history.
    Continue {
        replid: &'a str,
    },
    /// A state that will pass.
    TryLater,
    /// The master does not know PSYNC.
    Unsupported,
}

impl PsyncReply<'_> {
    pub fn parse(line: &str) -> PsyncReply<'_> {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            None => PsyncReply::KeepAlive,
            Some("+FULLRESYNC") => PsyncReply::FullResync {
                replid: words.next().unwrap_or_default(),
                offset: words.next().unwrap_or_default(),
            },
            Some("+CONTINUE") => PsyncReply::Continue { replid: words.next().unwrap_or_default() },
            Some("-NOMASTERLINK" | "-LOADING") => PsyncReply::TryLater,
            Some(_) => PsyncReply::Unsupported,
        }
    }

    /// Whether the other end lets us follow it.
    pub fn is_acceptance(&self) -> bool {
        matches!(self, PsyncReply::FullResync { .. } | PsyncReply::Continue { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_answered_by_a_pong_or_by_a_wish_for_auth() {
        for alive in ["+PONG", "-NOAUTH Authentication required.", "-NOPERM x", "-ERR operation not permitted"] {
            assert!(matches!(Step::Ping.judge(alive), Verdict::Next(Some(_))), "{alive}");
        }
        for dead in ["-LOADING Redis is loading", "-ERR unknown", "", "HTTP/1.1 400 Bad Request"] {
            assert!(matches!(Step::Ping.judge(dead), Verdict::Fatal(_)), "{dead}");
        }
    }

    #[test]
    fn psync_replies_by_what_they_make_of_the_link() {
        let table = [
            ("", PsyncReply::KeepAlive),
            ("+FULLRESYNC abc 12", PsyncReply::FullResync { replid: "abc", offset: "12" }),
            ("+FULLRESYNC", PsyncReply::FullResync { replid: "", offset: "" }),
            ("+CONTINUE", PsyncReply::Continue { replid: "" }),
            ("+CONTINUE abc", PsyncReply::Continue { replid: "abc" }),
            ("-NOMASTERLINK Can't SYNC while not connected with my master", PsyncReply::TryLater),
            ("-LOADING Redis is loading the dataset in memory", PsyncReply::TryLater),
            ("-ERR unknown command 'PSYNC'", PsyncReply::Unsupported),
            ("+OK", PsyncReply::Unsupported),
        ];
        for (line, reply) in table {
            assert_eq!(PsyncReply::parse(line), reply, "{line:?}");
        }
    }
}
