//! What Helm reads of a chart and tagpin does not judge: templates that are not called like manifests, helpers that name an
//! image or put one together, packed charts.

use super::content;
use super::formats::catalogue::Catalogue;
use super::look_away::{LookAway, LookAwayReason};
use super::scan::is_candidate;
use crate::reference::Reference;

/// A part of a chart that is not read as a manifest, or not as one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChartPart {
    /// What Helm renders, and is not called like a manifest.
    Template,
    /// What other templates ask for: nothing comes out of it by itself.
    Helper,
    /// A packed chart.
    Archive,
}

/// Returns what part of a chart the file at `path` below the root is; `is_chart` returns whether a directory is one.
pub(super) fn part_of(path: &str, is_chart: impl Fn(&str) -> bool) -> Option<ChartPart> {
    let whole = format!("/{path}");
    let is_in =
        |part: &str| whole.match_indices(part).any(|(at, _)| is_chart(whole[..at].trim_start_matches('/')));
    if path.ends_with(".tgz") {
        return is_in("/charts/").then_some(ChartPart::Archive);
    }
    let is_helper = path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
    // Notes are printed and not applied.
    if is_candidate(path) && !is_helper || path.ends_with("/NOTES.txt") || !is_in("/templates/") {
        return None;
    }
    Some(if is_helper { ChartPart::Helper } else { ChartPart::Template })
}

/// Returns why a part of a chart with these bytes is looked away from, where an image may come from it.
pub(super) fn look_away(part: ChartPart, bytes: &[u8], catalogue: &Catalogue) -> Option<LookAway> {
    let text = String::from_utf8_lossy(bytes);
    match part {
        ChartPart::Archive => {
            let found = LookAway::of_file(LookAwayReason::ChartArchive, "");
            Some(found.with_content(content::of_bytes(bytes)))
        }
        ChartPart::Template => catalogue.may_hold_images(bytes).then(|| {
            let found = LookAway::of_file(LookAwayReason::ChartTemplate, "");
            found.with_content(content::of_template(&text))
        }),
        ChartPart::Helper => {
            let blocks: Vec<&str> = blocks(&text).into_iter().filter(|block| makes_image(block)).collect();
            if blocks.is_empty() {
                return None;
            }
            let is_named = blocks.iter().any(|block| names_image(block));
            let reason =
                if is_named { LookAwayReason::ChartHelper } else { LookAwayReason::ChartHelperParts };
            let contents: Vec<String> = blocks.into_iter().map(content::of_template).collect();
            let content = content::of_bytes(contents.concat().as_bytes());
            Some(LookAway::of_file(reason, "").with_content(content))
        }
    }
}

/// Returns the definitions of a helper, each up to the next one, and what stands before them.
fn blocks(text: &str) -> Vec<&str> {
    let starts = text.match_indices("{{").map(|(at, _)| at).filter(|at| {
        let action = text[at + 2..].trim_start_matches('-').trim_start();
        action.starts_with("define")
    });
    let starts: Vec<usize> = std::iter::once(0).chain(starts.filter(|at| *at > 0)).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Returns whether what a helper defines may be an image, or a part of one.
fn makes_image(block: &str) -> bool {
    const SIGNS: [&str; 12] = [
        "image",
        "digest",
        "registr",
        "repositor",
        "sha256",
        "container",
        "%s:",
        "%s@",
        "%v:",
        "%v@",
        "}}:{{",
        "}}@{{",
    ];
    let mut lower = block.to_ascii_lowercase();
    // How images are pulled does not say which, nor does the chart's own version, which labels have.
    for word in ["imagepullsecret", "imagepullpolicy", ".chart.version"] {
        lower = lower.replace(word, "");
    }
    let is_tag = |word: &str| word == "tag" || word.ends_with("_tag") || word.ends_with("version");
    SIGNS.iter().any(|sign| lower.contains(sign))
        || (lower.contains("spec:") || !lower.contains(':')) && words(&lower).any(is_tag)
        || names_image(block)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// Returns whether a word of a template is an image with a tag.
fn names_image(text: &str) -> bool {
    image_words(text).next().is_some()
}

/// Returns where the words of a template are that are images with a tag.
pub(super) fn image_words(text: &str) -> impl Iterator<Item = usize> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '{' | '}' | ',');
    let is_one = |word: &str| matches!(Reference::parse(word), Ok(reference) if reference.tag().is_some() && reference.digest().is_none());
    let mut start = 0;
    text.split_inclusive(ends).filter_map(move |part| {
        let at = start;
        start += part.len();
        is_one(part.trim_end_matches(ends)).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_places() {
        let is_chart = |directory: &str| matches!(directory, "" | "a");
        for (path, part) in [
            ("a/templates/x.txt", Some(ChartPart::Template)),
            ("a/templates/sub/_x.tpl", Some(ChartPart::Helper)),
            ("templates/_x.yaml", Some(ChartPart::Helper)),
            ("a/templates/x.yaml", None),
            ("a/templates/NOTES.txt", None),
            ("a/charts/b-1.tgz", Some(ChartPart::Archive)),
            ("b/templates/x.txt", None),
        ] {
            assert_eq!(part_of(path, is_chart), part, "{path}");
        }
    }

    #[test]
    fn a_helper_is_known_by_what_it_makes() {
        for (text, is_one) in [
            ("{{ define \"a\" }}{{ .r }}:{{ .t }}{{ end }}", true),
            ("{{- define \"a\" -}}\n{{ printf \"%s@%s\" .a .b }}\n{{- end }}", true),
            ("{{ define \"a\" }}redis:6{{ end }}", true),
            ("{{ define \"a\" }}{{ .Values.tag }}{{ end }}", true),
            (
                "{{ define \"a.labels\" }}app: {{ .Chart.Name }}\nversion: {{ .Chart.Version }}{{ end }}",
                false,
            ),
            ("{{ define \"a.name\" }}{{ .Release.Name | trunc 63 }}{{ end }}", false),
            ("{{ define \"a.secrets\" }}{{ toYaml .Values.imagePullSecrets }}{{ end }}", false),
        ] {
            assert_eq!(blocks(text).into_iter().any(makes_image), is_one, "{text}");
        }
        assert_eq!(blocks("a{{ define \"b\" }}c{{- define \"d\" }}").len(), 3);
    }
}
