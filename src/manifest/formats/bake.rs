//! Bake files: what a build takes from elsewhere.

use std::collections::BTreeMap;

use super::finder::Finder;
use super::pattern::Pattern;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::NodeId;

/// Says which contexts only a variable knows, and which Dockerfiles stand in a text. Contexts that are images have a prefix.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let nodes = |path| Pattern::parse(path).map(|path| path.find(tree, root)).unwrap_or_default();
    for context in nodes("/target/*/contexts/*") {
        if tree.nodes[context].tag() == EXPRESSION {
            let image = tree.written(context).to_owned();
            finder.push(context, BTreeMap::new(), image, None, State::Skipped(Skip::Variable), None);
        }
    }
    for dockerfile in nodes("/target/*/dockerfile-inline") {
        let is_from =
            |line: &&str| line.trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("from "));
        if let Some(from) = tree.text_of(dockerfile).and_then(|text| text.lines().find(is_from)) {
            let image = from.trim().to_owned();
            finder.push(dockerfile, BTreeMap::new(), image, None, State::Skipped(Skip::EmbeddedText), None);
        }
    }
}
