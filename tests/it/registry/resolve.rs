//! The registry client against a loopback registry in all its moods: the right digest or a truthful error.

use std::time::{Duration, Instant};

use tagpin::reference::Reference;
use tagpin::registry::{
    Assessment, ClientSettings, HttpRegistry, Limits, Mirror, PullFromMirror, Registry as _, RegistryRule,
    SourceIndex, TagRef, ask,
};

use crate::support::asking::{
    PLATFORMS, ask_one, asked, asked_by, client, digest, limits, manifest_of, platform, question, resolve,
    served, settings,
};
use crate::support::registry::{
    BodyMood, DOCKER_INDEX, DigestHeader, OCI_INDEX, OCI_MANIFEST, Registry, SCHEMA_1,
};

#[tokio::test]
async fn a_tag_that_did_not_move_costs_one_head_and_one_that_moved_one_for_each_digest() {
    let registry = Registry::start().await;
    let first = registry.put_index("acme/api", "1", PLATFORMS, "a");
    let client = client();
    let api = question(&registry, "acme/api:1");

    let answer = ask_one(&client, asked(&api, &[Some(&first)], &[])).await.unwrap();
    assert_eq!((answer.digest(), &*answer.answer.resolution.media_type), (&*first, OCI_INDEX));
    assert_eq!(answer.judged, [Assessment::Same(None)]);
    assert_eq!(served(&registry), "HEAD 200");

    registry.forget_requests();
    let second = registry.put_index("acme/api", "1", PLATFORMS, "b");
    let answer = ask_one(&client, asked(&api, &[Some(&first)], &[])).await.unwrap();
    assert_eq!(answer.judged, [Assessment::Write { digest: digest(&second), behind: None }]);
    assert_eq!(served(&registry), "HEAD 200, HEAD 200");
    let paths: Vec<_> = registry.requests().into_iter().map(|log| log.path).collect();
    assert_eq!(paths, ["1", &second].map(|name| format!("/v2/acme/api/manifests/{name}")));

    registry.forget_requests();
    ask_one(&client, asked(&api, &[Some(&second), None], &[])).await.unwrap();
    assert_eq!(served(&registry), "HEAD 200, HEAD 200", "one site has no digest yet");
    let budget = client.budget();
    let budget = &budget[&registry.host()];
    assert_eq!((budget.head, budget.get, budget.token), (5, 0, 0));
}

#[tokio::test]
async fn fifty_sites_with_one_question_are_one_head() {
    let registry = Registry::start().await;
    let now = registry.put_index("acme/api", "1", PLATFORMS, "a");
    let other = registry.put_manifest("acme/web", "1", "a");
    let client = client();
    let api = question(&registry, "acme/api:1");
    let web = question(&registry, "acme/web:1");
    let mut all = vec![asked(&api, &[Some(&now)], &[]); 50];
    all.push(asked(&web, &[Some(&other)], &[]));
    let (sender, receiver) = std::sync::mpsc::channel();
    // On a task of its own, as the worker runs it: the future must be `Send`.
    let answers = tokio::spawn(async move {
        ask(&client, &all, 16, |done, total| sender.send((done, total)).unwrap()).await
    });
    let answers = answers.await.unwrap();
    assert_eq!(answers[&api].as_ref().unwrap().resolution.digest.as_str(), now);
    assert_eq!(answers[&web].as_ref().unwrap().resolution.digest.as_str(), other);
    assert_eq!(served(&registry), "HEAD 200, HEAD 200");
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [(1, 2), (2, 2)]);
}

#[tokio::test]
async fn docker_lists_and_single_manifests_resolve_too() {
    let registry = Registry::start().await;
    let list = registry.put_index_as(DOCKER_INDEX, "acme/list", "1", PLATFORMS, "a");
    let single = registry.put_manifest("acme/single", "1", "a");
    let client = client();
    let answer = resolve(&client, &registry, "acme/list:1").await.unwrap();
    assert_eq!((answer.digest.as_str(), answer.media_type.as_str()), (&*list, DOCKER_INDEX));
    let answer = resolve(&client, &registry, "acme/single:1").await.unwrap();
    assert_eq!((answer.digest.as_str(), answer.media_type.as_str()), (&*single, OCI_MANIFEST));
}

