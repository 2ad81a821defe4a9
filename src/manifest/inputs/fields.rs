//! What a kustomization takes from the objects that it builds: of patches that copy, of replacements and variables.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use super::needs::{FieldSource, of_field_path, of_pointer, source_of, texts};
use crate::manifest::content;
use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::{Overlay, is_json_patch, is_named};
use crate::manifest::syntax::source::text_of;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;
use crate::source::tree::directory_of;

/// The kustomizations of a tree.
pub(super) struct FieldSources<'b> {
    files: &'b Files<'b>,
    /// By the paths of their files.
    overlays: BTreeMap<&'b str, &'b Overlay>,
}

/// What a kustomization reads.
#[derive(Default)]
struct BuildScope {
    kustomizations: BTreeSet<String>,
    /// Objects and patches.
    files: BTreeSet<String>,
}

/// What stands for the values of fields, by the files that they come from.
type FieldValues = BTreeMap<String, String>;

impl<'b> FieldSources<'b> {
    pub(super) fn new(files: &'b Files<'b>, scans: &'b [FileScan]) -> Self {
        let named = scans.iter().flat_map(|file| {
            file.scan.kustomize.overlays.iter().map(move |overlay| (file.root_path.as_str(), overlay))
        });
        Self { files, overlays: named.collect() }
    }

    /// Returns the sources of the replacements that some files hold.
    pub(super) fn replacements<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Vec<FieldSource> {
        let mut found = Vec::new();
        for path in paths {
            self.read(path, |tree, root| {
                found.extend(replacements(tree, root).into_iter().map(|(_, source, _)| source));
            });
        }
        found
    }

    /// Returns what stands for the values of `fields` in what the kustomizations read that the file at `path` is part of.
    pub(super) fn values(&self, path: &str, mut fields: Vec<FieldSource>) -> FieldValues {
        let scope = self.scope(path);
        let mut values = FieldValues::new();
        let mut next = 0;
        while let Some(field) = fields.get(next).cloned() {
            next += 1;
            for file in &scope.files {
                self.add_objects(file, &field, &mut values);
            }
            for kustomization in &scope.kustomizations {
                self.read(kustomization, |tree, root| {
                    self.add_kustomization(kustomization, tree, root, &field, &mut values);
                    // What is written there by another replacement comes from its own source.
                    for (node, source, targets) in replacements(tree, root) {
                        if targets.iter().any(|target| overlap(target, &field.path))
                            && !fields.contains(&source)
                        {
                            add(&mut values, kustomization, &content::of_node(tree, node));
                            fields.push(source);
                        }
                    }
                });
            }
        }
        values
    }

    /// Returns what is read by the kustomizations that a file belongs to: a kustomization, or a patch.
    fn scope(&self, path: &str) -> BuildScope {
        let applies = |overlay: &Overlay| overlay.patches.iter().any(|patch| patch == path);
        let mut roots: BTreeSet<&str> =
            self.overlays.iter().filter(|(_, overlay)| applies(overlay)).map(|(path, _)| *path).collect();
        let own = self.overlays.get_key_value(path).map(|(path, _)| *path);
        roots.extend(own);
        // A component changes what those have that name it.
        loop {
            let names = |overlay: &Overlay| {
                overlay.components.iter().any(|component| {
                    roots.iter().any(|root| root == component || directory_of(root) == component)
                })
            };
            let more: Vec<&str> =
                self.overlays.iter().filter(|(_, overlay)| names(overlay)).map(|(path, _)| *path).collect();
            let known = roots.len();
            roots.extend(more);
            if roots.len() == known {
                break;
            }
        }
        let mut scope = BuildScope::default();
        if own.is_none() && is_named(path) {
            scope.kustomizations.insert(path.to_owned());
        }
        let mut open: Vec<String> = roots.into_iter().map(str::to_owned).collect();
        while let Some(path) = open.pop() {
            let Some(overlay) = self.overlays.get(path.as_str()) else { continue };
            if !scope.kustomizations.insert(path) {
                continue;
            }
            for resource in overlay.resources.iter().chain(&overlay.components).chain(&overlay.patches) {
                let all = self.files.at("", resource);
                // A directory is built by its kustomization.
                match all.iter().find(|file| is_named(file) && directory_of(file) == resource) {
                    Some(kustomization) => open.push(kustomization.clone()),
                    None => scope.files.extend(all),
                }
            }
        }
        scope
    }

