//! FAILOVER: this master and one of its replicas change places. Here it is checked that they can; the machine does it.

use crate::replication::{Address, FailoverRequest, PeerState};

use super::replication::peers;
use super::{Args, Command, CommandError, Context, Flags, Outcome};

pub(super) const COMMANDS: &[Command] = &[Command::new(
    "failover",
    failover,
    "[TO target=(host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]",
)
.about("Changes places with a replica, once it has everything.")
.since("6.2.0")
.arity(-1)
.flags(Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::STALE))];

fn failover(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let outcome = if args.len() == 2 && args.is(1, "abort") {
        if !cx.node.failover.is_active() {
            return Err(CommandError::fixed("ERR No failover in progress."));
        }
        Outcome::AbortFailover
    } else {
        let request = parse(args)?;
        check(cx, &request)?;
        Outcome::Failover(request)
    };
    cx.reply.ok();
    Ok(outcome)
}

fn parse(args: &Args<'_>) -> Result<FailoverRequest, CommandError> {
    let mut request = FailoverRequest::default();
    let mut index = 1;
    while index < args.len() {
        if args.is(index, "timeout") && index + 1 < args.len() && request.timeout_ms.is_none() {
            let timeout_ms = u64::try_from(args.int(index + 1)?).ok().filter(|timeout_ms| *timeout_ms > 0);
            let too_small = CommandError::fixed("ERR FAILOVER timeout must be greater than 0");
            request.timeout_ms = Some(timeout_ms.ok_or(too_small)?);
            index += 2;
        } else if args.is(index, "to") && index + 2 < args.len() && request.target.is_none() {
            let host = String::from_utf8_lossy(args.at(index + 1)).into_owned();
            // No replica listens at a port that there is not.
            let port = u16::try_from(args.int(index + 2)?).unwrap_or(0);
            request.target = Some(Address { host, port });
            index += 3;
        } else if args.is(index, "force") && !request.forces {
            request.forces = true;
            index += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(request)
}

fn check(cx: &Context<'_>, request: &FailoverRequest) -> Result<(), CommandError> {
    let refuse = |text| Err(CommandError::fixed(text));
    if cx.node.failover.is_active() {
        return refuse("ERR FAILOVER already in progress.");
    }
    if cx.node.is_replica() {
        return refuse("ERR FAILOVER is not valid when server is a replica.");
    }
    let peers = peers(cx);
    if peers.is_empty() {
        return refuse("ERR FAILOVER requires connected replicas.");
    }
    if request.forces && (request.timeout_ms.is_none() || request.target.is_none()) {
        return refuse("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
    }
    let Some(target) = &request.target else { return Ok(()) };
    match peers.iter().find(|peer| peer.address == *target) {
        None => refuse("ERR FAILOVER target HOST and PORT is not a replica."),
        Some(peer) if peer.state != PeerState::Online => refuse("ERR FAILOVER target replica is not online."),
        Some(_) => Ok(()),
    }
}
