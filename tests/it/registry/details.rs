//! What is asked of a registry only because it is good to know: how much, and what happens where it says no.

use serde_json::json;
use tagpin::reference::Digest;
use tagpin::registry::{
    ClientSettings, Description, HttpRegistry, InvalidAnswer, Limits, Memo, Probe, Probed, Registry as _,
    ResolveError, describe,
};

use crate::support::asking::{client, limits, platform, question, settings};
use crate::support::images::Build;
use crate::support::registry::{OCI_MANIFEST, Registry};

const IMAGE: &str = "acme/api:1";

fn build(version: &str) -> Build {
    Build {
        platforms: vec!["linux/arm64", "linux/amd64"],
        config: json!({"User": "101", "Labels": {"org.opencontainers.image.version": version}}),
        created: "2026-11-20T09:12:00Z",
        size: 1_500_000,
    }
}

/// Returns a registry with one image, and the image's digest.
async fn registry() -> (Registry, Digest) {
    let registry = Registry::start().await;
    let digest = registry.put_build("acme/api", "1", &build("1.0"));
    (registry, Digest::parse(&digest).unwrap())
}

async fn described(client: &HttpRegistry, registry: &Registry, digest: &Digest, most: u64) -> Description {
    describe(client, &question(registry, IMAGE), digest, &[], most).await
}

fn reason(description: &Description) -> Option<&'static str> {
    description.missing.as_ref().map(ResolveError::reason)
}

#[tokio::test]
async fn an_image_is_described_in_three_requests() {
    let (registry, digest) = registry().await;
    let client = client();
    let description = described(&client, &registry, &digest, 3).await;
    assert_eq!(description.missing, None);
    assert!(description.is_index && description.is_complete());
    assert_eq!(description.platforms.len(), 2);
    assert_eq!(
        (description.platform.clone(), description.size),
        (Some(platform("linux/amd64")), Some(1_500_000))
    );
    let config = description.config.unwrap();
    assert_eq!((config.label("version"), config.user.as_str()), (Some("1.0"), "101"));
    assert!(config.created.is_some());
    let budget = client.budget()[&registry.host()];
    assert_eq!((budget.head, budget.get, budget.details), (0, 3, 3));

    // What the fleet runs goes before what most run.
    let wanted = [platform("linux/riscv64"), platform("linux/arm64")];
    let description = describe(&client, &question(&registry, IMAGE), &digest, &wanted, 9).await;
    assert_eq!(description.platform, Some(platform("linux/arm64")));
}

#[tokio::test]
async fn an_image_without_index_says_its_platform_itself() {
    let registry = Registry::start().await;
    let digest = Digest::parse(&registry.put_manifest("acme/api", "1", "one")).unwrap();
    let description = described(&client(), &registry, &digest, 9).await;
    assert!(!description.is_index && description.missing.is_none());
    let names: Vec<_> = description.names().collect();
    assert_eq!(
        (names, description.platform.clone()),
        (vec![&platform("linux/amd64")], Some(platform("linux/amd64")))
    );
}

#[tokio::test]
async fn the_budget_is_not_overdrawn_and_what_was_learned_before_stays() {
    let (registry, digest) = registry().await;
    for (most, requests) in [(0, 0), (1, 1), (2, 2)] {
        registry.forget_requests();
        let description = described(&client(), &registry, &digest, most).await;
        assert_eq!(reason(&description), Some("rate-limited"));
        assert_eq!(registry.requests().len(), requests);
        assert_eq!((description.platforms.is_empty(), description.size.is_some()), (most == 0, most == 2));
        assert!(!description.is_complete());
    }
}

#[tokio::test]
async fn nothing_is_asked_where_few_pulls_are_left() {
    let (registry, digest) = registry().await;
    for (left, asked) in [("49;w=21600", false), ("50;w=21600", true)] {
        registry.set(|mood| mood.headers = vec![("ratelimit-remaining".to_owned(), left.to_owned())]);
        let client = client();
        client.resolve(&question(&registry, IMAGE), false).await.unwrap();
        registry.forget_requests();
        let description = described(&client, &registry, &digest, 99).await;
        assert_eq!(reason(&description).is_none(), asked, "{left}");
        assert_eq!(registry.requests().is_empty(), !asked, "{left}");
    }
}

