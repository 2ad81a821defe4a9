//! Collects the sites of one document: what every format has in common.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::catalogue::{Catalogue, group_of};
use super::found::{EmbeddedText, Found, ObjectLabel};
use super::image_keys::{decoded, has_tag_or_digest};
use super::location::{Form, Location, TextForm};
use crate::manifest::inputs::Needs;
use crate::manifest::look_away::{FoundLookAway, LookAwayReason};
use crate::manifest::module_names::ModuleNames;
use crate::manifest::partial_image::FoundPartialImage;
use crate::manifest::site::{Awaited, ObjectOwner, Site, Skip, State, Write, classify, is_of_transport};
use crate::manifest::syntax::agreement::is_action;
use crate::manifest::syntax::build::{EXPRESSION, TEMPLATE};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::template_name::rendered;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};
use crate::platform::Platform;
use crate::reference::Reference;

/// What may stand before a reference: in workflows, build contexts, Wasm plug-ins and policies.
const PREFIXES: [&str; 4] = ["docker://", "docker-image://", "oci://", "registry://"];

/// What Jenkins X has in the place of an image where a step is taken from another repository (Lighthouse, `UsesResolver`).
const STEP_OF_OTHERS: &str = "uses:";

/// What says beside an image that it is never pulled: Kubernetes, Terraform, charts, Compose, Quadlet, Ansible.
const NEVER_PULLED: [(&str, &str); 7] = [
    ("imagePullPolicy", "Never"),
    ("image_pull_policy", "Never"),
    ("pullPolicy", "Never"),
    ("pull_policy", "never"),
    ("pull_policy", "build"),
    ("Pull", "never"),
    ("pull", "never"),
];

pub(super) struct Finder<'y, 'a> {
    pub(super) tree: &'y SyntaxTree<'a>,
    pub(super) catalogue: &'y Catalogue,
    pub(super) document: usize,
    pub(super) format: Arc<str>,
    pub(super) object: ObjectLabel,
    pub(super) owner: Option<ObjectOwner>,
    /// The block scalar whose text is searched.
    pub(super) inside: Option<NodeId>,
    pub(super) is_patch: bool,
    /// The scalars of the sites that are known already: an alias leads to the same ones again.
    pub(super) taken: HashSet<(NodeId, Option<usize>)>,
    /// The platforms that workloads ask for, by the scalar of the image: `None` where they do not agree.
    pub(super) platforms: HashMap<NodeId, Option<Platform>>,
    /// What is not an image, with everything below it.
    pub(super) ignored: HashSet<NodeId>,
    /// Names that the document gives to images.
    pub(super) aliases: HashSet<String>,
    pub(super) sites: Vec<Site>,
    texts: Vec<EmbeddedText>,
    text_nodes: HashSet<NodeId>,
    pub(super) looks_away: Vec<FoundLookAway>,
    /// The JSON pointer of the values that are searched.
    pub(super) values_root: String,
    pub(super) partials: Vec<FoundPartialImage>,
    pub(super) names: ModuleNames,
    /// The JSON pointers below which values say the registry of images that name none.
    pub(super) registries: Vec<String>,
}

/// What a tag makes of the text behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarTag {
    /// It stays what it is.
    Text,
    /// Something else, when the file is used.
    Computed(Skip),
    /// It stays what it is, for readers who do not mind the tag.
    Dropped,
}

/// Returns whether an expression of Terraform fills in a file whose images are found in the file itself, by its name.
fn is_of_read_file(text: &str) -> bool {
    let path =
        text.strip_prefix("templatefile(").map(str::trim_start).and_then(|rest| rest.strip_prefix('"'));
    let is_read = |path: &str| Language::of(path).is_some() || rendered(path).is_some();
    path.and_then(|rest| rest.split('"').next()).is_some_and(is_read)
}

