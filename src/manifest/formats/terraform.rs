//! Terraform and OpenTofu: objects of the Kubernetes provider, and images that stand where a name of the module is defined.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::catalogue::{Location, TextForm};
use super::finder::Finder;
use super::image_keys::{
    has_host, has_tag_or_digest, is_image_key, is_images_key, is_untagged_image, names_registry,
};
use super::module_paths::{Traversal, Uses, defined, leaves, module_arguments};
use super::module_texts::{self, nodes};
use super::{kubernetes, object};
use crate::manifest::module_names::{ModuleArgument, NamePaths};
use crate::manifest::site::{Awaited, Skip, State, classify};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};

/// Where a task of Amazon ECS has its containers.
const ECS_CONTAINERS: &str = "/resource/aws_ecs_task_definition/*/container_definitions";

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
    for list in nodes(tree, root, ECS_CONTAINERS) {
        let known = module_texts::text_of(finder, root, list);
        let items = if known == list { &[] } else { tree.items(known) };
        items.iter().filter_map(|item| tree.get(*item, "image")).for_each(|image| finder.add_image(image));
    }
    for container in composed(finder, root) {
        let known = module_texts::text_of(finder, root, container);
        match tree.get(known, "image") {
            Some(image) => finder.add_image(image),
            // What merges it stands here, and names no image.
            None if known != container => finder.add_computed(container),
            None => {}
        }
    }
    // Terraform asks the registry for it, each time anew.
    for name in nodes(tree, root, "/data/docker_registry_image/*/name") {
        if tree.string_of(name).is_some() {
            let image = tree.written(name).to_owned();
            finder.push(name, BTreeMap::new(), image, None, State::Skipped(Skip::NotEditable), None);
        }
    }
    // The machines of CodeBuild itself have names of their own.
    for image in nodes(tree, root, "/resource/aws_codebuild_project/*/environment/[]/image") {
        if tree.string_of(image).is_some_and(|image| !image.starts_with("aws/codebuild/")) {
            finder.add_image(image);
        }
    }
    // The registry stands beside it, as an address.
    for name in nodes(tree, root, "/resource/**/docker_image_name") {
        let image = tree.written(name).to_owned();
        finder.push(name, BTreeMap::new(), image, None, State::Skipped(Skip::NotEditable), None);
    }
}

/// Puts images that are named by `local.x` or `var.x` where these are defined, and takes out what names an image of
/// another place of the file. A definition counts only where images alone use it, each of them as it is; what the other
/// files of the module do with it is seen later. What the entries of a configuration, `own`, say to be an image is one.
pub(super) fn follow(finder: &mut Finder<'_, '_>, own: &[&Location], root: NodeId) {
    let tree = finder.tree;
    let forms = own.iter().flat_map(|entry| entry.forms());
    let said: HashSet<NodeId> = forms.flat_map(|(path, _)| path.find(tree, root)).collect();
    let uses = Uses::of(tree);
    let made: HashSet<&str> = keys(tree, root, "/resource/docker_image");
    let asked: HashSet<&str> = keys(tree, root, "/data/docker_registry_image");
    let (mut named, mut known) = (Vec::<(usize, &str)>::new(), HashSet::<usize>::new());
    // Where a name is nothing but an image, is handed on, or is the collection of a loop.
    let mut told: HashSet<usize> = uses.collections.iter().copied().collect();
    for (index, site) in finder.sites.iter().enumerate() {
        if !matches!(site.state, State::Skipped(Skip::Variable | Skip::Template)) {
            continue;
        }
        let Some(name) = Traversal::whole(tree, site.main) else { continue };
        let is_of =
            |kind, known: &HashSet<&str>| name.named_by(kind).is_some_and(|name| known.contains(name));
        if is_of("docker_image", &made) || is_of("data.docker_registry_image", &asked) {
            known.insert(index);
        } else if let Some((start, path)) = uses.whole(tree, site.main) {
            told.insert(start);
            named.push((index, path));
        }
    }
    texts(finder, root);
    // What a name is made of is used as that name is.
    let mut defined = defined(tree, root);
    uses.written.iter().for_each(|(path, node)| leaves(tree, *node, path, &mut defined));
    for (path, value) in &defined {
        if let Some((start, from)) = uses.whole(tree, *value) {
            told.insert(start);
            let to = ModuleArgument { source: String::new(), name: path.clone() };
            finder.names.passed.push((from.to_owned(), to));
        }
    }
    for list in nodes(tree, root, ECS_CONTAINERS) {
        if let Some((start, path)) = uses.whole(tree, list) {
            told.insert(start);
            finder.names.images.insert(format!("{path}.*.image"));
        }
    }
    for container in composed(finder, root) {
        match uses.whole(tree, container) {
            Some((start, path)) => {
                told.insert(start);
                finder.names.images.insert(format!("{path}.image"));
            }
            None => finder.add_computed(container),
        }
    }
    let mut arguments = Vec::new();
    for (to, value) in module_arguments(tree, root) {
        if let Some((start, path)) = uses.whole(tree, value) {
            told.insert(start);
            finder.names.passed.push((path.to_owned(), to));
        } else if is_literal_image(tree, value) {
            let is_image = may_be_image(tree, &to.name, value);
            arguments.push((to, value, is_image));
        } else if is_made_of_image(tree, value) {
            arguments.push((to, value, false));
        }
    }
    let names = &mut finder.names;
    names.images.extend(named.iter().map(|(_, path)| (*path).to_owned()));
    let others = uses.places.iter().filter(|(start, _)| !told.contains(start));
    names.others.extend(others.map(|(_, path)| path.clone()));
    let (mut images, mut others, mut here) = Default::default();
    let paths_of = |paths: &mut NamePaths, from: &BTreeSet<String>| {
        from.iter().for_each(|path| paths.insert(path));
    };
    paths_of(&mut images, &names.images);
    paths_of(&mut others, &names.others);
    defined.retain(|(path, value)| {
        let is_for_more = others.meets_above(path);
        if !is_for_more && (is_literal_image(tree, *value) || is_made_of_image(tree, *value)) {
            NamePaths::insert(&mut here, path);
            return true;
        }
        // Nobody knows what the rest makes of it: it is listed.
        is_for_more && may_be_image(tree, path, *value) && !finder.is_taken(*value)
    });
    known.extend(named.iter().filter(|(_, path)| here.meets(path)).map(|(index, _)| *index));
    let mut index = 0..;
    finder.sites.retain(|_| index.next().is_some_and(|index| !known.contains(&index)));
    for (path, value) in defined.into_iter().filter(|(_, value)| !said.contains(value)) {
        let is_image = images.meets(&path) || may_be_image(tree, &path, value);
        finder.names.definitions.push((path, tree.pointer(value)));
        add(finder, value, is_image);
    }
    for (to, value, is_image) in arguments.into_iter().filter(|(_, value, _)| !said.contains(value)) {
        finder.names.arguments.push((to, tree.pointer(value)));
        add(finder, value, is_image);
    }
}

