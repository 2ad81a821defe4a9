//! Which files deployers take objects from since a change.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::reach::{Deployers, Naming, Reach};
use crate::manifest::file_scan::FileScan;

/// Why a file is deployed since a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewlyDeployed {
    /// The file of the deployer, below the root: a kustomization, a `Chart.yaml`, a manifest with an object.
    pub by: String,
    /// What that names now: the file itself, or something that leads to it.
    pub what: String,
    /// Every file that names something since the change that leads to it.
    pub all: Arc<BTreeSet<String>>,
}

/// Returns the files of `head` that were in `base`, with the name that `old_name` returns, and that a deployer takes objects
/// from since then; both are files with what deployers name.
pub fn newly_deployed(
    head: (&[FileScan], &Deployers),
    base: (&[FileScan], &Deployers),
    old_name: impl Fn(&str) -> String,
) -> BTreeMap<String, NewlyDeployed> {
    let (now, then) = (Reach::of(head), Reach::of(base));
    // What nobody named was deployed by somebody, perhaps. What somebody names since then was not, nor what nobody else named.
    let named_now: HashSet<String> = now.named().into_iter().map(&old_name).collect();
    let named_then = then.named();
    let held = held(&then, named_then.iter().copied(), |path| named_now.contains(path));
    let is_root = |path: &&str| !named_now.contains(*path) || !held.contains(path);
    let conditions = conditions(&now, &old_name);
    let holds = |naming: &Naming<'_>, what: &str| {
        let is_held = || conditions.get(naming.condition).is_some_and(|whats| whats.contains(what));
        !naming.is_by_hand && (naming.condition.is_empty() || is_held())
    };
    let deployed_then = then.from(then.roots().filter(is_root), holds);
    let deployed_now = now.from(now.roots(), |_, _| true);
    let mut news = News::of(&now, &then, &old_name);
    // What one of several deployers takes since the change, others may have taken before: it is new there.
    let mut gained: HashSet<&str> = HashSet::new();
    for (alike, by) in news.alike(&old_name) {
        let had = alike.had.iter().flat_map(|(group, condition)| {
            let naming = Naming { by: "".into(), group: *group, condition, is_by_hand: false };
            then.groups[*group].iter().map(String::as_str).filter(move |what| holds(&naming, what))
        });
        let had = then.from(had, holds);
        // Each of several has what they name of each other, and nobody what it names of itself.
        let itself = (by.len() == 1).then(|| by[0]);
        let whats = alike.new.iter().flat_map(|set| news.sets[*set].iter().copied());
        let whats = whats.filter(|what| Some(*what) != itself);
        let has = now.from(whats, |_, _| true);
        let is_new = |path: &&str| Some(*path) != itself && !had.contains(old_name(path).as_str());
        gained.extend(has.into_iter().filter(is_new));
    }
    let mut found = BTreeMap::new();
    for path in deployed_now {
        let old = old_name(path);
        let was_deployed = deployed_then.contains(old.as_str()) && !gained.contains(path);
        if then.files.contains(old.as_str())
            && !was_deployed
            && let Some(newly) = news.above(path)
        {
            found.insert(path.to_owned(), newly);
        }
    }
    found
}

/// Returns those that were there and that somebody names since, and those that nobody but these named.
fn held<'r>(
    then: &'r Reach<'_>,
    named_then: impl Iterator<Item = &'r str>,
    is_named_now: impl Fn(&str) -> bool,
) -> HashSet<&'r str> {
    let named_then: HashSet<&str> = named_then.collect();
    let others = |group: usize, what: &str| then.of_group(group).any(|(_, naming)| naming.by != what);
    // How many name a group, and how many groups each file is in by others.
    let mut left: Vec<usize> = (0..then.groups.len()).map(|group| then.of_group(group).count()).collect();
    let mut groups: HashMap<&str, usize> = HashMap::new();
    for (group, files) in then.groups.iter().enumerate() {
        for what in files.iter().filter(|what| others(group, what)) {
            *groups.entry(what).or_default() += 1;
        }
    }
    let is_new = |path: &&str| is_named_now(path) && !named_then.contains(path);
    let mut open: Vec<&str> = then.roots().filter(is_new).collect();
    let mut found = HashSet::new();
    while let Some(by) = open.pop() {
        if !found.insert(by) {
            continue;
        }
        for naming in then.of_file(by) {
            left[naming.group] -= 1;
            if left[naming.group] > 0 {
                continue;
            }
            for what in then.groups[naming.group].iter().map(String::as_str).filter(|what| *what != by) {
                if let Some(count) = groups.get_mut(what) {
                    *count -= 1;
                    if *count == 0 && is_named_now(what) {
                        open.push(what);
                    }
                }
            }
        }
    }
    found
}

