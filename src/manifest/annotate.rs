//! `deployed-image-digest` annotations on Kubernetes objects that own a pod template.
//!
//! They stand on the object, not on the pod template, so they cause no rollout of their own. Where one cannot be
//! written safely it is left out with a note; the pin happens all the same.

use std::collections::{BTreeMap, HashSet};

use super::Located;
use super::edit::{Added, EditError, Plan, Splice};
use super::yaml::{Kind, NodeId, Style, Yaml};
use crate::plan::{Outcome, Verdict};

/// The longest name part of an annotation key (Kubernetes, annotations: syntax and character set).
const NAME_MAX: usize = 63;

/// What is annotated, and what is left alone.
#[derive(Clone, Debug, Default)]
pub struct Annotations<'a> {
    /// The annotation key; `None` turns annotations off.
    pub key: Option<&'a str>,
    /// Image names that a kustomization in the tree overrides: the object does not say what is deployed.
    pub overridden: HashSet<&'a str>,
    /// Whether the file is a kustomize patch, not a whole object.
    pub is_patch: bool,
}

/// Adds the annotations of all objects with a change to `plan`; returns what could not be written, and why.
pub(crate) fn annotate(
    yaml: &Yaml<'_>,
    plan: &mut Plan,
    sites: &[Located],
    verdicts: &[Verdict],
    annotations: &Annotations<'_>,
) -> Vec<String> {
    let Some(key) = annotations.key else { return Vec::new() };
    let mut objects: BTreeMap<NodeId, Vec<(&Located, &Verdict)>> = BTreeMap::new();
    for (located, verdict) in sites.iter().zip(verdicts) {
        let owner =
            located.site.owner.as_ref().filter(|owner| owner.annotatable && owner.container.is_some());
        if let Some(owner) = owner {
            objects.entry(owner.node).or_default().push((located, verdict));
        }
    }
    let mut notes = Vec::new();
    for (object, containers) in objects {
        if annotations.is_patch || containers.iter().all(|(_, verdict)| verdict.change.is_none()) {
            continue;
        }
        let mut object = Object { yaml, key, object, wanted: Vec::new(), notes: &mut notes };
        object.want(&containers, &annotations.overridden);
        let mut trial = plan.clone();
        match object.write(&mut trial) {
            Ok(()) => *plan = trial,
            Err(reason) => object.note(reason),
        }
    }
    notes
}

/// One object and the annotations that it should have.
struct Object<'o, 'a> {
    yaml: &'o Yaml<'a>,
    key: &'o str,
    object: NodeId,
    wanted: Vec<(String, String)>,
    notes: &'o mut Vec<String>,
}

impl Object<'_, '_> {
    fn want(&mut self, containers: &[(&Located, &Verdict)], overridden: &HashSet<&str>) {
        for (located, verdict) in containers {
            let name =
                located.site.owner.as_ref().and_then(|owner| owner.container.as_deref()).unwrap_or_default();
            let key =
                if containers.len() == 1 { self.key.to_owned() } else { format!("{}.{name}", self.key) };
            let digest = match (&verdict.change, verdict.outcome) {
                (Some(change), _) => Some(&change.digest),
                (None, Outcome::Unchanged) => located.site.digest(),
                _ => None,
            };
            let image = located.site.reference.as_ref().map(|reference| reference.name()).unwrap_or_default();
            if key.rsplit('/').next().is_some_and(|name| name.len() > NAME_MAX) {
                self.note(&format!("the key `{key}` is longer than {NAME_MAX} characters"));
            } else if overridden.contains(image) {
                self.note(&format!("a kustomization overrides `{image}`"));
            } else if let Some(digest) = digest {
                self.wanted.push((key, digest.to_string()));
            }
        }
    }

