//! The names of a Terraform module in one file: where each is used, what it is there, and which values it has.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::module_texts::{is_letter, nodes};
use crate::manifest::module_names::{KEYS_MAX, ModuleArgument, part_of_key};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::terraform::BLOCKS;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// How often an element of a collection is the collection of another loop.
const LOOPS_MAX: usize = 8;

/// How many bytes an index has that is looked through.
const INDEX_MAX: usize = 1_000;

/// A name with what stands behind it, as it is written: `local.images["web"]`, `each.value.image`.
pub(super) struct Traversal {
    pub(super) span: Range<usize>,
    parts: Vec<String>,
}

impl Traversal {
    /// Returns the one that starts at byte `start`.
    fn at(text: &str, start: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let word = |at: usize| bytes[at..].iter().take_while(|byte| is_letter(**byte)).count();
        let mut end = start + word(start);
        let mut parts = vec![text.get(start..end).filter(|root| !root.is_empty())?.to_owned()];
        while parts.len() < KEYS_MAX + 2 {
            let (part, length) = match bytes.get(end) {
                Some(b'.') if bytes.get(end + 1) == Some(&b'*') => ("*".to_owned(), 2),
                Some(b'.') => match word(end + 1) {
                    0 => break,
                    length => (text[end + 1..end + 1 + length].to_owned(), length + 1),
                },
                Some(b'[') => index(&text[end..])?,
                _ => break,
            };
            parts.push(part);
            end += length;
        }
        Some(Self { span: start..end, parts })
    }

    /// Returns the one that a value is, where it is nothing else.
    pub(super) fn whole(tree: &SyntaxTree<'_>, node: NodeId) -> Option<Self> {
        let is_scalar = tree.text_of(node).is_some();
        let node = &tree.nodes[tree.resolve(node)];
        let text = tree.text.get(node.span()).filter(|_| is_scalar)?;
        let inner = text.strip_prefix("\"${").and_then(|rest| rest.strip_suffix("}\"")).unwrap_or(text);
        let inner = inner.trim();
        let start = node.span().start + (inner.as_ptr() as usize - text.as_ptr() as usize);
        Self::at(tree.text, start).filter(|it| it.span.end == start + inner.len() && it.parts.len() > 1)
    }

    /// Returns the resource, or what else, of which `kind` stands before it: `docker_image.NAME…`.
    pub(super) fn named_by(&self, kind: &str) -> Option<&str> {
        let kinds = kind.split('.').count();
        let is_of = self.parts.iter().map(String::as_str).take(kinds).eq(kind.split('.'));
        self.parts.get(kinds).filter(|_| is_of).map(String::as_str)
    }
}

/// Returns what an index says of a key, and how long it is.
fn index(text: &str) -> Option<(String, usize)> {
    let mut open = 0_usize;
    let is_end = |(_, byte): &(usize, u8)| {
        match byte {
            b'[' => open += 1,
            b']' => open -= 1,
            _ => {}
        }
        open == 0
    };
    let (end, _) = text.bytes().enumerate().take(INDEX_MAX).find(is_end)?;
    let inner = text[1..end].trim();
    let inner = inner.strip_prefix("\\\"").and_then(|rest| rest.strip_suffix("\\\"")).unwrap_or(inner);
    let quoted = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let part = match quoted {
        Some(key) if !key.contains(['"', '\\', '$', '%']) => part_of_key(key),
        None if !inner.is_empty() && inner.bytes().all(is_letter) && text[1..end].contains('"') => {
            part_of_key(inner)
        }
        _ => "*".to_owned(),
    };
    Some((part, end + 1))
}

/// A block that is there once for each element of a collection.
struct Loop {
    span: Range<usize>,
    /// Where the elements come from.
    of: Option<Collection>,
    /// Whether the keys are the elements themselves.
    is_set: bool,
}

enum Collection {
    /// A name, which may be the element of another loop.
    Named(Traversal),
    /// A value in the block itself, and its path.
    Written(NodeId, String),
}

/// Every place of a file where a name of its module is used.
pub(super) struct Uses {
    /// Where each starts, and its path.
    pub(super) places: BTreeMap<usize, String>,
    /// The collections that stand in a block, and their paths.
    pub(super) written: Vec<(String, NodeId)>,
    /// Where collections of loops are named, of which only the elements are used.
    pub(super) collections: Vec<usize>,
}

