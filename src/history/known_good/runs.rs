//! What runs, as it decides what is known to be good: only what a place declares, and where all is well. Pure.

use crate::live::pods::{Container, Pulled};
use crate::live::{Comparison, DeclaredPlace, Fit, Indexes, LiveStatus, Name, describe};
use crate::manifest::Located;

/// What runs against what one environment declares.
#[derive(Clone, Debug)]
pub struct Runs {
    /// What the environment declares, and no other.
    pub declared: Vec<DeclaredPlace>,
    /// Every container.
    pub containers: Vec<Container>,
    /// How both compare.
    pub compared: Comparison,
    /// What the registry said.
    pub indexes: Indexes,
}

impl Runs {
    /// Returns what is declared at a place; `None` where a kustomization overrides it.
    pub fn declared_at(&self, file: &str, located: &Located) -> Option<&DeclaredPlace> {
        let is_there =
            |it: &&DeclaredPlace| (it.line, it.column) == (located.line, located.column) && it.file == file;
        self.declared.iter().find(is_there)
    }

    /// Returns why what a place declares cannot be called good, if so: a word and a sentence.
    pub fn refuses(&self, declared: &DeclaredPlace) -> Option<(&'static str, String)> {
        let image = self.compared.images.iter().find(|image| image.declared.contains(declared))?;
        let others = image.running.iter().filter(|running| running.fit == Fit::Other);
        let others: Vec<String> = others
            .map(|running| {
                format!("`{}…` runs, {}", running.digest.short(), describe::running_digest(running))
            })
            .collect();
        if image.status == LiveStatus::Drift {
            return Some(("drift", others.join("; ")));
        }
        let unknown = self.compared.unknown.iter().find(|container| {
            container.reference.as_ref().is_some_and(|reference| Name::of(reference) == declared.name)
        });
        if let Some((container, Pulled::Local(id))) = unknown.map(|container| (container, &container.pulled))
        {
            return Some((
                "not-compared",
                format!("{}: {}", describe::place(container), describe::unknown(id)),
            ));
        }
        let unchecked = image.running.iter().find_map(|running| match &running.fit {
            Fit::Unchecked(error) => Some(error.clone()),
            _ => None,
        });
        if let Some(error) = unchecked {
            return Some(("unchecked", error));
        }
        let own: Vec<_> =
            image.running.iter().filter(|running| declared.is_run_by(running, &self.indexes)).collect();
        if own.is_empty() {
            return Some(("not-running", "no pod runs this digest".to_owned()));
        }
        let asking = self.containers.iter().filter(|container| declared.is_asked_for_by(container));
        let mut all = own.iter().flat_map(|running| &running.containers).chain(asking);
        let (container, trouble) =
            all.find_map(|container| container.trouble.as_ref().map(|trouble| (container, trouble)))?;
        Some(("not-healthy", format!("{}: {trouble}", describe::place(container))))
    }
}
