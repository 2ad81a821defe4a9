//! The life of a pull request: opened, left alone, updated, closed, and whose it is.

use super::*;

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
