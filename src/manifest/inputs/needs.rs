//! What a look-away depends on, before it is looked up.

use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// What a look-away depends on beside what stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::manifest) struct Needs {
    /// Texts in which files and directories may be named, seen from the look-away's own directory.
    pub(in crate::manifest) names: Vec<String>,
    /// What it takes from objects of the build that it is part of.
    pub(in crate::manifest) fields: Vec<FieldSource>,
    /// The text in an image for which it stands; elsewhere it does not matter.
    pub(in crate::manifest) variable: Option<String>,
}

impl Needs {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A field of some objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::manifest) struct FieldSource {
    /// The kind of the objects; `None` for any.
    pub(in crate::manifest) kind: Option<String>,
    /// Their name; `None` for any.
    pub(in crate::manifest) name: Option<String>,
    /// The keys that lead to the field.
    pub(in crate::manifest) path: Vec<String>,
}

impl FieldSource {
    /// Returns what the operation of a JSON patch takes at the pointer `from`, of whatever object.
    pub(in crate::manifest) fn of_pointer(from: &str) -> Self {
        Self { kind: None, name: None, path: of_pointer(from) }
    }

    /// Returns what a kustomization takes from the `fieldPath` of the objects that `selector` is about.
    pub(in crate::manifest) fn of_selector(
        tree: &SyntaxTree<'_>,
        selector: NodeId,
        path: Option<&str>,
    ) -> Self {
        let text = |key| tree.get_str(selector, key).filter(|text| !text.is_empty()).map(str::to_owned);
        Self { kind: text("kind"), name: text("name"), path: of_field_path(path.unwrap_or("metadata.name")) }
    }
}

/// Returns the source of a replacement.
pub(in crate::manifest) fn source_of(tree: &SyntaxTree<'_>, replacement: NodeId) -> Option<FieldSource> {
    let source = tree.get(replacement, "source").filter(|source| tree.is_mapping(*source))?;
    Some(FieldSource::of_selector(tree, source, tree.get_str(source, "fieldPath")))
}

/// Returns the keys of a JSON pointer (RFC 6901).
pub(super) fn of_pointer(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
}

/// Returns the keys of a path with dots, as kustomize takes it: `a.[b.c].[name=d].e\.f`.
pub(super) fn of_field_path(path: &str) -> Vec<String> {
    let (mut keys, mut key, mut depth) = (Vec::new(), String::new(), 0_usize);
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => key.extend(letters.next()),
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '.' if depth == 0 => keys.push(std::mem::take(&mut key)),
            letter => key.push(letter),
        }
    }
    keys.push(key);
    keys.retain(|key| !key.is_empty());
    keys
}

/// Returns every text below a node.
pub(in crate::manifest) fn texts(tree: &SyntaxTree<'_>, node: NodeId) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![node]);
    while let Some(node) = open.pop() {
        match tree.kind(node) {
            NodeKind::Scalar { value, .. } => found.push(value.to_owned()),
            NodeKind::Sequence { items, .. } => open.extend(items),
            NodeKind::Mapping { entries, .. } => {
                open.extend(entries.iter().flat_map(|(key, value)| [*key, *value]));
            }
            // What it leads to stands elsewhere in the document, and is read there.
            NodeKind::Alias(target) => found.extend(tree.text_of(target).map(str::to_owned)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_keys() {
        for (path, keys) in [
            ("data.image", &["data", "image"][..]),
            ("metadata.annotations.[a.b/c]", &["metadata", "annotations", "a.b/c"]),
            ("metadata.annotations.a\\.b", &["metadata", "annotations", "a.b"]),
            ("spec.containers.[name=a].image", &["spec", "containers", "name=a", "image"]),
        ] {
            assert_eq!(of_field_path(path), keys, "{path}");
        }
        assert_eq!(of_pointer("/a~1b/0"), ["a/b", "0"]);
    }
}
