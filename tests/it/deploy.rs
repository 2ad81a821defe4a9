//! What `deploy/` holds: tagpin reads all of it, pods are restricted, and what a release fills in is filled in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::directory::copy;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn tagpin(directory: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.current_dir(directory).env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    let output = command.args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn images(directory: &Path) -> Vec<Value> {
    let (code, out) = tagpin(directory, &["list", "--format", "json"]);
    assert_eq!(code, 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    // What a template puts together stands in the values.
    let all = json["references"].as_array().unwrap().iter();
    all.filter(|image| image["reason"] != "template").cloned().collect()
}

#[test]
fn only_our_own_image_waits_for_its_digest() {
    let floating: Vec<_> = images(&deploy()).into_iter().filter(|image| image["state"] != "pinned").collect();
    for image in &floating {
        assert!(image["image"].as_str().unwrap().starts_with("ghcr.io/owner/tagpin"), "{image}");
    }
    let files: Vec<_> = floating.iter().map(|image| image["file"].as_str().unwrap()).collect();
    let expected =
        ["helm/tagpin/values.yaml", "kubernetes/cronjob/cronjob.yaml", "kubernetes/serve/deployment.yaml"];
    assert_eq!(files, expected);
}

#[test]
fn what_a_release_fills_in_passes_the_gate() {
    let directory = tempfile::tempdir().unwrap();
    copy(&deploy(), directory.path());
    assert_eq!(tagpin(directory.path(), &["check"]).0, 1, "before");
    let digest = format!("sha256:{}", "a".repeat(64));
    let fill = |arguments: [&str; 3]| {
        let mut command = Command::new("bash");
        let status =
            command.arg(directory.path().join("fill-image")).args(arguments).stderr(Stdio::null()).status();
        status.unwrap().code().unwrap()
    };
    if Command::new("bash").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: bash is not installed");
        return;
    }
    for refused in
        [["x y", "v1.2.3", &digest], ["ghcr.io/acme/tagpin", "1", &digest], ["a/b", "v1.2.3", "sha256:a"]]
    {
        assert_eq!(fill(refused), 2, "{refused:?}");
    }
    assert_eq!(fill(["ghcr.io/acme/tagpin", "v1.2.3", &digest]), 0);
    let (code, out) = tagpin(directory.path(), &["check"]);
    assert_eq!(code, 0, "{out}");
    let written = format!("ghcr.io/acme/tagpin:v1.2.3@{digest}");
    assert!(images(directory.path()).iter().all(|image| image["image"] == written.as_str()));
    let chart = fs_err::read_to_string(directory.path().join("helm/tagpin/Chart.yaml")).unwrap();
    assert!(chart.contains("\nversion: 1.2.3\nappVersion: v1.2.3\n"), "{chart}");
}

#[test]
fn pods_are_restricted() {
    // Pod Security Standards, "Restricted".
    for file in ["kubernetes/cronjob/cronjob.yaml", "kubernetes/serve/deployment.yaml"] {
        let object: Value =
            serde_yaml::from_str(&fs_err::read_to_string(deploy().join(file)).unwrap()).unwrap();
        let pod = match object["kind"].as_str() {
            Some("CronJob") => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
            _ => &object["spec"]["template"]["spec"],
        };
        let own = &pod["securityContext"];
        assert_eq!((&own["runAsNonRoot"], &own["runAsUser"]), (&true.into(), &65532.into()), "{file}");
        assert_eq!(own["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(pod["automountServiceAccountToken"], false);
        for container in pod["containers"].as_array().unwrap() {
            let own = &container["securityContext"];
            assert_eq!(own["allowPrivilegeEscalation"], false);
            assert_eq!(own["readOnlyRootFilesystem"], true);
            assert_eq!(own["capabilities"]["drop"], serde_json::json!(["ALL"]));
        }
    }
}

#[test]
fn the_configuration_and_the_values_are_right() {
    let (code, out) = tagpin(&deploy(), &["config", "check", "kubernetes/base/tagpin.toml"]);
    assert_eq!(code, 0, "{out}");
    let chart = deploy().join("helm/tagpin");
    let values: Value =
        serde_yaml::from_str(&fs_err::read_to_string(chart.join("values.yaml")).unwrap()).unwrap();
    let schema: Value =
        serde_json::from_str(&fs_err::read_to_string(chart.join("values.schema.json")).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    assert!(schema.is_valid(&values));
    for (pointer, wrong) in [("/mode", "daemon"), ("/image/digest", "sha256:abc"), ("/cache/size", "much")] {
        let mut values = values.clone();
        *values.pointer_mut(pointer).unwrap() = wrong.into();
        assert!(!schema.is_valid(&values), "{pointer}");
    }
    let mut more = values;
    more["modus"] = "serve".into();
    assert!(!schema.is_valid(&more));
}

/// Returns the files that the sources of the binary include, below the root; those of tests are no part of it.
fn included(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            included(&path, into);
            continue;
        }
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if is_test || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs_err::read_to_string(&path).unwrap();
        for name in text.split("include_str!(\"").skip(1) {
            let file = path.with_file_name(name.split('"').next().unwrap());
            into.push(fs_err::canonicalize(file).unwrap());
        }
    }
}

#[test]
fn the_image_is_built_from_all_that_the_sources_include() {
    let root = fs_err::canonicalize(env!("CARGO_MANIFEST_DIR")).unwrap();
    let text = |name: &str| fs_err::read_to_string(root.join(name)).unwrap();
    let (dockerfile, ignore) = (text("Dockerfile"), text(".dockerignore"));
    let mut files = Vec::new();
    included(&root.join("src"), &mut files);
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        let first = file.strip_prefix(&root).unwrap().iter().next().unwrap().to_str().unwrap();
        assert!(dockerfile.contains(&format!("COPY {first} {first}\n")), "{}", file.display());
        assert!(ignore.lines().any(|line| line == format!("!{first}")), "{}", file.display());
    }
}
