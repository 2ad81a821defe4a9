//! Compose: a service that extends one with `build` is built too, and its `image` is the name that the build gets. The
//! same holds in a file that overrides one with such a service (Compose specification, merge).

use super::finder::Finder;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::platform::Platform;

/// The names that `docker compose` looks for, without extension.
const BASES: [&str; 2] = ["compose", "docker-compose"];

const CHAIN_MAX: usize = 8;

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

pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    add_pulled(finder, root);
    add_outputs(finder, root);
    note_platforms(finder, root);
}

/// Adds the images that are pulled though their service has a `build`.
fn add_pulled(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let Some(services) = tree.get(root, "services") else { return };
    for (_, service) in tree.entries(services) {
        if let Some(image) = tree.get(*service, "image").filter(|_| pulls(tree, *service)) {
            finder.add_image(image);
        }
    }
}

/// Adds the images that a build makes though their own service does not say so. A base in another file is not looked at.
fn add_outputs(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let Some(services) = tree.get(root, "services") else { return };
    for (_, service) in tree.entries(services) {
        if builds(tree, services, *service, CHAIN_MAX)
            && let Some(image) = tree.get(*service, "image")
        {
            finder.add_output(image);
        }
    }
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

/// Returns whether a service pulls its image though it could build it (Compose specification, `pull_policy`).
fn pulls(tree: &SyntaxTree<'_>, service: NodeId) -> bool {
    let policy = tree.get_str(service, "pull_policy");
    policy.is_some_and(|policy| {
        matches!(policy, "always" | "missing" | "if_not_present" | "daily" | "weekly")
            || policy.starts_with("every_")
    })
}

fn builds(tree: &SyntaxTree<'_>, services: NodeId, service: NodeId, chain: usize) -> bool {
    if pulls(tree, service) {
        return false;
    }
    if tree.get(service, "build").is_some() {
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
