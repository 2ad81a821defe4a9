//! The lines of a body, one for each image or place: written once, so that a body can be tried at several lengths.

use std::collections::BTreeSet;

use super::left_out::LeftOut;
use super::{ImageChange, ObjectRef, Occasion, Proposal, details};
use crate::markdown::{cell, code, listed};
use crate::policy::looks_immutable;
use crate::registry::verify::{ArtifactKind, Proof};
use crate::text::count;

/// How many places a row or a sentence names before it counts the rest.
const PLACES_IN_ROW: usize = 2;

const PLACES: usize = 50;

/// How many environments the first line names.
const NAMED: usize = 5;

/// What a digest covers that is not worth a word: all that there is.
const INDEX: &str = "index";

/// Everything that a body says line by line, in its order.
pub(super) struct BodyLines {
    /// Instead of a table, where one image changes.
    pub(super) sentence: Option<String>,
    /// What changes, counted.
    pub(super) lead: Option<String>,
    /// The table's rows.
    pub(super) rows: Vec<String>,
    /// What this run could not confirm.
    pub(super) unconfirmed: Vec<String>,
    /// The images whose tags look like releases and moved.
    pub(super) releases: Vec<String>,
    /// How tags moved.
    pub(super) moves: Vec<String>,
    /// What a reviewer should not overlook.
    pub(super) warnings: Vec<String>,
    /// All that is known of each image.
    pub(super) full: Vec<String>,
    /// The same in short, where something is known.
    pub(super) short: Vec<String>,
    /// The same again, the most telling first.
    pub(super) telling: Vec<String>,
    /// What is not part of the change.
    pub(super) left_out: LeftOut,
    /// The jobs that change.
    pub(super) jobs: Vec<String>,
}

impl BodyLines {
    /// Returns the lines of the body for `proposal`.
    pub(super) fn of(proposal: &Proposal) -> Self {
        let Proposal { images, occasion, .. } = proposal;
        let vouched = is_vouched(proposal);
        let sentence = match &**images {
            [image] => Some(sentence(proposal, image)),
            _ => None,
        };
        let unconfirmed = |image: &ImageChange| {
            let reason = code(image.unconfirmed.as_ref()?);
            Some(format!("{} at `{}`: {reason}", named(image), image.new))
        };
        let is_moved = |image: &&ImageChange| image.old.is_some() && looks_immutable(&image.tag);
        let releases = images.iter().filter(|_| *occasion == Occasion::Tags).filter(is_moved);
        let jobs = images.iter().flat_map(|image| &image.objects).filter(|object| object.kind == "Job");
        Self {
            sentence,
            lead: (*occasion == Occasion::Tags && images.len() > 1).then(|| lead(proposal)),
            rows: images.iter().map(|image| row(proposal, image, vouched)).collect(),
            unconfirmed: each_once(images.iter().filter_map(unconfirmed)),
            releases: each_once(releases.map(|image| format!("{}:{}", image.name, image.tag))),
            moves: each_once(images.iter().filter_map(moves)),
            warnings: images.iter().flat_map(details::warnings).collect(),
            full: images.iter().map(full).collect(),
            short: images.iter().filter_map(short).collect(),
            telling: telling(images).into_iter().filter_map(short).collect(),
            left_out: LeftOut::of(&proposal.left_out),
            jobs: each_once(jobs.map(object)),
        }
    }
}

