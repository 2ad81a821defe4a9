//! `deployed-image-digest` annotations on Kubernetes objects that own a pod template.
//!
//! They stand on the object, not on the pod template, so they cause no rollout of their own. Where one cannot be
//! written safely it is left out with a note; the pin happens all the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::site_edit::{Attempt, SiteEdit, is_open};
use super::splice::{Plan, Splice, SpliceError, line_start};
use crate::manifest::located::Located;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};
use crate::manifest::syntax::tree_edit::Added;

/// The longest name part of an annotation key (Kubernetes, annotations: syntax and character set).
const NAME_MAX: usize = 63;

/// More digests than this do not fit into an object's annotations (256 KiB in all).
const ENTRIES_MAX: usize = 2_000;

/// What is annotated, and what is left alone.
#[derive(Clone, Copy, Debug)]
pub struct AnnotationPlan<'a> {
    /// The annotation keys.
    pub keys: Keys<'a>,
    /// Whether pins are recorded. Where they are not, what was recorded once and is not true any more is removed.
    pub enabled: bool,
    /// Whether everything that was recorded once is removed, where pins are not recorded.
    pub remove: bool,
    /// Whether objects are looked at whose images stay as they are.
    pub mends: bool,
    /// Whether the file is a kustomize patch, not a whole object.
    pub is_patch: bool,
}

/// The keys of the annotations, or what they start with where an object has several containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys<'a> {
    /// For the digest that was written.
    pub digest: &'a str,
    /// For the index that a platform's digest was taken from.
    pub index: &'a str,
}

/// Adds the annotations of all objects with a change to `plan`; returns what could not be written, and why.
pub(super) fn annotate(
    tree: &SyntaxTree<'_>,
    plan: &mut Plan,
    sites: &[Located],
    attempts: &[Attempt],
    annotations: &AnnotationPlan<'_>,
) -> Vec<String> {
    let keys = annotations.keys;
    let mut objects: BTreeMap<NodeId, Vec<(&Located, &Attempt)>> = BTreeMap::new();
    for (located, attempt) in sites.iter().zip(attempts) {
        let owner =
            located.site.owner.as_ref().filter(|owner| owner.annotatable && owner.container.is_some());
        if let Some(owner) = owner {
            objects.entry(owner.node).or_default().push((located, attempt));
        }
    }
    let mut notes = Vec::new();
    for (object, containers) in objects {
        let is_open = containers.iter().any(|(_, attempt)| is_open(attempt));
        if annotations.is_patch || !(is_open || annotations.mends) {
            continue;
        }
        let mut object =
            AnnotatedObject { tree, keys, object, wanted: Vec::new(), earlier: plan, notes: &mut notes };
        match (annotations.enabled, annotations.remove) {
            (true, _) => object.want(&containers, is_open),
            (false, false) => object.keep_what_is_true(&containers),
            (false, true) => {}
        }
        let mut own = Plan::default();
        match object.write(&mut own) {
            Ok(()) => plan.join(own),
            Err(reason) => object.note(reason),
        }
    }
    notes
}

struct AnnotatedObject<'o, 'a> {
    tree: &'o SyntaxTree<'a>,
    keys: Keys<'o>,
    object: NodeId,
    wanted: Vec<(String, String)>,
    /// What is planned already, for the images and for other objects.
    earlier: &'o Plan,
    notes: &'o mut Vec<String>,
}

