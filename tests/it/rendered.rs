//! `check --rendered`: the cases of `fixtures/rendered`, every output, and what kustomize itself prints.
//!
//! A case has `stream.yaml`, which the command reads on standard input, `expected.txt` with the exit code and both outputs,
//! and where it needs them `config.toml` and `tree/`, the sources to compare with.
//! `TAGPIN_BLESS=1 cargo test --test it rendered::` writes what is said now: read the difference before you commit it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::directory::{copy, sorted};

const PIN: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in a directory with a stream on standard input.
fn tagpin(directory: &Path, args: &[&str], stream: &[u8]) -> Said {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, stream).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.current_dir(directory).env_clear().env("HOME", "/nonexistent").stdin(Stdio::from(file));
    let output = command.arg("check").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn every_case_is_as_it_should_be() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rendered");
    let mut failures = String::new();
    for case in sorted(&cases) {
        let work = tempfile::tempdir().unwrap();
        let mut args = vec!["--rendered", "-"];
        if case.join("tree").is_dir() {
            copy(&case.join("tree"), work.path());
            args.extend(["--against", "."]);
        }
        let config = case.join("config.toml");
        if config.is_file() {
            args.extend(["--config", config.to_str().unwrap()]);
        }
        let Said { code, out, err } =
            tagpin(work.path(), &args, &fs_err::read(case.join("stream.yaml")).unwrap());
        let said = format!("exit {code}\n\n{out}\n{err}");
        let expected = case.join("expected.txt");
        if std::env::var_os("TAGPIN_BLESS").is_some() {
            fs_err::write(&expected, &said).unwrap();
        }
        let expected = fs_err::read_to_string(&expected).unwrap_or_default();
        if expected != said {
            let _ = writeln!(failures, "{}: expected:\n{expected}\nfound:\n{said}", case.display());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// A pod with a container, an init container, a debugging one and an image volume.
fn pod(name: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers: [{{name: a, image: {image}}}]\n"
    )
}

#[test]
fn every_output_has_the_finding_at_its_source() {
    let here = tempfile::tempdir().unwrap();
    fs_err::create_dir(here.path().join("apps")).unwrap();
    fs_err::write(here.path().join("apps/pod.yaml"), format!("# sources\n{}", pod("a", "nginx:1.27")))
        .unwrap();
    let stream = format!("{}---\n{}", pod("a", "nginx:1.27"), pod("b", "redis:8"));
    let args = [
        "--rendered",
        "-",
        "--against",
        "apps",
        "--output",
        "sarif=s",
        "--output",
        "junit=j",
        "--output",
        "github=g",
    ];
    let said = tagpin(here.path(), &[&args[..], &["--format", "json"]].concat(), stream.as_bytes());
    assert_eq!(said.code, 1, "{}", said.err);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../schema/report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    assert!(schema.is_valid(&json), "{}", said.out);
    let [first, second] = json["findings"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(
        (&first["rule"], &first["file"], &first["line"]),
        (&"floating-tag".into(), &"<stdin>".into(), &5.into())
    );
    assert_eq!(first["rendered"]["runs_in"], "Pod a, container a");
    assert_eq!(first["rendered"]["sources"][0]["file"], "apps/pod.yaml");
    assert_eq!(first["rendered"]["sources"][0]["line"], 6);
    assert_eq!(first["fix"], "tagpin pin apps/pod.yaml");
    assert_eq!((&second["line"], &second["rendered"]["source_count"]), (&11.into(), &0.into()));
    let read = |name: &str| fs_err::read_to_string(here.path().join(name)).unwrap();
    let sarif: Value = serde_json::from_str(&read("s")).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
        (&"apps/pod.yaml".into(), &6.into())
    );
    assert!(read("g").contains("::error file=apps/pod.yaml,line=6,"), "{}", read("g"));
    assert!(read("j").contains("failures=\"2\""), "{}", read("j"));
}

#[test]
fn a_baseline_knows_an_image_in_its_object_only() {
    let here = tempfile::tempdir().unwrap();
    let baseline = ["--rendered", "-", "--baseline", "b.json"];
    let write = [&baseline[..], &["--write-baseline"]].concat();
    assert_eq!(tagpin(here.path(), &write, pod("staging", "nginx:1").as_bytes()).code, 0);
    assert_eq!(tagpin(here.path(), &baseline, pod("staging", "nginx:1").as_bytes()).code, 0);
    assert_eq!(tagpin(here.path(), &baseline, pod("production", "nginx:1").as_bytes()).code, 1);
}

#[test]
fn what_cannot_be_combined_or_read_is_refused() {
    let here = tempfile::tempdir().unwrap();
    for args in [
        &["--rendered", "-", "apps"][..],
        &["--rendered", "-", "--online"],
        &["--rendered", "-", "--fix"],
        &["--rendered", "-", "--changed-since", "main"],
        &["--against", "."],
        &["--rendered", "absent.yaml"],
        &["--rendered", "-", "--against", "absent"],
    ] {
        let said = tagpin(here.path(), args, b"");
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{args:?}: {}", said.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_may_be_named() {
    let here = tempfile::tempdir().unwrap();
    for name in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let said = tagpin(here.path(), &["--rendered", name], pod("a", "nginx:1").as_bytes());
        assert_eq!(said.code, 1, "{name}: {}", said.err);
        assert!(said.out.starts_with(&format!("{name}:")), "{}", said.out);
    }
}

#[test]
fn bytes_that_are_no_text_are_incomplete() {
    let here = tempfile::tempdir().unwrap();
    let latin = [pod("a", "nginx:1").as_bytes(), b"# \xe9\n"].concat();
    let wide: Vec<u8> = pod("a", "nginx:1").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = [&[0xff, 0xfe][..], &wide].concat();
    for stream in [&latin[..], &wide, b"\0", b"{\"kind\": \"Pod\"", b"null", b"[]"] {
        let said = tagpin(here.path(), &["--rendered", "-"], stream);
        assert_eq!(said.code, 3, "{stream:?}: {}{}", said.out, said.err);
    }
}

/// Streams that deploy an image under another spelling than the usual one.
#[test]
fn no_spelling_hides_an_image() {
    let here = tempfile::tempdir().unwrap();
    let good = pod("a", &format!("nginx:1@{PIN}"));
    let deep = format!(
        "{{\"{}\": 1, {}",
        "k".repeat(1100),
        r#""apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x:1"}]}}"#
    );
    for stream in [
        pod("a", "nginx:1").replace("image:", "\"im\\u0061ge\":"),
        pod("a", "nginx:1").replace("containers:", "? containers\n  :"),
        pod("a", "nginx:1").replace('\n', "\r\n"),
        pod("a", "nginx:1").replace('\n', "\r"),
        format!("\u{feff}{}", pod("a", "nginx:1")),
        format!("{good}...\n---\n{}", pod("a", "nginx:1")),
        format!("%YAML 1.1\n---\n{}", pod("a", "nginx:1")),
        format!("{good}--- # next\n{}", pod("a", "nginx:1")),
        format!("{good}--- {{apiVersion: v1, kind: Pod, spec: {{containers: [{{image: x}}]}}}}\n"),
        format!("{good}---\n{}", good.replace("spec:", "status: &s").replace("Pod", "Pod\nspec: *s")),
        format!("{good}# tagpin: ignore\n---\n{}", pod("a", "nginx:1 # tagpin: ignore")),
        r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x@sha256:1","image":"x:1"}]}}"#.to_owned(),
        r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x:1","name":"\ud800"}]}}"#.to_owned(),
        r#"{"apiVersion":"v1","kind":"Pod"}{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x:1"}]}}"#.to_owned(),
        deep,
    ] {
        let said = tagpin(here.path(), &["--rendered", "-"], stream.as_bytes());
        assert!(matches!(said.code, 1 | 3), "{stream}\n{}{}", said.out, said.err);
    }
    assert_eq!(tagpin(here.path(), &["--rendered", "-"], good.as_bytes()).code, 0);
}

#[test]
fn a_large_stream_takes_linear_time() {
    let here = tempfile::tempdir().unwrap();
    let time = |number: usize| {
        let stream: String =
            (0..number).map(|i| format!("---\n{}", pod(&format!("p{i}"), "nginx:1"))).collect();
        let one_line: Vec<String> = (0..number)
            .map(|i| format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"p{i}\"}},\"spec\":{{\"containers\":[{{\"image\":\"nginx:1\"}}]}}}}"))
            .collect();
        let list = format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}", one_line.join(","));
        let start = Instant::now();
        assert_eq!(tagpin(here.path(), &["--rendered", "-", "--format", "json"], stream.as_bytes()).code, 1);
        assert_eq!(tagpin(here.path(), &["--rendered", "-", "--format", "json"], list.as_bytes()).code, 1);
        start.elapsed()
    };
    let (small, large) = (time(2_000), time(8_000));
    // Four times as much; the rest is what else the machine does.
    assert!(large < small * 12 + Duration::from_secs(2), "{small:?}, {large:?}");
}

