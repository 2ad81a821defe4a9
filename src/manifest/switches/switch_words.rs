//! The words by which switches are known, and what they are set to.

/// How a switch is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sense {
    /// `true` lets things run.
    On,
    /// `true` keeps them from it.
    Off,
    /// None of them run.
    Count,
}

/// The words of switches, in lower case.
pub(super) const WORDS: [(&str, Sense); 41] = [
    ("enabled", Sense::On),
    ("enable", Sense::On),
    ("create", Sense::On),
    ("install", Sense::On),
    ("installed", Sense::On),
    ("deploy", Sense::On),
    ("deployed", Sense::On),
    ("active", Sense::On),
    ("activate", Sense::On),
    ("run", Sense::On),
    ("running", Sense::On),
    ("use", Sense::On),
    ("start", Sense::On),
    ("started", Sense::On),
    ("inject", Sense::On),
    ("always_run", Sense::On),
    ("evaluate", Sense::On),
    ("if", Sense::On),
    ("disabled", Sense::Off),
    ("disable", Sense::Off),
    ("suspend", Sense::Off),
    ("suspended", Sense::Off),
    ("pause", Sense::Off),
    ("paused", Sense::Off),
    ("shutdown", Sense::Off),
    ("skip", Sense::Off),
    ("hibernated", Sense::Off),
    ("stop", Sense::Off),
    ("stopped", Sense::Off),
    ("replicas", Sense::Count),
    ("replicacount", Sense::Count),
    ("nodecount", Sense::Count),
    ("size", Sense::Count),
    ("taskcount", Sense::Count),
    ("desired", Sense::Count),
    ("scale", Sense::Count),
    ("parallelism", Sense::Count),
    ("completions", Sense::Count),
    ("instances", Sense::Count),
    ("runners", Sense::Count),
    ("count", Sense::Count),
];

/// Words that a key may begin with, and what is turned on or off stands behind them.
const BEGINNINGS: [(&str, Sense); 6] = [
    ("create", Sense::On),
    ("deploy", Sense::On),
    ("disable", Sense::Off),
    ("enable", Sense::On),
    ("install", Sense::On),
    ("use", Sense::On),
];

/// Words before a count that say which of the counts of the same thing it is.
const MEASURES: [&str; 8] = ["default", "desired", "initial", "max", "min", "number", "numberof", "target"];

/// What something is set to so that it is not there, or waits, whatever the key is called.
pub(super) const AWAY: [&str; 14] = [
    "absent",
    "halted",
    "hibernated",
    "inform",
    "mustnothave",
    "never",
    "paused",
    "pending",
    "pipelinerunpending",
    "removed",
    "stopped",
    "suspended",
    "taskrunpending",
    "terminated",
];

/// Keys whose lists say when something runs, where one of [`AWAY`] is never.
pub(super) const WHEN: [&str; 6] = ["event", "events", "hosts", "mode", "only", "tags"];

/// Events that somebody begins by hand, of Drone.
pub(super) const BY_HAND: [&str; 3] = ["custom", "promote", "rollback"];

/// Annotations that keep an object from being deployed, and how what they are set to begins: of kustomize, Flux, Argo CD, Helm, and of
/// operators.
pub(super) const MARKERS: [(&str, &[&str]); 11] = [
    ("argocd.argoproj.io/hook", &["skip", "syncfail", "postdelete"]),
    ("autoscaling.keda.sh/paused", &["true"]),
    ("cnpg.io/hibernation", &["on"]),
    ("config.kubernetes.io/local-config", &[""]),
    ("configmanagement.gke.io/managed", &["disabled"]),
    ("crossplane.io/paused", &["true"]),
    ("fluxcd.controlplane.io/reconcile", &["disabled"]),
    ("helm.sh/hook", &["test", "pre-delete", "post-delete", "pre-rollback", "post-rollback"]),
    ("kustomize.toolkit.fluxcd.io/reconcile", &["disabled"]),
    ("kustomize.toolkit.fluxcd.io/ssa", &["ignore"]),
    ("strimzi.io/pause-reconciliation", &["true"]),
];

