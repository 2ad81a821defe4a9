//! Compares what runs with what is declared.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::{self, DeclaredPlace, Name};
use super::pods::{Container, Pulled};
use crate::reference::Digest;
use crate::registry::ResolveError;

/// What a cluster runs, image by image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Every image that is declared or runs, what differs first.
    pub images: Vec<LiveImage>,
    /// The containers whose node does not say what it pulled.
    pub unknown: Vec<Container>,
    /// How many containers have not started.
    pub waiting: usize,
}

/// One image: a name and a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveImage {
    /// The name and tag, as they are declared, or as they run where they are not.
    pub name: String,
    /// How both sides compare.
    pub status: LiveStatus,
    /// Where it is declared.
    pub declared: Vec<DeclaredPlace>,
    /// What runs, by digest.
    pub running: Vec<RunningDigest>,
    /// What the tag is by now, where that neither is declared nor runs; `None` where nobody asked.
    pub tag_now: Option<Digest>,
}

/// How what runs compares with what is declared, what needs a look first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveStatus {
    /// A digest runs that is not declared, or several run behind one tag.
    Drift,
    /// No registry said whether the digest that runs belongs to the one that is declared.
    Unchecked,
    /// It is declared, and nothing says which digest its containers run: they are in [`Comparison::unknown`].
    NotCompared,
    /// It runs and is not declared.
    NotDeclared,
    /// It is declared without a digest, and one digest runs.
    NotPinned,
    /// It is declared and does not run.
    NotRunning,
    /// What is declared runs.
    Same,
}

impl LiveStatus {
    /// Every status, in order.
    pub const ALL: [Self; 7] = [
        Self::Drift,
        Self::Unchecked,
        Self::NotCompared,
        Self::NotDeclared,
        Self::NotPinned,
        Self::NotRunning,
        Self::Same,
    ];

    /// Returns the kebab-case word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Unchecked => "unchecked",
            Self::NotCompared => "not-compared",
            Self::NotDeclared => "not-declared",
            Self::NotPinned => "not-pinned",
            Self::NotRunning => "not-running",
            Self::Same => "same",
        }
    }
}

/// The containers that run one digest of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningDigest {
    /// What the nodes pulled.
    pub digest: Digest,
    /// Whether that is what is declared.
    pub fit: Fit,
    /// Where it runs.
    pub containers: Vec<Container>,
}

/// Whether a digest that runs is what is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is the very digest.
    Declared,
    /// It is one platform's manifest of the index that is declared.
    Platform,
    /// It is the index of the manifest that is declared.
    Index,
    /// Nothing says which digest it should be.
    NoDigest,
    /// It is something else.
    Other,
    /// What the registry did not say.
    Unchecked(String),
}

impl Fit {
    /// Returns the kebab-case word for reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Platform => "platform",
            Self::Index => "index",
            Self::NoDigest => "no-digest",
            Self::Other => "other",
            Self::Unchecked(_) => "unchecked",
        }
    }
}

/// The manifests that each index lists, by its repository and digest. Without the registry's help there are none.
pub type Indexes = BTreeMap<(Name, Digest), Result<BTreeSet<Digest>, ResolveError>>;

/// The declarations of an image, and the containers that run it.
#[derive(Default)]
struct Sides {
    declared: Vec<DeclaredPlace>,
    running: BTreeMap<Digest, Vec<Container>>,
    /// Whether a container of it may run any digest.
    has_unknown: bool,
}

/// Compares what is `declared` with the `containers` that run.
pub fn compare(declared: &[DeclaredPlace], containers: &[Container], indexes: &Indexes) -> Comparison {
    let (mut compared, mut images) = (Comparison::default(), BTreeMap::<(Name, String), Sides>::new());
    for one in declared {
        let key = (one.name.clone(), one.tag.clone());
        images.entry(key).or_default().declared.push(one.clone());
    }
    for container in containers {
        let digest = match &container.pulled {
            Pulled::Digest(digest) => digest,
            Pulled::OneOf(digests) => {
                let Some(first) = digests.first() else { continue };
                let sides = images.get(&home(container, Some(first), &images));
                let is_declared = |digest: &&Digest| {
                    sides.is_some_and(|sides| sides.declared.iter().any(|it| it.digests.contains(*digest)))
                };
                digests.iter().find(is_declared).unwrap_or(first)
            }
            Pulled::NotYet => {
                compared.waiting += 1;
                continue;
            }
            Pulled::Local(_) => {
                compared.unknown.push(container.clone());
                // What is not declared is told by the container alone.
                let key = home(container, None, &images);
                images.entry(key).and_modify(|sides| sides.has_unknown = true);
                continue;
            }
        };
        let key = home(container, Some(digest), &images);
        images.entry(key).or_default().running.entry(digest.clone()).or_default().push(container.clone());
    }
    compared.images =
        images.into_iter().map(|((name, tag), sides)| image(&name, &tag, sides, indexes)).collect();
    compared.images.sort_by(|a, b| (a.status, &a.name).cmp(&(b.status, &b.name)));
    compared
}