/// Returns the files that are named under each condition, as they were called.
fn conditions<'r>(now: &Reach<'r>, old_name: impl Fn(&str) -> String) -> HashMap<&'r str, HashSet<String>> {
    // Who names itself says nothing.
    let mut named: HashMap<(usize, &str), Option<&str>> = HashMap::new();
    for naming in now.namings.iter().filter(|naming| !naming.condition.is_empty()) {
        let one = named.entry((naming.group, naming.condition)).or_insert(Some(&naming.by));
        *one = one.filter(|by| *by == naming.by);
    }
    let mut found: HashMap<&str, HashSet<String>> = HashMap::new();
    for ((group, condition), by) in named {
        let whats = now.groups[group].iter().filter(|what| by != Some(what.as_str()));
        found.entry(condition).or_default().extend(whats.map(|what| old_name(what)));
    }
    found
}

/// What those have in common of whom the same is new.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike<'r> {
    /// The groups that they named, with the conditions.
    had: BTreeSet<(usize, &'r str)>,
    /// What is new of what they name, by its place in [`News::sets`].
    new: BTreeSet<usize>,
}

/// A file's nearest naming that is new, where that is not one of the file itself, and all who name what leads to it since then.
#[derive(Clone)]
struct Ways {
    by: String,
    what: Option<String>,
    all: Arc<BTreeSet<String>>,
}

/// What is named since a change.
struct News<'r, 'i> {
    now: &'r Reach<'i>,
    then: &'r Reach<'i>,
    /// Files that are named since then, together.
    sets: Vec<HashSet<&'r str>>,
    /// The set of each naming.
    of_naming: Vec<usize>,
    /// The groups that a file is in.
    groups_of: HashMap<&'r str, Vec<usize>>,
    /// The ways to files that are in the same groups, and are new of the same.
    known: HashMap<(Vec<usize>, Vec<usize>), Option<Ways>>,
}

impl<'r, 'i> News<'r, 'i> {
    fn of(now: &'r Reach<'i>, then: &'r Reach<'i>, old_name: impl Fn(&str) -> String) -> Self {
        // What a file named under a condition, and the files of those groups: the same for many.
        let mut named: HashMap<(&str, &str, bool), BTreeSet<usize>> = HashMap::new();
        for naming in &then.namings {
            let key = (&*naming.by, naming.condition, naming.is_by_hand);
            named.entry(key).or_default().insert(naming.group);
        }
        let (mut lists, mut list_of) = (Vec::<HashSet<&str>>::new(), HashMap::new());
        let named: HashMap<(&str, &str, bool), usize> = named
            .into_iter()
            .map(|(key, groups)| {
                let list = *list_of.entry(groups).or_insert_with_key(|groups| {
                    let files = groups.iter().flat_map(|group| &then.groups[*group]);
                    lists.push(files.map(String::as_str).collect());
                    lists.len() - 1
                });
                (key, list)
            })
            .collect();
        let (mut sets, mut set_of) = (Vec::<HashSet<&str>>::new(), HashMap::new());
        let of_naming = now.namings.iter().map(|naming| {
            let had = named.get(&(&*old_name(&naming.by), naming.condition, naming.is_by_hand)).copied();
            *set_of.entry((naming.group, had)).or_insert_with(|| {
                let is_old =
                    |what: &&str| had.is_some_and(|had| lists[had].contains(old_name(what).as_str()));
                let whats = now.groups[naming.group].iter().map(String::as_str);
                sets.push(whats.filter(|what| !is_old(what)).collect());
                sets.len() - 1
            })
        });
        let of_naming = of_naming.collect();
        let mut groups_of: HashMap<&str, Vec<usize>> = HashMap::new();
        for (group, files) in now.groups.iter().enumerate() {
            files.iter().for_each(|file| groups_of.entry(file).or_default().push(group));
        }
        Self { now, then, sets, of_naming, groups_of, known: HashMap::new() }
    }

