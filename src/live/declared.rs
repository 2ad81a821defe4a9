//! What the manifests of a tree declare. Pure.

use std::collections::BTreeSet;

use crate::manifest::Located;
use crate::manifest::edit::annotations::Keys;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::{ObjectOwner, Skip, State};
use crate::reference::{Digest, LATEST, Reference};

/// The normalised name of an image, without tag and digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The registry's host.
    pub registry: String,
    /// The path there.
    pub repository: String,
}

impl Name {
    /// Returns the name in a reference.
    pub fn of(reference: &Reference) -> Self {
        Self { registry: reference.registry().into_owned(), repository: reference.repository() }
    }
}

/// One place that declares an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredPlace {
    /// The image.
    pub name: Name,
    /// Its tag, `latest` where there is none; empty where a digest stands alone.
    pub tag: String,
    /// Name and tag as they are spelled.
    pub spelled: String,
    /// The file, as reports name it.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The digests that may run: the image's own, and those that annotations of its object record.
    pub digests: BTreeSet<Digest>,
}

/// Returns the images that the files declare. What every kustomization replaces is declared there, and not where it was.
pub fn declared(inventory: &Inventory, keys: Option<Keys<'_>>) -> Vec<DeclaredPlace> {
    inventory.sites().filter_map(|(file, located)| of_site(file, located, keys)).collect()
}

fn of_site(file: &FileScan, located: &Located, keys: Option<Keys<'_>>) -> Option<DeclaredPlace> {
    let site = &located.site;
    let reference = match (&site.reference, site.state) {
        // What is built from it runs, under another name.
        _ if site.is_build_input() => return None,
        (Some(reference), _) => reference.clone(),
        // Left alone by tagpin, and deployed all the same.
        (None, State::Skipped(Skip::Ignored | Skip::ManagedByFlux)) => Reference::parse(&site.image).ok()?,
        (None, _) => return None,
    };
    let mut digests: BTreeSet<Digest> = reference.digest().cloned().into_iter().collect();
    if let (Some(owner), Some(keys)) = (&site.owner, keys) {
        digests.extend(recorded(owner, keys, reference.digest()));
    }
    Some(DeclaredPlace {
        name: Name::of(&reference),
        tag: tag(&reference),
        spelled: reference.without_digest().to_string(),
        file: file.path.clone(),
        line: located.line,
        column: located.column,
        digests,
    })
}

/// Returns what the annotations of an object record for a container: its digest where it has none of its own, and the
/// index that its digest was taken from.
fn recorded(owner: &ObjectOwner, keys: Keys<'_>, own: Option<&Digest>) -> Vec<Digest> {
    let of = |key: &str| {
        let named = owner.container.as_deref().and_then(|name| owner.digests.get(&format!("{key}.{name}")));
        named.or_else(|| owner.digests.get(key)).and_then(|text| Digest::parse(text))
    };
    let digest = of(keys.digest);
    // An annotation that somebody forgot says nothing of the index either.
    let index = of(keys.index).filter(|_| own.is_none() || own == digest.as_ref());
    digest.filter(|_| own.is_none()).into_iter().chain(index).collect()
}

/// Returns the tag of a reference as images are told apart by it.
pub(super) fn tag(reference: &Reference) -> String {
    match (reference.tag(), reference.digest()) {
        (Some(tag), _) => tag.to_owned(),
        (None, None) => LATEST.to_owned(),
        (None, Some(_)) => String::new(),
    }
}
