//! Reads the texts of a file, and the texts inside of them.

use std::ops::Range;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::image_like::{is_image_like, words};
use super::mention::{Mentioned, WRITTEN};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::partial_image::{PartialImage, ends_in_digest};
use crate::manifest::scan;
use crate::manifest::site::State;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::SourceText;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// How deep texts inside of texts are read.
const DEPTH_MAX: usize = 3;

/// The longest value that something may ask for by its name, in bytes.
const VALUE_MAX: usize = 200;

/// Keys of texts for people.
const PROSE: [&str; 8] =
    ["description", "summary", "title", "message", "displayName", "help", "documentation", "deprecated"];

/// Keys that hold what a named item of a list is.
const VALUES: [&str; 6] = ["value", "default", "values", "image", "tag", "version"];

/// Keys that a merge may take away with a digest below them.
const TAKEN_AWAY: [&str; 6] = ["digest", "image", "ref", "values", "valuesFrom", "valuesObject"];

/// Keys that name an item of a list.
const NAMES: [&str; 2] = ["name", "key"];

/// Takes what is mentioned, the text that it stands in, its JSON pointer and its place in the file.
pub(super) type Take<'t> = dyn FnMut(Mentioned, &Text<'_>, String, Range<usize>) + 't;

/// Reads what a file mentions.
pub(super) struct Reader<'r, 't> {
    path: &'r str,
    catalogue: &'r Catalogue,
    take: &'r mut Take<'t>,
}

/// A text that is read: the file's, or one inside of it.
pub(super) struct Text<'a> {
    tree: &'a SyntaxTree<'a>,
    /// How many texts it stands in.
    pub(super) depth: usize,
    /// The document in the file.
    pub(super) document: usize,
    /// Whether it is a Kubernetes object, or stands in one.
    pub(super) in_object: bool,
    /// Where the outermost text stands in the file that it is in, and its pointer.
    outer: Option<(Range<usize>, &'a str)>,
}

impl<'r, 't> Reader<'r, 't> {
    pub(super) fn new(path: &'r str, catalogue: &'r Catalogue, take: &'r mut Take<'t>) -> Self {
        Self { path, catalogue, take }
    }

    /// Reads a whole file.
    pub(super) fn read(&mut self, text: &str) {
        // What no language claims is values, in one of the two that these are written in.
        let paths = if Language::of(self.path).is_some() {
            vec![self.path]
        } else {
            vec!["values.yaml", "values.tf"]
        };
        for path in paths {
            let source = SourceText::new(text, path);
            let tree = source.parse();
            let is_whole = |root: &NodeId| Language::of(self.path).is_some() || tree.is_mapping(*root);
            for (document, parsed) in tree.documents.iter().enumerate() {
                if let Some(root) = parsed.root.filter(is_whole) {
                    let in_object = is_object(&tree, root);
                    self.walk(&Text { tree: &tree, depth: 0, document, in_object, outer: None }, root);
                }
            }
        }
    }

    fn walk(&mut self, text: &Text<'_>, node: NodeId) {
        let tree = text.tree;
        match &tree.nodes[node].kind {
            NodeKind::Scalar { value, .. } => self.scalar(text, node, value),
            NodeKind::Sequence { items, .. } => items.iter().for_each(|item| self.walk(text, *item)),
            NodeKind::Mapping { entries, .. } => {
                let name = NAMES.iter().find_map(|key| tree.get_str(node, key));
                self.patched(text, node);
                for (key, value) in entries {
                    let Some(key) = tree.text_of(*key).filter(|key| !PROSE.contains(key)) else { continue };
                    if let Some(name) = name.filter(|_| VALUES.contains(&key)) {
                        self.value(text, name, *value, true);
                    }
                    self.value(text, key, *value, false);
                    self.walk(text, *value);
                }
            }
            // What it leads to is read where it stands.
            NodeKind::Alias(_) => {}
        }
    }

    fn emit(&mut self, text: &Text<'_>, node: NodeId, what: Mentioned) {
        let outer = text.outer.clone().map(|(span, path)| (span, path.to_owned()));
        let (span, path) = outer.unwrap_or_else(|| (text.tree.nodes[node].span(), text.tree.pointer(node)));
        (self.take)(what, text, path, span);
    }

