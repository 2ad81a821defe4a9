//! What is attached to a digest is found, and is believed only where it is about that digest and by a key that is known.

use serde_json::json;
use tagpin::reference::Digest;
use tagpin::registry::verify::ArtifactKind;
use tagpin::registry::{Memo, Mirror, PullFromMirror, Registry as _, RegistryRule};

use super::{ATTESTATION, SIGNATURE, World};
use crate::support::provenance::{REPOSITORY, client, client_with, demand, question, said};
use crate::support::registry::{OCI_INDEX, OCI_MANIFEST, Referrers, Registry as Loopback};
use crate::support::signing::{
    Attachment, BUNDLE, ENVELOPE, IN_TOTO, SIGN, SLSA, manifest, payload, statement,
};

#[tokio::test]
async fn cosign_s_tag_is_found_and_verified() {
    let world = World::new().await;
    let missing = world.said_of(SIGNATURE).await;
    let tag = format!("{}.sig", world.digest.replace(':', "-"));
    for part in ["lacks a signature by `cosign.pub`", &tag, "referrers", REPOSITORY] {
        assert!(missing.contains(part), "{part}: {missing}");
    }
    world.sign(&[Attachment::signature(&world.other, &payload(&world.digest)), world.by_known()]);
    assert_eq!(world.said_of(SIGNATURE).await, "signed, key cosign.pub");
    // Both keys of a policy count, and are told apart.
    let both = demand(SIGNATURE, &[world.other.key(), world.known.key()]);
    assert_eq!(world.said(&both).await, "signed, key other.pub");
    assert_eq!(world.said(&demand(SIGNATURE, &[])).await, "a signature is attached, not verified");
    let both = world.said_of(&[ArtifactKind::Signature, ArtifactKind::Attestation]).await;
    assert!(both.starts_with("signed, key cosign.pub | `sha256:") && both.contains(".att`"), "{both}");
}

#[tokio::test]
async fn bundles_are_found_as_referrers_by_the_api_and_by_the_tag_that_stands_for_it() {
    let world = World::new().await;
    let signature = Attachment::bundle(&world.known, &statement(&world.digest, SIGN), SIGN);
    let attestation = Attachment::bundle(&world.known, &statement(&world.digest, SLSA), SLSA);
    let all = [ArtifactKind::Signature, ArtifactKind::Attestation];
    let found = format!("signed, key cosign.pub | attested ({SLSA}), key cosign.pub");
    let unverified = "a signature is attached, not verified | an attestation is attached, not verified";
    let mut entries = Vec::new();
    for attachment in [&signature, &attestation] {
        let digest = world.registry.refer(REPOSITORY, &world.digest, attachment);
        entries.push(json!({
            "mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "artifactType": BUNDLE,
            "annotations": attachment.manifest,
        }));
    }
    for page in [9, 1] {
        world.registry.set(|mood| mood.referrers = Referrers::Api(page));
        assert_eq!(world.said_of(&all).await, found, "{page}");
        assert_eq!(world.said(&demand(&all, &[])).await, unverified, "{page}");
    }
    world.registry.set(|mood| mood.referrers = Referrers::Missing);
    assert!(world.said_of(&all).await.contains("lacks"), "no list stands under the tag yet");
    let list = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
    let tag = world.digest.replace(':', "-");
    world.registry.put_raw(REPOSITORY, &tag, OCI_INDEX, list.to_string().into_bytes());
    assert_eq!(world.said_of(&all).await, found);

    // As cosign 3.0 wrote it where there is no API: the type is that of the empty configuration, annotations are missing.
    for artifact_type in [json!("application/vnd.oci.empty.v1+json"), json!(""), json!(null)] {
        let old = entries.iter().map(|entry| {
            json!({
                "mediaType": OCI_MANIFEST, "digest": entry["digest"], "size": 1, "artifactType": artifact_type,
            })
        });
        let list = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": old.collect::<Vec<_>>()});
        world.registry.put_raw(REPOSITORY, &tag, OCI_INDEX, list.to_string().into_bytes());
        assert_eq!(world.said_of(&all).await, found, "{artifact_type}");
        assert_eq!(world.said(&demand(&all, &[])).await, unverified, "{artifact_type}");
    }

    // A list without annotations leaves it to the content.
    let bare = Attachment { manifest: json!(null), ..signature };
    let digest = world.registry.refer(REPOSITORY, &world.digest, &bare);
    let list = json!({"manifests": [{"digest": digest, "size": 1, "artifactType": BUNDLE}]});
    world.registry.set(|mood| mood.referrers = Referrers::List(list.to_string()));
    assert_eq!(world.said_of(SIGNATURE).await, "signed, key cosign.pub");
    assert_eq!(world.said(&demand(SIGNATURE, &[])).await, "a signature is attached, not verified");
    assert!(world.said(&demand(ATTESTATION, &[])).await.contains("lacks an attestation"));
}

