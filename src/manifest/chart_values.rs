//! Values that the templates of their chart put into images, though nothing in their names calls them so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::chart_dependencies::dependencies;
use super::deploy::{ChartForms, Charts, Deployers};
use super::formats::helm_values::has_name;
use super::located::Scan;
use super::partial_image::{ImageParts, PartialImage, ends_in_digest};
use super::scan::{SIZE_MAX, is_candidate};
use super::site::{State, classify};
use super::source_range::SourceRange;
use super::syntax::lines::Positions;
use super::syntax::tree::{NodeId, SyntaxTree};
use super::syntax::yaml;
use crate::source::tree::{EntryKind, Tree, TreeEntry};

/// The keys that lead to a value.
type ValuePath = Vec<String>;

/// A file of values, its path below the root, and what of it comes out in images.
pub(super) type ImageValues<'e> = (&'e TreeEntry, &'e str, Vec<PartialImage>);

/// Returns the values for the `charts` of `tree` that come out in an image without a digest and are no part of an image
/// that is known: beside a chart, and where one of the `deployers` names them with it. The `entries` are all files of the tree,
/// with their paths below the root; `scan_of` returns what is known of the one at a path.
pub(super) fn find<'e, 's, T: Tree>(
    tree: &T,
    entries: &'e [(TreeEntry, String)],
    charts: &Charts,
    deployers: &Deployers,
    scan_of: impl Fn(&str) -> Option<&'s Scan>,
) -> Vec<ImageValues<'e>> {
    let mut forms = ChartForms::default();
    let mut values: BTreeMap<&str, Vec<(&TreeEntry, &str)>> = BTreeMap::new();
    let mut files: HashMap<&str, (&TreeEntry, &str)> = HashMap::new();
    for (entry, root_path) in entries.iter().filter(|(entry, _)| entry.kind == EntryKind::File) {
        let (directory, name) = root_path.rsplit_once('/').unwrap_or(("", root_path));
        if has_name(name) && is_candidate(name) {
            values.entry(directory).or_default().push((entry, root_path));
        }
        files.insert(root_path, (entry, root_path));
    }
    let mut found: BTreeMap<&str, ImageValues<'e>> = BTreeMap::new();
    let directories: BTreeSet<&str> =
        charts.directories().chain(deployers.charts.iter().map(String::as_str)).collect();
    for directory in directories {
        let mut images = forms.images(charts, directory);
        let chart =
            if directory.is_empty() { "Chart.yaml".to_owned() } else { format!("{directory}/Chart.yaml") };
        if let Some((entry, _)) = files.get(chart.as_str()) {
            for (key, inner) in dependencies(&text_of(tree, entry), directory) {
                let all = forms.images(charts, &inner);
                images.extend(all.into_iter().map(|image| in_dependency(&key, image)));
            }
        }
        if images.is_empty() {
            continue;
        }
        let beside = values.get(directory).cloned().unwrap_or_default();
        let by = deployers.givers(directory);
        let named = by.iter().flat_map(|(_, names)| names).filter_map(|path| files.get(path).copied());
        let mut all: Vec<(&TreeEntry, &str)> = beside.clone();
        for file in named.filter(|file| !beside.contains(file)) {
            all.extend((!all.contains(&file)).then_some(file));
        }
        let is_default = |path: &str| matches!(path.rsplit('/').next(), Some("values.yaml" | "values.yml"));
        let default = beside.iter().find(|(_, path)| is_default(path)).map(|(entry, _)| text_of(tree, entry));
        let default = default.as_ref().map(|text| yaml::parse(without_mark(text)));
        let default = default.as_ref().and_then(ChartValues::whole);
        let mut add = |(entry, root_path): (&'e TreeEntry, &'e str), more: Vec<PartialImage>| {
            let (_, _, known) = found.entry(root_path).or_insert_with(|| (entry, root_path, Vec::new()));
            for partial in more {
                if !known.iter().any(|known| known.path == partial.path && known.document == partial.document)
                {
                    known.push(partial);
                }
            }
        };
        for (entry, root_path) in all {
            let text = text_of(tree, entry);
            let parsed = yaml::parse(without_mark(&text));
            let offset = text.len() - parsed.text.len();
            let known = scan_of(&entry.path).map(|scan| known(scan, offset)).unwrap_or_default();
            let Some(values) = ChartValues::whole(&parsed) else { continue };
            add((entry, root_path), values.loose_of(&images, default, &known, offset));
        }
        for (entry, root_path) in by.iter().filter_map(|(by, _)| files.get(by).copied()) {
            let text = text_of(tree, entry);
            let parsed = yaml::parse(without_mark(&text));
            let offset = text.len() - parsed.text.len();
            let scan = scan_of(&entry.path);
            let known = scan.map(|scan| known(scan, offset)).unwrap_or_default();
            for inline in inline_values(&parsed) {
                let more = match &inline.inner {
                    None => inline.here(&parsed).loose_of(&images, default, &known, offset),
                    Some(inner) => {
                        let inner = yaml::parse(inner);
                        let Some(values) = ChartValues::whole(&inner) else { continue };
                        let mut more = values.loose_of(&images, default, &BTreeSet::new(), 0);
                        more.retain(|partial| !is_known(scan, &inline.path(&parsed), &partial.path));
                        more.into_iter().map(|partial| inline.seen(&parsed, partial, offset)).collect()
                    }
                };
                add((entry, root_path), more);
            }
        }
    }
    found.into_values().filter(|(_, _, partials)| !partials.is_empty()).collect()
}