fn each_once(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns whether somebody vouches for an image.
pub(super) fn is_vouched(proposal: &Proposal) -> bool {
    proposal.images.iter().any(|image| !image.proofs.is_empty())
}

/// Returns how a tag moved, where that is worth a word. It stays the same until the tag moves again.
fn moves(image: &ImageChange) -> Option<String> {
    let moves = image.moves.as_ref()?;
    let mut parts = Vec::new();
    if let Some(left) = moves.back {
        parts.push(format!("moved back to a digest that it had left at {left}"));
    }
    if moves.lately > 1 {
        parts.push(format!("moved {} times in the seven days until {}", moves.lately, moves.last));
    }
    (!parts.is_empty()).then(|| format!("{} {}", named(image), parts.join(", and ")))
}

/// Returns what changes, counted: the first thing that a reviewer reads.
fn lead(proposal: &Proposal) -> String {
    let (first, moved): (Vec<_>, Vec<_>) = proposal.images.iter().partition(|image| image.old.is_none());
    let first = match first.len() {
        0 => None,
        1 => Some("1 image gets its first digest".to_owned()),
        count => Some(format!("{count} images get their first digests")),
    };
    let moved = match moved.len() {
        0 => None,
        1 => Some("1 tag has moved".to_owned()),
        count => Some(format!("{count} tags have moved")),
    };
    let what = first.into_iter().chain(moved).collect::<Vec<_>>().join(" and ");
    let names: BTreeSet<&String> = proposal.environments.values().collect();
    let names: Vec<String> = names.into_iter().map(|name| code(name)).collect();
    let whose = if names.is_empty() {
        String::new()
    } else {
        format!(" of {}", listed(&names, NAMED, str::to_owned))
    };
    format!("{what}, in {}{whose}.", count(proposal.files, "file"))
}

/// Returns what happens to the one image that changes.
fn sentence(proposal: &Proposal, image: &ImageChange) -> String {
    let new = format!("`{}…`", image.new.short());
    let what = match (&image.old, &proposal.occasion) {
        (None, Occasion::Tags) => format!("gets its first digest, {new}"),
        (None, Occasion::Promotion { .. }) => format!("is promoted: it gets the digest {new}"),
        (None, Occasion::Rollback { .. }) => format!("is rolled back to {new}"),
        (Some(old), Occasion::Tags) => format!("has moved from `{}…` to {new}", old.short()),
        (Some(old), Occasion::Promotion { .. }) => format!("is promoted from `{}…` to {new}", old.short()),
        (Some(old), Occasion::Rollback { .. }) => format!("is rolled back from `{}…` to {new}", old.short()),
    };
    let doubt = if image.unconfirmed.is_some() { ", which is not confirmed" } else { "" };
    let covers = match image.platforms.as_str() {
        "" | INDEX => String::new(),
        covers => format!(" ({})", code(covers)),
    };
    let proofs = match &*image.proofs {
        [] => String::new(),
        _ => format!(" Vouched for: {}.", proofs(image, code)),
    };
    let places = listed(&places_in(proposal, image, code), PLACES_IN_ROW, str::to_owned);
    let stands = if image.objects.is_empty() { "It stands in" } else { "It is used by" };
    format!("**{}** {what}{covers}{doubt}. {stands} {places}.{proofs}", named(image))
}

fn row(proposal: &Proposal, image: &ImageChange, vouched: bool) -> String {
    let old = image.old.as_ref().map_or_else(|| "none".to_owned(), |old| format!("`{}…`", old.short()));
    let change = proposal.occasion.change(image.old.is_none(), &image.tag);
    let doubt = if image.unconfirmed.is_some() { ", not confirmed" } else { "" };
    let covers = match image.platforms.as_str() {
        "" | INDEX => String::new(),
        covers => format!(", {}", cell(covers)),
    };
    let places = listed(&places_in(proposal, image, cell), PLACES_IN_ROW, str::to_owned);
    let name = cell(&format!("{}:{}", image.name, image.tag));
    let proofs = match vouched {
        true if image.proofs.is_empty() => " not demanded |".to_owned(),
        true => format!(" {} |", proofs(image, cell)),
        false => String::new(),
    };
    format!("| {name} | {change}{covers}{doubt} | {places} | {old} | `{}…` |{proofs}", image.new.short())
}

/// Returns where an image is used, each place once: the object with its environment, or with its file where that belongs to
/// none; the file where no object is known.
fn places_in(proposal: &Proposal, image: &ImageChange, escape: fn(&str) -> String) -> Vec<String> {
    let file_of = |file: &String| proposal.environments.get(file).unwrap_or(file).clone();
    let objects = image.objects.iter().map(|ObjectRef { file, kind, name }| {
        let name = name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        format!("{} in {}", escape(&format!("{kind}{name}")), escape(&file_of(file)))
    });
    let without = image.files.iter().filter(|file| image.objects.iter().all(|object| object.file != **file));
    let mut seen = BTreeSet::new();
    let places = objects.chain(without.map(|file| escape(file)));
    places.filter(|place| seen.insert(place.clone())).collect()
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

/// Returns the images, those first that a reviewer should look at.
pub(super) fn telling(images: &[ImageChange]) -> Vec<&ImageChange> {
    let rank = |image: &&ImageChange| {
        let is_back = image.moves.as_ref().is_some_and(|moves| moves.back.is_some());
        let is_release = image.old.is_some() && looks_immutable(&image.tag);
        (details::warnings(image).is_empty(), !is_back, !is_release, image.old.is_none())
    };
    let mut sorted: Vec<&ImageChange> = images.iter().collect();
    sorted.sort_by_key(rank);
    sorted
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
