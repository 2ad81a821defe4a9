//! Terraform and OpenTofu: objects of the Kubernetes provider, and images that stand where a name of the module is defined.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::finder::{Finder, has_tag_or_digest};
use super::image_keys::is_image_key;
use super::module_texts::{is_letter, nodes, whole_name};
use super::{kubernetes, object, uncatalogued};
use crate::manifest::module_names::ModuleArgument;
use crate::manifest::site::{Awaited, Skip, State, classify};
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
    // Terraform asks the registry for it, each time anew.
    for name in nodes(tree, root, "/data/docker_registry_image/*/name") {
        if tree.string_of(name).is_some() {
            let image = tree.written(name).to_owned();
            finder.push(name, BTreeMap::new(), image, None, State::Skipped(Skip::NotEditable), None);
        }
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

/// Puts images that are named by `local.x` or `var.x` where these are defined, and takes out what names an image of
/// another place of the file. A definition counts only where images alone use it, each of them as it is; what the other
/// files of the module do with it is seen later.
pub(super) fn follow(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let made: HashSet<&str> = keys(tree, root, "/resource/docker_image");
    let asked: HashSet<&str> = keys(tree, root, "/data/docker_registry_image");
    let (mut uses, mut known) = (HashMap::<&str, Vec<usize>>::new(), HashSet::<usize>::new());
    for (index, site) in finder.sites.iter().enumerate() {
        let is_named = matches!(site.state, State::Skipped(Skip::Variable | Skip::Template));
        let Some(name) = tree.text_of(site.main).filter(|_| is_named).and_then(whole_name) else { continue };
        let is_of = |kind: &str, known: &HashSet<&str>| {
            let resource = name.strip_prefix(kind).and_then(|rest| rest.split('.').next());
            resource.is_some_and(|resource| known.contains(resource))
        };
        if is_of("docker_image.", &made) || is_of("data.docker_registry_image.", &asked) {
            known.insert(index);
        } else {
            uses.entry(name).or_default().push(index);
        }
    }
    let everywhere = names(tree);
    let mut passed: HashMap<String, usize> = HashMap::new();
    let mut arguments = Vec::new();
    for (to, value) in module_arguments(tree, root) {
        if let Some(name) =
            tree.text_of(value).filter(|_| !tree.nodes[value].tag().is_empty()).and_then(whole_name)
        {
            *passed.entry(name.to_owned()).or_default() += 1;
            finder.names.passed.push((name.to_owned(), to));
        } else if is_literal_image(tree, value) {
            let is_image = may_be_image(tree, &to.name, value);
            arguments.push((to, value, is_image));
        }
    }
    for (name, count) in &everywhere {
        let places = uses.get(name).map_or(0, Vec::len) + passed.get(*name).copied().unwrap_or_default();
        let is_image = places == *count;
        let names = if is_image { &mut finder.names.images } else { &mut finder.names.others };
        names.insert((*name).to_owned());
    }
    let mut definitions = Vec::new();
    for (name, definition) in defined(tree, root) {
        let is_used_here = everywhere.contains_key(name.as_str());
        if !is_literal_image(tree, definition) || is_used_here && !finder.names.images.contains(&name) {
            continue;
        }
        let is_image = uses.contains_key(name.as_str()) || may_be_image(tree, &name, definition);
        known.extend(uses.get(name.as_str()).into_iter().flatten());
        definitions.push((definition, name, is_image));
    }
    let mut index = 0..;
    finder.sites.retain(|_| index.next().is_some_and(|index| !known.contains(&index)));
    for (definition, name, is_image) in definitions {
        finder.names.definitions.insert(name, tree.pointer(definition));
        add(finder, definition, is_image);
    }
    for (to, value, is_image) in arguments {
        finder.names.arguments.push((to, tree.pointer(value)));
        add(finder, value, is_image);
    }
}

/// Adds what has the value of a name: where it does not look like an image, what uses the name decides.
fn add(finder: &mut Finder<'_, '_>, value: NodeId, is_image: bool) {
    if is_image {
        finder.add_image(value);
    } else {
        let image = finder.tree.written(value).to_owned();
        finder.push_awaiting(value, image, Skip::UnknownLocation, Awaited::Use);
    }
}

/// Returns what the modules of the same tree are called with.
fn module_arguments(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<(ModuleArgument, NodeId)> {
    let mut found = Vec::new();
    for module in nodes(tree, root, "/module/*").into_iter().chain(nodes(tree, root, "/module/*/[]")) {
        let source = tree.get(module, "source").filter(|source| tree.nodes[*source].tag().is_empty());
        let source = source.and_then(|source| tree.text_of(source)).filter(|source| source.starts_with('.'));
        let Some(source) = source else { continue };
        for (name, value) in tree.entries(module) {
            let Some(name) = tree.text_of(*name) else { continue };
            found.push((ModuleArgument { source: source.to_owned(), name: name.to_owned() }, *value));
        }
    }
    found
}

/// Returns whether a value looks like an image where nothing says yet that it is one.
fn may_be_image(tree: &SyntaxTree<'_>, name: &str, value: NodeId) -> bool {
    let is_named = is_image_key(name) && has_tag_or_digest(tree, value);
    is_literal_image(tree, value) && (is_named || uncatalogued::names_registry(tree, value))
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
    // Only a file of variables has values outside of blocks.
    for (key, value) in tree.entries(root) {
        if let Some(key) = tree.text_of(*key).filter(|_| tree.string_of(*value).is_some()) {
            found.entry(format!("var.{key}")).or_default().push(tree.resolve(*value));
        }
    }
    let single = found.into_iter().filter_map(|(name, values)| match values.as_slice() {
        [value] => Some((name, *value)),
        _ => None,
    });
    single.collect()
}
