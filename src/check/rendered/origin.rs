//! Where an image of a stream comes from: a place in the sources, or something outside of them.

use std::collections::{HashMap, HashSet};

use super::object::{DeclaredOrigin, RenderedObject};
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::{Site, State};
use crate::manifest::{Located, SourceRange};
use crate::reference::{LATEST, Reference};

/// How many places are named.
const PLACES_MAX: usize = 3;

/// How much of a text that an object has about itself is told, in characters.
const TEXT_MAX: usize = 120;

/// Where an image that runs comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedOrigin {
    /// The object and container that run it.
    pub runs_in: String,
    /// Whether it was looked for in the sources.
    pub is_searched: bool,
    /// The places in the sources with the same image, the likeliest first; a few of them.
    pub sources: Vec<SourcePlace>,
    /// How many places there are.
    pub count: usize,
    /// Whether the first of them has a digest, which was lost on the way.
    pub lost_digest: bool,
    /// Whether `tagpin pin` gives the first of them a digest.
    pub is_fixable: bool,
    /// What the object says of where it comes from.
    pub outside: String,
}

/// A place in the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlace {
    /// The file, as reports name it.
    pub file: String,
    /// The file below the root of its git work tree.
    pub root_path: String,
    /// Where in it.
    pub place: SourceRange,
}

impl RenderedOrigin {
    /// Returns what an object and its image are called, for people: what runs it.
    pub(super) fn new(object: Option<&RenderedObject>, site: &Site) -> Self {
        let title = object.map_or_else(|| "an object of no kind".to_owned(), RenderedObject::title);
        let container = site.owner.as_ref().and_then(|owner| owner.container.as_deref());
        let runs_in = match container {
            Some(container) => format!("{title}, container {container}"),
            None => title,
        };
        let outside = object.map(|object| object.provenance.told()).unwrap_or_default();
        Self {
            runs_in,
            is_searched: false,
            sources: Vec::new(),
            count: 0,
            lost_digest: false,
            is_fixable: false,
            outside,
        }
    }

    /// Returns where it comes from, as the end of a sentence.
    pub(super) fn told(&self) -> String {
        let runs_in = &self.runs_in;
        if !self.is_searched {
            return format!("in {runs_in}");
        }
        let Some(first) = self.sources.first() else {
            let outside = &self.outside;
            let known = if outside.is_empty() { "nothing in the object says where" } else { outside };
            return format!("in {runs_in}, from outside this repository: {known}");
        };
        let places: Vec<String> =
            self.sources.iter().map(|it| format!("{}:{}", it.file, it.place.line)).collect();
        if self.lost_digest {
            let place = format!("{}:{}", first.file, first.place.line);
            return format!("in {runs_in}, though {place} has a digest for it, which is lost on the way");
        }
        let more = self.count.saturating_sub(self.sources.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("in {runs_in}, from {}{more}", places.join(", "))
    }
}

impl DeclaredOrigin {
    /// Returns what is known, as a list for people; empty where nothing is.
    fn told(&self) -> String {
        let mut known = Vec::new();
        let mut add = |what: &str, text: Option<&str>| {
            known.extend(
                text.map(|text| format!("{what}{}", text.chars().take(TEXT_MAX).collect::<String>())),
            );
        };
        let origin = |key: &str| self.origin.iter().find(|(name, _)| name == key).map(|(_, it)| it.as_str());
        add("chart ", self.chart.as_deref());
        add("template ", self.template.as_deref());
        add("release ", self.release.as_deref());
        add("base ", origin("repo"));
        add("ref ", origin("ref"));
        add("path ", origin("path"));
        add("configured in ", origin("configuredIn"));
        add("managed by ", self.managed_by.as_deref());
        known.join(", ")
    }
}

/// The images of the sources, by what they name.
#[derive(Debug)]
pub struct SourceImages<'i> {
    /// By name and tag.
    by_image: HashMap<String, Vec<(&'i FileScan, &'i Located)>>,
}

impl<'i> SourceImages<'i> {
    /// Returns the images of an inventory.
    pub fn new(inventory: &'i Inventory) -> Self {
        let mut by_image: HashMap<String, Vec<_>> = HashMap::new();
        for (file, located) in inventory.sites() {
            by_image.entry(key(&located.site.image)).or_default().push((file, located));
        }
        Self { by_image }
    }

    /// Looks for the image that a site of a stream runs.
    pub(super) fn find(&self, site: &Site, object: Option<&RenderedObject>, origin: &mut RenderedOrigin) {
        origin.is_searched = true;
        let Some(found) = self.by_image.get(&key(&site.image)) else { return };
        let is_floating = |located: &Located| located.site.state != State::Pinned;
        // What has no digest there either explains more than what has.
        let floating = found.iter().any(|(_, located)| is_floating(located));
        let mut places: Vec<_> =
            found.iter().filter(|(_, located)| is_floating(located) == floating).copied().collect();
        places.sort_by_key(|(file, located)| std::cmp::Reverse(likeness(file, located, site, object)));
        origin.count = places.len();
        origin.lost_digest = !floating;
        origin.is_fixable = places.first().is_some_and(|(_, first)| first.site.state == State::Floating);
        let mut seen = HashSet::new();
        for (file, located) in places {
            if seen.insert((file.path.as_str(), located.line)) && origin.sources.len() < PLACES_MAX {
                let (place, root_path) = (located.place(), file.root_path.clone());
                origin.sources.push(SourcePlace { file: file.path.clone(), root_path, place });
            }
        }
    }
}

/// Returns how much speaks for a place in the sources: the path that kustomize names, the object's kind and name, the
/// container.
fn likeness(file: &FileScan, located: &Located, site: &Site, object: Option<&RenderedObject>) -> usize {
    let Some(object) = object else { return 0 };
    let paths = object.provenance.origin.iter().filter(|(key, _)| key == "path").map(|(_, path)| path);
    let mut end = paths.map(|path| path.trim_start_matches("../").trim_start_matches("./"));
    let container = |site: &Site| site.owner.as_ref().and_then(|owner| owner.container.clone());
    let source = &located.site;
    let is_same =
        source.kind.as_deref() == Some(&object.kind) && source.name.as_deref() == object.name.as_deref();
    let signs = [
        end.any(|end| file.root_path.ends_with(end)),
        is_same,
        is_same && container(source) == container(site),
    ];
    signs.iter().filter(|sign| **sign).count()
}

/// Returns what is the same for two spellings of an image, digest aside; the text itself where it is not a reference.
fn key(image: &str) -> String {
    match Reference::parse(image) {
        Ok(reference) => {
            let tag = reference.tag().unwrap_or(if reference.digest().is_some() { "" } else { LATEST });
            format!("{}/{}:{tag}", reference.registry(), reference.repository())
        }
        Err(_) => image.to_owned(),
    }
}