impl Uses {
    pub(super) fn of(tree: &SyntaxTree<'_>) -> Self {
        let loops = loops(tree);
        let (mut places, bytes) = (BTreeMap::new(), tree.text.as_bytes());
        let mut comments = tree.comments.iter().peekable();
        for at in memchr::memchr_iter(b'.', bytes) {
            let length = bytes[..at].iter().rev().take_while(|byte| is_letter(**byte)).take(256).count();
            let (start, root) = (at - length, &tree.text[at - length..at]);
            let is_name = matches!(root, "local" | "var") || loops.contains_key(root);
            while comments.next_if(|comment| comment.end <= start).is_some() {}
            let is_comment = comments.peek().is_some_and(|comment| comment.start <= start);
            let is_other = start.checked_sub(1).is_some_and(|last| bytes[last] == b'.');
            if !is_name || is_comment || is_other {
                continue;
            }
            let path = match Traversal::at(tree.text, start) {
                Some(found) => path(&loops, &found, LOOPS_MAX),
                // Whatever it is, it is of the name.
                None => Some(format!("{root}.{}", word(&tree.text[at + 1..]))),
            };
            places.extend(path.map(|path| (start, path)));
        }
        let mut uses = Self { places, written: Vec::new(), collections: Vec::new() };
        for each in loops.into_values().flatten() {
            match each.of {
                Some(Collection::Named(named)) => uses.collections.push(named.span.start),
                Some(Collection::Written(node, path)) => uses.written.push((path, node)),
                None => {}
            }
        }
        uses
    }

    /// Returns the path that a value is, where it is nothing else, and where it stands.
    pub(super) fn whole(&self, tree: &SyntaxTree<'_>, node: NodeId) -> Option<(usize, &str)> {
        let start = Traversal::whole(tree, node)?.span.start;
        self.places.get(&start).map(|path| (start, path.as_str()))
    }
}

fn word(text: &str) -> &str {
    &text[..text.bytes().take_while(|byte| is_letter(*byte)).count()]
}

/// Returns the path of what is named; `None` where it is nothing of the module's.
fn path(loops: &HashMap<String, Vec<Loop>>, named: &Traversal, depth: usize) -> Option<String> {
    let [root, second, rest @ ..] = named.parts.as_slice() else { return None };
    let mut parts = match root.as_str() {
        "local" | "var" => vec![root.clone(), second.clone()],
        root => {
            let known = loops.get(root)?;
            let before = &known[..known.partition_point(|each| each.span.start <= named.span.start)];
            // The innermost of those that it stands in.
            let mut around = before.iter().rev().take(LOOPS_MAX);
            let each = around.find(|each| named.span.start < each.span.end)?;
            let is_element = second == "value" || second == "key" && each.is_set;
            let collection = match each.of.as_ref().filter(|_| is_element)? {
                Collection::Named(named) => path(loops, named, depth.checked_sub(1)?)?,
                Collection::Written(_, path) => path.clone(),
            };
            collection.split('.').map(str::to_owned).chain(["*".to_owned()]).collect()
        }
    };
    parts.extend_from_slice(rest);
    parts.truncate(KEYS_MAX + 2);
    Some(parts.join("."))
}

/// Returns the loops of a file by what their elements are called, in the order of the text.
fn loops(tree: &SyntaxTree<'_>) -> HashMap<String, Vec<Loop>> {
    let mut found: HashMap<String, Vec<Loop>> = HashMap::new();
    for (body, node) in tree.nodes.iter().enumerate() {
        let NodeKind::Mapping { .. } = tree.kind(body) else { continue };
        let Some(collection) = tree.get(body, "for_each") else { continue };
        let list = node.parent().filter(|parent| tree.is_sequence(*parent));
        let labelled = list.unwrap_or(body);
        let above = tree.nodes[labelled].parent().and_then(|above| tree.key_of(above));
        let name = if above == Some("dynamic") {
            let iterator = tree.get(body, "iterator").map(|iterator| tree.written(iterator));
            iterator.or_else(|| tree.key_of(labelled)).unwrap_or_default().to_owned()
        } else {
            "each".to_owned()
        };
        let collection = tree.resolve(collection);
        let span = tree.nodes[collection].span();
        let is_set = tree.text[..span.start].trim_end().ends_with("toset(");
        let of = match Traversal::whole(tree, collection) {
            Some(named) => Some(Collection::Named(named)),
            None if tree.is_mapping(collection) || tree.is_sequence(collection) => {
                let path = format!("each.{}", part_of_key(&tree.pointer(collection)));
                Some(Collection::Written(collection, path))
            }
            None => None,
        };
        found.entry(name).or_default().push(Loop { span: node.span(), of, is_set });
    }
    found.values_mut().for_each(|loops| loops.sort_by_key(|each| each.span.start));
    found
}

