//! What Prometheus reads. Every name starts with `tagpin_`.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::ended::Ended;
use crate::registry::Answered;
use crate::run::{RepositoryOutcome, RunError};

/// How many registries have a series of their own: names come from scanned repositories, and every series costs.
const HOSTS_MAX: usize = 100;

/// Where the others are counted.
const OTHER: &str = "other";

type Labels<const N: usize> = [(&'static str, String); N];
type Seconds = Gauge<f64, AtomicU64>;

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    runs: Family<Labels<1>, Counter>,
    skipped: Counter,
    duration: Histogram,
    last_run: Seconds,
    last_success: Seconds,
    next_run: Seconds,
    running: Gauge,
    repositories: Family<Labels<1>, Counter>,
    images: Family<Labels<1>, Counter>,
    pull_requests: Family<Labels<1>, Counter>,
    requests: Family<Labels<2>, Counter>,
    reloads: Family<Labels<1>, Counter>,
    hosts: Mutex<HashSet<String>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("tagpin"),
            runs: Family::default(),
            skipped: Counter::default(),
            duration: Histogram::new([1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]),
            last_run: Seconds::default(),
            last_success: Seconds::default(),
            next_run: Seconds::default(),
            running: Gauge::default(),
            repositories: Family::default(),
            images: Family::default(),
            pull_requests: Family::default(),
            requests: Family::default(),
            reloads: Family::default(),
            hosts: Mutex::default(),
        };
        let it = &mut metrics;
        let all = &mut it.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The version", version);
        all.register("runs", "Runs, by how they ended", it.runs.clone());
        let skipped = "Runs that were due while another one was under way";
        all.register("runs_skipped", skipped, it.skipped.clone());
        let seconds = Unit::Seconds;
        all.register_with_unit("run_duration", "How long runs took", seconds.clone(), it.duration.clone());
        let last = "When the last run ended";
        all.register_with_unit("last_run_timestamp", last, seconds.clone(), it.last_run.clone());
        let success = "When a run last ended with nothing left undone";
        all.register_with_unit("last_success_timestamp", success, seconds.clone(), it.last_success.clone());
        let next = "When the next run begins";
        all.register_with_unit("next_run_timestamp", next, seconds, it.next_run.clone());
        all.register("running", "Whether a run is under way", it.running.clone());
        let repositories = "Repositories, by how they came out";
        all.register("repositories", repositories, it.repositories.clone());
        all.register("images", "Images, by what became of them", it.images.clone());
        let pulls = "Pull requests, by what was done to them";
        all.register("pull_requests", pulls, it.pull_requests.clone());
        let requests = "Requests to registries, by host and status; status 0 is none";
        all.register("registry_requests", requests, it.requests.clone());
        all.register("config_reloads", "Reloads of the configuration", it.reloads.clone());
        metrics
    }
}

impl Metrics {
    /// Returns the text that Prometheus reads (OpenMetrics 1.0).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a run that was due and did not begin.
    pub fn skipped(&self) {
        self.skipped.inc();
    }

    /// Says whether a run is under way.
    pub fn running(&self, running: bool) {
        self.running.set(running.into());
    }

    /// Says when the next run begins.
    pub fn next_run(&self, at: Timestamp) {
        self.next_run.set(seconds(at));
    }

    /// Counts a reload of the configuration.
    pub fn reloaded(&self, right: bool) {
        let result = if right { "ok" } else { "refused" };
        self.reloads.get_or_create(&[("result", result.to_owned())]).inc();
    }

    /// Counts a run that has ended.
    pub fn ended(&self, ended: Ended, took: Duration, now: Timestamp) {
        self.runs.get_or_create(&[("result", ended.as_str().to_owned())]).inc();
        self.duration.observe(took.as_secs_f64());
        self.last_run.set(seconds(now));
        if ended == Ended::Complete {
            self.last_success.set(seconds(now));
        }
    }

    /// Counts one repository, `complete` where nothing in it is left undone.
    pub fn repository(&self, result: &Result<RepositoryOutcome, RunError>, complete: bool) {
        let word = match result {
            Err(_) => "failed",
            Ok(_) if !complete => "incomplete",
            Ok(done) if done.changed() => "changed",
            Ok(_) => "unchanged",
        };
        self.repositories.get_or_create(&[("result", word.to_owned())]).inc();
        let Ok(done) = result else { return };
        for verdict in &done.pinned.verdicts {
            self.images.get_or_create(&[("outcome", verdict.outcome.as_str().to_owned())]).inc();
        }
        for settled in done.groups.iter().filter_map(|group| group.pull_request.as_ref()) {
            let operation = settled.operation.as_str().to_owned();
            self.pull_requests.get_or_create(&[("operation", operation)]).inc();
        }
    }

    /// Counts the answers that one run got from registries.
    pub fn requests(&self, answered: &BTreeMap<Answered, u64>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        for (Answered { host, status }, count) in answered {
            let known = hosts.contains(host) || (hosts.len() < HOSTS_MAX && hosts.insert(host.clone()));
            let host = if known { host.clone() } else { OTHER.to_owned() };
            self.requests.get_or_create(&[("host", host), ("status", status.to_string())]).inc_by(*count);
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_series_is_bounded() {
        let metrics = Metrics::default();
        for number in 0..500 {
            let answered = Answered { host: format!("r{number}.example"), status: 200 };
            metrics.requests(&BTreeMap::from([(answered, 1)]));
        }
        let text = metrics.text();
        let series = text.lines().filter(|line| line.starts_with("tagpin_registry_requests_total{")).count();
        assert_eq!(series, HOSTS_MAX + 1);
        assert!(text.contains("tagpin_registry_requests_total{host=\"other\",status=\"200\"} 400"), "{text}");
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let metrics = Metrics::default();
        let host = "a\"} 1\nevil 2".to_owned();
        metrics.requests(&BTreeMap::from([(Answered { host, status: 0 }, 1)]));
        assert!(!metrics.text().lines().any(|line| line.starts_with("evil")), "{}", metrics.text());
    }
}
