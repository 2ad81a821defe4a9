//! Who else uses a node: the aliases and merge keys that lead to it.

use std::collections::HashMap;

use super::tree::{NodeForm, NodeId, SyntaxTree};

/// The most uses that are named: more help nobody, and aliases are cheap to write.
const USES_MAX: usize = 100;

/// The most uses that are looked at in one file: a hundred images below an anchor that is used a hundred times.
const USES_IN_ALL_MAX: usize = 10_000;

pub(crate) struct Aliases {
    aliases: HashMap<NodeId, Vec<NodeId>>,
    /// How many uses may still be looked at in this file.
    left: usize,
}

impl Aliases {
    pub(crate) fn of(tree: &SyntaxTree<'_>) -> Self {
        let mut aliases: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for (id, node) in tree.nodes.iter().enumerate() {
            if node.form == NodeForm::Alias {
                aliases.entry(node.at as usize).or_default().push(id);
            }
        }
        Self { aliases, left: USES_IN_ALL_MAX }
    }

    /// Returns the JSON pointers that lead to `node` through one alias or merge key to it or to what it stands in.
    pub(crate) fn uses_of(&mut self, tree: &SyntaxTree<'_>, node: NodeId) -> Vec<String> {
        let mut uses = Vec::new();
        if self.aliases.is_empty() || self.left == 0 {
            return uses;
        }
        let whole = tree.pointer(node);
        let mut at = Some(node);
        while let Some(target) = at {
            let below = &whole[tree.pointer(target).len()..];
            let aliases = self.aliases.get(&target).into_iter().flatten();
            for alias in aliases.take(USES_MAX.min(self.left)) {
                self.left -= 1;
                uses.extend(use_through(tree, *alias, below));
            }
            at = tree.nodes[target].parent();
        }
        uses.sort();
        uses.truncate(USES_MAX);
        uses
    }
}

/// Returns where `alias` puts what is `below` its target; nothing where a merged key is overridden.
fn use_through(tree: &SyntaxTree<'_>, alias: NodeId, below: &str) -> Option<String> {
    let pointer = tree.pointer(alias);
    // `<<: *a`, or `<<: [*a, *b]`
    let parent = tree.nodes[alias].parent();
    let holder = if tree.key_of(alias) == Some("<<") {
        parent
    } else {
        parent.filter(|list| tree.key_of(*list) == Some("<<")).and_then(|list| tree.nodes[list].parent())
    };
    let Some(holder) = holder else { return Some(pointer + below) };
    let key = below.split('/').nth(1)?.replace("~1", "/").replace("~0", "~");
    tree.own_entry(holder, &key).is_none().then(|| tree.pointer(holder) + below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::yaml;

    #[test]
    fn aliases_and_merges_are_named_and_overrides_are_not() {
        let text =
            "x: &x {image: &i a:1}\na: *x\nb: {<<: *x}\nc: {<<: *x, image: b:1}\nd: {<<: [*x]}\ne: *i\n";
        let tree = yaml::parse(text);
        let root = tree.documents[0].root.unwrap();
        let image = tree.get(tree.get(root, "x").unwrap(), "image").unwrap();
        assert_eq!(Aliases::of(&tree).uses_of(&tree, image), ["/a/image", "/b/image", "/d/image", "/e"]);
    }
}
