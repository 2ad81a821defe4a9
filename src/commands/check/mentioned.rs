//! What the files that a change touches mention since then, and what it has others mention.

use std::collections::{BTreeMap, HashMap, HashSet};

use aho_corasick::AhoCorasick;

use crate::check::EditedSettings;
use crate::check::baseline::Baseline;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::mentions::{
    self, Holdings, Mention, Mentioned, Mentions, Names, NewMentions, PinnedNames, WantedNames,
};
use crate::manifest::{SIZE_MAX, is_candidate};
use crate::policy::Settings;
use crate::source::tree::{EntryKind, Tree, TreeEntry, TreeError, directory_of, path_from};

/// The trees of before and after a change.
pub(super) struct Trees<'t, B, N> {
    pub(super) base: &'t B,
    pub(super) now: &'t N,
    /// Every path below the root that is there now, also those that nobody asked for.
    pub(super) there: &'t HashSet<String>,
    /// The names that files had before, or those of the files that they were a part of.
    pub(super) renamed: &'t BTreeMap<String, String>,
}

/// A file that a change touches.
struct Touched {
    path: String,
    root_path: String,
    new: NewMentions,
}

/// Returns what the files that the change touches mention more often than before, and the names that have a digest anywhere;
/// `then` returns their bytes of before.
///
/// # Errors
/// A tree cannot be listed.
pub(super) fn by_change<B: Tree, N: Tree>(
    trees: &Trees<'_, B, N>,
    settings: &Settings,
    edited: &[EditedSettings],
    is_touched: impl Fn(&str, &str) -> bool,
    then: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<(Vec<Mentions>, PinnedNames), TreeError> {
    let catalogue = settings.catalogue();
    let mut touched = Vec::new();
    for entry in files(trees.now)? {
        let root_path = trees.now.root_path(&entry.path);
        let is_read = mentions::is_read(&root_path) && settings.policy.reads(&root_path);
        if !is_read || !is_touched(&entry.path, &root_path) {
            continue;
        }
        let Ok(bytes) = trees.now.read(&entry.path, SIZE_MAX) else {
            // Of a manifest that is said anyway.
            if !is_candidate(&root_path) {
                touched.push(Touched { path: entry.path, root_path, new: NewMentions::unread() });
            }
            continue;
        };
        let before = then(&root_path);
        let is_baseline = || root_path.contains("baseline") && Baseline::parse(&bytes).is_ok();
        if before.as_deref() == Some(&bytes) || is_baseline() {
            continue;
        }
        let new = mentions::new_mentions(&root_path, before.as_deref(), &bytes, &catalogue);
        touched.push(Touched { path: entry.path, root_path, new });
    }
    let (named, gone) = names(trees, &mut touched, &catalogue)?;
    leave_own(trees, &mut touched)?;
    let mut all: BTreeMap<String, Mentions> = BTreeMap::new();
    for Touched { path, root_path, new } in touched {
        let (before, bytes) = (then(&root_path), trees.now.read(&path, SIZE_MAX).unwrap_or_default());
        let mut found = new.found;
        found.extend(before.map(|before| named.lost(&root_path, &before, &bytes)).unwrap_or_default());
        let names = (new.dropped.as_slice(), new.named.as_slice());
        found.extend(mentions::lost_by_name(&root_path, names, (&named.before, &named.now), &then));
        if !found.is_empty() {
            all.insert(path.clone(), Mentions { path, root_path, found });
        }
    }
    let others = all.values().map(|file| file.root_path.as_str()).filter(|path| !is_candidate(path));
    let asked = all.values().flat_map(|file| &file.found).filter_map(asked_name);
    let said = said(trees.now, (&others.collect::<Vec<_>>(), &gone, &asked.collect()), !all.is_empty())?;
    for (path, root_path) in said.saying {
        let bytes = trees.now.read(&path, SIZE_MAX).unwrap_or_default();
        let found = named.lost(&root_path, &bytes, &bytes);
        if !found.is_empty() && !all.contains_key(&path) {
            all.insert(path.clone(), Mentions { path, root_path, found });
        }
    }
    for path in
        gone.iter().filter(|path| mentions::is_read_by_name(path) && named.before.has_digest("", path))
    {
        // Of a unit that is added to, the unit; else whatever the tool reads there.
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory.trim_end_matches(".d"));
        let mut beside = files(trees.now)?.map(|entry| (trees.now.root_path(&entry.path), entry));
        let is_beside = |at: &str| at == directory || is_candidate(at) && directory_of(at) == directory;
        if let Some((root_path, entry)) = beside.find(|(at, _)| is_beside(at)) {
            let file = all.entry(entry.path.clone());
            let none = Mentions { path: entry.path, root_path, found: Vec::new() };
            file.or_insert(none).found.push(Mention::of_gone(path));
        }
    }
    // A value that is gone with everything that asked for it.
    let charts: HashSet<&str> = open_charts(trees.there);
    let entries: Vec<TreeEntry> = match said.is_asked {
        true => files(trees.now)?.collect(),
        false => Vec::new(),
    };
    let is_asked = |path: &str| said.is_asked && is_asked_here(path, &charts, trees.now, &entries);
    for file in all.values_mut().filter(|file| is_asked(&file.root_path)) {
        file.found.retain(|mention| asked_name(mention).is_none_or(|name| said.asked.contains(name)));
    }
    // What they have is what findings say, and that they are edited is said.
    let is_settings = |path: &str| edited.iter().any(|edited| edited.root_path == path);
    let all = all.into_values().filter(|file| !is_settings(&file.root_path)).filter_map(|mut file| {
        let path = &file.root_path;
        if !is_candidate(path) && !said.found.contains(path) && !mentions::runs_images(path) {
            // Nobody is known to read it, but somebody wrote an image's digest into it.
            file.found.retain(|mention| mention.is_lost_image() && !mentions::is_prose(path));
        }
        (!file.found.is_empty()).then_some(file)
    });
    Ok((all.collect(), said.pinned))
}

