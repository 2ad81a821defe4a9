//! Signatures and attestations: what is found, what is verified, and that nothing hostile passes for either.

use std::time::Duration;

use serde_json::json;
use tagpin::config::Config;
use tagpin::history::ledger::LedgerView;
use tagpin::plan::pin::{pin, take_inventory};
use tagpin::plan::set_digest::{AssignedDigest, Assignment, Atomicity, assign};
use tagpin::plan::{Outcome, Pinned};
use tagpin::reference::{Digest, Reference};
use tagpin::registry::verify::{ArtifactKind, Demand, Evidence, PublicKey};
use tagpin::registry::{
    ClientSettings, HttpRegistry, Limits, Memo, Mirror, PullFromMirror, Registry as _, RegistryRule,
    ResolveError, TagRef, Trust,
};
use tagpin::source::tree::DirectoryTree;

use crate::support::docker::{Push, docker_registry, installed, push};
use crate::support::registry::{OCI_INDEX, OCI_MANIFEST, Referrers, Registry as Loopback};
use crate::support::signing::{
    Attachment, BUNDLE, ENVELOPE, IN_TOTO, SIGN, SIMPLE_SIGNING, SLSA, Signer, manifest, payload, statement,
};

const REPOSITORY: &str = "acme/api";

fn client() -> HttpRegistry {
    client_with(Vec::new())
}

fn client_with(rules: Vec<RegistryRule>) -> HttpRegistry {
    let limits = Limits { retry_delay: Duration::from_millis(1), ..Limits::default() };
    HttpRegistry::new(ClientSettings { rules, limits, trust: Trust::Typed, ..ClientSettings::default() })
        .unwrap()
}

fn question(host: &str) -> TagRef {
    TagRef::new(&Reference::parse(&format!("{host}/{REPOSITORY}:1")).unwrap())
}

fn demand(kinds: &[ArtifactKind], keys: &[PublicKey]) -> Demand {
    Demand { require: kinds.iter().copied().collect(), keys: keys.to_vec(), predicate_types: Vec::new() }
}

const SIGNATURE: &[ArtifactKind] = &[ArtifactKind::Signature];
const ATTESTATION: &[ArtifactKind] = &[ArtifactKind::Attestation];

/// A registry with one image, and somebody whose key the policy knows.
struct World {
    registry: Loopback,
    digest: String,
    known: Signer,
    other: Signer,
}

impl World {
    async fn new() -> Self {
        let registry = Loopback::start().await;
        let digest = registry.put_index(REPOSITORY, "1", &["linux/amd64", "linux/arm64"], "a");
        Self { registry, digest, known: Signer::new("cosign.pub"), other: Signer::new("other.pub") }
    }

    /// Asks, with the key that is known.
    async fn ask(&self, kinds: &[ArtifactKind]) -> Result<Evidence, ResolveError> {
        self.ask_for(&demand(kinds, &[self.known.key()])).await
    }

    async fn ask_for(&self, demand: &Demand) -> Result<Evidence, ResolveError> {
        let digest = Digest::parse(&self.digest).unwrap();
        client().evidence(&question(&self.registry.host()), &digest, demand).await
    }

    /// Asks, and returns in words what was found, what is missing, or the reason of the error.
    async fn said(&self, demand: &Demand) -> String {
        said(self.ask_for(demand).await)
    }

    async fn said_of(&self, kinds: &[ArtifactKind]) -> String {
        self.said(&demand(kinds, &[self.known.key()])).await
    }

    fn sign(&self, attachments: &[Attachment]) {
        self.registry.attach(REPOSITORY, &self.digest, "sig", attachments);
    }

    fn attest(&self, attachments: &[Attachment]) {
        self.registry.attach(REPOSITORY, &self.digest, "att", attachments);
    }

    fn by_known(&self) -> Attachment {
        Attachment::signature(&self.known, &payload(&self.digest))
    }
}

