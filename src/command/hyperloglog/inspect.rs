//! PFDEBUG and PFSELFTEST.

use rand::RngExt;

use crate::command::{Args, CommandError, Context, Outcome};

use super::hash::{Observation, REGISTERS};
use super::sketch::{Draft, Encoding, Sketch};
use super::update::{NOT_A_SKETCH, replace};

const NO_KEY: CommandError = CommandError::fixed("ERR The specified key does not exist");
const NOT_SPARSE: CommandError = CommandError::fixed("ERR HLL encoding is not sparse");

/// Elements of the self-test: enough for registers of every value up to 20 and for both encodings.
const TEST_ELEMENTS: u64 = 1_000_000;

pub(super) fn pfdebug(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let string = cx.db.write_string(args.key(2))?.ok_or(NO_KEY)?;
    let bytes = string.to_cow();
    let sketch = Sketch::of(&bytes).ok_or(NOT_A_SKETCH)?;
    if args.is(1, "GETREG") {
        let draft = Draft::of(sketch);
        let (draft, _) = make_dense(cx, args, draft)?;
        cx.reply.array(REGISTERS);
        draft.dense_registers().for_each(|register| cx.reply.int(register.into()));
    } else if args.is(1, "DECODE") {
        cx.reply.bulk(sketch.shown_runs().ok_or(NOT_SPARSE)?.as_bytes());
    } else if args.is(1, "ENCODING") {
        cx.reply.simple(if sketch.encoding() == Encoding::Dense { "dense" } else { "sparse" });
    } else if args.is(1, "TODENSE") {
        let draft = Draft::of(sketch);
        let (_, was_sparse) = make_dense(cx, args, draft)?;
        cx.reply.int(was_sparse.into());
    } else {
        return Err(CommandError::new(format!(
            "ERR Unknown PFDEBUG subcommand '{}'",
            String::from_utf8_lossy(args.at(1))
        )));
    }
    Ok(Outcome::Done)
}

/// Makes the key's HyperLogLog dense; answers it, and whether it was sparse.
fn make_dense(cx: &mut Context<'_>, args: &Args<'_>, mut draft: Draft) -> Result<(Draft, bool), CommandError> {
    let was_sparse = draft.encoding() == Encoding::Sparse;
    if was_sparse {
        draft.make_dense()?;
        replace(cx, args.key(2), &draft, 1);
    }
    Ok((draft, was_sparse))
}

pub(super) fn pfselftest(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let seed = cx.rng.random();
    self_test(seed, cx.config.hll_sparse_max_bytes)?;
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Adds elements to a dense and to a sparse HyperLogLog: at each power of ten they must agree, and be near the truth.
fn self_test(seed: u64, sparse_bytes_max: usize) -> Result<(), CommandError> {
    let failed = |what: String| CommandError::new(format!("TESTFAILED {what}"));
    let (mut dense, mut sparse) = (Draft::empty(), Draft::empty());
    dense.make_dense()?;
    let standard_error = 1.04 / (REGISTERS as f64).sqrt();
    let mut checkpoint = 1;
    for number in 1..=TEST_ELEMENTS {
        let seen = Observation::of(&(number ^ seed).to_le_bytes());
        dense.observe(seen, sparse_bytes_max)?;
        sparse.observe(seen, sparse_bytes_max)?;
        if number < checkpoint {
            continue;
        }
        if number < sparse_bytes_max as u64 / 2 && sparse.encoding() != Encoding::Sparse {
            return Err(failed("sparse encoding not used".to_owned()));
        }
        let count = dense.cardinality()?;
        if sparse.cardinality()? != count {
            return Err(failed("dense/sparse disagree".to_owned()));
        }
        // Six times the standard error, rounded up; one in ten elements may share its register.
        let allowed = if number == 10 { 1 } else { (standard_error * 6.0 * number as f64).ceil() as u64 };
        if count.abs_diff(number) > allowed {
            return Err(failed(format!("Too big error. card:{number} abserr:{}", count.abs_diff(number))));
        }
        checkpoint *= 10;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_self_test_passes_whatever_the_encodings_limit() {
        for (seed, sparse_bytes_max) in [(1, 3_000), (2, 0)] {
            assert_eq!(self_test(seed, sparse_bytes_max), Ok(()), "seed {seed}");
        }
    }
}
