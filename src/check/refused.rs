//! What keeps `tagpin pin` from mending a finding: a command that will not help is not named. Pure.

use std::collections::HashMap;

use super::context::CheckContext;
use super::finding::{Finding, Fix};
use crate::history::ledger::LedgerView;
use crate::plan::{self, Outcome, Reason, Rules, Verdict};
use crate::source::tree::IN_HEAD;
use crate::text::shell_word;

/// Says of the findings about images that `tagpin pin` would leave as they are why it would, in the place of the command.
pub(super) fn advise(findings: &mut [Finding], context: &CheckContext<'_>) {
    for finding in findings.iter_mut().filter(|finding| matches!(finding.fix, Some(Fix::Pin { .. }))) {
        // What HEAD has is not what is on disk, which may be pinned by now, or gone.
        let path = finding.file.strip_prefix(IN_HEAD);
        let advice = path.map(|path| format!("it is not what is on disk: commit {}", shell_word(path)));
        finding.fix = advice.map(Fix::Advice).or(finding.fix.take());
    }
    let past = LedgerView::unknown(context.now);
    let rules = Rules::new(context.settings, &past);
    let mut by_reference: HashMap<usize, Vec<&mut Finding>> = HashMap::new();
    for finding in findings.iter_mut().filter(|finding| matches!(finding.fix, Some(Fix::Pin { .. }))) {
        if let Some(reference) = finding.reference {
            by_reference.entry(reference).or_default().push(finding);
        }
    }
    let mut next = 0;
    for file in &context.inventory.files {
        let references = next..next + file.scan.sites.len();
        next = references.end;
        if !references.clone().any(|reference| by_reference.contains_key(&reference)) {
            continue;
        }
        for (reference, refusal) in references.zip(plan::refusals(file, rules)) {
            let Some(found) = by_reference.get_mut(&reference) else { continue };
            let online = context.online.and_then(|online| online.sites.get(reference));
            // What a registry said is known better.
            let refusal = refusal.as_deref().or(online.map(|facts| &facts.verdict));
            let Some(advice) = refusal.and_then(advice) else { continue };
            found.iter_mut().for_each(|finding| finding.fix = Some(Fix::Advice(advice.clone())));
        }
    }
}

/// Returns what to do about an image that is not pinned for the reason of `verdict`; `None` where it is.
fn advice(verdict: &Verdict) -> Option<String> {
    let detail = verdict.detail.as_deref();
    match (verdict.outcome, verdict.reason?) {
        (Outcome::Held, Reason::OnHold) => {
            let hold = detail.unwrap_or_default();
            Some(format!("`tagpin pin` leaves it as it is, because of a hold: {hold}"))
        }
        (Outcome::Held, _) => detail.map(|detail| format!("`tagpin pin` leaves it as it is: {detail}")),
        (Outcome::Skipped, Reason::SplitFields) => {
            Some("`tagpin pin` leaves it as it is, because of `split-fields = \"skip\"`".to_owned())
        }
        _ => None,
    }
}
