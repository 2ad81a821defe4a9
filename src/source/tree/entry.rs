//! What a tree is: files by their paths, and why one cannot be read.

use crate::repository_budget::{OverBudget, RepositoryBudget};

/// One file of a tree, not read yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeEntry {
    /// The path below the tree's root, with `/` between segments.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is. Links and submodules are never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file, executable or not.
    File,
    /// A symbolic link, wherever it points.
    Symlink,
}

/// A set of files: the only door through which repository content comes in.
pub trait Tree: Sync {
    /// Returns every file, sorted by path.
    ///
    /// # Errors
    /// The root cannot be read. A single unreadable file is an error of [`Tree::read`] instead.
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError>;

    /// Returns the bytes of the file at `path`.
    ///
    /// # Errors
    /// The file is gone, unreadable, or past `limit` bytes (it is not read further than that).
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError>;

    /// Returns where the symbolic link at `path` leads, as it is written; `None` where that is not known.
    fn link_target(&self, _path: &str) -> Option<String> {
        None
    }

    /// Returns the path below the repository's root of the file that reports call `path`: policies are written in it.
    fn root_path(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Returns whether the file that reports call `path` was itself named on the command line: it is always read.
    fn is_named(&self, _path: &str) -> bool {
        false
    }

    /// Returns whether the command line names the directory, by its path below the repository's root, or something in it.
    fn is_asked_for(&self, _directory: &str) -> bool {
        false
    }

    /// Returns what stands in the tree and is not an entry all the same: names that are not UTF-8, directories that
    /// cannot be read. These belong into the report, so that nothing is lost silently.
    fn problems(&self) -> &[TreeError] {
        &[]
    }

    /// Returns the submodules: the path that reports name, and that below the repository's root.
    fn submodules(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Returns what may be read of it; without limits where a person named it.
    fn budget(&self) -> &RepositoryBudget {
        static UNLIMITED: RepositoryBudget = RepositoryBudget::unlimited();
        &UNLIMITED
    }
}

impl<T: Tree + ?Sized> Tree for &T {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        (**self).entries()
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        (**self).read(path, limit)
    }

    fn link_target(&self, path: &str) -> Option<String> {
        (**self).link_target(path)
    }

    fn root_path(&self, path: &str) -> String {
        (**self).root_path(path)
    }

    fn is_named(&self, path: &str) -> bool {
        (**self).is_named(path)
    }

    fn is_asked_for(&self, directory: &str) -> bool {
        (**self).is_asked_for(directory)
    }

    fn problems(&self) -> &[TreeError] {
        (**self).problems()
    }

    fn submodules(&self) -> Vec<(String, String)> {
        (**self).submodules()
    }

    fn budget(&self) -> &RepositoryBudget {
        (**self).budget()
    }
}

/// Why a tree or a file in it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is more of it than may be read.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// Nothing is there.
    #[error("`{path}` does not exist")]
    NotFound {
        /// The path that was asked for.
        path: String,
    },
    /// The file is larger than tagpin reads.
    #[error("`{path}` has {size} bytes, more than the {limit} that tagpin reads")]
    TooLarge {
        /// The path that was asked for.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A symbolic link is never followed.
    #[error("`{path}` is a symbolic link, which tagpin does not follow")]
    Symlink {
        /// The path that was asked for.
        path: String,
    },
    /// A submodule is another repository.
    #[error("`{path}` is a submodule, which tagpin does not read")]
    Submodule {
        /// The path that was asked for.
        path: String,
    },
    /// Something that cannot be named or told apart.
    #[error("`{path}` cannot be read: {reason}")]
    Refused {
        /// The path, as far as it can be shown.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// The operating system or the object database says no.
    #[error("cannot read `{path}`")]
    Io {
        /// The path that was asked for.
        path: String,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// The git repository cannot be read.
    #[error("cannot read the git repository at `{path}`: {message}")]
    Git {
        /// The repository's path.
        path: String,
        /// What libgit2 said.
        message: String,
    },
}

impl TreeError {
    /// Returns the same error about the file that reports call `path`.
    pub(super) fn at(&self, path: String) -> Self {
        match self {
            Self::OverBudget(over) => Self::OverBudget(*over),
            Self::NotFound { .. } => Self::NotFound { path },
            Self::TooLarge { size, limit, .. } => Self::TooLarge { path, size: *size, limit: *limit },
            Self::Symlink { .. } => Self::Symlink { path },
            Self::Submodule { .. } => Self::Submodule { path },
            Self::Refused { reason, .. } => Self::Refused { path, reason },
            Self::Io { source, .. } => {
                Self::Io { path, source: std::io::Error::new(source.kind(), source.to_string()) }
            }
            Self::Git { message, .. } => Self::Git { path, message: message.clone() },
        }
    }

    /// Returns the path that it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::OverBudget(_) => "",
            Self::NotFound { path }
            | Self::TooLarge { path, .. }
            | Self::Symlink { path }
            | Self::Submodule { path }
            | Self::Refused { path, .. }
            | Self::Io { path, .. }
            | Self::Git { path, .. } => path,
        }
    }
}
