//! What deployers take objects from: the files and directories that a kustomization, or an object of Flux, Argo CD or Fleet,
//! names.

use std::collections::BTreeMap;

use super::compose;
use super::image_keys::KUSTOMIZE_IMAGES;
use crate::manifest::content;
use crate::manifest::inputs::texts;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::{directory_of, path_from};

/// A file or a directory below the tree's root that a deployer takes objects from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct DeployedPath {
    /// The path, empty for the root.
    pub path: String,
    /// What stands for that which decides whether something of it comes out: the target of a patch, the repository.
    pub condition: String,
    /// The paths below it that are left out.
    pub except: Vec<String>,
    /// What of a plain directory is taken; all where it is `None`.
    pub directory: Option<PlainDirectory>,
    /// Whether nothing of it is deployed before somebody says so: an application that is not synced by itself.
    pub is_by_hand: bool,
}

/// What Argo CD takes of a directory that neither kustomize nor Helm builds (Argo CD, Directory).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct PlainDirectory {
    /// Whether what lies in directories below is taken, too.
    pub recurse: bool,
    /// The pattern of the files that are taken, if one is written.
    pub include: Option<String>,
    /// The pattern of those that are left out.
    pub exclude: Option<String>,
}

impl PlainDirectory {
    /// Returns whether a file is taken, by its path below the directory.
    pub fn takes(&self, below: &str) -> bool {
        let fits = |pattern: &Option<String>| {
            let glob = pattern.as_deref().filter(|pattern| !pattern.is_empty());
            glob.map(|pattern| {
                globset::Glob::new(pattern).is_ok_and(|it| it.compile_matcher().is_match(below))
            })
        };
        (self.recurse || !below.contains('/'))
            && fits(&self.include) != Some(false)
            && fits(&self.exclude) != Some(true)
    }
}

/// A chart that is given values.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GivenValues {
    /// The directory that it would lie in, below the root.
    pub chart: String,
    /// The files with values.
    pub files: Vec<String>,
}

