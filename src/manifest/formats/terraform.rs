//! Terraform and OpenTofu: objects of the Kubernetes provider, and images that stand where a name of the module is defined.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::finder::{Finder, has_tag_or_digest};
use super::image_keys::is_image_key;
use super::pattern::Pattern;
use super::{kubernetes, object, uncatalogued};
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Adds what is no image for a reader of paths: objects, images that are built here, and names without their registry.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    for manifest in nodes(tree, root, "/resource/*/*/manifest") {
        if object::is_object(tree, manifest) {
            // Nothing is added to an object here.
            let whole = std::mem::replace(&mut finder.is_patch, true);
            kubernetes::find(finder, manifest);
            finder.is_patch = whole;
        }
    }
    for built in nodes(tree, root, "/resource/docker_image/*[build]/name") {
        finder.add_output(built);
    }
    // The registry stands beside it, as an address.
    for name in nodes(tree, root, "/resource/**/docker_image_name") {
        let image = tree.written(name).to_owned();
        finder.push(name, BTreeMap::new(), image, None, State::Skipped(Skip::NotEditable), None);
    }
    // A job file in a text is not looked into.
    for job in nodes(tree, root, "/resource/nomad_job/*/jobspec") {
        if tree.text_of(job).is_some_and(|text| text.contains("image")) {
            let image = tree.written(job).lines().next().unwrap_or_default().to_owned();
            finder.push(job, BTreeMap::new(), image, None, State::Skipped(Skip::EmbeddedText), None);
        }
    }
}

fn nodes(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<NodeId> {
    Pattern::parse(path).map(|path| path.find(tree, root)).unwrap_or_default()
}

/// Puts images that are named by `local.x` or `var.x` where these are defined, and takes out what names an image of
/// another place of the file. A definition counts only where images alone use it, each of them as it is; what the other
/// files of the module do with it is seen later.
pub(super) fn follow(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let made: HashSet<&str> = keys(tree, root, "/resource/docker_image");
    let (mut uses, mut known) = (HashMap::<&str, Vec<usize>>::new(), HashSet::<usize>::new());
    for (index, site) in finder.sites.iter().enumerate() {
        let is_named = matches!(site.state, State::Skipped(Skip::Variable | Skip::Template));
        let Some(name) = tree.text_of(site.main).filter(|_| is_named).and_then(whole_name) else { continue };
        let resource = name.strip_prefix("docker_image.").and_then(|rest| rest.split('.').next());
        if resource.is_some_and(|resource| made.contains(resource)) {
            known.insert(index);
        } else {
            uses.entry(name).or_default().push(index);
        }
    }
    let everywhere = names(tree);
    for (name, count) in &everywhere {
        let is_image = uses.get(name).is_some_and(|uses| uses.len() == *count);
        let names = if is_image { &mut finder.names.images } else { &mut finder.names.others };
        names.insert((*name).to_owned());
    }
    let mut definitions = Vec::new();
    for (name, definition) in defined(tree, root) {
        let is_used_here = everywhere.contains_key(name.as_str());
        let is_image = is_literal_image(tree, definition)
            && if is_used_here {
                finder.names.images.contains(&name)
            } else {
                is_image_key(&name) && has_tag_or_digest(tree, definition)
                    || uncatalogued::names_registry(tree, definition)
            };
        if is_image {
            known.extend(uses.get(name.as_str()).into_iter().flatten());
            definitions.push((definition, name));
        }
    }
    let mut index = 0..;
    finder.sites.retain(|_| index.next().is_some_and(|index| !known.contains(&index)));
    for (definition, name) in definitions {
        finder.names.definitions.insert(name, tree.pointer(definition));
        finder.add_image(definition);
    }
}

/// Returns whether a scalar is a reference as it stands.
fn is_literal_image(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let text = tree.string_of(node).filter(|_| tree.nodes[tree.resolve(node)].tag().is_empty());
    text.is_some_and(|text| matches!(classify(text), (State::Floating | State::Pinned, _)))
}

fn keys<'t>(tree: &'t SyntaxTree<'_>, root: NodeId, path: &str) -> HashSet<&'t str> {
    let mappings = nodes(tree, root, path).into_iter();
    mappings.flat_map(|node| tree.entries(node)).filter_map(|(key, _)| tree.text_of(*key)).collect()
}

/// Returns what a text names, where it does nothing else: `local.x`, `"${var.x}"`, `docker_image.x.image_id`.
fn whole_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text).trim();
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(is_letter);
    (inner.contains('.') && inner.split('.').all(is_name)).then_some(inner)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Returns how often each `local.x` and `var.x` is named in the file, comments left out.
fn names<'t>(tree: &'t SyntaxTree<'_>) -> HashMap<&'t str, usize> {
    let mut found: HashMap<&str, usize> = HashMap::new();
    let (mut comments, bytes) = (tree.comments.iter().peekable(), tree.text.as_bytes());
    for at in memchr::memchr_iter(b'.', bytes) {
        let before = &bytes[..at];
        let kind = ["local", "var"].into_iter().find(|kind| before.ends_with(kind.as_bytes()));
        let Some(start) = kind.map(|kind| at - kind.len()) else { continue };
        while comments.next_if(|comment| comment.end <= start).is_some() {}
        let is_comment = comments.peek().is_some_and(|comment| comment.start <= start);
        let is_other = start.checked_sub(1).is_some_and(|last| is_letter(bytes[last]) || bytes[last] == b'.');
        if is_comment || is_other {
            continue;
        }
        let length = bytes[at + 1..].iter().take_while(|byte| is_letter(**byte)).count();
        *found.entry(&tree.text[start..at + 1 + length]).or_default() += 1;
    }
    found
}

/// Returns the names that have a value in this file, with the value; those that have several are left out.
fn defined(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<(String, NodeId)> {
    let mut found: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    for locals in nodes(tree, root, "/locals").into_iter().chain(nodes(tree, root, "/locals/[]")) {
        for (key, value) in tree.entries(locals) {
            let Some(key) = tree.text_of(*key) else { continue };
            found.entry(format!("local.{key}")).or_default().push(tree.resolve(*value));
        }
    }
    for variables in nodes(tree, root, "/variable") {
        for (key, value) in tree.entries(variables) {
            let default =
                tree.get(*value, "default").or_else(|| tree.get(*tree.items(*value).first()?, "default"));
            if let (Some(key), Some(default)) = (tree.text_of(*key), default) {
                found.entry(format!("var.{key}")).or_default().push(default);
            }
        }
    }
    let single = found.into_iter().filter_map(|(name, values)| match values.as_slice() {
        [value] => Some((name, *value)),
        _ => None,
    });
    single.collect()
}
