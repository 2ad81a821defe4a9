//! Switches that are turned in another file: other values of a chart, a deployer's parameters, a patch, the settings of Compose.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::ignore_files::IgnoreFiles;
use super::includes::Includes;
use super::kept_off;
use super::related::RelatedValues;
use super::statements::{SaidValue, Statements, statements_of};
use super::switch::{OffCondition, Switch, SwitchScope};
use super::switch_index::SwitchedPlaces;
use super::switch_words::{is_off, may_switch, sense};
use super::tasks::TakenTasks;
use super::template_names::Defined;
use super::terraform_modules::is_of_module;
use super::unit_switches::NamingUnits;
use super::variable_switches::SaidVariables;
use crate::manifest::deploy::Deployers;
use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::compose::DEFAULT_FILES;
use crate::manifest::located::Scan;
use crate::manifest::scan::is_candidate;
use crate::manifest::syntax::yaml;
use crate::manifest::variables::env_file;
use crate::source::tree::{Tree, TreeEntry, directory_of};

/// Leaves of the switches in `files` those that nothing turns on elsewhere in the tree, and adds those that stand elsewhere:
/// conditions in templates of charts, and of charts in charts. The `entries` are all files of the tree, with their paths below the
/// root.
pub(in crate::manifest) fn settle<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
    deployers: &Deployers,
    files: &mut [FileScan],
) {
    // Who calls a module may have no image.
    let has_modules = files.iter().any(|file| is_of_module(&file.root_path) && !file.scan.sites.is_empty());
    for file in files.iter_mut() {
        let places = SwitchedPlaces::of(&file.scan);
        file.scan.switches.retain(|switch| places.has(&switch.scope));
    }
    let related = RelatedValues::of(entries, deployers);
    let statements = Statements::new(tree, entries);
    let own = if files.iter().any(|file| !file.scan.switches.is_empty()) {
        files.iter().map(|file| (file.root_path.clone(), OwnImages::of(&file.scan))).collect()
    } else {
        HashMap::new()
    };
    let mut by_others = kept_off::of_others(files, deployers, |path| statements.text(path));
    let ignores = IgnoreFiles::of(related.paths.values().flatten().copied(), |path| statements.text(path));
    let mut others = Elsewhere {
        statements,
        deployers,
        related,
        own,
        said: None,
        offs: HashMap::new(),
        defined: HashMap::new(),
        includes: HashMap::new(),
        overrides: HashMap::new(),
        named_in_texts: None,
        parents: None,
    };
    let mut variables = SaidVariables::of(
        files.iter().flat_map(|file| &file.scan.switches),
        has_modules,
        others.related.paths.values().flatten().copied(),
        &others.statements,
    );
    let mut tasks = TakenTasks::default();
    let mut units = NamingUnits::default();
    for (at, file) in files.iter_mut().enumerate() {
        let path = file.root_path.clone();
        let switches = std::mem::take(&mut file.scan.switches);
        let mut switches = variables.decide(&path, switches);
        switches.extend(variables.called(&path, &file.scan));
        let by_others = by_others.remove(&at).unwrap_or_default();
        switches.retain(|switch| !by_others.lets_run(switch));
        file.scan.switches = others.left_off(&path, switches);
        file.scan.switches.extend(by_others.kept_off);
        let more = others.of_values(&path, &file.scan);
        file.scan.switches.extend(more);
        let more = others.of_charts(&path, &file.scan);
        file.scan.switches.extend(more);
        let beside = others.related.paths.get(directory_of(&path)).map(Vec::as_slice).unwrap_or_default();
        let more = tasks.unused(&path, &file.scan, beside, &mut others.statements);
        file.scan.switches.extend(more);
        let adding = others.related.paths.get(format!("{path}.d").as_str()).into_iter().flatten();
        let around = beside.iter().chain(adding).map(|path| (*path).to_owned());
        file.scan.switches.extend(units.not_started(&path, &file.scan, around, &others.statements));
        let names = ignores.of_path(&path).into_iter().map(|ignore| format!("{ignore} leaves it out"));
        let skip = others.is_skipped(&path).then(|| format!("{path}.skip leaves it out"));
        let names = names
            .chain(skip)
            .chain(others.comes_before(&path).map(|other| format!("{other} comes before it")));
        let all = names.map(|condition| {
            Switch::elsewhere(SwitchScope::Within(0..usize::MAX), OffCondition::here(condition))
        });
        let places = SwitchedPlaces::of(&file.scan);
        let all: Vec<Switch> = all.filter(|switch| places.has(&switch.scope)).collect();
        file.scan.switches.extend(all);
    }
}

