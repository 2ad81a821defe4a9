//! The body: the sections in their order, or in a template's, with as much as there is room for.

use super::checkbox::rebuild_box;
use super::lines::BodyLines;
use super::parts::Sections;
use super::sections::{self, DetailLevel, size};
use super::{Marker, Occasion, Proposal, Template};
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

/// How many names a warning lists before it counts the rest: fewer where there is no room for so many.
const NAMES: [usize; 3] = [20, 5, 1];

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

/// How much room the parts have that can be shorter.
#[derive(Clone, Copy, Debug)]
struct SpaceBudget {
    told: DetailLevel,
    /// How many characters the table's rows may take.
    rows: usize,
    /// How many characters the list of what was left out may take.
    left_out: usize,
    /// How many characters the details of the most telling images may take, where there is no room for those of all.
    details: usize,
    /// How many names a warning lists.
    names: usize,
}

/// Returns the body for `proposal`, marker included.
pub fn body(proposal: &Proposal, template: Option<&Template>, forge: &Capabilities) -> String {
    BodyText::new(proposal, template, forge).fitting()
}

/// Returns of how many images the body for `proposal` has room to tell more than the digests.
pub(super) fn room_for_details(
    proposal: &Proposal,
    template: Option<&Template>,
    forge: &Capabilities,
) -> usize {
    /// What one line of details takes at least, about.
    const LINE: usize = 300;
    let text = BodyText::new(proposal, template, forge);
    let least = SpaceBudget { told: DetailLevel::Warnings, ..BodyText::ALL };
    text.longest().saturating_sub(size(&text.told(least))) / LINE
}

/// What a body is made of. Its length is measured as it is written, whatever a template makes of the parts.
struct BodyText<'b> {
    proposal: &'b Proposal,
    template: Option<&'b Template>,
    forge: &'b Capabilities,
    lines: BodyLines,
    marker: String,
}

impl<'b> BodyText<'b> {
    fn new(proposal: &'b Proposal, template: Option<&'b Template>, forge: &'b Capabilities) -> Self {
        let (lines, marker) = (BodyLines::of(proposal), Marker::of(proposal).comment());
        Self { proposal, template, forge, lines, marker }
    }
}

impl BodyText<'_> {
    const ALL: SpaceBudget = SpaceBudget {
        told: DetailLevel::Full,
        rows: usize::MAX,
        left_out: usize::MAX,
        details: 0,
        names: NAMES[0],
    };

    fn longest(&self) -> usize {
        self.forge.body_max.saturating_sub(RESERVE)
    }

    fn fits(&self, room: SpaceBudget) -> bool {
        size(&self.told(room)) <= self.longest()
    }

    /// Returns the body that tells the most: all of it, then fewer details, then fewer rows.
    fn fitting(&self) -> String {
        for told in [DetailLevel::Full, DetailLevel::Short] {
            let body = self.told(SpaceBudget { told, ..Self::ALL });
            if size(&body) <= self.longest() {
                return body;
            }
        }
        for names in NAMES {
            let least = SpaceBudget { told: DetailLevel::Warnings, rows: 0, left_out: 0, details: 0, names };
            let Some(free) = self.longest().checked_sub(size(&self.told(least))) else { continue };
            // A quarter of the room is for what was left out, what the rows leave for details.
            let left_out = most(free / 4, |left_out| self.fits(SpaceBudget { left_out, ..least }));
            let room = SpaceBudget { left_out, ..least };
            let rows = most(free, |rows| self.fits(SpaceBudget { rows, ..room }));
            let room = SpaceBudget { rows, ..room };
            let all = SpaceBudget { rows: usize::MAX, left_out: usize::MAX, ..room };
            let room = if self.fits(all) { all } else { room };
            let details = most(free, |details| self.fits(SpaceBudget { details, ..room }));
            return self.told(SpaceBudget { details, ..room });
        }
        let least = SpaceBudget {
            told: DetailLevel::Warnings,
            rows: 0,
            left_out: 0,
            details: 0,
            names: NAMES[NAMES.len() - 1],
        };
        self.cut(&self.text(least))
    }

    /// Returns the body with what has to be said outside of any template.
    fn told(&self, room: SpaceBudget) -> String {
        let text = self.text(room);
        self.framed(text.trim(), room.names)
    }

    fn framed(&self, text: &str, names: usize) -> String {
        let (doubt, commit) = (sections::unconfirmed(&self.lines, names), sections::commit(self.proposal));
        let parts = [doubt.as_str(), text, &commit, &self.marker];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn text(&self, room: SpaceBudget) -> String {
        let SpaceBudget { told, rows, left_out, details, names } = room;
        let Self { proposal, lines, .. } = self;
        let sections = Sections {
            why: proposal.occasion.why(),
            releases: sections::releases(lines, names),
            moves: sections::moves(lines, names),
            table: sections::table(proposal, lines, rows),
            details: sections::details(proposal, lines, told, details, names),
            left_out: lines.left_out.section(left_out),
            consequences: sections::consequences(proposal, lines, names),
            proof: sections::proof(proposal),
            requests: sections::requests(proposal),
            unwanted: UNWANTED.to_owned(),
            rebuild: rebuild_box(),
            footer: FOOTER.to_owned(),
        };
        let is_asked_for = proposal.occasion != Occasion::Tags;
        match self.template.map(|template| template.render(proposal, &sections)) {
            Some(Ok(text)) => text,
            Some(Err(error)) => {
                // It was tried when it was read: what fails now does not keep the pull request from being opened.
                tracing::warn!(%error, "the template of the body is not used");
                sections.in_order(is_asked_for)
            }
            None => sections.in_order(is_asked_for),
        }
    }

    /// Returns the lines of `text` that have room, with what they left open closed, and the box and the footer behind them.
    fn cut(&self, text: &str) -> String {
        let controls = rebuild_box();
        let end = |fences: usize, folds: usize| {
            let fence = if fences % 2 == 1 { "\n```" } else { "" };
            let folds = "\n\n</details>".repeat(folds);
            format!("{fence}{folds}\n\n{}\n\n{controls}\n\n{FOOTER}", cut_note(self.forge))
        };
        let frame = size(&self.framed("", NAMES[NAMES.len() - 1]));
        let (mut shown, mut fences, mut folds) = (String::new(), 0, 0_usize);
        for line in text.trim().lines().filter(|line| *line != controls) {
            let is_fence = usize::from(line.trim_start().starts_with("```"));
            let folded =
                (folds + line.matches("<details").count()).saturating_sub(line.matches("</details").count());
            let taken = frame + size(&shown) + size(line) + size(&end(fences + is_fence, folded)) + 8;
            if taken > self.longest() {
                break;
            }
            shown.push_str(line);
            shown.push('\n');
            (fences, folds) = (fences + is_fence, folded);
        }
        let text = shown.trim_end().to_owned() + &end(fences, folds);
        self.framed(text.trim(), NAMES[NAMES.len() - 1])
    }
}

