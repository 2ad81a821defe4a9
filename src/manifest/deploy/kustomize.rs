//! Which kustomization reaches which image through which others, and what comes out at the top of every way.
//!
//! A kustomization builds on its resources, applies its components to them, then its patches, then its `images`. One that
//! nothing else builds on is built by somebody: what comes out there is deployed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::{Bound, Range};

use super::deployed::{Deployed, Renamed};
use super::image_entries::{DigestFrom, Passage, Tag};
use super::json_patches::{PatchFiles, is_at};
use super::tree_file::TreeFile;
use crate::manifest::formats::{ImageEntry, Overlay, UnpinnedImage};
use crate::manifest::located::{Located, Scan};
use crate::manifest::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use crate::manifest::site::{Skip, State};
use crate::reference::{LATEST, Reference};
use crate::source::tree::directory_of;

/// How deep kustomizations are followed; kustomize itself has no bound, and nobody has so many.
const DEPTH_MAX: usize = 64;

/// How many steps are taken in one tree, each with one image or one name: some tenths of a second. Past that nothing is
/// said of any image.
const STEPS_MAX: usize = 10_000_000;

/// What a copy of an image on its way counts, and a component that is applied.
const COPY: usize = 16;
const COMPONENT: usize = 200;

pub(super) fn apply(files: &mut [TreeFile<'_>]) {
    let overlays = files.iter().flat_map(|(_, scan)| &scan.kustomize.overlays).count();
    if overlays == 0 {
        return;
    }
    let found = Builds::of(files, |_, _| false).run();
    for ((file, index), fate) in found.fates {
        let located = &mut files[file].1.sites[index];
        let looks_away =
            fate.is_replaced && located.site.state == State::Floating && !is_placeholder(located);
        let look_away = looks_away.then(|| {
            let (document, path) = (located.site.document, located.site.path.clone());
            let spot = LookAwaySpot { document, path, place: located.place() };
            LookAway::at(LookAwayReason::Replaced, located.site.image.as_str(), spot)
        });
        if fate.is_replaced {
            located.site.skip(Skip::Replaced);
        }
        let Deployed { is_overridden, renamed, replaced_by, .. } = fate.deployed;
        let deployed = located.deployed.get_or_insert_default();
        (deployed.is_overridden, deployed.renamed, deployed.replaced_by) =
            (is_overridden, renamed, replaced_by);
        files[file].1.looks_away.extend(look_away);
    }
    for ((file, start), image) in found.takes_away {
        files[file].1.kustomize.takes_away.insert(start, image);
    }
    for ((file, start), image) in found.lets_out {
        files[file].1.kustomize.lets_out.insert(start, image);
    }
}

/// Returns whether nobody would pull an image as it is written: `app`, `controller:latest`.
fn is_placeholder(located: &Located) -> bool {
    let reference = located.site.reference.as_ref();
    reference.is_some_and(|it| !it.name().contains('/') && it.tag().is_none_or(|tag| tag == LATEST))
}

/// A file and something in it: the index of a site, or where an entry's site starts.
pub(super) type SitePlace = (usize, usize);

#[derive(Default)]
struct BuildFacts {
    fates: BTreeMap<SitePlace, Fate>,
    takes_away: BTreeMap<SitePlace, UnpinnedImage>,
    lets_out: BTreeMap<SitePlace, UnpinnedImage>,
}

struct Fate {
    is_replaced: bool,
    deployed: Deployed,
}

/// An image on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    site: usize,
    pub(super) passage: Passage,
    /// The kustomization that gave the name.
    named_by: Option<usize>,
    /// The entry that changed it last: the overlay, and where its site starts.
    last: Option<SitePlace>,
    /// The kustomization that changed it last.
    changed_by: Option<usize>,
}

type Flows = BTreeSet<Flow>;

enum BuildState {
    Not,
    /// Somewhere above: it builds on itself, which kustomize refuses.
    InWork,
    Done(Flows),
}

/// An image that entries may change.
pub(super) struct Source<'b> {
    pub(super) at: SitePlace,
    path: &'b str,
    located: &'b Located,
    pub(super) reference: &'b Reference,
}

