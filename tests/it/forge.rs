//! The GitHub client and the life of a pull request, against a forge on loopback that answers what GitHub answers.

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

#[tokio::test]
async fn a_pull_request_is_opened_then_left_alone_then_updated() {
    for prefix in ["", "/api/v3"] {
        let fake = Fake::start(Settings { prefix: prefix.to_owned(), ..Settings::default() }, branches).await;
        let forge = client(&fake);
        let settled = settle(&forge, &draft()).await.unwrap();
        assert_eq!((settled.operation, settled.pull_request.number), (Operation::Created, 1));
        assert_eq!(settled.pull_request.url, "https://github.com/acme/clusters/pull/1");
        assert_eq!(fake.pulls()[0].title, draft().title);

        fake.forget();
        let settled = settle(&forge, &draft()).await.unwrap();
        assert_eq!(settled.operation, Operation::None);
        assert_eq!(methods(&fake.log()), ["GET"], "nothing is written when nothing changed");

        fake.forget();
        let other = Draft { title: "chore(deps): pin 3 images to digests".to_owned(), ..draft() };
        let settled = settle(&forge, &other).await.unwrap();
        assert_eq!(
            (settled.operation, settled.pull_request.title),
            (Operation::Updated, other.title.clone())
        );
        let writes = fake.writes();
        assert_eq!((writes.len(), writes[0].path.as_str()), (1, "/repos/acme/clusters/pulls/1"));
        assert_eq!(writes[0].body, Some(json!({ "title": other.title })), "only what differs is sent");

        let moved = Draft { base: "release".to_owned(), ..other };
        assert_eq!(settle(&forge, &moved).await.unwrap().pull_request.base, "release");

        fake.close(1);
        let settled = settle(&forge, &draft()).await.unwrap();
        assert_eq!((settled.operation, settled.pull_request.number), (Operation::Created, 2));
    }
}

#[tokio::test]
async fn requests_say_who_asks_and_which_version_is_meant() {
    let fake = fake().await;
    settle(&client(&fake), &draft()).await.unwrap();
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
    assert_eq!(find(&forge, &draft()).await.unwrap(), None);
    assert_eq!(settle(&forge, &draft()).await.unwrap().pull_request.number, 5);
    // A second one for another base: the first stays ours.
    fake.open(Pull { body: Some(draft().body), ..foreign(Some("ACME/Clusters"), HEAD, "release") });
    assert_eq!(find(&forge, &draft()).await.unwrap().unwrap().number, 5);
}

#[tokio::test]
async fn a_person_s_own_pull_request_from_the_branch_is_not_rewritten() {
    let fake = fake().await;
    let forge = client(&fake);
    // For another base it is none of ours, and does not stand in the way.
    let other_base = fake.open(foreign(Some("acme/clusters"), HEAD, "release"));
    assert_eq!(find(&forge, &draft()).await.unwrap(), None);
    // It proposes our commit to our base, as somebody does by hand after a crash: adopted.
    let by_hand = fake.open(foreign(Some("acme/clusters"), HEAD, "main"));
    assert_eq!(find(&forge, &draft()).await.unwrap().unwrap().number, by_hand);
    // It proposes another commit: somebody's own, and GitHub allows no second one.
    let draft = Draft { commit: "d".repeat(40), ..draft() };
    assert_eq!(find(&forge, &draft).await.unwrap(), None);
    fake.forget();
    told(settle(&forge, &draft).await.unwrap_err(), "AlreadyExists: somebody else has one open");
    assert!(fake.writes().iter().all(|request| request.method == "POST" && request.status == 422));
    assert!(fake.pulls().iter().all(|pull| pull.title == "somebody else's"), "{other_base}");
    // The marker makes it ours, wherever the branch is.
    fake.close(by_hand);
    let marked = Pull { body: Some(draft.body.clone()), ..foreign(Some("acme/clusters"), HEAD, "main") };
    let marked = fake.open(marked);
    assert_eq!(find(&forge, &draft).await.unwrap().unwrap().number, marked);
}

