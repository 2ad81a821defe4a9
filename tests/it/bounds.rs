//! Nobody's input costs others more than its share. Time and memory are limits that the kernel keeps for a child process: far
//! more than what is needed takes, unoptimised and on a busy machine, and far less than what grows with the square.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::bare_repository::BareRepository;
use crate::support::registry::Registry;

/// What a child may have.
struct Limits {
    /// Seconds of CPU.
    cpu: u32,
    /// MiB of address space.
    memory: u32,
}

/// Runs the binary in `directory` within `limits`: the shell sets them for itself and becomes the binary.
fn within(limits: &Limits, directory: &Path, args: &[&str]) -> Output {
    let Limits { cpu, memory } = limits;
    let script =
        format!("ulimit -c 0 && ulimit -t {cpu} && ulimit -v {} && exec \"$0\" \"$@\"", memory << 10);
    let binary = std::env::var("TAGPIN_TEST_BINARY").unwrap_or(env!("CARGO_BIN_EXE_tagpin").to_owned());
    let mut command = Command::new("sh");
    command.args(["-c", &script, &binary]).args(args).current_dir(directory);
    command.env_clear().env("HOME", directory).stdin(Stdio::null()).output().unwrap()
}

/// Returns the exit code, or what ended the process instead.
fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}: {}", output.status, tail(&output.stderr)))
}

fn tail(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2000)..]).into_owned()
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    directory
}

/// Returns the exit code of the binary in `directory` where its data, stacks aside, may have so many MiB.
fn within_data(data: u64, directory: &Path, args: &[&str]) -> (i32, Output) {
    let script = format!("ulimit -c 0 && ulimit -d {} && exec \"$0\" \"$@\"", data << 10);
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_tagpin")]).args(args).current_dir(directory);
    let output = command.env_clear().env("HOME", directory).stdin(Stdio::null()).output().unwrap();
    (code(&output), output)
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_stream_of_documents_takes_three_times_its_bytes_and_some() {
    let pod = |i: usize| {
        let variables: String = (0..16)
            .map(|v| format!("        - name: VARIABLE_{v}\n          value: \"the value of {v}\"\n"))
            .collect();
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a{i}\nspec:\n  containers:\n    - name: c\n      image: \
             ghcr.io/acme/a{i}:1.{i}\n      env:\n{variables}"
        )
    };
    let mut text = String::new();
    for i in 0.. {
        text.push_str(&pod(i));
        if text.len() > 10 << 20 {
            break;
        }
    }
    let directory = directory(&[("a.yaml", &text)]);
    let most = 3 * (text.len() as u64 >> 20) + 64;
    for (args, expected) in [(&["list"][..], 0), (&["check"], 1)] {
        let (code, output) = within_data(most, directory.path(), args);
        assert_eq!(code, expected, "{args:?} within {most} MiB: {}", tail(&output.stderr));
    }
}

