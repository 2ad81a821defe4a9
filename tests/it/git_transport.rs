//! What a remote can say instead of what was asked: refusals, redirects, nonsense.

use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;
use tagpin::source::git::{BareClone, BasicAuth, GitError, Identity, Oid, Remote};

use crate::support::git_remote::{Mood, beside};

const SECRET: &str = "ghp_verySecretToken";
const BRANCH: &str = "tagpin/pin-digests";

fn open(cache: &Path, url: &str) -> BareClone {
    BareClone::open(cache, Remote::new(url, None).unwrap()).unwrap()
}

fn with_token(cache: &Path, url: &str, token: &str) -> BareClone {
    let auth =
        BasicAuth { username: "x-access-token".to_owned(), secret: SecretString::from(token.to_owned()) };
    BareClone::open(cache, Remote::new(url, Some(auth)).unwrap()).unwrap()
}

fn commit(repository: &BareClone, base: Oid, files: &[(&str, &str)]) -> Result<Oid, GitError> {
    let files: Vec<_> =
        files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect();
    let bot = Identity { name: "tagpin".to_owned(), email: "tagpin@example.com".to_owned() };
    repository.commit(
        base,
        &files,
        "chore(deps): pin 1 image",
        &bot,
        Timestamp::from_second(1_800_000_000).unwrap(),
    )
}

#[test]
fn statuses_are_told_apart_and_no_error_holds_a_secret() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        there.seed(&[("a.yaml", "0")]);
        let url = remote.url("acme/clusters");
        remote.require("x-access-token", SECRET);
        let fail = |repository: &BareClone| {
            let error = repository.heads().unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!text.contains(SECRET) && !text.contains("wrong-one"), "{text}");
            error
        };
        let none = fail(&open(cache, &url));
        assert!(
            matches!(&none, GitError::Unauthorized { message, .. } if message.contains("none")),
            "{none}"
        );
        let wrong = fail(&with_token(cache, &url, "wrong-one"));
        assert!(
            matches!(&wrong, GitError::Unauthorized { message, .. } if message.contains("a token")),
            "{wrong}"
        );
        let in_url = url.replace("http://", "http://x-access-token:wrong-one@");
        assert!(matches!(fail(&open(cache, &in_url)), GitError::Unauthorized { .. }));
        let in_url = url.replace("http://", &format!("http://x-access-token:{SECRET}@"));
        assert_eq!(open(cache, &in_url).heads().unwrap().branches.len(), 1);
        for name in names(cache) {
            assert!(!name.contains(SECRET) && !name.contains("wrong-one"), "{name}");
        }

        let repository = with_token(cache, &url, SECRET);
        assert_eq!(repository.heads().unwrap().branches.len(), 1);
        remote.set_mood(Mood::Status(403, format!("Permission to acme/clusters denied to {SECRET}.")));
        let error = fail(&repository);
        assert!(
            matches!(&error, GitError::Forbidden { message, .. } if message.contains("denied to ***")),
            "{error}"
        );
        remote.set_mood(Mood::Status(404, String::new()));
        assert!(matches!(fail(&repository), GitError::NotFound { .. }));
        for status in [429, 500, 503] {
            remote.set_mood(Mood::Status(status, "later".to_owned()));
            assert!(matches!(fail(&repository), GitError::Unavailable { .. }), "{status}");
        }
        remote.set_mood(Mood::WebPage);
        let error = fail(&repository);
        assert!(
            matches!(&error, GitError::InvalidAnswer { message, .. } if message.contains("text/html")),
            "{error}"
        );
        remote.set_mood(Mood::Fine);
        assert!(matches!(repository.fetch("gone", Oid::ZERO_SHA1), Err(GitError::NoBranch { .. })));
        assert!(repository.fetch("a:b", Oid::ZERO_SHA1).is_err());
        drop(repository);
        let missing = with_token(cache, &remote.url("acme/none"), SECRET);
        assert!(matches!(missing.heads(), Err(GitError::NotFound { .. })));
    });
}

fn names(directory: &Path) -> Vec<String> {
    fs_err::read_dir(directory)
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_redirect_is_followed_on_the_same_host_and_never_to_another() {
    beside(|remote, cache| {
        let base = remote.create("acme/new").seed(&[("a.yaml", "0")]);
        remote.require("x-access-token", SECRET);
        let renamed = with_token(cache, &remote.url("acme/old"), SECRET);
        remote.set_mood(Mood::Redirect("/acme/new.git".to_owned()));
        renamed.fetch("main", base).unwrap();
        let own = commit(&renamed, base, &[("a.yaml", "1")]).unwrap();
        renamed.push(own, BRANCH, None).unwrap();
        assert!(
            remote
                .requests()
                .iter()
                .all(|(method, path)| method == "GET" || path.starts_with("/acme/new.git/"))
        );

        // `localhost` is the same machine and another origin: the request must not even arrive.
        let elsewhere = remote.url("acme/new").replace("127.0.0.1", "localhost");
        remote.set_mood(Mood::Redirect(elsewhere));
        let error = renamed.heads().unwrap_err();
        assert!(
            matches!(&error, GitError::InvalidAnswer { message, .. } if message.contains("localhost")),
            "{error}"
        );
        assert_eq!(remote.requests().len(), 1);
        // The same path again and again.
        remote.set_mood(Mood::Redirect("/../acme/old.git".to_owned()));
        assert!(matches!(renamed.heads(), Err(GitError::InvalidAnswer { .. })));
        assert!(remote.requests().len() < 10);
    });
}

#[test]
fn a_hostile_list_of_refs_is_an_error_and_no_panic() {
    beside(|remote, cache| {
        remote.create("acme/clusters").seed(&[("a.yaml", "0")]);
        let repository = open(cache, &remote.url("acme/clusters"));
        let oid = "1".repeat(40);
        let line = |text: &[u8]| [format!("{:04x}", text.len() + 4).as_bytes(), text].concat();
        let not_utf8 = [
            line(&[format!("{oid} refs/heads/").as_bytes(), b"gr\xfcn\0shallow\n"].concat()),
            b"0000".to_vec(),
        ];
        let strange = line(format!("{oid} refs/heads/a:b\0symref=HEAD:refs/heads/\n").as_bytes());
        for refs in [
            Vec::new(),
            b"0000".to_vec(),
            b"zzzz".to_vec(),
            b"ffff".to_vec(),
            b"0004".repeat(1000),
            line(b"ERR access denied\n"),
            not_utf8.concat(),
            [strange, b"0000".to_vec()].concat(),
            vec![0; 100],
            vec![0xff; 100_000],
        ] {
            remote.set_mood(Mood::Advertise(refs.clone()));
            // Either no heads worth having, or an error: never a panic, never a hang.
            if let Ok(heads) = repository.heads() {
                assert_eq!(heads.default, None, "{}", String::from_utf8_lossy(&refs));
            }
        }
        remote.set_mood(Mood::Fine);
        assert_eq!(repository.heads().unwrap().default.as_deref(), Some("main"));
    });
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let cache = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let repository = with_token(cache.path(), &format!("http://127.0.0.1:{port}/a/b.git"), SECRET);
    let error = repository.heads().unwrap_err();
    assert!(
        matches!(&error, GitError::Unavailable { message, .. } if message.contains("refused")),
        "{error}"
    );
}
