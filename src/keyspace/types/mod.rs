//! Values of each type: how they lie in memory and what is done to them in place.

pub(super) mod big_string;
mod string;