    fn read(&self, path: &str, mut visit: impl FnMut(&SyntaxTree<'_>, NodeId)) -> bool {
        let bytes = self.files.bytes(path).unwrap_or_default();
        let Ok(text) = text_of(&bytes) else { return false };
        let tree = yaml::parse(text);
        tree.documents.iter().filter_map(|document| document.root).for_each(|root| visit(&tree, root));
        tree.documents.iter().all(|document| document.error.is_none())
    }

    /// Adds what the objects and the patches in a file say of a field.
    fn add_objects(&self, path: &str, field: &FieldSource, values: &mut FieldValues) {
        let is_whole = self.read(path, |tree, root| {
            said_in(tree, root, field).iter().for_each(|value| add(values, path, value));
        });
        if !is_whole {
            add(values, path, &content::of_bytes(&self.files.bytes(path).unwrap_or_default()));
        }
    }

    /// Adds what a kustomization itself says of a field: in generators, patches and what it puts on every object.
    fn add_kustomization(
        &self,
        path: &str,
        tree: &SyntaxTree<'_>,
        root: NodeId,
        field: &FieldSource,
        values: &mut FieldValues,
    ) {
        let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
        for (kind, key) in [("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")] {
            for entry in list(key).iter().filter(|entry| is_about(tree, **entry, "name", field)) {
                if field.kind.as_deref().is_none_or(|wanted| wanted == kind) {
                    self.add_generated(path, tree, *entry, field, values);
                }
            }
        }
        let by_text = |key: &str| list(key).iter().filter_map(|patch| tree.get_str(*patch, "patch"));
        let texts = list("patchesStrategicMerge").iter().filter_map(|patch| tree.string_of(*patch));
        for text in texts.chain(by_text("patches")).chain(by_text("patchesJson6902")) {
            let inner = yaml::parse(text);
            for root in inner.documents.iter().filter_map(|document| document.root) {
                said_in(&inner, root, field).iter().for_each(|value| add(values, path, value));
            }
        }
        let is_metadata = |key: &String| matches!(key.as_str(), "metadata" | "annotations" | "labels");
        if field.path.iter().any(is_metadata) {
            let last = field.path.last().map(String::as_str).unwrap_or_default();
            for key in ["commonAnnotations", "commonLabels"] {
                let value = tree.get(root, key).and_then(|map| tree.get(map, last));
                value.into_iter().for_each(|value| add(values, path, &content::of_node(tree, value)));
            }
            for key in ["labels", "namePrefix", "nameSuffix", "namespace"] {
                let value = tree.get(root, key);
                value.into_iter().for_each(|value| add(values, path, &content::of_node(tree, value)));
            }
        }
    }

    /// Adds what an entry of a generator makes of a field: one key of its data, or all that it reads.
    fn add_generated(
        &self,
        path: &str,
        tree: &SyntaxTree<'_>,
        entry: NodeId,
        field: &FieldSource,
        values: &mut FieldValues,
    ) {
        let directory = directory_of(path);
        let [_, key, ..] = field.path.as_slice() else {
            add(values, path, &content::of_node(tree, entry));
            for (file, content) in self.files.named(directory, &texts(tree, entry)) {
                add(values, &file, &content);
            }
            return;
        };
        let list = |name: &str| tree.get(entry, name).map(|list| tree.items(list)).unwrap_or_default();
        let texts = |name: &str| list(name).iter().filter_map(|item| tree.string_of(*item));
        let is_of_key = |line: &&str| line.split('=').next().is_some_and(|name| name.trim() == key);
        for literal in texts("literals").filter(is_of_key) {
            add(values, path, literal);
        }
        for file in texts("files") {
            let (name, file) =
                file.split_once('=').unwrap_or((file.rsplit('/').next().unwrap_or(file), file));
            if name == key {
                for file in self.files.at(directory, file) {
                    add(values, &file, &content::of_bytes(&self.files.bytes(&file).unwrap_or_default()));
                }
            }
        }
        for file in texts("envs").chain(tree.get_str(entry, "env")) {
            for file in self.files.at(directory, file) {
                let bytes = self.files.bytes(&file).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                text.lines().filter(is_of_key).for_each(|line| add(values, &file, line.trim()));
            }
        }
    }
}

fn add(values: &mut FieldValues, path: &str, value: &str) {
    let known = values.entry(path.to_owned()).or_default();
    *known = content::of_bytes(format!("{known}\0{value}").as_bytes());
}

/// Returns what stands for the values that the document at `root` has for a field: an object, a list of them, or a patch.
fn said_in(tree: &SyntaxTree<'_>, root: NodeId, field: &FieldSource) -> Vec<String> {
    if is_json_patch(tree, root) {
        let operations = tree.items(root).iter().filter(|operation| {
            let path = tree.get_str(**operation, "path").map(of_pointer).unwrap_or_default();
            overlap(&path, &field.path)
        });
        return operations.map(|operation| content::of_node(tree, *operation)).collect();
    }
    let items = tree.get(root, "items").map(|items| tree.items(items)).unwrap_or_default();
    let objects = std::iter::once(&root).chain(items).chain(tree.items(root));
    let is_wanted = |object: &&NodeId| {
        let kind = tree.get_str(**object, "kind");
        let is_kind = field.kind.is_none() || kind.is_none() || kind == field.kind.as_deref();
        is_kind
            && tree.get(**object, "metadata").is_none_or(|metadata| is_about(tree, metadata, "name", field))
    };
    let values = objects.filter(is_wanted).filter_map(|object| value_at(tree, *object, &field.path));
    values.map(|value| content::of_node(tree, value)).collect()
}

/// Returns whether the name of something may be the one of the field: a prefix and a suffix may be put around it.
fn is_about(tree: &SyntaxTree<'_>, node: NodeId, key: &str, field: &FieldSource) -> bool {
    let Some(wanted) = &field.name else { return true };
    tree.get_str(node, key).is_none_or(|name| wanted.contains(name))
}

/// Returns the node at a path, or the last one on the way where it cannot be told which one of a list is meant.
fn value_at(tree: &SyntaxTree<'_>, object: NodeId, path: &[String]) -> Option<NodeId> {
    let mut at = object;
    for key in path {
        if tree.is_mapping(at) {
            at = tree.get(at, key)?;
            continue;
        }
        let item = key.parse::<usize>().ok().and_then(|index| tree.items(at).get(index));
        let named = || {
            let (name, value) = key.split_once('=')?;
            tree.items(at).iter().find(|item| tree.get_str(**item, name) == Some(value))
        };
        match item.or_else(named) {
            Some(item) => at = *item,
            None => return Some(at),
        }
    }
    Some(at)
}

/// Returns the replacements below the root of a kustomization, of a list of them, or of a transformer: their nodes, their
/// sources and the paths that they write.
fn replacements(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<(NodeId, FieldSource, Vec<Vec<String>>)> {
    let list = tree.get(root, "replacements").map(|list| tree.items(list)).unwrap_or_default();
    let all = std::iter::once(&root).chain(list).chain(tree.items(root));
    let found = all.filter_map(|replacement| {
        let targets =
            tree.get(*replacement, "targets").map(|targets| tree.items(targets)).unwrap_or_default();
        let paths = targets.iter().filter_map(|target| tree.get(*target, "fieldPaths"));
        let paths = paths.flat_map(|paths| tree.items(paths)).filter_map(|path| tree.string_of(*path));
        Some((*replacement, source_of(tree, *replacement)?, paths.map(of_field_path).collect()))
    });
    found.collect()
}

/// Returns whether what is written at one path is, holds or stands in what is at the other. A position may be any.
fn overlap(a: &[String], b: &[String]) -> bool {
    let is_any = |key: &String| key == "*" || key == "-" || key.contains('=') || key.parse::<usize>().is_ok();
    a.iter().zip(b).all(|(a, b)| a == b || is_any(a) || is_any(b))
}
