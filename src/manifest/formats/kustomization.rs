//! kustomization `images`: `newTag` is kept, `digest` set or added, `name` is a match key and never edited.

use std::collections::BTreeMap;

use super::deployed_paths::{self, DeployedPath, GivenValues, is_inline};
use super::fields::Fields;
use super::finder::Finder;
use super::image_keys::KUSTOMIZE_IMAGES;
use super::patch_target::{ImagePatch, sets, targeted_patches};
use crate::manifest::rare::Blank;
use crate::manifest::site::{Skip, State, Write, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::{directory_of, path_from};

/// What kustomizations do to other files: an object that they change does not say itself what is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kustomize {
    /// The kustomizations of the file, and what else is built as one.
    pub overlays: Vec<Overlay>,
    /// The entries that take a digest away which an image below has, by where their sites start.
    pub takes_away: BTreeMap<usize, UnpinnedImage>,
    /// The entries that let an image out without a digest, though its own place does not say so.
    pub lets_out: BTreeMap<usize, UnpinnedImage>,
    /// What this file has a deployer take objects from: of the gate.
    #[serde(default)]
    pub names: Vec<DeployedPath>,
    /// The charts that this file gives values to: of the gate.
    #[serde(default)]
    pub gives: Vec<GivenValues>,
    /// Whether it is a component: nothing comes out of it where nobody names it.
    #[serde(default)]
    pub is_component: bool,
    /// What decides whether an image in the kustomization comes out, by the JSON pointer of what it stands in: of the gate.
    #[serde(default)]
    pub conditions: BTreeMap<String, String>,
    /// The JSON pointers at which the file sets images in other objects, where it is a JSON patch.
    #[serde(default)]
    pub sets: Vec<String>,
}

impl Blank for Kustomize {
    const BLANK: &'static Self = &Self {
        overlays: Vec::new(),
        takes_away: BTreeMap::new(),
        lets_out: BTreeMap::new(),
        names: Vec::new(),
        gives: Vec::new(),
        is_component: false,
        conditions: BTreeMap::new(),
        sets: Vec::new(),
    };
}

impl Kustomize {
    /// Adds what another part of the file does.
    pub(in crate::manifest) fn append(&mut self, other: Self) {
        let Self { overlays, takes_away, lets_out, names, gives, is_component, conditions, sets } = other;
        self.sets.extend(sets);
        self.gives.extend(gives);
        self.overlays.extend(overlays);
        self.takes_away.extend(takes_away);
        self.lets_out.extend(lets_out);
        self.names.extend(names);
        self.is_component |= is_component;
        self.conditions.extend(conditions);
    }

    /// Returns the files, or directories, below the tree's root that the kustomizations read.
    pub(in crate::manifest) fn files(&self) -> impl Iterator<Item = &str> {
        self.overlays
            .iter()
            .flat_map(|overlay| overlay.resources.iter().chain(&overlay.patches).chain(&overlay.values))
            .chain(self.names.iter().map(|named| &named.path))
            .chain(self.gives.iter().flat_map(|given| &given.files))
            .map(String::as_str)
    }

    /// Returns everything below the tree's root that the kustomizations build with.
    pub(in crate::manifest) fn reads(&self) -> impl Iterator<Item = &str> {
        let components = self.overlays.iter().flat_map(|overlay| &overlay.components);
        self.files().chain(components.map(String::as_str))
    }
}

/// An image that a kustomization leaves without a digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct UnpinnedImage {
    /// The file that names it.
    pub file: String,
    /// The line there, from 1.
    pub line: usize,
    /// What it is there, or what comes out.
    pub image: String,
}

