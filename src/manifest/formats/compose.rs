//! Compose: a service that extends one with `build` is built too, and its `image` is the name that the build gets.

use super::{Finder, Form};
use crate::manifest::yaml::{NodeId, Yaml};
use crate::platform::Platform;

/// The longest chain of `extends` that is followed.
const CHAIN_MAX: usize = 8;

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
