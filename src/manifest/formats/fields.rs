//! Images that are split over fields: registry, repository, tag and digest.

use super::finder::{Finder, ScalarTag};
use super::image_keys::has_host;
use crate::manifest::site::{DigestField, Site, Skip, State, Write, classify};
use crate::manifest::syntax::tree::NodeId;
use crate::reference::Digest;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    pub(super) registry: Option<NodeId>,
    pub(super) repository: Option<NodeId>,
    pub(super) tag: Option<NodeId>,
    pub(super) digest: Option<NodeId>,
    /// The digest field holds hex digits alone.
    pub(super) bare: bool,
    /// The tag is a version (`{image: acme/api, version: "1"}`) and nothing else says that both are an image: charts that have it
    /// so put a registry before a name without one.
    pub(super) has_version: bool,
}

impl Fields {
    /// Returns the scalars.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        [self.registry, self.repository, self.tag, self.digest].into_iter().flatten()
    }
}

impl Finder<'_, '_> {
    pub(super) fn add_fields(&mut self, fields: Fields, chart: bool) {
        let text = |node: Option<NodeId>| node.map(|node| self.tree.written(node)).unwrap_or_default();
        let Some(repository) = fields.repository else { return };
        let (registry, name) = (text(fields.registry), text(fields.repository));
        if name.is_empty() && chart {
            // The chart has the name, or the operator.
            return;
        }
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
        let is_named = matches!(state, State::Floating | State::Pinned);
        if is_named && fields.has_version && registry.is_empty() && !has_host(name) {
            (state, reference) = (State::Skipped(Skip::RegistryElsewhere), None);
        }
        // Of a computed part, the text is not what it will be.
        let computed = fields.nodes().find_map(|node| match self.tag(node) {
            ScalarTag::Computed(skip) => Some(skip),
            _ => None,
        });
        if let Some(skip) = computed {
            (state, reference) = (State::Skipped(skip), None);
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
        let digest_field = fields.digest.map(|node| {
            let (node, text) = (self.tree.resolve(node), self.tree.written(node).to_owned());
            DigestField { path: self.tree.pointer(node), node, text }
        });
        let room = fields.tag.filter(|_| chart).and_then(|tag| self.room(tag, repository));
        let mapping = self.tree.nodes[self.tree.resolve(repository)].parent();
        let key = mapping.and_then(|mapping| self.tree.key_node_of(mapping));
        if let Some(site) = self.sites.last_mut().filter(|site| site.main == main) {
            site.chart = chart;
            site.digest_field = digest_field.filter(|_| chart).map(Box::new);
            site.room = if site.digest_field.is_none() { room } else { None };
            site.parent = key.map(|key| self.tree.nodes[key].span().start);
        }
    }

    /// Returns the mapping that has both the `tag` and the `repository` of an image, and the tag in it: there a digest field may
    /// be added.
    fn room(&self, tag: NodeId, repository: NodeId) -> Option<(NodeId, NodeId)> {
        let tag = self.tree.resolve(tag);
        let mapping = self.tree.nodes[tag].parent()?;
        let (_, after) = self.tree.own_entry(mapping, self.tree.key_of(tag)?)?;
        let is_beside = self.tree.nodes[self.tree.resolve(repository)].parent() == Some(mapping);
        (after == tag && is_beside).then_some((mapping, after))
    }

    /// Takes back the sites from `first` on: what they were made of is free for others.
    pub(super) fn take_back_from(&mut self, first: usize) {
        for site in self.sites.split_off(first) {
            self.taken.remove(&(site.main, site.fields.get("repository").map(|span| span.start)));
        }
    }

    /// Takes back what was found of an image, which is put together otherwise.
    pub(super) fn take_back(&mut self, fields: &Fields) {
        let Some(repository) = fields.repository else { return };
        let main = self.tree.resolve(fields.tag.unwrap_or(repository));
        let start = self.tree.nodes[self.tree.resolve(repository)].span().start;
        if self.taken.remove(&(main, Some(start))) {
            let start_of = |site: &Site| site.fields.get("repository").map(|span| span.start);
            self.sites.retain(|site| site.main != main || start_of(site) != Some(start));
        }
    }
}
