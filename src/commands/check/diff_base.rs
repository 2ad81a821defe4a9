//! Where `check` judges a change: the work tree, and the paths of the command line in it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::commands::args::CheckArgs;
use crate::commands::failure::Failure;
use crate::commands::work_tree_root;
use crate::manifest::SIZE_MAX;
use crate::source::tree::{Comparison, DirectoryTree, HeadScope, HeadTree, Resolved, TreeError, resolve};

/// Where the command runs.
pub(super) struct DiffBase {
    /// The root of the git work tree.
    pub(super) root: PathBuf,
    pub(super) directory: PathBuf,
    /// The paths of the command line below the root.
    pub(super) selected: Vec<String>,
    /// What this run wrote, below the root, with the bytes from before that.
    pub(super) written: HashMap<String, Vec<u8>>,
}

impl DiffBase {
    pub(super) fn here(args: &CheckArgs) -> Result<Self, Failure> {
        let directory = fs_err::canonicalize(std::env::current_dir()?)?;
        let root = fs_err::canonicalize(work_tree_root(&directory))?;
        let mut place = Self { root, directory, selected: Vec::new(), written: HashMap::new() };
        let here = [PathBuf::from(".")];
        let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
        // What lies elsewhere was never part of the repository.
        place.selected = paths.iter().filter_map(|path| place.below_root(path)).collect();
        Ok(place)
    }

    /// Returns the path of a file or directory below the root, as text; `None` where it is not below.
    pub(super) fn below_root(&self, path: &Path) -> Option<String> {
        match resolve(&self.root, &self.directory.join(path)) {
            Resolved::Inside(path) => Some(path),
            Resolved::Outside => None,
        }
    }

    /// Returns what reports call the file at `path` below the root.
    pub(super) fn shown(&self, path: &str) -> String {
        let below = self.directory.strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or_default();
        let below = below.replace(std::path::MAIN_SEPARATOR, "/");
        if below.is_empty() {
            return path.to_owned();
        }
        match path.strip_prefix(&below).and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => rest.to_owned(),
            None => format!("{}{path}", "../".repeat(below.split('/').count())),
        }
    }

    pub(super) fn head<'t>(
        &self,
        comparison: &'t Comparison,
        work: &'t DirectoryTree,
    ) -> Result<HeadTree<'t>, Failure> {
        let scope =
            HeadScope { root: &self.root, base: &comparison.base, selected: &self.selected, limit: SIZE_MAX };
        let written: HashSet<String> = self.written.keys().cloned().collect();
        let tree = HeadTree::new(&comparison.head, work, &scope, |path| self.shown(path), &written);
        Ok(tree.map_err(anyhow::Error::new)?)
    }

    /// Returns the bytes that a file below the root has now.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.file(path).ok().flatten()
    }

    /// Returns the bytes that a file below the root has now, or `None` where there is none.
    ///
    /// # Errors
    /// There is a link on the way or at the end, or it cannot be read.
    pub(super) fn file(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        if path.split('/').any(|segment| matches!(segment, "" | "." | ".." | ".git")) {
            return Ok(None);
        }
        let io = |source| TreeError::Io { path: path.to_owned(), source };
        for above in path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]) {
            match std::fs::symlink_metadata(self.root.join(above)) {
                Ok(metadata) if metadata.is_symlink() => {
                    return Err(TreeError::Symlink { path: above.to_owned() });
                }
                Ok(metadata) if above == path && !metadata.is_file() => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
                Err(error) => return Err(io(error)),
            }
        }
        fs_err::read(self.root.join(path)).map(Some).map_err(io)
    }
}
