use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::work_tree::WorkTree;
use super::{EntryKind, Tree, TreeEntry, TreeError};
use crate::parallel;

/// Files on disk: below one directory, or those that the paths of a command line name.
///
/// Inside a git work tree a directory has what git would commit: the index, and what is not ignored. Elsewhere, and below
/// a directory that was named though it is ignored, it has everything but `.git`. Files that are named are always part of
/// it. Symbolic links are entries and never followed, but a directory that is named may be one.
///
/// What the tree has is decided once, when it is opened.
pub struct DirectoryTree {
    files: BTreeMap<String, DirectoryFile>,
    problems: Vec<TreeError>,
    /// By the path that reports name, with that below the root of the work tree.
    submodules: BTreeMap<String, String>,
    /// The directories that were named, below the roots of their work trees.
    asked: BTreeSet<String>,
}

struct DirectoryFile {
    size: u64,
    kind: EntryKind,
    directory: Arc<Directory>,
    named: bool,
}

/// What the files of one directory have in common.
struct Directory {
    /// The canonical path.
    location: PathBuf,
    work_tree: Option<Arc<Path>>,
    /// The path from the root of the work tree; `None` where it is in none.
    in_work_tree: Option<String>,
}

impl Directory {
    fn new(location: PathBuf, work_tree: Option<Arc<Path>>) -> Arc<Self> {
        let below = work_tree.as_deref().and_then(|root| location.strip_prefix(root).ok());
        let in_work_tree = below.and_then(slashed);
        Arc::new(Self { location, work_tree, in_work_tree })
    }
}

impl DirectoryTree {
    /// Returns the files below `root`, with paths relative to it.
    ///
    /// # Errors
    /// `root` does not exist or cannot be read, or its git repository cannot.
    pub fn open(root: &Path) -> Result<Self, TreeError> {
        Self::of_paths(root, &[PathBuf::from(".")])
    }

    /// Returns the files and the directories' files that `paths` name, seen from `working_directory`: with paths relative
    /// to it where they are below, and as they were given otherwise. A file that is named twice is there once.
    ///
    /// # Errors
    /// A path does not exist or cannot be read, or its git repository cannot.
    pub fn of_paths(working_directory: &Path, paths: &[PathBuf]) -> Result<Self, TreeError> {
        crate::source::git::initialise();
        let base = canonical(working_directory, working_directory)?;
        let mut tree = Self {
            files: BTreeMap::new(),
            problems: Vec::new(),
            submodules: BTreeMap::new(),
            asked: BTreeSet::new(),
        };
        for given in paths {
            let full = base.join(given);
            let metadata = fs_err::symlink_metadata(&full).map_err(|error| unreadable(given, error))?;
            let is_link_to_directory = metadata.is_symlink() && full.is_dir();
            if metadata.is_dir() || is_link_to_directory {
                tree.add_directory(&base, given, &canonical(&full, given)?)?;
            } else {
                tree.add_named(&base, given, &full, &metadata)?;
            }
        }
        Ok(tree)
    }

    /// Returns where the file at `path` really is: the canonical path of the directory that it is in, and its name.
    pub fn location(&self, path: &str) -> Option<PathBuf> {
        Some(self.files.get(path)?.directory.location.join(name_of(path)))
    }

    /// Returns the root of the git work tree that the file at `path` is in.
    pub fn work_tree(&self, path: &str) -> Option<&Path> {
        self.files.get(path)?.directory.work_tree.as_deref()
    }

    /// Returns the path of the file at `path` from the root of its git work tree, for policies and annotations; `None`
    /// where it is in none.
    pub fn path_in_work_tree(&self, path: &str) -> Option<String> {
        Some(joined(self.files.get(path)?.directory.in_work_tree.as_deref()?, name_of(path)))
    }

    /// Returns the path of the file at `path` from the canonical directory `root`; `None` where it lies elsewhere.
    pub fn path_below(&self, path: &str, root: &Path) -> Option<String> {
        slashed(self.location(path)?.strip_prefix(root).ok()?)
    }