impl AnnotatedObject<'_, '_> {
    /// Decides what the annotations should say. The names of containers come from the file: only those that
    /// Kubernetes would take become part of a key.
    ///
    /// Where no image of the object changes, and for one of which nobody says that it is right, only what is there already
    /// is mended: an annotation that is not there is no reason to write into the file.
    fn want(&mut self, containers: &[(&Located, &Attempt)], is_open: bool) {
        if containers.len() > ENTRIES_MAX {
            return self.note(&format!("more than {ENTRIES_MAX} containers do not fit into annotations"));
        }
        let mut names: HashMap<String, usize> = HashMap::new();
        for (located, _) in containers {
            *names.entry(name_of(located)).or_default() += 1;
        }
        for (located, attempt) in containers {
            let name = name_of(located);
            let Recorded { key, index_key, digest: known, index: known_index } =
                self.recorded(&name, containers.len() == 1);
            let edit = attempt.as_ref().ok();
            let index = edit.and_then(SiteEdit::index);
            let settled = edit.and_then(|edit| edit.wanted(located));
            let digest = settled.or_else(|| located.site.digest());
            let image = located.site.reference.as_ref().map(|reference| reference.name()).unwrap_or_default();
            let clash = containers.len() > 1 && (!is_name(&name) || names.get(&name) != Some(&1));
            let is_true = digest.is_some_and(|digest| known == Some(digest.as_str()));
            if (!is_open || settled.is_none()) && known.is_none() {
                continue;
            }
            if clash {
                self.note(&format!("`{name}` is not the name of one container"));
            } else if let Some(key) =
                [Some(&key), index.map(|_| &index_key)].into_iter().flatten().find(|key| is_long(key))
            {
                self.note(&format!("the key `{key}` is longer than {NAME_MAX} characters"));
            } else if located.is_overridden() && !is_true {
                self.note(&format!("a kustomization overrides `{image}`"));
            } else if let Some(digest) = digest {
                // What it says of a digest that stays is still so.
                let index = index.or(known_index.filter(|_| is_true)).map(str::to_owned);
                self.wanted.push((key, digest.to_string()));
                self.wanted.extend(index.map(|index| (index_key, index)));
            }
        }
    }

    /// Keeps the annotations that still say what their images are.
    fn keep_what_is_true(&mut self, containers: &[(&Located, &Attempt)]) {
        for (located, attempt) in containers {
            let recorded = self.recorded(&name_of(located), containers.len() == 1);
            let settled = attempt.as_ref().ok().and_then(|edit| edit.wanted(located));
            let digest = settled.or_else(|| located.site.digest());
            if let Some(digest) = digest.filter(|digest| recorded.digest == Some(digest.as_str())) {
                let index = recorded.index.map(|index| (recorded.index_key.clone(), index.to_owned()));
                self.wanted.push((recorded.key, digest.to_string()));
                self.wanted.extend(index);
            }
        }
    }

