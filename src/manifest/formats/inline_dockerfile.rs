//! Dockerfiles that stand in a text of another file (Compose `dockerfile_inline`, Bake `dockerfile-inline`): what they take from
//! elsewhere is said, nothing of it is edited.

use std::collections::HashSet;

use super::finder::Finder;
use crate::manifest::site::{State, classify};
use crate::manifest::syntax::tree::NodeId;

/// Says the images that the Dockerfile at `node` takes by anything but a digest.
pub(super) fn find(finder: &mut Finder<'_, '_>, node: NodeId) {
    for image in open_images(finder.tree.text_of(node).unwrap_or_default()) {
        finder.add_in_other_language(node, "", image);
    }
}

/// Returns the images of a Dockerfile that have no digest: of `FROM`, `COPY --from=` and `RUN --mount=…,from=`, other stages
/// aside.
fn open_images(text: &str) -> Vec<&str> {
    let (mut stages, mut found) = (Vec::<String>::new(), Vec::new());
    let is_open = |image: &str, stages: &[String]| {
        let is_stage = image.bytes().all(|byte| byte.is_ascii_digit())
            || stages.iter().any(|stage| stage.eq_ignore_ascii_case(image));
        // What stands for the image that something else fills in.
        let is_empty = image.trim_matches(['"', '\'']).is_empty();
        !is_stage && !is_empty && image != "scratch" && classify(image).0 != State::Pinned
    };
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("from")) {
            let mut words = words.filter(|word| !word.starts_with("--"));
            let image = words.next().unwrap_or_default();
            found.extend(Some(image).filter(|image| is_open(image, &stages)));
            stages.extend(words.nth(1).map(str::to_owned));
            continue;
        }
        let options = line.split(|c: char| c.is_whitespace() || c == ',');
        let from = options.filter_map(|word| word.trim_start_matches('-').strip_prefix("from="));
        found.extend(from.filter(|image| is_open(image, &stages)));
    }
    let mut known = HashSet::new();
    found.retain(|image| known.insert(*image));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_without_a_digest_are_said() {
        let pinned = format!("alpine:3@sha256:{}", "1".repeat(64));
        for (text, expected) in [
            ("FROM alpine:3", vec!["alpine:3"]),
            ("# FROM alpine:3\nFROM scratch", vec![]),
            ("from --platform=linux/amd64 alpine AS base\nFROM base", vec!["alpine"]),
            ("FROM P AS base\nFROM base\nCOPY --from=base a b\nCOPY --from=0 a b", vec![]),
            ("FROM P\nCOPY --from=nginx:1 a b", vec!["nginx:1"]),
            ("FROM P\nRUN --mount=type=bind,from=golang:1,target=/x true", vec!["golang:1"]),
            ("ARG TAG=3\nFROM alpine:$TAG", vec!["alpine:$TAG"]),
            ("FROM \\\n  alpine:3", vec!["\\"]),
            (
                "FROM alpine:3 AS a\nRUN true\nFROM P\nFROM debian:12\nCOPY --from=debian:12 a b",
                vec!["alpine:3", "debian:12"],
            ),
            ("FROM \"\"\nRUN true", vec![]),
            ("RUN true", vec![]),
        ] {
            let text = text.replace('P', &pinned);
            assert_eq!(open_images(&text), expected, "{text}");
        }
    }
}