    /// Leaves out the files whose path below the root of their work tree is not `wanted`.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        let is_wanted: BTreeSet<String> =
            self.files.keys().filter(|path| wanted(&Tree::root_path(self, path))).cloned().collect();
        self.files.retain(|path, _| is_wanted.contains(path));
        self.submodules.retain(|_, root_path| wanted(root_path));
    }

    /// Adds the files of `other`, which were seen from the same directory.
    pub fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.problems.extend(other.problems);
        self.submodules.extend(other.submodules);
        self.asked.extend(other.asked);
    }

    fn add_named(
        &mut self,
        base: &Path,
        given: &Path,
        full: &Path,
        metadata: &Metadata,
    ) -> Result<(), TreeError> {
        let kind = kind_of(metadata).ok_or_else(|| {
            unreadable(
                given,
                io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a directory"),
            )
        })?;
        let (Some(directory), Some(name)) = (full.parent(), full.file_name()) else {
            return Err(TreeError::NotFound { path: given.display().to_string() });
        };
        let directory = canonical(directory, given)?;
        let location = directory.join(name);
        let work_tree = WorkTree::around(&directory)?.map(|work_tree| work_tree.root);
        match slashed(&shown(base, given, &location)) {
            Some(path) => self.add(path, metadata.len(), kind, &Directory::new(directory, work_tree), true),
            None => self.problems.push(not_utf8(given)),
        }
        Ok(())
    }

    fn add_directory(&mut self, base: &Path, given: &Path, root: &Path) -> Result<(), TreeError> {
        // A directory that is named though git ignores it is meant: everything in it is.
        let work_tree = WorkTree::around(root)?;
        let root_of_work_tree = work_tree.as_ref().map(|work_tree| Arc::clone(&work_tree.root));
        let below = match &root_of_work_tree {
            Some(root_of_work_tree) => root.strip_prefix(root_of_work_tree).ok().and_then(slashed),
            None => slashed(&shown_below(base, given, root, root)),
        };
        self.asked.extend(below);
        let rules = work_tree.filter(|work_tree| !work_tree.ignores(root));
        for path in rules.iter().flat_map(|rules| &rules.submodules) {
            let location = rules.as_ref().map(|rules| rules.root.join(path)).unwrap_or_default();
            // The one that was named itself is a work tree of its own.
            if location.starts_with(root)
                && location != root
                && let (Some(shown), Some(below)) =
                    (slashed(&shown_below(base, given, root, &location)), slashed(path))
            {
                self.submodules.insert(shown, below);
            }
        }
        let place = Place { base, given, root, rules: rules.as_ref(), work_tree: root_of_work_tree };
        let mut level = vec![root.to_owned()];
        while !level.is_empty() {
            let found = parallel::filter_map(&level, |directory| Some(place.list(directory)));
            level.clear();
            for listing in found {
                let Listing { directory, files, mut below, mut problems } = listing?;
                files
                    .into_iter()
                    .for_each(|(path, size, kind)| self.add(path, size, kind, &directory, false));
                self.problems.append(&mut problems);
                level.append(&mut below);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, size: u64, kind: EntryKind, directory: &Arc<Directory>, named: bool) {
        let directory = Arc::clone(directory);
        match self.files.entry(path) {
            Entry::Vacant(entry) => _ = entry.insert(DirectoryFile { size, kind, directory, named }),
            Entry::Occupied(mut entry) => {
                let named = named || entry.get().named;
                entry.insert(DirectoryFile { size, kind, directory, named });
            }
        }
    }
}

/// A directory that was named, and how it was.
struct Place<'p> {
    base: &'p Path,
    given: &'p Path,
    root: &'p Path,
    rules: Option<&'p WorkTree>,
    work_tree: Option<Arc<Path>>,
}

