//! What keys of images say, and what the values beside them look like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::variable_text::{with_defaults, with_words};
use crate::reference::Reference;

/// Keys beside which a repository is one of charts or of sources.
pub(super) const NOT_BESIDE: [&str; 5] = ["chart", "chartVersion", "targetRevision", "branch", "revision"];

/// The same where the key of both says that it is an image: that may have a revision, too.
pub(super) const NOT_BESIDE_IMAGE: [&str; 3] = ["chart", "chartVersion", "targetRevision"];

/// The keys of the images of a kustomization: the second is the old name, which kustomize still takes
/// (`FixKustomizationPreUnmarshalling`).
pub(super) const KUSTOMIZE_IMAGES: [&str; 2] = ["images", "imageTags"];

pub(super) fn is_images_key(key: &str) -> bool {
    // `allowed_images` of GitLab's runner are patterns.
    let is_rule = || ["allowed", "denied", "excluded"].iter().any(|start| key.starts_with(start));
    key == "images" || ["Images", "_images", "-images"].iter().any(|end| key.ends_with(end)) && !is_rule()
}

/// Returns whether a list of images stands below a key that says what they are compared with: patterns, which nobody pulls.
pub(super) fn is_selection(tree: &SyntaxTree<'_>, list: NodeId) -> bool {
    const KEYS: [&str; 13] = [
        "selector",
        "selectors",
        "match",
        "matches",
        "matchers",
        "filter",
        "filters",
        "include",
        "includes",
        "exclude",
        "excludes",
        "allowed",
        "denied",
    ];
    let holder = tree.nodes[list].parent().and_then(|holder| tree.key_of(holder));
    holder.is_some_and(|key| KEYS.contains(&key))
}

pub(super) fn is_name(text: &str) -> bool {
    Reference::parse(text).is_ok_and(|reference| reference.tag().is_none() && reference.digest().is_none())
}

/// Returns whether a text may be the name of an image, and is no picture or disk.
pub(super) fn may_name_image(text: &str) -> bool {
    const PICTURES: [&str; 11] =
        ["png", "jpg", "jpeg", "svg", "gif", "webp", "ico", "iso", "img", "qcow2", "vmdk"];
    let is_picture = text.rsplit_once('.').is_some_and(|(_, end)| PICTURES.contains(&end));
    is_name(text) && !is_picture
}

/// Returns whether a text names an image without a tag, for all that can be told: with its registry, or as one of somebody.
pub(super) fn is_untagged_image(text: &str) -> bool {
    text.contains('/') && may_name_image(text)
}

/// Returns whether a name begins with a registry (distribution, `reference.splitDockerDomain`).
pub(super) fn has_host(name: &str) -> bool {
    name.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
}

/// Returns whether a text is the host of a registry alone.
pub(super) fn is_host(text: &str) -> bool {
    let letters = |label: &str| label.len() > 1 && label.bytes().all(|byte| byte.is_ascii_alphabetic());
    !text.contains(['/', ':']) && text.rsplit_once('.').is_some_and(|(_, top)| letters(top))
}

/// Returns whether a text is what images stand below, and none: the host of a registry, or somebody's space in one that has
/// nothing else in its first level.
pub(super) fn is_namespace(text: &str) -> bool {
    let is_space = |(host, rest): (&str, &str)| matches!(host, "ghcr.io" | "quay.io") && !rest.contains('/');
    is_host(text) || text.trim_end_matches('/').split_once('/').is_some_and(is_space)
}

/// Returns whether a text may be a tag, perhaps with a digest (OCI distribution specification).
pub(super) fn is_tag(text: &str) -> bool {
    Reference::parse(&format!("a:{text}")).is_ok_and(|reference| reference.tag().is_some())
        || text.contains(['$', '{'])
}

/// Returns whether a text is a tag that people give to versions.
pub(super) fn looks_like_version(text: &str) -> bool {
    is_tag(text) && (text == "latest" || text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Returns a key without what its words are joined by.
pub(super) fn folded(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-')).collect::<String>().to_ascii_lowercase()
}

/// Returns whether a key holds the name of an image, whose tag may stand anywhere.
pub(super) fn is_image_name_key(key: &str) -> bool {
    let key = folded(key);
    ["image", "imagename", "imagerepository", "imagerepo"].iter().any(|end| key.ends_with(end))
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
/// Returns whether a value is a reference with a tag or a digest.
pub(super) fn has_tag_or_digest(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    if tree.tag(tree.resolve(node)) == EXPRESSION {
        return false;
    }
    let text = decoded(tree, node).unwrap_or_else(|| tree.written(node).to_owned());
    let filled = with_defaults(&text).filter(|filled| !filled.contains("{{"));
    Reference::parse(&filled.unwrap_or_else(|| with_words(&text)))
        .is_ok_and(|reference| reference.tag().is_some() || reference.digest().is_some())
}

/// Returns whether a reference names the registry that has it.
pub(super) fn names_registry(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let first = tree.string_of(node).and_then(|text| text.split_once('/')).map(|(first, _)| first);
    first.is_some_and(|host| host.contains(['.', ':']) || host == "localhost")
        && has_tag_or_digest(tree, node)
}

/// Returns what a value with the tag `!!binary` says.
pub(super) fn decoded(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    let node = tree.resolve(node);
    let is_binary = tree.tag(node).ends_with("binary") && tree.tag(node).len() > "!binary".len();
    let text: String = tree.text_of(node).filter(|_| is_binary)?.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