pub(super) struct Builds<'b> {
    pub(super) overlays: Vec<(usize, &'b str, &'b Overlay)>,
    /// Kustomizations by their file and their directory.
    pub(super) by_path: HashMap<&'b str, usize>,
    /// Those that an object of a deployer names, and that it builds as they are.
    direct: HashSet<usize>,
    /// The sources of each file, by its path.
    files: BTreeMap<&'b str, Range<usize>>,
    pub(super) sources: Vec<Source<'b>>,
    /// The sources that entries are themselves.
    entries: HashMap<SitePlace, usize>,
    patch_files: PatchFiles<'b>,
    /// The JSON pointers that JSON patches set, in whatever object.
    set: HashSet<&'b str>,
    built: Vec<BuildState>,
    steps: usize,
    found: BuildFacts,
}

impl<'b> Builds<'b> {
    /// Prepares to build the kustomizations of `files`, with the images that some entry or patch may change and those that are
    /// `wanted` by the index of their file and their own.
    pub(super) fn of(files: &'b [TreeFile<'_>], wanted: impl Fn(usize, usize) -> bool) -> Self {
        let (mut overlays, mut by_path) = (Vec::new(), HashMap::new());
        for (file, (path, scan)) in files.iter().enumerate() {
            for overlay in &scan.kustomize.overlays {
                if overlay.is_named {
                    by_path.entry(directory_of(path)).or_insert(overlays.len());
                    by_path.entry(*path).or_insert(overlays.len());
                }
                overlays.push((file, *path, overlay));
            }
        }
        let is_deployer = |scan: &Scan| scan.kustomize.overlays.is_empty();
        let direct =
            files.iter().filter(|(_, scan)| is_deployer(scan)).flat_map(|(_, scan)| &scan.kustomize.names);
        let direct = direct.filter_map(|named| by_path.get(named.path.as_str())).copied().collect();
        let by_name: HashMap<&str, usize> =
            files.iter().enumerate().map(|(file, (path, _))| (*path, file)).collect();
        let names: HashSet<&str> = overlays
            .iter()
            .flat_map(|(_, _, overlay)| &overlay.images)
            .map(|entry| entry.name.as_str())
            .collect();
        let patched: HashSet<ContainerKey<'_>> = overlays
            .iter()
            .flat_map(|(file, _, overlay)| {
                let inline = files[*file].1.sites.iter().filter(|located| is_inline_patch(located));
                let named = overlay.patches.iter().filter_map(|patch| by_name.get(patch.as_str()));
                inline.chain(named.flat_map(|file| &files[*file].1.sites)).filter_map(container)
            })
            .collect();
        let patch_files = PatchFiles::of(files);
        let set: HashSet<&str> =
            overlays.iter().flat_map(|(_, _, overlay)| patch_files.all(overlay)).collect();
        let (mut sources, mut by_file, mut entries) = (Vec::new(), BTreeMap::new(), HashMap::new());
        for (file, (path, scan)) in files.iter().enumerate() {
            let first = sources.len();
            for (index, located) in scan.sites.iter().enumerate() {
                let open = matches!(located.site.state, State::Floating | State::Pinned);
                let reference = located.site.reference.as_ref().filter(|_| open);
                // What no entry and no patch names at its place is never changed.
                let is_named = |reference: &&Reference| {
                    wanted(file, index)
                        || names.contains(reference.name())
                        || container(located).is_some_and(|it| patched.contains(&it))
                        || is_at(located, &set)
                };
                if let Some(reference) = reference.filter(is_named) {
                    if !scan.kustomize.overlays.is_empty() {
                        entries.insert((file, located.site.span.start), sources.len());
                    }
                    sources.push(Source { at: (file, index), path, located, reference });
                }
            }
            by_file.insert(*path, first..sources.len());
        }
        let built = overlays.iter().map(|_| BuildState::Not).collect();
        Self {
            overlays,
            by_path,
            direct,
            files: by_file,
            sources,
            entries,
            patch_files,
            set,
            built,
            steps: 0,
            found: BuildFacts::default(),
        }
    }

    /// Returns what comes out of each source, with the kustomization that nothing builds on where it does; nothing past the bound.
    pub(super) fn outs(&mut self) -> BTreeMap<usize, Vec<(usize, Flow)>> {
        // What Flux and Argo CD build is of some repository, not for certain of this one: it comes out beside what is there.
        let surely_inner = self.inner(|overlay| overlay.is_named);
        let mut out: BTreeMap<usize, Vec<(usize, Flow)>> = BTreeMap::new();
        let is_built = |overlay: &usize| !surely_inner.contains(overlay) || self.direct.contains(overlay);
        for root in (0..self.overlays.len()).filter(is_built).collect::<Vec<_>>() {
            self.build(root, 0);
            if let BuildState::Done(flows) = &self.built[root] {
                for flow in flows {
                    out.entry(flow.site).or_default().push((root, flow.clone()));
                }
            }
        }
        if self.steps >= STEPS_MAX { BTreeMap::new() } else { out }
    }

    fn run(mut self) -> BuildFacts {
        let inner = self.inner(|_| true);
        let out = self.outs();
        if self.steps >= STEPS_MAX {
            return BuildFacts::default();
        }
        for (source, flows) in out {
            let is_certain = |root: usize| {
                let (_, _, overlay) = self.overlays[root];
                overlay.is_named || overlay.values_of.is_some()
            };
            let is_deployed = !is_placeholder(self.sources[source].located);
            let alone = is_deployed && !flows.iter().any(|(root, _)| is_certain(*root));
            let flows = flows.into_iter().filter(|(root, _)| is_deployed || !inner.contains(root));
            let flows = flows.map(|(_, flow)| flow).chain(alone.then(|| Flow::of(source)));
            let flows: Flows = flows.collect();
            self.judge(source, &flows);
        }
        self.found
    }

    /// Returns the overlays that others build on which are `wanted`.
    pub(super) fn inner(&self, wanted: impl Fn(&Overlay) -> bool) -> HashSet<usize> {
        let mut inner = HashSet::new();
        for (index, (_, _, overlay)) in self.overlays.iter().enumerate().filter(|(_, it)| wanted(it.2)) {
            let named = overlay.resources.iter().chain(&overlay.components);
            let named = named.filter_map(|path| self.by_path.get(path.as_str()).copied());
            inner.extend(named.filter(|it| *it != index));
        }
        inner
    }

    /// Builds an overlay and what it builds on, once.
    fn build(&mut self, overlay: usize, depth: usize) {
        if depth > DEPTH_MAX || !matches!(self.built[overlay], BuildState::Not) {
            return;
        }
        self.built[overlay] = BuildState::InWork;
        let mut flows = Flows::new();
        self.accumulate(overlay, &mut flows, depth);
        self.built[overlay] = BuildState::Done(flows);
    }

    /// Adds what an overlay builds on to `flows`, and does to all of them what it does.
    fn accumulate(&mut self, overlay: usize, flows: &mut Flows, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let (file, path, facts) = self.overlays[overlay];
        for resource in &facts.resources {
            self.add_resource(resource, flows, depth);
        }
        if let Some(document) = facts.values_of {
            flows.extend(self.own(file, path, |located| {
                located.site.document == document && located.site.path.starts_with("/spec/values")
            }));
        }
        for component in &facts.components {
            if let Some(component) = self.by_path.get(component.as_str()).copied()
                && component != overlay
                && self.take(COMPONENT + flows.len())
            {
                self.accumulate(component, flows, depth + 1);
            }
        }
        self.patch(overlay, flows);
        for entry in &facts.images {
            if self.take(flows.len()) {
                self.pass(overlay, entry, flows);
            }
        }
    }

    /// Counts steps; returns whether there are any left.
    fn take(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(steps + 1);
        self.steps < STEPS_MAX
    }

    fn add_resource(&mut self, resource: &'b str, flows: &mut Flows, depth: usize) {
        if let Some(base) = self.by_path.get(resource).copied() {
            self.add_built(base, flows, depth);
        } else if let Some(sources) = self.files.get(resource).cloned() {
            self.add_plain(sources, flows);
        } else {
            self.add_directory(resource, flows, depth);
        }
    }

    fn add_built(&mut self, overlay: usize, flows: &mut Flows, depth: usize) {
        self.build(overlay, depth + 1);
        let BuildState::Done(built) = &self.built[overlay] else { return };
        let steps = built.len() * COPY;
        if self.take(steps)
            && let BuildState::Done(built) = &self.built[overlay]
        {
            flows.extend(built.iter().cloned());
        }
    }

    fn add_plain(&mut self, sources: Range<usize>, flows: &mut Flows) {
        if self.take(sources.len() * COPY) {
            let is_built = |source: &usize| {
                let located = self.sources[*source].located;
                is_reached(located) || is_at(located, &self.set)
            };
            flows.extend(sources.filter(is_built).map(Flow::of));
        }
    }

    /// Adds what lies in a directory without a kustomization: Flux makes one of it.
    fn add_directory(&mut self, directory: &str, flows: &mut Flows, depth: usize) {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = self.files.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        let below = below.take_while(|(path, _)| path.starts_with(&prefix));
        let (mut nested, mut plain, mut steps) = (BTreeSet::new(), Vec::new(), 0);
        for (path, sources) in below {
            steps += COPY;
            let above = path.match_indices('/').map(|(at, _)| &path[..at]);
            let above = above.filter(|directory| directory.len() >= prefix.len());
            match above.filter_map(|directory| self.by_path.get(directory).copied()).next() {
                Some(overlay) => drop(nested.insert(overlay)),
                None => plain.push(sources.clone()),
            }
        }
        if !self.take(steps) {
            return;
        }
        plain.into_iter().for_each(|sources| self.add_plain(sources, flows));
        nested.into_iter().for_each(|overlay| self.add_built(overlay, flows, depth));
    }

    /// Returns the images of a file itself that are `wanted`.
    fn own(&self, file: usize, path: &str, wanted: impl Fn(&Located) -> bool) -> Vec<Flow> {
        let sources = self.files.get(path).cloned().unwrap_or_default();
        let own = sources.filter(|source| {
            let Source { at, located, .. } = &self.sources[*source];
            at.0 == file && wanted(located)
        });
        own.map(Flow::of).collect()
    }

    /// Adds the images of patches, which take the place of those of the same container.
    fn patch(&mut self, overlay: usize, flows: &mut Flows) {
        let (file, path, facts) = self.overlays[overlay];
        let mut patches = self.own(file, path, is_inline_patch);
        for patch in &facts.patches {
            let sources = self.files.get(patch.as_str()).cloned().unwrap_or_default();
            patches.extend(sources.map(Flow::of));
        }
        let sets = self.patch_files.all(facts).count();
        if (patches.is_empty() && sets == 0) || !self.take(sets * flows.len()) {
            return;
        }
        let container = |source: usize| container(self.sources[source].located);
        let patched: HashSet<_> = patches.iter().filter_map(|patch| container(patch.site)).collect();
        let replaced = |flow: Flow| {
            let is_patched = container(flow.site).is_some_and(|here| patched.contains(&here));
            if !is_patched && !self.patch_files.sets(facts, self.sources[flow.site].located) {
                return flow;
            }
            let passage = Passage { tag: Tag::None, digest: DigestFrom::Given, ..flow.passage };
            Flow { passage, changed_by: Some(overlay), ..flow }
        };
        *flows = std::mem::take(flows).into_iter().map(replaced).chain(patches).collect();
    }

    /// Does to the images what an entry does; what it says of name and tag is an image of its own.
    fn pass(&mut self, overlay: usize, entry: &ImageEntry, flows: &mut Flows) {
        let (file, _, _) = self.overlays[overlay];
        let at = (file, entry.start);
        let is_about = |flow: &&Flow| {
            let Source { located, reference, .. } = &self.sources[flow.site];
            let is_patched_only = !is_reached(located) && is_at(located, &self.set);
            flow.passage.name.as_deref().unwrap_or(reference.name()) == entry.name && !is_patched_only
        };
        let before: Vec<Flow> = flows.iter().filter(is_about).cloned().collect();
        for flow in before {
            let Source { path, located, reference, .. } = &self.sources[flow.site];
            let Some(passage) = flow.passage.through(entry, reference.name()) else { continue };
            flows.remove(&flow);
            if flow.has_digest(reference) && passage.digest == DigestFrom::None {
                let image = reference.name().to_owned();
                let image = UnpinnedImage { file: (*path).to_owned(), line: located.line, image };
                keep_first(&mut self.found.takes_away, at, image);
            }
            let named_by = if entry.new_name.is_some() { Some(overlay) } else { flow.named_by };
            let last = entry.new_tag.is_none().then_some(at);
            flows.insert(Flow { site: flow.site, passage, named_by, last, changed_by: Some(overlay) });
        }
        if entry.new_tag.is_some() || entry.digest.is_some() {
            flows.extend(self.entries.get(&at).copied().map(Flow::of));
        }
    }

    /// Decides what is to be known of an image by all that comes out of it.
    fn judge(&mut self, source: usize, flows: &Flows) {
        let Source { at, path, located, reference } = &self.sources[source];
        let renamed = |flow: &Flow| {
            let name = flow.passage.name.as_deref().filter(|_| flow.passage.keeps_digest())?;
            let image = flow.passage.image(reference.name(), reference.tag());
            let image = Reference::parse(&image).ok()?;
            let is_same =
                image.registry() == reference.registry() && image.repository() == reference.repository();
            let by = flow.named_by.map(|overlay| self.overlays[overlay].1.to_owned()).unwrap_or_default();
            (name != reference.name() && !is_same).then_some(Renamed { by, image })
        };
        let stays = |flow: &Flow| flow.passage.keeps_digest() && renamed(flow).is_none();
        let is_replaced = !flows.iter().any(stays);
        let changed_by = flows.iter().filter(|_| is_replaced).filter_map(|flow| flow.changed_by);
        let replaced_by: BTreeSet<&str> = changed_by.map(|overlay| self.overlays[overlay].1).collect();
        let deployed = Deployed {
            replaced_by: replaced_by.into_iter().map(str::to_owned).collect(),
            is_overridden: flows.iter().any(|flow| flow.passage != Passage::default()),
            renamed: flows.iter().filter_map(renamed).collect::<BTreeSet<_>>().into_iter().collect(),
            ..Deployed::default()
        };
        if is_replaced {
            for flow in flows {
                if let Some(last) = flow.last.filter(|_| !flow.has_digest(reference)) {
                    let image = flow.passage.image(reference.name(), reference.tag());
                    let place = UnpinnedImage { file: (*path).to_owned(), line: located.line, image };
                    keep_first(&mut self.found.lets_out, last, place);
                }
            }
        }
        if deployed != Deployed::default() {
            self.found.fates.insert(*at, Fate { is_replaced, deployed });
        }
    }
}

