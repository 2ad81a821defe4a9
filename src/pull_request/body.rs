//! The body: the sections in their order, or in a template's, with as much as there is room for.

use super::checkbox::rebuild_box;
use super::parts::Sections;
use super::sections::{self, DetailLevel, size};
use super::{Marker, Proposal, Template};
use crate::forge::Capabilities;

/// How much of what a forge takes is left as a reserve, in characters. Our own count is never too low, see [`size`].
const RESERVE: usize = 536;

const UNWANTED: &str = "### If you do not want this\n\n\
    Exclude the files in the repository's `tagpin.toml`, and the next run leaves them alone:\n\n\
    ```toml\n[policy]\nexclude = [\"examples/**\"]\n```\n\n\
    Closing this pull request without a merge declines these digests: they are not proposed again, other digests of the \
    same tags are. Who changes their mind opens it again.";

const FOOTER: &str = "---\n\nOpened by tagpin. It keeps this text and the branch up to date, and leaves the branch \
    alone once somebody else has committed to it.";

fn cut_note(forge: &Capabilities) -> String {
    format!("*The rest of this text was cut: {} takes {} characters.*", forge.name, grouped(forge.body_max))
}

/// Returns a number with a comma before every three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let chunks: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|chunk| str::from_utf8(chunk).ok()).collect();
    chunks.join(",")
}

#[derive(Clone, Copy)]
struct SpaceBudget {
    told: DetailLevel,
    /// How many characters the table's rows may take.
    rows: usize,
    /// How many characters the list of what was left out may take.
    left_out: usize,
}

/// Returns the body for `proposal`, marker included.
pub fn body(proposal: &Proposal, template: Option<&Template>, forge: &Capabilities) -> String {
    let longest = forge.body_max.saturating_sub(RESERVE);
    let marker = Marker::of(proposal).comment();
    // What has to be said stands outside of any template.
    let (doubt, commit) = (sections::unconfirmed(proposal), sections::commit(proposal));
    let told = |room| {
        let text = text(proposal, room, template);
        let parts = [doubt.as_str(), text.trim(), &commit, &marker];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n"
    };
    let all = SpaceBudget { told: DetailLevel::Full, rows: usize::MAX, left_out: usize::MAX };
    let shorter = [DetailLevel::Short, DetailLevel::Warnings].map(|told| SpaceBudget { told, ..all });
    for room in [all].into_iter().chain(shorter) {
        let body = told(room);
        if size(&body) <= longest {
            return body;
        }
    }
    // What remains when both lists are empty is bounded; a quarter of the room is for what was left out.
    let least = SpaceBudget { told: DetailLevel::Warnings, rows: 0, left_out: 0 };
    let free = longest.saturating_sub(size(&told(least)));
    let left_out = (free / 4).min(size(&sections::left_out_lines(proposal).join("\n")));
    let body = told(SpaceBudget { rows: free - left_out, left_out, ..least });
    if size(&body) <= longest { body } else { cut(&body, &marker, forge) }
}

fn text(proposal: &Proposal, room: SpaceBudget, template: Option<&Template>) -> String {
    let sections = Sections {
        why: proposal.occasion.why(),
        releases: sections::releases(proposal),
        moves: sections::moves(proposal),
        table: sections::table(proposal, room.rows),
        details: sections::details(proposal, room.told),
        left_out: sections::left_out(proposal, room.left_out),
        consequences: sections::consequences(proposal),
        proof: sections::proof(proposal),
        requests: sections::requests(proposal),
        unwanted: UNWANTED.to_owned(),
        rebuild: rebuild_box(),
        footer: FOOTER.to_owned(),
    };
    match template.map(|template| template.render(proposal, &sections)) {
        Some(Ok(text)) => text,
        Some(Err(error)) => {
            // It was tried when it was read: what fails now does not keep the pull request from being opened.
            tracing::warn!(%error, "the template of the body is not used");
            sections.in_order()
        }
        None => sections.in_order(),
    }
}

/// Returns the lines of `body` that have room, with what they left open closed, and the marker.
fn cut(body: &str, marker: &str, forge: &Capabilities) -> String {
    let (longest, note) = (forge.body_max.saturating_sub(RESERVE), cut_note(forge));
    let end = |fences: usize, folds: usize| {
        let fence = if fences % 2 == 1 { "\n```" } else { "" };
        format!("{fence}{}\n\n{note}\n\n{marker}\n", "\n\n</details>".repeat(folds))
    };
    let (mut shown, mut fences, mut folds) = (String::new(), 0, 0_usize);
    for line in body.lines() {
        let is_fence = usize::from(line.trim_start().starts_with("```"));
        let folded =
            (folds + line.matches("<details").count()).saturating_sub(line.matches("</details").count());
        if size(&shown) + size(line) + 2 + size(&end(fences + is_fence, folded)) > longest {
            break;
        }
        shown.push_str(line);
        shown.push('\n');
        (fences, folds) = (fences + is_fence, folded);
    }
    shown.trim_end().to_owned() + &end(fences, folds)
}

#[cfg(test)]
mod tests {
    use super::super::sections::LEFT_OUT;
    use super::super::tests::{change, digest, proposal};
    use super::super::{Omitted, marker, render};
    use super::*;

    fn left(image: &str, detail: Option<&str>) -> Omitted {
        Omitted {
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
            "| `nginx` | `1.27` | first pin | none | `abababababab…` | `index` | `1.yaml`, `2.yaml`, `3.yaml` and 2 more |\n",
            "| `redis` | `7` | moved tag | `010101010101…` | `020202020202…` | `index` | `app/deploy.yaml` |\n",
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
        proposal.left_out = vec![Omitted { file: hostile.to_owned(), ..left(hostile, Some(hostile)) }];
        let (title, body) = render(&proposal);
        assert!(!title.contains(['@', '#', '`', '<', '\n', '|']), "{title}");
        assert_eq!(marker::read(&body), Some(Marker::of(&proposal)));
        assert_eq!(body.matches("<!--").count(), 3, "only our own comments");
        for acting in ["@octocat", "#1 ", "e30= -->"] {
            assert!(!body.contains(acting), "{acting}\n{body}");
        }
        let rows = body.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>();
        assert_eq!(rows.len(), 3, "head, rule and one row\n{body}");
        // Cells end at pipes that no backslash stands before.
        let ends = rows[2].replace("\\|", "").matches('|').count();
        assert_eq!(ends, 8, "{}", rows[2]);
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
            assert!(body.encode_utf16().count() <= 65_536 && size(&body) <= 65_000, "{images} {lefts}");
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