pub(super) struct Elsewhere<'e, T> {
    pub(super) statements: Statements<'e, T>,
    pub(super) deployers: &'e Deployers,
    pub(super) related: RelatedValues<'e>,
    /// Where each file has images of its own.
    own: HashMap<String, OwnImages>,
    /// What the files of the tree set, once that was asked.
    said: Option<SaidSwitches>,
    /// What the files with values turn off.
    pub(super) offs: HashMap<String, Rc<Vec<SaidOff>>>,
    /// What charts define, by their directories.
    pub(super) defined: HashMap<String, Rc<Defined>>,
    /// Where what charts define is asked for, by the directories of the charts.
    pub(super) includes: HashMap<String, Rc<Includes>>,
    /// The names of files in what the tree runs, each with those that have it, once that was asked.
    named_in_texts: Option<HashMap<String, BTreeSet<String>>>,
    /// What files of Compose add to others, by their directories.
    overrides: HashMap<String, Rc<Overrides>>,
    /// The charts that take another one by its directory, once that was asked.
    pub(super) parents: Option<HashMap<String, Vec<(String, String)>>>,
}

/// Where a file has images: what it says beside them is about these, and not about those of other files.
#[derive(Default)]
struct OwnImages {
    /// The JSON pointers, in lower case.
    paths: BTreeSet<String>,
    /// The kinds and names of their objects.
    objects: BTreeSet<(String, String)>,
}

