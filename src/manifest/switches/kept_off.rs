//! What overlays, components and deployers keep off that other files bring: an object that a patch deletes, a container that it takes
//! out or puts others in the place of, a count of zero. And what they let run that an object's own switch keeps off.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::selectors::{ObjectNotes, Objects, is_selected, notes_of};
use super::switch::{OffCondition, Switch, SwitchScope, literal, off_in};
use super::switch_words::{MARKERS, Sense, is_marker, is_off, sense};
use crate::manifest::deploy::Deployers;
use crate::manifest::file_scan::FileScan;
use crate::manifest::located::Scan;
use crate::manifest::site::Site;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;
use crate::source::tree::{directory_of, path_from};

/// How much one deployer is heard of what it keeps off in one file: by more of it nothing is off in another way.
const KEPT_MAX: usize = 100;

/// How many components are followed to those who take them.
const TAKERS_MAX: usize = 100;

/// The keys of patches: of kustomize, of Flux, of Argo CD.
const PATCHES: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];

/// Something that a patch keeps off, or a count of zero.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PatchedOff {
    objects: Objects,
    /// The name of the container that is taken out.
    container: Option<String>,
    /// What the JSON pointers contain of what is kept off, in lower case.
    below: String,
    said: String,
    /// By which labels and annotations a target picks objects, as selectors; empty where it asks for none.
    selected_by: [String; 2],
}

/// A switch of an object itself that a patch takes away or turns on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LetRun {
    objects: Objects,
    /// The JSON pointer of the switch, or of what it stands in, in lower case.
    at: String,
}

/// What other files say of the objects of a file.
#[derive(Debug, Default)]
pub(super) struct SaidByOthers {
    /// What they keep off.
    pub(super) kept_off: Vec<Switch>,
    let_run: Vec<LetRun>,
}

impl SaidByOthers {
    /// Returns whether they let run what an object's own switch keeps off.
    pub(super) fn lets_run(&self, switch: &Switch) -> bool {
        let path = switch.path.to_lowercase();
        let Some((kind, name)) = &switch.object else { return false };
        self.let_run.iter().any(|lets| {
            let below = path.strip_prefix(&lets.at);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
                && lets.objects.are(Some(kind), Some(name))
        })
    }
}

/// Returns what other files, those of deployers, say of the objects of each of `files`, by its position; `text` returns what is written
/// in a file.
pub(super) fn of_others(
    files: &[FileScan],
    deployers: &Deployers,
    text: impl Fn(&str) -> Option<String>,
) -> HashMap<usize, SaidByOthers> {
    let mut found: HashMap<usize, SaidByOthers> = HashMap::new();
    let paths = files.iter().enumerate().map(|(at, file)| (file.root_path.as_str(), at));
    let by_path: BTreeSet<(&str, usize)> = paths.collect();
    let mut notes: HashMap<usize, Rc<[ObjectNotes]>> = HashMap::new();
    let puts_to_names = |text: &String| text.contains("namePrefix") || text.contains("nameSuffix");
    let may_be_renamed =
        deployers.names.keys().any(|path| text(path).is_some_and(|text| puts_to_names(&text)));
    for path in deployers.names.keys() {
        let Some(own) = text(path).filter(|text| may_keep_off(text)) else { continue };
        let (mut kept, mut let_run) = said_by(path, &own, &text);
        kept.iter_mut().for_each(|it| it.objects.may_be_renamed = may_be_renamed);
        let_run.iter_mut().for_each(|it| it.objects.may_be_renamed = may_be_renamed);
        if kept.is_empty() && let_run.is_empty() {
            continue;
        }
        for by in takers(path, deployers) {
            let reach = reach(&by, deployers);
            let reached: BTreeSet<usize> =
                reach.iter().flat_map(|path| at_and_below(&by_path, path)).collect();
            for at in reached {
                let said = found.entry(at).or_default();
                let scan = &files[at].scan;
                let all = kept.iter().flat_map(|kept| kept.switches(&by, scan));
                said.kept_off.extend(all.take(KEPT_MAX));
                let mut notes = || {
                    let known = notes.entry(at);
                    Rc::clone(known.or_insert_with(|| notes_of(text(&files[at].root_path).as_deref()).into()))
                };
                let all = kept.iter().flat_map(|kept| kept.picked(&by, scan, &mut notes));
                said.kept_off.extend(all.take(KEPT_MAX));
                said.let_run.extend(let_run.iter().cloned());
            }
        }
    }
    found
}

