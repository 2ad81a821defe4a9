//! What a directory has: the same in a work tree as git has it, and everything elsewhere.

#![cfg(unix)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tagpin::source::git::{BareClone, Remote};
use tagpin::source::tree::{CommitTree, DirectoryTree, EntryKind, Tree, TreeError};

use crate::support::bare_repository::BareRepository;

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, content).unwrap();
}

fn paths(tree: &impl Tree) -> Vec<String> {
    tree.entries().unwrap().into_iter().map(|entry| entry.path).collect()
}

fn track(git: &git2::Repository, paths: &[&str]) {
    let mut index = git.index().unwrap();
    for path in paths {
        index.add_path(Path::new(path)).unwrap();
    }
    index.write().unwrap();
}

#[test]
fn a_plain_directory_has_everything_but_git() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in
        ["b.yaml", ".github/workflows/ci.yml", "a/.hidden", ".gitignore", "clone/.git/config", "clone/x.yaml"]
    {
        write(root, path, "b.yaml");
    }
    let tree = DirectoryTree::open(root).unwrap();
    assert_eq!(
        paths(&tree),
        [".github/workflows/ci.yml", ".gitignore", "a/.hidden", "b.yaml", "clone/x.yaml"]
    );
    assert_eq!(tree.read("a/.hidden", 6).unwrap(), b"b.yaml");
    assert!(matches!(tree.read("a/.hidden", 5), Err(TreeError::TooLarge { size: 6, limit: 5, .. })));
    assert_eq!(tree.path_in_work_tree("b.yaml"), None);
    for path in ["clone/.git/config", "../x", "/etc/passwd", "a"] {
        assert!(matches!(tree.read(path, 99), Err(TreeError::NotFound { .. })), "{path}");
    }
}

#[test]
fn a_work_tree_has_the_index_and_what_is_not_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let git = git2::Repository::init(root).unwrap();
    write(root, ".gitignore", "*.log\n/build/\n/out\n!keep.log\n");
    for path in [
        "tracked.yaml",
        "gone.yaml",
        "tracked.log",
        "build/tracked.yaml",
        "build/ignored.yaml",
        "out/ignored.yaml",
        "new.yaml",
        "new.log",
        "keep.log",
        "deep/er/new.yaml",
        "other/x.yaml",
    ] {
        write(root, path, path);
    }
    track(&git, &["tracked.yaml", "gone.yaml", "tracked.log", "build/tracked.yaml"]);
    fs_err::remove_file(root.join("gone.yaml")).unwrap();
    git2::Repository::init(root.join("other")).unwrap();
    fs_err::write(root.join(".git/info/exclude"), "deep/er/excluded.yaml\n").unwrap();
    write(root, "deep/er/excluded.yaml", "");

    let expected = [
        ".gitignore",
        "build/tracked.yaml",
        "deep/er/new.yaml",
        "keep.log",
        "new.yaml",
        "tracked.log",
        "tracked.yaml",
    ];
    assert_eq!(paths(&DirectoryTree::open(root).unwrap()), expected);

    // Below the root of the work tree the same rules hold, with paths from where one stands.
    let deep = DirectoryTree::open(&root.join("deep")).unwrap();
    assert_eq!(paths(&deep), ["er/new.yaml"]);
    assert_eq!(deep.path_in_work_tree("er/new.yaml").as_deref(), Some("deep/er/new.yaml"));

    // What is named is meant, ignored or not.
    let named = |given: &[&str]| {
        DirectoryTree::of_paths(root, &given.iter().map(PathBuf::from).collect::<Vec<_>>()).unwrap()
    };
    assert_eq!(paths(&named(&["out"])), ["out/ignored.yaml"]);
    let mixed = named(&["deep", "./new.log", "deep/er/new.yaml", "build"]);
    assert_eq!(paths(&mixed), ["build/tracked.yaml", "deep/er/new.yaml", "new.log"]);
    assert!(
        mixed.is_named("new.log")
            && mixed.is_named("deep/er/new.yaml")
            && !mixed.is_named("build/tracked.yaml")
    );
    assert!(matches!(DirectoryTree::of_paths(root, &["none".into()]), Err(TreeError::NotFound { .. })));
}

