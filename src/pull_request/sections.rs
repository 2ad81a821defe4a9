//! The sections of a body, each as Markdown: the table, what is known of the images, what was left out, what a merge
//! causes, how it was checked.

use std::fmt::Write as _;

use super::lines::{BodyLines, is_vouched};
use super::volatile::Completeness;
use super::{Details, Proposal, volatile};
use crate::markdown::{code, listed};
use crate::registry::ResolveError;

const REGISTRIES: usize = 20;

/// How many rows a table has that is not folded.
const ROWS: usize = 20;

const TABLE: &str = "| Image | Change | Used by | Old digest | New digest |\n| --- | --- | --- | --- | --- |";

const VOUCHED_TABLE: &str = "| Image | Change | Used by | Old digest | New digest | Vouched for |\n\
    | --- | --- | --- | --- | --- | --- |";

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

pub(super) fn table(proposal: &Proposal, lines: &BodyLines, room: usize) -> String {
    if let Some(sentence) = &lines.sentence {
        return sentence.clone();
    }
    let rows = &lines.rows;
    let shown = fitting(rows, room);
    let mut parts: Vec<String> = lines.lead.iter().cloned().collect();
    if shown > 0 {
        let head = if is_vouched(proposal) { VOUCHED_TABLE } else { TABLE };
        let table = format!("{head}\n{}", rows[..shown].join("\n"));
        // Nobody scrolls past hundreds of rows to the warnings below them.
        parts.push(if rows.len() > ROWS {
            folded("The images and where they are used", &table)
        } else {
            table
        });
    }
    match rows.len() - shown {
        0 => {}
        1 => parts.push("1 more row is not shown here: the commit has all changes.".to_owned()),
        hidden => parts.push(format!("{hidden} more rows are not shown here: the commit has all changes.")),
    }
    parts.join("\n\n")
}

/// Returns `content` behind one line that people open.
pub(super) fn folded(summary: &str, content: &str) -> String {
    format!("<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>")
}

/// Returns how many of the first lines fit into `room`.
pub(super) fn fitting(lines: &[String], room: usize) -> usize {
    let mut taken = 0_usize;
    let fits = |line: &&String| {
        taken = taken.saturating_add(size(line) + 2);
        taken <= room
    };
    lines.iter().take_while(fits).count()
}

/// Returns the warning about tags that look like releases and have moved; empty where there is none.
pub(super) fn releases(lines: &BodyLines, most: usize) -> String {
    let names = &lines.releases;
    let what = match names.len() {
        0 => return String::new(),
        1 => "A tag that looks like a release, which nobody should push twice, has moved",
        _ => "Tags that look like releases, which nobody should push twice, have moved",
    };
    format!("> [!WARNING]\n> {what}: {}. Find out why before you merge.", listed(names, most, code))
}

/// Returns the warning about digests that are on the branch and that the run could not confirm; empty where there are none.
pub(super) fn unconfirmed(lines: &BodyLines, names: usize) -> String {
    if lines.unconfirmed.is_empty() {
        return String::new();
    }
    let what = "> [!WARNING]\n> The last run could not confirm what this branch holds of these images. An earlier one \
                proposed it, or somebody else put it there:";
    format!("{what}{}", quoted(&lines.unconfirmed, names))
}

/// Returns the first lines of a quoted list, and how many there are more.
fn quoted(lines: &[String], most: usize) -> String {
    let mut list: String = lines.iter().take(most).map(|line| format!("\n> - {line}")).collect();
    if lines.len() > most {
        let _ = write!(list, "\n> - and {} more", lines.len() - most);
    }
    list
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
pub(super) fn moves(lines: &BodyLines, names: usize) -> String {
    if lines.moves.is_empty() { String::new() } else { format!("> [!NOTE]{}", quoted(&lines.moves, names)) }
}

pub(super) fn details(
    proposal: &Proposal,
    lines: &BodyLines,
    told: DetailLevel,
    room: usize,
    names: usize,
) -> String {
    let images = &proposal.images;
    let wanted = images.iter().filter_map(|image| image.details.as_ref());
    let known = Completeness {
        known: wanted.clone().filter(|it| Details::is_complete(it)).count(),
        wanted: wanted.clone().count(),
        most: spent(wanted),
    };
    let mut parts = Vec::new();
    if !lines.warnings.is_empty() {
        parts.push(format!("> [!WARNING]{}", quoted(&lines.warnings, names)));
    }
    match told {
        // One image has no need of a fold.
        DetailLevel::Full if images.len() == 1 => {
            parts.push(format!("### What is in it\n\n{}", lines.full.join("\n")));
        }
        DetailLevel::Full if !images.is_empty() => {
            let what = "Full digests, what is in the images, and where they are used";
            parts.push(folded(what, &lines.full.join("\n")));
        }
        DetailLevel::Short => {
            if !lines.short.is_empty() {
                parts.push(folded("What is in the images", &lines.short.join("\n")));
            }
            parts.push(
                "There is no room here for the full digests and all details: the commit has the digests."
                    .to_owned(),
            );
        }
        DetailLevel::Warnings => {
            let shown = fitting(&lines.telling, room);
            if shown > 0 {
                let what = format!("What is in {shown} of the {} images", images.len());
                parts.push(folded(&what, &lines.telling[..shown].join("\n")));
            }
            parts.push(
                "There is no room here for the full digests and for all details: the commit has the digests, and `tagpin \
                 resolve IMAGE:TAG` shows what a registry says of one."
                    .to_owned(),
            );
        }
        DetailLevel::Full => {}
    }
    volatile::details(&parts.join("\n\n"), known)
}

/// Returns how many requests details may cost, where nothing but that is why some are not known.
fn spent<'d>(details: impl Iterator<Item = &'d Details>) -> Option<u64> {
    let missing = |details: &'d Details| [Some(&details.new), details.old.as_ref()].into_iter().flatten();
    let reasons = details.filter(|details| !details.is_complete()).flat_map(missing);
    let mut most = None;
    for description in reasons.filter(|description| !description.is_complete()) {
        match description.missing {
            Some(ResolveError::RateLimited(ref limit)) => most = Some(limit.spent()?),
            _ => return None,
        }
    }
    most
}

/// Returns what a merge does to a running cluster, as far as it is known from here; empty where nothing changes.
pub(super) fn consequences(proposal: &Proposal, body: &BodyLines, names: usize) -> String {
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
    if !body.jobs.is_empty() {
        lines.push(format!(
            "- The template of a Job is immutable: a Job that exists already has to be deleted before it can be applied \
             again. Here: {}.",
            listed(&body.jobs, names, str::to_owned)
        ));
    }
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
