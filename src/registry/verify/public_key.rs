//! A public key, and whether it has made a signature.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

/// The largest file that is read as a public key, in bytes.
pub const FILE_MAX: u64 = 64 * 1024;

/// A public key of the policy, by the file that it is in. Until that file was read it has made nothing: what must be
/// verified with it is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    name: String,
    path: PathBuf,
    read: Option<KeyMaterial>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct KeyMaterial {
    algorithm: Algorithm,
    /// The SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), DER.
    info: Arc<[u8]>,
}

/// How a key signs. What cosign makes by itself is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Algorithm {
    /// ECDSA on P-256 over SHA-256, the signature in DER.
    EcdsaP256,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// RSA of 2048 bits or more, PKCS #1 v1.5 over SHA-256.
    Rsa,
}

/// Why a file holds no key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no key in it.
    #[error(
        "there is no public key in it: a PEM block `PUBLIC KEY` is expected, as `cosign public-key` prints it"
    )]
    None,
    /// Which one is meant?
    #[error("there is more than one public key in it: write each into a file of its own")]
    Several,
    /// It is of a kind that is not verified with.
    #[error("its public key is none of ECDSA P-256, Ed25519 and RSA with 2048 bits or more")]
    Unsupported,
}

impl Algorithm {
    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
            Self::Ed25519 => &ED25519,
            Self::Rsa => &RSA_PKCS1_2048_8192_SHA256,
        }
    }

    fn of(info: &[u8]) -> Option<Self> {
        let is = |algorithm: Self| ParsedPublicKey::new(algorithm.verification(), info).is_ok();
        // Anything that parses as RSA may be too short; this constructor looks.
        let is_long = || PublicEncryptingKey::from_der(info).is_ok();
        [Self::EcdsaP256, Self::Ed25519]
            .into_iter()
            .find(|algorithm| is(*algorithm))
            .or_else(|| (is(Self::Rsa) && is_long()).then_some(Self::Rsa))
    }
}

impl PublicKey {
    /// Returns the key that is in the file at `path`, which is not read yet. `name` is how reports call it.
    pub fn unread(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), path: path.into(), read: None }
    }

    /// Returns the key with what is in its file.
    ///
    /// # Errors
    /// There is no key in `pem`, more than one, or one of a kind that tagpin does not verify with.
    pub fn with(self, pem: &[u8]) -> Result<Self, KeyError> {
        let mut keys = SubjectPublicKeyInfoDer::pem_slice_iter(pem);
        let Some(Ok(info)) = keys.next() else { return Err(KeyError::None) };
        if keys.next().is_some() {
            return Err(KeyError::Several);
        }
        let algorithm = Algorithm::of(&info).ok_or(KeyError::Unsupported)?;
        Ok(Self { read: Some(KeyMaterial { algorithm, info: Arc::from(&*info) }), ..self })
    }

    /// Returns what reports call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the file that it is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the key has made `signature` over `message`.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.read.as_ref().is_some_and(|KeyMaterial { algorithm, info }| {
            UnparsedPublicKey::new(algorithm.verification(), info).verify(message, signature).is_ok()
        })
    }
}

pub(super) fn signer<'k>(
    keys: &'k [PublicKey],
    message: &[u8],
    signatures: &[Vec<u8>],
) -> Option<&'k PublicKey> {
    let made = |key: &&PublicKey| signatures.iter().any(|signature| key.has_signed(message, signature));
    keys.iter().find(made)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    fn key(pem: &str) -> Result<PublicKey, KeyError> {
        PublicKey::unread("k.pub", "/k.pub").with(pem.as_bytes())
    }

    #[test]
    fn each_kind_of_key_verifies_what_it_signed_and_nothing_else() {
        let random = SystemRandom::new();
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let rsa = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let mut by_rsa = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, b"text", &mut by_rsa).unwrap();
        let made = [
            (
                pem(ecdsa.public_key().as_der().unwrap().as_ref()),
                ecdsa.sign(&random, b"text").unwrap().as_ref().to_vec(),
            ),
            (pem(ed25519.public_key().as_der().unwrap().as_ref()), ed25519.sign(b"text").as_ref().to_vec()),
            (pem(rsa.public_key().as_der().unwrap().as_ref()), by_rsa),
        ];
        for (i, (pem, _)) in made.iter().enumerate() {
            let key = key(pem).unwrap();
            for (j, (_, signature)) in made.iter().enumerate() {
                assert_eq!(key.has_signed(b"text", signature), i == j, "key {i}, signature {j}");
            }
            assert!(!key.has_signed(b"texu", &made[i].1) && !key.has_signed(b"text", b""));
            assert!(!PublicKey::unread("k", "/k").has_signed(b"text", &made[i].1), "its file was not read");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let p256 = pem(p256.public_key().as_der().unwrap().as_ref());
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        // Made with `openssl genrsa 1024`.
        let short = "-----BEGIN PUBLIC KEY-----\n\
            MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDKU4EXnuwc0OxrlOXXrRE9/Dhd\n\
            UKYm+KKsyorDObcuwkP+WiY2GAxS1zkgFkCgnS7Mw7ljo/gnVKki6X3y/vTjpPoA\n\
            NbJ7K/BaG5AIXkouDxj+Hk46TS9lzLFYre12FEsYXYHU9axaCYFQMHykTH21pMAm\n\
            W9zkE5KZFXMdZDLUAwIDAQAB\n\
            -----END PUBLIC KEY-----\n";
        for (text, expected) in [
            (String::new(), KeyError::None),
            (p256.replace("PUBLIC", "PRIVATE"), KeyError::None),
            (p256.replace("BEGIN", "BEGINN"), KeyError::None),
            (format!("{p256}{p256}"), KeyError::Several),
            (pem(p384.public_key().as_der().unwrap().as_ref()), KeyError::Unsupported),
            (short.to_owned(), KeyError::Unsupported),
            (pem(b"x"), KeyError::Unsupported),
        ] {
            assert_eq!(key(&text), Err(expected), "{text}");
        }
        assert!(key(&p256).is_ok());
    }
}