/// One kustomization: what it builds on, and what its `images` make of that.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Overlay {
    /// Whether a file or directory that another names leads here: by its file's name. What Flux and Argo CD build is
    /// built by nothing else.
    pub is_named: bool,
    /// The document that holds its own values, of a Helm release whose output it changes.
    pub values_of: Option<usize>,
    /// The files and directories below the tree's root that it builds on.
    pub resources: Vec<String>,
    /// The components that are applied after that, in order.
    pub components: Vec<String>,
    /// The files that it applies as patches.
    pub patches: Vec<String>,
    /// The JSON patches among them, and those that stand in it.
    #[serde(default)]
    pub json_patches: Vec<ImagePatch>,
    /// The files with the values of the charts that it renders.
    #[serde(default)]
    pub values: Vec<String>,
    /// What happens to images, in order.
    pub images: Vec<ImageEntry>,
}

/// An entry of `images`. What is empty counts as left out, as kustomize does it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageEntry {
    /// The image name that it matches.
    pub name: String,
    /// The name that it gives.
    pub new_name: Option<String>,
    /// The tag that it gives.
    pub new_tag: Option<String>,
    /// The digest that it gives.
    pub digest: Option<String>,
    /// What it puts behind the tag; it takes the digest away.
    pub tag_suffix: Option<String>,
    /// Where its main scalar starts, in bytes of the text: its site's span starts there.
    pub start: usize,
}