impl OwnImages {
    fn of(scan: &Scan) -> Self {
        let mut found = Self::default();
        for site in scan.sites.iter().map(|located| &located.site) {
            found.paths.insert(site.path.to_lowercase());
            let object = site.kind.as_deref().zip(site.name.as_deref());
            found.objects.extend(object.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
        }
        found
    }

    /// Returns whether there is one beside the entry at a JSON pointer, or below that.
    fn are_beside(&self, entry: &str) -> bool {
        let above = entry.rsplit_once('/').map_or("", |(above, _)| above);
        // At the root anything is beside.
        let start = format!("{above}/");
        !above.is_empty()
            && self.paths.range(start.clone()..).next().is_some_and(|first| first.starts_with(&start))
    }
}

/// What files of Compose say that add to others.
#[derive(Default)]
pub(super) struct Overrides {
    /// The JSON pointers, in lower case, of what they take away (Compose, "Merge": `!reset`).
    reset: BTreeSet<String>,
    /// The profiles that they add, by the JSON pointers of the lists.
    profiles: HashMap<String, Vec<String>>,
}

impl Overrides {
    /// Returns whether they take away what others say at a JSON pointer, or above it.
    fn has_reset(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        above.chain([path]).any(|path| self.reset.contains(path))
    }
}

/// What a file turns off.
pub(super) struct SaidOff {
    /// What it is about, as a JSON pointer in lower case.
    pub(super) about: String,
    pub(super) condition: String,
}

/// How the switches are set that the files of a tree have, wherever they have them.
#[derive(Default)]
struct SaidSwitches {
    /// What is on in objects, and in patches of them.
    patched: PatchedSwitches,
    /// The files that say something, and what that is, by the last two keys in lower case.
    by_keys: HashMap<String, Vec<(String, SaidValue)>>,
}

/// The files that turn on a switch of an object of some kind and name, by its JSON pointer in lower case.
type PatchedSwitches = BTreeMap<String, BTreeSet<(String, (String, String))>>;

impl<T: Tree> Elsewhere<'_, T> {
    /// Returns the file that Compose takes instead of the one at `path`.
    fn comes_before(&self, path: &str) -> Option<&'static str> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = DEFAULT_FILES.iter().position(|known| *known == name)?;
        let beside = self.related.paths.get(directory)?;
        let is_there = |name: &str| beside.iter().any(|path| path.rsplit('/').next().unwrap_or(path) == name);
        DEFAULT_FILES[..at].iter().copied().find(|name| is_there(name))
    }

    /// Returns whether k3s passes over a file of its directory of manifests because of another one beside it.
    fn is_skipped(&self, path: &str) -> bool {
        let beside = self.related.paths.get(directory_of(path)).into_iter().flatten();
        beside.filter_map(|other| other.strip_suffix(".skip")).any(|named| named == path)
    }

    /// Returns those switches of a file that nothing elsewhere turns on.
    fn left_off(&mut self, file: &str, mut switches: Vec<Switch>) -> Vec<Switch> {
        let mut beside: Option<BTreeSet<String>> = None;
        let mut extended: Option<BTreeSet<String>> = None;
        switches.retain(|switch| {
            if switch.profiles().next().is_some() {
                let read = || extended_in(&self.statements.text(file).unwrap_or_default());
                let is_extended = extended.get_or_insert_with(read).contains(&switch.path);
                return !is_extended && !self.activates(file, switch);
            }
            let path = switch.path.to_lowercase();
            let is_on = match &switch.object {
                _ if sense(switch.path.rsplit('/').next().unwrap_or_default()).is_none() => false,
                Some((kind, name)) => self.said().patched.get(&path).is_some_and(|all| {
                    all.iter().any(|(other, of)| {
                        let (of_kind, named) = of;
                        // What scales an object may stand beside it.
                        let is_other = other != file || of_kind.is_empty() && !named.is_empty();
                        // What a kustomization says of others is known with them. What scales an object does it from anywhere.
                        let is_near = of_kind.is_empty() || directory_of(other) == directory_of(file);
                        is_other
                            && is_near
                            && (of_kind.is_empty() || of_kind == kind)
                            && (named.is_empty() || named == name)
                    })
                }),
                None => {
                    let said = beside.get_or_insert_with(|| self.said_beside(file));
                    let end: String = path.chars().rev().collect();
                    let first = said.range(end.clone()..).next();
                    let mut is_reset = || self.overrides(directory_of(file)).has_reset(&path);
                    first.is_some_and(|first| first.starts_with(&end)) || is_reset()
                }
            };
            !is_on
        });
        switches
    }

    /// Returns where the files beside one turn something on, as JSON pointers backwards.
    fn said_beside(&mut self, file: &str) -> BTreeSet<String> {
        let is_on = |said: &&SaidValue| {
            let sense = sense(&said.key).map(|(sense, _)| sense);
            said.literal != "…" && sense.is_some_and(|sense| !is_off(sense, &said.literal))
        };
        let mut found = BTreeSet::new();
        for other in self.related.beside(file) {
            let all = self.statements.of(&other);
            let own = self.own.get(&other);
            let is_of_others = |said: &&SaidValue| own.is_none_or(|own| !own.are_beside(&said.path));
            let on = all.iter().filter(is_on).filter(is_of_others);
            found.extend(on.map(|said| said.path.chars().rev().collect::<String>()));
        }
        found
    }

    /// Returns how the switches of the tree are set.
    fn said(&mut self) -> &SaidSwitches {
        if self.said.is_none() {
            let all: Vec<&str> = self.related.paths.values().flatten().copied().collect();
            let mut found = SaidSwitches::default();
            for path in all.into_iter().filter(|path| is_candidate(path) || is_run(path)) {
                let is_one =
                    |text: &String| may_switch(text) && (is_candidate(path) || text.contains("--set"));
                let Some(text) = self.statements.text(path).filter(is_one) else { continue };
                for said in statements_of(path, &text) {
                    let Some((sense, _)) = sense(&said.key).filter(|_| said.literal != "…") else {
                        continue;
                    };
                    let is_own = |object: &(String, String)| {
                        self.own.get(path).is_some_and(|own| own.objects.contains(object))
                    };
                    let object = said.object.clone().filter(|object| !is_own(object));
                    if let Some(object) = object.filter(|_| !is_off(sense, &said.literal)) {
                        let at = found.patched.entry(said.path.clone()).or_default();
                        at.insert((path.to_owned(), object));
                    }
                    let all = found.by_keys.entry(last_keys(&said.path).to_owned()).or_default();
                    all.push((path.to_owned(), said));
                }
            }
            self.said = Some(found);
        }
        self.said.get_or_insert_default()
    }

    /// Returns whether another file that somebody runs or deploys has the name of this one: behind `helm -f`, in a module.
    pub(super) fn is_named_in_text(&mut self, file: &str) -> bool {
        let (related, statements) = (&self.related, &self.statements);
        let named = self.named_in_texts.get_or_insert_with(|| {
            let mut found: HashMap<String, BTreeSet<String>> = HashMap::new();
            for path in related.paths.values().flatten().filter(|path| is_candidate(path) || is_run(path)) {
                let Some(text) = statements.text(path) else { continue };
                for name in names_of_files(&text) {
                    found.entry(name.to_owned()).or_default().insert((*path).to_owned());
                }
            }
            found
        });
        let name = file.rsplit('/').next().unwrap_or(file);
        named.get(name).is_some_and(|by| by.iter().any(|by| by != file))
    }

    /// Returns the files, of those that nobody is known to give it, which say of a value what `is_meant` takes.
    pub(super) fn sayers(
        &mut self,
        chart: &str,
        value: &str,
        known: &BTreeSet<String>,
        is_meant: impl Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        self.said();
        // One key alone says little, but to a chart's root.
        let is_it = |said: &SaidValue| match value.matches('/').count() {
            1 => said.path == value,
            _ => said.path.ends_with(value),
        };
        // Deployers of this chart are known, and the others say it of theirs, as charts do of themselves.
        let is_of_another = |path: &str, said: &SaidValue| {
            let above = path.match_indices('/').map(|(at, _)| &path[..at]).chain([""]);
            let in_chart =
                above.filter(|above| self.deployers.charts.contains(*above)).max_by_key(|it| it.len());
            let is_release = said.object.as_ref().is_some_and(|(kind, _)| RELEASES.contains(&kind.as_str()));
            is_release || in_chart.is_some_and(|other| !is_within(chart, other))
        };
        let all = self.said.iter().flat_map(|said| said.by_keys.get(last_keys(value))).flatten();
        let all = all.filter(|(path, said)| is_it(said) && !known.contains(path) && is_meant(&said.literal));
        all.filter(|(path, said)| !is_of_another(path, said)).map(|(path, _)| path.clone()).collect()
    }

    /// Returns what the files of Compose say that add to those in a directory.
    fn overrides(&mut self, directory: &str) -> Rc<Overrides> {
        if let Some(known) = self.overrides.get(directory) {
            return Rc::clone(known);
        }
        let beside = self.related.paths.get(directory).into_iter().flatten();
        let files: Vec<String> =
            beside.filter(|path| is_override(path)).map(|path| (*path).to_owned()).collect();
        let mut found = Overrides::default();
        for file in files {
            let Some(text) = self.statements.text(&file) else { continue };
            let tree = yaml::parse(&text);
            let reset = (0..tree.nodes.len()).filter(|node| tree.tag(*node) == "!reset");
            found.reset.extend(reset.map(|node| tree.pointer(node).to_lowercase()));
            let all = self.statements.of(&file);
            for said in all.iter() {
                if let Some((list, _)) =
                    said.path.rsplit_once('/').filter(|(list, _)| list.ends_with("/profiles"))
                {
                    let profile = said.literal.trim_matches('"').to_owned();
                    found.profiles.entry(list.to_owned()).or_default().push(profile);
                }
            }
        }
        let found = Rc::new(found);
        self.overrides.insert(directory.to_owned(), Rc::clone(&found));
        found
    }

    /// Returns whether a service runs though it has profiles: the `.env` of its project names one, or a file that adds to its own takes
    /// them away.
    fn activates(&mut self, file: &str, switch: &Switch) -> bool {
        let path = switch.path.to_lowercase();
        // Compose adds up what its files say of them.
        let others = self.overrides(directory_of(file));
        if others.has_reset(&path) {
            return true;
        }
        let added = others.profiles.get(&path).map(Vec::as_slice).unwrap_or_default();
        let above = file.match_indices('/').map(|(at, _)| &file[..at]);
        std::iter::once("").chain(above).any(|directory| {
            let path = if directory.is_empty() { ".env".to_owned() } else { format!("{directory}/.env") };
            let Some(text) = self.statements.text(&path) else { return false };
            let values: BTreeMap<String, String> = env_file::parse(&text);
            let named = values.get("COMPOSE_PROFILES").map(String::as_str).unwrap_or_default();
            named.split(',').map(str::trim).any(|named| {
                let mut all = switch.profiles().chain(added.iter().map(String::as_str));
                named == "*" || all.any(|profile| profile == named)
            })
        })
    }
}

