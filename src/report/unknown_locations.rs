//! The `[[location]]` entries that would make known what looks like an image and stands where tagpin knows of none, ready
//! to paste into a configuration.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::formats::missing_entry::{Documents, MissingEntry, NoEntry};
use crate::plan::missing_entries::UnknownImage;
use crate::text::one_line;

#[derive(Debug, Default)]
struct Entry {
    places: Vec<String>,
    images: BTreeSet<String>,
    fields: BTreeSet<String>,
}

/// Returns the entries as TOML for images of unknown places, each below those that it makes known; nothing where there are
/// none. What no entry makes known is a comment, which says why.
pub fn toml(unknown: &[UnknownImage<'_>]) -> String {
    let mut entries: BTreeMap<&Documents, Entry> = BTreeMap::new();
    let mut unsaid: BTreeMap<NoEntry, Vec<String>> = BTreeMap::new();
    for UnknownImage { file, located, entry } in unknown {
        let place = format!(
            "# {} at {}:{}:{}",
            one_line(&located.site.image),
            one_line(&file.path),
            located.line,
            located.column
        );
        match entry {
            Ok(MissingEntry { documents, path, is_split }) => {
                let entry = entries.entry(documents).or_default();
                entry.places.push(place);
                let paths = if *is_split { &mut entry.fields } else { &mut entry.images };
                paths.insert(path.clone());
            }
            Err(reason) => unsaid.entry(*reason).or_default().push(place),
        }
    }
    let mut text = String::new();
    if !entries.is_empty() {
        text += "# For the file that --config names. `images` and `fields` make these known as images; write `ignore` instead where they \
                 are none.\n";
    }
    for (documents, entry) in entries {
        text += "\n";
        entry.places.iter().for_each(|place| text.extend([place.as_str(), "\n"]));
        text += &documents.toml(&entry.images, &entry.fields);
    }
    for (at, (reason, places)) in unsaid.into_iter().enumerate() {
        if at == 0 {
            text += if text.is_empty() { "" } else { "\n" };
            text += "# No entry makes these known: pin them by hand, or write a comment `tagpin: ignore` there.\n";
        }
        text.extend(["\n# Why: ", reason.as_str(), ".\n"]);
        places.iter().for_each(|place| text.extend([place.as_str(), "\n"]));
    }
    text
}
