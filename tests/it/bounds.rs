//! Nobody's input costs others more than its share. Time and memory are limits that the kernel keeps for a child process: far
//! more than what is needed takes, unoptimised and on a busy machine, and far less than what grows with the square.

use std::path::Path;
use std::process::{Command, Output, Stdio};

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
