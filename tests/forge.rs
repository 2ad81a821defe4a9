//! The GitHub client and the life of a pull request, against a forge on loopback that answers what GitHub answers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;
use support::forge::{Forge as Fake, Logged, Mood, Pull, Settings};
use support::openapi::OpenApi;
use tagpin::forge::github::{GitHub, GitHubSettings, Patience};
use tagpin::forge::{Changes, Draft, Forge, ForgeError, PullRequestState};
use tagpin::pull_request::{Branch, ImageChange, Operation, Proposal, render, settle};
use tagpin::reference::Digest;

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
        details: None,
    };
    let commit = "b".repeat(40);
    let proposal =
        Proposal { images: vec![image], spans: 1, files: 1, head: commit.clone(), ..Proposal::default() };
    let (title, body) = render(&proposal);
    Draft { head: HEAD.to_owned(), base: "main".to_owned(), title, body, commit }
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
    }
}

fn methods(log: &[Logged]) -> Vec<&str> {
    log.iter().map(|request| request.method.as_str()).collect()
}

#[tokio::test]
async fn a_pull_request_is_opened_then_left_alone_then_updated() {
    for prefix in ["", "/api/v3"] {
        let fake = Fake::start(Settings { prefix: prefix.to_owned(), ..Settings::default() }, branches).await;
        let forge = client(&fake);
        let settled = settle(&forge, &draft(), Branch::New).await.unwrap().unwrap();
        assert_eq!((settled.operation, settled.pull_request.number), (Operation::Created, 1));
        assert_eq!(settled.pull_request.url, "https://github.com/acme/clusters/pull/1");
        assert_eq!(fake.pulls()[0].title, draft().title);

        fake.forget();
        let settled = settle(&forge, &draft(), Branch::New).await.unwrap().unwrap();
        assert_eq!(settled.operation, Operation::None);
        assert_eq!(methods(&fake.log()), ["GET"], "nothing is written when nothing changed");

        fake.forget();
        let other = Draft { title: "chore(deps): pin 3 images to digests".to_owned(), ..draft() };
        let settled = settle(&forge, &other, Branch::New).await.unwrap().unwrap();
        assert_eq!(
            (settled.operation, settled.pull_request.title),
            (Operation::Updated, other.title.clone())
        );
        let writes = fake.writes();
        assert_eq!((writes.len(), writes[0].path.as_str()), (1, "/repos/acme/clusters/pulls/1"));
        assert_eq!(writes[0].body, Some(json!({ "title": other.title })), "only what differs is sent");

        let moved = Draft { base: "release".to_owned(), ..other };
        assert_eq!(settle(&forge, &moved, Branch::New).await.unwrap().unwrap().pull_request.base, "release");

        fake.close(1);
        let settled = settle(&forge, &draft(), Branch::New).await.unwrap().unwrap();
        assert_eq!((settled.operation, settled.pull_request.number), (Operation::Created, 2));
    }
}

#[tokio::test]
async fn requests_say_who_asks_and_which_version_is_meant() {
    let fake = fake().await;
    settle(&client(&fake), &draft(), Branch::New).await.unwrap().unwrap();
    for request in fake.log() {
        assert!(request.headers["user-agent"].starts_with("tagpin/"), "{request:?}");
        assert_eq!(request.headers["accept"], "application/vnd.github+json");
        assert_eq!(request.headers["authorization"], "Bearer");
        assert!(request.headers.contains_key("x-github-api-version"));
    }
}

#[tokio::test]
async fn only_a_pull_request_from_this_very_repository_is_believed() {
    let fake = fake().await;
    // A fork of the same owner passes GitHub's `head` filter; only the full name tells it apart.
    for (repository, head) in [
        (Some("acme/fork"), HEAD),
        (Some("mallory/clusters"), HEAD),
        (None, HEAD),
        (Some("acme/clusters"), "tagpin/pin-digests-2"),
    ] {
        fake.open(foreign(repository, head, "main"));
    }
    let forge = client(&fake);
    assert_eq!(forge.find(&draft()).await.unwrap(), None);
    assert_eq!(settle(&forge, &draft(), Branch::New).await.unwrap().unwrap().pull_request.number, 5);
    // A second one for another base: the first stays ours.
    fake.open(Pull { body: Some(draft().body), ..foreign(Some("ACME/Clusters"), HEAD, "release") });
    assert_eq!(forge.find(&draft()).await.unwrap().unwrap().number, 5);
}

