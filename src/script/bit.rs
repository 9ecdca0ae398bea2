//! The library `bit` (Lua BitOp): operations on 32 bits, answered as signed numbers.

use super::redis::set_function;
use super::stack::{Answer, Stack};

/// Pushes the library.
pub fn push_table(stack: Stack<'_>) {
    stack.push_table(0, 16);
    set_function(stack, "tobit", |stack| unary(stack, |bits| bits));
    set_function(stack, "bnot", |stack| unary(stack, |bits| !bits));
    set_function(stack, "bswap", |stack| unary(stack, u32::swap_bytes));
    set_function(stack, "band", |stack| fold(stack, |a, b| a & b));
    set_function(stack, "bor", |stack| fold(stack, |a, b| a | b));
    set_function(stack, "bxor", |stack| fold(stack, |a, b| a ^ b));
    set_function(stack, "lshift", |stack| shift(stack, |bits, by| bits << by));
    set_function(stack, "rshift", |stack| shift(stack, |bits, by| bits >> by));
    set_function(stack, "arshift", |stack| shift(stack, |bits, by| (bits as i32 >> by) as u32));
    set_function(stack, "rol", |stack| shift(stack, u32::rotate_left));
    set_function(stack, "ror", |stack| shift(stack, u32::rotate_right));
    set_function(stack, "tohex", tohex);
}

/// Argument `index` modulo 2^32, rounded to the nearest integer, the even one of two.
fn bits(stack: Stack<'_>, index: i32) -> u32 {
    // The low bits of the sum's mantissa are the integer's: this, too, is how large numbers wrap.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let bits = (stack.number(index) + SHIFT).to_bits() as u32;
    if bits == 0 && !stack.is_number(index) {
        stack.check_number(index);
    }
    bits
}

fn answer(stack: Stack<'_>, bits: u32) -> Answer {
    stack.push_number((bits as i32).into());
    Ok(1)
}

fn unary(stack: Stack<'_>, apply: fn(u32) -> u32) -> Answer {
    answer(stack, apply(bits(stack, 1)))
}

fn fold(stack: Stack<'_>, apply: fn(u32, u32) -> u32) -> Answer {
    let first = bits(stack, 1);
    answer(stack, (2..=stack.top()).rev().fold(first, |folded, index| apply(folded, bits(stack, index))))
}

fn shift(stack: Stack<'_>, apply: fn(u32, u32) -> u32) -> Answer {
    answer(stack, apply(bits(stack, 1), bits(stack, 2) & 31))
}

/// The last digits, in capitals if their number is negative.
fn tohex(stack: Stack<'_>) -> Answer {
    let value = bits(stack, 1);
    let digits = if stack.top() < 2 { 8 } else { bits(stack, 2) as i32 };
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let shown = digits.unsigned_abs().min(8) as usize;
    stack.push_bytes(&text.as_bytes()[8 - shown..]);
    Ok(1)
}
