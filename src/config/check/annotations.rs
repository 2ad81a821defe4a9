//! `[annotations]`, `[formats]`, `[[location]]` and `[[chart]]`.

use std::collections::BTreeSet;

use toml::Spanned;

use super::Checker;
use crate::config::diagnostic::suggest;
use crate::config::raw::{Raw, RawAnnotations};
use crate::manifest::formats::KnownChart;
use crate::manifest::formats::catalogue::{BUILT_IN, Location};
use crate::policy::AnnotationSettings;

/// The longest name part of a Kubernetes annotation key (apimachinery, `IsQualifiedName`).
const ANNOTATION_NAME_MAX: usize = 63;

/// The longest DNS subdomain (RFC 1123).
const DNS_NAME_MAX: usize = 253;

impl Checker<'_> {
    pub(super) fn locations(&mut self, raw: &[Spanned<Location>]) -> Vec<Location> {
        for location in raw {
            if let Some(problem) = location.get_ref().problem() {
                let hint =
                    "src/manifest/formats/catalogue.toml and docs/formats.md show how entries are written";
                self.fail_hint(location.span(), format!("this `[[location]]` {problem}"), hint);
            }
        }
        raw.iter().map(|location| location.get_ref().clone()).collect()
    }

    pub(super) fn formats_off(&mut self, raw: &Raw) -> BTreeSet<String> {
        let mut off = BTreeSet::new();
        for name in raw.formats.off.iter().flatten() {
            let own = raw.location.iter().filter_map(|location| location.get_ref().format.as_deref());
            let known: BTreeSet<&str> = BUILT_IN.formats().into_iter().chain(own).collect();
            if known.contains(name.get_ref().as_str()) {
                off.insert(name.get_ref().clone());
            } else {
                let known: Vec<&str> = known.into_iter().collect();
                let hint = suggest(name.get_ref(), &known);
                self.fail_hint(name.span(), format!("there is no format `{}`", name.get_ref()), hint);
            }
        }
        off
    }

    pub(super) fn charts(&mut self, raw: &[Spanned<KnownChart>]) -> Vec<KnownChart> {
        for chart in raw {
            if let Some(problem) = chart.get_ref().problem() {
                let hint =
                    "src/manifest/formats/known_charts.toml and docs/helm.md show how entries are written";
                self.fail_hint(chart.span(), format!("this `[[chart]]` {problem}"), hint);
            }
        }
        raw.iter().map(|chart| chart.get_ref().clone()).collect()
    }

    pub(super) fn annotations(&mut self, raw: &RawAnnotations) -> AnnotationSettings {
        let mut annotations = AnnotationSettings::default();
        if let Some(enabled) = raw.enabled {
            annotations.enabled = enabled;
        }
        annotations.remove = raw.remove.unwrap_or(annotations.remove);
        for (key, into) in [(&raw.key, &mut annotations.key), (&raw.index_key, &mut annotations.index_key)] {
            let Some(key) = key else { continue };
            if is_annotation_key(key.get_ref()) {
                into.clone_from(key.get_ref());
            } else {
                self.fail_hint(
                    key.span(),
                    format!("`{}` is not an annotation key", key.get_ref()),
                    "Kubernetes takes `name` or `dns.prefix/name`: the name has at most 63 letters, digits, `-`, `_` or `.`",
                );
            }
        }
        let AnnotationSettings { key, index_key, .. } = &annotations;
        if let Some(written) = raw.index_key.as_ref().or(raw.key.as_ref())
            && (is_key_of(key, index_key) || is_key_of(index_key, key))
        {
            self.fail_hint(
                written.span(),
                format!("`key` (`{key}`) and `index-key` (`{index_key}`) cannot be told apart"),
                "`.NAME` of a container is put behind each: neither may be, or begin with, the other and a dot",
            );
        }
        annotations
    }
}

/// Returns whether `key` is `base`, or `base` with the name of a container.
fn is_key_of(base: &str, key: &str) -> bool {
    key.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns whether `key` is a qualified name (apimachinery, `IsQualifiedName`).
fn is_annotation_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let ends = |part: &str, end: fn(u8) -> bool| {
        part.bytes().next().is_some_and(end) && part.bytes().next_back().is_some_and(end)
    };
    let is_name = name.len() <= ANNOTATION_NAME_MAX
        && ends(name, |b| b.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_label = |label: &str| {
        ends(label, |b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && label.bytes().all(|b| lower(b) || b == b'-')
    };
    is_name && prefix.is_none_or(|prefix| prefix.len() <= DNS_NAME_MAX && prefix.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotation_keys_are_those_of_kubernetes() {
        for key in ["deployed-image-digest", "example.com/a", "a", "A_b.c", "x1.example/d9", &"a".repeat(63)]
        {
            assert!(is_annotation_key(key), "{key}");
        }
        for key in
            ["", "/a", "a/", "-a", "a-", "a b", "A.example/a", "a..b/c", "a/b/c", "-x/a", &"a".repeat(64)]
        {
            assert!(!is_annotation_key(key), "{key}");
        }
    }
}