/// Returns the values of an image as a chart has them that depends on its chart: those of all stay where they are.
fn in_dependency(key: &str, image: Vec<ValuePath>) -> Vec<ValuePath> {
    let below = |path: ValuePath| {
        let is_of_all = path.first().is_some_and(|first| first == "global");
        if is_of_all { path } else { std::iter::once(key.to_owned()).chain(path).collect() }
    };
    image.into_iter().map(below).collect()
}

/// Values in a document: where the keys begin that templates know.
#[derive(Clone, Copy)]
struct ChartValues<'v, 'a> {
    tree: &'v SyntaxTree<'a>,
    document: usize,
    root: NodeId,
}

/// Values inside of a deployer's object: a mapping, a text, parameters.
struct InlineValues {
    document: usize,
    node: NodeId,
    /// The values where they are not the node itself.
    inner: Option<String>,
}

/// Returns the values inside of the objects of a file: those of Argo CD, Flux, k3s, Fleet and of a kustomization's charts.
fn inline_values(tree: &SyntaxTree<'_>) -> Vec<InlineValues> {
    let mut found = Vec::new();
    for (document, parsed) in tree.documents.iter().enumerate() {
        let mut open: Vec<NodeId> = parsed.root.into_iter().collect();
        while let Some(node) = open.pop() {
            for (key, value) in tree.entries(node) {
                let key = tree.text_of(*key).unwrap_or_default();
                let value = tree.resolve(*value);
                let is_one =
                    matches!(key, "values" | "valuesObject" | "valuesInline" | "valuesContent" | "set");
                if is_one && tree.is_mapping(value) {
                    found.push(InlineValues { document, node: value, inner: None });
                } else if is_one && tree.is_sequence(value) {
                    // helmfile lists files and values.
                    let inline = tree.items(value).iter().filter(|item| tree.is_mapping(**item));
                    let inline = inline.map(|item| tree.resolve(*item));
                    found.extend(inline.map(|node| InlineValues { document, node, inner: None }));
                } else if let Some(text) = tree.string_of(value).filter(|_| is_one) {
                    found.push(InlineValues { document, node: value, inner: Some(text.to_owned()) });
                }
                if matches!(key, "parameters" | "fileParameters" | "set") {
                    let inner = Some(of_parameters(tree, value)).filter(|inner| inner != "{}");
                    found.extend(inner.map(|inner| InlineValues {
                        document,
                        node: value,
                        inner: Some(inner),
                    }));
                }
            }
            let below = tree.entries(node).iter().map(|(_, value)| *value);
            let below = below.chain(tree.items(node).iter().copied());
            open.extend(below.filter(|node| tree.resolve(*node) == *node));
        }
    }
    found
}