#[tokio::test]
async fn attestations_are_of_the_type_that_their_signed_text_says() {
    let world = World::new().await;
    let other = "https://cyclonedx.org/bom";
    // The annotation says SLSA, which is nobody's word.
    world.attest(&[Attachment::attestation(&world.known, &statement(&world.digest, other))]);
    assert_eq!(world.said_of(ATTESTATION).await, format!("attested ({other}), key cosign.pub"));
    let mut slsa = demand(ATTESTATION, &[world.known.key()]);
    slsa.predicate_types = vec![SLSA.to_owned()];
    let missing = world.said(&slsa).await;
    assert!(missing.contains(&format!("its type is `{other}`")) && missing.contains("lacks"), "{missing}");
    world.attest(&[
        Attachment::attestation(&world.known, &statement(&world.digest, other)),
        Attachment::attestation(&world.known, &statement(&world.digest, SLSA)),
    ]);
    assert_eq!(world.said(&slsa).await, format!("attested ({SLSA}), key cosign.pub"));
    // A signature is no attestation, wherever it lies.
    world.attest(&[Attachment::attestation(&world.known, &statement(&world.digest, SIGN))]);
    assert!(world.said_of(ATTESTATION).await.contains("lacks an attestation"));
}

#[tokio::test]
async fn what_is_signed_for_something_else_or_by_somebody_else_is_no_signature() {
    let world = World::new().await;
    let elsewhere = format!("sha256:{}", "0".repeat(64));
    let (here, there) = (payload(&world.digest), payload(&elsewhere));
    let twice = here.replace(
        "\"docker-manifest-digest\"",
        &format!("\"docker-manifest-digest\":\"{elsewhere}\",\"docker-manifest-digest\""),
    );
    let mut exchanged = Attachment::signature(&world.known, &there);
    exchanged.blob = here.clone().into_bytes();
    let mut unsigned = world.by_known();
    unsigned.layer = json!({"dev.cosignproject.cosign/signature": ""});
    let mut odd = world.by_known();
    odd.layer = json!({"dev.cosignproject.cosign/signature": "not base64!"});
    for (what, attachment, why) in [
        ("another digest", Attachment::signature(&world.known, &there), elsewhere.as_str()),
        ("another key", Attachment::signature(&world.other, &here), "none of the keys"),
        ("another text", exchanged, "none of the keys"),
        ("two digests", Attachment::signature(&world.known, &twice), "duplicate field"),
        ("no signature", unsigned, "none of the keys"),
        ("no base64", odd, "not base64"),
        (
            "another type",
            Attachment::signature(&world.known, &here.replace("container image", "blob")),
            "cosign blob signature",
        ),
        ("no payload", Attachment::signature(&world.known, "{}"), "none of simple signing"),
        (
            "too long",
            Attachment::signature(
                &world.known,
                &here.replace("null", &format!("\"{}\"", "x".repeat(70_000))),
            ),
            "more than tagpin reads",
        ),
    ] {
        world.sign(&[attachment]);
        let said = world.said_of(SIGNATURE).await;
        assert!(said.contains("lacks a signature") && said.contains(why), "{what}: {said}");
        // One that is good stands beside it.
        world.sign(&[world.by_known()]);
        assert_eq!(world.said_of(SIGNATURE).await, "signed, key cosign.pub", "{what}");
    }
}

