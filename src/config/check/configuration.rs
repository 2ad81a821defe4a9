//! The whole file.

use std::path::Path;

use super::Checker;
use crate::config::raw::Raw;
use crate::config::{Config, Diagnostic};
use crate::policy::Settings;
use crate::policy::hold::Holds;

/// Returns the checked configuration; where there are problems, it holds defaults in the place of what is wrong.
///
/// `file` is how messages name the file, `base` is where its relative paths start.
pub(in crate::config) fn check(file: &str, base: &Path, text: &str, raw: &Raw) -> (Config, Vec<Diagnostic>) {
    let mut checker = Checker::new(file, base, text);
    let settings = Settings {
        policy: checker.policy(&raw.policy),
        environments: checker.environments(&raw.environment).into(),
        holds: Holds::new(checker.holds(&raw.hold)),
        annotations: checker.annotations(&raw.annotations),
        locations: checker.locations(&raw.location),
        formats_off: checker.formats_off(raw),
        charts: checker.charts(&raw.chart),
    };
    let config = Config {
        schedule: raw.schedule.as_ref().and_then(|schedule| checker.schedule(schedule)),
        serve: checker.serve(&raw.serve),
        limits: checker.limits(&raw.limits),
        concurrency: checker.run_concurrency(&raw.run),
        ledger: checker.ledger(&raw.ledger, &settings.policy),
        settings,
        check: checker.gate(&raw.check),
        forge: checker.forge(&raw.forge),
        proposals: checker.proposals(&raw.pull_request),
        pull_request: checker.pull_request(&raw.pull_request),
        repositories: checker.repositories(&raw.repository).into(),
        discover: checker.discover(&raw.discover).into(),
        registries: checker.registries(&raw.registry),
        registries_conf: raw.registries_conf.as_ref().and_then(|file| checker.path("registries-conf", file)),
        network: checker.network(&raw.network),
        cache_dir: raw.cache_dir.as_ref().and_then(|directory| checker.path("cache-dir", directory)),
        own: None,
    };
    (config, checker.problems)
}
