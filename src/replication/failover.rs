//! `Failover`: hands our role to one of our replicas, without losing a write.
//!
//! Writers wait while the replica takes what is left of the stream. Then we follow it, and the PSYNC that asks to go on
//! asks it to take our place. Its answer ends the matter: we are its replica, or a master again.

#[cfg(test)]
mod tests;

use std::fmt;

use super::{Level, Offset};
use crate::time::Millis;

/// Where a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `FAILOVER [TO host port [FORCE]] [TIMEOUT ms]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailoverRequest {
    /// None: whichever replica has everything first.
    pub target: Option<Address>,
    pub timeout_ms: Option<u64>,
    /// After the timeout the target takes over as it is.
    pub forces: bool,
}

/// Where the change of roles stands. One variant, one meaning, only its own data.
#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// None is asked for.
    #[default]
    Idle,
    /// Writers wait until the target has everything up to `offset`.
    AwaitingSync { request: FailoverRequest, offset: Offset, deadline: Option<Millis> },
    /// We follow the target, which is asked to take our place.
    HandingOver { target: Address },
}

#[derive(Debug, Default)]
pub struct Failover {
    state: State,
}

#[derive(Debug)]
pub enum FailoverEvent {
    /// FAILOVER, when our stream stood at `offset`.
    Requested {
        request: FailoverRequest,
        offset: Offset,
    },
    /// A replica that is online has acknowledged everything up to `offset`.
    Acked {
        by: Address,
        offset: Offset,
    },
    /// The target goes on as our master.
    Accepted,
    /// The target will not have it.
    Refused,
    /// FAILOVER ABORT.
    Abort,
    Tick,
}

#[derive(Debug, PartialEq, Eq)]
pub enum FailoverAction {
    /// Follow this replica of ours, and ask it to take our place.
    Follow(Address),
    /// Follow nobody: our history goes on with us.
    LeadAgain,
    /// It is over: who waited goes on.
    Resume,
    Log(Level, String),
}

impl Failover {
    pub fn handle(&mut self, now: Millis, event: FailoverEvent, out: &mut Vec<FailoverAction>) {
        match (std::mem::take(&mut self.state), event) {
            (State::Idle, FailoverEvent::Requested { request, offset }) => {
                self.become_awaiting(now, request, offset, out)
            }
            (State::AwaitingSync { request, offset, .. }, FailoverEvent::Acked { by, offset: acked })
                if acked >= offset && request.target.as_ref().is_none_or(|target| *target == by) =>
            {
                notice(out, format!("Failover target {by} is synced, failing over."));
                self.become_handing_over(by, out);
            }
            (State::AwaitingSync { request, deadline: Some(deadline), .. }, FailoverEvent::Tick) if deadline <= now => {
                self.on_timeout(request, out);
            }
            (State::AwaitingSync { request, .. }, FailoverEvent::Abort) => {
                give_up(request.target.as_ref(), "Failover manually aborted", out);
            }
            (State::HandingOver { .. }, FailoverEvent::Accepted) => out.push(FailoverAction::Resume),
            (State::HandingOver { target }, FailoverEvent::Refused) => {
                lead_again(&target, "Failover target rejected psync request", out);
            }
            (State::HandingOver { target }, FailoverEvent::Abort) => {
                lead_again(&target, "Failover manually aborted", out);
            }
            // Acknowledgements and time that decide nothing.
            (state, _) => self.state = state,
        }
    }

    pub fn is_active(&self) -> bool {
        self.state != State::Idle
    }

    /// Whether the link's PSYNC asks its other end to take our place.
    pub fn is_handing_over(&self) -> bool {
        matches!(self.state, State::HandingOver { .. })
    }

    /// When the next `Tick` is due. A hand-over has none of its own: the link's attempts have theirs.
    pub fn next_timeout(&self) -> Option<Millis> {
        match self.state {
            State::AwaitingSync { deadline, .. } => deadline,
            State::Idle | State::HandingOver { .. } => None,
        }
    }

    /// master_failover_state of INFO.
    pub fn state_word(&self) -> &'static str {
        match self.state {
            State::Idle => "no-failover",
            State::AwaitingSync { .. } => "waiting-for-sync",
            State::HandingOver { .. } => "failover-in-progress",
        }
    }

    fn become_awaiting(
        &mut self,
        now: Millis,
        request: FailoverRequest,
        offset: Offset,
        out: &mut Vec<FailoverAction>,
    ) {
        notice(out, format!("FAILOVER requested to {}.", named(request.target.as_ref())));
        let deadline = request.timeout_ms.map(|timeout_ms| now.plus(timeout_ms));
        self.state = State::AwaitingSync { request, offset, deadline };
    }

    fn become_handing_over(&mut self, target: Address, out: &mut Vec<FailoverAction>) {
        out.push(FailoverAction::Follow(target.clone()));
        self.state = State::HandingOver { target };
    }

    fn on_timeout(&mut self, request: FailoverRequest, out: &mut Vec<FailoverAction>) {
        match request.target {
            Some(target) if request.forces => {
                notice(out, format!("FAILOVER to {target} time out exceeded, failing over."));
                self.become_handing_over(target, out);
            }
            target => give_up(target.as_ref(), "Replica never caught up before timeout", out),
        }
    }
}

fn give_up(target: Option<&Address>, reason: &str, out: &mut Vec<FailoverAction>) {
    notice(out, format!("FAILOVER to {} aborted: {reason}", named(target)));
    out.push(FailoverAction::Resume);
}

fn lead_again(target: &Address, reason: &str, out: &mut Vec<FailoverAction>) {
    notice(out, format!("FAILOVER to {target} aborted: {reason}"));
    out.extend([FailoverAction::LeadAgain, FailoverAction::Resume]);
}

fn named(target: Option<&Address>) -> String {
    target.map_or("any replica".to_owned(), Address::to_string)
}

fn notice(out: &mut Vec<FailoverAction>, line: String) {
    out.push(FailoverAction::Log(Level::Notice, line));
}