fn said(evidence: Result<Evidence, ResolveError>) -> String {
    match evidence {
        Ok(Evidence { proofs, missing }) => {
            let proofs = proofs.iter().map(ToString::to_string);
            proofs.chain(missing.into_iter().map(|(_, text)| text)).collect::<Vec<_>>().join(" | ")
        }
        Err(error) => format!("{}: {error}", error.reason()),
    }
}

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
        ("no statement", world.known.envelope(IN_TOTO, "{}"), "no in-toto statement"),
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

/// Pins what `files` has in a new directory.
async fn pin_in(directory: &std::path::Path, config: &Config, registry: &HttpRegistry) -> Pinned {
    let tree = DirectoryTree::open(directory).unwrap();
    pin(&tree, &config.settings, &LedgerView::default(), registry, |_, _| {}).await.unwrap()
}

fn config(world: &World, directory: &std::path::Path, text: &str) -> Config {
    fs_err::write(directory.join("cosign.pub"), world.known.pem()).unwrap();
    let file = directory.join("bot.toml");
    fs_err::write(&file, text).unwrap();
    Config::load(Some(&file), &tagpin::config::Variables::default()).unwrap()
}

fn compose(world: &World, digest: &str) -> String {
    format!("services:\n  api:\n    image: {}/{REPOSITORY}:1{digest}\n", world.registry.host())
}

