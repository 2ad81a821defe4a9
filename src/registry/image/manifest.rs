//! What the body of a manifest or an index says. Pure.

use std::collections::HashSet;

use oci_distribution::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciImageIndex, OciImageManifest,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::platform::Platform;
use crate::reference::Digest;
use crate::registry::error::ContentError;

/// All four manifest types, always together: a registry answers for another digest, or not at all, where one is missing.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The annotation with which BuildKit marks an attestation in an index.
const ATTESTATION: &str = "vnd.docker.reference.type";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaKind {
    Index,
    Image,
    /// Docker's first schema, whose digest does not cover what is pulled.
    Schema1,
    Other,
}

/// A manifest or index that was read.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) content: ManifestContent,
}

/// What a manifest or index lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestContent {
    /// The manifests for platforms, in the index's order; attestations and what is for no platform are left out.
    Index(Vec<PlatformManifest>),
    /// An image without index.
    Image {
        /// The config's digest, `None` where it is malformed.
        config: Option<Digest>,
        /// The size of its layers as they are pulled, in bytes; `None` where it is malformed.
        size: Option<u64>,
    },
}

/// One platform's manifest in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct PlatformManifest {
    /// The platform, normalised.
    pub platform: Platform,
    /// The manifest's digest, `None` where it is malformed.
    pub digest: Option<Digest>,
}

impl ManifestContent {
    /// Reads the body of a manifest or an index, which came with this Content-Type.
    ///
    /// # Errors
    /// It is neither, contradicts its type, or is larger than is read.
    pub fn parse(body: &[u8], content_type: Option<&str>) -> Result<Self, ContentError> {
        parse(body, content_type).map(|manifest| manifest.content)
    }

    /// Returns the manifest of an index for `wanted`: the first, as container engines do.
    pub fn entry(&self, wanted: &Platform) -> Option<&PlatformManifest> {
        let Self::Index(entries) = self else { return None };
        entries.iter().find(|entry| entry.platform == *wanted)
    }

    /// Returns the platforms of an index, in its order, each once.
    pub fn platforms(&self) -> Vec<Platform> {
        let Self::Index(entries) = self else { return Vec::new() };
        let mut known = HashSet::new();
        entries.iter().map(|entry| &entry.platform).filter(|it| known.insert(*it)).cloned().collect()
    }
}

/// Returns what `media_type` stands for; parameters such as `; charset=utf-8` play no part.
pub(crate) fn kind(media_type: &str) -> MediaKind {
    match media_type.split(';').next().unwrap_or_default().trim() {
        OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE => MediaKind::Index,
        OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE => MediaKind::Image,
        "application/vnd.docker.distribution.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v1+prettyjws" => MediaKind::Schema1,
        _ => MediaKind::Other,
    }
}

/// Reads `body`. The Content-Type decides what it is, then its own `mediaType`, then its shape; where two of them
/// contradict each other nothing is guessed (CVE-2021-41190).
pub(crate) fn parse(body: &[u8], content_type: Option<&str>) -> Result<Manifest, ContentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RawManifest {
        schema_version: Option<u32>,
        media_type: Option<String>,
        manifests: Option<IgnoredAny>,
        config: Option<IgnoredAny>,
        layers: Option<IgnoredAny>,
    }
    let invalid =
        |error: serde_json::Error| ContentError::Json { line: error.line(), column: error.column() };
    let shape: RawManifest = serde_json::from_slice(body).map_err(invalid)?;
    let said: Vec<&str> = content_type.into_iter().chain(shape.media_type.as_deref()).collect();
    if shape.schema_version == Some(1) || said.iter().any(|said| kind(said) == MediaKind::Schema1) {
        return Err(ContentError::Schema1);
    }
    let shaped = match (shape.manifests.is_some(), shape.config.is_some() || shape.layers.is_some()) {
        (true, false) => MediaKind::Index,
        (false, true) => MediaKind::Image,
        (true, true) => return Err(ContentError::Ambiguous),
        (false, false) => return Err(ContentError::NotAnImage),
    };
    let known: Vec<&str> = said.iter().copied().filter(|said| kind(said) != MediaKind::Other).collect();
    if known.iter().any(|said| kind(said) != shaped) {
        return Err(ContentError::Contradiction);
    }
    // An artifact with a media type of its own has the fields of a manifest too.
    if known.is_empty() && shape.media_type.is_some() {
        return Err(ContentError::NotAnImage);
    }
    let standard = if shaped == MediaKind::Index { OCI_IMAGE_INDEX_MEDIA_TYPE } else { OCI_IMAGE_MEDIA_TYPE };
    let media_type = known.first().map_or(standard, |said| said.split(';').next().unwrap_or(standard).trim());
    let content = match shaped {
        MediaKind::Index => {
            let index: OciImageIndex = serde_json::from_slice(body).map_err(invalid)?;
            ManifestContent::Index(index.manifests.iter().filter_map(entry).collect())
        }
        _ => {
            let image: OciImageManifest = serde_json::from_slice(body).map_err(invalid)?;
            ManifestContent::Image { config: Digest::parse(&image.config.digest), size: layers_size(&image) }
        }
    };
    Ok(Manifest { media_type: media_type.to_owned(), content })
}

fn layers_size(image: &OciImageManifest) -> Option<u64> {
    image.layers.iter().try_fold(0_u64, |sum, layer| sum.checked_add(u64::try_from(layer.size).ok()?))
}

