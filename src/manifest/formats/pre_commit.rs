//! pre-commit: hooks that run in an image, whose `entry` has the image and what is run in it (pre-commit, "docker_image").

use super::finder::Finder;
use super::module_texts::nodes;
use crate::manifest::syntax::tree::NodeId;

/// Where hooks are defined: in a configuration, and in a repository that others take them from.
const ENTRIES: [&str; 2] =
    ["/repos/[]/hooks/[language=docker_image]/entry", "/[language=docker_image]/entry"];

/// Adds the images of hooks, between what stands around them.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    for entry in ENTRIES.iter().flat_map(|path| nodes(finder.tree, root, path)) {
        let text = finder.tree.written(entry);
        let Some(image) = image_of(text).filter(|_| !finder.is_ignored(entry)) else { continue };
        let start = image.as_ptr() as usize - text.as_ptr() as usize;
        let (before, behind) = (text[..start].to_owned(), text[start + image.len()..].to_owned());
        finder.add_between(entry, &before, &behind);
    }
}

/// Returns the image in an `entry`: its first word, or that behind an entry point. Behind other options of `docker run` nobody can tell it
/// from what belongs to them.
fn image_of(entry: &str) -> Option<&str> {
    let mut words = entry.split_ascii_whitespace();
    let first = words.next()?;
    match first {
        "--entrypoint" => words.nth(1),
        _ if first.starts_with("--entrypoint=") => words.next(),
        _ => Some(first),
    }
    .filter(|word| !word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_of_an_entry_is_its_first_word_that_is_no_entry_point() {
        for (entry, image) in [
            ("acme/lint:1", Some("acme/lint:1")),
            ("  acme/lint:1 lint --fix", Some("acme/lint:1")),
            ("--entrypoint /bin/lint acme/lint:1 --fix", Some("acme/lint:1")),
            ("--entrypoint=lint acme/lint:1", Some("acme/lint:1")),
            ("-v /a:/b acme/lint:1", None),
            ("--entrypoint lint -v /a:/b acme/lint:1", None),
            ("--entrypoint lint", None),
            ("", None),
        ] {
            assert_eq!(image_of(entry), image, "{entry}");
        }
    }
}
