//! Any bytes are read as a public key, a sigstore bundle, an envelope and a simple signing text: nothing of it is ever signed
//! by a key that did not sign it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tagpin::reference::Digest;
use tagpin::registry::verify::{Bundle, Envelope, PublicKey, simple_signing};

static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
    let pem = include_bytes!("../../docs/cosign.pub");
    vec![PublicKey::unread("key", "cosign.pub").with(pem).expect("it is a key")]
});

fuzz_target!(|bytes: &[u8]| {
    let digest = Digest::sha256(bytes);
    if let Err(error) = PublicKey::unread("key", "key.pub").with(bytes) {
        assert!(!error.to_string().is_empty());
    }
    let _ = Bundle::parse(bytes);
    if let Ok(envelope) = Envelope::parse(bytes) {
        assert!(envelope.verified(&digest, &KEYS).is_err());
    }
    let signature = String::from_utf8_lossy(bytes);
    assert!(simple_signing(bytes, &signature, &digest, &KEYS).is_err());
});
