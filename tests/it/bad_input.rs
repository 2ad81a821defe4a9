//! What a person gets wrong in the commands that decide when a digest moves: said clearly, with the exit code of a usage
//! error, and nothing written.

use crate::support::checkout::Scene;

const CONFIG: &str = "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n\
                      [[environment]]\nname = \"staging\"\npaths = [\"staging/**\"]\nafter = \"dev\"\n\
                      [[environment]]\nname = \"empty\"\npaths = [\"misspelled/**\"]\n";

fn compose(images: &[&str]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
    format!("services:\n{}", services.collect::<String>())
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn scene() -> Scene {
    let api = |digit| format!("acme/api:1@{}", digest(digit));
    Scene::new(&[
        ("tagpin.toml", CONFIG),
        ("dev/compose.yaml", &compose(&[&api('a'), "acme/only-dev:1"])),
        ("other/compose.yaml", &compose(&[&api('c')])),
        ("dev/more/compose.yaml", &compose(&[&api('b')])),
        ("staging/compose.yaml", &compose(&["acme/api:1", "acme/only-staging:1"])),
    ])
}

#[test]
fn what_is_spelled_wrong_is_a_usage_error_with_what_there_is() {
    let scene = scene();
    let environments = "the environments are `dev`, `staging`, `empty`";
    for (args, message, hint) in [
        (&["promote", "dev", "prod"][..], "`prod` is neither an environment nor a path", environments),
        (&["promote", "prod", "staging", "--check"], "`prod` is neither", environments),
        (&["rollback", "prod", "--to", "previous"], "`prod` is neither", environments),
        (&["known-good", "mark", "prod"], "no environment `prod`", environments),
        (&["known-good", "show", "prod"], "no environment `prod`", environments),
        (&["history", "prod"], "no image was ever declared in `prod`", environments),
        (&["history", "prod", "--format", "json"], "no image was ever declared in `prod`", environments),
        (&["history", "prod", "--format", "html"], "no image was ever declared in `prod`", environments),
        (&["history", "prod", "--at", "2999-01-01"], "no image was ever declared in `prod`", environments),
        (&["history", "dev/compose.yaml#Pod/x"], "no image was ever declared", environments),
        (
            &["history", "dev", "--at", "1999-01-01"],
            "nothing was committed at 1999-01-01T23:59:59Z",
            "later day",
        ),
        (&["history", "dev", "--base", "v9"], "no commit `v9`", "another --base"),
        (
            &["promote", "dev", "staging", "--check", "--image", "acme/ap"],
            "no image of `dev` and `staging` is `acme/ap`",
            "tagpin list",
        ),
        (
            &["promote", "dev", "staging", "--image", "acme/ap"],
            "no image of `dev` and `staging` is `acme/ap`",
            "tagpin list",
        ),
        (
            &["known-good", "mark", "dev", "--image", "acme/ap"],
            "no image of `dev` is `acme/ap`",
            "tagpin list",
        ),
        // What belongs to an environment is judged by it, also where a path is named.
        (&["promote", "tagpin.toml", "staging"], "`tagpin.toml` has no image that is meant", "tagpin list"),
        (
            &["promote", "other", "staging/compose.yaml", "--check"],
            "takes its images from `dev`, not from `other`",
            "docs/change-control.md",
        ),
        (
            &["promote", "other", "staging"],
            "takes its images from `dev`, not from `other`",
            "docs/change-control.md",
        ),
        (
            &["promote", "dev", "staging", "--soak", "24h", "--check"],
            "`--soak` has no part in it",
            "--dry-run",
        ),
        (
            &["promote", "dev", "staging", "--check", "--dry-run"],
            "`--dry-run` has no part in it",
            "leave one",
        ),
        (&["promote", "dev", "empty", "--check"], "`empty` has no image that is meant", "tagpin list"),
        (&["known-good", "mark", "empty"], "`empty` has no image that is meant", "tagpin list"),
        (
            &["resolve", "nginx:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"],
            "there is nothing to look up",
            "leave the digest out",
        ),
        (
            &["hold", "add", "--image", "acme/api", "--reason", "x", "--until", "2020-01-01"],
            "`--until 2020-01-01` has passed",
            "still to come",
        ),
        (
            &["rollback", "dev", "--to", "known-good", "--until", "2020-01-01"],
            "`--until 2020-01-01` has passed",
            "still to come",
        ),
        (
            &["hold", "add", "--image", "acme/api:1", "--reason", "x"],
            "`--image acme/api:1` would never match",
            "--tag and --digest",
        ),
        (
            &["rollback", "dev", "--to", "previous", "--image", "acme/api:1"],
            "`--image acme/api:1` would never match",
            "without tag and digest",
        ),
        (
            &["rollback", "dev", "--to", "previous", "--image", "acme/ap"],
            "`dev` has no image that is meant",
            "tagpin list",
        ),
    ] {
        let (code, out, err) = scene.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains(hint) && err.contains("hint: "), "{args:?}: {err}");
    }
    assert!(!scene.path("tagpin-known-good.toml").exists());
}

