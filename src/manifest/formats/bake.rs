//! Bake files: what a build takes from elsewhere.

use std::collections::BTreeMap;

use super::finder::Finder;
use super::inline_dockerfile;
use super::pattern::Pattern;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::NodeId;

/// Says which contexts only a variable knows, and which Dockerfiles stand in a text. Contexts that are images have a prefix.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let nodes = |path| Pattern::parse(path).map(|path| path.find(tree, root)).unwrap_or_default();
    for context in nodes("/target/*/contexts/*") {
        if tree.tag(context) == EXPRESSION {
            let image = tree.written(context).to_owned();
            finder.push(context, BTreeMap::new(), image, None, State::Skipped(Skip::Variable), None);
        }
    }
    for dockerfile in nodes("/target/*/dockerfile-inline") {
        inline_dockerfile::find(finder, dockerfile);
    }
}
