//! Indexes that a registry has shown, kept between runs by their digest.
//!
//! What an index lists never changes, so a pin to one platform's manifest is confirmed by one GET and not by one a run. A
//! file here is a shortcut and nothing else: one whose hash is not its name is as good as none.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::atomic_file;
use crate::reference::Digest;
use crate::registry::image::manifest::ManifestContent;

/// How long an index is kept that nobody asked for.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// After how long a use is noted.
const NOTED: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory of indexes.
#[derive(Debug)]
pub(super) struct IndexStore {
    directory: PathBuf,
}

impl IndexStore {
    /// Returns the store in `directory`, without what was not used for long. A directory that cannot be written costs
    /// requests, and no more.
    pub(super) fn open(directory: PathBuf) -> Self {
        if let Err(error) = fs_err::create_dir_all(&directory) {
            tracing::warn!(%error, "indexes cannot be kept");
        }
        atomic_file::sweep(&directory);
        for entry in fs_err::read_dir(&directory).into_iter().flatten().flatten() {
            let used = entry.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.modified());
            if let Some(Ok(used)) = used
                && used.elapsed().is_ok_and(|age| age > KEPT)
                && let Err(error) = fs_err::remove_file(entry.path())
            {
                tracing::debug!(%error, "an old index stays");
            }
        }
        Self { directory }
    }

    /// Returns what the index lists; `None` where it is not kept, or not what its name says.
    pub(super) fn load(&self, digest: &Digest) -> Option<ManifestContent> {
        let path = self.path(digest);
        let body = fs_err::read(&path).ok()?;
        if digest.same_algorithm(&body) != *digest {
            tracing::warn!(file = %path.display(), "a kept index is damaged");
            let _ = fs_err::remove_file(&path);
            return None;
        }
        let file = fs_err::File::open(&path).ok()?;
        let used = file.metadata().and_then(|metadata| metadata.modified());
        if used.is_ok_and(|used| used.elapsed().is_ok_and(|age| age > NOTED)) {
            // Where the time cannot be set, the index is read anew some day.
            let _ = file.file().set_modified(SystemTime::now());
        }
        ManifestContent::parse(&body, None).ok()
    }

    /// Keeps an index whose hash is `digest`.
    pub(super) fn keep(&self, digest: &Digest, body: &[u8]) {
        let path = self.path(digest);
        if path.exists() {
            return;
        }
        if let Err(error) = atomic_file::put(&path, body) {
            tracing::debug!(%error, "an index cannot be kept");
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.as_str().replace(':', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_kept_and_a_damaged_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let store = IndexStore::open(directory.path().join("indexes"));
        let body =
            br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        let digest = Digest::sha256(body);
        assert_eq!(store.load(&digest), None);
        store.keep(&digest, body);
        assert_eq!(store.load(&digest), Some(ManifestContent::Index(Vec::new())));
        fs_err::write(store.path(&digest), b"{}").unwrap();
        assert_eq!(store.load(&digest), None);
    }

    #[test]
    fn what_nobody_used_for_long_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        for (name, age) in [("sha256-old", KEPT + NOTED), ("sha256-new", NOTED)] {
            let file = fs_err::File::create(directory.path().join(name)).unwrap();
            file.file().set_modified(SystemTime::now() - age).unwrap();
        }
        IndexStore::open(directory.path().to_owned());
        let names: Vec<_> =
            fs_err::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["sha256-new"]);
    }
}
