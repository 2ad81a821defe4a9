//! What the look-aways of a tree depend on: with another input, it is not what was there before. Every look-away says what
//! it needs when it is found; here that is looked up in the tree.

mod fields;
mod files;
mod needs;

pub(super) use needs::{FieldSource, Needs, source_of, texts};

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aho_corasick::AhoCorasick;
use fields::FieldSources;
use files::Files;

use super::file_scan::FileScan;
use crate::source::tree::{Tree, TreeEntry, directory_of, path_to};

/// Adds to the `inputs` of something what files say that decides about it, each with its file, as seen from its directory.
pub(super) fn add(inputs: &mut BTreeMap<String, String>, said: BTreeSet<(String, String)>) {
    for (file, text) in said {
        let content = inputs.entry(file).or_default();
        content.push_str(&text);
        content.push('\n');
    }
}

/// Puts the content of what the look-aways of `files` need beside them; `entries` are those of the whole tree with their
/// paths below the root. One that is about a variable is dropped where no image has that in it.
pub(super) fn look_up<T: Tree>(tree: &T, entries: &[(TreeEntry, String)], files: &mut [FileScan]) {
    let has_needs = |file: &&FileScan| file.scan.looks_away.iter().any(|found| !found.needs.is_empty());
    if !files.iter().any(|file| has_needs(&file)) {
        return;
    }
    let of_tree = Files::new(tree, entries);
    let builds = FieldSources::new(&of_tree, files);
    let used = used_variables(files);
    let (mut found, mut asked) = (Vec::new(), Vec::new());
    for (at, file) in files.iter().enumerate().filter(|(_, file)| has_needs(file)) {
        for (index, look_away) in file.scan.looks_away.iter().enumerate() {
            let Needs { names, fields, variable } = &look_away.needs;
            if variable.as_ref().is_some_and(|variable| !used.contains(variable)) {
                found.push((at, index, None));
                asked.push((file.root_path.as_str(), Vec::new()));
                continue;
            }
            let named = of_tree.named(directory_of(&file.root_path), names);
            let of_files = builds.replacements(named.keys().map(String::as_str));
            let fields: Vec<FieldSource> = fields.iter().cloned().chain(of_files).collect();
            found.push((at, index, Some(named)));
            asked.push((file.root_path.as_str(), fields));
        }
    }
    let values = builds.values(&asked);
    let found: Vec<_> = found
        .into_iter()
        .zip(values)
        .map(|((at, index, named), values)| {
            let directory = directory_of(&files[at].root_path);
            let seen = |(path, content): (String, String)| (path_to(directory, &path), content);
            let inputs = named.map(|named| named.into_iter().chain(values).map(seen).collect::<Vec<_>>());
            (at, index, inputs)
        })
        .collect();
    for (at, index, inputs) in found.into_iter().rev() {
        let looks_away = &mut files[at].scan.looks_away;
        match inputs {
            None => drop(looks_away.remove(index)),
            Some(inputs) => {
                let found = &mut looks_away[index];
                // Looked up is looked up: what is kept of a scan is what it says.
                found.needs = Needs::default();
                inputs.into_iter().for_each(|(name, content)| {
                    found.inputs.entry(name).or_default().push_str(&content);
                });
            }
        }
    }
}

/// Returns those of the variables that look-aways are about that an image has in it: each image is looked through once.
fn used_variables(files: &[FileScan]) -> HashSet<String> {
    let needs = files.iter().flat_map(|file| &file.scan.looks_away).map(|found| &found.needs);
    let asked: BTreeSet<&str> = needs.filter_map(|needs| needs.variable.as_deref()).collect();
    let asked: Vec<&str> = asked.into_iter().collect();
    let Some(search) = AhoCorasick::new(&asked).ok().filter(|_| !asked.is_empty()) else {
        return asked.into_iter().map(str::to_owned).collect();
    };
    let images = files.iter().flat_map(|file| &file.scan.sites).map(|located| &located.site.image);
    let found = images.flat_map(|image| search.find_overlapping_iter(image).map(|found| found.pattern()));
    found.map(|pattern| asked[pattern.as_usize()].to_owned()).collect()
}
