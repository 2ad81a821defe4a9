//! Files that a deployer leaves out because another file says so: `.fleetignore`, `.helmignore`, `.krmignore`, `.sourceignore`.

use globset::{GlobBuilder, GlobMatcher};

use crate::source::tree::directory_of;

/// The names of files whose lines are patterns as Git reads them.
const NAMES: [&str; 4] = [".fleetignore", ".helmignore", ".krmignore", ".sourceignore"];

/// The files of a tree that leave others out.
pub(super) struct IgnoreFiles {
    files: Vec<IgnoreFile>,
}

struct IgnoreFile {
    path: String,
    /// What matches below its directory, and whether that is left out; the last one counts.
    patterns: Vec<(GlobMatcher, bool)>,
}

impl IgnoreFiles {
    /// Returns those among `paths`; `text` reads one.
    pub(super) fn of<'p>(
        paths: impl Iterator<Item = &'p str>,
        text: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let names = paths.filter(|path| NAMES.contains(&path.rsplit('/').next().unwrap_or(path)));
        let files = names.filter_map(|path| {
            let patterns = text(path)?.lines().filter_map(pattern).collect();
            Some(IgnoreFile { path: path.to_owned(), patterns })
        });
        Self { files: files.collect() }
    }

    /// Returns the paths of those that leave out the file at `path`, or a directory that it is in.
    pub(super) fn of_path(&self, path: &str) -> Vec<&str> {
        let found = self.files.iter().filter(|file| {
            let directory = directory_of(&file.path);
            let below = match directory {
                "" => Some(path),
                directory => path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/')),
            };
            below.is_some_and(|below| file.leaves_out(below))
        });
        found.map(|file| file.path.as_str()).collect()
    }
}

impl IgnoreFile {
    fn leaves_out(&self, below: &str) -> bool {
        let ends = below.match_indices('/').map(|(end, _)| end).chain([below.len()]);
        ends.map(|end| &below[..end]).any(|path| {
            let last = self.patterns.iter().rev().find(|(glob, _)| glob.is_match(path));
            last.is_some_and(|(_, is_out)| *is_out)
        })
    }
}

/// Returns the pattern of a line, and whether what matches is left out (gitignore(5)).
fn pattern(line: &str) -> Option<(GlobMatcher, bool)> {
    let line = line.trim_end();
    let (line, is_out) = line.strip_prefix('!').map_or((line, true), |line| (line, false));
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name = line.trim_end_matches('/');
    let glob = match name.contains('/') {
        true => name.trim_start_matches('/').to_owned(),
        false => format!("**/{name}"),
    };
    let glob = GlobBuilder::new(&glob).literal_separator(true).build().ok()?;
    Some((glob.compile_matcher(), is_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_matches_counts() {
        let text = "# a comment\n*.old.yaml\n/top.yaml\nlegacy/\n!keep.old.yaml\n";
        let files = IgnoreFiles::of(["apps/.fleetignore"].into_iter(), |_| Some(text.to_owned()));
        for (path, is_out) in [
            ("apps/a.old.yaml", true),
            ("apps/b/a.old.yaml", true),
            ("apps/keep.old.yaml", false),
            ("apps/top.yaml", true),
            ("apps/b/top.yaml", false),
            ("apps/legacy/x.yaml", true),
            ("other/a.old.yaml", false),
        ] {
            assert_eq!(!files.of_path(path).is_empty(), is_out, "{path}");
        }
    }
}
