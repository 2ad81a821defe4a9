//! What is found in a document, and in the texts inside of it.

use std::sync::Arc;

use super::location::TextForm;
use crate::manifest::look_away::FoundLookAway;
use crate::manifest::module_names::ModuleNames;
use crate::manifest::partial_image::FoundPartialImage;
use crate::manifest::site::Site;
use crate::manifest::syntax::tree::NodeId;

/// What a document, or a text in one, holds.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Found {
    pub(in crate::manifest) sites: Vec<Site>,
    pub(in crate::manifest) texts: Vec<EmbeddedText>,
    pub(in crate::manifest) looks_away: Vec<FoundLookAway>,
    pub(in crate::manifest) partials: Vec<FoundPartialImage>,
    pub(in crate::manifest) names: ModuleNames,
    pub(in crate::manifest) registries: Vec<String>,
}

impl Found {
    /// Adds what was found elsewhere.
    pub(in crate::manifest) fn add(&mut self, other: Self) {
        take(&mut self.sites, other.sites);
        take(&mut self.texts, other.texts);
        take(&mut self.looks_away, other.looks_away);
        take(&mut self.partials, other.partials);
        self.names.add(other.names);
        self.registries.extend(other.registries);
    }
}

/// Adds a list to another one; where that is empty, it takes its place, which costs nothing.
fn take<T>(all: &mut Vec<T>, more: Vec<T>) {
    if all.is_empty() {
        *all = more;
    } else {
        all.extend(more);
    }
}

/// A text inside of a document that is read as one of its own.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct EmbeddedText {
    pub(in crate::manifest) node: NodeId,
    pub(super) form: TextForm,
    /// Whether the catalogue knows of it: in another one images are listed, and no more.
    pub(super) is_known: bool,
    pub(in crate::manifest) document: usize,
    pub(super) format: Arc<str>,
    pub(super) object: ObjectLabel,
}

/// What a Kubernetes object calls itself.
#[derive(Clone, Debug, Default)]
pub(super) struct ObjectLabel {
    pub(super) group: Option<Arc<str>>,
    pub(super) kind: Option<Arc<str>>,
    pub(super) name: Option<Arc<str>>,
}