    /// Returns whether a naming of `what` is new.
    fn is_new(&self, naming: usize, what: &str) -> bool {
        self.sets[self.of_naming[naming]].contains(what)
    }

    /// Returns the files that were there and name something since then: those of whom the same is new together.
    fn alike(&self, old_name: impl Fn(&str) -> String) -> BTreeMap<Alike<'r>, Vec<&'r str>> {
        let mut found: BTreeMap<Alike<'_>, Vec<&str>> = BTreeMap::new();
        let mut start = 0;
        for namings in self.now.namings.chunk_by(|a, b| a.by == b.by) {
            let (by, sets) = (&*namings[0].by, &self.of_naming[start..start + namings.len()]);
            start += namings.len();
            let is_some = |set: &usize| self.sets[*set].iter().any(|what| *what != by);
            let new: BTreeSet<usize> = sets.iter().copied().filter(is_some).collect();
            let old = old_name(by);
            if !new.is_empty() && self.then.files.contains(old.as_str()) {
                let had = self.then.of_file(&old).iter().filter(|naming| !naming.is_by_hand);
                let had = had.map(|naming| (naming.group, naming.condition)).collect();
                found.entry(Alike { had, new }).or_default().push(by);
            }
        }
        found
    }

    /// Returns why a file is deployed, where something that leads to it is named since then.
    fn above(&mut self, path: &str) -> Option<NewlyDeployed> {
        let groups = self.groups_of.get(path).cloned().unwrap_or_default();
        let is_of_itself = self.now.of_file(path).iter().any(|naming| groups.contains(&naming.group));
        let ways = if is_of_itself {
            self.ways(path, &groups)
        } else {
            let sets = groups.iter().flat_map(|group| self.now.of_group(*group));
            let sets: BTreeSet<usize> = sets.map(|(naming, _)| self.of_naming[naming]).collect();
            let new = sets.into_iter().filter(|set| self.sets[*set].contains(path)).collect();
            let key = (groups, new);
            match self.known.get(&key) {
                Some(known) => known.clone(),
                None => {
                    let ways = self.ways(path, &key.0);
                    self.known.insert(key, ways.clone());
                    ways
                }
            }
        };
        let Ways { by, what, all } = ways?;
        Some(NewlyDeployed { by, what: what.unwrap_or_else(|| path.to_owned()), all })
    }

    /// Returns the ways to a file, which is in these groups: the nearest first.
    fn ways(&self, path: &str, groups: &[usize]) -> Option<Ways> {
        let (mut seen, mut open) = (HashSet::from([path]), vec![(path, groups)]);
        let (mut first, mut all) = (None, BTreeSet::new());
        while !open.is_empty() {
            let mut next = Vec::new();
            for (what, groups) in open {
                let mut namings: Vec<(usize, &str)> = groups
                    .iter()
                    .flat_map(|group| self.now.of_group(*group))
                    .map(|(index, naming)| (index, &*naming.by))
                    .filter(|(_, by)| *by != what)
                    .collect();
                namings.sort_by_key(|(_, by)| *by);
                for (index, by) in namings {
                    if self.is_new(index, what) {
                        first.get_or_insert((by, what));
                        all.insert(by.to_owned());
                    }
                    if seen.insert(by) {
                        next.push((by, self.groups_of.get(by).map_or(&[][..], Vec::as_slice)));
                    }
                }
            }
            open = next;
        }
        let (by, what) = first?;
        let what = (what != path).then(|| what.to_owned());
        Some(Ways { by: by.to_owned(), what, all: Arc::new(all) })
    }
}
