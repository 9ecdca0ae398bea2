//! BITFIELD and BITFIELD_RO: a list of operations on integers within a string, carried out one after the other.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;

use super::bit_offset;
use super::field_type::{FieldType, Overflow, WINDOW};

const BAD_OVERFLOW: CommandError = CommandError::fixed("ERR Invalid OVERFLOW type specified");
const BAD_TYPE: CommandError = CommandError::fixed(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);
const ONLY_GET: CommandError = CommandError::fixed("ERR BITFIELD_RO only supports the GET subcommand");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Get,
    /// Answers the old number.
    Set(i64),
    /// Answers the new number.
    Add(i64),
}

struct Operation {
    action: Action,
    field: FieldType,
    /// The integer's first bit.
    offset: u64,
    overflow: Overflow,
}

pub(super) fn bitfield(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let operations = parse(cx, args)?;
    if operations.iter().any(Operation::writes) { change(cx, args, &operations) } else { read(cx, args, &operations) }
}

pub(super) fn bitfield_ro(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let operations = parse(cx, args)?;
    if operations.iter().any(Operation::writes) { Err(ONLY_GET) } else { read(cx, args, &operations) }
}

fn read(cx: &mut Context<'_>, args: &Args<'_>, operations: &[Operation]) -> Result<Outcome, CommandError> {
    let string = cx.db.read_string(args.key(1))?;
    cx.reply.array(operations.len());
    for operation in operations {
        let window = string.map_or([0; WINDOW], |string| string.window(operation.byte()));
        cx.reply.int(operation.read(window) as i64);
    }
    Ok(Outcome::Done)
}

fn change(cx: &mut Context<'_>, args: &Args<'_>, operations: &[Operation]) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let len = cx.db.write_string(key)?.map_or(0, |string| string.len());
    let before = cx.db.effects.changes;
    // The string reaches as far as the last integer does, even if none is stored in the end.
    let last = operations.iter().filter(|operation| operation.writes()).map(Operation::last_byte).max().unwrap_or(0);
    let has_grown = last >= len;
    if has_grown {
        cx.db.patch(key, last, &[0]);
    }
    cx.reply.array(operations.len());
    let mut changes = 0;
    for operation in operations {
        let mut window = cx.db.peek_string(key)?.map_or([0; WINDOW], |string| string.window(operation.byte()));
        let old = operation.read(window);
        let Some((new, answer)) = operation.result(old) else {
            cx.reply.null();
            continue;
        };
        cx.reply.int(answer as i64);
        changes += u64::from(operation.writes() && (has_grown || new != old));
        if new != old {
            cx.db.patch(key, operation.byte(), operation.write(&mut window, new));
        }
    }
    if changes > 0 {
        cx.db.notify(EventClasses::STRING, "setbit", key);
    }
    // What has only grown must reach the replicas too.
    cx.db.count_changes(before, changes.max(has_grown.into()));
    Ok(Outcome::Done)
}

fn parse(cx: &Context<'_>, args: &Args<'_>) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::default();
    let mut index = 2;
    while index < args.len() {
        let more = args.len() - index - 1;
        if args.is(index, "OVERFLOW") && more >= 1 {
            overflow = parse_overflow(args, index + 1)?;
            index += 2;
            continue;
        }
        let words = match () {
            _ if args.is(index, "GET") => 2,
            _ if args.is(index, "SET") || args.is(index, "INCRBY") => 3,
            _ => usize::MAX,
        };
        if more < words {
            return Err(CommandError::SYNTAX);
        }
        operations.push(Operation::parse(cx, args, index, overflow)?);
        index += 1 + words;
    }
    Ok(operations)
}

fn parse_overflow(args: &Args<'_>, index: usize) -> Result<Overflow, CommandError> {
    let names = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)];
    names.iter().find(|(name, _)| args.is(index, name)).map(|(_, overflow)| *overflow).ok_or(BAD_OVERFLOW)
}

impl Operation {
    /// The operation whose name is word `index`; its other words are there.
    fn parse(cx: &Context<'_>, args: &Args<'_>, index: usize, overflow: Overflow) -> Result<Operation, CommandError> {
        let field = FieldType::parse(args.at(index + 1)).ok_or(BAD_TYPE)?;
        let offset = match args.at(index + 2) {
            [b'#', number @ ..] => bit_offset(cx, number, field.bits().into())?,
            number => bit_offset(cx, number, 1)?,
        };
        let action = match () {
            _ if args.is(index, "GET") => Action::Get,
            _ if args.is(index, "SET") => Action::Set(args.int(index + 3)?),
            _ => Action::Add(args.int(index + 3)?),
        };
        Ok(Operation { action, field, offset, overflow })
    }

    fn writes(&self) -> bool {
        self.action != Action::Get
    }

    /// The byte in which the integer begins.
    fn byte(&self) -> usize {
        (self.offset >> 3) as usize
    }

    /// The byte in which the integer ends.
    fn last_byte(&self) -> usize {
        ((self.offset + u64::from(self.field.bits()) - 1) >> 3) as usize
    }

    fn read(&self, window: [u8; WINDOW]) -> i128 {
        self.field.read(window, (self.offset & 7) as u32)
    }

    fn write<'w>(&self, window: &'w mut [u8; WINDOW], number: i128) -> &'w [u8] {
        self.field.write(window, (self.offset & 7) as u32, number)
    }

    /// The new number and the answer; `None` if the number does not fit and so nothing is done.
    fn result(&self, old: i128) -> Option<(i128, i128)> {
        match self.action {
            Action::Get => Some((old, old)),
            Action::Set(number) => Some((self.field.given(number, self.overflow)?, old)),
            Action::Add(number) => {
                let new = self.field.fit(old + i128::from(number), self.overflow)?;
                Some((new, new))
            }
        }
    }
}
