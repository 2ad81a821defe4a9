//! YAML inside a text: Helm values in `helm.values` and `valuesContent`, patches in a kustomization.

use std::collections::BTreeMap;

use super::{Finder, helm_values, json_patch, kubernetes};
use crate::manifest::formats::catalogue::{Catalogue, TextForm};
use crate::manifest::site::{Site, Skip, State};
use crate::manifest::syntax::tree::{NodeId, Yaml};

/// A scalar that holds YAML, and what is known of the document around it.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct EmbeddedText {
    pub(in crate::manifest) node: NodeId,
    pub(super) form: TextForm,
    pub(super) document: usize,
    pub(super) format: String,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

/// Returns the sites in a text. Where its bytes have no exact place in the file, the text itself is the site, and skipped.
pub(in crate::manifest) fn find(
    yaml: &mut Yaml<'_>,
    text: &EmbeddedText,
    catalogue: &Catalogue,
) -> Vec<Site> {
    if yaml.is_masked(text.node) || yaml.text_of(text.node).is_none_or(|value| value.trim().is_empty()) {
        return Vec::new();
    }
    let Some(root) = yaml.embed(text.node) else {
        return skipped(yaml, text, catalogue).into_iter().collect();
    };
    let sites = sites(yaml, text, root, Some(text.node), catalogue);
    if sites.is_empty() {
        yaml.forget_embedded();
    }
    sites
}

fn sites(
    yaml: &Yaml<'_>,
    text: &EmbeddedText,
    root: NodeId,
    inside: Option<NodeId>,
    catalogue: &Catalogue,
) -> Vec<Site> {
    let mut finder = Finder::new(yaml, catalogue, text.document);
    finder.inside = inside;
    finder.is_patch = true;
    finder.format.clone_from(&text.format);
    finder.kind.clone_from(&text.kind);
    finder.name.clone_from(&text.name);
    match text.form {
        TextForm::Values => helm_values::find(&mut finder, root),
        TextForm::Objects if json_patch::is_patch(yaml, root) => json_patch::find(&mut finder, root),
        TextForm::Objects if kubernetes::is_object(yaml, root) => kubernetes::find(&mut finder, root),
        TextForm::Objects => {}
    }
    finder.set_platforms();
    finder.sites
}

/// Returns the text itself as a site, if there is an image in it or nobody can tell.
fn skipped(yaml: &Yaml<'_>, text: &EmbeddedText, catalogue: &Catalogue) -> Option<Site> {
    let value = yaml.text_of(text.node)?;
    let inner = Yaml::parse(value);
    let roots = inner.documents.iter().filter_map(|document| document.root);
    let found: Vec<Site> = roots.flat_map(|root| sites(&inner, text, root, None, catalogue)).collect();
    let image =
        found.iter().find(|site| !matches!(site.state, State::Skipped(_))).map(|site| site.image.clone());
    let unknown = inner.documents.iter().any(|document| document.error.is_some());
    if image.is_none() && !(unknown && catalogue.may_hold_images(value.as_bytes())) {
        return None;
    }
    let mut finder = Finder::new(yaml, catalogue, text.document);
    finder.format.clone_from(&text.format);
    finder.kind.clone_from(&text.kind);
    let state = State::Skipped(Skip::EmbeddedText);
    finder.push(text.node, BTreeMap::new(), image.unwrap_or_default(), None, state, None);
    finder.sites.pop()
}
