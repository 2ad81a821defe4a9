//! A commit that a forge makes.

/// A commit that the forge makes and signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommit {
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Where the branch has to be before; `None` where it must not exist.
    pub expected: Option<String>,
    /// The parent, as hex.
    pub base: String,
    /// The parent's tree, as hex.
    pub base_tree: String,
    /// The tree that has to come of it, as hex.
    pub tree: String,
    /// The files that change.
    pub files: Vec<NewFile>,
    /// The whole message, trailers included.
    pub message: String,
}

/// A file of a [`NewCommit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The path in the repository.
    pub path: String,
    /// Whether it is executable, which stays as it is.
    pub executable: bool,
    /// The whole content.
    pub content: Vec<u8>,
}