/// Returns the image that a container belongs to: what has its tag, what has its digest, what has its name.
fn home(
    container: &Container,
    digest: Option<&Digest>,
    images: &BTreeMap<(Name, String), Sides>,
) -> (Name, String) {
    let (name, tag) = match &container.reference {
        Some(reference) => (Name::of(reference), declared::tag(reference)),
        None => (Name { registry: String::new(), repository: container.image.clone() }, String::new()),
    };
    let of_name =
        || images.range((name.clone(), String::new())..).take_while(|((other, _), _)| *other == name);
    let known = || of_name().filter(|(_, sides)| !sides.declared.is_empty());
    let same_tag = known().find(|((_, other), _)| *other == tag);
    let has_digest = |declared: &DeclaredPlace| digest.is_some_and(|it| declared.digests.contains(it));
    let same_digest = || known().find(|(_, sides)| sides.declared.iter().any(has_digest));
    let found = same_tag.or_else(same_digest).or_else(|| known().next());
    found.map(|(key, _)| key.clone()).unwrap_or((name, tag))
}

fn image(name: &Name, tag: &str, sides: Sides, indexes: &Indexes) -> LiveImage {
    let Sides { declared, running, has_unknown } = sides;
    let expected: BTreeSet<&Digest> = declared.iter().flat_map(|declared| &declared.digests).collect();
    let running: Vec<RunningDigest> = running
        .into_iter()
        .map(|(digest, containers)| {
            // Where no digest is declared, the tag is all that says what should run.
            let asks_for_it = |container: &Container| {
                let asked = container.reference.as_ref().map(declared::tag);
                asked.is_none_or(|asked| asked.is_empty() || asked == tag)
            };
            let fit = match expected.is_empty() {
                true if containers.iter().all(asks_for_it) => Fit::NoDigest,
                true => Fit::Other,
                false => fit(name, &digest, &expected, indexes),
            };
            RunningDigest { digest, fit, containers }
        })
        .collect();
    let has = |wanted: fn(&Fit) -> bool| running.iter().any(|running| wanted(&running.fit));
    let status = if declared.is_empty() {
        LiveStatus::NotDeclared
    } else if has(|fit| *fit == Fit::Other) || (expected.is_empty() && running.len() > 1) {
        LiveStatus::Drift
    } else if has(|fit| matches!(fit, Fit::Unchecked(_))) {
        LiveStatus::Unchecked
    } else if running.is_empty() {
        if has_unknown { LiveStatus::NotCompared } else { LiveStatus::NotRunning }
    } else if expected.is_empty() {
        LiveStatus::NotPinned
    } else {
        LiveStatus::Same
    };
    let spelled = declared.first().map(|declared| declared.spelled.clone());
    let shown = spelled.or_else(|| {
        let container = running.first()?.containers.first()?;
        Some(container.image.split('@').next()?.to_owned())
    });
    let shown = shown.unwrap_or_else(|| format!("{}/{}:{tag}", name.registry, name.repository));
    LiveImage { name: shown, status, declared, running, tag_now: None }
}

fn fit(name: &Name, digest: &Digest, expected: &BTreeSet<&Digest>, indexes: &Indexes) -> Fit {
    if expected.contains(digest) {
        return Fit::Declared;
    }
    let listed = |index: &Digest| indexes.get(&(name.clone(), index.clone()));
    let lists = |index: &Digest, manifest: &Digest| {
        listed(index).is_some_and(|listed| listed.as_ref().is_ok_and(|listed| listed.contains(manifest)))
    };
    if expected.iter().any(|index| lists(index, digest)) {
        return Fit::Platform;
    }
    if expected.iter().any(|manifest| lists(digest, manifest)) {
        return Fit::Index;
    }
    // What is gone from the registry cannot be what is declared and there; any other silence says nothing.
    let silent = expected.iter().copied().chain([digest]).find_map(|index| match listed(index) {
        Some(Err(error)) if !matches!(error, ResolveError::NotFound(_)) => Some(error.to_string()),
        _ => None,
    });
    silent.map_or(Fit::Other, Fit::Unchecked)
}

impl DeclaredPlace {
    /// Returns whether `running` is what this very place declares, not another one with its name and tag.
    pub fn is_run_by(&self, running: &RunningDigest, indexes: &Indexes) -> bool {
        let expected = self.digests.iter().collect();
        matches!(
            fit(&self.name, &running.digest, &expected, indexes),
            Fit::Declared | Fit::Platform | Fit::Index
        )
    }

    /// Returns whether a container asks for this image: by its tag, or by a digest that it declares.
    pub fn is_asked_for_by(&self, container: &Container) -> bool {
        container.reference.as_ref().is_some_and(|reference| {
            Name::of(reference) == self.name
                && (declared::tag(reference) == self.tag
                    || reference.digest().is_some_and(|digest| self.digests.contains(digest)))
        })
    }
}
