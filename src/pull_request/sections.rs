//! The sections of a body, each as Markdown: the table, what is known of the images, what was left out, what a merge
//! causes, how it was checked.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::volatile::Completeness;
use super::{Details, ImageChange, ObjectRef, Occasion, Omitted, Proposal, details, volatile};
use crate::markdown::{cell, code, listed};
use crate::policy::looks_immutable;
use crate::registry::verify::{ArtifactKind, Proof};

const FILES_IN_CELL: usize = 3;

const PLACES: usize = 50;

/// How many left-out references are shown before the rest is only counted.
pub(super) const LEFT_OUT: usize = 100;

const WARNINGS: usize = 20;

const REGISTRIES: usize = 20;

const TABLE: &str = "| Image | Tag | Change | Old digest | New digest | Platforms | Files |\n\
    | --- | --- | --- | --- | --- | --- | --- |";

const VOUCHED_TABLE: &str = "| Image | Tag | Change | Old digest | New digest | Vouched for | Platforms | Files |\n\
    | --- | --- | --- | --- | --- | --- | --- | --- |";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DetailLevel {
    Full,
    Short,
    Warnings,
}

/// Returns an upper bound of how any forge counts `text`: UTF-16 units, with two for each line end.
pub(super) fn size(text: &str) -> usize {
    text.encode_utf16().count() + text.matches('\n').count()
}

pub(super) fn table(proposal: &Proposal, room: usize) -> String {
    let vouched = proposal.images.iter().any(|image| !image.proofs.is_empty());
    let rows =
        proposal.images.iter().map(|image| row(image, &proposal.occasion, vouched)).collect::<Vec<_>>();
    let shown = fitting(&rows, room);
    let mut parts = Vec::new();
    if shown > 0 {
        let head = if vouched { VOUCHED_TABLE } else { TABLE };
        parts.push(format!("{head}\n{}", rows[..shown].join("\n")));
    }
    match rows.len() - shown {
        0 => {}
        1 => parts.push("1 more row is not shown here: the commit has all changes.".to_owned()),
        hidden => parts.push(format!("{hidden} more rows are not shown here: the commit has all changes.")),
    }
    parts.join("\n\n")
}

fn fitting(lines: &[String], room: usize) -> usize {
    let mut taken = 0_usize;
    let fits = |line: &&String| {
        taken = taken.saturating_add(size(line) + 2);
        taken <= room
    };
    lines.iter().take_while(fits).count()
}

fn row(image: &ImageChange, occasion: &Occasion, vouched: bool) -> String {
    let old = image.old.as_ref().map_or_else(|| "none".to_owned(), |old| format!("`{}…`", old.short()));
    let change = occasion.change(image.old.is_none(), &image.tag);
    let doubt = if image.unconfirmed.is_some() { ", not confirmed" } else { "" };
    let files = listed(&image.files, FILES_IN_CELL, cell);
    let (name, tag) = (cell(&image.name), cell(&image.tag));
    let platforms = if image.platforms.is_empty() { "not known".to_owned() } else { cell(&image.platforms) };
    let proofs = match vouched {
        true if image.proofs.is_empty() => " not demanded |".to_owned(),
        true => format!(" {} |", proofs(image, cell)),
        false => String::new(),
    };
    let new = image.new.short();
    format!("| {name} | {tag} | {change}{doubt} | {old} | `{new}…` |{proofs} {platforms} | {files} |")
}

/// Returns who vouches for the new digest, in few words; names of keys and types are not ours.
fn proofs(image: &ImageChange, escape: fn(&str) -> String) -> String {
    let told =
        image.proofs.iter().map(|Proof { kind, key, predicate_type }| match (kind, key, predicate_type) {
            (ArtifactKind::Signature, Some(key), _) => format!("signed, key {}", escape(key)),
            (ArtifactKind::Attestation, Some(key), Some(about)) => {
                format!("attested ({}), key {}", escape(about), escape(key))
            }
            (ArtifactKind::Attestation, Some(key), None) => format!("attested, key {}", escape(key)),
            (ArtifactKind::Signature, None, _) => "a signature is attached, not verified".to_owned(),
            (ArtifactKind::Attestation, None, _) => "an attestation is attached, not verified".to_owned(),
        });
    told.collect::<Vec<_>>().join("; ")
}