/// Returns whether documents of a format may have tags of their own, which stand for something else; other readers drop
/// them, as `kubectl`, Helm and Compose do.
fn has_local_tags(format: &str) -> bool {
    const FORMATS: [&str; 7] =
        ["", "unknown", "ansible", "cloudformation", "gitlab-ci", "home-assistant-build", "serverless"];
    FORMATS.contains(&format)
}

/// Returns what stands before and behind the `-` of `${NAME:-reference}` or `${NAME-reference}`, without the brace.
fn default_of(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let mark = inner[length..].strip_prefix(':').unwrap_or(&inner[length..]);
    let rest = mark.strip_prefix('-').filter(|rest| length > 0 && !rest.contains(['$', '{', '}']))?;
    Some((&text[..text.len() - rest.len() - 2], rest))
}

/// Returns whether Podman reads the images of a format.
fn has_transports(format: &str) -> bool {
    matches!(format, "nomad" | "quadlet")
}

impl<'y, 'a> Finder<'y, 'a> {
    pub(super) fn new(tree: &'y SyntaxTree<'a>, catalogue: &'y Catalogue, document: usize) -> Self {
        Self {
            tree,
            catalogue,
            document,
            format: Arc::default(),
            object: ObjectLabel::default(),
            owner: None,
            inside: None,
            is_patch: false,
            taken: HashSet::new(),
            platforms: HashMap::new(),
            ignored: HashSet::new(),
            aliases: HashSet::new(),
            sites: Vec::new(),
            texts: Vec::new(),
            text_nodes: HashSet::new(),
            looks_away: Vec::new(),
            values_root: String::new(),
            partials: Vec::new(),
            names: ModuleNames::default(),
            registries: Vec::new(),
        }
    }

    /// Notes that what is found from now on is of `object`, and returns what it was of.
    pub(super) fn enter(&mut self, object: NodeId) -> ObjectLabel {
        let text = |key| self.tree.get_str(object, key).unwrap_or_default();
        let metadata = self.tree.get(object, "metadata");
        let label = ObjectLabel {
            group: Some(group_of(text("apiVersion")).into()),
            kind: Some(text("kind").into()),
            name: metadata.and_then(|metadata| self.tree.get_str(metadata, "name")).map(Arc::from),
        };
        std::mem::replace(&mut self.object, label)
    }

    pub(super) fn finish(mut self) -> Found {
        self.set_platforms();
        let Self { sites, texts, looks_away, partials, names, registries, .. } = self;
        Found { sites, texts, looks_away, partials, names, registries }
    }

    /// Says that what a deployer takes from `node` is not judged; `what` is what it is about.
    pub(super) fn look_away(&mut self, reason: LookAwayReason, node: NodeId, what: impl Into<String>) {
        let node = self.tree.resolve(node);
        self.looks_away.push(FoundLookAway {
            reason,
            what: what.into(),
            document: self.document,
            path: self.tree.pointer(node),
            span: self.tree.nodes[node].span(),
            content: None,
            needs: Needs::default(),
        });
    }

    /// Says what the look-away that was added last depends on: with other content it is another one.
    pub(super) fn depends_on(&mut self, content: String, needs: Needs) {
        if let Some(last) = self.looks_away.last_mut() {
            (last.content, last.needs) = (Some(content), needs);
        }
    }

    pub(super) fn set_aside(&mut self, entries: &[&Location], root: NodeId) {
        for entry in entries {
            self.ignored.extend(entry.ignore.iter().flat_map(|pattern| pattern.find(self.tree, root)));
            for node in entry.aliases.iter().flat_map(|pattern| pattern.find(self.tree, root)) {
                self.aliases.extend(self.tree.string_of(node).map(str::to_owned));
            }
        }
    }

    /// Adds a text that is read as a document of its own; where the catalogue knows none, its images are listed, and no more.
    pub(super) fn add_text(&mut self, node: NodeId, form: TextForm, is_known: bool) {
        if self.text_nodes.insert(node) {
            let (format, object, document) = (self.format.clone(), self.object.clone(), self.document);
            self.texts.push(EmbeddedText { node, form, is_known, document, format, object });
        }
    }

