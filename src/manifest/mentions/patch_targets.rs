//! The objects that patches change: what finds them, as kustomize reads a `target`, there and in the objects of Flux and Argo CD.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::keys_above;
use crate::manifest::formats::matches_pattern;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// Stands before what patches find an object by.
const TARGET: &str = "(target)#";

/// Stands before what a kustomization gives to all objects.
const GIVEN: &str = "(given)#";

/// Returns whether a name is one by which patches find objects.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(TARGET) || name.starts_with(GIVEN)
}

/// What patches find an object by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ObjectIdentity {
    version: String,
    kind: String,
    namespace: String,
    name: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl ObjectIdentity {
    /// Returns a name for the object at `node`; `None` where it is none.
    pub(super) fn name_of(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
        let metadata = tree.get(node, "metadata").filter(|metadata| tree.is_mapping(*metadata))?;
        let text = |node, key| tree.get_str(node, key).unwrap_or_default().to_owned();
        let pairs = |key| -> BTreeMap<String, String> {
            let entries = tree.get(metadata, key).into_iter().flat_map(|map| tree.entries(map));
            let pairs = entries.filter_map(|(key, value)| Some((tree.text_of(*key)?, tree.text_of(*value)?)));
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let identity = Self {
            version: text(node, "apiVersion"),
            kind: text(node, "kind"),
            namespace: text(metadata, "namespace"),
            name: text(metadata, "name"),
            labels: pairs("labels"),
            annotations: pairs("annotations"),
        };
        serde_json::to_string(&identity).ok().map(|text| format!("{TARGET}{text}"))
    }

    /// Returns the object of which a name was made.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        serde_json::from_str(name.strip_prefix(TARGET)?).ok()
    }
}

/// What a kustomization gives to all objects that it builds, by which patches find them.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum GivenToAll {
    Label(String, String),
    Annotation(String, String),
    Namespace(String),
}

impl GivenToAll {
    /// Returns a name for what a scalar of a kustomization gives.
    fn name_of(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
        let value = tree.text_of(node)?.to_owned();
        let keys: Vec<&str> = keys_above(tree, node).collect();
        let given = match keys[..] {
            [key, "commonLabels"] | [key, "pairs", "labels"] => Self::Label(key.to_owned(), value),
            [key, "commonAnnotations"] => Self::Annotation(key.to_owned(), value),
            ["namespace"] => Self::Namespace(value),
            _ => return None,
        };
        serde_json::to_string(&given).ok().map(|text| format!("{GIVEN}{text}"))
    }
}

/// Whom or what a name stands for by which patches find objects.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Patched {
    Object(ObjectIdentity),
    Given(GivenToAll),
}

impl Patched {
    /// Returns what a name was made of.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let given = || serde_json::from_str(name.strip_prefix(GIVEN)?).ok().map(Self::Given);
        ObjectIdentity::of_name(name).map(Self::Object).or_else(given)
    }
}

/// A patch with a target.
pub(super) struct TargetedPatch<'t> {
    tree: &'t SyntaxTree<'t>,
    target: NodeId,
    /// Its text, or the file that it stands in.
    pub(super) what: Result<&'t str, &'t str>,
}

/// Returns the patches with a target in a tree, whatever they are a part of: kustomizations, transformers of them, and the objects of
/// Flux and Argo CD.
pub(super) fn patches<'t>(tree: &'t SyntaxTree<'t>, root: NodeId) -> Vec<TargetedPatch<'t>> {
    let (mut found, mut open) = (Vec::new(), vec![root]);
    while let Some(node) = open.pop() {
        match tree.kind(node) {
            NodeKind::Sequence { items, .. } => open.extend(items),
            NodeKind::Mapping { entries, .. } => {
                open.extend(entries.iter().map(|(_, value)| *value));
                let target = tree.get(node, "target").filter(|target| tree.is_mapping(*target));
                let text = ["patch", "jsonOp"].into_iter().find_map(|key| tree.get_str(node, key)).map(Ok);
                let what = text.or_else(|| tree.get_str(node, "path").map(Err));
                found.extend(target.zip(what).map(|(target, what)| TargetedPatch { tree, target, what }));
            }
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
        }
    }
    found
}

impl TargetedPatch<'_> {
    /// Returns whether an object is one that the patch changes (kustomize, `types.Selector`: the names are patterns, which must match
    /// from the first letter to the last).
    pub(super) fn changes(&self, patched: &Patched) -> bool {
        let said = |key| self.tree.get_str(self.target, key);
        let object = match patched {
            Patched::Object(object) => object,
            Patched::Given(GivenToAll::Label(key, value)) => {
                return said("labelSelector").is_some_and(|selector| asks_for(selector, key, value));
            }
            Patched::Given(GivenToAll::Annotation(key, value)) => {
                return said("annotationSelector").is_some_and(|selector| asks_for(selector, key, value));
            }
            Patched::Given(GivenToAll::Namespace(name)) => {
                return said("namespace")
                    .is_some_and(|pattern| !pattern.is_empty() && matches_pattern(name, pattern));
            }
        };
        let (group, version) = object.version.split_once('/').unwrap_or(("", &object.version));
        let names = [
            ("group", group),
            ("version", version),
            ("kind", &object.kind),
            ("namespace", &object.namespace),
            ("name", &object.name),
        ];
        names.into_iter().all(|(key, name)| {
            said(key).is_none_or(|pattern| pattern.is_empty() || matches_pattern(name, pattern))
        }) && said("labelSelector").is_none_or(|selector| selects(selector, &object.labels))
            && said("annotationSelector").is_none_or(|selector| selects(selector, &object.annotations))
    }
}

