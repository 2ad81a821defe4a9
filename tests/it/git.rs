//! Clones, commits and pushes against the loopback git server, over real HTTP, and against directories.

use std::path::Path;

use git2::FileMode;
use jiff::Timestamp;
use secrecy::SecretString;
use tagpin::forge::refuses_workflows;
use tagpin::source::git::trailer::is_own;
use tagpin::source::git::{BareClone, BasicAuth, GitError, Identity, Oid, Remote, trailer};
use tagpin::source::tree::{CommitTree, EntryKind, Tree as _, TreeError};

use crate::support::bare_repository::BareRepository;
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

fn paths(requests: &[(String, String)]) -> Vec<&str> {
    requests.iter().map(|(_, path)| path.rsplit_once(".git/").unwrap().1).collect()
}

fn names(directory: &Path) -> Vec<String> {
    fs_err::read_dir(directory)
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_clone_is_shallow_and_a_second_run_asks_once() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        for content in ["1", "2", "3"] {
            there.seed(&[("a.yaml", content)]);
        }
        let head = there.seed(&[("b/c.yaml", "image: nginx\n")]);
        there.commit_on("other", &[("x", "y")], "human@example.com");

        let url = remote.url("acme/clusters");
        let repository = open(cache, &url);
        let heads = repository.heads().unwrap();
        assert_eq!(heads.default.as_deref(), Some("main"));
        assert_eq!(heads.branches.keys().collect::<Vec<_>>(), ["main", "other"]);
        assert_eq!(heads.branches["main"], head);
        assert_eq!(remote.requests().len(), 1);

        assert_eq!(repository.fetch("main", head).unwrap(), head);
        assert_eq!(paths(&remote.requests())[0], "info/refs?service=git-upload-pack");
        let described = repository.describe(head).unwrap();
        assert_eq!(described.parents.len(), 1, "the commit names its parent");
        assert!(repository.describe(described.parents[0]).is_err(), "which was not fetched");
        let tree = CommitTree::of_clone(&repository, head).unwrap();
        let entries: Vec<_> = tree.entries().unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(entries, ["a.yaml", "b/c.yaml"]);
        assert_eq!(tree.read("b/c.yaml", 100).unwrap(), b"image: nginx\n");
        assert!(matches!(tree.read("b/c.yaml", 12), Err(TreeError::TooLarge { size: 13, limit: 12, .. })));
        assert!(matches!(tree.read("b", 100), Err(TreeError::NotFound { .. })));
        drop((tree, repository));
        remote.requests();

        let repository = open(cache, &url);
        let head = repository.heads().unwrap().branches["main"];
        repository.fetch("main", head).unwrap();
        assert_eq!(remote.requests().len(), 1, "nothing new: one look at the refs");
        assert_eq!(CommitTree::of_clone(&repository, head).unwrap().entries().unwrap().len(), 2);

        let next = there.seed(&[("a.yaml", "4")]);
        assert_eq!(repository.fetch("main", next).unwrap(), next);
        assert_eq!(CommitTree::of_clone(&repository, next).unwrap().read("a.yaml", 9).unwrap(), b"4");
    });
}

