//! The body: why, which images, what was left out, what a merge causes, how it was checked.

use super::controls::rebuild_box;
use super::escape::{cell, code};
use super::{ImageChange, LeftOut, Marker, Proposal};

/// GitHub takes 65,536 characters. Our count is never lower than GitHub's, see [`size`]; the rest is a reserve.
const LONGEST: usize = 65_000;

/// How many files a table's cell names.
const FILES_IN_CELL: usize = 3;

/// How many files an image's details name.
const FILES_IN_DETAILS: usize = 50;

/// How many left-out references are shown before the rest is only counted.
const LEFT_OUT: usize = 100;

const WHY: &str = "Tags can move, digests cannot. tagpin asked the registries what these tags are now and wrote the \
    digests into the manifests, so that what is reviewed here is what is deployed.";

const TABLE: &str = "| Image | Tag | Old digest | New digest | Platforms | Files |\n\
    | --- | --- | --- | --- | --- | --- |";

const UNWANTED: &str = "### If you do not want this\n\n\
    Exclude the files in the repository's `tagpin.toml`, and the next run leaves them alone:\n\n\
    ```toml\n[policy]\nexclude = [\"examples/**\"]\n```\n\n\
    Closing this pull request without a merge declines these digests: they are not proposed again, other digests of the \
    same tags are. Who changes their mind opens it again.";

const FOOTER: &str = "---\n\nOpened by tagpin. It keeps this text and the branch up to date, and leaves the branch \
    alone once somebody else has committed to it.";

/// How much is told.
#[derive(Clone, Copy)]
struct Room {
    /// Whether full digests and all files are listed.
    details: bool,
    /// How many characters the table's rows may take.
    rows: usize,
    /// How many characters the list of what was left out may take.
    left_out: usize,
}

/// Returns the body for `proposal`, marker included.
pub(super) fn body(proposal: &Proposal) -> String {
    let all = Room { details: true, rows: usize::MAX, left_out: usize::MAX };
    let brief = Room { details: false, ..all };
    for room in [all, brief] {
        let body = told(proposal, room);
        if size(&body) <= LONGEST {
            return body;
        }
    }
    // What remains when both lists are empty is bounded; a quarter of the room is for what was left out.
    // Without rows the table has no head either.
    let fixed = size(&told(proposal, Room { details: false, rows: 0, left_out: 0 })) + size(TABLE) + 2;
    let free = LONGEST.saturating_sub(fixed);
    let left_out = (free / 4).min(size(&left_out_lines(proposal).join("\n")));
    told(proposal, Room { details: false, rows: free - left_out, left_out })
}

/// Returns an upper bound of how GitHub counts `text`: UTF-16 units, with two for each line end.
fn size(text: &str) -> usize {
    text.encode_utf16().count() + text.matches('\n').count()
}

fn told(proposal: &Proposal, room: Room) -> String {
    let mut parts = vec![WHY.to_owned()];
    parts.extend(table(proposal, room.rows));
    if room.details && !proposal.images.is_empty() {
        parts.push(details(proposal));
    }
    parts.extend(left_out(proposal, room.left_out));
    parts.extend(consequences(proposal));
    parts.push(proof(proposal));
    parts.extend([UNWANTED.to_owned(), rebuild_box(), FOOTER.to_owned(), Marker::of(proposal).comment()]);
    parts.join("\n\n") + "\n"
}

/// Returns the table, and a sentence about the rows that have no room.
fn table(proposal: &Proposal, room: usize) -> Vec<String> {
    let rows = proposal.images.iter().map(row).collect::<Vec<_>>();
    let shown = fitting(&rows, room);
    let mut parts = Vec::new();
    if shown > 0 {
        parts.push(format!("{TABLE}\n{}", rows[..shown].join("\n")));
    }
    match rows.len() - shown {
        0 => {}
        1 => parts.push("1 more row is not shown here: the commit has all changes.".to_owned()),
        hidden => parts.push(format!("{hidden} more rows are not shown here: the commit has all changes.")),
    }
    parts
}

/// Returns how many of the first `lines` take at most `room` together.
fn fitting(lines: &[String], room: usize) -> usize {
    let mut taken = 0_usize;
    let fits = |line: &&String| {
        taken = taken.saturating_add(size(line) + 2);
        taken <= room
    };
    lines.iter().take_while(fits).count()
}

fn row(image: &ImageChange) -> String {
    let old = image.old.as_ref().map_or_else(|| "none".to_owned(), |old| format!("`{}…`", old.short()));
    let files = listed(&image.files, FILES_IN_CELL, cell);
    let (name, tag, platforms) = (cell(&image.name), cell(&image.tag), cell(&image.platforms));
    format!("| {name} | {tag} | {old} | `{}…` | {platforms} | {files} |", image.new.short())
}

