//! What a change is judged by: the files of the commit that is checked out, and what of the work tree is not committed.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::commit::{CommitTree, ObjectKind};
use super::directory::DirectoryTree;
use super::entry::{EntryKind, Tree, TreeEntry, TreeError};

/// What stands before the path of a file as the commit has it, where the work tree has another.
pub const IN_HEAD: &str = "HEAD:";

/// The files of a commit as its objects have them, whatever attributes, filters and links made of them on disk. A file of the
/// work tree that differs is there beside it: it belongs to the change as well. The commit's own is then called
/// `HEAD:path`, as git calls it.
pub struct HeadTree<'t> {
    commit: &'t CommitTree,
    work: &'t DirectoryTree,
    files: BTreeMap<String, HeadFile>,
    /// The files of the commit that the command line does not name.
    others: HashSet<String>,
    problems: Vec<TreeError>,
    /// The files that are there twice.
    differing: Vec<String>,
}

struct HeadFile {
    entry: TreeEntry,
    root_path: String,
    /// Whether it is the work tree's.
    is_on_disk: bool,
    is_named: bool,
}

/// What is read of a commit: where the work tree is, and which of its files.
pub struct HeadScope<'s> {
    /// The canonical root of the work tree.
    pub root: &'s Path,
    /// Where the change began.
    pub base: &'s CommitTree,
    /// The paths below the root that the command line names; the empty one is the root.
    pub selected: &'s [String],
    /// The largest file that is compared, in bytes.
    pub limit: u64,
}

impl<'t> HeadTree<'t> {
    /// Returns the files of `commit` at the paths of `scope`, with those of `work` that differ. `shown` returns what reports
    /// call a path below the root; `written` has the paths below the root of files that this run wrote itself.
    pub fn new(
        commit: &'t CommitTree,
        work: &'t DirectoryTree,
        scope: &HeadScope<'_>,
        shown: impl Fn(&str) -> String,
        written: &HashSet<String>,
    ) -> Result<Self, TreeError> {
        let mut tree = Self {
            commit,
            work,
            files: BTreeMap::new(),
            others: HashSet::new(),
            problems: Vec::new(),
            differing: Vec::new(),
        };
        let on_disk: BTreeMap<String, TreeEntry> = work
            .entries()?
            .into_iter()
            .map(|entry| {
                let below = work.path_below(&entry.path, scope.root);
                (below.unwrap_or_else(|| entry.path.clone()), entry)
            })
            .collect();
        let is_selected = |path: &str| {
            let mut above = path.match_indices('/').map(|(at, _)| &path[..at]).chain(["", path]);
            above.any(|path| scope.selected.iter().any(|selected| selected == path))
        };
        let sparse = left_out(scope.root);
        for entry in commit.entries()? {
            let root_path = entry.path.clone();
            if !is_selected(&root_path) {
                tree.others.insert(root_path);
                continue;
            }
            let is_named = scope.selected.contains(&root_path);
            let is_new = commit.object(&root_path) != scope.base.object(&root_path);
            match on_disk.get(&root_path) {
                // It is deleted, and the deletion is not committed yet.
                None if !is_new && !sparse.contains(&root_path) => {}
                None => tree.add(shown(&root_path), entry, root_path, false, is_named),
                Some(there) if tree.is_same(&entry, there, scope.limit) => {
                    tree.add(there.path.clone(), entry, root_path, false, is_named);
                }
                Some(there) => {
                    tree.add(there.path.clone(), there.clone(), root_path.clone(), true, is_named);
                    if is_new && !written.contains(&root_path) {
                        tree.differing.push(there.path.clone());
                        tree.add(format!("{IN_HEAD}{}", there.path), entry, root_path, false, is_named);
                    }
                }
            }
        }
        for (root_path, entry) in on_disk {
            if commit.object(&root_path).is_none_or(|(kind, _)| kind == ObjectKind::Submodule) {
                let is_named = work.is_named(&entry.path);
                tree.add(entry.path.clone(), entry, root_path, true, is_named);
            }
        }
        let mut seen: HashSet<String> = HashSet::new();
        let of_commit = commit.problems().iter().filter(|problem| is_selected(problem.path()));
        for problem in of_commit.map(|problem| problem.at(shown(problem.path()))) {
            seen.insert(problem.path().to_owned());
            tree.problems.push(problem);
        }
        for problem in work.problems().iter().filter(|problem| !seen.contains(problem.path())) {
            tree.problems.push(problem.at(problem.path().to_owned()));
        }
        Ok(tree)
    }

    fn add(&mut self, path: String, entry: TreeEntry, root_path: String, is_on_disk: bool, is_named: bool) {
        let entry = TreeEntry { path: path.clone(), ..entry };
        self.files.insert(path, HeadFile { entry, root_path, is_on_disk, is_named });
    }

    /// Returns whether a file of the commit has the bytes on disk, line ends aside: git may write them as the machine has
    /// them.
    fn is_same(&self, committed: &TreeEntry, there: &TreeEntry, limit: u64) -> bool {
        if committed.kind != there.kind {
            return false;
        }
        if committed.kind == EntryKind::Symlink {
            return true;
        }
        match (self.commit.read(&committed.path, limit), self.work.read(&there.path, limit)) {
            (Ok(committed), Ok(there)) => committed == there || unix(&committed) == unix(&there),
            // Neither can be read, and the commit's is what is judged.
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }

    /// Returns the paths below the root of all files, also of those that the command line does not name.
    pub fn root_paths(&self) -> HashSet<String> {
        self.files.values().map(|file| &file.root_path).chain(&self.others).cloned().collect()
    }

    /// Returns whether the file that reports call `path` is the work tree's, and not the commit's.
    pub fn is_on_disk(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| file.is_on_disk)
    }

    /// Returns the files of the work tree that differ from the commit's where the change has edited them, as reports call
    /// them.
    pub fn differing(&self) -> &[String] {
        &self.differing
    }
}

fn unix(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}

/// Returns the files that a sparse checkout leaves out.
fn left_out(root: &Path) -> HashSet<String> {
    let Ok(index) = git2::Repository::open(root).and_then(|git| git.index()) else { return HashSet::new() };
    let is_left_out = |entry: &git2::IndexEntry| {
        git2::IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_skip_worktree()
    };
    let left_out = index.iter().filter(is_left_out);
    left_out.filter_map(|entry| String::from_utf8(entry.path).ok()).collect()
}

impl Tree for HeadTree<'_> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        Ok(self.files.values().map(|file| file.entry.clone()).collect())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let file = self.files.get(path).ok_or_else(|| TreeError::NotFound { path: path.to_owned() })?;
        if file.is_on_disk {
            return self.work.read(path, limit);
        }
        self.commit.read(&file.root_path, limit)
    }

    fn link_target(&self, path: &str) -> Option<String> {
        let file = self.files.get(path)?;
        if file.is_on_disk { self.work.link_target(path) } else { self.commit.link_target(&file.root_path) }
    }

    fn root_path(&self, path: &str) -> String {
        self.files.get(path).map_or_else(|| path.to_owned(), |file| file.root_path.clone())
    }

    fn is_named(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|file| file.is_named)
    }

    fn problems(&self) -> &[TreeError] {
        &self.problems
    }
}
