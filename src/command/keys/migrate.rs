//! MIGRATE: keys go to another server. Here they are packed; sending them is a job of the shell, and what has arrived
//! there is deleted here when it is done.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::persistence::rdb::dump_payload;
use crate::resp::encode_command;

const KEY_AND_KEYS: CommandError =
    CommandError::fixed("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
/// A client that waits within a transaction would keep all others waiting with it.
const IN_UNIT: CommandError = CommandError::fixed("ERR MIGRATE is not allowed in transactions");
const DEFAULT_TIMEOUT_MS: u64 = 1000;

/// Keys on their way to another server.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    pub host: String,
    pub port: u16,
    /// Of the other server.
    pub db: i64,
    /// For each step: connecting, a piece written, a reply.
    pub timeout_ms: u64,
    /// AUTH's words.
    pub login: Option<Vec<Vec<u8>>>,
    /// The keys stay here, too.
    pub copies: bool,
    pub keys: Vec<PackedKey>,
}

/// A key, and the request that makes it on the other server.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedKey {
    pub key: Box<[u8]>,
    pub restore: Vec<u8>,
}

pub(super) fn migrate(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(args)?;
    let timeout_ms = u64::try_from(args.int(5)?).ok().filter(|timeout_ms| *timeout_ms > 0);
    let db = args.int(4)?;
    let keys: Vec<PackedKey> =
        options.keys.clone().filter_map(|index| pack(cx, args, index, options.replaces)).collect();
    if keys.is_empty() {
        cx.reply.simple("NOKEY");
        return Ok(Outcome::Done);
    }
    if cx.in_unit {
        return Err(IN_UNIT);
    }
    Ok(Outcome::Migrate(Box::new(Migration {
        host: String::from_utf8_lossy(args.at(1)).into_owned(),
        // Nobody listens at a port that there is not.
        port: args.int(2).ok().and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        db,
        timeout_ms: timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
        login: options.login,
        copies: options.copies,
        keys,
    })))
}

/// None if the key is missing.
fn pack(cx: &mut Context<'_>, args: &Args<'_>, index: usize, replaces: bool) -> Option<PackedKey> {
    let key = args.key(index);
    let (now_ms, compression) = (cx.db.now_ms, cx.config.rdbcompression);
    let entry = cx.db.read(key)?;
    let ttl_ms = entry.expire_at().map_or(0, |at| (at - now_ms).max(1));
    let payload = dump_payload(&entry.value(), compression);
    let mut restore = Vec::with_capacity(payload.len() + key.bytes.len() + 64);
    let ttl_ms = ttl_ms.to_string();
    let words: [&[u8]; 5] = [b"RESTORE", key.bytes, ttl_ms.as_bytes(), &payload, b"REPLACE"];
    encode_command(&mut restore, &words[..if replaces { 5 } else { 4 }]);
    Some(PackedKey { key: key.bytes.into(), restore })
}

struct Options {
    copies: bool,
    replaces: bool,
    login: Option<Vec<Vec<u8>>>,
    /// Where the keys stand in the request.
    keys: std::ops::Range<usize>,
}

impl Options {
    fn parse(args: &Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options { copies: false, replaces: false, login: None, keys: 3..4 };
        let mut index = 6;
        while index < args.len() {
            let secrets = secrets_after(args, index);
            if args.is(index, "COPY") {
                options.copies = true;
            } else if args.is(index, "REPLACE") {
                options.replaces = true;
            } else if secrets > 0 && index + secrets < args.len() {
                let words = (index + 1..=index + secrets).map(|at| args.at(at).to_vec());
                options.login = Some(words.collect());
                index += secrets;
            } else if args.is(index, "KEYS") {
                if !args.at(3).is_empty() {
                    return Err(KEY_AND_KEYS);
                }
                options.keys = index + 1..args.len();
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(options)
    }
}

/// How many words after the option at `index` are for nobody's eyes.
fn secrets_after(args: &Args<'_>, index: usize) -> usize {
    if args.is(index, "AUTH") {
        1
    } else if args.is(index, "AUTH2") {
        2
    } else {
        0
    }
}

/// User and password.
pub(super) fn is_secret(args: &Args<'_>, word: usize) -> bool {
    let mut index = 6;
    while index < word {
        let secrets = secrets_after(args, index);
        if args.is(index, "KEYS") || secrets == 0 && index + 1 > word {
            return false;
        }
        if (index + 1..=index + secrets).contains(&word) {
            return true;
        }
        index += 1 + secrets;
    }
    false
}
