//! Where files come from: a directory on disk, or a commit in a bare clone.

mod before_patch;
mod commit;
mod directory;
mod entry;
mod head;
mod link;
mod path;
mod renames;
mod selection;
mod work_tree;

pub use before_patch::{PATCH_MAX, PatchError, PatchedLink, PatchedTree};
pub use commit::{CommitTree, Comparison, ObjectKind};
pub use directory::DirectoryTree;
pub use entry::{EntryKind, Tree, TreeEntry, TreeError};
pub use head::{HeadScope, HeadTree, IN_HEAD};
pub use link::{Resolved, resolve, target_of};
pub use path::{directory_of, path_from, path_to};
pub use renames::renames;
pub use selection::Selection;
