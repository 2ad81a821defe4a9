//! Finds the values of the variables in a tree's images, and says what the images become.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::rc::Rc;

use super::env_file;
use super::given_files::GivenFiles;
use super::in_file::OwnVariables;
use super::substitutions::{DataObject, Substitution, VariableSources, may_say, normal, read};
use crate::manifest::content;
use crate::manifest::inputs;
use crate::manifest::located::{Located, Scan};
use crate::manifest::partial_image::{ImageParts, PartialImage};
use crate::manifest::scan::{SIZE_MAX, is_candidate};
use crate::manifest::site::{State, classify};
use crate::manifest::variable_text::{VariableStyle, fill, names};
use crate::source::tree::{EntryKind, Tree, TreeEntry, directory_of, path_from, path_to};

/// A file: its path below the root of the tree, and what it holds.
type ScannedFile<'f> = (&'f str, &'f mut Scan);

/// The formats in whose images somebody puts values: Compose, and what Flux builds.
const FORMATS: [&str; 5] = ["compose", "kubernetes", "kustomize", "helm-values", "json-patch"];

/// The formats of pipelines, whose images a file gives names of its own.
const PIPELINES: [&str; 4] = ["azure-pipelines", "circleci", "github-actions", "gitlab-ci"];

/// Values of variables, each with the file that it stands in.
type VariableValues = BTreeMap<String, (String, String)>;

/// What is put into texts.
#[derive(Clone, Debug, Default)]
struct Filling {
    values: VariableValues,
    /// The same without the files.
    plain: BTreeMap<String, String>,
}

impl From<VariableValues> for Filling {
    fn from(values: VariableValues) -> Self {
        let plain = values.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        Self { values, plain }
    }
}

impl Filling {
    fn extend(&mut self, more: &VariableValues) {
        self.values.extend(more.clone());
        self.plain.extend(more.iter().map(|(name, (value, _))| (name.clone(), value.clone())));
    }
}

/// Returns one of those that put the same into a text with these variables: of the thousands that take one directory most do.
fn distinct<'v>(names: &BTreeSet<&str>, all: &[&'v Filling]) -> Vec<&'v Filling> {
    let mut seen: HashSet<Vec<Option<&'v String>>> = HashSet::new();
    let of = |filling: &'v Filling| names.iter().map(|name| filling.plain.get(*name)).collect();
    all.iter().copied().filter(|filling| seen.insert(of(filling))).collect()
}

/// Puts beside every image with a variable what it becomes with the values that stand in `tree`, and what these are; the
/// `entries` are all files of the tree, with their paths below the root.
pub(in crate::manifest) fn settle<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
    files: &mut [ScannedFile<'_>],
) {
    let is_named = |located: &Located| {
        PIPELINES.contains(&&*located.site.format) && located.site.image.contains(['$', '<'])
    };
    let is_pipeline = |scan: &Scan| scan.sites.iter().any(is_named);
    if !files.iter().any(|(_, scan)| has_variable(scan) || is_pipeline(scan)) {
        return;
    }
    let texts =
        Texts { tree, paths: entries.iter().map(|(entry, root_path)| (root_path.as_str(), entry)).collect() };
    for (path, scan) in files.iter_mut().filter(|(_, scan)| is_pipeline(scan)) {
        let own = OwnVariables::of(path, &texts.read(path).unwrap_or_default());
        for located in scan.sites.iter_mut().filter(|located| is_named(located)) {
            if let Some(value) = own.pinned(&located.site.image) {
                located.deployed.get_or_insert_default().filled = Some(value.to_owned());
            }
        }
    }
    let substituted = Substituted::of(&texts, entries, files);
    let is_compose = |scan: &Scan| scan.sites.iter().any(|it| &*it.site.format == "compose" && is_filled(it));
    let given = if files.iter().any(|(_, scan)| is_compose(scan)) {
        GivenFiles::of(&texts.paths.keys().copied().collect(), |path| texts.read(path))
    } else {
        GivenFiles::default()
    };
    for (path, scan) in files.iter_mut().filter(|(_, scan)| has_variable(scan)) {
        let known = FileVariables::of(path, scan, &texts, &substituted, &given);
        apply(scan, &known);
    }
}