#[tokio::test]
async fn a_person_s_own_pull_request_from_the_branch_is_not_rewritten() {
    let fake = fake().await;
    let forge = client(&fake);
    // For another base it is none of ours, and does not stand in the way.
    let other_base = fake.open(foreign(Some("acme/clusters"), HEAD, "release"));
    assert_eq!(forge.find(&draft()).await.unwrap(), None);
    // It proposes our commit to our base, as somebody does by hand after a crash: adopted.
    let by_hand = fake.open(foreign(Some("acme/clusters"), HEAD, "main"));
    assert_eq!(forge.find(&draft()).await.unwrap().unwrap().number, by_hand);
    // It proposes another commit: somebody's own, and GitHub allows no second one.
    let draft = Draft { commit: "d".repeat(40), ..draft() };
    assert_eq!(forge.find(&draft).await.unwrap(), None);
    fake.forget();
    told(settle(&forge, &draft, Branch::Moved).await.unwrap_err(), "Rejected: somebody else has one open");
    assert!(fake.writes().iter().all(|request| request.method == "POST" && request.status == 422));
    assert!(fake.pulls().iter().all(|pull| pull.title == "somebody else's"), "{other_base}");
    // The marker makes it ours, wherever the branch is.
    fake.close(by_hand);
    let marked = Pull { body: Some(draft.body.clone()), ..foreign(Some("acme/clusters"), HEAD, "main") };
    let marked = fake.open(marked);
    assert_eq!(forge.find(&draft).await.unwrap().unwrap().number, marked);
}

#[tokio::test]
async fn closed_without_a_merge_means_no_until_there_is_something_else() {
    let fake = fake().await;
    let forge = client(&fake);
    let settled = async |seed: &str, branch| settle(&forge, &draft_of(seed), branch).await.unwrap();
    settled("one", Branch::New).await.unwrap();
    fake.close(1);
    for branch in [Branch::Kept, Branch::Moved] {
        fake.forget();
        let left = settled("one", branch).await.unwrap();
        assert_eq!((left.operation, left.pull_request.number), (Operation::None, 1));
        assert_eq!(left.pull_request.state, PullRequestState::Closed);
        assert_eq!(methods(&fake.log()), ["GET", "GET"]);
    }
    let asked = settled("two", Branch::Moved).await.unwrap();
    assert_eq!((asked.operation, asked.pull_request.number), (Operation::Created, 2), "other digests");
    fake.close(2);
    assert_eq!(settled("two", Branch::Kept).await.unwrap().pull_request.number, 2);
    assert_eq!(settled("one", Branch::Moved).await.unwrap().pull_request.number, 3, "the newest one decides");
    fake.close(3);
    let asked = settled("one", Branch::New).await.unwrap();
    assert_eq!(asked.pull_request.number, 4, "who deletes the branch asks for another one");
    fake.merge(4);
    assert_eq!(settled("one", Branch::Kept).await, None, "merged and undone: built anew");
    assert_eq!(settled("one", Branch::Moved).await.unwrap().pull_request.number, 5);
}

#[tokio::test]
async fn a_closed_pull_request_that_is_not_tagpin_s_says_nothing() {
    let fake = fake().await;
    let forge = client(&fake);
    let body = Some(draft().body);
    for pull in [
        foreign(Some("acme/clusters"), HEAD, "main"),
        Pull { body: body.clone(), ..foreign(Some("acme/fork"), HEAD, "main") },
        Pull { body, ..foreign(Some("acme/clusters"), HEAD, "release") },
    ] {
        fake.close(fake.open(pull));
    }
    let settled = settle(&forge, &draft(), Branch::Kept).await.unwrap().unwrap();
    assert_eq!(settled.operation, Operation::Created);
}