/// Returns parameters with dots in their names as values, in JSON.
fn of_parameters(tree: &SyntaxTree<'_>, node: NodeId) -> String {
    let listed = tree.items(node).iter().filter_map(|item| {
        // What stands in a file is known by its name alone.
        let value = tree.get(*item, "value").or_else(|| tree.get(*item, "path"));
        Some((tree.get_str(*item, "name")?, value.and_then(|it| tree.text_of(it))?))
    });
    let mapped = tree.entries(node).iter();
    let mapped = mapped.filter_map(|(key, value)| Some((tree.text_of(*key)?, tree.text_of(*value)?)));
    let mut root = serde_json::Map::new();
    for (name, value) in listed.chain(mapped) {
        let name = name.replace('[', ".").replace(']', "");
        let mut at = &mut root;
        let mut keys: Vec<&str> = name.split('.').collect();
        let last = keys.pop().unwrap_or_default().to_owned();
        for key in keys {
            let below = at.entry(key).or_insert_with(|| serde_json::Map::new().into());
            if !below.is_object() {
                *below = serde_json::Map::new().into();
            }
            let serde_json::Value::Object(below) = below else { return "{}".to_owned() };
            at = below;
        }
        at.insert(last, value.into());
    }
    serde_json::Value::Object(root).to_string()
}

/// Returns whether something at the pointer `inner` of the values at `outer` is known as an image or a part of one.
fn is_known(scan: Option<&Scan>, outer: &str, inner: &str) -> bool {
    let Some(scan) = scan else { return false };
    let is_it =
        |path: &str| path.starts_with(outer) && path.ends_with(inner.rsplit('/').next().unwrap_or(inner));
    scan.sites.iter().any(|located| is_it(&located.site.path))
        || scan.partials.iter().any(|partial| is_it(&partial.path) || partial.key == inner)
}

impl InlineValues {
    fn path(&self, tree: &SyntaxTree<'_>) -> String {
        tree.pointer(self.node)
    }

    fn here<'v, 'a>(&self, tree: &'v SyntaxTree<'a>) -> ChartValues<'v, 'a> {
        ChartValues { tree, document: self.document, root: self.node }
    }

    /// Returns a part of an image in the inner values as it is seen from the file.
    fn seen(&self, tree: &SyntaxTree<'_>, partial: PartialImage, offset: usize) -> PartialImage {
        let path = self.path(tree) + &partial.path;
        let place = place_of(tree, tree.nodes[self.node].span(), offset);
        PartialImage { document: self.document, path: path.clone(), key: path, place, ..partial }
    }
}

/// Returns the values of an image with those that a template among them takes, as `tpl` does.
fn with_templates(mut image: Vec<ValuePath>, all: [Option<ChartValues<'_, '_>>; 2]) -> Vec<ValuePath> {
    let mut next = 0;
    while let Some(path) = image.get(next).cloned() {
        next += 1;
        let texts =
            all.into_iter().flatten().filter_map(|values| Some(values.tree.written(values.scalar(&path)?)));
        let texts: Vec<&str> = texts.filter(|text| text.contains("{{")).collect();
        for found in texts.iter().flat_map(|text| text.split(".Values.").skip(1)) {
            let end = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_');
            let found = found.split(end).next().unwrap_or_default().trim_matches('.');
            let found: ValuePath = found.split('.').map(str::to_owned).collect();
            if !image.contains(&found) && image.len() < 64 {
                image.push(found);
            }
        }
    }
    image
}

fn place_of(tree: &SyntaxTree<'_>, span: Range<usize>, offset: usize) -> SourceRange {
    let mut lines = Positions::new(tree.text);
    let (line, column) = lines.position(span.start);
    let (end_line, end_column) = lines.position(span.end);
    SourceRange { span: span.start + offset..span.end + offset, line, column, end_line, end_column }
}