/// Returns each `.env` of the tree whose `COMPOSE_FILE` says which files Compose takes, with those that are below the root.
pub(in crate::manifest) fn compose_files<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
) -> Vec<(String, Vec<String>)> {
    let is_one = |(entry, path): &&(TreeEntry, String)| {
        entry.kind == EntryKind::File && path.rsplit('/').next() == Some(".env")
    };
    let found = entries.iter().filter(is_one).filter_map(|(entry, path)| {
        let text = String::from_utf8(tree.read(&entry.path, SIZE_MAX).ok()?).ok()?;
        let values = env_file::parse(&text);
        let separator = values.get("COMPOSE_PATH_SEPARATOR").and_then(|text| text.chars().next());
        let is_end = |c: char| separator.map_or(matches!(c, ':' | ';'), |separator| c == separator);
        let files = values.get("COMPOSE_FILE")?.split(is_end);
        let files = files.filter_map(|file| path_from(directory_of(path), file.trim()));
        Some((path.clone(), files.filter(|file| !file.is_empty()).collect()))
    });
    found.collect()
}

/// What the variables of one file may be.
struct FileVariables {
    style: VariableStyle,
    values: Vec<Rc<Filling>>,
    /// What somebody may give to Compose instead.
    given: Vec<Filling>,
    /// The directory of the file.
    directory: String,
    /// What generators give to the templates of an `ApplicationSet`.
    generated: Vec<Filling>,
}

impl FileVariables {
    fn of<T: Tree>(
        path: &str,
        scan: &Scan,
        texts: &Texts<'_, T>,
        substituted: &Substituted<'_>,
        given: &GivenFiles,
    ) -> Self {
        let is_compose = scan.sites.iter().any(|located| &*located.site.format == "compose");
        let (style, values) = if is_compose {
            (VariableStyle::Compose, vec![Rc::new(texts.env_files(path).into())])
        } else {
            (VariableStyle::Flux, substituted.at(path, scan))
        };
        let text = if has_template(scan) { texts.read(path).unwrap_or_default() } else { String::new() };
        let from_here = |(name, value)| (name, (value, path.to_owned()));
        let generated = read(path, &text).generated.into_iter();
        let generated =
            generated.map(|all| all.into_iter().map(from_here).collect::<VariableValues>().into()).collect();
        let given = if is_compose { given.around(path) } else { Vec::new() };
        let given = given.into_iter().map(|path| {
            let mut all = values.first().map(|filling| filling.values.clone()).unwrap_or_default();
            let text = texts.read(&path).unwrap_or_default();
            all.extend(env_file::parse(&text).into_iter().map(|(name, it)| (name, (it, path.clone()))));
            all.into()
        });
        let given = given.collect();
        Self { style, values, given, directory: directory_of(path).to_owned(), generated }
    }

    /// Returns who fills a text of an object of `kind`, and with what.
    fn of_text(&self, text: &str, kind: Option<&str>) -> (VariableStyle, Vec<&Filling>) {
        if !is_generated(text, kind) {
            return (self.style, self.values.iter().map(|filling| &**filling).collect());
        }
        // A generator may give several things, of which not each is for this text.
        let fills = |filling: &&Filling| fill(text, &filling.plain, VariableStyle::Template).is_some();
        (VariableStyle::Template, self.generated.iter().filter(fills).collect())
    }

    /// Returns what somebody may give to Compose instead, of what has another value of a text's variables.
    fn given(&self, text: &str) -> Vec<&Filling> {
        let names = names(text);
        let main = self.values.first().map(|filling| &filling.values);
        let is_other = |filling: &&Filling| {
            names.iter().any(|name| filling.values.get(*name) != main.and_then(|main| main.get(*name)))
        };
        self.given.iter().filter(is_other).collect()
    }