#[tokio::test]
async fn without_a_digest_header_or_without_head_the_body_is_hashed() {
    let registry = Registry::start().await;
    let now = registry.put_index("acme/api", "1", PLATFORMS, "a");
    let api = question(&registry, "acme/api:1");
    for (header, head, requests) in [
        (DigestHeader::Missing, None, "HEAD 200, GET 200"),
        (DigestHeader::Right, Some(405), "HEAD 405, GET 200"),
        (DigestHeader::Missing, Some(501), "HEAD 501, GET 200"),
    ] {
        registry.set(|mood| (mood.digest, mood.head) = (header, head));
        registry.forget_requests();
        let answer = ask_one(&client(), asked(&api, &[None], &["linux/arm64"])).await.unwrap();
        assert_eq!(answer.judged, [Assessment::Write { digest: digest(&now), behind: None }]);
        let platforms = answer.answer.resolution.content.unwrap().platforms();
        assert_eq!(platforms, [platform("linux/amd64"), platform("linux/arm64")]);
        assert_eq!(served(&registry), requests, "a body that was read needs no further confirmation");
    }
}

#[tokio::test]
async fn after_a_refusal_there_is_no_get() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    for (status, reason, times) in [
        (429, "rate-limited", 3),
        (404, "not-found", 1),
        (401, "unauthorized", 1),
        (403, "unauthorized", 1),
        (500, "unavailable", 3),
        (503, "unavailable", 3),
        (400, "invalid-answer", 1),
    ] {
        registry.set(|mood| mood.always = Some(status));
        registry.forget_requests();
        let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        let text = error.to_string();
        assert!(text.contains(&registry.host()) && text.contains("acme/api:1"), "{text}");
        assert!(status == 400 || text.contains(&status.to_string()), "{text}");
        // 400 is also what a TLS server says to plain HTTP: then HTTPS is tried, which does not get as far as the log.
        let expected = vec![format!("HEAD {status}"); times].join(", ");
        assert_eq!(served(&registry), expected);
    }
}

#[tokio::test]
async fn failures_for_a_moment_are_waited_out() {
    let registry = Registry::start().await;
    let now = registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.failures = vec![(500, None), (429, Some(1))]);
    let start = Instant::now();
    assert_eq!(resolve(&client(), &registry, "acme/api:1").await.unwrap().digest.as_str(), now);
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After is kept");
    assert_eq!(served(&registry), "HEAD 429, HEAD 500, HEAD 200");

    registry.forget_requests();
    registry.set(|mood| mood.failures = vec![(429, Some(3600))]);
    let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
    assert_eq!(error.reason(), "rate-limited");
    assert!(error.to_string().contains("3600 s"), "{error}");
    assert_eq!(served(&registry), "HEAD 429", "an hour is not waited for");
}

#[tokio::test]
async fn a_get_that_is_rate_limited_is_repeated_only_after_everything_else() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.failures = vec![(429, Some(3600))]);
    let wanted = || asked_by(&question(&registry, "acme/api:1"), vec![manifest_of(None, "linux/amd64")]);
    let error = ask_one(&client(), wanted()).await.unwrap_err();
    assert_eq!(error.reason(), "rate-limited");
    assert_eq!(served(&registry), "GET 429", "an hour is not waited for");
    registry.forget_requests();
    registry.set(|mood| mood.failures = vec![(429, Some(0))]);
    ask_one(&client(), wanted()).await.unwrap();
    assert!(served(&registry).starts_with("GET 429, GET 200"), "{}", served(&registry));
}

#[tokio::test]
async fn a_header_that_lies_is_found_out() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    let api = question(&registry, "acme/api:1");
    registry.set(|mood| mood.digest = DigestHeader::Lying);
    let error = ask_one(&client(), asked(&api, &[None], &[])).await.unwrap_err();
    assert_eq!(error.reason(), "invalid-answer", "{error}");
    assert_eq!(served(&registry), ["HEAD 200, HEAD 404"; 4].join(", "), "asked again three times");

    for read in [false, true] {
        registry.set(|mood| mood.head = Some(405));
        let error = client().resolve(&api, read).await.unwrap_err();
        assert!(error.to_string().contains("does not match its digest"), "{error}");
    }

    registry.set(|mood| (mood.digest, mood.head) = (DigestHeader::Malformed, None));
    let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
    assert!(error.to_string().contains("malformed digest"), "{error}");
}

#[tokio::test]
async fn a_digest_that_is_confirmed_must_be_there_and_have_the_platforms() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    let client = client();
    let api = question(&registry, "acme/api:1");

    let error = ask_one(&client, asked(&api, &[None], &["linux/arm64", "linux/s390x"])).await.unwrap_err();
    assert_eq!(error.reason(), "no-such-platform");
    for part in ["`linux/s390x`", "`linux/amd64`", "`linux/arm64`"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(served(&registry), "HEAD 200, GET 200");
    assert!(ask_one(&client, asked(&api, &[None], &["linux/arm64/v8"])).await.is_ok());

    registry.set(|mood| mood.body = BodyMood::Changed);
    let error = ask_one(&client, asked(&api, &[None], &["linux/arm64"])).await.unwrap_err();
    assert_eq!(error.reason(), "invalid-answer", "the body is not the digest's");
    registry.set(|mood| mood.body = BodyMood::Right);

    registry.put_manifest("acme/single", "1", "a");
    registry.forget_requests();
    let single = question(&registry, "acme/single:1");
    assert!(ask_one(&client, asked(&single, &[None], &["linux/s390x"])).await.is_ok());
    assert_eq!(
        served(&registry),
        "HEAD 200, HEAD 200",
        "an image without index is not asked for its platform"
    );
}

