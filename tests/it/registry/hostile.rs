//! Registries that mean harm, and names that lead where they should not: nothing is believed, nothing leaks, all ends.

use std::time::{Duration, Instant};

use tagpin::registry::{ClientSettings, HttpRegistry, Limits, Registry as _, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::asking::{
    PLATFORMS, assert_no_secret, client_for, configured, limits, password, question, resolve, settings,
};
use crate::support::mood::Auth;
use crate::support::registry::{BodyMood, IDENTITY_TOKEN, PASSWORD, Registry, USER};

/// A client that asks for names out of files, and knows the hosts of `known`.
fn scanning(known: &[String], trust: Trust) -> HttpRegistry {
    let rules = known.iter().map(|host| configured(host)).collect();
    HttpRegistry::new(ClientSettings { rules, trust, ..settings() }).unwrap()
}

#[tokio::test]
async fn names_in_files_do_not_lead_to_this_machine_unless_it_is_configured() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    let (literal, name) = (registry.host(), registry.other_host());
    for host in [&literal, &name, &literal.replace("127.0.0.1", "127.1.2.3")] {
        let reference = tagpin::reference::Reference::parse(&format!("{host}/acme/api:1")).unwrap();
        let question = tagpin::registry::TagRef::new(&reference);
        for trust in [Trust::Scanned, Trust::Untrusted] {
            let error = scanning(&[], trust).resolve(&question, false).await.unwrap_err();
            assert_eq!(error.reason(), "not-allowed", "{host}: {error}");
            assert!(error.to_string().contains("[[registry]]"), "it says what to do: {error}");
            assert!(registry.requests().is_empty(), "{host} was asked");
        }
        if host.starts_with("127.1.2.3") {
            continue;
        }
        for (client, is_allowed) in [
            (scanning(&[], Trust::Typed), true),
            (scanning(std::slice::from_ref(host), Trust::Scanned), true),
            (scanning(std::slice::from_ref(host), Trust::Untrusted), true),
            (scanning(&["127.0.0.1:1".to_owned()], Trust::Scanned), false),
        ] {
            registry.forget_requests();
            assert_eq!(client.resolve(&question, false).await.is_ok(), is_allowed, "{host}");
            assert_eq!(registry.requests().is_empty(), !is_allowed);
        }
        registry.forget_requests();
    }
    for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0"] {
        let Ok(reference) = tagpin::reference::Reference::parse(&format!("{host}/acme/api:1")) else {
            continue;
        };
        let question = tagpin::registry::TagRef::new(&reference);
        let error = scanning(&[], Trust::Scanned).resolve(&question, false).await.unwrap_err();
        assert_eq!(error.reason(), "not-allowed", "{host}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_no_address_that_a_name_may_not_lead_to() {
    let (registry, other) = (Registry::start().await, Registry::start().await);
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    other.put_index("acme/api", "1", PLATFORMS, "a");
    for target in [
        "http://169.254.169.254".to_owned(),
        "http://2852039166".to_owned(),
        "https://[fe80::1]".to_owned(),
        "http://[::ffff:169.254.169.254]".to_owned(),
        "https://[fd00:ec2::254]".to_owned(),
        format!("http://{}", other.host()),
        format!("http://{}", other.other_host()),
    ] {
        registry.set(|mood| mood.redirect = Some(target.clone()));
        // Whoever typed the registry's name has not typed the one that it redirects to.
        for trust in [Trust::Typed, Trust::Scanned, Trust::Untrusted] {
            let client = scanning(&[registry.host()], trust);
            let start = Instant::now();
            let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
            assert_eq!(error.reason(), "not-allowed", "{target}: {error}");
            assert!(start.elapsed() < Duration::from_secs(2), "{target} was tried");
        }
        assert!(other.requests().is_empty(), "{target}");
    }
    registry.set(|mood| mood.redirect = Some(format!("http://{}", other.host())));
    let client = scanning(&[registry.host(), other.host()], Trust::Scanned);
    assert!(resolve(&client, &registry, "acme/api:1").await.is_ok(), "both are configured");
}

#[tokio::test]
async fn a_realm_leads_to_no_such_address_either() {
    let (registry, other) = (Registry::start().await, Registry::start().await);
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    for (realm, reason) in [
        ("https://169.254.169.254/token".to_owned(), "not-allowed"),
        ("https://[fe80::1]/token".to_owned(), "not-allowed"),
        ("http://169.254.169.254/token".to_owned(), "invalid-answer"),
        (format!("http://{}/token", other.other_host()), "not-allowed"),
        ("file:///etc/passwd".to_owned(), "unauthorized"),
    ] {
        registry.set(|mood| (mood.auth, mood.realm) = (Auth::Bearer, Some(realm.clone())));
        let client = client_for(&[registry.host()], &password());
        let error = resolve(&client, &registry, "acme/api:1").await.unwrap_err();
        assert_eq!(error.reason(), reason, "{realm}: {error}");
        assert_no_secret(&error.to_string());
    }
    assert!(other.requests().is_empty());
}

/// What follows the answer of a [`raw`] server.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    /// The same bytes again and again.
    Repeat,
    /// Nothing, and the connection stays open.
    Wait,
}

