//! Paths with wildcards and conditions: how the catalogue says where an image stands.
//!
//! A pattern is a JSON pointer (RFC 6901) whose segments may also be
//!
//! | segment | meaning |
//! |---|---|
//! | `*` | any key or item |
//! | `**` | any number of levels, none included |
//! | `[]` | any item of a list |
//! | `key=text` | the key, where its value is that text; one `*` at either end of the text stands for anything |
//! | `[=text]` | an item of a list, where it is that text; a `*` as above |
//! | `segment[key]` | what the segment reaches, where it has that key |
//! | `segment[key=text]` | what the segment reaches, where that key has that value |
//!
//! so that `/spec/tags/[]/from[kind=DockerImage]/name` reads as it is meant. A segment `[key=text]` is an item of a list.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// How deep a path goes. Chained aliases nest deeper than the text does, and the stack is finite.
const DEPTH_MAX: usize = 200;

/// A path with wildcards and conditions.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    step: PatternStep,
    test: Option<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternStep {
    Key(String),
    Any,
    Items,
    Deep,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Is(String),
    Has(String),
    HasValue(String, String),
}

impl Test {
    fn holds(&self, tree: &SyntaxTree<'_>, node: NodeId) -> bool {
        let is = |node, wanted| tree.string_of(node).is_some_and(|text| matches_text(text, wanted));
        match self {
            Self::Is(wanted) => is(node, wanted),
            Self::Has(key) => tree.get(node, key).is_some(),
            Self::HasValue(key, wanted) => tree.get(node, key).is_some_and(|value| is(value, wanted)),
        }
    }
}

/// Returns whether `text` is `wanted`, which may start or end with a `*`.
fn matches_text(text: &str, wanted: &str) -> bool {
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == wanted,
    }
}

impl Pattern {
    /// Parses a pattern; `None` where it does not start with `/`, or a condition is not closed or empty.
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Option<Vec<Segment>> =
            split(text.strip_prefix('/')?).into_iter().map(segment).collect();
        Some(Self { text: text.to_owned(), segments: segments? })
    }

    /// Returns the nodes at this path below `root`, aliases and merge keys followed. A node that several aliases lead
    /// to may come more than once.
    pub fn find(&self, tree: &SyntaxTree<'_>, root: NodeId) -> Vec<NodeId> {
        let seen = tree.is_linked.then(HashSet::new);
        let mut search = PatternSearch { tree, seen, found: Vec::new() };
        search.descend(root, &self.segments, DEPTH_MAX);
        search.found
    }

    /// Returns whether this path leads anywhere below `root`.
    pub fn is_in(&self, tree: &SyntaxTree<'_>, root: NodeId) -> bool {
        let first = self.segments.first().map(|segment| &segment.step);
        let starts = match first {
            Some(PatternStep::Key(key)) => tree.get(root, key).is_some(),
            _ => true,
        };
        starts && !self.find(tree, root).is_empty()
    }

    /// Returns the keys that a document must spell where this path leads somewhere.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match &segment.step {
            PatternStep::Key(key) => Some(key.as_str()),
            _ => None,
        })
    }
}

/// Splits at slashes that are not inside a condition.
fn split(text: &str) -> Vec<&str> {
    let (mut segments, mut start, mut open) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => open = true,
            b']' => open = false,
            b'/' if !open => {
                segments.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    segments.push(&text[start..]);
    segments
}

fn segment(text: &str) -> Option<Segment> {
    let key = |text: &str| text.replace("~1", "/").replace("~0", "~");
    let (name, test) = match text.split_once('[') {
        Some((name, test)) => (name, Some(test.strip_suffix(']')?)),
        None => (text, None),
    };
    let test = match test {
        None => None,
        Some("") if name.is_empty() => None,
        Some("") => return None,
        Some(test) => Some(match test.split_once('=') {
            Some(("", value)) => Test::Is(key(value)),
            Some((name, value)) => Test::HasValue(key(name), key(value)),
            None => Test::Has(key(test)),
        }),
    };
    let (step, test) = match name {
        "*" => (PatternStep::Any, test),
        "**" if test.is_none() => (PatternStep::Deep, None),
        "**" => return None,
        "" if text.starts_with('[') => (PatternStep::Items, test),
        _ => match name.split_once('=') {
            Some((name, value)) if test.is_none() => {
                (PatternStep::Key(key(name)), Some(Test::Is(key(value))))
            }
            _ => (PatternStep::Key(key(name)), test),
        },
    };
    Some(Segment { step, test })
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not a path: it must start with `/`, as in `/spec/*/image`, and close its `[`"
            ))
        })
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

struct PatternSearch<'y, 'a> {
    tree: &'y SyntaxTree<'a>,
    /// (node, segments left): the work is bounded by their product, whatever aliases do. Without them it is anyway.
    seen: Option<HashSet<(NodeId, usize)>>,
    found: Vec<NodeId>,
}