/// Returns whether a selector of Kubernetes takes these labels (Kubernetes, labels and selectors): `a=b`, `a!=b`, `a in (b, c)`,
/// `a notin (b)`, `a`, `!a`, with commas between them.
fn selects(selector: &str, labels: &BTreeMap<String, String>) -> bool {
    parts(selector).into_iter().all(|part| holds(part, labels))
}

/// Returns whether a selector asks for a label, and takes this one.
fn asks_for(selector: &str, key: &str, value: &str) -> bool {
    let labels = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let is_asked =
        |part: &&str| part.trim_start_matches('!').split(|c: char| !is_word(c)).next() == Some(key);
    let mut asked = parts(selector).into_iter().filter(is_asked).peekable();
    asked.peek().is_some() && asked.all(|part| holds(part, &labels))
}

/// Returns the conditions of a selector.
fn parts(selector: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn holds(part: &str, labels: &BTreeMap<String, String>) -> bool {
    let value = |key: &str| labels.get(key.trim()).map(String::as_str);
    let among = |list: &str, key| {
        let list = list.trim().trim_start_matches('(').trim_end_matches(')');
        value(key).is_some_and(|value| list.split(',').any(|item| item.trim() == value))
    };
    if let Some((key, list)) = part.split_once(" notin") {
        return !among(list, key);
    }
    if let Some((key, list)) = part.split_once(" in").filter(|(_, list)| list.trim().starts_with('(')) {
        return among(list, key);
    }
    if let Some((key, other)) = part.split_once("!=") {
        return value(key) != Some(other.trim());
    }
    if let Some((key, same)) = part.split_once('=') {
        return value(key) == Some(same.trim_start_matches('=').trim());
    }
    part.strip_prefix('!').map_or_else(|| value(part).is_some(), |key| value(key).is_none())
}

/// Returns the name by which patches find the object whose `kind` a scalar says, or those that the scalar is given to.
pub(super) fn identity(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    let object = tree.nodes[node].parent()?;
    let is_kind = keys_above(tree, node).next() == Some("kind") && tree.is_mapping(object);
    is_kind
        .then(|| ObjectIdentity::name_of(tree, object))
        .flatten()
        .or_else(|| GivenToAll::name_of(tree, node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::yaml;

    const OBJECT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  labels: {app: web, tier: front}\n";

    #[test]
    fn a_target_is_what_kustomize_takes_for_one() {
        let tree = yaml::parse(OBJECT);
        let name = ObjectIdentity::name_of(&tree, tree.documents[0].root.unwrap()).unwrap();
        let object = Patched::of_name(&name).unwrap();
        for (target, changes) in [
            ("{}", true),
            ("{kind: Deployment, name: web}", true),
            ("{kind: Deploy}", false),
            ("{name: w.*}", true),
            ("{name: we}", false),
            ("{name: web|api}", true),
            ("{name: '('}", false),
            ("{group: apps, version: v1}", true),
            ("{group: batch}", false),
            ("{namespace: shop}", true),
            ("{namespace: other}", false),
            ("{labelSelector: app=web}", true),
            ("{labelSelector: 'app == web, tier in (front, back)'}", true),
            ("{labelSelector: 'tier notin (front)'}", false),
            ("{labelSelector: 'tier!=front'}", false),
            ("{labelSelector: tier}", true),
            ("{labelSelector: '!tier'}", false),
            ("{annotationSelector: a=b}", false),
        ] {
            let text = format!("spec:\n  patches:\n  - patch: p\n    target: {target}\n");
            let tree = yaml::parse(&text);
            let patches = patches(&tree, tree.documents[0].root.unwrap());
            assert_eq!(patches.len(), 1);
            assert_eq!(patches[0].changes(&object), changes, "{target}");
        }
    }

    #[test]
    fn what_a_kustomization_gives_decides_for_a_target() {
        let given = |text: &str, keys: &[&str]| -> Option<Patched> {
            let tree = yaml::parse(text);
            let down = |node: NodeId, key: &&str| match tree.items(node).first() {
                Some(item) => tree.get(*item, key).unwrap(),
                None => tree.get(node, key).unwrap(),
            };
            let node = keys.iter().fold(tree.documents[0].root.unwrap(), down);
            Patched::of_name(&GivenToAll::name_of(&tree, node)?)
        };
        let tier = Patched::Given(GivenToAll::Label("tier".to_owned(), "web".to_owned()));
        let label = given("commonLabels: {tier: web}\n", &["commonLabels", "tier"]).unwrap();
        let namespace = given("namespace: shop\n", &["namespace"]).unwrap();
        assert_eq!(label, tier);
        assert_eq!(given("labels: [{pairs: {tier: web}}]\n", &["labels", "pairs", "tier"]), Some(tier));
        assert_eq!(given("spec: {tier: web}\n", &["spec", "tier"]), None);
        for (target, found) in [
            ("{labelSelector: tier=web}", (true, false)),
            ("{labelSelector: 'app=x, tier in (web)'}", (true, false)),
            ("{labelSelector: '!tier'}", (false, false)),
            ("{labelSelector: app=web}", (false, false)),
            ("{namespace: sh.*}", (false, true)),
            ("{kind: Deployment}", (false, false)),
        ] {
            let text = format!("patches:\n- patch: p\n  target: {target}\n");
            let tree = yaml::parse(&text);
            let patches = patches(&tree, tree.documents[0].root.unwrap());
            assert_eq!((patches[0].changes(&label), patches[0].changes(&namespace)), found, "{target}");
        }
    }
}
