//! Names of ImageStreams of the same tree: OpenShift runs what these have, and asks no registry for the name.

use std::collections::HashMap;

use super::tree_file::TreeFile;
use crate::manifest::formats::ImageStream;
use crate::manifest::site::{Site, Skip, State};
use crate::reference::Reference;

/// The formats whose containers a cluster gets.
const FORMATS: [&str; 3] = ["kubernetes", "json-patch", "prow"];

/// Skips images by the name of an ImageStream alone that their cluster finds there: because the stream says so to its
/// namespace, or because their object asks for it.
pub(super) fn skip(files: &mut [TreeFile<'_>]) {
    let mut streams: HashMap<String, Vec<ImageStream>> = HashMap::new();
    for stream in files.iter_mut().flat_map(|(_, scan)| std::mem::take(&mut scan.image_streams)) {
        streams.entry(stream.name.clone()).or_default().push(stream);
    }
    if streams.is_empty() {
        return;
    }
    for (_, scan) in files.iter_mut() {
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            if is_open(site) && site.reference.as_ref().is_some_and(|name| is_one(&streams, site, name)) {
                site.skip(Skip::ImageStream);
            }
        }
    }
}

fn is_open(site: &Site) -> bool {
    site.state == State::Floating && !site.image.contains('/') && FORMATS.contains(&&*site.format)
}

fn is_one(streams: &HashMap<String, Vec<ImageStream>>, site: &Site, image: &Reference) -> bool {
    let name = site.image.split(':').next().unwrap_or_default();
    let Some(known) = streams.get(name) else { return false };
    let namespace = site.owner.as_ref().and_then(|owner| owner.namespace.as_deref());
    let may_be = |stream: &&ImageStream| {
        namespace.zip(stream.namespace.as_deref()).is_none_or(|(own, other)| own == other)
    };
    let known: Vec<&ImageStream> = known.iter().filter(may_be).collect();
    let is_asked = site.owner.as_ref().is_some_and(|owner| owner.resolves_names);
    let is_found = known.iter().any(|stream| stream.is_local) || (is_asked && !known.is_empty());
    // Where nobody says which tags it has, they are pushed.
    let mut tags = known.iter().flat_map(|stream| &stream.tags).peekable();
    let tag = image.tag().unwrap_or("latest");
    is_found && (tags.peek().is_none() || tags.any(|known| known == tag))
}
