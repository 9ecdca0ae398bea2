//! Pub/sub: messages to whoever is subscribed now. Shard channels are channels of their own; without a cluster every
//! slot is ours.

mod message;
mod subscribe;

use crate::config::glob;
use crate::pubsub::Topic;

use super::{Args, Channels, Command, CommandError, Context, Flags, KeySpec, Outcome, help};
use message::{publish_message, spublish};
use subscribe::{psubscribe, punsubscribe, ssubscribe, subscribe, sunsubscribe, unsubscribe};

pub use message::publish;
pub use subscribe::unsubscribe_all;

const ANY_STATE: Flags = Flags::PUBSUB.with(Flags::LOADING).with(Flags::STALE);
const SUBSCRIBING: Flags = ANY_STATE.with(Flags::NOSCRIPT);
const PUBLISHING: Flags = ANY_STATE.with(Flags::FAST).with(Flags::MAY_REPLICATE);
const CHANNELS: &[KeySpec] = &[KeySpec::range(1, -1, 1).not_keys()];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("publish", publish_message, "channel message")
        .about("Sends a message to those who are subscribed to its channel.")
        .since("2.0.0")
        .complexity("O(N+M) with the subscribers of the channel and all patterns")
        .arity(3)
        .channels(Channels::First)
        .flags(PUBLISHING),
    Command::new("subscribe", subscribe, "channel...")
        .about("Subscribes to channels.")
        .since("2.0.0")
        .complexity("O(N) with the number of channels")
        .arity(-2)
        .channels(Channels::All)
        .flags(SUBSCRIBING),
    Command::new("unsubscribe", unsubscribe, "[channel...]")
        .about("Ends subscriptions to channels, or to all.")
        .since("2.0.0")
        .complexity("O(N) with the number of subscribers of each channel")
        .arity(-1)
        .flags(SUBSCRIBING),
    Command::new("psubscribe", psubscribe, "pattern=(pattern:pattern)...")
        .about("Subscribes to all channels whose name matches a pattern.")
        .since("2.0.0")
        .complexity("O(N) with the number of patterns")
        .arity(-2)
        .channels(Channels::Patterns)
        .flags(SUBSCRIBING),
    Command::new("punsubscribe", punsubscribe, "[pattern:pattern...]")
        .about("Ends subscriptions to patterns, or to all.")
        .since("2.0.0")
        .complexity("O(N+M) with the patterns of the client and of all clients")
        .arity(-1)
        .flags(SUBSCRIBING),
    Command::new("spublish", spublish, "shardchannel message")
        .about("Sends a message to those who are subscribed to its shard channel.")
        .since("7.0.0")
        .complexity("O(N) with the subscribers of the channel")
        .arity(3)
        .channels(Channels::First)
        .flags(PUBLISHING)
        .keys(&[KeySpec::at(1).not_keys()]),
    Command::new("ssubscribe", ssubscribe, "shardchannel...")
        .about("Subscribes to shard channels.")
        .since("7.0.0")
        .complexity("O(N) with the number of channels")
        .arity(-2)
        .channels(Channels::All)
        .flags(SUBSCRIBING)
        .keys(CHANNELS),
    Command::new("sunsubscribe", sunsubscribe, "[shardchannel...]")
        .about("Ends subscriptions to shard channels, or to all.")
        .since("7.0.0")
        .complexity("O(N) with the number of channels")
        .arity(-1)
        .flags(SUBSCRIBING)
        .keys(CHANNELS),
    Command::container("pubsub", SUBCOMMANDS).about("Commands about subscriptions.").since("2.8.0"),
];

const SUBCOMMANDS: &[Command] = &[
    Command::new("channels", channels, "[pattern:pattern]")
        .about("Lists channels that have subscribers.")
        .since("2.8.0")
        .complexity("O(N) with the number of channels")
        .arity(-2)
        .flags(ANY_STATE),
    Command::new("numpat", numpat, "")
        .about("Counts the patterns that have subscribers.")
        .since("2.8.0")
        .arity(2)
        .flags(ANY_STATE),
    Command::new("numsub", numsub, "[channel...]")
        .about("Counts the subscribers of channels.")
        .since("2.8.0")
        .complexity("O(N) with the number of channels asked for")
        .arity(-2)
        .flags(ANY_STATE),
    Command::new("shardchannels", shardchannels, "[pattern:pattern]")
        .about("Lists shard channels that have subscribers.")
        .since("7.0.0")
        .complexity("O(N) with the number of shard channels")
        .arity(-2)
        .flags(ANY_STATE),
    Command::new("shardnumsub", shardnumsub, "[shardchannel...]")
        .about("Counts the subscribers of shard channels.")
        .since("7.0.0")
        .complexity("O(N) with the number of shard channels asked for")
        .arity(-2)
        .flags(ANY_STATE),
    Command::new("help", show_help, "")
        .about("Shows this text.")
        .since("6.2.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE)),
];

fn channels(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    list(cx, args, Topic::Channel)
}

fn shardchannels(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    list(cx, args, Topic::ShardChannel)
}

fn list(cx: &mut Context<'_>, args: &Args<'_>, topic: Topic) -> Result<Outcome, CommandError> {
    if args.len() > 3 {
        return Err(wrong_subcommand(args));
    }
    let is_wanted = |name: &&[u8]| args.len() == 2 || glob::matches(args.at(2), name, false);
    let names: Vec<&[u8]> = cx.pubsub.names(topic).filter(is_wanted).collect();
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk(name));
    Ok(Outcome::Done)
}

fn wrong_subcommand(args: &Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1)).into_owned();
    CommandError::new(format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP."))
}

fn numpat(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let count = cx.pubsub.names(Topic::Pattern).len();
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

fn numsub(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    count_subscribers(cx, args, Topic::Channel)
}

fn shardnumsub(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    count_subscribers(cx, args, Topic::ShardChannel)
}

fn count_subscribers(cx: &mut Context<'_>, args: &Args<'_>, topic: Topic) -> Result<Outcome, CommandError> {
    cx.reply.array(2 * (args.len() - 2));
    for name in args.rest(2) {
        cx.reply.bulk(name);
        cx.reply.int(cx.pubsub.subscribers(topic, name).len() as i64);
    }
    Ok(Outcome::Done)
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "PUBSUB", SUBCOMMANDS);
    Ok(Outcome::Done)
}