#[test]
fn what_kustomize_prints_is_judged() {
    if Command::new("kubectl")
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_err()
    {
        eprintln!("skipped: kubectl is not installed");
        return;
    }
    let here = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs_err::create_dir_all(here.path().join(name).parent().unwrap()).unwrap();
        fs_err::write(here.path().join(name), text).unwrap();
    };
    // The base is pinned, and what the overlay does with it is not what a reader of files expects.
    write("base/pod.yaml", &pod("a", &format!("nginx:1.27@{PIN}")));
    write("base/other.txt", &pod("b", &format!("redis:8@{PIN}")));
    write("base/kustomization.yaml", "resources: [pod.yaml, other.txt]\n");
    write(
        "prod/kustomization.yaml",
        "resources: [../base]\nbuildMetadata: [originAnnotations]\nimages: [{name: nginx, newTag: '1.28'}]\npatches:\n- patch: |-\n    - {op: copy, from: /metadata/name, path: /spec/containers/0/image}\n  target: {name: b}\n",
    );
    let built =
        Command::new("kubectl").args(["kustomize", "prod"]).current_dir(here.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let said = tagpin(here.path(), &["--rendered", "-", "--against", "."], &built.stdout);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("`nginx:1.28` has a tag and no digest"), "{}", said.out);
    assert!(said.out.contains("from prod/kustomization.yaml:3"), "{}", said.out);
    assert!(said.out.contains("`b` has no tag and no digest"), "{}", said.out);
    write("prod/kustomization.yaml", "resources: [../base]\n");
    let built =
        Command::new("kubectl").args(["kustomize", "prod"]).current_dir(here.path()).output().unwrap();
    let said = tagpin(here.path(), &["--rendered", "-", "--against", "."], &built.stdout);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
}
