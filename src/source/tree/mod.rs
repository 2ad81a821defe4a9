//! Where files come from: a directory on disk, or a commit in a bare clone.

mod before_patch;
mod commit;
mod directory;
mod entry;
mod selection;

pub use before_patch::{PATCH_MAX, PatchError, PatchedTree};
pub use commit::CommitTree;
pub use directory::DirectoryTree;
pub use entry::{EntryKind, Tree, TreeEntry, TreeError};
pub use selection::Selection;