#[test]
fn a_commit_changes_the_files_and_keeps_modes_links_and_everything_else() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        let submodule = "1111111111111111111111111111111111111111";
        let files: [(&str, &[u8], FileMode); 5] = [
            ("run.sh", b"docker run nginx\n", FileMode::BlobExecutable),
            ("dir/a.yaml", b"image: nginx\r\n", FileMode::Blob),
            ("dir/link.yaml", b"a.yaml", FileMode::Link),
            ("dir/vendored", submodule.as_bytes(), FileMode::Commit),
            (".github/x.yaml", b"x", FileMode::Blob),
        ];
        let base = there.commit_modes("main", &files, "human@example.com");
        let repository = open(cache, &remote.url("acme/clusters"));
        repository.fetch("main", base).unwrap();

        let tree = CommitTree::of_clone(&repository, base).unwrap();
        let kinds: Vec<_> =
            tree.entries().unwrap().into_iter().map(|entry| (entry.path, entry.kind)).collect();
        let expected = [
            (".github/x.yaml", EntryKind::File),
            ("dir/a.yaml", EntryKind::File),
            ("dir/link.yaml", EntryKind::Symlink),
            ("run.sh", EntryKind::File),
        ];
        assert_eq!(kinds, expected.map(|(path, kind)| (path.to_owned(), kind)));
        assert!(matches!(tree.read("dir/link.yaml", 99), Err(TreeError::Symlink { .. })));

        let new = [("run.sh", "docker run nginx:1\n"), ("dir/a.yaml", "image: nginx:1\r\n")];
        let first = commit(&repository, base, &new).unwrap();
        assert_eq!(first, commit(&repository, base, &new).unwrap(), "equal arguments, equal commit");
        for path in ["dir/link.yaml", "dir/vendored", "dir/new.yaml", "dir", "../x"] {
            let error = commit(&repository, base, &[(path, "x")]).unwrap_err();
            assert!(matches!(error, GitError::NotAFile { .. }), "{path}: {error}");
        }
        let same = commit(&repository, base, &[("run.sh", "docker run nginx\n")]).unwrap_err();
        assert!(matches!(same, GitError::NothingToCommit));

        repository.push(first, BRANCH, None).unwrap();
        assert_eq!(there.read(BRANCH, "dir/a.yaml").unwrap(), b"image: nginx:1\r\n");
        let mode = |path| there.mode(BRANCH, path);
        assert_eq!(mode("run.sh"), Some(0o100_755));
        assert_eq!(mode("dir/a.yaml"), Some(0o100_644));
        assert_eq!(mode("dir/link.yaml"), Some(0o120_000));
        assert_eq!(mode("dir/vendored"), Some(0o160_000));
        assert_eq!(there.read(BRANCH, "dir/link.yaml").unwrap(), b"a.yaml");
        assert_eq!(there.log(BRANCH).len(), 2, "one commit on top of the base's history");

        let commit = repository.describe(first).unwrap();
        assert_eq!(commit.parents, [base]);
        assert_eq!(there.committer(BRANCH), "tagpin@example.com");
        assert!(is_own(&commit));
        let files = new.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));
        assert_eq!(
            trailer::value(&commit.message, trailer::CHANGES),
            Some(trailer::changes_hash(&files).as_str())
        );
        assert!(!is_own(&repository.describe(base).unwrap()));
    });
}

#[test]
fn a_branch_moves_from_the_expected_commit_only() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        let base = there.seed(&[("a.yaml", "0")]);
        let repository = open(cache, &remote.url("acme/clusters"));
        repository.fetch("main", base).unwrap();
        let one = commit(&repository, base, &[("a.yaml", "1")]).unwrap();
        let two = commit(&repository, base, &[("a.yaml", "2")]).unwrap();

        repository.push(one, BRANCH, None).unwrap();
        repository.push(two, BRANCH, Some(one)).unwrap();
        assert_eq!(there.head(BRANCH), Some(two));
        repository.push(two, BRANCH, Some(one)).expect("it is there already");
        remote.requests();
        repository.fetch(BRANCH, two).unwrap();
        assert!(remote.requests().is_empty(), "what was pushed need not be fetched");

        // A human adds a commit after our look at the refs.
        assert_eq!(repository.heads().unwrap().branches[BRANCH], two);
        let human = there.commit_on(BRANCH, &[("a.yaml", "mine")], "human@example.com");
        let error = repository.push(one, BRANCH, Some(two)).unwrap_err();
        let moved = |error: &GitError, was: Option<Oid>, is: Option<Oid>| matches!(error, GitError::RefMoved { expected, found, .. } if (*expected, *found) == (was, is));
        assert!(moved(&error, Some(two), Some(human)), "{error}");
        let error = repository.push(one, BRANCH, None).unwrap_err();
        assert!(moved(&error, None, Some(human)), "{error}");
        assert_eq!(there.head(BRANCH), Some(human));
        repository.fetch(BRANCH, human).unwrap();
        assert!(!is_own(&repository.describe(human).unwrap()));

        // Somebody deleted it.
        there.delete_branch(BRANCH);
        let error = repository.push(one, BRANCH, Some(human)).unwrap_err();
        assert!(moved(&error, Some(human), None), "{error}");
        assert_eq!(there.head(BRANCH), None);

        // A human is quicker, between the remote's list of refs and the push.
        there.move_branch(BRANCH, two);
        remote.set_mood(Mood::MoveFirst(BRANCH.to_owned(), human));
        let error = repository.push(one, BRANCH, Some(two)).unwrap_err();
        assert!(moved(&error, Some(two), Some(human)), "{error}");
        assert_eq!(there.head(BRANCH), Some(human));
        there.delete_branch(BRANCH);
        let error = repository.push(one, BRANCH, None).unwrap_err();
        assert!(moved(&error, None, Some(human)), "{error}");
        assert_eq!(there.head(BRANCH), Some(human));
    });
}

