//! ACL: users and their rights, as clients see and change them.

mod log;
mod show;
mod users;

use super::{Args, Command, CommandError, Context, Flags, Outcome, Wish, help};
use crate::resp;

pub(super) use log::note_failed_login;

const ANY_STATE: Flags = Flags::LOADING.with(Flags::STALE);
const OWN: Flags = ANY_STATE.with(Flags::NOSCRIPT);
const ALL: Flags = OWN.with(Flags::ADMIN);

pub(super) const COMMANDS: &[Command] =
    &[Command::container("acl", SUBCOMMANDS).about("Commands about users and their rights.").since("6.0.0")];

const SUBCOMMANDS: &[Command] = &[
    Command::new("cat", show::cat, "[categoryname]")
        .about("Lists the categories, or the commands of one.")
        .since("6.0.0")
        .arity(-2)
        .flags(OWN),
    Command::new("deluser", users::deluser, "username...")
        .about("Deletes users, and closes their connections.")
        .since("6.0.0")
        .complexity("O(1) amortized per user, and O(N) with the number of connections")
        .arity(-3)
        .flags(ALL),
    Command::new("dryrun", dryrun, "username command [arg...]")
        .about("Answers whether a user may have a request executed, without executing it.")
        .since("7.0.0")
        .arity(-4)
        .flags(ALL),
    Command::new("genpass", genpass, "[bits:integer]")
        .about("Answers a random password that nobody can guess.")
        .since("6.0.0")
        .arity(-2)
        .flags(OWN),
    Command::new("getuser", show::getuser, "username")
        .about("Answers what a user may do.")
        .since("6.0.0")
        .history(&[("6.2.0", "Channels."), ("7.0.0", "Selectors; keys and channels as rules.")])
        .complexity("O(N) with the number of its passwords and patterns")
        .arity(3)
        .flags(ALL),
    Command::new("help", show_help, "").about("Shows this text.").since("6.0.0").arity(2).flags(ANY_STATE),
    Command::new("list", show::list, "")
        .about("Lists users as lines of an ACL file.")
        .since("6.0.0")
        .complexity("O(N) with the number of users")
        .arity(2)
        .flags(ALL),
    Command::new("load", load, "")
        .about("Reads the users anew from the ACL file.")
        .since("6.0.0")
        .complexity("O(N) with the number of users")
        .arity(2)
        .flags(ALL),
    Command::new("log", log::log, "operation=[count:integer | RESET]")
        .about("Lists the latest refusals, or forgets them.")
        .since("6.0.0")
        .history(&[("7.2.0", "Number and times of entries.")])
        .complexity("O(N) with the number of entries shown")
        .arity(-2)
        .flags(ALL),
    Command::new("save", save, "")
        .about("Writes the users to the ACL file.")
        .since("6.0.0")
        .complexity("O(N) with the number of users")
        .arity(2)
        .flags(ALL),
    Command::new("setuser", users::setuser, "username [rule...]")
        .about("Creates a user, or changes what it may do.")
        .since("6.0.0")
        .history(&[("6.2.0", "Channels."), ("7.0.0", "Selectors; keys that are read or written only.")])
        .complexity("O(N) with the number of rules")
        .arity(-3)
        .secrets(|_, index| index > 1)
        .flags(ALL),
    Command::new("users", show::users, "")
        .about("Lists the names of users.")
        .since("6.0.0")
        .complexity("O(N) with the number of users")
        .arity(2)
        .flags(ALL),
    Command::new("whoami", show::whoami, "")
        .about("Answers the name of this connection's user.")
        .since("6.0.0")
        .arity(2)
        .flags(OWN),
];

/// A subcommand that exists, with a number of arguments that it does not take.
fn malformed(args: &Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1));
    CommandError::new(format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try ACL HELP."))
}

fn dryrun(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let shown = |index| String::from_utf8_lossy(args.at(index));
    let user = cx.acl.find(args.at(2));
    let user = user.ok_or_else(|| CommandError::new(format!("ERR User '{}' not found", shown(2))))?;
    let words: Vec<&[u8]> = args.rest(3).collect();
    let id = cx.table.resolve(words[0], words.get(1).copied());
    // A container with a word behind it is a subcommand that does not exist.
    let id = id.filter(|id| !(cx.table.entry(*id).is_container() && words.len() > 1));
    let id = id.ok_or_else(|| CommandError::new(format!("ERR Command '{}' not found", shown(3))))?;
    let entry = cx.table.entry(id);
    if !entry.command.accepts(words.len()) {
        return Err(CommandError::wrong_arity(entry.full_name));
    }
    let request = resp::OwnedArgs::of(&words);
    let request = Args::new(request.args(), cx.db.keyspace.hasher());
    match cx.acl.permits(user, &Wish::new(cx.table, id, &request)) {
        Ok(()) => cx.reply.ok(),
        Err(denied) => {
            let object = if denied.word() == 0 { entry.full_name.as_bytes() } else { words[denied.word()] };
            cx.reply.bulk(&denied.forecast(object));
        }
    }
    Ok(Outcome::Done)
}

const PASSWORD_BITS: i64 = 256;
const PASSWORD_BITS_MAX: i64 = 4096;

fn genpass(_: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let bits = match args.len() {
        2 => PASSWORD_BITS,
        3 => args.int(2)?,
        _ => return Err(malformed(args)),
    };
    if !(1..=PASSWORD_BITS_MAX).contains(&bits) {
        return Err(CommandError::new(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {PASSWORD_BITS_MAX}"
        )));
    }
    Ok(Outcome::Password { digits: (bits as usize).div_ceil(4) })
}

fn load(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    needs_file(cx)?;
    Ok(Outcome::AclLoad)
}

fn save(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    needs_file(cx)?;
    Ok(Outcome::AclSave)
}

fn needs_file(cx: &Context<'_>) -> Result<(), CommandError> {
    if cx.config.aclfile.is_some() {
        return Ok(());
    }
    Err(CommandError::fixed(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
         command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store \
         users in the Redis configuration.",
    ))
}

fn show_help(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "ACL", SUBCOMMANDS);
    Ok(Outcome::Done)
}
