//! What the values of a chart say to what its templates ask of them.

use std::collections::{BTreeMap, BTreeSet};

use super::deploy::{Deployers, ValueAsk};
use super::partial_image::ends_in_digest;
use super::switches::{RelatedValues, SaidValue, Statements, is_no, said_of_release};
use crate::source::tree::{Tree, TreeEntry};

/// What is asked of values.
pub(super) struct ValueQuestions {
    pub(super) asks: BTreeSet<(Vec<String>, ValueAsk)>,
    pub(super) asks_below: BTreeSet<(String, ValueAsk)>,
    pub(super) bases: BTreeSet<Vec<String>>,
}

/// The values of a tree, which are asked.
pub(super) struct AskedValues<'e, T> {
    statements: Statements<'e, T>,
    deployers: &'e Deployers,
    related: RelatedValues<'e>,
    beside: BTreeMap<String, BTreeSet<String>>,
}

impl<'e, T: Tree> AskedValues<'e, T> {
    pub(super) fn new(tree: &'e T, entries: &'e [(TreeEntry, String)], deployers: &'e Deployers) -> Self {
        Self {
            statements: Statements::new(tree, entries),
            deployers,
            related: RelatedValues::of(entries, deployers),
            beside: BTreeMap::new(),
        }
    }

    /// Returns what the values of some `charts`, the first of which asks, say to it, by their files; what other values say again
    /// is said once.
    pub(super) fn said(&mut self, charts: &[String], said: &ValueQuestions) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let (own, others) = self.files(charts);
        let default = answers(&self.statements.of(&own), said);
        for other in others {
            let more = answers(&self.statements.of(&other), said);
            found.extend(more.difference(&default).map(|line| (other.clone(), line.clone())));
        }
        found.extend(default.into_iter().map(|line| (own.clone(), line)));
        found
    }

    /// Returns what deployers say of the releases of some `charts` and of the cluster, by their files.
    pub(super) fn of_release(&mut self, charts: &[String]) -> BTreeSet<(String, String)> {
        let said = |chart: &String| said_of_release(&mut self.statements, self.deployers, chart);
        charts.iter().flat_map(said).collect()
    }

    /// Returns the one value at a key, unless others take its digest away or nobody says it.
    pub(super) fn only(&mut self, charts: &[String], key: &[String]) -> Option<String> {
        let (own, others) = self.files(charts);
        let end = suffix(key);
        let written = |said: &SaidValue| unquoted(&said.literal).to_owned();
        let default = self.statements.of(&own).iter().rev().find(|said| said.path == end).map(written)?;
        let has_digest = ends_in_digest(&default);
        for other in others {
            let all = self.statements.of(&other);
            // What is said of all that is around it takes it away, too.
            let above = key.split_last().map(|(_, above)| suffix(above)).filter(|above| above.len() > 1);
            let is_it = |said: &SaidValue, end: &str| is_given(&said.path, end, charts.len() > 1);
            let is_emptied = all
                .iter()
                .any(|said| above.as_ref().is_some_and(|above| is_it(said, above)) && said.literal != "…");
            let takes = |said: &&SaidValue| is_it(said, &end) && !ends_in_digest(&written(said));
            if has_digest && (is_emptied || all.iter().find(takes).is_some()) {
                return None;
            }
        }
        Some(default).filter(|default| !default.is_empty() && default != "…")
    }

    fn files(&mut self, charts: &[String]) -> (String, BTreeSet<String>) {
        let values = |chart: &String| {
            if chart.is_empty() { "values.yaml".to_owned() } else { format!("{chart}/values.yaml") }
        };
        let own = charts.first().map(values).unwrap_or_default();
        let mut others = BTreeSet::new();
        for chart in charts.iter().map(values) {
            let related = &self.related;
            let beside = self.beside.entry(chart.clone()).or_insert_with(|| related.beside(&chart));
            others.extend(beside.iter().cloned());
            others.insert(chart);
        }
        others.retain(|path| *path != own && path.rsplit('/').next() != Some("Chart.yaml"));
        (own, others)
    }
}

fn suffix(key: &[String]) -> String {
    key.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}

/// Returns whether a path ends in that of a value, and leads to it from where values begin: those of a chart in another chart, where
/// it `has_parent`, begin anywhere.
fn is_given(path: &str, end: &str, has_parent: bool) -> bool {
    let Some(before) = path.strip_suffix(end) else { return false };
    let holder = before.rsplit('/').next().unwrap_or(before);
    let is_holder = matches!(holder, "" | "values" | "valuesinline" | "valuesobject");
    has_parent || is_holder || holder.bytes().all(|byte| byte.is_ascii_digit())
}

fn unquoted(literal: &str) -> &str {
    literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(literal)
}

/// Returns what some values answer.
fn answers(all: &[SaidValue], said: &ValueQuestions) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, ask) in &said.asks {
        let end = suffix(key);
        found.extend(all.iter().filter_map(|value| answer(value, &end, ask)));
    }
    let bases: Vec<String> = said.bases.iter().map(|key| suffix(key)).collect();
    for (key, ask) in &said.asks_below {
        let end = suffix(std::slice::from_ref(key));
        let is_below = |value: &&SaidValue| {
            bases.is_empty()
                || bases
                    .iter()
                    .any(|base| value.path.contains(&format!("{base}/")) || value.path.ends_with(base))
        };
        found.extend(all.iter().filter(is_below).filter_map(|value| answer(value, &end, ask)));
    }
    found
}

/// Returns what a value says to what is asked of one whose path has this end.
fn answer(value: &SaidValue, end: &str, ask: &ValueAsk) -> Option<String> {
    let SaidValue { path, literal, .. } = value;
    match ask {
        ValueAsk::Truth => {
            path.ends_with(end).then(|| format!("{end} {}", if is_no(literal) { "is not" } else { "is" }))
        }
        ValueAsk::Holds(word, text) => {
            let value = unquoted(literal);
            let holds = match word.as_str() {
                "contains" => value.contains(text.as_str()),
                "hasPrefix" => value.starts_with(text.as_str()),
                "hasSuffix" => value.ends_with(text.as_str()),
                _ => value == text,
            };
            path.ends_with(end).then(|| format!("{end} {word} {text}: {holds}"))
        }
        ValueAsk::Keys => {
            let (above, key) = path.rsplit_once('/')?;
            above.ends_with(end).then(|| format!("{end} has {key}"))
        }
        ValueAsk::Text => {
            let at = path.match_indices(end).find(|(at, _)| {
                let rest = &path[at + end.len()..];
                rest.is_empty() || rest.starts_with('/')
            });
            let rest = &path[at?.0 + end.len()..];
            let text = unquoted(literal);
            // A digest for another is another image that was named.
            let text = if ends_in_digest(text) { "a digest" } else { literal.as_str() };
            Some(format!("{end}{rest}={text}"))
        }
    }
}
