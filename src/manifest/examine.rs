//! What stands in some lines of a file, read as closely as a person would: for those who ask about a place.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::formats::catalogue::{Catalogue, Location};
use super::formats::missing_entry::{Documents, MissingEntry, NoEntry};
use super::formats::{format_of, group_of, is_kustomization};
use super::site::{Site, Skip, State, classify};
use super::syntax::lines::LineIndex;
use super::syntax::source::{SourceText, text_of};
use super::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// How much of a file is shown of what stands there.
const TEXT_MAX: usize = 200;

/// What stands in some lines, and by which entries of the catalogue images are known.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// Which entry knows the place, in the order of the sites that were asked about; `None` where code does.
    pub known_by: Vec<Option<CatalogueEntry>>,
    /// What the catalogue lacks to know an image there, in the same order, or why no entry can say so.
    pub missing: Vec<Result<MissingEntry, NoEntry>>,
    /// The values in the lines.
    pub values: Vec<SeenValue>,
}

/// An entry of the catalogue that says that an image stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogueEntry {
    /// What it is for, for people.
    pub title: String,
    /// The path that leads there.
    pub path: String,
    /// Whether it is a `[[location]]` of the configuration.
    #[serde(skip)]
    pub is_own: bool,
}

/// A value that stands in a line, or a key with more below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenValue {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer in the document.
    pub path: String,
    /// The kind of the object around it, where it is one.
    pub kind: Option<String>,
    /// The text; `None` for a mapping or a list.
    pub text: Option<String>,
    /// Whether it reads like an image reference with a tag or digest.
    pub is_like_image: bool,
    /// The `[[location]]` that has it read as an image, where it reads like one.
    pub location: Option<String>,
}

/// Returns what stands in the `lines`, from 1, of the file at `path`, and what is known of the places of `sites`.
pub fn examine(
    path: &str,
    bytes: &[u8],
    catalogue: &Catalogue,
    sites: &[&Site],
    lines: RangeInclusive<usize>,
) -> Examined {
    let Ok(text) = text_of(bytes) else { return Examined::default() };
    let source = SourceText::new(text, path);
    let tree = source.parse();
    let examiner = Examiner { tree: &tree, path, catalogue };
    Examined {
        known_by: sites.iter().map(|site| examiner.entry(site.document, &site.path)).collect(),
        missing: sites.iter().map(|site| examiner.missing(site)).collect(),
        values: examiner.values(&lines),
    }
}

/// Returns whether what stands at a JSON pointer is called like a part of an image.
pub fn is_part_of_image(pointer: &str) -> bool {
    let key = pointer.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    ["tag", "digest", "registry"].iter().any(|part| key.ends_with(part))
}

struct Examiner<'e, 'a> {
    tree: &'e SyntaxTree<'a>,
    path: &'e str,
    catalogue: &'e Catalogue,
}

impl Examiner<'_, '_> {
    fn root(&self, document: usize) -> Option<NodeId> {
        self.tree.documents.get(document)?.root
    }

    /// Returns the innermost Kubernetes object around a JSON pointer: its node, its pointer, its API version and kind.
    fn object(&self, document: usize, pointer: &str) -> Option<(NodeId, String, String, String)> {
        let (mut at, mut above, mut found) = (self.root(document)?, String::new(), None);
        for key in std::iter::once(None).chain(pointer.split('/').skip(1).map(Some)) {
            if let Some(key) = key {
                let name = key.replace("~1", "/").replace("~0", "~");
                let item = || self.tree.items(at).get(name.parse::<usize>().ok()?).copied();
                let Some(next) = self.tree.get(at, &name).or_else(item) else { break };
                at = next;
                above = format!("{above}/{key}");
            }
            if let (Some(version), Some(kind)) =
                (self.tree.get_str(at, "apiVersion"), self.tree.get_str(at, "kind"))
            {
                found = Some((at, above.clone(), version.to_owned(), kind.to_owned()));
            }
        }
        found
    }

