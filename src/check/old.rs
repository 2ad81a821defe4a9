//! Which findings were there before the change that is judged.

use std::collections::{HashMap, HashSet};

use super::context::{Base, CheckContext};
use super::finding::{Finding, without_positions};
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::Site;
use crate::manifest::{Located, LookAwayReason, OffCondition};
use crate::source::tree::{IN_HEAD, directory_of, path_from};

/// Returns the fingerprints of the findings that were there before. One that was there makes one old, and only where that
/// counts no more than it did:
///
/// 1. at the same pointer of the same file, or of the file that has another name now,
/// 2. at the same place, as [`place`] has it, of such a file,
/// 3. at the same place of another file of the directory, of Terraform, which reads them as one,
/// 4. elsewhere in the same file, but not where something stood that was no finding: a pin that is lost is new. Lines that
///    the change leaves alone come first, so that a new finding is shown where it is.
///
/// Where a file on disk is not what is committed, both trees are compared: what is in both was there before in both.
pub(super) fn old(
    context: &CheckContext<'_>,
    base: Base<'_>,
    findings: &[Finding],
    before: &[Finding],
) -> HashSet<String> {
    let files = context.inventory.files.iter();
    let differing: HashSet<&str> =
        files.filter(|file| file.path.starts_with(IN_HEAD)).map(|file| file.root_path.as_str()).collect();
    let is_in_head = |finding: &Finding| finding.file.starts_with(IN_HEAD);
    let on_disk = |finding: &&Finding| !is_in_head(finding);
    let committed =
        |finding: &&Finding| is_in_head(finding) || !differing.contains(finding.root_path.as_str());
    let old_on_disk = old_in_tree(context, base, findings.iter().filter(on_disk).collect(), before);
    if differing.is_empty() {
        return old_on_disk;
    }
    let old_committed = old_in_tree(context, base, findings.iter().filter(committed).collect(), before);
    let is_old = |finding: &&Finding| {
        (!on_disk(finding) || old_on_disk.contains(&finding.fingerprint))
            && (!committed(finding) || old_committed.contains(&finding.fingerprint))
    };
    findings.iter().filter(is_old).map(|finding| finding.fingerprint.clone()).collect()
}

fn old_in_tree(
    context: &CheckContext<'_>,
    base: Base<'_>,
    findings: Vec<&Finding>,
    before: &[Finding],
) -> HashSet<String> {
    let (sites_now, sites_before) = (places(context.inventory), places(base.inventory));
    let is_fine = Standing::of(&sites_before, before);
    let mut left = Left::new(before, &sites_before);
    let file = |finding: &Finding| base.old_name(&finding.root_path).to_owned();
    let is_touched = |finding: &Finding| {
        let Some(lines) = base.touched.get(&finding.root_path) else { return false };
        finding.place.as_ref().is_none_or(|place| {
            // They are in the order of the file.
            let next = lines.partition_point(|range| range.end <= place.line);
            lines.get(next).is_some_and(|range| range.start <= place.end_line)
        })
    };
    let may_be = |finding: &Finding, old: &Finding| {
        let is_allowed = |finding| context.check.allows(finding, context.today);
        // What is said of a whole file may be about anything that the change did to it.
        let is_of_file = finding.place.is_none() && finding.inputs.is_empty() && !is_named(finding);
        let is_about_the_change = is_of_file && base.touched.contains_key(&finding.root_path);
        !is_about_the_change
            && is_same_input(finding, old)
            && finding.level <= old.level
            && base.newly_on(finding, old).is_none()
            && (!is_allowed(old) || is_allowed(finding))
    };
    let mut old = HashSet::new();
    for pass in [Pass::Pointer, Pass::Place, Pass::Module, Pass::Untouched, Pass::Anywhere] {
        for finding in findings.iter().copied() {
            if !finding.deployed_by.is_empty()
                || old.contains(&finding.fingerprint)
                || (pass == Pass::Untouched && is_touched(finding))
                || (pass == Pass::Module && !is_of_module(&finding.root_path))
            {
                continue;
            }
            let (file, place) = (file(finding), place_of(finding, &sites_now));
            let is_elsewhere = matches!(pass, Pass::Untouched | Pass::Anywhere);
            if is_elsewhere && (file != finding.root_path || is_fine.has(&file, &place, finding)) {
                continue;
            }
            let key = Key::new(pass, finding, file, place);
            if left.take(&key, |old| may_be(finding, old)) {
                old.insert(finding.fingerprint.clone());
            }
        }
    }
    old
}