fn may_keep_off(text: &str) -> bool {
    ["patches", "transformers", "commonAnnotations"].iter().any(|key| text.contains(key))
        || text.contains("replicas:") && text.contains("count:")
}

/// Returns the files that have a file keep things off: itself, but those that take a component where it is one.
fn takers(path: &str, deployers: &Deployers) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![path.to_owned()]);
    let mut seen = BTreeSet::new();
    while let Some(path) = open.pop().filter(|_| seen.len() < TAKERS_MAX) {
        if !deployers.components.contains(&path) {
            found.insert(path);
        } else if seen.insert(path.clone()) {
            let takes = |named: &str| named == path || named == directory_of(&path);
            let all =
                deployers.names.iter().filter(|(_, names)| names.iter().any(|named| takes(&named.path)));
            open.extend(all.map(|(by, _)| by.clone()));
        }
    }
    found
}

/// Returns the files and the directories that a file has deployed.
fn reach(by: &str, deployers: &Deployers) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![by.to_owned()];
    while let Some(by) = open.pop() {
        for named in deployers.names.get(&by).into_iter().flatten() {
            if found.insert(named.path.clone()) {
                let below = |file: &str| match named.path.as_str() {
                    "" => file.to_owned(),
                    path => format!("{path}/{file}"),
                };
                let files = ["kustomization.yaml", "kustomization.yml", "Kustomization"].map(below);
                open.extend(files.into_iter().filter(|file| deployers.names.contains_key(file)));
                open.push(named.path.clone());
            }
        }
    }
    found
}

/// Returns the positions of the file at a path, or of those below it; one that is on disk as it is not in HEAD has two.
fn at_and_below(files: &BTreeSet<(&str, usize)>, path: &str) -> Vec<usize> {
    let directory = if path.is_empty() { String::new() } else { format!("{path}/") };
    let below = files.range((directory.as_str(), 0)..).take_while(|(file, _)| file.starts_with(&directory));
    below.chain(files.range((path, 0)..=(path, usize::MAX))).map(|(_, at)| *at).collect()
}

impl PatchedOff {
    /// Returns one more switch for each object that is picked as it is written, by its name, its namespace, its labels and annotations:
    /// with others it is another one.
    fn picked(&self, by: &str, scan: &Scan, notes: &mut impl FnMut() -> Rc<[ObjectNotes]>) -> Vec<Switch> {
        let asks_for_notes = self.selected_by.iter().any(|it| !it.is_empty());
        if self.objects.is_any() && !asks_for_notes {
            return Vec::new();
        }
        let mut is_picked = |site: &Site| {
            let has_notes = |all: &ObjectNotes| {
                self.selected_by.iter().zip(all).all(|(selector, notes)| is_selected(selector, notes))
            };
            let namespace = site.owner.as_ref().and_then(|owner| owner.namespace.as_deref());
            self.objects.are_called(site.name.as_deref(), namespace)
                && (!asks_for_notes || notes().get(site.document).is_some_and(has_notes))
        };
        let said = format!("{}, which it is picked for", self.said);
        let sites = self.sites(scan).filter(|site| is_picked(site));
        sites.map(|site| switch(by, site, &said)).collect()
    }

    fn switches(&self, by: &str, scan: &Scan) -> Vec<Switch> {
        self.sites(scan).map(|site| switch(by, site, &self.said)).collect()
    }

