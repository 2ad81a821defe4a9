//! What kustomize builds with and tagpin does not evaluate: an image may come from there.

use super::finder::Finder;
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Lists of plug-ins and of their configurations: any of them may write an image.
const PLUGINS: [&str; 4] = ["transformers", "generators", "configurations", "helmChartInflationGenerator"];

/// Says what the kustomization at `root` reads and tagpin does not.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
    for resource in ["resources", "bases", "components"].into_iter().flat_map(list) {
        if let Some(text) = tree.string_of(*resource).filter(|text| is_remote(text)) {
            finder.look_away(LookAwayReason::RemoteBase, *resource, text);
        }
    }
    for key in PLUGINS {
        for plugin in list(key) {
            finder.look_away(LookAwayReason::KustomizePlugin, *plugin, named(tree, *plugin, key));
        }
    }
    for chart in list("helmCharts") {
        finder.look_away(LookAwayReason::KustomizeChart, *chart, named(tree, *chart, "helmCharts"));
    }
    for replacement in list("replacements").iter().filter(|it| may_write_images(tree, **it)) {
        finder.look_away(
            LookAwayReason::KustomizeReplacement,
            *replacement,
            named(tree, *replacement, "replacements"),
        );
    }
}

/// Returns what an entry of a list is called, or the list.
fn named(tree: &SyntaxTree<'_>, entry: NodeId, list: &str) -> String {
    let name =
        tree.string_of(entry).or_else(|| ["path", "name"].iter().find_map(|key| tree.get_str(entry, key)));
    // An inline plug-in is a text of many lines.
    name.and_then(|name| name.lines().next()).unwrap_or(list).to_owned()
}

/// Returns whether a replacement writes into an image, or in a file of its own, where that is not seen.
fn may_write_images(tree: &SyntaxTree<'_>, replacement: NodeId) -> bool {
    let Some(targets) = tree.get(replacement, "targets") else { return true };
    let paths = tree.items(targets).iter().filter_map(|target| tree.get(*target, "fieldPaths"));
    let mut paths = paths.flat_map(|paths| tree.items(paths)).filter_map(|path| tree.string_of(*path));
    paths.any(|path| {
        let last = path.rsplit('.').next().unwrap_or(path);
        // A whole container, or anything above it, brings its image along.
        let is_part = |key: &str| {
            let key = key.to_ascii_lowercase();
            // `*` and a whole list are anything below.
            key.contains("image")
                || key.ends_with("tag")
                || key.ends_with("digest")
                || matches!(
                    key.as_str(),
                    "reference" | "values" | "valuesobject" | "parameters" | "volumes" | "*"
                )
        };
        path.split('.').any(is_part)
            || last.to_ascii_lowercase().contains("containers")
            || matches!(last, "spec" | "template")
            || path.rsplit('.').nth(1).is_some_and(|above| above.ends_with("ontainers"))
    })
}

/// Returns whether a resource is fetched from elsewhere (kustomize, remote targets): a URL, or a host and a path.
fn is_remote(resource: &str) -> bool {
    let host = resource.split(['/', ':']).next().unwrap_or_default();
    let is_host = !host.starts_with('.') && host.contains('.') && resource.contains('/');
    resource.contains("://") || resource.contains("?ref=") || resource.starts_with("git@") || is_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_base_is_told_from_a_path() {
        for remote in [
            "https://github.com/acme/shop//deploy?ref=v2",
            "github.com/acme/shop/deploy",
            "git@github.com:acme/shop.git",
            "ssh://git@example.com/a",
            "shop?ref=v1",
        ] {
            assert!(is_remote(remote), "{remote}");
        }
        for path in ["../base", "./a.b/c.yaml", "deploy.yaml", "base", "base/v1.2", ".hidden/a.yaml"] {
            assert!(!is_remote(path), "{path}");
        }
    }
}