/// Returns whether an entry is an annotation that keeps its object from being deployed.
pub(super) fn is_marker(key: &str, literal: &str) -> bool {
    let value = literal.trim_matches('"').to_ascii_lowercase();
    // Several hooks are a list; one of them is enough.
    let is_away = |starts: &[&str]| {
        value.split(',').all(|value| starts.iter().any(|start| value.trim().starts_with(start)))
    };
    MARKERS.iter().any(|(marker, starts)| key == *marker && is_away(starts))
        && (key.contains("hibernation") || !is_no(&value))
}

/// Returns whether something in a text may be a switch.
pub(super) fn may_switch(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains('\\')
        || MARKERS.iter().any(|(key, _)| lower.contains(key))
        || lower.contains("scaletargetref")
        || WORDS.iter().any(|(word, _)| lower.contains(word))
        || lower.contains("when:")
        || AWAY.iter().any(|word| lower.contains(word))
}
/// Returns how the switch `key` is set, and what stands before the word: `webEnabled` is about `web…`.
pub(super) fn sense(key: &str) -> Option<(Sense, String)> {
    let lower = key.to_ascii_lowercase();
    // All of them end so, but those that begin with a verb.
    let exact = WORDS.iter().find(|(word, _)| lower == *word);
    if let Some((_, sense)) = exact {
        return Some((*sense, String::new()));
    }
    let ends = WORDS.iter().filter(|(word, _)| lower.len() > word.len() && lower.ends_with(word));
    let ends = ends.filter(|(word, _)| {
        let at = key.len() - word.len();
        let before = key.as_bytes()[at - 1];
        matches!(before, b'_' | b'-' | b'.') || key.as_bytes()[at].is_ascii_uppercase()
    });
    if let Some((word, sense)) = ends.max_by_key(|(word, _)| word.len()) {
        let stem = lower[..key.len() - word.len()].trim_end_matches(['_', '-', '.']);
        let is_measure = *sense == Sense::Count && MEASURES.contains(&stem);
        return Some((*sense, if is_measure { String::new() } else { stem.to_owned() }));
    }
    let begins = BEGINNINGS.into_iter().find_map(|(word, sense)| {
        let rest = lower.strip_prefix(word)?;
        let is_word = key.as_bytes().get(word.len()).is_some_and(|byte| !byte.is_ascii_lowercase());
        is_word.then(|| (sense, rest.trim_start_matches(['_', '-', '.']).to_owned()))
    });
    begins.filter(|(_, stem)| !stem.is_empty())
}
/// Returns whether what is written is no, nothing or zero to whoever fills a template.
pub(in crate::manifest) fn is_no(literal: &str) -> bool {
    let lower = literal.to_ascii_lowercase();
    // An expression of a pipeline.
    let inner =
        |text: &str| Some(text.trim_matches('"').strip_prefix("${{")?.strip_suffix("}}")?.trim().to_owned());
    let lower = inner(&lower).unwrap_or(lower);
    matches!(lower.as_str(), "" | "[]" | "{}" | "\"\"" | "~" | "null" | "false" | "no" | "off" | "n")
        || lower.parse::<f64>().is_ok_and(|number| number == 0.0)
}

/// Returns whether a switch that is set so keeps things from running.
pub(super) fn is_off(sense: Sense, literal: &str) -> bool {
    match sense {
        Sense::On => {
            let written = literal.trim_matches('"');
            is_no(literal)
                || is_no(written)
                || written.starts_with("false &&")
                || written.ends_with("&& false")
        }
        Sense::Off => !is_no(literal.trim_matches('"')),
        // Nothing leaves it to the default, which is one.
        Sense::Count => literal.trim_matches('"').parse::<f64>().is_ok_and(|number| number == 0.0),
    }
}