#[tokio::test]
async fn a_platform_is_taken_from_the_index_and_confirmed_by_itself() {
    let registry = Registry::start().await;
    let index = registry.put_index("acme/api", "1", &["linux/amd64", "linux/arm/v7", "linux/arm64"], "a");
    let expected = registry.platform_digest("acme/api", "linux/arm64", "a");
    let client = client();
    let api = question(&registry, "acme/api:1");
    let wants = |platform| asked_by(&api, vec![manifest_of(None, platform)]);
    let answer = ask_one(&client, wants("linux/arm64/v8")).await.unwrap();
    let behind = Some(SourceIndex { index: digest(&index), platform: platform("linux/arm64") });
    assert_eq!(answer.judged, [Assessment::Write { digest: digest(&expected), behind }]);
    let platforms = answer.answer.resolution.content.unwrap().platforms();
    assert_eq!(platforms.len(), 3, "the attestation is none");
    assert_eq!(served(&registry), "GET 200, HEAD 200");

    let error = ask_one(&client, wants("windows/amd64")).await.unwrap_err();
    assert_eq!(error.reason(), "no-such-platform");
    assert!(error.to_string().contains("which has `linux/amd64`, `linux/arm/v7`, `linux/arm64`"), "{error}");

    registry.remove("acme/api", &expected);
    let error = ask_one(&client, wants("linux/arm64")).await.unwrap_err();
    assert_eq!(error.reason(), "invalid-answer", "the index names a manifest that is not there");
}

#[tokio::test]
async fn an_image_without_index_says_its_platform_in_its_config() {
    let registry = Registry::start().await;
    let single = registry.put_manifest("acme/api", "1", "a");
    let client = client();
    let api = question(&registry, "acme/api:1");
    let answer = ask_one(&client, asked_by(&api, vec![manifest_of(None, "linux/amd64")])).await.unwrap();
    assert_eq!(answer.judged, [Assessment::Write { digest: digest(&single), behind: None }]);
    assert_eq!(served(&registry), "GET 200, GET 200", "the manifest and its config");
    let error = ask_one(&client, asked_by(&api, vec![manifest_of(None, "linux/arm64")])).await.unwrap_err();
    assert_eq!(error.reason(), "no-such-platform");
    assert!(error.to_string().contains("which has `linux/amd64`"), "{error}");

    registry.forget_requests();
    let same =
        ask_one(&client, asked_by(&api, vec![manifest_of(Some(&single), "linux/amd64")])).await.unwrap();
    assert_eq!((same.judged, served(&registry)), (vec![Assessment::Same(None)], "GET 200".to_owned()));
}

#[tokio::test]
async fn schema_1_and_what_is_no_image_are_refused() {
    let registry = Registry::start().await;
    registry.put_raw("acme/old", "1", SCHEMA_1, br#"{"schemaVersion":1,"fsLayers":[]}"#.to_vec());
    registry.put_raw("acme/html", "1", OCI_INDEX, b"<html>captive portal</html>".to_vec());
    let client = client();
    let error = resolve(&client, &registry, "acme/old:1").await.unwrap_err();
    assert_eq!(error.reason(), "unsupported-media-type");
    assert!(error.to_string().contains("schema 1"), "{error}");
    registry.set(|mood| mood.digest = DigestHeader::Missing);
    assert_eq!(
        resolve(&client, &registry, "acme/old:1").await.unwrap_err().reason(),
        "unsupported-media-type"
    );
    assert_eq!(resolve(&client, &registry, "acme/html:1").await.unwrap_err().reason(), "invalid-answer");
}

#[tokio::test]
async fn spoilt_bodies_end_in_an_error_in_bounded_time() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    for (body, reason) in [
        (BodyMood::Endless, "invalid-answer"),
        (BodyMood::Truncated, "unavailable"),
        (BodyMood::Changed, "invalid-answer"),
    ] {
        registry.set(|mood| (mood.body, mood.head) = (body, Some(405)));
        let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
        assert_eq!(error.reason(), reason, "{body:?}: {error}");
    }
    registry.set(|mood| {
        (mood.body, mood.digest) = (BodyMood::Right, DigestHeader::Missing);
        mood.headers = vec![("Content-Encoding".to_owned(), "gzip".to_owned())];
    });
    let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
    assert!(error.to_string().contains("compresses"), "the hash would be that of other bytes: {error}");

    registry.set(|mood| mood.headers = vec![("X-Long".to_owned(), "a".repeat(1 << 20))]);
    let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
    assert!(["unavailable", "invalid-answer"].contains(&error.reason()), "{error}");
}

