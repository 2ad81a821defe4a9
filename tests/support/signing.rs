//! Signatures and attestations as cosign makes them (SIGNATURE_SPEC, ATTESTATION_SPEC, BUNDLE_SPEC), with a fresh key.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tagpin::reference::Digest;
use tagpin::registry::verify::PublicKey;

use super::registry::{OCI_INDEX, OCI_MANIFEST, Registry};

pub(crate) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(crate) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";
pub(crate) const SLSA: &str = "https://slsa.dev/provenance/v1";
pub(crate) const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const EMPTY: &[u8] = b"{}";

/// Somebody who signs, with the key that `cosign generate-key-pair` would make.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    name: String,
}

impl Signer {
    pub(crate) fn new(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { pair, name: name.to_owned() }
    }

    /// Returns the public key as PEM.
    pub(crate) fn pem(&self) -> String {
        let der = self.pair.public_key().as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// Returns the public key as the policy has it.
    pub(crate) fn key(&self) -> PublicKey {
        PublicKey::unread(&*self.name, &*self.name).with(self.pem().as_bytes()).unwrap()
    }

    /// Returns a signature in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(&SystemRandom::new(), message).unwrap().as_ref())
    }

    /// Returns an envelope around `payload`.
    pub(crate) fn envelope(&self, payload_type: &str, payload: &str) -> Value {
        let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
        let signature = self.sign(&[head.as_bytes(), payload.as_bytes()].concat());
        json!({
            "payloadType": payload_type, "payload": STANDARD.encode(payload),
            "signatures": [{"keyid": "", "sig": signature}],
        })
    }
}

/// Returns the payload that `cosign sign` signs for `digest`, byte for byte.
pub(crate) fn payload(digest: &str) -> String {
    format!(
        "{{\"critical\":{{\"identity\":{{\"docker-reference\":\"registry.example/acme/api\"}},\
         \"image\":{{\"docker-manifest-digest\":\"{digest}\"}},\"type\":\"cosign container image signature\"}},\
         \"optional\":null}}"
    )
}

/// Returns the statement that `cosign attest` signs for `digest`, and `cosign sign` since version 3.
pub(crate) fn statement(digest: &str, predicate_type: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap();
    json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "acme/api", "digest": {algorithm: hex}}],
        "predicateType": predicate_type, "predicate": {},
    })
    .to_string()
}

/// Something that can be attached.
#[derive(Clone)]
pub(crate) struct Attachment {
    pub(crate) media_type: &'static str,
    pub(crate) blob: Vec<u8>,
    /// The annotations of the layer.
    pub(crate) layer: Value,
    /// The annotations of the manifest.
    pub(crate) manifest: Value,
}

impl Attachment {
    /// What `cosign sign` puts under the tag `.sig`.
    pub(crate) fn signature(signer: &Signer, payload: &str) -> Self {
        let layer = json!({"dev.cosignproject.cosign/signature": signer.sign(payload.as_bytes())});
        let blob = payload.as_bytes().to_vec();
        Self { media_type: SIMPLE_SIGNING, blob, layer, manifest: json!(null) }
    }

    /// What `cosign attest` puts under the tag `.att`.
    pub(crate) fn attestation(signer: &Signer, statement: &str) -> Self {
        let blob = signer.envelope(IN_TOTO, statement).to_string().into_bytes();
        let layer = json!({"dev.cosignproject.cosign/signature": "", "predicateType": SLSA});
        Self { media_type: ENVELOPE, blob, layer, manifest: json!(null) }
    }

    /// What cosign 3 attaches as a referrer.
    pub(crate) fn bundle(signer: &Signer, statement: &str, predicate_type: &str) -> Self {
        let envelope = signer.envelope(IN_TOTO, statement);
        let material =
            json!({"publicKey": {"hint": ""}, "tlogEntries": [], "timestampVerificationData": null});
        let bundle = json!({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope});
        let manifest = json!({
            "dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate_type,
            "org.opencontainers.image.created": "2026-11-20T09:12:00Z",
        });
        Self { media_type: BUNDLE, blob: bundle.to_string().into_bytes(), layer: json!(null), manifest }
    }

    /// Returns the descriptor of the blob.
    pub(crate) fn descriptor(&self) -> Value {
        let digest = Digest::sha256(&self.blob);
        let mut descriptor =
            json!({"mediaType": self.media_type, "digest": digest.as_str(), "size": self.blob.len()});
        if !self.layer.is_null() {
            descriptor["annotations"] = self.layer.clone();
        }
        descriptor
    }
}

/// Returns the manifest that attaches `attachments`, to `subject` if there is one.
pub(crate) fn manifest(attachments: &[Attachment], subject: Option<&str>) -> Value {
    let layers: Vec<Value> = attachments.iter().map(Attachment::descriptor).collect();
    let empty = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(EMPTY).as_str(), "size": EMPTY.len(),
    });
    let mut manifest =
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": layers});
    if let Some(subject) = subject {
        manifest["subject"] = json!({"mediaType": OCI_INDEX, "digest": subject, "size": 1});
        manifest["artifactType"] = attachments[0].media_type.into();
        if !attachments[0].manifest.is_null() {
            manifest["annotations"] = attachments[0].manifest.clone();
        }
    }
    manifest
}

impl Registry {
    /// Stores what cosign puts under a tag that it makes of `digest` and `suffix`.
    pub(crate) fn attach(&self, repository: &str, digest: &str, suffix: &str, attachments: &[Attachment]) {
        let tag = format!("{}.{suffix}", digest.replace(':', "-"));
        self.store_blobs(repository, attachments);
        let body = manifest(attachments, None).to_string().into_bytes();
        self.put_raw(repository, &tag, OCI_MANIFEST, body);
    }

    /// Stores a referrer of `subject` and returns its digest.
    pub(crate) fn refer(&self, repository: &str, subject: &str, attachment: &Attachment) -> String {
        let attachments = std::slice::from_ref(attachment);
        self.store_blobs(repository, attachments);
        let body = manifest(attachments, Some(subject)).to_string().into_bytes();
        self.store(repository, OCI_MANIFEST, body)
    }

    fn store_blobs(&self, repository: &str, attachments: &[Attachment]) {
        self.store(repository, "application/vnd.oci.empty.v1+json", EMPTY.to_vec());
        for attachment in attachments {
            self.store(repository, "application/octet-stream", attachment.blob.clone());
        }
    }
}
