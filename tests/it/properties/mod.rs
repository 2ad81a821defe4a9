//! Properties of an edit, on generated documents: exactly the expected bytes change, whatever the document looks like;
//! the proof holds, and refuses every text but the right one; a second run changes nothing.
//!
//! The generator writes each line as it is before and as it must be after, so nothing here trusts the parser, the
//! splices or the proof.

mod dockerfile;
mod documents;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use tagpin::manifest::edit::proof::{ProofError, prove};
use tagpin::manifest::edit::splice::{Plan, Splice};
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::scan_whole;
use tagpin::manifest::syntax::tree::SyntaxTree;
use tagpin::manifest::syntax::yaml;
use tagpin::policy::Policy;
use tagpin::reference::Reference;
use tagpin::registry::TagRef;

use crate::support::pinning::{digest_of, pin, pin_twice, policy};
use documents::file;

const KEY: &str = "deployed-image-digest";

static POLICY: LazyLock<Policy> = LazyLock::new(|| policy("tag+digest"));
static DIGEST: LazyLock<Policy> = LazyLock::new(|| policy("digest"));

/// What a damaged document may get anywhere.
const TOKENS: [&str; 36] = [
    "\n",
    "\r",
    "\t",
    " ",
    "  ",
    "\n  ",
    "# ",
    " # c\n",
    "---\n",
    "...\n",
    "- ",
    ": ",
    "? ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    "|\n",
    ">-\n  ",
    "&a ",
    "*a ",
    "<<: *a\n",
    "!!str ",
    "!t ",
    "~",
    "null",
    "é",
    "\u{feff}",
    "{{ x }}",
    "@",
    "$",
    "deployed-image-digest: old\n    ",
];

/// Returns `after` without what annotations add: whole lines, or entries of a flow mapping.
fn without_annotations(after: &str, had: bool) -> String {
    let mut text = after.to_owned();
    while let Some(at) = text.find(KEY) {
        let end = at + text[at..].find("sha256:").unwrap() + "sha256:".len() + 64;
        let line = text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let range = if text[line..at].trim().is_empty() {
            let rest = &text[end..];
            let next = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
            line..end + next
        } else if text[..at].ends_with(", ") {
            at - 2..end
        } else if text[end..].starts_with(", ") {
            at..end + 2
        } else {
            at..end
        };
        text.replace_range(range, "");
    }
    if !had {
        text = text.replace(", annotations: {}", "");
        while let Some(at) = text.find("annotations:") {
            let line = text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
            let end = at + "annotations:".len();
            let next = if text[end..].starts_with("\r\n") { 2 } else { 1 };
            text.replace_range(line..end + next, "");
        }
    }
    text
}

