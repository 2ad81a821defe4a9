//! The cases of `fixtures/explain`: each a folder with a tree, the places that are asked about, and what is said of them.
//! `TAGPIN_BLESS=1 cargo test --test it explain::` writes what tagpin says now: read it before you commit it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::directory::copy;

fn explain(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.current_dir(directory).env_clear().env("HOME", directory).arg("explain").args(args);
    command.output().unwrap()
}

/// Runs `tell` with the directory of each case and a copy of its tree.
fn each_case(tell: impl Fn(&Path, &Path)) {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/explain");
    for case in fs_err::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let work = tempfile::tempdir().unwrap();
        copy(&case.join("tree"), work.path());
        tell(&case, work.path());
    }
}

fn places(case: &Path) -> Vec<String> {
    fs_err::read_to_string(case.join("places")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_place_is_explained_as_recorded() {
    each_case(|case, tree| {
        let mut said = String::new();
        for place in places(case) {
            let output = explain(tree, &[&place]);
            let (out, err) =
                (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            let _ =
                writeln!(said, "$ tagpin explain {place}\n{out}{err}({})\n", output.status.code().unwrap());
            // What has no spaces stays whole, and so does the line of the image.
            let is_wide = |line: &&str| line.starts_with("  ") && line.chars().count() > 80;
            for line in out.lines().filter(is_wide) {
                let words = line.chars().skip(14).collect::<String>();
                assert!(
                    !words.contains(' ') || words.starts_with("source:") || words.contains('"'),
                    "{line}"
                );
            }
        }
        let file = case.join("explained.txt");
        if std::env::var_os("TAGPIN_BLESS").is_some() {
            fs_err::write(&file, &said).unwrap();
        }
        assert_eq!(fs_err::read_to_string(&file).unwrap_or_default(), said);
    });
}

#[test]
fn json_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../../schema/explain.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    each_case(|case, tree| {
        for place in places(case) {
            let output = explain(tree, &[&place, "--format", "json"]);
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{place}: {errors:#?}");
            assert_eq!(document["complete"], Value::Bool(output.status.success()), "{place}");
        }
    });
}

#[test]
fn a_place_that_is_not_there_is_wrong_usage() {
    let work = tempfile::tempdir().unwrap();
    fs_err::write(work.path().join("a:1"), "image: nginx:1\n").unwrap();
    for (place, code, said) in [
        ("none.yaml", 2, "there is no file `none.yaml`"),
        ("none.yaml:3", 2, "there is no file `none.yaml`"),
        ("a:1", 0, ""),
        ("a:1:1", 0, ""),
        ("a:1:9", 2, "there is no line 9: `a:1` has 1 line"),
        ("a:1:x", 2, "`x` is not the number of a line"),
        (".", 2, "`.` is a directory"),
    ] {
        let output = explain(work.path(), &[place]);
        assert_eq!(output.status.code(), Some(code), "{place}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains(said), "{place}: {err}");
    }
}

#[test]
fn what_cannot_be_made_known_is_told_otherwise() {
    let work = tempfile::tempdir().unwrap();
    let digest = "a".repeat(64);
    let values = format!("image:\n  tag: 5.0@sha256:{digest}\n");
    fs_err::write(work.path().join("values-production.yaml"), values).unwrap();
    let features =
        "{\"image\": \"acme/dev:1\", \"features\": {\n\"ghcr.io/devcontainers/features/node:1\": {}}}";
    fs_err::write(work.path().join("devcontainer.json"), features).unwrap();
    for (place, said) in [
        ("values-production.yaml:2", "`tagpin check` says what it makes"),
        ("devcontainer.json:2", "write `name@sha256:…`"),
    ] {
        let out = String::from_utf8(explain(work.path(), &[place]).stdout)
            .unwrap()
            .replace("\n              ", " ");
        assert!(out.contains(said) && !out.contains("[[location]]"), "{place}: {out}");
    }
}

#[test]
fn a_place_that_the_configuration_makes_known_is_said_to_be_one() {
    let work = tempfile::tempdir().unwrap();
    let robot =
        "apiVersion: robots.acme.example/v1\nkind: Robot\nmetadata: {name: r}\nbody:\n  arm: acme/a:1\n";
    fs_err::write(work.path().join("robot.yaml"), robot).unwrap();
    let location =
        "[[location]]\ngroup = \"robots.acme.example\"\nkinds = [\"Robot\"]\nimages = [\"/body/arm\"]\n";
    fs_err::write(work.path().join("bot.toml"), location).unwrap();
    let output = explain(work.path(), &["robot.yaml:5", "--config", "bot.toml"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("known by    a `[[location]]` of the configuration, /body/arm"), "{out}");
}