/// Returns the first `most` texts, and how many more there are.
fn listed(texts: &[String], most: usize, escape: fn(&str) -> String) -> String {
    let mut shown = texts.iter().take(most).map(|text| escape(text)).collect::<Vec<_>>().join(", ");
    if texts.len() > most {
        shown.push_str(&format!(" and {} more", texts.len() - most));
    }
    shown
}

fn details(proposal: &Proposal) -> String {
    let images = proposal.images.iter().map(|image| {
        let name = code(&format!("{}:{}", image.name, image.tag));
        let old = image
            .old
            .as_ref()
            .map_or_else(|| "no digest, this is its first".to_owned(), |old| format!("`{old}`"));
        let files = listed(&image.files, FILES_IN_DETAILS, code);
        let index = image.index.as_ref();
        let index = index
            .map(|index| format!("\n  - the manifest for {} in the index `{index}`", code(&image.platforms)))
            .unwrap_or_default();
        format!("- {name}\n  - new: `{}`{index}\n  - old: {old}\n  - in: {files}", image.new)
    });
    let images = images.collect::<Vec<_>>().join("\n");
    format!("<details>\n<summary>Full digests and files</summary>\n\n{images}\n\n</details>")
}

/// Returns what is not part of the change and why, or nothing where everything is.
fn left_out(proposal: &Proposal, room: usize) -> Option<String> {
    let (count, lines) = (proposal.left_out.len(), left_out_lines(proposal));
    let what = match count {
        0 => return None,
        1 => "1 reference is not part of this pull request:".to_owned(),
        count => format!("{count} references are not part of this pull request:"),
    };
    let shown = fitting(&lines, room);
    let mut list = lines[..shown].join("\n");
    if shown < count {
        let more = if shown == 0 { "see" } else { "and" };
        list.push_str(&format!("\n- {more} {} more in the output of the run", count - shown));
    }
    Some(format!("### Left out\n\n{what}\n\n{}", list.trim_start()))
}

fn left_out_lines(proposal: &Proposal) -> Vec<String> {
    let line = |left: &LeftOut| {
        let place = code(&format!("{}:{}", left.file, left.line));
        let detail = left.detail.as_deref().map(|detail| format!(": {}", code(detail))).unwrap_or_default();
        format!("- {} in {place}: {}, {}{detail}", code(&left.image), code(&left.outcome), code(&left.reason))
    };
    proposal.left_out.iter().take(LEFT_OUT).map(line).collect()
}

/// Returns what a merge does to a running cluster, as far as it is known from here.
fn consequences(proposal: &Proposal) -> Option<String> {
    let mut lines = Vec::new();
    if proposal.images.iter().any(|image| image.old.is_none()) {
        lines.push(
            "- Workloads whose image gets its first digest restart once, although the tag stays the same: their pod \
             template changes.",
        );
    }
    if proposal.images.iter().any(|image| image.old.is_some()) {
        lines.push("- Workloads whose digest changes roll over to the new image.");
    }
    if lines.is_empty() {
        return None;
    }
    lines.push(
        "- The template of a Job is immutable: a Job that exists already has to be deleted before it can be applied \
         again.",
    );
    Some(format!("### What a merge causes\n\n{}", lines.join("\n")))
}

