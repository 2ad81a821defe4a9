//! The files of a directory as they were before a patch: the patch is taken back in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use git2::{Delta, Diff, FileMode, Patch};

use super::{EntryKind, Tree, TreeEntry, TreeError};

/// The largest patch that is read, in bytes.
pub const PATCH_MAX: u64 = 64 * 1024 * 1024;

/// A tree before a patch. Its paths are those below the root of the repository.
pub struct PatchedTree<'t, T> {
    now: &'t T,
    /// What the tree calls the files.
    names: HashMap<String, String>,
    /// The files that the patch changes: their bytes before it, `None` where there was none.
    before: BTreeMap<String, Option<Vec<u8>>>,
    /// The links and submodules that the patch adds or alters, and where the links lead.
    links: BTreeMap<String, PatchedLink>,
    /// The links that were there before it.
    links_before: BTreeSet<String>,
    /// The files of which the patch does not say what changes, because git takes them for binary.
    untold: BTreeSet<String>,
    /// The names that are not UTF-8, as far as they can be shown.
    unnamed: Vec<String>,
}

/// Something that a patch adds or alters and that is not a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchedLink {
    /// A symbolic link, and where it leads.
    Link(String),
    /// A submodule.
    Submodule,
}

/// Why a patch cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not a patch, or not in git's format.
    #[error("it is not a patch in git's format: {0}")]
    Malformed(String),
    /// There is no change in it.
    #[error("there is no change in it")]
    Empty,
    /// A file that it leads to is not there.
    #[error("it changes `{0}`, which is not there")]
    NoFile(String),
    /// A file that it takes away is there.
    #[error("it deletes `{0}`, which is there")]
    StillThere(String),
    /// What is there is not what the patch leads to.
    #[error("line {line} of `{file}` is not what it leads to")]
    DoesNotFit {
        /// The file, below the root of the repository.
        file: String,
        /// 1-based.
        line: usize,
    },
}

impl<'t, T: Tree> PatchedTree<'t, T> {
    /// Takes `patch` back, which led to the files that `now` has; `read` returns the bytes of any file below the root of the
    /// repository, also of those that `now` leaves out.
    ///
    /// # Errors
    /// It is not a patch, or does not lead to these files.
    pub fn new(now: &'t T, patch: &[u8], read: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Self, PatchError> {
        crate::source::git::initialise();
        let malformed = |error: git2::Error| PatchError::Malformed(error.message().to_owned());
        if let Some(mode) = unknown_mode(patch) {
            return Err(PatchError::Malformed(format!("`{mode:o}` is not a mode of a file")));
        }
        // Of a line with a NUL libgit2 keeps what stands before it, and gives it out with the length of all.
        if memchr::memchr(0, patch).is_some() {
            return Err(PatchError::Malformed("it has a NUL, and git has none in what is text".to_owned()));
        }
        let diff = Diff::from_buffer(patch).map_err(malformed)?;
        if diff.deltas().len() == 0 {
            return Err(PatchError::Empty);
        }
        let mut tree = Self {
            now,
            names: HashMap::new(),
            before: BTreeMap::new(),
            links: BTreeMap::new(),
            links_before: BTreeSet::new(),
            untold: BTreeSet::new(),
            unnamed: Vec::new(),
        };
        for index in 0..diff.deltas().len() {
            if let Some(delta) = diff.get_delta(index) {
                let patch = Patch::from_diff(&diff, index).map_err(malformed)?;
                tree.take_back(&delta, patch.as_ref(), &read)?;
            }
        }
        let entries = now.entries().unwrap_or_default();
        tree.names = entries.into_iter().map(|entry| (now.root_path(&entry.path), entry.path)).collect();
        Ok(tree)
    }

