//! Dockerfiles that stand in a text of another file (Compose `dockerfile_inline`, Bake `dockerfile-inline`): what they take from
//! elsewhere is said, nothing of it is edited.

use std::collections::BTreeMap;

use super::finder::Finder;
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::NodeId;

/// Says the first image that the Dockerfile at `node` takes by anything but a digest.
pub(super) fn find(finder: &mut Finder<'_, '_>, node: NodeId) {
    let text = finder.tree.text_of(node).unwrap_or_default();
    if let Some(image) = first_open(text) {
        let image = image.to_owned();
        finder.push(node, BTreeMap::new(), image, None, State::Skipped(Skip::EmbeddedText), None);
    }
}

/// Returns the first image of a Dockerfile that has no digest: of `FROM`, `COPY --from=` and `RUN --mount=…,from=`, other stages
/// aside.
fn first_open(text: &str) -> Option<&str> {
    let mut stages: Vec<String> = Vec::new();
    let is_open = |image: &str, stages: &[String]| {
        let is_stage = image.bytes().all(|byte| byte.is_ascii_digit())
            || stages.iter().any(|stage| stage.eq_ignore_ascii_case(image));
        !is_stage && image != "scratch" && classify(image).0 != State::Pinned
    };
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case("from")) {
            let mut words = words.filter(|word| !word.starts_with("--"));
            let image = words.next().unwrap_or_default();
            if is_open(image, &stages) {
                return Some(image);
            }
            stages.extend(words.nth(1).map(str::to_owned));
            continue;
        }
        let options = line.split(|c: char| c.is_whitespace() || c == ',');
        let mut from = options.filter_map(|word| word.trim_start_matches('-').strip_prefix("from="));
        if let Some(image) = from.find(|image| is_open(image, &stages)) {
            return Some(image);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_image_without_a_digest_is_said() {
        let pinned = format!("alpine:3@sha256:{}", "1".repeat(64));
        for (text, expected) in [
            ("FROM alpine:3", Some("alpine:3")),
            ("# FROM alpine:3\nFROM scratch", None),
            ("from --platform=linux/amd64 alpine AS base\nFROM base", Some("alpine")),
            ("FROM P AS base\nFROM base\nCOPY --from=base a b\nCOPY --from=0 a b", None),
            ("FROM P\nCOPY --from=nginx:1 a b", Some("nginx:1")),
            ("FROM P\nRUN --mount=type=bind,from=golang:1,target=/x true", Some("golang:1")),
            ("ARG TAG=3\nFROM alpine:$TAG", Some("alpine:$TAG")),
            ("FROM \\\n  alpine:3", Some("\\")),
            ("RUN true", None),
        ] {
            let text = text.replace('P', &pinned);
            assert_eq!(first_open(&text), expected, "{text}");
        }
    }
}