/// Returns what the kustomization at `root` of the file at `path` names.
pub(super) fn of_kustomization(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<DeployedPath> {
    let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
    let below = |text: &str| path_from(directory_of(path), text).filter(|_| !is_inline(text));
    let plain = ["resources", "bases", "components", "patchesStrategicMerge"].into_iter().flat_map(list);
    let plain = plain.filter_map(|node| below(tree.string_of(*node)?));
    let plain = plain.map(|path| DeployedPath { path, ..DeployedPath::default() });
    let patches = list("patches").iter().chain(list("patchesJson6902")).filter_map(|patch| {
        let path = below(tree.get_str(*patch, "path")?)?;
        Some(DeployedPath { path, condition: target(tree, *patch), ..DeployedPath::default() })
    });
    plain.chain(patches).collect()
}

/// Returns what decides whether an image in the kustomization at `root` comes out, by the JSON pointer of what it stands in:
/// the target of a patch, the name that an entry of `images` is for.
pub(super) fn conditions(tree: &SyntaxTree<'_>, root: NodeId) -> BTreeMap<String, String> {
    let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
    let patches = list("patches").iter().chain(list("patchesJson6902"));
    let patches = patches.filter(|patch| tree.get(**patch, "patch").is_some());
    let patches = patches.map(|patch| (tree.pointer(*patch), target(tree, *patch)));
    let entries = KUSTOMIZE_IMAGES
        .iter()
        .flat_map(|key| list(key))
        .filter(|entry| tree.get(**entry, "newName").is_some());
    let entries = entries
        .map(|entry| (tree.pointer(*entry), tree.get_str(*entry, "name").unwrap_or_default().to_owned()));
    patches.chain(entries).filter(|(_, condition)| !condition.is_empty()).collect()
}

/// Returns what the Compose file at `path` takes from other files: those that it includes, and those whose services it extends.
pub(super) fn of_compose(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<DeployedPath> {
    let below = |text: &str, condition: &str| {
        let path = path_from(directory_of(path), text)?;
        Some(DeployedPath { path, condition: condition.to_owned(), ..DeployedPath::default() })
    };
    let all = compose::taken(tree, root, path).into_iter();
    all.filter_map(|(node, service)| below(tree.string_of(node)?, &service)).collect()
}

fn target(tree: &SyntaxTree<'_>, patch: NodeId) -> String {
    tree.get(patch, "target").map(|target| content::of_node(tree, target)).unwrap_or_default()
}

/// Returns what the object at `root` has a deployer deploy.
pub(super) fn of_object(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<DeployedPath> {
    let text = |key| tree.get_str(root, key).unwrap_or_default();
    let Some(spec) = tree.get(root, "spec") else { return Vec::new() };
    let annotations = tree.get(root, "metadata").and_then(|metadata| tree.get(metadata, "annotations"));
    let is_skipped = |all| tree.get_str(all, "argocd.argoproj.io/skip-reconcile") == Some("true");
    let is_true = |key| tree.get_str(spec, key) == Some("true");
    if is_true("suspend") || is_true("paused") || annotations.is_some_and(is_skipped) {
        return Vec::new();
    }
    let group = text("apiVersion").split('/').next().unwrap_or_default();
    match (group, text("kind")) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            let path = tree.get_str(spec, "path").unwrap_or_default();
            let condition = content_at(tree, spec, &["sourceRef"]);
            let components = components(tree, spec, path, &condition);
            at_root(path, &condition).into_iter().chain(components).collect()
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            let chart = tree.get(spec, "chart").and_then(|chart| tree.get(chart, "spec"));
            let Some(chart) = chart else { return Vec::new() };
            let condition = content_at(tree, chart, &["sourceRef"]);
            let files = tree.get(chart, "valuesFiles").map(|files| tree.items(files)).unwrap_or_default();
            let paths = tree.get_str(chart, "chart").into_iter();
            let paths = paths.chain(files.iter().filter_map(|file| tree.string_of(*file)));
            paths.filter_map(|path| at_root(path, &condition)).collect()
        }
        ("argoproj.io", "Application") => of_sources(tree, spec),
        ("argoproj.io", "ApplicationSet") => {
            let template = tree.get(spec, "template").and_then(|template| tree.get(template, "spec"));
            let mut found = template.map(|spec| of_sources(tree, spec)).unwrap_or_default();
            let patch = tree.get_str(spec, "templatePatch").unwrap_or_default();
            found.extend(patched_paths(patch).filter_map(|path| at_root(path, "")));
            let paths = template.map(|spec| templated_paths(tree, spec)).unwrap_or_default();
            of_generators(tree, spec, &paths, &mut found);
            found
        }
        ("fluxcd.controlplane.io", "ResourceSet") => of_resource_set(tree, spec),
        ("fleet.cattle.io", "GitRepo") => {
            let paths = tree.get(spec, "paths").map(|paths| texts(tree, paths)).unwrap_or_default();
            let condition = content_at(tree, spec, &["repo"]);
            paths.iter().filter_map(|path| at_root(path, &condition)).collect()
        }
        (group, kind) => {
            let annotated = annotations.iter().flat_map(|all| GIT_PATHS.map(|key| tree.get_str(*all, key)));
            let taken = TAKING.iter().filter(|taking| (taking.0, taking.1) == (group, kind));
            let fields = taken.filter_map(|(_, _, keys)| field(tree, spec, keys));
            let fetched = tree.get(spec, "fetch").map(|list| tree.items(list)).unwrap_or_default();
            let fetched = fetched.iter().filter_map(|one| field(tree, *one, &["git", "subPath"]));
            let fetched = fetched.filter(|_| (group, kind) == ("kappctrl.k14s.io", "App"));
            annotated.flatten().chain(fields).chain(fetched).filter_map(|path| at_root(path, "")).collect()
        }
    }
}

/// Annotations of a `Subscription` of Open Cluster Management.
const GIT_PATHS: [&str; 2] =
    ["apps.open-cluster-management.io/git-path", "apps.open-cluster-management.io/github-path"];

/// Objects that have a directory of a repository deployed, by group and kind, and where in their `spec` its path stands.
const TAKING: [(&str, &str, &[&str]); 6] = [
    ("configsync.gke.io", "RepoSync", &["git", "dir"]),
    ("configsync.gke.io", "RootSync", &["git", "dir"]),
    ("fluxcd.controlplane.io", "FluxInstance", &["sync", "path"]),
    ("gitops.kluctl.io", "KluctlDeployment", &["source", "git", "path"]),
    ("infra.contrib.fluxcd.io", "Terraform", &["path"]),
    ("infra.weave.works", "Terraform", &["path"]),
];

/// Returns the text at the end of some keys.
fn field<'t>(tree: &'t SyntaxTree<'_>, node: NodeId, keys: &[&str]) -> Option<&'t str> {
    let (last, above) = keys.split_last()?;
    let holder = above.iter().try_fold(node, |node, key| tree.get(node, key))?;
    tree.get_str(holder, last)
}

/// Returns what a set of the Flux Operator deploys by the objects of Flux that it makes of its inputs.
fn of_resource_set(tree: &SyntaxTree<'_>, spec: NodeId) -> Vec<DeployedPath> {
    let inputs = tree.get(spec, "inputs").map(|inputs| texts(tree, inputs)).unwrap_or_default();
    let resources = tree.get(spec, "resources").map(|list| tree.items(list)).unwrap_or_default();
    let mut found = Vec::new();
    for resource in resources {
        let Some(made) = tree.get(*resource, "spec") else { continue };
        let Some(path) = tree.get_str(made, "path") else { continue };
        let condition = content_at(tree, made, &["sourceRef"]);
        let paths = inputs.iter().map(|input| filled(path, input));
        found.extend(paths.filter_map(|path| at_root(&path, &condition)));
    }
    found
}

/// Returns the components that a deployer adds to what it builds at a path.
fn components(tree: &SyntaxTree<'_>, node: NodeId, path: &str, condition: &str) -> Vec<DeployedPath> {
    let list = tree.get(node, "components").map(|list| tree.items(list)).unwrap_or_default();
    let below = |text: &str| path_from(path.trim_start_matches('/').trim_start_matches("./"), text);
    let found = list.iter().filter_map(|component| below(tree.string_of(*component)?));
    found
        .map(|path| DeployedPath { path, condition: condition.to_owned(), ..DeployedPath::default() })
        .collect()
}

/// Returns the charts, as directories, that a file gives values to though it does not deploy them, and the files that it takes for
/// that: of helmfile, of Fleet, beside a chart of Argo CD.
pub(super) fn given_values(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<GivenValues> {
    let (directory, name) = (directory_of(path), path.rsplit('/').next().unwrap_or(path));
    let below = |text: &str| path_from(directory, text);
    let listed = |node: Option<NodeId>| {
        let all = node.map(|node| tree.items(node)).unwrap_or_default().iter();
        all.filter_map(|file| below(tree.string_of(*file)?)).collect::<Vec<_>>()
    };
    if name.starts_with(".argocd-source") {
        return vec![GivenValues { chart: directory.to_owned(), files: Vec::new() }];
    }
    if let Some(helm) = tree.get(root, "helm").filter(|_| matches!(name, "fleet.yaml" | "fleet.yml")) {
        let chart = tree.get_str(helm, "chart").map_or(Some(directory.to_owned()), below);
        let customized =
            tree.get(root, "targetCustomizations").map(|list| tree.items(list)).unwrap_or_default();
        let customized = customized.iter().filter_map(|one| tree.get(*one, "helm"));
        let files = std::iter::once(helm).chain(customized);
        let files = files.flat_map(|helm| listed(tree.get(helm, "valuesFiles"))).collect();
        return chart.map(|chart| GivenValues { chart, files }).into_iter().collect();
    }
    let releases = tree.get(root, "releases").map(|list| tree.items(list)).unwrap_or_default();
    let release = |release: &NodeId| {
        let chart = below(tree.get_str(*release, "chart")?)?;
        Some(GivenValues { chart, files: listed(tree.get(*release, "values")) })
    };
    releases.iter().filter_map(release).collect()
}

/// Returns the charts of the tree that a helmfile installs, each with the condition that it has there, and the helmfiles that it takes in.
pub(super) fn of_helmfile(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<DeployedPath> {
    let is_one = path.split('/').any(|part| part.starts_with("helmfile"));
    let releases = tree.get(root, "releases").filter(|_| is_one).map(|list| tree.items(list));
    let release = |release: &NodeId| {
        let path = path_from(directory_of(path), tree.get_str(*release, "chart")?)?;
        let installed = tree.get(*release, "installed").map(|node| tree.nodes[node].span());
        let installed = installed.and_then(|span| tree.original.get(span)).unwrap_or_default().trim();
        let condition = tree.get_str(*release, "condition").unwrap_or_default();
        // What a template says of it is known where it is filled.
        let condition = if installed.starts_with("{{") { installed } else { condition }.to_owned();
        let is_left_out = installed == "false";
        (!is_left_out).then(|| DeployedPath { path, condition, ..DeployedPath::default() })
    };
    let others = tree.get(root, "helmfiles").filter(|_| is_one).map(|list| tree.items(list));
    let other = |other: &NodeId| {
        let named = tree.string_of(*other).or_else(|| tree.get_str(*other, "path"))?;
        let path = path_from(directory_of(path), named)?;
        Some(DeployedPath { path, ..DeployedPath::default() })
    };
    let releases = releases.unwrap_or_default().iter().filter_map(release);
    releases.chain(others.unwrap_or_default().iter().filter_map(other)).collect()
}

/// Returns the charts of the tree that a file of Terraform installs.
pub(super) fn of_terraform(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<DeployedPath> {
    let is_one = tree.language == Language::Terraform;
    let releases =
        tree.get(root, "resource").filter(|_| is_one).and_then(|all| tree.get(all, "helm_release"));
    let entries = releases.map(|releases| tree.entries(releases)).unwrap_or_default();
    let release = |(_, release): &(NodeId, NodeId)| {
        // With a repository it is the name of one there.
        let chart = tree.get_str(*release, "chart").filter(|_| tree.get(*release, "repository").is_none())?;
        let chart = chart.trim_start_matches("${path.module}").trim_start_matches('/');
        let path = path_from(directory_of(path), chart)?;
        let count = tree.get_str(*release, "count").unwrap_or_default();
        (count != "0").then(|| DeployedPath { path, ..DeployedPath::default() })
    };
    entries.iter().filter_map(release).collect()
}

/// Returns what the sources of an application name; files of values with patterns and actions in their names as they are.
fn of_sources(tree: &SyntaxTree<'_>, spec: NodeId) -> Vec<DeployedPath> {
    let sources = tree.get(spec, "sources").map(|sources| tree.items(sources)).unwrap_or_default();
    let mut found = Vec::new();
    let automated = tree.get(spec, "syncPolicy").and_then(|policy| tree.get(policy, "automated"));
    let is_by_hand = automated.is_none_or(|it| tree.get_str(it, "enabled") == Some("false"));
    let dry = tree.get(spec, "sourceHydrator").and_then(|hydrator| tree.get(hydrator, "drySource"));
    for source in tree.get(spec, "source").into_iter().chain(sources.iter().copied()).chain(dry) {
        let condition = content_at(tree, source, &["repoURL", "directory"]);
        // What an action of a template says, generators know.
        let path = tree.get_str(source, "path").filter(|path| !path.contains("{{"));
        let directory = tree.get(source, "plugin").is_none().then(|| plain_directory(tree, source));
        let taken = path.and_then(|path| at_root(path, &condition));
        found.extend(taken.map(|taken| DeployedPath { directory, ..taken }));
        if let Some(kustomize) = tree.get(source, "kustomize") {
            found.extend(components(tree, kustomize, path.unwrap_or_default(), &condition));
        }
        let files = tree.get(source, "helm").and_then(|helm| tree.get(helm, "valueFiles"));
        for file in files.map(|files| tree.items(files)).unwrap_or_default() {
            let Some(file) = tree.string_of(*file) else { continue };
            let below = match file.split_once('/').filter(|(name, _)| name.starts_with('$')) {
                Some((_, below)) => path_from("", below),
                // A path with a slash in front is seen from the root (Argo CD, `ResolveValueFilePathOrUrl`).
                None if file.starts_with('/') => path_from("", file.trim_start_matches('/')),
                None => path_from(path.unwrap_or_default(), file),
            };
            let named = |path| DeployedPath { path, condition: condition.clone(), ..DeployedPath::default() };
            found.extend(below.map(named));
        }
    }
    found.iter_mut().for_each(|named| named.is_by_hand = is_by_hand);
    found
}

/// Returns what the source of an application takes of a directory. What only a template knows may be anything.
fn plain_directory(tree: &SyntaxTree<'_>, source: NodeId) -> PlainDirectory {
    let directory = tree.get(source, "directory");
    let text = |key| directory.and_then(|it| tree.get(it, key)).and_then(|it| tree.text_of(it));
    let known = |key| text(key).filter(|text| !text.contains("{{")).map(str::to_owned);
    let recurse = text("recurse").is_some_and(|text| text != "false");
    PlainDirectory { recurse, include: known("include"), exclude: known("exclude") }
}

/// Returns the paths in the sources of an application's template that generators fill.
fn templated_paths<'t>(tree: &'t SyntaxTree<'_>, spec: NodeId) -> Vec<&'t str> {
    let sources = tree.get(spec, "sources").map(|sources| tree.items(sources)).unwrap_or_default();
    let all = tree.get(spec, "source").into_iter().chain(sources.iter().copied());
    all.filter_map(|source| tree.get_str(source, "path")).filter(|path| path.contains("{{")).collect()
}

/// Returns a path with a value in the places of its actions.
fn filled(path: &str, value: &str) -> String {
    let (open, close) = if path.contains("<<") { ("<<", ">>") } else { ("{{", "}}") };
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once(open) {
        let Some((_, behind)) = behind.split_once(close) else { break };
        text.extend([before, value]);
        rest = behind;
    }
    text + rest
}

/// Returns the paths that a patch for the template of an `ApplicationSet` says.
fn patched_paths(patch: &str) -> impl Iterator<Item = &str> {
    let words =
        patch.split(|c: char| c.is_whitespace() || "{},\"'".contains(c)).filter(|word| !word.is_empty());
    let pairs = words.scan("", |before, word| Some((std::mem::replace(before, word), word)));
    pairs.filter(|(before, _)| *before == "path:").map(|(_, path)| path)
}

/// Adds what the git generators of an `ApplicationSet` look through, however they are combined, and what its lists make of the
/// `paths` of its template.
fn of_generators(tree: &SyntaxTree<'_>, node: NodeId, paths: &[&str], found: &mut Vec<DeployedPath>) {
    let generators = tree.get(node, "generators").map(|list| tree.items(list)).unwrap_or_default();
    for generator in generators {
        for (_, combined) in tree.entries(*generator) {
            of_generators(tree, *combined, paths, found);
            // A template of its own is merged into that of the set.
            if let Some(spec) = tree.get(*combined, "template").and_then(|it| tree.get(it, "spec")) {
                found.extend(of_sources(tree, spec));
            }
        }
        // Paths that are written out one by one.
        let list = tree.get(*generator, "list");
        let elements = list.and_then(|list| tree.get(list, "elements"));
        let elements = elements.map(|elements| tree.items(elements)).unwrap_or_default();
        let wanted = tree.get(*generator, "selector").and_then(|selector| tree.get(selector, "matchLabels"));
        let wanted = wanted.map(|labels| tree.entries(labels)).unwrap_or_default();
        let is_picked = |element: &&NodeId| {
            wanted.iter().all(|(key, value)| {
                let own = tree.text_of(*key).and_then(|key| tree.get(**element, key));
                own.and_then(|own| tree.text_of(own)) == tree.text_of(*value)
            })
        };
        let elements: Vec<_> = elements.iter().filter(is_picked).flat_map(|it| texts(tree, *it)).collect();
        let written = list.and_then(|list| tree.get_str(list, "elementsYaml")).unwrap_or_default();
        let written = written.split(|c: char| c.is_whitespace() || "{}[],:\"'".contains(c));
        let elements = elements.iter().map(AsRef::as_ref).chain(written);
        for text in elements.filter(|text: &&str| !text.is_empty() && !text.contains(' ')) {
            found.extend(at_root(text, ""));
            // As functions may write it.
            let spelled = [text.to_owned(), text.to_lowercase()];
            let made = paths.iter().flat_map(|path| spelled.iter().map(|text| filled(path, text)));
            found.extend(made.filter_map(|path| at_root(&path, "")));
        }
        let Some(git) = tree.get(*generator, "git") else { continue };
        let entries = ["directories", "files"].into_iter().filter_map(|key| tree.get(git, key));
        let entries: Vec<NodeId> = entries.flat_map(|list| tree.items(list)).copied().collect();
        let is_excluded = |entry: &NodeId| tree.get_str(*entry, "exclude") == Some("true");
        let condition = content_at(tree, git, &["repoURL"]);
        let path = |entry: &NodeId| at_root(tree.get_str(*entry, "path")?, &condition);
        let except = entries.iter().filter(|entry| is_excluded(entry)).filter_map(path);
        let except: Vec<String> = except.map(|excluded| excluded.path).collect();
        let paths = entries.iter().filter(|entry| !is_excluded(entry)).filter_map(path);
        found.extend(paths.map(|path| DeployedPath { except: except.clone(), ..path }));
    }
}

/// Returns the path of a deployer below the root, up to its first pattern.
fn at_root(path: &str, condition: &str) -> Option<DeployedPath> {
    let known = match path.find(['*', '?', '[', '{']) {
        Some(at) => path[..at].rsplit_once('/').map_or("", |(directory, _)| directory),
        None => path,
    };
    let path = path_from("", known.trim_start_matches('/'))?;
    Some(DeployedPath { path, condition: condition.to_owned(), ..DeployedPath::default() })
}

fn content_at(tree: &SyntaxTree<'_>, node: NodeId, keys: &[&str]) -> String {
    let values = keys.iter().filter_map(|key| tree.get(node, key));
    values.map(|value| content::of_node(tree, value)).collect()
}

/// Returns whether a text is a document that stands where a path may, too: also the name of a file may have lines.
pub(super) fn is_inline(text: &str) -> bool {
    text.contains('\n') && text.contains(':')
}