/// Returns the warning about tags that look like releases and have moved; empty where there is none.
pub(super) fn releases(proposal: &Proposal) -> String {
    if proposal.occasion != Occasion::Tags {
        return String::new();
    }
    let moved = |image: &&ImageChange| image.old.is_some() && looks_immutable(&image.tag);
    let names = proposal.images.iter().filter(moved).map(|image| format!("{}:{}", image.name, image.tag));
    let names = names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let what = match names.len() {
        0 => return String::new(),
        1 => "A tag that looks like a release, which nobody should push twice, has moved",
        _ => "Tags that look like releases, which nobody should push twice, have moved",
    };
    format!("> [!WARNING]\n> {what}: {}. Find out why before you merge.", listed(&names, WARNINGS, code))
}

/// Returns the warning about digests that are on the branch and that the run could not confirm; empty where there are none.
pub(super) fn unconfirmed(proposal: &Proposal) -> String {
    let line = |image: &ImageChange| {
        let reason = code(image.unconfirmed.as_ref()?);
        Some(format!("\n> - {} at `{}`: {reason}", named(image), image.new))
    };
    let lines: BTreeSet<String> = proposal.images.iter().filter_map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut quoted = format!(
        "> [!WARNING]\n> The last run could not confirm what this branch holds of these images. An earlier one proposed it, \
         or somebody else put it there:{}",
        lines.iter().take(WARNINGS).map(String::as_str).collect::<String>()
    );
    if lines.len() > WARNINGS {
        let _ = write!(quoted, "\n> - and {} more", lines.len() - WARNINGS);
    }
    quoted
}

/// Returns which commit the body speaks of; empty where there is none yet.
pub(super) fn commit(proposal: &Proposal) -> String {
    match proposal.head.as_str() {
        "" => String::new(),
        head => format!("This text is about the commit {}.", code(head)),
    }
}

/// Returns how the tags moved, where that is worth a word: back to a digest that they had, or again and again; empty where
/// none did. What it says of a tag stays the same until the tag moves again.
pub(super) fn moves(proposal: &Proposal) -> String {
    let told = |image: &ImageChange| {
        let moves = image.moves.as_ref()?;
        let mut parts = Vec::new();
        if let Some(left) = moves.back {
            parts.push(format!("moved back to a digest that it had left at {left}"));
        }
        if moves.lately > 1 {
            parts.push(format!("moved {} times in the seven days until {}", moves.lately, moves.last));
        }
        (!parts.is_empty()).then(|| format!("\n> - {} {}", named(image), parts.join(", and ")))
    };
    let lines: BTreeSet<String> = proposal.images.iter().filter_map(told).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut quoted =
        format!("> [!NOTE]{}", lines.iter().take(WARNINGS).map(String::as_str).collect::<String>());
    if lines.len() > WARNINGS {
        let _ = write!(quoted, "\n> - and {} more", lines.len() - WARNINGS);
    }
    quoted
}

pub(super) fn details(proposal: &Proposal, told: DetailLevel) -> String {
    let images = &proposal.images;
    let wanted = images.iter().filter_map(|image| image.details.as_ref());
    let known = Completeness {
        known: wanted.clone().filter(|it| Details::is_complete(it)).count(),
        wanted: wanted.count(),
    };
    let mut parts = Vec::new();
    let warnings = images.iter().flat_map(details::warnings).collect::<Vec<_>>();
    if !warnings.is_empty() {
        let mut quoted = "> [!WARNING]".to_owned();
        for warning in warnings.iter().take(WARNINGS) {
            let _ = write!(quoted, "\n> - {warning}");
        }
        if warnings.len() > WARNINGS {
            let _ = write!(quoted, "\n> - and {} more", warnings.len() - WARNINGS);
        }
        parts.push(quoted);
    }
    let folded = |summary: &str, list: Vec<String>| {
        format!("<details>\n<summary>{summary}</summary>\n\n{}\n\n</details>", list.join("\n"))
    };
    match told {
        DetailLevel::Full if !images.is_empty() => {
            parts.push(folded(
                "Full digests, what is in the images, and where they are used",
                images.iter().map(full).collect(),
            ));
        }
        DetailLevel::Short => {
            let lines = images.iter().filter_map(short).collect::<Vec<_>>();
            if !lines.is_empty() {
                parts.push(folded("What is in the images", lines));
            }
            parts.push(
                "There is no room here for the full digests and all details: the commit has the digests."
                    .to_owned(),
            );
        }
        DetailLevel::Warnings => {
            parts.push(
                "There is no room here for the full digests and for details: the commit has the digests."
                    .to_owned(),
            );
        }
        DetailLevel::Full => {}
    }
    volatile::details(&parts.join("\n\n"), known)
}

fn named(image: &ImageChange) -> String {
    code(&format!("{}:{}", image.name, image.tag))
}

fn short(image: &ImageChange) -> Option<String> {
    let facts = details::summary(image);
    (!facts.is_empty()).then(|| format!("- {}: {}", named(image), facts.join("; ")))
}