#[test]
fn a_push_works_when_the_base_moved_on() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        there.seed(&[("a.yaml", "0")]);
        let base = there.seed(&[("b.yaml", "0")]);
        let repository = open(cache, &remote.url("acme/clusters"));
        repository.fetch("main", base).unwrap();
        let own = commit(&repository, base, &[("a.yaml", "1")]).unwrap();
        there.seed(&[("b.yaml", "1")]);
        repository.push(own, BRANCH, None).unwrap();
        assert_eq!(there.log(BRANCH).len(), 3);
        assert_eq!(there.read(BRANCH, "b.yaml").unwrap(), b"0");
    });
}

#[test]
fn refusals_are_told_apart_and_change_nothing() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        let base = there.seed(&[(".github/workflows/ci.yml", "0"), ("a.yaml", "0")]);
        let repository = with_token(cache, &remote.url("acme/clusters"), SECRET);
        repository.fetch("main", base).unwrap();
        let workflow = commit(&repository, base, &[(".github/workflows/ci.yml", "1")]).unwrap();
        let plain = commit(&repository, base, &[("a.yaml", "1")]).unwrap();

        remote.set_mood(Mood::RefuseWorkflows);
        let error = repository.push(workflow, BRANCH, None).unwrap_err();
        assert!(
            matches!(&error, GitError::Rejected { message, .. } if refuses_workflows(message)),
            "{error}"
        );
        assert_eq!(there.head(BRANCH), None);
        repository.push(plain, BRANCH, None).unwrap();

        remote.set_mood(Mood::Reject(format!("\u{1b}[31mChanges must be signed. Token {SECRET}")));
        let error = repository.push(workflow, BRANCH, Some(plain)).unwrap_err();
        assert!(matches!(error, GitError::Rejected { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("Changes must be signed. Token ***") && text.contains("declined"), "{text}");
        assert!(!text.contains(SECRET) && !text.contains('\u{1b}') && !text.contains('\n'), "{text}");
        assert_eq!(there.head(BRANCH), Some(plain));
    });
}

#[test]
fn an_empty_repository_has_no_branches() {
    beside(|remote, cache| {
        remote.create("acme/empty");
        let heads = open(cache, &remote.url("acme/empty")).heads().unwrap();
        assert_eq!((heads.default, heads.branches.len()), (None, 0));
    });
}

