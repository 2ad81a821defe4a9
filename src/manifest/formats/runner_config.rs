//! The configuration of GitLab's runner (`config.toml`), as charts have it in a text.

use super::catalogue::RUNNERS;
use super::finder::Finder;
use crate::manifest::syntax::tree::NodeId;

/// Returns whether a text is such a configuration.
pub(super) fn is_one(text: &str) -> bool {
    text.contains(RUNNERS)
}

/// Says which images a configuration names: what builds run in without saying so, helpers and services.
pub(super) fn find(finder: &mut Finder<'_, '_>, node: NodeId, text: &str) {
    let Ok(config) = text.parse::<toml::Table>() else { return };
    let list =
        |value: Option<&toml::Value>| value.and_then(|value| value.as_array()).cloned().unwrap_or_default();
    let mut images = Vec::new();
    for runner in list(config.get("runners")) {
        for executor in ["docker", "kubernetes"].iter().filter_map(|name| runner.get(name)) {
            let named = ["image", "helper_image"].iter().filter_map(|key| executor.get(key)?.as_str());
            images.extend(named.map(str::to_owned));
            let services = list(executor.get("services"));
            images.extend(
                services.iter().filter_map(|service| Some(service.get("name")?.as_str()?.to_owned())),
            );
        }
    }
    // In the order of the text, in which their places are looked for.
    images.sort_by_key(|image| text.find(&format!("\"{image}\"")));
    for image in images.iter().filter(|image| !image.is_empty()) {
        finder.add_in_other_language(node, image);
    }
}