    fn write(&self, plan: &mut Plan) -> Result<(), &'static str> {
        let metadata = self.own_mapping(self.object, "metadata")?.ok_or("there is no metadata")?;
        let Some(annotations) = self.own_mapping(metadata, "annotations")? else {
            let (_, name) =
                self.yaml.own_entry(metadata, "name").ok_or("the name is not written in the metadata")?;
            if self.wanted.is_empty() {
                return Ok(());
            }
            let added = Added::Mapping(self.wanted.clone());
            return plan
                .add_entry(self.yaml, metadata, name, "annotations", added, self.step(metadata))
                .map_err(text);
        };
        if self.yaml.entries(annotations).is_empty() {
            return self.fill(plan, annotations);
        }
        let stale = self.stale(annotations);
        let keeps_one = self.yaml.entries(annotations).len() > stale.len();
        let neighbour = self.neighbour(annotations);
        for (key, value) in &self.wanted {
            match self.yaml.own_entry(annotations, key) {
                Some((_, node)) if self.yaml.text_of(node) == Some(value) => {}
                Some((_, node)) => plan.set(self.yaml, node, value.clone()).map_err(text)?,
                None => {
                    let after =
                        neighbour.ok_or("the annotations have no entry of one line to stand beside")?;
                    plan.add_after(self.yaml, annotations, after, key, value).map_err(text)?;
                }
            }
        }
        if keeps_one || !self.wanted.is_empty() {
            for index in stale {
                self.remove(plan, annotations, index, neighbour)?;
            }
        }
        Ok(())
    }

    /// Returns the mapping under `key`; an error where it is shared through an anchor or an alias.
    fn own_mapping(&self, mapping: NodeId, key: &str) -> Result<Option<NodeId>, &'static str> {
        let Some((_, value)) = self.yaml.own_entry(mapping, key) else {
            return match self.yaml.get(mapping, key) {
                Some(_) => Err("the metadata come in through a merge key"),
                None => Ok(None),
            };
        };
        let node = &self.yaml.nodes[value];
        match &node.kind {
            Kind::Mapping { .. } if !node.anchored => Ok(Some(value)),
            Kind::Mapping { .. } | Kind::Alias(_) => Err("the metadata are shared through an anchor"),
            _ => Err("the annotations are empty"),
        }
    }

    /// Fills `annotations: {}`.
    fn fill(&self, plan: &mut Plan, annotations: NodeId) -> Result<(), &'static str> {
        let span = self.yaml.nodes[annotations].span.clone();
        if self.yaml.text.get(span.clone()) != Some("{}") {
            return Err("the annotations are empty");
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
        plan.added.entry(annotations).or_default().extend(added);
        Ok(())
    }

    /// JSON quotes its keys.
    fn key_is_quoted(&self, node: NodeId) -> bool {
        let parent = self.yaml.nodes[node].parent;
        parent.and_then(|parent| self.yaml.own_entry(parent, "annotations")).is_some_and(|(key, _)| {
            matches!(self.yaml.nodes[key].kind, Kind::Scalar { style: Style::Double, .. })
        })
    }

    /// Returns the entries that tagpin wrote once and that say nothing true any more.
    fn stale(&self, annotations: NodeId) -> Vec<usize> {
        let own = |key: &str| {
            key == self.key || key.strip_prefix(self.key).is_some_and(|rest| rest.starts_with('.'))
        };
        let entries = self.yaml.entries(annotations).iter().enumerate();
        entries
            .filter(|(_, (key, _))| {
                self.yaml
                    .text_of(*key)
                    .is_some_and(|key| own(key) && !self.wanted.iter().any(|(wanted, _)| wanted == key))
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the last entry of one line: a new one goes below it.
    fn neighbour(&self, annotations: NodeId) -> Option<NodeId> {
        let one_line = |id: NodeId| {
            let node = &self.yaml.nodes[id];
            matches!(node.kind, Kind::Scalar { style, .. } if style != Style::Block)
                && !node.span.is_empty()
                && !self.yaml.text[node.span.clone()].contains('\n')
        };
        self.yaml.entries(annotations).iter().rev().map(|(_, value)| *value).find(|value| one_line(*value))
    }

    /// Removes the line of a stale entry. In a flow mapping it stays: commas are not worth the risk.
    fn remove(
        &self,
        plan: &mut Plan,
        annotations: NodeId,
        index: usize,
        neighbour: Option<NodeId>,
    ) -> Result<(), &'static str> {
        let Kind::Mapping { entries, flow: false } = &self.yaml.nodes[annotations].kind else {
            return Err("a stale key in a flow mapping is left as it is");
        };
        let (key, value) = entries[index];
        let text = self.yaml.text;
        let (start, end) = (self.yaml.nodes[key].span.start, self.yaml.nodes[value].span.end);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let one_line = text[line_start..start].trim().is_empty() && !text[start..end].contains('\n');
        let Some(newline) = text[end..].find('\n').filter(|_| one_line) else {
            return Err("a stale key is not on a line of its own");
        };
        let line_end = end + newline + 1;
        // New lines go to the end of the neighbour's line: where that line goes away, its line end must stay.
        let replaced_below = neighbour == Some(value) && plan.added.contains_key(&annotations);
        let span = if replaced_below {
            let own_end = line_end - if text[..line_end].ends_with("\r\n") { 2 } else { 1 };
            let before = if text[..line_start].ends_with("\r\n") { 2 } else { usize::from(line_start > 0) };
            line_start - before..own_end
        } else {
            line_start..line_end
        };
        plan.splices.push(Splice { span, text: String::new() });
        plan.removed.entry(annotations).or_default().push(index);
        Ok(())
    }

    /// Returns by how much the file indents: the metadata's entries below the metadata's key.
    fn step(&self, metadata: NodeId) -> usize {
        let column = |id: NodeId| {
            let start = self.yaml.nodes[id].span.start;
            start - self.yaml.text[..start].rfind('\n').map_or(0, |newline| newline + 1)
        };
        let outer = self.yaml.own_entry(self.object, "metadata").map(|(key, _)| column(key));
        let inner = self.yaml.entries(metadata).first().map(|(key, _)| column(*key));
        match (outer, inner) {
            (Some(outer), Some(inner)) if inner > outer => inner - outer,
            _ => 2,
        }
    }

    fn note(&mut self, reason: &str) {
        let kind = self.yaml.get_str(self.object, "kind").unwrap_or_default();
        let metadata = self.yaml.get(self.object, "metadata");
        let name = metadata.and_then(|metadata| self.yaml.get_str(metadata, "name")).unwrap_or_default();
        self.notes.push(format!("{kind}/{name} is not annotated: {reason}"));
    }
}

fn text(error: EditError) -> &'static str {
    match error {
        EditError::Scalar => "the annotation is written in a way that cannot be replaced in place",
        EditError::Mapping | EditError::Comment => "no entry can be added to the annotations",
    }
}