    /// Returns the sites in a file that it may be about.
    fn sites<'s>(&'s self, scan: &'s Scan) -> impl Iterator<Item = &'s Site> {
        scan.sites.iter().map(|located| &located.site).filter(|site| {
            let container = site.owner.as_ref().and_then(|owner| owner.container.as_deref());
            self.objects.are(site.kind.as_deref(), site.name.as_deref())
                && self.container.as_deref().is_none_or(|name| container == Some(name))
                && site.path.to_lowercase().contains(&self.below)
        })
    }
}

fn switch(by: &str, site: &Site, said: &str) -> Switch {
    let scope = SwitchScope::Below(site.document, site.path.to_lowercase());
    Switch::elsewhere(scope, OffCondition::said_by(by, said.to_owned()))
}

/// Returns what a file keeps off by its patches and counts, and what it lets run.
fn said_by(path: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> (Vec<PatchedOff>, Vec<LetRun>) {
    let tree = yaml::parse(text);
    let read = |file: &str| read(&path_from(directory_of(path), file)?);
    let mut patched = PatchEffects::default();
    for node in 0..tree.nodes.len() {
        for (key, value) in tree.entries(node) {
            match tree.text_of(*key) {
                Some(key) if PATCHES.contains(&key) => {
                    tree.items(*value).iter().for_each(|item| patched.patch(&tree, *item, read));
                }
                Some("replicas") => tree.items(*value).iter().for_each(|item| patched.count(&tree, *item)),
                Some("transformers") => {
                    tree.items(*value).iter().for_each(|item| patched.transformer(&tree, *item, read));
                }
                Some("commonAnnotations") => {
                    for (key, value) in tree.entries(*value) {
                        if let Some((key, value)) = tree.text_of(*key).zip(literal(&tree, *value)) {
                            let at = format!("/metadata/annotations/{}", escaped(key));
                            patched.set(&Objects::default(), &at, Some(&value));
                        }
                    }
                }
                _ => {}
            }
        }
    }
    (patched.kept_off, patched.let_run)
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Returns whether a text is YAML and not the name of a file with some.
fn is_inline(text: &str) -> bool {
    text.contains('\n') || text.contains(": ")
}

/// What is read of a file's patches.
#[derive(Default)]
struct PatchEffects {
    kept_off: Vec<PatchedOff>,
    let_run: Vec<LetRun>,
}

impl PatchEffects {
    fn keep_off(&mut self, objects: &Objects, container: Option<String>, below: &str, said: String) {
        let (objects, below) = (objects.clone(), below.to_lowercase());
        let selected_by = Default::default();
        self.kept_off.push(PatchedOff { objects, container, below, said, selected_by });
    }

    /// Reads what is set at a JSON pointer of objects; `None` where it is taken away.
    fn set(&mut self, objects: &Objects, at: &str, value: Option<&str>) {
        let (above, last) = at.rsplit_once('/').unwrap_or(("", at));
        let key = last.replace("~1", "/").replace("~0", "~");
        let is_known = MARKERS.iter().any(|(marker, _)| *marker == key);
        let off = value.filter(|value| match sense(&key) {
            Some((sense, _)) => is_off(sense, value),
            None => is_marker(&key, value),
        });
        match off {
            Some(value) if is_known => self.keep_off(objects, None, "", format!("{key}: {value}")),
            Some(value) => self.keep_off(objects, None, &format!("{above}/"), format!("{key}: {value}")),
            None if value.is_none() || is_switch(&key) => {
                self.let_run.push(LetRun { objects: objects.clone(), at: at.to_lowercase() });
            }
            None => {}
        }
    }

    /// Reads an item of `replicas`, or what a transformer says of one.
    fn count(&mut self, tree: &SyntaxTree<'_>, item: NodeId) {
        let Some(name) = tree.get_str(item, "name") else { return };
        let Some(count) = tree.get(item, "count").and_then(|count| literal(tree, count)) else { return };
        let objects = Objects { name: name.to_owned(), ..Objects::default() };
        match is_off(Sense::Count, &count) {
            true => self.keep_off(&objects, None, "/spec/", format!("replicas of {name}: 0")),
            false => self.set(&objects, "/spec/replicas", Some(&count)),
        }
    }

    /// Reads an item of the list of transformers: YAML, or the name of a file with some.
    fn transformer(
        &mut self,
        tree: &SyntaxTree<'_>,
        item: NodeId,
        read: impl Fn(&str) -> Option<String> + Copy,
    ) {
        let Some(said) = tree.string_of(item) else { return };
        let Some(text) = (if is_inline(said) { Some(said.to_owned()) } else { read(said) }) else { return };
        let transformers = yaml::parse(&text);
        for root in transformers.documents.iter().filter_map(|document| document.root) {
            match transformers.get_str(root, "kind") {
                Some("PatchTransformer") => self.patch(&transformers, root, read),
                Some("ReplicaCountTransformer") => {
                    if let Some(replica) = transformers.get(root, "replica") {
                        self.count(&transformers, replica);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads an item of a list of patches.
    fn patch(&mut self, tree: &SyntaxTree<'_>, item: NodeId, read: impl Fn(&str) -> Option<String>) {
        let text = match tree.string_of(item) {
            Some(text) if is_inline(text) => Some(text.to_owned()),
            Some(file) => read(file),
            None => match tree.get_str(item, "patch") {
                Some(text) => Some(text.to_owned()),
                None => tree.get_str(item, "path").and_then(read),
            },
        };
        let Some(text) = text else { return };
        let target = tree.get(item, "target").map(|target| {
            let word = |key| tree.get_str(target, key).unwrap_or_default().to_owned();
            // What else picks objects is not asked; with another one, others are picked.
            let more = tree.entries(target).iter().filter_map(|(key, value)| {
                let key = tree.text_of(*key).filter(|key| !matches!(*key, "kind" | "name"))?;
                Some(format!(", {key}: {}", tree.text_of(*value)?))
            });
            let objects = Objects {
                kind: word("kind"),
                name: word("name"),
                namespace: word("namespace"),
                ..Objects::default()
            };
            (objects, more.collect::<String>())
        });
        let patch = yaml::parse(&text);
        for (document, root) in patch.documents.iter().enumerate().filter_map(|(at, it)| Some((at, it.root?)))
        {
            let own = || {
                let metadata = patch.get(root, "metadata");
                let said = |key| metadata.and_then(|metadata| patch.get_str(metadata, key));
                let said = |key| said(key).unwrap_or_default().to_owned();
                let kind = patch.get_str(root, "kind").unwrap_or_default().to_owned();
                let objects =
                    Objects { kind, name: said("name"), namespace: said("namespace"), ..Objects::default() };
                (objects, String::new())
            };
            let (objects, more) = target.clone().unwrap_or_else(own);
            let before = self.kept_off.len();
            for operation in patch.items(root) {
                self.operation(&patch, *operation, &objects);
            }
            if patch.is_mapping(root) {
                self.merged(&patch, root, &objects);
            }
            for switch in off_in(&patch) {
                if let SwitchScope::Below(at, below) = switch.scope
                    && at == document
                {
                    self.keep_off(&objects, None, &below, switch.off.condition);
                }
            }
            let asked = |key| {
                let target = tree.get(item, "target")?;
                tree.get_str(target, key).map(str::to_owned)
            };
            let selected_by =
                ["labelSelector", "annotationSelector"].map(|key| asked(key).unwrap_or_default());
            for kept in &mut self.kept_off[before..] {
                kept.said.push_str(&more);
                kept.selected_by.clone_from(&selected_by);
            }
        }
    }

    /// Reads an operation of a JSON patch.
    fn operation(&mut self, patch: &SyntaxTree<'_>, operation: NodeId, objects: &Objects) {
        let Some(at) = patch.get_str(operation, "path") else { return };
        let value = patch.get(operation, "value");
        let said = value.and_then(|value| literal(patch, value));
        match (patch.get_str(operation, "op"), said) {
            (Some("remove"), _) => {
                self.keep_off(objects, None, at, format!("remove {at}"));
                self.set(objects, at, None);
            }
            (Some("add" | "replace"), Some(said)) => self.set(objects, at, Some(&said)),
            // What stood there goes.
            (Some("replace"), None) => self.keep_off(objects, None, at, format!("replace {at}")),
            _ => {}
        }
    }

    /// Reads what a strategic merge patch deletes, puts others in the place of, takes away and turns on.
    fn merged(&mut self, patch: &SyntaxTree<'_>, root: NodeId, objects: &Objects) {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            match patch.get_str(node, "$patch") {
                Some("delete") => {
                    let is_object = node == root || patch.get(node, "kind").is_some();
                    let container = patch.get_str(node, "name").filter(|_| !is_object).map(str::to_owned);
                    if is_object || container.is_some() {
                        self.keep_off(objects, container, "", "$patch: delete".to_owned());
                    }
                }
                Some("replace") => self.keep_off(objects, None, "", "$patch: replace".to_owned()),
                _ => {}
            }
            open.extend(patch.items(node));
            for (key, value) in patch.entries(node) {
                open.push(*value);
                let Some(key) = patch.text_of(*key) else { continue };
                let said = literal(patch, *value);
                let is_null = patch.is_null(*value);
                // What is off is read with the other switches of the patch.
                let is_off = |said: &String| {
                    sense(key).is_some_and(|(sense, _)| is_off(sense, said)) || is_marker(key, said)
                };
                if is_null {
                    self.keep_off(objects, None, &format!("/{}/", escaped(key)), format!("{key}: null"));
                }
                if is_null || is_switch(key) && said.as_ref().is_some_and(|said| !is_off(said)) {
                    let at = format!("{}/{}", patch.pointer(node), escaped(key));
                    self.set(objects, &at, said.as_deref().filter(|_| !is_null));
                }
            }
        }
    }
}

/// Returns whether a key is one of a switch.
fn is_switch(key: &str) -> bool {
    MARKERS.iter().any(|(marker, _)| *marker == key) || sense(key).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_patch_keeps_off_is_told_by_the_object_and_what_is_said() {
        let told = |text: &str| {
            let read = |path: &str| {
                (path == "o/p.yaml").then(|| "kind: Job\nmetadata: {name: b}\n$patch: delete\n".to_owned())
            };
            let all = said_by("o/kustomization.yaml", text, read).0.into_iter();
            let told =
                all.map(|it| format!("{}/{} {} {}", it.objects.kind, it.objects.name, it.below, it.said));
            told.collect::<Vec<_>>()
        };
        for (text, expected) in [
            ("patches: [{path: p.yaml}]", "Job/b  $patch: delete"),
            ("patchesStrategicMerge: [p.yaml]", "Job/b  $patch: delete"),
            ("patches: [{path: p.yaml, target: {kind: Pod, name: c}}]", "Pod/c  $patch: delete"),
            ("replicas: [{name: a, count: 0}]", "/a /spec/ replicas of a: 0"),
            (
                "patches: [{target: {name: a}, patch: '[{op: remove, path: /spec/x/1}]'}]",
                "/a /spec/x/1 remove /spec/x/1",
            ),
            (
                "patches: [{target: {name: a}, patch: '[{op: replace, path: /spec/replicas, value: 0}]'}]",
                "/a /spec/ replicas: 0",
            ),
            (
                "patches: [{patch: \"kind: CronJob\\nmetadata: {name: a}\\nspec: {suspend: true}\\n\"}]",
                "CronJob/a /spec/ suspend: true",
            ),
        ] {
            assert_eq!(told(text), [expected], "{text}");
        }
        for text in [
            "replicas: [{name: a, count: 2}]",
            "patches: [{path: none.yaml}]",
            "patches: [{target: {name: a}, patch: '[{op: replace, path: /spec/replicas, value: 2}]'}]",
            "patches: [{patch: \"kind: Pod\\nmetadata: {name: a}\\nspec: {x: 1}\\n\"}]",
        ] {
            assert_eq!(told(text), Vec::<String>::new(), "{text}");
        }
    }
}
