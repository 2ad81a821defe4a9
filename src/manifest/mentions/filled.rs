//! Which of the things that a change mentions nobody judges yet.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::mention::{Mention, Mentioned, WRITTEN};
use crate::manifest::file_scan::FileScan;
use crate::manifest::inventory::Inventory;
use crate::manifest::located::{Located, Scan};
use crate::manifest::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use crate::manifest::partial_image::{PartialImage, ends_in_digest};
use crate::manifest::site::{Skip, State};
use crate::manifest::variable_text;
use crate::source::tree::directory_of;

/// What a change mentions in a file.
#[derive(Clone, Debug)]
pub struct Mentions {
    /// The file's path, as reports name it.
    pub path: String,
    /// Its path below the root.
    pub root_path: String,
    /// What it mentions more often than before.
    pub found: Vec<Mention>,
}

/// An image with a variable in it.
struct OpenImage<'i> {
    image: &'i str,
    /// Whether it is known what fills it, but for what patches write there.
    is_settled: bool,
    root_path: &'i str,
}

/// Adds to `inventory` what the change mentions and nobody judges, as what makes tagpin look away. `pinned` are the names that
/// have a digest somewhere.
pub fn add_looks_away(inventory: &mut Inventory, all: &[Mentions], pinned: &HashSet<String>) {
    let mut found = Vec::new();
    {
        let opens = opens(inventory);
        let patches = inventory.patches();
        let names = ImageNames::of(inventory);
        let by_path: HashMap<&str, &FileScan> =
            inventory.files.iter().map(|file| (file.root_path.as_str(), file)).collect();
        for file in all {
            let scan = by_path.get(file.root_path.as_str()).map(|file| &file.scan);
            let mut said = HashSet::new();
            let is_judged =
                |mention: &Mention, image: &str| scan.is_some_and(|scan| is_judged(scan, mention, image));
            let is_site = |mention: &Mention| {
                let is_here = |located: &Located| located.site.span == mention.place.span;
                scan.is_some_and(|scan| scan.sites.iter().any(is_here))
            };
            for mention in &file.found {
                let about = match &mention.what {
                    Mentioned::Image(image) if !is_judged(mention, image) => {
                        (LookAwayReason::ImageLike, image.clone())
                    }
                    Mentioned::Perhaps(image)
                        if !is_judged(mention, image) && (names.has(image) || says_image(&mention.path)) =>
                    {
                        (LookAwayReason::ImageLike, image.clone())
                    }
                    Mentioned::Updater(key) => (LookAwayReason::Updater, key.clone()),
                    Mentioned::Packed => (LookAwayReason::EmbeddedText, mention.path.clone()),
                    Mentioned::LostDigest(text) if !is_site(mention) => {
                        (LookAwayReason::LostDigest, text.clone())
                    }
                    Mentioned::Value { name, value, is_item }
                        if may_be_a_part(value) && !is_site(mention) =>
                    {
                        let is_patch = value == WRITTEN || patches.contains(file.root_path.as_str());
                        let fills =
                            |open: &&OpenImage<'_>| fills(open, &file.root_path, mention, *is_item, is_patch);
                        let open = opens.get(name.as_str()).and_then(|opens| opens.iter().find(fills));
                        // What is written over something that has a digest where it stands.
                        let is_over = (mention.in_text || is_patch) && pinned.contains(name);
                        let is_judged = || scan.is_some_and(|scan| is_part(scan, mention, value));
                        match open {
                            Some(open) => (LookAwayReason::Fills, open.image.to_owned()),
                            None if is_over && !is_judged() => {
                                (LookAwayReason::ImageLike, format!("{name}: {value}"))
                            }
                            None => continue,
                        }
                    }
                    _ => continue,
                };
                // That it reads like an image says more than where it may go.
                let is_said = said.contains(&(LookAwayReason::ImageLike, mention.place.line));
                if !(is_said && about.0 == LookAwayReason::Fills)
                    && said.insert((about.0, mention.place.line))
                {
                    found.push((file, mention, about));
                }
            }
        }
    }
    for (file, mention, (reason, what)) in found {
        let spot = LookAwaySpot {
            document: mention.document,
            path: mention.path.clone(),
            place: mention.place.clone(),
        };
        let at = inventory.files.partition_point(|known| known.path < file.path);
        if inventory.files.get(at).is_none_or(|known| known.path != file.path) {
            let (path, root_path) = (file.path.clone(), file.root_path.clone());
            inventory.files.insert(at, FileScan { path, root_path, scan: Scan::default() });
        }
        inventory.files[at].scan.looks_away.push(LookAway::at(reason, what, spot));
    }
}