/// Adds the texts of locals that may have containers in them, and that no known place reads as a document.
fn texts(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    for node in nodes(tree, root, "/locals/**/*") {
        let is_block = matches!(tree.kind(node), NodeKind::Scalar { style: ScalarStyle::Block, .. });
        let names_image =
            || tree.text_of(node).is_some_and(|text| text.contains("\"image\"") || text.contains("image:"));
        if is_block && !finder.is_text(node) && names_image() {
            finder.add_text(node, TextForm::Pods, true);
        }
    }
}

/// Returns the containers of a list that stand elsewhere; the list itself may be a local.
fn composed(finder: &Finder<'_, '_>, root: NodeId) -> Vec<NodeId> {
    let tree = finder.tree;
    let lists = nodes(tree, root, ECS_CONTAINERS).into_iter();
    let lists = lists.map(|list| module_texts::text_of(finder, root, list));
    let mut found: Vec<NodeId> =
        lists.flat_map(|list| tree.items(list)).map(|item| tree.resolve(*item)).collect();
    found.retain(|item| tree.tag(*item) == EXPRESSION);
    found
}

/// Adds what has the value of a name: where it does not look like an image, what uses the name decides.
fn add(finder: &mut Finder<'_, '_>, value: NodeId, is_image: bool) {
    if is_made_of_image(finder.tree, value) {
        let image = finder.tree.written(value).to_owned();
        finder.push_awaiting(value, image, Skip::Variable, Awaited::Use);
    } else if is_image {
        finder.add_image(value);
    } else {
        let image = finder.tree.written(value).to_owned();
        finder.push_awaiting(value, image, Skip::UnknownLocation, Awaited::Use);
    }
}

/// Returns whether a value looks like an image where nothing says yet that it is one.
fn may_be_image(tree: &SyntaxTree<'_>, path: &str, value: NodeId) -> bool {
    let mut keys = path.rsplit('.');
    let is_key = keys.next().is_some_and(is_image_key) || keys.next().is_some_and(is_images_key);
    let is_name = || tree.string_of(value).is_some_and(|text| has_host(text) && is_untagged_image(text));
    let is_named = is_key && (has_tag_or_digest(tree, value) || is_name());
    is_literal_image(tree, value) && (is_named || names_registry(tree, value))
}

/// Returns whether a scalar is a reference as it stands.
fn is_literal_image(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let text = tree.string_of(node).filter(|_| tree.tag(tree.resolve(node)).is_empty());
    text.is_some_and(|text| matches!(classify(text), (State::Floating | State::Pinned, _)))
}

/// Returns whether a value is an expression that makes something of a reference, which may leave its digest out.
fn is_made_of_image(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let node = tree.resolve(node);
    let written = tree.original.get(tree.nodes[node].span()).unwrap_or_default();
    let is_reference = |text: &str| {
        text.contains([':', '@']) && matches!(classify(text), (State::Floating | State::Pinned, _))
    };
    let is_made = tree.tag(node) == EXPRESSION || written.contains("%{");
    is_made && (written.contains("@sha256:") || written.split('"').any(is_reference))
}

fn keys<'t>(tree: &'t SyntaxTree<'_>, root: NodeId, path: &str) -> HashSet<&'t str> {
    let mappings = nodes(tree, root, path).into_iter();
    mappings.flat_map(|node| tree.entries(node)).filter_map(|(key, _)| tree.text_of(*key)).collect()
}