    /// Returns the variables of a text with their values, each with the file that it stands in; past a number of those who say so
    /// without, and past as many values what stands for all of them.
    fn said(&self, text: &str, all: &[&Filling]) -> BTreeSet<(String, String)> {
        let names = names(text);
        let of = |filling: &&Filling| {
            let known = names.iter().filter_map(|name| Some((*name, filling.values.get(*name)?)));
            let said = known
                .map(|(name, (value, file))| (path_to(&self.directory, file), format!("{name}={value}")));
            said.collect::<Vec<_>>()
        };
        if all.len() <= WAYS_MAX {
            return all.iter().flat_map(of).collect();
        }
        let said = distinct(&names, all).iter().flat_map(of).map(|(_, said)| said).collect::<BTreeSet<_>>();
        if said.len() <= WAYS_MAX {
            return said.into_iter().map(|said| (String::new(), said)).collect();
        }
        let all: Vec<String> = said.into_iter().collect();
        BTreeSet::from([(String::new(), content::of_bytes(all.join("\n").as_bytes()))])
    }
}

fn is_generated(text: &str, kind: Option<&str>) -> bool {
    kind == Some("ApplicationSet") && text.contains("{{")
}

fn has_template(scan: &Scan) -> bool {
    scan.sites.iter().any(|located| is_generated(&located.site.image, located.site.kind.as_deref()))
        || scan.partials.iter().any(|partial| is_generated(&partial.parts.written(), partial.kind.as_deref()))
}

fn has_variable(scan: &Scan) -> bool {
    scan.sites.iter().any(is_filled)
        || scan.partials.iter().any(|partial| partial.parts.written().contains('$'))
        || has_template(scan)
}

fn is_filled(located: &Located) -> bool {
    let site = &located.site;
    (site.image.contains('$') && FORMATS.contains(&&*site.format))
        || is_generated(&site.image, site.kind.as_deref())
}

fn apply(scan: &mut Scan, known: &FileVariables) {
    for located in scan.sites.iter_mut().filter(|located| is_filled(located)) {
        let image = &located.site.image;
        let (style, all) = known.of_text(image, located.site.kind.as_deref());
        let mut said = known.said(image, &all);
        let all = if style == VariableStyle::Template { all } else { distinct(&names(image), &all) };
        let becomes: Vec<Option<String>> = all.iter().map(|filling| filled(image, filling, style)).collect();
        let mut becomes = worst(&becomes);
        let given = known.given(image);
        if !given.is_empty() {
            said.extend(known.said(image, &given));
            let instead: Vec<Option<String>> =
                given.iter().map(|filling| filled(image, filling, style)).collect();
            becomes = either(becomes, worst(&instead));
        }
        let filled = becomes;
        if filled.is_some() || !said.is_empty() {
            let deployed = located.deployed.get_or_insert_default();
            deployed.filled = filled;
            inputs::add(&mut deployed.inputs, said);
        }
    }
    let kept = |mut partial: PartialImage| {
        let written = partial.parts.written();
        let (style, all) = known.of_text(&written, partial.kind.as_deref());
        inputs::add(&mut partial.inputs, known.said(&written, &all));
        let all = if style == VariableStyle::Template { all } else { distinct(&names(&written), &all) };
        let has_digest =
            |filling: &&Filling| filled_parts(&partial.parts, &filling.plain, style).has_digest();
        let is_open = written.contains('$') || written.contains("{{");
        let is_pinned = is_open && !all.is_empty() && all.iter().all(has_digest);
        (!is_pinned).then_some(partial)
    };
    scan.partials = std::mem::take(&mut scan.partials).into_iter().filter_map(kept).collect();
}

/// Returns what an image becomes. What Compose is given elsewhere is not known, so that a default with a digest proves nothing.
fn filled(image: &str, filling: &Filling, style: VariableStyle) -> Option<String> {
    let is_given = || names(image).iter().all(|name| filling.plain.contains_key(*name));
    fill(image, &filling.plain, style).filter(|filled| {
        style != VariableStyle::Compose || classify(filled).0 == State::Floating || is_given()
    })
}