/// Returns whether two findings depend on the same. What is not known is never the same.
fn is_same_input(finding: &Finding, old: &Finding) -> bool {
    finding.inputs == old.inputs && !finding.inputs.values().any(String::is_empty)
}

/// Returns the path below the root of what a finding depends on and the change edits, where the finding was there before
/// but for that.
pub(super) fn edited_input(finding: &Finding, base: Base<'_>, before: &[Finding]) -> Option<String> {
    let file = base.old_name(&finding.root_path);
    let is_it = |old: &&Finding| {
        old.rule.id == finding.rule.id && old.root_path == file && old.subject == finding.subject
    };
    let mut all = before.iter().filter(is_it).filter(|_| !finding.inputs.is_empty()).peekable();
    let first = all.peek().copied();
    let old = all.find(|old| old.path == finding.path).or(first)?;
    let names = finding.inputs.keys().chain(old.inputs.keys());
    let name = names.filter(|name| finding.inputs.get(*name) != old.inputs.get(*name)).min()?;
    if name.is_empty() {
        return Some(finding.root_path.clone());
    }
    path_from(directory_of(&finding.root_path), name)
}

/// Returns what kept from running what a finding is about, before the change, where the finding was there but for that.
pub(super) fn switched_on(finding: &Finding, base: Base<'_>, before: &[Finding]) -> Option<String> {
    let file = base.old_name(&finding.root_path);
    let is_it = |old: &&Finding| {
        old.rule.id == finding.rule.id && old.root_path == file && old.subject == finding.subject
    };
    let on = |old| base.newly_on(finding, old);
    let mut all = before.iter().filter(is_it).filter(|old| on(old).is_some()).peekable();
    let first = all.peek().copied();
    let old = all.find(|old| old.path == finding.path).or(first)?;
    let OffCondition { condition, by, .. } = on(old)?;
    Some(by.as_ref().map_or_else(|| condition.clone(), |by| format!("{condition} in {by}")))
}

/// Returns whether a finding about a whole file says by name what it is about, so that another one is another finding.
fn is_named(finding: &Finding) -> bool {
    let reason = finding.subject.split_once(' ').map(|(reason, _)| reason);
    let named = [LookAwayReason::SkaffoldBuild.as_str(), LookAwayReason::Excluded.as_str()];
    finding.rule.id == "looks-away" && reason.is_some_and(|reason| named.contains(&reason))
}

impl Base<'_> {
    /// Returns the name that the file at `root_path` had before.
    pub(super) fn old_name<'n>(&'n self, root_path: &'n str) -> &'n str {
        self.renamed.get(root_path).map_or(root_path, String::as_str)
    }

    /// Returns whether a condition keeps off what it kept off: nobody more says otherwise.
    fn is_as_off(&self, now: &OffCondition, then: &OffCondition) -> bool {
        now.condition == then.condition
            && now.by.as_deref().map(|by| self.old_name(by)) == then.by.as_deref()
            && now
                .but_in
                .iter()
                .all(|(file, count)| then.but_in.get(self.old_name(file)).is_some_and(|had| count <= had))
    }

    /// Returns what kept off what `old` is about and does not what `finding` is about. A file that is gone lets nothing run.
    fn newly_on<'f>(&self, finding: &Finding, old: &'f Finding) -> Option<&'f OffCondition> {
        let is_kept = |off: &OffCondition| finding.off.iter().any(|now| self.is_as_off(now, off));
        let is_there = |by: &String| self.there.contains(by) || self.renamed.values().any(|old| old == by);
        let mut all = old.off.iter().filter(|off| !off.is_over);
        all.find(|off| off.by.as_ref().is_none_or(is_there) && !is_kept(off))
    }
}

/// Returns what names the place of a site in its file, however the lists around it grow: the object and the container,
/// and the pointer without the positions in lists.
pub(super) fn place(site: &Site) -> String {
    let container = site.owner.as_ref().and_then(|owner| owner.container.as_deref());
    let namespace = site.owner.as_ref().and_then(|owner| owner.namespace.as_deref());
    let [kind, namespace, name, container] =
        [site.kind.as_deref(), namespace, site.name.as_deref(), container].map(Option::unwrap_or_default);
    format!("{kind}\0{namespace}\0{name}\0{container}\0{}", without_positions(&site.path))
}

