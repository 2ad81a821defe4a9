//! The second reading of YAML, by libyaml: the same documents but for the planned differences.

use serde::Deserialize;
use serde::de::{Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use crate::manifest::syntax::agreement::agree_in_parts;
use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::document_parts::{CutDocument, Shown};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::tree_edit::{Added, ExpectedEntry, TreeEdit};

const LINE_ENDS: [char; 2] = ['\n', '\r'];

pub(super) fn compare(
    before: &SyntaxTree<'_>,
    after: &SyntaxTree<'_>,
    edit: &TreeEdit,
) -> Result<(), Difference> {
    SecondComparison { tree: before, shown: &Shown::default(), edit }.streams(after)
}

/// A value as libyaml reads it: typed, aliases expanded, duplicate keys kept.
#[derive(Clone, Debug, PartialEq)]
enum LibyamlTree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Sequence(Vec<Self>),
    Mapping(Vec<(Self, Self)>),
    Tagged(String, Box<Self>),
}

#[derive(Clone, Copy)]
struct SecondComparison<'c, 'a> {
    tree: &'c SyntaxTree<'a>,
    shown: &'c Shown,
    edit: &'c TreeEdit,
}

impl SecondComparison<'_, '_> {
    fn streams(&self, after: &SyntaxTree<'_>) -> Result<(), Difference> {
        let documents = &self.tree.documents;
        if documents.iter().all(|document| document.error.is_none()) {
            let roots: Vec<NodeId> = documents.iter().filter_map(|document| document.root).collect();
            if let [root] = roots[..]
                && let Some(after_root) = after.documents.iter().find_map(|document| document.root)
                && self.is_same_in_parts(root, after, after_root)
            {
                return Ok(());
            }
            return self.texts(&roots, self.tree.text, after.text);
        }
        // A document that nobody can read does not keep the others from being proven, each by itself.
        for (index, document) in documents.iter().enumerate() {
            if let Some(root) = document.root.filter(|_| document.error.is_none()) {
                self.texts(&[root], self.tree.source_of(index), after.source_of(index))?;
            }
        }
        Ok(())
    }

    /// Returns whether the one document of a text is long, and the same but for the planned differences in each of its parts:
    /// in those of the parser, which are parts to libyaml too.
    fn is_same_in_parts(&self, root: NodeId, after: &SyntaxTree<'_>, after_root: NodeId) -> bool {
        let Some(old) = CutDocument::new(self.tree, root, 0..self.tree.text.len()) else { return false };
        let Some(new) = old.edited(self.edit, after, after_root, 0..after.text.len()) else { return false };
        agree_in_parts(&old)
            && agree_in_parts(&new)
            && old.parts().zip(new.parts()).all(|((old, shown), (new, _))| {
                SecondComparison { shown: &shown, ..*self }.texts(&[root], &old, &new).is_ok()
            })
    }

    fn texts(&self, roots: &[NodeId], before: &str, after: &str) -> Result<(), Difference> {
        let (mut old, mut new) = (second_parse(before), second_parse(after));
        for root in roots {
            match (old.next(), new.next()) {
                (Some(old), Some(new)) => self.nodes(*root, &old?, &new?)?,
                _ => return Err(Difference::At("/".to_owned())),
            }
        }
        let is_over = old.next().is_none() && new.next().is_none();
        is_over.then_some(()).ok_or_else(|| Difference::At("/".to_owned()))
    }