/// Starts a server that answers every request with these bytes; returns `127.0.0.1:PORT`.
async fn raw(answer: Vec<u8>, more: &'static [u8], then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                while then == Then::Repeat && stream.write_all(more).await.is_ok() {}
                if then == Then::Wait {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    host
}

#[tokio::test]
async fn answers_without_end_or_measure_end_in_an_error_in_bounded_time() {
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
    let index = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    let big = format!("X-Long: {}\r\n", "a".repeat(1 << 20));
    let many: String = (0..5000).map(|i| format!("X-{i}: a\r\n")).collect();
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let deep = "[".repeat(1 << 20);
    for (name, answer, then) in [
        ("a header of 1 MB", head(&big), Then::Close),
        ("5000 headers", head(&many), Then::Close),
        ("headers without end", b"HTTP/1.1 200 OK\r\nX: ".to_vec(), Then::Repeat),
        ("a body without end", head(index), Then::Repeat),
        ("a bomb", head(&format!("{index}Content-Encoding: gzip\r\n")), Then::Repeat),
        ("a length that is a lie", head(&format!("{index}Content-Length: 99999999999\r\n")), Then::Wait),
        ("a body that never comes", head(&format!("{index}Content-Length: 9\r\n")), Then::Wait),
        (
            "deep JSON",
            [head(&format!("{index}Content-Length: {}\r\n", deep.len())), deep.into_bytes()].concat(),
            Then::Close,
        ),
        ("no HTTP at all", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Then::Close),
        ("nothing", Vec::new(), Then::Wait),
    ] {
        let host = raw(answer, &ZEROS, then).await;
        let limits = Limits {
            read: Duration::from_millis(300),
            request: Duration::from_millis(1500),
            question: Duration::from_secs(5),
            ..limits()
        };
        let client = HttpRegistry::new(ClientSettings { limits, ..settings() }).unwrap();
        let reference = tagpin::reference::Reference::parse(&format!("{host}/acme/api:1")).unwrap();
        let question = tagpin::registry::TagRef::new(&reference);
        let start = Instant::now();
        let error = client.resolve(&question, false).await.unwrap_err();
        assert!(["unavailable", "invalid-answer"].contains(&error.reason()), "{name}: {error}");
        assert!(error.to_string().len() < 1000, "{name}: {} bytes of message", error.to_string().len());
        assert!(start.elapsed() < Duration::from_secs(8), "{name}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_token_service_that_hangs_or_answers_without_end_holds_up_its_registry_only() {
    static SPACES: [u8; 1 << 16] = [b' '; 1 << 16];
    let (registry, well) = (Registry::start().await, Registry::start().await);
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    well.put_index("acme/api", "1", PLATFORMS, "a");
    let token = format!("{{\"token\":\"{}\"}}", "a".repeat(200_000));
    let endless = raw(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), &SPACES, Then::Repeat).await;
    let long = raw(
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}", token.len()).into_bytes(),
        b"",
        Then::Close,
    )
    .await;
    for (realm, reason) in
        [(None, "unavailable"), (Some(endless), "invalid-answer"), (Some(long), "invalid-answer")]
    {
        let rules = realm.iter().map(|host| configured(host)).collect();
        registry.set(|mood| {
            mood.auth = Auth::Bearer;
            mood.token_hangs = realm.is_none();
            mood.realm = realm.map(|host| format!("http://{host}/token"));
        });
        let limits =
            Limits { read: Duration::from_millis(300), question: Duration::from_secs(3), ..limits() };
        let client = HttpRegistry::new(ClientSettings { limits, rules, ..settings() }).unwrap();
        let start = Instant::now();
        let quick = async {
            resolve(&client, &well, "acme/api:1").await.unwrap();
            start.elapsed()
        };
        let (error, quick) = tokio::join!(resolve(&client, &registry, "acme/api:1"), quick);
        let error = error.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(quick < Duration::from_secs(1), "the other registry was held up for {quick:?}");
    }
}

/// Runs the program with these variables and no others, and returns whether it succeeded, and all that it printed.
async fn tagpin(arguments: &[&str], variables: &[(&str, String)]) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.args(arguments).env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_is_in_any_log_at_any_level() {
    let (registry, store) = (Registry::start().await, Registry::start().await);
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    store.put_index("acme/api", "1", PLATFORMS, "a");
    let reference = format!("{}/acme/api:1", registry.host());
    let wrong = serde_json::json!({"username": USER, "password": format!("{PASSWORD}-wrong")});
    let identity = serde_json::json!({ "identitytoken": IDENTITY_TOKEN });
    let redirect = format!("http://{USER}:{PASSWORD}@{}", store.host());
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tagpin.toml");
    fs_err::write(&config, format!("[[registry]]\nprefix = \"{}\"\n", store.host())).unwrap();
    let known = ("TAGPIN_CONFIG", config.to_str().unwrap().to_owned());
    for (auth, entry, redirect, is_good) in [
        (Auth::Basic, password(), None, true),
        (Auth::Bearer, password(), None, true),
        (Auth::Bearer, identity, None, true),
        (Auth::Basic, wrong.clone(), None, false),
        (Auth::Bearer, wrong, None, false),
        (Auth::Bearer, password(), Some(redirect), true),
    ] {
        registry.set(|mood| (mood.auth, mood.redirect) = (auth, redirect));
        let config = serde_json::json!({"auths": {registry.host(): entry}}).to_string();
        for filter in ["trace", "tagpin=trace,hyper=trace,reqwest=trace,h2=trace,rustls=trace"] {
            for level in [
                &["resolve", &reference][..],
                &["resolve", "-v", &reference],
                &["-vv", "resolve", &reference],
            ] {
                let variables = [
                    known.clone(),
                    ("DOCKER_AUTH_CONFIG", config.clone()),
                    ("TAGPIN_LOG", filter.to_owned()),
                ];
                let (ok, text) = tagpin(level, &variables).await;
                assert_eq!(ok, is_good, "{text}");
                assert_no_secret(&text);
                assert!(!text.contains(&config), "the file itself is in the log");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resolve_explains_step_by_step_where_an_answer_comes_from() {
    let registry = Registry::start().await;
    let now = registry.put_index("acme/api", "1", PLATFORMS, "a");
    registry.set(|mood| mood.auth = Auth::Bearer);
    let (host, reference) = (registry.host(), format!("{}/acme/api:1", registry.host()));
    let config = serde_json::json!({"auths": {registry.host(): password()}}).to_string();
    let variables = [("DOCKER_AUTH_CONFIG", config)];
    let (ok, text) = tagpin(&["resolve", "-v", &reference], &variables).await;
    assert!(ok, "{text}");
    let steps = [
        format!("registry {host}, repository acme/api: no [[registry]] names it"),
        format!("HEAD http://{host}/v2/acme/api/manifests/1 → 401 (HTTP/1.1)"),
        format!("{host} asks for a token from {host}"),
        format!("credential for {host}: from DOCKER_AUTH_CONFIG, entry `{host}`"),
        format!("token for acme/api from {host}, with the credential → 200"),
        format!("HEAD http://{host}/v2/acme/api/manifests/1 → 200 (HTTP/1.1), digest {now}"),
        format!("HEAD http://{host}/v2/acme/api/manifests/{now} → 200 (HTTP/1.1), digest {now}"),
        format!("{host}: 3 HEAD, 0 GET, 1 token"),
    ];
    let mut rest = &*text;
    for step in &steps {
        let Some((_, after)) = rest.split_once(step.as_str()) else {
            panic!("no `{step}` in order in:\n{text}")
        };
        rest = after;
    }
    let (ok, text) = tagpin(&["resolve", "-v", &reference, "--format", "json"], &variables).await;
    let document: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(ok && document["references"][0]["steps"].as_array().unwrap().len() >= 5, "{text}");
    assert_eq!(
        document["registries"][&host],
        serde_json::json!({"head": 3, "get": 0, "token": 1, "remaining": null, "details": 0, "refused": false})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_proxy_looks_up_the_name_and_tagpin_says_so() {
    // A server that answers plain HTTP answers what a proxy is asked, too.
    let proxy = Registry::start().await;
    let now = proxy.put_index("acme/api", "1", PLATFORMS, "a");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tagpin.toml");
    fs_err::write(&config, "[[registry]]\nprefix = \"registry.invalid\"\ninsecure = true\n").unwrap();
    let config = config.to_str().unwrap();
    let arguments = ["resolve", "-v", "--config", config, "registry.invalid/acme/api:1"];
    let address = format!("http://{}", proxy.host());
    let variables = [("HTTP_PROXY", address.clone()), ("HTTPS_PROXY", address)];
    let (ok, text) = tagpin(&arguments, &variables).await;
    assert!(ok && text.contains(&now) && text.contains("over the proxy"), "{text}");

    let without = [&variables[..], &[("NO_PROXY", "registry.invalid".to_owned())]].concat();
    proxy.forget_requests();
    let (ok, text) = tagpin(&arguments, &without).await;
    assert!(!ok && !text.contains("over the proxy") && proxy.requests().is_empty(), "{text}");

    // What is known to be wrong is not left to the proxy.
    let redirect = Registry::start().await;
    redirect.set(|mood| mood.redirect = Some("http://169.254.169.254".to_owned()));
    let reference = format!("{}/acme/api:1", redirect.host());
    let (ok, text) = tagpin(&["resolve", &reference], &variables).await;
    assert!(!ok && text.contains("not-allowed"), "{text}");
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn a_digest_that_does_not_match_is_not_believed() {
    let registry = Registry::start().await;
    registry.put_index("acme/api", "1", PLATFORMS, "a");
    let client = scanning(&[registry.host()], Trust::Scanned);
    registry.set(|mood| (mood.body, mood.head) = (BodyMood::Changed, Some(405)));
    let error = client.resolve(&question(&registry, "acme/api:1"), false).await.unwrap_err();
    assert_eq!(error.reason(), "invalid-answer", "{error}");
}
