//! One file per format: which scalars name an image, and how it is written there.

pub mod catalogue;
pub(super) mod compose;
pub(super) mod embedded_yaml;
mod file;
mod helm_values;
mod json_patch;
mod kubernetes;
mod kustomization;
pub mod pattern;
mod platform;
mod quadlet;
mod unknown;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use embedded_yaml::EmbeddedText;

use super::formats::catalogue::{Catalogue, Form, Location};
use super::site::{ObjectOwner, Site, Skip, State, Write, classify};
use super::syntax::build::TEMPLATE;
use super::syntax::tree::{Document, NodeId, SyntaxTree};
use crate::manifest::syntax::tree::inner_span;
use crate::platform::Platform;
use crate::reference::{Digest, Reference};

/// What may stand before a reference: in workflows, build contexts, Wasm plug-ins and policies.
const PREFIXES: [&str; 4] = ["docker://", "docker-image://", "oci://", "registry://"];

/// Collects the sites of one document.
pub(super) struct Finder<'y, 'a> {
    tree: &'y SyntaxTree<'a>,
    catalogue: &'y Catalogue,
    document: usize,
    format: String,
    kind: Option<String>,
    /// The name of the Kubernetes object.
    name: Option<String>,
    owner: Option<ObjectOwner>,
    /// The block scalar whose text is searched.
    inside: Option<NodeId>,
    /// Objects are patches of others, not whole.
    is_patch: bool,
    /// The scalars of the sites that are known already: an alias leads to the same ones again.
    taken: HashSet<(NodeId, Option<usize>)>,
    /// The platforms that workloads ask for, by the scalar of the image: `None` where they do not agree.
    platforms: HashMap<NodeId, Option<Platform>>,
    /// What is no image, with everything below it.
    ignored: HashSet<NodeId>,
    /// Names that the document gives to images.
    aliases: HashSet<String>,
    sites: Vec<Site>,
    texts: Vec<EmbeddedText>,
}

/// Split fields of a reference.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    registry: Option<NodeId>,
    repository: Option<NodeId>,
    tag: Option<NodeId>,
    digest: Option<NodeId>,
    /// The digest field holds hex digits alone.
    bare: bool,
}

/// What kustomizations do to other files: an object that they change does not say itself what is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kustomize {
    /// The image names that they override.
    pub overridden: Vec<String>,
    /// The files that they apply as patches, below the tree's root.
    pub patches: Vec<String>,
    /// The tags that they set without a digest.
    pub retagged: Vec<Retagged>,
    /// The files and directories below the tree's root whose images they override.
    pub bases: Vec<String>,
}

/// An entry of a kustomization's `images` that sets a tag and no digest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Retagged {
    /// The image name that it matches.
    pub name: String,
    /// Where the tag starts, in bytes of the text: its site's span starts there.
    pub start: usize,
}

/// Adds what the kustomization in one document of the file at `path`, if it is one, does to other files.
pub(super) fn kustomize(tree: &SyntaxTree<'_>, document: usize, path: &str, into: &mut Kustomize) {
    if let Some(Document { root: Some(root), .. }) = tree.documents.get(document)
        && kustomization::is_kustomization(tree, *root, path)
    {
        kustomization::facts(tree, *root, path, into);
    }
}

/// Returns the sites of one document of the file at `path`, and the texts in it that hold YAML of their own.
pub(super) fn find(
    tree: &SyntaxTree<'_>,
    document: usize,
    path: &str,
    catalogue: &Catalogue,
) -> (Vec<Site>, Vec<EmbeddedText>) {
    let Some(Document { root: Some(root), .. }) = tree.documents.get(document) else {
        return (Vec::new(), Vec::new());
    };
    let mut finder = Finder::new(tree, catalogue, document);
    finder.document(*root, path);
    unknown::find(&mut finder, *root);
    finder.set_platforms();
    (finder.sites, finder.texts)
}

/// Tells whether a scalar is a reference with a tag or a digest.
fn has_tag_or_digest(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    Reference::parse(tree.written(node))
        .is_ok_and(|reference| reference.tag().is_some() || reference.digest().is_some())
}