    fn take_back(
        &mut self,
        delta: &git2::DiffDelta<'_>,
        patch: Option<&Patch<'_>>,
        read: &impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(), PatchError> {
        let name = |file: git2::DiffFile<'_>| file.path_bytes().map(<[u8]>::to_vec).unwrap_or_default();
        let (old, new) = (name(delta.old_file()), name(delta.new_file()));
        let (Ok(old), Ok(new)) = (String::from_utf8(old.clone()), String::from_utf8(new.clone())) else {
            self.unnamed.push(String::from_utf8_lossy(if new.is_empty() { &old } else { &new }).into_owned());
            return Ok(());
        };
        let is_deleted = delta.status() == Delta::Deleted;
        let (was, is) = (delta.old_file().mode(), delta.new_file().mode());
        if matches!(was, FileMode::Link | FileMode::Commit) && !old.is_empty() {
            self.links_before.insert(old.clone());
        }
        if !is_deleted && matches!(is, FileMode::Link | FileMode::Commit) {
            let link = match is {
                FileMode::Link => PatchedLink::Link(patch.map(added_line).unwrap_or_default()),
                _ => PatchedLink::Submodule,
            };
            self.links.insert(new.clone(), link);
            self.before.entry(new).or_insert(None);
            return Ok(());
        }
        if matches!(was, FileMode::Link | FileMode::Commit) {
            if is_deleted {
                self.before.entry(old).or_insert(None);
            }
            return Ok(());
        }
        let is_told = !delta.flags().is_binary() && patch.is_some();
        let Some(patch) = patch.filter(|_| is_told) else {
            // What it changes is not known, so all that is there now is taken for new.
            self.untold.extend([old, new.clone()].into_iter().filter(|path| !path.is_empty()));
            self.before.insert(new, None);
            return Ok(());
        };
        if is_deleted {
            if read(&old).is_some() {
                return Err(PatchError::StillThere(old));
            }
            self.before.insert(old, Some(taken_back(patch, b"", "")?));
            return Ok(());
        }
        let now = read(&new).ok_or_else(|| PatchError::NoFile(new.clone()))?;
        let bytes = taken_back(patch, &now, &new)?;
        if delta.status() == Delta::Added {
            self.before.entry(new).or_insert(None);
            return Ok(());
        }
        if old != new && delta.status() == Delta::Renamed {
            self.before.entry(new).or_insert(None);
        }
        self.before.insert(old, Some(bytes));
        Ok(())
    }

    /// Returns the links and submodules that the patch adds or alters, by their path below the root.
    pub fn links(&self) -> &BTreeMap<String, PatchedLink> {
        &self.links
    }

    /// Returns the paths of the files that the patch changes.
    pub fn changed(&self) -> impl Iterator<Item = &str> {
        self.before.keys().chain(&self.untold).map(String::as_str)
    }

    /// Returns the names in the patch that are not UTF-8, as far as they can be shown.
    pub fn unnamed(&self) -> &[String] {
        &self.unnamed
    }

    /// Returns the bytes before the patch of the file at `path`, or `None` where there was none; `now` returns those of a file
    /// that the patch leaves alone.
    ///
    /// # Errors
    /// There was a link on the way or at the end, the patch does not tell what it changes, or those of `now`.
    pub fn file_before(
        &self,
        path: &str,
        now: impl Fn(&str) -> Result<Option<Vec<u8>>, TreeError>,
    ) -> Result<Option<Vec<u8>>, TreeError> {
        for above in path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]) {
            if self.links_before.contains(above) {
                return Err(TreeError::Symlink { path: above.to_owned() });
            }
        }
        if self.untold.contains(path) {
            let reason = "git takes it for binary, and the patch does not tell what it changes";
            return Err(TreeError::Refused { path: path.to_owned(), reason });
        }
        if let Some(before) = self.before.get(path) {
            return Ok(before.clone());
        }
        // A link that the patch adds was not there.
        let is_added = |path: &str| self.links.contains_key(path);
        if path.match_indices('/').any(|(at, _)| is_added(&path[..at])) {
            return Ok(None);
        }
        now(path)
    }

    /// Returns the bytes before the patch of a file that it changes, `Some(None)` where there was none; `None` where the
    /// patch leaves it alone.
    pub fn before(&self, path: &str) -> Option<Option<&[u8]>> {
        self.before.get(path).map(Option::as_deref)
    }
}