#[tokio::test]
async fn only_what_tagpin_s_own_identity_closed_is_believed() {
    let fake = fake().await;
    let forge = client(&fake);
    let ours = |number: u64, user: &str| Pull {
        body: Some(draft_of(&number.to_string()).body),
        user: user.to_owned(),
        ..foreign(Some("acme/clusters"), HEAD, "main")
    };
    for (number, user) in [(1, "octocat"), (2, "Tagpin-Bot[bot]"), (3, "tagpin-bot"), (4, "tagpin-bot")] {
        fake.open(ours(number, user));
    }
    fake.close(fake.open(Pull { body: None, ..ours(5, "tagpin-bot") }));
    fake.close(fake.open(Pull { head_repository: Some("acme/fork".to_owned()), ..ours(6, "tagpin-bot") }));
    let found = history(&forge, HEAD).await.unwrap();
    assert_eq!(found.iter().map(|pull| pull.number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    fake.forget();
    assert!(own(&forge, &found).await.unwrap().is_empty());
    assert!(fake.log().is_empty(), "nobody was declined, so nobody is asked");
    [1, 2, 3].into_iter().for_each(|number| fake.close(number));
    fake.merge(4);
    let found = history(&forge, HEAD).await.unwrap();
    let ours = own(&forge, &found).await.unwrap();
    assert_eq!(ours.iter().map(|pull| pull.number).collect::<Vec<_>>(), [4, 3, 2]);
    assert_eq!(ours[0].state, PullRequestState::Merged);
}

#[tokio::test]
async fn labels_and_people_are_added_once_and_what_is_refused_is_told() {
    let Some(description) = OpenApi::load() else { return };
    let fake = fake().await;
    let forge = client(&fake);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let dress = Metadata {
        draft: true,
        labels: names(&["dependencies", "tagpin"]),
        reviewers: names(&["octocat"]),
        team_reviewers: names(&["platform"]),
        assignees: names(&["hubot"]),
        milestone: Some("Autumn".to_owned()),
        auto_merge: Some(MergeMethod::Squash),
    };
    let draft = Draft { metadata: dress.clone(), ..draft() };
    // GitHub fails at the milestone: the run ends, and the next one goes on.
    [Mood::ServerError; 3].into_iter().for_each(|mood| fake.next("PATCH", mood));
    let first = settle(&forge, &draft).await;
    assert!(matches!(first, Err(ForgeError::Unavailable(_))), "{first:?}");
    assert!(marker::read(fake.pulls()[0].body.as_deref().unwrap()).unwrap().undressed);
    assert_eq!(settle(&forge, &draft).await.unwrap().operation, Operation::Updated);
    let pull = fake.pulls()[0].clone();
    assert!(pull.draft && !marker::read(pull.body.as_deref().unwrap()).unwrap().undressed);
    assert_eq!(pull.labels, dress.labels);
    let added = ["assignee hubot", "reviewer octocat", "team platform", "milestone 7", "auto-merge SQUASH"];
    assert_eq!(pull.added, added);
    for request in fake.log() {
        description.check(&request).unwrap();
    }
    // People take away what they do not want.
    fake.edit(1, |pull| (pull.labels.clear(), pull.added.clear()).0);
    fake.forget();
    assert_eq!(settle(&forge, &draft).await.unwrap().operation, Operation::None);
    assert!(fake.writes().is_empty() && fake.pulls()[0].labels.is_empty());

    // A crash after the creation: the marker knows.
    let body = marker::with(&draft.body, |marker| marker.undressed = true);
    fake.edit(1, |pull| pull.body = Some(body.clone()));
    assert_eq!(settle(&forge, &draft).await.unwrap().operation, Operation::Updated);
    assert_eq!(fake.pulls()[0].labels, dress.labels);

    let fake = Fake::start(Settings { auto_merge: false, ..Settings::default() }, branches).await;
    let refused = Metadata { reviewers: names(&[STRANGER]), milestone: Some("Never".to_owned()), ..dress };
    let draft = Draft { metadata: refused, ..draft };
    let settled = tagpin::pull_request::settle(&client(&fake), &draft, None).await.unwrap();
    let remarks = settled.1.join("\n");
    for part in [
        "reviewers not added: cannot add labels",
        "is not a collaborator",
        "with the title `Never`",
        "allow auto-merge",
    ] {
        assert!(remarks.contains(part), "{part}\n{remarks}");
    }
    assert_eq!(fake.pulls()[0].added, ["assignee hubot", "team platform"], "the rest is there");
}

#[tokio::test]
async fn an_app_gets_a_token_for_one_repository_with_no_more_than_it_needs() {
    use crate::support::github_app::App as FakeApp;
    let given = json!({ "contents": "write", "pull_requests": "write", "metadata": "read", "members": "read",
        "issues": "read", "administration": "write" });
    let fake_app = FakeApp::new("Iv1.client", given, TOKEN);
    let asked = Arc::clone(&fake_app.asked);
    let fake = Fake::start(Settings { app: Some(fake_app.clone()), ..Settings::default() }, branches).await;
    let settings = |repository: &str| GitHubSettings {
        base_url: fake.base_url(),
        owner: "acme".to_owned(),
        repository: repository.to_owned(),
        token: None,
        writes: Arc::default(),
    };
    let app = App { id: "Iv1.client".to_owned(), key: fake_app.key.clone().into() };
    let token = app.token(&settings("clusters")).await.unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&token), TOKEN);
    let wanted = json!({ "repositories": ["clusters"], "permissions": {
        "contents": "write", "pull_requests": "write", "metadata": "read", "members": "read" } });
    assert_eq!(*asked.lock().unwrap(), [wanted]);
    if let Some(description) = OpenApi::load() {
        fake.log().iter().for_each(|request| description.check(request).unwrap());
    }
    for (id, key, repository, expected) in [
        ("Iv1.client", "no key", "clusters", "Settings: it is not an RSA key in PEM"),
        ("Iv1.client", &fake_app.key, "other", "NotFound: is not installed on `acme/other`"),
        ("Iv1.other", &fake_app.key, "clusters", "Unauthorized: does not accept its key"),
        (
            "Iv1.client",
            &FakeApp::new("x", json!({}), "x").key,
            "clusters",
            "Unauthorized: does not accept its key",
        ),
    ] {
        let app = App { id: id.to_owned(), key: SecretString::from(key) };
        assert!(!format!("{app:?}").contains("PRIVATE"));
        told(app.token(&settings(repository)).await.unwrap_err(), expected);
    }
    let poor = FakeApp::new("Iv1.client", json!({ "contents": "read", "pull_requests": "write" }), TOKEN);
    let fake = Fake::start(Settings { app: Some(poor.clone()), ..Settings::default() }, branches).await;
    let app = App { id: "Iv1.client".to_owned(), key: poor.key.into() };
    let settings = GitHubSettings { base_url: fake.base_url(), ..settings("clusters") };
    told(app.token(&settings).await.unwrap_err(), "Forbidden: give it \"contents: write\"");
}