/// The names by which kustomize looks for a kustomization in a directory.
const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Returns whether the file at `path` is what a directory is built by.
pub(in crate::manifest) fn is_named(path: &str) -> bool {
    FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// Returns whether `root` is a kustomization or a component, by content first and file name second.
pub(in crate::manifest) fn is_kustomization(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> bool {
    // What is empty or null counts as left out, and kustomize fills it in.
    let said = |key| tree.get_str(root, key).filter(|text| !text.is_empty());
    let version = said("apiVersion");
    let ours = version.is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"));
    match said("kind") {
        Some("Kustomization" | "Component") if ours => true,
        Some("Kustomization" | "Component") => is_named(path) && version.is_none(),
        Some(_) => false,
        None => is_named(path) && tree.is_mapping(root),
    }
}

/// Adds what the document at `root` of the file at `path` does to other files, if it is a kustomization, or something
/// that a deployer builds as one.
pub(in crate::manifest) fn kustomize(
    tree: &SyntaxTree<'_>,
    document: usize,
    root: NodeId,
    path: &str,
    is_gate: bool,
    into: &mut Kustomize,
) {
    if is_kustomization(tree, root, path) {
        let overlay = overlay(tree, root, path);
        if is_gate {
            into.names.extend(
                overlay
                    .is_named
                    .then(|| deployed_paths::of_kustomization(tree, root, path))
                    .into_iter()
                    .flatten(),
            );
            into.is_component |= tree.get_str(root, "kind") == Some("Component");
            into.conditions.extend(deployed_paths::conditions(tree, root));
        }
        // Of another name it is built only where somebody renames it: what it says of images still counts.
        if overlay.is_named || !overlay.images.is_empty() || !overlay.patches.is_empty() {
            into.overlays.push(overlay);
        }
        return;
    }
    into.sets.extend(sets(tree, root));
    if is_gate {
        into.names.extend(deployed_paths::of_object(tree, root));
        into.names.extend(deployed_paths::of_compose(tree, root, path));
        into.names.extend(deployed_paths::of_helmfile(tree, root, path));
        into.names.extend(deployed_paths::of_terraform(tree, root, path));
        into.gives.extend(deployed_paths::given_values(tree, root, path));
    }
    let of_deployers = deployers(tree, document, root);
    into.overlays.extend(of_deployers.into_iter().filter(|overlay| !overlay.images.is_empty()));
}

fn overlay(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Overlay {
    let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
    let directory = directory_of(path);
    let paths = |nodes: &mut dyn Iterator<Item = NodeId>| -> Vec<String> {
        let texts = nodes.filter_map(|node| tree.string_of(node));
        texts.filter(|text| !is_inline(text)).filter_map(|text| path_from(directory, text)).collect()
    };
    let values = |chart: &NodeId| {
        let more = tree.get(*chart, "additionalValuesFiles").map(|list| tree.items(list)).unwrap_or_default();
        more.iter().copied().chain(tree.get(*chart, "valuesFile")).collect::<Vec<_>>()
    };
    let by_path = |key: &str| list(key).iter().filter_map(|patch| tree.get(*patch, "path"));
    Overlay {
        is_named: is_named(path),
        values_of: None,
        resources: paths(&mut list("resources").iter().chain(list("bases")).copied()),
        components: paths(&mut list("components").iter().copied()),
        patches: paths(
            &mut list("patchesStrategicMerge")
                .iter()
                .copied()
                .chain(by_path("patches"))
                .chain(by_path("patchesJson6902")),
        ),
        json_patches: ["patches", "patchesJson6902"]
            .into_iter()
            .flat_map(|key| targeted_patches(tree, list(key), |path| path_from(directory, path)))
            .collect(),
        values: paths(&mut list("helmCharts").iter().flat_map(values)),
        images: KUSTOMIZE_IMAGES.iter().flat_map(|key| images(tree, list(key))).collect(),
    }
}

/// Returns what Flux and Argo CD build with `images` of their own: a path of a repository, or a Helm release.
fn deployers(tree: &SyntaxTree<'_>, document: usize, root: NodeId) -> Vec<Overlay> {
    let (Some(version), Some(kind), Some(spec)) =
        (tree.get_str(root, "apiVersion"), tree.get_str(root, "kind"), tree.get(root, "spec"))
    else {
        return Vec::new();
    };
    let list = |node: Option<NodeId>| node.map(|list| tree.items(list)).unwrap_or_default();
    let path_of =
        |node| tree.get_str(node, "path").and_then(|path| path_from("", path.trim_start_matches('/')));
    let group = version.split('/').next().unwrap_or_default();
    match (group, kind) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => vec![Overlay {
            resources: path_of(spec).into_iter().collect(),
            images: images(tree, list(tree.get(spec, "images"))),
            ..Overlay::default()
        }],
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            let renderers = list(tree.get(spec, "postRenderers")).iter();
            let kustomizes = renderers.filter_map(|renderer| tree.get(*renderer, "kustomize"));
            let images = kustomizes.flat_map(|it| images(tree, list(tree.get(it, "images")))).collect();
            vec![Overlay { values_of: Some(document), images, ..Overlay::default() }]
        }
        ("argoproj.io", "Application") => {
            let sources = tree.get(spec, "source").into_iter();
            let sources = sources.chain(list(tree.get(spec, "sources")).iter().copied());
            let overlays = sources.filter_map(|source| {
                let entries = list(tree.get(tree.get(source, "kustomize")?, "images"));
                let resources = path_of(source).into_iter().collect();
                let images = entries.iter().filter_map(|entry| image_string(tree, *entry)).collect();
                Some(Overlay { resources, images, ..Overlay::default() })
            });
            overlays.collect()
        }
        _ => Vec::new(),
    }
}

fn images(tree: &SyntaxTree<'_>, entries: &[NodeId]) -> Vec<ImageEntry> {
    let entry = |entry: &NodeId| {
        let get = |key| tree.get(*entry, key);
        let text = |key| get(key).and_then(|node| tree.string_of(node)).filter(|text| !text.is_empty());
        let given = |key| text(key).map(str::to_owned);
        let main = get("newTag").or_else(|| get("newName")).or_else(|| get("name"))?;
        Some(ImageEntry {
            name: given("name")?,
            new_name: given("newName"),
            new_tag: given("newTag"),
            digest: given("digest"),
            tag_suffix: given("tagSuffix"),
            start: tree.nodes[tree.resolve(main)].span().start,
        })
    };
    entries.iter().filter_map(entry).collect()
}

/// Reads `[name=]newname[:tag][@digest]`, as `kustomize edit set image` takes it.
fn image_string(tree: &SyntaxTree<'_>, node: NodeId) -> Option<ImageEntry> {
    let text = tree.string_of(node)?.trim_end_matches(['\n', '\r']);
    let (name, new) = text.split_once('=').map_or((None, text), |(name, new)| (Some(name), new));
    let (rest, digest) = new.split_once('@').map_or((new, None), |(rest, digest)| (rest, Some(digest)));
    let last = rest.rfind('/').map_or(0, |at| at + 1);
    let (new_name, tag) = match rest[last..].find(':') {
        Some(at) => (&rest[..last + at], Some(&rest[last + at + 1..])),
        None => (rest, None),
    };
    Some(ImageEntry {
        name: name.unwrap_or(new_name).to_owned(),
        new_name: name.map(|_| new_name.to_owned()),
        new_tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
        tag_suffix: None,
        start: tree.nodes[tree.resolve(node)].span().start,
    })
}

/// Returns `path`, which is relative to `directory`, below the tree's root; `None` where it leads out of it.
pub(super) fn below(directory: &str, path: &str) -> Option<String> {
    let mut segments: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// Adds one entry `{name, newName, newTag, digest}`.
pub(super) fn entry(finder: &mut Finder<'_, '_>, entry: NodeId) {
    let get = |key| finder.tree.get(entry, key);
    let (name, new_name, new_tag, digest) = (get("name"), get("newName"), get("newTag"), get("digest"));
    let Some(repository) = new_name.or(name) else { return };
    let fields = Fields {
        registry: None,
        repository: Some(repository),
        tag: new_tag,
        digest,
        bare: false,
        has_version: false,
    };
    if digest.is_some()
        || new_tag.is_none_or(|tag| finder.tree.string_of(tag).is_none_or(|tag| tag.contains('@')))
    {
        finder.add_fields(fields, false);
        return;
    }
    // No digest field yet: kustomize defines one, so it is added below `newTag`.
    let (Some(tag), Some(name)) = (new_tag, finder.tree.string_of(repository)) else { return };
    let Some(tag_text) = finder.tree.string_of(tag) else { return };
    let image = format!("{name}:{tag_text}");
    let (mut state, reference) = classify(&image);
    // The field can only be added to a mapping that holds `newTag` itself, not through a merge key.
    let own = finder.tree.own_entry(finder.tree.resolve(entry), "newTag");
    let write = own.map(|(_, after)| Write::AddDigest {
        mapping: finder.tree.resolve(entry),
        after,
        key: "digest".to_owned(),
        bare: false,
    });
    if write.is_none() && !matches!(state, State::Skipped(_)) {
        state = State::Skipped(Skip::TagElsewhere);
    }
    let spans = finder.spans(&[
        ("name", name_node(finder.tree, entry)),
        ("repository", Some(repository)),
        ("tag", Some(tag)),
    ]);
    finder.push(finder.tree.resolve(tag), spans, image, reference, state, write);
}

fn name_node(tree: &SyntaxTree<'_>, entry: NodeId) -> Option<NodeId> {
    tree.get(entry, "newName").and_then(|_| tree.get(entry, "name"))
}

/// Adds one entry `[name=]newname[:tag][@digest]` (Argo CD, `kustomize edit set image`).
pub(super) fn string_entry(finder: &mut Finder<'_, '_>, node: NodeId) {
    let Some(text) = finder.tree.string_of(node) else { return };
    let text = text.trim_end_matches(['\n', '\r']);
    let prefix = text.find('=').map_or("", |at| &text[..=at]).to_owned();
    let new_name = &text[prefix.len()..];
    let tagged = new_name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    if tagged {
        finder.add_scalar(node, &prefix);
    } else {
        let node = finder.tree.resolve(node);
        let state = match classify(new_name).0 {
            State::Skipped(skip) => State::Skipped(skip),
            _ => State::Skipped(Skip::TagElsewhere),
        };
        finder.push(node, BTreeMap::new(), new_name.to_owned(), None, state, None);
    }
}
