//! What a registry says is attached to a digest: lists of referrers, and the manifests of signatures and attestations. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::demand::ArtifactKind;
use super::dsse::kind_of;
use super::rejected::Rejected;
use crate::reference::Digest;

/// cosign's simple signing: the payload as a blob, the signature as an annotation (SIGNATURE_SPEC).
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// An in-toto statement in an envelope (ATTESTATION_SPEC).
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// What the media type of every version of a sigstore bundle begins with (BUNDLE_SPEC).
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// What cosign 2 attaches as a referrer, when it is asked to.
const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";

/// The artifact type of attestations that are attached without a bundle.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// The type of a manifest that has no configuration; no artifact is of it.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// The annotation of a layer with the signature (SIGNATURE_SPEC, "Signature").
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The annotations of a bundle's manifest (BUNDLE_SPEC, "Annotations").
const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referrer {
    /// The manifest; `None` where its digest is malformed.
    pub(crate) digest: Option<Digest>,
    /// What it is, as far as the list says; `None` where only its content tells.
    pub(crate) kind: Option<ArtifactKind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// What it says that it belongs to, as spelled.
    subject: Option<String>,
    pub(crate) layers: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) form: ArtifactForm,
    /// The blob; `None` where its digest is malformed.
    pub(crate) digest: Option<Digest>,
    /// The size of the blob, in bytes.
    pub(crate) size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArtifactForm {
    /// The payload of simple signing, with its signature in base64.
    SimpleSigning(String),
    Envelope,
    /// A sigstore bundle; with what it is, as far as the manifest says.
    Bundle(Option<ArtifactKind>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// Returns the entries of a list of referrers that may be signatures or attestations; `None` where `body` is not an
/// index.
pub(crate) fn referrers(body: &[u8]) -> Option<Vec<Referrer>> {
    #[derive(Deserialize)]
    struct Index {
        manifests: Option<Vec<Descriptor>>,
    }
    let index: Index = serde_json::from_slice(body).ok()?;
    let manifests = index.manifests?.into_iter().filter_map(|descriptor| {
        let annotations = descriptor.annotations.unwrap_or_default();
        let kind = match descriptor.artifact_type.as_deref().unwrap_or_default() {
            // What cosign 3.0 wrote into the index of a registry without referrers: what it is, its manifest tells.
            "" | EMPTY => bundled(&annotations),
            COSIGN_SIGNATURE | SIMPLE_SIGNING => Some(ArtifactKind::Signature),
            STATEMENT | ENVELOPE => Some(ArtifactKind::Attestation),
            bundle if bundle.starts_with(BUNDLE) => bundled(&annotations),
            _ => return None,
        };
        Some(Referrer { digest: Digest::parse(&descriptor.digest), kind })
    });
    Some(manifests.collect())
}

fn bundled(annotations: &BTreeMap<String, String>) -> Option<ArtifactKind> {
    let predicate_type = annotations.get(BUNDLE_PREDICATE_TYPE).map(|text| kind_of(text));
    let is_message = annotations.get(BUNDLE_CONTENT).is_some_and(|content| content == "message-signature");
    predicate_type.or(is_message.then_some(ArtifactKind::Signature))
}

impl Artifact {
    /// Reads a manifest; what is attached in other ways is left out.
    ///
    /// # Errors
    /// It is not a manifest.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Rejected> {
        #[derive(Deserialize)]
        struct ArtifactManifest {
            subject: Option<Descriptor>,
            layers: Vec<Descriptor>,
            annotations: Option<BTreeMap<String, String>>,
        }
        let manifest: ArtifactManifest = serde_json::from_slice(body)
            .map_err(|error| Rejected::Malformed(format!("its manifest is none: {error}")))?;
        let own = manifest.annotations.unwrap_or_default();
        let layers = manifest.layers.into_iter().filter_map(|descriptor| {
            let form = match descriptor.media_type.as_str() {
                SIMPLE_SIGNING => ArtifactForm::SimpleSigning(descriptor.annotations?.remove(SIGNATURE)?),
                ENVELOPE => ArtifactForm::Envelope,
                bundle if bundle.starts_with(BUNDLE) => ArtifactForm::Bundle(bundled(&own)),
                _ => return None,
            };
            Some(Layer { form, digest: Digest::parse(&descriptor.digest), size: descriptor.size })
        });
        let layers = layers.collect();
        Ok(Self { subject: manifest.subject.map(|subject| subject.digest), layers })
    }

    /// Returns whether it belongs to `digest`. What lies under a tag that is made of the digest need not say so.
    ///
    /// # Errors
    /// It belongs to something else.
    pub(crate) fn belongs_to(&self, digest: &Digest, must_say: bool) -> Result<(), Rejected> {
        match &self.subject {
            Some(subject) if subject == digest.as_str() => Ok(()),
            Some(subject) => Err(Rejected::OtherSubject(format!("`{subject}`"))),
            None if must_say => Err(Rejected::OtherSubject("nothing".to_owned())),
            None => Ok(()),
        }
    }
}

impl Layer {
    pub(crate) fn kind(&self) -> Option<ArtifactKind> {
        match &self.form {
            ArtifactForm::SimpleSigning(_) => Some(ArtifactKind::Signature),
            ArtifactForm::Envelope => Some(ArtifactKind::Attestation),
            ArtifactForm::Bundle(kind) => *kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest() -> Digest {
        Digest::sha256(b"x")
    }

    #[test]
    fn a_list_of_referrers_tells_what_they_are_or_leaves_it_to_their_content() {
        let entry = |artifact_type: &str, annotations: serde_json::Value| json!({"digest": digest().as_str(), "artifactType": artifact_type, "annotations": annotations});
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let list = json!({"manifests": [
            entry(bundle, json!({BUNDLE_PREDICATE_TYPE: "https://sigstore.dev/cosign/sign/v1"})),
            entry(bundle, json!({BUNDLE_PREDICATE_TYPE: "https://slsa.dev/provenance/v1"})),
            entry(bundle, json!({BUNDLE_CONTENT: "message-signature"})),
            entry(bundle, json!(null)),
            entry(COSIGN_SIGNATURE, json!({})),
            entry("application/spdx+json", json!({})),
            {"digest": "sha256:AB", "artifactType": STATEMENT},
            {"digest": digest().as_str()},
            entry("", json!({})),
            entry("application/vnd.oci.empty.v1+json", json!(null)),
        ]});
        let kinds: Vec<_> =
            referrers(list.to_string().as_bytes()).unwrap().into_iter().map(|it| it.kind).collect();
        let (signature, attestation) = (Some(ArtifactKind::Signature), Some(ArtifactKind::Attestation));
        assert_eq!(
            kinds,
            [signature, attestation, signature, None, signature, attestation, None, None, None]
        );
        assert!(referrers(list.to_string().as_bytes()).unwrap()[5].digest.is_none());
        for none in ["", "[]", "{}", r#"{"layers": []}"#, r#"{"manifests": [{}]}"#, r#"{"manifests": 1}"#] {
            assert_eq!(referrers(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_manifest_belongs_to_its_subject_alone() {
        let parse = |subject: serde_json::Value| {
            let manifest = json!({"layers": [], "subject": subject});
            Artifact::parse(manifest.to_string().as_bytes()).unwrap()
        };
        let other = json!({"digest": Digest::sha256(b"y").as_str()});
        for (subject, under_tag, as_referrer) in [
            (json!({"digest": digest().as_str()}), true, true),
            (other, false, false),
            (json!({"digest": "nonsense"}), false, false),
            (json!(null), true, false),
        ] {
            let artifact = parse(subject);
            assert_eq!(artifact.belongs_to(&digest(), false).is_ok(), under_tag, "{artifact:?}");
            assert_eq!(artifact.belongs_to(&digest(), true).is_ok(), as_referrer, "{artifact:?}");
        }
        assert!(Artifact::parse(b"{}").is_err());
    }

    #[test]
    fn what_has_no_signature_in_it_is_none() {
        let manifest = json!({"layers": [
            {"mediaType": SIMPLE_SIGNING, "digest": digest().as_str(), "size": 7, "annotations": {SIGNATURE: "MEU="}},
            {"mediaType": SIMPLE_SIGNING, "digest": digest().as_str(), "size": 7},
            {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest().as_str(), "size": 7},
            {"mediaType": ENVELOPE, "digest": "sha256:no", "size": 7},
        ]});
        let layers = Artifact::parse(manifest.to_string().as_bytes()).unwrap().layers;
        assert_eq!(layers.len(), 2);
        assert_eq!(layers[0].form, ArtifactForm::SimpleSigning("MEU=".to_owned()));
        assert_eq!((layers[1].kind(), &layers[1].digest), (Some(ArtifactKind::Attestation), &None));
    }
}