#[tokio::test]
async fn every_page_is_read() {
    let fake = fake().await;
    let own = fake.open(Pull { body: Some(draft().body), ..foreign(Some("acme/clusters"), HEAD, "release") });
    for _ in 0..120 {
        fake.open(foreign(Some("acme/fork"), HEAD, "main"));
    }
    assert_eq!(find(&client(&fake), &draft()).await.unwrap().unwrap().number, own);
    assert_eq!(fake.log().len(), 2);
}

#[tokio::test]
async fn a_second_pull_request_for_the_same_head_is_met_not_opened() {
    let fake = fake().await;
    let forge = client(&fake);
    let draft = draft();
    let (one, two) = tokio::join!(open(&forge, &draft), open(&forge, &draft));
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
        let result = open(&client(&fake), &draft()).await;
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
        assert_eq!(find(&forge, &draft()).await.unwrap(), None);
        assert_eq!(fake.log().len(), 3);
        fake.always(Some(mood));
        assert!(matches!(find(&forge, &draft()).await, Err(ForgeError::Unavailable(_))));
        assert_eq!(fake.log().len(), 6, "and not for ever");
        fake.forget();
        let changes = PullRequestChanges { title: Some("new"), ..PullRequestChanges::default() };
        assert!(matches!(
            forge.update(&PullRequest { number: 1, ..PullRequest::default() }, &changes).await,
            Err(ForgeError::Unavailable(_))
        ));
        assert_eq!(fake.log().len(), 1);
    }
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for() {
    for mood in [Mood::SecondaryLimit(1), Mood::TooManyRequests(1), Mood::PrimaryLimit(0)] {
        let fake = fake().await;
        fake.next("POST", mood);
        let started = Instant::now();
        assert_eq!(settle(&client(&fake), &draft()).await.unwrap().operation, Operation::Created, "{mood:?}");
        assert!(started.elapsed() >= Duration::from_millis(990), "{mood:?} {:?}", started.elapsed());
        assert_eq!(methods(&fake.log()), ["GET", "POST", "POST"], "{mood:?}");
    }
}