impl Flow {
    fn of(site: usize) -> Self {
        Self { site, passage: Passage::default(), named_by: None, last: None, changed_by: None }
    }

    /// Returns whether an image that is `reference` at its place has a digest here.
    fn has_digest(&self, reference: &Reference) -> bool {
        match self.passage.digest {
            DigestFrom::Own => reference.digest().is_some(),
            DigestFrom::Given => true,
            DigestFrom::None => false,
        }
    }
}

fn keep_first(images: &mut BTreeMap<SitePlace, UnpinnedImage>, at: SitePlace, image: UnpinnedImage) {
    match images.get(&at) {
        Some(known) if *known <= image => {}
        _ => drop(images.insert(at, image)),
    }
}

/// The kind and name of an object, and the name of a container of its.
type ContainerKey<'b> = (&'b str, &'b str, &'b str);

fn container(located: &Located) -> Option<ContainerKey<'_>> {
    let owner = located.site.owner.as_ref()?;
    Some((located.site.kind.as_deref()?, owner.name.as_deref()?, owner.container.as_deref()?))
}

/// Returns whether an image of a kustomization stands in a patch.
fn is_inline_patch(located: &Located) -> bool {
    located.site.path.starts_with("/patches")
}

/// Returns whether `images` of a kustomization reach an image: in lists of containers (`api/filters/imagetag/legacy.go`).
fn is_reached(located: &Located) -> bool {
    let site = &located.site;
    let mut keys = site.path.rsplit('/');
    site.inside.is_none()
        && keys.next() == Some("image")
        && keys.next().is_some()
        && keys.next().is_some_and(|list| matches!(list, "containers" | "initContainers"))
}
