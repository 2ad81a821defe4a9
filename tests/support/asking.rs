//! What the tests of the registry client share: clients, questions, and what a registry served.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use base64::Engine as _;
use tagpin::platform::Platform;
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    Answers, Assessment, ClientSettings, CredentialPaths, Credentials, DigestLevel, HttpRegistry, Judgement,
    Limits, RecordedOrigin, Registry as _, RegistryRule, Requirement, Resolution, ResolveError, TagAnswer,
    TagQuery, TagRef, Trust, ask,
};

use super::registry::{IDENTITY_TOKEN, PASSWORD, Registry, TOKEN_PREFIX, USER};

pub(crate) const PLATFORMS: &[&str] = &["linux/amd64", "linux/arm64"];

pub(crate) fn limits() -> Limits {
    Limits { question: Duration::from_secs(10), retry_delay: Duration::from_millis(5), ..Limits::default() }
}

/// For registries on loopback, as if the user had typed their names.
pub(crate) fn settings() -> ClientSettings {
    ClientSettings { limits: limits(), trust: Trust::Typed, ..ClientSettings::default() }
}

/// A rule that makes a host one that is configured.
pub(crate) fn configured(host: &str) -> RegistryRule {
    RegistryRule { prefix: host.to_owned(), location: host.to_owned(), ..RegistryRule::default() }
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
    let environment =
        CredentialPaths { docker_auth_config: Some(config.into()), ..CredentialPaths::default() };
    let credentials = Credentials::new(&environment);
    let rules = hosts.iter().chain(others).map(|host| configured(host)).collect();
    HttpRegistry::new(ClientSettings { credentials, rules, ..settings() }).unwrap()
}

pub(crate) fn password() -> serde_json::Value {
    serde_json::json!({"auth": base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"))})
}

pub(crate) fn question(registry: &Registry, image: &str) -> TagRef {
    TagRef::new(&Reference::parse(&format!("{}/{image}", registry.host())).unwrap())
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
    client.resolve(&question(registry, image), false).await
}

/// A site that wants the index, with these platforms in it, and has this digest.
pub(crate) fn index_of(present: Option<&str>, needed: &[&str]) -> Requirement {
    Requirement {
        level: DigestLevel::Index,
        needed: needed.iter().map(|text| platform(text)).collect(),
        present: present.map(digest),
        recorded: RecordedOrigin::Nothing,
    }
}

/// A site that wants one platform's manifest and has this digest.
pub(crate) fn manifest_of(present: Option<&str>, wanted: &str) -> Requirement {
    Requirement { level: DigestLevel::Platform(platform(wanted)), ..index_of(present, &[]) }
}

pub(crate) fn asked(question: &TagRef, present: &[Option<&str>], needed: &[&str]) -> TagQuery {
    asked_by(question, present.iter().map(|present| index_of(*present, needed)).collect())
}

pub(crate) fn asked_by(question: &TagRef, wanted: Vec<Requirement>) -> TagQuery {
    let reference = format!("{}/{}", question.registry, question.repository);
    TagQuery { question: question.clone(), reference, wanted }
}

/// What became of one question: the answer, and what it means for each site that asked.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) answer: TagAnswer,
    pub(crate) judged: Vec<Assessment>,
}

impl Told {
    /// What the last site should have, or has.
    pub(crate) fn digest(&self) -> &str {
        match self.judged.last() {
            Some(Assessment::Write { digest, .. }) => digest.as_str(),
            _ => self.answer.resolution.digest.as_str(),
        }
    }
}

/// Asks one question, and fails where it fails for one of the sites.
pub(crate) async fn ask_one(client: &HttpRegistry, asked: TagQuery) -> Result<Told, ResolveError> {
    let mut answers: Answers = ask(client, std::slice::from_ref(&asked), 16, |_, _| {}).await;
    let answer = answers.pop_first().unwrap().1?;
    let mut judged = Vec::new();
    for wanted in &asked.wanted {
        match wanted.judge(&asked.question, &answer) {
            Judgement::Done(Assessment::Failed(error)) => return Err(error),
            Judgement::Done(other) => judged.push(other),
            Judgement::Needs(probe) => panic!("{probe:?} was not looked at"),
        }
    }
    Ok(Told { answer, judged })
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
