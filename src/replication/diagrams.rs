//! The diagrams of the three machines, as edges: each machine's tests hold them against what it does.

use std::collections::BTreeSet;

/// From one state to another.
pub type Edge = (String, String);

/// What the diagram under the heading that begins with `machine` says.
pub fn edges(machine: &str) -> BTreeSet<Edge> {
    let sections = include_str!("diagrams.md").split("#### ");
    let section =
        sections.into_iter().find(|section| section.starts_with(machine)).expect("each machine has a diagram");
    let states =
        section.lines().filter_map(|line| line.split_once(':').map_or(line, |(edge, _)| edge).split_once("-->"));
    let named = states.map(|(from, to)| (from.trim().to_owned(), to.trim().to_owned()));
    named.filter(|(from, to)| from != "[*]" && to != "[*]").collect()
}

#[test]
fn the_readme_shows_them() {
    assert!(include_str!("../../README.md").contains(include_str!("diagrams.md").trim_end()));
}
