//! Which files of a change had another name before, or were a part of another file.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::commands::failure::Failure;
use crate::manifest::mentions::{self, CommandedFiles};
use crate::manifest::{SIZE_MAX, is_candidate};
use crate::source::tree::{Tree, TreeError, directory_of, renames};

/// Returns the old names of the files that have another one now by which the same reads them: what only the new name has a tool read is
/// new.
pub(super) fn renamed<B: Tree, N: Tree>(
    base: &B,
    now: &N,
    there: &HashSet<String>,
    is_new: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut gone = Vec::new();
    for entry in base.entries().map_err(anyhow::Error::new)? {
        let root_path = base.root_path(&entry.path);
        if mentions::is_read(&root_path) && !there.contains(&root_path) {
            gone.extend(base.read(&entry.path, SIZE_MAX).ok().map(|bytes| (root_path, bytes)));
        }
    }
    let mut added = Vec::new();
    for entry in now.entries().map_err(anyhow::Error::new)? {
        let root_path = now.root_path(&entry.path);
        if mentions::is_read(&root_path) && is_new(&root_path) {
            added.extend(now.read(&entry.path, SIZE_MAX).ok().map(|bytes| (root_path, bytes)));
        }
    }
    if added.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut renamed = renames(&gone, &added);
    for (path, old) in split_off(base, now, &added)? {
        renamed.entry(path).or_insert(old);
    }
    renamed.retain(|new, old| mentions::is_read_alike(old, new));
    let before: Vec<String> = base
        .entries()
        .map_err(anyhow::Error::new)?
        .into_iter()
        .map(|entry| base.root_path(&entry.path))
        .collect();
    renamed.retain(|new, old| directory_of(new) == directory_of(old) || !joins(new, &before));
    if renamed.iter().any(|(new, old)| directory_of(new) != directory_of(old)) {
        let commanded = commanded(base).map_err(anyhow::Error::new)?;
        let is_there = |by: &CommandedFiles, path: &str| {
            commanded.iter().any(|other| other.path == by.path && other.takes(path))
        };
        renamed.retain(|new, old| !commanded.iter().any(|by| by.takes(new) && !is_there(by, old)));
        let patterns = patterns(&commanded);
        renamed.retain(|new, old| {
            let had = patterns.matches(old);
            patterns.matches(new).iter().all(|pattern| had.contains(pattern))
        });
    }
    Ok(renamed)
}

/// Returns the patterns by which files are taken, as many as are looked at.
fn patterns(commanded: &HashSet<CommandedFiles>) -> GlobSet {
    const MAX: usize = 1_000;
    let mut found = GlobSetBuilder::new();
    let all: BTreeSet<&str> = commanded.iter().filter_map(CommandedFiles::pattern).collect();
    let globs =
        all.into_iter().take(MAX).map(|pattern| GlobBuilder::new(pattern).literal_separator(true).build());
    for glob in globs.flatten() {
        found.add(glob);
    }
    found.build().unwrap_or_default()
}

/// Returns whether a tool reads a file together with what was in its directory before: a module of Terraform, a role of Ansible, what is
/// written over something beside it.
fn joins(path: &str, before: &[String]) -> bool {
    let is_module = |path: &str| [".tf", ".tofu"].iter().any(|ending| path.ends_with(ending));
    let is_beside = |other: &&String| directory_of(other) == directory_of(path);
    if let Some((role, _)) = path.rsplit_once("/tasks/").or_else(|| path.rsplit_once("/handlers/")) {
        let is_in_role = |other: &String| other.strip_prefix(role).is_some_and(|rest| rest.starts_with('/'));
        return before.iter().any(is_in_role);
    }
    match is_module(path) {
        true => before.iter().filter(is_beside).any(|other| is_module(other)),
        false => {
            mentions::is_read_by_name(path)
                && before.iter().any(|other| is_beside(&other) && is_candidate(other))
        }
    }
}

/// The path of a file that is added, and its objects.
type AddedFile<'f> = (&'f str, HashSet<&'f str>);

/// How many files are compared with what others have lost.
const TRIES_MAX: usize = 1_000_000;

/// Returns the old files of those that are added whose objects all stood in one file of the same directory before, and not now: what
/// was one file are several.
fn split_off<B: Tree, N: Tree>(
    base: &B,
    now: &N,
    added: &[(String, Vec<u8>)],
) -> Result<Vec<(String, String)>, Failure> {
    let is_split = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
    let directories: HashSet<&str> =
        added.iter().map(|(path, _)| path.as_str()).filter(|path| is_split(path)).map(directory_of).collect();
    let mut found = Vec::new();
    if directories.is_empty() {
        return Ok(found);
    }
    let own: Vec<AddedFile<'_>> =
        added.iter().map(|(path, bytes)| (path.as_str(), documents(bytes))).collect();
    // By one of its objects each.
    let mut by_document: HashMap<(&str, &str), Vec<&AddedFile<'_>>> = HashMap::new();
    for file in &own {
        if let Some(first) = file.1.iter().min() {
            by_document.entry((directory_of(file.0), first)).or_default().push(file);
        }
    }
    let mut tries = TRIES_MAX;
    let entries = now.entries().map_err(anyhow::Error::new)?;
    let now_at: HashMap<String, String> =
        entries.into_iter().map(|entry| (now.root_path(&entry.path), entry.path)).collect();
    for entry in base.entries().map_err(anyhow::Error::new)? {
        let old = base.root_path(&entry.path);
        if !is_split(&old) || !directories.contains(directory_of(&old)) {
            continue;
        }
        let before = base.read(&entry.path, SIZE_MAX).unwrap_or_default();
        let left = now_at.get(&old).and_then(|path| now.read(path, SIZE_MAX).ok()).unwrap_or_default();
        if before == left {
            continue;
        }
        let left = documents(&left);
        let lost: HashSet<&str> = documents(&before).difference(&left).copied().collect();
        let directory = directory_of(&old);
        for document in &lost {
            let Some(all) = by_document.get(&(directory, *document)) else { continue };
            for (path, own) in all.iter().take(tries) {
                tries -= 1;
                if own.is_subset(&lost) {
                    found.push((path.to_string(), old.clone()));
                }
            }
        }
    }
    Ok(found)
}

/// Returns the objects of a file, as they are written.
fn documents(bytes: &[u8]) -> HashSet<&str> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let text = text.strip_prefix("---\n").unwrap_or(text);
    text.split("\n---\n").map(str::trim).filter(|document| document.contains("kind:")).collect()
}

/// Returns the directories of which commands anywhere in a tree deploy something, and the patterns by which files are taken.
fn commanded<T: Tree>(tree: &T) -> Result<HashSet<CommandedFiles>, TreeError> {
    let mut found = HashSet::new();
    for entry in tree.entries()? {
        let root_path = tree.root_path(&entry.path);
        if is_candidate(&root_path) || mentions::runs_images(&root_path) {
            let bytes = tree.read(&entry.path, SIZE_MAX).unwrap_or_default();
            found.extend(mentions::commanded(&root_path, &bytes));
        }
    }
    Ok(found)
}
