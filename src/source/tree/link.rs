//! Paths that are resolved without following a link of the repository.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::path::{directory_of, path_from};

/// How many links are followed outside of the repository: Linux's limit.
const LINKS_MAX: usize = 40;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Into the repository: the path below its root, with `/` between segments, empty for the root.
    Inside(String),
    /// Somewhere else, or nowhere that has a name in UTF-8.
    Outside,
}

/// Returns where the absolute `path` leads. Links are followed until the canonical directory `root` is reached; from there on
/// the path is text, so that no link of the repository has a say.
pub fn resolve(root: &Path, path: &Path) -> Resolved {
    let parts = |path: &Path| -> VecDeque<OsString> {
        path.components().map(|part| part.as_os_str().to_owned()).collect()
    };
    let (mut rest, mut at, mut links) = (parts(path), PathBuf::new(), 0);
    while let Some(part) = rest.pop_front() {
        match Path::new(&part).components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::ParentDir) => drop(at.pop()),
            Some(Component::Prefix(_) | Component::RootDir) => at.push(part),
            Some(Component::Normal(_)) => {
                let next = at.join(&part);
                let is_inside = at.starts_with(root);
                let target = if is_inside { None } else { std::fs::read_link(&next).ok() };
                match target {
                    Some(target) if links < LINKS_MAX => {
                        links += 1;
                        let mut ahead = parts(&target);
                        ahead.append(&mut rest);
                        rest = ahead;
                    }
                    _ => at = next,
                }
            }
        }
    }
    let Ok(below) = at.strip_prefix(root) else { return Resolved::Outside };
    let segments: Option<Vec<&str>> = below.iter().map(|segment| segment.to_str()).collect();
    segments.map_or(Resolved::Outside, |segments| Resolved::Inside(segments.join("/")))
}

/// Returns the path below the root that the link at `path` leads to, as text; `None` where it leads out of the repository.
pub fn target_of(path: &str, target: &[u8]) -> Option<String> {
    path_from(directory_of(path), std::str::from_utf8(target).ok()?)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_outside_and_never_inside() {
        let directory = tempfile::tempdir().unwrap();
        let top = fs_err::canonicalize(directory.path()).unwrap();
        let root = top.join("repo");
        fs_err::create_dir_all(root.join("a")).unwrap();
        fs_err::create_dir(top.join("etc")).unwrap();
        symlink("../etc", root.join("link")).unwrap();
        symlink("repo/link", top.join("through")).unwrap();
        symlink(&root, top.join("alias")).unwrap();
        for (path, expected) in [
            ("repo/a/x.toml", Some("a/x.toml")),
            ("repo/./a/../y.toml", Some("y.toml")),
            ("repo/link/x.toml", Some("link/x.toml")),
            ("repo/link/../x.toml", Some("x.toml")),
            ("alias/link/x.toml", Some("link/x.toml")),
            ("through/x.toml", Some("link/x.toml")),
            ("etc/../repo/a", Some("a")),
            ("repo", Some("")),
            ("repo/../etc/x.toml", None),
            ("etc/x.toml", None),
            ("repository/x.toml", None),
        ] {
            let expected = expected.map_or(Resolved::Outside, |path| Resolved::Inside(path.to_owned()));
            assert_eq!(resolve(&root, &top.join(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_link_leads_to_text() {
        assert_eq!(target_of("a/b", b"c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(target_of("a/b", b"../c//./d").as_deref(), Some("c/d"));
        assert_eq!(target_of("b", b"../c"), None);
        assert_eq!(target_of("a/b", b"/etc/passwd"), None);
        assert_eq!(target_of("a/b", b"\xff"), None);
    }
}
