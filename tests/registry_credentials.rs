//! Credentials: they open the registry that they are for, and go nowhere else, into no message either.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use support::asking::{
    PLATFORMS, asked, assert_no_secret, client, client_for, password, question, resolve, served,
};
use support::registry::{Auth, IDENTITY_TOKEN, PASSWORD, Registry, USER};
use tagpin::registry::{Credentials, Environment, HttpRegistry, ResolveError, Settings, ask};

#[tokio::test]
async fn basic_and_bearer_registries_are_answered_and_the_answer_is_remembered() {
    let registry = Registry::start().await;
    let now = registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.put_index("acme/web", "1", PLATFORMS, "a");
    for (auth, entry, requests) in [
        (Auth::Basic, password(), "HEAD 401, HEAD 200, HEAD 200, HEAD 200"),
        (Auth::Bearer, password(), "HEAD 401, GET 200, HEAD 200, HEAD 200, GET 200, HEAD 200"),
        (
            Auth::Bearer,
            serde_json::json!({ "identitytoken": IDENTITY_TOKEN }),
            "HEAD 401, POST 200, HEAD 200, HEAD 200, POST 200, HEAD 200",
        ),
    ] {
        registry.set(|mood| mood.auth = auth);
        registry.forget_requests();
        let client = client_for(&[registry.host()], &entry);
        for image in ["acme/api:1", "acme/api:1", "acme/web:1"] {
            let answer = resolve(&client, &registry, image).await.unwrap();
            assert!(image != "acme/api:1" || answer.digest.as_str() == now);
        }
        assert_eq!(served(&registry), requests);
        assert_no_secret(&format!("{client:?}"));
    }
}

#[tokio::test]
async fn many_at_once_share_one_challenge_and_one_token() {
    let registry = Registry::start().await;
    registry.set(|mood| (mood.auth, mood.latency) = (Auth::Bearer, Duration::from_millis(20)));
    let mut all = Vec::new();
    for tag in 0..20 {
        registry.put_index("acme/api", &tag.to_string(), PLATFORMS, "a");
        all.push(asked(&question(&registry, &format!("acme/api:{tag}")), &[], &[]));
    }
    let client = client_for(&[registry.host()], &password());
    assert!(ask(&client, &all, 16, |_, _| {}).await.values().all(Result::is_ok));
    let budget = client.budget()[&registry.host()];
    assert_eq!((budget.head, budget.get, budget.token), (21, 0, 1));
}

#[tokio::test]
async fn a_token_that_ran_out_or_was_revoked_is_fetched_again() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.auth = Auth::Bearer);
    let client = client_for(&[registry.host()], &password());
    resolve(&client, &registry, "acme/api:1").await.unwrap();

    registry.forget_requests();
    registry.revoke_tokens();
    resolve(&client, &registry, "acme/api:1").await.unwrap();
    assert_eq!(served(&registry), "HEAD 401, GET 200, HEAD 200");

    registry.revoke_tokens();
    registry.set(|mood| mood.token_lifetime = 1);
    resolve(&client, &registry, "acme/api:1").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    registry.forget_requests();
    resolve(&client, &registry, "acme/api:1").await.unwrap();
    assert_eq!(served(&registry), "GET 200, HEAD 200", "it is known to have run out");
}

#[tokio::test]
async fn a_401_says_what_is_missing() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    let host = registry.host();
    let wrong = serde_json::json!({"username": USER, "password": "secret-password-6f1d-wrong"});
    for (auth, client, expected) in [
        (
            Auth::Basic,
            client(),
            format!("no credentials found in docker's config.json; run `docker login {host}`"),
        ),
        (Auth::Bearer, client(), "no credentials found".to_owned()),
        (Auth::Basic, client_for(std::slice::from_ref(&host), &wrong), "DOCKER_AUTH_CONFIG".to_owned()),
        (Auth::Bearer, client_for(std::slice::from_ref(&host), &wrong), "DOCKER_AUTH_CONFIG".to_owned()),
        (
            Auth::Basic,
            client_for(std::slice::from_ref(&host), &serde_json::json!({"identitytoken": IDENTITY_TOKEN})),
            "identity token".to_owned(),
        ),
    ] {
        registry.set(|mood| mood.auth = auth);
        let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
        assert_eq!(error.reason(), "unauthorized", "{error}");
        assert!(error.to_string().contains(&expected) && error.to_string().contains("acme/api"), "{error}");
        assert_no_secret(&format!("{error} {error:?} {client:?}"));
    }
}

#[tokio::test]
async fn a_public_image_is_pulled_with_an_anonymous_token() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| (mood.auth, mood.public) = (Auth::Bearer, true));
    resolve(&client(), &registry, "acme/api:1").await.unwrap();
    let kinds: Vec<_> = registry.requests().into_iter().map(|log| log.authorization).collect();
    assert_eq!(kinds, ["none", "none", "bearer"]);
}

