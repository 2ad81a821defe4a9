//! Values that the templates of their chart put into images, though nothing in their names calls them so.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::deploy::{ChartForms, Charts};
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

/// Returns the values beside the `charts` of `tree` that come out in an image without a digest and are no part of an image
/// that is known. The `entries` are all files of the tree, with their paths below the root; `scan_of` returns what is known
/// of the one at a path.
pub(super) fn find<'e, 's, T: Tree>(
    tree: &T,
    entries: &'e [(TreeEntry, String)],
    charts: &Charts,
    scan_of: impl Fn(&str) -> Option<&'s Scan>,
) -> Vec<ImageValues<'e>> {
    let mut forms = ChartForms::default();
    let mut values: HashMap<&str, Vec<(&TreeEntry, &str)>> = HashMap::new();
    for (entry, root_path) in entries {
        let (directory, name) = root_path.rsplit_once('/').unwrap_or(("", root_path));
        if entry.kind == EntryKind::File && has_name(name) && is_candidate(name) {
            values.entry(directory).or_default().push((entry, root_path));
        }
    }
    let mut found = Vec::new();
    for directory in charts.directories() {
        let images = forms.images(charts, directory);
        let Some(values) = values.get(directory).filter(|_| !images.is_empty()) else { continue };
        let texts: Vec<String> = values.iter().map(|(entry, _)| text_of(tree, entry)).collect();
        let trees: Vec<SyntaxTree<'_>> = texts.iter().map(|text| yaml::parse(without_mark(text))).collect();
        let is_default = |path: &str| matches!(path.rsplit('/').next(), Some("values.yaml" | "values.yml"));
        let default = values.iter().position(|(_, path)| is_default(path)).map(|at| &trees[at]);
        for (((entry, root_path), tree), text) in values.iter().zip(&trees).zip(&texts) {
            let offset = text.len() - tree.text.len();
            let known = scan_of(&entry.path).map(|scan| known(scan, offset)).unwrap_or_default();
            let mut partials: Vec<PartialImage> = Vec::new();
            let images = images.iter().flat_map(|image| instances(tree, image));
            for partial in images.flat_map(|image| loose(tree, default, &image, &known, offset)) {
                if !partials.iter().any(|known| known.path == partial.path) {
                    partials.push(partial);
                }
            }
            if !partials.is_empty() {
                found.push((*entry, *root_path, partials));
            }
        }
    }
    found
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

/// Returns the values of an image that `tree` has, where neither it nor the chart's own values have a digest among them.
fn loose(
    tree: &SyntaxTree<'_>,
    default: Option<&SyntaxTree<'_>>,
    image: &[ValuePath],
    known: &BTreeSet<usize>,
    offset: usize,
) -> Vec<PartialImage> {
    let has_digest = |tree: &SyntaxTree<'_>, path: &ValuePath| {
        scalar(tree, path).is_some_and(|node| ends_in_digest(tree.written(node)))
    };
    let is_pinned = image.iter().any(|path| match default {
        Some(default) if scalar(tree, path).is_none() => has_digest(default, path),
        _ => has_digest(tree, path),
    });
    // An empty registry leaves the one that everybody has.
    let says_nothing = |path: &ValuePath, node: NodeId| {
        let key = path.last().map(|key| key.to_ascii_lowercase()).unwrap_or_default();
        key.contains("registry") && tree.written(node).is_empty()
    };
    let own = image.iter().filter_map(|path| Some((path, scalar(tree, path)?)));
    let own = own.filter(|(path, node)| {
        !is_pinned && !known.contains(&tree.nodes[*node].span().start) && !says_nothing(path, *node)
    });
    let loose = own.map(|(_, node)| {
        let value = tree.written(node).to_owned();
        let is_whole = image.len() == 1 && value.contains(':') && classify(&value).0 == State::Floating;
        let span = tree.nodes[node].span();
        let mut lines = Positions::new(tree.text);
        let (line, column) = lines.position(span.start);
        let (end_line, end_column) = lines.position(span.end);
        PartialImage {
            document: 0,
            path: tree.pointer(node),
            kind: None,
            name: None,
            key: tree.pointer(node),
            makes: is_whole.then(|| value.clone()),
            parts: ImageParts { value: Some(value), ..ImageParts::default() },
            place: SourceRange {
                span: span.start + offset..span.end + offset,
                line,
                column,
                end_line,
                end_column,
            },
            inputs: BTreeMap::new(),
        }
    });
    loose.collect()
}

/// Returns the scalar at a path; positions in lists are keys.
fn scalar(tree: &SyntaxTree<'_>, path: &ValuePath) -> Option<NodeId> {
    let root = tree.documents.first().and_then(|document| document.root)?;
    let found = below(tree, root, path)?;
    tree.text_of(found).map(|_| found)
}

fn below(tree: &SyntaxTree<'_>, root: NodeId, path: &[String]) -> Option<NodeId> {
    path.iter().try_fold(root, |node, key| match tree.items(node) {
        [] => tree.get(node, key),
        items => items.get(key.parse::<usize>().ok()?).map(|item| tree.resolve(*item)),
    })
}

/// Returns an image of the templates once for each thing in `tree` that its `*` may be: all of one image have the same.
fn instances(tree: &SyntaxTree<'_>, image: &[ValuePath]) -> Vec<Vec<ValuePath>> {
    let is_any = |key: &String| key == "*";
    let Some(open) = image.iter().find(|path| path.iter().any(is_any)) else { return vec![image.to_vec()] };
    let Some(at) = open.iter().position(is_any) else { return Vec::new() };
    let above = &open[..at];
    let Some(root) = tree.documents.first().and_then(|document| document.root) else { return Vec::new() };
    let Some(holder) = below(tree, root, above) else { return Vec::new() };
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
        instances(tree, &image.iter().map(bind).collect::<Vec<_>>())
    };
    keys.flat_map(bound).collect()
}