/// Returns where a link leads that a patch adds.
fn added_line(patch: &Patch<'_>) -> String {
    let mut text = String::new();
    for hunk in 0..patch.num_hunks() {
        for line in 0..patch.num_lines_in_hunk(hunk).unwrap_or_default() {
            let line = patch.line_in_hunk(hunk, line).ok().filter(|line| line.origin() == '+');
            text.extend(line.map(|line| String::from_utf8_lossy(line.content()).trim_end().to_owned()));
        }
    }
    text
}

/// Returns a mode in the header of a patch that is none of those which git writes: git2 panics where it is asked for one.
fn unknown_mode(patch: &[u8]) -> Option<u16> {
    const HEADERS: [&[u8]; 4] = [b"old mode ", b"new mode ", b"new file mode ", b"deleted file mode "];
    const MODES: [u16; 7] = [0, 0o040_000, 0o100_644, 0o100_664, 0o100_755, 0o120_000, 0o160_000];
    // The lines of a change begin with another letter.
    let mut modes = patch.split(|byte| *byte == b'\n').filter_map(|line| {
        let mode = match line.strip_prefix(b"index ") {
            Some(ids) => &ids[ids.iter().position(|byte| *byte == b' ')?..],
            None => HEADERS.iter().find_map(|header| line.strip_prefix(*header))?,
        };
        // It takes a sign too.
        u16::from_str_radix(std::str::from_utf8(mode).ok()?.trim(), 8).ok()
    });
    modes.find(|mode| !MODES.contains(mode))
}

/// Returns the bytes before a patch of one file, whose bytes are now `now`.
fn taken_back(patch: &Patch<'_>, now: &[u8], file: &str) -> Result<Vec<u8>, PatchError> {
    let malformed = |error: git2::Error| PatchError::Malformed(error.message().to_owned());
    let lines: Vec<&[u8]> = now.split_inclusive(|byte| *byte == b'\n').collect();
    let (mut before, mut next) = (Vec::with_capacity(now.len()), 0);
    for hunk in 0..patch.num_hunks() {
        let (header, count) = patch.hunk(hunk).map_err(malformed)?;
        // A hunk without lines of the new file names the line above it.
        let start = header.new_start() as usize;
        let start = if header.new_lines() == 0 { start } else { start.saturating_sub(1) };
        let untouched = lines
            .get(next..start)
            .ok_or(PatchError::DoesNotFit { file: file.to_owned(), line: lines.len() + 1 })?;
        before.extend(untouched.concat());
        next = start;
        for line in 0..count {
            let line = patch.line_in_hunk(hunk, line).map_err(malformed)?;
            match line.origin() {
                ' ' | '+' => {
                    let fits = lines.get(next).is_some_and(|now| same(now, line.content()));
                    if !fits {
                        return Err(PatchError::DoesNotFit { file: file.to_owned(), line: next + 1 });
                    }
                    if line.origin() == ' ' {
                        before.extend_from_slice(lines[next]);
                    }
                    next += 1;
                }
                '-' => before.extend_from_slice(line.content()),
                _ => {}
            }
        }
    }
    before.extend(lines.get(next..).unwrap_or_default().concat());
    Ok(before)
}

/// Compares two lines; what the last line of a file ends with is said elsewhere in a patch.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.strip_suffix(b"\n").unwrap_or(a) == b.strip_suffix(b"\n").unwrap_or(b)
}

