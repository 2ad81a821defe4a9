//! Files beside a clone that are a shortcut and nothing else: one that is damaged, or of another version, is as good as none.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::atomic_file;

/// One kind of such files: a line with its magic, a key and the hash of the rest, and the rest.
pub(super) struct CacheFile {
    /// What the file starts with. The number in it changes with what follows.
    pub(super) magic: &'static str,
    /// The largest file that is read, in bytes.
    pub(super) size_max: u64,
}

impl CacheFile {
    /// Returns what `file` holds for `key`; `None` where that is nothing, or not to be believed.
    pub(super) fn read(&self, file: &Path, key: &str) -> Option<Vec<u8>> {
        let is_file = |found: std::fs::Metadata| found.is_file() && found.len() <= self.size_max;
        if !fs_err::symlink_metadata(file).is_ok_and(is_file) {
            return None;
        }
        let mut bytes = fs_err::read(file).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        let rest = bytes.split_off(end);
        (bytes == self.head(key, &rest).as_bytes()).then_some(rest)
    }

    /// Writes `content` for `key`.
    ///
    /// # Errors
    /// The file cannot be written. What was there before is there still.
    pub(super) fn write(&self, file: &Path, key: &str, content: &[u8]) -> std::io::Result<()> {
        atomic_file::put(file, &[self.head(key, content).as_bytes(), content].concat())
    }

    fn head(&self, key: &str, content: &[u8]) -> String {
        format!("{} {key} {}\n", self.magic, hash([content]))
    }
}

/// Returns the hash of some parts, each with its length, as hex.
pub(super) fn hash<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_or_of_something_else_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        let kind = CacheFile { magic: "tagpin-test 1", size_max: 1 << 10 };
        assert_eq!(kind.read(&file, "key"), None);
        kind.write(&file, "key", b"what is kept").unwrap();
        assert_eq!(kind.read(&file, "key").as_deref(), Some(&b"what is kept"[..]));
        assert_eq!(kind.read(&file, "other"), None);
        assert_eq!(CacheFile { magic: "tagpin-test 2", ..kind }.read(&file, "key"), None);
        assert_eq!(CacheFile { size_max: 5, ..kind }.read(&file, "key"), None);
        let good = fs_err::read(&file).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs_err::write(&file, &bad).unwrap();
            assert_eq!(kind.read(&file, "key"), None, "byte {at}");
            fs_err::write(&file, &good[..at]).unwrap();
            assert_eq!(kind.read(&file, "key"), None, "cut at {at}");
        }
    }
}