/// Takes out what a deployer takes of this tree: a directory of it, of a repository that was named in it before.
fn leave_own<B: Tree, N: Tree>(trees: &Trees<'_, B, N>, touched: &mut [Touched]) -> Result<(), TreeError> {
    let told = |mention: &Mention| match &mention.what {
        Mentioned::Remote(what) => mentions::of_default_branch(what)
            .filter(|(_, home)| !home.is_empty())
            .map(|(path, home)| (path.to_owned(), home.to_owned())),
        _ => None,
    };
    let homes: HashSet<String> =
        touched.iter().flat_map(|file| &file.new.found).filter_map(told).map(|(_, home)| home).collect();
    let homes: Vec<String> = homes.into_iter().collect();
    leave_own_sources(trees, touched)?;
    let Some(search) = AhoCorasick::new(&homes).ok().filter(|_| !homes.is_empty()) else { return Ok(()) };
    let mut said: HashSet<&str> = HashSet::new();
    for entry in files(trees.base)?.filter(|entry| is_candidate(&entry.path)) {
        let bytes = trees.base.read(&entry.path, SIZE_MAX).unwrap_or_default();
        said.extend(search.find_overlapping_iter(&bytes).map(|found| homes[found.pattern()].as_str()));
    }
    let is_there = |path: &str| is_directory(path, trees.there);
    for file in touched {
        let is_own = |(path, home): (String, String)| said.contains(home.as_str()) && is_there(&path);
        file.new.found.retain(|mention| !told(mention).is_some_and(is_own));
    }
    Ok(())
}