impl PatternSearch<'_, '_> {
    fn descend(&mut self, node: NodeId, segments: &[Segment], depth: usize) {
        let node = self.tree.resolve(node);
        let Some(depth) = depth.checked_sub(1) else { return };
        let Some((first, rest)) = segments.split_first() else {
            self.found.push(node);
            return;
        };
        if let Some(seen) = &mut self.seen
            && !seen.insert((node, segments.len()))
        {
            return;
        }
        // Most nodes are scalars, and nothing is below one.
        if self.tree.is_scalar(node) {
            if segments.iter().all(|segment| segment.step == PatternStep::Deep) {
                self.found.push(node);
            }
            return;
        }
        match &first.step {
            PatternStep::Key(key) => {
                if let Some(child) = self.tree.get(node, key) {
                    self.enter(child, first, rest, depth);
                }
            }
            PatternStep::Any => {
                self.each_child(node, |search, child| search.enter(child, first, rest, depth));
            }
            PatternStep::Items => {
                let tree = self.tree;
                for child in tree.items(node) {
                    self.enter(*child, first, rest, depth);
                }
            }
            PatternStep::Deep => {
                self.descend(node, rest, depth);
                self.each_child(node, |search, child| search.descend(child, segments, depth));
            }
        }
    }

    fn each_child(&mut self, node: NodeId, mut visit: impl FnMut(&mut Self, NodeId)) {
        let tree = self.tree;
        if tree.is_linked {
            children(tree, node).into_iter().for_each(|child| visit(self, child));
            return;
        }
        for (_, child) in tree.entries(node) {
            visit(self, *child);
        }
        for child in tree.items(node) {
            visit(self, *child);
        }
    }

    fn enter(&mut self, child: NodeId, segment: &Segment, rest: &[Segment], depth: usize) {
        if segment.test.as_ref().is_none_or(|test| test.holds(self.tree, child)) {
            self.descend(child, rest, depth);
        }
    }
}

/// Returns the children of a collection; those that a merge key brings in included, unless they are overridden.
fn children(tree: &SyntaxTree<'_>, node: NodeId) -> Vec<NodeId> {
    if tree.is_sequence(node) {
        return tree.items(node).to_vec();
    }
    let is_merge = |key: NodeId| tree.text_of(key) == Some("<<");
    if !tree.entries(node).iter().any(|(key, _)| is_merge(*key)) {
        return tree.entries(node).iter().map(|(_, value)| *value).collect();
    }
    let mut keys = HashSet::new();
    let mut out = Vec::new();
    let mut mappings = vec![node];
    let mut visited = HashSet::new();
    while let Some(mapping) = mappings.pop() {
        if !visited.insert(tree.resolve(mapping)) {
            continue;
        }
        for (key, value) in tree.entries(mapping) {
            match tree.text_of(*key) {
                Some("<<") => {
                    mappings.push(*value);
                    mappings.extend(tree.items(*value).iter().rev());
                }
                Some(text) if keys.insert(text) => out.push(*value),
                _ => {}
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::yaml;

    fn count(text: &str, pattern: &str) -> usize {
        let tree = yaml::parse(text);
        let root = tree.documents[0].root.unwrap();
        Pattern::parse(pattern).unwrap().find(&tree, root).len()
    }

    #[test]
    fn paths_match_with_wildcards_through_aliases_and_merges() {
        let text = "a: &a {b: [{c: 1}, {c: 2}]}\nd: *a\ne: {<<: *a, f: {c: 3}}\n";
        for (pattern, expected) in
            [("/a/b/*/c", 2), ("/a/b/[]/c", 2), ("/d/b/*/c", 2), ("/e/b/*/c", 2), ("/a/x", 0), ("/a/[]/b", 0)]
        {
            assert_eq!(count(text, pattern), expected, "{pattern}");
        }
        assert!(count(text, "/**/c") >= 3);
    }

    #[test]
    fn conditions_choose_what_a_segment_reaches() {
        let text = "kind: Drone\npath: a/bc\nv: [{type: image, s: 1}, {type: bind, s: 2}, {s: 3}]\nm: {a: {b: 1, type: x}, c: {}}\nl: [--a=1, b]\n";
        for (pattern, expected) in [
            ("/kind=Drone", 1),
            ("/kind=Dro*", 1),
            ("/kind=*one", 1),
            ("/kind=Woodpecker", 0),
            ("/path=a~1b*", 1),
            ("/v/[type=image]/s", 1),
            ("/v/[type]/s", 2),
            ("/v/[]/s", 3),
            ("/m/*[b]", 1),
            ("/m/*[type=x]/b", 1),
            ("/m/a[type=y]/b", 0),
            ("/l/[=--a=*]", 1),
            ("/l/[=b]", 1),
        ] {
            assert_eq!(count(text, pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "a", "spec/image", "/a[b", "/a[]", "/**[a]/b"] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn aliases_that_multiply_do_not_multiply_the_work() {
        let mut text = String::from("a0: &a0 {image: x}\n");
        // More levels than these are not read at all.
        for i in 1..6 {
            text +=
                &format!("a{i}: &a{i} [*a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}]\n", p = i - 1);
        }
        assert!(count(&text, "/**/image") < 100);
    }
}
