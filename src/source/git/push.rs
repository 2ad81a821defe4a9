use std::cell::{Cell, RefCell};
use std::path::Path;

use git2::{Buf, ErrorCode, PushOptions, RemoteCallbacks};

use super::redact::redacted;
use super::repository::branch_ref;
use super::{BareClone, GitError, Oid};

/// How many bytes of a remote's remarks on a push are kept.
const REMARKS_MAX: usize = 4096;

impl BareClone {
    /// Moves the remote's `branch` to `commit`, if it is at `expected`; `None` means that it must not exist.
    ///
    /// The remote's list of refs is compared before anything is sent, and the remote compares again when it moves the
    /// branch. A branch that is already at `commit` is fine.
    ///
    /// # Errors
    /// [`GitError::RefMoved`] where the branch is elsewhere, [`GitError::Busy`] or [`GitError::Rejected`] where the remote
    /// does not move it: then nothing has changed there.
    pub fn push(&self, commit: Oid, branch: &str, expected: Option<Oid>) -> Result<(), GitError> {
        let name = branch_ref(branch)?;
        match self.remote.directory() {
            Some(path) => self.push_to_directory(path, commit, branch, expected)?,
            None => self.push_over_http(commit, branch, expected)?,
        }
        // The next run finds its own commit here and need not fetch it.
        self.git.reference(&name, commit, true, "push")?;
        Ok(())
    }

    /// Deletes the remote's `branch`, if it is at `expected`. A branch that is gone already is fine.
    ///
    /// # Errors
    /// Those of [`BareClone::push`].
    pub fn delete(&self, branch: &str, expected: Oid) -> Result<(), GitError> {
        let name = branch_ref(branch)?;
        match self.remote.directory() {
            Some(path) => {
                let there = git2::Repository::open(path).map_err(|error| self.explain(&error))?;
                match there.find_reference(&name) {
                    Ok(mut found) if found.target() == Some(expected) => found.delete()?,
                    Ok(found) => return Err(self.moved(branch, Some(expected), found.target())),
                    Err(_) => {}
                }
            }
            None => match self.update_over_http(&format!(":{name}"), branch, None, Some(expected)) {
                Err(GitError::RefMoved { found: None, .. }) => {}
                // libgit2 refuses to delete what the remote does not have.
                Err(error) if self.heads()?.branches.contains_key(branch) => return Err(error),
                _ => {}
            },
        }
        if let Ok(mut known) = self.git.find_reference(&name) {
            known.delete()?;
        }
        Ok(())
    }

    fn push_over_http(&self, commit: Oid, branch: &str, expected: Option<Oid>) -> Result<(), GitError> {
        let name = branch_ref(branch)?;
        self.update_over_http(&format!("+{commit}:{name}"), branch, Some(commit), expected)
    }