#[tokio::test]
async fn an_envelope_around_something_else_attests_nothing() {
    let world = World::new().await;
    let elsewhere = format!("sha256:{}", "0".repeat(64));
    let good = statement(&world.digest, SLSA);
    let attach = |value: serde_json::Value| Attachment {
        media_type: ENVELOPE,
        blob: value.to_string().into_bytes(),
        layer: json!(null),
        manifest: json!(null),
    };
    let mut retyped = world.known.envelope("text/plain", &good);
    retyped["payloadType"] = IN_TOTO.into();
    let mut swapped = world.known.envelope(IN_TOTO, &statement(&elsewhere, SLSA));
    swapped["payload"] = world.other.envelope(IN_TOTO, &good)["payload"].clone();
    let none = json!({"payloadType": IN_TOTO, "payload": swapped["payload"], "signatures": []});
    let untyped = good.replace("https://in-toto.io/Statement/v1", "https://example.com/Note/v1");
    for (what, envelope, why) in [
        ("another type", world.known.envelope("text/plain", &good), "`text/plain`"),
        ("a type that was changed", retyped, "none of the keys"),
        ("another key", world.other.envelope(IN_TOTO, &good), "none of the keys"),
        ("another text", swapped, "none of the keys"),
        ("no signature", none, "none of the keys"),
        ("another digest", world.known.envelope(IN_TOTO, &statement(&elsewhere, SLSA)), elsewhere.as_str()),
        ("another statement", world.known.envelope(IN_TOTO, &untyped), "example.com/Note"),
        ("no statement", world.known.envelope(IN_TOTO, "{}"), "not an in-toto statement"),
        ("no envelope", json!({"payload": 1}), "no DSSE envelope"),
    ] {
        world.attest(&[attach(envelope)]);
        let said = world.said_of(ATTESTATION).await;
        assert!(said.contains("lacks an attestation") && said.contains(why), "{what}: {said}");
    }
    world.attest(&[attach(world.known.envelope(IN_TOTO, &good))]);
    assert_eq!(world.said_of(ATTESTATION).await, format!("attested ({SLSA}), key cosign.pub"));
}

#[tokio::test]
async fn a_referrer_that_belongs_to_something_else_is_refused() {
    let world = World::new().await;
    let elsewhere = format!("sha256:{}", "0".repeat(64));
    let bundle = Attachment::bundle(&world.known, &statement(&world.digest, SIGN), SIGN);
    let listed = |digest: &str| {
        let list = json!({"manifests": [{"digest": digest, "size": 1, "artifactType": BUNDLE}]});
        world.registry.set(|mood| mood.referrers = Referrers::List(list.to_string()));
    };
    // The list lies: the manifest says that it belongs to another digest, or to none.
    let stray = world.registry.refer(REPOSITORY, &elsewhere, &bundle);
    let loose = manifest(std::slice::from_ref(&bundle), None).to_string().into_bytes();
    let loose = world.registry.store(REPOSITORY, OCI_MANIFEST, loose);
    for (digest, why) in [(&stray, elsewhere.as_str()), (&loose, "belongs to nothing")] {
        listed(digest);
        for keys in [vec![], vec![world.known.key()]] {
            let said = world.said(&demand(SIGNATURE, &keys)).await;
            assert!(said.contains("lacks") && said.contains(why), "{said}");
        }
    }
    listed("sha256:nonsense");
    assert!(world.said_of(SIGNATURE).await.contains("its digest is malformed"));
    listed(&elsewhere);
    assert!(world.said_of(SIGNATURE).await.contains("does not have it"));
    // Under a tag of cosign's too, where it says so.
    let body = manifest(&[world.by_known()], Some(&elsewhere)).to_string().into_bytes();
    let tag = format!("{}.sig", world.digest.replace(':', "-"));
    world.registry.put_raw(REPOSITORY, &tag, OCI_MANIFEST, body);
    listed(&world.registry.refer(REPOSITORY, &elsewhere, &bundle));
    assert!(world.said_of(SIGNATURE).await.contains("lacks a signature"));
}

