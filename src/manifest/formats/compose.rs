//! Compose: a service that extends one with `build` is built too, and its `image` is the name that the build gets. The
//! same holds in a file that overrides one with such a service (Compose specification, merge).

use std::collections::BTreeMap;

use super::finder::Finder;
use super::inline_dockerfile;
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::rare::Blank;
use crate::manifest::site::{State, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::variable_text::names;
use crate::platform::Platform;
use crate::source::tree::{directory_of, path_from};

/// The names of which Compose takes the first that is there (compose-go, `DefaultFileNames`).
pub(in crate::manifest) const DEFAULT_FILES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The names that `docker compose` looks for, without extension.
const BASES: [&str; 2] = ["compose", "docker-compose"];

const CHAIN_MAX: usize = 8;

/// What a Compose file says beside its images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComposeFile {
    /// The JSON pointers of the services that pull their image whatever is there (Compose specification, `pull_policy`).
    pub(in crate::manifest) pulls: Vec<String>,
    /// Those of the services that never do.
    pub(in crate::manifest) never: Vec<String>,
    /// The files that it takes services from, below the root.
    pub(in crate::manifest) takes: Vec<String>,
    /// How many of its texts have each variable.
    pub(in crate::manifest) variables: Vec<(Box<str>, usize)>,
}

impl Blank for ComposeFile {
    const BLANK: &'static Self =
        &Self { pulls: Vec::new(), never: Vec::new(), takes: Vec::new(), variables: Vec::new() };
}

/// Returns what the Compose file at `path` says beside its images; nothing where it is another file.
pub(in crate::manifest) fn compose_file(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> ComposeFile {
    let taken = taken(tree, root, path).into_iter();
    let takes = taken.filter_map(|(node, _)| path_from(directory_of(path), tree.string_of(node)?)).collect();
    let services = tree.get(root, "services").filter(|_| tree.get(root, "apiVersion").is_none());
    let services = services.map(|services| tree.entries(services)).unwrap_or_default();
    let pulled = services.iter().filter(|(_, service)| pulls(tree, *service));
    let pulled: Vec<String> = pulled.map(|(_, service)| tree.pointer(*service)).collect();
    let never = services
        .iter()
        .filter(|(_, service)| !pulls(tree, *service) && tree.get(*service, "pull_policy").is_some());
    let never = never.map(|(_, service)| tree.pointer(*service)).collect();
    let variables = if services.is_empty() { Vec::new() } else { variables(tree) };
    ComposeFile { pulls: pulled, never, takes, variables }
}

/// Returns how many texts of a file have each variable.
fn variables(tree: &SyntaxTree<'_>) -> Vec<(Box<str>, usize)> {
    let mut found = BTreeMap::new();
    for text in (0..tree.nodes.len()).filter_map(|node| tree.text_of(node)) {
        if text.contains('$') {
            names(text).into_iter().for_each(|name| *found.entry(name).or_insert(0) += 1);
        }
    }
    found.into_iter().map(|(name, count)| (name.into(), count)).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum Role {
    /// `compose.yaml`: what is deployed where nothing else is said.
    Base,
    /// `compose.override.yaml`, `docker-compose.prod.yml`: merged over the base.
    Override,
}

/// Returns what the file at `path` is by its name; `None` where it is by itself.
pub(in crate::manifest) fn role(path: &str) -> Option<Role> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))?;
    let rest = BASES.iter().find_map(|base| stem.strip_prefix(base))?;
    match rest.chars().next() {
        None => Some(Role::Base),
        Some('.' | '-' | '_') => Some(Role::Override),
        Some(_) => None,
    }
}