    /// Returns whether a text is read as a document of its own.
    pub(super) fn is_text(&self, node: NodeId) -> bool {
        self.text_nodes.contains(&node)
    }

    /// Returns whether a value is known already, as a whole or as a part.
    pub(super) fn is_taken(&self, node: NodeId) -> bool {
        let node = self.tree.resolve(node);
        let start = self.tree.nodes[node].span().start;
        self.taken.contains(&(node, None)) || self.taken.contains(&(node, Some(start)))
    }

    pub(super) fn is_ignored(&self, node: NodeId) -> bool {
        self.is_of_device(node) || self.is_set_aside(node)
    }

    /// Returns whether a scalar is the image of an RBD volume (Kubernetes API, RBDVolumeSource v1 core): a block device.
    fn is_of_device(&self, node: NodeId) -> bool {
        let source = self.tree.nodes[node].parent().filter(|source| self.tree.key_of(*source) == Some("rbd"));
        source.is_some_and(|source| self.tree.get(source, "monitors").is_some())
    }

    fn is_set_aside(&self, node: NodeId) -> bool {
        !self.ignored.is_empty()
            && std::iter::successors(Some(node), |at| self.tree.nodes[*at].parent())
                .any(|at| self.ignored.contains(&at))
    }

    /// Adds a scalar that is an image, unless it is one of the document's names for images.
    pub(super) fn add_image(&mut self, node: NodeId) {
        let node = self.tree.resolve(node);
        let is_no_image = |text: &str| self.aliases.contains(text) || text.starts_with(STEP_OF_OTHERS);
        if !self.is_ignored(node) && !self.tree.string_of(node).is_some_and(is_no_image) {
            self.add_scalar(node, "");
        }
    }

    pub(super) fn add_tagged_image(&mut self, node: NodeId) {
        let node = self.tree.resolve(node);
        if !self.is_ignored(node) && has_tag_or_digest(self.tree, node) {
            self.add_scalar(node, "");
        }
    }

