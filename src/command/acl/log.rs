//! ACL LOG: refusals that are remembered. Fields are Redis 7.2's.

use crate::acl::{Context as AclContext, LogEntry, Reason};
use crate::command::{Args, CommandError, Context, Outcome, describe_client};
use crate::resp::Reply;

/// Entries shown where nothing is said of their number.
const SHOWN: usize = 10;

pub(super) fn log(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let count = match args.len() {
        2 => SHOWN,
        3 if args.is(2, "reset") => {
            cx.acl.log.clear();
            cx.reply.ok();
            return Ok(Outcome::Done);
        }
        3 => usize::try_from(args.int(2)?).unwrap_or(0),
        _ => return Err(super::malformed(args)),
    };
    let entries = cx.acl.log.entries();
    cx.reply.array(entries.len().min(count));
    let now_ms = cx.now.unix_ms();
    entries.take(count).for_each(|entry| show(&mut cx.reply, entry, now_ms));
    Ok(Outcome::Done)
}

fn show(reply: &mut Reply, entry: &LogEntry, now_ms: i64) {
    reply.map(10);
    reply.bulk(b"count");
    reply.int(entry.count as i64);
    let texts: [(&str, &[u8]); 4] = [
        ("reason", entry.reason.name().as_bytes()),
        ("context", entry.context.name().as_bytes()),
        ("object", &entry.object),
        ("username", &entry.username),
    ];
    for (name, text) in texts {
        reply.bulk(name.as_bytes());
        reply.bulk(text);
    }
    reply.bulk(b"age-seconds");
    reply.double(&((now_ms - entry.updated_ms) as f64 / 1000.0).to_string());
    reply.bulk(b"client-info");
    reply.bulk(entry.client.as_bytes());
    let numbers = [
        ("entry-id", entry.id as i64),
        ("timestamp-created", entry.created_ms),
        ("timestamp-last-updated", entry.updated_ms),
    ];
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.int(number);
    }
}

/// Somebody tried to log in under this name; `word` is the command that was used.
pub(in crate::command) fn note_failed_login(cx: &mut Context<'_>, word: &[u8], name: &[u8]) {
    cx.stats().acl_denied_auth += 1;
    let context = if cx.in_unit { AclContext::Multi } else { AclContext::TopLevel };
    let client = describe_client(cx.node, cx.sessions, cx.now.mono, cx.client);
    cx.acl.log.add(LogEntry::new(Reason::Auth, context, word, name, cx.now.unix_ms(), client));
}