#[tokio::test]
async fn a_credential_never_goes_to_a_foreign_realm() {
    let (registry, thief) = (Registry::start().await, Registry::start().await);
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| {
        mood.auth = Auth::Bearer;
        mood.realm = Some(format!("http://{}/token", thief.other_host()));
    });
    for entry in [password(), serde_json::json!({ "identitytoken": IDENTITY_TOKEN })] {
        thief.forget_requests();
        let client = client_for(&[registry.host()], &entry);
        let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
        assert_eq!(error.reason(), "unauthorized");
        assert!(
            error.to_string().contains("were not sent") && error.to_string().contains("localhost"),
            "{error}"
        );
        assert_no_secret(&format!("{error} {error:?}"));
        let seen: Vec<_> = thief.requests().into_iter().map(|log| (log.method, log.authorization)).collect();
        assert_eq!(seen, [("GET".to_owned(), "none".to_owned())], "it was asked, and anonymously");
    }
}

#[tokio::test]
async fn a_token_service_that_fails_is_told_apart_from_a_refusal() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    for (failures, reason) in [
        (vec![500, 500, 500], Some("unavailable")),
        (vec![429, 429, 429], Some("rate-limited")),
        (vec![204], Some("invalid-answer")),
        (vec![302], Some("invalid-answer")),
        (vec![401], Some("unauthorized")),
        (vec![500], None),
    ] {
        registry.set(|mood| (mood.auth, mood.token_failures) = (Auth::Bearer, failures));
        let client = client_for(&[registry.host()], &password());
        let result = resolve(&client, &registry, "acme/api:1").await;
        assert_eq!(result.as_ref().err().map(ResolveError::reason), reason, "{result:?}");
        registry.set(|mood| mood.token_failures.clear());
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_credential() {
    let (registry, store) = (Registry::start().await, Registry::start().await);
    let now = registry.put_index("acme/api", "1", PLATFORMS, "a");
    store.put_index("acme/api", "1", PLATFORMS, "a");
    for auth in [Auth::Basic, Auth::Bearer] {
        store.forget_requests();
        registry.set(|mood| {
            mood.auth = auth;
            mood.redirect = Some(format!("http://{USER}:{PASSWORD}@{}", store.other_host()));
        });
        let client = client_for(&[registry.host(), store.host(), store.other_host()], &password());
        assert_eq!(resolve(&client, &registry, "acme/api:1").await.unwrap().digest.as_str(), now);
        let seen: Vec<_> = store.requests().into_iter().map(|log| (log.method, log.authorization)).collect();
        assert_eq!(seen, [("HEAD".to_owned(), "none".to_owned())]);

        store.set(|mood| mood.auth = Auth::Basic);
        let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
        assert!(error.to_string().contains("do not follow a redirect"), "{error}");
        assert_no_secret(&error.to_string());
        store.set(|mood| mood.auth = Auth::None);
    }
    registry.set(|mood| mood.auth = Auth::None);
    let own = registry.host();
    registry.set(|mood| mood.redirect = Some(format!("http://{own}")));
    let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    for elsewhere in ["ftp://localhost", "file:///etc", "http:"] {
        registry.set(|mood| mood.redirect = Some(elsewhere.to_owned()));
        let error = resolve(&client(), &registry, "acme/api:1").await.unwrap_err();
        assert_eq!(error.reason(), "invalid-answer", "{elsewhere}: {error}");
    }
}

/// The helpers are found through PATH, which is the process's: so the test runs itself again with another one.
#[tokio::test]
async fn a_credential_helper_is_run_and_given_up_on() {
    const AGAIN: &str = "TAGPIN_TEST_HELPERS";
    if std::env::var_os(AGAIN).is_none() {
        let dir = tempfile::tempdir().unwrap();
        for (name, script) in [
            ("good", format!("printf '{{\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'")),
            ("none", "echo 'credentials not found in native keychain'; exit 1".to_owned()),
            ("loud", format!("echo {PASSWORD}; echo {PASSWORD} >&2; exit 1")),
            ("hang", "exec sleep 15".to_owned()),
        ] {
            let file = dir.path().join(format!("docker-credential-tagpin-{name}"));
            fs_err::write(
                &file,
                format!(
                    "#!/bin/sh\n# A helper reads the server that it is asked for.\ncat >/dev/null\n{script}\n"
                ),
            )
            .unwrap();
            fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_credential_helper_is_run_and_given_up_on"])
            .env("PATH", path)
            .env(AGAIN, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.auth = Auth::Basic);
    for (helper, expected) in [
        ("good", None),
        ("none", Some("no credentials found")),
        ("loud", Some("`docker-credential-tagpin-loud`, which DOCKER_AUTH_CONFIG names, failed")),
        ("missing", Some("is it installed")),
        ("hang", Some("within 10 s")),
    ] {
        let config =
            serde_json::json!({"credHelpers": {registry.host(): format!("tagpin-{helper}")}}).to_string();
        let environment = Environment { docker_auth_config: Some(config.into()), ..Environment::default() };
        let client = HttpRegistry::new(Settings {
            credentials: Credentials::new(&environment),
            ..Settings::default()
        });
        let client = client.unwrap();
        let result = resolve(&client, &registry, "acme/api:1").await;
        match expected {
            None => assert!(result.is_ok(), "{result:?}"),
            Some(text) => {
                assert!(result.as_ref().unwrap_err().to_string().contains(text), "{helper}: {result:?}");
            }
        }
        assert_no_secret(&format!("{result:?} {client:?}"));
    }
}