#[tokio::test]
async fn a_digest_is_written_only_with_what_policy_demands_and_nobody_is_asked_about_the_others() {
    let world = World::new().await;
    let (settings, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config =
        config(&world, settings.path(), "[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n");
    let file = work.path().join("compose.yaml");
    fs_err::write(&file, compose(&world, "")).unwrap();
    let pinned = pin_in(work.path(), &config, &client()).await;
    let [verdict] = &pinned.verdicts[..] else { panic!("{:?}", pinned.verdicts) };
    assert_eq!((verdict.outcome, verdict.reason), (Outcome::Held, Some("unsigned")), "{verdict:?}");
    assert!(verdict.detail.as_ref().unwrap().contains("cosign.pub") && pinned.files.is_empty());

    world.registry.set(|mood| mood.referrers = Referrers::Status(503));
    let pinned = pin_in(work.path(), &config, &client()).await;
    assert_eq!(
        (pinned.verdicts[0].outcome, pinned.verdicts[0].reason),
        (Outcome::Failed, Some("unavailable"))
    );
    world.registry.set(|mood| mood.referrers = Referrers::Missing);

    world.sign(&[world.by_known()]);
    let pinned = pin_in(work.path(), &config, &client()).await;
    let change = pinned.verdicts[0].change.as_ref().unwrap();
    assert_eq!(change.proofs.first().unwrap().to_string(), "signed, key cosign.pub");
    let after = String::from_utf8(pinned.files[0].after.clone()).unwrap();
    assert_eq!(after, compose(&world, &format!("@{}", world.digest)));

    // What stands there already is nobody's question.
    fs_err::write(&file, after).unwrap();
    world.registry.forget_requests();
    assert_eq!(pin_in(work.path(), &config, &client()).await.verdicts[0].outcome, Outcome::Unchanged);
    assert!(world.registry.requests().iter().all(|it| !it.path.contains(".sig")));

    // And with a key that was not read nothing passes.
    let unread = Config::parse(
        "bot.toml",
        settings.path(),
        b"[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n",
    );
    fs_err::write(&file, compose(&world, "")).unwrap();
    let pinned = pin_in(work.path(), &unread.unwrap(), &client()).await;
    assert_eq!(pinned.verdicts[0].reason, Some("unsigned"));
}

#[tokio::test]
async fn a_platform_s_digest_is_vouched_for_by_its_index() {
    let world = World::new().await;
    let (settings, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let policy = "[policy]\nlevel = \"platform\"\nplatforms = [\"linux/arm64\"]\nrequire = \"signature\"\n\
                  keys = [\"cosign.pub\"]\n";
    let config = config(&world, settings.path(), policy);
    fs_err::write(work.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let pinned = pin_in(work.path(), &config, &client()).await;
    let detail = pinned.verdicts[0].detail.clone().unwrap();
    assert!(pinned.verdicts[0].reason == Some("unsigned") && detail.contains(&world.digest), "{detail}");
    world.sign(&[world.by_known()]);
    let pinned = pin_in(work.path(), &config, &client()).await;
    let change = pinned.verdicts[0].change.clone().unwrap();
    assert!(change.digest.as_str() != world.digest && change.proofs.len() == 1);

    // Or by a signature of its own.
    let other = World { registry: Loopback::start().await, ..world };
    other.registry.put_index(REPOSITORY, "1", &["linux/amd64", "linux/arm64"], "a");
    let attachment = Attachment::signature(&other.known, &payload(change.digest.as_str()));
    other.registry.attach(REPOSITORY, change.digest.as_str(), "sig", &[attachment]);
    fs_err::write(work.path().join("compose.yaml"), compose(&other, "")).unwrap();
    let pinned = pin_in(work.path(), &config, &client()).await;
    assert_eq!(pinned.verdicts[0].outcome, Outcome::Pinned, "{:?}", pinned.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_who_vouches_for_a_digest() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    // What a file names on this machine is asked only where the configuration has it.
    let registry = format!("[[registry]]\nprefix = \"{}\"\n", world.registry.host());
    let policy = format!("[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n{registry}");
    config(&world, directory.path(), &policy);
    fs_err::write(directory.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let run = async |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.args(args).args(["--config", "bot.toml"]).current_dir(directory.path()).env_clear();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let image = format!("{}/{REPOSITORY}:1", world.registry.host());
    let pinned = ["pin", "--format", "json", "compose.yaml"];
    let (code, out, _) = run(&pinned).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let row = &json["references"][0];
    assert_eq!(
        (code, &row["outcome"], &row["reason"]),
        (Some(0), &"held".into(), &"unsigned".into()),
        "{json}"
    );
    assert!(row.get("provenance").is_none());
    let set = format!("{image}@{}", world.digest);
    let (code, out, err) = run(&["pin", "--set", &set, "compose.yaml"]).await;
    assert!(code == Some(3) && out.contains("unsigned: `sha256:"), "who names a digest wants it: {out}{err}");
    let (code, out, err) = run(&["resolve", "-v", &image]).await;
    assert!(
        code == Some(0) && out.contains(&world.digest) && err.contains("lacks a signature by `cosign.pub`"),
        "{err}"
    );

    world.sign(&[world.by_known()]);
    let (_, _, err) = run(&["resolve", "-v", &image]).await;
    assert!(err.contains("\n  signed, key cosign.pub\n"), "{err}");
    let (code, out, _) = run(&pinned).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected =
        json!([{"kind": "signature", "verified": true, "key": "cosign.pub", "predicate_type": null}]);
    assert_eq!((code, &json["references"][0]["provenance"]), (Some(0), &expected), "{json}");
    assert_eq!(json["registries"][world.registry.host()]["provenance"], 2);
    fs_err::write(directory.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let (_, out, _) = run(&["pin", "compose.yaml"]).await;
    assert!(out.contains("\n          signed, key cosign.pub\n"), "{out}");
}

#[tokio::test]
async fn a_digest_that_somebody_names_obeys_as_well() {
    let world = World::new().await;
    let (settings, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config =
        config(&world, settings.path(), "[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n");
    fs_err::write(work.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let tree = DirectoryTree::open(work.path()).unwrap();
    for signed in [false, true] {
        if signed {
            world.sign(&[world.by_known()]);
        }
        let inventory = take_inventory(&tree, &config.settings).unwrap();
        let digest = Digest::parse(&world.digest).unwrap();
        let aim = Assignment::Set(AssignedDigest { digest, tag: None, platforms: Vec::new() });
        let pinned = assign(
            &tree,
            &config.settings,
            &LedgerView::default(),
            &client(),
            inventory,
            vec![aim],
            Atomicity::StopsAll,
        )
        .await
        .unwrap();
        let verdict = &pinned.verdicts[0];
        let expected = if signed { (Outcome::Pinned, None) } else { (Outcome::Held, Some("unsigned")) };
        assert_eq!((verdict.outcome, verdict.reason), expected, "{verdict:?}");
        assert_eq!(pinned.files.len(), usize::from(signed));
    }
    // Another tag for the digest that stands there is no new digest.
    world.sign(&[]);
    fs_err::write(work.path().join("compose.yaml"), compose(&world, &format!("@{}", world.digest))).unwrap();
    world.registry.forget_requests();
    let inventory = take_inventory(&tree, &config.settings).unwrap();
    let digest = Digest::parse(&world.digest).unwrap();
    let aim = Assignment::Set(AssignedDigest { digest, tag: Some("2".to_owned()), platforms: Vec::new() });
    let pinned = assign(
        &tree,
        &config.settings,
        &LedgerView::default(),
        &client(),
        inventory,
        vec![aim],
        Atomicity::StopsAll,
    )
    .await
    .unwrap();
    assert_eq!(pinned.verdicts[0].outcome, Outcome::Updated, "{:?}", pinned.verdicts);
    assert!(world.registry.requests().iter().all(|it| !it.path.contains(".sig")));
}

#[tokio::test]
async fn a_repository_demands_more_and_never_less() {
    let world = World::new().await;
    let settings = tempfile::tempdir().unwrap();
    let work = tempfile::tempdir().unwrap();
    fs_err::write(work.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let by_operator = "[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n";
    let operator = config(&world, settings.path(), by_operator);
    let files = |path: &str| (path == ".github/other.pub").then(|| world.other.pem().into_bytes());
    let own = b"[policy]\nrequire = \"signature\"\nkeys = [\"other.pub\"]\n";
    let narrowed = operator.narrowed(".github/tagpin.toml", own, files).unwrap();
    // The operator's key is still asked for, and the repository's beside it.
    for (signers, outcome) in [
        (vec![&world.other], Outcome::Held),
        (vec![&world.known], Outcome::Held),
        (vec![&world.known, &world.other], Outcome::Pinned),
    ] {
        let sign = |signer: &&Signer| Attachment::signature(signer, &payload(&world.digest));
        world.sign(&signers.iter().map(sign).collect::<Vec<_>>());
        let pinned = pin_in(work.path(), &narrowed, &client()).await;
        assert_eq!(pinned.verdicts[0].outcome, outcome, "{:?}", pinned.verdicts);
    }
    // Nothing that it says takes something away.
    world.sign(&[]);
    for own in ["[policy]\nrequire = []\n", "[[policy.rule]]\npaths = [\"**\"]\nrequire = []\n", ""] {
        let narrowed = operator.narrowed("tagpin.toml", own.as_bytes(), files).unwrap();
        let pinned = pin_in(work.path(), &narrowed, &client()).await;
        assert_eq!(pinned.verdicts[0].reason, Some("unsigned"), "{own}");
    }
    // Where the operator demands nothing, the repository's own rules count alone, path by path.
    let own = "[[policy.rule]]\npaths = [\"production/**\"]\nrequire = \"signature\"\n";
    let narrowed = Config::default().narrowed("tagpin.toml", own.as_bytes(), files).unwrap();
    assert_eq!(pin_in(work.path(), &narrowed, &client()).await.verdicts[0].outcome, Outcome::Pinned);
    assert_eq!(narrowed.settings.policy.decide("production/a.yaml", "nginx", None).demands.len(), 1);
    for (own, why) in [
        ("keys = [\"../other.pub\"]", "not a file beside"),
        ("keys = [\"/etc/other.pub\"]", "not a file beside"),
        ("keys = [\"missing.pub\"]", "not there"),
        ("keys = [\"a/../other.pub\"]", "not a file beside"),
        ("keys = [\"other.pub\"]\nlevel = \"index\"", "belongs into the file"),
    ] {
        let own = format!("[policy]\nrequire = \"signature\"\n{own}\n");
        let error = operator.narrowed(".github/tagpin.toml", own.as_bytes(), files).unwrap_err().to_string();
        assert!(error.contains(why), "{own}: {error}");
    }
}

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
