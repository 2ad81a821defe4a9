//! DSSE envelopes with in-toto statements in them, by themselves or in a sigstore bundle.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::demand::ArtifactKind;
use super::public_key::{PublicKey, signer};
use super::rejected::Rejected;
use crate::reference::Digest;

/// The predicate type of a statement that is a signature and says nothing more (cosign, `pkg/types/predicate.go`).
const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The type of the signed text (in-toto attestation framework, "Envelope layer").
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What every version of a statement's type begins with (in-toto attestation framework, "Statement layer").
const STATEMENT: &str = "https://in-toto.io/Statement/";

/// How many signatures of one envelope are tried.
const SIGNATURES: usize = 16;

/// A statement that a known key has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'k> {
    /// The key.
    pub key: &'k PublicKey,
    /// What the statement is: a signature where it has no more to say than that.
    pub kind: ArtifactKind,
    /// What the statement is about.
    pub predicate_type: String,
}

/// A signed text, and who says to have signed it (DSSE, "Envelope"). Nothing of it is believed before [`Envelope::verified`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Signature {
    sig: String,
}

/// What is in a sigstore bundle (BUNDLE_SPEC; protobuf-specs, `sigstore_bundle.proto`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bundle {
    /// A signed statement.
    Envelope(Envelope),
    /// A signature over the bytes of something.
    Message,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// It is none, or has not one content.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct RawBundle {
            dsse_envelope: Option<Envelope>,
            message_signature: Option<IgnoredAny>,
        }
        let whole: RawBundle = serde_json::from_slice(bytes)
            .map_err(|error| Rejected::Malformed(format!("it is not a sigstore bundle: {error}")))?;
        match (whole.dsse_envelope, whole.message_signature) {
            (Some(envelope), None) => Ok(Self::Envelope(envelope)),
            (None, Some(_)) => Ok(Self::Message),
            _ => Err(Rejected::Malformed("it is a sigstore bundle without one content".to_owned())),
        }
    }
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        serde_json::from_slice(bytes)
            .map_err(|error| Rejected::Malformed(format!("it is no DSSE envelope: {error}")))
    }

    /// Returns what is said about `digest`, and which of `keys` says it.
    ///
    /// # Errors
    /// It is not a statement, not about the digest, or signed by nobody that is known.
    pub fn verified<'k>(&self, digest: &Digest, keys: &'k [PublicKey]) -> Result<Signed<'k>, Rejected> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(Rejected::PayloadType(self.payload_type.clone()));
        }
        let payload = decoded(&self.payload)
            .ok_or_else(|| Rejected::Malformed("the payload of its envelope is not base64".to_owned()))?;
        let signatures = self.signatures.iter().take(SIGNATURES);
        let signatures: Vec<Vec<u8>> = signatures.filter_map(|signature| decoded(&signature.sig)).collect();
        let key = signer(keys, &encoding(&self.payload_type, &payload), &signatures);
        let key = key.ok_or(Rejected::OtherKey)?;
        let predicate_type = statement(&payload, digest)?;
        Ok(Signed { key, kind: kind_of(&predicate_type), predicate_type })
    }

    /// Returns what it would be if it were believed.
    ///
    /// # Errors
    /// It is not a statement about `digest`.
    pub fn unverified(&self, digest: &Digest) -> Result<ArtifactKind, Rejected> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(Rejected::PayloadType(self.payload_type.clone()));
        }
        let payload = decoded(&self.payload).unwrap_or_default();
        Ok(kind_of(&statement(&payload, digest)?))
    }
}

/// Returns what a statement of this type is.
pub fn kind_of(predicate_type: &str) -> ArtifactKind {
    if predicate_type == SIGN_PREDICATE { ArtifactKind::Signature } else { ArtifactKind::Attestation }
}

/// Returns what a statement about `digest` is about.
fn statement(payload: &[u8], digest: &Digest) -> Result<String, Rejected> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement {
        #[serde(rename = "_type")]
        kind: String,
        subject: Vec<Subject>,
        predicate_type: String,
    }
    #[derive(Deserialize)]
    struct Subject {
        #[serde(default)]
        digest: BTreeMap<String, String>,
    }
    let Statement { kind, subject, predicate_type } = serde_json::from_slice(payload).map_err(|error| {
        Rejected::Malformed(format!("what it signs is not an in-toto statement: {error}"))
    })?;
    if !kind.starts_with(STATEMENT) {
        return Err(Rejected::PayloadType(kind));
    }
    let named = |subject: &Subject| subject.digest.get(digest.algorithm()).map(|hex| hex == digest.hex());
    if !subject.iter().any(|subject| named(subject) == Some(true)) {
        let other = subject.iter().find_map(|subject| subject.digest.iter().next());
        let other =
            other.map_or_else(|| "nothing".to_owned(), |(algorithm, hex)| format!("{algorithm}:{hex}"));
        return Err(Rejected::OtherDigest(other));
    }
    Ok(predicate_type)
}

/// Returns the bytes that are signed (DSSE, "Protocol": PAE).
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Decodes base64 as DSSE has it: either alphabet, with or without padding.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines = [GeneralPurpose::new(&STANDARD, lenient), GeneralPurpose::new(&URL_SAFE, lenient)];
    engines.iter().find_map(|engine| engine.decode(text.trim()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        // DSSE, "Test Vectors".
        assert_eq!(
            encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(encoding("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn base64_comes_in_either_alphabet() {
        for text in ["+/8=", "-_8=", "+/8", " -_8\n"] {
            assert_eq!(decoded(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(decoded("a b"), None);
    }

    #[test]
    fn a_bundle_has_one_content() {
        let envelope = r#"{"payloadType": "t", "payload": "", "signatures": []}"#;
        for (text, is_good) in [
            (format!(r#"{{"dsseEnvelope": {envelope}}}"#), true),
            (r#"{"messageSignature": {}}"#.to_owned(), true),
            ("{}".to_owned(), false),
            (format!(r#"{{"dsseEnvelope": {envelope}, "messageSignature": {{}}}}"#), false),
            (format!(r#"{{"dsseEnvelope": {envelope}, "dsseEnvelope": {envelope}}}"#), false),
            ("[]".to_owned(), false),
        ] {
            assert_eq!(Bundle::parse(text.as_bytes()).is_ok(), is_good, "{text}");
        }
    }
}
