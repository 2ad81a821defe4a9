//! Files that Git keeps otherwise than they are.

/// Returns the filter that keeps a file elsewhere, or unreadable, and makes it again where it is checked out.
pub(super) fn of(bytes: &[u8]) -> Option<&'static str> {
    // git-lfs.com, "Pointers"; git-crypt, what it puts before each file.
    let filters: [(&[u8], &str); 2] =
        [(b"version https://git-lfs.github.com/spec/", "Git LFS"), (b"\0GITCRYPT\0", "git-crypt")];
    filters.into_iter().find_map(|(start, name)| bytes.starts_with(start).then_some(name))
}
