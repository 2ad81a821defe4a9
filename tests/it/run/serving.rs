//! `tagpin serve` from the outside, with a schedule of each second.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{check, world};
use crate::support::world::{NAME, TOKEN, World};

/// How long anything may take on a machine that has other things to do.
const LONGEST: Duration = Duration::from_secs(60);

/// A worker. It is killed when this is dropped.
struct Worker {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    _home: tempfile::TempDir,
    config: std::path::PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    fn start(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("bot.toml");
        fs_err::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.current_dir(home.path()).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        command.env("TAGPIN_GITHUB_TOKEN", TOKEN).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.args(["serve", "--config"]).arg(&file).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, into) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                assert!(!line.contains(TOKEN), "{line}");
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                into.lock().unwrap().push(line);
            }
        });
        Self { child, log, _home: home, config: file }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the `count`th line with this message.
    fn wait_for(&self, message: &str, count: usize) -> Value {
        let start = Instant::now();
        loop {
            let log = self.log.lock().unwrap().clone();
            if let Some(line) = log.iter().filter(|line| line["message"] == message).nth(count - 1) {
                return line.clone();
            }
            assert!(start.elapsed() < LONGEST, "no `{message}` in {log:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for its end and returns the exit code.
    fn end(&mut self) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(start.elapsed() < LONGEST, "it does not end: {:#?}", self.log.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let address = self.wait_for("listening", 1)["address"].as_str().unwrap().to_owned();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// The value of one series; 0 where there is none.
    fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

fn config(world: &World, serve: &str) -> String {
    let top = "schedule = '* * * * * *'\n";
    format!("{}[serve]\nlisten = '127.0.0.1:0'\n{serve}", world.config_text(top, "github", &[NAME]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_come_by_the_schedule_and_are_counted() {
    let world = world().await;
    let mut worker = Worker::start(&config(&world, ""));
    worker.wait_for("the run has ended", 2);
    assert_eq!(world.forge.pulls().len(), 1);
    check(&world.forge.log());
    assert_eq!((worker.get("/healthz").0, worker.get("/readyz").0, worker.get("/other").0), (200, 200, 404));
    assert!(worker.metric("tagpin_runs_total{result=\"complete\"}") >= 2.0, "{}", worker.get("/metrics").1);
    assert_eq!(worker.metric("tagpin_pull_requests_total{operation=\"created\"}"), 1.0);
    assert!(worker.metric("tagpin_images_total{outcome=\"pinned\"}") >= 4.0);
    assert_eq!(worker.metric("tagpin_repositories_total{result=\"changed\"}"), 1.0);
    assert!(worker.metric("tagpin_last_success_timestamp_seconds") > 1_700_000_000.0);
    assert!(worker.metric("tagpin_run_duration_seconds_count") >= 2.0);
    let text = worker.get("/metrics").1;
    let answered = text.lines().filter(|line| line.starts_with("tagpin_registry_requests_total{host="));
    assert!(answered.clone().any(|line| line.contains("status=\"200\"")), "{text}");
    let done = worker.wait_for("a repository is done", 1);
    assert_eq!(
        (&done["level"], &done["branch"], &done["complete"]),
        (&"INFO".into(), &"pushed".into(), &true.into())
    );
    assert!(done["pull_request"].as_str().unwrap().ends_with("/pull/1"), "{done}");

    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_configuration_is_read_and_a_bad_one_is_refused() {
    let world = world().await;
    let calm = config(&world, "").replace("* * * * * *", "0 0 1 1 *");
    let mut worker = Worker::start(&calm);
    worker.wait_for("the next run", 1);
    let bad = [
        ("[forge]\nkinds = 1\n".to_owned(), "unknown key `kinds`"),
        (calm.replace("schedule = '0 0 1 1 *'\n", ""), "`schedule` is missing"),
        (calm.replace("127.0.0.1:0", "127.0.0.1:1"), "cannot change while tagpin runs"),
    ];
    // It is said before it is counted: lines are told apart by their number.
    for (number, (text, why)) in (1..).zip(bad) {
        rewrite(&worker.config, &text);
        worker.signal(Signal::HUP);
        let line = worker.wait_for("the configuration cannot be used, the old one stays", number);
        assert!(line["error"].as_str().unwrap().contains(why), "{line}");
    }
    assert!(world.git.requests().is_empty(), "nothing was due");
    assert_eq!((worker.get("/healthz").0, worker.get("/readyz").0), (200, 200));
    rewrite(&worker.config, &config(&world, ""));
    worker.signal(Signal::HUP);
    worker.wait_for("the run has ended", 1);
    assert_eq!(worker.metric("tagpin_config_reloads_total{result=\"ok\"}"), 1.0);
    assert_eq!(worker.metric("tagpin_config_reloads_total{result=\"refused\"}"), 3.0);
    assert_eq!(world.forge.pulls().len(), 1);
    worker.signal(Signal::INT);
    assert_eq!(worker.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_run_at_a_time_and_a_run_that_does_not_end_is_abandoned() {
    let world = world().await;
    world.registry.set(|mood| mood.latency = Duration::from_secs(15));
    let mut worker = Worker::start(&config(&world, "grace = '1s'\n"));
    worker.wait_for("a run is due while another one is under way: it is left out", 2);
    assert_eq!(worker.metric("tagpin_running"), 1.0);
    assert!(worker.metric("tagpin_runs_skipped_total") >= 2.0);
    worker.signal(Signal::TERM);
    let told = Instant::now();
    assert_eq!(worker.end(), 3);
    assert!(told.elapsed() < Duration::from_secs(12), "{:?}", told.elapsed());
    assert_eq!(worker.wait_for("the run has ended", 1)["result"], "abandoned");
    assert_eq!(world.forge.pulls().len(), 0);
    // What was abandoned is done by the next one.
    world.registry.set(|mood| mood.latency = Duration::ZERO);
    let mut worker = Worker::start(&config(&world, "run-at-start = true\n"));
    worker.wait_for("the run has ended", 1);
    assert_eq!(world.forge.pulls().len(), 1);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_under_way_is_ended_in_peace() {
    let world = world().await;
    world.registry.set(|mood| mood.latency = Duration::from_millis(1500));
    let mut worker = Worker::start(&config(&world, "grace = '30s'\nrun-at-start = true\n"));
    worker.wait_for("a run begins", 1);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), 0);
    assert_eq!(worker.wait_for("the run has ended", 1)["result"], "complete");
    assert_eq!(world.forge.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_serve_is_said_at_once() {
    let world = world().await;
    for (text, why) in [
        (world.config_text("", "github", &[NAME]), "`schedule` is missing"),
        (config(&world, "").replace("* * * * * *", "0 0 31 2 *"), "never comes true"),
        (config(&world, "").replace("127.0.0.1:0", "192.0.2.1:1"), "cannot listen at `192.0.2.1:1`"),
        (config(&world, "time-zone = 'Mars/Olympus'\n"), "knows no such time zone"),
        (config(&world, "").replace("* * * * * *", "17 25 * * *"), "`schedule` cannot be `17 25 * * *`"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("bot.toml");
        fs_err::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.current_dir(home.path()).env_clear().env("HOME", home.path());
        let output = command.args(["serve", "--config"]).arg(&file).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(why), "{said}");
    }
}

/// Replaces the file in one step: the worker may read it at any time.
fn rewrite(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs_err::write(&beside, text).unwrap();
    fs_err::rename(beside, file).unwrap();
}
