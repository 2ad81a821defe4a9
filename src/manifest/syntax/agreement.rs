//! Whether a second reader, of another lineage, sees the YAML that the first one sees: a deployer reads as either.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize as _;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess as _,
    Visitor,
};

use super::document_parts::{CutDocument, Shown};
use super::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};

/// Mappings whose values are texts that name no image: a chart may write a label twice.
const FREE_TEXTS: [&str; 3] = ["labels", "annotations", "matchLabels"];

/// What is asked of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// That nothing in it stands for something else, as a renderer prints it.
    Rendered,
    /// That every reader sees the same, as people write it: with aliases, merge keys and tags.
    Written,
}

/// Returns why the documents with these `roots`, which are all that the text holds at `span`, are not understood: a construct
/// that readers disagree about, or a second reader that sees something else. `None` where both see the same.
pub(crate) fn objection(
    tree: &SyntaxTree<'_>,
    roots: &[NodeId],
    span: Range<usize>,
    demand: Demand,
) -> Option<String> {
    let text = tree.text.get(span.clone()).unwrap_or_default();
    if let Some(construct) = roots.iter().find_map(|root| ambiguity_below(tree, *root, demand)) {
        return Some(construct);
    }
    if let (Some('{' | '['), [root]) = (text.trim_start().chars().next(), roots) {
        let mut json = serde_json::Deserializer::from_str(text);
        let all = Agreement { tree, shown: &Shown::default(), node: *root };
        let same = all.deserialize(&mut json).and_then(|()| json.end());
        match same {
            Ok(()) => return None,
            Err(error) if error.is_data() => return Some(disagreement(&error)),
            // YAML in braces.
            Err(_) => {}
        }
    }
    if roots.is_empty() {
        return is_blank(text).err().map(|error| disagreement(&error));
    }
    if let [root] = roots
        && let Some(cut) = CutDocument::new(tree, *root, span)
        && agree_in_parts(&cut)
    {
        return None;
    }
    agreement(tree, roots, text, &Shown::default()).err()
}

/// Returns whether a second reader sees in each part what the first sees there; of one that does not, the document as a whole
/// says it better.
pub(super) fn agree_in_parts(cut: &CutDocument<'_, '_>) -> bool {
    cut.parts().all(|(part, shown)| agreement(cut.tree, &[cut.root], &part, &shown).is_ok())
}

/// Requires a second reader to see in a text what is shown of the documents with these `roots`.
///
/// # Errors
/// Says where it sees something else.
pub(super) fn agreement(
    tree: &SyntaxTree<'_>,
    roots: &[NodeId],
    text: &str,
    shown: &Shown,
) -> Result<(), String> {
    let mut rest = roots.iter();
    for document in serde_yaml::Deserializer::from_str(text) {
        let same = match rest.next() {
            Some(node) => Agreement { tree, shown, node: *node }.deserialize(document),
            None => Err(serde_yaml::Error::custom("there is one document more")),
        };
        same.map_err(|error| disagreement(&error))?;
    }
    match rest.next() {
        None => Ok(()),
        Some(_) => Err(disagreement(&"there is one document less")),
    }
}

/// Returns whether the second reader reads a text to its end.
pub(crate) fn is_read_otherwise(text: &str) -> bool {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    documents.all(|document| IgnoredAny::deserialize(document).is_ok())
}