/// Returns the largest number up to `limit` that `fits`, where every smaller one does, too.
fn most(limit: usize, fits: impl Fn(usize) -> bool) -> usize {
    if fits(limit) {
        return limit;
    }
    let (mut low, mut high) = (0, limit.saturating_sub(1));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::super::left_out::SHOWN;
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
            "1 image gets its first digest and 2 tags have moved, in 1 file.\n\n| Image |",
            "| `nginx:1.27` | first pin | `1.yaml`, `2.yaml` and 3 more | none | `abababababab…` |\n",
            "| `redis:7` | moved tag | `app/deploy.yaml` | `010101010101…` | `020202020202…` |\n",
            "| `redis:8` | moved tag, `linux/arm64` | `app/deploy.yaml` | `030303030303…` | `040404040404…` |\n",
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
        let mut one = change(hostile, hostile, Some(1), 2);
        (one.files, one.platforms) = (vec![hostile.to_owned()], hostile.to_owned());
        let alone = render(&proposal(vec![one.clone()])).1;
        assert!(
            alone.contains("**``a` |") && !alone.contains("@octocat") && !alone.contains("#1 "),
            "{alone}"
        );
        let mut proposal = proposal(vec![one, change("redis", "7", None, 3)]);
        proposal.left_out = vec![Omitted { file: hostile.to_owned(), ..left(hostile, Some(hostile)) }];
        let (title, body) = render(&proposal);
        assert!(!title.contains(['@', '#', '`', '<', '\n', '|']), "{title}");
        assert_eq!(marker::read(&body), Some(Marker::of(&proposal)));
        assert_eq!(body.matches("<!--").count(), 3, "only our own comments");
        for acting in ["@octocat", "#1 ", "e30= -->"] {
            assert!(!body.contains(acting), "{acting}\n{body}");
        }
        let rows = body.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>();
        assert_eq!(rows.len(), 4, "head, rule and two rows\n{body}");
        // Cells end at pipes that no backslash stands before.
        let ends = rows[2].replace("\\|", "").matches('|').count();
        assert_eq!(ends, 6, "{}", rows[2]);
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
            let hidden = if images == 1 { 0 } else { images - rows };
            if hidden > 0 {
                assert!(
                    rows > 20 && body.contains(&format!("{hidden} more rows are not shown")),
                    "{images} {lefts} {rows}"
                );
            }
            if lefts >= SHOWN {
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
        assert!(render(&many(50)).1.contains("<summary>Full digests"));
        let body = render(&many(250)).1;
        assert!(!body.contains("<summary>Full digests") && !body.contains("not shown"));
        assert_eq!(body.lines().filter(|line| line.starts_with("| `image")).count(), 250);
    }
}