/// Objects that give values to a chart, which they name.
const RELEASES: [&str; 5] = ["Application", "ApplicationSet", "HelmChart", "HelmChartConfig", "HelmRelease"];

/// Returns whether a directory is another one, or lies in it.
fn is_within(directory: &str, outer: &str) -> bool {
    outer.is_empty()
        || directory.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns whether a file is one of Compose by which others are added to (Compose, "Merge").
fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains("compose") && name.contains("override")
}

/// Returns whether somebody runs a file that is no manifest: a script, a recipe, a module.
fn is_run(path: &str) -> bool {
    const ENDINGS: [&str; 14] =
        ["bash", "go", "groovy", "hcl", "js", "just", "mk", "ps1", "py", "rb", "sh", "tf", "tofu", "ts"];
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_none_or(|(_, ending)| ENDINGS.contains(&ending))
}

/// Returns the last names of the YAML files that a text names.
fn names_of_files(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.match_indices(".yaml").chain(text.match_indices(".yml"));
    ends.map(|(at, ending)| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let start = text[..at]
            .rfind(|c| !is_part(c))
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        &text[start..at + ending.len()]
    })
}

/// Returns the last two keys of a JSON pointer.
fn last_keys(path: &str) -> &str {
    let from = path.rmatch_indices('/').map(|(at, _)| at).nth(1).unwrap_or_default();
    &path[from..]
}

/// Returns the JSON pointers of the profiles of those services that one without profiles extends, in the same file.
fn extended_in(text: &str) -> BTreeSet<String> {
    let tree = yaml::parse(text);
    let roots = tree.documents.iter().filter_map(|document| document.root);
    let services = roots.filter_map(|root| tree.get(root, "services")).flat_map(|all| tree.entries(all));
    let extended = services.filter_map(|(_, service)| {
        let base = tree.get(*service, "extends").filter(|base| tree.get(*base, "file").is_none())?;
        let name = tree.string_of(base).or_else(|| tree.get_str(base, "service"))?;
        let profiles = tree.get(*service, "profiles").map_or(0, |profiles| tree.items(profiles).len());
        let is_one = profiles == 0 && tree.get(*service, "image").is_none();
        is_one.then(|| format!("/services/{}/profiles", name.replace('~', "~0").replace('/', "~1")))
    });
    extended.collect()
}
