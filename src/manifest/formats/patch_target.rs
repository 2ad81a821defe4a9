//! Which objects the JSON patches of a kustomization set images in, and where.

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

use super::image_keys::is_image_key;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;

const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

pub(in crate::manifest) fn is_patch(tree: &SyntaxTree<'_>, root: NodeId) -> bool {
    // One operation that is odd does not make the others less of a patch. An empty path is the whole object, and what stands
    // before the first slash is nothing to the library that kustomize and kubectl patch with (evanphx/json-patch).
    tree.items(root).iter().any(|item| {
        tree.get_str(*item, "op").is_some_and(|op| OPERATIONS.contains(&op))
            && tree.get_str(*item, "path").is_some_and(|path| path.is_empty() || path.contains('/'))
    })
}

/// A JSON patch of a kustomization, and what it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImagePatch {
    /// The group of the objects; `None` for any.
    pub group: Option<String>,
    /// Their kind.
    pub kind: String,
    /// A pattern for their name; `None` for any.
    pub name: Option<String>,
    /// The file below the tree's root that has the operations, where they do not stand here.
    pub file: Option<String>,
    /// The JSON pointers at which its own operations set what is there.
    pub sets: Vec<String>,
}

impl ImagePatch {
    /// Returns whether it is for an object of this group, kind and name.
    pub fn is_for(&self, group: &str, kind: &str, name: &str) -> bool {
        self.group.as_deref().is_none_or(|wanted| wanted == group)
            && matches_pattern(kind, &self.kind)
            && self.name.as_deref().is_none_or(|wanted| matches_pattern(name, wanted))
    }
}

/// The longest pattern that is asked, in bytes.
const PATTERN_MAX: usize = 1_000;

/// The most memory that a pattern may take, in bytes.
const PATTERN_MEMORY: usize = 1 << 20;

/// Returns whether a pattern of a target matches a name from the first letter to the last (kustomize, `types.Selector`); not where
/// it cannot be read, which ends kustomize.
pub(in crate::manifest) fn matches_pattern(name: &str, pattern: &str) -> bool {
    if pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return name == pattern;
    }
    let config = Config::new().nfa_size_limit(Some(PATTERN_MEMORY)).hybrid_cache_capacity(PATTERN_MEMORY);
    let syntax = syntax::Config::new().unicode(false).utf8(false);
    pattern.len() <= PATTERN_MAX
        && Regex::builder()
            .configure(config)
            .syntax(syntax)
            .build(&format!("^(?:{pattern})$"))
            .is_ok_and(|regex| regex.is_match(name))
}

/// Returns the JSON patches among the entries of `patches` or `patchesJson6902`, with the paths below the root that `path_of`
/// makes of theirs. One that is chosen by labels or annotations is left out: an object may lack them.
pub(super) fn targeted_patches(
    tree: &SyntaxTree<'_>,
    entries: &[NodeId],
    path_of: impl Fn(&str) -> Option<String>,
) -> Vec<ImagePatch> {
    let patch = |entry: &NodeId| {
        let target = tree.get(*entry, "target")?;
        if tree.get(target, "labelSelector").or_else(|| tree.get(target, "annotationSelector")).is_some() {
            return None;
        }
        let text = |key| tree.get_str(target, key).filter(|text| !text.is_empty()).map(str::to_owned);
        let sets = tree.get_str(*entry, "patch").map(sets_in_text).unwrap_or_default();
        let file = tree.get_str(*entry, "path").and_then(&path_of);
        let (group, kind, name) = (text("group"), text("kind")?, text("name"));
        (file.is_some() || !sets.is_empty()).then_some(ImagePatch { group, kind, name, file, sets })
    };
    entries.iter().filter_map(patch).collect()
}

/// Returns the JSON pointers at which the operations in a text set what is there.
fn sets_in_text(text: &str) -> Vec<String> {
    let tree = yaml::parse(text);
    let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
    match roots.as_slice() {
        [root] => sets(&tree, *root),
        _ => Vec::new(),
    }
}

/// Returns the JSON pointers at which the JSON patch at `root` sets an image, or something that has one; nothing where an
/// operation moves what later ones count.
pub(super) fn sets(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<String> {
    if !is_patch(tree, root) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for operation in tree.items(root) {
        let path = tree.get_str(*operation, "path").unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let is_item = last.parse::<usize>().is_ok();
        match tree.get_str(*operation, "op").unwrap_or_default() {
            "replace" => {}
            "add" if last == "-" => continue,
            "add" if !is_item => {}
            "test" => continue,
            "remove" if !is_item => continue,
            _ => return Vec::new(),
        }
        // A text that is no image takes the place of one, too.
        let is_image = is_image_key(last) || is_item || last.ends_with("ontainers") || last == "container";
        found.extend((path.starts_with('/') && is_image).then(|| path.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_as_a_whole() {
        for (text, expression, expected) in [
            ("web", "web", true),
            ("web", "we", false),
            ("web", "^web$", true),
            ("web-1", "web.*", true),
            ("my-web", ".*web", true),
            ("web", ".*", true),
            ("web", "web|api", true),
            ("web", "w[a-z]b", true),
            ("web", "(", false),
        ] {
            assert_eq!(matches_pattern(text, expression), expected, "{text} {expression}");
        }
    }

    #[test]
    fn operations_say_what_they_set() {
        let one = "- {op: replace, path: /spec/containers/0/image, value: a}\n";
        for (text, expected) in [
            (one, vec!["/spec/containers/0/image"]),
            ("- {op: add, path: /spec/containers/-, value: {}}\n", vec![]),
            ("- {op: add, path: /spec/image, value: a}\n", vec!["/spec/image"]),
            ("- {op: replace, path: /spec/containers, value: []}\n", vec!["/spec/containers"]),
            ("- {op: replace, path: /spec/replicas, value: 2}\n", vec![]),
            (&format!("- {{op: remove, path: /spec/containers/0}}\n{one}"), vec![]),
            (&format!("- {{op: add, path: /spec/containers/0, value: {{}}}}\n{one}"), vec![]),
            (&format!("{one}---\n{one}"), vec![]),
            ("kind: Pod\n", vec![]),
        ] {
            assert_eq!(sets_in_text(text), expected, "{text}");
        }
    }
}