    fn entry(&self, document: usize, pointer: &str) -> Option<CatalogueEntry> {
        let root = self.root(document)?;
        let (root, entries): (NodeId, Vec<&Location>) = if is_kustomization(self.tree, root, self.path) {
            let kind = self.tree.get_str(root, "kind").unwrap_or("Kustomization");
            (root, self.catalogue.kubernetes("kustomize.config.k8s.io/v1beta1", kind))
        } else if let Some((object, _, version, kind)) = self.object(document, pointer) {
            (object, self.catalogue.kubernetes(&version, &kind))
        } else {
            (root, self.catalogue.format(self.tree, root, self.path).all())
        };
        let leads_there = |node: NodeId| {
            let found = self.tree.pointer(node);
            pointer.strip_prefix(found.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for entry in entries {
            let patterns = entry.forms().map(|(pattern, _)| pattern).chain(entry.texts().map(|(it, _)| it));
            for pattern in patterns {
                if pattern.find(self.tree, root).into_iter().any(leads_there) {
                    let title = entry.title.clone().or_else(|| entry.format.clone()).unwrap_or_default();
                    let is_own = !entry.is_built_in();
                    return Some(CatalogueEntry { title, path: pattern.to_string(), is_own });
                }
            }
        }
        None
    }

    /// Returns what the catalogue lacks to know a site.
    fn missing(&self, site: &Site) -> Result<MissingEntry, NoEntry> {
        if site.inside.is_some() {
            return Err(NoEntry::InText);
        }
        let is_split = !site.fields.is_empty();
        let kind = site.kind.as_deref().filter(|kind| !kind.is_empty());
        match kind.filter(|_| self.object(site.document, &site.path).is_none()) {
            Some(kind) => {
                let group = site.group.as_deref().map(str::to_owned);
                MissingEntry::new(Documents::Objects { group, kind: kind.to_owned() }, &site.path, is_split)
            }
            None => self.missing_at(site.document, &site.path, is_split, Some(&site.format)),
        }
    }

    /// Returns what the catalogue lacks to know an image at a JSON pointer, in a document of that format if it is no object.
    fn missing_at(
        &self,
        document: usize,
        pointer: &str,
        is_split: bool,
        format: Option<&str>,
    ) -> Result<MissingEntry, NoEntry> {
        let root = self.root(document).ok_or(NoEntry::Form)?;
        if is_kustomization(self.tree, root, self.path) {
            let kind = self.tree.get_str(root, "kind").unwrap_or("Kustomization").to_owned();
            let documents = Documents::Objects { group: Some("kustomize.config.k8s.io".to_owned()), kind };
            return MissingEntry::new(documents, pointer, is_split);
        }
        if let Some((_, above, version, kind)) = self.object(document, pointer) {
            let group = Some(group_of(&version).to_owned());
            let below = pointer.strip_prefix(&above).unwrap_or(pointer);
            return MissingEntry::new(Documents::Objects { group, kind }, below, is_split);
        }
        let format = format.unwrap_or_else(|| format_of(self.tree, root, self.path, self.catalogue));
        let documents = Documents::of_file(format, self.path).ok_or(NoEntry::Form)?;
        MissingEntry::new(documents, pointer, is_split)
    }

    fn values(&self, lines: &RangeInclusive<usize>) -> Vec<SeenValue> {
        let index = LineIndex::new(self.tree.original);
        let mut found = Vec::new();
        for (document, parsed) in self.tree.documents.iter().enumerate() {
            let mut open: Vec<NodeId> = parsed.root.into_iter().collect();
            while let Some(node) = open.pop() {
                // What starts behind the lines ends the search there; what ends before them is left out.
                let span = self.tree.nodes[node].span();
                let start =
                    self.tree.key_node_of(node).map_or(span.start, |key| self.tree.nodes[key].span().start);
                let line = index.of(start.min(self.tree.original.len())) + 1;
                if line > *lines.end() {
                    continue;
                }
                match self.tree.kind(node) {
                    NodeKind::Mapping { entries, .. } => open.extend(entries.iter().map(|(_, value)| *value)),
                    NodeKind::Sequence { items, .. } => open.extend(items),
                    NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
                }
                let is_item = self.tree.key_node_of(node).is_none();
                let is_leaf = self.tree.text_of(node).is_some();
                let last = index.of(span.end.min(self.tree.original.len()).max(start)) + 1;
                let is_in =
                    lines.contains(&line) || (is_leaf && line < *lines.start() && last >= *lines.start());
                if is_in && (is_leaf || !is_item) {
                    found.push(self.value(document, node, line, start - index.start(line - 1)));
                }
            }
        }
        found.sort_by_key(|value| (value.line, value.column));
        found
    }

    fn value(&self, document: usize, node: NodeId, line: usize, before: usize) -> SeenValue {
        let path = self.tree.pointer(node);
        let text = self.tree.text_of(node).map(|text| text.chars().take(TEXT_MAX).collect::<String>());
        // `5.0@sha256:…` is a part of one.
        let is_part = is_part_of_image(&path);
        let is_like_image = !is_part
            && text.as_deref().is_some_and(|text| match classify(text) {
                (State::Pinned, _) => true,
                (State::Floating, Some(reference)) => reference.tag().is_some(),
                (State::Skipped(skip), _) => skip == Skip::MalformedDigest,
                _ => false,
            });
        SeenValue {
            line,
            column: before + 1,
            document,
            kind: self.object(document, &path).map(|(_, _, _, kind)| kind),
            location: self
                .missing_at(document, &path, false, None)
                .ok()
                .filter(|_| is_like_image)
                .map(|it| it.toml()),
            path,
            text,
            is_like_image,
        }
    }
}
