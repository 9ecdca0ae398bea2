//! SORT, SORT_RO: elements of a list or set in the order of numbers or texts, their own or those that other keys hold.
//!
//! Nothing that is stored may depend on the order in which a table keeps members, as that differs from server to
//! server: so ties among members go by the members, and STORE sorts a set even if asked not to.

mod number;
mod options;
mod order;
mod pattern;

use super::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{NewValue, Strings, Value};

use options::{Options, destination};
use order::sorted;
use pattern::{Lookup, Pattern};

const SORTED_KEY: KeySpec = KeySpec::at(1).read_only(&["access"]);
const NAMED_BY_ELEMENTS: KeySpec = KeySpec::unknown().read_only(&["access"]);
const STORED_KEY: KeySpec = KeySpec::found(destination).overwrite(&["update"]);
const CATEGORIES: &[&str] = &["@set", "@sortedset", "@list", "@dangerous"];

const fn row(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).complexity("O(N+M*log(M))").arity(-2).categories(CATEGORIES)
}

pub(super) const COMMANDS: &[Command] = &[
    row(
        "sort",
        sort,
        "key [BY by-pattern:pattern] [LIMIT limit=(offset:integer count:integer)] [GET get-pattern:pattern]... \
         order=[ASC | DESC] [sorting=ALPHA] [STORE destination:key]",
    )
    .about("Answers or stores the elements of a list or set in order, or what they point to.")
    .flags(Flags::WRITE.with(Flags::DENYOOM).with(Flags::MOVABLEKEYS))
    .keys(&[SORTED_KEY, NAMED_BY_ELEMENTS, STORED_KEY]),
    row(
        "sort_ro",
        sort_ro,
        "key [BY by-pattern:pattern] [LIMIT limit=(offset:integer count:integer)] [GET get-pattern:pattern]... \
         order=[ASC | DESC] [sorting=ALPHA]",
    )
    .about("Answers the elements of a list or set in order, or what they point to.")
    .since("7.0.0")
    .flags(Flags::READONLY.with(Flags::MOVABLEKEYS))
    .keys(&[SORTED_KEY, NAMED_BY_ELEMENTS]),
];

fn sort(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    run(cx, args, true)
}

fn sort_ro(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    run(cx, args, false)
}

fn run(cx: &mut Context<'_>, args: &Args<'_>, may_store: bool) -> Result<Outcome, CommandError> {
    let may_follow = cx.may_read_all_keys(args);
    let mut options = Options::parse(args, may_store, may_follow)?;
    let is_storing = options.store.is_some();
    // What is done with it must be the same everywhere.
    let must_be_ordered = is_storing || cx.scripts.running.is_some();
    let key = args.key(1);
    let entry = if is_storing { cx.db.write(key) } else { cx.db.read(key) };
    let (elements, is_unordered) = match entry.map(|entry| entry.value()) {
        None => (Strings::default(), false),
        Some(value) => elements(value, &mut options, must_be_ordered)?,
    };
    let mut lookup = Lookup { db: &mut cx.db, is_storing };
    let found = if options.is_sorting() {
        let order = sorted(&mut lookup, &elements, &options, is_unordered)?;
        let window = options.window(order.len());
        results(&mut lookup, order[window].iter().map(|index| elements.at(*index)), &options.get)
    } else {
        results(&mut lookup, elements.iter(), &options.get)
    };
    match options.store {
        Some(index) => store(cx, args, index, &found),
        None => {
            cx.reply.array(found.len());
            for text in found {
                match text {
                    Some(text) => cx.reply.bulk(&text),
                    None => cx.reply.null(),
                }
            }
        }
    }
    Ok(Outcome::Done)
}

/// The elements of a value, and whether their order means nothing. Where they are not sorted, only those asked for.
fn elements(
    value: Value<'_>,
    options: &mut Options<'_>,
    must_be_ordered: bool,
) -> Result<(Strings, bool), CommandError> {
    Ok(match value {
        Value::List(list) => {
            let window = options.window_of_unsorted(list.len());
            if options.is_sorting() || !options.is_descending {
                return Ok((list.iter_from(window.start).take(window.len()).collect(), false));
            }
            // From the end on.
            let texts: Vec<_> = list.iter_from(list.len() - window.end).take(window.len()).collect();
            (texts.iter().rev().collect(), false)
        }
        Value::Set(set) => {
            if must_be_ordered {
                options.sort_anyway();
            }
            let window = options.window_of_unsorted(set.len());
            (set.iter().skip(window.start).take(window.len()).collect(), true)
        }
        Value::SortedSet(set) => {
            let window = options.window_of_unsorted(set.len());
            let by_rank = options.is_sorting() || !options.is_descending;
            let members: Strings = match by_rank {
                true => set.iter_from(window.start).take(window.len()).map(|(member, _)| member).collect(),
                false => {
                    set.iter_before(set.len() - window.start).take(window.len()).map(|(member, _)| member).collect()
                }
            };
            (members, false)
        }
        _ => return Err(CommandError::WRONG_TYPE),
    })
}

/// What is answered for these elements.
fn results<'e>(
    lookup: &mut Lookup<'_, '_>,
    elements: impl Iterator<Item = &'e [u8]>,
    patterns: &[Pattern<'_>],
) -> Vec<Option<Vec<u8>>> {
    if patterns.is_empty() {
        return elements.map(|element| Some(element.to_vec())).collect();
    }
    let mut found = Vec::new();
    for element in elements {
        found.extend(patterns.iter().map(|pattern| pattern.follow(lookup, element)));
    }
    found
}

/// What is missing is stored as an empty text; nothing at all deletes the destination.
fn store(cx: &mut Context<'_>, args: &Args<'_>, index: usize, found: &[Option<Vec<u8>>]) {
    let destination = args.key(index);
    if found.is_empty() {
        cx.db.remove(destination);
    } else {
        let texts: Strings = found.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
        cx.db.write(destination);
        let before = cx.db.effects.changes;
        cx.db.set(destination, NewValue::List(&texts, &cx.config.collections), None);
        cx.db.count_changes(before, found.len() as u64);
        cx.db.notify(EventClasses::LIST, "sortstore", destination);
    }
    cx.reply.int(found.len() as i64);
}