#[tokio::test]
async fn what_does_not_hash_to_its_digest_is_an_error_and_no_signature() {
    let world = World::new().await;
    world.registry.set(|mood| mood.referrers = Referrers::Api(9));
    // The payload: signed, and not what the layer's digest says.
    let attachment = world.by_known();
    let blob = Digest::sha256(&attachment.blob);
    world.sign(&[Attachment { blob: b"{}".to_vec(), ..attachment.clone() }]);
    world.registry.replace(REPOSITORY, Digest::sha256(b"{}").as_str(), &attachment.blob);
    let said = world.said_of(SIGNATURE).await;
    assert!(said.starts_with("invalid-answer: ") && said.contains("does not match"), "{said}");
    assert!(!said.contains(blob.as_str()), "{said}");
    // The manifest of a referrer.
    let world = World::new().await;
    world.registry.set(|mood| mood.referrers = Referrers::Api(9));
    let bundle = Attachment::bundle(&world.known, &statement(&world.digest, SIGN), SIGN);
    let elsewhere = format!("sha256:{}", "0".repeat(64));
    let named = world.registry.refer(REPOSITORY, &world.digest, &bundle);
    let list = json!({"manifests": [{"digest": elsewhere, "size": 1, "artifactType": BUNDLE}]});
    world.registry.set(|mood| mood.referrers = Referrers::List(list.to_string()));
    let body = manifest(std::slice::from_ref(&bundle), Some(&world.digest)).to_string();
    assert_eq!(Digest::sha256(body.as_bytes()).as_str(), named);
    world.registry.replace_as(OCI_MANIFEST, REPOSITORY, &elsewhere, body.as_bytes());
    for keys in [vec![], vec![world.known.key()]] {
        let said = world.said(&demand(SIGNATURE, &keys)).await;
        assert!(said.starts_with("invalid-answer: ") && said.contains("does not match"), "{said}");
    }
    // Another one that is good makes up for it.
    world.sign(&[world.by_known()]);
    assert_eq!(world.said_of(SIGNATURE).await, "signed, key cosign.pub");
}

#[tokio::test]
async fn a_list_without_end_ends() {
    let world = World::new().await;
    let endless = |referrers: Referrers| world.registry.set(|mood| mood.referrers = referrers);
    endless(Referrers::Endless);
    let said = world.said_of(SIGNATURE).await;
    assert!(said.starts_with("invalid-answer: ") && said.contains("more than"), "{said}");
    let asked = world.registry.requests().iter().filter(|it| it.path.contains("/referrers/")).count();
    assert_eq!(asked, 8);
    // Pages that hold more than is looked into.
    let entry = |i: usize| json!({"digest": format!("sha256:{i:064x}"), "size": 1, "artifactType": BUNDLE});
    let list = json!({"manifests": (0..65).map(entry).collect::<Vec<_>>()});
    endless(Referrers::List(list.to_string()));
    world.registry.forget_requests();
    assert!(world.said_of(SIGNATURE).await.starts_with("invalid-answer: "));
    assert!(world.registry.requests().len() < 5);
    // Signatures without end under cosign's tag.
    endless(Referrers::Missing);
    let bad = |i: usize| Attachment::signature(&world.other, &format!("{}{i}", payload(&world.digest)));
    world.sign(&(0..80).map(bad).collect::<Vec<_>>());
    world.registry.forget_requests();
    let said = world.said_of(SIGNATURE).await;
    assert!(said.starts_with("invalid-answer: "), "{said}");
    assert_eq!(world.registry.requests().len(), 65);
    // A body without end.
    let world = World::new().await;
    world.sign(&[world.by_known()]);
    world.registry.set(|mood| mood.body = crate::support::registry::BodyMood::Endless);
    assert!(world.said_of(SIGNATURE).await.starts_with("invalid-answer: "));
}

