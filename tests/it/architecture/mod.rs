//! The order of the rooms of `src`: data flows one way, and a folder takes from those below it only.
//!
//! What a room is for, and why it stands where it stands, is in docs/architecture.md.

mod resolve;
mod rules;
mod source;
mod tests;

use std::path::Path;

use rules::{doubled_names, violations};
use source::Modules;

/// The rooms from the bottom to the top. Those on one line are small values, which may take from each other.
const ORDER: [&[&str]; 17] = [
    &["reference", "platform", "duration", "http", "text", "markdown", "atomic_file"],
    &["source"],
    &["forge"],
    &["registry"],
    &["manifest"],
    &["policy"],
    &["live"],
    &["history"],
    &["plan"],
    &["pull_request"],
    &["check"],
    &["config"],
    &["report"],
    &["run"],
    &["commands"],
    &["lib"],
    &["main"],
];

/// How many folders stand in `src`.
const MOST_FOLDERS: usize = 15;

/// How many of a hundred names of types may be declared more than once.
const MOST_DOUBLED: usize = 3;

/// Arrows that stand against the order and are still to be cut, one a line. None may be added; `TAGPIN_BLESS=1` takes
/// those away that are gone.
const TO_CUT: &str = "tests/it/architecture/to_cut.txt";

fn modules() -> Modules {
    Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn lines(list: &[String]) -> String {
    list.iter().map(|line| format!("\n  {line}")).collect()
}

#[test]
fn the_order_of_the_rooms_is_kept() {
    let (mut arrows, lost) = modules().arrows("tagpin");
    assert!(lost.is_empty(), "these paths lead nowhere, so the guard does not see them:{}", lines(&lost));
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join(TO_CUT);
    let text = fs_err::read_to_string(&list).unwrap();
    let mut excused: Vec<_> = text.lines().filter_map(|line| line.split_once(" -> ")).collect();
    excused.retain(|(from, to)| arrows.get_mut(*from).is_some_and(|targets| targets.remove(*to)));
    let wrong = violations(&arrows, &ORDER);
    assert!(wrong.is_empty(), "docs/architecture.md has the order, which this breaks:{}", lines(&wrong));
    // What is fine by itself needs no excuse.
    excused.retain(|(from, to)| {
        let mut with = arrows.clone();
        with.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        let is_needed = !violations(&with, &ORDER).is_empty();
        if !is_needed {
            arrows = with;
        }
        is_needed
    });
    let needed: String = excused.iter().map(|(from, to)| format!("{from} -> {to}\n")).collect();
    if std::env::var_os("TAGPIN_BLESS").is_some() {
        fs_err::write(&list, &needed).unwrap();
    } else {
        let gone: Vec<_> = text.lines().filter(|line| !needed.contains(line)).map(str::to_owned).collect();
        assert!(gone.is_empty(), "TAGPIN_BLESS=1 takes away from {TO_CUT} what is cut:{}", lines(&gone));
    }
}

#[test]
fn the_folders_are_few() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders =
        fs_err::read_dir(src).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folders: Vec<_> = folders.collect();
    assert!(folders.len() <= MOST_FOLDERS, "{folders:#?}");
}

#[test]
fn one_name_is_one_type() {
    let (all, doubled) = doubled_names(&modules());
    assert!(all > 100, "only {all} types were found");
    assert!(
        doubled.len() * 100 < all * MOST_DOUBLED,
        "{} of {all} names are declared more than once:{}",
        doubled.len(),
        lines(&doubled)
    );
}

/// Every path that the pages for contributors name is there.
#[test]
fn the_pages_name_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for page in ["docs/architecture.md", "CONTRIBUTING.md"] {
        let text = fs_err::read_to_string(root.join(page)).unwrap();
        for path in text.split('`').skip(1).step_by(2) {
            let is_path =
                ["src/", "tests/", "fixtures/", "docs/", "schema/"].iter().any(|top| path.starts_with(top));
            if is_path && !path.contains(['*', ' ']) && !path.contains("NAME") && !root.join(path).exists() {
                missing.push(format!("{page}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "these are not there:{}", lines(&missing));
}
