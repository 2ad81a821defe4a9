//! What a kustomization takes from the objects that it builds: of patches that copy, of replacements and variables.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
    /// The sources of the replacements in the files that were asked about.
    known: RefCell<HashMap<String, Vec<FieldSource>>>,
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

/// The kustomizations that build a file, and the file itself where nobody names a kustomization.
type Builders<'p> = (BTreeSet<&'p str>, Option<&'p str>);

/// A replacement of a kustomization.
struct Replacement {
    /// The document, counted over all kustomizations that are read.
    document: usize,
    /// The file that has it.
    file: String,
    content: String,
    source: FieldSource,
    targets: Vec<Vec<String>>,
}

/// What is said of a field.
enum Said {
    /// What stands for a value, by the file that it comes from.
    Value(String, String),
    /// A replacement, of all that are read, writes it.
    Replaced(usize),
}

impl<'b> FieldSources<'b> {
    pub(super) fn new(files: &'b Files<'b>, scans: &'b [FileScan]) -> Self {
        let named = scans.iter().flat_map(|file| {
            file.scan.kustomize.overlays.iter().map(move |overlay| (file.root_path.as_str(), overlay))
        });
        Self { files, overlays: named.collect(), known: RefCell::default() }
    }

    /// Returns the sources of the replacements that some files hold.
    pub(super) fn replacements<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Vec<FieldSource> {
        let of_file = |path: &str| {
            if let Some(known) = self.known.borrow().get(path) {
                return known.clone();
            }
            let mut found = Vec::new();
            self.read(path, |tree, root| {
                found.extend(replacements(tree, root).into_iter().map(|(_, source, _)| source));
            });
            self.known.borrow_mut().insert(path.to_owned(), found.clone());
            found
        };
        paths.flat_map(of_file).collect()
    }

    /// Returns what stands for the values of the fields that the file at each path asks for, in what the kustomizations read
    /// that it is part of. Files are read once for all that ask about the same ones.
    pub(super) fn values(&self, asked: &[(&'b str, Vec<FieldSource>)]) -> Vec<FieldValues> {
        let mut values: Vec<FieldValues> = asked.iter().map(|_| FieldValues::new()).collect();
        let mut builders: HashMap<&str, Builders<'_>> = HashMap::new();
        let mut by_builders: BTreeMap<Builders<'_>, Vec<usize>> = BTreeMap::new();
        for (index, (path, _)) in asked.iter().enumerate().filter(|(_, (_, fields))| !fields.is_empty()) {
            let builders = builders.entry(path).or_insert_with(|| self.builders(path));
            by_builders.entry(builders.clone()).or_default().push(index);
        }
        for (builders, indices) in by_builders {
            let scope = self.scope(builders);
            let replacements = self.replacements_of(&scope);
            let said = self.said(&scope, &replacements, indices.iter().flat_map(|index| &asked[*index].1));
            for index in indices {
                values[index] = put_together(asked[index].1.clone(), &said, &replacements);
            }
        }
        values
    }

    /// Returns the replacements of the kustomizations, in order.
    fn replacements_of(&self, scope: &BuildScope) -> Vec<Replacement> {
        let (mut found, mut document) = (Vec::new(), 0);
        for file in &scope.kustomizations {
            self.read(file, |tree, root| {
                found.extend(replacements(tree, root).into_iter().map(|(node, source, targets)| {
                    let content = content::of_node(tree, node);
                    Replacement { document, file: file.clone(), content, source, targets }
                }));
                document += 1;
            });
        }
        found
    }

    /// Returns what is said of each of the fields, and of those that replacements write into them, in order.
    fn said<'f>(
        &self,
        scope: &BuildScope,
        replacements: &'f [Replacement],
        fields: impl Iterator<Item = &'f FieldSource>,
    ) -> HashMap<&'f FieldSource, Vec<Said>> {
        let mut open: Vec<&FieldSource> = fields.collect();
        let mut writers: HashMap<&FieldSource, Vec<usize>> = HashMap::new();
        while let Some(field) = open.pop() {
            if writers.contains_key(field) {
                continue;
            }
            let writes = |it: &Replacement| it.targets.iter().any(|target| overlap(target, &field.path));
            let all = replacements.iter().enumerate().filter(|(_, it)| writes(it));
            let all: Vec<usize> = all.map(|(index, _)| index).collect();
            open.extend(all.iter().map(|index| &replacements[*index].source));
            writers.insert(field, all);
        }
        let mut said: HashMap<&FieldSource, Vec<Said>> =
            writers.keys().map(|field| (*field, Vec::new())).collect();
        for file in &scope.files {
            self.add_objects(file, &mut said);
        }
        let mut document = 0;
        for file in &scope.kustomizations {
            self.read(file, |tree, root| {
                for (field, said) in &mut said {
                    self.add_kustomization(file, tree, root, field, said);
                    let writers = writers.get(field).into_iter().flatten();
                    let own = writers.filter(|index| replacements[**index].document == document);
                    said.extend(own.map(|index| Said::Replaced(*index)));
                }
                document += 1;
            });
        }
        said
    }