#[tokio::test]
async fn only_the_registry_s_own_list_is_followed() {
    let world = World::new().await;
    let elsewhere = Loopback::start().await;
    for (link, followed) in [
        (format!("http://{}/v2/{REPOSITORY}/referrers/{}?a", elsewhere.host(), world.digest), true),
        (format!("http://{}/v2/secret/blobs/x?a", elsewhere.host()), false),
        ("/v2/other/manifests/latest?a".to_owned(), false),
    ] {
        world.registry.forget_requests();
        world.registry.set(|mood| mood.referrers = Referrers::Link(link.clone()));
        let said = world.said_of(SIGNATURE).await;
        assert!(said.starts_with("invalid-answer: "), "{said}");
        let paths: Vec<String> = world.registry.requests().into_iter().map(|it| it.path).collect();
        let own = format!("/v2/{REPOSITORY}/");
        assert!(paths.iter().all(|path| path.starts_with(&own)), "{paths:?}");
        assert_eq!(paths.len() > 2, followed, "{link}: {paths:?}");
    }
    assert!(elsewhere.requests().is_empty(), "nobody else is asked");
}

#[tokio::test]
async fn a_registry_that_cannot_be_asked_says_neither_signed_nor_unsigned() {
    let world = World::new().await;
    for (status, reason) in
        [(503, "unavailable"), (429, "rate-limited"), (403, "unauthorized"), (418, "invalid-answer")]
    {
        world.registry.set(|mood| mood.referrers = Referrers::Status(status));
        let error = world.ask(SIGNATURE).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        world.registry.set(|mood| (mood.referrers, mood.always) = (Referrers::Missing, Some(status)));
        let error = world.ask(SIGNATURE).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        world.registry.set(|mood| mood.always = None);
    }
    world.registry.set(|mood| mood.referrers = Referrers::List("<html>".to_owned()));
    assert_eq!(world.ask(SIGNATURE).await.unwrap_err().reason(), "invalid-answer");
}

#[tokio::test]
async fn a_mirror_is_not_asked_whether_something_is_signed() {
    let world = World::new().await;
    world.sign(&[world.by_known()]);
    let mirror = Loopback::start().await;
    let (prefix, location) = ("registry.example".to_owned(), world.registry.host());
    let mirrors = vec![Mirror { location: mirror.host(), insecure: false, pull: PullFromMirror::All }];
    let client = client_with(vec![RegistryRule { prefix, location, mirrors, ..RegistryRule::default() }]);
    let digest = Digest::parse(&world.digest).unwrap();
    let demand = demand(SIGNATURE, &[world.known.key()]);
    let evidence = client.evidence(&question("registry.example"), &digest, &demand).await;
    assert_eq!(said(evidence), "signed, key cosign.pub");
    let asked: Vec<String> = mirror.requests().into_iter().map(|it| it.path).collect();
    assert!(asked.iter().all(|path| path.contains("/blobs/")), "{asked:?}");
}

#[tokio::test]
async fn each_question_is_asked_once_and_the_requests_are_counted() {
    let world = World::new().await;
    world.sign(&[world.by_known()]);
    let memo = Memo::new(client());
    let digest = Digest::parse(&world.digest).unwrap();
    let host = world.registry.host();
    let signature = demand(SIGNATURE, &[world.known.key()]);
    for _ in 0..3 {
        assert_eq!(
            said(memo.evidence(&question(&host), &digest, &signature).await),
            "signed, key cosign.pub"
        );
    }
    assert_eq!(world.registry.requests().len(), 2, "the manifest and the payload");
    assert_eq!(memo.budgets()[&host].provenance, 2);
    // Attached is not verified: another demand is another question.
    let attached = demand(SIGNATURE, &[]);
    let found = said(memo.evidence(&question(&host), &digest, &attached).await);
    assert_eq!(found, "a signature is attached, not verified");
    assert_eq!(world.registry.requests().len(), 3, "presence costs one request where cosign's tag is there");
}