#[tokio::test]
async fn a_long_rate_limit_is_an_error_that_says_until_when() {
    for mood in [Mood::SecondaryLimit(3600), Mood::TooManyRequests(3600), Mood::PrimaryLimit(3600)] {
        let fake = fake().await;
        fake.always(Some(mood));
        let error = find(&client(&fake), &draft()).await.unwrap_err();
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
    assert!(matches!(find(&client(&fake), &draft()).await, Err(ForgeError::RateLimited(_))));
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
        find(&client_with(&fake, None), &draft()).await.unwrap(),
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
    told(
        find(&client_with(&private, None), &draft()).await.unwrap_err(),
        "NotFound: hides it without a token",
    );
    told(
        client(&fake)
            .update(&PullRequest { number: 9, ..PullRequest::default() }, &PullRequestChanges::default())
            .await
            .unwrap_err(),
        "NotFound: update pull request 9",
    );
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
        writes: Arc::default(),
    };
    let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
    let forge = GitHub::new(settings).unwrap().with_patience(patience);
    told(find(&forge, &draft()).await.unwrap_err(), "Unavailable: no answer from the forge");
}

#[tokio::test]
async fn unusable_settings_are_refused_before_anything_is_sent() {
    for (base_url, owner, token, part) in [
        ("https://github.com", "acme", None, "`https://api.github.com`"),
        ("api.github.com", "acme", None, "not a URL"),
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
            writes: Arc::default(),
        };
        told(GitHub::new(settings).unwrap_err(), &format!("Settings: {part}"));
    }
}

#[tokio::test]
async fn a_token_shows_up_nowhere() {
    let fake = fake().await;
    let forge = client(&fake);
    assert!(!format!("{forge:?}").contains(TOKEN));
    settle(&forge, &draft()).await.unwrap();
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
        writes: Arc::default(),
    };
    told(find(&GitHub::new(settings).unwrap(), &draft()).await.unwrap_err(), "Forbidden: (Bearer ***)");
    server.abort();
}

#[tokio::test]
async fn the_fake_s_answers_are_complete_enough_for_octocrab_s_own_types() {
    let fake = fake().await;
    settle(&client(&fake), &draft()).await.unwrap();
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
        settle(&forge, &draft).await.unwrap();
    }
    let log = fake.log();
    assert_eq!(methods(&log), ["GET", "POST", "GET", "PATCH"]);
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
    wrong(|request| request.body = None, 1, "the body is missing");
    wrong(|request| request.body = Some(json!({ "title": "t", "base": "main" })), 1, "\"head\"");
    wrong(|request| request.body = Some(json!({ "title": 7, "head": "h", "base": "main" })), 1, "string");
    wrong(|request| request.body = Some(json!({ "head": "h", "base": "main", "labels": [] })), 1, "labels");
    wrong(
        |request| drop(request.headers.insert("content-type".to_owned(), "text/plain".to_owned())),
        1,
        "text/plain",
    );
    wrong(|request| request.body = Some(json!({ "state": "merged" })), 3, "merged");
}