/// Returns whether a value may be a part of an image that leaves open which one it is.
fn may_be_a_part(value: &str) -> bool {
    !value.is_empty() && !value.contains(char::is_whitespace) && !ends_in_digest(value)
}

/// Returns the images, and parts of some, with variables in them, by the names of these.
fn opens(inventory: &Inventory) -> HashMap<&str, Vec<OpenImage<'_>>> {
    let mut opens: HashMap<&str, Vec<OpenImage<'_>>> = HashMap::new();
    for file in &inventory.files {
        let sites = file.scan.sites.iter().filter(|located| {
            let site = &located.site;
            let is_open = matches!(site.state, State::Skipped(Skip::Variable | Skip::Template));
            // Compose fills its own from files that are read, and a chart from values that are compared.
            is_open && &*site.format != "compose" && !site.chart
        });
        let parts = file.scan.partials.iter().flat_map(|partial| partial.parts.texts());
        let is_settled =
            |located: &Located| located.deployed.as_ref().is_some_and(|deployed| deployed.filled.is_some());
        let texts = sites.map(|located| (located.site.image.as_str(), is_settled(located)));
        let texts = texts.chain(parts.map(|part| (part, false)));
        let is_of_others = |text: &str| {
            ["${{", ".Values", "include ", ".Chart", "template "].iter().any(|sign| text.contains(sign))
        };
        for (image, is_settled) in texts.filter(|(text, _)| !is_of_others(text)) {
            for name in variable_text::words(image) {
                opens.entry(name).or_default().push(OpenImage {
                    image,
                    is_settled,
                    root_path: &file.root_path,
                });
            }
        }
    }
    opens
}

/// Returns whether a named value in a file may fill an image: in the same file or beside it, or anywhere as a variable of
/// Flux, a parameter of builds and workflows, or what a generator reads that makes objects.
fn fills(open: &OpenImage<'_>, root_path: &str, mention: &Mention, is_item: bool, is_patch: bool) -> bool {
    if open.is_settled && !mention.in_text && !is_patch {
        return false;
    }
    let is_near = open.root_path == root_path || directory_of(open.root_path) == directory_of(root_path);
    let is_parameter = open.image.contains("$(") || open.image.contains("param");
    is_near
        || open.image.contains("${")
        || is_item && is_parameter
        || open.image.contains("{{") && !mention.in_object
}

/// The last names of the images in the tree.
struct ImageNames(HashSet<String>);

impl ImageNames {
    fn of(inventory: &Inventory) -> Self {
        let references = inventory.sites().filter_map(|(_, located)| located.site.reference.as_ref());
        Self(references.map(|reference| last_name(reference.name()).to_owned()).collect())
    }

    fn has(&self, image: &str) -> bool {
        self.0.contains(last_name(image.split(':').next().unwrap_or(image)))
    }
}

fn last_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Returns whether the last key of a pointer says that an image stands there.
fn says_image(path: &str) -> bool {
    let words = ["image", "container", "sidecar"];
    let named = path.rsplit('/').find(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
    named.is_some_and(|key| words.iter().any(|word| key.to_ascii_lowercase().contains(word)))
}

/// Returns whether an image that is mentioned is one of the file's, which is judged, or a part of one. What stands in a text
/// has the place of the whole text.
fn is_judged(scan: &Scan, mention: &Mention, image: &str) -> bool {
    let span = &mention.place.span;
    let is_here = |other: &Range<usize>| other.start < span.end && span.start < other.end;
    let is_it = |located: &Located| {
        let site = &located.site;
        is_here(&site.span) && (site.image == image || !mention.in_text && site.image.contains(image))
    };
    let is_part = |partial: &PartialImage| {
        let partial_span = &partial.place.span;
        partial_span == span && !mention.in_text || is_here(partial_span) && partial.parts.written() == image
    };
    scan.sites.iter().any(is_it) || scan.partials.iter().any(is_part)
}

/// Returns whether a value is a part of an image of the file, or of a part of one, which is judged.
fn is_part(scan: &Scan, mention: &Mention, value: &str) -> bool {
    scan.sites.iter().any(|located| located.site.image.contains(value))
        || scan.partials.iter().any(|partial| partial.place.span == mention.place.span)
}
