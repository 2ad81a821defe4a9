//! Judging: every rule's findings, their levels, and which of them are left out.

use std::collections::HashSet;

use super::context::CheckContext;
use super::finding::Finding;
use super::old::old;
use super::rule::Severity;
use super::{finding, refused, rules};

/// What the rules found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What is complained about, in the order of files and bytes.
    pub findings: Vec<Finding>,
    /// How many findings the allow-list took away.
    pub allowed: usize,
    /// How many findings the baseline took away.
    pub known: usize,
    /// How many findings were there before the change that is judged.
    pub before: usize,
}

/// Returns what every rule finds, at the levels that the configuration sets.
pub fn check(context: &CheckContext<'_>) -> Checked {
    let mut checked = Checked { findings: found(context), ..Checked::default() };
    if let Some(base) = context.base {
        let before = found(&CheckContext { inventory: base.inventory, base: None, online: None, ..*context });
        let old = old(context, base, &checked.findings, &before);
        checked.before = take(&mut checked.findings, &|finding| old.contains(&finding.fingerprint));
    }
    leave_out_known(&mut checked, context);
    checked
}

/// Takes away and counts what the allow-list and the baseline have.
pub(super) fn leave_out_known(checked: &mut Checked, context: &CheckContext<'_>) {
    let settings = context.check;
    checked.allowed = take(&mut checked.findings, &|finding| settings.allows(finding, context.today));
    if let Some(baseline) = context.baseline {
        checked.known = take(&mut checked.findings, &|finding| baseline.has(finding));
    }
}

/// Takes away some findings, and returns how many.
fn take(findings: &mut Vec<Finding>, is_left_out: &dyn Fn(&Finding) -> bool) -> usize {
    let all = findings.len();
    findings.retain(|finding| !is_left_out(finding));
    all - findings.len()
}

/// Returns what the rules find in the files, with level and fingerprint.
fn found(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = graded(rules::find(context), context);
    refused::advise(&mut findings, context);
    findings
}

/// Returns findings in the order of the files, with level and fingerprint.
pub(super) fn graded(mut findings: Vec<Finding>, context: &CheckContext<'_>) -> Vec<Finding> {
    findings.sort_by(|a, b| a.position().cmp(&b.position()));
    finding::add_fingerprints(&mut findings);
    for finding in &mut findings {
        finding.level = context.check.level(finding);
    }
    findings.retain(|finding| finding.level != Severity::Off);
    leave_the_most_specific(&mut findings);
    findings
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