#[tokio::test]
async fn every_page_is_read() {
    let fake = fake().await;
    let own = fake.open(Pull { body: Some(draft().body), ..foreign(Some("acme/clusters"), HEAD, "release") });
    for _ in 0..120 {
        fake.open(foreign(Some("acme/fork"), HEAD, "main"));
    }
    assert_eq!(client(&fake).find(&draft()).await.unwrap().unwrap().number, own);
    assert_eq!(fake.log().len(), 2);
}

#[tokio::test]
async fn a_second_pull_request_for_the_same_head_is_met_not_opened() {
    let fake = fake().await;
    let forge = client(&fake);
    let draft = draft();
    let (one, two) = tokio::join!(forge.create(&draft), forge.create(&draft));
    assert_eq!(one.unwrap().number, two.unwrap().number);
    assert_eq!(fake.pulls().len(), 1);
    let statuses = fake.writes().iter().map(|request| request.status).collect::<Vec<_>>();
    assert!(statuses.contains(&201) && statuses.contains(&422), "{statuses:?}");
}

#[tokio::test]
async fn an_answer_that_got_lost_is_looked_up_not_asked_for_again() {
    for mood in [Mood::HangUpAfter, Mood::HangUp, Mood::ServerError, Mood::Malformed] {
        let fake = fake().await;
        fake.next("POST", mood);
        let result = client(&fake).create(&draft()).await;
        assert_eq!(methods(&fake.log()), ["POST", "GET"], "{mood:?}");
        match mood {
            Mood::HangUpAfter => assert_eq!(result.unwrap().number, 1),
            Mood::Malformed => assert!(matches!(result, Err(ForgeError::InvalidAnswer(_))), "{mood:?}"),
            _ => assert!(matches!(result, Err(ForgeError::Unavailable(_))), "{mood:?}"),
        }
    }
}

#[tokio::test]
async fn reading_is_repeated_writing_is_not() {
    for mood in [Mood::ServerError, Mood::HangUp] {
        let fake = fake().await;
        let forge = client(&fake);
        fake.next("GET", mood);
        fake.next("GET", mood);
        assert_eq!(forge.find(&draft()).await.unwrap(), None);
        assert_eq!(fake.log().len(), 3);
        fake.always(Some(mood));
        assert!(matches!(forge.find(&draft()).await, Err(ForgeError::Unavailable(_))));
        assert_eq!(fake.log().len(), 6, "and not for ever");
        fake.forget();
        let changes = Changes { title: Some("new"), ..Changes::default() };
        assert!(matches!(forge.update(1, &changes).await, Err(ForgeError::Unavailable(_))));
        assert_eq!(fake.log().len(), 1);
    }
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for() {
    for mood in [Mood::SecondaryLimit(1), Mood::TooManyRequests(1), Mood::PrimaryLimit(0)] {
        let fake = fake().await;
        fake.next("POST", mood);
        let started = Instant::now();
        assert_eq!(
            settle(&client(&fake), &draft(), Branch::New).await.unwrap().unwrap().operation,
            Operation::Created,
            "{mood:?}"
        );
        assert!(started.elapsed() >= Duration::from_millis(990), "{mood:?} {:?}", started.elapsed());
        assert_eq!(methods(&fake.log()), ["GET", "POST", "POST"], "{mood:?}");
    }
}

#[tokio::test]
async fn a_long_rate_limit_is_an_error_that_says_until_when() {
    for mood in [Mood::SecondaryLimit(3600), Mood::TooManyRequests(3600), Mood::PrimaryLimit(3600)] {
        let fake = fake().await;
        fake.always(Some(mood));
        let error = client(&fake).find(&draft()).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, ForgeError::RateLimited(_)), "{text}");
        assert!(
            text.contains("rate limit") && text.contains("try again in 360") && text.contains("Z"),
            "{text}"
        );
        assert_eq!(fake.log().len(), 1);
    }
    let fake = fake().await;
    fake.always(Some(Mood::SecondaryLimit(0)));
    assert!(matches!(client(&fake).find(&draft()).await, Err(ForgeError::RateLimited(_))));
    assert_eq!(fake.log().len(), 3, "waiting has an end");
}

