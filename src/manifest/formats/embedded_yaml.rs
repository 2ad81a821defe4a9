//! YAML inside a text: Helm values in `helm.values` and `valuesContent`, patches in a kustomization.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, TextForm};
use super::finder::{EmbeddedText, Finder, Found};
use super::{helm_values, json_patch, kubernetes};
use crate::manifest::site::{Site, Skip, State};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;

/// Returns the sites in a text. Where its bytes have no exact place in the file, the text itself is the site, and skipped.
pub(in crate::manifest) fn find(
    tree: &mut SyntaxTree<'_>,
    text: &EmbeddedText,
    catalogue: &Catalogue,
) -> Found {
    if tree.is_masked(text.node) || tree.text_of(text.node).is_none_or(|value| value.trim().is_empty()) {
        return Found::default();
    }
    let Some(root) = tree.embed(text.node) else {
        let sites = skipped(tree, text, catalogue).into_iter().collect();
        return Found { sites, ..Found::default() };
    };
    let found = find_below(tree, text, root, Some(text.node), catalogue);
    if found.sites.is_empty() {
        tree.forget_embedded();
    }
    found
}

fn find_below(
    tree: &SyntaxTree<'_>,
    text: &EmbeddedText,
    root: NodeId,
    inside: Option<NodeId>,
    catalogue: &Catalogue,
) -> Found {
    let mut finder = Finder::new(tree, catalogue, text.document);
    finder.inside = inside;
    finder.is_patch = true;
    finder.format.clone_from(&text.format);
    finder.kind.clone_from(&text.kind);
    finder.name.clone_from(&text.name);
    match text.form {
        TextForm::Values => helm_values::find(&mut finder, root),
        TextForm::Objects if json_patch::is_patch(tree, root) => json_patch::find(&mut finder, root),
        TextForm::Objects if kubernetes::is_object(tree, root) => kubernetes::find(&mut finder, root),
        TextForm::Objects => {}
    }
    finder.finish()
}

/// Returns the text itself as a site, if there is an image in it or nobody can tell.
fn skipped(tree: &SyntaxTree<'_>, text: &EmbeddedText, catalogue: &Catalogue) -> Option<Site> {
    let value = tree.text_of(text.node)?;
    let inner = yaml::parse(value);
    let roots = inner.documents.iter().filter_map(|document| document.root);
    let found: Vec<Site> =
        roots.flat_map(|root| find_below(&inner, text, root, None, catalogue).sites).collect();
    let image =
        found.iter().find(|site| !matches!(site.state, State::Skipped(_))).map(|site| site.image.clone());
    let unknown = inner.documents.iter().any(|document| document.error.is_some());
    if image.is_none() && !(unknown && catalogue.may_hold_images(value.as_bytes())) {
        return None;
    }
    let mut finder = Finder::new(tree, catalogue, text.document);
    finder.format.clone_from(&text.format);
    finder.kind.clone_from(&text.kind);
    let state = State::Skipped(Skip::EmbeddedText);
    finder.push(text.node, BTreeMap::new(), image.unwrap_or_default(), None, state, None);
    finder.sites.pop()
}
