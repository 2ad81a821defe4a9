//! The registry client against the real `docker-registry` (distribution): plain, with htpasswd, with tokens, over TLS with an
//! own certificate authority and client certificates, as a pull-through cache, and behind nginx in its bad moods.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Client;
use serde_json::json;
use tagpin::platform::Platform;
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    Assessment, ClientSettings, CredentialPaths, Credentials, DigestLevel, HttpRegistry, Judgement, Limits,
    Mirror, PullFromMirror, RecordedOrigin, Registry as _, RegistryRule, Requirement, SourceIndex, TagQuery,
    TagRef, TlsFiles, Trust, ask, explained,
};

use crate::support::docker::{
    Push, certificates, docker_registry, docker_registry_at, free_port, installed, nginx, push,
};

fn settings() -> ClientSettings {
    let limits = Limits { retry_delay: Duration::from_millis(10), ..Limits::default() };
    ClientSettings { limits, trust: Trust::Typed, ..ClientSettings::default() }
}

fn question(port: u16, image: &str) -> TagRef {
    TagRef::new(&Reference::parse(&format!("localhost:{port}/{image}")).unwrap())
}

fn level(text: &str) -> DigestLevel {
    DigestLevel::Platform(Platform::parse(text).unwrap())
}

#[tokio::test]
async fn a_plain_registry_gives_the_digests_that_were_pushed() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = docker_registry(&dir, "", "");
    let (first, arm64) = push(&server).index("acme/api", "1", "a").await;
    let client = HttpRegistry::new(settings()).unwrap();
    let index = question(server.port, "acme/api:1");
    assert_eq!(client.resolve(&index, false).await.unwrap().digest.as_str(), first);
    let amd64 = || vec![Platform::parse("linux/amd64").unwrap()];
    let arm64 = Digest::parse(&arm64).unwrap();
    let behind = Some(SourceIndex {
        index: Digest::parse(&first).unwrap(),
        platform: Platform::parse("linux/arm64").unwrap(),
    });
    let answer = judged(&client, &index, level("linux/arm64/v8"), None, Vec::new()).await;
    assert_eq!(answer, Ok(Assessment::Write { digest: arm64, behind }));
    let answer = judged(&client, &index, level("linux/s390x"), None, Vec::new()).await;
    assert_eq!(answer, Err("no-such-platform"));
    for image in ["acme/api:2", "acme/none:1"] {
        let question = question(server.port, image);
        assert_eq!(judged(&client, &question, DigestLevel::Index, None, Vec::new()).await, Err("not-found"));
    }

    let (second, _) = push(&server).index("acme/api", "1", "b").await;
    let present = Digest::parse(&first);
    let answer = judged(&client, &index, DigestLevel::Index, present, amd64()).await;
    assert_eq!(answer, Ok(Assessment::Write { digest: Digest::parse(&second).unwrap(), behind: None }));
}

/// A site that wants the index and has this digest.
fn index_of(present: Option<Digest>) -> Requirement {
    Requirement { level: DigestLevel::Index, needed: Vec::new(), present, recorded: RecordedOrigin::Nothing }
}

/// Asks for one site.
async fn judged(
    client: &HttpRegistry,
    question: &TagRef,
    level: DigestLevel,
    present: Option<Digest>,
    needed: Vec<Platform>,
) -> Result<Assessment, &'static str> {
    let wanted = Requirement { level, needed, present, recorded: RecordedOrigin::Nothing };
    let asked = TagQuery {
        question: question.clone(),
        reference: "acme/api:1".to_owned(),
        wanted: vec![wanted.clone()],
    };
    let answers = ask(client, &[asked], 4, |_, _| {}).await;
    let answer = answers[question].as_ref().map_err(|error| error.reason())?;
    match wanted.judge(question, answer) {
        Judgement::Done(Assessment::Failed(error)) => Err(error.reason()),
        Judgement::Done(judged) => Ok(judged),
        Judgement::Needs(probe) => panic!("{probe:?} was not looked at"),
    }
}