    pub(super) fn add_prefixed(&mut self, node: NodeId) {
        let node = self.tree.resolve(node);
        if self.is_ignored(node) {
            return;
        }
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

    /// Adds a scalar that looks like an image where none is known.
    pub(super) fn add_unknown(&mut self, node: NodeId) {
        let node = self.tree.resolve(node);
        let image = self.tree.written(node).to_owned();
        self.push(node, BTreeMap::new(), image, None, State::Skipped(Skip::UnknownLocation), None);
    }

    /// Adds a scalar that is an image which a build makes.
    pub(super) fn add_output(&mut self, node: NodeId) {
        let node = self.tree.resolve(node);
        if !self.is_ignored(node) && self.tree.text_of(node).is_some() {
            let image = self.tree.written(node).to_owned();
            self.push(node, BTreeMap::new(), image, None, State::Skipped(Skip::BuildOutput), None);
        }
    }

    pub(super) fn add_scalar(&mut self, node: NodeId, prefix: &str) {
        self.add_between(node, prefix, "");
    }

    /// Adds a scalar that is an image between two texts.
    pub(super) fn add_between(&mut self, node: NodeId, prefix: &str, suffix: &str) {
        let node = self.tree.resolve(node);
        if self.tree.text_of(node).is_none() {
            self.add_action(node);
            return;
        }
        let decoded = decoded(self.tree, node);
        let value = decoded.as_deref().unwrap_or(self.tree.written(node));
        let image = value.strip_prefix(prefix).unwrap_or(value);
        let image = image.strip_suffix(suffix).unwrap_or(image).to_owned();
        let (mut state, mut reference) = classify(&image);
        if is_of_transport(&image) && has_transports(&self.format) {
            (state, reference) = (State::Skipped(Skip::Unpullable), None);
        }
        let tag = self.tag(node);
        if let ScalarTag::Computed(skip) = tag {
            state = State::Skipped(skip);
        }
        if state == State::Pinned && reference.as_ref().is_some_and(|r| r.tag().is_none()) {
            reference = self.tag_from_comment(node, reference);
        }
        let is_editable = tag == ScalarTag::Text && self.tree.inner_span(node).is_some();
        if !is_editable && matches!(state, State::Floating | State::Pinned) {
            state = State::Skipped(Skip::NotEditable);
        }
        let write = Some(Write::Whole { node, prefix: prefix.to_owned(), suffix: suffix.to_owned() });
        self.push(node, BTreeMap::new(), image, reference, state, write);
        // A comment above a container or a service is about its image.
        let start = self.start_of_holder(node);
        if let Some(site) = self.sites.last_mut().filter(|site| site.main == node) {
            site.parent = start;
        }
    }

    /// Returns whether a value is made from its text when the file is used, and is no text of several lines by itself.
    pub(super) fn is_computed(&self, node: NodeId) -> bool {
        let node = self.tree.resolve(node);
        let is_block = matches!(self.tree.kind(node), NodeKind::Scalar { style: ScalarStyle::Block, .. });
        matches!(self.tree.tag(node), TEMPLATE | EXPRESSION) && !is_block
    }

    /// Adds a text that may hold images and that nobody can look into. What is taken from another file as it is says its
    /// images there.
    pub(super) fn add_computed(&mut self, node: NodeId) {
        let node = self.tree.resolve(node);
        let text = self.tree.written(node);
        // The old spelling of an expression.
        let bare = text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        if bare.starts_with("file(") || is_of_read_file(text) || self.is_ignored(node) {
            return;
        }
        let skip = if self.tree.tag(node) == TEMPLATE { Skip::Template } else { Skip::Variable };
        self.push(node, BTreeMap::new(), text.to_owned(), None, State::Skipped(skip), None);
    }

    /// Adds a reference that stands in a text: behind the first `=` of an argument, or as the default of a variable that is
    /// the whole text. Something else is left alone.
    pub(super) fn add_in_text(&mut self, node: NodeId, form: Form) {
        let node = self.tree.resolve(node);
        let text = self.tree.written(node).to_owned();
        let (prefix, rest) = match form {
            Form::Argument => text.split_once('=').map(|(name, rest)| (format!("{name}="), rest)),
            _ => default_of(&text).map(|(name, rest)| (format!("{name}-"), rest)),
        }
        .unwrap_or_default();
        let suffix = if form == Form::Argument { "" } else { "}" };
        let (state, reference) = classify(rest);
        let named = reference.as_ref().is_some_and(|named| named.tag().is_some() || named.digest().is_some());
        let is_editable = self.tag(node) == ScalarTag::Text && self.tree.inner_span(node).is_some();
        if !named || !is_editable || self.is_ignored(node) {
            return;
        }
        // It was said to be a variable, as everywhere else.
        self.sites.retain(|site| site.main != node);
        self.taken.remove(&(node, None));
        let write = Write::Whole { node, prefix, suffix: suffix.to_owned() };
        self.push(node, BTreeMap::new(), rest.to_owned(), reference, state, Some(write));
    }

    /// Adds a value that is nothing but an action of a template: to YAML it is two mappings.
    fn add_action(&mut self, node: NodeId) {
        if self.tree.entries(node).first().is_some_and(|(key, _)| is_action(self.tree, *key)) {
            let text = self.tree.text.get(self.tree.nodes[node].span());
            let image = text.unwrap_or_default().to_owned();
            self.push(node, BTreeMap::new(), image, None, State::Skipped(Skip::Template), None);
        }
    }

    /// Returns where the mapping that holds `node` starts: its key, or its first entry in a list.
    fn start_of_holder(&self, node: NodeId) -> Option<usize> {
        let mapping = self.tree.nodes[node].parent()?;
        let first = || self.tree.entries(mapping).first().map(|(key, _)| *key);
        let key = match self.tree.nodes[mapping].parent() {
            Some(list) if self.tree.is_sequence(list) => first(),
            _ => self.tree.key_node_of(mapping),
        };
        key.map(|key| self.tree.nodes[key].span().start)
    }

    /// Returns what the tag of a scalar makes of it: `!Ref`, `!Sub`, `!secret`. `!!str` says what it is anyway, and `!` alone
    /// that it is text.
    pub(super) fn tag(&self, node: NodeId) -> ScalarTag {
        match self.tree.tag(self.tree.resolve(node)) {
            "" | "!" | "!!str" | "tag:yaml.org,2002:str" => ScalarTag::Text,
            TEMPLATE => ScalarTag::Computed(Skip::Template),
            EXPRESSION => ScalarTag::Computed(Skip::Variable),
            tag if tag.starts_with("!!") || tag.starts_with("tag:yaml.org") => ScalarTag::Dropped,
            _ if has_local_tags(&self.format) => ScalarTag::Computed(Skip::Variable),
            _ => ScalarTag::Dropped,
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

    /// Returns whether a key beside an image says that what is there already is run: with a digest of a registry's that would
    /// not be found.
    fn is_never_pulled(&self, main: NodeId) -> bool {
        let Some(holder) = self.tree.nodes[main].parent() else { return false };
        NEVER_PULLED.iter().any(|(key, value)| self.tree.get_str(holder, key) == Some(*value))
    }

    /// Skips the site that was added last.
    pub(super) fn skip_last(&mut self, skip: Skip) {
        if let Some(site) = self.sites.last_mut().filter(|site| !matches!(site.state, State::Skipped(_))) {
            site.skip(skip);
        }
    }

    pub(super) fn spans(
        &self,
        fields: &[(&'static str, Option<NodeId>)],
    ) -> BTreeMap<&'static str, Range<usize>> {
        fields
            .iter()
            .filter_map(|(name, node)| {
                node.map(|node| (*name, self.tree.nodes[self.tree.resolve(node)].span()))
            })
            .collect()
    }

    pub(super) fn push(
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
        // The name of one that has no tag is found as a part, and by itself.
        if (repository.is_none() && self.is_taken(main)) || !self.taken.insert((main, repository)) {
            return;
        }
        // What an action touches is not text of the file's own, however it reads.
        let is_read = !matches!(state, State::Skipped(skip) if skip != Skip::Placeholder);
        let masked = is_read && self.tree.is_masked(main);
        let state = if masked { State::Skipped(Skip::Template) } else { state };
        let stays =
            state == State::Floating && (image.starts_with("localhost/") || self.is_never_pulled(main));
        let state = if stays { State::Skipped(Skip::Unpullable) } else { state };
        let skipped = matches!(state, State::Skipped(_));
        self.sites.push(Site {
            document: self.document,
            path: self.tree.pointer(main),
            also_at: Vec::new(),
            format: self.format.clone(),
            group: self.object.group.clone(),
            kind: self.object.kind.clone(),
            name: self.object.name.clone(),
            owner: self.owner.clone(),
            platform: None,
            main,
            span: self.tree.nodes[main].span(),
            fields,
            inside: self.inside,
            parent: None,
            image,
            reference: if skipped { None } else { reference },
            state,
            write: if skipped { None } else { write },
            chart: false,
            digest_field: None,
            room: None,
            awaits: None,
        });
    }

    /// Adds what is only listed where another file says what is `awaited`.
    pub(super) fn push_awaiting(&mut self, main: NodeId, image: String, skip: Skip, awaited: Awaited) {
        let main = self.tree.resolve(main);
        let known = self.sites.len();
        self.push(main, BTreeMap::new(), image, None, State::Skipped(skip), None);
        for site in &mut self.sites[known..] {
            site.awaits = Some(Box::new(awaited.clone()));
        }
    }
}