/// A repository with many images in one file: 256 KiB of it.
fn quarter_of_a_megabyte(registry: &str) -> String {
    let variables: String = (0..100)
        .map(|v| format!("        - name: VARIABLE_{v}\n          value: \"the value of {v}, with some more text behind it\"\n"))
        .collect();
    let pod = |i: usize| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a{i}\nspec:\n  containers:\n    - name: c\n      image: \
             {registry}/acme/a:{i}\n      env:\n{variables}"
        )
    };
    let number = (256 << 10) / pod(0).len();
    (0..number).map(pod).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_a_hundred_repositories_has_the_memory_of_a_run_over_one() {
    let registry = Registry::start().await;
    (0..100).for_each(|i| {
        registry.put_index("acme/a", &i.to_string(), &["linux/amd64"], &i.to_string());
    });
    let host = registry.host();
    let directory = directory(&[]);
    let text = quarter_of_a_megabyte(&host);
    for i in 0..100 {
        BareRepository::create(&directory.path().join(format!("{i}.git"))).seed(&[("a.yaml", &text)]);
    }
    // One takes 28. What the C library keeps of ended threads is 40 at most, and what is read of a
    // hundred repositories 26 before it is parsed.
    const DATA: u64 = 64;
    for number in [1, 10, 100] {
        let cache = format!("cache-dir = \"{}/cache{number}\"\n", directory.path().display());
        let known = format!("[[registry]]\nprefix = \"{host}\"\ninsecure = true\n");
        let one = |i| format!("[[repository]]\nurl = \"{}/{i}.git\"\n", directory.path().display());
        let all: String = (0..number).map(one).collect();
        let config = format!("{cache}[forge]\nkind = \"none\"\n[run]\nconcurrency = 1\n{known}{all}");
        fs_err::write(directory.path().join("bot.toml"), config).unwrap();
        let args = ["run", "--dry-run", "--config", "bot.toml"];
        let (code, output) = within_data(DATA, directory.path(), &args);
        assert_eq!(code, 0, "{number} within {DATA} MiB: {}", tail(&output.stderr));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.matches(".git: 1 file would change").count(), number, "{told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn one_document_of_ten_megabytes_takes_a_known_number_of_its_bytes() {
    const SIZE: usize = 10 << 20;
    let image = |i: usize| format!("ghcr.io/acme/a{i}:1.{i}");
    let yaml = |i| {
        format!(
            "  - apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: a{i}\n    spec:\n      template:\n        \
             spec:\n          containers:\n            - name: c\n              image: {}\n",
            image(i)
        )
    };
    let json = |i| {
        format!(
            "{{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{{\"name\":\"a{i}\"}},\"spec\":{{\"template\":{{\
             \"spec\":{{\"containers\":[{{\"name\":\"c\",\"image\":\"{}\"}}]}}}}}}}},",
            image(i)
        )
    };
    let list = |item: &dyn Fn(usize) -> String, head: &str| {
        let mut text = head.to_owned();
        for i in 0.. {
            if text.len() >= SIZE {
                break;
            }
            text.push_str(&item(i));
        }
        text
    };
    let json = list(&json, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
    let json = json.trim_end_matches(',').to_owned() + "]}";
    let yaml = list(&yaml, "apiVersion: v1\nkind: List\nitems:\n");
    for (name, text, each) in [("a.yaml", yaml, 30), ("a.json", json, 20)] {
        let directory = directory(&[(name, &text)]);
        let most = each * (text.len() as u64 >> 20) + 64;
        let (code, output) = within_data(most, directory.path(), &["check"]);
        assert_eq!(code, 1, "{name} within {most} MiB: {}", tail(&output.stderr));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn one_document_of_ten_megabytes_is_pinned_in_twenty_times_its_bytes() {
    let registry = Registry::start().await;
    let host = registry.host();
    let item = |i: usize| match i % 1_000 {
        0 => {
            registry.put_index("acme/a", &i.to_string(), &["linux/amd64"], "a");
            format!(
                "- apiVersion: v1\n  kind: Pod\n  metadata: {{name: a{i}}}\n  spec:\n    containers:\n    - {{name: c, image: \
                 '{host}/acme/a:{i}'}}\n"
            )
        }
        _ => format!(
            "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c{i}\n  data:\n    one: \"the value of {i}\"\n    \
             two: something else\n    three: \"3\"\n"
        ),
    };
    let mut text = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
    for i in 0.. {
        if text.len() >= 10 << 20 {
            break;
        }
        text.push_str(&item(i));
    }
    let settings = format!("[[registry]]\nprefix = \"{host}\"\ninsecure = true\n");
    let directory = directory(&[("a.yaml", &text), ("bot.toml", &settings)]);
    let most = 20 * (text.len() as u64 >> 20) + 64;
    let (code, output) = within_data(most, directory.path(), &["pin", "--config", "bot.toml", "a.yaml"]);
    assert_eq!(code, 0, "within {most} MiB: {}", tail(&output.stderr));
    let after = fs_err::read_to_string(directory.path().join("a.yaml")).unwrap();
    assert_eq!(after.matches("@sha256:").count(), after.matches("image: ").count());
}

/// A list of pods on one line.
fn one_line(pods: usize) -> String {
    let pod = |i| {
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"a{i}\"}},\"spec\":{{\"containers\":[{{\
             \"name\":\"c\",\"image\":\"ghcr.io/acme/a{i}:1\"}}]}}}}"
        )
    };
    let pods: Vec<String> = (0..pods).map(pod).collect();
    format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}", pods.join(","))
}

#[test]
fn findings_in_a_file_of_one_line_cost_what_they_cost_on_lines_of_their_own() {
    let directory = directory(&[("a.json", &one_line(12_000))]);
    let checked = within(&Limits { cpu: 60, memory: 2048 }, directory.path(), &["check"]);
    assert_eq!(code(&checked), 1, "{}", tail(&checked.stderr));
    let told = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(told.matches("floating-tag").count(), 12_000);
    assert_eq!(told.lines().filter(|line| line.ends_with("^^^^")).count(), 12_000, "each is underlined");
}

#[test]
fn thousands_of_holds_and_rules_of_a_repository_cost_what_they_are_and_not_what_they_are_times_images() {
    const HOLDS: usize = 5_000;
    let pods = (0..2_000).fold(String::new(), |text, i| {
        text + &format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a{i}}}\nspec: {{containers: [{{name: c, image: 'ghcr.io/acme/a{i}:1'}}]}}\n")
    });
    let entries = |head: &str, tail: &str| {
        (0..HOLDS).fold(String::new(), |text, i| text + &format!("[[{head}]]\npaths=['p{i}/**']\n{tail}\n"))
    };
    for (settings, args, code_of_all) in [
        (entries("hold", "reason='x'"), &["list"][..], 0),
        (entries("check.rule", "level='note'"), &["check"], 1),
    ] {
        let directory = directory(&[("tagpin.toml", &settings), ("a.yaml", &pods)]);
        let output = within(&Limits { cpu: 30, memory: 2048 }, directory.path(), args);
        assert_eq!(code(&output), code_of_all, "{args:?}: {}", tail(&output.stderr));
    }
}