#[tokio::test]
async fn a_registry_that_hangs_or_is_not_there_is_unavailable_and_left_alone_after_a_while() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.body = BodyMood::Hang);
    let limits = Limits { question: Duration::from_millis(200), ..limits() };
    let client = HttpRegistry::new(ClientSettings { limits, ..settings() }).unwrap();
    // Two rounds of all that may be under way.
    for _ in 0..16 {
        let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
        assert!(error.to_string().contains("200ms"), "{error}");
    }
    let asked = registry.requests().len();
    let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
    assert_eq!(error.reason(), "unavailable");
    assert!(error.to_string().contains("in a row"), "{error}");
    assert_eq!(registry.requests().len(), asked, "it is not asked again");

    // A port that was free a moment ago.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let reference = Reference::parse(&format!("{gone}/acme/api:1")).unwrap();
    let error = client.resolve(&TagRef::new(&reference), false).await.unwrap_err();
    assert_eq!(error.reason(), "unavailable");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_slow_registry_does_not_hold_up_another() {
    let (slow, quick) = (Registry::start().await, Registry::start().await);
    let mut all = Vec::new();
    for registry in [&slow, &quick] {
        for tag in 0..30 {
            registry.put_index("acme/api", &tag.to_string(), PLATFORMS, "a");
            let question = question(registry, &format!("acme/api:{tag}"));
            all.push(asked(&question, &[], &[]));
        }
    }
    slow.set(|mood| mood.latency = Duration::from_millis(150));
    let client = client();
    let (sender, receiver) = std::sync::mpsc::channel();
    let start = Instant::now();
    let answers = ask(&client, &all, 8, |done, _| sender.send((done, start.elapsed())).unwrap()).await;
    assert!(answers.values().all(Result::is_ok));
    // 4 of the slow one at a time take more than a second; half of all answers are there long before.
    let times: Vec<_> = receiver.try_iter().collect();
    assert_eq!(times.len(), 60);
    assert!(times[29].1 * 2 < times[59].1, "{times:?}");
}

#[tokio::test]
async fn one_registry_gets_no_more_than_its_share_at_once() {
    let registry = Registry::start().await;
    let mut all = Vec::new();
    for tag in 0..9 {
        registry.put_index("acme/api", &tag.to_string(), PLATFORMS, "a");
        all.push(asked(&question(&registry, &format!("acme/api:{tag}")), &[], &[]));
    }
    registry.set(|mood| mood.latency = Duration::from_millis(100));
    let limits = Limits { at_once: 3, ..limits() };
    let client = HttpRegistry::new(ClientSettings { limits, ..settings() }).unwrap();
    let start = Instant::now();
    assert!(ask(&client, &all, 64, |_, _| {}).await.values().all(Result::is_ok));
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
}

fn rule(prefix: &str, location: &str, mirrors: &[(String, PullFromMirror)]) -> RegistryRule {
    let mirrors = mirrors.iter().map(|(location, pull)| Mirror {
        location: location.clone(),
        insecure: false,
        pull: *pull,
    });
    RegistryRule {
        prefix: prefix.to_owned(),
        location: location.to_owned(),
        mirrors: mirrors.collect(),
        ..RegistryRule::default()
    }
}

#[tokio::test]
async fn what_is_left_of_the_rate_limit_is_known() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.headers = vec![("ratelimit-remaining".to_owned(), "76;w=21600".to_owned())]);
    let client = client();
    resolve(&client, &registry, "acme/api:1").await.unwrap();
    assert_eq!(client.budget()[&registry.host()].remaining, Some(76));
}

#[test]
fn settings_that_are_wrong_are_refused_at_once() {
    let location = ClientSettings {
        rules: vec![rule("docker.io", "https://mirror.example", &[])],
        ..ClientSettings::default()
    };
    assert!(HttpRegistry::new(location).unwrap_err().to_string().contains("`https://mirror.example`"));
    for pem in [&b"no certificate"[..], b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"] {
        let roots = ClientSettings { roots: vec![pem.to_vec()], ..ClientSettings::default() };
        assert!(HttpRegistry::new(roots).unwrap_err().to_string().contains("root certificate"));
    }
}
