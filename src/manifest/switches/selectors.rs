//! How patches pick objects: by kind, name and namespace, by selectors of labels and annotations.

use std::collections::BTreeMap;

use crate::manifest::formats::matches_pattern;
use crate::manifest::syntax::tree::NodeId;
use crate::manifest::syntax::yaml;

/// The objects that something is said of: a kind and a name, each a pattern, or empty where any is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Objects {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    /// Whether a kustomization of the tree puts something to names.
    pub(super) may_be_renamed: bool,
}

impl Objects {
    /// Returns whether an object of this kind and name may be one of them.
    pub(super) fn are(&self, kind: Option<&str>, name: Option<&str>) -> bool {
        let is = |said: &str, own: &str| said.is_empty() || matches_pattern(own, said);
        // A kustomization between may put a prefix or a suffix to the name.
        let is_renamed = |own: &str| self.name.starts_with(own) || self.name.ends_with(own);
        let is_named = |own: &str| is(&self.name, own) || self.may_be_renamed && is_renamed(own);
        kind.is_some_and(|kind| is(&self.kind, kind)) && name.is_some_and(is_named)
    }

    /// Returns whether what picks them picks an object as it is written, of this name and in this namespace.
    pub(super) fn are_called(&self, name: Option<&str>, namespace: Option<&str>) -> bool {
        let is = |said: &str, own: Option<&str>| {
            said.is_empty() || own.is_some_and(|own| matches_pattern(own, said))
        };
        is(&self.name, name) && is(&self.namespace, namespace)
    }

    /// Returns whether they are picked by neither name nor namespace.
    pub(super) fn is_any(&self) -> bool {
        self.name.is_empty() && self.namespace.is_empty()
    }
}

/// The labels and the annotations of an object.
pub(super) type ObjectNotes = [BTreeMap<String, String>; 2];

/// Returns the labels and the annotations of the objects of a text, by their documents.
pub(super) fn notes_of(text: Option<&str>) -> Vec<ObjectNotes> {
    let tree = yaml::parse(text.unwrap_or_default());
    let notes = |root: NodeId, key| {
        let all = tree.get(root, "metadata").and_then(|metadata| tree.get(metadata, key));
        let entries = all.map(|all| tree.entries(all)).unwrap_or_default().iter();
        let text = |node: NodeId| tree.text_of(node).unwrap_or_default().to_owned();
        entries.map(|(key, value)| (text(*key), text(*value))).collect()
    };
    let of_document = |root: Option<NodeId>| {
        let notes = |key| root.map(|root| notes(root, key)).unwrap_or_default();
        [notes("labels"), notes("annotations")]
    };
    tree.documents.iter().map(|document| of_document(document.root)).collect()
}

/// Returns whether labels or annotations are as a selector wants them (Kubernetes, "Label selectors").
pub(super) fn is_selected(selector: &str, notes: &BTreeMap<String, String>) -> bool {
    // What stands in brackets is one set of values.
    let mut terms = vec![String::new()];
    let mut is_inside = false;
    for c in selector.chars() {
        is_inside = c == '(' || is_inside && c != ')';
        match (c, terms.last_mut()) {
            (',', _) if !is_inside => terms.push(String::new()),
            (c, Some(term)) => term.push(c),
            (_, None) => {}
        }
    }
    terms.iter().map(|term| term.trim()).filter(|term| !term.is_empty()).all(|term| {
        let value = |key: &str| notes.get(key.trim()).map(String::as_str);
        let is_among = |key: &str, set: &str| {
            let set = set.trim().trim_start_matches('(').trim_end_matches(')');
            value(key).is_some_and(|value| set.split(',').any(|other| other.trim() == value))
        };
        if let Some((key, set)) = term.split_once(" notin") {
            return !is_among(key, set);
        }
        if let Some((key, set)) = term.split_once(" in").filter(|(_, set)| set.trim().starts_with('(')) {
            return is_among(key, set);
        }
        if let Some((key, other)) = term.split_once("!=") {
            return value(key) != Some(other.trim());
        }
        match (term.split_once('='), term.strip_prefix('!')) {
            (Some((key, other)), _) => value(key) == Some(other.trim_start_matches('=').trim()),
            (None, Some(key)) => value(key).is_none(),
            (None, None) => value(term).is_some(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_pick_what_has_the_labels() {
        let notes = BTreeMap::from([("a".to_owned(), "b".to_owned()), ("c".to_owned(), "".to_owned())]);
        for selector in
            ["a=b", "a==b, c", "a in (x, b)", "a notin (x,y)", "a!=c", "!d", "d!=x", "", "a in (b),c"]
        {
            assert!(is_selected(selector, &notes), "{selector}");
        }
        for selector in ["a=c", "d", "!a", "a in (x,y)", "a notin (b)", "a=b,d", "a!=b"] {
            assert!(!is_selected(selector, &notes), "{selector}");
        }
    }
}
