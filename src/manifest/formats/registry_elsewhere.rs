//! Images whose registry other values say: `docker.registry` beside `app.image: acme/api:1`. By its name alone, each of them
//! would be an image of Docker Hub, which may be anybody's.

use std::collections::HashSet;

use super::finder::Finder;
use super::image_keys::{folded, has_host, is_host, is_image_key, is_images_key};
use crate::manifest::site::{Site, Skip, State};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What keys of a registry are called, folded.
const KEYS: [&str; 9] = [
    "registry",
    "imageregistry",
    "imagesregistry",
    "dockerregistry",
    "containerregistry",
    "privateregistry",
    "registryurl",
    "registryhost",
    "globalregistry",
];

/// What stands beside a registry that somebody logs in to.
const OF_LOGIN: [&str; 5] = ["username", "user", "password", "auth", "email"];

/// Words in keys above a registry of something else.
const OF_OTHERS: [&str; 12] = [
    "schema",
    "npm",
    "maven",
    "helm",
    "chart",
    "pypi",
    "credential",
    "secret",
    "auth",
    "host",
    "ingress",
    "domain",
];

/// What Docker Hub is called.
const DOCKER_HUB: [&str; 5] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"];

/// Beside these a registry is put together of more than a host (Google's, Amazon's).
const OF_CLOUDS: [&str; 5] = ["projectId", "project", "location", "region", "accountId"];

/// How many registries of a kind are told apart in one file; one of more counts for all of it.
const SCOPES_MAX: usize = 256;

/// Skips the images among the sites from `known` on that name no registry, where the `values` have one for them. The
/// registry of the whole chart (`chart_wide`) is taken by those that have one.
pub(super) fn skip(finder: &mut Finder<'_, '_>, values: NodeId, chart_wide: Option<NodeId>, known: usize) {
    let tree = finder.tree;
    let mut used: HashSet<usize> =
        finder.sites[known..].iter().filter_map(|site| Some(site.fields.get("registry")?.start)).collect();
    if let Some(registry) = chart_wide {
        used.remove(&tree.nodes[tree.resolve(registry)].span().start);
    }
    let (mut scopes, mut of_one, mut has_more) = (Vec::new(), Vec::new(), false);
    let mut open = vec![values];
    while let Some(node) = open.pop() {
        let own = |node: &NodeId| tree.resolve(*node) == *node;
        for (key, value) in tree.entries(node) {
            let key = tree.text_of(*key).unwrap_or_default();
            // `image: {repository: registry.example.com}`: the names stand beside it, wherever they are.
            let is_bare = key == "repository"
                && tree.string_of(*value).is_some_and(is_host)
                && tree.key_of(node).is_some_and(is_image_key);
            let is_one = is_bare || KEYS.contains(&folded(key).as_str());
            if is_one && is_registry(tree, node, *value) {
                let is_used = used.contains(&tree.nodes[*value].span().start);
                match is_used {
                    true if of_one.len() < SCOPES_MAX => of_one.push(tree.pointer(node) + "/"),
                    false if scopes.len() < SCOPES_MAX => {
                        let around = tree.nodes[node].parent().filter(|_| is_bare);
                        scopes.push(match around {
                            Some(parent) => tree.pointer(parent),
                            None => scope(tree, node, values, &finder.sites[known..]),
                        });
                    }
                    _ => has_more |= !is_used,
                }
            }
            open.extend(Some(*value).filter(own));
        }
        open.extend(tree.items(node).iter().copied().filter(own));
    }
    if has_more {
        scopes = vec![tree.pointer(tree.resolve(values))];
    }
    for index in known..finder.sites.len() {
        let site = &finder.sites[index];
        let is_bound = || scopes.iter().any(|scope| is_below(&site.path, scope));
        if (names_none(site) && is_bound()) || is_in_cloud(tree, site) {
            finder.sites[index].skip(Skip::RegistryElsewhere);
        }
    }
    // A text inside has other values.
    if &*finder.format == "helm-values" && finder.inside.is_none() {
        finder.registries.extend(scopes.into_iter().chain(of_one));
    }
}

/// Skips an image that names no registry and stands at a pointer in values, where others that the chart takes have one for it
/// below one of the `scopes`.
pub(in crate::manifest) fn skip_below(site: &mut Site, pointer: &str, scopes: &[String]) {
    if names_none(site) && scopes.iter().any(|scope| is_below(pointer, scope)) {
        site.skip(Skip::RegistryElsewhere);
    }
}

/// Returns whether an image would be one of Docker Hub by its name alone. Containers in a list are put into pods as they are.
fn names_none(site: &Site) -> bool {
    let mut keys = site.path.rsplit('/');
    let is_container =
        keys.next() == Some("image") && keys.next().is_some_and(|item| item.parse::<usize>().is_ok());
    let is_open = matches!(site.state, State::Floating | State::Pinned | State::Skipped(Skip::TagElsewhere));
    is_open && !is_container && !site.fields.contains_key("registry") && !has_host(&site.image)
}

/// Returns whether a scope reaches to `path`; one that ends in a slash is of one mapping.
fn is_below(path: &str, scope: &str) -> bool {
    match scope.strip_suffix('/') {
        Some(mapping) => path.rsplit_once('/').is_some_and(|(above, _)| above == mapping),
        None => path.strip_prefix(scope).is_some_and(|rest| rest.starts_with('/')),
    }
}

/// Returns whether a value is a registry other than Docker Hub, which images may come from.
fn is_registry(tree: &SyntaxTree<'_>, mapping: NodeId, value: NodeId) -> bool {
    let Some(text) = tree.string_of(value) else { return false };
    let first = text.split('/').next().unwrap_or_default();
    // As Zarf's `###ZARF_REGISTRY###`, it is filled in later.
    let is_host = first.contains(['.', ':', '$', '{', '#']) || first == "localhost";
    let above = tree.key_of(mapping).map(folded).unwrap_or_default();
    is_host
        && !text.contains("://")
        && !DOCKER_HUB.contains(&text.trim_end_matches('/'))
        && !OF_OTHERS.iter().any(|word| above.contains(word))
        && !OF_LOGIN.iter().any(|key| tree.get(mapping, key).is_some())
}

/// Returns the pointer below which a registry in `mapping` counts: there, or where no image is, beside it.
fn scope(tree: &SyntaxTree<'_>, mapping: NodeId, values: NodeId, sites: &[Site]) -> String {
    let own = tree.pointer(mapping);
    let parent = tree.nodes[mapping].parent().filter(|_| mapping != tree.resolve(values));
    let key = tree.key_of(mapping).unwrap_or_default();
    let in_images = parent.and_then(|parent| tree.key_of(parent)).is_some_and(is_images_key);
    let has_some = key != "global" && sites.iter().any(|site| is_below(&site.path, &own));
    match parent {
        Some(parent) if tree.is_mapping(parent) && !has_some && !is_image_key(key) && !in_images => {
            tree.pointer(parent)
        }
        _ => own,
    }
}

/// Returns whether an image in two fields is one of a cloud's registry, of which more fields say where it is.
fn is_in_cloud(tree: &SyntaxTree<'_>, site: &Site) -> bool {
    let mapping = tree.nodes[site.main].parent();
    let has = |key: &&str| mapping.is_some_and(|mapping| tree.get(mapping, key).is_some());
    let is_two = site.fields.contains_key("registry") && !has_host(&site.image);
    is_two && OF_CLOUDS.iter().any(has) && site.state != State::Skipped(Skip::Empty)
}