/// What stands in one directory.
struct Listing {
    directory: Arc<Directory>,
    files: Vec<(String, u64, EntryKind)>,
    below: Vec<PathBuf>,
    problems: Vec<TreeError>,
}

impl Place<'_> {
    fn shown(&self, location: &Path) -> PathBuf {
        shown_below(self.base, self.given, self.root, location)
    }

    /// Returns what of a directory is part of the tree.
    ///
    /// # Errors
    /// It is the one that was named, and cannot be read.
    fn list(&self, location: &Path) -> Result<Listing, TreeError> {
        let directory = Directory::new(location.to_owned(), self.work_tree.clone());
        let mut listing = Listing { directory, files: Vec::new(), below: Vec::new(), problems: Vec::new() };
        let items = match fs_err::read_dir(location) {
            Ok(items) => items,
            Err(error) if location == self.root => return Err(unreadable(self.given, error)),
            Err(error) => {
                listing.problems.push(unreadable(&self.shown(location), error));
                return Ok(listing);
            }
        };
        let above = slashed(&self.shown(location));
        for item in items {
            match item.and_then(|item| self.add_item(&item, above.as_deref(), &mut listing)) {
                // It was deleted while we looked.
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    listing.problems.push(unreadable(&self.shown(location), error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(listing)
    }

    fn add_item(
        &self,
        item: &fs_err::DirEntry,
        above: Option<&str>,
        listing: &mut Listing,
    ) -> io::Result<()> {
        // Of a directory it is enough to know that it is one.
        let is_directory = item.file_type()?.is_dir();
        let metadata = if is_directory { None } else { Some(item.metadata()?) };
        let name = item.file_name();
        if name == ".git" || self.rules.is_some_and(|rules| rules.leaves_out(&item.path(), is_directory)) {
            return Ok(());
        }
        let Some(metadata) = metadata else {
            listing.below.push(item.path());
            return Ok(());
        };
        if let Some(kind) = kind_of(&metadata) {
            match above.zip(name.to_str()) {
                Some((above, name)) => listing.files.push((joined(above, name), metadata.len(), kind)),
                None => listing.problems.push(not_utf8(&self.shown(&item.path()))),
            }
        }
        Ok(())
    }
}

impl Tree for DirectoryTree {
    fn is_named(&self, path: &str) -> bool {
        self.files.get(path).is_some_and(|found| found.named)
    }

    fn is_asked_for(&self, directory: &str) -> bool {
        self.asked.iter().any(|asked| {
            asked.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn link_target(&self, path: &str) -> Option<String> {
        let target = std::fs::read_link(self.location(path)?).ok()?;
        target.into_os_string().into_string().ok()
    }

    fn root_path(&self, path: &str) -> String {
        self.path_in_work_tree(path).unwrap_or_else(|| path.to_owned())
    }

    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let entry = |(path, file): (&String, &DirectoryFile)| TreeEntry {
            path: path.clone(),
            size: file.size,
            kind: file.kind,
        };
        Ok(self.files.iter().map(entry).collect())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let location = self.location(path).ok_or_else(|| TreeError::NotFound { path: path.to_owned() })?;
        let io = |error| unreadable(Path::new(path), error);
        let link = || TreeError::Symlink { path: path.to_owned() };
        // The location was canonical when it was found. Whatever became a link since is not followed.
        let file = open_without_links(&location).map_err(io)?.ok_or_else(link)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file any more")));
        }
        let too_large = |size| TreeError::TooLarge { path: path.to_owned(), size, limit };
        if metadata.len() > limit {
            return Err(too_large(metadata.len()));
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
    }

    fn problems(&self) -> &[TreeError] {
        &self.problems
    }

    fn submodules(&self) -> Vec<(String, String)> {
        self.submodules.iter().map(|(path, root_path)| (path.clone(), root_path.clone())).collect()
    }
}

fn shown(base: &Path, given: &Path, location: &Path) -> PathBuf {
    if let Ok(path) = location.strip_prefix(base) {
        return path.to_owned();
    }
    match fs_err::canonicalize(base.join(given)) {
        Ok(root) if root.is_dir() => shown_below(base, given, &root, location),
        _ => given.to_owned(),
    }
}

/// Does what [`shown`] does where `root` is the canonical directory that is `given`.
fn shown_below(base: &Path, given: &Path, root: &Path, location: &Path) -> PathBuf {
    // Outside the working directory: the path as it was given, and what follows it.
    match (location.strip_prefix(base), location.strip_prefix(root)) {
        (Ok(path), _) => path.to_owned(),
        (Err(_), Ok(rest)) => given.join(rest),
        (Err(_), Err(_)) => location.to_owned(),
    }
}

/// Returns `path` with `/` between its segments and without `.` segments; `None` where it is not UTF-8.
fn slashed(path: &Path) -> Option<String> {
    let mut text = String::new();
    for part in path.components() {
        let part = part.as_os_str().to_str()?;
        if part == "." {
            continue;
        }
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        text.push_str(part);
    }
    Some(text)
}

/// Returns the last segment of a path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn joined(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        _ => [directory, name].join("/"),
    }
}

fn kind_of(metadata: &Metadata) -> Option<EntryKind> {
    if metadata.is_symlink() {
        Some(EntryKind::Symlink)
    } else {
        metadata.is_file().then_some(EntryKind::File)
    }
}

/// Opens the file at an absolute path; `None` where a part of the path is a symbolic link.
#[cfg(target_os = "linux")]
fn open_without_links(path: &Path) -> io::Result<Option<fs_err::File>> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    // A pipe would keep the caller waiting.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => Ok(Some(fs_err::File::from_parts(file.into(), path.to_owned()))),
        Err(rustix::io::Errno::LOOP) => Ok(None),
        // Before Linux 5.6, or where a sandbox does not know the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => open_step_by_step(path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
use open_step_by_step as open_without_links;

/// Does the same in several steps: the file that is opened must be the one that was looked at before.
fn open_step_by_step(path: &Path) -> io::Result<Option<fs_err::File>> {
    let before = fs_err::symlink_metadata(path)?;
    let directory = path.parent().unwrap_or(path);
    if before.is_symlink() || fs_err::canonicalize(directory)? != directory {
        return Ok(None);
    }
    if !before.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file any more"));
    }
    let file = fs_err::File::open(path)?;
    Ok(is_same(&before, &file.metadata()?).then_some(file))
}

#[cfg(unix)]
fn is_same(before: &Metadata, after: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (before.dev(), before.ino()) == (after.dev(), after.ino())
}

#[cfg(not(unix))]
fn is_same(before: &Metadata, after: &Metadata) -> bool {
    before.created().ok() == after.created().ok()
}

fn canonical(path: &Path, given: &Path) -> Result<PathBuf, TreeError> {
    fs_err::canonicalize(path).map_err(|error| unreadable(given, error))
}

fn unreadable(path: &Path, source: io::Error) -> TreeError {
    let path = path.display().to_string();
    match source.kind() {
        io::ErrorKind::NotFound => TreeError::NotFound { path },
        _ => TreeError::Io { path, source },
    }
}

fn not_utf8(path: &Path) -> TreeError {
    let path = path.display().to_string();
    TreeError::Refused { path, reason: "its name is not UTF-8" }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_anywhere_in_a_path_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(directory.path()).unwrap();
        fs_err::create_dir(root.join("real")).unwrap();
        fs_err::write(root.join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", root.join("linked")).unwrap();
        std::os::unix::fs::symlink("file", root.join("real/link")).unwrap();
        for open in [open_without_links, open_step_by_step] {
            assert!(open(&root.join("real/file")).unwrap().is_some());
            assert!(open(&root.join("linked/file")).unwrap().is_none());
            assert!(open(&root.join("real/link")).unwrap().is_none());
            assert!(open(&root.join("real/none")).is_err());
        }
    }
}