#[test]
fn a_clone_is_used_by_one_at_a_time_and_made_anew_when_it_is_broken() {
    beside(|remote, cache| {
        let there = remote.create("acme/clusters");
        let head = there.seed(&[("a.yaml", "0")]);
        let url = remote.url("acme/clusters");
        let repository = open(cache, &url);
        let again = BareClone::open(cache, Remote::new(&url, None).unwrap());
        assert!(matches!(again, Err(GitError::Locked { .. })));
        repository.fetch("main", head).unwrap();
        let tree = CommitTree::of_clone(&repository, head).unwrap();
        drop(repository);
        assert!(BareClone::open(cache, Remote::new(&url, None).unwrap()).is_err(), "the tree is still read");
        drop(tree);

        let clone = cache.join(names(cache).into_iter().find(|name| name.ends_with(".git")).unwrap());
        let damage: [fn(&Path); 4] = [
            |clone| fs_err::remove_file(clone.join("HEAD")).unwrap(),
            |clone| fs_err::remove_dir_all(clone.join("objects")).unwrap(),
            |clone| fs_err::write(clone.join("config"), "[core\n").unwrap(),
            |clone| {
                fs_err::remove_dir_all(clone).unwrap();
                fs_err::write(clone, "a file").unwrap();
            },
        ];
        for damage in damage {
            damage(&clone);
            let repository = open(cache, &url);
            repository.fetch("main", head).unwrap();
            assert_eq!(CommitTree::of_clone(&repository, head).unwrap().read("a.yaml", 9).unwrap(), b"0");
        }

        // Packs that are damaged inside are noticed when they are read, and healed by the next run.
        for pack in fs_err::read_dir(clone.join("objects/pack")).unwrap() {
            let pack = pack.unwrap().path();
            if pack.extension().is_some_and(|extension| extension == "pack") {
                fs_err::remove_file(&pack).unwrap();
                fs_err::write(&pack, "PACK nonsense").unwrap();
            }
        }
        let repository = open(cache, &url);
        let failed =
            repository.fetch("main", head).and_then(|head| CommitTree::of_clone(&repository, head)).is_err();
        drop(repository);
        let repository = open(cache, &url);
        repository.fetch("main", head).unwrap();
        assert_eq!(
            CommitTree::of_clone(&repository, head).unwrap().read("a.yaml", 9).unwrap(),
            b"0",
            "failed before: {failed}"
        );
    });
}

#[test]
fn what_pushes_leave_in_a_clone_does_not_grow_for_ever() {
    beside(|remote, cache| {
        let head = remote.create("acme/clusters").seed(&[("a.yaml", "0")]);
        let url = remote.url("acme/clusters");
        let repository = open(cache, &url);
        repository.fetch("main", head).unwrap();
        drop(repository);
        let loose = |number: usize| {
            let clone = cache.join(names(cache).into_iter().find(|name| name.ends_with(".git")).unwrap());
            fs_err::create_dir_all(clone.join("objects/17")).unwrap();
            (0..number).for_each(|i| fs_err::write(clone.join(format!("objects/17/{i:038x}")), "").unwrap());
            drop(open(cache, &url));
            fs_err::read_dir(clone.join("objects/17")).map_or(0, Iterator::count)
        };
        assert_eq!(loose(27), 27, "these are kept");
        assert_eq!(loose(28), 0, "and with one more the clone is made anew");
        open(cache, &url).fetch("main", head).unwrap();
    });
}

#[test]
fn a_directory_is_a_remote_too() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let there = BareRepository::create(&directory.path().join("config.git"));
    there.seed(&[("a.yaml", "0")]);
    let base = there.seed(&[("b.yaml", "0")]);
    let path = there.path.display().to_string();
    for url in [path.clone(), format!("file://{path}")] {
        let repository = open(&cache, &url);
        let heads = repository.heads().unwrap();
        assert_eq!((heads.default.as_deref(), heads.branches["main"]), (Some("main"), base));
        assert_eq!(repository.fetch("main", base).unwrap(), base);
        let one = commit(&repository, base, &[("a.yaml", "1")]).unwrap();
        let two = commit(&repository, base, &[("a.yaml", "2")]).unwrap();
        repository.push(one, BRANCH, None).unwrap();
        assert!(matches!(repository.push(two, BRANCH, None), Err(GitError::RefMoved { .. })));
        repository.push(two, BRANCH, Some(one)).unwrap();
        let human = there.commit_on(BRANCH, &[("c.yaml", "")], "human@example.com");
        let error = repository.push(one, BRANCH, Some(two)).unwrap_err();
        assert!(matches!(error, GitError::RefMoved { found: Some(found), .. } if found == human));
        assert_eq!(there.head(BRANCH), Some(human));
        there.delete_branch(BRANCH);
    }
    let missing = directory.path().join("none").display().to_string();
    assert!(matches!(open(&cache, &missing).heads(), Err(GitError::NotFound { .. })));
}

