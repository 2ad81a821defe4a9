//! Compose: a service that extends one with `build` is built too, and its `image` is the name that the build gets. The
//! same holds in a file that overrides one with such a service (Compose specification, merge).

use super::{Finder, Form};
use crate::manifest::syntax::tree::{NodeId, Yaml};
use crate::platform::Platform;

/// The names that `docker compose` looks for, without extension.
const BASES: [&str; 2] = ["compose", "docker-compose"];

/// The longest chain of `extends` that is followed.
const CHAIN_MAX: usize = 8;

/// What a file is to the Compose project in its directory.
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

/// Returns the pointers of the services that a document builds.
pub(in crate::manifest) fn built(yaml: &Yaml<'_>, root: NodeId) -> Vec<String> {
    let Some(services) = yaml.get(root, "services") else { return Vec::new() };
    let entries = yaml.entries(services).iter();
    let built = entries.filter(|(_, service)| builds(yaml, services, *service, CHAIN_MAX));
    built.map(|(_, service)| yaml.pointer(*service)).collect()
}

/// Adds the images that a build makes though their own service does not say so. A base in another file is not looked at.
pub(super) fn outputs(finder: &mut Finder<'_, '_>, root: NodeId) {
    let yaml = finder.yaml;
    let Some(services) = yaml.get(root, "services") else { return };
    for (_, service) in yaml.entries(services) {
        if builds(yaml, services, *service, CHAIN_MAX)
            && let Some(image) = yaml.get(*service, "image")
        {
            finder.add(image, Form::Output);
        }
    }
}

/// Notes on which platform the services run (Compose specification, `platform`).
pub(super) fn platforms(finder: &mut Finder<'_, '_>, root: NodeId) {
    let yaml = finder.yaml;
    let Some(services) = yaml.get(root, "services") else { return };
    for (_, service) in yaml.entries(services) {
        if let Some(image) = yaml.get(*service, "image") {
            let platform = yaml.get_str(*service, "platform").and_then(Platform::parse);
            finder.runs_on(image, platform.filter(Platform::is_known));
        }
    }
}

fn builds(yaml: &Yaml<'_>, services: NodeId, service: NodeId, chain: usize) -> bool {
    if yaml.get(service, "build").is_some() {
        return true;
    }
    let Some(extends) = yaml.get(service, "extends").filter(|extends| yaml.get(*extends, "file").is_none())
    else {
        return false;
    };
    let base = yaml.string_of(extends).or_else(|| yaml.get_str(extends, "service"));
    let base = base.and_then(|name| yaml.get(services, name));
    chain > 0 && base.is_some_and(|base| builds(yaml, services, base, chain - 1))
}
