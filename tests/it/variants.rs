//! Every file of every case again, with other line ends, with a byte order mark and without its last line end, in both
//! styles, with annotations and without: the edit is the same edit, no byte changes elsewhere, and a second run changes
//! nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::pinning::{Run, pin_twice, policy};

/// What is done to a text, and is then expected of its edited text.
type Variant = (&'static str, fn(&str) -> String);

const VARIANTS: [Variant; 3] = [
    ("CR LF", |text| text.replace('\n', "\r\n")),
    ("byte order mark", |text| format!("\u{feff}{text}")),
    ("no final line end", |text| text.strip_suffix('\n').unwrap_or(text).to_owned()),
];

#[test]
fn every_case_is_edited_alike_in_every_variant() {
    let (mut failures, mut count) = (String::new(), 0);
    for (path, text) in files() {
        for style in ["tag+digest", "digest"] {
            for key in [None, Some("deployed-image-digest")] {
                let run = |text: &str| pin_twice(&path, text.as_bytes(), &policy(style), key);
                let Some(expected) = edited(&run(&text)) else { continue };
                // A line end that nobody writes any more: what is edited is right, and some edits are not made.
                run(&text.replace('\n', "\r"));
                for (name, vary) in VARIANTS {
                    count += 1;
                    let found = edited(&run(&vary(&text)));
                    let expected = vary(&expected);
                    if found.as_ref() != Some(&expected) {
                        let found = found.unwrap_or_default();
                        let diff =
                            tagpin::report::diff::unified(&path, expected.as_bytes(), found.as_bytes());
                        let _ = writeln!(failures, "{name}, {style}, {key:?}:\n{diff}");
                    }
                }
            }
        }
    }
    assert!(count > 500, "only {count} variants were made");
    assert!(failures.is_empty(), "{failures}");
}

fn edited(run: &Run) -> Option<String> {
    run.edited.as_ref().map(|edited| String::from_utf8(edited.after.clone()).unwrap())
}

/// Returns the files of all cases that have plain line ends, with their paths below their case.
fn files() -> Vec<(String, String)> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut files = Vec::new();
    for case in fs_err::read_dir(cases).unwrap() {
        let before = case.unwrap().path().join("before");
        let mut open: Vec<PathBuf> = vec![before.clone()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs_err::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if let Ok(text) = fs_err::read_to_string(&path)
                && !text.contains(['\r', '\u{feff}'])
            {
                files.push((path.strip_prefix(&before).unwrap().to_str().unwrap().to_owned(), text));
            }
        }
    }
    files.sort();
    files
}
