//! Signatures and attestations in a real registry, as cosign pushes them.

use serde_json::json;
use tagpin::reference::Digest;
use tagpin::registry::Registry as _;
use tagpin::registry::verify::{ArtifactKind, Demand};

use crate::support::docker::{Push, docker_registry, installed, push};
use crate::support::provenance::{REPOSITORY, client, demand, question, said};
use crate::support::registry::{OCI_INDEX, OCI_MANIFEST};
use crate::support::signing::{
    Attachment, BUNDLE, SIGN, SIMPLE_SIGNING, SLSA, Signer, manifest, payload, statement,
};

#[tokio::test]
async fn a_real_registry_has_them_as_cosign_pushes_them() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let server = docker_registry(&directory, "", "");
    let push = push(&server);
    let (digest, _) = push.index(REPOSITORY, "1", "a").await;
    let known = Signer::new("cosign.pub");
    let both = demand(&[ArtifactKind::Signature, ArtifactKind::Attestation], &[known.key()]);
    let question = question(&format!("localhost:{}", server.port));
    let ask = async |demand: &Demand| {
        said(client().evidence(&question, &Digest::parse(&digest).unwrap(), demand).await)
    };
    let missing = ask(&both).await;
    assert!(missing.contains(".sig") && missing.contains(".att"), "{missing}");

    let tag = |suffix: &str| format!("{}{suffix}", digest.replace(':', "-"));
    let signature = Attachment::signature(&known, &payload(&digest));
    assert_eq!(signature.media_type, SIMPLE_SIGNING);
    put(&push, &tag(".sig"), &signature, None).await;
    put(&push, &tag(".att"), &Attachment::attestation(&known, &statement(&digest, SLSA)), None).await;
    let found = format!("signed, key cosign.pub | attested ({SLSA}), key cosign.pub");
    assert_eq!(ask(&both).await, found);

    // Another image, whose signatures are referrers: this registry has no API for them, so the list is a tag.
    let (digest, _) = push.index(REPOSITORY, "2", "b").await;
    let ask = async |demand: &Demand| {
        said(client().evidence(&question, &Digest::parse(&digest).unwrap(), demand).await)
    };
    let mut entries = Vec::new();
    for predicate_type in [SIGN, SLSA] {
        let bundle = Attachment::bundle(&known, &statement(&digest, predicate_type), predicate_type);
        let mut entry = put(&push, "", &bundle, Some(&digest)).await;
        entry["artifactType"] = BUNDLE.into();
        entries.push(entry);
    }
    let list = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    assert!(ask(&both).await.contains("lacks"));
    push.manifest(REPOSITORY, &digest.replace(':', "-"), OCI_INDEX, &list).await;
    assert_eq!(ask(&both).await, found);
}

/// Pushes what is attached, under a tag or as a referrer.
async fn put(
    push: &Push<'_>,
    tag: &str,
    attachment: &Attachment,
    subject: Option<&str>,
) -> serde_json::Value {
    push.blob(REPOSITORY, b"{}".to_vec()).await;
    push.blob(REPOSITORY, attachment.blob.clone()).await;
    push.manifest(REPOSITORY, tag, OCI_MANIFEST, &manifest(std::slice::from_ref(attachment), subject)).await
}