/// Returns whether a text is JSON, or one JSON value after the other, as `kubectl` takes it.
pub(crate) fn is_read_as_json(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    text.trim_start().starts_with(['{', '[']) && values.all(|value| value.is_ok())
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

/// Returns what is wrong with a node below `root`. The walk is as deep as the text, which is bounded.
fn ambiguity_below(tree: &SyntaxTree<'_>, root: NodeId, demand: Demand) -> Option<String> {
    ambiguity(tree, root, demand).or_else(|| match tree.kind(root) {
        NodeKind::Sequence { items, .. } => {
            items.iter().find_map(|item| ambiguity_below(tree, *item, demand))
        }
        NodeKind::Mapping { entries, .. } => entries.iter().find_map(|(key, value)| {
            key_ambiguity(tree, *key, demand).or_else(|| ambiguity_below(tree, *value, demand))
        }),
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => None,
    })
}

/// Returns what is wrong with a node that readers take for different things, or that stands for another.
fn ambiguity(tree: &SyntaxTree<'_>, id: NodeId, demand: Demand) -> Option<String> {
    let is_rendered = demand == Demand::Rendered;
    let at = || tree.pointer(id);
    if is_rendered && !is_text_tag(tree.tag(id)) {
        return Some(format!("`{}` has the tag `{}`", at(), tree.tag(id)));
    }
    match tree.kind(id) {
        NodeKind::Alias(_) if is_rendered => Some(format!("`{}` is an alias", at())),
        NodeKind::Mapping { entries, .. } => {
            let is_free = tree.key_of(id).is_some_and(|key| FREE_TEXTS.contains(&key));
            let mut seen = HashSet::with_capacity(entries.len());
            entries.iter().find_map(|(key, _)| match tree.text_of(*key)? {
                "<<" if is_rendered => Some(format!("`{}` has a merge key", at())),
                "<<" if !is_free && merges_over(tree, id, &seen) => {
                    Some(format!("`{}` merges over a key that stands before the merge", at()))
                }
                key if !seen.insert(key) && !is_free => Some(format!("`{}` has `{key}` twice", at())),
                _ => None,
            })
        }
        NodeKind::Alias(_) | NodeKind::Scalar { .. } | NodeKind::Sequence { .. } => None,
    }
}

/// Returns whether a merge key gives something else for one of `keys`, which stand before it: to some readers of Go the
/// merge wins then, and to all others what the mapping says itself.
fn merges_over(tree: &SyntaxTree<'_>, mapping: NodeId, keys: &HashSet<&str>) -> bool {
    let text = |node| tree.text_of(node).map(|text| (text, tree.is_null(node)));
    keys.iter().any(|key| {
        let (own, merged) = (tree.get(mapping, key), tree.merged_entry(mapping, key));
        merged.is_some_and(|merged| {
            own != Some(merged) && (text(merged).is_none() || own.and_then(text) != text(merged))
        })
    })
}

/// Returns what is wrong with a key that is not a text as it stands.
fn key_ambiguity(tree: &SyntaxTree<'_>, key: NodeId, demand: Demand) -> Option<String> {
    let at = || tree.nodes[key].parent().map(|mapping| tree.pointer(mapping)).unwrap_or_default();
    match tree.kind(key) {
        NodeKind::Scalar { .. } if is_text_tag(tree.tag(key)) => None,
        NodeKind::Scalar { .. } => Some(format!("`{}` has a key with the tag `{}`", at(), tree.tag(key))),
        _ if demand == Demand::Written && is_action(tree, key) => None,
        _ => Some(format!("`{}` has a key that is not a text", at())),
    }
}

/// Returns whether a key is the inner braces of `{{ x }}`, an action of a template that YAML takes for two mappings.
pub(crate) fn is_action(tree: &SyntaxTree<'_>, key: NodeId) -> bool {
    let before = |start: usize| tree.text.get(..start)?.bytes().next_back();
    let is_in_braces = matches!(tree.kind(key), NodeKind::Mapping { flow: true, .. });
    is_in_braces && before(tree.nodes[key].span().start) == Some(b'{')
}

fn is_text_tag(tag: &str) -> bool {
    matches!(tag, "" | "!" | "!!str" | "tag:yaml.org,2002:str")
}

/// Reads what the second reader says, and holds it to a node of the first.
struct Agreement<'y, 'a> {
    tree: &'y SyntaxTree<'a>,
    shown: &'y Shown,
    node: NodeId,
}

impl Agreement<'_, '_> {
    fn of(&self, node: NodeId) -> Self {
        Self { node: self.tree.resolve(node), ..*self }
    }

    /// Requires the value of a scalar whose tag says what it is: readers differ in what they make of it, and whoever asks
    /// for its text looks at the tag.
    fn tagged<E: Error>(&self) -> Option<Result<(), E>> {
        let is_scalar = || self.require(self.tree.is_scalar(self.node));
        (!is_text_tag(self.tree.tag(self.node))).then(is_scalar)
    }

    fn require<E: Error>(&self, same: bool) -> Result<(), E> {
        if same { Ok(()) } else { Err(E::custom(format!("at `{}`", self.tree.pointer(self.node)))) }
    }

    /// Requires a scalar without quotes whose text is as wanted.
    fn plain<E: Error>(&self, is_wanted: impl Fn(&str) -> bool) -> Result<(), E> {
        if let Some(same) = self.tagged() {
            return same;
        }
        let same = match self.tree.kind(self.node) {
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
        let same = match self.tree.kind(self.node) {
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
        if let Some(same) = self.tagged() {
            return same;
        }
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
        for item in self.shown.of(self.node, self.tree.items(self.node)) {
            let item = sequence.next_element_seed(self.of(*item))?;
            self.require(item.is_some())?;
        }
        let more = sequence.next_element::<IgnoredAny>()?;
        self.require(more.is_none())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.require(self.tree.is_mapping(self.node))?;
        for (key, value) in self.shown.of(self.node, self.tree.entries(self.node)) {
            let key = map.next_key_seed(self.of(*key))?;
            self.require(key.is_some())?;
            map.next_value_seed(self.of(*value))?;
        }
        let more = map.next_key::<IgnoredAny>()?;
        self.require(more.is_none())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        self.require(!is_text_tag(self.tree.tag(self.node)))?;
        let (_, value) = data.variant::<String>()?;
        value.newtype_variant_seed(self)
    }
}