/// Returns what is listed for a platform; `None` for attestations and entries that are for none.
fn entry(entry: &ImageIndexEntry) -> Option<PlatformManifest> {
    let attestation =
        entry.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(ATTESTATION));
    if attestation || kind(&entry.media_type) != MediaKind::Image {
        return None;
    }
    let platform = entry.platform.as_ref()?;
    let (os, architecture) = (platform.os.to_string(), platform.architecture.to_string());
    let platform = Platform::new(&os, &architecture, platform.variant.as_deref());
    platform.is_known().then(|| PlatformManifest { platform, digest: Digest::parse(&entry.digest) })
}

pub(crate) fn config_platform(body: &[u8]) -> Option<Platform> {
    #[derive(Deserialize)]
    struct RawPlatformConfig {
        os: String,
        architecture: String,
        variant: Option<String>,
    }
    let config: RawPlatformConfig = serde_json::from_slice(body).ok()?;
    let named = !config.os.is_empty() && !config.architecture.is_empty();
    named.then(|| Platform::new(&config.os, &config.architecture, config.variant.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(platform: &str, digit: char) -> String {
        let mut parts = platform.split('/');
        let (os, architecture) = (parts.next().unwrap(), parts.next().unwrap());
        let variant = parts.next().map(|variant| format!(r#","variant":"{variant}""#)).unwrap_or_default();
        let digest = digit.to_string().repeat(64);
        format!(
            r#"{{"mediaType":"{OCI_IMAGE_MEDIA_TYPE}","digest":"sha256:{digest}","size":1,
                "platform":{{"os":"{os}","architecture":"{architecture}"{variant}}}}}"#
        )
    }

    fn index(entries: &[String]) -> String {
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","))
    }

    #[test]
    fn a_platform_is_picked_by_its_normal_form_and_attestations_are_none() {
        let body = index(&[
            entry("unknown/unknown", '0'),
            entry("linux/arm/v6", '1'),
            entry("linux/arm64", '2'),
            entry("linux/amd64", '3'),
            entry("linux/arm64/v8", '4'),
        ]);
        let manifest = parse(body.as_bytes(), Some(OCI_IMAGE_INDEX_MEDIA_TYPE)).unwrap();
        let names: Vec<String> = manifest.content.platforms().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["linux/arm/v6", "linux/arm64", "linux/amd64"]);
        for (wanted, digit) in [("linux/arm64/v8", '2'), ("linux/amd64/v1", '3'), ("linux/arm/v6", '1')] {
            let entry = manifest.content.entry(&Platform::parse(wanted).unwrap()).unwrap();
            assert_eq!(entry.digest.as_ref().unwrap().hex(), digit.to_string().repeat(64), "{wanted}");
        }
        for wanted in ["linux/arm/v7", "linux/amd64/v3", "windows/amd64", "unknown/unknown"] {
            assert!(manifest.content.entry(&Platform::parse(wanted).unwrap()).is_none(), "{wanted}");
        }
    }

    #[test]
    fn the_kind_is_never_guessed_from_contradictions() {
        let image = r#""config":{"mediaType":"c","digest":"sha256:x","size":1},"layers":[]"#;
        let typed = |media_type: &str| format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}",{image}}}"#);
        for (body, content_type, expected) in [
            (typed(IMAGE_MANIFEST_MEDIA_TYPE), None, "Image docker"),
            (typed(IMAGE_MANIFEST_MEDIA_TYPE), Some("application/json"), "Image docker"),
            (format!(r#"{{"schemaVersion":2,{image}}}"#), Some("text/plain; charset=utf-8"), "Image oci"),
            (index(&[]), None, "Index oci"),
            (index(&[]), Some(IMAGE_MANIFEST_LIST_MEDIA_TYPE), "Index docker"),
            (index(&[]), Some(OCI_IMAGE_MEDIA_TYPE), "contradict"),
            (typed(OCI_IMAGE_INDEX_MEDIA_TYPE), None, "contradict"),
            (format!(r#"{{"manifests":[],{image}}}"#), None, "both"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(), None, "schema 1"),
            (typed("application/vnd.docker.distribution.manifest.v1+prettyjws"), None, "schema 1"),
            (typed("application/vnd.acme.thing+json"), None, "no container image"),
            ("{}".to_owned(), None, "no container image"),
            ("[]".to_owned(), None, "not a manifest"),
            ("<html>".to_owned(), None, "not a manifest"),
            (index(&[entry("linux/amd64", '1')])[..90].to_owned(), None, "not a manifest"),
            (r#"{"manifests":[{}]}"#.to_owned(), None, "not a manifest"),
        ] {
            let got = match parse(body.as_bytes(), content_type) {
                Ok(manifest) => format!(
                    "{} {}",
                    if matches!(manifest.content, ManifestContent::Index(_)) { "Index" } else { "Image" },
                    if manifest.media_type.contains("docker") { "docker" } else { "oci" }
                ),
                Err(error) => error.to_string(),
            };
            assert!(got.contains(expected), "{body} {content_type:?}: {got}");
        }
    }

    #[test]
    fn a_config_says_its_platform_or_nothing() {
        let platform = |body: &str| config_platform(body.as_bytes()).map(|platform| platform.to_string());
        assert_eq!(platform(r#"{"os":"linux","architecture":"arm64"}"#).as_deref(), Some("linux/arm64"));
        assert_eq!(
            platform(r#"{"os":"linux","architecture":"arm","variant":"v6"}"#).as_deref(),
            Some("linux/arm/v6")
        );
        for none in ["{}", r#"{"os":"","architecture":""}"#, "x"] {
            assert_eq!(platform(none), None, "{none}");
        }
    }
}
