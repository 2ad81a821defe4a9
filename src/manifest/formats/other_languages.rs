//! Images in texts of other languages, which are not read as documents: scripts, arguments, JSON and TOML in a text.

use std::collections::BTreeMap;

use super::finder::Finder;
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::NodeId;

impl Finder<'_, '_> {
    /// Adds an image that the text at `node` names in another language behind what stands `before` it, at its place as far as
    /// that can be told.
    pub(super) fn add_in_other_language(&mut self, node: NodeId, before: &str, image: &str) {
        let node = self.tree.resolve(node);
        let span = self.tree.nodes[node].span();
        let start =
            self.sites.iter().rev().find(|site| site.main == node).map_or(span.start, |last| last.span.end);
        let rest = self.tree.text.get(start.min(span.end)..span.end).unwrap_or_default();
        let named = rest.find(&format!("{before}{image}")).filter(|_| !image.is_empty());
        let at = named.map(|at| start + at + before.len());
        let place = at.map_or(span, |at| at..at + image.len());
        let skip = match classify(image).0 {
            State::Skipped(skip) => skip,
            _ => Skip::EmbeddedText,
        };
        let (known, state) = (self.sites.len(), State::Skipped(skip));
        let fields = BTreeMap::from([("repository", place.clone())]);
        self.push(node, fields, image.to_owned(), None, state, None);
        for site in &mut self.sites[known..] {
            site.fields.clear();
            site.span = place.clone();
        }
    }
}
