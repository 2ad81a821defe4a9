//! The `[[location]]` entries that would make known what looks like an image and stands where tagpin knows of none, ready
//! to paste into a configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::manifest::formats::catalogue::{BUILT_IN, Location};
use crate::manifest::formats::pattern::Pattern;
use crate::manifest::inventory::Inventory;
use crate::manifest::site::{Site, Skip, State};
use crate::text::one_line;

/// The name of a format for files that have none.
const OWN: &str = "own";

/// Which documents an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Documents {
    Objects { group: Option<String>, kind: String },
    Format(String),
    File(String),
}

#[derive(Debug, Default)]
struct Entry {
    places: Vec<String>,
    images: BTreeSet<String>,
    fields: BTreeSet<String>,
}

#[derive(Serialize)]
struct Document {
    location: [Location; 1],
}

/// Returns the entries as TOML, each below the images that it makes known; nothing where everything is known. What no entry can say
/// is a comment.
pub fn toml(inventory: &Inventory) -> String {
    let unknown =
        inventory.sites().filter(|(_, located)| located.site.state == State::Skipped(Skip::UnknownLocation));
    let mut entries: BTreeMap<Documents, Entry> = BTreeMap::new();
    let mut unsaid = Vec::new();
    for (file, located) in unknown {
        let site = &located.site;
        let place = format!(
            "# {} at {}:{}:{}",
            one_line(&site.image),
            one_line(&file.path),
            located.line,
            located.column
        );
        match documents(site, &file.path).zip(pattern(site)) {
            Some((documents, pattern)) => {
                let entry = entries.entry(documents).or_default();
                entry.places.push(place);
                let patterns = if site.fields.is_empty() { &mut entry.images } else { &mut entry.fields };
                patterns.insert(pattern);
            }
            None => unsaid.push(place),
        }
    }
    let mut text = String::new();
    if !(entries.is_empty() && unsaid.is_empty()) {
        text += "# `images` and `fields` make these known as images; write `ignore` instead where they are none.\n";
    }
    for (documents, entry) in entries {
        text += "\n";
        entry.places.iter().for_each(|place| text.extend([place.as_str(), "\n"]));
        text += &written(documents, &entry);
    }
    if !unsaid.is_empty() {
        text += "\n# No entry can say where these stand: pin them by hand, or write a comment `tagpin: ignore` there.\n";
        unsaid.iter().for_each(|place| text.extend([place.as_str(), "\n"]));
    }
    text
}

fn written(documents: Documents, entry: &Entry) -> String {
    let patterns = |texts: &BTreeSet<String>| texts.iter().filter_map(|text| Pattern::parse(text)).collect();
    let mut location =
        Location { images: patterns(&entry.images), fields: patterns(&entry.fields), ..Location::default() };
    match documents {
        Documents::Objects { group, kind } => (location.group, location.kinds) = (group, vec![kind]),
        Documents::Format(format) => location.format = Some(format),
        Documents::File(path) => {
            location.format = Some(OWN.to_owned());
            location.files = vec![globset::escape(&path)];
        }
    }
    // Nothing in it can fail: it is texts alone.
    toml::to_string(&Document { location: [location] }).unwrap_or_default()
}

/// Returns which documents an entry for a site is for; `None` where an entry cannot be for them, as for a text inside a
/// document.
fn documents(site: &Site, path: &str) -> Option<Documents> {
    if site.inside.is_some() {
        return None;
    }
    if let Some(kind) = site.kind.as_deref().filter(|kind| !kind.is_empty()) {
        return Some(Documents::Objects {
            group: site.group.as_deref().map(str::to_owned),
            kind: kind.to_owned(),
        });
    }
    if &*site.format == "unknown" {
        return Some(Documents::File(path.to_owned()));
    }
    let has_entries = BUILT_IN.locations().iter().any(|known| known.format.as_deref() == Some(&*site.format));
    has_entries.then(|| Documents::Format(site.format.to_string()))
}

/// Returns the path of a site as an entry has it: any item of a list, and the mapping that holds split fields. `None` where
/// a key has characters that mean something in an entry.
fn pattern(site: &Site) -> Option<String> {
    let mut keys: Vec<&str> = site.path.strip_prefix('/')?.split('/').collect();
    if !site.fields.is_empty() {
        keys.pop();
    }
    let mut text = String::new();
    for key in keys {
        if key.contains(['*', '[', ']', '=']) {
            return None;
        }
        let is_index = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
        let _ = write!(text, "/{}", if is_index { "[]" } else { key });
    }
    Pattern::parse(&text).map(|_| text)
}
