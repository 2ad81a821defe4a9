//! What was learnt of digests for pull requests, kept beside the clone: what a digest names never changes.

use std::path::Path;

use super::cache_file::CacheFile;
use crate::pull_request::fetch_details::KnownDetails;

const FILE: CacheFile = CacheFile { magic: "tagpin-details 1", size_max: 16 << 20 };

/// What is kept was read by this version; another one may read more.
const KEY: &str = env!("CARGO_PKG_VERSION");

/// Returns what `file` has; nothing where it is damaged, too large, or of another version.
pub(crate) fn load(file: &Path) -> KnownDetails {
    let known = FILE.read(file, KEY).and_then(|json| serde_json::from_slice(&json).ok());
    known.unwrap_or_default()
}

/// Keeps `known` for the next run; a file that cannot be written costs requests then, and no more.
pub(crate) fn keep(file: &Path, known: &KnownDetails) {
    let json = serde_json::to_vec(known).map_err(std::io::Error::from);
    if let Err(error) = json.and_then(|json| FILE.write(file, KEY, &json)) {
        tracing::warn!(%error, file = %file.display(), "what was learnt of images cannot be kept");
    }
}
