//! What `tagpin live` prints: for people, and as versioned JSON. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::fold;
use crate::live::describe::{agreement, asking, place, running_digest, unknown};
use crate::live::pods::{Container, Pulled};
use crate::live::{Comparison, DeclaredPlace, Fit, LiveImage, LiveStatus, RunningDigest};
use crate::report::terminal::{Stream, TextStyle};
use crate::text::{count, one_line};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// Where what belongs to a word on the left begins.
const INDENT: usize = 12;

/// How many containers of a digest people are shown; JSON has them all.
const SHOWN_MAX: usize = 5;

/// Returns whether everything could be compared.
pub fn is_complete(compared: &Comparison) -> bool {
    compared.unknown.is_empty() && compared.images.iter().all(|image| image.status != LiveStatus::Unchecked)
}

/// Returns whether something runs that should not.
pub fn has_drift(compared: &Comparison) -> bool {
    compared.images.iter().any(|image| image.status == LiveStatus::Drift)
}

/// Returns a line for each image, and what runs where they differ.
pub fn human(compared: &Comparison, stream: &Stream) -> String {
    let mut text = String::new();
    // The containers of what is not compared are told below.
    for image in compared.images.iter().filter(|image| image.status != LiveStatus::NotCompared) {
        let style = match image.status {
            LiveStatus::Drift | LiveStatus::Unchecked | LiveStatus::NotCompared => TextStyle::Red,
            LiveStatus::NotDeclared | LiveStatus::NotPinned => TextStyle::Yellow,
            LiveStatus::NotRunning => TextStyle::Dim,
            LiveStatus::Same => TextStyle::Green,
        };
        let word = format!("{:12}", image.status.as_str());
        text += &fold::headed(style, &word, &format!("  {}", image.name), INDENT, stream);
        if !matches!(image.status, LiveStatus::Same) {
            differences(&mut text, image, stream);
        }
    }
    for container in &compared.unknown {
        let Pulled::Local(id) = &container.pulled else { continue };
        let image = format!("  {}", container.image);
        text += &fold::headed(TextStyle::Red, "not compared", &image, INDENT, stream);
        text += &fold::line(&format!("  {}: {}", place(container), unknown(id)), INDENT, stream);
    }
    text
}

fn differences(text: &mut String, image: &LiveImage, stream: &Stream) {
    for declared in &image.declared {
        let (digests, place) = (digests(declared), declared_at(declared));
        *text += &fold::line(&format!("  declared  {digests}  {place}"), INDENT, stream);
    }
    if let Some(agreement) = agreement(image) {
        *text += &fold::line(&format!("  {agreement}"), INDENT, stream);
    }
    for running in &image.running {
        let RunningDigest { digest, containers, .. } = running;
        let runs = format!("  runs      {}…  {}", digest.short(), running_digest(running));
        *text += &fold::line(&runs, INDENT, stream);
        for container in containers.iter().take(SHOWN_MAX) {
            let line = format!("              {}", asking(container, image));
            *text += &fold::line(&line, INDENT + 4, stream);
        }
        if containers.len() > SHOWN_MAX {
            let _ = writeln!(text, "              and {} more", containers.len() - SHOWN_MAX);
        }
    }
    if let Some(now) = &image.tag_now {
        let line = format!("  tag now   {}…  neither declared nor running", now.short());
        *text += &fold::line(&line, INDENT, stream);
    }
}

/// Returns the digests that a place declares, short.
pub(super) fn digests(declared: &DeclaredPlace) -> String {
    let digests: Vec<String> = declared.digests.iter().map(|digest| format!("{}…", digest.short())).collect();
    if digests.is_empty() { "no digest".to_owned() } else { digests.join(" or ") }
}

/// Returns where that is.
pub(super) fn declared_at(declared: &DeclaredPlace) -> String {
    format!("{}:{}:{}", one_line(&declared.file), declared.line, declared.column)
}

/// Returns one line with the numbers.
pub fn summary(compared: &Comparison) -> String {
    let mut parts: Vec<String> = statuses(compared)
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(status, number)| format!("{number} {status}"))
        .collect();
    if compared.waiting > 0 {
        parts.push(format!("{} not started", count(compared.waiting, "container")));
    }
    if !compared.unknown.is_empty() {
        parts.push(format!("{} not compared", count(compared.unknown.len(), "container")));
    }
    let images = count(compared.images.len(), "image");
    if parts.is_empty() { format!("{images}\n") } else { format!("{images}: {}\n", parts.join(", ")) }
}

fn statuses(compared: &Comparison) -> Vec<(&'static str, usize)> {
    let number = |status| compared.images.iter().filter(|image| image.status == status).count();
    LiveStatus::ALL.into_iter().map(|status| (status.as_str(), number(status))).collect()
}

/// Returns the JSON document; `complete` tells whether every file was read and every digest compared.
pub fn document(compared: &Comparison, complete: bool) -> Value {
    let summary: BTreeMap<&str, usize> = statuses(compared).into_iter().collect();
    json!({
        "version": VERSION,
        "images": compared.images.iter().map(image).collect::<Vec<_>>(),
        "unknown": compared.unknown.iter().map(|one| {
            let Pulled::Local(id) = &one.pulled else { return container(one) };
            let mut row = container(one);
            row["image"] = json!(one.image);
            row["image_id"] = json!(id);
            row
        }).collect::<Vec<_>>(),
        "summary": summary,
        "waiting": compared.waiting,
        "complete": complete,
    })
}

fn image(image: &LiveImage) -> Value {
    json!({
        "image": image.name,
        "status": image.status.as_str(),
        "declared": image.declared.iter().map(|declared| json!({
            "file": declared.file,
            "line": declared.line,
            "column": declared.column,
            "digests": declared.digests,
        })).collect::<Vec<_>>(),
        "running": image.running.iter().map(|running| json!({
            "digest": running.digest,
            "is": running.fit.as_str(),
            "detail": match &running.fit { Fit::Unchecked(error) => Some(error), _ => None },
            "containers": running.containers.iter().map(container).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "tag_now": image.tag_now,
    })
}

fn container(container: &Container) -> Value {
    json!({
        "namespace": container.namespace,
        "pod": container.pod,
        "container": container.name,
        "node": container.node,
        "replica_set": container.replica_set.as_ref().map(|set| json!({"name": set.name, "old": set.is_old})),
    })
}