#[tokio::test]
async fn htpasswd_takes_the_credential_from_docker_s_config_and_refuses_others() {
    if !installed(&["docker-registry", "htpasswd"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let htpasswd = Command::new("htpasswd").args(["-Bbn", "robot", "secret-real"]).output().unwrap();
    let file = dir.path().join("htpasswd");
    fs_err::write(&file, htpasswd.stdout).unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: basic-realm, path: {}}}}}\n", file.display());
    let server = docker_registry(&dir, &auth, "");
    let (digest, _) =
        Push { user: Some(("robot", "secret-real")), ..push(&server) }.index("acme/api", "1", "a").await;
    let api = question(server.port, "acme/api:1");
    for (password, expected) in [("secret-real", Ok(&digest)), ("secret-wrong", Err("unauthorized"))] {
        let auth = STANDARD.encode(format!("robot:{password}"));
        let config = json!({"auths": {format!("localhost:{}", server.port): {"auth": auth}}});
        let docker = dir.path().join(if expected.is_ok() { "right" } else { "wrong" });
        fs_err::create_dir(&docker).unwrap();
        fs_err::write(docker.join("config.json"), config.to_string()).unwrap();
        let environment = CredentialPaths { docker_config: Some(docker), ..CredentialPaths::default() };
        let client =
            HttpRegistry::new(ClientSettings { credentials: Credentials::new(&environment), ..settings() })
                .unwrap();
        let result = client.resolve(&api, false).await;
        let got = result
            .as_ref()
            .map(|answer| answer.digest.as_str())
            .map_err(tagpin::registry::ResolveError::reason);
        assert_eq!(got, expected.map(String::as_str), "{result:?}");
        assert!(!format!("{result:?} {client:?}").contains("secret"));
    }
    let error = HttpRegistry::new(settings()).unwrap().resolve(&api, false).await.unwrap_err();
    assert!(error.to_string().contains(&format!("docker login localhost:{}", server.port)), "{error}");
}

#[tokio::test]
async fn tls_with_an_own_authority_needs_its_certificate_and_speaks_http_2() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let tls = format!("  tls: {{certificate: {}, key: {}}}\n", file("server.pem"), file("server.key"));
    let server = docker_registry(&dir, "", &tls);
    let root = fs_err::read(dir.path().join("ca.pem")).unwrap();
    let certificate = reqwest::Certificate::from_pem(&root).unwrap();
    let client = Client::builder().no_proxy().tls_certs_merge([certificate]).build().unwrap();
    let push = Push { client, base: format!("https://localhost:{}", server.port), user: None };
    let (digest, _) = push.index("acme/api", "1", "a").await;
    let api = question(server.port, "acme/api:1");

    let ca = TlsFiles { ca: Some(dir.path().join("ca.pem")), client: None };
    for settings in [
        ClientSettings { roots: vec![root], ..settings() },
        ClientSettings { rules: vec![RegistryRule { tls: ca, ..rule(server.port) }], ..settings() },
    ] {
        let client = HttpRegistry::new(settings).unwrap();
        let (answer, steps) = explained(client.resolve(&api, false)).await;
        assert_eq!(answer.unwrap().digest.as_str(), digest);
        assert!(steps.iter().any(|step| step.contains("200 (HTTP/2.0)")), "{steps:?}");
    }

    let error = HttpRegistry::new(settings()).unwrap().resolve(&api, false).await.unwrap_err();
    assert_eq!(error.reason(), "unavailable", "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    let missing = TlsFiles { ca: Some(dir.path().join("none.pem")), client: None };
    let rules = vec![RegistryRule { tls: missing, ..rule(server.port) }];
    let error = HttpRegistry::new(ClientSettings { rules, ..settings() }).unwrap_err();
    assert!(error.to_string().contains("none.pem"), "{error}");
}

fn rule(port: u16) -> RegistryRule {
    let host = format!("localhost:{port}");
    RegistryRule { prefix: host.clone(), location: host, ..RegistryRule::default() }
}

#[tokio::test]
async fn a_registry_that_wants_a_client_certificate_gets_it() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let path = |name: &str| dir.path().join(name);
    let file = |name: &str| path(name).display().to_string();
    let tls = format!(
        "  tls: {{certificate: {}, key: {}, clientcas: [{}]}}\n",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    );
    let server = docker_registry(&dir, "", &tls);
    let pem = [fs_err::read(path("server.pem")).unwrap(), fs_err::read(path("server.key")).unwrap()].concat();
    let root = reqwest::Certificate::from_pem(&fs_err::read(path("ca.pem")).unwrap()).unwrap();
    let identity = reqwest::Identity::from_pem(&pem).unwrap();
    let client = Client::builder().no_proxy().tls_certs_merge([root]).identity(identity).build().unwrap();
    let push = Push { client, base: format!("https://localhost:{}", server.port), user: None };
    let (digest, _) = push.index("acme/api", "1", "a").await;
    let api = question(server.port, "acme/api:1");
    let with = |client| {
        let tls = TlsFiles { ca: Some(path("ca.pem")), client };
        HttpRegistry::new(ClientSettings {
            rules: vec![RegistryRule { tls, ..rule(server.port) }],
            ..settings()
        })
    };
    let answer = with(Some((path("server.pem"), path("server.key")))).unwrap().resolve(&api, false).await;
    assert_eq!(answer.unwrap().digest.as_str(), digest);
    assert_eq!(with(None).unwrap().resolve(&api, false).await.unwrap_err().reason(), "unavailable");
    let error = with(Some((path("server.pem"), path("ca.pem")))).unwrap_err().to_string();
    assert!(error.contains("client certificate or its key"), "{error}");
}