impl<'y, 'a> Finder<'y, 'a> {
    fn new(tree: &'y SyntaxTree<'a>, catalogue: &'y Catalogue, document: usize) -> Self {
        Self {
            tree,
            catalogue,
            document,
            format: String::new(),
            kind: None,
            name: None,
            owner: None,
            inside: None,
            is_patch: false,
            taken: HashSet::new(),
            platforms: HashMap::new(),
            ignored: HashSet::new(),
            aliases: HashSet::new(),
            sites: Vec::new(),
            texts: Vec::new(),
        }
    }

    fn document(&mut self, root: NodeId, path: &str) {
        if kustomization::is_kustomization(self.tree, root, path) {
            self.format = "kustomize".to_owned();
            kustomization::find(self, root);
            return;
        }
        if kubernetes::is_object(self.tree, root) {
            self.format = "kubernetes".to_owned();
            kubernetes::find(self, root);
            return;
        }
        let entries = self.catalogue.format(self.tree, root, path);
        if let Some(format) = entries.first().and_then(|entry| entry.format.as_ref()) {
            self.format.clone_from(format);
            file::find(self, &entries, root);
        } else if helm_values::is_values(self.tree, root, path) {
            self.format = "helm-values".to_owned();
            helm_values::find(self, root);
        } else if json_patch::is_patch(self.tree, root) {
            json_patch::find(self, root);
        } else {
            // A bare list of objects, as `kubectl` and templates print it.
            for item in self.tree.items(root) {
                if kubernetes::is_object(self.tree, *item) {
                    self.format = "kubernetes".to_owned();
                    kubernetes::find(self, *item);
                }
            }
        }
    }

    /// Notes what is no image below `root`, and which names are none.
    fn set_aside(&mut self, entries: &[&Location], root: NodeId) {
        for entry in entries {
            self.ignored.extend(entry.ignore.iter().flat_map(|pattern| pattern.find(self.tree, root)));
            for node in entry.aliases.iter().flat_map(|pattern| pattern.find(self.tree, root)) {
                self.aliases.extend(self.tree.string_of(node).map(str::to_owned));
            }
        }
    }

