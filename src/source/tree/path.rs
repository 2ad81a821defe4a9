//! Paths of a repository as text.

/// Returns the path below the root that `path` is, seen from `directory`; `None` where it leads out of the repository or
/// starts at the root of the machine.
pub fn path_from(directory: &str, path: &str) -> Option<String> {
    let mut segments: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in Some(path).filter(|path| !path.starts_with('/'))?.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// Returns the directory of the file at `path`, empty for the root.
pub fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Returns `path` as it is seen from `directory`, both below the root.
pub fn path_to(directory: &str, path: &str) -> String {
    let from: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    "../".repeat(from.len() - common) + &to[common..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_text() {
        assert_eq!(path_from("a", "c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(path_from("a", "../c//./d").as_deref(), Some("c/d"));
        assert_eq!(path_from("", "../c"), None);
        assert_eq!(path_from("a", "/etc/passwd"), None);
        assert_eq!(path_to("a/b", "a/c/d"), "../c/d");
        assert_eq!(path_to("", "a"), "a");
        assert_eq!(path_to("a", "a/b"), "b");
    }
}
