//! What the tests of the registry client share: clients, questions, and what a registry served.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use base64::Engine as _;
use tagpin::platform::Platform;
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    Answer, Answers, Asked, Credentials, Environment, HttpRegistry, Judged, Level, Limits, Question,
    Recorded, Registry as _, Resolution, ResolveError, Settings, Wanted, ask,
};

use super::registry::{IDENTITY_TOKEN, PASSWORD, Registry, TOKEN_PREFIX, USER};

pub(crate) const PLATFORMS: &[&str] = &["linux/amd64", "linux/arm64"];

pub(crate) fn limits() -> Limits {
    Limits { question: Duration::from_secs(10), retry_delay: Duration::from_millis(5), ..Limits::default() }
}

pub(crate) fn client() -> HttpRegistry {
    HttpRegistry::new(Settings { limits: limits(), ..Settings::default() }).unwrap()
}

/// A client with a credential for each of `hosts`, which docker's config.json would hold.
pub(crate) fn client_for(hosts: &[String], entry: &serde_json::Value) -> HttpRegistry {
    let auths: serde_json::Map<_, _> = hosts.iter().map(|host| (host.clone(), entry.clone())).collect();
    let config = serde_json::json!({ "auths": auths }).to_string();
    let environment = Environment { docker_auth_config: Some(config.into()), ..Environment::default() };
    let credentials = Credentials::new(&environment);
    HttpRegistry::new(Settings { credentials, limits: limits(), ..Settings::default() }).unwrap()
}

pub(crate) fn password() -> serde_json::Value {
    serde_json::json!({"auth": base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"))})
}

pub(crate) fn question(registry: &Registry, image: &str) -> Question {
    Question::new(&Reference::parse(&format!("{}/{image}", registry.host())).unwrap())
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
pub(crate) fn index_of(present: Option<&str>, needed: &[&str]) -> Wanted {
    Wanted {
        level: Level::Index,
        needed: needed.iter().map(|text| platform(text)).collect(),
        present: present.map(digest),
        recorded: Recorded::Nothing,
    }
}

/// A site that wants one platform's manifest and has this digest.
pub(crate) fn manifest_of(present: Option<&str>, wanted: &str) -> Wanted {
    Wanted { level: Level::Platform(platform(wanted)), ..index_of(present, &[]) }
}

pub(crate) fn asked(question: &Question, present: &[Option<&str>], needed: &[&str]) -> Asked {
    asked_by(question, present.iter().map(|present| index_of(*present, needed)).collect())
}

pub(crate) fn asked_by(question: &Question, wanted: Vec<Wanted>) -> Asked {
    let reference = format!("{}/{}", question.registry, question.repository);
    Asked { question: question.clone(), reference, wanted }
}

/// What became of one question: the answer, and what it means for each site that asked.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) answer: Answer,
    pub(crate) judged: Vec<Judged>,
}

impl Told {
    /// What the last site should have, or has.
    pub(crate) fn digest(&self) -> &str {
        match self.judged.last() {
            Some(Judged::Write { digest, .. }) => digest.as_str(),
            _ => self.answer.resolution.digest.as_str(),
        }
    }
}

/// Asks one question, and fails where it fails for one of the sites.
pub(crate) async fn ask_one(client: &HttpRegistry, asked: Asked) -> Result<Told, ResolveError> {
    let mut answers: Answers = ask(client, std::slice::from_ref(&asked), 16, |_, _| {}).await;
    let answer = answers.pop_first().unwrap().1?;
    let mut judged = Vec::new();
    for wanted in &asked.wanted {
        match wanted.judge(&asked.question, &answer).expect("everything was looked at") {
            Judged::Failed(error) => return Err(error),
            other => judged.push(other),
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
