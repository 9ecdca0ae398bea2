//! CLIENT TRACKING, TRACKINGINFO, GETREDIR, CACHING: what a client asks of client-side caching. The messages are the
//! engine's.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::pubsub::PubSub;
use crate::session::{Sessions, Token, Tracking, TrackingMode};

const SWITCHED: &str = "before disabling tracking for this client, and then re-enabling it with a different mode.";
const CACHING_WITHOUT_MODE: CommandError = CommandError::fixed(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
);

/// The options of CLIENT TRACKING, as they were given.
#[derive(Default)]
struct Options<'a> {
    redirect: Option<Token>,
    prefixes: Vec<&'a [u8]>,
    is_broadcast: bool,
    is_optin: bool,
    is_optout: bool,
    noloop: bool,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'_>, args: &Args<'a>) -> Result<Options<'a>, CommandError> {
        let mut options = Options::default();
        let mut at = 3;
        while at < args.len() {
            let value = (at + 1 < args.len()).then_some(at + 1);
            match (args.at(at).to_ascii_lowercase().as_slice(), value) {
                (b"redirect", Some(value)) => {
                    options.redirect = Some(options.redirect(cx, args, value)?);
                    at = value;
                }
                (b"prefix", Some(value)) => {
                    options.prefixes.push(args.at(value));
                    at = value;
                }
                (b"bcast", _) => options.is_broadcast = true,
                (b"optin", _) => options.is_optin = true,
                (b"optout", _) => options.is_optout = true,
                (b"noloop", _) => options.noloop = true,
                _ => return Err(CommandError::SYNTAX),
            }
            at += 1;
        }
        Ok(options)
    }

    fn redirect(&self, cx: &Context<'_>, args: &Args<'_>, value: usize) -> Result<Token, CommandError> {
        if self.redirect.is_some() {
            return Err(CommandError::fixed("ERR A client can only redirect to a single other client"));
        }
        let found = u64::try_from(args.int(value)?).ok().and_then(|id| cx.sessions.by_id(id));
        found
            .map(|(token, _)| token)
            .ok_or(CommandError::fixed("ERR The client ID you want redirect to does not exist"))
    }

    /// Whether the options agree with each other and with what the client tracks by now.
    fn check(&self, present: Option<&Tracking>) -> Result<(), CommandError> {
        if !self.is_broadcast && !self.prefixes.is_empty() {
            return Err(CommandError::fixed("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        if present.is_some_and(|present| present.is_broadcast() != self.is_broadcast) {
            return Err(CommandError::new(format!("ERR You can't switch BCAST mode on/off {SWITCHED}")));
        }
        if self.is_broadcast && (self.is_optin || self.is_optout) {
            return Err(CommandError::fixed("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if self.is_optin && self.is_optout {
            return Err(CommandError::fixed("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let switches = |mode, other| present.is_some_and(|present| present.mode == mode) && other;
        if switches(TrackingMode::OptOut, self.is_optin) || switches(TrackingMode::OptIn, self.is_optout) {
            return Err(CommandError::new(format!("ERR You can't switch OPTIN/OPTOUT mode {SWITCHED}")));
        }
        self.check_prefixes(present.map_or(&[], Tracking::prefixes))
    }

    /// No prefix may begin with another: a key would be reported twice.
    fn check_prefixes(&self, present: &[Vec<u8>]) -> Result<(), CommandError> {
        for (at, prefix) in self.prefixes.iter().enumerate() {
            if let Some(other) = present.iter().find(|other| overlap(prefix, other)) {
                return Err(overlapping(prefix, "an existing", other));
            }
            if let Some(other) = self.prefixes[at + 1..].iter().find(|other| overlap(prefix, other)) {
                return Err(overlapping(prefix, "another provided", other));
            }
        }
        Ok(())
    }
}

fn overlap(a: &[u8], b: &[u8]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

fn overlapping(prefix: &[u8], whose: &str, other: &[u8]) -> CommandError {
    let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
    CommandError::new(format!(
        "ERR Prefix '{prefix}' overlaps with {whose} prefix '{other}'. Prefixes for a single client must not overlap."
    ))
}

pub(super) fn tracking(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(cx, args)?;
    if args.is(2, "on") {
        options.check(cx.session().tracking.as_deref())?;
        switch_on(cx, options);
    } else if args.is(2, "off") {
        stop_tracking(cx.pubsub, cx.sessions, cx.client);
    } else {
        return Err(CommandError::SYNTAX);
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn switch_on(cx: &mut Context<'_>, options: Options<'_>) {
    let client = cx.client;
    let present = cx.session().tracking.take();
    cx.pubsub.tracked.clients += usize::from(present.is_none());
    let mode = if options.is_broadcast {
        let mut prefixes = present.as_deref().map_or(Vec::new(), |present| present.prefixes().to_vec());
        prefixes.extend(options.prefixes.iter().map(|prefix| prefix.to_vec()));
        if prefixes.is_empty() {
            prefixes.push(Vec::new());
        }
        prefixes.iter().for_each(|prefix| cx.pubsub.tracked.listen(prefix, client));
        TrackingMode::Broadcast(prefixes)
    } else if options.is_optin {
        TrackingMode::OptIn
    } else if options.is_optout {
        TrackingMode::OptOut
    } else {
        TrackingMode::Reads
    };
    let (redirect, noloop) = (options.redirect, options.noloop);
    cx.session().tracking = Some(Box::new(Tracking { mode, redirect, noloop, ..Tracking::default() }));
    cx.db.effects.has_trackers = true;
}

/// The client tracks nothing any more: it asked for that, or for a reset, or is gone.
pub fn stop_tracking(pubsub: &mut PubSub, sessions: &mut Sessions, client: Token) {
    let Some(tracking) = sessions.get_mut(client).and_then(|session| session.tracking.take()) else { return };
    pubsub.tracked.leave(tracking.prefixes().iter().map(Vec::as_slice), client);
    pubsub.tracked.clients -= 1;
    if pubsub.tracked.clients == 0 {
        pubsub.tracked.forget_readers();
    }
}

pub(super) fn caching(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let tracking = cx.session().tracking.as_deref_mut().ok_or(CACHING_WITHOUT_MODE)?;
    let (is_allowed, refusal) = match (args.is(2, "yes"), args.is(2, "no")) {
        (true, _) => (
            tracking.mode == TrackingMode::OptIn,
            "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        ),
        (_, true) => (
            tracking.mode == TrackingMode::OptOut,
            "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        ),
        _ => return Err(CommandError::SYNTAX),
    };
    if !is_allowed {
        return Err(CommandError::fixed(refusal));
    }
    tracking.caching = true;
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Whom invalidations are redirected to: 0 nobody, -1 without tracking.
pub(super) fn redirection(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |tracking| tracking.redirect.map_or(0, Token::id) as i64)
}

pub(super) fn getredir(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let redirection = redirection(cx.session().tracking.as_deref());
    cx.reply.int(redirection);
    Ok(Outcome::Done)
}

pub(super) fn trackinginfo(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let tracking = cx.sessions[cx.client].tracking.as_deref();
    let flags = flags(tracking);
    let reply = &mut cx.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.int(redirection(tracking));
    reply.bulk(b"prefixes");
    let prefixes = tracking.map_or(&[][..], Tracking::prefixes);
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(Outcome::Done)
}

fn flags(tracking: Option<&Tracking>) -> Vec<&'static str> {
    let Some(tracking) = tracking else { return vec!["off"] };
    let is_mode = |mode| tracking.mode == mode;
    let marks = [
        (true, "on"),
        (tracking.is_broadcast(), "bcast"),
        (is_mode(TrackingMode::OptIn), "optin"),
        (is_mode(TrackingMode::OptIn) && tracking.caching, "caching-yes"),
        (is_mode(TrackingMode::OptOut), "optout"),
        (is_mode(TrackingMode::OptOut) && tracking.caching, "caching-no"),
        (tracking.noloop, "noloop"),
        (tracking.is_broken, "broken_redirect"),
    ];
    marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, name)| name).collect()
}
