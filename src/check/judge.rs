//! Judging: every rule's findings, their levels, and which of them are left out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::context::CheckContext;
use super::finding::Finding;
use super::old::{edited_input, old, switched_on};
use super::rule::Severity;
use super::{finding, refused, rules};
use crate::manifest::SwitchIndex;
use crate::manifest::deploy::{Deployers, NewlyDeployed, newly_deployed};
use crate::manifest::inventory::{FileScan, Inventory};

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
    /// The files below the root that were there before the change, and are deployed since.
    pub newly_deployed: BTreeSet<String>,
}

/// Returns what every rule finds, at the levels that the configuration sets.
pub fn check(context: &CheckContext<'_>) -> Checked {
    let newly = context.base.map(|base| {
        newly_deployed(named(context.inventory), named(base.inventory), |path| base.old_name(path).to_owned())
    });
    let newly = newly.unwrap_or_default();
    let mut checked = Checked { findings: found(context, &newly), ..Checked::default() };
    if let Some(base) = context.base {
        let base_context = CheckContext { inventory: base.inventory, base: None, online: None, ..*context };
        let before = found(&base_context, &BTreeMap::new());
        let old = old(context, base, &checked.findings, &before);
        checked.before = take(&mut checked.findings, &|finding| old.contains(&finding.fingerprint));
        for finding in &mut checked.findings {
            if let Some(input) = edited_input(finding, base, &before) {
                finding.message += &format!("; the change edits `{input}`");
            }
            if let Some(condition) = switched_on(finding, base, &before) {
                finding.message += &format!("; did not run before: `{condition}` is no more");
            }
            if let Some(NewlyDeployed { by, what, .. }) = newly.get(&finding.root_path) {
                let what = if *what == finding.root_path { "it".to_owned() } else { format!("`{what}`") };
                finding.message += &format!("; was not deployed before: `{by}` now names {what}");
            }
        }
        checked.newly_deployed = newly.into_keys().collect();
    }
    leave_out_known(&mut checked, context);
    checked
}

fn named(inventory: &Inventory) -> (&[FileScan], &Deployers) {
    (&inventory.files, &inventory.deployers)
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
fn found(context: &CheckContext<'_>, newly: &BTreeMap<String, NewlyDeployed>) -> Vec<Finding> {
    let conditions: HashMap<&str, &BTreeMap<String, String>> = context
        .inventory
        .files
        .iter()
        .filter(|file| !file.scan.kustomize.conditions.is_empty())
        .map(|file| (file.path.as_str(), &file.scan.kustomize.conditions))
        .collect();
    let switches: HashMap<&str, SwitchIndex> = context
        .inventory
        .files
        .iter()
        .filter(|file| !file.scan.switches.is_empty())
        .map(|file| (file.path.as_str(), SwitchIndex::of(file.scan.switches.clone())))
        .collect();
    let mut findings = rules::find(context);
    for finding in &mut findings {
        let place = (finding.document, &finding.path, &finding.place);
        if let (Some(document), Some(path), Some(place)) = place {
            let all = switches.get(finding.file.as_str()).into_iter();
            let off = all.flat_map(|switches| switches.about(document, path, place.span.start));
            finding.off = off.map(|switch| switch.off.clone()).collect();
        } else if finding.document.is_none() {
            // What is about a file as a whole is about any part of it.
            let off = switches.get(finding.file.as_str()).into_iter().flat_map(SwitchIndex::about_bytes);
            finding.off = off.map(|switch| switch.off.clone()).collect();
        }
        finding.deployed_by =
            newly.get(&finding.root_path).map(|newly| newly.all.clone()).unwrap_or_default();
        let (Some(conditions), Some(path)) = (conditions.get(finding.file.as_str()), &finding.path) else {
            continue;
        };
        let is_below =
            |pointer: &&String| path.strip_prefix(*pointer).is_some_and(|rest| rest.starts_with('/'));
        // With another target it is another patch.
        if let Some((_, condition)) = conditions.iter().find(|(pointer, _)| is_below(pointer)) {
            finding.inputs.entry(String::new()).or_default().push_str(condition);
        }
    }
    let mut findings = graded(findings, context);
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