#[test]
fn paths_are_seen_from_the_working_directory() {
    let directory = tempfile::tempdir().unwrap();
    let root = fs_err::canonicalize(directory.path()).unwrap();
    write(&root, "here/a.yaml", "a");
    write(&root, "there/b.yaml", "b");
    let here = root.join("here");
    let absolute = |path: &str| root.join(path).display().to_string();
    for (given, shown) in [
        (".", "a.yaml".to_owned()),
        ("a.yaml", "a.yaml".to_owned()),
        (&absolute("here"), "a.yaml".to_owned()),
        (&absolute("here/a.yaml"), "a.yaml".to_owned()),
        ("../there", "../there/b.yaml".to_owned()),
        ("../there/b.yaml", "../there/b.yaml".to_owned()),
        (&absolute("there"), absolute("there/b.yaml")),
    ] {
        let tree = DirectoryTree::of_paths(&here, &[given.into()]).unwrap();
        assert_eq!(paths(&tree), [shown.as_str()], "{given}");
        assert_eq!(tree.read(&shown, 9).unwrap().len(), 1);
        assert!(tree.location(&shown).unwrap().is_absolute());
    }
}

#[test]
fn links_are_entries_and_never_followed() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret.yaml", "secret");
    let root = directory.path().join("root");
    write(&root, "sub/a.yaml", "a");
    symlink(outside.path().join("secret.yaml"), root.join("link.yaml")).unwrap();
    symlink(outside.path(), root.join("dir")).unwrap();
    symlink("/nowhere", root.join("broken")).unwrap();
    let tree = DirectoryTree::open(&root).unwrap();
    let kinds: Vec<_> = tree.entries().unwrap().into_iter().map(|entry| (entry.path, entry.kind)).collect();
    let link = |path: &str| (path.to_owned(), EntryKind::Symlink);
    let expected =
        [link("broken"), link("dir"), link("link.yaml"), ("sub/a.yaml".to_owned(), EntryKind::File)];
    assert_eq!(kinds, expected);
    for path in ["broken", "dir", "link.yaml"] {
        assert!(matches!(tree.read(path, 99), Err(TreeError::Symlink { .. })), "{path}");
    }
    let named = DirectoryTree::of_paths(&root, &["link.yaml".into()]).unwrap();
    assert!(matches!(named.read("link.yaml", 99), Err(TreeError::Symlink { .. })));

    // A file, or a directory on the way, that becomes a link after it was listed.
    fs_err::rename(root.join("sub"), root.join("moved")).unwrap();
    write(outside.path(), "a.yaml", "secret");
    symlink(outside.path(), root.join("sub")).unwrap();
    assert!(matches!(tree.read("sub/a.yaml", 99), Err(TreeError::Symlink { .. })));

    // The directory that is asked for may be a link: it was named.
    symlink(&root, directory.path().join("current")).unwrap();
    let tree = DirectoryTree::of_paths(directory.path(), &["current".into()]).unwrap();
    assert_eq!(paths(&tree), ["root/broken", "root/dir", "root/link.yaml", "root/moved/a.yaml", "root/sub"]);
}

