//! `tagpin list --unknown`: what looks like an image is known once its answer is in the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const FILES: [(&str, &str); 5] = [
    (
        "robots.yaml",
        "apiVersion: robots.acme.example/v1\nkind: Robot\nmetadata: {name: r}\nspec:\n  images: ['acme/a:1']\n  image: \
         {name: camera, tag: '3'}\nbody:\n  arms: [{image: 'acme/b:1'}, {image: 'acme/b:2'}]\n  a/b: {imageName: \
         'acme/c:1'}\n",
    ),
    (
        "config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {SIDECAR_IMAGE: 'acme/d:1'}\n",
    ),
    ("compose.yaml", "services: {web: {image: 'acme/web:1', x-debug: {debugImage: 'acme/e:1'}}}\n"),
    ("tool/[1].json", "{\"dockerImage\": \"acme/f:1\"}"),
    ("odd.yaml", "a=b: {image: 'acme/odd:1'}\n"),
];

fn tagpin(directory: &TempDir, args: &[&str]) -> String {
    let (code, out, err) = tagpin_in(&directory.path().join("work"), args);
    assert_eq!(code, 0, "{err}");
    out
}

fn tagpin_in(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    let output =
        command.current_dir(directory).env_clear().env("HOME", directory).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn scene() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = directory.path().join("work").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    directory
}