/// Signs tokens as distribution's token specification has them, for who knows the password.
async fn token_service(dir: &Path, host: String) -> String {
    use axum::extract::RawQuery;
    use axum::http::{HeaderMap, StatusCode};

    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let certificate = STANDARD.encode(openssl(&["x509", "-in", "ca.pem", "-outform", "DER"]));
    let shared = Arc::new((dir.to_owned(), certificate, host));
    let answer = move |RawQuery(query): RawQuery, headers: HeaderMap| {
        let shared = Arc::clone(&shared);
        async move {
            let (dir, certificate, host) = &*shared;
            let expected = format!("Basic {}", STANDARD.encode("robot:secret-real"));
            if headers.get("authorization").is_none_or(|value| value.to_str().unwrap() != expected) {
                return Err(StatusCode::UNAUTHORIZED);
            }
            let query = query.unwrap_or_default();
            let scopes = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "scope");
            let access: Vec<_> = scopes
                .map(|(_, scope)| {
                    let parts: Vec<&str> = scope.split(':').collect();
                    json!({"type": parts[0], "name": parts[1], "actions": parts[2].split(',').collect::<Vec<_>>()})
                })
                .collect();
            let now = jiff::Timestamp::now().as_second();
            let claims = json!({
                "iss": "tagpin-test", "sub": "robot", "aud": host, "exp": now + 300, "nbf": now - 10, "iat": now,
                "jti": "1", "access": access,
            });
            let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [certificate]});
            let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let text = format!("{}.{}", part(&header), part(&claims));
            let file = tempfile::NamedTempFile::new().unwrap();
            fs_err::write(file.path(), &text).unwrap();
            let signed = Command::new("openssl")
                .args(["dgst", "-sha256", "-sign", "ca.key"])
                .arg(file.path())
                .current_dir(dir)
                .output()
                .unwrap();
            let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed.stdout));
            Ok(json!({"token": token, "expires_in": 300}).to_string())
        }
    };
    let router = axum::Router::new().route("/token", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let realm = format!("http://localhost:{}/token", listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    realm
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_a_registry_and_one_is_for_several_repositories() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let realm = token_service(dir.path(), "registry.test".to_owned()).await;
    let auth = format!(
        "auth: {{token: {{realm: '{realm}', service: registry.test, issuer: tagpin-test, rootcertbundle: {}}}}}\n",
        dir.path().join("ca.pem").display()
    );
    // One that pushes without a token and one that asks for it have the same images.
    let open = docker_registry_at(&dir, "storage", "", "");
    let mut digests = Vec::new();
    for i in 0..12 {
        digests.push(push(&open).index(&format!("acme/app-{i}"), "1", "a").await.0);
    }
    let server = docker_registry_at(&dir, "storage", &auth, "");
    let questions: Vec<TagQuery> = (0..12)
        .map(|i| {
            let question = question(server.port, &format!("acme/app-{i}:1"));
            let reference = format!("acme/app-{i}:1");
            TagQuery { question, reference, wanted: vec![index_of(None)] }
        })
        .collect();
    let host = format!("localhost:{}", server.port);
    for (password, is_good) in [("secret-real", true), ("secret-wrong", false)] {
        let auth = STANDARD.encode(format!("robot:{password}"));
        let config = json!({"auths": {&host: {"auth": auth}}}).to_string();
        let environment =
            CredentialPaths { docker_auth_config: Some(config.into()), ..CredentialPaths::default() };
        // The realm is on another port of the same machine: so it has to be named.
        let realm = realm.trim_start_matches("http://").trim_end_matches("/token").to_owned();
        let rules = vec![RegistryRule { token_hosts: vec![realm], ..rule(server.port) }];
        let credentials = Credentials::new(&environment);
        let client = HttpRegistry::new(ClientSettings { credentials, rules, ..settings() }).unwrap();
        let answers = ask(&client, &questions, 64, |_, _| {}).await;
        for (asked, digest) in questions.iter().zip(&digests) {
            match &answers[&asked.question] {
                Ok(answer) => assert!(is_good && answer.resolution.digest.as_str() == digest),
                Err(error) => assert!(!is_good && error.reason() == "unauthorized", "{error}"),
            }
        }
        let budget = client.budget()[&host];
        assert!(
            !is_good || (budget.token, budget.get) == (2, 0),
            "12 repositories, 10 to a token: {budget:?}"
        );
    }
}

#[tokio::test]
async fn a_pull_through_cache_is_not_believed_about_tags_unless_that_is_said() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let upstream = docker_registry(&dir, "", "");
    let origin = docker_registry(&dir, "", "");
    let cache =
        docker_registry(&dir, &format!("proxy: {{remoteurl: 'http://127.0.0.1:{}'}}\n", upstream.port), "");
    let (first, _) = push(&upstream).index("acme/api", "1", "a").await;
    push(&origin).index("acme/api", "1", "a").await;
    let api = TagRef::new(&Reference::parse("quay.io/acme/api:1").unwrap());
    let (origin_port, cache_port) = (origin.port, cache.port);
    let with = |pull| {
        let mirror = Mirror { location: format!("localhost:{cache_port}"), insecure: false, pull };
        let rule = RegistryRule { prefix: "quay.io".to_owned(), mirrors: vec![mirror], ..rule(origin_port) };
        HttpRegistry::new(ClientSettings { rules: vec![rule], ..settings() }).unwrap()
    };
    let digest =
        async |pull| with(pull).resolve(&api, false).await.map(|answer| answer.digest.as_str().to_owned());
    for pull in [PullFromMirror::All, PullFromMirror::DigestOnly] {
        assert_eq!(digest(pull).await.as_ref(), Ok(&first), "{pull:?}");
    }

    // Upstream moves: a cache that reaches it sees that.
    let (second, _) = push(&upstream).index("acme/api", "1", "b").await;
    push(&origin).index("acme/api", "1", "b").await;
    for pull in [PullFromMirror::All, PullFromMirror::DigestOnly] {
        assert_eq!(digest(pull).await.as_ref(), Ok(&second), "{pull:?}");
    }

    // Upstream stops, and the tag moves once more: the cache goes on with what it has, 200 and without a warning.
    drop(upstream);
    let (third, _) = push(&origin).index("acme/api", "1", "c").await;
    assert_eq!(digest(PullFromMirror::DigestOnly).await.as_ref(), Ok(&third));
    assert_eq!(digest(PullFromMirror::All).await.as_ref(), Ok(&second), "as it was told to");
    let compared = with(PullFromMirror::DigestOnly).at_mirrors(&api).await;
    assert_eq!(compared[0].1.as_ref().unwrap().as_str(), second);

    // What is confirmed at a cache that lacks it is confirmed at the origin.
    let client = with(PullFromMirror::DigestOnly);
    let answer = judged(&client, &api, DigestLevel::Index, None, Vec::new()).await;
    assert_eq!(answer, Ok(Assessment::Write { digest: Digest::parse(&third).unwrap(), behind: None }));

    // And with the origin gone too, nobody says what the tag is now.
    drop(origin);
    assert_eq!(digest(PullFromMirror::DigestOnly).await.unwrap_err().reason(), "unavailable");
}

