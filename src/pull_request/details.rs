//! What is told of one image beyond its digests. Pure: descriptions in, Markdown out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compare_link::compare_link;
use super::image_diff::{Difference, NameDiff};
use super::{Details, ImageChange};
use crate::markdown::{code, code_as_it_is};
use crate::platform::Platform;
use crate::registry::{Description, ImageConfig, ResolveError};

/// How many names, platforms or files a line names before it counts the rest.
const NAMED: usize = 20;

pub(super) fn facts(image: &ImageChange) -> Vec<String> {
    let Some(Details { old, new }) = &image.details else { return Vec::new() };
    let nothing = Description::default();
    let before = old.as_ref().unwrap_or(&nothing);
    let mut lines: Vec<String> = summary(image);
    lines.extend(source(before, new));
    lines.extend(platforms(before, new, old.is_some()));
    if old.is_some() {
        lines.extend(settings(&Difference::between(before, new)));
    } else {
        lines.extend(new.config.as_ref().map(base_image).unwrap_or_default());
    }
    let unknown = old.iter().map(|old| ("old", old)).chain([("new", new)]);
    lines.extend(unknown.filter_map(|(which, description)| {
        let why = why(description.missing.as_ref()?);
        Some(format!("not known of the {which} image, or only in part: {why}"))
    }));
    lines
}

pub(super) fn summary(image: &ImageChange) -> Vec<String> {
    let Some(Details { old, new }) = &image.details else { return Vec::new() };
    let before = old.as_ref().and_then(|old| old.config.as_ref());
    let mut lines = Vec::new();
    if let Some(after) = &new.config {
        let created = |config: &ImageConfig| config.created.map(day);
        lines.extend(change("created", before.and_then(created), created(after)));
        let version = |config: &ImageConfig| config.label("version").map(code);
        lines.extend(change("version", before.and_then(version), version(after)));
        let revision = |config: &ImageConfig| config.label("revision").map(code);
        let mut revisions = change("revision", before.and_then(revision), revision(after));
        if let (Some(link), Some(line)) =
            (before.and_then(|before| compare_link(before, after)), &mut revisions)
        {
            line.push_str(&format!(", [compare]({link})"));
        }
        lines.extend(revisions);
    }
    lines.extend(size(old.as_ref(), new));
    lines
}

/// Returns what a reviewer should not overlook, each as a sentence that starts with the image.
pub(super) fn warnings(image: &ImageChange) -> Vec<String> {
    let Some(Details { old: Some(old), new }) = &image.details else { return Vec::new() };
    let name = code(&format!("{}:{}", image.name, image.tag));
    let difference = Difference::between(old, new);
    let mut warnings = Vec::new();
    if !difference.platforms.lost.is_empty() {
        let lost = names(difference.platforms.lost.iter().map(ToString::to_string));
        warnings.push(format!("{name} is no longer there for {lost}"));
    }
    if let (Some(old), Some(new)) = (&old.config, &new.config) {
        if !old.is_root() && new.is_root() {
            warnings.push(format!("{name} now runs as root, unless the workload says otherwise"));
        }
        if old.created.zip(new.created).is_some_and(|(old, new)| new < old) {
            warnings.push(format!("{name} was built before the image that it takes the place of"));
        }
    }
    warnings
}