type Places<'i> = Vec<(&'i FileScan, String)>;

fn places(inventory: &Inventory) -> Places<'_> {
    inventory.sites().map(|(file, Located { site, .. })| (file, place(site))).collect()
}

fn place_of(finding: &Finding, places: &Places<'_>) -> String {
    match finding.reference.and_then(|reference| places.get(reference)) {
        Some((_, place)) => place.clone(),
        None => without_positions(finding.path.as_deref().unwrap_or_default()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Pass {
    Pointer,
    Place,
    Module,
    Untouched,
    Anywhere,
}

/// What a finding of now and one of before have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    rule: &'static str,
    file: String,
    subject: String,
    at: Option<(Option<usize>, String)>,
}

impl Key {
    fn new(pass: Pass, finding: &Finding, file: String, place: String) -> Self {
        let file = if pass == Pass::Module { format!("{}/*", directory_of(&file)) } else { file };
        let at = match pass {
            Pass::Pointer => Some((finding.document, finding.path.clone().unwrap_or_default())),
            Pass::Place | Pass::Module => Some((None, place)),
            Pass::Untouched | Pass::Anywhere => None,
        };
        Self { rule: finding.rule.id, file, subject: finding.subject.clone(), at }
    }
}

/// Returns whether a file is read together with the others of its directory, as Terraform does it.
fn is_of_module(path: &str) -> bool {
    [".tf", ".tofu", ".tf.json"].iter().any(|ending| path.ends_with(ending))
}

/// The findings of before that have made none old yet.
struct Left<'f> {
    before: &'f [Finding],
    taken: Vec<bool>,
    by_key: HashMap<Key, Vec<usize>>,
}

impl<'f> Left<'f> {
    fn new(before: &'f [Finding], places: &Places<'_>) -> Self {
        let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
        for (index, finding) in before.iter().enumerate().rev() {
            let module = Some(Pass::Module).filter(|_| is_of_module(&finding.root_path));
            for pass in [Pass::Pointer, Pass::Place, Pass::Anywhere].into_iter().chain(module) {
                let key = Key::new(pass, finding, finding.root_path.clone(), place_of(finding, places));
                by_key.entry(key).or_default().push(index);
            }
        }
        Self { before, taken: vec![false; before.len()], by_key }
    }

    fn take(&mut self, key: &Key, may_be: impl Fn(&Finding) -> bool) -> bool {
        let Some(with_key) = self.by_key.get_mut(key) else { return false };
        while with_key.last().is_some_and(|index| self.taken[*index]) {
            with_key.pop();
        }
        // Those of one rule, file and subject have one level, and most of them nothing that they depend on.
        let has_inputs = |index: &usize| !self.before[*index].inputs.is_empty();
        let (last, others) = match with_key.split_last() {
            Some((last, others)) if has_inputs(last) => (last, others),
            Some((last, _)) => (last, &[][..]),
            None => return false,
        };
        let mut all = std::iter::once(last).chain(others.iter().rev());
        let found = all.find(|index| !self.taken[**index] && may_be(&self.before[**index])).copied();
        found.into_iter().for_each(|index| self.taken[index] = true);
        found.is_some()
    }
}

/// The places of before, and how many of their sites had a finding of each level or more.
struct Standing<'p> {
    sites: HashMap<(&'p str, &'p str), Vec<Option<super::rule::Severity>>>,
}

impl<'p> Standing<'p> {
    fn of(places: &'p Places<'_>, before: &[Finding]) -> Self {
        let mut worst = vec![None; places.len()];
        for finding in before {
            if let Some(worst) = finding.reference.and_then(|reference| worst.get_mut(reference)) {
                *worst = (*worst).max(Some(finding.level));
            }
        }
        let mut sites: HashMap<_, Vec<_>> = HashMap::new();
        for ((file, place), worst) in places.iter().zip(worst) {
            sites.entry((file.root_path.as_str(), place.as_str())).or_default().push(worst);
        }
        for levels in sites.values_mut() {
            levels.sort_unstable();
            levels.truncate(1);
        }
        Self { sites }
    }

    /// Returns whether a site stood at `place` of `file` that was better than `finding` is.
    fn has(&self, file: &str, place: &str, finding: &Finding) -> bool {
        let levels = self.sites.get(&(file, place));
        levels.is_some_and(|levels| levels.iter().any(|level| *level < Some(finding.level)))
    }
}
