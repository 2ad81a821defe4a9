//! The gate: what `check` complains about. Pure: an inventory, the settings, the day and the registry's answers in,
//! findings out.
//!
//! A rule has a file of its own in [`rules`]. What all of them find goes through the same steps: its level for the path
//! and image, the more specific of two rules at one place, the allow-list, a fingerprint.

mod finding;
mod fingerprint;
mod policy;
mod rule;
pub mod rules;

use std::collections::HashSet;

use jiff::civil::Date;

pub use finding::{Finding, Fix};
pub use policy::{Allow, LevelRule, Matcher, Origin, Settings};
pub use rule::{Level, Rule};

use crate::config::Config;
use crate::inventory::Inventory;

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The files that are checked.
    pub inventory: &'c Inventory,
    /// What should be pinned, the levels and the allow-list.
    pub config: &'c Config,
    /// What today is, where the command runs.
    pub today: Date,
}

/// What the rules found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What is complained about, in the order of files and bytes.
    pub findings: Vec<Finding>,
    /// How many findings the allow-list took away.
    pub allowed: usize,
    /// How many findings the baseline took away.
    pub known: usize,
}

/// Returns what every rule finds, at the levels that the configuration sets.
pub fn check(context: &Context<'_>) -> Checked {
    let settings = &context.config.check;
    let mut findings: Vec<Finding> = rules::ALL.iter().flat_map(|rule| (rule.find)(context)).collect();
    findings.sort_by(|a, b| a.position().cmp(&b.position()));
    fingerprint::add(&mut findings);
    for finding in &mut findings {
        finding.level = settings.level(finding);
    }
    findings.retain(|finding| finding.level != Level::Off);
    leave_the_most_specific(&mut findings);
    let all = findings.len();
    findings.retain(|finding| !settings.allows(finding, context.today));
    Checked { allowed: all - findings.len(), known: 0, findings }
}

/// One fact is one finding: where two rules say the same of one image, the one that says more stays.
fn leave_the_most_specific(findings: &mut Vec<Finding>) {
    let superseded: HashSet<(usize, &str)> = findings
        .iter()
        .filter_map(|finding| Some((finding.reference?, finding.rule.supersedes)))
        .flat_map(|(reference, rules)| rules.iter().map(move |rule| (reference, *rule)))
        .collect();
    findings.retain(|finding| {
        finding.reference.is_none_or(|reference| !superseded.contains(&(reference, finding.rule.id)))
    });
}
