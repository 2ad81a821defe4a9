//! Single requests: pages, repeats, limits, refusals, and what is never sent or shown.

use super::*;

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