fn full(image: &ImageChange) -> String {
    let old = image.old.as_ref();
    let old = old.map_or_else(|| "no digest, this is its first".to_owned(), |old| format!("`{old}`"));
    let index = image.index.as_ref();
    let index =
        index.map(|index| format!("the manifest for {} in the index `{index}`", code(&image.platforms)));
    let mut lines = vec![format!("new: `{}`", image.new)];
    lines.extend(index);
    lines.push(format!("old: {old}"));
    if !image.proofs.is_empty() {
        lines.push(format!("vouched for: {}", proofs(image, code)));
    }
    lines.extend(details::facts(image));
    lines.push(format!("in: {}", places(image)));
    format!("- {}\n  - {}", named(image), lines.join("\n  - "))
}

fn places(image: &ImageChange) -> String {
    let without = image.files.iter().filter(|file| image.objects.iter().all(|object| object.file != **file));
    let mut places = image.objects.iter().map(object).collect::<Vec<_>>();
    places.extend(without.map(|file| code(file)));
    listed(&places, PLACES, str::to_owned)
}

fn object(ObjectRef { file, kind, name }: &ObjectRef) -> String {
    let name = name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    format!("{} in {}", code(&format!("{kind}{name}")), code(file))
}

/// Returns what is not part of the change and why; empty where everything is.
pub(super) fn left_out(proposal: &Proposal, room: usize) -> String {
    let (count, lines) = (proposal.left_out.len(), left_out_lines(proposal));
    let what = match count {
        0 => return String::new(),
        1 => "1 reference is not part of this pull request:".to_owned(),
        count => format!("{count} references are not part of this pull request:"),
    };
    let shown = fitting(&lines, room);
    let mut list = lines[..shown].join("\n");
    if shown < count {
        let more = if shown == 0 { "see" } else { "and" };
        list.push_str(&format!("\n- {more} {} more in the output of the run", count - shown));
    }
    format!("### Left out\n\n{what}\n\n{}", list.trim_start())
}

pub(super) fn left_out_lines(proposal: &Proposal) -> Vec<String> {
    let line = |left: &Omitted| {
        let place = code(&format!("{}:{}", left.file, left.line));
        let detail = left.detail.as_deref().map(|detail| format!(": {}", code(detail))).unwrap_or_default();
        format!("- {} in {place}: {}, {}{detail}", code(&left.image), code(&left.outcome), code(&left.reason))
    };
    proposal.left_out.iter().take(LEFT_OUT).map(line).collect()
}

/// Returns what a merge does to a running cluster, as far as it is known from here; empty where nothing changes.
pub(super) fn consequences(proposal: &Proposal) -> String {
    let mut lines = Vec::new();
    if proposal.images.iter().any(|image| image.old.is_none()) {
        lines.push(
            "- Workloads whose image gets its first digest restart once, although the tag stays the same: their pod \
             template changes."
                .to_owned(),
        );
    }
    if proposal.images.iter().any(|image| image.old.is_some()) {
        lines.push("- Workloads whose digest changes roll over to the new image.".to_owned());
    }
    if lines.is_empty() {
        return String::new();
    }
    let jobs = proposal.images.iter().flat_map(|image| &image.objects).filter(|object| object.kind == "Job");
    let jobs = jobs.map(object).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let mut jobs_line =
        "- The template of a Job is immutable: a Job that exists already has to be deleted before it can \
                         be applied again."
            .to_owned();
    if !jobs.is_empty() {
        let _ = write!(jobs_line, " Here: {}.", listed(&jobs, WARNINGS, str::to_owned));
    }
    lines.push(jobs_line);
    format!("### What a merge causes\n\n{}", lines.join("\n"))
}

pub(super) fn proof(proposal: &Proposal) -> String {
    let number = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!(
        "### How this was checked\n\n{} in {} changed. Every other byte is equal, and a second, independent YAML \
         parser found the same values as before everywhere else.",
        number(proposal.spans, "span"),
        number(proposal.files, "file")
    )
}

/// Returns how many requests each registry got; empty where nobody counted.
pub(super) fn requests(proposal: &Proposal) -> String {
    if proposal.requests.is_empty() {
        return String::new();
    }
    let hosts = proposal.requests.iter().map(|(host, budget)| format!("{}: {budget}", code(host)));
    let mut shown = hosts.clone().take(REGISTRIES).collect::<Vec<_>>().join("; ");
    let more = hosts.count().saturating_sub(REGISTRIES);
    if more > 0 {
        let _ = write!(shown, "; and {more} more registries");
    }
    volatile::requests(&format!("Requests that the run sent until then: {shown}."))
}
