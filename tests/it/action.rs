//! The GitHub Action: what its scripts do, with programs in place of the network's.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_yaml::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns whether bash is there; says so where it is not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_bash() -> bool {
    let found = Command::new("bash").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: bash is not installed");
    }
    found
}

/// A copy of the Action, a release that `curl` downloads from, and what was called.
struct Scene {
    directory: tempfile::TempDir,
}

/// What the scripts use of the machine: they see nothing else, so that no `gh` of its own is asked.
const TOOLS: [&str; 15] = [
    "bash",
    "cat",
    "cp",
    "dirname",
    "env",
    "grep",
    "gzip",
    "mkdir",
    "mktemp",
    "rm",
    "sed",
    "sha256sum",
    "sort",
    "tail",
    "tar",
];

const ARCHIVE: &str = "tagpin-v1.2.3-x86_64-unknown-linux-gnu.tar.gz";

impl Scene {
    fn new() -> Self {
        let scene = Self { directory: tempfile::tempdir().unwrap() };
        for name in ["action/action", "action/.ci", "release", "programs"] {
            fs_err::create_dir_all(scene.path(name)).unwrap();
        }
        for name in ["action/checksums.txt", ".ci/action-checksums"] {
            fs_err::copy(root().join(name), scene.path("action").join(name)).unwrap();
        }
        for tool in TOOLS {
            let places =
                ["/usr/bin", "/bin", "/usr/local/bin"].map(|directory| Path::new(directory).join(tool));
            let place = places
                .iter()
                .find(|place| place.exists())
                .unwrap_or_else(|| panic!("{tool} is not installed"));
            std::os::unix::fs::symlink(place, scene.path("programs").join(tool)).unwrap();
        }
        // The last of curl's arguments is the address, and what follows --output the file.
        scene.program("curl", "while [ $# -gt 1 ]; do [ \"$1\" = --output ] && to=$2; shift; done\nexec cp \"$RELEASE/${1##*/}\" \"$to\"");
        scene.program("uname", "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac");
        scene.program("cargo", "echo \"cargo $* in $PWD\" >> \"$CALLED\"");
        for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
            scene.archive(&format!("tagpin-v1.2.3-{target}.tar.gz"), "the release");
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("programs").join(name);
        fs_err::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn gh(&self, works: bool) {
        self.program("gh", &format!("echo \"gh $*\" >> \"$CALLED\"\n{works}"));
    }

    /// Puts an archive with a `tagpin` that says something into the release.
    fn archive(&self, name: &str, says: &str) {
        let built = tempfile::tempdir().unwrap();
        fs_err::write(built.path().join("tagpin"), says).unwrap();
        let mut command = Command::new("tar");
        command.arg("--create").arg("--gzip").arg("--file").arg(self.path("release").join(name));
        assert!(command.arg("--directory").arg(built.path()).arg("tagpin").status().unwrap().success());
    }

    /// Writes the checksums of what is in the release now, as its workflow does.
    fn list(&self) {
        let mut command = Command::new("bash");
        command.arg(self.path("action/.ci/action-checksums")).arg("v1.2.3").arg(self.path("release"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs_err::write(self.path("action/action/checksums.txt"), output.stdout).unwrap();
    }

    /// Runs the install step: the exit code, what it said, and what would be run.
    fn install(&self, version: &str) -> (i32, String, Option<String>) {
        let script = install_step();
        fs_err::copy(root().join(".ci/install-for-action"), self.path("action/.ci/install-for-action"))
            .unwrap();
        let _ = fs_err::remove_file(self.path("output"));
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script]).env_clear();
        let output = command
            .env("PATH", self.path("programs"))
            .env("RELEASE", self.path("release"))
            .env("CALLED", self.path("called"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("TAGPIN_ACTION_PATH", self.path("action"))
            .env("TAGPIN_ACTION_REPOSITORY", "acme/tagpin")
            .env("TAGPIN_ACTION_ROOT", self.path("root"))
            .env("TAGPIN_ACTION_SERVER", "https://forge.example")
            .env("TAGPIN_ACTION_VERSION", version)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let outputs = fs_err::read_to_string(self.path("output")).ok();
        let binary = outputs.map(|text| PathBuf::from(text.trim().strip_prefix("binary=").unwrap()));
        let binary = binary.map(|path| fs_err::read_to_string(path).unwrap_or_default());
        (output.status.code().unwrap(), said, binary)
    }

    fn called(&self) -> String {
        fs_err::read_to_string(self.path("called")).unwrap_or_default()
    }
}

fn action() -> Value {
    serde_yaml::from_str(&fs_err::read_to_string(root().join("action.yml")).unwrap()).unwrap()
}

fn step(id: &str) -> Value {
    let action = action();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    steps.iter().find(|step| step["id"] == *id).unwrap().clone()
}

fn install_step() -> String {
    step("install")["run"].as_str().unwrap().to_owned()
}

#[test]
fn every_input_is_documented() {
    let page = include_str!("../../docs/github-action.md");
    for (input, _) in action()["inputs"].as_mapping().unwrap() {
        let input = input.as_str().unwrap();
        assert!(page.contains(&format!("| `{input}` | ")), "{input}");
    }
    for (input, flag) in
        [("baseline", "--baseline="), ("strict", "--strict"), ("expect-images", "--expect-images=")]
    {
        let step = step("check");
        let name = format!("TAGPIN_ACTION_{}", input.to_uppercase().replace('-', "_"));
        assert_eq!(step["env"][name.as_str()], format!("${{{{ inputs.{input} }}}}").as_str());
        assert!(step["run"].as_str().unwrap().contains(flag), "{input}");
    }
}

#[test]
fn a_listed_release_runs_where_its_checksum_is_right() {
    if !has_bash() {
        return;
    }
    let scene = Scene::new();
    scene.list();
    for version in ["", "v1.2.3"] {
        let (code, said, binary) = scene.install(version);
        assert_eq!((code, binary.as_deref()), (0, Some("the release")), "{said}");
    }
    assert_eq!(scene.called(), "");
}

#[test]
fn a_release_that_was_changed_does_not_run() {
    if !has_bash() {
        return;
    }
    let scene = Scene::new();
    scene.list();
    scene.archive(ARCHIVE, "somebody else's");
    // An attestation does not make good for a checksum.
    scene.gh(true);
    let (code, said, binary) = scene.install("v1.2.3");
    assert_eq!((code, binary), (2, None), "{said}");
    assert!(said.contains("is not what action/checksums.txt says"), "{said}");
    assert!(!scene.path("root/bin/tagpin").exists());
    assert_eq!(scene.called(), "");
}

#[test]
fn a_release_without_a_checksum_needs_its_attestation() {
    if !has_bash() {
        return;
    }
    let scene = Scene::new();
    scene.list();
    let other = ARCHIVE.replace("v1.2.3", "v1.2.4");
    scene.archive(&other, "the next release");
    let (code, said, binary) = scene.install("v1.2.4");
    assert_eq!((code, binary), (2, None), "{said}");
    assert!(said.contains(&format!("has no checksum of {other} (it has v1.2.3)")), "{said}");
    scene.gh(false);
    let (code, said, binary) = scene.install("v1.2.4");
    assert_eq!((code, binary), (2, None), "{said}");
    assert!(said.contains("its attestation could not be verified"), "{said}");
    scene.gh(true);
    let (code, said, binary) = scene.install("v1.2.4");
    assert_eq!((code, binary.as_deref()), (0, Some("the next release")), "{said}");
    let identity =
        "--cert-identity https://forge.example/acme/tagpin/.github/workflows/release.yaml@refs/tags/v1.2.4";
    assert!(scene.called().contains(identity), "{}", scene.called());
    assert!(scene.called().contains("--repo acme/tagpin --deny-self-hosted-runners"), "{}", scene.called());
}

#[test]
fn a_line_of_another_platform_or_name_is_no_checksum() {
    if !has_bash() {
        return;
    }
    let scene = Scene::new();
    scene.list();
    let file = scene.path("action/action/checksums.txt");
    let text = fs_err::read_to_string(&file).unwrap();
    let all: Vec<&str> = text.lines().filter(|line| !line.contains("x86_64")).collect();
    // A dot of the name is a dot, and the name is the whole name.
    let near = text.lines().find(|line| line.contains("x86_64")).unwrap();
    for line in [
        near.replace("v1.2.3", "v1x2.3"),
        near.replace("  ", "  x"),
        format!("{near}x"),
        near[1..].to_owned(),
    ] {
        fs_err::write(&file, format!("{}\n{line}\n", all.join("\n"))).unwrap();
        let (code, said, binary) = scene.install("v1.2.3");
        assert_eq!((code, binary), (2, None), "{line}: {said}");
        assert!(said.contains("has no checksum of"), "{said}");
    }
}

#[test]
fn the_own_source_is_built_where_nothing_is_listed_or_it_is_asked_for() {
    if !has_bash() {
        return;
    }
    let scene = Scene::new();
    assert_eq!(scene.install("").0, 0);
    scene.list();
    assert_eq!(scene.install("source").0, 0);
    // What a checkout says of toolchains and of cargo is for whoever starts there.
    let built = format!(
        "cargo install --locked --profile dist --path . --root {} in {}",
        scene.path("root").display(),
        scene.path("action").display()
    );
    assert_eq!(scene.called().matches(&built).count(), 2, "{}", scene.called());
    for version in ["v1.2", "main", "v1.2.3/../../x", "v1.2.3\nv1.2.4"] {
        let (code, said, binary) = scene.install(version);
        assert_eq!((code, binary), (2, None), "{version}: {said}");
    }
}

#[test]
fn checksums_are_of_every_platform_or_none() {
    if !has_bash() {
        return;
    }
    let scene = Scene::new();
    fs_err::remove_file(scene.path("release").join(ARCHIVE)).unwrap();
    let mut command = Command::new("bash");
    command.arg(root().join(".ci/action-checksums")).arg("v1.2.3").arg(scene.path("release"));
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()));
}

/// The workflow tags the Action last: behind what it built, attested and published.
#[test]
fn a_release_tags_the_action_behind_its_checksums() {
    let text = fs_err::read_to_string(root().join(".github/workflows/release.yaml")).unwrap();
    let workflow: Value = serde_yaml::from_str(&text).unwrap();
    let job = &workflow["jobs"]["action"];
    assert_eq!(job["needs"], serde_yaml::from_str::<Value>("[binary, publish]").unwrap());
    let steps: Vec<&str> =
        job["steps"].as_sequence().unwrap().iter().filter_map(|step| step["run"].as_str()).collect();
    let script = steps.join("\n");
    let order = ["gh attestation verify", ".ci/action-checksums", "git commit", "git tag \"action-"];
    let found: Vec<_> = order.iter().map(|words| script.find(words).unwrap()).collect();
    assert!(found.is_sorted(), "{found:?}");
}

/// Returns the arguments that the step `check` runs the program with.
fn check_with(inputs: &[(&str, &str)]) -> Vec<String> {
    let here = tempfile::tempdir().unwrap();
    let (program, arguments) = (here.path().join("tagpin"), here.path().join("arguments"));
    fs_err::write(
        &program,
        format!("#!/usr/bin/env bash\nprintf '%s\\n' \"$@\" > {}\n", arguments.display()),
    )
    .unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (action, step) = (action(), step("check"));
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().unwrap()])
        .env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GITHUB_OUTPUT", here.path().join("output"));
    for (name, value) in step["env"].as_mapping().unwrap() {
        let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
        let input = value.strip_prefix("${{ inputs.").map(|input| input.trim_end_matches(" }}"));
        let default = |input: &str| action["inputs"][input]["default"].as_str().unwrap().to_owned();
        let given = |input: &str| {
            inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| (*value).to_owned())
        };
        let value = input.map_or_else(
            || program.display().to_string(),
            |input| given(input).unwrap_or_else(|| default(input)),
        );
        command.env(name, value);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let arguments = fs_err::read_to_string(arguments).unwrap();
    arguments.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn inputs_become_arguments() {
    if !has_bash() {
        return;
    }
    assert_eq!(check_with(&[]), ["check", "--format", "github", "--"]);
    assert_eq!(check_with(&[("paths", "a\n-b c\n")]), ["check", "--format", "github", "--", "a", "-b c"]);
    assert_eq!(
        check_with(&[("rendered", "-x $(id).yaml"), ("against", "prod")]),
        ["check", "--format", "github", "--rendered=-x $(id).yaml", "--against=prod", "--"]
    );
    assert_eq!(
        check_with(&[("rendered", "out.yaml")]),
        ["check", "--format", "github", "--rendered=out.yaml", "--against=.", "--"]
    );
}

/// What an input says must never be read as a part of a script.
#[test]
fn scripts_take_nothing_but_the_environment() {
    let action = action();
    for step in action["runs"]["steps"].as_sequence().unwrap() {
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step:?}");
    }
}
