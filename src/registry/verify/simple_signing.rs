//! cosign's simple signing: a small JSON text that names the digest, and a signature over its bytes (SIGNATURE_SPEC).

use serde::Deserialize;

use super::dsse::decoded;
use super::public_key::{PublicKey, signer};
use super::rejected::Rejected;
use crate::reference::Digest;

/// What `critical.type` says (SIGNATURE_SPEC, "Simple Signing").
const TYPE: &str = "cosign container image signature";

/// Returns the key that has signed `payload`, which says that it is about `digest`. `signature` is in base64. Who else signs
/// under which name (`critical.identity`) plays no part, as the specification has it.
///
/// # Errors
/// The payload is something else, about something else, or signed by nobody that is known.
pub fn simple_signing<'k>(
    payload: &[u8],
    signature: &str,
    digest: &Digest,
    keys: &'k [PublicKey],
) -> Result<&'k PublicKey, Rejected> {
    // What names a field twice does not parse: no two readers could agree on what it says.
    #[derive(Deserialize)]
    struct SimpleSigning {
        critical: Critical,
    }
    #[derive(Deserialize)]
    struct Critical {
        image: SignedImage,
        r#type: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct SignedImage {
        docker_manifest_digest: String,
    }
    let signature = decoded(signature).ok_or_else(|| malformed("its signature is not base64"))?;
    // Nothing of the text is believed, or even told, before somebody known has signed it.
    let key = signer(keys, payload, &[signature]).ok_or(Rejected::OtherKey)?;
    let SimpleSigning { critical } = serde_json::from_slice(payload)
        .map_err(|error| malformed(&format!("its payload is none of simple signing: {error}")))?;
    if critical.r#type != TYPE {
        return Err(malformed(&format!("its payload is a `{}`", critical.r#type)));
    }
    if critical.image.docker_manifest_digest != digest.as_str() {
        return Err(Rejected::OtherDigest(critical.image.docker_manifest_digest));
    }
    Ok(key)
}

fn malformed(text: &str) -> Rejected {
    Rejected::Malformed(text.to_owned())
}