/// Returns `what: old → new`, one of them, or that they are equal.
fn change(what: &str, old: Option<String>, new: Option<String>) -> Option<String> {
    match (old, new) {
        (Some(old), Some(new)) if old == new => Some(format!("{what}: {new}, as before")),
        (Some(old), Some(new)) => Some(format!("{what}: {old} → {new}")),
        (Some(old), None) => Some(format!("{what}: {old} → not said")),
        (None, Some(new)) => Some(format!("{what}: {new}")),
        (None, None) => None,
    }
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn size(old: Option<&Description>, new: &Description) -> Option<String> {
    let after = new.size?;
    let of = new.platform.as_ref().map(|platform| format!(" of {}", code(&platform.to_string())));
    let of = of.unwrap_or_default();
    // Sizes of two platforms say nothing.
    let before = old.filter(|old| old.platform == new.platform).and_then(|old| old.size);
    Some(match before {
        None => format!("size{of}: {}", megabytes(after)),
        Some(before) if before == after => format!("size{of}: {}, as before", megabytes(after)),
        Some(before) => {
            let sign = if after > before { '+' } else { '−' };
            let difference = megabytes(after.abs_diff(before));
            format!("size{of}: {} → {} ({sign}{difference})", megabytes(before), megabytes(after))
        }
    })
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn source(old: &Description, new: &Description) -> Option<String> {
    let source = |image: &Description| Some(code_as_it_is(image.config.as_ref()?.label("source")?));
    let (old, new) = (source(old), source(new));
    // Nothing is news that was so before.
    if old == new { new.map(|source| format!("source: {source}")) } else { change("source", old, new) }
}

fn platforms(old: &Description, new: &Description, moved: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let list = |platforms: &[Platform]| names(platforms.iter().map(ToString::to_string));
    if !moved || old.platforms.is_empty() || new.platforms.is_empty() {
        let all: BTreeSet<String> = new.names().map(ToString::to_string).collect();
        if !all.is_empty() {
            lines.push(format!("platforms: {}", names(all.into_iter())));
        }
        return lines;
    }
    let platforms = Difference::between(old, new).platforms;
    let parts = [
        ("**lost**", &platforms.lost),
        ("added", &platforms.added),
        ("changed", &platforms.changed),
        ("the same manifest as before", &platforms.same),
    ];
    let parts = parts.into_iter().filter(|(_, platforms)| !platforms.is_empty());
    let parts: Vec<String> = parts.map(|(what, platforms)| format!("{what}: {}", list(platforms))).collect();
    lines.push(format!("platforms {}", parts.join("; ")));
    match (old.is_index, new.is_index) {
        (true, false) => lines.push("no index any more: one platform's image".to_owned()),
        (false, true) => lines.push("now an index, where one platform's image was".to_owned()),
        _ => {}
    }
    lines
}

fn settings(difference: &Difference) -> Vec<String> {
    if difference.runs_the_same() {
        return vec![
            "entrypoint, command, user, names of the environment, ports, base image: as before".to_owned(),
        ];
    }
    let shown = |text: &String| if text.is_empty() { "not set".to_owned() } else { code(text) };
    let settings = difference.settings.iter();
    let mut lines: Vec<String> =
        settings.map(|(what, old, new)| format!("{what}: {} → {}", shown(old), shown(new))).collect();
    lines.extend(differing("environment", &difference.environment));
    lines.extend(differing("ports", &difference.ports));
    lines
}

fn differing(what: &str, NameDiff { added, removed }: &NameDiff) -> Option<String> {
    let parts = [("added", added), ("removed", removed)].into_iter().filter(|(_, list)| !list.is_empty());
    let parts: Vec<String> =
        parts.map(|(how, list)| format!("{how} {}", names(list.iter().cloned()))).collect();
    (!parts.is_empty()).then(|| format!("{what}: {}", parts.join("; ")))
}

fn base_image(config: &ImageConfig) -> Vec<String> {
    let label = |what: &str, part| config.label(part).map(|text| format!("{what}: {}", code(text)));
    [label("base image", "base.name"), label("base image's digest", "base.digest")]
        .into_iter()
        .flatten()
        .collect()
}

fn names(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    crate::markdown::listed(&all, NAMED, code)
}

/// Says in a few words why something is not known. What a registry said in full may differ from run to run.
fn why(error: &ResolveError) -> &'static str {
    match error {
        ResolveError::NotFound(_) => "the registry does not have it any more",
        ResolveError::Unauthorized(_) => "the registry does not show it",
        ResolveError::RateLimited(_) => "left out to spare the registry's quota",
        ResolveError::Unavailable(_) => "the registry did not answer in time",
        ResolveError::InvalidAnswer(_) => "what the registry answered was not to be believed",
        ResolveError::NoSuchPlatform(_) | ResolveError::UnsupportedMediaType(..) => {
            "it is not an image as others are"
        }
        ResolveError::NotAllowed(_) => "tagpin does not ask there",
    }
}