/// Returns the text of a file; nothing where it cannot be read, which is said elsewhere.
fn text_of<T: Tree>(tree: &T, entry: &TreeEntry) -> String {
    tree.read(&entry.path, SIZE_MAX).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns where the scalars of the images start that are known in a file, whose text starts at byte `offset`.
fn known(scan: &Scan, offset: usize) -> BTreeSet<usize> {
    let of_sites = scan.sites.iter().map(|located| &located.site).flat_map(|site| {
        site.fields.values().map(|span| span.start).chain([site.span.start]).collect::<Vec<_>>()
    });
    of_sites.chain(scan.partials.iter().map(|partial| partial.place.span.start - offset)).collect()
}

impl<'v, 'a> ChartValues<'v, 'a> {
    /// Returns the values that the first document of a text is.
    fn whole(tree: &'v SyntaxTree<'a>) -> Option<Self> {
        let root = tree.documents.first()?.root?;
        Some(Self { tree, document: 0, root })
    }

    /// Returns the values of the `images` of a chart that are here, where neither these nor the chart's own have a digest among
    /// them.
    fn loose_of(
        self,
        images: &[Vec<ValuePath>],
        default: Option<ChartValues<'_, '_>>,
        known: &BTreeSet<usize>,
        offset: usize,
    ) -> Vec<PartialImage> {
        let images = images.iter().flat_map(|image| self.instances(image));
        let images = images.map(|image| with_templates(image, [Some(self), default]));
        images.flat_map(|image| self.loose(default, &image, known, offset)).collect()
    }

    fn loose(
        self,
        default: Option<ChartValues<'_, '_>>,
        image: &[ValuePath],
        known: &BTreeSet<usize>,
        offset: usize,
    ) -> Vec<PartialImage> {
        let tree = self.tree;
        let has_digest = |values: ChartValues<'_, '_>, path: &ValuePath| {
            values.scalar(path).is_some_and(|node| ends_in_digest(values.tree.written(node)))
        };
        let is_pinned = image.iter().any(|path| match default {
            Some(default) if self.scalar(path).is_none() => has_digest(default, path),
            _ => has_digest(self, path),
        });
        // An empty registry leaves the one that everybody has.
        let says_nothing = |path: &ValuePath, node: NodeId| {
            let key = path.last().map(|key| key.to_ascii_lowercase()).unwrap_or_default();
            key.contains("registry") && tree.written(node).is_empty()
        };
        let own = image.iter().filter_map(|path| Some((path, self.scalar(path)?)));
        let own = own.filter(|(path, node)| {
            !is_pinned && !known.contains(&tree.nodes[*node].span().start) && !says_nothing(path, *node)
        });
        let loose = own.map(|(_, node)| {
            let value = tree.written(node).to_owned();
            let is_whole = image.len() == 1 && value.contains(':') && classify(&value).0 == State::Floating;
            PartialImage {
                document: self.document,
                path: tree.pointer(node),
                kind: None,
                name: None,
                key: tree.pointer(node),
                makes: is_whole.then(|| value.clone()),
                parts: ImageParts { value: Some(value), ..ImageParts::default() },
                place: place_of(tree, tree.nodes[node].span(), offset),
                inputs: BTreeMap::new(),
            }
        });
        loose.collect()
    }

    /// Returns the scalar at a path; positions in lists are keys.
    fn scalar(self, path: &ValuePath) -> Option<NodeId> {
        let found = self.below(path)?;
        self.tree.text_of(found).map(|_| found)
    }

    fn below(self, path: &[String]) -> Option<NodeId> {
        let tree = self.tree;
        path.iter().try_fold(self.root, |node, key| match tree.items(node) {
            [] => tree.get(node, key),
            items => items.get(key.parse::<usize>().ok()?).map(|item| tree.resolve(*item)),
        })
    }

    /// Returns an image of the templates once for each thing here that its `*` may be: all of one image have the same.
    fn instances(self, image: &[ValuePath]) -> Vec<Vec<ValuePath>> {
        let tree = self.tree;
        let is_any = |key: &String| key == "*";
        let Some(open) = image.iter().find(|path| path.iter().any(is_any)) else {
            return vec![image.to_vec()];
        };
        let Some(at) = open.iter().position(is_any) else { return Vec::new() };
        let above = &open[..at];
        let Some(holder) = self.below(above) else { return Vec::new() };
        let keys = tree.entries(holder).iter().filter_map(|(key, _)| tree.text_of(*key).map(str::to_owned));
        let keys = keys.chain((0..tree.items(holder).len()).map(|index| index.to_string()));
        let bound = |key: String| {
            let bind = |path: &ValuePath| {
                let is_same = path.len() > at && path[..at] == *above && path[at] == "*";
                let mut path = path.clone();
                if is_same {
                    path[at].clone_from(&key);
                }
                path
            };
            self.instances(&image.iter().map(bind).collect::<Vec<_>>())
        };
        keys.flat_map(bound).collect()
    }
}