#[tokio::test]
async fn a_front_that_hides_the_digest_refuses_head_or_limits_the_rate_is_got_along_with() {
    if !installed(&["docker-registry", "nginx"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = docker_registry(&dir, "", "");
    let (digest, _) = push(&server).index("acme/api", "1", "a").await;
    for (front, get) in [
        ("proxy_hide_header Docker-Content-Digest;", 1),
        ("if ($request_method = HEAD) { return 405; }", 1),
        ("limit_req zone=slow; limit_req_status 429; add_header Retry-After 1 always;", 0),
    ] {
        let limit = "limit_req_zone $binary_remote_addr zone=slow:1m rate=1r/s;";
        let front = nginx(&dir, &server, front, limit);
        let client = HttpRegistry::new(settings()).unwrap();
        for _ in 0..2 {
            let answer = client.resolve(&question(front.port, "acme/api:1"), false).await.unwrap();
            assert_eq!(answer.digest.as_str(), digest);
        }
        let budget = client.budget()[&format!("localhost:{}", front.port)];
        assert_eq!(budget.get, get * 2, "{budget:?}");
    }
}

#[tokio::test]
async fn a_tls_server_that_hangs_up_is_unavailable_whatever_it_answers_to_plain_http() {
    if !installed(&["docker-registry", "nginx", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let port = free_port();
    let tls = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; return 444; }}",
        file("server.pem"),
        file("server.key")
    );
    let server = docker_registry(&dir, "", "");
    let _front = nginx(&dir, &server, "", &tls);
    let ca = TlsFiles { ca: Some(dir.path().join("ca.pem")), client: None };
    let client = HttpRegistry::new(ClientSettings {
        rules: vec![RegistryRule { tls: ca, ..rule(port) }],
        ..settings()
    })
    .unwrap();
    let (answer, steps) = explained(client.resolve(&question(port, "acme/api:1"), false)).await;
    let error = answer.unwrap_err();
    // It has certificates: nothing is sent in plain text.
    assert!(steps.iter().any(|step| step.contains("https://")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains(" http://")), "{steps:?}");
    assert_eq!(error.reason(), "unavailable", "{error}");
}