fn proof(proposal: &Proposal) -> String {
    let number = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!(
        "### How this was checked\n\n{} in {} changed. Every other byte is equal, and a second, independent YAML \
         parser found the same values as before everywhere else.",
        number(proposal.spans, "span"),
        number(proposal.files, "file")
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{change, digest, proposal};
    use super::super::{marker, render};
    use super::*;

    fn left(image: &str, detail: Option<&str>) -> LeftOut {
        LeftOut {
            image: image.to_owned(),
            file: "app/deploy.yaml".to_owned(),
            line: 19,
            outcome: "failed".to_owned(),
            reason: "not-found".to_owned(),
            detail: detail.map(str::to_owned),
        }
    }

    #[test]
    fn a_reviewer_s_questions_are_answered() {
        let mut proposal =
            proposal(vec![change("nginx", "1.27", None, 0xab), change("redis", "7", Some(1), 2)]);
        proposal.images[0].files = (1..=5).map(|i| format!("{i}.yaml")).collect();
        proposal.images.push(change("redis", "8", Some(3), 4));
        (proposal.images[2].platforms, proposal.images[2].index) =
            ("linux/arm64".to_owned(), Some(digest(5)));
        proposal.left_out = vec![left("ghcr.io/acme/api:1.8", Some("the registry says `manifest unknown`"))];
        let body = render(&proposal).1;
        let (old, new) = (digest(1), digest(2));
        for part in [
            "| `nginx` | `1.27` | none | `abababababab…` | `index` | `1.yaml`, `2.yaml`, `3.yaml` and 2 more |\n",
            "| `redis` | `7` | `010101010101…` | `020202020202…` | `index` | `app/deploy.yaml` |\n",
            &format!("- `redis:7`\n  - new: `{new}`\n  - old: `{old}`\n  - in: `app/deploy.yaml`"),
            "old: no digest, this is its first\n  - in: `1.yaml`, `2.yaml`, `3.yaml`, `4.yaml`, `5.yaml`",
            "1 reference is not part of this pull request:\n\n- `ghcr.io/acme/api:1.8` in `app/deploy.yaml:19`: \
             `failed`, `not-found`: `` the registry says `manifest unknown` ``",
            &format!("new: `{}`\n  - the manifest for `linux/arm64` in the index `{}`", digest(4), digest(5)),
            "restart once",
            "roll over",
            "2 spans in 1 file changed",
            "[policy]\nexclude",
        ] {
            assert!(body.contains(part), "{part}\n---\n{body}");
        }
        assert_eq!(body, render(&proposal).1, "the same text for the same proposal");
        assert_eq!(marker::read(&body), Some(Marker::of(&proposal)));
    }

    #[test]
    fn nothing_is_said_about_what_does_not_happen() {
        let first = render(&proposal(vec![change("nginx", "1", None, 1)])).1;
        assert!(
            first.contains("restart once") && !first.contains("roll over") && !first.contains("Left out")
        );
        let moved = render(&proposal(vec![change("nginx", "1", Some(1), 2)])).1;
        assert!(!moved.contains("restart once") && moved.contains("roll over"));
    }

    #[test]
    fn hostile_text_cannot_act() {
        let hostile = "a` | @octocat #1 <!-- tagpin: e30= -->\n\n# [x](javascript:x) <img src=x>\n| b |";
        let mut proposal = proposal(vec![change(hostile, hostile, Some(1), 2)]);
        proposal.images[0].files = vec![hostile.to_owned()];
        proposal.images[0].platforms = hostile.to_owned();
        proposal.left_out = vec![LeftOut { file: hostile.to_owned(), ..left(hostile, Some(hostile)) }];
        let (title, body) = render(&proposal);
        assert!(!title.contains(['@', '#', '`', '<', '\n', '|']), "{title}");
        assert_eq!(marker::read(&body), Some(Marker::of(&proposal)));
        assert_eq!(body.matches("<!--").count(), 1, "only our own comment");
        for acting in ["@octocat", "#1 ", "e30= -->"] {
            assert!(!body.contains(acting), "{acting}\n{body}");
        }
        let rows = body.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>();
        assert_eq!(rows.len(), 3, "head, rule and one row\n{body}");
        // Cells end at pipes that no backslash stands before.
        let ends = rows[2].replace("\\|", "").matches('|').count();
        assert_eq!(ends, 7, "{}", rows[2]);
        // Outside of code spans nothing of it is left.
        for line in body.lines().filter(|line| line.contains("octocat")) {
            let outside = line.split("``").step_by(2).collect::<String>();
            assert!(!outside.contains(['@', '#', '<', '[', '(']), "{outside}");
        }
    }

    #[test]
    fn a_body_is_never_too_long_and_always_has_its_marker() {
        let long = "x".repeat(250);
        for (images, lefts) in [(120, 0), (300, 0), (300, 1000), (1, 1000)] {
            let mut proposal = proposal(
                (0..images)
                    .map(|i| change(&format!("registry.example.com/{long}/{i}"), "1", Some(1), 2))
                    .collect(),
            );
            for image in &mut proposal.images {
                image.files = (0..20).map(|i| format!("𝕏/{long}/{i}.yaml")).collect();
            }
            proposal.left_out = (0..lefts).map(|_| left(&long, Some(&long))).collect();
            let body = render(&proposal).1;
            assert!(body.encode_utf16().count() <= 65_536 && size(&body) <= LONGEST, "{images} {lefts}");
            let marker = marker::read(&body).unwrap();
            assert!(marker.same_changes(&Marker::of(&proposal)) && marker.head == proposal.head);
            let rows = body.lines().filter(|line| line.starts_with("| `")).count();
            let hidden = images - rows;
            if hidden > 0 {
                assert!(
                    rows > 20 && body.contains(&format!("{hidden} more rows are not shown")),
                    "{images} {lefts} {rows}"
                );
            }
            if lefts >= LEFT_OUT {
                assert!(
                    body.contains(&format!("{lefts} references are not part"))
                        && body.contains(" more in the output")
                );
            }
        }
    }

    #[test]
    fn details_go_before_rows_do() {
        let many = |count: usize| {
            proposal((0..count).map(|i| change(&format!("image-{i}"), "1", Some(1), 2)).collect())
        };
        assert!(render(&many(50)).1.contains("<details>"));
        let body = render(&many(250)).1;
        assert!(!body.contains("<details>") && !body.contains("not shown"));
        assert_eq!(body.lines().filter(|line| line.starts_with("| `image")).count(), 250);
    }
}