    /// Returns the keys for a container, and what stands under them.
    fn recorded(&self, name: &str, is_alone: bool) -> Recorded<'_> {
        let key = |base: &str| if is_alone { base.to_owned() } else { format!("{base}.{name}") };
        let annotations = self
            .tree
            .get(self.object, "metadata")
            .and_then(|metadata| self.tree.get(metadata, "annotations"));
        let text = |key: &str| self.tree.get_str(annotations?, key);
        let (key, index_key) = (key(self.keys.digest), key(self.keys.index));
        let (digest, index) = (text(&key), text(&index_key));
        Recorded { key, index_key, digest, index }
    }

    fn write(&self, plan: &mut Plan) -> Result<(), &'static str> {
        let metadata = self.own_mapping(self.object, "metadata")?.ok_or("there is no metadata")?;
        if let Some((_, null)) = self.tree.own_entry(metadata, "annotations")
            && self.tree.is_null(null)
        {
            if self.wanted.is_empty() {
                return Ok(());
            }
            return plan.fill(self.tree, null, self.wanted.clone(), self.step(metadata)).map_err(text);
        }
        let Some(annotations) = self.own_mapping(metadata, "annotations")? else {
            let (_, name) =
                self.tree.own_entry(metadata, "name").ok_or("the name is not written in the metadata")?;
            if self.wanted.is_empty() {
                return Ok(());
            }
            let added = Added::Mapping(self.wanted.clone());
            return plan
                .add_entry(self.tree, metadata, name, "annotations", added, self.step(metadata))
                .map_err(text);
        };
        if self.tree.entries(annotations).is_empty() {
            return self.fill(plan, annotations);
        }
        let stale = self.stale(annotations);
        let keeps_one = self.tree.entries(annotations).len() > stale.len();
        let neighbour = self.neighbour(annotations, &stale);
        for (key, value) in &self.wanted {
            match self.tree.own_entry(annotations, key) {
                Some((_, node)) if self.tree.text_of(node) == Some(value) => {}
                Some((_, node)) => match self.earlier.tree.set.get(&node) {
                    Some(planned) if planned == value => {}
                    Some(_) => return Err(text(SpliceError::Shared)),
                    None => plan.set(self.tree, node, value.clone()).map_err(text)?,
                },
                None => {
                    let after =
                        neighbour.ok_or("the annotations have no entry of one line to stand beside")?;
                    plan.add_after(self.tree, annotations, after, key, value).map_err(text)?;
                }
            }
        }
        if keeps_one || !self.wanted.is_empty() {
            for index in stale {
                self.remove(plan, annotations, index, neighbour)?;
            }
        } else if !stale.is_empty() {
            self.remove_all(plan, metadata, annotations)?;
        }
        Ok(())
    }

    /// Returns the mapping under `key`; an error where it is shared through an anchor or an alias.
    fn own_mapping(&self, mapping: NodeId, key: &str) -> Result<Option<NodeId>, &'static str> {
        let Some((_, value)) = self.tree.own_entry(mapping, key) else {
            return match self.tree.get(mapping, key) {
                Some(_) => Err("the metadata come in through a merge key"),
                None => Ok(None),
            };
        };
        match self.tree.kind(value) {
            NodeKind::Mapping { .. } if !self.tree.nodes[value].is_anchored() => Ok(Some(value)),
            NodeKind::Mapping { .. } | NodeKind::Alias(_) => Err("the metadata are shared through an anchor"),
            _ => Err("the annotations are empty"),
        }
    }

    fn fill(&self, plan: &mut Plan, annotations: NodeId) -> Result<(), &'static str> {
        let span = self.tree.nodes[annotations].span();
        let inside = self.tree.text.get(span.start + 1..span.end.saturating_sub(1));
        if inside.is_none_or(|inside| !inside.bytes().all(|b| b == b' ')) {
            return Err("the annotations are empty");
        }
        if self.wanted.is_empty() {
            return Ok(());
        }
        let quoted = self.key_is_quoted(annotations);
        let entries: Vec<String> = self
            .wanted
            .iter()
            .map(
                |(key, value)| {
                    if quoted { format!("\"{key}\": \"{value}\"") } else { format!("{key}: {value}") }
                },
            )
            .collect();
        let at = span.start + 1;
        plan.splices.push(Splice { span: at..at, text: entries.join(", ") });
        let added = self.wanted.iter().map(|(key, value)| (0, key.clone(), Added::Text(value.clone())));
        plan.tree.added.entry(annotations).or_default().extend(added);
        Ok(())
    }

    /// JSON quotes its keys.
    fn key_is_quoted(&self, node: NodeId) -> bool {
        let parent = self.tree.nodes[node].parent();
        parent.and_then(|parent| self.tree.own_entry(parent, "annotations")).is_some_and(|(key, _)| {
            matches!(self.tree.kind(key), NodeKind::Scalar { style: ScalarStyle::Double, .. })
        })
    }

    /// Returns the entries that tagpin wrote once and that say nothing true any more.
    fn stale(&self, annotations: NodeId) -> Vec<usize> {
        let is_of = |base: &str, key: &str| {
            key.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let own = |key: &str| is_of(self.keys.digest, key) || is_of(self.keys.index, key);
        let wanted: HashSet<&str> = self.wanted.iter().map(|(key, _)| key.as_str()).collect();
        let entries = self.tree.entries(annotations).iter().enumerate();
        entries
            .filter(|(_, (key, _))| {
                self.tree.text_of(*key).is_some_and(|key| own(key) && !wanted.contains(key))
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the last entry of one line, if possible one that stays: a new one goes below it.
    fn neighbour(&self, annotations: NodeId, stale: &[usize]) -> Option<NodeId> {
        let one_line = |id: NodeId| {
            let node = &self.tree.nodes[id];
            matches!(self.tree.kind(id), NodeKind::Scalar { style, .. } if style != ScalarStyle::Block)
                && !node.span().is_empty()
                && !self.tree.text[node.span()].contains(['\n', '\r'])
        };
        let stale: HashSet<usize> = stale.iter().copied().collect();
        let entries = self.tree.entries(annotations).iter().enumerate().rev();
        let mut lines = entries.map(|(index, (_, value))| (index, *value)).filter(|(_, id)| one_line(*id));
        let last = lines.clone().next();
        lines.find(|(index, _)| !stale.contains(index)).or(last).map(|(_, value)| value)
    }

    /// Removes the line of a stale entry. In a flow mapping it stays: commas are not worth the risk.
    fn remove(
        &self,
        plan: &mut Plan,
        annotations: NodeId,
        index: usize,
        neighbour: Option<NodeId>,
    ) -> Result<(), &'static str> {
        let NodeKind::Mapping { entries, flow: false } = self.tree.kind(annotations) else {
            return Err("a stale key in a flow mapping is left as it is");
        };
        let (key, value) = entries[index];
        let text = self.tree.text;
        let (start, end) = (self.tree.nodes[key].span().start, self.tree.nodes[value].span().end);
        let line_start = line_start(text, start);
        let one_line = text[line_start..start].bytes().all(|b| b == b' ') && !text[start..end].contains('\n');
        let Some(newline) = text[end..].find('\n').filter(|_| one_line) else {
            return Err("a stale key is not on a line of its own");
        };
        let line_end = end + newline + 1;
        if neighbour == Some(value) {
            // New lines go to the end of this line, which goes away: they go to the start of the next.
            let ends = if text[..line_end].ends_with("\r\n") { "\r\n" } else { "\n" };
            let at = line_end - ends.len();
            for splice in plan.splices.iter_mut().filter(|splice| splice.span == (at..at)) {
                if let Some(lines) = splice.text.strip_prefix(ends) {
                    *splice = Splice { span: line_end..line_end, text: format!("{lines}{ends}") };
                }
            }
        }
        plan.splices.push(Splice { span: line_start..line_end, text: String::new() });
        plan.tree.removed.entry(annotations).or_default().push(index);
        Ok(())
    }

    /// Removes the annotations with their key, where nothing stays of them: each entry, and nothing else, on a line of its own.
    fn remove_all(&self, plan: &mut Plan, metadata: NodeId, annotations: NodeId) -> Result<(), &'static str> {
        const ODD: &str = "stale keys are not on lines of their own";
        let entries = self.tree.entries(metadata);
        let index = entries.iter().position(|(_, value)| *value == annotations).ok_or(ODD)?;
        let is_block = |id: NodeId| matches!(self.tree.kind(id), NodeKind::Mapping { flow: false, .. });
        let lines = self.tree.entries(annotations);
        let last = lines.last().ok_or(ODD)?.1;
        if entries.len() < 2 || !is_block(metadata) || !is_block(annotations) {
            return Err(ODD);
        }
        let text = self.tree.text;
        let key = self.tree.nodes[entries[index].0].span().start;
        let start = line_start(text, key);
        let end = self.tree.nodes[last].span().end;
        let end = end + text[end..].find('\n').ok_or(ODD)? + 1;
        let is_alone = text[start..key].bytes().all(|byte| byte == b' ');
        if !is_alone || text[start..end].lines().count() != lines.len() + 1 {
            return Err(ODD);
        }
        plan.splices.push(Splice { span: start..end, text: String::new() });
        plan.tree.removed.entry(metadata).or_default().push(index);
        Ok(())
    }

    /// Returns by how much the file indents: the metadata's entries below the metadata's key.
    fn step(&self, metadata: NodeId) -> usize {
        // Nothing is indented in braces, and their line may be the whole file.
        if matches!(self.tree.kind(metadata), NodeKind::Mapping { flow: true, .. }) {
            return 2;
        }
        let column = |id: NodeId| {
            let start = self.tree.nodes[id].span().start;
            start - line_start(self.tree.text, start)
        };
        let outer = self.tree.own_entry(self.object, "metadata").map(|(key, _)| column(key));
        let inner = self.tree.entries(metadata).first().map(|(key, _)| column(*key));
        match (outer, inner) {
            (Some(outer), Some(inner)) if inner > outer => inner - outer,
            _ => 2,
        }
    }

    fn note(&mut self, reason: &str) {
        let kind = self.tree.get_str(self.object, "kind").unwrap_or_default();
        let metadata = self.tree.get(self.object, "metadata");
        let name = metadata.and_then(|metadata| self.tree.get_str(metadata, "name"));
        let object = name.map_or_else(|| format!("a {kind} without a name"), |name| format!("{kind}/{name}"));
        self.notes.push(format!("{object} is not annotated: {reason}"));
    }
}

/// The keys for a container, and what stands under them.
struct Recorded<'a> {
    key: String,
    index_key: String,
    digest: Option<&'a str>,
    index: Option<&'a str>,
}

fn name_of(located: &Located) -> String {
    let owner = located.site.owner.as_ref();
    owner.and_then(|owner| owner.container.clone()).unwrap_or_default()
}

fn is_long(key: &str) -> bool {
    key.rsplit('/').next().is_some_and(|name| name.len() > NAME_MAX)
}

/// Returns whether Kubernetes takes a container of this name (RFC 1123 label).
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn text(error: SpliceError) -> &'static str {
    match error {
        SpliceError::Scalar | SpliceError::Shared | SpliceError::NoTag => {
            "the annotation is written in a way that cannot be replaced in place"
        }
        SpliceError::Mapping | SpliceError::Comment => "no entry can be added to the annotations",
    }
}
