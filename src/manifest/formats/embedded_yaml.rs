//! YAML inside a text: Helm values in `helm.values` and `valuesContent`, patches in a kustomization.

use std::sync::Arc;

use super::catalogue::{Catalogue, TextForm};
use super::finder::Finder;
use super::found::{EmbeddedText, Found};
use super::{document, helm_values, json_patch, kubernetes, locations, runners};
use crate::manifest::content;
use crate::manifest::helper_images::images;
use crate::manifest::inputs::Needs;
use crate::manifest::look_away::{FoundLookAway, LookAwayReason};
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What a file is called whose text is of Compose, or a part of it: services alone are the first version's.
const COMPOSE_FILE: &str = "docker-compose.yml";

/// What a file is called of which nobody says it.
const UNNAMED_FILE: &str = "text.yaml";

/// What files are called whose text is a job, or the configuration of a runner.
const JOB_FILE: &str = "text.nomad";
const RUNNER_FILE: &str = "text.toml";

/// Returns the sites in a text. Where its bytes have no exact place in the file, the text itself is the site, and skipped.
pub(in crate::manifest) fn find(
    tree: &mut SyntaxTree<'_>,
    text: &EmbeddedText,
    catalogue: &Catalogue,
) -> Found {
    let found = read(tree, text, catalogue);
    if text.is_known {
        return found;
    }
    let mut sites = found.sites;
    sites.iter_mut().for_each(|site| match site.state {
        State::Floating | State::Pinned | State::Skipped(Skip::EmbeddedText) => {
            site.skip(Skip::UnknownLocation);
        }
        State::Skipped(_) => {}
    });
    Found { sites, ..Found::default() }
}

fn read(tree: &mut SyntaxTree<'_>, text: &EmbeddedText, catalogue: &Catalogue) -> Found {
    if tree.text_of(text.node).is_none_or(|value| value.trim().is_empty()) {
        return Found::default();
    }
    let Some(name) = name_of(tree, text) else { return Found::default() };
    let masked = tree.masked.len();
    let Some(roots) = tree.embed(text.node, text.form.language()) else {
        return skipped(tree, text, &name, catalogue);
    };
    let mut found = Found::default();
    for root in roots {
        found.add(find_below(tree, text, root, &name, Some(text.node), catalogue));
    }
    // A text in this one has no place of its own.
    for inner in std::mem::take(&mut found.texts) {
        let Some(name) = name_of(tree, &inner) else { continue };
        let mut of_inner = skipped(tree, &inner, &name, catalogue);
        of_inner.sites.iter_mut().for_each(|site| site.inside = Some(text.node));
        found.add(of_inner);
    }
    if tree.masked.len() > masked && text_may_hold_images(tree, text, catalogue) {
        // What fills it in may be more than what stands there.
        found.looks_away.push(look_away(tree, text));
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
    name: &str,
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
        TextForm::File => file(&mut finder, root, name),
    }
    runners::find(&mut finder, root);
    finder.finish()
}

/// Returns what the file is called whose text this is, nothing where it is no file; `None` where that is none of YAML's.
fn name_of(tree: &SyntaxTree<'_>, text: &EmbeddedText) -> Option<String> {
    if text.form != TextForm::File {
        return Some(String::new());
    }
    let holder = tree.nodes[tree.resolve(text.node)].parent();
    let path = holder.and_then(|holder| ["dest", "path"].iter().find_map(|key| tree.get_str(holder, key)));
    let name = path.unwrap_or_default().rsplit('/').next().unwrap_or_default();
    // What a variable names it says as well as it can: `{{ docker_compose_file }}`.
    let is_open = name.is_empty() || name.contains("{{");
    if !is_open && Language::of(name) != Some(Language::Yaml) {
        return None;
    }
    let is_compose = name.to_ascii_lowercase().contains("compose");
    let name = if is_open { UNNAMED_FILE } else { name };
    Some(if is_compose { COMPOSE_FILE } else { name }.to_owned())
}

/// Adds what a file holds that some tool writes, whole or in part.
fn file(finder: &mut Finder<'_, '_>, root: NodeId, name: &str) {
    // What it is, its own text says.
    finder.format = Arc::default();
    document::find_known(finder, root, name);
    if finder.sites.is_empty() {
        kubernetes::find_in_text(finder, root);
    }
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
fn skipped(tree: &SyntaxTree<'_>, text: &EmbeddedText, name: &str, catalogue: &Catalogue) -> Found {
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
        let found = find_below(&inner, text, root, name, None, catalogue);
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
            if (masked.is_some() || tree.is_masked(text.node)) && site.image.contains(MASK) {
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
    // What is filled in may be all that is broken.
    let is_broken = is_broken && !tree.is_masked(text.node);
    let may_hold_images = || name == COMPOSE_FILE || text_may_hold_images(tree, text, catalogue);
    if is_broken && text.is_known && finder.sites.is_empty() && may_hold_images() {
        // As it stands: what is filled in is masked.
        for image in images_of_lines(text.form, tree.text_of(text.node).unwrap_or_default()) {
            finder.add_in_other_language(text.node, "", image);
        }
        finder.looks_away.push(look_away(tree, text));
    }
    finder.finish()
}

/// Returns what a text that cannot be read says of images on its lines.
fn images_of_lines(form: TextForm, text: &str) -> Vec<&str> {
    if form != TextForm::Job {
        return images(text).into_iter().map(|image| &text[image]).collect();
    }
    let quoted = text.split("image").skip(1).filter_map(|rest| {
        let value = rest.trim_start().strip_prefix('=')?.trim_start();
        value.strip_prefix('"')?.split('"').next()
    });
    quoted.collect()
}

/// Returns whether the words that a text with images must spell stand in it.
fn text_may_hold_images(tree: &SyntaxTree<'_>, text: &EmbeddedText, catalogue: &Catalogue) -> bool {
    let value = tree.text_of(text.node).unwrap_or_default();
    match text.form {
        // The words of the catalogue are keys of YAML.
        TextForm::Job => value.contains("image"),
        // Nobody says that it is YAML.
        TextForm::Pods | TextForm::File | TextForm::Runners => false,
        _ => catalogue.may_hold_images(value.as_bytes()),
    }
}

/// Returns the look-away of a text of which nobody can tell what is in it.
fn look_away(tree: &SyntaxTree<'_>, text: &EmbeddedText) -> FoundLookAway {
    let (path, span) = (tree.pointer(text.node), tree.nodes[text.node].span());
    let value = tree.text_of(text.node).unwrap_or_default();
    FoundLookAway {
        reason: LookAwayReason::EmbeddedText,
        what: path.clone(),
        document: text.document,
        path,
        span,
        content: Some(content::of_bytes(value.as_bytes())),
        needs: Needs::default(),
    }
}
