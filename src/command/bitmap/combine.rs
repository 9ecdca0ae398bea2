//! BITOP: strings combined bit by bit, the shorter ones continued with zeros.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{NewValue, StringRef};

const NOT_OF_SEVERAL: CommandError = CommandError::fixed("ERR BITOP NOT must be called with a single source key.");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

pub(super) fn bitop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let operation = Operation::parse(args).ok_or(CommandError::SYNTAX)?;
    if operation == Operation::Not && args.len() != 4 {
        return Err(NOT_OF_SEVERAL);
    }
    let mut result = Vec::new();
    for index in 3..args.len() {
        let string = cx.db.read_string(args.key(index))?;
        match string {
            Some(string) if index == 3 => result = string.to_cow().into_owned(),
            Some(string) => operation.combine(&mut result, string),
            None if operation == Operation::And => result.fill(0),
            None => {}
        }
    }
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    store(cx, args, &result);
    cx.reply.int(result.len() as i64);
    Ok(Outcome::Done)
}

/// Nothing combined with nothing leaves no key.
fn store(cx: &mut Context<'_>, args: &Args<'_>, result: &[u8]) {
    let target = args.key(2);
    if result.is_empty() {
        cx.db.remove(target);
        return;
    }
    // An expired predecessor is deleted first, so that the deletion is counted and propagated.
    cx.db.write(target);
    cx.db.set(target, NewValue::RawString(result), None);
    cx.db.notify(EventClasses::STRING, "set", target);
}

impl Operation {
    fn parse(args: &Args<'_>) -> Option<Operation> {
        let names = [("AND", Operation::And), ("OR", Operation::Or), ("XOR", Operation::Xor), ("NOT", Operation::Not)];
        names.iter().find(|(name, _)| args.is(1, name)).map(|(_, operation)| *operation)
    }

    /// Combines one more string into the result.
    fn combine(self, result: &mut Vec<u8>, string: StringRef<'_>) {
        let len = string.len();
        if result.len() < len {
            result.resize(len, 0);
        }
        let (mut over, behind) = result.split_at_mut(len);
        for piece in string.chunks() {
            let (bytes, rest) = over.split_at_mut(piece.len());
            self.apply(bytes, piece);
            over = rest;
        }
        if self == Operation::And {
            behind.fill(0);
        }
    }

    /// A loop for each operation, so that each works on many bytes at once.
    fn apply(self, bytes: &mut [u8], with: &[u8]) {
        let pairs = bytes.iter_mut().zip(with);
        match self {
            Operation::And => pairs.for_each(|(byte, with)| *byte &= with),
            Operation::Or => pairs.for_each(|(byte, with)| *byte |= with),
            Operation::Xor => pairs.for_each(|(byte, with)| *byte ^= with),
            Operation::Not => {}
        }
    }
}