#[test]
fn what_one_side_has_alone_and_what_is_ambiguous_is_named() {
    let scene = scene();
    let (code, out, err) = scene.run(&["promote", "dev", "staging", "--check"]);
    assert_eq!(code, 3, "two digests cannot be compared: {err}");
    for text in
        [digest('a'), digest('b'), "dev/compose.yaml:3".to_owned(), "dev/more/compose.yaml:3".to_owned()]
    {
        assert!(out.contains(&text), "{text}: {out}");
    }
    // It is refused before anybody is asked.
    let before = scene.read("staging/compose.yaml");
    let (code, out, err) = scene.run(&["promote", "dev", "staging"]);
    assert_eq!((code, scene.read("staging/compose.yaml")), (3, before));
    assert!(out.contains("ambiguous") && err.contains("only `dev` has acme/only-dev"), "{out}{err}");
    // There are no others that could go on.
    assert!(err.contains("1 image refused: nothing was promoted\n") && !err.contains("--partial"), "{err}");
    let (code, _, err) = scene.run(&["promote", "dev", "staging", "--image", "acme/only-*"]);
    assert!(code == 0 && err.contains("have no image in common that --image names"), "{err}");
}

#[test]
fn a_hold_for_nothing_and_a_day_before_the_file_are_told() {
    let scene = scene();
    let (code, _, err) = scene.run(&["hold", "add", "--image", "acme/ap", "--reason", "x"]);
    assert!(code == 0 && err.contains("it is for no image that is here"), "{err}");
    let (code, _, err) = scene.run(&["hold", "add", "--image", "acme/api", "--reason", "y"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let (_, out, _) = scene.run(&["hold", "list"]);
    assert!(out.starts_with(" 1  unmatched  acme/ap: `x`") && out.contains(" 2  active "), "{out}");

    // A file that came later.
    let moment =
        jiff::Timestamp::from_second(scene.git.head().unwrap().peel_to_commit().unwrap().time().seconds());
    let moment = moment.unwrap().to_string();
    scene.write("dev/late.yaml", &compose(&["acme/late:1"]));
    let id = scene.commit();
    let later = git2::Time::new(scene.git.find_commit(id).unwrap().time().seconds() + 60, 0);
    let person = git2::Signature::new("a", "a@example.com", &later).unwrap();
    let commit = scene.git.find_commit(id).unwrap();
    let again = commit.amend(None, None, Some(&person), None, None, None).unwrap();
    scene.git.reset(scene.git.find_commit(again).unwrap().as_object(), git2::ResetType::Soft, None).unwrap();
    let (code, out, err) = scene.run(&["history", "dev/late.yaml", "--at", &moment]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains(&format!("no image was declared in `dev/late.yaml` at {moment}")), "{err}");
}

#[test]
fn a_list_of_known_good_digests_that_is_none_is_told_how_to_mend() {
    let scene = scene();
    for (text, message) in [
        ("version = 1\nx = 2\n", "unknown field `x`"),
        ("version = 2\n", "use a newer tagpin"),
        ("{}", "not a list of known good digests"),
    ] {
        scene.write("tagpin-known-good.toml", text);
        for args in [
            &["known-good", "list"][..],
            &["known-good", "mark", "dev"],
            &["rollback", "dev", "--to", "known-good"],
        ] {
            let (code, out, err) = scene.run(args);
            assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
            assert!(
                err.contains(message) && err.contains("hint: `git log -p tagpin-known-good.toml`"),
                "{err}"
            );
            assert_eq!(scene.read("tagpin-known-good.toml"), text);
        }
    }
}

#[test]
fn an_environment_without_a_file_is_said_with_its_paths() {
    let scene = scene();
    let (code, _, err) = scene.run(&["list", "empty"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("note: `empty` has no file: its `paths` are `misspelled/**`"), "{err}");
    let (_, _, err) = scene.run(&["list", "dev"]);
    assert!(!err.contains("has no file"), "{err}");
}