/// Takes out what Flux deploys from a source whose directories it deployed from this tree before.
fn leave_own_sources<B: Tree, N: Tree>(
    trees: &Trees<'_, B, N>,
    touched: &mut [Touched],
) -> Result<(), TreeError> {
    let told = |mention: &Mention| match &mention.what {
        Mentioned::Remote(what) => {
            mentions::of_source(what).map(|(path, name)| (path.to_owned(), name.to_owned()))
        }
        _ => None,
    };
    if !touched.iter().flat_map(|file| &file.new.found).any(|mention| told(mention).is_some()) {
        return Ok(());
    }
    let mut own: HashSet<String> = HashSet::new();
    for entry in files(trees.base)?.filter(|entry| is_candidate(&entry.path)) {
        let bytes = trees.base.read(&entry.path, SIZE_MAX).unwrap_or_default();
        if memchr::memmem::find(&bytes, b"sourceRef").is_some() {
            let sources = mentions::sources_in(&entry.path, &bytes);
            let sources = sources.into_iter().filter(|(_, path)| is_directory(path, trees.there));
            own.extend(sources.map(|(name, _)| name));
        }
    }
    for file in touched {
        let is_own = |(path, name): (String, String)| own.contains(&name) && is_directory(&path, trees.there);
        // Where nothing was deployed yet, nothing tells what a source is.
        let is_first = own.is_empty();
        file.new.found.retain(|mention| told(mention).is_none_or(|told| !is_first && !is_own(told)));
    }
    Ok(())
}

/// Returns whether a path that a deployer is told is a directory of the tree.
fn is_directory(path: &str, there: &HashSet<String>) -> bool {
    let directory = path.trim_start_matches("./").trim_end_matches('/');
    let is_below = |at: &String| at.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    // A generator, or a variable, fills in what there is.
    directory.contains(['{', '$']) || matches!(directory, "" | ".") || there.iter().any(is_below)
}

fn asked_name(mention: &Mention) -> Option<&str> {
    match &mention.what {
        // Another name may be said in another way.
        Mentioned::LostDigest { asked, .. } => asked.as_deref().filter(|name| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }),
        _ => None,
    }
}

/// Returns the directories of charts that have no packed ones in them.
fn open_charts(there: &HashSet<String>) -> HashSet<&str> {
    let packed =
        there.iter().filter(|path| path.ends_with(".tgz")).filter_map(|path| path.split_once("/charts/"));
    let packed: HashSet<&str> = packed.map(|(chart, _)| chart).collect();
    let charts = there.iter().filter_map(|path| path.strip_suffix("/Chart.yaml"));
    charts.filter(|chart| !packed.contains(chart)).collect()
}

/// Returns whether all that asks for the values of a file is in the tree, and asks by name: a module of Terraform, a chart that it is
/// in, without other charts and without templates that take all values, or files.
fn is_asked_here<N: Tree>(path: &str, charts: &HashSet<&str>, now: &N, entries: &[TreeEntry]) -> bool {
    let Some(chart) = path.rmatch_indices('/').map(|(end, _)| &path[..end]).find(|it| charts.contains(it))
    else {
        return path.ends_with(".tf") || path.ends_with(".tofu");
    };
    let in_chart = entries.iter().filter(|entry| {
        let at = now.root_path(&entry.path);
        at.strip_prefix(chart).is_some_and(|rest| rest == "/Chart.yaml" || rest.starts_with("/templates/"))
    });
    in_chart.into_iter().all(|entry| {
        let text = now.read(&entry.path, SIZE_MAX).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let takes_all = |at: usize| !text[at + 7..].starts_with('.');
        let is_open = ["dependencies:", ".Files", "tpl ", "AsMap"].iter().any(|sign| text.contains(sign));
        !is_open && !text.match_indices(".Values").any(|(at, _)| takes_all(at))
    })
}

fn files<T: Tree>(tree: &T) -> Result<impl Iterator<Item = TreeEntry> + use<T>, TreeError> {
    Ok(tree.entries()?.into_iter().filter(|entry| entry.kind == EntryKind::File))
}

/// What stood behind the names of a change before it, and stands there now.
#[derive(Default)]
struct Named {
    before: Holdings,
    now: Holdings,
}

impl Named {
    /// Returns the digests that a file has no longer, its own and those of what it names.
    fn lost(&self, path: &str, before: &[u8], now: &[u8]) -> Vec<Mention> {
        let names = |held| Names { path, held: Some(held) };
        mentions::lost_digests(path, before, now, (names(&self.before), names(&self.now)))
    }
}

