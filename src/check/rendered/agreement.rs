//! Whether a second reader, of another lineage, sees the document that the first one sees: a deployer reads as either.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};

/// Mappings whose values are texts that name no image: a chart may write a label twice.
const FREE_TEXTS: [&str; 3] = ["labels", "annotations", "matchLabels"];

/// Returns why the documents of `tree`, all of which were read, are not understood: a construct that readers
/// disagree about, or a second reader that sees something else. `None` where both see the same.
pub(super) fn objection(tree: &SyntaxTree<'_>) -> Option<String> {
    if let Some(construct) = (0..tree.nodes.len()).find_map(|node| ambiguity(tree, node)) {
        return Some(construct);
    }
    let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
    if let (Some('{' | '['), [root]) = (tree.text.trim_start().chars().next(), roots.as_slice()) {
        let mut json = serde_json::Deserializer::from_str(tree.text);
        let same = Agreement { tree, node: *root }.deserialize(&mut json).and_then(|()| json.end());
        match same {
            Ok(()) => return None,
            Err(error) if error.is_data() => return Some(disagreement(&error)),
            // YAML in braces.
            Err(_) => {}
        }
    }
    if roots.is_empty() {
        return is_blank(tree.text).err().map(|error| disagreement(&error));
    }
    let mut rest = roots.into_iter();
    for document in serde_yaml::Deserializer::from_str(tree.text) {
        let same = match rest.next() {
            Some(node) => Agreement { tree, node }.deserialize(document),
            None => Err(serde_yaml::Error::custom("there is one document more")),
        };
        if let Err(error) = same {
            return Some(disagreement(&error));
        }
    }
    rest.next().map(|_| disagreement(&"there is one document less"))
}

/// Requires a second reader to see no document either, or empty ones: the comments before the first document are none to
/// some readers.
fn is_blank(text: &str) -> Result<(), serde_yaml::Error> {
    for document in serde_yaml::Deserializer::from_str(text) {
        if Option::<IgnoredAny>::deserialize(document)?.is_some() {
            return Err(serde_yaml::Error::custom("there is one document more"));
        }
    }
    Ok(())
}

fn disagreement(error: &dyn fmt::Display) -> String {
    format!("two readers do not agree on it: {error}")
}

/// Returns what is wrong with a node that readers take for different things, or that stands for another.
fn ambiguity(tree: &SyntaxTree<'_>, id: NodeId) -> Option<String> {
    let node = &tree.nodes[id];
    let at = || tree.pointer(id);
    let is_text = node.tag.strip_prefix("tag:yaml.org,2002:").or(node.tag.strip_prefix("!!")) == Some("str");
    if !node.tag.is_empty() && node.tag != "!" && !is_text {
        return Some(format!("`{}` has the tag `{}`", at(), node.tag));
    }
    match &node.kind {
        NodeKind::Alias(_) => Some(format!("`{}` is an alias", at())),
        NodeKind::Mapping { entries, .. } => {
            let is_free = tree.key_of(id).is_some_and(|key| FREE_TEXTS.contains(&key));
            let mut seen = HashSet::new();
            entries.iter().find_map(|(key, _)| {
                let NodeKind::Scalar { value, .. } = &tree.nodes[*key].kind else {
                    return Some(format!("`{}` has a key that is not a text", at()));
                };
                match value.as_ref() {
                    "<<" => Some(format!("`{}` has a merge key", at())),
                    key if !seen.insert(key) && !is_free => Some(format!("`{}` has `{key}` twice", at())),
                    _ => None,
                }
            })
        }
        NodeKind::Scalar { .. } | NodeKind::Sequence { .. } => None,
    }
}

/// Reads what the second reader says, and holds it to a node of the first.
struct Agreement<'y, 'a> {
    tree: &'y SyntaxTree<'a>,
    node: NodeId,
}

impl Agreement<'_, '_> {
    fn of(&self, node: NodeId) -> Self {
        Self { tree: self.tree, node }
    }

    fn require<E: Error>(&self, same: bool) -> Result<(), E> {
        if same { Ok(()) } else { Err(E::custom(format!("at `{}`", self.tree.pointer(self.node)))) }
    }

    /// Requires a scalar without quotes whose text is as wanted.
    fn plain<E: Error>(&self, is_wanted: impl Fn(&str) -> bool) -> Result<(), E> {
        let same = match &self.tree.nodes[self.node].kind {
            NodeKind::Scalar { value, style: ScalarStyle::Plain } => is_wanted(value),
            _ => false,
        };
        self.require(same)
    }

    fn number<E: Error>(&self) -> Result<(), E> {
        self.plain(|text| text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)))
    }
}

impl<'de> DeserializeSeed<'de> for Agreement<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Agreement<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the first reader saw")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        // Whether a block at the very end of a text has a line end is read both ways.
        let line_ends = ['\n', '\r'];
        let same = match &self.tree.nodes[self.node].kind {
            NodeKind::Scalar { value: first, .. } => {
                first.trim_end_matches(line_ends) == value.trim_end_matches(line_ends)
            }
            _ => false,
        };
        self.require(same)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.plain(|text| text.eq_ignore_ascii_case(if value { "true" } else { "false" }))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.number()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.number()
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.number()
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.number()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.number()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.require(self.tree.is_null(self.node))
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        self.require(self.tree.is_sequence(self.node))?;
        for item in self.tree.items(self.node) {
            let item = sequence.next_element_seed(self.of(*item))?;
            self.require(item.is_some())?;
        }
        let more = sequence.next_element::<IgnoredAny>()?;
        self.require(more.is_none())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.require(self.tree.is_mapping(self.node))?;
        for (key, value) in self.tree.entries(self.node) {
            let key = map.next_key_seed(self.of(*key))?;
            self.require(key.is_some())?;
            map.next_value_seed(self.of(*value))?;
        }
        let more = map.next_key::<IgnoredAny>()?;
        self.require(more.is_none())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.require(false)
    }
}
