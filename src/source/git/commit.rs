//! What a commit says of itself, and who made it.

use git2::{Signature, Time};
use jiff::Timestamp;

use super::Oid;

/// Who makes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The e-mail address, without angle brackets.
    pub email: String,
}

impl Identity {
    pub(super) fn signature(&self, when: Timestamp) -> Result<Signature<'static>, git2::Error> {
        Signature::new(&self.name, &self.email, &Time::new(when.as_second(), 0))
    }
}

/// What a commit says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its tree.
    pub tree: Oid,
    /// Its parents, those beyond a shallow clone's boundary included.
    pub parents: Vec<Oid>,
    /// The message; what is not UTF-8 is replaced.
    pub message: String,
}

impl Commit {
    pub(super) fn read(git: &git2::Repository, id: Oid) -> Result<Self, git2::Error> {
        let commit = git.find_commit(id)?;
        // libgit2 says that a commit at a shallow boundary has no parents; the object knows better.
        let odb = git.odb()?;
        let object = odb.read(id)?;
        let header = object.data().split(|b| *b == b'\n').take_while(|line| !line.is_empty());
        let parents = header
            .filter_map(|line| Oid::from_str(str::from_utf8(line.strip_prefix(b"parent ")?).ok()?).ok())
            .collect();
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        Ok(Self { tree: commit.tree_id(), parents, message })
    }
}