    /// Takes what an operation of a JSON patch writes, what a replacement writes, and what a merge takes away.
    fn patched(&mut self, text: &Text<'_>, node: NodeId) {
        let tree = text.tree;
        if let (Some(_), Some(path)) = (tree.get_str(node, "op"), tree.get_str(node, "path")) {
            let name = path.rsplit('/').next().unwrap_or(path);
            self.value(text, name, tree.get(node, "value").unwrap_or(node), false);
        }
        let fields = tree.get(node, "fieldPaths").map(|paths| tree.items(paths)).unwrap_or_default();
        for field in fields {
            let path = tree.string_of(*field).unwrap_or_default();
            let (name, value) = (path.rsplit('.').next().unwrap_or(path).to_owned(), WRITTEN.to_owned());
            self.emit(text, *field, Mentioned::Value { name, value, is_item: false });
        }
        if !text.in_object {
            return;
        }
        for (key, value) in tree.entries(node) {
            let Some(key) = tree.text_of(*key) else { continue };
            let takes_away = tree.is_null(*value) && TAKEN_AWAY.contains(&key)
                || key == "$patch" && tree.string_of(*value) == Some("replace");
            if takes_away {
                self.emit(text, *value, Mentioned::Image(format!("{key}: {}", tree.written(*value))));
            }
        }
    }

    /// Takes a value that has a name.
    fn value(&mut self, text: &Text<'_>, name: &str, value: NodeId, is_item: bool) {
        let said = text.tree.text_of(value).filter(|said| said.len() <= VALUE_MAX && !said.contains('\n'));
        if let Some(said) = said {
            // As charts take them from a command line.
            let is_tag = name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("tag"))
                && name.contains('.');
            // Those of a deployer's objects are known.
            let is_open = text.depth > 0 || !is_item;
            if is_tag && is_open && !said.is_empty() && !ends_in_digest(said) {
                self.emit(text, value, Mentioned::Image(format!("{name}: {said}")));
            }
            let what = Mentioned::Value { name: name.to_owned(), value: said.to_owned(), is_item };
            self.emit(text, value, what);
        }
    }

    fn scalar(&mut self, text: &Text<'_>, node: NodeId, value: &str) {
        if text.tree.is_masked(node) {
            return;
        }
        let is_text = value.contains(['\n', '{', '[']) && value.contains(':');
        if is_text && text.depth < DEPTH_MAX && self.inner(text, node, value) {
            return;
        }
        if !value.contains('\n') {
            self.line(text, node, value);
        } else {
            // A script, a program: only what is called an image is one.
            for line in value.lines().filter(|line| line.to_ascii_lowercase().contains("image")) {
                self.line(text, node, line);
            }
        }
        let decoded =
            || BASE64_STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if value.len() >= 12
            && text.depth < DEPTH_MAX
            && let Some(inner) = decoded().filter(|inner| inner.contains(':'))
        {
            self.inner(text, node, &inner);
        }
    }

    fn line(&mut self, text: &Text<'_>, node: NodeId, line: &str) {
        for word in words(line).filter(|word| is_image_like(word)) {
            self.emit(text, node, Mentioned::Image(word.to_owned()));
        }
        // As generators of kustomize and environments have it.
        if let Some((name, value)) = line.split_once('=').filter(|(name, _)| is_name(name)) {
            if value.contains([':', '\n']) && value.contains(['{', '\n']) && text.depth < DEPTH_MAX {
                self.inner(text, node, value);
            }
            let (name, value) = (name.to_owned(), value.to_owned());
            if value.len() <= VALUE_MAX {
                self.emit(text, node, Mentioned::Value { name, value, is_item: false });
            }
        }
    }

    /// Reads a text inside of another one as manifests or values; returns whether it is that.
    fn inner(&mut self, text: &Text<'_>, node: NodeId, value: &str) -> bool {
        let source = SourceText::new(value, "inner.yaml");
        let tree = source.parse();
        let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
        if roots.is_empty() || !roots.iter().any(|root| tree.is_mapping(*root) || tree.is_sequence(*root)) {
            return false;
        }
        let pointer = text.tree.pointer(node);
        let (span, path) = text.outer.clone().unwrap_or((text.tree.nodes[node].span(), &pointer));
        let is_object = roots.iter().any(|root| is_object(&tree, *root));
        let name = if is_object { "inner.yaml" } else { "values.yaml" };
        let found = scan::scan_strictly(name, value.as_bytes(), self.catalogue, true);
        let floating = found.sites.iter().filter(|located| located.site.state == State::Floating);
        // A tag that stands under no name may be anybody's.
        let is_open =
            |partial: &&PartialImage| !partial.parts.has_digest() && partial.key.matches('/').count() > 1;
        let parts = found.partials.iter().filter(is_open);
        let images: Vec<String> = floating
            .map(|located| located.site.image.clone())
            .chain(parts.map(|partial| partial.parts.written()))
            .collect();
        for image in images {
            (self.take)(Mentioned::Image(image), text, path.to_owned(), span.clone());
        }
        for root in roots {
            let (outer, depth, document) = (Some((span.clone(), path)), text.depth + 1, text.document);
            let in_object = text.in_object || is_object;
            self.walk(&Text { tree: &tree, depth, document, in_object, outer }, root);
        }
        true
    }
}

fn is_object(tree: &SyntaxTree<'_>, root: NodeId) -> bool {
    tree.get(root, "kind").is_some() && tree.get(root, "apiVersion").is_some()
}

/// Returns whether a text may be the name of a variable or a file.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}
