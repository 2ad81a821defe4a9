//! Where files come from and where commits go: trees on disk or in a commit, and git.

pub mod git;
pub mod tree;