#[tokio::test]
async fn every_refusal_has_its_own_text() {
    let cases: &[(Mood, &str)] = &[
        (
            Mood::Forbidden,
            "Forbidden: the token lacks a permission (Resource not accessible by personal access token)",
        ),
        (
            Mood::ActionsNotPermitted,
            "Forbidden: \"Allow GitHub Actions to create and approve pull requests\"",
        ),
        (Mood::ActionsNotPermitted, "Forbidden: of the organization `acme`"),
        (Mood::Archived, "Forbidden: is archived and so read-only"),
        (Mood::Unprocessable, "Rejected: was submitted too quickly"),
        (Mood::Moved, "NotFound: write the repository's new address"),
        (Mood::ServerError, "Unavailable: answered 500"),
        (Mood::HangUp, "Unavailable: no answer from the forge"),
        (Mood::Malformed, "InvalidAnswer: something else than GitHub does"),
    ];
    for (mood, expected) in cases {
        let fake = fake().await;
        fake.next("POST", *mood);
        told(client(&fake).create(&draft()).await.unwrap_err(), expected);
    }
    let fake = fake().await;
    for (token, expected) in [
        (Some("wrong-token"), "Unauthorized: does not accept the token (Bad credentials)"),
        (None, "Unauthorized: set TAGPIN_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN"),
    ] {
        told(client_with(&fake, token).create(&draft()).await.unwrap_err(), expected);
    }
    assert_eq!(
        client_with(&fake, None).find(&draft()).await.unwrap(),
        None,
        "a public repository can be read by anybody"
    );
    for (draft, expected) in [
        (Draft { head: "gone".to_owned(), ..draft() }, "Rejected: no branch `gone`: it may be deleted"),
        (
            Draft { base: "gone".to_owned(), ..draft() },
            "Rejected: no branch `gone`: check the repository's `branch`",
        ),
        (Draft { head: "same".to_owned(), ..draft() }, "Rejected: `same` has no commit that `main` lacks"),
    ] {
        told(client(&fake).create(&draft).await.unwrap_err(), expected);
    }
    let private = Fake::start(Settings { private: true, ..Settings::default() }, branches).await;
    told(client_with(&private, None).find(&draft()).await.unwrap_err(), "NotFound: hides it without a token");
    told(client(&fake).update(9, &Changes::default()).await.unwrap_err(), "NotFound: update pull request 9");
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

#[tokio::test]
async fn nobody_answers_at_a_closed_port() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = GitHubSettings {
        base_url: format!("http://{address}"),
        owner: "acme".to_owned(),
        repository: "clusters".to_owned(),
        token: None,
    };
    let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
    let forge = GitHub::new(settings).unwrap().with_patience(patience);
    told(forge.find(&draft()).await.unwrap_err(), "Unavailable: no answer from the forge");
}

#[tokio::test]
async fn unusable_settings_are_refused_before_anything_is_sent() {
    for (base_url, owner, token, part) in [
        ("https://github.com", "acme", None, "`https://api.github.com`"),
        ("api.github.com", "acme", None, "no URL"),
        ("https://user:hunter2-token@ghe.example/api/v3", "acme", None, "user name or password"),
        ("https://ghe.example/api/v3?x", "acme", None, "neither `?` nor `#`"),
        ("http://ghe.example/api/v3", "acme", Some("ghe-token"), "unencrypted"),
        ("https://api.github.com", "acme/..", None, "`owner/name` is expected"),
        ("https://api.github.com", "acme", Some(""), "the token is empty"),
        ("https://api.github.com", "acme", Some("a-token\n"), "white space"),
    ] {
        let settings = GitHubSettings {
            base_url: base_url.to_owned(),
            owner: owner.to_owned(),
            repository: "clusters".to_owned(),
            token: token.map(SecretString::from),
        };
        told(GitHub::new(settings).unwrap_err(), &format!("Settings: {part}"));
    }
}