/// Returns what an image becomes that somebody may give other values: it is known to be pinned only where both are.
fn either(main: Option<String>, instead: Option<String>) -> Option<String> {
    let floats = |image: &Option<String>| image.as_ref().is_some_and(|it| classify(it).0 == State::Floating);
    if floats(&main) {
        return main;
    }
    instead.filter(|image| classify(image).0 != State::Floating)
}

/// Returns what is worst of what an image becomes in several places; `None` where one of them is not known, and none floats.
fn worst(filled: &[Option<String>]) -> Option<String> {
    let floats = |image: &&String| classify(image).0 == State::Floating;
    if let Some(floating) = filled.iter().flatten().find(floats) {
        return Some(floating.clone());
    }
    filled.iter().cloned().collect::<Option<Vec<_>>>()?.into_iter().next()
}

fn filled_parts(parts: &ImageParts, values: &BTreeMap<String, String>, style: VariableStyle) -> ImageParts {
    let filled =
        |text: &Option<String>| text.as_ref().map(|text| fill(text, values, style).unwrap_or_default());
    ImageParts { tag: filled(&parts.tag), digest: filled(&parts.digest), ..parts.clone() }
}

/// The files of a tree that are read as they are asked for.
struct Texts<'t, T> {
    tree: &'t T,
    paths: HashMap<&'t str, &'t TreeEntry>,
}

impl<T: Tree> Texts<'_, T> {
    fn read(&self, root_path: &str) -> Option<String> {
        let entry = self.paths.get(root_path).filter(|entry| entry.kind == EntryKind::File)?;
        let bytes = self.tree.read(&entry.path, SIZE_MAX).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the variables for a Compose file: of the `.env` beside it, and of those above, from where Compose may be run.
    fn env_files(&self, root_path: &str) -> VariableValues {
        let mut values = VariableValues::new();
        let above = root_path.match_indices('/').map(|(at, _)| &root_path[..at]);
        for directory in std::iter::once("").chain(above) {
            let path = if directory.is_empty() { ".env".to_owned() } else { format!("{directory}/.env") };
            let Some(text) = self.read(&path) else { continue };
            values.extend(
                env_file::parse(&text).into_iter().map(|(name, value)| (name, (value, path.clone()))),
            );
        }
        values
    }
}

/// What Flux substitutes, and in which files: many may do it in the same ones.
struct Substituted<'f> {
    all: Vec<(Rc<Filling>, Rc<HashSet<&'f str>>)>,
    /// The data of all objects, by `NAME.KEY`.
    data: VariableValues,
}

impl<'f> Substituted<'f> {
    fn of<T: Tree>(texts: &Texts<'_, T>, entries: &[(TreeEntry, String)], files: &[ScannedFile<'f>]) -> Self {
        let mut substitutions: Vec<Substitution> = Vec::new();
        let mut objects: HashMap<String, Vec<(String, DataObject)>> = HashMap::new();
        let manifests = entries.iter().map(|(_, root_path)| root_path).filter(|path| is_candidate(path));
        for path in manifests {
            let Some(text) = texts.read(path).filter(|text| may_say(text)) else { continue };
            let VariableSources { substitutions: more, objects: found, .. } = read(path, &text);
            substitutions.extend(more);
            for object in found {
                objects.entry(object.name.clone()).or_default().push((path.clone(), object));
            }
        }
        let mut by_path: BTreeMap<&'f str, Vec<&Scan>> = BTreeMap::new();
        files.iter().for_each(|(path, scan)| by_path.entry(path).or_default().push(scan));
        let mut reached_from: HashMap<&str, Rc<HashSet<&'f str>>> = HashMap::new();
        let all = substitutions.iter().flat_map(|substitution| {
            let path = substitution.path.as_str();
            let reached = reached_from.entry(path).or_insert_with(|| Rc::new(reached(path, &by_path)));
            let reached = Rc::clone(reached);
            let own = substitution.values.iter();
            let own = own.map(|(name, value)| (name.clone(), (value.clone(), substitution.file.clone())));
            let own: VariableValues = own.collect();
            let from = substitution.from.iter().filter_map(|name| objects.get(name));
            let from: Vec<Vec<VariableValues>> = from
                .map(|all| all.iter().map(|(file, object)| data(texts, file, object)).collect())
                .collect();
            alternatives(from).into_iter().map(move |mut values| {
                values.extend(own.clone());
                (Rc::new(values.into()), Rc::clone(&reached))
            })
        });
        let all = all.collect();
        let data = objects.values().flatten().flat_map(|(file, object)| {
            let entry = |(key, value): (&String, &String)| {
                (format!("{}.{key}", object.name), (value.clone(), file.clone()))
            };
            object.data.iter().map(entry).collect::<Vec<_>>()
        });
        Self { all, data: data.collect() }
    }

    /// Returns what the variables in a file may be, once for everybody who substitutes there.
    fn at(&self, root_path: &str, scan: &Scan) -> Vec<Rc<Filling>> {
        let here = self.all.iter().filter(|(_, reached)| reached.contains(root_path));
        let mut here: Vec<Rc<Filling>> = here.map(|(filling, _)| Rc::clone(filling)).collect();
        // What a release takes from an object, by its name and key.
        if scan.partials.iter().any(|partial| partial.parts.written().contains("$(")) {
            here.extend(here.is_empty().then(Rc::default));
            here.iter_mut().for_each(|filling| Rc::make_mut(filling).extend(&self.data));
        }
        here
    }
}

