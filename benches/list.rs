//! How fast `tagpin list` reads a large tree, beside `rg -c image` and beside a bare parse of the same files.
//!
//! `cargo bench --bench list -- DIRECTORY` copies the directory until there are 100 MB; without one, or with
//! `TAGPIN_BENCH_DIRECTORY` unset, the bench writes files of its own. Each program runs several times; the best counts.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and fails loudly")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::is_candidate;
use tagpin::manifest::syntax::yaml;

/// The least that is read, in bytes.
const SIZE: u64 = 100 * 1024 * 1024;

/// How often each program runs.
const ROUNDS: usize = 3;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let given = given.or_else(|| std::env::var("TAGPIN_BENCH_DIRECTORY").ok()).map(PathBuf::from);
    let work = tempfile::tempdir().unwrap();
    let files = given.map_or_else(generated, |directory| read_all(&directory));
    let (mut size, mut copies) = (0, 0);
    while size < SIZE {
        for (path, bytes) in &files {
            let path = work.path().join(format!("copy{copies}")).join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
            size += bytes.len() as u64;
        }
        copies += 1;
    }
    println!("{} files, {} MB", files.len() * copies, size >> 20);

    let mut list = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    list.args(["list", "--format", "json", "--quiet", "."]);
    let tagpin = best(&mut list, work.path());
    report("tagpin list", size, tagpin);
    let mut search = Command::new("rg");
    search.args(["--count", "--no-ignore", "image", "."]);
    if Command::new("rg").arg("--version").stdout(Stdio::null()).status().is_ok() {
        let rg = best(&mut search, work.path());
        report("rg -c image", size, rg);
        println!("tagpin list takes {:.1} times as long", tagpin.0.as_secs_f64() / rg.0.as_secs_f64());
    } else {
        println!("skipped: rg is not installed");
    }
    for (name, filtered) in [("parse, one thread", false), ("the same, after the prefilter", true)] {
        let start = Instant::now();
        let mut nodes = 0;
        for _ in 0..copies {
            for (path, bytes) in &files {
                let wanted = is_candidate(path) && (!filtered || BUILT_IN.may_hold_images(bytes));
                if let Some(text) = std::str::from_utf8(bytes).ok().filter(|_| wanted) {
                    nodes += yaml::parse(text).nodes.len();
                }
            }
        }
        report(name, size, (start.elapsed(), 0));
        assert!(nodes > 0);
    }
    let start = Instant::now();
    let kept = files.iter().filter(|(_, bytes)| BUILT_IN.may_hold_images(bytes)).count();
    report("the prefilter alone", size / copies as u64, (start.elapsed(), 0));
    println!("the prefilter keeps {kept} of {} files", files.len());
}

fn report(name: &str, size: u64, (time, memory): (Duration, u64)) {
    let rate = size as f64 / 1e6 / time.as_secs_f64();
    let memory = if memory > 0 { format!(", {} MB at most", memory >> 10) } else { String::new() };
    println!("{name}: {:.2} s, {rate:.0} MB/s{memory}", time.as_secs_f64());
}

/// Returns the shortest time and the most memory, in KiB, of several runs.
fn best(command: &mut Command, directory: &Path) -> (Duration, u64) {
    let runs = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let mut child =
            command.current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut memory = 0;
        while child.try_wait().unwrap().is_none() {
            memory = memory.max(peak_memory(child.id()));
            std::thread::sleep(Duration::from_millis(2));
        }
        (start.elapsed(), memory)
    });
    runs.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap()
}

/// Returns the peak resident memory of a process in KiB; 0 where the system does not say.
fn peak_memory(process: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default()
}

fn read_all(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut open = vec![directory.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = open.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path().strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                files.push((path, fs_err::read(entry.path()).unwrap()));
            }
        }
    }
    files
}

/// Workloads, and as much configuration that names no image.
fn generated() -> Vec<(String, Vec<u8>)> {
    let workload = |i: usize| {
        let mut text = String::new();
        for object in 0..5 {
            let _ = write!(
                text,
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{i}-{object}\n  labels:\n    \
                 app.kubernetes.io/name: app\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n        \
                 - name: app # the one\n          image: ghcr.io/acme/app-{i}:1.{object}\n          env:\n"
            );
            for variable in 0..20 {
                let _ = writeln!(
                    text,
                    "            - name: VARIABLE_{variable}\n              value: \"some text\""
                );
            }
        }
        text
    };
    let settings = |i: usize| {
        (0..300)
            .fold(String::new(), |text, line| text + &format!("key-{i}-{line}: some value of a setting\n"))
    };
    let mut files = Vec::new();
    for i in 0..1_000 {
        files.push((format!("apps/{}/app-{i}.yaml", i % 50), workload(i).into_bytes()));
        files.push((format!("settings/{}/{i}.yaml", i % 50), settings(i).into_bytes()));
    }
    files
}