#[tokio::test]
async fn a_token_shows_up_nowhere() {
    let fake = fake().await;
    let forge = client(&fake);
    assert!(!format!("{forge:?}").contains(TOKEN));
    settle(&forge, &draft(), Branch::New).await.unwrap().unwrap();
    assert!(!format!("{:?}", fake.log()).contains(TOKEN));
    // A forge that sends the token back in its message.
    let echo = axum::Router::new().fallback(|headers: axum::http::HeaderMap| async move {
        let said = headers["authorization"].to_str().unwrap_or_default().to_owned();
        (axum::http::StatusCode::FORBIDDEN, axum::Json(json!({ "message": said })))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, echo).await });
    let settings = GitHubSettings {
        base_url,
        owner: "acme".to_owned(),
        repository: "clusters".to_owned(),
        token: Some(SecretString::from(TOKEN)),
    };
    told(GitHub::new(settings).unwrap().find(&draft()).await.unwrap_err(), "Forbidden: (Bearer ***)");
    server.abort();
}

#[tokio::test]
async fn the_fake_s_answers_are_complete_enough_for_octocrab_s_own_types() {
    let fake = fake().await;
    settle(&client(&fake), &draft(), Branch::New).await.unwrap().unwrap();
    let octocrab = octocrab::OctocrabBuilder::new().base_uri(fake.base_url()).unwrap();
    let octocrab = octocrab.build_with_reqwest(octocrab::ReqwestClientConfig::Default).unwrap();
    assert_eq!(octocrab.pulls("acme", "clusters").list().send().await.unwrap().items.len(), 1);
    assert_eq!(octocrab.pulls("acme", "clusters").get(1).await.unwrap().number, 1);
    assert_eq!(octocrab.repos("acme", "clusters").get().await.unwrap().name, "clusters");
}

#[tokio::test]
async fn github_s_own_description_allows_every_request() {
    let Some(description) = OpenApi::load() else { return };
    let fake = fake().await;
    let forge = client(&fake);
    for draft in [draft(), Draft { title: "t".to_owned(), base: "release".to_owned(), ..draft() }] {
        settle(&forge, &draft, Branch::Moved).await.unwrap();
    }
    let log = fake.log();
    assert_eq!(methods(&log), ["GET", "GET", "POST", "GET", "PATCH"]);
    for request in &log {
        description.check(request).unwrap();
    }
    // The check itself: each of these must be refused.
    let wrong = |change: fn(&mut Logged), at: usize, part: &str| {
        let mut request = log[at].clone();
        change(&mut request);
        let why = description.check(&request).expect_err(part);
        assert!(why.contains(part), "{part}\n{why}");
    };
    wrong(|request| request.path.push_str("/x/y"), 0, "no path is like");
    wrong(|request| request.method = "DELETE".to_owned(), 0, "has no method `DELETE`");
    wrong(
        |request| request.query.push(("heads".to_owned(), "x".to_owned())),
        0,
        "no query parameter `heads`",
    );
    wrong(|request| request.query = vec![("state".to_owned(), "ajar".to_owned())], 0, "`state`");
    wrong(|request| request.query = vec![("per_page".to_owned(), "many".to_owned())], 0, "`per_page`");
    wrong(|request| request.body = None, 2, "the body is missing");
    wrong(|request| request.body = Some(json!({ "title": "t", "base": "main" })), 2, "\"head\"");
    wrong(|request| request.body = Some(json!({ "title": 7, "head": "h", "base": "main" })), 2, "string");
    wrong(|request| request.body = Some(json!({ "head": "h", "base": "main", "labels": [] })), 2, "labels");
    wrong(
        |request| drop(request.headers.insert("content-type".to_owned(), "text/plain".to_owned())),
        2,
        "text/plain",
    );
    wrong(|request| request.body = Some(json!({ "state": "merged" })), 4, "merged");
}
