//! What a test expects. Files that a test compares a cluster with are told by their names: kuttl's `00-assert.yaml` and
//! `00-errors.yaml`, and Chainsaw's `chainsaw-assert.yaml`. They look like objects, and nobody applies them. Where others
//! say it is in the catalogue.

use std::collections::HashSet;

use super::catalogue::{CHAINSAW, KUTTL, group_of};
use super::finder::Finder;
use super::module_texts::nodes;
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::rare::Blank;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::{directory_of, path_from};

/// The files that the tests of a file name, below the root; a `*` stands for a part of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestFiles {
    /// What they compare a cluster with, or render a chart with.
    pub(in crate::manifest) expected: Vec<String>,
    /// What they put into one.
    pub(in crate::manifest) applied: Vec<String>,
}

impl Blank for TestFiles {
    const BLANK: &'static Self = &Self { expected: Vec::new(), applied: Vec::new() };
}

impl TestFiles {
    /// Adds what another document says.
    pub(in crate::manifest) fn add(&mut self, other: Self) {
        self.expected.extend(other.expected);
        self.applied.extend(other.applied);
    }
}

/// Returns the files that the test in the document at `root` of the file at `path` names (Chainsaw's `assert.file`, kuttl's
/// `assert`, helm-unittest's `values`).
pub(in crate::manifest) fn test_files(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> TestFiles {
    let mut found = TestFiles::default();
    let directory = directory_of(path);
    // What lies elsewhere may be deployed as well.
    let is_own = |file: &String| file.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    let files = |paths: &[&str]| -> Vec<String> {
        let nodes = paths.iter().flat_map(|path| nodes(tree, root, path));
        let texts = nodes.filter_map(|node| tree.string_of(node));
        texts.filter_map(|text| path_from(directory, text)).collect()
    };
    if !nodes(tree, root, "/tests/[]/asserts").is_empty() {
        found.expected = files(&["/values/[]", "/tests/[]/values/[]"]);
        found.expected.retain(is_own);
        return found;
    }
    let paths: [&[&str]; 2] = match tree.get_str(root, "apiVersion").map(group_of) {
        Some(CHAINSAW) => [
            &["/spec/**/assert/file", "/spec/**/error/file"],
            &["/spec/**/apply/file", "/spec/**/create/file", "/spec/**/patch/file", "/spec/**/update/file"],
        ],
        Some(KUTTL) => [&["/assert/[]", "/error/[]"], &["/apply/[]"]],
        _ => return found,
    };
    (found.expected, found.applied) = (files(paths[0]), files(paths[1]));
    found
}

/// Returns whether the file at `path` only says what a test expects.
pub(super) fn is_assert(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some(stem) = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")) else { return false };
    let (first, rest) = stem.split_once('-').unwrap_or_default();
    let is_step =
        first == "chainsaw" || (!first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit()));
    is_step && matches!(rest.split('-').next(), Some("assert" | "error" | "errors"))
}

/// Returns whether the file at `path` is what a test compares its output with: a snapshot, or a file that is called golden among the
/// data of tests. What is called expected there, tests of other tools apply.
pub(in crate::manifest) fn is_golden(path: &str) -> bool {
    const TESTS: [&str; 5] = ["test", "tests", "testdata", "test-data", "test_data"];
    const GOLDEN: [&str; 2] = ["golden", "goldens"];
    let lower = path.to_ascii_lowercase();
    let mut parts: Vec<&str> = lower.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let is_snapshot = |part: &&str| matches!(*part, "__snapshots__" | "__snapshot__");
    if parts.iter().any(is_snapshot) {
        return true;
    }
    let Some(tests) = parts.iter().position(|part| TESTS.contains(part)) else { return false };
    let mut words = name.split(['.', '-', '_']).chain(parts[tests..].iter().copied());
    words.any(|word| GOLDEN.contains(&word))
}

/// Skips what was found in such a file, and says so: whoever applies it all the same runs it.
pub(super) fn skip(finder: &mut Finder<'_, '_>) {
    let mut floating = Vec::new();
    for site in finder.sites.iter_mut().filter(|site| matches!(site.state, State::Floating | State::Pinned)) {
        if site.state == State::Floating {
            floating.push((site.main, site.image.clone()));
        }
        site.skip(Skip::Asserted);
    }
    for (node, image) in floating {
        finder.look_away(LookAwayReason::Asserted, node, image);
    }
}

/// Skips what was found where the test in a document says what it expects. Nobody can apply it by itself.
pub(super) fn skip_in(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let group = tree.get_str(root, "apiVersion").map(group_of);
    let of_it = finder.catalogue.asserted().iter().filter(|asserted| {
        asserted.format.as_ref().is_some_and(|format| **format == *finder.format)
            || asserted.group.as_deref().is_some_and(|known| group == Some(known))
    });
    let expected: HashSet<NodeId> =
        of_it.flat_map(|asserted| &asserted.paths).flat_map(|path| path.find(tree, root)).collect();
    if expected.is_empty() {
        return;
    }
    for site in &mut finder.sites {
        let told = State::Skipped(Skip::UnknownLocation);
        let is_image = matches!(site.state, State::Floating | State::Pinned) || site.state == told;
        let mut above = std::iter::successors(Some(site.main), |at| tree.nodes[*at].parent());
        if is_image && above.any(|node| expected.contains(&node)) {
            site.skip(Skip::Asserted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_test_compares_its_output_with() {
        for path in [
            "charts/a/tests/__snapshot__/deployment.yaml",
            "src/__snapshots__/a.json",
            "pkg/testdata/golden/a.yaml",
            "test/a/deployment.golden.yaml",
        ] {
            assert!(is_golden(path), "{path}");
        }
        for path in [
            "golden/a.yaml",
            "pkg/testdata/a/expected.yaml",
            "tests/out/api-expected.json",
            "testdata/a.yaml",
            "apps/golden-retriever/tests.yaml",
            "tests/unexpected.yaml",
            "snapshots/a.yaml",
        ] {
            assert!(!is_golden(path), "{path}");
        }
    }

    #[test]
    fn names_tell_what_a_test_expects() {
        for path in [
            "a/00-assert.yaml",
            "01-errors.yml",
            "chainsaw-assert.yaml",
            "2-assert-ready.yaml",
            "chainsaw-error.yaml",
        ] {
            assert!(is_assert(path), "{path}");
        }
        for path in [
            "assert.yaml",
            "00-install.yaml",
            "a-assert.yaml",
            "00-assertion.yaml",
            "00-assert.json",
            "-assert.yaml",
        ] {
            assert!(!is_assert(path), "{path}");
        }
    }
}
