//! The order of elements.

use std::cmp::Ordering;

use crate::command::CommandError;
use crate::keyspace::Strings;

use super::number::parse_number;
use super::options::Options;
use super::pattern::Lookup;

const NO_NUMBER: CommandError = CommandError::fixed("ERR One or more scores can't be converted into double");

/// Indices of the elements in their order. Where it means nothing how they stood before, ties go by the elements.
pub(super) fn sorted(
    lookup: &mut Lookup<'_, '_>,
    elements: &Strings,
    options: &Options<'_>,
    is_unordered: bool,
) -> Result<Vec<usize>, CommandError> {
    let mut order: Vec<usize> = (0..elements.len()).collect();
    let by_element = |a: &usize, b: &usize| elements.at(*a).cmp(elements.at(*b));
    let mut sort = |compare: &dyn Fn(&usize, &usize) -> Ordering| {
        order.sort_by(|a, b| if options.is_descending { compare(a, b).reverse() } else { compare(a, b) });
    };
    let mut weight = |element| match &options.by {
        Some(pattern) => pattern.follow(lookup, element),
        None => Some(Vec::from(element)),
    };
    match (options.is_alpha, &options.by) {
        (true, None) => sort(&by_element),
        (true, Some(_)) => {
            let weights: Vec<_> = elements.iter().map(weight).collect();
            let tie = |a: &usize, b: &usize| if is_unordered { by_element(a, b) } else { Ordering::Equal };
            sort(&|a, b| weights[*a].cmp(&weights[*b]).then_with(|| tie(a, b)));
        }
        (false, _) => {
            // What has no weight weighs nothing. All are looked up, even after one that is no number.
            let weights: Vec<_> =
                elements.iter().map(|element| weight(element).map(|text| parse_number(&text))).collect();
            let weights: Option<Vec<f64>> = weights.into_iter().map(|number| number.unwrap_or(Some(0.0))).collect();
            let weights = weights.ok_or(NO_NUMBER)?;
            sort(&|a, b| {
                weights[*a].partial_cmp(&weights[*b]).unwrap_or(Ordering::Equal).then_with(|| by_element(a, b))
            });
        }
    }
    Ok(order)
}
