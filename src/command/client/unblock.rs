//! CLIENT UNBLOCK: somebody else's wait ends as if its time were over, or with an error.

use crate::command::{Args, CommandError, Context, Outcome};

pub(super) fn unblock(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let with_error = match args.len() {
        3 => false,
        4 if args.is(3, "timeout") => false,
        4 if args.is(3, "error") => true,
        4 => return Err(CommandError::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => return Err(super::malformed(args)),
    };
    let id = args.int(2)?;
    match u64::try_from(id).ok().and_then(|id| cx.sessions.by_id(id)) {
        Some((client, _)) => Ok(Outcome::Unblock { client, with_error }),
        None => {
            cx.reply.int(0);
            Ok(Outcome::Done)
        }
    }
}
