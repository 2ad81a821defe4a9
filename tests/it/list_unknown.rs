//! `tagpin list --unknown`: what looks like an image is known once its answer is in the configuration.

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
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.current_dir(directory.path().join("work")).env_clear().env("HOME", directory.path());
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
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
    assert!(printed.ends_with("# acme/odd:1 at odd.yaml:1:14\n"), "{printed}");
    assert_eq!(states.iter().filter(|(_, state)| *state == "floating").count(), 9, "{states:?}\n{printed}");
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
