//! What kustomize builds with and tagpin does not evaluate: an image may come from there.

use super::finder::Finder;
use crate::manifest::content;
use crate::manifest::inputs::{FieldSource, Needs, source_of, texts};
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;

/// Lists of plug-ins and of their configurations: any of them may write an image.
const PLUGINS: [&str; 5] =
    ["transformers", "generators", "configurations", "validators", "helmChartInflationGenerator"];

/// Says what the kustomization at `root` reads and tagpin does not.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
    for resource in ["resources", "bases", "components"].into_iter().flat_map(list) {
        if let Some(text) = tree.string_of(*resource).filter(|text| is_remote(text)) {
            finder.look_away(LookAwayReason::RemoteBase, *resource, text);
        }
    }
    let paths = ["patches", "patchesJson6902", "replacements"].into_iter().flat_map(list);
    let paths = paths.filter_map(|item| tree.get(*item, "path"));
    let generators = ["configMapGenerator", "secretGenerator"].into_iter().flat_map(list);
    let files = generators.flat_map(|generator| {
        let lists = ["envs", "files"].into_iter().filter_map(|key| tree.get(*generator, key));
        lists.flat_map(|list| tree.items(list)).copied().chain(tree.get(*generator, "env"))
    });
    for file in paths.chain(list("patchesStrategicMerge").iter().copied()).chain(files) {
        // A file is fetched by its URL alone; a generator may give it another name.
        let address = tree.string_of(file).map(|text| text.split_once('=').map_or(text, |(_, file)| file));
        if let Some(text) = address.filter(|text| text.starts_with("https://") || text.starts_with("http://"))
        {
            finder.look_away(LookAwayReason::RemoteBase, file, text);
        }
    }
    for key in PLUGINS {
        for plugin in list(key) {
            finder.look_away(LookAwayReason::KustomizePlugin, *plugin, named(tree, *plugin, key));
            finder.depends_on(content_of(tree, *plugin), naming(names_of(tree, *plugin)));
        }
    }
    if let Some(schema) = tree.get(root, "openapi") {
        // It says how patches and lists of objects are merged.
        finder.look_away(LookAwayReason::KustomizePlugin, schema, named(tree, schema, "openapi"));
        finder.depends_on(content_of(tree, schema), naming(texts(tree, schema)));
    }
    charts(finder, root);
    for replacement in list("replacements").iter().filter(|it| may_write_images(tree, **it)) {
        let reason = LookAwayReason::KustomizeReplacement;
        finder.look_away(reason, *replacement, named(tree, *replacement, "replacements"));
        let names = tree.get_str(*replacement, "path").map(str::to_owned).into_iter().collect();
        let fields = source_of(tree, *replacement).into_iter().collect();
        finder.depends_on(content::of_node(tree, *replacement), Needs { fields, ..naming(names) });
    }
    for variable in list("vars") {
        let Some(name) = tree.get_str(*variable, "name") else { continue };
        let path = tree.get(*variable, "fieldref").and_then(|field| tree.get_str(field, "fieldpath"));
        let object = tree.get(*variable, "objref").unwrap_or(*variable);
        let fields = vec![FieldSource::of_selector(tree, object, path)];
        let needs = Needs { fields, variable: Some(format!("$({name})")), ..Needs::default() };
        finder.look_away(LookAwayReason::KustomizeReplacement, *variable, name);
        finder.depends_on(content::of_node(tree, *variable), needs);
    }
}

/// Says which charts the kustomization at `root` renders; one may lie beside it.
fn charts(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let settings = tree.get(root, "helmGlobals");
    let home = settings.and_then(|settings| tree.get_str(settings, "chartHome")).unwrap_or("charts");
    for chart in tree.get(root, "helmCharts").map(|list| tree.items(list)).unwrap_or_default() {
        let name = named(tree, *chart, "helmCharts");
        let mut names = texts(tree, *chart);
        names.push(format!("{home}/{name}"));
        if let Some(version) = tree.get_str(*chart, "version") {
            names.push(format!("{home}/{name}-{version}"));
        }
        let globals = settings.map(|settings| content::of_node(tree, settings)).unwrap_or_default();
        finder.look_away(LookAwayReason::KustomizeChart, *chart, name);
        finder.depends_on(content::of_node(tree, *chart) + &globals, naming(names));
    }
}

/// Returns the texts of a plug-in: of the YAML in it, where it stands there as a text.
fn names_of(tree: &SyntaxTree<'_>, plugin: NodeId) -> Vec<String> {
    let Some(text) = tree.string_of(plugin).filter(|text| text.contains('\n')) else {
        return texts(tree, plugin);
    };
    let inner = yaml::parse(text);
    inner.documents.iter().filter_map(|document| document.root).flat_map(|root| texts(&inner, root)).collect()
}

fn naming(names: Vec<String>) -> Needs {
    Needs { names, ..Needs::default() }
}

/// Returns what stands for the content of a plug-in: of the YAML in it, where it stands there as a text.
fn content_of(tree: &SyntaxTree<'_>, plugin: NodeId) -> String {
    match tree.string_of(plugin) {
        Some(text) if text.contains('\n') => content::of_yaml(text),
        _ => content::of_node(tree, plugin),
    }
}

/// Returns what an entry of a list is called, or the list.
fn named(tree: &SyntaxTree<'_>, entry: NodeId, list: &str) -> String {
    let name =
        tree.string_of(entry).or_else(|| ["path", "name"].iter().find_map(|key| tree.get_str(entry, key)));
    // An inline plug-in is a text of many lines.
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    name.and_then(|name| name.lines().find(says)).unwrap_or(list).to_owned()
}

/// Returns whether a replacement writes into an image, or in a file of its own, where that is not seen.
fn may_write_images(tree: &SyntaxTree<'_>, replacement: NodeId) -> bool {
    let Some(targets) = tree.get(replacement, "targets") else { return true };
    let paths = tree.items(targets).iter().filter_map(|target| tree.get(*target, "fieldPaths"));
    let mut paths = paths.flat_map(|paths| tree.items(paths)).filter_map(|path| tree.string_of(*path));
    paths.any(|path| {
        let keys = field_keys(path);
        let last = keys.last().map_or("", String::as_str);
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
        keys.iter().any(|key| is_part(key))
            || last.to_ascii_lowercase().contains("containers")
            || matches!(last, "spec" | "template")
            || keys.iter().rev().nth(1).is_some_and(|above| above.ends_with("ontainers"))
    })
}

/// Returns the keys of a field path (kustomize, `SmarterPathSplitter`): dots inside of brackets and behind `\\` are none between keys.
fn field_keys(path: &str) -> Vec<String> {
    let (mut keys, mut key, mut is_inside, mut is_escaped) = (Vec::new(), String::new(), false, false);
    for c in path.chars() {
        match c {
            '.' if !is_inside && !is_escaped => keys.push(std::mem::take(&mut key)),
            c => {
                is_inside = (is_inside || (c == '[' && key.is_empty())) && c != ']';
                key.push(c);
            }
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    keys.push(key);
    keys
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
    fn dots_in_brackets_are_none_between_keys() {
        for (path, keys) in [
            ("spec.containers.[name=web.app]", &["spec", "containers", "[name=web.app]"][..]),
            ("spec.containers.[name=a.b].image", &["spec", "containers", "[name=a.b]", "image"]),
            (r"metadata.annotations.a\.b/c", &["metadata", "annotations", r"a\.b/c"]),
            ("spec", &["spec"]),
        ] {
            assert_eq!(field_keys(path), keys, "{path}");
        }
    }

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
