//! The binary from the outside, and the help texts as they are printed.
//!
//! After a wanted change of a help text, run `cargo test --test it cli::` with `TAGPIN_BLESS=1` and look at the diff.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory as _;
use tagpin::commands::args::Cli;

/// The binary in `directory`, with an environment of its own.
fn tagpin(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.current_dir(directory).env_clear().env("HOME", "/home/ada").stdin(Stdio::null());
    command
}

fn run(directory: &Path, args: &[&str]) -> (i32, String, String) {
    finish(tagpin(directory).args(args).output().unwrap())
}

fn finish(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    }
    directory
}

#[test]
fn help_texts_are_as_recorded() {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut whole = Cli::command();
    whole.build();
    let mut commands: Vec<clap::Command> = Vec::new();
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        commands.extend(command.get_subcommands().filter(|command| command.get_name() != "help").cloned());
        commands.push(command.clone());
    }
    commands.push(whole);
    for command in commands {
        let mut command = command.term_width(100);
        let name = match command.get_bin_name() {
            Some(name) if name != "tagpin" => name.replace(' ', "-"),
            _ => "tagpin".to_owned(),
        };
        let help = command.render_long_help().to_string();
        let file = snapshots.join(format!("{name}.txt"));
        if std::env::var_os("TAGPIN_BLESS").is_some() {
            fs_err::File::create(&file).unwrap().write_all(help.as_bytes()).unwrap();
        }
        let recorded = fs_err::File::open(&file).and_then(std::io::read_to_string).unwrap_or_default();
        let diff = similar::TextDiff::from_lines(&recorded, &help).unified_diff().to_string();
        assert!(recorded == help, "the help of `{name}` is not that of {}:\n{diff}", file.display());
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    let here = directory(&[]);
    for args in [&["nonsense"][..], &["--nonsense"], &[], &["config"], &["-q", "-v", "config", "show"]] {
        let (code, out, err) = run(here.path(), args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(!err.is_empty(), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["config", "show", "-h"]] {
        let (code, out, err) = run(here.path(), args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(out.contains("tagpin"), "{out}");
    }
}

#[test]
fn config_schema_prints_the_schema_that_is_kept() {
    let here = tempfile::tempdir().unwrap();
    let (code, schema, err) = run(here.path(), &["config", "schema"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(schema, include_str!("../../schema/config.schema.json"));
}

#[test]
fn config_show_prints_what_applies() {
    let here = directory(&[("bot.toml", "cache-dir = \"clones\"\n[policy]\nstyle = \"digest\"\n")]);
    let (code, defaults, err) = run(here.path(), &["config", "show"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(defaults.contains("cache-dir = \"/home/ada/.cache/tagpin\""), "{defaults}");
    assert!(defaults.contains("style = \"tag+digest\""), "{defaults}");

    let (_, by_flag, _) = run(here.path(), &["config", "show", "--config", "bot.toml"]);
    assert!(by_flag.contains("style = \"digest\"") && by_flag.contains("/clones\""), "{by_flag}");
    let (_, by_name, _) = run(here.path(), &["config", "show", "bot.toml"]);
    assert_eq!(by_flag, by_name);
    let mut command = tagpin(here.path());
    command.args(["config", "show"]).env("TAGPIN_CONFIG", "bot.toml").env("TAGPIN_CACHE_DIR", "/elsewhere");
    let (_, by_environment, _) = finish(command.output().unwrap());
    assert!(by_environment.contains("style = \"digest\""), "{by_environment}");
    assert!(by_environment.contains("cache-dir = \"/elsewhere\""), "{by_environment}");

    // An Action that hands over an input which nobody set.
    let (code, empty, _) =
        finish(tagpin(here.path()).args(["config", "show"]).env("TAGPIN_CONFIG", "").output().unwrap());
    assert_eq!((code, empty), (0, defaults));

    let (_, json, _) = run(here.path(), &["config", "show", "bot.toml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["version"], &json["config"]["policy"]["style"]), (&1.into(), &"digest".into()));
}

#[test]
fn config_check_says_ok_or_what_is_wrong() {
    let here =
        directory(&[("bad.toml", "[forge]\nkinds = 1\n"), ("good.toml", "[forge]\nkind = \"none\"\n")]);
    assert_eq!(
        run(here.path(), &["config", "check", "good.toml"]),
        (0, "ok: `good.toml`\n".into(), String::new())
    );
    assert_eq!(
        run(here.path(), &["config", "check", "bad.toml"]),
        (
            2,
            String::new(),
            "error: bad.toml:2:1: unknown key `kinds`\n   |\n 2 | kinds = …\n   | ^^^^^\nhint: did you mean `kind`?\n"
                .into()
        )
    );
    let many = "[policy]\ninclude = \"x\"\nbar = 1\n[forgex]\na = 1\n[run]\nconcurrency = \"3\"\n[[check.allow]]\nimages = [\"x\"]\n\
                until = \"2026-12-31\"\nreason = \"a\"\n[[check.allow]]\nimages = [\"y\"]\n";
    fs_err::write(here.path().join("many.toml"), many).unwrap();
    let (code, _, err) = run(here.path(), &["config", "check", "many.toml"]);
    let told: Vec<&str> = err
        .lines()
        .filter(|line| line.contains("many.toml:") || line.starts_with("hint") && !line.contains("known are"))
        .collect();
    assert_eq!(code, 2);
    assert_eq!(
        told,
        [
            "error: many.toml:2:11: this is a list, and here is text",
            "hint: put \"x\" into brackets: `[…]`",
            "error: many.toml:3:1: unknown key `bar`",
            "error: many.toml:4:2: unknown key `forgex`",
            "hint: did you mean `forge`?",
            "error: many.toml:7:15: this is a whole number, and here is text",
            "hint: write it without quotes",
            "error: many.toml:10:9: this is a day, and here is text",
            "hint: write it without quotes, as `2026-12-31`",
            "error: many.toml:12:1: `reason` is missing",
            "hint: every entry of this kind has `reason`: add it",
        ],
        "{err}"
    );
    let (code, _, err) = run(here.path(), &["config", "check", "absent.toml"]);
    assert_eq!(code, 2);
    assert!(err.starts_with("error: absent.toml: cannot be read: No such file"), "{err}");
    let (code, out, err) = run(here.path(), &["config", "check", "bad.toml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, err.as_str(), &json["valid"]), (2, "", &false.into()));
    assert_eq!(json["problems"][0]["line"], 2);
    assert_eq!(json["problems"][0]["hint"], "did you mean `kind`?");
}

#[test]
fn config_check_without_a_file_takes_the_one_of_the_repository() {
    let (code, out, _) = run(directory(&[]).path(), &["config", "check"]);
    assert_eq!((code, out.as_str()), (0, "ok: no configuration file, the defaults apply\n"));

    let narrow = "[policy]\nexclude = [\"x/**\"]\n";
    let two = directory(&[("tagpin.toml", narrow), (".github/tagpin.toml", narrow)]);
    let (code, out, err) = run(two.path(), &["config", "check"]);
    assert_eq!((code, out.as_str()), (0, "ok: `.github/tagpin.toml`, as the file of a repository\n"));
    assert_eq!(err, "warning: `.github/tagpin.toml` is read, `tagpin.toml` ignored: keep one\n");

    let (_, shown, _) = run(two.path(), &["config", "show"]);
    assert!(shown.ends_with("narrows that:\n#\n# [policy]\n# exclude = [\"x/**\"]\n"), "{shown}");

    let wide = directory(&[("tagpin.toml", "[forge]\nkind = \"none\"\n")]);
    let (code, _, err) = run(wide.path(), &["config", "check", "tagpin.toml"]);
    assert_eq!(code, 0);
    assert!(err.contains("as the file of a repository it would be refused: `forge` belongs into"), "{err}");
    // At the root of a checkout nothing else is meant by this name.
    fs_err::create_dir(wide.path().join(".git")).unwrap();
    let (code, out, err) = run(wide.path(), &["config", "check", "tagpin.toml"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("`forge` belongs into the file that is given with `--config`"), "{err}");
    let (code, _, err) = run(wide.path(), &["config", "check", "--config", "tagpin.toml"]);
    assert!(code == 0 && err.contains("it would be refused"), "{err}");
    fs_err::remove_dir(wide.path().join(".git")).unwrap();
    let (code, shown, _) = run(wide.path(), &["config", "show", "tagpin.toml"]);
    assert!(code == 0 && !shown.contains("narrows"), "{shown}");
    let (code, _, err) = run(wide.path(), &["config", "check"]);
    assert_eq!(code, 2);
    assert!(err.contains("`forge` belongs into the file that is given with `--config`"), "{err}");
}

#[test]
fn a_bad_log_filter_is_a_usage_error() {
    let here = directory(&[]);
    let with = |args: &[&str]| {
        finish(tagpin(here.path()).args(args).env("TAGPIN_LOG", "tagpin=loud").output().unwrap())
    };
    let (code, _, err) = with(&["config", "show"]);
    assert_eq!(code, 2);
    assert!(err.starts_with("error: TAGPIN_LOG is not a log filter"), "{err}");
    assert_eq!(with(&["config", "show", "-q"]).0, 0, "flags win over the environment");
}

#[test]
fn completions_are_printed_for_every_shell() {
    let here = directory(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, err) = run(here.path(), &["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""), "{shell}");
        assert!(out.contains("completions"), "{shell}");
    }
}

#[test]
fn a_reader_that_leaves_is_not_an_error() {
    let here = directory(&[]);
    for args in [["completions", "zsh"], ["config", "show"], ["config", "--help"]] {
        let mut child =
            tagpin(here.path()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (code, _, err) = finish(child.wait_with_output().unwrap());
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    }
}

/// Whoever wrote the link would choose what a gate looks at, and where `pin` writes.
#[cfg(unix)]
#[test]
fn a_directory_is_not_read_through_a_link_of_the_repository() {
    let pod = "kind: Pod\napiVersion: v1\nspec: {containers: [{name: a, image: 'a.io/b:1'}]}\n";
    let there = directory(&[(".git/HEAD", ""), ("other/below/a.yaml", pod), ("real/a.yaml", pod)]);
    for (target, link) in [("other", "deploy"), ("nowhere", "gone"), ("../other/below", "real/below")] {
        std::os::unix::fs::symlink(target, there.path().join(link)).unwrap();
    }
    for (path, link) in [
        ("deploy", "deploy"),
        ("./deploy/", "deploy"),
        ("deploy/below", "deploy"),
        ("deploy/below/a.yaml", "deploy"),
        ("real/below", "real/below"),
    ] {
        for verb in [&["list", path][..], &["check", path], &["pin", "--dry-run", path]] {
            let (code, out, err) = run(there.path(), verb);
            let said = format!("is reached through `{link}`, a symbolic link of the repository");
            assert!(code == 2 && err.contains(&said), "{verb:?}: {code} {out}{err}");
        }
    }
    // What is around the repository is the operator's, and a link that a walk meets is told of.
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(there.path(), outside.path().join("here")).unwrap();
    for path in
        [there.path().join("real"), outside.path().join("here/real"), there.path().join("real/../other")]
    {
        let (code, out, err) = run(there.path(), &["list", path.to_str().unwrap()]);
        assert!(code == 0 && out.contains("a.io/b:1"), "{path:?}: {code} {out}{err}");
    }
}

#[cfg(unix)]
#[test]
fn settings_behind_a_symbolic_link_are_refused_by_every_command() {
    for link in ["tagpin.toml", ".tagpin.toml", ".github"] {
        let there =
            directory(&[(".git/HEAD", ""), ("own/tagpin.toml", "[policy]\n"), ("below/a.yaml", "a: b\n")]);
        let target = if link == ".github" { "own" } else { "own/tagpin.toml" };
        std::os::unix::fs::symlink(target, there.path().join(link)).unwrap();
        let file = if link == ".github" { ".github/tagpin.toml" } else { link };
        let commands: [&[&str]; 6] = [
            &["config", "check"],
            &["config", "check", file],
            &["config", "show"],
            &["list"],
            &["hold", "list"],
            &["hold", "add", "--path", "**", "--reason", "x"],
        ];
        for args in commands {
            let (code, out, err) = run(there.path(), args);
            let said = format!("{file}: it is reached through a symbolic link");
            assert!(code == 2 && err.contains(&said), "{args:?}: {code} {out}{err}");
        }
        let (code, _, err) = run(&there.path().join("below"), &["config", "check"]);
        assert!(code == 2 && err.contains("symbolic link"), "{code} {err}");
    }
    // One that leads nowhere is one, too.
    let there = directory(&[(".git/HEAD", "")]);
    std::os::unix::fs::symlink("nowhere", there.path().join("tagpin.toml")).unwrap();
    assert_eq!(run(there.path(), &["config", "check"]).0, 2);
}