/// Returns the values that the module's names have in this file, in maps and lists too, each with its path.
pub(super) fn defined(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<(String, NodeId)> {
    let mut found = Vec::new();
    for locals in nodes(tree, root, "/locals").into_iter().chain(nodes(tree, root, "/locals/[]")) {
        for (key, value) in tree.entries(locals) {
            let Some(key) = tree.text_of(*key) else { continue };
            leaves(tree, *value, &format!("local.{}", part_of_key(key)), &mut found);
        }
    }
    for variables in nodes(tree, root, "/variable") {
        for (key, value) in tree.entries(variables) {
            let Some(key) = tree.text_of(*key) else { continue };
            let path = format!("var.{}", part_of_key(key));
            let body = tree.items(*value).first().copied().unwrap_or(*value);
            // What the type says of optional parts is a value where nothing else is given.
            for part in ["default", "type"] {
                tree.get(body, part).into_iter().for_each(|part| leaves(tree, part, &path, &mut found));
            }
        }
    }
    // Only a file of variables has values outside of blocks, and one of Terragrunt's, which are no names.
    let entries = if inputs(tree, root).is_some() { &[] } else { tree.entries(root) };
    for (key, value) in entries {
        let Some(key) = tree.text_of(*key).filter(|key| !BLOCKS.contains(key)) else { continue };
        leaves(tree, *value, &format!("var.{}", part_of_key(key)), &mut found);
    }
    found
}

/// Adds every text in a value, with its path below that of the value.
pub(super) fn leaves(tree: &SyntaxTree<'_>, value: NodeId, path: &str, found: &mut Vec<(String, NodeId)>) {
    let value = tree.resolve(value);
    if tree.text_of(value).is_some() {
        found.push((path.to_owned(), value));
        return;
    }
    if path.split('.').count() >= KEYS_MAX + 2 {
        return;
    }
    for item in tree.items(value) {
        leaves(tree, *item, &format!("{path}.*"), found);
    }
    for (key, value) in tree.entries(value) {
        let is_known = tree.tag(*key) != EXPRESSION;
        let part = tree.text_of(*key).filter(|_| is_known).map_or("*".to_owned(), part_of_key);
        leaves(tree, *value, &format!("{path}.{part}"), found);
    }
}

/// Returns what Terragrunt gives to the module of a file: its inputs, where the file is one of Terragrunt's.
fn inputs(tree: &SyntaxTree<'_>, root: NodeId) -> Option<NodeId> {
    let is_terragrunt = tree.get(root, "terraform").or_else(|| tree.get(root, "include")).is_some();
    tree.get(root, "inputs").filter(|_| is_terragrunt)
}

/// Returns what the modules of the same tree are called with, in maps and lists too.
pub(super) fn module_arguments(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<(ModuleArgument, NodeId)> {
    let written = |node| tree.text_of(node).filter(|_| tree.tag(node).is_empty());
    let modules = nodes(tree, root, "/module/*").into_iter().chain(nodes(tree, root, "/module/*/[]"));
    let mut called: Vec<(NodeId, &str)> =
        modules.filter_map(|module| Some((module, written(tree.get(module, "source")?)?))).collect();
    if let Some(inputs) = inputs(tree, root) {
        // Without a source, the module lies beside the file.
        let source = nodes(tree, root, "/terraform/[]/source").first().copied();
        called.extend(source.map_or(Some("."), written).map(|source| (inputs, source)));
    }
    let mut found = Vec::new();
    for (module, source) in called.into_iter().filter(|(_, source)| source.starts_with('.')) {
        for (name, value) in tree.entries(module) {
            let Some(name) = tree.text_of(*name).filter(|name| *name != "for_each") else { continue };
            let mut values = Vec::new();
            leaves(tree, *value, &part_of_key(name), &mut values);
            found.extend(
                values
                    .into_iter()
                    .map(|(name, value)| (ModuleArgument { source: source.to_owned(), name }, value)),
            );
        }
    }
    found
}