#[test]
fn the_checked_out_branch_of_a_work_tree_is_not_pushed_to() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let work = directory.path().join("work");
    git2::Repository::init_opts(&work, git2::RepositoryInitOptions::new().initial_head("main")).unwrap();
    let there = BareRepository::open(&work.join(".git"));
    let base = there.seed(&[("a.yaml", "0")]);
    let repository = open(&cache, &work.display().to_string());
    repository.fetch("main", base).unwrap();
    let own = commit(&repository, base, &[("a.yaml", "1")]).unwrap();
    assert!(matches!(repository.push(own, "main", Some(base)), Err(GitError::Rejected { .. })));
    repository.push(own, BRANCH, None).unwrap();
    assert_eq!((there.head("main"), there.head(BRANCH)), (Some(base), Some(own)));
}

/// What two clones write in turn, each not knowing of the other: the second is told where the branch is by then.
fn records(remote: &str, caches: [&Path; 2]) {
    let bot = Identity { name: "tagpin".to_owned(), email: "tagpin@example.com".to_owned() };
    let [a, b] = caches.map(|cache| open(cache, remote));
    let record = |repository: &BareClone, parent, path: &str| {
        let files = [(path.to_owned(), path.as_bytes().to_vec())];
        let when = Timestamp::from_second(1_800_000_000).unwrap();
        repository.record(parent, &files, "ledger: 1 line", &bot, when).unwrap()
    };
    let branch = "tagpin-ledger";
    let first = record(&a, None, "tags/a.txt");
    a.push(first, branch, None).unwrap();
    let lost = b.push(record(&b, None, "tags/b.txt"), branch, None).unwrap_err();
    let GitError::RefMoved { found: Some(found), .. } = lost else { panic!("{lost}") };
    assert_eq!((found, b.fetch(branch, found).unwrap()), (first, first));
    let second = record(&b, Some(found), "tags/b.txt");
    b.push(second, branch, Some(found)).unwrap();
    // The first one again, from where it knows the branch.
    let lost = a.push(record(&a, Some(first), "tags/c/d.txt"), branch, Some(first)).unwrap_err();
    assert!(matches!(lost, GitError::RefMoved { found: Some(found), .. } if found == second), "{lost}");
    let third = record(&a, Some(a.fetch(branch, second).unwrap()), "tags/c/d.txt");
    a.push(third, branch, Some(second)).unwrap();
    let tree = CommitTree::of_clone(&a, third).unwrap();
    let paths: Vec<_> = tree.entries().unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["tags/a.txt", "tags/b.txt", "tags/c/d.txt"]);
    let parents = [first, second, third].map(|id| a.describe(id).unwrap().parents);
    assert_eq!(parents, [vec![], vec![first], vec![second]]);
}

#[test]
fn a_branch_of_its_own_history_is_written_by_two_clones_in_turn() {
    beside(|remote, cache| {
        remote.create("acme/clusters").seed(&[("a.yaml", "0")]);
        let caches = [cache.join("a"), cache.join("b")];
        records(&remote.url("acme/clusters"), [&caches[0], &caches[1]]);
    });
    let directory = tempfile::tempdir().unwrap();
    BareRepository::create(&directory.path().join("remote.git")).seed(&[("a.yaml", "0")]);
    let (a, b) = (directory.path().join("a"), directory.path().join("b"));
    records(directory.path().join("remote.git").to_str().unwrap(), [&a, &b]);
}
