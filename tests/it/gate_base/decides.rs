//! What decides is the base's: settings, and everything that they name.

use super::*;

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
        assert!(matches!(code, 1 | 3), "{findings:?} {err}");
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

/// Who writes the settings of docker chooses the programs that are run for credentials.
#[test]
fn credentials_of_what_is_not_trusted_come_from_outside() {
    let scene = Scene::new(&[("app.yaml", &pinned()), ("conf/config.json", "{\"credsStore\": \"evil\"}")]);
    let run = |variable: &str, value: &Path, trust: &[&str]| {
        let args = [&["check", "--online"], trust].concat();
        let output = scene.command(&scene.path(""), &args).env(variable, value).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let here = scene.path("");
    let out_and_in_again = here.join("..").join(here.file_name().unwrap()).join("conf");
    for (variable, path) in [
        ("DOCKER_CONFIG", scene.path("conf")),
        ("DOCKER_CONFIG", "conf".into()),
        ("REGISTRY_AUTH_FILE", scene.path("conf/config.json")),
        ("DOCKER_CONFIG", out_and_in_again),
    ] {
        let (code, err) = run(variable, &path, &["--untrusted"]);
        assert!(code == 2 && err.contains(variable), "{variable} {path:?}: {code} {err}");
    }
    fs_err::create_dir(scene.path("../conf")).unwrap();
    for outside in [scene.path("../conf"), scene.path("none")] {
        let (code, err) = run("DOCKER_CONFIG", &outside, &["--untrusted"]);
        assert!(code != 2, "{outside:?}: {err}");
    }
}

#[test]
fn settings_that_nobody_could_read_any_more_are_an_error() {
    let scene = Scene::new(&[("app.yaml", &pinned()), ("tagpin.toml", "[policy]\nexclude = [\"old/**\"]\n")]);
    let base = scene.head();
    for (text, expected) in [
        ("[policy]\nexclude = [\"older/**\"]\n", 0),
        ("[policy]\nexlude = [\"old/**\"]\n", 1),
        ("[[environment]]\nname = \"a\"\npaths = [\"a/**\"]\naftr = \"b\"\n", 1),
        ("[[hold]]\nreason = 5\n", 1),
    ] {
        scene.commit_entries(&[(b"tagpin.toml", Text(text))]);
        scene.check_out();
        let (code, findings, _, err) = scene.judged(&["check", "--changed-since", &base]);
        assert_eq!((code, findings), (expected, vec!["tagpin.toml gate-edited".to_owned()]), "{text}: {err}");
    }
}