    /// Adds what the entries find below `root`, where it is `wanted`. What a build makes comes first: it is decided.
    fn add_locations(
        &mut self,
        entries: &[&Location],
        root: NodeId,
        wanted: impl Fn(&SyntaxTree<'_>, NodeId) -> bool,
    ) {
        let tree = self.tree;
        let forms = || entries.iter().flat_map(|entry| entry.forms());
        let (outputs, others): (Vec<_>, Vec<_>) = forms().partition(|(_, form)| *form == Form::Output);
        for (pattern, form) in outputs.into_iter().chain(others) {
            for node in pattern.find(tree, root).into_iter().filter(|node| wanted(tree, *node)) {
                self.add(node, form);
            }
        }
        for (pattern, form) in entries.iter().flat_map(|entry| entry.texts()) {
            for node in pattern.find(tree, root).into_iter().filter(|node| wanted(tree, *node)) {
                if tree.text_of(node).is_some() {
                    let (format, kind, name) = (self.format.clone(), self.kind.clone(), self.name.clone());
                    self.texts.push(EmbeddedText { node, form, document: self.document, format, kind, name });
                }
            }
        }
    }

    /// Tells whether `node` is, or stands below, what is no image.
    fn is_ignored(&self, node: NodeId) -> bool {
        !self.ignored.is_empty()
            && std::iter::successors(Some(node), |at| self.tree.nodes[*at].parent)
                .any(|at| self.ignored.contains(&at))
    }

    /// Adds what stands at `node` in the given form.
    fn add(&mut self, node: NodeId, form: Form) {
        let node = self.tree.resolve(node);
        if self.is_ignored(node) {
            return;
        }
        match form {
            Form::Image => {
                if !self.tree.string_of(node).is_some_and(|text| self.aliases.contains(text)) {
                    self.add_scalar(node, "");
                }
            }
            Form::TaggedImage => {
                if has_tag_or_digest(self.tree, node) {
                    self.add_scalar(node, "");
                }
            }
            Form::Prefixed => {
                let text = self.tree.written(node);
                let prefix = PREFIXES.iter().find_map(|prefix| {
                    let at = text.find(prefix)?;
                    // Compose also takes `name=docker-image://…`.
                    (at == 0 || text[..at].ends_with('=')).then(|| text[..at + prefix.len()].to_owned())
                });
                if let Some(prefix) = prefix {
                    self.add_scalar(node, &prefix);
                }
            }
            Form::Output => {
                if self.tree.text_of(node).is_some() {
                    let image = self.tree.written(node).to_owned();
                    let state = State::Skipped(Skip::BuildOutput);
                    self.push(node, BTreeMap::new(), image, None, state, None);
                }
            }
            Form::Fields => {
                if let Some(fields) = helm_values::fields(self.tree, node, true) {
                    self.add_fields(fields, true);
                }
            }
            Form::Values => helm_values::find(self, node),
            Form::Kustomize => {
                for entry in self.tree.items(node).to_vec() {
                    kustomization::entry(self, entry);
                }
            }
            Form::KustomizeStrings => {
                for entry in self.tree.items(node).to_vec() {
                    kustomization::string_entry(self, entry);
                }
            }
        }
    }

    /// Adds a scalar that holds a whole reference after `prefix`.
    fn add_scalar(&mut self, node: NodeId, prefix: &str) {
        let node = self.tree.resolve(node);
        if self.tree.text_of(node).is_none() {
            return;
        }
        let value = self.tree.written(node);
        let image = value.strip_prefix(prefix).unwrap_or(value).to_owned();
        let (mut state, mut reference) = classify(&image);
        if let Some(skip) = self.computed(node) {
            state = State::Skipped(skip);
        }
        if state == State::Pinned && reference.as_ref().is_some_and(|r| r.tag().is_none()) {
            reference = self.tag_from_comment(node, reference);
        }
        if inner_span(self.tree, node).is_none() && matches!(state, State::Floating | State::Pinned) {
            state = State::Skipped(Skip::NotAReference);
        }
        let write = Some(Write::Whole { node, prefix: prefix.to_owned() });
        self.push(node, BTreeMap::new(), image, reference, state, write);
        // A comment above a container or a service is about its image.
        let start = self.start_of_holder(node);
        if let Some(site) = self.sites.last_mut().filter(|site| site.main == node) {
            site.parent = start;
        }
    }

    /// Returns where the mapping that holds `node` starts: its key, or its first entry in a list.
    fn start_of_holder(&self, node: NodeId) -> Option<usize> {
        let mapping = self.tree.nodes[node].parent?;
        let first = || self.tree.entries(mapping).first().map(|(key, _)| *key);
        let key = match self.tree.nodes[mapping].parent {
            Some(list) if self.tree.is_sequence(list) => first(),
            _ => self.tree.key_node_of(mapping),
        };
        key.map(|key| self.tree.nodes[key].span.start)
    }

    /// Returns why a value is not the text that stands here, if a tag says so: `!Ref`, `!Sub`, `!secret`. `!!str` says what
    /// it is anyway, and `!` alone that it is text.
    fn computed(&self, node: NodeId) -> Option<Skip> {
        match self.tree.nodes[self.tree.resolve(node)].tag.as_str() {
            TEMPLATE => Some(Skip::Template),
            tag => (tag.len() > 1 && !tag.ends_with("str")).then_some(Skip::Variable),
        }
    }

    /// Reads `repo@digest # repo:tag` back: the tag that style `digest` keeps in a comment.
    fn tag_from_comment(&self, node: NodeId, pinned: Option<Reference>) -> Option<Reference> {
        let pinned = pinned?;
        let Some(comment) = self.tree.comment_after(node) else { return Some(pinned) };
        let text = self.tree.text.get(comment)?.trim_start_matches('#').trim();
        // ratchet keeps the original there.
        let text = text.strip_prefix("ratchet:").unwrap_or(text);
        match (Reference::parse(text), pinned.digest()) {
            (Ok(named), Some(digest)) if named.name() == pinned.name() && named.digest().is_none() => {
                Some(named.pinned(digest))
            }
            _ => Some(pinned),
        }
    }

    /// Adds a reference that is split over fields of a mapping.
    fn add_fields(&mut self, fields: Fields, chart: bool) {
        let text = |node: Option<NodeId>| node.map(|node| self.tree.written(node)).unwrap_or_default();
        let Some(repository) = fields.repository else { return };
        let (registry, name) = (text(fields.registry), text(fields.repository));
        let (tag, digest) = (text(fields.tag), text(fields.digest));
        // `version: sha256:…`, and Renovate's `tag: 1.8@sha256:…`
        let (tag, inline) = match tag.split_once('@') {
            Some((tag, digest)) => (tag, digest),
            None if Digest::parse(tag).is_some() => ("", tag),
            None => (tag, ""),
        };
        let digest = match (digest, inline) {
            ("", inline) => inline.to_owned(),
            (hex, _) if fields.bare && !hex.contains(':') => format!("sha256:{hex}"),
            (digest, _) => digest.to_owned(),
        };
        let registry_part =
            if registry.is_empty() { String::new() } else { format!("{}/", registry.trim_end_matches('/')) };
        let tag_part = if tag.is_empty() { String::new() } else { format!(":{tag}") };
        let digest_part = if digest.is_empty() { String::new() } else { format!("@{digest}") };
        let image = format!("{registry_part}{name}{tag_part}{digest_part}");
        let (mut state, mut reference) =
            if name.is_empty() { (State::Skipped(Skip::Empty), None) } else { classify(&image) };
        if tag.is_empty() && state == State::Floating {
            (state, reference) = (State::Skipped(Skip::TagElsewhere), None);
        }
        let write = match (fields.digest, fields.tag) {
            (Some(node), _) if inline.is_empty() => {
                Some(Write::Digest { node: self.tree.resolve(node), bare: fields.bare })
            }
            (_, Some(node)) => Some(Write::Tag { node: self.tree.resolve(node) }),
            _ => None,
        };
        let main = fields.tag.unwrap_or(repository);
        let spans = [
            ("registry", fields.registry),
            ("repository", fields.repository),
            ("tag", fields.tag),
            ("digest", fields.digest),
        ];
        let spans = self.spans(&spans);
        let main = self.tree.resolve(main);
        self.push(main, spans, image, reference, state, write);
        let mapping = self.tree.nodes[self.tree.resolve(repository)].parent;
        let key = mapping.and_then(|mapping| self.tree.key_node_of(mapping));
        if let Some(site) = self.sites.last_mut().filter(|site| site.main == main) {
            site.chart = chart;
            site.parent = key.map(|key| self.tree.nodes[key].span.start);
        }
    }

    fn spans(&self, fields: &[(&'static str, Option<NodeId>)]) -> BTreeMap<&'static str, Range<usize>> {
        fields
            .iter()
            .filter_map(|(name, node)| {
                node.map(|node| (*name, self.tree.nodes[self.tree.resolve(node)].span.clone()))
            })
            .collect()
    }

    fn push(
        &mut self,
        main: NodeId,
        fields: BTreeMap<&'static str, Range<usize>>,
        image: String,
        reference: Option<Reference>,
        state: State,
        write: Option<Write>,
    ) {
        // A tag may be shared by several repositories, and each of them is a site.
        let repository = fields.get("repository").map(|span: &Range<usize>| span.start);
        if !self.taken.insert((main, repository)) {
            return;
        }
        // What an action touches is no text of the file's own, however it reads.
        let masked = !matches!(state, State::Skipped(_)) && self.tree.is_masked(main);
        let state = if masked { State::Skipped(Skip::Template) } else { state };
        let skipped = matches!(state, State::Skipped(_));
        self.sites.push(Site {
            document: self.document,
            path: self.tree.pointer(main),
            also_at: Vec::new(),
            format: self.format.clone(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            platform: None,
            main,
            span: self.tree.nodes[main].span.clone(),
            fields,
            inside: self.inside,
            parent: None,
            image,
            reference: if skipped { None } else { reference },
            state,
            write: if skipped { None } else { write },
            chart: false,
        });
    }
}