    /// Returns the kustomizations that a file belongs to: a kustomization, or a patch.
    fn builders(&self, path: &'b str) -> Builders<'b> {
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
        (roots, (own.is_none() && is_named(path)).then_some(path))
    }

    /// Returns what is read by some kustomizations.
    fn scope(&self, (roots, unnamed): Builders<'_>) -> BuildScope {
        let mut scope = BuildScope::default();
        scope.kustomizations.extend(unnamed.map(str::to_owned));
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

    /// Adds what the objects and the patches in a file say of fields.
    fn add_objects(&self, path: &str, said: &mut HashMap<&FieldSource, Vec<Said>>) {
        let is_whole = self.read(path, |tree, root| {
            for (field, said) in &mut *said {
                said_in(tree, root, field).into_iter().for_each(|value| add(said, path, value));
            }
        });
        if !is_whole {
            let content = content::of_bytes(&self.files.bytes(path).unwrap_or_default());
            said.values_mut().for_each(|said| add(said, path, content.clone()));
        }
    }

    /// Adds what a kustomization itself says of a field: in generators, patches and what it puts on every object.
    fn add_kustomization(
        &self,
        path: &str,
        tree: &SyntaxTree<'_>,
        root: NodeId,
        field: &FieldSource,
        said: &mut Vec<Said>,
    ) {
        let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
        for (kind, key) in [("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")] {
            for entry in list(key).iter().filter(|entry| is_about(tree, **entry, "name", field)) {
                if field.kind.as_deref().is_none_or(|wanted| wanted == kind) {
                    self.add_generated(path, tree, *entry, field, said);
                }
            }
        }
        let by_text = |key: &str| list(key).iter().filter_map(|patch| tree.get_str(*patch, "patch"));
        let texts = list("patchesStrategicMerge").iter().filter_map(|patch| tree.string_of(*patch));
        for text in texts.chain(by_text("patches")).chain(by_text("patchesJson6902")) {
            let inner = yaml::parse(text);
            for root in inner.documents.iter().filter_map(|document| document.root) {
                said_in(&inner, root, field).into_iter().for_each(|value| add(said, path, value));
            }
        }
        let is_metadata = |key: &String| matches!(key.as_str(), "metadata" | "annotations" | "labels");
        if field.path.iter().any(is_metadata) {
            let last = field.path.last().map(String::as_str).unwrap_or_default();
            for key in ["commonAnnotations", "commonLabels"] {
                let value = tree.get(root, key).and_then(|map| tree.get(map, last));
                value.into_iter().for_each(|value| add(said, path, content::of_node(tree, value)));
            }
            for key in ["labels", "namePrefix", "nameSuffix", "namespace"] {
                let value = tree.get(root, key);
                value.into_iter().for_each(|value| add(said, path, content::of_node(tree, value)));
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
        said: &mut Vec<Said>,
    ) {
        let directory = directory_of(path);
        let [_, key, ..] = field.path.as_slice() else {
            add(said, path, content::of_node(tree, entry));
            for (file, content) in self.files.named(directory, &texts(tree, entry)) {
                add(said, &file, content);
            }
            return;
        };
        let list = |name: &str| tree.get(entry, name).map(|list| tree.items(list)).unwrap_or_default();
        let texts = |name: &str| list(name).iter().filter_map(|item| tree.string_of(*item));
        let is_of_key = |line: &&str| line.split('=').next().is_some_and(|name| name.trim() == key);
        for literal in texts("literals").filter(is_of_key) {
            add(said, path, literal.to_owned());
        }
        for file in texts("files") {
            let (name, file) =
                file.split_once('=').unwrap_or((file.rsplit('/').next().unwrap_or(file), file));
            if name == key {
                for file in self.files.at(directory, file) {
                    add(said, &file, content::of_bytes(&self.files.bytes(&file).unwrap_or_default()));
                }
            }
        }
        for file in texts("envs").chain(tree.get_str(entry, "env")) {
            for file in self.files.at(directory, file) {
                let bytes = self.files.bytes(&file).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                text.lines().filter(is_of_key).for_each(|line| add(said, &file, line.trim().to_owned()));
            }
        }
    }
}

fn add(said: &mut Vec<Said>, path: &str, value: String) {
    said.push(Said::Value(path.to_owned(), value));
}

/// Puts together what is said of some fields, and of those that replacements write into them.
fn put_together(
    mut fields: Vec<FieldSource>,
    said: &HashMap<&FieldSource, Vec<Said>>,
    replacements: &[Replacement],
) -> FieldValues {
    let mut values = FieldValues::new();
    let mut add = |path: &str, value: &str| {
        let known = values.entry(path.to_owned()).or_default();
        *known = content::of_bytes(format!("{known}\0{value}").as_bytes());
    };
    let mut seen: HashSet<FieldSource> = fields.iter().cloned().collect();
    let mut next = 0;
    while let Some(field) = fields.get(next).cloned() {
        next += 1;
        for said in said.get(&field).into_iter().flatten() {
            match said {
                Said::Value(path, value) => add(path, value),
                // What is written there by another replacement comes from its own source.
                Said::Replaced(index) => {
                    let Replacement { file, content, source, .. } = &replacements[*index];
                    if seen.insert(source.clone()) {
                        add(file, content);
                        fields.push(source.clone());
                    }
                }
            }
        }
    }
    values
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