pub(in crate::manifest) fn built(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<String> {
    let Some(services) = tree.get(root, "services") else { return Vec::new() };
    let entries = tree.entries(services).iter();
    let built = entries.filter(|(_, service)| builds(tree, services, *service, CHAIN_MAX));
    built.map(|(_, service)| tree.pointer(*service)).collect()
}

/// Returns the files that the Compose file at `path` takes something from, each with the service that it is taken for: what it
/// includes as a whole, and what its services extend.
pub(super) fn taken(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<(NodeId, String)> {
    let services = tree.get(root, "services").filter(|services| tree.is_mapping(*services));
    if (services.is_none() && role(path).is_none()) || tree.get(root, "apiVersion").is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let include = tree.get(root, "include").map(|include| tree.items(include)).unwrap_or_default();
    for entry in include {
        let paths = if tree.is_mapping(*entry) { tree.get(*entry, "path") } else { Some(*entry) };
        let Some(paths) = paths else { continue };
        let all = if tree.is_sequence(paths) { tree.items(paths).to_vec() } else { vec![paths] };
        found.extend(all.into_iter().map(|path| (path, String::new())));
    }
    for (_, service) in services.map(|services| tree.entries(services)).unwrap_or_default() {
        let Some(extends) = tree.get(*service, "extends") else { continue };
        let name = tree.get_str(extends, "service").unwrap_or_default().to_owned();
        found.extend(tree.get(extends, "file").map(|file| (file, name)));
    }
    found
}

/// Says which of these are not in the repository.
pub(super) fn look_away_from_others(finder: &mut Finder<'_, '_>, root: NodeId, path: &str) {
    let tree = finder.tree;
    let is_elsewhere = |text: &str| {
        text.contains("://")
            || text.contains('$')
            || ["git@", "github.com/", "oci:"].iter().any(|start| text.starts_with(start))
            || path_from(directory_of(path), text).is_none()
    };
    for (node, _) in taken(tree, root, path) {
        if let Some(text) = tree.string_of(node).filter(|text| is_elsewhere(text)) {
            finder.look_away(LookAwayReason::RemoteBase, node, text);
        }
    }
}

/// Returns whether the services of a document may be those of Compose: an image of one is no mapping of parts, and not all
/// are empty.
pub(super) fn is_one(tree: &SyntaxTree<'_>, root: NodeId) -> bool {
    let services = tree.get(root, "services").map(|services| tree.entries(services)).unwrap_or_default();
    let images: Vec<NodeId> =
        services.iter().filter_map(|(_, service)| tree.get(*service, "image")).collect();
    let is_empty = |image: &NodeId| tree.string_of(*image).is_some_and(str::is_empty);
    let is_split =
        |image: &NodeId| ["repository", "name", "tag"].iter().any(|key| tree.get(*image, key).is_some());
    !images.iter().any(is_split) && (images.is_empty() || !images.iter().all(is_empty))
}

pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    add_images(finder, root);
    note_platforms(finder, root);
}

/// Adds the images of services: those that a build makes, though perhaps their own service does not say so, and those
/// that are pulled though their service has a `build`. A base in another file is not looked at.
fn add_images(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let Some(services) = tree.get(root, "services") else { return };
    for (_, service) in tree.entries(services) {
        let inline = tree.get(*service, "build").and_then(|build| tree.get(build, "dockerfile_inline"));
        if let Some(dockerfile) = inline {
            inline_dockerfile::find(finder, tree.resolve(dockerfile));
        }
        let Some(image) = tree.get(*service, "image") else { continue };
        if builds(tree, services, *service, CHAIN_MAX) {
            finder.add_output(image);
            // Nothing else keeps it from being pulled.
            let is_open = tree.get(*service, "pull_policy").is_none();
            if let Some(text) = tree.string_of(image).filter(|text| is_open && floats(text)) {
                finder.look_away(LookAwayReason::ComposeBuild, image, text);
            }
        } else {
            finder.add_image(image);
        }
    }
}

fn floats(image: &str) -> bool {
    classify(image).0 == State::Floating
}

/// Notes on which platform the services run (Compose specification, `platform`).
fn note_platforms(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let Some(services) = tree.get(root, "services") else { return };
    for (_, service) in tree.entries(services) {
        if let Some(image) = tree.get(*service, "image") {
            let platform = tree.get_str(*service, "platform").and_then(Platform::parse);
            finder.runs_on(image, platform.filter(Platform::is_known));
        }
    }
}

/// Returns whether a service pulls its image though it could build it (Compose specification, `pull_policy`): so it does
/// for whatever does not say that it never does.
fn pulls(tree: &SyntaxTree<'_>, service: NodeId) -> bool {
    let policy = tree.get(service, "pull_policy");
    policy.is_some_and(|policy| !matches!(tree.string_of(policy), Some("build" | "never")))
}

/// Returns whether something stands at `build`: nothing does behind `null`, and `!reset` takes away what another file says.
fn has_build(tree: &SyntaxTree<'_>, service: NodeId) -> bool {
    tree.get(service, "build")
        .is_some_and(|build| tree.tag(tree.resolve(build)) != "!reset" && !tree.is_null(build))
}

fn builds(tree: &SyntaxTree<'_>, services: NodeId, service: NodeId, chain: usize) -> bool {
    if pulls(tree, service) {
        return false;
    }
    if has_build(tree, service) {
        return true;
    }
    let Some(extends) = tree.get(service, "extends").filter(|extends| tree.get(*extends, "file").is_none())
    else {
        return false;
    };
    let base = tree.string_of(extends).or_else(|| tree.get_str(extends, "service"));
    let base = base.and_then(|name| tree.get(services, name));
    chain > 0 && base.is_some_and(|base| builds(tree, services, base, chain - 1))
}
