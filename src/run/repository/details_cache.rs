//! What was learnt of digests for pull requests, kept beside the clone: what a digest names never changes.

use std::path::Path;

use crate::atomic_file;
use crate::pull_request::fetch_details::KnownDetails;

/// The largest file that is read, in bytes.
const SIZE_MAX: u64 = 16 << 20;

/// Returns what `file` has; nothing where it is damaged, too large, or of another version.
pub(crate) fn load(file: &Path) -> KnownDetails {
    let is_file = |found: std::fs::Metadata| found.is_file() && found.len() <= SIZE_MAX;
    if !fs_err::symlink_metadata(file).is_ok_and(is_file) {
        return KnownDetails::default();
    }
    let known = fs_err::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    known.unwrap_or_default()
}

/// Keeps `known` for the next run; a file that cannot be written costs requests then, and no more.
pub(crate) fn keep(file: &Path, known: &KnownDetails) {
    let written = serde_json::to_vec(known).map_err(std::io::Error::from);
    if let Err(error) = written.and_then(|json| atomic_file::put(file, &json)) {
        tracing::warn!(%error, file = %file.display(), "what was learnt of images cannot be kept");
    }
}