    fn nodes(&self, id: NodeId, old: &LibyamlTree, new: &LibyamlTree) -> Result<(), Difference> {
        let id = self.tree.resolve(id);
        let differs = || Difference::At(self.tree.pointer(id));
        if let Some(planned) = self.edit.set.get(&id) {
            // The old value must be the one that the plan is about, the new one the planned one.
            let (old, new) = (old.untagged(), new.untagged());
            let known = self.tree.text_of(id).unwrap_or_default();
            let same_place = match old {
                LibyamlTree::Text(text) => {
                    text.trim_end_matches(LINE_ENDS) == known.trim_end_matches(LINE_ENDS)
                }
                LibyamlTree::Null | LibyamlTree::Bool(_) | LibyamlTree::Number(_) => true,
                _ => false,
            };
            return match new {
                LibyamlTree::Text(text) if same_place && text.trim_end_matches(LINE_ENDS) == planned => {
                    Ok(())
                }
                _ => Err(differs()),
            };
        }
        if let Some(entries) = self.edit.filled.get(&id) {
            let filled = *old == LibyamlTree::Null && is_filled(new, entries);
            return if filled { Ok(()) } else { Err(differs()) };
        }
        match (old, new) {
            (LibyamlTree::Tagged(old_tag, old), LibyamlTree::Tagged(new_tag, new)) if old_tag == new_tag => {
                self.nodes(id, old, new)
            }
            (LibyamlTree::Sequence(old), LibyamlTree::Sequence(new)) => {
                let items = self.shown.of(id, self.tree.items(id));
                if items.len() != old.len() || old.len() != new.len() {
                    return Err(differs());
                }
                items
                    .iter()
                    .zip(old.iter().zip(new))
                    .try_for_each(|(item, (old, new))| self.nodes(*item, old, new))
            }
            (LibyamlTree::Mapping(old), LibyamlTree::Mapping(new)) => {
                let all = self.tree.entries(id);
                let entries = self.shown.of(id, all);
                if entries.len() != old.len() {
                    return Err(differs());
                }
                let (first, last) = self.shown.ends(id);
                let start = first.unwrap_or_default();
                let is_before = |step: &ExpectedEntry<'_>| {
                    first.is_some() && !matches!(step, ExpectedEntry::Old(index) if *index >= start)
                };
                let mut is_over = false;
                let is_here = |step: &ExpectedEntry<'_>| {
                    let was_over = is_over;
                    is_over |=
                        matches!(step, ExpectedEntry::Old(index) if last.is_some_and(|last| *index >= last));
                    !was_over
                };
                let mut rest = new.iter();
                let steps = self.edit.expected_entries(id, all.len());
                for step in steps.skip_while(is_before).take_while(is_here) {
                    let (key, value) = rest.next().ok_or_else(differs)?;
                    match step {
                        ExpectedEntry::Old(index) if old[index - start].0 == *key => {
                            let index = index - start;
                            self.nodes(entries[index].1, &old[index].1, value)?;
                        }
                        ExpectedEntry::Added(name, added)
                            if *key == LibyamlTree::Text(name.to_owned()) && is_added(value, added) => {}
                        _ => return Err(differs()),
                    }
                }
                if rest.next().is_none() { Ok(()) } else { Err(differs()) }
            }
            (old, new) if old == new => Ok(()),
            _ => Err(differs()),
        }
    }
}

impl LibyamlTree {
    fn untagged(&self) -> &Self {
        match self {
            Self::Tagged(_, inner) => inner.untagged(),
            other => other,
        }
    }
}

fn is_added(tree: &LibyamlTree, added: &Added) -> bool {
    match added {
        Added::Text(text) => matches!(tree, LibyamlTree::Text(found) if found == text),
        Added::Mapping(entries) => is_filled(tree, entries),
    }
}

fn is_filled(tree: &LibyamlTree, entries: &[(String, String)]) -> bool {
    let LibyamlTree::Mapping(found) = tree else { return false };
    found.len() == entries.len()
        && found.iter().zip(entries).all(|((key, value), (name, text))| {
            *key == LibyamlTree::Text(name.clone()) && *value == LibyamlTree::Text(text.clone())
        })
}

/// Returns the documents of a text, each read when it is asked for.
fn second_parse(text: &str) -> impl Iterator<Item = Result<LibyamlTree, Difference>> {
    serde_yaml::Deserializer::from_str(text).map(|document| {
        LibyamlTree::deserialize(document).map_err(|error| Difference::Unreadable(error.to_string()))
    })
}

impl<'de> Deserialize<'de> for LibyamlTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = LibyamlTree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<LibyamlTree, E> {
        // NaN equals itself here: it is compared with what it was before.
        Ok(LibyamlTree::Number(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Null)
    }

    fn visit_none<E>(self) -> Result<LibyamlTree, E> {
        Ok(LibyamlTree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<LibyamlTree, D::Error> {
        LibyamlTree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<LibyamlTree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(LibyamlTree::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LibyamlTree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(LibyamlTree::Mapping(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<LibyamlTree, A::Error> {
        let (tag, variant) = data.variant::<String>()?;
        Ok(LibyamlTree::Tagged(tag, Box::new(variant.newtype_variant::<LibyamlTree>()?)))
    }
}