    fn update_over_http(
        &self,
        refspec: &str,
        branch: &str,
        wanted: Option<Oid>,
        expected: Option<Oid>,
    ) -> Result<(), GitError> {
        let mut remote = self.git.remote_anonymous(&self.remote.url())?;
        let advertised = Cell::new(None);
        let refusal = RefCell::new(None);
        let remarks = RefCell::new(Vec::new());
        let result = self.online(|| {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.push_negotiation(|updates| {
                let found = updates.first().map(|update| update.src()).filter(|oid| !oid.is_zero());
                advertised.set(Some(found));
                if found == expected { Ok(()) } else { Err(git2::Error::from_str("the branch was moved")) }
            });
            callbacks.push_update_reference(|_, status| {
                refusal.replace(status.map(str::to_owned));
                Ok(())
            });
            callbacks.sideband_progress(|text| {
                let mut remarks = remarks.borrow_mut();
                let room = REMARKS_MAX.saturating_sub(remarks.len());
                remarks.extend_from_slice(&text[..text.len().min(room)]);
                true
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            remote.push(&[refspec], Some(&mut options))
        });
        match advertised.get() {
            Some(found) if found == wanted && found != expected => return Ok(()),
            Some(found) if found != expected => return Err(self.moved(branch, expected, found)),
            _ => {}
        }
        let refusal = match result {
            Ok(()) => refusal.take(),
            Err(GitError::InvalidAnswer { message, .. }) if is_unpacking(&message) => Some(message),
            Err(error) => return Err(error),
        };
        match refusal {
            Some(refusal) => Err(self.refused(branch, expected, &refusal, &remarks.borrow())),
            None => Ok(()),
        }
    }

    /// Tells a branch that somebody moved at the last moment from other refusals.
    fn refused(&self, branch: &str, expected: Option<Oid>, refusal: &str, remarks: &[u8]) -> GitError {
        let remarks = String::from_utf8_lossy(remarks);
        let message = redacted(&self.remote, &format!("{refusal} {remarks}"));
        let (url, branch) = (self.remote.url(), branch.to_owned());
        match self.heads() {
            Ok(heads) if heads.branches.get(&branch).copied() != expected => {
                self.moved(&branch, expected, heads.branches.get(&branch).copied())
            }
            _ if is_busy(&message) => GitError::Busy { url, branch, message },
            _ => GitError::Rejected { url, branch, message },
        }
    }

    fn moved(&self, branch: &str, expected: Option<Oid>, found: Option<Oid>) -> GitError {
        GitError::RefMoved { url: self.remote.url(), branch: branch.to_owned(), expected, found }
    }

    /// Pushes to a repository on this machine. libgit2's own transport would move the branch whatever its value has
    /// become since it looked, and takes no repository with a work tree.
    fn push_to_directory(
        &self,
        path: &Path,
        commit: Oid,
        branch: &str,
        expected: Option<Oid>,
    ) -> Result<(), GitError> {
        let name = branch_ref(branch)?;
        let there = git2::Repository::open(path).map_err(|error| self.explain(&error))?;
        let find = || there.refname_to_id(&name).ok();
        match find() {
            Some(found) if found == commit => return Ok(()),
            found if found != expected => return Err(self.moved(branch, expected, found)),
            _ => {}
        }
        if !there.is_bare() && there.find_reference("HEAD")?.symbolic_target() == Ok(Some(name.as_str())) {
            return Err(GitError::Rejected {
                url: self.remote.url(),
                branch: branch.to_owned(),
                message: "it is checked out there".to_owned(),
            });
        }
        let mut walk = self.git.revwalk()?;
        walk.push(commit)?;
        for parent in self.describe(commit)?.parents {
            if there.find_commit(parent).is_ok() {
                walk.hide(parent)?;
            }
        }
        let mut pack = Buf::new();
        let mut builder = self.git.packbuilder()?;
        builder.insert_walk(&mut walk)?;
        builder.write_buf(&mut pack)?;
        let odb = there.odb()?;
        let mut writer = odb.packwriter()?;
        std::io::Write::write_all(&mut writer, &pack).map_err(GitError::Cache)?;
        writer.commit()?;
        let moved = match expected {
            Some(old) => there.reference_matching(&name, commit, true, old, "push by tagpin"),
            None => there.reference(&name, commit, false, "push by tagpin"),
        };
        match moved {
            Ok(_) => Ok(()),
            // Locked: somebody is moving it right now.
            Err(error)
                if matches!(
                    error.code(),
                    ErrorCode::Modified | ErrorCode::Exists | ErrorCode::NotFound | ErrorCode::Locked
                ) =>
            {
                Err(self.moved(branch, expected, find()))
            }
            Err(error) => Err(self.explain(&error)),
        }
    }
}

/// Returns whether libgit2 says that the remote could not take the objects, for which it has a text alone.
fn is_unpacking(message: &str) -> bool {
    message.contains("unpacking")
}

/// Returns whether the remote says that somebody else was just moving the branch: the protocol has a text alone for it
/// (git's `receive-pack` and `refs/files-backend`).
fn is_busy(message: &str) -> bool {
    ["failed to update ref", "cannot lock ref", "failed to lock"].iter().any(|words| message.contains(words))
}