#[test]
fn what_cannot_be_an_entry_is_a_problem_and_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, "a.yaml", "a");
    fs_err::write(root.join(OsStr::from_bytes(b"gr\xfcn.yaml")), "x").unwrap();
    write(root, "closed/b.yaml", "b");
    fs_err::set_permissions(root.join("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    let tree = DirectoryTree::open(root).unwrap();
    let problems: Vec<_> = tree.problems().iter().map(ToString::to_string).collect();
    fs_err::set_permissions(root.join("closed"), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(problems.iter().any(|problem| problem.contains("gr\u{fffd}n.yaml")), "{problems:?}");
    // Root reads everything.
    let closed = problems.iter().any(|problem| problem.contains("`closed`"));
    assert_ne!(closed, paths(&tree).contains(&"closed/b.yaml".to_owned()), "{problems:?}");
    assert!(paths(&tree).contains(&"a.yaml".to_owned()));
}

#[test]
fn a_checkout_and_its_commit_have_the_same_files() {
    let directory = tempfile::tempdir().unwrap();
    let work = directory.path().join("work");
    let git =
        git2::Repository::init_opts(&work, git2::RepositoryInitOptions::new().initial_head("main")).unwrap();
    let files = [(".gitignore", "*.log\n"), ("a.yaml", "a\r\n"), ("b/c d.yaml", "c"), ("b/x.log", "tracked")];
    let head = BareRepository::open(&work.join(".git")).seed(&files);
    git.checkout_head(Some(git2::build::CheckoutBuilder::new().force())).unwrap();
    let on_disk = DirectoryTree::open(&work).unwrap();

    let remote = Remote::new(work.to_str().unwrap(), None).unwrap();
    let clone = BareClone::open(&directory.path().join("cache"), remote).unwrap();
    clone.fetch("main", head).unwrap();
    let in_commit = CommitTree::of_clone(&clone, head).unwrap();
    assert_eq!(on_disk.entries().unwrap(), in_commit.entries().unwrap());
    assert_eq!(on_disk.entries().unwrap().len(), 4);
    for entry in on_disk.entries().unwrap() {
        assert_eq!(on_disk.read(&entry.path, 99).unwrap(), in_commit.read(&entry.path, 99).unwrap());
    }
}

#[test]
fn a_commit_that_no_checkout_could_hold_is_no_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let there = BareRepository::create(&directory.path().join("x.git"));
    let base = there.seed(&[("a.yaml", "a")]);
    // libgit2 would not write these names: the object is made by hand, as an attacker makes it.
    let git = git2::Repository::open_bare(&there.path).unwrap();
    let blob = git.blob(b"evil").unwrap();
    let mut object = Vec::new();
    for name in [&b".."[..], b".git", b"a/b", b"gr\xfcn", b"good.yaml"] {
        object.extend_from_slice(b"100644 ");
        object.extend_from_slice(name);
        object.push(0);
        object.extend_from_slice(blob.as_bytes());
    }
    let evil = git.odb().unwrap().write(git2::ObjectType::Tree, &object).unwrap();
    // Trees that hold each other twice over: sixteen million files in less than two kilobytes.
    let mut bomb = git.odb().unwrap().write(git2::ObjectType::Tree, &object[object.len() - 37..]).unwrap();
    for _ in 0..24 {
        let entry = |name: &str| [b"40000 ", name.as_bytes(), &[0], bomb.as_bytes()].concat();
        let object = [entry("a"), entry("b")].concat();
        bomb = git.odb().unwrap().write(git2::ObjectType::Tree, &object).unwrap();
    }
    let commit = |tree| {
        let text =
            format!("tree {tree}\nparent {base}\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\nx\n");
        let commit = git.odb().unwrap().write(git2::ObjectType::Commit, text.as_bytes()).unwrap();
        there.move_branch("main", commit);
        commit
    };
    let remote = || Remote::new(there.path.to_str().unwrap(), None).unwrap();
    let head = commit(evil);
    let clone = BareClone::open(&directory.path().join("cache"), remote()).unwrap();
    if clone.fetch("main", head).is_ok()
        && let Ok(tree) = CommitTree::of_clone(&clone, head)
    {
        assert_eq!(paths(&tree), ["good.yaml"]);
        assert_eq!(tree.problems().len(), 4);
    }
    let head = commit(bomb);
    let failed = clone.fetch("main", head).and_then(|head| CommitTree::of_clone(&clone, head)).map(drop);
    assert!(failed.is_err());
}