#[test]
fn what_it_prints_makes_every_place_known() {
    let directory = scene();
    let printed = tagpin(&directory, &["list", "--unknown"]);
    for line in [
        "[[location]]",
        "group = \"robots.acme.example\"",
        "kinds = [\"Robot\"]",
        "images = [\"/body/arms/[]/image\", \"/body/a~1b/imageName\", \"/spec/images/[]\"]",
        "fields = [\"/spec/image\"]",
        "format = \"compose\"",
        "images = [\"/data/SIDECAR_IMAGE\"]",
        "# acme/b:2 at robots.yaml:8:39",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
    let config = directory.path().join("bot.toml");
    fs_err::write(&config, &printed).unwrap();
    let config = config.to_str().unwrap();
    let listed = tagpin(&directory, &["list", "--format", "json", "--config", config]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let states = listed["references"].as_array().unwrap().iter();
    let states: Vec<(&str, &str)> = states
        .map(|row| {
            let state = row["reason"].as_str().or(row["state"].as_str());
            (row["image"].as_str().unwrap(), state.unwrap())
        })
        .collect();
    // No path can say where that stands: its comment remains.
    let unknown: Vec<_> = states.iter().filter(|(_, state)| *state == "unknown-location").collect();
    assert_eq!(unknown, [&("acme/odd:1", "unknown-location")], "{printed}");
    let why = "# Why: a key above it has characters that mean something in a path.\n# acme/odd:1 at odd.yaml:1:14\n";
    assert!(printed.ends_with(why), "{printed}");
    assert_eq!(states.iter().filter(|(_, state)| *state == "floating").count(), 9, "{states:?}\n{printed}");
}

/// Of all cases at once: what stands above an entry is known with it, and what no entry makes known is not.
#[test]
fn whatever_is_printed_of_any_format_works_when_it_is_pasted() {
    let scratch = tempfile::tempdir().unwrap();
    let config = scratch.path().join("bot.toml");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let names =
        fs_err::read_dir(&cases).unwrap().map(|case| case.unwrap().file_name().into_string().unwrap());
    let paths: BTreeSet<String> = names.map(|name| format!("{name}/before")).collect();
    let list = |args: &[&str]| {
        let paths = paths.iter().map(String::as_str).filter(|path| cases.join(path).is_dir());
        let (code, out, err) = tagpin_in(
            &cases,
            &["list"].into_iter().chain(args.iter().copied()).chain(paths).collect::<Vec<_>>(),
        );
        assert_eq!(code, 3, "some cases cannot be read: {err}");
        out
    };
    let printed = list(&["--unknown"]);
    fs_err::write(&config, &printed).unwrap();
    let listed = list(&["--format", "json", "--config", config.to_str().unwrap()]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let place = |row: &Value| format!("{}:{}:{}", row["file"].as_str().unwrap(), row["line"], row["column"]);
    let rows: BTreeMap<String, &Value> =
        listed["references"].as_array().unwrap().iter().map(|row| (place(row), row)).collect();
    let (mut formats, mut is_unsaid) = (BTreeSet::new(), false);
    for line in printed.lines() {
        is_unsaid |= line.starts_with("# No entry");
        let place = line.strip_prefix("# ").and_then(|line| line.rsplit_once(" at "));
        let Some(row) = place.map(|(_, place)| rows[place]) else { continue };
        assert_eq!(row["reason"] == "unknown-location", is_unsaid, "{row}\n{printed}");
        if !is_unsaid {
            formats.insert(row["format"].as_str().unwrap());
        }
    }
    for format in ["ansible", "compose", "github-actions", "kubernetes", "nomad", "own", "terraform"] {
        assert!(formats.contains(format), "{format}: {formats:?}");
    }
}

#[test]
fn where_all_is_known_there_is_nothing_to_paste() {
    let directory = tempfile::tempdir().unwrap();
    fs_err::create_dir(directory.path().join("work")).unwrap();
    let printed = tagpin(&directory, &["list", "--unknown"]);
    assert_eq!(printed, "");
}

/// Returns what is listed, as `image state`, with a reason in the place of `skipped`.
fn states(directory: &TempDir, config: &[&str]) -> Vec<String> {
    let listed = tagpin(directory, &[&["list", "--format", "json"], config].concat());
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let rows = listed["references"].as_array().unwrap().iter();
    rows.map(|row| {
        let state = row["reason"].as_str().or(row["state"].as_str()).unwrap();
        format!("{} {state}", row["image"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn what_an_entry_adds_takes_nothing_away() {
    let workflow = "on: push\njobs:\n  a:\n    runs-on: x\n    container: golang:1.23\n    steps:\n      - uses: acme/run@v1\n        \
                    with:\n          tool: ghcr.io/acme/tool:1\n";
    let patch = "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: acme/patched:1\n- op: add\n  path: \
                 /x\n  value: acme/x:1\n";
    for (file, text, line, known) in [
        (".github/workflows/ci.yml", workflow, 9, vec!["golang:1.23 floating"]),
        (
            "compose.yaml",
            "services:\n  a:\n    image: redis:7\n    labels: {side: 'ghcr.io/acme/side:1'}\n",
            4,
            vec!["redis:7 floating"],
        ),
        (
            "charts/a/values.yaml",
            "image: {repository: acme/a, tag: '1'}\nextra:\n  ref: ghcr.io/acme/b:1\n",
            3,
            vec!["acme/a:1 floating"],
        ),
        ("a/patch.yaml", patch, 6, vec!["acme/patched:1 floating"]),
        ("Dockerfile", "FROM nginx:1.27\nLABEL base=ghcr.io/acme/base:1\n", 2, vec!["nginx:1.27 floating"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("work").join(file);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        assert_eq!(states(&directory, &[]), known, "{file}");
        let place = format!("{file}:{line}");
        let explained = tagpin(&directory, &["explain", &place, "--format", "json"]);
        let explained: Value = serde_json::from_str(&explained).unwrap();
        let said = explained["seen"].as_array().unwrap().iter().find_map(|seen| seen["location"].as_str());
        // A language with places of its own may have none for another one.
        let name = path.file_name().unwrap().to_str().unwrap();
        let whole =
            format!("[[location]]\nformat = \"mine\"\nfiles = [\"{name}\"]\nimages = [\"/nowhere\"]\n");
        let config = directory.path().join("bot.toml");
        let config_of = |text: &str| fs_err::write(&config, text).unwrap();
        config_of(&whole);
        let config_args = ["--config", config.to_str().unwrap()];
        assert_eq!(states(&directory, &config_args), known, "{file}");
        let Some(said) = said else {
            assert_eq!(file, "Dockerfile", "{explained}");
            continue;
        };
        config_of(said);
        let now = states(&directory, &config_args);
        assert!(
            now.len() > known.len() && known.iter().all(|known| now.iter().any(|now| now == known)),
            "{file}: {now:?}\n{said}"
        );
    }
}

#[test]
fn explain_says_the_same() {
    let directory = scene();
    let printed = tagpin(&directory, &["list", "--unknown"]);
    let file = tagpin(&directory, &["explain", "tool/[1].json:1", "--format", "json"]);
    let compose = tagpin(&directory, &["explain", "compose.yaml:1", "--format", "json"]);
    for explained in [file, compose] {
        let explained: Value = serde_json::from_str(&explained).unwrap();
        let said =
            explained["references"].as_array().unwrap().iter().find_map(|row| row["location"].as_str());
        assert!(printed.contains(said.unwrap()), "{said:?}\n{printed}");
    }
}
