//! Credentials: they open the registry that they are for, and go nowhere else, into no message either.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use tagpin::registry::{
    ClientSettings, CredentialPaths, Credentials, HttpRegistry, RegistryRule, ResolveError, Trust, ask,
};

use crate::support::asking::{
    PLATFORMS, asked, assert_no_secret, client, client_for, client_knowing, configured, password, question,
    resolve, served, settings,
};
use crate::support::mood::{Auth, Scopes};
use crate::support::registry::{IDENTITY_TOKEN, PASSWORD, Registry, USER};

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
        let client = client_knowing(&[registry.host()], &[thief.other_host()], &entry);
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
            // It starts something else, as those in Python do, and both would outlive the test.
            ("hang", "sleep 300 & echo $$ $! >\"$TAGPIN_TEST_HUNG\"; wait".to_owned()),
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
            .args(["--exact", "registry::credentials::a_credential_helper_is_run_and_given_up_on"])
            .env("PATH", path)
            .env(AGAIN, "1")
            .env("TAGPIN_TEST_HUNG", dir.path().join("hung"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.auth = Auth::Basic);
    for (helper, expected) in [
        ("good", None),
        ("none", Some("no credentials found")),
        ("loud", Some("that DOCKER_AUTH_CONFIG names: `docker-credential-tagpin-loud` failed")),
        ("missing", Some("is it installed")),
        ("hang", Some("within 2s and was ended")),
    ] {
        let config =
            serde_json::json!({"credHelpers": {registry.host(): format!("tagpin-{helper}")}}).to_string();
        let environment =
            CredentialPaths { docker_auth_config: Some(config.into()), ..CredentialPaths::default() };
        // A machine with much to do may let the others wait.
        let patience = Duration::from_secs(if helper == "hang" { 2 } else { 60 });
        let credentials = Credentials::new(&environment).with_helper_timeout(patience);
        let client = HttpRegistry::new(ClientSettings { credentials, ..settings() }).unwrap();
        let result = resolve(&client, &registry, "acme/api:1").await;
        match expected {
            None => assert!(result.is_ok(), "{result:?}"),
            Some(text) => {
                assert!(result.as_ref().unwrap_err().to_string().contains(text), "{helper}: {result:?}");
            }
        }
        assert_no_secret(&format!("{result:?} {client:?}"));
    }
    let hung = fs_err::read_to_string(std::env::var_os("TAGPIN_TEST_HUNG").unwrap()).unwrap();
    for process in hung.split_whitespace() {
        let state = || fs_err::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // A process that has ended and that nobody has asked about yet is a zombie.
        let is_running = || !state().is_empty() && !state().contains(") Z ");
        // One that was killed ends when it gets a turn.
        for _ in 0..100 {
            if is_running() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        assert!(!is_running(), "the helper, or what it started, still runs: {}", state());
    }
}

fn repositories(registry: &Registry, number: usize) -> Vec<tagpin::registry::TagQuery> {
    let image = |i| format!("acme/app-{i}:1");
    (0..number)
        .map(|i| {
            registry.put_index(&format!("acme/app-{i}"), "1", PLATFORMS, "a");
            asked(&question(registry, &image(i)), &[], &[])
        })
        .collect()
}

#[tokio::test]
async fn one_token_is_for_several_repositories_where_the_registry_allows_it() {
    let registry = Registry::start().await;
    let all = repositories(&registry, 40);
    for (auth, scopes, tokens) in [
        (password(), Scopes::All, 4..=4),
        (serde_json::json!({ "identitytoken": IDENTITY_TOKEN }), Scopes::All, 4..=4),
        // Until one repository has shown that it does not work, others have asked in the same way.
        (password(), Scopes::First, 40..=48),
        (password(), Scopes::Refused, 41..=48),
    ] {
        registry.set(|mood| {
            (mood.auth, mood.scopes, mood.latency) = (Auth::Bearer, scopes, Duration::from_millis(2));
        });
        registry.forget_requests();
        let client = client_for(&[registry.host()], &auth);
        let answers = ask(&client, &all, 64, |_, _| {}).await;
        assert!(answers.values().all(Result::is_ok), "{scopes:?}: {answers:?}");
        let budget = client.budget()[&registry.host()];
        assert!(tokens.contains(&usize::try_from(budget.token).unwrap()), "{scopes:?}: {budget:?}");
        assert_eq!(budget.get, 0);
        if scopes == Scopes::All {
            assert_eq!(budget.head, 41, "one more for the challenge");
        }
    }
}

#[tokio::test]
async fn repositories_with_other_credentials_get_other_tokens() {
    let registry = Registry::start().await;
    registry.set(|mood| mood.auth = Auth::Bearer);
    let all = repositories(&registry, 6);
    let host = registry.host();
    // The one with an entry of its own, which is wrong.
    let wrong = serde_json::json!({"username": USER, "password": "secret-password-6f1d-wrong"});
    let config = serde_json::json!({"auths": {&host: password(), format!("{host}/acme/app-3"): wrong}});
    let environment =
        CredentialPaths { docker_auth_config: Some(config.to_string().into()), ..CredentialPaths::default() };
    let credentials = Credentials::new(&environment);
    let client = HttpRegistry::new(ClientSettings { credentials, ..settings() }).unwrap();
    let answers = ask(&client, &all, 64, |_, _| {}).await;
    for (question, answer) in &answers {
        let is_wrong = question.repository == "acme/app-3";
        assert_eq!(answer.is_err(), is_wrong, "{question:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_credential_that_worked_and_is_refused_is_looked_up_again() {
    for auth in [Auth::Basic, Auth::Bearer] {
        let registry = Registry::start().await;
        registry.put_index("acme/api", "1", PLATFORMS, "a");
        registry.set(|mood| mood.auth = auth);
        let dir = tempfile::tempdir().unwrap();
        let write = |password: &str| {
            let entry = serde_json::json!({"username": USER, "password": password});
            let config = serde_json::json!({"auths": {registry.host(): entry}});
            fs_err::write(dir.path().join("config.json"), config.to_string()).unwrap();
        };
        write(PASSWORD);
        let environment =
            CredentialPaths { docker_config: Some(dir.path().to_owned()), ..CredentialPaths::default() };
        let credentials = Credentials::new(&environment);
        let client = HttpRegistry::new(ClientSettings { credentials, ..settings() }).unwrap();
        resolve(&client, &registry, "acme/api:1").await.unwrap();

        write("secret-password-6f1d-new");
        registry.set(|mood| mood.password = Some("secret-password-6f1d-new".to_owned()));
        registry.revoke_tokens();
        resolve(&client, &registry, "acme/api:1").await.unwrap();

        // One that never worked is not asked for again and again.
        registry.set(|mood| mood.password = Some("secret-password-6f1d-other".to_owned()));
        registry.revoke_tokens();
        assert_eq!(resolve(&client, &registry, "acme/api:1").await.unwrap_err().reason(), "unauthorized");
        registry.forget_requests();
        assert_eq!(resolve(&client, &registry, "acme/api:1").await.unwrap_err().reason(), "unauthorized");
        let refused: Vec<_> =
            registry.requests().into_iter().filter(|log| log.authorization == "basic").collect();
        assert_eq!(refused.len(), 1, "{auth:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_credential_goes_to_a_token_host_that_is_configured() {
    let (registry, tokens) = (Registry::start().await, Registry::start().await);
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    let realm = format!("http://{}/token", tokens.other_host());
    registry.set(|mood| (mood.auth, mood.realm) = (Auth::Bearer, Some(realm)));
    let config = serde_json::json!({"auths": {registry.host(): password()}}).to_string();
    let environment =
        CredentialPaths { docker_auth_config: Some(config.into()), ..CredentialPaths::default() };
    let rule = RegistryRule { token_hosts: vec![tokens.other_host()], ..configured(&registry.host()) };
    let credentials = Credentials::new(&environment);
    let settings = ClientSettings { credentials, rules: vec![rule], trust: Trust::Scanned, ..settings() };
    let client = HttpRegistry::new(settings).unwrap();
    // The token is another registry's and opens nothing here; what matters is who was asked, and how.
    let _ = resolve(&client, &registry, "acme/api:1").await;
    assert_eq!(tokens.requests()[0].authorization, "basic");
}