/// Adds to `touched` what floats in what they name since the change and did not before. Returns what stands behind their names,
/// and the files that are gone.
fn names<B: Tree, N: Tree>(
    trees: &Trees<'_, B, N>,
    touched: &mut [Touched],
    catalogue: &Catalogue,
) -> Result<(Named, Vec<String>), TreeError> {
    let Trees { base, now, there, .. } = trees;
    let there_before: Vec<(TreeEntry, String)> = files(*base)?
        .map(|entry| (base.root_path(&entry.path), entry))
        .map(|(path, entry)| (entry, path))
        .collect();
    let gone: Vec<String> =
        there_before.iter().map(|(_, path)| path).filter(|path| !there.contains(*path)).cloned().collect();
    let said = touched.iter().flat_map(|file| {
        file.new.named.iter().chain(&file.new.dropped).map(|name| (file.root_path.as_str(), name.as_str()))
    });
    let wanted = WantedNames::new(said.chain(gone.iter().map(|path| ("", path.as_str()))));
    let mut named = Named::default();
    if wanted.is_empty() {
        return Ok((named, gone));
    }
    let mut shown = HashSet::new();
    for entry in files(*now)? {
        let path = now.root_path(&entry.path);
        if wanted.may_be_in(&path) {
            let bytes = now.read(&entry.path, SIZE_MAX).ok();
            wanted.look_into(&path, bytes.as_deref(), catalogue, &mut named.now);
        }
        shown.insert(path);
    }
    for (entry, path) in there_before.iter().filter(|(_, path)| wanted.may_be_in(path)) {
        let bytes = base.read(&entry.path, SIZE_MAX).ok();
        wanted.look_into(path, bytes.as_deref(), catalogue, &mut named.before);
        if there.contains(path) && !shown.contains(path) {
            wanted.look_into(path, bytes.as_deref(), catalogue, &mut named.now);
        }
    }
    hold_patches(*now, &mut named.now, catalogue)?;
    hold_patches(*base, &mut named.before, catalogue)?;
    let known: HashSet<&String> = there_before.iter().map(|(_, path)| path).collect();
    let is_kustomization =
        |path: &str| path.rsplit('/').next().is_some_and(|it| it.starts_with("kustomization."));
    let new_directories: HashSet<String> = touched
        .iter()
        .filter(|file| is_kustomization(&file.root_path) && !known.contains(&file.root_path))
        .map(|file| directory_of(&file.root_path).to_owned())
        .collect();
    // What a file leads to no longer, it may lead to by another name, and so may the kustomization of a directory that is new and that it
    // names instead.
    let mut dropped: Vec<HashMap<&Mentioned, usize>> = Vec::new();
    let mut handed: HashMap<String, Option<usize>> = HashMap::new();
    let mut from_above: Vec<&mut Touched> = touched.iter_mut().collect();
    from_above.sort_by_key(|file| file.root_path.matches('/').count());
    for file in from_above {
        let directory = directory_of(&file.root_path).to_owned();
        let at = handed
            .get(&directory)
            .copied()
            .flatten()
            .filter(|_| is_kustomization(&file.root_path))
            .unwrap_or(dropped.len());
        if at == dropped.len() {
            dropped.push(HashMap::new());
        }
        for name in &file.new.dropped {
            for what in named.before.floating(&file.root_path, name) {
                *dropped[at].entry(what).or_default() += 1;
            }
        }
        let (mut found, names): (Vec<Mention>, Vec<Mention>) = std::mem::take(&mut file.new.found)
            .into_iter()
            .partition(|it| !matches!(it.what, Mentioned::Name { .. }));
        let mut gone = std::mem::take(&mut file.new.gone);
        let kept = file.new.kept.iter().filter(|_| !trees.renamed.is_empty());
        let kept: HashSet<String> = kept.flat_map(|name| mentions::meanings(&file.root_path, name)).collect();
        for mention in names {
            let Mentioned::Name { word: name, .. } = &mention.what else { continue };
            let mut old =
                mentions::meanings(&file.root_path, name).filter_map(|meant| trees.renamed.get(&meant));
            // What it means was a part of what the same file says, before as now.
            if old.any(|old| kept.contains(old)) {
                continue;
            }
            for what in named.now.floating(&file.root_path, name) {
                // What stood where it ran is a part of the file now.
                let moved = gone.iter().position(|image| name.starts_with('#') && image == what);
                match dropped[at].get_mut(what) {
                    Some(left) if *left > 0 => *left -= 1,
                    _ if let Some(moved) = moved => drop(gone.swap_remove(moved)),
                    _ => found.push(Mention { what: what.behind(name), ..mention.clone() }),
                }
            }
            // Of what two name each deploys all.
            let below = path_from(&directory, name).filter(|path| new_directories.contains(path));
            if let Some(path) = below {
                handed
                    .entry(path)
                    .and_modify(|first| *first = first.filter(|it| *it == at))
                    .or_insert(Some(at));
            }
        }
        file.new.found = found;
    }
    Ok((named, gone))
}

