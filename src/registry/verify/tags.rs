//! The tags under which registries keep what is attached to a digest.

use super::demand::ArtifactKind;
use crate::reference::Digest;

/// The longest tag that there may be (distribution-spec, "Pulling manifests").
const TAG_MAX: usize = 128;

/// Returns the tag under which cosign keeps what is attached to `digest` (SIGNATURE_SPEC, "Tag-based Discovery"); `None`
/// where that is too long for a tag.
pub fn cosign_tag(digest: &Digest, kind: ArtifactKind) -> Option<String> {
    let suffix = match kind {
        ArtifactKind::Signature => "sig",
        ArtifactKind::Attestation => "att",
    };
    let tag = format!("{}-{}.{suffix}", digest.algorithm(), digest.hex());
    (tag.len() <= TAG_MAX).then_some(tag)
}

/// Returns the tag under which a registry without the referrers API keeps the list (distribution-spec, "Referrers Tag
/// Schema").
pub fn referrers_tag(digest: &Digest) -> String {
    let hex: String = digest.hex().chars().take(64).collect();
    format!("{}-{hex}", digest.algorithm())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_the_specifications() {
        let digest = Digest::sha256(b"x");
        let hex = digest.hex();
        assert_eq!(cosign_tag(&digest, ArtifactKind::Signature), Some(format!("sha256-{hex}.sig")));
        assert_eq!(cosign_tag(&digest, ArtifactKind::Attestation), Some(format!("sha256-{hex}.att")));
        assert_eq!(referrers_tag(&digest), format!("sha256-{hex}"));
        let long = Digest::parse(&format!("sha512:{}", "a".repeat(128))).unwrap();
        assert_eq!(cosign_tag(&long, ArtifactKind::Signature), None);
        assert_eq!(referrers_tag(&long), format!("sha512-{}", "a".repeat(64)));
    }
}
