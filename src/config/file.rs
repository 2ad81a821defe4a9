//! Files of the configuration, read within limits.

use std::io::Read as _;
use std::path::Path;

use super::{ConfigError, Diagnostic};

/// The largest file that is read of a scanned repository as its configuration, in bytes.
pub const SIZE_MAX: u64 = 256 * 1024;

/// The largest file that is read where whoever runs tagpin names it, in bytes: some ten thousand listed repositories have a
/// megabyte.
const NAMED_SIZE_MAX: u64 = 8 * 1024 * 1024;

/// Returns the bytes of the file at `path`, which whoever runs tagpin names.
///
/// # Errors
/// It cannot be read, or is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    read_within(path, NAMED_SIZE_MAX)
}

/// Returns the bytes of the file at `path` where these are at most so many.
///
/// # Errors
/// It cannot be read, or is too large.
pub(super) fn read_within(path: &Path, most: u64) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    // Not fs_err: the problem names the file already.
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, format!("cannot be read: {error}")))?;
    within_limit(&path.display().to_string(), &bytes, most)?;
    Ok(bytes)
}

pub(super) fn within_limit(file: &str, bytes: &[u8], most: u64) -> Result<(), ConfigError> {
    if bytes.len() as u64 <= most {
        return Ok(());
    }
    let message = format!("the file is larger than the {most} bytes that tagpin reads");
    Err(ConfigError::one(Diagnostic::whole(file, message)))
}

pub(super) fn unreadable(path: &Path, message: String) -> ConfigError {
    ConfigError::one(Diagnostic::whole(&path.display().to_string(), message))
}

/// Returns `bytes` as text, a byte order mark left out.
pub(super) fn utf8<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        ConfigError::one(Diagnostic::whole(file, format!("not UTF-8 at byte {}", error.valid_up_to())))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
