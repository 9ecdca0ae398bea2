//! What users may do, and what there is to be allowed: ACL GETUSER, LIST, USERS, WHOAMI, CAT.

use crate::acl::Selector;
use crate::command::{Args, CommandError, Context, Outcome};

pub(super) fn getuser(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let Some(user) = cx.acl.by_name(args.at(2)) else {
        cx.reply.null();
        return Ok(Outcome::Done);
    };
    let (flags, passwords, selectors) = (user.flags().collect::<Vec<_>>(), user.passwords(), &user.selectors);
    let reply = &mut cx.reply;
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(passwords.len());
    passwords.for_each(|hash| reply.bulk(hash.as_bytes()));
    let describe = |selector: &Selector| fields(selector, cx.acl);
    describe(&user.root).iter().flatten().for_each(|text| reply.bulk(text));
    reply.bulk(b"selectors");
    reply.array(selectors.len());
    for selector in selectors {
        reply.map(3);
        describe(selector).iter().flatten().for_each(|text| reply.bulk(text));
    }
    Ok(Outcome::Done)
}

/// Names and values of what a selector allows.
fn fields(selector: &Selector, acl: &crate::acl::Acl) -> [[Vec<u8>; 2]; 3] {
    [
        [b"commands".to_vec(), selector.commands.describe(acl.commands()).into_bytes()],
        [b"keys".to_vec(), selector.keys.describe().join(&b' ')],
        [b"channels".to_vec(), selector.channels.describe().join(&b' ')],
    ]
}

pub(super) fn list(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(cx.acl.users().len());
    for user in cx.acl.users() {
        cx.reply.bulk(&[b"user ", &cx.acl.describe(user)[..]].concat());
    }
    Ok(Outcome::Done)
}

pub(super) fn users(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(cx.acl.users().len());
    cx.acl.users().for_each(|user| cx.reply.bulk(&user.name));
    Ok(Outcome::Done)
}

pub(super) fn whoami(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    let name = cx.session().user.name.clone();
    cx.reply.bulk(&name);
    Ok(Outcome::Done)
}

pub(super) fn cat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let commands = cx.acl.commands();
    let names: Vec<&str> = match args.len() {
        2 => commands.categories().to_vec(),
        3 => {
            let shown = || String::from_utf8_lossy(&args.at(2)[..args.at(2).len().min(128)]).into_owned();
            let category = commands.category(args.at(2));
            let category = category.ok_or_else(|| CommandError::new(format!("ERR Unknown category '{}'", shown())))?;
            commands.of_category(category).map(|(_, row)| row.name).collect()
        }
        _ => return Err(super::malformed(args)),
    };
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk(name.as_bytes()));
    Ok(Outcome::Done)
}