/// How many ways objects of the same names are put together, past which each counts by itself; and how many who substitute are
/// named.
const WAYS_MAX: usize = 64;

/// Returns what may come of objects in a row, each of which may be one of several with its name.
fn alternatives(from: Vec<Vec<VariableValues>>) -> Vec<VariableValues> {
    let ways = from.iter().fold(1_usize, |ways, all| ways.saturating_mul(all.len()));
    if ways > WAYS_MAX {
        return from.into_iter().flatten().collect();
    }
    from.into_iter().fold(vec![VariableValues::new()], |ways, all| {
        let with = |way: &VariableValues| {
            let merged = |more: &VariableValues| {
                way.iter().chain(more).map(|(name, at)| (name.clone(), at.clone())).collect()
            };
            all.iter().map(merged).collect::<Vec<VariableValues>>()
        };
        ways.iter().flat_map(with).collect()
    })
}

/// Returns the variables that an object of the file at `path` has.
fn data<T: Tree>(texts: &Texts<'_, T>, path: &str, object: &DataObject) -> VariableValues {
    let mut values = VariableValues::new();
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    for file in &object.files {
        let file = normal(&format!("{directory}/{file}"));
        let known = texts.read(&file).map(|text| env_file::parse(&text)).unwrap_or_default();
        values.extend(known.into_iter().map(|(name, value)| (name, (value, file.clone()))));
    }
    let own = object.data.iter();
    values.extend(own.map(|(name, value)| (name.clone(), (value.clone(), path.to_owned()))));
    values
}

/// Returns the files that are built from a directory: those below it, and those that kustomizations there build on.
fn reached<'f>(path: &str, files: &BTreeMap<&'f str, Vec<&Scan>>) -> HashSet<&'f str> {
    let (mut found, mut open) = (HashSet::new(), vec![path]);
    let mut seen: HashSet<&str> = HashSet::from([path]);
    while let Some(above) = open.pop() {
        let prefix = if above.is_empty() { String::new() } else { format!("{above}/") };
        let below = files.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        let below = below.take_while(|(path, _)| path.starts_with(&prefix));
        for (path, scans) in files.get_key_value(above).into_iter().chain(below) {
            if !found.insert(*path) {
                continue;
            }
            let overlays = scans.iter().flat_map(|scan| &scan.kustomize.overlays);
            for overlay in overlays.filter(|overlay| overlay.is_named) {
                let on = overlay.resources.iter().chain(&overlay.components).chain(&overlay.patches);
                open.extend(on.map(String::as_str).filter(|path| seen.insert(path)));
            }
        }
    }
    found
}
