//! What the keys of Helm values say.

use crate::reference::Reference;

/// Keys beside which a repository is one of charts or of sources.
pub(super) const NOT_BESIDE: [&str; 5] = ["chart", "chartVersion", "targetRevision", "branch", "revision"];

/// The keys of the images of a kustomization: the second is the old name, which kustomize still takes
/// (`FixKustomizationPreUnmarshalling`).
pub(super) const KUSTOMIZE_IMAGES: [&str; 2] = ["images", "imageTags"];

pub(super) fn is_images_key(key: &str) -> bool {
    key == "images" || key.ends_with("Images")
}

pub(super) fn is_name(text: &str) -> bool {
    Reference::parse(text).is_ok_and(|reference| reference.tag().is_none() && reference.digest().is_none())
}

pub(super) fn is_image_key(key: &str) -> bool {
    key.len() >= 5
        && key.is_char_boundary(key.len() - 5)
        && key[key.len() - 5..].eq_ignore_ascii_case("image")
}

/// Returns whether a repository under this key holds sources or charts: its tag is not an image's.
pub(super) fn is_source_key(key: &str) -> bool {
    const WORDS: [&str; 6] = ["git", "source", "src", "repo", "chart", "manifests"];
    let has = |word: &&str| {
        key.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    WORDS.iter().any(has) && !is_image_key(key)
}
