//! The `[[location]]` entries that would make known what looks like an image and stands where tagpin knows of none, ready
//! to paste into a configuration.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::Located;
use crate::manifest::formats::missing_entry::{Documents, MissingEntry};
use crate::manifest::inventory::FileScan;
use crate::text::one_line;

#[derive(Debug, Default)]
struct Entry {
    places: Vec<String>,
    images: BTreeSet<String>,
    fields: BTreeSet<String>,
}

/// Returns the entries as TOML for images of unknown places, each below those that it makes known; nothing where there are
/// none. What no entry can say is a comment.
pub fn toml(unknown: &[(&FileScan, &Located, Option<MissingEntry>)]) -> String {
    let mut entries: BTreeMap<&Documents, Entry> = BTreeMap::new();
    let mut unsaid = Vec::new();
    for (file, located, missing) in unknown {
        let place = format!(
            "# {} at {}:{}:{}",
            one_line(&located.site.image),
            one_line(&file.path),
            located.line,
            located.column
        );
        match missing {
            Some(MissingEntry { documents, path, is_split }) => {
                let entry = entries.entry(documents).or_default();
                entry.places.push(place);
                let paths = if *is_split { &mut entry.fields } else { &mut entry.images };
                paths.insert(path.clone());
            }
            None => unsaid.push(place),
        }
    }
    let mut text = String::new();
    if !(entries.is_empty() && unsaid.is_empty()) {
        text += "# For the file that --config names. `images` and `fields` make these known as images; write `ignore` instead where they \
                 are none.\n";
    }
    for (documents, entry) in entries {
        text += "\n";
        entry.places.iter().for_each(|place| text.extend([place.as_str(), "\n"]));
        text += &documents.toml(&entry.images, &entry.fields);
    }
    if !unsaid.is_empty() {
        text += "\n# No entry can say where these stand: pin them by hand, or write a comment `tagpin: ignore` there.\n";
        unsaid.iter().for_each(|place| text.extend([place.as_str(), "\n"]));
    }
    text
}