impl<T: Tree> Tree for PatchedTree<'_, T> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let mut entries: Vec<TreeEntry> = self.now.entries()?;
        for entry in &mut entries {
            entry.path = self.now.root_path(&entry.path);
        }
        entries.retain(|entry| !self.before.contains_key(&entry.path));
        entries.extend(self.before.iter().filter_map(|(path, bytes)| {
            let size = bytes.as_ref()?.len() as u64;
            Some(TreeEntry { path: path.clone(), size, kind: EntryKind::File })
        }));
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let not_found = || TreeError::NotFound { path: path.to_owned() };
        match self.before.get(path) {
            Some(bytes) => {
                let bytes = bytes.clone().ok_or_else(not_found)?;
                let size = bytes.len() as u64;
                let too_large = TreeError::TooLarge { path: path.to_owned(), size, limit };
                if size > limit { Err(too_large) } else { Ok(bytes) }
            }
            None => self.now.read(self.names.get(path).ok_or_else(not_found)?, limit),
        }
    }

    fn link_target(&self, path: &str) -> Option<String> {
        self.now.link_target(self.names.get(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tree::DirectoryTree;

    const PATCH: &str = "\
diff --git a/a.yaml b/a.yaml
--- a/a.yaml
+++ b/a.yaml
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
@@ -5,0 +6 @@ five
+six
diff --git a/new.yaml b/new.yaml
new file mode 100644
--- /dev/null
+++ b/new.yaml
@@ -0,0 +1 @@
+new
diff --git a/gone.yaml b/gone.yaml
deleted file mode 100644
--- a/gone.yaml
+++ /dev/null
@@ -1 +0,0 @@
-gone
";
    const NOW: &str = "one\nTWO\nthree\nfour\nfive\nsix\n";

    fn take_back(files: &[(&str, &str)], patch: &str) -> Result<Vec<(String, String)>, PatchError> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs_err::write(directory.path().join(name), text).unwrap();
        }
        let now = DirectoryTree::open(directory.path()).unwrap();
        let tree =
            PatchedTree::new(&now, patch.as_bytes(), |path| fs_err::read(directory.path().join(path)).ok())?;
        let read = |entry: TreeEntry| {
            let bytes = tree.read(&entry.path, 1000).unwrap();
            (entry.path, String::from_utf8(bytes).unwrap())
        };
        Ok(tree.entries().unwrap().into_iter().map(read).collect())
    }

    #[test]
    fn files_are_what_they_were() {
        let before =
            take_back(&[("a.yaml", NOW), ("new.yaml", "new\n"), ("other.yaml", "x")], PATCH).unwrap();
        let before: Vec<(&str, &str)> = before.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            before,
            [("a.yaml", "one\ntwo\nthree\nfour\nfive\n"), ("gone.yaml", "gone\n"), ("other.yaml", "x")]
        );
    }

    #[test]
    fn a_patch_that_does_not_lead_here_is_refused() {
        let error = |files: &[(&str, &str)], patch: &str| take_back(files, patch).unwrap_err().to_string();
        let new = ("new.yaml", "new\n");
        assert!(error(&[new], PATCH).contains("`a.yaml`, which is not there"));
        let other = ("a.yaml", "one\nother\nthree\nfour\nfive\nsix\n");
        assert!(error(&[other, new], PATCH).contains("line 2 of `a.yaml`"));
        assert!(error(&[("a.yaml", "one\n"), new], PATCH).contains("line 2 of `a.yaml`"));
        let gone = ("gone.yaml", "gone\n");
        assert!(error(&[("a.yaml", NOW), new, gone], PATCH).contains("deletes `gone.yaml`"));
        assert!(error(&[], "").contains("no change"));
        assert!(error(&[], "hello\n").contains("not a patch"));
        // Without git's header a patch would be passed over.
        let plain = "--- a/new.yaml\n+++ b/new.yaml\n@@ -0,0 +1 @@\n+new\n";
        assert!(error(&[new], plain).contains("not a patch"));
        // git2 panics where it is asked for such a mode.
        for (old, mode) in [
            ("new file mode 100644", "100645"),
            ("deleted file mode 100644", "+0100600"),
            ("index 1..2 100644", "7"),
        ] {
            let header = old.replace("100644", mode);
            let patch = format!("diff --git a/x b/x\n{header}\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+new\n");
            assert!(error(&[], &patch).contains("is not a mode of a file"), "{header}");
        }
        assert!(error(&[], "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n?\n").contains("not a patch"));
        // libgit2 would have read past what it holds of the line.
        let long = "x".repeat(200);
        let patch = format!(
            "diff --git a/new.yaml b/new.yaml\n--- a/new.yaml\n+++ b/new.yaml\n@@ -1 +1 @@\n-\0{long}\n+new\n"
        );
        assert!(error(&[new], &patch).contains("a NUL"));
    }
}
