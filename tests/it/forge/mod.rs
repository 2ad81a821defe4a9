//! The GitHub client and the life of a pull request, against a forge on loopback that answers what GitHub answers.

mod histories;
mod life;
mod requests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;
use tagpin::forge::github::{App, GitHub, GitHubSettings, Patience};
use tagpin::forge::{
    Draft, Forge, ForgeError, MergeMethod, Metadata, PullRequest, PullRequestChanges, PullRequestState,
};
use tagpin::pull_request::{ImageChange, Operation, Proposal, Settled, draft, marker, own, render};
use tagpin::reference::Digest;

use crate::support::forge::{Forge as Fake, Logged, Mood, Pull, Settings};
use crate::support::github_issues::STRANGER;
use crate::support::openapi::OpenApi;

const HEAD: &str = "tagpin/pin-digests";
const TOKEN: &str = "forge-token";

/// `main` and `release` are older than tagpin's branch; `same` has nothing new.
fn branches(branch: &str) -> Option<String> {
    match branch {
        "main" | "release" | "same" => Some("a".repeat(40)),
        HEAD => Some("b".repeat(40)),
        _ => None,
    }
}

async fn fake() -> Fake {
    Fake::start(Settings::default(), branches).await
}

fn client_with(fake: &Fake, token: Option<&str>) -> GitHub {
    let settings = GitHubSettings {
        base_url: fake.base_url(),
        owner: "acme".to_owned(),
        repository: "clusters".to_owned(),
        token: token.map(SecretString::from),
        writes: Arc::default(),
    };
    let patience = Patience { longest_wait: Duration::from_secs(2), pause: Duration::from_millis(1) };
    GitHub::new(settings).unwrap().with_patience(patience)
}

fn client(fake: &Fake) -> GitHub {
    client_with(fake, Some(TOKEN))
}

/// A draft for `main` that pins one image to the digest of `seed`.
fn draft_of(seed: &str) -> Draft {
    let image = ImageChange {
        name: "nginx".to_owned(),
        tag: "1.27".to_owned(),
        old: None,
        new: Digest::sha256(seed.as_bytes()),
        platforms: "index".to_owned(),
        index: None,
        files: vec!["app/deploy.yaml".to_owned()],
        objects: Vec::new(),
        proofs: Vec::new(),
        details: None,
        moves: None,
        unconfirmed: None,
    };
    let commit = "b".repeat(40);
    let proposal =
        Proposal { images: vec![image], spans: 1, files: 1, head: commit.clone(), ..Proposal::default() };
    let (title, body) = render(&proposal);
    Draft {
        head: HEAD.to_owned(),
        base: "main".to_owned(),
        title,
        body,
        commit,
        metadata: Metadata::default(),
    }
}

fn draft() -> Draft {
    draft_of("one")
}

fn foreign(head_repository: Option<&str>, head: &str, base: &str) -> Pull {
    Pull {
        number: 0,
        title: "somebody else's".to_owned(),
        body: None,
        state: "open".to_owned(),
        base: base.to_owned(),
        head: head.to_owned(),
        head_repository: head_repository.map(str::to_owned),
        head_oid: "c".repeat(40),
        user: "octocat".to_owned(),
        merged: false,
        labels: Vec::new(),
        draft: false,
        added: Vec::new(),
    }
}

/// Looks for the draft's pull request, as a run does.
async fn find(forge: &GitHub, draft: &Draft) -> Result<Option<PullRequest>, ForgeError> {
    Ok(draft::current(draft, &history(forge, &draft.head).await?).cloned())
}

async fn history(forge: &GitHub, branch: &str) -> Result<Vec<PullRequest>, ForgeError> {
    Ok(forge.histories(&[branch.to_owned()], "main").await?.remove(branch).unwrap_or_default())
}

/// Opens a pull request without looking for one before.
async fn open(forge: &GitHub, draft: &Draft) -> Result<PullRequest, ForgeError> {
    Ok(tagpin::pull_request::settle(forge, draft, None).await?.0.pull_request)
}

/// Finds, opens and updates, as a run does.
async fn settle(forge: &GitHub, draft: &Draft) -> Result<Settled, ForgeError> {
    let current = find(forge, draft).await?;
    Ok(tagpin::pull_request::settle(forge, draft, current.as_ref()).await?.0)
}

fn methods(log: &[Logged]) -> Vec<&str> {
    log.iter().map(|request| request.method.as_str()).collect()
}

/// Asserts the error's kind, a part of its text, and that it holds neither a token nor an upper-case start.
fn told(error: ForgeError, expected: &str) {
    let (kind, part) = expected.split_once(": ").unwrap();
    let text = error.to_string();
    assert!(format!("{error:?}").starts_with(kind), "{expected}\n{error:?}");
    assert!(text.contains(part), "{expected}\n{text}");
    assert!(!text.contains("-token") && !text.ends_with('.'), "{text}");
    assert!(text.starts_with(|c: char| c.is_lowercase() || c == '`') && !text.contains('\n'), "{text}");
}