/// Adds what floats in the files of patches, under the names of the objects that they change.
fn hold_patches<T: Tree>(tree: &T, held: &mut Holdings, catalogue: &Catalogue) -> Result<(), TreeError> {
    let patches = held.patch_files();
    if patches.is_empty() {
        return Ok(());
    }
    let entries: HashMap<String, TreeEntry> =
        files(tree)?.map(|entry| (tree.root_path(&entry.path), entry)).collect();
    for (name, path) in patches {
        let bytes = entries.get(&path).and_then(|entry| tree.read(&entry.path, SIZE_MAX).ok());
        mentions::hold_patch(held, &name, &bytes.unwrap_or_default(), catalogue);
    }
    Ok(())
}

/// What the files say that tell what is deployed.
#[derive(Default)]
struct Said {
    /// Those of the files asked for whose name, or the ending of it behind a `*`, they say.
    found: HashSet<String>,
    /// The names that have a digest in them.
    pinned: PinnedNames,
    /// Those that say the name of a file that is gone: the path that reports name, and that below the root.
    saying: Vec<(String, String)>,
    /// The names asked for that they say.
    asked: HashSet<String>,
    /// Whether any were asked for.
    is_asked: bool,
}

fn said<T: Tree>(
    now: &T,
    (paths, gone, asked): (&[&str], &[String], &HashSet<&str>),
    is_wanted: bool,
) -> Result<Said, TreeError> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let any = |path: &str| name(path).rsplit_once('.').map(|(_, extension)| format!("*.{extension}"));
    let words: Vec<(Option<&str>, String)> = paths
        .iter()
        .flat_map(|path| std::iter::once(name(path)).chain(any(path)).map(|word| (Some(*path), word)))
        .chain(gone.iter().map(|path| (None, name(path))))
        .collect();
    let search = AhoCorasick::new(words.iter().map(|(_, word)| word)).ok().filter(|_| !words.is_empty());
    let mut said = Said { is_asked: !asked.is_empty(), ..Said::default() };
    if !is_wanted && gone.is_empty() {
        return Ok(said);
    }
    for entry in files(now)? {
        let root_path = now.root_path(&entry.path);
        // Podman runs the objects of any file that a `.kube` unit names.
        let is_unit = root_path.ends_with(".kube");
        let is_told = is_candidate(&root_path) || is_unit || root_path.contains("templates/");
        if !is_told && !mentions::runs_images(&root_path) {
            continue;
        }
        let bytes = now.read(&entry.path, SIZE_MAX).unwrap_or_default();
        said.pinned.add(&bytes);
        if !is_told {
            continue;
        }
        if !asked.is_empty() {
            let text = String::from_utf8_lossy(&bytes);
            let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
            said.asked.extend(words.filter(|word| asked.contains(word)).map(str::to_owned));
        }
        // What is shown to people runs nothing.
        if root_path.ends_with("mkdocs.yml") {
            continue;
        }
        let in_it = search.iter().flat_map(|search| search.find_overlapping_iter(&bytes));
        let in_it: HashSet<Option<&str>> = in_it.map(|said| words[said.pattern().as_usize()].0).collect();
        if in_it.contains(&None) {
            said.saying.push((entry.path, root_path.clone()));
        }
        said.found.extend(in_it.into_iter().flatten().filter(|path| *path != root_path).map(str::to_owned));
    }
    Ok(said)
}