/// Plans every edit of a file as `tagpin pin` does.
fn plan_of(path: &str, text: &str, yaml: &SyntaxTree<'_>) -> Plan {
    let mut plan = Plan::default();
    for located in scan_whole(path, text.as_bytes(), &BUILT_IN).sites {
        let (Some(write), Some(reference)) = (&located.site.write, &located.site.reference) else { continue };
        let digest = digest_of(&TagRef::new(reference));
        plan.pin(yaml, write, reference, &digest).unwrap();
    }
    plan
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_expected_bytes_change(file in file()) {
        let before = file.before();
        let run = pin_twice(file.document.path, &before, &POLICY, None);
        let after = run.edited.map_or(before, |edited| edited.after);
        prop_assert_eq!(String::from_utf8(after).unwrap(), String::from_utf8(file.after()).unwrap());
    }

    #[test]
    fn annotations_are_added_and_nothing_else(file in file()) {
        let before = file.before();
        let run = pin_twice(file.document.path, &before, &POLICY, Some(KEY));
        let edited = run.edited.unwrap();
        prop_assert_eq!(&edited.notes, &Vec::<String>::new());
        let after = String::from_utf8(edited.after).unwrap();
        prop_assert_eq!(after.matches(KEY).count(), file.document.annotated);
        let expected = String::from_utf8(file.after()).unwrap();
        prop_assert_eq!(without_annotations(&after, file.document.has_annotations), expected);
    }

    #[test]
    fn damaged_documents_are_pinned_as_planned_or_refused(
        file in file(),
        damages in vec((any::<prop::sample::Index>(), 0..4usize, select(TOKENS.to_vec())), 1..6),
    ) {
        let mut text = String::from_utf8(file.before()).unwrap();
        for (at, damage, token) in damages {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let at = places[at.index(places.len())];
            let end = text[at..].find(['\n', ' ']).map_or(text.len(), |length| at + length);
            match damage {
                0 => text.insert_str(at, token),
                1 => text.replace_range(at..end, ""),
                2 => text.replace_range(at..end, token),
                _ => {
                    let twice = text[at..end].repeat(2);
                    text.replace_range(at..end, &twice);
                }
            }
        }
        for path in [file.document.path, "values.yaml"] {
            pin_twice(path, text.as_bytes(), &POLICY, None);
            pin_twice(path, text.as_bytes(), &POLICY, Some(KEY));
            pin_twice(path, text.as_bytes(), &DIGEST, Some(KEY));
        }
    }

    #[test]
    fn the_proof_refuses_every_other_text(file in file(), at in any::<prop::sample::Index>(), edit in 0..4usize,
                                          with in select(vec![' ', 'x', '\n', '#', '&', '"', '-', ':', 'é', '~'])) {
        let text = String::from_utf8(file.before()).unwrap();
        let text = text.trim_start_matches('\u{feff}');
        let yaml = yaml::parse(text);
        let plan = plan_of(file.document.path, text, &yaml);
        let after = plan.apply(text).unwrap();
        prop_assert_eq!(prove(&yaml, &after, &plan), Ok(()));
        let mut characters: Vec<char> = after.chars().collect();
        let at = at.index(characters.len());
        match edit {
            0 => characters[at] = with,
            1 => characters.insert(at, with),
            2 => drop(characters.remove(at)),
            _ => characters.truncate(at),
        }
        let other: String = characters.into_iter().collect();
        if other != after {
            prop_assert_eq!(prove(&yaml, &other, &plan), Err(ProofError::Bytes));
        }
    }

    #[test]
    fn a_plan_that_does_more_than_it_says_is_refused(file in file(), at in any::<prop::sample::Index>(),
                                                     text in select(vec!["x", "x: y\n", "- ", "&a ", "'"])) {
        let before = String::from_utf8(file.before()).unwrap();
        let before = before.trim_start_matches('\u{feff}');
        let yaml = yaml::parse(before);
        let mut plan = plan_of(file.document.path, before, &yaml);
        // Text in a comment or between tokens may be spliced without a change of meaning: everything else is found.
        let scalars: Vec<_> = yaml.nodes.iter().enumerate().filter(|(id, node)| {
            !node.span().is_empty() && yaml.text_of(*id).is_some() && !plan.tree.set.contains_key(id)
        }).collect();
        let (_, node) = scalars[at.index(scalars.len())];
        let at = node.span().start;
        plan.splices.push(Splice { span: at..at, text: text.to_owned() });
        if let Some(after) = plan.apply(before) {
            prop_assert!(prove(&yaml, &after, &plan).is_err(), "{}", after);
        }
    }
}

#[test]
fn the_generated_documents_have_every_style() {
    // A generator that makes nothing but plain scalars would prove little.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut texts, mut unchanged) = (String::new(), 0);
    for _ in 0..200 {
        let file = file().new_tree(&mut runner).unwrap().current();
        let run = pin(file.document.path, &file.before(), &POLICY, None);
        unchanged += usize::from(run.edited.is_none());
        texts += &String::from_utf8(file.before()).unwrap();
    }
    assert_eq!(unchanged, 0);
    for sign in [
        "'x", "\"x", ">-", "|+", "&anchor", "!!str", "\\x78", "\u{feff}", "\r\n", "\rspec", "newTag", "<<: *",
    ] {
        assert!(texts.contains(sign), "{sign}");
    }
}
