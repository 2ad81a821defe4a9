//! Reading and writing the file of `--baseline`.

use std::path::Path;

use crate::check::baseline::{Baseline, BaselineError};
use crate::error::Failure;
use crate::write;

const HINT: &str = "`tagpin check --baseline FILE --write-baseline` writes one";

/// Returns the baseline in a file.
///
/// # Errors
/// It cannot be read, or is no baseline: usage errors.
pub(super) fn load(file: &Path) -> Result<Baseline, Failure> {
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::usage(format!("the baseline `{}` cannot be read: {error}", file.display()), HINT)
    })?;
    parse(file, &bytes)
}

/// Returns the baseline that the bytes of a file spell.
///
/// # Errors
/// It is none: a usage error.
pub(super) fn parse(file: &Path, bytes: &[u8]) -> Result<Baseline, Failure> {
    Baseline::parse(bytes).map_err(|error: BaselineError| {
        Failure::usage(format!("`{}` cannot be used as a baseline: {error}", file.display()), HINT)
    })
}

/// Writes a baseline; a file that is there must be one.
///
/// # Errors
/// There is something else at its place, or it cannot be written.
pub(super) fn save(file: &Path, text: &str) -> Result<(), Failure> {
    if fs_err::symlink_metadata(file).is_ok() {
        load(file)?;
        return Ok(write::replace(file, text.as_bytes())?);
    }
    Ok(fs_err::write(file, text)?)
}
