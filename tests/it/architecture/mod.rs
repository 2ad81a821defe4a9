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
    &[
        "reference",
        "platform",
        "duration",
        "http",
        "text",
        "markdown",
        "atomic_file",
        "parallel",
        "repository_budget",
    ],
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

fn modules() -> Modules {
    Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn lines(list: &[String]) -> String {
    list.iter().map(|line| format!("\n  {line}")).collect()
}

#[test]
fn the_order_of_the_rooms_is_kept() {
    let (arrows, lost) = modules().arrows("tagpin");
    assert!(lost.is_empty(), "these paths lead nowhere, so the guard does not see them:{}", lines(&lost));
    let wrong = violations(&arrows, &ORDER);
    assert!(wrong.is_empty(), "docs/architecture.md has the order, which this breaks:{}", lines(&wrong));
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

/// Every path that these pages name is there, and every test, which is written `FILE::NAME`.
#[test]
fn the_pages_name_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for page in ["docs/architecture.md", "docs/threat-model.md", "CONTRIBUTING.md"] {
        let text = fs_err::read_to_string(root.join(page)).unwrap();
        for path in text.split('`').skip(1).step_by(2) {
            let is_path =
                ["src/", "tests/", "fixtures/", "docs/", "schema/"].iter().any(|top| path.starts_with(top));
            if is_path && !path.contains(['*', ' ']) && !path.contains("NAME") && !is_there(&root.join(path))
            {
                missing.push(format!("{page}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "these are not there:{}", lines(&missing));
}

/// Returns whether there is a file or directory, or in `FILE::NAME` a test: its attribute stands above it, without an empty
/// line between.
fn is_there(path: &Path) -> bool {
    let path = path.to_str().unwrap();
    let Some((file, name)) = path.split_once(".rs::") else { return Path::new(path).exists() };
    let text = fs_err::read_to_string(format!("{file}.rs")).unwrap_or_default();
    let Some((above, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let attributes = above.rsplit("\n\n").next().unwrap_or_default();
    ["#[test]", "#[tokio::test"].iter().any(|attribute| attributes.contains(attribute))
}
