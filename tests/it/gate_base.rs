//! The gate over a change: what decides is the base's, what is judged is the commit, and no finding walks away.

use std::path::Path;

use serde_json::Value;

use crate::support::checkout::Scene;

const PIN: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";
const FLOATING: &str = "services:\n  api:\n    image: redis:6\n";
const LOOSE: &str = "[[check.rule]]\nlevel = \"off\"\n";

fn pinned() -> String {
    format!("services:\n  api:\n    image: redis:6@{PIN}\n")
}

/// What a commit gets at a path.
#[derive(Clone, Copy)]
enum Put<'t> {
    Text(&'t str),
    Link(&'t str),
    Executable(&'t str),
    Submodule(char),
    Gone,
}

use Put::{Executable, Gone, Link, Submodule, Text};

impl Scene {
    /// Commits entries on top of HEAD without touching the work tree.
    fn commit_entries(&self, entries: &[(&[u8], Put<'_>)]) -> git2::Oid {
        let mut index = git2::Index::new().unwrap();
        index.read_tree(&self.git.head().unwrap().peel_to_tree().unwrap()).unwrap();
        for (path, put) in entries {
            let (mode, id) = match put {
                Gone => {
                    let path = Path::new(std::str::from_utf8(path).unwrap());
                    let _ = index.remove_path(path);
                    let _ = index.remove_dir(path, 0);
                    continue;
                }
                Text(text) => (0o100_644, self.git.blob(text.as_bytes()).unwrap()),
                Executable(text) => (0o100_755, self.git.blob(text.as_bytes()).unwrap()),
                Link(target) => (0o120_000, self.git.blob(target.as_bytes()).unwrap()),
                Submodule(digit) => (0o160_000, git2::Oid::from_str(&digit.to_string().repeat(40)).unwrap()),
            };
            let time = git2::IndexTime::new(0, 0);
            let (flags, flags_extended) = (0, 0);
            let (dev, ino, uid, gid, file_size) = (0, 0, 0, 0, 0);
            let (ctime, mtime, path) = (time, time, path.to_vec());
            let entry = git2::IndexEntry {
                ctime,
                mtime,
                dev,
                ino,
                mode,
                uid,
                gid,
                file_size,
                id,
                flags,
                flags_extended,
                path,
            };
            index.add(&entry).unwrap();
        }
        let tree = self.git.find_tree(index.write_tree_to(&self.git).unwrap()).unwrap();
        let person = git2::Signature::now("a", "a@example.com").unwrap();
        let parent = self.git.head().unwrap().peel_to_commit().unwrap();
        self.git.commit(Some("HEAD"), &person, &person, "change", &tree, &[&parent]).unwrap()
    }

    fn check_out(&self) {
        let mut options = git2::build::CheckoutBuilder::new();
        self.git.checkout_head(Some(options.force().remove_untracked(true))).unwrap();
    }

    fn head(&self) -> String {
        self.git.head().unwrap().peel_to_commit().unwrap().id().to_string()
    }

    /// Returns the exit code, the findings as `file rule`, the files that were not read, and standard error.
    fn judged(&self, args: &[&str]) -> (i32, Vec<String>, Vec<String>, String) {
        let (code, out, err) = self.run(&[args, &["--format", "json"]].concat());
        let json: Value = serde_json::from_str(&out).unwrap_or_default();
        let list = |key: &str, keys: &[&str]| {
            let all = json[key].as_array().cloned().unwrap_or_default();
            let words = all.iter().map(|one| {
                keys.iter().map(|key| one[*key].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
            });
            words.map(|words| words.join(" ")).collect::<Vec<_>>()
        };
        (code, list("findings", &["file", "rule"]), list("unread", &["file", "reason", "detail"]), err)
    }
}

/// A head that says what judges it: nothing of that counts.
#[cfg(unix)]
#[test]
fn what_decides_is_the_base_s_however_it_is_reached() {
    let strict = "[policy]\nexclude = [\"old/**\"]\n";
    let known = "{\"version\": 1, \"findings\": []}";
    let base: &[(&str, &str)] = &[
        ("app.yaml", &pinned()),
        ("conf/gate.toml", strict),
        ("known.json", known),
        ("deep/er/known.json", known),
        ("deep/er/gate.toml", strict),
    ];
    // The attacker's baseline knows the finding.
    let scene = Scene::new(base);
    scene.write("app.yaml", FLOATING);
    assert_eq!(scene.run(&["check", "--baseline", "evil.json", "--write-baseline"]).0, 0);
    let evil = scene.read("evil.json");
    let alias = |scene: &Scene| {
        let alias = scene.directory.path().join("alias");
        std::os::unix::fs::symlink(scene.path(""), &alias).unwrap();
        alias.join("conf/gate.toml").to_str().unwrap().to_owned()
    };
    let absolute = |scene: &Scene| scene.path("conf/gate.toml").to_str().unwrap().to_owned();
    let plain = |text: &'static str| move |_: &Scene| text.to_owned();
    type Given = Box<dyn Fn(&Scene) -> String>;
    type Case<'c> = (&'c str, &'c str, Given, Vec<(&'c str, Put<'c>)>);
    let cases: Vec<Case<'_>> = vec![
        (
            "a link instead of the file",
            "--config",
            Box::new(plain("conf/gate.toml")),
            vec![("loose.toml", Text(LOOSE)), ("conf/gate.toml", Link("../loose.toml"))],
        ),
        (
            "a link instead of the directory",
            "--config",
            Box::new(plain("conf/gate.toml")),
            vec![("conf", Gone), ("conf", Link("loose")), ("loose/gate.toml", Text(LOOSE))],
        ),
        (
            "a link two directories up",
            "--config",
            Box::new(plain("deep/er/gate.toml")),
            vec![("deep", Gone), ("deep", Link("loose")), ("loose/er/gate.toml", Text(LOOSE))],
        ),
        (
            "dots on the way",
            "--config",
            Box::new(plain("./conf/../conf//gate.toml")),
            vec![("conf/gate.toml", Text(LOOSE))],
        ),
        (
            "an absolute path",
            "--config",
            Box::new(absolute),
            vec![("conf", Gone), ("conf", Link("loose")), ("loose/gate.toml", Text(LOOSE))],
        ),
        (
            "a link outside leads to the repository",
            "--config",
            Box::new(alias),
            vec![("conf", Gone), ("conf", Link("loose")), ("loose/gate.toml", Text(LOOSE))],
        ),
        (
            "a chain of links",
            "--config",
            Box::new(plain("conf/gate.toml")),
            vec![
                ("conf/gate.toml", Link("a.toml")),
                ("conf/a.toml", Link("b.toml")),
                ("conf/b.toml", Text(LOOSE)),
            ],
        ),
        (
            "the repository's own file",
            "--config",
            Box::new(plain("conf/gate.toml")),
            vec![(".github/tagpin.toml", Text("[[check.allow]]\npaths = [\"**\"]\nreason = \"x\"\n"))],
        ),
        (
            "a link as the repository's own file",
            "--config",
            Box::new(plain("conf/gate.toml")),
            vec![("tagpin.toml", Link("x.toml")), ("x.toml", Text("[policy]\nexclude = [\"**\"]\n"))],
        ),
        ("a baseline", "--baseline", Box::new(plain("known.json")), vec![("known.json", Text(&evil))]),
        (
            "a link instead of the baseline",
            "--baseline",
            Box::new(plain("known.json")),
            vec![("known.json", Link("evil.json")), ("evil.json", Text(&evil))],
        ),
        (
            "a link instead of the baseline's directory",
            "--baseline",
            Box::new(plain("deep/er/known.json")),
            vec![("deep", Gone), ("deep", Link("loose")), ("loose/er/known.json", Text(&evil))],
        ),
        (
            "a directory instead of the baseline",
            "--baseline",
            Box::new(plain("known.json")),
            vec![("known.json", Gone), ("known.json/x", Text(&evil))],
        ),
        (
            "a submodule instead of the directory",
            "--config",
            Box::new(plain("conf/gate.toml")),
            vec![("conf", Gone), ("conf", Submodule('a'))],
        ),
    ];
    for (name, option, given, mut change) in cases {
        let scene = Scene::new(base);
        let base = scene.head();
        change.push(("app.yaml", Text(FLOATING)));
        let change: Vec<(&[u8], Put<'_>)> =
            change.iter().map(|(path, put)| (path.as_bytes(), *put)).collect();
        scene.commit_entries(&change);
        scene.check_out();
        let (code, findings, _, err) =
            scene.judged(&["check", option, &given(&scene), "--changed-since", &base]);
        assert_eq!(code, 1, "{name}: {err}");
        assert!(findings.contains(&"app.yaml floating-tag".to_owned()), "{name}: {findings:?}");
        assert!(
            findings.iter().any(|finding| finding.ends_with("gate-edited")) || option == "--baseline",
            "{name}: {findings:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_link_of_the_base_on_the_way_to_the_settings_is_an_error() {
    for (option, given, entries) in [
        ("--config", "gate.toml", vec![("gate.toml", Link("conf/gate.toml"))]),
        ("--config", "link/gate.toml", vec![("link", Link("conf"))]),
        ("--baseline", "known.json", vec![("known.json", Link("conf/known.json"))]),
        ("--config", "conf/gate.toml", vec![("tagpin.toml", Link("conf/gate.toml"))]),
        ("--config", "conf/gate.toml", vec![(".github", Link("conf"))]),
    ] {
        let scene = Scene::new(&[
            ("app.yaml", &pinned()),
            ("conf/gate.toml", ""),
            ("conf/known.json", "{\"version\": 1, \"findings\": []}"),
        ]);
        let entries: Vec<(&[u8], Put<'_>)> =
            entries.iter().map(|(path, put)| (path.as_bytes(), *put)).collect();
        scene.commit_entries(&entries);
        scene.check_out();
        let (code, _, _, err) = scene.judged(&["check", option, given, "--changed-since", "HEAD"]);
        assert_eq!(code, 2, "{given}: {err}");
        assert!(err.contains("is a symbolic link") && err.contains("hint:"), "{given}: {err}");
        scene.write("app.yaml", FLOATING);
        let patch = "diff --git a/app.yaml b/app.yaml\n--- a/app.yaml\n+++ b/app.yaml\n@@ -1,2 +1,3 @@\n services:\n   api:\n+    image: redis:6\n";
        let (code, _, err) =
            scene.run_in(&scene.path(""), &["check", option, given, "--diff", "-"], patch.as_bytes());
        assert_eq!(code, 2, "{given}: {err}");
        assert!(err.contains("is a symbolic link"), "{given}: {err}");
    }
}

#[test]
fn the_operator_s_own_files_stay_his() {
    let scene = Scene::new(&[("app.yaml", &pinned())]);
    let base = scene.head();
    scene.write("app.yaml", FLOATING);
    scene.commit();
    let mine = scene.directory.path().join("mine.toml");
    fs_err::write(&mine, LOOSE).unwrap();
    let (code, findings, _, err) =
        scene.judged(&["check", "--config", mine.to_str().unwrap(), "--changed-since", &base]);
    assert_eq!((code, findings.len()), (0, 0), "{err}");
}

#[test]
fn what_the_settings_name_is_the_base_s_too() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let conf =
        "[[registry]]\nprefix = \"registry.example\"\nlocation = \"registry.example\"\nblocked = true\n";
    let evil = format!(
        "[[registry]]\nprefix = \"registry.example\"\nlocation = \"127.0.0.1:{port}\"\ninsecure = true\n"
    );
    let scene = Scene::new(&[
        ("app.yaml", &pinned()),
        ("gate.toml", "registries-conf = \"hosts/registries.conf\"\n"),
        ("hosts/registries.conf", conf),
    ]);
    let base = scene.head();
    scene.write("app.yaml", &pinned().replace("redis:6", "registry.example/redis:6"));
    for change in [
        vec![(&b"hosts/registries.conf"[..], Text(&evil))],
        vec![(&b"hosts/registries.conf"[..], Link("../evil.conf")), (b"evil.conf", Text(&evil))],
        vec![(&b"hosts"[..], Gone), (b"hosts", Link("evil")), (b"evil/registries.conf", Text(&evil))],
        vec![(&b"gate.toml"[..], Text("")), (b"hosts/registries.conf", Text("["))],
    ] {
        scene.commit_entries(&change);
        let moved = pinned().replace("redis:6", "registry.example/redis:6");
        scene.commit_entries(&[(b"app.yaml", Text(&moved))]);
        scene.check_out();
        let args = ["check", "--online", "--config", "gate.toml", "--changed-since", &base];
        let (code, findings, _, err) = scene.judged(&args);
        assert_eq!(code, 3, "{findings:?} {err}");
        assert!(err.contains("blocked"), "{err}");
        assert!(findings.iter().any(|finding| finding.ends_with("gate-edited")), "{findings:?}");
        assert!(listener.accept().is_err(), "the change says where to ask");
    }
}

#[test]
fn a_branch_is_compared_with_where_it_began_and_judged_by_the_settings_of_now() {
    let scene = Scene::new(&[("tagpin.toml", "[policy]\nexclude = [\"**\"]\n"), ("app.yaml", &pinned())]);
    let began = scene.git.head().unwrap().peel_to_commit().unwrap();
    // What main has since then: a rule that counts, a pin that came, one that floats.
    scene.write("tagpin.toml", "");
    scene.write("app.yaml", &pinned().replace("api", "web"));
    scene.write("main.yaml", FLOATING);
    let main = scene.commit().to_string();
    scene.git.set_head_detached(began.id()).unwrap();
    scene.check_out();
    assert_eq!(scene.judged(&["check", "--changed-since", &main]).0, 0, "nothing has changed");
    scene.commit_entries(&[(b"notes.md", Text("x\n"))]);
    scene.check_out();
    let (code, findings, _, err) = scene.judged(&["check", "--changed-since", &main]);
    assert_eq!((code, findings), (0, vec![]), "{err}");
    scene.commit_entries(&[(b"new.yaml", Text(FLOATING))]);
    scene.check_out();
    let (code, findings, _, err) = scene.judged(&["check", "--changed-since", &main]);
    assert_eq!((code, findings), (1, vec!["new.yaml floating-tag".to_owned()]), "{err}");
}

#[test]
fn commits_without_a_common_ancestor_are_compared_as_they_are() {
    let scene = Scene::new(&[("app.yaml", &pinned()), ("tagpin.toml", "")]);
    let base = scene.head();
    let tree = scene.git.head().unwrap().peel_to_tree().unwrap();
    let person = git2::Signature::now("a", "a@example.com").unwrap();
    let orphan = scene.git.commit(None, &person, &person, "orphan", &tree, &[]).unwrap();
    scene.git.set_head_detached(orphan).unwrap();
    scene.commit_entries(&[
        (b"app.yaml", Text(FLOATING)),
        (b"tagpin.toml", Text("[policy]\nexclude = [\"**\"]\n")),
    ]);
    scene.check_out();
    let (code, findings, _, err) = scene.judged(&["check", "--changed-since", &base]);
    assert_eq!((code, findings[0].as_str()), (1, "app.yaml floating-tag"), "{err}");
    assert!(err.contains("no common ancestor"), "{err}");
}

/// What the checkout shows is not what is judged.
#[test]
fn the_commit_is_judged_and_not_the_checkout() {
    let other = "services:\n  api:\n    image: redis:7\n";
    for (name, change, disk, expected) in [
        (
            "an encoding shows a pin",
            vec![("app.yaml", Text(FLOATING))],
            vec![("app.yaml", Some(pinned()))],
            "HEAD:app.yaml floating-tag",
        ),
        (
            "an encoding shows noise",
            vec![("app.yaml", Text(FLOATING))],
            vec![("app.yaml", Some("+ACIAaQ-".to_owned()))],
            "HEAD:app.yaml floating-tag",
        ),
        (
            "the file is not checked out",
            vec![("new.yaml", Text(FLOATING))],
            vec![("new.yaml", None)],
            "new.yaml floating-tag",
        ),
        (
            "a file that git would ignore",
            vec![(".gitignore", Text("*.yaml\n")), ("new.yaml", Text(FLOATING))],
            vec![],
            "new.yaml floating-tag",
        ),
        (
            "a file that floats on disk only",
            vec![("other.yaml", Text("x: 1\n"))],
            vec![("app.yaml", Some(FLOATING.to_owned()))],
            "app.yaml floating-tag",
        ),
        (
            "a file that is not committed",
            vec![("other.yaml", Text("x: 1\n"))],
            vec![("new.yaml", Some(FLOATING.to_owned()))],
            "new.yaml floating-tag",
        ),
        (
            "both float",
            vec![("app.yaml", Text(FLOATING))],
            vec![("app.yaml", Some(other.to_owned()))],
            "HEAD:app.yaml floating-tag",
        ),
        (
            "a link on disk only",
            vec![("new.yaml", Text(FLOATING))],
            vec![("new.yaml", None), ("new.yaml/x", Some("x".to_owned()))],
            "new.yaml floating-tag",
        ),
        (
            "line ends of the machine",
            vec![("app.yaml", Text(FLOATING))],
            vec![("app.yaml", Some(FLOATING.replace('\n', "\r\n")))],
            "app.yaml floating-tag",
        ),
        ("an executable file", vec![("app.yaml", Executable(FLOATING))], vec![], "app.yaml floating-tag"),
    ] {
        let scene = Scene::new(&[("app.yaml", &pinned())]);
        let base = scene.head();
        let change: Vec<(&[u8], Put<'_>)> =
            change.iter().map(|(path, put)| (path.as_bytes(), *put)).collect();
        scene.commit_entries(&change);
        scene.check_out();
        for (path, text) in disk {
            let _ = fs_err::remove_file(scene.path(path));
            if let Some(text) = text {
                scene.write(path, &text);
            }
        }
        let (code, findings, unread, err) = scene.judged(&["check", "--changed-since", &base]);
        assert_eq!(code, 1, "{name}: {findings:?} {unread:?} {err}");
        assert!(findings.contains(&expected.to_owned()), "{name}: {findings:?}");
    }
}

/// Links, submodules and names that tagpin does not follow are never silence.
#[cfg(unix)]
#[test]
fn what_a_change_hides_behind_a_link_is_incomplete() {
    let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 'redis:6'}]}\n";
    let base: &[(&str, &str)] = &[
        ("app.yaml", &pinned()),
        ("prod/app.yaml", &pinned()),
        ("lib/pod.txt", "x: 1\n"),
        ("docs/a.md", "# a\n"),
    ];
    let big = format!("# {}\n{FLOATING}", "x".repeat(17 * 1024 * 1024));
    let old_link: &[(&[u8], Put<'_>)] =
        &[(b"old.yaml", Link("lib/pod.txt")), (b"sub", Submodule('a')), (b"linked", Link("prod"))];
    for (name, change, path, reason) in [
        (
            "a link to another ending",
            vec![(&b"x.yaml"[..], Link("lib/pod.txt")), (b"lib/pod.txt", Text(pod))],
            "x.yaml",
            "symbolic link to `lib/pod.txt`",
        ),
        (
            "a link to a file that is judged elsewhere",
            vec![(b"x.yaml", Link("app.yaml"))],
            "x.yaml",
            "symbolic link to `app.yaml`",
        ),
        ("a file becomes a link", vec![(b"app.yaml", Link("lib/pod.txt"))], "app.yaml", "symbolic link"),
        (
            "a directory becomes a link",
            vec![(b"prod", Gone), (b"prod", Link("lib"))],
            "prod",
            "symbolic link to `lib`",
        ),
        ("a new link to a directory", vec![(b"more", Link("lib"))], "more", "symbolic link"),
        ("a link that leads out", vec![(b"x.yaml", Link("/etc/passwd"))], "x.yaml", "/etc/passwd"),
        ("a link to nothing", vec![(b"x", Link("none"))], "x", "symbolic link to `none`"),
        ("a link to a link", vec![(b"y", Link("old.yaml"))], "y", "symbolic link"),
        ("a link that leads elsewhere now", vec![(b"old.yaml", Link("docs/a.md"))], "old.yaml", "docs/a.md"),
        (
            "the file behind an old link",
            vec![(b"lib/pod.txt", Text(pod))],
            "old.yaml",
            "which the change edits",
        ),
        ("a submodule", vec![(b"vendored", Submodule('b'))], "vendored", "submodule"),
        ("a submodule moves", vec![(b"sub", Submodule('b'))], "sub", "submodule"),
        (
            "a directory becomes a submodule",
            vec![(b"prod", Gone), (b"prod", Submodule('b'))],
            "prod",
            "submodule",
        ),
        ("a name that is not UTF-8", vec![(b"x\xff.yaml", Text(pod))], "x\u{fffd}.yaml", "not UTF-8"),
        (
            "a directory's name that is not UTF-8",
            vec![(b"d\xff/x.yaml", Text(pod))],
            "d\u{fffd}",
            "not UTF-8",
        ),
        ("a large file", vec![(b"big.yaml", Text(&big))], "big.yaml", "more than"),
        ("a file that cannot be parsed", vec![(b"app.yaml", Text("image: [\n"))], "app.yaml", ""),
    ] {
        let scene = Scene::new(base);
        scene.commit_entries(old_link);
        let base = scene.head();
        scene.commit_entries(&change);
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scene.check_out()));
        let (code, findings, unread, err) = scene.judged(&["check", "--changed-since", &base]);
        assert_eq!(code, 3, "{name}: {findings:?} {unread:?} {err}");
        let row = unread.iter().find(|row| row.starts_with(&format!("{path} ")));
        assert!(row.is_some_and(|row| row.contains(reason)), "{name}: {unread:?}");
        // The command line may name the place that is a link now.
        if name == "a directory becomes a link" {
            assert_eq!(scene.judged(&["check", "prod", "--changed-since", &base]).0, 3);
            assert_eq!(scene.judged(&["check", "lib", "--changed-since", &base]).0, 3);
        }
    }
}

#[cfg(unix)]
#[test]
fn honest_links_modes_and_line_ends_are_no_findings() {
    for (name, change) in [
        ("a link between documents", vec![("CLAUDE.md", Link("AGENTS.md")), ("AGENTS.md", Text("# x\n"))]),
        ("a mode", vec![("app.yaml", Executable(FLOATING))]),
        ("a link goes", vec![("old.yaml", Gone)]),
        ("a link becomes a file", vec![("old.yaml", Text("x: 1\n"))]),
        ("a submodule goes", vec![("sub", Gone)]),
        ("a file goes", vec![("app.yaml", Gone)]),
        ("a comment", vec![("app.yaml", Text("# more\nservices:\n  api:\n    image: redis:6\n"))]),
    ] {
        let scene = Scene::new(&[("app.yaml", FLOATING), ("lib/pod.txt", "x: 1\n")]);
        scene.commit_entries(&[(b"old.yaml", Link("lib/pod.txt")), (b"sub", Submodule('a'))]);
        let base = scene.head();
        let change: Vec<(&[u8], Put<'_>)> =
            change.iter().map(|(path, put)| (path.as_bytes(), *put)).collect();
        scene.commit_entries(&change);
        scene.check_out();
        let (code, findings, unread, err) = scene.judged(&["check", "--changed-since", &base]);
        assert_eq!((code, findings), (0, vec![]), "{name}: {unread:?} {err}");
    }
}

/// A patch that hides what it does.
#[test]
fn a_patch_that_does_not_tell_is_taken_for_new() {
    let scene = Scene::new(&[("app.yaml", FLOATING), ("tagpin.toml", ""), ("logo.png", "x")]);
    let hidden = |file: &str| {
        format!(
            "diff --git a/{file} b/{file}\nindex 1111111..2222222 100644\nBinary files a/{file} and b/{file} differ\n"
        )
    };
    let run = |patch: &str, args: &[&str]| {
        scene.run_in(&scene.path(""), &[&["check", "--diff", "-"], args].concat(), patch.as_bytes())
    };
    let (code, out, err) = run(&hidden("app.yaml"), &[]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.starts_with("app.yaml:3:12: floating-tag"), "{out}");
    let (code, _, err) = run(&hidden("logo.png"), &[]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(&hidden("tagpin.toml"), &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("does not tell"), "{err}");
    let module = "diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit 1111111111111111111111111111111111111111\n";
    let (code, _, err) = run(module, &[]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("sub: unreadable: the change adds or moves this submodule"), "{err}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("notes.txt", scene.path("x.yaml")).unwrap();
        let link = "diff --git a/x.yaml b/x.yaml\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/x.yaml\n@@ -0,0 +1 @@\n+notes.txt\n\\ No newline at end of file\n";
        let (code, _, err) = run(link, &[]);
        assert_eq!(code, 3, "{err}");
        assert!(err.contains("x.yaml: symlink: the change makes it a symbolic link to `notes.txt`"), "{err}");
    }
}

/// Findings that move to where they count for more are new.
#[test]
fn no_finding_moves_to_where_it_counts_for_more() {
    let config = "[[check.rule]]\npaths = [\"staging/**\"]\nlevel = \"warning\"\n[[check.rule]]\npaths = [\"off/**\"]\nlevel = \"off\"\n[[check.allow]]\npaths = [\"allowed/**\"]\nreason = \"x\"\n[policy]\nexclude = [\"excluded/**\"]\n";
    let ignored = "services:\n  api:\n    image: redis:6 # tagpin: ignore vendor\n";
    let object = |name: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: app\n    image: {image}\n"
        )
    };
    let pin = format!("redis:6@{PIN}");
    let two = |debug: &str, prod: &str| format!("{}---\n{}", object("debug", debug), object("prod", prod));
    let services = |debug: &str, prod: &str| {
        format!("services:\n  debug:\n    image: {debug}\n  prod:\n    image: {prod}\n")
    };
    let containers = |first: &str, second: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - {{name: x, image: '{first}'}}\n  - {{name: y, image: '{second}'}}\n"
        )
    };
    let other = "other: 1\nthings: 2\nthat: 3\nmake: 4\nit: 5\nunlike: 6\nthe: 7\nold: 8\nservices:\n  new:\n    image: redis:6\n";
    let (swap, swapped) = (two("redis:6", &pin), two(&pin, "redis:6"));
    let (a, b) = (services("redis:6", &pin), services(&pin, "redis:6"));
    let (c, d) = (containers("redis:6", &pin), containers(&pin, "redis:6"));
    for (name, before, after, code, count) in [
        (
            "from a warning to production",
            vec![("staging/a.yaml", FLOATING)],
            vec![("staging/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "from an allowed path",
            vec![("allowed/a.yaml", FLOATING)],
            vec![("allowed/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "from where the rule is off",
            vec![("off/a.yaml", FLOATING)],
            vec![("off/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "from an excluded path",
            vec![("excluded/a.yaml", FLOATING)],
            vec![("excluded/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        ("from under an ignore", vec![("a.yaml", ignored)], vec![("a.yaml", Some(FLOATING))], 1, 1),
        (
            "from under an ignore, renamed",
            vec![("a.yaml", ignored)],
            vec![("a.yaml", None), ("b.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "an ignore moves to production",
            vec![("staging/a.yaml", ignored)],
            vec![("staging/a.yaml", None), ("prod/a.yaml", Some(ignored))],
            1,
            1,
        ),
        (
            "an ignore moves to another file",
            vec![("a.yaml", ignored)],
            vec![
                ("a.yaml", None),
                (
                    "b.yaml",
                    Some(
                        "other: 1\nmore: 2\nlines: 3\nhere: 4\nservices:\n  prod:\n    image: redis:6 # tagpin: ignore vendor\n",
                    ),
                ),
            ],
            1,
            1,
        ),
        (
            "to a file that is another one",
            vec![("a.yaml", FLOATING)],
            vec![("a.yaml", None), ("b.yaml", Some(other))],
            1,
            1,
        ),
        (
            "to a file that was there",
            vec![("a.yaml", FLOATING), ("b.yaml", "x: 1\n")],
            vec![("a.yaml", None), ("b.yaml", Some(FLOATING))],
            1,
            1,
        ),
        ("between two objects of a file", vec![("a.yaml", &swap)], vec![("a.yaml", Some(&swapped))], 1, 1),
        ("between two services of a file", vec![("a.yaml", &a)], vec![("a.yaml", Some(&b))], 1, 1),
        ("between two containers of a pod", vec![("a.yaml", &c)], vec![("a.yaml", Some(&d))], 1, 1),
        ("copied to a second file", vec![("a.yaml", FLOATING)], vec![("b.yaml", Some(FLOATING))], 1, 1),
        // What counts no more than before.
        (
            "a file that is renamed",
            vec![("a.yaml", FLOATING)],
            vec![("a.yaml", None), ("b.yaml", Some(FLOATING))],
            0,
            0,
        ),
        (
            "from production to a warning",
            vec![("prod/a.yaml", FLOATING)],
            vec![("prod/a.yaml", None), ("staging/a.yaml", Some(FLOATING))],
            0,
            0,
        ),
        (
            "an ignore moves with its file",
            vec![("a.yaml", ignored)],
            vec![("a.yaml", None), ("b.yaml", Some(ignored))],
            0,
            0,
        ),
        (
            "within an allowed path",
            vec![("allowed/a.yaml", FLOATING)],
            vec![("allowed/a.yaml", None), ("allowed/b.yaml", Some(FLOATING))],
            0,
            0,
        ),
    ] {
        let mut files = vec![("gate.toml", config)];
        files.extend(before);
        let scene = Scene::new(&files);
        let base = scene.head();
        for (path, text) in after {
            match text {
                Some(text) => scene.write(path, text),
                None => fs_err::remove_file(scene.path(path)).unwrap(),
            }
        }
        // Before it is committed and afterwards.
        for revision in ["HEAD", &base] {
            let args = ["check", "--config", "gate.toml", "--changed-since", revision];
            let (found, findings, unread, err) = scene.judged(&args);
            let text = format!("{name}: {findings:?} {unread:?} {err}");
            assert_eq!((found, findings.len()), (code, count), "{text}");
            scene.commit();
        }
    }
}
