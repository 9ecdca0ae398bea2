//! What is done to values of each type in place.

mod string;
