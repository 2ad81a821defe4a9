//! What is judged is the commit, whatever the checkout shows.

use super::*;

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
    let old_link: &[(&[u8], Put<'_>)] = &[
        (b"old.yaml", Link("lib/pod.txt")),
        (b"sub", Submodule('a')),
        (b"linked", Link("prod")),
        (b"through.yaml", Link("lib/current")),
        (b"lib/current", Link("pod.txt")),
    ];
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
        ("a link that leads out", vec![(b"x.yaml", Link("/etc/passwd"))], "x.yaml", "link to `/etc/passwd`"),
        ("a link of a script", vec![(b"deploy.sh", Link("lib/pod.txt"))], "deploy.sh", "symbolic link"),
        ("a link of variables", vec![(b".env", Link("lib/pod.txt"))], ".env", "symbolic link"),
        ("a link to nothing", vec![(b"x", Link("none"))], "x", "symbolic link to `none`"),
        ("a link to a link", vec![(b"y", Link("old.yaml"))], "y", "symbolic link"),
        (
            "a link that leads elsewhere now",
            vec![(b"old.yaml", Link("docs/a.md"))],
            "old.yaml",
            "link to `docs/a.md`",
        ),
        (
            "the file behind an old link",
            vec![(b"lib/pod.txt", Text(pod))],
            "old.yaml",
            "which the change edits",
        ),
        (
            "another link on the way of an old one",
            vec![(b"lib/current", Link("../docs/a.md"))],
            "through.yaml",
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
        let looks_away = findings.contains(&format!("{path} looks-away"));
        let looked_away = reason.contains("link") || reason.contains("submodule") || reason.contains("edits");
        let looked_away = looked_away || reason.contains("more than");
        let expected = (if looked_away { 1 } else { 3 }, looked_away);
        assert_eq!((code, looks_away), expected, "{name}: {findings:?} {unread:?} {err}");
        let row = unread.iter().find(|row| row.starts_with(&format!("{path} ")));
        assert!(row.is_some_and(|row| row.contains(reason)), "{name}: {unread:?}");
        // The command line may name the place that is a link now.
        if name == "a directory becomes a link" {
            assert_eq!(scene.judged(&["check", "prod", "--changed-since", &base]).0, 1);
            assert_eq!(scene.judged(&["check", "lib", "--changed-since", &base]).0, 1);
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
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("sub: unreadable: it is a submodule"), "{err}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("notes.txt", scene.path("x.yaml")).unwrap();
        let link = "diff --git a/x.yaml b/x.yaml\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/x.yaml\n@@ -0,0 +1 @@\n+notes.txt\n\\ No newline at end of file\n";
        let (code, _, err) = run(link, &[]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("x.yaml: symlink: it is a symbolic link to `notes.txt`"), "{err}");
    }
}

/// What is read through an old link alone is a part of the change, as commits and as a patch.
#[cfg(unix)]
#[test]
fn what_an_old_link_leads_to_is_what_it_was() {
    let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 'redis:6'}]}\n";
    let links: &[(&[u8], Put<'_>)] = &[
        (b"old.yaml", Link("lib/pod.txt")),
        (b"deep/through.yaml", Link("../old.yaml")),
        (b"by-way.yaml", Link("mid/pod.txt")),
        (b"mid", Link("lib")),
        (b"live", Link("vendor")),
        (b"notes.md", Link("lib/notes.txt")),
    ];
    for (edited, expected) in [
        ("lib/pod.txt", &["by-way.yaml", "deep/through.yaml", "old.yaml"][..]),
        ("vendor/pod.yaml", &["live"]),
        ("lib/notes.txt", &[]),
        ("lib/app.yaml", &[]),
    ] {
        let text = if edited == "lib/app.yaml" { pinned() } else { pod.to_owned() };
        let scene = Scene::new(&[
            ("app.yaml", &pinned()),
            ("tagpin.toml", "[policy]\nexclude = [\"vendor/**\"]\n"),
            ("lib/pod.txt", "x: 1\n"),
            ("lib/notes.txt", "x\n"),
            ("lib/app.yaml", "x: 1\n"),
            ("vendor/pod.yaml", "x: 1\n"),
        ]);
        scene.commit_entries(links);
        let base = scene.head();
        scene.commit_entries(&[(edited.as_bytes(), Text(&text))]);
        scene.check_out();
        for (how, judged) in (Change { scene, base }).judged() {
            let told: Vec<&str> = judged.findings.iter().map(|(file, ..)| file.as_str()).collect();
            assert_eq!(
                (judged.code, told),
                (i32::from(!expected.is_empty()), expected.to_vec()),
                "{edited} {how}: {judged:?}"
            );
        }
    }
}

#[test]
fn a_submodule_is_said_where_no_change_is_judged_too() {
    let scene = Scene::new(&[("app.yaml", &pinned())]);
    scene.commit_entries(&[(b"lib/sub", Submodule('a')), (b"other", Submodule('b'))]);
    scene.check_out();
    fs_err::write(scene.path("gate.toml"), "[policy]\nexclude = [\"other\"]\n").unwrap();
    let said = |args: &[&str]| {
        let (code, findings, unread, err) = scene.judged(args);
        assert_eq!(unread, Vec::<String>::new(), "{err}");
        (code, findings.join(", "))
    };
    let both = "lib/sub looks-away, other looks-away".to_owned();
    assert_eq!(said(&["check"]), (0, both.clone()));
    assert_eq!(said(&["check", "--strict"]), (1, both));
    assert_eq!(said(&["check", "--config", "gate.toml"]), (0, "lib/sub looks-away".to_owned()));
    assert_eq!(said(&["check", "lib"]), (0, "lib/sub looks-away".to_owned()));
    assert_eq!(said(&["check", "--changed-since", "HEAD"]), (0, String::new()), "they were there");
}

#[test]
fn what_is_not_committed_yet_makes_nothing_old_new() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let template = |image: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{{{ .Release.Name }}}}\nspec:\n  template:\n    spec:\n      \
             containers:\n        - name: a\n          image: {image}\n        - name: b\n          image: {{{{ .Values.image }}}}\n"
        )
    };
    let path = "charts/shop/templates/deploy.yaml";
    let scene = Scene::new(&[
        ("charts/shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n"),
        (path, &template(&format!("acme/a:1@{digest}"))),
        ("app.yaml", FLOATING),
    ]);
    let base = scene.head();
    scene.commit_entries(&[(path.as_bytes(), Text(&template("acme/a:2")))]);
    scene.check_out();
    scene.write(path, &template(&format!("acme/a:2@{digest}")));
    scene.write("app.yaml", &format!("# Read.\n{FLOATING}"));
    let (code, findings, _, err) = scene.judged(&["check", "--changed-since", &base]);
    let floats = format!("HEAD:{path} floating-tag");
    assert!(code == 1 && findings.contains(&floats), "{findings:?} {err}");
    let others: Vec<&String> =
        findings.iter().filter(|it| !it.starts_with(&format!("HEAD:{path}"))).collect();
    assert!(others.is_empty() && !err.contains("outside of a chart"), "{others:?} {err}");
    // One more on disk is new, though the commit has none there.
    scene.write(
        "app.yaml",
        &format!("{FLOATING}---\n{}", FLOATING.replace("redis", "nginx").replace("api", "web")),
    );
    let (_, findings, _, err) = scene.judged(&["check", "--changed-since", &base]);
    assert!(findings.contains(&"app.yaml floating-tag".to_owned()), "{findings:?} {err}");
}
