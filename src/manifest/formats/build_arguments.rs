//! Arguments that a build is given (Compose, Bake, `docker/build-push-action`). Which of them are images, its Dockerfile says.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::finder::{Finder, ScalarTag};
use super::pattern::Pattern;
use crate::manifest::build_file::BuildArgument;
use crate::manifest::site::{Awaited, Skip, State};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle};

/// The format of what is found here: the base image of a build.
const FORMAT: &str = "build-argument";

/// How many targets are looked through for what one of them inherits.
const TARGETS_MAX: usize = 64;

/// Where a file says which Dockerfile a build takes.
struct BuildPlace {
    context: Option<String>,
    file: Option<String>,
}

/// Adds what the mapping `build` gives to its Dockerfile; it counts where the Dockerfile makes an image of it.
pub(super) fn find(finder: &mut Finder<'_, '_>, build: NodeId) {
    let tree = finder.tree;
    let literal = |keys: [&str; 2], default: &str| match keys.iter().find_map(|key| given(finder, build, key))
    {
        None => Some(default.to_owned()),
        Some(node) if finder.is_computed(node) => None,
        Some(node) => {
            let path = tree.string_of(node).and_then(below_workspace);
            path.filter(|text| !text.contains(['$', '{'])).map(str::to_owned)
        }
    };
    let place = BuildPlace {
        context: literal(["context", "context"], "."),
        file: literal(["dockerfile", "file"], "Dockerfile"),
    };
    let format = std::mem::replace(&mut finder.format, FORMAT.into());
    if let Some(arguments) = tree.get(build, "args") {
        for (key, value) in tree.entries(arguments) {
            let Some(name) = tree.text_of(*key).filter(|_| tree.text_of(*value).is_some()) else { continue };
            add(finder, &place, *value, name);
        }
        tree.items(arguments).iter().for_each(|item| add_pair(finder, &place, *item));
    }
    if let Some(lines) = tree.get(build, "build-args") {
        add_lines(finder, &place, lines);
    }
    finder.format = format;
}

/// Returns a path without the directory that is opened, which a development container may begin with: it is looked for from the root,
/// too.
fn below_workspace(path: &str) -> Option<&str> {
    match path.strip_prefix("${localWorkspaceFolder}") {
        Some("") => Some("."),
        Some(below) => below.strip_prefix('/'),
        None => Some(path),
    }
}

/// Returns what a build has under a key, itself or from the targets of the same Bake file that it inherits from; of these the last
/// one counts (Bake file reference, `target.inherits`).
fn given(finder: &Finder<'_, '_>, build: NodeId, key: &str) -> Option<NodeId> {
    let tree = finder.tree;
    let targets = tree.documents.get(finder.document)?.root.and_then(|root| tree.get(root, "target"));
    let target = |name: &NodeId| {
        let target = tree.get(targets?, tree.string_of(*name)?)?;
        Some(tree.items(target).first().copied().unwrap_or(target))
    };
    let (mut open, mut seen) = (vec![build], HashSet::new());
    while let Some(at) = open.pop().filter(|_| seen.len() < TARGETS_MAX) {
        if let Some(found) = tree.get(at, key) {
            return Some(found);
        }
        let Some(parents) = tree.get(at, "inherits").filter(|_| seen.insert(at)) else { continue };
        let known: Vec<NodeId> = tree.items(parents).iter().filter_map(target).collect();
        if known.len() < tree.items(parents).len().max(1) {
            // What nobody knows may have it.
            return Some(parents);
        }
        open.extend(known);
    }
    None
}

/// Adds the value of an argument that has a scalar for itself.
fn add(finder: &mut Finder<'_, '_>, place: &BuildPlace, value: NodeId, name: &str) {
    let tree = finder.tree;
    let value = tree.resolve(value);
    let text = tree.written(value);
    let (image, skip) = match finder.tag(value) {
        // Without a value it is one of the environment.
        _ if tree.is_null(value) => (format!("${{{name}}}"), Skip::Variable),
        ScalarTag::Computed(skip) => (default_of(finder, value).unwrap_or_else(|| text.to_owned()), skip),
        _ if tree.is_masked(value) => (text.to_owned(), Skip::Template),
        _ if tree.inner_span(value).is_none() => (text.to_owned(), Skip::NotEditable),
        _ => (text.to_owned(), Skip::UnknownLocation),
    };
    push(finder, place, (value, None), (name, ""), image, skip);
}

/// Adds an argument of a list, `NAME=value`.
fn add_pair(finder: &mut Finder<'_, '_>, place: &BuildPlace, item: NodeId) {
    let tree = finder.tree;
    let Some(text) = tree.string_of(item).filter(|_| !tree.is_masked(item)) else { return };
    let Some((name, value)) = text.split_once('=') else {
        push(finder, place, (item, None), (text, ""), format!("${{{text}}}"), Skip::Variable);
        return;
    };
    let is_editable = finder.tag(item) == ScalarTag::Text && tree.inner_span(item).is_some();
    let skip = if is_editable { Skip::UnknownLocation } else { Skip::NotEditable };
    push(finder, place, (item, None), (name, &format!("{name}=")), value.to_owned(), skip);
}

/// Adds the arguments of a text with one in each line.
fn add_lines(finder: &mut Finder<'_, '_>, place: &BuildPlace, text: NodeId) {
    let tree = finder.tree;
    let node = tree.resolve(text);
    let is_block = matches!(tree.kind(node), NodeKind::Scalar { style: ScalarStyle::Block, .. });
    if !is_block {
        add_pair(finder, place, node);
        return;
    }
    let span = tree.nodes[node].span();
    let mut from = span.start;
    for line in tree.text_of(node).unwrap_or_default().lines().map(str::trim) {
        let Some(at) = tree.text.get(from..span.end).and_then(|rest| rest.find(line)) else { continue };
        let at = from + at..from + at + line.len();
        from = at.end;
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim_matches('"').to_owned();
        push(finder, place, (node, Some(at)), (name, ""), value, Skip::EmbeddedText);
    }
}

fn push(
    finder: &mut Finder<'_, '_>,
    BuildPlace { context, file }: &BuildPlace,
    (node, line): (NodeId, Option<Range<usize>>),
    (name, prefix): (&str, &str),
    image: String,
    skip: Skip,
) {
    let known = finder.sites.len();
    let fields = line.clone().map(|line| ("repository", line)).into_iter().collect::<BTreeMap<_, _>>();
    finder.push(node, fields, image, None, State::Skipped(skip), None);
    let argument = BuildArgument {
        context: context.clone(),
        file: file.clone(),
        name: name.to_owned(),
        prefix: prefix.to_owned(),
    };
    for site in &mut finder.sites[known..] {
        site.awaits = Some(Box::new(Awaited::BuildArgument(argument.clone())));
        site.span = line.clone().unwrap_or_else(|| site.span.clone());
    }
}

/// Returns a variable of Bake with its default, where `value` is nothing else.
fn default_of(finder: &Finder<'_, '_>, value: NodeId) -> Option<String> {
    let tree = finder.tree;
    let name = tree.text_of(value)?;
    let name = name.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let root = tree.documents.get(finder.document)?.root.filter(|_| is_name)?;
    let paths = [format!("/variable/{name}/default"), format!("/variable/{name}/[]/default")];
    let mut defaults =
        paths.iter().filter_map(|path| Pattern::parse(path)).flat_map(|path| path.find(tree, root));
    let default = defaults.next().filter(|default| tree.tag(*default) != EXPRESSION)?;
    Some(format!("${{{name}:-{}}}", tree.string_of(default)?))
}
