//! Replacing a file on disk: whole, or not at all.

use std::fs::Metadata;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// How the temporary files are called: nobody else's are, and no manifest is.
const PREFIX: &str = ".tagpin-write-";
const SUFFIX: &str = ".tmp";

/// Replaces the content of the regular file at `path` by `bytes`, keeping its mode, and its owner where that is allowed.
///
/// The bytes go to a temporary file beside it first, which takes its place in one step once they are on disk: a reader,
/// or a crash, sees the old content or the new one.
///
/// # Errors
/// There is no file at `path`, it is a symbolic link or not a regular file, or the directory cannot be written. The file
/// is then as it was, and nothing is left beside it.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let metadata = fs_err::symlink_metadata(path)?;
    if !metadata.is_file() {
        let message = format!("`{}` is not a regular file, and is left as it is", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let write = || {
        let directory = directory_of(path);
        let mut file = claim(tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(directory)?);
        file.write_all(bytes)?;
        keep_owner(&file, &metadata);
        file.as_file().set_permissions(metadata.permissions())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        sync_directory(directory);
        Ok(())
    };
    write().map_err(|error| not_written(path, &error))
}

/// Writes a report to `path`: replaces the regular file that is there, or creates one, in one step either way.
///
/// # Errors
/// As [`replace`], but for a file that is not there.
pub fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, bytes),
        _ => replace(path, bytes),
    }
}

/// Makes the file at `path` with the content `bytes`, whole or not at all.
///
/// # Errors
/// Something is there already, or the directory cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // A temporary file is for its owner alone; this one is for others too, as far as the umask lets them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let write = || {
        let directory = directory_of(path);
        let mut file = claim(builder.tempfile_in(directory)?);
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        sync_directory(directory);
        Ok(())
    };
    write().map_err(|error| not_written(path, &error))
}

/// Returns the error about the file that was to be written: what the temporary one is called helps nobody.
fn not_written(path: &Path, error: &io::Error) -> io::Error {
    let cause = error.get_ref().and_then(std::error::Error::source);
    let cause = cause.map_or_else(|| error.to_string(), ToString::to_string);
    io::Error::new(error.kind(), format!("`{}` cannot be written: {cause}", path.display()))
}

/// Removes what writes in `directory` have left that were killed. Whoever still writes holds the lock of its file; what
/// cannot be removed stays.
pub fn sweep(directory: &Path) {
    let Ok(listing) = fs_err::read_dir(directory) else { return };
    for entry in listing.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let removed = fs_err::File::open(entry.path()).and_then(|file| {
            file.file().try_lock().map_err(io::Error::from)?;
            fs_err::remove_file(entry.path())
        });
        if let Err(error) = removed {
            tracing::debug!(%error, "what a write has left stays");
        }
    }
}

/// Locks a temporary file for as long as it is open, where the file system can: [`sweep`] lets it be.
fn claim(file: NamedTempFile) -> NamedTempFile {
    if let Err(error) = file.as_file().try_lock() {
        tracing::debug!(%error, "a temporary file cannot be locked");
    }
    file
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

/// Gives the new file the old one's owner. Only root may do that for others, and whoever may not keeps the file, as
/// with any editor.
#[cfg(unix)]
fn keep_owner(file: &NamedTempFile, metadata: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (uid, gid) = (metadata.uid(), metadata.gid());
    if fchown(file.as_file(), Some(uid), Some(gid)).is_err()
        && fchown(file.as_file(), None, Some(gid)).is_err()
    {
        tracing::debug!(uid, gid, "the owner of a file cannot be kept");
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &NamedTempFile, _: &Metadata) {}

/// Makes the renaming last through a power cut, where the file system can: the file is whole either way.
fn sync_directory(directory: &Path) {
    if let Err(error) = fs_err::File::open(directory).and_then(|directory| directory.sync_all()) {
        tracing::debug!(%error, "the directory cannot be synchronised");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs_err::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_content_changes_and_the_mode_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        for mode in [0o600, 0o644, 0o755, 0o444] {
            fs_err::write(&path, "old").unwrap();
            fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            replace(&path, b"new").unwrap();
            assert_eq!(fs_err::read(&path).unwrap(), b"new");
            assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
            assert_eq!(names(directory.path()), ["a.yaml"]);
            fs_err::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_new_file_is_made_and_an_old_one_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.toml");
        create(&path, b"new").unwrap();
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(create(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs_err::read(&path).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["a.toml"]);
    }

    #[test]
    fn links_directories_and_what_is_not_there_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        fs_err::write(&target, "old").unwrap();
        let link = directory.path().join("link");
        symlink(&target, &link).unwrap();
        assert!(replace(&link, b"new").unwrap_err().to_string().contains("not a regular file"));
        assert!(replace(directory.path(), b"new").is_err());
        assert_eq!(
            replace(&directory.path().join("none"), b"new").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(fs_err::read(&target).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["link", "target"]);
    }

    #[test]
    fn what_a_killed_write_left_is_swept_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in [".tagpin-write-abc123.tmp", ".tagpin-write-mine", "x.tagpin-write-a.tmp", "a.yaml"] {
            fs_err::write(path(name), "x").unwrap();
        }
        symlink(path("a.yaml"), path(".tagpin-write-link.tmp")).unwrap();
        let writing = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(directory.path());
        let writing = claim(writing.unwrap());
        sweep(directory.path());
        assert!(writing.path().exists(), "somebody writes it");
        drop(writing);
        let left = [".tagpin-write-link.tmp", ".tagpin-write-mine", "a.yaml", "x.tagpin-write-a.tmp"];
        assert_eq!(names(directory.path()), left);
    }

    #[test]
    fn a_report_is_created_or_replaced_and_follows_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.json");
        put(&path, b"old").unwrap();
        assert_ne!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "others may read it");
        put(&path, b"new").unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"new");
        let link = directory.path().join("link");
        symlink(directory.path().join("nowhere"), &link).unwrap();
        assert!(put(&link, b"new").is_err());
        assert!(put(&directory.path().join("none/out.json"), b"new").is_err());
        assert_eq!(names(directory.path()), ["link", "out.json"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        // A name that a file can have, but not in a place where the temporary file can be moved to.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs_err::write(&path, "old").unwrap();
        fs_err::set_permissions(directory.path(), PermissionsExt::from_mode(0o555)).unwrap();
        let result = replace(&path, b"new");
        fs_err::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        // Root writes everywhere; the file is whole either way.
        assert_eq!(fs_err::read(&path).unwrap(), if result.is_ok() { b"new" } else { b"old" });
        assert_eq!(names(directory.path()), ["a.yaml"]);
    }
}