/// Makes a bare repository of some hundred kilobytes whose one commit has a million files with long paths: its trees name
/// each other again and again.
fn million_paths(path: &Path) {
    let git = git2::Repository::init_bare(path).unwrap();
    let mut id = git.blob(b"image: a:1\n").unwrap();
    for level in 0..3 {
        let mut tree = git.treebuilder(None).unwrap();
        for number in 0..100 {
            let mode = if level == 0 { 0o100_644 } else { 0o040_000 };
            tree.insert(format!("{number:03}{}.yaml", "x".repeat(240)), id, mode).unwrap();
        }
        id = tree.write().unwrap();
    }
    let tree = git.find_tree(id).unwrap();
    let author = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
    git.commit(Some("refs/heads/main"), &author, &author, "all of it", &tree, &[]).unwrap();
    git.set_head("refs/heads/main").unwrap();
}

#[test]
fn a_million_long_paths_are_the_end_of_their_own_repository_alone() {
    let directory = directory(&[]);
    let [bad, good] = ["bad.git", "good.git"].map(|name| directory.path().join(name));
    million_paths(&bad);
    BareRepository::create(&good).seed(&[("a.yaml", "a: b\n")]);
    let repository = |path: &Path| format!("[[repository]]\nurl = \"{}\"\n", path.display());
    let cache = format!("cache-dir = \"{}/cache\"\n", directory.path().display());
    let config = format!("{cache}[forge]\nkind = \"none\"\n{}{}", repository(&bad), repository(&good));
    fs_err::write(directory.path().join("bot.toml"), config).unwrap();
    let limits = Limits { cpu: 120, memory: 1536 };
    let ran = within(&limits, directory.path(), &["run", "--dry-run", "--config", "bot.toml"]);
    let (out, err) = (tail(&ran.stdout), tail(&ran.stderr));
    assert_eq!(code(&ran), 3, "{err}");
    assert!(err.contains("bad.git: failed: the repository has more than 134217728 bytes of paths"), "{err}");
    assert!(out.contains("good.git: nothing to change"), "{out}\n{err}");
}

/// What bears on how much a repository may cost, each as a repository would say it of itself.
const BOUNDS: [&str; 12] = [
    "[limits]\nentries = 1000000\n",
    "[limits]\npath-bytes = 134217728\n",
    "[limits]\ndocument-bytes = 1073741824\n",
    "[limits]\nnodes = 50000000\n",
    "[limits]\nimages = 200000\n",
    "[limits]\ncpu-time = \"1h\"\n",
    "[limits]\ntime = \"1h\"\n",
    "[run]\nconcurrency = 100\n",
    "[network]\nconcurrency = 100\n",
    "[network]\nimage-timeout = \"10m\"\n",
    "[serve]\nschedule = \"* * * * *\"\n",
    "[policy]\nexclude = []\n[limits]\nentries = 1000000\n",
];

#[test]
fn what_a_repository_says_of_its_own_bounds_is_the_end_of_it_alone() {
    let directory = directory(&[]);
    let repository = |name: &str, files: &[(&str, &str)]| {
        let path = directory.path().join(name);
        BareRepository::create(&path).seed(files);
        format!("[[repository]]\nurl = \"{}\"\n", path.display())
    };
    let small = [("a.yaml", "a: b\n")];
    let large: Vec<(String, &str)> = (0..5).map(|i| (format!("{i}.yaml"), "a: b\n")).collect();
    let mut all = repository("good.git", &small) + &repository("large.git", &borrowed(&large));
    for (index, own) in BOUNDS.iter().enumerate() {
        for (size, files) in [("small", &small[..]), ("large", &borrowed(&large)[..])] {
            let files = [files, &[(".tagpin.toml", own)]].concat();
            all.push_str(&repository(&format!("{size}{index}.git"), &files));
        }
    }
    let cache = format!("cache-dir = \"{}/cache\"\n", directory.path().display());
    let config = format!("{cache}[forge]\nkind = \"none\"\n[limits]\nentries = 4\n{all}");
    fs_err::write(directory.path().join("bot.toml"), config).unwrap();
    let limits = Limits { cpu: 60, memory: 2048 };
    let ran = within(&limits, directory.path(), &["run", "--dry-run", "--config", "bot.toml"]);
    let told = String::from_utf8([ran.stdout.as_slice(), &ran.stderr].concat()).unwrap();
    assert_eq!(code(&ran), 3, "{told}");
    assert!(told.contains("good.git: nothing to change"), "{told}");
    let failure = |name: &str| {
        let at = format!("{name}.git: failed: ");
        told.lines()
            .find_map(|line| Some(line.split_once(&at)?.1))
            .unwrap_or_else(|| panic!("{name}: {told}"))
    };
    assert!(failure("large").contains("more than 4 files and directories"), "{told}");
    for (index, own) in BOUNDS.iter().enumerate() {
        let [small, large] = ["small", "large"].map(|size| failure(&format!("{size}{index}")));
        assert!(small.contains("belongs into the file that is given with `--config`"), "{own}: {small}");
        assert!(large.contains("more than 4 files and directories"), "{own}: {large}");
    }
}

fn borrowed<'f>(files: &'f [(String, &'f str)]) -> Vec<(&'f str, &'f str)> {
    files.iter().map(|(path, text)| (path.as_str(), *text)).collect()
}