#[tokio::test]
async fn after_a_429_nobody_asks_for_details_again_but_tags_are_still_asked() {
    let (registry, digest) = registry().await;
    let client = client();
    registry.set(|mood| mood.failures = vec![(429, None)]);
    let description = described(&client, &registry, &digest, 99).await;
    assert_eq!(reason(&description), Some("rate-limited"));
    assert_eq!(registry.requests().len(), 1, "it is not repeated");
    for _ in 0..20 {
        described(&client, &registry, &digest, 99).await;
    }
    assert_eq!(registry.requests().len(), 1, "nor asked again");
    client.resolve(&question(&registry, IMAGE), false).await.unwrap();
}

#[tokio::test]
async fn failures_of_details_do_not_count_against_the_registry() {
    let (registry, digest) = registry().await;
    let client = client();
    registry.set(|mood| mood.failures = vec![(500, None); 10]);
    for _ in 0..10 {
        assert_eq!(reason(&described(&client, &registry, &digest, 99).await), Some("unavailable"));
    }
    assert_eq!(registry.requests().len(), 10, "each once");
    client.resolve(&question(&registry, IMAGE), false).await.unwrap();
}

#[tokio::test]
async fn a_config_is_bounded_hashed_and_read_with_care() {
    let (registry, _) = registry().await;
    let of_config = |config: &[u8], named: Option<&str>| {
        let config = registry.put_raw("acme/api", "config", "application/octet-stream", config.to_vec());
        let config = named.unwrap_or(&config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [],
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
        });
        let digest = registry.put_raw("acme/api", "1", OCI_MANIFEST, manifest.to_string().into_bytes());
        Digest::parse(&digest).unwrap()
    };
    let limits = Limits { config: 2000, ..limits() };
    let client = HttpRegistry::new(ClientSettings { limits, ..settings() }).unwrap();
    let right = br#"{"rootfs": {}}"#;
    let long = format!(r#"{{"rootfs": {{}}, "author": "{}"}}"#, "x".repeat(2000));
    for (config, reason_of) in [
        (&right[..], None),
        (long.as_bytes(), Some("invalid-answer")),
        (b"[]", Some("invalid-answer")),
        (b"\xff\xfe", Some("invalid-answer")),
    ] {
        let digest = of_config(config, None);
        assert_eq!(reason(&described(&client, &registry, &digest, 99).await), reason_of);
    }
    let gone = of_config(right, Some(&format!("sha256:{}", "ab".repeat(32))));
    let description = described(&client, &registry, &gone, 99).await;
    assert_eq!((reason(&description), description.is_complete()), (Some("not-found"), true), "it stays so");

    // Other bytes than the digest promises.
    let digest = Digest::sha256(b"something else");
    registry.replace("acme/api", digest.as_str(), right);
    let look = Probe::Details(digest);
    let error = client.peek(&question(&registry, IMAGE), &look, 99).await.unwrap_err();
    assert!(
        matches!(&error, ResolveError::InvalidAnswer(answer) if matches!(**answer, InvalidAnswer::DigestMismatch(_))),
        "{error}"
    );
}

#[tokio::test]
async fn everybody_who_wants_to_know_is_told_by_one_request() {
    let (registry, digest) = registry().await;
    let memo = Memo::new(client());
    let question = question(&registry, IMAGE);
    let body = Probe::Body(digest.clone());
    memo.look(&question, &body).await.unwrap();
    let (a, b) = tokio::join!(
        describe(&memo, &question, &digest, &[], 2),
        describe(&memo, &question, &digest, &[], 2)
    );
    assert_eq!((a.missing.clone(), &a), (None, &b), "the index was read before, and costs nothing");
    assert_eq!(registry.requests().len(), 3);

    // What could not be spared can still be looked at by who must know.
    let memo = Memo::new(client());
    assert!(memo.peek(&question, &body, 0).await.is_err());
    assert!(matches!(memo.look(&question, &body).await, Ok(Probed::Content(_))));
    assert!(matches!(memo.peek(&question, &body, 0).await, Ok(Probed::Content(_))));
    assert_eq!(memo.budgets()[&registry.host()].get, 1);
}
