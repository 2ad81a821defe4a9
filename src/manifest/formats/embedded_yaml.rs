//! YAML inside a text: Helm values in `helm.values` and `valuesContent`, patches in a kustomization.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, TextForm};
use super::finder::Finder;
use super::found::{EmbeddedText, Found};
use super::{helm_values, json_patch, kubernetes, locations, runners};
use crate::manifest::content;
use crate::manifest::inputs::Needs;
use crate::manifest::look_away::{FoundLookAway, LookAwayReason};
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What files are called whose text is a job, or the configuration of a runner.
const JOB_FILE: &str = "text.nomad";
const RUNNER_FILE: &str = "text.toml";

/// Returns the sites in a text. Where its bytes have no exact place in the file, the text itself is the site, and skipped.
pub(in crate::manifest) fn find(
    tree: &mut SyntaxTree<'_>,
    text: &EmbeddedText,
    catalogue: &Catalogue,
) -> Found {
    if tree.text_of(text.node).is_none_or(|value| value.trim().is_empty()) {
        return Found::default();
    }
    let Some(root) = tree.embed(text.node, text.form.language()) else {
        return skipped(tree, text, catalogue);
    };
    let mut found = find_below(tree, text, root, Some(text.node), catalogue);
    // A text in this one has no place of its own.
    for inner in std::mem::take(&mut found.texts) {
        let mut of_inner = skipped(tree, &inner, catalogue);
        of_inner.sites.iter_mut().for_each(|site| site.inside = Some(text.node));
        found.add(of_inner);
    }
    // Parts of images keep nothing of the tree.
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
    finder.object.clone_from(&text.object);
    match text.form {
        TextForm::Values => helm_values::find(&mut finder, root),
        TextForm::Objects if json_patch::is_patch(tree, root) => json_patch::find(&mut finder, root),
        // A patch that its target names needs no version.
        TextForm::Objects if tree.is_mapping(root) => kubernetes::find(&mut finder, root),
        TextForm::Objects => {}
        TextForm::Containers => containers(&mut finder, root),
        TextForm::Pods => kubernetes::find_in_text(&mut finder, root),
        TextForm::Job => as_file(&mut finder, root, JOB_FILE),
        TextForm::Runners => as_file(&mut finder, root, RUNNER_FILE),
    }
    runners::find(&mut finder, root);
    finder.finish()
}

/// Adds the images of a list of containers, or of one, as ECS and AWS Batch have them.
fn containers(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let list = if tree.is_sequence(root) { tree.items(root).to_vec() } else { vec![root] };
    for image in list.into_iter().filter_map(|container| tree.get(container, "image")) {
        finder.add_image(image);
    }
}

/// Adds the images that the catalogue knows of in a file of this name.
fn as_file(finder: &mut Finder<'_, '_>, root: NodeId, name: &str) {
    let catalogue = finder.catalogue;
    let entries = catalogue.format(finder.tree, root, name);
    finder.format = entries.format().unwrap_or_default().into();
    locations::find(finder, &entries.all(), root, |_, _| true);
}

/// What a masked text has in the place of what is filled in; `{{}}` is the shortest of that.
const MASK: &str = "xxxx";

/// Returns an image of which a part is masked as it is written, as far as it stands in one piece.
fn unmasked(tree: &SyntaxTree<'_>, node: NodeId, image: &str) -> String {
    let start = format!("{}{{{{", image.split(MASK).next().unwrap_or_default());
    let text = tree.original.get(tree.nodes[node].span()).unwrap_or_default();
    let line = text.find(&start).and_then(|at| text[at..].lines().next());
    line.map_or_else(
        || format!("{start} … }}}}"),
        |line| line.trim_end().trim_end_matches(['"', '\'']).to_owned(),
    )
}

/// Returns a quoted text of HCL as it is read, as far as JSON and YAML need it.
fn unescaped(text: &str) -> String {
    text.replace("\\\\", "\0")
        .replace("\\\"", "\"")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace('\0', "\\")
}

/// Returns the images in a text without an exact place: the text itself is the place of each. Says so where nobody can
/// tell what is in it.
fn skipped(tree: &SyntaxTree<'_>, text: &EmbeddedText, catalogue: &Catalogue) -> Found {
    let Some(value) = tree.text_of(text.node) else { return Found::default() };
    // Only YAML's own texts are decoded.
    let escaped = value.contains('\\') && tree.language != Language::Yaml;
    let unescaped = if escaped { unescaped(value) } else { String::new() };
    let value = if escaped { &unescaped } else { value };
    let masked = tree.mask_inner(value);
    let value = masked.as_ref().map_or(value, |masked| &masked.text);
    let inner = (text.form.language().syntax().parse)(value);
    let mut finder = Finder::new(tree, catalogue, text.document);
    finder.format.clone_from(&text.format);
    finder.object.clone_from(&text.object);
    let (pointer, span) = (tree.pointer(text.node), tree.nodes[text.node].span());
    for root in inner.documents.iter().filter_map(|document| document.root) {
        let found = find_below(&inner, text, root, None, catalogue);
        finder.looks_away.extend(found.looks_away.into_iter().map(|found| FoundLookAway {
            document: text.document,
            path: format!("{pointer}{}", found.path),
            span: span.clone(),
            ..found
        }));
        for mut partial in found.partials {
            (partial.document, partial.span) = (text.document, span.clone());
            partial.path = format!("{pointer}{}", partial.path);
            finder.partials.push(partial);
        }
        for mut site in found.sites {
            let is_known = matches!(site.state, State::Floating | State::Pinned);
            if tree.is_masked(text.node) && site.image.contains(MASK) {
                let image = unmasked(tree, text.node, &site.image);
                (site.image, site.state) = (image, State::Skipped(Skip::Template));
            }
            site.skip(match site.state {
                State::Skipped(skip) if !is_known => skip,
                _ => Skip::EmbeddedText,
            });
            (site.document, site.main, site.span) = (text.document, text.node, span.clone());
            site.path = format!("{pointer}{}", site.path);
            // They count in the inner text.
            (site.owner, site.parent) = (None, None);
            site.fields.clear();
            finder.sites.push(site);
        }
    }
    let is_broken = inner.documents.iter().any(|document| document.error.is_some());
    // The words of the catalogue are keys of YAML.
    let may_hold_images = match text.form {
        TextForm::Job => value.contains("image"),
        // Nobody says that it is YAML.
        TextForm::Pods | TextForm::Runners => false,
        _ => catalogue.may_hold_images(value.as_bytes()),
    };
    // What is filled in may be all that is broken.
    let is_broken = is_broken && !tree.is_masked(text.node);
    if is_broken && finder.sites.is_empty() && may_hold_images {
        let state = State::Skipped(Skip::EmbeddedText);
        finder.push(text.node, BTreeMap::new(), String::new(), None, state, None);
        finder.look_away(LookAwayReason::EmbeddedText, text.node, pointer);
        finder.depends_on(content::of_bytes(value.as_bytes()), Needs::default());
    }
    finder.finish()
}
