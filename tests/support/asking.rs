//! What the tests of the registry client share: clients, questions, and what a registry served.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use base64::Engine as _;
use tagpin::platform::Platform;
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    Answers, Asked, Credentials, Environment, HttpRegistry, Level, Limits, Question, Registry as _,
    Resolution, ResolveError, Rule, Settings, Trust, ask,
};

use super::registry::{IDENTITY_TOKEN, PASSWORD, Registry, TOKEN_PREFIX, USER};

pub(crate) const PLATFORMS: &[&str] = &["linux/amd64", "linux/arm64"];

pub(crate) fn limits() -> Limits {
    Limits { question: Duration::from_secs(10), retry_delay: Duration::from_millis(5), ..Limits::default() }
}

/// For registries on loopback, as if the user had typed their names.
pub(crate) fn settings() -> Settings {
    Settings { limits: limits(), trust: Trust::Typed, ..Settings::default() }
}

/// A rule that makes a host one that is configured.
pub(crate) fn configured(host: &str) -> Rule {
    Rule { prefix: host.to_owned(), location: host.to_owned(), ..Rule::default() }
}

pub(crate) fn client() -> HttpRegistry {
    HttpRegistry::new(settings()).unwrap()
}

/// A client with a credential for each of `hosts`, which docker's config.json would hold.
pub(crate) fn client_for(hosts: &[String], entry: &serde_json::Value) -> HttpRegistry {
    client_knowing(hosts, &[], entry)
}

/// The same, where `others` are configured without a credential.
pub(crate) fn client_knowing(hosts: &[String], others: &[String], entry: &serde_json::Value) -> HttpRegistry {
    let auths: serde_json::Map<_, _> = hosts.iter().map(|host| (host.clone(), entry.clone())).collect();
    let config = serde_json::json!({ "auths": auths }).to_string();
    let environment = Environment { docker_auth_config: Some(config.into()), ..Environment::default() };
    let credentials = Credentials::new(&environment);
    let rules = hosts.iter().chain(others).map(|host| configured(host)).collect();
    HttpRegistry::new(Settings { credentials, rules, ..settings() }).unwrap()
}

pub(crate) fn password() -> serde_json::Value {
    serde_json::json!({"auth": base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"))})
}

pub(crate) fn question(registry: &Registry, image: &str, level: Level) -> Question {
    Question::new(&Reference::parse(&format!("{}/{image}", registry.host())).unwrap(), level)
}

pub(crate) fn platform(text: &str) -> Platform {
    Platform::parse(text).unwrap()
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::parse(text).unwrap()
}

pub(crate) async fn resolve(
    client: &HttpRegistry,
    registry: &Registry,
    image: &str,
) -> Result<Resolution, ResolveError> {
    client.resolve(&question(registry, image, Level::Index)).await
}

pub(crate) fn asked(question: &Question, present: &[Option<&str>], needed: &[&str]) -> Asked {
    Asked {
        question: question.clone(),
        reference: format!("{}/{}", question.registry, question.repository),
        present: present.iter().map(|text| text.map(digest)).collect(),
        needed: needed.iter().map(|text| platform(text)).collect(),
    }
}

pub(crate) async fn ask_one(client: &HttpRegistry, asked: Asked) -> Result<Resolution, ResolveError> {
    let mut answers: Answers = ask(client, &[asked], 16, |_, _| {}).await;
    answers.pop_first().unwrap().1
}

/// `HEAD 200, GET 404`
pub(crate) fn served(registry: &Registry) -> String {
    let lines: Vec<_> =
        registry.requests().iter().map(|log| format!("{} {}", log.method, log.status)).collect();
    lines.join(", ")
}

/// Fails where a text that could end in a log, a report or a pull request holds a secret.
pub(crate) fn assert_no_secret(text: &str) {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for secret in [PASSWORD, IDENTITY_TOKEN, TOKEN_PREFIX, &basic] {
        assert!(!text.contains(secret), "a secret in: {text}");
    }
}
