//! `gate-edited`: a change that adds to what the gate leaves alone.

use std::collections::HashMap;

use super::floating_tag;
use crate::check::context::CheckContext;
use crate::check::finding::{Finding, sites};
use crate::check::old::place;
use crate::check::rule::{GateRule, Severity};
use crate::manifest::inventory::Inventory;
use crate::manifest::site::{Skip, State};
use crate::text::shell_word;

pub(super) static RULE: GateRule = GateRule {
    id: "gate-edited",
    title: "The change adds an ignore, or edits the settings of the gate",
    explanation: "\
With `--changed-since` and `--diff`, settings, ignores and baseline are those of the base: nobody passes the gate by editing \
the gate. An image that the change puts under `tagpin: ignore` is an error; settings and a baseline that the change edits are \
a warning, because they count only once they are merged, and an error where nobody could read them then. A person who may merge it should look at it.",
    bad: "\
services:
  agent:
    # tagpin: ignore so that the check is green
    image: vendor.example/agent:stable
",
    good: "\
services:
  agent:
    image: vendor.example/agent:stable@sha256:1c443c5a041393e5e6628f96d84247d88c471c53dc876b6fa020160804a6b3bd
",
    level: Severity::Error,
    fixable: false,
    online: false,
    supersedes: &[],
};

pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(base) = context.base else { return Vec::new() };
    let mut before = ignored(base.inventory);
    let mut findings = Vec::new();
    // An ignore moves with its file only where the image counts no more than it did.
    let weight = |root_path: &str, image: &str| {
        let mut finding = Finding::in_file(&floating_tag::RULE, "", root_path, String::new());
        finding.image = Some(image.to_owned());
        context.check.level(&finding)
    };
    for site in sites(context.inventory) {
        let image = &site.located.site.image;
        if site.located.site.state != State::Skipped(Skip::Ignored) {
            continue;
        }
        let (file, place) = (base.old_name(&site.file.root_path), place(&site.located.site));
        let left = before.get_mut(&(file, place, image.as_str())).filter(|left| **left > 0);
        if let Some(left) = left.filter(|_| weight(&site.file.root_path, image) <= weight(file, image)) {
            *left -= 1;
            continue;
        }
        let message = format!("this change puts `{image}` under `tagpin: ignore`");
        let advice = "pin it, or have somebody merge it who may";
        findings.push(Finding::at_site(&RULE, &site, message).advice(advice));
    }
    for edited in base.edited {
        let (what, file) = (edited.what, &edited.file);
        findings.push(match &edited.broken {
            Some(why) => {
                let message = format!("this change edits {what} so that no command can read them: {why}");
                let advice = format!("mend it: `tagpin config check {}`", shell_word(file));
                Finding::in_file(&RULE, file, &edited.root_path, message).advice(advice)
            }
            None => {
                let message = format!("this change edits {what}: what it adds counts once it is merged");
                let mut finding = Finding::in_file(&RULE, file, &edited.root_path, message);
                finding.level = Severity::Warning;
                finding.advice("have somebody read it who may change the gate")
            }
        });
    }
    findings
}

/// Returns how often each image is ignored at each place of each file.
fn ignored(inventory: &Inventory) -> HashMap<(&str, String, &str), usize> {
    let mut ignored = HashMap::new();
    for (file, located) in inventory.sites() {
        if located.site.state == State::Skipped(Skip::Ignored) {
            let key = (file.root_path.as_str(), place(&located.site), located.site.image.as_str());
            *ignored.entry(key).or_default() += 1;
        }
    }
    ignored
}
